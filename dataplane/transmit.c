#include "dataplane/transmit.h"

#include "dataplane/fanout.h"

#define HOPS_AT      4
#define HEADERS_IPV4 (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES + FAMA_UDP_BYTES)

_Static_assert(FAMA_FRAME_HEADER_MAX + FAMA_WIRE_HEADER_BYTES <= FAMA_PORT_HEADER_ROOM,
               "a header packet holds our headers");

static void send_neighbours_frame(void *context, struct fama_bytes frame)
{
    struct fama_transmit *transmit = context;
    struct rte_mbuf *packet = rte_pktmbuf_alloc(transmit->port->packets);
    if (packet == NULL) {
        fama_transmit_drop(&transmit->queues, NULL, FAMA_TRANSMIT_CONTROL, FAMA_DROP_NO_MBUF);
        return;
    }
    char *at = rte_pktmbuf_append(packet, (uint16_t)frame.len);
    memcpy(at, frame.at, frame.len); /* every packet has room for a minimal frame */
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
    transmit->header_bytes = fama_frame_header_bytes(config->endpoint.address);
    struct fama_neighbour_settings settings = {.prefix_bits = config->prefix_bits,
                                               .is_silent = lcore != 0};
    memcpy(settings.address, config->endpoint.address, FAMA_ADDRESS_BYTES);
    memcpy(settings.gateway, config->gateway, FAMA_ADDRESS_BYTES);
    memcpy(settings.mac, topology->port.mac, FAMA_MAC_BYTES);
    const struct fama_neighbour_output output = {.context = transmit,
                                                 .send = send_neighbours_frame,
                                                 .resolved = send_resolved,
                                                 .abandoned = abandon};
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
    enum fama_neighbour_wish wish;
    uint16_t payload_len;
    uint16_t payload_sum;
};

/* ---- Paths ---- */

static struct fama_transmit_path *path_of(struct fama_transmit *transmit,
                                          const struct fama_endpoint *target)
{
    uint32_t low;
    memcpy(&low, target->address + FAMA_ADDRESS_BYTES - sizeof low, sizeof low);
    /* Neighbours differ in their last octet. */
    uint32_t place = (low >> 24) + (low >> 16 & 0xff) * 5 + target->port;
    return &transmit->paths[place & (FAMA_TRANSMIT_PATHS - 1)];
}

/* The path to a target whose neighbour is known, with headers for payloads of that length; NULL: it is not
 * known. */
static const struct fama_transmit_path *find_path(struct fama_transmit *transmit, uint64_t now_ns,
                                                  const struct fama_endpoint *target,
                                                  const struct about *about)
{
    uint16_t payload_len = about->payload_len;
    struct fama_transmit_path *path = path_of(transmit, target);
    if (path->found_ns != 0 && now_ns - path->found_ns < FAMA_TRANSMIT_PATH_FRESH_NS &&
        path->payload_len == payload_len && fama_endpoint_equal(&path->target, target)) {
        return path;
    }
    const uint8_t *mac =
        fama_neighbour_find(transmit->neighbours, now_ns, target->address, about->wish);
    if (mac == NULL) {
        return NULL;
    }
    struct fama_frame_ends ends = transmit->ends;
    ends.target = *target;
    memcpy(ends.target_mac, mac, FAMA_MAC_BYTES);
    path->target = *target;
    path->payload_len = payload_len;
    path->found_ns = now_ns;
    fama_frame_write(path->headers, &ends, payload_len, 0);
    path->sum = fama_frame_sum_without_payload(path->headers, transmit->header_bytes);
    if (transmit->port->tx_checksums) {
        fama_frame_leave_checksums(path->headers, transmit->header_bytes);
    }
    return path;
}

/* The sum of a packet's datagram: its common header, and the rest, whose sum may be known; not needed where the
 * port computes it. */
