/* The inside of a decoded public key, for this folder only: others hold a pointer
 * (crypto/verifier.h).
 *
 * Immutable once made, hence free to share between threads. */
#ifndef FAMA_CRYPTO_PUBLIC_KEY_H
#define FAMA_CRYPTO_PUBLIC_KEY_H

#include <openssl/types.h>

#include "crypto/verifier.h"

#define FAMA_P256_POINT_BYTES 65

struct fama_public_key {
    EC_KEY *p256; /* NULL: a key of another kind, with which no signature verifies */
};

/* A key that is known to be of another kind than P-256. NULL when out of memory. */
struct fama_public_key *fama_public_key_unsupported(void);

#endif
