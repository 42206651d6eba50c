#include "dataplane/fanout.h"
#include "unit/reassembly_bench.h"
#include "unit/seed.h"

static struct fama_random generator;

static void shuffle(uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = fama_random_below(&generator, i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

/* ---- Putting together ---- */

static void test_chunks_in_order_give_the_very_block_with_one_verification_per_set(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 200001, 1000, 7, 1);
    for (uint32_t i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, block, i), FAMA_OFFER_STORED);
    }
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 200), FAMA_OFFER_COMPLETE);
    expect_whole(&bench, 0, block);
    CU_ASSERT_FALSE(bench.whole.was_repaired);
    CU_ASSERT_EQUAL(bench.verifications, 7);
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 3), FAMA_DROP_CHUNK_DUPLICATE);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 1);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 3), FAMA_DROP_CHUNK_STALE);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 0), 1);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_shuffled_and_repeated_chunks_give_the_very_block(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    for (uint64_t number = 0; number < 30; number++) {
        uint32_t len = 1 + fama_random_below(&generator, 300000);
        uint16_t chunk_bytes = (uint16_t)(512 + fama_random_below(&generator, 2000));
        struct cut_block *block = cut_block_make(number, len, chunk_bytes, 7, number);
        uint32_t order[700];
        shuffle(order, block->geometry.chunks);
        for (uint32_t i = 0; i < block->geometry.chunks; i++) {
            bool is_last = i == block->geometry.chunks - 1;
            CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, block, order[i]),
                                  is_last ? FAMA_OFFER_COMPLETE : FAMA_OFFER_STORED);
            if (!is_last) {
                uint32_t again = order[fama_random_below(&generator, i + 1)];
                CU_ASSERT_EQUAL_FATAL(dropped(&bench, 0, block, again), FAMA_DROP_CHUNK_DUPLICATE);
            }
        }
        bench.last.offer = FAMA_OFFER_COMPLETE;
        expect_whole(&bench, 0, block);
        set_height(&bench, 0, number + 1);
        give_back(&bench, true);
        cut_block_free(block);
    }
    tear_down(&bench);
}

/* Sends what a gap asks for, losing some of it, as another member would answer: the same bytes under
 * its own signature. */
static void answer(struct bench *bench, const struct fama_gap *gap, struct cut_block *copy,
                   uint32_t loss_percent)
{
    CU_ASSERT_EQUAL_FATAL(gap->block, copy->number);
    CU_ASSERT_EQUAL_FATAL(gap->cut.block_bytes, copy->len);
    CU_ASSERT_EQUAL_FATAL(gap->cut.chunk_bytes, copy->chunk_bytes);
    CU_ASSERT_EQUAL_FATAL(gap->cut.parity, copy->parity);
    CU_ASSERT_FATAL(gap->count >= 1 && gap->count <= FAMA_REQUEST_ENTRIES_MAX);
    for (uint32_t i = 0; i < gap->count; i++) {
        CU_ASSERT_FATAL(i == 0 || gap->entries[i].set > gap->entries[i - 1].set);
        for (uint32_t bit = 0; bit < FAMA_SET_CHUNKS; bit++) {
            uint32_t number = gap->entries[i].set * FAMA_SET_CHUNKS + bit;
            if ((gap->entries[i].wanted >> bit & 1) == 0) {
                continue;
            }
            CU_ASSERT_FATAL(number < copy->geometry.chunks);
            if (fama_random_below(&generator, 100) >= loss_percent) {
                struct packet *packet = packet_of(bench, gap->channel, copy, number);
                packet->chunk.key_epoch = 0;
                offer(bench, packet);
                /* Only what is missing was asked for. */
                CU_ASSERT_NOT_EQUAL_FATAL(bench->last.offer, FAMA_OFFER_DROPPED);
                if (bench->last.offer == FAMA_OFFER_VERIFY) {
                    judge(bench, bench->last.root_ticket, true);
                }
            }
        }
    }
}

