#include "ledger/entry_hazard.h"

#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

/* The first action of a Transaction, and what is in it. */
struct first_action {
    size_t action_count;
    struct fama_bytes header;
    struct fama_bytes payload;
    bool has_endorsed_action;
    struct fama_bytes response_payload;
};

/* A message of two bytes fields, merged into what is there. */
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

static bool read_transaction(struct fama_bytes bytes, struct first_action *action)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes other[2];
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            bool is_first = action->action_count++ == 0;
            if (!merge_pair(field.value, is_first ? &action->header : &other[0],
                            is_first ? &action->payload : &other[1])) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* protos.ChaincodeEndorsedAction */
static bool read_endorsed_action(struct fama_bytes bytes, struct first_action *action)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            action->response_payload = field.value;
        } else if (fama_proto_is_len(&field, 2) && !fama_proto_is_message(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

/* protos.ChaincodeActionPayload */
static bool read_action_payload(struct fama_bytes bytes, struct first_action *action)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        /* Of the wrong wire type it is an unknown field, and yet Go's old messages make room for it. */
        action->has_endorsed_action = action->has_endorsed_action || field.number == 2;
        if (fama_proto_is_len(&field, 2) && !read_endorsed_action(field.value, action)) {
            return false;
        }
    }
    return !reader.failed;
}

/* Whether a message decodes whose fields from `first` to `last` are strings. */
static bool has_good_texts(struct fama_bytes bytes, uint32_t first, uint32_t last)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (field.type == FAMA_PROTO_LEN && field.number >= first && field.number <= last &&
            !fama_proto_is_utf8(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

/* protos.ChaincodeAction: its results, if it decodes. */
static bool read_chaincode_action(struct fama_bytes bytes, struct fama_bytes *results)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *results = field.value;
        } else if ((fama_proto_is_len(&field, 3) && !has_good_texts(field.value, 2, 2)) ||
                   (fama_proto_is_len(&field, 4) && !has_good_texts(field.value, 1, 3))) {
            return false;
        }
    }
    return !reader.failed;
}

enum fama_entry_hazard fama_entry_hazard_find(struct fama_bytes entry, struct fama_bytes *results)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct first_action action = {0};
    struct fama_bytes hash = {0};
    struct fama_bytes extension = {0};
    *results = fama_bytes(NULL, 0);
    if (!fama_envelope_decode(entry, &envelope) ||
        !fama_payload_decode(envelope.payload, &payload) ||
        !read_transaction(payload.data, &action)) {
        return FAMA_ENTRY_HANGS;
    }
    if (action.action_count == 0) {
        return FAMA_ENTRY_CRASHES;
    }
    if (!read_action_payload(action.payload, &action)) {
        return FAMA_ENTRY_HANGS;
    }
    if (!action.has_endorsed_action) {
        return FAMA_ENTRY_CRASHES;
    }
    return merge_pair(action.response_payload, &hash, &extension) &&
                   read_chaincode_action(extension, results)
               ? FAMA_ENTRY_HARMLESS
               : FAMA_ENTRY_HANGS;
}

bool fama_entry_lacks_endorsed_action(struct fama_bytes entry)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_signature_header header;
    struct first_action action = {0};
    return fama_envelope_decode(entry, &envelope) &&
           fama_payload_decode(envelope.payload, &payload) &&
           read_transaction(payload.data, &action) && action.action_count == 1 &&
           fama_signature_header_decode(action.header, &header) && header.nonce.len > 0 &&
           header.creator.len > 0 && read_action_payload(action.payload, &action) &&
           !action.has_endorsed_action;
}

bool fama_entry_lacks_header(struct fama_bytes entry)
{
    struct fama_envelope envelope;
    struct fama_proto_field field;
    if (!fama_envelope_decode(entry, &envelope)) {
        return false;
    }
    struct fama_proto_reader reader = fama_proto_reader(envelope.payload);
    while (fama_proto_next(&reader, &field)) {
        if (field.number == 1) {
            return false; /* of whatever wire type, as above */
        }
    }
    return !reader.failed;
}
