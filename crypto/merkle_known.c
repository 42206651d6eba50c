#include "crypto/merkle_known.h"

/* A place on the way up: node `index` of a level of `width` nodes that begins at node `level`. */
struct place {
    uint32_t level;
    uint32_t width;
    uint32_t index;
};

static struct place above(struct place place)
{
    return (struct place){.level = place.level + place.width,
                          .width = place.width / 2 + place.width % 2,
                          .index = place.index / 2};
}

static uint32_t number_of(struct place place)
{
    return place.level + place.index;
}

/* The node beside it; a lone one stands beside itself. */
static uint32_t number_beside(struct place place)
{
    uint32_t beside = place.index ^ 1;
    return place.level + (beside < place.width ? beside : place.index);
}

static bool is_known(const struct fama_merkle_known *known, uint32_t number)
{
    return (known->is_known[number / 64] >> number % 64 & 1) != 0;
}

static bool is_node(const struct fama_merkle_known *known, uint32_t number, const uint8_t *node)
{
    return memcmp(known->nodes[number], node, FAMA_MERKLE_NODE_BYTES) == 0;
}

static void learn(struct fama_merkle_known *known, uint32_t number, const uint8_t *node)
{
    memcpy(known->nodes[number], node, FAMA_MERKLE_NODE_BYTES);
    known->is_known[number / 64] |= UINT64_C(1) << number % 64;
}

void fama_merkle_known_start(struct fama_merkle_known *known, uint32_t leaf_count,
                             const uint8_t root[FAMA_MERKLE_NODE_BYTES])
{
    bool is_tree = leaf_count >= 1 && leaf_count <= FAMA_MERKLE_LEAVES_MAX;
    known->leaf_count = is_tree ? leaf_count : 0;
    memset(known->is_known, 0, sizeof(known->is_known));
    if (is_tree) {
        struct place place = {.width = leaf_count};
        while (place.width > 1) {
            place = above(place);
        }
        learn(known, number_of(place), root);
    }
}

bool fama_merkle_known_accept(struct fama_merkle_known *known, uint32_t index,
                              const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], const uint8_t *proof)
{
    if (index >= known->leaf_count) {
        return false;
    }
    const struct place start = {.width = known->leaf_count, .index = index};
    uint8_t path[FAMA_MERKLE_DEPTH_MAX + 1][FAMA_MERKLE_NODE_BYTES];
    memcpy(path[0], leaf, FAMA_MERKLE_NODE_BYTES);
    struct place place = start;
    uint32_t steps = 0;
    for (; !is_known(known, number_of(place)); place = above(place)) {
        const uint8_t *beside = proof + (size_t)steps * FAMA_MERKLE_NODE_BYTES;
        bool is_lone = number_beside(place) == number_of(place);
        if (is_lone && memcmp(beside, path[steps], FAMA_MERKLE_NODE_BYTES) != 0) {
            return false;
        }
        fama_merkle_step(path[steps], place.index, place.width, beside, path[steps + 1]);
        steps++;
    }
    if (!is_node(known, number_of(place), path[steps])) {
        return false;
    }
    const uint8_t *rest = proof + (size_t)steps * FAMA_MERKLE_NODE_BYTES;
    for (; place.width > 1; place = above(place), rest += FAMA_MERKLE_NODE_BYTES) {
        if (!is_node(known, number_beside(place), rest)) {
            return false;
        }
    }
    place = start;
    for (uint32_t i = 0; i < steps; i++, place = above(place)) {
        learn(known, number_of(place), path[i]);
        learn(known, number_beside(place), proof + (size_t)i * FAMA_MERKLE_NODE_BYTES);
    }
    return true;
}
