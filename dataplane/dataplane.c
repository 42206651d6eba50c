#include "dataplane/dataplane.h"

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sched.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "dataplane/counts.h"
#include "dataplane/eal.h"
#include "dataplane/idle.h"
#include "dataplane/net_loop.h"
#include "dataplane/origin.h"
#include "dataplane/ringer.h"
#include "dataplane/verify_loop.h"
#include "dataplane/windows.h"

#define BULK_PARTS        64     /* of one batch in the ring at a time */
#define WAIT_SLEEP_MAX_NS 100000 /* a thread that waits for a batch looks this often */

struct fama_dataplane {
    struct fama_topology topology;
    struct fama_net *net[FAMA_NET_CORES_MAX];
    struct fama_verify *verify[FAMA_CORES_MAX];
    uint32_t running_count;
    struct fama_ringer *ringer; /* NULL unless the lcores poll */
    struct fama_counts control; /* the control thread's */
    struct fama_windows windows;
    cpu_set_t cpus; /* what the process had before the EAL bound threads to cores */
};

/* ---- Start and stop ---- */

static int check(const struct fama_dataplane_config *config, struct fama_error *error)
{
    const struct fama_reassembly_limits *limits = &config->reassembly;
    unsigned int most_bits = fama_address_is_ipv4(config->endpoint.address) ? 32 : 128;
    if (!fama_address_is_one_host(config->endpoint.address) || config->endpoint.port == 0) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "the dataplane needs an address and a UDP port of its own");
    }
    if (config->hop_budget == 0) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "a hop budget of 0 would let no chunk leave its origin: 1 at least");
    }
    if (config->prefix_bits > most_bits) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "a network prefix of %u bits: %u are the most", config->prefix_bits,
                              most_bits);
    }
    if (limits->slots == 0 || limits->slots > FAMA_SLOTS_MAX || limits->block_bytes_max == 0 ||
        limits->roots_max == 0 || limits->held_max == 0) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "limits of reassembly: 1 to %d slots, and no limit may be 0",
                              FAMA_SLOTS_MAX);
    }
    return 0;
}

static int make_stages(struct fama_dataplane *dataplane, struct fama_error *error)
{
    const struct fama_dataplane_config *config = &dataplane->topology.config;
    bool is_whole = true;
    for (uint32_t i = 0; i < config->net_core_count && is_whole; i++) {
        dataplane->net[i] = fama_net_create(&dataplane->topology, i);
        is_whole = dataplane->net[i] != NULL;
    }
    for (uint32_t i = 0; i < config->verify_core_count && is_whole; i++) {
        dataplane->verify[i] = fama_verify_create(&dataplane->topology, i);
        is_whole = dataplane->verify[i] != NULL;
    }
    return is_whole ? 0
                    : fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY,
                                     "out of memory for reassembly: %u slots of %u bytes",
                                     config->reassembly.slots, config->reassembly.block_bytes_max);
}

/* Lcores that never sleep make no system call to wake those who do. Theirs are the control thread's bell and
 * the commit threads'. */
static int start_ringer(struct fama_dataplane *dataplane, struct fama_error *error)
{
    struct fama_topology *topology = &dataplane->topology;
    struct fama_doorbell *bells[1 + FAMA_CHANNELS_MAX] = {&topology->event_bell};
    if (topology->config.idle != FAMA_IDLE_POLL) {
        return 0;
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        bells[1 + i] = &topology->block_bells[i];
    }
    dataplane->ringer = fama_ringer_start(bells, sizeof bells / sizeof bells[0]);
    return dataplane->ringer != NULL ? 0
                                     : fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY,
                                                      "no thread for the dataplane: see ulimit -u");
}

static int launch(struct fama_dataplane *dataplane, struct fama_error *error)
{
    const struct fama_dataplane_config *config = &dataplane->topology.config;
    uint32_t nets = config->net_core_count;
    for (uint32_t i = 0; i < nets + config->verify_core_count; i++) {
        /* The lcores of the EAL are numbered as eal.h says: net, then verify. */
        int status = i < nets ? rte_eal_remote_launch(fama_net_run, dataplane->net[i],
                                                      FAMA_EAL_LCORE_NET + i)
                              : rte_eal_remote_launch(fama_verify_run, dataplane->verify[i - nets],
                                                      FAMA_EAL_LCORE_NET + i);
        if (status != 0) {
            return fama_error_set(error, FAMA_DATAPLANE_EAL, "lcore %u does not start",
                                  FAMA_EAL_LCORE_NET + i);
        }
        dataplane->running_count++;
    }
    return 0;
}

