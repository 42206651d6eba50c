/* Answers the admin socket: each operation is a row of one table at the end. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/block_file.h"
#include "controlplane/hex.h"
#include "controlplane/log.h"
#include "controlplane/node_state.h"
#include "ledger/ledger_origin.h"

#define ARRIVALS_MAX 1000
#define TIMES_MAX    1024 /* of blocks, in one answer */

static json_t *hex_json(const void *at, size_t len)
{
    char text[2 * FAMA_SHA256_BYTES + 1];
    fama_hex(fama_bytes(at, len <= FAMA_SHA256_BYTES ? len : FAMA_SHA256_BYTES), text);
    return json_string(text);
}

/* "" if there is none. */
static json_t *commit_hash_json(bool has_commit_hash, const uint8_t hash[FAMA_SHA256_BYTES])
{
    return has_commit_hash ? hex_json(hash, FAMA_SHA256_BYTES) : json_string("");
}

static json_t *number_json(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *endpoint_json(const struct fama_endpoint *endpoint)
{
    char text[FAMA_ENDPOINT_TEXT_BYTES];
    fama_endpoint_format(endpoint, text);
    return json_string(text);
}

/* ---- node.status ---- */

static json_t *channel_status(struct fama_node_channel *channel)
{
    struct fama_channel_status status;
    fama_channel_status(channel->channel, &status);
    uint64_t known = fama_repair_known_height(channel->repair);
    json_t *refused = json_object();
    for (int i = 1; i < FAMA_BLOCK_REFUSAL_COUNT; i++) {
        if (status.refused[i] > 0) {
            json_object_set_new(refused, fama_block_refusal_name(i),
                                number_json(status.refused[i]));
        }
    }
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "channel",
        fama_channel_id(channel->channel), "height", number_json(status.height), "last_hash",
        hex_json(status.last_hash, sizeof(status.last_hash)), "commit_hash",
        commit_hash_json(status.has_commit_hash, status.commit_hash), "transactions",
        number_json(status.transactions), "invalid_transactions",
        number_json(status.invalid_transactions), "known_height",
        number_json(known > status.height ? known : status.height), "lag",
        number_json(known > status.height ? known - status.height : 0), "blocks_by_push",
        number_json(status.blocks_by_push), "blocks_by_pull", number_json(status.blocks_by_pull),
        "blocks_from_source", number_json(status.blocks_from_source), "refused", refused);
    if (status.has_failed) {
        json_object_set_new(json, "error", json_string(status.failure));
    }
    return json;
}

/* Every counter but the drops, by name. */
static json_t *counters_json(const struct fama_node *node,
                             const struct fama_dataplane_counters *counters)
{
    struct fama_sender_stats sent;
    struct fama_chunk_server_stats served;
    fama_sender_stats(node->sender, &sent);
    fama_chunk_server_stats(node->server, &served);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"rx_packets", counters->rx_packets},
        {"rx_bytes", counters->rx_bytes},
        {"tx_packets", counters->tx_packets},
        {"tx_bytes", counters->tx_bytes},
        {"chunks_received", counters->chunks_received},
        {"chunks_stored", counters->chunks_stored},
        {"chunks_forwarded", counters->chunks_forwarded},
        {"chunks_repaired", counters->chunks_repaired},
        {"chunks_late", counters->chunks_late},
        {"equivocations", counters->equivocations},
        {"blocks_assembled", counters->blocks_assembled},
        {"messages_received", counters->messages_received},
        {"packets_handed_over", counters->packets_handed_over},
        {"signatures_verified", counters->signatures_verified},
        {"signature_batches", counters->signature_batches},
        {"signatures_bad", counters->signatures_bad},
        {"neighbour_requests_sent", counters->neighbour_requests_sent},
        {"neighbour_replies_sent", counters->neighbour_replies_sent},
        {"neighbours_displaced", counters->neighbours_displaced},
        {"neighbours_refused", counters->neighbours_refused},
        {"blocks_pushed", sent.blocks_pushed},
        {"blocks_unsealed", sent.blocks_unsealed},
        {"chunks_pushed", sent.chunks_pushed},
        {"repair_requests_served", served.requests_served},
        {"repair_chunks_sent", served.chunks_sent},
        {"repair_requests_dropped", served.requests_dropped},
        {"repair_requests_crowding", served.requests_crowding},
        {"repair_requests_void", served.requests_void},
        {"repair_requests_transfer", served.requests_transfer},
        {"repair_transfers_put_aside", served.transfers_put_aside},
    };
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(json, rows[i].name, number_json(rows[i].value));
    }
    return json;
}

