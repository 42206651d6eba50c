/* What one net lcore owns, shared by the files that make it up: net_loop.c (the loop, frames, housekeeping),
 * net_chunks.c (chunks, roots, whole blocks), net_sessions.c (handshakes, what comes sealed) and
 * net_messages.c (signed messages). Private to these.
 *
 * Everything in it belongs to the lcore alone while it runs; only the published half of the counters is
 * read by others. */
#ifndef FAMA_DATAPLANE_NET_STATE_H
#define FAMA_DATAPLANE_NET_STATE_H

#include "dataplane/channel_key.h"
#include "dataplane/counts.h"
#include "dataplane/fanout.h"
#include "dataplane/opened.h"
#include "dataplane/reassembly.h"
#include "dataplane/recent.h"
#include "dataplane/topology.h"
#include "dataplane/transmit.h"

/* Packets or words taken from a queue or a ring at once. */
#define FAMA_NET_BURST 32
_Static_assert(FAMA_NET_BURST <= FAMA_OPENED_AT_HAND, "a burst can always be opened");

/* What the control thread was told last of a channel. */
struct fama_net_told {
    bool is_known;
    uint64_t at_ns;
    struct fama_window window;
};

/* A chunk between being opened and being offered to reassembly. */
struct fama_inbox_chunk {
    struct rte_mbuf *packet;
    const struct fama_view_channel *channel;
    const struct fama_view_peer *origin;
    const struct fama_channel_key *key; /* NULL: it came within a session */
    struct fama_chunk chunk;
    struct fama_opened *opened; /* where it lies if it has no place in a block (yet); or NULL */
    bool is_hashed;             /* it has been here before: `opened` holds its leaf */
    uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX];
};

/* Chunks of one burst, so that their leaves are hashed several at a time. Empty between cycles. */
struct fama_inbox {
    uint32_t count;
    uint8_t *rooms[FAMA_NET_BURST]; /* where they were opened to */
    struct fama_inbox_chunk chunks[FAMA_NET_BURST];
};

struct fama_net {
    struct fama_topology *topology;
    struct fama_net_ends *ends;   /* its own rings */
    struct fama_sources *sources; /* what its datagrams' senders have taken of it */
    uint32_t number;
    struct fama_transmit transmit;
    struct fama_reassembly *reassembly;
    struct fama_inbox inbox;
    struct fama_opened_pool opened;
    struct fama_frame_receiver receiver;
    struct fama_random random;
    struct fama_recent recent;
    struct fama_counts counts;
    struct fama_net_told told[FAMA_CHANNELS_MAX];

    /* Root jobs: all of them, and those not on their way to or from a verify lcore. */
    struct fama_root_job *root_jobs;
    struct fama_root_job **free_jobs;
    uint32_t free_job_count;

    /* The latest chunk's key that we lack, epoch 0: none; told at most so often. */
    struct fama_key_wanted key_wanted;
    uint64_t key_wanted_at_ns;

    /* Of the cycle at hand. */
    const struct fama_view *view;
    uint64_t now_ns;
    bool has_verify_work; /* the cycle has given the verify lcores something */
    uint64_t housekeeping_at_ns;
    uint64_t port_watch_at_ns;

    /* The first lcore's: frames of lcores without a queue that the port has not taken yet. */
    struct rte_mbuf *passing[FAMA_NET_BURST];
    uint16_t passing_count;
};

/* To the net lcore whose it is; net_loop.c. The packet is taken over. */
void fama_net_hand_to(struct fama_net *net, uint32_t lcore, struct rte_mbuf *packet);

static inline void fama_net_drop(struct fama_net *net, struct rte_mbuf *packet,
                                 enum fama_drop reason)
{
    net->counts.own.drops[reason]++;
    rte_pktmbuf_free(packet);
}

/* Whom a packet says it comes from, for the accounts of sources. */
static inline uint64_t fama_net_source_of(const struct fama_net *net, struct rte_mbuf *packet)
{
    return fama_address_source_seen(fama_packet_of(packet)->peer.address,
                                    net->topology->config.endpoint.address);
}

#endif
