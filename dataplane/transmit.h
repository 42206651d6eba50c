/* The way out: datagrams get their headers, their neighbour's address and a place in the queue of their
 * class (transmit_queues.h).
 *
 * A chunk for several targets is one packet of payload, counted by reference, behind a private header
 * packet per target: Ethernet, IP, UDP and the common header, in which the hop count lies. The payload's
 * checksum is computed once, or left to the port where it computes sums. On ports that take packets in
 * one piece only, each target's packet
 * is copied together instead.
 *
 * Owner: a net lcore, each with its own. */
#ifndef FAMA_DATAPLANE_TRANSMIT_H
#define FAMA_DATAPLANE_TRANSMIT_H

#include "dataplane/neighbour.h"
#include "dataplane/topology.h"
#include "dataplane/transmit_queues.h"

#define FAMA_TRANSMIT_PATHS         256 /* a power of two */
#define FAMA_TRANSMIT_PATH_FRESH_NS 1000000u

/* The way to a target as it was a moment ago: the headers written for it last, which serve the next
 * datagram of the same length but for their UDP checksum. Targets whose places fall together write theirs
 * anew each time. */
struct fama_transmit_path {
    struct fama_endpoint target;
    uint16_t payload_len;
    uint16_t sum;      /* of what the UDP checksum covers but the payload */
    uint64_t found_ns; /* when the neighbour was asked for last; 0: never */
    uint8_t headers[FAMA_FRAME_HEADER_MAX];
};

struct fama_transmit {
    const struct fama_port *port;
    struct fama_neighbours *neighbours;
    struct fama_frame_ends ends; /* all but the target */
    uint16_t header_bytes;       /* before a datagram, of our family */
    struct fama_transmit_queues queues;
    struct fama_transmit_path paths[FAMA_TRANSMIT_PATHS];
};

/* That of the net lcore of this number. False when out of memory. */
bool fama_transmit_init(struct fama_transmit *transmit, struct fama_topology *topology,
                        uint32_t lcore, struct fama_dataplane_counters *counts);
void fama_transmit_destroy(struct fama_transmit *transmit);

/* Takes over a packet that holds a datagram and has the headroom of a new one. */
void fama_transmit_one(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, enum fama_transmit_class transmit_class);

struct fama_transmit_fan {
    const struct fama_view_peer *peers;
    const uint32_t *targets; /* indices into peers */
    uint32_t count;
    uint8_t hops;                   /* written into the copies */
    enum fama_transmit_claim claim; /* our own block's chunk, or a relayed one */
};
/* Takes over a packet that holds a new block's chunk and sends it to all targets. */
void fama_transmit_fan_out(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                           const struct fama_transmit_fan *fan);

/* Packets that still find a place. Whoever sends our own looks first and leaves the rest where it is. */
static inline uint32_t fama_transmit_room(const struct fama_transmit *transmit,
                                          enum fama_transmit_class transmit_class)
{
    return FAMA_TRANSMIT_QUEUE - fama_transmit_queue_count(&transmit->queues, transmit_class);
}

/* Hands what waits to the port; returns how many packets it took. */
uint32_t fama_transmit_flush(struct fama_transmit *transmit, uint64_t now_ns);

#endif
