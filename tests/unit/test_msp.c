#include "crypto/msp.h"

#include "crypto/verifier.h"
#include "unit/certificates.h"

/* An organisation: a root, and an MSP with NodeOUs bound to it. */
struct organisation {
    struct test_pair root;
    struct fama_bytes root_pem;
    struct fama_msp_config config;
};

static void make_organisation(struct organisation *organisation)
{
    test_make(&(struct test_order){.common_name = "ca.one", .is_ca = true}, &organisation->root);
    organisation->root_pem = test_pem(&organisation->root);
    struct fama_bytes root = organisation->root_pem;
    organisation->config = (struct fama_msp_config){
        .name = fama_bytes_of_text("OneMSP"),
        .root_certs = &organisation->root_pem,
        .root_cert_count = 1,
        .node_ous_enabled = true,
        .client_ou = {.certificate = root, .ou = fama_bytes_of_text("client")},
        .peer_ou = {.certificate = root, .ou = fama_bytes_of_text("peer")},
        .admin_ou = {.certificate = root, .ou = fama_bytes_of_text("admin")},
        .orderer_ou = {.certificate = root, .ou = fama_bytes_of_text("orderer")},
    };
}

static struct fama_msp *create(const struct fama_msp_config *config)
{
    struct fama_msp *msp = NULL;
    struct fama_error error = {{0}};
    if (fama_msp_create(config, &msp, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL_FATAL("the MSP was refused");
    }
    return msp;
}

/* What the MSP says of this text: of reading it, or else of validating it. */
static int judge_text(const struct fama_msp *msp, struct fama_bytes text)
{
    struct fama_identity *identity = NULL;
    struct fama_error error = {{0}};
    int result = fama_msp_deserialize(msp, text, &identity, &error);
    if (result == 0) {
        result = fama_msp_validate(msp, identity, &error);
    }
    CU_ASSERT((result == 0) == (error.text[0] == '\0'));
    fama_identity_release(identity);
    return result;
}

static int judge(const struct fama_msp *msp, const struct test_order *order)
{
    struct test_pair pair;
    test_make(order, &pair);
    int result = judge_text(msp, test_pem(&pair));
    test_free(&pair);
    return result;
}

static int refusal(const struct fama_msp_config *config)
{
    struct fama_msp *msp = NULL;
    struct fama_error error = {{0}};
    int result = fama_msp_create(config, &msp, &error);
    CU_ASSERT_PTR_NULL(msp);
    CU_ASSERT(result == 0 || error.text[0] != '\0');
    fama_msp_release(msp);
    return result;
}

static void an_issued_peer_is_a_member_and_a_peer_only(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_pair peer;
    test_make(&(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &one.root},
              &peer);
    struct fama_identity *identity = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, test_pem(&peer), &identity, NULL), 0);
    CU_ASSERT_EQUAL(fama_msp_validate(msp, identity, NULL), 0);
    CU_ASSERT(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_MEMBER));
    CU_ASSERT(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_PEER));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_ADMIN));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_CLIENT));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_ORDERER));
    CU_ASSERT_STRING_EQUAL(fama_identity_common_name(identity), "p0");
    CU_ASSERT_STRING_EQUAL(fama_identity_mspid(identity), "OneMSP");
    CU_ASSERT(fama_bytes_equal(fama_identity_id_bytes(identity), test_pem(&peer)));
    CU_ASSERT(fama_public_key_is_p256(fama_identity_key(identity)));
    CU_ASSERT_EQUAL(fama_identity_not_after(identity) - fama_identity_not_before(identity), 7200);
    /* An identity outlives its MSP. */
    fama_msp_release(msp);
    CU_ASSERT_PTR_EQUAL(fama_identity_acquire(identity), identity);
    fama_identity_release(identity);
    CU_ASSERT_STRING_EQUAL(fama_identity_common_name(identity), "p0");
    fama_identity_release(identity);
    test_free(&peer);
    test_free(&one.root);
}

