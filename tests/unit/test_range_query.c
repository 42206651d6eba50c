#include "ledger/range_query.h"

#include <inttypes.h>

#include "unit/suite.h"

static struct fama_error failure;

static struct fama_bytes text(const char *of)
{
    return fama_bytes_of_text(of);
}

static void add_reads(struct fama_read_tree *tree, uint64_t count)
{
    char key[32];
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "k%02" PRIu64, i);
        CU_ASSERT_TRUE(fama_read_tree_add(tree, text(key), (struct fama_version){1, i}));
    }
    CU_ASSERT_TRUE(fama_read_tree_finish(tree));
}

/* Spec fabric-algorithms §10. */
static void test_merkle_summaries_are_fabrics(void)
{
    static const struct {
        uint64_t reads;
        uint32_t level;
        size_t count;
        size_t which;
        const char *hash;
    } vectors[] = {
        {3, 1, 1, 0, "7d48cfaa2b324439ad064170e866d68089d88d338b6e9f49086ac634535ba1c8"},
        {4, 1, 2, 1, "d11421d71467ac9bc3ef1b85e9d13d9f920730add73f94654c06a2d53670f4c0"},
        {7, 2, 1, 0, "23fc2ad5bc6bf6b225d0e6600bd3caf1b798076a07974e5e4688b468a2136f26"},
        {21, 3, 1, 0, "a644e2178a01a8a7166835efcfd36009bc88c73ff1349e765dd2476ddc7e089a"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct fama_read_tree *tree = fama_read_tree_create(2);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
        add_reads(tree, vectors[i].reads);
        uint32_t level;
        const uint8_t *hashes;
        char hex[FAMA_SHA256_TEXT_BYTES];
        CU_ASSERT_EQUAL_FATAL(fama_read_tree_summary(tree, &level, &hashes), vectors[i].count);
        CU_ASSERT_EQUAL(level, vectors[i].level);
        fama_sha256_text(hashes + vectors[i].which * FAMA_SHA256_BYTES, hex);
        CU_ASSERT_STRING_EQUAL(hex, vectors[i].hash);
        fama_read_tree_destroy(tree);
    }
}

static void test_few_results_have_no_summary(void)
{
    for (uint64_t count = 0; count <= 2; count++) {
        struct fama_read_tree *tree = fama_read_tree_create(2);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
        add_reads(tree, count);
        uint32_t level;
        const uint8_t *hashes;
        CU_ASSERT_EQUAL(fama_read_tree_summary(tree, &level, &hashes), 0);
        fama_read_tree_destroy(tree);
    }
}

/* k00 to k06 with versions (1, 0) to (1, 6). */
static struct fama_state *seven_keys(void)
{
    struct fama_state *state = fama_state_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    fama_state_begin_block(state, 1);
    for (uint64_t i = 0; i < 7; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "k%02" PRIu64, i);
        const struct fama_state_name name = {.space = text("ns"), .key = text(key)};
        const struct fama_state_entry entry = {
            .exists = true, .version = {1, i}, .value = text("v")};
        CU_ASSERT_EQUAL_FATAL(fama_state_put(state, &name, &entry, &failure), 0);
    }
    fama_state_begin_block(state, 2);
    return state;
}

static void change(struct fama_state *state, const char *key, const char *value)
{
    const struct fama_state_name name = {.space = text("ns"), .key = text(key)};
    const struct fama_state_entry entry = {
        .exists = value[0] != '\0', .version = {2, 0}, .value = text(value)};
    CU_ASSERT_EQUAL_FATAL(fama_state_put(state, &name, &entry, &failure), 0);
}

static bool holds(struct fama_state *state, const struct fama_range_query *query)
{
    bool still_holds;
    CU_ASSERT_EQUAL(fama_range_query_check(state, text("ns"), query, &still_holds, &failure), 0);
    return still_holds;
}

