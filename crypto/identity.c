#include "crypto/identity.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/identity_parts.h"
#include "crypto/msp.h"
#include "crypto/verifier.h"

struct fama_identity {
    atomic_uint references;
    struct fama_msp *msp;
    uint8_t *id_bytes;
    size_t id_bytes_len;
    struct fama_certificate *certificate;
    struct fama_public_key *key;
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    char id[FAMA_SHA256_TEXT_BYTES];
};

static void destroy(struct fama_identity *identity)
{
    fama_public_key_free(identity->key);
    fama_certificate_free(identity->certificate);
    free(identity->id_bytes);
    fama_msp_release(identity->msp);
    free(identity);
}

int fama_identity_create(struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_certificate *certificate, struct fama_identity **identity,
                         struct fama_error *error)
{
    *identity = NULL;
    struct fama_identity *made = calloc(1, sizeof *made);
    if (made == NULL) {
        fama_certificate_free(certificate);
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    atomic_init(&made->references, 1);
    made->certificate = certificate;
    made->msp = fama_msp_acquire(msp);
    made->id_bytes = malloc(id_bytes.len + 1);
    if (made->id_bytes == NULL) {
        destroy(made);
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    memcpy(made->id_bytes, id_bytes.at, id_bytes.len);
    made->id_bytes_len = id_bytes.len;
    made->key = fama_certificate_public_key(certificate);
    if (made->key == NULL) {
        int result = fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE,
                                    "the public key of %s is neither ECDSA nor RSA",
                                    certificate->common_name);
        destroy(made);
        return result;
    }
    fama_pki_id(fama_bytes_of_text(fama_msp_id(msp)), id_bytes, made->pki_id);
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(fama_certificate_der(certificate), digest);
    fama_sha256_text(digest, made->id);
    *identity = made;
    return 0;
}

struct fama_identity *fama_identity_acquire(struct fama_identity *identity)
{
    /* Whoever acquires already has a reference or a guarantee like one (RCU), so no order is
     * needed. */
    unsigned int before = atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return identity;
}

void fama_identity_release(struct fama_identity *identity)
{
    if (identity != NULL &&
        atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) == 1) {
        destroy(identity);
    }
}

const struct fama_msp *fama_identity_msp(const struct fama_identity *identity)
{
    return identity->msp;
}

int fama_identity_validate(const struct fama_identity *identity, struct fama_error *error)
{
    return fama_msp_validate(identity->msp, identity, error);
}

const char *fama_identity_mspid(const struct fama_identity *identity)
{
    return fama_msp_id(identity->msp);
}

struct fama_bytes fama_identity_id_bytes(const struct fama_identity *identity)
{
    return fama_bytes(identity->id_bytes, identity->id_bytes_len);
}

const uint8_t *fama_identity_pki_id(const struct fama_identity *identity)
{
    return identity->pki_id;
}

const char *fama_identity_id(const struct fama_identity *identity)
{
    return identity->id;
}

const char *fama_identity_common_name(const struct fama_identity *identity)
{
    return identity->certificate->common_name;
}

const struct fama_public_key *fama_identity_key(const struct fama_identity *identity)
{
    return identity->key;
}

time_t fama_identity_not_before(const struct fama_identity *identity)
{
    return identity->certificate->not_before;
}

time_t fama_identity_not_after(const struct fama_identity *identity)
{
    return identity->certificate->not_after;
}

const struct fama_certificate *fama_identity_certificate(const struct fama_identity *identity)
{
    return identity->certificate;
}

void fama_pki_id(struct fama_bytes mspid, struct fama_bytes id_bytes,
                 uint8_t pki_id[FAMA_PKI_ID_BYTES])
{
    struct fama_bytes parts[] = {mspid, id_bytes};
    fama_sha256_parts(parts, 2, pki_id);
}
