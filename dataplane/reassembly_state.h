/* What the rooms of reassembly share; private to dataplane/reassembly*.c. */
#ifndef FAMA_DATAPLANE_REASSEMBLY_STATE_H
#define FAMA_DATAPLANE_REASSEMBLY_STATE_H

#include "crypto/merkle_known.h"
#include "dataplane/blame.h"
#include "dataplane/erasure.h"
#include "dataplane/reassembly.h"
#include "dataplane/roots.h"

/* A contested block that makes no progress for this long starts anew, and whoever signed its first root
 * is ignored for that block for as long. */
#define FAMA_TURN_NS UINT64_C(2000000000)
/* So does one that has had this long and, for each octet that came, this much more, which is 8 Mbit/s: who
 * sends a chunk now and then makes progress, and no block. */
#define FAMA_SLOWEST_NS_PER_BYTE 1000u

enum fama_slot_state {
    FAMA_SLOT_FREE = 0,
    FAMA_SLOT_FILLING = 1,
    FAMA_SLOT_WHOLE = 2, /* the commit thread's until fama_reassembly_return */
    FAMA_SLOT_DONE = 3,  /* as good as free, but late chunks are still known and passed on */
};

/* Of one root, and a bound on how often a chunk may be passed on: once for each of them. */
#define FAMA_SET_SIGNERS 3

/* Who has signed a set's root, by a signature that was verified. */
struct fama_set_signer {
    fama_tag tag;
    uint64_t arrived;   /* bit i: chunk i has come by push with this very signature */
    uint32_t key_epoch; /* what is signed names the key; 0: it came within a session */
    uint8_t signature[FAMA_SIGNATURE_BYTES];
};

struct fama_set_state {
    uint64_t have;   /* bit i: chunk i lies in the buffer, come or decoded */
    uint64_t pushed; /* bit i: chunk i has come by push */
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    uint8_t data_chunks, parity_chunks;
    uint8_t signer_count; /* 0: the root is not known */
    struct fama_set_signer signers[FAMA_SET_SIGNERS];
};

struct fama_slot {
    enum fama_slot_state state;
    uint16_t channel_index;
    struct fama_cut cut;
    struct fama_geometry geometry;
    fama_tag channel;
    uint64_t block;
    struct fama_channel_gate *gate;
    fama_tag origin;   /* who signed the first root */
    bool is_mixed;     /* others signed further roots */
    bool is_contested; /* somebody signed something else for this block */
    bool was_repaired;
    bool was_pushed;
    bool is_noted;       /* its loss has been counted */
    uint32_t data_count; /* data chunks that lie in the buffer */
    uint64_t taken_ns;
    uint64_t progress_ns; /* when the last chunk was stored, or the slot taken; DONE: since when */
    uint64_t came_bytes;  /* of all chunks stored */
    bool was_reported;
    uint64_t reported_ns; /* if so, when last */
    size_t touched;       /* bytes of the buffer that may be backed by memory */
    uint8_t *buffer;      /* the block, then the parity chunks of its sets */
    struct fama_set_state *sets;
    struct fama_merkle_known *known; /* of each set whose root is known */
};

/* What is remembered of a channel apart from its slots. */
struct fama_channel_memory {
    fama_tag channel; /* whom the rest is about: the number may be given to another channel later */
    uint64_t horizon;
    /* A block that was refused when several had signed its roots, so that nobody could be blamed: next
     * time all its roots must be one signer's. */
    uint64_t sole_block;
    bool has_sole_block;
    fama_tag steady_origin; /* 0: nobody, so far; see fama_slot_note_origin */
    double loss;            /* of pushed chunks, smoothed; 0 to 1 */
};

struct fama_reassembly {
    struct fama_reassembly_limits limits;
    uint32_t sets_max;
    size_t buffer_bytes; /* of one slot, whole pages */
    uint8_t *buffers;
    size_t sets_bytes; /* of all slots */
    struct fama_set_state *sets;
    size_t known_bytes;
    struct fama_merkle_known *known;
    struct fama_slot slots[FAMA_SLOTS_MAX];
    uint64_t used; /* bit i: slot i is filling or whole */
    uint64_t done; /* bit i: slot i is DONE */
    struct fama_roots *roots;
    struct fama_erasure *erasure;
    struct fama_blames blames;
    struct fama_channel_memory channels[FAMA_CHANNELS_MAX];
    uint8_t *made; /* parity chunks that are made only to be hashed */
    /* The tree that the latest chunk of an unknown root climbed: the next one is likely of the same set. */
    struct fama_merkle_known climbed;
    uint8_t climbed_root[FAMA_MERKLE_NODE_BYTES];
    bool has_evidence;
    struct fama_equivocation evidence;
    uint32_t gap_cursor;
    uint64_t now_ns; /* the latest time passed in */
};

