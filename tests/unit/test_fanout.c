#include "dataplane/fanout.h"

#include "unit/seed.h"
#include "unit/suite.h"

static struct fama_random generator;
static struct fama_channel_gate gate;

/* Peers 1..peers with a tag and an address each that tell their number; all are members and targets. */
static struct fama_view *view_of(uint32_t peers)
{
    struct fama_view *view = fama_view_create(peers, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    for (uint32_t i = 0; i < peers; i++) {
        view->peers[i].tag = i + 1;
        view->peers[i].endpoint = fama_endpoint_from_ipv4(0xc6120000 + i + 1, 7051);
    }
    view->channels[0].gate = &gate;
    CU_ASSERT_FATAL(fama_view_channel_size(&view->channels[0], peers, peers));
    for (uint32_t i = 0; i < peers; i++) {
        view->channels[0].targets[i] = view->channels[0].members[i] = i;
    }
    CU_ASSERT_FATAL(fama_view_seal(view));
    return view;
}

static struct fama_endpoint endpoint_of(uint32_t peer)
{
    return fama_endpoint_from_ipv4(0xc6120000 + peer, 7051);
}

static void test_the_generator_gives_the_published_sequence(void)
{
    /* splitmix64 from 0 gives the state, xoshiro256** the numbers (Blackman and Vigna's definition,
     * worked out apart from this code). */
    static const uint64_t expected[] = {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0,
                                        0x6aa594f1262d2d2c};
    struct fama_random random;
    fama_random_seed(&random, 0);
    CU_ASSERT_EQUAL(random.state[0], 0xe220a8397b1dcdaf);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        CU_ASSERT_EQUAL(fama_random_next(&random), expected[i]);
    }
}

/* Chi-square statistic against `expected` in each cell. With c cells its mean is c - 1 and its variance
 * 2 (c - 1): six deviations above the mean do not happen by chance. */
static bool is_uniform(const uint32_t *cells, uint32_t count, double expected)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        double difference = cells[i] - expected;
        sum += difference * difference / expected;
    }
    double freedom = count - 1;
    double excess = sum - freedom - 10;
    return excess < 0 || excess * excess < 6 * 6 * 2 * freedom;
}

static void test_bounded_numbers_stay_below_and_are_uniform(void)
{
    static const uint32_t bounds[] = {1, 2, 3, 7, 64, 100};
    for (size_t b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
        uint32_t cells[100] = {0};
        for (uint32_t i = 0; i < 100000; i++) {
            uint32_t value = fama_random_below(&generator, bounds[b]);
            CU_ASSERT_FATAL(value < bounds[b]);
            cells[value]++;
        }
        CU_ASSERT(bounds[b] == 1 || is_uniform(cells, bounds[b], 100000.0 / bounds[b]));
    }
    /* Here a plain modulo would hit the lower third twice as often as the rest. */
    uint32_t thirds[3] = {0};
    for (uint32_t i = 0; i < 90000; i++) {
        uint32_t value = fama_random_below(&generator, 0xc0000000);
        CU_ASSERT_FATAL(value < 0xc0000000);
        thirds[value >> 30]++;
    }
    CU_ASSERT(is_uniform(thirds, 3, 30000));
}

