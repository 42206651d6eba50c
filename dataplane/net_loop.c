#include "dataplane/net_loop.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <stdlib.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "dataplane/fanout.h"
#include "dataplane/idle.h"
#include "dataplane/recent.h"
#include "dataplane/transmit.h"

#define BURST              32
#define PREFETCH_AHEAD     4
#define HOUSEKEEPING_NS    1000000u
#define WINDOW_PAUSE_NS    5000000u
#define PORT_WATCH_NS      250000000u
#define GAPS_PER_TICK      4
#define DATAGRAM_EVENT_MAX sizeof(((struct fama_event *)NULL)->datagram)

/* What the control thread was told last of a channel. */
struct told {
    bool is_known;
    uint64_t at_ns;
    struct fama_window window;
};

struct fama_net {
    struct fama_topology *topology;
    struct fama_transmit transmit;
    struct fama_reassembly *reassembly;
    struct fama_frame_receiver receiver;
    struct fama_random random;
    struct fama_recent recent;
    struct fama_counts counts;
    struct told told[FAMA_CHANNELS_MAX];

    /* Root jobs: all of them, and those not on their way to or from a verify lcore. */
    struct fama_root_job *root_jobs;
    struct fama_root_job **free_jobs;
    uint32_t free_job_count;

    /* Of the cycle at hand. */
    const struct fama_view *view;
    uint64_t now_ns;
    bool has_verify_work; /* the cycle has given the verify lcores something */
    uint64_t housekeeping_at_ns;
    uint64_t port_watch_at_ns;
};

static uint64_t monotonic_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void drop(struct fama_net *net, struct rte_mbuf *packet, enum fama_drop reason)
{
    net->counts.own.drops[reason]++;
    rte_pktmbuf_free(packet);
}

/* ---- Chunks ---- */

static uint32_t fan_out(struct fama_net *net, struct rte_mbuf *packet,
                        const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                        const struct fama_endpoint *came_from)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    uint32_t wanted = net->topology->config.propagate_peer_num;
    bool is_own = came_from == NULL;
    /* Nobody signs the hops: a relay believes no more of them than it would have given itself. */
    uint8_t budget = net->topology->config.hop_budget;
    uint8_t hops = chunk->hops < budget ? chunk->hops : budget;
    struct fama_transmit_fan fan = {
        .peers = net->view->peers,
        .targets = chosen,
        .count =
            fama_fanout_infectious(&net->random, net->view, channel, chunk->origin, came_from,
                                   wanted < FAMA_FANOUT_MAX ? wanted : FAMA_FANOUT_MAX, chosen),
        .hops = (uint8_t)(is_own ? hops : hops - 1),
        .is_own = is_own,
    };
    fama_transmit_fan_out(&net->transmit, net->now_ns, packet, &fan);
    return fan.count;
}

/* A chunk that is in its block now: others should have it too. It goes on with the signature that has
 * been verified, not the one it came with: else anybody could spoil that for whoever we pass it to. */
static void relay(struct fama_net *net, struct rte_mbuf *packet,
                  const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                  const struct fama_offer_result *result)
{
    if ((chunk->flags & FAMA_FLAG_REPAIR) != 0) {
        net->counts.own.chunks_repaired++;
        rte_pktmbuf_free(packet);
    } else if (chunk->hops == 0) {
        drop(net, packet, FAMA_DROP_HOPS_SPENT);
    } else {
        struct fama_endpoint came_from = fama_packet_of(packet)->peer;
        struct fama_chunk proved = *chunk;
        proved.origin = result->signer;
        fama_wire_chunk_sign(rte_pktmbuf_mtod(packet, uint8_t *), result->signer,
                             result->signature);
        net->counts.own.chunks_forwarded += fan_out(net, packet, channel, &proved, &came_from);
    }
}

static void hand_over(struct fama_net *net, const struct fama_assembled *assembled)
{
    struct fama_topology *topology = net->topology;
    topology->assembled[assembled->slot] = *assembled;
    net->counts.own.blocks_assembled++;
    if (rte_ring_enqueue(topology->net_to_commit[assembled->channel],
                         &topology->assembled[assembled->slot]) != 0) {
        net->counts.own.drops[FAMA_DROP_BLOCK_RING_FULL]++;
        fama_reassembly_return(net->reassembly, net->now_ns, assembled->slot, true, 0);
        return;
    }
    (void)fama_doorbell_ring(&topology->block_bells[assembled->channel]);
}

