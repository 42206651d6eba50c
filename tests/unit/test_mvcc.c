#include "ledger/mvcc.h"

#include "ledger/state_parts.h"
#include "unit/made_sets.h"
#include "unit/stored_state.h"

static struct fama_error failure;

static struct fama_bytes text(const char *of)
{
    return fama_bytes_of_text(of);
}

static struct fama_state *new_state(void)
{
    struct fama_state *state = fama_state_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    return state;
}

/* A transaction with one namespace. */
static struct fama_namespace_set *one(struct made_sets *made)
{
    return made_namespace(made, made_transaction(made), text("ns"));
}

static int judge(struct made_sets *made, struct fama_state *state)
{
    fama_state_begin_block(state, made->block.block.number);
    return fama_mvcc_judge(&made->block, state, &failure);
}

/* Judges and forgets the block; its codes are as expected. Values stay: tests write texts. */
static void expect(struct made_sets *made, struct fama_state *state, const uint8_t *codes)
{
    CU_ASSERT_EQUAL(judge(made, state), 0);
    for (size_t i = 0; i < made->block.count; i++) {
        if (made->codes[i] != codes[i]) {
            fprintf(stderr, "transaction %zu: %s instead of %s\n", i,
                    fama_transaction_code_name(made->codes[i]),
                    fama_transaction_code_name(codes[i]));
        }
        CU_ASSERT_EQUAL(made->codes[i], codes[i]);
    }
    made_sets_free(made);
}

#define EXPECT(made, state, ...) expect(made, state, (const uint8_t[]){__VA_ARGS__})

#define VALID    FAMA_TRANSACTION_VALID
#define CONFLICT FAMA_TRANSACTION_MVCC_READ_CONFLICT
#define PHANTOM  FAMA_TRANSACTION_PHANTOM_READ_CONFLICT

static struct fama_state_entry get(struct fama_state *state, const char *space,
                                   const char *collection, const char *key)
{
    const struct fama_state_name name = {
        .space = text(space),
        .collection = text(collection == NULL ? "" : collection),
        .is_hashed = collection != NULL,
        .key = text(key),
    };
    struct fama_state_entry entry;
    CU_ASSERT_EQUAL(fama_state_get(state, &name, &entry, &failure), 0);
    return entry;
}

static void check(struct fama_state *state, const char *key, const char *value,
                  const char *metadata, uint64_t block, uint64_t index)
{
    struct fama_state_entry entry = get(state, "ns", NULL, key);
    CU_ASSERT_EQUAL(entry.exists, value != NULL);
    if (value != NULL) {
        CU_ASSERT_TRUE(fama_bytes_equal(entry.value, text(value)));
        CU_ASSERT_TRUE(fama_bytes_equal(entry.metadata, text(metadata)));
        CU_ASSERT_EQUAL(entry.version.block, block);
        CU_ASSERT_EQUAL(entry.version.transaction, index);
    }
}

/* Block 1 of most tests: keys "a" and "b" by transactions 0 and 1, a hashed "h" in collection "c". */
static struct fama_state *two_keys(void)
{
    struct fama_state *state = new_state();
    struct made_sets *made = made_sets(1);
    MADE_WRITE(one(made), text("a"), text("1"));
    MADE_WRITE(one(made), text("b"), text("2"));
    MADE_WRITE(made_collection(made, one(made), text("c")), text("h"), text("hash"));
    EXPECT(made, state, VALID, VALID, VALID);
    return state;
}

static void test_a_read_must_have_the_committed_version(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_READ(one(made), text("a"), 1, 0);
    MADE_READ(one(made), text("a"), 0, 0);
    MADE_READ(one(made), text("a"), 1, 1);
    MADE_READ(one(made), text("a"), 2, 0); /* a higher version is as wrong */
    MADE_ABSENT_READ(one(made), text("a"));
    MADE_ABSENT_READ(one(made), text("x"));
    MADE_READ(one(made), text("x"), 0, 0);
    EXPECT(made, state, VALID, CONFLICT, CONFLICT, CONFLICT, CONFLICT, VALID, CONFLICT);
    fama_state_destroy(state);
}

