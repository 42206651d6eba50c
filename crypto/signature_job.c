#include "crypto/signature_job.h"

#include "crypto/msp_inside.h"
#include "crypto/public_key.h"

/* Also what is hashed with another function than SHA-256, or verified without a batch. */
static void prepare_hashed(const struct fama_identity *identity, const struct fama_bytes *parts,
                           size_t part_count, struct fama_bytes signature,
                           struct fama_verify_job *job)
{
    const struct fama_public_key *key = job->key;
    uint8_t digest[FAMA_HASH_BYTES_MAX];
    size_t digest_len = 0;
    bool is_good = false;
    switch (key->kind) {
    case FAMA_KEY_P256:
        digest_len =
            fama_hash_parts(fama_identity_msp(identity)->signature_hash, parts, part_count, digest);
        if (digest_len == FAMA_SHA256_BYTES) {
            memcpy(job->digest, digest, FAMA_SHA256_BYTES);
            job->verdict = FAMA_VERDICT_PENDING;
        }
        return;
    case FAMA_KEY_OTHER_CURVE:
        digest_len =
            fama_hash_parts(fama_identity_msp(identity)->signature_hash, parts, part_count, digest);
        is_good = digest_len > 0 &&
                  fama_public_key_verify_ecdsa(key, fama_bytes(digest, digest_len), signature);
        break;
    case FAMA_KEY_ED25519:
        is_good = fama_public_key_verify_ed25519(key, parts, part_count, signature);
        break;
    case FAMA_KEY_RSA:
        break;
    }
    job->verdict = is_good ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD;
}

bool fama_identity_prepare_verify_unhashed(const struct fama_identity *identity,
                                           const struct fama_bytes *parts, size_t part_count,
                                           struct fama_bytes signature, struct fama_verify_job *job)
{
    const struct fama_public_key *key = fama_identity_key(identity);
    *job = (struct fama_verify_job){.key = key, .verdict = FAMA_VERDICT_BAD};
    if (key->kind == FAMA_KEY_P256) {
        /* The cheap refusals come before the message is hashed. */
        if (fama_signature_from_der(signature, &job->signature) != 0) {
            return false;
        }
        if (fama_identity_msp(identity)->signature_hash == FAMA_HASH_SHA256) {
            job->verdict = FAMA_VERDICT_PENDING;
            return true;
        }
    }
    prepare_hashed(identity, parts, part_count, signature, job);
    return false;
}

void fama_identity_prepare_verify(const struct fama_identity *identity,
                                  const struct fama_bytes *parts, size_t part_count,
                                  struct fama_bytes signature, struct fama_verify_job *job)
{
    if (fama_identity_prepare_verify_unhashed(identity, parts, part_count, signature, job)) {
        fama_sha256_parts(parts, part_count, job->digest);
    }
}
