/* ECDSA P-256 signatures in their two shapes: DER as Fabric's messages carry them, and the fixed
 * 64-byte r || s (big-endian) of our own wire.
 *
 * Adversary: whoever writes signatures. The DER reader accepts exactly what Go's encoding/asn1
 * accepts for bccsp/utils UnmarshalECDSASignature (spec fabric-algorithms §3.5): bytes after the
 * SEQUENCE and further elements inside it are ignored, non-minimal lengths and integers are
 * refused, r and s must be positive; a high s is refused (bccsp/sw/ecdsa.go). Stateless; any
 * thread. */
#ifndef FAMA_CRYPTO_SIGNATURE_H
#define FAMA_CRYPTO_SIGNATURE_H

#include "crypto/bytes.h"

#define FAMA_SCALAR_BYTES      32
#define FAMA_SIGNATURE_BYTES   (2 * FAMA_SCALAR_BYTES)
#define FAMA_SIGNATURE_DER_MAX 72 /* bytes: SEQUENCE of two 33-byte integers */

struct fama_signature {
    uint8_t r[FAMA_SCALAR_BYTES];
    uint8_t s[FAMA_SCALAR_BYTES];
};

enum fama_signature_error {
    FAMA_SIGNATURE_MALFORMED = -1,    /* not a DER SEQUENCE of two positive INTEGERs */
    FAMA_SIGNATURE_OUT_OF_RANGE = -2, /* r or s is zero or not below the group order */
    FAMA_SIGNATURE_HIGH_S = -3,       /* s is above half the group order */
};

/* For curves of any size: finds the numbers of a DER signature, big-endian and without leading
 * zeros, in the caller's memory. Returns 0, FAMA_SIGNATURE_MALFORMED, or FAMA_SIGNATURE_OUT_OF_RANGE
 * when one of them is zero. */
int fama_signature_split(struct fama_bytes der, struct fama_bytes *r, struct fama_bytes *s);

/* Both readers write *signature also when they answer FAMA_SIGNATURE_HIGH_S, for those to whom that
 * rule does not apply (issuers' signatures in certificates). */
int fama_signature_from_der(struct fama_bytes der, struct fama_signature *signature);
int fama_signature_from_raw(const uint8_t raw[FAMA_SIGNATURE_BYTES],
                            struct fama_signature *signature);
/* Replaces a high s by the group order minus s: the same signature in the one form that is
 * accepted. The signature must be in range. */
void fama_signature_make_low_s(struct fama_signature *signature);
/* Returns the number of bytes written. */
size_t fama_signature_to_der(const struct fama_signature *signature,
                             uint8_t der[FAMA_SIGNATURE_DER_MAX]);
void fama_signature_to_raw(const struct fama_signature *signature,
                           uint8_t raw[FAMA_SIGNATURE_BYTES]);

#endif
