/* Signatures aimed at a verifier's weak spots, whose verdict is known because of how they are made.
 *
 * A verifier computes u1·G + u2·Q with u1 = digest / s and u2 = r / s. Who knows Q's logarithm d can choose u1
 * and u2 first and take r from x of (u1 + u2·d)·G, s = r / u2 and digest = u1·s: so sums inside a verifier can
 * be made to meet equal, opposite or infinite points. Who does not need d can choose even R, and Q from it. */
#ifndef FAMA_TESTS_UNIT_AIMED_SIGNATURES_H
#define FAMA_TESTS_UNIT_AIMED_SIGNATURES_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AIMED_KEYS 160 /* with known logarithms */
#define AIMED_STRAY_KEYS                                                                           \
    64 /* for chosen R: the first half with x of R in [n, p), the rest with a small x */
#define AIMED_NONCES      64
#define AIMED_POINT_BYTES 65
#define AIMED_BYTES       32

enum aimed_verdict { AIMED_BAD, AIMED_GOOD, AIMED_UNKNOWN };

struct aimed_signature {
    size_t key; /* of AIMED_KEYS, then of AIMED_STRAY_KEYS */
    uint8_t digest[AIMED_BYTES];
    uint8_t r[AIMED_BYTES];
    uint8_t s[AIMED_BYTES];
    enum aimed_verdict verdict;
};

struct aimed {
    uint64_t random;
    EC_GROUP *group;
    BN_CTX *context;
    EC_POINT *point;
    BIGNUM *n, *p, *u1, *u2, *k, *r, *s, *e, *t;
    BIGNUM *logarithm[AIMED_KEYS];
    uint8_t points[AIMED_KEYS + AIMED_STRAY_KEYS][AIMED_POINT_BYTES];
    BIGNUM *nonce_inverse[AIMED_NONCES];
    BIGNUM *nonce_r[AIMED_NONCES];
    struct aimed_signature stray[AIMED_STRAY_KEYS];
};

