/* A DTLS 1.2 handshake between two nodes that know each other's certificates beforehand, and the keys
 * that both ends take out of it.
 *
 * Both sides prove with their MSP key that they are who the other expects: the certificate that comes
 * must be the expected identity's, compared by what its issuer signed (TBSCertificate), which holds
 * the public key. Chains are not looked at: the MSP has judged the identity already. Only ECDHE-ECDSA
 * with AES-GCM, with the extended master secret (RFC 7627); no renegotiation, resumption, tickets or
 * compression. Both ends must give the same `binding` (who speaks with whom, in which attempt): it goes
 * into the exported keys (RFC 5705, label "EXPORTER fama session 2"), so that ends that differ in it
 * get keys that do not fit.
 *
 * Sans-I/O. OpenSSL's DTLS timers read the wall clock, so they are not used: this object keeps the last
 * flight of datagrams and sends it again itself, byte for byte. Only the initiator does so by time; the
 * responder answers a repeated flight with its own, so that it never sends unasked. Datagrams that
 * overtook others wait for their turn (crypto/dtls_records.h): OpenSSL forgets a ChangeCipherSpec that
 * comes early, and its replay check would refuse a second copy.
 *
 * When DONE, OpenSSL's objects are gone already. The initiator's may then be destroyed; the responder's
 * keeps its last flight, which the initiator may have lost, for as long as it is not destroyed.
 *
 * Adversary: who can send datagrams into the handshake can make it fail, as with any DTLS, and make us
 * send our flight again, once in FAMA_HANDSHAKE_PAUSE_NS. Memory per handshake is bounded: OpenSSL's
 * reassembly of one message (17 KB, ten ahead at most), FAMA_HANDSHAKE_INPUT_MAX bytes taken in
 * total, FAMA_DATAGRAM_BIO_BYTES for a flight. One thread at a time per object; objects of one setup
 * may be used by several. */
#ifndef FAMA_CRYPTO_HANDSHAKE_H
#define FAMA_CRYPTO_HANDSHAKE_H

#include <time.h>

#include "crypto/signer.h"

#define FAMA_HANDSHAKE_KEY_BYTES    32          /* AES-256 */
#define FAMA_HANDSHAKE_INPUT_MAX    65536       /* bytes of new datagrams in one handshake */
#define FAMA_HANDSHAKE_HELD_MAX     8           /* datagrams that wait for others */
#define FAMA_HANDSHAKE_DATAGRAM_MIN 512         /* bytes */
#define FAMA_HANDSHAKE_DATAGRAM_MAX 4096        /* bytes; what OpenSSL writes at once */
#define FAMA_HANDSHAKE_BINDING_MAX  64          /* bytes */
#define FAMA_HANDSHAKE_PAUSE_NS     50000000u   /* between two copies of a flight, at least */
#define FAMA_HANDSHAKE_FIRST_NS     150000000u  /* until the first copy; then twice as long ... */
#define FAMA_HANDSHAKE_LONGEST_NS   1200000000u /* ... up to this */
#define FAMA_HANDSHAKE_TIME_NS      8000000000u /* for the whole handshake */

/* What all handshakes of a node share: its certificate, its key, what it accepts. */
struct fama_handshake_setup;

enum fama_handshake_error {
    FAMA_HANDSHAKE_NO_MEMORY = -1,
    FAMA_HANDSHAKE_REFUSED_BY_OPENSSL = -2,
};

/* The signer outlives the setup, the setup its handshakes. */
int fama_handshake_setup_create(const struct fama_signer *signer,
                                struct fama_handshake_setup **setup, struct fama_error *error);
void fama_handshake_setup_destroy(struct fama_handshake_setup *setup); /* NULL is fine */

enum fama_handshake_state {
    FAMA_HANDSHAKE_RUNNING = 0,
    FAMA_HANDSHAKE_DONE,
    FAMA_HANDSHAKE_FAILED,
};

/* Why it failed. */
enum fama_handshake_failure {
    FAMA_HANDSHAKE_FAILURE_NONE = 0,
    FAMA_HANDSHAKE_TIMED_OUT,  /* the other end does not answer */
    FAMA_HANDSHAKE_WRONG_PEER, /* it presents another certificate than the expected one */
    FAMA_HANDSHAKE_EXPIRED,    /* the expected certificate is not valid now */
    FAMA_HANDSHAKE_REFUSED,    /* the other end said no */
    FAMA_HANDSHAKE_BROKEN,     /* what came is no such handshake */
    FAMA_HANDSHAKE_TOO_MUCH,   /* more came than any handshake needs */
    FAMA_HANDSHAKE_INTERNAL,   /* OpenSSL failed here, out of memory for instance */
};
const char *fama_handshake_words(enum fama_handshake_failure failure);

struct fama_handshake_config {
    struct fama_handshake_setup *setup;
    struct fama_identity *peer; /* whom we expect; a reference is taken */
    struct fama_bytes binding;  /* copied */
    time_t wall_clock;          /* now, against which the peer's certificate must be valid */
    size_t datagram_bytes;      /* the largest datagram to make, brought into the limits above */
    bool is_initiator;
};

struct fama_handshake_keys {
    uint8_t from_initiator[FAMA_HANDSHAKE_KEY_BYTES];
    uint8_t from_responder[FAMA_HANDSHAKE_KEY_BYTES];
    uint64_t session_id; /* random, the same at both ends, never 0 */
};

struct fama_handshake;

/* Begins: an initiator has its first flight to send at once. NULL when memory is out or the binding is
 * too long. An expired peer makes a handshake that has FAILED. */
struct fama_handshake *fama_handshake_create(const struct fama_handshake_config *config,
                                             uint64_t now_ns);
void fama_handshake_destroy(struct fama_handshake *handshake); /* NULL is fine */

/* A datagram from the other end. Whatever is no part of the handshake is ignored. */
void fama_handshake_input(struct fama_handshake *handshake, uint64_t now_ns,
                          struct fama_bytes datagram);
/* Time passes: copies and the end of patience. Due at fama_handshake_next_ns (UINT64_MAX: never). */
void fama_handshake_tick(struct fama_handshake *handshake, uint64_t now_ns);
uint64_t fama_handshake_next_ns(const struct fama_handshake *handshake);

/* The next datagram to send, or false. Ask after each call above; valid until the next of them. A
 * handshake that failed may still have an alert to send. */
bool fama_handshake_output(struct fama_handshake *handshake, struct fama_bytes *datagram);

enum fama_handshake_state fama_handshake_state(const struct fama_handshake *handshake);
enum fama_handshake_failure fama_handshake_failure(const struct fama_handshake *handshake);
/* Only when DONE. Wiped when the handshake is destroyed. */
const struct fama_handshake_keys *fama_handshake_keys(const struct fama_handshake *handshake);

#endif