/* What was sent for what, and what not. */
static json_t *classes_json(const struct fama_dataplane_counters *counters)
{
    json_t *json = json_object();
    for (int i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        const struct fama_class_counters *counts = &counters->classes[i];
        json_object_set_new(
            json, fama_transmit_class_name(i),
            json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o}}", "packets",
                      number_json(counts->packets), "bytes", number_json(counts->bytes),
                      "waiting_ms", number_json(counts->waiting_ns / 1000000u), "drops",
                      fama_drop_name(FAMA_DROP_TX_QUEUE_FULL), number_json(counts->queue_full),
                      fama_drop_name(FAMA_DROP_TX_FULL), number_json(counts->port_full),
                      fama_drop_name(FAMA_DROP_NO_NEIGHBOUR), number_json(counts->no_neighbour),
                      fama_drop_name(FAMA_DROP_NO_MBUF), number_json(counts->no_mbuf)));
    }
    return json;
}

/* What each net lcore does of the whole. */
static json_t *net_lcores_json(const struct fama_node *node)
{
    json_t *json = json_array();
    struct fama_dataplane_counters counters;
    uint32_t cpu;
    for (uint32_t i = 0; fama_dataplane_net_counters(node->dataplane, i, &cpu, &counters); i++) {
        json_array_append_new(
            json, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu", (int)cpu, "rx_packets",
                            number_json(counters.rx_packets), "tx_packets",
                            number_json(counters.tx_packets), "packets_handed_over",
                            number_json(counters.packets_handed_over), "chunks_received",
                            number_json(counters.chunks_received), "chunks_forwarded",
                            number_json(counters.chunks_forwarded), "blocks_assembled",
                            number_json(counters.blocks_assembled)));
    }
    return json;
}

static uint64_t drops_of(const struct fama_node *node,
                         const struct fama_dataplane_counters *counters, int drop)
{
    return counters->drops[drop] + node->drops[drop];
}

static void answer_status(struct fama_node *node, struct fama_admin_call *call,
                          const json_t *request)
{
    (void)request;
    const struct fama_identity *self = fama_signer_identity(node->signer);
    struct fama_dataplane_counters counters;
    fama_dataplane_counters(node->dataplane, &counters);
    json_t *dataplane = counters_json(node, &counters);
    json_t *drops = json_object();
    for (int i = 1; i < FAMA_DROP_COUNT; i++) {
        uint64_t count = drops_of(node, &counters, i);
        if (count > 0) {
            json_object_set_new(drops, fama_drop_name(i), number_json(count));
        }
    }
    json_object_set_new(dataplane, "drops", drops);
    json_object_set_new(dataplane, "classes", classes_json(&counters));
    json_object_set_new(dataplane, "net_lcores", net_lcores_json(node));
    json_t *channels = json_array();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        json_array_append_new(channels, channel_status(&node->channels[i]));
    }
    fama_admin_answer(
        call, json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:i, s:s, s:b, s:o, s:o}", "peer_id",
                        node->config->peer_id, "mspid", fama_identity_mspid(self), "pki_id",
                        hex_json(fama_identity_pki_id(self), FAMA_PKI_ID_BYTES), "endpoint",
                        endpoint_json(&node->config->endpoint), "role",
                        node->config->is_org_leader ? "leader" : "follower", "uptime_s",
                        number_json((fama_node_now_ns() - node->started_ns) / 1000000000u), "pid",
                        (int)getpid(), "port", node->config->dataplane.port, "hugepages",
                        fama_dataplane_uses_hugepages(node->dataplane), "channels", channels,
                        "dataplane", dataplane));
}

