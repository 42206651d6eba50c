/* What the benches of sealing, coding and hashing share: an origin with signer, channel key and encoder, packet
 * memory, and a clock of one thread's own processor time.
 *
 * One thread; once per process, since DPDK starts once. */
#ifndef FAMA_BENCH_CHUNK_WORLD_H
#define FAMA_BENCH_CHUNK_WORLD_H

#include "crypto/signer.h"
#include "dataplane/topology.h"

#define FAMA_CHUNK_WORLD_CHANNEL "bench"

struct fama_chunk_world {
    struct fama_msp *msp;
    struct fama_signer *signer;
    struct fama_channel_key *key; /* the signer's, epoch 1 */
    struct fama_set_encoder *encoder;
    uint8_t channel_digest[FAMA_SHA256_BYTES];
    uint8_t *block; /* bytes without a pattern; block_bytes of them */
    size_t block_bytes;
    struct rte_mempool *frames, *jumbo_frames;
    /* The origin's end of a topology: packets of one kind, and the ring that its chunks go to. */
    struct fama_topology origin_end;
    uint64_t next_number;
};

/* Of chunks that a block of 10 MB is cut into, with parity. */
#define FAMA_CHUNK_WORLD_PACKETS 12287
#define FAMA_CHUNK_WORLD_JUMBO   2047

/* Binds the thread to the processor it runs on, starts DPDK on ordinary pages and takes packet memory. Says on
 * standard error what is wrong. Ends with the process. */
bool fama_chunk_world_make(struct fama_chunk_world *world, size_t block_bytes);
/* Packets for frames of this MTU. */
struct rte_mempool *fama_chunk_world_pool(const struct fama_chunk_world *world, uint16_t mtu);

/* Cuts the first `block_bytes` of the block, as a new block of the next number, as the origin thread does: into
 * packets, which are in the ring then. False if that fails. */
bool fama_chunk_world_send(struct fama_chunk_world *world, size_t block_bytes, uint16_t mtu,
                           uint8_t parity);

/* Processor time of this thread: what others take of a processor is nobody's property. */
uint64_t fama_bench_busy_ns(void);
/* Puts the values into order. */
double fama_bench_median(double *values, size_t count);

#endif
