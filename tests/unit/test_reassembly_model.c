/* Reassembly against a naive reference: thousands of random operations, after each of which both must
 * say the same. The reference keeps plain lists, looks at everything each time, and knows what each chunk
 * is instead of hashing it. Time stands nearly still, so that nothing gets stuck; what happens then is
 * tested on its own. */
#include "dataplane/reassembly.h"

#include "dataplane/fanout.h"
#include "unit/cut_block.h"
#include "unit/seed.h"
#include "unit/suite.h"

enum { CHANNELS = 2, SIGNERS = 5, SLOTS = 5, ROOTS = 4, HELD = 60, CHUNKS_MAX = 80, SETS_MAX = 2 };

#define BLAME_NS UINT64_C(4000)

/* Signer 0 and 3 sign the same bytes, 1 others, 2 the same bytes in another cut; 4 is a stranger who
 * puts signer 0's name on 1's bytes. */
static const struct {
    uint32_t len;
    uint16_t chunk_bytes;
    int content;
    fama_tag origin;
} versions[SIGNERS] = {
    {5000, 64, 1, 10}, {5000, 64, 2, 11}, {5000, 70, 1, 12}, {5000, 64, 1, 13}, {5000, 64, 2, 10}};

static struct fama_random generator;
static struct cut_block *blocks[SIGNERS];

struct packet {
    struct fama_chunk chunk;
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    int channel;
    int signer;
    uint64_t number;
    uint32_t at; /* which chunk of the block */
};

/* ---- The reference ---- */

struct model_slot {
    bool is_used, is_whole, is_contested, is_mixed;
    int channel;
    uint64_t number;
    int cut; /* chunk bytes */
    fama_tag origin;
    int content[SETS_MAX]; /* whose bytes, 0: not known yet */
    bool has[CHUNKS_MAX];
};

struct model_root {
    bool is_used;
    int channel, signer;
    uint64_t number;
    uint32_t set;
    uint32_t ticket;
    uint32_t held;
    struct packet *packets[FAMA_SET_CHUNKS];
};

struct model {
    uint64_t next[CHANNELS];
    uint64_t horizon[CHANNELS];
    bool has_sole[CHANNELS];
    uint64_t sole[CHANNELS];
    uint64_t blamed_until[SIGNERS]; /* by signer */
    struct model_slot slots[SLOTS];
    struct model_root roots[ROOTS];
    uint64_t now_ns;
};

static struct model_slot *model_find(struct model *model, int channel, uint64_t number)
{
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        if (slot->is_used && slot->channel == channel && slot->number == number) {
            return slot;
        }
    }
    return NULL;
}

static struct model_slot *model_choose(struct model *model, uint64_t distance)
{
    struct model_slot *farthest = NULL;
    struct model_slot *free_slot = NULL;
    uint64_t farthest_distance = 0;
    int ahead = 0;
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        if (!slot->is_used || (!slot->is_whole && slot->number < model->next[slot->channel])) {
            free_slot = slot;
        } else if (slot->number > model->next[slot->channel]) {
            uint64_t its = slot->number - model->next[slot->channel];
            ahead++;
            if (!slot->is_whole && its > farthest_distance) {
                farthest = slot;
                farthest_distance = its;
            }
        }
    }
    if (free_slot != NULL && (distance == 0 || ahead < SLOTS - 1)) {
        return free_slot;
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
            root->number == packet->number && root->set == packet->chunk.set) {
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
        if (root->packets[i]->at == packet->at) {
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
                                         .set = packet->chunk.set};
        *where = free_root;
    }
    (*where)->packets[(*where)->held++] = packet;
    return root == NULL ? FAMA_OFFER_VERIFY : FAMA_OFFER_HELD;
}

static enum fama_offer model_store(struct model_slot *slot, const struct packet *packet)
{
    uint32_t chunks = blocks[packet->signer]->geometry.chunks;
    slot->has[packet->at] = true;
    for (uint32_t i = 0; i < chunks; i++) {
        if (!slot->has[i]) {
            return FAMA_OFFER_STORED;
        }
    }
    slot->is_whole = true;
    return FAMA_OFFER_COMPLETE;
}

