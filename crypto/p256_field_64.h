/* The field of P-256, integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, in four limbs of 64 bits.
 *
 * Numbers are in Montgomery form (x is kept as x · 2^256 mod p) unless a function says "plain", and always
 * below p: equal numbers have equal limbs. Outputs come last and may be inputs too.
 *
 * -1/p mod 2^64 is 1 and the limbs of p are a few powers of two, so Montgomery's reduction is shifts and
 * additions only: for the lowest limb m, adding m · p and dropping the limb adds m · 2^32 to the two limbs
 * above it and m · (2^64 - 2^32 + 1) to the two after those.
 *
 * Meant for inclusion by sources that are compiled for different instruction sets, therefore all inline:
 * with BMI2 and ADX, multiplication is assembly (crypto/p256_limbs_adx.h).
 * Public data only. Stateless; never fails. */
#ifndef FAMA_CRYPTO_P256_FIELD_64_H
#define FAMA_CRYPTO_P256_FIELD_64_H

#include "crypto/p256_inverse.h"
#include "crypto/p256_limbs_64.h"
#include "crypto/p256_limbs_adx.h"

#define FAMA_P256_PRIME_LIMB_1 0x00000000ffffffffull
#define FAMA_P256_PRIME_LIMB_3 0xffffffff00000001ull

static const uint64_t fama_p256_prime[FAMA_P256_LIMBS] = {
    0xffffffffffffffff, FAMA_P256_PRIME_LIMB_1, 0, FAMA_P256_PRIME_LIMB_3};

/* 1 in Montgomery form: 2^256 mod p. */
static const uint64_t fama_p256_field_one[FAMA_P256_LIMBS] = {
    0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe};

/* 2^512 and 2^768 mod p. */
static const uint64_t fama_p256_field_one_squared[FAMA_P256_LIMBS] = {
    0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd};
static const uint64_t fama_p256_field_one_cubed[FAMA_P256_LIMBS] = {
    0xfffffffd0000000a, 0xffffffedfffffff7, 0x00000005fffffffc, 0x0000001800000001};

static inline bool fama_p256_field_is_zero(const uint64_t a[FAMA_P256_LIMBS])
{
    return fama_p256_limbs_are_zero(a);
}

#if defined(__x86_64__)

/* Compilers spill carries between limbs into registers; one chain of them is the whole work here. */
static inline void fama_p256_field_add(const uint64_t a[FAMA_P256_LIMBS],
                                       const uint64_t b[FAMA_P256_LIMBS],
                                       uint64_t sum[FAMA_P256_LIMBS])
{
    uint64_t sum_0 = a[0];
    uint64_t sum_1 = a[1];
    uint64_t sum_2 = a[2];
    uint64_t sum_3 = a[3];
    uint64_t less_0;
    uint64_t less_1;
    uint64_t less_2;
    uint64_t less_3;
    uint64_t carry;
    __asm__("addq %[b_0], %[sum_0]\n\t"
            "adcq %[b_1], %[sum_1]\n\t"
            "adcq %[b_2], %[sum_2]\n\t"
            "adcq %[b_3], %[sum_3]\n\t"
            "sbbq %[carry], %[carry]\n\t"
            "movq %[sum_0], %[less_0]\n\t"
            "movq %[sum_1], %[less_1]\n\t"
            "movq %[sum_2], %[less_2]\n\t"
            "movq %[sum_3], %[less_3]\n\t"
            "subq $-1, %[less_0]\n\t"
            "sbbq %[prime_1], %[less_1]\n\t"
            "sbbq $0, %[less_2]\n\t"
            "sbbq %[prime_3], %[less_3]\n\t"
            "sbbq $0, %[carry]\n\t"
            "cmovncq %[less_0], %[sum_0]\n\t"
            "cmovncq %[less_1], %[sum_1]\n\t"
            "cmovncq %[less_2], %[sum_2]\n\t"
            "cmovncq %[less_3], %[sum_3]\n\t"
            : [sum_0] "+&r"(sum_0), [sum_1] "+&r"(sum_1), [sum_2] "+&r"(sum_2),
              [sum_3] "+&r"(sum_3), [less_0] "=&r"(less_0), [less_1] "=&r"(less_1),
              [less_2] "=&r"(less_2), [less_3] "=&r"(less_3), [carry] "=&r"(carry)
            : [b_0] "m"(b[0]), [b_1] "m"(b[1]), [b_2] "m"(b[2]), [b_3] "m"(b[3]),
              [prime_1] "m"(fama_p256_prime[1]), [prime_3] "m"(fama_p256_prime[3])
            : "cc");
    sum[0] = sum_0;
    sum[1] = sum_1;
    sum[2] = sum_2;
    sum[3] = sum_3;
}

