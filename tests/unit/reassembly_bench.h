/* A node's net lcore in miniature around a reassembly: it keeps packets, puts payloads where reassembly says
 * (and checks that this is within the block's own slot), judges roots by looking at the last octet of their
 * signature, and remembers the latest whole block. */
#ifndef FAMA_TESTS_UNIT_REASSEMBLY_BENCH_H
#define FAMA_TESTS_UNIT_REASSEMBLY_BENCH_H

#include "dataplane/reassembly_state.h"
#include "unit/cut_block.h"
#include "unit/suite.h"

#define SECOND  UINT64_C(1000000000)
#define STALLED (SECOND / 10)
/* What a signature's last octet tells. */
#define GOOD   0x77
#define FORGED 0x66

/* A packet as the net lcore would keep it: the parsed chunk and its proof. */
struct packet {
    struct fama_chunk chunk;
    const struct fama_view_channel *channel;
    struct fama_bytes payload; /* as it came; the chunk's own is wherever it was opened to */
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    uint8_t signature[FAMA_SIGNATURE_BYTES];
};

/* A reassembly with two joined channels (tags 100 and 200, numbers 0 and 1) and a clock. */
struct bench {
    struct fama_reassembly *reassembly;
    struct fama_view *view;
    struct fama_channel_gate gates[2];
    const struct fama_view_channel *channels[2];
    uint64_t now_ns;
    uint32_t verifications;
    struct fama_offer_result last;
    struct fama_assembled whole; /* the latest block that was completed */
    uint32_t whole_count;
    uint32_t onward_count; /* chunks that were passed on */
};

static const struct fama_reassembly_limits usual_limits = {.slots = 8,
                                                           .block_bytes_max = 1 << 20,
                                                           .roots_max = 64,
                                                           .held_max = 512,
                                                           .blame_ns = 10 * SECOND};

static inline void set_up(struct bench *bench, const struct fama_reassembly_limits *limits)
{
    memset(bench, 0, sizeof(*bench));
    bench->now_ns = 5 * SECOND;
    bench->reassembly = fama_reassembly_create(limits);
    bench->view = fama_view_create(0, 2);
    CU_ASSERT_FATAL(bench->reassembly != NULL && bench->view != NULL);
    for (uint16_t i = 0; i < 2; i++) {
        bench->view->channels[i].tag = (i + 1U) * 100;
        bench->view->channels[i].index = i;
        bench->view->channels[i].gate = &bench->gates[i];
    }
    CU_ASSERT_FATAL(fama_view_seal(bench->view));
    bench->channels[0] = fama_view_channel(bench->view, 100);
    bench->channels[1] = fama_view_channel(bench->view, 200);
}

static inline void tear_down(struct bench *bench)
{
    fama_reassembly_destroy(bench->reassembly);
    fama_view_destroy(bench->view);
}

static inline void set_height(struct bench *bench, uint32_t channel, uint64_t height)
{
    atomic_store(&bench->gates[channel].next_block, height);
}

static inline struct packet *set_packet_of(const struct bench *bench, uint32_t channel,
                                           const struct cut_block *block, uint32_t set,
                                           uint32_t index)
{
    struct packet *packet = malloc(sizeof(*packet));
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
    cut_block_set_chunk(block, set, index, &packet->chunk, packet->proof);
    memcpy(packet->signature, block->signature, sizeof(packet->signature));
    packet->chunk.signature = packet->signature;
    packet->chunk.channel = bench->channels[channel]->tag;
    packet->chunk.hops = 1;
    packet->payload = packet->chunk.payload;
    packet->channel = bench->channels[channel];
    return packet;
}

static inline struct packet *packet_of(const struct bench *bench, uint32_t channel,
                                       const struct cut_block *block, uint32_t number)
{
    return set_packet_of(bench, channel, block, number / FAMA_SET_CHUNKS, number % FAMA_SET_CHUNKS);
}

