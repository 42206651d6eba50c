#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/ledger_parts.h"

#define BATCH_KEPT_BYTES_MAX                                                                       \
    (16u << 20) /* a batch that has grown beyond this is not kept for reuse */

static void publish_hash(_Atomic uint64_t *words, const uint8_t hash[FAMA_SHA256_BYTES])
{
    for (size_t i = 0; i < FAMA_LEDGER_HASH_WORDS; i++) {
        atomic_store(&words[i], fama_ledger_get_u64(hash + 8 * i));
    }
}

static void load_hash(const _Atomic uint64_t *words, uint8_t hash[FAMA_SHA256_BYTES])
{
    for (size_t i = 0; i < FAMA_LEDGER_HASH_WORDS; i++) {
        fama_ledger_put_u64(hash + 8 * i, atomic_load(&words[i]));
    }
}

void fama_ledger_publish(struct fama_ledger *ledger)
{
    struct fama_ledger_published *published = &ledger->published;
    atomic_fetch_add(&published->sequence, 1);
    atomic_store(&published->height, ledger->tip.height);
    atomic_store(&published->state_height, ledger->tip.state_height);
    atomic_store(&published->has_commit_hash, ledger->tip.has_commit_hash);
    publish_hash(published->last_hash, ledger->tip.last_hash);
    publish_hash(published->commit_hash, ledger->tip.commit_hash);
    atomic_fetch_add(&published->sequence, 1);
}

void fama_ledger_info(const struct fama_ledger *ledger, struct fama_ledger_info *info)
{
    const struct fama_ledger_published *published = &ledger->published;
    uint64_t before;
    uint64_t after;
    do {
        before = atomic_load(&published->sequence);
        info->height = atomic_load(&published->height);
        info->state_height = atomic_load(&published->state_height);
        info->has_commit_hash = atomic_load(&published->has_commit_hash);
        load_hash(published->last_hash, info->last_hash);
        load_hash(published->commit_hash, info->commit_hash);
        after = atomic_load(&published->sequence);
    } while (before != after || (before & 1) != 0);
    info->first_block = ledger->origin.first_block;
}

int fama_ledger_damaged(const struct fama_ledger *ledger, struct fama_error *error,
                        const char *what)
{
    return fama_error_set(
        error, FAMA_LEDGER_CORRUPT,
        "ledger %s is damaged: %s; move the directory away and let the node fetch "
        "the blocks again, or restore a copy",
        ledger->store.directory, what);
}

int fama_ledger_read(const struct fama_ledger *ledger, enum fama_store_family family,
                     struct fama_bytes key, const char *doing, rocksdb_pinnableslice_t **value,
                     struct fama_error *error)
{
    const struct fama_store *store = &ledger->store;
    char *message = NULL;
    *value = rocksdb_get_pinned_cf(store->db, store->reading, store->families[family],
                                   (const char *)key.at, key.len, &message);
    if (message != NULL) {
        *value = NULL;
        return fama_store_fail(store->directory, doing, message, error);
    }
    return 0;
}

struct fama_bytes fama_ledger_pinned(const rocksdb_pinnableslice_t *value)
{
    size_t len;
    const char *bytes = rocksdb_pinnableslice_value(value, &len);
    return fama_bytes(bytes, len);
}

void fama_ledger_batch_tip(struct fama_ledger *ledger, const struct fama_ledger_info *tip)
{
    uint8_t record[FAMA_LEDGER_TIP_BYTES_MAX];
    size_t len = fama_ledger_tip_encode(tip, record);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_TIP_KEY),
                          fama_bytes(record, len));
}

int fama_ledger_write(struct fama_ledger *ledger, const char *doing, struct fama_error *error)
{
    char *message = NULL;
    /* RocksDB else counts every comparison of keys in a variable of the thread's, which costs as much as
     * the comparison. */
    rocksdb_set_perf_level(rocksdb_disable);
    rocksdb_write(ledger->store.db, ledger->store.synced, ledger->batch, &message);
    size_t grown;
    (void)rocksdb_writebatch_data(ledger->batch, &grown);
    if (grown > BATCH_KEPT_BYTES_MAX) {
        rocksdb_writebatch_destroy(ledger->batch);
        ledger->batch = rocksdb_writebatch_create();
    } else {
        rocksdb_writebatch_clear(ledger->batch);
    }
    return message == NULL ? 0 : fama_store_fail(ledger->store.directory, doing, message, error);
}

/* The first records of a new ledger. Flushed out of the write-ahead log, so that losing that log
 * later is not mistaken for a new ledger. */
