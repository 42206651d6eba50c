/* What both halves of the committer share: preparing (commit_group.c) and committing (committer.c). For
 * these two only. */
#ifndef FAMA_LEDGER_COMMITTER_PARTS_H
#define FAMA_LEDGER_COMMITTER_PARTS_H

#include "ledger/committer.h"
#include "ledger/config_history.h"
#include "ledger/expiry.h"
#include "ledger/state.h"
#include "ledger/txid_set.h"
#include "ledger/validation.h"

/* The end of a chain: the next block's number, and the hash it must name. */
struct fama_chain_tip {
    uint64_t next;
    uint8_t hash[FAMA_SHA256_BYTES];
};

struct fama_commit_entry {
    struct fama_prepared_block *prepared;
    struct fama_arrival arrival;
    uint64_t judged_ns; /* CLOCK_MONOTONIC */
    struct fama_committed_block result;
};

struct fama_commit_group {
    struct fama_committer *committer;
    struct fama_commit_entry entries[FAMA_COMMIT_GROUP_MAX];
    size_t count;
    size_t bytes;
    bool ends_with_config;
    bool is_committed;
    struct fama_chain_tip before; /* where the chain stood when the group was created */
    struct fama_verify_job **jobs;
};

struct fama_committer {
    char channel_id[FAMA_CHANNEL_ID_MAX];
    struct fama_ledger *ledger;
    struct fama_channel_config *config;
    struct fama_identity_cache *identities;
    struct fama_verifier *verifier; /* of block signatures */
    struct fama_validator *validator;
    struct fama_state *state;
    struct fama_expiry *expiry;
    struct fama_config_history *config_history;
    struct fama_txid_set txids; /* of the group at hand */
    bool has_commit_hash;
    uint8_t commit_hash[FAMA_SHA256_BYTES]; /* of the block judged last */
    struct fama_chain_tip planned;          /* after all groups created */
    bool is_config_pending;
    struct fama_commit_group *writing; /* begun and not finished; NULL: none */
    struct fama_channel_config *next;  /* what it brings; NULL: nothing new */
    bool is_broken;                    /* a commit failed: nothing more is taken */
    struct fama_committer_times times;
    uint64_t written_before_ns; /* by the ledger's writer, for those before this committer */
};

/* Nanoseconds of processor time that this thread has had. */
uint64_t fama_committer_clock(void);

#endif
