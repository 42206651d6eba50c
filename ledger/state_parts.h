/* How the overlay is built, and the way around look-ups by name for who judges whole blocks. For this folder
 * only; ledger/state.h is the door for everyone else.
 *
 * Every name that was read or updated in the group has a place, found through a hash table and
 * stable until the reset. A place belongs to a space: a public namespace or a hashed collection.
 * Names that are used many times are found once. Hashes are seeded by chance, so that nobody can
 * choose keys that collide. */
#ifndef FAMA_LEDGER_STATE_PARTS_H
#define FAMA_LEDGER_STATE_PARTS_H

#include "ledger/slab.h"
#include "ledger/state.h"

struct fama_state_place;

struct fama_state_space {
    struct fama_bytes prefix; /* of its stored keys, the 00 included */
    struct fama_bytes space;
    struct fama_bytes collection;
    bool is_hashed;
    bool may_have_metadata; /* of its keys in the store; what the group updates says itself */
    uint64_t seed;
    /* The places updated in the group; the first `sorted` of them by key. */
    struct fama_state_place **places;
    size_t count, capacity, sorted;
};

/* What a place held before the current block. */
struct fama_state_before {
    struct fama_state_entry entry;
    bool is_loaded;
    bool is_updated;
};

struct fama_state_place {
    struct fama_state_update update; /* the entry holds what the store has until it is updated */
    struct fama_state_space *space;
    struct fama_state_before *before; /* of round `changed_in` */
    uint64_t changed_in;              /* the round, see struct fama_state */
    uint64_t touched_in;              /* not so where it expired only */
    bool is_loaded;                   /* the entry is known */
    bool is_updated;                  /* in this group */
    uint64_t mark;                    /* for whoever walks over a transaction's writes */
    uint32_t mark_index;
};

struct fama_state_slot {
    uint64_t hash;
    void *item; /* a place or a space; NULL: free */
};

struct fama_state_table { /* open addressing, a power of two of slots, at most half of them taken */
    struct fama_state_slot *slots;
    size_t size, taken;
};

struct fama_state_list {
    const struct fama_state_update **items;
    size_t count, capacity;
};

struct fama_state {
    struct fama_state_store *store;
    struct fama_slab slab;
    struct fama_state_table places, spaces;
    struct fama_state_space *last_space; /* most names follow one of the same space */
    struct fama_state_list block, expired, group;
    size_t group_before; /* how many of `group` are of earlier blocks */
    uint64_t number;
    uint64_t round; /* one per block begun, never repeated, 0 for none */
    uint64_t seed;
    uint64_t marks;
    bool looks_back;
    void *batch; /* for loading, see state.c */
};

/* NULL when memory is out, as below. */
struct fama_state_space *fama_state_open_space(struct fama_state *state, struct fama_bytes space,
                                               struct fama_bytes collection, bool is_hashed);
/* NULL if nothing of it was ever asked for. */
struct fama_state_space *fama_state_known_space(const struct fama_state *state,
                                                struct fama_bytes space,
                                                struct fama_bytes collection, bool is_hashed);
struct fama_state_place *fama_state_open_place(struct fama_state *state,
                                               struct fama_state_space *space,
                                               struct fama_bytes key);

/* Makes the entries of these places known. */
int fama_state_load(struct fama_state *state, struct fama_state_place *const *places, size_t count,
                    struct fama_error *error);
int fama_state_put_at(struct fama_state *state, struct fama_state_place *place,
                      const struct fama_state_entry *entry, struct fama_error *error);

static inline bool fama_state_place_is_touched(const struct fama_state *state,
                                               const struct fama_state_place *place)
{
    return place->touched_in == state->round;
}

#endif
