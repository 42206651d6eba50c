#include "crypto/merkle.h"
#include "crypto/sha256.h"
#include "unit/suite.h"

static uint8_t payloads[FAMA_MERKLE_LEAVES_MAX][40];
static struct fama_bytes leaves[FAMA_MERKLE_LEAVES_MAX];

static void make_leaves(void)
{
    for (size_t i = 0; i < FAMA_MERKLE_LEAVES_MAX; i++) {
        memset(payloads[i], (int)(i * 7 + 1), sizeof payloads[i]);
        leaves[i] = fama_bytes(payloads[i], i % (sizeof payloads[i] + 1));
    }
}

static bool leads_to(const struct fama_merkle_tree *tree, struct fama_bytes leaf, uint32_t index,
                     uint32_t leaf_count, const uint8_t *proof)
{
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    fama_merkle_climb(leaf, index, leaf_count, proof, root);
    return memcmp(root, fama_merkle_root(tree), sizeof root) == 0;
}

/* The definition, spelled out once more with nothing but the hash function. */
static void reference_hash(uint8_t prefix, struct fama_bytes a, struct fama_bytes b, uint8_t *node)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_bytes parts[] = {fama_bytes(&prefix, 1), a, b};
    fama_sha256_parts(parts, 3, digest);
    memcpy(node, digest, FAMA_MERKLE_NODE_BYTES);
}

static void reference_root(uint32_t count, uint8_t *root)
{
    uint8_t nodes[FAMA_MERKLE_LEAVES_MAX][FAMA_MERKLE_NODE_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        reference_hash(0, leaves[i], fama_bytes(NULL, 0), nodes[i]);
    }
    while (count > 1) {
        for (uint32_t i = 0; i < count; i += 2) {
            bool lone = i + 1 == count;
            uint8_t node[FAMA_MERKLE_NODE_BYTES];
            reference_hash(lone ? 2 : 1, fama_bytes(nodes[i], sizeof node),
                           fama_bytes(nodes[lone ? i : i + 1], sizeof node), node);
            memcpy(nodes[i / 2], node, sizeof node);
        }
        count = (count + 1) / 2;
    }
    memcpy(root, nodes[0], FAMA_MERKLE_NODE_BYTES);
}

static void every_tree_has_the_root_of_its_definition(void)
{
    make_leaves();
    for (uint32_t count = 1; count <= FAMA_MERKLE_LEAVES_MAX; count++) {
        struct fama_merkle_tree tree;
        uint8_t root[FAMA_MERKLE_NODE_BYTES];
        fama_merkle_build(&tree, leaves, count);
        reference_root(count, root);
        CU_ASSERT_EQUAL(memcmp(root, fama_merkle_root(&tree), sizeof root), 0);
    }
}

static void the_depth_is_the_rounded_up_logarithm(void)
{
    for (uint32_t count = 1; count <= FAMA_MERKLE_LEAVES_MAX; count++) {
        uint32_t depth = fama_merkle_depth(count);
        CU_ASSERT(depth <= FAMA_MERKLE_DEPTH_MAX);
        CU_ASSERT(1u << depth >= count);
        CU_ASSERT(depth == 0 || 1u << (depth - 1) < count);
    }
}

static void every_leaf_of_every_tree_proves_itself(void)
{
    make_leaves();
    for (uint32_t count = 1; count <= FAMA_MERKLE_LEAVES_MAX; count++) {
        struct fama_merkle_tree tree;
        fama_merkle_build(&tree, leaves, count);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
            fama_merkle_prove(&tree, i, proof);
            CU_ASSERT(leads_to(&tree, leaves[i], i, count, proof));
        }
    }
}

