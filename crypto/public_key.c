/* EC_KEY and its functions are deprecated, not removed; crypto/verifier.c says what they are worth.
 */
#define OPENSSL_API_COMPAT 0x10101000L

#include "crypto/public_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/hot_keys.h"

static struct fama_public_key *make(enum fama_key_kind kind)
{
    struct fama_public_key *key = calloc(1, sizeof *key);
    if (key != NULL) {
        key->kind = kind;
    }
    return key;
}

/* Octets of a coordinate; 0 for a curve that Go does not know. */
static size_t coordinate_bytes(int curve)
{
    switch (curve) {
    case NID_secp224r1:
        return 28;
    case NID_X9_62_prime256v1:
        return 32;
    case NID_secp384r1:
        return 48;
    case NID_secp521r1:
        return 66;
    default:
        return 0;
    }
}

static bool set_half_order(struct fama_public_key *key)
{
    key->half_order = BN_new();
    return key->half_order != NULL &&
           BN_rshift1(key->half_order, EC_GROUP_get0_order(EC_KEY_get0_group(key->ec))) == 1;
}

/* The octets of a point that was found to be on the curve are its coordinates. */
static bool set_hot(struct fama_public_key *key, const uint8_t *point)
{
    key->hot = calloc(1, sizeof *key->hot);
    if (key->hot != NULL) {
        fama_hot_key_init(key->hot, point + 1);
    }
    return key->hot != NULL;
}

/* Curve and form are those of an ECDSA key. False when memory is out. */
static bool read_point(struct fama_public_key *key, int curve, const uint8_t *point, size_t len,
                       bool *is_on_curve)
{
    *is_on_curve = true;
    key->ec = EC_KEY_new_by_curve_name(curve);
    if (key->ec == NULL) {
        return false;
    }
    /* Decoding checks that the point is on the curve; these curves have no smaller subgroups. */
    if (EC_KEY_oct2key(key->ec, point, len, NULL) != 1) {
        *is_on_curve = false;
        return true;
    }
    return key->kind == FAMA_KEY_P256 ? set_hot(key, point) : set_half_order(key);
}

static bool make_ecdsa(int curve, const uint8_t *point, size_t len, struct fama_public_key **key)
{
    size_t coordinate = coordinate_bytes(curve);
    *key = NULL;
    if (coordinate == 0 || len != 1 + 2 * coordinate || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return true;
    }
    struct fama_public_key *made =
        make(curve == NID_X9_62_prime256v1 ? FAMA_KEY_P256 : FAMA_KEY_OTHER_CURVE);
    if (made == NULL) {
        return false;
    }
    bool is_on_curve;
    bool has_memory = read_point(made, curve, point, len, &is_on_curve);
    if (!has_memory || !is_on_curve) {
        ERR_clear_error();
        fama_public_key_free(made);
        return has_memory;
    }
    *key = made;
    return true;
}

struct fama_public_key *fama_public_key_ecdsa(int curve, const uint8_t *point, size_t len)
{
    struct fama_public_key *key;
    (void)make_ecdsa(curve, point, len, &key);
    return key;
}

struct fama_public_key *fama_public_key_from_point(const uint8_t *point, size_t len)
{
    return fama_public_key_ecdsa(NID_X9_62_prime256v1, point, len);
}

static bool make_ed25519(const uint8_t *octets, size_t len, struct fama_public_key **key)
{
    *key = NULL;
    struct fama_public_key *made = make(FAMA_KEY_ED25519);
    if (made == NULL) {
        return false;
    }
    made->ed25519 = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, octets, len);
    if (made->ed25519 == NULL) {
        ERR_clear_error();
        free(made);
        return true;
    }
    *key = made;
    return true;
}

struct fama_public_key *fama_public_key_ed25519(const uint8_t *octets, size_t len)
{
    struct fama_public_key *key;
    (void)make_ed25519(octets, len, &key);
    return key;
}

