/* Where a ledger began: with block 0, or with a snapshot after which its first block comes.
 *
 * A ledger made from a snapshot has neither blocks before that nor what became of their transactions,
 * only their ids; its state cannot be made again from its blocks. Kept in column family `meta`:
 *   "origin"  ->  whether complete (1), number of the first block (8), header hash of the one before
 *                 (32), the hash that one names (32, or nothing), the channel's name after its length (1)
 *   "txid/" SHA-256 of the id  ->  the id, where it exceeds FAMA_LEDGER_TXID_TEXT_MAX: its block,
 *                 where others keep it, is not here
 * and in `txid` such transactions have FAMA_LEDGER_ORIGIN_INDEX for their index.
 *
 * Constant while the ledger is open; any thread. */
#ifndef FAMA_LEDGER_LEDGER_ORIGIN_H
#define FAMA_LEDGER_LEDGER_ORIGIN_H

#include "ledger/channel_config.h"
#include "ledger/store.h"

struct fama_ledger; /* ledger/ledger.h */

#define FAMA_LEDGER_ORIGIN_KEY       "origin"
#define FAMA_LEDGER_LONG_TXID_PREFIX "txid/"
#define FAMA_LEDGER_ORIGIN_INDEX     UINT32_MAX
#define FAMA_LEDGER_ORIGIN_BYTES_MAX                                                               \
    (1 + 8 + 2 * FAMA_SHA256_BYTES + 1 + 1 + (FAMA_CHANNEL_ID_MAX - 1))

struct fama_ledger_origin {
    bool is_complete;     /* false: the making of the ledger was cut short */
    uint64_t first_block; /* 0: the genesis block, and nothing follows */
    uint8_t last_hash[FAMA_SHA256_BYTES];
    bool has_previous_hash;
    uint8_t previous_hash[FAMA_SHA256_BYTES];
    char channel_id[FAMA_CHANNEL_ID_MAX];
};

const struct fama_ledger_origin *fama_ledger_origin(const struct fama_ledger *ledger);

size_t fama_ledger_origin_encode(const struct fama_ledger_origin *origin,
                                 uint8_t record[FAMA_LEDGER_ORIGIN_BYTES_MAX]);
bool fama_ledger_origin_decode(struct fama_bytes record, struct fama_ledger_origin *origin);
/* Of a ledger without the record, block 0. Errors are those of ledger/ledger.h; a ledger whose making was cut
 * short is FAMA_LEDGER_CORRUPT. */
int fama_ledger_origin_load(const struct fama_store *store, struct fama_ledger_origin *origin,
                            struct fama_error *error);

#endif
