/* Chunks that were opened while nobody knew their root yet, kept opened until its verdict: else each of them would
 * be opened and hashed a second time. There are only so many: a chunk for which there is no room waits sealed,
 * and is opened again.
 *
 * Owner: one net lcore. All memory is taken, and touched, at creation: about 2.5 MB. What lies in it is
 * plaintext of members' blocks. Adversary: members that send chunks of many roots at once make others'
 * wait sealed, no worse. */
#ifndef FAMA_DATAPLANE_OPENED_H
#define FAMA_DATAPLANE_OPENED_H

#include "dataplane/wire.h"

/* The last so many serve the burst at hand only. */
#define FAMA_OPENED_AT_HAND 32
#define FAMA_OPENED_KEPT    256

struct fama_opened {
    uint8_t leaf[FAMA_MERKLE_NODE_BYTES];
    uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX]; /* signature, then proof */
    uint8_t payload[FAMA_CHUNK_BYTES_MAX];
};

struct fama_opened_pool {
    struct fama_opened *all;
    /* What was used last is taken first: it lies in the caches. */
    struct fama_opened *free[FAMA_OPENED_AT_HAND + FAMA_OPENED_KEPT];
    uint32_t free_count;
};

/* False when out of memory. */
bool fama_opened_pool_create(struct fama_opened_pool *pool);
/* Fine with nothing created. */
void fama_opened_pool_destroy(struct fama_opened_pool *pool);

/* Never NULL for whoever has taken fewer than FAMA_OPENED_AT_HAND since fama_opened_may_keep was last heeded. */
static inline struct fama_opened *fama_opened_take(struct fama_opened_pool *pool)
{
    return pool->free_count > 0 ? pool->free[--pool->free_count] : NULL;
}

/* NULL is fine. */
static inline void fama_opened_give(struct fama_opened_pool *pool, struct fama_opened *opened)
{
    if (opened != NULL) {
        pool->free[pool->free_count++] = opened;
    }
}

/* Whether one that has been taken may be kept beyond the burst at hand. */
static inline bool fama_opened_may_keep(const struct fama_opened_pool *pool)
{
    return pool->free_count >= FAMA_OPENED_AT_HAND;
}

#endif
