/* The way out over a port whose two ends are rings: what is sent lies in one, and fills up as a slow
 * port's queue does. */
#include "dataplane/transmit.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/fanout.h"
#include "unit/dpdk.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define QUEUE   64
#define PRIVATE RTE_ALIGN_CEIL(sizeof(struct fama_packet), RTE_MBUF_PRIV_ALIGN)
#define MBUFS   2048
#define OURS    0xc6120001u
#define CLOSE   0xc6120002u
#define MS      UINT64_C(1000000)
#define BYTES   1001 /* of a datagram */
#define HEADERS (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES + FAMA_UDP_BYTES)
#define WIRE    (BYTES + HEADERS + FAMA_TRANSMIT_WIRE_BYTES)

static const uint8_t peer_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 9};
static struct fama_topology topology;
static struct fama_dataplane_counters counts;
static struct fama_transmit transmit;
static struct rte_ring *received, *sent;
static uint64_t now_ns;

static bool start_port(void)
{
    received = rte_ring_create("received", QUEUE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    sent = rte_ring_create("sent", QUEUE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    topology.port.packets = rte_pktmbuf_pool_create("packets", MBUFS, 0, PRIVATE,
                                                    2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    topology.port.headers = rte_pktmbuf_pool_create(
        "headers", MBUFS, 0, PRIVATE, FAMA_PORT_HEADER_ROOM + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    if (received == NULL || sent == NULL || topology.port.packets == NULL ||
        topology.port.headers == NULL) {
        return false;
    }
    int id = rte_eth_from_rings("rings", &received, 1, &sent, 1, 0);
    struct rte_eth_conf conf = {0};
    if (id < 0 || rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup((uint16_t)id, 0, QUEUE, 0, NULL, topology.port.packets) != 0 ||
        rte_eth_tx_queue_setup((uint16_t)id, 0, QUEUE, 0, NULL) != 0 ||
        rte_eth_dev_start((uint16_t)id) != 0) {
        return false;
    }
    topology.port.id = (uint16_t)id;
    topology.port.queues = 1;
    topology.config.endpoint = fama_endpoint_from_ipv4(OURS, 7051);
    topology.config.prefix_bits = 24;
    return true;
}

static void set_up(bool takes_segments)
{
    now_ns += 1000 * MS;
    counts = (struct fama_dataplane_counters){0};
    topology.port.takes_segments = takes_segments;
    topology.port.is_started = true;
    fama_pacer_init(&topology.pacer, now_ns, 0, 0);
    CU_ASSERT_FATAL(fama_transmit_init(&transmit, &topology, 0, &counts));
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 0);
}

static struct rte_mbuf *take_sent(void)
{
    void *object = NULL;
    return rte_ring_dequeue(sent, &object) == 0 ? object : NULL;
}

static uint32_t drain(void)
{
    uint32_t count = 0;
    for (struct rte_mbuf *packet = take_sent(); packet != NULL; packet = take_sent()) {
        rte_pktmbuf_free(packet);
        count++;
    }
    return count;
}

/* Nothing of ours may be left anywhere: each packet has one owner on every path. */
static void tear_down(void)
{
    fama_transmit_destroy(&transmit);
    (void)drain();
    CU_ASSERT_EQUAL(rte_mempool_avail_count(topology.port.packets), MBUFS);
    CU_ASSERT_EQUAL(rte_mempool_avail_count(topology.port.headers), MBUFS);
}

static void answer_arp(uint32_t ipv4)
{
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 2};
    memcpy(arp + 8, peer_mac, FAMA_MAC_BYTES);
    memcpy(arp + 18, topology.port.mac, FAMA_MAC_BYTES);
    for (int i = 0; i < 4; i++) {
        arp[14 + i] = (uint8_t)(ipv4 >> (24 - 8 * i));
        arp[24 + i] = (uint8_t)(OURS >> (24 - 8 * i));
    }
    const struct fama_frame frame = {.kind = FAMA_FRAME_ARP,
                                     .payload = fama_bytes(arp, sizeof arp)};
    CU_ASSERT_EQUAL(fama_neighbour_input(transmit.neighbours, now_ns, &frame), FAMA_DROP_NONE);
}

static void meet(uint32_t ipv4)
{
    struct fama_endpoint peer = fama_endpoint_from_ipv4(ipv4, 0);
    (void)fama_neighbour_find(transmit.neighbours, now_ns, peer.address, FAMA_NEIGHBOUR_OURS);
    answer_arp(ipv4);
}

static struct rte_mbuf *datagram_of(uint16_t len)
{
    struct rte_mbuf *packet = rte_pktmbuf_alloc(topology.port.packets);
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    uint8_t *at = (uint8_t *)rte_pktmbuf_append(packet, len);
    for (uint16_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(i * 7);
    }
    *fama_packet_of(packet) = (struct fama_packet){.transmit_class = 0};
    return packet;
}

static void send_one(uint32_t ipv4)
{
    struct fama_endpoint target = fama_endpoint_from_ipv4(ipv4, 7052);
    fama_transmit_one(&transmit, now_ns, datagram_of(BYTES), &target, FAMA_TRANSMIT_CONTROL);
}

/* Packets to CLOSE that carry their class. */
static void send_in(enum fama_transmit_class transmit_class, uint32_t count)
{
    const struct fama_endpoint target = fama_endpoint_from_ipv4(CLOSE, 7052);
    for (uint32_t i = 0; i < count; i++) {
        struct rte_mbuf *packet = datagram_of(BYTES);
        *rte_pktmbuf_mtod(packet, uint8_t *) = (uint8_t)transmit_class;
        fama_transmit_one(&transmit, now_ns, packet, &target, transmit_class);
    }
}

/* Of the packets sent since, how many in each class. */
static void count_sent(uint32_t of_class[FAMA_TRANSMIT_CLASSES])
{
    memset(of_class, 0, FAMA_TRANSMIT_CLASSES * sizeof of_class[0]);
    for (struct rte_mbuf *packet = take_sent(); packet != NULL; packet = take_sent()) {
        of_class[*rte_pktmbuf_mtod_offset(packet, uint8_t *, HEADERS)]++;
        rte_pktmbuf_free(packet);
    }
}

static uint32_t waiting_in(enum fama_transmit_class transmit_class)
{
    return FAMA_TRANSMIT_QUEUE - fama_transmit_room(&transmit, transmit_class);
}

/* The frame of a packet read back by the receiver's parser, in one piece. */
static enum fama_drop read_back(struct rte_mbuf *packet, uint32_t ipv4, uint8_t *bytes, size_t size,
                                struct fama_frame *frame)
{
    struct fama_frame_receiver receiver = {.endpoint = fama_endpoint_from_ipv4(ipv4, 7052)};
    memcpy(receiver.mac, peer_mac, FAMA_MAC_BYTES);
    uint32_t len = rte_pktmbuf_pkt_len(packet);
    CU_ASSERT_FATAL(len <= size);
    const void *at = rte_pktmbuf_read(packet, 0, len, bytes);
    if (at != bytes) {
        memcpy(bytes, at, len);
    }
    return fama_frame_parse(fama_bytes(bytes, len), &receiver, 0, frame);
}

/* What a port that computes sums does with a packet marked for it. */
static void compute_sums(struct rte_mbuf *packet)
{
    CU_ASSERT_EQUAL(packet->ol_flags &
                        (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM),
                    RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM);
    CU_ASSERT_EQUAL(packet->l2_len, sizeof(struct rte_ether_hdr));
    CU_ASSERT_EQUAL(packet->l3_len, sizeof(struct rte_ipv4_hdr));
    struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(packet, struct rte_ipv4_hdr *, packet->l2_len);
    struct rte_udp_hdr *udp =
        rte_pktmbuf_mtod_offset(packet, struct rte_udp_hdr *, packet->l2_len + packet->l3_len);
    CU_ASSERT_EQUAL(ip->hdr_checksum, 0);
    CU_ASSERT_EQUAL(udp->dgram_cksum, rte_ipv4_phdr_cksum(ip, packet->ol_flags));
    udp->dgram_cksum = 0;
    uint8_t whole[2048];
    uint32_t from = packet->l2_len;
    uint32_t len = rte_pktmbuf_pkt_len(packet) - from;
    CU_ASSERT_FATAL(len <= sizeof whole);
    const void *at = rte_pktmbuf_read(packet, from, len, whole);
    if (at != whole) {
        memcpy(whole, at, len);
    }
    udp->dgram_cksum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(const void *)whole,
                                             whole + packet->l3_len);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void fan_out_and_read_back(bool takes_segments)
{
    set_up(takes_segments);
    struct fama_view_peer peers[3] = {{.tag = 1}, {.tag = 2}, {.tag = 3}};
    const uint32_t targets[3] = {2, 0, 1};
    for (uint32_t i = 0; i < 3; i++) {
        peers[i].endpoint = fama_endpoint_from_ipv4(CLOSE + i, 7052);
        meet(CLOSE + i);
    }
    struct fama_transmit_fan fan = {.peers = peers, .targets = targets, .count = 3, .hops = 5};
    fama_transmit_fan_out(&transmit, now_ns, datagram_of(BYTES), &fan);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct rte_mbuf *packet = take_sent();
        CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
        CU_ASSERT_EQUAL(packet->nb_segs, takes_segments ? 2 : 1);
        if (topology.port.tx_checksums) {
            compute_sums(packet);
        }
        uint8_t bytes[2048];
        struct fama_frame frame;
        CU_ASSERT_EQUAL_FATAL(read_back(packet, CLOSE + targets[i], bytes, sizeof bytes, &frame),
                              FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(fama_address_to_ipv4(frame.source.address), OURS);
        CU_ASSERT_EQUAL_FATAL(frame.payload.len, BYTES);
        for (size_t j = 0; j < frame.payload.len; j++) {
            CU_ASSERT_EQUAL(frame.payload.at[j], j == 4 ? 5 : (uint8_t)(j * 7));
        }
        rte_pktmbuf_free(packet);
    }
    CU_ASSERT_EQUAL(counts.tx_packets, 3);
    CU_ASSERT_EQUAL(counts.tx_bytes, 3 * (BYTES + HEADERS));
    tear_down();
}

static void test_every_target_gets_the_chunk_whole_with_its_own_hops_and_checksum(void)
{
    fan_out_and_read_back(true);
}

static void test_ports_that_take_one_piece_only_get_copies(void)
{
    fan_out_and_read_back(false);
}

static void test_ports_that_compute_sums_are_asked_to(void)
{
    topology.port.tx_checksums = true;
    fan_out_and_read_back(true);
    fan_out_and_read_back(false);
    /* Also for a packet that had to wait for its neighbour. */
    set_up(true);
    send_one(CLOSE);
    answer_arp(CLOSE);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 1);
    struct rte_mbuf *packet = take_sent();
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    compute_sums(packet);
    uint8_t bytes[2048];
    struct fama_frame frame;
    CU_ASSERT_EQUAL(read_back(packet, CLOSE, bytes, sizeof bytes, &frame), FAMA_DROP_NONE);
    rte_pktmbuf_free(packet);
    topology.port.tx_checksums = false;
    tear_down();
}

/* Whoever has read the bytes already says what they sum up to, and is believed. */
static void test_a_sum_that_is_known_is_not_computed_again(void)
{
    set_up(true);
    meet(CLOSE);
    struct fama_view_peer peer = {.endpoint = fama_endpoint_from_ipv4(CLOSE, 7052)};
    const uint32_t target = 0;
    struct fama_transmit_fan fan = {.peers = &peer, .targets = &target, .count = 1, .hops = 5};
    for (uint32_t i = 0; i < 4; i++) {
        bool is_right = i % 2 == 0;
        struct rte_mbuf *datagram = datagram_of(BYTES);
        struct fama_bytes bytes = fama_packet_bytes(datagram);
        uint16_t sum = fama_frame_sum(
            fama_bytes(bytes.at + FAMA_WIRE_HEADER_BYTES, bytes.len - FAMA_WIRE_HEADER_BYTES), 0);
        fama_packet_of(datagram)->has_sum = true;
        fama_packet_of(datagram)->sum = (uint16_t)(is_right ? sum : sum ^ 0x100);
        if (i < 2) {
            fama_transmit_fan_out(&transmit, now_ns, datagram, &fan);
        } else {
            fama_transmit_one(&transmit, now_ns, datagram, &peer.endpoint, FAMA_TRANSMIT_REPAIR);
        }
        CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 1);
        struct rte_mbuf *packet = take_sent();
        CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
        uint8_t read[2048];
        struct fama_frame frame;
        CU_ASSERT_EQUAL(read_back(packet, CLOSE, read, sizeof read, &frame),
                        is_right ? FAMA_DROP_NONE : FAMA_DROP_BAD_CHECKSUM);
        rte_pktmbuf_free(packet);
    }
    tear_down();
}

