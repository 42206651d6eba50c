#include "crypto/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "crypto/certificate_names.h"
#include "crypto/msp.h"
#include "crypto/pem.h"
#include "crypto/public_key.h"

enum {
    DER_DEPTH_MAX = 16,
    TAG_BIT_STRING = 0x03,
    TAG_SEQUENCE = 0x30,
    CONSTRUCTED = 0x20,
};

/* Splits the first element off `input`: its tag octet, all of its octets, and its content. Only low
 * tag numbers and definite lengths in their shortest form, as DER asks (X.690 §10.1). */
static bool take_element(struct fama_bytes *input, uint8_t *tag, struct fama_bytes *whole,
                         struct fama_bytes *content)
{
    if (input->len < 2 || (input->at[0] & 0x1f) == 0x1f) {
        return false;
    }
    size_t len = input->at[1];
    size_t header = 2;
    if (len >= 0x80) {
        size_t octets = len & 0x7f;
        if (octets == 0 || octets > 3 || octets > input->len - 2 || input->at[2] == 0) {
            return false;
        }
        len = 0;
        for (; octets > 0; octets--) {
            len = len << 8 | input->at[header++];
        }
        if (len < 0x80) {
            return false;
        }
    }
    if (len > input->len - header) {
        return false;
    }
    *tag = input->at[0];
    *whole = fama_bytes(input->at, header + len);
    *content = fama_bytes(input->at + header, len);
    *input = fama_bytes(input->at + header + len, input->len - header - len);
    return true;
}

/* OpenSSL reads BER. What its issuer did not sign of a certificate could then be rewritten by
 * anybody into another "certificate" with another identity id, which Go's DER reader would
 * refuse. */
static bool is_der(struct fama_bytes input, int depth)
{
    while (input.len > 0) {
        uint8_t tag;
        struct fama_bytes whole;
        struct fama_bytes content;
        if (!take_element(&input, &tag, &whole, &content) ||
            ((tag & CONSTRUCTED) != 0 && (depth == 0 || !is_der(content, depth - 1)))) {
            return false;
        }
    }
    return true;
}

static bool to_time(const ASN1_TIME *from, time_t *to)
{
    struct tm broken_down;
    if (ASN1_TIME_to_tm(from, &broken_down) != 1) {
        return false;
    }
    *to = timegm(&broken_down);
    return true;
}

/* Whether no purpose that Go knows is in a BIT STRING's content, which Go can read. */
static bool is_without_purposes(struct fama_bytes bits)
{
    enum { KNOWN_PURPOSES = 9 };
    for (size_t i = 0; i < KNOWN_PURPOSES && i / 8 + 1 < bits.len; i++) {
        if ((bits.at[i / 8 + 1] & 0x80u >> i % 8) != 0) {
            return false;
        }
    }
    return true;
}

/* To Go a key usage without any purpose says nothing, to OpenSSL it makes the certificate invalid: it is
 * taken out of OpenSSL's copy, whose signature is that of the octets that were read. False if Go does not
 * read the extension at all. */
static bool drop_empty_key_usage(X509 *x509)
{
    int index = X509_get_ext_by_NID(x509, NID_key_usage, -1);
    if (index < 0) {
        return true;
    }
    if (X509_get_ext_by_NID(x509, NID_key_usage, index) >= 0) {
        return false;
    }
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(x509, index));
    struct fama_bytes input =
        fama_bytes(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    uint8_t tag;
    struct fama_bytes whole;
    struct fama_bytes bits;
    if (!take_element(&input, &tag, &whole, &bits) || tag != TAG_BIT_STRING || bits.len == 0 ||
        bits.at[0] > 7 || (bits.len == 1 && bits.at[0] != 0) ||
        (bits.len > 1 && (bits.at[bits.len - 1] & ((1u << bits.at[0]) - 1)) != 0)) {
        return false;
    }
    if (is_without_purposes(bits)) {
        X509_EXTENSION_free(X509_delete_ext(x509, index));
    }
    return true;
}

/* What Go's parser refuses and OpenSSL's lets pass. */
static bool is_acceptable(X509 *x509)
{
    /* Makes OpenSSL look at the extensions: doubled or unreadable ones mark the certificate
     * invalid. */
    (void)X509_check_purpose(x509, -1, 0);
    /* The outer name of the signature's algorithm is not covered by the signature. */
    const X509_ALGOR *algorithm = NULL;
    X509_get0_signature(NULL, &algorithm, x509);
    if (X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(x509)) != 0) {
        return false;
    }
    return (X509_get_extension_flags(x509) & EXFLAG_INVALID) == 0 && X509_get_version(x509) >= 0 &&
           X509_get_version(x509) <= 2 &&
           (ASN1_STRING_type(X509_get0_serialNumber(x509)) & V_ASN1_NEG) == 0 &&
           fama_name_is_readable(X509_get_subject_name(x509)) &&
           fama_name_is_readable(X509_get_issuer_name(x509)) && X509_get0_pubkey(x509) != NULL;
}

