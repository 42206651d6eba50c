/* With whom a node has sessions, or wants one: up to FAMA_SESSIONS_EACH with each peer, the newest first,
 * and which of them to seal with.
 *
 * While a session is renewed both ends open with the old and the new one. A responder seals with a new
 * one only after the other end has used it, which shows that it has the keys, unless there is no other.
 *
 * Owner: a struct fama_sessions; control thread. Memory: at most peers_max records, one reference to each
 * session. */
#ifndef FAMA_CONTROLPLANE_SESSION_PEERS_H
#define FAMA_CONTROLPLANE_SESSION_PEERS_H

#include "dataplane/session.h"

#define FAMA_SESSIONS_EACH 3

struct fama_session_peer {
    fama_tag tag;
    struct fama_session *sessions[FAMA_SESSIONS_EACH]; /* the newest first */
    uint32_t session_count;
    uint64_t preferred;   /* id of the session that was last said to be preferred; 0: none */
    uint64_t incarnation; /* of the peer when the newest session was made */
    struct fama_endpoint endpoint; /* where it was known to be then */
    bool is_outdated;              /* the peer has started anew, or moved, since */
    bool is_wanted;
    uint64_t wanted_ns; /* when it was last */
    bool is_trying;     /* we are the initiator of a running handshake */
    uint64_t handshake; /* its number */
    uint64_t retry_ns;  /* not before */
    uint32_t failures;  /* in a row */
};

struct fama_session_peers;

struct fama_session_peers *fama_session_peers_create(uint32_t peers_max);
void fama_session_peers_destroy(struct fama_session_peers *peers);

uint32_t fama_session_peers_count(const struct fama_session_peers *peers);
/* Ascending by tag. Records stay where they are until they are removed. */
struct fama_session_peer *fama_session_peers_at(const struct fama_session_peers *peers,
                                                uint32_t index);
struct fama_session_peer *fama_session_peers_find(const struct fama_session_peers *peers,
                                                  fama_tag tag);
/* The record of this tag, an empty one if there was none. NULL at the limit, or out of memory. */
struct fama_session_peer *fama_session_peers_add(struct fama_session_peers *peers, fama_tag tag);
/* It has no sessions left. */
void fama_session_peers_remove(struct fama_session_peers *peers, struct fama_session_peer *peer);
/* Whether any peer has a session of this id. */
bool fama_session_peers_has(const struct fama_session_peers *peers, uint64_t session_id);

/* The session to seal with, NULL if there is none. */
struct fama_session *fama_session_peer_preferred(const struct fama_session_peer *peer);
/* Puts the newest session before the others. There must be room. */
void fama_session_peer_push(struct fama_session_peer *peer, struct fama_session *session);
/* Takes one out; its reference is the caller's now. */
struct fama_session *fama_session_peer_take(struct fama_session_peer *peer, uint32_t index);
/* The place of the one to go first: the oldest that is not preferred. */
uint32_t fama_session_peer_spare(const struct fama_session_peer *peer);

#endif