/* Room for a payload is in the slot of its own block, which is filling, where nothing lies yet. */
static inline void expect_room_in_slot(const struct bench *bench, const struct packet *packet,
                                       const uint8_t *room)
{
    const struct fama_reassembly *reassembly = bench->reassembly;
    const struct fama_chunk *chunk = &packet->chunk;
    const struct fama_slot *slot = NULL;
    for (uint32_t i = 0; i < reassembly->limits.slots; i++) {
        if (room >= reassembly->slots[i].buffer &&
            room < reassembly->slots[i].buffer + reassembly->buffer_bytes) {
            slot = &reassembly->slots[i];
        }
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    CU_ASSERT_FATAL(room + packet->payload.len <= slot->buffer + reassembly->buffer_bytes);
    CU_ASSERT_EQUAL_FATAL(slot->state, FAMA_SLOT_FILLING);
    CU_ASSERT_EQUAL_FATAL(slot->block, chunk->block);
    CU_ASSERT_EQUAL_FATAL(slot->channel, packet->channel->tag);
    CU_ASSERT_EQUAL_FATAL(slot->sets[chunk->set].have >> chunk->index & 1, 0);
    bool is_data = chunk->index < chunk->data_chunks;
    CU_ASSERT_EQUAL_FATAL(room < slot->buffer + slot->cut.block_bytes, is_data);
}

/* Judges the chunk and has its payload in its place, as the net lcore opens it there. */
static inline enum fama_drop put_in_place(struct bench *bench, struct packet *packet)
{
    uint8_t *room;
    packet->chunk.payload = packet->payload;
    enum fama_drop drop = fama_reassembly_place(bench->reassembly, bench->now_ns, packet->channel,
                                                &packet->chunk, &room);
    CU_ASSERT_FATAL(drop == FAMA_DROP_NONE || room == NULL);
    if (room != NULL) {
        expect_room_in_slot(bench, packet, room);
        memcpy(room, packet->payload.at, packet->payload.len);
        packet->chunk.payload.at = room;
    }
    return drop;
}

static inline void offer_as(struct bench *bench, struct packet *packet, void *handle)
{
    uint8_t leaf[1][FAMA_MERKLE_NODE_BYTES];
    memset(&bench->last, 0xaa, sizeof(bench->last));
    enum fama_drop drop = put_in_place(bench, packet);
    fama_merkle_leaves(&packet->chunk.payload, 1, leaf);
    fama_reassembly_offer(bench->reassembly, bench->now_ns, packet->channel, &packet->chunk,
                          leaf[0], handle, &bench->last);
    /* Nothing has happened in between: both judge alike. */
    if (drop != FAMA_DROP_NONE) {
        CU_ASSERT_EQUAL_FATAL(bench->last.offer, FAMA_OFFER_DROPPED);
        CU_ASSERT_EQUAL_FATAL(bench->last.drop, drop);
    }
}

static inline bool is_sent_onward(const struct bench *bench)
{
    return bench->last.offer != FAMA_OFFER_DROPPED && bench->last.offer != FAMA_OFFER_HELD &&
           bench->last.offer != FAMA_OFFER_VERIFY;
}

/* A verdict is asked for: of a root, or of one more signature of a root that is known. */
static inline bool wants_verdict(const struct bench *bench)
{
    return bench->last.offer == FAMA_OFFER_VERIFY ||
           (is_sent_onward(bench) && bench->last.onward == FAMA_ONWARD_VERIFY);
}

/* The packet is reassembly's for now. */
static inline bool is_kept(const struct bench *bench)
{
    return wants_verdict(bench) || bench->last.offer == FAMA_OFFER_HELD ||
           (is_sent_onward(bench) && bench->last.onward == FAMA_ONWARD_HELD);
}

static inline void offer(struct bench *bench, struct packet *packet)
{
    offer_as(bench, packet, packet);
    if (bench->last.offer == FAMA_OFFER_COMPLETE) {
        bench->whole = bench->last.assembled;
        bench->whole_count++;
    }
    bench->onward_count += is_sent_onward(bench) && bench->last.onward == FAMA_ONWARD_YES;
    if (!is_kept(bench)) {
        free(packet);
    }
}

/* Judges a root by the octet its signature ends with, and offers or frees what was held. */
static inline uint32_t judge(struct bench *bench, uint32_t ticket, bool is_good)
{
    void *packets[FAMA_SET_CHUNKS_MAX];
    bench->verifications++;
    uint32_t count = fama_reassembly_verdict(bench->reassembly, ticket, is_good, packets);
    CU_ASSERT_FATAL(count <= FAMA_SET_CHUNKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (is_good) {
            offer(bench, packets[i]);
            /* No root is verified twice in a row, or a node could be kept busy by one chunk. */
            CU_ASSERT_FATAL(!is_kept(bench));
        } else {
            free(packets[i]);
        }
    }
    return count;
}

/* Has one more signature of a known root judged. What became of the chunk here is told all the same. */
static inline void judge_signature(struct bench *bench, bool is_good)
{
    if (is_sent_onward(bench) && bench->last.onward == FAMA_ONWARD_VERIFY) {
        const struct fama_offer_result here = bench->last;
        CU_ASSERT_EQUAL(judge(bench, here.root_ticket, is_good), 1);
        bench->last = here;
    }
}

/* Offers a packet and has its root judged at once if that is asked for. */
static inline enum fama_offer deliver_packet(struct bench *bench, struct packet *packet)
{
    bool is_good = packet->signature[FAMA_SIGNATURE_BYTES - 1] == GOOD;
    offer(bench, packet);
    judge_signature(bench, is_good);
    if (bench->last.offer == FAMA_OFFER_VERIFY) {
        if (judge(bench, bench->last.root_ticket, is_good) == 0 || !is_good) {
            bench->last.offer = FAMA_OFFER_DROPPED;
            bench->last.drop = FAMA_DROP_ROOT_FORGED;
        }
    }
    return bench->last.offer;
}

static inline enum fama_offer deliver_index(struct bench *bench, uint32_t channel,
                                            const struct cut_block *block, uint32_t set,
                                            uint32_t index)
{
    return deliver_packet(bench, set_packet_of(bench, channel, block, set, index));
}

static inline enum fama_offer deliver(struct bench *bench, uint32_t channel,
                                      const struct cut_block *block, uint32_t number)
{
    struct packet *packet = packet_of(bench, channel, block, number);
    bool is_good = block->signature[FAMA_SIGNATURE_BYTES - 1] == GOOD;
    offer(bench, packet);
    judge_signature(bench, is_good);
    if (bench->last.offer == FAMA_OFFER_VERIFY) {
        CU_ASSERT_EQUAL(memcmp(bench->last.root,
                               fama_merkle_root(&block->trees[number / FAMA_SET_CHUNKS]),
                               FAMA_MERKLE_NODE_BYTES),
                        0);
        if (judge(bench, bench->last.root_ticket, is_good) == 0 || !is_good) {
            bench->last.offer = FAMA_OFFER_DROPPED;
            bench->last.drop = FAMA_DROP_ROOT_FORGED;
        }
    }
    return bench->last.offer;
}

static inline enum fama_drop dropped(struct bench *bench, uint32_t channel,
                                     const struct cut_block *block, uint32_t number)
{
    return deliver(bench, channel, block, number) == FAMA_OFFER_DROPPED ? bench->last.drop
                                                                        : FAMA_DROP_NONE;
}

static inline void expect_whole(const struct bench *bench, uint32_t channel,
                                const struct cut_block *block)
{
    CU_ASSERT_EQUAL_FATAL(bench->last.offer, FAMA_OFFER_COMPLETE);
    CU_ASSERT_EQUAL(bench->whole.channel, channel);
    CU_ASSERT_EQUAL(bench->whole.number, block->number);
    CU_ASSERT_EQUAL(bench->whole.origin, block->origin);
    CU_ASSERT_EQUAL_FATAL(bench->whole.len, block->len);
    CU_ASSERT_EQUAL(memcmp(bench->whole.at, block->bytes, block->len), 0);
}

static inline void give_back(struct bench *bench, bool is_accepted)
{
    fama_reassembly_return(bench->reassembly, bench->now_ns, bench->whole.slot, is_accepted);
}

static inline bool find_gap(struct bench *bench, struct fama_gap *gap)
{
    return fama_reassembly_gap(bench->reassembly, bench->now_ns, STALLED, bench->view, gap);
}

/* One chunk of a block of two, so that its slot keeps filling. */
static inline enum fama_offer begin(struct bench *bench, uint32_t channel, uint64_t number)
{
    struct cut_block *block = cut_block_make(number, 2000, 1000, 7, number);
    enum fama_offer result = deliver(bench, channel, block, 0);
    cut_block_free(block);
    return result;
}

static inline enum fama_offer finish(struct bench *bench, uint32_t channel, uint64_t number)
{
    struct cut_block *block = cut_block_make(number, 2000, 1000, 7, number);
    (void)deliver(bench, channel, block, 0);
    enum fama_offer result = deliver(bench, channel, block, 1);
    cut_block_free(block);
    return result;
}

#endif