/* Targets that share a place among the paths, lengths that change, ports that differ: headers kept from an
 * earlier datagram never end up on one they do not fit. */
static void test_headers_that_are_used_again_fit_every_datagram(void)
{
    struct fama_random random;
    topology.config.prefix_bits = 16;
    set_up(true);
    fama_random_seed(&random, test_seed("paths"));
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t ipv4 =
            OURS + 1 + fama_random_below(&random, 8) * 251 + fama_random_below(&random, 2) * 5;
        uint16_t len = (uint16_t)(100 + fama_random_below(&random, 3));
        struct fama_view_peer peer = {.endpoint = fama_endpoint_from_ipv4(ipv4, 7052)};
        const uint32_t chosen = 0;
        struct fama_transmit_fan fan = {.peers = &peer, .targets = &chosen, .count = 1, .hops = 3};
        meet(ipv4);
        if (fama_random_below(&random, 2) == 0) {
            fama_transmit_fan_out(&transmit, now_ns, datagram_of(len), &fan);
        } else {
            fama_transmit_one(&transmit, now_ns, datagram_of(len), &peer.endpoint,
                              FAMA_TRANSMIT_REPAIR);
        }
        CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 1);
        struct rte_mbuf *packet = take_sent();
        CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
        uint8_t bytes[2048];
        struct fama_frame frame;
        CU_ASSERT_EQUAL_FATAL(read_back(packet, ipv4, bytes, sizeof bytes, &frame), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(frame.payload.len, len);
        rte_pktmbuf_free(packet);
        now_ns += fama_random_below(&random, 2000000);
    }
    topology.config.prefix_bits = 24;
    tear_down();
}

