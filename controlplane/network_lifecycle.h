/* A local network's life: up, down, and the death and return of single nodes.
 *
 * A network belongs to its name: `up` first clears away whatever an earlier network of the same name left
 * behind (processes by pid and start time, namespaces, sockets, borrowed hugepages), and nothing else.
 * Two commands on one name take turns.
 *
 * Needs root. Main thread of a command; progress goes to standard error. */
#ifndef FAMA_CONTROLPLANE_NETWORK_LIFECYCLE_H
#define FAMA_CONTROLPLANE_NETWORK_LIFECYCLE_H

#include "controlplane/network_topology.h"

/* Brings all nodes up and has them join the channel, followers first. On failure everything is undone. */
int fama_network_up(const struct fama_network *network, struct fama_error *error);
/* SIGTERM to all, SIGKILL to what is left after STOP_TIMEOUT, then removes what `up` made outside the
 * network's directory. Works without the directory. */
int fama_network_down(const char *network_name, struct fama_error *error);

/* Starts one node (again) and waits until it answers. */
int fama_network_start_node(const struct fama_network *network,
                            const struct fama_network_node *node, struct fama_error *error);
/* Sends the signal and waits until the node is gone; `*took_ms` says how long that was. */
int fama_network_kill_node(const struct fama_network *network, const struct fama_network_node *node,
                           int signal_number, uint64_t *took_ms, struct fama_error *error);

#endif
