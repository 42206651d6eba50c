#include "ledger/prepared_block.h"

#include <stdlib.h>

#include "crypto/signature_job.h"

#define WAITING_MAX       32
#define CACHE_LINE_BYTES  64
#define CALLED_NEAR_BYTES 8192
#define KNOWN_NAMES       8
#define READINGS_MAX      16 /* transactions whose messages are hashed together */

/* An endorsement costs an entry of the transaction and one of ours, from two bytes of wire on. Jobs
 * are only made for identities, whose certificates are far larger. */
_Static_assert(sizeof(struct fama_endorsement) + sizeof(struct fama_prepared_signature) <=
                   2 * FAMA_READ_WRITE_SET_GROWTH,
               "what the arena's limit allows for endorsements");
_Static_assert(sizeof(struct fama_prepared_transaction) <= FAMA_PREPARED_TRANSACTION_BYTES_MAX,
               "what the header promises");

static size_t arena_limit(const struct fama_block *block)
{
    const size_t per_entry = sizeof(struct fama_prepared_transaction) + sizeof(uint8_t);
    return 64 * 1024 + FAMA_READ_WRITE_SET_GROWTH * block->bytes.len +
           per_entry * block->envelope_count;
}

/* Fabric looks the creator up in the MSPs of the channel that the header names. */
static bool names_channel(const struct fama_transaction *transaction,
                          const struct fama_channel_config *config)
{
    return fama_bytes_equal_text(transaction->channel_id, fama_channel_config_id(config));
}

/* Leaves it NULL if the creator's signature cannot be good. */
static int find_creator(struct fama_prepared_block *block, struct fama_identity_cache *cache,
                        struct fama_prepared_transaction *transaction)
{
    if (transaction->decoded.header_code != FAMA_TRANSACTION_VALID ||
        !transaction->decoded.signature.is_present ||
        !names_channel(&transaction->decoded, block->config)) {
        return 0;
    }
    struct fama_identity *creator;
    int result =
        fama_identity_cache_find(cache, block->config, transaction->decoded.creator, &creator);
    if (result != 0) {
        return result;
    }
    if (creator != NULL && fama_identity_validate(creator, NULL) != 0) {
        fama_identity_release(creator);
        creator = NULL;
    }
    transaction->creator.identity = creator;
    block->job_count += creator != NULL ? 1 : 0;
    return 0;
}

/* Finds the identities of a decoded entry. */
static int find_signers(struct fama_prepared_block *block, struct fama_identity_cache *cache,
                        struct fama_prepared_transaction *transaction)
{
    const struct fama_transaction *decoded = &transaction->decoded;
    if (decoded->endorsement_count > 0) {
        transaction->endorsements = fama_arena_take(
            &block->arena, decoded->endorsement_count * sizeof(*transaction->endorsements));
        if (transaction->endorsements == NULL) {
            return FAMA_PREPARED_BLOCK_NO_MEMORY;
        }
    }
    /* Without its creator the transaction is invalid whatever its endorsers say. */
    int result = find_creator(block, cache, transaction);
    if (result != 0 || transaction->creator.identity == NULL) {
        return result;
    }
    for (size_t i = 0; i < decoded->endorsement_count; i++) {
        struct fama_identity *endorser;
        result = fama_identity_cache_find(cache, block->config, decoded->endorsements[i].endorser,
                                          &endorser);
        if (result != 0) {
            return result;
        }
        transaction->endorsements[i].identity = endorser;
        block->job_count += endorser != NULL ? 1 : 0;
    }
    return 0;
}

/* The names that a block's transactions share. */
struct known_names {
    struct fama_bytes names[KNOWN_NAMES];
    size_t count; /* of all that were met */
};

/* Has the view point to where the same name stood before: what the judges compare for each transaction
 * stays in the processor's cache then, which the block's own bytes have left. */
static void share_name(struct known_names *known, struct fama_bytes *name)
{
    size_t kept = known->count < KNOWN_NAMES ? known->count : KNOWN_NAMES;
    for (size_t i = 0; i < kept; i++) {
        if (fama_bytes_equal(known->names[i], *name)) {
            *name = known->names[i];
            return;
        }
    }
    known->names[known->count++ % KNOWN_NAMES] = *name;
}

static void share_names(struct known_names *known, struct fama_transaction *decoded)
{
    if (decoded->body_code != FAMA_TRANSACTION_VALID || !decoded->has_set) {
        return;
    }
    decoded->claimed_txid = fama_bytes_of_text(decoded->computed_txid); /* they are equal */
    share_name(known, &decoded->header_chaincode.name);
    share_name(known, &decoded->action_chaincode.name);
    for (size_t i = 0; i < decoded->set.namespace_count; i++) {
        struct fama_namespace_set *set = &decoded->set.namespaces[i];
        share_name(known, &set->name);
        for (size_t j = 0; j < set->collection_count; j++) {
            share_name(known, &set->collections[j].name);
        }
    }
}

