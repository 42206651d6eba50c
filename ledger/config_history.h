/* Which collections a chaincode had since which block: what Fabric calls the configuration history, as it
 * stands in snapshots.
 *
 * An entry for each block that defines or changes a chaincode which then has explicit collections.
 * Kept in column family `meta`, under Fabric's own key with a prefix:
 *   "confighistory/" || "s" || "lscc" || 00 || chaincode || "~collection" || (2^64-1 - block, 8 bytes,
 *   big-endian)  ->  protos.CollectionConfigPackage as Go marshals it
 * so that the latest comes first. Namespace "lscc" stands there for chaincodes of either life cycle.
 *
 * Source: Fabric core/ledger/confighistory/{mgr,db_helper}.go.
 *
 * The committer, per block, after its updates are in the state: fama_config_history_advance. Per group:
 * fama_config_history_append into the batch that writes it, then fama_config_history_reset with
 * fama_state_reset. The same when state is rebuilt from blocks. One thread, the one that commits;
 * fama_config_history_latest from any. Adversary: whoever gets chaincodes defined. */
#ifndef FAMA_LEDGER_CONFIG_HISTORY_H
#define FAMA_LEDGER_CONFIG_HISTORY_H

#include "ledger/chaincode_definition.h"
#include "ledger/store.h"

#define FAMA_CONFIG_HISTORY_PREFIX     "confighistory/"
#define FAMA_CONFIG_HISTORY_PREFIX_END "confighistory0" /* '0' follows '/' */

struct fama_config_history; /* what a group adds */

/* NULL when memory is out. */
struct fama_config_history *fama_config_history_create(void);
void fama_config_history_destroy(struct fama_config_history *history); /* NULL is fine */
/* Forgets what the group added: after it was written, or given up. */
void fama_config_history_reset(struct fama_config_history *history);

/* After the updates of block `number`, the current one of `state`. Errors are those of
 * ledger/chaincode_definition.h: where Fabric stops the channel,
 * FAMA_CHAINCODE_DEFINITION_CORRUPT. */
int fama_config_history_advance(struct fama_config_history *history, struct fama_state *state,
                                uint64_t number, struct fama_error *error);

/* Forgets what block `number`, the last one advanced over, added: with fama_state_abandon_block, when the
 * blocks before it are still to be written. */
void fama_config_history_abandon_block(struct fama_config_history *history, uint64_t number);

void fama_config_history_append(const struct fama_config_history *history,
                                const struct fama_store *store, rocksdb_writebatch_t *batch);
/* Appends the removal of everything: before state is rebuilt. */
void fama_config_history_append_clear(const struct fama_store *store, rocksdb_writebatch_t *batch);

/* The latest package of a chaincode; `*package` NULL if there is none, else to be released with free().
 * Errors are those of ledger/ledger.h. */
int fama_config_history_latest(const struct fama_store *store, struct fama_bytes chaincode,
                               uint8_t **package, size_t *len, struct fama_error *error);

/* Whether `key` (without the prefix) is one of Fabric's: of which chaincode, of which block. */
bool fama_config_history_key_decode(struct fama_bytes key, struct fama_bytes *chaincode,
                                    uint64_t *number);

#endif
