/* What is put into the families that search from where the last search ended, in any order. */
#include <string.h>

#include "unit/stored_state.h"

#define KEYS   20000
#define ROUNDS 4

struct model {
    uint32_t value; /* 0: not there */
};

static uint64_t seed = 1;

static uint32_t next_random(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

/* Some begin alike, some do not; in the order of their numbers they are in the order of none. */
static size_t key_of(uint32_t number, char key[32])
{
    return (size_t)snprintf(key, 32, "%c%08x", (char)('a' + number % 3), number * 2654435761u);
}

/* One batch: every `step`-th key from `first`, put or deleted. Small steps of the number are long ways. */
static void write_some(struct stored_state *stored, enum fama_store_family family,
                       struct model *models, uint32_t first, uint32_t step)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *message = NULL;
    for (uint32_t i = first; i < KEYS; i += step) {
        char key[32];
        size_t len = key_of(i, key);
        uint32_t value = next_random() % 4 == 0 ? 0 : next_random() | 1;
        if (value == 0) {
            rocksdb_writebatch_delete_cf(batch, stored->store.families[family], key, len);
        } else {
            rocksdb_writebatch_put_cf(batch, stored->store.families[family], key, len,
                                      (const char *)&value, sizeof value);
        }
        models[i].value = value;
    }
    /* The empty key, which begins like none. */
    rocksdb_writebatch_put_cf(batch, stored->store.families[family], "", 0, "x", 1);
    rocksdb_write(stored->store.db, stored->store.synced, batch, &message);
    CU_ASSERT_PTR_NULL_FATAL(message);
    rocksdb_writebatch_destroy(batch);
}

static bool are_stored(const struct stored_state *stored, enum fama_store_family family,
                       const struct model *models)
{
    size_t wrong = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[32];
        char *message = NULL;
        size_t value_len = 0;
        size_t len = key_of(i, key);
        char *value =
            rocksdb_get_cf(stored->store.db, stored->store.reading, stored->store.families[family],
                           key, len, &value_len, &message);
        wrong += message != NULL || (value != NULL) != (models[i].value != 0) ||
                 (value != NULL && memcmp(value, &models[i].value, sizeof models[i].value) != 0);
        rocksdb_free(value);
    }
    return wrong == 0;
}

/* As many as were put, each behind the one before. */
static bool are_in_order(const struct stored_state *stored, enum fama_store_family family,
                         const struct model *models)
{
    size_t expected = 1;
    size_t found = 0;
    bool is_ordered = true;
    char last[32] = "";
    for (uint32_t i = 0; i < KEYS; i++) {
        expected += models[i].value != 0;
    }
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        stored->store.db, stored->store.reading, stored->store.families[family]);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        char key[32] = "";
        size_t len;
        const char *at = rocksdb_iter_key(iterator, &len);
        memcpy(key, at, len < 31 ? len : 31);
        is_ordered = is_ordered && (found == 0 || strcmp(last, key) < 0);
        memcpy(last, key, sizeof last);
        found++;
    }
    rocksdb_iter_destroy(iterator);
    return is_ordered && found == expected;
}

static void test_keys_are_found_whatever_order_they_came_in(void)
{
    static const enum fama_store_family families[] = {FAMA_STORE_TXID, FAMA_STORE_STATE};
    static struct model models[2][KEYS];
    struct stored_state stored;
    stored_state_open(&stored);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < 2; i++) {
            write_some(&stored, families[i], models[i], round, 1 + round);
            write_some(&stored, families[i], models[i], 0, 1 + next_random() % 50);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT(are_stored(&stored, families[i], models[i]));
        CU_ASSERT(are_in_order(&stored, families[i], models[i]));
    }
    stored_state_close(&stored);
}

static const struct test_case cases[] = {
    TEST(test_keys_are_found_whatever_order_they_came_in),
};

int main(void)
{
    return run_suite("store hints", cases, sizeof cases / sizeof cases[0]);
}
