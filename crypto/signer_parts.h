/* The key inside a signer, for what has to hand it to OpenSSL; for this folder only. */
#ifndef FAMA_CRYPTO_SIGNER_PARTS_H
#define FAMA_CRYPTO_SIGNER_PARTS_H

#include <openssl/types.h>

#include "crypto/signer.h"

/* Borrowed: lives as long as the signer. */
EVP_PKEY *fama_signer_key(const struct fama_signer *signer);

#endif
