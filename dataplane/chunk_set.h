/* One set of a block on its way out: its data chunks where they lie in the block, the parity made of them,
 * and the Merkle tree over all.
 *
 * The encoder owns what it makes; it is good until its next fama_set_encode. Nothing is taken from the heap
 * after its creation. Owner: one thread. */
#ifndef FAMA_DATAPLANE_CHUNK_SET_H
#define FAMA_DATAPLANE_CHUNK_SET_H

#include "dataplane/wire.h"

struct fama_set_encoder;

/* NULL if out of memory. */
struct fama_set_encoder *fama_set_encoder_create(void);
/* NULL is fine. */
void fama_set_encoder_destroy(struct fama_set_encoder *encoder);

/* Encodes set `set` of the block, which is cut as `cut` says and has that set. The block is borrowed until
 * the next call. False if cut and set do not go together. */
bool fama_set_encode(struct fama_set_encoder *encoder, struct fama_bytes block,
                     const struct fama_cut *cut, uint32_t set);

uint32_t fama_set_chunks(const struct fama_set_encoder *encoder); /* k + m */
const uint8_t *fama_set_root(const struct fama_set_encoder *encoder);
/* Writes into `chunk` what depends on the set, index 0: place, k, m, and the cut; for fama_wire_root_digest. */
void fama_set_describe(const struct fama_set_encoder *encoder, struct fama_chunk *chunk);
/* Writes into `chunk` what depends on the index too: payload, and proof, which is put into `proof`
 * (FAMA_MERKLE_DEPTH_MAX nodes). index < fama_set_chunks. */
void fama_set_chunk(const struct fama_set_encoder *encoder, uint32_t index,
                    struct fama_chunk *chunk, uint8_t *proof);

#endif
