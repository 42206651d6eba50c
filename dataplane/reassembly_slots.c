#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dataplane/reassembly_state.h"

/* A free slot that has held more than this gives its memory back to the system (in housekeeping). */
#define KEPT_BYTES (4U << 20)
#define PAGE       4096u
/* What is backed by memory from the start, so that a net lcore meets no page fault once it runs: the slots
 * that go round, and blocks up to this size with the parity that goes with them. Larger ones fault once. */
#define WARM_SLOTS (FAMA_LATE_SLOTS + 4)
#define WARM_BYTES (256u << 10)
/* Weight of the newest block in a channel's loss. */
#define LOSS_WEIGHT (1.0 / 8)

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
    return limits->slots >= 1 && limits->slots <= FAMA_SLOTS_MAX && limits->block_bytes_max >= 1 &&
           limits->blame_ns >= 1;
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* Address space only: what is never written to takes no memory. */
static void *take_space(size_t bytes)
{
    void *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return space == MAP_FAILED ? NULL : space;
}

static void give_space(void *space, size_t bytes)
{
    if (space != NULL) {
        (void)munmap(space, bytes);
    }
}

static void warm(struct fama_reassembly *reassembly, struct fama_slot *slot)
{
    size_t bytes = WARM_BYTES < reassembly->buffer_bytes ? WARM_BYTES : reassembly->buffer_bytes;
    size_t sets = WARM_BYTES / ((size_t)FAMA_SET_CHUNKS * FAMA_REASSEMBLY_CHUNK_BYTES);
    sets = sets < reassembly->sets_max ? sets : reassembly->sets_max;
    memset(slot->buffer, 0, bytes);
    memset(slot->sets, 0, sets * sizeof(*slot->sets));
    memset(slot->known, 0, sets * sizeof(*slot->known));
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
    reassembly->limits = *limits;
    reassembly->sets_max = sets_for(limits->block_bytes_max);
    /* A set has at most as many parity chunks as a full one has data chunks, all of them of one length:
     * the parity of a block is no longer than the block and one set. */
    reassembly->buffer_bytes = whole_pages((size_t)limits->block_bytes_max * 2 +
                                           (size_t)FAMA_SET_CHUNKS * FAMA_CHUNK_BYTES_MAX);
    size_t sets = (size_t)limits->slots * reassembly->sets_max;
    reassembly->sets_bytes = sets * sizeof(*reassembly->sets);
    reassembly->known_bytes = sets * sizeof(*reassembly->known);
    reassembly->sets = take_space(reassembly->sets_bytes);
    reassembly->known = take_space(reassembly->known_bytes);
    reassembly->buffers = take_space(limits->slots * reassembly->buffer_bytes);
    reassembly->roots = fama_roots_create(limits->roots_max, limits->held_max);
    reassembly->erasure = fama_erasure_create();
    reassembly->made = calloc(FAMA_PARITY_MAX, FAMA_CHUNK_BYTES_MAX);
    if (reassembly->sets == NULL || reassembly->known == NULL || reassembly->buffers == NULL ||
        reassembly->roots == NULL || reassembly->erasure == NULL || reassembly->made == NULL) {
        fama_reassembly_destroy(reassembly);
        return NULL;
    }
    for (uint32_t i = 0; i < limits->slots; i++) {
        reassembly->slots[i].buffer = reassembly->buffers + i * reassembly->buffer_bytes;
        reassembly->slots[i].sets = reassembly->sets + (size_t)i * reassembly->sets_max;
        reassembly->slots[i].known = reassembly->known + (size_t)i * reassembly->sets_max;
        if (i < WARM_SLOTS) {
            warm(reassembly, &reassembly->slots[i]);
        }
    }
    memset(reassembly->made, 0, (size_t)FAMA_PARITY_MAX * FAMA_CHUNK_BYTES_MAX);
    return reassembly;
}

void fama_reassembly_destroy(struct fama_reassembly *reassembly)
{
    if (reassembly == NULL) {
        return;
    }
    give_space(reassembly->buffers, reassembly->limits.slots * reassembly->buffer_bytes);
    give_space(reassembly->sets, reassembly->sets_bytes);
    give_space(reassembly->known, reassembly->known_bytes);
    fama_roots_destroy(reassembly->roots);
    fama_erasure_destroy(reassembly->erasure);
    free(reassembly->made);
    free(reassembly);
}

