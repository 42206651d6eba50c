#include "dataplane/erasure.h"

#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/galois.h"

#define DATA_MAX   FAMA_ERASURE_DATA_MAX
#define PARITY_MAX FAMA_ERASURE_PARITY_MAX
#define FACTOR     FAMA_GALOIS_FACTOR_MAX

_Static_assert(DATA_MAX <= 32 && PARITY_MAX <= 32, "masks of them have 32 bits");
_Static_assert(DATA_MAX + PARITY_MAX <= FAMA_ERASURE_CHUNKS_MAX, "any k and m make a set");
_Static_assert(FAMA_ERASURE_CHUNKS_MAX <= 64, "a mask of chunks has 64 bits");

/* How to make parity of k data chunks: for any m, the first m rows of it. */
struct encoder {
    bool is_made;
    uint8_t rows[PARITY_MAX * DATA_MAX]; /* the coefficients themselves, k to a row */
    uint8_t factors[PARITY_MAX * DATA_MAX * FACTOR];
};

/* Which data chunks are missing and which parity chunks stand in for them. */
struct pattern {
    uint32_t data_chunks; /* 0: none */
    uint32_t missing;
    uint32_t used;
};

/* How to make the missing chunks of the sources: data chunks first, in order, then the parity chunks
 * used, in order. */
struct solution {
    struct pattern pattern;
    uint64_t used_at; /* when, in decodings */
    uint8_t factors[DATA_MAX * DATA_MAX * FACTOR];
};

struct fama_erasure {
    struct fama_erasure_counts counts;
    enum fama_galois galois;
    struct encoder encoders[DATA_MAX]; /* by k - 1 */
    struct solution solutions[FAMA_ERASURE_SOLUTIONS];
    uint8_t chosen[PARITY_MAX * DATA_MAX * FACTOR]; /* rows of an encoder's factors */
    uint8_t last[FAMA_ERASURE_CHUNK_BYTES_MAX];     /* the last data chunk, continued with zeros */
};

struct fama_erasure *fama_erasure_create(void)
{
    struct fama_erasure *erasure = calloc(1, sizeof(*erasure));
    if (erasure != NULL) {
        erasure->galois = fama_galois_best();
    }
    return erasure;
}

void fama_erasure_destroy(struct fama_erasure *erasure)
{
    free(erasure);
}

const struct fama_erasure_counts *fama_erasure_counts(const struct fama_erasure *erasure)
{
    return &erasure->counts;
}

static bool is_possible(const struct fama_erasure_shape *shape)
{
    return shape->data_chunks >= 1 && shape->data_chunks <= DATA_MAX &&
           shape->parity_chunks <= PARITY_MAX && shape->chunk_bytes >= 1 &&
           shape->chunk_bytes <= FAMA_ERASURE_CHUNK_BYTES_MAX && shape->last_bytes >= 1 &&
           shape->last_bytes <= shape->chunk_bytes;
}

/* The coefficient of data chunk j in parity chunk p, as in gf_gen_cauchy1_matrix. */
static uint8_t coefficient(uint32_t data_chunks, uint32_t p, uint32_t j)
{
    return gf_inv((uint8_t)((data_chunks + p) ^ j));
}

/* The last data chunk as long as the others. */
static const uint8_t *whole_last(struct fama_erasure *erasure,
                                 const struct fama_erasure_shape *shape, const uint8_t *at)
{
    if (shape->last_bytes == shape->chunk_bytes) {
        return at;
    }
    memcpy(erasure->last, at, shape->last_bytes);
    memset(erasure->last + shape->last_bytes, 0, shape->chunk_bytes - shape->last_bytes);
    return erasure->last;
}

/* ---- Masks ---- */

