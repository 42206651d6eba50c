#include "bench/receive.h"

#include <jansson.h>
#include <rte_prefetch.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/chunk_limits.h"
#include "bench/chunk_world.h"
#include "controlplane/parity.h"
#include "dataplane/net_chunks.h"
#include "dataplane/net_loop.h"

#define BLOCK_BYTES    1000000u
#define BLOCKS         8 /* different ones, each with its own losses */
#define CHUNKS_MAX     2048
#define ROUNDS_MAX     101
#define PREFETCH_AHEAD 4 /* as dataplane/net_loop.c does */
#define SLOTS          2 /* two buffers take turns, ours and the limits' */

static const char help[] =
    "usage: fama-bench receive [--mtu N] [--loss PERCENT] [--rounds N] [--seed N] [--json]\n"
    "\n"
    "Turns chunks into blocks of 1 MB on one core, as a node's net lcore does: judges each "
    "datagram\n"
    "by its clear header, opens it (AES-256-GCM) into its block, hashes it and proves it by its\n"
    "set's Merkle tree, decodes what is missing, and hands whole blocks over. With 0, 1 and 10 "
    "per\n"
    "cent of the chunks lost at random, and as much parity as a node would give such a loss; sets\n"
    "that would need a repair do not occur. Beside it, over the same datagrams and in turn:\n"
    "  primitives   opening and SHA-256 alone, by the functions that Fama uses, two hashes at a "
    "time\n"
    "  openssl      the same with OpenSSL's EVP interface\n"
    "\n"
    "  --mtu N          1500 or 9000 only\n"
    "  --loss PERCENT   with this loss only, at most 20\n"
    "  --rounds N       medians of so many are printed (9)\n"
    "  --seed N         of the losses (1)\n"
    "  --json           one JSON object per case\n"
    "\n"
    "Rates count the blocks' bytes; time is this thread's processor time. A ratio is the median "
    "of\n"
    "the rounds' ratios: 1 would be a receiver that costs nothing beside its primitives; 0.7 is "
    "the\n"
    "goal.\n"
    "\n"
    "example: fama-bench receive --mtu 1500 --loss 1 --json\n";

const struct fama_command fama_bench_receive_command = {
    "receive", "open, prove, reassemble and decode blocks, beside opening and hashing alone", help,
    fama_bench_receive};

static const uint16_t mtus[] = {1500, 9000};
static const uint32_t losses[] = {0, 1, 10}; /* per cent */
#define LOSS_MOST 20

struct receive_options {
    uint64_t mtu, loss, rounds, seed;
    bool as_json;
};

enum contestant {
    CONTESTANT_FAMA = 0,
    CONTESTANT_PRIMITIVES = 1,
    CONTESTANT_OPENSSL = 2,
    CONTESTANTS = 3,
};

/* The chunks of one block that arrive, as they came from its origin. */
struct delivery {
    uint64_t number; /* the block's */
    uint32_t count;
    uint16_t lens[CHUNKS_MAX];
    struct fama_limit_chunk chunks[CHUNKS_MAX]; /* `payload`: an offset into a buffer */
    size_t offsets[CHUNKS_MAX];
    uint8_t *bytes; /* of all the datagrams, CHUNK_ROOM apart */
};

struct bench {
    struct fama_chunk_world world;
    struct fama_limits *limits;
    struct fama_topology topology; /* of the lcore that receives */
    struct fama_net *net;
    struct fama_view *view;
    struct fama_channel_gate gate;
    struct fama_random random;
    struct fama_endpoint source;
    uint8_t *buffers[SLOTS]; /* the limits' */
    /* Of the case at hand. */
    uint16_t mtu;
    uint8_t parity;
    uint32_t loss; /* per cent */
    struct delivery deliveries[BLOCKS];
    struct rte_mbuf *packets[FAMA_NET_BURST];
};

#define CHUNK_ROOM   9216
#define BUFFER_BYTES (2 * BLOCK_BYTES + FAMA_SET_CHUNKS * FAMA_CHUNK_BYTES_MAX)

/* ---- The receiving lcore ---- */

