#include "dataplane/view.h"

#include <stdlib.h>

#include "dataplane/session.h"

struct fama_view *fama_view_create(uint32_t peer_count, uint32_t channel_count)
{
    if (peer_count > FAMA_PEERS_MAX || channel_count > FAMA_CHANNELS_MAX) {
        return NULL;
    }
    struct fama_view *view = calloc(1, sizeof(*view));
    if (view == NULL) {
        return NULL;
    }
    /* One more than needed, so that an empty list is not mistaken for failure. */
    view->peers = calloc((size_t)peer_count + 1, sizeof(*view->peers));
    view->channels = calloc((size_t)channel_count + 1, sizeof(*view->channels));
    if (view->peers == NULL || view->channels == NULL) {
        fama_view_destroy(view);
        return NULL;
    }
    view->peer_count = peer_count;
    view->channel_count = channel_count;
    return view;
}

bool fama_view_channel_size(struct fama_view_channel *channel, uint32_t targets, uint32_t members)
{
    if (targets > FAMA_PEERS_MAX || members > FAMA_PEERS_MAX) {
        return false;
    }
    channel->targets = calloc((size_t)targets + 1, sizeof(*channel->targets));
    channel->members = calloc((size_t)members + 1, sizeof(*channel->members));
    if (channel->targets == NULL || channel->members == NULL) {
        free(channel->targets);
        free(channel->members);
        channel->targets = NULL;
        channel->members = NULL;
        return false;
    }
    channel->target_count = targets;
    channel->member_count = members;
    return true;
}

bool fama_view_sessions_size(struct fama_view *view, uint32_t sessions)
{
    if (sessions > FAMA_SESSIONS_MAX) {
        return false;
    }
    view->sessions = calloc((size_t)sessions + 1, sizeof(struct fama_session *));
    view->session_count = view->sessions != NULL ? sessions : 0;
    return view->sessions != NULL;
}

void fama_view_destroy(struct fama_view *view)
{
    if (view == NULL) {
        return;
    }
    for (uint32_t i = 0; i < view->peer_count; i++) {
        fama_identity_release(view->peers[i].identity);
    }
    for (uint32_t i = 0; i < view->channel_count; i++) {
        free(view->channels[i].targets);
        free(view->channels[i].members);
        fama_roster_free(&view->channels[i].now);
        fama_roster_free(&view->channels[i].before);
        for (uint32_t j = 0; j < view->channels[i].key_count; j++) {
            fama_channel_key_release(view->channels[i].keys[j]);
        }
    }
    for (uint32_t i = 0; i < view->session_count; i++) {
        fama_session_release(view->sessions[i]);
    }
    free(view->sessions);
    if (view->msp != NULL) {
        fama_msp_release(view->msp);
    }
    free(view->peers);
    free(view->channels);
    free(view);
}

/* ---- Sealing ---- */

/* A peer's tag and where it stood before sorting. */
struct placed {
    fama_tag tag;
    uint32_t before;
};

static int placed_order(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;
    return (a->tag > b->tag) - (a->tag < b->tag);
}

static int channel_order(const void *left, const void *right)
{
    const struct fama_view_channel *a = left;
    const struct fama_view_channel *b = right;
    return (a->tag > b->tag) - (a->tag < b->tag);
}

