#include "ledger/ledger_rollback.h"

#include <inttypes.h>
#include <stdio.h>

#include "ledger/indexed_txid.h"
#include "ledger/ledger_parts.h"

#define BATCH_BLOCKS       64
#define BATCH_TRANSACTIONS 4096

static const char doing[] = "taking blocks back";

/* The block's own entries in the index of transactions: not those of an earlier block that has the same
 * id. */
static int forget_txids(struct fama_ledger *ledger, const struct fama_block *block,
                        struct fama_error *error)
{
    for (size_t i = 0; i < block->envelope_count; i++) {
        char computed[FAMA_SHA256_TEXT_BYTES];
        struct fama_bytes txid = fama_indexed_txid(block->envelopes[i], computed);
        if (txid.len == 0) {
            continue;
        }
        struct fama_ledger_key key;
        fama_ledger_txid_key(txid, &key);
        rocksdb_pinnableslice_t *value;
        int status = fama_ledger_read(ledger, FAMA_STORE_TXID, fama_ledger_key_bytes(&key), doing,
                                      &value, error);
        if (status != 0) {
            return status;
        }
        uint64_t number = 0;
        uint32_t index = 0;
        bool is_own = value != NULL &&
                      fama_ledger_location_decode(fama_ledger_pinned(value), &number, &index) &&
                      number == block->number;
        if (value != NULL) {
            rocksdb_pinnableslice_destroy(value);
        }
        if (is_own) {
            fama_ledger_batch_delete(ledger, FAMA_STORE_TXID, fama_ledger_key_bytes(&key));
        }
    }
    return 0;
}

static void forget_records(struct fama_ledger *ledger, const struct fama_block *block)
{
    struct fama_ledger_key key;
    fama_ledger_block_key(block->number, &key);
    fama_ledger_batch_delete(ledger, FAMA_STORE_BLOCKS, fama_ledger_key_bytes(&key));
    fama_ledger_number_key(FAMA_LEDGER_ARRIVAL_PREFIX, block->number, &key);
    fama_ledger_batch_delete(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key));
    fama_ledger_number_key(FAMA_LEDGER_RESULT_PREFIX, block->number, &key);
    fama_ledger_batch_delete(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key));
    fama_ledger_hash_key(block->header_hash, &key);
    fama_ledger_batch_delete(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key));
}

static int read_stored(const struct fama_ledger *ledger, uint64_t number, uint8_t **bytes,
                       struct fama_block *block, struct fama_error *error)
{
    size_t len;
    *block = (struct fama_block){0};
    int status = fama_ledger_block(ledger, number, bytes, &len, error);
    if (status == 0 && fama_block_parse(fama_bytes(*bytes, len), block) != FAMA_BLOCK_ACCEPTED) {
        fama_ledger_free(*bytes);
        *bytes = NULL;
        status = fama_ledger_damaged(ledger, error, "a block to be taken back does not decode");
    }
    return status;
}

/* The tip as it was after block `height` - 1. */
static int find_tip(const struct fama_ledger *ledger, uint64_t height, struct fama_ledger_info *tip,
                    struct fama_error *error)
{
    *tip = (struct fama_ledger_info){.height = height};
    uint8_t *bytes;
    struct fama_block block;
    struct fama_ledger_result result = {0};
    int status = read_stored(ledger, height - 1, &bytes, &block, error);
    if (status != 0) {
        return status;
    }
    memcpy(tip->last_hash, block.header_hash, FAMA_SHA256_BYTES);
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    status = fama_ledger_result(ledger, height - 1, &result, error);
    tip->has_commit_hash = result.has_commit_hash;
    memcpy(tip->commit_hash, result.commit_hash, FAMA_SHA256_BYTES);
    fama_ledger_result_clear(&result);
    return status;
}

