#include "ledger/state.h"

#include <inttypes.h>

#include "unit/seed.h"
#include "unit/stored_state.h"

static struct fama_error failure;

static struct fama_bytes text(const char *of)
{
    return fama_bytes_of_text(of);
}

static struct fama_state_name public_name(const char *key)
{
    return (struct fama_state_name){.space = text("ns"), .key = text(key)};
}

static struct fama_state *new_state(struct stored_state *stored)
{
    struct fama_state *state = fama_state_create(stored == NULL ? NULL : &stored->states);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    return state;
}

static void put(struct fama_state *state, const char *key, const char *value)
{
    const struct fama_state_name name = public_name(key);
    const struct fama_state_entry entry = {
        .exists = value != NULL,
        .version = {fama_state_block(state), 3},
        .value = text(value == NULL ? "" : value),
        .metadata = text(value == NULL ? "" : "metadata"),
    };
    CU_ASSERT_EQUAL_FATAL(fama_state_put(state, &name, &entry, &failure), 0);
}

/* The value of a key, or NULL; versions carry the block in which it was put. */
static bool holds(struct fama_state *state, const char *key, const char *value, uint64_t block)
{
    const struct fama_state_name name = public_name(key);
    struct fama_state_entry entry;
    CU_ASSERT_EQUAL(fama_state_get(state, &name, &entry, &failure), 0);
    if (value == NULL || !entry.exists) {
        return value == NULL && !entry.exists && entry.value.len == 0 && entry.metadata.len == 0;
    }
    return fama_bytes_equal(entry.value, text(value)) &&
           fama_bytes_equal(entry.metadata, text("metadata")) && entry.version.block == block &&
           entry.version.transaction == 3;
}

static bool is_touched(struct fama_state *state, const char *key)
{
    const struct fama_state_name name = public_name(key);
    return fama_state_is_touched(state, &name);
}

static size_t block_count(const struct fama_state *state)
{
    const struct fama_state_update *const *updates;
    return fama_state_block_updates(state, &updates);
}

static size_t group_count(const struct fama_state *state)
{
    const struct fama_state_update *const *updates;
    return fama_state_group_updates(state, &updates);
}

static void test_reads_see_the_overlay_then_the_store(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    fama_state_begin_block(state, 1);
    put(state, "a", "1");
    put(state, "b", "2");
    stored_state_write(&stored, state, NULL);
    fama_state_begin_block(state, 2);
    CU_ASSERT_TRUE(holds(state, "a", "1", 1));
    CU_ASSERT_TRUE(holds(state, "c", NULL, 0));
    put(state, "a", "new");
    put(state, "b", NULL);
    put(state, "c", "3");
    CU_ASSERT_TRUE(holds(state, "a", "new", 2));
    CU_ASSERT_TRUE(holds(state, "b", NULL, 0));
    CU_ASSERT_TRUE(holds(state, "c", "3", 2));
    /* Given up instead of written. */
    fama_state_reset(state);
    CU_ASSERT_TRUE(holds(state, "a", "1", 1));
    CU_ASSERT_TRUE(holds(state, "b", "2", 1));
    CU_ASSERT_TRUE(holds(state, "c", NULL, 0));
    fama_state_destroy(state);
    stored_state_close(&stored);
}

static void test_a_key_is_touched_in_its_block_only(void)
{
    struct fama_state *state = new_state(NULL);
    CU_ASSERT_FALSE(is_touched(state, "a"));
    fama_state_begin_block(state, 5);
    CU_ASSERT_FALSE(is_touched(state, "a"));
    CU_ASSERT_TRUE(holds(state, "a", NULL, 0));
    CU_ASSERT_FALSE(is_touched(state, "a"));
    put(state, "a", "1");
    put(state, "b", NULL);
    CU_ASSERT_TRUE(is_touched(state, "a"));
    CU_ASSERT_TRUE(is_touched(state, "b"));
    CU_ASSERT_EQUAL(block_count(state), 2);
    fama_state_begin_block(state, 6);
    CU_ASSERT_FALSE(is_touched(state, "a"));
    CU_ASSERT_EQUAL(block_count(state), 0);
    put(state, "a", "2");
    put(state, "a", "3");
    CU_ASSERT_EQUAL(block_count(state), 1);
    CU_ASSERT_EQUAL(group_count(state), 2);
    fama_state_reset(state);
    CU_ASSERT_FALSE(is_touched(state, "a"));
    CU_ASSERT_EQUAL(group_count(state), 0);
    fama_state_destroy(state);
}

