#include "ledger/expiry.h"

#include "unit/stored_state.h"

static struct fama_error failure;

/* What definitions say in these tests: a key "lives/COLLECTION" of the chaincode's namespace holds one digit. */
static int lives(struct fama_state *state, struct fama_bytes chaincode,
                 struct fama_bytes collection, uint64_t *blocks, struct fama_error *error)
{
    char key[64];
    struct fama_state_entry entry;
    (void)snprintf(key, sizeof key, "lives/%.*s", (int)collection.len, (const char *)collection.at);
    const struct fama_state_name name = {.space = chaincode, .key = fama_bytes_of_text(key)};
    int status = fama_state_get(state, &name, &entry, error);
    *blocks = status == 0 && entry.exists ? (uint64_t)(entry.value.at[0] - '0') : 0;
    return status;
}

struct peer {
    struct stored_state stored;
    struct fama_state *state;
    struct fama_expiry *expiry;
};

static void restart(struct peer *peer)
{
    fama_state_destroy(peer->state);
    fama_expiry_destroy(peer->expiry);
    peer->state = fama_state_create(&peer->stored.states);
    peer->expiry = fama_expiry_create(&peer->stored.store, lives);
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer->state);
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer->expiry);
}

static struct peer *open_peer(void)
{
    struct peer *peer = calloc(1, sizeof *peer);
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
    stored_state_open(&peer->stored);
    restart(peer);
    return peer;
}

static void close_peer(struct peer *peer)
{
    fama_state_destroy(peer->state);
    fama_expiry_destroy(peer->expiry);
    stored_state_close(&peer->stored);
    free(peer);
}

static struct fama_state_name hashed(const char *collection, const char *key)
{
    return (struct fama_state_name){.space = fama_bytes_of_text("cc"),
                                    .collection = fama_bytes_of_text(collection),
                                    .is_hashed = true,
                                    .key = fama_bytes_of_text(key)};
}

static void put(struct peer *peer, const struct fama_state_name *name, const char *value)
{
    const struct fama_state_entry entry = {
        .exists = value[0] != '\0',
        .version = {fama_state_block(peer->state), 0},
        .value = fama_bytes_of_text(value),
    };
    CU_ASSERT_EQUAL_FATAL(fama_state_put(peer->state, name, &entry, &failure), 0);
}

static void put_hash(struct peer *peer, const char *collection, const char *key, const char *value)
{
    const struct fama_state_name name = hashed(collection, key);
    put(peer, &name, value);
}

static void define(struct peer *peer, const char *key, const char *digit)
{
    const struct fama_state_name name = {.space = fama_bytes_of_text("cc"),
                                         .key = fama_bytes_of_text(key)};
    put(peer, &name, digit);
}

static void advance(struct peer *peer)
{
    CU_ASSERT_EQUAL(fama_expiry_advance(peer->expiry, peer->state, &failure), 0);
}

static bool exists(struct peer *peer, const char *collection, const char *key)
{
    const struct fama_state_name name = hashed(collection, key);
    struct fama_state_entry entry;
    CU_ASSERT_EQUAL(fama_state_get(peer->state, &name, &entry, &failure), 0);
    return entry.exists;
}

static void write_group(struct peer *peer)
{
    stored_state_write(&peer->stored, peer->state, peer->expiry);
}

/* The same ten blocks with groups of every size, and a restart between any two of them. */
static void test_keys_end_when_their_collection_says(void)
{
    for (uint64_t group = 1; group <= 11; group++) {
        struct peer *peer = open_peer();
        for (uint64_t block = 0; block <= 10; block++) {
            fama_state_begin_block(peer->state, block);
            if (block == 0) {
                define(peer, "lives/two", "2");
                define(peer, "lives/five", "5");
            } else if (block == 1) {
                put_hash(peer, "two", "plain", "v");
                put_hash(peer, "two", "renewed", "v");
                put_hash(peer, "two", "touched", "v");
                put_hash(peer, "two", "deleted", "v");
                put_hash(peer, "five", "plain", "v");
                put_hash(peer, "ever", "plain", "v");
            } else if (block == 2) {
                put_hash(peer, "two", "renewed", "w");
                put_hash(peer, "two", "deleted", "");
            } else if (block == 4) {
                put_hash(peer, "two", "touched", "w");
            }
            /* MVCC of the block in which a key ends still finds it. */
            CU_ASSERT_EQUAL(exists(peer, "two", "plain"), block >= 1 && block <= 4);
            CU_ASSERT_EQUAL(exists(peer, "five", "plain"), block >= 1 && block <= 7);
            advance(peer);
            CU_ASSERT_EQUAL(exists(peer, "two", "plain"), block >= 1 && block < 4);
            CU_ASSERT_EQUAL(exists(peer, "two", "renewed"), block >= 1 && block < 5);
            CU_ASSERT_EQUAL(exists(peer, "two", "touched"), block >= 1 && block < 7);
            CU_ASSERT_EQUAL(exists(peer, "two", "deleted"), block == 1);
            CU_ASSERT_EQUAL(exists(peer, "five", "plain"), block >= 1 && block < 7);
            CU_ASSERT_EQUAL(exists(peer, "ever", "plain"), block >= 1);
            if (block % group == group - 1) {
                write_group(peer);
                restart(peer);
            }
        }
        close_peer(peer);
    }
}

