/* Inverses modulo P-256's prime and order are those that OpenSSL finds. */
#include "crypto/p256_inverse.h"

#include "unit/p256_numbers.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define NUMBERS           120000
#define NUMBERS_OF_BIGNUM 5000 /* its own inverses take an order of magnitude longer */

typedef void (*invert_function)(const uint64_t a[4], uint64_t inverse[4]);

/* Whether `invert` finds 1/a below the modulus: there is only one. */
static bool is_inverse(struct p256_reference *reference, invert_function invert,
                       const uint64_t a[4])
{
    uint64_t inverse[4];
    uint64_t in_place[4];
    invert(a, inverse);
    memcpy(in_place, a, sizeof(in_place));
    invert(in_place, in_place);
    number_to_reference(a, reference->a);
    number_to_reference(inverse, reference->b);
    if (memcmp(inverse, in_place, sizeof(inverse)) != 0 ||
        BN_cmp(reference->b, reference->modulus) >= 0) {
        return false;
    }
    if (BN_is_zero(reference->a)) {
        return BN_is_zero(reference->b) != 0;
    }
    must(BN_mod_mul(reference->expected, reference->a, reference->b, reference->modulus,
                    reference->context) == 1);
    return BN_is_one(reference->expected) != 0;
}

static void try_numbers(const char *test, const char *modulus_text, invert_function invert)
{
    struct p256_reference reference = open_reference(modulus_text);
    uint64_t state = test_seed(test);
    bool are_right = true;
    for (size_t i = 0; are_right && i < NUMBERS; i++) {
        uint64_t a[4];
        draw_reduced(&reference, &state, a);
        are_right = is_inverse(&reference, invert, a);
        if (!are_right) {
            is_expected(&reference, a, test);
        }
    }
    CU_ASSERT(are_right);
    for (size_t i = 0; are_right && i < NUMBERS_OF_BIGNUM; i++) {
        uint64_t a[4];
        draw_reduced(&reference, &state, a);
        number_to_reference(a, reference.a);
        if (!BN_is_zero(reference.a)) {
            must(BN_mod_inverse(reference.expected, reference.a, reference.modulus,
                                reference.context) != NULL);
            invert(a, a);
            are_right = is_expected(&reference, a, test);
        }
    }
    CU_ASSERT(are_right);
    close_reference(&reference);
}

static void test_inverses_modulo_the_prime_are_right(void)
{
    try_numbers("modulo p", P256_PRIME_TEXT, fama_p256_invert_p);
}

static void test_inverses_modulo_the_order_are_right(void)
{
    try_numbers("modulo n", P256_ORDER_TEXT, fama_p256_invert_n);
}

/* 0 … 2000, 2^k, 2^k - 1 and what each is short of the modulus. */
static void try_edges(const char *modulus_text, invert_function invert)
{
    struct p256_reference reference = open_reference(modulus_text);
    for (unsigned i = 0; i < 2001 + 2 * 256; i++) {
        uint64_t a[4] = {0};
        if (i < 2001) {
            a[0] = i;
        } else {
            unsigned bit = (i - 2001) / 2;
            for (unsigned j = 0; j < bit; j++) {
                a[j / 64] |= (uint64_t)(i % 2) << (j % 64);
            }
            a[bit / 64] |= (uint64_t)(i % 2 == 0) << (bit % 64);
        }
        CU_ASSERT(is_inverse(&reference, invert, a));
        number_to_reference(a, reference.a);
        must(BN_mod_sub(reference.b, reference.modulus, reference.a, reference.modulus,
                        reference.context) == 1);
        number_from_reference(reference.b, a);
        CU_ASSERT(is_inverse(&reference, invert, a));
    }
    close_reference(&reference);
}

static void test_numbers_at_the_edges_have_right_inverses(void)
{
    try_edges(P256_PRIME_TEXT, fama_p256_invert_p);
    try_edges(P256_ORDER_TEXT, fama_p256_invert_n);
}

static void test_the_inverse_of_zero_is_zero(void)
{
    static const uint64_t zero[4];
    uint64_t inverse[4] = {1, 2, 3, 4};
    fama_p256_invert_p(zero, inverse);
    CU_ASSERT_EQUAL(memcmp(inverse, zero, sizeof(zero)), 0);
    inverse[0] = 1;
    fama_p256_invert_n(zero, inverse);
    CU_ASSERT_EQUAL(memcmp(inverse, zero, sizeof(zero)), 0);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_inverses_modulo_the_prime_are_right),
        TEST(test_inverses_modulo_the_order_are_right),
        TEST(test_numbers_at_the_edges_have_right_inverses),
        TEST(test_the_inverse_of_zero_is_zero),
    };
    return run_suite("p256 inverse", cases, sizeof(cases) / sizeof(cases[0]));
}
