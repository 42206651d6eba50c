#include "dataplane/topology.h"

#include <openssl/crypto.h>
#include <rte_errno.h>
#include <stddef.h>
#include <time.h>

#include "dataplane/clock.h"
#include "dataplane/fanout.h"
#include "dataplane/transmit_queues.h"

#define BURST           32
#define EVENTS          1024
#define MAIL            512
#define HANDSHAKES      128 /* datagrams of one source beyond what time forgives */
#define ALIVE           512
#define STAGES_AT_WORK  512 /* packets in the hands of stages and in the pools' caches */
#define TRANSMIT_QUEUES (FAMA_TRANSMIT_CLASSES * FAMA_TRANSMIT_QUEUE)
#define BETWEEN_NETS    4096 /* all net lcores together; nothing if there is one */
#define DETOUR          1024 /* of frames; nothing if all net lcores have queues */

/* What lies in a ring, so that a ring can be emptied at the end. */
enum content {
    CONTENT_PACKETS,  /* mbufs */
    CONTENT_EVENTS,   /* of event_pool */
    CONTENT_BORROWED, /* memory of the producer's */
};

struct link {
    const char *name;
    const char *producer, *consumer;
    unsigned int size; /* entries; 0: as many as roots may wait */
    unsigned int flags;
    enum content content;
    size_t member; /* where in struct fama_topology, or in struct fama_net_ends */
    const char *when_full;
};

#define SP         RING_F_SP_ENQ
#define SC         RING_F_SC_DEQ
#define AT(member) offsetof(struct fama_topology, member)

/* A ring whose producers cannot have more in flight than fits is never full. */
static const struct link links[] = {
    {"control>net", "control", "first net", 512, SP | SC, CONTENT_PACKETS, AT(control_to_net),
     "BUSY: gossip repeats itself"},
    {"net>port", "net", "first net", DETOUR, SC, CONTENT_PACKETS, AT(port.detour),
     "as when a port's queue is full"},
    {"net>verify roots", "net", "verify", 0, 0, CONTENT_BORROWED, AT(net_to_verify_roots),
     "never: one entry per root that may wait"},
    {"net>verify alive", "first net", "verify", ALIVE, SP, CONTENT_PACKETS, AT(net_to_verify_alive),
     "dropped: verify_ring_full"},
    {"net>verify mail", "first net", "verify", MAIL, SP, CONTENT_PACKETS,
     AT(net_to_verify_messages), "dropped: verify_ring_full"},
    {"commit>verify", "commit", "verify", 256, 0, CONTENT_BORROWED, AT(commit_to_verify),
     "the commit thread waits"},
    {"events", "net, verify", "control", EVENTS, SC, CONTENT_EVENTS, AT(events),
     "dropped: event_ring_full; gaps and windows are told again"},
};

#undef AT
#define AT(member) offsetof(struct fama_net_ends, member)

/* One for each net lcore. Sizes of those for packets are shared out among them. */
static const struct link net_links[] = {
    {"net>net", "net", "net", BETWEEN_NETS, SC, CONTENT_PACKETS, AT(net_to_net),
     "dropped: net_ring_full"},
    {"origin>net", "origin", "net", 512, SP | SC, CONTENT_PACKETS, AT(origin_to_net),
     "the origin thread waits"},
    {"repair>net", "server", "net", 256, SP | SC, CONTENT_PACKETS, AT(repair_to_net),
     "the server thread waits"},
    {"transfer>net", "server", "net", 256, SP | SC, CONTENT_PACKETS, AT(transfer_to_net),
     "the server thread waits, unless there is something to repair"},
    {"verify>net", "verify", "net", 0, SC, CONTENT_BORROWED, AT(verify_to_net),
     "never: one entry per root that may wait"},
    {"commit>net", "commit", "net", 2 * FAMA_SLOTS_MAX, SC, CONTENT_BORROWED, AT(commit_to_net),
     "never: one entry per slot"},
};

#define LINKS     (sizeof links / sizeof links[0])
#define NET_LINKS (sizeof net_links / sizeof net_links[0])

/* One per channel, net to its commit thread; never full: one entry per slot. */
#define BLOCK_LINK_NAME  "net>commit"
#define BLOCK_LINK_FLAGS SC

static struct rte_ring **ring_at(void *base, const struct link *link)
{
    return (struct rte_ring **)(void *)((char *)base + link->member);
}

static uint32_t share_of(const struct fama_topology *topology, uint32_t number)
{
    uint32_t lcores = topology->config.net_core_count;
    return number / lcores + (number % lcores != 0);
}

uint32_t fama_topology_roots_each(const struct fama_topology *topology)
{
    return share_of(topology, topology->config.reassembly.roots_max);
}

uint32_t fama_topology_held_each(const struct fama_topology *topology)
{
    return share_of(topology, topology->config.reassembly.held_max);
}

