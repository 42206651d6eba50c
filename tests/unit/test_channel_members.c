/* Who is in a channel follows the newest statement of each author, within fixed memory. */
#include "controlplane/channel_members.h"

#include "unit/suite.h"

static enum fama_drop state(struct fama_channel_members *members, fama_tag author,
                            uint64_t incarnation, uint64_t sequence, uint64_t height, bool has_left,
                            bool *is_change)
{
    struct fama_message message = {
        .kind = FAMA_KIND_STATEINFO,
        .author = author,
        .incarnation = incarnation,
        .sequence = sequence,
    };
    struct fama_stateinfo stateinfo = {.channel = 7, .height = height, .has_left = has_left};
    return fama_channel_members_on_stateinfo(members, &message, &stateinfo, is_change);
}

static void test_a_first_statement_makes_a_member_and_a_newer_one_moves_its_height(void)
{
    struct fama_channel_members *members = fama_channel_members_create(4);
    bool is_change = false;
    CU_ASSERT_EQUAL(state(members, 5, 1, 1, 10, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(is_change);
    CU_ASSERT_EQUAL(state(members, 5, 1, 2, 11, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_FALSE(is_change);
    CU_ASSERT_EQUAL(fama_channel_members_count(members), 1);
    CU_ASSERT_EQUAL(fama_channel_members_find(members, 5)->height, 11);
    fama_channel_members_destroy(members);
}

static void test_an_old_or_repeated_statement_changes_nothing(void)
{
    struct fama_channel_members *members = fama_channel_members_create(4);
    bool is_change = false;
    CU_ASSERT_EQUAL(state(members, 5, 2, 8, 10, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 5, 2, 8, 99, true, &is_change), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(state(members, 5, 2, 7, 99, true, &is_change), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(state(members, 5, 1, 100, 99, true, &is_change), FAMA_DROP_REPLAYED);
    CU_ASSERT_FALSE(is_change);
    CU_ASSERT_EQUAL(fama_channel_members_find(members, 5)->height, 10);
    CU_ASSERT_FALSE(fama_channel_members_find(members, 5)->has_left);
    fama_channel_members_destroy(members);
}

static void test_a_restarted_member_may_state_a_lower_height(void)
{
    struct fama_channel_members *members = fama_channel_members_create(4);
    bool is_change = false;
    CU_ASSERT_EQUAL(state(members, 5, 1, 50, 10, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 5, 2, 1, 3, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(fama_channel_members_find(members, 5)->height, 3);
    fama_channel_members_destroy(members);
}

static void test_leaving_and_returning_are_changes(void)
{
    struct fama_channel_members *members = fama_channel_members_create(4);
    bool is_change = false;
    CU_ASSERT_EQUAL(state(members, 5, 1, 1, 10, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 5, 1, 2, 10, true, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(is_change);
    CU_ASSERT_TRUE(fama_channel_members_find(members, 5)->has_left);
    CU_ASSERT_EQUAL(state(members, 5, 1, 3, 10, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(is_change);
    fama_channel_members_destroy(members);
}

static void test_a_full_table_refuses_newcomers_until_somebody_is_forgotten(void)
{
    struct fama_channel_members *members = fama_channel_members_create(3);
    bool is_change = false;
    CU_ASSERT_EQUAL(state(members, 30, 1, 1, 1, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 10, 1, 1, 1, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 20, 1, 1, 1, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(state(members, 15, 1, 1, 1, false, &is_change), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(state(members, 20, 1, 2, 9, false, &is_change), FAMA_DROP_NONE);
    fama_channel_members_forget(members, 20);
    fama_channel_members_forget(members, 21);
    CU_ASSERT_EQUAL(fama_channel_members_count(members), 2);
    CU_ASSERT_EQUAL(state(members, 15, 1, 1, 1, false, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(fama_channel_members_find(members, 20));
    for (uint32_t i = 1; i < fama_channel_members_count(members); i++) {
        CU_ASSERT_TRUE(fama_channel_members_at(members, i - 1)->tag <
                       fama_channel_members_at(members, i)->tag);
    }
    fama_channel_members_destroy(members);
}

static void test_heights_are_passed_on_now_and_then_and_changes_at_once(void)
{
    enum { PAUSE = 100 };
    struct fama_channel_members *members = fama_channel_members_create(2);
    bool is_change = false;
    CU_ASSERT_FALSE(
        fama_channel_members_pass_on(members, 5, true, 1, PAUSE)); /* of nobody we know */
    uint32_t passed_on = 0;
    for (uint64_t now = 1; now <= 1000; now += 10) {
        CU_ASSERT_EQUAL(state(members, 5, 1, now, now, false, &is_change), FAMA_DROP_NONE);
        passed_on += fama_channel_members_pass_on(members, 5, is_change, now, PAUSE);
    }
    CU_ASSERT_EQUAL(passed_on, 10); /* of a hundred, the first among them */
    CU_ASSERT_EQUAL(state(members, 5, 1, 1001, 7, true, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(fama_channel_members_pass_on(members, 5, is_change, 1001, PAUSE));
    CU_ASSERT_EQUAL(state(members, 5, 1, 1002, 8, true, &is_change), FAMA_DROP_NONE);
    CU_ASSERT_FALSE(fama_channel_members_pass_on(members, 5, is_change, 1002, PAUSE));
    fama_channel_members_destroy(members);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_first_statement_makes_a_member_and_a_newer_one_moves_its_height),
        TEST(test_an_old_or_repeated_statement_changes_nothing),
        TEST(test_a_restarted_member_may_state_a_lower_height),
        TEST(test_leaving_and_returning_are_changes),
        TEST(test_a_full_table_refuses_newcomers_until_somebody_is_forgotten),
        TEST(test_heights_are_passed_on_now_and_then_and_changes_at_once),
    };
    return run_suite("channel_members", cases, sizeof(cases) / sizeof(cases[0]));
}
