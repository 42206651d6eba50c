#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/msp_inside.h"

struct fama_chain_authorities fama_msp_authorities(const struct fama_certificates *roots,
                                                   const struct fama_certificates *intermediates)
{
    return (struct fama_chain_authorities){
        .roots = roots->items,
        .root_count = roots->count,
        .intermediates = intermediates->items,
        .intermediate_count = intermediates->count,
    };
}

int fama_msp_find_chain(const struct fama_msp *msp, const struct fama_certificate *certificate,
                        struct fama_chain *chain, struct fama_error *error)
{
    struct fama_chain_authorities authorities =
        fama_msp_authorities(&msp->roots, &msp->intermediates);
    return fama_chain_find(&authorities, certificate, chain, error);
}

int fama_msp_find_identity_chain(const struct fama_msp *msp,
                                 const struct fama_certificate *certificate,
                                 struct fama_chain *chain, struct fama_error *error)
{
    if (certificate->is_ca) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED, "%s is a CA, not an identity",
                              certificate->common_name);
    }
    int result = fama_msp_find_chain(msp, certificate, chain, error);
    if (result != 0) {
        return result;
    }
    if (chain->length < 2 || fama_msp_is_inner_node(msp, chain->certificates[1])) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "%s was not issued by a CA of %s that issues identities",
                              certificate->common_name, msp->id);
    }
    return 0;
}

/* Go's CheckSignatureFrom does not compare names. */
static bool is_self_signed_ca(const struct fama_certificate *certificate)
{
    return certificate->is_ca &&
           X509_verify(certificate->x509, X509_get0_pubkey(certificate->x509)) == 1;
}

/* A self-signed CA comes into its own form whatever MSP it belongs to: Fabric then asks for a chain
 * to nothing but itself. Anything else must have an issuer in the MSP. */
int fama_msp_sanitize(const struct fama_msp *msp, struct fama_certificate *certificate,
                      struct fama_error *error)
{
    if (!fama_certificate_is_ecdsa_signed(certificate)) {
        return 0;
    }
    struct fama_chain chain;
    const struct fama_certificate *issuer = certificate;
    int result;
    if (is_self_signed_ca(certificate)) {
        struct fama_chain_authorities itself = {.roots = &certificate, .root_count = 1};
        result = fama_chain_find(&itself, certificate, &chain, error);
    } else {
        result = fama_msp_find_chain(msp, certificate, &chain, error);
        if (result == 0 && chain.length < 2) {
            result = fama_error_set(error, FAMA_MSP_UNTRUSTED,
                                    "%s is listed as a root CA but is not signed by itself",
                                    certificate->common_name);
        }
        issuer = result == 0 ? chain.certificates[1] : NULL;
    }
    ERR_clear_error();
    if (result != 0) {
        return result;
    }
    result = fama_certificate_sanitize(certificate, issuer);
    if (result != 0) {
        return fama_error_set(error, result, "the issuer's signature on %s is malformed",
                              certificate->common_name);
    }
    return 0;
}

bool fama_msp_hash_chain(const struct fama_msp *msp, const struct fama_chain *chain, size_t first,
                         uint8_t digest[FAMA_HASH_BYTES_MAX])
{
    struct fama_bytes parts[FAMA_CHAIN_MAX];
    size_t count = 0;
    for (size_t i = first; i < chain->length; i++) {
        parts[count++] = fama_certificate_der(chain->certificates[i]);
    }
    return fama_hash_parts(msp->identity_hash, parts, count, digest) > 0;
}

static bool lists_serial(X509_CRL *crl, const ASN1_INTEGER *serial)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)),
                             serial) == 0) {
            return true;
        }
    }
    return false;
}

/* Only lists of the direct issuer count, found by their authority key id; dates in them do not. */
int fama_msp_check_not_revoked(const struct fama_msp *msp, const struct fama_chain *chain,
                               struct fama_error *error)
{
    const struct fama_certificate *certificate = chain->certificates[0];
    const struct fama_certificate *issuer = chain->certificates[1];
    struct fama_bytes issuer_id = fama_certificate_key_id(issuer);
    if (issuer_id.len == 0) {
        return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                              "the CA %s has no subject key identifier, so revocation of %s cannot "
                              "be judged",
                              issuer->common_name, certificate->common_name);
    }
    for (size_t i = 0; i < msp->crl_count; i++) {
        AUTHORITY_KEYID *aki =
            X509_CRL_get_ext_d2i(msp->crls[i], NID_authority_key_identifier, NULL, NULL);
        if (aki == NULL) {
            return fama_error_set(error, FAMA_MSP_UNTRUSTED,
                                  "revocation list %zu of %s has no authority key identifier; "
                                  "replace it with one that has",
                                  i + 1, msp->id);
        }
        /* One that names its issuer in another way than by key is nobody's here. */
        bool is_issuers = aki->keyid != NULL &&
                          fama_bytes_equal(fama_bytes(ASN1_STRING_get0_data(aki->keyid),
                                                      (size_t)ASN1_STRING_length(aki->keyid)),
                                           issuer_id);
        AUTHORITY_KEYID_free(aki);
        if (is_issuers && lists_serial(msp->crls[i], X509_get0_serialNumber(certificate->x509)) &&
            X509_CRL_verify(msp->crls[i], X509_get0_pubkey(issuer->x509)) == 1) {
            return fama_error_set(error, FAMA_MSP_REVOKED, "the certificate of %s is revoked by %s",
                                  certificate->common_name, issuer->common_name);
        }
    }
    return 0;
}