static inline void fama_p256_field_subtract(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t difference[FAMA_P256_LIMBS])
{
    uint64_t rest_0 = a[0];
    uint64_t rest_1 = a[1];
    uint64_t rest_2 = a[2];
    uint64_t rest_3 = a[3];
    uint64_t mask_0;
    uint64_t mask_1;
    uint64_t mask_3 = FAMA_P256_PRIME_LIMB_3;
    __asm__("subq %[b_0], %[rest_0]\n\t"
            "sbbq %[b_1], %[rest_1]\n\t"
            "sbbq %[b_2], %[rest_2]\n\t"
            "sbbq %[b_3], %[rest_3]\n\t"
            "sbbq %[mask_0], %[mask_0]\n\t"
            "movl %k[mask_0], %k[mask_1]\n\t"
            "andq %[mask_0], %[mask_3]\n\t"
            "addq %[mask_0], %[rest_0]\n\t"
            "adcq %[mask_1], %[rest_1]\n\t"
            "adcq $0, %[rest_2]\n\t"
            "adcq %[mask_3], %[rest_3]\n\t"
            : [rest_0] "+&r"(rest_0), [rest_1] "+&r"(rest_1), [rest_2] "+&r"(rest_2),
              [rest_3] "+&r"(rest_3), [mask_0] "=&r"(mask_0), [mask_1] "=&r"(mask_1),
              [mask_3] "+&r"(mask_3)
            : [b_0] "m"(b[0]), [b_1] "m"(b[1]), [b_2] "m"(b[2]), [b_3] "m"(b[3])
            : "cc");
    difference[0] = rest_0;
    difference[1] = rest_1;
    difference[2] = rest_2;
    difference[3] = rest_3;
}

#else

static inline void fama_p256_field_add(const uint64_t a[FAMA_P256_LIMBS],
                                       const uint64_t b[FAMA_P256_LIMBS],
                                       uint64_t sum[FAMA_P256_LIMBS])
{
    uint64_t carry = fama_p256_limbs_add(a, b, sum);
    fama_p256_limbs_reduce_once(carry, sum, fama_p256_prime, sum);
}

static inline void fama_p256_field_subtract(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t difference[FAMA_P256_LIMBS])
{
    uint64_t mask = (uint64_t)0 - fama_p256_limbs_subtract(a, b, difference);
    const uint64_t back[FAMA_P256_LIMBS] = {mask, FAMA_P256_PRIME_LIMB_1 & mask, 0,
                                            FAMA_P256_PRIME_LIMB_3 & mask};
    (void)fama_p256_limbs_add(difference, back, difference);
}

#endif

static inline void fama_p256_field_negate(const uint64_t a[FAMA_P256_LIMBS],
                                          uint64_t negative[FAMA_P256_LIMBS])
{
    static const uint64_t zero[FAMA_P256_LIMBS];
    fama_p256_field_subtract(zero, a, negative);
}

/* From the lower half of a product to (lower + m · p) / 2^256 for the m that makes this whole: at most p. */
static inline void fama_p256_field_fold(const uint64_t lower[FAMA_P256_LIMBS],
                                        uint64_t folded[FAMA_P256_LIMBS])
{
    uint64_t limb_0 = lower[0];
    uint64_t limb_1 = lower[1];
    uint64_t limb_2 = lower[2];
    uint64_t limb_3 = lower[3];
    FAMA_P256_UNROLL
    for (unsigned i = 0; i < FAMA_P256_LIMBS; i++) {
        uint64_t low = limb_0 << 32;
        uint64_t high = limb_0 >> 32;
        fama_p256_wide top =
            ((fama_p256_wide)limb_0 << 64) + limb_0 - ((fama_p256_wide)high << 64) - low;
        fama_p256_wide sum = (fama_p256_wide)limb_1 + low;
        limb_0 = (uint64_t)sum;
        sum = (sum >> 64) + limb_2 + high;
        limb_1 = (uint64_t)sum;
        top += (sum >> 64) + limb_3;
        limb_2 = (uint64_t)top;
        limb_3 = (uint64_t)(top >> 64);
    }
    folded[0] = limb_0;
    folded[1] = limb_1;
    folded[2] = limb_2;
    folded[3] = limb_3;
}

#ifdef FAMA_P256_HAS_ADX

/* A step of the reduction takes the lowest limb, `m`, and leaves in its register what becomes the highest
 * of four; the upper half of the product waits until all four steps are done, so that no carry leaves the
 * lower one. */
