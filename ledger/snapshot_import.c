/* A new ledger from a snapshot: written in bulk without a log, and complete only when its last record is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger/collection_package.h"
#include "ledger/config_history.h"
#include "ledger/expiry.h"
#include "ledger/ledger_parts.h"
#include "ledger/snapshot.h"
#include "ledger/state_store.h"
#include "ledger/unfinished_directory.h"

#define BATCH_BYTES ((size_t)4 << 20)

/* What a collection's keys live, asked for once as long as its keys follow each other. */
struct known_collection {
    uint8_t *stored_space; /* namespace$$hcollection, a copy; NULL: none yet */
    size_t len;
    uint64_t blocks_to_live;
};

struct import {
    struct fama_store store;
    rocksdb_writebatch_t *batch;
    rocksdb_writeoptions_t *unlogged;
    const struct fama_snapshot_metadata *metadata;
    struct known_collection collection;
    struct fama_metadata_spaces metadata_spaces;
};

static int from_ledger(int status)
{
    return status == 0 ? 0 : FAMA_SNAPSHOT_LEDGER;
}

static int out_of_memory(const struct import *import, struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY,
                          "importing a snapshot into ledger %s: out of memory",
                          import->store.directory);
}

static int write_batch(struct import *import, const rocksdb_writeoptions_t *options,
                       struct fama_error *error)
{
    char *message = NULL;
    rocksdb_write(import->store.db, options, import->batch, &message);
    rocksdb_writebatch_clear(import->batch);
    return message == NULL ? 0
                           : from_ledger(fama_store_fail(import->store.directory,
                                                         "importing a snapshot", message, error));
}

static int write_if_large(struct import *import, struct fama_error *error)
{
    size_t len;
    (void)rocksdb_writebatch_data(import->batch, &len);
    return len < BATCH_BYTES ? 0 : write_batch(import, import->unlogged, error);
}

static void put(struct import *import, enum fama_store_family family, struct fama_bytes key,
                struct fama_bytes value)
{
    rocksdb_writebatch_put_cf(import->batch, import->store.families[family], (const char *)key.at,
                              key.len, (const char *)value.at, value.len);
}

/* ---- Items ---- */

static int import_txid(void *context, struct fama_bytes txid, struct fama_error *error)
{
    struct import *import = context;
    struct fama_ledger_key key;
    uint8_t location[FAMA_LEDGER_LOCATION_BYTES];
    fama_ledger_txid_key(txid, &key);
    fama_ledger_location_encode(import->metadata->last_block, FAMA_LEDGER_ORIGIN_INDEX, location);
    put(import, FAMA_STORE_TXID, fama_ledger_key_bytes(&key),
        fama_bytes(location, sizeof location));
    if (txid.len > FAMA_LEDGER_TXID_TEXT_MAX) {
        uint8_t long_key[sizeof FAMA_LEDGER_LONG_TXID_PREFIX - 1 + FAMA_SHA256_BYTES];
        memcpy(long_key, FAMA_LEDGER_LONG_TXID_PREFIX, sizeof FAMA_LEDGER_LONG_TXID_PREFIX - 1);
        fama_sha256(txid, long_key + sizeof FAMA_LEDGER_LONG_TXID_PREFIX - 1);
        put(import, FAMA_STORE_META, fama_bytes(long_key, sizeof long_key), txid);
    }
    return write_if_large(import, error);
}

static int import_config_history(void *context, struct fama_bytes key, struct fama_bytes package,
                                 struct fama_error *error)
{
    struct import *import = context;
    static const char prefix[] = FAMA_CONFIG_HISTORY_PREFIX;
    const char *const keys[] = {prefix, (const char *)key.at};
    const size_t key_lens[] = {sizeof prefix - 1, key.len};
    const char *const values[] = {(const char *)package.at};
    rocksdb_writebatch_putv_cf(import->batch, import->store.families[FAMA_STORE_META], 2, keys,
                               key_lens, 1, values, &package.len);
    /* At once: the keys of private collections ask for it. */
    return write_batch(import, import->unlogged, error);
}

/* In a package that was checked when the snapshot was verified. */
static int find_in_package(const struct import *import, struct fama_bytes package,
                           struct fama_bytes name, bool *is_there, uint64_t *blocks,
                           struct fama_error *error)
{
    struct fama_arena arena;
    struct fama_collection_package decoded;
    const struct fama_collection *found = NULL;
    fama_arena_init(&arena, FAMA_COLLECTION_PACKAGE_ARENA(package.len));
    int status = fama_collection_package_decode(package, &arena, &decoded);
    if (status == 0) {
        found = fama_collection_package_find(&decoded, name);
    }
    *is_there = found != NULL;
    *blocks = found != NULL ? found->block_to_live : 0;
    fama_arena_clear(&arena);
    return status == 0 ? 0 : out_of_memory(import, error);
}

