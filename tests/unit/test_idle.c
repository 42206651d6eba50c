#include "dataplane/idle.h"

#include <pthread.h>
#include <time.h>

#include "dataplane/doorbell.h"
#include "dataplane/ringer.h"
#include "unit/suite.h"

static uint64_t now_ns(void)
{
    struct timespec time;
    CU_ASSERT_EQUAL_FATAL(clock_gettime(CLOCK_MONOTONIC, &time), 0);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void test_poll_mode_never_sleeps(void)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_POLL, 1000000);
    for (uint32_t i = 0; i < 100 * FAMA_IDLE_EMPTY_ROUNDS; i++) {
        CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 0);
    }
}

static void test_adaptive_mode_sleeps_doubling_up_to_its_limit(void)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, 100000);
    for (uint32_t i = 0; i < FAMA_IDLE_EMPTY_ROUNDS; i++) {
        CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 0);
    }
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 20000);
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 40000);
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 80000);
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 100000);
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 100000);
}

static void test_work_starts_the_idle_strategy_over(void)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, 100000);
    for (uint32_t i = 0; i < FAMA_IDLE_EMPTY_ROUNDS + 3; i++) {
        (void)fama_idle_next(&idler, 0);
    }
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 5), 0);
    for (uint32_t i = 0; i < FAMA_IDLE_EMPTY_ROUNDS; i++) {
        CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 0);
    }
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), FAMA_IDLE_SLEEP_MIN_NS);
}

static void test_a_limit_below_the_shortest_sleep_is_kept(void)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, 5000);
    for (uint32_t i = 0; i < FAMA_IDLE_EMPTY_ROUNDS; i++) {
        (void)fama_idle_next(&idler, 0);
    }
    CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 5000);
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, 0);
    for (uint32_t i = 0; i < 2 * FAMA_IDLE_EMPTY_ROUNDS; i++) {
        CU_ASSERT_EQUAL(fama_idle_next(&idler, 0), 0);
    }
}

static void test_a_wait_lasts_about_as_long_as_asked(void)
{
    fama_idle_prepare_thread();
    uint64_t before = now_ns();
    fama_idle_wait(2000000);
    CU_ASSERT(now_ns() - before >= 2000000);
}

/* A mailbox of one number: what the doorbell's argument needs of a ring, and no more. */
struct mailbox {
    struct fama_doorbell doorbell;
    _Atomic uint64_t produced;
    uint64_t last;
};

static void *produce(void *argument)
{
    struct mailbox *mailbox = argument;
    for (uint64_t i = 1; i <= mailbox->last; i++) {
        atomic_store_explicit(&mailbox->produced, i, memory_order_relaxed);
        (void)fama_doorbell_ring(&mailbox->doorbell);
        if (i % 7 == 0) {
            fama_idle_wait(1000 * (i % 50));
        }
    }
    return NULL;
}

static void pass_numbers(uint64_t last, bool by_ringer)
{
    struct mailbox mailbox = {.last = last};
    CU_ASSERT_EQUAL_FATAL(fama_doorbell_open(&mailbox.doorbell), 0);
    struct fama_doorbell *bells[] = {&mailbox.doorbell};
    struct fama_ringer *ringer = by_ringer ? fama_ringer_start(bells, 1) : NULL;
    CU_ASSERT_EQUAL_FATAL(ringer != NULL, by_ringer);
    pthread_t producer;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&producer, NULL, produce, &mailbox), 0);
    uint64_t seen = 0, longest_ns = 0, sleeps = 0;
    while (seen < mailbox.last) {
        uint64_t newest = atomic_load_explicit(&mailbox.produced, memory_order_relaxed);
        if (newest != seen) {
            seen = newest;
            continue;
        }
        fama_doorbell_arm(&mailbox.doorbell);
        newest = atomic_load_explicit(&mailbox.produced, memory_order_relaxed);
        if (newest == seen) {
            uint64_t before = now_ns();
            fama_doorbell_wait(&mailbox.doorbell, 5000000000u);
            uint64_t slept = now_ns() - before;
            longest_ns = slept > longest_ns ? slept : longest_ns;
            sleeps++;
        }
    }
    CU_ASSERT_EQUAL(pthread_join(producer, NULL), 0);
    /* A lost wake-up would show as a wait that only its time limit ended. */
    CU_ASSERT(longest_ns < 4500000000u);
    CU_ASSERT(sleeps > 0);
    fama_ringer_stop(ringer);
    fama_doorbell_close(&mailbox.doorbell);
    CU_ASSERT_EQUAL(mailbox.doorbell.fd, -1);
}

