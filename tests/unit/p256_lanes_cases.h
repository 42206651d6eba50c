/* The tests of lanes of numbers mod p, for a source that includes lanes as compiled for some set of
 * instructions: every operation, on what it may be given, is congruent to what OpenSSL's BIGNUM finds and of
 * the size that its users (crypto/p256_batch.h) rely on. Sizes are in multiples of p. */
#ifndef FAMA_TESTS_UNIT_P256_LANES_CASES_H
#define FAMA_TESTS_UNIT_P256_LANES_CASES_H

#include "unit/p256_numbers.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define NUMBERS    200000 /* for each operation */
#define INPUTS_MAX 3

enum {
    LIMBS = sizeof(struct fe) / sizeof(uint64_t) / FE_LANES,
    IS_REDUNDANT = LIMBS > FAMA_P256_LIMBS,
    LIMB_BITS = IS_REDUNDANT ? 52 : 64,
    TIGHT = IS_REDUNDANT ? 2 : 1,
    LOOSE = IS_REDUNDANT ? 4 : 1,
    NUMBER_BYTES = LIMBS * 8,
};

struct lanes_test {
    BN_CTX *context;
    BIGNUM *p;
    BIGNUM *unscale; /* 1/R, which a product is multiplied by */
    BIGNUM *number[INPUTS_MAX][FE_LANES];
    BIGNUM *found;
    BIGNUM *expected;
    BIGNUM *helper;
    uint64_t random;
};

static BIGNUM *new_number(void)
{
    BIGNUM *number = BN_new();
    must(number != NULL);
    return number;
}

static struct lanes_test open_test(const char *name)
{
    struct lanes_test test = {.context = BN_CTX_new(),
                              .unscale = new_number(),
                              .found = new_number(),
                              .expected = new_number(),
                              .helper = new_number(),
                              .random = test_seed(name)};
    must(test.context != NULL && BN_hex2bn(&test.p, P256_PRIME_TEXT) == 64 &&
         BN_set_bit(test.unscale, LIMBS * LIMB_BITS) == 1 &&
         BN_mod_inverse(test.unscale, test.unscale, test.p, test.context) != NULL);
    for (size_t i = 0; i < INPUTS_MAX * FE_LANES; i++) {
        test.number[i / FE_LANES][i % FE_LANES] = new_number();
    }
    return test;
}

static void close_test(struct lanes_test *test)
{
    for (size_t i = 0; i < INPUTS_MAX * FE_LANES; i++) {
        BN_free(test->number[i / FE_LANES][i % FE_LANES]);
    }
    BN_free(test->p);
    BN_free(test->unscale);
    BN_free(test->found);
    BN_free(test->expected);
    BN_free(test->helper);
    BN_CTX_free(test->context);
}

/* ---- Numbers in lanes ---- */

static uint64_t limb_mask(void)
{
    return UINT64_MAX >> (64 - LIMB_BITS);
}

static void put(struct fe *lanes, size_t lane, const BIGNUM *number)
{
    uint64_t limb[LIMBS][FE_LANES];
    memcpy(limb, lanes, sizeof limb);
    uint8_t bytes[NUMBER_BYTES];
    must(BN_bn2lebinpad(number, bytes, sizeof bytes) == (int)sizeof bytes);
    for (size_t i = 0; i < LIMBS; i++) {
        limb[i][lane] = 0;
        for (size_t bit = 0; bit < LIMB_BITS; bit++) {
            size_t at = i * LIMB_BITS + bit;
            limb[i][lane] |= (uint64_t)(bytes[at / 8] >> at % 8 & 1) << bit;
        }
    }
    memcpy(lanes, limb, sizeof limb);
}

/* False when a limb is too large for multiplications. */
static bool get(const struct fe *lanes, size_t lane, BIGNUM *number)
{
    uint64_t limb[LIMBS][FE_LANES];
    memcpy(limb, lanes, sizeof limb);
    BN_zero(number);
    bool are_limbs = true;
    for (size_t i = LIMBS; i-- > 0;) {
        must(BN_lshift(number, number, LIMB_BITS) == 1 && BN_add_word(number, limb[i][lane]) == 1);
        are_limbs = are_limbs && limb[i][lane] <= limb_mask();
    }
    return are_limbs;
}

