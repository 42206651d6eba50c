#include "crypto/ca_certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/ca.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"

enum {
    SERIAL_BYTES = 16,
    /* Half of all signatures have a low s; this many failures in a row do not happen. */
    SIGNING_ATTEMPTS = 256,
};

void fama_ca_pair_free(struct fama_ca_pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->certificate);
    *pair = (struct fama_ca_pair){0};
}

static bool set_serial(X509 *certificate)
{
    uint8_t serial[SERIAL_BYTES];
    if (RAND_bytes(serial, sizeof serial) != 1) {
        return false;
    }
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool is_set =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool add_name(X509_NAME *name, int nid, const char *text)
{
    return text == NULL || X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                                      (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_names(X509 *certificate, const struct fama_ca_order *order)
{
    X509_NAME *subject = X509_NAME_new();
    bool is_set =
        subject != NULL && add_name(subject, NID_organizationName, order->organisation) &&
        add_name(subject, NID_organizationalUnitName, order->ou) &&
        add_name(subject, NID_commonName, order->common_name) &&
        X509_set_subject_name(certificate, subject) == 1 &&
        X509_set_issuer_name(certificate, order->issuer != NULL
                                              ? X509_get_subject_name(order->issuer->certificate)
                                              : subject) == 1;
    X509_NAME_free(subject);
    return is_set;
}

static bool add_extension(X509 *certificate, int nid, void *value, int is_critical)
{
    return value != NULL && X509_add1_ext_i2d(certificate, nid, value, is_critical, 0) == 1;
}

static bool add_key_usage(X509 *certificate, enum fama_ca_purpose purpose)
{
    /* Bit numbers of RFC 5280 §4.2.1.3. */
    enum { DIGITAL_SIGNATURE = 0, KEY_ENCIPHERMENT = 2, CERT_SIGN = 5, CRL_SIGN = 6 };
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool is_added = bits != NULL && ASN1_BIT_STRING_set_bit(bits, DIGITAL_SIGNATURE, 1) == 1;
    if (is_added && purpose == FAMA_CA_PURPOSE_AUTHORITY) {
        is_added = ASN1_BIT_STRING_set_bit(bits, CERT_SIGN, 1) == 1 &&
                   ASN1_BIT_STRING_set_bit(bits, CRL_SIGN, 1) == 1;
    } else if (is_added && purpose == FAMA_CA_PURPOSE_TLS) {
        is_added = ASN1_BIT_STRING_set_bit(bits, KEY_ENCIPHERMENT, 1) == 1;
    }
    is_added = is_added && add_extension(certificate, NID_key_usage, bits, 1);
    ASN1_BIT_STRING_free(bits);
    return is_added;
}

static bool add_tls_usage(X509 *certificate)
{
    EXTENDED_KEY_USAGE *usages = sk_ASN1_OBJECT_new_null();
    bool is_added = usages != NULL &&
                    sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_server_auth)) > 0 &&
                    sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_client_auth)) > 0 &&
                    add_extension(certificate, NID_ext_key_usage, usages, 0);
    sk_ASN1_OBJECT_free(usages);
    return is_added;
}

static bool add_basic_constraints(X509 *certificate, bool is_authority)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    if (constraints == NULL) {
        return false;
    }
    constraints->ca = is_authority ? 0xff : 0;
    bool is_added = add_extension(certificate, NID_basic_constraints, constraints, 1);
    BASIC_CONSTRAINTS_free(constraints);
    return is_added;
}

static ASN1_OCTET_STRING *new_key_id(const X509 *certificate)
{
    const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(certificate);
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(fama_bytes(ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point)),
                digest);
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id != NULL && ASN1_OCTET_STRING_set(id, digest, sizeof digest) != 1) {
        ASN1_OCTET_STRING_free(id);
        id = NULL;
    }
    return id;
}

static bool add_subject_key_id(X509 *certificate)
{
    ASN1_OCTET_STRING *id = new_key_id(certificate);
    bool is_added = add_extension(certificate, NID_subject_key_identifier, id, 0);
    ASN1_OCTET_STRING_free(id);
    return is_added;
}

