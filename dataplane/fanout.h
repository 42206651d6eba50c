/* Whom a chunk goes to next: the infectious planner, which draws `propagatePeerNum` distinct peers of the
 * channel at random, never the origin and never the one it came from.
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

/* Writes up to `wanted` (at most FAMA_FANOUT_MAX) distinct indices into view->peers and returns how many:
 * each set of that size is equally likely. Left out are the origin, we ourselves, and whoever is at
 * `came_from` (NULL: nobody). Fewer are found when there are no more, or when among more than
 * 2 * FAMA_FANOUT_MAX targets nearly all claim the address in `came_from`. */
uint32_t fama_fanout_infectious(struct fama_random *random, const struct fama_view *view,
                                const struct fama_view_channel *channel, fama_tag origin,
                                const struct fama_endpoint *came_from, uint32_t wanted,
                                uint32_t *chosen);

#endif
