/* When the member view is published anew: at once when somebody comes or goes, and when anything else that is in it
 * has changed (who is in a channel, keys, endpoints, proofs), at most FAMA_VIEWS_PER_SECOND times a second. A view
 * costs as much as there are members, and a member can change those other things as often as it likes.
 *
 * Changes are noted in the flags; whoever publishes clears them. One thread. */
#ifndef FAMA_CONTROLPLANE_VIEW_PACE_H
#define FAMA_CONTROLPLANE_VIEW_PACE_H

#include "controlplane/allowance.h"

#define FAMA_VIEWS_PER_SECOND 20

struct fama_view_pace {
    bool is_urgent;
    bool is_stale;
    uint64_t due_ns; /* of the allowance; 0 at first */
};

/* Whether to publish now; a true counts as done. */
static inline bool fama_view_pace_is_due(struct fama_view_pace *pace, uint64_t now_ns)
{
    struct fama_allowance allowance = {.per_second = FAMA_VIEWS_PER_SECOND, .due_ns = pace->due_ns};
    bool is_due = pace->is_urgent || (pace->is_stale && fama_allow(&allowance, now_ns));
    pace->due_ns = allowance.due_ns;
    return is_due;
}

#endif
