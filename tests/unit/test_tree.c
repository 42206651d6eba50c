#include "dataplane/tree.h"

#include <string.h>

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"
#include "unit/uniform.h"

#define DEGREE_MAX    8
#define RECEIVERS_MAX 200

static struct fama_random generator;

static struct fama_tree random_tree(uint32_t receivers)
{
    struct fama_tree_chunk chunk = {
        .channel = fama_random_next(&generator),
        .view_id = fama_random_next(&generator),
        .block = fama_random_below(&generator, 100000),
        .set = (uint16_t)fama_random_below(&generator, 100),
        .index = (uint8_t)fama_random_below(&generator, 64),
    };
    struct fama_tree tree;
    fama_tree_plant(&tree, &chunk, receivers);
    return tree;
}

/* Worked out apart from this code, from the words of the header: nodes of all builds and machines must
 * agree. */
static void test_the_trees_are_the_ones_that_every_node_computes(void)
{
    static const struct {
        uint32_t receivers;
        uint32_t position_of[5]; /* of receivers 0, 1, 2, last but one, last */
    } expected[] = {
        {1, {0, 0, 0, 0, 0}},
        {2, {1, 0, 0, 1, 0}},
        {3, {1, 0, 2, 0, 2}},
        {5, {3, 4, 1, 2, 0}},
        {7, {5, 3, 2, 0, 1}},
        {64, {59, 1, 19, 0, 34}},
        {199, {149, 119, 103, 173, 130}},
        {200, {132, 38, 42, 193, 98}},
        {10000, {4654, 9041, 5066, 8110, 7181}},
    };
    static const struct fama_tree_chunk chunk = {.channel = 0x0123456789abcdef,
                                                 .view_id = 0xfedcba9876543210,
                                                 .block = 1234567,
                                                 .set = 258,
                                                 .index = 61};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        uint32_t receivers = expected[i].receivers;
        uint32_t asked[5] = {0, 1, 2, receivers - 2, receivers - 1};
        struct fama_tree tree;
        fama_tree_plant(&tree, &chunk, receivers);
        for (uint32_t j = 0; j < 5; j++) {
            if (asked[j] < receivers) {
                CU_ASSERT_EQUAL(fama_tree_position(&tree, asked[j]), expected[i].position_of[j]);
            }
        }
    }
}

static void check_permutation(uint32_t receivers)
{
    static bool is_taken[10000];
    struct fama_tree tree = random_tree(receivers);
    memset(is_taken, 0, sizeof is_taken);
    for (uint32_t receiver = 0; receiver < receivers; receiver++) {
        uint32_t position = fama_tree_position(&tree, receiver);
        CU_ASSERT_FATAL(position < receivers && !is_taken[position]);
        is_taken[position] = true;
        CU_ASSERT_EQUAL_FATAL(fama_tree_receiver(&tree, position), receiver);
    }
}

static void test_every_receiver_has_a_position_of_its_own_and_is_found_there(void)
{
    for (uint32_t receivers = 1; receivers <= RECEIVERS_MAX; receivers++) {
        for (uint32_t round = 0; round < 10; round++) {
            check_permutation(receivers);
        }
    }
    check_permutation(8191);
    check_permutation(8193);
    check_permutation(10000);
}

static void test_the_largest_numbers_of_receivers_are_found_as_well(void)
{
    static const uint32_t counts[] = {65535, 65536, 65537, 1u << 20, (1u << 31) - 1, 1u << 31};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct fama_tree tree = random_tree(counts[i]);
        for (uint32_t round = 0; round < 1000; round++) {
            uint32_t receiver = fama_random_below(&generator, counts[i]);
            uint32_t position = fama_tree_position(&tree, receiver);
            CU_ASSERT_FATAL(position < counts[i]);
            CU_ASSERT_EQUAL_FATAL(fama_tree_receiver(&tree, position), receiver);
        }
    }
}

