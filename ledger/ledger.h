/* The ledger of one channel: a RocksDB with column families, written in block order by one atomic,
 * synced WriteBatch per group of blocks: blocks, what became of their transactions, world state and
 * history together, so that none is ever ahead of another.
 *
 * What is stored (integers big-endian, so that keys sort by number; ledger/ledger_layout.h):
 *   blocks   number (8)             -> the block as it came, packed by ledger/block_codec.h
 *   txid     transaction id         -> number, index in the block of its first appearance
 *   state    ledger/state_store.h
 *   history  ledger/history.h
 *   meta     "format"               -> version of this layout (4)
 *            "tip"                  -> height (8), header hash of the last block (32), its commit
 *                                      hash (32, or nothing)
 *            "arrival/" number (8)  -> path (1), sent_ns (8), complete_ns (8), durable_ns (8)
 *            "result/" number (8)   -> whether a commit hash follows (1), it (32), validation codes
 *            "hash/" header hash    -> number (8)
 *            "expiry/" ...          ledger/expiry.h
 *            "confighistory/" ...   ledger/config_history.h
 *            "metadata"             ledger/metadata_spaces.h
 *            "origin", "txid/" ...  ledger/ledger_origin.h
 *            "rollback"             -> height (8): a rollback to it was cut short and goes on at opening
 * State and history carry the height they belong to under the empty key. The genesis block is block
 * 0. A directory of another format version is refused, never converted: version 1 held blocks nobody
 * had validated, so that there is nothing a state could be made from.
 *
 * A block is durable when fama_ledger_commit returns 0; nothing is visible in part, whatever dies.
 * A crash during a commit leaves the group whole or absent. Opening checks that the tip and the
 * last stored block agree; RocksDB's checksums guard every later read, so that a damaged disk costs
 * an error with words, never wrong bytes.
 *
 * State and history can be made again from the blocks (ledger/rebuild.h). A ledger whose state is
 * damaged so that RocksDB cannot open it opens without: fama_ledger_info then says state_height 0.
 *
 * Threads: commits from one thread (the channel's commit thread); fama_ledger_info and look-ups
 * from any thread at any time; opening and closing while no other call runs. fama_ledger_info takes
 * no lock.
 *
 * Errors: after a commit has returned FAMA_LEDGER_IO or FAMA_LEDGER_CORRUPT the ledger refuses
 * further commits until reopened; what was committed stays readable. Whether the failed group is
 * there after reopening is unknown until fama_ledger_info says so.
 *
 * Adversary: a full or failing disk, a crash at any moment. Blocks have been judged before they come
 * here. */
#ifndef FAMA_LEDGER_LEDGER_H
#define FAMA_LEDGER_LEDGER_H

#include "crypto/error.h"
#include "ledger/block.h"

struct fama_ledger;
struct fama_config_history; /* ledger/config_history.h */
struct fama_expiry;         /* ledger/expiry.h */
struct fama_prepared_block; /* ledger/prepared_block.h */
struct fama_state;          /* ledger/state.h */
struct fama_state_store;    /* ledger/state_store.h */
struct fama_store;          /* ledger/store.h */

enum fama_ledger_error {
    FAMA_LEDGER_IO = -1,      /* RocksDB said no: disk full, directory missing, locked by another */
    FAMA_LEDGER_CORRUPT = -2, /* what is stored contradicts itself or fails its checksum */
    FAMA_LEDGER_NOT_FOUND = -3,
    FAMA_LEDGER_OUT_OF_ORDER = -4, /* number is above the height, or previous_hash does not fit */
    FAMA_LEDGER_EXISTS = -5,       /* number is below the height: committed before */
    FAMA_LEDGER_FORMAT = -6,       /* written by another version of this layout */
    FAMA_LEDGER_TOO_LARGE = -7,    /* the group exceeds FAMA_LEDGER_GROUP_BYTES_MAX; split it */
    FAMA_LEDGER_STOPPED = -9,      /* a long job was told to stop */
    FAMA_LEDGER_STATE_BEHIND =
        -8, /* blocks with effects, but the state lacks earlier ones: rebuild */
};

enum fama_arrival_path {
    FAMA_ARRIVAL_GENESIS = 0,
    FAMA_ARRIVAL_SOURCE = 1, /* from the ordering source: this node is the leader */
    FAMA_ARRIVAL_PUSH = 2,   /* every chunk came by push */
    FAMA_ARRIVAL_PULL = 3,   /* at least one chunk had to be asked for */
};

/* How and when a block came, kept beside it for the operator. Wall-clock nanoseconds since 1970. */
struct fama_arrival {
    enum fama_arrival_path path;
    uint64_t sent_ns;     /* leader only: the moment before its first datagram; else 0 */
    uint64_t complete_ns; /* all bytes were here */
    uint64_t durable_ns;  /* filled in by the ledger at commit, just before the write */
};

