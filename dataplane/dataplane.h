/* The dataplane's door: start it, tell it the world (views), give it datagrams and blocks to send, take
 * messages, gaps and whole blocks from it.
 *
 * Inside: one or more net lcores (poll, classify, Merkle, reassembly, fan-out; dataplane/spread.h says which
 * of them does what), one or more verify lcores (batches of signatures), joined by bounded rings;
 * dataplane/topology.c is the table of them.
 *
 * Threads: `control` = the one thread that calls start, stop, publish, send, receive. `origin` = the one
 * thread that calls fama_dataplane_send_block for new blocks, `server` = the one that calls it for answers.
 * `commit` = any channel's commit thread: take_block, return_block, verify. One process has at most one
 * dataplane (DPDK's EAL is a singleton). */
#ifndef FAMA_DATAPLANE_DATAPLANE_H
#define FAMA_DATAPLANE_DATAPLANE_H

#include "crypto/error.h"
#include "crypto/signer.h"
#include "crypto/verifier.h"
#include "dataplane/channel_key.h"
#include "dataplane/chunk_set.h"
#include "dataplane/fanout.h"
#include "dataplane/reassembly.h"
#include "dataplane/session.h"
#include "dataplane/transmit_class.h"

struct fama_dataplane;

enum fama_dataplane_error {
    FAMA_DATAPLANE_CONFIG = -1, /* a setting makes no sense */
    FAMA_DATAPLANE_EAL = -2,    /* DPDK did not start */
    FAMA_DATAPLANE_PORT = -3,   /* the port does not exist or does not come up */
    FAMA_DATAPLANE_NO_MEMORY = -4,
    FAMA_DATAPLANE_BUSY = -5, /* a ring is full: try later */
    FAMA_DATAPLANE_STOPPING = -6,
    FAMA_DATAPLANE_KEY = -7, /* there is no channel key that may seal this block */
};

enum fama_idle {
    FAMA_IDLE_POLL = 0, /* never sleeps */
    FAMA_IDLE_ADAPTIVE =
        1, /* pause, then sleep a little longer each time up to idle_sleep_max_ns */
};

enum fama_hugepages {
    FAMA_HUGEPAGES_AUTO = 0, /* use them if there are enough, else --no-huge with one warning */
    FAMA_HUGEPAGES_ON = 1,   /* refuse to start without */
    FAMA_HUGEPAGES_OFF = 2,
};

#define FAMA_CORES_MAX     16 /* verify lcores */
#define FAMA_NET_CORES_MAX 8

struct fama_dataplane_config {
    const char *port;        /* vdev arguments ("net_af_packet0,iface=eth1") or a PCI address */
    const char *file_prefix; /* EAL's, distinct per process on a machine */
    struct fama_endpoint endpoint; /* our address and UDP port */
    uint8_t prefix_bits;           /* of our link's network */
    /* All zero: none. Of our endpoint's family; an IPv6 one may be link-local. */
    uint8_t gateway[FAMA_ADDRESS_BYTES];
    uint16_t mtu;
    uint32_t control_core; /* CPU ids; several roles may share one CPU */
    uint32_t net_cores[FAMA_NET_CORES_MAX];
    uint32_t net_core_count;
    uint32_t verify_cores[FAMA_CORES_MAX];
    uint32_t verify_core_count;
    enum fama_idle idle;
    uint64_t idle_sleep_max_ns;
    enum fama_hugepages hugepages;
    uint32_t memory_mb;            /* for packets */
    uint64_t pace_bits_per_second; /* what we send at most, in all; 0: what the port takes */
    uint64_t pace_burst_bytes;     /* that may go at once after a silence */
    uint32_t mbufs;
    struct fama_reassembly_limits reassembly; /* slots: each net lcore's; roots, held: shared out */
    enum fama_planner planner;                /* of our own blocks */
    uint32_t propagate_peer_num;
    uint8_t hop_budget;
    uint64_t stalled_ns; /* a block without progress for this long is reported as a gap */
    uint32_t admissions_per_second; /* certificates of unknown identities looked at */
    uint64_t random_seed;
    void (*warn)(const char *words); /* start-up warnings, may be NULL */
    void (*tell)(const char *words); /* what the port turned out to do, one line, may be NULL */
};

/* Takes the settings, starts the EAL, port and lcores. On failure everything is undone. */
int fama_dataplane_start(const struct fama_dataplane_config *config,
                         struct fama_dataplane **dataplane, struct fama_error *error);
/* Begins the end: from now on send_block and verify return STOPPING at once, also to callers that are
 * waiting in them, so that the origin and commit threads can be joined before fama_dataplane_stop. Any
 * thread. */
