#include "ledger/recommit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ledger/chaincode_definition.h"
#include "ledger/commit_hash.h"
#include "ledger/config_history.h"
#include "ledger/expiry.h"
#include "ledger/ledger_parts.h"
#include "ledger/mvcc.h"

#define GROUP_BLOCKS 64
#define GROUP_BYTES  ((size_t)16 << 20)

/* A stored block, decoded without identities. */
struct stored_block {
    struct fama_prepared_block prepared;
    uint8_t *bytes;
    struct fama_ledger_result result;
};

struct recommitting {
    const struct fama_recommit *job;
    struct fama_state *state;
    struct fama_expiry *expiry;
    struct fama_config_history *config_history;
    struct stored_block blocks[GROUP_BLOCKS];
    size_t count;
    bool has_commit_hash;
    uint8_t commit_hash[FAMA_SHA256_BYTES]; /* of the block before */
};

static void clear_block(struct stored_block *block)
{
    fama_arena_clear(&block->prepared.arena);
    fama_block_clear(&block->prepared.block);
    fama_ledger_result_clear(&block->result);
    fama_ledger_free(block->bytes);
    *block = (struct stored_block){0};
}

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_LEDGER_IO,
                          "applying stored blocks: out of memory; free some and start again");
}

static int decode_transactions(struct fama_prepared_block *prepared, struct fama_error *error)
{
    const struct fama_block *block = &prepared->block;
    fama_arena_init(&prepared->arena, 64 * 1024 + FAMA_READ_WRITE_SET_GROWTH * block->bytes.len +
                                          sizeof *prepared->transactions * block->envelope_count);
    prepared->count = block->envelope_count;
    prepared->transactions =
        fama_arena_take(&prepared->arena, (prepared->count + 1) * sizeof *prepared->transactions);
    if (prepared->transactions == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < prepared->count; i++) {
        if (fama_transaction_decode(block->envelopes[i], &prepared->arena,
                                    &prepared->transactions[i].decoded) != 0) {
            return no_memory(error);
        }
    }
    return 0;
}

static int load_block(const struct fama_ledger *ledger, uint64_t number, struct stored_block *block,
                      struct fama_error *error)
{
    *block = (struct stored_block){0};
    size_t len;
    int status = fama_ledger_block(ledger, number, &block->bytes, &len, error);
    if (status == 0) {
        status = fama_ledger_result(ledger, number, &block->result, error);
    }
    if (status != 0) {
        return status;
    }
    struct fama_prepared_block *prepared = &block->prepared;
    enum fama_block_refusal refusal =
        fama_block_parse(fama_bytes(block->bytes, len), &prepared->block);
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        return no_memory(error);
    }
    if (refusal != FAMA_BLOCK_ACCEPTED || prepared->block.number != number) {
        return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                              "ledger %s is damaged: block %" PRIu64
                              " does not decode; move the directory away and let the node fetch "
                              "the blocks again, or restore a copy",
                              ledger->store.directory, number);
    }
    if (block->result.count != prepared->block.envelope_count) {
        return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                              "ledger %s does not say what became of %zu transactions of block "
                              "%" PRIu64 "; move the directory away and let the node fetch and "
                              "validate the blocks again",
                              ledger->store.directory, prepared->block.envelope_count, number);
    }
    prepared->codes = block->result.codes;
    return decode_transactions(prepared, error);
}

/* The commit hash of the current block against the stored one, and the next one's predecessor. */
static int check_commit_hash(struct recommitting *work, const struct stored_block *block,
                             struct fama_error *error)
{
    const struct fama_ledger_result *result = &block->result;
    uint64_t number = block->prepared.block.number;
    bool is_due = number == 1 || (number > 1 && work->has_commit_hash);
    uint8_t hash[FAMA_SHA256_BYTES] = {0};
    struct fama_bytes previous = fama_bytes(work->commit_hash, number > 1 ? FAMA_SHA256_BYTES : 0);
    if (is_due &&
        fama_commit_hash(work->state, result->codes, result->count, previous, hash) != 0) {
        return no_memory(error);
    }
    work->has_commit_hash = is_due;
    memcpy(work->commit_hash, hash, sizeof hash);
    if (is_due == result->has_commit_hash &&
        (!is_due || memcmp(hash, result->commit_hash, sizeof hash) == 0)) {
        return 0;
    }
    return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                          "ledger %s: the commit hash of block %" PRIu64
                          " is not that of what the block did; move the directory away and let the "
                          "node fetch and validate the blocks again",
                          work->job->from->store.directory, number);
}

