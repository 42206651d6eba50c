/* SHA-256 of several messages at once.
 *
 * One message keeps a core's SHA unit waiting for its own previous round; two, interleaved, nearly
 * double what it gets done. On x86-64 with SHA extensions this computes the digests itself, two
 * messages at a time; elsewhere through OpenSSL, one after another. Public data only. Stateless; any
 * thread; never fails. */
#ifndef FAMA_CRYPTO_SHA256_MANY_H
#define FAMA_CRYPTO_SHA256_MANY_H

#include "crypto/sha256.h"

struct fama_sha256_message {
    const struct fama_bytes *parts; /* the message is their concatenation */
    size_t part_count;
    uint8_t *digest; /* FAMA_SHA256_BYTES are written here */
};

void fama_sha256_many(const struct fama_sha256_message *messages, size_t count);

#endif
