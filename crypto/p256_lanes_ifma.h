/* Numbers mod p = 2^256 - 2^224 + 2^192 + 2^96 - 1, eight at once: one in each 64-bit lane of AVX-512
 * registers, in five limbs of 52 bits, for the 52-bit multiplications of AVX-512 IFMA. For engines only:
 * crypto/p256_batch.h says what lanes have to offer to it.
 *
 * A number a stands for a · 2^-260 mod p (Montgomery). Sizes: "tight" is below 2p, "loose" below 4p, both
 * with limbs below 2^52. A product of loose numbers is tight: less than 16p² divided by 2^260 is less than
 * p, and the multiple of p that made it divisible adds less than p. "Raw" limbs are sums and differences
 * that were not carried yet: signed. */
#ifndef FAMA_CRYPTO_P256_LANES_IFMA_H
#define FAMA_CRYPTO_P256_LANES_IFMA_H

#include <immintrin.h>

#include "crypto/p256_engine.h"
#include "crypto/p256_field_64.h"

#define FE_LANES     8
#define FE_FEW       5 /* tasks that are faster with their points in lanes than beside each other */
#define FE_LIMBS     5
#define FE_LIMB_MASK ((UINT64_C(1) << 52) - 1)

/* R = 2^260; limbs of 64 bits: R · 2^256, which turns plain words into Montgomery form by
 * fama_p256_field_multiply, and R² · 2^256, which does that to inverses of Montgomery forms. */
static const uint64_t fe_domain_of_words[FAMA_P256_LIMBS] = {
    0x0000000000000030, 0xffffffbffffffff0, 0xffffffffffffffef, 0x0000004fffffffdf};
static const uint64_t fe_domain_of_inverses[FAMA_P256_LIMBS] = {
    0xfffffd0000000a00, 0xffffedfffffff7ff, 0x000005fffffffcff, 0x0000180000000100};

struct fe {
    __m512i limb[FE_LIMBS];
};

typedef unsigned int fe_mask; /* a bit per lane */

/* Without the attribute compilers pass these structures through memory. */
#define FE_INLINE static inline __attribute__((always_inline))

static inline __m512i fe_all(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

static inline struct fe fe_constant(uint64_t l0, uint64_t l1, uint64_t l2, uint64_t l3, uint64_t l4)
{
    return (struct fe){{fe_all(l0), fe_all(l1), fe_all(l2), fe_all(l3), fe_all(l4)}};
}

static inline struct fe fe_multiple_of_p(uint64_t times)
{
    return fe_constant(FE_LIMB_MASK + 1 - times, (times << 44) - 1, 0, times << 36,
                       (times << 48) - (times << 16));
}

static inline struct fe fe_one(void)
{
    return fe_constant(0x10, 0xf000000000000, 0xfffffffffffff, 0xffeffffffffff, 0xfffff);
}

FE_INLINE struct fe fe_raw_add(struct fe a, struct fe b)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        a.limb[i] = _mm512_add_epi64(a.limb[i], b.limb[i]);
    }
    return a;
}

FE_INLINE struct fe fe_raw_sub(struct fe a, struct fe b)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        a.limb[i] = _mm512_sub_epi64(a.limb[i], b.limb[i]);
    }
    return a;
}

static inline struct fe fe_raw_shift(struct fe a, unsigned int bits)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        a.limb[i] = _mm512_slli_epi64(a.limb[i], bits);
    }
    return a;
}

/* Raw limbs of a number that is not negative, to limbs of 52 bits. */
FE_INLINE struct fe fe_carry(struct fe a)
{
    const __m512i mask = fe_all(FE_LIMB_MASK);
    for (int i = 0; i < FE_LIMBS - 1; i++) {
        a.limb[i + 1] = _mm512_add_epi64(a.limb[i + 1], _mm512_srai_epi64(a.limb[i], 52));
        a.limb[i] = _mm512_and_epi64(a.limb[i], mask);
    }
    return a;
}

/* Raw limbs of a number from 0 to 32p: tight. The bits above 2^256 say how often p is to be taken away; they
 * are read before the carries arrive, which may leave a little more than p but nothing below 0: what lower
 * limbs borrow is a few times 2^208, and each p that is taken away leaves almost 2^224 of its 2^256. (If none
 * is, the number is what it was; and if what they carry hides that it is not negative, p is added.) */
