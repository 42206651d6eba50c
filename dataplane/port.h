/* One port: a DPDK ethdev with a receive and a transmit queue for each net lcore, as far as it has so many,
 * whatever is behind it.
 *
 * "net_af_packet0,iface=eth1", "net_af_xdp0,iface=eth1", "net_tap0,...", "net_memif0,..." are virtual
 * devices with their arguments as DPDK documents them; a PCI address ("0000:03:00.0") is a device bound to
 * vfio-pci (dpdk-devbind.py --bind=vfio-pci) or one whose driver shares it with the kernel (mlx5). What a
 * port can do is asked, not assumed: queues, flow rules, segments, checksums, MTU.
 *
 * Queue i is net lcore i's. A port with fewer queues than there are net lcores serves the first ones; what
 * belongs to the others they get from these (dataplane/spread.h), and what they send leaves through the
 * first. Of several queues, the port's rules or its hash decide what comes where, or the kernel behind a
 * virtual port.
 *
 * Opened and closed by the main thread; each queue belongs to its net lcore. */
#ifndef FAMA_DATAPLANE_PORT_H
#define FAMA_DATAPLANE_PORT_H

#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/dataplane.h"
#include "dataplane/frame.h"
#include "dataplane/port_rules.h"

/* Room in a header packet for Ethernet, IPv6, UDP and our common header. */
#define FAMA_PORT_HEADER_ROOM 80

/* For how long a port that was started may be without a link before it is started anew. Both ends of a memif must
 * get the CPU several times before it is up, and who starts anew in the middle of that begins from the start. */
#define FAMA_PORT_PATIENCE_NS 2000000000u

struct fama_port_patience {
    uint64_t since_ns; /* it was started, or was last seen up; 0: not looked at yet */
    bool was_up;
};
/* Whether a started port is to be started anew: its link is no longer up, or has not come up for so long.
 * `now_ns` is never 0. */
bool fama_port_patience_ends(struct fama_port_patience *patience, uint64_t now_ns, bool is_up);

struct fama_port {
    uint16_t id;
    uint8_t mac[FAMA_MAC_BYTES];
    uint16_t mtu;            /* of the IP packet, as configured */
    uint16_t queues;         /* each way */
    struct rte_ring *detour; /* to the first lcore: frames of lcores without a queue */
    uint32_t queue_packets;  /* all queues together hold that many at most */
    struct fama_port_rules rules;
    bool tx_checksums;           /* computes IPv4 and UDP sums of packets that are marked for it */
    bool takes_segments;         /* else a packet must lie in one piece: it is copied together */
    unsigned int rx_checked;     /* enum fama_frame_checked: sums the port verifies */
    struct rte_mempool *packets; /* one whole frame each */
    struct rte_mempool *headers; /* private headers of shared payloads */
    bool is_virtual;
    _Atomic bool is_started; /* else its queues must not be touched */
    bool is_reconnected; /* when the link is down, by us: net_memif's client tries once by itself */
    struct fama_port_patience patience;
    char name[64]; /* of the device */
};

/* Creates the device if it is virtual, takes packet memory (`private_bytes` in each packet are the
 * caller's), sets MTU and offloads and starts it. FAMA_DATAPLANE_CONFIG, _PORT or _NO_MEMORY; then
 * nothing is left behind. */
int fama_port_open(struct fama_port *port, const struct fama_dataplane_config *config,
                   uint16_t private_bytes, struct fama_error *error);
/* To be called now and then by the first net lcore: starts a port anew that has lost its other end, or had
 * none yet, and does not look for it by itself. Only such a port costs more than a look at the link. All net
 * lcores are readers of RCU (QSBR) and look at is_started between their quiescent states; the caller reads
 * nothing while it waits for the others to have seen the port stopped. */
void fama_port_watch(struct fama_port *port, uint64_t now_ns);
/* All packets must have come back. */
void fama_port_close(struct fama_port *port);

/* Hands frames to the port: through the net lcore's own transmit queue, or for want of one through the first
 * lcore's. Returns how many were taken. Net lcores, while the port is started. */
static inline uint16_t fama_port_transmit(const struct fama_port *port, uint32_t lcore,
                                          struct rte_mbuf **packets, uint16_t count)
{
    return lcore < port->queues
               ? rte_eth_tx_burst(port->id, (uint16_t)lcore, packets, count)
               : (uint16_t)rte_ring_enqueue_burst(port->detour, (void **)packets, count, NULL);
}

/* Which sums of this received packet are known to be right. `is_bad`: the port found one wrong. */
static inline unsigned int fama_port_checked(const struct fama_port *port,
                                             const struct rte_mbuf *packet, bool *is_bad)
{
    uint64_t ip = packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    uint64_t udp = packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    *is_bad = port->rx_checked != 0 &&
              (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || udp == RTE_MBUF_F_RX_L4_CKSUM_BAD);
    unsigned int checked = 0;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD) {
        checked |= FAMA_FRAME_CHECKED_IP;
    }
    if (udp == RTE_MBUF_F_RX_L4_CKSUM_GOOD) {
        checked |= FAMA_FRAME_CHECKED_UDP;
    }
    return checked & port->rx_checked;
}

#endif
