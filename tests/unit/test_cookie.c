#include "crypto/cookie.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "unit/suite.h"

#define TURN ((uint64_t)FAMA_COOKIE_TURN_NS)

static const char claim[] = "198.18.0.1:7051 is anna, attempt 7";

static struct fama_bytes what(void)
{
    return fama_bytes_of_text(claim);
}

static void open_jar(struct fama_cookie_jar *jar, uint64_t now_ns)
{
    CU_ASSERT_TRUE_FATAL(fama_cookie_jar_open(jar, now_ns));
}

static void test_a_cookie_is_good_for_what_it_was_made_of_and_nothing_else(void)
{
    struct fama_cookie_jar jar;
    struct fama_cookie_jar other;
    open_jar(&jar, 5);
    open_jar(&other, 5);
    uint8_t cookie[FAMA_COOKIE_BYTES];
    CU_ASSERT_TRUE(fama_cookie_make(&jar, 5, what(), cookie));
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, 6, what(), cookie));
    CU_ASSERT_FALSE(fama_cookie_is_good(&other, 6, what(), cookie));
    CU_ASSERT_FALSE(fama_cookie_is_good(&jar, 6, fama_bytes(claim, sizeof claim - 2), cookie));
    for (size_t bit = 0; bit < 8 * sizeof cookie; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(fama_cookie_is_good(&jar, 6, what(), cookie));
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, 6, what(), cookie));
    fama_cookie_jar_close(&other);
    fama_cookie_jar_close(&jar);
}

static void test_a_cookie_is_an_hmac_cut_short(void)
{
    struct fama_cookie_jar jar;
    open_jar(&jar, 0);
    uint8_t cookie[FAMA_COOKIE_BYTES];
    uint8_t wanted[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    CU_ASSERT_TRUE(fama_cookie_make(&jar, 0, what(), cookie));
    CU_ASSERT_PTR_NOT_NULL(HMAC(EVP_sha256(), jar.secrets[0], FAMA_COOKIE_SECRET_BYTES, what().at,
                                what().len, wanted, &len));
    CU_ASSERT(len == 32 && memcmp(wanted, cookie, sizeof cookie) == 0);
    fama_cookie_jar_close(&jar);
    static const struct fama_cookie_jar empty;
    CU_ASSERT_EQUAL(memcmp(&jar, &empty, sizeof jar), 0);
}

static void test_a_cookie_lives_one_turn_at_least_and_two_at_most(void)
{
    struct fama_cookie_jar jar;
    open_jar(&jar, 0);
    uint8_t early[FAMA_COOKIE_BYTES];
    uint8_t late[FAMA_COOKIE_BYTES];
    CU_ASSERT_TRUE(fama_cookie_make(&jar, 0, what(), early));
    CU_ASSERT_TRUE(fama_cookie_make(&jar, TURN - 1, what(), late));
    CU_ASSERT_EQUAL(memcmp(early, late, sizeof early), 0);
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, TURN, what(), early));
    CU_ASSERT_TRUE(fama_cookie_make(&jar, TURN, what(), late));
    CU_ASSERT_NOT_EQUAL(memcmp(early, late, sizeof early), 0);
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, 2 * TURN - 1, what(), early));
    CU_ASSERT_FALSE(fama_cookie_is_good(&jar, 2 * TURN, what(), early));
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, 2 * TURN, what(), late));
    CU_ASSERT_FALSE(fama_cookie_is_good(&jar, 3 * TURN, what(), late));
    fama_cookie_jar_close(&jar);
}

static void test_after_a_long_silence_no_old_cookie_is_good(void)
{
    struct fama_cookie_jar jar;
    open_jar(&jar, 0);
    uint8_t cookie[FAMA_COOKIE_BYTES];
    CU_ASSERT_TRUE(fama_cookie_make(&jar, 0, what(), cookie));
    CU_ASSERT_FALSE(fama_cookie_is_good(&jar, 100 * TURN, what(), cookie));
    /* A clock that jumps back turns nothing. */
    CU_ASSERT_TRUE(fama_cookie_make(&jar, 100 * TURN, what(), cookie));
    CU_ASSERT_TRUE(fama_cookie_is_good(&jar, 1, what(), cookie));
    fama_cookie_jar_close(&jar);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_cookie_is_good_for_what_it_was_made_of_and_nothing_else),
        TEST(test_a_cookie_is_an_hmac_cut_short),
        TEST(test_a_cookie_lives_one_turn_at_least_and_two_at_most),
        TEST(test_after_a_long_silence_no_old_cookie_is_good),
    };
    return run_suite("cookie", cases, sizeof cases / sizeof cases[0]);
}
