/* Sealing: AES-256-GCM (NIST SP 800-38D, 12-byte nonces, 16-byte tags) on messages that come and go in
 * pieces, so that nothing is copied together first.
 *
 * A key object is immutable once set: any number of threads seal and open with it at once. It is plain
 * memory and holds no pointer into itself, so it may be part of another object; whoever allocates that
 * one keeps its alignment: aligned_alloc(_Alignof(struct x), sizeof(struct x)). Seal and open neither
 * allocate nor enter the kernel, save for a thread's first call where OpenSSL does the work.
 *
 * Who does the work is chosen once per process (crypto/aead_engine.h): intel-ipsec-mb where the build
 * found it and the processor has AES and carry-less multiplication; OpenSSL otherwise.
 *
 * Adversary: whoever sends datagrams. A refusal tells nothing but that it was one: tags are compared in
 * constant time. What GCM does not forgive is the caller's duty: under one key, no nonce may ever seal
 * two different messages. */
#ifndef FAMA_CRYPTO_AEAD_H
#define FAMA_CRYPTO_AEAD_H

#include "crypto/bytes.h"

#define FAMA_AEAD_KEY_BYTES      32
#define FAMA_AEAD_NONCE_BYTES    12
#define FAMA_AEAD_TAG_BYTES      16
#define FAMA_AEAD_PIECES_MAX     8
#define FAMA_AEAD_MESSAGE_MAX    (1U << 30) /* bytes, also of what is only authenticated */
#define FAMA_AEAD_KEY_ALIGNMENT  64
#define FAMA_AEAD_SCHEDULE_BYTES 1024

struct fama_aead_engine;

struct fama_aead_key {
    _Alignas(FAMA_AEAD_KEY_ALIGNMENT) uint8_t schedule[FAMA_AEAD_SCHEDULE_BYTES];
    const struct fama_aead_engine *engine; /* NULL: not set, or cleared: seals and opens nothing */
};

/* A place where opened bytes are to go. */
struct fama_aead_space {
    uint8_t *at;
    size_t len; /* bytes */
};

/* What a message is sealed under besides the key: lies in the clear beside it. */
struct fama_aead_label {
    uint8_t nonce[FAMA_AEAD_NONCE_BYTES];
    struct fama_bytes aad; /* authenticated with the message; may be empty */
};

/* False, and the key cleared, when memory is short or OpenSSL refuses. False, and nothing touched, when
 * the object is not aligned. */
bool fama_aead_key_set(struct fama_aead_key *key, const uint8_t bytes[FAMA_AEAD_KEY_BYTES]);
/* Nobody uses the key any more. Leaves nothing of it in the object. (Where OpenSSL does the work, each
 * thread's context keeps its latest key until it uses another one or ends.) */
void fama_aead_key_clear(struct fama_aead_key *key);

/* Seals the pieces, one after the other, into `out`, which has room for all of them. A piece may lie in
 * its own final place in `out`; else none overlaps with it. False, with nothing of use in `out` and
 * `tag`, for a key that is not set, too many pieces or too many bytes, or when memory is short for a
 * thread's first call. */
bool fama_aead_seal(const struct fama_aead_key *key, const struct fama_aead_label *label,
                    const struct fama_bytes *pieces, size_t count, uint8_t *out,
                    uint8_t tag[FAMA_AEAD_TAG_BYTES]);

/* Opens a sealed message into the spaces, one after the other; together they are as long as the message.
 * A space may be its own part of the message; else none overlaps with it. False if the tag is wrong: THE
 * SPACES THEN HOLD GARBAGE that a stranger may have chosen, and the caller treats them as never written.
 * False also for a key that is not set, too many spaces, lengths that do not add up, or when memory is
 * short for a thread's first call; nothing is written then. */
bool fama_aead_open(const struct fama_aead_key *key, const struct fama_aead_label *label,
                    struct fama_bytes sealed, const uint8_t tag[FAMA_AEAD_TAG_BYTES],
                    const struct fama_aead_space *spaces, size_t count);

/* "intel-ipsec-mb" or "openssl": who does the work in this process. */
const char *fama_aead_engine_name(void);

#endif
