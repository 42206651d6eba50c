/* The ledger of one channel: a RocksDB with column families, written in block order by one atomic,
 * synced WriteBatch per group of blocks.
 *
 * What is stored (integers big-endian, so that keys sort by number):
 *   blocks   number (8)             -> the serialized block as it came
 *   txid     transaction id (text)  -> number (8), index in the block (4) of its first appearance
 *   meta     "format"               -> version of this layout (4)
 *            "tip"                  -> height (8), header hash of the last block (32)
 *            "arrival/" number (8)  -> path (1), sent_ns (8), complete_ns (8), durable_ns (8)
 * The genesis block is block 0. A directory of another format version is refused, never converted.
 *
 * A block is durable when fama_ledger_commit returns 0; nothing is visible in part, whatever dies.
 * A crash during a commit leaves the group whole or absent. Opening checks that the tip and the
 * last stored block agree; RocksDB's checksums guard every later read, so that a damaged disk costs
 * an error with words, never wrong bytes.
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
struct fama_state_store; /* ledger/state_store.h */

enum fama_ledger_error {
    FAMA_LEDGER_IO = -1,      /* RocksDB said no: disk full, directory missing, locked by another */
    FAMA_LEDGER_CORRUPT = -2, /* what is stored contradicts itself or fails its checksum */
    FAMA_LEDGER_NOT_FOUND = -3,
    FAMA_LEDGER_OUT_OF_ORDER = -4, /* number is above the height, or previous_hash does not fit */
    FAMA_LEDGER_EXISTS = -5,       /* number is below the height: committed before */
    FAMA_LEDGER_FORMAT = -6,       /* written by another version of this layout */
    FAMA_LEDGER_TOO_LARGE = -7,    /* the group exceeds FAMA_LEDGER_GROUP_BYTES_MAX; split it */
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
};

struct fama_ledger_info {
    uint64_t height;                      /* blocks committed; the next block has this number */
    uint8_t last_hash[FAMA_SHA256_BYTES]; /* header hash of block height-1; zeros if height is 0 */
};

/* The blocks of one group together. RocksDB holds a group in memory twice until it is written. */
#define FAMA_LEDGER_GROUP_BYTES_MAX (512u << 20)

/* Opens or creates the database in `directory` (its parent must exist). Blocks while RocksDB
 * replays its write-ahead log (at most some 64 MB). */
int fama_ledger_open(const char *directory, struct fama_ledger **ledger, struct fama_error *error);
void fama_ledger_close(struct fama_ledger *ledger); /* NULL is fine */

/* Commits blocks number height, height+1, ... in one synced batch. All or none. The blocks have
 * been checked (fama_block_check, signatures) except for the chain link, which is checked here.
 * Blocks for one disk sync. */
int fama_ledger_commit(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, struct fama_error *error);

void fama_ledger_info(const struct fama_ledger *ledger, struct fama_ledger_info *info);

/* The committed world state; lives as long as the ledger is open. */
struct fama_state_store *fama_ledger_state(struct fama_ledger *ledger);

/* Serialized block; the caller frees `*bytes` with fama_ledger_free. */
int fama_ledger_block(const struct fama_ledger *ledger, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error);
/* Where a transaction id appeared first. Envelopes without an id are not recorded. */
int fama_ledger_locate_txid(const struct fama_ledger *ledger, const char *txid, uint64_t *number,
                            uint32_t *index, struct fama_error *error);
int fama_ledger_arrival(const struct fama_ledger *ledger, uint64_t number,
                        struct fama_arrival *arrival, struct fama_error *error);
void fama_ledger_free(uint8_t *bytes);

#endif
