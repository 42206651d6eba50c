/* Sessions with other members and what goes through them: requests for blocks, answers' addresses, and the
 * keys of channels. All decisions are those of sessions.h and channel_keys.h; this carries them out. */
#include <openssl/rand.h>

#include "controlplane/log.h"
#include "controlplane/node_state.h"

#define HANDSHAKES_MAX      64 /* begun by us at one time; half open ones of others */
#define ACCEPTED_PER_SECOND 64
#define WARM_PEERS          16 /* organisations up to here have all their sessions ready */
#define KEYS_RETRY_NS       200000000u

static bool look_up(void *context, fama_tag tag, struct fama_sessions_peer *peer)
{
    const struct fama_node *node = context;
    const struct fama_member *member = fama_membership_find(node->membership, tag);
    if (member == NULL) {
        return false;
    }
    *peer = (struct fama_sessions_peer){.identity = member->identity,
                                        .endpoint = member->endpoint,
                                        .incarnation = member->incarnation};
    return true;
}

static bool draw(uint8_t *bytes, size_t count)
{
    return RAND_priv_bytes(bytes, (int)count) == 1;
}

int fama_node_start_sessions(struct fama_node *node, struct fama_error *error)
{
    const struct fama_sessions_config config = {
        .self = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer))),
        .signer = node->signer,
        .peers_max = FAMA_PEERS_MAX,
        .initiators_max = HANDSHAKES_MAX,
        .half_open_max = HANDSHAKES_MAX,
        .accepted_per_second = ACCEPTED_PER_SECOND,
        .datagram_bytes = FAMA_WIRE_DATAGRAM_LEAST,
        .random_seed = fama_random_next(&node->random),
        .look_up = look_up,
        .context = node,
    };
    return fama_sessions_create(&config, fama_node_now_ns(), &node->sessions, error);
}

struct fama_channel_keys *fama_node_make_keys(struct fama_node *node, const char *channel_id)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_channel_digest(channel_id, digest);
    const struct fama_channel_keys_config config = {
        .channel_digest = digest,
        .self_pki_id = fama_identity_pki_id(fama_signer_identity(node->signer)),
        .first_epoch = (uint32_t)time(NULL),
        .rotate_ns = node->config->key_rotation_ns,
        .grace_ns = node->config->key_grace_ns,
        .retry_ns = KEYS_RETRY_NS,
        .members_max = FAMA_PEERS_MAX,
        .random = draw,
    };
    return fama_channel_keys_create(&config);
}

/* ---- Saying ---- */

static bool seal_and_send(struct fama_node *node, struct fama_session *session, enum fama_kind kind,
                          struct fama_bytes body)
{
    uint8_t inner[FAMA_WIRE_DATAGRAM_LEAST];
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    const struct fama_bytes piece =
        fama_bytes(inner, fama_wire_inner_write(kind, body, inner, sizeof(inner)));
    size_t len = piece.len == 0 ? 0
                                : fama_session_seal(session, FAMA_STREAM_CONTROL, &piece, 1,
                                                    datagram, sizeof(datagram));
    OPENSSL_cleanse(inner, sizeof(inner)); /* it may have been a key */
    return len > 0 && fama_dataplane_send(node->dataplane, fama_session_endpoint(session),
                                          fama_bytes(datagram, len)) == 0;
}

static void wait_for_session(struct fama_node *node, fama_tag peer, enum fama_kind kind,
                             struct fama_bytes body)
{
    struct fama_waiting *place = &node->waiting[node->waiting_next];
    if (body.len > sizeof(place->body)) {
        return;
    }
    node->waiting_next = (node->waiting_next + 1) % FAMA_WAITING_MAX;
    OPENSSL_cleanse(place->body, sizeof(place->body));
    place->peer = peer;
    place->kind = kind;
    place->body_bytes = (uint16_t)body.len;
    memcpy(place->body, body.at, body.len);
}

