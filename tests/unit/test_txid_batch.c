/* Transaction ids in the order of their keys. */
#include <string.h>

#include "ledger/txid_batch.h"
#include "unit/suite.h"

#define MANY 40000

static int compare_keys(const struct fama_ledger_key *a, const struct fama_ledger_key *b)
{
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static bool add(struct fama_txid_batch *batch, const char *txid, uint64_t number, size_t index)
{
    return fama_txid_batch_add(batch, fama_bytes_of_text(txid), number, index);
}

static void test_keys_come_in_the_order_in_which_rocksdb_sorts_them(void)
{
    struct fama_txid_batch batch = {.count = 0};
    uint64_t seed = 7;
    bool is_added = true;
    for (size_t i = 0; i < MANY; i++) {
        char text[7 * 16 + 1];
        size_t len = 0;
        seed = seed * UINT64_C(6364136223846793005) + 1;
        /* Digits, and what is none; short and long; many that begin alike. */
        for (size_t part = 0; part < (i % 3 == 0 ? 4 : seed >> 61); part++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%016llx",
                                    (unsigned long long)(part < 2 ? seed >> 60 : seed * part));
        }
        is_added = is_added && fama_txid_batch_add(&batch, fama_bytes(text, len), i, 0);
    }
    CU_ASSERT(is_added);
    size_t count = fama_txid_batch_sort(&batch);
    CU_ASSERT(count > MANY / 4 && count < MANY);
    bool is_sorted = true;
    for (size_t i = 1; i < count; i++) {
        is_sorted = is_sorted &&
                    compare_keys(&batch.order[i - 1].entry->key, &batch.order[i].entry->key) < 0;
    }
    CU_ASSERT(is_sorted);
    fama_txid_batch_clear(&batch);
    CU_ASSERT_EQUAL(batch.capacity, 0); /* so large a one is given back */
    fama_txid_batch_free(&batch);
}

static void test_of_one_id_the_first_appearance_is_kept(void)
{
    struct fama_txid_batch batch = {.count = 0};
    CU_ASSERT(add(&batch, "b", 8, 1) && add(&batch, "a", 9, 0) && add(&batch, "b", 7, 5) &&
              add(&batch, "b", 7, 4) && add(&batch, "ba", 7, 0));
    CU_ASSERT_EQUAL_FATAL(fama_txid_batch_sort(&batch), 3);
    CU_ASSERT_EQUAL(batch.order[0].entry->number, 9);
    CU_ASSERT_EQUAL(batch.order[1].entry->number, 7);
    CU_ASSERT_EQUAL(batch.order[1].entry->index, 4);
    CU_ASSERT_EQUAL(batch.order[2].entry->key.len, 3);
    fama_txid_batch_clear(&batch);
    CU_ASSERT_EQUAL(fama_txid_batch_sort(&batch), 0);
    fama_txid_batch_free(&batch);
}

static const struct test_case cases[] = {
    TEST(test_keys_come_in_the_order_in_which_rocksdb_sorts_them),
    TEST(test_of_one_id_the_first_appearance_is_kept),
};

int main(void)
{
    return run_suite("txid batch", cases, sizeof cases / sizeof cases[0]);
}
