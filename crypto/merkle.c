#include "crypto/merkle.h"

#include "crypto/sha256_many.h"

#include <assert.h>

#define LEAVES_AT_ONCE 8

enum {
    PREFIX_LEAF = 0,
    PREFIX_PAIR = 1,
    PREFIX_LONE = 2,
    PREFIX_OUTSIDE = 3, /* what no tree contains: the answer for an index outside the tree */
};

static void hash_payload(uint8_t prefix, struct fama_bytes payload, uint8_t *node)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_bytes parts[] = {fama_bytes(&prefix, 1), payload};
    fama_sha256_parts(parts, 2, digest);
    memcpy(node, digest, FAMA_MERKLE_NODE_BYTES);
}

#define PAIR_BYTES (1 + 2 * FAMA_MERKLE_NODE_BYTES)

static struct fama_bytes join(uint8_t prefix, const uint8_t *left, const uint8_t *right,
                              uint8_t message[PAIR_BYTES])
{
    message[0] = prefix;
    memcpy(message + 1, left, FAMA_MERKLE_NODE_BYTES);
    memcpy(message + 1 + FAMA_MERKLE_NODE_BYTES, right, FAMA_MERKLE_NODE_BYTES);
    return fama_bytes(message, PAIR_BYTES);
}

static void hash_nodes(uint8_t prefix, const uint8_t *left, const uint8_t *right, uint8_t *node)
{
    uint8_t message[PAIR_BYTES];
    uint8_t digest[1][FAMA_SHA256_BYTES];
    struct fama_bytes pair = join(prefix, left, right, message);
    fama_sha256_briefs(&pair, 1, digest);
    memcpy(node, digest[0], FAMA_MERKLE_NODE_BYTES);
}

/* The level above one of `width` nodes, width > 1. */
static void hash_level(const uint8_t (*level)[FAMA_MERKLE_NODE_BYTES], uint32_t width,
                       uint8_t (*above)[FAMA_MERKLE_NODE_BYTES])
{
    uint8_t messages[FAMA_MERKLE_LEAVES_MAX / 2][PAIR_BYTES];
    struct fama_bytes pairs[FAMA_MERKLE_LEAVES_MAX / 2];
    uint8_t digests[FAMA_MERKLE_LEAVES_MAX / 2][FAMA_SHA256_BYTES];
    uint32_t count = 0;
    do {
        pairs[count] = join(PREFIX_PAIR, level[2 * count], level[2 * count + 1], messages[count]);
        count++;
    } while (2 * count + 1 < width);
    if (width % 2 == 1) {
        const uint8_t *lone = level[width - 1];
        pairs[count] = join(PREFIX_LONE, lone, lone, messages[count]);
        count++;
    }
    fama_sha256_briefs(pairs, count, digests);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(above[i], digests[i], FAMA_MERKLE_NODE_BYTES);
    }
}

uint32_t fama_merkle_depth(uint32_t leaf_count)
{
    uint32_t depth = 0;
    for (uint32_t width = leaf_count; width > 1; width = width / 2 + width % 2) {
        depth++;
    }
    return depth;
}

/* At most LEAVES_AT_ONCE. */
static void hash_leaves(const struct fama_bytes *payloads, uint32_t count,
                        uint8_t (*nodes)[FAMA_MERKLE_NODE_BYTES])
{
    static const uint8_t prefix = PREFIX_LEAF;
    struct fama_bytes parts[LEAVES_AT_ONCE][2];
    struct fama_sha256_message messages[LEAVES_AT_ONCE] = {{0}};
    uint8_t digests[LEAVES_AT_ONCE][FAMA_SHA256_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        parts[i][0] = fama_bytes(&prefix, 1);
        parts[i][1] = payloads[i];
        messages[i] =
            (struct fama_sha256_message){.parts = parts[i], .part_count = 2, .digest = digests[i]};
    }
    fama_sha256_many(messages, count);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(nodes[i], digests[i], FAMA_MERKLE_NODE_BYTES);
    }
}

