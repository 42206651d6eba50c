/* The second judgement of a block's transactions: whether what they read still holds; and what the block
 * then writes.
 *
 * Source: Fabric core/ledger/kvledger/txmgmt/{validation,txmgr}; spec fabric-algorithms §5, §6. In
 * order; one thread, the one that commits. */
#ifndef FAMA_LEDGER_MVCC_H
#define FAMA_LEDGER_MVCC_H

#include "ledger/prepared_block.h"
#include "ledger/state.h"

enum fama_mvcc_error {
    FAMA_MVCC_HALT = -20, /* Fabric stops the channel at this block; words say why */
    FAMA_MVCC_IO = -21,
    FAMA_MVCC_NO_MEMORY = -22,
};

/* For a block whose codes are those of ledger/validation.h: gives the final codes and puts the updates of
 * its valid transactions into `state`, after fama_state_begin_block. Prefetches what it will read. */
int fama_mvcc_judge(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error);

/* Only the updates, believing the codes: how state is rebuilt from blocks
 * (kv_ledger.go recommitLostBlocks, without MVCC). */
int fama_mvcc_apply(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error);

/* The commit hash of the current block of `state`. `previous` is empty for block 1. Spec §6. Returns 0
 * or FAMA_MVCC_NO_MEMORY. */
int fama_commit_hash(const struct fama_state *state, const uint8_t *codes, size_t count,
                     struct fama_bytes previous, uint8_t hash[FAMA_SHA256_BYTES]);

#endif
