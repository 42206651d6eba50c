#include "crypto/signer.h"

#include "crypto/verifier.h"
#include "unit/certificates.h"

/* One MSP directory under construction. */
struct fixture {
    char folder[64];
    struct test_pair root;
    struct fama_msp *msp;
};

static void set_up(struct fixture *fixture)
{
    test_make_folder(fixture->folder);
    test_make(&(struct test_order){.common_name = "ca.one", .is_ca = true}, &fixture->root);
    test_write_file(fixture->folder, "cacerts/ca.pem", fixture->root.pem);
    test_write_file(fixture->folder, "config.yaml",
                    "NodeOUs:\n  Enable: true\n"
                    "  PeerOUIdentifier: {OrganizationalUnitIdentifier: peer}\n"
                    "  AdminOUIdentifier: {OrganizationalUnitIdentifier: admin}\n");
    CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(fixture->folder, "OneMSP", &fixture->msp, NULL),
                          0);
}

static void tear_down(struct fixture *fixture)
{
    fama_msp_release(fixture->msp);
    test_free(&fixture->root);
    test_remove_folder(fixture->folder);
}

static void expect_refusal(const struct fixture *fixture, int expected, const char *words)
{
    struct fama_signer *signer = NULL;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(fama_signer_open(fixture->folder, fixture->msp, &signer, &error), expected);
    CU_ASSERT_PTR_NULL(signer);
    if (strstr(error.text, words) == NULL || strstr(error.text, fixture->folder) == NULL) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL("the refusal does not say what and where");
    }
    fama_signer_close(signer);
}

static void install(const struct fixture *fixture, const struct test_order *order)
{
    struct test_pair pair;
    test_make(order, &pair);
    test_write_file(fixture->folder, "signcerts/me.pem", pair.pem);
    test_write_key(fixture->folder, "keystore/any-name", pair.key);
    test_free(&pair);
}

static void signatures_are_low_s_and_verify(void)
{
    struct fixture fixture;
    set_up(&fixture);
    install(&fixture,
            &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &fixture.root});
    /* Other keys in the keystore, and files that are none, do not disturb. */
    EVP_PKEY *other = EVP_EC_gen("P-256");
    test_write_key(fixture.folder, "keystore/another", other);
    test_write_file(fixture.folder, "keystore/notes", "nothing");
    EVP_PKEY_free(other);
    struct fama_signer *signer = NULL;
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    CU_ASSERT_EQUAL_FATAL(fama_signer_open(fixture.folder, fixture.msp, &signer, NULL), 0);
    struct fama_identity *identity = fama_signer_identity(signer);
    CU_ASSERT_STRING_EQUAL(fama_identity_common_name(identity), "p0");
    for (int i = 0; i < 64; i++) {
        struct fama_verify_job job = {.key = fama_identity_key(identity)};
        struct fama_verify_job *batch[] = {&job};
        fama_sha256(fama_bytes(&i, sizeof i), job.digest);
        CU_ASSERT_EQUAL(fama_signer_sign_digest(signer, job.digest, &job.signature), 0);
        uint8_t raw[FAMA_SIGNATURE_BYTES];
        struct fama_signature reread;
        fama_signature_to_raw(&job.signature, raw);
        CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &reread), 0);
        fama_verifier_run(verifier, batch, 1);
        CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_GOOD);
        job.digest[0] ^= 1;
        job.verdict = FAMA_VERDICT_PENDING;
        fama_verifier_run(verifier, batch, 1);
        CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
    }
    fama_verifier_destroy(verifier);
    fama_signer_close(signer);
    fama_signer_close(NULL);
    tear_down(&fixture);
}

