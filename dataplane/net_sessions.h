/* The net lcore's sessions: opens what comes sealed, and brings it to where it belongs; hands handshakes to
 * the control thread, a bounded number of each source.
 *
 * Adversary: anybody for handshakes, which are only counted and passed up; members within sessions.
 * Owner: the net lcore. Packets given to these functions are theirs. */
#ifndef FAMA_DATAPLANE_NET_SESSIONS_H
#define FAMA_DATAPLANE_NET_SESSIONS_H

#include "dataplane/net_state.h"

/* A SESSION datagram. */
void fama_net_take_handshake(struct fama_net *net, struct rte_mbuf *packet);
/* A SEALED datagram: a chunk goes to the inbox, a request or keys to the control thread. */
void fama_net_take_sealed(struct fama_net *net, struct rte_mbuf *packet);

#endif
