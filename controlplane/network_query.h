/* Asks the nodes of a local network through their admin sockets. Main thread of a command; blocks up to a
 * few seconds for a node that hangs. */
#ifndef FAMA_CONTROLPLANE_NETWORK_QUERY_H
#define FAMA_CONTROLPLANE_NETWORK_QUERY_H

#include "controlplane/network_report.h"
#include "controlplane/network_topology.h"

/* `request` is stolen; `*answer` is the caller's. Returns what fama_admin_ask returns. */
int fama_network_ask(const struct fama_network *network, const struct fama_network_node *node,
                     json_t *request, json_t **answer, struct fama_error *error);

/* The node's height on the network's channel, or 0 (not joined, or no answer: then `problem` has words). */
uint64_t fama_network_height(const struct fama_network *network,
                             const struct fama_network_node *node, struct fama_error *problem);
/* How many members of its own organisation the node holds for alive, itself excluded. */
uint32_t fama_network_living(const struct fama_network *network,
                             const struct fama_network_node *node);

/* Asks everybody and judges. `report->rows` has room for node_count rows; release with
 * fama_report_clear. False if out of memory. */
bool fama_network_query_report(const struct fama_network *network, struct fama_report *report);

#endif