/* A failure of OpenSSL is no finding about a verifier. */
static inline void aimed_must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* SplitMix64. */
static inline uint64_t aimed_random(struct aimed *aimed)
{
    uint64_t z = aimed->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline size_t aimed_below(struct aimed *aimed, size_t bound)
{
    return (size_t)(aimed_random(aimed) % bound);
}

static inline void aimed_random_bytes(struct aimed *aimed, uint8_t bytes[AIMED_BYTES])
{
    for (size_t i = 0; i < AIMED_BYTES; i += sizeof(uint64_t)) {
        uint64_t word = aimed_random(aimed);
        memcpy(bytes + i, &word, sizeof word);
    }
}

static inline void aimed_random_number(struct aimed *aimed, BIGNUM *number)
{
    uint8_t bytes[AIMED_BYTES];
    aimed_random_bytes(aimed, bytes);
    aimed_must(BN_bin2bn(bytes, AIMED_BYTES, number) != NULL &&
               BN_nnmod(number, number, aimed->n, aimed->context) == 1);
}

static inline void aimed_put(const BIGNUM *number, uint8_t bytes[AIMED_BYTES])
{
    aimed_must(BN_bn2binpad(number, bytes, AIMED_BYTES) == AIMED_BYTES);
}

/* Any 32 bytes that a stranger may write, as soon as they are next to something. */
static inline void aimed_boundary(struct aimed *aimed, uint8_t bytes[AIMED_BYTES])
{
    BIGNUM *t = aimed->t;
    switch (aimed_below(aimed, 9)) {
    case 0:
        BN_zero(t);
        break;
    case 1:
        aimed_must(BN_copy(t, aimed->n) != NULL);
        break;
    case 2:
        aimed_must(BN_copy(t, aimed->p) != NULL);
        break;
    case 3:
        aimed_must(BN_sub(t, aimed->p, aimed->n) == 1);
        break;
    case 4:
        aimed_must(BN_rshift1(t, aimed->n) == 1);
        break;
    case 5:
        BN_zero(t);
        aimed_must(BN_set_bit(t, (int)aimed_below(aimed, 256)) == 1);
        break;
    case 6:
        BN_zero(t);
        aimed_must(BN_set_bit(t, (int)aimed_below(aimed, 256)) == 1 && BN_sub(t, aimed->n, t) == 1);
        break;
    case 7:
        BN_zero(t);
        aimed_must(BN_set_bit(t, 256) == 1);
        break;
    default:
        aimed_random_bytes(aimed, bytes);
        return;
    }
    /* Not below 0, not above 2^256 - 1. */
    if (aimed_below(aimed, 2) == 0) {
        aimed_must(BN_add_word(t, aimed_below(aimed, 4)) == 1);
    } else {
        aimed_must(BN_sub_word(t, aimed_below(aimed, 4)) == 1);
    }
    if (BN_is_negative(t) || BN_num_bits(t) > 256) {
        memset(bytes, BN_is_negative(t) ? 0 : 0xff, AIMED_BYTES);
    } else {
        aimed_put(t, bytes);
    }
}

/* A scalar such that little of it is zero, or little of it is not. */
static inline void aimed_scalar(struct aimed *aimed, BIGNUM *scalar)
{
    uint8_t bytes[AIMED_BYTES];
    if (aimed_below(aimed, 3) == 0) {
        aimed_random_number(aimed, scalar);
        return;
    }
    aimed_boundary(aimed, bytes);
    aimed_must(BN_bin2bn(bytes, AIMED_BYTES, scalar) != NULL &&
               BN_nnmod(scalar, scalar, aimed->n, aimed->context) == 1);
}

/* The same digest modulo n, where 32 bytes have room for it. */
static inline void aimed_lift_digest(struct aimed *aimed, uint8_t digest[AIMED_BYTES])
{
    BIGNUM *t = aimed->t;
    aimed_must(BN_bin2bn(digest, AIMED_BYTES, t) != NULL && BN_add(t, t, aimed->n) == 1);
    if (BN_num_bits(t) <= 256) {
        aimed_put(t, digest);
    }
}

/* The signature for which a verifier of that key meets exactly u1 (may be 0) and u2 (not 0). */
static inline void aimed_from_scalars(struct aimed *aimed, size_t key, const BIGNUM *u1,
                                      const BIGNUM *u2, struct aimed_signature *signature)
{
    BIGNUM *k = aimed->k;
    signature->key = key;
    signature->verdict = AIMED_GOOD;
    aimed_must(BN_mod_mul(k, u2, aimed->logarithm[key], aimed->n, aimed->context) == 1 &&
               BN_mod_add(k, k, u1, aimed->n, aimed->context) == 1);
    if (BN_is_zero(k)) {
        /* Infinity has no x, so nothing can be its r. */
        signature->verdict = AIMED_BAD;
        aimed_random_number(aimed, aimed->r);
        aimed_must(aimed_below(aimed, 4) != 0 || BN_one(aimed->r) == 1);
    } else {
        aimed_must(EC_POINT_mul(aimed->group, aimed->point, k, NULL, NULL, aimed->context) == 1 &&
                   EC_POINT_get_affine_coordinates(aimed->group, aimed->point, aimed->r, NULL,
                                                   aimed->context) == 1 &&
                   BN_nnmod(aimed->r, aimed->r, aimed->n, aimed->context) == 1);
    }
    aimed_must(BN_mod_inverse(aimed->s, u2, aimed->n, aimed->context) != NULL &&
               BN_mod_mul(aimed->s, aimed->s, aimed->r, aimed->n, aimed->context) == 1 &&
               BN_mod_mul(aimed->e, aimed->s, u1, aimed->n, aimed->context) == 1);
    aimed_put(aimed->r, signature->r);
    aimed_put(aimed->s, signature->s);
    aimed_put(aimed->e, signature->digest);
    aimed_lift_digest(aimed, signature->digest);
}

/* ---- Making ---- */

static inline void aimed_make_logarithm(struct aimed *aimed, size_t key)
{
    enum { SMALL = 24, POWERS = 64 };
    BIGNUM *d = aimed->logarithm[key];
    size_t half = key / 2;
    if (half < SMALL) {
        aimed_must(BN_set_word(d, half + 1) == 1);
    } else if (half < SMALL + POWERS / 2) {
        /* 2^8, 2^16, … as in a comb, then 2^5, 2^10, … as in a ladder of windows. */
        BN_zero(d);
        aimed_must(BN_set_bit(d, (int)(8 * (half - SMALL + 1)) % 256) == 1);
    } else if (half < SMALL + POWERS / 2 + 12) {
        BN_zero(d);
        aimed_must(BN_set_bit(d, (int)(5 * (half - SMALL - POWERS / 2 + 1))) == 1);
    } else {
        aimed_random_number(aimed, d);
    }
    /* Each with its opposite. */
    if (key % 2 == 1) {
        aimed_must(BN_sub(d, aimed->n, aimed->logarithm[key - 1]) == 1);
    }
}

static inline void aimed_put_point(struct aimed *aimed, const EC_POINT *point, size_t key)
{
    aimed_must(EC_POINT_point2oct(aimed->group, point, POINT_CONVERSION_UNCOMPRESSED,
                                  aimed->points[key], AIMED_POINT_BYTES,
                                  aimed->context) == AIMED_POINT_BYTES);
}

/* R with x = from + something small. */
static inline void aimed_find_point(struct aimed *aimed, const BIGNUM *from, EC_POINT *point,
                                    BIGNUM *x)
{
    do {
        aimed_must(BN_copy(x, from) != NULL &&
                   BN_add_word(x, aimed_random(aimed) & 0xffffffff) == 1);
    } while (EC_POINT_set_compressed_coordinates(aimed->group, point, x, (int)aimed_below(aimed, 2),
                                                 aimed->context) != 1);
}

/* Q = (R - u1·G) / u2. Either x of R is r + n, which makes the signature good, or r is x + p - n, so that
 * r + n is x modulo p without being it, which makes it bad. */
static inline void aimed_make_stray(struct aimed *aimed, size_t index)
{
    struct aimed_signature *signature = &aimed->stray[index];
    EC_POINT *q = EC_POINT_new(aimed->group);
    BIGNUM *x = BN_new();
    aimed_must(q != NULL && x != NULL);
    bool is_good = index < AIMED_STRAY_KEYS / 2;
    BN_zero(aimed->t);
    aimed_find_point(aimed, is_good ? aimed->n : aimed->t, q, x);
    if (is_good) {
        aimed_must(BN_sub(aimed->r, x, aimed->n) == 1);
    } else {
        aimed_must(BN_add(aimed->r, x, aimed->p) == 1 && BN_sub(aimed->r, aimed->r, aimed->n) == 1);
    }
    aimed_random_number(aimed, aimed->u1);
    aimed_random_number(aimed, aimed->u2);
    aimed_must(BN_mod_inverse(aimed->t, aimed->u2, aimed->n, aimed->context) != NULL &&
               BN_mod_mul(aimed->s, aimed->t, aimed->r, aimed->n, aimed->context) == 1 &&
               BN_mod_mul(aimed->e, aimed->s, aimed->u1, aimed->n, aimed->context) == 1);
    aimed_must(BN_sub(aimed->u1, aimed->n, aimed->u1) == 1 &&
               EC_POINT_mul(aimed->group, aimed->point, aimed->u1, NULL, NULL, aimed->context) ==
                   1 &&
               EC_POINT_add(aimed->group, q, q, aimed->point, aimed->context) == 1 &&
               EC_POINT_mul(aimed->group, q, NULL, q, aimed->t, aimed->context) == 1);
    signature->key = AIMED_KEYS + index;
    signature->verdict = is_good ? AIMED_GOOD : AIMED_BAD;
    aimed_put_point(aimed, q, signature->key);
    aimed_put(aimed->r, signature->r);
    aimed_put(aimed->s, signature->s);
    aimed_put(aimed->e, signature->digest);
    EC_POINT_free(q);
    BN_free(x);
}

static inline BIGNUM *aimed_number(void)
{
    BIGNUM *number = BN_new();
    aimed_must(number != NULL);
    return number;
}

static inline struct aimed *aimed_create(uint64_t seed)
{
    struct aimed *aimed = calloc(1, sizeof *aimed);
    aimed_must(aimed != NULL);
    aimed->random = seed;
    aimed->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    aimed->context = BN_CTX_new();
    aimed_must(aimed->group != NULL && aimed->context != NULL);
    aimed->point = EC_POINT_new(aimed->group);
    aimed->n = BN_dup(EC_GROUP_get0_order(aimed->group));
    aimed->p = BN_dup(EC_GROUP_get0_field(aimed->group));
    aimed_must(aimed->point != NULL && aimed->n != NULL && aimed->p != NULL);
    BIGNUM **const numbers[] = {&aimed->u1, &aimed->u2, &aimed->k, &aimed->r,
                                &aimed->s,  &aimed->e,  &aimed->t};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = aimed_number();
    }
    for (size_t i = 0; i < AIMED_KEYS; i++) {
        aimed->logarithm[i] = aimed_number();
        aimed_make_logarithm(aimed, i);
        aimed_must(EC_POINT_mul(aimed->group, aimed->point, aimed->logarithm[i], NULL, NULL,
                                aimed->context) == 1);
        aimed_put_point(aimed, aimed->point, i);
    }
    for (size_t i = 0; i < AIMED_NONCES; i++) {
        aimed->nonce_inverse[i] = aimed_number();
        aimed->nonce_r[i] = aimed_number();
        aimed_random_number(aimed, aimed->k);
        aimed_must(
            EC_POINT_mul(aimed->group, aimed->point, aimed->k, NULL, NULL, aimed->context) == 1 &&
            EC_POINT_get_affine_coordinates(aimed->group, aimed->point, aimed->nonce_r[i], NULL,
                                            aimed->context) == 1 &&
            BN_nnmod(aimed->nonce_r[i], aimed->nonce_r[i], aimed->n, aimed->context) == 1 &&
            BN_mod_inverse(aimed->nonce_inverse[i], aimed->k, aimed->n, aimed->context) != NULL);
    }
    for (size_t i = 0; i < AIMED_STRAY_KEYS; i++) {
        aimed_make_stray(aimed, i);
    }
    return aimed;
}

