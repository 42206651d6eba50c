/* The keys that most signatures are by, each with its comb (crypto/p256_engine.h) in a slot of a table of
 * fixed size. Without a doubling left to do, a hot key's verification costs a fraction of a cold one's;
 * making a comb costs about twenty cold ones. So a key must earn its slot: by FAMA_HOT_KEYS_WARM_UP recent
 * uses while there are free slots, and by clearly more recent uses than the coldest of those that it looks
 * at when there are none. Uses grow old: each time the table as a whole has been used
 * FAMA_HOT_KEYS_EPOCH_USES times per slot, all counts halve. Tens of thousands of keys that sign once never
 * get near a slot, and no key wins one for what it did long ago.
 *
 * One table per engine, because engines keep points in numbers of their own; usually a process has one.
 * Memory is reserved when the table is made, on huge pages where the kernel gives them, and taken as keys
 * come into the world, a slot's for each, from the lowest on and until the table is full: slots are used in
 * that order. So whoever builds a comb, a packet thread, meets no page that is not there, and a process that
 * knows few keys takes little.
 *
 * Threads. Everything but create and destroy may be called by any thread at any time, without locks. A
 * thread that uses a comb pins its slot meanwhile; whoever gives a slot to another key needs it unpinned,
 * and then owns it until the new comb is published. Why pins and not RCU: slots are never unmapped, only
 * reused, so there is nothing to reclaim later, just a moment at which nobody may look; a pin is one
 * uncontended atomic per slot and batch; and this folder needs no thread registry, in which every caller
 * on every thread would have to be.
 *
 * Keys. A slot holds no pointer to its key, but its serial number, which no other key of the process ever
 * has, and what of the key is needed to make the comb. A key may hence be freed as soon as no job names it,
 * also while another thread makes its comb: the slot then falls to the next one that wants it.
 *
 * Adversary: who makes many keys and signatures, to push out others' combs. They have to be recently more
 * used than those, and each attempt costs them that many valid-looking signatures. */
#ifndef FAMA_CRYPTO_HOT_KEYS_H
#define FAMA_CRYPTO_HOT_KEYS_H

#include <stdatomic.h>

#include "crypto/p256_engine.h"

#define FAMA_HOT_KEYS_TABLES     8  /* in a process at once */
#define FAMA_HOT_KEYS_WARM_UP    32 /* uses */
#define FAMA_HOT_KEYS_EPOCH_USES 1024
#define FAMA_HOT_KEYS_SLOTS_MAX  65536
#define FAMA_HOT_KEYS_NONE       UINT32_MAX /* no slot */

struct fama_hot_keys;

/* What a key carries for the tables; part of its public key. */
struct fama_hot_key {
    uint64_t serial;
    uint8_t x[FAMA_P256_BYTES]; /* big-endian */
    uint8_t y[FAMA_P256_BYTES];
    struct {
        _Atomic uint32_t
            slot; /* where its comb is or was or is being made: the slot itself knows */
        _Atomic uint64_t uses; /* as a cold key: an epoch and a count */
    } in[FAMA_HOT_KEYS_TABLES];
};

/* From x || y, big-endian, of a point of the curve. */
void fama_hot_key_init(struct fama_hot_key *key, const uint8_t point[2 * FAMA_P256_BYTES]);
/* The key is about to be freed: its slots become free, unless somebody looks at them just now. */
void fama_hot_key_forget(struct fama_hot_key *key);

/* As many slots as go into `bytes`, at least one. Makes the comb of the generator. NULL when out of
 * memory, or when there are too many tables. */
struct fama_hot_keys *fama_hot_keys_create(const struct fama_p256_engine *engine, size_t bytes);
/* Nobody uses the table any more; keys may live on. NULL is fine. */
void fama_hot_keys_destroy(struct fama_hot_keys *table);

const struct fama_p256_engine *fama_hot_keys_engine(const struct fama_hot_keys *table);
const struct fama_p256_comb *fama_hot_keys_generator(const struct fama_hot_keys *table);
uint32_t fama_hot_keys_slots(const struct fama_hot_keys *table);

/* ---- Use ---- */

/* The slot that is the key's, also while its comb is being made; or FAMA_HOT_KEYS_NONE. */
uint32_t fama_hot_keys_slot(struct fama_hot_keys *table, struct fama_hot_key *key);
/* Pins it: from now on until it is unpinned it remains the key's. False if it has no comb (any more). */
bool fama_hot_keys_pin(struct fama_hot_keys *table, const struct fama_hot_key *key, uint32_t slot);
/* Of a pinned slot. Its point [0][0] is the key itself. */
const struct fama_p256_comb *fama_hot_keys_comb(const struct fama_hot_keys *table, uint32_t slot);
/* Ends a pin, during which the comb was used so many times. */
void fama_hot_keys_unpin(struct fama_hot_keys *table, uint32_t number, uint32_t uses);

/* ---- Warming up ---- */

/* Counts a use without a comb. Returns the recent ones, or 0 if they are too few to ask for a slot, or if
 * the comb is being made. */
uint32_t fama_hot_keys_count_cold(struct fama_hot_keys *table, struct fama_hot_key *key);
/* A slot for this key if it has earned one, taken from whoever has it; else FAMA_HOT_KEYS_NONE. The caller
 * then builds or abandons, at its leisure; the key need not live until then. */
uint32_t fama_hot_keys_reserve(struct fama_hot_keys *table, struct fama_hot_key *key);
/* Makes the comb and publishes it. `scratch` is as the engine wants it. */
void fama_hot_keys_build(struct fama_hot_keys *table, uint32_t number, void *scratch);
void fama_hot_keys_abandon(struct fama_hot_keys *table, uint32_t number);

#endif