static void test_lost_chunks_are_asked_for_until_the_block_is_whole(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.block_bytes_max = 4 << 20;
    set_up(&bench, &limits);
    /* 160 sets: more than one request can name. */
    struct cut_block *block = cut_block_make(0, 3072000, 600, 7, 1);
    struct cut_block *copy = cut_block_make(0, 3072000, 600, 8, 1);
    for (uint32_t i = 0; i < block->geometry.chunks; i++) {
        if (fama_random_below(&generator, 100) < 40) {
            CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, block, i), FAMA_OFFER_STORED);
        }
    }
    struct fama_gap gap;
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    uint32_t rounds = 0;
    while (bench.whole_count == 0 && rounds < 100) {
        bench.now_ns += STALLED;
        CU_ASSERT_FATAL(find_gap(&bench, &gap));
        struct fama_gap second;
        CU_ASSERT_FALSE(find_gap(&bench, &second));
        answer(&bench, &gap, copy, 30);
        rounds++;
    }
    CU_ASSERT(rounds > 2 && bench.whole_count == 1);
    bench.last.offer = FAMA_OFFER_COMPLETE;
    expect_whole(&bench, 0, block);
    CU_ASSERT(bench.whole.was_repaired);
    /* One per set, whoever signed it: where the root was known nothing was verified again. */
    CU_ASSERT(bench.verifications <= block->geometry.sets);
    bench.now_ns += STALLED;
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    cut_block_free(block);
    cut_block_free(copy);
    tear_down(&bench);
}

static void test_blocks_of_one_octet_of_one_chunk_and_of_the_largest_size(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    static const struct {
        uint32_t len;
        uint16_t chunk_bytes;
    } sizes[] = {{1, 64},
                 {1, FAMA_CHUNK_BYTES_MAX},
                 {64, 64},
                 {65, 64},
                 {1240, 1240},
                 {1241, 1240},
                 {32 * 700, 700},
                 {32 * 700 + 1, 700},
                 {1 << 20, 512},
                 {1 << 20, FAMA_CHUNK_BYTES_MAX},
                 {(1 << 20) - 1, 1240}};
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct cut_block *block = cut_block_make(i, sizes[i].len, sizes[i].chunk_bytes, 7, i);
        for (uint32_t n = block->geometry.chunks; n-- > 0;) {
            CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, block, n),
                                  n > 0 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
        }
        expect_whole(&bench, 0, block);
        set_height(&bench, 0, i + 1);
        give_back(&bench, true);
        cut_block_free(block);
    }
    struct cut_block *block = cut_block_make(20, (1 << 20) + 1, 1240, 7, 1);
    set_height(&bench, 0, 20);
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 0), FAMA_DROP_CHUNK_TOO_BIG);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_a_chunk_that_is_not_where_its_block_has_it_is_refused(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 100000, 1000, 7, 1);
    for (uint32_t flaw = 0; flaw < 9; flaw++) {
        struct packet *packet = packet_of(&bench, 0, block, 99);
        struct fama_chunk *chunk = &packet->chunk;
        chunk->set = flaw == 0 ? 4 : flaw == 1 ? UINT16_MAX : chunk->set;
        chunk->index = flaw == 2 ? 4 : flaw == 3 ? UINT8_MAX : chunk->index;
        packet->payload.len -= flaw == 4;
        chunk->data_chunks = flaw == 5 ? 32 : chunk->data_chunks;
        chunk->parity_chunks = flaw == 6;
        chunk->parity = flaw == 7 ? 4 : flaw == 8 ? FAMA_PARITY_MAX + 1 : chunk->parity;
        offer(&bench, packet);
        CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
        CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_GEOMETRY);
    }
    cut_block_free(block);
    /* More sets than the largest block has at 512 octets a chunk. */
    block = cut_block_make(0, 1 << 20, 100, 7, 1);
    CU_ASSERT_EQUAL(dropped(&bench, 0, block, 0), FAMA_DROP_CHUNK_GEOMETRY);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_two_channels_with_the_same_block_numbers_do_not_mix(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *blocks[2] = {cut_block_make(3, 70000, 1000, 7, 1),
                                   cut_block_make(3, 70000, 1000, 7, 2)};
    set_height(&bench, 0, 3);
    set_height(&bench, 1, 1);
    for (uint32_t i = 0; i < 69; i++) {
        CU_ASSERT_EQUAL_FATAL(deliver(&bench, 0, blocks[0], i), FAMA_OFFER_STORED);
        CU_ASSERT_EQUAL_FATAL(deliver(&bench, 1, blocks[1], i), FAMA_OFFER_STORED);
    }
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 3), 1);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 1, 1), 4);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 1, 4), 0);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 1), 4);
    CU_ASSERT_EQUAL(deliver(&bench, 0, blocks[0], 69), FAMA_OFFER_COMPLETE);
    expect_whole(&bench, 0, blocks[0]);
    CU_ASSERT_EQUAL(deliver(&bench, 1, blocks[1], 69), FAMA_OFFER_COMPLETE);
    expect_whole(&bench, 1, blocks[1]);
    cut_block_free(blocks[0]);
    cut_block_free(blocks[1]);
    tear_down(&bench);
}

