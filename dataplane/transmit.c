#include "dataplane/transmit.h"

#define HOPS_AT   4
#define WRAP_ROOM (FAMA_FRAME_HEADER_BYTES + FAMA_WIRE_HEADER_BYTES)

_Static_assert(WRAP_ROOM <= FAMA_PORT_HEADER_ROOM, "a header packet holds our headers");

static void send_arp(void *context, const uint8_t frame[FAMA_ARP_FRAME_BYTES])
{
    struct fama_transmit *transmit = context;
    struct rte_mbuf *packet = rte_pktmbuf_alloc(transmit->port->packets);
    if (packet == NULL) {
        fama_transmit_drop(&transmit->queues, NULL, FAMA_TRANSMIT_CONTROL, FAMA_DROP_NO_MBUF);
        return;
    }
    char *at = rte_pktmbuf_append(packet, FAMA_ARP_FRAME_BYTES);
    memcpy(at, frame, FAMA_ARP_FRAME_BYTES); /* every packet has room for a minimal frame */
    fama_transmit_queue_put(&transmit->queues, packet, FAMA_TRANSMIT_CONTROL, FAMA_TRANSMIT_ANSWER);
}

static void send_resolved(void *context, void *held, const uint8_t mac[FAMA_MAC_BYTES])
{
    struct fama_transmit *transmit = context;
    struct rte_mbuf *packet = held;
    memcpy(rte_pktmbuf_mtod(packet, uint8_t *), mac, FAMA_MAC_BYTES);
    fama_transmit_queue_put(&transmit->queues, packet, fama_packet_of(packet)->transmit_class,
                            FAMA_TRANSMIT_OWN);
}

static void abandon(void *context, void *held)
{
    struct fama_transmit *transmit = context;
    fama_transmit_drop(&transmit->queues, held, fama_packet_of(held)->transmit_class,
                       FAMA_DROP_NO_NEIGHBOUR);
}

bool fama_transmit_init(struct fama_transmit *transmit, struct fama_topology *topology,
                        uint32_t lcore, struct fama_dataplane_counters *counts)
{
    const struct fama_dataplane_config *config = &topology->config;
    *transmit = (struct fama_transmit){.port = &topology->port};
    fama_transmit_queues_init(&transmit->queues, &topology->port, lcore, &topology->pacer, counts);
    transmit->ends.source = config->endpoint;
    memcpy(transmit->ends.source_mac, topology->port.mac, FAMA_MAC_BYTES);
    struct fama_neighbour_settings settings = {.ipv4 =
                                                   fama_address_to_ipv4(config->endpoint.address),
                                               .prefix_bits = config->prefix_bits,
                                               .gateway_ipv4 = config->gateway_ipv4};
    settings.is_silent = lcore != 0;
    memcpy(settings.mac, topology->port.mac, FAMA_MAC_BYTES);
    const struct fama_neighbour_output output = {
        .context = transmit, .send = send_arp, .resolved = send_resolved, .abandoned = abandon};
    transmit->neighbours = fama_neighbours_create(&settings, &output);
    return transmit->neighbours != NULL;
}

void fama_transmit_destroy(struct fama_transmit *transmit)
{
    fama_neighbours_destroy(transmit->neighbours);
    transmit->neighbours = NULL;
    fama_transmit_queues_clear(&transmit->queues);
}

/* What is known of a datagram beside its bytes. */
struct about {
    enum fama_transmit_class transmit_class;
    enum fama_transmit_claim claim;
    uint16_t payload_sum;
};

