#include "dataplane/frame.h"

#include "dataplane/octets.h"

#define IPV4_VERSION_AND_HEADER 0x45
#define IPV4_DONT_FRAGMENT      0x4000
#define IPV4_FRAGMENT_MASK      0x3fff /* more-fragments bit and offset */
#define HOPS                    64 /* time to live, hop limit: RFC 1700, RFC 8200 leave it to us */
#define IPV6_ADDRESSES_AT       8

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

uint16_t fama_frame_sum_without(struct fama_bytes bytes, uint16_t sum)
{
    return fold((uint64_t)sum + (uint16_t)~fama_frame_sum(bytes, 0));
}

uint16_t fama_frame_pseudo_sum(struct fama_bytes addresses, uint8_t protocol, uint16_t len)
{
    /* IPv6 has the length in four bytes and the protocol in the last of four: of their sum, the same. */
    const uint8_t rest[] = {0, protocol, (uint8_t)(len >> 8), (uint8_t)len};
    return fama_frame_sum(fama_bytes(rest, sizeof rest), fama_frame_sum(addresses, 0));
}

void fama_frame_ethernet_write(uint8_t *at, const uint8_t target_mac[FAMA_MAC_BYTES],
                               const uint8_t source_mac[FAMA_MAC_BYTES], uint16_t type)
{
    memcpy(at, target_mac, FAMA_MAC_BYTES);
    memcpy(at + FAMA_MAC_BYTES, source_mac, FAMA_MAC_BYTES);
    fama_put16(at + 2 * FAMA_MAC_BYTES, type);
}

/* Returns the bytes of addresses for the pseudo-header. */
static struct fama_bytes write_ipv4(uint8_t *ip, const struct fama_frame_ends *ends,
                                    uint16_t udp_len)
{
    ip[0] = IPV4_VERSION_AND_HEADER;
    ip[1] = 0;
    fama_put16(ip + 2, (uint16_t)(FAMA_IPV4_BYTES + udp_len));
    /* Never fragmented, so the identification means nothing (RFC 6864 section 4.1). */
    fama_put16(ip + 4, 0);
    fama_put16(ip + 6, IPV4_DONT_FRAGMENT);
    ip[8] = HOPS;
    ip[9] = FAMA_PROTOCOL_UDP;
    fama_put16(ip + 10, 0);
    memcpy(ip + 12, ends->source.address + FAMA_ADDRESS_IPV4_AT, 4);
    memcpy(ip + 16, ends->target.address + FAMA_ADDRESS_IPV4_AT, 4);
    fama_frame_sum_store(ip + 10, (uint16_t)~fama_frame_sum(fama_bytes(ip, FAMA_IPV4_BYTES), 0));
    return fama_bytes(ip + 12, 8);
}

static struct fama_bytes write_ipv6(uint8_t *ip, const struct fama_frame_ends *ends,
                                    uint16_t udp_len)
{
    /* Version, no traffic class and no flow label. */
    fama_put16(ip, 6 << 12);
    fama_put16(ip + 2, 0);
    fama_put16(ip + 4, udp_len);
    ip[6] = FAMA_PROTOCOL_UDP;
    ip[7] = HOPS;
    uint8_t *addresses = ip + IPV6_ADDRESSES_AT;
    memcpy(addresses, ends->source.address, FAMA_ADDRESS_BYTES);
    memcpy(addresses + FAMA_ADDRESS_BYTES, ends->target.address, FAMA_ADDRESS_BYTES);
    return fama_bytes(addresses, 2 * FAMA_ADDRESS_BYTES);
}

