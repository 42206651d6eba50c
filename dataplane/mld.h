/* Tells the link's switches which group we listen to: a multicast listener report, version 2 (RFC 3810).
 * A switch that "snoops" (RFC 4541) brings solicitations for our address only to ports that have said so.
 *
 * A report is sent unasked every FAMA_MLD_REPORT_PAUSE_NS, which is less than the 260 seconds for which a
 * report counts (RFC 3810 section 9.4), so that no queries need be understood. It comes from no address,
 * as RFC 3590 has it for a host without a link-local one. Any thread. */
#ifndef FAMA_DATAPLANE_MLD_H
#define FAMA_DATAPLANE_MLD_H

#include "dataplane/frame.h"

/* Ethernet, IPv6, hop-by-hop options with a router alert, a report with one group. */
#define FAMA_MLD_FRAME_BYTES     (FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + 8 + 8 + 20)
#define FAMA_MLD_REPORT_PAUSE_NS UINT64_C(100000000000)

/* A frame that says that whoever sends it listens to `group`, whoever sends to it. */
void fama_mld_write(const uint8_t group[FAMA_ADDRESS_BYTES],
                    const uint8_t ethernet_source[FAMA_MAC_BYTES],
                    uint8_t frame[FAMA_MLD_FRAME_BYTES]);

#endif
