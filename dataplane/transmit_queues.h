/* What waits to leave through one transmit queue of the port: a bounded queue for each class, strict
 * priority between them, and one pace for the port.
 *
 * Order: control, new blocks, repair, transfer; a lower class goes only while nothing of a higher one waits.
 * One exception: while repair waits, it gets a byte for every FAMA_TRANSMIT_REPAIR_SHARE bytes of new
 * blocks, for what is repaired are the newest blocks too, and a port that is full of new blocks for long
 * would leave whoever lost a chunk of them behind for good. Transfer may starve: whoever catches up does
 * so when the port has room, or elsewhere. Control needs no share, being first.
 *
 * Full queues: producers of our own chunks look for room first and wait in their rings (back-pressure);
 * relayed chunks find a queue full when FAMA_TRANSMIT_OWN_PLACES are left, so that our own pushes are not
 * crowded out, and are dropped: repair is cheaper than a queue of old packets. Answers to strangers (ARP)
 * get half of the control queue and leave the other half to alive messages. A port that takes nothing at all
 * for FAMA_TRANSMIT_PATIENCE_NS has lost its other end, and what waits for it is dropped.
 *
 * Transfer leaves half of the pace's bucket full: a new block then finds a burst to go with, as if nobody
 * were catching up. Paced are frames as they occupy the wire, with preamble, check sum and gap. Owner: one net lcore; the
 * pacer may be shared. */
#ifndef FAMA_DATAPLANE_TRANSMIT_QUEUES_H
#define FAMA_DATAPLANE_TRANSMIT_QUEUES_H

#include "dataplane/counts.h"
#include "dataplane/pacer.h"
#include "dataplane/port.h"

#define FAMA_TRANSMIT_QUEUE        512 /* places of each class: a power of two */
#define FAMA_TRANSMIT_BURST        64  /* packets handed to the port at once */
#define FAMA_TRANSMIT_OWN_PLACES   64
#define FAMA_TRANSMIT_REPAIR_SHARE 16
#define FAMA_TRANSMIT_PATIENCE_NS  100000000u
#define FAMA_TRANSMIT_WIRE_BYTES   24 /* around each frame: preamble 8, check sum 4, gap 12 */

/* Who puts a packet in: places that must stay free. */
enum fama_transmit_claim {
    FAMA_TRANSMIT_OWN = 0,
    FAMA_TRANSMIT_RELAYED = FAMA_TRANSMIT_OWN_PLACES,
    FAMA_TRANSMIT_ANSWER = FAMA_TRANSMIT_QUEUE / 2,
};

struct fama_transmit_queue {
    uint32_t head, tail; /* both only rise; a place is one of them modulo the size */
    struct rte_mbuf *packets[FAMA_TRANSMIT_QUEUE];
    uint16_t lengths[FAMA_TRANSMIT_QUEUE]; /* of the frames */
};

struct fama_transmit_queues {
    const struct fama_port *port;
    uint32_t lcore; /* whose queue of the port it is */
    struct fama_pacer *pacer;
    struct fama_dataplane_counters *counts;
    uint64_t now_ns;       /* of the last flush */
    uint64_t taken_ns;     /* when the port last took a packet, or had none to take */
    uint64_t repair_share; /* bytes of new blocks that repair has not had its share of */
    bool held_is_transfer; /* the packet that held_bytes is about */
    uint64_t held_bytes;   /* of the packet the pace held back at the last flush, 0: none */
    uint32_t fruitless;    /* bursts in a row of which the port took nothing */
    bool was_left[FAMA_TRANSMIT_CLASSES]; /* there: something, by the last flush */
    struct fama_transmit_queue queues[FAMA_TRANSMIT_CLASSES];
};

/* All must outlive it. */
void fama_transmit_queues_init(struct fama_transmit_queues *queues, const struct fama_port *port,
                               uint32_t lcore, struct fama_pacer *pacer,
                               struct fama_dataplane_counters *counts);
/* Frees what waits. */
void fama_transmit_queues_clear(struct fama_transmit_queues *queues);

static inline uint32_t fama_transmit_queue_count(const struct fama_transmit_queues *queues,
                                                 enum fama_transmit_class transmit_class)
{
    const struct fama_transmit_queue *queue = &queues->queues[transmit_class];
    return queue->tail - queue->head;
}

/* Takes over a whole frame; drops and counts it when the claim finds no place. */
void fama_transmit_queue_put(struct fama_transmit_queues *queues, struct rte_mbuf *packet,
                             enum fama_transmit_class transmit_class,
                             enum fama_transmit_claim claim);

/* Frees a packet that goes no further and counts why, in all and in its class. */
void fama_transmit_drop(struct fama_transmit_queues *queues, struct rte_mbuf *packet,
                        enum fama_transmit_class transmit_class, enum fama_drop reason);

/* Hands over what port and pace take; returns how many packets that were. */
uint32_t fama_transmit_queues_flush(struct fama_transmit_queues *queues, uint64_t now_ns);

/* The same in the middle of a cycle, for what is there already; does nothing if port or pace have just had
 * enough. */
void fama_transmit_queues_burst(struct fama_transmit_queues *queues, uint64_t now_ns);

/* How long from `now_ns` the lcore may sleep for all that waits here: until the pace lets the next packet
 * go; UINT64_MAX if none waits for that. */
uint64_t fama_transmit_queues_wait_ns(const struct fama_transmit_queues *queues, uint64_t now_ns);

#endif