static void test_a_very_large_block_leaves_its_memory_and_a_slot_that_works(void)
{
    struct bench bench;
    struct fama_gap gap;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 1;
    limits.block_bytes_max = 8 << 20;
    set_up(&bench, &limits);
    for (uint64_t number = 0; number < 3; number++) {
        struct cut_block *block = cut_block_make(number, 8 << 20, FAMA_CHUNK_BYTES_MAX, 7, number);
        for (uint32_t i = 0; i < block->geometry.chunks; i++) {
            (void)deliver(&bench, 0, block, i);
        }
        expect_whole(&bench, 0, block);
        set_height(&bench, 0, number + 1);
        const uint8_t *buffer = bench.whole.at;
        give_back(&bench, true);
        CU_ASSERT_EQUAL(buffer[0], block->bytes[0]);
        CU_ASSERT_FALSE(find_gap(&bench, &gap));
        CU_ASSERT_EQUAL(buffer[0], block->bytes[0]);
        bench.now_ns += FAMA_LATE_NS;
        CU_ASSERT_FALSE(find_gap(&bench, &gap));
        /* Memory given back reads as zeros: here in all places at once, which no block of ours is. */
        for (uint32_t at = 0; at < block->len; at += 4096) {
            CU_ASSERT_EQUAL_FATAL(buffer[at], 0);
        }
        cut_block_free(block);
    }
    tear_down(&bench);
}

/* ---- Unverified roots ---- */

static void test_chunks_of_a_root_in_verification_wait_and_come_back_in_order(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct packet *packets[10];
    for (uint32_t i = 0; i < 10; i++) {
        packets[i] = packet_of(&bench, 0, block, i);
        offer(&bench, packets[i]);
        CU_ASSERT_EQUAL_FATAL(bench.last.offer, i == 0 ? FAMA_OFFER_VERIFY : FAMA_OFFER_HELD);
    }
    uint32_t ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, block, 5));
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_DUPLICATE);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 0), 0);
    void *back[FAMA_SET_CHUNKS_MAX];
    CU_ASSERT_EQUAL(fama_reassembly_verdict(bench.reassembly, ticket ^ 0x10000, true, back), 0);
    CU_ASSERT_EQUAL(fama_reassembly_verdict(bench.reassembly, 0xffff, true, back), 0);
    CU_ASSERT_EQUAL_FATAL(fama_reassembly_verdict(bench.reassembly, ticket, true, back), 10);
    CU_ASSERT_EQUAL(memcmp(back, packets, sizeof(packets)), 0);
    CU_ASSERT_EQUAL(fama_reassembly_verdict(bench.reassembly, ticket, true, back), 0);
    for (uint32_t i = 0; i < 10; i++) {
        offer(&bench, packets[i]);
        CU_ASSERT_EQUAL(bench.last.offer, i < 9 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
    }
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_a_forged_root_leaves_no_trace(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *forged = cut_block_make(0, 10000, 1000, 7, 2);
    forged->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    for (uint32_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(dropped(&bench, 0, forged, i), FAMA_DROP_ROOT_FORGED);
    }
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 0), 0);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    for (uint32_t i = 0; i < 10; i++) {
        (void)deliver(&bench, 0, block, i);
    }
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    cut_block_free(forged);
    tear_down(&bench);
}