static inline void aimed_destroy(struct aimed *aimed)
{
    BIGNUM *const numbers[] = {aimed->n, aimed->p, aimed->u1, aimed->u2, aimed->k,
                               aimed->r, aimed->s, aimed->e,  aimed->t};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        BN_free(numbers[i]);
    }
    for (size_t i = 0; i < AIMED_KEYS; i++) {
        BN_free(aimed->logarithm[i]);
    }
    for (size_t i = 0; i < AIMED_NONCES; i++) {
        BN_free(aimed->nonce_inverse[i]);
        BN_free(aimed->nonce_r[i]);
    }
    EC_POINT_free(aimed->point);
    EC_GROUP_free(aimed->group);
    BN_CTX_free(aimed->context);
    free(aimed);
}

/* ---- Kinds of signatures ---- */

/* As anybody signs, though perhaps a remarkable digest. */
static inline void aimed_sign(struct aimed *aimed, size_t key, struct aimed_signature *signature)
{
    size_t nonce = aimed_below(aimed, AIMED_NONCES);
    const BIGNUM *r = aimed->nonce_r[nonce];
    signature->key = key;
    signature->verdict = AIMED_GOOD;
    if (aimed_below(aimed, 8) == 0) {
        aimed_boundary(aimed, signature->digest);
    } else {
        aimed_random_bytes(aimed, signature->digest);
    }
    aimed_must(
        BN_bin2bn(signature->digest, AIMED_BYTES, aimed->e) != NULL &&
        BN_mod_mul(aimed->s, r, aimed->logarithm[key], aimed->n, aimed->context) == 1 &&
        BN_mod_add(aimed->s, aimed->s, aimed->e, aimed->n, aimed->context) == 1 &&
        BN_mod_mul(aimed->s, aimed->s, aimed->nonce_inverse[nonce], aimed->n, aimed->context) == 1);
    if (BN_is_zero(aimed->s)) {
        signature->verdict = AIMED_BAD;
    }
    aimed_put(r, signature->r);
    aimed_put(aimed->s, signature->s);
}

