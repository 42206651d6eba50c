/* Builds what the packet threads may know from membership and channels, and publishes it. */
#include "controlplane/log.h"
#include "controlplane/node_state.h"

static void fill_peers(const struct fama_node *node, struct fama_view *view)
{
    uint64_t now_ns = fama_node_now_ns();
    for (uint32_t i = 0; i < view->peer_count; i++) {
        const struct fama_member *member = fama_membership_at(node->membership, i);
        struct fama_view_peer *peer = &view->peers[i];
        peer->tag = member->tag;
        memcpy(peer->pki_id, member->pki_id, sizeof(peer->pki_id));
        peer->endpoint = member->endpoint;
        peer->identity = fama_identity_acquire(member->identity);
        peer->is_alive = member->state == FAMA_PEER_ALIVE;
        peer->is_unproved =
            !fama_address_proofs_is_proved(node->addresses, now_ns, member->tag, &member->endpoint);
    }
}

/* Counts first, then fills: lists in a view have exactly the room they need. */
static bool fill_channel(const struct fama_node_channel *from, const struct fama_view *view,
                         struct fama_view_channel *channel)
{
    channel->tag = fama_channel_tag(from->channel);
    memcpy(channel->digest, fama_channel_digest_of(from->channel), sizeof(channel->digest));
    channel->index = fama_channel_index(from->channel);
    channel->gate = fama_channel_gate(from->channel);
    channel->key_count = fama_channel_keys_list(from->push.keys, channel->keys);
    uint32_t targets = 0;
    uint32_t members = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && !fama_view_channel_size(channel, targets, members)) {
            return false;
        }
        targets = 0;
        members = 0;
        for (uint32_t i = 0; i < view->peer_count; i++) {
            const struct fama_channel_member *member =
                fama_channel_members_find(from->members, view->peers[i].tag);
            if (member == NULL || member->has_left) {
                continue;
            }
            if (pass == 1) {
                channel->members[members] = i;
            }
            members++;
            if (view->peers[i].is_alive) {
                if (pass == 1) {
                    channel->targets[targets] = i;
                }
                targets++;
            }
        }
    }
    return true;
}

static void count_session(void *context, struct fama_session *session, bool is_preferred)
{
    (void)session;
    (void)is_preferred;
    (*(uint32_t *)context)++;
}

static void list_session(void *context, struct fama_session *session, bool is_preferred)
{
    (void)is_preferred;
    struct fama_session ***place = context;
    *(*place)++ = fama_session_acquire(session);
}

static bool fill_sessions(const struct fama_node *node, struct fama_view *view)
{
    uint32_t count = 0;
    fama_sessions_each(node->sessions, count_session, &count);
    if (!fama_view_sessions_size(view, count)) {
        return false;
    }
    struct fama_session **place = view->sessions;
    fama_sessions_each(node->sessions, list_session, &place);
    return true;
}

void fama_node_publish_view(struct fama_node *node)
{
    uint32_t peers = fama_membership_count(node->membership);
    struct fama_view *view = fama_view_create(peers, node->channel_count);
    if (view == NULL) {
        fama_failure("node", "no memory for a view of %u peers: packet threads keep the old one",
                     peers);
        return;
    }
    view->self = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer)));
    view->msp = fama_msp_acquire(node->msp);
    bool is_whole = fill_sessions(node, view);
    fill_peers(node, view);
    for (uint32_t i = 0; i < node->channel_count && is_whole; i++) {
        is_whole = fill_channel(&node->channels[i], view, &view->channels[i]);
    }
    if (!is_whole || !fama_view_seal(view)) {
        fama_failure("node", "the member view could not be built: packet threads keep the old one");
        fama_view_destroy(view);
        return;
    }
    fama_dataplane_publish(node->dataplane, view);
    node->view_pace.is_stale = false;
    node->view_pace.is_urgent = false;
}
