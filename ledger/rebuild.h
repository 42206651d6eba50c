/* World state and history made again from the blocks of a ledger: after damage, after a rollback, or because
 * an operator asks for it.
 *
 * A ledger needs it when its state_height is below its height (ledger/ledger.h). A rebuild that is cut
 * short by a crash goes on where it was. A ledger that began with a snapshot has no blocks to rebuild
 * from and is refused. One thread, and nobody reads the state meanwhile. */
#ifndef FAMA_LEDGER_REBUILD_H
#define FAMA_LEDGER_REBUILD_H

#include "ledger/recommit.h"

/* Brings the state to the height of the blocks: from where it is, or from nothing. */
int fama_ledger_catch_up_state(struct fama_ledger *ledger, fama_recommit_progress progress,
                               void *context, struct fama_error *error);
/* The same, but first forgets the state there is. */
int fama_ledger_rebuild_state(struct fama_ledger *ledger, fama_recommit_progress progress,
                              void *context, struct fama_error *error);

#endif
