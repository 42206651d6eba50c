/* Public keys decoded once, of every kind that Fabric imports from certificates; for this folder
 * only: others hold a pointer (crypto/verifier.h).
 *
 * Sources: Fabric bccsp/sw/keyimport.go, ecdsa.go, rsa.go; fabric-lib-go bccsp/sw (3.x) for
 * Ed25519; bccsp/utils/ecdsa.go for the curves. Immutable once made but for what the tables of hot keys
 * note in it by atomics (crypto/hot_keys.h), hence free to share between threads. Adversary: whoever writes
 * signatures. */
#ifndef FAMA_CRYPTO_PUBLIC_KEY_H
#define FAMA_CRYPTO_PUBLIC_KEY_H

#include <openssl/types.h>

#include "crypto/verifier.h"

enum fama_key_kind {
    FAMA_KEY_P256,        /* ECDSA, verified in batches */
    FAMA_KEY_OTHER_CURVE, /* ECDSA on P-224, P-384 or P-521 */
    FAMA_KEY_ED25519,
    FAMA_KEY_RSA, /* an identity may have it, but nothing verifies with it */
};

struct fama_public_key {
    enum fama_key_kind kind;
    EC_KEY *ec;               /* both kinds of ECDSA */
    BIGNUM *half_order;       /* OTHER_CURVE: of its group, rounded down */
    struct fama_hot_key *hot; /* P256: the one part that changes, by atomics only */
    EVP_PKEY *ed25519;
};

/* All return NULL when the octets are no such key, or out of memory. `curve` is OpenSSL's NID; the
 * point must be in uncompressed form. */
struct fama_public_key *fama_public_key_ecdsa(int curve, const uint8_t *point, size_t len);
struct fama_public_key *fama_public_key_ed25519(const uint8_t *octets, size_t len);
/* The same from a SubjectPublicKeyInfo, of whichever of these kinds it is; *key is NULL if of none.
 * False when there was no memory to find out. */
bool fama_public_key_from_info(X509_PUBKEY *info, struct fama_public_key **key);

/* A signature in DER over a digest of any length, by an ECDSA key of any curve; a high s is
 * refused. */
bool fama_public_key_verify_ecdsa(const struct fama_public_key *key, struct fama_bytes digest,
                                  struct fama_bytes signature);
bool fama_public_key_verify_ed25519(const struct fama_public_key *key,
                                    const struct fama_bytes *parts, size_t part_count,
                                    struct fama_bytes signature);

#endif