static uint64_t odd_limb(uint64_t *state)
{
    const uint64_t limbs[] = {
        0, limb_mask(), 1, limb_mask() - 1, limb_mask() >> 1, (limb_mask() >> 1) + 1};
    uint64_t choice = next_random(state) % (sizeof limbs / sizeof limbs[0] + 1);
    return choice < sizeof limbs / sizeof limbs[0] ? limbs[choice]
                                                   : next_random(state) & limb_mask();
}

/* A number below so many p: any; one of limbs where carries start or die; or one beside a multiple of p or of
 * 2^256, the largest among them. */
static void draw_below(struct lanes_test *test, unsigned multiple, BIGNUM *number)
{
    uint64_t kind = next_random(&test->random) % 8;
    must(BN_copy(test->helper, test->p) != NULL && BN_mul_word(test->helper, multiple) == 1);
    BN_zero(number);
    if (kind < 5) {
        for (size_t i = LIMBS; i-- > 0;) {
            uint64_t limb =
                kind < 2 ? next_random(&test->random) & limb_mask() : odd_limb(&test->random);
            must(BN_lshift(number, number, LIMB_BITS) == 1 && BN_add_word(number, limb) == 1);
        }
        /* The limbs but the highest stay as they are, if they can. */
        must(BN_mask_bits(number, BN_num_bits(test->helper)) == 1 ||
             BN_num_bits(number) <= BN_num_bits(test->helper));
        if (BN_cmp(number, test->helper) >= 0) {
            must(BN_clear_bit(number, BN_num_bits(number) - 1) == 1);
        }
        return;
    }
    if (kind == 5) {
        must(BN_set_bit(number, 256) == 1);
    } else {
        must(BN_copy(number, test->p) != NULL);
    }
    must(BN_mul_word(number, next_random(&test->random) % (multiple + 1)) == 1);
    uint64_t beside = next_random(&test->random) % 4;
    must((next_random(&test->random) % 2 == 0 ? BN_add_word(number, beside)
                                              : BN_sub_word(number, beside)) == 1);
    if (BN_is_negative(number)) {
        BN_zero(number);
    } else if (BN_cmp(number, test->helper) >= 0) {
        must(BN_copy(number, test->helper) != NULL && BN_sub_word(number, 1) == 1);
    }
}

/* Whether the lane is congruent to what is expected, and below so many p. */
static bool is_right(struct lanes_test *test, const char *what, const struct fe *lanes, size_t lane,
                     unsigned multiple)
{
    bool are_limbs = get(lanes, lane, test->found);
    must(BN_copy(test->helper, test->p) != NULL && BN_mul_word(test->helper, multiple) == 1 &&
         BN_nnmod(test->expected, test->expected, test->p, test->context) == 1);
    bool is_small = are_limbs && BN_cmp(test->found, test->helper) < 0;
    must(BN_mod(test->helper, test->found, test->p, test->context) == 1);
    if (is_small && BN_cmp(test->helper, test->expected) == 0) {
        return true;
    }
    fprintf(stderr, "\n%s of", what);
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        char *text = BN_bn2hex(test->number[i][lane]);
        fprintf(stderr, " %s", text);
        OPENSSL_free(text);
    }
    char *text = BN_bn2hex(test->found);
    fprintf(stderr, " is %s, %s\n", text, is_small ? "wrong" : "too large");
    OPENSSL_free(text);
    return false;
}

/* ---- Operations ---- */

static struct fe run_mul(const struct fe *in)
{
    return fe_mul(in[0], in[1]);
}

static struct fe run_sqr(const struct fe *in)
{
    return fe_sqr(in[0]);
}

static struct fe run_add(const struct fe *in)
{
    return fe_add(in[0], in[1]);
}

static struct fe run_sub(const struct fe *in)
{
    return fe_sub(in[0], in[1]);
}

static struct fe run_sub_tight(const struct fe *in)
{
    return fe_sub_tight(in[0], in[1]);
}

static struct fe run_sub_both(const struct fe *in)
{
    return fe_sub_both(in[0], in[1], in[2]);
}

static struct fe run_sub_twice(const struct fe *in)
{
    return fe_sub_twice(in[0], in[1], in[2]);
}

static struct fe run_triple(const struct fe *in)
{
    return fe_triple(in[0]);
}

static struct fe run_sub_eightfold(const struct fe *in)
{
    return fe_sub_eightfold(in[0], in[1]);
}

static struct fe run_fourfold_sub(const struct fe *in)
{
    return fe_fourfold_sub(in[0], in[1]);
}