static bool make_lcore(struct bench *bench)
{
    struct fama_error error = {""};
    struct fama_topology *topology = &bench->topology;
    topology->config = (struct fama_dataplane_config){
        .endpoint = fama_endpoint_from_ipv4(0xc6120001, 7051), /* 198.18.0.1 */
        .prefix_bits = 24,
        .mtu = 9000,
        .net_core_count = 1,
        .verify_core_count = 1,
        .mbufs = UINT32_MAX, /* packets are the world's */
        .memory_mb = 1,
        .reassembly = {.slots = SLOTS,
                       .block_bytes_max = BLOCK_BYTES,
                       .roots_max = 64,
                       .held_max = 4096,
                       .blame_ns = 1000000000},
        .propagate_peer_num = 3,
        .hop_budget = 8,
        .random_seed = 1,
    };
    topology->port.queues = 1;
    topology->port.tx_checksums = true;
    topology->port.takes_segments = true;
    topology->port.packets = bench->world.frames;
    topology->port.headers = bench->world.frames;
    if (fama_topology_create(topology, &error) != 0) {
        (void)fprintf(stderr, "fama-bench: receive: %s\n", error.text);
        return false;
    }
    bench->net = fama_net_create(topology, 0);
    return bench->net != NULL;
}

/* One peer, the origin, and nobody to pass chunks on to. */
static bool make_view(struct bench *bench)
{
    struct fama_identity *origin = fama_signer_identity(bench->world.signer);
    struct fama_view *view = fama_view_create(1, 1);
    if (view == NULL) {
        return false;
    }
    bench->view = view;
    view->self = 1;
    struct fama_view_peer *peer = &view->peers[0];
    memcpy(peer->pki_id, fama_identity_pki_id(origin), FAMA_PKI_ID_BYTES);
    peer->tag = fama_tag_of(peer->pki_id);
    peer->endpoint = bench->source;
    peer->identity = fama_identity_acquire(origin);
    peer->is_alive = true;
    struct fama_view_channel *channel = &view->channels[0];
    memcpy(channel->digest, bench->world.channel_digest, FAMA_SHA256_BYTES);
    channel->tag = fama_tag_of(channel->digest);
    channel->gate = &bench->gate;
    if (!fama_view_channel_size(channel, 0, 1)) {
        return false;
    }
    channel->members[0] = 0;
    channel->keys[channel->key_count++] = fama_channel_key_acquire(bench->world.key);
    return fama_view_seal(view);
}

static bool make(struct bench *bench, uint64_t seed)
{
    if (!fama_chunk_world_make(&bench->world, BLOCK_BYTES)) {
        return false;
    }
    fama_random_seed(&bench->random, seed);
    bench->source = fama_endpoint_from_ipv4(0xc6120002, 7051);
    bench->limits = fama_limits_create();
    bool is_made = bench->limits != NULL && make_lcore(bench) && make_view(bench);
    for (size_t i = 0; i < SLOTS; i++) {
        bench->buffers[i] = malloc(BUFFER_BYTES);
        is_made = is_made && bench->buffers[i] != NULL;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        bench->deliveries[i].bytes = malloc((size_t)CHUNKS_MAX * CHUNK_ROOM);
        is_made = is_made && bench->deliveries[i].bytes != NULL;
    }
    return is_made;
}

