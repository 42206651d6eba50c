/* Reading what is committed: blocks, what became of them, where transactions are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/ledger_parts.h"

#define TXIDS_AT_ONCE 64 /* of one batched look-up: bounds what lies on the stack */
#define TXIDS_AHEAD   8  /* called near */

/* The word for a record that is missing: below the height it must be there. */
static int missing(const struct fama_ledger *ledger, uint64_t number, const char *what,
                   struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    if (number < info.first_block) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "block %" PRIu64
                              " is not in ledger %s, which began with a snapshot of "
                              "block %" PRIu64 "; ask a node that holds the channel from the start",
                              number, ledger->store.directory, info.first_block - 1);
    }
    if (number < info.height) {
        char words[FAMA_LEDGER_DOING_BYTES + 32];
        (void)snprintf(words, sizeof words, "%s %" PRIu64 " is missing", what, number);
        return fama_ledger_damaged(ledger, error, words);
    }
    return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                          "there is no block %" PRIu64 " in ledger %s yet, its height is %" PRIu64,
                          number, ledger->store.directory, info.height);
}

static int undecodable(const struct fama_ledger *ledger, uint64_t number, const char *what,
                       struct fama_error *error)
{
    char words[FAMA_LEDGER_DOING_BYTES + 32];
    (void)snprintf(words, sizeof words, "%s %" PRIu64 " does not decode", what, number);
    return fama_ledger_damaged(ledger, error, words);
}

int fama_ledger_block(const struct fama_ledger *ledger, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error)
{
    *bytes = NULL;
    *len = 0;
    struct fama_ledger_key key;
    fama_ledger_block_key(number, &key);
    char doing[FAMA_LEDGER_DOING_BYTES];
    (void)snprintf(doing, sizeof doing, "reading block %" PRIu64, number);
    rocksdb_pinnableslice_t *value;
    int status = fama_ledger_read(ledger, FAMA_STORE_BLOCKS, fama_ledger_key_bytes(&key), doing,
                                  &value, error);
    if (status != 0) {
        return status;
    }
    if (value == NULL) {
        return missing(ledger, number, "block", error);
    }
    status = fama_block_unpack(fama_ledger_pinned(value), FAMA_LEDGER_GROUP_BYTES_MAX, bytes, len);
    rocksdb_pinnableslice_destroy(value);
    if (status == FAMA_BLOCK_CODEC_DAMAGED) {
        return undecodable(ledger, number, "block", error);
    }
    if (status != 0) {
        return fama_error_set(error, FAMA_LEDGER_IO, "%s of ledger %s: out of memory", doing,
                              ledger->store.directory);
    }
    return 0;
}

void fama_ledger_free(uint8_t *bytes)
{
    free(bytes);
}

