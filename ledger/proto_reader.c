#include "ledger/proto_reader.h"

#define VARINT_BYTES_MAX 10
#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)
/* Inside a group that it skips, Go's runtime takes greater numbers (protowire DecodeTag). */
#define SKIPPED_NUMBER_MAX ((UINT64_C(1) << 31) - 1)
#define GROUP_START        3
#define GROUP_END          4
/* Groups cannot be legitimate in any message of ours, but a message with one decodes. The outermost
 * and the 10,000 levels that Go's runtime follows inside it. */
#define GROUP_DEPTH_MAX 10001

static bool read_long_varint(struct fama_bytes *rest, uint64_t *value, bool *minimal)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < rest->len && i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = rest->at[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            return false;
        }
        sum |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *value = sum;
            *minimal = i == 0 || byte != 0;
            *rest = fama_bytes(rest->at + i + 1, rest->len - i - 1);
            return true;
        }
    }
    return false;
}

static inline bool read_varint(struct fama_bytes *rest, uint64_t *value, bool *minimal)
{
    if (rest->len == 0 || rest->at[0] >= 0x80) {
        return read_long_varint(rest, value, minimal);
    }
    *value = rest->at[0];
    *minimal = true;
    *rest = fama_bytes(rest->at + 1, rest->len - 1);
    return true;
}

static bool skip_bytes(struct fama_bytes *rest, uint64_t count)
{
    if (count > rest->len) {
        return false;
    }
    *rest = fama_bytes(rest->at + count, rest->len - (size_t)count);
    return true;
}

static inline bool read_tag(struct fama_bytes *rest, uint64_t number_max, uint32_t *number,
                            uint32_t *type, bool *minimal)
{
    uint64_t tag;
    if (!read_varint(rest, &tag, minimal)) {
        return false;
    }
    if ((tag >> 3) == 0 || (tag >> 3) > number_max) {
        return false;
    }
    *number = (uint32_t)(tag >> 3);
    *type = (uint32_t)(tag & 7);
    return true;
}

/* Reads what follows a tag that is neither the start nor the end of a group. */
static bool read_value(struct fama_bytes *rest, uint32_t type, struct fama_proto_field *field)
{
    bool ignored;
    switch (type) {
    case FAMA_PROTO_VARINT:
        return read_varint(rest, &field->varint, &ignored);
    case FAMA_PROTO_FIXED64:
        return skip_bytes(rest, 8);
    case FAMA_PROTO_FIXED32:
        return skip_bytes(rest, 4);
    case FAMA_PROTO_LEN: {
        uint64_t len;
        if (!read_varint(rest, &len, &field->minimal_length) || len > rest->len) {
            return false;
        }
        field->value = fama_bytes(rest->at, (size_t)len);
        return skip_bytes(rest, len);
    }
    default:
        return false;
    }
}

/* Apart from its caller, whose stack stays small without groups. */
__attribute__((noinline)) static bool skip_group(struct fama_bytes *rest, uint32_t group_number)
{
    uint32_t open[GROUP_DEPTH_MAX];
    size_t depth = 1;
    open[0] = group_number;
    while (depth > 0) {
        uint32_t number;
        uint32_t type;
        bool ignored;
        struct fama_proto_field field;
        if (!read_tag(rest, SKIPPED_NUMBER_MAX, &number, &type, &ignored)) {
            return false;
        }
        if (type == GROUP_START) {
            if (depth == GROUP_DEPTH_MAX) {
                return false;
            }
            open[depth++] = number;
        } else if (type == GROUP_END) {
            if (number != open[--depth]) {
                return false;
            }
        } else if (!read_value(rest, type, &field)) {
            return false;
        }
    }
    return true;
}

bool fama_proto_next_of_any_form(struct fama_proto_reader *reader, struct fama_proto_field *field)
{
    if (reader->failed || reader->rest.len == 0) {
        return false;
    }
    uint32_t type;
    *field = (struct fama_proto_field){.minimal_length = true};
    bool read =
        read_tag(&reader->rest, FIELD_NUMBER_MAX, &field->number, &type, &field->minimal_tag);
    if (read) {
        read = type == GROUP_START ? skip_group(&reader->rest, field->number)
                                   : read_value(&reader->rest, type, field);
    }
    if (!read) {
        reader->failed = true;
        return false;
    }
    field->type = (enum fama_proto_type)type;
    return true;
}

bool fama_proto_is_message(struct fama_bytes message)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
    }
    return !reader.failed;
}

/* Length of the UTF-8 sequence at the start of `text`, 0 if it is none (Unicode table 3-7). */
static size_t utf8_sequence(struct fama_bytes text)
{
    uint8_t first = text.at[0];
    if (first < 0x80) {
        return 1;
    }
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.len < len) {
        return 0;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text.at[1] < low || text.at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((text.at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool fama_proto_is_utf8(struct fama_bytes text)
{
    while (text.len > 0) {
        uint64_t eight;
        if (text.len >= sizeof(eight)) {
            memcpy(&eight, text.at, sizeof(eight));
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                text = fama_bytes(text.at + sizeof(eight), text.len - sizeof(eight));
                continue;
            }
        }
        size_t len = utf8_sequence(text);
        if (len == 0) {
            return false;
        }
        text = fama_bytes(text.at + len, text.len - len);
    }
    return true;
}
