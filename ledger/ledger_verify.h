/* Everything a ledger holds against everything else it holds: what `fama ledger verify` does.
 *
 * Of each block: that it decodes, its number, the link to the one before, its data hash, its entries in
 * the indexes of hashes and transactions, a result for each transaction. Of the state: all blocks are
 * applied once more to a scratch ledger, which gives the commit hashes to compare on the way and every
 * key, value, version and metadata in the end. Signatures and policies are not judged again: replaying
 * the blocks into another ledger does that.
 *
 * Reads only, but for the scratch directory. One thread; the ledger takes no blocks meanwhile. */
#ifndef FAMA_LEDGER_LEDGER_VERIFY_H
#define FAMA_LEDGER_LEDGER_VERIFY_H

#include "ledger/recommit.h"

struct fama_ledger_verify {
    struct fama_ledger *ledger;
    /* A directory to be made and filled with a second copy of state and history; the caller removes it.
     * NULL: blocks and indexes only. Ignored for a ledger that began with a snapshot. */
    const char *scratch;
    fama_recommit_progress on_block; /* may be NULL */
    fama_recommit_progress on_state; /* may be NULL */
    void *context;
};

/* 0 if all agrees; FAMA_LEDGER_CORRUPT with the first thing that does not; FAMA_LEDGER_STATE_BEHIND if the
 * state is to be rebuilt anyway. */
int fama_ledger_verify(const struct fama_ledger_verify *verify, struct fama_error *error);

#endif