static enum fama_offer model_offer(struct model *model, struct packet *packet, enum fama_drop *drop,
                                   struct model_root **where)
{
    uint64_t next = model->next[packet->channel];
    struct model_slot *slot = model_find(model, packet->channel, packet->number);
    fama_tag origin = versions[packet->signer].origin;
    int content = versions[packet->signer].content;
    bool is_same_cut = slot != NULL && slot->cut == versions[packet->signer].chunk_bytes;
    int known = is_same_cut ? slot->content[packet->chunk.set] : 0;
    *drop = FAMA_DROP_NONE;
    if (packet->number < next) {
        *drop = FAMA_DROP_CHUNK_STALE;
    } else if (packet->number - next >= SLOTS) {
        *drop = FAMA_DROP_CHUNK_AHEAD;
    } else if (slot != NULL && (slot->is_whole || (is_same_cut && slot->has[packet->at]))) {
        *drop = FAMA_DROP_CHUNK_DUPLICATE;
    } else if (slot != NULL && !is_same_cut && slot->is_contested) {
        *drop = FAMA_DROP_ROOT_CONFLICT;
    } else if (slot == NULL && model_choose(model, packet->number - next) == NULL) {
        *drop = FAMA_DROP_SLOTS_FULL;
    } else if (model_is_blamed(model, origin)) {
        *drop = FAMA_DROP_ORIGIN_BLAMED;
    } else if (known == content) {
        return model_store(slot, packet);
    } else if ((known != 0 && slot->is_contested) ||
               (slot != NULL && slot->origin != origin &&
                model_is_sole(model, packet->channel, packet->number))) {
        *drop = FAMA_DROP_ROOT_CONFLICT;
    } else {
        return model_hold(model, packet, drop, where);
    }
    return FAMA_OFFER_DROPPED;
}

