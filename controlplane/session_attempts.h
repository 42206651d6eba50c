/* The handshakes that a node is in: found by their number, bounded in all, remembered for a while when
 * they are over.
 *
 * Fixed memory but for what each handshake takes (crypto/handshake.h). Owner: a struct fama_sessions;
 * control thread. Adversary: whoever chooses handshake numbers; only those who have proved their address
 * put any in here. */
#ifndef FAMA_CONTROLPLANE_SESSION_ATTEMPTS_H
#define FAMA_CONTROLPLANE_SESSION_ATTEMPTS_H

#include "crypto/handshake.h"
#include "dataplane/wire_session.h"

#define FAMA_LINGERING_MAX 1024 /* ends that a responder may have to repeat; the oldest gives way */
#define FAMA_BURIED        4096 /* numbers remembered */
#define FAMA_BURIED_NS     (2 * (uint64_t)FAMA_COOKIE_TURN_NS) /* no cookie lives longer */

enum fama_attempt_stage {
    FAMA_ATTEMPT_FREE = 0,
    FAMA_ATTEMPT_KNOCKING,  /* initiator: hellos, no cookie yet */
    FAMA_ATTEMPT_TALKING,   /* DTLS */
    FAMA_ATTEMPT_LINGERING, /* responder: done, the last flight may have been lost */
    FAMA_ATTEMPT_OVER,      /* perhaps with a last word to say, then free */
};

struct fama_attempt {
    enum fama_attempt_stage stage;
    bool is_initiator;
    bool is_expected; /* responder: it came from where the peer is known to be */
    bool is_ready;    /* waits for its output to be taken */
    bool hello_is_due;
    fama_tag peer;
    uint64_t handshake;
    struct fama_endpoint endpoint;
    uint8_t cookie[FAMA_COOKIE_BYTES];
    struct fama_handshake *dtls;
    uint64_t hello_ns; /* the next one */
    uint64_t hello_pause_ns;
    uint64_t ends_ns;
    uint32_t next; /* in its chain, or of the free */
};

struct fama_attempts;

/* Room for so many at once, and FAMA_LINGERING_MAX. NULL when memory is out. */
struct fama_attempts *fama_attempts_create(uint32_t initiators_max, uint32_t half_open_max);
void fama_attempts_destroy(struct fama_attempts *attempts);

struct fama_attempt *fama_attempts_find(struct fama_attempts *attempts, bool is_initiator,
                                        fama_tag peer, uint64_t handshake);
/* A new one with nothing but these and its endpoint; NULL when its kind is at its limit. */
struct fama_attempt *fama_attempts_add(struct fama_attempts *attempts, bool is_initiator,
                                       fama_tag peer, uint64_t handshake,
                                       const struct fama_endpoint *endpoint);
/* A responder's is done; at the limit the one that lingers longest is over. */
void fama_attempts_linger(struct fama_attempts *attempts, struct fama_attempt *attempt,
                          uint64_t until_ns);
/* It is found no more, and its place is free once its output was taken. */
void fama_attempts_end(struct fama_attempts *attempts, struct fama_attempt *attempt);

/* Attempts that may have something to send, in order of fama_attempts_make_ready. The first one, or NULL.
 * A caller that finds nothing to send says so by fama_attempts_is_silent, and goes on to the next. */
void fama_attempts_make_ready(struct fama_attempts *attempts, struct fama_attempt *attempt);
struct fama_attempt *fama_attempts_first_ready(struct fama_attempts *attempts);
void fama_attempts_is_silent(struct fama_attempts *attempts);

/* All places, also free ones. */
uint32_t fama_attempts_places(const struct fama_attempts *attempts);
struct fama_attempt *fama_attempts_at(struct fama_attempts *attempts, uint32_t place);

uint32_t fama_attempts_initiators(const struct fama_attempts *attempts);
uint32_t fama_attempts_half_open(const struct fama_attempts *attempts);
uint32_t fama_attempts_lingering(const struct fama_attempts *attempts);

/* Numbers that must not begin again, so long as a recorded cookie might be good. A later one may push an
 * earlier one out. */
void fama_attempts_bury(struct fama_attempts *attempts, fama_tag peer, uint64_t handshake,
                        uint64_t until_ns);
bool fama_attempts_is_buried(const struct fama_attempts *attempts, fama_tag peer,
                             uint64_t handshake, uint64_t now_ns);

#endif
