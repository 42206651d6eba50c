/* Any bytes as a frame: the parser stays inside them, and what it lets through is consistent. Words of ARP
 * and neighbour discovery go on into the neighbour table, which must keep its own books. The first byte
 * says which sums the port has checked (bits 0 and 1) and whether the node speaks IPv6 (bit 2). */
#include <stdlib.h>

#include "dataplane/frame.h"
#include "dataplane/neighbour.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fama_frame_receiver receivers[] = {
    {.mac = {2, 0, 0, 0, 0, 2},
     .endpoint = {.address = {[10] = 0xff, 0xff, 198, 18, 0, 2}, .port = 7052}},
    {.mac = {2, 0, 0, 0, 0, 2},
     .endpoint = {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}, .port = 7052}},
};

static void send_frame(void *context, struct fama_bytes frame)
{
    if (frame.len > FAMA_NEIGHBOUR_FRAME_MAX) {
        abort();
    }
    *(uint32_t *)context += frame.at[0] != 0;
}

static void take_packet(void *context, void *packet, const uint8_t mac[FAMA_MAC_BYTES])
{
    (void)packet;
    *(uint32_t *)context += mac[0] != 0;
}

static void lose_packet(void *context, void *packet)
{
    (void)context;
    (void)packet;
}

static void feed_neighbours(const struct fama_frame *frame, unsigned int family)
{
    static struct fama_neighbours *tables[2];
    static uint32_t counter;
    static uint64_t now_ns;
    const struct fama_frame_receiver *receiver = &receivers[family];
    if (tables[family] == NULL) {
        struct fama_neighbour_settings settings = {.prefix_bits = family == 0 ? 15 : 64};
        memcpy(settings.mac, receiver->mac, FAMA_MAC_BYTES);
        memcpy(settings.address, receiver->endpoint.address, FAMA_ADDRESS_BYTES);
        struct fama_neighbour_output output = {.context = &counter,
                                               .send = send_frame,
                                               .resolved = take_packet,
                                               .abandoned = lose_packet};
        tables[family] = fama_neighbours_create(&settings, &output);
        if (tables[family] == NULL) {
            abort();
        }
    }
    struct fama_neighbours *neighbours = tables[family];
    now_ns += 10000000;
    struct fama_endpoint other = receiver->endpoint;
    other.address[14] = (uint8_t)(now_ns / 10000000 / 256 % 2);
    other.address[15] = (uint8_t)(now_ns / 10000000);
    if (fama_neighbour_find(neighbours, now_ns, other.address, FAMA_NEIGHBOUR_OURS) == NULL) {
        (void)fama_neighbour_hold(neighbours, now_ns, other.address, &counter, FAMA_NEIGHBOUR_OURS);
    }
    struct fama_neighbour_counts before = fama_neighbour_counts(neighbours);
    (void)fama_neighbour_input(neighbours, now_ns, frame);
    struct fama_neighbour_counts after = fama_neighbour_counts(neighbours);
    if (after.replies_sent - before.replies_sent > 1 ||
        after.requests_sent != before.requests_sent) {
        abort();
    }
    (void)fama_neighbour_tick(neighbours, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    unsigned int family = data[0] >> 2 & 1;
    struct fama_frame frame;
    struct fama_bytes bytes = fama_bytes(data + 1, size - 1);
    enum fama_drop drop = fama_frame_parse(bytes, &receivers[family], data[0] & 3u, &frame);
    if (drop != FAMA_DROP_NONE) {
        return 0;
    }
    const uint8_t *end = bytes.at + bytes.len;
    if (frame.payload.at < bytes.at || frame.payload.at > end ||
        frame.payload.len > (size_t)(end - frame.payload.at)) {
        abort();
    }
    if (frame.kind != FAMA_FRAME_DATAGRAM) {
        feed_neighbours(&frame, family);
    } else if (fama_address_is_ipv4(frame.source.address) != (family == 0)) {
        abort();
    }
    return 0;
}
