#include "ledger/ledger_layout.h"

#include <endian.h>

void fama_ledger_put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void fama_ledger_put_u64(uint8_t *at, uint64_t value)
{
    fama_ledger_put_u32(at, (uint32_t)(value >> 32));
    fama_ledger_put_u32(at + 4, (uint32_t)value);
}

uint32_t fama_ledger_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint64_t fama_ledger_get_u64(const uint8_t *at)
{
    return (uint64_t)fama_ledger_get_u32(at) << 32 | fama_ledger_get_u32(at + 4);
}

void fama_ledger_block_key(uint64_t number, struct fama_ledger_key *key)
{
    fama_ledger_put_u64(key->bytes, number);
    key->len = FAMA_LEDGER_NUMBER_BYTES;
}

void fama_ledger_number_key(const char *prefix, uint64_t number, struct fama_ledger_key *key)
{
    size_t len = strlen(prefix);
    memcpy(key->bytes, prefix, len);
    fama_ledger_put_u64(key->bytes + len, number);
    key->len = len + FAMA_LEDGER_NUMBER_BYTES;
}

void fama_ledger_hash_key(const uint8_t hash[FAMA_SHA256_BYTES], struct fama_ledger_key *key)
{
    size_t len = sizeof FAMA_LEDGER_HASH_PREFIX - 1;
    memcpy(key->bytes, FAMA_LEDGER_HASH_PREFIX, len);
    memcpy(key->bytes + len, hash, FAMA_SHA256_BYTES);
    key->len = len + FAMA_SHA256_BYTES;
}

/* Eight digits of lower-case hex at once, one in each byte of a word: nothing branches, and whether all
 * were digits is asked once at the end. */
static uint64_t take_digits(const uint8_t text[8], uint32_t *four_bytes)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t letters;
    memcpy(&letters, text, sizeof letters);
    letters = le64toh(letters);
    uint64_t values = (letters & 0x0f * each) + 9 * (letters >> 6 & each);
    uint64_t above_nine = (values + 6 * each) >> 4 & each;
    uint64_t as_written = values + '0' * each + ('a' - '0' - 10) * above_nine;
    uint64_t pairs = (values << 4 | values >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
    *four_bytes = htole32((uint32_t)(pairs | pairs >> 16));
    return (as_written ^ letters) | (values & 0xf0 * each);
}

static bool take_hex(struct fama_bytes text, uint8_t bytes[FAMA_SHA256_BYTES])
{
    if (text.len != 2 * (size_t)FAMA_SHA256_BYTES) {
        return false;
    }
    uint64_t wrong = 0;
    for (size_t i = 0; i < FAMA_SHA256_BYTES; i += 4) {
        uint32_t four_bytes;
        wrong |= take_digits(text.at + 2 * i, &four_bytes);
        memcpy(bytes + i, &four_bytes, sizeof four_bytes);
    }
    return wrong == 0;
}

void fama_ledger_txid_key(struct fama_bytes txid, struct fama_ledger_key *key)
{
    if (take_hex(txid, key->bytes + 1)) {
        key->bytes[0] = 'h';
        key->len = 1 + FAMA_SHA256_BYTES;
    } else if (txid.len <= FAMA_LEDGER_TXID_TEXT_MAX) {
        key->bytes[0] = 't';
        if (txid.len > 0) {
            memcpy(key->bytes + 1, txid.at, txid.len);
        }
        key->len = 1 + txid.len;
    } else {
        key->bytes[0] = 's';
        fama_sha256(txid, key->bytes + 1);
        key->len = 1 + FAMA_SHA256_BYTES;
    }
}

size_t fama_ledger_tip_encode(const struct fama_ledger_info *tip,
                              uint8_t record[FAMA_LEDGER_TIP_BYTES_MAX])
{
    fama_ledger_put_u64(record, tip->height);
    memcpy(record + FAMA_LEDGER_NUMBER_BYTES, tip->last_hash, FAMA_SHA256_BYTES);
    if (!tip->has_commit_hash) {
        return FAMA_LEDGER_NUMBER_BYTES + FAMA_SHA256_BYTES;
    }
    memcpy(record + FAMA_LEDGER_NUMBER_BYTES + FAMA_SHA256_BYTES, tip->commit_hash,
           FAMA_SHA256_BYTES);
    return FAMA_LEDGER_TIP_BYTES_MAX;
}