FE_INLINE struct fe fe_tighten(struct fe a)
{
    __m512i times = _mm512_srai_epi64(a.limb[4], 48);
    a.limb[4] = _mm512_and_epi64(a.limb[4], fe_all((UINT64_C(1) << 48) - 1));
    a.limb[4] = _mm512_add_epi64(a.limb[4], _mm512_slli_epi64(times, 16));
    a.limb[3] = _mm512_sub_epi64(a.limb[3], _mm512_slli_epi64(times, 36));
    a.limb[1] = _mm512_sub_epi64(a.limb[1], _mm512_slli_epi64(times, 44));
    a.limb[0] = _mm512_add_epi64(a.limb[0], times);
    return fe_carry(a);
}

#define FE_LO(sum, a, b) _mm512_madd52lo_epu64(sum, a, b)
#define FE_HI(sum, a, b) _mm512_madd52hi_epu64(sum, a, b)

/* Divides ten limbs by 2^260 mod p. As p is -1 mod 2^96, the multiple of p that clears a limb is the limb
 * itself; -1 times it clears it without a multiplication, and the rest of p is
 * 2^52 · 2^44 + 2^156 · (2^36 + 2^52 · (2^48 - 2^16)). */
FE_INLINE struct fe fe_montgomery(__m512i t[2 * FE_LIMBS])
{
    const __m512i mask = fe_all(FE_LIMB_MASK);
    const __m512i two_36 = fe_all(UINT64_C(1) << 36);
    const __m512i top = fe_all((UINT64_C(1) << 48) - (UINT64_C(1) << 16));
    for (int i = 0; i < FE_LIMBS; i++) {
        __m512i m = _mm512_and_epi64(t[i], mask);
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_and_epi64(_mm512_slli_epi64(m, 44), mask));
        t[i + 2] = _mm512_add_epi64(t[i + 2], _mm512_srli_epi64(m, 8));
        t[i + 3] = FE_LO(t[i + 3], m, two_36);
        t[i + 4] = _mm512_add_epi64(t[i + 4], _mm512_srli_epi64(m, 16));
        t[i + 4] = FE_LO(t[i + 4], m, top);
        t[i + 5] = FE_HI(t[i + 5], m, top);
    }
    return fe_carry((struct fe){{t[5], t[6], t[7], t[8], t[9]}});
}

/* Loose times loose: tight. */
FE_INLINE struct fe fe_mul(struct fe a, struct fe b)
{
    __m512i t[2 * FE_LIMBS];
    for (int i = 0; i < 2 * FE_LIMBS; i++) {
        t[i] = _mm512_setzero_si512();
    }
    for (int i = 0; i < FE_LIMBS; i++) {
        for (int j = 0; j < FE_LIMBS; j++) {
            t[i + j] = FE_LO(t[i + j], a.limb[i], b.limb[j]);
            t[i + j + 1] = FE_HI(t[i + j + 1], a.limb[i], b.limb[j]);
        }
    }
    return fe_montgomery(t);
}

/* Products of different limbs are made once and doubled. */
FE_INLINE struct fe fe_sqr(struct fe a)
{
    __m512i t[2 * FE_LIMBS];
    for (int i = 0; i < 2 * FE_LIMBS; i++) {
        t[i] = _mm512_setzero_si512();
    }
    for (int i = 0; i < FE_LIMBS; i++) {
        for (int j = i + 1; j < FE_LIMBS; j++) {
            t[i + j] = FE_LO(t[i + j], a.limb[i], a.limb[j]);
            t[i + j + 1] = FE_HI(t[i + j + 1], a.limb[i], a.limb[j]);
        }
    }
    for (int i = 1; i < 2 * FE_LIMBS - 1; i++) {
        t[i] = _mm512_add_epi64(t[i], t[i]);
    }
    for (int i = 0; i < FE_LIMBS; i++) {
        t[2 * i] = FE_LO(t[2 * i], a.limb[i], a.limb[i]);
        t[2 * i + 1] = FE_HI(t[2 * i + 1], a.limb[i], a.limb[i]);
    }
    return fe_montgomery(t);
}

/* Tight numbers in, a loose one out. */
FE_INLINE struct fe fe_add(struct fe a, struct fe b)
{
    return fe_carry(fe_raw_add(a, b));
}