void fama_merkle_leaves(const struct fama_bytes *payloads, uint32_t count,
                        uint8_t (*nodes)[FAMA_MERKLE_NODE_BYTES])
{
    for (uint32_t done = 0; done < count; done += LEAVES_AT_ONCE) {
        uint32_t now = count - done < LEAVES_AT_ONCE ? count - done : LEAVES_AT_ONCE;
        hash_leaves(payloads + done, now, nodes + done);
    }
}

void fama_merkle_build(struct fama_merkle_tree *tree, const struct fama_bytes *leaves,
                       uint32_t count)
{
    assert(count >= 1 && count <= FAMA_MERKLE_LEAVES_MAX);
    fama_merkle_leaves(leaves, count, tree->nodes);
    fama_merkle_build_from_leaves(tree, tree->nodes, count);
}

void fama_merkle_build_from_leaves(struct fama_merkle_tree *tree,
                                   const uint8_t (*leaves)[FAMA_MERKLE_NODE_BYTES], uint32_t count)
{
    assert(count >= 1 && count <= FAMA_MERKLE_LEAVES_MAX);
    tree->leaf_count = count;
    memmove(tree->nodes, leaves, (size_t)count * FAMA_MERKLE_NODE_BYTES);
    uint32_t level = 0; /* where the current level starts */
    uint32_t end = count;
    for (uint32_t width = count; width > 1; width = width / 2 + width % 2) {
        hash_level(tree->nodes + level, width, tree->nodes + end);
        end += width / 2 + width % 2;
        level += width;
    }
    tree->node_count = end;
}

const uint8_t *fama_merkle_root(const struct fama_merkle_tree *tree)
{
    return tree->nodes[tree->node_count - 1];
}

void fama_merkle_prove(const struct fama_merkle_tree *tree, uint32_t index, uint8_t *proof)
{
    assert(index < tree->leaf_count);
    uint32_t level = 0;
    for (uint32_t width = tree->leaf_count; width > 1; width = width / 2 + width % 2) {
        uint32_t sibling = index ^ 1;
        if (sibling >= width) {
            sibling = index; /* the lone node proves itself */
        }
        memcpy(proof, tree->nodes[level + sibling], FAMA_MERKLE_NODE_BYTES);
        proof += FAMA_MERKLE_NODE_BYTES;
        level += width;
        index /= 2;
    }
}

void fama_merkle_step(const uint8_t node[FAMA_MERKLE_NODE_BYTES], uint32_t index, uint32_t width,
                      const uint8_t proof[FAMA_MERKLE_NODE_BYTES],
                      uint8_t above[FAMA_MERKLE_NODE_BYTES])
{
    if (index % 2 == 1) {
        hash_nodes(PREFIX_PAIR, proof, node, above);
    } else if (index + 1 < width) {
        hash_nodes(PREFIX_PAIR, node, proof, above);
    } else {
        /* The proof's own copy is hashed, so that not a byte of a proof is free to change. */
        hash_nodes(PREFIX_LONE, node, proof, above);
    }
}

void fama_merkle_climb(struct fama_bytes leaf, uint32_t index, uint32_t leaf_count,
                       const uint8_t *proof, uint8_t root[FAMA_MERKLE_NODE_BYTES])
{
    hash_payload(PREFIX_LEAF, leaf, root);
    fama_merkle_climb_from_leaf(root, index, leaf_count, proof, root);
}

void fama_merkle_climb_from_leaf(const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], uint32_t index,
                                 uint32_t leaf_count, const uint8_t *proof,
                                 uint8_t root[FAMA_MERKLE_NODE_BYTES])
{
    if (leaf_count > FAMA_MERKLE_LEAVES_MAX || index >= leaf_count) {
        hash_payload(PREFIX_OUTSIDE, fama_bytes(leaf, FAMA_MERKLE_NODE_BYTES), root);
        return;
    }
    memmove(root, leaf, FAMA_MERKLE_NODE_BYTES);
    for (uint32_t width = leaf_count; width > 1; width = width / 2 + width % 2) {
        fama_merkle_step(root, index, width, proof, root);
        proof += FAMA_MERKLE_NODE_BYTES;
        index /= 2;
    }
}
