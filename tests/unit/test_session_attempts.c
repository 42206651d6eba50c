#include "controlplane/session_attempts.h"

#include "unit/suite.h"

static const struct fama_endpoint nowhere;

static struct fama_attempts *create(uint32_t initiators_max, uint32_t half_open_max)
{
    struct fama_attempts *attempts = fama_attempts_create(initiators_max, half_open_max);
    CU_ASSERT_PTR_NOT_NULL_FATAL(attempts);
    return attempts;
}

/* Takes what is ready until nothing is. */
static uint32_t silence(struct fama_attempts *attempts)
{
    uint32_t count = 0;
    while (fama_attempts_first_ready(attempts) != NULL) {
        fama_attempts_is_silent(attempts);
        count++;
    }
    return count;
}

static void test_each_kind_has_its_limit_and_its_own_numbers(void)
{
    struct fama_attempts *attempts = create(2, 3);
    for (uint64_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(fama_attempts_add(attempts, true, 7, i, &nowhere) != NULL, i < 2);
        CU_ASSERT_EQUAL(fama_attempts_add(attempts, false, 7, i, &nowhere) != NULL, i < 3);
    }
    struct fama_attempt *own = fama_attempts_find(attempts, true, 7, 1);
    struct fama_attempt *others = fama_attempts_find(attempts, false, 7, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(own);
    CU_ASSERT_PTR_NOT_NULL_FATAL(others);
    CU_ASSERT_PTR_NOT_EQUAL(own, others);
    CU_ASSERT_EQUAL(own->stage, FAMA_ATTEMPT_KNOCKING);
    CU_ASSERT_EQUAL(others->stage, FAMA_ATTEMPT_TALKING);
    CU_ASSERT_PTR_NULL(fama_attempts_find(attempts, true, 8, 1));
    CU_ASSERT_PTR_NULL(fama_attempts_find(attempts, true, 7, 1 + 1024));
    fama_attempts_end(attempts, own);
    CU_ASSERT_PTR_NULL(fama_attempts_find(attempts, true, 7, 1));
    CU_ASSERT_EQUAL(fama_attempts_initiators(attempts), 1);
    CU_ASSERT_PTR_NOT_NULL(fama_attempts_add(attempts, true, 7, 1025, &nowhere));
    CU_ASSERT_EQUAL(silence(attempts), 1);
    fama_attempts_destroy(attempts);
}

static void test_places_come_back_for_ever(void)
{
    struct fama_attempts *attempts = create(4, 4);
    for (uint64_t i = 0; i < 20000; i++) {
        struct fama_attempt *attempt = fama_attempts_add(attempts, i % 2 == 0, i, i, &nowhere);
        CU_ASSERT_PTR_NOT_NULL_FATAL(attempt);
        fama_attempts_make_ready(attempts, attempt);
        fama_attempts_end(attempts, attempt);
        if (i % 5 == 0) {
            CU_ASSERT(silence(attempts) <= 5);
        }
    }
    CU_ASSERT_EQUAL(fama_attempts_initiators(attempts) + fama_attempts_half_open(attempts), 0);
    /* Nobody takes their last words: then there are no places in the end, and no harm. */
    uint32_t added = 0;
    struct fama_attempt *attempt;
    while ((attempt = fama_attempts_add(attempts, true, 1, added, &nowhere)) != NULL) {
        fama_attempts_end(attempts, attempt);
        added++;
    }
    CU_ASSERT(added <= fama_attempts_places(attempts));
    CU_ASSERT(silence(attempts) >= added);
    CU_ASSERT_PTR_NOT_NULL(fama_attempts_add(attempts, true, 1, 1, &nowhere));
    fama_attempts_destroy(attempts);
}

static void test_who_lingers_longest_gives_way_and_does_not_begin_again(void)
{
    struct fama_attempts *attempts = create(1, 1);
    for (uint64_t i = 0; i < FAMA_LINGERING_MAX + 10; i++) {
        struct fama_attempt *attempt = fama_attempts_add(attempts, false, 7, i, &nowhere);
        CU_ASSERT_PTR_NOT_NULL_FATAL(attempt);
        fama_attempts_linger(attempts, attempt, 1000 + i);
        (void)silence(attempts);
    }
    CU_ASSERT_EQUAL(fama_attempts_lingering(attempts), FAMA_LINGERING_MAX);
    CU_ASSERT_EQUAL(fama_attempts_half_open(attempts), 0);
    for (uint64_t i = 0; i < FAMA_LINGERING_MAX + 10; i++) {
        CU_ASSERT_EQUAL(fama_attempts_find(attempts, false, 7, i) != NULL, i >= 10);
        CU_ASSERT_EQUAL(fama_attempts_is_buried(attempts, 7, i, 1000), i < 10);
    }
    CU_ASSERT_FALSE(fama_attempts_is_buried(attempts, 8, 1, 1000));
    CU_ASSERT_FALSE(fama_attempts_is_buried(attempts, 7, 1, 3000 + FAMA_BURIED_NS));
    fama_attempts_destroy(attempts);
}

static void test_what_is_ready_comes_in_order_and_once(void)
{
    struct fama_attempts *attempts = create(3, 3);
    struct fama_attempt *first = fama_attempts_add(attempts, true, 1, 1, &nowhere);
    struct fama_attempt *second = fama_attempts_add(attempts, true, 2, 2, &nowhere);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    fama_attempts_make_ready(attempts, second);
    fama_attempts_make_ready(attempts, first);
    fama_attempts_make_ready(attempts, second);
    CU_ASSERT_PTR_EQUAL(fama_attempts_first_ready(attempts), second);
    fama_attempts_is_silent(attempts);
    CU_ASSERT_PTR_EQUAL(fama_attempts_first_ready(attempts), first);
    fama_attempts_is_silent(attempts);
    CU_ASSERT_PTR_NULL(fama_attempts_first_ready(attempts));
    CU_ASSERT_PTR_EQUAL(fama_attempts_find(attempts, true, 1, 1), first);
    fama_attempts_destroy(attempts);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_each_kind_has_its_limit_and_its_own_numbers),
        TEST(test_places_come_back_for_ever),
        TEST(test_who_lingers_longest_gives_way_and_does_not_begin_again),
        TEST(test_what_is_ready_comes_in_order_and_once),
    };
    return run_suite("session attempts", cases, sizeof cases / sizeof cases[0]);
}
