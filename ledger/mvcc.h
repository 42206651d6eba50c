/* The second judgement of a block's transactions: whether what they read still holds; and what the block
 * then writes.
 *
 * Source: Fabric core/ledger/kvledger/txmgmt/{validation,txmgr}; spec fabric-algorithms §5. In order;
 * one thread, the one that commits. Adversary: endorsers: read-write sets that no honest one makes
 * (a key written twice, metadata without a key) have the effect they have in Fabric, down to its
 * arithmetic. */
#ifndef FAMA_LEDGER_MVCC_H
#define FAMA_LEDGER_MVCC_H

#include "ledger/prepared_block.h"
#include "ledger/state.h"

enum fama_mvcc_error {
    FAMA_MVCC_HALT = -20, /* Fabric stops the channel at this block; words say why */
    FAMA_MVCC_IO = -21,
    FAMA_MVCC_NO_MEMORY = -22,
};

/* Reads what the block's transactions read and write into `state` at once, for validation (key-level policies)
 * and for what follows: optional, once the jobs have been run, for any number of blocks of a group
 * ahead. What is written without being read is read only where keys have metadata (ledger/metadata_spaces.h): of
 * other such names the places know no entry, as if there were none. Only for transactions of good clients, and of those only if they name no more than
 * FAMA_MVCC_PREFETCH_NAMES_MAX keys: no endorser has vouched for them yet. Their names keep the places that
 * were found until fama_mvcc_judge; before the state is reset (fama_state_reset) the block is judged or
 * given up. */
#define FAMA_MVCC_PREFETCH_NAMES_MAX 256
int fama_mvcc_prefetch(struct fama_prepared_block *block, struct fama_state *state,
                       struct fama_error *error);

/* For a block whose codes are those of ledger/validation.h: gives the final codes and puts the updates of
 * its valid transactions into `state`, after fama_state_begin_block. Prefetches what it will read.
 * After an error the block's updates are there in part (fama_state_abandon_block). */
int fama_mvcc_judge(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error);

/* Only the updates, believing the codes: how state is rebuilt from blocks
 * (kv_ledger.go recommitLostBlocks, without MVCC). */
int fama_mvcc_apply(struct fama_prepared_block *block, struct fama_state *state,
                    struct fama_error *error);

#endif
