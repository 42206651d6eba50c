/* A thread that rings doorbells for those who must not make system calls: in `poll` mode the net and verify
 * lcores own their cores and give them to packets alone, and waking a thread that sleeps costs microseconds
 * in the kernel. They say that a bell is due; the ringer looks a few thousand times a second and writes.
 *
 * It sleeps as adaptive pollers do (dataplane/idle.h), so a wake-up comes at most FAMA_RINGER_SLEEP_MAX_NS
 * later than without it, and sooner when blocks come quickly. It costs its core a few per cent: that of the
 * thread that starts it.
 *
 * Owner: the control thread starts it before the bells are first rung and stops it after the last ring. */
#ifndef FAMA_DATAPLANE_RINGER_H
#define FAMA_DATAPLANE_RINGER_H

#include <stddef.h>

#include "dataplane/doorbell.h"

#define FAMA_RINGER_BELLS_MAX    256
#define FAMA_RINGER_SLEEP_MAX_NS 100000u

struct fama_ringer;

/* The bells stay the caller's and outlive the ringer; from now on rings of them are left to it. NULL when
 * out of memory or threads, or when there are too many bells: then nothing has changed. */
struct fama_ringer *fama_ringer_start(struct fama_doorbell *const bells[], size_t count);
/* Rings what is still due, and ends. NULL is fine. */
void fama_ringer_stop(struct fama_ringer *ringer);

#endif
