/* A block on its way out: cut into sets and chunks, each set's Merkle root signed, each chunk written once
 * into a packet and queued for the net lcore.
 *
 * Owner: the origin thread for new blocks, the server thread for answers; each waits here while packets or
 * its ring are used up. */
#ifndef FAMA_DATAPLANE_ORIGIN_H
#define FAMA_DATAPLANE_ORIGIN_H

#include "dataplane/topology.h"

/* As fama_dataplane_send_block. */
int fama_origin_send(struct fama_topology *topology, const struct fama_signer *signer,
                     const struct fama_block_send *send, uint64_t *chunks);

#endif
