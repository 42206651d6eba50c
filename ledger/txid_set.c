#include "ledger/txid_set.h"

#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#define SLOTS_LEAST     1024
#define SLOTS_KEPT_MOST (1u << 16) /* larger tables are given back after their group */

void fama_txid_set_clear(struct fama_txid_set *set)
{
    if (set->slot_count > SLOTS_KEPT_MOST) {
        fama_txid_set_free(set);
    } else if (set->count > 0) {
        memset(set->slots, 0, set->slot_count * sizeof set->slots[0]);
        set->count = 0;
    }
}

void fama_txid_set_free(struct fama_txid_set *set)
{
    free(set->slots);
    set->slots = NULL;
    set->slot_count = 0;
    set->count = 0;
}

/* The slot that holds the id, or the free one where it belongs. */
static struct fama_bytes *find(const struct fama_txid_set *set, struct fama_bytes txid)
{
    size_t at = (size_t)XXH3_64bits_withSeed(txid.at, txid.len, set->seed);
    for (;; at++) {
        struct fama_bytes *slot = &set->slots[at & (set->slot_count - 1)];
        if (slot->at == NULL || fama_bytes_equal(*slot, txid)) {
            return slot;
        }
    }
}

static bool grow(struct fama_txid_set *set)
{
    struct fama_txid_set larger = {
        .slot_count = set->slot_count == 0 ? SLOTS_LEAST : 2 * set->slot_count,
        .seed = set->seed,
    };
    if (set->slot_count == 0) {
        /* Without randomness the set is slower to those who know, not wrong. */
        ssize_t got = getrandom(&larger.seed, sizeof larger.seed, GRND_NONBLOCK);
        (void)got;
    }
    larger.slots = calloc(larger.slot_count, sizeof larger.slots[0]);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].at != NULL) {
            *find(&larger, set->slots[i]) = set->slots[i];
        }
    }
    larger.count = set->count;
    free(set->slots);
    *set = larger;
    return true;
}

bool fama_txid_set_contains(const struct fama_txid_set *set, struct fama_bytes txid)
{
    return set->count > 0 && find(set, txid)->at != NULL;
}

bool fama_txid_set_add(struct fama_txid_set *set, struct fama_bytes txid)
{
    if (2 * set->count >= set->slot_count && !grow(set)) {
        return false;
    }
    struct fama_bytes *slot = find(set, txid);
    if (slot->at == NULL) {
        *slot = txid;
        set->count++;
    }
    return true;
}
