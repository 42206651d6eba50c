/* SHA-256 of several messages at once.
 *
 * One message keeps a core's SHA unit waiting for its own previous round; two, interleaved, nearly
 * double what it gets done. On x86-64 with SHA extensions this computes the digests itself, two
 * messages at a time; elsewhere through OpenSSL, one after another. Public data only. Stateless; any
 * thread; never fails. */
#ifndef FAMA_CRYPTO_SHA256_MANY_H
#define FAMA_CRYPTO_SHA256_MANY_H

#include "crypto/sha256.h"

/* What is known of messages that begin alike: the state after the whole blocks of their start. Opaque. */
struct fama_sha256_start {
    uint32_t state[8];
    size_t len; /* bytes that it stands for, a multiple of 64; 0 where nothing is gained by it */
};
/* As many starts are made as there are texts. */
void fama_sha256_starts(const struct fama_bytes *texts, size_t count,
                        struct fama_sha256_start *starts);

struct fama_sha256_message {
    const struct fama_bytes *parts; /* the message is their concatenation */
    size_t part_count;
    const struct fama_sha256_start *start; /* made of the first part; NULL: of nothing */
    uint8_t *digest;                       /* FAMA_SHA256_BYTES are written here */
};

void fama_sha256_many(const struct fama_sha256_message *messages, size_t count);

/* Messages that fit a single block of the hash with their padding: faster than any stream, and two at a time
 * faster still. Each has len <= FAMA_SHA256_BRIEF_MAX. */
#define FAMA_SHA256_BRIEF_MAX 55
void fama_sha256_briefs(const struct fama_bytes *messages, size_t count,
                        uint8_t (*digests)[FAMA_SHA256_BYTES]);

#endif
