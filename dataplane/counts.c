#include "dataplane/counts.h"

_Static_assert(sizeof(struct fama_dataplane_counters) % sizeof(uint64_t) == 0,
               "counters are uint64_t only");

void fama_counts_publish(struct fama_counts *counts)
{
    uint64_t values[FAMA_COUNTS];
    memcpy(values, &counts->own, sizeof values);
    for (size_t i = 0; i < FAMA_COUNTS; i++) {
        atomic_store_explicit(&counts->published[i], values[i], memory_order_relaxed);
    }
}

void fama_counts_add(const struct fama_counts *counts, struct fama_dataplane_counters *sum)
{
    uint64_t values[FAMA_COUNTS];
    memcpy(values, sum, sizeof values);
    for (size_t i = 0; i < FAMA_COUNTS; i++) {
        values[i] += atomic_load_explicit(&counts->published[i], memory_order_relaxed);
    }
    memcpy(sum, values, sizeof values);
}
