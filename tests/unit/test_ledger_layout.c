/* Keys of the ledger's indexes. */
#include "ledger/ledger_layout.h"
#include "unit/suite.h"

#define DIGITS ((size_t)2 * FAMA_SHA256_BYTES)

static bool is_digit(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

/* Whether the key is the digits' 32 bytes, each compared as the text that means it. */
static bool means(const struct fama_ledger_key *key, const uint8_t text[DIGITS])
{
    char written[DIGITS + 1];
    for (size_t i = 0; i < FAMA_SHA256_BYTES; i++) {
        (void)snprintf(written + 2 * i, 3, "%02x", key->bytes[1 + i]);
    }
    return key->bytes[0] == 'h' && key->len == 1 + FAMA_SHA256_BYTES &&
           memcmp(written, text, DIGITS) == 0;
}

static void test_only_lower_case_digits_are_stored_as_the_bytes_they_mean(void)
{
    for (size_t at = 0; at < DIGITS; at++) {
        for (int byte = 0; byte < 256; byte++) {
            uint8_t text[DIGITS];
            for (size_t i = 0; i < DIGITS; i++) {
                text[i] = (uint8_t) "0123456789abcdef"[(7 * i + 3) % 16];
            }
            text[at] = (uint8_t)byte;
            struct fama_ledger_key key;
            fama_ledger_txid_key(fama_bytes(text, DIGITS), &key);
            if (is_digit(byte) ? !means(&key, text)
                               : key.bytes[0] != 't' || memcmp(key.bytes + 1, text, DIGITS) != 0) {
                CU_FAIL("a text of 64 bytes is stored as something else");
                return;
            }
        }
    }
}

static void test_texts_of_other_lengths_are_kept_or_hashed(void)
{
    static const uint8_t digits[] = "00000000000000000000000000000000"
                                    "000000000000000000000000000000000";
    struct fama_ledger_key key;
    fama_ledger_txid_key(fama_bytes(digits, 63), &key);
    CU_ASSERT(key.bytes[0] == 't' && key.len == 64);
    fama_ledger_txid_key(fama_bytes(digits, 65), &key);
    CU_ASSERT(key.bytes[0] == 's' && key.len == 1 + FAMA_SHA256_BYTES);
    fama_ledger_txid_key(fama_bytes(NULL, 0), &key);
    CU_ASSERT(key.bytes[0] == 't' && key.len == 1);
}

static const struct test_case cases[] = {
    TEST(test_only_lower_case_digits_are_stored_as_the_bytes_they_mean),
    TEST(test_texts_of_other_lengths_are_kept_or_hashed),
};

int main(void)
{
    return run_suite("ledger layout", cases, sizeof cases / sizeof cases[0]);
}
