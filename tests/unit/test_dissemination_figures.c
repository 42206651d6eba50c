#include "bench/dissemination_figures.h"

#include <math.h>
#include <string.h>

#include "unit/suite.h"

#define MS UINT64_C(1000000)

/* One block as a node would tell it; moments in milliseconds. */
static json_t *told(uint64_t number, const char *path, int whole, int sent, int judged,
                    int committed)
{
    return json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:I}", "number", (json_int_t)number, "bytes",
                     (json_int_t)number * 1000, "path", path, "whole_ns", whole * (json_int_t)MS,
                     "judged_ns", judged * (json_int_t)MS, "sent_ns", sent * (json_int_t)MS,
                     "committed_ns", committed * (json_int_t)MS);
}

static void tell(struct fama_spread_node *node, json_t *block)
{
    json_t *answer = json_pack("{s:[o]}", "blocks", block);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_TRUE_FATAL(fama_spread_read(node, answer));
    json_decref(answer);
}

static const struct fama_spread_choice all = {
    .first = 1, .last = UINT64_MAX, .least_bytes = 0, .most_bytes = UINT64_MAX};

static void test_a_block_takes_until_the_last_node_has_it(void)
{
    struct fama_spread spread = {.count = 3};
    struct fama_spread_figures figures;
    tell(&spread.nodes[0], told(5, "source", 97, 100, 99, 160));
    tell(&spread.nodes[1], told(5, "push", 104, 0, 105, 150));
    tell(&spread.nodes[2], told(5, "push", 111, 0, 112, 140));
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.blocks, 1);
    CU_ASSERT_EQUAL(figures.bytes, 5000);
    CU_ASSERT_EQUAL(figures.had.p50_ns, 12 * MS);
    CU_ASSERT_EQUAL(figures.had.max_ns, 12 * MS);
    CU_ASSERT_EQUAL(figures.first_had.p50_ns, 5 * MS);
    CU_ASSERT_EQUAL(figures.had_from_leader.p50_ns, 15 * MS);
    CU_ASSERT_EQUAL(figures.committed.p50_ns, 60 * MS);
    CU_ASSERT_EQUAL(figures.repaired, 0);
    CU_ASSERT_EQUAL(figures.late, 0);
    fama_spread_clear(&spread);
}

static void test_other_clocks_are_brought_to_one(void)
{
    struct fama_spread spread = {.count = 2};
    struct fama_spread_figures figures;
    spread.nodes[1].clock_ns = -(int64_t)(1000 * MS);
    tell(&spread.nodes[0], told(5, "source", 97, 100, 99, 160));
    tell(&spread.nodes[1], told(5, "push", 1104, 0, 1105, 1150));
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.had.p50_ns, 5 * MS);
    spread.nodes[1].clock_ns = -(int64_t)(1010 * MS); /* wrong by more than the block took */
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.had.p50_ns, 0);
    fama_spread_clear(&spread);
}

static void test_percentiles_are_nearest_ranks(void)
{
    struct fama_spread spread = {.count = 2};
    struct fama_spread_figures figures;
    for (int i = 1; i <= 200; i++) {
        tell(&spread.nodes[0], told((uint64_t)i, "source", 9, 10, 9, 11));
        tell(&spread.nodes[1],
             told((uint64_t)i, i == 7 ? "pull" : "push", 10 + i, 0, 10 + i * 6, 2000));
    }
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.blocks, 200);
    CU_ASSERT_EQUAL(figures.had.p50_ns, 600 * MS);
    CU_ASSERT_EQUAL(figures.had.p95_ns, 1140 * MS);
    CU_ASSERT_EQUAL(figures.had.p99_ns, 1188 * MS);
    CU_ASSERT_EQUAL(figures.had.max_ns, 1200 * MS);
    CU_ASSERT_EQUAL(figures.late, 34); /* from 167 x 6 ms on, more than a second */
    CU_ASSERT_EQUAL(figures.repaired, 1);
    const struct fama_spread_choice some = {
        .first = 10, .last = 100, .least_bytes = 20000, .most_bytes = 29999};
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &some, &figures));
    CU_ASSERT_EQUAL(figures.blocks, 10);
    CU_ASSERT_EQUAL(figures.had.max_ns, 174 * MS);
    fama_spread_clear(&spread);
}

