/* The token bucket against what arithmetic says, in virtual time. */
#include "dataplane/pacer.h"

#include <pthread.h>

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define SECOND  UINT64_C(1000000000)
#define BURST   UINT64_C(20000)
#define THREADS 4

static uint64_t seed;

static void test_no_rate_is_no_limit(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 5, 0, BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 5, UINT64_MAX), UINT64_MAX);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 5, 1500), 1500);
    CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, 5, 1500), 0);
}

static void test_a_full_bucket_is_one_burst_and_then_the_rate(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 0, 1000, BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, BURST - 1), BURST - 1);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, 1500), 1);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, SECOND / 1000 - 1, 1500), 0);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, SECOND / 1000, 1500), 1);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, SECOND, 1500), 999);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 21 * SECOND - 1, UINT64_MAX), BURST - 1);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 21 * SECOND, UINT64_MAX), 1);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 90 * SECOND, UINT64_MAX), BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 90 * SECOND, UINT64_MAX), 0);
}

static void test_what_did_not_go_can_be_taken_again(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 0, 1000, BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, UINT64_MAX), BURST);
    fama_pacer_give_back(&pacer, 3000);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, UINT64_MAX), 3000);
    fama_pacer_give_back(&pacer, 1000);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 100 * SECOND, UINT64_MAX), BURST);
}

/* Rates that no nanosecond divides, asked at every step: a bucket in floating point or whole bytes would
 * lose a bit at each. */
static void test_nothing_is_rounded_away_however_often_it_is_asked(void)
{
    static const uint64_t rates[] = {1, 7, 999999937, 123456789, 12500000, FAMA_PACER_RATE_MAX};
    for (uint32_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct fama_pacer pacer;
        struct fama_random random;
        uint64_t now_ns = 0;
        fama_random_seed(&random, seed + i);
        fama_pacer_init(&pacer, 0, rates[i], FAMA_PACER_BURST_MAX);
        uint64_t gone = fama_pacer_take(&pacer, 0, UINT64_MAX);
        CU_ASSERT_EQUAL(gone, FAMA_PACER_BURST_MAX);
        for (uint32_t step = 0; step < 100000; step++) {
            now_ns += fama_random_below(&random, 1000);
            gone += fama_pacer_take(&pacer, now_ns, fama_random_below(&random, 1000000));
        }
        gone += fama_pacer_take(&pacer, now_ns, UINT64_MAX);
        unsigned __int128 earned = (unsigned __int128)now_ns * rates[i] / SECOND;
        CU_ASSERT(gone == FAMA_PACER_BURST_MAX + (uint64_t)earned);
    }
}

static void test_the_longest_gap_fills_the_bucket_and_no_more(void)
{
    /* As long as time itself at the lower rates; at the highest, a little below 2^63 bytes. */
    static const struct {
        uint64_t rate, gap_ns;
    } cases[] = {{1, UINT64_MAX},
                 {100000000, UINT64_MAX},
                 {FAMA_PACER_RATE_MAX, UINT64_C(73000000000000000)},
                 {UINT64_MAX, UINT64_C(73000000000000000)}};
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fama_pacer pacer;
        fama_pacer_init(&pacer, 0, cases[i].rate, UINT64_MAX);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, UINT64_MAX), FAMA_PACER_BURST_MAX);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, UINT64_MAX), 0);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, cases[i].gap_ns, UINT64_MAX), FAMA_PACER_BURST_MAX);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, cases[i].gap_ns, UINT64_MAX), 0);
    }
}

/* The counter of bytes wraps after some centuries of sending, and nobody notices. */
static void test_the_rate_holds_where_the_counter_wraps(void)
{
    struct fama_pacer pacer;
    uint64_t step_ns = UINT64_C(60000000000000000);
    uint64_t now_ns = 0;
    fama_pacer_init(&pacer, 0, FAMA_PACER_RATE_MAX, BURST);
    for (uint32_t i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, now_ns, UINT64_MAX), BURST);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, now_ns + 8, UINT64_MAX), 1000);
        now_ns += step_ns;
    }
}

static void test_a_clock_that_goes_back_gives_nothing(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 10 * SECOND, 1000, BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 10 * SECOND, UINT64_MAX), BURST);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 9 * SECOND, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 12 * SECOND, UINT64_MAX), 2000);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 11 * SECOND, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 12 * SECOND, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 13 * SECOND, UINT64_MAX), 1000);
}

