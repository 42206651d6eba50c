/* Sets with parity: what is lost is made of what came, what comes late goes on, and what is no codeword is its
 * signer's lie. */
#include "dataplane/fanout.h"
#include "unit/reassembly_bench.h"
#include "unit/seed.h"

static struct fama_random generator;

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static void expect_late_once(struct bench *bench, const struct cut_block *block, uint32_t set,
                             uint32_t index, enum fama_drop afterwards)
{
    uint32_t verifications = bench->verifications;
    CU_ASSERT_EQUAL_FATAL(deliver_index(bench, 0, block, set, index), FAMA_OFFER_LATE);
    CU_ASSERT_EQUAL(bench->last.onward, FAMA_ONWARD_YES);
    CU_ASSERT_EQUAL_FATAL(deliver_index(bench, 0, block, set, index), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench->last.drop, afterwards);
    CU_ASSERT_EQUAL(bench->verifications, verifications);
}

/* Delivers the chunks of set 0 that `present` names, which are k, in a random order. */
static void deliver_present(struct bench *bench, const struct cut_block *block, uint64_t present)
{
    uint32_t order[FAMA_SET_CHUNKS_MAX] = {0};
    uint32_t count = 0;
    for (uint64_t left = present; left != 0; left &= left - 1) {
        uint32_t at = below(count + 1);
        order[count] = order[at];
        order[at] = (uint32_t)__builtin_ctzll(left);
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(deliver_index(bench, 0, block, 0, order[i]),
                              i + 1 < count ? FAMA_OFFER_STORED : FAMA_OFFER_COMPLETE);
    }
}

/* A block of one set, of which just k chunks come; then all the others, too late. */
static void lose_all_but(struct bench *bench, struct cut_block *block, uint64_t present)
{
    uint32_t count = cut_block_count(block, 0);
    deliver_present(bench, block, present);
    expect_whole(bench, 0, block);
    for (uint32_t i = 0; i < count; i++) {
        if ((present >> i & 1) == 0) {
            expect_late_once(bench, block, 0, i, FAMA_DROP_CHUNK_DUPLICATE);
        }
    }
    CU_ASSERT_EQUAL(memcmp(bench->whole.at, block->bytes, block->len), 0);
    block->number++;
    set_height(bench, 0, block->number);
    give_back(bench, true);
}

static void test_any_k_chunks_of_a_small_set_give_its_block(void)
{
    struct bench bench;
    static const uint8_t parities[] = {1, 2, 3, 4, FAMA_PARITY_MAX};
    uint32_t patterns = 0;
    set_up(&bench, &usual_limits);
    uint64_t number = 0;
    for (uint32_t data = 1; data <= 5; data++) {
        for (uint32_t p = 0; p < sizeof(parities); p++) {
            for (uint32_t shortening = 0; shortening < 2; shortening++) {
                uint32_t len = data * 100 - shortening * (1 + below(99));
                struct cut_block *block =
                    cut_block_make_with_parity(number, len, 100, parities[p], 7, number);
                uint32_t count = cut_block_count(block, 0);
                for (uint64_t present = 0; present < UINT64_C(1) << count; present++) {
                    if ((uint32_t)__builtin_popcountll(present) == data) {
                        lose_all_but(&bench, block, present);
                        patterns++;
                    }
                }
                number = block->number;
                cut_block_free(block);
            }
        }
    }
    CU_ASSERT_EQUAL(patterns, 1642);
    tear_down(&bench);
}

static void test_random_losses_up_to_the_parity_are_made_good_in_large_sets(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    for (uint64_t number = 0; number < 120;) {
        uint32_t data = 1 + below(32);
        uint8_t parity = (uint8_t)(1 + below(32));
        uint16_t chunk_bytes = (uint16_t)(64 + below(3000));
        uint32_t len = data * chunk_bytes - below(chunk_bytes);
        struct cut_block *block =
            cut_block_make_with_parity(number, len, chunk_bytes, parity, 7, number);
        uint64_t present = 0;
        for (uint32_t left = data; left > 0;) {
            uint64_t bit = UINT64_C(1) << below(cut_block_count(block, 0));
            left -= (present & bit) == 0;
            present |= bit;
        }
        lose_all_but(&bench, block, present);
        number = block->number;
        cut_block_free(block);
    }
    tear_down(&bench);
}

