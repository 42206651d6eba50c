#include "crypto/hot_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define LOOKED_AT       256  /* slots, for the coldest */
#define PAGE_BYTES      4096 /* or more: the smallest pages there are */

/* A slot's state is the number of pins, or one of these. From FREE and from no pins a thread takes it to
 * BUILDING, which makes it that thread's own. */
#define SLOT_FREE     UINT32_MAX
#define SLOT_BUILDING (UINT32_MAX - 1)
#define SLOT_PINS_MAX (UINT32_MAX / 2)

struct slot {
    _Atomic uint32_t state;
    _Atomic uint64_t owner; /* serial of its key; changes only while BUILDING */
    _Atomic uint64_t uses;  /* as a hot key's: an epoch and a count */
    uint8_t x[FAMA_P256_BYTES];
    uint8_t y[FAMA_P256_BYTES]; /* of who builds */
};

struct fama_hot_keys {
    const struct fama_p256_engine *engine;
    uint32_t number; /* among the process's tables */
    uint32_t slot_count;
    struct slot *slots;
    struct fama_p256_comb *combs; /* one per slot; the generator's stands before them */
    void *mapping;
    size_t mapping_bytes;
    _Atomic uint64_t uses;   /* of all keys, hot and cold */
    _Atomic uint32_t fresh;  /* slots from here on were never anyone's */
    _Atomic uint32_t backed; /* slots from here on have no memory as yet */
    _Atomic uint32_t hand;   /* where the next search for the coldest begins */
};

static _Atomic(struct fama_hot_keys *) tables[FAMA_HOT_KEYS_TABLES];
static _Atomic uint64_t next_serial = 1; /* 0 is nobody's */
static _Atomic uint32_t living;          /* keys */

/* ---- Counts that grow old ---- */

/* An epoch in the upper half, uses in the lower one, both as of the last change. Two threads that count at
 * once may lose a use, which is nothing to a rule of thumb. */
static uint32_t recent(uint64_t counted, uint32_t epoch)
{
    uint32_t counted_in = (uint32_t)(counted >> 32);
    uint32_t age = epoch > counted_in ? epoch - counted_in : 0; /* others may be ahead of us */
    return age < 32 ? (uint32_t)counted >> age : 0;
}

static uint32_t count_uses(_Atomic uint64_t *counted, uint32_t epoch, uint32_t uses)
{
    uint32_t before = recent(atomic_load_explicit(counted, memory_order_relaxed), epoch);
    uint32_t after = before > UINT32_MAX - uses ? UINT32_MAX : before + uses;
    atomic_store_explicit(counted, (uint64_t)epoch << 32 | after, memory_order_relaxed);
    return after;
}

static uint32_t epoch_of(const struct fama_hot_keys *table, uint64_t uses)
{
    return (uint32_t)(uses / ((uint64_t)FAMA_HOT_KEYS_EPOCH_USES * table->slot_count));
}

static uint32_t epoch_now(const struct fama_hot_keys *table)
{
    return epoch_of(table, atomic_load_explicit(&table->uses, memory_order_relaxed));
}

static uint32_t epoch_after(struct fama_hot_keys *table, uint32_t uses)
{
    return epoch_of(table, atomic_fetch_add_explicit(&table->uses, uses, memory_order_relaxed));
}

/* ---- Slots ---- */

static bool owns(const struct fama_hot_keys *table, const struct fama_hot_key *key, uint32_t slot)
{
    return slot < table->slot_count &&
           atomic_load_explicit(&table->slots[slot].owner, memory_order_relaxed) == key->serial;
}

