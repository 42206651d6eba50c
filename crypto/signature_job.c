#include "crypto/signature_job.h"

void fama_identity_prepare_verify(const struct fama_identity *identity,
                                  const struct fama_bytes *parts, size_t part_count,
                                  struct fama_bytes signature, struct fama_verify_job *job)
{
    *job =
        (struct fama_verify_job){.key = fama_identity_key(identity), .verdict = FAMA_VERDICT_BAD};
    if (fama_public_key_is_p256(job->key) &&
        fama_signature_from_der(signature, &job->signature) == 0) {
        fama_sha256_parts(parts, part_count, job->digest);
        job->verdict = FAMA_VERDICT_PENDING;
    }
}