FE_INLINE struct fe fe_sub(struct fe a, struct fe b)
{
    return fe_carry(fe_raw_sub(fe_raw_add(a, fe_multiple_of_p(2)), b));
}

/* Tight numbers in and out: a - b, a - b - c, a - b - 2c, 3a, a - 8b, 4a - b. */
static inline struct fe fe_sub_tight(struct fe a, struct fe b)
{
    return fe_tighten(fe_raw_sub(fe_raw_add(a, fe_multiple_of_p(2)), b));
}

static inline struct fe fe_sub_both(struct fe a, struct fe b, struct fe c)
{
    return fe_tighten(fe_raw_sub(fe_raw_sub(fe_raw_add(a, fe_multiple_of_p(4)), b), c));
}

static inline struct fe fe_sub_twice(struct fe a, struct fe b, struct fe c)
{
    a = fe_raw_sub(fe_raw_add(a, fe_multiple_of_p(8)), b);
    return fe_tighten(fe_raw_sub(a, fe_raw_shift(c, 1)));
}

static inline struct fe fe_triple(struct fe a)
{
    return fe_tighten(fe_raw_add(a, fe_raw_shift(a, 1)));
}

static inline struct fe fe_sub_eightfold(struct fe a, struct fe b)
{
    return fe_tighten(fe_raw_sub(fe_raw_add(a, fe_multiple_of_p(16)), fe_raw_shift(b, 3)));
}

static inline struct fe fe_fourfold_sub(struct fe a, struct fe b)
{
    return fe_tighten(fe_raw_sub(fe_raw_add(fe_raw_shift(a, 2), fe_multiple_of_p(2)), b));
}

/* Where the mask has a bit, b; else a. */
static inline struct fe fe_select(fe_mask mask, struct fe a, struct fe b)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        a.limb[i] = _mm512_mask_blend_epi64((__mmask8)mask, a.limb[i], b.limb[i]);
    }
    return a;
}

/* Below p, from a tight number. */
static inline struct fe fe_canonical(struct fe a)
{
    struct fe less = fe_carry(fe_raw_sub(a, fe_multiple_of_p(1)));
    return fe_select(_mm512_movepi64_mask(less.limb[4]), less, a);
}

/* Lanes whose loose number is a multiple of p. Multiplied by a plain 1 it is at most p. */
static inline fe_mask fe_is_zero(struct fe a)
{
    a = fe_canonical(fe_mul(a, fe_constant(1, 0, 0, 0, 0)));
    __m512i any = a.limb[0];
    for (int i = 1; i < FE_LIMBS; i++) {
        any = _mm512_or_epi64(any, a.limb[i]);
    }
    return _mm512_testn_epi64_mask(any, any);
}

/* Rows to columns of eight by eight words. */
static inline void fe_transpose(__m512i row[FE_LANES])
{
    __m512i pairs[8];
    __m512i fours[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            fours[i + j] = _mm512_shuffle_i64x2(pairs[i + j], pairs[i + j + 2], 0x88);
            fours[i + j + 2] = _mm512_shuffle_i64x2(pairs[i + j], pairs[i + j + 2], 0xdd);
        }
    }
    for (int j = 0; j < 4; j++) {
        row[j] = _mm512_shuffle_i64x2(fours[j], fours[j + 4], 0x88);
        row[j + 4] = _mm512_shuffle_i64x2(fours[j], fours[j + 4], 0xdd);
    }
}

static inline struct fe fe_from_words(const __m512i word[4])
{
    const __m512i mask = fe_all(FE_LIMB_MASK);
    return (struct fe){{
        _mm512_and_epi64(word[0], mask),
        _mm512_and_epi64(_mm512_shrdi_epi64(word[0], word[1], 52), mask),
        _mm512_and_epi64(_mm512_shrdi_epi64(word[1], word[2], 40), mask),
        _mm512_and_epi64(_mm512_shrdi_epi64(word[2], word[3], 28), mask),
        _mm512_srli_epi64(word[3], 16),
    }};
}

/* Of a canonical number. */
static inline void fe_to_words(struct fe a, __m512i word[4])
{
    for (int i = 0; i < 4; i++) {
        word[i] = _mm512_or_epi64(_mm512_srli_epi64(a.limb[i], 12 * (unsigned int)i),
                                  _mm512_slli_epi64(a.limb[i + 1], 52 - 12 * (unsigned int)i));
    }
}

