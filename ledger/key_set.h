/* A set of keys made of up to three views: what a block's judgement must not meet twice.
 *
 * Views are kept, not copies. Grows with what is put in, keeps a modest table when cleared. One thread.
 * Adversary: whoever writes transactions; the hash is seeded. */
#ifndef FAMA_LEDGER_KEY_SET_H
#define FAMA_LEDGER_KEY_SET_H

#include "crypto/bytes.h"

#define FAMA_KEY_PARTS 3

struct fama_key {
    struct fama_bytes parts[FAMA_KEY_PARTS];
};

struct fama_key_slot {
    uint64_t hash; /* 0: free */
    struct fama_key key;
};

struct fama_key_set { /* zeroed at first */
    struct fama_key_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

void fama_key_set_clear(struct fama_key_set *set);
void fama_key_set_free(struct fama_key_set *set);
bool fama_key_set_contains(const struct fama_key_set *set, const struct fama_key *key);

enum fama_key_set_result {
    FAMA_KEY_SET_NO_MEMORY = -1,
    FAMA_KEY_SET_ADDED = 0,
    FAMA_KEY_SET_KNOWN = 1, /* it was there */
};
enum fama_key_set_result fama_key_set_add(struct fama_key_set *set, const struct fama_key *key);

#endif
