#include "dataplane/transmit.h"

#define BURST     32
#define TRIES     4 /* bursts that take nothing, before the rest is dropped or waits */
#define HOPS_AT   4
#define WRAP_ROOM (FAMA_FRAME_HEADER_BYTES + FAMA_WIRE_HEADER_BYTES)

_Static_assert(WRAP_ROOM <= FAMA_PORT_HEADER_ROOM, "a header packet holds our headers");

static void drop(struct fama_transmit *transmit, struct rte_mbuf *packet, enum fama_drop reason)
{
    transmit->counts->drops[reason]++;
    rte_pktmbuf_free(packet);
}

static void stage(struct fama_transmit *transmit, struct rte_mbuf *packet, bool waits)
{
    if (transmit->staged_count == FAMA_TRANSMIT_STAGED_MAX) {
        (void)fama_transmit_flush(transmit, transmit->now_ns);
    }
    if (transmit->staged_count == FAMA_TRANSMIT_STAGED_MAX) {
        drop(transmit, packet, FAMA_DROP_TX_FULL);
        return;
    }
    transmit->waits[transmit->staged_count] = waits;
    transmit->staged[transmit->staged_count++] = packet;
}

static void send_arp(void *context, const uint8_t frame[FAMA_ARP_FRAME_BYTES])
{
    struct fama_transmit *transmit = context;
    struct rte_mbuf *packet = rte_pktmbuf_alloc(transmit->port->packets);
    if (packet == NULL) {
        transmit->counts->drops[FAMA_DROP_NO_MBUF]++;
        return;
    }
    char *at = rte_pktmbuf_append(packet, FAMA_ARP_FRAME_BYTES);
    memcpy(at, frame, FAMA_ARP_FRAME_BYTES); /* every packet has room for a minimal frame */
    stage(transmit, packet, false);
}

static void send_resolved(void *context, void *held, const uint8_t mac[FAMA_MAC_BYTES])
{
    struct rte_mbuf *packet = held;
    memcpy(rte_pktmbuf_mtod(packet, uint8_t *), mac, FAMA_MAC_BYTES);
    stage(context, packet, false);
}

static void abandon(void *context, void *held)
{
    drop(context, held, FAMA_DROP_NO_NEIGHBOUR);
}

bool fama_transmit_init(struct fama_transmit *transmit, struct fama_topology *topology,
                        struct fama_dataplane_counters *counts)
{
    const struct fama_dataplane_config *config = &topology->config;
    *transmit = (struct fama_transmit){.port = &topology->port, .counts = counts};
    transmit->ends.source = config->endpoint;
    memcpy(transmit->ends.source_mac, topology->port.mac, FAMA_MAC_BYTES);
    struct fama_neighbour_settings settings = {.ipv4 =
                                                   fama_address_to_ipv4(config->endpoint.address),
                                               .prefix_bits = config->prefix_bits,
                                               .gateway_ipv4 = config->gateway_ipv4};
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
    rte_pktmbuf_free_bulk(transmit->staged, transmit->staged_count);
    transmit->staged_count = 0;
}

/* A packet with room for all headers at its start. */
static void send_frame(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, uint16_t payload_sum, bool waits)
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
                     payload_sum);
    if (mac != NULL) {
        stage(transmit, packet, waits);
    } else if (!fama_neighbour_hold(transmit->neighbours, now_ns, ipv4, packet)) {
        drop(transmit, packet, FAMA_DROP_NO_NEIGHBOUR);
    }
}

void fama_transmit_one(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target)
{
    uint16_t sum = fama_frame_sum(fama_packet_bytes(packet), 0);
    if (rte_pktmbuf_prepend(packet, FAMA_FRAME_HEADER_BYTES) == NULL) {
        drop(transmit, packet, FAMA_DROP_NO_MBUF);
        return;
    }
    send_frame(transmit, now_ns, packet, target, sum, fama_packet_of(packet)->is_own);
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
    sum = fama_frame_sum(fama_packet_bytes(packet), sum);
    for (uint32_t i = 0; i < fan->count; i++) {
        struct rte_mbuf *wrapped = wrap(transmit, header, packet);
        if (wrapped == NULL) {
            transmit->counts->drops[FAMA_DROP_NO_MBUF]++;
            continue;
        }
        send_frame(transmit, now_ns, wrapped, &fan->peers[fan->targets[i]].endpoint, sum,
                   fan->is_own);
    }
    rte_pktmbuf_free(packet);
}

/* Of the packets the port did not take, those that wait move to the front. A port that takes nothing for
 * long has lost its other end, and packets for it are as good as lost. */
static void keep_waiting(struct fama_transmit *transmit, uint32_t from)
{
    uint32_t kept = 0;
    bool has_patience = transmit->now_ns - transmit->taken_ns < FAMA_TRANSMIT_PATIENCE_NS;
    for (uint32_t i = from; i < transmit->staged_count; i++) {
        if (transmit->waits[i] && has_patience) {
            transmit->waits[kept] = true;
            transmit->staged[kept++] = transmit->staged[i];
        } else {
            drop(transmit, transmit->staged[i], FAMA_DROP_TX_FULL);
        }
    }
    transmit->staged_count = kept;
}

uint32_t fama_transmit_flush(struct fama_transmit *transmit, uint64_t now_ns)
{
    transmit->now_ns = now_ns;
    uint32_t sent = 0;
    uint32_t fruitless = 0;
    while (transmit->port->is_started && sent < transmit->staged_count && fruitless < TRIES) {
        uint32_t left = transmit->staged_count - sent;
        uint16_t burst = (uint16_t)(left < BURST ? left : BURST);
        uint64_t bytes[BURST];
        for (uint16_t i = 0; i < burst; i++) {
            bytes[i] = rte_pktmbuf_pkt_len(transmit->staged[sent + i]);
        }
        uint16_t taken = rte_eth_tx_burst(transmit->port->id, 0, &transmit->staged[sent], burst);
        for (uint16_t i = 0; i < taken; i++) {
            /* cppcheck-suppress uninitvar ; taken <= burst */
            transmit->counts->tx_bytes += bytes[i];
        }
        transmit->counts->tx_packets += taken;
        sent += taken;
        fruitless += taken == 0;
    }
    if (sent > 0 || transmit->staged_count == 0) {
        transmit->taken_ns = now_ns;
    }
    keep_waiting(transmit, sent);
    return sent;
}