static void test_a_packet_waits_for_its_neighbour_and_a_second_one_takes_its_place(void)
{
    set_up(true);
    send_one(CLOSE);
    send_one(CLOSE);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_NO_NEIGHBOUR], 1);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 0);
    answer_arp(CLOSE);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 1);
    struct rte_mbuf *packet = take_sent();
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    uint8_t bytes[2048];
    struct fama_frame frame;
    CU_ASSERT_EQUAL(read_back(packet, CLOSE, bytes, sizeof bytes, &frame), FAMA_DROP_NONE);
    rte_pktmbuf_free(packet);
    tear_down();
}

static void test_nobody_routes_what_lies_beyond_the_link_without_a_gateway(void)
{
    set_up(true);
    send_one(0x0a000001);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_NO_NEIGHBOUR], 1);
    tear_down();
}

static void test_what_the_port_does_not_take_waits_first_things_first(void)
{
    set_up(true);
    meet(CLOSE);
    uint32_t room = rte_ring_get_capacity(sent);
    uint32_t of_class[FAMA_TRANSMIT_CLASSES];
    send_in(FAMA_TRANSMIT_TRANSFER, 100);
    send_in(FAMA_TRANSMIT_REPAIR, 10);
    send_in(FAMA_TRANSMIT_NEW_BLOCK, 60);
    send_in(FAMA_TRANSMIT_CONTROL, 20);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), room);
    count_sent(of_class);
    CU_ASSERT_EQUAL(of_class[FAMA_TRANSMIT_CONTROL], 20);
    CU_ASSERT(of_class[FAMA_TRANSMIT_NEW_BLOCK] >= room - 20 - 3);
    CU_ASSERT_EQUAL(of_class[FAMA_TRANSMIT_TRANSFER], 0);
    CU_ASSERT_EQUAL(waiting_in(FAMA_TRANSMIT_TRANSFER), 100);
    now_ns += MS;
    send_in(FAMA_TRANSMIT_CONTROL, 1);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), room);
    count_sent(of_class);
    CU_ASSERT_EQUAL(of_class[FAMA_TRANSMIT_CONTROL], 1);
    CU_ASSERT_EQUAL(waiting_in(FAMA_TRANSMIT_NEW_BLOCK) + waiting_in(FAMA_TRANSMIT_REPAIR), 0);
    CU_ASSERT(of_class[FAMA_TRANSMIT_TRANSFER] > 0);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_TRANSFER].waiting_ns, MS);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_CONTROL].waiting_ns, 0);
    uint64_t packets = 0;
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        packets += counts.classes[i].packets;
    }
    CU_ASSERT_EQUAL(packets, 2 * (uint64_t)room);
    CU_ASSERT_EQUAL(packets, counts.tx_packets);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_TX_FULL] + counts.drops[FAMA_DROP_TX_QUEUE_FULL], 0);
    tear_down();
}

