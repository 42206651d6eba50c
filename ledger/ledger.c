#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/store.h"

#define FORMAT_VERSION    1u
#define FORMAT_BYTES      4
#define NUMBER_BYTES      8
#define TIP_BYTES         (NUMBER_BYTES + FAMA_SHA256_BYTES)
#define LOCATION_BYTES    (NUMBER_BYTES + 4)
#define ARRIVAL_KEY_BYTES (sizeof arrival_prefix - 1 + NUMBER_BYTES)
#define ARRIVAL_BYTES     (1 + 3 * 8)
#define HASH_WORDS        (FAMA_SHA256_BYTES / 8)
#define DOING_BYTES       64
#define BATCH_KEPT_BYTES_MAX                                                                       \
    (16u << 20) /* a batch that has grown beyond this is not kept for reuse */

static const char format_key[] = "format";
static const char tip_key[] = "tip";
static const char arrival_prefix[] = "arrival/";

/* Height and hash for readers on other threads: a sequence lock of atomics, odd while being
 * written. */
struct published_tip {
    _Atomic uint64_t sequence;
    _Atomic uint64_t height;
    _Atomic uint64_t hash_words[HASH_WORDS];
};

struct fama_ledger {
    struct fama_store store;
    struct fama_state_store state_store;
    struct published_tip published;
    struct fama_ledger_info tip; /* the commit thread's own copy */
    rocksdb_writebatch_t *batch; /* reused from commit to commit */
    bool is_refusing;            /* a commit failed; `failure` says how */
    struct fama_error failure;
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)(value >> 32));
    put_u32(at + 4, (uint32_t)value);
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get_u64(const uint8_t *at)
{
    return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

static void arrival_key(uint64_t number, uint8_t *key)
{
    memcpy(key, arrival_prefix, sizeof arrival_prefix - 1);
    put_u64(key + sizeof arrival_prefix - 1, number);
}

static void publish(struct fama_ledger *ledger)
{
    struct published_tip *published = &ledger->published;
    atomic_fetch_add(&published->sequence, 1);
    atomic_store(&published->height, ledger->tip.height);
    for (size_t i = 0; i < HASH_WORDS; i++) {
        atomic_store(&published->hash_words[i], get_u64(ledger->tip.last_hash + 8 * i));
    }
    atomic_fetch_add(&published->sequence, 1);
}

void fama_ledger_info(const struct fama_ledger *ledger, struct fama_ledger_info *info)
{
    const struct published_tip *published = &ledger->published;
    uint64_t before;
    uint64_t after;
    do {
        before = atomic_load(&published->sequence);
        info->height = atomic_load(&published->height);
        for (size_t i = 0; i < HASH_WORDS; i++) {
            put_u64(info->last_hash + 8 * i, atomic_load(&published->hash_words[i]));
        }
        after = atomic_load(&published->sequence);
    } while (before != after || (before & 1) != 0);
}

static int damaged(const struct fama_ledger *ledger, struct fama_error *error, const char *what)
{
    return fama_error_set(
        error, FAMA_LEDGER_CORRUPT,
        "ledger %s is damaged: %s; move the directory away and let the node fetch "
        "the blocks again, or restore a copy",
        ledger->store.directory, what);
}

/* Reads one value without copying it. `*value` is NULL if the key is not there, else it is released
 * with rocksdb_pinnableslice_destroy. */
static int read_pinned(const struct fama_ledger *ledger, enum fama_store_family family,
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

/* Reads a record of fixed length. */
static int read_record(const struct fama_ledger *ledger, enum fama_store_family family,
                       struct fama_bytes key, const char *doing, uint8_t *record, size_t len,
                       struct fama_error *error)
{
    rocksdb_pinnableslice_t *value;
    int status = read_pinned(ledger, family, key, doing, &value, error);
    if (status != 0 || value == NULL) {
        return status != 0 ? status : FAMA_LEDGER_NOT_FOUND;
    }
    size_t stored_len;
    const char *stored = rocksdb_pinnableslice_value(value, &stored_len);
    if (stored_len == len) {
        memcpy(record, stored, len);
    } else {
        char what[DOING_BYTES + 64];
        (void)snprintf(what, sizeof what, "%s found a record of %zu bytes instead of %zu", doing,
                       stored_len, len);
        status = damaged(ledger, error, what);
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

static void batch_put(struct fama_ledger *ledger, enum fama_store_family family,
                      struct fama_bytes key, struct fama_bytes value)
{
    rocksdb_writebatch_put_cf(ledger->batch, ledger->store.families[family], (const char *)key.at,
                              key.len, (const char *)value.at, value.len);
}

static void batch_tip(struct fama_ledger *ledger, const struct fama_ledger_info *tip)
{
    uint8_t record[TIP_BYTES];
    put_u64(record, tip->height);
    memcpy(record + NUMBER_BYTES, tip->last_hash, FAMA_SHA256_BYTES);
    batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(tip_key),
              fama_bytes(record, sizeof record));
}

static int write_batch(struct fama_ledger *ledger, const char *doing, struct fama_error *error)
{
    char *message = NULL;
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
    uint8_t version[FORMAT_BYTES];
    put_u32(version, FORMAT_VERSION);
    batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(format_key),
              fama_bytes(version, sizeof version));
    batch_tip(ledger, &ledger->tip);
    int status = write_batch(ledger, "creating", error);
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

/* Compares the last stored block with the tip: number, hash, and that nothing lies beyond. */
static int check_last_block(const struct fama_ledger *ledger, rocksdb_iterator_t *last,
                            struct fama_error *error)
{
    const struct fama_ledger_info *tip = &ledger->tip;
    char what[256];
    size_t key_len;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(last, &key_len);
    if (key_len != NUMBER_BYTES || tip->height == 0 || get_u64(key) != tip->height - 1) {
        (void)snprintf(what, sizeof what,
                       "its height is %" PRIu64 " but the last stored block has number %" PRIu64,
                       tip->height, key_len == NUMBER_BYTES ? get_u64(key) : 0);
        return damaged(ledger, error, what);
    }
    size_t len;
    const char *bytes = rocksdb_iter_value(last, &len);
    struct fama_block block;
    if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED) {
        (void)snprintf(what, sizeof what, "its last block %" PRIu64 " does not decode",
                       tip->height - 1);
        return damaged(ledger, error, what);
    }
    bool fits = block.number == tip->height - 1 &&
                memcmp(block.header_hash, tip->last_hash, FAMA_SHA256_BYTES) == 0;
    fama_block_clear(&block);
    if (!fits) {
        (void)snprintf(what, sizeof what,
                       "the header of its last block %" PRIu64
                       " does not hash to the recorded hash",
                       tip->height - 1);
        return damaged(ledger, error, what);
    }
    return 0;
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
    uint8_t record[TIP_BYTES];
    int status = read_record(ledger, FAMA_STORE_META, fama_bytes_of_text(tip_key),
                             "reading the height", record, sizeof record, error);
    if (status == FAMA_LEDGER_NOT_FOUND) {
        return damaged(ledger, error, "its height is not recorded");
    }
    if (status == 0) {
        ledger->tip.height = get_u64(record);
        memcpy(ledger->tip.last_hash, record + NUMBER_BYTES, FAMA_SHA256_BYTES);
    }
    return status;
}

static int load(struct fama_ledger *ledger, struct fama_error *error)
{
    uint8_t version[FORMAT_BYTES];
    bool is_empty = false;
    int status = read_record(ledger, FAMA_STORE_META, fama_bytes_of_text(format_key),
                             "reading the format version", version, sizeof version, error);
    if (status == FAMA_LEDGER_NOT_FOUND) {
        /* New, or its creation was cut short; anything stored without a format is neither. */
        status = check_blocks(ledger, &is_empty, error);
        if (status == 0 && !is_empty) {
            status = damaged(ledger, error, "it holds blocks but no format version");
        }
        return status == 0 ? initialise(ledger, error) : status;
    }
    if (status != 0) {
        return status;
    }
    if (get_u32(version) != FORMAT_VERSION) {
        return fama_error_set(error, FAMA_LEDGER_FORMAT,
                              "ledger %s has format version %" PRIu32 ", this program reads and "
                              "writes version %u; run the version that wrote it or use another "
                              "directory",
                              ledger->store.directory, get_u32(version), FORMAT_VERSION);
    }
    status = load_tip(ledger, error);
    if (status == 0) {
        status = check_blocks(ledger, &is_empty, error);
    }
    if (status == 0 && is_empty && ledger->tip.height != 0) {
        char what[64];
        (void)snprintf(what, sizeof what, "its height is %" PRIu64 " but it holds no block",
                       ledger->tip.height);
        status = damaged(ledger, error, what);
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
        status = load(opened, error);
    }
    if (status != 0) {
        fama_ledger_close(opened);
        return status;
    }
    publish(opened);
    *ledger = opened;
    return 0;
}

void fama_ledger_close(struct fama_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    if (ledger->batch != NULL) {
        rocksdb_writebatch_destroy(ledger->batch);
    }
    fama_store_close(&ledger->store);
    free(ledger);
}

struct fama_state_store *fama_ledger_state(struct fama_ledger *ledger)
{
    return &ledger->state_store;
}

/* One block against the tip it is to extend. Block 0 has nothing to link to. */
static int check_link(const struct fama_ledger *ledger, const struct fama_ledger_info *tip,
                      const struct fama_block *block, struct fama_error *error)
{
    if (block->number < tip->height) {
        return fama_error_set(error, FAMA_LEDGER_EXISTS,
                              "block %" PRIu64 " is in ledger %s already, which is at height "
                              "%" PRIu64,
                              block->number, ledger->store.directory, tip->height);
    }
    if (block->number > tip->height) {
        return fama_error_set(error, FAMA_LEDGER_OUT_OF_ORDER,
                              "block %" PRIu64 " came to ledger %s out of order, block %" PRIu64
                              " is next",
                              block->number, ledger->store.directory, tip->height);
    }
    struct fama_bytes expected = fama_bytes(tip->last_hash, FAMA_SHA256_BYTES);
    if (block->number > 0 && !fama_bytes_equal(block->previous_hash, expected)) {
        return fama_error_set(error, FAMA_LEDGER_OUT_OF_ORDER,
                              "block %" PRIu64 " names another predecessor than block %" PRIu64
                              " in ledger %s; it belongs to another chain",
                              block->number, block->number - 1, ledger->store.directory);
    }
    return 0;
}

/* Checks the whole group before anything is batched; `tip` becomes the tip after it. */
static int check_group(const struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, struct fama_ledger_info *tip, struct fama_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fama_block *block = blocks[i].block;
        int status = check_link(ledger, tip, block, error);
        if (status != 0) {
            return status;
        }
        if (block->bytes.len > FAMA_LEDGER_GROUP_BYTES_MAX - bytes) {
            return fama_error_set(error, FAMA_LEDGER_TOO_LARGE,
                                  "a group of %zu blocks for ledger %s exceeds %u bytes; commit "
                                  "smaller groups",
                                  count, ledger->store.directory, FAMA_LEDGER_GROUP_BYTES_MAX);
        }
        bytes += block->bytes.len;
        tip->height++;
        memcpy(tip->last_hash, block->header_hash, FAMA_SHA256_BYTES);
    }
    return 0;
}

/* Records the transactions of a block that the database does not know yet. Going backwards through
 * the group and through each block lets the first appearance overwrite later ones of the same
 * batch. */
static int batch_txids(struct fama_ledger *ledger, const struct fama_block *block,
                       struct fama_error *error)
{
    for (size_t index = block->envelope_count; index-- > 0;) {
        char txid[FAMA_TXID_MAX];
        fama_block_txid(block, index, txid);
        struct fama_bytes key = fama_bytes_of_text(txid);
        if (key.len == 0) {
            continue;
        }
        rocksdb_pinnableslice_t *known;
        int status =
            read_pinned(ledger, FAMA_STORE_TXID, key, "looking for a transaction", &known, error);
        if (status != 0) {
            return status;
        }
        if (known != NULL) {
            rocksdb_pinnableslice_destroy(known);
            continue;
        }
        uint8_t location[LOCATION_BYTES];
        put_u64(location, block->number);
        put_u32(location + NUMBER_BYTES, (uint32_t)index);
        batch_put(ledger, FAMA_STORE_TXID, key, fama_bytes(location, sizeof location));
    }
    return 0;
}

static void batch_block(struct fama_ledger *ledger, const struct fama_ledger_commit *commit,
                        uint64_t durable_ns)
{
    uint8_t number[NUMBER_BYTES];
    put_u64(number, commit->block->number);
    batch_put(ledger, FAMA_STORE_BLOCKS, fama_bytes(number, sizeof number), commit->block->bytes);

    uint8_t key[ARRIVAL_KEY_BYTES];
    uint8_t record[ARRIVAL_BYTES];
    arrival_key(commit->block->number, key);
    record[0] = (uint8_t)commit->arrival.path;
    put_u64(record + 1, commit->arrival.sent_ns);
    put_u64(record + 9, commit->arrival.complete_ns);
    put_u64(record + 17, durable_ns);
    batch_put(ledger, FAMA_STORE_META, fama_bytes(key, sizeof key),
              fama_bytes(record, sizeof record));
}

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int write_group(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, const struct fama_ledger_info *tip, struct fama_error *error)
{
    rocksdb_writebatch_clear(ledger->batch);
    for (size_t i = count; i-- > 0;) {
        int status = batch_txids(ledger, blocks[i].block, error);
        if (status != 0) {
            return status;
        }
    }
    uint64_t durable_ns = wall_clock_ns();
    for (size_t i = 0; i < count; i++) {
        batch_block(ledger, &blocks[i], durable_ns);
    }
    batch_tip(ledger, tip);
    char doing[DOING_BYTES];
    (void)snprintf(doing, sizeof doing, "committing block %" PRIu64, blocks[0].block->number);
    return write_batch(ledger, doing, error);
}

int fama_ledger_commit(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, struct fama_error *error)
{
    if (ledger->is_refusing) {
        return fama_error_set(error, FAMA_LEDGER_IO,
                              "ledger %s takes no blocks since a commit failed; mend what is named "
                              "here and start the node again: %s",
                              ledger->store.directory, ledger->failure.text);
    }
    struct fama_ledger_info tip = ledger->tip;
    int status = check_group(ledger, blocks, count, &tip, error);
    if (status != 0 || count == 0) {
        return status;
    }
    status = write_group(ledger, blocks, count, &tip, &ledger->failure);
    if (status != 0) {
        ledger->is_refusing = true;
        return fama_error_set(error, status, "%s", ledger->failure.text);
    }
    ledger->tip = tip;
    publish(ledger);
    return 0;
}

/* The word for a record that is missing: below the height it must be there. */
static int missing(const struct fama_ledger *ledger, uint64_t number, const char *what,
                   struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    if (number < info.height) {
        char words[DOING_BYTES + 32];
        (void)snprintf(words, sizeof words, "%s %" PRIu64 " is missing", what, number);
        return damaged(ledger, error, words);
    }
    return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                          "there is no block %" PRIu64 " in ledger %s yet, its height is %" PRIu64,
                          number, ledger->store.directory, info.height);
}

