/* Merkle trees over up to 64 chunks, with 20-byte nodes, so that each chunk can prove alone that it
 * belongs to a root its origin has signed.
 *
 * Leaf = first 20 bytes of SHA-256(00 || payload); node = first 20 bytes of SHA-256(01 || left ||
 * right); a lone node at the end of a level is paired with itself under prefix 02, so that no two
 * leaf counts give one root. Stateless; any thread. Adversary: whoever sends chunks. */
#ifndef FAMA_CRYPTO_MERKLE_H
#define FAMA_CRYPTO_MERKLE_H

#include "crypto/bytes.h"

#define FAMA_MERKLE_NODE_BYTES 20
#define FAMA_MERKLE_LEAVES_MAX 64
#define FAMA_MERKLE_DEPTH_MAX  6

struct fama_merkle_tree {
    uint32_t leaf_count;
    /* Levels one after the other, leaves first; the root is last. */
    uint8_t nodes[2 * FAMA_MERKLE_LEAVES_MAX + FAMA_MERKLE_DEPTH_MAX][FAMA_MERKLE_NODE_BYTES];
    uint32_t node_count;
};

/* Nodes in a proof for a tree of `leaf_count` leaves: ceil(log2(leaf_count)). */
uint32_t fama_merkle_depth(uint32_t leaf_count);

/* The leaves of any number of payloads, two at a time where that is faster. */
void fama_merkle_leaves(const struct fama_bytes *payloads, uint32_t count,
                        uint8_t (*nodes)[FAMA_MERKLE_NODE_BYTES]);

/* 1 <= count <= FAMA_MERKLE_LEAVES_MAX. */
void fama_merkle_build(struct fama_merkle_tree *tree, const struct fama_bytes *leaves,
                       uint32_t count);
/* The same of leaves already hashed, which may be where the tree has them: its first `count` nodes. */
void fama_merkle_build_from_leaves(struct fama_merkle_tree *tree,
                                   const uint8_t (*leaves)[FAMA_MERKLE_NODE_BYTES], uint32_t count);
const uint8_t *fama_merkle_root(const struct fama_merkle_tree *tree);
/* Writes fama_merkle_depth(leaf_count) nodes, leaf level first. */
void fama_merkle_prove(const struct fama_merkle_tree *tree, uint32_t index, uint8_t *proof);

/* The root that this leaf and this proof lead to; the caller compares it with a signed one. `proof`
 * holds fama_merkle_depth(leaf_count) nodes. An index outside the tree, or too many leaves, lead to
 * a root that no tree has; the proof is not read then. */
void fama_merkle_climb(struct fama_bytes leaf, uint32_t index, uint32_t leaf_count,
                       const uint8_t *proof, uint8_t root[FAMA_MERKLE_NODE_BYTES]);
/* The same of a leaf already hashed. */
void fama_merkle_climb_from_leaf(const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], uint32_t index,
                                 uint32_t leaf_count, const uint8_t *proof,
                                 uint8_t root[FAMA_MERKLE_NODE_BYTES]);

/* One step of a climb: what is above node `index` of a level of `width` nodes, by the proof's node for
 * this level. `above` may be `node`. */
void fama_merkle_step(const uint8_t node[FAMA_MERKLE_NODE_BYTES], uint32_t index, uint32_t width,
                      const uint8_t proof[FAMA_MERKLE_NODE_BYTES],
                      uint8_t above[FAMA_MERKLE_NODE_BYTES]);

#endif