/* A product of the first two or the sum of all, each so many times. */
static const struct {
    const char *what;
    struct fe (*run)(const struct fe *in);
    int times[INPUTS_MAX];
    enum { SUM, PRODUCT, SQUARE } kind;
    unsigned from, to; /* sizes */
} operations[] = {
    {"fe_mul", run_mul, {0}, PRODUCT, LOOSE, TIGHT},
    {"fe_sqr", run_sqr, {0}, SQUARE, LOOSE, TIGHT},
    {"fe_add", run_add, {1, 1, 0}, SUM, TIGHT, LOOSE},
    {"fe_sub", run_sub, {1, -1, 0}, SUM, TIGHT, LOOSE},
    {"fe_sub_tight", run_sub_tight, {1, -1, 0}, SUM, TIGHT, TIGHT},
    {"fe_sub_both", run_sub_both, {1, -1, -1}, SUM, TIGHT, TIGHT},
    {"fe_sub_twice", run_sub_twice, {1, -1, -2}, SUM, TIGHT, TIGHT},
    {"fe_triple", run_triple, {3, 0, 0}, SUM, TIGHT, TIGHT},
    {"fe_sub_eightfold", run_sub_eightfold, {1, -8, 0}, SUM, TIGHT, TIGHT},
    {"fe_fourfold_sub", run_fourfold_sub, {4, -1, 0}, SUM, TIGHT, TIGHT},
};

static void expect(struct lanes_test *test, size_t operation, size_t lane)
{
    if (operations[operation].kind != SUM) {
        size_t other = operations[operation].kind == SQUARE ? 0 : 1;
        must(BN_mod_mul(test->expected, test->number[0][lane], test->number[other][lane], test->p,
                        test->context) == 1 &&
             BN_mod_mul(test->expected, test->expected, test->unscale, test->p, test->context) ==
                 1);
        return;
    }
    BN_zero(test->expected);
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        int times = operations[operation].times[i];
        must(BN_copy(test->helper, test->number[i][lane]) != NULL &&
             BN_mul_word(test->helper, (BN_ULONG)abs(times)) == 1 &&
             (times < 0 ? BN_sub(test->expected, test->expected, test->helper)
                        : BN_add(test->expected, test->expected, test->helper)) == 1);
    }
}

static void draw_lanes(struct lanes_test *test, unsigned multiple, struct fe in[INPUTS_MAX])
{
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            draw_below(test, multiple, test->number[i][lane]);
            put(&in[i], lane, test->number[i][lane]);
        }
    }
}

static void operations_are_those_of_openssl_and_of_the_size_they_say(void)
{
    struct lanes_test test = open_test("operations");
    struct fe in[INPUTS_MAX];
    memset(in, 0, sizeof in);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        bool are_right = true;
        for (size_t done = 0; are_right && done < NUMBERS; done += FE_LANES) {
            draw_lanes(&test, operations[i].from, in);
            struct fe out = operations[i].run(in);
            for (size_t lane = 0; lane < FE_LANES; lane++) {
                expect(&test, i, lane);
                are_right =
                    are_right && is_right(&test, operations[i].what, &out, lane, operations[i].to);
            }
        }
        CU_ASSERT(are_right);
    }
    close_test(&test);
}

static void multiples_of_p_are_zero_and_nothing_else_is(void)
{
    struct lanes_test test = open_test("zeros");
    struct fe in[INPUTS_MAX];
    memset(in, 0, sizeof in);
    size_t zeros = 0;
    bool are_right = true;
    for (size_t done = 0; are_right && done < NUMBERS; done += FE_LANES) {
        draw_lanes(&test, LOOSE, in);
        fe_mask found = fe_is_zero(in[0]);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            must(BN_nnmod(test.helper, test.number[0][lane], test.p, test.context) == 1);
            bool is_zero = BN_is_zero(test.helper);
            are_right = are_right && (found >> lane & 1) == is_zero;
            zeros += is_zero;
        }
    }
    CU_ASSERT(are_right);
    CU_ASSERT(zeros > NUMBERS / 100);
    close_test(&test);
}