/* Calls an entry's bytes near while the one before is decoded: a reader's jumps from field to field are
 * nothing that the processor foresees. */
static void call_near(struct fama_bytes envelope)
{
    size_t len = envelope.len < CALLED_NEAR_BYTES ? envelope.len : CALLED_NEAR_BYTES;
    for (size_t at = 0; at < len; at += CACHE_LINE_BYTES) {
        __builtin_prefetch(envelope.at + at, 0, 2);
    }
}

/* Decodes entries from `first` on, at most READINGS_MAX, and finds their identities. */
static int decode_some(struct fama_prepared_block *block, struct fama_identity_cache *cache,
                       struct known_names *names, size_t first, size_t count)
{
    struct fama_transaction_reading readings[READINGS_MAX];
    struct fama_sha256_message messages[2 * READINGS_MAX];
    size_t message_count = 0;
    struct fama_prepared_transaction *transactions = &block->transactions[first];
    for (size_t i = 0; i < count; i++) {
        if (first + i + 1 < block->count) {
            call_near(block->block.envelopes[first + i + 1]);
        }
        if (fama_transaction_begin(block->block.envelopes[first + i], &block->arena,
                                   &transactions[i].decoded, &readings[i]) != 0) {
            return FAMA_PREPARED_BLOCK_NO_MEMORY;
        }
        for (size_t j = 0; j < readings[i].message_count; j++) {
            messages[message_count++] = readings[i].messages[j];
        }
    }
    fama_sha256_many(messages, message_count);
    for (size_t i = 0; i < count; i++) {
        if (fama_transaction_finish(&readings[i], &block->arena, &transactions[i].decoded) != 0 ||
            find_signers(block, cache, &transactions[i]) != 0) {
            return FAMA_PREPARED_BLOCK_NO_MEMORY;
        }
        share_names(names, &transactions[i].decoded);
    }
    return 0;
}

/* Messages that wait until there are enough of them to be hashed together, and what some of them begin
 * with. */
struct waiting {
    struct fama_bytes parts[WAITING_MAX][2];
    struct fama_sha256_message messages[WAITING_MAX];
    size_t count;
    struct fama_bytes shared[WAITING_MAX];
    struct fama_sha256_start starts[WAITING_MAX];
    size_t shared_count;
};

static void hash_waiting(struct waiting *waiting)
{
    fama_sha256_starts(waiting->shared, waiting->shared_count, waiting->starts);
    fama_sha256_many(waiting->messages, waiting->count);
    waiting->count = 0;
    waiting->shared_count = 0;
}

/* The start of messages that begin with this text, which is hashed once for those that wait together. There
 * is room: no message has two. */
static const struct fama_sha256_start *share_start(struct waiting *waiting, struct fama_bytes text)
{
    size_t count = waiting->shared_count;
    if (count == 0 || waiting->shared[count - 1].at != text.at) {
        waiting->shared[count] = text;
        waiting->shared_count = ++count;
    }
    return &waiting->starts[count - 1];
}

/* What a signature is of: one or two parts. */
struct message {
    struct fama_bytes parts[2];
    size_t part_count;
    bool has_shared_start; /* other messages begin with the same first part */
    const uint8_t *digest; /* if it is known already */
};

static void make_job(struct fama_prepared_block *block, struct fama_prepared_signature *signature,
                     const struct message *message, struct fama_bytes der, struct waiting *waiting)
{
    signature->job = &block->jobs[block->job_count++];
    if (!fama_identity_prepare_verify_unhashed(signature->identity, message->parts,
                                               message->part_count, der, signature->job)) {
        return;
    }
    if (message->digest != NULL) {
        memcpy(signature->job->digest, message->digest, FAMA_SHA256_BYTES);
        return;
    }
    if (waiting->count == WAITING_MAX) {
        hash_waiting(waiting);
    }
    struct fama_bytes *kept = waiting->parts[waiting->count];
    memcpy(kept, message->parts, message->part_count * sizeof(*kept));
    waiting->messages[waiting->count++] = (struct fama_sha256_message){
        .parts = kept,
        .part_count = message->part_count,
        .start = message->has_shared_start ? share_start(waiting, kept[0]) : NULL,
        .digest = signature->job->digest,
    };
}