static bool take(struct slot *slot, uint32_t state)
{
    return atomic_compare_exchange_strong_explicit(&slot->state, &state, SLOT_BUILDING,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void give_up(struct slot *slot)
{
    atomic_store_explicit(&slot->owner, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_release);
}

/* Has the kernel put memory behind the lowest slots, so that nobody who builds a comb waits for it. It is
 * written to only where nobody has anything: by whom the slot belongs to for that moment. */
static void back_slots(struct fama_hot_keys *table, uint32_t wanted)
{
    uint32_t end = wanted < table->slot_count ? wanted : table->slot_count;
    uint32_t at = atomic_load_explicit(&table->backed, memory_order_relaxed);
    while (at < end) {
        if (!atomic_compare_exchange_weak_explicit(&table->backed, &at, at + 1,
                                                   memory_order_relaxed, memory_order_relaxed)) {
            continue;
        }
        if (take(&table->slots[at], SLOT_FREE)) {
            volatile uint8_t *bytes = (volatile uint8_t *)&table->combs[at];
            for (size_t i = 0; i < sizeof table->combs[at]; i += PAGE_BYTES) {
                bytes[i] = 0;
            }
            give_up(&table->slots[at]);
        }
        at++;
    }
}

/* ---- Keys ---- */

void fama_hot_key_init(struct fama_hot_key *key, const uint8_t point[2 * FAMA_P256_BYTES])
{
    key->serial = atomic_fetch_add_explicit(&next_serial, 1, memory_order_relaxed);
    memcpy(key->x, point, FAMA_P256_BYTES);
    memcpy(key->y, point + FAMA_P256_BYTES, FAMA_P256_BYTES);
    uint32_t keys = atomic_fetch_add_explicit(&living, 1, memory_order_relaxed) + 1;
    for (size_t i = 0; i < FAMA_HOT_KEYS_TABLES; i++) {
        atomic_init(&key->in[i].slot, FAMA_HOT_KEYS_NONE);
        atomic_init(&key->in[i].uses, 0);
        struct fama_hot_keys *table = atomic_load_explicit(&tables[i], memory_order_acquire);
        if (table != NULL) {
            back_slots(table, keys);
        }
    }
}

void fama_hot_key_forget(struct fama_hot_key *key)
{
    (void)atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
    for (size_t i = 0; i < FAMA_HOT_KEYS_TABLES; i++) {
        uint32_t slot = atomic_load_explicit(&key->in[i].slot, memory_order_relaxed);
        if (slot == FAMA_HOT_KEYS_NONE) {
            continue;
        }
        struct fama_hot_keys *table = atomic_load_explicit(&tables[i], memory_order_acquire);
        if (table != NULL && owns(table, key, slot) && take(&table->slots[slot], 0)) {
            /* Another key may have come in between. */
            if (owns(table, key, slot)) {
                give_up(&table->slots[slot]);
            } else {
                atomic_store_explicit(&table->slots[slot].state, 0, memory_order_release);
            }
        }
    }
}

/* ---- Tables ---- */

static bool map_combs(struct fama_hot_keys *table)
{
    size_t bytes = ((size_t)table->slot_count + 1) * sizeof(struct fama_p256_comb);
    table->mapping_bytes = bytes + HUGE_PAGE_BYTES;
    table->mapping = mmap(NULL, table->mapping_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table->mapping == MAP_FAILED) {
        table->mapping = NULL;
        return false;
    }
    size_t skipped = -(uintptr_t)table->mapping % HUGE_PAGE_BYTES;
    struct fama_p256_comb *first = (struct fama_p256_comb *)((char *)table->mapping + skipped);
    (void)madvise(first, bytes, MADV_HUGEPAGE); /* refused where the kernel has none */
    table->combs = first + 1;
    return true;
}

static bool build_generator(struct fama_hot_keys *table)
{
    /* SEC 2, §2.4.2. */
    static const uint8_t x[FAMA_P256_BYTES] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
                                               0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
                                               0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
                                               0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96};
    static const uint8_t y[FAMA_P256_BYTES] = {0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
                                               0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
                                               0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
                                               0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    void *scratch = NULL;
    if (posix_memalign(&scratch, 64, table->engine->scratch_bytes) != 0) {
        return false;
    }
    struct fama_p256_point generator;
    table->engine->make_point(x, y, &generator);
    table->engine->build_comb(&generator, table->combs - 1, scratch);
    free(scratch);
    return true;
}

static bool enter(struct fama_hot_keys *table)
{
    for (uint32_t i = 0; i < FAMA_HOT_KEYS_TABLES; i++) {
        struct fama_hot_keys *none = NULL;
        table->number = i;
        if (atomic_compare_exchange_strong_explicit(&tables[i], &none, table, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

struct fama_hot_keys *fama_hot_keys_create(const struct fama_p256_engine *engine, size_t bytes)
{
    struct fama_hot_keys *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    size_t slots = bytes / sizeof(struct fama_p256_comb);
    slots = slots == 0 ? 1 : slots;
    table->slot_count = slots < FAMA_HOT_KEYS_SLOTS_MAX ? (uint32_t)slots : FAMA_HOT_KEYS_SLOTS_MAX;
    table->engine = engine;
    table->slots = calloc(table->slot_count, sizeof *table->slots);
    if (table->slots == NULL || !map_combs(table) || !build_generator(table)) {
        table->number = FAMA_HOT_KEYS_TABLES;
        fama_hot_keys_destroy(table);
        return NULL;
    }
    for (uint32_t i = 0; i < table->slot_count; i++) {
        atomic_init(&table->slots[i].state, SLOT_FREE);
    }
    if (!enter(table)) {
        table->number = FAMA_HOT_KEYS_TABLES;
        fama_hot_keys_destroy(table);
        return NULL;
    }
    back_slots(table, atomic_load_explicit(&living, memory_order_relaxed));
    return table;
}

void fama_hot_keys_destroy(struct fama_hot_keys *table)
{
    if (table == NULL) {
        return;
    }
    if (table->number < FAMA_HOT_KEYS_TABLES) {
        atomic_store_explicit(&tables[table->number], NULL, memory_order_release);
    }
    if (table->mapping != NULL) {
        (void)munmap(table->mapping, table->mapping_bytes);
    }
    free(table->slots);
    free(table);
}

const struct fama_p256_engine *fama_hot_keys_engine(const struct fama_hot_keys *table)
{
    return table->engine;
}

const struct fama_p256_comb *fama_hot_keys_generator(const struct fama_hot_keys *table)
{
    return table->combs - 1;
}

uint32_t fama_hot_keys_slots(const struct fama_hot_keys *table)
{
    return table->slot_count;
}

/* ---- Use ---- */

uint32_t fama_hot_keys_slot(struct fama_hot_keys *table, struct fama_hot_key *key)
{
    _Atomic uint32_t *place = &key->in[table->number].slot;
    uint32_t slot = atomic_load_explicit(place, memory_order_acquire);
    if (slot == FAMA_HOT_KEYS_NONE || owns(table, key, slot)) {
        return slot;
    }
    /* Lost to another key. Unless it has just got another slot, it has none. */
    (void)atomic_compare_exchange_strong_explicit(place, &slot, FAMA_HOT_KEYS_NONE,
                                                  memory_order_relaxed, memory_order_relaxed);
    return FAMA_HOT_KEYS_NONE;
}

bool fama_hot_keys_pin(struct fama_hot_keys *table, const struct fama_hot_key *key, uint32_t number)
{
    struct slot *slot = &table->slots[number];
    uint32_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    do {
        if (state >= SLOT_PINS_MAX) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&slot->state, &state, state + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    if (!owns(table, key, number)) {
        fama_hot_keys_unpin(table, number, 0);
        return false;
    }
    return true;
}

const struct fama_p256_comb *fama_hot_keys_comb(const struct fama_hot_keys *table, uint32_t slot)
{
    return &table->combs[slot];
}

void fama_hot_keys_unpin(struct fama_hot_keys *table, uint32_t number, uint32_t uses)
{
    struct slot *slot = &table->slots[number];
    if (uses > 0) {
        (void)count_uses(&slot->uses, epoch_after(table, uses), uses);
    }
    (void)atomic_fetch_sub_explicit(&slot->state, 1, memory_order_release);
}

/* ---- Warming up ---- */

uint32_t fama_hot_keys_count_cold(struct fama_hot_keys *table, struct fama_hot_key *key)
{
    uint32_t uses = count_uses(&key->in[table->number].uses, epoch_after(table, 1), 1);
    uint32_t slot = atomic_load_explicit(&key->in[table->number].slot, memory_order_relaxed);
    return slot == FAMA_HOT_KEYS_NONE && uses >= FAMA_HOT_KEYS_WARM_UP ? uses : 0;
}

/* Of two keys that are about as much in use neither pushes out the other, or they would do so in turn. */
static bool is_clearly_colder(uint32_t slot_uses, uint32_t key_uses)
{
    return key_uses > FAMA_HOT_KEYS_WARM_UP && slot_uses < (key_uses - FAMA_HOT_KEYS_WARM_UP) / 2;
}

/* The slot that the key may have: a free one, or else the coldest of some, if it is clearly colder. */
static uint32_t find_slot(struct fama_hot_keys *table, uint32_t epoch, uint32_t key_uses)
{
    uint32_t coldest = FAMA_HOT_KEYS_NONE;
    uint32_t coldest_uses = UINT32_MAX;
    uint32_t fresh = atomic_load_explicit(&table->fresh, memory_order_relaxed);
    uint32_t count = fresh < LOOKED_AT ? fresh : LOOKED_AT;
    uint32_t hand = atomic_fetch_add_explicit(&table->hand, count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = count == fresh ? i : (hand + i) % fresh;
        const struct slot *slot = &table->slots[at];
        uint32_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);
        if (state == SLOT_FREE) {
            return at;
        }
        uint32_t uses = recent(atomic_load_explicit(&slot->uses, memory_order_relaxed), epoch);
        if (state == 0 && uses < coldest_uses) {
            coldest = at;
            coldest_uses = uses;
        }
    }
    if (fresh < table->slot_count) {
        return fresh;
    }
    return is_clearly_colder(coldest_uses, key_uses) ? coldest : FAMA_HOT_KEYS_NONE;
}

uint32_t fama_hot_keys_reserve(struct fama_hot_keys *table, struct fama_hot_key *key)
{
    uint32_t epoch = epoch_now(table);
    uint32_t uses =
        recent(atomic_load_explicit(&key->in[table->number].uses, memory_order_relaxed), epoch);
    if (uses < FAMA_HOT_KEYS_WARM_UP) {
        return FAMA_HOT_KEYS_NONE;
    }
    uint32_t number = find_slot(table, epoch, uses);
    if (number == FAMA_HOT_KEYS_NONE) {
        return FAMA_HOT_KEYS_NONE;
    }
    struct slot *slot = &table->slots[number];
    uint32_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    if ((state != 0 && state != SLOT_FREE) || !take(slot, state)) {
        return FAMA_HOT_KEYS_NONE; /* somebody was faster; the next batch may try again */
    }
    uint32_t taken = number;
    (void)atomic_compare_exchange_strong_explicit(&table->fresh, &taken, number + 1,
                                                  memory_order_relaxed, memory_order_relaxed);
    /* First the slot's side: who finds the way from the key to the slot must find the key there. */
    atomic_store_explicit(&slot->owner, key->serial, memory_order_relaxed);
    uint32_t none = FAMA_HOT_KEYS_NONE;
    if (!atomic_compare_exchange_strong_explicit(&key->in[table->number].slot, &none, number,
                                                 memory_order_release, memory_order_relaxed)) {
        give_up(slot); /* another thread makes this key's comb */
        return FAMA_HOT_KEYS_NONE;
    }
    atomic_store_explicit(&slot->uses, (uint64_t)epoch << 32 | uses, memory_order_relaxed);
    memcpy(slot->x, key->x, FAMA_P256_BYTES);
    memcpy(slot->y, key->y, FAMA_P256_BYTES);
    return number;
}

void fama_hot_keys_build(struct fama_hot_keys *table, uint32_t number, void *scratch)
{
    struct slot *slot = &table->slots[number];
    struct fama_p256_point point;
    table->engine->make_point(slot->x, slot->y, &point);
    table->engine->build_comb(&point, &table->combs[number], scratch);
    atomic_store_explicit(&slot->state, 0, memory_order_release);
}

void fama_hot_keys_abandon(struct fama_hot_keys *table, uint32_t number)
{
    give_up(&table->slots[number]);
}