/* In memory numbers are below p, and there a y may be taken as its opposite. */
static void points_come_from_memory_and_return(void)
{
    struct lanes_test test = open_test("points");
    struct fe in[INPUTS_MAX];
    struct fama_p256_point points[FE_LANES];
    struct fama_p256_point *to[FE_LANES];
    const struct fama_p256_point *from[FE_LANES];
    memset(in, 0, sizeof in);
    bool are_right = true;
    for (size_t done = 0; are_right && done < NUMBERS; done += FE_LANES) {
        draw_lanes(&test, TIGHT, in);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            from[lane] = to[lane] = &points[(lane + done / FE_LANES) % FE_LANES];
        }
        fe_store_points(in[0], in[1], to);
        fe_mask negative = (fe_mask)next_random(&test.random) & ((1u << FE_LANES) - 1);
        fe_load_points(from, negative, &in[0], &in[1]);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            bool is_negative = negative >> lane & 1;
            uint64_t words[4];
            must(BN_mod(test.expected, test.number[0][lane], test.p, test.context) == 1);
            number_from_reference(test.expected, words);
            are_right = are_right && memcmp(words, from[lane]->x, sizeof words) == 0 &&
                        is_right(&test, "x", &in[0], lane, 1);
            must(BN_mod(test.expected, test.number[1][lane], test.p, test.context) == 1);
            number_from_reference(test.expected, words);
            BN_set_negative(test.expected, is_negative);
            are_right = are_right && memcmp(words, from[lane]->y, sizeof words) == 0 &&
                        is_right(&test, "y", &in[1], lane, is_negative ? TIGHT : 1);
        }
    }
    CU_ASSERT(are_right);
    close_test(&test);
}

static void plain_words_are_below_p(void)
{
    struct lanes_test test = open_test("plain");
    struct fe in[INPUTS_MAX];
    uint64_t words[FE_LANES][FAMA_P256_LIMBS];
    memset(in, 0, sizeof in);
    bool are_right = true;
    for (size_t done = 0; are_right && done < NUMBERS; done += FE_LANES) {
        draw_lanes(&test, LOOSE, in);
        fe_plain(in[0], words);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            uint64_t expected[4];
            must(BN_mod_mul(test.expected, test.number[0][lane], test.unscale, test.p,
                            test.context) == 1);
            number_from_reference(test.expected, expected);
            are_right = are_right && memcmp(expected, words[lane], sizeof expected) == 0;
        }
    }
    CU_ASSERT(are_right);
    close_test(&test);
}

/* 1/a in the form of a: a product with it is 1 in that form. */
static void inverses_and_one_are_in_the_form_of_their_lanes(void)
{
    struct lanes_test test = open_test("inverses");
    struct fe in[INPUTS_MAX];
    memset(in, 0, sizeof in);
    bool are_right = true;
    for (size_t done = 0; are_right && done < NUMBERS / 20; done += FE_LANES) {
        draw_lanes(&test, TIGHT, in);
        in[0] = fe_select(fe_is_zero(in[0]), in[0], fe_one());
        struct fe product = fe_mul(in[0], fe_invert(in[0]));
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            must(BN_mod_inverse(test.expected, test.unscale, test.p, test.context) != NULL);
            are_right = are_right && is_right(&test, "fe_invert", &product, lane, TIGHT);
        }
    }
    CU_ASSERT(are_right);
    close_test(&test);
}

static void lanes_are_selected_and_rotated(void)
{
    struct lanes_test test = open_test("lanes");
    struct fe in[INPUTS_MAX];
    memset(in, 0, sizeof in);
    draw_lanes(&test, TIGHT, in);
    for (int distance = FE_LANES / 2; distance > 0; distance /= 2) {
        struct fe rotated = fe_rotate(in[0], distance);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            CU_ASSERT(get(&rotated, lane, test.found));
            CU_ASSERT_EQUAL(
                BN_cmp(test.found, test.number[0][(lane + (size_t)distance) % FE_LANES]), 0);
        }
    }
    for (fe_mask mask = 0; mask < 1u << FE_LANES; mask++) {
        struct fe selected = fe_select(mask, in[0], in[1]);
        for (size_t lane = 0; lane < FE_LANES; lane++) {
            CU_ASSERT(get(&selected, lane, test.found));
            CU_ASSERT_EQUAL(BN_cmp(test.found, test.number[mask >> lane & 1][lane]), 0);
        }
    }
    close_test(&test);
}

static const struct test_case p256_lanes_cases[] = {
    TEST(operations_are_those_of_openssl_and_of_the_size_they_say),
    TEST(multiples_of_p_are_zero_and_nothing_else_is),
    TEST(points_come_from_memory_and_return),
    TEST(plain_words_are_below_p),
    TEST(inverses_and_one_are_in_the_form_of_their_lanes),
    TEST(lanes_are_selected_and_rotated),
};

#define P256_LANES_CASES (sizeof p256_lanes_cases / sizeof p256_lanes_cases[0])

#endif