/* ---- Finding and choosing ---- */

static struct fama_slot *find_among(struct fama_reassembly *reassembly, uint64_t among,
                                    fama_tag channel, uint64_t block)
{
    for (uint64_t left = among; left != 0; left &= left - 1) {
        struct fama_slot *slot = &reassembly->slots[__builtin_ctzll(left)];
        if (slot->block == block && slot->channel == channel) {
            return slot;
        }
    }
    return NULL;
}

struct fama_slot *fama_slot_find(struct fama_reassembly *reassembly, fama_tag channel,
                                 uint64_t block)
{
    return find_among(reassembly, reassembly->used, channel, block);
}

struct fama_slot *fama_slot_find_late(struct fama_reassembly *reassembly, fama_tag channel,
                                      uint64_t block)
{
    return find_among(reassembly, reassembly->used | reassembly->done, channel, block);
}

/* Of the slots that nobody needs: the first one that late chunks have had their time with; else the one that
 * was done first, if enough others are kept for late chunks; else one never used. So few slots go round, the
 * first ones, and their memory stays warm. */
static uint32_t choose_idle(const struct fama_reassembly *reassembly)
{
    uint32_t fresh = FAMA_NO_SLOT;
    uint32_t oldest = FAMA_NO_SLOT;
    uint32_t done = 0;
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        const struct fama_slot *slot = &reassembly->slots[i];
        if (slot->state == FAMA_SLOT_FREE && fresh == FAMA_NO_SLOT) {
            fresh = i;
        }
        if (slot->state != FAMA_SLOT_DONE) {
            continue;
        }
        if (reassembly->now_ns - slot->progress_ns >= FAMA_LATE_NS) {
            return i;
        }
        done++;
        if (oldest == FAMA_NO_SLOT || slot->progress_ns < reassembly->slots[oldest].progress_ns) {
            oldest = i;
        }
    }
    return done >= FAMA_LATE_SLOTS || fresh == FAMA_NO_SLOT ? oldest : fresh;
}

/* An idle one, else one that the ledger no longer needs, else the one filling farthest ahead, if that is
 * farther. A block that is next may also have the slot of another channel's next block that is stuck.
 *
 * All but one slot, at most, are for blocks farther ahead: else channels could fill every slot with
 * whole blocks, each of them waiting for a block that no slot is left for. */
uint32_t fama_slot_choose(const struct fama_reassembly *reassembly, uint64_t distance)
{
    uint32_t ahead_count = 0;
    uint32_t free_at = choose_idle(reassembly);
    uint32_t victim = FAMA_NO_SLOT;
    uint64_t victim_distance = distance;
    for (uint64_t left = reassembly->used; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left);
        const struct fama_slot *slot = &reassembly->slots[i];
        uint64_t next = fama_gate_next(slot->gate);
        if (slot->block < next) {
            if (slot->state == FAMA_SLOT_FILLING) {
                free_at = i;
            }
            continue;
        }
        uint64_t slot_distance = slot->block - next;
        ahead_count += slot_distance > 0;
        bool is_nearer = slot_distance > victim_distance ||
                         (victim == FAMA_NO_SLOT && distance == 0 && slot_distance == 0 &&
                          fama_slot_is_stuck(slot, reassembly->now_ns));
        if (slot->state == FAMA_SLOT_FILLING && is_nearer) {
            victim = i;
            victim_distance = slot_distance;
        }
    }
    bool may_have_another = distance == 0 || ahead_count + 1 < reassembly->limits.slots;
    return free_at != FAMA_NO_SLOT && may_have_another ? free_at : victim;
}

bool fama_slot_is_sole(const struct fama_reassembly *reassembly, uint16_t channel_index,
                       fama_tag channel, uint64_t block)
{
    const struct fama_channel_memory *memory = &reassembly->channels[channel_index];
    return memory->channel == channel && memory->has_sole_block && memory->sole_block == block;
}

