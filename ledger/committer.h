/* From the bytes of blocks to a committed ledger: groups of blocks are prepared, their signatures checked
 * elsewhere, judged in order, and written in one synced batch.
 *
 *   fama_commit_group_create      a group that follows all groups created before
 *   fama_commit_group_add         block by block: decoded, linked, the orderers' signatures checked
 *   fama_commit_group_jobs        run these on any thread: creators and endorsements
 *   fama_committer_commit         policies, MVCC, commit hash; one atomic RocksDB batch
 *
 * Several groups may be under way: while the signatures of one are being checked the one before is
 * committed, or written (fama_committer_begin), and the one after is prepared. Groups are committed in the order in which they were
 * created. A configuration block closes its group, and none can be created until it is committed:
 * what follows is judged by the configuration it brings.
 *
 * Lifetime: the ledger outlives the committer; the bytes of a block live until its group is destroyed.
 * One thread calls all of this; only the jobs may run elsewhere in between. Adversary: whoever writes
 * or relays blocks; nothing of a block's transactions is looked at before its orderers' signature has
 * been verified. */
#ifndef FAMA_LEDGER_COMMITTER_H
#define FAMA_LEDGER_COMMITTER_H

#include "ledger/ledger.h"
#include "ledger/prepared_block.h"

struct fama_committer;
struct fama_commit_group;

enum fama_committer_error {
    FAMA_COMMITTER_INVALID = -1, /* not a genesis block, or not this ledger's channel */
    FAMA_COMMITTER_LEDGER = -2,  /* the ledger could not be read or written */
    FAMA_COMMITTER_HALT = -3,    /* a block that Fabric would stop at; those before are committed */
    FAMA_COMMITTER_NO_MEMORY = -4,
    FAMA_COMMITTER_DAMAGED =
        -5, /* the state does not fit the blocks: rebuild it (ledger/rebuild.h) */
};

#define FAMA_COMMIT_GROUP_MAX       64 /* blocks */
#define FAMA_COMMIT_GROUP_BYTES_MAX ((size_t)64 << 20)

/* Opens a ledger's channel at its height: the configuration comes from the state. `channel_id` is
 * what the ledger must hold, NULL whatever it does. An empty ledger gives a committer that waits for
 * fama_committer_found. */
int fama_committer_create(struct fama_ledger *ledger, const char *channel_id,
                          struct fama_committer **committer, struct fama_error *error);
void fama_committer_destroy(struct fama_committer *committer); /* NULL is fine */

/* Commits block 0 of an empty ledger. Trusted, as by whoever joins a Fabric peer to a channel; only its
 * configuration and its form are checked. *group holds the committed block; the caller destroys it, and
 * keeps the bytes until then. */
int fama_committer_found(struct fama_committer *committer, struct fama_bytes genesis,
                         struct fama_arrival arrival, struct fama_commit_group **group,
                         struct fama_error *error);

/* Borrowed, until the next commit; NULL before the ledger has a block. */
struct fama_channel_config *fama_committer_config(const struct fama_committer *committer);

/* The number of the block that the next added one must have. */
uint64_t fama_committer_next(const struct fama_committer *committer);
/* False while a configuration block is on its way. */
bool fama_committer_can_prepare(const struct fama_committer *committer);

/* NULL when memory is out. */
struct fama_commit_group *fama_commit_group_create(struct fama_committer *committer);
/* Destroying a group that was not committed gives its blocks back: all groups created after it must be
 * destroyed as well. NULL is fine. */
void fama_commit_group_destroy(struct fama_commit_group *group);

/* Judges the block itself and takes it in. A refused block is not in the group, and its number is asked
 * for again; so it is after FAMA_BLOCK_NO_MEMORY, which is nobody's fault and may pass when another group
 * is done. Not on a closed group. */
enum fama_block_refusal fama_commit_group_add(struct fama_commit_group *group,
                                              struct fama_bytes bytes, struct fama_arrival arrival);
/* Whether it takes no more: full by count or bytes, or ended by a configuration block. */
bool fama_commit_group_is_closed(const struct fama_commit_group *group);
size_t fama_commit_group_count(const struct fama_commit_group *group);
/* When the block itself had been found good, before its transactions were looked at: CLOCK_MONOTONIC. 0 for an
 * index out of range. */
uint64_t fama_commit_group_judged_ns(const struct fama_commit_group *group, size_t index);

/* The jobs still to be run, made once after the last block was added. They live as long as the group. NULL
 * with a count when memory is out. */
struct fama_verify_job **fama_commit_group_jobs(struct fama_commit_group *group, size_t *count);

/* What became of a block once it is committed. */
struct fama_committed_block {
    const struct fama_prepared_block *prepared; /* with the final codes */
    bool has_commit_hash;
    uint8_t commit_hash[FAMA_SHA256_BYTES];
};
const struct fama_committed_block *fama_commit_group_block(const struct fama_commit_group *group,
                                                           size_t index);

/* Writes the oldest group. All jobs have been run. On FAMA_COMMITTER_HALT the first `*committed` blocks
 * are durable, in other failures none; the committer takes no further groups then. */
int fama_committer_commit(struct fama_committer *committer, struct fama_commit_group *group,
                          size_t *committed, struct fama_error *error);
/* The same in two steps: when the first returns 0, the group is being written by another thread, and later
 * groups may be created and added to in the meantime. Nothing of it is durable, or to be told to anyone,
 * before the second returns 0 with all of the group in `*committed`; only then is another one begun.
 * Destroying the group finishes it. The first fails as fama_committer_commit does. */
int fama_committer_begin(struct fama_committer *committer, struct fama_commit_group *group,
                         size_t *committed, struct fama_error *error);
int fama_committer_finish(struct fama_committer *committer, size_t *committed,
                          struct fama_error *error);

/* Where the time goes, in nanoseconds of processor time since creation: of the calling thread, and of the
 * one that writes. Waiting for the disk is not in it. */
struct fama_committer_times {
    uint64_t parse;    /* blocks: decoding, data hash, orderers' signatures */
    uint64_t identity; /* transactions: decoding, identities, message hashes */
    uint64_t policy;   /* known transaction ids, validation */
    uint64_t mvcc;     /* reads, updates, commit hash */
    uint64_t commit;   /* building and writing the batch; only between groups all of it */
};
void fama_committer_times(const struct fama_committer *committer,
                          struct fama_committer_times *times);

#endif
