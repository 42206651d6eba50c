/* Threads that check signatures for an offline tool: what the verify lcores are to a node.
 *
 * A batch is cut into parts that the threads and, while it waits, the caller itself take in turn. With no
 * threads the caller does all of it. Several batches may be under way; they are finished in any order.
 * One caller thread. */
#ifndef FAMA_CONTROLPLANE_VERIFY_POOL_H
#define FAMA_CONTROLPLANE_VERIFY_POOL_H

#include "crypto/verifier.h"

struct fama_verify_pool;

/* The caller's; zeroed before its first use, reusable after it was finished. */
struct fama_pool_batch {
    struct fama_verify_job **jobs;
    size_t count;
    size_t taken; /* jobs that somebody runs or has run; this and the next under the pool's lock */
    size_t done;
    struct fama_pool_batch *next;
};

/* `threads` helpers besides the caller. NULL when memory or threads are out. */
struct fama_verify_pool *fama_verify_pool_create(unsigned threads);
/* No batch is under way. NULL is fine. */
void fama_verify_pool_destroy(struct fama_verify_pool *pool);

/* Begins a batch; jobs and batch live until it is finished. */
void fama_verify_pool_begin(struct fama_verify_pool *pool, struct fama_pool_batch *batch,
                            struct fama_verify_job *jobs[], size_t count);
/* Returns when every job has its verdict. */
void fama_verify_pool_finish(struct fama_verify_pool *pool, struct fama_pool_batch *batch);

/* Nanoseconds of all threads together spent on signatures. */
uint64_t fama_verify_pool_busy_ns(struct fama_verify_pool *pool);

#endif