static void test_relayed_chunks_leave_the_last_places_to_our_own(void)
{
    set_up(true);
    meet(CLOSE);
    topology.port.is_started = false;
    struct fama_view_peer peer = {.endpoint = fama_endpoint_from_ipv4(CLOSE, 7052)};
    const uint32_t target = 0;
    struct fama_transmit_fan fan = {
        .peers = &peer, .targets = &target, .count = 1, .claim = FAMA_TRANSMIT_RELAYED};
    for (uint32_t i = 0; i < FAMA_TRANSMIT_QUEUE; i++) {
        fama_transmit_fan_out(&transmit, now_ns, datagram_of(BYTES), &fan);
    }
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_TX_QUEUE_FULL], FAMA_TRANSMIT_OWN_PLACES);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_NEW_BLOCK].queue_full, FAMA_TRANSMIT_OWN_PLACES);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_NEW_BLOCK),
                    FAMA_TRANSMIT_OWN_PLACES);
    fan.claim = FAMA_TRANSMIT_OWN;
    for (uint32_t i = 0; i < FAMA_TRANSMIT_OWN_PLACES; i++) {
        fama_transmit_fan_out(&transmit, now_ns, datagram_of(BYTES), &fan);
    }
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_NEW_BLOCK].queue_full, FAMA_TRANSMIT_OWN_PLACES);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_NEW_BLOCK), 0);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_CONTROL), FAMA_TRANSMIT_QUEUE);
    tear_down();
}

