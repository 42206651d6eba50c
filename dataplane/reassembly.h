/* Chunks become blocks again: verified roots, slots with one buffer per block, and the list of what is
 * missing. Fixed memory, taken at creation.
 *
 * Adversaries: strangers (nothing of theirs passes the root's signature, and until it is verified a chunk
 * only occupies one of a fixed number of held places), members that sign nonsense (a slot is spent only
 * for a signed root; the first root of a set is kept, another is refused; the slot farthest ahead of the
 * ledger is given up for a nearer block; a block that turns out bad blames its origin).
 *
 * Life of a chunk: fama_reassembly_offer says STORED, COMPLETE (the last one of its block), HELD (its
 * root waits for verification), VERIFY (the same, and the caller must now have the root's signature
 * checked and bring the answer to fama_reassembly_verdict), or DROPPED with a reason.
 *
 * Owner: one net lcore; no other thread calls in. Sans-I/O: time is passed in, packets are opaque. */
#ifndef FAMA_DATAPLANE_REASSEMBLY_H
#define FAMA_DATAPLANE_REASSEMBLY_H

#include "dataplane/view.h"
#include "dataplane/wire.h"

struct fama_reassembly;

struct fama_reassembly_limits {
    uint32_t slots;           /* blocks in assembly or on their way through the commit thread, <= 64 */
    uint32_t block_bytes_max; /* the largest block taken */
    uint32_t roots_max;       /* roots waiting for verification, all channels */
    uint32_t held_max;        /* chunks waiting for their root, all together */
};

enum fama_offer {
    FAMA_OFFER_DROPPED = 0,
    FAMA_OFFER_STORED = 1,
    FAMA_OFFER_COMPLETE = 2,
    FAMA_OFFER_HELD = 3,
    FAMA_OFFER_VERIFY = 4,
};

/* A whole block in its slot's buffer, until fama_reassembly_return. */
struct fama_assembled {
    uint32_t slot;
    uint16_t channel; /* index, see view.h */
    uint64_t number;
    const uint8_t *at;
    uint32_t len;
    fama_tag origin;  /* who signed the first root: who answers for it if the block is bad */
    bool was_repaired; /* at least one chunk came on request */
};

struct fama_offer_result {
    enum fama_offer offer;
    enum fama_drop drop;  /* for DROPPED */
    uint32_t root_ticket; /* for VERIFY */
    uint8_t root[FAMA_MERKLE_NODE_BYTES]; /* for VERIFY: what the signature must cover */
    struct fama_assembled assembled;      /* for COMPLETE */
};

/* The missing chunks of one stalled block. */
struct fama_gap {
    uint16_t channel;
    uint64_t block;
    uint32_t block_bytes;
    uint16_t chunk_bytes;
    uint16_t count;
    struct fama_request_entry entries[FAMA_REQUEST_ENTRIES_MAX];
};

struct fama_reassembly *fama_reassembly_create(const struct fama_reassembly_limits *limits);
void fama_reassembly_destroy(struct fama_reassembly *reassembly);

/* `packet` is what the caller wants back when the root of a held chunk is decided. */
void fama_reassembly_offer(struct fama_reassembly *reassembly, uint64_t now_ns,
                           const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                           void *packet, struct fama_offer_result *result);

/* Decides a root. Hands back the packets held for it (`packets` has room for FAMA_SET_CHUNKS * 2) and
 * returns how many: after a good verdict the caller offers each again, after a bad one it drops them. */
uint32_t fama_reassembly_verdict(struct fama_reassembly *reassembly, uint32_t root_ticket, bool good,
                                 void **packets);

/* The commit thread is done with a block: `accepted` frees the slot once the gate has moved on; a refusal
 * empties it and blames its origin for `blame_ns`, so that a good copy can come from elsewhere. */
void fama_reassembly_return(struct fama_reassembly *reassembly, uint64_t now_ns, uint32_t slot,
                            bool accepted, uint64_t blame_ns);

/* One stalled block (no progress for `stalled_ns`, nor reported within it) per call, or false. Also frees
 * slots of blocks that the ledger got otherwise. Called from housekeeping. */
bool fama_reassembly_gap(struct fama_reassembly *reassembly, uint64_t now_ns, uint64_t stalled_ns,
                         const struct fama_view *view, struct fama_gap *gap);

/* Which of the 64 blocks from `first` on are complete or in assembly: bit i = block first + i. */
uint64_t fama_reassembly_present(const struct fama_reassembly *reassembly, uint16_t channel,
                                 uint64_t first);
/* One past the highest block number that a verified chunk named, 0 if none. */
uint64_t fama_reassembly_horizon(const struct fama_reassembly *reassembly, uint16_t channel);

#endif
