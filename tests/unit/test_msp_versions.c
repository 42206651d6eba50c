/* Which definitions make an MSP in which version, and what hash functions it may name. */
#include "unit/members.h"

static const enum fama_msp_version versions[] = {FAMA_MSP_V1_0, FAMA_MSP_V1_1, FAMA_MSP_V1_3,
                                                 FAMA_MSP_V1_4_3, FAMA_MSP_V3_0};
enum { VERSIONS = sizeof versions / sizeof versions[0] };

/* Expects the definition to be accepted in exactly these versions, 0 for refused. */
static void expect(const struct fama_msp_config *config, const bool accepted[VERSIONS])
{
    struct fama_msp_config versioned = *config;
    for (size_t v = 0; v < VERSIONS; v++) {
        versioned.version = versions[v];
        CU_ASSERT_EQUAL(test_is_msp(&versioned), accepted[v]);
    }
    versioned.version = 0;
    CU_ASSERT_EQUAL(test_is_msp(&versioned), accepted[3]);
}

#define EXPECT(config, ...) expect((config), (const bool[VERSIONS]){__VA_ARGS__})

static void unknown_versions_are_refused(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    one.config.version = (enum fama_msp_version)6;
    CU_ASSERT_FALSE(test_is_msp(&one.config));
    one.config.version = (enum fama_msp_version) - 1;
    CU_ASSERT_FALSE(test_is_msp(&one.config));
    test_free(&one.root);
}

static void administrators_are_demanded_since_1_4_3(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    EXPECT(&one.config, true, true, true, true, true);
    one.config.admin_ou = (struct fama_msp_ou){.is_present = false};
    EXPECT(&one.config, true, true, true, false, false);
    one.config.admin_ou = (struct fama_msp_ou){.is_present = true}; /* by an empty name */
    EXPECT(&one.config, true, true, true, true, true);
    one.config.admin_ou = (struct fama_msp_ou){.ou = fama_bytes_of_text("admin")};
    one.config.node_ous_enabled = false;
    EXPECT(&one.config, true, true, true, false, false);
    test_free(&one.root);
}

static void clients_and_peers_must_be_named_from_1_1_to_1_3(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    one.config.client_ou = (struct fama_msp_ou){.is_present = false};
    EXPECT(&one.config, true, false, false, true, true);
    one.config.node_ous_enabled = false; /* even when nothing comes of it */
    EXPECT(&one.config, true, false, false, false, false);
    test_free(&one.root);

    test_make_organisation(&one);
    one.config.peer_ou = (struct fama_msp_ou){.is_present = true};
    EXPECT(&one.config, true, false, false, true, true);

    /* NodeOUs that are on and name nobody are off since 1.4.3, and then administrators lack. */
    struct fama_msp_ou none = {.is_present = false};
    one.config.client_ou = one.config.peer_ou = one.config.admin_ou = one.config.orderer_ou = none;
    EXPECT(&one.config, true, false, false, false, false);
    one.config.node_ous_enabled = false;
    one.config.has_node_ous = true;
    EXPECT(&one.config, true, false, false, false, false);
    one.config.has_node_ous = false;
    EXPECT(&one.config, true, true, true, false, false);
    test_free(&one.root);
}

static void administrators_must_have_the_role_of_their_version(void)
{
    static const struct {
        const char *ou;
        bool enforced[VERSIONS];
        bool unenforced;
    } cases[] = {
        {"client", {true, true, true, true, true}, true},
        {"admin", {true, false, false, true, true}, true},
        {"peer", {true, false, false, false, false}, true},
        {"sales", {true, false, false, false, false}, true},
    };
    struct test_organisation one;
    test_make_organisation(&one);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair boss;
        test_make(
            &(struct test_order){.common_name = "boss", .ous = {cases[i].ou}, .issuer = &one.root},
            &boss);
        struct fama_bytes pem = test_pem(&boss);
        one.config.admins = &pem;
        one.config.admin_count = 1;
        one.config.node_ous_enabled = true;
        expect(&one.config, cases[i].enforced);
        one.config.node_ous_enabled = false;
        EXPECT(&one.config, true, true, true, true, true);
        test_free(&boss);
    }
    /* Two roles make an identity invalid; for an administrator since 1.4.3 that does not count. */
    struct test_pair boss;
    test_make(
        &(struct test_order){.common_name = "boss", .ous = {"client", "peer"}, .issuer = &one.root},
        &boss);
    struct fama_bytes pem = test_pem(&boss);
    one.config.admins = &pem;
    one.config.node_ous_enabled = true;
    EXPECT(&one.config, true, false, false, true, true);
    test_free(&boss);

    /* but it must have a chain */
    test_make(&(struct test_order){.common_name = "boss", .ous = {"client"}}, &boss);
    pem = test_pem(&boss);
    EXPECT(&one.config, false, false, false, false, false);
    test_free(&boss);
    one.config.admins = &one.root_pem; /* and be no CA */
    EXPECT(&one.config, false, false, false, false, false);
    test_free(&one.root);
}

