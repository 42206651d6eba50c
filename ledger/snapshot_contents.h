/* What is in a ledger snapshot, read from beginning to end: checked item by item and handed to whoever
 * wants it.
 *
 * Source: Fabric common/ledger/blkstorage/blockindex.go (transaction ids), core/ledger/confighistory/
 * mgr.go, core/ledger/kvledger/txmgmt/privacyenabledstate/snapshot.go. In this order: transaction
 * ids by length, then bytes; the history of collections by key; public state and the hashes of
 * private state, each by namespace, then key.
 *
 * Checked, beyond what Fabric checks: that everything decodes and nothing remains, that counts are
 * right, that the order is strict (of keys, only where they come from a LevelDB peer: CouchDB's order
 * is its own), that no version is later than the last block, that the channel's configuration is
 * there. Hashes are checked at the end of each file, so that what is handed out counts only once the
 * whole walk has returned 0.
 *
 * Memory: one item. One thread. Adversary: whoever handed the snapshot over. */
#ifndef FAMA_LEDGER_SNAPSHOT_CONTENTS_H
#define FAMA_LEDGER_SNAPSHOT_CONTENTS_H

#include "ledger/snapshot_metadata.h"
#include "ledger/state.h"

struct fama_snapshot_state { /* a key of public state, or a private key's hash */
    struct fama_state_name name;
    struct fama_bytes stored_key; /* namespace || 00 || key */
    struct fama_state_entry entry;
};

/* Each is handed views that end with the call and returns 0 or an error, which ends the walk. A NULL
 * function is not called. */
struct fama_snapshot_visitor {
    int (*txid)(void *context, struct fama_bytes txid, struct fama_error *error);
    int (*config_history)(void *context, struct fama_bytes key, struct fama_bytes package,
                          struct fama_error *error);
    int (*state)(void *context, const struct fama_snapshot_state *state, struct fama_error *error);
    void *context;
};

/* How far something long has come: told now and then. NULL is fine where one is asked for. */
struct fama_snapshot_progress {
    void (*report)(void *context, const char *part, uint64_t items);
    void *context;
};

/* Errors are those of ledger/snapshot_file.h, or the visitor's. */
int fama_snapshot_walk(const char *directory, const struct fama_snapshot_metadata *metadata,
                       const struct fama_snapshot_visitor *visitor,
                       const struct fama_snapshot_progress *progress, struct fama_error *error);

/* The key, in namespace "", of the channel's configuration. */
#define FAMA_SNAPSHOT_CONFIG_KEY "CHANNEL_CONFIG_ENV_BYTES"

/* The namespace of hashes is "N$$hCOLLECTION", that of private values "N$$p...", which is never
 * exported. */
bool fama_snapshot_space_is_hashed(struct fama_bytes space);
bool fama_snapshot_space_is_private(struct fama_bytes space);

void fama_snapshot_progress_tell(const struct fama_snapshot_progress *progress, const char *part,
                                 uint64_t items);

#endif