/* Each tree's parent of each position, told by the parents' own lists of children. */
static void check_tree(uint32_t receivers, uint32_t degree)
{
    struct fama_tree tree = random_tree(receivers);
    uint32_t parents[RECEIVERS_MAX] = {0};
    for (uint32_t position = 0; position < receivers; position++) {
        uint32_t first;
        uint32_t count = fama_tree_children(&tree, position, degree, &first);
        CU_ASSERT_FATAL(count <= degree && first > position && first + count <= receivers);
        for (uint32_t i = 0; i < count; i++) {
            parents[first + i]++;
        }
    }
    for (uint32_t position = 1; position < receivers; position++) {
        CU_ASSERT_EQUAL_FATAL(parents[position], 1);
    }
    CU_ASSERT(receivers == 0 || parents[0] == 0); /* the origin's only child */
}

static void test_everybody_has_exactly_one_parent(void)
{
    for (uint32_t receivers = 0; receivers <= RECEIVERS_MAX; receivers++) {
        for (uint32_t degree = 1; degree <= DEGREE_MAX; degree++) {
            check_tree(receivers, degree);
        }
    }
}

static void test_children_beyond_all_numbers_are_none(void)
{
    struct fama_tree tree = random_tree(10000);
    uint32_t first;
    CU_ASSERT_EQUAL(fama_tree_children(&tree, 9999, UINT32_MAX, &first), 0);
    CU_ASSERT_EQUAL(fama_tree_children(&tree, 9999, 1, &first), 0);
    CU_ASSERT_EQUAL(fama_tree_children(&tree, 0, 0, &first), 0);
    CU_ASSERT_EQUAL(fama_tree_children(&tree, 9998, 1, &first), 1);
    CU_ASSERT_EQUAL(first, 9999);
}

/* Over many chunks of one block, whose seeds differ by little, each receiver is in each position as often
 * as any other. */
static void test_positions_are_uniform(void)
{
    enum { CHUNKS = 40000 };
    static const uint32_t counts[] = {2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 63, 100, 199};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        static uint32_t cells[RECEIVERS_MAX][RECEIVERS_MAX];
        memset(cells, 0, sizeof cells);
        for (uint32_t c = 0; c < CHUNKS; c++) {
            struct fama_tree_chunk chunk = {
                .view_id = 1, .block = c / 6400, .set = (uint16_t)(c / 64), .index = c % 64};
            struct fama_tree tree;
            fama_tree_plant(&tree, &chunk, counts[i]);
            for (uint32_t receiver = 0; receiver < counts[i]; receiver++) {
                cells[receiver][fama_tree_position(&tree, receiver)]++;
            }
        }
        for (uint32_t receiver = 0; receiver < counts[i]; receiver++) {
            CU_ASSERT(is_uniform(cells[receiver], counts[i], (double)CHUNKS / counts[i]));
        }
    }
}

/* Who is next to whom changes from chunk to chunk as well: all ordered pairs of receivers are as often in
 * any two positions. */
static void test_pairs_of_positions_are_uniform(void)
{
    enum { CHUNKS = 100000, MOST = 12 };
    for (uint32_t receivers = 3; receivers <= MOST; receivers++) {
        uint32_t at[MOST * MOST] = {0};
        uint32_t cells[MOST * MOST];
        uint32_t kept = 0;
        for (uint32_t c = 0; c < CHUNKS; c++) {
            struct fama_tree tree = random_tree(receivers);
            uint32_t parent = fama_tree_receiver(&tree, 0);
            uint32_t child = fama_tree_receiver(&tree, 1);
            at[parent * receivers + child]++;
        }
        for (uint32_t i = 0; i < receivers * receivers; i++) {
            if (i / receivers != i % receivers) {
                cells[kept++] = at[i];
            }
        }
        CU_ASSERT(is_uniform(cells, kept, (double)CHUNKS / kept));
    }
}

int main(void)
{
    fama_random_seed(&generator, test_seed("tree"));
    static const struct test_case cases[] = {
        TEST(test_the_trees_are_the_ones_that_every_node_computes),
        TEST(test_every_receiver_has_a_position_of_its_own_and_is_found_there),
        TEST(test_the_largest_numbers_of_receivers_are_found_as_well),
        TEST(test_everybody_has_exactly_one_parent),
        TEST(test_children_beyond_all_numbers_are_none),
        TEST(test_positions_are_uniform),
        TEST(test_pairs_of_positions_are_uniform),
    };
    return run_suite("tree", cases, sizeof(cases) / sizeof(cases[0]));
}