static void certifiers_of_roles_must_be_of_the_msp_even_when_switched_off(void)
{
    struct test_organisation one;
    struct test_pair other;
    test_make_organisation(&one);
    test_make(&(struct test_order){.common_name = "ca.other", .is_ca = true}, &other);
    struct test_pair boss;
    test_make(&(struct test_order){.common_name = "boss", .ous = {"client"}, .issuer = &one.root},
              &boss);
    struct fama_bytes pem = test_pem(&boss);
    one.config.admins = &pem;
    one.config.admin_count = 1;
    one.config.node_ous_enabled = false;
    one.config.client_ou.certificate = one.root_pem;
    EXPECT(&one.config, true, true, true, true, true);
    one.config.client_ou.certificate = test_pem(&other);
    EXPECT(&one.config, true, false, false, false, false);
    one.config.client_ou.certificate = one.root_pem;
    one.config.orderer_ou.certificate = test_pem(&other); /* before 1.4.3 nobody looks */
    EXPECT(&one.config, true, true, true, false, false);
    test_free(&boss);
    test_free(&other);
    test_free(&one.root);
}

static void two_roles_of_one_name_have_an_order(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct test_pair inter;
    test_make(&(struct test_order){.common_name = "inter", .is_ca = true, .issuer = &one.root},
              &inter);
    struct fama_bytes inter_pem = test_pem(&inter);
    one.config.intermediate_certs = &inter_pem;
    one.config.intermediate_cert_count = 1;
    /* The name stands for client and peer; only the client's is bound to a CA, a wrong one. */
    struct test_pair second;
    test_make(&(struct test_order){.common_name = "second", .is_ca = true, .issuer = &one.root},
              &second);
    struct fama_bytes intermediates[] = {inter_pem, test_pem(&second)};
    one.config.intermediate_certs = intermediates;
    one.config.intermediate_cert_count = 2;
    one.config.client_ou =
        (struct fama_msp_ou){.certificate = test_pem(&second), .ou = fama_bytes_of_text("same")};
    one.config.peer_ou = (struct fama_msp_ou){.ou = fama_bytes_of_text("same")};
    for (size_t v = 1; v < VERSIONS; v++) {
        one.config.version = versions[v];
        struct fama_msp *msp = test_msp(&one.config);
        struct fama_identity *identity = test_member(
            msp, &(struct test_order){.common_name = "m", .ous = {"same"}, .issuer = &inter});
        bool later_counts = versions[v] >= FAMA_MSP_V1_4_3;
        CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL),
                        later_counts ? 0 : FAMA_MSP_WRONG_ROLE);
        CU_ASSERT_EQUAL(test_has_role(identity, FAMA_MSP_ROLE_CLIENT), later_counts);
        fama_identity_release(identity);
        fama_msp_release(msp);
    }
    test_free(&second);
    test_free(&inter);
    test_free(&one.root);
}