static void test_after_the_wait_the_bytes_are_there_and_well_before_it_not(void)
{
    struct fama_random random;
    fama_random_seed(&random, seed);
    for (uint32_t i = 0; i < 2000; i++) {
        struct fama_pacer pacer;
        uint64_t rate = 1 + (fama_random_next(&random) >> (28 + fama_random_below(&random, 36)));
        uint64_t bytes = 2 + fama_random_below(&random, FAMA_PACER_BURST_MIN - 1);
        uint64_t byte_ns = SECOND / rate + 1;
        fama_pacer_init(&pacer, 77, rate, 0);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 77, UINT64_MAX), FAMA_PACER_BURST_MIN);
        uint64_t wait_ns = fama_pacer_wait_ns(&pacer, 77, bytes);
        CU_ASSERT(wait_ns > 0);
        if (wait_ns > byte_ns) {
            CU_ASSERT(fama_pacer_wait_ns(&pacer, 77 + wait_ns - byte_ns, bytes) > 0);
        }
        CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, 77 + wait_ns, bytes), 0);
        CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 77 + wait_ns, bytes), bytes);
    }
}

/* A bucket smaller than a packet would let none through. */
static void test_the_least_burst_holds_any_packet(void)
{
    struct fama_pacer pacer;
    fama_pacer_init(&pacer, 0, 1, 0);
    CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, 0, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 0, UINT64_MAX), FAMA_PACER_BURST_MIN);
}

static void test_what_is_not_urgent_leaves_a_burst_to_what_is(void)
{
    struct fama_pacer pacer;
    uint64_t burst = UINT64_C(8) * FAMA_PACER_BURST_MIN;
    fama_pacer_init(&pacer, 0, 1000000, burst);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 0, UINT64_MAX), burst / 2);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 0, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_wait_spare_ns(&pacer, 0, 1000), 1000000);
    CU_ASSERT_EQUAL(fama_pacer_wait_ns(&pacer, 0, 1000), 0);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 1000000, UINT64_MAX), 1000);
    CU_ASSERT_EQUAL(fama_pacer_take(&pacer, 1000000, UINT64_MAX), burst / 2);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 2000000, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(fama_pacer_wait_spare_ns(&pacer, 2000000, 1000), 1000 * burst / 2);
    /* The least bucket has nothing to leave: any packet must fit. */
    fama_pacer_init(&pacer, 0, 1000000, 0);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 0, UINT64_MAX), FAMA_PACER_BURST_MIN);
    fama_pacer_init(&pacer, 0, 0, 0);
    CU_ASSERT_EQUAL(fama_pacer_take_spare(&pacer, 0, 7), 7);
    CU_ASSERT_EQUAL(fama_pacer_wait_spare_ns(&pacer, 0, 7), 0);
}

struct taker {
    struct fama_pacer *pacer;
    uint64_t taken;
};

static void *take_for_a_while(void *context)
{
    struct taker *taker = context;
    for (uint64_t now_ns = 0; now_ns <= SECOND; now_ns += 1000) {
        uint64_t taken = fama_pacer_take(taker->pacer, now_ns, 64000);
        fama_pacer_give_back(taker->pacer, taken / 2);
        taker->taken += taken - taken / 2;
    }
    return NULL;
}

static void test_lcores_that_share_a_bucket_get_no_more_than_it_holds(void)
{
    struct fama_pacer pacer;
    struct taker takers[THREADS] = {0};
    pthread_t threads[THREADS];
    uint64_t taken = 0;
    fama_pacer_init(&pacer, 0, 100000000, BURST);
    for (uint32_t i = 0; i < THREADS; i++) {
        takers[i].pacer = &pacer;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, take_for_a_while, &takers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
        taken += takers[i].taken;
    }
    /* Nobody knows in which order they ran, only what the whole second allowed. */
    CU_ASSERT(taken > 0 && taken <= 100000000 + BURST);
    CU_ASSERT(taken + fama_pacer_take(&pacer, SECOND, UINT64_MAX) <= 100000000 + BURST);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_no_rate_is_no_limit),
        TEST(test_a_full_bucket_is_one_burst_and_then_the_rate),
        TEST(test_what_did_not_go_can_be_taken_again),
        TEST(test_nothing_is_rounded_away_however_often_it_is_asked),
        TEST(test_the_longest_gap_fills_the_bucket_and_no_more),
        TEST(test_the_rate_holds_where_the_counter_wraps),
        TEST(test_a_clock_that_goes_back_gives_nothing),
        TEST(test_after_the_wait_the_bytes_are_there_and_well_before_it_not),
        TEST(test_the_least_burst_holds_any_packet),
        TEST(test_what_is_not_urgent_leaves_a_burst_to_what_is),
        TEST(test_lcores_that_share_a_bucket_get_no_more_than_it_holds),
    };
    seed = test_seed("the pacer");
    return run_suite("the pacer", cases, sizeof cases / sizeof cases[0]);
}
