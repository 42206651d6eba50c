#include "ledger/history.h"

#include <stdlib.h>

#include "ledger/ledger_parts.h"
#include "ledger/state_store.h"

#define VERSION_BYTES_MAX (2 * FAMA_ORDERED_NUMBER_MAX)

/* Appends 00 and a number; returns the length. */
static size_t put_separated(uint8_t *at, uint64_t number)
{
    at[0] = 0;
    return 1 + fama_ordered_number_encode(number, at + 1);
}

static void append_writes(struct fama_ledger *ledger, rocksdb_writebatch_t *batch,
                          const struct fama_namespace_set *set, struct fama_bytes version)
{
    for (size_t i = 0; i < set->write_count; i++) {
        struct fama_bytes key = set->writes[i].key;
        uint8_t length[1 + FAMA_ORDERED_NUMBER_MAX];
        size_t length_len = put_separated(length, key.len);
        const char *const parts[] = {(const char *)set->name.at, (const char *)length,
                                     (const char *)key.at, (const char *)version.at};
        const size_t lens[] = {set->name.len, length_len, key.len, version.len};
        rocksdb_writebatch_putv_cf(batch, ledger->store.families[FAMA_STORE_HISTORY], 4, parts,
                                   lens, 0, NULL, NULL);
    }
}

void fama_ledger_append_history(struct fama_ledger *ledger, rocksdb_writebatch_t *batch,
                                const struct fama_prepared_block *prepared, const uint8_t *codes)
{
    for (size_t i = 0; i < prepared->count; i++) {
        const struct fama_transaction *transaction = &prepared->transactions[i].decoded;
        if (codes[i] != FAMA_TRANSACTION_VALID || transaction->type != FAMA_TRANSACTION_ENDORSER ||
            !transaction->has_set) {
            continue;
        }
        uint8_t version[1 + VERSION_BYTES_MAX];
        size_t len = put_separated(version, prepared->block.number);
        len += fama_ordered_number_encode(i, version + len);
        for (size_t space = 0; space < transaction->set.namespace_count; space++) {
            append_writes(ledger, batch, &transaction->set.namespaces[space],
                          fama_bytes(version, len));
        }
    }
}

struct fama_history_cursor {
    const struct fama_ledger *ledger;
    rocksdb_iterator_t *iterator;
    rocksdb_readoptions_t *options;
    enum fama_history_order order;
    bool has_begun;
    size_t prefix_len;
    char prefix[]; /* and after it the bound that RocksDB borrows, one byte greater at the end */
};

int fama_history_open(const struct fama_ledger *ledger, struct fama_bytes space,
                      struct fama_bytes key, enum fama_history_order order,
                      struct fama_history_cursor **cursor, struct fama_error *error)
{
    *cursor = NULL;
    uint8_t length[1 + FAMA_ORDERED_NUMBER_MAX];
    size_t length_len = put_separated(length, key.len);
    size_t prefix_len = space.len + length_len + key.len + 1;
    struct fama_history_cursor *opened = malloc(sizeof *opened + 2 * prefix_len);
    if (opened == NULL) {
        return fama_error_set(error, FAMA_LEDGER_IO, "reading history: out of memory");
    }
    *opened = (struct fama_history_cursor){.ledger = ledger,
                                           .options = rocksdb_readoptions_create(),
                                           .order = order,
                                           .prefix_len = prefix_len};
    const struct fama_bytes parts[] = {space, fama_bytes(length, length_len), key,
                                       fama_bytes("", 1)};
    char *at = opened->prefix;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len > 0) {
            memcpy(at, parts[i].at, parts[i].len);
            at += parts[i].len;
        }
    }
    memcpy(at, opened->prefix, prefix_len);
    at[prefix_len - 1] = 1;
    rocksdb_readoptions_set_iterate_lower_bound(opened->options, opened->prefix, prefix_len);
    rocksdb_readoptions_set_iterate_upper_bound(opened->options, at, prefix_len);
    opened->iterator = rocksdb_create_iterator_cf(ledger->store.db, opened->options,
                                                  ledger->store.families[FAMA_STORE_HISTORY]);
    *cursor = opened;
    return 0;
}

static void step(struct fama_history_cursor *cursor)
{
    bool is_forward = cursor->order == FAMA_HISTORY_OLDEST_FIRST;
    if (!cursor->has_begun && is_forward) {
        rocksdb_iter_seek_to_first(cursor->iterator);
    } else if (!cursor->has_begun) {
        rocksdb_iter_seek_to_last(cursor->iterator);
    } else if (rocksdb_iter_valid(cursor->iterator) && is_forward) {
        rocksdb_iter_next(cursor->iterator);
    } else if (rocksdb_iter_valid(cursor->iterator)) {
        rocksdb_iter_prev(cursor->iterator);
    }
    cursor->has_begun = true;
}

/* False for another key's entry, which a namespace with a zero byte in it can bring here. */
static bool decode_version(struct fama_bytes rest, struct fama_version *version)
{
    size_t taken = fama_ordered_number_decode(rest, &version->block);
    size_t more = fama_ordered_number_decode(fama_bytes(rest.at + taken, rest.len - taken),
                                             &version->transaction);
    return taken != 0 && more != 0 && taken + more == rest.len;
}

int fama_history_next(struct fama_history_cursor *cursor, struct fama_version *version,
                      struct fama_error *error)
{
    bool is_found = false;
    do {
        step(cursor);
        if (rocksdb_iter_valid(cursor->iterator)) {
            size_t len;
            const char *key = rocksdb_iter_key(cursor->iterator, &len);
            is_found = decode_version(
                fama_bytes(key + cursor->prefix_len, len - cursor->prefix_len), version);
        }
    } while (!is_found && rocksdb_iter_valid(cursor->iterator));
    if (is_found) {
        return 1;
    }
    char *message = NULL;
    rocksdb_iter_get_error(cursor->iterator, &message);
    return message == NULL ? 0
                           : fama_store_fail(cursor->ledger->store.directory, "reading history",
                                             message, error);
}

void fama_history_close(struct fama_history_cursor *cursor)
{
    if (cursor != NULL) {
        rocksdb_iter_destroy(cursor->iterator);
        rocksdb_readoptions_destroy(cursor->options);
        free(cursor);
    }
}
