/* The way out: datagrams get their headers, their neighbour's address and a place in the next burst.
 *
 * A chunk for several targets is one packet of payload, counted by reference, behind a private header
 * packet per target: Ethernet, IPv4, UDP and the common header, in which the hop count lies. The
 * payload's checksum is computed once. On ports that take packets in one piece only, each target's packet
 * is copied together instead.
 *
 * What the port does not take at once: packets of our own blocks wait (and with them the origin thread)
 * unless the port takes nothing at all for FAMA_TRANSMIT_PATIENCE_NS; relayed ones and gossip are dropped
 * and counted, for repair is cheaper than a queue of old packets.
 * Owner: the net lcore. */
#ifndef FAMA_DATAPLANE_TRANSMIT_H
#define FAMA_DATAPLANE_TRANSMIT_H

#include "dataplane/counts.h"
#include "dataplane/neighbour.h"
#include "dataplane/topology.h"

#define FAMA_TRANSMIT_STAGED_MAX  512
#define FAMA_TRANSMIT_PATIENCE_NS 100000000u

struct fama_transmit {
    struct fama_port *port;
    struct fama_dataplane_counters *counts;
    struct fama_neighbours *neighbours;
    struct fama_frame_ends ends; /* all but the target */
    uint64_t now_ns;             /* of the last flush */
    uint64_t taken_ns;           /* when the port last took a packet, or had none to take */
    uint32_t staged_count;
    struct rte_mbuf *staged[FAMA_TRANSMIT_STAGED_MAX];
    bool waits[FAMA_TRANSMIT_STAGED_MAX]; /* rather than being dropped */
};

/* False when out of memory. */
bool fama_transmit_init(struct fama_transmit *transmit, struct fama_topology *topology,
                        struct fama_dataplane_counters *counts);
void fama_transmit_destroy(struct fama_transmit *transmit);

/* Takes over a packet that holds a datagram and has the headroom of a new one. It waits for room in the
 * port if its struct fama_packet says that it is our own block's. */
void fama_transmit_one(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target);

struct fama_transmit_fan {
    const struct fama_view_peer *peers;
    const uint32_t *targets; /* indices into peers */
    uint32_t count;
    uint8_t hops; /* written into the copies */
    bool is_own;  /* our own block's chunk: waits for room */
};
/* Takes over a packet that holds a chunk's datagram and sends it to all targets. */
void fama_transmit_fan_out(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                           const struct fama_transmit_fan *fan);

static inline uint32_t fama_transmit_room(const struct fama_transmit *transmit)
{
    return FAMA_TRANSMIT_STAGED_MAX - transmit->staged_count;
}

/* Hands the staged packets to the port; returns how many it took. */
uint32_t fama_transmit_flush(struct fama_transmit *transmit, uint64_t now_ns);

#endif
