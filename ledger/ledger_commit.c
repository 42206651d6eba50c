/* Committing: checks of a group against the tip, and the one batch that holds all of it. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ledger/indexed_txid.h"
#include "ledger/ledger_parts.h"

/* One block against the tip it is to extend. Block 0 has nothing to link to. */
static int check_link(const struct fama_ledger *ledger, const struct fama_ledger_info *tip,
                      const struct fama_block *block, struct fama_error *error)
{
    if (block->number < tip->height) {
        return fama_error_set(error, FAMA_LEDGER_EXISTS,
                              "block %" PRIu64 " is in ledger %s already, which is at height "
                              "%" PRIu64,
                              block->number, ledger->store.directory, tip->height);
    }
    if (block->number > tip->height) {
        return fama_error_set(error, FAMA_LEDGER_OUT_OF_ORDER,
                              "block %" PRIu64 " came to ledger %s out of order, block %" PRIu64
                              " is next",
                              block->number, ledger->store.directory, tip->height);
    }
    struct fama_bytes expected = fama_bytes(tip->last_hash, FAMA_SHA256_BYTES);
    if (block->number > 0 && !fama_bytes_equal(block->previous_hash, expected)) {
        return fama_error_set(error, FAMA_LEDGER_OUT_OF_ORDER,
                              "block %" PRIu64 " names another predecessor than block %" PRIu64
                              " in ledger %s; it belongs to another chain",
                              block->number, block->number - 1, ledger->store.directory);
    }
    return 0;
}

/* Checks the whole group before anything is batched; `tip` becomes the tip after it. */
static int check_group(const struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, struct fama_ledger_info *tip, struct fama_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fama_block *block = blocks[i].block;
        int status = check_link(ledger, tip, block, error);
        if (status != 0) {
            return status;
        }
        if (block->bytes.len > FAMA_LEDGER_GROUP_BYTES_MAX - bytes) {
            return fama_error_set(error, FAMA_LEDGER_TOO_LARGE,
                                  "a group of %zu blocks for ledger %s exceeds %u bytes; commit "
                                  "smaller groups",
                                  count, ledger->store.directory, FAMA_LEDGER_GROUP_BYTES_MAX);
        }
        bytes += block->bytes.len;
        tip->height++;
        memcpy(tip->last_hash, block->header_hash, FAMA_SHA256_BYTES);
        tip->has_commit_hash = blocks[i].commit_hash != NULL;
        if (tip->has_commit_hash) {
            memcpy(tip->commit_hash, blocks[i].commit_hash, FAMA_SHA256_BYTES);
        }
    }
    return 0;
}

/* Collects the transactions of a block that no earlier block has. */
static bool collect_prepared_txids(struct fama_ledger *ledger,
                                   const struct fama_prepared_block *prepared)
{
    for (size_t index = 0; index < prepared->count; index++) {
        const struct fama_prepared_transaction *transaction = &prepared->transactions[index];
        struct fama_bytes txid = fama_transaction_indexed_txid(&transaction->decoded);
        if (txid.len > 0 && !transaction->is_known_txid &&
            !fama_txid_batch_add(&ledger->txids, txid, prepared->block.number, index)) {
            return false;
        }
    }
    return true;
}

static int out_of_memory(const struct fama_ledger *ledger, uint64_t number,
                         struct fama_error *error)
{
    return fama_error_set(error, FAMA_LEDGER_IO,
                          "committing block %" PRIu64 " to ledger %s: out of memory", number,
                          ledger->store.directory);
}

/* The same, for a block that nobody has prepared. */
static int collect_txids(struct fama_ledger *ledger, const struct fama_block *block,
                         struct fama_error *error)
{
    for (size_t index = 0; index < block->envelope_count; index++) {
        char computed[FAMA_SHA256_TEXT_BYTES];
        struct fama_bytes txid = fama_indexed_txid(block->envelopes[index], computed);
        bool is_known = txid.len == 0;
        int status = fama_ledger_known_txids(ledger, &txid, 1, &is_known, error);
        if (status != 0) {
            return status;
        }
        if (txid.len > 0 && !is_known &&
            !fama_txid_batch_add(&ledger->txids, txid, block->number, index)) {
            return out_of_memory(ledger, block->number, error);
        }
    }
    return 0;
}