static int index_order(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Sorts the peers; after[i] becomes where the peer that stood at i stands now. */
static bool sort_peers(struct fama_view *view, uint32_t *after)
{
    size_t count = view->peer_count;
    struct placed *placed = calloc(count + 1, sizeof(*placed));
    struct fama_view_peer *sorted = calloc(count + 1, sizeof(*sorted));
    bool is_good = placed != NULL && sorted != NULL;
    if (is_good) {
        for (uint32_t i = 0; i < count; i++) {
            placed[i] = (struct placed){.tag = view->peers[i].tag, .before = i};
        }
        qsort(placed, count, sizeof(*placed), placed_order);
        for (uint32_t i = 0; i < count; i++) {
            sorted[i] = view->peers[placed[i].before];
            after[placed[i].before] = i;
            is_good = is_good && (i == 0 || placed[i].tag != placed[i - 1].tag);
        }
        memcpy(view->peers, sorted, count * sizeof(*sorted));
    }
    free(placed);
    free(sorted);
    return is_good;
}

/* Rewrites a list of indices after the peers were sorted. */
static bool renumber(uint32_t *list, uint32_t list_count, const uint32_t *after,
                     uint32_t peer_count)
{
    for (uint32_t i = 0; i < list_count; i++) {
        if (list[i] >= peer_count) {
            return false;
        }
        list[i] = after[list[i]];
    }
    return true;
}

static bool sort_list(uint32_t *list, uint32_t list_count)
{
    if (list_count == 0) {
        return true;
    }
    qsort(list, list_count, sizeof(*list), index_order);
    for (uint32_t i = 1; i < list_count; i++) {
        if (list[i] == list[i - 1]) {
            return false;
        }
    }
    return true;
}

static int session_order(const void *left, const void *right)
{
    uint64_t a = fama_session_id(*(struct fama_session *const *)left);
    uint64_t b = fama_session_id(*(struct fama_session *const *)right);
    return (a > b) - (a < b);
}

static bool sort_sessions(struct fama_view *view)
{
    for (uint32_t i = 0; i < view->session_count; i++) {
        if (view->sessions[i] == NULL) {
            return false;
        }
    }
    if (view->session_count > 1) {
        qsort(view->sessions, view->session_count, sizeof(struct fama_session *), session_order);
    }
    for (uint32_t i = 1; i < view->session_count; i++) {
        if (fama_session_id(view->sessions[i]) == fama_session_id(view->sessions[i - 1])) {
            return false;
        }
    }
    return true;
}

static bool seal_channels(struct fama_view *view, const uint32_t *after)
{
    qsort(view->channels, view->channel_count, sizeof(*view->channels), channel_order);
    for (uint32_t i = 0; i < view->channel_count; i++) {
        struct fama_view_channel *channel = &view->channels[i];
        if ((i > 0 && channel->tag == view->channels[i - 1].tag) ||
            channel->index >= FAMA_CHANNELS_MAX || channel->gate == NULL ||
            !renumber(channel->targets, channel->target_count, after, view->peer_count) ||
            !renumber(channel->members, channel->member_count, after, view->peer_count) ||
            !sort_list(channel->targets, channel->target_count) ||
            !sort_list(channel->members, channel->member_count)) {
            return false;
        }
    }
    return true;
}

/* The targets, which are in order, with ourselves put in where we belong. */
static bool make_roster(const struct fama_view *view, struct fama_view_channel *channel)
{
    struct fama_roster *roster = &channel->now;
    if (!fama_roster_size(roster, channel->target_count + 1)) {
        return false;
    }
    uint32_t filled = 0;
    bool is_self_in = false;
    for (uint32_t i = 0; i <= channel->target_count; i++) {
        bool is_end = i == channel->target_count;
        fama_tag tag = is_end ? view->self : view->peers[channel->targets[i]].tag;
        if (!is_self_in && (is_end || tag >= view->self)) {
            roster->tags[filled] = view->self;
            roster->peers[filled++] = FAMA_ROSTER_NOT_A_PEER;
            is_self_in = true;
        }
        if (tag != view->self) {
            roster->tags[filled] = tag;
            roster->peers[filled++] = channel->targets[i];
        }
    }
    roster->count = filled;
    fama_roster_name(roster);
    return true;
}

bool fama_view_seal(struct fama_view *view)
{
    uint32_t *after = calloc((size_t)view->peer_count + 1, sizeof(*after));
    if (after == NULL) {
        return false;
    }
    bool is_good = sort_peers(view, after) && seal_channels(view, after) && sort_sessions(view);
    free(after);
    for (uint32_t i = 0; i < view->channel_count && is_good; i++) {
        is_good = make_roster(view, &view->channels[i]);
    }
    return is_good;
}

/* The same members; their places among the peers are this view's. */
static void carry_over(const struct fama_view *view, const struct fama_roster *from,
                       struct fama_roster *to)
{
    if (from->view_id == 0 || !fama_roster_size(to, from->count)) {
        return;
    }
    uint32_t at = 0; /* both are in order: one walk through the peers finds all */
    for (uint32_t i = 0; i < from->count; i++) {
        fama_tag tag = from->tags[i];
        while (at < view->peer_count && view->peers[at].tag < tag) {
            at++;
        }
        bool is_found = at < view->peer_count && view->peers[at].tag == tag && tag != view->self;
        to->tags[i] = tag;
        to->peers[i] = is_found ? at : FAMA_ROSTER_NOT_A_PEER;
    }
    to->view_id = from->view_id;
}

void fama_view_follow(struct fama_view *view, const struct fama_view *before)
{
    for (uint32_t i = 0; i < view->channel_count && before != NULL; i++) {
        struct fama_view_channel *channel = &view->channels[i];
        const struct fama_view_channel *old = fama_view_channel(before, channel->tag);
        if (old != NULL) {
            bool is_same = old->now.view_id == channel->now.view_id;
            carry_over(view, is_same ? &old->before : &old->now, &channel->before);
        }
    }
}

/* ---- Searching ---- */

const struct fama_view_peer *fama_view_peer(const struct fama_view *view, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = view->peer_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (view->peers[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < view->peer_count && view->peers[low].tag == tag ? &view->peers[low] : NULL;
}

const struct fama_view_channel *fama_view_channel(const struct fama_view *view, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = view->channel_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (view->channels[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < view->channel_count && view->channels[low].tag == tag ? &view->channels[low]
                                                                       : NULL;
}

const struct fama_channel_key *fama_view_channel_key(const struct fama_view_channel *channel,
                                                     fama_tag maker, uint32_t epoch)
{
    for (uint32_t i = 0; i < channel->key_count; i++) {
        if (channel->keys[i]->epoch == epoch && channel->keys[i]->maker == maker) {
            return channel->keys[i];
        }
    }
    return NULL;
}

struct fama_session *fama_view_session(const struct fama_view *view, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = view->session_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (fama_session_id(view->sessions[middle]) < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < view->session_count && fama_session_id(view->sessions[low]) == id
               ? view->sessions[low]
               : NULL;
}

bool fama_view_is_member(const struct fama_view *view, const struct fama_view_channel *channel,
                         fama_tag tag)
{
    const struct fama_view_peer *peer = fama_view_peer(view, tag);
    if (peer == NULL) {
        return false;
    }
    uint32_t wanted = (uint32_t)(peer - view->peers);
    uint32_t low = 0;
    uint32_t high = channel->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (channel->members[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < channel->member_count && channel->members[low] == wanted;
}