static void test_what_an_earlier_transaction_of_the_block_touched_cannot_be_read(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_WRITE(one(made), text("a"), text("new"));
    MADE_READ(one(made), text("a"), 1, 0); /* what was committed */
    MADE_READ(one(made), text("a"), 2, 0); /* and what was not */
    MADE_DELETE(one(made), text("never"));
    MADE_ABSENT_READ(one(made), text("never")); /* also deleted keys that never were */
    MADE_METADATA(made, one(made), text("b"), text("policy"));
    MADE_READ(one(made), text("b"), 1, 1);
    MADE_METADATA(made, one(made), text("nowhere"), text("policy"));
    MADE_ABSENT_READ(one(made), text("nowhere")); /* metadata of nothing is nothing */
    EXPECT(made, state, VALID, CONFLICT, CONFLICT, VALID, CONFLICT, VALID, CONFLICT, VALID, VALID);
    fama_state_destroy(state);
}

static void test_what_an_earlier_block_of_the_group_wrote_counts_as_committed(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    struct fama_namespace_set *set = one(made);
    MADE_READ(set, text("a"), 1, 0);
    MADE_WRITE(set, text("a"), text("new"));
    MADE_DELETE(one(made), text("b"));
    EXPECT(made, state, VALID, VALID);
    made = made_sets(3);
    MADE_READ(one(made), text("a"), 2, 0);
    MADE_READ(one(made), text("a"), 1, 0);
    MADE_ABSENT_READ(one(made), text("b"));
    MADE_READ(one(made), text("b"), 1, 1);
    EXPECT(made, state, VALID, CONFLICT, VALID, CONFLICT);
    fama_state_destroy(state);
}

static void test_an_invalid_transaction_touches_nothing(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_WRITE(one(made), text("a"), text("refused"));
    made->codes[0] = FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE;
    struct fama_namespace_set *set = one(made);
    MADE_READ(set, text("b"), 7, 7);
    MADE_WRITE(set, text("a"), text("refused"));
    MADE_READ(one(made), text("a"), 1, 0);
    EXPECT(made, state, FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE, CONFLICT, VALID);
    check(state, "a", "1", "", 1, 0);
    fama_state_destroy(state);
}

static void test_hashed_reads_are_judged_like_public_ones(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_READ(made_collection(made, one(made), text("c")), text("h"), 1, 2);
    MADE_READ(made_collection(made, one(made), text("c")), text("h"), 1, 1);
    MADE_ABSENT_READ(made_collection(made, one(made), text("d")), text("h"));
    MADE_ABSENT_READ(one(made), text("h"));
    MADE_DELETE(made_collection(made, one(made), text("c")), text("h"));
    MADE_READ(made_collection(made, one(made), text("c")), text("h"), 1, 2);
    EXPECT(made, state, VALID, CONFLICT, VALID, VALID, VALID, CONFLICT);
    CU_ASSERT_FALSE(get(state, "ns", "c", "h").exists);
    fama_state_destroy(state);
}

/* Public reads, then range queries, then hashed reads; namespaces in their order. */
static void test_the_first_failure_names_the_conflict(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    struct fama_namespace_set *set = one(made);
    set->range_query_count = 1;
    set->range_queries[0] = (struct fama_range_query){.is_exhausted = true};
    MADE_ABSENT_READ(made_collection(made, set, text("c")), text("h"));
    set = one(made);
    set->range_query_count = 1;
    set->range_queries[0] = (struct fama_range_query){.is_exhausted = true};
    MADE_ABSENT_READ(set, text("a"));
    struct fama_transaction *transaction = made_transaction(made);
    set = made_namespace(made, transaction, text("z"));
    MADE_ABSENT_READ(made_collection(made, set, text("c")), text("h"));
    MADE_WRITE(made_collection(made, set, text("e")), text("h"), text("skipped over"));
    set = made_namespace(made, transaction, text("ns"));
    MADE_ABSENT_READ(made_collection(made, set, text("c")), text("h"));
    set->range_query_count = 1;
    set->range_queries[0] = (struct fama_range_query){.is_exhausted = true};
    EXPECT(made, state, PHANTOM, CONFLICT, PHANTOM);
    fama_state_destroy(state);
}

static void test_a_tree_that_fabric_refuses_stops_the_channel(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    struct fama_namespace_set *set = one(made);
    set->range_query_count = 1;
    set->range_queries[0] = (struct fama_range_query){.kind = FAMA_RANGE_MERKLE, .max_degree = 1};
    CU_ASSERT_EQUAL(judge(made, state), FAMA_MVCC_HALT);
    /* Rebuilding asks no reads. */
    fama_state_abandon_block(state);
    fama_state_begin_block(state, 2);
    made->codes[0] = VALID;
    CU_ASSERT_EQUAL(fama_mvcc_apply(&made->block, state, &failure), 0);
    made_sets_free(made);
    fama_state_destroy(state);
}

