#include "dataplane/net_loop.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <stdlib.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "dataplane/clock.h"
#include "dataplane/idle.h"
#include "dataplane/net_chunks.h"
#include "dataplane/net_messages.h"
#include "dataplane/net_sessions.h"
#include "dataplane/port_wake.h"

#define PREFETCH_AHEAD  4
#define HOUSEKEEPING_NS 1000000u
#define WINDOW_PAUSE_NS 5000000u
#define PORT_WATCH_NS   250000000u
#define GAPS_PER_TICK   4
#define CHUNKS_AHEAD    8        /* of ours, taken from a ring at once */
#define REST_MAX_NS     2000000u /* housekeeping is not put off for longer */

/* ---- What belongs to other net lcores ---- */

void fama_net_hand_to(struct fama_net *net, uint32_t lcore, struct rte_mbuf *packet)
{
    if (rte_ring_enqueue(net->topology->net[lcore].net_to_net, packet) != 0) {
        fama_net_drop(net, packet, FAMA_DROP_NET_RING_FULL);
        return;
    }
    net->counts.own.packets_handed_over++;
}

/* Every lcore has a table of neighbours, and what a queue brings is for all of them. Only while their rings
 * are less than half full: else whoever is on the link could keep datagrams out of them. */
static void share_neighbours(struct fama_net *net, struct fama_bytes bytes)
{
    for (uint32_t i = 0; i < net->topology->config.net_core_count; i++) {
        const struct rte_ring *ring = net->topology->net[i].net_to_net;
        if (i == net->number || rte_ring_count(ring) >= rte_ring_get_capacity(ring) / 2) {
            continue;
        }
        struct rte_mbuf *copy = rte_pktmbuf_alloc(net->topology->port.packets);
        char *at = copy != NULL ? rte_pktmbuf_append(copy, (uint16_t)bytes.len) : NULL;
        if (at == NULL) {
            net->counts.own.drops[FAMA_DROP_NO_MBUF]++;
            rte_pktmbuf_free(copy);
            continue;
        }
        memcpy(at, bytes.at, bytes.len);
        *fama_packet_of(copy) = (struct fama_packet){.is_neighbours = true};
        fama_net_hand_to(net, i, copy);
    }
}

/* ---- Frames ---- */

static void take_neighbours(struct fama_net *net, struct rte_mbuf *packet,
                            const struct fama_frame *frame)
{
    enum fama_drop reason = fama_neighbour_input(net->transmit.neighbours, net->now_ns, frame);
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    /* Queries are for the one table that speaks. */
    if (!fama_packet_of(packet)->is_neighbours &&
        (frame->kind != FAMA_FRAME_MLD || net->number != 0)) {
        share_neighbours(net, fama_packet_bytes(packet));
    }
    rte_pktmbuf_free(packet);
}

/* Of a datagram that is this lcore's, wherever it came in. */
static void take_own(struct fama_net *net, struct rte_mbuf *packet, uint8_t kind)
{
    if (kind == FAMA_KIND_CHUNK) {
        net->counts.own.chunks_received++;
        fama_net_take_chunk(net, packet);
    } else if (kind == FAMA_KIND_SEALED) {
        fama_net_take_sealed(net, packet);
    } else if (kind == FAMA_KIND_SESSION) {
        fama_net_take_handshake(net, packet);
    } else {
        fama_net_take_message(net, packet);
    }
}

static void take_datagram(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_wire_header header;
    struct fama_bytes datagram = fama_packet_bytes(packet);
    enum fama_drop reason = fama_wire_header_read(datagram, &header);
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    uint32_t owner = fama_spread_datagram(net->topology->config.net_core_count, net->number,
                                          header.kind, datagram);
    if (owner == net->number) {
        take_own(net, packet, header.kind);
    } else {
        fama_net_hand_to(net, owner, packet);
    }
}

/* For whoever passes the datagram on: only its common header changes on the way. */
static void keep_sum(struct rte_mbuf *packet, const struct fama_frame *frame)
{
    if (frame->has_sum && frame->payload.len >= FAMA_WIRE_HEADER_BYTES) {
        struct fama_bytes header = fama_bytes(frame->payload.at, FAMA_WIRE_HEADER_BYTES);
        fama_packet_of(packet)->has_sum = true;
        fama_packet_of(packet)->sum = fama_frame_sum_without(header, frame->sum);
    }
}

