/* From an identity, a message and a DER signature to a verify job, as Fabric's identity.Verify
 * would judge it.
 *
 * Sources: Fabric msp/identities.go Verify, bccsp/sw/ecdsa.go, v3.1.5 for Ed25519; spec
 * fabric-algorithms §3.5. Stateless; any thread. Adversary: whoever writes signatures. */
#ifndef FAMA_CRYPTO_SIGNATURE_JOB_H
#define FAMA_CRYPTO_SIGNATURE_JOB_H

#include "crypto/identity.h"
#include "crypto/verifier.h"

/* Fills the whole job; the message is the concatenation of `parts`. The verdict is PENDING for
 * ECDSA P-256 when all that is left is the arithmetic: run it in a batch (fama_verifier_run). Else
 * the verdict is final: BAD for what is malformed or has a high s, and for RSA keys; GOOD or BAD
 * for other curves and Ed25519, which are verified here and now (a fraction of a millisecond). The
 * job borrows the identity's key. */
void fama_identity_prepare_verify(const struct fama_identity *identity,
                                  const struct fama_bytes *parts, size_t part_count,
                                  struct fama_bytes signature, struct fama_verify_job *job);

/* The same, for those who hash several messages at once (crypto/sha256_many.h): true when the job is
 * complete but for job->digest, which is to be the SHA-256 of the message. */
bool fama_identity_prepare_verify_unhashed(const struct fama_identity *identity,
                                           const struct fama_bytes *parts, size_t part_count,
                                           struct fama_bytes signature,
                                           struct fama_verify_job *job);

#endif
