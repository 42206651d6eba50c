#include "dataplane/reassembly.h"

#include "dataplane/blame.h"
#include "dataplane/roots.h"

#include <stdlib.h>
#include <sys/mman.h>

/* A contested block that makes no progress for this long starts anew, and whoever signed its first root
 * is ignored for that block for as long. */
#define TURN_NS UINT64_C(2000000000)
/* A free slot that has held more than this gives its memory back to the system (in housekeeping). */
#define KEPT_BYTES (4U << 20)
#define NO_SLOT    UINT32_MAX

enum slot_state {
    SLOT_FREE = 0,
    SLOT_FILLING = 1,
    SLOT_WHOLE = 2, /* the commit thread's until fama_reassembly_return */
};

struct set_state {
    uint64_t received; /* bit i: chunk i */
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    fama_tag signer;
    bool is_known; /* root has been verified: by this signature of the signer */
};

struct slot {
    enum slot_state state;
    uint16_t channel_index;
    uint16_t chunk_bytes;
    uint32_t block_bytes;
    struct fama_geometry geometry;
    fama_tag channel;
    uint64_t block;
    struct fama_channel_gate *gate;
    fama_tag origin;   /* who signed the first root */
    bool is_mixed;     /* others signed further roots */
    bool is_contested; /* somebody signed something else for this block */
    bool was_repaired;
    uint32_t chunks_received;
    uint64_t progress_ns; /* when the last chunk was stored, or the slot taken */
    bool was_reported;
    uint64_t reported_ns; /* if so, when last */
    uint32_t touched;     /* bytes of the buffer that may be backed by memory */
    uint8_t *buffer;
    struct set_state *sets;
};

/* What is remembered of a channel apart from its slots. */
struct channel_memory {
    fama_tag channel; /* whom the rest is about: the number may be given to another channel later */
    uint64_t horizon;
    /* A block that was refused when several had signed its roots, so that nobody could be blamed: next
     * time all its roots must be one signer's. */
    uint64_t sole_block;
    bool has_sole_block;
};

struct fama_reassembly {
    struct fama_reassembly_limits limits;
    uint32_t sets_max;
    size_t buffer_bytes; /* of one slot, whole pages */
    uint8_t *buffers;
    struct set_state *sets;
    struct slot slots[FAMA_SLOTS_MAX];
    uint64_t used; /* bit i: slot i is not free */
    struct fama_roots *roots;
    struct fama_blames blames;
    struct channel_memory channels[FAMA_CHANNELS_MAX];
    uint32_t gap_cursor;
    uint64_t now_ns; /* the latest time passed in */
};

/* ---- Creation ---- */

static uint32_t sets_for(uint32_t block_bytes_max)
{
    struct fama_geometry geometry;
    if (!fama_geometry(block_bytes_max, FAMA_REASSEMBLY_CHUNK_BYTES, &geometry)) {
        return FAMA_SETS_MAX;
    }
    return geometry.sets;
}

static bool limits_make_sense(const struct fama_reassembly_limits *limits)
{
    return limits->slots >= 1 && limits->slots <= FAMA_SLOTS_MAX && limits->block_bytes_max >= 1;
}

