/* Roots that several members have signed: whose chunks are passed on. */
#include "unit/reassembly_bench.h"

enum { ORIGIN = 7, INSIDER = 8, CHUNKS = 10 };

static struct cut_block *signed_by(fama_tag origin)
{
    return cut_block_make(0, CHUNKS * 1000, 1000, origin, 1);
}

/* What became of chunk `index`, and that it went on, now or after its signature was verified, or did not. */
static enum fama_offer send_and_see(struct bench *bench, const struct cut_block *block,
                                    uint32_t index, bool goes_on)
{
    uint32_t before = bench->onward_count;
    enum fama_offer offer = deliver(bench, 0, block, index);
    CU_ASSERT_EQUAL(bench->onward_count - before, goes_on);
    return offer;
}

static void test_the_origins_chunks_go_on_after_an_insiders(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    for (uint32_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(send_and_see(&bench, insider, i, true), FAMA_OFFER_STORED);
    }
    /* Those that the insider has brought, and those that it has not: both are to go on, once. */
    for (uint32_t i = 0; i < CHUNKS; i++) {
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, i, true), i < 5 ? FAMA_OFFER_LATE
                                                               : i + 1 < CHUNKS
                                                                   ? FAMA_OFFER_STORED
                                                                   : FAMA_OFFER_COMPLETE);
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, i, false), FAMA_OFFER_DROPPED);
        CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_DUPLICATE);
    }
    CU_ASSERT_EQUAL(bench.verifications, 2);
    /* Also those that come when the block is whole, and when it is done. */
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 5, true), FAMA_OFFER_LATE);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 6, true), FAMA_OFFER_LATE);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_the_origins_chunks_go_on_when_an_insider_has_brought_the_whole_block(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        (void)deliver(&bench, 0, insider, i);
    }
    expect_whole(&bench, 0, insider);
    for (uint32_t i = 0; i < CHUNKS / 2; i++) {
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, i, true), FAMA_OFFER_LATE);
    }
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    for (uint32_t i = CHUNKS / 2; i < CHUNKS; i++) {
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, i, true), FAMA_OFFER_LATE);
    }
    CU_ASSERT_EQUAL(bench.verifications, 2);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_a_signature_verified_when_its_block_is_done_counts_all_the_same(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    for (uint32_t i = 0; i + 1 < CHUNKS; i++) {
        (void)deliver(&bench, 0, insider, i);
    }
    offer(&bench, packet_of(&bench, 0, origin, CHUNKS - 1));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_COMPLETE);
    CU_ASSERT_EQUAL_FATAL(bench.last.onward, FAMA_ONWARD_VERIFY);
    uint32_t ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, origin, 0));
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_LATE);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_HELD);
    /* The same once more: it waits already. */
    offer(&bench, packet_of(&bench, 0, origin, 0));
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_DUPLICATE);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    bench.onward_count = 0;
    CU_ASSERT_EQUAL(judge(&bench, ticket, true), 2);
    CU_ASSERT_EQUAL(bench.onward_count, 2);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_the_origins_chunks_go_on_after_a_repair(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *repair = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    repair->key_epoch = 0;
    CU_ASSERT_EQUAL(send_and_see(&bench, repair, 0, false), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(send_and_see(&bench, repair, 0, false), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 0, true), FAMA_OFFER_LATE);
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 1, true), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.verifications, 2);
    /* What answers requests is not verified where the root is known, and takes nobody's place. */
    for (fama_tag tag = 20; tag < 30; tag++) {
        struct cut_block *another = signed_by(tag);
        another->key_epoch = 0;
        CU_ASSERT_EQUAL(send_and_see(&bench, another, 2, false),
                        tag == 20 ? FAMA_OFFER_STORED : FAMA_OFFER_DROPPED);
        cut_block_free(another);
    }
    CU_ASSERT_EQUAL(bench.verifications, 2);
    /* What the repairer signed for its answer does not stand for what it pushes. */
    repair->key_epoch = 3;
    CU_ASSERT_EQUAL(send_and_see(&bench, repair, 3, true), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.verifications, 3);
    cut_block_free(repair);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_an_origin_whose_answer_came_before_its_push_is_passed_on(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *origin = signed_by(ORIGIN);
    origin->key_epoch = 0;
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 0, false), FAMA_OFFER_STORED);
    origin->key_epoch = 4;
    origin->signature[20] ^= 1;
    for (uint32_t i = 0; i < CHUNKS; i++) {
        (void)send_and_see(&bench, origin, i, true);
    }
    expect_whole(&bench, 0, origin);
    CU_ASSERT_EQUAL(bench.verifications, 2);
    /* It has lost its key since, and sends the block once more: under a new one, and never under an old one. */
    for (uint32_t epoch = 3; epoch < 6; epoch++) {
        origin->key_epoch = epoch;
        origin->signature[20] ^= (uint8_t)epoch;
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, 0, epoch == 5),
                        epoch == 5 ? FAMA_OFFER_LATE : FAMA_OFFER_DROPPED);
    }
    CU_ASSERT_EQUAL(bench.verifications, 3);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_forged_signatures_do_not_keep_the_right_one_out(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    struct cut_block *forged = signed_by(ORIGIN);
    forged->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 0, true), FAMA_OFFER_STORED);
    uint32_t tickets[20];
    for (uint32_t i = 0; i < 20; i++) {
        forged->signature[20] = (uint8_t)i;
        offer(&bench, packet_of(&bench, 0, forged, 1));
        /* The chunk itself is good: nothing is lost with its signature. */
        CU_ASSERT_EQUAL(bench.last.offer, i == 0 ? FAMA_OFFER_STORED : FAMA_OFFER_LATE);
        CU_ASSERT_EQUAL_FATAL(bench.last.onward, FAMA_ONWARD_VERIFY);
        tickets[i] = bench.last.root_ticket;
        if (i >= 10) {
            CU_ASSERT_EQUAL(judge(&bench, tickets[i], false), 1);
        }
    }
    /* While ten of them wait and after as many were refused. */
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 1, true), FAMA_OFFER_LATE);
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 2, true), FAMA_OFFER_STORED);
    for (uint32_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(judge(&bench, tickets[i], false), 1);
    }
    /* Once the right one is known, no other one of its origin is looked at. */
    uint32_t verifications = bench.verifications;
    CU_ASSERT_EQUAL(send_and_see(&bench, forged, 3, false), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_NO);
    CU_ASSERT_EQUAL(bench.verifications, verifications);
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 3, true), FAMA_OFFER_LATE);
    cut_block_free(insider);
    cut_block_free(origin);
    cut_block_free(forged);
    tear_down(&bench);
}

