/* A chain of signed blocks in memory, with a consortium of its own: what `fama-bench commit` commits.
 *
 * One thread. The organisations' folders exist only while the chain is being made. */
#ifndef FAMA_BENCH_COMMIT_CHAIN_H
#define FAMA_BENCH_COMMIT_CHAIN_H

#include "controlplane/block_source.h"
#include "crypto/bytes.h"
#include "crypto/error.h"

struct fama_commit_chain {
    struct fama_bytes *blocks; /* 0 is the genesis block, 1 defines the chaincode */
    size_t count;
    size_t transactions; /* in blocks 2 and later */
    size_t bytes;        /* of these */
};

/* `blocks` blocks of `transactions` transactions each follow the first two; every transaction has a client,
 * two endorsers and one blind write of `value_bytes`. Returns 0 or -1 with words. */
int fama_commit_chain_make(size_t blocks, size_t transactions, size_t value_bytes,
                           struct fama_commit_chain *chain, struct fama_error *error);
void fama_commit_chain_free(struct fama_commit_chain *chain);

/* The chain as an ordering source, which gives each block away, once: a node's blocks too lie in memory when
 * they are committed, and copying them is not what is measured. A forked process has a chain of its own
 * to give away. NULL when memory is out. */
struct fama_block_source *fama_commit_chain_source(struct fama_commit_chain *chain);

#endif