static void an_identity_of_another_ca_is_refused_even_under_the_same_name(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_pair stranger;
    test_make(&(struct test_order){.common_name = "ca.other", .is_ca = true}, &stranger);
    CU_ASSERT_EQUAL(
        judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &stranger}),
        FAMA_MSP_UNTRUSTED);
    test_free(&stranger);
    test_make(&(struct test_order){.common_name = "ca.one", .is_ca = true}, &stranger);
    CU_ASSERT_EQUAL(
        judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &stranger}),
        FAMA_MSP_UNTRUSTED);
    /* and neither a self-signed one nor the CA itself is an identity */
    CU_ASSERT_EQUAL(judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}}),
                    FAMA_MSP_UNTRUSTED);
    CU_ASSERT_EQUAL(judge_text(msp, one.root_pem), FAMA_MSP_UNTRUSTED);
    test_free(&stranger);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void a_certificate_must_have_exactly_one_role(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_order order = {.common_name = "p0", .issuer = &one.root};
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_WRONG_ROLE);
    order.ous[0] = "sales";
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_WRONG_ROLE);
    order.ous[1] = "peer";
    CU_ASSERT_EQUAL(judge(msp, &order), 0);
    order.ous[2] = "client";
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_WRONG_ROLE);
    order.ous[2] = "peer";
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_WRONG_ROLE);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void expired_certificates_validate_but_not_outside_their_cas_time(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_order order = {.common_name = "p0", .ous = {"peer"}, .issuer = &one.root};
    order.not_before_s = -1800; /* the CA began an hour ago */
    order.not_after_s = -900;
    CU_ASSERT_EQUAL(judge(msp, &order), 0);
    order.not_before_s = -7200;
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_UNTRUSTED);
    order.not_before_s = 7200;
    order.not_after_s = 9000;
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void extensions_are_judged_as_go_judges_them(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_order order = {.common_name = "p0", .ous = {"peer"}, .issuer = &one.root};
    static const struct {
        int nid;
        const char *value;
        int expected;
    } extensions[] = {
        {NID_ext_key_usage, "serverAuth", 0},
        {NID_ext_key_usage, "clientAuth,anyExtendedKeyUsage", 0},
        {NID_ext_key_usage, "clientAuth", FAMA_MSP_UNTRUSTED},
        {NID_key_usage, "critical,digitalSignature", 0},
        {NID_subject_alt_name, "critical,DNS:p0.one", 0},
        {NID_subject_alt_name, "RID:1.2.3.4", 0},
        {NID_subject_alt_name, "critical,RID:1.2.3.4", FAMA_MSP_UNTRUSTED},
        {NID_subject_alt_name, "critical,RID:1.2.3.4,IP:198.18.0.1", 0},
        {NID_netscape_comment, "just a remark", 0},
        {NID_netscape_comment, "critical,an order", FAMA_MSP_UNTRUSTED},
    };
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        order.extra_nid = extensions[i].nid;
        order.extra_value = extensions[i].value;
        CU_ASSERT_EQUAL(judge(msp, &order), extensions[i].expected);
    }
    order.extra_value = NULL;
    order.digest = EVP_sha1();
    CU_ASSERT_EQUAL(judge(msp, &order), FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void a_root_that_may_not_sign_certificates_signs_none(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair root;
    test_make(&(struct test_order){.common_name = "ca.one",
                                   .is_ca = true,
                                   .extra_nid = NID_key_usage,
                                   .extra_value = "critical,digitalSignature",
                                   .key = one.root.key},
              &root);
    struct fama_bytes pem = test_pem(&root);
    one.config.root_certs = &pem;
    one.config.client_ou.certificate = one.config.peer_ou.certificate = pem;
    one.config.admin_ou.certificate = one.config.orderer_ou.certificate = pem;
    struct fama_msp *msp = create(&one.config);
    CU_ASSERT_EQUAL(
        judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &root}),
        FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);
    test_free(&root);
    test_free(&one.root);
}

