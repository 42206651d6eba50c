#include "ledger/deployment_message.h"

#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

#define MALFORMED FAMA_DEPLOYMENT_MESSAGE_MALFORMED
#define NO_MEMORY FAMA_DEPLOYMENT_MESSAGE_NO_MEMORY

/* An entry of a map from texts to bytes. */
static bool is_map_entry(struct fama_bytes entry)
{
    struct fama_proto_reader reader = fama_proto_reader(entry);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1) && !fama_proto_is_utf8(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

static bool decode_input(struct fama_bytes bytes, struct fama_chaincode_spec *spec)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (spec->argument_count < FAMA_DEPLOYMENT_ARGUMENTS_MAX) {
                spec->arguments[spec->argument_count] = field.value;
            }
            spec->argument_count++;
        } else if (fama_proto_is_len(&field, 2) && !is_map_entry(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

/* The ChaincodeSpec in field 1 of ChaincodeInvocationSpec and ChaincodeDeploymentSpec alike. */
int fama_deployment_spec_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                struct fama_chaincode_spec *spec)
{
    struct fama_bytes content;
    struct fama_bytes inner;
    struct fama_proto_field field;
    *spec = (struct fama_chaincode_spec){0};
    int result = fama_proto_merge(bytes, 1, arena, &content, &spec->is_present);
    if (result != 0) {
        return result;
    }
    struct fama_proto_reader reader = fama_proto_reader(content);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            spec->type = (int32_t)(uint32_t)field.varint;
        }
    }
    result = fama_proto_merge(content, 2, arena, &inner, &spec->id.is_present);
    if (result != 0 || (spec->id.is_present && !fama_chaincode_id_merge(inner, &spec->id))) {
        return result != 0 ? result : MALFORMED;
    }
    result = fama_proto_merge(content, 3, arena, &inner, &spec->has_input);
    if (result != 0 || (spec->has_input && !decode_input(inner, spec))) {
        return result != 0 ? result : MALFORMED;
    }
    return 0;
}

/* The last value of a bytes field; false if the message does not decode. */
static bool last_bytes(struct fama_bytes message, uint32_t number, struct fama_bytes *value)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    *value = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number)) {
            *value = field.value;
        }
    }
    return !reader.failed;
}

/* protos.ChaincodeProposalPayload */
static bool decode_proposal(struct fama_bytes bytes, struct fama_bytes *input)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *input = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *input = field.value;
        } else if (fama_proto_is_len(&field, 2) && !is_map_entry(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

int fama_invocation_spec_find(struct fama_bytes payload, struct fama_arena *arena,
                              struct fama_chaincode_spec *spec)
{
    struct fama_payload layers;
    struct fama_bytes action;
    struct fama_bytes action_payload;
    struct fama_bytes proposal;
    struct fama_bytes input;
    bool is_present;
    *spec = (struct fama_chaincode_spec){0};
    if (!fama_payload_decode(payload, &layers)) {
        return MALFORMED;
    }
    int result = fama_proto_merge(layers.data, 1, arena, &action, &is_present);
    if (result != 0) {
        return result;
    }
    if (!last_bytes(action, 2, &action_payload) || !last_bytes(action_payload, 1, &proposal) ||
        !decode_proposal(proposal, &input)) {
        return MALFORMED;
    }
    return fama_deployment_spec_decode(input, arena, spec);
}
