#include "crypto/p256_inverse.h"

#include <stdbool.h>
#include <string.h>

/* A batch is as many steps as leave room for signs: numbers are five signed digits of 62 bits, the lowest
 * first, of which only the highest may be negative unless it says otherwise. */
#define STEPS      62
#define DIGITS     5
#define LIMBS      4
#define DIGIT_MASK (UINT64_MAX >> 2)
/* Enough for any 256-bit number: 741 steps (the paper's Theorem 11.2). */
#define BATCHES_MAX 12

__extension__ typedef __int128 wide;

struct number {
    int64_t digit[DIGITS];
};

struct modulus {
    struct number value; /* digits of any sign */
    uint64_t inverse;    /* of the value, modulo 2^62 */
};

/* What a batch does: 2^62 · (f, g) after is (f_f · f + f_g · g, g_f · f + g_g · g) before. The sum of the
 * sizes of a row is at most 2^62. */
struct transition {
    int64_t f_f;
    int64_t f_g;
    int64_t g_f;
    int64_t g_g;
};

/* 2^256 - 2^224 + 2^192 + 2^96 - 1. */
static const struct modulus prime = {
    .value = {{-1, (int64_t)1 << 34, 0, ((int64_t)1 << 6) - ((int64_t)1 << 38), (int64_t)1 << 8}},
    .inverse = DIGIT_MASK,
};
static const struct modulus order = {
    .value = {{0x33b9cac2fc632551, 0x339beab69c5e7a13, -5, ((int64_t)1 << 6) - ((int64_t)1 << 38),
               (int64_t)1 << 8}},
    .inverse = 0x332e375511ff43b1,
};

/* -1 of what is negative, else 0. */
static inline int64_t sign_of(int64_t digit)
{
    return -(int64_t)(digit < 0);
}

/* A step: with g odd and delta > 0, (delta, f, g) becomes (1 - delta, g, (g - f) / 2), else (1 + delta, f,
 * g / 2 or (g + f) / 2). Steps that halve an even g are taken together, and as no exchange follows one for
 * 1 - delta steps, one multiple of f clears as many bits of g: up to six, as more are seldom to be had.
 * Not more than are left either, lest the transition outgrow 2^62. Returns delta. */
static int64_t take_steps(int64_t delta, uint64_t f, uint64_t g, struct transition *done)
{
    uint64_t f_f = 1;
    uint64_t f_g = 0;
    uint64_t g_f = 0;
    uint64_t g_g = 1;
    unsigned left = STEPS;
    for (;;) {
        /* The bit set at `left` ends the batch where g has only zeros. */
        unsigned zeros = (unsigned)__builtin_ctzll(g | (uint64_t)1 << left);
        g >>= zeros;
        f_f <<= zeros;
        f_g <<= zeros;
        delta += zeros;
        left -= zeros;
        if (left == 0) {
            break;
        }
        if (delta > 0) {
            uint64_t kept = f;
            delta = -delta;
            f = g;
            g = (uint64_t)0 - kept;
            kept = f_f;
            f_f = g_f;
            g_f = (uint64_t)0 - kept;
            kept = f_g;
            f_g = g_g;
            g_g = (uint64_t)0 - kept;
        }
        unsigned room = 1 - delta < (int64_t)left ? (unsigned)(1 - delta) : left;
        uint64_t mask = ((uint64_t)1 << (room < 6 ? room : 6)) - 1;
        /* f · f · f - 2f is -1/f modulo 64. */
        uint64_t times = (g * f * (f * f - 2)) & mask;
        g += f * times;
        g_f += f_f * times;
        g_g += f_g * times;
    }
    done->f_f = (int64_t)f_f;
    done->f_g = (int64_t)f_g;
    done->g_f = (int64_t)g_f;
    done->g_g = (int64_t)g_g;
    return delta;
}

/* (f, g) after a batch, of `digits` digits. */
static void apply_to_values(const struct transition *done, unsigned digits, struct number *f,
                            struct number *g)
{
    wide sum_f = 0;
    wide sum_g = 0;
    for (unsigned i = 0; i < digits; i++) {
        int64_t digit_f = f->digit[i];
        int64_t digit_g = g->digit[i];
        sum_f += (wide)done->f_f * digit_f + (wide)done->f_g * digit_g;
        sum_g += (wide)done->g_f * digit_f + (wide)done->g_g * digit_g;
        if (i > 0) {
            f->digit[i - 1] = (int64_t)((uint64_t)sum_f & DIGIT_MASK);
            g->digit[i - 1] = (int64_t)((uint64_t)sum_g & DIGIT_MASK);
        }
        sum_f >>= STEPS;
        sum_g >>= STEPS;
    }
    f->digit[digits - 1] = (int64_t)sum_f;
    g->digit[digits - 1] = (int64_t)sum_g;
}

/* How many times the modulus makes (times_d · d + times_e · e) a multiple of 2^62, and a number between
 * -2 and 1 times the modulus when divided by it. */
static inline int64_t whole_moduli(int64_t times_d, int64_t times_e, const struct number *d,
                                   const struct number *e, const struct modulus *modulus)
{
    /* d and e lie there too: one modulus more for those that are negative. */
    int64_t moduli =
        (times_d & sign_of(d->digit[DIGITS - 1])) + (times_e & sign_of(e->digit[DIGITS - 1]));
    uint64_t lowest =
        (uint64_t)times_d * (uint64_t)d->digit[0] + (uint64_t)times_e * (uint64_t)e->digit[0];
    return moduli - (int64_t)((modulus->inverse * lowest + (uint64_t)moduli) & DIGIT_MASK);
}

