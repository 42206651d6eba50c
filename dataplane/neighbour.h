/* The link addresses of our neighbours, or of the gateway for those who are not on our link: one table for
 * both families, filled by ARP (RFC 826, RFC 5227) or by neighbour discovery (RFC 4861), whichever our own
 * address needs.
 *
 * Life of an entry: made only by our own wish to send (fama_neighbour_find). INCOMPLETE asks everybody (by broadcast, or the address's
 * solicited-node group) with growing pauses and keeps one packet; an answer makes it
 * REACHABLE; when that has grown old and the entry is used, REFRESH asks again, by unicast at first,
 * while the old address goes on being used. Of a full bucket the entry not used for longest gives way.
 *
 * Strangers can have us wish, too: who begins a handshake under any address is answered there. What is sent to
 * such an address, which has proved nothing, is sent with the wish UNPROVED; the entries that only such
 * wishes have made have FAMA_NEIGHBOURS_UNPROVED_MAX of the places for those who are asked for, and when these
 * are taken, the one of them asked for longest gives way, once it has had its turn. They also give way to any
 * other entry, and no other gives way to them.
 *
 * Adversary: whoever is on the link. Neither protocol proves anything, so little is believed: an answer
 * counts only while we have asked, a request directed at us refreshes an entry that waits for an answer or has grown
 * old, nothing that claims our own address counts, and what a lie can do is lose packets that repair
 * asks for again. Each request gets at most one reply of its own size.
 *
 * Sans-I/O: time is passed in, frames go out through callbacks, packets are opaque. Owner: one lcore. */
#ifndef FAMA_DATAPLANE_NEIGHBOUR_H
#define FAMA_DATAPLANE_NEIGHBOUR_H

#include "dataplane/frame.h"

#define FAMA_NEIGHBOUR_FRAME_MAX     90 /* the longest frame the table sends */
#define FAMA_NEIGHBOURS_MAX          4096
#define FAMA_NEIGHBOURS_ASKING_MAX   256 /* entries that wait for an answer at one time */
#define FAMA_NEIGHBOURS_UNPROVED_MAX 64
#define FAMA_NEIGHBOUR_TURN_NS       10000000u /* so long an unproved one is asked for at least */
#define FAMA_NEIGHBOUR_REACHABLE_NS  30000000000u
#define FAMA_NEIGHBOUR_FIRST_WAIT_NS 50000000u /* to the second request; doubles */
#define FAMA_NEIGHBOUR_LAST_WAIT_NS  3200000000u
#define FAMA_NEIGHBOUR_FORGET_NS     30000000000u /* an unanswered entry that nobody used */

struct fama_neighbours;

struct fama_neighbour_settings {
    uint8_t mac[FAMA_MAC_BYTES];
    uint8_t address[FAMA_ADDRESS_BYTES]; /* ours: its family is the table's */
    uint8_t prefix_bits;                 /* of our link's network, as its family counts them */
    uint8_t gateway[FAMA_ADDRESS_BYTES]; /* all zero: none; of IPv6, it may be link-local */
    bool is_silent; /* answers nobody and announces nothing: another lcore's table does */
};

/* What the table wants done. */
struct fama_neighbour_output {
    void *context;
    void (*send)(void *context, struct fama_bytes frame); /* at most FAMA_NEIGHBOUR_FRAME_MAX */
    /* A packet whose neighbour is known now: `mac` lives during the call. */
    void (*resolved)(void *context, void *packet, const uint8_t mac[FAMA_MAC_BYTES]);
    /* A packet given up: its entry was forgotten or another packet took its place. */
    void (*abandoned)(void *context, void *packet);
};

struct fama_neighbour_counts {
    uint64_t requests_sent;
    uint64_t replies_sent;
    uint64_t unproved_displaced; /* unproved ones that gave way, unanswered */
    uint64_t unproved_refused;   /* wishes that found no place, because all have a turn to go */
};

enum fama_neighbour_wish {
    FAMA_NEIGHBOUR_OURS = 0,     /* members, bootstrap endpoints, whoever has a session with us */
    FAMA_NEIGHBOUR_UNPROVED = 1, /* an address that a datagram came from, and nothing more */
};

/* NULL when out of memory. `output` is copied. */
struct fama_neighbours *fama_neighbours_create(const struct fama_neighbour_settings *settings,
                                               const struct fama_neighbour_output *output);
/* Abandons the packets still held. */
void fama_neighbours_destroy(struct fama_neighbours *neighbours);

/* The link address of the next hop towards `address`; lives until the next call. NULL: not known (yet),
 * fama_neighbour_hold may keep the packet; nobody leads to an address of the other family. */
const uint8_t *fama_neighbour_find(struct fama_neighbours *neighbours, uint64_t now_ns,
                                   const uint8_t address[FAMA_ADDRESS_BYTES],
                                   enum fama_neighbour_wish wish);
/* Keeps a packet until its next hop is known; an older one of the same next hop is abandoned, unless it is ours
 * and this one is not. False: it cannot be kept (no route to it, or too many unanswered), the packet stays
 * the caller's. */
bool fama_neighbour_hold(struct fama_neighbours *neighbours, uint64_t now_ns,
                         const uint8_t address[FAMA_ADDRESS_BYTES], void *packet,
                         enum fama_neighbour_wish wish);

/* A frame that fama_frame_parse found to be no datagram. FAMA_DROP_NONE, or why it is worth nothing;
 * packets about others are fine and change nothing. */
enum fama_drop fama_neighbour_input(struct fama_neighbours *neighbours, uint64_t now_ns,
                                    const struct fama_frame *frame);

/* Sends what is due: requests; at the start two announcements of our own address, a second apart (RFC 5227
 * section 2.3; RFC 4861 section 7.2.6), for IPv6 after a question whether anybody has it already (RFC 4862
 * section 5.4: whoever has says so to us or to all, and whoever asks the same at the same time wants it too;
 * both are counted as FAMA_DROP_BAD_ND); and reports of our group, unasked and to queriers (dataplane/mld.h). To be called about every millisecond. Returns the number of frames sent. */
uint32_t fama_neighbour_tick(struct fama_neighbours *neighbours, uint64_t now_ns);

struct fama_neighbour_counts fama_neighbour_counts(const struct fama_neighbours *neighbours);

#endif
