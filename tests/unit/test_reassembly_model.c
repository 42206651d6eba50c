/* Reassembly against a naive reference: thousands of random operations, after each of which both must
 * say the same. The reference keeps plain lists, looks at everything each time, and knows what each chunk
 * is instead of hashing and decoding it. Time stands nearly still, so that nothing gets stuck; what happens
 * then is tested on its own. */
#include "dataplane/reassembly.h"

#include "dataplane/fanout.h"
#include "unit/cut_block.h"
#include "unit/seed.h"
#include "unit/suite.h"

enum { CHANNELS = 2, SIGNERS = 6, SLOTS = 5, ROOTS = 6, HELD = 60, SETS = 3, PLACES = 3 };

#define BLAME_NS UINT64_C(4000)

/* What a version's bytes are; those of a polluted one are right, but its parity is not made of them. */
enum content { UNKNOWN = 0, RIGHT = 1, WRONG = 2, POLLUTED = 3 };

/* Signer 0 and 3 sign the same bytes, 1 others, 2 the same bytes in another cut; 4 is a stranger who
 * puts signer 0's name on 1's bytes; 5 signs parity that is no codeword. */
static const struct {
    uint32_t len;
    uint16_t chunk_bytes;
    uint8_t parity;
    enum content content;
    fama_tag origin;
} versions[SIGNERS] = {{5000, 64, 3, RIGHT, 10}, {5000, 64, 3, WRONG, 11},
                       {5000, 70, 1, RIGHT, 12}, {5000, 64, 3, RIGHT, 13},
                       {5000, 64, 3, WRONG, 10}, {5000, 64, 3, POLLUTED, 14}};

static struct fama_random generator;
static struct cut_block *blocks[SIGNERS];

struct packet {
    struct fama_chunk chunk;
    struct fama_bytes payload;
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    int channel;
    int signer;
    uint64_t number;
};

/* ---- The reference ---- */

enum state { FREE = 0, FILLING, WHOLE, DONE };

struct model_signer {
    int signer;
    uint32_t key_epoch;
    bool has_come[FAMA_SET_CHUNKS_MAX];
};

struct model_set {
    enum content content; /* UNKNOWN: no root yet */
    uint32_t signer_count;
    struct model_signer signers[PLACES];
    bool have[FAMA_SET_CHUNKS_MAX];
};

struct model_slot {
    enum state state;
    bool is_contested, is_mixed;
    int channel;
    uint64_t number;
    int cut; /* chunk bytes */
    fama_tag origin;
    uint64_t done_ns;
    struct model_set sets[SETS];
};

struct model_root {
    bool is_used;
    int channel, signer;
    uint64_t number;
    uint32_t set;
    uint32_t key_epoch;
    uint32_t ticket;
    uint32_t held;
    struct packet *packets[FAMA_SET_CHUNKS_MAX];
};

struct model {
    uint64_t next[CHANNELS];
    uint64_t horizon[CHANNELS];
    bool has_sole[CHANNELS];
    uint64_t sole[CHANNELS];
    uint64_t blamed_until[SIGNERS]; /* by signer */
    fama_tag steady[CHANNELS];      /* origin; 0: none */
    struct model_slot slots[SLOTS];
    struct model_root roots[ROOTS];
    uint64_t now_ns;
};

static bool is_in_use(const struct model_slot *slot)
{
    return slot->state == FILLING || slot->state == WHOLE;
}

/* Of a block that the ledger has, also the slot that is done with it. */
static struct model_slot *model_find(struct model *model, int channel, uint64_t number)
{
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        bool is_one = is_in_use(slot) || (slot->state == DONE && number < model->next[channel]);
        if (is_one && slot->channel == channel && slot->number == number) {
            return slot;
        }
    }
    return NULL;
}

