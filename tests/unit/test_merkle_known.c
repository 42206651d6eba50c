#include "crypto/merkle_known.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define NODE   FAMA_MERKLE_NODE_BYTES
#define LEAVES FAMA_MERKLE_LEAVES_MAX
#define DEPTH  FAMA_MERKLE_DEPTH_MAX

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(next_random() % limit);
}

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(next_random() >> 24);
    }
}

/* A leaf with its place and its proof, right or wrong. */
struct claim {
    uint32_t index;
    uint8_t leaf[NODE];
    uint8_t proof[DEPTH * NODE];
};

struct grove {
    struct fama_merkle_tree tree;
    struct fama_merkle_known known;
    uint32_t count;
    struct claim right[LEAVES];
};

static void start(struct grove *grove)
{
    memset(&grove->known, 0, sizeof(grove->known));
    fama_merkle_known_start(&grove->known, grove->count, fama_merkle_root(&grove->tree));
}

static void make_grove(struct grove *grove, uint32_t count)
{
    uint8_t leaves[LEAVES][NODE];
    memset(grove, 0, sizeof(*grove));
    fill(leaves[0], sizeof(leaves));
    grove->count = count;
    fama_merkle_build_from_leaves(&grove->tree, leaves, count);
    for (uint32_t i = 0; i < count; i++) {
        grove->right[i].index = i;
        memcpy(grove->right[i].leaf, leaves[i], NODE);
        fama_merkle_prove(&grove->tree, i, grove->right[i].proof);
    }
    start(grove);
}

static bool leads_to_root(const struct grove *grove, const struct claim *claim)
{
    uint8_t root[NODE];
    fama_merkle_climb_from_leaf(claim->leaf, claim->index, grove->count, claim->proof, root);
    return memcmp(root, fama_merkle_root(&grove->tree), NODE) == 0;
}

static bool accept(struct grove *grove, const struct claim *claim)
{
    return fama_merkle_known_accept(&grove->known, claim->index, claim->leaf, claim->proof);
}

static uint32_t known_nodes(const struct fama_merkle_known *known)
{
    return (uint32_t)(__builtin_popcountll(known->is_known[0]) +
                      __builtin_popcountll(known->is_known[1]));
}

static void shuffle(uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = below(i + 1);
        order[i] = order[other];
        order[other] = i;
    }
}

static bool knows_nothing_wrong(const struct grove *grove)
{
    for (uint32_t i = 0; i < grove->tree.node_count; i++) {
        if ((grove->known.is_known[i / 64] >> i % 64 & 1) != 0 &&
            memcmp(grove->known.nodes[i], grove->tree.nodes[i], NODE) != 0) {
            return false;
        }
    }
    return true;
}

static void every_leaf_is_accepted_in_every_order_and_more_than_once(void)
{
    state = test_seed("orders") | 1;
    static struct grove grove;
    for (uint32_t count = 1; count <= LEAVES; count++) {
        make_grove(&grove, count);
        for (int round = 0; round < 20; round++) {
            uint32_t order[LEAVES] = {0};
            shuffle(order, count);
            start(&grove);
            CU_ASSERT_EQUAL(known_nodes(&grove.known), 1);
            for (uint32_t i = 0; i < count; i++) {
                CU_ASSERT(accept(&grove, &grove.right[order[i]]));
                CU_ASSERT(accept(&grove, &grove.right[order[below(i + 1)]]));
            }
            CU_ASSERT_EQUAL(known_nodes(&grove.known), grove.tree.node_count);
            CU_ASSERT(knows_nothing_wrong(&grove));
        }
    }
}

static void what_a_proof_shows_is_known_from_then_on(void)
{
    state = test_seed("leaves") | 1;
    static struct grove grove;
    make_grove(&grove, 64);
    CU_ASSERT(accept(&grove, &grove.right[0]));
    CU_ASSERT_EQUAL(known_nodes(&grove.known), 2 * 6 + 1); /* a climb of six steps */
    CU_ASSERT(accept(&grove, &grove.right[1]));
    CU_ASSERT_EQUAL(known_nodes(&grove.known), 2 * 6 + 1); /* of none */
    CU_ASSERT(accept(&grove, &grove.right[3]));
    CU_ASSERT_EQUAL(known_nodes(&grove.known), 2 * 6 + 3); /* of one */
    CU_ASSERT(accept(&grove, &grove.right[5]));
    CU_ASSERT_EQUAL(known_nodes(&grove.known), 2 * 6 + 7); /* of two */
}

static bool is_same(const struct fama_merkle_known *a, const struct fama_merkle_known *b)
{
    return a->leaf_count == b->leaf_count && a->is_known[0] == b->is_known[0] &&
           a->is_known[1] == b->is_known[1] && memcmp(a->nodes, b->nodes, sizeof(a->nodes)) == 0;
}

