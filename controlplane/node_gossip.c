/* Carries messages between the dataplane and the protocol objects: signs what they want said, hands them
 * what was heard. All decisions are theirs. */
#include <stdlib.h>

#include "controlplane/log.h"
#include "controlplane/node_state.h"
#include "controlplane/parity.h"

#define STATEINFO_PAUSE_NS        100000000u /* between two statements of a small organisation */
#define STATEMENTS_PASSED_ON      2 /* at most, of a member and a channel in one publication interval */
#define STATEINFO_PAUSE_MEMBER_NS 10000000u /* more for each living member, so that they stay few */
#define PARITY_PAUSE_NS           100000000u
#define WELCOMES                  32 /* members of a channel that answer a newcomer at once */

/* ---- Saying ---- */

static size_t sign_message(struct fama_node *node, enum fama_kind kind, uint64_t sequence,
                           struct fama_bytes body, uint8_t *datagram, size_t size)
{
    const uint8_t *pki_id = fama_identity_pki_id(fama_signer_identity(node->signer));
    struct fama_message message = {
        .kind = kind,
        .author = fama_tag_of(pki_id),
        .incarnation = node->incarnation,
        .sequence = sequence,
        .body = body,
    };
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    fama_wire_message_digest(&message, pki_id, digest);
    if (fama_signer_sign_digest(node->signer, digest, &signature) != 0) {
        fama_failure("gossip", "signing failed: nothing can be said until the node is restarted");
        return 0;
    }
    fama_signature_to_raw(&signature, message.signature);
    return fama_wire_message_write(&message, datagram, size);
}

static void send_datagram(struct fama_node *node, enum fama_address_use use,
                          struct fama_bytes datagram, const struct fama_node_target *targets,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count && datagram.len > 0; i++) {
        if (fama_node_may_send(node, &targets[i], use, datagram.len)) {
            /* A full ring means a busy moment; gossip repeats itself. */
            (void)fama_dataplane_send(node->dataplane, &targets[i].endpoint, datagram);
        }
    }
}

static void send_signed(struct fama_node *node, enum fama_kind kind, struct fama_bytes body,
                        const struct fama_node_target *targets, uint32_t count)
{
    enum fama_address_use use =
        kind == FAMA_KIND_DIGEST ? FAMA_ADDRESS_DIGEST : FAMA_ADDRESS_STATEINFO;
    uint8_t datagram[FAMA_ALIVE_DATAGRAM_MAX];
    uint64_t sequence = fama_membership_next_sequence(node->membership);
    size_t len = sign_message(node, kind, sequence, body, datagram, sizeof(datagram));
    send_datagram(node, use, fama_bytes(datagram, len), targets, count);
}

static void send_alive(struct fama_node *node, uint64_t sequence,
                       const struct fama_node_target *target)
{
    if (node->alive_len == 0 || node->alive_sequence != sequence) {
        struct fama_identity *self = fama_signer_identity(node->signer);
        struct fama_alive alive = {
            .endpoint = node->config->endpoint,
            .mspid = fama_bytes_of_text(fama_identity_mspid(self)),
            .id_bytes = fama_identity_id_bytes(self),
        };
        uint8_t body[FAMA_ALIVE_DATAGRAM_MAX];
        size_t len = fama_wire_alive_write(&alive, body, sizeof(body));
        node->alive_len = sign_message(node, FAMA_KIND_ALIVE, sequence, fama_bytes(body, len),
                                       node->alive, sizeof(node->alive));
        node->alive_sequence = sequence;
    }
    send_datagram(node, FAMA_ADDRESS_OWN_ALIVE, fama_bytes(node->alive, node->alive_len), target,
                  1);
}

static void send_digest(struct fama_node *node, const struct fama_digest *digest,
                        const struct fama_node_target *target)
{
    uint8_t body[FAMA_ALIVE_DATAGRAM_MAX];
    size_t len = fama_wire_digest_write(digest, body, sizeof(body));
    if (len > 0) {
        send_signed(node, FAMA_KIND_DIGEST, fama_bytes(body, len), target, 1);
    }
}