static int parse(struct fama_bytes der, struct fama_certificate *certificate,
                 struct fama_error *error)
{
    const unsigned char *end = der.at;
    if (der.len > FAMA_CERTIFICATE_DER_MAX || !is_der(der, DER_DEPTH_MAX) ||
        (certificate->x509 = d2i_X509(NULL, &end, (long)der.len)) == NULL ||
        end != der.at + der.len) {
        return fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE,
                              "the PEM block does not hold one X.509 certificate in DER");
    }
    if (!drop_empty_key_usage(certificate->x509) || !is_acceptable(certificate->x509)) {
        return fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE,
                              "the certificate's public key, names, serial number or extensions "
                              "are unusable");
    }
    if (!to_time(X509_get0_notBefore(certificate->x509), &certificate->not_before) ||
        !to_time(X509_get0_notAfter(certificate->x509), &certificate->not_after)) {
        return fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE,
                              "the certificate's validity times are unreadable");
    }
    certificate->is_ca = (X509_get_extension_flags(certificate->x509) & EXFLAG_CA) != 0;
    const X509_NAME *subject = X509_get_subject_name(certificate->x509);
    certificate->common_name = fama_name_common_name(subject);
    certificate->ous = fama_name_units(subject, &certificate->ou_count);
    certificate->der = malloc(der.len);
    if (certificate->common_name == NULL || certificate->ous == NULL || certificate->der == NULL) {
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    memcpy(certificate->der, der.at, der.len);
    certificate->der_len = der.len;
    return 0;
}

int fama_certificate_from_pem(struct fama_bytes pem, struct fama_certificate **certificate,
                              struct fama_error *error)
{
    *certificate = NULL;
    if (pem.len > FAMA_CERTIFICATE_PEM_MAX) {
        return fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE,
                              "a certificate of %zu bytes: no more than %d are read", pem.len,
                              FAMA_CERTIFICATE_PEM_MAX);
    }
    uint8_t *buffer = malloc(pem.len + 1);
    struct fama_certificate *made = calloc(1, sizeof *made);
    int result;
    struct fama_pem_block block;
    if (buffer == NULL || made == NULL) {
        result = fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    } else if (!fama_pem_next(&pem, buffer, &block)) {
        result = fama_error_set(error, FAMA_MSP_BAD_CERTIFICATE, "there is no PEM block in it");
    } else {
        result = parse(block.content, made, error);
    }
    ERR_clear_error();
    free(buffer);
    if (result != 0) {
        fama_certificate_free(made);
        return result;
    }
    *certificate = made;
    return 0;
}

void fama_certificate_free(struct fama_certificate *certificate)
{
    if (certificate != NULL) {
        X509_free(certificate->x509);
        free(certificate->common_name);
        free(certificate->ous);
        free(certificate->der);
        free(certificate);
    }
}

bool fama_certificate_is_ecdsa_signed(const struct fama_certificate *certificate)
{
    switch (X509_get_signature_nid(certificate->x509)) {
    case NID_ecdsa_with_SHA1:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
        return true;
    default:
        return false;
    }
}

/* Returns 0 and a new DER signature in *der if `signature` had a high s; *der stays NULL if it had
 * not. */
static int lower_s(struct fama_bytes signature, EVP_PKEY *issuer_key, uint8_t **der,
                   size_t *der_len)
{
    int result = FAMA_MSP_BAD_CERTIFICATE;
    const unsigned char *at = signature.at;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)signature.len);
    BIGNUM *order = NULL;
    BIGNUM *half = BN_new();
    BIGNUM *low = BN_new();
    BIGNUM *r = NULL;
    if (parsed == NULL || half == NULL || low == NULL ||
        EVP_PKEY_get_bn_param(issuer_key, OSSL_PKEY_PARAM_EC_ORDER, &order) != 1 ||
        BN_rshift1(half, order) != 1) {
        goto done;
    }
    if (BN_cmp(ECDSA_SIG_get0_s(parsed), half) <= 0) {
        result = 0;
        goto done;
    }
    r = BN_dup(ECDSA_SIG_get0_r(parsed));
    if (r == NULL || BN_sub(low, order, ECDSA_SIG_get0_s(parsed)) != 1 ||
        ECDSA_SIG_set0(parsed, r, low) != 1) {
        goto done;
    }
    r = NULL;
    low = NULL;
    int len = i2d_ECDSA_SIG(parsed, der);
    if (len > 0) {
        *der_len = (size_t)len;
        result = 0;
    }
done:
    BN_free(r);
    BN_free(low);
    BN_free(half);
    BN_free(order);
    ECDSA_SIG_free(parsed);
    ERR_clear_error();
    return result;
}

