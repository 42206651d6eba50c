#include "ledger/identity_cache.h"

#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "ledger/envelope.h"

#define ENTRIES_PER_SET 8
#define RECENT          4 /* most transactions of a block are signed by the same few */

struct entry {
    uint64_t hash;
    struct fama_bytes serialized;   /* owned; NULL: no entry */
    struct fama_identity *identity; /* one reference; NULL: it does not deserialize */
};

struct entry_set {
    struct entry entries[ENTRIES_PER_SET];
    size_t oldest; /* the next to make room */
};

struct fama_identity_cache {
    struct fama_channel_config *config; /* one reference */
    uint64_t seed;
    struct entry_set sets[FAMA_IDENTITY_CACHE_SETS];
    struct entry *recent[RECENT]; /* found before, whatever they hold by now; or NULL */
    size_t oldest_recent;
};

_Static_assert((FAMA_IDENTITY_CACHE_SETS & (FAMA_IDENTITY_CACHE_SETS - 1)) == 0, "power of two");

struct fama_identity_cache *fama_identity_cache_create(void)
{
    struct fama_identity_cache *cache = calloc(1, sizeof(*cache));
    if (cache != NULL && getrandom(&cache->seed, sizeof(cache->seed), 0) != sizeof(cache->seed)) {
        free(cache);
        return NULL;
    }
    return cache;
}

static void clear_entry(struct entry *entry)
{
    free((void *)(uintptr_t)entry->serialized.at);
    fama_identity_release(entry->identity);
    *entry = (struct entry){0};
}

static void forget_all(struct fama_identity_cache *cache)
{
    for (size_t i = 0; i < FAMA_IDENTITY_CACHE_SETS; i++) {
        for (size_t j = 0; j < ENTRIES_PER_SET; j++) {
            clear_entry(&cache->sets[i].entries[j]);
        }
        cache->sets[i].oldest = 0;
    }
    if (cache->config != NULL) {
        fama_channel_config_release(cache->config);
        cache->config = NULL;
    }
}

void fama_identity_cache_destroy(struct fama_identity_cache *cache)
{
    if (cache != NULL) {
        forget_all(cache);
        free(cache);
    }
}

static int deserialize(const struct fama_channel_config *config, struct fama_bytes serialized,
                       struct fama_identity **identity)
{
    struct fama_serialized_identity parts;
    *identity = NULL;
    if (!fama_serialized_identity_decode(serialized, &parts)) {
        return 0;
    }
    const struct fama_msp *msp = fama_channel_config_msp(config, parts.mspid);
    if (msp == NULL) {
        return 0;
    }
    int result = fama_msp_deserialize(msp, parts.id_bytes, identity, NULL);
    return result == FAMA_MSP_NO_MEMORY ? result : 0;
}

/* Remembering is best effort: without memory the bytes are decoded anew the next time. */
static void remember(struct entry_set *set, uint64_t hash, struct fama_bytes serialized,
                     struct fama_identity *identity)
{
    uint8_t *copy = malloc(serialized.len > 0 ? serialized.len : 1);
    if (copy == NULL) {
        return;
    }
    if (serialized.len > 0) {
        memcpy(copy, serialized.at, serialized.len);
    }
    struct entry *entry = &set->entries[set->oldest];
    set->oldest = (set->oldest + 1) % ENTRIES_PER_SET;
    clear_entry(entry);
    *entry = (struct entry){
        .hash = hash,
        .serialized = fama_bytes(copy, serialized.len),
        .identity = identity != NULL ? fama_identity_acquire(identity) : NULL,
    };
}

static bool is_of(const struct entry *entry, struct fama_bytes serialized)
{
    return entry->serialized.at != NULL && fama_bytes_equal(entry->serialized, serialized);
}

static struct fama_identity *answer(const struct entry *entry)
{
    return entry->identity != NULL ? fama_identity_acquire(entry->identity) : NULL;
}

int fama_identity_cache_find(struct fama_identity_cache *cache, struct fama_channel_config *config,
                             struct fama_bytes serialized, struct fama_identity **identity)
{
    if (cache->config != config) {
        forget_all(cache);
        cache->config = fama_channel_config_acquire(config);
    }
    if (serialized.len > FAMA_IDENTITY_CACHE_BYTES_MAX) {
        return deserialize(config, serialized, identity);
    }
    for (size_t i = 0; i < RECENT; i++) {
        if (cache->recent[i] != NULL && is_of(cache->recent[i], serialized)) {
            *identity = answer(cache->recent[i]);
            return 0;
        }
    }
    uint64_t hash = XXH3_64bits_withSeed(serialized.len > 0 ? serialized.at : (const void *)"",
                                         serialized.len, cache->seed);
    struct entry_set *set = &cache->sets[hash & (FAMA_IDENTITY_CACHE_SETS - 1)];
    for (size_t i = 0; i < ENTRIES_PER_SET; i++) {
        struct entry *entry = &set->entries[i];
        if (entry->hash == hash && is_of(entry, serialized)) {
            cache->recent[cache->oldest_recent] = entry;
            cache->oldest_recent = (cache->oldest_recent + 1) % RECENT;
            *identity = answer(entry);
            return 0;
        }
    }
    int result = deserialize(config, serialized, identity);
    if (result == 0) {
        remember(set, hash, serialized, *identity);
    }
    return result;
}