/* ---- gossip ---- */

static json_t *heights_json(struct fama_node *node, fama_tag tag)
{
    json_t *heights = json_object();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        const struct fama_channel_member *member =
            fama_channel_members_find(node->channels[i].members, tag);
        if (member != NULL && !member->has_left) {
            json_object_set_new(heights, fama_channel_id(node->channels[i].channel),
                                number_json(member->height));
        }
    }
    return heights;
}

static void answer_members(struct fama_node *node, struct fama_admin_call *call,
                           const json_t *request)
{
    (void)request;
    const struct fama_identity *self = fama_signer_identity(node->signer);
    uint64_t now_ns = fama_node_now_ns();
    json_t *members = json_array();
    for (uint32_t i = 0; i < fama_membership_count(node->membership); i++) {
        const struct fama_member *member = fama_membership_at(node->membership, i);
        uint64_t ago_ns = now_ns > member->last_seen_ns ? now_ns - member->last_seen_ns : 0;
        json_array_append_new(
            members,
            json_pack("{s:o, s:s, s:s, s:o, s:b, s:s, s:o, s:o, s:o, s:o}", "pki_id",
                      hex_json(member->pki_id, sizeof(member->pki_id)), "mspid",
                      fama_identity_mspid(member->identity), "name",
                      fama_identity_common_name(member->identity), "endpoint",
                      endpoint_json(&member->endpoint), "proved",
                      fama_address_proofs_is_proved(node->addresses, now_ns, member->tag,
                                                    &member->endpoint),
                      "state", member->state == FAMA_PEER_ALIVE ? "alive" : "dead", "last_seen_ms",
                      number_json(ago_ns / 1000000u), "incarnation",
                      number_json(member->incarnation), "sequence", number_json(member->sequence),
                      "heights", heights_json(node, member->tag)));
    }
    fama_admin_answer(call, json_pack("{s:{s:o, s:o, s:s, s:s}, s:o}", "self", "pki_id",
                                      hex_json(fama_identity_pki_id(self), FAMA_PKI_ID_BYTES),
                                      "endpoint", endpoint_json(&node->config->endpoint), "mspid",
                                      fama_identity_mspid(self), "name",
                                      fama_identity_common_name(self), "members", members));
}

static void answer_stats(struct fama_node *node, struct fama_admin_call *call,
                         const json_t *request)
{
    (void)request;
    struct fama_dataplane_counters counters;
    fama_dataplane_counters(node->dataplane, &counters);
    json_t *drops = json_object();
    for (int i = 1; i < FAMA_DROP_COUNT; i++) {
        json_object_set_new(drops, fama_drop_name(i),
                            json_pack("{s:o, s:s}", "count",
                                      number_json(drops_of(node, &counters, i)), "words",
                                      fama_drop_words(i)));
    }
    fama_admin_answer(
        call, json_pack("{s:o, s:o}", "counters", counters_json(node, &counters), "drops", drops));
}

/* ---- channels ---- */

/* Joins, or takes up again a channel whose ledger is there but was not opened: its ordering source was
 * missing, or another fault that has been mended since the node started. */
