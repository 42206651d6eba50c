/* The tests of P-256's field and order, for a source that includes their headers as compiled for some set
 * of instructions. */
#ifndef FAMA_TESTS_UNIT_P256_FIELD_CASES_H
#define FAMA_TESTS_UNIT_P256_FIELD_CASES_H

#include "crypto/p256_field_64.h"
#include "crypto/p256_order_64.h"

#include "unit/p256_numbers.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define NUMBERS 120000

typedef void (*number_function_1)(const uint64_t a[4], uint64_t out[4]);
typedef void (*number_function_2)(const uint64_t a[4], const uint64_t b[4], uint64_t out[4]);

/* What each function is to be, of a and b of the reference. */
static void expect_product(struct p256_reference *reference)
{
    must(BN_mod_mul(reference->expected, reference->a, reference->b, reference->modulus,
                    reference->context) == 1);
    must(BN_mod_mul(reference->expected, reference->expected, reference->unscale,
                    reference->modulus, reference->context) == 1);
}

static void expect_square(struct p256_reference *reference)
{
    must(BN_mod_sqr(reference->expected, reference->a, reference->modulus, reference->context) ==
         1);
    must(BN_mod_mul(reference->expected, reference->expected, reference->unscale,
                    reference->modulus, reference->context) == 1);
}

static void expect_sum(struct p256_reference *reference)
{
    must(BN_mod_add(reference->expected, reference->a, reference->b, reference->modulus,
                    reference->context) == 1);
}

static void expect_difference(struct p256_reference *reference)
{
    must(BN_mod_sub(reference->expected, reference->a, reference->b, reference->modulus,
                    reference->context) == 1);
}

static void expect_negative(struct p256_reference *reference)
{
    must(BN_sub(reference->expected, reference->modulus, reference->a) == 1);
    must(BN_mod(reference->expected, reference->expected, reference->modulus, reference->context) ==
         1);
}

static void expect_unscaled(struct p256_reference *reference)
{
    must(BN_mod_mul(reference->expected, reference->a, reference->unscale, reference->modulus,
                    reference->context) == 1);
}

static void expect_remainder(struct p256_reference *reference)
{
    must(BN_mod(reference->expected, reference->a, reference->modulus, reference->context) == 1);
}

struct number_case {
    const char *what;
    number_function_1 function_1; /* one of the two */
    number_function_2 function_2;
    void (*expect)(struct p256_reference *reference);
    bool takes_any; /* not only numbers below the modulus, as a */
};

static bool is_right(const struct number_case *number_case, struct p256_reference *reference,
                     const uint64_t a[4], const uint64_t b[4])
{
    uint64_t found[4];
    uint64_t in_place[4];
    number_to_reference(a, reference->a);
    number_to_reference(b, reference->b);
    number_case->expect(reference);
    memcpy(in_place, a, sizeof(in_place));
    if (number_case->function_1 != NULL) {
        number_case->function_1(a, found);
        number_case->function_1(in_place, in_place);
        return is_expected(reference, found, number_case->what) &&
               is_expected(reference, in_place, number_case->what);
    }
    number_case->function_2(a, b, found);
    number_case->function_2(in_place, b, in_place);
    if (!is_expected(reference, found, number_case->what) ||
        !is_expected(reference, in_place, number_case->what)) {
        return false;
    }
    memcpy(in_place, b, sizeof(in_place));
    number_case->function_2(a, in_place, in_place);
    return is_expected(reference, in_place, number_case->what);
}

static void try_numbers(const char *test, const char *modulus_text,
                        const struct number_case *number_cases, size_t count)
{
    struct p256_reference reference = open_reference(modulus_text);
    uint64_t state = test_seed(test);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t any[4];
        uint64_t a[4];
        uint64_t b[4];
        draw_number(&reference, &state, any);
        draw_reduced(&reference, &state, a);
        draw_reduced(&reference, &state, b);
        for (size_t j = 0; j < count; j++) {
            if (!is_right(&number_cases[j], &reference, number_cases[j].takes_any ? any : a, b)) {
                CU_FAIL("arithmetic differs from OpenSSL's");
                i = NUMBERS;
            }
        }
    }
    close_reference(&reference);
}

static void test_field_operations_are_those_of_openssl(void)
{
    static const struct number_case number_cases[] = {
        {"multiply", NULL, fama_p256_field_multiply, expect_product, false},
        {"multiply any", NULL, fama_p256_field_multiply, expect_product, true},
        {"square", fama_p256_field_square, NULL, expect_square, false},
        {"add", NULL, fama_p256_field_add, expect_sum, false},
        {"subtract", NULL, fama_p256_field_subtract, expect_difference, false},
        {"negate", fama_p256_field_negate, NULL, expect_negative, false},
        {"from Montgomery", fama_p256_field_from_montgomery, NULL, expect_unscaled, false},
    };
    try_numbers("field operations", P256_PRIME_TEXT, number_cases,
                sizeof(number_cases) / sizeof(number_cases[0]));
}

