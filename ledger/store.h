/* The RocksDB of one ledger: opened with this project's column families and tuning, closed, and its
 * complaints turned into words. Private to the ledger; ledger/ledger.h is the door for everyone
 * else.
 *
 * Column families
 *   default   unused (RocksDB insists on it)
 *   blocks    large values in key order: LZ4-compressed blob files, so that compaction never
 *             rewrites a block. Certificates repeat: 84 blocks of a real channel take 2.6 MB instead
 *             of 10.9, and are read at 2.8 GB/s instead of 1.1. Compression is off the commit path.
 *   txid      small random keys, mostly asked for in vain: Bloom filters.
 *   meta      a few keys and short records per block.
 *   state     values by random key, looked up for everything a transaction reads and written for all
 *             it writes, walked in order for range queries: Bloom filters and a cache of its own.
 *   history   short keys, written often and read rarely.
 *
 * A range of keys must never be deleted at once from txid and state: RocksDB keeps such ranges in a table of
 * their own, but would search it from a place in the table of keys (see with_hints), and die.
 *
 * Memory is bounded, for many nodes on one small machine: FAMA_STORE_WRITE_BUFFERS_BYTES of write
 * buffers, FAMA_STORE_CACHE_BYTES and FAMA_STORE_STATE_CACHE_BYTES of cache with indices and filters
 * in it (taken as it is used, not at the start), FAMA_STORE_OPEN_FILES
 * descriptors, two background threads a process. Only blocks larger than a write buffer go beyond,
 * one at a time.
 *
 * RocksDB's own LOG holds a header and nothing else, and a disk with less than
 * FAMA_STORE_FREE_BYTES_MIN is not opened: Debian builds RocksDB with assertions, and one of them
 * ends the process when the LOG cannot grow, so that a full disk would kill the node. What matters
 * comes back as errors of the calls.
 *
 * A state or history that RocksDB cannot open, while everything else is whole, is dropped at opening and
 * found empty: ledger/ledger.h then says that it is to be rebuilt. Not so where the ledger began with a
 * snapshot (ledger/ledger_origin.h): what no block can make again stays as it is, for whoever mends it.
 *
 * Recovery: a write-ahead log may end in a torn record, which was never acknowledged and is
 * dropped. Damage anywhere else refuses to open: dropping it silently would take back what was
 * acknowledged.
 *
 * Threads: open and close from one thread; RocksDB's own look-ups from any thread in between. A
 * process that has opened a store must not fork and open one in the child without exec: RocksDB's
 * background threads do not survive the fork. Adversary: the disk, a full one, a crash, another
 * process. */
#ifndef FAMA_LEDGER_STORE_H
#define FAMA_LEDGER_STORE_H

#include <rocksdb/c.h>

#include "crypto/error.h"
#include "ledger/metadata_spaces.h"

#define FAMA_STORE_BLOCKS_BUFFER_BYTES (16u << 20)
#define FAMA_STORE_SMALL_BUFFER_BYTES  (4u << 20)
#define FAMA_STORE_WRITE_BUFFERS_BYTES (48u << 20)
#define FAMA_STORE_WAL_BYTES           (64u << 20) /* on disk, then old families are flushed */
#define FAMA_STORE_CACHE_BYTES         (16u << 20)
#define FAMA_STORE_STATE_CACHE_BYTES   (64u << 20)
#define FAMA_STORE_OPEN_FILES          256
#define FAMA_STORE_FREE_BYTES_MIN      (16u << 20) /* on the disk, to open */

enum fama_store_family {
    FAMA_STORE_DEFAULT = 0,
    FAMA_STORE_BLOCKS,
    FAMA_STORE_TXID,
    FAMA_STORE_META,
    FAMA_STORE_STATE, /* from here on: what can be made again from the blocks */
    FAMA_STORE_HISTORY,
    FAMA_STORE_FAMILIES, /* how many */
};

struct fama_store {
    char *directory; /* its one true absolute name */
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[FAMA_STORE_FAMILIES];
    rocksdb_writeoptions_t *synced; /* every write waits for the disk */
    rocksdb_readoptions_t *reading;
};

/* What ledger/state_store.h reads from. */
struct fama_state_store {
    const struct fama_store *store;
    struct fama_metadata_spaces metadata; /* of what is committed; kept by the ledger */
};

/* Opens or creates. Errors are those of ledger/ledger.h; the store is then left closed. */
int fama_store_open(const char *directory, struct fama_store *store, struct fama_error *error);
/* A zeroed or closed store is fine. */
void fama_store_close(struct fama_store *store);

/* Throws a family's contents away and begins it anew. No one may be reading it. */
int fama_store_clear_family(struct fama_store *store, enum fama_store_family family,
                            struct fama_error *error);

/* Turns RocksDB's message about `doing` ("reading block 7") into an error of ledger/ledger.h with
 * words, and frees it. */
int fama_store_fail(const char *directory, const char *doing, char *message,
                    struct fama_error *error);

#endif
