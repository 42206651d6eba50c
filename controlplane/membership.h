/* Who is alive: signed alive messages, the lists of the living and the dead, probing, and anti-entropy.
 *
 * Follows Fabric's gossip/discovery (spec fabric-gossip §4): heartbeat each aliveTimeInterval; a peer not
 * heard of for aliveExpirationTimeout is dead; the dead are probed each reconnectInterval (at most
 * FAMA_PROBES_MAX at a time, taking turns) and forgotten after aliveExpirationTimeout x
 * msgExpirationFactor, bootstrap peers never; (incarnation, sequence) orders the messages of one author,
 * equal or older ones are stale, and so are those of a forgotten author that are not newer than what was
 * forgotten. Differences, for datagrams: every alive message carries its author's identity; lists are
 * exchanged as digests of (author, incarnation, sequence), answered with the alive messages of living
 * peers that the asker lacks, so that an answer never needs more than one datagram per known peer; a
 * peer that has been silent for three fifths of its time is asked after, by a digest of just this peer
 * sent to itself and to somebody else; bootstrap endpoints that nobody living claims are greeted each
 * reconnectInterval, and while nobody is alive each second; whoever learns of a new or returned peer
 * greets it with its own alive message and a digest, with a probability that makes about
 * FAMA_GREETERS greeters of any number of members.
 *
 * A node makes one alive message per alive interval and repeats its bytes until the next: every further
 * sequence number would be news that the whole network forwards.
 *
 * Sans-I/O: no clock, no socket, no generator, no signature in here. The owner brings verified messages
 * and time, and carries out the actions that come back. Owner: the control thread, or the simulator.
 * Memory: bounded by peers_max; the table is taken at creation, a peer's datagram (at most
 * FAMA_ALIVE_DATAGRAM_MAX bytes) at its admission.
 *
 * Adversaries: strangers cannot come this far (their messages do not verify). A member may claim an
 * endpoint that is not its own: each send says on whose word it goes where it goes, and the owner lets
 * little of it pass until that member has proved to be there (controlplane/address_proofs.h); nothing is
 * ever sent to our own endpoint; a peer that claims the same endpoint as another is a member like it, and
 * no set of random peers holds both. */
#ifndef FAMA_CONTROLPLANE_MEMBERSHIP_H
#define FAMA_CONTROLPLANE_MEMBERSHIP_H

#include "dataplane/fanout.h"
#include "dataplane/wire.h"

struct fama_membership;

#define FAMA_BOOTSTRAP_MAX      64
#define FAMA_ALIVE_DATAGRAM_MAX 2048 /* bytes of a stored alive datagram */
#define FAMA_GREETERS           8    /* about so many peers greet a newcomer */
#define FAMA_PROBES_MAX         32 /* dead peers probed, and silent ones asked after, at one time */
/* Alive messages that one author's digests get from us in a digest interval. */
#define FAMA_DIGEST_ANSWERS_MAX (4 * FAMA_DIGEST_ENTRIES_MAX)

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
    void
        *identity; /* what the owner attached at admission; released through the forgotten action */
};

enum fama_membership_action_kind {
    FAMA_MEMBERSHIP_SEND_ALIVE = 1, /* send our alive message of `sequence` to `target` */
    FAMA_MEMBERSHIP_FORWARD =
        2, /* send `datagram` (somebody's alive message) unchanged to `target` */
    FAMA_MEMBERSHIP_SEND_DIGEST = 3, /* sign `digest` and send it to `target` */
    FAMA_MEMBERSHIP_CHANGED = 4,   /* the living, the dead or an endpoint changed: publish a view */
    FAMA_MEMBERSHIP_JOINED = 5,    /* `peer` became alive (new or returned) */
    FAMA_MEMBERSHIP_DIED = 6,      /* `peer` expired */
    FAMA_MEMBERSHIP_FORGOTTEN = 7, /* `peer` is gone; `identity` is the owner's to release */
};

