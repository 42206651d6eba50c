/* Hugepages for a local network: borrowed from the kernel while the network runs, given back after. How
 * many were added is remembered in /run/fama/<network>/hugepages, so that they go back even if another
 * command, or the next start after a crash, takes the network down.
 *
 * Needs root. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_NETWORK_HUGEPAGES_H
#define FAMA_CONTROLPLANE_NETWORK_HUGEPAGES_H

#include "controlplane/network_topology.h"

/* Raises vm.nr_hugepages so that every node finds its memory. Where the kernel has no hugepages, or memory
 * is short, nothing is done: the nodes then use ordinary pages and say so. Returns how many were added. */
uint64_t fama_network_hugepages_borrow(const struct fama_network *network);
void fama_network_hugepages_return(const char *network_name);

#endif
