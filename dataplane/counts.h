/* One stage's counters: plain additions in its own memory, published from its housekeeping so that any
 * thread may read them at any time. Published values lag by about a millisecond. */
#ifndef FAMA_DATAPLANE_COUNTS_H
#define FAMA_DATAPLANE_COUNTS_H

#include <stdatomic.h>

#include "dataplane/dataplane.h"

/* struct fama_dataplane_counters is made of uint64_t only. */
#define FAMA_COUNTS (sizeof(struct fama_dataplane_counters) / sizeof(uint64_t))

struct fama_counts {
    struct fama_dataplane_counters own; /* the stage's alone */
    _Atomic uint64_t published[FAMA_COUNTS];
};

/* The stage. */
void fama_counts_publish(struct fama_counts *counts);
/* Anybody: adds what was published last to `sum`. */
void fama_counts_add(const struct fama_counts *counts, struct fama_dataplane_counters *sum);

#endif
