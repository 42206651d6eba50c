#include "ledger/proto_merge.h"

#include "ledger/proto_reader.h"

int fama_proto_merge(struct fama_bytes outer, uint32_t number, struct fama_arena *arena,
                     struct fama_bytes *inner, bool *is_present)
{
    struct fama_proto_reader reader = fama_proto_reader(outer);
    struct fama_proto_field field;
    size_t parts = 0;
    *inner = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number)) {
            if (!fama_proto_is_message(field.value)) {
                return FAMA_PROTO_MERGE_MALFORMED; /* joined to the next it might look whole */
            }
            *inner = field.value;
            parts++;
        }
    }
    *is_present = parts > 0;
    if (reader.failed || parts <= 1) {
        return reader.failed ? FAMA_PROTO_MERGE_MALFORMED : 0;
    }
    uint8_t *joined = fama_arena_take(arena, outer.len);
    size_t len = 0;
    if (joined == NULL) {
        return FAMA_PROTO_MERGE_NO_MEMORY;
    }
    reader = fama_proto_reader(outer);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number) && field.value.len > 0) {
            memcpy(joined + len, field.value.at, field.value.len);
            len += field.value.len;
        }
    }
    *inner = fama_bytes(joined, len);
    return 0;
}
