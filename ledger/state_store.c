#include "ledger/state_store.h"

#include <stdlib.h>

#include "ledger/store.h"
#include "ledger/varint.h"

#define KEYS_AT_ONCE 128 /* of one batched look-up: bounds what lies on the stack */

size_t fama_ordered_number_encode(uint64_t number, uint8_t at[FAMA_ORDERED_NUMBER_MAX])
{
    size_t digits = 0;
    for (uint64_t rest = number; rest != 0; rest >>= 8) {
        digits++;
    }
    at[0] = (uint8_t)digits;
    for (size_t i = 0; i < digits; i++) {
        at[1 + i] = (uint8_t)(number >> (8 * (digits - 1 - i)));
    }
    return 1 + digits;
}

size_t fama_ordered_number_decode(struct fama_bytes bytes, uint64_t *number)
{
    *number = 0;
    if (bytes.len == 0 || bytes.at[0] > 8 || bytes.at[0] > bytes.len - 1) {
        return 0;
    }
    for (size_t i = 1; i <= bytes.at[0]; i++) {
        *number = *number << 8 | bytes.at[i];
    }
    return 1 + (size_t)bytes.at[0];
}

/* A little-endian base-128 number; bytes taken, 0 if damaged. */
static size_t take_uvarint(struct fama_bytes bytes, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < bytes.len && i < 10; i++) {
        *number |= (uint64_t)(bytes.at[i] & 0x7f) << (7 * i);
        if (bytes.at[i] < 0x80) {
            return i == 9 && bytes.at[i] > 1 ? 0 : i + 1;
        }
    }
    return 0;
}

static struct fama_bytes after(struct fama_bytes bytes, size_t taken)
{
    return fama_bytes(bytes.at + taken, bytes.len - taken);
}

size_t fama_state_value_head(const struct fama_state_entry *entry,
                             uint8_t head[FAMA_STATE_VALUE_HEAD_MAX])
{
    size_t len = fama_ordered_number_encode(entry->version.block, head);
    len += fama_ordered_number_encode(entry->version.transaction, head + len);
    return len + fama_varint_put(head + len, entry->metadata.len);
}

bool fama_state_value_decode(struct fama_bytes stored, struct fama_state_entry *entry)
{
    *entry = (struct fama_state_entry){.exists = true};
    uint64_t metadata_len;
    size_t taken = fama_ordered_number_decode(stored, &entry->version.block);
    if (taken == 0) {
        return false;
    }
    stored = after(stored, taken);
    taken = fama_ordered_number_decode(stored, &entry->version.transaction);
    if (taken == 0) {
        return false;
    }
    stored = after(stored, taken);
    taken = take_uvarint(stored, &metadata_len);
    if (taken == 0 || metadata_len > stored.len - taken) {
        return false;
    }
    stored = after(stored, taken);
    entry->metadata = fama_bytes(stored.at, (size_t)metadata_len);
    entry->value = after(stored, (size_t)metadata_len);
    return true;
}

static int cannot_read(const struct fama_state_store *store, char *message,
                       struct fama_error *error)
{
    int status = fama_error_set(error, FAMA_STATE_IO,
                                "the world state of ledger %s cannot be read; check the disk, then "
                                "stop the node and run `fama ledger rebuild` (%s)",
                                store->store->directory, message);
    rocksdb_free(message);
    return status;
}

static int damaged_value(const struct fama_state_store *store, struct fama_error *error)
{
    return fama_error_set(error, FAMA_STATE_IO,
                          "reading the world state: ledger %s holds a value that does not decode; "
                          "stop the node and run `fama ledger rebuild`",
                          store->store->directory);
}

static int no_memory(const struct fama_state_store *store, struct fama_error *error)
{
    return fama_error_set(error, FAMA_STATE_NO_MEMORY,
                          "reading the world state of ledger %s: out of memory",
                          store->store->directory);
}

void fama_state_record_clear(struct fama_state_record *record)
{
    free(record->memory);
    *record = (struct fama_state_record){0};
}

/* Copies and releases what RocksDB found; NULL is an absent key. A copy, because a pinned value
 * would hold a whole block of the cache for as long as the group lives. */
static int fill_record(const struct fama_state_store *store, rocksdb_pinnableslice_t *found,
                       struct fama_state_record *record, struct fama_error *error)
{
    fama_state_record_clear(record);
    if (found == NULL) {
        return 0;
    }
    size_t len;
    const char *bytes = rocksdb_pinnableslice_value(found, &len);
    int status = 0;
    record->memory = malloc(len > 0 ? len : 1);
    if (record->memory == NULL) {
        status = no_memory(store, error);
    } else {
        memcpy(record->memory, bytes, len);
        if (!fama_state_value_decode(fama_bytes(record->memory, len), &record->entry)) {
            fama_state_record_clear(record);
            status = damaged_value(store, error);
        }
    }
    rocksdb_pinnableslice_destroy(found);
    return status;
}

