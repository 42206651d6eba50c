/* The wires of a local network: one network namespace per node and one for the bridge, a veth pair between
 * each node and the bridge. Nothing is made in the namespace the command runs in. The node's end, eth0,
 * has no address: the node's dataplane owns it.
 *
 * Faults (loss, delay, reordering) act on frames from the bridge to a node, on every link: by `tc netem`
 * where the kernel has it, else the bridge is replaced by a switch of our own that does the same
 * (controlplane/network_switch.h).
 *
 * Needs root. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_NETWORK_LINKS_H
#define FAMA_CONTROLPLANE_NETWORK_LINKS_H

#include "controlplane/network_topology.h"

/* What carries the faults of this network. */
enum fama_network_fault_carrier {
    FAMA_NETWORK_NO_FAULTS = 0,
    FAMA_NETWORK_BY_NETEM = 1,
    FAMA_NETWORK_BY_SWITCH = 2, /* the caller starts the switch in the bridge's namespace */
};

/* Makes namespaces, bridge and links. On failure what was made stays until fama_network_links_remove. */
int fama_network_links_make(const struct fama_network *network,
                            enum fama_network_fault_carrier *carrier, struct fama_error *error);
/* Removes every namespace fama-<name>-*, whoever made it. Processes in them are not looked at. */
void fama_network_links_remove(const char *network_name);
/* A tap port is made by the node itself: this joins it to eth0, after each start of the node. */
int fama_network_links_wire_tap(const struct fama_network *network,
                                const struct fama_network_node *node, struct fama_error *error);

#endif
