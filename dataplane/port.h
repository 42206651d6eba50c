/* One port: a DPDK ethdev with one receive and one transmit queue, whatever is behind it.
 *
 * "net_af_packet0,iface=eth1", "net_af_xdp0,iface=eth1", "net_tap0,...", "net_memif0,..." are virtual
 * devices with their arguments as DPDK documents them; a PCI address ("0000:03:00.0") is a device bound to
 * vfio-pci (dpdk-devbind.py --bind=vfio-pci) or one whose driver shares it with the kernel (mlx5). What a
 * port can do is asked, not assumed: segments, receive checksums, MTU.
 *
 * Transmit checksums are ours on every port: a chunk's payload is summed once for all its targets, so a
 * port's help would save nothing and bring one more path.
 *
 * Opened and closed by the main thread; the queues belong to the net lcore. */
#ifndef FAMA_DATAPLANE_PORT_H
#define FAMA_DATAPLANE_PORT_H

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/dataplane.h"
#include "dataplane/frame.h"

/* Room in a header packet for Ethernet, IPv4, UDP and our common header. */
#define FAMA_PORT_HEADER_ROOM 64

struct fama_port {
    uint16_t id;
    uint8_t mac[FAMA_MAC_BYTES];
    uint16_t mtu;                /* of the IP packet, as configured */
    bool takes_segments;         /* else a packet must lie in one piece: it is copied together */
    unsigned int rx_checked;     /* enum fama_frame_checked: sums the port verifies */
    struct rte_mempool *packets; /* one whole frame each */
    struct rte_mempool *headers; /* private headers of shared payloads */
    bool is_virtual;
    bool is_started;     /* else its queues must not be touched */
    bool is_reconnected; /* when the link is down, by us: net_memif's client tries once by itself */
    char name[64];       /* of the device */
};

/* Creates the device if it is virtual, takes packet memory (`private_bytes` in each packet are the
 * caller's), sets MTU and offloads and starts it. FAMA_DATAPLANE_CONFIG, _PORT or _NO_MEMORY; then
 * nothing is left behind. */
int fama_port_open(struct fama_port *port, const struct fama_dataplane_config *config,
                   uint16_t private_bytes, struct fama_error *error);
/* To be called now and then by the net lcore: starts a port anew that has lost its other end, or had none
 * yet, and does not look for it by itself. Only such a port costs more than a look at the link. */
void fama_port_watch(struct fama_port *port);
/* All packets must have come back. */
void fama_port_close(struct fama_port *port);

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
