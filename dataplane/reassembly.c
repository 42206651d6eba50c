#include "dataplane/reassembly.h"

#include "dataplane/reassembly_state.h"

/* A slot that is done is its block's only while the ledger has that block. */
static struct fama_slot *find_slot(struct fama_reassembly *reassembly, fama_tag channel,
                                   uint64_t block, uint64_t next)
{
    return block < next ? fama_slot_find_late(reassembly, channel, block)
                        : fama_slot_find(reassembly, channel, block);
}

/* ---- Verified roots ---- */

/* Whether a verified root cannot be entered beside what is known of its block. */
static bool contradicts(const struct fama_slot *slot, const struct fama_root *root)
{
    if (!fama_cut_equal(&slot->cut, &root->cut)) {
        return true;
    }
    const struct fama_set_state *set = &slot->sets[root->set];
    return set->signer_count > 0 && memcmp(set->root, root->root, sizeof(set->root)) != 0;
}

/* Two roots by the same origin for one set of one cut prove that it lies, and so do two lengths of one
 * block. Another cut of as many bytes proves nothing: whoever answers requests cuts as it is asked to. */
static void keep_evidence(struct fama_reassembly *reassembly, const struct fama_slot *slot,
                          const struct fama_root *root)
{
    if (reassembly->has_evidence || root->set >= slot->geometry.sets) {
        return;
    }
    struct fama_set_state *set = &slot->sets[root->set];
    const struct fama_set_signer *signer = fama_set_signer(set, root->origin);
    if (signer == NULL || (slot->cut.block_bytes == root->cut.block_bytes &&
                           !fama_cut_equal(&slot->cut, &root->cut))) {
        return;
    }
    struct fama_equivocation *evidence = &reassembly->evidence;
    *evidence = (struct fama_equivocation){
        .channel = slot->channel, .origin = root->origin, .block = slot->block, .set = root->set};
    evidence->roots[0].cut = slot->cut;
    evidence->roots[0].key_epoch = signer->key_epoch;
    memcpy(evidence->roots[0].root, set->root, sizeof(set->root));
    memcpy(evidence->roots[0].signature, signer->signature, sizeof(signer->signature));
    evidence->roots[1].cut = root->cut;
    evidence->roots[1].key_epoch = root->key_epoch;
    memcpy(evidence->roots[1].root, root->root, sizeof(root->root));
    memcpy(evidence->roots[1].signature, root->signature, sizeof(root->signature));
    reassembly->has_evidence = true;
}

bool fama_reassembly_evidence(struct fama_reassembly *reassembly,
                              struct fama_equivocation *evidence)
{
    if (!reassembly->has_evidence) {
        return false;
    }
    *evidence = reassembly->evidence;
    reassembly->has_evidence = false;
    return true;
}

/* Whether a verified root may not be entered into the slot its block has, now or ever. */
static bool is_unwelcome(struct fama_reassembly *reassembly, struct fama_slot *slot,
                         const struct fama_root *root)
{
    if (contradicts(slot, root)) {
        keep_evidence(reassembly, slot, root);
        slot->is_contested = true;
        return true;
    }
    return slot->origin != root->origin && slot->sets[root->set].signer_count == 0 &&
           fama_slot_is_sole(reassembly, slot->channel_index, slot->channel, slot->block);
}

static void enter_root(const struct fama_reassembly *reassembly, struct fama_slot *slot,
                       const struct fama_root *root)
{
    struct fama_set_state *set = &slot->sets[root->set];
    uint32_t data = fama_geometry_set_chunks(&slot->geometry, root->set);
    slot->is_mixed = slot->is_mixed || slot->origin != root->origin;
    memcpy(set->root, root->root, sizeof(set->root));
    fama_set_sign(set, root);
    set->data_chunks = (uint8_t)data;
    set->parity_chunks = (uint8_t)fama_geometry_parity_chunks(slot->cut.parity, data);
    uint32_t leaves = data + set->parity_chunks;
    struct fama_merkle_known *known = &slot->known[root->set];
    const struct fama_merkle_known *climbed = &reassembly->climbed;
    if (climbed->leaf_count == leaves &&
        memcmp(reassembly->climbed_root, root->root, sizeof(root->root)) == 0) {
        *known = *climbed; /* what waited for the root need not be proved again */
    } else {
        fama_merkle_known_start(known, leaves, root->root);
    }
}

/* A root that is known already, signed by somebody else: what came with this signature may be passed on. False:
 * it is not known. */
