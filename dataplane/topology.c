#include "dataplane/topology.h"

#include <rte_errno.h>
#include <stddef.h>
#include <time.h>

#include "dataplane/fanout.h"
#include "dataplane/transmit_queues.h"

#define BURST          32
#define EVENTS         1024
#define MAIL           512
#define PORT_QUEUES    8192 /* packets a port's two queues may hold */
#define STAGES_AT_WORK 512  /* packets in the hands of stages and in the pools' caches */

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
    size_t member; /* where in struct fama_topology */
    const char *when_full;
};

#define SP         RING_F_SP_ENQ
#define SC         RING_F_SC_DEQ
#define AT(member) offsetof(struct fama_topology, member)

/* A ring whose producers cannot have more in flight than fits is never full. */
static const struct link links[] = {
    {"control>net", "control", "net", 512, SP | SC, CONTENT_PACKETS, AT(control_to_net),
     "BUSY: gossip repeats itself"},
    {"origin>net", "origin", "net", 512, SP | SC, CONTENT_PACKETS, AT(origin_to_net),
     "the origin thread waits"},
    {"repair>net", "server", "net", 256, SP | SC, CONTENT_PACKETS, AT(repair_to_net),
     "the server thread waits"},
    {"transfer>net", "server", "net", 256, SP | SC, CONTENT_PACKETS, AT(transfer_to_net),
     "the server thread waits, unless there is something to repair"},
    {"net>verify roots", "net", "verify", 0, SP, CONTENT_BORROWED, AT(net_to_verify_roots),
     "never: one entry per root that may wait"},
    {"net>verify mail", "net", "verify", MAIL, SP, CONTENT_PACKETS, AT(net_to_verify_messages),
     "dropped: verify_ring_full"},
    {"commit>verify", "commit", "verify", 256, 0, CONTENT_BORROWED, AT(commit_to_verify),
     "the commit thread waits"},
    {"verify>net", "verify", "net", 0, SC, CONTENT_BORROWED, AT(verify_to_net),
     "never: one entry per root that may wait"},
    {"events", "net, verify", "control", EVENTS, SC, CONTENT_EVENTS, AT(events),
     "dropped: event_ring_full; gaps and windows are told again"},
    {"commit>net", "commit", "net", 2 * FAMA_SLOTS_MAX, SC, CONTENT_BORROWED, AT(commit_to_net),
     "never: one entry per slot"},
};

/* One per channel, net to its commit thread; never full: one entry per slot. */
static const struct link block_link = {"net>commit",      "net",
                                       "commit",          FAMA_SLOTS_MAX,
                                       SP | SC,           CONTENT_BORROWED,
                                       AT(net_to_commit), "never: one entry per slot"};

static struct rte_ring **ring_of(struct fama_topology *topology, const struct link *link)
{
    return (struct rte_ring **)(void *)((char *)topology + link->member);
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
    uint32_t packets = PORT_QUEUES + STAGES_AT_WORK * (2 + topology->config.verify_core_count) +
                       FAMA_TRANSMIT_CLASSES * FAMA_TRANSMIT_QUEUE;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        packets += links[i].content == CONTENT_PACKETS ? links[i].size : 0;
    }
    return packets;
}

static void open_accounts(struct fama_topology *topology)
{
    const uint32_t sizes[FAMA_SOURCE_KINDS] = {
        [FAMA_SOURCE_ROOTS] = topology->config.reassembly.roots_max,
        [FAMA_SOURCE_HELD] = topology->config.reassembly.held_max,
        [FAMA_SOURCE_MESSAGES] = MAIL,
    };
    struct fama_random random;
    fama_random_seed(&random, topology->config.random_seed);
    fama_sources_init(&topology->sources, fama_random_next(&random), sizes);
}

static void open_pace(struct fama_topology *topology)
{
    const struct fama_dataplane_config *config = &topology->config;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    fama_pacer_init(&topology->pacer, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                    config->pace_bits_per_second / 8, config->pace_burst_bytes);
}

static int open_bells(struct fama_topology *topology, struct fama_error *error)
{
    int status = fama_doorbell_open(&topology->event_bell);
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

int fama_topology_create(struct fama_topology *topology, struct fama_error *error)
{
    topology->event_bell.fd = -1;
    for (uint32_t i = 0; i < FAMA_CORES_MAX; i++) {
        topology->verify_bells[i].fd = -1;
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        topology->block_bells[i].fd = -1;
    }
    open_accounts(topology);
    open_pace(topology);
    uint32_t needed = fama_topology_packets(topology) + topology->config.reassembly.held_max;
    if (topology->config.mbufs < needed) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "%u mbufs: queues and up to %u held chunks may need %u, raise their "
                              "number or lower the held chunks'",
                              topology->config.mbufs, topology->config.reassembly.held_max, needed);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        unsigned int size = links[i].size;
        size = size != 0 ? size : topology->config.reassembly.roots_max;
        struct rte_ring *ring = make_ring(links[i].name, size, links[i].flags);
        *ring_of(topology, &links[i]) = ring;
        if (ring == NULL) {
            return out_of_memory(topology, links[i].name, error);
        }
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        char name[RTE_RING_NAMESIZE];
        (void)snprintf(name, sizeof name, "%s %u", block_link.name, i);
        topology->net_to_commit[i] = make_ring(name, block_link.size, block_link.flags);
        if (topology->net_to_commit[i] == NULL) {
            return out_of_memory(topology, name, error);
        }
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
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct rte_ring *ring = *ring_of(topology, &links[i]);
        empty(topology, ring, links[i].content);
        rte_ring_free(ring);
    }
    for (uint32_t i = 0; i < FAMA_CHANNELS_MAX; i++) {
        rte_ring_free(topology->net_to_commit[i]);
        fama_doorbell_close(&topology->block_bells[i]);
    }
    for (uint32_t i = 0; i < FAMA_CORES_MAX; i++) {
        fama_doorbell_close(&topology->verify_bells[i]);
    }
    fama_doorbell_close(&topology->event_bell);
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
    rte_mempool_put(topology->event_pool, event);
}
