/* Reassembly driven by arbitrary bytes: chunks of several signers, honest, contradicting and forged, with
 * verdicts, returns, heights and time in any order. What must hold whatever happens:
 *  - a packet is held by exactly one side, and comes back exactly once;
 *  - nothing is entered without a good verdict, and after one no chunk asks for another at once;
 *  - nothing is passed on that came with a signature without a good verdict;
 *  - a whole block has, set by set, the bytes of one of its signers, and its memory does not change until
 *    it is returned; it is offered once;
 *  - room for a payload lies in no block that is whole;
 *  - a gap names missing chunks only, in order, and of each set no more than give it;
 *  - the numbers in assembly never exceed the slots. */
#include <stdlib.h>

#include "dataplane/reassembly.h"
#include "tests/unit/cut_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CHANNELS = 2,
    NUMBERS = 12,
    SIGNERS = 6,
    SLOTS = 4,
    ROOTS = 6,
    HELD = 10,
};

/* Signers 0 and 3 sign the same bytes; 1 other bytes; 2 the same in another cut; 4 forges 0's signature; 5
 * signs parity that is not made of its bytes. */
static const struct {
    uint32_t len;
    uint16_t chunk_bytes;
    uint8_t parity;
    uint8_t content;
} versions[SIGNERS] = {{4500, 64, 3, 1}, {4500, 64, 3, 2}, {4500, 700, 1, 1},
                       {4500, 64, 3, 1}, {4500, 64, 3, 1}, {4500, 64, 3, 1}};

static struct cut_block *blocks[SIGNERS];

struct packet {
    struct fama_chunk chunk;
    struct fama_bytes payload; /* as it came */
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    uint8_t channel;
    uint8_t signer;
    bool is_held;
};

struct pending {
    uint32_t ticket;
    uint8_t signer;
};

struct world {
    struct fama_reassembly *reassembly;
    struct fama_view *view;
    struct fama_channel_gate gates[CHANNELS];
    uint64_t now_ns;
    struct pending pending[ROOTS];
    uint32_t pending_count;
    uint32_t held_count;
    struct fama_assembled whole[SLOTS];
    uint8_t whole_sum[SLOTS][FAMA_SHA256_BYTES];
    uint32_t whole_count;
};

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void sum(const struct fama_assembled *block, uint8_t digest[FAMA_SHA256_BYTES])
{
    fama_sha256(fama_bytes(block->at, block->len), digest);
}

static void check_whole(struct world *world, const struct fama_assembled *block)
{
    demand(block->len == 4500 && block->slot < SLOTS && world->whole_count < SLOTS);
    for (uint32_t i = 0; i < world->whole_count; i++) {
        demand(world->whole[i].slot != block->slot);
        demand(world->whole[i].channel != block->channel ||
               world->whole[i].number != block->number);
    }
    /* 32 chunks of 64 bytes are one set of the usual cut; the other cut has the same bytes as the first. */
    for (uint32_t at = 0; at < block->len; at += 32 * 64) {
        uint32_t left = block->len - at < 32 * 64 ? block->len - at : 32 * 64;
        demand(memcmp(block->at + at, blocks[0]->bytes + at, left) == 0 ||
               memcmp(block->at + at, blocks[1]->bytes + at, left) == 0);
    }
    sum(block, world->whole_sum[world->whole_count]);
    world->whole[world->whole_count++] = *block;
}

static void keep(struct world *world, struct packet *packet, const uint32_t *ticket,
                 const struct fama_offer_result *result)
{
    if (ticket != NULL) {
        demand(world->pending_count < ROOTS);
        world->pending[world->pending_count++] =
            (struct pending){.ticket = *ticket, .signer = packet->signer};
        demand(memcmp(result->root,
                      fama_merkle_root(&blocks[packet->signer]->trees[packet->chunk.set]),
                      FAMA_MERKLE_NODE_BYTES) == 0);
    }
    demand(world->held_count < HELD && !packet->is_held);
    packet->is_held = true;
    world->held_count++;
}

/* Nothing goes on that a forger has signed, nor that came within a session. Whether it is held. */
static bool send_onward(struct world *world, struct packet *packet,
                        const struct fama_offer_result *result)
{
    demand(result->onward == FAMA_ONWARD_NO || packet->chunk.key_epoch != 0);
    switch (result->onward) {
    case FAMA_ONWARD_NO:
        return false;
    case FAMA_ONWARD_YES:
        demand(packet->signer != 4);
        return false;
    case FAMA_ONWARD_HELD:
        keep(world, packet, NULL, result);
        return true;
    case FAMA_ONWARD_VERIFY:
        keep(world, packet, &result->root_ticket, result);
        return true;
    }
    demand(false);
    return false;
}