/* u1 and u2 that are remarkable by themselves. */
static inline void aimed_sign_scalars(struct aimed *aimed, size_t key,
                                      struct aimed_signature *signature)
{
    aimed_scalar(aimed, aimed->u1);
    aimed_scalar(aimed, aimed->u2);
    if (BN_is_zero(aimed->u2)) {
        aimed_must(BN_one(aimed->u2) == 1);
    }
    aimed_from_scalars(aimed, key, aimed->u1, aimed->u2, signature);
}

/* u1·G and u2·Q are equal or opposite, but for a difference in a few bits somewhere or none at all: so are
 * then the sums of the windows beside these bits. */
static inline void aimed_sign_collision(struct aimed *aimed, size_t key,
                                        struct aimed_signature *signature)
{
    BIGNUM *t = aimed->t;
    aimed_scalar(aimed, aimed->u2);
    if (BN_is_zero(aimed->u2)) {
        aimed_must(BN_one(aimed->u2) == 1);
    }
    aimed_must(BN_mod_mul(aimed->u1, aimed->u2, aimed->logarithm[key], aimed->n, aimed->context) ==
               1);
    if (aimed_below(aimed, 2) == 0) {
        aimed_must(BN_sub(aimed->u1, aimed->n, aimed->u1) == 1);
    }
    if (aimed_below(aimed, 4) != 0) {
        int from = (int)aimed_below(aimed, 256);
        aimed_must(BN_set_word(t, aimed_random(aimed) >> aimed_below(aimed, 64)) == 1 &&
                   BN_lshift(t, t, from) == 1);
        int sum = aimed_below(aimed, 2) == 0 ? BN_add(aimed->u1, aimed->u1, t)
                                             : BN_sub(aimed->u1, aimed->u1, t);
        aimed_must(sum == 1);
    }
    aimed_must(BN_nnmod(aimed->u1, aimed->u1, aimed->n, aimed->context) == 1);
    aimed_from_scalars(aimed, key, aimed->u1, aimed->u2, signature);
}