static struct fama_node_target target_of(const struct fama_member *member)
{
    return (struct fama_node_target){.tag = member->tag, .endpoint = member->endpoint};
}

/* Up to `wanted` random living members, never `except`. */
static uint32_t random_living(struct fama_node *node, fama_tag except, uint32_t wanted,
                              struct fama_node_target *chosen)
{
    uint32_t seen = 0;
    uint32_t count = fama_membership_count(node->membership);
    for (uint32_t i = 0; i < count; i++) {
        const struct fama_member *member = fama_membership_at(node->membership, i);
        if (member->state != FAMA_PEER_ALIVE || member->tag == except) {
            continue;
        }
        /* Reservoir sampling: each of those seen is kept with equal chance. */
        uint32_t place = seen < wanted ? seen : fama_random_below(&node->random, seen + 1);
        if (place < wanted) {
            chosen[place] = target_of(member);
        }
        seen++;
    }
    return seen < wanted ? seen : wanted;
}

static void state_info(struct fama_node *node, struct fama_node_channel *channel,
                       const struct fama_node_target *targets, uint32_t count)
{
    struct fama_stateinfo stateinfo = {.channel = fama_channel_tag(channel->channel),
                                       .height = channel->height,
                                       .loss = channel->loss};
    uint8_t body[64];
    size_t len = fama_wire_stateinfo_write(&stateinfo, body, sizeof(body));
    send_signed(node, FAMA_KIND_STATEINFO, fama_bytes(body, len), targets, count);
}

static uint32_t fan_out_of(const struct fama_node *node)
{
    uint32_t wanted = node->config->propagate_peer_num;
    return wanted < FAMA_FANOUT_MAX ? wanted : FAMA_FANOUT_MAX;
}

static void publish_state_info(struct fama_node *node, uint64_t now_ns)
{
    uint64_t pause_ns = STATEINFO_PAUSE_NS;
    uint64_t by_size_ns =
        (uint64_t)fama_membership_count(node->membership) * STATEINFO_PAUSE_MEMBER_NS;
    if (by_size_ns > pause_ns) {
        pause_ns = by_size_ns;
    }
    if (pause_ns > node->config->publish_state_info_interval_ns) {
        pause_ns = node->config->publish_state_info_interval_ns;
    }
    for (uint32_t i = 0; i < node->channel_count; i++) {
        struct fama_node_channel *channel = &node->channels[i];
        uint64_t age_ns = now_ns - channel->stated_ns;
        bool is_news = channel->height != channel->stated_height && age_ns >= pause_ns;
        if (!is_news && age_ns < node->config->publish_state_info_interval_ns) {
            continue;
        }
        struct fama_node_target targets[FAMA_FANOUT_MAX];
        uint32_t count = random_living(node, 0, fan_out_of(node), targets);
        if (count > 0) {
            state_info(node, channel, targets, count);
        }
        channel->stated_height = channel->height;
        channel->stated_ns = now_ns;
    }
}

/* A newcomer learns at once which channels we are in, and how far. */
static void introduce(struct fama_node *node, const struct fama_member *peer)
{
    const struct fama_node_target target = target_of(peer);
    for (uint32_t i = 0; i < node->channel_count; i++) {
        state_info(node, &node->channels[i], &target, 1);
    }
}

void fama_node_make_good(struct fama_node *node, fama_tag member, uint32_t owed)
{
    const struct fama_member *peer = fama_membership_find(node->membership, member);
    if (peer != NULL && (owed & 1u << FAMA_ADDRESS_STATEINFO) != 0) {
        introduce(node, peer);
    }
    if ((owed & 1u << FAMA_ADDRESS_DIGEST) != 0) {
        fama_membership_on_proof(node->membership, member); /* carried out within a tick */
    }
}

