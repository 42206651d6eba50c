/* Makes what a local network needs on disk before it can run: identities, the channel's genesis block, a
 * core.yaml for each node, and the description itself. Needs no privileges.
 *
 * Identities, unless the description names a folder of existing ones: an orderer organisation with one
 * orderer, and for each organisation its authority, its peers and one client, User1.
 *
 * Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_NETWORK_CREATE_H
#define FAMA_CONTROLPLANE_NETWORK_CREATE_H

#include "controlplane/network_topology.h"

#define FAMA_NETWORK_ORDERER_DOMAIN "orderer.fama"

/* `network` has its organisations, name, channel and directory; `crypto` and `genesis` are either empty
 * (made here and filled in) or name existing files. Refuses a directory that holds a network already. */
int fama_network_create(struct fama_network *network, struct fama_error *error);

/* Writes every node's core.yaml anew: paths, pace and CPUs follow the description. */
int fama_network_write_configs(const struct fama_network *network, struct fama_error *error);

/* Like mkdir -p. */
int fama_network_make_folder(const char *path, struct fama_error *error);

#endif
