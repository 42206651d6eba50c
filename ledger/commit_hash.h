/* The commit hash of a block: what validation made of it, chained, so that peers can compare their states.
 *
 *   H(n) = SHA-256(uvarint(number of codes) || codes || updates || H(n-1))
 *
 * Source: Fabric core/ledger/kvledger/kv_ledger.go (addBlockCommitHash), txmgmt/txmgr/
 * update_batch_bytes.go; spec fabric-algorithms §6. Block 0 has none; block 1 begins the chain; a
 * ledger that has lost the previous one has none any more. One thread. */
#ifndef FAMA_LEDGER_COMMIT_HASH_H
#define FAMA_LEDGER_COMMIT_HASH_H

#include "crypto/sha256.h"
#include "ledger/state.h"

/* Of the current block of `state`, with its final codes, before keys expire. `previous` is empty for
 * block 1. Returns 0 or FAMA_STATE_NO_MEMORY. */
int fama_commit_hash(const struct fama_state *state, const uint8_t *codes, size_t count,
                     struct fama_bytes previous, uint8_t hash[FAMA_SHA256_BYTES]);

#endif
