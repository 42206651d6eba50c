/* How many parity chunks go with a channel's new blocks: as few as let nearly every set be decoded without
 * asking, given the loss that members report.
 *
 * Chunks are taken to be lost independently: of k data and m parity chunks more than m must hardly ever be.
 * A set for which they are is repaired by pull. Pure functions; any thread. */
#ifndef FAMA_CONTROLPLANE_PARITY_H
#define FAMA_CONTROLPLANE_PARITY_H

#include <stdbool.h>
#include <stdint.h>

/* Sets that may still need to be asked for, as a share of all. */
#define FAMA_PARITY_MISSES 1e-3

/* The least number of parity chunks for a full set, within the bounds (at most FAMA_PARITY_MAX), for a loss in
 * parts of FAMA_LOSS_WHOLE. */
uint32_t fama_parity_for(uint32_t loss, uint32_t least, uint32_t most);
/* Whether that many make good such a loss. */
bool fama_parity_suffices(uint32_t loss, uint32_t parity);

/* The loss that counts of those reported, which are put into order: that which all but a tenth of the members,
 * and at least one of more than two, stay within: one broken link does not have everybody pay. 0 of none. */
uint32_t fama_parity_loss_of(uint16_t *losses, uint32_t count);

#endif
