/* How an identity is made and what an MSP reads of it; for this folder only. */
#ifndef FAMA_CRYPTO_IDENTITY_PARTS_H
#define FAMA_CRYPTO_IDENTITY_PARTS_H

#include "crypto/certificate.h"
#include "crypto/identity.h"

/* Takes the certificate over, also when it fails, brings it into its low-S form, and takes a
 * reference to the MSP of its own. The text is copied. Returns FAMA_MSP_BAD_CERTIFICATE when the
 * public key is of no kind that Fabric imports, FAMA_MSP_UNTRUSTED, or FAMA_MSP_NO_MEMORY. */
int fama_identity_create(struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_certificate *certificate, struct fama_identity **identity,
                         struct fama_error *error);

/* What its MSP says of it; found out on the first call. Lives as long as the identity. */
struct fama_msp_judgement;
const struct fama_msp_judgement *fama_identity_judgement(const struct fama_identity *identity);

const struct fama_certificate *fama_identity_certificate(const struct fama_identity *identity);

#endif