static void test_no_wake_up_is_lost_between_producer_and_sleeping_consumer(void)
{
    pass_numbers(20000, false);
}

static void test_no_wake_up_is_lost_when_a_ringer_does_the_writing(void)
{
    pass_numbers(5000, true);
}

static void test_what_is_left_to_a_ringer_is_written_by_it_alone(void)
{
    struct fama_doorbell doorbell;
    uint64_t value;
    CU_ASSERT_EQUAL_FATAL(fama_doorbell_open(&doorbell), 0);
    doorbell.is_left_to_ringer = true;
    fama_doorbell_arm(&doorbell);
    CU_ASSERT_FALSE(fama_doorbell_ring_due(&doorbell));
    CU_ASSERT(fama_doorbell_ring(&doorbell));
    CU_ASSERT_EQUAL(read(doorbell.fd, &value, sizeof value), -1);
    CU_ASSERT(fama_doorbell_ring_due(&doorbell));
    CU_ASSERT_EQUAL(read(doorbell.fd, &value, sizeof value), sizeof value);
    CU_ASSERT_FALSE(fama_doorbell_ring_due(&doorbell));
    fama_doorbell_close(&doorbell);
}

static void test_a_ringer_rings_what_is_due_before_it_ends(void)
{
    struct fama_doorbell doorbell;
    struct fama_doorbell *bells[] = {&doorbell};
    uint64_t value;
    CU_ASSERT_EQUAL_FATAL(fama_doorbell_open(&doorbell), 0);
    struct fama_ringer *ringer = fama_ringer_start(bells, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ringer);
    fama_doorbell_arm(&doorbell);
    CU_ASSERT(fama_doorbell_ring(&doorbell));
    fama_ringer_stop(ringer);
    CU_ASSERT_EQUAL(read(doorbell.fd, &value, sizeof value), sizeof value);
    CU_ASSERT_FALSE(doorbell.is_left_to_ringer);
    fama_doorbell_close(&doorbell);
    CU_ASSERT_PTR_NULL(fama_ringer_start(bells, FAMA_RINGER_BELLS_MAX + 1));
    fama_ringer_stop(NULL);
}

static void test_a_doorbell_that_nobody_armed_is_silent(void)
{
    struct fama_doorbell doorbell;
    CU_ASSERT_EQUAL_FATAL(fama_doorbell_open(&doorbell), 0);
    CU_ASSERT_FALSE(fama_doorbell_ring(&doorbell));
    uint64_t value;
    CU_ASSERT_EQUAL(read(doorbell.fd, &value, sizeof value), -1);
    fama_doorbell_arm(&doorbell);
    CU_ASSERT(fama_doorbell_ring(&doorbell));
    CU_ASSERT_FALSE(fama_doorbell_ring(&doorbell));
    CU_ASSERT_EQUAL(read(doorbell.fd, &value, sizeof value), sizeof value);
    CU_ASSERT_EQUAL(value, 1);
    fama_doorbell_close(&doorbell);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_poll_mode_never_sleeps),
        TEST(test_adaptive_mode_sleeps_doubling_up_to_its_limit),
        TEST(test_work_starts_the_idle_strategy_over),
        TEST(test_a_limit_below_the_shortest_sleep_is_kept),
        TEST(test_a_wait_lasts_about_as_long_as_asked),
        TEST(test_no_wake_up_is_lost_between_producer_and_sleeping_consumer),
        TEST(test_no_wake_up_is_lost_when_a_ringer_does_the_writing),
        TEST(test_a_doorbell_that_nobody_armed_is_silent),
        TEST(test_what_is_left_to_a_ringer_is_written_by_it_alone),
        TEST(test_a_ringer_rings_what_is_due_before_it_ends),
    };
    return run_suite("idle strategy and doorbell", cases, sizeof cases / sizeof cases[0]);
}