/* Who is new in a channel must know others to take their chunks, and they must know it. In a large
 * channel a few answers are enough: the rest comes with the next statements. */
static void welcome(struct fama_node *node, struct fama_node_channel *channel,
                    const struct fama_member *newcomer)
{
    uint32_t members = fama_channel_members_count(channel->members);
    if (members <= WELCOMES || fama_random_below(&node->random, members) < WELCOMES) {
        const struct fama_node_target target = target_of(newcomer);
        state_info(node, channel, &target, 1);
    }
}

static void forget_in_channels(struct fama_node *node, fama_tag tag, bool for_good)
{
    for (uint32_t i = 0; i < node->channel_count; i++) {
        fama_repair_forget(node->channels[i].repair, tag);
        if (for_good) {
            fama_channel_members_forget(node->channels[i].members, tag);
            fama_channel_keys_leave(node->channels[i].push.keys, fama_node_now_ns(), tag);
        } else {
            fama_channel_keys_pause(node->channels[i].push.keys, tag);
        }
    }
    fama_node_sessions_news(node, fama_node_now_ns(), tag);
}

/* Who is alive again reads along again. */
static void join_in_channels(struct fama_node *node, fama_tag tag)
{
    uint64_t now_ns = fama_node_now_ns();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        const struct fama_channel_member *member =
            fama_channel_members_find(node->channels[i].members, tag);
        if (member != NULL && !member->has_left) {
            fama_channel_keys_join(node->channels[i].push.keys, now_ns, tag);
        }
    }
    fama_node_sessions_news(node, now_ns, tag);
}

static void carry_out(struct fama_node *node)
{
    struct fama_membership_action action;
    while (fama_membership_next_action(node->membership, &action)) {
        char text[FAMA_ENDPOINT_TEXT_BYTES] = "";
        const struct fama_node_target target = {.tag = action.target_tag,
                                                .endpoint = action.target};
        switch (action.kind) {
        case FAMA_MEMBERSHIP_SEND_ALIVE:
            send_alive(node, action.sequence, &target);
            break;
        case FAMA_MEMBERSHIP_FORWARD:
            send_datagram(node, FAMA_ADDRESS_FORWARD, action.datagram, &target, 1);
            break;
        case FAMA_MEMBERSHIP_SEND_DIGEST:
            send_digest(node, action.digest, &target);
            break;
        case FAMA_MEMBERSHIP_CHANGED:
            node->view_pace.is_stale = true;
            break;
        case FAMA_MEMBERSHIP_JOINED:
            fama_endpoint_format(&action.peer->endpoint, text);
            fama_info("membership", "%s at %s is alive",
                      fama_identity_common_name(action.peer->identity), text);
            node->view_pace.is_urgent = true;
            introduce(node, action.peer);
            join_in_channels(node, action.peer->tag);
            break;
        case FAMA_MEMBERSHIP_DIED:
            fama_endpoint_format(&action.peer->endpoint, text);
            fama_warning("membership", "%s at %s is dead: not heard of for %.1f s",
                         fama_identity_common_name(action.peer->identity), text,
                         (double)node->config->alive_expiration_ns / 1e9);
            node->view_pace.is_urgent = true;
            fama_address_proofs_rest(node->addresses, action.peer->tag);
            forget_in_channels(node, action.peer->tag, false);
            break;
        case FAMA_MEMBERSHIP_FORGOTTEN:
            fama_address_proofs_forget(node->addresses, action.peer->tag);
            forget_in_channels(node, action.peer->tag, true);
            fama_identity_release(action.identity);
            node->view_pace.is_urgent = true;
            break;
        }
    }
}

/* ---- Hearing ---- */