static void test_names_of_every_kind_are_kept_apart(void)
{
    static const char key[] = "a\0b";
    const struct fama_state_name names[] = {
        {.space = text("ns"), .key = text("k")},
        {.space = text("ns"), .key = fama_bytes(key, 3)},
        {.space = text("ns"), .key = text("a")},
        {.space = text("ns2"), .key = text("k")},
        {.space = text(""), .key = text("k")},
        {.space = text("ns"), .collection = text("c"), .is_hashed = true, .key = text("k")},
        {.space = text("ns"), .collection = text("cc"), .is_hashed = true, .key = text("k")},
        {.space = text("ns2"), .collection = text("c"), .is_hashed = true, .key = text("k")},
        {.space = text("ns"), .collection = text("ignored"), .key = text("other")},
    };
    static const char *const stored[] = {"ns|k",     "ns|a|b",    "ns|a",      "ns2|k",   "|k",
                                         "ns$$hc|k", "ns$$hcc|k", "ns2$$hc|k", "ns|other"};
    struct fama_state *state = new_state(NULL);
    fama_state_begin_block(state, 1);
    for (uint64_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct fama_state_entry entry = {
            .exists = true, .version = {1, i}, .value = text("v")};
        CU_ASSERT_FALSE(fama_state_is_touched(state, &names[i]));
        CU_ASSERT_EQUAL(fama_state_put(state, &names[i], &entry, &failure), 0);
    }
    const struct fama_state_update *const *updates;
    CU_ASSERT_EQUAL_FATAL(fama_state_group_updates(state, &updates), 9);
    for (size_t i = 0; i < 9; i++) {
        char shown[32] = "";
        memcpy(shown, updates[i]->stored_key.at, updates[i]->stored_key.len);
        for (size_t j = 0; j < updates[i]->stored_key.len; j++) {
            shown[j] = shown[j] == '\0' ? '|' : shown[j];
        }
        CU_ASSERT_STRING_EQUAL(shown, stored[i]);
        CU_ASSERT_TRUE(fama_bytes_equal(updates[i]->name.key, names[i].key));
        CU_ASSERT_TRUE(fama_bytes_equal(updates[i]->name.space, names[i].space));
        CU_ASSERT_EQUAL(updates[i]->entry.version.transaction, i);
    }
    fama_state_destroy(state);
}

static void test_looking_back_shows_the_state_before_the_block(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    fama_state_begin_block(state, 1);
    put(state, "stored", "1");
    put(state, "replaced", "1");
    stored_state_write(&stored, state, NULL);
    fama_state_begin_block(state, 2);
    put(state, "grouped", "2");
    fama_state_begin_block(state, 3);
    put(state, "replaced", "3"); /* blindly: what it was has not been read */
    put(state, "grouped", NULL);
    put(state, "new", "3");
    fama_state_look_back(state);
    CU_ASSERT_TRUE(holds(state, "stored", "1", 1));
    CU_ASSERT_TRUE(holds(state, "replaced", "1", 1));
    CU_ASSERT_TRUE(holds(state, "grouped", "2", 2));
    CU_ASSERT_TRUE(holds(state, "new", NULL, 0));
    fama_state_look_forward(state);
    CU_ASSERT_TRUE(holds(state, "replaced", "3", 3));
    CU_ASSERT_TRUE(holds(state, "grouped", NULL, 0));
    CU_ASSERT_TRUE(holds(state, "new", "3", 3));
    fama_state_begin_block(state, 4);
    fama_state_look_back(state);
    CU_ASSERT_TRUE(holds(state, "replaced", "3", 3));
    fama_state_destroy(state);
    stored_state_close(&stored);
}

