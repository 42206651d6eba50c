#include "controlplane/verify_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Jobs taken at a time: a few groups of an engine, in which hot and cold keys sort themselves; fewer where
 * all threads would not get some, but never less than one full group. */
#define PART_MAX    256
#define PART_MIN    64
#define THREADS_MAX 256

struct fama_verify_pool {
    pthread_mutex_t lock; /* guards what follows and the counts in batches */
    pthread_cond_t is_news;
    pthread_cond_t is_done;
    struct fama_pool_batch *first; /* batches with jobs that nobody has taken, oldest first */
    bool is_ending;
    struct fama_verifier *own; /* the caller's */
    unsigned thread_count;
    pthread_t threads[THREADS_MAX];
    uint64_t busy_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Under the lock: takes the batch out of the list. */
static void unlist(struct fama_verify_pool *pool, const struct fama_pool_batch *batch)
{
    struct fama_pool_batch **at = &pool->first;
    while (*at != NULL && *at != batch) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = batch->next;
    }
}

static size_t part_of(const struct fama_verify_pool *pool, const struct fama_pool_batch *batch)
{
    size_t left = batch->count - batch->taken;
    size_t part = batch->count / (2 * ((size_t)pool->thread_count + 1));
    part = part < PART_MIN ? PART_MIN : part;
    part = part > PART_MAX ? PART_MAX : part;
    return left < part ? left : part;
}

/* Under the lock: claims a part of the batch, runs it without the lock. False when there is none left. A
 * batch lives as long as a part of it is claimed and not done. */
static bool run_part(struct fama_verify_pool *pool, struct fama_verifier *verifier,
                     struct fama_pool_batch *batch)
{
    size_t from = batch->taken;
    if (from >= batch->count) {
        return false;
    }
    size_t count = part_of(pool, batch);
    batch->taken += count;
    if (batch->taken == batch->count) {
        unlist(pool, batch);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    uint64_t began = now_ns();
    fama_verifier_run(verifier, batch->jobs + from, count);
    uint64_t took = now_ns() - began;
    (void)pthread_mutex_lock(&pool->lock);
    pool->busy_ns += took;
    batch->done += count;
    if (batch->done == batch->count) {
        (void)pthread_cond_broadcast(&pool->is_done);
    }
    return true;
}

static void *thread_main(void *context)
{
    struct fama_verify_pool *pool = context;
    struct fama_verifier *verifier = fama_verifier_create();
    if (verifier == NULL) {
        return NULL; /* the others and the caller do the work */
    }
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_ending) {
        if (pool->first == NULL || !run_part(pool, verifier, pool->first)) {
            (void)pthread_cond_wait(&pool->is_news, &pool->lock);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    fama_verifier_destroy(verifier);
    return NULL;
}

struct fama_verify_pool *fama_verify_pool_create(unsigned threads)
{
    struct fama_verify_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->own = fama_verifier_create();
    if (pool->own == NULL || pthread_mutex_init(&pool->lock, NULL) != 0) {
        fama_verifier_destroy(pool->own);
        free(pool);
        return NULL;
    }
    (void)pthread_cond_init(&pool->is_news,
                            NULL); /* cannot fail with default attributes on Linux */
    (void)pthread_cond_init(&pool->is_done, NULL);
    while (pool->thread_count < threads && pool->thread_count < THREADS_MAX) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool) != 0) {
            fama_verify_pool_destroy(pool);
            return NULL;
        }
        pool->thread_count++;
    }
    return pool;
}

void fama_verify_pool_destroy(struct fama_verify_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    (void)pthread_cond_broadcast(&pool->is_news);
    (void)pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->is_done);
    (void)pthread_cond_destroy(&pool->is_news);
    (void)pthread_mutex_destroy(&pool->lock);
    fama_verifier_destroy(pool->own);
    free(pool);
}

void fama_verify_pool_begin(struct fama_verify_pool *pool, struct fama_pool_batch *batch,
                            struct fama_verify_job *jobs[], size_t count)
{
    *batch = (struct fama_pool_batch){.jobs = jobs, .count = count};
    if (count == 0) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    struct fama_pool_batch **last = &pool->first;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = batch;
    (void)pthread_cond_broadcast(&pool->is_news);
    (void)pthread_mutex_unlock(&pool->lock);
}

void fama_verify_pool_finish(struct fama_verify_pool *pool, struct fama_pool_batch *batch)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (batch->done < batch->count) {
        if (!run_part(pool, pool->own, batch)) {
            (void)pthread_cond_wait(&pool->is_done, &pool->lock);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

uint64_t fama_verify_pool_busy_ns(struct fama_verify_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    uint64_t busy = pool->busy_ns;
    (void)pthread_mutex_unlock(&pool->lock);
    return busy;
}
