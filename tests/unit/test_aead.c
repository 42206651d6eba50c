#include <jansson.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/aead_engine.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define MESSAGE_MAX 4096
#define ENGINES     2

static const struct fama_aead_engine *engines[ENGINES];
static size_t engine_count;

/* One sealed message with all that goes into it. */
struct sealed {
    uint8_t key[FAMA_AEAD_KEY_BYTES];
    struct fama_aead_label label;
    uint8_t aad[MESSAGE_MAX];
    uint8_t message[MESSAGE_MAX];
    uint8_t out[MESSAGE_MAX];
    uint8_t tag[FAMA_AEAD_TAG_BYTES];
    size_t len; /* of message and out */
};

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(next_random() >> 24);
    }
}

static void begin_random(const char *test)
{
    state = test_seed(test) | 1;
}

static void make_random(struct sealed *sealed, size_t len, size_t aad_len)
{
    fill(sealed->key, sizeof(sealed->key));
    fill(sealed->label.nonce, sizeof(sealed->label.nonce));
    fill(sealed->aad, aad_len);
    fill(sealed->message, len);
    sealed->label.aad = fama_bytes(sealed->aad, aad_len);
    sealed->len = len;
}

/* Random cuts of `len` bytes into 1 to FAMA_AEAD_PIECES_MAX pieces, empty ones among them. */
static size_t cut(size_t len, size_t lengths[FAMA_AEAD_PIECES_MAX])
{
    size_t count = 1 + next_random() % FAMA_AEAD_PIECES_MAX;
    for (size_t i = 0; i + 1 < count; i++) {
        lengths[i] = next_random() % 4 == 0 ? 0 : next_random() % (len + 1);
        len -= lengths[i];
    }
    lengths[count - 1] = len;
    return count;
}

static bool seal_cut(const struct fama_aead_key *key, struct sealed *sealed)
{
    size_t lengths[FAMA_AEAD_PIECES_MAX];
    struct fama_bytes pieces[FAMA_AEAD_PIECES_MAX];
    size_t count = cut(sealed->len, lengths);
    const uint8_t *at = sealed->message;
    for (size_t i = 0; i < count; i++) {
        pieces[i] = fama_bytes(at, lengths[i]);
        at += lengths[i];
    }
    return fama_aead_seal(key, &sealed->label, pieces, count, sealed->out, sealed->tag);
}

/* Opens into spaces in one piece of memory, in reverse order and with a byte between them. */
static bool open_cut(const struct fama_aead_key *key, const struct sealed *sealed)
{
    static uint8_t memory[MESSAGE_MAX + FAMA_AEAD_PIECES_MAX + 1];
    size_t lengths[FAMA_AEAD_PIECES_MAX];
    struct fama_aead_space spaces[FAMA_AEAD_PIECES_MAX];
    size_t count = cut(sealed->len, lengths);
    memset(memory, 0xa5, sizeof(memory));
    uint8_t *end = memory + sealed->len + count;
    for (size_t i = 0; i < count; i++) {
        end -= lengths[i];
        spaces[i] = (struct fama_aead_space){.at = end, .len = lengths[i]};
        end--;
    }
    CU_ASSERT_PTR_EQUAL(end, memory);
    bool is_open = fama_aead_open(key, &sealed->label, fama_bytes(sealed->out, sealed->len),
                                  sealed->tag, spaces, count);
    const uint8_t *at = sealed->message;
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(spaces[i].at[-1], 0xa5);
        CU_ASSERT_EQUAL(spaces[i].at[lengths[i]], 0xa5);
        if (is_open) {
            CU_ASSERT_EQUAL(memcmp(spaces[i].at, at, lengths[i]), 0);
        }
        at += lengths[i];
    }
    return is_open;
}

static bool open_whole(const struct fama_aead_key *key, const struct sealed *sealed, uint8_t *to)
{
    struct fama_aead_space space = {.at = to, .len = sealed->len};
    return fama_aead_open(key, &sealed->label, fama_bytes(sealed->out, sealed->len), sealed->tag,
                          &space, 1);
}

static size_t from_hex(const char *text, uint8_t *to)
{
    size_t len = strlen(text) / 2;
    CU_ASSERT_FATAL(len <= MESSAGE_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned int byte = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(text + 2 * i, "%2x", &byte), 1);
        to[i] = (uint8_t)byte;
    }
    return len;
}

/* The test cases 13 to 16 of the GCM submission to NIST (McGrew and Viega), those for AES-256 with nonces of
 * 12 bytes. */