static void test_a_block_can_be_taken_back(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    fama_state_begin_block(state, 1);
    put(state, "stored", "1");
    stored_state_write(&stored, state, NULL);
    fama_state_begin_block(state, 2);
    put(state, "grouped", "2");
    fama_state_begin_block(state, 3);
    put(state, "grouped", "3");
    put(state, "stored", "3");
    put(state, "new", "3");
    const struct fama_state_name expiring = public_name("expired");
    CU_ASSERT_EQUAL(fama_state_expire(state, &expiring, &failure), 0);
    CU_ASSERT_EQUAL(block_count(state), 3);
    CU_ASSERT_EQUAL(group_count(state), 4);
    fama_state_abandon_block(state);
    CU_ASSERT_EQUAL(block_count(state), 0);
    CU_ASSERT_EQUAL(group_count(state), 1);
    CU_ASSERT_FALSE(is_touched(state, "grouped"));
    CU_ASSERT_TRUE(holds(state, "grouped", "2", 2));
    CU_ASSERT_TRUE(holds(state, "stored", "1", 1));
    CU_ASSERT_TRUE(holds(state, "new", NULL, 0));
    stored_state_write(&stored, state, NULL);
    CU_ASSERT_TRUE(holds(state, "grouped", "2", 2));
    CU_ASSERT_TRUE(holds(state, "stored", "1", 1));
    fama_state_destroy(state);
    stored_state_close(&stored);
}

static void test_an_expired_key_is_gone_but_nothing_touched_it(void)
{
    struct fama_state *state = new_state(NULL);
    fama_state_begin_block(state, 1);
    put(state, "a", "1");
    fama_state_begin_block(state, 2);
    const struct fama_state_name name = public_name("a");
    CU_ASSERT_EQUAL(fama_state_expire(state, &name, &failure), 0);
    CU_ASSERT_FALSE(is_touched(state, "a"));
    CU_ASSERT_EQUAL(block_count(state), 0);
    CU_ASSERT_EQUAL(group_count(state), 1);
    CU_ASSERT_TRUE(holds(state, "a", NULL, 0));
    fama_state_begin_block(state, 3);
    put(state, "a", "3");
    CU_ASSERT_TRUE(holds(state, "a", "3", 3));
    CU_ASSERT_EQUAL(group_count(state), 1);
    fama_state_destroy(state);
}

static void test_prefetched_names_are_read_once(void)
{
    struct stored_state stored;
    char many[700][32];
    struct fama_state_name names[1400];
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    fama_state_begin_block(state, 1);
    for (size_t i = 0; i < 700; i++) {
        (void)snprintf(many[i], sizeof many[i], "k%zu", i);
        names[i] = public_name(many[i]);
        names[i + 700] = names[i];
        if (i % 2 == 0) {
            put(state, many[i], "v");
        }
    }
    stored_state_write(&stored, state, NULL);
    CU_ASSERT_EQUAL(fama_state_prefetch(state, names, 1400, &failure), 0);
    /* What happens to the store from here on is not seen. */
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *message = NULL;
    for (size_t i = 0; i < 700; i++) {
        char key[3 + sizeof many[0]] = "ns";
        memcpy(key + 3, many[i], sizeof many[i]);
        rocksdb_writebatch_delete_cf(batch, stored.store.families[FAMA_STORE_STATE], key,
                                     3 + strlen(many[i]));
    }
    rocksdb_write(stored.store.db, stored.store.synced, batch, &message);
    CU_ASSERT_PTR_NULL(message);
    rocksdb_writebatch_destroy(batch);
    for (size_t i = 0; i < 700; i++) {
        CU_ASSERT_TRUE(holds(state, many[i], i % 2 == 0 ? "v" : NULL, 1));
    }
    fama_state_reset(state);
    CU_ASSERT_TRUE(holds(state, "k0", NULL, 0));
    fama_state_destroy(state);
    stored_state_close(&stored);
}

static void test_a_damaged_value_is_an_error_every_time(void)
{
    struct stored_state stored;
    char *message = NULL;
    struct fama_state_entry entry;
    const struct fama_state_name name = public_name("k");
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    rocksdb_put_cf(stored.store.db, stored.store.synced, stored.store.families[FAMA_STORE_STATE],
                   "ns\0k", 4, "\x09", 1, &message);
    CU_ASSERT_PTR_NULL(message);
    CU_ASSERT_EQUAL(fama_state_get(state, &name, &entry, &failure), FAMA_STATE_IO);
    CU_ASSERT_EQUAL(fama_state_get(state, &name, &entry, &failure), FAMA_STATE_IO);
    CU_ASSERT_EQUAL(fama_state_prefetch(state, &name, 1, &failure), FAMA_STATE_IO);
    fama_state_destroy(state);
    stored_state_close(&stored);
}