static int join_channel(struct fama_node *node, struct fama_bytes genesis,
                        struct fama_channel **channel, struct fama_error *error)
{
    struct fama_channel_setup setup;
    char id[FAMA_CHANNEL_ID_MAX];
    fama_node_channel_setup(node, &setup);
    int result = fama_channel_genesis_id(genesis, id, error);
    if (result != 0) {
        return result;
    }
    if (fama_node_find_channel(node, id) != NULL) {
        return fama_error_set(error, FAMA_CHANNEL_EXISTS, "channel %s is already joined", id);
    }
    result = fama_channel_join(&setup, genesis, channel, error);
    if (result != FAMA_CHANNEL_EXISTS) {
        return result;
    }
    result = fama_channel_open(&setup, id, channel, error);
    if (result == 0 && !fama_channel_begins_with(*channel, genesis)) {
        fama_channel_close(*channel);
        *channel = NULL;
        return fama_error_set(error, FAMA_CHANNEL_EXISTS,
                              "channel %s was joined with another genesis block, in %s/%s: that "
                              "ledger must be moved away first",
                              id, node->ledgers_directory, id);
    }
    return result;
}

static void answer_join(struct fama_node *node, struct fama_admin_call *call, const json_t *request)
{
    const char *path = json_string_value(json_object_get(request, "block_file"));
    struct fama_error error = {""};
    size_t len = 0;
    if (path == NULL) {
        fama_admin_refuse(call, "channel.join needs block_file, the path of a genesis block");
        return;
    }
    if (node->channel_count == FAMA_CHANNELS_MAX) {
        fama_admin_refuse(call, "this node has joined %d channels, which is the most",
                          FAMA_CHANNELS_MAX);
        return;
    }
    uint8_t *bytes;
    if (fama_block_file_read(path, &bytes, &len, &error) != 0) {
        fama_admin_refuse(call, "%s", error.text);
        return;
    }
    struct fama_channel *channel = NULL;
    int result = join_channel(node, fama_bytes(bytes, len), &channel, &error);
    free(bytes);
    if (result == 0) {
        result = fama_node_add_channel(node, channel, &error);
    }
    if (result != 0) {
        fama_admin_refuse(call, "%s", error.text);
        return;
    }
    struct fama_channel_status status;
    fama_channel_status(channel, &status);
    fama_info("channel", "%s: joined at height %llu", fama_channel_id(channel),
              (unsigned long long)status.height);
    fama_admin_answer(call, json_pack("{s:s, s:o}", "channel", fama_channel_id(channel), "height",
                                      number_json(status.height)));
}

static void answer_list(struct fama_node *node, struct fama_admin_call *call, const json_t *request)
{
    (void)request;
    json_t *channels = json_array();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        struct fama_channel_status status;
        fama_channel_status(node->channels[i].channel, &status);
        json_array_append_new(channels, json_pack("{s:s, s:o}", "channel",
                                                  fama_channel_id(node->channels[i].channel),
                                                  "height", number_json(status.height)));
    }
    fama_admin_answer(call, json_pack("{s:o}", "channels", channels));
}

/* The channel a request names; refuses the call and returns NULL if there is none. */
static struct fama_node_channel *named_channel(struct fama_node *node, struct fama_admin_call *call,
                                               const json_t *request)
{
    const char *id = json_string_value(json_object_get(request, "channel"));
    struct fama_node_channel *channel = id == NULL ? NULL : fama_node_find_channel(node, id);
    if (channel == NULL) {
        fama_admin_refuse(call,
                          id == NULL ? "which channel? none was named%s"
                                     : "channel %s is not joined: `fama channel join` first",
                          id == NULL ? "" : id);
    }
    return channel;
}