static struct model_slot *model_choose(struct model *model, uint64_t distance)
{
    struct model_slot *farthest = NULL;
    struct model_slot *useless = NULL;
    struct model_slot *fresh = NULL;
    struct model_slot *oldest = NULL;
    uint64_t farthest_distance = 0;
    int ahead = 0;
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        if (slot->state == FREE) {
            fresh = fresh == NULL ? slot : fresh;
        } else if (slot->state == DONE) {
            oldest = oldest == NULL || slot->done_ns < oldest->done_ns ? slot : oldest;
        } else if (slot->state == FILLING && slot->number < model->next[slot->channel]) {
            useless = slot;
        } else if (slot->number > model->next[slot->channel]) {
            uint64_t its = slot->number - model->next[slot->channel];
            ahead++;
            if (slot->state == FILLING && its > farthest_distance) {
                farthest = slot;
                farthest_distance = its;
            }
        }
    }
    struct model_slot *idle = useless != NULL ? useless : fresh != NULL ? fresh : oldest;
    if (idle != NULL && (distance == 0 || ahead < SLOTS - 1)) {
        return idle;
    }
    return farthest_distance > distance ? farthest : NULL;
}

static bool model_is_sole(const struct model *model, int channel, uint64_t number)
{
    return model->has_sole[channel] && model->sole[channel] == number;
}

static bool model_is_blamed(const struct model *model, fama_tag origin)
{
    for (int i = 0; i < SIGNERS; i++) {
        if (versions[i].origin == origin && model->now_ns < model->blamed_until[i]) {
            return true;
        }
    }
    return false;
}

static struct model_root *model_root(struct model *model, const struct packet *packet)
{
    for (int i = 0; i < ROOTS; i++) {
        struct model_root *root = &model->roots[i];
        if (root->is_used && root->channel == packet->channel && root->signer == packet->signer &&
            root->number == packet->number && root->set == packet->chunk.set &&
            root->key_epoch == packet->chunk.key_epoch) {
            return root;
        }
    }
    return NULL;
}

static enum fama_offer model_hold(struct model *model, struct packet *packet, enum fama_drop *drop,
                                  struct model_root **where)
{
    uint32_t held = 0;
    struct model_root *free_root = NULL;
    for (int i = 0; i < ROOTS; i++) {
        held += model->roots[i].is_used ? model->roots[i].held : 0;
        free_root = model->roots[i].is_used ? free_root : &model->roots[i];
    }
    struct model_root *root = model_root(model, packet);
    for (uint32_t i = 0; root != NULL && i < root->held; i++) {
        if (root->packets[i]->chunk.index == packet->chunk.index) {
            *drop = FAMA_DROP_CHUNK_DUPLICATE;
            return FAMA_OFFER_DROPPED;
        }
    }
    if (root == NULL && free_root == NULL) {
        *drop = FAMA_DROP_ROOTS_FULL;
        return FAMA_OFFER_DROPPED;
    }
    if (held == HELD) {
        *drop = FAMA_DROP_HELD_FULL;
        return FAMA_OFFER_DROPPED;
    }
    *where = root;
    if (root == NULL) {
        *free_root = (struct model_root){.is_used = true,
                                         .channel = packet->channel,
                                         .signer = packet->signer,
                                         .number = packet->number,
                                         .set = packet->chunk.set,
                                         .key_epoch = packet->chunk.key_epoch};
        *where = free_root;
    }
    (*where)->packets[(*where)->held++] = packet;
    return root == NULL ? FAMA_OFFER_VERIFY : FAMA_OFFER_HELD;
}

static void model_blame(struct model *model, fama_tag origin)
{
    for (int i = 0; i < SIGNERS; i++) {
        if (versions[i].origin == origin) {
            model->blamed_until[i] = model->now_ns + BLAME_NS;
        }
    }
}

static uint32_t count_of(const bool *have, uint32_t bound)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bound; i++) {
        count += have[i];
    }
    return count;
}

static uint32_t model_data_missing(const struct model_slot *slot, uint32_t set)
{
    uint32_t data = cut_block_data(blocks[slot->cut == 64 ? 0 : 2], set);
    return data - count_of(slot->sets[set].have, data);
}

static struct model_signer *model_signer(struct model_set *set, fama_tag origin)
{
    for (uint32_t i = 0; i < set->signer_count; i++) {
        if (versions[set->signers[i].signer].origin == origin) {
            return &set->signers[i];
        }
    }
    return NULL;
}