static void units_and_names_are_read_as_go_reads_them(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    const struct {
        int type;
        const char *octets;
        int len;
        int expected; /* FAMA_MSP_BAD_CERTIFICATE, or 0 when it is the OU "peer" */
    } cases[] = {
        {V_ASN1_UTF8STRING, "peer", 4, 0},
        {V_ASN1_PRINTABLESTRING, "peer", 4, 0},
        {V_ASN1_IA5STRING, "peer", 4, 0},
        {V_ASN1_T61STRING, "peer", 4, 0},
        {V_ASN1_BMPSTRING, "\0p\0e\0e\0r", 8, 0},
        {V_ASN1_BMPSTRING, "\0p\0e\0e\0r\0\0", 10, 0},
        {V_ASN1_UNIVERSALSTRING, "\0\0\0p\0\0\0e\0\0\0e\0\0\0r", 16, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_UTF8STRING, "\xc3\x28", 2, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_UTF8STRING, "\xed\xa0\x80", 3, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_UTF8STRING, "\xf4\x90\x80\x80", 4, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_UTF8STRING, "\xc0\xaf", 2, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_UTF8STRING, "\xe2\x82\xac\xf0\x9f\x98\x80", 7, FAMA_MSP_WRONG_ROLE},
        {V_ASN1_PRINTABLESTRING, "pe_r", 4, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_PRINTABLESTRING, "*.a&b", 5, FAMA_MSP_WRONG_ROLE},
        {V_ASN1_IA5STRING, "p\xe9r", 3, FAMA_MSP_BAD_CERTIFICATE},
        {V_ASN1_NUMERICSTRING, "12 3", 4, FAMA_MSP_WRONG_ROLE},
        {V_ASN1_NUMERICSTRING, "12a3", 4, FAMA_MSP_BAD_CERTIFICATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair pair;
        test_make(&(struct test_order){.common_name = "m", .issuer = &one.root}, &pair);
        X509_NAME *name = X509_NAME_new();
        ASN1_STRING *text = ASN1_STRING_type_new(cases[i].type);
        CU_ASSERT_FATAL(name != NULL && text != NULL &&
                        ASN1_STRING_set(text, cases[i].octets, cases[i].len) == 1);
        X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(
            NULL, NID_organizationalUnitName, cases[i].type, text->data, text->length);
        CU_ASSERT_FATAL(entry != NULL && X509_NAME_add_entry(name, entry, -1, 0) == 1);
        struct fama_identity *identity = NULL;
        int result = FAMA_MSP_BAD_CERTIFICATE;
        /* OpenSSL itself refuses some of what Go refuses. */
        if (X509_set_subject_name(pair.certificate, name) == 1) {
            CU_ASSERT_FATAL(X509_sign(pair.certificate, one.root.key, EVP_sha256()) > 0);
            test_write_pem(&pair);
            result = fama_msp_deserialize(msp, test_pem(&pair), &identity, NULL);
        }
        if (result == 0) {
            result = fama_identity_validate(identity, NULL);
        }
        CU_ASSERT_EQUAL(result, cases[i].expected);
        fama_identity_release(identity);
        X509_NAME_ENTRY_free(entry);
        ASN1_STRING_free(text);
        X509_NAME_free(name);
        test_free(&pair);
    }
    fama_msp_release(msp);
    test_free(&one.root);
}

static void identities_are_named_by_the_hash_function_of_the_msp(void)
{
    const struct {
        const char *name;
        const EVP_MD *digest; /* NULL: refused */
    } cases[] = {
        {"", EVP_sha256()},
        {"SHA256", EVP_sha256()},
        {"SHA384", EVP_sha384()},
        {"SHA3_256", EVP_sha3_256()},
        {"SHA3_384", EVP_sha3_384()},
        {"SHA2", NULL},
        {"sha256", NULL},
        {"SHA256 ", NULL},
        {"SHA512", NULL},
    };
    struct test_organisation one;
    test_make_organisation(&one);
    one.config.client_ou.certificate = one.root_pem;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        one.config.identity_hash_function = fama_bytes_of_text(cases[i].name);
        CU_ASSERT_EQUAL(test_is_msp(&one.config), cases[i].digest != NULL);
        if (cases[i].digest == NULL) {
            continue;
        }
        struct fama_msp *msp = test_msp(&one.config);
        struct test_pair pair;
        test_make(&(struct test_order){.common_name = "m", .ous = {"client"}, .issuer = &one.root},
                  &pair);
        struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int len = 0;
        CU_ASSERT_FATAL(X509_digest(pair.certificate, cases[i].digest, digest, &len) == 1);
        char expected[2 * EVP_MAX_MD_SIZE + 1];
        for (unsigned int j = 0; j < len; j++) {
            snprintf(expected + (size_t)(2 * j), 3, "%02x", digest[j]);
        }
        CU_ASSERT_STRING_EQUAL(fama_identity_id(identity), expected);
        /* The chain is hashed by the same function, at the unit and at the identity. */
        CU_ASSERT(test_has_role(identity, FAMA_MSP_ROLE_CLIENT));
        CU_ASSERT_FATAL(X509_digest(one.root.certificate, cases[i].digest, digest, &len) == 1);
        struct fama_principal unit = {.kind = FAMA_PRINCIPAL_ORGANIZATION_UNIT,
                                      .mspid = fama_bytes_of_text("OneMSP"),
                                      .unit = fama_bytes_of_text("client"),
                                      .certifiers = fama_bytes(digest, len)};
        CU_ASSERT(fama_identity_satisfies(identity, &unit));
        const struct fama_msp_config *kept = fama_msp_definition(msp);
        CU_ASSERT(
            fama_bytes_equal(kept->identity_hash_function, fama_bytes_of_text(cases[i].name)));
        fama_identity_release(identity);
        test_free(&pair);
        fama_msp_release(msp);
    }
    test_free(&one.root);
}

