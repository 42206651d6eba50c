/* The keys and records of a ledger's column families txid and meta, byte for byte: what ledger/ledger.h
 * lists. Integers are big-endian. Private to the ledger. Stateless; any thread.
 *
 * A transaction id is whatever text a client chose. The usual one, 64 digits of lower-case hex, is
 * stored as the 32 bytes it means, one of up to 64 bytes as it is, a longer one by its SHA-256: a byte
 * before tells these apart, and no client makes a key long. */
#ifndef FAMA_LEDGER_LEDGER_LAYOUT_H
#define FAMA_LEDGER_LEDGER_LAYOUT_H

#include "ledger/ledger.h"

#define FAMA_LEDGER_FORMAT_VERSION  2u
#define FAMA_LEDGER_FORMAT_BYTES    4
#define FAMA_LEDGER_NUMBER_BYTES    8
#define FAMA_LEDGER_TIP_BYTES_MAX   (FAMA_LEDGER_NUMBER_BYTES + 2 * FAMA_SHA256_BYTES)
#define FAMA_LEDGER_LOCATION_BYTES  (FAMA_LEDGER_NUMBER_BYTES + 4)
#define FAMA_LEDGER_ARRIVAL_BYTES   (1 + 3 * 8)
#define FAMA_LEDGER_TXID_TEXT_MAX   64
#define FAMA_LEDGER_TXID_KEY_MAX    (1 + FAMA_LEDGER_TXID_TEXT_MAX)
#define FAMA_LEDGER_META_KEY_MAX    48
#define FAMA_LEDGER_RESULT_HEAD_MAX (1 + FAMA_SHA256_BYTES)

/* Prefixes of keys in `meta` that end with a block's number, and the one that ends with a hash. */
#define FAMA_LEDGER_ARRIVAL_PREFIX "arrival/"
#define FAMA_LEDGER_RESULT_PREFIX  "result/"
#define FAMA_LEDGER_HASH_PREFIX    "hash/"
#define FAMA_LEDGER_FORMAT_KEY     "format"
#define FAMA_LEDGER_TIP_KEY        "tip"
#define FAMA_LEDGER_ROLLBACK_KEY   "rollback"

void fama_ledger_put_u32(uint8_t *at, uint32_t value);
void fama_ledger_put_u64(uint8_t *at, uint64_t value);
uint32_t fama_ledger_get_u32(const uint8_t *at);
uint64_t fama_ledger_get_u64(const uint8_t *at);

/* A key, made in memory of the caller's. */
struct fama_ledger_key {
    uint8_t bytes[FAMA_LEDGER_TXID_KEY_MAX];
    size_t len;
};
static inline struct fama_bytes fama_ledger_key_bytes(const struct fama_ledger_key *key)
{
    return fama_bytes(key->bytes, key->len);
}
void fama_ledger_block_key(uint64_t number, struct fama_ledger_key *key);
void fama_ledger_number_key(const char *prefix, uint64_t number, struct fama_ledger_key *key);
void fama_ledger_hash_key(const uint8_t hash[FAMA_SHA256_BYTES], struct fama_ledger_key *key);
void fama_ledger_txid_key(struct fama_bytes txid, struct fama_ledger_key *key);

/* Records. Encoders return the length, decoders whether the bytes are such a record. */
size_t fama_ledger_tip_encode(const struct fama_ledger_info *tip,
                              uint8_t record[FAMA_LEDGER_TIP_BYTES_MAX]);
bool fama_ledger_tip_decode(struct fama_bytes record, struct fama_ledger_info *tip);
void fama_ledger_arrival_encode(const struct fama_arrival *arrival,
                                uint8_t record[FAMA_LEDGER_ARRIVAL_BYTES]);
bool fama_ledger_arrival_decode(struct fama_bytes record, struct fama_arrival *arrival);
void fama_ledger_location_encode(uint64_t number, size_t index,
                                 uint8_t record[FAMA_LEDGER_LOCATION_BYTES]);
bool fama_ledger_location_decode(struct fama_bytes record, uint64_t *number, uint32_t *index);
/* What stands before the codes; `commit_hash` may be NULL. */
size_t fama_ledger_result_head(const uint8_t *commit_hash,
                               uint8_t head[FAMA_LEDGER_RESULT_HEAD_MAX]);
/* Views into the record; `commit_hash` is empty if there is none. */
bool fama_ledger_result_decode(struct fama_bytes record, struct fama_bytes *commit_hash,
                               struct fama_bytes *codes);

#endif
