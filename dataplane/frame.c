#include "dataplane/frame.h"

#define IPV4_VERSION_AND_HEADER 0x45
#define IPV4_DONT_FRAGMENT      0x4000
#define IPV4_FRAGMENT_MASK      0x3fff /* more-fragments bit and offset */
#define IPV4_TTL                64
#define IPV4_PROTOCOL_UDP       17
#define PSEUDO_HEADER_BYTES     12

static uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)read_u16(at) << 16 | read_u16(at + 2);
}

static void write_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value)
{
    write_u16(at, (uint16_t)(value >> 16));
    write_u16(at + 2, (uint16_t)value);
}

/* A checksum is stored as it is computed, in the machine's order: RFC 1071 section 2 (B). */
static void store_checksum(uint8_t *at, uint16_t sum)
{
    memcpy(at, &sum, sizeof sum);
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* Two 64-bit words at once, which every machine we know can add: GCC's and Clang's vectors. */
typedef uint64_t pair __attribute__((vector_size(16)));

uint16_t fama_frame_sum(struct fama_bytes bytes, uint16_t sum)
{
    /* Each word's halves go to accumulators of their own: 32-bit numbers into 64 bits do not overflow below
     * 16 GB. */
    const pair low_half = {UINT32_MAX, UINT32_MAX};
    pair low = {sum, 0};
    pair high = {0, 0};
    const uint8_t *at = bytes.at;
    size_t left = bytes.len;
    for (; left >= sizeof(pair); left -= sizeof(pair), at += sizeof(pair)) {
        pair words;
        memcpy(&words, at, sizeof words);
        low += words & low_half;
        high += words >> 32;
    }
    uint64_t total = low[0] + low[1] + high[0] + high[1];
    for (; left >= 2; left -= 2, at += 2) {
        uint16_t word;
        memcpy(&word, at, sizeof word);
        total += word;
    }
    if (left == 1) {
        uint8_t last[2] = {at[0], 0};
        uint16_t word;
        memcpy(&word, last, sizeof word);
        total += word;
    }
    return fold(total);
}

static uint16_t pseudo_header_sum(const uint8_t *addresses, uint16_t udp_len)
{
    uint8_t pseudo[PSEUDO_HEADER_BYTES];
    memcpy(pseudo, addresses, 8);
    pseudo[8] = 0;
    pseudo[9] = IPV4_PROTOCOL_UDP;
    write_u16(pseudo + 10, udp_len);
    return fama_frame_sum(fama_bytes(pseudo, sizeof pseudo), 0);
}

void fama_frame_write(uint8_t *at, const struct fama_frame_ends *ends, uint16_t payload_len,
                      uint16_t payload_sum)
{
    memcpy(at, ends->target_mac, FAMA_MAC_BYTES);
    memcpy(at + FAMA_MAC_BYTES, ends->source_mac, FAMA_MAC_BYTES);
    write_u16(at + 2 * FAMA_MAC_BYTES, FAMA_ETHERTYPE_IPV4);

    uint16_t udp_len = (uint16_t)(FAMA_UDP_BYTES + payload_len);
    uint8_t *ip = at + FAMA_ETHERNET_BYTES;
    ip[0] = IPV4_VERSION_AND_HEADER;
    ip[1] = 0;
    write_u16(ip + 2, (uint16_t)(FAMA_IPV4_BYTES + udp_len));
    /* Never fragmented, so the identification means nothing (RFC 6864 section 4.1). */
    write_u16(ip + 4, 0);
    write_u16(ip + 6, IPV4_DONT_FRAGMENT);
    ip[8] = IPV4_TTL;
    ip[9] = IPV4_PROTOCOL_UDP;
    write_u16(ip + 10, 0);
    write_u32(ip + 12, fama_address_to_ipv4(ends->source.address));
    write_u32(ip + 16, fama_address_to_ipv4(ends->target.address));
    store_checksum(ip + 10, (uint16_t)~fama_frame_sum(fama_bytes(ip, FAMA_IPV4_BYTES), 0));

    uint8_t *udp = ip + FAMA_IPV4_BYTES;
    write_u16(udp, ends->source.port);
    write_u16(udp + 2, ends->target.port);
    write_u16(udp + 4, udp_len);
    write_u16(udp + 6, 0);
    uint16_t sum =
        fama_frame_sum(fama_bytes(udp, FAMA_UDP_BYTES), pseudo_header_sum(ip + 12, udp_len));
    uint16_t checksum = (uint16_t)~fold((uint64_t)sum + payload_sum);
    /* Zero would mean "no checksum"; its other representation is sent instead (RFC 768). */
    store_checksum(udp + 6, checksum != 0 ? checksum : 0xffff);
}

uint16_t fama_frame_sum_without_payload(const uint8_t *headers)
{
    uint16_t checksum;
    memcpy(&checksum, headers + FAMA_FRAME_HEADER_BYTES - sizeof checksum, sizeof checksum);
    return (uint16_t)~checksum;
}

void fama_frame_set_checksum(uint8_t *headers, uint16_t sum, uint16_t payload_sum)
{
    uint32_t both = (uint32_t)sum + payload_sum;
    uint16_t checksum = (uint16_t) ~((both & 0xffff) + (both >> 16));
    store_checksum(headers + FAMA_FRAME_HEADER_BYTES - sizeof checksum,
                   checksum != 0 ? checksum : 0xffff);
}

void fama_frame_leave_checksums(uint8_t *headers)
{
    uint8_t *ip = headers + FAMA_ETHERNET_BYTES;
    uint8_t *udp = ip + FAMA_IPV4_BYTES;
    write_u16(ip + 10, 0);
    store_checksum(udp + 6, pseudo_header_sum(ip + 12, read_u16(udp + 4)));
}

static bool is_our_mac(const uint8_t *mac, const struct fama_frame_receiver *receiver)
{
    return memcmp(mac, receiver->mac, FAMA_MAC_BYTES) == 0;
}

static bool is_broadcast_mac(const uint8_t *mac)
{
    static const uint8_t broadcast[FAMA_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return memcmp(mac, broadcast, FAMA_MAC_BYTES) == 0;
}

static enum fama_drop parse_udp(const uint8_t *ip, uint16_t udp_len,
                                const struct fama_frame_receiver *receiver, unsigned int checked,
                                struct fama_frame *frame)
{
    const uint8_t *udp = ip + FAMA_IPV4_BYTES;
    if (udp_len < FAMA_UDP_BYTES || read_u16(udp + 4) != udp_len) {
        return FAMA_DROP_BAD_FRAME;
    }
    if (read_u16(udp + 2) != receiver->endpoint.port) {
        return FAMA_DROP_NOT_OURS;
    }
    /* A sender may leave the sum out (RFC 768); what protects us is the signature anyway. */
    bool has_sum = udp[6] != 0 || udp[7] != 0;
    if (has_sum && (checked & FAMA_FRAME_CHECKED_UDP) == 0 &&
        fama_frame_sum(fama_bytes(udp, udp_len), pseudo_header_sum(ip + 12, udp_len)) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    frame->is_arp = false;
    frame->source = fama_endpoint_from_ipv4(read_u32(ip + 12), read_u16(udp));
    frame->payload = fama_bytes(udp + FAMA_UDP_BYTES, (size_t)udp_len - FAMA_UDP_BYTES);
    return FAMA_DROP_NONE;
}

static enum fama_drop parse_ipv4(struct fama_bytes packet,
                                 const struct fama_frame_receiver *receiver, unsigned int checked,
                                 struct fama_frame *frame)
{
    const uint8_t *ip = packet.at;
    if (packet.len < FAMA_IPV4_BYTES || ip[0] >> 4 != 4) {
        return FAMA_DROP_BAD_FRAME;
    }
    if (read_u32(ip + 16) != fama_address_to_ipv4(receiver->endpoint.address)) {
        return FAMA_DROP_NOT_OURS;
    }
    uint16_t total = read_u16(ip + 2);
    /* A longer header has options, which no datagram of ours needs and routers treat badly. Bytes after
     * `total` are the link's padding. */
    if (ip[0] != IPV4_VERSION_AND_HEADER || total < FAMA_IPV4_BYTES || total > packet.len) {
        return FAMA_DROP_BAD_FRAME;
    }
    if ((checked & FAMA_FRAME_CHECKED_IP) == 0 &&
        fama_frame_sum(fama_bytes(ip, FAMA_IPV4_BYTES), 0) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    if ((read_u16(ip + 6) & IPV4_FRAGMENT_MASK) != 0) {
        return FAMA_DROP_FRAGMENT;
    }
    if (ip[9] != IPV4_PROTOCOL_UDP) {
        return FAMA_DROP_NOT_OURS;
    }
    return parse_udp(ip, (uint16_t)(total - FAMA_IPV4_BYTES), receiver, checked, frame);
}

enum fama_drop fama_frame_parse(struct fama_bytes bytes, const struct fama_frame_receiver *receiver,
                                unsigned int checked, struct fama_frame *frame)
{
    if (bytes.len < FAMA_ETHERNET_BYTES) {
        return FAMA_DROP_BAD_FRAME;
    }
    uint16_t type = read_u16(bytes.at + 2 * FAMA_MAC_BYTES);
    bool is_to_us = is_our_mac(bytes.at, receiver);
    struct fama_bytes packet =
        fama_bytes(bytes.at + FAMA_ETHERNET_BYTES, bytes.len - FAMA_ETHERNET_BYTES);
    if (type == FAMA_ETHERTYPE_ARP && (is_to_us || is_broadcast_mac(bytes.at))) {
        *frame = (struct fama_frame){.is_arp = true, .payload = packet};
        return FAMA_DROP_NONE;
    }
    if (type != FAMA_ETHERTYPE_IPV4 || !is_to_us) {
        return FAMA_DROP_NOT_OURS;
    }
    return parse_ipv4(packet, receiver, checked, frame);
}
