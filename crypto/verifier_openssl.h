/* The reference: one signature at a time through OpenSSL, with keys decoded once. For this folder only.
 *
 * One context per thread. Adversary: as crypto/verifier.h. */
#ifndef FAMA_CRYPTO_VERIFIER_OPENSSL_H
#define FAMA_CRYPTO_VERIFIER_OPENSSL_H

#include "crypto/verifier.h"

struct fama_verifier_openssl;

struct fama_verifier_openssl *fama_verifier_openssl_create(void); /* NULL when out of memory */
void fama_verifier_openssl_destroy(struct fama_verifier_openssl *reference); /* NULL is fine */

/* The key is on P-256. Ranges are checked here. */
bool fama_verifier_openssl_is_good(struct fama_verifier_openssl *reference,
                                   const struct fama_verify_job *job);

#endif