/* The same combinations, modulo the modulus, of the multiples of 1/a that f and g are. */
static inline void apply_to_multiples(const struct transition *done, const struct modulus *modulus,
                                      struct number *d, struct number *e)
{
    int64_t moduli_d = whole_moduli(done->f_f, done->f_g, d, e, modulus);
    int64_t moduli_e = whole_moduli(done->g_f, done->g_g, d, e, modulus);
    wide sum_d = 0;
    wide sum_e = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        int64_t digit_d = d->digit[i];
        int64_t digit_e = e->digit[i];
        sum_d += (wide)done->f_f * digit_d + (wide)done->f_g * digit_e;
        sum_e += (wide)done->g_f * digit_d + (wide)done->g_g * digit_e;
        if (modulus->value.digit[i] != 0) {
            sum_d += (wide)modulus->value.digit[i] * moduli_d;
            sum_e += (wide)modulus->value.digit[i] * moduli_e;
        }
        if (i > 0) {
            d->digit[i - 1] = (int64_t)((uint64_t)sum_d & DIGIT_MASK);
            e->digit[i - 1] = (int64_t)((uint64_t)sum_e & DIGIT_MASK);
        }
        sum_d >>= STEPS;
        sum_e >>= STEPS;
    }
    d->digit[DIGITS - 1] = (int64_t)sum_d;
    e->digit[DIGITS - 1] = (int64_t)sum_e;
}

static bool is_zero(const struct number *number, unsigned digits)
{
    int64_t any = 0;
    for (unsigned i = 0; i < digits; i++) {
        any |= number->digit[i];
    }
    return any == 0;
}

/* The highest digit says no more than the sign: it goes into the one below. */
static bool drop_digit(unsigned digits, struct number *f, struct number *g)
{
    int64_t top_f = f->digit[digits - 1];
    int64_t top_g = g->digit[digits - 1];
    if (digits < 2 || top_f != sign_of(top_f) || top_g != sign_of(top_g)) {
        return false;
    }
    f->digit[digits - 2] |= (int64_t)((uint64_t)top_f << STEPS);
    g->digit[digits - 2] |= (int64_t)((uint64_t)top_g << STEPS);
    return true;
}

/* Carries make all digits but the highest non-negative and below 2^62. */
static void carry(struct number *number)
{
    for (unsigned i = 0; i + 1 < DIGITS; i++) {
        number->digit[i + 1] += number->digit[i] >> STEPS;
        number->digit[i] = (int64_t)((uint64_t)number->digit[i] & DIGIT_MASK);
    }
}

static inline void add_if_negative(const struct modulus *modulus, struct number *number)
{
    int64_t mask = sign_of(number->digit[DIGITS - 1]);
    for (unsigned i = 0; i < DIGITS; i++) {
        number->digit[i] += modulus->value.digit[i] & mask;
    }
    carry(number);
}

static void to_digits(const uint64_t limbs[LIMBS], struct number *number)
{
    number->digit[0] = (int64_t)(limbs[0] & DIGIT_MASK);
    number->digit[1] = (int64_t)((limbs[0] >> 62 | limbs[1] << 2) & DIGIT_MASK);
    number->digit[2] = (int64_t)((limbs[1] >> 60 | limbs[2] << 4) & DIGIT_MASK);
    number->digit[3] = (int64_t)((limbs[2] >> 58 | limbs[3] << 6) & DIGIT_MASK);
    number->digit[4] = (int64_t)(limbs[3] >> 56);
}

static void to_limbs(const struct number *number, uint64_t limbs[LIMBS])
{
    const int64_t *digit = number->digit;
    limbs[0] = (uint64_t)digit[0] | (uint64_t)digit[1] << 62;
    limbs[1] = (uint64_t)digit[1] >> 2 | (uint64_t)digit[2] << 60;
    limbs[2] = (uint64_t)digit[2] >> 4 | (uint64_t)digit[3] << 58;
    limbs[3] = (uint64_t)digit[3] >> 6 | (uint64_t)digit[4] << 56;
}

/* Inlined for each modulus, whose digits then are constants, and some of them none. */
static inline __attribute__((always_inline)) void
invert(const struct modulus *modulus, const uint64_t a[LIMBS], uint64_t inverse[LIMBS])
{
    /* d · a is f and e · a is g, modulo the modulus, until g is 0 and f is 1 or -1. */
    struct number d = {{0}};
    struct number e = {{1}};
    struct number f = modulus->value;
    struct number g;
    int64_t delta = 1;
    unsigned digits = DIGITS;
    carry(&f);
    to_digits(a, &g);
    for (unsigned i = 0; i < BATCHES_MAX && !is_zero(&g, digits); i++) {
        struct transition done;
        delta = take_steps(delta, (uint64_t)f.digit[0], (uint64_t)g.digit[0], &done);
        apply_to_multiples(&done, modulus, &d, &e);
        apply_to_values(&done, digits, &f, &g);
        if (drop_digit(digits, &f, &g)) {
            digits--;
        }
    }
    add_if_negative(modulus, &d);
    if (f.digit[digits - 1] < 0) {
        for (unsigned i = 0; i < DIGITS; i++) {
            d.digit[i] = -d.digit[i];
        }
        carry(&d);
    }
    add_if_negative(modulus, &d);
    to_limbs(&d, inverse);
}

void fama_p256_invert_p(const uint64_t a[LIMBS], uint64_t inverse[LIMBS])
{
    invert(&prime, a, inverse);
}

void fama_p256_invert_n(const uint64_t a[LIMBS], uint64_t inverse[LIMBS])
{
    invert(&order, a, inverse);
}