static void test_a_block_of_many_sets_bears_a_loss_in_each(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 300017, 1000, 5, 7, 1);
    for (uint32_t set = block->geometry.sets; set-- > 0;) {
        uint32_t data = cut_block_data(block, set);
        uint32_t lost = cut_block_parity(block, set);
        for (uint32_t i = lost; i < data + lost; i++) {
            (void)deliver_index(&bench, 0, block, set, i);
        }
    }
    expect_whole(&bench, 0, block);
    CU_ASSERT_FALSE(bench.whole.was_repaired);
    CU_ASSERT_EQUAL(bench.verifications, block->geometry.sets);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_nothing_is_decoded_where_no_data_is_missing(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 64000, 1000, 4, 7, 1);
    for (uint32_t set = 0; set < 2; set++) {
        for (uint32_t i = 0; i < 32; i++) {
            (void)deliver_index(&bench, 0, block, set, i);
        }
        if (set == 0) {
            /* Parity is of use to nobody here, and yet others may need it. */
            CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 0, 32), FAMA_OFFER_STORED);
        }
    }
    expect_whole(&bench, 0, block);
    CU_ASSERT_EQUAL(fama_erasure_counts(bench.reassembly->erasure)->decoded, 0);
    CU_ASSERT_EQUAL(fama_erasure_counts(bench.reassembly->erasure)->encoded, 0);
    set_height(&bench, 0, 1);
    give_back(&bench, true);
    cut_block_free(block);
    block = cut_block_make_with_parity(1, 64000, 1000, 4, 7, 1);
    for (uint32_t set = 0; set < 2; set++) {
        for (uint32_t i = 1; i < 36; i++) {
            (void)deliver_index(&bench, 0, block, set, i);
        }
    }
    CU_ASSERT_EQUAL(bench.whole_count, 2);
    CU_ASSERT_EQUAL(fama_erasure_counts(bench.reassembly->erasure)->decoded, 2);
    CU_ASSERT_EQUAL(fama_erasure_counts(bench.reassembly->erasure)->rebuilt, 2);
    cut_block_free(block);
    tear_down(&bench);
}

/* ---- Late chunks ---- */

static void test_a_chunk_that_decoding_made_goes_on_when_it_comes_while_the_block_still_fills(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 64000, 1000, 4, 7, 1);
    for (uint32_t i = 2; i < 34; i++) {
        CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 0, i), FAMA_OFFER_STORED);
    }
    expect_late_once(&bench, block, 0, 0, FAMA_DROP_CHUNK_DUPLICATE);
    expect_late_once(&bench, block, 0, 1, FAMA_DROP_CHUNK_DUPLICATE);
    /* A forged one does not. */
    struct cut_block *other = cut_block_make_with_parity(0, 64000, 1000, 4, 8, 2);
    other->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, other, 0, 34), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ROOT_FORGED);
    cut_block_free(other);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_late_chunks_go_on_until_the_slot_has_another_block(void)
{
    struct bench bench;
    struct fama_reassembly_limits limits = usual_limits;
    limits.slots = 1;
    set_up(&bench, &limits);
    struct cut_block *block = cut_block_make_with_parity(0, 10000, 1000, 8, 7, 1);
    CU_ASSERT_EQUAL(cut_block_count(block, 0), 14);
    for (uint32_t i = 0; i < 10; i++) {
        (void)deliver_index(&bench, 0, block, 0, i);
    }
    expect_whole(&bench, 0, block);
    expect_late_once(&bench, block, 0, 10, FAMA_DROP_CHUNK_DUPLICATE);
    set_height(&bench, 0, 1);
    expect_late_once(&bench, block, 0, 11, FAMA_DROP_CHUNK_STALE);
    give_back(&bench, true);
    expect_late_once(&bench, block, 0, 12, FAMA_DROP_CHUNK_STALE);
    /* What comes within a session is for us alone. */
    struct packet *repair = set_packet_of(&bench, 0, block, 0, 13);
    repair->chunk.key_epoch = 0;
    offer(&bench, repair);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_STALE);
    /* Changed on the way it goes nowhere, and nobody's signature is verified for it. */
    uint32_t verifications = bench.verifications;
    struct packet *changed = set_packet_of(&bench, 0, block, 0, 13);
    changed->payload.at = block->bytes;
    offer(&bench, changed);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_EQUAL(bench.verifications, verifications);
    CU_ASSERT_EQUAL(begin(&bench, 0, 1), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 0, 13), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_CHUNK_STALE);
    cut_block_free(block);
    tear_down(&bench);
}

