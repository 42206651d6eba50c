/* An endorser transaction's bytes, layer by layer: of each layer a test may leave out what usually stands
 * there, and add what it likes. Hashes and the transaction id fit what was written, unless told not to. */
#ifndef FAMA_TESTS_UNIT_MADE_TRANSACTION_H
#define FAMA_TESTS_UNIT_MADE_TRANSACTION_H

#include "crypto/sha256.h"
#include "unit/wire_writer.h"

enum layer {
    LAYER_CHAINCODE_ID,     /* of the header's extension */
    LAYER_EXTENSION,        /* ChaincodeHeaderExtension */
    LAYER_CHANNEL_HEADER,   /* */
    LAYER_SIGNATURE_HEADER, /* */
    LAYER_HEADER,           /* common.Header */
    LAYER_ACTION_HEADER,    /* TransactionAction.header, a SignatureHeader */
    LAYER_ACTION_ID,        /* ChaincodeID of the ChaincodeAction */
    LAYER_RESPONSE,         /* Response */
    LAYER_RESULTS,          /* TxReadWriteSet */
    LAYER_ACTION,           /* ChaincodeAction */
    LAYER_RESPONSE_PAYLOAD, /* ProposalResponsePayload */
    LAYER_ENDORSED_ACTION,  /* ChaincodeEndorsedAction */
    LAYER_ACTION_PAYLOAD,   /* ChaincodeActionPayload */
    LAYER_TRANSACTION_ACTION,
    LAYER_TRANSACTION,
    LAYER_PAYLOAD,
    LAYER_ENVELOPE,
    LAYERS
};

#define MADE_NONCE    "nonce"
#define MADE_CREATOR  "creator"
#define MADE_PROPOSAL "proposal payload"
#define MADE_TXID     "709184f9d24f6ade8fcd4d6521a6eef295fef6c2e67216c58b68ac15e8946492"

struct made_transaction {
    bool is_left_out[LAYERS];    /* the usual fields of the layer */
    struct written more[LAYERS]; /* written after them */
    struct written at[LAYERS];   /* what came of it */
    int type;                    /* common.HeaderType; 0: ENDORSER_TRANSACTION */
    const char *channel;         /* NULL: "channel" */
    const char *proposal_hash;   /* NULL: the one that fits */
};

static inline void made_usual_headers(struct made_transaction *made, enum layer layer)
{
    struct written *message = &made->at[layer];
    switch (layer) {
    case LAYER_CHAINCODE_ID:
        write_text(message, 1, "path");
        write_text(message, 2, "cc");
        write_text(message, 3, "1.0");
        break;
    case LAYER_EXTENSION:
        write_message(message, 2, &made->at[LAYER_CHAINCODE_ID]);
        break;
    case LAYER_CHANNEL_HEADER:
        write_varint(message, 1, (uint64_t)(made->type == 0 ? 3 : made->type));
        write_text(message, 4, made->channel == NULL ? "channel" : made->channel);
        write_text(message, 5, MADE_TXID);
        write_message(message, 7, &made->at[LAYER_EXTENSION]);
        break;
    case LAYER_SIGNATURE_HEADER:
    case LAYER_ACTION_HEADER:
        write_text(message, 1, MADE_CREATOR);
        write_text(message, 2, MADE_NONCE);
        break;
    case LAYER_HEADER:
        write_message(message, 1, &made->at[LAYER_CHANNEL_HEADER]);
        write_message(message, 2, &made->at[LAYER_SIGNATURE_HEADER]);
        break;
    default:
        break;
    }
}

static inline void made_proposal_hash(const struct made_transaction *made,
                                      uint8_t hash[FAMA_SHA256_BYTES])
{
    const struct fama_bytes parts[] = {
        bytes_of(&made->at[LAYER_CHANNEL_HEADER]),
        bytes_of(&made->at[LAYER_ACTION_HEADER]),
        fama_bytes_of_text(MADE_PROPOSAL),
    };
    fama_sha256_parts(parts, 3, hash);
}

static inline void made_usual_action(struct made_transaction *made, enum layer layer)
{
    struct written *message = &made->at[layer];
    uint8_t hash[FAMA_SHA256_BYTES];
    struct written inner = {.len = 0};
    switch (layer) {
    case LAYER_ACTION_ID:
        write_text(message, 2, "cc");
        write_text(message, 3, "1.0");
        break;
    case LAYER_RESPONSE:
        write_varint(message, 1, 200);
        break;
    case LAYER_RESULTS:
        write_text(&inner, 1, "ns");
        write_message(message, 2, &inner);
        break;
    case LAYER_ACTION:
        write_message(message, 1, &made->at[LAYER_RESULTS]);
        write_message(message, 3, &made->at[LAYER_RESPONSE]);
        write_message(message, 4, &made->at[LAYER_ACTION_ID]);
        break;
    case LAYER_RESPONSE_PAYLOAD:
        made_proposal_hash(made, hash);
        write_bytes(message, 1,
                    made->proposal_hash == NULL ? fama_bytes(hash, sizeof(hash))
                                                : fama_bytes_of_text(made->proposal_hash));
        write_message(message, 2, &made->at[LAYER_ACTION]);
        break;
    case LAYER_ENDORSED_ACTION:
        write_message(message, 1, &made->at[LAYER_RESPONSE_PAYLOAD]);
        write_text(&inner, 1, "endorser");
        write_text(&inner, 2, "signature");
        write_message(message, 2, &inner);
        break;
    case LAYER_ACTION_PAYLOAD:
        write_text(message, 1, MADE_PROPOSAL);
        write_message(message, 2, &made->at[LAYER_ENDORSED_ACTION]);
        break;
    default:
        break;
    }
}

static inline void made_usual_frame(struct made_transaction *made, enum layer layer)
{
    struct written *message = &made->at[layer];
    switch (layer) {
    case LAYER_TRANSACTION_ACTION:
        write_message(message, 1, &made->at[LAYER_ACTION_HEADER]);
        write_message(message, 2, &made->at[LAYER_ACTION_PAYLOAD]);
        break;
    case LAYER_TRANSACTION:
        write_message(message, 1, &made->at[LAYER_TRANSACTION_ACTION]);
        break;
    case LAYER_PAYLOAD:
        write_message(message, 1, &made->at[LAYER_HEADER]);
        write_message(message, 2, &made->at[LAYER_TRANSACTION]);
        break;
    case LAYER_ENVELOPE:
        write_message(message, 1, &made->at[LAYER_PAYLOAD]);
        write_text(message, 2, "client's signature");
        break;
    default:
        break;
    }
}

/* Writes all layers; the envelope's bytes live as long as `made`. */
static inline struct fama_bytes made_envelope(struct made_transaction *made)
{
    for (enum layer layer = 0; layer < LAYERS; layer++) {
        made->at[layer].len = 0;
        if (!made->is_left_out[layer]) {
            made_usual_headers(made, layer);
            made_usual_action(made, layer);
            made_usual_frame(made, layer);
        }
        write_raw(&made->at[layer], made->more[layer].at, made->more[layer].len);
    }
    return bytes_of(&made->at[LAYER_ENVELOPE]);
}

#endif
