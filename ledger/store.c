#include "ledger/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger/ledger_origin.h"

#define HEADER_LOG_LEVEL 5 /* RocksDB's InfoLogLevel: the header only */

enum how_to_open { OPEN_ALL, OPEN_BLOCKS_TO_READ };

static const char *const family_names[FAMA_STORE_FAMILIES] = {
    [FAMA_STORE_DEFAULT] = "default", [FAMA_STORE_BLOCKS] = "blocks",
    [FAMA_STORE_TXID] = "txid",       [FAMA_STORE_META] = "meta",
    [FAMA_STORE_STATE] = "state",     [FAMA_STORE_HISTORY] = "history",
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* RocksDB reports through text only; the start of it is the status class. A file that RocksDB's own
 * books name and the disk does not have is damage, not an outage. */
static bool means_damage(const char *message)
{
    return starts_with(message, "Corruption") || starts_with(message, "NotFound") ||
           starts_with(message, "Invalid argument") || starts_with(message, "Not implemented") ||
           strstr(message, "No such file") != NULL;
}

int fama_store_fail(const char *directory, const char *doing, char *message,
                    struct fama_error *error)
{
    int code;
    if (strstr(message, "lock hold by current process") != NULL) {
        code =
            fama_error_set(error, FAMA_LEDGER_IO,
                           "%s: ledger %s is already open in this process; one ledger belongs to "
                           "one channel, give each its own directory",
                           doing, directory);
    } else if (strstr(message, "/LOCK") != NULL && strstr(message, "temporarily unavailable")) {
        code = fama_error_set(error, FAMA_LEDGER_IO,
                              "%s: ledger %s is in use by another process; stop the other node "
                              "(`fuser %s/LOCK` names it) or use another directory",
                              doing, directory, directory);
    } else if (means_damage(message)) {
        code = fama_error_set(error, FAMA_LEDGER_CORRUPT,
                              "%s: ledger %s is damaged; move the directory away and let the node "
                              "fetch the blocks again, or restore a copy (%s)",
                              doing, directory, message);
    } else if (strstr(message, "No space") != NULL) {
        code = fama_error_set(error, FAMA_LEDGER_IO,
                              "%s: the disk of ledger %s is full; free space and start the node "
                              "again, nothing acknowledged is lost (%s)",
                              doing, directory, message);
    } else {
        code = fama_error_set(error, FAMA_LEDGER_IO,
                              "%s: ledger %s cannot be read or written; check the disk and the "
                              "directory's permissions, then start the node again (%s)",
                              doing, directory, message);
    }
    rocksdb_free(message);
    return code;
}

/* Makes the directory's own entry durable: RocksDB syncs what is inside it only. */
static int sync_parent(const char *directory, struct fama_error *error)
{
    char parent[PATH_MAX + 4];
    int written = snprintf(parent, sizeof parent, "%s/..", directory);
    int fd = written > 0 && (size_t)written < sizeof parent
                 ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                 : -1;
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!is_synced) {
        return fama_error_set(
            error, FAMA_LEDGER_IO,
            "cannot make the new ledger directory %s durable (%s); check the disk", directory,
            strerror(reason));
    }
    return 0;
}

/* Makes the directory if need be and finds its one true name: RocksDB recognises a second opening
 * in the same process by the name only. */
static int prepare_directory(const char *directory, char **true_name, struct fama_error *error)
{
    bool is_new = mkdir(directory, 0750) == 0;
    if (!is_new && errno != EEXIST) {
        const char *advice = errno == ENOENT ? "; make its parent directory first" : "";
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot make ledger directory %s (%s)%s",
                              directory, strerror(errno), advice);
    }
    if (is_new && sync_parent(directory, error) != 0) {
        return FAMA_LEDGER_IO;
    }
    *true_name = realpath(directory, NULL);
    if (*true_name == NULL) {
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot open ledger directory %s (%s)",
                              directory, strerror(errno));
    }
    return 0;
}

/* Refuses a disk on which opening would end in an assertion of RocksDB's, see the header. */
static int check_free_space(const char *directory, struct fama_error *error)
{
    struct statvfs facts;
    if (statvfs(directory, &facts) != 0) {
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot examine the disk of ledger %s (%s)",
                              directory, strerror(errno));
    }
    uint64_t free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    if (free_bytes < FAMA_STORE_FREE_BYTES_MIN) {
        return fama_error_set(error, FAMA_LEDGER_IO,
                              "the disk of ledger %s is full: %" PRIu64 " bytes are free, opening "
                              "takes %u; free space and start the node again, nothing acknowledged "
                              "is lost",
                              directory, free_bytes, FAMA_STORE_FREE_BYTES_MIN);
    }
    return 0;
}

