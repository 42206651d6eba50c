#include "crypto/verifier.h"

#include <jansson.h>

#include "crypto/sha256.h"
#include "unit/suite.h"

/* Reads hexadecimal digits into at most `size` octets; returns how many there are. */
static size_t from_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len && i < size; i++) {
        unsigned int octet = 0;
        CU_ASSERT_EQUAL(sscanf(hex + 2 * i, "%2x", &octet), 1);
        out[i] = (uint8_t)octet;
    }
    return len;
}

/* P-256 with SHA-256, RFC 6979 §A.2.5, message "sample". Its s is high. */
static const char *const sample_point =
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char *const sample_signature =
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

static struct fama_public_key *make_key(const char *hex)
{
    uint8_t point[65];
    size_t len = from_hex(hex, point, sizeof point);
    return fama_public_key_from_point(point, len);
}

static struct fama_verify_job sample_job(const struct fama_public_key *key)
{
    struct fama_verify_job job = {.key = key};
    uint8_t raw[FAMA_SIGNATURE_BYTES];
    fama_sha256(fama_bytes_of_text("sample"), job.digest);
    (void)from_hex(sample_signature, raw, sizeof raw);
    memcpy(job.signature.r, raw, FAMA_SCALAR_BYTES);
    memcpy(job.signature.s, raw + FAMA_SCALAR_BYTES, FAMA_SCALAR_BYTES);
    return job;
}

static void only_points_of_the_curve_become_keys(void)
{
    struct fama_public_key *key = make_key(sample_point);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT(fama_public_key_is_p256(key));
    fama_public_key_free(key);

    uint8_t point[66];
    (void)from_hex(sample_point, point, sizeof point);
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 64));
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 66));
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 0));
    point[64] ^= 1;
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 65));
    point[64] ^= 1;
    point[0] = 0x02; /* the compressed form */
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 33));
    memset(point, 0, sizeof point); /* the point at infinity */
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 1));
    CU_ASSERT_PTR_NULL(fama_public_key_from_point(point, 65));
}

static void a_batch_gets_one_verdict_per_job(void)
{
    enum { JOBS = 9 };
    struct fama_public_key *key = make_key(sample_point);
    struct fama_public_key *other =
        make_key("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                 "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    struct fama_verify_job jobs[JOBS];
    struct fama_verify_job *batch[JOBS];
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i] = sample_job(key);
        batch[i] = &jobs[i];
    }
    jobs[1].digest[31] ^= 1;
    jobs[2].signature.r[0] ^= 0x40;
    jobs[3].key = other;
    jobs[4].key = NULL;
    memset(jobs[5].signature.r, 0, FAMA_SCALAR_BYTES);
    memset(jobs[6].signature.s, 0xff, FAMA_SCALAR_BYTES);
    fama_signature_make_low_s(&jobs[7].signature); /* the twin of a good signature is good */
    for (int round = 0; round < 2; round++) {
        fama_verifier_run(verifier, batch, JOBS);
        for (size_t i = 0; i < JOBS; i++) {
            bool is_good = i == 0 || i == 7 || i == 8;
            CU_ASSERT_EQUAL(jobs[i].verdict, is_good ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD);
            jobs[i].verdict = FAMA_VERDICT_PENDING;
        }
    }
    fama_verifier_run(verifier, NULL, 0);
    fama_verifier_destroy(verifier);
    fama_verifier_destroy(NULL);
    fama_public_key_free(other);
    fama_public_key_free(key);
}

static bool has_flag(const json_t *test, const char *flag)
{
    size_t index;
    const json_t *value;
    json_array_foreach(json_object_get(test, "flags"), index, value)
    {
        if (strcmp(json_string_value(value), flag) == 0) {
            return true;
        }
    }
    return false;
}

struct vectors {
    struct fama_verifier *verifier;
    bool is_der;
    size_t count;
    size_t high_s;
    size_t go_is_laxer;
    size_t wrong;
};

/* The vectors know no low-S rule, so a high s is verified nevertheless. In one more place Fabric
 * differs: it ignores what stands behind s in the sequence and behind the sequence, where the
 * vectors ask for exactly one encoding. Such a vector must then hold the valid signature itself,
 * which is what re-encoding it proves. */