static size_t put_header(uint8_t *out, uint8_t tag, size_t len)
{
    size_t at = 0;
    out[at++] = tag;
    if (len < 0x80) {
        out[at++] = (uint8_t)len;
    } else if (len < 0x100) {
        out[at++] = 0x81;
        out[at++] = (uint8_t)len;
    } else {
        bool is_long = len >= 0x10000;
        out[at++] = is_long ? 0x83 : 0x82;
        if (is_long) {
            out[at++] = (uint8_t)(len >> 16);
        }
        out[at++] = (uint8_t)(len >> 8);
        out[at++] = (uint8_t)len;
    }
    return at;
}

int fama_certificate_sanitize(struct fama_certificate *certificate,
                              const struct fama_certificate *issuer)
{
    uint8_t tag;
    struct fama_bytes whole;
    struct fama_bytes content;
    struct fama_bytes rest = fama_certificate_der(certificate);
    struct fama_bytes to_be_signed;
    struct fama_bytes algorithm;
    struct fama_bytes bits;
    if (!take_element(&rest, &tag, &whole, &content) ||
        !take_element(&content, &tag, &to_be_signed, &rest) ||
        !take_element(&content, &tag, &algorithm, &rest) ||
        !take_element(&content, &tag, &whole, &bits) || tag != TAG_BIT_STRING || bits.len < 1 ||
        bits.at[0] != 0) {
        return FAMA_MSP_BAD_CERTIFICATE;
    }
    uint8_t *signature = NULL;
    size_t signature_len = 0;
    int result = lower_s(fama_bytes(bits.at + 1, bits.len - 1), X509_get0_pubkey(issuer->x509),
                         &signature, &signature_len);
    if (result != 0 || signature == NULL) {
        return result;
    }
    /* SEQUENCE { tbsCertificate, signatureAlgorithm, BIT STRING }, the first two octet by octet. */
    uint8_t bit_string[8];
    size_t bit_string_len = put_header(bit_string, TAG_BIT_STRING, 1 + signature_len);
    bit_string[bit_string_len++] = 0;
    size_t len = to_be_signed.len + algorithm.len + bit_string_len + signature_len;
    uint8_t *der = malloc(len + 5);
    if (der == NULL) {
        OPENSSL_free(signature);
        return FAMA_MSP_NO_MEMORY;
    }
    size_t at = put_header(der, TAG_SEQUENCE, len);
    struct fama_bytes parts[] = {to_be_signed, algorithm, fama_bytes(bit_string, bit_string_len),
                                 fama_bytes(signature, signature_len)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(der + at, parts[i].at, parts[i].len);
        at += parts[i].len;
    }
    OPENSSL_free(signature);
    free(certificate->der);
    certificate->der = der;
    certificate->der_len = at;
    return 0;
}

struct fama_bytes fama_certificate_der(const struct fama_certificate *certificate)
{
    return fama_bytes(certificate->der, certificate->der_len);
}

bool fama_certificate_equal(const struct fama_certificate *a, const struct fama_certificate *b)
{
    return fama_bytes_equal(fama_certificate_der(a), fama_certificate_der(b));
}

static struct fama_bytes name_der(const X509_NAME *name)
{
    const unsigned char *der = NULL;
    size_t len = 0;
    if (X509_NAME_get0_der(name, &der, &len) != 1) {
        ERR_clear_error();
        return fama_bytes(NULL, 0);
    }
    return fama_bytes(der, len);
}

struct fama_bytes fama_certificate_subject(const struct fama_certificate *certificate)
{
    return name_der(X509_get_subject_name(certificate->x509));
}

struct fama_bytes fama_certificate_issuer(const struct fama_certificate *certificate)
{
    return name_der(X509_get_issuer_name(certificate->x509));
}

struct fama_bytes fama_certificate_key_id(const struct fama_certificate *certificate)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate->x509);
    if (id == NULL) {
        return fama_bytes(NULL, 0);
    }
    return fama_bytes(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
}

bool fama_certificate_has_ou(const struct fama_certificate *certificate, struct fama_bytes wanted)
{
    for (size_t i = 0; i < certificate->ou_count; i++) {
        if (fama_bytes_equal(certificate->ous[i], wanted)) {
            return true;
        }
    }
    return false;
}

struct fama_bytes fama_certificate_signed_part(struct fama_bytes der)
{
    uint8_t tag;
    struct fama_bytes whole;
    struct fama_bytes content;
    struct fama_bytes part;
    struct fama_bytes inside;
    if (!take_element(&der, &tag, &whole, &content) ||
        !take_element(&content, &tag, &part, &inside)) {
        return fama_bytes(NULL, 0);
    }
    return part;
}

bool fama_certificate_public_key(const struct fama_certificate *certificate,
                                 struct fama_public_key **key)
{
    return fama_public_key_from_info(X509_get_X509_PUBKEY(certificate->x509), key);
}