static void unmake(struct bench *bench)
{
    fama_net_destroy(bench->net);
    fama_view_destroy(bench->view);
    fama_limits_destroy(bench->limits);
    for (size_t i = 0; i < SLOTS; i++) {
        free(bench->buffers[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(bench->deliveries[i].bytes);
    }
}

/* ---- What arrives ---- */

/* Which of a set's chunks are lost: bit i = index i. Never more than parity makes good. */
static uint64_t draw_losses(struct bench *bench, uint32_t data, uint32_t parity)
{
    uint64_t lost;
    do {
        lost = 0;
        for (uint32_t i = 0; i < data + parity; i++) {
            bool is_lost = fama_random_below(&bench->random, 100) < bench->loss;
            lost |= is_lost ? UINT64_C(1) << i : 0;
        }
    } while ((uint32_t)__builtin_popcountll(lost) > parity);
    return lost;
}

static bool add_chunk(struct delivery *delivery, struct fama_bytes datagram,
                      const struct fama_chunk *chunk, size_t *parity_at)
{
    uint32_t at = delivery->count++;
    uint8_t *copy = delivery->bytes + (size_t)at * CHUNK_ROOM;
    size_t number = (size_t)chunk->set * FAMA_SET_CHUNKS + chunk->index;
    bool is_data = chunk->index < chunk->data_chunks;
    if (at >= CHUNKS_MAX || datagram.len > CHUNK_ROOM) {
        return false;
    }
    memcpy(copy, datagram.at, datagram.len);
    delivery->lens[at] = (uint16_t)datagram.len;
    delivery->chunks[at].proof_bytes = fama_wire_chunk_proof_bytes(chunk);
    delivery->chunks[at].payload_bytes = fama_wire_chunk_payload_bytes(chunk);
    delivery->offsets[at] = is_data ? number * chunk->chunk_bytes : *parity_at;
    *parity_at += is_data ? 0 : chunk->chunk_bytes;
    return true;
}

/* Has a block cut by its origin and loses some of it. */
static bool make_delivery(struct bench *bench, struct delivery *delivery)
{
    struct rte_ring *ring = bench->world.origin_end.net[0].origin_to_net;
    delivery->number = bench->world.next_number;
    delivery->count = 0;
    if (!fama_chunk_world_send(&bench->world, BLOCK_BYTES, bench->mtu, bench->parity)) {
        return false;
    }
    bool is_good = true;
    uint64_t lost = 0;
    size_t parity_at = BLOCK_BYTES;
    void *packet = NULL;
    while (rte_ring_dequeue(ring, &packet) == 0) {
        struct fama_chunk chunk;
        struct fama_bytes datagram = fama_packet_bytes(packet);
        is_good = is_good && fama_wire_chunk_read(datagram, &chunk) == FAMA_DROP_NONE;
        if (is_good && chunk.index == 0) {
            lost = draw_losses(bench, chunk.data_chunks, chunk.parity_chunks);
        }
        if (is_good && (lost >> chunk.index & 1) == 0) {
            is_good = add_chunk(delivery, datagram, &chunk, &parity_at);
        }
        rte_pktmbuf_free(packet);
    }
    return is_good;
}

/* The next burst of datagrams into packets, as a port hands them over: just written. How many, 0 on failure. */
static uint32_t fill_burst(struct bench *bench, const struct delivery *delivery, uint32_t from)
{
    uint32_t left = delivery->count - from;
    uint32_t count = left < FAMA_NET_BURST ? left : FAMA_NET_BURST;
    if (rte_pktmbuf_alloc_bulk(fama_chunk_world_pool(&bench->world, bench->mtu), bench->packets,
                               count) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct rte_mbuf *packet = bench->packets[i];
        uint16_t len = delivery->lens[from + i];
        char *at = rte_pktmbuf_append(packet, len);
        if (at == NULL) {
            return 0;
        }
        memcpy(at, delivery->bytes + (size_t)(from + i) * CHUNK_ROOM, len);
        *fama_packet_of(packet) = (struct fama_packet){.peer = bench->source};
    }
    return count;
}

/* ---- The contestants: processor time of one burst ---- */

/* The verify lcores, who find every root good. */
static void judge_roots(struct bench *bench)
{
    void *object = NULL;
    while (rte_ring_dequeue(bench->topology.net_to_verify_roots, &object) == 0) {
        struct fama_root_job *job = object;
        job->job.verdict = FAMA_VERDICT_GOOD;
        (void)rte_ring_enqueue(bench->topology.net[0].verify_to_net, job); /* one entry per job */
    }
}

/* The commit thread, who wants one whole block. */
static bool commit(struct bench *bench, const struct delivery *delivery)
{
    void *object = NULL;
    if (rte_ring_dequeue(bench->topology.net_to_commit[0], &object) != 0) {
        return false;
    }
    const struct fama_assembled *block = object;
    bool is_right = block->number == delivery->number && block->len == BLOCK_BYTES &&
                    memcmp(block->at, bench->world.block, BLOCK_BYTES) == 0;
    uintptr_t word = FAMA_RETURN_WORD(block->slot, true);
    bench->gate.next_block = delivery->number + 1;
    is_right =
        rte_ring_enqueue(bench->topology.net[0].commit_to_net, (void *)word) == 0 && is_right;
    return fama_net_take_returns(bench->net) == 1 && is_right;
}

static uint64_t run_fama(struct bench *bench, uint32_t count)
{
    struct fama_net *net = bench->net;
    uint64_t began = fama_bench_busy_ns();
    for (uint32_t i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count) {
            rte_prefetch0(rte_pktmbuf_mtod(bench->packets[i + PREFETCH_AHEAD], void *));
        }
        fama_net_take_chunk(net, bench->packets[i]);
    }
    fama_net_settle_chunks(net);
    judge_roots(bench);
    (void)fama_net_take_verdicts(net);
    return fama_bench_busy_ns() - began;
}

static uint64_t run_limit(struct bench *bench, struct delivery *delivery, uint32_t from,
                          uint32_t count, enum fama_limit which)
{
    uint8_t *buffer = bench->buffers[delivery->number % SLOTS];
    struct fama_limit_chunk *chunks = delivery->chunks + from;
    for (uint32_t i = 0; i < count; i++) {
        chunks[i].datagram = rte_pktmbuf_mtod(bench->packets[i], uint8_t *);
        chunks[i].payload = buffer + delivery->offsets[from + i];
    }
    uint64_t began = fama_bench_busy_ns();
    fama_limits_open(bench->limits, which, chunks, count);
    uint64_t took = fama_bench_busy_ns() - began;
    rte_pktmbuf_free_bulk(bench->packets, count);
    return took;
}

/* One block; 0 on failure. */
static uint64_t run_block(struct bench *bench, struct delivery *delivery,
                          enum contestant contestant)
{
    uint64_t took = 0;
    bench->net->view = bench->view;
    bench->net->now_ns += 1000000;
    bench->gate.next_block = delivery->number;
    for (uint32_t from = 0; from < delivery->count; from += FAMA_NET_BURST) {
        uint32_t count = fill_burst(bench, delivery, from);
        if (count == 0) {
            return 0;
        }
        switch (contestant) {
        case CONTESTANT_FAMA:
            took += run_fama(bench, count);
            break;
        case CONTESTANT_PRIMITIVES:
            took += run_limit(bench, delivery, from, count, FAMA_LIMIT_PRIMITIVES);
            break;
        case CONTESTANT_OPENSSL:
            took += run_limit(bench, delivery, from, count, FAMA_LIMIT_OPENSSL);
            break;
        case CONTESTANTS:
            return 0;
        }
    }
    bool is_done = contestant != CONTESTANT_FAMA || commit(bench, delivery);
    return is_done ? took : 0;
}

/* All blocks; 0 on failure. */
static double run(struct bench *bench, enum contestant contestant)
{
    uint64_t all = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        uint64_t took = run_block(bench, &bench->deliveries[i], contestant);
        if (took == 0) {
            return 0;
        }
        all += took;
    }
    return (double)all;
}