#define UNUSED_RING 1

static unsigned int size_of(const struct fama_topology *topology, const struct link *link)
{
    uint32_t lcores = topology->config.net_core_count;
    if (link->member == offsetof(struct fama_topology, port.detour) &&
        lcores <= topology->port.queues) {
        return UNUSED_RING;
    }
    return link->size != 0 ? link->size : fama_topology_roots_each(topology) * lcores;
}

static unsigned int net_size_of(const struct fama_topology *topology, const struct link *link)
{
    if (link->size == 0) {
        return fama_topology_roots_each(topology);
    }
    if (link->member == offsetof(struct fama_net_ends, net_to_net) &&
        topology->config.net_core_count == 1) {
        return UNUSED_RING;
    }
    return link->content == CONTENT_PACKETS ? share_of(topology, link->size) : link->size;
}

static struct rte_ring *make_ring(const char *name, unsigned int size, unsigned int flags)
{
    return rte_ring_create(name, size, SOCKET_ID_ANY, flags | RING_F_EXACT_SZ);
}

static int out_of_memory(const struct fama_topology *topology, const char *what,
                         struct fama_error *error)
{
    return fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY,
                          "%u MB of packet memory do not suffice for %s: %s",
                          topology->config.memory_mb, what, rte_strerror(rte_errno));
}

uint32_t fama_topology_packets(const struct fama_topology *topology)
{
    const struct fama_dataplane_config *config = &topology->config;
    uint32_t stages = 1 + config->net_core_count + config->verify_core_count;
    uint32_t packets = topology->port.queue_packets + STAGES_AT_WORK * stages +
                       TRANSMIT_QUEUES * config->net_core_count;
    for (size_t i = 0; i < LINKS; i++) {
        packets += links[i].content == CONTENT_PACKETS ? size_of(topology, &links[i]) : 0;
    }
    for (size_t i = 0; i < NET_LINKS; i++) {
        if (net_links[i].content == CONTENT_PACKETS) {
            packets += net_size_of(topology, &net_links[i]) * config->net_core_count;
        }
    }
    return packets;
}

static void open_accounts(struct fama_topology *topology)
{
    const uint32_t sizes[FAMA_SOURCE_KINDS] = {
        [FAMA_SOURCE_ROOTS] = fama_topology_roots_each(topology),
        [FAMA_SOURCE_HELD] = fama_topology_held_each(topology),
        [FAMA_SOURCE_MESSAGES] = MAIL,
        [FAMA_SOURCE_HANDSHAKES] = HANDSHAKES,
        [FAMA_SOURCE_INNER] = EVENTS / 4,
        [FAMA_SOURCE_ALIVE] = ALIVE,
    };
    struct fama_random random;
    fama_random_seed(&random, topology->config.random_seed);
    for (uint32_t i = 0; i < topology->config.net_core_count; i++) {
        fama_sources_init(&topology->net[i].sources, fama_random_next(&random), sizes);
    }
}

static void open_pace(struct fama_topology *topology)
{
    const struct fama_dataplane_config *config = &topology->config;
    fama_pacer_init(&topology->pacer, fama_clock_ns(), config->pace_bits_per_second / 8,
                    config->pace_burst_bytes);
}

static int open_bells(struct fama_topology *topology, struct fama_error *error)
{
    int status = fama_doorbell_open(&topology->event_bell);
    if (status == 0) {
        status = fama_doorbell_open(&topology->net_bell);
    }
    for (uint32_t i = 0; i < topology->config.verify_core_count && status == 0; i++) {
        status = fama_doorbell_open(&topology->verify_bells[i]);
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX && status == 0; i++) {
        status = fama_doorbell_open(&topology->block_bells[i]);
    }
    if (status != 0) {
        return fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY,
                              "no eventfd for the dataplane: %s (see ulimit -n)",
                              rte_strerror(-status));
    }
    return 0;
}

static int make_shared_rings(struct fama_topology *topology, struct fama_error *error)
{
    for (size_t i = 0; i < LINKS; i++) {
        struct rte_ring *ring =
            make_ring(links[i].name, size_of(topology, &links[i]), links[i].flags);
        *ring_at(topology, &links[i]) = ring;
        if (ring == NULL) {
            return out_of_memory(topology, links[i].name, error);
        }
    }
    uint32_t slots = FAMA_SLOTS_MAX * topology->config.net_core_count;
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        char name[RTE_RING_NAMESIZE];
        (void)snprintf(name, sizeof name, BLOCK_LINK_NAME " %u", i);
        topology->net_to_commit[i] = make_ring(name, slots, BLOCK_LINK_FLAGS);
        if (topology->net_to_commit[i] == NULL) {
            return out_of_memory(topology, name, error);
        }
    }
    return 0;
}