int fama_ledger_block_by_hash(const struct fama_ledger *ledger,
                              const uint8_t hash[FAMA_SHA256_BYTES], uint64_t *number,
                              struct fama_error *error)
{
    struct fama_ledger_key key;
    fama_ledger_hash_key(hash, &key);
    rocksdb_pinnableslice_t *value;
    int status = fama_ledger_read(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key),
                                  "looking for a block", &value, error);
    if (status != 0) {
        return status;
    }
    if (value == NULL) {
        char text[FAMA_SHA256_TEXT_BYTES];
        fama_sha256_text(hash, text);
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "there is no block with header hash %s in ledger %s", text,
                              ledger->store.directory);
    }
    struct fama_bytes record = fama_ledger_pinned(value);
    if (record.len == FAMA_LEDGER_NUMBER_BYTES) {
        *number = fama_ledger_get_u64(record.at);
    } else {
        status = fama_ledger_damaged(ledger, error, "an entry of its index of hashes is damaged");
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

/* A record of a block in `meta`. Never NULL on success. */
static int read_of_block(const struct fama_ledger *ledger, const char *prefix, const char *what,
                         uint64_t number, rocksdb_pinnableslice_t **value, struct fama_error *error)
{
    struct fama_ledger_key key;
    fama_ledger_number_key(prefix, number, &key);
    char doing[FAMA_LEDGER_DOING_BYTES];
    (void)snprintf(doing, sizeof doing, "reading %s %" PRIu64, what, number);
    int status =
        fama_ledger_read(ledger, FAMA_STORE_META, fama_ledger_key_bytes(&key), doing, value, error);
    return status == 0 && *value == NULL ? missing(ledger, number, what, error) : status;
}

int fama_ledger_result(const struct fama_ledger *ledger, uint64_t number,
                       struct fama_ledger_result *result, struct fama_error *error)
{
    static const char what[] = "the result of block";
    *result = (struct fama_ledger_result){0};
    rocksdb_pinnableslice_t *value;
    int status = read_of_block(ledger, FAMA_LEDGER_RESULT_PREFIX, what, number, &value, error);
    if (status != 0) {
        return status;
    }
    struct fama_bytes commit_hash;
    struct fama_bytes codes;
    if (!fama_ledger_result_decode(fama_ledger_pinned(value), &commit_hash, &codes)) {
        status = undecodable(ledger, number, what, error);
    } else {
        result->codes = malloc(codes.len > 0 ? codes.len : 1);
        status = result->codes == NULL
                     ? fama_error_set(error, FAMA_LEDGER_IO, "reading %s: out of memory", what)
                     : 0;
    }
    if (status == 0) {
        result->count = codes.len;
        result->has_commit_hash = commit_hash.len > 0;
        memcpy(result->codes, codes.at, codes.len);
        memcpy(result->commit_hash, commit_hash.at, commit_hash.len);
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

void fama_ledger_result_clear(struct fama_ledger_result *result)
{
    free(result->codes);
    *result = (struct fama_ledger_result){0};
}

int fama_ledger_arrival(const struct fama_ledger *ledger, uint64_t number,
                        struct fama_arrival *arrival, struct fama_error *error)
{
    static const char what[] = "the arrival record of block";
    rocksdb_pinnableslice_t *value;
    int status = read_of_block(ledger, FAMA_LEDGER_ARRIVAL_PREFIX, what, number, &value, error);
    if (status != 0) {
        return status;
    }
    if (!fama_ledger_arrival_decode(fama_ledger_pinned(value), arrival)) {
        status = undecodable(ledger, number, what, error);
    }
    rocksdb_pinnableslice_destroy(value);
    return status;
}

/* The code of one transaction: of a block that was not validated, NOT_VALIDATED. */
static int read_code(const struct fama_ledger *ledger, struct fama_ledger_location *location,
                     struct fama_error *error)
{
    struct fama_ledger_result result;
    int status = fama_ledger_result(ledger, location->number, &result, error);
    if (status == 0) {
        location->code = location->index < result.count ? result.codes[location->index]
                                                        : FAMA_TRANSACTION_NOT_VALIDATED;
        fama_ledger_result_clear(&result);
    }
    return status;
}

int fama_ledger_locate_txid(const struct fama_ledger *ledger, struct fama_bytes txid,
                            struct fama_ledger_location *location, struct fama_error *error)
{
    struct fama_ledger_key key;
    fama_ledger_txid_key(txid, &key);
    rocksdb_pinnableslice_t *value = NULL;
    int status = txid.len == 0
                     ? 0
                     : fama_ledger_read(ledger, FAMA_STORE_TXID, fama_ledger_key_bytes(&key),
                                        "looking for a transaction", &value, error);
    if (status != 0) {
        return status;
    }
    if (value == NULL) {
        return fama_error_set(
            error, FAMA_LEDGER_NOT_FOUND, "there is no transaction '%.*s' in ledger %s",
            (int)(txid.len < 128 ? txid.len : 128), (const char *)txid.at, ledger->store.directory);
    }
    if (!fama_ledger_location_decode(fama_ledger_pinned(value), &location->number,
                                     &location->index)) {
        status =
            fama_ledger_damaged(ledger, error, "an entry of its index of transactions is damaged");
    }
    rocksdb_pinnableslice_destroy(value);
    if (status == 0 && location->index == FAMA_LEDGER_ORIGIN_INDEX) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "transaction '%.*s' came before the snapshot of block %" PRIu64
                              " with which ledger %s began; ask a node that holds the channel from "
                              "the start",
                              (int)(txid.len < 128 ? txid.len : 128), (const char *)txid.at,
                              ledger->origin.first_block - 1, ledger->store.directory);
    }
    return status == 0 ? read_code(ledger, location, error) : status;
}

/* At most TXIDS_AT_ONCE. */
static int some_known(const struct fama_ledger *ledger, const struct fama_bytes *txids,
                      size_t count, bool *known, struct fama_error *error)
{
    struct fama_ledger_key made[TXIDS_AT_ONCE];
    const char *keys[TXIDS_AT_ONCE];
    size_t lens[TXIDS_AT_ONCE];
    rocksdb_pinnableslice_t *found[TXIDS_AT_ONCE];
    char *messages[TXIDS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        if (i + TXIDS_AHEAD < count && txids[i + TXIDS_AHEAD].len > 0) {
            /* They lie scattered over a group of blocks. */
            __builtin_prefetch(txids[i + TXIDS_AHEAD].at);
            __builtin_prefetch(txids[i + TXIDS_AHEAD].at + txids[i + TXIDS_AHEAD].len - 1);
        }
        fama_ledger_txid_key(txids[i], &made[i]);
        keys[i] = (const char *)made[i].bytes;
        lens[i] = made[i].len;
        found[i] = NULL;
        messages[i] = NULL;
    }
    rocksdb_batched_multi_get_cf(ledger->store.db, ledger->store.reading,
                                 ledger->store.families[FAMA_STORE_TXID], count, keys, lens, found,
                                 messages, false);
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        known[i] = found[i] != NULL && txids[i].len > 0;
        if (found[i] != NULL) {
            rocksdb_pinnableslice_destroy(found[i]);
        }
        if (messages[i] != NULL && status == 0) {
            status = fama_store_fail(ledger->store.directory, "looking for transactions",
                                     messages[i], error);
        } else if (messages[i] != NULL) {
            rocksdb_free(messages[i]);
        }
    }
    return status;
}

int fama_ledger_known_txids(const struct fama_ledger *ledger, const struct fama_bytes *txids,
                            size_t count, bool *known, struct fama_error *error)
{
    int status = 0;
    for (size_t done = 0; done < count && status == 0; done += TXIDS_AT_ONCE) {
        size_t some = count - done < TXIDS_AT_ONCE ? count - done : TXIDS_AT_ONCE;
        status = some_known(ledger, txids + done, some, known + done, error);
    }
    return status;
}
