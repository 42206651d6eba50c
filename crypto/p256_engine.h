/* The arithmetic of ECDSA P-256 verification, many signatures at once: what an instruction set has to
 * offer to crypto/verifier.h.
 *
 * An engine decides u1·G + u2·Q = R for a group of signatures. G and the keys in use most have a comb:
 * all odd multiples below 256 of 2^0, 2^8, … 2^248 times the point. A scalar is then a sum of 32 of them
 * and a signature by a hot key a sum of 64 points, with no doubling at all. The sums are made as balanced
 * trees of affine additions, whose inversions are one for a whole level of all trees (Montgomery's trick).
 * Cold keys go through a ladder of doublings in Jacobian coordinates.
 *
 * Verdicts are exact. The cases that these formulas leave out (u1 = 0, equal or opposite points in an
 * addition) are detected and answered FAMA_P256_UNDECIDED, which costs whoever aims at them nothing but
 * the speed of their own signature: the caller asks the reference.
 *
 * Public data only: nothing here is constant-time. Stateless but for the scratch memory of the caller's
 * thread. Adversary: whoever chooses digests, r, s and keys. Keys are points of the curve, never infinity:
 * who decoded them has checked. */
#ifndef FAMA_CRYPTO_P256_ENGINE_H
#define FAMA_CRYPTO_P256_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAMA_P256_BYTES       32
#define FAMA_P256_WINDOWS     32  /* of 8 bits in a scalar */
#define FAMA_P256_WINDOW_SIZE 128 /* odd multiples 1, 3, … 255 */

/* An affine point as an engine keeps it: two numbers below p of 64-bit limbs, the lowest first, times
 * the engine's own power of two. One cache line. */
struct fama_p256_point {
    uint64_t x[4];
    uint64_t y[4];
} __attribute__((aligned(64)));

/* point[w][j] is (2j + 1) · 2^(8w) times the key: 256 KiB. An engine reads only what it has built. */
struct fama_p256_comb {
    struct fama_p256_point point[FAMA_P256_WINDOWS][FAMA_P256_WINDOW_SIZE];
};

enum fama_p256_answer {
    FAMA_P256_BAD = 0,
    FAMA_P256_GOOD = 1,
    FAMA_P256_UNDECIDED = 2,
};

struct fama_p256_task {
    const uint8_t *digest; /* 32 bytes each, big-endian */
    const uint8_t *r;      /* any value: out of range is BAD */
    const uint8_t *s;
    const struct fama_p256_point *key; /* made by the engine's make_point */
    const struct fama_p256_comb *comb; /* NULL: the key is cold */
    enum fama_p256_answer answer;      /* out */
};

struct fama_p256_engine {
    const char *name; /* as configuration and benchmarks call it */
    bool (*is_supported)(void);
    /* The most tasks that one call takes, and about the number at which they are cheapest. */
    size_t group_max;
    size_t scratch_bytes; /* of every call's scratch, aligned to 64 bytes */
    /* From coordinates of 32 bytes, big-endian, of a point of the curve. */
    void (*make_point)(const uint8_t *x, const uint8_t *y, struct fama_p256_point *point);
    /* Makes the comb of a key; takes about as long as 20 cold verifications. */
    void (*build_comb)(const struct fama_p256_point *key, struct fama_p256_comb *comb,
                       void *scratch);
    /* Fills every answer. `generator` is the comb of G, built by the same engine. Tasks of hot and cold
     * keys may be mixed. */
    void (*verify)(const struct fama_p256_comb *generator, struct fama_p256_task *tasks,
                   size_t count, void *scratch);
};

extern const struct fama_p256_engine fama_p256_engine_portable; /* 64-bit limbs, any machine */
extern const struct fama_p256_engine fama_p256_engine_mulx;     /* the same with BMI2 and ADX */
extern const struct fama_p256_engine fama_p256_engine_ifma;     /* AVX-512 IFMA, eight lanes */

#endif