static void test_slots_that_are_done_are_taken_again_and_in_turn(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    for (uint64_t number = 0; number < 40; number++) {
        CU_ASSERT_EQUAL_FATAL(finish(&bench, 0, number), FAMA_OFFER_COMPLETE);
        /* Fresh slots first; when there are none, the one that was done first. */
        CU_ASSERT_EQUAL(bench.whole.slot, number % 8);
        set_height(&bench, 0, number + 1);
        give_back(&bench, true);
        bench.now_ns++;
    }
    bench.now_ns += FAMA_LATE_NS;
    for (uint64_t number = 40; number < 44; number++) {
        CU_ASSERT_EQUAL_FATAL(finish(&bench, 0, number), FAMA_OFFER_COMPLETE);
        set_height(&bench, 0, number + 1);
        give_back(&bench, true);
        bench.now_ns += FAMA_LATE_NS;
    }
    tear_down(&bench);
}

/* ---- Lies ---- */

/* Delivers all chunks of set 0 but the first `missing`. The last one's result is in bench->last. */
static void deliver_without_first(struct bench *bench, const struct cut_block *block,
                                  uint32_t missing)
{
    uint32_t data = cut_block_data(block, 0);
    for (uint32_t i = missing; i < data + missing; i++) {
        (void)deliver_index(bench, 0, block, 0, i);
    }
}

static void expect_polluted_and_blamed(struct bench *bench, const struct cut_block *lie)
{
    CU_ASSERT_EQUAL_FATAL(bench->last.offer, FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL_FATAL(bench->last.drop, FAMA_DROP_SET_POLLUTED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench->reassembly, 0, 0), 0);
    uint32_t verifications = bench->verifications;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < cut_block_count(lie, 0); i++) {
            CU_ASSERT_EQUAL_FATAL(deliver_index(bench, 0, lie, 0, i), FAMA_OFFER_DROPPED);
            CU_ASSERT_EQUAL_FATAL(bench->last.drop, FAMA_DROP_ORIGIN_BLAMED);
        }
    }
    CU_ASSERT_EQUAL(bench->verifications, verifications);
    /* The block can be had of somebody else. */
    struct cut_block *good =
        cut_block_make_with_parity(0, lie->len, lie->chunk_bytes, lie->parity, 9, 99);
    for (uint32_t i = 0; i < cut_block_data(good, 0); i++) {
        (void)deliver_index(bench, 0, good, 0, i);
    }
    expect_whole(bench, 0, good);
    cut_block_free(good);
}

static void test_parity_that_is_no_codeword_is_its_signers_lie(void)
{
    for (uint32_t missing = 1; missing <= 3; missing++) {
        struct bench bench;
        set_up(&bench, &usual_limits);
        struct cut_block *lie = cut_block_make_with_parity(0, 9500, 1000, 8, 7, 1);
        CU_ASSERT_EQUAL(cut_block_parity(lie, 0), 4);
        cut_block_parity_at(lie, 0, below(missing))[below(1000)] ^= (uint8_t)(1 + below(255));
        cut_block_build_tree(lie, 0);
        deliver_without_first(&bench, lie, missing);
        expect_polluted_and_blamed(&bench, lie);
        cut_block_free(lie);
        tear_down(&bench);
    }
}

/* Even the parity that was not needed must fit: others may decode with that. */
static void test_parity_that_did_not_take_part_is_checked_as_well(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *lie = cut_block_make_with_parity(0, 10000, 1000, 8, 7, 1);
    cut_block_parity_at(lie, 0, 3)[17] ^= 1;
    cut_block_build_tree(lie, 0);
    deliver_without_first(&bench, lie, 1);
    expect_polluted_and_blamed(&bench, lie);
    cut_block_free(lie);
    tear_down(&bench);
}

static void test_a_last_chunk_continued_with_other_than_zeros_is_its_signers_lie(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *lie = cut_block_make_with_parity(0, 9500, 1000, 8, 7, 1);
    struct cut_block *whole = cut_block_make_with_parity(0, 10000, 1000, 8, 7, 1);
    for (uint32_t i = 0; i < 4; i++) {
        memcpy(cut_block_parity_at(lie, 0, i), cut_block_parity_at(whole, 0, i), 1000);
    }
    cut_block_build_tree(lie, 0);
    deliver_without_first(&bench, lie, 2);
    expect_polluted_and_blamed(&bench, lie);
    cut_block_free(lie);
    cut_block_free(whole);
    tear_down(&bench);
}