static void ask_arp(void)
{
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(arp + 8, peer_mac, FAMA_MAC_BYTES);
    for (int i = 0; i < 4; i++) {
        arp[14 + i] = (uint8_t)(CLOSE >> (24 - 8 * i));
        arp[24 + i] = (uint8_t)(OURS >> (24 - 8 * i));
    }
    const struct fama_frame frame = {.kind = FAMA_FRAME_ARP,
                                     .payload = fama_bytes(arp, sizeof arp)};
    (void)fama_neighbour_input(transmit.neighbours, now_ns, &frame);
}

static void test_strangers_who_ask_for_our_address_leave_room_for_alive_messages(void)
{
    set_up(true);
    meet(CLOSE);
    topology.port.is_started = false;
    for (uint32_t i = 0; i < FAMA_TRANSMIT_QUEUE; i++) {
        ask_arp();
    }
    CU_ASSERT(fama_transmit_room(&transmit, FAMA_TRANSMIT_CONTROL) >= FAMA_TRANSMIT_QUEUE / 2);
    CU_ASSERT(counts.classes[FAMA_TRANSMIT_CONTROL].queue_full > 0);
    uint64_t dropped = counts.classes[FAMA_TRANSMIT_CONTROL].queue_full;
    send_in(FAMA_TRANSMIT_CONTROL, FAMA_TRANSMIT_QUEUE / 2);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_CONTROL].queue_full, dropped);
    tear_down();
}

