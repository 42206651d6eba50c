#include "crypto/signature_job.h"

#include <openssl/rsa.h>

#include "unit/members.h"

/* Signs the way Fabric's clients do: ECDSA over a digest, with a low s unless a high one is wanted.
 * Returns the length of the DER. */
static size_t sign_digest(EVP_PKEY *key, const uint8_t *digest, size_t digest_len, bool want_high,
                          uint8_t *der, size_t room)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    BIGNUM *order = NULL;
    CU_ASSERT_FATAL(context != NULL && EVP_PKEY_sign_init(context) == 1);
    CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(key, "order", &order) == 1);
    size_t len = room;
    CU_ASSERT_FATAL(EVP_PKEY_sign(context, der, &len, digest, digest_len) == 1);
    const unsigned char *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BIGNUM *other = BN_new();
    CU_ASSERT_FATAL(signature != NULL && other != NULL &&
                    BN_sub(other, order, ECDSA_SIG_get0_s(signature)) == 1);
    bool is_high = BN_cmp(ECDSA_SIG_get0_s(signature), other) > 0;
    if (is_high != want_high) {
        CU_ASSERT_FATAL(
            ECDSA_SIG_set0(signature, BN_dup(ECDSA_SIG_get0_r(signature)), BN_dup(other)) == 1);
        unsigned char *end = der;
        int encoded = i2d_ECDSA_SIG(signature, &end);
        CU_ASSERT_FATAL(encoded > 0 && (size_t)encoded <= room);
        len = (size_t)encoded;
    }
    BN_free(other);
    BN_free(order);
    ECDSA_SIG_free(signature);
    EVP_PKEY_CTX_free(context);
    return len;
}

static const char *const halves[] = {"the proposal ", "and its answer"};

static struct fama_verify_job prepare(const struct fama_identity *identity,
                                      struct fama_bytes signature)
{
    struct fama_bytes parts[] = {fama_bytes_of_text(halves[0]), fama_bytes(NULL, 0),
                                 fama_bytes_of_text(halves[1])};
    struct fama_verify_job job;
    memset(&job, 0xa5, sizeof job);
    fama_identity_prepare_verify(identity, parts, 3, signature, &job);
    CU_ASSERT_PTR_EQUAL(job.key, fama_identity_key(identity));
    return job;
}

static enum fama_verdict finish(struct fama_verify_job *job)
{
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    fama_verifier_run(verifier, &job, 1);
    fama_verifier_destroy(verifier);
    return job->verdict;
}

static void digest_of_message(const EVP_MD *algorithm, uint8_t digest[EVP_MAX_MD_SIZE],
                              size_t *digest_len)
{
    char message[64];
    unsigned int len = 0;
    int message_len = snprintf(message, sizeof message, "%s%s", halves[0], halves[1]);
    CU_ASSERT_FATAL(EVP_Digest(message, (size_t)message_len, digest, &len, algorithm, NULL) == 1);
    *digest_len = len;
}

static void p256_is_left_for_the_batch_and_other_curves_are_decided(void)
{
    static const char *const curves[] = {"P-256", "P-224", "P-384", "P-521"};
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;
    digest_of_message(EVP_sha256(), digest, &digest_len);
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        bool is_p256 = i == 0;
        struct test_pair pair;
        test_make(
            &(struct test_order){
                .common_name = "m", .ous = {"peer"}, .curve = curves[i], .issuer = &one.root},
            &pair);
        struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
        CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
        CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), 0);
        CU_ASSERT(test_has_role(identity, FAMA_MSP_ROLE_PEER));
        uint8_t der[256];
        for (int round = 0; round < 8; round++) {
            size_t len = sign_digest(pair.key, digest, digest_len, false, der, sizeof der - 8);
            struct fama_verify_job job = prepare(identity, fama_bytes(der, len));
            CU_ASSERT_EQUAL(job.verdict, is_p256 ? FAMA_VERDICT_PENDING : FAMA_VERDICT_GOOD);
            CU_ASSERT_EQUAL(finish(&job), FAMA_VERDICT_GOOD);

            /* octets behind the sequence do not count */
            memset(der + len, 0, 8);
            job = prepare(identity, fama_bytes(der, len + 8));
            CU_ASSERT_EQUAL(finish(&job), FAMA_VERDICT_GOOD);
            job = prepare(identity, fama_bytes(der, len - 1));
            CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
            job = prepare(identity, fama_bytes(der, 0));
            CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);

            der[len - 1] ^= 1;
            job = prepare(identity, fama_bytes(der, len));
            CU_ASSERT_EQUAL(finish(&job), FAMA_VERDICT_BAD);

            len = sign_digest(pair.key, digest, digest_len, true, der, sizeof der);
            job = prepare(identity, fama_bytes(der, len));
            CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
        }
        /* over another digest */
        digest[0] ^= 1;
        size_t len = sign_digest(pair.key, digest, digest_len, false, der, sizeof der);
        digest[0] ^= 1;
        struct fama_verify_job job = prepare(identity, fama_bytes(der, len));
        CU_ASSERT_EQUAL(finish(&job), FAMA_VERDICT_BAD);
        fama_identity_release(identity);
        test_free(&pair);
    }
    fama_msp_release(msp);
    test_free(&one.root);
}