static void only_intermediates_issue_once_there_is_one(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair middle;
    test_make(&(struct test_order){.common_name = "ica.one", .is_ca = true, .issuer = &one.root},
              &middle);
    struct fama_bytes pem = test_pem(&middle);
    one.config.intermediate_certs = &pem;
    one.config.intermediate_cert_count = 1;
    struct test_order by_middle = {.common_name = "p0", .ous = {"peer"}, .issuer = &middle};
    struct test_order by_root = {.common_name = "p1", .ous = {"peer"}, .issuer = &one.root};

    /* Roles certified by the root alone are not those that the intermediate certifies. */
    struct fama_msp *msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &by_middle), FAMA_MSP_WRONG_ROLE);
    CU_ASSERT_EQUAL(judge(msp, &by_root), FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);

    one.config.peer_ou.certificate = pem;
    msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &by_middle), 0);
    fama_msp_release(msp);

    one.config.peer_ou.certificate = fama_bytes(NULL, 0);
    msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &by_middle), 0);
    CU_ASSERT_EQUAL(judge(msp, &by_root), FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);
    test_free(&middle);
    test_free(&one.root);
}

static void two_chains_are_as_bad_as_none(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair renewed;
    test_make(
        &(struct test_order){
            .common_name = "ca.one", .is_ca = true, .serial = 2, .key = one.root.key},
        &renewed);
    struct test_order peer = {.common_name = "p0", .ous = {"peer"}, .issuer = &one.root};
    struct fama_bytes roots[] = {one.root_pem, test_pem(&renewed), one.root_pem};
    one.config.root_certs = roots;
    one.config.root_cert_count = 2;
    struct fama_msp *msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &peer), FAMA_MSP_UNTRUSTED);
    fama_msp_release(msp);
    /* the same root twice is one */
    roots[1] = one.root_pem;
    one.config.root_cert_count = 3;
    msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &peer), 0);
    fama_msp_release(msp);
    test_free(&renewed);
    test_free(&one.root);
}

/* Go goes up through an authority's twin if only one of them has alternative names. */
static void a_ca_with_other_alternative_names_is_another_ca(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair twin;
    struct test_order order = {.common_name = "ca.one",
                               .is_ca = true,
                               .serial = 2,
                               .key = one.root.key,
                               .issuer = &one.root};
    struct test_order peer = {.common_name = "p0", .ous = {"peer"}, .issuer = &one.root};
    struct fama_bytes pem;
    one.config.intermediate_certs = &pem;
    one.config.intermediate_cert_count = 1;
    one.config.peer_ou.certificate = fama_bytes(NULL, 0);

    /* Its chain would pass through the root twice, so it has none. */
    test_make(&order, &twin);
    pem = test_pem(&twin);
    CU_ASSERT_EQUAL(refusal(&one.config), FAMA_MSP_INVALID);
    test_free(&twin);

    order.extra_nid = NID_subject_alt_name;
    order.extra_value = "DNS:ca.one";
    test_make(&order, &twin);
    pem = test_pem(&twin);
    struct fama_msp *msp = create(&one.config);
    CU_ASSERT_EQUAL(judge(msp, &peer), FAMA_MSP_UNTRUSTED); /* there are two chains */
    fama_msp_release(msp);
    test_free(&twin);
    test_free(&one.root);
}

/* How a revocation list says whose it is. */
enum authority { UNNAMED, NAMED_BY_KEY, NAMED_BY_SERIAL };

/* A list of one serial number, signed by `signer`, that says it is `issuer`'s. */
static struct fama_bytes make_crl(const struct test_pair *issuer, EVP_PKEY *signer, long serial,
                                  enum authority authority, uint8_t **memory)
{
    X509_CRL *crl = X509_CRL_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(crl);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, now);
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(revoked, number);
    X509_REVOKED_set_revocationDate(revoked, now);
    X509_CRL_add0_revoked(crl, revoked);
    if (authority != UNNAMED) {
        AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
        if (authority == NAMED_BY_KEY) {
            aki->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(issuer->certificate));
        } else {
            aki->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(issuer->certificate));
        }
        CU_ASSERT_EQUAL(X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, aki, 0, 0), 1);
        AUTHORITY_KEYID_free(aki);
    }
    CU_ASSERT_FATAL(X509_CRL_sign(crl, signer, EVP_sha256()) > 0);
    *memory = NULL;
    int len = i2d_X509_CRL(crl, memory);
    CU_ASSERT_FATAL(len > 0);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(now);
    X509_CRL_free(crl);
    return fama_bytes(*memory, (size_t)len);
}