struct fama_membership_action {
    enum fama_membership_action_kind kind;
    struct fama_endpoint target;
    fama_tag
        target_tag; /* the member that is said to be there; 0: a bootstrap endpoint, whoever it is */
    uint64_t sequence; /* SEND_ALIVE: sign once per sequence, keep the datagram, send it again */
    struct fama_bytes datagram;       /* FORWARD: valid until the next call into the membership */
    const struct fama_digest *digest; /* SEND_DIGEST: likewise */
    const struct fama_member *peer;   /* JOINED, DIED, FORGOTTEN: likewise */
    void *identity;
};

/* NULL if out of memory, a limit is zero, peers_max is over FAMA_PEERS_MAX or bootstrap_count over
 * FAMA_BOOTSTRAP_MAX. More than FAMA_FANOUT_MAX peers are never chosen at once. */
struct fama_membership *fama_membership_create(const struct fama_membership_config *config);
void fama_membership_destroy(struct fama_membership *membership,
                             void (*release_identity)(void *identity));

/* A verified alive message. `datagram` is copied if it is news. `identity` is taken over if the peer is
 * not in the table (returns FAMA_DROP_NONE with *took_identity true), else it stays the caller's.
 * Returns why the message went nowhere: REPLAYED; OWN_MESSAGE (our own PKI-ID, from another endpoint
 * too); ADMISSION_BUDGET when the table is full; MALFORMED for an endpoint that is none, an author that
 * is not the PKI-ID's tag or a datagram that is too long; IDENTITY_REFUSED for another PKI-ID with the
 * tag of a known one; EVENT_RING_FULL while too many actions wait to be taken. */
enum fama_drop fama_membership_on_alive(struct fama_membership *membership, uint64_t now_ns,
                                        const struct fama_message *message,
                                        const struct fama_alive *alive,
                                        const uint8_t pki_id[FAMA_PKI_ID_BYTES],
                                        struct fama_bytes datagram, void *identity,
                                        bool *took_identity);
/* A verified digest addressed to us, by a member. A digest is answered at most once per author and
 * sequence: with the alive messages its author lacks, of peers heard of within one and a half alive
 * intervals, or half of one if the asker only lacks the newest (at most FAMA_DIGEST_ENTRIES_MAX, drawn at random if there are more), our own included, and if it wanted an answer with our own digest of the same range
 * (of a part of it drawn at random if we know too many there). UNKNOWN_AUTHOR, OWN_MESSAGE, REPLAYED,
 * NOT_OURS for another target, or ADMISSION_BUDGET when its author has had FAMA_DIGEST_ANSWERS_MAX. */
enum fama_drop fama_membership_on_digest(struct fama_membership *membership, uint64_t now_ns,
                                         const struct fama_message *message,
                                         const struct fama_digest *digest);
/* This peer's address is proved, and a digest was kept from it before: now it gets one. */
void fama_membership_on_proof(struct fama_membership *membership, fama_tag tag);
/* Time passes: heartbeats, expiry, probes, anti-entropy. Call it at least each 100 ms, or at
 * fama_membership_next_ns. */
void fama_membership_tick(struct fama_membership *membership, uint64_t now_ns);
uint64_t fama_membership_next_ns(const struct fama_membership *membership);

/* Takes the next action to carry out, in order; false when there is none. Bounded queue: when it
 * overflows, sends are dropped, never CHANGED, JOINED, DIED, FORGOTTEN: without room for these nothing
 * is changed. A CHANGED that waits stands for all changes until it is taken. */
bool fama_membership_next_action(struct fama_membership *membership,
                                 struct fama_membership_action *action);

/* The next own sequence number: every message this node signs takes one. */
uint64_t fama_membership_next_sequence(struct fama_membership *membership);

/* All known peers, ascending by tag, without ourselves. Pointers live until the next call that may
 * change something. */
uint32_t fama_membership_count(const struct fama_membership *membership);
const struct fama_member *fama_membership_at(const struct fama_membership *membership,
                                             uint32_t index);
const struct fama_member *fama_membership_find(const struct fama_membership *membership,
                                               fama_tag tag);

#endif
