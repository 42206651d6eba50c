/* A block cut into provable chunks, parity included, as its origin would send it, with a signature that a test
 * judges by looking at it instead of verifying it: its octets tell whether it is good.
 *
 * Made with the erasure code and the Merkle tree alone, not with dataplane/chunk_set.h, so that both can be
 * held against each other. Tests that lie change parity or trees and go on. */
#ifndef FAMA_TESTS_UNIT_CUT_BLOCK_H
#define FAMA_TESTS_UNIT_CUT_BLOCK_H

#include <stdlib.h>
#include <string.h>

#include "dataplane/erasure.h"
#include "dataplane/wire.h"

struct cut_block {
    uint8_t *bytes;
    uint8_t *parity_bytes; /* of every set FAMA_PARITY_MAX chunks of chunk_bytes */
    uint32_t len;
    uint16_t chunk_bytes;
    uint8_t parity;     /* of a full set */
    uint32_t key_epoch; /* 1: its chunks come by push; 0: within a session */
    struct fama_geometry geometry;
    struct fama_merkle_tree *trees; /* one per set */
    fama_tag channel;
    fama_tag origin;
    uint64_t number;
    uint8_t signature[FAMA_SIGNATURE_BYTES];
};

static inline uint32_t cut_block_data(const struct cut_block *block, uint32_t set)
{
    return fama_geometry_set_chunks(&block->geometry, set);
}

static inline uint32_t cut_block_parity(const struct cut_block *block, uint32_t set)
{
    return fama_geometry_parity_chunks(block->parity, cut_block_data(block, set));
}

/* k + m of a set. */
static inline uint32_t cut_block_count(const struct cut_block *block, uint32_t set)
{
    return cut_block_data(block, set) + cut_block_parity(block, set);
}

static inline uint8_t *cut_block_parity_at(const struct cut_block *block, uint32_t set, uint32_t at)
{
    return block->parity_bytes + ((size_t)set * FAMA_PARITY_MAX + at) * block->chunk_bytes;
}

/* Chunk `index` of a set as it lies in the block, or among its parity. */
static inline struct fama_bytes cut_block_payload(const struct cut_block *block, uint32_t set,
                                                  uint32_t index)
{
    uint32_t data = cut_block_data(block, set);
    uint32_t offset =
        (set * FAMA_SET_CHUNKS + (index < data ? index : 0)) * (uint32_t)block->chunk_bytes;
    uint32_t left = block->len - offset;
    uint32_t bytes = left < block->chunk_bytes ? left : block->chunk_bytes;
    return fama_bytes(index < data ? block->bytes + offset
                                   : cut_block_parity_at(block, set, index - data),
                      bytes);
}

/* The set's tree over whatever its chunks are now. */
static inline void cut_block_build_tree(struct cut_block *block, uint32_t set)
{
    struct fama_bytes leaves[FAMA_SET_CHUNKS_MAX];
    uint32_t count = cut_block_count(block, set);
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = cut_block_payload(block, set, i);
    }
    fama_merkle_build(&block->trees[set], leaves, count);
}

static inline void cut_block_build_set(struct cut_block *block, struct fama_erasure *erasure,
                                       uint32_t set)
{
    const uint8_t *data[FAMA_SET_CHUNKS];
    uint8_t *parity[FAMA_PARITY_MAX];
    uint32_t count = cut_block_data(block, set);
    const struct fama_erasure_shape shape = {
        .data_chunks = count,
        .parity_chunks = cut_block_parity(block, set),
        .chunk_bytes = (uint32_t)cut_block_payload(block, set, 0).len,
        .last_bytes = (uint32_t)cut_block_payload(block, set, count - 1).len,
    };
    for (uint32_t i = 0; i < count; i++) {
        data[i] = cut_block_payload(block, set, i).at;
    }
    for (uint32_t i = 0; i < shape.parity_chunks; i++) {
        parity[i] = cut_block_parity_at(block, set, i);
    }
    if (fama_erasure_encode(erasure, &shape, data, parity) != 0) {
        abort();
    }
    cut_block_build_tree(block, set);
}

/* Content follows from `content` alone: two blocks of the same content and length are the same. */
static inline struct cut_block *cut_block_make_with_parity(uint64_t number, uint32_t len,
                                                           uint16_t chunk_bytes, uint8_t parity,
                                                           fama_tag origin, uint64_t content)
{
    struct cut_block *block = calloc(1, sizeof(*block));
    struct fama_erasure *erasure = fama_erasure_create();
    if (block == NULL || erasure == NULL || !fama_geometry(len, chunk_bytes, &block->geometry)) {
        abort();
    }
    block->len = len;
    block->chunk_bytes = chunk_bytes;
    block->parity = parity;
    block->key_epoch = 1;
    block->origin = origin;
    block->number = number;
    block->bytes = malloc(len);
    block->parity_bytes = calloc((size_t)block->geometry.sets * FAMA_PARITY_MAX, chunk_bytes);
    block->trees = calloc(block->geometry.sets, sizeof(*block->trees));
    if (block->bytes == NULL || block->parity_bytes == NULL || block->trees == NULL) {
        abort();
    }
    uint64_t state = content * 0x9e3779b97f4a7c15 + 1;
    for (uint32_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block->bytes[i] = (uint8_t)state;
    }
    for (uint32_t set = 0; set < block->geometry.sets; set++) {
        cut_block_build_set(block, erasure, set);
    }
    fama_erasure_destroy(erasure);
    memset(block->signature, 0x77, sizeof(block->signature));
    memcpy(block->signature, &origin, sizeof(origin));
    return block;
}

static inline struct cut_block *cut_block_make(uint64_t number, uint32_t len, uint16_t chunk_bytes,
                                               fama_tag origin, uint64_t content)
{
    return cut_block_make_with_parity(number, len, chunk_bytes, 0, origin, content);
}

static inline void cut_block_free(struct cut_block *block)
{
    free(block->bytes);
    free(block->parity_bytes);
    free(block->trees);
    free(block);
}

/* Chunk `index` of a set, proof included. */
static inline void cut_block_set_chunk(const struct cut_block *block, uint32_t set, uint32_t index,
                                       struct fama_chunk *chunk, uint8_t *proof)
{
    *chunk = (struct fama_chunk){
        .channel = block->channel,
        .origin = block->origin,
        .block = block->number,
        .block_bytes = block->len,
        .chunk_bytes = block->chunk_bytes,
        .set = (uint16_t)set,
        .index = (uint8_t)index,
        .data_chunks = (uint8_t)cut_block_data(block, set),
        .parity_chunks = (uint8_t)cut_block_parity(block, set),
        .parity = block->parity,
        .key_epoch = block->key_epoch,
        .signature = block->signature,
        .proof = proof,
        .payload = cut_block_payload(block, set, index),
    };
    fama_merkle_prove(&block->trees[set], index, proof);
}

/* Data chunk `number` of the block. */
static inline void cut_block_chunk(const struct cut_block *block, uint32_t number,
                                   struct fama_chunk *chunk, uint8_t *proof)
{
    cut_block_set_chunk(block, number / FAMA_SET_CHUNKS, number % FAMA_SET_CHUNKS, chunk, proof);
}

#endif