static void a_revoked_certificate_is_refused_if_its_issuer_says_so(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair other;
    test_make(&(struct test_order){.common_name = "ca.other", .is_ca = true}, &other);
    struct test_order peer = {
        .common_name = "p0", .ous = {"peer"}, .serial = 77, .issuer = &one.root};
    const struct {
        const struct test_pair *issuer;
        EVP_PKEY *signer;
        long serial;
        enum authority authority;
        int expected;
    } lists[] = {
        {&one.root, one.root.key, 77, NAMED_BY_KEY, FAMA_MSP_REVOKED},
        {&one.root, one.root.key, 78, NAMED_BY_KEY, 0},
        {&one.root, other.key, 77, NAMED_BY_KEY, 0},                /* forged */
        {&other, other.key, 77, NAMED_BY_KEY, 0},                   /* another CA's */
        {&one.root, one.root.key, 78, UNNAMED, FAMA_MSP_UNTRUSTED}, /* whose, nobody knows */
        {&one.root, one.root.key, 77, NAMED_BY_SERIAL, 0}, /* Fabric looks for a key only */
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        uint8_t *memory;
        struct fama_bytes crl = make_crl(lists[i].issuer, lists[i].signer, lists[i].serial,
                                         lists[i].authority, &memory);
        one.config.revocation_lists = &crl;
        one.config.revocation_list_count = 1;
        struct fama_msp *msp = create(&one.config);
        CU_ASSERT_EQUAL(judge(msp, &peer), lists[i].expected);
        fama_msp_release(msp);
        crl.len--;
        CU_ASSERT_EQUAL(refusal(&one.config), FAMA_MSP_INVALID);
        OPENSSL_free(memory);
    }
    test_free(&other);
    test_free(&one.root);
}

static void both_forms_of_a_certificate_are_one_identity(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_pair peer;
    test_make(
        &(struct test_order){
            .common_name = "p0", .ous = {"peer"}, .want_high_s = true, .issuer = &one.root},
        &peer);
    struct fama_identity *high = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, test_pem(&peer), &high, NULL), 0);
    CU_ASSERT_EQUAL(fama_msp_validate(msp, high, NULL), 0);

    /* The same certificate with the issuer's signature in its other form. */
    const ASN1_BIT_STRING *old;
    X509_get0_signature(&old, NULL, peer.certificate);
    struct fama_signature signature;
    CU_ASSERT_EQUAL(
        fama_signature_from_der(
            fama_bytes(ASN1_STRING_get0_data(old), (size_t)ASN1_STRING_length(old)), &signature),
        FAMA_SIGNATURE_HIGH_S);
    fama_signature_make_low_s(&signature);
    uint8_t der[FAMA_SIGNATURE_DER_MAX];
    size_t len = fama_signature_to_der(&signature, der);
    /* OpenSSL gives no way to set a signature; the tests own this certificate. */
    CU_ASSERT_EQUAL(ASN1_STRING_set((ASN1_STRING *)(uintptr_t)old, der, (int)len), 1);
    test_write_pem(&peer);
    uint8_t *whole = NULL;
    int whole_len = i2d_X509(peer.certificate, &whole);
    CU_ASSERT_FATAL(whole_len > 0);
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(fama_bytes(whole, (size_t)whole_len), digest);
    OPENSSL_free(whole);
    char expected[2 * FAMA_SHA256_BYTES + 1];
    for (size_t i = 0; i < FAMA_SHA256_BYTES; i++) {
        snprintf(expected + 2 * i, 3, "%02x", digest[i]);
    }
    struct fama_identity *low = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, test_pem(&peer), &low, NULL), 0);
    CU_ASSERT_STRING_EQUAL(fama_identity_id(low), expected);
    CU_ASSERT_STRING_EQUAL(fama_identity_id(high), expected);
    /* As texts they differ, and so do their PKI-IDs. */
    CU_ASSERT_NOT_EQUAL(
        memcmp(fama_identity_pki_id(low), fama_identity_pki_id(high), FAMA_PKI_ID_BYTES), 0);
    fama_identity_release(low);
    fama_identity_release(high);
    fama_msp_release(msp);
    test_free(&peer);
    test_free(&one.root);
}