static bool admit_signer(struct fama_reassembly *reassembly, const struct fama_root *root)
{
    struct fama_slot *slot =
        find_slot(reassembly, root->channel, root->block, fama_gate_next(root->gate));
    if (slot == NULL || !fama_cut_equal(&slot->cut, &root->cut)) {
        return false;
    }
    struct fama_set_state *set = &slot->sets[root->set];
    if (set->signer_count == 0 || memcmp(set->root, root->root, sizeof(set->root)) != 0) {
        return false;
    }
    if (fama_set_may_sign(reassembly, slot, set, root->origin, root->key_epoch)) {
        fama_set_sign(set, root);
    }
    return true;
}

/* A root's signature is good: enters it into its block's slot. Where it may not be entered, the chunks
 * that led to it are refused, for that very reason, when they are offered again. */
static void admit_root(struct fama_reassembly *reassembly, const struct fama_root *root)
{
    uint64_t next = fama_gate_next(root->gate);
    if (admit_signer(reassembly, root) || root->block < next ||
        fama_is_blamed(&reassembly->blames, reassembly->now_ns, root->origin, root->channel,
                       root->block)) {
        return;
    }
    struct fama_channel_memory *memory =
        fama_channel_memory(reassembly, root->channel_index, root->channel);
    if (root->block >= memory->horizon) {
        memory->horizon = root->block < UINT64_MAX ? root->block + 1 : UINT64_MAX;
    }
    struct fama_slot *slot = fama_slot_find(reassembly, root->channel, root->block);
    if (slot != NULL && slot->state == FAMA_SLOT_WHOLE) {
        if (contradicts(slot, root)) {
            keep_evidence(reassembly, slot, root);
        }
        return;
    }
    if (slot != NULL && is_unwelcome(reassembly, slot, root)) {
        if (!fama_slot_is_stuck(slot, reassembly->now_ns)) {
            return;
        }
        if (slot->origin == root->origin) {
            fama_slot_free(reassembly, slot);
        } else {
            fama_slot_give_turn(reassembly, slot);
        }
        slot = NULL;
    }
    if (slot == NULL) {
        slot = fama_slot_take(reassembly, root, root->block - next);
    }
    if (slot != NULL && slot->sets[root->set].signer_count == 0) {
        enter_root(reassembly, slot, root);
    }
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

/* ---- Places ---- */

/* Whether a chunk has its place in its block, having been checked again: a buffer is about to be written
 * to. */
static enum fama_drop judge_geometry(const struct fama_reassembly *reassembly,
                                     const struct fama_chunk *chunk)
{
    struct fama_geometry geometry;
    if (chunk->block_bytes > reassembly->limits.block_bytes_max) {
        return FAMA_DROP_CHUNK_TOO_BIG;
    }
    bool is_in_place = fama_wire_chunk_is_in_place(chunk) &&
                       fama_geometry(chunk->block_bytes, chunk->chunk_bytes, &geometry) &&
                       geometry.sets <= reassembly->sets_max;
    return is_in_place ? FAMA_DROP_NONE : FAMA_DROP_CHUNK_GEOMETRY;
}

static struct fama_cut cut_of(const struct fama_chunk *chunk)
{
    return (struct fama_cut){.block_bytes = chunk->block_bytes,
                             .chunk_bytes = chunk->chunk_bytes,
                             .parity = chunk->parity};
}

/* The state of the chunk's set in this slot, if its root is known; else NULL. */
static struct fama_set_state *known_set(const struct fama_slot *slot,
                                        const struct fama_chunk *chunk)
{
    struct fama_cut cut = cut_of(chunk);
    if (slot == NULL || !fama_cut_equal(&slot->cut, &cut) ||
        slot->sets[chunk->set].signer_count == 0) {
        return NULL;
    }
    return &slot->sets[chunk->set];
}

static bool is_needed(const struct fama_slot *slot, const struct fama_set_state *set,
                      const struct fama_chunk *chunk)
{
    return slot->state == FAMA_SLOT_FILLING && (set->have >> chunk->index & 1) == 0;
}

/* For a block that needs no more chunks: only others may still need this one. */
static enum fama_drop judge_late(const struct fama_reassembly *reassembly,
                                 const struct fama_slot *slot, const struct fama_set_state *set,
                                 const struct fama_chunk *chunk, enum fama_drop otherwise)
{
    bool may_be_passed_on = set != NULL && slot->state != FAMA_SLOT_FILLING &&
                            fama_set_may_pass_on(reassembly, slot, set, chunk);
    return may_be_passed_on ? FAMA_DROP_NONE : otherwise;
}

static enum fama_drop judge(const struct fama_reassembly *reassembly,
                            const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                            const struct fama_slot *slot)
{
    enum fama_drop drop = judge_geometry(reassembly, chunk);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    const struct fama_set_state *set = known_set(slot, chunk);
    uint64_t next = fama_gate_next(channel->gate);
    if (chunk->block < next) {
        return judge_late(reassembly, slot, set, chunk, FAMA_DROP_CHUNK_STALE);
    }
    uint64_t distance = chunk->block - next;
    if (distance >= reassembly->limits.slots) {
        return FAMA_DROP_CHUNK_AHEAD;
    }
    if (slot == NULL) {
        if (fama_slot_choose(reassembly, distance) == FAMA_NO_SLOT) {
            return FAMA_DROP_SLOTS_FULL;
        }
    } else if (slot->state == FAMA_SLOT_WHOLE) {
        return judge_late(reassembly, slot, set, chunk, FAMA_DROP_CHUNK_DUPLICATE);
    } else if (set != NULL && !is_needed(slot, set, chunk) &&
               !fama_set_may_pass_on(reassembly, slot, set, chunk)) {
        return FAMA_DROP_CHUNK_DUPLICATE;
    } else {
        struct fama_cut cut = cut_of(chunk);
        if (!fama_cut_equal(&slot->cut, &cut) && slot->is_contested &&
            !fama_slot_is_stuck(slot, reassembly->now_ns)) {
            return FAMA_DROP_ROOT_CONFLICT;
        }
    }
    return fama_is_blamed(&reassembly->blames, reassembly->now_ns, chunk->origin, channel->tag,
                          chunk->block)
               ? FAMA_DROP_ORIGIN_BLAMED
               : FAMA_DROP_NONE;
}

static struct fama_slot *slot_of(struct fama_reassembly *reassembly,
                                 const struct fama_view_channel *channel,
                                 const struct fama_chunk *chunk)
{
    return find_slot(reassembly, channel->tag, chunk->block, fama_gate_next(channel->gate));
}

enum fama_drop fama_reassembly_place(struct fama_reassembly *reassembly, uint64_t now_ns,
                                     const struct fama_view_channel *channel,
                                     const struct fama_chunk *chunk, uint8_t **room)
{
    reassembly->now_ns = now_ns;
    *room = NULL;
    const struct fama_slot *slot = slot_of(reassembly, channel, chunk);
    enum fama_drop drop = judge(reassembly, channel, chunk, slot);
    const struct fama_set_state *set =
        drop == FAMA_DROP_NONE && slot != NULL ? known_set(slot, chunk) : NULL;
    if (set != NULL && is_needed(slot, set, chunk)) {
        uint32_t bytes;
        *room = fama_slot_place(slot, chunk->set, chunk->index, &bytes);
    }
    return drop;
}

/* ---- Offers ---- */

static struct fama_root root_of(const struct fama_view_channel *channel,
                                const struct fama_chunk *chunk,
                                const uint8_t node[FAMA_MERKLE_NODE_BYTES])
{
    struct fama_root root = {
        .gate = channel->gate,
        .channel = channel->tag,
        .channel_index = channel->index,
        .set = chunk->set,
        .cut = cut_of(chunk),
        .key_epoch = chunk->key_epoch,
        .block = chunk->block,
        .origin = chunk->origin,
    };
    memcpy(root.root, node, sizeof(root.root));
    memcpy(root.signature, chunk->signature, sizeof(root.signature));
    return root;
}

/* A good chunk on its way to others. What came with another signature than that of its origin that was verified
 * does not count as having come: it must not keep the right one from being passed on. */
static enum fama_onward find_way_on(struct fama_reassembly *reassembly,
                                    const struct fama_view_channel *channel,
                                    const struct fama_slot *slot, const struct fama_chunk *chunk,
                                    void *packet, struct fama_offer_result *result)
{
    struct fama_set_state *set = &slot->sets[chunk->set];
    struct fama_set_signer *signer = fama_set_signer(set, chunk->origin);
    if (chunk->key_epoch == 0) {
        return FAMA_ONWARD_NO;
    }
    if (signer != NULL && signer->key_epoch == chunk->key_epoch) {
        if (memcmp(signer->signature, chunk->signature, sizeof(signer->signature)) != 0) {
            return FAMA_ONWARD_NO;
        }
        signer->arrived |= UINT64_C(1) << chunk->index;
        return FAMA_ONWARD_YES;
    }
    if (packet == NULL || chunk->hops == 0 ||
        !fama_set_may_sign(reassembly, slot, set, chunk->origin, chunk->key_epoch)) {
        return FAMA_ONWARD_NO;
    }
    const struct fama_root root = root_of(channel, chunk, set->root);
    bool is_new;
    enum fama_drop drop = fama_roots_hold(reassembly->roots, &root, chunk->index, packet, &is_new,
                                          &result->root_ticket);
    if (drop == FAMA_DROP_CHUNK_DUPLICATE && result->offer == FAMA_OFFER_LATE) {
        result->offer = FAMA_OFFER_DROPPED; /* another copy of it waits already */
        result->drop = drop;
    }
    if (drop != FAMA_DROP_NONE) {
        return FAMA_ONWARD_NO;
    }
    memcpy(result->root, set->root, sizeof(result->root));
    return is_new ? FAMA_ONWARD_VERIFY : FAMA_ONWARD_HELD;
}

static void note_arrival(struct fama_slot *slot, struct fama_set_state *set,
                         const struct fama_chunk *chunk, struct fama_offer_result *result)
{
    if (chunk->key_epoch != 0) {
        set->pushed |= UINT64_C(1) << chunk->index;
        slot->was_pushed = true;
    }
    result->drop = FAMA_DROP_NONE;
}

static uint64_t data_mask(const struct fama_set_state *set)
{
    return UINT64_MAX >> (64 - set->data_chunks);
}

static void blame_liar(struct fama_reassembly *reassembly, fama_tag signer)
{
    uint64_t now_ns = reassembly->now_ns;
    uint64_t blame_ns = reassembly->limits.blame_ns;
    const struct fama_blame blame = {
        .origin = signer,
        .until_ns = blame_ns < UINT64_MAX - now_ns ? now_ns + blame_ns : UINT64_MAX,
    };
    fama_blame(&reassembly->blames, now_ns, &blame);
}

/* Nobody signs the root of a set that is not as we build them but by lying. */
static void refuse_set(struct fama_reassembly *reassembly, struct fama_slot *slot,
                       const struct fama_set_state *set, struct fama_offer_result *result)
{
    result->offer = FAMA_OFFER_DROPPED;
    result->drop = FAMA_DROP_SET_POLLUTED;
    for (uint32_t i = 0; i < set->signer_count; i++) {
        blame_liar(reassembly, set->signers[i].tag);
    }
    fama_slot_free(reassembly, slot);
}

static void complete(struct fama_reassembly *reassembly, struct fama_slot *slot,
                     struct fama_offer_result *result)
{
    slot->state = FAMA_SLOT_WHOLE;
    result->offer = FAMA_OFFER_COMPLETE;
    result->assembled = (struct fama_assembled){
        .slot = (uint32_t)(slot - reassembly->slots),
        .channel = slot->channel_index,
        .number = slot->block,
        .at = slot->buffer,
        .len = slot->cut.block_bytes,
        .origin = slot->origin,
        .was_repaired = slot->was_repaired,
    };
}

static void store(struct fama_reassembly *reassembly, struct fama_slot *slot,
                  const struct fama_chunk *chunk, struct fama_offer_result *result)
{
    struct fama_set_state *set = &slot->sets[chunk->set];
    uint32_t bytes;
    uint8_t *place = fama_slot_place(slot, chunk->set, chunk->index, &bytes);
    if (chunk->payload.at != place) {
        memcpy(place, chunk->payload.at, bytes);
    }
    note_arrival(slot, set, chunk, result);
    result->offer = FAMA_OFFER_STORED;
    uint32_t data_before = (uint32_t)__builtin_popcountll(set->have & data_mask(set));
    set->have |= UINT64_C(1) << chunk->index;
    slot->progress_ns = reassembly->now_ns;
    slot->came_bytes += bytes;
    slot->was_repaired = slot->was_repaired || chunk->key_epoch == 0;
    bool is_enough = (uint32_t)__builtin_popcountll(set->have) >= set->data_chunks;
    if (data_before < set->data_chunks && is_enough &&
        (set->have & data_mask(set)) != data_mask(set) &&
        !fama_set_decode(reassembly, slot, chunk->set)) {
        refuse_set(reassembly, slot, set, result);
        return;
    }
    slot->data_count += (uint32_t)__builtin_popcountll(set->have & data_mask(set)) - data_before;
    if (slot->data_count == slot->geometry.chunks) {
        complete(reassembly, slot, result);
    }
}

/* A chunk whose root is not known yet: has it wait, unless that root could not be entered anyway. */
static void hold(struct fama_reassembly *reassembly, const struct fama_view_channel *channel,
                 const struct fama_chunk *chunk, const struct fama_slot *slot, void *packet,
                 struct fama_offer_result *result)
{
    if (slot != NULL && slot->origin != chunk->origin &&
        !fama_slot_is_stuck(slot, reassembly->now_ns) &&
        fama_slot_is_sole(reassembly, channel->index, channel->tag, chunk->block)) {
        result->drop = FAMA_DROP_ROOT_CONFLICT;
        return;
    }
    if (packet == NULL) {
        result->drop = FAMA_DROP_SOURCE_BUDGET;
        return;
    }
    const struct fama_root root = root_of(channel, chunk, result->root);
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

/* The root that an opened chunk leads to. The chunks of a set come one after the other: all but the first find
 * most of their way up in the tree that the one before has left behind. */
static void climb(struct fama_reassembly *reassembly, const struct fama_chunk *chunk,
                  const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], uint8_t root[FAMA_MERKLE_NODE_BYTES])
{
    uint32_t leaves = (uint32_t)chunk->data_chunks + chunk->parity_chunks;
    struct fama_merkle_known *climbed = &reassembly->climbed;
    if (climbed->leaf_count != leaves ||
        !fama_merkle_known_accept(climbed, chunk->index, leaf, chunk->proof)) {
        fama_merkle_climb_from_leaf(leaf, chunk->index, leaves, chunk->proof,
                                    reassembly->climbed_root);
        fama_merkle_known_start(climbed, leaves, reassembly->climbed_root);
        (void)fama_merkle_known_accept(climbed, chunk->index, leaf, chunk->proof);
    }
    memcpy(root, reassembly->climbed_root, FAMA_MERKLE_NODE_BYTES);
}

void fama_reassembly_offer(struct fama_reassembly *reassembly, uint64_t now_ns,
                           const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                           const uint8_t leaf[FAMA_MERKLE_NODE_BYTES], void *packet,
                           struct fama_offer_result *result)
{
    reassembly->now_ns = now_ns;
    result->offer = FAMA_OFFER_DROPPED;
    /* Much may have happened since the chunk was given its place: it is judged anew. */
    struct fama_slot *slot = slot_of(reassembly, channel, chunk);
    result->drop = judge(reassembly, channel, chunk, slot);
    if (result->drop == FAMA_DROP_NONE &&
        chunk->payload.len != fama_wire_chunk_payload_bytes(chunk)) {
        result->drop = FAMA_DROP_CHUNK_GEOMETRY;
    }
    if (result->drop != FAMA_DROP_NONE) {
        return;
    }
    struct fama_set_state *set = known_set(slot, chunk);
    if (set != NULL) {
        if (fama_merkle_known_accept(&slot->known[chunk->set], chunk->index, leaf, chunk->proof)) {
            if (is_needed(slot, set, chunk)) {
                store(reassembly, slot, chunk, result);
            } else {
                note_arrival(slot, set, chunk, result);
                result->offer = FAMA_OFFER_LATE;
            }
            if (result->offer != FAMA_OFFER_DROPPED) {
                result->onward = find_way_on(reassembly, channel, slot, chunk, packet, result);
            }
            return;
        }
        bool is_over = slot->state != FAMA_SLOT_FILLING;
        if (is_over || (slot->is_contested && !fama_slot_is_stuck(slot, now_ns))) {
            result->drop = FAMA_DROP_ROOT_CONFLICT;
            return;
        }
    }
    climb(reassembly, chunk, leaf, result->root);
    if (set != NULL && memcmp(set->root, result->root, sizeof(set->root)) == 0) {
        /* The root has been verified, and yet this is no chunk of a tree as we build it. */
        refuse_set(reassembly, slot, set, result);
        return;
    }
    hold(reassembly, channel, chunk, slot, packet, result);
}

/* ---- The commit thread's answer ---- */

void fama_reassembly_return(struct fama_reassembly *reassembly, uint64_t now_ns,
                            uint32_t slot_index, bool accepted)
{
    reassembly->now_ns = now_ns;
    if (slot_index >= reassembly->limits.slots ||
        reassembly->slots[slot_index].state != FAMA_SLOT_WHOLE) {
        return;
    }
    struct fama_slot *slot = &reassembly->slots[slot_index];
    if (accepted) {
        fama_slot_finish(reassembly, slot);
        return;
    }
    if (!slot->is_mixed) {
        blame_liar(reassembly, slot->origin);
        fama_slot_free(reassembly, slot);
        return;
    }
    struct fama_channel_memory *memory =
        fama_channel_memory(reassembly, slot->channel_index, slot->channel);
    memory->has_sole_block = true;
    memory->sole_block = slot->block;
    fama_slot_free(reassembly, slot);
}