static bool model_may_sign(const struct model *model, int channel, struct model_set *set,
                           int signer, uint32_t key_epoch)
{
    fama_tag origin = versions[signer].origin;
    fama_tag steady = model->steady[channel];
    bool is_one_kept = steady != 0 && steady != origin && model_signer(set, steady) == NULL;
    const struct model_signer *known = model_signer(set, origin);
    if (key_epoch == 0 || model_is_blamed(model, origin)) {
        return false;
    }
    return known != NULL ? known->key_epoch < key_epoch : set->signer_count + is_one_kept < PLACES;
}

static void model_sign(struct model_set *set, int signer, uint32_t key_epoch)
{
    struct model_signer *known = model_signer(set, versions[signer].origin);
    known = known != NULL ? known : &set->signers[set->signer_count++];
    *known = (struct model_signer){.signer = signer, .key_epoch = key_epoch};
}

static bool model_may_pass_on(const struct model *model, struct model_set *set,
                              const struct packet *packet)
{
    const struct model_signer *known = model_signer(set, versions[packet->signer].origin);
    if (known != NULL && known->key_epoch == packet->chunk.key_epoch) {
        return known->key_epoch != 0 && !known->has_come[packet->chunk.index];
    }
    return model_may_sign(model, packet->channel, set, packet->signer, packet->chunk.key_epoch);
}

static bool has_brought_most(struct model_slot *slot, fama_tag origin)
{
    const struct cut_block *block = blocks[slot->cut == 64 ? 0 : 2];
    uint32_t brought = 0;
    uint32_t all = 0;
    for (uint32_t set = 0; set < SETS; set++) {
        const struct model_signer *signer = model_signer(&slot->sets[set], origin);
        brought += signer != NULL ? count_of(signer->has_come, FAMA_SET_CHUNKS_MAX) : 0;
        all += cut_block_count(block, set);
    }
    return 2 * brought >= all;
}

/* When a slot is taken again that was done: who brought most of its last block is steady from now on. */
static void model_note_origin(struct model *model, struct model_slot *slot)
{
    fama_tag *steady = &model->steady[slot->channel];
    if (*steady != 0 && has_brought_most(slot, *steady)) {
        return;
    }
    for (uint32_t i = 0; i < slot->sets[0].signer_count; i++) {
        fama_tag origin = versions[slot->sets[0].signers[i].signer].origin;
        if (has_brought_most(slot, origin)) {
            *steady = origin;
            return;
        }
    }
}

static enum fama_offer model_store(struct model *model, struct model_slot *slot,
                                   const struct packet *packet, enum fama_drop *drop)
{
    struct model_set *set = &slot->sets[packet->chunk.set];
    uint32_t data = packet->chunk.data_chunks;
    set->have[packet->chunk.index] = true;
    if (model_data_missing(slot, packet->chunk.set) > 0 &&
        count_of(set->have, FAMA_SET_CHUNKS_MAX) >= data) {
        if (set->content == POLLUTED) {
            for (uint32_t i = 0; i < set->signer_count; i++) {
                model_blame(model, versions[set->signers[i].signer].origin);
            }
            slot->state = FREE;
            *drop = FAMA_DROP_SET_POLLUTED;
            return FAMA_OFFER_DROPPED;
        }
        for (uint32_t i = 0; i < data; i++) {
            set->have[i] = true;
        }
    }
    for (uint32_t i = 0; i < SETS; i++) {
        if (model_data_missing(slot, i) > 0) {
            return FAMA_OFFER_STORED;
        }
    }
    slot->state = WHOLE;
    return FAMA_OFFER_COMPLETE;
}

