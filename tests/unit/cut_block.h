/* A block cut into provable chunks, as its origin would send it, with a signature that a test
 * judges by looking at it instead of verifying it: its octets tell whether it is good. */
#ifndef FAMA_TESTS_UNIT_CUT_BLOCK_H
#define FAMA_TESTS_UNIT_CUT_BLOCK_H

#include <stdlib.h>
#include <string.h>

#include "dataplane/wire.h"

struct cut_block {
    uint8_t *bytes;
    uint32_t len;
    uint16_t chunk_bytes;
    struct fama_geometry geometry;
    struct fama_merkle_tree *trees; /* one per set */
    fama_tag channel;
    fama_tag origin;
    uint64_t number;
    uint8_t signature[FAMA_SIGNATURE_BYTES];
};

/* Content follows from `content` alone: two blocks of the same content and length are the same. */
static inline struct cut_block *cut_block_make(uint64_t number, uint32_t len, uint16_t chunk_bytes,
                                               fama_tag origin, uint64_t content)
{
    struct cut_block *block = calloc(1, sizeof(*block));
    if (block == NULL || !fama_geometry(len, chunk_bytes, &block->geometry)) {
        abort();
    }
    block->len = len;
    block->chunk_bytes = chunk_bytes;
    block->origin = origin;
    block->number = number;
    block->bytes = malloc(len);
    block->trees = calloc(block->geometry.sets, sizeof(*block->trees));
    if (block->bytes == NULL || block->trees == NULL) {
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
        struct fama_bytes leaves[FAMA_SET_CHUNKS];
        uint32_t count = fama_geometry_set_chunks(&block->geometry, set);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t offset = (set * FAMA_SET_CHUNKS + i) * chunk_bytes;
            uint32_t left = len - offset;
            leaves[i] = fama_bytes(block->bytes + offset, left < chunk_bytes ? left : chunk_bytes);
        }
        fama_merkle_build(&block->trees[set], leaves, count);
    }
    memset(block->signature, 0x77, sizeof(block->signature));
    memcpy(block->signature, &origin, sizeof(origin));
    return block;
}

static inline void cut_block_free(struct cut_block *block)
{
    free(block->bytes);
    free(block->trees);
    free(block);
}

/* Chunk `number` of the block, proof included. */
static inline void cut_block_chunk(const struct cut_block *block, uint32_t number,
                                   struct fama_chunk *chunk, uint8_t *proof)
{
    uint32_t set = number / FAMA_SET_CHUNKS;
    uint32_t offset = number * block->chunk_bytes;
    uint32_t left = block->len - offset;
    *chunk = (struct fama_chunk){
        .channel = block->channel,
        .origin = block->origin,
        .block = block->number,
        .block_bytes = block->len,
        .chunk_bytes = block->chunk_bytes,
        .set = (uint16_t)set,
        .index = (uint8_t)(number % FAMA_SET_CHUNKS),
        .data_chunks = (uint8_t)fama_geometry_set_chunks(&block->geometry, set),
        .signature = block->signature,
        .proof = proof,
        .payload = fama_bytes(block->bytes + offset,
                              left < block->chunk_bytes ? left : block->chunk_bytes),
    };
    chunk->proof_nodes = (uint8_t)fama_merkle_depth(chunk->data_chunks);
    fama_merkle_prove(&block->trees[set], chunk->index, proof);
}

#endif
