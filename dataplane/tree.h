/* Who gets a chunk from whom: one random tree per chunk, the same at every node that knows the same members.
 *
 * The members of a view but the chunk's origin are its receivers, 0 .. receivers - 1 in the order of their
 * tags. A pseudorandom permutation, keyed by the chunk's seed, puts each of them into one position; the
 * origin sends to position 0, position p sends to positions d * p + 1 .. d * p + d. So everybody gets the
 * chunk once, the origin's uplink carries it once, and nobody is an inner node of all trees: over many
 * chunks each receiver sends as much as the others.
 *
 * The permutation is the swap-or-not shuffle (Hoang, Morris, Rogaway: An Enciphering Scheme Based on a Card
 * Shuffle, CRYPTO 2012): in each round a value x is paired with K - x modulo the number of receivers, and a
 * bit that is the same for both decides whether they change places. It is a permutation of exactly that many
 * values, looks up one of them without a table, and backwards is the same with the rounds in reverse. It need
 * not withstand cryptanalysis: what could be learned from it is what every member computes anyway.
 *
 * Part of the wire: all nodes of a network must compute the very same. Pure arithmetic; any thread. */
#ifndef FAMA_DATAPLANE_TREE_H
#define FAMA_DATAPLANE_TREE_H

#include <stdint.h>

/* splitmix64's mixing of 64 bits (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static inline uint64_t fama_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* What makes a chunk's tree this chunk's. */
struct fama_tree_chunk {
    uint64_t channel; /* tag */
    uint64_t view_id;
    uint64_t block;
    uint16_t set;
    uint8_t index;
};

#define FAMA_TREE_ROUNDS 16

struct fama_tree {
    uint32_t receivers;
    uint64_t keys[FAMA_TREE_ROUNDS];
};

/* `receivers` is at most 2^31. */
void fama_tree_plant(struct fama_tree *tree, const struct fama_tree_chunk *chunk,
                     uint32_t receivers);
/* Each other's inverse; both their argument and what they return are below `receivers`. */
uint32_t fama_tree_position(const struct fama_tree *tree, uint32_t receiver);
uint32_t fama_tree_receiver(const struct fama_tree *tree, uint32_t position);
/* The first position that `position` sends to, and how many, none beyond the last: first .. first + count - 1. */
uint32_t fama_tree_children(const struct fama_tree *tree, uint32_t position, uint32_t degree,
                            uint32_t *first);

#endif
