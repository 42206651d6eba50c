#include "bench/chunk_limits.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/aead.h"
#include "crypto/sha256_many.h"

#define AT_ONCE 32 /* chunks hashed together: a burst */

struct fama_limits {
    struct fama_aead_key key;
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *opening, *sealing;
    EVP_MD *hash;
    EVP_MD_CTX *hashing;
    EVP_PKEY *private_key;
    EVP_PKEY_CTX *signing;
    uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX];
    uint8_t digests[AT_ONCE][FAMA_SHA256_BYTES];
};

static const uint8_t secret[FAMA_AEAD_KEY_BYTES] = {2}; /* nothing secret is sealed with it */

static bool set_up(struct fama_limits *limits)
{
    limits->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    limits->hash = EVP_MD_fetch(NULL, "SHA256", NULL);
    limits->opening = EVP_CIPHER_CTX_new();
    limits->sealing = EVP_CIPHER_CTX_new();
    limits->hashing = EVP_MD_CTX_new();
    limits->private_key = EVP_EC_gen("P-256");
    if (limits->cipher == NULL || limits->hash == NULL || limits->opening == NULL ||
        limits->sealing == NULL || limits->hashing == NULL || limits->private_key == NULL) {
        return false;
    }
    limits->signing = EVP_PKEY_CTX_new(limits->private_key, NULL);
    return limits->signing != NULL && EVP_PKEY_sign_init(limits->signing) == 1 &&
           fama_aead_key_set(&limits->key, secret) &&
           EVP_DecryptInit_ex2(limits->opening, limits->cipher, secret, NULL, NULL) == 1 &&
           EVP_EncryptInit_ex2(limits->sealing, limits->cipher, secret, NULL, NULL) == 1;
}

struct fama_limits *fama_limits_create(void)
{
    struct fama_limits *limits = aligned_alloc(_Alignof(struct fama_limits), sizeof *limits);
    if (limits == NULL) {
        return NULL;
    }
    memset(limits, 0, sizeof *limits);
    if (!set_up(limits)) {
        fama_limits_destroy(limits);
        return NULL;
    }
    return limits;
}

void fama_limits_destroy(struct fama_limits *limits)
{
    if (limits != NULL) {
        EVP_PKEY_CTX_free(limits->signing);
        EVP_PKEY_free(limits->private_key);
        EVP_MD_CTX_free(limits->hashing);
        EVP_CIPHER_CTX_free(limits->opening);
        EVP_CIPHER_CTX_free(limits->sealing);
        EVP_MD_free(limits->hash);
        EVP_CIPHER_free(limits->cipher);
        free(limits);
    }
}

/* ---- Hashing ---- */

static void hash_pairwise(struct fama_limits *limits, const struct fama_limit_chunk *chunks,
                          size_t count)
{
    struct fama_bytes parts[AT_ONCE];
    struct fama_sha256_message messages[AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        parts[i] = fama_bytes(chunks[i].payload, chunks[i].payload_bytes);
        messages[i] = (struct fama_sha256_message){
            .parts = &parts[i], .part_count = 1, .digest = limits->digests[i]};
    }
    fama_sha256_many(messages, count);
}

static void hash_one_by_one(struct fama_limits *limits, const struct fama_limit_chunk *chunks,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)EVP_DigestInit_ex2(limits->hashing, limits->hash, NULL);
        (void)EVP_DigestUpdate(limits->hashing, chunks[i].payload, chunks[i].payload_bytes);
        (void)EVP_DigestFinal_ex(limits->hashing, limits->digests[i], NULL);
    }
}

static void hash(struct fama_limits *limits, enum fama_limit which,
                 const struct fama_limit_chunk *chunks, size_t count)
{
    for (size_t done = 0; done < count; done += AT_ONCE) {
        size_t now = count - done < AT_ONCE ? count - done : AT_ONCE;
        (which == FAMA_LIMIT_PRIMITIVES ? hash_pairwise : hash_one_by_one)(limits, chunks + done,
                                                                           now);
    }
}

/* ---- Opening ---- */

static void open_by_primitives(struct fama_limits *limits, const struct fama_limit_chunk *chunk)
{
    const struct fama_aead_label label = {.aad =
                                              fama_bytes(chunk->datagram, FAMA_WIRE_CHUNK_BYTES)};
    const struct fama_aead_space spaces[] = {
        {.at = limits->proof, .len = chunk->proof_bytes},
        {.at = chunk->payload, .len = chunk->payload_bytes},
    };
    struct fama_bytes sealed = fama_bytes(chunk->datagram + FAMA_WIRE_CHUNK_BYTES,
                                          chunk->proof_bytes + chunk->payload_bytes);
    (void)fama_aead_open(&limits->key, &label, sealed, sealed.at + sealed.len, spaces, 2);
}

