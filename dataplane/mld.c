#include "dataplane/mld.h"

#define OPTIONS_BYTES   8
#define REPORT_BYTES    (8 + 20)
#define REPORT          143
#define MODE_IS_EXCLUDE 2 /* of nobody: whatever is sent to the group */
#define DESTINATION_AT  24
#define SOURCE_AT       8

void fama_mld_write(const uint8_t group[FAMA_ADDRESS_BYTES],
                    const uint8_t ethernet_source[FAMA_MAC_BYTES],
                    uint8_t frame[FAMA_MLD_FRAME_BYTES])
{
    /* All routers that speak version 2: ff02::16. */
    static const uint8_t routers[FAMA_ADDRESS_BYTES] = {0xff, 0x02, [15] = 0x16};
    static const uint8_t routers_mac[FAMA_MAC_BYTES] = {0x33, 0x33, 0, 0, 0, 0x16};
    /* Next header, no more than eight bytes, router alert (RFC 2711) for MLD, padding. */
    static const uint8_t options[OPTIONS_BYTES] = {FAMA_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0};

    memset(frame, 0, FAMA_MLD_FRAME_BYTES);
    fama_frame_ethernet_write(frame, routers_mac, ethernet_source, FAMA_ETHERTYPE_IPV6);
    uint8_t *ip = frame + FAMA_ETHERNET_BYTES;
    ip[0] = 6 << 4;
    ip[5] = OPTIONS_BYTES + REPORT_BYTES;
    ip[6] = 0; /* hop-by-hop options follow */
    ip[7] = 1;
    memcpy(ip + DESTINATION_AT, routers, FAMA_ADDRESS_BYTES);
    memcpy(ip + FAMA_IPV6_BYTES, options, OPTIONS_BYTES);

    uint8_t *report = ip + FAMA_IPV6_BYTES + OPTIONS_BYTES;
    report[0] = REPORT;
    report[7] = 1; /* one group */
    report[8] = MODE_IS_EXCLUDE;
    memcpy(report + 12, group, FAMA_ADDRESS_BYTES);
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(ip + SOURCE_AT, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, REPORT_BYTES);
    fama_frame_sum_store(report + 2,
                         (uint16_t)~fama_frame_sum(fama_bytes(report, REPORT_BYTES), sum));
}
