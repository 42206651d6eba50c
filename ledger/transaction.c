#include "ledger/transaction.h"

#include "crypto/sha256_many.h"
#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

#define NO_MEMORY FAMA_READ_WRITE_SET_NO_MEMORY

_Static_assert(FAMA_TRANSACTION_CONFIG == FAMA_HEADER_TYPE_CONFIG, "one numbering");

/* Fabric's runtime leaves nil where a field stands on the wire with no content, so that absent and
 * empty are one. */
static struct fama_optional optional(struct fama_bytes value)
{
    return (struct fama_optional){.bytes = value, .is_present = value.len > 0};
}

/* Messages of two length-delimited fields, 1 and 2, that are bytes. Fills what is there already, so
 * that a message that comes twice is merged. */
static bool merge_pair(struct fama_bytes bytes, struct fama_bytes *first, struct fama_bytes *second)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *first = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            *second = field.value;
        }
    }
    return !reader.failed;
}

static bool merge_chaincode_id(struct fama_bytes bytes, struct fama_chaincode_id *id)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    id->is_present = true;
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > 3) {
            continue;
        }
        if (!fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (field.number == 2) {
            id->name = field.value;
        } else if (field.number == 3) {
            id->version = field.value;
        }
    }
    return !reader.failed;
}

static bool decode_extension(struct fama_bytes bytes, struct fama_chaincode_id *id)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2) && !merge_chaincode_id(field.value, id)) {
            return false;
        }
    }
    return !reader.failed;
}

/* Nothing of a Response counts but that it decodes. */
static bool check_response(struct fama_bytes bytes)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2) && !fama_proto_is_utf8(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

static bool decode_action(struct fama_bytes bytes, struct fama_transaction *transaction)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes results = {0};
    struct fama_bytes events = {0};
    while (fama_proto_next(&reader, &field)) {
        bool is_good = true;
        if (fama_proto_is_len(&field, 1)) {
            results = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            events = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            is_good = check_response(field.value);
        } else if (fama_proto_is_len(&field, 4)) {
            is_good = merge_chaincode_id(field.value, &transaction->action_chaincode);
        }
        if (!is_good) {
            return false;
        }
    }
    transaction->results = optional(results);
    transaction->events = optional(events);
    return !reader.failed;
}

/* Whether the bytes are a ChaincodeEvent of this chaincode. */
static bool is_event_of(struct fama_bytes bytes, struct fama_bytes chaincode)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes named = {0};
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > 3) {
            continue;
        }
        if (!fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (field.number == 1) {
            named = field.value;
        }
    }
    return !reader.failed && fama_bytes_equal(named, chaincode);
}

/* The only TransactionAction's two fields. False if the Transaction does not decode, or has another
 * number of actions. */
static bool find_action(struct fama_bytes bytes, struct fama_bytes *header,
                        struct fama_bytes *payload)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    size_t actions = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            actions++;
            if (!merge_pair(field.value, header, payload)) {
                return false;
            }
        }
    }
    return !reader.failed && actions == 1;
}

struct action_payload {
    struct fama_bytes proposal; /* chaincode_proposal_payload */
    bool has_action;
    size_t endorsement_count;
};

/* Reads a ChaincodeEndorsedAction. With a NULL list endorsements are counted, else appended. */
static bool read_endorsed_action(struct fama_bytes bytes, struct fama_transaction *transaction,
                                 struct fama_endorsement *list, size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            transaction->response_payload = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            if (list != NULL &&
                !merge_pair(field.value, &list[*count].endorser, &list[*count].signature)) {
                return false;
            }
            ++*count;
        }
    }
    return !reader.failed;
}