static void take_frame(struct fama_net *net, struct rte_mbuf *packet)
{
    net->counts.own.rx_packets++;
    net->counts.own.rx_bytes += rte_pktmbuf_pkt_len(packet);
    bool is_bad;
    unsigned int checked = fama_port_checked(&net->topology->port, packet, &is_bad);
    if (is_bad) {
        fama_net_drop(net, packet, FAMA_DROP_BAD_CHECKSUM);
        return;
    }
    /* Packets have room for whole frames: several segments are a port's whose buffers are smaller. */
    if (packet->nb_segs != 1 && rte_pktmbuf_linearize(packet) != 0) {
        fama_net_drop(net, packet, FAMA_DROP_BAD_FRAME);
        return;
    }
    struct fama_frame frame;
    struct fama_bytes bytes = fama_packet_bytes(packet);
    enum fama_drop reason = fama_frame_parse(bytes, &net->receiver, checked, &frame);
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    if (frame.kind != FAMA_FRAME_DATAGRAM) {
        *fama_packet_of(packet) = (struct fama_packet){.is_neighbours = false};
        take_neighbours(net, packet, &frame);
        return;
    }
    size_t before = (size_t)(frame.payload.at - bytes.at);
    size_t after = bytes.len - before - frame.payload.len;
    (void)rte_pktmbuf_adj(packet, (uint16_t)before); /* both are within the one segment */
    (void)rte_pktmbuf_trim(packet, (uint16_t)after);
    *fama_packet_of(packet) = (struct fama_packet){.peer = frame.source};
    keep_sum(packet, &frame);
    take_datagram(net, packet);
}

static uint32_t receive(struct fama_net *net)
{
    struct rte_mbuf *packets[FAMA_NET_BURST];
    const struct fama_port *port = &net->topology->port;
    if (net->number >= port->queues || !port->is_started) {
        return 0;
    }
    uint16_t count = rte_eth_rx_burst(port->id, (uint16_t)net->number, packets, FAMA_NET_BURST);
    for (uint16_t i = 0; i < count && i < PREFETCH_AHEAD; i++) {
        rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
    }
    for (uint16_t i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count) {
            rte_prefetch0(rte_pktmbuf_mtod(packets[i + PREFETCH_AHEAD], void *));
        }
        take_frame(net, packets[i]);
    }
    return count;
}

/* What other net lcores have found to be this one's. */
static uint32_t receive_own(struct fama_net *net)
{
    void *objects[FAMA_NET_BURST];
    uint32_t count = rte_ring_dequeue_burst(net->ends->net_to_net, objects, FAMA_NET_BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct rte_mbuf *packet = objects[i];
        struct fama_bytes bytes = fama_packet_bytes(packet);
        struct fama_wire_header header;
        struct fama_frame frame;
        if (fama_packet_of(packet)->is_neighbours &&
            fama_frame_parse(bytes, &net->receiver, 0, &frame) == FAMA_DROP_NONE) {
            take_neighbours(net, packet, &frame);
        } else if (fama_wire_header_read(bytes, &header) == FAMA_DROP_NONE) {
            take_own(net, packet, header.kind);
        } else {
            fama_net_drop(net, packet, FAMA_DROP_MALFORMED); /* it was good where it came from */
        }
    }
    return count;
}

/* ---- What control, origin and server threads send ---- */

static uint32_t send_control(struct fama_net *net)
{
    void *objects[FAMA_NET_BURST];
    if (fama_transmit_room(&net->transmit, FAMA_TRANSMIT_CONTROL) < FAMA_NET_BURST) {
        return 0;
    }
    uint32_t count =
        rte_ring_dequeue_burst(net->topology->control_to_net, objects, FAMA_NET_BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct fama_endpoint target = fama_packet_of(objects[i])->peer;
        fama_transmit_one(&net->transmit, net->now_ns, objects[i], &target, FAMA_TRANSMIT_CONTROL);
    }
    return count;
}

/* Another core has written it; we read its headers, and the port the rest. */
static void prefetch_datagram(const struct rte_mbuf *packet)
{
    const uint8_t *at = rte_pktmbuf_mtod(packet, const uint8_t *);
    for (uint32_t i = 0; i < rte_pktmbuf_data_len(packet); i += RTE_CACHE_LINE_SIZE) {
        rte_prefetch0(at + i);
    }
}

/* Only while every target of one more chunk has room in its class's queue: else the ring fills, and its
 * producer waits. */
static uint32_t send_chunks(struct fama_net *net, struct rte_ring *ring,
                            enum fama_transmit_class transmit_class)
{
    uint32_t count = 0;
    uint32_t taken;
    do {
        void *chunks[CHUNKS_AHEAD];
        uint32_t most = fama_transmit_room(&net->transmit, transmit_class) / FAMA_FANOUT_MAX;
        most = most < CHUNKS_AHEAD ? most : CHUNKS_AHEAD;
        taken = rte_ring_dequeue_burst(ring, chunks, most, NULL);
        for (uint32_t i = 0; i < taken; i++) {
            rte_prefetch0(chunks[i]);
            rte_prefetch0(fama_packet_of(chunks[i]));
        }
        for (uint32_t i = 0; i < taken; i++) {
            if (i + 1 < taken) {
                prefetch_datagram(chunks[i + 1]);
            }
            fama_net_send_own_chunk(net, chunks[i], transmit_class);
        }
        count += taken;
    } while (taken > 0 && count < FAMA_NET_BURST);
    return count;
}