struct vector {
    const char *key;
    const char *nonce;
    const char *aad;
    const char *message;
    const char *sealed;
    const char *tag;
};

#define ZEROS_16 "00000000000000000000000000000000"
#define KEY_15   "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define NONCE_15 "cafebabefacedbaddecaf888"
#define MESSAGE_16                                                                                 \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED_16                                                                                  \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                             \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct vector vectors[] = {
    {ZEROS_16 ZEROS_16, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZEROS_16 ZEROS_16, "000000000000000000000000", "", ZEROS_16,
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY_15, NONCE_15, "", MESSAGE_16 "1aafd255", SEALED_16 "898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {KEY_15, NONCE_15, "feedfacedeadbeeffeedfacedeadbeefabaddad2", MESSAGE_16, SEALED_16,
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void run_vector(const struct fama_aead_engine *engine, const struct vector *vector,
                       bool is_valid)
{
    static struct sealed sealed;
    uint8_t out[MESSAGE_MAX];
    uint8_t tag[MESSAGE_MAX];
    uint8_t opened[MESSAGE_MAX];
    struct fama_aead_key key;
    CU_ASSERT_EQUAL_FATAL(from_hex(vector->key, sealed.key), FAMA_AEAD_KEY_BYTES);
    CU_ASSERT_EQUAL_FATAL(from_hex(vector->nonce, sealed.label.nonce), FAMA_AEAD_NONCE_BYTES);
    sealed.label.aad = fama_bytes(sealed.aad, from_hex(vector->aad, sealed.aad));
    sealed.len = from_hex(vector->message, sealed.message);
    CU_ASSERT_EQUAL_FATAL(from_hex(vector->sealed, out), sealed.len);
    CU_ASSERT_EQUAL_FATAL(from_hex(vector->tag, tag), FAMA_AEAD_TAG_BYTES);
    CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engine, sealed.key));
    if (is_valid) {
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        CU_ASSERT_EQUAL(memcmp(sealed.out, out, sealed.len), 0);
        CU_ASSERT_EQUAL(memcmp(sealed.tag, tag, FAMA_AEAD_TAG_BYTES), 0);
    }
    memcpy(sealed.out, out, sealed.len);
    memcpy(sealed.tag, tag, FAMA_AEAD_TAG_BYTES);
    CU_ASSERT_EQUAL(open_whole(&key, &sealed, opened), is_valid);
    CU_ASSERT_EQUAL(open_cut(&key, &sealed), is_valid);
    fama_aead_key_clear(&key);
}

static void the_vectors_of_the_submission_to_nist_come_out(void)
{
    begin_random("cuts");
    for (size_t engine = 0; engine < engine_count; engine++) {
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
            run_vector(engines[engine], &vectors[i], true);
        }
    }
}

