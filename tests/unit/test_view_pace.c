#include "controlplane/view_pace.h"

#include "unit/suite.h"

#define SECOND UINT64_C(1000000000)
#define START  (1000 * SECOND)
#define TICK   UINT64_C(1000000)

/* Publishes as a node does, each tick. */
static uint32_t publications(struct fama_view_pace *pace, uint64_t from_ns, uint64_t until_ns,
                             bool is_urgent)
{
    uint32_t count = 0;
    for (uint64_t now_ns = from_ns; now_ns < until_ns; now_ns += TICK) {
        pace->is_stale = true;
        pace->is_urgent = is_urgent;
        if (fama_view_pace_is_due(pace, now_ns)) {
            pace->is_stale = pace->is_urgent = false;
            count++;
        }
    }
    return count;
}

static void test_nothing_is_published_when_nothing_has_changed(void)
{
    struct fama_view_pace pace = {0};
    for (uint64_t now_ns = START; now_ns < START + SECOND; now_ns += TICK) {
        CU_ASSERT_FALSE(fama_view_pace_is_due(&pace, now_ns));
    }
}

static void test_a_change_after_a_rest_is_published_at_once(void)
{
    struct fama_view_pace pace = {0};
    for (uint64_t now_ns = START; now_ns < START + 10 * SECOND; now_ns += SECOND) {
        pace.is_stale = true;
        CU_ASSERT(fama_view_pace_is_due(&pace, now_ns));
        CU_ASSERT(fama_view_pace_is_due(&pace, now_ns + TICK)); /* and so are a few more */
        pace.is_stale = false;
    }
}

static void test_changes_without_end_are_published_at_the_pace(void)
{
    struct fama_view_pace pace = {0};
    uint32_t first = publications(&pace, START, START + SECOND, false);
    CU_ASSERT(first >= FAMA_VIEWS_PER_SECOND && first <= 2 * FAMA_VIEWS_PER_SECOND + 1);
    uint32_t later = publications(&pace, START + SECOND, START + 11 * SECOND, false);
    CU_ASSERT(later >= 10 * FAMA_VIEWS_PER_SECOND - 1 && later <= 10 * FAMA_VIEWS_PER_SECOND + 1);
    /* The last change is not lost. */
    pace.is_stale = true;
    CU_ASSERT(fama_view_pace_is_due(&pace, START + 11 * SECOND + SECOND / FAMA_VIEWS_PER_SECOND));
}

static void test_who_comes_or_goes_waits_for_nothing_and_uses_nothing_up(void)
{
    struct fama_view_pace pace = {0};
    CU_ASSERT_EQUAL(publications(&pace, START, START + SECOND, true), SECOND / TICK);
    uint32_t others = publications(&pace, START + SECOND, START + 2 * SECOND, false);
    CU_ASSERT(others >= FAMA_VIEWS_PER_SECOND);
    CU_ASSERT_EQUAL(publications(&pace, START + 2 * SECOND, START + 3 * SECOND, true),
                    SECOND / TICK);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_nothing_is_published_when_nothing_has_changed),
        TEST(test_a_change_after_a_rest_is_published_at_once),
        TEST(test_changes_without_end_are_published_at_the_pace),
        TEST(test_who_comes_or_goes_waits_for_nothing_and_uses_nothing_up),
    };
    return run_suite("view pace", cases, sizeof(cases) / sizeof(cases[0]));
}