/* Frames of lcores that have no transmit queue. What the port does not take stays for the next time. */
static uint32_t pass_on_frames(struct fama_net *net)
{
    const struct fama_port *port = &net->topology->port;
    if (!port->is_started) {
        return 0;
    }
    net->passing_count +=
        (uint16_t)rte_ring_dequeue_burst(port->detour, (void **)&net->passing[net->passing_count],
                                         FAMA_NET_BURST - net->passing_count, NULL);
    uint16_t taken = net->passing_count > 0
                         ? rte_eth_tx_burst(port->id, 0, net->passing, net->passing_count)
                         : 0;
    net->passing_count -= taken;
    memmove(net->passing, net->passing + taken, net->passing_count * sizeof net->passing[0]);
    return taken;
}

/* ---- Housekeeping ---- */

static void tell_gaps(struct fama_net *net)
{
    struct fama_topology *topology = net->topology;
    for (int i = 0; i < GAPS_PER_TICK; i++) {
        struct fama_event *event = fama_topology_event(topology);
        if (event == NULL) {
            return;
        }
        event->kind = FAMA_EVENT_GAP;
        if (!fama_reassembly_gap(net->reassembly, net->now_ns, topology->config.stalled_ns,
                                 net->view, &event->gap)) {
            fama_topology_event_done(topology, event);
            return;
        }
        if (!fama_topology_tell(topology, event)) {
            net->counts.own.drops[FAMA_DROP_EVENT_RING_FULL]++;
        }
    }
}

static void tell_window(struct fama_net *net, const struct fama_view_channel *channel)
{
    struct fama_net_told *told = &net->told[channel->index];
    if (told->is_known && net->now_ns - told->at_ns < WINDOW_PAUSE_NS) {
        return;
    }
    uint64_t first = atomic_load_explicit(&channel->gate->next_block, memory_order_acquire);
    struct fama_window window = {
        .channel = channel->index,
        .first = first,
        .present = fama_reassembly_present(net->reassembly, channel->index, first),
        .horizon = fama_reassembly_horizon(net->reassembly, channel->index),
        .loss = fama_reassembly_loss(net->reassembly, channel->index),
    };
    if (told->is_known && window.first == told->window.first &&
        window.present == told->window.present && window.horizon == told->window.horizon) {
        return;
    }
    struct fama_event *event = fama_topology_event(net->topology);
    if (event == NULL) {
        return;
    }
    event->kind = FAMA_EVENT_WINDOW;
    event->window = window;
    event->net_lcore = net->number;
    if (fama_topology_tell(net->topology, event)) {
        *told = (struct fama_net_told){.is_known = true, .at_ns = net->now_ns, .window = window};
    }
}

static void keep_house(struct fama_net *net)
{
    (void)fama_neighbour_tick(net->transmit.neighbours, net->now_ns);
    if (net->view != NULL) {
        tell_gaps(net);
        fama_net_chunks_keep_house(net);
        for (uint32_t i = 0; i < net->view->channel_count; i++) {
            tell_window(net, &net->view->channels[i]);
        }
    }
    struct fama_neighbour_counts neighbours = fama_neighbour_counts(net->transmit.neighbours);
    net->counts.own.neighbour_requests_sent = neighbours.requests_sent;
    net->counts.own.neighbour_replies_sent = neighbours.replies_sent;
    net->counts.own.neighbours_displaced = neighbours.unproved_displaced;
    net->counts.own.neighbours_refused = neighbours.unproved_refused;
    fama_counts_publish(&net->counts);
    net->housekeeping_at_ns = net->now_ns + HOUSEKEEPING_NS;
}

/* ---- The loop ---- */

static uint32_t cycle(struct fama_net *net)
{
    uint32_t work = fama_net_take_returns(net);
    work += fama_net_take_verdicts(net);
    work += receive(net);
    work += receive_own(net);
    fama_net_settle_chunks(net);
    if (net->has_verify_work) {
        fama_topology_wake_verify(net->topology);
        net->has_verify_work = false;
    }
    if (net->number == 0) {
        work += send_control(net);
        work += pass_on_frames(net);
    }
    work += send_chunks(net, net->ends->origin_to_net, FAMA_TRANSMIT_NEW_BLOCK);
    work += send_chunks(net, net->ends->repair_to_net, FAMA_TRANSMIT_REPAIR);
    work += send_chunks(net, net->ends->transfer_to_net, FAMA_TRANSMIT_TRANSFER);
    if (net->now_ns >= net->housekeeping_at_ns) {
        keep_house(net);
    }
    work += fama_transmit_flush(&net->transmit, net->now_ns);
    return work;
}

