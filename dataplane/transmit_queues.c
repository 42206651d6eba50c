#include "dataplane/transmit_queues.h"

#define PORT_RETRY_NS 50000u
#define TRIES         4 /* bursts that take nothing, before the rest waits */
#define MASK          (FAMA_TRANSMIT_QUEUE - 1)

_Static_assert((FAMA_TRANSMIT_QUEUE & MASK) == 0, "places are found by a mask");
_Static_assert(FAMA_WIRE_DATAGRAM_MAX + FAMA_FRAME_HEADER_MAX + FAMA_TRANSMIT_WIRE_BYTES <
                   FAMA_PACER_BURST_MIN,
               "any packet fits the least bucket");

/* Packets of several classes, in the order they leave. */
struct burst {
    uint32_t count;
    struct rte_mbuf *packets[FAMA_TRANSMIT_BURST];
    uint16_t lengths[FAMA_TRANSMIT_BURST];
    uint8_t classes[FAMA_TRANSMIT_BURST];
};

void fama_transmit_queues_init(struct fama_transmit_queues *queues, const struct fama_port *port,
                               uint32_t lcore, struct fama_pacer *pacer,
                               struct fama_dataplane_counters *counts)
{
    *queues = (struct fama_transmit_queues){
        .port = port, .lcore = lcore, .pacer = pacer, .counts = counts};
}

void fama_transmit_drop(struct fama_transmit_queues *queues, struct rte_mbuf *packet,
                        enum fama_transmit_class transmit_class, enum fama_drop reason)
{
    struct fama_class_counters *of_class = &queues->counts->classes[transmit_class];
    queues->counts->drops[reason]++;
    of_class->queue_full += reason == FAMA_DROP_TX_QUEUE_FULL;
    of_class->port_full += reason == FAMA_DROP_TX_FULL;
    of_class->no_neighbour += reason == FAMA_DROP_NO_NEIGHBOUR;
    of_class->no_mbuf += reason == FAMA_DROP_NO_MBUF;
    rte_pktmbuf_free(packet); /* NULL: there was not even a packet */
}

static void drop_all(struct fama_transmit_queues *queues)
{
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        struct fama_transmit_queue *queue = &queues->queues[i];
        while (queue->head != queue->tail) {
            fama_transmit_drop(queues, queue->packets[queue->head++ & MASK], i, FAMA_DROP_TX_FULL);
        }
    }
}

void fama_transmit_queues_clear(struct fama_transmit_queues *queues)
{
    drop_all(queues);
}

static bool has_place(const struct fama_transmit_queues *queues,
                      enum fama_transmit_class transmit_class, enum fama_transmit_claim claim)
{
    return fama_transmit_queue_count(queues, transmit_class) + claim < FAMA_TRANSMIT_QUEUE;
}

void fama_transmit_queue_put(struct fama_transmit_queues *queues, struct rte_mbuf *packet,
                             enum fama_transmit_class transmit_class,
                             enum fama_transmit_claim claim)
{
    if (!has_place(queues, transmit_class, claim)) {
        fama_transmit_queues_burst(queues, queues->now_ns);
    }
    if (!has_place(queues, transmit_class, claim)) {
        fama_transmit_drop(queues, packet, transmit_class, FAMA_DROP_TX_QUEUE_FULL);
        return;
    }
    struct fama_transmit_queue *queue = &queues->queues[transmit_class];
    uint32_t place = queue->tail++ & MASK;
    queue->packets[place] = packet;
    queue->lengths[place] = (uint16_t)rte_pktmbuf_pkt_len(packet);
}

/* ---- Which packets go ---- */

/* Up to the burst's room, and at most `most`, of one class from place `from` on; returns how many. */
static uint32_t gather_run(const struct fama_transmit_queues *queues, struct burst *burst,
                           enum fama_transmit_class transmit_class, uint32_t from, uint32_t most)
{
    const struct fama_transmit_queue *queue = &queues->queues[transmit_class];
    uint32_t count = queue->tail - from;
    count = count < most ? count : most;
    uint32_t room = FAMA_TRANSMIT_BURST - burst->count;
    count = count < room ? count : room;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = (from + i) & MASK;
        burst->packets[burst->count + i] = queue->packets[place];
        burst->lengths[burst->count + i] = queue->lengths[place];
        burst->classes[burst->count + i] = (uint8_t)transmit_class;
    }
    burst->count += count;
    return count;
}

