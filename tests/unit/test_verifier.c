#include "crypto/verifier.h"

#include <jansson.h>

#include "crypto/hot_keys.h"
#include "crypto/sha256.h"
#include "unit/aimed_signatures.h"
#include "unit/mirror_engine.h"
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

/* Calls `run` with a context of each implementation that this machine has. */
static void with_each(void (*run)(enum fama_verifier_implementation, struct fama_verifier *))
{
    for (int i = FAMA_VERIFIER_OPENSSL; i < FAMA_VERIFIER_IMPLEMENTATIONS; i++) {
        enum fama_verifier_implementation implementation = (enum fama_verifier_implementation)i;
        if (!fama_verifier_is_supported(implementation)) {
            fprintf(stderr, "\n*** THIS MACHINE CANNOT RUN, NOT TESTED: %s ***\n",
                    fama_verifier_name(implementation));
            continue;
        }
        struct fama_verifier *verifier = fama_verifier_create_with(implementation);
        CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
        run(implementation, verifier);
        fama_verifier_destroy(verifier);
    }
}

static void judge_a_batch(enum fama_verifier_implementation implementation,
                          struct fama_verifier *verifier)
{
    enum { JOBS = 9, ROUNDS = 20 };
    struct fama_public_key *key = make_key(sample_point);
    struct fama_public_key *other =
        make_key("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                 "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
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
    /* The key warms up on the way. */
    for (int round = 0; round < ROUNDS; round++) {
        fama_verifier_run(verifier, batch, JOBS);
        for (size_t i = 0; i < JOBS; i++) {
            bool is_good = i == 0 || i == 7 || i == 8;
            CU_ASSERT_EQUAL(jobs[i].verdict, is_good ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD);
            jobs[i].verdict = FAMA_VERDICT_PENDING;
        }
    }
    const struct fama_verifier_counts *counts = fama_verifier_counts(verifier);
    CU_ASSERT_EQUAL(counts->hot > 0, implementation != FAMA_VERIFIER_OPENSSL);
    CU_ASSERT_EQUAL(counts->hot + counts->cold + counts->reference - counts->undecided,
                    (JOBS - 1) * ROUNDS);
    /* A verdict that is there stays. */
    jobs[0].verdict = FAMA_VERDICT_BAD;
    jobs[1].verdict = FAMA_VERDICT_GOOD;
    fama_verifier_run(verifier, batch, 2);
    CU_ASSERT_EQUAL(jobs[0].verdict, FAMA_VERDICT_BAD);
    CU_ASSERT_EQUAL(jobs[1].verdict, FAMA_VERDICT_GOOD);
    fama_verifier_run(verifier, NULL, 0);
    fama_public_key_free(other);
    fama_public_key_free(key);
}

static void a_batch_gets_one_verdict_per_job(void)
{
    with_each(judge_a_batch);
    fama_verifier_destroy(NULL);
}

/* ---- The shape of the interface, with an engine that shows what it is given ---- */

enum { MIRROR_KEYS = 6 };

static struct {
    struct aimed *aimed;
    struct fama_hot_keys *table;
    struct fama_verifier *verifier;
    struct fama_public_key *keys[MIRROR_KEYS];
} mirror;

static void mirror_set_up(size_t slots)
{
    mirror.aimed = aimed_create(1);
    mirror.table = fama_hot_keys_create(&mirror_engine, slots * sizeof(struct fama_p256_comb));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mirror.table);
    mirror.verifier = fama_verifier_create_on(mirror.table);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mirror.verifier);
    for (size_t i = 0; i < MIRROR_KEYS; i++) {
        mirror.keys[i] = fama_public_key_from_point(mirror.aimed->points[2 * i], AIMED_POINT_BYTES);
        CU_ASSERT_PTR_NOT_NULL_FATAL(mirror.keys[i]);
    }
}

static void mirror_tear_down(void)
{
    fama_verifier_destroy(mirror.verifier);
    for (size_t i = 0; i < MIRROR_KEYS; i++) {
        fama_public_key_free(mirror.keys[i]);
    }
    fama_hot_keys_destroy(mirror.table);
    aimed_destroy(mirror.aimed);
}

/* A job that the mirror engine calls good. */
static void mirror_job(struct fama_verify_job *job, size_t key)
{
    *job = (struct fama_verify_job){.key = mirror.keys[key]};
    memcpy(job->digest, mirror.aimed->points[2 * key] + 1, FAMA_SHA256_BYTES);
}

