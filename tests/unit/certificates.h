/* Certificates for tests, made with OpenSSL directly: every rule can be broken on its own. */
#ifndef FAMA_TESTS_UNIT_CERTIFICATES_H
#define FAMA_TESTS_UNIT_CERTIFICATES_H

#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/bytes.h"
#include "crypto/signature.h"
#include "unit/suite.h"

struct test_pair {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[8192];
};

struct test_order {
    const char *common_name;
    const char *ous[4];
    bool is_ca;
    bool without_key_id;  /* no SubjectKeyIdentifier */
    bool want_high_s;     /* else low */
    const char *curve;    /* NULL: P-256 */
    const EVP_MD *digest; /* NULL: SHA-256 */
    bool without_digest;  /* as an Ed25519 issuer signs */
    int64_t not_before_s; /* from now; both 0: an hour ago and in an hour */
    int64_t not_after_s;
    long serial;             /* 0: 1 */
    const char *extra_value; /* of an extension in OpenSSL's configuration language */
    int extra_nid;
    const struct test_pair *issuer; /* NULL: itself */
    EVP_PKEY *key;                  /* NULL: a new one */
};

static inline struct fama_bytes test_pem(const struct test_pair *pair)
{
    return fama_bytes_of_text(pair->pem);
}

static inline void test_write_pem(struct test_pair *pair)
{
    BIO *bio = BIO_new(BIO_s_mem());
    CU_ASSERT_FATAL(bio != NULL && PEM_write_bio_X509(bio, pair->certificate) == 1);
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    CU_ASSERT_FATAL(len > 0 && (size_t)len < sizeof pair->pem);
    memcpy(pair->pem, text, (size_t)len);
    pair->pem[len] = '\0';
    BIO_free(bio);
}

static inline void test_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CU_ASSERT_FATAL(extension != NULL);
    CU_ASSERT_FATAL(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static inline bool test_has_high_s(const X509 *certificate)
{
    const ASN1_BIT_STRING *der;
    X509_get0_signature(&der, NULL, certificate);
    struct fama_signature signature;
    return fama_signature_from_der(
               fama_bytes(ASN1_STRING_get0_data(der), (size_t)ASN1_STRING_length(der)),
               &signature) == FAMA_SIGNATURE_HIGH_S;
}

static inline void test_make(const struct test_order *order, struct test_pair *pair)
{
    memset(pair, 0, sizeof *pair);
    if (order->key != NULL) {
        CU_ASSERT_FATAL(EVP_PKEY_up_ref(order->key) == 1);
        pair->key = order->key;
    } else {
        pair->key = EVP_EC_gen(order->curve != NULL ? order->curve : "P-256");
    }
    X509 *made = X509_new();
    pair->certificate = made;
    CU_ASSERT_FATAL(made != NULL && pair->key != NULL);
    bool default_times = order->not_before_s == 0 && order->not_after_s == 0;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), order->serial != 0 ? order->serial : 1);
    X509_gmtime_adj(X509_getm_notBefore(made), default_times ? -3600 : order->not_before_s);
    X509_gmtime_adj(X509_getm_notAfter(made), default_times ? 3600 : order->not_after_s);
    X509_NAME *name = X509_get_subject_name(made);
    for (size_t i = 0; i < 4 && order->ous[i] != NULL; i++) {
        X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, (const unsigned char *)order->ous[i],
                                   -1, -1, 0);
    }
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)order->common_name,
                               -1, -1, 0);
    X509 *issuer = order->issuer != NULL ? order->issuer->certificate : made;
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    CU_ASSERT_FATAL(X509_set_pubkey(made, pair->key) == 1);
    test_add_extension(made, issuer, NID_basic_constraints,
                       order->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!order->without_key_id) {
        test_add_extension(made, issuer, NID_subject_key_identifier, "hash");
    }
    if (order->extra_value != NULL) {
        test_add_extension(made, issuer, order->extra_nid, order->extra_value);
    }
    EVP_PKEY *signing = order->issuer != NULL ? order->issuer->key : pair->key;
    bool is_p256 = EVP_PKEY_get_bits(signing) == 256;
    do {
        CU_ASSERT_FATAL(X509_sign(made, signing,
                                  order->without_digest   ? NULL
                                  : order->digest != NULL ? order->digest
                                                          : EVP_sha256()) > 0);
    } while (is_p256 && test_has_high_s(made) != order->want_high_s);
    test_write_pem(pair);
}

static inline void test_free(struct test_pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->certificate);
}

static inline int test_remove_entry(const char *path, const struct stat *status, int type,
                                    struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* A fresh folder under the system's folder for such, removed by test_remove_folder. */
static inline void test_make_folder(char folder[64])
{
    strcpy(folder, "/tmp/fama-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static inline void test_remove_folder(const char *folder)
{
    CU_ASSERT_EQUAL(nftw(folder, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Unpacks the key material of a real network into `folder`. False when it is not at hand. */
static inline bool test_unpack_real_material(const char *folder)
{
    const char *shared = shared_data_or_say_so("the MSP directories of a real network");
    if (shared == NULL) {
        return false;
    }
    char command[4096];
    snprintf(command, sizeof command, "tar -C '%s' -xf '%s/fabric-data/crypto.tar.xz'", folder,
             shared);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    return true;
}

static inline void test_write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_FATAL(fputs(text, file) >= 0);
    CU_ASSERT_EQUAL_FATAL(fclose(file), 0);
}

static inline void test_write_key(const char *folder, const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    CU_ASSERT_FATAL(bio != NULL &&
                    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    CU_ASSERT_FATAL(BIO_write(bio, "", 1) == 1);
    char *text;
    CU_ASSERT_FATAL(BIO_get_mem_data(bio, &text) > 0);
    test_write_file(folder, name, text);
    BIO_free(bio);
}

#endif