static int append_txids(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                        size_t count, struct fama_error *error)
{
    fama_txid_batch_clear(&ledger->txids);
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        if (blocks[i].prepared == NULL) {
            status = collect_txids(ledger, blocks[i].block, error);
        } else if (!collect_prepared_txids(ledger, blocks[i].prepared)) {
            status = out_of_memory(ledger, blocks[i].block->number, error);
        }
        if (status != 0) {
            return status;
        }
    }
    size_t kept = fama_txid_batch_sort(&ledger->txids);
    for (size_t i = 0; i < kept; i++) {
        const struct fama_txid_entry *entry = ledger->txids.order[i].entry;
        uint8_t location[FAMA_LEDGER_LOCATION_BYTES];
        fama_ledger_location_encode(entry->number, entry->index, location);
        fama_ledger_batch_put(ledger, FAMA_STORE_TXID, fama_ledger_key_bytes(&entry->key),
                              fama_bytes(location, sizeof location));
    }
    fama_txid_batch_clear(&ledger->txids);
    return 0;
}

static void append_result(struct fama_ledger *ledger, const struct fama_ledger_commit *commit)
{
    struct fama_ledger_key key;
    uint8_t head[FAMA_LEDGER_RESULT_HEAD_MAX];
    size_t head_len = fama_ledger_result_head(commit->commit_hash, head);
    fama_ledger_number_key(FAMA_LEDGER_RESULT_PREFIX, commit->block->number, &key);
    const char *key_bytes = (const char *)key.bytes;
    const char *const parts[] = {(const char *)head, (const char *)commit->codes};
    const size_t lens[] = {head_len, commit->codes == NULL ? 0 : commit->block->envelope_count};
    rocksdb_writebatch_putv_cf(ledger->batch, ledger->store.families[FAMA_STORE_META], 1,
                               &key_bytes, &key.len, 2, parts, lens);
}

static int append_block(struct fama_ledger *ledger, const struct fama_ledger_commit *commit,
                        uint64_t durable_ns, struct fama_error *error)
{
    const struct fama_block *block = commit->block;
    struct fama_block_pieces pieces;
    if (fama_block_pack(ledger->packer, block, &pieces) != 0) {
        return out_of_memory(ledger, block->number, error);
    }
    struct fama_ledger_key key;
    fama_ledger_block_key(block->number, &key);
    const char *key_bytes = (const char *)key.bytes;
    rocksdb_writebatch_putv_cf(ledger->batch, ledger->store.families[FAMA_STORE_BLOCKS], 1,
                               &key_bytes, &key.len, (int)pieces.count, pieces.at, pieces.lens);

    struct fama_arrival arrival = commit->arrival;
    uint8_t record[FAMA_LEDGER_ARRIVAL_BYTES];
    arrival.durable_ns = durable_ns;
    fama_ledger_number_key(FAMA_LEDGER_ARRIVAL_PREFIX, block->number, &key);
    fama_ledger_arrival_encode(&arrival, record);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key),
                          fama_bytes(record, sizeof record));

    fama_ledger_hash_key(block->header_hash, &key);
    fama_ledger_put_u64(record, block->number);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key),
                          fama_bytes(record, FAMA_LEDGER_NUMBER_BYTES));
    append_result(ledger, commit);
    return 0;
}

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int fill_batch(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                      size_t count, const struct fama_ledger_effects *effects,
                      const struct fama_ledger_info *tip, struct fama_error *error)
{
    rocksdb_writebatch_clear(ledger->batch);
    int status = append_txids(ledger, blocks, count, error);
    if (status != 0) {
        return status;
    }
    uint64_t durable_ns = wall_clock_ns();
    for (size_t i = 0; i < count; i++) {
        status = append_block(ledger, &blocks[i], durable_ns, error);
        if (status != 0) {
            return status;
        }
        if (blocks[i].prepared != NULL && blocks[i].codes != NULL) {
            fama_ledger_append_history(ledger, ledger->batch, blocks[i].prepared, blocks[i].codes);
        }
    }
    if (effects != NULL) {
        fama_ledger_append_effects(ledger, effects);
        fama_ledger_batch_savepoints(ledger, tip->state_height);
    }
    fama_ledger_batch_tip(ledger, tip);
    return 0;
}

