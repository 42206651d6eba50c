/* When a port whose link is not up is started anew. */
#include "dataplane/port.h"

#include "unit/suite.h"

#define MS    UINT64_C(1000000)
#define START (5000 * MS)

static void test_a_link_that_comes_up_slowly_is_left_alone(void)
{
    struct fama_port_patience patience = {0};
    for (uint64_t ms = 0; ms < FAMA_PORT_PATIENCE_NS / MS; ms += 250) {
        CU_ASSERT(!fama_port_patience_ends(&patience, START + ms * MS, false));
    }
    CU_ASSERT(fama_port_patience_ends(&patience, START + FAMA_PORT_PATIENCE_NS, false));
}

static void test_a_link_that_was_lost_is_not_waited_for(void)
{
    struct fama_port_patience patience = {0};
    CU_ASSERT(!fama_port_patience_ends(&patience, START, true));
    CU_ASSERT(!fama_port_patience_ends(&patience, START + 1000000 * MS, true));
    CU_ASSERT(fama_port_patience_ends(&patience, START + 1000001 * MS, false));
}

static void test_a_port_that_was_started_anew_has_as_much_time_again(void)
{
    struct fama_port_patience patience = {.since_ns = START};
    CU_ASSERT(!fama_port_patience_ends(&patience, START + FAMA_PORT_PATIENCE_NS - 1, false));
    CU_ASSERT(fama_port_patience_ends(&patience, START + FAMA_PORT_PATIENCE_NS, false));
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_link_that_comes_up_slowly_is_left_alone),
        TEST(test_a_link_that_was_lost_is_not_waited_for),
        TEST(test_a_port_that_was_started_anew_has_as_much_time_again),
    };
    return run_suite("a port", cases, sizeof cases / sizeof cases[0]);
}
