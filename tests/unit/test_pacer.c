/* The token bucket against what arithmetic says, in virtual time. */
#include "dataplane/pacer.h"

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define SECOND UINT64_C(1000000000)
#define BURST  UINT64_C(20000)

static uint64_t seed;

static void test_no_rate_is_no_limit(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 5, 0, BURST);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 5), UINT64_MAX);
    fama_pacer_charge(&pacer, UINT64_MAX);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 5), UINT64_MAX);
    CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, 1500), 0);
}

static void test_a_full_bucket_is_one_burst_and_then_the_rate(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 0, 1000, BURST);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 0), BURST);
    fama_pacer_charge(&pacer, BURST);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 0), 0);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, SECOND / 1000 - 1), 0);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, SECOND / 1000), 1);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, SECOND), 1000);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 20 * SECOND - 1), BURST - 1);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 20 * SECOND), BURST);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 20000 * SECOND), BURST);
}

/* A rate that no nanosecond divides, asked at every step: a bucket in floating point or whole bytes would
 * lose a bit at each. */
static void test_nothing_is_rounded_away_however_often_it_is_asked(void)
{
    static const uint64_t rates[] = {1, 7, 999999937, 123456789, 12500000, FAMA_PACER_RATE_MAX};
    for (uint32_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct fama_pacer pacer;
        struct fama_random random;
        uint64_t now_ns = 0;
        uint64_t gone = 0;
        fama_random_seed(&random, seed + i);
        fama_pacer_init(&pacer, 0, rates[i], FAMA_PACER_BURST_MAX);
        fama_pacer_charge(&pacer, FAMA_PACER_BURST_MAX);
        for (uint32_t step = 0; step < 100000; step++) {
            now_ns += fama_random_below(&random, 1000);
            uint64_t bytes = fama_pacer_bytes(&pacer, now_ns);
            uint64_t taken = bytes != 0 ? fama_random_next(&random) % (bytes + 1) : 0;
            fama_pacer_charge(&pacer, taken);
            gone += taken;
        }
        unsigned __int128 earned = (unsigned __int128)now_ns * rates[i] / SECOND;
        CU_ASSERT(gone + fama_pacer_bytes(&pacer, now_ns) == (uint64_t)earned);
    }
}

static void test_the_longest_gap_fills_the_bucket_and_no_more(void)
{
    static const uint64_t rates[] = {1, 1000, FAMA_PACER_RATE_MAX, UINT64_MAX};
    for (uint32_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct fama_pacer pacer;
        fama_pacer_init(&pacer, 0, rates[i], UINT64_MAX);
        fama_pacer_charge(&pacer, UINT64_MAX);
        CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 0), 0);
        CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, UINT64_MAX), FAMA_PACER_BURST_MAX);
        CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, UINT64_MAX), FAMA_PACER_BURST_MAX);
    }
}

static void test_a_clock_that_goes_back_gives_nothing(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 10 * SECOND, 1000, BURST);
    fama_pacer_charge(&pacer, BURST);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 9 * SECOND), 0);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 10 * SECOND), 0);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 11 * SECOND), 1000);
}

static void test_the_wait_ends_when_the_bytes_are_there_and_not_before(void)
{
    struct fama_random random;
    fama_random_seed(&random, seed);
    for (uint32_t i = 0; i < 2000; i++) {
        struct fama_pacer pacer;
        uint64_t rate = 1 + (fama_random_next(&random) >> (24 + fama_random_below(&random, 39)));
        uint64_t bytes = 1 + fama_random_below(&random, FAMA_PACER_BURST_MIN);
        fama_pacer_init(&pacer, 77, rate, 0);
        fama_pacer_charge(&pacer, FAMA_PACER_BURST_MIN);
        uint64_t wait_ns = fama_pacer_wait_ns(&pacer, bytes);
        CU_ASSERT(wait_ns > 0);
        CU_ASSERT(fama_pacer_bytes(&pacer, 77 + wait_ns - 1) < bytes);
        CU_ASSERT(fama_pacer_bytes(&pacer, 77 + wait_ns) >= bytes);
        CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, bytes), 0);
    }
}

/* A bucket smaller than a packet would let none through. */
static void test_the_least_burst_holds_any_packet(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 0, 1, 0);
    CU_ASSERT_EQUAL(fama_pacer_bytes(&pacer, 0), FAMA_PACER_BURST_MIN);
    CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, UINT64_MAX), 0);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_no_rate_is_no_limit),
        TEST(test_a_full_bucket_is_one_burst_and_then_the_rate),
        TEST(test_nothing_is_rounded_away_however_often_it_is_asked),
        TEST(test_the_longest_gap_fills_the_bucket_and_no_more),
        TEST(test_a_clock_that_goes_back_gives_nothing),
        TEST(test_the_wait_ends_when_the_bytes_are_there_and_not_before),
        TEST(test_the_least_burst_holds_any_packet),
    };
    seed = test_seed("the pacer");
    return run_suite("the pacer", cases, sizeof cases / sizeof cases[0]);
}
