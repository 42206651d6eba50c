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

/* Sends the block's chunks from `*next` on, one every `every_ns`, until `until_ns`. */
static void drip(struct bench *bench, const struct cut_block *block, uint32_t *next,
                 uint64_t every_ns, uint64_t until_ns)
{
    for (; bench->now_ns + every_ns < until_ns; (*next)++) {
        bench->now_ns += every_ns;
        CU_ASSERT_EQUAL_FATAL(deliver(bench, 0, block, *next), FAMA_OFFER_STORED);
    }
    bench->now_ns = until_ns;
}

static void test_a_block_that_drips_in_does_not_hold_its_number_against_others(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    struct cut_block *bogus = cut_block_make(0, 1000000, 1000, 8, 2);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    uint64_t taken_ns = bench.now_ns;
    uint32_t next = 1;
    CU_ASSERT_EQUAL(deliver(&bench, 0, bogus, 0), FAMA_OFFER_STORED);
    drip(&bench, bogus, &next, SECOND * 19 / 10, taken_ns + 2 * SECOND);
    /* Two chunks of 1000 octets: 2 ms more. */
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 0), FAMA_DROP_ROOT_CONFLICT);
    bench.now_ns += 2000000 - 1;
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 0), FAMA_DROP_ROOT_CONFLICT);
    bench.now_ns++;
    for (uint32_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(deliver(&bench, 0, block, i),
                        i < 9 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
        if (i < 9) {
            CU_ASSERT_EQUAL(dropped(&bench, 0, bogus, next), FAMA_DROP_ORIGIN_BLAMED);
        }
    }
    expect_whole(&bench, 0, block);
    give_back(&bench, false);
    /* Housekeeping sees it as well. */
    set_height(&bench, 0, 1);
    struct cut_block *second = cut_block_make(1, 1000000, 1000, 9, 2);
    struct cut_block *other = cut_block_make(1, 1000000, 1000, 10, 3);
    taken_ns = bench.now_ns;
    next = 1;
    CU_ASSERT_EQUAL(deliver(&bench, 0, second, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, other, 0), FAMA_DROP_ROOT_CONFLICT);
    drip(&bench, second, &next, SECOND, taken_ns + 3 * SECOND);
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 1), 0);
    cut_block_free(block);
    cut_block_free(bogus);
    cut_block_free(second);
    cut_block_free(other);
    tear_down(&bench);
}

/* 10 MB through 100 Mbit/s that three members share, with a tenth lost and repaired after half a second. */
static void test_an_honest_block_that_comes_slowly_stays_even_if_others_contest_it(void)
{
    struct bench bench;
    struct fama_gap gap;
    struct fama_reassembly_limits limits = usual_limits;
    limits.block_bytes_max = 10000000;
    set_up(&bench, &limits);
    struct cut_block *block = cut_block_make(0, 10000000, 1000, 7, 1);
    struct cut_block *liar = cut_block_make(0, 10000, 1000, 8, 2);
    const uint64_t chunk_ns = UINT64_C(8) * 1000 * 1000 / 100 * 3;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < block->geometry.chunks; i++) {
            if ((i % 10 == 0) == (round == 1)) {
                enum fama_offer offer = deliver(&bench, 0, block, i);
                CU_ASSERT_FATAL(offer == FAMA_OFFER_STORED || offer == FAMA_OFFER_COMPLETE);
            }
            bench.now_ns += round == 0 || i % 10 == 0 ? chunk_ns : 0;
            if (i % 1000 == 1 && bench.whole_count == 0) {
                CU_ASSERT_EQUAL(dropped(&bench, 0, liar, 0), FAMA_DROP_ROOT_CONFLICT);
                (void)find_gap(&bench, &gap);
            }
        }
        bench.now_ns += round == 0 ? SECOND / 2 : 0;
    }
    CU_ASSERT_EQUAL_FATAL(bench.whole_count, 1);
    CU_ASSERT_EQUAL(bench.whole.origin, 7);
    CU_ASSERT(bench.now_ns > 7 * SECOND);
    cut_block_free(block);
    cut_block_free(liar);
    tear_down(&bench);
}

/* At 4 kbit/s: as long as nobody waits. */
static void test_a_block_that_drips_in_stays_until_somebody_waits_for_its_slot(void)
{
    struct bench bench;
    struct fama_gap gap;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 1;
    set_up(&bench, &limits);
    struct cut_block *block = cut_block_make(0, 100000, 1000, 7, 1);
    uint32_t next = 1;
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    drip(&bench, block, &next, SECOND * 19 / 10, bench.now_ns + 60 * SECOND);
    (void)find_gap(&bench, &gap);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 1);
    CU_ASSERT_EQUAL(begin(&bench, 1, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    cut_block_free(block);
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
        TEST(test_a_block_that_drips_in_does_not_hold_its_number_against_others),
        TEST(test_an_honest_block_that_comes_slowly_stays_even_if_others_contest_it),
        TEST(test_a_block_that_drips_in_stays_until_somebody_waits_for_its_slot),
        TEST(test_the_origin_of_a_refused_block_is_ignored_for_a_while),
        TEST(test_an_honest_first_signer_is_not_blamed_for_what_another_put_into_its_block),
        TEST(test_a_root_judged_good_after_its_origin_was_blamed_is_not_entered),
        TEST(test_the_list_of_blamed_origins_is_bounded_and_loses_the_one_that_ends_first),
        TEST(test_a_slot_that_is_not_out_cannot_be_returned),
    };
    return run_suite("reassembly against lying members", cases, sizeof(cases) / sizeof(cases[0]));
}