int fama_dataplane_start(const struct fama_dataplane_config *config,
                         struct fama_dataplane **dataplane, struct fama_error *error)
{
    int status = check(config, error);
    if (status != 0) {
        return status;
    }
    struct fama_dataplane *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY, "out of memory for the dataplane");
    }
    made->topology.config = *config;
    made->topology.port.id = RTE_MAX_ETHPORTS;
    if (sched_getaffinity(0, sizeof made->cpus, &made->cpus) != 0) {
        CPU_ZERO(&made->cpus); /* Then nobody can be told to go elsewhere. */
    }
    status = fama_eal_start(config, error);
    if (status != 0) {
        free(made);
        return status;
    }
    status = fama_port_open(&made->topology.port, config, sizeof(struct fama_packet), error);
    if (status != 0) {
        fama_eal_stop();
        free(made);
        return status;
    }
    status = fama_topology_create(&made->topology, error);
    if (status == 0) {
        status = make_stages(made, error);
    }
    if (status == 0) {
        status = start_ringer(made, error);
    }
    if (status == 0) {
        status = launch(made, error);
    }
    if (status != 0) {
        fama_dataplane_stop(made);
        return status;
    }
    *dataplane = made;
    return 0;
}

void fama_dataplane_stand_aside(const struct fama_dataplane *dataplane)
{
    const struct fama_dataplane_config *config = &dataplane->topology.config;
    cpu_set_t elsewhere = dataplane->cpus;
    for (uint32_t i = 0; i < config->net_core_count; i++) {
        CPU_CLR(config->net_cores[i], &elsewhere);
    }
    for (uint32_t i = 0; i < config->verify_core_count; i++) {
        CPU_CLR(config->verify_cores[i], &elsewhere);
    }
    /* On a machine too small for that, the scheduler knows better than we do. */
    const cpu_set_t *wanted = CPU_COUNT(&elsewhere) > 0 ? &elsewhere : &dataplane->cpus;
    (void)sched_setaffinity(0, sizeof *wanted, wanted); /* Refused: it stays where it is. */
}

void fama_dataplane_interrupt(struct fama_dataplane *dataplane)
{
    atomic_store_explicit(&dataplane->topology.is_interrupted, true, memory_order_release);
}

void fama_dataplane_stop(struct fama_dataplane *dataplane)
{
    if (dataplane == NULL) {
        return;
    }
    struct fama_topology *topology = &dataplane->topology;
    fama_dataplane_interrupt(dataplane);
    atomic_store_explicit(&topology->is_stopping, true, memory_order_release);
    for (uint32_t i = 0; i < dataplane->running_count; i++) {
        (void)rte_eal_wait_lcore(FAMA_EAL_LCORE_NET + i);
    }
    fama_ringer_stop(dataplane->ringer);
    for (uint32_t i = 0; i < topology->config.net_core_count; i++) {
        fama_net_destroy(dataplane->net[i]);
    }
    for (uint32_t i = 0; i < topology->config.verify_core_count; i++) {
        fama_verify_destroy(dataplane->verify[i]);
    }
    fama_topology_destroy(topology);
    fama_port_close(&topology->port);
    fama_eal_stop();
    fama_view_destroy(topology->view);
    free(dataplane);
}

void fama_dataplane_publish(struct fama_dataplane *dataplane, struct fama_view *view)
{
    /* Only this thread replaces the view: the present one stays while it is read. */
    struct fama_topology *topology = &dataplane->topology;
    fama_view_follow(view, topology->view);
    for (uint32_t i = 0; i < view->channel_count; i++) {
        const struct fama_view_channel *channel = &view->channels[i];
        uint64_t id = fama_fanout_view_id(channel, topology->config.planner,
                                          topology->config.propagate_peer_num);
        atomic_store_explicit(&topology->view_ids[channel->index], id, memory_order_relaxed);
    }
    struct fama_view *old = rcu_xchg_pointer(&topology->view, view);
    /* Short: the net lcore passes a quiescent state each round, verify lcores read views for moments. */
    urcu_qsbr_synchronize_rcu();
    fama_view_destroy(old);
}

bool fama_dataplane_uses_hugepages(const struct fama_dataplane *dataplane)
{
    (void)dataplane;
    return rte_eal_has_hugepages() != 0;
}

/* ---- The control thread ---- */