static void test_only_a_chunk_whose_own_signature_was_verified_goes_on(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *good = cut_block_make(0, 10000, 1000, 7, 1);
    struct cut_block *spoilt = cut_block_make(0, 10000, 1000, 7, 1);
    spoilt->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    CU_ASSERT_EQUAL(deliver(&bench, 0, good, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_YES);
    for (uint32_t i = 1; i < 10; i++) {
        /* Its signer's signature is known, and is another one: nothing to verify. */
        CU_ASSERT_EQUAL(deliver(&bench, 0, spoilt, i),
                        i < 9 ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
        CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_NO);
        CU_ASSERT_EQUAL(deliver(&bench, 0, good, i), FAMA_OFFER_LATE);
        CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_YES);
    }
    CU_ASSERT_EQUAL(bench.verifications, 1);
    cut_block_free(good);
    cut_block_free(spoilt);
    tear_down(&bench);
}

static void test_a_chunk_that_may_not_wait_is_dropped_unless_its_root_is_known(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct packet *packet = packet_of(&bench, 0, block, 1);
    offer_as(&bench, packet, NULL);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SOURCE_BUDGET);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    offer_as(&bench, packet, NULL);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_STORED);
    free(packet);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_a_forged_signature_over_a_good_root_harms_no_good_chunk(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 3000, 1000, 7, 1);
    struct packet *first = packet_of(&bench, 0, block, 0);
    first->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    offer(&bench, first);
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t forged_ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, block, 0));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t good_ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, block, 1));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_HELD);
    CU_ASSERT_EQUAL(judge(&bench, forged_ticket, false), 1);
    CU_ASSERT_EQUAL(judge(&bench, good_ticket, true), 2);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 2), FAMA_OFFER_COMPLETE);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_a_payload_changed_on_the_way_is_refused(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 3000, 1000, 7, 1);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    block->bytes[1500] ^= 1;
    struct packet *packet = packet_of(&bench, 0, block, 1);
    offer(&bench, packet);
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    CU_ASSERT_EQUAL(judge(&bench, bench.last.root_ticket, false), 1);
    block->bytes[1500] ^= 1;
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 1), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 2), FAMA_OFFER_COMPLETE);
    expect_whole(&bench, 0, block);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_waiting_roots_and_chunks_are_bounded_and_come_free_again(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.roots_max = 3;
    limits.held_max = 5;
    set_up(&bench, &limits);
    uint32_t tickets[3];
    struct cut_block *block = cut_block_make(0, FAMA_SET_CHUNKS * 5000, 1000, 7, 1);
    for (uint32_t set = 0; set < 3; set++) {
        offer(&bench, packet_of(&bench, 0, block, set * FAMA_SET_CHUNKS));
        CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
        tickets[set] = bench.last.root_ticket;
    }
    offer(&bench, packet_of(&bench, 0, block, 3 * FAMA_SET_CHUNKS));
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ROOTS_FULL);
    for (uint32_t i = 1; i < 3; i++) {
        offer(&bench, packet_of(&bench, 0, block, i));
        CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_HELD);
    }
    offer(&bench, packet_of(&bench, 0, block, 3));
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_HELD_FULL);
    CU_ASSERT_EQUAL(judge(&bench, tickets[0], false), 3);
    offer(&bench, packet_of(&bench, 0, block, 3 * FAMA_SET_CHUNKS));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    CU_ASSERT_EQUAL(judge(&bench, bench.last.root_ticket, true), 1);
    CU_ASSERT_EQUAL(judge(&bench, tickets[1], true), 1);
    CU_ASSERT_EQUAL(judge(&bench, tickets[2], true), 1);
    /* Everything is free again, and the old tickets are worth nothing. */
    CU_ASSERT_EQUAL(judge(&bench, tickets[2], true), 0);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_limits_out_of_range_are_refused(void)
{
    for (uint32_t flaw = 0; flaw < 8; flaw++) {
        struct fama_reassembly_limits limits = usual_limits;
        limits.slots = flaw == 0 ? 0 : flaw == 1 ? FAMA_SLOTS_MAX + 1 : limits.slots;
        limits.block_bytes_max = flaw == 2 ? 0 : limits.block_bytes_max;
        limits.roots_max = flaw == 3 ? 0 : flaw == 4 ? 65537 : limits.roots_max;
        limits.held_max = flaw == 5 ? 0 : flaw == 6 ? UINT32_MAX : limits.held_max;
        limits.blame_ns = flaw == 7 ? 0 : limits.blame_ns;
        CU_ASSERT_PTR_NULL(fama_reassembly_create(&limits));
    }
    struct fama_reassembly_limits largest = {.slots = FAMA_SLOTS_MAX,
                                             .block_bytes_max = 100 << 20,
                                             .roots_max = 65536,
                                             .held_max = 1 << 16,
                                             .blame_ns = 1};
    struct fama_reassembly *reassembly = fama_reassembly_create(&largest);
    CU_ASSERT_PTR_NOT_NULL(reassembly);
    fama_reassembly_destroy(reassembly);
    fama_reassembly_destroy(NULL);
}

