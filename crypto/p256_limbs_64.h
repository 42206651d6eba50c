/* Numbers below 2^256 as four limbs of 64 bits, the lowest first: what the field and the order of P-256
 * (crypto/p256_field_64.h, crypto/p256_order_64.h) have in common.
 *
 * Meant for inclusion by sources that are compiled for different instruction sets, therefore all inline.
 * Outputs come last and may be inputs too. Public data only: nothing here is constant-time on purpose.
 * Stateless; never fails. */
#ifndef FAMA_CRYPTO_P256_LIMBS_64_H
#define FAMA_CRYPTO_P256_LIMBS_64_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FAMA_P256_LIMBS 4

/* Loops over limbs are straight code also where the compiler prefers short code. */
#define FAMA_P256_UNROLL _Pragma("GCC unroll 4")

/* Two limbs: what a product of two has. */
__extension__ typedef unsigned __int128 fama_p256_wide;

/* From 32 bytes, big-endian. */
static inline void fama_p256_limbs_from_bytes(const uint8_t bytes[32],
                                              uint64_t number[FAMA_P256_LIMBS])
{
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        uint64_t limb = 0;
        for (unsigned j = 0; j < 8; j++) {
            limb = limb << 8 | bytes[8 * (FAMA_P256_LIMBS - 1 - i) + j];
        }
        number[i] = limb;
    }
}

static inline void fama_p256_limbs_copy(const uint64_t number[FAMA_P256_LIMBS],
                                        uint64_t copy[FAMA_P256_LIMBS])
{
    memmove(copy, number, FAMA_P256_LIMBS * sizeof(uint64_t));
}

static inline bool fama_p256_limbs_are_zero(const uint64_t number[FAMA_P256_LIMBS])
{
    return (number[0] | number[1] | number[2] | number[3]) == 0;
}

static inline bool fama_p256_limbs_are_equal(const uint64_t a[FAMA_P256_LIMBS],
                                             const uint64_t b[FAMA_P256_LIMBS])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/* The sum modulo 2^256; returns the carry, 0 or 1. */
static inline uint64_t fama_p256_limbs_add(const uint64_t a[FAMA_P256_LIMBS],
                                           const uint64_t b[FAMA_P256_LIMBS],
                                           uint64_t sum[FAMA_P256_LIMBS])
{
    uint64_t carry = 0;
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        fama_p256_wide limb = (fama_p256_wide)a[i] + b[i] + carry;
        sum[i] = (uint64_t)limb;
        carry = (uint64_t)(limb >> 64);
    }
    return carry;
}

/* The difference modulo 2^256; returns the borrow, 0 or 1. */
static inline uint64_t fama_p256_limbs_subtract(const uint64_t a[FAMA_P256_LIMBS],
                                                const uint64_t b[FAMA_P256_LIMBS],
                                                uint64_t difference[FAMA_P256_LIMBS])
{
    uint64_t borrow = 0;
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        fama_p256_wide limb = (fama_p256_wide)a[i] - b[i] - borrow;
        difference[i] = (uint64_t)limb;
        borrow = (uint64_t)(limb >> 64) & 1;
    }
    return borrow;
}

static inline bool fama_p256_limbs_are_below(const uint64_t a[FAMA_P256_LIMBS],
                                             const uint64_t b[FAMA_P256_LIMBS])
{
    uint64_t unused[FAMA_P256_LIMBS];
    return fama_p256_limbs_subtract(a, b, unused) != 0;
}

/* carry · 2^256 + number, less the modulus if it is not below it. For values below twice the modulus. */
static inline void fama_p256_limbs_reduce_once(uint64_t carry,
                                               const uint64_t number[FAMA_P256_LIMBS],
                                               const uint64_t modulus[FAMA_P256_LIMBS],
                                               uint64_t reduced[FAMA_P256_LIMBS])
{
    uint64_t less[FAMA_P256_LIMBS];
    uint64_t borrow = fama_p256_limbs_subtract(number, modulus, less);
    uint64_t keep = (uint64_t)0 - (borrow & (carry ^ 1));
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        reduced[i] = (number[i] & keep) | (less[i] & ~keep);
    }
}

/* All eight limbs of a product. */
static inline void fama_p256_limbs_multiply(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t product[2 * FAMA_P256_LIMBS])
{
    uint64_t sum[2 * FAMA_P256_LIMBS] = {0};
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        uint64_t carry = 0;
        FAMA_P256_UNROLL
        for (unsigned j = 0; j < FAMA_P256_LIMBS; j++) {
            fama_p256_wide limb = (fama_p256_wide)a[j] * b[i] + sum[i + j] + carry;
            sum[i + j] = (uint64_t)limb;
            carry = (uint64_t)(limb >> 64);
        }
        sum[i + FAMA_P256_LIMBS] = carry;
    }
    memcpy(product, sum, sizeof(sum));
}

#endif