static void test_the_definition_before_the_block_counts(void)
{
    struct peer *peer = open_peer();
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/c", "1");
    advance(peer);
    fama_state_begin_block(peer->state, 1);
    define(peer, "lives/c", "3");
    define(peer, "lives/d", "1");
    put_hash(peer, "c", "key", "v");
    put_hash(peer, "d", "key", "v"); /* not defined before the block: for ever */
    advance(peer);
    for (uint64_t block = 2; block <= 6; block++) {
        fama_state_begin_block(peer->state, block);
        if (block == 3) {
            CU_ASSERT_TRUE(exists(peer, "c", "key"));
        }
        advance(peer);
        CU_ASSERT_EQUAL(exists(peer, "c", "key"), block < 3);
    }
    CU_ASSERT_TRUE(exists(peer, "d", "key"));
    close_peer(peer);
}

static void test_a_group_given_up_leaves_no_schedule(void)
{
    struct peer *peer = open_peer();
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/c", "1");
    advance(peer);
    write_group(peer);
    fama_state_begin_block(peer->state, 1);
    put_hash(peer, "c", "key", "v");
    advance(peer);
    fama_state_reset(peer->state);
    fama_expiry_reset(peer->expiry);
    for (uint64_t block = 1; block <= 4; block++) {
        fama_state_begin_block(peer->state, block);
        if (block == 1) {
            put_hash(peer, "c", "other", "v");
        }
        advance(peer);
        CU_ASSERT_EQUAL(exists(peer, "c", "other"), block < 3);
        const struct fama_state_update *const *updates;
        CU_ASSERT_EQUAL(fama_state_group_updates(peer->state, &updates),
                        block == 1 || block == 3 ? 1 : 0);
        write_group(peer);
    }
    close_peer(peer);
}

static size_t count_schedules(struct peer *peer)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(peer->stored.store.db, peer->stored.store.reading,
                                   peer->stored.store.families[FAMA_STORE_META]);
    size_t count = 0;
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        count++;
    }
    rocksdb_iter_destroy(iterator);
    return count;
}

/* Block 3 uses a schedule of the store and one of its own group, makes one, and is then given up. */
static void test_a_block_given_up_neither_makes_nor_uses_schedules(void)
{
    struct peer *peer = open_peer();
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/one", "1");
    define(peer, "lives/five", "5");
    advance(peer);
    write_group(peer);
    fama_state_begin_block(peer->state, 1);
    put_hash(peer, "one", "stored", "v");
    advance(peer);
    write_group(peer);
    fama_state_begin_block(peer->state, 2);
    put_hash(peer, "five", "kept", "v");
    advance(peer);
    fama_state_begin_block(peer->state, 3);
    put_hash(peer, "five", "dropped", "v");
    advance(peer);
    CU_ASSERT_FALSE(exists(peer, "one", "stored"));
    fama_state_abandon_block(peer->state);
    fama_expiry_abandon_block(peer->expiry, 3);
    CU_ASSERT_TRUE(exists(peer, "one", "stored"));
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 2);
    restart(peer);
    for (uint64_t block = 3; block <= 8; block++) {
        fama_state_begin_block(peer->state, block);
        advance(peer);
        CU_ASSERT_FALSE(exists(peer, "one", "stored"));
        CU_ASSERT_EQUAL(exists(peer, "five", "kept"), block < 8);
    }
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 0);
    close_peer(peer);
}

