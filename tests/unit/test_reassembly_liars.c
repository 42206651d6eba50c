/* Members of the channel that sign what is not so. */
#include "unit/reassembly_bench.h"

static void test_another_root_for_a_known_set_is_a_conflict_and_verified_once(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct cut_block *other = cut_block_make(0, 10000, 1000, 8, 2);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, other, 1), FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_EQUAL(bench.verifications, 2);
    for (uint32_t i = 2; i < 10; i++) {
        CU_ASSERT_EQUAL(dropped(&bench, 0, other, i), FAMA_DROP_ROOT_CONFLICT);
    }
    CU_ASSERT_EQUAL(bench.verifications, 2);
    for (uint32_t i = 1; i < 10; i++) {
        (void)deliver(&bench, 0, block, i);
    }
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    cut_block_free(other);
    tear_down(&bench);
}

static void test_another_cut_of_the_same_block_is_a_conflict_and_verified_once(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct cut_block *other = cut_block_make(0, 10000, 900, 8, 1);
    struct cut_block *longer = cut_block_make(0, 10001, 1000, 9, 1);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, other, 0), FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_EQUAL(dropped(&bench, 0, longer, 5), FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_EQUAL(bench.verifications, 2);
    for (uint32_t i = 1; i < 10; i++) {
        (void)deliver(&bench, 0, block, i);
    }
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    cut_block_free(other);
    cut_block_free(longer);
    tear_down(&bench);
}

static void test_a_bogus_first_root_does_not_hold_its_block_number(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    struct cut_block *bogus = cut_block_make(0, 90000, 1000, 8, 2);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    CU_ASSERT_EQUAL(deliver(&bench, 0, bogus, 0), FAMA_OFFER_STORED);
    bench.now_ns += SECOND;
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 0), FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 1);
    bench.now_ns += SECOND;
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    /* It is the others' turn, even if the first is quicker. */
    CU_ASSERT_EQUAL(dropped(&bench, 0, bogus, 1), FAMA_DROP_ORIGIN_BLAMED);
    for (uint32_t i = 0; i < 10; i++) {
        (void)deliver(&bench, 0, block, i);
    }
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    cut_block_free(bogus);
    tear_down(&bench);
}

static void test_a_bogus_root_planted_long_before_gives_way_at_the_first_good_chunk(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    for (uint64_t number = 0; number < 7; number++) {
        struct cut_block *bogus = cut_block_make(number, 90000, 1000, 8, 2);
        CU_ASSERT_EQUAL(deliver(&bench, 0, bogus, 0), FAMA_OFFER_STORED);
        cut_block_free(bogus);
    }
    bench.now_ns += 2 * SECOND;
    for (uint64_t number = 0; number < 7; number++) {
        struct cut_block *block = cut_block_make(number, 10000, 1000, 7, 1);
        for (uint32_t i = 0; i < 10; i++) {
            CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, block, i),
                                  i < 9 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
        }
        expect_whole(&bench, 0, block);
        cut_block_free(block);
        /* The turn is for this block only. */
        struct cut_block *later = cut_block_make(7, 2000, 1000, 8, 3);
        CU_ASSERT_NOT_EQUAL(dropped(&bench, 0, later, 0), FAMA_DROP_ORIGIN_BLAMED);
        cut_block_free(later);
    }
    tear_down(&bench);
}

static void test_a_signer_may_start_its_own_stuck_block_anew_in_another_cut(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct cut_block *finer = cut_block_make(0, 10000, 600, 7, 1);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, finer, 0), FAMA_DROP_ROOT_CONFLICT);
    bench.now_ns += 2 * SECOND;
    /* Judged at the time of the offer, by which the block is stuck; nobody is ignored for it. */
    for (uint32_t i = 0; i < 17; i++) {
        CU_ASSERT_EQUAL(deliver(&bench, 0, finer, i),
                        i < 16 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
    }
    expect_whole(&bench, 0, finer);
    cut_block_free(block);
    cut_block_free(finer);
    tear_down(&bench);
}

static void test_an_uncontested_block_may_be_slow(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    bench.now_ns += 3600 * SECOND;
    CU_ASSERT(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(finish(&bench, 0, 0), FAMA_OFFER_COMPLETE);
    tear_down(&bench);
}

static void deliver_all(struct bench *bench, const struct cut_block *block, uint32_t from,
                        uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        (void)deliver(bench, 0, block, i);
    }
}

static void test_the_origin_of_a_refused_block_is_ignored_for_a_while(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *bad = cut_block_make(0, 10000, 1000, 8, 2);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    deliver_all(&bench, bad, 0, 10);
    expect_whole(&bench, 0, bad);
    give_back(&bench, false);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    CU_ASSERT_EQUAL(dropped(&bench, 0, bad, 0), FAMA_DROP_ORIGIN_BLAMED);
    deliver_all(&bench, block, 0, 10);
    expect_whole(&bench, 0, block);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    /* Everywhere, until the time is over. */
    struct cut_block *next = cut_block_make(1, 2000, 1000, 8, 3);
    CU_ASSERT_EQUAL(dropped(&bench, 1, next, 0), FAMA_DROP_ORIGIN_BLAMED);
    bench.now_ns += 10 * SECOND - 1;
    CU_ASSERT_EQUAL(dropped(&bench, 0, next, 0), FAMA_DROP_ORIGIN_BLAMED);
    bench.now_ns++;
    CU_ASSERT_EQUAL(deliver(&bench, 0, next, 0), FAMA_OFFER_STORED);
    cut_block_free(bad);
    cut_block_free(block);
    cut_block_free(next);
    tear_down(&bench);
}

