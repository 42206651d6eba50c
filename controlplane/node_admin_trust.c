/* What the admin socket tells of whom this node trusts, and by what: sessions with members, keys of channels,
 * and evidence against members that have signed two different things. No secret leaves the node here. */
#include "controlplane/hex.h"
#include "controlplane/node_state.h"

static json_t *hex_json(const uint8_t *at, size_t len)
{
    char text[2 * FAMA_SIGNATURE_BYTES + 1];
    fama_hex(fama_bytes(at, len), text);
    return json_string(text);
}

static json_t *name_json(const struct fama_node *node, fama_tag tag)
{
    const struct fama_member *member = fama_membership_find(node->membership, tag);
    return member != NULL ? json_string(fama_identity_common_name(member->identity)) : json_null();
}

/* Of one call. */
struct listing {
    const struct fama_node *node;
    json_t *sessions;
};

static void list_session(void *context, struct fama_session *session, bool is_preferred)
{
    struct listing *listing = context;
    char endpoint[FAMA_ENDPOINT_TEXT_BYTES];
    uint64_t age_ns = fama_node_now_ns() - fama_session_made_ns(session);
    fama_endpoint_format(fama_session_endpoint(session), endpoint);
    json_array_append_new(listing->sessions,
                          json_pack("{s:o, s:s, s:b, s:b, s:b, s:I, s:I}", "peer",
                                    name_json(listing->node, fama_session_peer(session)),
                                    "endpoint", endpoint, "preferred", is_preferred, "begun_by_us",
                                    fama_session_is_initiator(session), "heard",
                                    fama_session_is_heard(session), "age_ms",
                                    (json_int_t)(age_ns / 1000000u), "sealed",
                                    (json_int_t)fama_session_sealed(session)));
}

static json_t *keys_json(const struct fama_node *node)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        const struct fama_node_channel *channel = &node->channels[i];
        struct fama_channel_keys_stats stats;
        fama_channel_keys_stats(channel->push.keys, &stats);
        json_array_append_new(
            list,
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:i, s:b, s:f}", "channel",
                      fama_channel_id(channel->channel), "epoch", (json_int_t)stats.epoch,
                      "members", (json_int_t)stats.members, "without", (json_int_t)stats.without,
                      "received", (json_int_t)stats.received, "parity",
                      (int)atomic_load_explicit(&channel->push.parity, memory_order_relaxed),
                      "infectious",
                      (int)atomic_load_explicit(&channel->push.is_infectious, memory_order_relaxed),
                      "loss_percent", channel->loss * 100.0 / FAMA_LOSS_WHOLE));
    }
    return list;
}

static json_t *root_json(const struct fama_signed_root *root)
{
    return json_pack("{s:I, s:i, s:i, s:o, s:o}", "block_bytes", (json_int_t)root->cut.block_bytes,
                     "chunk_bytes", (int)root->cut.chunk_bytes, "parity", (int)root->cut.parity,
                     "root", hex_json(root->root, sizeof(root->root)), "signature",
                     hex_json(root->signature, sizeof(root->signature)));
}

static json_t *evidence_json(const struct fama_node *node)
{
    json_t *list = json_array();
    uint64_t kept =
        node->evidence_count < FAMA_EVIDENCE_MAX ? node->evidence_count : FAMA_EVIDENCE_MAX;
    for (uint64_t i = node->evidence_count - kept; i < node->evidence_count; i++) {
        const struct fama_equivocation *at = &node->evidence[i % FAMA_EVIDENCE_MAX];
        char origin[17];
        (void)snprintf(origin, sizeof(origin), "%016llx", (unsigned long long)at->origin);
        const struct fama_node_channel *channel =
            fama_node_channel_by_tag((struct fama_node *)node, at->channel);
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s, s:I, s:i, s:[o, o]}", "channel",
                            channel != NULL ? fama_channel_id(channel->channel) : "?", "name",
                            name_json(node, at->origin), "pki_id_begins", origin, "block",
                            (json_int_t)at->block, "set", (int)at->set, "roots",
                            root_json(&at->roots[0]), root_json(&at->roots[1])));
    }
    return list;
}

void fama_node_answer_trust(struct fama_node *node, struct fama_admin_call *call,
                            const json_t *request)
{
    (void)request;
    struct listing listing = {.node = node, .sessions = json_array()};
    fama_sessions_each(node->sessions, list_session, &listing);
    fama_admin_answer(call, json_pack("{s:o, s:o, s:o}", "sessions", listing.sessions, "keys",
                                      keys_json(node), "evidence", evidence_json(node)));
}
