#include "ledger/snapshot_export.h"

#include <stdlib.h>

#include "ledger/config_history.h"
#include "ledger/state_store.h"

#define PROGRESS_EVERY 100000u /* items */

int fama_snapshot_iterator_status(const struct fama_snapshot_view *view,
                                  const rocksdb_iterator_t *iterator, struct fama_error *error)
{
    char *message = NULL;
    rocksdb_iter_get_error(iterator, &message);
    if (message == NULL) {
        return 0;
    }
    (void)fama_store_fail(view->ledger->store.directory, "making a snapshot", message, error);
    return FAMA_SNAPSHOT_LEDGER;
}

int fama_snapshot_list_begin_item(const struct fama_snapshot_view *view,
                                  struct fama_snapshot_list *list, struct fama_error *error)
{
    const char *name = fama_snapshot_data_name(list->part);
    if (!list->is_open) {
        int status = fama_snapshot_writer_open(view->directory, name, &list->data, error);
        if (status != 0) {
            return status;
        }
        list->is_open = true;
    }
    list->items++;
    if (list->items % PROGRESS_EVERY == 0) {
        fama_snapshot_progress_tell(view->progress, name, list->items);
    }
    return 0;
}

static int finish_data(const struct fama_snapshot_view *view, struct fama_snapshot_list *list,
                       struct fama_snapshot_part_hashes *hashes, struct fama_error *error)
{
    int status = fama_snapshot_writer_finish(&list->data, hashes->data, error);
    if (status == 0) {
        hashes->is_there = true;
        fama_snapshot_progress_tell(view->progress, fama_snapshot_data_name(list->part),
                                    list->items);
    }
    return status;
}

int fama_snapshot_list_finish(const struct fama_snapshot_view *view,
                              struct fama_snapshot_list *list, int status,
                              struct fama_snapshot_part_hashes *hashes, struct fama_error *error)
{
    if (!list->is_open) {
        return status;
    }
    struct fama_snapshot_writer count = {.fd = -1};
    if (status == 0) {
        status = finish_data(view, list, hashes, error);
    }
    if (status == 0) {
        status = fama_snapshot_writer_open(view->directory, fama_snapshot_count_name(list->part),
                                           &count, error);
    }
    if (status == 0) {
        status = fama_snapshot_writer_number(&count, list->items, error);
    }
    if (status == 0) {
        status = fama_snapshot_writer_finish(&count, hashes->count, error);
    }
    fama_snapshot_writer_close(&count);
    fama_snapshot_writer_close(&list->data);
    list->is_open = false;
    return status;
}

int fama_snapshot_export_config_history(const struct fama_snapshot_view *view,
                                        struct fama_snapshot_part_hashes *hashes,
                                        struct fama_error *error)
{
    static const char prefix[] = FAMA_CONFIG_HISTORY_PREFIX;
    const size_t prefix_len = sizeof prefix - 1;
    const struct fama_store *store = &view->ledger->store;
    struct fama_snapshot_list list = {.part = FAMA_SNAPSHOT_CONFIG_HISTORY};
    rocksdb_iterator_t *entries =
        rocksdb_create_iterator_cf(store->db, view->reading, store->families[FAMA_STORE_META]);
    int status = 0;
    for (rocksdb_iter_seek(entries, prefix, prefix_len); rocksdb_iter_valid(entries) && status == 0;
         rocksdb_iter_next(entries)) {
        size_t key_len;
        size_t value_len;
        const char *key = rocksdb_iter_key(entries, &key_len);
        const char *value = rocksdb_iter_value(entries, &value_len);
        if (key_len < prefix_len || memcmp(key, prefix, prefix_len) != 0) {
            break;
        }
        status = fama_snapshot_list_begin_item(view, &list, error);
        if (status == 0) {
            status = fama_snapshot_writer_bytes(
                &list.data, fama_bytes(key + prefix_len, key_len - prefix_len), error);
        }
        if (status == 0) {
            status = fama_snapshot_writer_bytes(&list.data, fama_bytes(value, value_len), error);
        }
    }
    if (status == 0) {
        status = fama_snapshot_iterator_status(view, entries, error);
    }
    rocksdb_iter_destroy(entries);
    return fama_snapshot_list_finish(view, &list, status, hashes, error);
}

/* ---- State ---- */

struct space_row {
    uint8_t *space; /* a copy */
    size_t len;
    uint64_t keys;
};

/* Public state or private hashes. */
struct state_part {
    struct fama_snapshot_list list;
    struct space_row *rows;
    size_t count;
    size_t capacity;
};

static int out_of_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY, "making a snapshot: out of memory");
}

static int count_key(struct state_part *part, struct fama_bytes space, struct fama_error *error)
{
    struct space_row *last = part->count > 0 ? &part->rows[part->count - 1] : NULL;
    if (last != NULL && fama_bytes_equal(fama_bytes(last->space, last->len), space)) {
        last->keys++;
        return 0;
    }
    if (part->count == part->capacity) {
        size_t capacity = 2 * part->capacity + 16;
        struct space_row *rows = realloc(part->rows, capacity * sizeof rows[0]);
        if (rows == NULL) {
            return out_of_memory(error);
        }
        part->rows = rows;
        part->capacity = capacity;
    }
    uint8_t *copy = malloc(space.len + 1);
    if (copy == NULL) {
        return out_of_memory(error);
    }
    memcpy(copy, space.at, space.len);
    part->rows[part->count++] = (struct space_row){.space = copy, .len = space.len, .keys = 1};
    return 0;
}