/* Whether the packet is held; else it is freed. */
static bool offer(struct world *world, struct packet *packet)
{
    struct fama_offer_result result;
    const struct fama_view_channel *channel = &world->view->channels[packet->channel];
    uint8_t *room;
    uint8_t leaf[1][FAMA_MERKLE_NODE_BYTES];
    packet->chunk.payload = packet->payload;
    enum fama_drop judged =
        fama_reassembly_place(world->reassembly, world->now_ns, channel, &packet->chunk, &room);
    demand(judged == FAMA_DROP_NONE || room == NULL);
    if (room != NULL) {
        for (uint32_t i = 0; i < world->whole_count; i++) {
            const struct fama_assembled *whole = &world->whole[i];
            demand(room + packet->payload.len <= whole->at || room >= whole->at + whole->len);
        }
        memcpy(room, packet->payload.at, packet->payload.len);
        packet->chunk.payload.at = room;
    }
    fama_merkle_leaves(&packet->chunk.payload, 1, leaf);
    fama_reassembly_offer(world->reassembly, world->now_ns, channel, &packet->chunk, leaf[0],
                          packet, &result);
    demand(judged == FAMA_DROP_NONE ||
           (result.offer == FAMA_OFFER_DROPPED && result.drop == judged));
    bool is_held = false;
    switch (result.offer) {
    case FAMA_OFFER_VERIFY:
        keep(world, packet, &result.root_ticket, &result);
        return true;
    case FAMA_OFFER_HELD:
        keep(world, packet, NULL, &result);
        return true;
    case FAMA_OFFER_COMPLETE:
        check_whole(world, &result.assembled);
        is_held = send_onward(world, packet, &result);
        break;
    case FAMA_OFFER_DROPPED:
        demand(result.drop != FAMA_DROP_NONE && result.drop < FAMA_DROP_COUNT);
        break;
    case FAMA_OFFER_STORED:
    case FAMA_OFFER_LATE:
        is_held = send_onward(world, packet, &result);
        break;
    default:
        demand(false);
    }
    if (!is_held) {
        free(packet);
    }
    return is_held;
}

static uint32_t chunk_count(const struct cut_block *block)
{
    uint32_t count = 0;
    for (uint32_t set = 0; set < block->geometry.sets; set++) {
        count += cut_block_count(block, set);
    }
    return count;
}

static void send_chunk(struct world *world, uint8_t what, uint8_t which)
{
    uint8_t signer = what % SIGNERS;
    struct cut_block *block = blocks[signer];
    struct packet *packet = calloc(1, sizeof(*packet));
    demand(packet != NULL);
    packet->channel = what / SIGNERS % CHANNELS;
    packet->signer = signer;
    uint32_t set = 0;
    uint32_t index = which % chunk_count(block);
    for (; index >= cut_block_count(block, set); set++) {
        index -= cut_block_count(block, set);
    }
    cut_block_set_chunk(block, set, index, &packet->chunk, packet->proof);
    packet->payload = packet->chunk.payload;
    packet->chunk.block = what / (SIGNERS * CHANNELS) % NUMBERS;
    packet->chunk.key_epoch = which < 128;
    packet->chunk.hops = which % 8 != 0;
    (void)offer(world, packet);
}

/* A run of chunks in order, so that blocks do get whole; verdicts come at once. */
static void judge(struct world *world, uint32_t which);

static void send_run(struct world *world, uint8_t what, uint8_t from)
{
    uint8_t signer = what % SIGNERS;
    uint32_t count = chunk_count(blocks[signer]);
    for (uint32_t i = 0; i < count; i++) {
        send_chunk(world, what, (uint8_t)((from + i) % count));
        if (world->pending_count > 0) {
            judge(world, world->pending_count - 1);
        }
    }
}

static void judge(struct world *world, uint32_t which)
{
    if (world->pending_count == 0) {
        return;
    }
    which %= world->pending_count;
    struct pending pending = world->pending[which];
    world->pending[which] = world->pending[--world->pending_count];
    bool is_good = pending.signer != 4;
    void *packets[FAMA_SET_CHUNKS_MAX];
    uint32_t count = fama_reassembly_verdict(world->reassembly, pending.ticket, is_good, packets);
    demand(count >= 1 && count <= world->held_count);
    for (uint32_t i = 0; i < count; i++) {
        struct packet *packet = packets[i];
        demand(packet->is_held && packet->signer == pending.signer);
        packet->is_held = false;
        world->held_count--;
        if (is_good) {
            demand(!offer(world, packet));
        } else {
            free(packet);
        }
    }
    demand(fama_reassembly_verdict(world->reassembly, pending.ticket, is_good, packets) == 0);
}