/* The hash that the last block's header names; that of the snapshot's last block where none came since. */
static json_t *previous_hash_json(const struct fama_ledger *ledger,
                                  const struct fama_ledger_info *info, struct fama_error *error)
{
    const struct fama_ledger_origin *origin = fama_ledger_origin(ledger);
    if (info->height == info->first_block) {
        return hex_json(origin->previous_hash,
                        origin->has_previous_hash ? sizeof(origin->previous_hash) : 0);
    }
    struct fama_block block = {0};
    uint8_t *bytes = NULL;
    size_t len = 0;
    json_t *json = NULL;
    if (fama_ledger_block(ledger, info->height - 1, &bytes, &len, error) == 0) {
        if (fama_block_parse(fama_bytes(bytes, len), &block) == FAMA_BLOCK_ACCEPTED) {
            json = hex_json(block.previous_hash.at, block.previous_hash.len);
        } else {
            fama_error_set(error, -1, "it does not decode");
        }
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return json;
}

static void answer_getinfo(struct fama_node *node, struct fama_admin_call *call,
                           const json_t *request)
{
    struct fama_node_channel *channel = named_channel(node, call, request);
    if (channel == NULL) {
        return;
    }
    struct fama_ledger_info info;
    struct fama_error error = {""};
    const struct fama_ledger *ledger = fama_channel_ledger(channel->channel);
    fama_ledger_info(ledger, &info);
    json_t *previous = previous_hash_json(ledger, &info, &error);
    if (previous == NULL) {
        fama_admin_refuse(call, "block %llu: %s", (unsigned long long)info.height - 1,
                          error.text[0] != '\0' ? error.text : "out of memory");
        return;
    }
    fama_admin_answer(call, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "channel",
                                      fama_channel_id(channel->channel), "height",
                                      number_json(info.height), "first_block",
                                      number_json(info.first_block), "current_block_hash",
                                      hex_json(info.last_hash, sizeof(info.last_hash)),
                                      "previous_block_hash", previous, "commit_hash",
                                      commit_hash_json(info.has_commit_hash, info.commit_hash)));
}

static void answer_fetch(struct fama_node *node, struct fama_admin_call *call,
                         const json_t *request)
{
    struct fama_node_channel *channel = named_channel(node, call, request);
    if (channel == NULL) {
        return;
    }
    const json_t *number = json_object_get(request, "number");
    if (!json_is_integer(number) || json_integer_value(number) < 0) {
        fama_admin_refuse(call, "channel.fetch needs number, a block number");
        return;
    }
    struct fama_error error = {""};
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t wanted = (uint64_t)json_integer_value(number);
    if (fama_ledger_block(fama_channel_ledger(channel->channel), wanted, &bytes, &len, &error) !=
        0) {
        fama_admin_refuse(call, "block %llu: %s", (unsigned long long)wanted, error.text);
        return;
    }
    unsigned char *text = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL || len > INT32_MAX) {
        fama_admin_refuse(call, "block %llu: no memory for %zu bytes", (unsigned long long)wanted,
                          len);
    } else {
        EVP_EncodeBlock(text, bytes, (int)len);
        fama_admin_answer(
            call, json_pack("{s:o, s:s}", "number", number_json(wanted), "block_base64", text));
    }
    free(text);
    fama_ledger_free(bytes);
}

static const char *path_name(enum fama_arrival_path path)
{
    switch (path) {
    case FAMA_ARRIVAL_GENESIS:
        return "genesis";
    case FAMA_ARRIVAL_SOURCE:
        return "source";
    case FAMA_ARRIVAL_PUSH:
        return "push";
    case FAMA_ARRIVAL_PULL:
        return "pull";
    }
    return "unknown";
}

static void answer_arrivals(struct fama_node *node, struct fama_admin_call *call,
                            const json_t *request)
{
    struct fama_node_channel *channel = named_channel(node, call, request);
    if (channel == NULL) {
        return;
    }
    json_int_t first = json_integer_value(json_object_get(request, "first"));
    json_int_t count = json_integer_value(json_object_get(request, "count"));
    if (first < 0 || count <= 0 || count > ARRIVALS_MAX) {
        fama_admin_refuse(call, "channel.arrivals needs first >= 0 and 1 <= count <= %d",
                          ARRIVALS_MAX);
        return;
    }
    struct fama_ledger_info info;
    fama_ledger_info(fama_channel_ledger(channel->channel), &info);
    if ((uint64_t)first < info.first_block) {
        first = (json_int_t)info.first_block;
    }
    json_t *arrivals = json_array();
    for (json_int_t i = 0; i < count; i++) {
        struct fama_arrival arrival;
        uint64_t number = (uint64_t)(first + i);
        if (fama_ledger_arrival(fama_channel_ledger(channel->channel), number, &arrival, NULL) !=
            0) {
            break;
        }
        json_array_append_new(
            arrivals, json_pack("{s:o, s:s, s:o, s:o, s:o}", "number", number_json(number), "path",
                                path_name(arrival.path), "sent_ns", number_json(arrival.sent_ns),
                                "complete_ns", number_json(arrival.complete_ns), "durable_ns",
                                number_json(arrival.durable_ns)));
    }
    fama_admin_answer(call, json_pack("{s:s, s:o}", "channel", fama_channel_id(channel->channel),
                                      "arrivals", arrivals));
}

