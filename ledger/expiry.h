/* Private keys that end by themselves: a collection's block-to-live, as it changes hashed state.
 *
 * A private key's hash put by block b into a collection that lives for L > 0 blocks is deleted at the
 * commit of block b+L+1, unless a later block than b has put it since, or block b+L+1 touches it.
 * No transaction says so, and the deletion is no part of MVCC or of the commit hash of that block,
 * but the next block no longer finds the key: every peer must do it, member of the collection or
 * not. L is what the definition says before block b, whatever block b does to the definition.
 *
 * Source: Fabric core/ledger/kvledger/txmgmt/pvtstatepurgemgmt, txmgmt/txmgr/lockbased_txmgr.go
 * (Commit), core/ledger/pvtdatapolicy/btlpolicy.go; spec fabric-algorithms §7.
 *
 * Schedules are kept in column family `meta`:
 *   "expiry/" || due block || stored key  ->  put block || u32 length of namespace || u32 length of
 *   collection, all numbers big-endian
 *
 * The committer, per block, after the commit hash: fama_expiry_advance. Per group: fama_expiry_append
 * into the batch that writes the group, then fama_expiry_reset with fama_state_reset. The same when
 * state is rebuilt from blocks. One thread, the one that commits. Adversary: whoever writes private
 * keys; memory is bounded by the group's hashed writes and by the keys due at one block. */
#ifndef FAMA_LEDGER_EXPIRY_H
#define FAMA_LEDGER_EXPIRY_H

#include "ledger/state.h"
#include "ledger/store.h"

struct fama_expiry;

enum fama_expiry_error {
    FAMA_EXPIRY_IO = -1, /* schedules or definitions could not be read; words say why */
    FAMA_EXPIRY_NO_MEMORY = -2,
};

/* fama_chaincode_block_to_live (ledger/chaincode_definition.h), but for tests. */
typedef int (*fama_expiry_lives)(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_bytes collection, uint64_t *blocks,
                                 struct fama_error *error);

/* `store` is borrowed; NULL keeps schedules of one group only. NULL when memory is out. */
struct fama_expiry *fama_expiry_create(const struct fama_store *store, fama_expiry_lives lives);
void fama_expiry_destroy(struct fama_expiry *expiry); /* NULL is fine */
/* Forgets what the group scheduled and used: after it was written, or given up. */
void fama_expiry_reset(struct fama_expiry *expiry);

/* After MVCC and commit hash of the current block of `state`: schedules its hashed puts, and deletes in
 * `state` what is due. Returns 0, FAMA_EXPIRY_* or an error of `lives`. */
int fama_expiry_advance(struct fama_expiry *expiry, struct fama_state *state,
                        struct fama_error *error);

/* Forgets what `block`, the last one advanced over or tried, scheduled and used: with
 * fama_state_abandon_block, when the blocks before it are still to be written. */
void fama_expiry_abandon_block(struct fama_expiry *expiry, uint64_t block);

/* Appends the group's new schedules, and the removal of those used. */
void fama_expiry_append(const struct fama_expiry *expiry, rocksdb_writebatch_t *batch);
/* Appends the removal of all schedules: before state is rebuilt. */
void fama_expiry_append_clear(const struct fama_store *store, rocksdb_writebatch_t *batch);

/* Appends one schedule: of a key that came with a snapshot. */
void fama_expiry_append_key(const struct fama_store *store, const struct fama_state_name *name,
                            struct fama_bytes stored_key, uint64_t put_in, uint64_t due,
                            rocksdb_writebatch_t *batch);

/* Where a key put by `block` ends; UINT64_MAX: never. `blocks_to_live` 0 is for ever. */
uint64_t fama_expiry_due(uint64_t block, uint64_t blocks_to_live);

#endif
