#include "ledger/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/envelope.h"
#include "ledger/snapshot_export.h"
#include "ledger/state_store.h"
#include "ledger/unfinished_directory.h"

int fama_snapshot_verify(const char *directory, const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    struct fama_snapshot_metadata own = {0};
    struct fama_snapshot_metadata *read = metadata != NULL ? metadata : &own;
    int status = fama_snapshot_metadata_read(directory, read, error);
    return status == 0 ? fama_snapshot_walk(directory, read, NULL, progress, error) : status;
}

static int from_ledger(int status)
{
    return status == 0 ? 0 : FAMA_SNAPSHOT_LEDGER;
}

/* ---- What the metadata says of the chain ---- */

static int read_value(const struct fama_snapshot_view *view, enum fama_store_family family,
                      struct fama_bytes key, char **value, size_t *len, struct fama_error *error)
{
    const struct fama_store *store = &view->ledger->store;
    char *message = NULL;
    *value = rocksdb_get_cf(store->db, view->reading, store->families[family], (const char *)key.at,
                            key.len, len, &message);
    if (message != NULL) {
        *value = NULL;
        return from_ledger(fama_store_fail(store->directory, "making a snapshot", message, error));
    }
    return 0;
}

/* The height of the view, and that its state is of that height. */
static int read_tip(const struct fama_snapshot_view *view, struct fama_ledger_info *tip,
                    struct fama_error *error)
{
    char *record;
    size_t len;
    int status = read_value(view, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_TIP_KEY), &record,
                            &len, error);
    if (status != 0) {
        return status;
    }
    if (record == NULL || !fama_ledger_tip_decode(fama_bytes(record, len), tip)) {
        rocksdb_free(record);
        return from_ledger(fama_ledger_damaged(view->ledger, error, "its height is not recorded"));
    }
    rocksdb_free(record);
    if (tip->height == 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_LEDGER,
                              "ledger %s is empty: there is nothing to make a snapshot of",
                              view->ledger->store.directory);
    }
    status = read_value(view, FAMA_STORE_STATE, fama_bytes("", 0), &record, &len, error);
    if (status == 0 && (record == NULL || len != FAMA_LEDGER_NUMBER_BYTES ||
                        fama_ledger_get_u64((const uint8_t *)record) != tip->height)) {
        status = fama_error_set(error, FAMA_SNAPSHOT_LEDGER,
                                "the world state of ledger %s is behind its blocks; run `fama "
                                "ledger rebuild`, then make the snapshot",
                                view->ledger->store.directory);
    }
    rocksdb_free(record);
    return status;
}

static int unusable_block(const struct fama_snapshot_view *view, uint64_t number,
                          struct fama_error *error)
{
    char what[96];
    (void)snprintf(what, sizeof what, "block %" PRIu64 " is not what such a block is", number);
    return from_ledger(fama_ledger_damaged(view->ledger, error, what));
}

static int read_previous_hash(const struct fama_snapshot_view *view,
                              struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    const struct fama_ledger_origin *origin = fama_ledger_origin(view->ledger);
    if (metadata->last_block + 1 == origin->first_block) {
        metadata->has_previous_hash = origin->has_previous_hash;
        memcpy(metadata->previous_hash, origin->previous_hash, FAMA_SHA256_BYTES);
        return 0;
    }
    uint8_t *bytes;
    size_t len;
    struct fama_block block;
    if (fama_ledger_block(view->ledger, metadata->last_block, &bytes, &len, error) != 0) {
        return FAMA_SNAPSHOT_LEDGER;
    }
    int status = 0;
    if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED) {
        status = unusable_block(view, metadata->last_block, error);
    } else if (metadata->last_block > 0) {
        metadata->has_previous_hash = block.previous_hash.len == FAMA_SHA256_BYTES;
        if (metadata->has_previous_hash) {
            memcpy(metadata->previous_hash, block.previous_hash.at, FAMA_SHA256_BYTES);
        } else {
            status = unusable_block(view, metadata->last_block, error);
        }
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return status;
}

