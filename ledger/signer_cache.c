#include "ledger/signer_cache.h"

#include <pthread.h>
#include <stdlib.h>

struct fama_signer_cache {
    pthread_mutex_t lock; /* guards what follows */
    struct fama_identity *identities[FAMA_SIGNER_CACHE_ENTRIES];
    size_t count;
    size_t oldest; /* the next to make room, once all entries are taken */
};

struct fama_signer_cache *fama_signer_cache_create(void)
{
    struct fama_signer_cache *cache = calloc(1, sizeof(*cache));
    if (cache != NULL && pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    return cache;
}

void fama_signer_cache_destroy(struct fama_signer_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->count; i++) {
        fama_identity_release(cache->identities[i]);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* The remembered identity, borrowed, or NULL. The lock is held. */
static struct fama_identity *find(const struct fama_signer_cache *cache, struct fama_bytes mspid,
                                  struct fama_bytes id_bytes)
{
    for (size_t i = 0; i < cache->count; i++) {
        struct fama_identity *identity = cache->identities[i];
        if (fama_bytes_equal(fama_identity_id_bytes(identity), id_bytes) &&
            fama_bytes_equal(fama_bytes_of_text(fama_identity_mspid(identity)), mspid)) {
            return identity;
        }
    }
    return NULL;
}

struct fama_identity *fama_signer_cache_recall(struct fama_signer_cache *cache,
                                               struct fama_bytes mspid, struct fama_bytes id_bytes)
{
    if (pthread_mutex_lock(&cache->lock) != 0) {
        return NULL;
    }
    struct fama_identity *identity = find(cache, mspid, id_bytes);
    if (identity != NULL) {
        identity = fama_identity_acquire(identity);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return identity;
}

void fama_signer_cache_remember(struct fama_signer_cache *cache, struct fama_identity *identity)
{
    struct fama_identity *forgotten = NULL;
    if (fama_identity_id_bytes(identity).len > FAMA_SIGNER_CACHE_BYTES_MAX ||
        pthread_mutex_lock(&cache->lock) != 0) {
        return;
    }
    if (find(cache, fama_bytes_of_text(fama_identity_mspid(identity)),
             fama_identity_id_bytes(identity)) == NULL) {
        size_t entry = cache->count;
        if (cache->count < FAMA_SIGNER_CACHE_ENTRIES) {
            cache->count++;
        } else {
            entry = cache->oldest;
            cache->oldest = (cache->oldest + 1) % FAMA_SIGNER_CACHE_ENTRIES;
            forgotten = cache->identities[entry];
        }
        cache->identities[entry] = fama_identity_acquire(identity);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    fama_identity_release(forgotten);
}