static void a_root_with_a_high_s_still_certifies_roles(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair root;
    test_make(&(struct test_order){.common_name = "ca.one", .is_ca = true, .want_high_s = true},
              &root);
    struct fama_bytes pem = test_pem(&root);
    one.config.root_certs = &pem;
    one.config.client_ou.certificate = one.config.peer_ou.certificate = pem;
    one.config.admin_ou.certificate = one.config.orderer_ou.certificate = pem;
    struct fama_msp *msp = create(&one.config);
    CU_ASSERT_EQUAL(
        judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &root}), 0);
    fama_msp_release(msp);
    test_free(&root);
    test_free(&one.root);
}

static void texts_around_and_armour_do_not_matter_but_der_does(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    struct test_pair peer;
    test_make(&(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &one.root},
              &peer);
    char text[20000];
    snprintf(text, sizeof text, "some words\n-----BEGIN broken\n%strailing", peer.pem);
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes_of_text(text)), 0);
    snprintf(text, sizeof text, "-----BEGIN ANYTHING-----\nKey: value\n\n%s",
             strchr(peer.pem, '\n') + 1);
    char *end = strstr(text, "-----END CERTIFICATE");
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    strcpy(end, "-----END ANYTHING-----");
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes_of_text(text)), 0);
    strcpy(end, "-----END OTHER-----");
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes_of_text(text)), FAMA_MSP_BAD_CERTIFICATE);
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes(NULL, 0)), FAMA_MSP_BAD_CERTIFICATE);
    for (size_t len = 0; len + 1 < strlen(peer.pem); len += 7) {
        CU_ASSERT_EQUAL(judge_text(msp, fama_bytes(peer.pem, len)), FAMA_MSP_BAD_CERTIFICATE);
    }

    /* The outermost length, written longer than need be: BER, but not DER. */
    uint8_t *der = NULL;
    int len = i2d_X509(peer.certificate, &der);
    CU_ASSERT_FATAL(len > 4 && der[1] == 0x82);
    uint8_t ber[8192] = {0x30, 0x83, 0x00, der[2], der[3]};
    memcpy(ber + 5, der + 4, (size_t)len - 4);
    OPENSSL_free(der);
    char base64[12000];
    CU_ASSERT(EVP_EncodeBlock((unsigned char *)base64, ber, len + 1) > 0);
    snprintf(text, sizeof text, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
             base64);
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes_of_text(text)), FAMA_MSP_BAD_CERTIFICATE);

    char *huge = malloc(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(huge);
    memset(huge, '\n', 1 << 20);
    memcpy(huge, peer.pem, strlen(peer.pem));
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes(huge, 1 << 20)), 0);
    free(huge);
    test_free(&peer);
    fama_msp_release(msp);
    test_free(&one.root);
}

/* A great many beginnings before one end, whose line does not end: each costs a glance, not a walk
 * along that line. */
