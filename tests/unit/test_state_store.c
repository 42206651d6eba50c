/* The committed state as it is read: one key, many keys, in order; numbers in Fabric's order; damage. */
#include "ledger/state_store.h"
#include "ledger/store.h"
#include "unit/stored_state.h"

#define KEYS 300

static void name_key(size_t i, char key[32])
{
    (void)snprintf(key, 32, "space%c%06zu", '/', i);
    key[5] = '\0';
}
#define KEY_BYTES 12

static void write_keys(struct stored_state *stored)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < KEYS; i += 2) { /* the even ones */
        char key[32];
        name_key(i, key);
        struct fama_state_entry entry = {.exists = true,
                                         .version = {.block = i * 1000, .transaction = i},
                                         .value = fama_bytes(key, i % 13),
                                         .metadata = fama_bytes(key, i % 7)};
        stored_state_append(batch, stored, fama_bytes(key, KEY_BYTES), &entry);
    }
    char *message = NULL;
    rocksdb_write(stored->store.db, stored->store.synced, batch, &message);
    CU_ASSERT_PTR_NULL(message);
    rocksdb_writebatch_destroy(batch);
}

static void check_entry(const struct fama_state_entry *entry, size_t i, const char *key)
{
    CU_ASSERT_EQUAL(entry->exists, i % 2 == 0);
    if (entry->exists) {
        CU_ASSERT_EQUAL(entry->version.block, i * 1000);
        CU_ASSERT_EQUAL(entry->version.transaction, i);
        CU_ASSERT(fama_bytes_equal(entry->value, fama_bytes(key, i % 13)));
        CU_ASSERT(fama_bytes_equal(entry->metadata, fama_bytes(key, i % 7)));
    }
}

static void test_one_key_and_many_keys_are_found(void)
{
    struct stored_state stored;
    stored_state_open(&stored);
    write_keys(&stored);
    static char keys[KEYS][32];
    static struct fama_bytes views[KEYS];
    static struct fama_state_record records[KEYS];
    struct fama_error error;
    for (size_t i = 0; i < KEYS; i++) { /* not in order */
        name_key(i * 7 % KEYS, keys[i]);
        views[i] = fama_bytes(keys[i], KEY_BYTES);
    }
    CU_ASSERT_EQUAL(fama_state_store_get_many(&stored.states, views, KEYS, records, &error), 0);
    struct fama_state_record record = {0};
    for (size_t i = 0; i < KEYS; i++) {
        check_entry(&records[i].entry, i * 7 % KEYS, keys[i]);
        CU_ASSERT_EQUAL(fama_state_store_get(&stored.states, views[i], &record, &error), 0);
        check_entry(&record.entry, i * 7 % KEYS, keys[i]);
        fama_state_record_clear(&records[i]);
    }
    fama_state_record_clear(&record);
    stored_state_close(&stored);
}

static void test_a_walk_keeps_to_its_bounds(void)
{
    static const struct {
        size_t start, end, expected;
    } cases[] = {{0, 0, 150}, {10, 20, 5}, {11, 20, 4}, {11, 21, 5}, {298, 0, 1}, {20, 20, 0}};
    struct stored_state stored;
    struct fama_error error;
    stored_state_open(&stored);
    write_keys(&stored);
    char *message = NULL; /* what the ledger keeps under the empty key is no entry */
    rocksdb_put_cf(stored.store.db, stored.store.synced, stored.store.families[FAMA_STORE_STATE],
                   "", 0, "12345678", 8, &message);
    CU_ASSERT_PTR_NULL(message);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char start[32];
        char end[32];
        name_key(cases[i].start, start);
        name_key(cases[i].end, end);
        struct fama_state_cursor *cursor = NULL;
        CU_ASSERT_EQUAL_FATAL(
            fama_state_cursor_open(
                &stored.states, fama_bytes(start, cases[i].start > 0 ? KEY_BYTES : 0),
                fama_bytes(end, cases[i].end > 0 ? KEY_BYTES : 0), &cursor, &error),
            0);
        struct fama_bytes key;
        struct fama_state_entry entry;
        size_t count = 0;
        size_t at = cases[i].start + cases[i].start % 2;
        while (fama_state_cursor_next(cursor, &key, &entry, &error) == 1) {
            char expected[32];
            name_key(at, expected);
            CU_ASSERT(fama_bytes_equal(key, fama_bytes(expected, KEY_BYTES)));
            check_entry(&entry, at, expected);
            at += 2;
            count++;
        }
        CU_ASSERT_EQUAL(count, cases[i].expected);
        CU_ASSERT_EQUAL(fama_state_cursor_next(cursor, &key, &entry, &error), 0);
        fama_state_cursor_close(cursor);
    }
    stored_state_close(&stored);
}