static uint32_t ones(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

static uint32_t lowest(uint32_t mask)
{
    return (uint32_t)__builtin_ctz(mask);
}

/* Whether the bits that are set, one at least, follow one another. */
static bool is_one_run(uint32_t mask)
{
    uint32_t run = mask >> lowest(mask);
    return (run & (run + 1)) == 0;
}

/* ---- Encoding ---- */

static struct encoder *encoder_of(struct fama_erasure *erasure, uint32_t data_chunks)
{
    struct encoder *encoder = &erasure->encoders[data_chunks - 1];
    if (!encoder->is_made) {
        for (uint32_t p = 0; p < PARITY_MAX; p++) {
            for (uint32_t j = 0; j < data_chunks; j++) {
                encoder->rows[p * data_chunks + j] = coefficient(data_chunks, p, j);
            }
        }
        fama_galois_prepare(erasure->galois, data_chunks, PARITY_MAX, encoder->rows,
                            encoder->factors);
        encoder->is_made = true;
    }
    return encoder;
}

/* The rows of the parity chunks that are wanted, `count` of them, one after the other. */
static uint8_t *encoding_factors(struct fama_erasure *erasure, uint32_t data_chunks,
                                 uint32_t wanted, uint32_t count)
{
    struct encoder *encoder = encoder_of(erasure, data_chunks);
    size_t row = data_chunks * fama_galois_factor_bytes(erasure->galois);
    if (is_one_run(wanted)) {
        return encoder->factors + lowest(wanted) * row;
    }
    for (uint32_t i = 0; i < count; i++, wanted &= wanted - 1) {
        memcpy(erasure->chosen + i * row, encoder->factors + lowest(wanted) * row, row);
    }
    return erasure->chosen;
}

int fama_erasure_encode_some(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                             uint32_t wanted, const uint8_t *const data[], uint8_t *const parity[])
{
    if (!is_possible(shape)) {
        return FAMA_ERASURE_BAD_SHAPE;
    }
    if ((uint64_t)wanted >> shape->parity_chunks != 0) {
        return FAMA_ERASURE_BAD_MASK;
    }
    erasure->counts.encoded++;
    if (wanted == 0) {
        return 0;
    }
    uint32_t last = shape->data_chunks - 1;
    const uint8_t *sources[DATA_MAX];
    uint8_t *made[PARITY_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < last; i++) {
        sources[i] = data[i];
    }
    sources[last] = whole_last(erasure, shape, data[last]);
    for (uint32_t left = wanted; left != 0; left &= left - 1) {
        made[count++] = parity[lowest(left)];
    }
    fama_galois_combine(erasure->galois, shape->chunk_bytes, shape->data_chunks, count,
                        encoding_factors(erasure, shape->data_chunks, wanted, count), sources,
                        made);
    return 0;
}

int fama_erasure_encode(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                        const uint8_t *const data[], uint8_t *const parity[])
{
    uint32_t all = shape->parity_chunks < 32 ? (1U << shape->parity_chunks) - 1 : UINT32_MAX;
    return fama_erasure_encode_some(erasure, shape, all, data, parity);
}

/* ---- Decoding ---- */

/* The numbers of the bits that are set; returns how many. */
static uint32_t numbers_of(uint32_t mask, uint32_t numbers[32])
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        numbers[count++] = lowest(mask);
    }
    return count;
}

/* With x the missing chunks, d those that are there and q the parity chunks used, q = A x + B d. So
 * x = A^-1 q + A^-1 B d, for in this field adding is subtracting. A is a square part of a Cauchy matrix and
 * has an inverse. */
static void solve(enum fama_galois galois, const struct encoder *encoder,
                  const struct pattern *pattern, uint8_t *factors)
{
    uint32_t k = pattern->data_chunks;
    uint32_t missing[32];
    uint32_t used[32];
    uint32_t there[32];
    uint8_t square[DATA_MAX * DATA_MAX];
    uint8_t inverse[DATA_MAX * DATA_MAX];
    uint8_t rows[DATA_MAX * DATA_MAX];
    uint32_t count = numbers_of(pattern->missing, missing);
    uint32_t all = k == 32 ? UINT32_MAX : (1U << k) - 1;
    uint32_t there_count = numbers_of(all & ~pattern->missing, there);
    (void)numbers_of(pattern->used, used);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            square[i * count + j] = encoder->rows[used[i] * k + missing[j]];
        }
    }
    (void)gf_invert_matrix(square, inverse, (int)count); /* which fails for no such matrix */
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *row = rows + (size_t)i * k;
        for (uint32_t j = 0; j < there_count; j++) {
            row[j] = 0;
            for (uint32_t p = 0; p < count; p++) {
                row[j] ^= gf_mul(inverse[i * count + p], encoder->rows[used[p] * k + there[j]]);
            }
        }
        memcpy(row + there_count, inverse + (size_t)i * count, count);
    }
    fama_galois_prepare(galois, k, count, rows, factors);
}