/* Metadata {M: policy} as Fabric stores it. */
#define POLICY "\x12\x0b\x0a\x01M\x12\x06policy"

static void test_metadata_survives_values_and_values_survive_metadata(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_METADATA(made, one(made), text("a"), text("policy"));
    EXPECT(made, state, VALID);
    check(state, "a", "1", POLICY, 2, 0);
    made = made_sets(3);
    MADE_WRITE(one(made), text("a"), text("new"));
    EXPECT(made, state, VALID);
    check(state, "a", "new", POLICY, 3, 0);
    made = made_sets(4);
    struct fama_namespace_set *set = one(made);
    MADE_WRITE(set, text("a"), text("newer"));
    MADE_METADATA(made, set, text("a"), text(""));
    EXPECT(made, state, VALID);
    check(state, "a", "newer", "", 4, 0);
    made = made_sets(5);
    set = one(made);
    MADE_WRITE(set, text("a"), text("newest"));
    MADE_METADATA(made, set, text("a"), text("policy"));
    MADE_WRITE(one(made), text("a"), text("in the same block"));
    MADE_METADATA(made, one(made), text("a"), text(""));
    EXPECT(made, state, VALID, VALID, VALID);
    check(state, "a", "in the same block", "", 5, 2);
    fama_state_destroy(state);
}

static void test_a_deleted_key_loses_its_metadata(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_METADATA(made, one(made), text("a"), text("policy"));
    MADE_METADATA(made, one(made), text("b"), text("policy"));
    EXPECT(made, state, VALID, VALID);
    made = made_sets(3);
    MADE_DELETE(one(made), text("a"));
    MADE_WRITE(one(made), text("a"), text("born again"));
    MADE_DELETE(one(made), text("b"));
    EXPECT(made, state, VALID, VALID, VALID);
    check(state, "a", "born again", "", 3, 1);
    made = made_sets(4);
    MADE_WRITE(one(made), text("b"), text("born again"));
    MADE_METADATA(made, one(made), text("never"), text("policy"));
    EXPECT(made, state, VALID, VALID);
    check(state, "b", "born again", "", 4, 0);
    check(state, "never", NULL, NULL, 0, 0);
    fama_state_destroy(state);
}

/* Fabric adds up what is done to a key in one byte. */
static void test_a_key_written_twice_has_fabrics_arithmetic(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    struct fama_namespace_set *set = one(made); /* 2: metadata alone, and none */
    MADE_WRITE(set, text("a"), text("x"));
    MADE_WRITE(set, text("a"), text("y"));
    set = one(made); /* the same of a key that is not there */
    MADE_WRITE(set, text("n"), text("x"));
    MADE_WRITE(set, text("n"), text("y"));
    set = one(made); /* 3: value and metadata */
    for (int i = 0; i < 3; i++) {
        MADE_WRITE(set, text("t"), text("third"));
    }
    set = one(made); /* 16: neither deleted nor anything else */
    MADE_DELETE(set, text("b"));
    MADE_DELETE(set, text("b"));
    set = one(made); /* 9: deleted */
    MADE_WRITE(set, text("d"), text("x"));
    MADE_DELETE(set, text("d"));
    set = one(made); /* 8: deleted by eight writes */
    for (int i = 0; i < 8; i++) {
        MADE_WRITE(set, text("e"), text("x"));
    }
    MADE_WRITE(one(made), text("f"), text("x"));
    set = one(made); /* 6: metadata alone, and what it was set to */
    MADE_METADATA(made, set, text("f"), text("policy"));
    MADE_METADATA(made, set, text("f"), text(""));
    EXPECT(made, state, VALID, VALID, VALID, VALID, VALID, VALID, VALID, VALID);
    check(state, "a", "1", "", 2, 0);
    check(state, "n", NULL, NULL, 0, 0);
    check(state, "t", "third", "", 2, 2);
    check(state, "b", "2", "", 2, 3);
    check(state, "d", NULL, NULL, 0, 0);
    check(state, "e", NULL, NULL, 0, 0);
    check(state, "f", "x", POLICY, 2, 7);
    fama_state_destroy(state);
}