static void test_a_lie_that_nobody_has_to_look_at_is_not_looked_at(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *lie = cut_block_make_with_parity(0, 9500, 1000, 8, 7, 1);
    cut_block_parity_at(lie, 0, 1)[0] ^= 1;
    cut_block_build_tree(lie, 0);
    deliver_without_first(&bench, lie, 0);
    expect_whole(&bench, 0,
                 lie); /* the data are what was signed; the ledger says what they are worth */
    cut_block_free(lie);
    tear_down(&bench);
}

/* A tree whose lone node is paired with something else: 5 leaves, the last one alone on three levels. */
static void test_a_tree_that_no_honest_origin_builds_is_its_signers_lie(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *lie = cut_block_make(0, 4500, 1000, 7, 1);
    struct packet *packet = packet_of(&bench, 0, lie, 4);
    memset(packet->proof, 0x5a, FAMA_MERKLE_NODE_BYTES);
    /* What its signer signs is what this proof leads to. */
    uint8_t root[FAMA_MERKLE_NODE_BYTES];
    fama_merkle_climb(packet->payload, 4, 5, packet->proof, root);
    struct packet *again = malloc(sizeof(*again));
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    *again = *packet;
    again->chunk.signature = again->signature;
    again->chunk.proof = again->proof;
    offer(&bench, packet);
    CU_ASSERT_EQUAL_FATAL(bench.last.offer, FAMA_OFFER_VERIFY);
    CU_ASSERT_EQUAL(memcmp(bench.last.root, root, sizeof(root)), 0);
    CU_ASSERT_EQUAL(judge(&bench, bench.last.root_ticket, true), 1);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SET_POLLUTED);
    CU_ASSERT_EQUAL(fama_reassembly_present(bench.reassembly, 0, 0), 0);
    offer(&bench, again);
    CU_ASSERT_EQUAL(bench.last.offer, FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ORIGIN_BLAMED);
    CU_ASSERT_EQUAL(bench.verifications, 1);
    cut_block_free(lie);
    tear_down(&bench);
}

/* Who lied about one set is blamed for it, not who signed the first. */
static void test_of_several_signers_the_one_of_the_polluted_set_is_blamed(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 64000, 1000, 4, 7, 1);
    struct cut_block *lie = cut_block_make_with_parity(0, 64000, 1000, 4, 8, 1);
    cut_block_parity_at(lie, 1, 0)[0] ^= 1;
    cut_block_build_tree(lie, 1);
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 0, 0), FAMA_OFFER_STORED);
    for (uint32_t i = 1; i < 33; i++) {
        (void)deliver_index(&bench, 0, lie, 1, i);
    }
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_SET_POLLUTED);
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, lie, 1, 0), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ORIGIN_BLAMED);
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 0, 0), FAMA_OFFER_STORED);
    cut_block_free(block);
    cut_block_free(lie);
    tear_down(&bench);
}

/* ---- Evidence ---- */

static void test_two_roots_of_one_origin_for_one_set_are_kept_as_evidence(void)
{
    struct bench bench;
    struct fama_equivocation evidence;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(3, 64000, 1000, 4, 7, 1);
    struct cut_block *other = cut_block_make_with_parity(3, 64000, 1000, 4, 7, 2);
    other->signature[20] = 0x55;
    other->key_epoch = 9;
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, block, 1, 0), FAMA_OFFER_STORED);
    CU_ASSERT_FALSE(fama_reassembly_evidence(bench.reassembly, &evidence));
    CU_ASSERT_EQUAL(deliver_index(&bench, 0, other, 1, 5), FAMA_OFFER_DROPPED);
    CU_ASSERT_EQUAL(bench.last.drop, FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_TRUE_FATAL(fama_reassembly_evidence(bench.reassembly, &evidence));
    CU_ASSERT_FALSE(fama_reassembly_evidence(bench.reassembly, &evidence));
    CU_ASSERT_EQUAL(evidence.channel, 100);
    CU_ASSERT_EQUAL(evidence.origin, 7);
    CU_ASSERT_EQUAL(evidence.block, 3);
    CU_ASSERT_EQUAL(evidence.set, 1);
    const struct cut_block *signers[] = {block, other};
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(memcmp(evidence.roots[i].root, fama_merkle_root(&signers[i]->trees[1]), 20),
                        0);
        CU_ASSERT_EQUAL(memcmp(evidence.roots[i].signature, signers[i]->signature, 64), 0);
        CU_ASSERT_EQUAL(evidence.roots[i].key_epoch, signers[i]->key_epoch);
        CU_ASSERT_EQUAL(evidence.roots[i].cut.block_bytes, 64000);
        CU_ASSERT_EQUAL(evidence.roots[i].cut.parity, 4);
    }
    cut_block_free(block);
    cut_block_free(other);
    tear_down(&bench);
}

