/* Several messages hashed at once give what each gives alone, however long they are and wherever their
 * parts meet. */
#include "crypto/sha256_many.h"

#include "unit/real_blocks.h"
#include "unit/suite.h"

#define MESSAGES 7
#define PARTS    5

static uint8_t noise[20000];

static void fill_noise(uint64_t seed)
{
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        noise[i] = (uint8_t)(seed >> 56);
    }
}

static void test_the_standards_examples_come_out(void)
{
    static const char *const texts[] = {"abc", "",
                                        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
    static const char *const digests[] = {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"};
    struct fama_bytes parts[3];
    struct fama_sha256_message messages[3];
    uint8_t found[3][FAMA_SHA256_BYTES];
    for (size_t i = 0; i < 3; i++) {
        parts[i] = fama_bytes_of_text(texts[i]);
        messages[i] =
            (struct fama_sha256_message){.parts = &parts[i], .part_count = 1, .digest = found[i]};
    }
    fama_sha256_many(messages, 3);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT(equals_hex(fama_bytes(found[i], FAMA_SHA256_BYTES), digests[i]));
    }
    fama_sha256_many(messages, 0);
}

/* Each length up to three blocks, cut at each place, beside a message of another length. */
static void test_every_length_and_every_cut_is_right(void)
{
    for (size_t len = 0; len <= 200; len++) {
        uint8_t alone[2][FAMA_SHA256_BYTES];
        fama_sha256(fama_bytes(noise, len), alone[0]);
        fama_sha256(fama_bytes(noise + 1, 200 - len), alone[1]);
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t found[2][FAMA_SHA256_BYTES];
            const struct fama_bytes parts[] = {fama_bytes(noise, cut),
                                               fama_bytes(noise + cut, len - cut)};
            const struct fama_bytes other = fama_bytes(noise + 1, 200 - len);
            const struct fama_sha256_message messages[] = {
                {.parts = parts, .part_count = 2, .digest = found[0]},
                {.parts = &other, .part_count = 1, .digest = found[1]}};
            fama_sha256_many(messages, 2);
            CU_ASSERT_EQUAL(memcmp(found, alone, sizeof(found)), 0);
        }
    }
}

static size_t pick(uint64_t *state, size_t below)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (size_t)((*state >> 33) % below);
}

static void test_any_number_of_any_messages_is_right(void)
{
    uint64_t state = 20261121;
    for (size_t round = 0; round < 3000; round++) {
        struct fama_bytes parts[MESSAGES][PARTS];
        struct fama_sha256_message messages[MESSAGES];
        uint8_t found[MESSAGES][FAMA_SHA256_BYTES];
        size_t count = pick(&state, MESSAGES + 1);
        for (size_t i = 0; i < count; i++) {
            messages[i] = (struct fama_sha256_message){
                .parts = parts[i], .part_count = pick(&state, PARTS + 1), .digest = found[i]};
            for (size_t j = 0; j < messages[i].part_count; j++) {
                size_t len = pick(&state, pick(&state, 8) == 0 ? 5000 : 150);
                parts[i][j] = fama_bytes(noise + pick(&state, sizeof(noise) - len), len);
            }
        }
        fama_sha256_many(messages, count);
        for (size_t i = 0; i < count; i++) {
            uint8_t alone[FAMA_SHA256_BYTES];
            fama_sha256_parts(parts[i], messages[i].part_count, alone);
            CU_ASSERT_EQUAL(memcmp(found[i], alone, sizeof(alone)), 0);
        }
    }
}

static void test_every_message_of_one_block_is_right(void)
{
    struct fama_bytes messages[FAMA_SHA256_BRIEF_MAX + 1];
    uint8_t found[FAMA_SHA256_BRIEF_MAX + 1][FAMA_SHA256_BYTES];
    fill_noise(3);
    for (size_t len = 0; len <= FAMA_SHA256_BRIEF_MAX; len++) {
        messages[len] = fama_bytes(noise + 3 * len, len);
    }
    for (size_t count = 0; count <= FAMA_SHA256_BRIEF_MAX + 1; count++) {
        memset(found, 0, sizeof(found));
        fama_sha256_briefs(messages, count, found);
        for (size_t len = 0; len < count; len++) {
            uint8_t expected[FAMA_SHA256_BYTES];
            fama_sha256(messages[len], expected);
            CU_ASSERT_EQUAL(memcmp(found[len], expected, sizeof(expected)), 0);
        }
    }
}

static void test_messages_that_begin_alike_share_their_start(void)
{
    static const size_t lens[] = {0, 1, 63, 64, 65, 127, 128, 640, 641, 1000};
    const size_t count = sizeof(lens) / sizeof(lens[0]);
    struct fama_bytes texts[sizeof(lens) / sizeof(lens[0])] = {{0}};
    struct fama_sha256_start starts[sizeof(lens) / sizeof(lens[0])];
    for (size_t used = 0; used <= count; used++) {
        for (size_t i = 0; i < used; i++) {
            texts[i] = fama_bytes(noise + i, lens[i]);
        }
        fama_sha256_starts(texts, used, starts);
        for (size_t i = 0; i < used; i++) {
            struct fama_bytes parts[3][2];
            struct fama_sha256_message messages[3];
            uint8_t found[3][FAMA_SHA256_BYTES];
            for (size_t j = 0; j < 3; j++) {
                parts[j][0] = texts[i];
                parts[j][1] = fama_bytes(noise + 5000 * j, 37 * j * (i + 1));
                messages[j] = (struct fama_sha256_message){
                    .parts = parts[j],
                    .part_count = j == 0 ? 1 : 2,
                    .start = &starts[i],
                    .digest = found[j],
                };
            }
            fama_sha256_many(messages, 3);
            for (size_t j = 0; j < 3; j++) {
                uint8_t alone[FAMA_SHA256_BYTES];
                fama_sha256_parts(parts[j], messages[j].part_count, alone);
                CU_ASSERT_EQUAL(memcmp(found[j], alone, sizeof(alone)), 0);
            }
        }
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_every_message_of_one_block_is_right),
        TEST(test_the_standards_examples_come_out),
        TEST(test_every_length_and_every_cut_is_right),
        TEST(test_any_number_of_any_messages_is_right),
        TEST(test_messages_that_begin_alike_share_their_start),
    };
    fill_noise(7);
    return run_suite("sha256 many", cases, sizeof(cases) / sizeof(cases[0]));
}