/* One batch: from the last block down, not below `height`. */
static int cut(struct fama_ledger *ledger, uint64_t height, struct fama_error *error)
{
    rocksdb_writebatch_clear(ledger->batch);
    uint64_t end = ledger->tip.height;
    size_t transactions = 0;
    for (size_t i = 0; i < BATCH_BLOCKS && transactions < BATCH_TRANSACTIONS && end > height; i++) {
        uint8_t *bytes;
        struct fama_block block;
        int status = read_stored(ledger, end - 1, &bytes, &block, error);
        if (status != 0) {
            return status;
        }
        status = forget_txids(ledger, &block, error);
        forget_records(ledger, &block);
        transactions += block.envelope_count;
        end--;
        fama_block_clear(&block);
        fama_ledger_free(bytes);
        if (status != 0) {
            return status;
        }
    }
    struct fama_ledger_info tip;
    int status = find_tip(ledger, end, &tip, error);
    if (status != 0) {
        return status;
    }
    if (end == height) {
        fama_ledger_batch_delete(ledger, FAMA_STORE_META,
                                 fama_bytes_of_text(FAMA_LEDGER_ROLLBACK_KEY));
    }
    fama_ledger_batch_tip(ledger, &tip);
    status = fama_ledger_write(ledger, doing, error);
    if (status == 0) {
        ledger->tip = tip;
        fama_ledger_publish(ledger);
    }
    return status;
}

static int cut_all(struct fama_ledger *ledger, uint64_t height, fama_recommit_progress progress,
                   void *context, struct fama_error *error)
{
    int status = 0;
    uint64_t total = ledger->tip.height - height;
    do {
        status = cut(ledger, height, error);
        uint64_t left = ledger->tip.height - height;
        if (status == 0 && progress != NULL && !progress(context, total - left, total)) {
            status = fama_error_set(error, FAMA_LEDGER_STOPPED,
                                    "stopped with %" PRIu64 " blocks still to be taken back", left);
        }
    } while (status == 0 && ledger->tip.height > height);
    return status;
}

int fama_ledger_rollback(struct fama_ledger *ledger, uint64_t last, fama_recommit_progress progress,
                         void *context, struct fama_error *error)
{
    if (ledger->origin.first_block > 0) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "ledger %s began with a snapshot of block %" PRIu64
                              ", and no state can be made from the blocks after it alone: to go "
                              "back, move the directory away and import the snapshot again",
                              ledger->store.directory, ledger->origin.first_block - 1);
    }
    if (last >= ledger->tip.height) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "ledger %s cannot be cut after block %" PRIu64
                              ": its height is %" PRIu64,
                              ledger->store.directory, last, ledger->tip.height);
    }
    if (last + 1 == ledger->tip.height) {
        return 0;
    }
    /* From here on the state is void, and what is begun will be ended. */
    uint8_t record[FAMA_LEDGER_NUMBER_BYTES];
    fama_ledger_put_u64(record, last + 1);
    rocksdb_writebatch_clear(ledger->batch);
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_ROLLBACK_KEY),
                          fama_bytes(record, sizeof record));
    fama_ledger_batch_savepoints(ledger, 0);
    int status = fama_ledger_write(ledger, doing, error);
    if (status == 0) {
        ledger->tip.state_height = 0;
        status = cut_all(ledger, last + 1, progress, context, error);
    }
    return status;
}

int fama_ledger_resume_rollback(struct fama_ledger *ledger, struct fama_error *error)
{
    rocksdb_pinnableslice_t *value;
    int status =
        fama_ledger_read(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_LEDGER_ROLLBACK_KEY),
                         doing, &value, error);
    if (status != 0 || value == NULL) {
        return status;
    }
    struct fama_bytes record = fama_ledger_pinned(value);
    uint64_t height = record.len == FAMA_LEDGER_NUMBER_BYTES ? fama_ledger_get_u64(record.at) : 0;
    rocksdb_pinnableslice_destroy(value);
    if (height == 0 || height > ledger->tip.height) {
        return fama_ledger_damaged(ledger, error, "the mark of a rollback does not fit its height");
    }
    return cut_all(ledger, height, NULL, NULL, error);
}