struct fama_channel_memory *fama_channel_memory(struct fama_reassembly *reassembly,
                                                uint16_t channel_index, fama_tag channel)
{
    struct fama_channel_memory *memory = &reassembly->channels[channel_index];
    if (memory->channel != channel) {
        *memory = (struct fama_channel_memory){.channel = channel};
    }
    return memory;
}

/* ---- A slot's life ---- */

/* How many of the chunks that were to come by push have come by now. */
static void note_loss(struct fama_reassembly *reassembly, struct fama_slot *slot)
{
    struct fama_channel_memory *memory = &reassembly->channels[slot->channel_index];
    if (slot->is_noted || !slot->was_pushed || memory->channel != slot->channel) {
        return;
    }
    slot->is_noted = true;
    uint32_t expected = 0;
    uint32_t came = 0;
    for (uint32_t i = 0; i < slot->geometry.sets; i++) {
        uint32_t data = fama_geometry_set_chunks(&slot->geometry, i);
        expected += data + fama_geometry_parity_chunks(slot->cut.parity, data);
        came += (uint32_t)__builtin_popcountll(slot->sets[i].pushed);
    }
    memory->loss += (1.0 - (double)came / expected - memory->loss) * LOSS_WEIGHT;
    fama_slot_note_origin(slot, expected, memory);
}

struct fama_slot *fama_slot_take(struct fama_reassembly *reassembly, const struct fama_root *root,
                                 uint64_t distance)
{
    struct fama_geometry geometry;
    uint32_t at = fama_slot_choose(reassembly, distance);
    if (at == FAMA_NO_SLOT ||
        !fama_geometry(root->cut.block_bytes, root->cut.chunk_bytes, &geometry)) {
        return NULL;
    }
    struct fama_slot *slot = &reassembly->slots[at];
    if (slot->state == FAMA_SLOT_DONE) {
        note_loss(reassembly, slot);
    }
    size_t parity = (size_t)geometry.sets * root->cut.parity * root->cut.chunk_bytes;
    size_t touched = root->cut.block_bytes + parity;
    *slot = (struct fama_slot){
        .state = FAMA_SLOT_FILLING,
        .channel_index = root->channel_index,
        .cut = root->cut,
        .geometry = geometry,
        .channel = root->channel,
        .block = root->block,
        .gate = root->gate,
        .origin = root->origin,
        .taken_ns = reassembly->now_ns,
        .progress_ns = reassembly->now_ns,
        .touched = slot->touched > touched ? slot->touched : touched,
        .buffer = slot->buffer,
        .sets = slot->sets,
        .known = slot->known,
    };
    memset(slot->sets, 0, geometry.sets * sizeof(*slot->sets));
    reassembly->used |= UINT64_C(1) << at;
    reassembly->done &= ~(UINT64_C(1) << at);
    return slot;
}

void fama_slot_free(struct fama_reassembly *reassembly, struct fama_slot *slot)
{
    uint64_t bit = UINT64_C(1) << (slot - reassembly->slots);
    slot->state = FAMA_SLOT_FREE;
    reassembly->used &= ~bit;
    reassembly->done &= ~bit;
}

void fama_slot_finish(struct fama_reassembly *reassembly, struct fama_slot *slot)
{
    uint64_t bit = UINT64_C(1) << (slot - reassembly->slots);
    slot->state = FAMA_SLOT_DONE;
    slot->progress_ns = reassembly->now_ns;
    reassembly->used &= ~bit;
    reassembly->done |= bit;
}

void fama_slot_give_turn(struct fama_reassembly *reassembly, struct fama_slot *slot)
{
    const struct fama_blame turn = {
        .origin = slot->origin,
        .until_ns = reassembly->now_ns + FAMA_TURN_NS,
        .is_for_one_block = true,
        .channel = slot->channel,
        .block = slot->block,
    };
    fama_blame(&reassembly->blames, reassembly->now_ns, &turn);
    fama_slot_free(reassembly, slot);
}

