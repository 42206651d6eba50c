#include "controlplane/ledger_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TERMINAL_EVERY_NS UINT64_C(200000000)
#define LINE_EVERY_NS     UINT64_C(5000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fama_ledger_progress_begin(struct fama_ledger_progress *progress, const char *doing)
{
    *progress = (struct fama_ledger_progress){
        .doing = doing,
        .is_terminal = isatty(STDERR_FILENO) != 0,
        .began_ns = now_ns(),
    };
    progress->shown_ns = progress->began_ns;
}

/* Whether it is time to show something; it is then shown as of now. */
static bool is_due(struct fama_ledger_progress *progress, uint64_t now)
{
    if (now - progress->shown_ns < (progress->is_terminal ? TERMINAL_EVERY_NS : LINE_EVERY_NS)) {
        return false;
    }
    progress->was_shown = true;
    progress->shown_ns = now;
    return true;
}

void fama_ledger_progress(struct fama_ledger_progress *progress, uint64_t done, uint64_t total)
{
    uint64_t now = now_ns();
    if (!progress->has_first) {
        progress->has_first = true;
        progress->first = done;
    }
    if (!is_due(progress, now)) {
        return;
    }
    double seconds = (double)(now - progress->began_ns) / 1e9;
    double rate = (double)(done - progress->first) / (seconds > 0 ? seconds : 1);
    (void)fprintf(stderr, "%s%s %" PRIu64, progress->is_terminal ? "\r" : "", progress->doing,
                  done);
    if (total > 0) {
        (void)fprintf(stderr, " of %" PRIu64, total);
    }
    (void)fprintf(stderr, " blocks, %.0f a second%s", rate, progress->is_terminal ? "   " : "\n");
}

void fama_ledger_progress_part(void *context, const char *part, uint64_t items)
{
    struct fama_ledger_progress *progress = context;
    if (is_due(progress, now_ns())) {
        (void)fprintf(stderr, "%s%s: %" PRIu64 " entries%s", progress->is_terminal ? "\r" : "",
                      part, items, progress->is_terminal ? "          " : "\n");
    }
}

void fama_ledger_progress_end(struct fama_ledger_progress *progress)
{
    if (progress->was_shown && progress->is_terminal) {
        (void)fputc('\n', stderr);
    }
}