void fama_dataplane_interrupt(struct fama_dataplane *dataplane);
/* Stops lcores and port and frees everything. Whole blocks not yet returned become invalid. */
void fama_dataplane_stop(struct fama_dataplane *dataplane);

/* Replaces the view, which is sealed. Takes ownership; what was planned in the old one is still known
 * (fama_view_follow); the old view is freed after a grace period. Control thread. */
void fama_dataplane_publish(struct fama_dataplane *dataplane, struct fama_view *view);

/* Sends one datagram (a signed message, already written) to `target`. Copies. Control thread. BUSY when
 * the ring is full: gossip repeats itself, so callers may ignore it. */
int fama_dataplane_send(struct fama_dataplane *dataplane, const struct fama_endpoint *target,
                        struct fama_bytes datagram);
/* The same, to where a datagram came from that anybody may have sent: finding that neighbour keeps none of those
 * from being found whom we send to. */
int fama_dataplane_answer(struct fama_dataplane *dataplane, const struct fama_endpoint *target,
                          struct fama_bytes datagram);

/* ---- What the control thread receives ---- */

enum fama_event_kind {
    FAMA_EVENT_MESSAGE = 1, /* a message whose signature has been verified */
    FAMA_EVENT_GAP = 2,     /* a block that makes no progress */
    FAMA_EVENT_WINDOW =
        3, /* which blocks of a channel are at hand; sent when it changed. What net lcores
                              * know of their own blocks comes together in receive */
    FAMA_EVENT_INNER = 4,        /* a request or keys, from within a session */
    FAMA_EVENT_HANDSHAKE = 5,    /* a handshake's datagram; nothing in it is proved */
    FAMA_EVENT_EQUIVOCATION = 6, /* two roots of one set, signed by the same origin */
    FAMA_EVENT_NO_KEY = 7,       /* a chunk came that is sealed with a key we do not have */
};

/* Of a member's chunks that we could not open. */
struct fama_key_wanted {
    fama_tag channel;
    fama_tag maker;
    uint32_t epoch;
};

struct fama_window {
    uint16_t channel;
    uint64_t first;   /* the ledger's height when this was written */
    uint64_t present; /* bit i: block first + i is complete or in assembly */
    uint64_t horizon; /* one past the highest block heard of by a verified chunk */
    uint16_t loss;    /* of pushed chunks of late, parts of FAMA_LOSS_WHOLE */
};

struct fama_event {
    enum fama_event_kind kind;
    /* MESSAGE, HANDSHAKE: source address of the datagram, unproved. INNER: where the session's other end has
     * proved to be. */
    struct fama_endpoint came_from;
    struct fama_session *session; /* INNER: a reference that event_done gives back */
    struct fama_message message;  /* MESSAGE: body points into datagram */
    struct fama_identity *author; /* MESSAGE: a reference the receiver may take over, see below */
    uint8_t author_pki_id[FAMA_PKI_ID_BYTES];
    bool author_is_new; /* MESSAGE: not in the view; validated in our MSP just now */
    uint16_t datagram_bytes;
    /* MESSAGE: as it came, for forwarding; HANDSHAKE: likewise; INNER: what was sealed. */
    uint8_t datagram[2048];
    struct fama_gap gap;
    struct fama_window window;
    struct fama_equivocation equivocation;
    struct fama_key_wanted key_wanted;
    uint32_t net_lcore; /* WINDOW: whose part it was */
};

/* Up to `count` events; each is given back with fama_dataplane_event_done, which releases `author`
 * (take another reference to keep it). Control thread. Never blocks. */
uint32_t fama_dataplane_receive(struct fama_dataplane *dataplane, struct fama_event **events,
                                uint32_t count);
void fama_dataplane_event_done(struct fama_dataplane *dataplane, struct fama_event *event);
/* Becomes readable (eventfd) when there are events and the control thread had found none. To be read
 * empty by fama_dataplane_receive itself. */
int fama_dataplane_event_fd(const struct fama_dataplane *dataplane);

/* ---- Whole blocks, for commit threads ---- */

/* The next whole block of this channel, or false. One thread per channel. */
bool fama_dataplane_take_block(struct fama_dataplane *dataplane, uint16_t channel,
                               struct fama_assembled *block);
/* Gives the buffer back. `accepted`: committed (the gate's next_block has moved past it) or superfluous;
 * otherwise the block was bad and its origin is blamed. */
void fama_dataplane_return_block(struct fama_dataplane *dataplane,
                                 const struct fama_assembled *block, bool accepted);
/* Becomes readable when a block is there and the channel's thread had found none (eventfd). */
int fama_dataplane_block_fd(const struct fama_dataplane *dataplane, uint16_t channel);

