/* A member of an MSP as others see it: its MSP id, its certificate (the PEM text exactly as
 * serialized), and its public key decoded once.
 *
 * Lifetime: immutable after creation and reference-counted (atomic), so it may be shared between
 * threads and published in RCU-protected tables; the last release frees it. Created by an MSP
 * only (crypto/msp.h), which has then already checked what Fabric checks at deserialization. Any
 * thread. */
#ifndef FAMA_CRYPTO_IDENTITY_H
#define FAMA_CRYPTO_IDENTITY_H

#include <time.h>

#include "crypto/bytes.h"
#include "crypto/error.h"
#include "crypto/sha256.h"

#define FAMA_PKI_ID_BYTES FAMA_SHA256_BYTES

struct fama_identity;
struct fama_msp;        /* crypto/msp.h */
struct fama_public_key; /* crypto/verifier.h: what a signature job names */

struct fama_identity *fama_identity_acquire(struct fama_identity *identity);
void fama_identity_release(struct fama_identity *identity); /* NULL is fine */

/* The MSP that made it, which lives at least as long as the identity. */
const struct fama_msp *fama_identity_msp(const struct fama_identity *identity);
/* Fabric's Validate by that MSP (spec §3.3): not a CA, unique chain, not revoked, OUs. The first
 * call costs a chain of signatures; the answer is remembered with its words. Returns 0 or an enum
 * fama_msp_error. */
int fama_identity_validate(const struct fama_identity *identity, struct fama_error *error);

const char *fama_identity_mspid(const struct fama_identity *identity);
/* PEM text as it was serialized. Lives as long as the identity. */
struct fama_bytes fama_identity_id_bytes(const struct fama_identity *identity);
/* PKI-ID = SHA-256(MSP id || id_bytes), internal/peer/gossip/mcs.go GetPKIidOfCert. 32 bytes. */
const uint8_t *fama_identity_pki_id(const struct fama_identity *identity);
/* Lower-case hex hash of the (low-S) certificate DER: with the MSP id, the key by which Fabric
 * recognises the same identity twice. NUL-terminated; 64 characters, or 96 where the MSP names a
 * hash function of 384 bits. */
const char *fama_identity_id(const struct fama_identity *identity);
/* Whether both are the same to Fabric: that MSP's identity of that key. */
bool fama_identity_is_same(const struct fama_identity *a, const struct fama_identity *b);
const char *fama_identity_common_name(const struct fama_identity *identity);
/* Borrowed. Jobs for it are made by crypto/signature_job.h, which knows keys of every kind. */
const struct fama_public_key *fama_identity_key(const struct fama_identity *identity);
/* Wall-clock validity of the certificate: gossip refuses expired peers, the ledger does not ask. */
time_t fama_identity_not_before(const struct fama_identity *identity);
time_t fama_identity_not_after(const struct fama_identity *identity);

/* PKI-ID of an identity that is not decoded yet. */
void fama_pki_id(struct fama_bytes mspid, struct fama_bytes id_bytes,
                 uint8_t pki_id[FAMA_PKI_ID_BYTES]);

#endif