static int send_datagram(struct fama_dataplane *dataplane, const struct fama_packet *about,
                         struct fama_bytes datagram)
{
    struct fama_topology *topology = &dataplane->topology;
    const struct fama_dataplane_config *config = &topology->config;
    if (datagram.len == 0 ||
        datagram.len > (size_t)config->mtu - fama_frame_ip_udp_bytes(config->endpoint.address)) {
        return FAMA_DATAPLANE_CONFIG;
    }
    struct rte_mbuf *packet = rte_pktmbuf_alloc(topology->port.packets);
    if (packet == NULL) {
        dataplane->control.own.drops[FAMA_DROP_NO_MBUF]++;
        fama_counts_publish(&dataplane->control);
        return FAMA_DATAPLANE_BUSY;
    }
    char *at = rte_pktmbuf_append(packet, (uint16_t)datagram.len);
    memcpy(at, datagram.at, datagram.len); /* packets have room for the MTU */
    *fama_packet_of(packet) = *about;
    if (rte_ring_enqueue(topology->control_to_net, packet) != 0) {
        rte_pktmbuf_free(packet);
        return FAMA_DATAPLANE_BUSY;
    }
    (void)fama_doorbell_ring(&topology->net_bell);
    return 0;
}

int fama_dataplane_send(struct fama_dataplane *dataplane, const struct fama_endpoint *target,
                        struct fama_bytes datagram)
{
    const struct fama_packet about = {.peer = *target};
    return send_datagram(dataplane, &about, datagram);
}

int fama_dataplane_answer(struct fama_dataplane *dataplane, const struct fama_endpoint *target,
                          struct fama_bytes datagram)
{
    const struct fama_packet about = {.peer = *target, .is_unproved = true};
    return send_datagram(dataplane, &about, datagram);
}

uint32_t fama_dataplane_receive(struct fama_dataplane *dataplane, struct fama_event **events,
                                uint32_t count)
{
    struct fama_topology *topology = &dataplane->topology;
    uint32_t found = rte_ring_dequeue_burst(topology->events, (void **)events, count, NULL);
    if (found == 0) {
        fama_doorbell_arm(&topology->event_bell);
        found = rte_ring_dequeue_burst(topology->events, (void **)events, count, NULL);
    }
    for (uint32_t i = 0; i < found; i++) {
        if (events[i]->kind == FAMA_EVENT_WINDOW) {
            fama_windows_put_together(&dataplane->windows, events[i]->net_lcore,
                                      &events[i]->window);
        }
    }
    return found;
}

void fama_dataplane_event_done(struct fama_dataplane *dataplane, struct fama_event *event)
{
    fama_topology_event_done(&dataplane->topology, event);
}

int fama_dataplane_event_fd(const struct fama_dataplane *dataplane)
{
    return dataplane->topology.event_bell.fd;
}

/* ---- Commit threads ---- */

bool fama_dataplane_take_block(struct fama_dataplane *dataplane, uint16_t channel,
                               struct fama_assembled *block)
{
    struct fama_topology *topology = &dataplane->topology;
    if (channel >= FAMA_CHANNELS_MAX) {
        return false;
    }
    void *object;
    if (rte_ring_dequeue(topology->net_to_commit[channel], &object) != 0) {
        fama_doorbell_arm(&topology->block_bells[channel]);
        if (rte_ring_dequeue(topology->net_to_commit[channel], &object) != 0) {
            return false;
        }
    }
    *block = *(const struct fama_assembled *)object;
    return true;
}

void fama_dataplane_return_block(struct fama_dataplane *dataplane,
                                 const struct fama_assembled *block, bool accepted)
{
    /* The ring has room for every slot twice, and each is returned once. */
    uint32_t lcore = FAMA_SLOT_LCORE(block->slot);
    (void)rte_ring_enqueue(dataplane->topology.net[lcore].commit_to_net,
                           (void *)FAMA_RETURN_WORD(block->slot, accepted));
    (void)fama_doorbell_ring(&dataplane->topology.net_bell);
}

int fama_dataplane_block_fd(const struct fama_dataplane *dataplane, uint16_t channel)
{
    return channel < FAMA_CHANNELS_MAX ? dataplane->topology.block_bells[channel].fd : -1;
}

static bool is_interrupted(const struct fama_topology *topology)
{
    return atomic_load_explicit(&topology->is_interrupted, memory_order_acquire);
}

/* Until all parts handed out are done; they lie in this thread's memory. */
static void wait_for_parts(const _Atomic uint32_t *left)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, WAIT_SLEEP_MAX_NS);
    while (atomic_load_explicit(left, memory_order_acquire) != 0) {
        fama_idle_wait(fama_idle_next(&idler, 0));
    }
}

/* The next jobs of a batch, from `from` on. */
static struct fama_bulk_part make_part(struct fama_verify_job **jobs, size_t count, size_t from,
                                       _Atomic uint32_t *left)
{
    size_t size = count - from < FAMA_BULK_JOBS ? count - from : FAMA_BULK_JOBS;
    return (struct fama_bulk_part){.jobs = jobs + from, .count = size, .left = left};
}

