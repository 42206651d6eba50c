/* A session between two nodes: the keys that seal what they send each other, who the other one is, which
 * counters were used and which came.
 *
 * Made by controlplane/sessions.h out of a handshake, listed in views, reference-counted (atomic); the
 * last release wipes it. Everything but the counters and windows is immutable.
 *
 * Threads: each stream has one thread that seals with it (dataplane/wire_session.h); one net lcore opens.
 * They share no word that is written. Sealing and opening take no memory and no lock.
 *
 * Adversary: whoever sends datagrams. A replay costs a look into the window, a forgery one check of a
 * tag; neither changes anything. What one member seals for another is no proof towards a third. */
#ifndef FAMA_DATAPLANE_SESSION_H
#define FAMA_DATAPLANE_SESSION_H

#include "dataplane/replay_window.h"
#include "dataplane/wire_session.h"

/* A stream seals so many datagrams and no more; worn from half of it on, to be renewed in time. */
#define FAMA_SESSION_NUMBERS ((uint64_t)1 << 48)

struct fama_session;

struct fama_session_config {
    uint64_t id; /* not 0 */
    fama_tag peer;
    struct fama_endpoint endpoint; /* the peer's, where it has proved to be */
    const uint8_t *seal_key;       /* FAMA_AEAD_KEY_BYTES, as the next; copied */
    const uint8_t *open_key;
    bool is_initiator; /* whether we began it */
    uint64_t made_ns;
};

/* One reference; NULL when memory is out. */
struct fama_session *fama_session_create(const struct fama_session_config *config);
struct fama_session *fama_session_acquire(struct fama_session *session);
void fama_session_release(struct fama_session *session); /* NULL is fine */

uint64_t fama_session_id(const struct fama_session *session);
fama_tag fama_session_peer(const struct fama_session *session);
const struct fama_endpoint *fama_session_endpoint(const struct fama_session *session);
bool fama_session_is_initiator(const struct fama_session *session);
uint64_t fama_session_made_ns(const struct fama_session *session);

/* Makes a SEALED datagram of the pieces of a whole datagram (header first), in order; at most
 * FAMA_AEAD_PIECES_MAX. A piece may already lie in its own final place, FAMA_WIRE_SEALED_HEADER bytes
 * into `datagram`; else none overlaps with it. Returns its length: FAMA_WIRE_SEALED_OVERHEAD more than
 * the pieces. 0, and no counter is used up but perhaps one, if `size` does not hold it, if it is longer
 * than any datagram, or if the stream is used up. The stream's thread. */
size_t fama_session_seal(struct fama_session *session, enum fama_session_stream stream,
                         const struct fama_bytes *pieces, size_t count, uint8_t *datagram,
                         size_t size);

/* Opens what fama_wire_sealed_read has read, of this session, into `out`, which holds
 * sealed->ciphertext.len bytes and may be the ciphertext's own place. SESSION_REPLAYED (nothing is
 * written) or SESSION_FORGED (what is in `out` then is garbage). The session's net lcore. */
enum fama_drop fama_session_open(struct fama_session *session, const struct fama_sealed *sealed,
                                 uint8_t *out);

/* Whether anything of the peer was opened: it has the keys, too. Any thread, a moment late. */
bool fama_session_is_heard(const struct fama_session *session);
/* Whether a stream is half used up. Any thread, a moment late. */
bool fama_session_is_worn(const struct fama_session *session);
/* Datagrams sealed by all streams. Any thread, a moment late. */
uint64_t fama_session_sealed(const struct fama_session *session);

/* For tests: the stream goes on from this number. */
void fama_session_skip_to(struct fama_session *session, enum fama_session_stream stream,
                          uint64_t number);

#endif