static int initialise(struct fama_ledger *ledger, struct fama_error *error)
{
    uint8_t version[FAMA_LEDGER_FORMAT_BYTES];
    fama_ledger_put_u32(version, FAMA_LEDGER_FORMAT_VERSION);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_FORMAT_KEY),
                          fama_bytes(version, sizeof version));
    fama_metadata_spaces_begin(&ledger->state_store.metadata);
    fama_ledger_batch_savepoints(ledger, 0);
    fama_ledger_batch_tip(ledger, &ledger->tip);
    int status = fama_ledger_write(ledger, "creating", error);
    if (status != 0) {
        return status;
    }
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush_cf(ledger->store.db, options, ledger->store.families[FAMA_STORE_META], &message);
    rocksdb_flushoptions_destroy(options);
    return message == NULL ? 0
                           : fama_store_fail(ledger->store.directory, "creating", message, error);
}

/* The last block's own bytes against the tip. */
static int check_last_bytes(const struct fama_ledger *ledger, struct fama_bytes bytes,
                            struct fama_error *error)
{
    const struct fama_ledger_info *tip = &ledger->tip;
    char what[256];
    struct fama_block block;
    if (fama_block_parse(bytes, &block) != FAMA_BLOCK_ACCEPTED) {
        (void)snprintf(what, sizeof what, "its last block %" PRIu64 " does not decode",
                       tip->height - 1);
        return fama_ledger_damaged(ledger, error, what);
    }
    bool fits = block.number == tip->height - 1 &&
                memcmp(block.header_hash, tip->last_hash, FAMA_SHA256_BYTES) == 0;
    fama_block_clear(&block);
    if (!fits) {
        (void)snprintf(what, sizeof what,
                       "the header of its last block %" PRIu64
                       " does not hash to the recorded hash",
                       tip->height - 1);
        return fama_ledger_damaged(ledger, error, what);
    }
    return 0;
}

/* Compares the last stored block with the tip: number, hash, and that nothing lies beyond. */
static int check_last_block(const struct fama_ledger *ledger, rocksdb_iterator_t *last,
                            struct fama_error *error)
{
    const struct fama_ledger_info *tip = &ledger->tip;
    size_t key_len;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(last, &key_len);
    uint64_t number = key_len == FAMA_LEDGER_NUMBER_BYTES ? fama_ledger_get_u64(key) : 0;
    if (key_len != FAMA_LEDGER_NUMBER_BYTES || tip->height == 0 || number != tip->height - 1) {
        char what[256];
        (void)snprintf(what, sizeof what,
                       "its height is %" PRIu64 " but the last stored block has number %" PRIu64,
                       tip->height, number);
        return fama_ledger_damaged(ledger, error, what);
    }
    uint8_t *bytes;
    size_t len;
    int status = fama_ledger_block(ledger, number, &bytes, &len, error);
    if (status == 0) {
        status = check_last_bytes(ledger, fama_bytes(bytes, len), error);
        fama_ledger_free(bytes);
    }
    return status;
}

/* Whether there are blocks, and if so whether the last one agrees with the tip. */
static int check_blocks(const struct fama_ledger *ledger, bool *is_empty, struct fama_error *error)
{
    const struct fama_store *store = &ledger->store;
    rocksdb_iterator_t *last =
        rocksdb_create_iterator_cf(store->db, store->reading, store->families[FAMA_STORE_BLOCKS]);
    rocksdb_iter_seek_to_last(last);
    *is_empty = !rocksdb_iter_valid(last);
    char *message = NULL;
    rocksdb_iter_get_error(last, &message);
    int status = 0;
    if (message != NULL) {
        status = fama_store_fail(store->directory, "reading the last block", message, error);
    } else if (!*is_empty) {
        status = check_last_block(ledger, last, error);
    }
    rocksdb_iter_destroy(last);
    return status;
}

