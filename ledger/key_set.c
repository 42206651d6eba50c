#include "ledger/key_set.h"

#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#define SLOTS_LEAST     256
#define SLOTS_KEPT_MOST ((size_t)1 << 14) /* 1 MiB */

void fama_key_set_free(struct fama_key_set *set)
{
    free(set->slots);
    *set = (struct fama_key_set){0};
}

void fama_key_set_clear(struct fama_key_set *set)
{
    if (set->slot_count > SLOTS_KEPT_MOST) {
        fama_key_set_free(set);
    } else if (set->count > 0) {
        memset(set->slots, 0, set->slot_count * sizeof(set->slots[0]));
        set->count = 0;
    }
}

static uint64_t hash_key(const struct fama_key_set *set, const struct fama_key *key)
{
    uint64_t hash = set->seed;
    for (size_t i = 0; i < FAMA_KEY_PARTS; i++) {
        const struct fama_bytes *part = &key->parts[i];
        hash =
            XXH3_64bits_withSeed(part->len > 0 ? (const void *)part->at : "", part->len, hash + i);
    }
    return hash == 0 ? 1 : hash;
}

static bool is_key(const struct fama_key *a, const struct fama_key *b)
{
    for (size_t i = 0; i < FAMA_KEY_PARTS; i++) {
        if (!fama_bytes_equal(a->parts[i], b->parts[i])) {
            return false;
        }
    }
    return true;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct fama_key_slot *find(const struct fama_key_set *set, uint64_t hash,
                                  const struct fama_key *key)
{
    for (size_t at = (size_t)hash;; at++) {
        struct fama_key_slot *slot = &set->slots[at & (set->slot_count - 1)];
        if (slot->hash == 0 || (slot->hash == hash && is_key(&slot->key, key))) {
            return slot;
        }
    }
}

static bool grow(struct fama_key_set *set)
{
    struct fama_key_set larger = {
        .slot_count = set->slot_count == 0 ? SLOTS_LEAST : 2 * set->slot_count,
        .count = set->count,
        .seed = set->seed,
    };
    if (set->slot_count == 0) {
        /* Without randomness the set is slower to those who know, not wrong. */
        ssize_t got = getrandom(&larger.seed, sizeof(larger.seed), GRND_NONBLOCK);
        (void)got;
    }
    larger.slots = calloc(larger.slot_count, sizeof(larger.slots[0]));
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->slot_count; i++) {
        const struct fama_key_slot *slot = &set->slots[i];
        if (slot->hash != 0) {
            *find(&larger, slot->hash, &slot->key) = *slot;
        }
    }
    free(set->slots);
    *set = larger;
    return true;
}

bool fama_key_set_contains(const struct fama_key_set *set, const struct fama_key *key)
{
    return set->count > 0 && find(set, hash_key(set, key), key)->hash != 0;
}

enum fama_key_set_result fama_key_set_add(struct fama_key_set *set, const struct fama_key *key)
{
    if (2 * set->count >= set->slot_count && !grow(set)) {
        return FAMA_KEY_SET_NO_MEMORY;
    }
    uint64_t hash = hash_key(set, key);
    struct fama_key_slot *slot = find(set, hash, key);
    if (slot->hash != 0) {
        return FAMA_KEY_SET_KNOWN;
    }
    *slot = (struct fama_key_slot){.hash = hash, .key = *key};
    set->count++;
    return FAMA_KEY_SET_ADDED;
}
