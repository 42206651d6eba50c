/* One peer node: membership, channels, repair, the ordering source, the admin socket, all around one
 * dataplane. controlplane/node.c is the assembly; its header comment lists threads and who owns what.
 *
 * Runs in the calling thread (which becomes the control thread) until SIGTERM or SIGINT, then stops
 * cleanly within a second. Returns an exit code of command.h. */
#ifndef FAMA_CONTROLPLANE_NODE_H
#define FAMA_CONTROLPLANE_NODE_H

#include "controlplane/config.h"

int fama_node_run(const struct fama_config *config);

#endif