static int load_tip(struct fama_ledger *ledger, struct fama_error *error)
{
    rocksdb_pinnableslice_t *value;
    int status = fama_ledger_read(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_TIP_KEY),
                                  "reading the height", &value, error);
    if (status != 0) {
        return status;
    }
    if (value == NULL) {
        return fama_ledger_damaged(ledger, error, "its height is not recorded");
    }
    struct fama_bytes record = fama_ledger_pinned(value);
    if (!fama_ledger_tip_decode(record, &ledger->tip)) {
        char what[64];
        (void)snprintf(what, sizeof what, "its height is recorded in %zu bytes", record.len);
        status = fama_ledger_damaged(ledger, error, what);
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

/* 0 if none is recorded. */
static int load_format(const struct fama_ledger *ledger, uint32_t *version,
                       struct fama_error *error)
{
    *version = 0;
    rocksdb_pinnableslice_t *value;
    int status =
        fama_ledger_read(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_FORMAT_KEY),
                         "reading the format version", &value, error);
    if (status != 0 || value == NULL) {
        return status;
    }
    struct fama_bytes record = fama_ledger_pinned(value);
    if (record.len == FAMA_LEDGER_FORMAT_BYTES) {
        *version = fama_ledger_get_u32(record.at);
    } else {
        status = fama_ledger_damaged(ledger, error, "its format version is damaged");
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

static int refuse_format(const struct fama_ledger *ledger, uint32_t version,
                         struct fama_error *error)
{
    if (version < FAMA_LEDGER_FORMAT_VERSION) {
        return fama_error_set(error, FAMA_LEDGER_FORMAT,
                              "ledger %s has format version %" PRIu32 ", whose blocks nobody has "
                              "validated; move the directory away, join the channel again and let "
                              "the node fetch and validate the blocks",
                              ledger->store.directory, version);
    }
    return fama_error_set(error, FAMA_LEDGER_FORMAT,
                          "ledger %s has format version %" PRIu32 ", this program reads and "
                          "writes version %u; run the version that wrote it or use another "
                          "directory",
                          ledger->store.directory, version, FAMA_LEDGER_FORMAT_VERSION);
}

/* Whether a ledger without blocks is at the height at which it began. */
static bool is_as_begun(const struct fama_ledger *ledger)
{
    const struct fama_ledger_origin *origin = &ledger->origin;
    return ledger->tip.height == origin->first_block &&
           memcmp(ledger->tip.last_hash, origin->last_hash, FAMA_SHA256_BYTES) == 0;
}

static int load(struct fama_ledger *ledger, struct fama_error *error)
{
    uint32_t version = 0;
    bool is_empty = false;
    int status = load_format(ledger, &version, error);
    if (status != 0) {
        return status;
    }
    if (version == 0) {
        /* New, or its creation was cut short; anything stored without a format is neither. */
        status = check_blocks(ledger, &is_empty, error);
        if (status == 0 && !is_empty) {
            status = fama_ledger_damaged(ledger, error, "it holds blocks but no format version");
        }
        return status == 0 ? initialise(ledger, error) : status;
    }
    if (version != FAMA_LEDGER_FORMAT_VERSION) {
        return refuse_format(ledger, version, error);
    }
    status = fama_ledger_origin_load(&ledger->store, &ledger->origin, error);
    if (status == 0) {
        status = load_tip(ledger, error);
    }
    if (status == 0) {
        fama_ledger_publish(ledger); /* for the words about what is missing */
        status = check_blocks(ledger, &is_empty, error);
    }
    if (status == 0 && is_empty && !is_as_begun(ledger)) {
        char what[64];
        (void)snprintf(what, sizeof what, "its height is %" PRIu64 " but it holds no block",
                       ledger->tip.height);
        status = fama_ledger_damaged(ledger, error, what);
    }
    if (status == 0) {
        status = fama_ledger_resume_rollback(ledger, error);
    }
    if (status == 0) {
        ledger->tip.state_height = fama_ledger_load_state_height(ledger);
        fama_ledger_load_metadata_spaces(ledger);
    }
    return status;
}

int fama_ledger_open(const char *directory, struct fama_ledger **ledger, struct fama_error *error)
{
    *ledger = NULL;
    struct fama_ledger *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot open ledger %s: out of memory",
                              directory);
    }
    int status = fama_store_open(directory, &opened->store, error);
    if (status == 0) {
        opened->state_store.store = &opened->store;
        opened->batch = rocksdb_writebatch_create();
        opened->packer = fama_block_packer_create();
        opened->writer = fama_ledger_writer_create();
        status = opened->packer != NULL && opened->writer != NULL
                     ? load(opened, error)
                     : fama_error_set(error, FAMA_LEDGER_IO, "cannot open ledger %s: out of memory",
                                      directory);
    }
    if (status != 0) {
        fama_ledger_close(opened);
        return status;
    }
    fama_ledger_publish(opened);
    *ledger = opened;
    return 0;
}

void fama_ledger_close(struct fama_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    fama_ledger_writer_destroy(ledger->writer);
    if (ledger->batch != NULL) {
        rocksdb_writebatch_destroy(ledger->batch);
    }
    fama_block_packer_destroy(ledger->packer);
    fama_txid_batch_free(&ledger->txids);
    fama_store_close(&ledger->store);
    free(ledger);
}

struct fama_state_store *fama_ledger_state(struct fama_ledger *ledger)
{
    return &ledger->state_store;
}

const struct fama_ledger_origin *fama_ledger_origin(const struct fama_ledger *ledger)
{
    return &ledger->origin;
}

const struct fama_store *fama_ledger_store(const struct fama_ledger *ledger)
{
    return &ledger->store;
}