static inline uint64_t fama_gate_next(const struct fama_channel_gate *gate)
{
    return atomic_load_explicit(&gate->next_block, memory_order_acquire);
}

/* Matters only where somebody else waits for the slot, or for a turn at its block. */
static inline bool fama_slot_is_stuck(const struct fama_slot *slot, uint64_t now_ns)
{
    return now_ns - slot->progress_ns >= FAMA_TURN_NS ||
           now_ns - slot->taken_ns >= FAMA_TURN_NS + slot->came_bytes * FAMA_SLOWEST_NS_PER_BYTE;
}

static inline bool fama_cut_equal(const struct fama_cut *a, const struct fama_cut *b)
{
    return a->block_bytes == b->block_bytes && a->chunk_bytes == b->chunk_bytes &&
           a->parity == b->parity;
}

/* ---- reassembly_slots.c ---- */

#define FAMA_NO_SLOT UINT32_MAX
/* Filling or whole. */
struct fama_slot *fama_slot_find(struct fama_reassembly *reassembly, fama_tag channel,
                                 uint64_t block);
/* Filling, whole or done. */
struct fama_slot *fama_slot_find_late(struct fama_reassembly *reassembly, fama_tag channel,
                                      uint64_t block);
/* The slot that a block at `distance` from its ledger's height may have, or FAMA_NO_SLOT. */
uint32_t fama_slot_choose(const struct fama_reassembly *reassembly, uint64_t distance);
struct fama_slot *fama_slot_take(struct fama_reassembly *reassembly, const struct fama_root *root,
                                 uint64_t distance);
void fama_slot_free(struct fama_reassembly *reassembly, struct fama_slot *slot);
/* Keeps what is known of the block's sets for chunks that come late. */
void fama_slot_finish(struct fama_reassembly *reassembly, struct fama_slot *slot);
/* Empties a slot that is stuck and lets another signer have a turn at its block. */
void fama_slot_give_turn(struct fama_reassembly *reassembly, struct fama_slot *slot);
bool fama_slot_is_sole(const struct fama_reassembly *reassembly, uint16_t channel_index,
                       fama_tag channel, uint64_t block);
struct fama_channel_memory *fama_channel_memory(struct fama_reassembly *reassembly,
                                                uint16_t channel_index, fama_tag channel);
/* Where chunk `index` of a set lies in the slot's buffer, and how many bytes it has. */
uint8_t *fama_slot_place(const struct fama_slot *slot, uint32_t set, uint32_t index,
                         uint32_t *bytes);

/* ---- reassembly_signers.c ---- */

/* NULL: none of the set's. */
struct fama_set_signer *fama_set_signer(struct fama_set_state *set, fama_tag tag);
/* Whether a signature of the set's root by this origin, of a chunk of this key epoch, is worth verifying and
 * is to be entered once it is verified. */
bool fama_set_may_sign(const struct fama_reassembly *reassembly, const struct fama_slot *slot,
                       const struct fama_set_state *set, fama_tag tag, uint32_t key_epoch);
/* Enters a verified signature of the set's root: the first, or one that may sign. */
void fama_set_sign(struct fama_set_state *set, const struct fama_root *root);
/* Whether a chunk that leads to the set's root might still be passed on: nobody else's signature, and none
 * without a key, keeps it from being. */
bool fama_set_may_pass_on(const struct fama_reassembly *reassembly, const struct fama_slot *slot,
                          const struct fama_set_state *set, const struct fama_chunk *chunk);
/* Once no more of a block's chunks are waited for: who has its signature's place kept from now on. `expected`:
 * chunks of the block. */
void fama_slot_note_origin(const struct fama_slot *slot, uint32_t expected,
                           struct fama_channel_memory *memory);

/* ---- reassembly_decode.c ---- */

/* A set of which k chunks have come, not all of them data: makes the missing data chunks, and checks that
 * the whole set, parity included, is the one whose root was signed. False: it is not; its
 * signer has lied, and what was decoded lies in places that do not count as filled. */
bool fama_set_decode(struct fama_reassembly *reassembly, struct fama_slot *slot, uint32_t set);

#endif
