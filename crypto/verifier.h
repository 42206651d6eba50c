/* Batched verification of ECDSA P-256 signatures.
 *
 * A batch of jobs {key, digest, r, s} goes in, a verdict per job comes out. One context per thread:
 * no locks, nothing shared but the immutable keys. The shape fits a lookaside device
 * (enqueue/dequeue) as well as a core that does the work at once.
 *
 * Signatures by keys of other kinds (P-224, P-384, P-521, Ed25519) never come here: crypto/signature_job.h
 * decides them at once. A job with such a key is bad.
 *
 * Adversary: whoever writes r, s and messages. Keys come from certificates an MSP accepted. */
#ifndef FAMA_CRYPTO_VERIFIER_H
#define FAMA_CRYPTO_VERIFIER_H

#include "crypto/bytes.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"

struct fama_public_key; /* decoded once, immutable, owned by its identity (or by whoever made it) */
struct fama_verifier;   /* one thread's context */

enum fama_verdict {
    FAMA_VERDICT_PENDING = 0,
    FAMA_VERDICT_GOOD = 1,
    FAMA_VERDICT_BAD = 2,
};

struct fama_verify_job {
    const struct fama_public_key *key; /* borrowed until the verdict is in */
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    enum fama_verdict verdict;
};

/* A key from its uncompressed point (65 bytes, 04 || x || y): for test vectors and tools. Returns
 * NULL if it is not a point of P-256. */
struct fama_public_key *fama_public_key_from_point(const uint8_t *point, size_t len);
void fama_public_key_free(struct fama_public_key *key);

/* Whether jobs may name this key: ECDSA on P-256. */
bool fama_public_key_is_p256(const struct fama_public_key *key);

struct fama_verifier *fama_verifier_create(void); /* NULL when out of memory */
void fama_verifier_destroy(struct fama_verifier *verifier);

/* Fills the verdict of every job that is PENDING and leaves the others alone. BAD also when the key is not on P-256. Range checks on r and s are
 * done here again; low-S is the caller's rule. */
void fama_verifier_run(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                       size_t count);

#endif