/* ---- Rounds and results ---- */

static void print(const struct bench *bench, const double gbit_per_s[CONTESTANTS],
                  const double ratios[CONTESTANTS], bool as_json)
{
    if (!as_json) {
        (void)printf("MTU %u, %2u %% lost, parity %2u: %6.2f Gbit/s, primitives %6.2f, openssl "
                     "%6.2f; %.2f of the primitives, %.2f of openssl\n",
                     bench->mtu, bench->loss, bench->parity, gbit_per_s[CONTESTANT_FAMA],
                     gbit_per_s[CONTESTANT_PRIMITIVES], gbit_per_s[CONTESTANT_OPENSSL],
                     ratios[CONTESTANT_PRIMITIVES], ratios[CONTESTANT_OPENSSL]);
    } else {
        json_t *line = json_pack(
            "{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "case", "receive",
            "block_bytes", (int)BLOCK_BYTES, "mtu", (int)bench->mtu, "loss_percent",
            (int)bench->loss, "parity", (int)bench->parity, "chunks_of_first_block",
            (int)bench->deliveries[0].count, "fama_gbit_per_s", gbit_per_s[CONTESTANT_FAMA],
            "primitives_gbit_per_s", gbit_per_s[CONTESTANT_PRIMITIVES], "openssl_gbit_per_s",
            gbit_per_s[CONTESTANT_OPENSSL], "ratio_primitives", ratios[CONTESTANT_PRIMITIVES],
            "ratio_openssl", ratios[CONTESTANT_OPENSSL]);
        (void)json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        (void)putchar('\n');
        json_decref(line);
    }
    (void)fflush(stdout);
}