/* Whether a ring has chunks and their class's queue room for one: else they wait for the pace or the port. */
static bool has_chunks_to_take(const struct fama_net *net, const struct rte_ring *ring,
                               enum fama_transmit_class transmit_class)
{
    return rte_ring_empty(ring) == 0 &&
           fama_transmit_room(&net->transmit, transmit_class) >= FAMA_FANOUT_MAX;
}

static bool has_something_to_take(const struct fama_net *net)
{
    const struct fama_net_ends *ends = net->ends;
    return rte_ring_empty(net->topology->control_to_net) == 0 ||
           rte_ring_empty(ends->verify_to_net) == 0 || rte_ring_empty(ends->commit_to_net) == 0 ||
           has_chunks_to_take(net, ends->origin_to_net, FAMA_TRANSMIT_NEW_BLOCK) ||
           has_chunks_to_take(net, ends->repair_to_net, FAMA_TRANSMIT_REPAIR) ||
           has_chunks_to_take(net, ends->transfer_to_net, FAMA_TRANSMIT_TRANSFER);
}

/* Until a frame comes, a ring is filled, or what waits to be sent is due; by the clock where the port has
 * nothing to wait for. */
static void rest(const struct fama_net *net, const struct fama_port_wake *wake, uint64_t sleep_ns,
                 uint64_t due_ns)
{
    struct fama_topology *topology = net->topology;
    bool is_done = wake->count > 0;
    if (is_done) {
        fama_doorbell_arm(&topology->net_bell);
        is_done = has_something_to_take(net) ||
                  fama_port_wake_wait(wake, topology->net_bell.fd,
                                      due_ns < REST_MAX_NS ? due_ns : REST_MAX_NS);
    }
    if (!is_done) {
        fama_idle_wait(sleep_ns);
    }
}

int fama_net_run(void *argument)
{
    struct fama_net *net = argument;
    struct fama_topology *topology = net->topology;
    struct fama_idler idler;
    struct fama_port_wake wake = {.count = 0};
    if (topology->config.net_core_count == 1) {
        fama_port_wake_find(&wake); /* several would wake each other for nothing */
    }
    fama_idle_init(&idler, topology->config.idle, topology->config.idle_sleep_max_ns);
    fama_idle_prepare_thread();
    urcu_qsbr_register_thread();
    while (!atomic_load_explicit(&topology->is_stopping, memory_order_acquire)) {
        net->now_ns = fama_clock_ns();
        net->view = rcu_dereference(topology->view);
        uint32_t work = cycle(net);
        net->view = NULL;
        urcu_qsbr_quiescent_state();
        if (net->number == 0 && net->now_ns >= net->port_watch_at_ns) {
            fama_port_watch(&topology->port, net->now_ns);
            net->port_watch_at_ns = net->now_ns + PORT_WATCH_NS;
        }
        uint64_t sleep_ns = fama_idle_next(&idler, work);
        uint64_t due_ns = fama_transmit_queues_wait_ns(&net->transmit.queues, net->now_ns);
        sleep_ns = sleep_ns < due_ns ? sleep_ns : due_ns;
        if (sleep_ns != 0) {
            urcu_qsbr_thread_offline();
            rest(net, &wake, sleep_ns, due_ns);
            urcu_qsbr_thread_online();
        } else if (work == 0) {
            fama_idle_wait(0);
        }
    }
    urcu_qsbr_unregister_thread();
    fama_counts_publish(&net->counts);
    return 0;
}

struct fama_net *fama_net_create(struct fama_topology *topology, uint32_t number)
{
    const struct fama_dataplane_config *config = &topology->config;
    /* The lcore's counters and staging share no cache line with anything else. */
    struct fama_net *net = NULL;
    if (posix_memalign((void **)&net, RTE_CACHE_LINE_SIZE, sizeof *net) != 0) {
        return NULL;
    }
    memset(net, 0, sizeof *net);
    net->topology = topology;
    net->number = number;
    net->ends = &topology->net[number];
    net->sources = &net->ends->sources;
    memcpy(net->receiver.mac, topology->port.mac, FAMA_MAC_BYTES);
    net->receiver.endpoint = config->endpoint;
    fama_random_seed(&net->random, config->random_seed + number);
    if (!fama_net_chunks_create(net) ||
        !fama_transmit_init(&net->transmit, topology, number, &net->counts.own)) {
        fama_net_destroy(net);
        return NULL;
    }
    return net;
}

void fama_net_destroy(struct fama_net *net)
{
    if (net == NULL) {
        return;
    }
    rte_pktmbuf_free_bulk(net->passing, net->passing_count);
    fama_transmit_destroy(&net->transmit);
    fama_net_chunks_destroy(net);
    free(net);
}

const struct fama_counts *fama_net_counts(const struct fama_net *net)
{
    return &net->counts;
}
