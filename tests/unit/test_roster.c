#include "dataplane/roster.h"

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

static struct fama_random generator;

static struct fama_roster roster_of(const fama_tag *tags, uint32_t count)
{
    struct fama_roster roster;
    CU_ASSERT_FATAL(fama_roster_size(&roster, count));
    for (uint32_t i = 0; i < count; i++) {
        roster.tags[i] = tags[i];
    }
    fama_roster_name(&roster);
    return roster;
}

static uint64_t id_of(const fama_tag *tags, uint32_t count)
{
    struct fama_roster roster = roster_of(tags, count);
    uint64_t id = roster.view_id;
    fama_roster_free(&roster);
    return id;
}

/* Worked out apart from this code: nodes of all builds and machines must agree. */
static void test_ids_are_the_ones_that_every_node_computes(void)
{
    static const fama_tag tags[] = {1, 0x0123456789abcdef, 0xffffffffffffffff};
    CU_ASSERT_EQUAL(id_of(tags, 0), 0x01f60c716a02983b);
    CU_ASSERT_EQUAL(id_of(tags, 1), 0x56d6a260aa1d1da4);
    CU_ASSERT_EQUAL(id_of(tags, 3), 0xf16560a3847d214d);
}

static void test_a_member_more_makes_another_id(void)
{
    fama_tag tags[50];
    fama_tag tag = 0;
    for (uint32_t i = 0; i < 50; i++) {
        tag += 1 + fama_random_below(&generator, 1000000);
        tags[i] = tag;
    }
    uint64_t all = id_of(tags, 50);
    CU_ASSERT_NOT_EQUAL(id_of(tags, 49), all);
    CU_ASSERT_NOT_EQUAL(id_of(tags + 1, 49), all);
    tags[20]--;
    CU_ASSERT_NOT_EQUAL(id_of(tags, 50), all);
    tags[20]++;
    CU_ASSERT_EQUAL(id_of(tags, 50), all);
}

static void test_members_are_found_at_their_places_and_nobody_else(void)
{
    fama_tag tags[100];
    for (uint32_t i = 0; i < 100; i++) {
        tags[i] = 2 * i + 1;
    }
    for (uint32_t count = 0; count <= 100; count++) {
        struct fama_roster roster = roster_of(tags, count);
        uint32_t rank;
        for (uint32_t i = 0; i < count; i++) {
            CU_ASSERT_FATAL(fama_roster_rank(&roster, tags[i], &rank) && rank == i);
            CU_ASSERT_FALSE_FATAL(fama_roster_rank(&roster, tags[i] + 1, &rank));
        }
        CU_ASSERT_FALSE(fama_roster_rank(&roster, 0, &rank));
        CU_ASSERT_FALSE(fama_roster_rank(&roster, UINT64_MAX, &rank));
        fama_roster_free(&roster);
    }
}

static void test_an_empty_roster_has_no_id_and_may_be_freed(void)
{
    struct fama_roster roster = {.view_id = 0};
    uint32_t rank;
    CU_ASSERT_FALSE(fama_roster_rank(&roster, 1, &rank));
    fama_roster_free(&roster);
    fama_roster_free(&roster);
    CU_ASSERT_EQUAL(roster.view_id, 0);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("roster"));
    static const struct test_case cases[] = {
        TEST(test_ids_are_the_ones_that_every_node_computes),
        TEST(test_a_member_more_makes_another_id),
        TEST(test_members_are_found_at_their_places_and_nobody_else),
        TEST(test_an_empty_roster_has_no_id_and_may_be_freed),
    };
    return run_suite("roster", cases, sizeof(cases) / sizeof(cases[0]));
}
