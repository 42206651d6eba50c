/* An X.509 certificate as this folder's parts see it: parsed once, in the one DER form by which
 * Fabric tells identities apart. For this folder only.
 *
 * Sources: Fabric msp/cert.go, msp/mspimpl.go; Go crypto/x509 (parser.go). Immutable once made and,
 * if need be, sanitized; any thread. Adversary: whoever writes certificates. */
#ifndef FAMA_CRYPTO_CERTIFICATE_H
#define FAMA_CRYPTO_CERTIFICATE_H

#include <openssl/types.h>
#include <time.h>

#include "crypto/bytes.h"
#include "crypto/error.h"

/* Longest PEM text that is looked at, in bytes: Go knows no limit, and text around the certificate
 * costs its writer nothing, so that a smaller one would let anybody make nodes disagree. No
 * Fabric message is larger. */
#define FAMA_CERTIFICATE_PEM_MAX (100u << 20)
/* Largest certificate. They have one to three kilobytes, and only a CA can make a large one. */
#define FAMA_CERTIFICATE_DER_MAX (1u << 20)

struct fama_public_key;

struct fama_certificate {
    X509 *x509;
    uint8_t *der; /* after sanitizing: with a low s in the issuer's signature */
    size_t der_len;
    char *common_name;      /* of the subject, the last one; empty when there is none */
    struct fama_bytes *ous; /* the subject's organizational units, in order, as Go reads them */
    size_t ou_count;
    time_t not_before;
    time_t not_after;
    bool is_ca; /* basic constraints say so */
};

/* Parses the first PEM block, whatever its type. On success *certificate is the caller's to free.
 * Returns FAMA_MSP_BAD_CERTIFICATE or FAMA_MSP_NO_MEMORY. */
int fama_certificate_from_pem(struct fama_bytes pem, struct fama_certificate **certificate,
                              struct fama_error *error);
void fama_certificate_free(struct fama_certificate *certificate); /* NULL is fine */

/* Whether its issuer signed it with ECDSA, so that its signature has two forms. */
bool fama_certificate_is_ecdsa_signed(const struct fama_certificate *certificate);
/* Rewrites the DER with a low s, given whose key signed it. Returns FAMA_MSP_NO_MEMORY or
 * FAMA_MSP_BAD_CERTIFICATE. */
int fama_certificate_sanitize(struct fama_certificate *certificate,
                              const struct fama_certificate *issuer);

struct fama_bytes fama_certificate_der(const struct fama_certificate *certificate);
bool fama_certificate_equal(const struct fama_certificate *a, const struct fama_certificate *b);
/* Names in DER, as Go compares them. Empty for an empty name. */
struct fama_bytes fama_certificate_subject(const struct fama_certificate *certificate);
struct fama_bytes fama_certificate_issuer(const struct fama_certificate *certificate);
/* Value of the SubjectKeyIdentifier extension; empty when there is none. */
struct fama_bytes fama_certificate_key_id(const struct fama_certificate *certificate);

bool fama_certificate_has_ou(const struct fama_certificate *certificate, struct fama_bytes wanted);

/* What the issuer's signature covers (TBSCertificate) of a certificate in DER; empty when it is not
 * one. Certificates that differ here differ in every form. */
struct fama_bytes fama_certificate_signed_part(struct fama_bytes der);

/* The public key decoded for verification; *key is NULL when it is of no kind that Fabric imports
 * (ECDSA on a NIST curve, RSA, Ed25519), else the caller's to free. False when memory is out. */
bool fama_certificate_public_key(const struct fama_certificate *certificate,
                                 struct fama_public_key **key);

#endif
