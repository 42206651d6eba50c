/* The hash functions that an MSP's definition may name: SHA-2 and SHA-3 of 256 and 384 bits.
 *
 * Source: Fabric bccsp/hashopts.go. Stateless; any thread. Where SHA-256 is meant, whatever an MSP
 * says, use crypto/sha256.h. For this folder only. */
#ifndef FAMA_CRYPTO_HASH_H
#define FAMA_CRYPTO_HASH_H

#include "crypto/bytes.h"

#define FAMA_HASH_BYTES_MAX 48

enum fama_hash {
    FAMA_HASH_NONE = 0, /* a name that is not known */
    FAMA_HASH_SHA256,
    FAMA_HASH_SHA384,
    FAMA_HASH_SHA3_256,
    FAMA_HASH_SHA3_384,
};

/* By Fabric's name; FAMA_HASH_SHA256 for an empty one. */
enum fama_hash fama_hash_of_name(struct fama_bytes name);

/* Hashes the plain concatenation of `parts`. Returns the number of bytes written; 0 when OpenSSL
 * refuses (out of memory) or there is no hash. */
size_t fama_hash_parts(enum fama_hash hash, const struct fama_bytes *parts, size_t count,
                       uint8_t digest[FAMA_HASH_BYTES_MAX]);

#endif
