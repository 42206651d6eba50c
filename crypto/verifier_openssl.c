/* ECDSA through OpenSSL's key objects of the older kind: a decoded EC_KEY needs no context, no
 * allocation of ours and no look-up per verification (60 us instead of 70 us with a fresh EVP
 * context, OpenSSL 3.0), and several threads may verify with one key. Deprecated, not removed. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "crypto/verifier_openssl.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "crypto/public_key.h"

struct fama_verifier_openssl {
    ECDSA_SIG *signature; /* its two numbers are overwritten for every job */
    BIGNUM *r;            /* owned by `signature` */
    BIGNUM *s;
};

struct fama_verifier_openssl *fama_verifier_openssl_create(void)
{
    struct fama_verifier_openssl *reference = calloc(1, sizeof *reference);
    if (reference == NULL) {
        return NULL;
    }
    reference->signature = ECDSA_SIG_new();
    reference->r = BN_new();
    reference->s = BN_new();
    if (reference->signature == NULL || reference->r == NULL || reference->s == NULL ||
        ECDSA_SIG_set0(reference->signature, reference->r, reference->s) != 1) {
        BN_free(reference->r);
        BN_free(reference->s);
        ECDSA_SIG_free(reference->signature);
        free(reference);
        return NULL;
    }
    return reference;
}

void fama_verifier_openssl_destroy(struct fama_verifier_openssl *reference)
{
    if (reference != NULL) {
        ECDSA_SIG_free(reference->signature);
        free(reference);
    }
}

bool fama_verifier_openssl_is_good(struct fama_verifier_openssl *reference,
                                   const struct fama_verify_job *job)
{
    uint8_t raw[FAMA_SIGNATURE_BYTES];
    struct fama_signature checked;
    fama_signature_to_raw(&job->signature, raw);
    int range = fama_signature_from_raw(raw, &checked);
    if (range != 0 && range != FAMA_SIGNATURE_HIGH_S) {
        return false;
    }
    bool is_good =
        BN_bin2bn(checked.r, FAMA_SCALAR_BYTES, reference->r) != NULL &&
        BN_bin2bn(checked.s, FAMA_SCALAR_BYTES, reference->s) != NULL &&
        ECDSA_do_verify(job->digest, FAMA_SHA256_BYTES, reference->signature, job->key->ec) == 1;
    if (!is_good) {
        /* What OpenSSL says about a stranger's signature is of no use to later callers. */
        ERR_clear_error();
    }
    return is_good;
}
