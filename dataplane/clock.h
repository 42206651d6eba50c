/* The dataplane's time: nanoseconds of CLOCK_MONOTONIC, without entering the kernel (vdso). Any thread. */
#ifndef FAMA_DATAPLANE_CLOCK_H
#define FAMA_DATAPLANE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t fama_clock_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif
