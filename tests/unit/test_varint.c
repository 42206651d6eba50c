#include "ledger/varint.h"

#include <string.h>

#include "unit/suite.h"

static void test_numbers_take_the_fewest_bytes_lowest_bits_first(void)
{
    static const struct {
        uint64_t number;
        const char *bytes;
        size_t len;
    } cases[] = {
        {0, "\0", 1},
        {1, "\x01", 1},
        {0x7f, "\x7f", 1},
        {0x80, "\x80\x01", 2},
        {300, "\xac\x02", 2},
        {0x3fff, "\xff\x7f", 2},
        {0x4000, "\x80\x80\x01", 3},
        {UINT64_MAX >> 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
        {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", FAMA_VARINT_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[FAMA_VARINT_BYTES_MAX];
        CU_ASSERT_EQUAL(fama_varint_put(bytes, cases[i].number), cases[i].len);
        CU_ASSERT_EQUAL(memcmp(bytes, cases[i].bytes, cases[i].len), 0);
        CU_ASSERT_EQUAL(fama_varint_len(cases[i].number), cases[i].len);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_numbers_take_the_fewest_bytes_lowest_bits_first),
    };
    return run_suite("varint", cases, sizeof(cases) / sizeof(cases[0]));
}