static void give_back(struct world *world, uint8_t which)
{
    if (world->whole_count == 0) {
        return;
    }
    uint32_t at = which % world->whole_count;
    struct fama_assembled block = world->whole[at];
    uint8_t now[FAMA_SHA256_BYTES];
    sum(&block, now);
    demand(memcmp(now, world->whole_sum[at], sizeof(now)) == 0);
    world->whole_count--;
    world->whole[at] = world->whole[world->whole_count];
    memcpy(world->whole_sum[at], world->whole_sum[world->whole_count], sizeof(now));
    bool is_accepted = memcmp(block.at, blocks[0]->bytes, block.len) == 0;
    struct fama_channel_gate *gate = &world->gates[block.channel];
    if (is_accepted && atomic_load(&gate->next_block) == block.number) {
        atomic_store(&gate->next_block, block.number + 1);
    }
    fama_reassembly_return(world->reassembly, world->now_ns, block.slot, is_accepted);
}

static void look_for_gap(struct world *world)
{
    struct fama_gap gap;
    if (!fama_reassembly_gap(world->reassembly, world->now_ns, 1000000, world->view, &gap)) {
        return;
    }
    struct fama_geometry geometry;
    demand(fama_geometry(gap.cut.block_bytes, gap.cut.chunk_bytes, &geometry));
    demand(gap.channel < CHANNELS && gap.block < NUMBERS && gap.count >= 1);
    for (uint32_t i = 0; i < gap.count; i++) {
        uint32_t chunks = fama_geometry_set_chunks(&geometry, gap.entries[i].set);
        demand(chunks > 0 && gap.entries[i].wanted != 0);
        demand((gap.entries[i].wanted & ~(UINT64_MAX >> (64 - chunks))) == 0);
        demand(i == 0 || gap.entries[i].set > gap.entries[i - 1].set);
    }
    uint8_t body[2048];
    struct fama_request request = {.block = gap.block,
                                   .block_bytes = gap.cut.block_bytes,
                                   .chunk_bytes = gap.cut.chunk_bytes,
                                   .parity = gap.cut.parity,
                                   .count = gap.count};
    memcpy(request.entries, gap.entries, gap.count * sizeof(gap.entries[0]));
    demand(fama_wire_request_write(&request, body, sizeof(body)) > 0);
}

static void step(struct world *world, uint8_t action, uint8_t what, uint8_t which)
{
    switch (action % 8) {
    case 0:
    case 1:
        send_chunk(world, what, which);
        break;
    case 2:
        send_run(world, what, which);
        break;
    case 3:
        judge(world, which);
        break;
    case 4:
        give_back(world, which);
        break;
    case 5:
        look_for_gap(world);
        break;
    case 6:
        /* Housekeeping sees the new time first: a verdict is judged by the latest time known. */
        world->now_ns += UINT64_C(1) << what % 33;
        look_for_gap(world);
        break;
    default: {
        struct fama_channel_gate *gate = &world->gates[what % CHANNELS];
        uint64_t next = atomic_load(&gate->next_block);
        atomic_store(&gate->next_block, next + (which % 4 == 0 && next < NUMBERS));
        break;
    }
    }
    uint32_t present = 0;
    for (uint16_t i = 0; i < CHANNELS; i++) {
        present += (uint32_t)__builtin_popcountll(fama_reassembly_present(world->reassembly, i, 0));
        demand(fama_reassembly_horizon(world->reassembly, i) <= NUMBERS);
    }
    demand(present <= SLOTS && present >= world->whole_count);
}

static void make_blocks(void)
{
    for (uint32_t i = 0; i < SIGNERS && blocks[i] == NULL; i++) {
        blocks[i] = cut_block_make_with_parity(0, versions[i].len, versions[i].chunk_bytes,
                                               versions[i].parity, 10 + i, versions[i].content);
    }
    if (blocks[5]->key_epoch != 2) {
        blocks[5]->key_epoch = 2; /* done once */
        cut_block_parity_at(blocks[5], 0, 0)[5] ^= 1;
        cut_block_parity_at(blocks[5], 1, 1)[6] ^= 1;
        cut_block_build_tree(blocks[5], 0);
        cut_block_build_tree(blocks[5], 1);
    }
    blocks[4]->origin = blocks[0]->origin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_blocks();
    static const struct fama_reassembly_limits limits = {.slots = SLOTS,
                                                         .block_bytes_max = 1 << 17,
                                                         .roots_max = ROOTS,
                                                         .held_max = HELD,
                                                         .blame_ns = 50000000};
    struct world world = {.now_ns = 1, .reassembly = fama_reassembly_create(&limits)};
    world.view = fama_view_create(0, CHANNELS);
    demand(world.reassembly != NULL && world.view != NULL);
    for (uint16_t i = 0; i < CHANNELS; i++) {
        world.view->channels[i].tag = i + 1U;
        world.view->channels[i].index = i;
        world.view->channels[i].gate = &world.gates[i];
    }
    demand(fama_view_seal(world.view));
    for (size_t i = 0; i + 3 <= size && i < 3 * 400; i += 3) {
        step(&world, data[i], data[i + 1], data[i + 2]);
    }
    while (world.pending_count > 0) {
        judge(&world, 0);
    }
    demand(world.held_count == 0);
    fama_reassembly_destroy(world.reassembly);
    fama_view_destroy(world.view);
    return 0;
}