static void no_bit_of_a_proof_or_a_leaf_is_free_to_change(void)
{
    make_leaves();
    for (uint32_t count = 1; count <= 13; count++) {
        struct fama_merkle_tree tree;
        fama_merkle_build(&tree, leaves, count);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
            fama_merkle_prove(&tree, i, proof);
            size_t bits = (size_t)fama_merkle_depth(count) * FAMA_MERKLE_NODE_BYTES * 8;
            for (size_t bit = 0; bit < bits; bit++) {
                proof[bit / 8] ^= (uint8_t)(1u << bit % 8);
                CU_ASSERT_FALSE(leads_to(&tree, leaves[i], i, count, proof));
                proof[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            for (size_t bit = 0; bit < leaves[i].len * 8; bit++) {
                payloads[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
                CU_ASSERT_FALSE(leads_to(&tree, leaves[i], i, count, proof));
                payloads[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
    }
}

static void a_leaf_at_another_index_or_count_leads_elsewhere(void)
{
    make_leaves();
    for (uint32_t count = 1; count <= 20; count++) {
        struct fama_merkle_tree tree;
        fama_merkle_build(&tree, leaves, count);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t proof[(FAMA_MERKLE_DEPTH_MAX + 1) * FAMA_MERKLE_NODE_BYTES] = {0};
            fama_merkle_prove(&tree, i, proof);
            for (uint32_t other = 0; other < FAMA_MERKLE_LEAVES_MAX + 3; other++) {
                if (other != i) {
                    CU_ASSERT_FALSE(leads_to(&tree, leaves[i], other, count, proof));
                }
            }
        }
    }
}

static void an_index_outside_the_tree_leads_to_no_root_and_reads_no_proof(void)
{
    make_leaves();
    struct fama_merkle_tree tree;
    fama_merkle_build(&tree, leaves, 1);
    CU_ASSERT_FALSE(leads_to(&tree, leaves[0], 1, 1, NULL));
    CU_ASSERT_FALSE(leads_to(&tree, leaves[0], 0, 0, NULL));
    CU_ASSERT_FALSE(leads_to(&tree, leaves[0], 0, FAMA_MERKLE_LEAVES_MAX + 1, NULL));
    CU_ASSERT_FALSE(leads_to(&tree, leaves[0], UINT32_MAX, UINT32_MAX, NULL));
}

static void no_two_counts_of_equal_leaves_share_a_root(void)
{
    struct fama_bytes equal[FAMA_MERKLE_LEAVES_MAX];
    uint8_t roots[FAMA_MERKLE_LEAVES_MAX + 1][FAMA_MERKLE_NODE_BYTES];
    for (uint32_t count = 1; count <= FAMA_MERKLE_LEAVES_MAX; count++) {
        equal[count - 1] = fama_bytes_of_text("same");
        struct fama_merkle_tree tree;
        fama_merkle_build(&tree, equal, count);
        memcpy(roots[count], fama_merkle_root(&tree), FAMA_MERKLE_NODE_BYTES);
        for (uint32_t other = 1; other < count; other++) {
            CU_ASSERT_NOT_EQUAL(memcmp(roots[count], roots[other], FAMA_MERKLE_NODE_BYTES), 0);
        }
    }
}

static void leaves_hashed_before_lead_where_payloads_do(void)
{
    make_leaves();
    for (uint32_t count = 1; count <= FAMA_MERKLE_LEAVES_MAX; count++) {
        struct fama_merkle_tree tree;
        struct fama_merkle_tree same;
        struct fama_merkle_tree in_place;
        uint8_t hashed[FAMA_MERKLE_LEAVES_MAX][FAMA_MERKLE_NODE_BYTES];
        fama_merkle_build(&tree, leaves, count);
        fama_merkle_leaves(leaves, count, hashed);
        fama_merkle_build_from_leaves(&same, hashed, count);
        fama_merkle_leaves(leaves, count, in_place.nodes);
        fama_merkle_build_from_leaves(&in_place, in_place.nodes, count);
        CU_ASSERT_EQUAL(same.leaf_count, count);
        CU_ASSERT_EQUAL(same.node_count, tree.node_count);
        CU_ASSERT_EQUAL(in_place.node_count, tree.node_count);
        size_t bytes = (size_t)tree.node_count * FAMA_MERKLE_NODE_BYTES;
        CU_ASSERT_EQUAL(memcmp(same.nodes, tree.nodes, bytes), 0);
        CU_ASSERT_EQUAL(memcmp(in_place.nodes, tree.nodes, bytes), 0);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
            uint8_t root[FAMA_MERKLE_NODE_BYTES];
            fama_merkle_prove(&tree, i, proof);
            fama_merkle_climb_from_leaf(hashed[i], i, count, proof, root);
            CU_ASSERT_EQUAL(memcmp(root, fama_merkle_root(&tree), sizeof root), 0);
            fama_merkle_climb_from_leaf(hashed[i], count, count, NULL, root);
            CU_ASSERT_NOT_EQUAL(memcmp(root, fama_merkle_root(&tree), sizeof root), 0);
        }
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(every_tree_has_the_root_of_its_definition),
        TEST(the_depth_is_the_rounded_up_logarithm),
        TEST(every_leaf_of_every_tree_proves_itself),
        TEST(no_bit_of_a_proof_or_a_leaf_is_free_to_change),
        TEST(a_leaf_at_another_index_or_count_leads_elsewhere),
        TEST(an_index_outside_the_tree_leads_to_no_root_and_reads_no_proof),
        TEST(no_two_counts_of_equal_leaves_share_a_root),
        TEST(leaves_hashed_before_lead_where_payloads_do),
    };
    return run_suite("merkle", cases, sizeof cases / sizeof cases[0]);
}
