/* ARP packets for Ethernet and IPv4 (RFC 826) as values: reading and writing, and nothing about what they
 * mean to a table of neighbours.
 *
 * Adversary: whoever is on the link. Pure functions on bytes; any thread. */
#ifndef FAMA_DATAPLANE_ARP_H
#define FAMA_DATAPLANE_ARP_H

#include "dataplane/frame.h"

enum fama_arp_operation {
    FAMA_ARP_REQUEST = 1,
    FAMA_ARP_REPLY = 2,
};

struct fama_arp {
    uint16_t operation;
    uint8_t sender_mac[FAMA_MAC_BYTES];
    uint8_t
        sender[FAMA_ADDRESS_BYTES]; /* both mapped, as everywhere; 0.0.0.0 is a probe's sender */
    uint8_t target_mac[FAMA_MAC_BYTES];
    uint8_t target[FAMA_ADDRESS_BYTES];
};

/* FAMA_DROP_NONE or FAMA_DROP_BAD_ARP: other hardware or protocol, an unknown operation, a sender whose
 * link address no host can have. Bytes after the packet are the link's padding. */
enum fama_drop fama_arp_read(struct fama_bytes packet, struct fama_arp *arp);

/* Writes a whole frame to `ethernet_target`. */
void fama_arp_write(const struct fama_arp *arp, const uint8_t ethernet_target[FAMA_MAC_BYTES],
                    uint8_t frame[FAMA_FRAME_LEAST]);

#endif