struct fama_reassembly *fama_reassembly_create(const struct fama_reassembly_limits *limits)
{
    if (!limits_make_sense(limits)) {
        return NULL;
    }
    struct fama_reassembly *reassembly = calloc(1, sizeof(*reassembly));
    if (reassembly == NULL) {
        return NULL;
    }
    const size_t page = 4096;
    reassembly->limits = *limits;
    reassembly->sets_max = sets_for(limits->block_bytes_max);
    reassembly->buffer_bytes = ((size_t)limits->block_bytes_max + page - 1) / page * page;
    reassembly->sets =
        calloc((size_t)limits->slots * reassembly->sets_max, sizeof(*reassembly->sets));
    reassembly->roots = fama_roots_create(limits->roots_max, limits->held_max);
    void *buffers = mmap(NULL, limits->slots * reassembly->buffer_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    reassembly->buffers = buffers == MAP_FAILED ? NULL : buffers;
    if (reassembly->sets == NULL || reassembly->roots == NULL || reassembly->buffers == NULL) {
        fama_reassembly_destroy(reassembly);
        return NULL;
    }
    for (uint32_t i = 0; i < limits->slots; i++) {
        reassembly->slots[i].buffer = reassembly->buffers + i * reassembly->buffer_bytes;
        reassembly->slots[i].sets = reassembly->sets + (size_t)i * reassembly->sets_max;
    }
    return reassembly;
}

void fama_reassembly_destroy(struct fama_reassembly *reassembly)
{
    if (reassembly == NULL) {
        return;
    }
    if (reassembly->buffers != NULL) {
        (void)munmap(reassembly->buffers, reassembly->limits.slots * reassembly->buffer_bytes);
    }
    fama_roots_destroy(reassembly->roots);
    free(reassembly->sets);
    free(reassembly);
}

/* ---- Slots ---- */

static uint64_t next_block_of(const struct fama_channel_gate *gate)
{
    return atomic_load_explicit(&gate->next_block, memory_order_acquire);
}

static struct slot *find_slot(struct fama_reassembly *reassembly, fama_tag channel, uint64_t block)
{
    for (uint64_t left = reassembly->used; left != 0; left &= left - 1) {
        struct slot *slot = &reassembly->slots[__builtin_ctzll(left)];
        if (slot->block == block && slot->channel == channel) {
            return slot;
        }
    }
    return NULL;
}

static void free_slot(struct fama_reassembly *reassembly, struct slot *slot)
{
    slot->state = SLOT_FREE;
    reassembly->used &= ~(UINT64_C(1) << (slot - reassembly->slots));
}

static bool is_same_cut(const struct slot *slot, uint32_t block_bytes, uint16_t chunk_bytes)
{
    return slot->block_bytes == block_bytes && slot->chunk_bytes == chunk_bytes;
}

static bool is_stuck(const struct slot *slot, uint64_t now_ns)
{
    return now_ns - slot->progress_ns >= TURN_NS;
}

/* The slot that a block at `distance` from its ledger's height may have, or NO_SLOT: a free one, else
 * one that the ledger no longer needs, else the one filling farthest ahead, if that is farther. A block
 * that is next may also have the slot of another channel's next block that is stuck.
 *
 * All but one slot, at most, are for blocks farther ahead: else channels could fill every slot with
 * whole blocks, each of them waiting for a block that no slot is left for. */
static uint32_t choose_slot(const struct fama_reassembly *reassembly, uint64_t distance)
{
    uint32_t ahead_count = 0;
    uint32_t free_at = NO_SLOT;
    uint32_t victim = NO_SLOT;
    uint64_t victim_distance = distance;
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        const struct slot *slot = &reassembly->slots[i];
        if (slot->state == SLOT_FREE) {
            free_at = i;
            continue;
        }
        uint64_t next = next_block_of(slot->gate);
        if (slot->block < next) {
            if (slot->state == SLOT_FILLING) {
                free_at = i;
            }
            continue;
        }
        uint64_t slot_distance = slot->block - next;
        ahead_count += slot_distance > 0;
        bool is_nearer = slot_distance > victim_distance ||
                         (victim == NO_SLOT && distance == 0 && slot_distance == 0 &&
                          is_stuck(slot, reassembly->now_ns));
        if (slot->state == SLOT_FILLING && is_nearer) {
            victim = i;
            victim_distance = slot_distance;
        }
    }
    bool may_have_another = distance == 0 || ahead_count + 1 < reassembly->limits.slots;
    return free_at != NO_SLOT && may_have_another ? free_at : victim;
}

static bool is_sole(const struct fama_reassembly *reassembly, uint16_t channel_index,
                    fama_tag channel, uint64_t block)
{
    const struct channel_memory *memory = &reassembly->channels[channel_index];
    return memory->channel == channel && memory->has_sole_block && memory->sole_block == block;
}

static struct channel_memory *memory_of(struct fama_reassembly *reassembly, uint16_t channel_index,
                                        fama_tag channel)
{
    struct channel_memory *memory = &reassembly->channels[channel_index];
    if (memory->channel != channel) {
        *memory = (struct channel_memory){.channel = channel};
    }
    return memory;
}