static void send_waiting(struct fama_node *node, struct fama_session *session)
{
    for (uint32_t i = 0; i < FAMA_WAITING_MAX; i++) {
        struct fama_waiting *place = &node->waiting[i];
        if (place->peer == fama_session_peer(session)) {
            (void)seal_and_send(node, session, place->kind,
                                fama_bytes(place->body, place->body_bytes));
            OPENSSL_cleanse(place, sizeof(*place));
        }
    }
}

bool fama_node_send_inner(struct fama_node *node, fama_tag peer, enum fama_kind kind,
                          struct fama_bytes body)
{
    (void)fama_sessions_want(node->sessions, fama_node_now_ns(), peer);
    struct fama_session *session = fama_sessions_of(node->sessions, peer);
    if (session == NULL) {
        wait_for_session(node, peer, kind, body);
        return false;
    }
    return seal_and_send(node, session, kind, body);
}

/* Only hellos go to where nobody may be: all that follows them has been asked for from there. */
static void send_handshake(struct fama_node *node, const struct fama_sessions_action *action)
{
    const struct fama_node_target target = {.tag = action->peer, .endpoint = action->target};
    struct fama_session_message message;
    bool is_hello = fama_wire_session_read(action->datagram, &message) == FAMA_DROP_NONE &&
                    message.step == FAMA_SESSION_HELLO;
    if (!is_hello || fama_node_may_send(node, &target, FAMA_ADDRESS_HELLO, action->datagram.len)) {
        /* A full ring means a busy moment; handshakes repeat themselves. */
        (void)(action->is_unproved ? fama_dataplane_answer : fama_dataplane_send)(
            node->dataplane, &action->target, action->datagram);
    }
}

static void carry_out_sessions(struct fama_node *node)
{
    struct fama_sessions_action action;
    while (fama_sessions_next_action(node->sessions, &action)) {
        switch (action.kind) {
        case FAMA_SESSIONS_SEND:
            send_handshake(node, &action);
            break;
        case FAMA_SESSIONS_ESTABLISHED:
            fama_node_address_proved(node, action.peer, fama_session_endpoint(action.session));
            fama_node_publish_view(node); /* before anything comes back within it */
            break;
        case FAMA_SESSIONS_PREFERRED:
            send_waiting(node, action.session);
            break;
        case FAMA_SESSIONS_GONE:
            node->view_pace.is_urgent = true;
            break;
        case FAMA_SESSIONS_FAILED:
            fama_warning("sessions", "no session with %016llx: %s", (unsigned long long)action.peer,
                         fama_handshake_words(action.failure));
            break;
        }
    }
}

static void send_keys(struct fama_node *node, struct fama_node_channel *channel, uint64_t now_ns)
{
    fama_tag member;
    struct fama_keys message;
    uint8_t body[64];
    while (fama_channel_keys_next(channel->push.keys, now_ns, &member, &message)) {
        size_t len = fama_wire_keys_write(&message, body, sizeof(body));
        if (len > 0) {
            (void)fama_node_send_inner(node, member, FAMA_KIND_KEYS, fama_bytes(body, len));
        }
    }
    OPENSSL_cleanse(&message, sizeof(message));
    OPENSSL_cleanse(body, sizeof(body));
}

/* A small organisation has its sessions before it needs them, so that nobody waits for a handshake in the
 * middle of a block. Of two nodes the one with the lower tag begins. */
static void keep_warm(struct fama_node *node, uint64_t now_ns)
{
    uint32_t count = fama_membership_count(node->membership);
    fama_tag self = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer)));
    for (uint32_t i = 0; i < count && count <= WARM_PEERS; i++) {
        const struct fama_member *member = fama_membership_at(node->membership, i);
        if (member->state == FAMA_PEER_ALIVE && self < member->tag) {
            (void)fama_sessions_want(node->sessions, now_ns, member->tag);
        }
    }
}

void fama_node_sessions_tick(struct fama_node *node, uint64_t now_ns)
{
    keep_warm(node, now_ns);
    fama_sessions_tick(node->sessions, now_ns, time(NULL));
    carry_out_sessions(node);
    for (uint32_t i = 0; i < node->channel_count; i++) {
        struct fama_channel_keys *keys = node->channels[i].push.keys;
        fama_channel_keys_tick(keys, now_ns);
        send_keys(node, &node->channels[i], now_ns);
        node->view_pace.is_stale |= fama_channel_keys_changed(keys);
    }
    carry_out_sessions(node);
}

