#include "dataplane/tree.h"

#define GOLDEN 0x9e3779b97f4a7c15 /* 2^64 divided by the golden ratio, as splitmix64 steps */

void fama_tree_plant(struct fama_tree *tree, const struct fama_tree_chunk *chunk,
                     uint32_t receivers)
{
    uint64_t seed = fama_mix64(chunk->channel + GOLDEN);
    seed = fama_mix64((seed ^ chunk->view_id) + GOLDEN);
    seed = fama_mix64((seed ^ chunk->block) + GOLDEN);
    seed = fama_mix64((seed ^ ((uint64_t)chunk->set << 8 | chunk->index)) + GOLDEN);
    tree->receivers = receivers;
    for (uint32_t round = 0; round < FAMA_TREE_ROUNDS; round++) {
        seed += GOLDEN;
        tree->keys[round] = fama_mix64(seed);
    }
}

/* One round: a key's lower half chooses the pairs, all of it which of them change places. */
static uint32_t swap_or_not(uint64_t key, uint32_t receivers, uint32_t value)
{
    uint32_t sum = (uint32_t)((key & UINT32_MAX) * receivers >> 32);
    uint32_t partner = sum - value + (sum < value ? receivers : 0);
    uint64_t higher = partner > value ? partner : value;
    return higher * key >> 63 != 0 ? partner : value;
}

uint32_t fama_tree_position(const struct fama_tree *tree, uint32_t receiver)
{
    uint32_t value = receiver;
    for (uint32_t round = 0; round < FAMA_TREE_ROUNDS; round++) {
        value = swap_or_not(tree->keys[round], tree->receivers, value);
    }
    return value;
}

uint32_t fama_tree_receiver(const struct fama_tree *tree, uint32_t position)
{
    uint32_t value = position;
    for (uint32_t round = FAMA_TREE_ROUNDS; round-- > 0;) {
        value = swap_or_not(tree->keys[round], tree->receivers, value);
    }
    return value;
}

uint32_t fama_tree_children(const struct fama_tree *tree, uint32_t position, uint32_t degree,
                            uint32_t *first)
{
    uint64_t from = (uint64_t)degree * position + 1;
    *first = from < tree->receivers ? (uint32_t)from : tree->receivers;
    uint32_t left = tree->receivers - *first;
    return degree < left ? degree : left;
}