static void the_two_names_of_the_signature_algorithm_must_agree(void)
{
    static const uint8_t ecdsa_with_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct test_pair pair;
    test_make(&(struct test_order){.common_name = "m", .ous = {"peer"}, .issuer = &one.root},
              &pair);
    unsigned char *der = NULL;
    int len = i2d_X509(pair.certificate, &der);
    CU_ASSERT_FATAL(len > 0);
    uint8_t *last = der;
    for (uint8_t *at = der; (at = memmem(at, (size_t)(der + len - at), ecdsa_with_sha256,
                                         sizeof ecdsa_with_sha256)) != NULL;
         at++) {
        last = at;
    }
    CU_ASSERT_FATAL(last > der + len / 2);
    last[7] = 0x03; /* with SHA-384, where nobody has signed */
    const unsigned char *end = der;
    X509 *changed = d2i_X509(NULL, &end, len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    CU_ASSERT_FATAL(changed != NULL && bio != NULL && PEM_write_bio_X509(bio, changed) == 1);
    long text_len = BIO_get_mem_data(bio, &text);
    struct fama_identity *identity = NULL;
    CU_ASSERT_EQUAL(fama_msp_deserialize(msp, fama_bytes(text, (size_t)text_len), &identity, NULL),
                    FAMA_MSP_BAD_CERTIFICATE);
    CU_ASSERT_PTR_NULL(identity);
    BIO_free(bio);
    X509_free(changed);
    OPENSSL_free(der);
    test_free(&pair);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void a_root_must_be_signed_by_itself(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct test_pair inter;
    test_make(&(struct test_order){.common_name = "inter", .is_ca = true, .issuer = &one.root},
              &inter);
    struct fama_bytes pem = test_pem(&inter);
    one.config.root_certs = &pem;
    CU_ASSERT_FALSE(test_is_msp(&one.config));
    struct fama_bytes both[] = {one.root_pem, pem};
    one.config.root_certs = both;
    one.config.root_cert_count = 2;
    CU_ASSERT_FALSE(test_is_msp(&one.config));
    test_free(&inter);
    test_free(&one.root);
}

static void a_foreign_ca_is_read_but_never_valid(void)
{
    /* Fabric brings any self-signed CA into its own form before it asks whose it is. */
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity =
        test_member(msp, &(struct test_order){.common_name = "ca.other", .is_ca = true});
    CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
    CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), FAMA_MSP_UNTRUSTED);
    CU_ASSERT_FALSE(test_has_role(identity, FAMA_MSP_ROLE_MEMBER));
    struct fama_principal anonymity = {.kind = FAMA_PRINCIPAL_ANONYMITY,
                                       .anonymity = FAMA_PRINCIPAL_NOMINAL};
    CU_ASSERT(fama_identity_satisfies(identity, &anonymity));
    fama_identity_release(identity);
    fama_msp_release(msp);
    test_free(&one.root);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(unknown_versions_are_refused),
        TEST(administrators_are_demanded_since_1_4_3),
        TEST(clients_and_peers_must_be_named_from_1_1_to_1_3),
        TEST(administrators_must_have_the_role_of_their_version),
        TEST(certifiers_of_roles_must_be_of_the_msp_even_when_switched_off),
        TEST(two_roles_of_one_name_have_an_order),
        TEST(units_and_names_are_read_as_go_reads_them),
        TEST(identities_are_named_by_the_hash_function_of_the_msp),
        TEST(the_two_names_of_the_signature_algorithm_must_agree),
        TEST(a_root_must_be_signed_by_itself),
        TEST(a_foreign_ca_is_read_but_never_valid),
    };
    return run_suite("msp versions", cases, sizeof cases / sizeof cases[0]);
}
