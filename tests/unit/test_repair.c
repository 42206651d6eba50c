#include "controlplane/repair.h"

#include "dataplane/wire_session.h"
#include "unit/suite.h"

#define MS       1000000ull
#define SELF     1u
#define CHANNEL  77u
#define WINDOW   8u
#define PATIENCE (50 * MS)
#define RETRY    (100 * MS)

static struct fama_repair *create(uint32_t holders_max)
{
    struct fama_repair_config config = {.self = SELF,
                                        .channel = CHANNEL,
                                        .window_blocks = WINDOW,
                                        .patience_ns = PATIENCE,
                                        .retry_ns = RETRY,
                                        .chunk_bytes = 1200,
                                        .holders_max = holders_max,
                                        .random_seed = 42};
    struct fama_repair *repair = fama_repair_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(repair);
    return repair;
}

static uint32_t take_all(struct fama_repair *repair, uint64_t now_ns,
                         struct fama_repair_request *requests, uint32_t room)
{
    uint32_t count = 0;
    while (count < room && fama_repair_next(repair, now_ns, &requests[count])) {
        count++;
    }
    return count;
}

static void test_without_limits_nothing_is_created(void)
{
    struct fama_repair_config config = {.window_blocks = 65, .retry_ns = 1, .holders_max = 1};
    CU_ASSERT_PTR_NULL(fama_repair_create(&config));
    config.window_blocks = 0;
    CU_ASSERT_PTR_NULL(fama_repair_create(&config));
}

static void test_push_has_its_time_before_anything_is_asked_for(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request requests[WINDOW + 1];
    CU_ASSERT_TRUE(fama_repair_on_stateinfo(repair, 0, 2, 3));
    CU_ASSERT_FALSE(fama_repair_on_stateinfo(repair, 0, 2, 3));
    CU_ASSERT_FALSE(fama_repair_on_stateinfo(repair, 0, SELF, 9));
    CU_ASSERT_EQUAL(fama_repair_known_height(repair), 3);
    CU_ASSERT_EQUAL(take_all(repair, PATIENCE - 1, requests, WINDOW + 1), 0);
    CU_ASSERT_EQUAL(fama_repair_next_ns(repair), PATIENCE);
    CU_ASSERT_EQUAL(take_all(repair, PATIENCE, requests, WINDOW + 1), 3);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(requests[i].holder, 2);
        CU_ASSERT_EQUAL(requests[i].request.channel, CHANNEL);
        CU_ASSERT_EQUAL(requests[i].request.block, i);
        CU_ASSERT_EQUAL(requests[i].request.block_bytes, 0);
        CU_ASSERT_EQUAL(requests[i].request.parity, 0);
        CU_ASSERT_EQUAL(requests[i].request.chunk_bytes, 1200);
        CU_ASSERT_EQUAL(requests[i].request.count, 0);
    }
    CU_ASSERT_EQUAL(fama_repair_next_ns(repair), PATIENCE + RETRY);
    fama_repair_destroy(repair);
}

static void test_a_window_of_blocks_and_no_more_is_asked_for_lowest_first(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request requests[100];
    fama_repair_on_stateinfo(repair, 0, 2, 1000);
    CU_ASSERT_EQUAL(take_all(repair, PATIENCE, requests, 100), WINDOW);
    CU_ASSERT_EQUAL(requests[0].request.block, 0);
    CU_ASSERT_EQUAL(requests[WINDOW - 1].request.block, WINDOW - 1);
    fama_repair_on_height(repair, PATIENCE, 3);
    CU_ASSERT_EQUAL(take_all(repair, PATIENCE, requests, 100), 3);
    CU_ASSERT_EQUAL(requests[0].request.block, WINDOW);
    fama_repair_destroy(repair);
}

static void test_a_block_at_hand_is_never_asked_for(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request requests[100];
    fama_repair_on_stateinfo(repair, 0, 2, 6);
    struct fama_window window = {.first = 0, .present = 0x2d, .horizon = 9};
    fama_repair_on_window(repair, 0, &window);
    CU_ASSERT_EQUAL(fama_repair_known_height(repair), 9);
    CU_ASSERT_EQUAL_FATAL(take_all(repair, PATIENCE, requests, 100), 2);
    CU_ASSERT_EQUAL(requests[0].request.block, 1);
    CU_ASSERT_EQUAL(requests[1].request.block, 4);
    fama_repair_destroy(repair);
}

