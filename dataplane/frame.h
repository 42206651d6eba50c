/* Ethernet II, IPv4 (RFC 791) or IPv6 (RFC 8200), and UDP (RFC 768) around our datagrams: writing headers
 * with checksums, and telling a datagram meant for us, or a word of ARP, neighbour discovery or
 * multicast listener discovery, from everything else. Our own address says which family a node speaks; frames of the other are not ours.
 *
 * A chunk goes to several targets with the same payload: its sum is computed once (fama_frame_sum) and
 * each target's header takes it in. Sums are RFC 1071 one's-complement sums in the machine's byte order.
 *
 * Adversary: whoever reaches the link. Nothing beyond the frame's length is read; fragments, IPv4 options
 * and IPv6 extension headers (but the one that multicast listener queries must have) are refused, and so is UDP over IPv6 without a checksum, which IPv6 itself
 * has none to make up for (RFC 8200 section 8.1). Pure functions on bytes; any thread. */
#ifndef FAMA_DATAPLANE_FRAME_H
#define FAMA_DATAPLANE_FRAME_H

#include "crypto/bytes.h"
#include "dataplane/drop.h"
#include "dataplane/endpoint.h"

#define FAMA_MAC_BYTES        6
#define FAMA_ETHERNET_BYTES   14
#define FAMA_IPV4_BYTES       20
#define FAMA_IPV6_BYTES       40
#define FAMA_UDP_BYTES        8
#define FAMA_FRAME_HEADER_MAX (FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + FAMA_UDP_BYTES)
#define FAMA_FRAME_LEAST      60 /* bytes an Ethernet frame must have, without its check sum */
#define FAMA_ETHERTYPE_IPV4   0x0800
#define FAMA_ETHERTYPE_ARP    0x0806
#define FAMA_ETHERTYPE_IPV6   0x86dd
#define FAMA_PROTOCOL_UDP     17
#define FAMA_PROTOCOL_ICMPV6  58

/* What of a link's MTU is not left for a UDP payload, between hosts that have such addresses. */
static inline uint16_t fama_frame_ip_udp_bytes(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    return (fama_address_is_ipv4(address) ? FAMA_IPV4_BYTES : FAMA_IPV6_BYTES) + FAMA_UDP_BYTES;
}
static inline uint16_t fama_frame_header_bytes(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    return (uint16_t)(FAMA_ETHERNET_BYTES + fama_frame_ip_udp_bytes(address));
}

struct fama_frame_ends {
    uint8_t source_mac[FAMA_MAC_BYTES];
    uint8_t target_mac[FAMA_MAC_BYTES];
    struct fama_endpoint source;
    struct fama_endpoint target;
};

/* Whether a link address may be one host's: no group's, and not all zero. */
static inline bool fama_frame_mac_is_one_host(const uint8_t mac[FAMA_MAC_BYTES])
{
    static const uint8_t none[FAMA_MAC_BYTES];
    return (mac[0] & 1) == 0 && memcmp(mac, none, FAMA_MAC_BYTES) != 0;
}
/* Writes FAMA_ETHERNET_BYTES. */
void fama_frame_ethernet_write(uint8_t *at, const uint8_t target_mac[FAMA_MAC_BYTES],
                               const uint8_t source_mac[FAMA_MAC_BYTES], uint16_t type);

/* Adds bytes to a sum; 0 starts one. Every piece but the last must have an even length. */
uint16_t fama_frame_sum(struct fama_bytes bytes, uint16_t sum);
/* The sum of what remains when these bytes, of even length, are taken away from the start. */
uint16_t fama_frame_sum_without(struct fama_bytes bytes, uint16_t sum);

/* The sum of a pseudo-header (RFC 768, RFC 8200 section 8.1): both `addresses` as the IP header has them. */
uint16_t fama_frame_pseudo_sum(struct fama_bytes addresses, uint8_t protocol, uint16_t len);
/* A checksum is stored as it is computed, in the machine's order: RFC 1071 section 2 (B). */
static inline void fama_frame_sum_store(uint8_t *at, uint16_t sum)
{
    memcpy(at, &sum, sizeof sum);
}

/* Writes the headers (fama_frame_header_bytes) at `at` for a payload of that length and sum; both ends
 * are of one family. Payloads are bounded by FAMA_WIRE_DATAGRAM_MAX. */
void fama_frame_write(uint8_t *at, const struct fama_frame_ends *ends, uint16_t payload_len,
                      uint16_t payload_sum);

/* For headers that are written once and used again for payloads of the same length: the sum of what the UDP
 * checksum covers but the payload, read from headers written for a payload of sum 0; and the checksum anew.
 * `header_bytes`: fama_frame_header_bytes of their family. */
uint16_t fama_frame_sum_without_payload(const uint8_t *headers, size_t header_bytes);
void fama_frame_set_checksum(uint8_t *headers, size_t header_bytes, uint16_t sum,
                             uint16_t payload_sum);
/* Headers for a port that computes the sums: IPv4's is zero, UDP's the sum of the pseudo header. */
void fama_frame_leave_checksums(uint8_t *headers, size_t header_bytes);

/* What the receiver knows: its addresses, and which sums the port has found right already. */
struct fama_frame_receiver {
    uint8_t mac[FAMA_MAC_BYTES];
    struct fama_endpoint endpoint;
};
enum fama_frame_checked {
    FAMA_FRAME_CHECKED_IP = 1,
    FAMA_FRAME_CHECKED_UDP = 2,
};

enum fama_frame_kind {
    FAMA_FRAME_DATAGRAM = 0,
    FAMA_FRAME_ARP = 1,
    FAMA_FRAME_ICMPV6 = 2,
    FAMA_FRAME_MLD = 3, /* ICMPv6 behind eight bytes of hop-by-hop options: dataplane/mld.h */
};
struct fama_frame {
    enum fama_frame_kind kind;
    struct fama_endpoint source; /* DATAGRAM: as the sender claims */
    const uint8_t *source_mac;   /* FAMA_MAC_BYTES, borrowed */
    /* The datagram, the ARP packet, or the IPv6 packet from its header on: borrowed from the frame, without
     * the link's padding. */
    struct fama_bytes payload;
    /* DATAGRAM: the sum of the payload, if its checksum had to be verified. */
    bool has_sum;
    uint16_t sum;
};

/* FAMA_DROP_NONE, or why the frame is not for us. `checked` is a set of enum fama_frame_checked. */
enum fama_drop fama_frame_parse(struct fama_bytes bytes, const struct fama_frame_receiver *receiver,
                                unsigned int checked, struct fama_frame *frame);

#endif
