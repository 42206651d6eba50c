#include <openssl/pem.h>
#include <stdlib.h>

#include "crypto/msp_files.h"
#include "tests/net/impostor.h"

static EVP_PKEY *read_key(const struct fama_msp_file *file)
{
    BIO *bio = BIO_new_mem_buf(file->content, (int)file->len);
    if (bio == NULL) {
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

static int read_certificate(const char *msp_directory, struct impostor_identity *identity,
                            struct fama_error *error)
{
    struct fama_msp_files files;
    if (fama_msp_files_read(msp_directory, "signcerts", &files, error) != 0) {
        return IMPOSTOR_FAILED;
    }
    if (files.count > 0) {
        identity->pem = malloc(files.items[0].len);
    }
    if (identity->pem != NULL) {
        identity->pem_len = files.items[0].len;
        memcpy(identity->pem, files.items[0].content, identity->pem_len);
    }
    fama_msp_files_free(&files);
    return identity->pem != NULL ? 0
                                 : fama_error_set(error, IMPOSTOR_FAILED,
                                                  "%s/signcerts: no certificate", msp_directory);
}

int impostor_identity_open(const char *msp_directory, const char *mspid,
                           struct impostor_identity *identity, struct fama_error *error)
{
    struct fama_msp_files files;
    *identity = (struct impostor_identity){.mspid = strdup(mspid)};
    int status = identity->mspid != NULL ? read_certificate(msp_directory, identity, error)
                                         : fama_error_set(error, IMPOSTOR_FAILED, "out of memory");
    if (status == 0 && fama_msp_files_read(msp_directory, "keystore", &files, error) != 0) {
        status = IMPOSTOR_FAILED;
    } else if (status == 0) {
        identity->key = files.count > 0 ? read_key(&files.items[0]) : NULL;
        fama_msp_files_free(&files);
        if (identity->key == NULL) {
            status = fama_error_set(error, IMPOSTOR_FAILED, "%s/keystore: no private key",
                                    msp_directory);
        }
    }
    if (status != 0) {
        impostor_identity_close(identity);
        return status;
    }
    fama_pki_id(fama_bytes_of_text(mspid), fama_bytes(identity->pem, identity->pem_len),
                identity->pki_id);
    return 0;
}

void impostor_identity_close(struct impostor_identity *identity)
{
    EVP_PKEY_free(identity->key);
    free(identity->mspid);
    free(identity->pem);
    *identity = (struct impostor_identity){0};
}

static bool sign_digest(const struct impostor_identity *identity,
                        const uint8_t digest[FAMA_SHA256_BYTES], struct fama_signature *signature)
{
    uint8_t der[128];
    size_t len = sizeof(der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(identity->key, NULL);
    bool is_signed = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                     EVP_PKEY_sign(context, der, &len, digest, FAMA_SHA256_BYTES) == 1;
    EVP_PKEY_CTX_free(context);
    if (!is_signed) {
        return false;
    }
    int shape = fama_signature_from_der(fama_bytes(der, len), signature);
    if (shape == FAMA_SIGNATURE_HIGH_S) {
        fama_signature_make_low_s(signature);
        shape = 0;
    }
    return shape == 0;
}

bool impostor_sign(const struct impostor_identity *identity,
                   const uint8_t digest[FAMA_SHA256_BYTES], uint8_t raw[FAMA_SIGNATURE_BYTES])
{
    struct fama_signature signature;
    if (!sign_digest(identity, digest, &signature)) {
        return false;
    }
    fama_signature_to_raw(&signature, raw);
    return true;
}

size_t impostor_sign_parts(const struct impostor_identity *identity, const struct fama_bytes *parts,
                           size_t count, uint8_t der[FAMA_SIGNATURE_DER_MAX])
{
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    fama_sha256_parts(parts, count, digest);
    return sign_digest(identity, digest, &signature) ? fama_signature_to_der(&signature, der) : 0;
}