/* Verifiers compare this with the issuer's own extension, however the issuer computed that. */
static bool add_authority_key_id(X509 *certificate, X509 *issuer)
{
    const ASN1_OCTET_STRING *issuer_id = X509_get0_subject_key_id(issuer);
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    bool is_added = false;
    if (id != NULL && issuer_id != NULL) {
        id->keyid = ASN1_OCTET_STRING_dup(issuer_id);
        is_added =
            id->keyid != NULL && add_extension(certificate, NID_authority_key_identifier, id, 0);
    }
    AUTHORITY_KEYID_free(id);
    return is_added;
}

static GENERAL_NAME *new_alternative_name(const char *san)
{
    uint8_t address[sizeof(struct in6_addr)];
    int address_len = inet_pton(AF_INET, san, address) == 1    ? 4
                      : inet_pton(AF_INET6, san, address) == 1 ? 16
                                                               : 0;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value =
        ASN1_STRING_type_new(address_len > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    bool is_set = name != NULL && value != NULL &&
                  (address_len > 0 ? ASN1_STRING_set(value, address, address_len)
                                   : ASN1_STRING_set(value, san, -1)) == 1;
    if (!is_set) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(name);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, address_len > 0 ? GEN_IPADD : GEN_DNS, value);
    return name;
}

static bool add_alternative_names(X509 *certificate, const struct fama_ca_order *order)
{
    if (order->san_count == 0) {
        return true;
    }
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool is_complete = names != NULL;
    for (size_t i = 0; is_complete && i < order->san_count; i++) {
        GENERAL_NAME *name = new_alternative_name(order->sans[i]);
        is_complete = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
        if (!is_complete) {
            GENERAL_NAME_free(name);
        }
    }
    is_complete = is_complete && add_extension(certificate, NID_subject_alt_name, names, 0);
    GENERAL_NAMES_free(names);
    return is_complete;
}

static bool set_extensions(X509 *certificate, const struct fama_ca_order *order)
{
    bool is_authority = order->purpose == FAMA_CA_PURPOSE_AUTHORITY;
    return add_key_usage(certificate, order->purpose) &&
           (order->purpose != FAMA_CA_PURPOSE_TLS || add_tls_usage(certificate)) &&
           add_basic_constraints(certificate, is_authority) &&
           (!is_authority || add_subject_key_id(certificate)) &&
           (order->issuer == NULL ||
            add_authority_key_id(certificate, order->issuer->certificate)) &&
           add_alternative_names(certificate, order);
}

static bool sign_with_low_s(X509 *certificate, EVP_PKEY *key)
{
    for (int i = 0; i < SIGNING_ATTEMPTS; i++) {
        if (X509_sign(certificate, key, EVP_sha256()) <= 0) {
            return false;
        }
        const ASN1_BIT_STRING *der = NULL;
        X509_get0_signature(&der, NULL, certificate);
        struct fama_signature signature;
        if (fama_signature_from_der(
                fama_bytes(ASN1_STRING_get0_data(der), (size_t)ASN1_STRING_length(der)),
                &signature) == 0) {
            return true;
        }
    }
    return false;
}

int fama_ca_pair_make(const struct fama_ca_order *order, struct fama_ca_pair *pair,
                      struct fama_error *error)
{
    *pair = (struct fama_ca_pair){.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    bool is_made =
        pair->key != NULL && pair->certificate != NULL &&
        X509_set_version(pair->certificate, X509_VERSION_3) == 1 && set_serial(pair->certificate) &&
        ASN1_TIME_set(X509_getm_notBefore(pair->certificate), order->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(pair->certificate), order->not_after) != NULL &&
        set_names(pair->certificate, order) && X509_set_pubkey(pair->certificate, pair->key) == 1 &&
        set_extensions(pair->certificate, order) &&
        sign_with_low_s(pair->certificate, order->issuer != NULL ? order->issuer->key : pair->key);
    if (!is_made) {
        char reason[256];
        ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
        ERR_clear_error();
        fama_ca_pair_free(pair);
        return fama_error_set(error, FAMA_CA_CRYPTO, "cannot make a certificate for %s: %s",
                              order->common_name, reason);
    }
    return 0;
}

BIO *fama_ca_pair_key_pem(const struct fama_ca_pair *pair)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey(bio, pair->key, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    return bio;
}

BIO *fama_ca_pair_certificate_pem(const struct fama_ca_pair *pair)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL && PEM_write_bio_X509(bio, pair->certificate) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    return bio;
}