static void test_the_pace_lets_a_burst_go_and_then_what_the_time_allows(void)
{
    set_up(true);
    meet(CLOSE);
    /* A packet per millisecond, and some at once. */
    fama_pacer_init(&topology.pacer, now_ns, WIRE * 1000, FAMA_PACER_BURST_MIN);
    send_in(FAMA_TRANSMIT_TRANSFER, 40);
    uint32_t at_once = FAMA_PACER_BURST_MIN / WIRE;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), at_once);
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 0);
    CU_ASSERT_EQUAL(drain(), at_once);
    uint64_t wait_ns = fama_transmit_queues_wait_ns(&transmit.queues, now_ns);
    CU_ASSERT(wait_ns > 0 && wait_ns <= MS);
    now_ns += wait_ns;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 1);
    /* What comes later and is more urgent goes first. */
    send_in(FAMA_TRANSMIT_CONTROL, 2);
    now_ns += 2 * MS;
    (void)drain();
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 2);
    uint32_t of_class[FAMA_TRANSMIT_CLASSES];
    count_sent(of_class);
    CU_ASSERT_EQUAL(of_class[FAMA_TRANSMIT_CONTROL], 2);
    now_ns += 1000 * MS;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), at_once);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_TRANSFER].waiting_ns, 1002 * MS + wait_ns);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_TX_FULL], 0);
    (void)drain();
    now_ns += 1000 * MS;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 40 - 1 - 2 * at_once);
    CU_ASSERT_EQUAL(fama_transmit_queues_wait_ns(&transmit.queues, now_ns), UINT64_MAX);
    tear_down();
}

static void test_under_more_new_blocks_than_the_pace_repair_has_its_share_and_transfer_none(void)
{
    set_up(true);
    meet(CLOSE);
    fama_pacer_init(&topology.pacer, now_ns, WIRE * 1000, FAMA_PACER_BURST_MIN);
    send_in(FAMA_TRANSMIT_TRANSFER, 50);
    send_in(FAMA_TRANSMIT_REPAIR, 200);
    uint32_t all[FAMA_TRANSMIT_CLASSES] = {0};
    for (uint32_t i = 0; i < 800; i++) {
        send_in(FAMA_TRANSMIT_NEW_BLOCK, 100 - waiting_in(FAMA_TRANSMIT_NEW_BLOCK));
        if (i % 8 == 0) {
            send_in(FAMA_TRANSMIT_CONTROL, 1);
        }
        now_ns += 2 * MS;
        (void)fama_transmit_flush(&transmit, now_ns);
        uint32_t of_class[FAMA_TRANSMIT_CLASSES];
        count_sent(of_class);
        for (uint32_t j = 0; j < FAMA_TRANSMIT_CLASSES; j++) {
            all[j] += of_class[j];
        }
        CU_ASSERT_EQUAL(waiting_in(FAMA_TRANSMIT_CONTROL), 0);
    }
    CU_ASSERT_EQUAL(all[FAMA_TRANSMIT_TRANSFER], 0);
    uint32_t fair = all[FAMA_TRANSMIT_NEW_BLOCK] / FAMA_TRANSMIT_REPAIR_SHARE;
    CU_ASSERT(all[FAMA_TRANSMIT_NEW_BLOCK] > 1000);
    CU_ASSERT(all[FAMA_TRANSMIT_REPAIR] + 1 >= fair && all[FAMA_TRANSMIT_REPAIR] <= fair + 1);
    tear_down();
}

