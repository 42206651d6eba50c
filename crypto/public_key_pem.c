#include "crypto/public_key_pem.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/pem.h"
#include "crypto/public_key.h"

/* No key comes near; OpenSSL counts in int. */
#define DER_MAX 4096

/* OpenSSL reads BER and stops at the end of the value; written again, it is in DER and complete. */
static bool is_der_of(const X509_PUBKEY *info, struct fama_bytes der)
{
    unsigned char *again = NULL;
    int len = i2d_X509_PUBKEY(info, &again);
    bool is_same = len > 0 && fama_bytes_equal(fama_bytes(again, (size_t)len), der);
    OPENSSL_free(again);
    return is_same;
}

static int check_ecdsa(struct fama_bytes der)
{
    const unsigned char *at = der.at;
    X509_PUBKEY *info = der.len <= DER_MAX ? d2i_X509_PUBKEY(NULL, &at, (long)der.len) : NULL;
    struct fama_public_key *key = NULL;
    bool has_memory =
        info == NULL || !is_der_of(info, der) || fama_public_key_from_info(info, &key);
    bool is_so = key != NULL && (key->kind == FAMA_KEY_P256 || key->kind == FAMA_KEY_OTHER_CURVE);
    fama_public_key_free(key);
    X509_PUBKEY_free(info);
    ERR_clear_error();
    if (!has_memory) {
        return FAMA_PUBLIC_KEY_PEM_NO_MEMORY;
    }
    return is_so ? 0 : FAMA_PUBLIC_KEY_PEM_OTHER;
}

int fama_public_key_pem_check_ecdsa(struct fama_bytes pem)
{
    struct fama_pem_block block;
    uint8_t *buffer = malloc(pem.len + 1);
    if (buffer == NULL) {
        return FAMA_PUBLIC_KEY_PEM_NO_MEMORY;
    }
    int result = fama_pem_next(&pem, buffer, &block) ? check_ecdsa(block.content)
                                                     : FAMA_PUBLIC_KEY_PEM_OTHER;
    free(buffer);
    return result;
}
