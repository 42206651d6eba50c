/* Where a leader's blocks come from: the face of every ordering source (a directory of block files, an
 * orderer's Deliver stream), and the arithmetic of when to ask it.
 *
 * A source is asked for one block by number, whenever the node is ready for it; asking for the same number
 * again is always allowed, and is what the node does after refusing a block. A source never judges what
 * it hands out: it may be cut short, forged or another channel's; the node checks it like any block.
 *
 * Ownership: made by its own open function, ended by `close`, which frees it. Control thread only; `next`
 * never waits for a network or a clock, at most for a disk. Adversary: whoever fills the source. */
#ifndef FAMA_CONTROLPLANE_BLOCK_SOURCE_H
#define FAMA_CONTROLPLANE_BLOCK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/error.h"

enum fama_block_source_error {
    FAMA_BLOCK_SOURCE_NOT_YET = -1,   /* no such block so far; no words; ask again later */
    FAMA_BLOCK_SOURCE_FAILED = -2,    /* the source is broken, perhaps for a while; words say how */
    FAMA_BLOCK_SOURCE_TOO_LARGE = -3, /* the block exceeds the source's limit; not read */
};

struct fama_block_source {
    /* 0 and the serialized block, which the caller releases with free(); else `*bytes` is NULL. */
    int (*next)(struct fama_block_source *source, uint64_t number, uint8_t **bytes, size_t *len,
                struct fama_error *error);
    /* The highest number it has something for at the moment; false if there is nothing at all. NULL where a
     * source cannot tell. */
    bool (*last)(const struct fama_block_source *source, uint64_t *number);
    void (*close)(struct fama_block_source *source);
};

struct fama_block_pace {
    double blocks_per_second; /* 0: flat out. Above a thousand million it makes no difference. */
};

/* A node that was held up for longer than this does not make up for the time it lost. */
#define FAMA_BLOCK_PACE_CATCH_UP_NS UINT64_C(1000000000)

/* When the next block is due, if the one due at `due_ns` goes out at `now_ns`. The average rate is kept
 * across short delays. For the first block `due_ns` is `now_ns`. Any monotonic clock. Pure. */
uint64_t fama_block_pace_due_ns(struct fama_block_pace pace, uint64_t due_ns, uint64_t now_ns);

#define FAMA_BLOCK_RETRY_FIRST_NS UINT64_C(100000000)
#define FAMA_BLOCK_RETRY_MAX_NS   UINT64_C(5000000000)

/* How long to wait after the `attempts`-th (from 1) refusal or failure in a row: doubling from the first to
 * the longest wait, and of that a random part between half and all, so that several leaders do not ask in
 * step. `random` is any 64 random bits. Pure. */
uint64_t fama_block_retry_after_ns(uint32_t attempts, uint64_t random);

#endif
