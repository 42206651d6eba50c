/* Whether a member is where its alive message says it is, and what may be sent there until that is proved.
 *
 * A member's signature says who speaks, not where it is: it may name anybody's address. So the word of a member
 * is worth FAMA_UNPROVED_BURST bytes and FAMA_UNPROVED_RATE a second, of hellos and of our own alive message,
 * whatever addresses it names and however often it changes them; and an address that is named gets
 * FAMA_UNPROVED_SHARE times as much, whatever number of members name it. All else (digests, others' alive
 * messages, statements, chunks) waits until the member has answered a hello: a hello carries a random number that
 * only who is there reads, and a cookie for it comes back from a node only that is meant by the hello (the
 * SESSION messages of dataplane/wire_session.h). This is the path validation of RFC 9000 section 8.2, and the
 * limit of its section 8.1 as a fixed allowance, for what comes from an address can be sent by somebody else. A
 * handshake that is done proves the same.
 *
 * A proof is one member's for one endpoint. It holds FAMA_PROOF_NS, whether or not the member is alive or has
 * started anew meanwhile, and is renewed from half that time on; it ends when the member names another endpoint.
 * Hellos begin FAMA_HELLO_FIRST_NS after an endpoint was named, when the alive message that lets them be
 * answered has arrived there, or at once when the member says hello itself; they go on, with pauses that double
 * up to FAMA_HELLO_LONGEST_NS, while the member is alive.
 *
 * Sans-I/O. Owner: the control thread, or the simulator. Memory: peers_max records, and one fixed table in which
 * addresses that fall on one place share an allowance.
 *
 * Adversaries: a member without a proof makes us send what is said above, and each other node as much. Two members
 * that name the address of a newcomer delay it, for it then shares one allowance with them. A member that was at an
 * address and has left it is believed to be there until its proof has grown old. */
#ifndef FAMA_CONTROLPLANE_ADDRESS_PROOFS_H
#define FAMA_CONTROLPLANE_ADDRESS_PROOFS_H

#include "dataplane/view.h"
#include "dataplane/wire_session.h"

/* Bytes of UDP payload: the largest alive message and four hellos, and so many a second. */
#define FAMA_UNPROVED_BURST   2560u
#define FAMA_UNPROVED_RATE    64u
#define FAMA_UNPROVED_SHARE   2u
#define FAMA_PROOF_NS         600000000000u
#define FAMA_HELLO_FIRST_NS   30000000u
#define FAMA_HELLO_PAUSE_NS   200000000u
#define FAMA_HELLO_LONGEST_NS 30000000000u
#define FAMA_SUSPICION_NS     10000000000u /* so long without an answer is worth a line in the log */

/* What is to be sent. */
enum fama_address_use {
    FAMA_ADDRESS_HELLO = 0, /* has a part of the allowance to itself */
    FAMA_ADDRESS_OWN_ALIVE = 1,
    /* The rest never goes to an address without a proof. */
    FAMA_ADDRESS_FORWARD = 2,
    FAMA_ADDRESS_DIGEST = 3,
    FAMA_ADDRESS_STATEINFO = 4,
};

struct fama_address_proofs_config {
    uint32_t peers_max;
    /* False: there are none now. Nobody else may be able to guess them. */
    bool (*random)(uint8_t *bytes, size_t count);
};

struct fama_address_proofs;

/* NULL if out of memory or random numbers, or if peers_max is 0 or more than FAMA_PEERS_MAX. */
struct fama_address_proofs *
fama_address_proofs_create(const struct fama_address_proofs_config *config);
void fama_address_proofs_destroy(struct fama_address_proofs *proofs);

/* This member is alive and says that it is there: to be said with each of its alive messages. */
void fama_address_proofs_name(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag member,
                              const struct fama_endpoint *endpoint);
/* It is dead: no more hellos until it is named again. What is proved stays so for its time. */
void fama_address_proofs_rest(struct fama_address_proofs *proofs, fama_tag member);
void fama_address_proofs_forget(struct fama_address_proofs *proofs, fama_tag member);

bool fama_address_proofs_is_proved(const struct fama_address_proofs *proofs, uint64_t now_ns,
                                   fama_tag member, const struct fama_endpoint *endpoint);
/* Whether so many bytes may go to this endpoint on this member's word; if so, they are charged. If not, the
 * member is owed this use, should the endpoint be the one that it names. */
bool fama_address_proofs_allow(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag member,
                               const struct fama_endpoint *endpoint, enum fama_address_use use,
                               size_t bytes);

/* Time passes: call it each 10 to 100 ms, then take the hellos. */
void fama_address_proofs_tick(struct fama_address_proofs *proofs, uint64_t now_ns);
/* The member has said hello: if that came from where it says it is, ours need not wait. Take it then. */
void fama_address_proofs_on_hello(struct fama_address_proofs *proofs, uint64_t now_ns,
                                  fama_tag member, const struct fama_endpoint *came_from);

struct fama_address_hello {
    fama_tag member;
    struct fama_endpoint endpoint;
    uint64_t handshake;
    bool
        is_suspicious; /* nothing has answered for FAMA_SUSPICION_NS: said once for each endpoint */
};
/* The next hello to send, charged already; false when there is none for now. */
bool fama_address_proofs_next_hello(struct fama_address_proofs *proofs, uint64_t now_ns,
                                    struct fama_address_hello *hello);

enum fama_address_answer {
    FAMA_ADDRESS_NOT_ASKED = 0, /* no hello of ours had this number, or it went elsewhere */
    FAMA_ADDRESS_KNOWN,         /* the proof is there already, and good for its full time again */
    FAMA_ADDRESS_PROVED,        /* it is new: what is owed may go now */
};
/* A cookie came. */
enum fama_address_answer fama_address_proofs_on_cookie(struct fama_address_proofs *proofs,
                                                       uint64_t now_ns, fama_tag member,
                                                       uint64_t handshake,
                                                       const struct fama_endpoint *came_from);
/* The member has proved by other means that it is there. NOT_ASKED: it says that it is elsewhere. */
enum fama_address_answer fama_address_proofs_prove(struct fama_address_proofs *proofs,
                                                   uint64_t now_ns, fama_tag member,
                                                   const struct fama_endpoint *endpoint);
/* What was refused since the member named its endpoint: bits 1 << use. It is owed no more. */
uint32_t fama_address_proofs_take_owed(struct fama_address_proofs *proofs, fama_tag member);

/* Whether anything was proved, or is proved no longer, since this was asked last. */
bool fama_address_proofs_changed(struct fama_address_proofs *proofs);

#endif