static void wycheproof_is_answered_as_it_says(void)
{
    const char *shared = shared_data_or_say_so("Wycheproof's AES-GCM vectors");
    if (shared == NULL) {
        return;
    }
    begin_random("cuts");
    char path[4096];
    snprintf(path, sizeof path, "%s/wycheproof/aes_gcm_test.json", shared);
    json_t *root = json_load_file(path, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    size_t valid = 0;
    size_t invalid = 0;
    size_t group_index;
    const json_t *group;
    json_array_foreach(json_object_get(root, "testGroups"), group_index, group)
    {
        if (json_integer_value(json_object_get(group, "keySize")) != 8 * FAMA_AEAD_KEY_BYTES ||
            json_integer_value(json_object_get(group, "ivSize")) != 8 * FAMA_AEAD_NONCE_BYTES ||
            json_integer_value(json_object_get(group, "tagSize")) != 8 * FAMA_AEAD_TAG_BYTES) {
            continue;
        }
        size_t test_index;
        const json_t *test;
        json_array_foreach(json_object_get(group, "tests"), test_index, test)
        {
            struct vector vector = {
                .key = json_string_value(json_object_get(test, "key")),
                .nonce = json_string_value(json_object_get(test, "iv")),
                .aad = json_string_value(json_object_get(test, "aad")),
                .message = json_string_value(json_object_get(test, "msg")),
                .sealed = json_string_value(json_object_get(test, "ct")),
                .tag = json_string_value(json_object_get(test, "tag")),
            };
            bool is_valid =
                strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
            *(is_valid ? &valid : &invalid) += 1;
            for (size_t engine = 0; engine < engine_count; engine++) {
                run_vector(engines[engine], &vector, is_valid);
            }
        }
    }
    CU_ASSERT(valid > 20);
    CU_ASSERT(invalid > 20);
    json_decref(root);
}

static void engines_agree_on_whatever_is_sealed_and_however_it_is_cut(void)
{
    static struct sealed sealed;
    static struct sealed other;
    begin_random("messages");
    for (int round = 0; round < 20000; round++) {
        size_t len = next_random() % (round % 8 == 0 ? MESSAGE_MAX : 300);
        make_random(&sealed, len, next_random() % 100);
        other = sealed;
        other.label.aad.at = other.aad;
        struct fama_aead_key key;
        struct fama_aead_key other_key;
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[0], sealed.key));
        CU_ASSERT_TRUE_FATAL(
            fama_aead_key_set_with(&other_key, engines[engine_count - 1], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        CU_ASSERT_TRUE(seal_cut(&other_key, &other));
        CU_ASSERT_EQUAL(memcmp(sealed.out, other.out, len), 0);
        CU_ASSERT_EQUAL(memcmp(sealed.tag, other.tag, FAMA_AEAD_TAG_BYTES), 0);
        CU_ASSERT_TRUE(open_cut(&key, &other));
        CU_ASSERT_TRUE(open_cut(&other_key, &sealed));
    }
}

static void no_bit_is_free_to_change(void)
{
    static struct sealed sealed;
    uint8_t opened[MESSAGE_MAX];
    begin_random("message");
    for (size_t engine = 0; engine < engine_count; engine++) {
        struct fama_aead_key key;
        make_random(&sealed, 77, 56);
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        struct fama_aead_space all[] = {{sealed.out, sealed.len},
                                        {sealed.tag, sizeof(sealed.tag)},
                                        {sealed.aad, sealed.label.aad.len},
                                        {sealed.label.nonce, sizeof(sealed.label.nonce)}};
        for (size_t part = 0; part < sizeof(all) / sizeof(all[0]); part++) {
            for (size_t bit = 0; bit < 8 * all[part].len; bit++) {
                all[part].at[bit / 8] ^= (uint8_t)(1u << bit % 8);
                CU_ASSERT_FALSE(open_whole(&key, &sealed, opened));
                all[part].at[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
        CU_ASSERT_TRUE(open_whole(&key, &sealed, opened));
        sealed.label.aad.len--;
        CU_ASSERT_FALSE(open_whole(&key, &sealed, opened));
        sealed.label.aad.len++;
        sealed.len--;
        CU_ASSERT_FALSE(open_whole(&key, &sealed, opened));
    }
}

static void a_message_is_sealed_and_opened_where_it_lies(void)
{
    static struct sealed sealed;
    static uint8_t memory[MESSAGE_MAX];
    begin_random("message");
    for (size_t engine = 0; engine < engine_count; engine++) {
        struct fama_aead_key key;
        make_random(&sealed, 1301, 56);
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        uint8_t tag[FAMA_AEAD_TAG_BYTES];
        memcpy(memory, sealed.message, sealed.len);
        struct fama_bytes pieces[] = {fama_bytes(memory, 333),
                                      fama_bytes(memory + 333, sealed.len - 333)};
        CU_ASSERT_TRUE(fama_aead_seal(&key, &sealed.label, pieces, 2, memory, tag));
        CU_ASSERT_EQUAL(memcmp(memory, sealed.out, sealed.len), 0);
        CU_ASSERT_EQUAL(memcmp(tag, sealed.tag, sizeof(tag)), 0);
        struct fama_aead_space spaces[] = {{memory, 184}, {memory + 184, sealed.len - 184}};
        CU_ASSERT_TRUE(
            fama_aead_open(&key, &sealed.label, fama_bytes(memory, sealed.len), tag, spaces, 2));
        CU_ASSERT_EQUAL(memcmp(memory, sealed.message, sealed.len), 0);
    }
}

static void what_is_impossible_is_refused_and_writes_nothing(void)
{
    static struct sealed sealed;
    begin_random("message");
    for (size_t engine = 0; engine < engine_count; engine++) {
        struct fama_aead_key key;
        make_random(&sealed, 64, 0);
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        uint8_t out[FAMA_AEAD_PIECES_MAX + 1] = {0};
        uint8_t tag[FAMA_AEAD_TAG_BYTES] = {0};
        struct fama_bytes pieces[FAMA_AEAD_PIECES_MAX + 1] = {{0}};
        struct fama_aead_space spaces[FAMA_AEAD_PIECES_MAX + 1] = {{0}};
        for (size_t i = 0; i <= FAMA_AEAD_PIECES_MAX; i++) {
            pieces[i] = fama_bytes(sealed.message, 1);
            spaces[i] = (struct fama_aead_space){out + i, 1};
        }
        struct fama_bytes short_one = fama_bytes(sealed.out, FAMA_AEAD_PIECES_MAX);
        CU_ASSERT_FALSE(
            fama_aead_seal(&key, &sealed.label, pieces, FAMA_AEAD_PIECES_MAX + 1, out, tag));
        CU_ASSERT_FALSE(fama_aead_open(&key, &sealed.label, fama_bytes(sealed.out, sizeof(out)),
                                       sealed.tag, spaces, FAMA_AEAD_PIECES_MAX + 1));
        CU_ASSERT_FALSE(fama_aead_open(&key, &sealed.label, short_one, sealed.tag, spaces,
                                       FAMA_AEAD_PIECES_MAX - 1));
        CU_ASSERT_FALSE(fama_aead_open(&key, &sealed.label, short_one, sealed.tag, spaces, 0));
        pieces[1].len = SIZE_MAX;
        spaces[1].len = SIZE_MAX;
        CU_ASSERT_FALSE(fama_aead_seal(&key, &sealed.label, pieces, 2, out, tag));
        CU_ASSERT_FALSE(
            fama_aead_open(&key, &sealed.label, fama_bytes(sealed.out, 0), sealed.tag, spaces, 2));
        pieces[1].len = FAMA_AEAD_MESSAGE_MAX;
        CU_ASSERT_FALSE(fama_aead_seal(&key, &sealed.label, pieces, 2, out, tag));
        struct fama_aead_label label = {.aad = fama_bytes(out, (size_t)FAMA_AEAD_MESSAGE_MAX + 1)};
        CU_ASSERT_FALSE(fama_aead_seal(&key, &label, pieces, 1, out, tag));
        for (size_t i = 0; i < sizeof(out); i++) {
            CU_ASSERT_EQUAL(out[i], 0);
        }
        for (size_t i = 0; i < sizeof(tag); i++) {
            CU_ASSERT_EQUAL(tag[i], 0);
        }
    }
}

static void a_cleared_key_is_gone_and_does_nothing(void)
{
    static struct sealed sealed;
    begin_random("message");
    for (size_t engine = 0; engine < engine_count; engine++) {
        struct fama_aead_key key;
        make_random(&sealed, 64, 0);
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        fama_aead_key_clear(&key);
        for (size_t i = 0; i < sizeof(key.schedule); i++) {
            CU_ASSERT_EQUAL(key.schedule[i], 0);
        }
        CU_ASSERT_FALSE(seal_cut(&key, &sealed));
        CU_ASSERT_FALSE(open_cut(&key, &sealed));
    }
}

static void a_key_that_is_not_aligned_is_refused(void)
{
    static _Alignas(FAMA_AEAD_KEY_ALIGNMENT) uint8_t memory[sizeof(struct fama_aead_key) + 16];
    static const uint8_t bytes[FAMA_AEAD_KEY_BYTES];
    struct fama_aead_key *aligned = (struct fama_aead_key *)(void *)memory;
    CU_ASSERT_TRUE(fama_aead_key_set(aligned, bytes));
    CU_ASSERT_PTR_NOT_NULL(aligned->engine);
    uintptr_t off = (uintptr_t)memory + 16; /* as malloc might place it */
    CU_ASSERT_FALSE(fama_aead_key_set((struct fama_aead_key *)off, bytes));
}

static void keys_may_be_copied_and_follow_one_another(void)
{
    static struct sealed sealed[3];
    struct fama_aead_key keys[3];
    begin_random("messages");
    for (size_t engine = 0; engine < engine_count; engine++) {
        for (size_t i = 0; i < 3; i++) {
            struct fama_aead_key key;
            make_random(&sealed[i], 100, 10);
            CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed[i].key));
            CU_ASSERT_TRUE(seal_cut(&key, &sealed[i]));
            keys[i] = key;
            fama_aead_key_clear(&key);
        }
        for (int round = 0; round < 1000; round++) {
            size_t key = next_random() % 3;
            size_t message = next_random() % 3;
            CU_ASSERT_EQUAL(open_cut(&keys[key], &sealed[message]), key == message);
        }
    }
}

static atomic_size_t allocations; /* OpenSSL's */

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return malloc(size);
}

static void *counted_realloc(void *at, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return realloc(at, size);
}

static void counted_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    free(at);
}