static void open_by_openssl(struct fama_limits *limits, const struct fama_limit_chunk *chunk)
{
    static const uint8_t nonce[FAMA_AEAD_NONCE_BYTES];
    EVP_CIPHER_CTX *context = limits->opening;
    uint8_t *sealed = chunk->datagram + FAMA_WIRE_CHUNK_BYTES;
    uint8_t *tag = sealed + chunk->proof_bytes + chunk->payload_bytes;
    int len;
    (void)EVP_DecryptInit_ex2(context, NULL, NULL, nonce, NULL);
    (void)EVP_DecryptUpdate(context, NULL, &len, chunk->datagram, FAMA_WIRE_CHUNK_BYTES);
    (void)EVP_DecryptUpdate(context, limits->proof, &len, sealed, (int)chunk->proof_bytes);
    (void)EVP_DecryptUpdate(context, chunk->payload, &len, sealed + chunk->proof_bytes,
                            (int)chunk->payload_bytes);
    (void)EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, FAMA_AEAD_TAG_BYTES, tag);
    (void)EVP_DecryptFinal_ex(context, chunk->payload + chunk->payload_bytes, &len);
}

void fama_limits_open(struct fama_limits *limits, enum fama_limit which,
                      const struct fama_limit_chunk *chunks, size_t count)
{
    for (size_t done = 0; done < count; done += AT_ONCE) {
        size_t now = count - done < AT_ONCE ? count - done : AT_ONCE;
        for (size_t i = done; i < done + now; i++) {
            (which == FAMA_LIMIT_PRIMITIVES ? open_by_primitives : open_by_openssl)(limits,
                                                                                    &chunks[i]);
        }
        hash(limits, which, chunks + done, now);
    }
}

/* ---- Sealing ---- */

static void seal_by_primitives(struct fama_limits *limits, const struct fama_limit_chunk *chunk)
{
    const struct fama_aead_label label = {.aad =
                                              fama_bytes(chunk->datagram, FAMA_WIRE_CHUNK_BYTES)};
    const struct fama_bytes pieces[] = {
        fama_bytes(limits->proof, chunk->proof_bytes),
        fama_bytes(chunk->payload, chunk->payload_bytes),
    };
    uint8_t *out = chunk->datagram + FAMA_WIRE_CHUNK_BYTES;
    (void)fama_aead_seal(&limits->key, &label, pieces, 2, out,
                         out + chunk->proof_bytes + chunk->payload_bytes);
}

static void seal_by_openssl(struct fama_limits *limits, const struct fama_limit_chunk *chunk)
{
    static const uint8_t nonce[FAMA_AEAD_NONCE_BYTES];
    EVP_CIPHER_CTX *context = limits->sealing;
    uint8_t *out = chunk->datagram + FAMA_WIRE_CHUNK_BYTES;
    uint8_t *tag = out + chunk->proof_bytes + chunk->payload_bytes;
    int len;
    (void)EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL);
    (void)EVP_EncryptUpdate(context, NULL, &len, chunk->datagram, FAMA_WIRE_CHUNK_BYTES);
    (void)EVP_EncryptUpdate(context, out, &len, limits->proof, (int)chunk->proof_bytes);
    (void)EVP_EncryptUpdate(context, out + chunk->proof_bytes, &len, chunk->payload,
                            (int)chunk->payload_bytes);
    (void)EVP_EncryptFinal_ex(context, tag, &len);
    (void)EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, FAMA_AEAD_TAG_BYTES, tag);
}

void fama_limits_seal(struct fama_limits *limits, enum fama_limit which,
                      const struct fama_limit_chunk *chunks, size_t count)
{
    hash(limits, which, chunks, count);
    for (size_t i = 0; i < count; i++) {
        (which == FAMA_LIMIT_PRIMITIVES ? seal_by_primitives : seal_by_openssl)(limits, &chunks[i]);
    }
}

bool fama_limits_sign(struct fama_limits *limits)
{
    uint8_t der[128];
    size_t len = sizeof der;
    return EVP_PKEY_sign(limits->signing, der, &len, limits->digests[0], FAMA_SHA256_BYTES) == 1;
}
