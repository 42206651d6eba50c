#include "dataplane/mld.h"

#include "dataplane/nd.h"
#include "dataplane/octets.h"

#define OPTIONS_BYTES       8
#define OPTION_PADDING      0 /* one byte, without a length */
#define OPTION_ROUTER_ALERT 5
#define REPORT_BYTES        (8 + 20)
#define REPORT_V1_BYTES     24
#define QUERY_BYTES         28 /* of version 2; without its sources */
#define QUERY_V1_BYTES      24
#define QUERY               130
#define REPORT_V1           131
#define REPORT              143
#define MODE_IS_EXCLUDE     2 /* of nobody: whatever is sent to the group */
#define DESTINATION_AT      24
#define SOURCE_AT           8
#define CHECKSUM_AT         2 /* of a message */
#define WAIT_AT             4
#define GROUP_AT            8
#define SOURCES_AT          26

/* ---- Reading ---- */

/* RFC 2711: two bytes of value, which are 0 for multicast listener discovery. */
static bool has_router_alert(const uint8_t *options)
{
    size_t at = 2;
    while (at + 1 < OPTIONS_BYTES) {
        if (options[at] == OPTION_PADDING) {
            at++;
            continue;
        }
        size_t len = options[at + 1];
        if (len > OPTIONS_BYTES - at - 2) {
            return false;
        }
        if (options[at] == OPTION_ROUTER_ALERT) {
            return len == 2 && fama_get16(options + at + 2) == 0;
        }
        at += 2 + len;
    }
    return false;
}

/* RFC 3810 section 5.1.3: from 32768 on, a number with an exponent. */
static uint32_t wait_of(uint16_t code, bool is_version_1)
{
    if (is_version_1 || code < 0x8000) {
        return code;
    }
    return (uint32_t)(0x1000 | (code & 0xfff)) << ((code >> 12 & 7) + 3);
}

enum fama_drop fama_mld_read(struct fama_bytes packet, struct fama_mld_query *query)
{
    const size_t before = FAMA_IPV6_BYTES + OPTIONS_BYTES;
    const uint8_t *ip = packet.at;
    if (packet.len < before + QUERY_V1_BYTES || packet.len - before > UINT16_MAX) {
        return FAMA_DROP_BAD_ND;
    }
    struct fama_bytes message = fama_bytes(ip + before, packet.len - before);
    if (message.at[0] != QUERY) {
        return FAMA_DROP_NOT_OURS;
    }
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(ip + SOURCE_AT, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, (uint16_t)message.len);
    if (fama_frame_sum(message, sum) != 0xffff) {
        return FAMA_DROP_BAD_CHECKSUM;
    }
    query->is_version_1 = message.len == QUERY_V1_BYTES;
    query->wait_ms = wait_of(fama_get16(message.at + WAIT_AT), query->is_version_1);
    memcpy(query->group, message.at + GROUP_AT, FAMA_ADDRESS_BYTES);
    bool is_whole = query->is_version_1 ||
                    (message.len >= QUERY_BYTES &&
                     message.len >= QUERY_BYTES + FAMA_ADDRESS_BYTES *
                                                      (size_t)fama_get16(message.at + SOURCES_AT));
    bool is_of_group = query->group[0] == 0xff || fama_address_is_none(query->group);
    return is_whole && is_of_group && ip[7] == 1 && has_router_alert(ip + FAMA_IPV6_BYTES) &&
                   fama_address_is_link_local(ip + SOURCE_AT)
               ? FAMA_DROP_NONE
               : FAMA_DROP_BAD_ND;
}

/* ---- Writing ---- */

/* Headers around a message of that many bytes; returns where it goes. */
static uint8_t *begin(const uint8_t destination[FAMA_ADDRESS_BYTES],
                      const uint8_t ethernet_source[FAMA_MAC_BYTES], uint8_t message_bytes,
                      uint8_t frame[FAMA_MLD_FRAME_BYTES])
{
    /* Next header, no more than eight bytes, router alert (RFC 2711) for MLD, padding. */
    static const uint8_t options[OPTIONS_BYTES] = {
        FAMA_PROTOCOL_ICMPV6, 0, OPTION_ROUTER_ALERT, 2, 0, 0, 1, 0};
    uint8_t mac[FAMA_MAC_BYTES];
    memset(frame, 0, FAMA_MLD_FRAME_BYTES);
    fama_nd_group_mac(destination, mac);
    fama_frame_ethernet_write(frame, mac, ethernet_source, FAMA_ETHERTYPE_IPV6);
    uint8_t *ip = frame + FAMA_ETHERNET_BYTES;
    ip[0] = 6 << 4;
    ip[5] = (uint8_t)(OPTIONS_BYTES + message_bytes);
    ip[6] = 0; /* hop-by-hop options follow */
    ip[7] = 1;
    memcpy(ip + DESTINATION_AT, destination, FAMA_ADDRESS_BYTES);
    memcpy(ip + FAMA_IPV6_BYTES, options, OPTIONS_BYTES);
    return ip + FAMA_IPV6_BYTES + OPTIONS_BYTES;
}

static size_t finish(uint8_t *frame, uint8_t *message, uint16_t message_bytes)
{
    const uint8_t *ip = frame + FAMA_ETHERNET_BYTES;
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(ip + SOURCE_AT, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, message_bytes);
    fama_frame_sum_store(message + CHECKSUM_AT,
                         (uint16_t)~fama_frame_sum(fama_bytes(message, message_bytes), sum));
    return (size_t)(message - frame) + message_bytes;
}

size_t fama_mld_write(const uint8_t group[FAMA_ADDRESS_BYTES],
                      const uint8_t ethernet_source[FAMA_MAC_BYTES],
                      uint8_t frame[FAMA_MLD_FRAME_BYTES])
{
    /* All routers that speak version 2: ff02::16. */
    static const uint8_t routers[FAMA_ADDRESS_BYTES] = {0xff, 0x02, [15] = 0x16};
    uint8_t *report = begin(routers, ethernet_source, REPORT_BYTES, frame);
    report[0] = REPORT;
    report[7] = 1; /* one group */
    report[8] = MODE_IS_EXCLUDE;
    memcpy(report + 12, group, FAMA_ADDRESS_BYTES);
    return finish(frame, report, REPORT_BYTES);
}

size_t fama_mld_write_v1(const uint8_t group[FAMA_ADDRESS_BYTES],
                         const uint8_t ethernet_source[FAMA_MAC_BYTES],
                         uint8_t frame[FAMA_MLD_FRAME_BYTES])
{
    uint8_t *report = begin(group, ethernet_source, REPORT_V1_BYTES, frame);
    report[0] = REPORT_V1;
    memcpy(report + GROUP_AT, group, FAMA_ADDRESS_BYTES);
    return finish(frame, report, REPORT_V1_BYTES);
}
