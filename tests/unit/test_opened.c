#include "dataplane/opened.h"

#include "unit/suite.h"

#define ALL (FAMA_OPENED_AT_HAND + FAMA_OPENED_KEPT)

static void test_there_is_one_for_each_chunk_of_a_burst_however_many_are_kept(void)
{
    struct fama_opened_pool pool;
    CU_ASSERT_FATAL(fama_opened_pool_create(&pool));
    struct fama_opened *taken[ALL];
    uint32_t kept = 0;
    for (;;) {
        taken[kept] = fama_opened_take(&pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(taken[kept]);
        if (!fama_opened_may_keep(&pool)) {
            fama_opened_give(&pool, taken[kept]);
            break;
        }
        kept++;
    }
    CU_ASSERT_EQUAL(kept, FAMA_OPENED_KEPT);
    for (uint32_t i = 0; i < FAMA_OPENED_AT_HAND; i++) {
        taken[kept + i] = fama_opened_take(&pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(taken[kept + i]);
        for (uint32_t j = 0; j < kept + i; j++) {
            CU_ASSERT_PTR_NOT_EQUAL(taken[kept + i], taken[j]);
        }
    }
    CU_ASSERT_PTR_NULL(fama_opened_take(&pool));
    fama_opened_pool_destroy(&pool);
}

static void test_what_was_given_last_is_taken_first_and_nothing_may_be_given(void)
{
    struct fama_opened_pool pool;
    CU_ASSERT_FATAL(fama_opened_pool_create(&pool));
    struct fama_opened *first = fama_opened_take(&pool);
    struct fama_opened *second = fama_opened_take(&pool);
    fama_opened_give(&pool, first);
    fama_opened_give(&pool, NULL);
    CU_ASSERT_PTR_EQUAL(fama_opened_take(&pool), first);
    fama_opened_give(&pool, first);
    fama_opened_give(&pool, second);
    CU_ASSERT_EQUAL(pool.free_count, ALL);
    fama_opened_pool_destroy(&pool);
    fama_opened_pool_destroy(&pool);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_there_is_one_for_each_chunk_of_a_burst_however_many_are_kept),
        TEST(test_what_was_given_last_is_taken_first_and_nothing_may_be_given),
    };
    return run_suite("opened", cases, sizeof cases / sizeof cases[0]);
}