static uint16_t sum_of(const struct fama_transmit *transmit, struct rte_mbuf *packet,
                       struct fama_bytes header, struct fama_bytes rest)
{
    if (transmit->port->tx_checksums) {
        return 0;
    }
    const struct fama_packet *about = fama_packet_of(packet);
    uint16_t sum = about->has_sum ? about->sum : fama_frame_sum(rest, 0);
    return fama_frame_sum(header, sum);
}

static void ask_for_checksums(const struct fama_transmit *transmit, struct rte_mbuf *packet)
{
    bool is_ipv4 = fama_address_is_ipv4(transmit->ends.source.address);
    packet->ol_flags |= is_ipv4
                            ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM
                            : RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
    packet->l2_len = FAMA_ETHERNET_BYTES;
    packet->l3_len = is_ipv4 ? FAMA_IPV4_BYTES : FAMA_IPV6_BYTES;
}

static void write_headers(const struct fama_transmit *transmit, struct rte_mbuf *packet,
                          const struct fama_transmit_path *path, uint16_t payload_sum)
{
    uint8_t *at = rte_pktmbuf_mtod(packet, uint8_t *);
    /* Of two known lengths: a few wide stores instead of a call. */
    if (transmit->header_bytes == HEADERS_IPV4) {
        memcpy(at, path->headers, HEADERS_IPV4);
    } else {
        memcpy(at, path->headers, FAMA_FRAME_HEADER_MAX);
    }
    if (transmit->port->tx_checksums) {
        ask_for_checksums(transmit, packet);
    } else {
        fama_frame_set_checksum(at, transmit->header_bytes, path->sum, payload_sum);
    }
}

/* The neighbour is not known: the packet waits for it with all but its link address. */
static void hold(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                 const struct fama_endpoint *target, const struct about *about)
{
    struct fama_frame_ends ends = transmit->ends;
    ends.target = *target;
    uint8_t *at = rte_pktmbuf_mtod(packet, uint8_t *);
    fama_frame_write(at, &ends, about->payload_len, about->payload_sum);
    if (transmit->port->tx_checksums) {
        fama_frame_leave_checksums(at, transmit->header_bytes);
        ask_for_checksums(transmit, packet);
    }
    fama_packet_of(packet)->transmit_class = (uint8_t)about->transmit_class;
    if (!fama_neighbour_hold(transmit->neighbours, now_ns, target->address, packet, about->wish)) {
        fama_transmit_drop(&transmit->queues, packet, about->transmit_class,
                           FAMA_DROP_NO_NEIGHBOUR);
    }
}

/* A packet with room for all headers at its start. */
static void send_frame(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, const struct about *about)
{
    const struct fama_transmit_path *path = find_path(transmit, now_ns, target, about);
    if (path == NULL) {
        hold(transmit, now_ns, packet, target, about);
        return;
    }
    write_headers(transmit, packet, path, about->payload_sum);
    fama_transmit_queue_put(&transmit->queues, packet, about->transmit_class, about->claim);
}

void fama_transmit_one(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                       const struct fama_endpoint *target, enum fama_transmit_class transmit_class)
{
    struct fama_bytes datagram = fama_packet_bytes(packet);
    size_t first = datagram.len < FAMA_WIRE_HEADER_BYTES ? datagram.len : FAMA_WIRE_HEADER_BYTES;
    const struct about about = {
        .transmit_class = transmit_class,
        .claim = FAMA_TRANSMIT_OWN,
        .wish = fama_packet_of(packet)->is_unproved ? FAMA_NEIGHBOUR_UNPROVED : FAMA_NEIGHBOUR_OURS,
        .payload_len = (uint16_t)datagram.len,
        .payload_sum = sum_of(transmit, packet, fama_bytes(datagram.at, first),
                              fama_bytes(datagram.at + first, datagram.len - first)),
    };
    if (rte_pktmbuf_prepend(packet, transmit->header_bytes) == NULL) {
        fama_transmit_drop(&transmit->queues, packet, transmit_class, FAMA_DROP_NO_MBUF);
        return;
    }
    send_frame(transmit, now_ns, packet, target, &about);
}

