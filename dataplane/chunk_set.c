#include "dataplane/chunk_set.h"

#include <stdlib.h>

#include "dataplane/erasure.h"

struct fama_set_encoder {
    struct fama_erasure *erasure;
    struct fama_cut cut;
    uint32_t set, data_chunks, parity_chunks;
    struct fama_bytes chunks[FAMA_SET_CHUNKS_MAX];
    struct fama_merkle_tree tree;
    uint8_t parity[FAMA_PARITY_MAX][FAMA_CHUNK_BYTES_MAX];
};

struct fama_set_encoder *fama_set_encoder_create(void)
{
    struct fama_set_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL) {
        return NULL;
    }
    encoder->erasure = fama_erasure_create();
    if (encoder->erasure == NULL) {
        free(encoder);
        return NULL;
    }
    return encoder;
}

void fama_set_encoder_destroy(struct fama_set_encoder *encoder)
{
    if (encoder != NULL) {
        fama_erasure_destroy(encoder->erasure);
        free(encoder);
    }
}

static bool make_parity(struct fama_set_encoder *encoder)
{
    const uint8_t *data[FAMA_SET_CHUNKS];
    uint8_t *parity[FAMA_PARITY_MAX];
    uint32_t k = encoder->data_chunks;
    const struct fama_erasure_shape shape = {
        .data_chunks = k,
        .parity_chunks = encoder->parity_chunks,
        .chunk_bytes = (uint32_t)encoder->chunks[0].len,
        .last_bytes = (uint32_t)encoder->chunks[k - 1].len,
    };
    for (uint32_t i = 0; i < k; i++) {
        data[i] = encoder->chunks[i].at;
    }
    for (uint32_t i = 0; i < encoder->parity_chunks; i++) {
        parity[i] = encoder->parity[i];
        encoder->chunks[k + i] = fama_bytes(parity[i], shape.chunk_bytes);
    }
    return fama_erasure_encode(encoder->erasure, &shape, data, parity) == 0;
}

bool fama_set_encode(struct fama_set_encoder *encoder, struct fama_bytes block,
                     const struct fama_cut *cut, uint32_t set)
{
    struct fama_geometry geometry;
    if (block.len != cut->block_bytes || cut->parity > FAMA_PARITY_MAX ||
        !fama_geometry(cut->block_bytes, cut->chunk_bytes, &geometry) || set >= geometry.sets) {
        return false;
    }
    encoder->cut = *cut;
    encoder->set = set;
    encoder->data_chunks = fama_geometry_set_chunks(&geometry, set);
    encoder->parity_chunks = fama_geometry_parity_chunks(cut->parity, encoder->data_chunks);
    size_t offset = (size_t)set * FAMA_SET_CHUNKS * cut->chunk_bytes;
    for (uint32_t i = 0; i < encoder->data_chunks; i++, offset += cut->chunk_bytes) {
        size_t left = block.len - offset;
        encoder->chunks[i] =
            fama_bytes(block.at + offset, left < cut->chunk_bytes ? left : cut->chunk_bytes);
    }
    if (encoder->parity_chunks > 0 && !make_parity(encoder)) {
        return false;
    }
    fama_merkle_build(&encoder->tree, encoder->chunks, fama_set_chunks(encoder));
    return true;
}

uint32_t fama_set_chunks(const struct fama_set_encoder *encoder)
{
    return encoder->data_chunks + encoder->parity_chunks;
}

const uint8_t *fama_set_root(const struct fama_set_encoder *encoder)
{
    return fama_merkle_root(&encoder->tree);
}

void fama_set_describe(const struct fama_set_encoder *encoder, struct fama_chunk *chunk)
{
    chunk->block_bytes = encoder->cut.block_bytes;
    chunk->chunk_bytes = encoder->cut.chunk_bytes;
    chunk->parity = encoder->cut.parity;
    chunk->set = (uint16_t)encoder->set;
    chunk->data_chunks = (uint8_t)encoder->data_chunks;
    chunk->parity_chunks = (uint8_t)encoder->parity_chunks;
    chunk->index = 0;
}

void fama_set_chunk(const struct fama_set_encoder *encoder, uint32_t index,
                    struct fama_chunk *chunk, uint8_t *proof)
{
    fama_set_describe(encoder, chunk);
    chunk->index = (uint8_t)index;
    chunk->payload = encoder->chunks[index];
    fama_merkle_prove(&encoder->tree, index, proof);
    chunk->proof = proof;
}
