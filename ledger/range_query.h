/* The phantom check: whether a range query would still give what it gave when the transaction was endorsed.
 *
 * Results are compared one by one, or, of long ones, as the top of a Merkle tree whose leaves are
 * SHA-256 of max_degree + 1 serialized reads each and whose nodes hash max_degree + 1 hashes.
 * Source: Fabric core/ledger/kvledger/txmgmt/validation/{rangequery_validator,combined_iterator}.go,
 * rwsetutil/query_results_helper.go; spec fabric-algorithms §5.2. Takes time linear in what the range
 * holds now; memory is a few hashes per level of the tree, whatever max_degree says. Adversary:
 * endorsers. */
#ifndef FAMA_LEDGER_RANGE_QUERY_H
#define FAMA_LEDGER_RANGE_QUERY_H

#include "crypto/sha256.h"
#include "ledger/state.h"

enum fama_range_query_error {
    /* Besides those of ledger/state.h: a tree of a degree below 2. Fabric stops the channel. */
    FAMA_RANGE_QUERY_INVALID = -10,
};

/* Asks `state` again, including the current block's updates. */
int fama_range_query_check(struct fama_state *state, struct fama_bytes space,
                           const struct fama_range_query *query, bool *still_holds,
                           struct fama_error *error);

/* The Merkle summary of results, added one by one in their order. */
struct fama_read_tree;

/* NULL when memory is out. `max_degree` is at least 2. */
struct fama_read_tree *fama_read_tree_create(uint32_t max_degree);
void fama_read_tree_destroy(struct fama_read_tree *tree); /* NULL is fine */
/* False when memory is out. */
bool fama_read_tree_add(struct fama_read_tree *tree, struct fama_bytes key,
                        struct fama_version version);
/* Completes the tree: no more can be added. False when memory is out. */
bool fama_read_tree_finish(struct fama_read_tree *tree);
/* Of a finished tree: 0 hashes (of FAMA_SHA256_BYTES each, one after the other) if there were no more
 * than max_degree results, which then have no summary. */
size_t fama_read_tree_summary(const struct fama_read_tree *tree, uint32_t *level,
                              const uint8_t **hashes);

#endif
