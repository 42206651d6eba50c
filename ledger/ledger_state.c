/* How state and history follow the blocks: their part of a commit, and the heights they say they are at. */
#include <stdlib.h>

#include "ledger/config_history.h"
#include "ledger/expiry.h"
#include "ledger/ledger_parts.h"
#include "ledger/state_store.h"

#define SAVEPOINT_KEY fama_bytes("", 0) /* no key of state or history is empty */

static void append_update(struct fama_ledger *ledger, const struct fama_state_update *update)
{
    if (update->entry.metadata.len > 0) {
        fama_metadata_spaces_add(&ledger->state_store.metadata, update->stored_key);
    }
    rocksdb_column_family_handle_t *family = ledger->store.families[FAMA_STORE_STATE];
    const char *key = (const char *)update->stored_key.at;
    if (!update->entry.exists) {
        rocksdb_writebatch_delete_cf(ledger->batch, family, key, update->stored_key.len);
        return;
    }
    uint8_t head[FAMA_STATE_VALUE_HEAD_MAX];
    size_t head_len = fama_state_value_head(&update->entry, head);
    const struct fama_bytes metadata = update->entry.metadata;
    const struct fama_bytes value = update->entry.value;
    const char *const parts[] = {(const char *)head, (const char *)metadata.at,
                                 (const char *)value.at};
    const size_t lens[] = {head_len, metadata.len, value.len};
    rocksdb_writebatch_putv_cf(ledger->batch, family, 1, &key, &update->stored_key.len, 3, parts,
                               lens);
}

static int compare_keys(const struct fama_state_update *a, const struct fama_state_update *b)
{
    struct fama_bytes one = a->stored_key;
    struct fama_bytes other = b->stored_key;
    int order = memcmp(one.at, other.at, one.len < other.len ? one.len : other.len);
    return order != 0 ? order : (one.len > other.len) - (one.len < other.len);
}

static int compare_updates(const void *a, const void *b)
{
    return compare_keys(*(const struct fama_state_update *const *)a,
                        *(const struct fama_state_update *const *)b);
}

static bool is_in_order(const struct fama_state_update *const *updates, size_t count)
{
    size_t i = 1;
    while (i < count && compare_keys(updates[i - 1], updates[i]) < 0) {
        i++;
    }
    return i >= count;
}

/* In the order of their keys, in which RocksDB takes them soonest (ledger/store.c). Without memory for that, as
 * they are: no key comes twice. */
static void append_updates(struct fama_ledger *ledger,
                           const struct fama_state_update *const *updates, size_t count)
{
    const struct fama_state_update **ordered =
        is_in_order(updates, count) ? NULL : malloc(count * sizeof *ordered);
    if (ordered != NULL) {
        memcpy(ordered, updates, count * sizeof *ordered);
        qsort(ordered, count, sizeof *ordered, compare_updates);
        updates = ordered;
    }
    for (size_t i = 0; i < count; i++) {
        append_update(ledger, updates[i]);
    }
    free(ordered);
}

void fama_ledger_append_effects(struct fama_ledger *ledger,
                                const struct fama_ledger_effects *effects)
{
    const struct fama_state_update *const *updates;
    size_t count = fama_state_group_updates(effects->state, &updates);
    append_updates(ledger, updates, count);
    if (effects->expiry != NULL) {
        fama_expiry_append(effects->expiry, ledger->batch);
    }
    if (effects->config_history != NULL) {
        fama_config_history_append(effects->config_history, &ledger->store, ledger->batch);
    }
}

void fama_ledger_batch_savepoints(struct fama_ledger *ledger, uint64_t height)
{
    uint8_t record[FAMA_LEDGER_NUMBER_BYTES];
    fama_ledger_put_u64(record, height);
    fama_ledger_batch_put(ledger, FAMA_STORE_STATE, SAVEPOINT_KEY,
                          fama_bytes(record, sizeof record));
    fama_ledger_batch_put(ledger, FAMA_STORE_HISTORY, SAVEPOINT_KEY,
                          fama_bytes(record, sizeof record));
    uint8_t spaces[FAMA_METADATA_SPACES_RECORD_MAX];
    size_t len = fama_metadata_spaces_encode(&ledger->state_store.metadata, height, spaces);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_METADATA_SPACES_KEY),
                          fama_bytes(spaces, len));
}