#define FAMA_P256_FIELD_FOLD_LIMB(m, limb_1, limb_2, limb_3)                                       \
    "shlxq %[b], " m ", %[low]\n\t"                                                                \
    "shrxq %[b], " m ", %[high]\n\t"                                                               \
    "movq " m ", %%rdx\n\t"                                                                        \
    "subq %[low], %%rdx\n\t"                                                                       \
    "sbbq %[high], " m "\n\t"                                                                      \
    "addq %[low], " limb_1 "\n\t"                                                                  \
    "adcq %[high], " limb_2 "\n\t"                                                                 \
    "adcq %%rdx, " limb_3 "\n\t"                                                                   \
    "adcq $0, " m "\n\t"

/* limb_0 … limb_7 = a · a: six products of different limbs, doubled by one chain while the other adds the
 * four squares. */
#define FAMA_P256_FIELD_SQUARE                                                                     \
    "movq 0(%[a]), %%rdx\n\t"                                                                      \
    "mulxq 8(%[a]), %[limb_1], %[limb_2]\n\t"                                                      \
    "mulxq 16(%[a]), %[low], %[limb_3]\n\t"                                                        \
    "addq %[low], %[limb_2]\n\t"                                                                   \
    "mulxq 24(%[a]), %[low], %[limb_4]\n\t"                                                        \
    "adcq %[low], %[limb_3]\n\t"                                                                   \
    "adcq $0, %[limb_4]\n\t"                                                                       \
    "movq 8(%[a]), %%rdx\n\t"                                                                      \
    "xorl %k[limb_7], %k[limb_7]\n\t"                                                              \
    "mulxq 16(%[a]), %[low], %[high]\n\t"                                                          \
    "adcxq %[low], %[limb_3]\n\t"                                                                  \
    "adoxq %[high], %[limb_4]\n\t"                                                                 \
    "mulxq 24(%[a]), %[low], %[limb_5]\n\t"                                                        \
    "adcxq %[low], %[limb_4]\n\t"                                                                  \
    "adoxq %[limb_7], %[limb_5]\n\t"                                                               \
    "movq 16(%[a]), %%rdx\n\t"                                                                     \
    "mulxq 24(%[a]), %[low], %[limb_6]\n\t"                                                        \
    "adcxq %[low], %[limb_5]\n\t"                                                                  \
    "adcxq %[limb_7], %[limb_6]\n\t"                                                               \
    "movq 0(%[a]), %%rdx\n\t"                                                                      \
    "xorl %k[low], %k[low]\n\t"                                                                    \
    "mulxq %%rdx, %[limb_0], %[high]\n\t"                                                          \
    "adcxq %[limb_1], %[limb_1]\n\t"                                                               \
    "adoxq %[high], %[limb_1]\n\t"                                                                 \
    "movq 8(%[a]), %%rdx\n\t"                                                                      \
    "mulxq %%rdx, %[low], %[high]\n\t"                                                             \
    "adcxq %[limb_2], %[limb_2]\n\t"                                                               \
    "adoxq %[low], %[limb_2]\n\t"                                                                  \
    "adcxq %[limb_3], %[limb_3]\n\t"                                                               \
    "adoxq %[high], %[limb_3]\n\t"                                                                 \
    "movq 16(%[a]), %%rdx\n\t"                                                                     \
    "mulxq %%rdx, %[low], %[high]\n\t"                                                             \
    "adcxq %[limb_4], %[limb_4]\n\t"                                                               \
    "adoxq %[low], %[limb_4]\n\t"                                                                  \
    "adcxq %[limb_5], %[limb_5]\n\t"                                                               \
    "adoxq %[high], %[limb_5]\n\t"                                                                 \
    "movq 24(%[a]), %%rdx\n\t"                                                                     \
    "mulxq %%rdx, %[low], %[high]\n\t"                                                             \
    "adcxq %[limb_6], %[limb_6]\n\t"                                                               \
    "adoxq %[low], %[limb_6]\n\t"                                                                  \
    "adcxq %[limb_7], %[limb_7]\n\t"                                                               \
    "adoxq %[high], %[limb_7]\n\t"

#define FAMA_P256_FIELD_SET_UP                                                                     \
    "leaq %[modulus], %[a]\n\t"                                                                    \
    "movl $32, %k[b]\n\t"

