#include "controlplane/parity.h"

#include "dataplane/fanout.h"
#include "dataplane/wire.h"
#include "unit/seed.h"
#include "unit/suite.h"

static void test_parity_rises_with_loss_and_keeps_its_bounds(void)
{
    CU_ASSERT_EQUAL(fama_parity_for(0, 0, 12), 0);
    CU_ASSERT_EQUAL(fama_parity_for(0, 2, 12), 2);
    CU_ASSERT_EQUAL(fama_parity_for(FAMA_LOSS_WHOLE, 0, 12), 12);
    CU_ASSERT_EQUAL(fama_parity_for(9999, 0, FAMA_PARITY_MAX), FAMA_PARITY_MAX);
    uint32_t before = 0;
    for (uint32_t loss = 0; loss <= FAMA_LOSS_WHOLE; loss += 10) {
        uint32_t parity = fama_parity_for(loss, 0, FAMA_PARITY_MAX);
        CU_ASSERT_TRUE(parity >= before && parity <= FAMA_PARITY_MAX);
        before = parity;
    }
    CU_ASSERT_TRUE(fama_parity_for(1, 0, 12) <= 1);
}

/* Draws lost chunks instead of summing chances: as few sets as promised cannot be decoded, and with one
 * parity chunk less it would be more. */
static void test_as_few_sets_need_repair_as_promised_and_no_parity_is_wasted(void)
{
    struct fama_random random;
    fama_random_seed(&random, test_seed("sets drawn"));
    const uint32_t losses[] = {50, 100, 300, 1000};
    const uint32_t sets = 40000;
    for (uint32_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        uint32_t parity = fama_parity_for(losses[i], 0, FAMA_PARITY_MAX);
        uint32_t missed = 0;
        uint32_t missed_with_less = 0;
        for (uint32_t set = 0; set < sets; set++) {
            uint32_t lost = 0;
            uint32_t lost_with_less = 0;
            for (uint32_t chunk = 0; chunk < FAMA_SET_CHUNKS + parity; chunk++) {
                bool is_lost = fama_random_below(&random, FAMA_LOSS_WHOLE) < losses[i];
                lost += is_lost;
                lost_with_less += is_lost && chunk + 1 < FAMA_SET_CHUNKS + parity;
            }
            missed += lost > parity;
            missed_with_less += lost_with_less > parity - 1;
        }
        /* Twice and half of what is expected of 40 are far more than chance gives. */
        CU_ASSERT_TRUE(missed < 2 * FAMA_PARITY_MISSES * sets);
        CU_ASSERT_TRUE(missed_with_less > FAMA_PARITY_MISSES * sets / 2);
    }
}

static void test_one_broken_link_of_many_does_not_count(void)
{
    uint16_t two[] = {0, 700};
    CU_ASSERT_EQUAL(fama_parity_loss_of(two, 2), 700);
    uint16_t few[] = {30, 0, 700};
    CU_ASSERT_EQUAL(fama_parity_loss_of(few, 3), 30);
    uint16_t many[10] = {9000, 20, 10};
    CU_ASSERT_EQUAL(fama_parity_loss_of(many, 10), 20);
    CU_ASSERT_EQUAL(fama_parity_loss_of(NULL, 0), 0);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_parity_rises_with_loss_and_keeps_its_bounds),
        TEST(test_as_few_sets_need_repair_as_promised_and_no_parity_is_wasted),
        TEST(test_one_broken_link_of_many_does_not_count),
    };
    return run_suite("parity by loss", cases, sizeof cases / sizeof cases[0]);
}
