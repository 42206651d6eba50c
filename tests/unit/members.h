/* An organisation for tests: a root, an MSP with NodeOUs, and members of every role. */
#ifndef FAMA_TESTS_UNIT_MEMBERS_H
#define FAMA_TESTS_UNIT_MEMBERS_H

#include "crypto/msp.h"
#include "crypto/principal.h"
#include "unit/certificates.h"

struct test_organisation {
    struct test_pair root;
    struct fama_bytes root_pem;
    struct fama_msp_config config;
};

static inline void test_make_organisation(struct test_organisation *organisation)
{
    test_make(&(struct test_order){.common_name = "ca.one", .is_ca = true}, &organisation->root);
    organisation->root_pem = test_pem(&organisation->root);
    organisation->config = (struct fama_msp_config){
        .name = fama_bytes_of_text("OneMSP"),
        .root_certs = &organisation->root_pem,
        .root_cert_count = 1,
        .node_ous_enabled = true,
        .client_ou = {.ou = fama_bytes_of_text("client")},
        .peer_ou = {.ou = fama_bytes_of_text("peer")},
        .admin_ou = {.ou = fama_bytes_of_text("admin")},
        .orderer_ou = {.ou = fama_bytes_of_text("orderer")},
    };
}

/* Returns what fama_msp_create says, and demands words if it is bad. */
static inline int test_try_msp(const struct fama_msp_config *config, struct fama_msp **msp)
{
    struct fama_error error = {{0}};
    int result = fama_msp_create(config, msp, &error);
    CU_ASSERT((result == 0) == (*msp != NULL));
    CU_ASSERT((result == 0) == (error.text[0] == '\0'));
    return result;
}

/* Whether the definition is accepted. */
static inline bool test_is_msp(const struct fama_msp_config *config)
{
    struct fama_msp *msp = NULL;
    bool is_accepted = test_try_msp(config, &msp) == 0;
    fama_msp_release(msp);
    return is_accepted;
}

static inline struct fama_msp *test_msp(const struct fama_msp_config *config)
{
    struct fama_msp *msp = NULL;
    struct fama_error error = {{0}};
    if (fama_msp_create(config, &msp, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL_FATAL("the MSP was refused");
    }
    return msp;
}

/* NULL when the MSP makes no identity of it. */
static inline struct fama_identity *test_identity_of(const struct fama_msp *msp,
                                                     struct fama_bytes pem)
{
    struct fama_identity *identity = NULL;
    struct fama_error error = {{0}};
    int result = fama_msp_deserialize(msp, pem, &identity, &error);
    CU_ASSERT((result == 0) == (identity != NULL));
    CU_ASSERT((result == 0) == (error.text[0] == '\0'));
    return identity;
}

static inline struct fama_identity *test_member(const struct fama_msp *msp,
                                                const struct test_order *order)
{
    struct test_pair pair;
    test_make(order, &pair);
    struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
    test_free(&pair);
    return identity;
}

static inline struct fama_principal test_role(const char *mspid, int32_t role)
{
    return (struct fama_principal){
        .kind = FAMA_PRINCIPAL_ROLE, .mspid = fama_bytes_of_text(mspid), .role = role};
}

static inline bool test_has_role(const struct fama_identity *identity, int32_t role)
{
    struct fama_principal principal = test_role("OneMSP", role);
    return fama_identity_satisfies(identity, &principal);
}

#endif