static enum fama_offer model_offer(struct model *model, struct packet *packet, enum fama_drop *drop,
                                   struct model_root **where)
{
    uint64_t next = model->next[packet->channel];
    struct model_slot *slot = model_find(model, packet->channel, packet->number);
    fama_tag origin = versions[packet->signer].origin;
    bool is_same_cut = slot != NULL && slot->cut == versions[packet->signer].chunk_bytes;
    struct model_set *set = is_same_cut ? &slot->sets[packet->chunk.set] : NULL;
    set = set != NULL && set->content != UNKNOWN ? set : NULL;
    bool is_over = slot != NULL && slot->state != FILLING;
    bool is_needed = !is_over && (set == NULL || !set->have[packet->chunk.index]);
    bool is_for_others = set != NULL && model_may_pass_on(model, set, packet);
    bool is_same = set != NULL && set->content == versions[packet->signer].content;
    *drop = FAMA_DROP_NONE;
    if (packet->number < next && !(is_over && is_for_others)) {
        *drop = FAMA_DROP_CHUNK_STALE;
    } else if (packet->number >= next && packet->number - next >= SLOTS) {
        *drop = FAMA_DROP_CHUNK_AHEAD;
    } else if (!is_needed && !is_for_others) {
        *drop = FAMA_DROP_CHUNK_DUPLICATE;
    } else if (slot != NULL && !is_same_cut && slot->is_contested) {
        *drop = FAMA_DROP_ROOT_CONFLICT;
    } else if (slot == NULL && model_choose(model, packet->number - next) == NULL) {
        *drop = FAMA_DROP_SLOTS_FULL;
    } else if (!is_over && model_is_blamed(model, origin)) {
        *drop = FAMA_DROP_ORIGIN_BLAMED;
    } else if (is_same && is_needed) {
        return model_store(model, slot, packet, drop);
    } else if (is_same) {
        return FAMA_OFFER_LATE;
    } else if (is_over || (set != NULL && slot->is_contested) ||
               (slot != NULL && slot->origin != origin &&
                model_is_sole(model, packet->channel, packet->number))) {
        *drop = FAMA_DROP_ROOT_CONFLICT;
    } else {
        return model_hold(model, packet, drop, where);
    }
    return FAMA_OFFER_DROPPED;
}

/* A good chunk's way on. */
static enum fama_onward model_onward(struct model *model, struct packet *packet,
                                     enum fama_drop *drop, struct model_root **where)
{
    struct model_set *set =
        &model_find(model, packet->channel, packet->number)->sets[packet->chunk.set];
    struct model_signer *known = model_signer(set, versions[packet->signer].origin);
    if (packet->chunk.key_epoch == 0) {
        return FAMA_ONWARD_NO;
    }
    if (known != NULL && known->key_epoch == packet->chunk.key_epoch) {
        bool is_alike = known->signer == packet->signer;
        known->has_come[packet->chunk.index] |= is_alike;
        return is_alike ? FAMA_ONWARD_YES : FAMA_ONWARD_NO;
    }
    if (packet->chunk.hops == 0 ||
        !model_may_sign(model, packet->channel, set, packet->signer, packet->chunk.key_epoch)) {
        return FAMA_ONWARD_NO;
    }
    switch (model_hold(model, packet, drop, where)) {
    case FAMA_OFFER_VERIFY:
        return FAMA_ONWARD_VERIFY;
    case FAMA_OFFER_HELD:
        return FAMA_ONWARD_HELD;
    default:
        return FAMA_ONWARD_NO;
    }
}

static void model_admit(struct model *model, const struct model_root *root)
{
    uint64_t next = model->next[root->channel];
    fama_tag origin = versions[root->signer].origin;
    enum content content = versions[root->signer].content;
    int cut = versions[root->signer].chunk_bytes;
    struct model_slot *slot = model_find(model, root->channel, root->number);
    if (slot != NULL && slot->cut == cut && slot->sets[root->set].content == content) {
        if (model_may_sign(model, root->channel, &slot->sets[root->set], root->signer,
                           root->key_epoch)) {
            model_sign(&slot->sets[root->set], root->signer, root->key_epoch);
        }
        return;
    }
    if (root->number < next || model_is_blamed(model, origin)) {
        return;
    }
    if (root->number >= model->horizon[root->channel]) {
        model->horizon[root->channel] = root->number + 1;
    }
    if (slot != NULL && slot->state == WHOLE) {
        return;
    }
    if (slot != NULL && (slot->cut != cut || (slot->sets[root->set].content != UNKNOWN &&
                                              slot->sets[root->set].content != content))) {
        slot->is_contested = true;
        return;
    }
    if (slot == NULL) {
        slot = model_choose(model, root->number - next);
        if (slot == NULL) {
            return;
        }
        if (slot->state == DONE) {
            model_note_origin(model, slot);
        }
        *slot = (struct model_slot){.state = FILLING,
                                    .channel = root->channel,
                                    .number = root->number,
                                    .cut = cut,
                                    .origin = origin};
    }
    if (slot->sets[root->set].content == UNKNOWN &&
        !(slot->origin != origin && model_is_sole(model, root->channel, root->number))) {
        slot->sets[root->set].content = content;
        model_sign(&slot->sets[root->set], root->signer, root->key_epoch);
        slot->is_mixed = slot->is_mixed || slot->origin != origin;
    }
}