static void openssl_allocates_nothing_after_a_threads_first_call(void)
{
    static struct sealed sealed[2];
    uint8_t opened[MESSAGE_MAX];
    struct fama_aead_key keys[2];
    begin_random("messages");
    CU_ASSERT(atomic_load(&allocations) > 0); /* or they are not counted at all */
    for (size_t i = 0; i < 2; i++) {
        make_random(&sealed[i], 1300, 56);
        CU_ASSERT_TRUE_FATAL(
            fama_aead_key_set_with(&keys[i], fama_aead_engine_openssl(), sealed[i].key));
    }
    size_t before = atomic_load(&allocations);
    for (int round = 0; round < 100; round++) {
        size_t i = next_random() % 2;
        CU_ASSERT_TRUE(seal_cut(&keys[i], &sealed[i]));
        CU_ASSERT_TRUE(open_whole(&keys[i], &sealed[i], opened));
        sealed[i].tag[0] ^= 1;
        CU_ASSERT_FALSE(open_whole(&keys[i], &sealed[i], opened));
    }
    CU_ASSERT_EQUAL(atomic_load(&allocations), before);
}

#define THREADS 4

struct sharing {
    const struct fama_aead_key *key;
    const struct sealed *sealed;
    size_t refused;
};

static void *use_shared_key(void *argument)
{
    struct sharing *sharing = argument;
    for (int round = 0; round < 500; round++) {
        uint8_t out[MESSAGE_MAX];
        uint8_t tag[FAMA_AEAD_TAG_BYTES];
        uint8_t opened[MESSAGE_MAX];
        const struct sealed *sealed = sharing->sealed;
        struct fama_bytes piece = fama_bytes(sealed->message, sealed->len);
        if (!fama_aead_seal(sharing->key, &sealed->label, &piece, 1, out, tag) ||
            memcmp(out, sealed->out, sealed->len) != 0 ||
            memcmp(tag, sealed->tag, sizeof(tag)) != 0 ||
            !open_whole(sharing->key, sealed, opened) ||
            memcmp(opened, sealed->message, sealed->len) != 0) {
            sharing->refused++;
        }
    }
    return NULL;
}