/* ---- Fan-out ---- */

/* Packets for all targets, or as many as there are: a header packet each, to which the rest is chained, or
 * one that holds a copy of it. Returns how many. */
static uint32_t wrap_all(const struct fama_transmit *transmit,
                         const uint8_t header[FAMA_WIRE_HEADER_BYTES], struct rte_mbuf *rest,
                         struct rte_mbuf **packets, uint32_t count)
{
    bool shares = transmit->port->takes_segments;
    struct rte_mempool *pool = shares ? transmit->port->headers : transmit->port->packets;
    uint16_t rest_len = rte_pktmbuf_data_len(rest);
    uint16_t room = (uint16_t)(transmit->header_bytes + FAMA_WIRE_HEADER_BYTES);
    uint16_t own_len = (uint16_t)(shares ? room : room + rest_len);
    while (count > 0 && rte_pktmbuf_alloc_bulk(pool, packets, count) != 0) {
        count /= 2;
    }
    if (count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct rte_mbuf *packet = packets[i];
        char *at =
            rte_pktmbuf_mtod(packet, char *); /* packets hold whole frames, headers headers */
        memcpy(at + transmit->header_bytes, header, FAMA_WIRE_HEADER_BYTES);
        packet->data_len = own_len;
        packet->pkt_len = (uint32_t)room + rest_len;
        if (shares) {
            packet->next = rest;
            packet->nb_segs = 2;
        } else {
            memcpy(at + room, rte_pktmbuf_mtod(rest, const void *), rest_len);
        }
    }
    if (shares) {
        rte_mbuf_refcnt_update(rest, (int16_t)count);
    }
    return count;
}

void fama_transmit_fan_out(struct fama_transmit *transmit, uint64_t now_ns, struct rte_mbuf *packet,
                           const struct fama_transmit_fan *fan)
{
    struct rte_mbuf *packets[FAMA_FANOUT_MAX];
    uint8_t header[FAMA_WIRE_HEADER_BYTES];
    if (fan->count == 0) { /* half of a tree's nodes have nobody below them */
        rte_pktmbuf_free(packet);
        return;
    }
    memcpy(header, rte_pktmbuf_mtod(packet, const uint8_t *), sizeof header);
    header[HOPS_AT] = fan->hops;
    (void)rte_pktmbuf_adj(packet, FAMA_WIRE_HEADER_BYTES); /* a chunk is longer than its header */
    const struct about about = {
        .transmit_class = FAMA_TRANSMIT_NEW_BLOCK,
        .claim = fan->claim,
        .payload_len = (uint16_t)(FAMA_WIRE_HEADER_BYTES + rte_pktmbuf_data_len(packet)),
        .payload_sum =
            sum_of(transmit, packet, fama_bytes(header, sizeof header), fama_packet_bytes(packet)),
    };
    uint32_t count = wrap_all(transmit, header, packet, packets, fan->count);
    for (uint32_t i = 0; i < count; i++) {
        send_frame(transmit, now_ns, packets[i], &fan->peers[fan->targets[i]].endpoint, &about);
    }
    for (uint32_t i = count; i < fan->count; i++) {
        fama_transmit_drop(&transmit->queues, NULL, FAMA_TRANSMIT_NEW_BLOCK, FAMA_DROP_NO_MBUF);
    }
    rte_pktmbuf_free(packet);
    /* A burst at a time, so that packets are handed over, and their memory comes back, while both lie in
     * the nearest cache. */
    if (fama_transmit_queue_count(&transmit->queues, FAMA_TRANSMIT_NEW_BLOCK) >=
        FAMA_TRANSMIT_BURST) {
        fama_transmit_queues_burst(&transmit->queues, now_ns);
    }
}

uint32_t fama_transmit_flush(struct fama_transmit *transmit, uint64_t now_ns)
{
    return fama_transmit_queues_flush(&transmit->queues, now_ns);
}