/* As Fabric finds it at this point: by the latest history; none is an error. */
static int find_blocks_to_live(const struct import *import, const struct fama_state_name *name,
                               uint64_t *blocks, struct fama_error *error)
{
    struct fama_bytes mspid;
    *blocks = 0;
    if (fama_collection_is_implicit(name->collection, &mspid)) {
        return 0;
    }
    uint8_t *package;
    size_t len;
    bool is_there = false;
    int status =
        from_ledger(fama_config_history_latest(&import->store, name->space, &package, &len, error));
    if (status == 0 && package != NULL) {
        status = find_in_package(import, fama_bytes(package, len), name->collection, &is_there,
                                 blocks, error);
    }
    free(package);
    if (status == 0 && !is_there) {
        status = fama_error_set(
            error, FAMA_SNAPSHOT_DAMAGED,
            "the snapshot of channel %s holds keys of collection %.*s of chaincode %.*s, which its "
            "history of collections does not know; Fabric does not join by it either",
            import->metadata->channel_id,
            (int)(name->collection.len < 64 ? name->collection.len : 64),
            (const char *)name->collection.at, (int)(name->space.len < 64 ? name->space.len : 64),
            (const char *)name->space.at);
    }
    return status;
}

static int schedule_end(struct import *import, const struct fama_snapshot_state *state,
                        struct fama_error *error)
{
    struct known_collection *known = &import->collection;
    struct fama_bytes space =
        fama_bytes(state->stored_key.at, state->stored_key.len - state->name.key.len - 1);
    if (known->stored_space == NULL ||
        !fama_bytes_equal(space, fama_bytes(known->stored_space, known->len))) {
        uint8_t *copy = malloc(space.len + 1);
        if (copy == NULL) {
            return out_of_memory(import, error);
        }
        memcpy(copy, space.at, space.len);
        free(known->stored_space);
        known->stored_space = copy;
        known->len = space.len;
        int status = find_blocks_to_live(import, &state->name, &known->blocks_to_live, error);
        if (status != 0) {
            return status;
        }
    }
    uint64_t put_in = state->entry.version.block;
    uint64_t due = fama_expiry_due(put_in, known->blocks_to_live);
    /* What should have ended before is never looked at again, in Fabric as here. */
    if (due != UINT64_MAX && due > import->metadata->last_block) {
        fama_expiry_append_key(&import->store, &state->name, state->stored_key, put_in, due,
                               import->batch);
    }
    return 0;
}

static int import_state(void *context, const struct fama_snapshot_state *state,
                        struct fama_error *error)
{
    struct import *import = context;
    uint8_t head[FAMA_STATE_VALUE_HEAD_MAX];
    size_t head_len = fama_state_value_head(&state->entry, head);
    const char *key = (const char *)state->stored_key.at;
    const char *const parts[] = {(const char *)head, (const char *)state->entry.metadata.at,
                                 (const char *)state->entry.value.at};
    const size_t lens[] = {head_len, state->entry.metadata.len, state->entry.value.len};
    rocksdb_writebatch_putv_cf(import->batch, import->store.families[FAMA_STORE_STATE], 1, &key,
                               &state->stored_key.len, 3, parts, lens);
    if (state->entry.metadata.len > 0) {
        fama_metadata_spaces_add(&import->metadata_spaces, state->stored_key);
    }
    int status = state->name.is_hashed ? schedule_end(import, state, error) : 0;
    return status == 0 ? write_if_large(import, error) : status;
}

/* ---- First and last records ---- */

static void put_origin(struct import *import, bool is_complete)
{
    const struct fama_snapshot_metadata *metadata = import->metadata;
    struct fama_ledger_origin origin = {.is_complete = is_complete,
                                        .first_block = metadata->last_block + 1,
                                        .has_previous_hash = metadata->has_previous_hash};
    memcpy(origin.last_hash, metadata->last_hash, FAMA_SHA256_BYTES);
    memcpy(origin.previous_hash, metadata->previous_hash, FAMA_SHA256_BYTES);
    memcpy(origin.channel_id, metadata->channel_id, sizeof origin.channel_id);
    uint8_t record[FAMA_LEDGER_ORIGIN_BYTES_MAX];
    size_t len = fama_ledger_origin_encode(&origin, record);
    put(import, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_ORIGIN_KEY),
        fama_bytes(record, len));
}

static int flush(struct import *import, struct fama_error *error)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    int status = 0;
    for (int family = 0; family < FAMA_STORE_FAMILIES && status == 0; family++) {
        char *message = NULL;
        rocksdb_flush_cf(import->store.db, options, import->store.families[family], &message);
        if (message != NULL) {
            status = from_ledger(
                fama_store_fail(import->store.directory, "importing a snapshot", message, error));
        }
    }
    rocksdb_flushoptions_destroy(options);
    return status;
}

