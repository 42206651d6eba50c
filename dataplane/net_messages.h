/* The net lcore's signed messages: judged by all that can be said without their signature, then sent to
 * the verify lcores. Owner: the net lcore. */
#ifndef FAMA_DATAPLANE_NET_MESSAGES_H
#define FAMA_DATAPLANE_NET_MESSAGES_H

#include "dataplane/net_state.h"

/* A datagram of a kind that its author signs. Takes the packet. */
void fama_net_take_message(struct fama_net *net, struct rte_mbuf *packet);

#endif