static void no_more_jobs_are_taken_than_may_be_in_flight(void)
{
    enum { JOBS = FAMA_VERIFIER_IN_FLIGHT_MAX + 300 };
    static struct fama_verify_job jobs[JOBS];
    static struct fama_verify_job *list[JOBS];
    static struct fama_verify_job *back[JOBS];
    mirror_set_up(4);
    for (size_t i = 0; i < JOBS; i++) {
        mirror_job(&jobs[i], i % MIRROR_KEYS);
        jobs[i].digest[0] ^= i % 7 == 0;
        list[i] = &jobs[i];
    }
    struct fama_verifier *verifier = mirror.verifier;
    CU_ASSERT_EQUAL(fama_verifier_enqueue(verifier, list, 100, FAMA_VERIFY_BULK), 100);
    CU_ASSERT_EQUAL(fama_verifier_enqueue(verifier, list + 100, JOBS - 100, FAMA_VERIFY_BULK),
                    FAMA_VERIFIER_IN_FLIGHT_MAX - 100);
    CU_ASSERT_EQUAL(fama_verifier_enqueue(verifier, list, 1, FAMA_VERIFY_URGENT), 0);
    size_t got = fama_verifier_dequeue(verifier, back, 5);
    CU_ASSERT_EQUAL(got, 5);
    CU_ASSERT_EQUAL(
        fama_verifier_enqueue(verifier, list + FAMA_VERIFIER_IN_FLIGHT_MAX, 300, FAMA_VERIFY_BULK),
        5);
    size_t taken = FAMA_VERIFIER_IN_FLIGHT_MAX + 5;
    size_t more;
    while ((more = fama_verifier_dequeue(verifier, back + got, JOBS - got)) > 0) {
        got += more;
    }
    CU_ASSERT_EQUAL(got, taken);
    /* Each of them came back once, with its own verdict. */
    for (size_t i = 0; i < got; i++) {
        size_t index = (size_t)(back[i] - jobs);
        CU_ASSERT_FATAL(index < taken && list[index] == back[i]);
        list[index] = NULL;
        CU_ASSERT_EQUAL(back[i]->verdict, index % 7 == 0 ? FAMA_VERDICT_BAD : FAMA_VERDICT_GOOD);
    }
    for (size_t i = taken; i < JOBS; i++) {
        CU_ASSERT_EQUAL(jobs[i].verdict, FAMA_VERDICT_PENDING);
    }
    mirror_tear_down();
}

static void urgent_jobs_go_before_all_bulk_and_do_not_wait_for_company(void)
{
    enum { BULK = 200 };
    struct fama_verify_job bulk[BULK];
    struct fama_verify_job urgent[3];
    struct fama_verify_job *list[BULK];
    struct fama_verify_job *back[BULK];
    mirror_set_up(4);
    for (size_t i = 0; i < BULK; i++) {
        mirror_job(&bulk[i], i % MIRROR_KEYS);
        list[i] = &bulk[i];
    }
    CU_ASSERT_EQUAL(fama_verifier_enqueue(mirror.verifier, list, BULK, FAMA_VERIFY_BULK), BULK);
    CU_ASSERT(fama_verifier_dequeue(mirror.verifier, back, BULK) > 0);
    for (size_t i = 0; i < 3; i++) {
        mirror_job(&urgent[i], i);
        list[i] = &urgent[i];
    }
    CU_ASSERT_EQUAL(fama_verifier_enqueue(mirror.verifier, list, 3, FAMA_VERIFY_URGENT), 3);
    CU_ASSERT_EQUAL(fama_verifier_dequeue(mirror.verifier, back, BULK), 3);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT(back[i] >= urgent && back[i] < urgent + 3);
        CU_ASSERT_EQUAL(urgent[i].verdict, FAMA_VERDICT_GOOD);
    }
    CU_ASSERT_EQUAL(bulk[BULK - 1].verdict, FAMA_VERDICT_PENDING);
    while (fama_verifier_dequeue(mirror.verifier, back, BULK) > 0) {
    }
    CU_ASSERT_EQUAL(bulk[BULK - 1].verdict, FAMA_VERDICT_GOOD);
    mirror_tear_down();
}

