#include "bench/chunk_world.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/signer.h"
#include "dataplane/origin.h"

#define PRIVATE_BYTES RTE_ALIGN_CEIL(sizeof(struct fama_packet), RTE_MBUF_PRIV_ALIGN)
#define POOL_CACHE    256 /* packets kept by an lcore, as the port's pools have it */
#define HOP_BUDGET    8
#define FRAME_MTU     1500
#define FRAME_BYTES   2048
#define JUMBO_BYTES   9216

/* DPDK binds its main lcore, this thread, to the processor that it happens to run on. */
static bool start_dpdk(void)
{
    char lcores[32];
    int here = sched_getcpu();
    (void)snprintf(lcores, sizeof lcores, "0@%d", here >= 0 ? here : 0);
    char words[][24] = {"fama-bench",  "--no-huge",         "--no-pci",
                        "--no-shconf", "--no-telemetry",    "-m",
                        "256",         "--log-level=error", "--lcores"};
    char *arguments[sizeof words / sizeof words[0] + 1];
    int count = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        arguments[count++] = words[i];
    }
    arguments[count++] = lcores;
    if (rte_eal_init(count, arguments) < 0) {
        (void)fprintf(stderr, "fama-bench: DPDK does not start: %s\n", rte_strerror(rte_errno));
        return false;
    }
    return true;
}

static bool make_origin(struct fama_chunk_world *world)
{
    struct fama_error error = {""};
    if (fama_bench_signer(&world->msp, &world->signer, &error) != 0) {
        (void)fprintf(stderr, "fama-bench: no signer: %s\n", error.text);
        return false;
    }
    static const uint8_t secret[FAMA_CHANNEL_KEY_BYTES] = {1}; /* nobody listens */
    fama_channel_digest(FAMA_CHUNK_WORLD_CHANNEL, world->channel_digest);
    const struct fama_channel_key_setup setup = {
        .channel_digest = world->channel_digest,
        .maker_pki_id = fama_identity_pki_id(fama_signer_identity(world->signer)),
        .epoch = 1,
        .bytes = secret,
    };
    world->key = fama_channel_key_create(&setup);
    world->encoder = fama_set_encoder_create();
    world->block = malloc(world->block_bytes);
    if (world->key == NULL || world->encoder == NULL || world->block == NULL) {
        (void)fprintf(stderr, "fama-bench: out of memory\n");
        return false;
    }
    struct fama_random random;
    fama_random_seed(&random, 1);
    for (size_t i = 0; i < world->block_bytes; i++) {
        world->block[i] = (uint8_t)fama_random_next(&random);
    }
    return true;
}

static struct rte_mempool *make_pool(const char *name, uint32_t packets, uint16_t bytes)
{
    return rte_pktmbuf_pool_create(name, packets, POOL_CACHE, PRIVATE_BYTES,
                                   (uint16_t)(RTE_PKTMBUF_HEADROOM + bytes), SOCKET_ID_ANY);
}

bool fama_chunk_world_make(struct fama_chunk_world *world, size_t block_bytes)
{
    *world = (struct fama_chunk_world){.block_bytes = block_bytes};
    if (!start_dpdk() || !make_origin(world)) {
        return false;
    }
    struct fama_topology *topology = &world->origin_end;
    topology->config.net_core_count = 1;
    topology->config.hop_budget = HOP_BUDGET;
    world->frames = make_pool("frames", FAMA_CHUNK_WORLD_PACKETS, FRAME_BYTES);
    world->jumbo_frames = make_pool("jumbo frames", FAMA_CHUNK_WORLD_JUMBO, JUMBO_BYTES);
    topology->net[0].origin_to_net =
        rte_ring_create("chunks", FAMA_CHUNK_WORLD_PACKETS, SOCKET_ID_ANY, RING_F_EXACT_SZ);
    if (world->frames == NULL || world->jumbo_frames == NULL ||
        topology->net[0].origin_to_net == NULL) {
        (void)fprintf(stderr, "fama-bench: no packet memory: %s\n", rte_strerror(rte_errno));
        return false;
    }
    return true;
}

struct rte_mempool *fama_chunk_world_pool(const struct fama_chunk_world *world, uint16_t mtu)
{
    return mtu <= FRAME_MTU ? world->frames : world->jumbo_frames;
}

bool fama_chunk_world_send(struct fama_chunk_world *world, size_t block_bytes, uint16_t mtu,
                           uint8_t parity)
{
    const struct fama_block_send send = {
        .transmit_class = FAMA_TRANSMIT_NEW_BLOCK,
        .channel_id = FAMA_CHUNK_WORLD_CHANNEL,
        .number = world->next_number++,
        .bytes = fama_bytes(world->block, block_bytes),
        .encoder = world->encoder,
        .key = world->key,
        .parity = parity,
        .is_infectious = true,
    };
    world->origin_end.config.mtu = mtu;
    world->origin_end.port.packets = fama_chunk_world_pool(world, mtu);
    return fama_origin_send(&world->origin_end, world->signer, &send, NULL) == 0;
}

uint64_t fama_bench_busy_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double fama_bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_size);
    return values[count / 2];
}
