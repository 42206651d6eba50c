/* Taking blocks back: a ledger cut to an earlier height.
 *
 * Blocks go from the last one down, in batches that leave a whole ledger each, with all that is
 * recorded of them; the state is void from the first batch on and is to be rebuilt afterwards
 * (ledger/rebuild.h). What is cut short by a crash goes on when the ledger is opened again. One thread,
 * nobody reads meanwhile. */
#ifndef FAMA_LEDGER_LEDGER_ROLLBACK_H
#define FAMA_LEDGER_LEDGER_ROLLBACK_H

#include "ledger/recommit.h"

/* Keeps blocks 0 to `last`. FAMA_LEDGER_NOT_FOUND if the ledger has no such block, or began with a
 * snapshot, from whose middle no state can be made; FAMA_LEDGER_STOPPED when `progress` said so, which
 * may be NULL and is told how many blocks were taken back: the rest goes when the ledger is opened
 * again. */
int fama_ledger_rollback(struct fama_ledger *ledger, uint64_t last, fama_recommit_progress progress,
                         void *context, struct fama_error *error);

#endif
