/* The threads of the dataplane and the rings between them. The table in topology.c is their only source:
 * who writes, who reads, how much fits, and what happens when it does not.
 *
 * Everything the threads share is reached from struct fama_topology: rings, the pool of events, doorbells,
 * the view and the stop flag. Whatever else a stage needs it owns alone. Taken at start, freed at stop by
 * the control thread; in between only the stages named in the table touch a ring. */
#ifndef FAMA_DATAPLANE_TOPOLOGY_H
#define FAMA_DATAPLANE_TOPOLOGY_H

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/dataplane.h"
#include "dataplane/doorbell.h"
#include "dataplane/pacer.h"
#include "dataplane/port.h"
#include "dataplane/sources.h"
#include "dataplane/spread.h"

struct fama_opened; /* dataplane/opened.h */

/* What a packet carries beside its bytes, in its mbuf's private area. Between stages an mbuf holds just
 * the datagram, from the common header on, in one segment. */
struct fama_packet {
    struct fama_endpoint peer; /* received: whence; to be sent: where to */
    bool is_fanned_out; /* from the origin thread: to the channel's peers instead of `peer` */
    fama_tag
        session_peer;   /* received: whom the session it came in has proved; 0: it came in none */
    bool is_neighbours; /* between net lcores: a whole frame, for fama_neighbour_input */
    bool is_unproved;   /* to be sent: `peer` has proved nothing, a datagram came from there */
    uint8_t transmit_class;     /* while it waits for its neighbour's address */
    bool has_sum;               /* `sum` is known: */
    uint16_t sum;               /* of what follows the common header (fama_frame_sum) */
    struct fama_opened *opened; /* of a chunk that waits for its root: itself, opened; or NULL */
};

static inline struct fama_packet *fama_packet_of(struct rte_mbuf *mbuf)
{
    return rte_mbuf_to_priv(mbuf);
}

static inline struct fama_bytes fama_packet_bytes(const struct rte_mbuf *mbuf)
{
    return fama_bytes(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf));
}

/* A chunk root on its way to a verify lcore and back. There are as many as roots may wait. */
struct fama_root_job {
    struct fama_verify_job job;
    uint32_t ticket;
    uint32_t net_lcore;           /* whose it is */
    uint64_t source;              /* what its first chunk is charged to */
    struct fama_identity *signer; /* a reference, so that the key outlives views */
};

/* Part of a commit thread's batch. It lies in that thread's memory, which waits for `left` to become 0. */
#define FAMA_BULK_JOBS 64 /* an engine's group; roots and messages wait behind one part */
struct fama_bulk_part {
    struct fama_verify_job **jobs;
    size_t count;
    _Atomic uint32_t *left;
};

/* Slots are numbered through over all net lcores. */
#define FAMA_SLOTS_ALL                 (FAMA_SLOTS_MAX * FAMA_NET_CORES_MAX)
#define FAMA_SLOT_OF_LCORE(lcore, own) ((uint32_t)(lcore)*FAMA_SLOTS_MAX + (own))
#define FAMA_SLOT_LCORE(slot)          ((uint32_t)(slot) / FAMA_SLOTS_MAX)
#define FAMA_SLOT_OWN(slot)            ((uint32_t)(slot) % FAMA_SLOTS_MAX)

/* What commit_to_net carries in place of a pointer: a slot, and whether its block was accepted. Never 0. */
#define FAMA_RETURN_WORD(slot, accepted)                                                           \
    ((uintptr_t)4 | (uintptr_t)(slot) << 3 | ((accepted) ? (uintptr_t)1 : 0))
#define FAMA_RETURN_SLOT(word)     ((uint32_t)((word) >> 3))
#define FAMA_RETURN_ACCEPTED(word) (((word)&1) != 0)

/* What each net lcore has for itself. */
struct fama_net_ends {
    struct rte_ring *net_to_net;    /* from the others: what is this lcore's */
    struct rte_ring *origin_to_net; /* chunks, a ring for each class they are sent in */
    struct rte_ring *repair_to_net;
    struct rte_ring *transfer_to_net;
    struct rte_ring *verify_to_net;
    struct rte_ring *commit_to_net;
    struct fama_sources sources;
};

struct fama_topology {
    struct fama_dataplane_config config;
    struct fama_port port;
    struct fama_view *view; /* RCU */
    _Atomic bool is_interrupted;
    _Atomic bool is_stopping;
    /* By a channel's number: what the view in force has our own chunks carry, for the origin thread. */
    _Atomic uint64_t view_ids[FAMA_CHANNELS_MAX];

    struct fama_pacer pacer; /* of the port: shared by all who send */
    struct fama_net_ends net[FAMA_NET_CORES_MAX];
    struct rte_ring *control_to_net; /* the first one's, whose signed messages are, too */
    struct rte_ring *net_to_verify_roots;
    struct rte_ring *net_to_verify_alive;    /* of members that the view knows */
    struct rte_ring *net_to_verify_messages; /* all others */
    struct rte_ring *commit_to_verify;
    struct rte_ring *events;
    struct rte_ring *net_to_commit[FAMA_CHANNELS_MAX];

    struct rte_mempool *event_pool;
    struct fama_doorbell event_bell;
    struct fama_doorbell
        net_bell; /* rung for what lies in the rings of a net lcore that is alone */
    struct fama_doorbell verify_bells[FAMA_CORES_MAX];
    struct fama_doorbell block_bells[FAMA_CHANNELS_MAX];
    struct fama_assembled assembled[FAMA_SLOTS_ALL]; /* by slot: what net_to_commit points at */
};

/* Makes rings, pool and doorbells for config and port, which are set already. FAMA_DATAPLANE_NO_MEMORY or
 * FAMA_DATAPLANE_CONFIG; then fama_topology_destroy undoes what was made. */
int fama_topology_create(struct fama_topology *topology, struct fama_error *error);
/* Also gives back whatever still lies in the rings. No stage may run any more. */
void fama_topology_destroy(struct fama_topology *topology);

/* What one net lcore has of roots that may wait, and of chunks held for them. */
uint32_t fama_topology_roots_each(const struct fama_topology *topology);
uint32_t fama_topology_held_each(const struct fama_topology *topology);

/* Packets that may lie in rings and queues at one time, without those held for their roots. */
uint32_t fama_topology_packets(const struct fama_topology *topology);

/* Wakes one verify lcore, if any sleeps; to be called when there is work in its rings. In `poll` mode,
 * and while they all work, it costs one atomic operation each. Any stage. */
void fama_topology_wake_verify(struct fama_topology *topology);

/* An event to fill in, or NULL: the control thread is behind. Any stage. */
struct fama_event *fama_topology_event(struct fama_topology *topology);
/* Hands it over; takes back the author's reference with it if the ring is full. */
bool fama_topology_tell(struct fama_topology *topology, struct fama_event *event);
void fama_topology_event_done(struct fama_topology *topology, struct fama_event *event);

#endif
