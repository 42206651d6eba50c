/* One endorser transaction with real signatures: what a client, its endorsers and a chaincode would
 * have made together.
 *
 * Source: Fabric protoutil/txutils.go, proputils.go; spec fabric-formats §2, fabric-algorithms
 * §1.4-1.6. Everything lives in the arena given. One thread at a time. */
#ifndef FAMA_LEDGER_TRANSACTION_BUILDER_H
#define FAMA_LEDGER_TRANSACTION_BUILDER_H

#include "ledger/arena.h"
#include "ledger/chain_builder.h"

struct fama_transaction_draft {
    const char *channel_id;
    int64_t seconds; /* the client's clock, since 1970 */
    const char *chaincode;
    const char *chaincode_version;
    const struct fama_bytes *args;
    size_t arg_count;
    struct fama_bytes results;  /* a serialized rwset.TxReadWriteSet */
    struct fama_bytes response; /* payload of the chaincode's response */
    struct fama_bytes events;   /* a serialized ChaincodeEvent, or empty */
    /* In place of what follows from the above; empty (NULL) in everything honest. */
    struct fama_bytes header_extension;
    struct fama_bytes action; /* ChaincodeAction */
    const char *txid;
};

/* Returns 0 or FAMA_CHAIN_BUILDER_FAILED with words. */
int fama_transaction_build(const struct fama_transaction_draft *draft,
                           const struct fama_signer *client,
                           const struct fama_signer *const *endorsers, size_t endorser_count,
                           struct fama_arena *arena, struct fama_bytes *envelope,
                           struct fama_error *error);

/* What transactions and blocks both need: the signer's serialized identity, a fresh nonce, and a
 * DER signature over the concatenation of parts. Each returns empty bytes on failure. */
struct fama_bytes fama_transaction_creator(const struct fama_signer *signer,
                                           struct fama_arena *arena);
struct fama_bytes fama_transaction_nonce(struct fama_arena *arena);
struct fama_bytes fama_transaction_sign(const struct fama_signer *signer,
                                        const struct fama_bytes *parts, size_t count,
                                        struct fama_arena *arena);

#endif
