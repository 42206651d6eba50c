#include "crypto/principal.h"

#include <pthread.h>

#include "unit/members.h"

static const enum fama_msp_version versions[] = {FAMA_MSP_V1_0, FAMA_MSP_V1_1, FAMA_MSP_V1_3,
                                                 FAMA_MSP_V1_4_3, FAMA_MSP_V3_0};
enum { VERSIONS = sizeof versions / sizeof versions[0] };

static const int32_t all_roles[] = {FAMA_MSP_ROLE_MEMBER, FAMA_MSP_ROLE_ADMIN, FAMA_MSP_ROLE_CLIENT,
                                    FAMA_MSP_ROLE_PEER, FAMA_MSP_ROLE_ORDERER};

/* Which roles an identity holds, as one bit each. */
static unsigned int roles_of(const struct fama_identity *identity)
{
    unsigned int roles = 0;
    for (size_t i = 0; i < sizeof all_roles / sizeof all_roles[0]; i++) {
        roles |= test_has_role(identity, all_roles[i]) ? 1u << all_roles[i] : 0;
        CU_ASSERT_EQUAL(fama_msp_has_role(fama_identity_msp(identity), identity,
                                          (enum fama_msp_role)all_roles[i]),
                        test_has_role(identity, all_roles[i]));
    }
    return roles;
}

#define MEMBER  (1u << FAMA_MSP_ROLE_MEMBER)
#define ADMIN   (1u << FAMA_MSP_ROLE_ADMIN)
#define CLIENT  (1u << FAMA_MSP_ROLE_CLIENT)
#define PEER    (1u << FAMA_MSP_ROLE_PEER)
#define ORDERER (1u << FAMA_MSP_ROLE_ORDERER)

static void roles_follow_the_version_of_the_msp(void)
{
    /* With NodeOUs on and no listed administrator. Invalid identities hold nothing. */
    static const struct {
        const char *ou;
        unsigned int roles[VERSIONS];
    } cases[] = {
        {"client", {MEMBER, MEMBER | CLIENT, MEMBER | CLIENT, MEMBER | CLIENT, MEMBER | CLIENT}},
        {"peer", {MEMBER, MEMBER | PEER, MEMBER | PEER, MEMBER | PEER, MEMBER | PEER}},
        {"admin", {MEMBER, 0, 0, MEMBER | ADMIN, MEMBER | ADMIN}},
        {"orderer", {MEMBER, 0, 0, MEMBER | ORDERER, MEMBER | ORDERER}},
        {"sales", {MEMBER, 0, 0, 0, 0}},
    };
    struct test_organisation one;
    test_make_organisation(&one);
    for (size_t v = 0; v < VERSIONS; v++) {
        one.config.version = versions[v];
        struct fama_msp *msp = test_msp(&one.config);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct fama_identity *identity = test_member(
                msp, &(struct test_order){
                         .common_name = "m", .ous = {cases[i].ou}, .issuer = &one.root});
            CU_ASSERT_EQUAL(roles_of(identity), cases[i].roles[v]);
            CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL) == 0,
                            (cases[i].roles[v] & MEMBER) != 0);
            struct fama_principal unknown = test_role("OneMSP", 5);
            CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unknown));
            unknown.role = -1;
            CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unknown));
            unknown.role = INT32_MAX;
            CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unknown));
            struct fama_principal foreign = test_role("OneMSPx", FAMA_MSP_ROLE_MEMBER);
            CU_ASSERT_FALSE(fama_identity_satisfies(identity, &foreign));
            foreign.mspid.len = 5;
            CU_ASSERT_FALSE(fama_identity_satisfies(identity, &foreign));
            fama_identity_release(identity);
        }
        fama_msp_release(msp);
    }
    test_free(&one.root);
}

