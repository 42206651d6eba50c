/* Protobuf's wire format written by hand, field by field, so that tests can write what no library
 * would: fields twice, out of order, with foreign wire types, padded varints. */
#ifndef FAMA_TESTS_UNIT_WIRE_WRITER_H
#define FAMA_TESTS_UNIT_WIRE_WRITER_H

#include <stdlib.h>
#include <string.h>

#include "crypto/bytes.h"

/* A message being written. It is a value: keep it until the bytes are no longer needed. */
struct written {
    uint8_t at[4096];
    size_t len;
};

static inline struct fama_bytes bytes_of(const struct written *message)
{
    return fama_bytes(message->at, message->len);
}

static inline void write_raw(struct written *message, const void *bytes, size_t len)
{
    if (len > sizeof(message->at) - message->len) {
        abort(); /* a test that writes more than this needs a larger message */
    }
    if (len > 0) {
        memcpy(message->at + message->len, bytes, len);
        message->len += len;
    }
}

static inline void write_number(struct written *message, uint64_t number)
{
    do {
        uint8_t byte = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        write_raw(message, &byte, 1);
        number >>= 7;
    } while (number > 0);
}

static inline void write_tag(struct written *message, uint32_t field, unsigned int type)
{
    write_number(message, (uint64_t)field << 3 | type);
}

static inline void write_varint(struct written *message, uint32_t field, uint64_t value)
{
    write_tag(message, field, 0);
    write_number(message, value);
}

static inline void write_bytes(struct written *message, uint32_t field, struct fama_bytes value)
{
    write_tag(message, field, 2);
    write_number(message, value.len);
    write_raw(message, value.at, value.len);
}

static inline void write_text(struct written *message, uint32_t field, const char *text)
{
    write_bytes(message, field, fama_bytes_of_text(text));
}

static inline void write_message(struct written *message, uint32_t field,
                                 const struct written *inner)
{
    write_bytes(message, field, bytes_of(inner));
}

/* A field that no message of Fabric's has, of each wire type, the last one nested groups. */
static inline void write_unknown(struct written *message)
{
    static const uint8_t fixed[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    write_varint(message, 1000, UINT64_MAX);
    write_tag(message, 1001, 1);
    write_raw(message, fixed, 8);
    write_text(message, 1002, "\xff\xfe not text");
    write_tag(message, 1003, 5);
    write_raw(message, fixed, 4);
    write_tag(message, 1004, 3);
    write_tag(message, 1, 3);
    write_varint(message, 2, 1);
    write_tag(message, 1, 4);
    write_tag(message, 1004, 4);
}

/* Inverse of the text of a seed or a vector; for lower-case hex only. */
static inline void write_hex(struct written *message, const char *hex)
{
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};
        uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
        write_raw(message, &byte, 1);
    }
}

#endif