static int apply_block(struct recommitting *work, struct stored_block *block,
                       struct fama_error *error)
{
    uint64_t number = block->prepared.block.number;
    fama_state_begin_block(work->state, number);
    int status = fama_mvcc_apply(&block->prepared, work->state, error);
    if (status == 0 && work->job->checks_commit_hashes) {
        int differs = check_commit_hash(work, block, error);
        if (differs != 0) {
            return differs;
        }
    }
    if (status == 0) {
        status = fama_config_history_advance(work->config_history, work->state, number, error);
    }
    if (status == 0) {
        status = fama_expiry_advance(work->expiry, work->state, error);
    }
    return status == 0
               ? 0
               : fama_error_prefix(error, FAMA_LEDGER_CORRUPT,
                                   "applying block %" PRIu64 " of ledger %s again: ", number,
                                   work->job->from->store.directory);
}

static int write_group(struct recommitting *work, struct fama_error *error)
{
    const struct fama_prepared_block *blocks[GROUP_BLOCKS];
    for (size_t i = 0; i < work->count; i++) {
        blocks[i] = &work->blocks[i].prepared;
    }
    const struct fama_ledger_effects effects = {
        .state = work->state, .expiry = work->expiry, .config_history = work->config_history};
    return fama_ledger_commit_effects(work->job->to, blocks, work->count, &effects, error);
}

static int recommit_group(struct recommitting *work, uint64_t first, uint64_t end,
                          struct fama_error *error)
{
    int status = 0;
    size_t bytes = 0;
    work->count = 0;
    while (status == 0 && work->count < GROUP_BLOCKS && bytes < GROUP_BYTES &&
           first + work->count < end) {
        struct stored_block *block = &work->blocks[work->count];
        status = load_block(work->job->from, first + work->count, block, error);
        work->count++;
        if (status == 0) {
            bytes += block->prepared.block.bytes.len;
            status = apply_block(work, block, error);
        }
    }
    if (status == 0) {
        status = write_group(work, error);
    }
    fama_config_history_reset(work->config_history);
    fama_expiry_reset(work->expiry);
    fama_state_reset(work->state);
    for (size_t i = 0; i < work->count; i++) {
        clear_block(&work->blocks[i]);
    }
    return status;
}

static int recommit_all(struct recommitting *work, struct fama_error *error)
{
    const struct fama_recommit *job = work->job;
    uint64_t end = job->from->tip.height;
    int status = 0;
    while (status == 0 && job->to->tip.state_height < end) {
        status = recommit_group(work, job->to->tip.state_height, end, error);
        if (status == 0 && job->progress != NULL &&
            !job->progress(job->context, job->to->tip.state_height, end)) {
            status = fama_error_set(error, FAMA_LEDGER_STOPPED, "stopped at block %" PRIu64,
                                    job->to->tip.state_height);
        }
    }
    return status;
}

int fama_recommit(const struct fama_recommit *recommit, struct fama_error *error)
{
    struct recommitting *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return no_memory(error);
    }
    work->job = recommit;
    work->state = fama_state_create(fama_ledger_state(recommit->to));
    work->expiry = fama_expiry_create(&recommit->to->store, fama_chaincode_block_to_live);
    work->config_history = fama_config_history_create();
    int status = work->state != NULL && work->expiry != NULL && work->config_history != NULL
                     ? recommit_all(work, error)
                     : no_memory(error);
    fama_config_history_destroy(work->config_history);
    fama_expiry_destroy(work->expiry);
    fama_state_destroy(work->state);
    free(work);
    return status;
}