static void test_a_lapsed_request_goes_to_another_holder_after_a_doubled_wait(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request first;
    struct fama_repair_request again;
    fama_repair_on_stateinfo(repair, 0, 2, 1);
    fama_repair_on_stateinfo(repair, 0, 3, 1);
    CU_ASSERT_TRUE_FATAL(fama_repair_next(repair, PATIENCE, &first));
    uint64_t now_ns = PATIENCE;
    uint64_t wait_ns = RETRY;
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_FALSE(fama_repair_next(repair, now_ns + wait_ns - 1, &again));
        now_ns += wait_ns;
        CU_ASSERT_TRUE_FATAL(fama_repair_next(repair, now_ns, &again));
        CU_ASSERT_NOT_EQUAL(again.holder, first.holder);
        first = again;
        wait_ns *= 2;
    }
    fama_repair_destroy(repair);
}

static void test_missing_chunks_are_asked_for_at_once_and_again_only_when_reported_again(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request request;
    fama_repair_on_stateinfo(repair, 0, 2, 1);
    fama_repair_on_window(repair, 0, &(struct fama_window){.first = 0, .present = 1});
    CU_ASSERT_FALSE(fama_repair_next(repair, 0, &request));
    struct fama_gap gap = {
        .block = 0, .cut = {100000, 1000, 4}, .count = 2, .entries = {{0, 5}, {1, 1}}};
    fama_repair_on_gap(repair, 0, &gap);
    CU_ASSERT_TRUE_FATAL(fama_repair_next(repair, 0, &request));
    CU_ASSERT_EQUAL(request.request.block_bytes, 100000);
    CU_ASSERT_EQUAL(request.request.chunk_bytes, 1000);
    CU_ASSERT_EQUAL(request.request.parity, 4);
    CU_ASSERT_EQUAL(request.request.count, 2);
    CU_ASSERT_EQUAL(request.request.entries[0].wanted, 5);
    CU_ASSERT_EQUAL(request.request.entries[1].set, 1);
    CU_ASSERT_FALSE(fama_repair_next(repair, 10 * RETRY, &request));
    gap.count = 1;
    fama_repair_on_gap(repair, 10 * RETRY, &gap);
    CU_ASSERT_TRUE(fama_repair_next(repair, 10 * RETRY, &request));
    fama_repair_on_gap(repair, 10 * RETRY, &gap);
    CU_ASSERT_FALSE(fama_repair_next(repair, 10 * RETRY, &request));
    gap.block = 9;
    fama_repair_on_gap(repair, 20 * RETRY, &gap);
    fama_repair_on_height(repair, 20 * RETRY, 1);
    CU_ASSERT_FALSE(fama_repair_next(repair, 20 * RETRY, &request));
    fama_repair_destroy(repair);
}

static void
test_who_signed_a_block_s_root_is_asked_for_its_missing_chunks_before_anybody_states_it(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request request;
    struct fama_gap gap = {.block = 0, .cut = {100000, 1000, 4}, .count = 1, .entries = {{0, 5}}};
    fama_repair_on_window(repair, 0, &(struct fama_window){.first = 0, .present = 1});
    fama_repair_on_gap(repair, 0, &gap); /* no root verified yet */
    CU_ASSERT_FALSE(fama_repair_next(repair, 0, &request));
    gap.origin = 7;
    fama_repair_on_gap(repair, 1, &gap);
    CU_ASSERT_TRUE_FATAL(fama_repair_next(repair, 1, &request));
    CU_ASSERT_EQUAL(request.holder, 7);
    CU_ASSERT_EQUAL(fama_repair_known_height(repair), 1);
    fama_repair_destroy(repair);
}

