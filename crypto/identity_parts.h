/* How an identity is made and what an MSP reads of it; for this folder only. */
#ifndef FAMA_CRYPTO_IDENTITY_PARTS_H
#define FAMA_CRYPTO_IDENTITY_PARTS_H

#include "crypto/certificate.h"
#include "crypto/identity.h"

/* Takes the certificate over, also when it fails, and a reference to the MSP of its own. The text
 * is copied. Returns
 * FAMA_MSP_BAD_CERTIFICATE when the public key is of no kind that Fabric imports, or
 * FAMA_MSP_NO_MEMORY. */
int fama_identity_create(struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_certificate *certificate, struct fama_identity **identity,
                         struct fama_error *error);

const struct fama_certificate *fama_identity_certificate(const struct fama_identity *identity);

#endif
