/* Public keys as texts of their own, in no certificate: only their form is judged.
 *
 * Source: Go crypto/x509 ParsePKIXPublicKey. Stateless; any thread. Adversary: whoever writes
 * configurations. */
#ifndef FAMA_CRYPTO_PUBLIC_KEY_PEM_H
#define FAMA_CRYPTO_PUBLIC_KEY_PEM_H

#include "crypto/bytes.h"

enum fama_public_key_pem_error {
    FAMA_PUBLIC_KEY_PEM_OTHER = -1, /* no PEM, no public key, or one of another kind */
    FAMA_PUBLIC_KEY_PEM_NO_MEMORY = -2,
};

/* Returns 0 if the text's first PEM block, whatever it calls itself, is a SubjectPublicKeyInfo in
 * DER with an ECDSA key on a NIST curve, and nothing more. */
int fama_public_key_pem_check_ecdsa(struct fama_bytes pem);

#endif