static void test_a_port_that_takes_nothing_for_long_loses_what_waits(void)
{
    set_up(true);
    meet(CLOSE);
    topology.port.is_started = false;
    send_in(FAMA_TRANSMIT_NEW_BLOCK, FAMA_TRANSMIT_QUEUE + 9);
    send_in(FAMA_TRANSMIT_TRANSFER, 5);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_TX_QUEUE_FULL], 9);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_NEW_BLOCK), 0);
    now_ns += FAMA_TRANSMIT_PATIENCE_NS - 1;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 0);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_NEW_BLOCK), 0);
    now_ns += 1;
    CU_ASSERT_EQUAL(fama_transmit_flush(&transmit, now_ns), 0);
    CU_ASSERT_EQUAL(fama_transmit_room(&transmit, FAMA_TRANSMIT_NEW_BLOCK), FAMA_TRANSMIT_QUEUE);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_TX_FULL], FAMA_TRANSMIT_QUEUE + 5);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_NEW_BLOCK].port_full, FAMA_TRANSMIT_QUEUE);
    CU_ASSERT_EQUAL(counts.classes[FAMA_TRANSMIT_TRANSFER].port_full, 5);
    tear_down();
}

static void test_without_packets_targets_are_left_out_and_counted(void)
{
    set_up(true);
    meet(CLOSE);
    static struct rte_mbuf *all[MBUFS];
    struct fama_view_peer peer = {.endpoint = fama_endpoint_from_ipv4(CLOSE, 7052)};
    const uint32_t target = 0;
    struct fama_transmit_fan fan = {.peers = &peer, .targets = &target, .count = 1, .hops = 5};
    CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_alloc_bulk(topology.port.headers, all, MBUFS), 0);
    fama_transmit_fan_out(&transmit, now_ns, datagram_of(BYTES), &fan);
    CU_ASSERT_EQUAL(counts.drops[FAMA_DROP_NO_MBUF], 1);
    rte_pktmbuf_free_bulk(all, MBUFS);
    tear_down();
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_every_target_gets_the_chunk_whole_with_its_own_hops_and_checksum),
        TEST(test_ports_that_take_one_piece_only_get_copies),
        TEST(test_ports_that_compute_sums_are_asked_to),
        TEST(test_a_sum_that_is_known_is_not_computed_again),
        TEST(test_headers_that_are_used_again_fit_every_datagram),
        TEST(test_a_packet_waits_for_its_neighbour_and_a_second_one_takes_its_place),
        TEST(test_nobody_routes_what_lies_beyond_the_link_without_a_gateway),
        TEST(test_what_the_port_does_not_take_waits_first_things_first),
        TEST(test_relayed_chunks_leave_the_last_places_to_our_own),
        TEST(test_strangers_who_ask_for_our_address_leave_room_for_alive_messages),
        TEST(test_the_pace_lets_a_burst_go_and_then_what_the_time_allows),
        TEST(test_under_more_new_blocks_than_the_pace_repair_has_its_share_and_transfer_none),
        TEST(test_a_port_that_takes_nothing_for_long_loses_what_waits),
        TEST(test_without_packets_targets_are_left_out_and_counted),
    };
    if (!start_dpdk()) {
        return EXIT_FAILURE;
    }
    if (!start_port()) {
        fprintf(stderr, "no port of rings: %s\n", rte_strerror(rte_errno));
        return EXIT_FAILURE;
    }
    return run_suite("the way out", cases, sizeof cases / sizeof cases[0]);
}