/* On the writer's thread. */
static void write_batch(void *context)
{
    struct fama_ledger *ledger = context;
    char doing[FAMA_LEDGER_DOING_BYTES];
    (void)snprintf(doing, sizeof doing, "committing block %" PRIu64, ledger->tip.height);
    ledger->write_status = fama_ledger_write(ledger, doing, &ledger->failure);
}

/* Effects may follow only on a state that has those of all blocks before. */
static int check_effects(const struct fama_ledger *ledger,
                         const struct fama_ledger_effects *effects, struct fama_error *error)
{
    if (effects == NULL || ledger->tip.state_height == ledger->tip.height) {
        return 0;
    }
    return fama_error_set(error, FAMA_LEDGER_STATE_BEHIND,
                          "the world state of ledger %s is at height %" PRIu64
                          ", its blocks at %" PRIu64 "; run `fama ledger rebuild`",
                          ledger->store.directory, ledger->tip.state_height, ledger->tip.height);
}

/* Up to the write itself. */
static int make_batch(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                      size_t count, const struct fama_ledger_effects *effects,
                      struct fama_error *error)
{
    if (ledger->is_refusing) {
        return fama_error_set(error, FAMA_LEDGER_IO,
                              "ledger %s takes no blocks since a commit failed; mend what is named "
                              "here and start the node again: %s",
                              ledger->store.directory, ledger->failure.text);
    }
    struct fama_ledger_info *tip = &ledger->next_tip;
    *tip = ledger->tip;
    int status = check_group(ledger, blocks, count, tip, error);
    if (status == 0) {
        status = check_effects(ledger, effects, error);
    }
    if (status != 0) {
        return status;
    }
    if (effects != NULL) {
        tip->state_height = tip->height;
    }
    status = fill_batch(ledger, blocks, count, effects, tip, &ledger->failure);
    if (status != 0) {
        ledger->is_refusing = true;
        return fama_error_set(error, status, "%s", ledger->failure.text);
    }
    ledger->is_writing = true;
    return 0;
}

int fama_ledger_commit_begin(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                             size_t count, const struct fama_ledger_effects *effects,
                             struct fama_error *error)
{
    int status = count == 0 ? 0 : make_batch(ledger, blocks, count, effects, error);
    if (status == 0 && count > 0) {
        fama_ledger_writer_begin(ledger->writer, write_batch, ledger);
    }
    return status;
}

int fama_ledger_commit_finish(struct fama_ledger *ledger, struct fama_error *error)
{
    if (!ledger->is_writing) {
        return 0;
    }
    fama_ledger_writer_wait(ledger->writer);
    ledger->is_writing = false;
    if (ledger->write_status != 0) {
        ledger->is_refusing = true;
        return fama_error_set(error, ledger->write_status, "%s", ledger->failure.text);
    }
    ledger->tip = ledger->next_tip;
    fama_ledger_publish(ledger);
    return 0;
}

int fama_ledger_commit(struct fama_ledger *ledger, const struct fama_ledger_commit *blocks,
                       size_t count, const struct fama_ledger_effects *effects,
                       struct fama_error *error)
{
    int status = count == 0 ? 0 : make_batch(ledger, blocks, count, effects, error);
    if (status != 0 || count == 0) {
        return status;
    }
    write_batch(ledger);
    return fama_ledger_commit_finish(ledger, error);
}

uint64_t fama_ledger_writing_ns(const struct fama_ledger *ledger)
{
    return fama_ledger_writer_busy_ns(ledger->writer);
}