static void test_metadata_of_a_key_deleted_in_the_block_stops_the_channel(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_WRITE(one(made), text("b"), text("to be taken back"));
    MADE_DELETE(one(made), text("a"));
    MADE_METADATA(made, one(made), text("a"), text("policy"));
    CU_ASSERT_EQUAL(judge(made, state), FAMA_MVCC_HALT);
    fama_state_abandon_block(state);
    check(state, "a", "1", "", 1, 0);
    check(state, "b", "2", "", 1, 1);
    const struct fama_state_update *const *updates;
    CU_ASSERT_EQUAL(fama_state_group_updates(state, &updates), 3);
    made_sets_free(made);
    fama_state_destroy(state);
}

static void test_a_collection_without_a_name_is_written_in_public(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    MADE_WRITE(made_collection(made, one(made), text("")), text("a"), text("hash"));
    MADE_ABSENT_READ(made_collection(made, one(made), text("")), text("a"));
    MADE_READ(one(made), text("a"), 1, 0);
    EXPECT(made, state, VALID, VALID, CONFLICT);
    check(state, "a", "hash", "", 2, 0);
    fama_state_destroy(state);
}

static void test_a_configuration_becomes_state(void)
{
    /* Payload with field 2, data: the config envelope; header fields do not matter here. */
    static const char payload[] = "\x0a\x00\x12\x06"
                                  "config";
    struct fama_state *state = new_state();
    struct made_sets *made = made_sets(0);
    struct fama_transaction *transaction = made_transaction(made);
    transaction->type = FAMA_TRANSACTION_CONFIG;
    transaction->has_action = false;
    transaction->has_set = false;
    transaction->header_code =
        FAMA_TRANSACTION_BAD_COMMON_HEADER; /* a genesis block has no creator */
    transaction->payload = fama_bytes(payload, sizeof payload - 1);
    EXPECT(made, state, VALID);
    struct fama_state_entry entry = get(state, "", NULL, "CHANNEL_CONFIG_ENV_BYTES");
    CU_ASSERT_TRUE(entry.exists && fama_bytes_equal(entry.value, text("config")));
    CU_ASSERT_EQUAL(entry.version.block + entry.version.transaction, 0);
    made = made_sets(1);
    transaction = made_transaction(made);
    transaction->type = FAMA_TRANSACTION_CONFIG;
    transaction->payload = fama_bytes(payload, 2);
    CU_ASSERT_EQUAL(judge(made, state), FAMA_MVCC_HALT);
    made_sets_free(made);
    fama_state_destroy(state);
}

static void test_sets_that_cannot_be_read_have_codes_of_their_own(void)
{
    struct fama_state *state = new_state();
    struct made_sets *made = made_sets(1);
    made_transaction(made)->has_action = false;
    made_transaction(made)->has_set = false;
    struct fama_transaction *other = made_transaction(made);
    other->type = 17; /* of a type that Fabric knows nothing about */
    other->has_set = false;
    EXPECT(made, state, FAMA_TRANSACTION_NIL_TXACTION, FAMA_TRANSACTION_INVALID_OTHER_REASON,
           VALID);
    const struct fama_state_update *const *updates;
    CU_ASSERT_EQUAL(fama_state_block_updates(state, &updates), 0);
    fama_state_destroy(state);
}

static void test_rebuilding_believes_the_codes(void)
{
    struct fama_state *state = two_keys();
    struct made_sets *made = made_sets(2);
    struct fama_namespace_set *set = one(made);
    MADE_READ(set, text("a"), 7, 7);
    MADE_WRITE(set, text("a"), text("new"));
    MADE_READ(made_collection(made, set, text("c")), text("h"), 7, 7);
    MADE_WRITE(&set->collections[0], text("h"), text("other hash"));
    MADE_WRITE(one(made), text("b"), text("refused"));
    made->codes[1] = CONFLICT;
    fama_state_begin_block(state, 2);
    CU_ASSERT_EQUAL(fama_mvcc_apply(&made->block, state, &failure), 0);
    check(state, "a", "new", "", 2, 0);
    check(state, "b", "2", "", 1, 1);
    CU_ASSERT_TRUE(fama_bytes_equal(get(state, "ns", "c", "h").value, text("other hash")));
    CU_ASSERT_EQUAL(made->codes[0], VALID);
    CU_ASSERT_EQUAL(made->codes[1], CONFLICT);
    made_sets_free(made);
    fama_state_destroy(state);
}

