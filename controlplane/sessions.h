/* Sessions with other members: who wants one gets one, by a DTLS handshake (crypto/handshake.h) after a
 * cookie, and it is renewed before it is old.
 *
 * A session is begun when it is wanted and there is none, when the one there is was made
 * FAMA_SESSION_RENEW_NS ago or has used half its counters, or when the peer has started anew or moved since;
 * only for peers that were wanted within FAMA_SESSION_WANTED_NS. Its predecessor opens for
 * FAMA_SESSION_DRAIN_NS more. A handshake that fails is begun again after a pause that grows from one second
 * to a minute. When both begin at once and the one that the lower tag began is done, the other end gives its
 * own up. Sessions end after FAMA_SESSION_LIFE_NS, and as soon as the peer is no member, or its certificate
 * not valid, any more.
 *
 * Sans-I/O: no socket, no clock. OpenSSL draws its own random numbers. Owner: the control thread, or the
 * simulator. The owner brings SESSION datagrams and time, and carries out the actions that come back; take
 * them all after every call.
 *
 * Adversaries:
 *  - who sends under another's address: gets a cookie of 56 bytes for a hello of 120, and nothing is kept.
 *  - who replays a handshake within its cookie's life: its number is remembered.
 *  - who has addresses and knows a member's name: what comes from elsewhere than the member is known to be
 *    has half of the half-open places, FAMA_SESSIONS_FROM_EACH for each source, and a quarter of the rate.
 *  - a stranger, or a member in another's name: the certificate that comes is not the expected one.
 *  - a member: FAMA_SESSIONS_FROM_EACH handshakes in the time that one lingers.
 * Memory: peers_max records, FAMA_SESSIONS_EACH sessions (3 KB) with each; handshakes as limited. */
#ifndef FAMA_CONTROLPLANE_SESSIONS_H
#define FAMA_CONTROLPLANE_SESSIONS_H

#include "crypto/handshake.h"
#include "crypto/signer.h"
#include "dataplane/session.h"
#include "dataplane/view.h"

#define FAMA_SESSION_RENEW_NS   3600000000000u
#define FAMA_SESSION_LIFE_NS    4500000000000u
#define FAMA_SESSION_WANTED_NS  600000000000u
#define FAMA_SESSION_DRAIN_NS   30000000000u
#define FAMA_SESSION_LINGER_NS  10000000000u
#define FAMA_SESSIONS_FROM_EACH 4

/* What the owner knows of a peer. */
struct fama_sessions_peer {
    struct fama_identity *identity; /* borrowed until the callback is called again */
    struct fama_endpoint endpoint;
    uint64_t incarnation;
};

struct fama_sessions_config {
    fama_tag self;
    const struct fama_signer *signer; /* outlives the sessions */
    uint32_t peers_max;
    uint32_t initiators_max;      /* handshakes begun by us at one time */
    uint32_t half_open_max;       /* by others */
    uint32_t accepted_per_second; /* of others', from where they are known to be */
    size_t datagram_bytes;        /* the largest SESSION datagram to send */
    uint64_t random_seed;         /* for the lengths of pauses */
    time_t wall_clock;            /* until the first tick */
    /* Whether this is a member with whom sessions may be, and what is known of it. */
    bool (*look_up)(void *context, fama_tag tag, struct fama_sessions_peer *peer);
    void *context;
};

enum fama_sessions_action_kind {
    FAMA_SESSIONS_SEND = 1,        /* `datagram` to `target` */
    FAMA_SESSIONS_ESTABLISHED = 2, /* `session` opens from now on */
    FAMA_SESSIONS_PREFERRED = 3,   /* `session` is the one to seal with */
    FAMA_SESSIONS_GONE = 4,        /* `session` is not to be used any more */
    FAMA_SESSIONS_FAILED = 5,      /* a handshake with `peer`, for `failure` */
};

/* What is borrowed lives until the next call into the sessions. */
struct fama_sessions_action {
    enum fama_sessions_action_kind kind;
    struct fama_endpoint target;
    bool is_unproved; /* SEND: the target is where a datagram came from, which has proved nothing */
    struct fama_bytes datagram;
    struct fama_session *session;
    fama_tag peer;
    enum fama_handshake_failure failure;
};

struct fama_sessions;

/* Returns 0 or an enum fama_handshake_error. Limits of zero, or more than FAMA_PEERS_MAX peers, are refused
 * like want of memory. */
int fama_sessions_create(const struct fama_sessions_config *config, uint64_t now_ns,
                         struct fama_sessions **sessions, struct fama_error *error);
void fama_sessions_destroy(struct fama_sessions *sessions);

/* Says that a session with this peer is wanted now: as often as there is anything to send. Returns NONE,
 * whether or not there is one already, UNKNOWN_AUTHOR for no member, OWN_MESSAGE for ourselves, or
 * HANDSHAKE_BUDGET when there are peers_max others. */
enum fama_drop fama_sessions_want(struct fama_sessions *sessions, uint64_t now_ns, fama_tag tag);
/* Membership has news of this peer (started anew, moved, left): acts at once, not within the next second. */
void fama_sessions_on_news(struct fama_sessions *sessions, uint64_t now_ns, fama_tag tag);

/* A SESSION datagram. Why it went nowhere, or NONE: what is wrong with its form; NOT_OURS for another
 * target; OWN_MESSAGE; UNKNOWN_AUTHOR for a sender that is no member; HANDSHAKE_UNKNOWN for an answer to
 * nothing, or one from elsewhere; HANDSHAKE_UNPROVED for a wrong cookie; HANDSHAKE_BUDGET at a limit;
 * SESSION_REPLAYED for a handshake that was; EVENT_RING_FULL while too many actions wait. */
enum fama_drop fama_sessions_on_datagram(struct fama_sessions *sessions, uint64_t now_ns,
                                         struct fama_bytes datagram,
                                         const struct fama_endpoint *came_from);

/* Time passes. Call it each 20 to 100 ms, with the wall clock for certificates. */
void fama_sessions_tick(struct fama_sessions *sessions, uint64_t now_ns, time_t wall_clock);

bool fama_sessions_next_action(struct fama_sessions *sessions, struct fama_sessions_action *action);

/* The session to seal with for this peer, borrowed; NULL if there is none (yet). */
struct fama_session *fama_sessions_of(const struct fama_sessions *sessions, fama_tag tag);
/* All that open, ascending by peer; of each peer one is preferred. */
void fama_sessions_each(const struct fama_sessions *sessions,
                        void (*visit)(void *context, struct fama_session *session,
                                      bool is_preferred),
                        void *context);

struct fama_sessions_counts {
    uint32_t peers;
    uint32_t sessions;
    uint32_t initiating;
    uint32_t half_open;
    uint32_t lingering;
};
struct fama_sessions_counts fama_sessions_counts(const struct fama_sessions *sessions);

#endif