static int read_channel_id(const struct fama_snapshot_view *view,
                           struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    const struct fama_ledger_origin *origin = fama_ledger_origin(view->ledger);
    if (origin->first_block > 0) {
        memcpy(metadata->channel_id, origin->channel_id, sizeof metadata->channel_id);
        return 0;
    }
    uint8_t *bytes;
    size_t len;
    struct fama_block block;
    struct fama_channel_header header;
    if (fama_ledger_block(view->ledger, 0, &bytes, &len, error) != 0) {
        return FAMA_SNAPSHOT_LEDGER;
    }
    int status = 0;
    if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED ||
        block.envelope_count == 0 || !fama_envelope_channel_header(block.envelopes[0], &header) ||
        !fama_channel_id_is_valid(header.channel_id) ||
        header.channel_id.len >= sizeof metadata->channel_id) {
        status = unusable_block(view, 0, error);
    } else {
        memcpy(metadata->channel_id, header.channel_id.at, header.channel_id.len);
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return status;
}

static int describe(const struct fama_snapshot_view *view, struct fama_snapshot_metadata *metadata,
                    struct fama_error *error)
{
    struct fama_ledger_info tip;
    memset(metadata, 0, sizeof *metadata);
    int status = read_tip(view, &tip, error);
    if (status != 0) {
        return status;
    }
    metadata->last_block = tip.height - 1;
    memcpy(metadata->last_hash, tip.last_hash, FAMA_SHA256_BYTES);
    metadata->has_commit_hash = tip.has_commit_hash;
    memcpy(metadata->commit_hash, tip.commit_hash, FAMA_SHA256_BYTES);
    status = read_previous_hash(view, metadata, error);
    return status == 0 ? read_channel_id(view, metadata, error) : status;
}

/* ---- Writing ---- */

static int write_files(const struct fama_snapshot_view *view,
                       struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    struct fama_snapshot_part_hashes *parts = metadata->parts;
    int status = fama_snapshot_export_txids(view, &parts[FAMA_SNAPSHOT_TXIDS], error);
    if (status == 0) {
        status =
            fama_snapshot_export_config_history(view, &parts[FAMA_SNAPSHOT_CONFIG_HISTORY], error);
    }
    if (status == 0) {
        status = fama_snapshot_export_state(view, &parts[FAMA_SNAPSHOT_PUBLIC_STATE],
                                            &parts[FAMA_SNAPSHOT_PRIVATE_HASHES], error);
    }
    return status == 0 ? fama_snapshot_metadata_write(view->directory, metadata, error) : status;
}

/* Removes the files a snapshot may have, and the directory if nothing else is in it. */
static void sweep(const char *directory)
{
    const char *names[2 * FAMA_SNAPSHOT_PARTS + 2] = {FAMA_SNAPSHOT_SIGNABLE_NAME,
                                                      FAMA_SNAPSHOT_ADDITIONAL_NAME};
    for (size_t part = 0; part < FAMA_SNAPSHOT_PARTS; part++) {
        names[2 + 2 * part] = fama_snapshot_data_name((enum fama_snapshot_part)part);
        names[3 + 2 * part] = fama_snapshot_count_name((enum fama_snapshot_part)part);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[FAMA_SNAPSHOT_PATH_BYTES + 64];
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static int write_directory(const struct fama_snapshot_view *view,
                           const struct fama_unfinished_directory *directory,
                           struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    sweep(directory->making);
    if (mkdir(directory->making, 0755) != 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO,
                              "cannot make snapshot directory %.300s (%s)%s", directory->making,
                              strerror(errno),
                              errno == ENOENT ? "; make its parent directory first" : "");
    }
    int status = write_files(view, metadata, error);
    if (status == 0) {
        status = fama_unfinished_directory_finish(directory, error);
    }
    if (status != 0) {
        sweep(directory->making);
    }
    return status;
}

int fama_snapshot_create(const struct fama_ledger *ledger, const char *directory,
                         const struct fama_snapshot_progress *progress,
                         struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    struct fama_unfinished_directory planned;
    struct fama_snapshot_metadata own = {0};
    struct fama_snapshot_metadata *made = metadata != NULL ? metadata : &own;
    int status = fama_unfinished_directory_plan(directory, &planned, error);
    if (status != 0) {
        return status;
    }
    const rocksdb_snapshot_t *moment = rocksdb_create_snapshot(ledger->store.db);
    const struct fama_snapshot_view view = {.ledger = ledger,
                                            .reading = rocksdb_readoptions_create(),
                                            .directory = planned.making,
                                            .progress = progress};
    rocksdb_readoptions_set_snapshot(view.reading, moment);
    rocksdb_readoptions_set_fill_cache(view.reading, 0); /* one reading of all would empty it */
    status = describe(&view, made, error);
    if (status == 0) {
        status = write_directory(&view, &planned, made, error);
    }
    rocksdb_readoptions_destroy(view.reading);
    rocksdb_release_snapshot(ledger->store.db, moment);
    return status;
}
