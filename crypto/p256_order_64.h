/* Integers modulo n, the order of P-256's group, in four limbs of 64 bits: scalars of signatures.
 *
 * Conventions are those of crypto/p256_field_64.h: Montgomery form with 2^256 unless a function says
 * "plain", always below n, outputs last. Multiplication costs more than the field's, as n has no form to
 * make use of, and a signature needs only a handful. Public data only. Stateless; never fails. */
#ifndef FAMA_CRYPTO_P256_ORDER_64_H
#define FAMA_CRYPTO_P256_ORDER_64_H

#include "crypto/p256_inverse.h"
#include "crypto/p256_limbs_64.h"
#include "crypto/p256_limbs_adx.h"

static const uint64_t fama_p256_order[FAMA_P256_LIMBS] = {0xf3b9cac2fc632551, 0xbce6faada7179e84,
                                                          0xffffffffffffffff, 0xffffffff00000000};

/* 1 in Montgomery form: 2^256 mod n. */
static const uint64_t fama_p256_order_one[FAMA_P256_LIMBS] = {
    0x0c46353d039cdaaf, 0x4319055258e8617b, 0x0000000000000000, 0x00000000ffffffff};

/* 2^512 mod n. */
static const uint64_t fama_p256_order_one_squared[FAMA_P256_LIMBS] = {
    0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620};

/* -1/n mod 2^64. */
#define FAMA_P256_ORDER_FACTOR 0xccd1c8aaee00bc4full

static inline bool fama_p256_order_is_zero(const uint64_t a[FAMA_P256_LIMBS])
{
    return fama_p256_limbs_are_zero(a);
}

/* Whether a plain number is below n. */
static inline bool fama_p256_order_is_reduced(const uint64_t plain[FAMA_P256_LIMBS])
{
    return fama_p256_limbs_are_below(plain, fama_p256_order);
}

/* Whether a plain number is what r and s of a signature have to be: 1 … n - 1. */
static inline bool fama_p256_order_is_scalar(const uint64_t plain[FAMA_P256_LIMBS])
{
    return !fama_p256_limbs_are_zero(plain) && fama_p256_order_is_reduced(plain);
}

/* A plain number below 2^256, such as a digest, modulo n. */
static inline void fama_p256_order_reduce(const uint64_t plain[FAMA_P256_LIMBS],
                                          uint64_t reduced[FAMA_P256_LIMBS])
{
    fama_p256_limbs_reduce_once(0, plain, fama_p256_order, reduced);
}

/* n - a, of 0 it is 0; in either form. */
static inline void fama_p256_order_negate(const uint64_t a[FAMA_P256_LIMBS],
                                          uint64_t negative[FAMA_P256_LIMBS])
{
    if (fama_p256_limbs_are_zero(a)) {
        fama_p256_limbs_copy(a, negative);
    } else {
        (void)fama_p256_limbs_subtract(fama_p256_order, a, negative);
    }
}

#ifdef FAMA_P256_HAS_ADX

#define FAMA_P256_ORDER_FOLD_LIMB(m, limb_1, limb_2, limb_3)                                       \
    "movq " m ", %%rdx\n\t"                                                                        \
    "imulq %[b], %%rdx\n\t" FAMA_P256_ADD_ROW(m, limb_1, limb_2, limb_3, m)

#define FAMA_P256_ORDER_SET_UP                                                                     \
    "leaq %[modulus], %[a]\n\t"                                                                    \
    "movabsq %[factor], %[b]\n\t"

/* A step adds as many times n as make the lowest limb 0, which then becomes the highest of four. */
#define FAMA_P256_ORDER_REDUCE                                                                     \
    FAMA_P256_ORDER_SET_UP                                                                         \
    FAMA_P256_ORDER_FOLD_LIMB("%[limb_0]", "%[limb_1]", "%[limb_2]", "%[limb_3]")                  \
    FAMA_P256_ORDER_FOLD_LIMB("%[limb_1]", "%[limb_2]", "%[limb_3]", "%[limb_0]")                  \
    FAMA_P256_ORDER_FOLD_LIMB("%[limb_2]", "%[limb_3]", "%[limb_0]", "%[limb_1]")                  \
    FAMA_P256_ORDER_FOLD_LIMB("%[limb_3]", "%[limb_0]", "%[limb_1]", "%[limb_2]")                  \
    FAMA_P256_ADD_HALVES

/* a · b / 2^256 mod n: the product of two numbers in Montgomery form; the plain product if just one of them
 * is. One of the two may be any number below 2^256. */
static inline void fama_p256_order_multiply(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t product[FAMA_P256_LIMBS])
{
    const uint64_t *at_a = a;
    const uint64_t *at_b = b;
    uint64_t limb_0;
    uint64_t limb_1;
    uint64_t limb_2;
    uint64_t limb_3;
    uint64_t limb_4;
    uint64_t limb_5;
    uint64_t limb_6;
    uint64_t limb_7;
    uint64_t low;
    uint64_t high;
    __asm__(FAMA_P256_PRODUCT FAMA_P256_ORDER_REDUCE
            : [limb_0] "=&r"(limb_0), [limb_1] "=&r"(limb_1), [limb_2] "=&r"(limb_2),
              [limb_3] "=&r"(limb_3), [limb_4] "=&r"(limb_4), [limb_5] "=&r"(limb_5),
              [limb_6] "=&r"(limb_6), [limb_7] "=&r"(limb_7), [low] "=&r"(low), [high] "=&r"(high),
              [a] "+&r"(at_a), [b] "+&r"(at_b)
            : [modulus] "m"(fama_p256_order), [factor] "i"(FAMA_P256_ORDER_FACTOR)
            : "rdx", "cc", "memory");
    product[0] = limb_0;
    product[1] = limb_1;
    product[2] = limb_2;
    product[3] = limb_3;
}

#undef FAMA_P256_ORDER_REDUCE
#undef FAMA_P256_ORDER_SET_UP
#undef FAMA_P256_ORDER_FOLD_LIMB

#else

/* a · b / 2^256 mod n: the product of two numbers in Montgomery form; the plain product if just one of them
 * is. One of the two may be any number below 2^256. */
static inline void fama_p256_order_multiply(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t product[FAMA_P256_LIMBS])
{
    uint64_t whole[2 * FAMA_P256_LIMBS];
    uint64_t top = 0;
    fama_p256_limbs_multiply(a, b, whole);
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        uint64_t factor = whole[i] * FAMA_P256_ORDER_FACTOR;
        uint64_t carry = 0;
        FAMA_P256_UNROLL
        for (unsigned j = 0; j < FAMA_P256_LIMBS; j++) {
            fama_p256_wide limb =
                (fama_p256_wide)factor * fama_p256_order[j] + whole[i + j] + carry;
            whole[i + j] = (uint64_t)limb;
            carry = (uint64_t)(limb >> 64);
        }
        fama_p256_wide limb = (fama_p256_wide)whole[i + FAMA_P256_LIMBS] + carry + top;
        whole[i + FAMA_P256_LIMBS] = (uint64_t)limb;
        top = (uint64_t)(limb >> 64);
    }
    fama_p256_limbs_reduce_once(top, whole + FAMA_P256_LIMBS, fama_p256_order, product);
}

#endif

#endif
