#include "dataplane/windows.h"

#include "unit/suite.h"

static struct fama_windows windows;

static struct fama_window tell(uint32_t lcore, uint64_t first, uint64_t present, uint64_t horizon)
{
    struct fama_window window = {
        .channel = 3, .first = first, .present = present, .horizon = horizon};
    fama_windows_put_together(&windows, lcore, &window);
    CU_ASSERT_EQUAL(window.channel, 3);
    return window;
}

static void test_one_lcores_part_is_the_whole(void)
{
    windows = (struct fama_windows){0};
    struct fama_window whole = tell(0, 10, 5, 13);
    CU_ASSERT(whole.first == 10 && whole.present == 5 && whole.horizon == 13);
    whole = tell(0, 12, 1, 13);
    CU_ASSERT(whole.first == 12 && whole.present == 1 && whole.horizon == 13);
}

static void test_parts_that_begin_at_different_heights_meet_at_the_highest(void)
{
    windows = (struct fama_windows){0};
    (void)tell(0, 10, UINT64_C(1) << 63 | 0x11, 40);
    struct fama_window whole = tell(1, 14, 2, 16);
    /* Blocks 10, 14 and 73 of the first, 15 of the second. */
    CU_ASSERT(whole.first == 14 && whole.horizon == 40);
    CU_ASSERT_EQUAL(whole.present, UINT64_C(1) << 59 | 1 | 2);
    /* What was told before the height rose stays true. */
    whole = tell(0, 13, 2, 40);
    CU_ASSERT(whole.first == 14 && whole.present == (1 | 2) && whole.horizon == 40);
    whole = tell(7, 500, 1, 0);
    CU_ASSERT(whole.first == 500 && whole.present == 1 && whole.horizon == 40);
}

static void test_a_part_that_loses_a_block_takes_it_out_of_the_whole(void)
{
    windows = (struct fama_windows){0};
    (void)tell(0, 10, 1, 11);
    CU_ASSERT_EQUAL(tell(1, 10, 2, 12).present, 3);
    CU_ASSERT_EQUAL(tell(0, 10, 0, 11).present, 2);
}

static void test_channels_have_nothing_to_do_with_each_other(void)
{
    windows = (struct fama_windows){0};
    (void)tell(0, 10, 1, 11);
    struct fama_window other = {.channel = FAMA_CHANNELS_MAX - 1, .first = 2, .present = 4};
    fama_windows_put_together(&windows, FAMA_NET_CORES_MAX - 1, &other);
    CU_ASSERT(other.first == 2 && other.present == 4 && other.horizon == 0);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_one_lcores_part_is_the_whole),
        TEST(test_parts_that_begin_at_different_heights_meet_at_the_highest),
        TEST(test_a_part_that_loses_a_block_takes_it_out_of_the_whole),
        TEST(test_channels_have_nothing_to_do_with_each_other),
    };
    return run_suite("windows of several lcores", cases, sizeof cases / sizeof cases[0]);
}