int fama_state_store_get(struct fama_state_store *store, struct fama_bytes stored_key,
                         struct fama_state_record *record, struct fama_error *error)
{
    char *message = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        store->store->db, store->store->reading, store->store->families[FAMA_STORE_STATE],
        (const char *)stored_key.at, stored_key.len, &message);
    if (message != NULL) {
        fama_state_record_clear(record);
        return cannot_read(store, message, error);
    }
    return fill_record(store, found, record, error);
}

/* At most KEYS_AT_ONCE. Takes over whatever RocksDB hands out, also when it fails half-way. */
static int get_some(struct fama_state_store *store, const struct fama_bytes *stored_keys,
                    size_t count, struct fama_state_record *records, struct fama_error *error)
{
    const char *keys[KEYS_AT_ONCE];
    size_t lens[KEYS_AT_ONCE];
    rocksdb_pinnableslice_t *found[KEYS_AT_ONCE];
    char *messages[KEYS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        keys[i] = (const char *)stored_keys[i].at;
        lens[i] = stored_keys[i].len;
        found[i] = NULL;
        messages[i] = NULL;
    }
    rocksdb_batched_multi_get_cf(store->store->db, store->store->reading,
                                 store->store->families[FAMA_STORE_STATE], count, keys, lens, found,
                                 messages, false);
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        if (messages[i] != NULL && status == 0) {
            status = cannot_read(store, messages[i], error);
        } else if (messages[i] != NULL) {
            rocksdb_free(messages[i]);
        } else if (status == 0) {
            status = fill_record(store, found[i], &records[i], error);
        } else if (found[i] != NULL) {
            rocksdb_pinnableslice_destroy(found[i]);
        }
    }
    return status;
}

int fama_state_store_get_many(struct fama_state_store *store, const struct fama_bytes *stored_keys,
                              size_t count, struct fama_state_record *records,
                              struct fama_error *error)
{
    int status = 0;
    for (size_t done = 0; done < count && status == 0; done += KEYS_AT_ONCE) {
        size_t some = count - done < KEYS_AT_ONCE ? count - done : KEYS_AT_ONCE;
        status = get_some(store, stored_keys + done, some, records + done, error);
    }
    for (size_t i = 0; i < count && status != 0; i++) {
        fama_state_record_clear(&records[i]);
    }
    return status;
}

bool fama_state_store_may_have_metadata(const struct fama_state_store *store,
                                        struct fama_bytes prefix)
{
    return fama_metadata_spaces_may_have(&store->metadata, prefix);
}

struct fama_state_cursor {
    struct fama_state_store *store;
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *iterator;
    bool has_begun;
    char end[]; /* RocksDB borrows the bound */
};

int fama_state_cursor_open(struct fama_state_store *store, struct fama_bytes start,
                           struct fama_bytes end, struct fama_state_cursor **cursor,
                           struct fama_error *error)
{
    *cursor = NULL;
    struct fama_state_cursor *opened = malloc(sizeof *opened + end.len);
    if (opened == NULL) {
        return no_memory(store, error);
    }
    *opened = (struct fama_state_cursor){.store = store, .options = rocksdb_readoptions_create()};
    if (end.len > 0) {
        memcpy(opened->end, end.at, end.len);
        rocksdb_readoptions_set_iterate_upper_bound(opened->options, opened->end, end.len);
    }
    opened->iterator = rocksdb_create_iterator_cf(store->store->db, opened->options,
                                                  store->store->families[FAMA_STORE_STATE]);
    /* No name is empty: what stands under the empty key is the ledger's. */
    bool is_from_first = start.len == 0;
    rocksdb_iter_seek(opened->iterator, is_from_first ? "\0" : (const char *)start.at,
                      is_from_first ? 1 : start.len);
    *cursor = opened;
    return 0;
}

int fama_state_cursor_next(struct fama_state_cursor *cursor, struct fama_bytes *stored_key,
                           struct fama_state_entry *entry, struct fama_error *error)
{
    if (cursor->has_begun && rocksdb_iter_valid(cursor->iterator)) {
        rocksdb_iter_next(cursor->iterator);
    }
    cursor->has_begun = true;
    if (!rocksdb_iter_valid(cursor->iterator)) {
        char *message = NULL;
        rocksdb_iter_get_error(cursor->iterator, &message);
        return message == NULL ? 0 : cannot_read(cursor->store, message, error);
    }
    size_t len;
    const char *bytes = rocksdb_iter_key(cursor->iterator, &len);
    *stored_key = fama_bytes(bytes, len);
    bytes = rocksdb_iter_value(cursor->iterator, &len);
    return fama_state_value_decode(fama_bytes(bytes, len), entry)
               ? 1
               : damaged_value(cursor->store, error);
}

void fama_state_cursor_close(struct fama_state_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    rocksdb_iter_destroy(cursor->iterator);
    rocksdb_readoptions_destroy(cursor->options);
    free(cursor);
}