/* Nobody reads ahead for a stranger, nor for one who names too much. */
static void test_a_good_clients_keys_are_read_ahead(void)
{
    static const char *const keys[] = {"read", "written", "deleted", "private", "a stranger's"};
    struct stored_state stored;
    stored_state_open(&stored);
    struct fama_state *state = fama_state_create(&stored.states);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    struct made_sets *made = made_sets(1);
    struct fama_namespace_set *set = one(made);
    for (size_t i = 0; i < 5; i++) {
        MADE_WRITE(set, text(keys[i]), text("v"));
    }
    MADE_WRITE(made_collection(made, set, text("c")), text("private"), text("v"));
    EXPECT(made, state, VALID);
    stored_state_write(&stored, state, NULL);

    struct fama_verify_job good = {.verdict = FAMA_VERDICT_GOOD};
    struct fama_verify_job bad = {.verdict = FAMA_VERDICT_BAD};
    made = made_sets(2);
    set = one(made);
    MADE_READ(set, text("read"), 1, 0);
    MADE_WRITE(set, text("written"), text("w"));
    MADE_DELETE(set, text("deleted"));
    MADE_READ(made_collection(made, set, text("c")), text("private"), 1, 0);
    made->transactions[0].creator.job = &good;
    MADE_READ(one(made), text("a stranger's"), 1, 0);
    made->transactions[1].creator.job = &bad;
    fama_state_begin_block(state, 2);
    CU_ASSERT_EQUAL(fama_mvcc_prefetch(&made->block, state, &failure), 0);
    CU_ASSERT_TRUE(made->transactions[0].has_places);
    CU_ASSERT_FALSE(made->transactions[1].has_places);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *message = NULL;
    for (size_t i = 0; i < 5; i++) {
        char key[32];
        int len = snprintf(key, sizeof key, "ns%c%s", 0, keys[i]);
        rocksdb_writebatch_delete_cf(batch, stored.store.families[FAMA_STORE_STATE], key,
                                     (size_t)len);
    }
    static const char private_key[] = "ns$$hc\0private";
    rocksdb_writebatch_delete_cf(batch, stored.store.families[FAMA_STORE_STATE], private_key,
                                 sizeof private_key - 1);
    rocksdb_write(stored.store.db, stored.store.synced, batch, &message);
    CU_ASSERT_PTR_NULL(message);
    rocksdb_writebatch_destroy(batch);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(get(state, "ns", NULL, keys[i]).exists, i < 3);
    }
    CU_ASSERT_TRUE(get(state, "ns", "c", "private").exists);
    const struct fama_state_update *const *updates;
    CU_ASSERT_EQUAL(fama_state_group_updates(state, &updates), 0);

    /* Judged by what was read ahead, and by what is there now. */
    CU_ASSERT_EQUAL(judge(made, state), 0);
    CU_ASSERT_EQUAL(made->codes[0], VALID);
    CU_ASSERT_EQUAL(made->codes[1], CONFLICT);
    CU_ASSERT_FALSE(made->transactions[0].has_places);
    check(state, "written", "w", "", 2, 0);
    check(state, "deleted", NULL, "", 0, 0);
    made_sets_free(made);
    fama_state_destroy(state);
    stored_state_close(&stored);
}

/* What a block of the group writes counts for reads that were looked up before it was judged. */
static void test_what_was_read_ahead_follows_the_blocks_before(void)
{
    struct fama_state *state = two_keys();
    struct fama_verify_job good = {.verdict = FAMA_VERDICT_GOOD};
    struct made_sets *first = made_sets(2);
    MADE_WRITE(one(first), text("a"), text("new"));
    MADE_DELETE(one(first), text("b"));
    struct made_sets *second = made_sets(3);
    MADE_READ(one(second), text("a"), 1, 0);
    MADE_READ(one(second), text("a"), 2, 0);
    MADE_ABSENT_READ(one(second), text("b"));
    MADE_METADATA(second, one(second), text("a"), text("policy"));
    for (size_t i = 0; i < 4; i++) {
        first->transactions[i].creator.job = &good;
        second->transactions[i].creator.job = &good;
    }
    CU_ASSERT_EQUAL(fama_mvcc_prefetch(&first->block, state, &failure), 0);
    CU_ASSERT_EQUAL(fama_mvcc_prefetch(&second->block, state, &failure), 0);
    CU_ASSERT_TRUE(second->transactions[3].has_places);
    EXPECT(first, state, VALID, VALID);
    EXPECT(second, state, CONFLICT, VALID, VALID, VALID);
    struct fama_state_entry entry = get(state, "ns", NULL, "a");
    CU_ASSERT_TRUE(fama_bytes_equal(entry.value, text("new")));
    CU_ASSERT_TRUE(entry.metadata.len > 0);
    fama_state_destroy(state);
}

