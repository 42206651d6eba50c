/* The transaction ids of a group of blocks that is not written yet: whether one stood there before.
 *
 * Views are kept, not copies. Grows with the group, keeps its memory for the next one. One thread.
 * Adversary: whoever writes transaction ids; the hash is seeded. */
#ifndef FAMA_LEDGER_TXID_SET_H
#define FAMA_LEDGER_TXID_SET_H

#include "crypto/bytes.h"

struct fama_txid_set {
    struct fama_bytes *slots; /* `at` NULL: free */
    size_t slot_count;        /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

/* Forgets all ids. */
void fama_txid_set_clear(struct fama_txid_set *set);
/* Gives the memory back. */
void fama_txid_set_free(struct fama_txid_set *set);
bool fama_txid_set_contains(const struct fama_txid_set *set, struct fama_bytes txid);
/* False when memory is out. */
bool fama_txid_set_add(struct fama_txid_set *set, struct fama_bytes txid);

#endif