static void test_order_operations_are_those_of_openssl(void)
{
    static const struct number_case number_cases[] = {
        {"multiply", NULL, fama_p256_order_multiply, expect_product, false},
        {"multiply any", NULL, fama_p256_order_multiply, expect_product, true},
        {"negate", fama_p256_order_negate, NULL, expect_negative, false},
        {"reduce", fama_p256_order_reduce, NULL, expect_remainder, true},
    };
    try_numbers("order operations", P256_ORDER_TEXT, number_cases,
                sizeof(number_cases) / sizeof(number_cases[0]));
}

static void test_bytes_are_numbers_big_endian(void)
{
    struct p256_reference order = open_reference(P256_ORDER_TEXT);
    uint64_t state = test_seed("bytes");
    bool are_right = true;
    for (size_t i = 0; are_right && i < NUMBERS / 10; i++) {
        uint64_t any[4];
        uint64_t number[4];
        uint8_t bytes[32];
        draw_number(&order, &state, any);
        number_to_reference(any, order.a);
        must(BN_bn2binpad(order.a, bytes, sizeof(bytes)) == sizeof(bytes));
        fama_p256_limbs_from_bytes(bytes, number);
        bool is_below = BN_cmp(order.a, order.modulus) < 0;
        are_right = memcmp(number, any, sizeof(any)) == 0 &&
                    fama_p256_order_is_reduced(number) == is_below &&
                    fama_p256_order_is_scalar(number) == (is_below && !BN_is_zero(order.a));
    }
    CU_ASSERT(are_right);
    close_reference(&order);
}

static void test_numbers_are_equal_or_zero_only_if_all_limbs_are(void)
{
    uint64_t zero[4] = {0};
    uint64_t number[4] = {7, 8, 9, 10};
    CU_ASSERT(fama_p256_field_is_zero(zero));
    CU_ASSERT(fama_p256_order_is_zero(zero));
    CU_ASSERT(fama_p256_limbs_are_equal(number, number));
    for (unsigned bit = 0; bit < 256; bit++) {
        uint64_t other[4];
        memcpy(other, number, sizeof(other));
        other[bit / 64] ^= (uint64_t)1 << (bit % 64);
        CU_ASSERT_FALSE(fama_p256_limbs_are_equal(number, other));
        CU_ASSERT_FALSE(fama_p256_limbs_are_equal(other, number));
        uint64_t one_bit[4] = {0};
        one_bit[bit / 64] = (uint64_t)1 << (bit % 64);
        CU_ASSERT_FALSE(fama_p256_field_is_zero(one_bit));
        CU_ASSERT_FALSE(fama_p256_order_is_zero(one_bit));
    }
}

/* a · 1/a is 1, in Montgomery form; 1/0 is 0. */
static void test_inverses_stay_in_montgomery_form(void)
{
    struct p256_reference prime = open_reference(P256_PRIME_TEXT);
    uint64_t state = test_seed("inverses");
    for (size_t i = 0; i < 3000; i++) {
        uint64_t a[4];
        uint64_t inverse[4];
        draw_reduced(&prime, &state, a);
        fama_p256_field_invert(a, inverse);
        fama_p256_field_multiply(a, inverse, inverse);
        CU_ASSERT(fama_p256_limbs_are_equal(inverse,
                                            fama_p256_field_is_zero(a) ? a : fama_p256_field_one));
    }
    close_reference(&prime);
}

/* 1, and what turns a plain number into Montgomery form, as a product of it with the plain 1 shows. */
static void test_constants_of_the_order_are_powers_of_two(void)
{
    static const uint64_t plain_one[4] = {1};
    uint64_t product[4];
    fama_p256_order_multiply(fama_p256_order_one, plain_one, product);
    CU_ASSERT(fama_p256_limbs_are_equal(product, plain_one));
    fama_p256_order_multiply(fama_p256_order_one_squared, plain_one, product);
    CU_ASSERT(fama_p256_limbs_are_equal(product, fama_p256_order_one));
}

static const struct test_case p256_field_cases[] = {
    TEST(test_field_operations_are_those_of_openssl),
    TEST(test_order_operations_are_those_of_openssl),
    TEST(test_bytes_are_numbers_big_endian),
    TEST(test_numbers_are_equal_or_zero_only_if_all_limbs_are),
    TEST(test_inverses_stay_in_montgomery_form),
    TEST(test_constants_of_the_order_are_powers_of_two),
};

#define P256_FIELD_CASES (sizeof(p256_field_cases) / sizeof(p256_field_cases[0]))

#endif
