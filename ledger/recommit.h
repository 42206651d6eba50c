/* Blocks of a ledger applied once more to a world state, believing what was judged when they were committed:
 * to make the state anew (ledger/rebuild.h), or beside it, to compare (ledger/ledger_verify.h).
 *
 * Nothing is validated again: no signatures, no policies, no MVCC; of each block the updates of the
 * transactions that were valid (Fabric kv_ledger.go recommitLostBlocks). Memory: groups of blocks of at
 * most some tens of megabytes. One thread. Adversary: the disk. */
#ifndef FAMA_LEDGER_RECOMMIT_H
#define FAMA_LEDGER_RECOMMIT_H

#include "ledger/ledger.h"

/* After each group. False to stop; what was done remains. */
typedef bool (*fama_recommit_progress)(void *context, uint64_t done, uint64_t total);

struct fama_recommit {
    const struct fama_ledger *from;  /* whose blocks */
    struct fama_ledger *to;          /* whose state and history follow; may be the same */
    bool checks_commit_hashes;       /* computes them again and compares */
    fama_recommit_progress progress; /* may be NULL */
    void *context;
};

/* From the state's height of `to` to the height of `from`. Errors are those of ledger/ledger.h;
 * FAMA_LEDGER_STOPPED when `progress` said so. */
int fama_recommit(const struct fama_recommit *recommit, struct fama_error *error);

#endif