struct fama_ledger_commit {
    const struct fama_block *block;
    struct fama_arrival arrival;
    const uint8_t *codes;       /* the final one of each envelope; NULL: none was validated */
    const uint8_t *commit_hash; /* FAMA_SHA256_BYTES, or NULL for none */
    /* The block decoded, with is_known_txid filled in: where transaction ids and history come from.
     * NULL: ids are read from the block and looked up again, and there is no history. */
    const struct fama_prepared_block *prepared;
};

/* What the blocks of a group did to the state: written with them. */
struct fama_ledger_effects {
    const struct fama_state *state;   /* the updates of exactly these blocks */
    const struct fama_expiry *expiry; /* the schedules of exactly these blocks; NULL: none */
    const struct fama_config_history *config_history; /* collections they defined; NULL: none */
};

struct fama_ledger_info {
    uint64_t height;      /* blocks committed; the next block has this number */
    uint64_t first_block; /* the first one held: above 0 if a snapshot came before */
    uint8_t last_hash[FAMA_SHA256_BYTES]; /* header hash of block height-1; zeros if height is 0 */
    bool has_commit_hash;
    uint8_t commit_hash[FAMA_SHA256_BYTES]; /* of block height-1, if it has one */
    uint64_t state_height; /* blocks whose effects state and history hold; below height: rebuild */
};

/* The blocks of one group together. RocksDB holds a group in memory twice until it is written. */
#define FAMA_LEDGER_GROUP_BYTES_MAX (512u << 20)

/* Opens or creates the database in `directory` (its parent must exist). Blocks while RocksDB
 * replays its write-ahead log (at most some 64 MB). */
int fama_ledger_open(const char *directory, struct fama_ledger **ledger, struct fama_error *error);
void fama_ledger_close(struct fama_ledger *ledger); /* NULL is fine */

/* Commits blocks number height, height+1, ... in one synced batch. All or none. The blocks have
 * been checked (fama_block_check, signatures) except for the chain link, which is checked here.
 * `effects` NULL: none was judged, and the state stays behind for good. Blocks for one disk sync. */
int fama_ledger_commit(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, const struct fama_ledger_effects *effects,
                       struct fama_error *error);
/* The same in two steps, so that the caller does something else while the disk is waited for. Nothing but
 * fama_ledger_info and look-ups between them, which see the ledger as it was before or, of some
 * blocks already, after: only finishing says that the group is durable, and makes it the tip. What was
 * handed in may be let go after the first. */
int fama_ledger_commit_begin(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                             size_t count, const struct fama_ledger_effects *effects,
                             struct fama_error *error);
int fama_ledger_commit_finish(struct fama_ledger *ledger, struct fama_error *error);
/* Nanoseconds of processor time that writing has taken beside the caller. Between commits. */
uint64_t fama_ledger_writing_ns(const struct fama_ledger *ledger);

void fama_ledger_info(const struct fama_ledger *ledger, struct fama_ledger_info *info);

/* The committed world state; lives as long as the ledger is open. */
struct fama_state_store *fama_ledger_state(struct fama_ledger *ledger);
/* For those who keep records of their own beside the state (ledger/expiry.h). */
const struct fama_store *fama_ledger_store(const struct fama_ledger *ledger);

/* Serialized block; the caller frees `*bytes` with fama_ledger_free. */
int fama_ledger_block(const struct fama_ledger *ledger, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error);
/* FAMA_LEDGER_NOT_FOUND if no block has this header hash. */
int fama_ledger_block_by_hash(const struct fama_ledger *ledger,
                              const uint8_t hash[FAMA_SHA256_BYTES], uint64_t *number,
                              struct fama_error *error);

/* What became of a block. Zeroed at first or cleared. */
struct fama_ledger_result {
    uint8_t *codes; /* one per envelope; freed by fama_ledger_result_clear */
    size_t count;
    bool has_commit_hash;
    uint8_t commit_hash[FAMA_SHA256_BYTES];
};
int fama_ledger_result(const struct fama_ledger *ledger, uint64_t number,
                       struct fama_ledger_result *result, struct fama_error *error);
void fama_ledger_result_clear(struct fama_ledger_result *result);

/* Where a transaction id appeared first, and what became of it there. Envelopes without an id are not
 * recorded. */
struct fama_ledger_location {
    uint64_t number;
    uint32_t index;
    uint8_t code;
};
int fama_ledger_locate_txid(const struct fama_ledger *ledger, struct fama_bytes txid,
                            struct fama_ledger_location *location, struct fama_error *error);
/* For each id whether it stands in a committed block; an empty one never does. */
int fama_ledger_known_txids(const struct fama_ledger *ledger, const struct fama_bytes *txids,
                            size_t count, bool *known, struct fama_error *error);

int fama_ledger_arrival(const struct fama_ledger *ledger, uint64_t number,
                        struct fama_arrival *arrival, struct fama_error *error);
void fama_ledger_free(uint8_t *bytes);

#endif