static void run_vector(struct vectors *vectors, const struct fama_public_key *key,
                       const json_t *test)
{
    static uint8_t octets[1 << 17]; /* some vectors are signatures of 64 KiB */
    static uint8_t message[1 << 12];
    size_t len = from_hex(json_string_value(json_object_get(test, "sig")), octets, sizeof octets);
    size_t message_len =
        from_hex(json_string_value(json_object_get(test, "msg")), message, sizeof message);
    bool expected = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    CU_ASSERT_FATAL(len <= sizeof octets && message_len <= sizeof message);

    struct fama_verify_job job = {.key = key};
    struct fama_verify_job *batch[] = {&job};
    fama_sha256(fama_bytes(message, message_len), job.digest);
    int read = FAMA_SIGNATURE_MALFORMED;
    if (vectors->is_der) {
        read = fama_signature_from_der(fama_bytes(octets, len), &job.signature);
    } else if (len == FAMA_SIGNATURE_BYTES) {
        read = fama_signature_from_raw(octets, &job.signature);
    }
    bool is_good = false;
    if (read == 0 || read == FAMA_SIGNATURE_HIGH_S) {
        fama_verifier_run(vectors->verifier, batch, 1);
        is_good = job.verdict == FAMA_VERDICT_GOOD;
        vectors->high_s += read == FAMA_SIGNATURE_HIGH_S;
    }
    vectors->count++;
    if (is_good == expected) {
        return;
    }
    uint8_t canonical[FAMA_SIGNATURE_DER_MAX];
    size_t canonical_len = is_good ? fama_signature_to_der(&job.signature, canonical) : 0;
    bool is_trailing =
        is_good && !expected && vectors->is_der && len > canonical_len &&
        (has_flag(test, "InvalidEncoding") || has_flag(test, "ModifiedSignature") ||
         has_flag(test, "BerEncodedSignature") || has_flag(test, "InvalidTypesInSignature"));
    /* r and s themselves must stand there exactly as in the canonical form. */
    is_trailing = is_trailing && memmem(octets, len, canonical + 2, canonical_len - 2) != NULL;
    if (is_trailing) {
        vectors->go_is_laxer++;
        return;
    }
    vectors->wrong++;
    fprintf(stderr, "vector %d: %s\n", (int)json_integer_value(json_object_get(test, "tcId")),
            json_string_value(json_object_get(test, "comment")));
}

static void run_vectors(const char *file, struct vectors *vectors)
{
    const char *shared = shared_data_or_say_so("Wycheproof's ECDSA vectors");
    if (shared == NULL) {
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/wycheproof/%s", shared, file);
    json_t *root = json_load_file(path, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    vectors->verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(vectors->verifier);
    size_t group_index;
    const json_t *group;
    json_array_foreach(json_object_get(root, "testGroups"), group_index, group)
    {
        const json_t *point = json_object_get(json_object_get(group, "publicKey"), "uncompressed");
        struct fama_public_key *key = make_key(json_string_value(point));
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        size_t test_index;
        const json_t *test;
        json_array_foreach(json_object_get(group, "tests"), test_index, test)
        {
            run_vector(vectors, key, test);
        }
        fama_public_key_free(key);
    }
    CU_ASSERT_EQUAL(vectors->count,
                    (size_t)json_integer_value(json_object_get(root, "numberOfTests")));
    CU_ASSERT(vectors->count > 200);
    CU_ASSERT(vectors->high_s > 0);
    CU_ASSERT_EQUAL(vectors->wrong, 0);
    fprintf(stderr, "\n%zu vectors, %zu with a high s, %zu accepted as Go accepts them\n",
            vectors->count, vectors->high_s, vectors->go_is_laxer);
    fama_verifier_destroy(vectors->verifier);
    json_decref(root);
}

static void published_vectors_in_der_get_their_verdicts(void)
{
    struct vectors vectors = {.is_der = true};
    run_vectors("ecdsa_secp256r1_sha256_test.json", &vectors);
    /* Elements and bytes appended inside the sequence: Go's reader and hence Fabric's lets them
     * pass. */
    CU_ASSERT(vectors.count == 0 || vectors.go_is_laxer == 10);
}

static void published_vectors_in_raw_form_get_their_verdicts(void)
{
    struct vectors vectors = {.is_der = false};
    run_vectors("ecdsa_secp256r1_sha256_p1363_test.json", &vectors);
    CU_ASSERT_EQUAL(vectors.go_is_laxer, 0);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(only_points_of_the_curve_become_keys),
        TEST(a_batch_gets_one_verdict_per_job),
        TEST(published_vectors_in_der_get_their_verdicts),
        TEST(published_vectors_in_raw_form_get_their_verdicts),
    };
    return run_suite("verifier", cases, sizeof cases / sizeof cases[0]);
}
