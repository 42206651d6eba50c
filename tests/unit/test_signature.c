#include "crypto/signature.h"
#include "unit/suite.h"

/* Reads hexadecimal digits; spaces between them do not count. */
static struct fama_bytes from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (; *hex != '\0'; hex++) {
        unsigned int octet;
        if (*hex == ' ') {
            continue;
        }
        if (sscanf(hex, "%2x", &octet) != 1) {
            break;
        }
        out[len++] = (uint8_t)octet;
        hex++;
    }
    return fama_bytes(out, len);
}

static int read_hex(const char *hex, struct fama_signature *signature)
{
    uint8_t octets[512];
    struct fama_bytes der = from_hex(hex, octets);
    /* A copy of exactly this size lets the address sanitizer see a read past its end. */
    uint8_t *exact = malloc(der.len > 0 ? der.len : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    memcpy(exact, octets, der.len);
    int result = fama_signature_from_der(fama_bytes(exact, der.len), signature);
    free(exact);
    return result;
}

#define ORDER      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_LESS "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define HALF       "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
#define HALF_MORE  "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9"

static void what_go_accepts_is_accepted(void)
{
    struct fama_signature signature;
    /* Plain; bytes behind the sequence; a third element; garbage behind s; padding that is
     * needed. */
    static const char *const accepted[] = {
        "3006 020101 020102",      "3006 020101 020102 deadbeef", "3009 020101 020102 020103",
        "3008 020101 020102 ffff", "3008 02020080 02020081",
    };
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        CU_ASSERT_EQUAL(read_hex(accepted[i], &signature), 0);
    }
    CU_ASSERT_EQUAL(read_hex("3006 020101 020102", &signature), 0);
    CU_ASSERT_EQUAL(signature.r[FAMA_SCALAR_BYTES - 1], 1);
    CU_ASSERT_EQUAL(signature.s[FAMA_SCALAR_BYTES - 1], 2);
    CU_ASSERT_EQUAL(read_hex("3045 022100" ORDER_LESS " 0220" HALF, &signature), 0);
    /* a long-form length that is needed: the sequence has 0x81 bytes, most of them ignored */
    char long_form[600] = "308181 020101 020102";
    for (size_t i = 6; i < 0x81; i++) {
        strcat(long_form, "00");
    }
    CU_ASSERT_EQUAL(read_hex(long_form, &signature), 0);
}

static void what_go_refuses_is_malformed(void)
{
    static const char *const refused[] = {
        "",
        "30",
        "3000",
        "3003 020101",
        "3006 020101 0201",             /* s cut off */
        "3007 020101 020102",           /* the sequence is longer than the input */
        "3005 020101 020102",           /* s is longer than the sequence */
        "3106 020101 020102",           /* a set */
        "1006 020101 020102",           /* a primitive sequence */
        "3006 220101 020102",           /* a constructed integer */
        "3006 030101 020102",           /* a bit string */
        "3006 020101 040102",           /* an octet string */
        "3080 020101 020102 0000",      /* indefinite length */
        "308106 020101 020102",         /* long form where short would do */
        "30820006 020101 020102",       /* leading zero in the length */
        "3007 02810101 020102",         /* the same inside */
        "3005 0200 020102",             /* no octets in r */
        "3007 02020001 020102",         /* r padded without need */
        "3007 020101 02020002",         /* s padded without need */
        "3006 0201ff 020102",           /* r = -1 */
        "3006 020101 020180",           /* s = -128 */
        "3007 0202ff80 020102",         /* a negative padded without need */
        "30850000000006 020101 020102", /* leading zeros */
        "3084ffffffff 020101 020102",   /* a huge length */
        "3089ffffffffffffffffff 020101 020102",
        "3f1006 020101 020102", /* high tag form of a sequence */
    };
    struct fama_signature signature;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (read_hex(refused[i], &signature) != FAMA_SIGNATURE_MALFORMED) {
            fprintf(stderr, "accepted: %s\n", refused[i]);
            CU_FAIL("a malformed signature was not refused as malformed");
        }
    }
}