static bool holds_data(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL &&
           (strcmp(dot, ".sst") == 0 || strcmp(dot, ".blob") == 0 || strcmp(dot, ".log") == 0);
}

/* Whether a database is there. RocksDB takes a directory without CURRENT for an empty one and then
 * sweeps away the data files as leftovers; a creation cut short by a crash has none yet. */
static int find_database(const char *directory, bool *is_there, struct fama_error *error)
{
    DIR *listing = opendir(directory);
    if (listing == NULL) {
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot read ledger directory %s (%s)",
                              directory, strerror(errno));
    }
    bool has_current = false;
    bool has_data = false;
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(listing)) != NULL) {
        has_current = has_current || strcmp(entry->d_name, "CURRENT") == 0;
        has_data = has_data || holds_data(entry->d_name);
        errno = 0;
    }
    int reason = errno;
    (void)closedir(listing);
    if (reason != 0) {
        return fama_error_set(error, FAMA_LEDGER_IO, "cannot read ledger directory %s (%s)",
                              directory, strerror(reason));
    }
    if (has_data && !has_current) {
        return fama_error_set(
            error, FAMA_LEDGER_CORRUPT,
            "ledger %s is damaged: it holds data but its file CURRENT is missing; "
            "move the directory away and let the node fetch the blocks again, or "
            "restore a copy",
            directory);
    }
    *is_there = has_current;
    return 0;
}

/* Column families this format does not have mean another version wrote here, or another program. */
static int refuse_strange_families(const char *directory, const rocksdb_options_t *options,
                                   struct fama_error *error)
{
    char *message = NULL;
    size_t count = 0;
    char **names = rocksdb_list_column_families(options, directory, &count, &message);
    int status = message == NULL ? 0 : fama_store_fail(directory, "opening", message, error);
    for (size_t i = 0; i < count && status == 0; i++) {
        bool is_ours = false;
        for (int family = 0; family < FAMA_STORE_FAMILIES; family++) {
            is_ours = is_ours || strcmp(names[i], family_names[family]) == 0;
        }
        if (!is_ours) {
            status =
                fama_error_set(error, FAMA_LEDGER_FORMAT,
                               "ledger %s holds column family '%s', which this version does not "
                               "know; run the version that wrote it or use another directory",
                               directory, names[i]);
        }
    }
    rocksdb_list_column_families_destroy(names, count);
    return status;
}

/* What concerns the whole database; the copies made of it add what concerns one family. */
static rocksdb_options_t *database_options(void)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);

    /* One thread writes, so that tables in memory need not take several at once: history's cannot. */
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
    rocksdb_options_set_db_write_buffer_size(options, FAMA_STORE_WRITE_BUFFERS_BYTES);
    rocksdb_options_set_max_total_wal_size(options, FAMA_STORE_WAL_BYTES);
    rocksdb_options_set_max_open_files(options, FAMA_STORE_OPEN_FILES);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_file_opening_threads(options, 1);
    rocksdb_options_set_table_cache_numshardbits(options, 2);
    /* Hands flushed data to the disk steadily, so that a commit's sync never waits behind a burst.
     */
    rocksdb_options_set_bytes_per_sync(options, 1u << 20);

    rocksdb_options_set_info_log_level(options, HEADER_LOG_LEVEL);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_max_log_file_size(options, 1u << 20);
    rocksdb_options_set_max_manifest_file_size(options, 4u << 20);
    rocksdb_options_set_manifest_preallocation_size(options, 64u << 10);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);

    /* The default environment is the process's own: its two threads serve every open ledger. */
    rocksdb_env_t *env = rocksdb_create_default_env();
    rocksdb_env_set_background_threads(env, 1);
    rocksdb_env_set_high_priority_background_threads(env, 1);
    rocksdb_options_set_env(options, env);
    rocksdb_env_destroy(env);
    return options;
}

/* Where a key is put, the search for its place begins where the one before ended, instead of at the top of
 * the table: what is put is in order (ledger/txid_batch.h). RocksDB's C functions do not offer it, their text
 * does. It is for speed only: without it all goes on. Not for a family from which ranges are deleted. */
static rocksdb_options_t *with_hints(rocksdb_options_t *options)
{
    rocksdb_options_t *hinting = rocksdb_options_create();
    char *message = NULL;
    rocksdb_get_options_from_string(options, "memtable_insert_with_hint_prefix_extractor=capped:1",
                                    hinting, &message);
    rocksdb_options_destroy(message == NULL ? options : hinting);
    bool is_hinting = message == NULL;
    rocksdb_free(message);
    return is_hinting ? hinting : options;
}