static void test_a_block_that_nobody_can_complete_is_asked_for_as_if_nothing_were_known_of_it(void)
{
    enum { LIAR = 7, HONEST = 3 };
    struct fama_repair *repair = create(4);
    struct fama_repair_request request;
    struct fama_gap gap = {
        .block = 0, .origin = LIAR, .cut = {100000, 1000, 4}, .count = 1, .entries = {{0, 6}}};
    const uint64_t begin_ns = 5 * RETRY;
    const uint64_t doubts = 3;
    uint64_t asked_anew = 0;
    fama_repair_on_stateinfo(repair, begin_ns, HONEST, 1);
    fama_repair_on_window(repair, begin_ns, &(struct fama_window){.first = 0, .present = 1});
    uint64_t end_ns = begin_ns + doubts * FAMA_REPAIR_DOUBT_NS + FAMA_REPAIR_DOUBT_NS / 2;
    for (uint64_t now_ns = begin_ns; now_ns < end_ns; now_ns += RETRY / 4) {
        /* Now and then a chunk comes from the liar, so that no request for chunks fails for long. */
        gap.entries[0].wanted ^= 4;
        fama_repair_on_gap(repair, now_ns, &gap);
        while (fama_repair_next(repair, now_ns, &request)) {
            if (request.request.count == 0) {
                asked_anew++;
                CU_ASSERT_EQUAL(request.request.block_bytes, 0);
                CU_ASSERT_EQUAL(request.holder, HONEST);
                CU_ASSERT(now_ns - begin_ns >= asked_anew * FAMA_REPAIR_DOUBT_NS);
            }
        }
    }
    CU_ASSERT(asked_anew >= 2 && asked_anew <= doubts);
    fama_repair_destroy(repair);
}

static void test_who_states_a_height_it_does_not_have_is_asked_ever_less(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request request;
    fama_repair_on_stateinfo(repair, 0, 2, (uint64_t)1 << 60);
    uint32_t early = 0;
    uint32_t late = 0;
    for (uint64_t now_ns = 0; now_ns < 400 * RETRY; now_ns += RETRY / 10) {
        while (fama_repair_next(repair, now_ns, &request)) {
            early += now_ns < 200 * RETRY;
            late += now_ns >= 200 * RETRY;
        }
    }
    CU_ASSERT(early <= 3 * WINDOW);
    CU_ASSERT(late <= 200 / 32 + 2);
    /* An honest member is asked as soon as its own patience is over. */
    uint64_t now_ns = 400 * RETRY;
    fama_repair_on_stateinfo(repair, now_ns, 3, 2);
    uint32_t honest = 0;
    for (uint64_t end_ns = now_ns + 4 * RETRY; now_ns < end_ns; now_ns += RETRY / 10) {
        while (fama_repair_next(repair, now_ns, &request)) {
            honest += request.holder == 3;
        }
    }
    CU_ASSERT(honest >= 2);
    fama_repair_destroy(repair);
}

static void test_the_forgotten_are_not_asked_and_their_blocks_go_elsewhere_at_once(void)
{
    struct fama_repair *repair = create(4);
    struct fama_repair_request request;
    fama_repair_on_stateinfo(repair, 0, 2, 1);
    CU_ASSERT_TRUE(fama_repair_next(repair, PATIENCE, &request));
    fama_repair_on_stateinfo(repair, 0, 3, 1);
    fama_repair_forget(repair, 2);
    fama_repair_forget(repair, 99);
    CU_ASSERT_EQUAL(fama_repair_holder_count(repair), 1);
    CU_ASSERT_TRUE_FATAL(fama_repair_next(repair, PATIENCE, &request));
    CU_ASSERT_EQUAL(request.holder, 3);
    fama_repair_destroy(repair);
}

static void test_a_full_list_of_holders_makes_room_only_where_nothing_is_to_be_had(void)
{
    struct fama_repair *repair = create(2);
    CU_ASSERT_TRUE(fama_repair_on_stateinfo(repair, 0, 2, 5));
    CU_ASSERT_TRUE(fama_repair_on_stateinfo(repair, 0, 3, 9));
    CU_ASSERT_FALSE(fama_repair_on_stateinfo(repair, 0, 4, 99));
    fama_repair_on_height(repair, 0, 5);
    CU_ASSERT_TRUE(fama_repair_on_stateinfo(repair, 0, 4, 99));
    CU_ASSERT_EQUAL(fama_repair_holder_count(repair), 2);
    CU_ASSERT_EQUAL(fama_repair_known_height(repair), 99);
    fama_repair_destroy(repair);
}

/* ---- Answering ---- */

static struct fama_repair_server *server_of(uint64_t total, uint64_t each, uint32_t askers)
{
    struct fama_repair_server_config config = {total, each, askers};
    struct fama_repair_server *server = fama_repair_server_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    return server;
}

/* 10 chunks, 10000 bytes with their overhead, and as much again and more for what is no bytes. */
static const struct fama_request ten_chunks = {
    .block_bytes = 64000, .chunk_bytes = 648, .count = 1, .entries = {{0, 0x3ff}}};
