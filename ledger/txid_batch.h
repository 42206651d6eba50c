/* The transaction ids of a group of blocks on their way into the store, put in the order of their keys.
 *
 * Ids are as good as random: each that RocksDB takes by itself is searched for from the top of a table that
 * has long left the caches. In order, each stands a few steps behind the one before
 * (ledger/store.c asks RocksDB to begin there). Of one id that appears more than once only the first
 * appearance is kept.
 *
 * Memory stays for the next group, unless it was a large one. One thread. Adversary: whoever writes
 * transaction ids; sorting takes no longer for any of them. */
#ifndef FAMA_LEDGER_TXID_BATCH_H
#define FAMA_LEDGER_TXID_BATCH_H

#include "ledger/ledger_layout.h"

struct fama_txid_entry {
    struct fama_ledger_key key;
    uint32_t index;
    uint64_t number;
};

struct fama_txid_order {
    uint64_t start; /* of the key, so that most comparisons are of numbers */
    const struct fama_txid_entry *entry;
};

struct fama_txid_batch { /* zeroed at first */
    struct fama_txid_entry *entries;
    struct fama_txid_order *order;
    size_t count;
    size_t capacity;
};

/* False when memory is out. */
bool fama_txid_batch_add(struct fama_txid_batch *batch, struct fama_bytes txid, uint64_t number,
                         size_t index);
/* Puts what was added in order, and forgets all but the first appearance of each id. Returns how many are
 * left, in `order`. Once. */
size_t fama_txid_batch_sort(struct fama_txid_batch *batch);
/* Forgets all ids. */
void fama_txid_batch_clear(struct fama_txid_batch *batch);
void fama_txid_batch_free(struct fama_txid_batch *batch);

#endif