static enum fama_drop on_alive(struct fama_node *node, struct fama_event *event, uint64_t now_ns)
{
    struct fama_alive alive;
    enum fama_drop drop = fama_wire_alive_read(event->message.body, &alive);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    bool took_identity = false;
    drop = fama_membership_on_alive(
        node->membership, now_ns, &event->message, &alive, event->author_pki_id,
        fama_bytes(event->datagram, event->datagram_bytes), event->author, &took_identity);
    if (took_identity) {
        fama_identity_acquire(event->author); /* The event's own reference goes with the event. */
    }
    if (drop == FAMA_DROP_NONE) {
        fama_address_proofs_name(node->addresses, now_ns, event->message.author, &alive.endpoint);
    }
    return drop;
}

static enum fama_drop on_digest(struct fama_node *node, struct fama_event *event, uint64_t now_ns)
{
    struct fama_digest digest;
    enum fama_drop drop = fama_wire_digest_read(event->message.body, &digest);
    if (drop == FAMA_DROP_NONE) {
        drop = fama_membership_on_digest(node->membership, now_ns, &event->message, &digest);
    }
    return drop;
}

struct fama_node_channel *fama_node_channel_by_tag(struct fama_node *node, fama_tag tag)
{
    for (uint32_t i = 0; i < node->channel_count; i++) {
        if (fama_channel_tag(node->channels[i].channel) == tag) {
            return &node->channels[i];
        }
    }
    return NULL;
}