static int begin(struct import *import, struct fama_error *error)
{
    uint8_t version[FAMA_LEDGER_FORMAT_BYTES];
    fama_ledger_put_u32(version, FAMA_LEDGER_FORMAT_VERSION);
    put(import, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_FORMAT_KEY),
        fama_bytes(version, sizeof version));
    put_origin(import, false);
    int status = write_batch(import, import->store.synced, error);
    return status == 0 ? flush(import, error) : status;
}

/* Everything else is on the disk before the records that say so are. */
static int complete(struct import *import, struct fama_error *error)
{
    const struct fama_snapshot_metadata *metadata = import->metadata;
    int status = write_batch(import, import->unlogged, error);
    if (status == 0) {
        status = flush(import, error);
    }
    if (status != 0) {
        return status;
    }
    struct fama_ledger_info tip = {.height = metadata->last_block + 1,
                                   .has_commit_hash = metadata->has_commit_hash};
    memcpy(tip.last_hash, metadata->last_hash, FAMA_SHA256_BYTES);
    memcpy(tip.commit_hash, metadata->commit_hash, FAMA_SHA256_BYTES);
    uint8_t record[FAMA_LEDGER_TIP_BYTES_MAX];
    size_t len = fama_ledger_tip_encode(&tip, record);
    put(import, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_TIP_KEY), fama_bytes(record, len));
    uint8_t height[FAMA_LEDGER_NUMBER_BYTES];
    fama_ledger_put_u64(height, tip.height);
    put(import, FAMA_STORE_STATE, fama_bytes("", 0), fama_bytes(height, sizeof height));
    put(import, FAMA_STORE_HISTORY, fama_bytes("", 0), fama_bytes(height, sizeof height));
    uint8_t spaces[FAMA_METADATA_SPACES_RECORD_MAX];
    len = fama_metadata_spaces_encode(&import->metadata_spaces, tip.height, spaces);
    put(import, FAMA_STORE_META, fama_bytes_of_text(FAMA_METADATA_SPACES_KEY),
        fama_bytes(spaces, len));
    put_origin(import, true);
    status = write_batch(import, import->store.synced, error);
    return status == 0 ? flush(import, error) : status;
}

static int fill(struct import *import, const char *directory,
                const struct fama_snapshot_progress *progress, struct fama_error *error)
{
    const struct fama_snapshot_visitor visitor = {.txid = import_txid,
                                                  .config_history = import_config_history,
                                                  .state = import_state,
                                                  .context = import};
    import->batch = rocksdb_writebatch_create();
    import->unlogged = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(import->unlogged, 1);
    fama_metadata_spaces_begin(&import->metadata_spaces);
    int status = begin(import, error);
    if (status == 0) {
        status = fama_snapshot_walk(directory, import->metadata, &visitor, progress, error);
    }
    if (status == 0) {
        status = complete(import, error);
    }
    rocksdb_writeoptions_destroy(import->unlogged);
    rocksdb_writebatch_destroy(import->batch);
    free(import->collection.stored_space);
    return status;
}

/* Of an earlier attempt, or of one that failed. Whether it succeeds shows when the next thing is made. */
static void sweep(const char *directory)
{
    if (access(directory, F_OK) != 0) {
        return;
    }
    char *message = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_destroy_db(options, directory, &message);
    rocksdb_options_destroy(options);
    rocksdb_free(message);
    (void)rmdir(directory);
}

int fama_snapshot_import(const char *directory, const char *ledger_directory,
                         const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    struct fama_unfinished_directory planned;
    struct fama_snapshot_metadata own = {0};
    struct fama_snapshot_metadata *read = metadata != NULL ? metadata : &own;
    int status = fama_unfinished_directory_plan(ledger_directory, &planned, error);
    if (status == 0) {
        status = fama_snapshot_verify(directory, progress, read, error);
    }
    if (status != 0) {
        return status;
    }
    sweep(planned.making);
    if (access(planned.making, F_OK) == 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_EXISTS,
                              "%.300s is left from an import that was cut short and cannot be "
                              "removed; remove it and import the snapshot again",
                              planned.making);
    }
    struct import import = {.metadata = read};
    status = from_ledger(fama_store_open(planned.making, &import.store, error));
    if (status == 0) {
        status = fill(&import, directory, progress, error);
        fama_store_close(&import.store);
    }
    if (status == 0) {
        status = fama_unfinished_directory_finish(&planned, error);
    }
    if (status != 0) {
        sweep(planned.making);
    }
    return status;
}
