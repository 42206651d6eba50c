/* ECDSA through OpenSSL's key objects of the older kind: a decoded EC_KEY needs no context, no
 * allocation of ours and no look-up per verification (60 us instead of 70 us with a fresh EVP
 * context, OpenSSL 3.0), and several threads may verify with one key. Deprecated, not removed. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "crypto/verifier.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

#include "crypto/public_key.h"

struct fama_verifier {
    ECDSA_SIG *signature; /* its two numbers are overwritten for every job */
    BIGNUM *r;            /* owned by `signature` */
    BIGNUM *s;
};

struct fama_public_key *fama_public_key_unsupported(void)
{
    return calloc(1, sizeof(struct fama_public_key));
}

struct fama_public_key *fama_public_key_from_point(const uint8_t *point, size_t len)
{
    if (len != FAMA_P256_POINT_BYTES || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return NULL;
    }
    struct fama_public_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        return NULL;
    }
    key->p256 = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    /* Decoding checks that the point is on the curve; P-256 has no smaller subgroups. */
    if (key->p256 == NULL || EC_KEY_oct2key(key->p256, point, len, NULL) != 1) {
        ERR_clear_error();
        fama_public_key_free(key);
        return NULL;
    }
    return key;
}

void fama_public_key_free(struct fama_public_key *key)
{
    if (key != NULL) {
        EC_KEY_free(key->p256);
        free(key);
    }
}

bool fama_public_key_is_p256(const struct fama_public_key *key)
{
    return key->p256 != NULL;
}

struct fama_verifier *fama_verifier_create(void)
{
    struct fama_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL) {
        return NULL;
    }
    verifier->signature = ECDSA_SIG_new();
    verifier->r = BN_new();
    verifier->s = BN_new();
    if (verifier->signature == NULL || verifier->r == NULL || verifier->s == NULL ||
        ECDSA_SIG_set0(verifier->signature, verifier->r, verifier->s) != 1) {
        BN_free(verifier->r);
        BN_free(verifier->s);
        ECDSA_SIG_free(verifier->signature);
        free(verifier);
        return NULL;
    }
    return verifier;
}

void fama_verifier_destroy(struct fama_verifier *verifier)
{
    if (verifier != NULL) {
        ECDSA_SIG_free(verifier->signature);
        free(verifier);
    }
}

static bool is_good(struct fama_verifier *verifier, const struct fama_verify_job *job)
{
    if (job->key == NULL || job->key->p256 == NULL) {
        return false;
    }
    uint8_t raw[FAMA_SIGNATURE_BYTES];
    struct fama_signature checked;
    fama_signature_to_raw(&job->signature, raw);
    int range = fama_signature_from_raw(raw, &checked);
    if (range != 0 && range != FAMA_SIGNATURE_HIGH_S) {
        return false;
    }
    if (BN_bin2bn(checked.r, FAMA_SCALAR_BYTES, verifier->r) == NULL ||
        BN_bin2bn(checked.s, FAMA_SCALAR_BYTES, verifier->s) == NULL) {
        return false;
    }
    return ECDSA_do_verify(job->digest, FAMA_SHA256_BYTES, verifier->signature, job->key->p256) ==
           1;
}

void fama_verifier_run(struct fama_verifier *verifier, struct fama_verify_job *jobs[], size_t count)
{
    bool all_good = true;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->verdict != FAMA_VERDICT_PENDING) {
            continue;
        }
        bool good = is_good(verifier, jobs[i]);
        jobs[i]->verdict = good ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD;
        all_good = all_good && good;
    }
    if (!all_good) {
        /* What OpenSSL says about a stranger's signature is of no use to later callers. */
        ERR_clear_error();
    }
}
