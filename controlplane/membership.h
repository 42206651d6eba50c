/* Who is alive: signed alive messages, the lists of the living and the dead, probing, and anti-entropy.
 *
 * Follows Fabric's gossip/discovery (spec fabric-gossip §4): heartbeat each aliveTimeInterval; a peer not
 * heard of for aliveExpirationTimeout is dead; the dead are probed each reconnectInterval and forgotten
 * after aliveExpirationTimeout x msgExpirationFactor, bootstrap peers never; (incarnation, sequence)
 * orders the messages of one author, equal or older ones are stale. Differences, for datagrams: every
 * alive message carries its author's identity; lists are exchanged as digests of (author, incarnation,
 * sequence), answered with the alive messages the asker lacks, so that an answer never needs more
 * than one datagram per known peer; bootstrap endpoints that nobody living claims are greeted each
 * reconnectInterval, and until the first answer each second.
 *
 * Sans-I/O: no clock, no socket, no generator, no signature in here. The owner brings verified messages
 * and time, and carries out the actions that come back. Owner: the control thread, or the simulator.
 * Memory: bounded by peers_max; the table is taken at creation. */
#ifndef FAMA_CONTROLPLANE_MEMBERSHIP_H
#define FAMA_CONTROLPLANE_MEMBERSHIP_H

#include "dataplane/fanout.h"
#include "dataplane/wire.h"

struct fama_membership;

#define FAMA_BOOTSTRAP_MAX 64
#define FAMA_ALIVE_DATAGRAM_MAX 2048 /* bytes of a stored alive datagram */

struct fama_membership_config {
    uint8_t self_pki_id[FAMA_PKI_ID_BYTES];
    struct fama_endpoint self_endpoint;
    uint64_t incarnation; /* start time of this process: rises with every start */
    struct fama_endpoint bootstrap[FAMA_BOOTSTRAP_MAX];
    uint32_t bootstrap_count;
    uint64_t alive_interval_ns;
    uint64_t alive_expiration_ns;
    uint64_t reconnect_interval_ns;
    uint64_t digest_interval_ns; /* anti-entropy with pull_peer_num random living peers */
    uint32_t message_expiration_factor;
    uint32_t propagate_peer_num;
    uint32_t pull_peer_num;
    uint32_t peers_max;
    uint64_t random_seed;
};

enum fama_peer_state {
    FAMA_PEER_ALIVE = 1,
    FAMA_PEER_DEAD = 2,
};

struct fama_member {
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    fama_tag tag;
    enum fama_peer_state state;
    struct fama_endpoint endpoint;
    uint64_t incarnation;
    uint64_t sequence;
    uint64_t last_seen_ns;
    void *identity; /* what the owner attached at admission; released through the forgotten action */
};

enum fama_membership_action_kind {
    FAMA_MEMBERSHIP_SEND_ALIVE = 1, /* sign our alive message now and send it to `target` */
    FAMA_MEMBERSHIP_FORWARD = 2,    /* send `datagram` (somebody's alive message) unchanged to `target` */
    FAMA_MEMBERSHIP_SEND_DIGEST = 3,/* sign `digest` and send it to `target` */
    FAMA_MEMBERSHIP_CHANGED = 4,    /* the living, the dead or an endpoint changed: publish a view */
    FAMA_MEMBERSHIP_JOINED = 5,     /* `peer` became alive (new or returned) */
    FAMA_MEMBERSHIP_DIED = 6,       /* `peer` expired */
    FAMA_MEMBERSHIP_FORGOTTEN = 7,  /* `peer` is gone; `identity` is the owner's to release */
};

struct fama_membership_action {
    enum fama_membership_action_kind kind;
    struct fama_endpoint target;
    struct fama_bytes datagram;       /* FORWARD: valid until the next call into the membership */
    const struct fama_digest *digest; /* SEND_DIGEST: likewise */
    const struct fama_member *peer;   /* JOINED, DIED, FORGOTTEN: likewise */
    void *identity;
};

/* NULL if out of memory or a limit is zero. */
struct fama_membership *fama_membership_create(const struct fama_membership_config *config);
void fama_membership_destroy(struct fama_membership *membership,
                             void (*release_identity)(void *identity));

/* A verified alive message. `datagram` is copied if it is news. `identity` is taken over if the peer is
 * news (returns FAMA_DROP_NONE with *took_identity true), else it stays the caller's. Returns why the
 * message went nowhere: REPLAYED, OWN_MESSAGE, SLOTS_FULL is reported as ADMISSION_BUDGET when the
 * table is full. Our own PKI-ID from another endpoint is OWN_MESSAGE too. */
enum fama_drop fama_membership_on_alive(struct fama_membership *membership, uint64_t now_ns,
                                        const struct fama_message *message,
                                        const struct fama_alive *alive,
                                        const uint8_t pki_id[FAMA_PKI_ID_BYTES],
                                        struct fama_bytes datagram, void *identity,
                                        bool *took_identity);
/* A verified digest addressed to us, by a member. A digest is answered at most once per author and
 * sequence: with the alive messages its author lacks (at most FAMA_DIGEST_ENTRIES_MAX), our own
 * included, and if it wanted an answer with our own digest of the same range. */
enum fama_drop fama_membership_on_digest(struct fama_membership *membership, uint64_t now_ns,
                                         const struct fama_message *message,
                                         const struct fama_digest *digest);
/* Time passes: heartbeats, expiry, probes, anti-entropy. Call it at least each 100 ms, or at
 * fama_membership_next_ns. */
void fama_membership_tick(struct fama_membership *membership, uint64_t now_ns);
uint64_t fama_membership_next_ns(const struct fama_membership *membership);

/* Takes the next action to carry out, in order; false when there is none. Bounded queue: when it
 * overflows, forwards and digests are dropped first, never CHANGED, JOINED, DIED, FORGOTTEN. */
bool fama_membership_next_action(struct fama_membership *membership,
                                 struct fama_membership_action *action);

/* The next own sequence number: every message this node signs takes one. */
uint64_t fama_membership_next_sequence(struct fama_membership *membership);

uint32_t fama_membership_count(const struct fama_membership *membership);
const struct fama_member *fama_membership_at(const struct fama_membership *membership, uint32_t index);
const struct fama_member *fama_membership_find(const struct fama_membership *membership, fama_tag tag);

#endif
