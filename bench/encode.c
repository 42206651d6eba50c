#include "bench/encode.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/chunk_limits.h"
#include "bench/chunk_world.h"
#include "dataplane/erasure.h"

#define ROUNDS_MAX  101
#define BLOCK_LARGE 10000000u
#define BLOCK_SMALL 1000000u

static const char help[] =
    "usage: fama-bench encode [--mtu N] [--bytes N] [--parity N] [--rounds N] [--json]\n"
    "\n"
    "Turns blocks of 1 MB and 10 MB into chunks on one core, as a node's origin thread does: cuts\n"
    "them into sets of 32, adds parity (ISA-L), hashes every chunk into its set's Merkle tree,\n"
    "signs each root (ECDSA P-256), seals each chunk (AES-256-GCM) into a packet and queues it.\n"
    "Beside it, over the same bytes and in turn:\n"
    "  primitives   sealing, coding, hashing and signing alone, by the functions that Fama uses\n"
    "  openssl      the same with OpenSSL's EVP interface for sealing and hashing\n"
    "\n"
    "  --mtu N      1500 or 9000 (1500)\n"
    "  --bytes N    blocks of this size only, at most 10000000\n"
    "  --parity N   parity chunks of a full set, 0 to 8: with so many only (0, 4 and 8)\n"
    "  --rounds N   medians of so many are printed (9)\n"
    "  --json       one JSON object per case\n"
    "\n"
    "Time is this thread's processor time. A ratio is the median of the rounds' ratios: 1 would "
    "be\n"
    "an origin that costs nothing beside its primitives; 0.7 is the goal.\n"
    "\n"
    "example: fama-bench encode --parity 4 --json\n";

const struct fama_command fama_bench_encode_command = {
    "encode", "code, hash, sign and seal blocks, beside the primitives alone", help,
    fama_bench_encode};

#define PARITY_MOST 8
static const uint32_t parities[] = {0, 4, PARITY_MOST};
static const uint32_t sizes[] = {BLOCK_SMALL, BLOCK_LARGE};

struct encode_options {
    uint64_t mtu, bytes, parity, rounds;
    bool as_json;
};

/* One case, and what the limits need for it. */
struct encode_case {
    uint32_t block_bytes;
    uint16_t mtu;
    uint8_t parity;
    uint16_t chunk_bytes;
    struct fama_geometry geometry;
    struct rte_mbuf *packets[FAMA_CHUNK_WORLD_PACKETS];
    struct fama_limit_chunk chunks[FAMA_CHUNK_WORLD_PACKETS];
    uint8_t made[FAMA_PARITY_MAX][FAMA_CHUNK_BYTES_MAX];
    uint32_t count;
};

enum contestant {
    CONTESTANT_FAMA = 0,
    CONTESTANT_PRIMITIVES = 1,
    CONTESTANT_OPENSSL = 2,
    CONTESTANTS = 3,
};

struct bench {
    struct fama_chunk_world world;
    struct fama_limits *limits;
    struct fama_erasure *erasure;
    struct encode_case at_hand;
};

static uint32_t take_queued(struct bench *bench)
{
    struct rte_ring *ring = bench->world.origin_end.net[0].origin_to_net;
    return rte_ring_dequeue_burst(ring, (void **)bench->at_hand.packets, FAMA_CHUNK_WORLD_PACKETS,
                                  NULL);
}

static void give_back(struct bench *bench)
{
    rte_pktmbuf_free_bulk(bench->at_hand.packets, bench->at_hand.count);
}

/* Has the block sent once, and learns from its packets where the limits' chunks go and how long they are. */
static bool lay_out(struct bench *bench)
{
    struct encode_case *what = &bench->at_hand;
    if (!fama_chunk_world_send(&bench->world, what->block_bytes, what->mtu, what->parity)) {
        return false;
    }
    what->count = take_queued(bench);
    for (uint32_t i = 0; i < what->count; i++) {
        struct fama_chunk chunk;
        struct fama_bytes datagram = fama_packet_bytes(what->packets[i]);
        if (fama_wire_chunk_read(datagram, &chunk) != FAMA_DROP_NONE ||
            !fama_geometry(chunk.block_bytes, chunk.chunk_bytes, &what->geometry)) {
            return false;
        }
        what->chunk_bytes = chunk.chunk_bytes;
        uint32_t number = (uint32_t)chunk.set * FAMA_SET_CHUNKS + chunk.index;
        what->chunks[i] = (struct fama_limit_chunk){
            .datagram = rte_pktmbuf_mtod(what->packets[i], uint8_t *),
            .proof_bytes = fama_wire_chunk_proof_bytes(&chunk),
            .payload_bytes = fama_wire_chunk_payload_bytes(&chunk),
            .payload = chunk.index < chunk.data_chunks
                           ? bench->world.block + (size_t)number * chunk.chunk_bytes
                           : what->made[chunk.index - chunk.data_chunks],
        };
    }
    return what->count > 0;
}

