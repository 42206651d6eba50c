#include "controlplane/block_times.h"

#include "unit/suite.h"

static struct fama_block_times times;

static void note(uint64_t number)
{
    fama_block_times_note(&times,
                          &(struct fama_block_time){.number = number, .committed_ns = number * 10});
}

static void test_a_noted_block_is_found_and_no_other(void)
{
    struct fama_block_time found;
    times = (struct fama_block_times){0};
    note(7);
    CU_ASSERT_TRUE_FATAL(fama_block_times_find(&times, 7, &found));
    CU_ASSERT_EQUAL(found.number, 7);
    CU_ASSERT_EQUAL(found.committed_ns, 70);
    CU_ASSERT_FALSE(fama_block_times_find(&times, 0, &found));
    CU_ASSERT_FALSE(fama_block_times_find(&times, 8, &found));
    CU_ASSERT_FALSE(fama_block_times_find(&times, 7 + FAMA_BLOCK_TIMES_KEPT, &found));
}

static void test_old_blocks_make_room_for_new_ones(void)
{
    struct fama_block_time found;
    times = (struct fama_block_times){0};
    for (uint64_t number = 1; number <= 2 * FAMA_BLOCK_TIMES_KEPT; number++) {
        note(number);
    }
    for (uint64_t number = 1; number <= 2 * FAMA_BLOCK_TIMES_KEPT; number++) {
        CU_ASSERT_EQUAL(fama_block_times_find(&times, number, &found),
                        number > FAMA_BLOCK_TIMES_KEPT);
    }
    CU_ASSERT_EQUAL(found.number, 2 * FAMA_BLOCK_TIMES_KEPT);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_noted_block_is_found_and_no_other),
        TEST(test_old_blocks_make_room_for_new_ones),
    };
    return run_suite("times of blocks", cases, sizeof cases / sizeof cases[0]);
}
