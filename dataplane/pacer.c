#include "dataplane/pacer.h"

#define SECOND_NS UINT64_C(1000000000)

_Static_assert(2 * (uint64_t)FAMA_PACER_BURST_MAX <= UINT64_MAX / SECOND_NS,
               "a full bucket, and as much again before it is cut, fit 64 bits");

static uint64_t within(uint64_t value, uint64_t least, uint64_t most)
{
    if (value < least) {
        return least;
    }
    return value < most ? value : most;
}

void fama_pacer_init(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes_per_second,
                     uint64_t burst_bytes)
{
    uint64_t rate = within(bytes_per_second, 0, FAMA_PACER_RATE_MAX);
    uint64_t capacity = within(burst_bytes, FAMA_PACER_BURST_MIN, FAMA_PACER_BURST_MAX) * SECOND_NS;
    *pacer = (struct fama_pacer){
        .bytes_per_second = rate,
        .capacity = capacity,
        .level = capacity,
        .filled_ns = now_ns,
        .gap_ns = rate != 0 ? capacity / rate + 1 : 0,
    };
}

uint64_t fama_pacer_bytes(struct fama_pacer *pacer, uint64_t now_ns)
{
    if (pacer->bytes_per_second == 0) {
        return UINT64_MAX;
    }
    if (now_ns > pacer->filled_ns) {
        uint64_t gap_ns = now_ns - pacer->filled_ns;
        /* A longer gap would overflow the product, and fill the bucket anyway. */
        pacer->level = gap_ns < pacer->gap_ns ? pacer->level + gap_ns * pacer->bytes_per_second
                                              : pacer->capacity;
        if (pacer->level > pacer->capacity) {
            pacer->level = pacer->capacity;
        }
        pacer->filled_ns = now_ns;
    }
    return pacer->level / SECOND_NS;
}

void fama_pacer_charge(struct fama_pacer *pacer, uint64_t bytes)
{
    pacer->level -= bytes <= pacer->level / SECOND_NS ? bytes * SECOND_NS : pacer->level;
}

uint64_t fama_pacer_wait_ns(const struct fama_pacer *pacer, uint64_t bytes)
{
    uint64_t needed = within(bytes, 0, FAMA_PACER_BURST_MIN) * SECOND_NS;
    if (pacer->bytes_per_second == 0 || needed <= pacer->level) {
        return 0;
    }
    uint64_t lacking = needed - pacer->level;
    return (lacking + pacer->bytes_per_second - 1) / pacer->bytes_per_second;
}