static enum fama_drop on_stateinfo(struct fama_node *node, struct fama_event *event,
                                   uint64_t now_ns)
{
    struct fama_stateinfo stateinfo;
    enum fama_drop drop = fama_wire_stateinfo_read(event->message.body, &stateinfo);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    struct fama_node_channel *channel = fama_node_channel_by_tag(node, stateinfo.channel);
    if (channel == NULL) {
        return FAMA_DROP_UNKNOWN_CHANNEL;
    }
    const struct fama_member *author =
        fama_membership_find(node->membership, event->message.author);
    if (author == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    /* Of an earlier life: no longer true, and nobody may make us believe it by saying it again. */
    if (event->message.incarnation < author->incarnation) {
        return FAMA_DROP_REPLAYED;
    }
    bool is_change = false;
    drop = fama_channel_members_on_stateinfo(channel->members, &event->message, &stateinfo,
                                             &is_change);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    node->view_pace.is_stale |= is_change;
    if (stateinfo.has_left) {
        fama_repair_forget(channel->repair, event->message.author);
        fama_channel_keys_leave(channel->push.keys, now_ns, event->message.author);
    } else {
        fama_repair_on_stateinfo(channel->repair, now_ns, event->message.author, stateinfo.height);
        if (is_change) {
            welcome(node, channel, author);
            fama_channel_keys_join(channel->push.keys, now_ns, author->tag);
        }
    }
    if (fama_channel_members_pass_on(channel->members, event->message.author, is_change, now_ns,
                                     node->config->publish_state_info_interval_ns /
                                         STATEMENTS_PASSED_ON)) {
        struct fama_node_target targets[FAMA_FANOUT_MAX];
        uint32_t count = random_living(node, event->message.author, fan_out_of(node), targets);
        send_datagram(node, FAMA_ADDRESS_STATEINFO,
                      fama_bytes(event->datagram, event->datagram_bytes), targets, count);
    }
    return FAMA_DROP_NONE;
}

enum fama_drop fama_node_on_request(struct fama_node *node, fama_tag asker,
                                    struct fama_session *session, struct fama_bytes body,
                                    uint64_t now_ns)
{
    struct fama_request request;
    enum fama_drop drop = fama_wire_request_read(body, &request);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    struct fama_node_channel *channel = fama_node_channel_by_tag(node, request.channel);
    if (channel == NULL) {
        return FAMA_DROP_UNKNOWN_CHANNEL;
    }
    const struct fama_channel_member *member = fama_channel_members_find(channel->members, asker);
    if (member == NULL || member->has_left) {
        return FAMA_DROP_NOT_A_MEMBER;
    }
    drop = fama_repair_server_admit(node->repair_server, now_ns, asker, &request);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    /* What the asker would like, as far as our MTU takes it. */
    uint16_t most = fama_chunk_bytes_for(fama_node_datagram_bytes(node), 0);
    if (request.count == 0 && (request.chunk_bytes == 0 || request.chunk_bytes > most)) {
        request.chunk_bytes = most;
    }
    /* The answer goes to where the asker has proved to be. */
    const struct fama_chunk_order order = {
        .channel_id = fama_channel_id(channel->channel),
        .ledger = fama_channel_ledger(channel->channel),
        .transmit_class = fama_chunk_server_class(request.block, channel->height),
        .asker = asker,
        .session = session,
        .channel = fama_channel_index(channel->channel),
        .request = request,
    };
    if (!fama_chunk_server_order(node->server, &order)) {
        fama_repair_server_settle(node->repair_server, asker, fama_repair_server_charge(&request),
                                  0);
        return FAMA_DROP_ADMISSION_BUDGET;
    }
    return FAMA_DROP_NONE;
}

static enum fama_drop on_message(struct fama_node *node, struct fama_event *event, uint64_t now_ns)
{
    switch (event->message.kind) {
    case FAMA_KIND_ALIVE:
        return on_alive(node, event, now_ns);
    case FAMA_KIND_DIGEST:
        return on_digest(node, event, now_ns);
    case FAMA_KIND_STATEINFO:
        return on_stateinfo(node, event, now_ns);
    case FAMA_KIND_CHUNK:
    case FAMA_KIND_REQUEST:
    case FAMA_KIND_SESSION:
    case FAMA_KIND_SEALED:
    case FAMA_KIND_KEYS:
        break;
    }
    return FAMA_DROP_BAD_KIND;
}

static struct fama_node_channel *channel_by_index(struct fama_node *node, uint16_t index)
{
    /* A channel's number is its place: channels are added and never removed while the node runs. */
    return index < node->channel_count ? &node->channels[index] : NULL;
}

/* A member has signed two different things: it, or who has its key, lies. Said once in the log, kept for who
 * asks (fama gossip trust). */
static void on_equivocation(struct fama_node *node, const struct fama_equivocation *equivocation)
{
    for (uint64_t i = 0; i < FAMA_EVIDENCE_MAX && i < node->evidence_count; i++) {
        const struct fama_equivocation *known = &node->evidence[i];
        if (known->origin == equivocation->origin && known->channel == equivocation->channel &&
            known->block == equivocation->block && known->set == equivocation->set) {
            return;
        }
    }
    const struct fama_member *author = fama_membership_find(node->membership, equivocation->origin);
    const struct fama_node_channel *channel = fama_node_channel_by_tag(node, equivocation->channel);
    fama_failure(
        "gossip",
        "%s has signed two different roots for set %u of block %llu of channel %s: it lies, "
        "or somebody has its key; have its certificate revoked",
        author != NULL ? fama_identity_common_name(author->identity) : "a member",
        equivocation->set, (unsigned long long)equivocation->block,
        channel != NULL ? fama_channel_id(channel->channel) : "?");
    node->evidence[node->evidence_count++ % FAMA_EVIDENCE_MAX] = *equivocation;
}

void fama_node_on_event(struct fama_node *node, struct fama_event *event)
{
    uint64_t now_ns = fama_node_now_ns();
    struct fama_node_channel *channel = NULL;
    switch (event->kind) {
    case FAMA_EVENT_MESSAGE:
        node->drops[on_message(node, event, now_ns)]++;
        carry_out(node);
        break;
    case FAMA_EVENT_GAP:
        channel = channel_by_index(node, event->gap.channel);
        if (channel != NULL) {
            fama_repair_on_gap(channel->repair, now_ns, &event->gap);
        }
        break;
    case FAMA_EVENT_WINDOW:
        channel = channel_by_index(node, event->window.channel);
        if (channel != NULL) {
            fama_repair_on_window(channel->repair, now_ns, &event->window);
            channel->loss = event->window.loss;
        }
        break;
    case FAMA_EVENT_INNER:
        node->drops[fama_node_on_inner(node, event, now_ns)]++;
        break;
    case FAMA_EVENT_HANDSHAKE:
        node->drops[fama_node_on_handshake(node, event, now_ns)]++;
        break;
    case FAMA_EVENT_NO_KEY:
        fama_node_on_missing_key(node, &event->key_wanted, now_ns);
        break;
    case FAMA_EVENT_EQUIVOCATION:
        on_equivocation(node, &event->equivocation);
        break;
    }
}

static void send_requests(struct fama_node *node, struct fama_node_channel *channel,
                          uint64_t now_ns)
{
    struct fama_repair_request ask;
    while (fama_repair_next(channel->repair, now_ns, &ask)) {
        if (fama_membership_find(node->membership, ask.holder) == NULL) {
            fama_repair_forget(channel->repair, ask.holder);
            continue;
        }
        uint8_t body[FAMA_ALIVE_DATAGRAM_MAX];
        size_t len = fama_wire_request_write(&ask.request, body, sizeof(body));
        if (len > 0) {
            /* Without a session yet it waits for one. */
            (void)fama_node_send_inner(node, ask.holder, FAMA_KIND_REQUEST, fama_bytes(body, len));
        }
    }
}

/* An origin sends as much parity as the losses ask for that its living members report. When parity within its
 * bounds does not make them good, somebody who is taken to be alive does not pass chunks on: then trees are not
 * used for as long as membership may take to notice. */
static void follow_loss(struct fama_node *node, struct fama_node_channel *channel, uint64_t now_ns)
{
    if (channel->source == NULL || now_ns < channel->parity_due_ns) {
        return;
    }
    channel->parity_due_ns = now_ns + PARITY_PAUSE_NS;
    uint32_t count = fama_channel_members_count(channel->members);
    uint16_t *losses = calloc(count + 1, sizeof(*losses));
    if (losses == NULL) {
        return; /* it stays as it is until the next time */
    }
    uint32_t reported = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct fama_channel_member *at = fama_channel_members_at(channel->members, i);
        const struct fama_member *member = fama_membership_find(node->membership, at->tag);
        if (!at->has_left && member != NULL && member->state == FAMA_PEER_ALIVE) {
            losses[reported++] = at->loss;
        }
    }
    uint32_t loss = fama_parity_loss_of(losses, reported);
    free(losses);
    uint32_t parity = fama_parity_for(loss, node->config->parity_min, node->config->parity_max);
    if (!fama_parity_suffices(loss, parity)) {
        channel->distrusts_trees_until_ns = now_ns + node->config->alive_expiration_ns;
    }
    atomic_store_explicit(&channel->push.parity, (uint8_t)parity, memory_order_relaxed);
    atomic_store_explicit(&channel->push.is_infectious, now_ns < channel->distrusts_trees_until_ns,
                          memory_order_relaxed);
}

/* A whole block was charged before anybody knew its size. */
static void settle_answers(struct fama_node *node)
{
    struct fama_chunk_receipt receipt;
    while (fama_chunk_server_receipt(node->server, &receipt)) {
        fama_repair_server_settle(node->repair_server, receipt.asker, receipt.charged_bytes,
                                  receipt.cost_bytes);
    }
}

void fama_node_gossip_tick(struct fama_node *node, uint64_t now_ns)
{
    settle_answers(node);
    fama_node_sessions_tick(node, now_ns);
    fama_node_addresses_tick(node, now_ns);
    fama_membership_tick(node->membership, now_ns);
    carry_out(node);
    publish_state_info(node, now_ns);
    for (uint32_t i = 0; i < node->channel_count; i++) {
        follow_loss(node, &node->channels[i], now_ns);
        if (!node->channels[i].has_failed) {
            send_requests(node, &node->channels[i], now_ns);
        }
    }
}