static void texts_of_many_beginnings_cost_no_time(void)
{
    static const char begin[] = "-----BEGIN A-----\n";
    static const char end[] = "\n-----END A-----";
    const size_t begins = 100 * 1000;
    const size_t blanks = (size_t)8 << 20;
    struct organisation one;
    make_organisation(&one);
    struct fama_msp *msp = create(&one.config);
    char *text = malloc(begins * sizeof begin + sizeof end + blanks);
    CU_ASSERT_FATAL(msp != NULL && text != NULL);
    size_t len = 0;
    for (size_t i = 0; i < begins; i++, len += sizeof begin - 1) {
        memcpy(text + len, begin, sizeof begin - 1);
    }
    memcpy(text + len, end, sizeof end - 1);
    len += sizeof end - 1;
    memset(text + len, ' ', blanks);
    clock_t before = clock();
    CU_ASSERT_EQUAL(judge_text(msp, fama_bytes(text, len + blanks)), FAMA_MSP_BAD_CERTIFICATE);
    CU_ASSERT((clock() - before) / CLOCKS_PER_SEC < 20); /* along that line it takes minutes */
    free(text);
    fama_msp_release(msp);
    test_free(&one.root);
}

static void a_definition_that_breaks_a_rule_is_refused(void)
{
    struct organisation one;
    make_organisation(&one);
    struct fama_msp_config config = one.config;
    config.root_cert_count = 0;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    config = one.config;
    config.name.len = 0;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    config = one.config;
    config.admin_ou = (struct fama_msp_ou){.is_present = false}; /* nobody could administer it */
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    config = one.config;
    struct fama_bytes garbage = fama_bytes_of_text("not a certificate");
    config.root_certs = &garbage;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);

    struct test_pair pair;
    struct fama_bytes pem;
    test_make(&(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &one.root},
              &pair);
    pem = test_pem(&pair);
    config = one.config;
    config.intermediate_certs = &pem; /* no CA */
    config.intermediate_cert_count = 1;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    config = one.config;
    config.admins = &pem; /* a peer as administrator */
    config.admin_count = 1;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    config = one.config;
    config.tls_root_certs = &pem;
    config.tls_root_cert_count = 1;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    test_free(&pair);

    test_make(&(struct test_order){.common_name = "x", .is_ca = true, .without_key_id = true},
              &pair);
    pem = test_pem(&pair);
    config = one.config;
    config.root_certs = &pem;
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    test_free(&pair);
    test_make(&(struct test_order){.common_name = "x", .is_ca = true}, &pair);
    pem = test_pem(&pair);
    config = one.config;
    config.peer_ou.certificate = pem; /* of no CA of this MSP */
    CU_ASSERT_EQUAL(refusal(&config), FAMA_MSP_INVALID);
    test_free(&pair);
    test_free(&one.root);
}

static void listed_administrators_and_units_count_without_node_ous(void)
{
    struct organisation one;
    make_organisation(&one);
    struct test_pair admin;
    test_make(&(struct test_order){.common_name = "boss", .ous = {"sales"}, .issuer = &one.root},
              &admin);
    struct fama_bytes admin_pem = test_pem(&admin);
    struct fama_msp_ou sales = {.certificate = one.root_pem, .ou = fama_bytes_of_text("sales")};
    one.config.node_ous_enabled = false;
    one.config.admins = &admin_pem;
    one.config.admin_count = 1;
    one.config.organizational_units = &sales;
    one.config.organizational_unit_count = 1;
    struct fama_msp *msp = create(&one.config);
    struct fama_identity *identity = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, admin_pem, &identity, NULL), 0);
    CU_ASSERT(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_ADMIN));
    CU_ASSERT_FALSE(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_PEER));
    fama_identity_release(identity);
    CU_ASSERT_EQUAL(
        judge(msp, &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &one.root}),
        FAMA_MSP_WRONG_ROLE);
    const struct fama_msp_config *kept = fama_msp_definition(msp);
    CU_ASSERT(fama_bytes_equal(kept->admins[0], admin_pem));
    CU_ASSERT(fama_bytes_equal(kept->organizational_units[0].ou, sales.ou));
    CU_ASSERT_PTR_NOT_EQUAL(kept->admins[0].at, admin_pem.at);
    fama_msp_release(msp);
    test_free(&admin);
    test_free(&one.root);
}

