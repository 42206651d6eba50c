/* Blocks that real peers have committed: the same codes, commit hashes and state come out here. */
#include <inttypes.h>

#include "ledger/block.h"
#include "ledger/commit_hash.h"
#include "ledger/mvcc.h"
#include "unit/real_blocks.h"
#include "unit/stored_state.h"

#define GROUP 7 /* blocks written at once, so that what is read lies on both sides */

static struct fama_error failure;

struct read_block {
    struct fama_prepared_block prepared;
    struct fama_bytes bytes;
};

/* Decodes a block without asking who signed. */
static void open_block(const char *shared, const char *channel, size_t number,
                       struct read_block *block)
{
    struct fama_prepared_block *prepared = &block->prepared;
    *block = (struct read_block){.bytes = read_real_block(shared, channel, number)};
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(block->bytes, &prepared->block), FAMA_BLOCK_ACCEPTED);
    prepared->count = prepared->block.envelope_count;
    prepared->transactions = calloc(prepared->count, sizeof *prepared->transactions);
    prepared->codes = calloc(prepared->count, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prepared->transactions);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prepared->codes);
    fama_arena_init(&prepared->arena, ((size_t)1 << 20) + 64 * block->bytes.len);
    for (size_t i = 0; i < prepared->count; i++) {
        CU_ASSERT_EQUAL_FATAL(fama_transaction_decode(prepared->block.envelopes[i],
                                                      &prepared->arena,
                                                      &prepared->transactions[i].decoded),
                              0);
    }
}

static void close_block(struct read_block *block)
{
    fama_arena_clear(&block->prepared.arena);
    fama_block_clear(&block->prepared.block);
    free(block->prepared.transactions);
    free(block->prepared.codes);
    free_bytes(block->bytes);
}

/* What validation said: the peers' final code, unless it is one of those that are found here. */
static void give_codes(const json_t *expected, struct fama_prepared_block *prepared)
{
    const json_t *transactions = json_object_get(expected, "txs");
    for (size_t i = 0; i < prepared->count; i++) {
        uint8_t code = (uint8_t)json_integer_value(
            json_object_get(json_array_get(transactions, i), "validation_code"));
        bool is_found_here = code == FAMA_TRANSACTION_MVCC_READ_CONFLICT ||
                             code == FAMA_TRANSACTION_PHANTOM_READ_CONFLICT;
        prepared->codes[i] = is_found_here ? FAMA_TRANSACTION_VALID : code;
    }
}

static void commit(const char *shared, const struct real_chain *chain, const json_t *blocks,
                   struct stored_state *stored)
{
    static struct read_block group[GROUP];
    uint8_t hash[FAMA_SHA256_BYTES];
    struct fama_state *state = fama_state_create(&stored->states);
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    for (size_t number = 0; number < chain->blocks; number++) {
        struct read_block *block = &group[number % GROUP];
        const json_t *expected = json_array_get(blocks, number);
        open_block(shared, chain->channel, number, block);
        give_codes(expected, &block->prepared);
        fama_state_begin_block(state, number);
        CU_ASSERT_EQUAL(fama_mvcc_judge(&block->prepared, state, &failure), 0);
        struct fama_bytes codes = fama_bytes(block->prepared.codes, block->prepared.count);
        CU_ASSERT_TRUE(equals_hex(
            codes, json_string_value(json_object_get(expected, "transactions_filter_hex"))));
        if (number > 0) {
            struct fama_bytes previous = fama_bytes(hash, number == 1 ? 0 : sizeof hash);
            CU_ASSERT_EQUAL(fama_commit_hash(state, codes.at, codes.len, previous, hash), 0);
            CU_ASSERT_TRUE(equals_hex(fama_bytes(hash, sizeof hash),
                                      json_string_value(json_object_get(expected, "commit_hash"))));
        }
        if (number % GROUP == GROUP - 1 || number == chain->blocks - 1) {
            stored_state_write(stored, state, NULL);
            for (size_t i = 0; i <= number % GROUP; i++) {
                close_block(&group[i]);
            }
        }
    }
    fama_state_destroy(state);
}

static bool is_entry(const json_t *known, struct fama_bytes stored_key,
                     const struct fama_state_entry *entry)
{
    const char *space = json_string_value(json_object_get(known, "ns"));
    uint8_t hash[FAMA_SHA256_BYTES];
    if (space == NULL) {
        return false;
    }
    fama_sha256(entry->value, hash);
    size_t skipped = strlen(space) + 1;
    return stored_key.len >= skipped && memcmp(stored_key.at, space, skipped) == 0 &&
           equals_hex(fama_bytes(stored_key.at + skipped, stored_key.len - skipped),
                      json_string_value(json_object_get(known, "key_hex"))) &&
           equals_hex(fama_bytes(hash, sizeof hash),
                      json_string_value(json_object_get(known, "value_sha256"))) &&
           entry->version.block == (uint64_t)json_integer_value(json_object_get(known, "block")) &&
           entry->version.transaction == (uint64_t)json_integer_value(json_object_get(known, "tx"));
}

/* Of the implicit collections of the 2.x lifecycle, which the recorded state leaves out. */
static bool is_hashed(struct fama_bytes stored_key)
{
    static const char start[] = "_lifecycle$$h_implicit_org_";
    return stored_key.len >= sizeof start && memcmp(stored_key.at, start, sizeof start - 1) == 0;
}

/* The store holds what the peers' snapshot holds, in its order. */
static void compare_state(const json_t *entries, struct stored_state *stored)
{
    struct fama_state_cursor *cursor;
    struct fama_bytes stored_key;
    struct fama_state_entry entry;
    CU_ASSERT_EQUAL_FATAL(fama_state_cursor_open(&stored->states, fama_bytes(NULL, 0),
                                                 fama_bytes(NULL, 0), &cursor, &failure),
                          0);
    size_t count = 0;
    size_t hashed = 0;
    while (fama_state_cursor_next(cursor, &stored_key, &entry, &failure) == 1) {
        if (is_hashed(stored_key)) {
            hashed++;
            continue;
        }
        CU_ASSERT_TRUE(is_entry(json_array_get(entries, count), stored_key, &entry));
        count++;
    }
    CU_ASSERT_EQUAL(count, json_array_size(entries));
    CU_ASSERT_TRUE(count > 10);
    CU_ASSERT_TRUE(hashed > 10);
    fama_state_cursor_close(cursor);
}

static void test_real_chains_give_the_peers_codes_hashes_and_state(void)
{
    static const char *const states[REAL_CHAINS] = {"state.json", "state_core.json"};
    const char *shared = shared_data_or_say_so("codes, commit hashes and state of real peers");
    for (size_t i = 0; shared != NULL && i < REAL_CHAINS; i++) {
        char path[512];
        struct stored_state stored;
        json_t *root;
        json_t *blocks = load_expected(shared, &real_chains[i], &root);
        (void)snprintf(path, sizeof path, "%s/fabric-data/%s", shared, states[i]);
        json_t *state = json_load_file(path, JSON_ALLOW_NUL, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(blocks);
        CU_ASSERT_PTR_NOT_NULL_FATAL(state);
        stored_state_open(&stored);
        commit(shared, &real_chains[i], blocks, &stored);
        compare_state(json_object_get(state, "state"), &stored);
        stored_state_close(&stored);
        json_decref(state);
        json_decref(root);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_real_chains_give_the_peers_codes_hashes_and_state),
    };
    return run_suite("mvcc of real blocks", cases, sizeof cases / sizeof cases[0]);
}