int fama_ledger_block(const struct fama_ledger *ledger, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error)
{
    *bytes = NULL;
    *len = 0;
    uint8_t key[NUMBER_BYTES];
    put_u64(key, number);
    char doing[DOING_BYTES];
    (void)snprintf(doing, sizeof doing, "reading block %" PRIu64, number);
    rocksdb_pinnableslice_t *value;
    int status =
        read_pinned(ledger, FAMA_STORE_BLOCKS, fama_bytes(key, sizeof key), doing, &value, error);
    if (status != 0) {
        return status;
    }
    if (value == NULL) {
        return missing(ledger, number, "block", error);
    }
    size_t stored_len;
    const char *stored = rocksdb_pinnableslice_value(value, &stored_len);
    *bytes = malloc(stored_len > 0 ? stored_len : 1);
    if (*bytes == NULL) {
        status =
            fama_error_set(error, FAMA_LEDGER_IO, "%s of ledger %s: out of memory for %zu bytes",
                           doing, ledger->store.directory, stored_len);
    } else {
        memcpy(*bytes, stored, stored_len);
        *len = stored_len;
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

int fama_ledger_locate_txid(const struct fama_ledger *ledger, const char *txid, uint64_t *number,
                            uint32_t *index, struct fama_error *error)
{
    uint8_t location[LOCATION_BYTES];
    int status = txid[0] == '\0'
                     ? FAMA_LEDGER_NOT_FOUND
                     : read_record(ledger, FAMA_STORE_TXID, fama_bytes_of_text(txid),
                                   "looking for a transaction", location, sizeof location, error);
    if (status == FAMA_LEDGER_NOT_FOUND) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "there is no transaction '%.128s' in ledger %s", txid,
                              ledger->store.directory);
    }
    if (status == 0) {
        *number = get_u64(location);
        *index = get_u32(location + NUMBER_BYTES);
    }
    return status;
}

int fama_ledger_arrival(const struct fama_ledger *ledger, uint64_t number,
                        struct fama_arrival *arrival, struct fama_error *error)
{
    uint8_t key[ARRIVAL_KEY_BYTES];
    uint8_t record[ARRIVAL_BYTES];
    arrival_key(number, key);
    int status = read_record(ledger, FAMA_STORE_META, fama_bytes(key, sizeof key),
                             "reading an arrival record", record, sizeof record, error);
    if (status == FAMA_LEDGER_NOT_FOUND) {
        return missing(ledger, number, "the arrival record of block", error);
    }
    if (status == 0 && record[0] > FAMA_ARRIVAL_PULL) {
        return damaged(ledger, error, "an arrival record names an unknown path");
    }
    if (status == 0) {
        *arrival = (struct fama_arrival){.path = (enum fama_arrival_path)record[0],
                                         .sent_ns = get_u64(record + 1),
                                         .complete_ns = get_u64(record + 9),
                                         .durable_ns = get_u64(record + 17)};
    }
    return status;
}

void fama_ledger_free(uint8_t *bytes)
{
    free(bytes);
}