static size_t field_len(struct fama_bytes field)
{
    return field.len == 0 ? 0 : 1 + fama_snapshot_number_len(field.len) + field.len;
}

/* SnapshotRecord: key 1, value 2, metadata 3, version 4; what is empty is left out. */
static int write_record(struct fama_snapshot_writer *writer, const struct fama_bytes fields[4],
                        struct fama_error *error)
{
    size_t len = 0;
    for (size_t i = 0; i < 4; i++) {
        len += field_len(fields[i]);
    }
    int status = fama_snapshot_writer_number(writer, len, error);
    for (size_t i = 0; i < 4 && status == 0; i++) {
        uint8_t tag = (uint8_t)((i + 1) << 3 | 2);
        if (fields[i].len == 0) {
            continue;
        }
        status = fama_snapshot_writer_raw(writer, fama_bytes(&tag, 1), error);
        if (status == 0) {
            status = fama_snapshot_writer_bytes(writer, fields[i], error);
        }
    }
    return status;
}

static int export_key(const struct fama_snapshot_view *view, struct fama_bytes stored_key,
                      struct fama_bytes stored, struct state_part parts[2],
                      struct fama_error *error)
{
    struct fama_state_entry entry;
    const uint8_t *end = memchr(stored_key.at, 0, stored_key.len);
    if (end == NULL || !fama_state_value_decode(stored, &entry)) {
        return fama_error_set(error, FAMA_SNAPSHOT_LEDGER,
                              "making a snapshot: the world state of ledger %s is damaged; run "
                              "`fama ledger rebuild`",
                              view->ledger->store.directory);
    }
    struct fama_bytes space = fama_bytes(stored_key.at, (size_t)(end - stored_key.at));
    if (fama_snapshot_space_is_private(space)) {
        return 0;
    }
    uint8_t version[2 * FAMA_ORDERED_NUMBER_MAX];
    size_t version_len = fama_ordered_number_encode(entry.version.block, version);
    version_len += fama_ordered_number_encode(entry.version.transaction, version + version_len);
    const struct fama_bytes fields[4] = {fama_bytes(end + 1, stored_key.len - space.len - 1),
                                         entry.value, entry.metadata,
                                         fama_bytes(version, version_len)};
    struct state_part *part = &parts[fama_snapshot_space_is_hashed(space) ? 1 : 0];
    int status = fama_snapshot_list_begin_item(view, &part->list, error);
    if (status == 0) {
        status = count_key(part, space, error);
    }
    return status == 0 ? write_record(&part->list.data, fields, error) : status;
}

/* Unlike lists: for each namespace its name and the number of its keys. */
static int finish_state(const struct fama_snapshot_view *view, struct state_part *part, int status,
                        struct fama_snapshot_part_hashes *hashes, struct fama_error *error)
{
    struct fama_snapshot_writer count = {.fd = -1};
    bool is_there = part->list.is_open && status == 0;
    if (is_there) {
        status = finish_data(view, &part->list, hashes, error);
    }
    if (is_there && status == 0) {
        status = fama_snapshot_writer_open(
            view->directory, fama_snapshot_count_name(part->list.part), &count, error);
    }
    if (is_there && status == 0) {
        status = fama_snapshot_writer_number(&count, part->count, error);
    }
    for (size_t i = 0; i < part->count; i++) {
        const struct space_row *row = &part->rows[i];
        if (status == 0) {
            status = fama_snapshot_writer_bytes(&count, fama_bytes(row->space, row->len), error);
        }
        if (status == 0) {
            status = fama_snapshot_writer_number(&count, row->keys, error);
        }
        free(row->space);
    }
    if (is_there && status == 0) {
        status = fama_snapshot_writer_finish(&count, hashes->count, error);
    }
    fama_snapshot_writer_close(&count);
    if (part->list.is_open) {
        fama_snapshot_writer_close(&part->list.data);
    }
    free(part->rows);
    return status;
}

int fama_snapshot_export_state(const struct fama_snapshot_view *view,
                               struct fama_snapshot_part_hashes *public_state,
                               struct fama_snapshot_part_hashes *private_hashes,
                               struct fama_error *error)
{
    struct state_part parts[2] = {{.list.part = FAMA_SNAPSHOT_PUBLIC_STATE},
                                  {.list.part = FAMA_SNAPSHOT_PRIVATE_HASHES}};
    const struct fama_store *store = &view->ledger->store;
    rocksdb_iterator_t *keys =
        rocksdb_create_iterator_cf(store->db, view->reading, store->families[FAMA_STORE_STATE]);
    int status = 0;
    /* From 00 on: the empty key is the state's own record, and no other lies before. */
    for (rocksdb_iter_seek(keys, "", 1); rocksdb_iter_valid(keys) && status == 0;
         rocksdb_iter_next(keys)) {
        size_t key_len;
        size_t value_len;
        const char *key = rocksdb_iter_key(keys, &key_len);
        const char *value = rocksdb_iter_value(keys, &value_len);
        status =
            export_key(view, fama_bytes(key, key_len), fama_bytes(value, value_len), parts, error);
    }
    if (status == 0) {
        status = fama_snapshot_iterator_status(view, keys, error);
    }
    rocksdb_iter_destroy(keys);
    status = finish_state(view, &parts[0], status, public_state, error);
    return finish_state(view, &parts[1], status, private_hashes, error);
}
