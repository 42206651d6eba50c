/* A bounded, zero-copy reader of protobuf's wire format: one field at a time, as views into the
 * bytes.
 *
 * Used where a block is on its hot path and where Fabric's verdict depends on how bytes were
 * written. Judges as Go's protobuf runtime does: varints of at most ten bytes, field numbers 1 to
 * 2^29-1, groups balanced, lengths within the message. It allocates nothing and takes time linear
 * in the bytes. Adversary: whoever writes blocks, envelopes and metadata. Stateless but for the
 * reader; any thread. */
#ifndef FAMA_LEDGER_PROTO_READER_H
#define FAMA_LEDGER_PROTO_READER_H

#include "crypto/bytes.h"

enum fama_proto_type {
    FAMA_PROTO_VARINT = 0,
    FAMA_PROTO_FIXED64 = 1,
    FAMA_PROTO_LEN = 2,
    FAMA_PROTO_GROUP = 3, /* a whole group, deprecated since proto2; never a field of ours */
    FAMA_PROTO_FIXED32 = 5,
};

struct fama_proto_reader {
    struct fama_bytes rest; /* not yet read */
    bool failed;            /* the message does not decode; no more fields follow */
};

struct fama_proto_field {
    uint32_t number;
    enum fama_proto_type type;
    uint64_t varint;         /* value of a VARINT */
    struct fama_bytes value; /* content of a LEN, without its length */
    bool minimal_tag;        /* the tag has no padding: re-marshalling gives the same bytes */
    bool minimal_length;     /* and so does the length of a LEN */
};

static inline struct fama_proto_reader fama_proto_reader(struct fama_bytes message)
{
    return (struct fama_proto_reader){.rest = message, .failed = false};
}

/* What fama_proto_next does not do in place. */
bool fama_proto_next_of_any_form(struct fama_proto_reader *reader, struct fama_proto_field *field);

/* Reads the next field. False at the end of the message and on damage: then `failed` tells which. */
static inline bool fama_proto_next(struct fama_proto_reader *reader, struct fama_proto_field *field)
{
    /* Nearly every field of a block looks like this: a tag of one byte, a minimal length of one or two. */
    const struct fama_bytes rest = reader->rest;
    if (!reader->failed && rest.len > 2 && (rest.at[0] & 0x87) == FAMA_PROTO_LEN &&
        rest.at[0] > 7) {
        size_t len = rest.at[1];
        size_t start = 2;
        bool is_short = len < 0x80;
        if (!is_short) {
            is_short = rest.at[2] < 0x80 && rest.at[2] > 0;
            len = (len & 0x7f) | (size_t)rest.at[2] << 7;
            start = 3;
        }
        if (is_short && len <= rest.len - start) {
            *field = (struct fama_proto_field){
                .number = rest.at[0] >> 3,
                .type = FAMA_PROTO_LEN,
                .value = fama_bytes(rest.at + start, len),
                .minimal_tag = true,
                .minimal_length = true,
            };
            reader->rest = fama_bytes(rest.at + start + len, rest.len - start - len);
            return true;
        }
    }
    return fama_proto_next_of_any_form(reader, field);
}

/* Whether `field` is the length-delimited (or varint) field of this number. A known number with
 * another wire type is an unknown field for Go, and so for us. */
static inline bool fama_proto_is_len(const struct fama_proto_field *field, uint32_t number)
{
    return field->number == number && field->type == FAMA_PROTO_LEN;
}

static inline bool fama_proto_is_varint(const struct fama_proto_field *field, uint32_t number)
{
    return field->number == number && field->type == FAMA_PROTO_VARINT;
}

/* Whether every field of the message can be read; nothing is said about nested messages. */
bool fama_proto_is_message(struct fama_bytes message);

/* Go refuses proto3 strings that are not UTF-8 (no surrogates, no overlong forms). */
bool fama_proto_is_utf8(struct fama_bytes text);

#endif
