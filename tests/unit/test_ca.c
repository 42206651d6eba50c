#include "crypto/ca.h"

#include "crypto/signer.h"
#include "crypto/verifier.h"
#include "unit/certificates.h"

static const char *const sans[] = {"localhost", "127.0.0.1", "::1"};

static int issue(const char *organisation, enum fama_msp_role role, const char *name, char *made,
                 size_t made_size, struct fama_error *error)
{
    struct fama_ca_issue request = {
        .organisation = organisation,
        .role = role,
        .name = name,
        .sans = sans,
        .san_count = 3,
        .not_before_s = -300,
        .not_after_s = 86400,
    };
    return fama_ca_issue(&request, made, made_size, error);
}

static X509 *read_certificate(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    return certificate;
}

/* OpenSSL's own verdict, with its strict reading of RFC 5280. */
static int openssl_verdict(X509 *certificate, X509 *root, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    CU_ASSERT_FATAL(store != NULL && context != NULL);
    CU_ASSERT_EQUAL(X509_STORE_add_cert(store, root), 1);
    CU_ASSERT_EQUAL(X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT), 1);
    CU_ASSERT_EQUAL(X509_STORE_CTX_init(context, store, certificate, NULL), 1);
    if (purpose != 0) {
        CU_ASSERT_EQUAL(X509_STORE_CTX_set_purpose(context, purpose), 1);
    }
    (void)X509_verify_cert(context);
    int verdict = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return verdict;
}

static void every_role_opens_as_an_msp_and_signs(void)
{
    static const struct {
        enum fama_msp_role role;
        const char *name;
        const char *folder;
    } members[] = {
        {FAMA_MSP_ROLE_PEER, "peer0", "peers/peer0.one.lab"},
        {FAMA_MSP_ROLE_ORDERER, "orderer0", "orderers/orderer0.one.lab"},
        {FAMA_MSP_ROLE_ADMIN, "Admin", "users/Admin@one.lab"},
        {FAMA_MSP_ROLE_CLIENT, "User1", "users/User1@one.lab"},
    };
    char folder[64];
    char path[4096];
    test_make_folder(folder);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    struct fama_msp *organisation = NULL;
    snprintf(path, sizeof path, "%s/msp", folder);
    CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "OneMSP", &organisation, NULL), 0);
    CU_ASSERT_EQUAL(fama_msp_definition(organisation)->tls_root_cert_count, 1);
    CU_ASSERT(fama_msp_definition(organisation)->node_ous_enabled);
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char made[4096];
        CU_ASSERT_EQUAL_FATAL(
            issue(folder, members[i].role, members[i].name, made, sizeof made, NULL), 0);
        snprintf(path, sizeof path, "%s/%s", folder, members[i].folder);
        CU_ASSERT_STRING_EQUAL(made, path);
        strcat(path, "/msp");
        struct fama_msp *own = NULL;
        struct fama_signer *signer = NULL;
        CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "OneMSP", &own, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(fama_signer_open(path, own, &signer, NULL), 0);
        struct fama_identity *identity = fama_signer_identity(signer);
        CU_ASSERT_EQUAL(fama_msp_validate(organisation, identity, NULL), 0);
        for (int role = FAMA_MSP_ROLE_ADMIN; role <= FAMA_MSP_ROLE_ORDERER; role++) {
            CU_ASSERT_EQUAL(fama_msp_has_role(organisation, identity, (enum fama_msp_role)role),
                            (enum fama_msp_role)role == members[i].role);
        }
        struct fama_verify_job job = {.key = fama_identity_key(identity)};
        struct fama_verify_job *batch[] = {&job};
        CU_ASSERT_EQUAL(fama_signer_sign_digest(signer, job.digest, &job.signature), 0);
        fama_verifier_run(verifier, batch, 1);
        CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_GOOD);
        fama_signer_close(signer);
        fama_msp_release(own);
    }
    fama_verifier_destroy(verifier);
    fama_msp_release(organisation);
    test_remove_folder(folder);
}