/* The first round warms up. */
static bool run_case(struct bench *bench, const struct receive_options *options)
{
    static double took[CONTESTANTS][ROUNDS_MAX];
    static double ratio[CONTESTANTS][ROUNDS_MAX];
    double gbit_per_s[CONTESTANTS];
    double ratios[CONTESTANTS];
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!make_delivery(bench, &bench->deliveries[i])) {
            return false;
        }
    }
    for (size_t round = 0; round < options->rounds + 1; round++) {
        size_t at = round == 0 ? 0 : round - 1;
        for (int i = 0; i < CONTESTANTS; i++) {
            took[i][at] = run(bench, (enum contestant)i);
            if (took[i][at] == 0) {
                return false;
            }
        }
        for (int i = 0; i < CONTESTANTS; i++) {
            ratio[i][at] = took[i][at] / took[CONTESTANT_FAMA][at];
        }
    }
    for (int i = 0; i < CONTESTANTS; i++) {
        gbit_per_s[i] =
            (double)BLOCKS * BLOCK_BYTES * 8 / fama_bench_median(took[i], options->rounds);
        ratios[i] = fama_bench_median(ratio[i], options->rounds);
    }
    print(bench, gbit_per_s, ratios, options->as_json);
    return true;
}

static int read_options(int argc, char **argv, struct receive_options *options)
{
    *options = (struct receive_options){.loss = UINT64_MAX, .rounds = 9, .seed = 1};
    const struct fama_option table[] = {
        {"mtu", FAMA_OPTION_NUMBER, &options->mtu, false},
        {"loss", FAMA_OPTION_NUMBER, &options->loss, false},
        {"rounds", FAMA_OPTION_NUMBER, &options->rounds, false},
        {"seed", FAMA_OPTION_NUMBER, &options->seed, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
    };
    int status = fama_options_parse(&fama_bench_receive_command, table,
                                    sizeof table / sizeof table[0], argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if ((options->mtu != 0 && options->mtu != 1500 && options->mtu != 9000) ||
        (options->loss > LOSS_MOST && options->loss != UINT64_MAX) || options->rounds == 0 ||
        options->rounds > ROUNDS_MAX) {
        (void)fprintf(
            stderr,
            "fama-bench receive: an MTU of 1500 or 9000, a loss of at most %d per cent, 1 "
            "to %d rounds\nTry `fama-bench receive --help`.\n",
            LOSS_MOST, ROUNDS_MAX);
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

static bool run_all(struct bench *bench, const struct receive_options *options)
{
    bool has_wish = options->loss != UINT64_MAX;
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        if (options->mtu != 0 && options->mtu != mtus[i]) {
            continue;
        }
        for (size_t j = 0; j < (has_wish ? 1 : sizeof losses / sizeof losses[0]); j++) {
            bench->mtu = mtus[i];
            bench->loss = has_wish ? (uint32_t)options->loss : losses[j];
            bench->parity =
                (uint8_t)fama_parity_for(bench->loss * FAMA_LOSS_WHOLE / 100, 0, FAMA_PARITY_MAX);
            if (!run_case(bench, options)) {
                return false;
            }
        }
    }
    return true;
}

int fama_bench_receive(int argc, char **argv)
{
    static struct bench bench;
    struct receive_options options;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    bool is_done = make(&bench, options.seed) && run_all(&bench, &options);
    if (!is_done) {
        (void)fprintf(stderr,
                      "fama-bench: receive: out of memory, or a block did not come out whole\n");
    }
    unmake(&bench);
    return is_done ? FAMA_EXIT_OK : FAMA_EXIT_FAILED;
}
