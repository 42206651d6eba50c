#include "ledger/commit_hash.h"

#include "unit/suite.h"

static struct fama_error failure;

static struct fama_bytes text(const char *of)
{
    return fama_bytes_of_text(of);
}

static void put(struct fama_state *state, const char *space, const char *collection,
                struct fama_bytes key, struct fama_bytes value, uint64_t block, uint64_t index)
{
    const struct fama_state_name name = {
        .space = text(space),
        .collection = text(collection == NULL ? "" : collection),
        .is_hashed = collection != NULL,
        .key = key,
    };
    const struct fama_state_entry entry = {
        .exists = value.len > 0, .version = {block, index}, .value = value};
    CU_ASSERT_EQUAL_FATAL(fama_state_put(state, &name, &entry, &failure), 0);
}

static void check_hash(const struct fama_state *state, const uint8_t *codes, size_t count,
                       struct fama_bytes previous, const char *expected)
{
    uint8_t hash[FAMA_SHA256_BYTES];
    char hex[FAMA_SHA256_TEXT_BYTES];
    CU_ASSERT_EQUAL_FATAL(fama_commit_hash(state, codes, count, previous, hash), 0);
    fama_sha256_text(hash, hex);
    CU_ASSERT_STRING_EQUAL(hex, expected);
}

#define FIRST "47dc540c94ceb704a23875c11273e16bb0b8a87aed84de911f2133568115f254"

static void test_a_block_without_updates_has_a_hash_of_its_codes(void)
{
    struct fama_state *state = fama_state_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    fama_state_begin_block(state, 1);
    check_hash(state, (const uint8_t[]){0}, 1, fama_bytes(NULL, 0), FIRST);
    fama_state_destroy(state);
}

static struct fama_bytes sha256(const char *of, uint8_t hash[FAMA_SHA256_BYTES])
{
    fama_sha256(text(of), hash);
    return fama_bytes(hash, FAMA_SHA256_BYTES);
}

/* The second vector of spec fabric-algorithms §10, its updates made in any order. */
static void test_updates_are_hashed_in_fabrics_order(void)
{
    uint8_t key[FAMA_SHA256_BYTES];
    uint8_t value[FAMA_SHA256_BYTES];
    uint8_t previous[FAMA_SHA256_BYTES];
    struct fama_state *state = fama_state_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    const uint8_t before[] = {1, 0};
    fama_sha256(fama_bytes(before, sizeof before), previous);
    fama_state_begin_block(state, 2);
    put(state, "ns2", NULL, text("a"), text("1"), 2, 1);
    put(state, "ns1", "coll1", sha256("pk", key), sha256("pv", value), 2, 0);
    put(state, "ns1", NULL, text("k2"), text("soon gone"), 2, 0);
    put(state, "ns1", NULL, text("k1"), text("v1"), 2, 0);
    put(state, "", NULL, text("CHANNEL_CONFIG_ENV_BYTES"), text("not hashed"), 2, 0);
    put(state, "ns1", NULL, text("k2"), text(""), 2, 1);
    check_hash(state, (const uint8_t[]){0, 0, 11}, 3, fama_bytes(previous, sizeof previous),
               "58f830ca97ddb263f654a52522b04d02aeafd8c3bc76393853806f1a3f64eff0");
    fama_state_destroy(state);
}

static void test_what_earlier_blocks_of_the_group_wrote_is_not_hashed_again(void)
{
    struct fama_state *state = fama_state_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    fama_state_begin_block(state, 0);
    put(state, "ns1", NULL, text("k1"), text("v1"), 0, 0);
    fama_state_begin_block(state, 1);
    check_hash(state, (const uint8_t[]){0}, 1, fama_bytes(NULL, 0), FIRST);
    fama_state_destroy(state);
}

static void test_a_key_that_expires_is_not_hashed(void)
{
    struct fama_state *state = fama_state_create(NULL);
    const struct fama_state_name name = {
        .space = text("ns1"), .collection = text("c"), .is_hashed = true, .key = text("hash")};
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    fama_state_begin_block(state, 1);
    CU_ASSERT_EQUAL(fama_state_expire(state, &name, &failure), 0);
    check_hash(state, (const uint8_t[]){0}, 1, fama_bytes(NULL, 0), FIRST);
    fama_state_destroy(state);
}

/* Keys that differ late, end early or hold zeros; values larger than any buffer. */
static void test_keys_are_ordered_bytewise_however_alike(void)
{
    static char large[10000];
    const struct fama_bytes keys[] = {fama_bytes("ab", 2),
                                      fama_bytes("ab\0", 3),
                                      fama_bytes("ab\0\0", 4),
                                      fama_bytes("ab\0abcdefgh", 11),
                                      fama_bytes("ab\0abcdefghi", 12),
                                      fama_bytes("abc", 3),
                                      fama_bytes("ab\xff", 3)};
    const size_t count = sizeof keys / sizeof keys[0];
    memset(large, 'x', sizeof large);
    char expected[FAMA_SHA256_TEXT_BYTES] = "";
    for (size_t turn = 0; turn < count; turn++) {
        struct fama_state *state = fama_state_create(NULL);
        uint8_t hash[FAMA_SHA256_BYTES];
        char hex[FAMA_SHA256_TEXT_BYTES];
        CU_ASSERT_PTR_NOT_NULL_FATAL(state);
        fama_state_begin_block(state, 1);
        for (size_t i = 0; i < count; i++) {
            put(state, "ns", NULL, keys[(i + turn) % count], fama_bytes(large, sizeof large), 1, 0);
        }
        CU_ASSERT_EQUAL(fama_commit_hash(state, (const uint8_t[]){0}, 1, fama_bytes(NULL, 0), hash),
                        0);
        fama_sha256_text(hash, hex);
        if (turn > 0) {
            CU_ASSERT_STRING_EQUAL(hex, expected);
        }
        memcpy(expected, hex, sizeof hex);
        fama_state_destroy(state);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_block_without_updates_has_a_hash_of_its_codes),
        TEST(test_updates_are_hashed_in_fabrics_order),
        TEST(test_what_earlier_blocks_of_the_group_wrote_is_not_hashed_again),
        TEST(test_a_key_that_expires_is_not_hashed),
        TEST(test_keys_are_ordered_bytewise_however_alike),
    };
    return run_suite("commit hash", cases, sizeof cases / sizeof cases[0]);
}