static int make_net_rings(struct fama_topology *topology, struct fama_error *error)
{
    for (uint32_t lcore = 0; lcore < topology->config.net_core_count; lcore++) {
        for (size_t i = 0; i < NET_LINKS; i++) {
            char name[RTE_RING_NAMESIZE];
            (void)snprintf(name, sizeof name, "%s %u", net_links[i].name, lcore);
            struct rte_ring *ring =
                make_ring(name, net_size_of(topology, &net_links[i]), net_links[i].flags);
            *ring_at(&topology->net[lcore], &net_links[i]) = ring;
            if (ring == NULL) {
                return out_of_memory(topology, name, error);
            }
        }
    }
    return 0;
}

int fama_topology_create(struct fama_topology *topology, struct fama_error *error)
{
    topology->event_bell.fd = -1;
    topology->net_bell.fd = -1;
    for (uint32_t i = 0; i < FAMA_CORES_MAX; i++) {
        topology->verify_bells[i].fd = -1;
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        topology->block_bells[i].fd = -1;
    }
    open_accounts(topology);
    open_pace(topology);
    uint32_t held = fama_topology_held_each(topology) * topology->config.net_core_count;
    uint32_t needed = fama_topology_packets(topology) + held;
    if (topology->config.mbufs < needed) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "%u mbufs: queues and up to %u held chunks may need %u, raise their "
                              "number or lower the held chunks'",
                              topology->config.mbufs, held, needed);
    }
    int status = make_shared_rings(topology, error);
    if (status == 0) {
        status = make_net_rings(topology, error);
    }
    if (status != 0) {
        return status;
    }
    topology->event_pool = rte_mempool_create("fama events", EVENTS, sizeof(struct fama_event), 0,
                                              0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
    if (topology->event_pool == NULL) {
        return out_of_memory(topology, "events", error);
    }
    return open_bells(topology, error);
}

static void empty(struct fama_topology *topology, struct rte_ring *ring, enum content content)
{
    void *objects[BURST];
    unsigned int count;
    while (ring != NULL && (count = rte_ring_dequeue_burst(ring, objects, BURST, NULL)) > 0) {
        for (unsigned int i = 0; i < count; i++) {
            if (content == CONTENT_PACKETS) {
                rte_pktmbuf_free(objects[i]);
            } else if (content == CONTENT_EVENTS) {
                fama_topology_event_done(topology, objects[i]);
            }
        }
    }
}

void fama_topology_destroy(struct fama_topology *topology)
{
    for (size_t i = 0; i < LINKS; i++) {
        struct rte_ring *ring = *ring_at(topology, &links[i]);
        empty(topology, ring, links[i].content);
        rte_ring_free(ring);
    }
    for (uint32_t lcore = 0; lcore < topology->config.net_core_count; lcore++) {
        for (size_t i = 0; i < NET_LINKS; i++) {
            struct rte_ring *ring = *ring_at(&topology->net[lcore], &net_links[i]);
            empty(topology, ring, net_links[i].content);
            rte_ring_free(ring);
        }
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        rte_ring_free(topology->net_to_commit[i]);
        fama_doorbell_close(&topology->block_bells[i]);
    }
    for (uint32_t i = 0; i < FAMA_CORES_MAX; i++) {
        fama_doorbell_close(&topology->verify_bells[i]);
    }
    fama_doorbell_close(&topology->event_bell);
    fama_doorbell_close(&topology->net_bell);
    rte_mempool_free(topology->event_pool);
}

/* Whoever is awake looks at the rings before it sleeps, so one sleeper is enough: work too much for one
 * goes on ringing. */
void fama_topology_wake_verify(struct fama_topology *topology)
{
    for (uint32_t i = 0; i < topology->config.verify_core_count; i++) {
        if (fama_doorbell_ring(&topology->verify_bells[i])) {
            return;
        }
    }
}

struct fama_event *fama_topology_event(struct fama_topology *topology)
{
    void *object;
    if (rte_mempool_get(topology->event_pool, &object) != 0) {
        return NULL;
    }
    struct fama_event *event = object;
    event->author = NULL;
    event->session = NULL;
    event->kind = FAMA_EVENT_WINDOW; /* until its owner says what it is */
    return event;
}

bool fama_topology_tell(struct fama_topology *topology, struct fama_event *event)
{
    if (rte_ring_enqueue(topology->events, event) != 0) {
        fama_topology_event_done(topology, event);
        return false;
    }
    (void)fama_doorbell_ring(&topology->event_bell);
    return true;
}

void fama_topology_event_done(struct fama_topology *topology, struct fama_event *event)
{
    fama_identity_release(event->author);
    event->author = NULL;
    fama_session_release(event->session);
    event->session = NULL;
    if (event->kind == FAMA_EVENT_INNER) {
        OPENSSL_cleanse(event->datagram, event->datagram_bytes); /* it may have been a key */
    }
    rte_mempool_put(topology->event_pool, event);
}