/* A packet with room for all headers at its start. */
static void send_frame(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, const struct about *about)
{
    struct fama_frame_ends ends = transmit->ends;
    ends.target = *target;
    uint32_t ipv4 = fama_address_to_ipv4(target->address);
    const uint8_t *mac = fama_neighbour_find(transmit->neighbours, now_ns, ipv4);
    if (mac != NULL) {
        memcpy(ends.target_mac, mac, FAMA_MAC_BYTES);
    }
    uint32_t payload_len = rte_pktmbuf_pkt_len(packet) - FAMA_FRAME_HEADER_BYTES;
    fama_frame_write(rte_pktmbuf_mtod(packet, uint8_t *), &ends, (uint16_t)payload_len,
                     about->payload_sum);
    if (mac != NULL) {
        fama_transmit_queue_put(&transmit->queues, packet, about->transmit_class, about->claim);
        return;
    }
    fama_packet_of(packet)->transmit_class = (uint8_t)about->transmit_class;
    if (!fama_neighbour_hold(transmit->neighbours, now_ns, ipv4, packet)) {
        fama_transmit_drop(&transmit->queues, packet, about->transmit_class,
                           FAMA_DROP_NO_NEIGHBOUR);
    }
}

void fama_transmit_one(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, enum fama_transmit_class transmit_class)
{
    const struct about about = {
        .transmit_class = transmit_class,
        .claim = FAMA_TRANSMIT_OWN,
        .payload_sum = fama_frame_sum(fama_packet_bytes(packet), 0),
    };
    if (rte_pktmbuf_prepend(packet, FAMA_FRAME_HEADER_BYTES) == NULL) {
        fama_transmit_drop(&transmit->queues, packet, transmit_class, FAMA_DROP_NO_MBUF);
        return;
    }
    send_frame(transmit, now_ns, packet, target, &about);
}

/* A packet of its own for one target: a header before the shared rest, or a copy of both. */
static struct rte_mbuf *wrap(const struct fama_transmit *transmit,
                             const uint8_t header[FAMA_WIRE_HEADER_BYTES], struct rte_mbuf *rest)
{
    bool shares = transmit->port->takes_segments;
    struct rte_mbuf *packet =
        rte_pktmbuf_alloc(shares ? transmit->port->headers : transmit->port->packets);
    if (packet == NULL) {
        return NULL;
    }
    uint16_t rest_len = rte_pktmbuf_data_len(rest);
    uint16_t own_len = (uint16_t)(shares ? WRAP_ROOM : WRAP_ROOM + rest_len);
    char *at = rte_pktmbuf_append(packet, own_len);
    if (at == NULL) {
        rte_pktmbuf_free(packet);
        return NULL;
    }
    memcpy(at + FAMA_FRAME_HEADER_BYTES, header, FAMA_WIRE_HEADER_BYTES);
    if (shares) {
        rte_mbuf_refcnt_update(rest, 1);
        packet->next = rest;
        packet->nb_segs = 2;
        packet->pkt_len += rest_len;
    } else {
        memcpy(at + WRAP_ROOM, rte_pktmbuf_mtod(rest, const void *), rest_len);
    }
    return packet;
}

void fama_transmit_fan_out(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                           const struct fama_transmit_fan *fan)
{
    uint8_t header[FAMA_WIRE_HEADER_BYTES];
    memcpy(header, rte_pktmbuf_mtod(packet, const uint8_t *), sizeof header);
    header[HOPS_AT] = fan->hops;
    (void)rte_pktmbuf_adj(packet, FAMA_WIRE_HEADER_BYTES); /* a chunk is longer than its header */
    uint16_t sum = fama_frame_sum(fama_bytes(header, sizeof header), 0);
    const struct about about = {
        .transmit_class = FAMA_TRANSMIT_NEW_BLOCK,
        .claim = fan->claim,
        .payload_sum = fama_frame_sum(fama_packet_bytes(packet), sum),
    };
    for (uint32_t i = 0; i < fan->count; i++) {
        struct rte_mbuf *wrapped = wrap(transmit, header, packet);
        if (wrapped == NULL) {
            fama_transmit_drop(&transmit->queues, NULL, FAMA_TRANSMIT_NEW_BLOCK, FAMA_DROP_NO_MBUF);
            continue;
        }
        send_frame(transmit, now_ns, wrapped, &fan->peers[fan->targets[i]].endpoint, &about);
    }
    rte_pktmbuf_free(packet);
}

uint32_t fama_transmit_flush(struct fama_transmit *transmit, uint64_t now_ns)
{
    return fama_transmit_queues_flush(&transmit->queues, now_ns);
}
