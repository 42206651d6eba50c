#include "crypto/msp.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/identity_parts.h"
#include "crypto/msp_inside.h"

void fama_certificates_free(struct fama_certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++) {
        fama_certificate_free(certificates->items[i]);
    }
    free(certificates->items);
}

static void destroy(struct fama_msp *msp)
{
    fama_certificates_free(&msp->roots);
    fama_certificates_free(&msp->intermediates);
    fama_certificates_free(&msp->admins);
    free(msp->inner_nodes);
    for (size_t i = 0; i < msp->crl_count; i++) {
        X509_CRL_free(msp->crls[i]);
    }
    free(msp->crls);
    free(msp->units);
    fama_msp_definition_free(&msp->definition);
    free(msp->id);
    free(msp);
}

int fama_msp_no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
}

bool fama_msp_contains(const struct fama_certificates *certificates,
                       const struct fama_certificate *certificate)
{
    for (size_t i = 0; i < certificates->count; i++) {
        if (fama_certificate_equal(certificates->items[i], certificate)) {
            return true;
        }
    }
    return false;
}

bool fama_msp_is_inner_node(const struct fama_msp *msp, const struct fama_certificate *certificate)
{
    for (size_t i = 0; i < msp->inner_node_count; i++) {
        if (fama_certificate_equal(msp->inner_nodes[i], certificate)) {
            return true;
        }
    }
    return false;
}

static int leave_opaque(struct fama_msp *msp, struct fama_error *error)
{
    (void)error;
    msp->is_opaque = true;
    return 0;
}

static int create(const struct fama_msp_config *config,
                  int (*set_up)(struct fama_msp *, struct fama_error *), struct fama_msp **msp,
                  struct fama_error *error)
{
    *msp = NULL;
    if (config->name.len == 0 || memchr(config->name.at, '\0', config->name.len) != NULL) {
        return fama_error_set(error, FAMA_MSP_INVALID, "the MSP has no usable MSP id");
    }
    if ((int)config->version < 0 || config->version > FAMA_MSP_V3_0) {
        return fama_error_set(error, FAMA_MSP_INVALID, "MSP version %d is unknown",
                              (int)config->version);
    }
    struct fama_msp *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fama_msp_no_memory(error);
    }
    atomic_init(&made->references, 1);
    made->version = config->version != 0 ? config->version : FAMA_MSP_V1_4_3;
    made->id = strndup((const char *)config->name.at, config->name.len);
    made->id_len = config->name.len;
    int result =
        made->id != NULL ? fama_msp_definition_copy(config, &made->definition) : FAMA_MSP_NO_MEMORY;
    if (result != 0) {
        fama_error_set(error, result, "%s",
                       result == FAMA_MSP_INVALID ? "its definition is too large"
                                                  : "out of memory");
    } else {
        result = set_up(made, error);
    }
    ERR_clear_error();
    if (result != 0) {
        fama_error_prefix(error, result, "MSP %s: ", made->id != NULL ? made->id : "");
        destroy(made);
        return result;
    }
    *msp = made;
    return 0;
}

int fama_msp_create(const struct fama_msp_config *config, struct fama_msp **msp,
                    struct fama_error *error)
{
    return create(config, fama_msp_set_up, msp, error);
}

int fama_msp_create_opaque(struct fama_bytes name, struct fama_msp **msp, struct fama_error *error)
{
    const struct fama_msp_config config = {.name = name};
    return create(&config, leave_opaque, msp, error);
}

bool fama_msp_is_opaque(const struct fama_msp *msp)
{
    return msp->is_opaque;
}

struct fama_msp *fama_msp_acquire(struct fama_msp *msp)
{
    unsigned int before = atomic_fetch_add_explicit(&msp->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return msp;
}

void fama_msp_release(struct fama_msp *msp)
{
    if (msp != NULL && atomic_fetch_sub_explicit(&msp->references, 1, memory_order_acq_rel) == 1) {
        destroy(msp);
    }
}

const char *fama_msp_id(const struct fama_msp *msp)
{
    return msp->id;
}

const struct fama_msp_config *fama_msp_definition(const struct fama_msp *msp)
{
    return &msp->definition.config;
}

int fama_msp_deserialize(const struct fama_msp *msp, struct fama_bytes id_bytes,
                         struct fama_identity **identity, struct fama_error *error)
{
    *identity = NULL;
    if (msp->is_opaque) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "identities of MSP %s are of a kind that cannot be read here",
                              msp->id);
    }
    struct fama_certificate *certificate;
    int result = fama_certificate_from_pem(id_bytes, &certificate, error);
    if (result != 0) {
        return result;
    }
    /* References are the one thing about an MSP that changes. */
    return fama_identity_create((struct fama_msp *)msp, id_bytes, certificate, identity, error);
}

/* By an MSP that may be another than the one that made the identity, if it has the same name. */
static void judge(const struct fama_msp *msp, const struct fama_identity *identity,
                  struct fama_msp_judgement *judgement, struct fama_error *error)
{
    if (strcmp(fama_identity_mspid(identity), msp->id) != 0) {
        *judgement = (struct fama_msp_judgement){
            .validity = fama_error_set(error, FAMA_MSP_UNTRUSTED, "%s is a member of %s, not of %s",
                                       fama_identity_common_name(identity),
                                       fama_identity_mspid(identity), msp->id)};
        return;
    }
    fama_msp_judge(msp, fama_identity_certificate(identity), judgement, error);
}

int fama_msp_validate(const struct fama_msp *msp, const struct fama_identity *identity,
                      struct fama_error *error)
{
    if (fama_identity_msp(identity) == msp) {
        return fama_identity_validate(identity, error);
    }
    struct fama_msp_judgement judgement;
    judge(msp, identity, &judgement, error);
    return judgement.validity;
}

bool fama_msp_has_role(const struct fama_msp *msp, const struct fama_identity *identity,
                       enum fama_msp_role role)
{
    struct fama_msp_judgement judgement;
    if (fama_identity_msp(identity) == msp) {
        judgement = *fama_identity_judgement(identity);
    } else {
        judge(msp, identity, &judgement, NULL);
    }
    return (judgement.roles >> role & 1) != 0;
}