static void take_chunk(struct fama_net *net, struct rte_mbuf *packet);

static uint32_t source_of(struct rte_mbuf *packet)
{
    return fama_packet_of(packet)->peer.ipv4;
}

/* FAMA_DROP_NONE: the root is good. Else the chunks that waited for it are dropped for that reason. */
static void decide_root(struct fama_net *net, uint32_t ticket, enum fama_drop reason)
{
    void *held[FAMA_SET_CHUNKS];
    bool is_good = reason == FAMA_DROP_NONE;
    uint32_t count = fama_reassembly_verdict(net->reassembly, ticket, is_good, held);
    for (uint32_t i = 0; i < count; i++) {
        fama_sources_forgive(&net->topology->sources, source_of(held[i]), FAMA_SOURCE_HELD);
        if (is_good) {
            take_chunk(net, held[i]);
        } else {
            drop(net, held[i], reason);
        }
    }
}

/* Sends a root to the verify lcores. The packet that brought it waits in reassembly. */
static void ask_verdict(struct fama_net *net, uint32_t source,
                        const struct fama_view_channel *channel,
                        const struct fama_view_peer *origin, const struct fama_chunk *chunk,
                        const struct fama_offer_result *result)
{
    struct fama_signature signature;
    /* Reassembly has no more roots waiting than there are jobs; one too many would only be refused. */
    if (net->free_job_count == 0 || fama_signature_from_raw(chunk->signature, &signature) != 0) {
        decide_root(net, result->root_ticket, FAMA_DROP_ROOT_FORGED);
        return;
    }
    if (!fama_sources_charge(&net->topology->sources, net->now_ns, source, FAMA_SOURCE_ROOTS)) {
        decide_root(net, result->root_ticket, FAMA_DROP_SOURCE_BUDGET);
        return;
    }
    struct fama_root_job *job = net->free_jobs[--net->free_job_count];
    job->ticket = result->root_ticket;
    job->source = source;
    job->signer = fama_identity_acquire(origin->identity);
    job->job.key = fama_identity_key(job->signer);
    job->job.signature = signature;
    job->job.verdict = FAMA_VERDICT_PENDING;
    fama_wire_root_digest(chunk, channel->digest, origin->pki_id, result->root, job->job.digest);
    if (rte_ring_enqueue(net->topology->net_to_verify_roots, job) != 0) {
        fama_identity_release(job->signer);
        job->signer = NULL;
        net->free_jobs[net->free_job_count++] = job;
        fama_sources_forgive(&net->topology->sources, source, FAMA_SOURCE_ROOTS);
        decide_root(net, result->root_ticket, FAMA_DROP_VERIFY_RING_FULL);
        return;
    }
    net->has_verify_work = true;
}

static void offer(struct fama_net *net, struct rte_mbuf *packet,
                  const struct fama_view_channel *channel, const struct fama_view_peer *origin,
                  const struct fama_chunk *chunk)
{
    struct fama_offer_result result;
    struct fama_sources *sources = &net->topology->sources;
    uint32_t source = source_of(packet);
    bool may_wait = fama_sources_has_room(sources, net->now_ns, source, FAMA_SOURCE_HELD);
    fama_reassembly_offer(net->reassembly, net->now_ns, channel, chunk, may_wait ? packet : NULL,
                          &result);
    if (result.offer == FAMA_OFFER_HELD || result.offer == FAMA_OFFER_VERIFY) {
        (void)fama_sources_charge(sources, net->now_ns, source, FAMA_SOURCE_HELD); /* has room */
    }
    switch (result.offer) {
    case FAMA_OFFER_DROPPED:
        drop(net, packet, result.drop);
        break;
    case FAMA_OFFER_COMPLETE:
        hand_over(net, &result.assembled);
        net->counts.own.chunks_stored++;
        relay(net, packet, channel, chunk, &result);
        break;
    case FAMA_OFFER_STORED:
        net->counts.own.chunks_stored++;
        relay(net, packet, channel, chunk, &result);
        break;
    case FAMA_OFFER_HELD:
        break;
    case FAMA_OFFER_VERIFY:
        ask_verdict(net, source, channel, origin, chunk, &result);
        break;
    }
}