static void test_numbers_sort_as_their_bytes_do(void)
{
    static const uint64_t numbers[] = {0,          1,          127,        128,
                                       255,        256,        65535,      65536,
                                       UINT32_MAX, 1ull << 32, 1ull << 56, UINT64_MAX - 1,
                                       UINT64_MAX};
    uint8_t before[FAMA_ORDERED_NUMBER_MAX] = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t at[FAMA_ORDERED_NUMBER_MAX] = {0};
        uint64_t number = 1;
        size_t len = fama_ordered_number_encode(numbers[i], at);
        CU_ASSERT_EQUAL(fama_ordered_number_decode(fama_bytes(at, len), &number), len);
        CU_ASSERT_EQUAL(number, numbers[i]);
        CU_ASSERT_EQUAL(fama_ordered_number_decode(fama_bytes(at, len - 1), &number), 0);
        CU_ASSERT(i == 0 || memcmp(before, at, sizeof at) < 0);
        memcpy(before, at, sizeof at);
    }
    uint64_t number;
    CU_ASSERT_EQUAL(fama_ordered_number_decode(fama_bytes("\x9"
                                                          "123456789",
                                                          10),
                                               &number),
                    0);
}

static void test_a_value_that_does_not_decode_is_an_error_with_words(void)
{
    static const struct {
        const char *value;
        size_t len;
    } cases[] = {{"", 0},           {"\1", 1},       {"\1\1\2\1", 4},
                 {"\0\0\5abcd", 7}, {"\0\0\x80", 3}, {"\x9\0\0", 3}};
    struct stored_state stored;
    stored_state_open(&stored);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *message = NULL;
        rocksdb_put_cf(stored.store.db, stored.store.synced,
                       stored.store.families[FAMA_STORE_STATE], "n\0k", 3, cases[i].value,
                       cases[i].len, &message);
        CU_ASSERT_PTR_NULL(message);
        struct fama_state_record records[2] = {{.memory = NULL}};
        struct fama_bytes keys[2] = {fama_bytes("n\0a", 3), fama_bytes("n\0k", 3)};
        struct fama_error error = {{0}};
        CU_ASSERT_EQUAL(fama_state_store_get(&stored.states, keys[1], &records[0], &error),
                        FAMA_STATE_IO);
        CU_ASSERT(strstr(error.text, "fama ledger rebuild") != NULL);
        CU_ASSERT_EQUAL(fama_state_store_get_many(&stored.states, keys, 2, records, &error),
                        FAMA_STATE_IO);
        CU_ASSERT(records[0].memory == NULL && records[1].memory == NULL);
    }
    stored_state_close(&stored);
}

static const struct test_case cases[] = {
    TEST(test_one_key_and_many_keys_are_found),
    TEST(test_a_walk_keeps_to_its_bounds),
    TEST(test_numbers_sort_as_their_bytes_do),
    TEST(test_a_value_that_does_not_decode_is_an_error_with_words),
};

int main(void)
{
    return run_suite("state store", cases, sizeof cases / sizeof cases[0]);
}
