#include "ledger/config_history.h"

#include <stdlib.h>

#include "ledger/ledger.h"
#include "ledger/ledger_layout.h"

#define PREFIX     FAMA_CONFIG_HISTORY_PREFIX
#define PREFIX_LEN (sizeof PREFIX - 1)
#define SUFFIX     "~collection"
#define SUFFIX_LEN (sizeof SUFFIX - 1)

static const char space[] = {'s', 'l', 's', 'c', 'c', '\0'};

struct entry {
    struct fama_collections_update update;
    uint64_t number;
};

struct fama_config_history {
    struct fama_arena arena;
    struct entry *entries;
    size_t count;
    size_t capacity;
};

struct fama_config_history *fama_config_history_create(void)
{
    struct fama_config_history *history = calloc(1, sizeof *history);
    if (history != NULL) {
        fama_arena_init(&history->arena, SIZE_MAX);
    }
    return history;
}

void fama_config_history_destroy(struct fama_config_history *history)
{
    if (history != NULL) {
        fama_arena_clear(&history->arena);
        free(history->entries);
        free(history);
    }
}

void fama_config_history_reset(struct fama_config_history *history)
{
    fama_arena_clear(&history->arena);
    fama_arena_init(&history->arena, SIZE_MAX);
    history->count = 0;
}

static bool make_room(struct fama_config_history *history, size_t more)
{
    if (more <= history->capacity - history->count) {
        return true;
    }
    size_t capacity = 2 * (history->count + more);
    struct entry *entries = realloc(history->entries, capacity * sizeof entries[0]);
    if (entries == NULL) {
        return false;
    }
    history->entries = entries;
    history->capacity = capacity;
    return true;
}

int fama_config_history_advance(struct fama_config_history *history, struct fama_state *state,
                                uint64_t number, struct fama_error *error)
{
    struct fama_collections_update *updates;
    size_t count;
    int status =
        fama_chaincode_collections_updated(state, &history->arena, &updates, &count, error);
    if (status != 0) {
        return status;
    }
    if (!make_room(history, count)) {
        return fama_error_set(error, FAMA_STATE_NO_MEMORY, "history of collections: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        history->entries[history->count++] = (struct entry){.update = updates[i], .number = number};
    }
    return 0;
}

void fama_config_history_abandon_block(struct fama_config_history *history, uint64_t number)
{
    while (history->count > 0 && history->entries[history->count - 1].number == number) {
        history->count--;
    }
}

void fama_config_history_append(const struct fama_config_history *history,
                                const struct fama_store *store, rocksdb_writebatch_t *batch)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *entry = &history->entries[i];
        uint8_t number[FAMA_LEDGER_NUMBER_BYTES];
        fama_ledger_put_u64(number, UINT64_MAX - entry->number);
        const char *const key[] = {PREFIX, space, (const char *)entry->update.chaincode.at, SUFFIX,
                                   (const char *)number};
        const size_t key_lens[] = {PREFIX_LEN, sizeof space, entry->update.chaincode.len,
                                   SUFFIX_LEN, sizeof number};
        const char *const value[] = {(const char *)entry->update.package.at};
        rocksdb_writebatch_putv_cf(batch, store->families[FAMA_STORE_META], 5, key, key_lens, 1,
                                   value, &entry->update.package.len);
    }
}

void fama_config_history_append_clear(const struct fama_store *store, rocksdb_writebatch_t *batch)
{
    rocksdb_writebatch_delete_range_cf(batch, store->families[FAMA_STORE_META], PREFIX, PREFIX_LEN,
                                       FAMA_CONFIG_HISTORY_PREFIX_END,
                                       sizeof FAMA_CONFIG_HISTORY_PREFIX_END - 1);
}

/* The first entry at or behind `start` (without its number), if it is one of the same. */
static int read_first(const struct fama_store *store, struct fama_bytes start, uint8_t **package,
                      size_t *len, struct fama_error *error)
{
    rocksdb_iterator_t *entries =
        rocksdb_create_iterator_cf(store->db, store->reading, store->families[FAMA_STORE_META]);
    rocksdb_iter_seek(entries, (const char *)start.at, start.len);
    int status = 0;
    char *message = NULL;
    if (rocksdb_iter_valid(entries)) {
        size_t key_len;
        const char *key = rocksdb_iter_key(entries, &key_len);
        if (key_len == start.len + FAMA_LEDGER_NUMBER_BYTES &&
            memcmp(key, start.at, start.len) == 0) {
            const char *value = rocksdb_iter_value(entries, len);
            *package = malloc(*len + 1);
            if (*package != NULL) {
                memcpy(*package, value, *len);
            } else {
                status = fama_error_set(error, FAMA_LEDGER_IO,
                                        "ledger %s, history of collections: out of memory",
                                        store->directory);
            }
        }
    } else {
        rocksdb_iter_get_error(entries, &message);
    }
    rocksdb_iter_destroy(entries);
    return message == NULL ? status
                           : fama_store_fail(store->directory, "reading the history of collections",
                                             message, error);
}

int fama_config_history_latest(const struct fama_store *store, struct fama_bytes chaincode,
                               uint8_t **package, size_t *len, struct fama_error *error)
{
    *package = NULL;
    *len = 0;
    size_t start_len = PREFIX_LEN + sizeof space + chaincode.len + SUFFIX_LEN;
    uint8_t *start = malloc(start_len);
    if (start == NULL) {
        return fama_error_set(error, FAMA_LEDGER_IO,
                              "ledger %s, history of collections: out of memory", store->directory);
    }
    uint8_t *at = start;
    memcpy(at, PREFIX, PREFIX_LEN);
    at += PREFIX_LEN;
    memcpy(at, space, sizeof space);
    at += sizeof space;
    if (chaincode.len > 0) {
        memcpy(at, chaincode.at, chaincode.len);
    }
    memcpy(at + chaincode.len, SUFFIX, SUFFIX_LEN);
    int status = read_first(store, fama_bytes(start, start_len), package, len, error);
    free(start);
    return status;
}

bool fama_config_history_key_decode(struct fama_bytes key, struct fama_bytes *chaincode,
                                    uint64_t *number)
{
    size_t outer = sizeof space + SUFFIX_LEN + FAMA_LEDGER_NUMBER_BYTES;
    if (key.len <= outer || memcmp(key.at, space, sizeof space) != 0) {
        return false;
    }
    *chaincode = fama_bytes(key.at + sizeof space, key.len - outer);
    const uint8_t *suffix = chaincode->at + chaincode->len;
    *number = UINT64_MAX - fama_ledger_get_u64(suffix + SUFFIX_LEN);
    return memcmp(suffix, SUFFIX, SUFFIX_LEN) == 0;
}