/* Has the verify lcores judge a batch and waits for it (bulk priority). Commit threads. */
int fama_dataplane_verify(struct fama_dataplane *dataplane, struct fama_verify_job *jobs[],
                          size_t count);

/* The same while the commit thread does something else: begin, and finish before the jobs or the batch go
 * away, also when the dataplane is stopping. Zeroed before its first use, reused from batch to batch,
 * freed at the end; not moved in between. One thread a batch. */
struct fama_verify_batch {
    struct fama_verify_job **jobs;
    size_t count;
    size_t handed; /* jobs that lcores have or had */
    struct fama_bulk_part *parts;
    size_t part_capacity;
    _Atomic uint32_t left; /* parts that lcores have */
};
/* Hands out what the lcores' ring has room for; the rest follows in finish. */
void fama_dataplane_verify_begin(struct fama_dataplane *dataplane, struct fama_verify_batch *batch,
                                 struct fama_verify_job *jobs[], size_t count);
int fama_dataplane_verify_finish(struct fama_dataplane *dataplane, struct fama_verify_batch *batch);
void fama_verify_batch_free(struct fama_verify_batch *batch);

/* ---- Sending blocks, for the origin and server threads ---- */

struct fama_block_send {
    /* NEW_BLOCK: the origin thread's. REPAIR, TRANSFER: the server thread's. CONTROL, which blocks never
     * are: NEW_BLOCK without a target, REPAIR with one. */
    enum fama_transmit_class transmit_class;
    const char *channel_id;
    uint16_t channel; /* its number in views */
    uint64_t number;
    struct fama_bytes bytes;          /* borrowed during the call */
    struct fama_set_encoder *encoder; /* the calling thread's */
    /* One of both: to fan out to the channel's view, the key to seal with, which has not sealed this block or
     * a later one; to answer a request, the session with who asked. */
    struct fama_channel_key *key;
    struct fama_session *session;
    uint16_t chunk_bytes; /* 0: what the MTU allows */
    uint8_t parity;       /* parity chunks of a full set */
    bool is_infectious;   /* whatever the planner: trees lose too much at the moment */
    const struct fama_request_entry *wanted; /* NULL: all */
    uint32_t wanted_count;
    /* NULL, or what may be set by any thread: then BUSY instead of waiting for room. The chunks queued so
     * far are the first ones wanted, by set and index. */
    const _Atomic bool *gives_way;
};

/* Cuts, codes, proves, signs, seals and queues. Waits while the queue of its class is full (back-pressure);
 * STOPPING if the dataplane is being stopped; KEY if there is none, or it has sealed this block or a later one. The number of chunks queued is added to *chunks if not NULL. */
int fama_dataplane_send_block(struct fama_dataplane *dataplane, const struct fama_signer *signer,
                              const struct fama_block_send *send, uint64_t *chunks);

/* Lets the calling thread run on every CPU that the process had at start but the net and verify lcores',
 * if there is such a one. Threads made after the start inherit the control core: those that work hard
 * (commit, origin) call this first, so that they neither crowd the control thread nor disturb a poller. */
void fama_dataplane_stand_aside(const struct fama_dataplane *dataplane);

/* Whether the packets lie in hugepages, whatever was asked for. */
bool fama_dataplane_uses_hugepages(const struct fama_dataplane *dataplane);

/* ---- Counters ---- */

/* What was sent in one class, and what not. */
struct fama_class_counters {
    uint64_t packets, bytes;
    uint64_t waiting_ns; /* for how long some of its packets had to wait for the pace or the port */
    uint64_t queue_full, port_full, no_neighbour, no_mbuf; /* packets dropped; also in `drops` */
};

struct fama_dataplane_counters {
    struct fama_class_counters classes[FAMA_TRANSMIT_CLASSES];
    uint64_t drops[FAMA_DROP_COUNT];
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t chunks_received, chunks_stored, chunks_late, chunks_forwarded, chunks_repaired;
    uint64_t blocks_assembled;
    uint64_t equivocations;
    uint64_t messages_received;
    uint64_t packets_handed_over; /* to the net lcores whose they were */
    uint64_t signatures_verified, signature_batches, signatures_bad;
    uint64_t neighbour_requests_sent, neighbour_replies_sent; /* of ARP, or neighbour discovery */
    uint64_t neighbours_displaced, neighbours_refused;        /* that strangers had us ask for */
};
/* Of all threads together. */
void fama_dataplane_counters(const struct fama_dataplane *dataplane,
                             struct fama_dataplane_counters *counters);
/* One net lcore's own, and the CPU it runs on; false if there is none of this number. */
bool fama_dataplane_net_counters(const struct fama_dataplane *dataplane, uint32_t lcore,
                                 uint32_t *cpu, struct fama_dataplane_counters *counters);

#endif
