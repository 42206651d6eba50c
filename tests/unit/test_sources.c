#include "dataplane/sources.h"

#include "unit/suite.h"

#define SECOND_NS UINT64_C(1000000000)
#define FORGER    0xc6120005u

static const uint32_t sizes[FAMA_SOURCE_KINDS] = {8, 400, 1, 400};
static struct fama_sources sources;

static uint32_t charge_until_refused(uint64_t now_ns, uint64_t source, enum fama_source_kind kind)
{
    uint32_t charged = 0;
    while (charged < 1000 && fama_sources_charge(&sources, now_ns, source, kind)) {
        charged++;
    }
    return charged;
}

static void test_one_source_fills_three_quarters_of_a_queue_and_no_more(void)
{
    fama_sources_init(&sources, 77, sizes);
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_ROOTS), 6);
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_HELD), 300);
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_MESSAGES), 1);
    CU_ASSERT_FALSE(fama_sources_charge(&sources, 1, FORGER, FAMA_SOURCE_ROOTS));
    CU_ASSERT_FALSE(fama_sources_has_room(&sources, 1, FORGER, FAMA_SOURCE_ROOTS));
    CU_ASSERT(fama_sources_has_room(&sources, SECOND_NS, FORGER, FAMA_SOURCE_ROOTS));
}

static void test_what_proves_good_is_forgiven_at_once(void)
{
    fama_sources_init(&sources, 77, sizes);
    for (int i = 0; i < 10000; i++) {
        CU_ASSERT(fama_sources_charge(&sources, 1, FORGER, FAMA_SOURCE_ROOTS));
        fama_sources_forgive(&sources, FORGER, FAMA_SOURCE_ROOTS);
    }
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_ROOTS), 6);
}

static void test_forgeries_are_forgiven_at_their_rate_only(void)
{
    fama_sources_init(&sources, 77, sizes);
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_HELD), 300);
    uint32_t charged = 0;
    for (uint64_t ms = 1; ms <= 4000; ms++) {
        charged += charge_until_refused(1 + ms * (SECOND_NS / 1000), FORGER, FAMA_SOURCE_HELD);
    }
    CU_ASSERT_EQUAL(charged, 4 * FAMA_SOURCE_FORGERIES_PER_SECOND);
}

/* However much of anything else, and however many forged alive messages a member's address is abused for:
 * some of its own come through, and more than it needs. */
static void test_alive_messages_have_an_account_of_their_own_that_is_soon_forgiven(void)
{
    fama_sources_init(&sources, 77, sizes);
    for (int kind = 0; kind < FAMA_SOURCE_ALIVE; kind++) {
        (void)charge_until_refused(1, FORGER, (enum fama_source_kind)kind);
    }
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_ALIVE), 300);
    uint32_t charged = 0;
    for (uint64_t ms = 1; ms <= 4000; ms++) {
        charged += charge_until_refused(1 + ms * (SECOND_NS / 1000), FORGER, FAMA_SOURCE_ALIVE);
    }
    CU_ASSERT(charged >= 4 * FAMA_SOURCE_ALIVE_FORGERIES_PER_SECOND - 8);
    CU_ASSERT(charged <= 4 * FAMA_SOURCE_ALIVE_FORGERIES_PER_SECOND + 8);
}

static void test_forgiving_twice_gives_no_credit(void)
{
    fama_sources_init(&sources, 77, sizes);
    CU_ASSERT_EQUAL(charge_until_refused(1, FORGER, FAMA_SOURCE_ROOTS), 6);
    /* Time forgives all; then the verdicts come, late. */
    CU_ASSERT(fama_sources_charge(&sources, 60 * SECOND_NS, FORGER, FAMA_SOURCE_ROOTS));
    for (int i = 0; i < 7; i++) {
        fama_sources_forgive(&sources, FORGER, FAMA_SOURCE_ROOTS);
    }
    CU_ASSERT_EQUAL(charge_until_refused(60 * SECOND_NS, FORGER, FAMA_SOURCE_ROOTS), 6);
}

static void test_other_sources_pay_nothing_for_a_forger(void)
{
    uint32_t shared = 0;
    fama_sources_init(&sources, UINT64_C(0x9e3779b97f4a7c15), sizes);
    (void)charge_until_refused(1, FORGER, FAMA_SOURCE_ROOTS);
    for (uint32_t i = 1; i <= 200; i++) {
        shared += charge_until_refused(1, FORGER + i, FAMA_SOURCE_ROOTS) == 0;
    }
    /* 200 neighbours in 1024 accounts: hardly one shares the forger's, few share each other's. */
    CU_ASSERT(shared < 40);
    shared = 0;
    for (uint64_t i = 1; i <= 200; i++) {
        /* IPv6 networks that differ in their first, or in their last bits. */
        uint64_t network = UINT64_C(0x20010db800000000) + (i % 2 == 0 ? i << 32 : i);
        shared += charge_until_refused(2, network, FAMA_SOURCE_HELD) == 0;
    }
    CU_ASSERT(shared < 40);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_one_source_fills_three_quarters_of_a_queue_and_no_more),
        TEST(test_what_proves_good_is_forgiven_at_once),
        TEST(test_forgeries_are_forgiven_at_their_rate_only),
        TEST(test_alive_messages_have_an_account_of_their_own_that_is_soon_forgiven),
        TEST(test_forgiving_twice_gives_no_credit),
        TEST(test_other_sources_pay_nothing_for_a_forger),
    };
    return run_suite("budgets of source addresses", cases, sizeof cases / sizeof cases[0]);
}