/* 0 also where the savepoint is missing or cannot be read: whatever is there is not to be trusted. */
static uint64_t savepoint_of(const struct fama_ledger *ledger, enum fama_store_family family)
{
    rocksdb_pinnableslice_t *value;
    if (fama_ledger_read(ledger, family, SAVEPOINT_KEY, "", &value, NULL) != 0 || value == NULL) {
        return 0;
    }
    struct fama_bytes record = fama_ledger_pinned(value);
    uint64_t height = record.len == FAMA_LEDGER_NUMBER_BYTES ? fama_ledger_get_u64(record.at) : 0;
    rocksdb_pinnableslice_destroy(value);
    return height;
}

uint64_t fama_ledger_load_state_height(const struct fama_ledger *ledger)
{
    uint64_t state = savepoint_of(ledger, FAMA_STORE_STATE);
    uint64_t history = savepoint_of(ledger, FAMA_STORE_HISTORY);
    return state == history && state <= ledger->tip.height ? state : 0;
}

void fama_ledger_load_metadata_spaces(struct fama_ledger *ledger)
{
    struct fama_metadata_spaces *spaces = &ledger->state_store.metadata;
    const struct fama_bytes key = fama_bytes_of_text(FAMA_METADATA_SPACES_KEY);
    rocksdb_pinnableslice_t *value;
    *spaces = (struct fama_metadata_spaces){0};
    if (fama_ledger_read(ledger, FAMA_STORE_META, key, "", &value, NULL) != 0 || value == NULL) {
        return;
    }
    fama_metadata_spaces_decode(fama_ledger_pinned(value), ledger->tip.state_height, spaces);
    rocksdb_pinnableslice_destroy(value);
}

int fama_ledger_clear_state(struct fama_ledger *ledger, struct fama_error *error)
{
    if (ledger->origin.first_block > 0) {
        return fama_error_set(
            error, FAMA_LEDGER_NOT_FOUND,
            "the world state of ledger %s cannot be made from its blocks: it began "
            "with a snapshot; move the directory away and import the snapshot "
            "again",
            ledger->store.directory);
    }
    rocksdb_writebatch_clear(ledger->batch);
    fama_ledger_batch_delete(ledger, FAMA_STORE_STATE, SAVEPOINT_KEY);
    fama_ledger_batch_delete(ledger, FAMA_STORE_HISTORY, SAVEPOINT_KEY);
    fama_expiry_append_clear(&ledger->store, ledger->batch);
    fama_config_history_append_clear(&ledger->store, ledger->batch);
    int status = fama_ledger_write(ledger, "clearing the world state", error);
    if (status == 0) {
        ledger->tip.state_height = 0;
        fama_ledger_publish(ledger);
        status = fama_store_clear_family(&ledger->store, FAMA_STORE_STATE, error);
    }
    if (status == 0) {
        fama_metadata_spaces_begin(&ledger->state_store.metadata);
    }
    return status == 0 ? fama_store_clear_family(&ledger->store, FAMA_STORE_HISTORY, error)
                       : status;
}

int fama_ledger_commit_effects(struct fama_ledger *ledger,
                               const struct fama_prepared_block *const *blocks, size_t count,
                               const struct fama_ledger_effects *effects, struct fama_error *error)
{
    rocksdb_writebatch_clear(ledger->batch);
    for (size_t i = 0; i < count; i++) {
        fama_ledger_append_history(ledger, ledger->batch, blocks[i], blocks[i]->codes);
    }
    fama_ledger_append_effects(ledger, effects);
    fama_ledger_batch_savepoints(ledger, ledger->tip.state_height + count);
    int status = fama_ledger_write(ledger, "rebuilding the world state", error);
    if (status == 0) {
        ledger->tip.state_height += count;
        fama_ledger_publish(ledger);
    }
    return status;
}