/* Blind writes find metadata of the same block, of the group, and of the store; where there is none the store
 * is not asked. */
static void test_metadata_is_found_wherever_it_is_and_looked_for_only_where_it_may_be(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    fama_metadata_spaces_begin(&stored.states.metadata);
    struct fama_state *state = fama_state_create(&stored.states);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    struct fama_verify_job good = {.verdict = FAMA_VERDICT_GOOD};
    struct made_sets *made = made_sets(1);
    MADE_WRITE(one(made), text("k"), text("v"));
    EXPECT(made, state, VALID);
    stored_state_write(&stored, state, NULL);

    /* All are read ahead before the first is judged. */
    struct made_sets *blind = made_sets(2);
    MADE_WRITE(one(blind), text("k"), text("w"));
    struct made_sets *sets = made_sets(3);
    MADE_METADATA(sets, one(sets), text("k"), text("policy"));
    struct made_sets *after = made_sets(4);
    MADE_WRITE(one(after), text("k"), text("x"));
    MADE_DELETE(one(after), text("gone"));
    struct made_sets *const blocks[] = {blind, sets, after};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < blocks[i]->block.count; j++) {
            blocks[i]->transactions[j].creator.job = &good;
        }
        CU_ASSERT_EQUAL(fama_mvcc_prefetch(&blocks[i]->block, state, &failure), 0);
        /* The second block asks for what it leaves. */
        const struct fama_write *write =
            &blind->transactions[0].decoded.set.namespaces[0].writes[0];
        CU_ASSERT_EQUAL(write->place->is_loaded, i > 0);
    }
    EXPECT(blind, state, VALID);
    EXPECT(sets, state, VALID);
    EXPECT(after, state, VALID, VALID);
    struct fama_state_entry entry = get(state, "ns", NULL, "k");
    CU_ASSERT_TRUE(fama_bytes_equal(entry.value, text("x")) && entry.metadata.len > 0);
    stored_state_write(&stored, state, NULL);

    made = made_sets(5);
    MADE_WRITE(one(made), text("k"), text("y"));
    EXPECT(made, state, VALID);
    entry = get(state, "ns", NULL, "k");
    CU_ASSERT_TRUE(fama_bytes_equal(entry.value, text("y")) && entry.metadata.len > 0);
    fama_state_destroy(state);
    stored_state_close(&stored);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_read_must_have_the_committed_version),
        TEST(test_what_an_earlier_transaction_of_the_block_touched_cannot_be_read),
        TEST(test_what_an_earlier_block_of_the_group_wrote_counts_as_committed),
        TEST(test_an_invalid_transaction_touches_nothing),
        TEST(test_hashed_reads_are_judged_like_public_ones),
        TEST(test_the_first_failure_names_the_conflict),
        TEST(test_a_tree_that_fabric_refuses_stops_the_channel),
        TEST(test_metadata_survives_values_and_values_survive_metadata),
        TEST(test_a_deleted_key_loses_its_metadata),
        TEST(test_a_key_written_twice_has_fabrics_arithmetic),
        TEST(test_metadata_of_a_key_deleted_in_the_block_stops_the_channel),
        TEST(test_a_collection_without_a_name_is_written_in_public),
        TEST(test_a_configuration_becomes_state),
        TEST(test_sets_that_cannot_be_read_have_codes_of_their_own),
        TEST(test_rebuilding_believes_the_codes),
        TEST(test_a_good_clients_keys_are_read_ahead),
        TEST(test_what_was_read_ahead_follows_the_blocks_before),
        TEST(test_metadata_is_found_wherever_it_is_and_looked_for_only_where_it_may_be),
    };
    return run_suite("mvcc", cases, sizeof cases / sizeof cases[0]);
}
