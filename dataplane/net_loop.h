/* A net lcore: polls its queue of the port, tells datagrams apart, hands those of others to them, puts
 * chunks into their blocks, passes verified chunks on, and sends what other threads have queued.
 *
 * The first one has some tasks more: signed messages, the control thread's datagrams, answering those who
 * ask for our link address, and watching over the port.
 *
 * It verifies no signature, takes no lock and no memory once it runs; rings in and out are those of the
 * table in topology.c. Made and destroyed by the control thread while it does not run. */
#ifndef FAMA_DATAPLANE_NET_LOOP_H
#define FAMA_DATAPLANE_NET_LOOP_H

#include "dataplane/counts.h"
#include "dataplane/topology.h"

struct fama_net;

/* The one of this number, which is also its queue's. NULL when out of memory or when the limits of
 * reassembly make no sense. */
struct fama_net *fama_net_create(struct fama_topology *topology, uint32_t number);
void fama_net_destroy(struct fama_net *net);

/* The lcore's function: runs until the topology says stop. Takes a struct fama_net, returns 0. */
int fama_net_run(void *argument);

const struct fama_counts *fama_net_counts(const struct fama_net *net);

#endif