static rocksdb_options_t *family_options(rocksdb_options_t *base, rocksdb_cache_t *cache,
                                         enum fama_store_family family)
{
    rocksdb_options_t *options = rocksdb_options_create_copy(base);
    if (family == FAMA_STORE_TXID || family == FAMA_STORE_STATE) {
        options = with_hints(options);
    }
    rocksdb_options_set_write_buffer_size(options, FAMA_STORE_SMALL_BUFFER_BYTES);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_target_file_size_base(options, 32u << 20);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_format_version(table, 5);
    if (family == FAMA_STORE_TXID || family == FAMA_STORE_STATE) {
        /* The table takes the policy over. 10 bits a key: one vain look-up in a hundred reads. */
        rocksdb_block_based_options_set_filter_policy(table,
                                                      rocksdb_filterpolicy_create_bloom_full(10));
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);

    if (family == FAMA_STORE_TXID || family == FAMA_STORE_STATE) {
        /* Look-ups of ids and of new keys are in vain: what is still in memory is filtered as well. */
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.015);
        rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    }
    if (family == FAMA_STORE_HISTORY) {
        /* Sorted when it is flushed, or read, instead of at each insertion. */
        rocksdb_options_set_memtable_vector_rep(options);
    }
    if (family == FAMA_STORE_BLOCKS) {
        rocksdb_options_set_write_buffer_size(options, FAMA_STORE_BLOCKS_BUFFER_BYTES);
        rocksdb_options_set_enable_blob_files(options, 1);
        rocksdb_options_set_min_blob_size(options, 1024);
        rocksdb_options_set_blob_file_size(options, 256u << 20);
        rocksdb_options_set_blob_compression_type(options, rocksdb_lz4_compression);
        rocksdb_options_set_enable_blob_gc(options, 0); /* blocks are never deleted */
    }
    return options;
}

/* Opens the first `count` families. NULL with RocksDB's message. */
static rocksdb_t *open_database(const struct fama_store *store, rocksdb_options_t *base,
                                enum how_to_open how, rocksdb_column_family_handle_t **handles,
                                char **message)
{
    int count = how == OPEN_BLOCKS_TO_READ ? FAMA_STORE_STATE : FAMA_STORE_FAMILIES;
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(FAMA_STORE_CACHE_BYTES);
    rocksdb_cache_t *state_cache = rocksdb_cache_create_lru(FAMA_STORE_STATE_CACHE_BYTES);
    rocksdb_options_t *options[FAMA_STORE_FAMILIES];
    for (int family = 0; family < count; family++) {
        options[family] = family_options(base, family == FAMA_STORE_STATE ? state_cache : cache,
                                         (enum fama_store_family)family);
    }
    const rocksdb_options_t *const *each = (const rocksdb_options_t *const *)options;
    rocksdb_t *db =
        how == OPEN_BLOCKS_TO_READ
            ? rocksdb_open_for_read_only_column_families(base, store->directory, count,
                                                         family_names, each, handles, 0, message)
            : rocksdb_open_column_families(base, store->directory, count, family_names, each,
                                           handles, message);
    for (int family = 0; family < count; family++) {
        rocksdb_options_destroy(options[family]);
    }
    rocksdb_cache_destroy(cache);
    rocksdb_cache_destroy(state_cache);
    return *message == NULL ? db : NULL;
}

static void close_database(rocksdb_t *db, rocksdb_column_family_handle_t **handles, int count)
{
    for (int family = 0; family < count; family++) {
        rocksdb_column_family_handle_destroy(handles[family]);
    }
    rocksdb_close(db);
}

/* Whether the ledger has all blocks that made its state: not if it began with a snapshot. */
static bool has_all_blocks(rocksdb_t *db, rocksdb_column_family_handle_t *meta)
{
    static const char key[] = FAMA_LEDGER_ORIGIN_KEY;
    char *message = NULL;
    size_t len;
    rocksdb_readoptions_t *reading = rocksdb_readoptions_create();
    char *origin = rocksdb_get_cf(db, reading, meta, key, sizeof key - 1, &len, &message);
    bool has_all = message == NULL && origin == NULL;
    rocksdb_readoptions_destroy(reading);
    rocksdb_free(origin);
    rocksdb_free(message);
    return has_all;
}

/* Whether blocks, indexes and the write-ahead log are whole when state and history are left out, so that
 * these can be made from them. */
