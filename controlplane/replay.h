/* Commits the blocks of a source to a ledger without a network: how a chain recorded elsewhere is judged
 * offline, and how a ledger is made from files.
 *
 * Every check a node makes is made: form, chain link, orderers' signatures, transactions, MVCC. Goes on at
 * the ledger's height, so that a run that was interrupted is finished by the next. While one group of
 * blocks is being written the signatures of the next are checked. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_REPLAY_H
#define FAMA_CONTROLPLANE_REPLAY_H

#include "controlplane/block_source.h"
#include "ledger/committer.h"

/* The largest block that is taken. */
#define FAMA_REPLAY_BLOCK_BYTES_MAX ((size_t)1 << 30)

struct fama_replay_setup {
    const char *
        genesis_file; /* NULL: block 0 comes from the source; one the ledger has must be the same */
    struct fama_block_source *source; /* borrowed */
    const char *source_name;          /* for words */
    unsigned threads;                 /* besides the caller's, for signatures */
    bool has_end;                     /* stop after block `end` */
    uint64_t end;
    /* Called for every block after it is durable, in order. */
    void (*committed)(void *context, const struct fama_committed_block *block);
    void *context;
    /* NULL: signatures are verified. A measurement of everything else puts in what gives verdicts
     * without looking. */
    void (*instead_of_verifying)(struct fama_verify_job *jobs[], size_t count);
};

struct fama_replay_result {
    uint64_t blocks; /* committed by this run */
    uint64_t transactions;
    uint64_t valid;
    uint64_t height; /* of the ledger afterwards */
    struct fama_committer_times times;
    uint64_t signatures_ns; /* of all threads together */
};

/* Until the first number that the source does not have. Returns 0, or a negative number with words: a block
 * was refused, the ledger or the source failed, the source has a gap there, ends before the wanted end, or
 * is of another chain than the ledger; what was committed before stays. */
int fama_replay(struct fama_ledger *ledger, const struct fama_replay_setup *setup,
                struct fama_replay_result *result, struct fama_error *error);

#endif