static void threads_share_a_key(void)
{
    static struct sealed sealed;
    begin_random("message");
    for (size_t engine = 0; engine < engine_count; engine++) {
        struct fama_aead_key key;
        make_random(&sealed, 1300, 56);
        CU_ASSERT_TRUE_FATAL(fama_aead_key_set_with(&key, engines[engine], sealed.key));
        CU_ASSERT_TRUE(seal_cut(&key, &sealed));
        pthread_t threads[THREADS];
        struct sharing sharing[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            sharing[i] = (struct sharing){.key = &key, .sealed = &sealed};
            CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, use_shared_key, &sharing[i]),
                                  0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
            CU_ASSERT_EQUAL(sharing[i].refused, 0);
        }
    }
}

int main(void)
{
    /* Before OpenSSL allocates anything. */
    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1) {
        fprintf(stderr, "OpenSSL's allocations cannot be counted\n");
        return EXIT_FAILURE;
    }
    engines[engine_count++] = fama_aead_engine_openssl();
    if (fama_aead_engine_ipsec_mb() != NULL) {
        engines[engine_count++] = fama_aead_engine_ipsec_mb();
    } else {
        fprintf(stderr, "\n*** NO INTEL-IPSEC-MB HERE: NOT TESTED, NOTHING TO COMPARE WITH ***\n");
    }
    static const struct test_case cases[] = {
        TEST(the_vectors_of_the_submission_to_nist_come_out),
        TEST(wycheproof_is_answered_as_it_says),
        TEST(engines_agree_on_whatever_is_sealed_and_however_it_is_cut),
        TEST(no_bit_is_free_to_change),
        TEST(a_message_is_sealed_and_opened_where_it_lies),
        TEST(what_is_impossible_is_refused_and_writes_nothing),
        TEST(a_cleared_key_is_gone_and_does_nothing),
        TEST(a_key_that_is_not_aligned_is_refused),
        TEST(keys_may_be_copied_and_follow_one_another),
        TEST(openssl_allocates_nothing_after_a_threads_first_call),
        TEST(threads_share_a_key),
    };
    return run_suite("aead", cases, sizeof cases / sizeof cases[0]);
}