static void a_pki_id_is_the_hash_of_msp_id_and_text(void)
{
    /* SHA-256("SipherMSP" "-----BEGIN") */
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    fama_pki_id(fama_bytes_of_text("SipherMSP"), fama_bytes_of_text("-----BEGIN"), pki_id);
    char hex[2 * FAMA_PKI_ID_BYTES + 1];
    for (size_t i = 0; i < FAMA_PKI_ID_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", pki_id[i]);
    }
    CU_ASSERT_STRING_EQUAL(hex, "25fd179870c19fd411a0fef23be642a6d95747c26b5aafd7232da95e1be992e2");
}

static void directories_of_a_real_network_open_and_know_their_members(void)
{
    static const char *const members[][3] = {
        {"peerOrganizations/sipher.lab", "peers/peer0.sipher.lab", "peer0.sipher.lab"},
        {"peerOrganizations/sipher.lab", "users/Admin@sipher.lab", "Admin@sipher.lab"},
        {"peerOrganizations/whitebox.lab", "peers/peer1.whitebox.lab", "peer1.whitebox.lab"},
        {"ordererOrganizations/orderer.lab", "orderers/orderer0.orderer.lab",
         "orderer0.orderer.lab"},
    };
    char folder[64];
    test_make_folder(folder);
    if (test_unpack_real_material(folder)) {
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            for (size_t j = 0; j < sizeof members / sizeof members[0]; j++) {
                char path[4096];
                char pem[8192] = "";
                struct fama_msp *msp = NULL;
                snprintf(path, sizeof path, "%s/crypto/%s/msp", folder, members[i][0]);
                CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "AnyMSP", &msp, NULL), 0);
                snprintf(path, sizeof path, "%s/crypto/%s/%s/msp/signcerts/%s-cert.pem", folder,
                         members[j][0], members[j][1], members[j][2]);
                FILE *file = fopen(path, "r");
                CU_ASSERT_PTR_NOT_NULL_FATAL(file);
                CU_ASSERT(fread(pem, 1, sizeof pem - 1, file) > 0);
                fclose(file);
                bool same = strcmp(members[i][0], members[j][0]) == 0;
                CU_ASSERT_EQUAL(judge_text(msp, fama_bytes_of_text(pem)),
                                same ? 0 : FAMA_MSP_UNTRUSTED);
                fama_msp_release(msp);
            }
        }
    }
    test_remove_folder(folder);
}

/* Computed with openssl and sha256sum from the same file. */
static void a_real_peer_has_its_known_ids(void)
{
    char folder[64];
    test_make_folder(folder);
    if (test_unpack_real_material(folder)) {
        char path[4096];
        char pem[8192] = "";
        struct fama_msp *msp = NULL;
        struct fama_identity *identity = NULL;
        snprintf(path, sizeof path, "%s/crypto/peerOrganizations/whitebox.lab/msp", folder);
        CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "WhiteBoxMSP", &msp, NULL), 0);
        snprintf(path, sizeof path,
                 "%s/crypto/peerOrganizations/whitebox.lab/peers/peer0.whitebox.lab/msp/signcerts/"
                 "peer0.whitebox.lab-cert.pem",
                 folder);
        FILE *file = fopen(path, "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        CU_ASSERT(fread(pem, 1, sizeof pem - 1, file) > 0);
        fclose(file);
        CU_ASSERT_EQUAL_FATAL(fama_msp_deserialize(msp, fama_bytes_of_text(pem), &identity, NULL),
                              0);
        CU_ASSERT_STRING_EQUAL(fama_identity_id(identity),
                               "f1b6a2b9b2d49194026ce01719121089d5feeb5fb8983aa53e266bdd5c722154");
        char hex[2 * FAMA_PKI_ID_BYTES + 1];
        for (size_t i = 0; i < FAMA_PKI_ID_BYTES; i++) {
            snprintf(hex + 2 * i, 3, "%02x", fama_identity_pki_id(identity)[i]);
        }
        CU_ASSERT_STRING_EQUAL(hex,
                               "fbde695361dca5f9ce2b982dd81ceefebf5e86e24866b8a2a2627696f47a11fd");
        fama_identity_release(identity);
        fama_msp_release(msp);
    }
    test_remove_folder(folder);
}