/* Makes a claim of this grove that is most often wrong, in one of the ways in which it can be. */
static struct claim make_hostile(const struct grove *grove)
{
    uint32_t depth = fama_merkle_depth(grove->count);
    struct claim claim = grove->right[below(grove->count)];
    const struct claim *other = &grove->right[below(grove->count)];
    uint8_t *level = claim.proof + (size_t)below(depth + 1) * NODE;
    if (level == claim.proof + (size_t)depth * NODE) {
        level = claim.leaf;
    }
    switch (below(9)) {
    case 0: /* one bit, in any node */
        level[below(NODE)] ^= (uint8_t)(1U << below(8));
        break;
    case 1: /* another leaf's place */
        claim.index = other->index;
        break;
    case 2: /* another leaf's proof */
        memcpy(claim.proof, other->proof, sizeof(claim.proof));
        break;
    case 3: /* the lower part of one proof and the upper part of another */
        if (depth > 0) {
            size_t from = (size_t)below(depth) * NODE;
            memcpy(claim.proof + from, other->proof + from, sizeof(claim.proof) - from);
        }
        break;
    case 4: /* a node of the tree where it may not belong */
        memcpy(level, grove->tree.nodes[below(grove->tree.node_count)], NODE);
        break;
    case 5: /* something else altogether */
        fill(level, NODE);
        break;
    case 6: /* no such place */
        claim.index = grove->count + below(100);
        break;
    case 7: /* a right upper part on a wrong lower one */
        fill(claim.leaf, NODE);
        fill(claim.proof, (size_t)below(depth + 1) * NODE);
        break;
    default: /* right */
        break;
    }
    return claim;
}

static void nothing_is_accepted_that_a_climb_to_the_root_refuses_and_all_that_it_accepts(void)
{
    state = test_seed("claims") | 1;
    static struct grove grove;
    static struct fama_merkle_known before;
    size_t accepted = 0;
    size_t refused = 0;
    for (int round = 0; round < 2000; round++) {
        make_grove(&grove, 1 + below(LEAVES));
        for (uint32_t i = 0; i < 3 * grove.count; i++) {
            struct claim claim = make_hostile(&grove);
            bool is_right = leads_to_root(&grove, &claim);
            before = grove.known;
            CU_ASSERT_EQUAL(accept(&grove, &claim), is_right);
            if (!is_right) {
                CU_ASSERT(is_same(&before, &grove.known));
            }
            *(is_right ? &accepted : &refused) += 1;
        }
        CU_ASSERT(knows_nothing_wrong(&grove));
    }
    CU_ASSERT(accepted > 1000);
    CU_ASSERT(refused > 1000);
}

/* A tree whose origin has put something other than itself beside each lone node. */
static void make_dishonest(struct grove *grove, uint32_t count)
{
    make_grove(grove, count);
    uint32_t level = 0;
    uint8_t beside[DEPTH][NODE];
    uint32_t step = 0;
    for (uint32_t width = count; width > 1; width = width / 2 + width % 2) {
        uint32_t next = level + width;
        fill(beside[step], NODE);
        for (uint32_t i = 0; i < width; i += 2) {
            const uint8_t *right = i + 1 < width ? grove->tree.nodes[level + i + 1] : beside[step];
            fama_merkle_step(grove->tree.nodes[level + i], i, width, right,
                             grove->tree.nodes[next + i / 2]);
        }
        level = next;
        step++;
    }
    for (uint32_t leaf = 0; leaf < count; leaf++) {
        fama_merkle_prove(&grove->tree, leaf, grove->right[leaf].proof);
        uint32_t at = leaf;
        step = 0;
        for (uint32_t width = count; width > 1; width = width / 2 + width % 2) {
            if ((at ^ 1) >= width) {
                memcpy(grove->right[leaf].proof + (size_t)step * NODE, beside[step], NODE);
            }
            at /= 2;
            step++;
        }
    }
    start(grove);
}

static void an_origin_that_pairs_lone_nodes_with_others_gains_nothing(void)
{
    state = test_seed("claims") | 1;
    static struct grove grove;
    size_t refused = 0;
    for (int round = 0; round < 500; round++) {
        make_dishonest(&grove, 1 + below(LEAVES));
        for (uint32_t i = 0; i < grove.count; i++) {
            CU_ASSERT(leads_to_root(&grove, &grove.right[i]));
        }
        for (uint32_t i = 0; i < 3 * grove.count; i++) {
            struct claim claim = make_hostile(&grove);
            bool is_accepted = accept(&grove, &claim);
            CU_ASSERT(!is_accepted || leads_to_root(&grove, &claim));
            refused += !is_accepted && leads_to_root(&grove, &claim) ? 1 : 0;
        }
        CU_ASSERT(knows_nothing_wrong(&grove));
    }
    CU_ASSERT(refused > 0); /* those lone ones */
}

static void no_such_tree_and_no_such_place_are_refused_without_a_look_at_the_proof(void)
{
    static const uint32_t counts[] = {0, LEAVES + 1, UINT32_MAX};
    static const uint8_t node[NODE];
    struct fama_merkle_known known;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fama_merkle_known_start(&known, counts[i], node);
        CU_ASSERT_FALSE(fama_merkle_known_accept(&known, 0, node, NULL));
        CU_ASSERT_FALSE(fama_merkle_known_accept(&known, UINT32_MAX, node, NULL));
    }
    fama_merkle_known_start(&known, 1, node);
    CU_ASSERT_TRUE(fama_merkle_known_accept(&known, 0, node, NULL)); /* a tree of a root alone */
    CU_ASSERT_FALSE(fama_merkle_known_accept(&known, 1, node, NULL));
    fama_merkle_known_start(&known, LEAVES, node);
    CU_ASSERT_FALSE(fama_merkle_known_accept(&known, LEAVES, node, NULL));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(every_leaf_is_accepted_in_every_order_and_more_than_once),
        TEST(what_a_proof_shows_is_known_from_then_on),
        TEST(nothing_is_accepted_that_a_climb_to_the_root_refuses_and_all_that_it_accepts),
        TEST(an_origin_that_pairs_lone_nodes_with_others_gains_nothing),
        TEST(no_such_tree_and_no_such_place_are_refused_without_a_look_at_the_proof),
    };
    return run_suite("merkle_known", cases, sizeof cases / sizeof cases[0]);
}