bool fama_public_key_from_info(X509_PUBKEY *info, struct fama_public_key **key)
{
    ASN1_OBJECT *kind = NULL;
    X509_ALGOR *algorithm = NULL;
    const unsigned char *point = NULL;
    int len = 0;
    *key = NULL;
    if (X509_PUBKEY_get0_param(&kind, &point, &len, &algorithm, info) != 1) {
        return true;
    }
    int parameter_type = 0;
    const void *parameter = NULL;
    X509_ALGOR_get0(NULL, &parameter_type, &parameter, algorithm);
    switch (OBJ_obj2nid(kind)) {
    case NID_rsaEncryption:
        *key = make(FAMA_KEY_RSA);
        return *key != NULL;
    case NID_ED25519:
        return parameter_type != V_ASN1_UNDEF || make_ed25519(point, (size_t)len, key);
    case NID_X9_62_id_ecPublicKey:
        return parameter_type != V_ASN1_OBJECT ||
               make_ecdsa(OBJ_obj2nid(parameter), point, (size_t)len, key);
    default:
        return true;
    }
}

void fama_public_key_free(struct fama_public_key *key)
{
    if (key != NULL) {
        if (key->hot != NULL) {
            fama_hot_key_forget(key->hot);
            free(key->hot);
        }
        EC_KEY_free(key->ec);
        BN_free(key->half_order);
        EVP_PKEY_free(key->ed25519);
        free(key);
    }
}

bool fama_public_key_is_p256(const struct fama_public_key *key)
{
    return key->kind == FAMA_KEY_P256;
}

/* Both numbers below 2^528: nothing larger is below the order of any curve here. */
static bool read_numbers(struct fama_bytes der, ECDSA_SIG *signature)
{
    enum { NUMBER_BYTES_MAX = 66 };
    struct fama_bytes r;
    struct fama_bytes s;
    if (fama_signature_split(der, &r, &s) != 0 || r.len > NUMBER_BYTES_MAX ||
        s.len > NUMBER_BYTES_MAX) {
        return false;
    }
    BIGNUM *r_number = BN_bin2bn(r.at, (int)r.len, NULL);
    BIGNUM *s_number = BN_bin2bn(s.at, (int)s.len, NULL);
    if (r_number == NULL || s_number == NULL ||
        ECDSA_SIG_set0(signature, r_number, s_number) != 1) {
        BN_free(r_number);
        BN_free(s_number);
        return false;
    }
    return true;
}

/* OpenSSL cuts a digest that is longer than the order to its leftmost bits, as Go does. */
bool fama_public_key_verify_ecdsa(const struct fama_public_key *key, struct fama_bytes digest,
                                  struct fama_bytes signature)
{
    if (key->kind == FAMA_KEY_P256) {
        struct fama_signature low;
        if (fama_signature_from_der(signature, &low) != 0) {
            return false;
        }
    } else if (key->kind != FAMA_KEY_OTHER_CURVE) {
        return false;
    }
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    bool is_good =
        numbers != NULL && read_numbers(signature, numbers) &&
        (key->half_order == NULL || BN_cmp(ECDSA_SIG_get0_s(numbers), key->half_order) <= 0) &&
        ECDSA_do_verify(digest.at, (int)digest.len, numbers, key->ec) == 1;
    ECDSA_SIG_free(numbers);
    if (!is_good) {
        ERR_clear_error();
    }
    return is_good;
}

/* OpenSSL wants an Ed25519 message in one piece. Fabric refuses to verify an empty message or
 * signature at all. */
bool fama_public_key_verify_ed25519(const struct fama_public_key *key,
                                    const struct fama_bytes *parts, size_t part_count,
                                    struct fama_bytes signature)
{
    size_t len = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (len + parts[i].len < len) {
            return false;
        }
        len += parts[i].len;
    }
    if (key->kind != FAMA_KEY_ED25519 || len == 0 || signature.len == 0) {
        return false;
    }
    uint8_t *message = malloc(len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = false;
    if (message != NULL && context != NULL) {
        size_t at = 0;
        for (size_t i = 0; i < part_count; i++) {
            if (parts[i].len > 0) {
                memcpy(message + at, parts[i].at, parts[i].len);
                at += parts[i].len;
            }
        }
        is_good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->ed25519) == 1 &&
                  EVP_DigestVerify(context, signature.at, signature.len, message, len) == 1;
    }
    EVP_MD_CTX_free(context);
    free(message);
    if (!is_good) {
        ERR_clear_error();
    }
    return is_good;
}
