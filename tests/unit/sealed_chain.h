/* Blocks of a made chain that hold whatever envelopes a test likes, in any order and as often as it likes,
 * linked and signed by the chain's orderer. */
#ifndef FAMA_TESTS_UNIT_SEALED_CHAIN_H
#define FAMA_TESTS_UNIT_SEALED_CHAIN_H

#include "ledger/block.h"
#include "ledger/pack.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/transaction_builder.h"
#include "unit/made_config.h"

/* Where the chain stands: a copy goes on beside the original. */
struct sealed_tip {
    uint64_t next;
    uint8_t hash[FAMA_SHA256_BYTES];
};

static inline struct sealed_tip sealed_tip(const struct made_chain *chain)
{
    struct sealed_tip tip = {.next = 1};
    memcpy(tip.hash, chain->genesis.header_hash, FAMA_SHA256_BYTES);
    return tip;
}

static inline struct fama_bytes sealed_signatures(const struct made_chain *chain,
                                                  const struct fama_pack_block *block,
                                                  struct fama_arena *arena)
{
    const struct fama_signer *orderer = chain->signers[MADE_ORDERER];
    Common__LastConfig last_config = COMMON__LAST_CONFIG__INIT;
    Common__OrdererBlockMetadata value = COMMON__ORDERER_BLOCK_METADATA__INIT;
    Common__MetadataSignature signature = COMMON__METADATA_SIGNATURE__INIT;
    Common__MetadataSignature *signatures[] = {&signature};
    Common__Metadata metadata = COMMON__METADATA__INIT;
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    value.last_config = &last_config;
    struct fama_bytes signed_value = fama_pack(arena, &value.base);
    struct fama_bytes header = fama_pack_signature_header(
        arena, fama_transaction_creator(orderer, arena), fama_transaction_nonce(arena));
    size_t der_len = fama_block_header_der(block->number, block->previous_hash, block->data_hash,
                                           der, sizeof(der));
    const struct fama_bytes parts[] = {signed_value, header, fama_bytes(der, der_len)};
    signature.signature_header = fama_pack_binary(header);
    signature.signature = fama_pack_binary(fama_transaction_sign(orderer, parts, 3, arena));
    metadata.value = fama_pack_binary(signed_value);
    metadata.n_signatures = 1;
    metadata.signatures = signatures;
    return fama_pack(arena, &metadata.base);
}

/* The next block, to be released with free_bytes; the tip moves on. */
static inline struct fama_bytes sealed_block(const struct made_chain *chain, struct sealed_tip *tip,
                                             const struct fama_bytes *envelopes, size_t count)
{
    struct fama_arena arena;
    uint8_t data_hash[FAMA_SHA256_BYTES];
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct fama_block built;
    fama_arena_init(&arena, 1u << 20);
    fama_sha256_parts(envelopes, count, data_hash);
    struct fama_pack_block block = {
        .number = tip->next,
        .previous_hash = fama_bytes(tip->hash, FAMA_SHA256_BYTES),
        .data_hash = fama_bytes(data_hash, sizeof(data_hash)),
        .envelopes = envelopes,
        .envelope_count = count,
    };
    block.metadata[FAMA_BLOCK_SIGNATURES] = sealed_signatures(chain, &block, &arena);
    CU_ASSERT_FATAL(!arena.is_exhausted && fama_pack_block(&block, &bytes, &len));
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, len), &built), FAMA_BLOCK_ACCEPTED);
    memcpy(tip->hash, built.header_hash, FAMA_SHA256_BYTES);
    tip->next++;
    fama_block_clear(&built);
    fama_arena_clear(&arena);
    return fama_bytes(bytes, len);
}

/* A configuration transaction as an orderer wraps it, in the arena. */
static inline struct fama_bytes sealed_config(const struct made_chain *chain,
                                              const struct made_update *update,
                                              struct fama_arena *arena)
{
    const struct fama_signer *orderer = chain->signers[MADE_ORDERER];
    const struct fama_pack_headers headers = {.type = 1,
                                              .channel_id = MADE_CHANNEL,
                                              .txid = "",
                                              .creator = fama_transaction_creator(orderer, arena),
                                              .nonce = fama_transaction_nonce(arena)};
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    struct fama_bytes payload =
        fama_pack_payload(arena, &headers, made_update_pack(chain, update, arena));
    envelope.payload = fama_pack_binary(payload);
    envelope.signature = fama_pack_binary(fama_transaction_sign(orderer, &payload, 1, arena));
    struct fama_bytes bytes = fama_pack(arena, &envelope.base);
    CU_ASSERT_FATAL(!arena->is_exhausted);
    return bytes;
}

#endif