static void test_two_lengths_of_one_block_by_one_origin_are_evidence(void)
{
    struct bench bench;
    struct fama_equivocation evidence;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make(0, 10000, 1000, 7, 1);
    struct cut_block *longer = cut_block_make(0, 10001, 1000, 7, 1);
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    CU_ASSERT_EQUAL(dropped(&bench, 0, longer, 0), FAMA_DROP_ROOT_CONFLICT);
    CU_ASSERT_TRUE(fama_reassembly_evidence(bench.reassembly, &evidence));
    CU_ASSERT_EQUAL(evidence.roots[1].cut.block_bytes, 10001);
    cut_block_free(block);
    cut_block_free(longer);
    tear_down(&bench);
}

/* Whoever answers a request cuts as the asker wants: that is no lie. Nor is what two say. */
static void test_another_cut_or_another_origin_is_no_evidence(void)
{
    struct bench bench;
    struct fama_equivocation evidence;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 10000, 1000, 4, 7, 1);
    struct cut_block *others[] = {
        cut_block_make_with_parity(0, 10000, 900, 4, 7, 1),
        cut_block_make_with_parity(0, 10000, 1000, 0, 7, 1),
        cut_block_make_with_parity(0, 10000, 1000, 4, 8, 2),
        cut_block_make_with_parity(0, 12000, 1000, 4, 8, 2),
        cut_block_make_with_parity(0, 10000, 1000, 4, 7, 2), /* a stranger's, in 7's name */
    };
    others[4]->signature[FAMA_SIGNATURE_BYTES - 1] = FORGED;
    CU_ASSERT_EQUAL(deliver(&bench, 0, block, 0), FAMA_OFFER_STORED);
    for (uint32_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(deliver(&bench, 0, others[4 - i], 1), FAMA_OFFER_DROPPED);
        CU_ASSERT_FALSE(fama_reassembly_evidence(bench.reassembly, &evidence));
        cut_block_free(others[4 - i]);
    }
    cut_block_free(block);
    tear_down(&bench);
}

/* ---- What is asked for, and what is known of loss ---- */

static void test_a_gap_asks_for_no_more_than_makes_k(void)
{
    struct bench bench;
    struct fama_gap gap;
    set_up(&bench, &usual_limits);
    for (uint32_t round = 0; round < 50; round++) {
        struct cut_block *block = cut_block_make_with_parity(round, 100100, 1000, 8, 7, round);
        uint64_t have[4] = {0};
        for (uint32_t set = 0; set < 4; set++) {
            uint32_t data = cut_block_data(block, set);
            for (uint32_t i = 0; i < cut_block_count(block, set); i++) {
                if (below(4) > 0 && (uint32_t)__builtin_popcountll(have[set]) + 1 < data) {
                    have[set] |= UINT64_C(1) << i;
                    CU_ASSERT_EQUAL_FATAL(deliver_index(&bench, 0, block, set, i),
                                          FAMA_OFFER_STORED);
                }
            }
        }
        bench.now_ns += STALLED;
        CU_ASSERT_TRUE_FATAL(find_gap(&bench, &gap));
        CU_ASSERT_EQUAL_FATAL(gap.count, 4);
        CU_ASSERT_EQUAL(gap.cut.parity, 8);
        for (uint32_t set = 0; set < 4; set++) {
            uint64_t wanted = gap.entries[set].wanted;
            uint32_t data = cut_block_data(block, set);
            CU_ASSERT_EQUAL(gap.entries[set].set, set);
            CU_ASSERT_EQUAL(wanted & have[set], 0);
            CU_ASSERT_EQUAL(wanted >> data, 0);
            CU_ASSERT_EQUAL(__builtin_popcountll(wanted) + __builtin_popcountll(have[set]),
                            (int)data);
            for (uint64_t left = wanted; left != 0; left &= left - 1) {
                struct packet *packet =
                    set_packet_of(&bench, 0, block, set, (uint32_t)__builtin_ctzll(left));
                packet->chunk.key_epoch = 0;
                offer(&bench, packet);
            }
        }
        expect_whole(&bench, 0, block);
        CU_ASSERT_TRUE(bench.whole.was_repaired);
        set_height(&bench, 0, round + 1);
        give_back(&bench, true);
        cut_block_free(block);
    }
    tear_down(&bench);
}

