#include "ledger/envelope.h"

#include "ledger/proto_reader.h"

bool fama_envelope_decode(struct fama_bytes bytes, struct fama_envelope *envelope)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *envelope = (struct fama_envelope){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            envelope->payload = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            envelope->signature = field.value;
        }
    }
    return !reader.failed;
}

static bool merge_header(struct fama_bytes bytes, struct fama_payload *payload)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    payload->has_header = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            payload->channel_header = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            payload->signature_header = field.value;
        }
    }
    return !reader.failed;
}

bool fama_payload_decode(struct fama_bytes bytes, struct fama_payload *payload)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *payload = (struct fama_payload){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!merge_header(field.value, payload)) {
                return false;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            payload->data = field.value;
        }
    }
    return !reader.failed;
}

bool fama_channel_header_decode(struct fama_bytes bytes, struct fama_channel_header *header)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *header = (struct fama_channel_header){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            header->type = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 3)) {
            if (!fama_proto_is_message(field.value)) {
                return false; /* the timestamp */
            }
        } else if (fama_proto_is_len(&field, 4) || fama_proto_is_len(&field, 5)) {
            if (!fama_proto_is_utf8(field.value)) {
                return false;
            }
            *(field.number == 4 ? &header->channel_id : &header->tx_id) = field.value;
        } else if (fama_proto_is_varint(&field, 6)) {
            header->epoch = field.varint;
        } else if (fama_proto_is_len(&field, 7)) {
            header->extension = field.value;
        }
    }
    return !reader.failed;
}

/* SignatureHeader and SerializedIdentity have the same shape: two length-delimited fields. */
static bool decode_pair(struct fama_bytes bytes, struct fama_bytes *first,
                        struct fama_bytes *second)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *first = fama_bytes(NULL, 0);
    *second = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *first = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            *second = field.value;
        }
    }
    return !reader.failed;
}

bool fama_signature_header_decode(struct fama_bytes bytes, struct fama_signature_header *header)
{
    return decode_pair(bytes, &header->creator, &header->nonce);
}

bool fama_serialized_identity_decode(struct fama_bytes bytes,
                                     struct fama_serialized_identity *identity)
{
    /* Go refuses a string that is no UTF-8 even where a later one replaces it. */
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1) && !fama_proto_is_utf8(field.value)) {
            return false;
        }
    }
    return decode_pair(bytes, &identity->mspid, &identity->id_bytes);
}

bool fama_envelope_channel_header(struct fama_bytes bytes, struct fama_channel_header *header)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    return fama_envelope_decode(bytes, &envelope) &&
           fama_payload_decode(envelope.payload, &payload) && payload.has_header &&
           fama_channel_header_decode(payload.channel_header, header);
}

bool fama_envelope_is_canonical(struct fama_bytes bytes)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    for (uint32_t number = 1; number <= 2; number++) {
        if (!fama_proto_next(&reader, &field) || !fama_proto_is_len(&field, number) ||
            field.value.len == 0 || !field.minimal_tag || !field.minimal_length) {
            return false;
        }
    }
    while (fama_proto_next(&reader, &field)) {
        /* Go keeps the value of an unknown field as it was, but writes its tag anew. A second
         * payload or signature replaces the first and is not written twice. */
        if (!field.minimal_tag || fama_proto_is_len(&field, 1) || fama_proto_is_len(&field, 2)) {
            return false;
        }
    }
    return !reader.failed;
}