/* ---- The contestants: processor time of one block, 0 on failure ---- */

static uint64_t run_fama(struct bench *bench)
{
    const struct encode_case *what = &bench->at_hand;
    uint64_t began = fama_bench_busy_ns();
    bool is_sent = fama_chunk_world_send(&bench->world, what->block_bytes, what->mtu, what->parity);
    uint64_t took = fama_bench_busy_ns() - began;
    uint32_t count = take_queued(bench);
    bool is_whole = is_sent && count == what->count;
    rte_pktmbuf_free_bulk(bench->at_hand.packets, count);
    return is_whole ? took : 0;
}

static bool run_set(struct bench *bench, enum fama_limit which,
                    const struct fama_limit_chunk *chunks, uint32_t data, uint32_t parity)
{
    const uint8_t *sources[FAMA_SET_CHUNKS];
    uint8_t *made[FAMA_PARITY_MAX];
    for (uint32_t i = 0; i < data; i++) {
        sources[i] = chunks[i].payload;
    }
    for (uint32_t i = 0; i < parity; i++) {
        made[i] = bench->at_hand.made[i];
    }
    const struct fama_erasure_shape shape = {
        .data_chunks = data,
        .parity_chunks = parity,
        .chunk_bytes = (uint32_t)chunks[0].payload_bytes,
        .last_bytes = (uint32_t)chunks[data - 1].payload_bytes,
    };
    if (parity > 0 && fama_erasure_encode(bench->erasure, &shape, sources, made) != 0) {
        return false;
    }
    fama_limits_seal(bench->limits, which, chunks, data + parity);
    return fama_limits_sign(bench->limits);
}

static uint64_t run_limit(struct bench *bench, enum fama_limit which)
{
    struct encode_case *what = &bench->at_hand;
    if (rte_pktmbuf_alloc_bulk(fama_chunk_world_pool(&bench->world, what->mtu), what->packets,
                               what->count) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < what->count; i++) {
        what->chunks[i].datagram = rte_pktmbuf_mtod(what->packets[i], uint8_t *);
    }
    const struct fama_limit_chunk *chunks = what->chunks;
    bool is_done = true;
    uint64_t began = fama_bench_busy_ns();
    for (uint32_t set = 0; set < what->geometry.sets && is_done; set++) {
        uint32_t data = fama_geometry_set_chunks(&what->geometry, set);
        uint32_t parity = fama_geometry_parity_chunks(what->parity, data);
        is_done = run_set(bench, which, chunks, data, parity);
        chunks += data + parity;
    }
    uint64_t took = fama_bench_busy_ns() - began;
    give_back(bench);
    return is_done ? took : 0;
}

static uint64_t run(struct bench *bench, enum contestant contestant)
{
    switch (contestant) {
    case CONTESTANT_FAMA:
        return run_fama(bench);
    case CONTESTANT_PRIMITIVES:
        return run_limit(bench, FAMA_LIMIT_PRIMITIVES);
    case CONTESTANT_OPENSSL:
        return run_limit(bench, FAMA_LIMIT_OPENSSL);
    case CONTESTANTS:
        break;
    }
    return 0;
}

/* ---- Rounds and results ---- */

static void print(const struct encode_case *what, const double mb_per_s[CONTESTANTS],
                  const double ratios[CONTESTANTS], bool as_json)
{
    if (!as_json) {
        (void)printf("%8u bytes, MTU %u, parity %u: %7.0f MB/s, primitives %7.0f, openssl %7.0f; "
                     "%.2f of the primitives, %.2f of openssl\n",
                     what->block_bytes, what->mtu, what->parity, mb_per_s[CONTESTANT_FAMA],
                     mb_per_s[CONTESTANT_PRIMITIVES], mb_per_s[CONTESTANT_OPENSSL],
                     ratios[CONTESTANT_PRIMITIVES], ratios[CONTESTANT_OPENSSL]);
    } else {
        json_t *line =
            json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "case", "encode",
                      "block_bytes", (int)what->block_bytes, "mtu", (int)what->mtu, "parity",
                      (int)what->parity, "chunk_payload_bytes", (int)what->chunk_bytes, "chunks",
                      (int)what->count, "fama_mb_per_s", mb_per_s[CONTESTANT_FAMA],
                      "primitives_mb_per_s", mb_per_s[CONTESTANT_PRIMITIVES], "openssl_mb_per_s",
                      mb_per_s[CONTESTANT_OPENSSL], "ratio_primitives",
                      ratios[CONTESTANT_PRIMITIVES], "ratio_openssl", ratios[CONTESTANT_OPENSSL]);
        (void)json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        (void)putchar('\n');
        json_decref(line);
    }
    (void)fflush(stdout);
}