static void model_admit(struct model *model, const struct model_root *root)
{
    uint64_t next = model->next[root->channel];
    fama_tag origin = versions[root->signer].origin;
    int content = versions[root->signer].content;
    int cut = versions[root->signer].chunk_bytes;
    if (root->number < next || model_is_blamed(model, origin)) {
        return;
    }
    if (root->number >= model->horizon[root->channel]) {
        model->horizon[root->channel] = root->number + 1;
    }
    struct model_slot *slot = model_find(model, root->channel, root->number);
    if (slot != NULL && slot->is_whole) {
        return;
    }
    if (slot != NULL && (slot->cut != cut ||
                         (slot->content[root->set] != 0 && slot->content[root->set] != content))) {
        slot->is_contested = true;
        return;
    }
    if (slot == NULL) {
        slot = model_choose(model, root->number - next);
        if (slot == NULL) {
            return;
        }
        *slot = (struct model_slot){.is_used = true,
                                    .channel = root->channel,
                                    .number = root->number,
                                    .cut = cut,
                                    .origin = origin};
    }
    if (slot->content[root->set] == 0 &&
        !(slot->origin != origin && model_is_sole(model, root->channel, root->number))) {
        slot->content[root->set] = content;
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
    uint32_t evictions, refusals, mixed_refusals;
};

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static void check_whole(struct pair *pair, const struct fama_assembled *block)
{
    const struct model_slot *slot = model_find(&pair->model, block->channel, block->number);
    CU_ASSERT_FATAL(slot != NULL && slot->is_whole && pair->whole_count < SLOTS);
    CU_ASSERT_EQUAL_FATAL(block->origin, slot->origin);
    CU_ASSERT_EQUAL_FATAL(block->len, 5000);
    uint32_t set_bytes = (uint32_t)slot->cut * FAMA_SET_CHUNKS;
    for (uint32_t set = 0; set * set_bytes < block->len; set++) {
        uint32_t left = block->len - set * set_bytes;
        const struct cut_block *expected = blocks[slot->content[set] == 1 ? 0 : 1];
        CU_ASSERT_EQUAL_FATAL(memcmp(block->at + set * set_bytes, expected->bytes + set * set_bytes,
                                     left < set_bytes ? left : set_bytes),
                              0);
    }
    pair->whole[pair->whole_count++] = *block;
}

static enum fama_offer offer(struct pair *pair, struct packet *packet)
{
    struct fama_offer_result result;
    struct model_root *where = NULL;
    enum fama_drop drop;
    pair->model.now_ns++;
    enum fama_offer expected = model_offer(&pair->model, packet, &drop, &where);
    fama_reassembly_offer(pair->real, pair->model.now_ns, &pair->view->channels[packet->channel],
                          &packet->chunk, packet, &result);
    if (result.offer != expected || result.drop != drop) {
        fprintf(stderr, "model %d/%s, real %d/%s\n", expected, drop ? fama_drop_name(drop) : "-",
                result.offer, result.drop ? fama_drop_name(result.drop) : "-");
    }
    CU_ASSERT_EQUAL_FATAL(result.offer, expected);
    if (expected == FAMA_OFFER_DROPPED) {
        CU_ASSERT_EQUAL_FATAL(result.drop, drop);
    }
    pair->outcomes[expected == FAMA_OFFER_DROPPED ? drop : FAMA_DROP_COUNT + expected]++;
    if (expected == FAMA_OFFER_VERIFY) {
        where->ticket = result.root_ticket;
    } else if (expected == FAMA_OFFER_HELD) {
        CU_ASSERT_EQUAL_FATAL(where->ticket, result.root_ticket);
    } else {
        free(packet);
    }
    if (expected == FAMA_OFFER_COMPLETE) {
        check_whole(pair, &result.assembled);
    }
    return expected;
}

static void send_chunk(struct pair *pair, int channel, uint64_t number, int signer, uint32_t at)
{
    struct packet *packet = calloc(1, sizeof(*packet));
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    cut_block_chunk(blocks[signer], at, &packet->chunk, packet->proof);
    packet->chunk.block = number;
    packet->channel = channel;
    packet->signer = signer;
    packet->number = number;
    packet->at = at;
    (void)offer(pair, packet);
}

static uint32_t used_slots(const struct model *model)
{
    uint32_t used = 0;
    for (int i = 0; i < SLOTS; i++) {
        used += model->slots[i].is_used;
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
    void *packets[FAMA_SET_CHUNKS];
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
            enum fama_offer result = offer(pair, packets[i]);
            CU_ASSERT_FATAL(result != FAMA_OFFER_VERIFY && result != FAMA_OFFER_HELD);
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
    bool is_accepted = slot->content[0] != 2 && slot->content[1] != 2;
    if (is_accepted && model->next[block.channel] == block.number) {
        model->next[block.channel]++;
        atomic_store(&pair->gates[block.channel].next_block, model->next[block.channel]);
    }
    slot->is_used = false;
    if (!is_accepted && slot->is_mixed) {
        model->has_sole[block.channel] = true;
        model->sole[block.channel] = block.number;
        pair->mixed_refusals++;
    } else if (!is_accepted) {
        for (int i = 0; i < SIGNERS; i++) {
            if (versions[i].origin == slot->origin) {
                model->blamed_until[i] = model->now_ns + BLAME_NS;
            }
        }
        pair->refusals++;
    }
    fama_reassembly_return(pair->real, model->now_ns, block.slot, is_accepted, BLAME_NS);
}

/* Every stalled block once: just those that are filling, each with just what it lacks. */
static void look_for_gaps(struct pair *pair)
{
    struct model *model = &pair->model;
    struct fama_gap gap;
    bool was_reported[SLOTS] = {false};
    for (int i = 0; i < SLOTS; i++) {
        struct model_slot *slot = &model->slots[i];
        if (slot->is_used && !slot->is_whole && slot->number < model->next[slot->channel]) {
            slot->is_used = false;
        }
    }
    model->now_ns += 10;
    while (fama_reassembly_gap(pair->real, model->now_ns, 1, pair->view, &gap)) {
        struct model_slot *slot = model_find(model, gap.channel, gap.block);
        CU_ASSERT_FATAL(slot != NULL && !slot->is_whole && gap.chunk_bytes == slot->cut);
        CU_ASSERT_FATAL(!was_reported[slot - model->slots]);
        was_reported[slot - model->slots] = true;
        const struct cut_block *block = blocks[slot->cut == 64 ? 0 : 2];
        uint32_t entry = 0;
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            uint64_t wanted = 0;
            for (uint32_t i = 0; i < fama_geometry_set_chunks(&block->geometry, set); i++) {
                wanted |= (uint64_t)!slot->has[set * FAMA_SET_CHUNKS + i] << i;
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
        CU_ASSERT_EQUAL_FATAL(was_reported[i], slot->is_used && !slot->is_whole);
    }
}

static void check_state(const struct pair *pair)
{
    for (int c = 0; c < CHANNELS; c++) {
        uint64_t first = pair->model.next[c] > 2 ? pair->model.next[c] - 2 : 0;
        uint64_t present = 0;
        for (int i = 0; i < SLOTS; i++) {
            const struct model_slot *slot = &pair->model.slots[i];
            if (slot->is_used && slot->channel == c && slot->number >= first) {
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
    uint32_t chunks = blocks[signer]->geometry.chunks;
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
    struct fama_reassembly_limits limits = {
        .slots = SLOTS, .block_bytes_max = 1 << 17, .roots_max = ROOTS, .held_max = HELD};
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
        blocks[i] = cut_block_make(0, versions[i].len, versions[i].chunk_bytes, versions[i].origin,
                                   (uint64_t)versions[i].content);
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
        FAMA_DROP_COUNT + FAMA_OFFER_STORED,
        FAMA_DROP_COUNT + FAMA_OFFER_COMPLETE,
        FAMA_DROP_COUNT + FAMA_OFFER_HELD,
        FAMA_DROP_COUNT + FAMA_OFFER_VERIFY,
    };
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        printf(" %u:%u", outcomes[i], pair.outcomes[outcomes[i]]);
        CU_ASSERT(pair.outcomes[outcomes[i]] > 10);
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