/* Waits while the ring is full; false: interrupted, and the part is not handed out. */
static bool hand_out(struct fama_topology *topology, struct fama_bulk_part *part)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, WAIT_SLEEP_MAX_NS);
    while (!is_interrupted(topology)) {
        if (rte_ring_enqueue(topology->commit_to_verify, part) == 0) {
            fama_topology_wake_verify(topology);
            return true;
        }
        fama_idle_wait(fama_idle_next(&idler, 0));
    }
    return false;
}

int fama_dataplane_verify(struct fama_dataplane *dataplane, struct fama_verify_job *jobs[],
                          size_t count)
{
    struct fama_topology *topology = &dataplane->topology;
    struct fama_bulk_part parts[BULK_PARTS];
    size_t done = 0;
    while (done < count && !is_interrupted(topology)) {
        _Atomic uint32_t left = 0;
        for (uint32_t i = 0; i < BULK_PARTS && done < count; i++) {
            parts[i] = make_part(jobs, count, done, &left);
            (void)atomic_fetch_add_explicit(&left, 1, memory_order_relaxed);
            if (!hand_out(topology, &parts[i])) {
                (void)atomic_fetch_sub_explicit(&left, 1, memory_order_relaxed);
                break;
            }
            done += parts[i].count;
        }
        wait_for_parts(&left);
    }
    /* Once interrupted, verify lcores give parts back without looking at them. */
    return is_interrupted(topology) ? FAMA_DATAPLANE_STOPPING : 0;
}

/* Hands out one more part of the batch if the ring has room. */
static bool try_hand_out(struct fama_topology *topology, struct fama_verify_batch *batch)
{
    struct fama_bulk_part *part = &batch->parts[batch->handed / FAMA_BULK_JOBS];
    *part = make_part(batch->jobs, batch->count, batch->handed, &batch->left);
    (void)atomic_fetch_add_explicit(&batch->left, 1, memory_order_relaxed);
    if (rte_ring_enqueue(topology->commit_to_verify, part) != 0) {
        (void)atomic_fetch_sub_explicit(&batch->left, 1, memory_order_relaxed);
        return false;
    }
    batch->handed += part->count;
    fama_topology_wake_verify(topology);
    return true;
}

void fama_dataplane_verify_begin(struct fama_dataplane *dataplane, struct fama_verify_batch *batch,
                                 struct fama_verify_job *jobs[], size_t count)
{
    struct fama_topology *topology = &dataplane->topology;
    size_t parts = count / FAMA_BULK_JOBS + 1;
    batch->jobs = jobs;
    batch->count = count;
    batch->handed = 0;
    atomic_store_explicit(&batch->left, 0, memory_order_relaxed);
    if (parts > batch->part_capacity) {
        free(batch->parts);
        batch->parts = calloc(parts, sizeof batch->parts[0]);
        batch->part_capacity = batch->parts == NULL ? 0 : parts;
    }
    if (batch->parts == NULL) {
        return; /* finish does all of it */
    }
    while (batch->handed < count && try_hand_out(topology, batch)) {
    }
}

int fama_dataplane_verify_finish(struct fama_dataplane *dataplane, struct fama_verify_batch *batch)
{
    /* What found no room has its parts on this thread's stack. */
    int result =
        fama_dataplane_verify(dataplane, batch->jobs + batch->handed, batch->count - batch->handed);
    wait_for_parts(&batch->left);
    return result;
}

void fama_verify_batch_free(struct fama_verify_batch *batch)
{
    free(batch->parts);
    *batch = (struct fama_verify_batch){.parts = NULL};
}

/* ---- The origin thread ---- */

int fama_dataplane_send_block(struct fama_dataplane *dataplane, const struct fama_signer *signer,
                              const struct fama_block_send *send, uint64_t *chunks)
{
    return fama_origin_send(&dataplane->topology, signer, send, chunks);
}

/* ---- Counters ---- */

void fama_dataplane_counters(const struct fama_dataplane *dataplane,
                             struct fama_dataplane_counters *counters)
{
    memset(counters, 0, sizeof *counters);
    for (uint32_t i = 0; i < dataplane->topology.config.net_core_count; i++) {
        fama_counts_add(fama_net_counts(dataplane->net[i]), counters);
    }
    for (uint32_t i = 0; i < dataplane->topology.config.verify_core_count; i++) {
        fama_counts_add(fama_verify_counts(dataplane->verify[i]), counters);
    }
    fama_counts_add(&dataplane->control, counters);
}

bool fama_dataplane_net_counters(const struct fama_dataplane *dataplane, uint32_t lcore,
                                 uint32_t *cpu, struct fama_dataplane_counters *counters)
{
    const struct fama_dataplane_config *config = &dataplane->topology.config;
    if (lcore >= config->net_core_count) {
        return false;
    }
    *cpu = config->net_cores[lcore];
    memset(counters, 0, sizeof *counters);
    fama_counts_add(fama_net_counts(dataplane->net[lcore]), counters);
    return true;
}
