/* What each source address has taken of our queues for things not proved yet, so that one that sends
 * forgeries fills no queue alone and cannot keep the verify lcores busy.
 *
 * Each thing whose signature must be checked is charged to the address it came from when it is queued,
 * and forgiven when it turns out good (or cost nothing). What was forged stays charged and is forgiven
 * slowly, FAMA_SOURCE_FORGERIES_PER_SECOND of them and faster for alive messages; once a source's account is full, what it sends is
 * refused before anything dear is done. Who passes on only what it has verified never notices.
 *
 * Adversary: source addresses prove nothing. Who sends under another's address can have that one
 * refused, for which repair has other holders, but nobody else; who uses many addresses meets the limits
 * of the queues themselves. Addresses share FAMA_SOURCES accounts by a seeded hash, so that nobody can
 * choose whom to share with.
 *
 * Threads: the net lcore charges, any stage forgives. Sans-I/O, fixed memory. */
#ifndef FAMA_DATAPLANE_SOURCES_H
#define FAMA_DATAPLANE_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAMA_SOURCES                     1024
#define FAMA_SOURCE_FORGERIES_PER_SECOND 32 /* of each kind but one: */
/* A member that is not heard of is held for dead, and its address is anybody's to write. So forged alive
 * messages are looked at for as long as that is bearable, a few per cent of a verify lcore. */
#define FAMA_SOURCE_ALIVE_FORGERIES_PER_SECOND 2048
#define FAMA_SOURCE_INNER_PER_SECOND           1024

enum fama_source_kind {
    FAMA_SOURCE_ROOTS = 0,      /* roots that wait for verification */
    FAMA_SOURCE_HELD = 1,       /* chunks that wait for their root */
    FAMA_SOURCE_MESSAGES = 2,   /* signed messages, but: */
    FAMA_SOURCE_ALIVE = 3,      /* alive messages of members that the view knows */
    FAMA_SOURCE_HANDSHAKES = 4, /* datagrams of handshakes; forgiven by time alone */
    FAMA_SOURCE_INNER = 5,      /* requests and keys within sessions; forgiven by time alone */
    FAMA_SOURCE_KINDS = 6,
};

struct fama_source_account {
    _Atomic int64_t charged;
    uint64_t forgiven_ns; /* until when time has forgiven; the net lcore's */
};

struct fama_sources {
    uint64_t seed;
    int64_t limits[FAMA_SOURCE_KINDS];
    struct fama_source_account accounts[FAMA_SOURCES][FAMA_SOURCE_KINDS];
};

/* `sizes` of the queues: one account may fill three quarters of each, and one entry at least. */
void fama_sources_init(struct fama_sources *sources, uint64_t seed,
                       const uint32_t sizes[FAMA_SOURCE_KINDS]);

/* A `source` is what fama_address_source_seen makes of an address: an IPv6 host, which has a whole /64 of them,
 * is one source, but for those on our own link.
 *
 * Whether one more thing could be charged. Net lcore; its time does not run backwards. */
bool fama_sources_has_room(struct fama_sources *sources, uint64_t now_ns, uint64_t source,
                           enum fama_source_kind kind);
/* Charges one thing; false, and nothing is charged, if the account is full. Net lcore. */
bool fama_sources_charge(struct fama_sources *sources, uint64_t now_ns, uint64_t source,
                         enum fama_source_kind kind);
/* Takes back one charge. Any stage. */
void fama_sources_forgive(struct fama_sources *sources, uint64_t source,
                          enum fama_source_kind kind);

#endif
