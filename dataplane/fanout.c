#include "dataplane/fanout.h"

#include "dataplane/tree.h"

/* Up to here a list is copied and shuffled; beyond, at least half of all draws are neither repeated nor,
 * unless very many peers claim one address, excluded. */
#define SHUFFLE_MAX (2 * FAMA_FANOUT_MAX)
/* Draws from a long list before the planner is content with fewer targets. */
#define DRAWS_MAX (16 * FAMA_FANOUT_MAX)

/* splitmix64, by the authors named in dataplane/tree.h. */
static uint64_t splitmix64(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    return fama_mix64(*state);
}

static uint64_t rotate_left(uint64_t value, unsigned int bits)
{
    return value << bits | value >> (64 - bits);
}

void fama_random_seed(struct fama_random *random, uint64_t seed)
{
    for (uint32_t i = 0; i < 4; i++) {
        random->state[i] = splitmix64(&seed);
    }
}

uint64_t fama_random_next(struct fama_random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint32_t fama_random_below(struct fama_random *random, uint32_t bound)
{
    uint64_t product = (fama_random_next(random) >> 32) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = -bound % bound;
        while ((uint32_t)product < threshold) {
            product = (fama_random_next(random) >> 32) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

/* What one choice must leave out. */
struct exclusion {
    const struct fama_view *view;
    fama_tag origin;
    const struct fama_endpoint *came_from;
};

static bool is_excluded(const struct exclusion *exclusion, uint32_t target)
{
    const struct fama_view_peer *peer = &exclusion->view->peers[target];
    const struct fama_endpoint *from = exclusion->came_from;
    return peer->tag == exclusion->origin || peer->tag == exclusion->view->self ||
           peer->is_unproved || (from != NULL && fama_endpoint_equal(&peer->endpoint, from));
}

/* The first places of a shuffled list (Fisher and Yates), less the excluded. */
static uint32_t choose_by_shuffling(struct fama_random *random, const struct exclusion *exclusion,
                                    const struct fama_view_channel *channel, uint32_t wanted,
                                    uint32_t *chosen)
{
    uint32_t list[SHUFFLE_MAX];
    uint32_t count = channel->target_count;
    memcpy(list, channel->targets, count * sizeof(*list));
    uint32_t found = 0;
    while (found < wanted && count > 0) {
        uint32_t drawn = fama_random_below(random, count);
        uint32_t target = list[drawn];
        list[drawn] = list[--count];
        if (!is_excluded(exclusion, target)) {
            chosen[found++] = target;
        }
    }
    return found;
}

static bool contains(const uint32_t *list, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

static uint32_t choose_by_rejecting(struct fama_random *random, const struct exclusion *exclusion,
                                    const struct fama_view_channel *channel, uint32_t wanted,
                                    uint32_t *chosen)
{
    uint32_t found = 0;
    for (uint32_t draws = 0; found < wanted && draws < DRAWS_MAX; draws++) {
        uint32_t target = channel->targets[fama_random_below(random, channel->target_count)];
        if (!contains(chosen, found, target) && !is_excluded(exclusion, target)) {
            chosen[found++] = target;
        }
    }
    return found;
}

uint32_t fama_fanout_infectious(struct fama_random *random, const struct fama_view *view,
                                const struct fama_view_channel *channel, fama_tag origin,
                                const struct fama_endpoint *came_from, uint32_t wanted,
                                uint32_t *chosen)
{
    const struct exclusion exclusion = {.view = view, .origin = origin, .came_from = came_from};
    if (wanted > FAMA_FANOUT_MAX) {
        wanted = FAMA_FANOUT_MAX;
    }
    if (channel->target_count == 0) {
        return 0;
    }
    if (channel->target_count <= SHUFFLE_MAX) {
        return choose_by_shuffling(random, &exclusion, channel, wanted, chosen);
    }
    return choose_by_rejecting(random, &exclusion, channel, wanted, chosen);
}

/* ---- The coordinated planner ---- */

static uint32_t degree_of(uint32_t propagate_peer_num)
{
    return propagate_peer_num < FAMA_FANOUT_MAX ? propagate_peer_num : FAMA_FANOUT_MAX;
}

/* A roster's id together with the trees' degree; 0 for no roster. */
static uint64_t view_id_of(const struct fama_roster *roster, uint32_t propagate_peer_num)
{
    if (roster->view_id == 0) {
        return 0;
    }
    uint32_t degree = degree_of(propagate_peer_num);
    uint64_t id = fama_mix64(roster->view_id + degree);
    return id != 0 ? id : 1;
}

uint64_t fama_fanout_view_id(const struct fama_view_channel *channel, enum fama_planner planner,
                             uint32_t propagate_peer_num)
{
    return planner == FAMA_PLANNER_COORDINATED ? view_id_of(&channel->now, propagate_peer_num) : 0;
}

/* The one the chunk was planned with, or NULL. */
static const struct fama_roster *roster_of(const struct fama_fanout_plan *plan)
{
    uint64_t id = plan->view_id;
    if (id == 0) {
        return NULL;
    }
    if (id == view_id_of(&plan->channel->now, plan->propagate_peer_num)) {
        return &plan->channel->now;
    }
    return id == view_id_of(&plan->channel->before, plan->propagate_peer_num)
               ? &plan->channel->before
               : NULL;
}

/* Positions of a tree next to each other. */
struct run {
    uint32_t first;
    uint32_t count;
};

/* Those in a run of positions, but whoever the chunk came from, and those whom our view has forgotten. In place of
 * one whose endpoint is unproved come those below it: nobody else would send to them. */
static uint32_t take_positions(const struct fama_fanout_plan *plan, const struct fama_tree *tree,
                               const struct fama_roster *roster, uint32_t origin_rank,
                               struct run positions, uint32_t *chosen)
{
    const struct exclusion exclusion = {
        .view = plan->view, .origin = plan->origin, .came_from = plan->came_from};
    struct run runs[FAMA_FANOUT_MAX];
    uint32_t run_count = 1;
    uint32_t found = 0;
    runs[0] = positions;
    for (uint32_t i = 0; i < run_count; i++) {
        for (uint32_t j = 0; j < runs[i].count && found < FAMA_FANOUT_MAX; j++) {
            uint32_t position = runs[i].first + j;
            uint32_t receiver = fama_tree_receiver(tree, position);
            uint32_t peer = roster->peers[receiver + (receiver >= origin_rank)];
            if (peer == FAMA_ROSTER_NOT_A_PEER) {
                continue;
            }
            if (plan->view->peers[peer].is_unproved && run_count < FAMA_FANOUT_MAX) {
                struct run *below = &runs[run_count++];
                below->count = fama_tree_children(
                    tree, position, degree_of(plan->propagate_peer_num), &below->first);
            } else if (!is_excluded(&exclusion, peer)) {
                chosen[found++] = peer;
            }
        }
    }
    return found;
}

uint32_t fama_fanout_choose(const struct fama_fanout_plan *plan, uint32_t chosen[FAMA_FANOUT_MAX])
{
    const struct fama_roster *roster = roster_of(plan);
    uint32_t origin_rank;
    uint32_t own_rank;
    if (roster == NULL || !fama_roster_rank(roster, plan->origin, &origin_rank) ||
        !fama_roster_rank(roster, plan->view->self, &own_rank)) {
        return fama_fanout_infectious(plan->random, plan->view, plan->channel, plan->origin,
                                      plan->came_from, plan->propagate_peer_num, chosen);
    }
    struct fama_tree_chunk chunk = {.channel = plan->channel->tag,
                                    .view_id = plan->view_id,
                                    .block = plan->block,
                                    .set = plan->set,
                                    .index = plan->index};
    struct fama_tree tree;
    fama_tree_plant(&tree, &chunk, roster->count - 1);
    struct run positions = {0};
    if (own_rank != origin_rank) {
        uint32_t position = fama_tree_position(&tree, own_rank - (own_rank > origin_rank));
        positions.count = fama_tree_children(&tree, position, degree_of(plan->propagate_peer_num),
                                             &positions.first);
    } else if (plan->came_from == NULL) {
        positions.count = tree.receivers > 0 ? 1 : 0;
    }
    return take_positions(plan, &tree, roster, origin_rank, positions, chosen);
}