bool fama_ledger_tip_decode(struct fama_bytes record, struct fama_ledger_info *tip)
{
    if (record.len != FAMA_LEDGER_TIP_BYTES_MAX &&
        record.len != FAMA_LEDGER_TIP_BYTES_MAX - FAMA_SHA256_BYTES) {
        return false;
    }
    *tip = (struct fama_ledger_info){.height = fama_ledger_get_u64(record.at)};
    memcpy(tip->last_hash, record.at + FAMA_LEDGER_NUMBER_BYTES, FAMA_SHA256_BYTES);
    if (record.len == FAMA_LEDGER_TIP_BYTES_MAX) {
        tip->has_commit_hash = true;
        memcpy(tip->commit_hash, record.at + FAMA_LEDGER_NUMBER_BYTES + FAMA_SHA256_BYTES,
               FAMA_SHA256_BYTES);
    }
    return true;
}

void fama_ledger_arrival_encode(const struct fama_arrival *arrival,
                                uint8_t record[FAMA_LEDGER_ARRIVAL_BYTES])
{
    record[0] = (uint8_t)arrival->path;
    fama_ledger_put_u64(record + 1, arrival->sent_ns);
    fama_ledger_put_u64(record + 9, arrival->complete_ns);
    fama_ledger_put_u64(record + 17, arrival->durable_ns);
}

bool fama_ledger_arrival_decode(struct fama_bytes record, struct fama_arrival *arrival)
{
    if (record.len != FAMA_LEDGER_ARRIVAL_BYTES || record.at[0] > FAMA_ARRIVAL_PULL) {
        return false;
    }
    *arrival = (struct fama_arrival){.path = (enum fama_arrival_path)record.at[0],
                                     .sent_ns = fama_ledger_get_u64(record.at + 1),
                                     .complete_ns = fama_ledger_get_u64(record.at + 9),
                                     .durable_ns = fama_ledger_get_u64(record.at + 17)};
    return true;
}

void fama_ledger_location_encode(uint64_t number, size_t index,
                                 uint8_t record[FAMA_LEDGER_LOCATION_BYTES])
{
    fama_ledger_put_u64(record, number);
    fama_ledger_put_u32(record + FAMA_LEDGER_NUMBER_BYTES, (uint32_t)index);
}

bool fama_ledger_location_decode(struct fama_bytes record, uint64_t *number, uint32_t *index)
{
    if (record.len != FAMA_LEDGER_LOCATION_BYTES) {
        return false;
    }
    *number = fama_ledger_get_u64(record.at);
    *index = fama_ledger_get_u32(record.at + FAMA_LEDGER_NUMBER_BYTES);
    return true;
}

size_t fama_ledger_result_head(const uint8_t *commit_hash,
                               uint8_t head[FAMA_LEDGER_RESULT_HEAD_MAX])
{
    head[0] = commit_hash != NULL;
    if (commit_hash == NULL) {
        return 1;
    }
    memcpy(head + 1, commit_hash, FAMA_SHA256_BYTES);
    return FAMA_LEDGER_RESULT_HEAD_MAX;
}

bool fama_ledger_result_decode(struct fama_bytes record, struct fama_bytes *commit_hash,
                               struct fama_bytes *codes)
{
    if (record.len == 0 || record.at[0] > 1) {
        return false;
    }
    size_t hash_len = record.at[0] == 1 ? FAMA_SHA256_BYTES : 0;
    if (record.len < 1 + hash_len) {
        return false;
    }
    *commit_hash = fama_bytes(record.at + 1, hash_len);
    *codes = fama_bytes(record.at + 1 + hash_len, record.len - 1 - hash_len);
    return true;
}