static void the_hash_family_of_the_msp_counts(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    static const char *const curves[] = {"P-256", "P-384"};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        struct test_pair pair;
        test_make(
            &(struct test_order){
                .common_name = "m", .ous = {"peer"}, .curve = curves[i], .issuer = &one.root},
            &pair);
        uint8_t sha2[256];
        uint8_t sha3[256];
        uint8_t digest[EVP_MAX_MD_SIZE];
        size_t digest_len;
        digest_of_message(EVP_sha256(), digest, &digest_len);
        size_t sha2_len = sign_digest(pair.key, digest, digest_len, false, sha2, sizeof sha2);
        digest_of_message(EVP_sha3_256(), digest, &digest_len);
        size_t sha3_len = sign_digest(pair.key, digest, digest_len, false, sha3, sizeof sha3);
        const struct {
            const char *family;
            bool takes_sha2;
            bool takes_sha3;
        } families[] = {{"", true, false},
                        {"SHA2", true, false},
                        {"SHA3", false, true},
                        {"SHA4", false, false},
                        {"SHA256", false, false}};
        for (size_t j = 0; j < sizeof families / sizeof families[0]; j++) {
            one.config.signature_hash_family = fama_bytes_of_text(families[j].family);
            struct fama_msp *msp = test_msp(&one.config);
            struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
            struct fama_verify_job job = prepare(identity, fama_bytes(sha2, sha2_len));
            CU_ASSERT_EQUAL(finish(&job) == FAMA_VERDICT_GOOD, families[j].takes_sha2);
            job = prepare(identity, fama_bytes(sha3, sha3_len));
            CU_ASSERT_EQUAL(finish(&job) == FAMA_VERDICT_GOOD, families[j].takes_sha3);
            fama_identity_release(identity);
            fama_msp_release(msp);
        }
        test_free(&pair);
    }
    test_free(&one.root);
}

static void ed25519_identifies_from_version_3_on(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    struct test_pair pair;
    test_make(
        &(struct test_order){.common_name = "m", .ous = {"peer"}, .key = key, .issuer = &one.root},
        &pair);
    struct fama_msp *old = test_msp(&one.config);
    struct fama_identity *nobody = test_identity_of(old, test_pem(&pair));
    CU_ASSERT_PTR_NOT_NULL_FATAL(nobody);
    CU_ASSERT_EQUAL(fama_identity_validate(nobody, NULL), FAMA_MSP_UNTRUSTED);
    CU_ASSERT_FALSE(test_has_role(nobody, FAMA_MSP_ROLE_MEMBER));
    CU_ASSERT_FALSE(test_has_role(nobody, FAMA_MSP_ROLE_PEER));
    fama_identity_release(nobody);
    fama_msp_release(old);

    one.config.version = FAMA_MSP_V3_0;
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
    CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
    CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), 0);
    CU_ASSERT(test_has_role(identity, FAMA_MSP_ROLE_PEER));
    /* the message itself is signed, not its digest */
    char message[64];
    uint8_t signature[65] = {0};
    size_t len = 64;
    int message_len = snprintf(message, sizeof message, "%s%s", halves[0], halves[1]);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CU_ASSERT_FATAL(context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                    EVP_DigestSign(context, signature, &len, (const unsigned char *)message,
                                   (size_t)message_len) == 1);
    struct fama_verify_job job = prepare(identity, fama_bytes(signature, 64));
    CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_GOOD);
    CU_ASSERT_EQUAL(finish(&job), FAMA_VERDICT_GOOD);
    job = prepare(identity, fama_bytes(signature, 65));
    CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
    job = prepare(identity, fama_bytes(signature, 0));
    CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
    signature[3] ^= 1;
    job = prepare(identity, fama_bytes(signature, 64));
    CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
    fama_identity_prepare_verify(identity, NULL, 0, fama_bytes(signature, 64), &job);
    CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
    EVP_MD_CTX_free(context);
    fama_identity_release(identity);
    fama_msp_release(msp);
    test_free(&pair);
    EVP_PKEY_free(key);
    test_free(&one.root);
}

