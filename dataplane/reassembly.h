/* Chunks become blocks again: verified roots, slots with one buffer per block, decoding of what was lost,
 * and the list of what is missing. Fixed memory, taken at creation (address space for slots x twice
 * block_bytes_max, of which only what blocks fill is ever backed).
 *
 * Life of a chunk: fama_reassembly_place judges it by its clear header and says where its payload may be
 * opened to: into its place in its block where its root is known, so that it is never copied again.
 * fama_reassembly_offer then says STORED, COMPLETE (it completed its block), LATE (it is good, and not
 * needed here any more, but others may still need it), HELD (its root waits for verification), VERIFY (the
 * same, and the caller must now have the root's signature checked and bring the answer to
 * fama_reassembly_verdict), or DROPPED with a reason. Cheap checks come first: window, duplicate, blame;
 * then the Merkle path; a signature only for a root not yet known.
 *
 * A set is decoded as soon as k of its chunks are there, and not at all when these are its data chunks.
 * What comes out is encoded again: a set whose root is not that of a codeword is its signer's lie.
 *
 * Adversaries.
 * Strangers: nothing of theirs passes the root's signature. Until it is verified a chunk only occupies
 * one of a fixed number of held places, and a forged signature over a good root harms no chunk but its
 * own (dataplane/roots.h).
 * Members that sign what others have signed, so that these others' chunks be passed on by nobody:
 *  - A root has up to FAMA_SET_SIGNERS signers, one signature each (dataplane/reassembly_signers.c). A chunk of a
 *    known root is put into its block whoever signed it; to be passed on, it waits for its signature.
 * Members that sign nonsense:
 *  - A slot is spent only for a signed root, and only for the blocks next to the ledger's height. A
 *    nearer block takes the slot of the one filling farthest ahead, and one slot is always left to
 *    next blocks, so that no set of whole blocks can wait for ever for the one before them.
 *  - The first root of a set, and the first cut (block bytes, chunk bytes) of a block, are kept, others
 *    are ROOT_CONFLICT. A block that others contest (with verified roots) and that makes no progress for
 *    two seconds, or less than 8 Mbit/s beyond these, is given to the next signer, and its first one is
 *    ignored for that block for two seconds.
 *  - A whole block that turns out bad blames the origin if one origin signed all of it. If several did,
 *    nobody knows who lied: that block must then be signed by one origin alone, so that the next
 *    refusal hits the liar.
 *
 * Owner: one net lcore; no other thread calls in. Sans-I/O: time is passed in and never runs backwards,
 * packets are opaque. */
#ifndef FAMA_DATAPLANE_REASSEMBLY_H
#define FAMA_DATAPLANE_REASSEMBLY_H

#include "dataplane/view.h"
#include "dataplane/wire.h"

#define FAMA_SLOTS_MAX 64
/* Of a slot whose block is done: so long chunks that come late are passed on, of so many blocks at least. */
#define FAMA_LATE_NS    UINT64_C(50000000)
#define FAMA_LATE_SLOTS 8
/* A block must not have more sets than one of block_bytes_max has when cut into chunks of this size:
 * the largest blocks need at least these, smaller blocks may come in smaller chunks. */
#define FAMA_REASSEMBLY_CHUNK_BYTES 512

struct fama_reassembly;

struct fama_reassembly_limits {
    /* Blocks in assembly or on their way through the commit thread, 1..FAMA_SLOTS_MAX; also how far
     * ahead of a channel's ledger blocks are taken. With 1, only next blocks are. */
    uint32_t slots;
    uint32_t block_bytes_max; /* the largest block taken */
    uint32_t roots_max;       /* roots waiting for verification, all channels, <= 65536 */
    uint32_t held_max;        /* chunks waiting for their root, all together, <= 2^20 */
    uint64_t blame_ns;        /* how long the origin of a bad block or set is ignored */
};

enum fama_offer {
    FAMA_OFFER_DROPPED = 0,
    FAMA_OFFER_STORED = 1,
    FAMA_OFFER_COMPLETE = 2,
    FAMA_OFFER_HELD = 3,
    FAMA_OFFER_VERIFY = 4,
    FAMA_OFFER_LATE = 5,
};

/* Whether a good chunk is to be passed on to others. */
enum fama_onward {
    /* It came within a session, or with a signature of the root that nobody is going to verify: who passed
     * it on might be taken for its forger. */
    FAMA_ONWARD_NO = 0,
    FAMA_ONWARD_YES = 1, /* it came with a signature that was verified */
    /* Its signature is yet to be verified: as with HELD and VERIFY above. After a good verdict it is LATE. */
    FAMA_ONWARD_HELD = 2,
    FAMA_ONWARD_VERIFY = 3,
};

/* A whole block in its slot's buffer, until fama_reassembly_return. */
struct fama_assembled {
    uint32_t slot;
    uint16_t channel; /* index, see view.h */
    uint64_t number;
    const uint8_t *at;
    uint32_t len;
    fama_tag origin;   /* who signed the first root */
    bool was_repaired; /* at least one chunk came on request */
};