static void without_node_ous_there_are_members_and_listed_administrators(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct test_pair boss;
    test_make(&(struct test_order){.common_name = "boss", .ous = {"sales"}, .issuer = &one.root},
              &boss);
    struct fama_bytes boss_pem = test_pem(&boss);
    one.config.node_ous_enabled = false;
    one.config.admins = &boss_pem;
    one.config.admin_count = 1;
    for (size_t v = 0; v < VERSIONS; v++) {
        one.config.version = versions[v];
        struct fama_msp *msp = test_msp(&one.config);
        struct fama_identity *identity = test_identity_of(msp, boss_pem);
        CU_ASSERT_EQUAL(roles_of(identity), MEMBER | ADMIN);
        fama_identity_release(identity);
        static const char *const ous[] = {"client", "peer", "admin", "orderer"};
        for (size_t i = 0; i < 4; i++) {
            identity = test_member(
                msp,
                &(struct test_order){.common_name = "m", .ous = {ous[i]}, .issuer = &one.root});
            CU_ASSERT_EQUAL(roles_of(identity), MEMBER);
            fama_identity_release(identity);
        }
        fama_msp_release(msp);
    }
    test_free(&boss);
    test_free(&one.root);
}

/* A list that revokes serial 7, signed by the root. */
static struct fama_bytes revoke_seven(const struct test_pair *root, uint8_t *der, size_t room)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, 1700000000);
    CU_ASSERT_FATAL(crl != NULL && revoked != NULL && serial != NULL && time != NULL);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(root->certificate));
    X509_CRL_set1_lastUpdate(crl, time);
    X509_CRL_set1_nextUpdate(crl, time);
    ASN1_INTEGER_set(serial, 7);
    X509_REVOKED_set_serialNumber(revoked, serial);
    X509_REVOKED_set_revocationDate(revoked, time);
    CU_ASSERT_FATAL(X509_CRL_add0_revoked(crl, revoked) == 1);
    X509V3_CTX context;
    X509V3_set_ctx(&context, root->certificate, NULL, NULL, crl, 0);
    X509_EXTENSION *aki =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    CU_ASSERT_FATAL(aki != NULL && X509_CRL_add_ext(crl, aki, -1) == 1);
    X509_EXTENSION_free(aki);
    CU_ASSERT_FATAL(X509_CRL_sign(crl, root->key, EVP_sha256()) > 0);
    unsigned char *end = der;
    int len = i2d_X509_CRL(crl, NULL);
    CU_ASSERT_FATAL(len > 0 && (size_t)len <= room && i2d_X509_CRL(crl, &end) == len);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    X509_CRL_free(crl);
    return fama_bytes(der, (size_t)len);
}

static void a_listed_administrator_remains_one_when_revoked(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct test_pair boss;
    test_make(
        &(struct test_order){
            .common_name = "boss", .ous = {"client"}, .serial = 7, .issuer = &one.root},
        &boss);
    struct fama_bytes boss_pem = test_pem(&boss);
    uint8_t der[2048];
    struct fama_bytes crl = revoke_seven(&one.root, der, sizeof der);
    one.config.admins = &boss_pem;
    one.config.admin_count = 1;
    one.config.revocation_lists = &crl;
    one.config.revocation_list_count = 1;
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_identity_of(msp, boss_pem);
    CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), FAMA_MSP_REVOKED);
    CU_ASSERT_EQUAL(roles_of(identity), ADMIN);
    struct fama_principal itself = {.kind = FAMA_PRINCIPAL_IDENTITY,
                                    .mspid = fama_bytes_of_text("OneMSP"),
                                    .id_bytes = boss_pem};
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &itself));
    fama_identity_release(identity);

    /* One with the same role and another certificate is an administrator by nothing. */
    identity = test_member(
        msp, &(struct test_order){.common_name = "boss", .ous = {"client"}, .issuer = &one.root});
    CU_ASSERT_EQUAL(roles_of(identity), MEMBER | CLIENT);
    fama_identity_release(identity);
    fama_msp_release(msp);

    /* Where administrators must be valid, such an MSP cannot be. */
    static const enum fama_msp_version strict[] = {FAMA_MSP_V1_0, FAMA_MSP_V1_1, FAMA_MSP_V1_3};
    for (size_t i = 0; i < sizeof strict / sizeof strict[0]; i++) {
        one.config.version = strict[i];
        CU_ASSERT_FALSE(test_is_msp(&one.config));
    }
    one.config.version = FAMA_MSP_V1_4_3;
    one.config.node_ous_enabled = false;
    CU_ASSERT_FALSE(test_is_msp(&one.config));
    test_free(&boss);
    test_free(&one.root);
}