/* ---- Both side by side ---- */

struct pair {
    struct fama_reassembly *real;
    struct fama_view *view;
    struct fama_channel_gate gates[CHANNELS];
    struct model model;
    struct fama_assembled whole[SLOTS];
    uint32_t whole_count;
    uint32_t outcomes[FAMA_DROP_COUNT + 8]; /* how often each thing happened */
    uint32_t ways[4];                       /* onward */
    uint32_t evictions, refusals, mixed_refusals;
};

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static void check_whole(struct pair *pair, const struct fama_assembled *block)
{
    const struct model_slot *slot = model_find(&pair->model, block->channel, block->number);
    CU_ASSERT_FATAL(slot != NULL && slot->state == WHOLE && pair->whole_count < SLOTS);
    CU_ASSERT_EQUAL_FATAL(block->origin, slot->origin);
    CU_ASSERT_EQUAL_FATAL(block->len, 5000);
    uint32_t set_bytes = (uint32_t)slot->cut * FAMA_SET_CHUNKS;
    for (uint32_t set = 0; set * set_bytes < block->len; set++) {
        uint32_t left = block->len - set * set_bytes;
        const struct cut_block *expected = blocks[slot->sets[set].content == WRONG ? 1 : 0];
        CU_ASSERT_EQUAL_FATAL(memcmp(block->at + set * set_bytes, expected->bytes + set * set_bytes,
                                     left < set_bytes ? left : set_bytes),
                              0);
    }
    pair->whole[pair->whole_count++] = *block;
}

/* Whether the packet waits for a verdict. */
static bool offer(struct pair *pair, struct packet *packet)
{
    struct fama_offer_result result;
    struct model_root *where = NULL;
    enum fama_drop drop;
    pair->model.now_ns++;
    enum fama_offer expected = model_offer(&pair->model, packet, &drop, &where);
    enum fama_onward onward = FAMA_ONWARD_NO;
    if (expected == FAMA_OFFER_STORED || expected == FAMA_OFFER_COMPLETE ||
        expected == FAMA_OFFER_LATE) {
        enum fama_drop not_held = FAMA_DROP_NONE;
        onward = model_onward(&pair->model, packet, &not_held, &where);
        if (expected == FAMA_OFFER_LATE && not_held == FAMA_DROP_CHUNK_DUPLICATE) {
            expected = FAMA_OFFER_DROPPED;
            drop = not_held;
        }
    }
    uint8_t *room;
    uint8_t leaf[1][FAMA_MERKLE_NODE_BYTES];
    const struct fama_view_channel *channel = &pair->view->channels[packet->channel];
    packet->chunk.payload = packet->payload;
    enum fama_drop judged =
        fama_reassembly_place(pair->real, pair->model.now_ns, channel, &packet->chunk, &room);
    CU_ASSERT_FATAL(judged == FAMA_DROP_NONE ||
                    (room == NULL && expected == FAMA_OFFER_DROPPED && judged == drop));
    if (room != NULL) {
        memcpy(room, packet->payload.at, packet->payload.len);
        packet->chunk.payload.at = room;
    }
    fama_merkle_leaves(&packet->chunk.payload, 1, leaf);
    fama_reassembly_offer(pair->real, pair->model.now_ns, channel, &packet->chunk, leaf[0], packet,
                          &result);
    if (result.offer != expected || result.drop != drop) {
        fprintf(stderr, "model %d/%s, real %d/%s\n", expected, drop ? fama_drop_name(drop) : "-",
                result.offer, result.drop ? fama_drop_name(result.drop) : "-");
    }
    CU_ASSERT_EQUAL_FATAL(result.offer, expected);
    if (expected == FAMA_OFFER_DROPPED) {
        CU_ASSERT_EQUAL_FATAL(result.drop, drop);
    }
    pair->outcomes[expected == FAMA_OFFER_DROPPED ? drop : FAMA_DROP_COUNT + expected]++;
    bool is_asked_for = expected == FAMA_OFFER_VERIFY;
    bool waits = is_asked_for || expected == FAMA_OFFER_HELD;
    if (!waits && expected != FAMA_OFFER_DROPPED) {
        CU_ASSERT_EQUAL_FATAL(result.onward, onward);
        pair->ways[onward]++;
        is_asked_for = onward == FAMA_ONWARD_VERIFY;
        waits = is_asked_for || onward == FAMA_ONWARD_HELD;
    }
    if (is_asked_for) {
        where->ticket = result.root_ticket;
    } else if (waits) {
        CU_ASSERT_EQUAL_FATAL(where->ticket, result.root_ticket);
    } else {
        free(packet);
    }
    if (expected == FAMA_OFFER_COMPLETE) {
        check_whole(pair, &result.assembled);
    }
    return waits;
}