/* Reads a ChaincodeActionPayload, in one pass that counts endorsements and one that keeps them. */
static bool read_action_payload(struct fama_bytes bytes, struct fama_transaction *transaction,
                                struct fama_endorsement *list, struct action_payload *payload)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *payload = (struct action_payload){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            payload->proposal = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            payload->has_action = true;
            if (!read_endorsed_action(field.value, transaction, list,
                                      &payload->endorsement_count)) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* What row 7 is about, as far as it could be read. */
struct body {
    bool is_sound; /* everything but the hash */
    struct fama_bytes proposal[3];
    struct fama_bytes claimed_hash;
    struct fama_bytes extension; /* ProposalResponsePayload.extension */
    size_t endorsement_count;
};

static int decode_body(const struct fama_payload *payload, struct fama_arena *arena,
                       struct fama_transaction *transaction, struct body *body)
{
    struct fama_bytes header = {0};
    struct fama_bytes bytes = {0};
    struct fama_signature_header signer;
    struct action_payload action;
    if (!find_action(payload->data, &header, &bytes) ||
        !fama_signature_header_decode(header, &signer) || signer.nonce.len == 0 ||
        signer.creator.len == 0 || !read_action_payload(bytes, transaction, NULL, &action) ||
        !action.has_action || action.proposal.len == 0) {
        return 0;
    }
    if (action.endorsement_count > 0) {
        transaction->endorsements =
            fama_arena_take(arena, action.endorsement_count * sizeof(*transaction->endorsements));
        if (transaction->endorsements == NULL) {
            return NO_MEMORY;
        }
        if (!read_action_payload(bytes, transaction, transaction->endorsements, &action)) {
            return 0;
        }
    }
    body->proposal[0] = payload->channel_header;
    body->proposal[1] = header;
    body->proposal[2] = action.proposal;
    body->endorsement_count = action.endorsement_count;
    body->is_sound =
        merge_pair(transaction->response_payload, &body->claimed_hash, &body->extension) &&
        body->claimed_hash.len == FAMA_SHA256_BYTES;
    return 0;
}

/* Rows 6 and 7. Both hashes are computed together, which takes little more time than one. */
static void judge_body(const struct body *body, struct fama_transaction *transaction)
{
    const struct fama_bytes signer[] = {transaction->nonce, transaction->creator};
    uint8_t txid[FAMA_SHA256_BYTES];
    uint8_t proposal_hash[FAMA_SHA256_BYTES] = {0};
    const struct fama_sha256_message messages[] = {
        {.parts = signer, .part_count = 2, .digest = txid},
        {.parts = body->proposal, .part_count = 3, .digest = proposal_hash},
    };
    fama_sha256_many(messages, body->is_sound ? 2 : 1);
    fama_sha256_text(txid, transaction->computed_txid);
    if (!fama_bytes_equal(transaction->claimed_txid,
                          fama_bytes_of_text(transaction->computed_txid))) {
        transaction->body_code = FAMA_TRANSACTION_BAD_PROPOSAL_TXID;
    } else if (!body->is_sound ||
               memcmp(proposal_hash, body->claimed_hash.at, FAMA_SHA256_BYTES) != 0) {
        transaction->body_code = FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION;
    } else {
        transaction->endorsement_count = body->endorsement_count;
    }
}

/* The facts for dispatch. */
static int decode_facts(struct fama_bytes header_extension, struct fama_bytes extension,
                        struct fama_arena *arena, struct fama_transaction *transaction)
{
    transaction->has_extension = decode_extension(header_extension, &transaction->header_chaincode);
    transaction->has_action = extension.len > 0 && decode_action(extension, transaction);
    if (!transaction->has_action) {
        return 0;
    }
    transaction->has_good_events =
        !transaction->events.is_present ||
        is_event_of(transaction->events.bytes, transaction->header_chaincode.name);
    int result = fama_read_write_set_decode(transaction->results.bytes, arena, &transaction->set);
    if (result == NO_MEMORY) {
        return result;
    }
    transaction->has_set = result == 0;
    if (!transaction->has_set) {
        transaction->set = (struct fama_read_write_set){0};
        return 0;
    }
    return fama_read_write_set_find_repeated(&transaction->set, arena,
                                             &transaction->has_repeated_namespace);
}

static void compute_txid(struct fama_transaction *transaction)
{
    const struct fama_bytes parts[] = {transaction->nonce, transaction->creator};
    uint8_t hash[FAMA_SHA256_BYTES];
    fama_sha256_parts(parts, 2, hash);
    fama_sha256_text(hash, transaction->computed_txid);
}

/* Rows 1 to 4. */
static enum fama_transaction_code decode_headers(struct fama_transaction *transaction,
                                                 struct fama_payload *payload,
                                                 struct fama_channel_header *channel,
                                                 bool *has_headers)
{
    struct fama_envelope envelope;
    struct fama_signature_header signer;
    if (!fama_envelope_decode(transaction->envelope, &envelope)) {
        return FAMA_TRANSACTION_INVALID_OTHER_REASON;
    }
    transaction->payload = envelope.payload;
    transaction->signature = optional(envelope.signature);
    if (!fama_payload_decode(envelope.payload, payload)) {
        return FAMA_TRANSACTION_BAD_PAYLOAD;
    }
    if (!payload->has_header || !fama_channel_header_decode(payload->channel_header, channel)) {
        return FAMA_TRANSACTION_BAD_COMMON_HEADER;
    }
    transaction->type = channel->type;
    transaction->channel_id = channel->channel_id;
    transaction->claimed_txid = channel->tx_id;
    if (!fama_signature_header_decode(payload->signature_header, &signer)) {
        return FAMA_TRANSACTION_BAD_COMMON_HEADER;
    }
    transaction->nonce = signer.nonce;
    transaction->creator = signer.creator;
    *has_headers = true;
    if (channel->type != FAMA_TRANSACTION_ENDORSER && channel->type != FAMA_TRANSACTION_CONFIG &&
        channel->type != FAMA_TRANSACTION_CONFIG_UPDATE) {
        return FAMA_TRANSACTION_BAD_COMMON_HEADER;
    }
    return channel->epoch == 0 && signer.nonce.len > 0 && signer.creator.len > 0
               ? FAMA_TRANSACTION_VALID
               : FAMA_TRANSACTION_BAD_COMMON_HEADER;
}

static int decode_endorser_transaction(const struct fama_payload *payload,
                                       struct fama_bytes header_extension, struct fama_arena *arena,
                                       struct fama_transaction *transaction)
{
    struct body body = {.is_sound = false};
    int result = decode_body(payload, arena, transaction, &body);
    judge_body(&body, transaction);
    if (result != 0 || transaction->body_code != FAMA_TRANSACTION_VALID) {
        return result;
    }
    return decode_facts(header_extension, body.extension, arena, transaction);
}

int fama_transaction_decode(struct fama_bytes envelope, struct fama_arena *arena,
                            struct fama_transaction *transaction)
{
    struct fama_payload payload = {0};
    struct fama_channel_header channel = {0};
    bool has_headers = false;
    *transaction = (struct fama_transaction){.envelope = envelope};
    transaction->header_code = decode_headers(transaction, &payload, &channel, &has_headers);
    if (transaction->type == FAMA_TRANSACTION_CONFIG) {
        transaction->config = optional(payload.data);
    }
    if (transaction->header_code == FAMA_TRANSACTION_VALID &&
        channel.type == FAMA_TRANSACTION_ENDORSER) {
        return decode_endorser_transaction(&payload, channel.extension, arena, transaction);
    }
    if (has_headers) {
        compute_txid(transaction);
    }
    if (transaction->header_code == FAMA_TRANSACTION_VALID) {
        transaction->body_code =
            channel.type == FAMA_TRANSACTION_CONFIG_UPDATE ? FAMA_TRANSACTION_UNSUPPORTED_TX_PAYLOAD
            : transaction->config.is_present               ? FAMA_TRANSACTION_VALID
                                             : FAMA_TRANSACTION_INVALID_CONFIG_TRANSACTION;
    }
    return 0;
}

struct fama_bytes fama_transaction_indexed_txid(const struct fama_transaction *transaction)
{
    if (transaction->claimed_txid.len > 0) {
        return transaction->claimed_txid;
    }
    return fama_bytes_of_text(transaction->computed_txid);
}