static bool can_be_made_again(const struct fama_store *store, rocksdb_options_t *base)
{
    rocksdb_column_family_handle_t *handles[FAMA_STORE_FAMILIES];
    char *message = NULL;
    rocksdb_t *db = open_database(store, base, OPEN_BLOCKS_TO_READ, handles, &message);
    if (db == NULL) {
        rocksdb_free(message);
        return false;
    }
    bool has_all = has_all_blocks(db, handles[FAMA_STORE_META]);
    close_database(db, handles, FAMA_STORE_STATE);
    return has_all;
}

/* Throws away a state and history that RocksDB cannot open, if both can be made again from the blocks.
 * RocksDB drops a family only once it has opened it, which takes looking away, and then
 * it looks away from the write-ahead log too: that was read before. */
static bool drop_damaged_state(const struct fama_store *store)
{
    rocksdb_options_t *base = database_options();
    rocksdb_column_family_handle_t *handles[FAMA_STORE_FAMILIES];
    char *message = NULL;
    rocksdb_t *db = NULL;
    if (can_be_made_again(store, base)) {
        rocksdb_options_set_paranoid_checks(base, 0);
        rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(base, 1);
        rocksdb_options_set_skip_stats_update_on_db_open(base, 1);
        db = open_database(store, base, OPEN_ALL, handles, &message);
    }
    rocksdb_options_destroy(base);
    for (int family = FAMA_STORE_STATE; db != NULL && family < FAMA_STORE_FAMILIES; family++) {
        if (message == NULL) {
            rocksdb_drop_column_family(db, handles[family], &message);
        }
    }
    if (db != NULL) {
        close_database(db, handles, FAMA_STORE_FAMILIES);
    }
    bool is_dropped = db != NULL && message == NULL;
    rocksdb_free(message);
    return is_dropped;
}

static int open_families(struct fama_store *store, rocksdb_options_t *base, bool is_there,
                         struct fama_error *error)
{
    char *message = NULL;
    store->db = open_database(store, base, OPEN_ALL, store->families, &message);
    int status = message == NULL ? 0 : fama_store_fail(store->directory, "opening", message, error);
    if (status == FAMA_LEDGER_CORRUPT && is_there && drop_damaged_state(store)) {
        message = NULL;
        store->db = open_database(store, base, OPEN_ALL, store->families, &message);
        status = message == NULL ? 0 : fama_store_fail(store->directory, "opening", message, error);
    }
    if (status != 0) {
        return status;
    }
    store->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->synced, 1);
    store->reading = rocksdb_readoptions_create();
    return 0;
}

int fama_store_open(const char *directory, struct fama_store *store, struct fama_error *error)
{
    memset(store, 0, sizeof *store);
    bool is_there = false;
    int status = prepare_directory(directory, &store->directory, error);
    if (status == 0) {
        status = check_free_space(store->directory, error);
    }
    if (status == 0) {
        status = find_database(store->directory, &is_there, error);
    }
    if (status == 0) {
        rocksdb_options_t *base = database_options();
        if (is_there) {
            status = refuse_strange_families(store->directory, base, error);
        }
        if (status == 0) {
            status = open_families(store, base, is_there, error);
        }
        rocksdb_options_destroy(base);
    }
    if (status != 0) {
        fama_store_close(store);
    }
    return status;
}

int fama_store_clear_family(struct fama_store *store, enum fama_store_family family,
                            struct fama_error *error)
{
    char *message = NULL;
    rocksdb_drop_column_family(store->db, store->families[family], &message);
    if (message != NULL) {
        return fama_store_fail(store->directory, "clearing the world state", message, error);
    }
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(FAMA_STORE_STATE_CACHE_BYTES);
    rocksdb_options_t *base = database_options();
    rocksdb_options_t *options = family_options(base, cache, family);
    rocksdb_column_family_handle_t *made =
        rocksdb_create_column_family(store->db, options, family_names[family], &message);
    rocksdb_options_destroy(options);
    rocksdb_options_destroy(base);
    rocksdb_cache_destroy(cache);
    if (message != NULL) {
        return fama_store_fail(store->directory, "clearing the world state", message, error);
    }
    rocksdb_column_family_handle_destroy(store->families[family]);
    store->families[family] = made;
    return 0;
}

void fama_store_close(struct fama_store *store)
{
    if (store->db != NULL) {
        for (int family = 0; family < FAMA_STORE_FAMILIES; family++) {
            rocksdb_column_family_handle_destroy(store->families[family]);
        }
        rocksdb_close(store->db);
        rocksdb_writeoptions_destroy(store->synced);
        rocksdb_readoptions_destroy(store->reading);
    }
    free(store->directory);
    memset(store, 0, sizeof *store);
}
