/* Keys that are not P-256: published vectors. */
#include "crypto/public_key.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "unit/suite.h"

enum { OCTETS_MAX = 1 << 17 }; /* some vectors are signatures of 64 KiB */

static size_t from_hex(const json_t *text, uint8_t *octets)
{
    const char *hex = json_string_value(text);
    size_t len = strlen(hex) / 2;
    CU_ASSERT_FATAL(len <= OCTETS_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned int octet;
        CU_ASSERT_FATAL(sscanf(hex + 2 * i, "%2x", &octet) == 1);
        octets[i] = (uint8_t)octet;
    }
    return len;
}

static json_t *load(const char *file)
{
    const char *shared = shared_data_or_say_so("Wycheproof's vectors");
    if (shared == NULL) {
        return NULL;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/wycheproof/%s", shared, file);
    json_t *root = json_load_file(path, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    return root;
}

static bool is_valid(const json_t *test)
{
    return strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
}

/* The other form of a signature, in DER. */
static size_t encode_twin(struct fama_bytes r, struct fama_bytes s, const BIGNUM *order,
                          uint8_t *der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *s_number = BN_bin2bn(s.at, (int)s.len, NULL);
    CU_ASSERT_FATAL(signature != NULL && s_number != NULL);
    CU_ASSERT_FATAL(BN_sub(s_number, order, s_number) == 1);
    CU_ASSERT_FATAL(ECDSA_SIG_set0(signature, BN_bin2bn(r.at, (int)r.len, NULL), s_number) == 1);
    unsigned char *end = der;
    int len = i2d_ECDSA_SIG(signature, NULL);
    CU_ASSERT_FATAL(len > 0 && len <= OCTETS_MAX && i2d_ECDSA_SIG(signature, &end) == len);
    ECDSA_SIG_free(signature);
    return (size_t)len;
}

struct counts {
    size_t all;
    size_t high_s;
};

/* The vectors know no low-S rule: what it refuses must verify in its other form. Those that are
 * invalid only for what stands behind s, which Fabric ignores, happen to have a high s. */
static void run_p384(const struct fama_public_key *key, const BIGNUM *order, const json_t *test,
                     struct counts *counts)
{
    static uint8_t octets[OCTETS_MAX];
    static uint8_t message[OCTETS_MAX];
    static uint8_t twin[OCTETS_MAX];
    struct fama_bytes signature =
        fama_bytes(octets, from_hex(json_object_get(test, "sig"), octets));
    size_t message_len = from_hex(json_object_get(test, "msg"), message);
    uint8_t hash[48];
    unsigned int hash_len = 0;
    CU_ASSERT_FATAL(EVP_Digest(message, message_len, hash, &hash_len, EVP_sha384(), NULL) == 1);
    struct fama_bytes digest = fama_bytes(hash, hash_len);
    bool is_good = fama_public_key_verify_ecdsa(key, digest, signature);
    struct fama_bytes r;
    struct fama_bytes s;
    int split = fama_signature_split(signature, &r, &s);
    counts->all++;
    CU_ASSERT(!is_good || is_valid(test));
    if (!is_good && is_valid(test)) {
        CU_ASSERT_EQUAL_FATAL(split, 0);
        size_t len = encode_twin(r, s, order, twin);
        CU_ASSERT(fama_public_key_verify_ecdsa(key, digest, fama_bytes(twin, len)));
        counts->high_s++;
    }
    CU_ASSERT(!is_good || split == 0);
}

static void published_vectors_of_p384_get_their_verdicts(void)
{
    json_t *root = load("ecdsa_secp384r1_sha384_test.json");
    if (root == NULL) {
        return;
    }
    struct counts counts = {0};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(group);
    size_t group_index;
    const json_t *vectors;
    json_array_foreach(json_object_get(root, "testGroups"), group_index, vectors)
    {
        static uint8_t point[OCTETS_MAX];
        size_t len =
            from_hex(json_object_get(json_object_get(vectors, "publicKey"), "uncompressed"), point);
        struct fama_public_key *key = fama_public_key_ecdsa(NID_secp384r1, point, len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT_FALSE(fama_public_key_is_p256(key));
        size_t test_index;
        const json_t *test;
        json_array_foreach(json_object_get(vectors, "tests"), test_index, test)
        {
            run_p384(key, EC_GROUP_get0_order(group), test, &counts);
        }
        fama_public_key_free(key);
    }
    CU_ASSERT_EQUAL(counts.all, (size_t)json_integer_value(json_object_get(root, "numberOfTests")));
    CU_ASSERT(counts.high_s > 20);
    fprintf(stderr, "\n%zu vectors, %zu with a high s\n", counts.all, counts.high_s);
    EC_GROUP_free(group);
    json_decref(root);
}

static void published_vectors_of_ed25519_get_their_verdicts(void)
{
    json_t *root = load("ed25519_test.json");
    if (root == NULL) {
        return;
    }
    static uint8_t octets[OCTETS_MAX];
    static uint8_t message[OCTETS_MAX];
    size_t count = 0;
    size_t empty = 0;
    size_t group_index;
    const json_t *vectors;
    json_array_foreach(json_object_get(root, "testGroups"), group_index, vectors)
    {
        size_t len = from_hex(json_object_get(json_object_get(vectors, "publicKey"), "pk"), octets);
        struct fama_public_key *key = fama_public_key_ed25519(octets, len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        size_t test_index;
        const json_t *test;
        json_array_foreach(json_object_get(vectors, "tests"), test_index, test)
        {
            size_t signature_len = from_hex(json_object_get(test, "sig"), octets);
            size_t message_len = from_hex(json_object_get(test, "msg"), message);
            struct fama_bytes parts[] = {
                fama_bytes(message, message_len / 2), fama_bytes(NULL, 0),
                fama_bytes(message + message_len / 2, message_len - message_len / 2)};
            bool is_good =
                fama_public_key_verify_ed25519(key, parts, 3, fama_bytes(octets, signature_len));
            /* Fabric verifies nothing over an empty message. */
            CU_ASSERT_EQUAL(is_good, is_valid(test) && message_len > 0);
            empty += message_len == 0 ? 1 : 0;
            count++;
        }
        fama_public_key_free(key);
    }
    CU_ASSERT_EQUAL(count, (size_t)json_integer_value(json_object_get(root, "numberOfTests")));
    CU_ASSERT(empty > 0);
    json_decref(root);
}

static void only_points_in_the_form_that_go_reads_become_keys(void)
{
    static const int curves[] = {NID_secp224r1, NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
    static const size_t coordinates[] = {28, 32, 48, 66};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        uint8_t point[133];
        EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(group);
        const EC_POINT *generator = EC_GROUP_get0_generator(group);
        size_t len = EC_POINT_point2oct(group, generator, POINT_CONVERSION_UNCOMPRESSED, point,
                                        sizeof point, NULL);
        CU_ASSERT_EQUAL_FATAL(len, 1 + 2 * coordinates[i]);
        struct fama_public_key *key = fama_public_key_ecdsa(curves[i], point, len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT_EQUAL(fama_public_key_is_p256(key), i == 1);
        fama_public_key_free(key);
        CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(curves[i], point, len - 1));
        CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(curves[i], point, 0));
        CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(curves[(i + 1) % 4], point, len));
        point[len - 1] ^= 1;
        CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(curves[i], point, len));
        static const point_conversion_form_t forms[] = {POINT_CONVERSION_COMPRESSED,
                                                        POINT_CONVERSION_HYBRID};
        for (size_t j = 0; j < 2; j++) {
            len = EC_POINT_point2oct(group, generator, forms[j], point, sizeof point, NULL);
            CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(curves[i], point, len));
        }
        EC_GROUP_free(group);
    }
    uint8_t octets[33] = {0x04};
    CU_ASSERT_PTR_NULL(fama_public_key_ecdsa(NID_secp256k1, octets, sizeof octets));
    CU_ASSERT_PTR_NULL(fama_public_key_ed25519(octets, 31));
    CU_ASSERT_PTR_NULL(fama_public_key_ed25519(octets, 33));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(published_vectors_of_p384_get_their_verdicts),
        TEST(published_vectors_of_ed25519_get_their_verdicts),
        TEST(only_points_in_the_form_that_go_reads_become_keys),
    };
    return run_suite("public key", cases, sizeof cases / sizeof cases[0]);
}