/* Empties a slot that is stuck and lets another signer have a turn at its block. */
static void give_turn(struct fama_reassembly *reassembly, struct slot *slot)
{
    const struct fama_blame turn = {
        .origin = slot->origin,
        .until_ns = reassembly->now_ns + TURN_NS,
        .is_for_one_block = true,
        .channel = slot->channel,
        .block = slot->block,
    };
    fama_blame(&reassembly->blames, reassembly->now_ns, &turn);
    free_slot(reassembly, slot);
}

/* ---- Verified roots ---- */

static struct slot *take_slot(struct fama_reassembly *reassembly, const struct fama_root *root,
                              uint64_t distance)
{
    struct fama_geometry geometry;
    uint32_t at = choose_slot(reassembly, distance);
    if (at == NO_SLOT || !fama_geometry(root->block_bytes, root->chunk_bytes, &geometry)) {
        return NULL;
    }
    struct slot *slot = &reassembly->slots[at];
    uint32_t touched = slot->touched > root->block_bytes ? slot->touched : root->block_bytes;
    *slot = (struct slot){
        .state = SLOT_FILLING,
        .channel_index = root->channel_index,
        .chunk_bytes = root->chunk_bytes,
        .block_bytes = root->block_bytes,
        .geometry = geometry,
        .channel = root->channel,
        .block = root->block,
        .gate = root->gate,
        .origin = root->origin,
        .progress_ns = reassembly->now_ns,
        .touched = touched,
        .buffer = slot->buffer,
        .sets = slot->sets,
    };
    memset(slot->sets, 0, geometry.sets * sizeof(*slot->sets));
    reassembly->used |= UINT64_C(1) << at;
    return slot;
}

static bool contradicts(const struct slot *slot, const struct fama_root *root)
{
    if (!is_same_cut(slot, root->block_bytes, root->chunk_bytes)) {
        return true;
    }
    const struct set_state *set = &slot->sets[root->set];
    return set->is_known && memcmp(set->root, root->root, sizeof(set->root)) != 0;
}

/* Whether a verified root may not be entered into the slot its block has, now or ever. */
static bool is_unwelcome(const struct fama_reassembly *reassembly, struct slot *slot,
                         const struct fama_root *root)
{
    if (contradicts(slot, root)) {
        slot->is_contested = true;
        return true;
    }
    return slot->origin != root->origin && !slot->sets[root->set].is_known &&
           is_sole(reassembly, slot->channel_index, slot->channel, slot->block);
}

/* A root's signature is good: enters it into its block's slot. Where it may not be entered, the chunks
 * that led to it are refused, for that very reason, when they are offered again. */
static void admit_root(struct fama_reassembly *reassembly, const struct fama_root *root)
{
    uint64_t next = next_block_of(root->gate);
    if (root->block < next || fama_is_blamed(&reassembly->blames, reassembly->now_ns, root->origin,
                                             root->channel, root->block)) {
        return;
    }
    struct channel_memory *memory = memory_of(reassembly, root->channel_index, root->channel);
    if (root->block >= memory->horizon) {
        memory->horizon = root->block < UINT64_MAX ? root->block + 1 : UINT64_MAX;
    }
    struct slot *slot = find_slot(reassembly, root->channel, root->block);
    if (slot != NULL && slot->state == SLOT_WHOLE) {
        return;
    }
    if (slot != NULL && is_unwelcome(reassembly, slot, root)) {
        if (!is_stuck(slot, reassembly->now_ns)) {
            return;
        }
        if (slot->origin == root->origin) {
            free_slot(reassembly, slot);
        } else {
            give_turn(reassembly, slot);
        }
        slot = NULL;
    }
    if (slot == NULL) {
        slot = take_slot(reassembly, root, root->block - next);
    }
    if (slot == NULL || slot->sets[root->set].is_known) {
        return;
    }
    slot->is_mixed = slot->is_mixed || slot->origin != root->origin;
    struct set_state *set = &slot->sets[root->set];
    memcpy(set->root, root->root, sizeof(set->root));
    memcpy(set->signature, root->signature, sizeof(set->signature));
    set->signer = root->origin;
    set->is_known = true;
}

