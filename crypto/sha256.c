/* The low-level interface keeps its state on the stack: no allocation, no look-up of a provider and
 * no failure, where the EVP interface of OpenSSL 3.0 costs several times as much on the 41-byte
 * messages that Merkle nodes are. It is deprecated, not removed. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "crypto/sha256.h"

#include <openssl/sha.h>

_Static_assert(FAMA_SHA256_BYTES == SHA256_DIGEST_LENGTH, "a SHA-256 digest has 32 bytes");

void fama_sha256(struct fama_bytes message, uint8_t digest[FAMA_SHA256_BYTES])
{
    fama_sha256_parts(&message, 1, digest);
}

void fama_sha256_parts(const struct fama_bytes *parts, size_t count,
                       uint8_t digest[FAMA_SHA256_BYTES])
{
    /* These functions return 1 always: they only compute. */
    SHA256_CTX state;
    (void)SHA256_Init(&state);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            (void)SHA256_Update(&state, parts[i].at, parts[i].len);
        }
    }
    (void)SHA256_Final(digest, &state);
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct fama_sha256_stream),
               "a stream holds OpenSSL's state");

void fama_sha256_begin(struct fama_sha256_stream *stream)
{
    (void)SHA256_Init((SHA256_CTX *)stream->state);
}

void fama_sha256_add(struct fama_sha256_stream *stream, struct fama_bytes piece)
{
    if (piece.len > 0) {
        (void)SHA256_Update((SHA256_CTX *)stream->state, piece.at, piece.len);
    }
}

void fama_sha256_end(struct fama_sha256_stream *stream, uint8_t digest[FAMA_SHA256_BYTES])
{
    (void)SHA256_Final(digest, (SHA256_CTX *)stream->state);
}

void fama_sha256_text(const uint8_t digest[FAMA_SHA256_BYTES], char text[FAMA_SHA256_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < FAMA_SHA256_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 0xf];
    }
    text[2 * FAMA_SHA256_BYTES] = '\0';
}