/* One point per lane, its y negated where the mask has a bit. */
static inline void fe_load_points(const struct fama_p256_point *const point[FE_LANES],
                                  fe_mask negative, struct fe *x, struct fe *y)
{
    __m512i row[FE_LANES];
    for (int i = 0; i < FE_LANES; i++) {
        row[i] = _mm512_load_si512(point[i]);
    }
    fe_transpose(row);
    *x = fe_from_words(row);
    *y = fe_from_words(row + 4);
    const struct fe p = fe_multiple_of_p(1);
    for (int i = 0; i < FE_LIMBS; i++) {
        y->limb[i] = _mm512_mask_sub_epi64(y->limb[i], (__mmask8)negative, p.limb[i], y->limb[i]);
    }
    *y = fe_carry(*y);
}

/* From tight numbers. */
static inline void fe_store_points(struct fe x, struct fe y,
                                   struct fama_p256_point *const point[FE_LANES])
{
    __m512i row[FE_LANES];
    fe_to_words(fe_canonical(x), row);
    fe_to_words(fe_canonical(y), row + 4);
    fe_transpose(row);
    for (int i = 0; i < FE_LANES; i++) {
        _mm512_store_si512(point[i], row[i]);
    }
}

/* Words, the lowest first, of each lane's number as it stands: not divided by 2^260. From a tight number. */
static inline void fe_words(struct fe a, uint64_t words[FE_LANES][4])
{
    __m512i row[FE_LANES] = {_mm512_setzero_si512()};
    uint64_t all[4][FE_LANES] __attribute__((aligned(64)));
    fe_to_words(fe_canonical(a), row);
    for (int i = 0; i < 4; i++) {
        _mm512_store_si512(all[i], row[i]);
    }
    for (int lane = 0; lane < FE_LANES; lane++) {
        for (int i = 0; i < 4; i++) {
            words[lane][i] = all[i][lane];
        }
    }
}

/* Plain words, the lowest first, below p. */
static inline void fe_plain(struct fe a, uint64_t words[FE_LANES][4])
{
    fe_words(fe_mul(a, fe_constant(1, 0, 0, 0, 0)), words);
}

static inline struct fe fe_load_words(uint64_t words[FE_LANES][4])
{
    __m512i row[4];
    for (int i = 0; i < 4; i++) {
        row[i] =
            _mm512_set_epi64((long long)words[7][i], (long long)words[6][i], (long long)words[5][i],
                             (long long)words[4][i], (long long)words[3][i], (long long)words[2][i],
                             (long long)words[1][i], (long long)words[0][i]);
    }
    return fe_from_words(row);
}

/* Inverts all lanes; none is zero. One inversion for all of them, as anywhere here. */
static inline struct fe fe_invert(struct fe a)
{
    uint64_t value[FE_LANES][FAMA_P256_LIMBS];
    uint64_t before[FE_LANES][FAMA_P256_LIMBS];
    uint64_t run[FAMA_P256_LIMBS];
    fe_words(a, value);
    fama_p256_limbs_copy(value[0], before[0]);
    for (int i = 1; i < FE_LANES; i++) {
        fama_p256_field_multiply(before[i - 1], value[i], before[i]);
    }
    fama_p256_invert_p(before[FE_LANES - 1], run);
    fama_p256_field_multiply(run, fe_domain_of_inverses, run);
    for (int i = FE_LANES - 1; i > 0; i--) {
        uint64_t inverse[FAMA_P256_LIMBS];
        fama_p256_field_multiply(run, before[i - 1], inverse);
        fama_p256_field_multiply(run, value[i], run);
        fama_p256_limbs_copy(inverse, value[i]);
    }
    fama_p256_limbs_copy(run, value[0]);
    return fe_load_words(value);
}

/* Lane i gets what lane i + distance had, counted around. */
static inline struct fe fe_rotate(struct fe a, int distance)
{
    const __m512i lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    __m512i from = _mm512_add_epi64(lanes, fe_all((uint64_t)distance));
    for (int i = 0; i < FE_LIMBS; i++) {
        a.limb[i] = _mm512_permutexvar_epi64(from, a.limb[i]); /* takes three bits of `from` */
    }
    return a;
}

#endif
