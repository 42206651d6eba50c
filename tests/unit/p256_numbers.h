/* Numbers to try P-256's arithmetic with, and what OpenSSL's BIGNUM says of them. */
#ifndef FAMA_TESTS_UNIT_P256_NUMBERS_H
#define FAMA_TESTS_UNIT_P256_NUMBERS_H

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <openssl/bn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P256_PRIME_TEXT "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define P256_ORDER_TEXT "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

/* A test without memory has nothing to say. */
static inline void must(bool is_done)
{
    if (!is_done) {
        fprintf(stderr, "OpenSSL failed in a test's own arithmetic\n");
        abort();
    }
}

struct p256_reference {
    BN_CTX *context;
    BIGNUM *modulus;
    BIGNUM *scale;   /* 2^256 mod modulus */
    BIGNUM *unscale; /* and its inverse */
    BIGNUM *a;
    BIGNUM *b;
    BIGNUM *expected;
};

static inline struct p256_reference open_reference(const char *modulus_text)
{
    struct p256_reference reference = {.context = BN_CTX_new(),
                                       .scale = BN_new(),
                                       .unscale = BN_new(),
                                       .a = BN_new(),
                                       .b = BN_new(),
                                       .expected = BN_new()};
    must(reference.context != NULL && reference.scale != NULL && reference.unscale != NULL &&
         reference.a != NULL && reference.b != NULL && reference.expected != NULL);
    must(BN_hex2bn(&reference.modulus, modulus_text) == 64);
    must(BN_set_bit(reference.scale, 256) == 1);
    must(BN_mod(reference.scale, reference.scale, reference.modulus, reference.context) == 1);
    must(BN_mod_inverse(reference.unscale, reference.scale, reference.modulus, reference.context) !=
         NULL);
    return reference;
}

static inline void close_reference(struct p256_reference *reference)
{
    BN_free(reference->modulus);
    BN_free(reference->scale);
    BN_free(reference->unscale);
    BN_free(reference->a);
    BN_free(reference->b);
    BN_free(reference->expected);
    BN_CTX_free(reference->context);
}

static inline void number_to_reference(const uint64_t number[4], BIGNUM *reference)
{
    uint8_t bytes[32];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(number[3 - i / 8] >> (56 - 8 * (i % 8)));
    }
    must(BN_bin2bn(bytes, sizeof(bytes), reference) != NULL);
}

static inline void number_from_reference(const BIGNUM *reference, uint64_t number[4])
{
    uint8_t bytes[32];
    must(BN_bn2binpad(reference, bytes, sizeof(bytes)) == sizeof(bytes));
    memset(number, 0, 4 * sizeof(number[0]));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        number[3 - i / 8] = number[3 - i / 8] << 8 | bytes[i];
    }
}

/* Whether `found` is what the reference expects; says so if not. */
static inline bool is_expected(const struct p256_reference *reference, const uint64_t found[4],
                               const char *what)
{
    uint64_t expected[4];
    number_from_reference(reference->expected, expected);
    if (memcmp(expected, found, sizeof(expected)) == 0) {
        return true;
    }
    char *a = BN_bn2hex(reference->a);
    char *b = BN_bn2hex(reference->b);
    fprintf(stderr,
            "%s: a = %s, b = %s, found %016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "\n",
            what, a, b, found[3], found[2], found[1], found[0]);
    OPENSSL_free(a);
    OPENSSL_free(b);
    return false;
}

static inline uint64_t next_random(uint64_t *state)
{
    /* SplitMix64. */
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

static inline uint64_t odd_looking_limb(uint64_t *state)
{
    static const uint64_t limbs[] = {0,
                                     UINT64_MAX,
                                     1,
                                     UINT64_MAX - 1,
                                     (uint64_t)1 << 63,
                                     UINT64_MAX >> 1,
                                     UINT32_MAX,
                                     (uint64_t)1 << 32,
                                     UINT64_MAX << 32,
                                     (UINT64_MAX << 32) + 1};
    uint64_t choice = next_random(state) % (sizeof(limbs) / sizeof(limbs[0]) + 1);
    return choice < sizeof(limbs) / sizeof(limbs[0]) ? limbs[choice] : next_random(state);
}

/* Any number below 2^256: one in two uniform; else of limbs where carries start or die, a run of ones in
 * zeros or of zeros in ones, or one of the numbers next to the modulus or 0. */
static inline void draw_number(const struct p256_reference *reference, uint64_t *state,
                               uint64_t number[4])
{
    uint64_t kind = next_random(state) % 8;
    memset(number, 0, 4 * sizeof(number[0]));
    if (kind < 4) {
        for (size_t i = 0; i < 4; i++) {
            number[i] = next_random(state);
        }
    } else if (kind < 6) {
        for (size_t i = 0; i < 4; i++) {
            number[i] = odd_looking_limb(state);
        }
    } else if (kind == 6) {
        size_t from = next_random(state) % 256;
        size_t to = next_random(state) % 257;
        uint64_t outside = (next_random(state) & 1) != 0 ? UINT64_MAX : 0;
        for (size_t i = 0; i < 256; i++) {
            number[i / 64] |= (uint64_t)(i >= from && i < to) << (i % 64);
        }
        for (size_t i = 0; i < 4; i++) {
            number[i] ^= outside;
        }
    } else {
        number[0] = next_random(state) % 4;
        if ((next_random(state) & 1) != 0) {
            uint64_t modulus[4];
            number_from_reference(reference->modulus, modulus);
            uint64_t less = number[0];
            memcpy(number, modulus, sizeof(modulus));
            number[0] -= less;
        }
    }
}

/* The same below the modulus. */
static inline void draw_reduced(struct p256_reference *reference, uint64_t *state,
                                uint64_t number[4])
{
    draw_number(reference, state, number);
    number_to_reference(number, reference->a);
    must(BN_mod(reference->a, reference->a, reference->modulus, reference->context) == 1);
    number_from_reference(reference->a, number);
}

#endif
