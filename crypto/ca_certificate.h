/* Key pairs with certificates, as a certificate authority makes them; for this folder only.
 *
 * Keys are ECDSA P-256, signatures ECDSA with SHA-256 and a low s, serial numbers 127 random bits.
 * Subject and authority key identifiers are SHA-256 of the public point, as Fabric's SKIs are.
 * Profile: RFC 5280. */
#ifndef FAMA_CRYPTO_CA_CERTIFICATE_H
#define FAMA_CRYPTO_CA_CERTIFICATE_H

#include <openssl/types.h>
#include <time.h>

#include "crypto/bytes.h"
#include "crypto/error.h"

struct fama_ca_pair {
    EVP_PKEY *key;
    X509 *certificate;
};

enum fama_ca_purpose {
    FAMA_CA_PURPOSE_AUTHORITY, /* signs certificates and revocation lists */
    FAMA_CA_PURPOSE_SIGNING,   /* signs messages */
    FAMA_CA_PURPOSE_TLS,       /* both ends of TLS */
};

struct fama_ca_order {
    enum fama_ca_purpose purpose;
    const char *common_name;
    const char *organisation; /* NULL: left out */
    const char *ou;           /* NULL: left out */
    const char *const *sans;  /* DNS names or IP addresses */
    size_t san_count;
    time_t not_before;
    time_t not_after;
    const struct fama_ca_pair *issuer; /* NULL: signed by itself */
};

/* Makes a new key and its certificate. Returns 0 or FAMA_CA_CRYPTO. */
int fama_ca_pair_make(const struct fama_ca_order *order, struct fama_ca_pair *pair,
                      struct fama_error *error);
void fama_ca_pair_free(struct fama_ca_pair *pair);

/* PEM texts, to be freed with BIO_free; NULL when out of memory. */
BIO *fama_ca_pair_key_pem(const struct fama_ca_pair *pair);
BIO *fama_ca_pair_certificate_pem(const struct fama_ca_pair *pair);

#endif