/* ---- Window and slots ---- */

static void test_the_window_begins_at_the_height_and_has_as_many_blocks_as_slots(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    set_height(&bench, 0, 10);
    CU_ASSERT_EQUAL(begin(&bench, 0, 9), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_STALE);
    CU_ASSERT_EQUAL(begin(&bench, 0, 18), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_AHEAD);
    CU_ASSERT_EQUAL(begin(&bench, 0, UINT64_MAX), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_AHEAD);
    CU_ASSERT_EQUAL(bench.verifications, 0);
    for (uint64_t number = 10; number < 18; number++) {
        CU_ASSERT_EQUAL(begin(&bench, 0, number), FAMA_OFFER_STORED);
    }
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 10), 0xff);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 0), 18);
    set_height(&bench, 0, UINT64_MAX);
    CU_ASSERT_EQUAL(begin(&bench, 0, UINT64_MAX), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_horizon(bench.reassembly, 0), UINT64_MAX);
    tear_down(&bench);
}

static void test_a_nearer_block_takes_the_slot_of_the_one_farthest_ahead(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 4;
    set_up(&bench, &limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 1), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(begin(&bench, 0, 3), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(begin(&bench, 0, 2), FAMA_OFFER_STORED);
    /* The last slot is for next blocks: one farther ahead only gets another's. */
    CU_ASSERT_EQUAL(begin(&bench, 1, 3), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SLOTS_FULL);
    CU_ASSERT_EQUAL(begin(&bench, 1, 1), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0x6);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 1, 0), 0x2);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0x7);
    CU_ASSERT_EQUAL(begin(&bench, 1, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0x3);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 1, 0), 0x3);
    CU_ASSERT_EQUAL(begin(&bench, 0, 2), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SLOTS_FULL);
    CU_ASSERT_EQUAL(begin(&bench, 0, 1), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_DUPLICATE);
    tear_down(&bench);
}

static void test_whole_blocks_ahead_never_lock_out_the_next_one(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 4;
    set_up(&bench, &limits);
    struct fama_assembled ahead[3];
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(finish(&bench, i % 2, 1 + i), FAMA_OFFER_COMPLETE);
        ahead[i] = bench.whole;
    }
    CU_ASSERT_EQUAL(finish(&bench, 1, 3), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SLOTS_FULL);
    CU_ASSERT_EQUAL(finish(&bench, 0, 0), FAMA_OFFER_COMPLETE);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    CU_ASSERT_EQUAL(finish(&bench, 1, 0), FAMA_OFFER_COMPLETE);
    for (uint32_t i = 0; i < 3; i++) {
        fama_reassembly_return(bench.reassembly, bench.now_ns, ahead[i].slot, true);
    }
    tear_down(&bench);
}