uint8_t *fama_slot_place(const struct fama_slot *slot, uint32_t set, uint32_t index,
                         uint32_t *bytes)
{
    uint32_t data = fama_geometry_set_chunks(&slot->geometry, set);
    uint32_t number = set * FAMA_SET_CHUNKS + (index < data ? index : 0);
    uint32_t offset = number * slot->cut.chunk_bytes;
    uint32_t left = slot->cut.block_bytes - offset;
    *bytes = left < slot->cut.chunk_bytes ? left : slot->cut.chunk_bytes;
    if (index < data) {
        return slot->buffer + offset;
    }
    size_t parity = (size_t)set * slot->cut.parity + (index - data);
    return slot->buffer + slot->cut.block_bytes + parity * slot->cut.chunk_bytes;
}

/* ---- Housekeeping ---- */

/* Whether a slot that is filling is of no use any more. */
static bool is_useless(const struct fama_slot *slot, const struct fama_view *view)
{
    if (slot->block < fama_gate_next(slot->gate)) {
        return true;
    }
    const struct fama_view_channel *channel = fama_view_channel(view, slot->channel);
    return channel == NULL || channel->index != slot->channel_index;
}

static bool is_idle(const struct fama_reassembly *reassembly, const struct fama_slot *slot)
{
    return slot->state == FAMA_SLOT_FREE ||
           (slot->state == FAMA_SLOT_DONE &&
            reassembly->now_ns - slot->progress_ns >= FAMA_LATE_NS);
}

static void tidy(struct fama_reassembly *reassembly, const struct fama_view *view)
{
    bool has_trimmed = false;
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        struct fama_slot *slot = &reassembly->slots[i];
        if (slot->state == FAMA_SLOT_FILLING) {
            if (is_useless(slot, view)) {
                fama_slot_free(reassembly, slot);
            } else if (fama_slot_is_stuck(slot, reassembly->now_ns) &&
                       (slot->is_contested || fama_slot_is_sole(reassembly, slot->channel_index,
                                                                slot->channel, slot->block))) {
                fama_slot_give_turn(reassembly, slot);
            }
            continue;
        }
        if (slot->state == FAMA_SLOT_DONE && is_idle(reassembly, slot)) {
            note_loss(reassembly, slot);
        }
        if (slot->touched > KEPT_BYTES && !has_trimmed && is_idle(reassembly, slot)) {
            /* Advice the system may decline; the buffer is as good either way. One per call, since
             * giving back many pages takes its time. */
            (void)madvise(slot->buffer, reassembly->buffer_bytes, MADV_DONTNEED);
            slot->touched = 0;
            has_trimmed = true;
        }
    }
}

/* Data chunks only, and of these no more than it takes to have k. */
static void write_gap(const struct fama_slot *slot, struct fama_gap *gap)
{
    gap->channel = slot->channel_index;
    gap->block = slot->block;
    gap->origin = slot->origin;
    gap->cut = slot->cut;
    gap->count = 0;
    for (uint32_t i = 0; i < slot->geometry.sets && gap->count < FAMA_REQUEST_ENTRIES_MAX; i++) {
        uint32_t chunks = fama_geometry_set_chunks(&slot->geometry, i);
        uint64_t have = slot->sets[i].have;
        uint64_t missing = (UINT64_MAX >> (64 - chunks)) & ~have;
        uint64_t wanted = 0;
        uint32_t count = (uint32_t)__builtin_popcountll(have);
        for (; missing != 0 && count < chunks; missing &= missing - 1, count++) {
            wanted |= missing & -missing;
        }
        if (wanted != 0) {
            gap->entries[gap->count++] =
                (struct fama_request_entry){.set = (uint16_t)i, .wanted = wanted};
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
        struct fama_slot *slot = &reassembly->slots[at];
        if (slot->state == FAMA_SLOT_FILLING && now_ns - slot->progress_ns >= stalled_ns &&
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
        const struct fama_slot *slot = &reassembly->slots[__builtin_ctzll(left)];
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

uint16_t fama_reassembly_loss(const struct fama_reassembly *reassembly, uint16_t channel)
{
    if (channel >= FAMA_CHANNELS_MAX) {
        return 0;
    }
    double loss = reassembly->channels[channel].loss;
    return loss > 0 ? (uint16_t)lround(loss * FAMA_LOSS_WHOLE) : 0;
}
