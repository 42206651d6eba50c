#include "dataplane/galois.h"

#include <immintrin.h>
#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <string.h>

#define ISAL_FACTOR 32
#define GFNI_FACTOR 8
#define VECTOR      64u
#define GROUP       6u /* sums that are kept in registers at a time */

#define GFNI_TARGET __attribute__((target("gfni,avx512f,avx512vl,avx512bw")))
#define ALWAYS      inline __attribute__((always_inline))

enum fama_galois fama_galois_best(void)
{
    bool has_gfni = __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    return has_gfni ? FAMA_GALOIS_GFNI : FAMA_GALOIS_ISAL;
}

size_t fama_galois_factor_bytes(enum fama_galois kind)
{
    return kind == FAMA_GALOIS_GFNI ? GFNI_FACTOR : ISAL_FACTOR;
}

/* The matrix of bits that multiplies by `c`, as GF2P8AFFINEQB wants it: octet 7 - i has those bits of an operand
 * set that bit i of the product is the sum of. */
static uint64_t matrix_of(uint8_t c)
{
    uint64_t matrix = 0;
    uint32_t power = c; /* c times x to the j */
    for (uint32_t j = 0; j < 8; j++) {
        for (uint32_t i = 0; i < 8; i++) {
            matrix |= (uint64_t)(power >> i & 1) << (8 * (7 - i) + j);
        }
        power = (power << 1) ^ ((power >> 7) != 0 ? 0x11d : 0);
    }
    return matrix;
}

/* The matrix of a sum is the sum of the matrices: eight of them make all. */
static void prepare_matrices(size_t count, const uint8_t *coefficients, uint8_t *factors)
{
    uint64_t powers[8];
    for (uint32_t j = 0; j < 8; j++) {
        powers[j] = matrix_of((uint8_t)(1U << j));
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t matrix = 0;
        for (uint32_t j = 0; j < 8; j++) {
            matrix ^= powers[j] & -(uint64_t)(coefficients[i] >> j & 1);
        }
        memcpy(factors + i * GFNI_FACTOR, &matrix, sizeof(matrix));
    }
}

void fama_galois_prepare(enum fama_galois kind, uint32_t k, uint32_t rows,
                         const uint8_t *coefficients, uint8_t *factors)
{
    if (kind == FAMA_GALOIS_ISAL) {
        ec_init_tables((int)k, (int)rows, (uint8_t *)(uintptr_t)coefficients, factors);
        return;
    }
    prepare_matrices((size_t)k * rows, coefficients, factors);
}

/* ---- GFNI ---- */

struct work {
    uint32_t k;
    const uint8_t *factors; /* of the group's first row */
    const uint8_t *const *sources;
    uint8_t *const *made;
};

GFNI_TARGET static ALWAYS __m512i times(__m512i octets, const uint8_t *factor)
{
    long long matrix;
    memcpy(&matrix, factor, sizeof(matrix));
    return _mm512_gf2p8affine_epi64_epi8(octets, _mm512_set1_epi64(matrix), 0);
}

/* One vector of each of n sums, n a constant: they stay in registers, and each source is read once. */
GFNI_TARGET static ALWAYS void combine_at(const struct work *work, const uint32_t n, size_t at,
                                          __mmask64 mask)
{
    const size_t row = (size_t)work->k * GFNI_FACTOR;
    __m512i s0 = _mm512_setzero_si512();
    __m512i s1 = s0;
    __m512i s2 = s0;
    __m512i s3 = s0;
    __m512i s4 = s0;
    __m512i s5 = s0;
    const uint8_t *factor = work->factors;
    for (uint32_t j = 0; j < work->k; j++, factor += GFNI_FACTOR) {
        __m512i octets = _mm512_maskz_loadu_epi8(mask, work->sources[j] + at);
        s0 = _mm512_xor_si512(s0, times(octets, factor));
        s1 = n > 1 ? _mm512_xor_si512(s1, times(octets, factor + row)) : s1;
        s2 = n > 2 ? _mm512_xor_si512(s2, times(octets, factor + 2 * row)) : s2;
        s3 = n > 3 ? _mm512_xor_si512(s3, times(octets, factor + 3 * row)) : s3;
        s4 = n > 4 ? _mm512_xor_si512(s4, times(octets, factor + 4 * row)) : s4;
        s5 = n > 5 ? _mm512_xor_si512(s5, times(octets, factor + 5 * row)) : s5;
    }
    const __m512i sums[GROUP] = {s0, s1, s2, s3, s4, s5};
    for (uint32_t r = 0; r < n; r++) {
        _mm512_mask_storeu_epi8(work->made[r] + at, mask, sums[r]);
    }
}

GFNI_TARGET static ALWAYS void combine_group(const struct work *work, const uint32_t n,
                                             uint32_t bytes)
{
    size_t at = 0;
    for (; at + VECTOR <= bytes; at += VECTOR) {
        combine_at(work, n, at, UINT64_MAX);
    }
    if (at < bytes) {
        combine_at(work, n, at, UINT64_MAX >> (VECTOR - (bytes - at)));
    }
}

GFNI_TARGET static void combine_some(const struct work *work, uint32_t n, uint32_t bytes)
{
    switch (n) {
    case 1:
        combine_group(work, 1, bytes);
        break;
    case 2:
        combine_group(work, 2, bytes);
        break;
    case 3:
        combine_group(work, 3, bytes);
        break;
    case 4:
        combine_group(work, 4, bytes);
        break;
    case 5:
        combine_group(work, 5, bytes);
        break;
    default:
        combine_group(work, GROUP, bytes);
        break;
    }
}

/* ---- */

void fama_galois_combine(enum fama_galois kind, uint32_t bytes, uint32_t k, uint32_t rows,
                         const uint8_t *factors, const uint8_t *const sources[],
                         uint8_t *const made[])
{
    if (kind == FAMA_GALOIS_ISAL) {
        /* ISA-L takes what it only reads without const. */
        ec_encode_data((int)bytes, (int)k, (int)rows, (uint8_t *)(uintptr_t)factors,
                       (uint8_t **)(uintptr_t)sources, (uint8_t **)(uintptr_t)made);
        return;
    }
    for (uint32_t done = 0; done < rows; done += GROUP) {
        const struct work work = {
            .k = k,
            .factors = factors + (size_t)done * k * GFNI_FACTOR,
            .sources = sources,
            .made = made + done,
        };
        combine_some(&work, rows - done, bytes);
    }
}