static uint32_t chunk_count(int signer)
{
    uint32_t count = 0;
    for (uint32_t set = 0; set < SETS; set++) {
        count += cut_block_count(blocks[signer], set);
    }
    return count;
}

/* Chunk `at` of all of the block's, set by set, parity included. */
static void send_chunk(struct pair *pair, int channel, uint64_t number, int signer, uint32_t at)
{
    uint32_t set = 0;
    for (; at >= cut_block_count(blocks[signer], set); set++) {
        at -= cut_block_count(blocks[signer], set);
    }
    struct packet *packet = calloc(1, sizeof(*packet));
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    cut_block_set_chunk(blocks[signer], set, at, &packet->chunk, packet->proof);
    packet->chunk.block = number;
    packet->chunk.key_epoch = below(8) > 0;
    packet->chunk.hops = below(16) > 0;
    packet->payload = packet->chunk.payload;
    packet->channel = channel;
    packet->signer = signer;
    packet->number = number;
    (void)offer(pair, packet);
}

static uint32_t used_slots(const struct model *model)
{
    uint32_t used = 0;
    for (int i = 0; i < SLOTS; i++) {
        used += is_in_use(&model->slots[i]);
    }
    return used;
}

static void judge(struct pair *pair, uint32_t which)
{
    struct model_root *waiting = &pair->model.roots[which % ROOTS];
    if (!waiting->is_used) {
        return;
    }
    struct model_root root = *waiting;
    waiting->is_used = false;
    bool is_good = root.signer != 4;
    void *packets[FAMA_SET_CHUNKS_MAX];
    uint32_t count = fama_reassembly_verdict(pair->real, root.ticket, is_good, packets);
    CU_ASSERT_EQUAL_FATAL(count, root.held);
    CU_ASSERT_EQUAL_FATAL(memcmp(packets, root.packets, count * sizeof(packets[0])), 0);
    if (is_good) {
        uint32_t before = used_slots(&pair->model);
        bool was_there = model_find(&pair->model, root.channel, root.number) != NULL;
        model_admit(&pair->model, &root);
        bool is_there = model_find(&pair->model, root.channel, root.number) != NULL;
        pair->evictions += is_there && !was_there && used_slots(&pair->model) == before;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_good) {
            CU_ASSERT_FATAL(!offer(pair, packets[i]));
        } else {
            free(packets[i]);
        }
    }
}

static void give_back(struct pair *pair)
{
    if (pair->whole_count == 0) {
        return;
    }
    uint32_t which = below(pair->whole_count);
    struct fama_assembled block = pair->whole[which];
    struct model *model = &pair->model;
    struct model_slot *slot = model_find(model, block.channel, block.number);
    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    if (block.number > model->next[block.channel]) {
        return; /* the ledger takes blocks in order */
    }
    pair->whole[which] = pair->whole[--pair->whole_count];
    bool is_accepted = true;
    for (int set = 0; set < SETS; set++) {
        is_accepted = is_accepted && slot->sets[set].content != WRONG;
    }
    model->now_ns++;
    if (is_accepted && model->next[block.channel] == block.number) {
        model->next[block.channel]++;
        atomic_store(&pair->gates[block.channel].next_block, model->next[block.channel]);
    }
    slot->state = is_accepted ? DONE : FREE;
    slot->done_ns = model->now_ns;
    if (!is_accepted && slot->is_mixed) {
        model->has_sole[block.channel] = true;
        model->sole[block.channel] = block.number;
        pair->mixed_refusals++;
    } else if (!is_accepted) {
        model_blame(model, slot->origin);
        pair->refusals++;
    }
    fama_reassembly_return(pair->real, model->now_ns, block.slot, is_accepted);
}

