/* Pull: what one channel of this node lacks and whom to ask for it, and whose requests we answer.
 *
 * Inputs are the heights other members state, the window the dataplane reports (which blocks are at
 * hand), gaps of stalled blocks, and time. Output is requests, one datagram each. Receiver-driven: at most
 * `window_blocks` blocks, none farther than that beyond our height, are asked for at once, lowest first; a
 * request unanswered for `retry_ns` goes to another holder, with the wait doubling up to 8 x retry_ns; a
 * holder that lets requests lapse is asked less (its own window is halved, and grows again with each block
 * that arrives) and, after a few lapses in a row, rests for up to 32 x retry_ns. Holders are drawn with a
 * probability in proportion to their windows.
 *
 * Sans-I/O, one object per channel. Owner: the control thread, or the simulator. Memory: fixed at
 * creation. Adversary: members that state heights they do not have (a height counts only as a hint whom
 * to ask, and only for its own author's patience; a liar's requests lapse and it is asked less). */
#ifndef FAMA_CONTROLPLANE_REPAIR_H
#define FAMA_CONTROLPLANE_REPAIR_H

#include "dataplane/dataplane.h"

struct fama_repair;

struct fama_repair_config {
    fama_tag self;
    fama_tag channel;
    uint32_t window_blocks; /* <= 64 */
    uint64_t patience_ns;   /* a block known to exist is asked for when push had this long */
    uint64_t retry_ns;
    uint16_t chunk_bytes; /* what our MTU takes: asked for when nothing of a block is here */
    uint32_t holders_max;
    uint64_t random_seed;
};

struct fama_repair_request {
    fama_tag holder;
    struct fama_request request; /* complete: to be sent within a session */
};

/* NULL if out of memory, if a limit or a time but patience_ns is zero, or window_blocks is over
 * FAMA_REPAIR_WINDOW_MAX. */
#define FAMA_REPAIR_WINDOW_MAX 64
struct fama_repair *fama_repair_create(const struct fama_repair_config *config);
void fama_repair_destroy(struct fama_repair *repair);

/* A member's stated height. True if it is news (higher than what we knew of that member). When all places
 * are taken, a newcomer gets that of a holder which has nothing that we lack, or none. */
bool fama_repair_on_stateinfo(struct fama_repair *repair, uint64_t now_ns, fama_tag peer,
                              uint64_t height);
/* The member died or left: do not ask it any more. */
void fama_repair_forget(struct fama_repair *repair, fama_tag peer);
/* Our own ledger's height, and what is at hand beyond it. A block at hand is not asked for, and the holder
 * that was asked for it is given credit. */
void fama_repair_on_window(struct fama_repair *repair, uint64_t now_ns,
                           const struct fama_window *window);
void fama_repair_on_height(struct fama_repair *repair, uint64_t now_ns, uint64_t height);
/* How long gaps of a block are believed. Who gets one chunk of a block of its own making in before the good ones
 * decides what that block looks like here, and nobody honest has a chunk that fits. So after this long, and
 * each time again, the block is asked for as if nothing were known of it, of another than its origin where
 * there is one: a good root then contests the false one. */
#define FAMA_REPAIR_DOUBT_NS UINT64_C(2000000000)
/* The missing chunks of a block that makes no progress: asked for at once, without patience, and again
 * only when the gap has been reported again. Who signed a root of it has thereby stated to have it, so that
 * nobody waits for the statements that follow commits. */
void fama_repair_on_gap(struct fama_repair *repair, uint64_t now_ns, const struct fama_gap *gap);

/* The next request to send now, or false. Call until false, at least each 20 ms while lagging. */
bool fama_repair_next(struct fama_repair *repair, uint64_t now_ns,
                      struct fama_repair_request *request);
uint64_t fama_repair_next_ns(const struct fama_repair *repair);

/* The highest height anybody stated or a verified chunk implied; lag = this - own height. */
uint64_t fama_repair_known_height(const struct fama_repair *repair);
uint32_t fama_repair_holder_count(const struct fama_repair *repair);

/* ---- Answering ---- */

/* Decides whether a request, which came within its asker's session, may be answered: a token bucket of bytes
 * per asker and in total, each one second deep. ADMISSION_BUDGET if not. A bucket that is not empty admits a
 * request of any size and may go into debt.
 *
 * What an answer takes is counted in bytes, also where it is not bytes that it takes: beside its chunks, each
 * set costs an encoding and a signature, and a block that is not at hand must be read. Else who asks for one
 * chunk of each of many sets would have us work for a thousandth of what it is charged. The prices are about
 * what a core could have sent meanwhile.
 *
 * A request for named chunks is charged what they take at most. What a whole block takes is known when it
 * is read: it is charged FAMA_REPAIR_WHOLE_BLOCK_BYTES, and the owner may have the difference settled.
 *
 * Memory is fixed: when there are more askers than places, the one longest not heard gives way. */
#define FAMA_REPAIR_WHOLE_BLOCK_BYTES 262144
#define FAMA_REPAIR_SET_BYTES         4096 /* its chunks are coded and hashed, whatever few are sent */
#define FAMA_REPAIR_SIGNATURE_BYTES   4096  /* one for each set */
#define FAMA_REPAIR_LOAD_BYTES        16384 /* of a block, and for each of its bytes: */
#define FAMA_REPAIR_LOAD_SHARE        8     /* one byte for so many */
struct fama_repair_server;
struct fama_repair_server_config {
    uint64_t bytes_per_second; /* all askers together */
    uint64_t bytes_per_second_each;
    uint32_t askers_max;
};
/* NULL if out of memory or a limit is zero. */
struct fama_repair_server *
fama_repair_server_create(const struct fama_repair_server_config *config);
void fama_repair_server_destroy(struct fama_repair_server *server);
enum fama_drop fama_repair_server_admit(struct fama_repair_server *server, uint64_t now_ns,
                                        fama_tag asker, const struct fama_request *request);
/* What admitting this request was charged, in bytes. */
uint64_t fama_repair_server_charge(const struct fama_request *request);
/* What an answer has really taken. */
struct fama_repair_work {
    uint64_t chunks;
    uint16_t chunk_bytes;
    uint32_t sets; /* coded and signed */
    bool is_loaded;
    uint64_t loaded_bytes; /* 0 where there was no such block */
};
uint64_t fama_repair_server_cost(const struct fama_repair_work *work);
/* Replaces the `charged` bytes of an admitted request by what the answer has really cost. */
void fama_repair_server_settle(struct fama_repair_server *server, fama_tag asker,
                               uint64_t charged_bytes, uint64_t cost_bytes);

#endif
