/* What the ledger's own files share: the open ledger, and reading and batching on top of ledger/store.h.
 * For ledger.c, ledger_commit.c, ledger_look_up.c, ledger_state.c, ledger_rollback.c, ledger_verify.c,
 * recommit.c, rebuild.c and history.c only;
 * ledger/ledger.h is the door for everyone else. */
#ifndef FAMA_LEDGER_LEDGER_PARTS_H
#define FAMA_LEDGER_LEDGER_PARTS_H

#include <stdatomic.h>

#include "ledger/block_codec.h"
#include "ledger/ledger_layout.h"
#include "ledger/ledger_origin.h"
#include "ledger/ledger_writer.h"
#include "ledger/prepared_block.h"
#include "ledger/store.h"
#include "ledger/txid_batch.h"

#define FAMA_LEDGER_HASH_WORDS  (FAMA_SHA256_BYTES / 8)
#define FAMA_LEDGER_DOING_BYTES 64

/* Height and hash for readers on other threads: a sequence lock of atomics, odd while being
 * written. */
struct fama_ledger_published {
    _Atomic uint64_t sequence;
    _Atomic uint64_t height;
    _Atomic uint64_t state_height;
    _Atomic bool has_commit_hash;
    _Atomic uint64_t last_hash[FAMA_LEDGER_HASH_WORDS];
    _Atomic uint64_t commit_hash[FAMA_LEDGER_HASH_WORDS];
};

struct fama_ledger {
    struct fama_store store;
    struct fama_state_store state_store;
    struct fama_ledger_published published;
    struct fama_ledger_info tip; /* the commit thread's own copy */
    struct fama_ledger_origin origin;
    rocksdb_writebatch_t *batch; /* reused from commit to commit */
    struct fama_block_packer *packer;
    struct fama_txid_batch txids; /* of the group being committed */
    struct fama_ledger_writer *writer;
    bool is_writing; /* a commit was begun: what follows, and batch, are the writer's */
    struct fama_ledger_info next_tip; /* once it is written */
    int write_status;
    bool is_refusing; /* a commit failed; `failure` says how */
    struct fama_error failure;
};

/* Makes `ledger->tip` what everyone sees. */
void fama_ledger_publish(struct fama_ledger *ledger);

/* FAMA_LEDGER_CORRUPT with words about the whole ledger. */
int fama_ledger_damaged(const struct fama_ledger *ledger, struct fama_error *error,
                        const char *what);

/* Reads one value without copying it. `*value` is NULL if the key is not there, else it is released
 * with rocksdb_pinnableslice_destroy. */
int fama_ledger_read(const struct fama_ledger *ledger, enum fama_store_family family,
                     struct fama_bytes key, const char *doing, rocksdb_pinnableslice_t **value,
                     struct fama_error *error);
struct fama_bytes fama_ledger_pinned(const rocksdb_pinnableslice_t *value);

static inline void fama_ledger_batch_put(struct fama_ledger *ledger, enum fama_store_family family,
                                         struct fama_bytes key, struct fama_bytes value)
{
    rocksdb_writebatch_put_cf(ledger->batch, ledger->store.families[family], (const char *)key.at,
                              key.len, (const char *)value.at, value.len);
}
static inline void fama_ledger_batch_delete(struct fama_ledger *ledger,
                                            enum fama_store_family family, struct fama_bytes key)
{
    rocksdb_writebatch_delete_cf(ledger->batch, ledger->store.families[family],
                                 (const char *)key.at, key.len);
}
void fama_ledger_batch_tip(struct fama_ledger *ledger, const struct fama_ledger_info *tip);
/* State and history hold the effects of the first `height` blocks: put under their empty keys. */
void fama_ledger_batch_savepoints(struct fama_ledger *ledger, uint64_t height);
/* Writes the batch, synced, and empties it in either case. */
int fama_ledger_write(struct fama_ledger *ledger, const char *doing, struct fama_error *error);

/* One of the three parts of a commit: ledger_state.c, history.c. */
void fama_ledger_append_effects(struct fama_ledger *ledger,
                                const struct fama_ledger_effects *effects);
void fama_ledger_append_history(struct fama_ledger *ledger, rocksdb_writebatch_t *batch,
                                const struct fama_prepared_block *prepared, const uint8_t *codes);

/* The height state and history agree on; 0 if they do not: the state height at opening. */
uint64_t fama_ledger_load_state_height(const struct fama_ledger *ledger);
/* Once the state's height is known: those recorded for it. */
void fama_ledger_load_metadata_spaces(struct fama_ledger *ledger);
/* Forgets state, history and schedules. No one may be reading them. */
int fama_ledger_clear_state(struct fama_ledger *ledger, struct fama_error *error);
/* Writes state and history of the `count` blocks after the state's height, which the ledger holds. */
int fama_ledger_commit_effects(struct fama_ledger *ledger,
                               const struct fama_prepared_block *const *blocks, size_t count,
                               const struct fama_ledger_effects *effects, struct fama_error *error);
/* Goes on with a rollback that was cut short (ledger/ledger_rollback.h). */
int fama_ledger_resume_rollback(struct fama_ledger *ledger, struct fama_error *error);

#endif