/* Every stalled block once: just those that are filling, each with just what it lacks. */
static void look_for_gaps(struct pair *pair)
{
    struct model *model = &pair->model;
    struct fama_gap gap;
    bool was_reported[SLOTS] = {false};
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        if (slot->state == FILLING && slot->number < model->next[slot->channel]) {
            slot->state = FREE;
        }
    }
    model->now_ns += 10;
    while (fama_reassembly_gap(pair->real, model->now_ns, 1, pair->view, &gap)) {
        struct model_slot *slot = model_find(model, gap.channel, gap.block);
        CU_ASSERT_FATAL(slot != NULL && slot->state == FILLING && gap.cut.chunk_bytes == slot->cut);
        CU_ASSERT_FATAL(!was_reported[slot - model->slots]);
        was_reported[slot - model->slots] = true;
        const struct cut_block *block = blocks[slot->cut == 64 ? 0 : 2];
        uint32_t entry = 0;
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            uint64_t wanted = 0;
            uint32_t data = cut_block_data(block, set);
            uint32_t count = count_of(slot->sets[set].have, FAMA_SET_CHUNKS_MAX);
            for (uint32_t i = 0; i < data && count < data; i++) {
                wanted |= (uint64_t)!slot->sets[set].have[i] << i;
                count += !slot->sets[set].have[i];
            }
            if (wanted != 0) {
                CU_ASSERT_FATAL(entry < gap.count && gap.entries[entry].set == set);
                CU_ASSERT_EQUAL_FATAL(gap.entries[entry].wanted, wanted);
                entry++;
            }
        }
        CU_ASSERT_EQUAL_FATAL(gap.count, entry);
    }
    for (int i = 0; i < SLOTS; i++) {
        const struct model_slot *slot = &model->slots[i];
        CU_ASSERT_EQUAL_FATAL(was_reported[i], slot->state == FILLING);
    }
}

static void check_state(const struct pair *pair)
{
    for (int c = 0; c < CHANNELS; c++) {
        uint64_t first = pair->model.next[c] > 2 ? pair->model.next[c] - 2 : 0;
        uint64_t present = 0;
        for (int i = 0; i < SLOTS; i++) {
            const struct model_slot *slot = &pair->model.slots[i];
            if (is_in_use(slot) && slot->channel == c && slot->number >= first) {
                present |= UINT64_C(1) << (slot->number - first);
            }
        }
        CU_ASSERT_EQUAL_FATAL(fama_reassembly_present(pair->real, (uint16_t)c, first), present);
        CU_ASSERT_EQUAL_FATAL(fama_reassembly_horizon(pair->real, (uint16_t)c),
                              pair->model.horizon[c]);
    }
}

static void random_step(struct pair *pair)
{
    int channel = (int)below(CHANNELS);
    uint64_t next = pair->model.next[channel];
    uint64_t number = next + below(SLOTS + 2);
    number = below(20) == 0 && next > 0 ? next - 1 : number;
    /* Mostly the honest, mostly what is next: else hardly a block would get whole. */
    int signer = below(2) > 0 ? 0 : (int)below(SIGNERS);
    number = below(2) == 0 ? next : number;
    uint32_t chunks = chunk_count(signer);
    switch (below(24)) {
    case 0:
    case 1: {
        uint32_t from = below(chunks);
        uint32_t count = below(2) == 0 ? chunks : 1 + below(chunks);
        for (uint32_t i = 0; i < count; i++) {
            send_chunk(pair, channel, number, signer, (from + i) % chunks);
            if (below(10) == 0) {
                judge(pair, below(ROOTS));
            }
        }
        break;
    }
    case 2:
        give_back(pair);
        break;
    case 3:
        look_for_gaps(pair);
        break;
    case 4:
        /* The ledger gets a block otherwise. */
        if (below(20) == 0) {
            pair->model.next[channel]++;
            atomic_store(&pair->gates[channel].next_block, pair->model.next[channel]);
        }
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        judge(pair, below(ROOTS));
        break;
    default:
        send_chunk(pair, channel, number, signer, below(chunks));
        break;
    }
    check_state(pair);
}