static void units_must_be_certified_by_the_same_chain(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct test_pair inter;
    test_make(&(struct test_order){.common_name = "inter", .is_ca = true, .issuer = &one.root},
              &inter);
    struct fama_bytes inter_pem = test_pem(&inter);
    one.config.intermediate_certs = &inter_pem;
    one.config.intermediate_cert_count = 1;
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_member(
        msp,
        &(struct test_order){.common_name = "m", .ous = {"peer", "sales", ""}, .issuer = &inter});
    uint8_t chain[FAMA_SHA256_BYTES];
    uint8_t *ders[2] = {NULL, NULL};
    struct fama_bytes parts[2];
    const struct test_pair *authorities[] = {&inter, &one.root};
    for (size_t i = 0; i < 2; i++) {
        int len = i2d_X509(authorities[i]->certificate, &ders[i]);
        CU_ASSERT_FATAL(len > 0);
        parts[i] = fama_bytes(ders[i], (size_t)len);
    }
    fama_sha256_parts(parts, 2, chain);
    struct fama_principal unit = {.kind = FAMA_PRINCIPAL_ORGANIZATION_UNIT,
                                  .mspid = fama_bytes_of_text("OneMSP"),
                                  .unit = fama_bytes_of_text("sales"),
                                  .certifiers = fama_bytes(chain, sizeof chain)};
    CU_ASSERT(fama_identity_satisfies(identity, &unit));
    unit.unit = fama_bytes_of_text("peer");
    CU_ASSERT(fama_identity_satisfies(identity, &unit));
    unit.unit = fama_bytes_of_text("sale");
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    unit.unit = fama_bytes_of_text("client");
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    unit.unit = fama_bytes_of_text("sales");
    unit.mspid = fama_bytes_of_text("TwoMSP");
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    unit.mspid = fama_bytes_of_text("OneMSP");
    unit.certifiers.len = 0;
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    fama_sha256(parts[1], chain); /* the root alone */
    unit.certifiers = fama_bytes(chain, sizeof chain);
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    fama_identity_release(identity);

    /* An invalid identity has no units, and one without a chain nothing at all. */
    identity = test_member(
        msp, &(struct test_order){.common_name = "m", .ous = {"sales"}, .issuer = &inter});
    fama_sha256_parts(parts, 2, chain);
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &unit));
    fama_identity_release(identity);
    fama_msp_release(msp);
    OPENSSL_free(ders[0]);
    OPENSSL_free(ders[1]);
    test_free(&inter);
    test_free(&one.root);
}

/* The same certificate with the other of its issuer's two signatures. */
static void flip_s(const struct test_pair *from, char *pem, size_t room)
{
    X509 *twin = X509_dup(from->certificate);
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin);
    const ASN1_BIT_STRING *bits;
    X509_get0_signature(&bits, NULL, twin);
    const unsigned char *at = ASN1_STRING_get0_data(bits);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(bits));
    BIGNUM *order = NULL;
    BIGNUM *other = BN_new();
    CU_ASSERT_FATAL(signature != NULL && other != NULL &&
                    BN_hex2bn(&order, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2"
                                      "fc632551") > 0);
    CU_ASSERT_FATAL(BN_sub(other, order, ECDSA_SIG_get0_s(signature)) == 1);
    CU_ASSERT_FATAL(ECDSA_SIG_set0(signature, BN_dup(ECDSA_SIG_get0_r(signature)), other) == 1);
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(signature, &der);
    CU_ASSERT_FATAL(len > 0 && ASN1_STRING_set((ASN1_STRING *)bits, der, len) == 1);
    BIO *bio = BIO_new(BIO_s_mem());
    CU_ASSERT_FATAL(bio != NULL && PEM_write_bio_X509(bio, twin) == 1);
    int read = BIO_read(bio, pem, (int)room - 1);
    CU_ASSERT_FATAL(read > 0);
    pem[read] = '\0';
    BIO_free(bio);
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);
    BN_free(order);
    X509_free(twin);
}