/* Numbers next to limits, which no relation binds. */
static inline void aimed_write_boundaries(struct aimed *aimed, size_t key,
                                          struct aimed_signature *signature)
{
    signature->key = key;
    signature->verdict = AIMED_UNKNOWN;
    aimed_boundary(aimed, signature->digest);
    aimed_boundary(aimed, signature->r);
    aimed_boundary(aimed, signature->s);
}

/* Adds n where there is room, or takes the opposite. */
static inline void aimed_shift(struct aimed *aimed, uint8_t number[AIMED_BYTES], bool is_opposite)
{
    BIGNUM *t = aimed->t;
    aimed_must(BN_bin2bn(number, AIMED_BYTES, t) != NULL);
    aimed_must((is_opposite ? BN_sub(t, aimed->n, t) : BN_add(t, t, aimed->n)) == 1);
    if (!BN_is_negative(t) && BN_num_bits(t) <= 256) {
        aimed_put(t, number);
    }
}

static inline void aimed_spoil(struct aimed *aimed, struct aimed_signature *signature)
{
    uint8_t *const parts[] = {signature->digest, signature->r, signature->s};
    uint8_t *part = parts[aimed_below(aimed, 3)];
    switch (aimed_below(aimed, 5)) {
    case 0:
        aimed_shift(aimed, signature->s, true); /* the twin, as good as the first */
        break;
    case 1:
        aimed_shift(aimed, part, false);
        signature->verdict = AIMED_UNKNOWN;
        break;
    case 2:
        aimed_boundary(aimed, part);
        signature->verdict = AIMED_UNKNOWN;
        break;
    case 3:
        signature->key = aimed_below(aimed, AIMED_KEYS + AIMED_STRAY_KEYS);
        signature->verdict = AIMED_UNKNOWN;
        break;
    default:
        part[aimed_below(aimed, AIMED_BYTES)] ^= (uint8_t)(1u << aimed_below(aimed, 8));
        signature->verdict = AIMED_UNKNOWN;
        break;
    }
}

/* One of all kinds. Half of them stay as good as they are. */
static inline void aimed_next(struct aimed *aimed, struct aimed_signature *signature)
{
    size_t key = aimed_below(aimed, AIMED_KEYS);
    switch (aimed_below(aimed, 8)) {
    case 0:
    case 1:
    case 2:
        aimed_sign(aimed, key, signature);
        break;
    case 3:
    case 4:
        aimed_sign_collision(aimed, key, signature);
        break;
    case 5:
        aimed_sign_scalars(aimed, key, signature);
        break;
    case 6:
        aimed_write_boundaries(aimed, key, signature);
        break;
    default:
        *signature = aimed->stray[aimed_below(aimed, AIMED_STRAY_KEYS)];
        break;
    }
    if (aimed_below(aimed, 2) == 0) {
        aimed_spoil(aimed, signature);
    }
}

#endif
