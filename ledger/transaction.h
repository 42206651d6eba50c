/* One entry of a block, decoded down to its read-write set, with every check made that needs neither
 * keys nor state.
 *
 * Source: Fabric core/common/validation/msgvalidation.go, protoutil, and the first half of
 * core/committer/txvalidator/{v20,v14}; spec fabric-algorithms §4.2, §4.3. Fabric interleaves these
 * checks with others; so each group of checks leaves its own code here, VALID or the first failure,
 * and ledger/validation.h asks for them in Fabric's order. Decoding copies nothing and hashes what
 * Fabric hashes (transaction id, proposal hash). Adversary: clients, endorsers. Arrays live in the
 * arena, views in the block's bytes. Stateless; one thread per arena; any number in parallel. */
#ifndef FAMA_LEDGER_TRANSACTION_H
#define FAMA_LEDGER_TRANSACTION_H

#include "crypto/sha256_many.h"
#include "ledger/chaincode_id.h"
#include "ledger/read_write_set.h"
#include "ledger/transaction_code.h"

#define FAMA_TRANSACTION_CONFIG        1 /* numbers of common.HeaderType that get past the header */
#define FAMA_TRANSACTION_CONFIG_UPDATE 2
#define FAMA_TRANSACTION_ENDORSER      3

struct fama_endorsement {
    struct fama_bytes endorser; /* a serialized msp.SerializedIdentity */
    struct fama_bytes signature;
};

/* A bytes field that Fabric asks for by `!= nil`. Its protobuf runtime since 2.5 (codec_gen.go
 * consumeBytesNoZero) leaves nil for a field that is on the wire but empty; so here empty is absent.
 * (Up to 2.4 the runtime told them apart; nobody's library writes such fields.) */
struct fama_optional {
    struct fama_bytes bytes;
    bool is_present;
};

struct fama_transaction {
    struct fama_bytes envelope; /* the whole entry */
    /* Rows 1-4 of spec §4.2: INVALID_OTHER_REASON, BAD_PAYLOAD, BAD_COMMON_HEADER. What follows is
     * filled as far as it could be decoded. */
    enum fama_transaction_code header_code;
    int32_t type;
    struct fama_bytes channel_id;
    struct fama_bytes claimed_txid; /* as the channel header carries it; may be empty, any length */
    struct fama_bytes nonce;
    /* Row 5: the message is `payload`, signed by `creator`. */
    struct fama_bytes payload;
    struct fama_optional signature;
    struct fama_bytes creator; /* a serialized msp.SerializedIdentity */
    /* Lower-case hex of SHA-256(nonce || creator); filled whenever both headers decoded. */
    char computed_txid[FAMA_SHA256_TEXT_BYTES];
    /* Rows 6-7'': BAD_PROPOSAL_TXID, INVALID_ENDORSER_TRANSACTION, INVALID_CONFIG_TRANSACTION,
     * UNSUPPORTED_TX_PAYLOAD. */
    enum fama_transaction_code body_code;
    /* CONFIG only: payload.data, a serialized ConfigEnvelope. Filled whatever header_code says: a
     * genesis block, which Fabric does not judge, has neither creator nor nonce. */
    struct fama_optional config;

    /* The rest for ENDORSER_TRANSACTION only, as far as body_code is VALID. */
    struct fama_bytes
        response_payload; /* serialized ProposalResponsePayload: what endorsers sign */
    struct fama_endorsement *endorsements;
    size_t endorsement_count;

    /* Facts for dispatch (spec §4.3); which code a failure gives is the validator's affair. */
    bool has_extension; /* channel header extension decodes as ChaincodeHeaderExtension */
    struct fama_chaincode_id header_chaincode;
    bool has_action; /* a ChaincodeAction could be obtained (GetPayloads) */
    struct fama_chaincode_id action_chaincode;
    struct fama_optional events;
    bool has_good_events; /* absent, or a ChaincodeEvent that names the header's chaincode */
    struct fama_optional results;
    bool has_set; /* `results` decoded into `set` */
    struct fama_read_write_set set;
    bool has_repeated_namespace; /* a namespace stands in `set` twice */
};

/* Decodes `envelope`. Returns 0, or FAMA_READ_WRITE_SET_NO_MEMORY when the arena is exhausted: the
 * block cannot be judged then, which is no verdict on the transaction. */
int fama_transaction_decode(struct fama_bytes envelope, struct fama_arena *arena,
                            struct fama_transaction *transaction);

/* The same in two steps, for those who hash the messages of several transactions at once
 * (crypto/sha256_many.h): begin, hash reading->messages, finish. A reading points into itself: it stays where
 * it is. Both steps return what fama_transaction_decode returns; after a failure there is no second one. */
struct fama_transaction_reading {
    struct fama_bytes signer[2];
    struct fama_bytes proposal[3];
    uint8_t txid[FAMA_SHA256_BYTES];
    uint8_t proposal_hash[FAMA_SHA256_BYTES];
    struct fama_sha256_message messages[2];
    size_t message_count;
    bool is_sound; /* everything of row 7 but the hash */
    struct fama_bytes claimed_hash;
    struct fama_bytes header_extension;
    struct fama_bytes extension; /* ProposalResponsePayload.extension */
    size_t endorsement_count;
};
int fama_transaction_begin(struct fama_bytes envelope, struct fama_arena *arena,
                           struct fama_transaction *transaction,
                           struct fama_transaction_reading *reading);
int fama_transaction_finish(const struct fama_transaction_reading *reading,
                            struct fama_arena *arena, struct fama_transaction *transaction);

/* The text under which the transaction stands in the txid index (spec §8): the header's id, the
 * computed one where the header has none, empty where neither can be had. */
struct fama_bytes fama_transaction_indexed_txid(const struct fama_transaction *transaction);

#endif