static void tables_are_made_when_verdicts_are_delivered_one_at_a_time(void)
{
    enum { JOBS = MIRROR_KEYS * 50 };
    struct fama_verify_job jobs[JOBS];
    struct fama_verify_job *list[JOBS];
    struct fama_verify_job *back[JOBS];
    mirror_set_up(2);
    for (size_t i = 0; i < JOBS; i++) {
        mirror_job(&jobs[i], i % MIRROR_KEYS);
        list[i] = &jobs[i];
    }
    const struct fama_verifier_counts *counts = fama_verifier_counts(mirror.verifier);
    CU_ASSERT(!fama_verifier_rest(mirror.verifier));
    CU_ASSERT_EQUAL(fama_verifier_enqueue(mirror.verifier, list, JOBS, FAMA_VERIFY_BULK), JOBS);
    while (fama_verifier_dequeue(mirror.verifier, back, JOBS) > 0) {
    }
    CU_ASSERT_EQUAL(counts->tables, 0);
    CU_ASSERT_EQUAL(counts->hot, 0);
    CU_ASSERT(fama_verifier_rest(mirror.verifier));
    CU_ASSERT(!fama_verifier_rest(mirror.verifier));
    CU_ASSERT_EQUAL(counts->tables, 1);
    for (uint64_t tables = 2; tables < 4; tables++) {
        for (size_t i = 0; i < JOBS; i++) {
            jobs[i].verdict = FAMA_VERDICT_PENDING;
        }
        fama_verifier_run(mirror.verifier, list, JOBS);
        CU_ASSERT_EQUAL(counts->tables, tables < 3 ? tables : 2); /* there are two slots */
        CU_ASSERT_EQUAL(counts->hot, (tables == 2 ? 1 : 3) * 50);
        for (size_t i = 0; i < JOBS; i++) {
            CU_ASSERT_EQUAL(jobs[i].verdict, FAMA_VERDICT_GOOD);
        }
    }
    mirror_tear_down();
}

static void what_an_engine_leaves_undecided_openssl_decides(void)
{
    enum { JOBS = 90 };
    struct fama_verify_job jobs[JOBS];
    struct fama_verify_job *list[JOBS];
    mirror_set_up(4);
    for (size_t i = 0; i < JOBS; i++) {
        struct aimed_signature signature;
        do {
            aimed_sign(mirror.aimed, 2 * (i % MIRROR_KEYS), &signature);
        } while (signature.verdict != AIMED_GOOD || signature.digest[0] != mirror_undecided);
        jobs[i] = (struct fama_verify_job){.key = mirror.keys[i % MIRROR_KEYS]};
        memcpy(jobs[i].digest, signature.digest, AIMED_BYTES);
        memcpy(jobs[i].signature.r, signature.r, AIMED_BYTES);
        memcpy(jobs[i].signature.s, signature.s, AIMED_BYTES);
        jobs[i].digest[31] ^= i % 3 == 0; /* undecided and bad */
        if (i % 3 == 1) {
            jobs[i].digest[0] ^= 1; /* bad, says the engine, who is asked alone */
        }
        list[i] = &jobs[i];
    }
    fama_verifier_run(mirror.verifier, list, JOBS);
    const struct fama_verifier_counts *counts = fama_verifier_counts(mirror.verifier);
    CU_ASSERT_EQUAL(counts->undecided, JOBS - JOBS / 3);
    CU_ASSERT_EQUAL(counts->reference, counts->undecided);
    for (size_t i = 0; i < JOBS; i++) {
        CU_ASSERT_EQUAL(jobs[i].verdict, i % 3 == 2 ? FAMA_VERDICT_GOOD : FAMA_VERDICT_BAD);
    }
    mirror_tear_down();
}

static void a_choice_that_cannot_be_is_refused(void)
{
    struct fama_error error = {""};
    CU_ASSERT_STRING_EQUAL(fama_verifier_name(FAMA_VERIFIER_IFMA), "avx512ifma");
    CU_ASSERT_STRING_EQUAL(fama_verifier_name((enum fama_verifier_implementation)99), "unknown");
    CU_ASSERT(!fama_verifier_is_supported((enum fama_verifier_implementation)99));
    CU_ASSERT_PTR_NULL(fama_verifier_create_with((enum fama_verifier_implementation)99));
    CU_ASSERT_EQUAL(fama_verifier_choose((enum fama_verifier_implementation)99,
                                         FAMA_HOT_KEYS_BYTES_DEFAULT, &error),
                    FAMA_VERIFIER_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "choose auto"));
    CU_ASSERT_NOT_EQUAL(fama_verifier_chosen(), FAMA_VERIFIER_AUTO);
    /* Contexts exist by now: the same choice again is fine, another one comes too late. */
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(verifier);
    CU_ASSERT_EQUAL(fama_verifier_choose(FAMA_VERIFIER_AUTO, FAMA_HOT_KEYS_BYTES_DEFAULT, &error),
                    0);
    CU_ASSERT_EQUAL(
        fama_verifier_choose(FAMA_VERIFIER_OPENSSL, FAMA_HOT_KEYS_BYTES_DEFAULT, &error),
        FAMA_VERIFIER_TOO_LATE);
    fama_verifier_destroy(verifier);
}