/* What repair has earned after one more packet has gone. Nothing is saved up beyond a largest packet, or
 * while nothing waits. */
static uint64_t share_after(uint64_t share, enum fama_transmit_class transmit_class, uint32_t bytes)
{
    const uint64_t most = (uint64_t)FAMA_PACER_BURST_MIN * FAMA_TRANSMIT_REPAIR_SHARE;
    if (transmit_class == FAMA_TRANSMIT_NEW_BLOCK) {
        return share + bytes < most ? share + bytes : most;
    }
    if (transmit_class == FAMA_TRANSMIT_REPAIR) {
        uint64_t used = (uint64_t)bytes * FAMA_TRANSMIT_REPAIR_SHARE;
        return share > used ? share - used : 0;
    }
    return share;
}

/* While both new blocks and repair wait: repair when it has earned its next packet. */
static void gather_shared(const struct fama_transmit_queues *queues, struct burst *burst,
                          uint32_t heads[FAMA_TRANSMIT_CLASSES])
{
    const struct fama_transmit_queue *repair = &queues->queues[FAMA_TRANSMIT_REPAIR];
    const struct fama_transmit_queue *blocks = &queues->queues[FAMA_TRANSMIT_NEW_BLOCK];
    uint64_t share = queues->repair_share;
    while (burst->count < FAMA_TRANSMIT_BURST && heads[FAMA_TRANSMIT_REPAIR] != repair->tail &&
           heads[FAMA_TRANSMIT_NEW_BLOCK] != blocks->tail) {
        uint64_t needed = (uint64_t)repair->lengths[heads[FAMA_TRANSMIT_REPAIR] & MASK] *
                          FAMA_TRANSMIT_REPAIR_SHARE;
        enum fama_transmit_class next =
            share >= needed ? FAMA_TRANSMIT_REPAIR : FAMA_TRANSMIT_NEW_BLOCK;
        heads[next] += gather_run(queues, burst, next, heads[next], 1);
        share = share_after(share, next, burst->lengths[burst->count - 1]);
    }
}

static void gather(const struct fama_transmit_queues *queues, struct burst *burst)
{
    uint32_t heads[FAMA_TRANSMIT_CLASSES];
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        heads[i] = queues->queues[i].head;
    }
    burst->count = 0;
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        if (i == FAMA_TRANSMIT_NEW_BLOCK) {
            gather_shared(queues, burst, heads);
        }
        (void)gather_run(queues, burst, i, heads[i], FAMA_TRANSMIT_QUEUE);
    }
}

static uint64_t on_wire(const struct burst *burst, uint32_t from, uint32_t to)
{
    uint64_t bytes = (uint64_t)(to - from) * FAMA_TRANSMIT_WIRE_BYTES;
    for (uint32_t i = from; i < to; i++) {
        bytes += burst->lengths[i];
    }
    return bytes;
}

/* How many of the burst's packets from `from` to `to` the pace lets go now. */
static uint32_t pace_run(struct fama_transmit_queues *queues, const struct burst *burst,
                         uint32_t from, uint32_t to)
{
    uint64_t wanted = on_wire(burst, from, to);
    bool is_transfer = burst->classes[from] == FAMA_TRANSMIT_TRANSFER;
    uint64_t left = is_transfer ? fama_pacer_take_spare(queues->pacer, queues->now_ns, wanted)
                                : fama_pacer_take(queues->pacer, queues->now_ns, wanted);
    /* Strict: a small packet does not overtake a larger one that must wait. */
    while (wanted > left) {
        to--;
        queues->held_bytes = on_wire(burst, to, to + 1);
        queues->held_is_transfer = is_transfer;
        wanted -= queues->held_bytes;
    }
    fama_pacer_give_back(queues->pacer, left - wanted);
    return to - from;
}

/* How many of the burst the pace lets go now. Transfer, the last class, comes last in it. */
static uint32_t pace(struct fama_transmit_queues *queues, const struct burst *burst)
{
    queues->held_bytes = 0;
    if (queues->pacer->bytes_per_second == 0 || burst->count == 0) {
        return burst->count;
    }
    uint32_t urgent = burst->count;
    while (urgent > 0 && burst->classes[urgent - 1] == FAMA_TRANSMIT_TRANSFER) {
        urgent--;
    }
    uint32_t count = urgent > 0 ? pace_run(queues, burst, 0, urgent) : 0;
    if (count == urgent && urgent < burst->count) {
        count += pace_run(queues, burst, urgent, burst->count);
    }
    return count;
}