static void an_identity_principal_means_the_certificate_not_the_text(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct test_pair peer;
    struct test_pair other;
    struct test_order order = {.common_name = "p", .ous = {"peer"}, .issuer = &one.root};
    test_make(&order, &peer);
    order.serial = 2;
    test_make(&order, &other);
    char twin[8192];
    flip_s(&peer, twin, sizeof twin);
    CU_ASSERT_STRING_NOT_EQUAL(twin, peer.pem);
    char dressed[9000];
    snprintf(dressed, sizeof dressed, "hello\n%s\nbye", peer.pem);
    char no_issuer[8192];
    struct test_pair stranger;
    test_make(&(struct test_order){.common_name = "p", .ous = {"peer"}}, &stranger);
    snprintf(no_issuer, sizeof no_issuer, "%s", stranger.pem);

    struct fama_identity *identities[] = {
        test_identity_of(msp, test_pem(&peer)),
        test_identity_of(msp, fama_bytes_of_text(twin)),
        test_identity_of(msp, fama_bytes_of_text(dressed)),
    };
    const struct {
        const char *text;
        bool is_same;
    } texts[] = {{peer.pem, true},   {twin, true},      {dressed, true},       {other.pem, false},
                 {no_issuer, false}, {"no PEM", false}, {one.root.pem, false}, {"", false}};
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(identities[i]);
        CU_ASSERT_STRING_EQUAL(fama_identity_id(identities[i]), fama_identity_id(identities[0]));
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            struct fama_principal principal = {.kind = FAMA_PRINCIPAL_IDENTITY,
                                               .mspid = fama_bytes_of_text("OneMSP"),
                                               .id_bytes = fama_bytes_of_text(texts[j].text)};
            CU_ASSERT_EQUAL(fama_identity_satisfies(identities[i], &principal), texts[j].is_same);
            principal.mspid = fama_bytes_of_text("TwoMSP");
            CU_ASSERT_FALSE(fama_identity_satisfies(identities[i], &principal));
        }
    }
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        fama_identity_release(identities[i]);
    }
    fama_msp_release(msp);
    test_free(&stranger);
    test_free(&other);
    test_free(&peer);
    test_free(&one.root);
}

static void an_identity_must_be_valid_to_be_itself(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_member(
        msp, &(struct test_order){.common_name = "m", .ous = {"sales"}, .issuer = &one.root});
    struct fama_principal itself = {.kind = FAMA_PRINCIPAL_IDENTITY,
                                    .mspid = fama_bytes_of_text("OneMSP"),
                                    .id_bytes = fama_identity_id_bytes(identity)};
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &itself));
    fama_identity_release(identity);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void combinations_and_anonymity_exist_since_1_3(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    for (size_t v = 0; v < VERSIONS; v++) {
        one.config.version = versions[v];
        bool is_known = versions[v] >= FAMA_MSP_V1_3;
        bool knows_roles = versions[v] >= FAMA_MSP_V1_1;
        struct fama_msp *msp = test_msp(&one.config);
        struct fama_identity *identity = test_member(
            msp, &(struct test_order){.common_name = "m", .ous = {"peer"}, .issuer = &one.root});
        struct fama_principal anonymity = {.kind = FAMA_PRINCIPAL_ANONYMITY,
                                           .anonymity = FAMA_PRINCIPAL_NOMINAL};
        CU_ASSERT_EQUAL(fama_identity_satisfies(identity, &anonymity), is_known);
        anonymity.anonymity = FAMA_PRINCIPAL_ANONYMOUS;
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &anonymity));
        anonymity.anonymity = 2;
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &anonymity));

        struct fama_principal parts[] = {test_role("OneMSP", FAMA_MSP_ROLE_PEER),
                                         test_role("OneMSP", FAMA_MSP_ROLE_MEMBER)};
        struct fama_principal both = {
            .kind = FAMA_PRINCIPAL_COMBINED, .combined = parts, .combined_count = 2};
        CU_ASSERT_EQUAL(fama_identity_satisfies(identity, &both), is_known && knows_roles);
        parts[1].role = FAMA_MSP_ROLE_CLIENT;
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &both));
        both.combined_count = 1;
        CU_ASSERT_EQUAL(fama_identity_satisfies(identity, &both), is_known);
        both.combined_count = 0;
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &both));
        /* nothing within something counts as nothing */
        both = (struct fama_principal){
            .kind = FAMA_PRINCIPAL_COMBINED, .combined = parts, .combined_count = 2};
        parts[1] = (struct fama_principal){.kind = FAMA_PRINCIPAL_COMBINED};
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &both));
        parts[1] = (struct fama_principal){.kind = FAMA_PRINCIPAL_UNSATISFIABLE};
        CU_ASSERT_FALSE(fama_identity_satisfies(identity, &both));
        fama_identity_release(identity);
        fama_msp_release(msp);
    }
    test_free(&one.root);
}

