/* Which net lcore owns what, when there are several: every block's chunks are put together by one of them,
 * every session's datagrams are opened by one, and all signed messages are one's, the first's. A datagram
 * that comes in on another lcore's queue is handed to its owner.
 *
 * Consecutive blocks of a channel go to the lcores in turn, so that blocks in flight, which are always
 * consecutive, are shared out evenly; channels start at different lcores. Sessions go by their id, which
 * both ends make out of a handshake's secret.
 *
 * Adversary: whoever sends datagrams can choose whose they are, and so have one lcore do all that a single
 * lcore would otherwise have done; the rings between lcores are bounded, and what does not fit is dropped
 * and counted.
 * Pure functions of the datagram's first bytes, any thread. Numbers are below `lcores`, which is not 0. */
#ifndef FAMA_DATAPLANE_SPREAD_H
#define FAMA_DATAPLANE_SPREAD_H

#include "dataplane/wire.h"

uint32_t fama_spread_block(uint32_t lcores, fama_tag channel, uint64_t block);
uint32_t fama_spread_session(uint32_t lcores, uint64_t session);
/* The owner of a datagram of this kind; of one too short to tell, `here`. */
uint32_t fama_spread_datagram(uint32_t lcores, uint32_t here, uint8_t kind,
                              struct fama_bytes datagram);

#endif