static void test_a_next_block_that_is_stuck_gives_way_to_another_channels_next_block(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 1;
    set_up(&bench, &limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(begin(&bench, 1, 0), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SLOTS_FULL);
    bench.now_ns += 2 * SECOND;
    CU_ASSERT_EQUAL(begin(&bench, 1, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    tear_down(&bench);
}

static void test_blocks_that_the_ledger_got_otherwise_are_forgotten(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(begin(&bench, 0, 1), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(finish(&bench, 0, 2), FAMA_OFFER_COMPLETE);
    set_height(&bench, 0, 1);
    bench.now_ns += STALLED;
    CU_ASSERT(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(gap.block, 1);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0x6);
    /* What the commit thread holds is its own until it is returned. */
    set_height(&bench, 0, 5);
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0x4);
    give_back(&bench, true);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    tear_down(&bench);
}

static void test_blocks_of_a_channel_that_was_left_are_forgotten(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    CU_ASSERT_EQUAL(begin(&bench, 0, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(begin(&bench, 1, 0), FAMA_OFFER_STORED);
    bench.view->channel_count = 1;
    CU_ASSERT_FALSE(find_gap(&bench, &gap));
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 1);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 1, 0), 0);
    bench.view->channel_count = 2;
    tear_down(&bench);
}

static void test_stalled_blocks_are_reported_in_turn(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    for (uint64_t number = 0; number < 5; number++) {
        CU_ASSERT_EQUAL(begin(&bench, 0, number), FAMA_OFFER_STORED);
    }
    for (uint32_t round = 0; round < 3; round++) {
        bench.now_ns += STALLED;
        uint32_t seen = 0;
        while (find_gap(&bench, &gap)) {
            CU_ASSERT_EQUAL(gap.channel, 0);
            CU_ASSERT(gap.count == 1 && gap.entries[0].set == 0 && gap.entries[0].wanted == 2);
            seen |= 1U << gap.block;
        }
        CU_ASSERT_EQUAL(seen, 0x1f);
    }
    /* One report per call, from where the last one ended: nobody starves if there is time for few. */
    uint32_t seen = 0;
    for (uint32_t call = 0; call < 5; call++) {
        bench.now_ns += STALLED;
        CU_ASSERT_FATAL(find_gap(&bench, &gap));
        seen |= 1U << gap.block;
    }
    CU_ASSERT_EQUAL(seen, 0x1f);
    tear_down(&bench);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("reassembly"));
    static const struct test_case cases[] = {
        TEST(test_chunks_in_order_give_the_very_block_with_one_verification_per_set),
        TEST(test_shuffled_and_repeated_chunks_give_the_very_block),
        TEST(test_lost_chunks_are_asked_for_until_the_block_is_whole),
        TEST(test_blocks_of_one_octet_of_one_chunk_and_of_the_largest_size),
        TEST(test_a_very_large_block_leaves_its_memory_and_a_slot_that_works),
        TEST(test_a_chunk_that_is_not_where_its_block_has_it_is_refused),
        TEST(test_two_channels_with_the_same_block_numbers_do_not_mix),
        TEST(test_chunks_of_a_root_in_verification_wait_and_come_back_in_order),
        TEST(test_a_forged_root_leaves_no_trace),
        TEST(test_a_forged_signature_over_a_good_root_harms_no_good_chunk),
        TEST(test_only_a_chunk_whose_own_signature_was_verified_goes_on),
        TEST(test_a_chunk_that_may_not_wait_is_dropped_unless_its_root_is_known),
        TEST(test_a_payload_changed_on_the_way_is_refused),
        TEST(test_waiting_roots_and_chunks_are_bounded_and_come_free_again),
        TEST(test_limits_out_of_range_are_refused),
        TEST(test_the_window_begins_at_the_height_and_has_as_many_blocks_as_slots),
        TEST(test_a_nearer_block_takes_the_slot_of_the_one_farthest_ahead),
        TEST(test_whole_blocks_ahead_never_lock_out_the_next_one),
        TEST(test_a_next_block_that_is_stuck_gives_way_to_another_channels_next_block),
        TEST(test_blocks_that_the_ledger_got_otherwise_are_forgotten),
        TEST(test_blocks_of_a_channel_that_was_left_are_forgotten),
        TEST(test_stalled_blocks_are_reported_in_turn),
    };
    return run_suite("reassembly", cases, sizeof(cases) / sizeof(cases[0]));
}
