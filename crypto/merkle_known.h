/* The nodes of one Merkle tree that are known to be right, so that each further chunk of a set is
 * climbed only to the first of them: over all chunks about one hash of two nodes each, where a climb to
 * the root takes up to six.
 *
 * What it accepts, a climb to the root (crypto/merkle.h) accepts as well. Why: at first only the root is
 * known, as the caller says. When a leaf is accepted, the nodes of its climb and their siblings from the
 * proof become known, up to the node that was known before. So these hold at any time: (1) with a node,
 * the node beside it and the one above it are known; (2) the known node above two others is their hash,
 * because that very hash was computed when the two became known (and the one above a lone node is the
 * hash of that node with itself). A leaf is accepted if its climb meets a known node with the very same
 * bytes, and if the proof's nodes from there on are the known ones, which by (1) are all there. By (2),
 * going on with the climb would give the known nodes one after the other, and at last the root.
 *
 * Nothing of this rests on the hash being good. That is needed in the other direction only: who makes a
 * leaf that a climb accepts and this refuses has found two inputs with one hash; or else has signed the
 * root of a tree that pairs a lone node with something other than itself, which no honest origin does.
 *
 * Plain memory, no allocation. One thread at a time. Adversary: whoever sends chunks, the signer of the
 * root included. What is refused changes nothing. */
#ifndef FAMA_CRYPTO_MERKLE_KNOWN_H
#define FAMA_CRYPTO_MERKLE_KNOWN_H

#include "crypto/merkle.h"

#define FAMA_MERKLE_NODES_MAX (2 * FAMA_MERKLE_LEAVES_MAX - 1)

struct fama_merkle_known {
    uint32_t leaf_count;
    uint64_t is_known[2]; /* a bit for each node */
    /* Levels one after the other, leaves first; the root is last. */
    uint8_t nodes[FAMA_MERKLE_NODES_MAX][FAMA_MERKLE_NODE_BYTES];
};

/* `root` is the verified root of the set of `leaf_count` chunks. With a number of leaves that no tree
 * has, nothing will be accepted. */
void fama_merkle_known_start(struct fama_merkle_known *known, uint32_t leaf_count,
                             const uint8_t root[FAMA_MERKLE_NODE_BYTES]);

/* Whether the leaf is at this index of the tree and the proof is its proof, all of it:
 * fama_merkle_depth(leaf_count) nodes. */
bool fama_merkle_known_accept(struct fama_merkle_known *known, uint32_t index,
                              const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], const uint8_t *proof);

#endif