static void test_a_member_has_one_place_however_often_it_signs(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 0, true), FAMA_OFFER_STORED);
    for (uint32_t i = 1; i < 100; i++) {
        insider->signature[20] = (uint8_t)i;
        CU_ASSERT_EQUAL(send_and_see(&bench, insider, 1, false),
                        i == 1 ? FAMA_OFFER_STORED : FAMA_OFFER_LATE);
    }
    CU_ASSERT_EQUAL(bench.verifications, 1);
    CU_ASSERT_EQUAL(send_and_see(&bench, origin, 1, true), FAMA_OFFER_LATE);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

/* Block `number`, of which `count` insiders bring everything before the origin does; whether what the origin
 * brings goes on. */
static bool origin_gets_through(struct bench *bench, uint64_t number, uint32_t count)
{
    for (uint32_t i = 0; i <= count; i++) {
        struct cut_block *block =
            cut_block_make(number, CHUNKS * 1000, 1000, i < count ? 100 + i : ORIGIN, number);
        bench->onward_count = 0;
        for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
            (void)deliver(bench, 0, block, chunk);
        }
        cut_block_free(block);
    }
    set_height(bench, 0, number + 1);
    give_back(bench, true);
    /* Until its loss is noted. */
    struct fama_gap gap;
    bench->now_ns += FAMA_LATE_NS;
    CU_ASSERT_FALSE(find_gap(bench, &gap));
    CU_ASSERT(bench->onward_count == 0 || bench->onward_count == CHUNKS);
    return bench->onward_count == CHUNKS;
}

static void test_three_insiders_keep_out_a_new_origin_and_any_number_no_steady_one(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    CU_ASSERT_TRUE(origin_gets_through(&bench, 0, 2));
    CU_ASSERT_FALSE(origin_gets_through(&bench, 1, 3));
    /* One of the insiders, then, is who brings the channel's blocks; it goes away, and the origin takes its part. */
    CU_ASSERT_TRUE(origin_gets_through(&bench, 2, 0));
    for (uint64_t number = 3; number < 20; number++) {
        uint32_t verifications = bench.verifications;
        CU_ASSERT_TRUE(origin_gets_through(&bench, number, 20));
        CU_ASSERT_EQUAL(bench.verifications - verifications, FAMA_SET_SIGNERS);
    }
    tear_down(&bench);
}