/* From limb_0 … limb_7, a product, to limb_0 … limb_3. */
#define FAMA_P256_FIELD_REDUCE                                                                     \
    FAMA_P256_FIELD_SET_UP                                                                         \
    FAMA_P256_FIELD_FOLD_LIMB("%[limb_0]", "%[limb_1]", "%[limb_2]", "%[limb_3]")                  \
    FAMA_P256_FIELD_FOLD_LIMB("%[limb_1]", "%[limb_2]", "%[limb_3]", "%[limb_0]")                  \
    FAMA_P256_FIELD_FOLD_LIMB("%[limb_2]", "%[limb_3]", "%[limb_0]", "%[limb_1]")                  \
    FAMA_P256_FIELD_FOLD_LIMB("%[limb_3]", "%[limb_0]", "%[limb_1]", "%[limb_2]")                  \
    FAMA_P256_ADD_HALVES

static inline void fama_p256_field_multiply(const uint64_t a[FAMA_P256_LIMBS],
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
    __asm__(FAMA_P256_PRODUCT FAMA_P256_FIELD_REDUCE
            : [limb_0] "=&r"(limb_0), [limb_1] "=&r"(limb_1), [limb_2] "=&r"(limb_2),
              [limb_3] "=&r"(limb_3), [limb_4] "=&r"(limb_4), [limb_5] "=&r"(limb_5),
              [limb_6] "=&r"(limb_6), [limb_7] "=&r"(limb_7), [low] "=&r"(low), [high] "=&r"(high),
              [a] "+&r"(at_a), [b] "+&r"(at_b)
            : [modulus] "m"(fama_p256_prime)
            : "rdx", "cc", "memory");
    product[0] = limb_0;
    product[1] = limb_1;
    product[2] = limb_2;
    product[3] = limb_3;
}

static inline void fama_p256_field_square(const uint64_t a[FAMA_P256_LIMBS],
                                          uint64_t square[FAMA_P256_LIMBS])
{
    const uint64_t *at_a = a;
    uint64_t shift;
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
    __asm__(FAMA_P256_FIELD_SQUARE FAMA_P256_FIELD_REDUCE
            : [limb_0] "=&r"(limb_0), [limb_1] "=&r"(limb_1), [limb_2] "=&r"(limb_2),
              [limb_3] "=&r"(limb_3), [limb_4] "=&r"(limb_4), [limb_5] "=&r"(limb_5),
              [limb_6] "=&r"(limb_6), [limb_7] "=&r"(limb_7), [low] "=&r"(low), [high] "=&r"(high),
              [a] "+&r"(at_a), [b] "=&r"(shift)
            : [modulus] "m"(fama_p256_prime)
            : "rdx", "cc", "memory");
    square[0] = limb_0;
    square[1] = limb_1;
    square[2] = limb_2;
    square[3] = limb_3;
}

#undef FAMA_P256_FIELD_REDUCE
#undef FAMA_P256_FIELD_SQUARE
#undef FAMA_P256_FIELD_SET_UP
#undef FAMA_P256_FIELD_FOLD_LIMB

#else

static inline void fama_p256_field_multiply(const uint64_t a[FAMA_P256_LIMBS],
                                            const uint64_t b[FAMA_P256_LIMBS],
                                            uint64_t product[FAMA_P256_LIMBS])
{
    uint64_t whole[2 * FAMA_P256_LIMBS];
    uint64_t folded[FAMA_P256_LIMBS];
    fama_p256_limbs_multiply(a, b, whole);
    fama_p256_field_fold(whole, folded);
    fama_p256_field_add(folded, whole + FAMA_P256_LIMBS, product);
}

static inline void fama_p256_field_square(const uint64_t a[FAMA_P256_LIMBS],
                                          uint64_t square[FAMA_P256_LIMBS])
{
    fama_p256_field_multiply(a, a, square);
}

#endif

static inline void fama_p256_field_from_montgomery(const uint64_t number[FAMA_P256_LIMBS],
                                                   uint64_t plain[FAMA_P256_LIMBS])
{
    uint64_t folded[FAMA_P256_LIMBS];
    fama_p256_field_fold(number, folded);
    fama_p256_limbs_reduce_once(0, folded, fama_p256_prime, plain);
}

/* 1/a; 0 if a is 0. Costs as much as a hundred multiplications: see crypto/p256_inverse.h. */
static inline void fama_p256_field_invert(const uint64_t a[FAMA_P256_LIMBS],
                                          uint64_t inverse[FAMA_P256_LIMBS])
{
    uint64_t plain[FAMA_P256_LIMBS];
    fama_p256_invert_p(a, plain);
    fama_p256_field_multiply(plain, fama_p256_field_one_cubed, inverse);
}

#endif
