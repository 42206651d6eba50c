/* Whom a chunk goes to next. Two planners behind one question:
 *
 * coordinated: along the tree that every node works out for this very chunk (dataplane/tree.h), so that each
 *   member gets it once and the origin sends it once. It needs that both sides mean the same members: a chunk
 *   carries the id of the view it was planned in.
 * infectious: to `propagatePeerNum` distinct peers of the channel drawn at random, never the origin and never
 *   the one it came from. For chunks of a view that is neither ours nor the one before ours, and for whoever
 *   prefers it: a chunk whose view id is 0 is passed on so by everybody.
 *
 * What neither brings is asked for (controlplane/repair.h). The planner trusts nobody: whatever a chunk claims,
 * it chooses at most FAMA_FANOUT_MAX distinct peers of the channel.
 *
 * Sans-I/O: no clock, no generator of its own. Any thread with its own generator. */
#ifndef FAMA_DATAPLANE_FANOUT_H
#define FAMA_DATAPLANE_FANOUT_H

#include "dataplane/view.h"

#define FAMA_FANOUT_MAX 64

/* xoshiro256**: small, fast, seedable, not for secrets. */
struct fama_random {
    uint64_t state[4];
};
void fama_random_seed(struct fama_random *random, uint64_t seed);
uint64_t fama_random_next(struct fama_random *random);
/* Uniform in [0, bound), bound > 0, without modulo bias. */
uint32_t fama_random_below(struct fama_random *random, uint32_t bound);

enum fama_planner {
    FAMA_PLANNER_COORDINATED = 0,
    FAMA_PLANNER_INFECTIOUS = 1,
};

/* What our own chunks carry as their view id: it says who the members are and how many each of them sends
 * to, since trees of another degree are other trees. 0 if they are to go infectiously. */
uint64_t fama_fanout_view_id(const struct fama_view_channel *channel, enum fama_planner planner,
                             uint32_t propagate_peer_num);

struct fama_fanout_plan {
    const struct fama_view *view;
    const struct fama_view_channel *channel;
    struct fama_random *random;
    const struct fama_endpoint *came_from; /* NULL: the chunk is our own */
    fama_tag origin;
    uint64_t view_id; /* as the chunk has it */
    uint64_t block;
    uint16_t set;
    uint8_t index;
    uint32_t propagate_peer_num; /* at most FAMA_FANOUT_MAX count */
};

/* Writes indices into view->peers, all distinct, and returns how many: at most FAMA_FANOUT_MAX. Among them is
 * never the origin, ourselves, whoever is at `came_from`, or whose endpoint is unproved. */
uint32_t fama_fanout_choose(const struct fama_fanout_plan *plan, uint32_t chosen[FAMA_FANOUT_MAX]);

/* Writes up to `wanted` (at most FAMA_FANOUT_MAX) distinct indices into view->peers and returns how many:
 * each set of that size is equally likely. Left out are the origin, we ourselves, whoever is at
 * `came_from` (NULL: nobody), and whose endpoint is unproved. Fewer are found when there are no more, or when
 * among more than 2 * FAMA_FANOUT_MAX targets nearly all are left out. */
uint32_t fama_fanout_infectious(struct fama_random *random, const struct fama_view *view,
                                const struct fama_view_channel *channel, fama_tag origin,
                                const struct fama_endpoint *came_from, uint32_t wanted,
                                uint32_t *chosen);

#endif