struct walk {
    char seen[256];
    size_t left;
};

static bool note(void *context, struct fama_bytes key, const struct fama_state_entry *entry)
{
    struct walk *walk = context;
    size_t len = strlen(walk->seen);
    (void)snprintf(walk->seen + len, sizeof walk->seen - len, "%.*s=%.*s ", (int)key.len,
                   (const char *)key.at, (int)entry->value.len, (const char *)entry->value.at);
    return --walk->left > 0;
}

static void check_range(struct fama_state *state, const char *start, const char *end, size_t most,
                        const char *expected)
{
    struct walk walk = {.left = most};
    CU_ASSERT_EQUAL(
        fama_state_range(state, text("ns"), text(start), text(end), note, &walk, &failure), 0);
    CU_ASSERT_STRING_EQUAL(walk.seen, expected);
}

static void test_ranges_merge_the_overlay_and_the_store(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    struct fama_state *state = new_state(&stored);
    fama_state_begin_block(state, 1);
    put(state, "b", "1");
    put(state, "d", "1");
    put(state, "f", "1");
    put(state, "h", "1");
    const struct fama_state_name others[] = {
        {.space = text("n"), .key = text("c")},
        {.space = text("ns$"), .key = text("c")},
        {.space = text("ns1"), .key = text("c")},
        {.space = text("ns"), .collection = text("c"), .is_hashed = true, .key = text("c")},
    };
    const struct fama_state_entry other = {.exists = true, .value = text("other")};
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(fama_state_put(state, &others[i], &other, &failure), 0);
    }
    stored_state_write(&stored, state, NULL);
    check_range(state, "", "", 99, "b=1 d=1 f=1 h=1 ");
    fama_state_begin_block(state, 2);
    put(state, "e", "2");
    put(state, "a", "2");
    put(state, "d", NULL);
    put(state, "f", "2");
    put(state, "x", NULL);
    check_range(state, "", "", 99, "a=2 b=1 e=2 f=2 h=1 ");
    put(state, "c", "3");
    put(state, "z", "3");
    put(state, "h", NULL);
    check_range(state, "", "", 99, "a=2 b=1 c=3 e=2 f=2 z=3 ");
    check_range(state, "b", "f", 99, "b=1 c=3 e=2 ");
    check_range(state, "b", "f", 2, "b=1 c=3 ");
    check_range(state, "aa", "", 99, "b=1 c=3 e=2 f=2 z=3 ");
    check_range(state, "f", "b", 99, "");
    check_range(state, "b", "b", 99, "");
    fama_state_abandon_block(state);
    check_range(state, "", "", 99, "b=1 d=1 f=1 h=1 ");
    fama_state_destroy(state);
    stored_state_close(&stored);
}

/* Many keys, so that tables and lists grow, shrink again, and are used again. */
static void test_a_large_group_is_followed_by_small_ones(void)
{
    uint64_t seed = test_seed("large group");
    struct fama_state *state = new_state(NULL);
    for (uint64_t group = 0; group < 4; group++) {
        uint64_t count = group % 2 == 0 ? 100000 : 10;
        fama_state_begin_block(state, group);
        for (uint64_t i = 0; i < count; i++) {
            char key[32];
            (void)snprintf(key, sizeof key, "%016" PRIx64, (i + seed) * 0x9e3779b97f4a7c15);
            put(state, key, "v");
        }
        CU_ASSERT_EQUAL(group_count(state), count);
        CU_ASSERT_TRUE(holds(state, "nothing", NULL, 0));
        fama_state_reset(state);
    }
    fama_state_destroy(state);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_reads_see_the_overlay_then_the_store),
        TEST(test_a_key_is_touched_in_its_block_only),
        TEST(test_names_of_every_kind_are_kept_apart),
        TEST(test_looking_back_shows_the_state_before_the_block),
        TEST(test_a_block_can_be_taken_back),
        TEST(test_an_expired_key_is_gone_but_nothing_touched_it),
        TEST(test_prefetched_names_are_read_once),
        TEST(test_a_damaged_value_is_an_error_every_time),
        TEST(test_ranges_merge_the_overlay_and_the_store),
        TEST(test_a_large_group_is_followed_by_small_ones),
    };
    return run_suite("state", cases, sizeof cases / sizeof cases[0]);
}
