/* A block made ready for judgement: every transaction decoded, every creator and endorser deserialized
 * and validated, and one signature job per signature that needs a curve.
 *
 * Preparing reads no state and depends on the channel's configuration only, so that blocks are prepared
 * and their jobs run (crypto/verifier.h: on verify lcores, or here) while earlier blocks are still
 * being committed. A block after a configuration block must not be prepared before that one is
 * committed.
 *
 * Ownership: a prepared block holds the views' memory (an arena), references to identities and to the
 * configuration, and borrows the block's bytes. One thread at a time. Adversary: whoever writes
 * blocks; memory is a small multiple of the block. */
#ifndef FAMA_LEDGER_PREPARED_BLOCK_H
#define FAMA_LEDGER_PREPARED_BLOCK_H

#include "ledger/channel_config.h"
#include "ledger/identity_cache.h"
#include "ledger/transaction.h"

/* A signature by an identity: `job` is NULL when there is nothing to run because `is_decided`. */
struct fama_prepared_signature {
    const struct fama_identity *identity; /* NULL: it does not deserialize in this channel */
    struct fama_verify_job *job;          /* NULL without an identity */
};

/* Once the jobs were run: whether the signature stands. */
static inline bool fama_prepared_signature_is_good(const struct fama_prepared_signature *signature)
{
    return signature->job != NULL && signature->job->verdict == FAMA_VERDICT_GOOD;
}

struct fama_prepared_transaction {
    struct fama_transaction decoded;
    struct fama_prepared_signature creator;       /* identity NULL also if the channel is another */
    struct fama_prepared_signature *endorsements; /* decoded.endorsement_count, in their order */
    bool
        is_known_txid; /* stands in an earlier block: filled in by the committer before validation */
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

/* `bytes` must outlive the prepared block. The cache belongs to the calling thread. */
int fama_prepared_block_create(struct fama_bytes bytes, struct fama_channel_config *config,
                               struct fama_identity_cache *cache,
                               struct fama_prepared_block **prepared, struct fama_error *error);
void fama_prepared_block_destroy(struct fama_prepared_block *prepared); /* NULL is fine */

#endif
