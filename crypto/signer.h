/* A private key with the certificate it belongs to: what a node signs with.
 *
 * Lifetime: made at start, used by the control-side threads only (a broken packet thread must not
 * own the node's key, THREATS 18). Signing is safe from several threads at once. Signatures are
 * low-S. */
#ifndef FAMA_CRYPTO_SIGNER_H
#define FAMA_CRYPTO_SIGNER_H

#include "crypto/error.h"
#include "crypto/identity.h"
#include "crypto/msp.h"
#include "crypto/signature.h"

struct fama_signer;

enum fama_signer_error {
    FAMA_SIGNER_UNREADABLE = -1, /* signcerts or keystore missing or unreadable */
    FAMA_SIGNER_MISMATCH = -2,   /* no key in keystore fits the certificate */
    FAMA_SIGNER_EXPIRED = -3,    /* the certificate is expired or not yet valid by the wall clock */
    FAMA_SIGNER_UNTRUSTED = -4,  /* the certificate is not valid in its own MSP */
    FAMA_SIGNER_UNSUPPORTED = -5, /* the key is not ECDSA P-256 */
    FAMA_SIGNER_FAILED = -6,      /* OpenSSL refused */
};

/* Opens signcerts/ and keystore/ of an MSP directory. Errors name the file and what to do. */
int fama_signer_open(const char *msp_directory, const struct fama_msp *msp,
                     struct fama_signer **signer, struct fama_error *error);
void fama_signer_close(struct fama_signer *signer);

struct fama_identity *fama_signer_identity(const struct fama_signer *signer); /* borrowed */

int fama_signer_sign_digest(const struct fama_signer *signer,
                            const uint8_t digest[FAMA_SHA256_BYTES],
                            struct fama_signature *signature);

#endif
