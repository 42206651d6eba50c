#include "ledger/rebuild.h"

#include "ledger/ledger_parts.h"

int fama_ledger_rebuild_state(struct fama_ledger *ledger, fama_recommit_progress progress,
                              void *context, struct fama_error *error)
{
    int status = fama_ledger_clear_state(ledger, error);
    if (status != 0) {
        return status;
    }
    const struct fama_recommit recommit = {
        .from = ledger, .to = ledger, .progress = progress, .context = context};
    return fama_recommit(&recommit, error);
}

int fama_ledger_catch_up_state(struct fama_ledger *ledger, fama_recommit_progress progress,
                               void *context, struct fama_error *error)
{
    if (ledger->tip.state_height == ledger->tip.height) {
        return 0;
    }
    /* At 0 whatever is there is not to be trusted. */
    if (ledger->tip.state_height == 0) {
        return fama_ledger_rebuild_state(ledger, progress, context, error);
    }
    const struct fama_recommit recommit = {
        .from = ledger, .to = ledger, .progress = progress, .context = context};
    return fama_recommit(&recommit, error);
}