static void missing_files_are_named(void)
{
    struct fixture fixture;
    set_up(&fixture);
    expect_refusal(&fixture, FAMA_SIGNER_UNREADABLE, "signcerts");
    struct test_pair pair;
    test_make(&(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &fixture.root},
              &pair);
    test_write_file(fixture.folder, "signcerts/me.pem", pair.pem);
    expect_refusal(&fixture, FAMA_SIGNER_UNREADABLE, "keystore");
    test_write_file(fixture.folder, "keystore/locked",
                    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                    "-----END ENCRYPTED PRIVATE KEY-----\n");
    expect_refusal(&fixture, FAMA_SIGNER_UNREADABLE, "keystore");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    test_write_key(fixture.folder, "keystore/another", other);
    expect_refusal(&fixture, FAMA_SIGNER_MISMATCH, "keystore");
    EVP_PKEY_free(other);
    test_write_file(fixture.folder, "signcerts/me.pem",
                    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_refusal(&fixture, FAMA_SIGNER_UNREADABLE, "me.pem");
    test_free(&pair);
    tear_down(&fixture);
}

static void certificates_outside_their_time_are_refused(void)
{
    struct fixture fixture;
    set_up(&fixture);
    struct test_order order = {.common_name = "p0", .ous = {"peer"}, .issuer = &fixture.root};
    order.not_before_s = -1800;
    order.not_after_s = -60;
    install(&fixture, &order);
    expect_refusal(&fixture, FAMA_SIGNER_EXPIRED, "expired at 20");
    order.not_before_s = 1800;
    order.not_after_s = 3000;
    install(&fixture, &order);
    expect_refusal(&fixture, FAMA_SIGNER_EXPIRED, "not valid before 20");
    tear_down(&fixture);
}

static void certificates_that_the_own_msp_refuses_are_refused(void)
{
    struct fixture fixture;
    set_up(&fixture);
    struct test_pair stranger;
    test_make(&(struct test_order){.common_name = "ca.other", .is_ca = true}, &stranger);
    install(&fixture,
            &(struct test_order){.common_name = "p0", .ous = {"peer"}, .issuer = &stranger});
    expect_refusal(&fixture, FAMA_SIGNER_UNTRUSTED, "me.pem");
    install(&fixture,
            &(struct test_order){.common_name = "p0", .ous = {"clerk"}, .issuer = &fixture.root});
    expect_refusal(&fixture, FAMA_SIGNER_UNTRUSTED, "exactly one");
    test_free(&stranger);
    tear_down(&fixture);
}

static void keys_of_other_curves_are_refused(void)
{
    struct fixture fixture;
    set_up(&fixture);
    install(&fixture,
            &(struct test_order){
                .common_name = "p0", .ous = {"peer"}, .curve = "P-384", .issuer = &fixture.root});
    expect_refusal(&fixture, FAMA_SIGNER_UNSUPPORTED, "P-256");
    tear_down(&fixture);
}

static void a_node_of_a_real_network_signs_with_its_own_files(void)
{
    char folder[64];
    test_make_folder(folder);
    if (test_unpack_real_material(folder)) {
        char path[4096];
        struct fama_msp *msp = NULL;
        struct fama_signer *signer = NULL;
        snprintf(path, sizeof path,
                 "%s/crypto/peerOrganizations/sipher.lab/peers/peer0.sipher.lab/msp", folder);
        CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "SipherMSP", &msp, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(fama_signer_open(path, msp, &signer, NULL), 0);
        CU_ASSERT(fama_msp_has_role(msp, fama_signer_identity(signer), FAMA_MSP_ROLE_PEER));
        struct fama_verify_job job = {.key = fama_identity_key(fama_signer_identity(signer))};
        struct fama_verify_job *batch[] = {&job};
        struct fama_verifier *verifier = fama_verifier_create();
        CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
        CU_ASSERT_EQUAL(fama_signer_sign_digest(signer, job.digest, &job.signature), 0);
        fama_verifier_run(verifier, batch, 1);
        CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_GOOD);
        fama_verifier_destroy(verifier);
        fama_signer_close(signer);
        fama_msp_release(msp);
    }
    test_remove_folder(folder);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(signatures_are_low_s_and_verify),
        TEST(missing_files_are_named),
        TEST(certificates_outside_their_time_are_refused),
        TEST(certificates_that_the_own_msp_refuses_are_refused),
        TEST(keys_of_other_curves_are_refused),
        TEST(a_node_of_a_real_network_signs_with_its_own_files),
    };
    return run_suite("signer", cases, sizeof cases / sizeof cases[0]);
}