static void test_a_block_that_is_not_everywhere_is_missing(void)
{
    struct fama_spread spread = {.count = 3};
    struct fama_spread_figures figures;
    for (uint64_t i = 1; i <= 3; i++) {
        tell(&spread.nodes[0], told(i, "source", 9, i == 3 ? 0 : 10, 9, 11));
        tell(&spread.nodes[1], told(i, "push", 12, 0, 12, 12));
        if (i != 2) {
            tell(&spread.nodes[2], told(i, "push", 12, 0, 12, 12));
        }
    }
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.blocks, 1);
    CU_ASSERT_EQUAL(figures.missing, 2);
    fama_spread_clear(&spread);
    CU_ASSERT_TRUE(fama_spread_judge(&spread, &all, &figures));
    CU_ASSERT_EQUAL(figures.blocks + figures.missing, 0);
}

static void test_answers_that_make_no_sense_are_refused(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"blocks\":7}",
        "{\"blocks\":[{}]}",
        "{\"blocks\":[{\"number\":1,\"bytes\":5,\"path\":\"air\",\"whole_ns\":1,\"judged_ns\":2,"
        "\"sent_ns\":0,\"committed_ns\":3}]}",
        "{\"blocks\":[{\"number\":1,\"bytes\":5,\"path\":\"push\",\"whole_ns\":1,\"judged_ns\":2,"
        "\"sent_ns\":0,\"committed_ns\":1}]}",
        "{\"blocks\":[{\"number\":-1,\"bytes\":5,\"path\":\"push\",\"whole_ns\":1,\"judged_ns\":2,"
        "\"sent_ns\":0,\"committed_ns\":3}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fama_spread_node node = {.count = 0};
        json_t *answer = json_loads(texts[i], 0, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
        CU_ASSERT_FALSE(fama_spread_read(&node, answer));
        CU_ASSERT_EQUAL(node.count, 0);
        json_decref(answer);
        free(node.times);
    }
    struct fama_spread_node node = {.count = 0};
    tell(&node, told(7, "push", 1, 0, 1, 1));
    tell(&node, told(7, "push", 2, 0, 2, 2));
    CU_ASSERT_EQUAL(node.count, 1);
    CU_ASSERT_EQUAL(node.times[0].whole_ns, MS);
    free(node.times);
}

static void test_the_rival_is_interpolated_between_its_sizes_and_held_beyond_them(void)
{
    struct fama_spread_rival small = fama_spread_rival_at(1000);
    struct fama_spread_rival large = fama_spread_rival_at(10000000);
    struct fama_spread_rival exact = fama_spread_rival_at(400000);
    struct fama_spread_rival between = fama_spread_rival_at(42426); /* the mean on that scale */
    CU_ASSERT_DOUBLE_EQUAL(small.p50_ms, 20, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(small.p95_ms, 3326, 0.1);
    CU_ASSERT_DOUBLE_EQUAL(large.p50_ms, 245, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(large.p95_ms, 1857, 0.1);
    CU_ASSERT_DOUBLE_EQUAL(exact.p50_ms, 97.1, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(between.p50_ms, sqrt(20.0 * 97.1), 0.01);
    CU_ASSERT_TRUE(exact.is_measured);
    CU_ASSERT_FALSE(between.is_measured);
    CU_ASSERT_FALSE(large.is_measured);
    (void)fama_spread_rival_at(0);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_block_takes_until_the_last_node_has_it),
        TEST(test_other_clocks_are_brought_to_one),
        TEST(test_percentiles_are_nearest_ranks),
        TEST(test_a_block_that_is_not_everywhere_is_missing),
        TEST(test_answers_that_make_no_sense_are_refused),
        TEST(test_the_rival_is_interpolated_between_its_sizes_and_held_beyond_them),
    };
    return run_suite("figures of dissemination", cases, sizeof cases / sizeof cases[0]);
}
