/* SHA-256 (FIPS 180-4) through OpenSSL. Stateless; any thread; never fails on valid input. */
#ifndef FAMA_CRYPTO_SHA256_H
#define FAMA_CRYPTO_SHA256_H

#include "crypto/bytes.h"

#define FAMA_SHA256_BYTES      32
#define FAMA_SHA256_TEXT_BYTES 65 /* lower-case hex with its NUL */

void fama_sha256(struct fama_bytes message, uint8_t digest[FAMA_SHA256_BYTES]);

/* Hashes the plain concatenation of `parts` without joining them in memory. */
void fama_sha256_parts(const struct fama_bytes *parts, size_t count,
                       uint8_t digest[FAMA_SHA256_BYTES]);

/* The same, message by pieces: begin, add any number of times, end. */
struct fama_sha256_stream {
    uint64_t state[14]; /* OpenSSL's */
};
void fama_sha256_begin(struct fama_sha256_stream *stream);
void fama_sha256_add(struct fama_sha256_stream *stream, struct fama_bytes piece);
void fama_sha256_end(struct fama_sha256_stream *stream, uint8_t digest[FAMA_SHA256_BYTES]);

void fama_sha256_text(const uint8_t digest[FAMA_SHA256_BYTES], char text[FAMA_SHA256_TEXT_BYTES]);

#endif
