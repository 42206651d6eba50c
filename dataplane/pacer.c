#include "dataplane/pacer.h"

#define SECOND_NS UINT64_C(1000000000)

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
    pacer->bytes_per_second = within(bytes_per_second, 0, FAMA_PACER_RATE_MAX);
    pacer->burst_bytes = within(burst_bytes, FAMA_PACER_BURST_MIN, FAMA_PACER_BURST_MAX);
    pacer->started_ns = now_ns;
    atomic_init(&pacer->used, 0);
}

/* What the rate alone would have let go by now; wraps as `used` does. */
static uint64_t earned_by(const struct fama_pacer *pacer, uint64_t now_ns)
{
    uint64_t gone_ns = now_ns > pacer->started_ns ? now_ns - pacer->started_ns : 0;
    return (uint64_t)((unsigned __int128)gone_ns * pacer->bytes_per_second / SECOND_NS);
}

/* By how much what is used exceeds what is earned: at most the burst, but for a clock that went back. */
static uint64_t debt_of(uint64_t used, uint64_t earned)
{
    uint64_t debt = used - earned;
    return debt >> 63 == 0 ? debt : 0; /* negative: the bucket is full, and does not get fuller */
}

static uint64_t there(const struct fama_pacer *pacer, uint64_t debt, uint64_t left_alone)
{
    uint64_t most = pacer->burst_bytes - left_alone;
    return debt < most ? most - debt : 0;
}

static uint64_t left_to_others(const struct fama_pacer *pacer)
{
    return within(pacer->burst_bytes / 2, 0, pacer->burst_bytes - FAMA_PACER_BURST_MIN);
}

static uint64_t take(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes, uint64_t left_alone)
{
    uint64_t earned = earned_by(pacer, now_ns);
    uint64_t used = atomic_load_explicit(&pacer->used, memory_order_relaxed);
    uint64_t debt;
    uint64_t taken;
    do {
        debt = debt_of(used, earned);
        taken = within(bytes, 0, there(pacer, debt, left_alone));
    } while (!atomic_compare_exchange_weak_explicit(&pacer->used, &used, earned + debt + taken,
                                                    memory_order_relaxed, memory_order_relaxed));
    return taken;
}

uint64_t fama_pacer_take(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    return pacer->bytes_per_second == 0 ? bytes : take(pacer, now_ns, bytes, 0);
}

uint64_t fama_pacer_take_spare(struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    return pacer->bytes_per_second == 0 ? bytes : take(pacer, now_ns, bytes, left_to_others(pacer));
}

void fama_pacer_give_back(struct fama_pacer *pacer, uint64_t bytes)
{
    (void)atomic_fetch_sub_explicit(&pacer->used, bytes, memory_order_relaxed);
}

static uint64_t wait_ns(const struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes,
                        uint64_t left_alone)
{
    uint64_t used = atomic_load_explicit(&pacer->used, memory_order_relaxed);
    uint64_t debt = debt_of(used, earned_by(pacer, now_ns));
    uint64_t most = pacer->burst_bytes - left_alone;
    uint64_t needed = debt + within(bytes, 0, FAMA_PACER_BURST_MIN);
    if (needed <= most) {
        return 0;
    }
    return ((needed - most) * SECOND_NS + pacer->bytes_per_second - 1) / pacer->bytes_per_second;
}

uint64_t fama_pacer_wait_ns(const struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    return pacer->bytes_per_second == 0 ? 0 : wait_ns(pacer, now_ns, bytes, 0);
}

uint64_t fama_pacer_wait_spare_ns(const struct fama_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    return pacer->bytes_per_second == 0 ? 0 : wait_ns(pacer, now_ns, bytes, left_to_others(pacer));
}
