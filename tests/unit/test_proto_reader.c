/* Fields that are read in place are read as those that take the long way. */
#include "ledger/proto_reader.h"

#include "unit/seed.h"
#include "unit/suite.h"

static uint64_t noise;

static uint32_t roll(uint32_t below)
{
    noise = noise * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(noise >> 33) % below;
}

/* Reads the message on both ways. Returns how many fields it has. */
static size_t read_both_ways(struct fama_bytes message)
{
    struct fama_proto_reader quick = fama_proto_reader(message);
    struct fama_proto_reader slow = fama_proto_reader(message);
    struct fama_proto_field found;
    struct fama_proto_field expected;
    size_t count = 0;
    while (fama_proto_next_of_any_form(&slow, &expected)) {
        CU_ASSERT_FATAL(fama_proto_next(&quick, &found));
        CU_ASSERT_EQUAL(found.number, expected.number);
        CU_ASSERT_EQUAL(found.type, expected.type);
        CU_ASSERT_EQUAL(found.varint, expected.varint);
        CU_ASSERT_PTR_EQUAL(found.value.at, expected.value.at);
        CU_ASSERT_EQUAL(found.value.len, expected.value.len);
        CU_ASSERT_EQUAL(found.minimal_tag, expected.minimal_tag);
        CU_ASSERT_EQUAL(found.minimal_length, expected.minimal_length);
        CU_ASSERT_EQUAL(quick.rest.len, slow.rest.len);
        count++;
    }
    CU_ASSERT_FALSE(fama_proto_next(&quick, &found));
    CU_ASSERT_EQUAL(quick.failed, slow.failed);
    return count;
}

/* Every first two bytes, every length of what follows up to a few. */
static void test_every_start_of_a_message_is_read_alike(void)
{
    uint8_t bytes[8];
    for (uint32_t start = 0; start < 1u << 16; start++) {
        for (size_t len = 0; len <= 5; len++) {
            bytes[0] = (uint8_t)start;
            bytes[1] = (uint8_t)(start >> 8);
            for (size_t i = 2; i < sizeof bytes; i++) {
                bytes[i] = (uint8_t)roll(4) == 0 ? (uint8_t)roll(256) : (uint8_t)roll(2);
            }
            /* Of its exact size, so that a sanitizer sees who reads too far. */
            uint8_t *exact = malloc(len > 0 ? len : 1);
            CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
            memcpy(exact, bytes, len);
            (void)read_both_ways(fama_bytes(exact, len));
            free(exact);
        }
    }
}

static void test_lengths_of_any_size_are_read_alike(void)
{
    static uint8_t bytes[1 << 16];
    size_t fields = 0;
    noise = test_seed("proto reader");
    for (size_t round = 0; round < 20000; round++) {
        size_t len = 0;
        while (len < 40000 && roll(4) != 0) {
            uint32_t value = roll(3) == 0 ? roll(20000) : roll(300);
            bytes[len++] = (uint8_t)(roll(16) << 3 | (roll(8) == 0 ? roll(8) : 2));
            if (value >= 1 << 14) {
                bytes[len++] = (uint8_t)(value | 0x80);
                bytes[len++] = (uint8_t)(value >> 7 | 0x80);
                bytes[len++] = (uint8_t)(value >> 14);
            } else if (value >= 1 << 7 || roll(8) == 0) { /* not always minimal */
                bytes[len++] = (uint8_t)(value | 0x80);
                bytes[len++] = (uint8_t)(value >> 7 & 0x7f);
            } else {
                bytes[len++] = (uint8_t)value;
            }
            len += value;
        }
        size_t cut = roll(3) == 0 && len > 0 ? roll((uint32_t)len) : len;
        fields += read_both_ways(fama_bytes(bytes, cut));
    }
    CU_ASSERT(fields > 20000);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_every_start_of_a_message_is_read_alike),
        TEST(test_lengths_of_any_size_are_read_alike),
    };
    return run_suite("proto reader", cases, sizeof(cases) / sizeof(cases[0]));
}
