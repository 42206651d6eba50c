#include "dataplane/recent.h"

#include "unit/suite.h"

static const uint8_t datagram[20] = {0xfa, 0x3a, 1, 1, 7, 0, 0, 12, 1, 2, 3};

static void test_a_message_is_recognised_whatever_its_hop_count(void)
{
    static struct fama_recent recent;
    uint8_t relayed[sizeof datagram];
    memcpy(relayed, datagram, sizeof relayed);
    relayed[4]--;
    uint64_t name = fama_recent_name(fama_bytes(datagram, sizeof datagram));
    CU_ASSERT(!fama_recent_has(&recent, 1, name));
    fama_recent_add(&recent, 1, name);
    CU_ASSERT(fama_recent_has(&recent, 2, name));
    CU_ASSERT_EQUAL(fama_recent_name(fama_bytes(relayed, sizeof relayed)), name);
}

static void test_any_other_byte_makes_another_message(void)
{
    uint64_t name = fama_recent_name(fama_bytes(datagram, sizeof datagram));
    for (size_t i = 0; i < sizeof datagram; i++) {
        uint8_t changed[sizeof datagram];
        memcpy(changed, datagram, sizeof changed);
        changed[i] ^= 1;
        CU_ASSERT_EQUAL(fama_recent_name(fama_bytes(changed, sizeof changed)) == name, i == 4);
    }
    CU_ASSERT_NOT_EQUAL(fama_recent_name(fama_bytes(datagram, sizeof datagram - 1)), name);
}

static void test_a_message_is_taken_again_after_a_while(void)
{
    static struct fama_recent recent;
    fama_recent_add(&recent, 1000, 77);
    CU_ASSERT(fama_recent_has(&recent, 1000 + FAMA_RECENT_NS - 1, 77));
    CU_ASSERT(!fama_recent_has(&recent, 1000 + FAMA_RECENT_NS, 77));
    fama_recent_add(&recent, 2000, 77 + FAMA_RECENT_ENTRIES);
    CU_ASSERT(!fama_recent_has(&recent, 2000, 77));
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_message_is_recognised_whatever_its_hop_count),
        TEST(test_any_other_byte_makes_another_message),
        TEST(test_a_message_is_taken_again_after_a_while),
    };
    return run_suite("recent messages", cases, sizeof cases / sizeof cases[0]);
}