/* Pushes a block of which each chunk is lost with this probability; what is missing then is repaired. */
static void push_with_loss(struct bench *bench, uint64_t number, uint32_t loss_percent)
{
    struct cut_block *block = cut_block_make_with_parity(number, 96000, 1000, 4, 7, number);
    for (uint32_t set = 0; set < 3; set++) {
        for (uint32_t i = 0; i < cut_block_count(block, set); i++) {
            if (below(100) >= loss_percent) {
                (void)deliver_index(bench, 0, block, set, i);
            }
        }
    }
    block->key_epoch = 0;
    uint32_t whole_before = bench->whole_count;
    for (uint32_t i = 0; i < 96 && bench->whole.number != number; i++) {
        (void)deliver(bench, 0, block, i);
    }
    CU_ASSERT_FATAL(bench->whole.number == number && bench->whole_count >= whole_before);
    set_height(bench, 0, number + 1);
    give_back(bench, true);
    bench->now_ns += FAMA_LATE_NS;
    cut_block_free(block);
}

static void test_the_loss_of_what_is_pushed_is_followed_and_repairs_do_not_hide_it(void)
{
    struct bench bench;
    set_up(&bench, &usual_limits);
    CU_ASSERT_EQUAL(fama_reassembly_loss(bench.reassembly, 0), 0);
    bench.whole.number = UINT64_MAX;
    uint64_t number = 0;
    for (uint32_t i = 0; i < 50; i++) {
        push_with_loss(&bench, number++, 0);
    }
    CU_ASSERT_EQUAL(fama_reassembly_loss(bench.reassembly, 0), 0);
    for (uint32_t i = 0; i < 300; i++) {
        push_with_loss(&bench, number++, 20);
    }
    CU_ASSERT(fama_reassembly_loss(bench.reassembly, 0) > 1500);
    CU_ASSERT(fama_reassembly_loss(bench.reassembly, 0) < 2500);
    /* Blocks that come on request only say nothing of it. */
    uint16_t before = fama_reassembly_loss(bench.reassembly, 0);
    for (uint32_t i = 0; i < 20; i++) {
        push_with_loss(&bench, number++, 100);
    }
    CU_ASSERT(abs(fama_reassembly_loss(bench.reassembly, 0) - before) < 200);
    for (uint32_t i = 0; i < 300; i++) {
        push_with_loss(&bench, number++, 0);
    }
    CU_ASSERT(fama_reassembly_loss(bench.reassembly, 0) < 10);
    CU_ASSERT_EQUAL(fama_reassembly_loss(bench.reassembly, 1), 0);
    CU_ASSERT_EQUAL(fama_reassembly_loss(bench.reassembly, FAMA_CHANNELS_MAX), 0);
    tear_down(&bench);
}

/* ---- Memory ---- */

/* The largest blocks with the most parity, in every cut: no chunk's place reaches out of its slot (the bench
 * looks at each), and every octet of the next slot stays as it was. */
