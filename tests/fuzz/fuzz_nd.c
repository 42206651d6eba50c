/* Any bytes as an ICMPv6 packet, and as one of multicast listener discovery, with the length, hop limit and checksum that get it past the first look:
 * what the reader takes is sound, writing it again says the same, and a table of neighbours keeps its own
 * books whatever it hears. */
#include <stdlib.h>

#include "dataplane/mld.h"
#include "dataplane/nd.h"
#include "dataplane/neighbour.h"

#define PACKET_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t ours[FAMA_ADDRESS_BYTES] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 3};

static void send_frame(void *context, struct fama_bytes frame)
{
    struct fama_nd nd;
    const uint8_t *ip = frame.at + FAMA_ETHERNET_BYTES;
    bool is_report = ip[6] == 0;
    if (frame.len > FAMA_NEIGHBOUR_FRAME_MAX ||
        (!is_report &&
         fama_nd_read(fama_bytes(ip, frame.len - FAMA_ETHERNET_BYTES), &nd) != FAMA_DROP_NONE)) {
        abort();
    }
    ++*(uint32_t *)context;
}

static void take_packet(void *context, void *packet, const uint8_t mac[FAMA_MAC_BYTES])
{
    (void)packet;
    if (!fama_frame_mac_is_one_host(mac)) {
        abort();
    }
    ++*(uint32_t *)context;
}

static void lose_packet(void *context, void *packet)
{
    (void)context;
    (void)packet;
}

static void feed_neighbours(enum fama_frame_kind kind, struct fama_bytes packet)
{
    static struct fama_neighbours *neighbours;
    static uint32_t counter;
    static uint64_t now_ns;
    if (neighbours == NULL) {
        struct fama_neighbour_settings settings = {.mac = {2, 0, 0, 0, 0, 2}, .prefix_bits = 64};
        memcpy(settings.address, ours, FAMA_ADDRESS_BYTES);
        struct fama_neighbour_output output = {.context = &counter,
                                               .send = send_frame,
                                               .resolved = take_packet,
                                               .abandoned = lose_packet};
        neighbours = fama_neighbours_create(&settings, &output);
        if (neighbours == NULL) {
            abort();
        }
    }
    now_ns += 100000000;
    uint8_t other[FAMA_ADDRESS_BYTES];
    memcpy(other, ours, sizeof other);
    other[15] = (uint8_t)(now_ns / 100000000 % 16);
    if (fama_neighbour_find(neighbours, now_ns, other, FAMA_NEIGHBOUR_OURS) == NULL) {
        (void)fama_neighbour_hold(neighbours, now_ns, other, &counter, FAMA_NEIGHBOUR_OURS);
    }
    const struct fama_frame frame = {.kind = kind, .source_mac = their_mac, .payload = packet};
    struct fama_neighbour_counts before = fama_neighbour_counts(neighbours);
    (void)fama_neighbour_input(neighbours, now_ns, &frame);
    struct fama_neighbour_counts after = fama_neighbour_counts(neighbours);
    if (after.replies_sent - before.replies_sent > (kind == FAMA_FRAME_ICMPV6 ? 1 : 0) ||
        after.requests_sent != before.requests_sent) {
        abort();
    }
    (void)fama_neighbour_tick(neighbours, now_ns);
}

static void expect_the_same_again(const struct fama_nd *nd)
{
    uint8_t frame[FAMA_ND_FRAME_MAX];
    struct fama_nd again;
    size_t len = fama_nd_write(nd, their_mac, their_mac, frame);
    struct fama_bytes packet = fama_bytes(frame + FAMA_ETHERNET_BYTES, len - FAMA_ETHERNET_BYTES);
    if (fama_nd_read(packet, &again) != FAMA_DROP_NONE || again.kind != nd->kind ||
        again.is_solicited != nd->is_solicited || again.overrides != nd->overrides ||
        again.has_mac != nd->has_mac || !fama_address_equal(again.source, nd->source) ||
        !fama_address_equal(again.destination, nd->destination) ||
        !fama_address_equal(again.target, nd->target)) {
        abort();
    }
}

/* The same bytes with the hop limit, option and checksum that a query needs. */
static void feed_query(uint8_t *bytes, size_t size)
{
    static const uint8_t options[8] = {FAMA_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
    struct fama_mld_query query;
    (void)fama_mld_read(fama_bytes(bytes, size), &query);
    if (size >= FAMA_IPV6_BYTES + sizeof options + 4) {
        uint8_t *message = bytes + FAMA_IPV6_BYTES + sizeof options;
        uint16_t len = (uint16_t)(size - FAMA_IPV6_BYTES - sizeof options);
        memcpy(bytes + FAMA_IPV6_BYTES, options, sizeof options);
        bytes[7] = 1;
        message[0] = 130;
        memset(message + 2, 0, 2);
        uint16_t sum = fama_frame_pseudo_sum(fama_bytes(bytes + 8, 2 * FAMA_ADDRESS_BYTES),
                                             FAMA_PROTOCOL_ICMPV6, len);
        fama_frame_sum_store(message + 2, (uint16_t)~fama_frame_sum(fama_bytes(message, len), sum));
    }
    feed_neighbours(FAMA_FRAME_MLD, fama_bytes(bytes, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[PACKET_MAX];
    struct fama_nd nd;
    if (size > sizeof bytes) {
        return 0;
    }
    (void)fama_nd_read(fama_bytes(data, size), &nd);
    if (size < FAMA_IPV6_BYTES + 4) {
        return 0;
    }
    memcpy(bytes, data, size);
    uint16_t len = (uint16_t)(size - FAMA_IPV6_BYTES);
    uint8_t *message = bytes + FAMA_IPV6_BYTES;
    bytes[7] = 255;
    memset(message + 2, 0, 2);
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(bytes + 8, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, len);
    fama_frame_sum_store(message + 2, (uint16_t)~fama_frame_sum(fama_bytes(message, len), sum));
    if (fama_nd_read(fama_bytes(bytes, size), &nd) == FAMA_DROP_NONE) {
        expect_the_same_again(&nd);
    }
    feed_neighbours(FAMA_FRAME_ICMPV6, fama_bytes(bytes, size));
    feed_query(bytes, size);
    return 0;
}
