/* The limits that receiving and encoding are measured against: sealing or opening and hashing the very same
 * chunks, and nothing else; by the primitives that Fama uses itself, and by OpenSSL's EVP interface.
 *
 * One thread. */
#ifndef FAMA_BENCH_CHUNK_LIMITS_H
#define FAMA_BENCH_CHUNK_LIMITS_H

#include "crypto/bytes.h"
#include "dataplane/wire.h"

/* A chunk's datagram: where it lies, and what its parts are. */
struct fama_limit_chunk {
    uint8_t *datagram; /* clear header, what is sealed, tag */
    size_t proof_bytes;
    size_t payload_bytes;
    uint8_t *payload; /* where the payload is opened to, or sealed from */
};

struct fama_limits;
/* NULL when OpenSSL refuses or memory is out. */
struct fama_limits *fama_limits_create(void);
void fama_limits_destroy(struct fama_limits *limits); /* NULL is fine */

enum fama_limit {
    FAMA_LIMIT_PRIMITIVES = 0, /* crypto/aead.h, crypto/sha256_many.h */
    FAMA_LIMIT_OPENSSL = 1,    /* EVP_AES_256_GCM, EVP_sha256 */
};

/* Opens each chunk into its place and hashes the payload. The datagrams need not be sealed with the right key: what
 * is opened takes as long whether its tag is right or not, and they are opened with a key of ours. */
void fama_limits_open(struct fama_limits *limits, enum fama_limit which,
                      const struct fama_limit_chunk *chunks, size_t count);
/* Hashes each payload, seals each chunk into its datagram. */
void fama_limits_seal(struct fama_limits *limits, enum fama_limit which,
                      const struct fama_limit_chunk *chunks, size_t count);
/* One ECDSA signature of P-256, by a context of OpenSSL's that is used again and again. False if it refuses. */
bool fama_limits_sign(struct fama_limits *limits);

#endif