uint32_t fama_reassembly_verdict(struct fama_reassembly *reassembly, uint32_t root_ticket,
                                 bool good, void **packets)
{
    struct fama_root root;
    uint32_t count = 0;
    if (!fama_roots_take(reassembly->roots, root_ticket, &root, packets, &count)) {
        return 0;
    }
    if (good) {
        admit_root(reassembly, &root);
    }
    return count;
}

/* ---- Offers ---- */

/* Where in its block a chunk lies, having been checked again: a buffer is about to be written to. */
static enum fama_drop place_of(const struct fama_reassembly *reassembly,
                               const struct fama_chunk *chunk, uint32_t *offset)
{
    struct fama_geometry geometry;
    if (chunk->block_bytes > reassembly->limits.block_bytes_max) {
        return FAMA_DROP_CHUNK_TOO_BIG;
    }
    if (!fama_geometry(chunk->block_bytes, chunk->chunk_bytes, &geometry) ||
        geometry.sets > reassembly->sets_max || chunk->parity_chunks != 0 ||
        chunk->index >= fama_geometry_set_chunks(&geometry, chunk->set) ||
        chunk->data_chunks != fama_geometry_set_chunks(&geometry, chunk->set)) {
        return FAMA_DROP_CHUNK_GEOMETRY;
    }
    *offset = ((uint32_t)chunk->set * FAMA_SET_CHUNKS + chunk->index) * chunk->chunk_bytes;
    uint32_t left = chunk->block_bytes - *offset;
    uint32_t length = left < chunk->chunk_bytes ? left : chunk->chunk_bytes;
    return chunk->payload.len == length ? FAMA_DROP_NONE : FAMA_DROP_CHUNK_GEOMETRY;
}

/* All that can be said about a chunk without hashing it. */
static enum fama_drop judge_cheaply(const struct fama_reassembly *reassembly,
                                    const struct fama_view_channel *channel,
                                    const struct fama_chunk *chunk, const struct slot *slot)
{
    uint64_t next = next_block_of(channel->gate);
    if (chunk->block < next) {
        return FAMA_DROP_CHUNK_STALE;
    }
    uint64_t distance = chunk->block - next;
    if (distance >= reassembly->limits.slots) {
        return FAMA_DROP_CHUNK_AHEAD;
    }
    if (slot != NULL) {
        if (slot->state == SLOT_WHOLE) {
            return FAMA_DROP_CHUNK_DUPLICATE;
        }
        bool is_same = is_same_cut(slot, chunk->block_bytes, chunk->chunk_bytes);
        if (is_same && (slot->sets[chunk->set].received >> chunk->index & 1) != 0) {
            return FAMA_DROP_CHUNK_DUPLICATE;
        }
        if (!is_same && slot->is_contested && !is_stuck(slot, reassembly->now_ns)) {
            return FAMA_DROP_ROOT_CONFLICT;
        }
    } else if (choose_slot(reassembly, distance) == NO_SLOT) {
        return FAMA_DROP_SLOTS_FULL;
    }
    if (fama_is_blamed(&reassembly->blames, reassembly->now_ns, chunk->origin, channel->tag,
                       chunk->block)) {
        return FAMA_DROP_ORIGIN_BLAMED;
    }
    return FAMA_DROP_NONE;
}

static void store(struct fama_reassembly *reassembly, struct slot *slot,
                  const struct fama_chunk *chunk, uint32_t offset, struct fama_offer_result *result)
{
    memcpy(slot->buffer + offset, chunk->payload.at, chunk->payload.len);
    slot->sets[chunk->set].received |= UINT64_C(1) << chunk->index;
    slot->chunks_received++;
    slot->progress_ns = reassembly->now_ns;
    slot->was_repaired = slot->was_repaired || (chunk->flags & FAMA_FLAG_REPAIR) != 0;
    result->offer = FAMA_OFFER_STORED;
    result->drop = FAMA_DROP_NONE;
    result->signer = slot->sets[chunk->set].signer;
    result->signature = slot->sets[chunk->set].signature;
    if (slot->chunks_received < slot->geometry.chunks) {
        return;
    }
    slot->state = SLOT_WHOLE;
    result->offer = FAMA_OFFER_COMPLETE;
    result->assembled = (struct fama_assembled){
        .slot = (uint32_t)(slot - reassembly->slots),
        .channel = slot->channel_index,
        .number = slot->block,
        .at = slot->buffer,
        .len = slot->block_bytes,
        .origin = slot->origin,
        .was_repaired = slot->was_repaired,
    };
}