/* Draws many times and checks all that must hold of each draw and of all together. */
static void check_choices(uint32_t peers, uint32_t wanted, fama_tag origin, uint32_t from,
                          uint32_t rounds)
{
    struct fama_view *view = view_of(peers);
    uint32_t *cells = calloc(peers, sizeof(*cells));
    uint32_t chosen[FAMA_FANOUT_MAX];
    struct fama_endpoint came_from = endpoint_of(from);
    uint32_t allowed = 0;
    for (uint32_t i = 1; i <= peers; i++) {
        allowed += i != origin && i != from;
    }
    uint32_t expected = wanted < allowed ? wanted : allowed;
    CU_ASSERT_PTR_NOT_NULL_FATAL(cells);
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t count = fama_fanout_infectious(&generator, view, &view->channels[0], origin,
                                                &came_from, wanted, chosen);
        CU_ASSERT_EQUAL_FATAL(count, expected);
        for (uint32_t i = 0; i < count; i++) {
            CU_ASSERT_FATAL(chosen[i] < peers);
            CU_ASSERT_FATAL(view->peers[chosen[i]].tag != origin && chosen[i] + 1 != from);
            for (uint32_t j = 0; j < i; j++) {
                CU_ASSERT_FATAL(chosen[j] != chosen[i]);
            }
            cells[chosen[i]]++;
        }
    }
    /* The allowed peers' cells, side by side. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < peers; i++) {
        if (i + 1 != origin && i + 1 != from) {
            cells[kept++] = cells[i];
        } else {
            CU_ASSERT_EQUAL(cells[i], 0);
        }
    }
    CU_ASSERT_EQUAL(kept, allowed);
    CU_ASSERT(is_uniform(cells, kept, (double)rounds * expected / allowed));
    free(cells);
    fama_view_destroy(view);
}

static void test_choices_are_distinct_uniform_and_never_the_origin_or_the_sender(void)
{
    check_choices(10, 3, 4, 9, 20000);
    check_choices(10, 3, 1, 10, 20000);
    check_choices(10, 3, 5, 5, 20000);
    check_choices(10, 3, 999, 0, 20000);
    check_choices(128, 7, 128, 1, 20000);
    check_choices(129, 64, 7, 8, 5000);
    check_choices(1000, 5, 500, 501, 40000);
}

static void test_all_are_chosen_when_there_are_no_more(void)
{
    check_choices(10, 64, 4, 9, 100);
    check_choices(66, 64, 4, 9, 100);
    check_choices(3, 5, 1, 2, 100);
}

static void test_pairs_are_as_likely_as_each_other(void)
{
    struct fama_view *view = view_of(6);
    uint32_t cells[36] = {0};
    uint32_t chosen[2];
    for (uint32_t round = 0; round < 60000; round++) {
        CU_ASSERT_EQUAL_FATAL(
            fama_fanout_infectious(&generator, view, &view->channels[0], 0, NULL, 2, chosen), 2);
        uint32_t low = chosen[0] < chosen[1] ? chosen[0] : chosen[1];
        uint32_t high = chosen[0] + chosen[1] - low;
        cells[low * 6 + high]++;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < 36; i++) {
        if (i / 6 < i % 6) {
            cells[kept++] = cells[i];
        }
    }
    CU_ASSERT_EQUAL(kept, 15);
    CU_ASSERT(is_uniform(cells, 15, 4000));
    fama_view_destroy(view);
}

static void test_nobody_is_chosen_when_nobody_is_left(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    struct fama_view *view = view_of(2);
    struct fama_endpoint second = endpoint_of(2);
    struct fama_view_channel *channel = &view->channels[0];
    CU_ASSERT_EQUAL(fama_fanout_infectious(&generator, view, channel, 1, &second, 5, chosen), 0);
    CU_ASSERT_EQUAL(fama_fanout_infectious(&generator, view, channel, 0, NULL, 0, chosen), 0);
    view->self = 1;
    CU_ASSERT_EQUAL(fama_fanout_infectious(&generator, view, channel, 0, NULL, 5, chosen), 1);
    CU_ASSERT_EQUAL(chosen[0], 1);
    channel->target_count = 0;
    CU_ASSERT_EQUAL(fama_fanout_infectious(&generator, view, channel, 0, NULL, 5, chosen), 0);
    fama_view_destroy(view);
}

static void test_a_sender_on_another_port_of_the_same_host_is_another_peer(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    struct fama_view *view = view_of(2);
    struct fama_endpoint other_port = endpoint_of(2);
    other_port.port++;
    CU_ASSERT_EQUAL(
        fama_fanout_infectious(&generator, view, &view->channels[0], 1, &other_port, 5, chosen), 1);
    fama_view_destroy(view);
}

static void test_a_crowd_that_claims_the_senders_address_does_not_stop_the_planner(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    struct fama_view *view = view_of(5000);
    struct fama_endpoint crowd = endpoint_of(1);
    for (uint32_t i = 0; i < 5000; i++) {
        view->peers[i].endpoint = crowd;
    }
    CU_ASSERT_EQUAL(
        fama_fanout_infectious(&generator, view, &view->channels[0], 0, &crowd, 64, chosen), 0);
    fama_view_destroy(view);
}

static void test_more_than_the_limit_is_never_written(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX + 1];
    struct fama_view *view = view_of(500);
    chosen[FAMA_FANOUT_MAX] = 0xdeadbeef;
    CU_ASSERT_EQUAL(
        fama_fanout_infectious(&generator, view, &view->channels[0], 0, NULL, UINT32_MAX, chosen),
        FAMA_FANOUT_MAX);
    CU_ASSERT_EQUAL(chosen[FAMA_FANOUT_MAX], 0xdeadbeef);
    fama_view_destroy(view);
}

static void test_the_same_seed_makes_the_same_choices(void)
{
    struct fama_view *view = view_of(300);
    struct fama_random first;
    struct fama_random second;
    uint32_t one[FAMA_FANOUT_MAX];
    uint32_t two[FAMA_FANOUT_MAX];
    fama_random_seed(&first, 42);
    fama_random_seed(&second, 42);
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t count = fama_fanout_infectious(&first, view, &view->channels[0], 1, NULL, 8, one);
        CU_ASSERT_EQUAL_FATAL(count, 8);
        CU_ASSERT_EQUAL_FATAL(
            fama_fanout_infectious(&second, view, &view->channels[0], 1, NULL, 8, two), 8);
        CU_ASSERT_EQUAL_FATAL(memcmp(one, two, 8 * sizeof(*one)), 0);
    }
    fama_view_destroy(view);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("fanout"));
    static const struct test_case cases[] = {
        TEST(test_the_generator_gives_the_published_sequence),
        TEST(test_bounded_numbers_stay_below_and_are_uniform),
        TEST(test_choices_are_distinct_uniform_and_never_the_origin_or_the_sender),
        TEST(test_all_are_chosen_when_there_are_no_more),
        TEST(test_pairs_are_as_likely_as_each_other),
        TEST(test_nobody_is_chosen_when_nobody_is_left),
        TEST(test_a_sender_on_another_port_of_the_same_host_is_another_peer),
        TEST(test_a_crowd_that_claims_the_senders_address_does_not_stop_the_planner),
        TEST(test_more_than_the_limit_is_never_written),
        TEST(test_the_same_seed_makes_the_same_choices),
    };
    return run_suite("fanout", cases, sizeof(cases) / sizeof(cases[0]));
}