/* ---- Published vectors ---- */

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

enum temperature { COLD, HOT };

struct vectors {
    enum fama_verifier_implementation implementation;
    struct fama_verifier *verifier;
    bool is_der;
    enum temperature temperature; /* whether each key has signed a lot before its vectors come */
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
    fprintf(stderr, "%s: vector %d: %s\n", fama_verifier_name(vectors->implementation),
            (int)json_integer_value(json_object_get(test, "tcId")),
            json_string_value(json_object_get(test, "comment")));
}

/* Uses a key until it has a table. */
static void warm_up(struct vectors *vectors, const struct fama_public_key *key)
{
    const struct fama_verifier_counts *counts = fama_verifier_counts(vectors->verifier);
    struct fama_verify_job job = sample_job(key);
    struct fama_verify_job *batch[] = {&job};
    uint64_t hot = counts->hot;
    for (int i = 0; i < 2 * FAMA_HOT_KEYS_WARM_UP && counts->hot == hot; i++) {
        job.verdict = FAMA_VERDICT_PENDING;
        fama_verifier_run(vectors->verifier, batch, 1);
    }
    CU_ASSERT(counts->hot > hot);
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
    size_t group_index;
    const json_t *group;
    json_array_foreach(json_object_get(root, "testGroups"), group_index, group)
    {
        const json_t *point = json_object_get(json_object_get(group, "publicKey"), "uncompressed");
        struct fama_public_key *key = make_key(json_string_value(point));
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        if (vectors->temperature == HOT) {
            warm_up(vectors, key);
        }
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
    fprintf(
        stderr, "\n%s, %s keys: %zu vectors, %zu with a high s, %zu accepted as Go accepts them\n",
        fama_verifier_name(vectors->implementation), vectors->temperature == HOT ? "hot" : "cold",
        vectors->count, vectors->high_s, vectors->go_is_laxer);
    json_decref(root);
}

static void run_both(const char *file, struct vectors like, size_t go_is_laxer)
{
    for (int temperature = COLD; temperature <= HOT; temperature++) {
        struct vectors vectors = like;
        vectors.temperature = (enum temperature)temperature;
        if (temperature == HOT && like.implementation == FAMA_VERIFIER_OPENSSL) {
            continue; /* which knows no difference */
        }
        run_vectors(file, &vectors);
        CU_ASSERT(vectors.count == 0 || vectors.go_is_laxer == go_is_laxer);
    }
}

static void run_der(enum fama_verifier_implementation implementation,
                    struct fama_verifier *verifier)
{
    struct vectors vectors = {
        .implementation = implementation, .verifier = verifier, .is_der = true};
    /* Elements and bytes appended inside the sequence: Go's reader and hence Fabric's lets them
     * pass. */
    run_both("ecdsa_secp256r1_sha256_test.json", vectors, 10);
}

static void run_raw(enum fama_verifier_implementation implementation,
                    struct fama_verifier *verifier)
{
    struct vectors vectors = {
        .implementation = implementation, .verifier = verifier, .is_der = false};
    run_both("ecdsa_secp256r1_sha256_p1363_test.json", vectors, 0);
}

static void published_vectors_in_der_get_their_verdicts(void)
{
    with_each(run_der);
}

static void published_vectors_in_raw_form_get_their_verdicts(void)
{
    with_each(run_raw);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(only_points_of_the_curve_become_keys),
        TEST(a_batch_gets_one_verdict_per_job),
        TEST(no_more_jobs_are_taken_than_may_be_in_flight),
        TEST(urgent_jobs_go_before_all_bulk_and_do_not_wait_for_company),
        TEST(tables_are_made_when_verdicts_are_delivered_one_at_a_time),
        TEST(what_an_engine_leaves_undecided_openssl_decides),
        TEST(a_choice_that_cannot_be_is_refused),
        TEST(published_vectors_in_der_get_their_verdicts),
        TEST(published_vectors_in_raw_form_get_their_verdicts),
    };
    return run_suite("verifier", cases, sizeof cases / sizeof cases[0]);
}
