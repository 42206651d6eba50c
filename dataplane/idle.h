/* What a polling thread does when there was nothing to do: one strategy for all of them.
 *
 * `poll` only relaxes the CPU for a moment. `adaptive` does so for the first rounds, then asks for sleeps
 * that double from FAMA_IDLE_SLEEP_MIN_NS up to the configured limit; any work starts it over. So a node
 * under load never sleeps, and many idle nodes share one small machine.
 *
 * The decision is a pure function of the work counts; the sleep itself is separate, because a thread that
 * reads RCU-protected tables must go offline around it. Owner: one thread each. */
#ifndef FAMA_DATAPLANE_IDLE_H
#define FAMA_DATAPLANE_IDLE_H

#include <stdint.h>

#include "dataplane/dataplane.h"

#define FAMA_IDLE_EMPTY_ROUNDS 128   /* rounds without work before the first sleep */
#define FAMA_IDLE_SLEEP_MIN_NS 20000 /* below this the kernel's own latency dominates */

struct fama_idler {
    enum fama_idle mode;
    uint64_t sleep_max_ns;
    uint32_t empty_rounds;
    uint64_t sleep_ns; /* the next sleep, 0 before the first */
};

void fama_idle_init(struct fama_idler *idler, enum fama_idle mode, uint64_t sleep_max_ns);

/* Takes the work count of the round just done; returns how long to sleep, 0: do not. */
uint64_t fama_idle_next(struct fama_idler *idler, uint32_t work);

/* Sleeps that long; for 0 relaxes the CPU for a moment. Waking early is fine. */
void fama_idle_wait(uint64_t sleep_ns);

/* Asks the kernel not to lengthen this thread's short sleeps (its default slack is 50 us). */
void fama_idle_prepare_thread(void);

#endif
