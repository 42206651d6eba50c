/* Batched verification of ECDSA P-256 signatures.
 *
 * Jobs {key, digest, r, s} go in, a verdict per job comes out. Two things make it fast: signatures come
 * in batches, whose inversions are shared, and almost all of them are by a few keys seen a moment ago,
 * which get a table of multiples (crypto/hot_keys.h). Arithmetic is done by an engine
 * (crypto/p256_engine.h), the fastest that this processor runs unless one is chosen; whatever an engine
 * leaves undecided is decided by OpenSSL, which is also an implementation of its own and what all others
 * are tested against.
 *
 * A context belongs to one thread: no locks, no memory taken per batch, and no page fault, for all of its
 * memory is there when it has been made. OpenSSL does take memory for each signature it decides: with an
 * engine those are the ones aimed at its blind spots (crypto/p256_engine.h), which no honest signer meets.
 * Contexts of one process share the tables of hot keys.
 *
 * The shape is that of a lookaside device, so that one (a cryptodev, a SmartNIC) may stand behind it
 * without any caller noticing: jobs are enqueued, belong to the verifier, and come back from dequeue with
 * their verdict, in any order. A core that does the work itself does it inside dequeue. Few callers need
 * that: fama_verifier_run is both in one.
 *
 * Signatures by keys of other kinds (P-224, P-384, P-521, Ed25519) never come here: crypto/signature_job.h
 * decides them at once. A job with such a key is bad.
 *
 * Verdicts are the same by every implementation, bit for bit. Adversary: whoever writes r, s and
 * messages, and knows how this works. Keys come from certificates an MSP accepted. */
#ifndef FAMA_CRYPTO_VERIFIER_H
#define FAMA_CRYPTO_VERIFIER_H

#include "crypto/bytes.h"
#include "crypto/error.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"

struct fama_public_key; /* decoded once, owned by its identity (or by whoever made it) */
struct fama_hot_keys;   /* crypto/hot_keys.h */
struct fama_verifier;   /* one thread's context */

enum fama_verdict {
    FAMA_VERDICT_PENDING = 0,
    FAMA_VERDICT_GOOD = 1,
    FAMA_VERDICT_BAD = 2,
};

struct fama_verify_job {
    const struct fama_public_key *key; /* borrowed until the job is back */
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    enum fama_verdict verdict;
};

/* ---- Keys ---- */

/* A key from its uncompressed point (65 bytes, 04 || x || y): for test vectors and tools. Returns
 * NULL if it is not a point of P-256. */
struct fama_public_key *fama_public_key_from_point(const uint8_t *point, size_t len);
/* No job with it is on its way. Gives up its place among the hot keys. NULL is fine. */
void fama_public_key_free(struct fama_public_key *key);

/* Whether jobs may name this key: ECDSA on P-256. */
bool fama_public_key_is_p256(const struct fama_public_key *key);

/* ---- Which implementation ---- */

enum fama_verifier_implementation {
    FAMA_VERIFIER_AUTO,     /* the last of these that this processor runs */
    FAMA_VERIFIER_OPENSSL,  /* the reference */
    FAMA_VERIFIER_PORTABLE, /* the engines of crypto/p256_engine.h, in the order of their speed */
    FAMA_VERIFIER_MULX,
    FAMA_VERIFIER_IFMA,
};
#define FAMA_VERIFIER_IMPLEMENTATIONS 5

enum fama_verifier_error {
    FAMA_VERIFIER_UNSUPPORTED = -1, /* this processor, or this build, cannot */
    FAMA_VERIFIER_TOO_LATE = -2,    /* contexts exist that were made with another choice */
};

#define FAMA_HOT_KEYS_BYTES_DEFAULT ((size_t)64 << 20)

/* As configuration and benchmarks call it: "auto", "openssl", "portable", "mulx", "avx512ifma". */
const char *fama_verifier_name(enum fama_verifier_implementation implementation);
bool fama_verifier_is_supported(enum fama_verifier_implementation implementation);

/* For the whole process, at start, before the first context: the implementation, and how much memory the
 * tables of hot keys may take (256 KiB each). Without it AUTO and FAMA_HOT_KEYS_BYTES_DEFAULT. Main
 * thread. 0 or an enum fama_verifier_error. */
int fama_verifier_choose(enum fama_verifier_implementation implementation, size_t hot_keys_bytes,
                         struct fama_error *error);
/* What contexts are made with; never AUTO. Any thread. */
enum fama_verifier_implementation fama_verifier_chosen(void);

/* ---- Contexts ---- */

struct fama_verifier *fama_verifier_create(void); /* NULL when out of memory */
/* Another implementation than the process's, for tests and benchmarks. NULL also if it is not supported. */
struct fama_verifier *fama_verifier_create_with(enum fama_verifier_implementation implementation);
/* With the engine and the tables of `hot_keys`, which outlives the context. */
struct fama_verifier *fama_verifier_create_on(struct fama_hot_keys *hot_keys);
/* Nothing is in flight. NULL is fine. */
void fama_verifier_destroy(struct fama_verifier *verifier);

/* ---- Jobs ---- */

#define FAMA_VERIFIER_IN_FLIGHT_MAX 1024 /* jobs of one context */

enum fama_verify_urgency {
    FAMA_VERIFY_BULK,   /* may wait until a batch of them is worth while */
    FAMA_VERIFY_URGENT, /* goes at once and alone, however few they are, before all bulk */
};

/* Hands over as many of the jobs as are taken, from the first on, and returns their number: less than
 * `count` when FAMA_VERIFIER_IN_FLIGHT_MAX are in flight. They belong to the verifier until they are
 * dequeued. A job whose verdict is not PENDING comes back as it is. BAD also when the key is not on P-256.
 * Range checks on r and s are done here again; low-S is the caller's rule. */
size_t fama_verifier_enqueue(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                             size_t count, enum fama_verify_urgency urgency);
/* Gives back jobs that have their verdict, at most `room`, and returns their number. With none ready, a
 * verifier without a device first works on one batch: on what is urgent, else on what there is of bulk;
 * then 0 means that nothing is in flight. (With a device 0 could also mean: not yet.) */
size_t fama_verifier_dequeue(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                             size_t room);
/* What may wait until verdicts are delivered: makes the table of one key that has earned it, which takes
 * about as long as twenty cold verifications. Whoever enqueues and dequeues calls it now and then with
 * nothing urgent to do; false when there was nothing to do. */
bool fama_verifier_rest(struct fama_verifier *verifier);

/* All in one, for callers who wait: fills the verdict of every job that is PENDING and leaves the others
 * alone. Nothing else is in flight. */
void fama_verifier_run(struct fama_verifier *verifier, struct fama_verify_job *jobs[],
                       size_t count);

/* What a context has done so far. */
struct fama_verifier_counts {
    uint64_t hot;       /* decided by an engine with a table */
    uint64_t cold;      /* by an engine without one */
    uint64_t reference; /* by OpenSSL, undecided ones included */
    uint64_t undecided; /* left to OpenSSL by an engine */
    uint64_t tables;    /* made */
};
const struct fama_verifier_counts *fama_verifier_counts(const struct fama_verifier *verifier);

#endif