static void set_up(struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    struct fama_reassembly_limits limits = {.slots = SLOTS,
                                            .block_bytes_max = 1 << 17,
                                            .roots_max = ROOTS,
                                            .held_max = HELD,
                                            .blame_ns = BLAME_NS};
    pair->model.now_ns = 1000;
    pair->real = fama_reassembly_create(&limits);
    pair->view = fama_view_create(0, CHANNELS);
    CU_ASSERT_FATAL(pair->real != NULL && pair->view != NULL);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        pair->view->channels[i].tag = i + 1U;
        pair->view->channels[i].index = (uint16_t)i;
        pair->view->channels[i].gate = &pair->gates[i];
    }
    CU_ASSERT_FATAL(fama_view_seal(pair->view));
    for (int i = 0; i < SIGNERS; i++) {
        blocks[i] = cut_block_make_with_parity(0, versions[i].len, versions[i].chunk_bytes,
                                               versions[i].parity, versions[i].origin,
                                               versions[i].content == WRONG ? 2 : 1);
        CU_ASSERT_EQUAL_FATAL(blocks[i]->geometry.sets, SETS);
        for (uint32_t set = 0; set < SETS && versions[i].content == POLLUTED; set++) {
            cut_block_parity_at(blocks[i], set, below(3))[below(64)] ^= 1;
            cut_block_build_tree(blocks[i], set);
        }
        blocks[i]->signature[FAMA_SIGNATURE_BYTES - 1] = (uint8_t)i;
    }
}

static void tear_down(struct pair *pair)
{
    for (uint32_t i = 0; i < ROOTS; i++) {
        judge(pair, i);
    }
    fama_reassembly_destroy(pair->real);
    fama_view_destroy(pair->view);
    for (int i = 0; i < SIGNERS; i++) {
        cut_block_free(blocks[i]);
    }
}

static void test_it_does_what_a_naive_reference_does(void)
{
    struct pair pair;
    set_up(&pair);
    for (uint32_t i = 0; i < 150000; i++) {
        random_step(&pair);
    }
    printf("\n    blocks %llu + %llu, evictions %u, refusals %u, of several signers %u;",
           (unsigned long long)pair.model.next[0], (unsigned long long)pair.model.next[1],
           pair.evictions, pair.refusals, pair.mixed_refusals);
    /* A random test that never gets anywhere shows nothing: everything must have happened. */
    static const uint32_t outcomes[] = {
        FAMA_DROP_CHUNK_STALE,
        FAMA_DROP_CHUNK_AHEAD,
        FAMA_DROP_CHUNK_DUPLICATE,
        FAMA_DROP_ROOT_CONFLICT,
        FAMA_DROP_ROOTS_FULL,
        FAMA_DROP_SLOTS_FULL,
        FAMA_DROP_HELD_FULL,
        FAMA_DROP_ORIGIN_BLAMED,
        FAMA_DROP_SET_POLLUTED,
        FAMA_DROP_COUNT + FAMA_OFFER_STORED,
        FAMA_DROP_COUNT + FAMA_OFFER_COMPLETE,
        FAMA_DROP_COUNT + FAMA_OFFER_HELD,
        FAMA_DROP_COUNT + FAMA_OFFER_VERIFY,
        FAMA_DROP_COUNT + FAMA_OFFER_LATE,
    };
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        printf(" %u:%u", outcomes[i], pair.outcomes[outcomes[i]]);
        CU_ASSERT(pair.outcomes[outcomes[i]] > 10);
    }
    for (size_t i = 0; i < sizeof(pair.ways) / sizeof(pair.ways[0]); i++) {
        printf(" onward %zu:%u", i, pair.ways[i]);
        CU_ASSERT(pair.ways[i] > 10);
    }
    CU_ASSERT(pair.evictions > 10 && pair.refusals > 0 && pair.mixed_refusals > 0);
    tear_down(&pair);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("reassembly model"));
    static const struct test_case cases[] = {TEST(test_it_does_what_a_naive_reference_does)};
    return run_suite("reassembly model", cases, sizeof(cases) / sizeof(cases[0]));
}
