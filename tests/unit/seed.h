/* The seed of a random test: printed, so that a failure can be run again with FAMA_SEED=<it>. */
#ifndef FAMA_TESTS_UNIT_SEED_H
#define FAMA_TESTS_UNIT_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t test_seed(const char *test)
{
    const char *given = getenv("FAMA_SEED");
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        abort();
    }
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    printf("(%s: FAMA_SEED=%" PRIu64 ") ", test, seed);
    return seed;
}

#endif