void fama_frame_write(uint8_t *at, const struct fama_frame_ends *ends, uint16_t payload_len,
                      uint16_t payload_sum)
{
    bool is_ipv4 = fama_address_is_ipv4(ends->source.address);
    fama_frame_ethernet_write(at, ends->target_mac, ends->source_mac,
                              is_ipv4 ? FAMA_ETHERTYPE_IPV4 : FAMA_ETHERTYPE_IPV6);

    uint16_t udp_len = (uint16_t)(FAMA_UDP_BYTES + payload_len);
    uint8_t *ip = at + FAMA_ETHERNET_BYTES;
    struct fama_bytes addresses =
        is_ipv4 ? write_ipv4(ip, ends, udp_len) : write_ipv6(ip, ends, udp_len);

    uint8_t *udp = ip + (is_ipv4 ? FAMA_IPV4_BYTES : FAMA_IPV6_BYTES);
    fama_put16(udp, ends->source.port);
    fama_put16(udp + 2, ends->target.port);
    fama_put16(udp + 4, udp_len);
    fama_put16(udp + 6, 0);
    uint16_t sum = fama_frame_sum(fama_bytes(udp, FAMA_UDP_BYTES),
                                  fama_frame_pseudo_sum(addresses, FAMA_PROTOCOL_UDP, udp_len));
    uint16_t checksum = (uint16_t)~fold((uint64_t)sum + payload_sum);
    /* Zero would mean "no checksum"; its other representation is sent instead (RFC 768). */
    fama_frame_sum_store(udp + 6, checksum != 0 ? checksum : 0xffff);
}

uint16_t fama_frame_sum_without_payload(const uint8_t *headers, size_t header_bytes)
{
    uint16_t checksum;
    memcpy(&checksum, headers + header_bytes - sizeof checksum, sizeof checksum);
    return (uint16_t)~checksum;
}

void fama_frame_set_checksum(uint8_t *headers, size_t header_bytes, uint16_t sum,
                             uint16_t payload_sum)
{
    uint32_t both = (uint32_t)sum + payload_sum;
    uint16_t checksum = (uint16_t) ~((both & 0xffff) + (both >> 16));
    fama_frame_sum_store(headers + header_bytes - sizeof checksum,
                         checksum != 0 ? checksum : 0xffff);
}

void fama_frame_leave_checksums(uint8_t *headers, size_t header_bytes)
{
    uint8_t *ip = headers + FAMA_ETHERNET_BYTES;
    uint8_t *udp = headers + header_bytes - FAMA_UDP_BYTES;
    bool is_ipv4 = udp == ip + FAMA_IPV4_BYTES;
    struct fama_bytes addresses = is_ipv4
                                      ? fama_bytes(ip + 12, 8)
                                      : fama_bytes(ip + IPV6_ADDRESSES_AT, 2 * FAMA_ADDRESS_BYTES);
    if (is_ipv4) {
        fama_put16(ip + 10, 0);
    }
    fama_frame_sum_store(udp + 6,
                         fama_frame_pseudo_sum(addresses, FAMA_PROTOCOL_UDP, fama_get16(udp + 4)));
}

/* ---- Parsing ---- */

/* One frame on its way through the parser. */
struct parsing {
    const struct fama_frame_receiver *receiver;
    unsigned int checked;
    bool is_to_us; /* its link address is ours, and not that of a group */
    struct fama_frame *frame;
};

static bool is_our_mac(const uint8_t *mac, const struct fama_frame_receiver *receiver)
{
    return memcmp(mac, receiver->mac, FAMA_MAC_BYTES) == 0;
}

