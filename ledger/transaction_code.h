/* The validation code of a transaction, as protos.TxValidationCode numbers and names it: one byte per
 * transaction in a block's TRANSACTIONS_FILTER. Any thread.
 *
 * Source: Fabric peer/transaction.proto, spec fabric-formats §2. This table is their only source here. */
#ifndef FAMA_LEDGER_TRANSACTION_CODE_H
#define FAMA_LEDGER_TRANSACTION_CODE_H

#include <stdint.h>

/* X(name, number) */
#define FAMA_TRANSACTION_CODES(X)                                                                  \
    X(VALID, 0)                                                                                    \
    X(NIL_ENVELOPE, 1)                                                                             \
    X(BAD_PAYLOAD, 2)                                                                              \
    X(BAD_COMMON_HEADER, 3)                                                                        \
    X(BAD_CREATOR_SIGNATURE, 4)                                                                    \
    X(INVALID_ENDORSER_TRANSACTION, 5)                                                             \
    X(INVALID_CONFIG_TRANSACTION, 6)                                                               \
    X(UNSUPPORTED_TX_PAYLOAD, 7)                                                                   \
    X(BAD_PROPOSAL_TXID, 8)                                                                        \
    X(DUPLICATE_TXID, 9)                                                                           \
    X(ENDORSEMENT_POLICY_FAILURE, 10)                                                              \
    X(MVCC_READ_CONFLICT, 11)                                                                      \
    X(PHANTOM_READ_CONFLICT, 12)                                                                   \
    X(UNKNOWN_TX_TYPE, 13)                                                                         \
    X(TARGET_CHAIN_NOT_FOUND, 14)                                                                  \
    X(MARSHAL_TX_ERROR, 15)                                                                        \
    X(NIL_TXACTION, 16)                                                                            \
    X(EXPIRED_CHAINCODE, 17)                                                                       \
    X(CHAINCODE_VERSION_CONFLICT, 18)                                                              \
    X(BAD_HEADER_EXTENSION, 19)                                                                    \
    X(BAD_CHANNEL_HEADER, 20)                                                                      \
    X(BAD_RESPONSE_PAYLOAD, 21)                                                                    \
    X(BAD_RWSET, 22)                                                                               \
    X(ILLEGAL_WRITESET, 23)                                                                        \
    X(INVALID_WRITESET, 24)                                                                        \
    X(INVALID_CHAINCODE, 25)                                                                       \
    X(NOT_VALIDATED, 254)                                                                          \
    X(INVALID_OTHER_REASON, 255)

enum fama_transaction_code {
#define FAMA_TRANSACTION_CODE_ENUM(name, number) FAMA_TRANSACTION_##name = (number),
    FAMA_TRANSACTION_CODES(FAMA_TRANSACTION_CODE_ENUM)
#undef FAMA_TRANSACTION_CODE_ENUM
};

/* "MVCC_READ_CONFLICT"; "UNKNOWN" for a number that is none of these. */
const char *fama_transaction_code_name(uint8_t code);

#endif