#define TEN_CHUNKS_COST                                                                            \
    (10000 + FAMA_REPAIR_SET_BYTES + FAMA_REPAIR_SIGNATURE_BYTES + FAMA_REPAIR_LOAD_BYTES +        \
     64000 / FAMA_REPAIR_LOAD_SHARE)

static enum fama_drop admit(struct fama_repair_server *server, uint64_t now_ns, fama_tag asker)
{
    return fama_repair_server_admit(server, now_ns, asker, &ten_chunks);
}

static void test_a_request_is_charged_what_its_chunks_take_at_most(void)
{
    uint8_t parity = FAMA_PARITY_MAX;
    size_t udp_and_ipv6 = 48;
    for (uint32_t count = 1; count <= 32; count++) {
        struct fama_request request = ten_chunks;
        request.parity = parity;
        request.entries[0].wanted = UINT64_MAX >> (64 - count);
        struct fama_chunk chunk = {.data_chunks = 32, .parity_chunks = parity};
        uint64_t each = FAMA_WIRE_SEALED_OVERHEAD + FAMA_WIRE_CHUNK_BYTES +
                        fama_wire_chunk_proof_bytes(&chunk) + request.chunk_bytes + udp_and_ipv6;
        uint64_t beside = TEN_CHUNKS_COST - 10000;
        CU_ASSERT(fama_repair_server_charge(&request) - beside >= count * each);
        CU_ASSERT(fama_repair_server_charge(&request) - beside <= count * (each + 32));
    }
    CU_ASSERT_EQUAL(fama_repair_server_charge(&ten_chunks), TEN_CHUNKS_COST);
}

static void test_an_asker_gets_its_bytes_a_second_and_no_more(void)
{
    struct fama_repair_server *server = server_of(1000000000, 10 * TEN_CHUNKS_COST, 4);
    uint32_t admitted = 0;
    for (uint64_t now_ns = 0; now_ns < 10000 * MS; now_ns += 10 * MS) {
        admitted += admit(server, now_ns, 5) == FAMA_DROP_NONE;
    }
    /* 10 s at ten requests each second, and one second's worth to begin with. */
    CU_ASSERT(admitted >= 109 && admitted <= 111);
    CU_ASSERT_EQUAL(admit(server, 10250 * MS, 5), FAMA_DROP_NONE);
    while (admit(server, 10250 * MS, 5) == FAMA_DROP_NONE) {
    }
    CU_ASSERT_EQUAL(admit(server, 10251 * MS, 5), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 10251 * MS, 6), FAMA_DROP_NONE);
    fama_repair_server_destroy(server);
}

static void test_all_askers_together_get_the_total(void)
{
    struct fama_repair_server *server = server_of(10 * TEN_CHUNKS_COST, 10 * TEN_CHUNKS_COST, 64);
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < 50; i++) {
        admitted += admit(server, 0, 100 + i) == FAMA_DROP_NONE;
    }
    CU_ASSERT_EQUAL(admitted, 10);
    fama_repair_server_destroy(server);
}

static void test_a_whole_block_is_charged_what_it_really_took(void)
{
    struct fama_repair_server *server = server_of(1000000, 1000000, 4);
    struct fama_request whole = {.chunk_bytes = 1200};
    uint64_t charged = fama_repair_server_charge(&whole);
    CU_ASSERT_EQUAL(charged, FAMA_REPAIR_WHOLE_BLOCK_BYTES);
    CU_ASSERT_EQUAL(fama_repair_server_admit(server, 0, 5, &whole), FAMA_DROP_NONE);
    fama_repair_server_settle(server, 5, charged, 3000000);
    CU_ASSERT_EQUAL(admit(server, 0, 5), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 1900 * MS, 5), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 2100 * MS, 5), FAMA_DROP_NONE);
    fama_repair_server_destroy(server);
}

