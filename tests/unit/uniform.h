/* Whether counts look drawn evenly, for tests of what is random on purpose. */
#ifndef FAMA_TESTS_UNIT_UNIFORM_H
#define FAMA_TESTS_UNIT_UNIFORM_H

#include <stdbool.h>
#include <stdint.h>

/* Pearson's chi-square statistic against `expected` in each cell. With c cells its mean is c - 1 and its
 * variance 2 (c - 1): six deviations above the mean do not happen by chance. */
static inline bool is_uniform(const uint32_t *cells, uint32_t count, double expected)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        double difference = cells[i] - expected;
        sum += difference * difference / expected;
    }
    double freedom = count - 1;
    double excess = sum - freedom - 10;
    return excess < 0 || excess * excess < 6 * 6 * 2 * freedom;
}

#endif