static void test_a_long_query_holds_until_something_changes(void)
{
    static const char *const changes[][2] = {
        {"k03", "new"}, {"k03", ""}, {"k031", "added"}, {"k00", ""}, {"k06", "new"}, {"k07", "new"},
    };
    struct fama_read_tree *tree = fama_read_tree_create(2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
    add_reads(tree, 7);
    uint32_t level;
    const uint8_t *hash;
    CU_ASSERT_EQUAL_FATAL(fama_read_tree_summary(tree, &level, &hash), 1);
    struct fama_bytes hashes[] = {fama_bytes(hash, FAMA_SHA256_BYTES)};
    const struct fama_range_query query = {
        .is_exhausted = true,
        .kind = FAMA_RANGE_MERKLE,
        .max_degree = 2,
        .max_level = 2,
        .max_level_hashes = hashes,
        .max_level_hash_count = 1,
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct fama_state *state = seven_keys();
        CU_ASSERT_TRUE(holds(state, &query));
        change(state, "k", "before the range of no key, and so before all");
        CU_ASSERT_FALSE(holds(state, &query));
        change(state, "k", "");
        CU_ASSERT_TRUE(holds(state, &query));
        change(state, changes[i][0], changes[i][1]);
        CU_ASSERT_FALSE(holds(state, &query));
        fama_state_destroy(state);
    }
    fama_read_tree_destroy(tree);
}

static void test_a_short_query_is_compared_read_by_read(void)
{
    struct fama_read reads[] = {
        {.key = text("k01"), .version = {1, 1}, .has_version = true},
        {.key = text("k02"), .version = {1, 2}, .has_version = true},
        {.key = text("k03"), .version = {1, 3}, .has_version = true},
    };
    struct fama_range_query query = {
        .start_key = text("k01"),
        .end_key = text("k04"),
        .is_exhausted = true,
        .kind = FAMA_RANGE_RAW,
        .reads = reads,
        .read_count = 3,
    };
    struct fama_state *state = seven_keys();
    CU_ASSERT_TRUE(holds(state, &query));
    query.read_count = 2;
    CU_ASSERT_FALSE(holds(state, &query));
    query.end_key = text("k03");
    CU_ASSERT_TRUE(holds(state, &query));
    /* Not read to its end: the end key was the last one seen. */
    query.is_exhausted = false;
    CU_ASSERT_FALSE(holds(state, &query));
    query.read_count = 3;
    CU_ASSERT_TRUE(holds(state, &query));
    reads[2].version.transaction++;
    CU_ASSERT_FALSE(holds(state, &query));
    reads[2].version.transaction--;
    reads[1].has_version = false;
    CU_ASSERT_FALSE(holds(state, &query));
    reads[1].has_version = true;
    change(state, "k03", "");
    CU_ASSERT_FALSE(holds(state, &query));
    fama_state_destroy(state);
}

static void test_a_query_without_results_must_still_have_none(void)
{
    struct fama_range_query query = {
        .start_key = text("x"), .end_key = text("y"), .is_exhausted = true};
    struct fama_state *state = seven_keys();
    CU_ASSERT_TRUE(holds(state, &query));
    query.kind = FAMA_RANGE_RAW;
    CU_ASSERT_TRUE(holds(state, &query));
    query.kind = FAMA_RANGE_MERKLE;
    query.max_degree = UINT32_MAX;
    CU_ASSERT_FALSE(holds(state, &query));
    query.kind = FAMA_RANGE_NONE;
    change(state, "xx", "new");
    CU_ASSERT_FALSE(holds(state, &query));
    /* A range that ends before it begins is empty. */
    query.start_key = text("y");
    query.end_key = text("x");
    CU_ASSERT_TRUE(holds(state, &query));
    fama_state_destroy(state);
}

static void test_a_tree_of_degree_one_stops_the_channel(void)
{
    struct fama_range_query query = {.kind = FAMA_RANGE_MERKLE, .max_degree = 1};
    struct fama_state *state = seven_keys();
    bool still_holds;
    CU_ASSERT_EQUAL(fama_range_query_check(state, text("ns"), &query, &still_holds, &failure),
                    FAMA_RANGE_QUERY_INVALID);
    fama_state_destroy(state);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_merkle_summaries_are_fabrics),
        TEST(test_few_results_have_no_summary),
        TEST(test_a_long_query_holds_until_something_changes),
        TEST(test_a_short_query_is_compared_read_by_read),
        TEST(test_a_query_without_results_must_still_have_none),
        TEST(test_a_tree_of_degree_one_stops_the_channel),
    };
    return run_suite("range queries", cases, sizeof cases / sizeof cases[0]);
}