static uint8_t *decoding_factors(struct fama_erasure *erasure, struct pattern pattern)
{
    struct solution *oldest = &erasure->solutions[0];
    for (size_t i = 0; i < FAMA_ERASURE_SOLUTIONS; i++) {
        struct solution *solution = &erasure->solutions[i];
        if (solution->pattern.data_chunks == pattern.data_chunks &&
            solution->pattern.missing == pattern.missing &&
            solution->pattern.used == pattern.used) {
            solution->used_at = erasure->counts.decoded;
            erasure->counts.recalled++;
            return solution->factors;
        }
        if (solution->used_at < oldest->used_at) {
            oldest = solution;
        }
    }
    oldest->pattern = pattern;
    oldest->used_at = erasure->counts.decoded;
    erasure->counts.solved++;
    solve(erasure->galois, encoder_of(erasure, pattern.data_chunks), &pattern, oldest->factors);
    return oldest->factors;
}

/* As many of the parity chunks present as are needed, from the first on. */
static uint32_t first_of(uint32_t mask, uint32_t count)
{
    uint32_t chosen = 0;
    for (; count > 0; count--) {
        chosen |= mask & -mask;
        mask &= mask - 1;
    }
    return chosen;
}

static void rebuild(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                    const struct pattern *pattern, uint8_t *const chunks[])
{
    uint32_t k = shape->data_chunks;
    const uint8_t *sources[DATA_MAX];
    uint8_t *made[DATA_MAX];
    uint32_t source_count = 0;
    uint32_t made_count = 0;
    for (uint32_t i = 0; i < k; i++) {
        bool is_short_last = i == k - 1 && shape->last_bytes < shape->chunk_bytes;
        if ((pattern->missing >> i & 1) != 0) {
            made[made_count++] = is_short_last ? erasure->last : chunks[i];
        } else {
            sources[source_count++] =
                is_short_last ? whole_last(erasure, shape, chunks[i]) : chunks[i];
        }
    }
    for (uint32_t used = pattern->used; used != 0; used &= used - 1) {
        sources[source_count++] = chunks[k + lowest(used)];
    }
    fama_galois_combine(erasure->galois, shape->chunk_bytes, k, made_count,
                        decoding_factors(erasure, *pattern), sources, made);
    if (made[made_count - 1] == erasure->last) {
        memcpy(chunks[k - 1], erasure->last, shape->last_bytes);
    }
}

int fama_erasure_decode(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                        uint64_t present, uint8_t *const chunks[])
{
    if (!is_possible(shape)) {
        return FAMA_ERASURE_BAD_SHAPE;
    }
    uint32_t k = shape->data_chunks;
    uint32_t m = shape->parity_chunks;
    uint64_t data_mask = (UINT64_C(1) << k) - 1;
    uint64_t parity_present = present >> k;
    if (parity_present >> m != 0) {
        return FAMA_ERASURE_BAD_MASK;
    }
    struct pattern pattern = {.data_chunks = k, .missing = (uint32_t)(data_mask & ~present)};
    uint32_t missing = ones(pattern.missing);
    if (missing > ones((uint32_t)parity_present)) {
        return FAMA_ERASURE_TOO_FEW_CHUNKS;
    }
    if (missing == 0) {
        return 0;
    }
    pattern.used = first_of((uint32_t)parity_present, missing);
    erasure->counts.decoded++;
    erasure->counts.rebuilt += missing;
    rebuild(erasure, shape, &pattern, chunks);
    return (int)missing;
}
