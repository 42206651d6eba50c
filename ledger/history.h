/* Which transactions wrote a key: column family `history` of a ledger.
 *
 * Key: namespace || 00 || enc(length of key) || key || 00 || enc(block) || enc(transaction), without a
 * value; enc is ledger/state_store.h's ordered number. One for each public write, deletes too, of each
 * valid endorser transaction (Fabric core/ledger/kvledger/history/db.go; spec fabric-algorithms §8).
 * What was written stands in the block. Written in the batch that commits the block.
 *
 * Threads: any while the ledger is open, a cursor in one. Adversary: the disk. */
#ifndef FAMA_LEDGER_HISTORY_H
#define FAMA_LEDGER_HISTORY_H

#include "ledger/ledger.h"
#include "ledger/read_write_set.h"

struct fama_history_cursor;

enum fama_history_order { FAMA_HISTORY_OLDEST_FIRST, FAMA_HISTORY_NEWEST_FIRST };

/* Walks the transactions that wrote `key` of namespace `space`, which are copied. What is committed
 * meanwhile is not seen. Errors are those of ledger/ledger.h. */
int fama_history_open(const struct fama_ledger *ledger, struct fama_bytes space,
                      struct fama_bytes key, enum fama_history_order order,
                      struct fama_history_cursor **cursor, struct fama_error *error);
/* 1 and the next transaction, 0 at the end, or an error. */
int fama_history_next(struct fama_history_cursor *cursor, struct fama_version *version,
                      struct fama_error *error);
void fama_history_close(struct fama_history_cursor *cursor); /* NULL is fine */

#endif
