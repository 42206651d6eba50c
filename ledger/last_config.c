#include "ledger/last_config.h"

#include "ledger/proto_reader.h"

/* The last occurrence of a length-delimited field, as protobuf's rule for repeated scalars has it.
 */
static bool find_bytes(struct fama_bytes message, uint32_t number, struct fama_bytes *value)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    bool is_found = false;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number)) {
            *value = field.value;
            is_found = true;
        }
    }
    return is_found && !reader.failed;
}

static bool read_index(struct fama_bytes last_config, uint64_t *number)
{
    struct fama_proto_reader reader = fama_proto_reader(last_config);
    struct fama_proto_field field;
    *number = 0; /* An absent index is zero: the genesis block. */
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            *number = field.varint;
        }
    }
    return !reader.failed;
}

bool fama_block_last_config(const struct fama_block *block, uint64_t *number)
{
    struct fama_bytes value;
    struct fama_bytes last_config;
    if (find_bytes(block->metadata[FAMA_BLOCK_SIGNATURES], 1, &value) && value.len > 0) {
        return find_bytes(value, 1, &last_config) && read_index(last_config, number);
    }
    return find_bytes(block->metadata[FAMA_BLOCK_LAST_CONFIG], 1, &value) &&
           read_index(value, number);
}