/* A chunk whose root is not known yet: has it wait, unless that root could not be entered anyway. */
static void hold(struct fama_reassembly *reassembly, const struct fama_view_channel *channel,
                 const struct fama_chunk *chunk, const struct slot *slot, void *packet,
                 struct fama_offer_result *result)
{
    if (slot != NULL && slot->origin != chunk->origin && !is_stuck(slot, reassembly->now_ns) &&
        is_sole(reassembly, channel->index, channel->tag, chunk->block)) {
        result->drop = FAMA_DROP_ROOT_CONFLICT;
        return;
    }
    if (packet == NULL) {
        result->drop = FAMA_DROP_SOURCE_BUDGET;
        return;
    }
    struct fama_root root = {
        .gate = channel->gate,
        .channel = channel->tag,
        .channel_index = channel->index,
        .chunk_bytes = chunk->chunk_bytes,
        .set = chunk->set,
        .block_bytes = chunk->block_bytes,
        .block = chunk->block,
        .origin = chunk->origin,
    };
    memcpy(root.root, result->root, sizeof(root.root));
    memcpy(root.signature, chunk->signature, sizeof(root.signature));
    bool is_new;
    uint32_t ticket;
    enum fama_drop drop =
        fama_roots_hold(reassembly->roots, &root, chunk->index, packet, &is_new, &ticket);
    if (drop != FAMA_DROP_NONE) {
        result->drop = drop;
        return;
    }
    result->offer = is_new ? FAMA_OFFER_VERIFY : FAMA_OFFER_HELD;
    result->root_ticket = ticket;
}

void fama_reassembly_offer(struct fama_reassembly *reassembly, uint64_t now_ns,
                           const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                           void *packet, struct fama_offer_result *result)
{
    reassembly->now_ns = now_ns;
    result->offer = FAMA_OFFER_DROPPED;
    uint32_t offset;
    result->drop = place_of(reassembly, chunk, &offset);
    if (result->drop != FAMA_DROP_NONE) {
        return;
    }
    struct slot *slot = find_slot(reassembly, channel->tag, chunk->block);
    result->drop = judge_cheaply(reassembly, channel, chunk, slot);
    if (result->drop != FAMA_DROP_NONE) {
        return;
    }
    fama_merkle_climb(chunk->payload, chunk->index, chunk->data_chunks, chunk->proof, result->root);
    if (slot != NULL && is_same_cut(slot, chunk->block_bytes, chunk->chunk_bytes) &&
        slot->sets[chunk->set].is_known) {
        if (memcmp(slot->sets[chunk->set].root, result->root, sizeof(result->root)) == 0) {
            store(reassembly, slot, chunk, offset, result);
            return;
        }
        if (slot->is_contested && !is_stuck(slot, now_ns)) {
            result->drop = FAMA_DROP_ROOT_CONFLICT;
            return;
        }
    }
    hold(reassembly, channel, chunk, slot, packet, result);
}

/* ---- The commit thread's answer ---- */

void fama_reassembly_return(struct fama_reassembly *reassembly, uint64_t now_ns,
                            uint32_t slot_index, bool accepted, uint64_t blame_ns)
{
    reassembly->now_ns = now_ns;
    if (slot_index >= reassembly->limits.slots ||
        reassembly->slots[slot_index].state != SLOT_WHOLE) {
        return;
    }
    struct slot *slot = &reassembly->slots[slot_index];
    free_slot(reassembly, slot);
    if (accepted) {
        return;
    }
    if (slot->is_mixed) {
        struct channel_memory *memory = memory_of(reassembly, slot->channel_index, slot->channel);
        memory->has_sole_block = true;
        memory->sole_block = slot->block;
        return;
    }
    const struct fama_blame blame = {
        .origin = slot->origin,
        .until_ns = blame_ns < UINT64_MAX - now_ns ? now_ns + blame_ns : UINT64_MAX,
    };
    fama_blame(&reassembly->blames, now_ns, &blame);
}

