/* The id under which Fabric's block store indexes a transaction: the one its channel header names, or
 * where it names none (configuration blocks) the one computed from nonce and creator.
 *
 * Source: Fabric protoutil/txutils.go (GetOrComputeTxIDFromEnvelope). Valid or not plays no part, nor
 * does the length. Adversary: clients. Stateless; any thread. */
#ifndef FAMA_LEDGER_INDEXED_TXID_H
#define FAMA_LEDGER_INDEXED_TXID_H

#include "crypto/sha256.h"

/* A view into `envelope` or `computed`; empty for an envelope that does not decode, which is not
 * indexed. */
struct fama_bytes fama_indexed_txid(struct fama_bytes envelope,
                                    char computed[FAMA_SHA256_TEXT_BYTES]);

#endif
