#include "dataplane/nd.h"

#define MESSAGE_BYTES     24
#define OPTION_BYTES      8 /* of one with an Ethernet address; lengths count in eights */
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define HOP_LIMIT         255
#define FLAG_SOLICITED    0x40
#define FLAG_OVERRIDE     0x20
#define SOURCE_AT         8 /* of an IPv6 header */
#define DESTINATION_AT    24
#define CHECKSUM_AT       2 /* of a message */
#define FLAGS_AT          4
#define TARGET_AT         8

const uint8_t fama_nd_all_nodes[FAMA_ADDRESS_BYTES] = {0xff, 0x02, [15] = 1};

void fama_nd_group(const uint8_t address[FAMA_ADDRESS_BYTES], uint8_t group[FAMA_ADDRESS_BYTES])
{
    static const uint8_t start[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};
    memcpy(group, start, sizeof start);
    memcpy(group + sizeof start, address + sizeof start, FAMA_ADDRESS_BYTES - sizeof start);
}

void fama_nd_group_mac(const uint8_t group[FAMA_ADDRESS_BYTES], uint8_t mac[FAMA_MAC_BYTES])
{
    mac[0] = 0x33;
    mac[1] = 0x33;
    memcpy(mac + 2, group + 12, 4);
}

static bool is_group(const uint8_t address[FAMA_ADDRESS_BYTES])
{
    return address[0] == 0xff;
}

/* Walks the options; the first link address of the kind that the message has is the one that counts, and
 * all other kinds are passed over. */
static bool read_options(struct fama_bytes options, struct fama_nd *nd)
{
    uint8_t wanted = nd->kind == FAMA_ND_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
    nd->has_mac = false;
    while (options.len > 0) {
        size_t bytes = options.len >= 2 ? (size_t)options.at[1] * 8 : 0;
        if (bytes == 0 || bytes > options.len) {
            return false;
        }
        if (options.at[0] == wanted && !nd->has_mac) {
            if (bytes != OPTION_BYTES || !fama_frame_mac_is_one_host(options.at + 2)) {
                return false;
            }
            memcpy(nd->mac, options.at + 2, FAMA_MAC_BYTES);
            nd->has_mac = true;
        }
        options = fama_bytes(options.at + bytes, options.len - bytes);
    }
    return true;
}

/* Sections 7.1.1 and 7.1.2, but for what is checked before. */
static bool is_sound(const struct fama_nd *nd)
{
    if (is_group(nd->target) || is_group(nd->source)) {
        return false;
    }
    if (nd->kind == FAMA_ND_ADVERTISEMENT) {
        return !(is_group(nd->destination) && nd->is_solicited);
    }
    uint8_t group[FAMA_ADDRESS_BYTES];
    fama_nd_group(nd->target, group);
    bool is_probe = fama_address_is_none(nd->source);
    return !is_probe || (!nd->has_mac && fama_address_equal(nd->destination, group));
}

enum fama_drop fama_nd_read(struct fama_bytes packet, struct fama_nd *nd)
{
    const uint8_t *ip = packet.at;
    if (packet.len < FAMA_IPV6_BYTES + 1) {
        return FAMA_DROP_BAD_ND;
    }
    struct fama_bytes message = fama_bytes(ip + FAMA_IPV6_BYTES, packet.len - FAMA_IPV6_BYTES);
    nd->kind = message.at[0];
    if (nd->kind != FAMA_ND_SOLICITATION && nd->kind != FAMA_ND_ADVERTISEMENT) {
        return FAMA_DROP_NOT_OURS;
    }
    if (ip[7] != HOP_LIMIT || message.len < MESSAGE_BYTES || message.len > UINT16_MAX ||
        message.at[1] != 0) {
        return FAMA_DROP_BAD_ND;
    }
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(ip + SOURCE_AT, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, (uint16_t)message.len);
    if (fama_frame_sum(message, sum) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    bool is_advertisement = nd->kind == FAMA_ND_ADVERTISEMENT;
    nd->is_solicited = is_advertisement && (message.at[FLAGS_AT] & FLAG_SOLICITED) != 0;
    nd->overrides = is_advertisement && (message.at[FLAGS_AT] & FLAG_OVERRIDE) != 0;
    memcpy(nd->source, ip + SOURCE_AT, FAMA_ADDRESS_BYTES);
    memcpy(nd->destination, ip + DESTINATION_AT, FAMA_ADDRESS_BYTES);
    memcpy(nd->target, message.at + TARGET_AT, FAMA_ADDRESS_BYTES);
    struct fama_bytes options = fama_bytes(message.at + MESSAGE_BYTES, message.len - MESSAGE_BYTES);
    return read_options(options, nd) && is_sound(nd) ? FAMA_DROP_NONE : FAMA_DROP_BAD_ND;
}

size_t fama_nd_write(const struct fama_nd *nd, const uint8_t ethernet_source[FAMA_MAC_BYTES],
                     const uint8_t ethernet_target[FAMA_MAC_BYTES],
                     uint8_t frame[FAMA_ND_FRAME_MAX])
{
    uint8_t len = nd->has_mac ? MESSAGE_BYTES + OPTION_BYTES : MESSAGE_BYTES;
    bool is_solicitation = nd->kind == FAMA_ND_SOLICITATION;
    memset(frame, 0, FAMA_ND_FRAME_MAX);
    fama_frame_ethernet_write(frame, ethernet_target, ethernet_source, FAMA_ETHERTYPE_IPV6);
    uint8_t *ip = frame + FAMA_ETHERNET_BYTES;
    ip[0] = 6 << 4;
    ip[5] = len;
    ip[6] = FAMA_PROTOCOL_ICMPV6;
    ip[7] = HOP_LIMIT;
    memcpy(ip + SOURCE_AT, nd->source, FAMA_ADDRESS_BYTES);
    memcpy(ip + DESTINATION_AT, nd->destination, FAMA_ADDRESS_BYTES);

    uint8_t *message = ip + FAMA_IPV6_BYTES;
    message[0] = (uint8_t)nd->kind;
    if (!is_solicitation) {
        message[FLAGS_AT] = (uint8_t)((nd->is_solicited ? FLAG_SOLICITED : 0) |
                                      (nd->overrides ? FLAG_OVERRIDE : 0));
    }
    memcpy(message + TARGET_AT, nd->target, FAMA_ADDRESS_BYTES);
    if (nd->has_mac) {
        uint8_t *option = message + MESSAGE_BYTES;
        option[0] = is_solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
        option[1] = 1;
        memcpy(option + 2, nd->mac, FAMA_MAC_BYTES);
    }
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(ip + SOURCE_AT, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, len);
    fama_frame_sum_store(message + CHECKSUM_AT,
                         (uint16_t)~fama_frame_sum(fama_bytes(message, len), sum));
    return (size_t)FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + len;
}
