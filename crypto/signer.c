#include "crypto/signer.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/identity_parts.h"
#include "crypto/msp_files.h"
#include "crypto/signer_parts.h"
#include "crypto/verifier.h"

struct fama_signer {
    EVP_PKEY *key;
    struct fama_identity *identity;
};

/* A key under a password is not readable here; asking the terminal for one would hang a service. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_key(const struct fama_msp_file *file)
{
    BIO *bio = BIO_new_mem_buf(file->content, (int)file->len);
    if (bio == NULL) {
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    return key;
}

/* The identity of signcerts: its first file, as Fabric takes it. */
static int open_identity(const char *directory, const struct fama_msp *msp,
                         struct fama_identity **identity, struct fama_error *error)
{
    struct fama_msp_files files;
    if (fama_msp_files_read(directory, "signcerts", &files, error) != 0) {
        return FAMA_SIGNER_UNREADABLE;
    }
    if (files.count == 0) {
        return fama_error_set(error, FAMA_SIGNER_UNREADABLE,
                              "%s/signcerts holds no certificate; copy this node's signing "
                              "certificate (PEM) there",
                              directory);
    }
    const struct fama_msp_file *file = &files.items[0];
    int result = fama_msp_deserialize(msp, fama_bytes(file->content, file->len), identity, error);
    if (result == 0) {
        result = fama_msp_validate(msp, *identity, error);
    }
    if (result != 0) {
        result = fama_error_prefix(
            error,
            result == FAMA_MSP_BAD_CERTIFICATE ? FAMA_SIGNER_UNREADABLE : FAMA_SIGNER_UNTRUSTED,
            "%s is not a valid certificate of %s: ", file->path, fama_msp_id(msp));
    } else if (!fama_public_key_is_p256(fama_identity_key(*identity))) {
        result = fama_error_set(error, FAMA_SIGNER_UNSUPPORTED,
                                "the key of %s is not ECDSA P-256; have a certificate issued for a "
                                "P-256 key",
                                file->path);
    }
    fama_msp_files_free(&files);
    return result;
}

static void write_time(time_t when, char text[32])
{
    struct tm broken_down;
    if (gmtime_r(&when, &broken_down) == NULL ||
        strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &broken_down) == 0) {
        text[0] = '\0';
    }
}

/* The ledger never asks the clock, but a node whose certificate has expired is refused by its
 * peers: it is told so at start. */
static int check_time(const char *directory, const struct fama_identity *identity,
                      struct fama_error *error)
{
    char when[32];
    time_t now = time(NULL);
    if (now > fama_identity_not_after(identity)) {
        write_time(fama_identity_not_after(identity), when);
        return fama_error_set(error, FAMA_SIGNER_EXPIRED,
                              "the certificate of %s in %s/signcerts expired at %s; have a new one "
                              "issued",
                              fama_identity_common_name(identity), directory, when);
    }
    if (now < fama_identity_not_before(identity)) {
        write_time(fama_identity_not_before(identity), when);
        return fama_error_set(error, FAMA_SIGNER_EXPIRED,
                              "the certificate of %s in %s/signcerts is not valid before %s; check "
                              "this machine's clock",
                              fama_identity_common_name(identity), directory, when);
    }
    return 0;
}

static int open_key(const char *directory, const struct fama_identity *identity, EVP_PKEY **key,
                    struct fama_error *error)
{
    struct fama_msp_files files;
    if (fama_msp_files_read(directory, "keystore", &files, error) != 0) {
        return FAMA_SIGNER_UNREADABLE;
    }
    const EVP_PKEY *wanted = X509_get0_pubkey(fama_identity_certificate(identity)->x509);
    size_t keys = 0;
    for (size_t i = 0; *key == NULL && i < files.count; i++) {
        EVP_PKEY *candidate = read_key(&files.items[i]);
        keys += candidate != NULL ? 1 : 0;
        if (candidate != NULL && EVP_PKEY_eq(candidate, wanted) == 1) {
            *key = candidate;
        } else {
            EVP_PKEY_free(candidate);
        }
    }
    ERR_clear_error();
    fama_msp_files_free(&files);
    if (*key != NULL) {
        return 0;
    }
    if (keys == 0) {
        return fama_error_set(error, FAMA_SIGNER_UNREADABLE,
                              "%s/keystore holds no private key that can be read; copy this node's "
                              "key (PEM, without password) there",
                              directory);
    }
    return fama_error_set(
        error, FAMA_SIGNER_MISMATCH,
        "no key in %s/keystore belongs to the certificate of %s in signcerts; copy "
        "the pair that was issued together",
        directory, fama_identity_common_name(identity));
}

int fama_signer_open(const char *msp_directory, const struct fama_msp *msp,
                     struct fama_signer **signer, struct fama_error *error)
{
    *signer = NULL;
    struct fama_signer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fama_error_set(error, FAMA_SIGNER_FAILED, "out of memory");
    }
    int result = open_identity(msp_directory, msp, &made->identity, error);
    if (result == 0) {
        result = check_time(msp_directory, made->identity, error);
    }
    if (result == 0) {
        result = open_key(msp_directory, made->identity, &made->key, error);
    }
    if (result != 0) {
        fama_signer_close(made);
        return result;
    }
    *signer = made;
    return 0;
}

void fama_signer_close(struct fama_signer *signer)
{
    if (signer != NULL) {
        EVP_PKEY_free(signer->key);
        fama_identity_release(signer->identity);
        free(signer);
    }
}

struct fama_identity *fama_signer_identity(const struct fama_signer *signer)
{
    return signer->identity;
}

EVP_PKEY *fama_signer_key(const struct fama_signer *signer)
{
    return signer->key;
}

int fama_signer_sign_digest(const struct fama_signer *signer,
                            const uint8_t digest[FAMA_SHA256_BYTES],
                            struct fama_signature *signature)
{
    uint8_t der[FAMA_SIGNATURE_DER_MAX];
    size_t len = sizeof der;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, signer->key, NULL);
    bool is_signed = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                     EVP_PKEY_sign(context, der, &len, digest, FAMA_SHA256_BYTES) == 1;
    EVP_PKEY_CTX_free(context);
    if (!is_signed) {
        ERR_clear_error();
        return FAMA_SIGNER_FAILED;
    }
    int read = fama_signature_from_der(fama_bytes(der, len), signature);
    if (read != 0 && read != FAMA_SIGNATURE_HIGH_S) {
        return FAMA_SIGNER_FAILED;
    }
    fama_signature_make_low_s(signature);
    return 0;
}