static void rsa_members_sign_nothing(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    struct test_pair pair;
    test_make(
        &(struct test_order){.common_name = "m", .ous = {"peer"}, .key = key, .issuer = &one.root},
        &pair);
    static const enum fama_msp_version versions[] = {FAMA_MSP_V1_4_3, FAMA_MSP_V3_0};
    for (size_t i = 0; i < 2; i++) {
        one.config.version = versions[i];
        struct fama_msp *msp = test_msp(&one.config);
        struct fama_identity *identity = test_identity_of(msp, test_pem(&pair));
        CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
        CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), i == 0 ? 0 : FAMA_MSP_UNTRUSTED);
        uint8_t digest[EVP_MAX_MD_SIZE];
        size_t digest_len;
        digest_of_message(EVP_sha256(), digest, &digest_len);
        uint8_t signature[256];
        size_t len = sizeof signature;
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        CU_ASSERT_FATAL(context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                        EVP_PKEY_sign(context, signature, &len, digest, digest_len) == 1);
        struct fama_verify_job job = prepare(identity, fama_bytes(signature, len));
        CU_ASSERT_EQUAL(job.verdict, FAMA_VERDICT_BAD);
        EVP_PKEY_CTX_free(context);
        fama_identity_release(identity);
        fama_msp_release(msp);
    }
    test_free(&pair);
    EVP_PKEY_free(key);
    test_free(&one.root);
}

static void authorities_may_have_keys_of_every_kind(void)
{
    const struct {
        EVP_PKEY *key;
        const EVP_MD *digest;
    } authorities[] = {
        {EVP_RSA_gen(2048), EVP_sha256()},
        {EVP_EC_gen("P-384"), EVP_sha384()},
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL},
    };
    static const enum fama_msp_version versions[] = {FAMA_MSP_V1_4_3, FAMA_MSP_V3_0};
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        struct test_organisation one;
        test_make_organisation(&one);
        test_free(&one.root);
        struct test_order order = {.common_name = "ca.one",
                                   .is_ca = true,
                                   .key = authorities[i].key,
                                   .digest = authorities[i].digest,
                                   .without_digest = authorities[i].digest == NULL};
        test_make(&order, &one.root);
        one.root_pem = test_pem(&one.root);
        order = (struct test_order){.common_name = "m",
                                    .ous = {"peer"},
                                    .issuer = &one.root,
                                    .digest = authorities[i].digest,
                                    .without_digest = authorities[i].digest == NULL};
        for (size_t v = 0; v < 2; v++) {
            one.config.version = versions[v];
            struct fama_msp *msp = test_msp(&one.config);
            struct fama_identity *identity = test_member(msp, &order);
            CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
            CU_ASSERT_EQUAL(fama_identity_validate(identity, NULL), 0);
            fama_identity_release(identity);
            fama_msp_release(msp);
        }
        test_free(&one.root);
        EVP_PKEY_free(authorities[i].key);
    }
}

static void decided_jobs_pass_through_a_batch_untouched(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    struct fama_identity *identity = test_member(
        msp, &(struct test_order){.common_name = "m", .ous = {"peer"}, .issuer = &one.root});
    struct fama_verify_job jobs[] = {
        {.key = fama_identity_key(identity), .verdict = FAMA_VERDICT_GOOD},
        {.key = fama_identity_key(identity), .verdict = FAMA_VERDICT_BAD},
        {.key = fama_identity_key(identity)},
    };
    struct fama_verify_job *batch[] = {&jobs[0], &jobs[1], &jobs[2]};
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    fama_verifier_run(verifier, batch, 3);
    CU_ASSERT_EQUAL(jobs[0].verdict, FAMA_VERDICT_GOOD);
    CU_ASSERT_EQUAL(jobs[1].verdict, FAMA_VERDICT_BAD);
    CU_ASSERT_EQUAL(jobs[2].verdict, FAMA_VERDICT_BAD);
    fama_verifier_destroy(verifier);
    fama_identity_release(identity);
    fama_msp_release(msp);
    test_free(&one.root);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(p256_is_left_for_the_batch_and_other_curves_are_decided),
        TEST(the_hash_family_of_the_msp_counts),
        TEST(ed25519_identifies_from_version_3_on),
        TEST(rsa_members_sign_nothing),
        TEST(authorities_may_have_keys_of_every_kind),
        TEST(decided_jobs_pass_through_a_batch_untouched),
    };
    return run_suite("signature job", cases, sizeof cases / sizeof cases[0]);
}
