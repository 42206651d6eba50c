#include "ledger/pack.h"

#include <stdlib.h>

#include "ledger/proto/common.pb-c.h"

struct fama_bytes fama_pack(struct fama_arena *arena, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = fama_arena_take(arena, len);
    if (packed == NULL) {
        return fama_bytes(NULL, 0);
    }
    return fama_bytes(packed, protobuf_c_message_pack(message, packed));
}

struct fama_bytes fama_pack_channel_header(struct fama_arena *arena,
                                           const struct fama_pack_headers *headers)
{
    Common__Timestamp timestamp = COMMON__TIMESTAMP__INIT;
    Common__ChannelHeader header = COMMON__CHANNEL_HEADER__INIT;
    timestamp.seconds = headers->seconds;
    header.type = headers->type;
    header.version = headers->version;
    header.timestamp = &timestamp;
    header.channel_id = fama_pack_text(headers->channel_id);
    header.tx_id = fama_pack_text(headers->txid);
    header.extension = fama_pack_binary(headers->extension);
    return fama_pack(arena, &header.base);
}

struct fama_bytes fama_pack_signature_header(struct fama_arena *arena, struct fama_bytes creator,
                                             struct fama_bytes nonce)
{
    Common__SignatureHeader header = COMMON__SIGNATURE_HEADER__INIT;
    header.creator = fama_pack_binary(creator);
    header.nonce = fama_pack_binary(nonce);
    return fama_pack(arena, &header.base);
}

struct fama_bytes fama_pack_payload(struct fama_arena *arena,
                                    const struct fama_pack_headers *headers, struct fama_bytes data)
{
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    header.channel_header = fama_pack_binary(fama_pack_channel_header(arena, headers));
    header.signature_header =
        fama_pack_binary(fama_pack_signature_header(arena, headers->creator, headers->nonce));
    payload.header = &header;
    payload.data = fama_pack_binary(data);
    return fama_pack(arena, &payload.base);
}

bool fama_pack_block(const struct fama_pack_block *block, uint8_t **bytes, size_t *len)
{
    uint8_t data_hash[FAMA_SHA256_BYTES];
    Common__BlockHeader header = COMMON__BLOCK_HEADER__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__BlockMetadata metadata = COMMON__BLOCK_METADATA__INIT;
    Common__Block message = COMMON__BLOCK__INIT;
    ProtobufCBinaryData slots[FAMA_BLOCK_METADATA_SLOTS];
    ProtobufCBinaryData *entries = calloc(block->envelope_count + 1, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < block->envelope_count; i++) {
        entries[i] = fama_pack_binary(block->envelopes[i]);
    }
    for (size_t i = 0; i < FAMA_BLOCK_METADATA_SLOTS; i++) {
        slots[i] = fama_pack_binary(block->metadata[i]);
    }
    header.number = block->number;
    header.previous_hash = fama_pack_binary(block->previous_hash);
    if (block->data_hash.len == 0) {
        fama_sha256_parts(block->envelopes, block->envelope_count, data_hash);
        header.data_hash = fama_pack_binary(fama_bytes(data_hash, sizeof(data_hash)));
    } else {
        header.data_hash = fama_pack_binary(block->data_hash);
    }
    data.n_data = block->envelope_count;
    data.data = entries;
    metadata.n_metadata = FAMA_BLOCK_METADATA_SLOTS;
    metadata.metadata = slots;
    message.header = &header;
    message.data = &data;
    message.metadata = &metadata;
    *bytes = malloc(common__block__get_packed_size(&message));
    if (*bytes != NULL) {
        *len = common__block__pack(&message, *bytes);
    }
    free(entries);
    return *bytes != NULL;
}
