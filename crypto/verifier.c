/* ECDSA through OpenSSL's key objects of the older kind: a decoded EC_KEY needs no context, no
 * allocation of ours and no look-up per verification (60 us instead of 70 us with a fresh EVP
 * context, OpenSSL 3.0), and several threads may verify with one key. Deprecated, not removed. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "crypto/verifier.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "crypto/public_key.h"

struct fama_verifier {
    ECDSA_SIG *signature; /* its two numbers are overwritten for every job */
    BIGNUM *r;            /* owned by `signature` */
    BIGNUM *s;
};

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
    if (job->key == NULL || job->key->kind != FAMA_KEY_P256) {
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
    return ECDSA_do_verify(job->digest, FAMA_SHA256_BYTES, verifier->signature, job->key->ec) == 1;
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