static void combinations_are_followed_only_so_deep(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_member(
        msp, &(struct test_order){.common_name = "m", .ous = {"peer"}, .issuer = &one.root});
    struct fama_principal chain[FAMA_PRINCIPAL_DEPTH_MAX + 2];
    for (size_t i = 0; i < FAMA_PRINCIPAL_DEPTH_MAX + 1; i++) {
        chain[i] = (struct fama_principal){
            .kind = FAMA_PRINCIPAL_COMBINED, .combined = &chain[i + 1], .combined_count = 1};
    }
    chain[FAMA_PRINCIPAL_DEPTH_MAX + 1] = test_role("OneMSP", FAMA_MSP_ROLE_PEER);
    CU_ASSERT(fama_identity_satisfies(identity, &chain[1]));
    CU_ASSERT_FALSE(fama_identity_satisfies(identity, &chain[0]));
    fama_identity_release(identity);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void *ask(void *identity)
{
    struct fama_principal peer = test_role("OneMSP", FAMA_MSP_ROLE_PEER);
    bool holds = fama_identity_satisfies(identity, &peer);
    return holds && fama_identity_validate(identity, NULL) == 0 ? identity : NULL;
}

static void threads_that_ask_at_once_get_one_answer(void)
{
    enum { THREADS = 8 };
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    for (int round = 0; round < 20; round++) {
        struct fama_identity *identity = test_member(
            msp, &(struct test_order){.common_name = "m", .ous = {"peer"}, .issuer = &one.root});
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, identity), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            void *answer = NULL;
            CU_ASSERT_EQUAL_FATAL(pthread_join(threads[i], &answer), 0);
            CU_ASSERT_PTR_EQUAL(answer, identity);
        }
        fama_identity_release(identity);
    }
    fama_msp_release(msp);
    test_free(&one.root);
}

static void refusals_are_remembered_with_their_words(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_member(
        msp, &(struct test_order){.common_name = "lost", .ous = {"sales"}, .issuer = &one.root});
    for (int i = 0; i < 2; i++) {
        struct fama_error error = {{0}};
        CU_ASSERT_EQUAL(fama_identity_validate(identity, &error), FAMA_MSP_WRONG_ROLE);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "lost must have exactly one"));
        CU_ASSERT_EQUAL(fama_msp_validate(msp, identity, &error), FAMA_MSP_WRONG_ROLE);
    }
    /* Another MSP of the same name judges for itself, one of another name not at all. */
    one.config.node_ous_enabled = false;
    one.config.version = FAMA_MSP_V1_0;
    struct fama_msp *lax = test_msp(&one.config);
    CU_ASSERT_EQUAL(fama_msp_validate(lax, identity, NULL), 0);
    CU_ASSERT(fama_msp_has_role(lax, identity, FAMA_MSP_ROLE_MEMBER));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_MEMBER));
    fama_msp_release(lax);
    one.config.name = fama_bytes_of_text("TwoMSP");
    lax = test_msp(&one.config);
    CU_ASSERT_EQUAL(fama_msp_validate(lax, identity, NULL), FAMA_MSP_UNTRUSTED);
    CU_ASSERT_FALSE(fama_msp_has_role(lax, identity, FAMA_MSP_ROLE_MEMBER));
    fama_msp_release(lax);
    fama_msp_release(msp);
    /* The identity keeps its MSP. */
    CU_ASSERT_PTR_EQUAL(fama_identity_msp(identity), msp);
    CU_ASSERT_STRING_EQUAL(fama_msp_id(fama_identity_msp(identity)), "OneMSP");
    fama_identity_release(identity);
    test_free(&one.root);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(roles_follow_the_version_of_the_msp),
        TEST(without_node_ous_there_are_members_and_listed_administrators),
        TEST(a_listed_administrator_remains_one_when_revoked),
        TEST(units_must_be_certified_by_the_same_chain),
        TEST(an_identity_principal_means_the_certificate_not_the_text),
        TEST(an_identity_must_be_valid_to_be_itself),
        TEST(combinations_and_anonymity_exist_since_1_3),
        TEST(combinations_are_followed_only_so_deep),
        TEST(threads_that_ask_at_once_get_one_answer),
        TEST(refusals_are_remembered_with_their_words),
    };
    return run_suite("principal", cases, sizeof cases / sizeof cases[0]);
}