static void a_broken_directory_is_explained(void)
{
    struct organisation one;
    make_organisation(&one);
    char folder[64];
    char path[128];
    test_make_folder(folder);
    struct fama_msp *msp = NULL;
    struct fama_error error = {{0}};
    snprintf(path, sizeof path, "%s/absent", folder);
    CU_ASSERT_EQUAL(fama_msp_open_directory(path, "OneMSP", &msp, &error), FAMA_MSP_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, path));
    CU_ASSERT_EQUAL(fama_msp_open_directory(folder, "OneMSP", &msp, &error), FAMA_MSP_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "cacerts"));
    test_write_file(folder, "cacerts/README", "this is no certificate and is passed over");
    test_write_file(folder, "cacerts/ca.pem", one.root.pem);
    CU_ASSERT_EQUAL(fama_msp_open_directory(folder, "OneMSP", &msp, &error), FAMA_MSP_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "administrators"));
    static const struct {
        const char *yaml;
        int expected;
        const char *words;
    } files[] = {
        {"NodeOUs: [", FAMA_MSP_INVALID, "config.yaml line"},
        {"NodeOUs: true", FAMA_MSP_INVALID, "line 1"},
        {"NodeOUs:\n  Enable: perhaps\n", FAMA_MSP_INVALID, "line 2"},
        {"NodeOUs:\n  Enable: true\n  AdminOUIdentifier:\n    Certificate: cacerts/no.pem\n"
         "    OrganizationalUnitIdentifier: admin\n",
         FAMA_MSP_UNREADABLE, "cacerts/no.pem"},
        {"OrganizationalUnitIdentifiers: 7\n", FAMA_MSP_INVALID, "list"},
        {"NodeOUs:\n  Enable: true\n  AdminOUIdentifier:\n    Certificate: cacerts/ca.pem\n"
         "    OrganizationalUnitIdentifier: admin\n",
         0, ""},
        {"NodeOUs:\n  Enable: yes\n  AdminOUIdentifier:\n"
         "    OrganizationalUnitIdentifier: admin\n",
         0, ""},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        error.text[0] = '\0';
        test_write_file(folder, "config.yaml", files[i].yaml);
        CU_ASSERT_EQUAL(fama_msp_open_directory(folder, "OneMSP", &msp, &error), files[i].expected);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, files[i].words));
        CU_ASSERT_PTR_NULL(strchr(error.text, '\n'));
        fama_msp_release(msp);
        msp = NULL;
    }
    test_remove_folder(folder);
    test_free(&one.root);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(an_issued_peer_is_a_member_and_a_peer_only),
        TEST(an_identity_of_another_ca_is_refused_even_under_the_same_name),
        TEST(a_certificate_must_have_exactly_one_role),
        TEST(expired_certificates_validate_but_not_outside_their_cas_time),
        TEST(extensions_are_judged_as_go_judges_them),
        TEST(a_root_that_may_not_sign_certificates_signs_none),
        TEST(only_intermediates_issue_once_there_is_one),
        TEST(two_chains_are_as_bad_as_none),
        TEST(a_ca_with_other_alternative_names_is_another_ca),
        TEST(a_revoked_certificate_is_refused_if_its_issuer_says_so),
        TEST(both_forms_of_a_certificate_are_one_identity),
        TEST(a_root_with_a_high_s_still_certifies_roles),
        TEST(texts_around_and_armour_do_not_matter_but_der_does),
        TEST(texts_of_many_beginnings_cost_no_time),
        TEST(a_definition_that_breaks_a_rule_is_refused),
        TEST(listed_administrators_and_units_count_without_node_ous),
        TEST(a_pki_id_is_the_hash_of_msp_id_and_text),
        TEST(directories_of_a_real_network_open_and_know_their_members),
        TEST(a_real_peer_has_its_known_ids),
        TEST(a_broken_directory_is_explained),
    };
    return run_suite("msp", cases, sizeof cases / sizeof cases[0]);
}
