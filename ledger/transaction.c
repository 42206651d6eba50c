#include "ledger/transaction.h"

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

static bool decode_extension(struct fama_bytes bytes, struct fama_chaincode_id *id)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2) && !fama_chaincode_id_merge(field.value, id)) {
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
            is_good = fama_chaincode_id_merge(field.value, &transaction->action_chaincode);
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

/* What row 7 is about, as far as it can be read. */
static int decode_body(const struct fama_payload *payload, struct fama_arena *arena,
                       struct fama_transaction *transaction,
                       struct fama_transaction_reading *reading)
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
    reading->proposal[0] = payload->channel_header;
    reading->proposal[1] = header;
    reading->proposal[2] = action.proposal;
    reading->endorsement_count = action.endorsement_count;
    reading->is_sound =
        merge_pair(transaction->response_payload, &reading->claimed_hash, &reading->extension) &&
        reading->claimed_hash.len == FAMA_SHA256_BYTES;
    return 0;
}

/* Rows 6 and 7. */
static void judge_body(const struct fama_transaction_reading *reading,
                       struct fama_transaction *transaction)
{
    if (!fama_bytes_equal_text(transaction->claimed_txid, transaction->computed_txid)) {
        transaction->body_code = FAMA_TRANSACTION_BAD_PROPOSAL_TXID;
    } else if (!reading->is_sound ||
               memcmp(reading->proposal_hash, reading->claimed_hash.at, FAMA_SHA256_BYTES) != 0) {
        transaction->body_code = FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION;
    } else {
        transaction->endorsement_count = reading->endorsement_count;
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

static void ask_for_txid(const struct fama_transaction *transaction,
                         struct fama_transaction_reading *reading)
{
    reading->signer[0] = transaction->nonce;
    reading->signer[1] = transaction->creator;
    reading->messages[reading->message_count++] = (struct fama_sha256_message){
        .parts = reading->signer, .part_count = 2, .digest = reading->txid};
}

static void ask_for_proposal_hash(struct fama_transaction_reading *reading)
{
    reading->messages[reading->message_count++] = (struct fama_sha256_message){
        .parts = reading->proposal, .part_count = 3, .digest = reading->proposal_hash};
}

int fama_transaction_begin(struct fama_bytes envelope, struct fama_arena *arena,
                           struct fama_transaction *transaction,
                           struct fama_transaction_reading *reading)
{
    struct fama_payload payload = {0};
    struct fama_channel_header channel = {0};
    bool has_headers = false;
    int result = 0;
    *transaction = (struct fama_transaction){.envelope = envelope};
    reading->message_count = 0;
    reading->is_sound = false;
    transaction->header_code = decode_headers(transaction, &payload, &channel, &has_headers);
    if (transaction->type == FAMA_TRANSACTION_CONFIG) {
        transaction->config = optional(payload.data);
    }
    if (has_headers) {
        ask_for_txid(transaction, reading);
    }
    if (transaction->header_code != FAMA_TRANSACTION_VALID) {
        return 0;
    }
    if (channel.type == FAMA_TRANSACTION_ENDORSER) {
        reading->header_extension = channel.extension;
        reading->claimed_hash = fama_bytes(NULL, 0);
        reading->extension = fama_bytes(NULL, 0);
        result = decode_body(&payload, arena, transaction, reading);
        if (reading->is_sound) {
            ask_for_proposal_hash(reading);
        }
        return result;
    }
    transaction->body_code =
        channel.type == FAMA_TRANSACTION_CONFIG_UPDATE ? FAMA_TRANSACTION_UNSUPPORTED_TX_PAYLOAD
        : transaction->config.is_present               ? FAMA_TRANSACTION_VALID
                                         : FAMA_TRANSACTION_INVALID_CONFIG_TRANSACTION;
    return 0;
}

int fama_transaction_finish(const struct fama_transaction_reading *reading,
                            struct fama_arena *arena, struct fama_transaction *transaction)
{
    if (reading->message_count > 0) {
        fama_sha256_text(reading->txid, transaction->computed_txid);
    }
    if (transaction->header_code != FAMA_TRANSACTION_VALID ||
        transaction->type != FAMA_TRANSACTION_ENDORSER) {
        return 0;
    }
    judge_body(reading, transaction);
    return transaction->body_code == FAMA_TRANSACTION_VALID
               ? decode_facts(reading->header_extension, reading->extension, arena, transaction)
               : 0;
}

int fama_transaction_decode(struct fama_bytes envelope, struct fama_arena *arena,
                            struct fama_transaction *transaction)
{
    struct fama_transaction_reading reading;
    int result = fama_transaction_begin(envelope, arena, transaction, &reading);
    if (result != 0) {
        return result;
    }
    fama_sha256_many(reading.messages, reading.message_count);
    return fama_transaction_finish(&reading, arena, transaction);
}

struct fama_bytes fama_transaction_indexed_txid(const struct fama_transaction *transaction)
{
    if (transaction->claimed_txid.len > 0) {
        return transaction->claimed_txid;
    }
    return fama_bytes_of_text(transaction->computed_txid);
}
