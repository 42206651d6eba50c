#include "dataplane/roots.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

struct waiting {
    struct fama_root root;
    uint64_t held_mask; /* bit i: chunk i of the set is among the held */
    uint32_t held_first;
    uint32_t held_last;
    uint32_t next; /* in its bucket, or in the list of free entries */
    uint16_t generation;
    bool is_used;
};

struct held {
    void *packet;
    uint32_t next;
};

struct fama_roots {
    struct waiting *waiting;
    struct held *held;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t roots_max;
    uint32_t free_root;
    uint32_t free_held;
};

struct fama_roots *fama_roots_create(uint32_t roots_max, uint32_t held_max)
{
    if (roots_max == 0 || roots_max > FAMA_ROOTS_MAX || held_max == 0 || held_max > FAMA_HELD_MAX) {
        return NULL;
    }
    uint32_t bucket_count = 1;
    while (bucket_count < roots_max) {
        bucket_count *= 2;
    }
    struct fama_roots *roots = calloc(1, sizeof(*roots));
    if (roots == NULL) {
        return NULL;
    }
    roots->waiting = calloc(roots_max, sizeof(*roots->waiting));
    roots->held = calloc(held_max, sizeof(*roots->held));
    roots->buckets = calloc(bucket_count, sizeof(*roots->buckets));
    if (roots->waiting == NULL || roots->held == NULL || roots->buckets == NULL) {
        fama_roots_destroy(roots);
        return NULL;
    }
    roots->roots_max = roots_max;
    roots->bucket_mask = bucket_count - 1;
    for (uint32_t i = 0; i < bucket_count; i++) {
        roots->buckets[i] = NOBODY;
    }
    for (uint32_t i = 0; i < roots_max; i++) {
        roots->waiting[i].next = i + 1 < roots_max ? i + 1 : NOBODY;
    }
    for (uint32_t i = 0; i < held_max; i++) {
        roots->held[i].next = i + 1 < held_max ? i + 1 : NOBODY;
    }
    return roots;
}

void fama_roots_destroy(struct fama_roots *roots)
{
    if (roots == NULL) {
        return;
    }
    free(roots->waiting);
    free(roots->held);
    free(roots->buckets);
    free(roots);
}

/* The root is itself a hash, yet one its sender may choose; a crowded bucket costs no more than a walk
 * over roots_max entries. */
static uint32_t bucket_of(const struct fama_roots *roots, const struct fama_root *root)
{
    uint32_t from_root;
    uint32_t from_signature;
    memcpy(&from_root, root->root, sizeof(from_root));
    memcpy(&from_signature, root->signature, sizeof(from_signature));
    return (from_root ^ from_signature) & roots->bucket_mask;
}

static bool is_same(const struct fama_root *a, const struct fama_root *b)
{
    return a->block == b->block && a->set == b->set && a->channel == b->channel &&
           a->origin == b->origin && a->key_epoch == b->key_epoch &&
           a->cut.block_bytes == b->cut.block_bytes && a->cut.chunk_bytes == b->cut.chunk_bytes &&
           a->cut.parity == b->cut.parity && memcmp(a->root, b->root, sizeof(a->root)) == 0 &&
           memcmp(a->signature, b->signature, sizeof(a->signature)) == 0;
}

static uint32_t ticket_of(const struct fama_roots *roots, uint32_t entry)
{
    return (uint32_t)roots->waiting[entry].generation << 16 | entry;
}

static uint32_t add_root(struct fama_roots *roots, const struct fama_root *root, uint32_t bucket)
{
    uint32_t entry = roots->free_root;
    struct waiting *waiting = &roots->waiting[entry];
    roots->free_root = waiting->next;
    waiting->root = *root;
    waiting->held_mask = 0;
    waiting->held_first = NOBODY;
    waiting->held_last = NOBODY;
    waiting->is_used = true;
    waiting->next = roots->buckets[bucket];
    roots->buckets[bucket] = entry;
    return entry;
}

static void add_packet(struct fama_roots *roots, struct waiting *waiting, uint8_t index,
                       void *packet)
{
    uint32_t place = roots->free_held;
    roots->free_held = roots->held[place].next;
    roots->held[place] = (struct held){.packet = packet, .next = NOBODY};
    if (waiting->held_last == NOBODY) {
        waiting->held_first = place;
    } else {
        roots->held[waiting->held_last].next = place;
    }
    waiting->held_last = place;
    waiting->held_mask |= UINT64_C(1) << index;
}

enum fama_drop fama_roots_hold(struct fama_roots *roots, const struct fama_root *root,
                               uint8_t index, void *packet, bool *is_new, uint32_t *ticket)
{
    uint32_t bucket = bucket_of(roots, root);
    uint32_t entry = roots->buckets[bucket];
    while (entry != NOBODY && !is_same(&roots->waiting[entry].root, root)) {
        entry = roots->waiting[entry].next;
    }
    *is_new = entry == NOBODY;
    if (!*is_new && (roots->waiting[entry].held_mask >> index & 1) != 0) {
        return FAMA_DROP_CHUNK_DUPLICATE;
    }
    if (*is_new && roots->free_root == NOBODY) {
        return FAMA_DROP_ROOTS_FULL;
    }
    if (roots->free_held == NOBODY) {
        return FAMA_DROP_HELD_FULL;
    }
    if (*is_new) {
        entry = add_root(roots, root, bucket);
    }
    add_packet(roots, &roots->waiting[entry], index, packet);
    *ticket = ticket_of(roots, entry);
    return FAMA_DROP_NONE;
}

bool fama_roots_take(struct fama_roots *roots, uint32_t ticket, struct fama_root *root,
                     void **packets, uint32_t *count)
{
    uint32_t entry = ticket & 0xffff;
    if (entry >= roots->roots_max || !roots->waiting[entry].is_used ||
        ticket_of(roots, entry) != ticket) {
        return false;
    }
    struct waiting *waiting = &roots->waiting[entry];
    *root = waiting->root;
    uint32_t *link = &roots->buckets[bucket_of(roots, root)];
    while (*link != entry) {
        link = &roots->waiting[*link].next;
    }
    *link = waiting->next;
    *count = 0;
    for (uint32_t place = waiting->held_first; place != NOBODY;) {
        uint32_t next = roots->held[place].next;
        packets[(*count)++] = roots->held[place].packet;
        roots->held[place].packet = NULL;
        roots->held[place].next = roots->free_held;
        roots->free_held = place;
        place = next;
    }
    waiting->is_used = false;
    waiting->generation++;
    waiting->next = roots->free_root;
    roots->free_root = entry;
    return true;
}
