/* Any bytes as a frame: the parser stays inside them, and what it lets through is consistent. ARP packets
 * go on into the neighbour table, which must keep its own books. */
#include <stdlib.h>

#include "dataplane/frame.h"
#include "dataplane/neighbour.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_frame(void *context, const uint8_t frame[FAMA_ARP_FRAME_BYTES])
{
    *(uint32_t *)context += frame[0] != 0;
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

static void feed_neighbours(struct fama_bytes arp)
{
    static struct fama_neighbours *neighbours;
    static uint32_t counter;
    static uint64_t now_ns;
    if (neighbours == NULL) {
        struct fama_neighbour_settings settings = {
            .mac = {2, 0, 0, 0, 0, 2}, .ipv4 = 0xc6120002, .prefix_bits = 15};
        struct fama_neighbour_output output = {.context = &counter,
                                               .send = send_frame,
                                               .resolved = take_packet,
                                               .abandoned = lose_packet};
        neighbours = fama_neighbours_create(&settings, &output);
        if (neighbours == NULL) {
            abort();
        }
    }
    now_ns += 10000000;
    uint32_t other = 0xc6120000 + (uint32_t)(now_ns / 10000000 % 512);
    if (fama_neighbour_find(neighbours, now_ns, other) == NULL) {
        (void)fama_neighbour_hold(neighbours, now_ns, other, &counter);
    }
    struct fama_neighbour_counts before = fama_neighbour_counts(neighbours);
    (void)fama_neighbour_input(neighbours, now_ns, arp);
    struct fama_neighbour_counts after = fama_neighbour_counts(neighbours);
    if (after.replies_sent - before.replies_sent > 1 ||
        after.requests_sent != before.requests_sent) {
        abort();
    }
    (void)fama_neighbour_tick(neighbours, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fama_frame_receiver receiver = {
        .mac = {2, 0, 0, 0, 0, 2}, .endpoint = fama_endpoint_from_ipv4(0xc6120002, 7052)};
    if (size == 0) {
        return 0;
    }
    struct fama_frame frame;
    struct fama_bytes bytes = fama_bytes(data + 1, size - 1);
    enum fama_drop drop = fama_frame_parse(bytes, &receiver, data[0] & 3u, &frame);
    if (drop != FAMA_DROP_NONE) {
        return 0;
    }
    const uint8_t *end = bytes.at + bytes.len;
    if (frame.payload.at < bytes.at || frame.payload.at > end ||
        frame.payload.len > (size_t)(end - frame.payload.at)) {
        abort();
    }
    if (frame.is_arp) {
        feed_neighbours(frame.payload);
    }
    return 0;
}
