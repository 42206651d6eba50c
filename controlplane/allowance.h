/* How often something may be done: so many times a second, and as many at once after a second of rest.
 * The virtual scheduling of ITU-T I.371: one number says when the next one is due. One thread. */
#ifndef FAMA_CONTROLPLANE_ALLOWANCE_H
#define FAMA_CONTROLPLANE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct fama_allowance {
    uint64_t per_second; /* 1 to 10^9 */
    uint64_t due_ns;     /* 0 at first */
};

/* Whether it may be done now, and if so, it counts as done. */
static inline bool fama_allow(struct fama_allowance *allowance, uint64_t now_ns)
{
    const uint64_t second_ns = 1000000000;
    uint64_t earliest = now_ns > second_ns ? now_ns - second_ns : 0;
    if (allowance->due_ns < earliest) {
        allowance->due_ns = earliest;
    }
    if (allowance->due_ns > now_ns) {
        return false;
    }
    allowance->due_ns += second_ns / allowance->per_second;
    return true;
}

#endif