/* The first `taken` of the burst are the port's now; those up to `paced` had been paid for. */
static void settle(struct fama_transmit_queues *queues, const struct burst *burst, uint32_t taken,
                   uint32_t paced)
{
    struct fama_dataplane_counters *counts = queues->counts;
    const struct fama_transmit_queue *repair = &queues->queues[FAMA_TRANSMIT_REPAIR];
    bool repair_waits = repair->head != repair->tail;
    uint32_t packets[FAMA_TRANSMIT_CLASSES] = {0};
    uint64_t bytes[FAMA_TRANSMIT_CLASSES] = {0};
    for (uint32_t i = 0; i < taken; i++) {
        packets[burst->classes[i]]++;
        bytes[burst->classes[i]] += burst->lengths[i];
        if (repair_waits) {
            queues->repair_share =
                share_after(queues->repair_share, burst->classes[i], burst->lengths[i]);
        }
    }
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        queues->queues[i].head += packets[i];
        counts->classes[i].packets += packets[i];
        counts->classes[i].bytes += bytes[i];
        counts->tx_bytes += bytes[i];
    }
    counts->tx_packets += taken;
    if (repair->head == repair->tail) {
        queues->repair_share = 0;
    }
    if (queues->pacer->bytes_per_second != 0) {
        fama_pacer_give_back(queues->pacer, on_wire(burst, taken, paced));
    }
}

/* For how long there was something in each class that the last flush had to leave there. */
static void count_waiting(struct fama_transmit_queues *queues, uint64_t now_ns)
{
    uint64_t since_ns = now_ns > queues->now_ns ? now_ns - queues->now_ns : 0;
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        if (queues->was_left[i]) {
            queues->counts->classes[i].waiting_ns += since_ns;
        }
    }
}

uint32_t fama_transmit_queues_flush(struct fama_transmit_queues *queues, uint64_t now_ns)
{
    uint32_t sent = 0;
    bool is_left = false;
    count_waiting(queues, now_ns);
    queues->now_ns = now_ns;
    queues->fruitless = 0;
    queues->held_bytes = 0;
    while (queues->port->is_started && queues->fruitless < TRIES) {
        struct burst burst;
        gather(queues, &burst);
        uint32_t paced = pace(queues, &burst);
        if (paced == 0) {
            break;
        }
        uint16_t taken =
            fama_port_transmit(queues->port, queues->lcore, burst.packets, (uint16_t)paced);
        settle(queues, &burst, taken, paced);
        sent += taken;
        queues->fruitless = taken == 0 ? queues->fruitless + 1 : 0;
    }
    for (uint32_t i = 0; i < FAMA_TRANSMIT_CLASSES; i++) {
        queues->was_left[i] = fama_transmit_queue_count(queues, i) > 0;
        is_left = is_left || queues->was_left[i];
    }
    bool is_paced = queues->held_bytes != 0 && queues->fruitless == 0;
    if (sent > 0 || !is_left || is_paced) {
        queues->taken_ns = now_ns;
    } else if (now_ns - queues->taken_ns >= FAMA_TRANSMIT_PATIENCE_NS) {
        drop_all(queues);
    }
    return sent;
}

void fama_transmit_queues_burst(struct fama_transmit_queues *queues, uint64_t now_ns)
{
    /* Such a port or pace has not got more room since. */
    if (queues->now_ns < now_ns || (queues->held_bytes == 0 && queues->fruitless == 0)) {
        (void)fama_transmit_queues_flush(queues, now_ns);
    }
}

uint64_t fama_transmit_queues_wait_ns(const struct fama_transmit_queues *queues, uint64_t now_ns)
{
    if (queues->fruitless != 0) {
        return PORT_RETRY_NS; /* the port was full, and does not say when it is no longer */
    }
    if (queues->held_bytes == 0) {
        return UINT64_MAX;
    }
    return queues->held_is_transfer
               ? fama_pacer_wait_spare_ns(queues->pacer, now_ns, queues->held_bytes)
               : fama_pacer_wait_ns(queues->pacer, now_ns, queues->held_bytes);
}
