#include "dataplane/arp.h"

#include "dataplane/octets.h"

#define PACKET_BYTES 28
#define IPV4_BYTES   4

/* Hardware Ethernet, protocol IPv4, and the lengths of their addresses. */
static const uint8_t start[] = {0, 1, 0x08, 0x00, FAMA_MAC_BYTES, IPV4_BYTES};

static void read_address(const uint8_t *at, uint8_t address[FAMA_ADDRESS_BYTES])
{
    struct fama_endpoint mapped = fama_endpoint_from_ipv4(0, 0);
    memcpy(address, mapped.address, FAMA_ADDRESS_BYTES);
    memcpy(address + FAMA_ADDRESS_IPV4_AT, at, IPV4_BYTES);
}

enum fama_drop fama_arp_read(struct fama_bytes packet, struct fama_arp *arp)
{
    const uint8_t *at = packet.at;
    if (packet.len < PACKET_BYTES || memcmp(at, start, sizeof start) != 0) {
        return FAMA_DROP_BAD_ARP;
    }
    arp->operation = fama_get16(at + 6);
    memcpy(arp->sender_mac, at + 8, FAMA_MAC_BYTES);
    read_address(at + 14, arp->sender);
    memcpy(arp->target_mac, at + 18, FAMA_MAC_BYTES);
    read_address(at + 24, arp->target);
    bool is_known = arp->operation == FAMA_ARP_REQUEST || arp->operation == FAMA_ARP_REPLY;
    return is_known && fama_frame_mac_is_one_host(arp->sender_mac) ? FAMA_DROP_NONE
                                                                   : FAMA_DROP_BAD_ARP;
}

void fama_arp_write(const struct fama_arp *arp, const uint8_t ethernet_target[FAMA_MAC_BYTES],
                    uint8_t frame[FAMA_FRAME_LEAST])
{
    memset(frame, 0, FAMA_FRAME_LEAST);
    fama_frame_ethernet_write(frame, ethernet_target, arp->sender_mac, FAMA_ETHERTYPE_ARP);
    uint8_t *at = frame + FAMA_ETHERNET_BYTES;
    memcpy(at, start, sizeof start);
    at[6] = (uint8_t)(arp->operation >> 8);
    at[7] = (uint8_t)arp->operation;
    memcpy(at + 8, arp->sender_mac, FAMA_MAC_BYTES);
    memcpy(at + 14, arp->sender + FAMA_ADDRESS_IPV4_AT, IPV4_BYTES);
    memcpy(at + 18, arp->target_mac, FAMA_MAC_BYTES);
    memcpy(at + 24, arp->target + FAMA_ADDRESS_IPV4_AT, IPV4_BYTES);
}