static void test_the_largest_block_with_the_most_parity_stays_in_its_slot(void)
{
    static const struct {
        uint32_t len;
        uint16_t chunk_bytes;
    } cuts[] = {{1 << 17, 512},
                {1 << 17, FAMA_CHUNK_BYTES_MAX},
                {(1 << 17) - 1, 640},
                {4 * FAMA_CHUNK_BYTES_MAX + 1, FAMA_CHUNK_BYTES_MAX},
                {1, 64},
                {(1 << 17) - 63, 4096}};
    for (uint32_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
        struct bench bench;
        struct fama_reassembly_limits limits = usual_limits;
        limits.slots = 3;
        limits.block_bytes_max = 1 << 17;
        set_up(&bench, &limits);
        struct fama_reassembly *reassembly = bench.reassembly;
        struct cut_block *block =
            cut_block_make_with_parity(0, cuts[c].len, cuts[c].chunk_bytes, FAMA_PARITY_MAX, 7, c);
        memset(reassembly->slots[1].buffer, 0xee, reassembly->buffer_bytes);
        bench.whole_count = 0;
        /* Parity first, so that all of it is stored, then data. */
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            uint32_t data = cut_block_data(block, set);
            for (uint32_t i = cut_block_count(block, set); i-- > 0;) {
                if (i != 0 && i != data) {
                    (void)deliver_index(&bench, 0, block, set, i);
                }
            }
            (void)deliver_index(&bench, 0, block, set, data);
            (void)deliver_index(&bench, 0, block, set, 0);
        }
        CU_ASSERT_EQUAL_FATAL(bench.whole_count, 1);
        CU_ASSERT_EQUAL(memcmp(bench.whole.at, block->bytes, block->len), 0);
        CU_ASSERT_EQUAL(bench.whole.slot, 0);
        for (size_t i = 0; i < reassembly->buffer_bytes; i++) {
            CU_ASSERT_EQUAL_FATAL(reassembly->slots[1].buffer[i], 0xee);
        }
        cut_block_free(block);
        tear_down(&bench);
    }
}

static void test_no_chunk_has_room_before_its_root_is_known_nor_when_it_is_not_needed(void)
{
    struct bench bench;
    uint8_t *room;
    set_up(&bench, &usual_limits);
    struct cut_block *block = cut_block_make_with_parity(0, 10000, 1000, 8, 7, 1);
    struct packet *packet = set_packet_of(&bench, 0, block, 0, 3);
    CU_ASSERT_EQUAL(fama_reassembly_place(bench.reassembly, bench.now_ns, bench.channels[0],
                                          &packet->chunk, &room),
                    FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(room);
    (void)deliver_index(&bench, 0, block, 0, 0);
    CU_ASSERT_EQUAL(fama_reassembly_place(bench.reassembly, bench.now_ns, bench.channels[0],
                                          &packet->chunk, &room),
                    FAMA_DROP_NONE);
    CU_ASSERT_PTR_NOT_NULL(room);
    /* Garbage that was opened there and never offered harms nobody. */
    memset(room, 0xdd, 1000);
    for (uint32_t i = 4; i < 13; i++) {
        (void)deliver_index(&bench, 0, block, 0, i);
    }
    expect_whole(&bench, 0, block);
    CU_ASSERT_EQUAL(fama_reassembly_place(bench.reassembly, bench.now_ns, bench.channels[0],
                                          &packet->chunk, &room),
                    FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(room); /* it is late */
    free(packet);
    cut_block_free(block);
    tear_down(&bench);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("reassembly parity"));
    static const struct test_case cases[] = {
        TEST(test_any_k_chunks_of_a_small_set_give_its_block),
        TEST(test_random_losses_up_to_the_parity_are_made_good_in_large_sets),
        TEST(test_a_block_of_many_sets_bears_a_loss_in_each),
        TEST(test_nothing_is_decoded_where_no_data_is_missing),
        TEST(test_a_chunk_that_decoding_made_goes_on_when_it_comes_while_the_block_still_fills),
        TEST(test_late_chunks_go_on_until_the_slot_has_another_block),
        TEST(test_slots_that_are_done_are_taken_again_and_in_turn),
        TEST(test_parity_that_is_no_codeword_is_its_signers_lie),
        TEST(test_parity_that_did_not_take_part_is_checked_as_well),
        TEST(test_a_last_chunk_continued_with_other_than_zeros_is_its_signers_lie),
        TEST(test_a_lie_that_nobody_has_to_look_at_is_not_looked_at),
        TEST(test_a_tree_that_no_honest_origin_builds_is_its_signers_lie),
        TEST(test_of_several_signers_the_one_of_the_polluted_set_is_blamed),
        TEST(test_two_roots_of_one_origin_for_one_set_are_kept_as_evidence),
        TEST(test_two_lengths_of_one_block_by_one_origin_are_evidence),
        TEST(test_another_cut_or_another_origin_is_no_evidence),
        TEST(test_a_gap_asks_for_no_more_than_makes_k),
        TEST(test_the_loss_of_what_is_pushed_is_followed_and_repairs_do_not_hide_it),
        TEST(test_the_largest_block_with_the_most_parity_stays_in_its_slot),
        TEST(test_no_chunk_has_room_before_its_root_is_known_nor_when_it_is_not_needed),
    };
    return run_suite("reassembly of sets with parity", cases, sizeof(cases) / sizeof(cases[0]));
}
