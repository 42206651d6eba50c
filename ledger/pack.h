/* Writing Fabric's messages: packing into an arena, and the layers that every envelope and block
 * shares.
 *
 * Used by what makes blocks (genesis, chain builder), never by what judges them. On failure
 * functions return empty bytes; the arena remembers that it ran out. One thread at a time. */
#ifndef FAMA_LEDGER_PACK_H
#define FAMA_LEDGER_PACK_H

#include "crypto/bytes.h"
#include "ledger/arena.h"
#include "ledger/block.h"

/* protobuf-c's structs hold pointers to what they never write; these two drop the const. */
static inline char *fama_pack_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData fama_pack_binary(struct fama_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.at};
}

struct fama_bytes fama_pack(struct fama_arena *arena, const ProtobufCMessage *message);

struct fama_pack_headers {
    int32_t type; /* common.HeaderType */
    int32_t version;
    int64_t seconds; /* since 1970 */
    const char *channel_id;
    const char *txid;
    struct fama_bytes extension;
    struct fama_bytes creator;
    struct fama_bytes nonce;
};

struct fama_bytes fama_pack_channel_header(struct fama_arena *arena,
                                           const struct fama_pack_headers *headers);
struct fama_bytes fama_pack_signature_header(struct fama_arena *arena, struct fama_bytes creator,
                                             struct fama_bytes nonce);
/* A common.Payload with both headers. */
struct fama_bytes fama_pack_payload(struct fama_arena *arena,
                                    const struct fama_pack_headers *headers,
                                    struct fama_bytes data);

struct fama_pack_block {
    uint64_t number;
    struct fama_bytes previous_hash;
    struct fama_bytes data_hash; /* empty: computed here */
    const struct fama_bytes *envelopes;
    size_t envelope_count;
    struct fama_bytes metadata[FAMA_BLOCK_METADATA_SLOTS];
};

/* Serializes a common.Block into `*bytes`, released with free(). False when memory is out. */
bool fama_pack_block(const struct fama_pack_block *block, uint8_t **bytes, size_t *len);

#endif
