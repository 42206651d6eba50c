/* Tells the link's switches and routers which group we listen to: multicast listener discovery, version 2 (RFC
 * 3810) and, for queriers that speak no other, version 1 (RFC 2710), as bytes. A switch that "snoops" (RFC
 * 4541) brings solicitations for our address only to ports that have said so.
 *
 * A report is sent unasked every FAMA_MLD_REPORT_PAUSE_NS, which is less than the 260 seconds for which a
 * report counts (RFC 3810 section 9.4), and sooner when somebody queries. It comes from no address, as RFC
 * 3590 has it for a host without a link-local one.
 *
 * Adversary: whoever is on the link. Queries count only with what section 6.2 wants of them; however many
 * come, one report is due at a time, and no two are closer than FAMA_MLD_ANSWER_PAUSE_NS
 * (dataplane/neighbour.h keeps that). Pure functions on bytes; any thread. */
#ifndef FAMA_DATAPLANE_MLD_H
#define FAMA_DATAPLANE_MLD_H

#include "dataplane/frame.h"

/* Ethernet, IPv6, hop-by-hop options with a router alert, a report with one group; of version 1 shorter. */
#define FAMA_MLD_FRAME_BYTES     (FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + 8 + 8 + 20)
#define FAMA_MLD_FRAME_BYTES_V1  (FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + 8 + 24)
#define FAMA_MLD_REPORT_PAUSE_NS UINT64_C(100000000000)
#define FAMA_MLD_ANSWER_PAUSE_NS UINT64_C(1000000000)
/* For so long after a query of version 1 its querier is taken to be there (RFC 3810 section 9.12). */
#define FAMA_MLD_V1_NS UINT64_C(260000000000)

struct fama_mld_query {
    bool is_version_1;
    uint32_t wait_ms;                  /* the answer is to come at a random time within it */
    uint8_t group[FAMA_ADDRESS_BYTES]; /* all zero: whatever groups there are */
};

/* Reads a packet that fama_frame_parse found to be MLD, from its IPv6 header on. FAMA_DROP_NONE; NOT_OURS for
 * what is no query; BAD_CHECKSUM; BAD_ND for a query that RFC 3810 section 6.2 has dropped: not from a
 * link-local address, a hop limit other than 1, no router alert, lengths that contradict each other. A query
 * for certain sources of a group counts as one for the group, which we want from everybody. */
enum fama_drop fama_mld_read(struct fama_bytes packet, struct fama_mld_query *query);

/* A frame that says that whoever sends it listens to `group`, whoever sends to it. Returns its length. */
size_t fama_mld_write(const uint8_t group[FAMA_ADDRESS_BYTES],
                      const uint8_t ethernet_source[FAMA_MAC_BYTES],
                      uint8_t frame[FAMA_MLD_FRAME_BYTES]);
/* The same in version 1. */
size_t fama_mld_write_v1(const uint8_t group[FAMA_ADDRESS_BYTES],
                         const uint8_t ethernet_source[FAMA_MAC_BYTES],
                         uint8_t frame[FAMA_MLD_FRAME_BYTES]);

#endif