static bool is_broadcast_mac(const uint8_t *mac)
{
    static const uint8_t broadcast[FAMA_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return memcmp(mac, broadcast, FAMA_MAC_BYTES) == 0;
}

/* The solicited-node group of our address, ff02::1:ff00:0/104 and our last three bytes (RFC 4291 section
 * 2.7.1), and its link address, 33:33 and the last four bytes (RFC 2464 section 7). */
static bool is_our_group(const uint8_t *address, const struct fama_frame_receiver *receiver)
{
    static const uint8_t start[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};
    return memcmp(address, start, sizeof start) == 0 &&
           memcmp(address + 13, receiver->endpoint.address + 13, 3) == 0;
}

static bool is_our_group_mac(const uint8_t *mac, const struct fama_frame_receiver *receiver)
{
    static const uint8_t start[3] = {0x33, 0x33, 0xff};
    return memcmp(mac, start, sizeof start) == 0 &&
           memcmp(mac + 3, receiver->endpoint.address + 13, 3) == 0;
}

/* All nodes on the link: ff02::1, and its link address. What defends an address, and queries, go there. */
static bool is_all_nodes(const uint8_t *address)
{
    static const uint8_t all[FAMA_ADDRESS_BYTES] = {0xff, 0x02, [15] = 1};
    return fama_address_equal(address, all);
}

static bool is_all_nodes_mac(const uint8_t *mac)
{
    static const uint8_t all[FAMA_MAC_BYTES] = {0x33, 0x33, 0, 0, 0, 1};
    return memcmp(mac, all, sizeof all) == 0;
}

static enum fama_drop parse_udp(const struct parsing *parsing, struct fama_bytes addresses,
                                struct fama_bytes udp, bool needs_sum)
{
    const uint8_t *at = udp.at;
    if (udp.len < FAMA_UDP_BYTES || fama_get16(at + 4) != udp.len) {
        return FAMA_DROP_BAD_FRAME;
    }
    if (fama_get16(at + 2) != parsing->receiver->endpoint.port) {
        return FAMA_DROP_NOT_OURS;
    }
    bool has_sum = at[6] != 0 || at[7] != 0;
    bool is_checked = (parsing->checked & FAMA_FRAME_CHECKED_UDP) != 0;
    if (!has_sum && needs_sum) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    uint16_t headers_sum =
        fama_frame_sum(fama_bytes(at, FAMA_UDP_BYTES),
                       fama_frame_pseudo_sum(addresses, FAMA_PROTOCOL_UDP, (uint16_t)udp.len));
    struct fama_bytes payload = fama_bytes(at + FAMA_UDP_BYTES, udp.len - FAMA_UDP_BYTES);
    if (has_sum && !is_checked && fama_frame_sum(payload, headers_sum) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    /* All together make 0xffff, which is zero. A port that says it has checked may mean that nobody has changed
     * what its own host never summed. */
    parsing->frame->has_sum = has_sum && !is_checked;
    parsing->frame->sum = (uint16_t)~headers_sum;
    parsing->frame->kind = FAMA_FRAME_DATAGRAM;
    parsing->frame->source.port = fama_get16(at);
    parsing->frame->payload = payload;
    return FAMA_DROP_NONE;
}

static enum fama_drop parse_ipv4(const struct parsing *parsing, struct fama_bytes packet)
{
    const uint8_t *ip = packet.at;
    if (packet.len < FAMA_IPV4_BYTES || ip[0] >> 4 != 4) {
        return FAMA_DROP_BAD_FRAME;
    }
    if (memcmp(ip + 16, parsing->receiver->endpoint.address + FAMA_ADDRESS_IPV4_AT, 4) != 0) {
        return FAMA_DROP_NOT_OURS;
    }
    uint16_t total = fama_get16(ip + 2);
    /* A longer header has options, which no datagram of ours needs and routers treat badly. Bytes after
     * `total` are the link's padding. */
    if (ip[0] != IPV4_VERSION_AND_HEADER || total < FAMA_IPV4_BYTES || total > packet.len) {
        return FAMA_DROP_BAD_FRAME;
    }
    if ((parsing->checked & FAMA_FRAME_CHECKED_IP) == 0 &&
        fama_frame_sum(fama_bytes(ip, FAMA_IPV4_BYTES), 0) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    if ((fama_get16(ip + 6) & IPV4_FRAGMENT_MASK) != 0) {
        return FAMA_DROP_FRAGMENT;
    }
    if (ip[9] != FAMA_PROTOCOL_UDP) {
        return FAMA_DROP_NOT_OURS;
    }
    parsing->frame->source = fama_endpoint_from_ipv4(fama_get32(ip + 12), 0);
    if (!fama_address_is_one_host(parsing->frame->source.address)) {
        return FAMA_DROP_BAD_FRAME;
    }
    /* A sender may leave the sum out (RFC 768); what protects us is the signature anyway. */
    return parse_udp(parsing, fama_bytes(ip + 12, 8),
                     fama_bytes(ip + FAMA_IPV4_BYTES, (size_t)total - FAMA_IPV4_BYTES), false);
}

/* Those of IANA's registry that may stand between an IPv6 header and what it carries. None is ever needed
 * by ours, and chains of them are how filters are got around (RFC 7045, RFC 6980). */
static enum fama_drop judge_next_header(uint8_t next)
{
    switch (next) {
    case 44:
        return FAMA_DROP_FRAGMENT;
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 50:  /* encapsulating security payload */
    case 51:  /* authentication */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
    case 253: /* experiments */
    case 254:
        return FAMA_DROP_EXTENSION_HEADER;
    default:
        return FAMA_DROP_NOT_OURS;
    }
}

/* Eight bytes of hop-by-hop options, and ICMPv6 behind them: of our peers on the link, only queriers need that. */
static bool may_be_mld(struct fama_bytes packet)
{
    const uint8_t *options = packet.at + FAMA_IPV6_BYTES;
    return packet.len > FAMA_IPV6_BYTES + 8 && packet.at[6] == 0 &&
           options[0] == FAMA_PROTOCOL_ICMPV6 && options[1] == 0;
}

static enum fama_drop parse_ipv6(const struct parsing *parsing, struct fama_bytes packet)
{
    const uint8_t *ip = packet.at;
    if (packet.len < FAMA_IPV6_BYTES || ip[0] >> 4 != 6) {
        return FAMA_DROP_BAD_FRAME;
    }
    const uint8_t *source = ip + IPV6_ADDRESSES_AT;
    const uint8_t *target = source + FAMA_ADDRESS_BYTES;
    bool is_ours = fama_address_equal(target, parsing->receiver->endpoint.address);
    if (!is_ours && !is_our_group(target, parsing->receiver) && !is_all_nodes(target)) {
        return FAMA_DROP_NOT_OURS;
    }
    size_t len = fama_get16(ip + 4);
    if (len > packet.len - FAMA_IPV6_BYTES) {
        return FAMA_DROP_BAD_FRAME;
    }
    bool is_mld = may_be_mld(fama_bytes(ip, FAMA_IPV6_BYTES + len));
    if (ip[6] == FAMA_PROTOCOL_ICMPV6 || is_mld) {
        parsing->frame->kind = is_mld ? FAMA_FRAME_MLD : FAMA_FRAME_ICMPV6;
        parsing->frame->payload = fama_bytes(ip, FAMA_IPV6_BYTES + len);
        return FAMA_DROP_NONE;
    }
    if (ip[6] != FAMA_PROTOCOL_UDP) {
        return judge_next_header(ip[6]);
    }
    if (!is_ours || !parsing->is_to_us) {
        return FAMA_DROP_NOT_OURS;
    }
    /* A group sends nothing, and a mapped address would be a second name of an IPv4 source. */
    if (!fama_address_is_one_host(source) || fama_address_is_ipv4(source)) {
        return FAMA_DROP_BAD_FRAME;
    }
    memcpy(parsing->frame->source.address, source, FAMA_ADDRESS_BYTES);
    return parse_udp(parsing, fama_bytes(source, 2 * FAMA_ADDRESS_BYTES),
                     fama_bytes(ip + FAMA_IPV6_BYTES, len), true);
}

enum fama_drop fama_frame_parse(struct fama_bytes bytes, const struct fama_frame_receiver *receiver,
                                unsigned int checked, struct fama_frame *frame)
{
    if (bytes.len < FAMA_ETHERNET_BYTES) {
        return FAMA_DROP_BAD_FRAME;
    }
    uint16_t type = fama_get16(bytes.at + 2 * FAMA_MAC_BYTES);
    const struct parsing parsing = {.receiver = receiver,
                                    .checked = checked,
                                    .is_to_us = is_our_mac(bytes.at, receiver),
                                    .frame = frame};
    struct fama_bytes packet =
        fama_bytes(bytes.at + FAMA_ETHERNET_BYTES, bytes.len - FAMA_ETHERNET_BYTES);
    *frame = (struct fama_frame){.source_mac = bytes.at + FAMA_MAC_BYTES};
    if (!fama_address_is_ipv4(receiver->endpoint.address)) {
        bool may_be_ours =
            parsing.is_to_us || is_our_group_mac(bytes.at, receiver) || is_all_nodes_mac(bytes.at);
        return type == FAMA_ETHERTYPE_IPV6 && may_be_ours ? parse_ipv6(&parsing, packet)
                                                          : FAMA_DROP_NOT_OURS;
    }
    if (type == FAMA_ETHERTYPE_ARP && (parsing.is_to_us || is_broadcast_mac(bytes.at))) {
        frame->kind = FAMA_FRAME_ARP;
        frame->payload = packet;
        return FAMA_DROP_NONE;
    }
    return type == FAMA_ETHERTYPE_IPV4 && parsing.is_to_us ? parse_ipv4(&parsing, packet)
                                                           : FAMA_DROP_NOT_OURS;
}