static void test_an_honest_first_signer_is_not_blamed_for_what_another_put_into_its_block(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 64000, 1000, 7, 1);
    struct cut_block *liar = cut_block_make(0, 64000, 1000, 8, 2);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    deliver_all(&bench, liar, 32, 64); /* the second set is the liar's */
    deliver_all(&bench, block, 1, 32);
    CU_ASSERT_EQUAL_FATAL(bench.whole_count, 1);
    CU_ASSERT_EQUAL(bench.whole.origin, 7);
    give_back(&bench, false);
    /* Now one alone must sign all of it; the liar is first, fails, and is known. */
    CU_ASSERT_EQUAL(deliver(&bench, 0, liar, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 32), FAMA_DROP_ROOT_CONFLICT);
    deliver_all(&bench, liar, 1, 64);
    CU_ASSERT_EQUAL_FATAL(bench.whole_count, 2);
    give_back(&bench, false);
    CU_ASSERT_EQUAL(dropped(&bench, 0, liar, 32), FAMA_DROP_ORIGIN_BLAMED);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    deliver_all(&bench, block, 1, 64);
    expect_whole(&bench, 0, block);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    /* A block that one alone must sign and does not finish passes to the next as well. */
    struct cut_block *second = cut_block_make(1, 64000, 1000, 7, 1);
    struct cut_block *copy = cut_block_make(1, 64000, 1000, 9, 1);
    deliver_all(&bench, second, 0, 32);
    deliver_all(&bench, copy, 32, 64);
    give_back(&bench, false);
    CU_ASSERT_EQUAL(deliver(&bench, 0, second, 0), FAMA_OFFER_STORED);
    bench.now_ns += 2 * SECOND;
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(dropped(&bench, 0, second, 1), FAMA_DROP_ORIGIN_BLAMED);
    CU_ASSERT_EQUAL(deliver(&bench, 0, copy, 1), FAMA_OFFER_STORED);
    cut_block_free(block);
    cut_block_free(liar);
    cut_block_free(second);
    cut_block_free(copy);
    tear_down(&bench);
}

static void test_a_root_judged_good_after_its_origin_was_blamed_is_not_entered(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *bad = cut_block_make(0, 1000, 1000, 8, 2);
    struct cut_block *next = cut_block_make(1, 2000, 1000, 8, 2);
    offer(&bench, packet_of(&bench, 0, next, 0));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t ticket = bench.last.root_ticket;
    CU_ASSERT_EQUAL(deliver(&bench, 0, bad, 0), FAMA_OFFER_COMPLETE);
    give_back(&bench, false);
    CU_ASSERT_EQUAL(judge(&bench, ticket, true), 1);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ORIGIN_BLAMED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    cut_block_free(bad);
    cut_block_free(next);
    tear_down(&bench);
}

static void test_the_list_of_blamed_origins_is_bounded_and_loses_the_one_that_ends_first(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    for (uint64_t origin = 1; origin <= 65; origin++) {
        struct cut_block *bad = cut_block_make(0, 1000, 1000, origin, origin);
        CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, bad, 0), FAMA_OFFER_COMPLETE);
        give_back(&bench, false);
        cut_block_free(bad);
        bench.now_ns++;
    }
    for (uint64_t origin = 65; origin >= 1; origin--) {
        struct cut_block *bad = cut_block_make(0, 2000, 1000, origin, origin);
        CU_ASSERT_EQUAL(dropped(&bench, 0, bad, 0) == FAMA_DROP_ORIGIN_BLAMED, origin > 1);
        cut_block_free(bad);
    }
    tear_down(&bench);
}

static void test_a_slot_that_is_not_out_cannot_be_returned(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    for (uint32_t slot = 0; slot < 100; slot++) {
        fama_reassembly_return(bench.reassembly, bench.now_ns, slot, false);
    }
    fama_reassembly_return(bench.reassembly, bench.now_ns, UINT32_MAX, false);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 1);
    CU_ASSERT_EQUAL(finish(&bench, 0, 0), FAMA_OFFER_COMPLETE);
    tear_down(&bench);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_another_root_for_a_known_set_is_a_conflict_and_verified_once),
        TEST(test_another_cut_of_the_same_block_is_a_conflict_and_verified_once),
        TEST(test_a_bogus_first_root_does_not_hold_its_block_number),
        TEST(test_a_bogus_root_planted_long_before_gives_way_at_the_first_good_chunk),
        TEST(test_a_signer_may_start_its_own_stuck_block_anew_in_another_cut),
        TEST(test_an_uncontested_block_may_be_slow),
        TEST(test_the_origin_of_a_refused_block_is_ignored_for_a_while),
        TEST(test_an_honest_first_signer_is_not_blamed_for_what_another_put_into_its_block),
        TEST(test_a_root_judged_good_after_its_origin_was_blamed_is_not_entered),
        TEST(test_the_list_of_blamed_origins_is_bounded_and_loses_the_one_that_ends_first),
        TEST(test_a_slot_that_is_not_out_cannot_be_returned),
    };
    return run_suite("reassembly against lying members", cases, sizeof(cases) / sizeof(cases[0]));
}
