/* A lossy Ethernet switch in user space: what carries a local network's frames where faults are wanted and
 * the kernel has no `netem`. It learns which address is behind which port as a bridge does, and each frame
 * on its way to a port may be lost, delayed, or overtake others, as the faults say.
 *
 * All chance comes from one generator with a given seed: the same frames in the same order meet the same
 * fate. A frame that meets a full queue or a full socket is lost, and counted.
 *
 * One thread, until SIGTERM or SIGINT. Memory: taken at start; QUEUE_FRAMES frames may wait. Adversary:
 * none, the links are this machine's own. */
#ifndef FAMA_CONTROLPLANE_NETWORK_SWITCH_H
#define FAMA_CONTROLPLANE_NETWORK_SWITCH_H

#include "controlplane/network_topology.h"

struct fama_network_switch_counters {
    uint64_t received;
    uint64_t forwarded;
    uint64_t lost;      /* because the faults say so */
    uint64_t reordered; /* sent ahead of frames that wait */
    uint64_t overflowed;
};

/* Switches between the interfaces p0 .. p<ports-1> of the namespace it runs in. SYSTEM if they cannot be
 * opened. */
int fama_network_switch_run(uint32_t ports, const struct fama_network_faults *faults,
                            struct fama_network_switch_counters *counters,
                            struct fama_error *error);

#endif
