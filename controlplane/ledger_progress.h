/* How far a long job on a ledger is: one line on standard error that is rewritten on a terminal, and a line
 * every few seconds elsewhere. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_LEDGER_PROGRESS_H
#define FAMA_CONTROLPLANE_LEDGER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct fama_ledger_progress {
    const char *doing; /* "replayed" */
    bool is_terminal;
    bool was_shown;
    uint64_t began_ns;
    uint64_t shown_ns;
    uint64_t first; /* blocks done when the job began */
    bool has_first;
};

void fama_ledger_progress_begin(struct fama_ledger_progress *progress, const char *doing);
/* Blocks; `total` 0: unknown. */
void fama_ledger_progress(struct fama_ledger_progress *progress, uint64_t done, uint64_t total);
/* The same in other terms: entries of a part of a snapshot. `context` is a struct fama_ledger_progress: fits
 * the report of ledger/snapshot_contents.h. */
void fama_ledger_progress_part(void *context, const char *part, uint64_t items);
void fama_ledger_progress_end(struct fama_ledger_progress *progress);

#endif
