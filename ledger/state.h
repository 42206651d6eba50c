/* The world state as the next transaction finds it: what the ledger holds, overlaid with the updates of
 * the blocks that are judged but not yet written.
 *
 * A group of blocks is judged against one such object and then written in one batch from it. Reads
 * are answered from the overlay, then from a cache of what was read before in this group, then from
 * RocksDB. Deleted keys stay in the overlay as tombstones, because MVCC and the commit hash need them.
 *
 * Names: a public key lives in namespace N, a private key's hash in "N$$h" COLLECTION; the stored key
 * is namespace || 00 || key, as in Fabric's LevelDB, so that iteration order is Fabric's
 * (core/ledger/kvledger/txmgmt/privacyenabledstate, stateleveldb; spec fabric-algorithms §5.5).
 *
 * Lifetime: values and metadata handed in are views that live until fama_state_reset (they point into
 * the blocks of the group); keys are copied. Entries handed out live until the next fama_state_reset.
 * One thread: the one that commits. Adversary: whoever writes transactions; memory is bounded by the
 * blocks of the group and what they read, and little of it is kept between groups. */
#ifndef FAMA_LEDGER_STATE_H
#define FAMA_LEDGER_STATE_H

#include "crypto/error.h"
#include "ledger/read_write_set.h"

struct fama_state;
struct fama_state_store; /* ledger/state_store.h: what is committed */

enum fama_state_error {
    FAMA_STATE_IO = -1, /* the store could not be read: the block cannot be judged; words say why */
    FAMA_STATE_NO_MEMORY = -2,
};

struct fama_state_name {
    struct fama_bytes space;      /* the namespace */
    struct fama_bytes collection; /* only looked at if is_hashed */
    bool is_hashed;
    struct fama_bytes key; /* of a hashed name: the raw 32-byte (or any length) key hash */
};

struct fama_state_entry {
    bool exists; /* false: absent or deleted; the rest is then empty */
    struct fama_version version;
    struct fama_bytes value;
    struct fama_bytes metadata; /* serialized KVMetadataWrite without its key; empty: none */
};

/* `store` is borrowed; NULL is a ledger without any state. NULL when memory is out. */
struct fama_state *fama_state_create(struct fama_state_store *store);
void fama_state_destroy(struct fama_state *state);
/* Forgets overlay and cache: after the group was written, or given up. */
void fama_state_reset(struct fama_state *state);
/* Updates from now on belong to this block. Blocks begin in ascending order. */
void fama_state_begin_block(struct fama_state *state, uint64_t number);
/* The number last begun; 0 before. */
uint64_t fama_state_block(const struct fama_state *state);
/* Takes back what was updated since the current block began: a block that cannot be committed, while those
 * before it still can. */
void fama_state_abandon_block(struct fama_state *state);
/* Memory for values and metadata that stand in no block. Lives until fama_state_reset; NULL when memory is
 * out. */
void *fama_state_take(struct fama_state *state, size_t size);

int fama_state_get(struct fama_state *state, const struct fama_state_name *name,
                   struct fama_state_entry *entry, struct fama_error *error);
/* While looking back, fama_state_get answers as before the current block, and nothing is updated. */
void fama_state_look_back(struct fama_state *state);
void fama_state_look_forward(struct fama_state *state);
/* Whether the key was written or deleted by an earlier transaction of the current block. */
bool fama_state_is_touched(const struct fama_state *state, const struct fama_state_name *name);
/* Reads many names at once into the cache, so that later gets cost no look-up. */
int fama_state_prefetch(struct fama_state *state, const struct fama_state_name *names, size_t count,
                        struct fama_error *error);

/* Sets what the key holds from here on; entry->exists false deletes. entry->version is the writing
 * transaction's, also for deletes. */
int fama_state_put(struct fama_state *state, const struct fama_state_name *name,
                   const struct fama_state_entry *entry, struct fama_error *error);

/* A deletion that no transaction asks for (ledger/expiry.h), of a name that the current block does not
 * touch: not among its updates nor touched by it, but gone from now on and among the group's. */
int fama_state_expire(struct fama_state *state, const struct fama_state_name *name,
                      struct fama_error *error);

/* Walks the merged view of a public namespace over [start, end) in byte order, without deleted
 * keys; an empty end is the namespace's end. `visit` returns false to stop early and must not update;
 * what it is shown lives until it returns. */
typedef bool (*fama_state_visit)(void *context, struct fama_bytes key,
                                 const struct fama_state_entry *entry);
int fama_state_range(struct fama_state *state, struct fama_bytes space, struct fama_bytes start,
                     struct fama_bytes end, fama_state_visit visit, void *context,
                     struct fama_error *error);

/* An update of the overlay: the final one of its key in the block (or the group). */
struct fama_state_update {
    struct fama_state_name name;
    struct fama_state_entry entry; /* entry.version also where it does not exist */
    struct fama_bytes stored_key;  /* namespace || 00 || key */
};
/* The updates of the current block, in the order in which keys were first touched: input of the commit
 * hash. */
size_t fama_state_block_updates(const struct fama_state *state,
                                const struct fama_state_update *const **updates);
/* The updates of the whole group, one per key: what is to be written. */
size_t fama_state_group_updates(const struct fama_state *state,
                                const struct fama_state_update *const **updates);

#endif