/* The first round warms up. */
static bool run_case(struct bench *bench, const struct encode_options *options)
{
    static double took[CONTESTANTS][ROUNDS_MAX];
    static double ratio[CONTESTANTS][ROUNDS_MAX];
    double mb_per_s[CONTESTANTS];
    double ratios[CONTESTANTS];
    if (!lay_out(bench)) {
        return false;
    }
    give_back(bench);
    for (size_t round = 0; round < options->rounds + 1; round++) {
        size_t at = round == 0 ? 0 : round - 1;
        for (int i = 0; i < CONTESTANTS; i++) {
            took[i][at] = (double)run(bench, (enum contestant)i);
            if (took[i][at] == 0) {
                return false;
            }
        }
        for (int i = 0; i < CONTESTANTS; i++) {
            ratio[i][at] = took[i][at] / took[CONTESTANT_FAMA][at];
        }
    }
    for (int i = 0; i < CONTESTANTS; i++) {
        mb_per_s[i] =
            bench->at_hand.block_bytes * 1e3 / fama_bench_median(took[i], options->rounds);
        ratios[i] = fama_bench_median(ratio[i], options->rounds);
    }
    print(&bench->at_hand, mb_per_s, ratios, options->as_json);
    return true;
}

static int read_options(int argc, char **argv, struct encode_options *options)
{
    *options = (struct encode_options){.mtu = 1500, .parity = UINT64_MAX, .rounds = 9};
    const struct fama_option table[] = {
        {"mtu", FAMA_OPTION_NUMBER, &options->mtu, false},
        {"bytes", FAMA_OPTION_NUMBER, &options->bytes, false},
        {"parity", FAMA_OPTION_NUMBER, &options->parity, false},
        {"rounds", FAMA_OPTION_NUMBER, &options->rounds, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
    };
    int status = fama_options_parse(&fama_bench_encode_command, table,
                                    sizeof table / sizeof table[0], argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if ((options->mtu != 1500 && options->mtu != 9000) || options->bytes > BLOCK_LARGE ||
        (options->parity > PARITY_MOST && options->parity != UINT64_MAX) || options->rounds == 0 ||
        options->rounds > ROUNDS_MAX) {
        (void)fprintf(stderr,
                      "fama-bench encode: an MTU of 1500 or 9000, blocks of at most %u bytes, at "
                      "most %d parity chunks, 1 to %d rounds\nTry `fama-bench encode --help`.\n",
                      BLOCK_LARGE, PARITY_MOST, ROUNDS_MAX);
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

static bool run_all(struct bench *bench, const struct encode_options *options)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t bytes = options->bytes != 0 ? (uint32_t)options->bytes : sizes[i];
        for (size_t j = 0; j < sizeof parities / sizeof parities[0]; j++) {
            bool has_wish = options->parity != UINT64_MAX;
            bench->at_hand.block_bytes = bytes;
            bench->at_hand.mtu = (uint16_t)options->mtu;
            bench->at_hand.parity = (uint8_t)(has_wish ? options->parity : parities[j]);
            if (!run_case(bench, options)) {
                return false;
            }
            if (has_wish) {
                break;
            }
        }
        if (options->bytes != 0) {
            break;
        }
    }
    return true;
}

int fama_bench_encode(int argc, char **argv)
{
    static struct bench bench;
    struct encode_options options;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    if (!fama_chunk_world_make(&bench.world, BLOCK_LARGE)) {
        return FAMA_EXIT_FAILED;
    }
    bench.limits = fama_limits_create();
    bench.erasure = fama_erasure_create();
    bool is_done = bench.limits != NULL && bench.erasure != NULL && run_all(&bench, &options);
    if (!is_done) {
        (void)fprintf(stderr, "fama-bench: encode: out of memory, or a block could not be sent\n");
    }
    fama_erasure_destroy(bench.erasure);
    fama_limits_destroy(bench.limits);
    return is_done ? FAMA_EXIT_OK : FAMA_EXIT_FAILED;
}
