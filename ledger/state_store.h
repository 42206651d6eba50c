/* The committed world state: column family `state` of a ledger, read by key, by many keys, and in order.
 *
 * Key: namespace || 00 || key; hashed collections live in namespace "N$$hCOLLECTION" (ledger/state.h).
 * Value: enc(block) || enc(transaction) || uvarint metadata length || metadata || value, enc(x)
 * being Fabric's order-preserving number: one byte of length, then big-endian digits (spec
 * fabric-algorithms §6). Written only through ledger/ledger.h, in the batch that commits a block.
 *
 * Values are handed out as copies: memory is what was asked for, not what RocksDB caches around it.
 * Errors are those of ledger/state.h. Adversary: the disk.
 *
 * Threads: reads from any thread while the ledger is open. */
#ifndef FAMA_LEDGER_STATE_STORE_H
#define FAMA_LEDGER_STATE_STORE_H

#include "ledger/state.h"

struct fama_state_store; /* fama_ledger_state (ledger/ledger.h) hands it out */

/* One stored value with the memory it lives in. Zeroed at first; reusable; freed by
 * fama_state_record_clear. */
struct fama_state_record {
    struct fama_state_entry entry; /* views into `memory` */
    void *memory;                  /* owned by the store's implementation */
};
void fama_state_record_clear(struct fama_state_record *record);

int fama_state_store_get(struct fama_state_store *store, struct fama_bytes stored_key,
                         struct fama_state_record *record, struct fama_error *error);
/* All records are filled or none is: after an error they are empty. */
int fama_state_store_get_many(struct fama_state_store *store, const struct fama_bytes *stored_keys,
                              size_t count, struct fama_state_record *records,
                              struct fama_error *error);

/* False: no key that begins so (namespace and 00, or more) has metadata. Only on the thread that commits. */
bool fama_state_store_may_have_metadata(const struct fama_state_store *store,
                                        struct fama_bytes prefix);

/* In-order reading from `start` (inclusive) to `end` (exclusive; empty: the end of everything). */
struct fama_state_cursor;
int fama_state_cursor_open(struct fama_state_store *store, struct fama_bytes start,
                           struct fama_bytes end, struct fama_state_cursor **cursor,
                           struct fama_error *error);
/* 1 and the next entry (views until the next call), 0 at the end, or an error. */
int fama_state_cursor_next(struct fama_state_cursor *cursor, struct fama_bytes *stored_key,
                           struct fama_state_entry *entry, struct fama_error *error);
void fama_state_cursor_close(struct fama_state_cursor *cursor); /* NULL is fine */

/* What stands before metadata and value of a stored value. Returns its length. */
#define FAMA_STATE_VALUE_HEAD_MAX (9 + 9 + 10)
size_t fama_state_value_head(const struct fama_state_entry *entry,
                             uint8_t head[FAMA_STATE_VALUE_HEAD_MAX]);
/* False if damaged. The entry's views point into `stored`. */
bool fama_state_value_decode(struct fama_bytes stored, struct fama_state_entry *entry);

/* Fabric's encoding of numbers in keys and versions. At most FAMA_ORDERED_NUMBER_MAX bytes. */
#define FAMA_ORDERED_NUMBER_MAX 9
size_t fama_ordered_number_encode(uint64_t number, uint8_t at[FAMA_ORDERED_NUMBER_MAX]);
/* Bytes taken, 0 if damaged. */
size_t fama_ordered_number_decode(struct fama_bytes bytes, uint64_t *number);

#endif