static void numbers_outside_the_group_are_out_of_range(void)
{
    static const char *const outside[] = {
        "3006 020100 020101",          /* r = 0 */
        "3006 020101 020100",          /* s = 0 */
        "3026 022100" ORDER " 020101", /* r = n */
        "3026 020101 022100" ORDER,    /* s = n */
        "3026 022101" ORDER " 020101", /* 257 bits */
        "3026 020101 02217f" ORDER,    /* 263 bits */
        "3045 022100" ORDER " 0220" HALF,
    };
    struct fama_signature signature;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        CU_ASSERT_EQUAL(read_hex(outside[i], &signature), FAMA_SIGNATURE_OUT_OF_RANGE);
    }
}

static void a_high_s_is_refused_at_exactly_half_the_order(void)
{
    struct fama_signature signature;
    CU_ASSERT_EQUAL(read_hex("3025 020101 0220" HALF, &signature), 0);
    CU_ASSERT_EQUAL(read_hex("3025 020101 0220" HALF_MORE, &signature), FAMA_SIGNATURE_HIGH_S);
    CU_ASSERT_EQUAL(read_hex("3026 020101 022100" ORDER_LESS, &signature), FAMA_SIGNATURE_HIGH_S);
    /* n - (n-1) = 1 */
    fama_signature_make_low_s(&signature);
    CU_ASSERT_EQUAL(signature.s[FAMA_SCALAR_BYTES - 1], 1);
    for (size_t i = 0; i + 1 < FAMA_SCALAR_BYTES; i++) {
        CU_ASSERT_EQUAL(signature.s[i], 0);
    }
    /* n - (half+1) = half, and a low s stays as it is */
    uint8_t half[FAMA_SCALAR_BYTES];
    (void)from_hex(HALF, half);
    CU_ASSERT_EQUAL(read_hex("3025 020101 0220" HALF_MORE, &signature), FAMA_SIGNATURE_HIGH_S);
    fama_signature_make_low_s(&signature);
    CU_ASSERT_EQUAL(memcmp(signature.s, half, sizeof half), 0);
    fama_signature_make_low_s(&signature);
    CU_ASSERT_EQUAL(memcmp(signature.s, half, sizeof half), 0);
}

static void the_raw_form_has_the_same_rules(void)
{
    uint8_t raw[FAMA_SIGNATURE_BYTES];
    struct fama_signature signature;
    (void)from_hex(ORDER_LESS HALF, raw);
    CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &signature), 0);
    (void)from_hex(ORDER HALF, raw);
    CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &signature), FAMA_SIGNATURE_OUT_OF_RANGE);
    (void)from_hex(ORDER_LESS HALF_MORE, raw);
    CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &signature), FAMA_SIGNATURE_HIGH_S);
    memset(raw, 0, sizeof raw);
    CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &signature), FAMA_SIGNATURE_OUT_OF_RANGE);
}

static void every_length_of_number_survives_both_forms(void)
{
    for (size_t r_len = 1; r_len <= FAMA_SCALAR_BYTES; r_len++) {
        for (size_t s_len = 1; s_len <= FAMA_SCALAR_BYTES; s_len++) {
            for (int high_bit = 0; high_bit < 2; high_bit++) {
                struct fama_signature before = {0};
                struct fama_signature after;
                uint8_t der[FAMA_SIGNATURE_DER_MAX];
                uint8_t raw[FAMA_SIGNATURE_BYTES];
                before.r[FAMA_SCALAR_BYTES - r_len] = high_bit && r_len < 32 ? 0x80 : 0x01;
                before.s[FAMA_SCALAR_BYTES - s_len] = high_bit && s_len < 32 ? 0xff : 0x7e;
                size_t len = fama_signature_to_der(&before, der);
                CU_ASSERT(len <= sizeof der);
                CU_ASSERT_EQUAL(fama_signature_from_der(fama_bytes(der, len), &after), 0);
                CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof before), 0);
                CU_ASSERT_EQUAL(fama_signature_from_der(fama_bytes(der, len - 1), &after),
                                FAMA_SIGNATURE_MALFORMED);
                fama_signature_to_raw(&before, raw);
                CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &after), 0);
                CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof before), 0);
            }
        }
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(what_go_accepts_is_accepted),
        TEST(what_go_refuses_is_malformed),
        TEST(numbers_outside_the_group_are_out_of_range),
        TEST(a_high_s_is_refused_at_exactly_half_the_order),
        TEST(the_raw_form_has_the_same_rules),
        TEST(every_length_of_number_survives_both_forms),
    };
    return run_suite("signature", cases, sizeof cases / sizeof cases[0]);
}