/* As many requests a millisecond as it likes, each for one tiny chunk of as many sets as a request holds. */
static void test_one_chunk_of_each_of_thousands_of_sets_is_charged_the_work_not_the_bytes(void)
{
    const uint64_t each_second = 32 << 20;
    struct fama_repair_server *server = server_of(4 * each_second, each_second, 4);
    struct fama_request greedy = {.block_bytes = 4 << 20, .chunk_bytes = FAMA_CHUNK_BYTES_MIN};
    uint64_t sets = 0, loads = 0, served = 0;
    greedy.count = FAMA_REQUEST_ENTRIES_MAX;
    for (uint64_t ms = 0; ms < 1000; ms++) {
        for (uint32_t i = 0; i < 10; i++) {
            for (uint16_t set = 0; set < greedy.count; set++) {
                greedy.entries[set] = (struct fama_request_entry){set, 1};
            }
            greedy.block = (ms * 10 + i) % 2; /* what is at hand is never what is asked for */
            bool is_admitted =
                fama_repair_server_admit(server, ms * MS, 5, &greedy) == FAMA_DROP_NONE;
            sets += is_admitted ? greedy.count : 0;
            loads += is_admitted;
        }
        served += ms % 10 == 0 && admit(server, ms * MS, 6) == FAMA_DROP_NONE;
    }
    /* A second's worth saved up and a second's; at the price of its bytes it would get 2400 requests. */
    CU_ASSERT(sets > 0);
    CU_ASSERT(sets <= 2 * each_second / (FAMA_REPAIR_SET_BYTES + FAMA_REPAIR_SIGNATURE_BYTES));
    CU_ASSERT(loads <= 2 * each_second / ((4 << 20) / FAMA_REPAIR_LOAD_SHARE));
    CU_ASSERT_EQUAL(served, 100); /* whoever asks for an ordinary block gets it all the while */
    /* The same, when the loading is what it is after. */
    greedy.count = 1;
    loads = 0;
    for (uint64_t ms = 1000; ms < 2000; ms++) {
        loads += fama_repair_server_admit(server, ms * MS, 7, &greedy) == FAMA_DROP_NONE;
    }
    CU_ASSERT(loads <= 2 * each_second / ((4 << 20) / FAMA_REPAIR_LOAD_SHARE));
    fama_repair_server_destroy(server);
}

static void test_of_too_many_askers_the_one_longest_not_heard_gives_way(void)
{
    struct fama_repair_server *server = server_of(4000000000, 10000, 3);
    for (fama_tag tag = 10; tag < 13; tag++) {
        CU_ASSERT_EQUAL(admit(server, 0, tag), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(admit(server, 0, tag), FAMA_DROP_ADMISSION_BUDGET);
    }
    CU_ASSERT_EQUAL(admit(server, 0, 10), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 0, 13), FAMA_DROP_NONE); /* in the place of 11 */
    CU_ASSERT_EQUAL(admit(server, 0, 10), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 0, 12), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 0, 13), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(admit(server, 0, 11), FAMA_DROP_NONE); /* it is new again */
    for (fama_tag tag = 1000; tag < 50000; tag++) {
        CU_ASSERT_EQUAL_FATAL(admit(server, 0, tag), FAMA_DROP_NONE);
    }
    fama_repair_server_destroy(server);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_without_limits_nothing_is_created),
        TEST(test_push_has_its_time_before_anything_is_asked_for),
        TEST(test_a_window_of_blocks_and_no_more_is_asked_for_lowest_first),
        TEST(test_a_block_at_hand_is_never_asked_for),
        TEST(test_a_lapsed_request_goes_to_another_holder_after_a_doubled_wait),
        TEST(test_missing_chunks_are_asked_for_at_once_and_again_only_when_reported_again),
        TEST(
            test_who_signed_a_block_s_root_is_asked_for_its_missing_chunks_before_anybody_states_it),
        TEST(test_a_block_that_nobody_can_complete_is_asked_for_as_if_nothing_were_known_of_it),
        TEST(test_who_states_a_height_it_does_not_have_is_asked_ever_less),
        TEST(test_the_forgotten_are_not_asked_and_their_blocks_go_elsewhere_at_once),
        TEST(test_a_full_list_of_holders_makes_room_only_where_nothing_is_to_be_had),
        TEST(test_a_request_is_charged_what_its_chunks_take_at_most),
        TEST(test_an_asker_gets_its_bytes_a_second_and_no_more),
        TEST(test_all_askers_together_get_the_total),
        TEST(test_a_whole_block_is_charged_what_it_really_took),
        TEST(test_one_chunk_of_each_of_thousands_of_sets_is_charged_the_work_not_the_bytes),
        TEST(test_of_too_many_askers_the_one_longest_not_heard_gives_way),
    };
    return run_suite("repair", cases, sizeof(cases) / sizeof(cases[0]));
}