static void openssl_accepts_what_is_issued(void)
{
    char folder[64];
    char made[4096];
    test_make_folder(folder);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    CU_ASSERT_EQUAL_FATAL(issue(folder, FAMA_MSP_ROLE_PEER, "peer0", made, sizeof made, NULL), 0);
    X509 *ca = read_certificate(folder, "ca/ca.one.lab-cert.pem");
    X509 *tlsca = read_certificate(folder, "tlsca/tlsca.one.lab-cert.pem");
    X509 *tls_ca_copy = read_certificate(made, "tls/ca.crt");
    X509 *signing = read_certificate(made, "msp/signcerts/peer0.one.lab-cert.pem");
    X509 *tls = read_certificate(made, "tls/server.crt");
    CU_ASSERT_FATAL(ca && tlsca && tls_ca_copy && signing && tls);
    CU_ASSERT_EQUAL(openssl_verdict(signing, ca, 0), X509_V_OK);
    CU_ASSERT_EQUAL(openssl_verdict(tls, tlsca, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    CU_ASSERT_EQUAL(openssl_verdict(tls, tlsca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    CU_ASSERT_NOT_EQUAL(openssl_verdict(tls, ca, 0), X509_V_OK);
    CU_ASSERT_NOT_EQUAL(openssl_verdict(signing, tlsca, 0), X509_V_OK);
    CU_ASSERT_EQUAL(X509_cmp(tlsca, tls_ca_copy), 0);
    CU_ASSERT_EQUAL(X509_check_host(tls, "peer0.one.lab", 0, 0, NULL), 1);
    CU_ASSERT_EQUAL(X509_check_host(tls, "peer0", 0, 0, NULL), 1);
    CU_ASSERT_EQUAL(X509_check_host(tls, "localhost", 0, 0, NULL), 1);
    CU_ASSERT_EQUAL(X509_check_host(tls, "peer1.one.lab", 0, 0, NULL), 0);
    CU_ASSERT_EQUAL(X509_check_ip_asc(tls, "127.0.0.1", 0), 1);
    CU_ASSERT_EQUAL(X509_check_ip_asc(tls, "::1", 0), 1);
    CU_ASSERT_EQUAL(X509_check_ip_asc(tls, "127.0.0.2", 0), 0);
    CU_ASSERT_FALSE(test_has_high_s(ca));
    CU_ASSERT_FALSE(test_has_high_s(tls));
    CU_ASSERT_FALSE(test_has_high_s(signing));
    char name[128];
    X509_NAME_oneline(X509_get_subject_name(ca), name, sizeof name);
    CU_ASSERT_STRING_EQUAL(name, "/O=one.lab/CN=ca.one.lab");
    X509_NAME_oneline(X509_get_subject_name(signing), name, sizeof name);
    CU_ASSERT_STRING_EQUAL(name, "/OU=peer/CN=peer0.one.lab");
    X509_free(ca);
    X509_free(tlsca);
    X509_free(tls_ca_copy);
    X509_free(signing);
    X509_free(tls);
    test_remove_folder(folder);
}

static void private_keys_are_for_their_owner_only(void)
{
    static const char *const keys[] = {
        "ca/priv_sk",
        "tlsca/priv_sk",
        "peers/peer0.one.lab/msp/keystore/priv_sk",
        "peers/peer0.one.lab/tls/server.key",
        "users/u@one.lab/tls/client.key",
    };
    char folder[64];
    test_make_folder(folder);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    CU_ASSERT_EQUAL_FATAL(issue(folder, FAMA_MSP_ROLE_PEER, "peer0", NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(issue(folder, FAMA_MSP_ROLE_CLIENT, "u", NULL, 0, NULL), 0);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char path[4096];
        struct stat status;
        char line[64] = "";
        snprintf(path, sizeof path, "%s/%s", folder, keys[i]);
        CU_ASSERT_EQUAL_FATAL(stat(path, &status), 0);
        CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
        FILE *file = fopen(path, "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, file));
        CU_ASSERT_STRING_EQUAL(line, "-----BEGIN PRIVATE KEY-----\n");
        fclose(file);
    }
    test_remove_folder(folder);
}

static void nothing_is_ever_overwritten(void)
{
    char folder[64];
    struct fama_error error = {{0}};
    test_make_folder(folder);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    X509 *before = read_certificate(folder, "ca/ca.one.lab-cert.pem");
    CU_ASSERT_EQUAL(fama_ca_init(folder, "two.lab", &error), FAMA_CA_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/ca exists"));
    X509 *after = read_certificate(folder, "ca/ca.one.lab-cert.pem");
    CU_ASSERT_FATAL(before != NULL && after != NULL);
    CU_ASSERT_EQUAL(X509_cmp(before, after), 0);
    X509_free(before);
    X509_free(after);

    char made[4096];
    CU_ASSERT_EQUAL_FATAL(issue(folder, FAMA_MSP_ROLE_PEER, "p", made, sizeof made, NULL), 0);
    before = read_certificate(made, "tls/server.crt");
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_PEER, "p", NULL, 0, &error), FAMA_CA_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, made));
    after = read_certificate(made, "tls/server.crt");
    CU_ASSERT_FATAL(before != NULL && after != NULL);
    CU_ASSERT_EQUAL(X509_cmp(before, after), 0);
    X509_free(before);
    X509_free(after);
    test_remove_folder(folder);
}

static void requests_without_sense_are_refused_and_leave_nothing(void)
{
    char folder[64];
    char path[4096];
    struct fama_error error = {{0}};
    test_make_folder(folder);
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_PEER, "p", NULL, 0, &error), FAMA_CA_IO);
    CU_ASSERT_EQUAL(fama_ca_init(folder, "../one", &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL(fama_ca_init(folder, "", &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_MEMBER, "p", NULL, 0, &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL(issue(folder, (enum fama_msp_role)99, "p", NULL, 0, &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_PEER, "../p", NULL, 0, &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_PEER, "", NULL, 0, &error), FAMA_CA_INVALID);
    CU_ASSERT_EQUAL(issue(folder, FAMA_MSP_ROLE_PEER,
                          "a-name-that-is-as-long-as-a-name-in-a-certificate-may-be-000000", NULL,
                          0, &error),
                    FAMA_CA_INVALID);
    const char *bad_san = "no spaces";
    struct fama_ca_issue request = {.organisation = folder,
                                    .role = FAMA_MSP_ROLE_PEER,
                                    .name = "p",
                                    .sans = &bad_san,
                                    .san_count = 1,
                                    .not_before_s = -10,
                                    .not_after_s = 10};
    CU_ASSERT_EQUAL(fama_ca_issue(&request, NULL, 0, &error), FAMA_CA_INVALID);
    request.san_count = 0;
    request.not_before_s = 10;
    CU_ASSERT_EQUAL(fama_ca_issue(&request, NULL, 0, &error), FAMA_CA_INVALID);
    request.not_after_s = INT64_MAX;
    CU_ASSERT_EQUAL(fama_ca_issue(&request, NULL, 0, &error), FAMA_CA_INVALID);
    request.not_before_s = -INT64_C(40) * 24 * 3600; /* before the CA began */
    request.not_after_s = 10;
    CU_ASSERT_EQUAL(fama_ca_issue(&request, NULL, 0, &error), FAMA_CA_INVALID);
    snprintf(path, sizeof path, "%s/peers/p.one.lab", folder);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    test_remove_folder(folder);
}

static void an_expired_certificate_can_be_issued_and_is_refused_as_such(void)
{
    char folder[64];
    char made[4096];
    test_make_folder(folder);
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "one.lab", NULL), 0);
    struct fama_ca_issue request = {.organisation = folder,
                                    .role = FAMA_MSP_ROLE_PEER,
                                    .name = "late",
                                    .not_before_s = -7200,
                                    .not_after_s = -3600};
    CU_ASSERT_EQUAL_FATAL(fama_ca_issue(&request, made, sizeof made, NULL), 0);
    strcat(made, "/msp");
    struct fama_msp *msp = NULL;
    struct fama_signer *signer = NULL;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(made, "OneMSP", &msp, NULL), 0);
    CU_ASSERT_EQUAL(fama_signer_open(made, msp, &signer, &error), FAMA_SIGNER_EXPIRED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "late.one.lab"));
    fama_msp_release(msp);
    test_remove_folder(folder);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(every_role_opens_as_an_msp_and_signs),
        TEST(openssl_accepts_what_is_issued),
        TEST(private_keys_are_for_their_owner_only),
        TEST(nothing_is_ever_overwritten),
        TEST(requests_without_sense_are_refused_and_leave_nothing),
        TEST(an_expired_certificate_can_be_issued_and_is_refused_as_such),
    };
    return run_suite("ca", cases, sizeof cases / sizeof cases[0]);
}