static void make_jobs(struct fama_prepared_block *block, size_t index, struct waiting *waiting)
{
    struct fama_prepared_transaction *transaction = &block->transactions[index];
    const struct fama_transaction *decoded = &transaction->decoded;
    if (transaction->creator.identity == NULL) {
        return;
    }
    struct message message = {
        .parts = {decoded->payload},
        .part_count = 1,
        .digest = block->block.payload_digests != NULL ? block->block.payload_digests[index] : NULL,
    };
    make_job(block, &transaction->creator, &message, decoded->signature.bytes, waiting);
    if (transaction->creator.job->verdict == FAMA_VERDICT_BAD) {
        return;
    }
    for (size_t i = 0; i < decoded->endorsement_count; i++) {
        if (transaction->endorsements[i].identity != NULL) {
            message = (struct message){
                .parts = {decoded->response_payload, decoded->endorsements[i].endorser},
                .part_count = 2,
                .has_shared_start = decoded->endorsement_count > 1,
            };
            make_job(block, &transaction->endorsements[i], &message,
                     decoded->endorsements[i].signature, waiting);
        }
    }
}

static void make_all_jobs(struct fama_prepared_block *block)
{
    struct waiting waiting;
    waiting.count = 0;
    waiting.shared_count = 0;
    block->job_count = 0;
    for (size_t i = 0; i < block->count; i++) {
        make_jobs(block, i, &waiting);
    }
    hash_waiting(&waiting);
}

static int prepare(struct fama_prepared_block *block, struct fama_identity_cache *cache)
{
    struct known_names names = {.count = 0};
    block->count = block->block.envelope_count;
    if (block->count > 0) {
        block->transactions =
            fama_arena_take(&block->arena, block->count * sizeof(*block->transactions));
        block->codes = fama_arena_take(&block->arena, block->count);
        if (block->transactions == NULL || block->codes == NULL) {
            return FAMA_PREPARED_BLOCK_NO_MEMORY;
        }
        memset(block->codes, FAMA_TRANSACTION_NOT_VALIDATED, block->count);
    }
    for (size_t i = 0; i < block->count; i += READINGS_MAX) {
        size_t left = block->count - i;
        int result =
            decode_some(block, cache, &names, i, left < READINGS_MAX ? left : READINGS_MAX);
        if (result != 0) {
            return result;
        }
    }
    if (block->job_count > 0) {
        block->jobs = fama_arena_take(&block->arena, block->job_count * sizeof(*block->jobs));
        if (block->jobs == NULL) {
            return FAMA_PREPARED_BLOCK_NO_MEMORY;
        }
    }
    make_all_jobs(block);
    return 0;
}

int fama_prepared_block_adopt(struct fama_block *block, struct fama_channel_config *config,
                              struct fama_identity_cache *cache,
                              struct fama_prepared_block **prepared, struct fama_error *error)
{
    *prepared = NULL;
    struct fama_prepared_block *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        size_t len = block->bytes.len;
        fama_block_clear(block);
        return fama_error_set(error, FAMA_PREPARED_BLOCK_NO_MEMORY,
                              "no memory to prepare a block of %zu bytes", len);
    }
    made->block = *block;
    *block = (struct fama_block){.bytes = {0}};
    made->config = fama_channel_config_acquire(config);
    fama_arena_init(&made->arena, arena_limit(&made->block));
    int result = prepare(made, cache);
    if (result != 0) {
        result = fama_error_set(error, result,
                                "no memory to prepare block %llu, of %zu bytes and %zu "
                                "transactions; free memory and start again",
                                (unsigned long long)made->block.number, made->block.bytes.len,
                                made->block.envelope_count);
        fama_prepared_block_destroy(made);
        return result;
    }
    *prepared = made;
    return 0;
}

int fama_prepared_block_create(struct fama_bytes bytes, struct fama_channel_config *config,
                               struct fama_identity_cache *cache,
                               struct fama_prepared_block **prepared, struct fama_error *error)
{
    struct fama_block block;
    *prepared = NULL;
    enum fama_block_refusal refusal = fama_block_parse(bytes, &block);
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        return fama_error_set(error, FAMA_PREPARED_BLOCK_NO_MEMORY,
                              "no memory to prepare a block of %zu bytes", bytes.len);
    }
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return fama_error_set(error, FAMA_PREPARED_BLOCK_MALFORMED,
                              "%zu bytes that do not decode as a block; fetch it again", bytes.len);
    }
    return fama_prepared_block_adopt(&block, config, cache, prepared, error);
}

void fama_prepared_block_destroy(struct fama_prepared_block *prepared)
{
    if (prepared == NULL) {
        return;
    }
    for (size_t i = 0; prepared->transactions != NULL && i < prepared->count; i++) {
        struct fama_prepared_transaction *transaction = &prepared->transactions[i];
        fama_identity_release(transaction->creator.identity);
        for (size_t j = 0;
             transaction->endorsements != NULL && j < transaction->decoded.endorsement_count; j++) {
            fama_identity_release(transaction->endorsements[j].identity);
        }
    }
    fama_arena_clear(&prepared->arena);
    fama_channel_config_release(prepared->config);
    fama_block_clear(&prepared->block);
    free(prepared);
}
