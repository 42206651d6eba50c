/* Ethernet II, IPv4 (RFC 791) and UDP (RFC 768) around our datagrams: writing headers with checksums, and
 * telling a datagram meant for us from everything else.
 *
 * A chunk goes to several targets with the same payload: its sum is computed once (fama_frame_sum) and
 * each target's header takes it in. Sums are RFC 1071 one's-complement sums in the machine's byte order.
 *
 * Adversary: whoever reaches the link. Nothing beyond the frame's length is read; fragments and IP
 * options are refused. Pure functions on bytes; any thread. */
#ifndef FAMA_DATAPLANE_FRAME_H
#define FAMA_DATAPLANE_FRAME_H

#include "crypto/bytes.h"
#include "dataplane/drop.h"
#include "dataplane/endpoint.h"

#define FAMA_MAC_BYTES          6
#define FAMA_ETHERNET_BYTES     14
#define FAMA_IPV4_BYTES         20
#define FAMA_UDP_BYTES          8
#define FAMA_FRAME_HEADER_BYTES (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES + FAMA_UDP_BYTES)
#define FAMA_ETHERTYPE_IPV4     0x0800
#define FAMA_ETHERTYPE_ARP      0x0806
/* What of a link's MTU is left for a UDP payload. */
#define FAMA_FRAME_IP_UDP_BYTES (FAMA_IPV4_BYTES + FAMA_UDP_BYTES)

struct fama_frame_ends {
    uint8_t source_mac[FAMA_MAC_BYTES];
    uint8_t target_mac[FAMA_MAC_BYTES];
    struct fama_endpoint source;
    struct fama_endpoint target;
};

/* Adds bytes to a sum; 0 starts one. Every piece but the last must have an even length. */
uint16_t fama_frame_sum(struct fama_bytes bytes, uint16_t sum);

/* Writes FAMA_FRAME_HEADER_BYTES at `at` for a payload of that length and sum. Payloads are bounded by
 * FAMA_WIRE_DATAGRAM_MAX. */
void fama_frame_write(uint8_t *at, const struct fama_frame_ends *ends, uint16_t payload_len,
                      uint16_t payload_sum);

/* For headers that are written once and used again for payloads of the same length: the sum of what the UDP
 * checksum covers but the payload, read from headers written for a payload of sum 0; and the checksum anew.
 * All on FAMA_FRAME_HEADER_BYTES. */
uint16_t fama_frame_sum_without_payload(const uint8_t *headers);
void fama_frame_set_checksum(uint8_t *headers, uint16_t sum, uint16_t payload_sum);
/* Headers for a port that computes the sums: IPv4's is zero, UDP's the sum of the pseudo header. */
void fama_frame_leave_checksums(uint8_t *headers);

/* What the receiver knows: its addresses, and which sums the port has found right already. */
struct fama_frame_receiver {
    uint8_t mac[FAMA_MAC_BYTES];
    struct fama_endpoint endpoint;
};
enum fama_frame_checked {
    FAMA_FRAME_CHECKED_IP = 1,
    FAMA_FRAME_CHECKED_UDP = 2,
};

struct fama_frame {
    bool is_arp;                 /* then `payload` is the ARP packet and `source` is not set */
    struct fama_endpoint source; /* as the sender claims */
    struct fama_bytes payload;   /* borrowed from the frame, without link padding */
};

/* FAMA_DROP_NONE, or why the frame is not for us. `checked` is a set of enum fama_frame_checked. */
enum fama_drop fama_frame_parse(struct fama_bytes bytes, const struct fama_frame_receiver *receiver,
                                unsigned int checked, struct fama_frame *frame);

#endif