static json_t *time_json(const struct fama_block_time *time)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "number", number_json(time->number),
                     "bytes", number_json(time->bytes), "path", path_name(time->path), "whole_ns",
                     number_json(time->whole_ns), "judged_ns", number_json(time->judged_ns),
                     "sent_ns", number_json(time->sent_ns), "committed_ns",
                     number_json(time->committed_ns));
}

/* Both clocks at one moment, so that an asker elsewhere can tell what our times are by its own. */
static void answer_blocks(struct fama_node *node, struct fama_admin_call *call,
                          const json_t *request)
{
    struct fama_node_channel *channel = named_channel(node, call, request);
    if (channel == NULL) {
        return;
    }
    json_int_t first = json_integer_value(json_object_get(request, "first"));
    json_int_t count = json_integer_value(json_object_get(request, "count"));
    if (first < 0 || count < 0 || count > TIMES_MAX) {
        fama_admin_refuse(call, "channel.blocks needs first >= 0 and 0 <= count <= %d", TIMES_MAX);
        return;
    }
    struct fama_block_time *times = calloc(TIMES_MAX, sizeof(*times));
    json_t *blocks = json_array();
    if (times == NULL || blocks == NULL) {
        fama_admin_refuse(call, "out of memory");
        free(times);
        json_decref(blocks);
        return;
    }
    struct fama_channel_status status;
    fama_channel_status(channel->channel, &status);
    size_t found =
        fama_channel_block_times(channel->channel, (uint64_t)first, (size_t)count, times);
    for (size_t i = 0; i < found; i++) {
        json_array_append_new(blocks, time_json(&times[i]));
    }
    free(times);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t realtime_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
    fama_admin_answer(
        call, json_pack("{s:s, s:o, s:i, s:s, s:i, s:o, s:o, s:o}", "channel",
                        fama_channel_id(channel->channel), "height", number_json(status.height),
                        "mtu", (int)node->config->dataplane.mtu, "planner",
                        node->config->dataplane.planner == FAMA_PLANNER_INFECTIOUS ? "infectious"
                                                                                   : "coordinated",
                        "fan_out", (int)node->config->propagate_peer_num, "monotonic_ns",
                        number_json(fama_node_now_ns()), "realtime_ns", number_json(realtime_ns),
                        "blocks", blocks));
}

void fama_node_admin(void *context, struct fama_admin_call *call, const json_t *request)
{
    static const struct {
        const char *op;
        void (*answer)(struct fama_node *, struct fama_admin_call *, const json_t *);
    } operations[] = {
        {"node.status", answer_status},        {"gossip.members", answer_members},
        {"gossip.stats", answer_stats},        {"gossip.trust", fama_node_answer_trust},
        {"channel.join", answer_join},         {"channel.list", answer_list},
        {"channel.getinfo", answer_getinfo},   {"channel.fetch", answer_fetch},
        {"channel.arrivals", answer_arrivals}, {"channel.blocks", answer_blocks},
    };
    const char *op = json_string_value(json_object_get(request, "op"));
    for (size_t i = 0; op != NULL && i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(op, operations[i].op) == 0) {
            operations[i].answer(context, call, request);
            return;
        }
    }
    fama_admin_refuse(call, "no such operation: %s", op == NULL ? "(none named)" : op);
}
