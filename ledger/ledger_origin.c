#include "ledger/ledger_origin.h"

#include "ledger/ledger_layout.h"

size_t fama_ledger_origin_encode(const struct fama_ledger_origin *origin,
                                 uint8_t record[FAMA_LEDGER_ORIGIN_BYTES_MAX])
{
    uint8_t *at = record;
    *at++ = origin->is_complete ? 1 : 0;
    fama_ledger_put_u64(at, origin->first_block);
    at += FAMA_LEDGER_NUMBER_BYTES;
    memcpy(at, origin->last_hash, FAMA_SHA256_BYTES);
    at += FAMA_SHA256_BYTES;
    *at++ = origin->has_previous_hash ? 1 : 0;
    if (origin->has_previous_hash) {
        memcpy(at, origin->previous_hash, FAMA_SHA256_BYTES);
        at += FAMA_SHA256_BYTES;
    }
    size_t name_len = strlen(origin->channel_id);
    *at++ = (uint8_t)name_len;
    memcpy(at, origin->channel_id, name_len);
    return (size_t)(at - record) + name_len;
}

static bool take(struct fama_bytes *record, void *to, size_t len)
{
    if (record->len < len) {
        return false;
    }
    memcpy(to, record->at, len);
    *record = fama_bytes(record->at + len, record->len - len);
    return true;
}

bool fama_ledger_origin_decode(struct fama_bytes record, struct fama_ledger_origin *origin)
{
    uint8_t is_complete;
    uint8_t number[FAMA_LEDGER_NUMBER_BYTES];
    uint8_t has_previous;
    uint8_t name_len;
    memset(origin, 0, sizeof *origin);
    if (!take(&record, &is_complete, 1) || is_complete > 1 ||
        !take(&record, number, sizeof number) ||
        !take(&record, origin->last_hash, FAMA_SHA256_BYTES) || !take(&record, &has_previous, 1) ||
        has_previous > 1) {
        return false;
    }
    origin->is_complete = is_complete == 1;
    origin->first_block = fama_ledger_get_u64(number);
    origin->has_previous_hash = has_previous == 1;
    if (has_previous == 1 && !take(&record, origin->previous_hash, FAMA_SHA256_BYTES)) {
        return false;
    }
    if (!take(&record, &name_len, 1) || name_len >= FAMA_CHANNEL_ID_MAX || name_len != record.len ||
        origin->first_block == 0) {
        return false;
    }
    return take(&record, origin->channel_id, name_len);
}

int fama_ledger_origin_load(const struct fama_store *store, struct fama_ledger_origin *origin,
                            struct fama_error *error)
{
    memset(origin, 0, sizeof *origin);
    origin->is_complete = true;
    char *message = NULL;
    size_t len = 0;
    static const char key[] = FAMA_LEDGER_ORIGIN_KEY;
    char *record = rocksdb_get_cf(store->db, store->reading, store->families[FAMA_STORE_META], key,
                                  sizeof key - 1, &len, &message);
    if (message != NULL) {
        return fama_store_fail(store->directory, "reading where the ledger began", message, error);
    }
    if (record == NULL) {
        return 0;
    }
    bool is_whole = fama_ledger_origin_decode(fama_bytes(record, len), origin);
    rocksdb_free(record);
    if (!is_whole) {
        return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                              "ledger %s is damaged: where it began is not recorded whole; restore "
                              "a copy or import its snapshot again",
                              store->directory);
    }
    if (!origin->is_complete) {
        return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                              "ledger %s is unfinished: importing a snapshot of channel %s into it "
                              "was cut short; remove the directory and import the snapshot again",
                              store->directory, origin->channel_id);
    }
    return 0;
}
