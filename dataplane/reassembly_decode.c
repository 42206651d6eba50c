#include "dataplane/reassembly_state.h"

/* One set at work: its chunks in the slot's buffer. */
struct decoding {
    struct fama_erasure_shape shape;
    uint8_t *chunks[FAMA_SET_CHUNKS_MAX];
};

static void lay_out(const struct fama_slot *slot, uint32_t set, struct decoding *work)
{
    const struct fama_set_state *state = &slot->sets[set];
    work->shape.data_chunks = state->data_chunks;
    work->shape.parity_chunks = state->parity_chunks;
    uint32_t bytes;
    for (uint32_t i = 0; i < (uint32_t)state->data_chunks + state->parity_chunks; i++) {
        work->chunks[i] = fama_slot_place(slot, set, i, &bytes);
        if (i == 0) {
            work->shape.chunk_bytes = bytes;
        }
        if (i + 1 == state->data_chunks) {
            work->shape.last_bytes = bytes;
        }
    }
}

/* The leaves of the chunks that have come are known, and that they lead to the root: only of those in `made`, bit
 * i = chunk i, are the payloads hashed. */
static void find_leaves(uint64_t made_mask, const struct fama_merkle_known *known,
                        const struct fama_bytes *payloads, uint32_t count,
                        struct fama_merkle_tree *tree)
{
    struct fama_bytes made[FAMA_SET_CHUNKS_MAX];
    uint8_t made_leaves[FAMA_SET_CHUNKS_MAX][FAMA_MERKLE_NODE_BYTES];
    uint32_t made_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((made_mask >> i & 1) != 0) {
            made[made_count++] = payloads[i];
        }
    }
    fama_merkle_leaves(made, made_count, made_leaves);
    made_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_made = (made_mask >> i & 1) != 0;
        memcpy(tree->nodes[i], is_made ? made_leaves[made_count++] : known->nodes[i],
               FAMA_MERKLE_NODE_BYTES);
    }
    fama_merkle_build_from_leaves(tree, tree->nodes, count);
}

/* What is to be hashed after decoding. Exactly k chunks had come, so all of the parity among them took part:
 * encoding the outcome gives that parity again, unless something else than zeros followed the last chunk. */
static uint64_t made_of(const struct fama_set_state *state, const struct fama_erasure_shape *shape)
{
    uint32_t k = shape->data_chunks;
    uint64_t all = UINT64_MAX >> (64 - k - shape->parity_chunks);
    uint64_t made = all & ~state->have;
    bool has_last = (state->have >> (k - 1) & 1) != 0;
    if (!has_last && shape->last_bytes < shape->chunk_bytes) {
        made |= all & ~(UINT64_MAX >> (64 - k));
    }
    return made;
}

/* Whether the data chunks and the parity that they make lead to the root. */
static bool leads_to_root(struct fama_reassembly *reassembly, const struct decoding *work,
                          const struct fama_set_state *state, const struct fama_merkle_known *known)
{
    const struct fama_erasure_shape *shape = &work->shape;
    uint32_t k = shape->data_chunks;
    const uint8_t *data[FAMA_SET_CHUNKS];
    uint8_t *parity[FAMA_PARITY_MAX];
    struct fama_bytes leaves[FAMA_SET_CHUNKS_MAX];
    for (uint32_t i = 0; i < k; i++) {
        data[i] = work->chunks[i];
        leaves[i] = fama_bytes(data[i], i + 1 < k ? shape->chunk_bytes : shape->last_bytes);
    }
    for (uint32_t i = 0; i < shape->parity_chunks; i++) {
        parity[i] = reassembly->made + (size_t)i * FAMA_CHUNK_BYTES_MAX;
        leaves[k + i] = fama_bytes(parity[i], shape->chunk_bytes);
    }
    uint64_t made = made_of(state, shape);
    if (fama_erasure_encode_some(reassembly->erasure, shape, (uint32_t)(made >> k), data, parity) !=
        0) {
        return false;
    }
    struct fama_merkle_tree tree;
    find_leaves(made, known, leaves, k + shape->parity_chunks, &tree);
    return memcmp(fama_merkle_root(&tree), state->root, FAMA_MERKLE_NODE_BYTES) == 0;
}

bool fama_set_decode(struct fama_reassembly *reassembly, struct fama_slot *slot, uint32_t set)
{
    struct fama_set_state *state = &slot->sets[set];
    struct decoding work;
    lay_out(slot, set, &work);
    if (fama_erasure_decode(reassembly->erasure, &work.shape, state->have, work.chunks) < 0 ||
        !leads_to_root(reassembly, &work, state, &slot->known[set])) {
        return false;
    }
    state->have |= UINT64_MAX >> (64 - state->data_chunks);
    return true;
}
