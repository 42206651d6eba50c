#include "ledger/txid_batch.h"

#include <stdlib.h>

#define CAPACITY_LEAST 512
#define CAPACITY_KEPT  ((size_t)1 << 14) /* between groups: 1.7 MiB */

static bool grow(struct fama_txid_batch *batch)
{
    size_t capacity = batch->capacity == 0 ? CAPACITY_LEAST : 2 * batch->capacity;
    struct fama_txid_entry *entries = realloc(batch->entries, capacity * sizeof(batch->entries[0]));
    if (entries == NULL) {
        return false;
    }
    batch->entries = entries;
    struct fama_txid_order *order = realloc(batch->order, capacity * sizeof(batch->order[0]));
    if (order == NULL) {
        return false;
    }
    batch->order = order;
    batch->capacity = capacity;
    return true;
}

bool fama_txid_batch_add(struct fama_txid_batch *batch, struct fama_bytes txid, uint64_t number,
                         size_t index)
{
    if (batch->count == batch->capacity && !grow(batch)) {
        return false;
    }
    struct fama_txid_entry *entry = &batch->entries[batch->count++];
    fama_ledger_txid_key(txid, &entry->key);
    entry->number = number;
    entry->index = (uint32_t)index;
    return true;
}

static uint64_t start_of(const struct fama_ledger_key *key)
{
    uint64_t start = 0;
    for (size_t i = 0; i < sizeof start; i++) {
        start = start << 8 | (i < key->len ? key->bytes[i] : 0);
    }
    return start;
}

static int compare_keys(const struct fama_txid_order *one, const struct fama_txid_order *other)
{
    if (one->start != other->start) {
        return one->start < other->start ? -1 : 1;
    }
    const struct fama_ledger_key *a = &one->entry->key;
    const struct fama_ledger_key *b = &other->entry->key;
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(const void *a, const void *b)
{
    const struct fama_txid_order *one = a;
    const struct fama_txid_order *other = b;
    int order = compare_keys(one, other);
    if (order != 0) {
        return order;
    }
    if (one->entry->number != other->entry->number) {
        return one->entry->number < other->entry->number ? -1 : 1;
    }
    return (one->entry->index > other->entry->index) - (one->entry->index < other->entry->index);
}

size_t fama_txid_batch_sort(struct fama_txid_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->order[i] = (struct fama_txid_order){.start = start_of(&batch->entries[i].key),
                                                   .entry = &batch->entries[i]};
    }
    if (batch->count == 0) {
        return 0;
    }
    qsort(batch->order, batch->count, sizeof batch->order[0], compare);
    size_t kept = 1;
    for (size_t i = 1; i < batch->count; i++) {
        if (compare_keys(&batch->order[i], &batch->order[kept - 1]) != 0) {
            batch->order[kept++] = batch->order[i];
        }
    }
    return kept;
}

void fama_txid_batch_clear(struct fama_txid_batch *batch)
{
    batch->count = 0;
    if (batch->capacity > CAPACITY_KEPT) {
        fama_txid_batch_free(batch);
    }
}

void fama_txid_batch_free(struct fama_txid_batch *batch)
{
    free(batch->entries);
    free(batch->order);
    *batch = (struct fama_txid_batch){.count = 0};
}