/* What ends within the group that put it ends again after the block at which it does was given up. */
static void test_a_block_given_up_takes_its_use_of_the_groups_schedules_back(void)
{
    struct peer *peer = open_peer();
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/one", "1");
    advance(peer);
    fama_state_begin_block(peer->state, 1);
    put_hash(peer, "one", "key", "v");
    advance(peer);
    fama_state_begin_block(peer->state, 2);
    advance(peer);
    fama_state_begin_block(peer->state, 3);
    advance(peer);
    CU_ASSERT_FALSE(exists(peer, "one", "key"));
    fama_state_abandon_block(peer->state);
    fama_expiry_abandon_block(peer->expiry, 3);
    CU_ASSERT_TRUE(exists(peer, "one", "key"));
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 1);
    fama_state_begin_block(peer->state, 3);
    advance(peer);
    CU_ASSERT_FALSE(exists(peer, "one", "key"));
    close_peer(peer);
}

static void test_used_schedules_are_removed(void)
{
    struct peer *peer = open_peer();
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/c", "1");
    advance(peer);
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 0);
    fama_state_begin_block(peer->state, 1);
    put_hash(peer, "c", "key", "v");
    put_hash(peer, "c", "touched", "v");
    advance(peer);
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 2);
    fama_state_begin_block(peer->state, 3);
    put_hash(peer, "c", "touched", "");
    advance(peer);
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 0);
    close_peer(peer);
}

static void test_all_schedules_can_be_cleared(void)
{
    struct peer *peer = open_peer();
    char *message = NULL;
    fama_state_begin_block(peer->state, 0);
    define(peer, "lives/c", "1");
    advance(peer);
    fama_state_begin_block(peer->state, 1);
    put_hash(peer, "c", "key", "v");
    advance(peer);
    write_group(peer);
    CU_ASSERT_EQUAL(count_schedules(peer), 1);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    fama_expiry_append_clear(&peer->stored.store, batch);
    rocksdb_write(peer->stored.store.db, peer->stored.store.synced, batch, &message);
    CU_ASSERT_PTR_NULL(message);
    rocksdb_writebatch_destroy(batch);
    CU_ASSERT_EQUAL(count_schedules(peer), 0);
    close_peer(peer);
}

static void test_a_damaged_schedule_is_an_error_with_words(void)
{
    struct peer *peer = open_peer();
    static const char key[] = "expiry/\0\0\0\0\0\0\0\1cc$$hc\0key";
    char *message = NULL;
    rocksdb_put_cf(peer->stored.store.db, peer->stored.store.synced,
                   peer->stored.store.families[FAMA_STORE_META], key, sizeof key - 1, "bad", 3,
                   &message);
    CU_ASSERT_PTR_NULL(message);
    fama_state_begin_block(peer->state, 0);
    advance(peer);
    fama_state_begin_block(peer->state, 1);
    CU_ASSERT_EQUAL(fama_expiry_advance(peer->expiry, peer->state, &failure), FAMA_EXPIRY_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(failure.text, "does not decode"));
    close_peer(peer);
}

static void test_no_arithmetic_ends_a_key_early(void)
{
    CU_ASSERT_EQUAL(fama_expiry_due(7, 0), UINT64_MAX);
    CU_ASSERT_EQUAL(fama_expiry_due(7, 1), 9);
    CU_ASSERT_EQUAL(fama_expiry_due(7, UINT64_MAX - 8), UINT64_MAX);
    CU_ASSERT_EQUAL(fama_expiry_due(7, UINT64_MAX), UINT64_MAX);
    CU_ASSERT_EQUAL(fama_expiry_due(UINT64_MAX, 1), UINT64_MAX);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_keys_end_when_their_collection_says),
        TEST(test_the_definition_before_the_block_counts),
        TEST(test_a_group_given_up_leaves_no_schedule),
        TEST(test_a_block_given_up_neither_makes_nor_uses_schedules),
        TEST(test_a_block_given_up_takes_its_use_of_the_groups_schedules_back),
        TEST(test_used_schedules_are_removed),
        TEST(test_all_schedules_can_be_cleared),
        TEST(test_a_damaged_schedule_is_an_error_with_words),
        TEST(test_no_arithmetic_ends_a_key_early),
    };
    return run_suite("expiry", cases, sizeof cases / sizeof cases[0]);
}