static void test_a_chunk_that_may_not_wait_or_has_no_hops_left_is_stored_and_not_verified(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.roots_max = 1;
    set_up(&bench, &limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 0, true), FAMA_OFFER_STORED);
    struct packet *packet = packet_of(&bench, 0, origin, 1);
    offer_as(&bench, packet, NULL);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_NO);
    free(packet);
    packet = packet_of(&bench, 0, origin, 2);
    packet->chunk.hops = 0;
    offer(&bench, packet);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_NO);
    /* No room for one more root: another waits. */
    struct cut_block *next = cut_block_make(1, 2000, 1000, ORIGIN, 1);
    offer(&bench, packet_of(&bench, 0, next, 0));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, origin, 3));
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(bench.last.onward, FAMA_ONWARD_NO);
    CU_ASSERT_EQUAL(judge(&bench, ticket, true), 1);
    for (uint32_t i = 1; i < 4; i++) {
        CU_ASSERT_EQUAL(send_and_see(&bench, origin, i, true), FAMA_OFFER_LATE);
    }
    cut_block_free(insider);
    cut_block_free(origin);
    cut_block_free(next);
    tear_down(&bench);
}

static void test_two_signatures_of_one_root_that_wait_together_are_both_entered(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    offer(&bench, packet_of(&bench, 0, insider, 0));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t ticket = bench.last.root_ticket;
    offer(&bench, packet_of(&bench, 0, origin, 0));
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    uint32_t second = bench.last.root_ticket;
    CU_ASSERT_EQUAL(judge(&bench, ticket, true), 1);
    CU_ASSERT_EQUAL(judge(&bench, second, true), 1);
    CU_ASSERT_EQUAL(bench.onward_count, 2);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_LATE);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

static void test_every_signer_of_a_set_that_is_a_lie_is_blamed(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *blocks[2];
    for (uint32_t i = 0; i < 2; i++) {
        blocks[i] = cut_block_make_with_parity(0, 4000, 1000, 8, 20 + i, 1);
        cut_block_parity_at(blocks[i], 0, 0)[3] ^= 1;
        cut_block_build_tree(blocks[i], 0);
        CU_ASSERT_EQUAL(deliver_index(&bench, 0, blocks[i], 0, i), FAMA_OFFER_STORED);
    }
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, blocks[0], 0, 2), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, blocks[0], 0, 4), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SET_POLLUTED);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(deliver_index(&bench, 0, blocks[i], 0, 3), FAMA_OFFER_DROPPED);
        CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ORIGIN_BLAMED);
        cut_block_free(blocks[i]);
    }
    tear_down(&bench);
}

static void test_who_is_blamed_gets_no_place(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *bad = cut_block_make(1, 1000, 1000, INSIDER, 9);
    struct cut_block *insider = signed_by(INSIDER);
    struct cut_block *origin = signed_by(ORIGIN);
    CU_ASSERT_EQUAL(deliver(&bench, 0, origin, 0), FAMA_OFFER_STORED);
    offer(&bench, packet_of(&bench, 0, insider, 1));
    CU_ASSERT_EQUAL_FATAL(bench.last.onward, FAMA_ONWARD_VERIFY);
    uint32_t ticket = bench.last.root_ticket;
    CU_ASSERT_EQUAL(deliver(&bench, 0, bad, 0), FAMA_OFFER_COMPLETE);
    give_back(&bench, false);
    CU_ASSERT_EQUAL(judge(&bench, ticket, true), 1);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
    for (uint32_t i = 1; i < CHUNKS; i++) {
        (void)send_and_see(&bench, origin, i, true);
    }
    CU_ASSERT_EQUAL(send_and_see(&bench, insider, 2, false), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_DUPLICATE);
    cut_block_free(bad);
    cut_block_free(insider);
    cut_block_free(origin);
    tear_down(&bench);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_origins_chunks_go_on_after_an_insiders),
        TEST(test_the_origins_chunks_go_on_when_an_insider_has_brought_the_whole_block),
        TEST(test_a_signature_verified_when_its_block_is_done_counts_all_the_same),
        TEST(test_the_origins_chunks_go_on_after_a_repair),
        TEST(test_an_origin_whose_answer_came_before_its_push_is_passed_on),
        TEST(test_forged_signatures_do_not_keep_the_right_one_out),
        TEST(test_a_member_has_one_place_however_often_it_signs),
        TEST(test_three_insiders_keep_out_a_new_origin_and_any_number_no_steady_one),
        TEST(test_a_chunk_that_may_not_wait_or_has_no_hops_left_is_stored_and_not_verified),
        TEST(test_two_signatures_of_one_root_that_wait_together_are_both_entered),
        TEST(test_every_signer_of_a_set_that_is_a_lie_is_blamed),
        TEST(test_who_is_blamed_gets_no_place),
    };
    return run_suite("signers of one root", cases, sizeof(cases) / sizeof(cases[0]));
}