void fama_node_sessions_news(struct fama_node *node, uint64_t now_ns, fama_tag peer)
{
    fama_sessions_on_news(node->sessions, now_ns, peer);
    carry_out_sessions(node);
}

/* ---- Hearing ---- */

enum fama_drop fama_node_on_handshake(struct fama_node *node, const struct fama_event *event,
                                      uint64_t now_ns)
{
    struct fama_bytes datagram = fama_bytes(event->datagram, event->datagram_bytes);
    struct fama_session_message message;
    bool is_ours =
        fama_wire_session_read(datagram, &message) == FAMA_DROP_NONE &&
        message.target == fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer)));
    bool is_cookie = is_ours && message.step == FAMA_SESSION_COOKIE;
    if (is_cookie && fama_node_on_cookie(node, &message, &event->came_from, now_ns)) {
        return FAMA_DROP_NONE;
    }
    enum fama_drop drop =
        fama_sessions_on_datagram(node->sessions, now_ns, datagram, &event->came_from);
    if (is_cookie && drop == FAMA_DROP_NONE) { /* the answer to a hello of a handshake */
        fama_node_address_proved(node, message.sender, &event->came_from);
    }
    carry_out_sessions(node);
    if (is_ours && message.step == FAMA_SESSION_HELLO && drop == FAMA_DROP_NONE) {
        fama_node_on_hello(node, message.sender, &event->came_from, now_ns);
    }
    return drop;
}

static enum fama_drop on_keys(struct fama_node *node, const struct fama_member *author,
                              struct fama_bytes body, uint64_t now_ns)
{
    struct fama_keys message;
    enum fama_drop drop = fama_wire_keys_read(body, &message);
    if (drop == FAMA_DROP_NONE) {
        struct fama_node_channel *channel = fama_node_channel_by_tag(node, message.channel);
        const struct fama_channel_member *member =
            channel != NULL ? fama_channel_members_find(channel->members, author->tag) : NULL;
        if (channel == NULL) {
            drop = FAMA_DROP_UNKNOWN_CHANNEL;
        } else if (member == NULL || member->has_left) {
            drop = FAMA_DROP_NOT_A_MEMBER;
        } else {
            drop =
                fama_channel_keys_on_message(channel->push.keys, now_ns, author->pki_id, &message);
            send_keys(node, channel, now_ns);
            node->view_pace.is_stale |= fama_channel_keys_changed(channel->push.keys);
        }
    }
    OPENSSL_cleanse(&message, sizeof(message));
    return drop;
}

enum fama_drop fama_node_on_inner(struct fama_node *node, const struct fama_event *event,
                                  uint64_t now_ns)
{
    struct fama_bytes datagram = fama_bytes(event->datagram, event->datagram_bytes);
    struct fama_wire_header header;
    enum fama_drop drop = fama_wire_header_read(datagram, &header);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    const struct fama_member *author =
        fama_membership_find(node->membership, fama_session_peer(event->session));
    if (author == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    struct fama_bytes body =
        fama_bytes(datagram.at + FAMA_WIRE_HEADER_BYTES, datagram.len - FAMA_WIRE_HEADER_BYTES);
    return header.kind == FAMA_KIND_KEYS
               ? on_keys(node, author, body, now_ns)
               : fama_node_on_request(node, author->tag, event->session, body, now_ns);
}

void fama_node_on_missing_key(struct fama_node *node, const struct fama_key_wanted *wanted,
                              uint64_t now_ns)
{
    struct fama_node_channel *channel = fama_node_channel_by_tag(node, wanted->channel);
    if (channel != NULL) {
        fama_channel_keys_miss(channel->push.keys, wanted->maker);
        send_keys(node, channel, now_ns);
        carry_out_sessions(node);
    }
}