/* Also for chunks that come back from waiting: the view may have changed meanwhile. */
static void take_chunk(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_chunk chunk;
    enum fama_drop reason = fama_wire_chunk_read(fama_packet_bytes(packet), &chunk);
    const struct fama_view *view = net->view;
    const struct fama_view_channel *channel = NULL;
    const struct fama_view_peer *origin = NULL;
    if (reason == FAMA_DROP_NONE) {
        channel = view != NULL ? fama_view_channel(view, chunk.channel) : NULL;
        reason = channel != NULL ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (reason == FAMA_DROP_NONE && chunk.origin == view->self) {
        reason = FAMA_DROP_OWN_MESSAGE;
    }
    if (reason == FAMA_DROP_NONE) {
        origin = fama_view_peer(view, chunk.origin);
        bool is_member = origin != NULL && origin->identity != NULL &&
                         fama_view_is_member(view, channel, chunk.origin);
        reason = is_member ? FAMA_DROP_NONE : FAMA_DROP_NOT_A_MEMBER;
    }
    if (reason != FAMA_DROP_NONE) {
        drop(net, packet, reason);
        return;
    }
    offer(net, packet, channel, origin, &chunk);
}

/* ---- Signed messages ---- */

/* All that can be said of a message without looking at its signature. */
static enum fama_drop judge_message(const struct fama_net *net, struct fama_bytes datagram)
{
    struct fama_message message;
    enum fama_drop reason = fama_wire_message_read(datagram, &message);
    if (reason != FAMA_DROP_NONE) {
        return reason;
    }
    if (datagram.len > DATAGRAM_EVENT_MAX) {
        return FAMA_DROP_MALFORMED;
    }
    if (net->view == NULL) {
        return FAMA_DROP_UNKNOWN_AUTHOR;
    }
    if (message.author == net->view->self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    bool is_known = fama_view_peer(net->view, message.author) != NULL;
    return is_known || message.kind == FAMA_KIND_ALIVE ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_AUTHOR;
}

static void take_message(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_bytes datagram = fama_packet_bytes(packet);
    net->counts.own.messages_received++;
    enum fama_drop reason = judge_message(net, datagram);
    if (reason != FAMA_DROP_NONE) {
        drop(net, packet, reason);
        return;
    }
    struct fama_sources *sources = &net->topology->sources;
    uint32_t source = source_of(packet);
    if (!fama_sources_has_room(sources, net->now_ns, source, FAMA_SOURCE_MESSAGES)) {
        drop(net, packet, FAMA_DROP_SOURCE_BUDGET);
        return;
    }
    uint64_t name = fama_recent_name(datagram);
    if (fama_recent_has(&net->recent, net->now_ns, name)) {
        drop(net, packet, FAMA_DROP_REPLAYED);
        return;
    }
    /* Charged before a verify lcore can forgive it. There is room. */
    (void)fama_sources_charge(sources, net->now_ns, source, FAMA_SOURCE_MESSAGES);
    if (rte_ring_enqueue(net->topology->net_to_verify_messages, packet) != 0) {
        fama_sources_forgive(sources, source, FAMA_SOURCE_MESSAGES);
        drop(net, packet, FAMA_DROP_VERIFY_RING_FULL);
        return;
    }
    net->has_verify_work = true;
    fama_recent_add(&net->recent, net->now_ns, name);
}

/* ---- Frames ---- */

static void take_datagram(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_wire_header header;
    enum fama_drop reason = fama_wire_header_read(fama_packet_bytes(packet), &header);
    if (reason != FAMA_DROP_NONE) {
        drop(net, packet, reason);
    } else if (header.kind == FAMA_KIND_CHUNK) {
        net->counts.own.chunks_received++;
        take_chunk(net, packet);
    } else {
        take_message(net, packet);
    }
}

static void take_frame(struct fama_net *net, struct rte_mbuf *packet)
{
    net->counts.own.rx_packets++;
    net->counts.own.rx_bytes += rte_pktmbuf_pkt_len(packet);
    bool is_bad;
    unsigned int checked = fama_port_checked(&net->topology->port, packet, &is_bad);
    if (is_bad) {
        drop(net, packet, FAMA_DROP_BAD_CHECKSUM);
        return;
    }
    /* Packets have room for whole frames, so more than one segment is more than our MTU. */
    if (packet->nb_segs != 1) {
        drop(net, packet, FAMA_DROP_BAD_FRAME);
        return;
    }
    struct fama_frame frame;
    struct fama_bytes bytes = fama_packet_bytes(packet);
    enum fama_drop reason = fama_frame_parse(bytes, &net->receiver, checked, &frame);
    if (reason == FAMA_DROP_NONE && frame.is_arp) {
        reason = fama_neighbour_input(net->transmit.neighbours, net->now_ns, frame.payload);
        if (reason == FAMA_DROP_NONE) {
            rte_pktmbuf_free(packet);
            return;
        }
    }
    if (reason != FAMA_DROP_NONE) {
        drop(net, packet, reason);
        return;
    }
    size_t before = (size_t)(frame.payload.at - bytes.at);
    size_t after = bytes.len - before - frame.payload.len;
    (void)rte_pktmbuf_adj(packet, (uint16_t)before); /* both are within the one segment */
    (void)rte_pktmbuf_trim(packet, (uint16_t)after);
    *fama_packet_of(packet) = (struct fama_packet){.peer = frame.source};
    take_datagram(net, packet);
}

static uint32_t receive(struct fama_net *net)
{
    struct rte_mbuf *packets[BURST];
    if (!net->topology->port.is_started) {
        return 0;
    }
    uint16_t count = rte_eth_rx_burst(net->topology->port.id, 0, packets, BURST);
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

/* ---- What other threads want ---- */

static uint32_t take_verdicts(struct fama_net *net)
{
    void *objects[BURST];
    uint32_t count = rte_ring_dequeue_burst(net->topology->verify_to_net, objects, BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct fama_root_job *job = objects[i];
        bool is_good = job->job.verdict == FAMA_VERDICT_GOOD;
        fama_identity_release(job->signer);
        job->signer = NULL;
        if (is_good) {
            fama_sources_forgive(&net->topology->sources, job->source, FAMA_SOURCE_ROOTS);
        }
        /* Free before the chunks are offered again: one of them may take it. */
        uint32_t ticket = job->ticket;
        net->free_jobs[net->free_job_count++] = job;
        decide_root(net, ticket, is_good ? FAMA_DROP_NONE : FAMA_DROP_ROOT_FORGED);
    }
    return count;
}

static uint32_t take_returns(struct fama_net *net)
{
    void *objects[BURST];
    uint32_t count = rte_ring_dequeue_burst(net->topology->commit_to_net, objects, BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t word = (uintptr_t)objects[i];
        fama_reassembly_return(net->reassembly, net->now_ns, FAMA_RETURN_SLOT(word),
                               FAMA_RETURN_ACCEPTED(word), net->topology->config.blame_ns);
    }
    return count;
}

static uint32_t send_control(struct fama_net *net)
{
    void *objects[BURST];
    uint32_t count = rte_ring_dequeue_burst(net->topology->control_to_net, objects, BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct fama_endpoint target = fama_packet_of(objects[i])->peer;
        fama_transmit_one(&net->transmit, net->now_ns, objects[i], &target);
    }
    return count;
}

static void send_own_chunk(struct fama_net *net, struct rte_mbuf *packet)
{
    const struct fama_packet *about = fama_packet_of(packet);
    if (!about->is_fanned_out) {
        struct fama_endpoint target = about->peer;
        fama_transmit_one(&net->transmit, net->now_ns, packet, &target);
        return;
    }
    struct fama_chunk chunk;
    enum fama_drop reason = fama_wire_chunk_read(fama_packet_bytes(packet), &chunk);
    const struct fama_view_channel *channel = NULL;
    if (reason == FAMA_DROP_NONE) {
        channel = net->view != NULL ? fama_view_channel(net->view, chunk.channel) : NULL;
        reason = channel != NULL ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (reason != FAMA_DROP_NONE) {
        drop(net, packet, reason);
        return;
    }
    (void)fan_out(net, packet, channel, &chunk, NULL);
}

/* Only while every target of one more chunk has room in the burst: else the ring fills, and the origin
 * thread waits. */
static uint32_t send_origin(struct fama_net *net)
{
    uint32_t count = 0;
    void *object;
    while (count < BURST && fama_transmit_room(&net->transmit) >= FAMA_FANOUT_MAX &&
           rte_ring_dequeue(net->topology->origin_to_net, &object) == 0) {
        send_own_chunk(net, object);
        count++;
    }
    return count;
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
    struct told *told = &net->told[channel->index];
    if (told->is_known && net->now_ns - told->at_ns < WINDOW_PAUSE_NS) {
        return;
    }
    uint64_t first = atomic_load_explicit(&channel->gate->next_block, memory_order_acquire);
    struct fama_window window = {
        .channel = channel->index,
        .first = first,
        .present = fama_reassembly_present(net->reassembly, channel->index, first),
        .horizon = fama_reassembly_horizon(net->reassembly, channel->index),
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
    if (fama_topology_tell(net->topology, event)) {
        *told = (struct told){.is_known = true, .at_ns = net->now_ns, .window = window};
    }
}

static void keep_house(struct fama_net *net)
{
    (void)fama_neighbour_tick(net->transmit.neighbours, net->now_ns);
    if (net->view != NULL) {
        tell_gaps(net);
        for (uint32_t i = 0; i < net->view->channel_count; i++) {
            tell_window(net, &net->view->channels[i]);
        }
    }
    if (net->now_ns >= net->port_watch_at_ns) {
        fama_port_watch(&net->topology->port);
        net->port_watch_at_ns = net->now_ns + PORT_WATCH_NS;
    }
    struct fama_neighbour_counts arp = fama_neighbour_counts(net->transmit.neighbours);
    net->counts.own.arp_requests_sent = arp.requests_sent;
    net->counts.own.arp_replies_sent = arp.replies_sent;
    fama_counts_publish(&net->counts);
    net->housekeeping_at_ns = net->now_ns + HOUSEKEEPING_NS;
}

/* ---- The loop ---- */

static uint32_t cycle(struct fama_net *net)
{
    uint32_t work = take_returns(net);
    work += take_verdicts(net);
    work += receive(net);
    if (net->has_verify_work) {
        fama_topology_wake_verify(net->topology);
        net->has_verify_work = false;
    }
    work += send_control(net);
    work += send_origin(net);
    if (net->now_ns >= net->housekeeping_at_ns) {
        keep_house(net);
    }
    work += fama_transmit_flush(&net->transmit, net->now_ns);
    return work;
}

int fama_net_run(void *argument)
{
    struct fama_net *net = argument;
    struct fama_topology *topology = net->topology;
    struct fama_idler idler;
    fama_idle_init(&idler, topology->config.idle, topology->config.idle_sleep_max_ns);
    fama_idle_prepare_thread();
    urcu_qsbr_register_thread();
    while (!atomic_load_explicit(&topology->is_stopping, memory_order_acquire)) {
        net->now_ns = monotonic_ns();
        net->view = rcu_dereference(topology->view);
        uint32_t work = cycle(net);
        net->view = NULL;
        urcu_qsbr_quiescent_state();
        uint64_t sleep_ns = fama_idle_next(&idler, work);
        if (sleep_ns != 0) {
            urcu_qsbr_thread_offline();
            fama_idle_wait(sleep_ns);
            urcu_qsbr_thread_online();
        } else if (work == 0) {
            fama_idle_wait(0);
        }
    }
    urcu_qsbr_unregister_thread();
    fama_counts_publish(&net->counts);
    return 0;
}

static bool make_jobs(struct fama_net *net, uint32_t count)
{
    net->root_jobs = calloc(count, sizeof *net->root_jobs);
    net->free_jobs = calloc(count, sizeof(struct fama_root_job *));
    if (net->root_jobs == NULL || net->free_jobs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        net->free_jobs[i] = &net->root_jobs[i];
    }
    net->free_job_count = count;
    return true;
}

struct fama_net *fama_net_create(struct fama_topology *topology)
{
    const struct fama_dataplane_config *config = &topology->config;
    /* The lcore's counters and staging share no cache line with anything else. */
    struct fama_net *net = NULL;
    if (posix_memalign((void **)&net, RTE_CACHE_LINE_SIZE, sizeof *net) != 0) {
        return NULL;
    }
    memset(net, 0, sizeof *net);
    net->topology = topology;
    memcpy(net->receiver.mac, topology->port.mac, FAMA_MAC_BYTES);
    net->receiver.endpoint = config->endpoint;
    fama_random_seed(&net->random, config->random_seed);
    net->reassembly = fama_reassembly_create(&config->reassembly);
    if (net->reassembly == NULL || !make_jobs(net, config->reassembly.roots_max) ||
        !fama_transmit_init(&net->transmit, topology, &net->counts.own)) {
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
    fama_transmit_destroy(&net->transmit);
    fama_reassembly_destroy(net->reassembly);
    for (uint32_t i = 0; net->root_jobs != NULL && i < net->topology->config.reassembly.roots_max;
         i++) {
        fama_identity_release(net->root_jobs[i].signer);
    }
    free(net->root_jobs);
    free(net->free_jobs);
    free(net);
}

const struct fama_counts *fama_net_counts(const struct fama_net *net)
{
    return &net->counts;
}
