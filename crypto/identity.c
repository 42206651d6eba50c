#include "crypto/identity.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/identity_parts.h"
#include "crypto/msp_inside.h"
#include "crypto/verifier.h"

/* What the MSP says of the identity is found out once, by whoever asks first. */
struct fama_identity {
    atomic_uint references;
    struct fama_msp *msp;
    uint8_t *id_bytes;
    size_t id_bytes_len;
    struct fama_certificate *certificate;
    struct fama_public_key *key;
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    char id[2 * FAMA_HASH_BYTES_MAX + 1];
    atomic_bool is_judged; /* then the judgement and the words change no more */
    pthread_mutex_t judging;
    struct fama_msp_judgement judgement;
    struct fama_error *words; /* if it is not valid; NULL when there was no memory for them */
};

static void destroy(struct fama_identity *identity)
{
    fama_public_key_free(identity->key);
    fama_certificate_free(identity->certificate);
    free(identity->id_bytes);
    free(identity->words);
    (void)pthread_mutex_destroy(&identity->judging);
    fama_msp_release(identity->msp);
    free(identity);
}

static int set_id(struct fama_identity *identity, struct fama_error *error)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[FAMA_HASH_BYTES_MAX];
    struct fama_bytes der = fama_certificate_der(identity->certificate);
    size_t len = fama_hash_parts(identity->msp->identity_hash, &der, 1, digest);
    if (len == 0) {
        return fama_msp_no_memory(error);
    }
    for (size_t i = 0; i < len; i++) {
        identity->id[2 * i] = digits[digest[i] >> 4];
        identity->id[2 * i + 1] = digits[digest[i] & 0xf];
    }
    return 0;
}

int fama_identity_create(struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_certificate *certificate, struct fama_identity **identity,
                         struct fama_error *error)
{
    *identity = NULL;
    struct fama_identity *made = calloc(1, sizeof *made);
    if (made == NULL || pthread_mutex_init(&made->judging, NULL) != 0) {
        free(made);
        fama_certificate_free(certificate);
        return fama_msp_no_memory(error);
    }
    atomic_init(&made->references, 1);
    atomic_init(&made->is_judged, false);
    made->certificate = certificate;
    made->msp = fama_msp_acquire(msp);
    made->id_bytes = malloc(id_bytes.len + 1);
    int result = made->id_bytes == NULL ? fama_msp_no_memory(error) : 0;
    if (result == 0) {
        memcpy(made->id_bytes, id_bytes.at, id_bytes.len);
        made->id_bytes_len = id_bytes.len;
        fama_pki_id(fama_bytes_of_text(msp->id), id_bytes, made->pki_id);
        result = fama_msp_read_key(certificate, &made->key, error);
    }
    if (result == 0) {
        result = fama_msp_sanitize(msp, certificate, error);
    }
    if (result == 0) {
        result = set_id(made, error);
    }
    if (result != 0) {
        destroy(made);
        return result;
    }
    *identity = made;
    return 0;
}

static void judge(struct fama_identity *identity)
{
    struct fama_error error = {{0}};
    fama_msp_judge(identity->msp, identity->certificate, &identity->judgement, &error);
    if (identity->judgement.validity == 0) {
        return;
    }
    identity->words = malloc(sizeof error);
    if (identity->words != NULL) {
        *identity->words = error;
    }
}

const struct fama_msp_judgement *fama_identity_judgement(const struct fama_identity *identity)
{
    if (!atomic_load_explicit(&identity->is_judged, memory_order_acquire)) {
        /* Every identity lies in memory of its own that is not constant. */
        struct fama_identity *own = (struct fama_identity *)identity;
        (void)pthread_mutex_lock(&own->judging);
        if (!atomic_load_explicit(&own->is_judged, memory_order_relaxed)) {
            judge(own);
            atomic_store_explicit(&own->is_judged, true, memory_order_release);
        }
        (void)pthread_mutex_unlock(&own->judging);
    }
    return &identity->judgement;
}

int fama_identity_validate(const struct fama_identity *identity, struct fama_error *error)
{
    int validity = fama_identity_judgement(identity)->validity;
    if (validity != 0) {
        fama_error_set(error, validity, "%s",
                       identity->words != NULL ? identity->words->text : "out of memory");
    }
    return validity;
}

const struct fama_msp *fama_identity_msp(const struct fama_identity *identity)
{
    return identity->msp;
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

const char *fama_identity_mspid(const struct fama_identity *identity)
{
    return identity->msp->id;
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

bool fama_identity_is_same(const struct fama_identity *a, const struct fama_identity *b)
{
    return a == b || (strcmp(a->id, b->id) == 0 && strcmp(a->msp->id, b->msp->id) == 0);
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