/* ---- Housekeeping ---- */

/* Whether a slot that is filling is of no use any more. */
static bool is_useless(const struct slot *slot, const struct fama_view *view)
{
    if (slot->block < next_block_of(slot->gate)) {
        return true;
    }
    const struct fama_view_channel *channel = fama_view_channel(view, slot->channel);
    return channel == NULL || channel->index != slot->channel_index;
}

static void tidy(struct fama_reassembly *reassembly, const struct fama_view *view)
{
    bool has_trimmed = false;
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        struct slot *slot = &reassembly->slots[i];
        if (slot->state == SLOT_FILLING) {
            if (is_useless(slot, view)) {
                free_slot(reassembly, slot);
            } else if (is_stuck(slot, reassembly->now_ns) &&
                       (slot->is_contested ||
                        is_sole(reassembly, slot->channel_index, slot->channel, slot->block))) {
                give_turn(reassembly, slot);
            }
        } else if (slot->state == SLOT_FREE && slot->touched > KEPT_BYTES && !has_trimmed) {
            /* Advice the system may decline; the buffer is as good either way. One per call, since
             * giving back many pages takes its time. */
            (void)madvise(slot->buffer, reassembly->buffer_bytes, MADV_DONTNEED);
            slot->touched = 0;
            has_trimmed = true;
        }
    }
}

static void write_gap(const struct slot *slot, struct fama_gap *gap)
{
    gap->channel = slot->channel_index;
    gap->block = slot->block;
    gap->block_bytes = slot->block_bytes;
    gap->chunk_bytes = slot->chunk_bytes;
    gap->count = 0;
    for (uint32_t i = 0; i < slot->geometry.sets && gap->count < FAMA_REQUEST_ENTRIES_MAX; i++) {
        uint32_t chunks = fama_geometry_set_chunks(&slot->geometry, i);
        uint64_t missing = (UINT64_MAX >> (FAMA_SET_CHUNKS - chunks)) & ~slot->sets[i].received;
        if (missing != 0) {
            gap->entries[gap->count++] =
                (struct fama_request_entry){.set = (uint16_t)i, .wanted = missing};
        }
    }
}

bool fama_reassembly_gap(struct fama_reassembly *reassembly, uint64_t now_ns, uint64_t stalled_ns,
                         const struct fama_view *view, struct fama_gap *gap)
{
    reassembly->now_ns = now_ns;
    tidy(reassembly, view);
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        uint32_t at = (reassembly->gap_cursor + i) % reassembly->limits.slots;
        struct slot *slot = &reassembly->slots[at];
        if (slot->state == SLOT_FILLING && now_ns - slot->progress_ns >= stalled_ns &&
            (!slot->was_reported || now_ns - slot->reported_ns >= stalled_ns)) {
            slot->was_reported = true;
            slot->reported_ns = now_ns;
            reassembly->gap_cursor = at + 1;
            write_gap(slot, gap);
            return true;
        }
    }
    return false;
}

uint64_t fama_reassembly_present(const struct fama_reassembly *reassembly, uint16_t channel,
                                 uint64_t first)
{
    uint64_t present = 0;
    for (uint64_t left = reassembly->used; left != 0; left &= left - 1) {
        const struct slot *slot = &reassembly->slots[__builtin_ctzll(left)];
        if (slot->channel_index == channel && slot->block >= first && slot->block - first < 64) {
            present |= UINT64_C(1) << (slot->block - first);
        }
    }
    return present;
}

uint64_t fama_reassembly_horizon(const struct fama_reassembly *reassembly, uint16_t channel)
{
    return channel < FAMA_CHANNELS_MAX ? reassembly->channels[channel].horizon : 0;
}
