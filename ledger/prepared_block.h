/* A block made ready for judgement: every transaction decoded, every creator and endorser deserialized
 * (creators also validated), and a signature job for each signature that can matter.
 *
 * Preparing reads no state and depends on the channel's configuration only, so that blocks are prepared
 * and their jobs run (crypto/verifier.h: on verify lcores, or here) while earlier blocks are still
 * being committed. A block after a configuration block must not be prepared before that one is
 * committed.
 *
 * Ownership: a prepared block holds the views' memory (an arena), references to identities and to the
 * configuration, and borrows the block's bytes. One thread at a time. Adversary: clients, endorsers,
 * and whoever writes blocks. Memory is at most FAMA_READ_WRITE_SET_GROWTH times the block and
 * FAMA_PREPARED_TRANSACTION_BYTES_MAX for each of its entries (an honest block takes about its own
 * size): at FAMA_BLOCK_TRANSACTIONS_MAX entries, which only orderers can sign, 1 GiB. */
#ifndef FAMA_LEDGER_PREPARED_BLOCK_H
#define FAMA_LEDGER_PREPARED_BLOCK_H

#include "ledger/channel_config.h"
#include "ledger/identity_cache.h"
#include "ledger/transaction.h"

#define FAMA_PREPARED_TRANSACTION_BYTES_MAX 1024

/* A signature by an identity. */
struct fama_prepared_signature {
    struct fama_identity *identity; /* one reference; NULL: it does not deserialize here */
    struct fama_verify_job *job;    /* NULL: the signature is not good, or cannot matter */
};

/* Once the jobs were run: whether the signature stands. */
static inline bool fama_prepared_signature_is_good(const struct fama_prepared_signature *signature)
{
    return signature->job != NULL && signature->job->verdict == FAMA_VERDICT_GOOD;
}

struct fama_prepared_transaction {
    struct fama_transaction decoded; /* equal names of different transactions may be one view */
    /* Identity NULL also when the header names another channel, the signature is absent, or the
     * identity is not valid: BAD_CREATOR_SIGNATURE. */
    struct fama_prepared_signature creator;
    /* decoded.endorsement_count, in their order. Without identities and jobs when the creator's
     * signature cannot be good. */
    struct fama_prepared_signature *endorsements;
    bool
        is_known_txid; /* stands in an earlier block: filled in by the committer before validation */
    bool has_places;   /* every name of the set has its place, loaded: see fama_mvcc_prefetch */
};

struct fama_prepared_block {
    struct fama_block block;
    struct fama_channel_config *config; /* one reference */
    struct fama_arena arena;
    struct fama_prepared_transaction *transactions;
    size_t count;
    struct fama_verify_job *jobs; /* all of the block; those PENDING are to be run */
    size_t job_count;
    uint8_t *codes; /* one per transaction: FAMA_TRANSACTION_NOT_VALIDATED until judged */
};

enum fama_prepared_block_error {
    FAMA_PREPARED_BLOCK_MALFORMED = -1, /* it does not decode as a block */
    FAMA_PREPARED_BLOCK_NO_MEMORY = -2,
};

/* Makes no check of the block as a whole: fama_block_check comes first. `bytes` must outlive the
 * prepared block. The cache belongs to the calling thread. */
int fama_prepared_block_create(struct fama_bytes bytes, struct fama_channel_config *config,
                               struct fama_identity_cache *cache,
                               struct fama_prepared_block **prepared, struct fama_error *error);
/* The same from a block that is parsed already, and perhaps digested. Takes it over, also when it fails:
 * *block is empty then. */
int fama_prepared_block_adopt(struct fama_block *block, struct fama_channel_config *config,
                              struct fama_identity_cache *cache,
                              struct fama_prepared_block **prepared, struct fama_error *error);
void fama_prepared_block_destroy(struct fama_prepared_block *prepared); /* NULL is fine */

#endif
