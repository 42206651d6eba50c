/* The net lcore's chunks: judged, put into their blocks, passed on; their roots sent to the verify lcores
 * and the verdicts taken; whole blocks handed to the commit threads and taken back; chunks of our own
 * blocks fanned out.
 *
 * Owner: the net lcore. Packets given to these functions are theirs. */
#ifndef FAMA_DATAPLANE_NET_CHUNKS_H
#define FAMA_DATAPLANE_NET_CHUNKS_H

#include "dataplane/net_state.h"

/* Reassembly and root jobs. False when out of memory or when the limits make no sense; whatever was taken
 * is given back by destroy, which is fine with nothing taken. Control thread. */
bool fama_net_chunks_create(struct fama_net *net);
void fama_net_chunks_destroy(struct fama_net *net);

/* A chunk datagram from the network, or from within a session: judged and opened. It lies in the inbox, and
 * the view it was judged by must stay, until fama_net_settle_chunks has offered it to reassembly. */
void fama_net_take_chunk(struct fama_net *net, struct rte_mbuf *packet);
void fama_net_settle_chunks(struct fama_net *net);
/* A chunk from the origin thread. */
void fama_net_send_own_chunk(struct fama_net *net, struct rte_mbuf *packet,
                             enum fama_transmit_class transmit_class);

/* Tells the control thread of evidence, and of keys that are missing. About each millisecond. */
void fama_net_chunks_keep_house(struct fama_net *net);

/* What lies in the rings from the verify lcores and the commit threads; the number of things done. */
uint32_t fama_net_take_verdicts(struct fama_net *net);
uint32_t fama_net_take_returns(struct fama_net *net);

#endif