struct fama_offer_result {
    enum fama_offer offer;
    enum fama_drop drop;                  /* for DROPPED */
    uint32_t root_ticket;                 /* for VERIFY of either kind, as the next */
    uint8_t root[FAMA_MERKLE_NODE_BYTES]; /* what the signature must cover */
    struct fama_assembled assembled;      /* for COMPLETE */
    enum fama_onward onward;              /* for STORED, COMPLETE and LATE */
};

/* The missing chunks of one stalled block. */
struct fama_gap {
    uint16_t channel;
    uint64_t block;
    fama_tag
        origin; /* who signed the first root that was verified, and so has the block; 0: none yet */
    struct fama_cut cut;
    uint16_t count;
    struct fama_request_entry entries[FAMA_REQUEST_ENTRIES_MAX];
};

/* Two roots that one origin has signed for the same set, of one cut or of blocks of two lengths: evidence,
 * since nobody else can have. Whoever checks the signatures needs the keys' commitments
 * (fama_wire_root_digest). */
struct fama_equivocation {
    fama_tag channel;
    fama_tag origin;
    uint64_t block;
    uint16_t set;
    struct fama_signed_root {
        struct fama_cut cut;
        uint32_t key_epoch;
        uint8_t root[FAMA_MERKLE_NODE_BYTES];
        uint8_t signature[FAMA_SIGNATURE_BYTES];
    } roots[2];
};

/* NULL if out of memory or if a limit is 0 or out of range. */
struct fama_reassembly *fama_reassembly_create(const struct fama_reassembly_limits *limits);
/* Packets still held are forgotten, not handed back. NULL is fine. */
void fama_reassembly_destroy(struct fama_reassembly *reassembly);

/* `chunk` is well parsed and its origin a member of `channel`: the caller has checked. FAMA_DROP_NONE, or why
 * the chunk goes nowhere, before anything dear is done for it. *room is where its payload is to be opened
 * to, or NULL: anywhere, it may have to wait or is not needed. What lies there is not the block's before
 * it has been offered. */
enum fama_drop fama_reassembly_place(struct fama_reassembly *reassembly, uint64_t now_ns,
                                     const struct fama_view_channel *channel,
                                     const struct fama_chunk *chunk, uint8_t **room);

/* The chunk, opened; `leaf` is its payload's leaf of the Merkle tree. `packet` is what the caller wants back
 * when the root of a held chunk is decided; it stays the caller's unless the result, or its way
 * onward, is HELD or VERIFY. NULL: this chunk may not wait, and is dropped with
 * SOURCE_BUDGET, or not passed on, if it would have to. `root` of the result is written for VERIFY of either
 * kind, `assembled` for COMPLETE only. */
void fama_reassembly_offer(struct fama_reassembly *reassembly, uint64_t now_ns,
                           const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                           const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], void *packet,
                           struct fama_offer_result *result);

/* Decides a root, once for each VERIFY (with a bad verdict if the signature could not be checked at
 * all). Hands back the packets held for it (`packets` has room for FAMA_SET_CHUNKS_MAX) and returns how many:
 * after a good verdict the caller offers each again, after a bad one it drops them. 0 for a ticket
 * nobody waits for. What depends on time (blame, stuck blocks) is judged by the latest time that another
 * call passed in. */
uint32_t fama_reassembly_verdict(struct fama_reassembly *reassembly, uint32_t root_ticket,
                                 bool good, void **packets);

/* The commit thread is done with a block and the gate, if `accepted`, has moved on: frees the slot. A
 * refusal also blames the origin, so that a good copy can come from elsewhere. */
void fama_reassembly_return(struct fama_reassembly *reassembly, uint64_t now_ns, uint32_t slot,
                            bool accepted);

/* One stalled block (no progress for `stalled_ns`, nor reported within it) per call, or false; stalled
 * blocks take turns. At most FAMA_REQUEST_ENTRIES_MAX sets of it, ascending: the rest another time. Also
 * frees slots of blocks that the ledger got otherwise or whose channel has left the view, and gives the
 * memory of very large blocks back. Called from housekeeping. */
bool fama_reassembly_gap(struct fama_reassembly *reassembly, uint64_t now_ns, uint64_t stalled_ns,
                         const struct fama_view *view, struct fama_gap *gap);

/* Which of the 64 blocks from `first` on are complete or in assembly: bit i = block first + i. */
uint64_t fama_reassembly_present(const struct fama_reassembly *reassembly, uint16_t channel,
                                 uint64_t first);
/* One past the highest block number that a verified chunk named, 0 if none. */
uint64_t fama_reassembly_horizon(const struct fama_reassembly *reassembly, uint16_t channel);
/* Of the chunks of late that should have come by push, how many did not: parts of FAMA_LOSS_WHOLE, smoothed
 * over some dozens of blocks. */
uint16_t fama_reassembly_loss(const struct fama_reassembly *reassembly, uint16_t channel);
/* Evidence not yet taken, or false. Of further cases meanwhile only the first is kept. */
bool fama_reassembly_evidence(struct fama_reassembly *reassembly,
                              struct fama_equivocation *evidence);

#endif
