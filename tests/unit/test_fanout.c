#include "dataplane/fanout.h"

#include "unit/seed.h"
#include "unit/suite.h"
#include "unit/uniform.h"

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

/* ---- The coordinated planner ---- */

#define MEMBERS_MAX 200
#define DEGREE_MAX  8

static uint64_t next_block;

/* A plan for the next chunk, as if we were `node`. */
static struct fama_fanout_plan plan_for(struct fama_view *view, uint32_t degree, fama_tag origin)
{
    const struct fama_view_channel *channel = &view->channels[0];
    next_block++;
    return (struct fama_fanout_plan){
        .view = view,
        .channel = channel,
        .random = &generator,
        .origin = origin,
        .view_id = fama_fanout_view_id(channel, FAMA_PLANNER_COORDINATED, degree),
        .block = next_block / 7,
        .set = (uint16_t)(next_block % 1000),
        .index = (uint8_t)(next_block % 64),
        .propagate_peer_num = degree,
    };
}

/* One view stands for those of all its members, of whom none is ourselves. */
static struct fama_view *view_of_all(uint32_t members)
{
    struct fama_view *view = view_of(members);
    struct fama_roster *roster = &view->channels[0].now;
    fama_roster_free(roster);
    CU_ASSERT_FATAL(fama_roster_size(roster, members));
    for (uint32_t i = 0; i < members; i++) {
        roster->tags[i] = i + 1;
        roster->peers[i] = i;
    }
    fama_roster_name(roster);
    return view;
}

/* Every node makes its choice for one chunk; counts who gets it from how many. */
static void choose_everywhere(struct fama_view *view, struct fama_fanout_plan plan,
                              uint32_t received[MEMBERS_MAX])
{
    static const struct fama_endpoint elsewhere = {.port = 1};
    for (uint32_t node = 0; node < view->peer_count; node++) {
        uint32_t chosen[FAMA_FANOUT_MAX];
        view->self = node + 1;
        bool is_own = plan.origin == node + 1;
        plan.came_from = is_own ? NULL : &elsewhere;
        uint32_t count = fama_fanout_choose(&plan, chosen);
        CU_ASSERT_FATAL(count <= (is_own ? 1 : plan.propagate_peer_num));
        for (uint32_t i = 0; i < count; i++) {
            received[chosen[i]]++;
        }
    }
}

static void check_one_parent_each(struct fama_view *view, uint32_t degree, fama_tag origin)
{
    uint32_t received[MEMBERS_MAX] = {0};
    choose_everywhere(view, plan_for(view, degree, origin), received);
    for (uint32_t i = 0; i < view->peer_count; i++) {
        CU_ASSERT_EQUAL_FATAL(received[i], i + 1 != origin);
    }
}

static void test_every_member_gets_each_chunk_once_from_one_parent(void)
{
    for (uint32_t members = 0; members <= MEMBERS_MAX; members++) {
        struct fama_view *view = view_of_all(members);
        uint32_t degrees = members <= 64 ? DEGREE_MAX : 1;
        for (fama_tag origin = 1; origin <= members; origin++) {
            for (uint32_t i = 0; i < degrees; i++) {
                uint32_t degree =
                    degrees > 1 ? i + 1 : 1 + fama_random_below(&generator, DEGREE_MAX);
                check_one_parent_each(view, degree, origin);
            }
        }
        fama_view_destroy(view);
    }
}

/* What node `self` of nodes 1..members publishes: itself is not among its peers. Endpoints are as in
 * view_of. */
static struct fama_view *view_at(fama_tag self, uint32_t members)
{
    struct fama_view *view = fama_view_create(members - 1, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    view->self = self;
    view->channels[0].gate = &gate;
    CU_ASSERT_FATAL(fama_view_channel_size(&view->channels[0], members - 1, members - 1));
    uint32_t filled = 0;
    for (uint32_t tag = members; tag > 0; tag--) {
        if (tag != self) {
            view->peers[filled].tag = tag;
            view->peers[filled].endpoint = endpoint_of(tag);
            view->channels[0].targets[filled] = view->channels[0].members[filled] = filled;
            filled++;
        }
    }
    CU_ASSERT_FATAL(fama_view_seal(view));
    return view;
}

static void test_nodes_with_views_of_their_own_agree(void)
{
    enum { MEMBERS = 23, CHUNKS = 200 };
    struct fama_view *views[MEMBERS];
    for (uint32_t i = 0; i < MEMBERS; i++) {
        views[i] = view_at(i + 1, MEMBERS);
        CU_ASSERT_EQUAL(views[i]->channels[0].now.view_id, views[0]->channels[0].now.view_id);
    }
    for (uint32_t c = 0; c < CHUNKS; c++) {
        /* Passed on from hand to hand, as datagrams are. */
        fama_tag queue[MEMBERS] = {1 + fama_random_below(&generator, MEMBERS)};
        fama_tag from[MEMBERS] = {0};
        struct fama_fanout_plan plan = plan_for(views[0], 3, queue[0]);
        uint32_t queued = 1;
        for (uint32_t at = 0; at < queued; at++) {
            uint32_t chosen[FAMA_FANOUT_MAX];
            struct fama_endpoint sender = endpoint_of((uint32_t)from[at]);
            plan.view = views[queue[at] - 1];
            plan.channel = &plan.view->channels[0];
            plan.came_from = at == 0 ? NULL : &sender;
            uint32_t count = fama_fanout_choose(&plan, chosen);
            for (uint32_t i = 0; i < count; i++) {
                CU_ASSERT_FATAL(queued < MEMBERS);
                from[queued] = queue[at];
                queue[queued++] = plan.view->peers[chosen[i]].tag;
            }
        }
        CU_ASSERT_EQUAL_FATAL(queued, MEMBERS);
        for (uint32_t i = 0; i < MEMBERS; i++) {
            for (uint32_t j = 0; j < i; j++) {
                CU_ASSERT_NOT_EQUAL_FATAL(queue[i], queue[j]);
            }
        }
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        fama_view_destroy(views[i]);
    }
}

static void test_the_origin_sends_each_chunk_once_and_to_all_alike(void)
{
    enum { MEMBERS = 12, CHUNKS = 30000 };
    struct fama_view *view = view_at(5, MEMBERS);
    uint32_t cells[MEMBERS - 1] = {0};
    uint32_t chosen[FAMA_FANOUT_MAX];
    for (uint32_t c = 0; c < CHUNKS; c++) {
        struct fama_fanout_plan plan = plan_for(view, 3, 5);
        CU_ASSERT_EQUAL_FATAL(fama_fanout_choose(&plan, chosen), 1);
        cells[chosen[0]]++;
    }
    CU_ASSERT(is_uniform(cells, MEMBERS - 1, (double)CHUNKS / (MEMBERS - 1)));
    fama_view_destroy(view);
}

static void test_our_own_chunk_that_comes_back_goes_nowhere(void)
{
    struct fama_view *view = view_at(5, 12);
    struct fama_fanout_plan plan = plan_for(view, 3, 5);
    struct fama_endpoint sender = endpoint_of(4);
    uint32_t chosen[FAMA_FANOUT_MAX];
    plan.came_from = &sender;
    CU_ASSERT_EQUAL(fama_fanout_choose(&plan, chosen), 0);
    fama_view_destroy(view);
}

static void test_a_child_that_the_chunk_came_from_is_left_out(void)
{
    struct fama_view *view = view_at(5, 12);
    static const struct fama_endpoint elsewhere = {.port = 1};
    uint32_t tried = 0;
    for (uint32_t c = 0; c < 1000; c++) {
        uint32_t chosen[FAMA_FANOUT_MAX];
        uint32_t again[FAMA_FANOUT_MAX];
        struct fama_fanout_plan plan = plan_for(view, 3, 1);
        plan.came_from = &elsewhere;
        uint32_t count = fama_fanout_choose(&plan, chosen);
        if (count > 0) {
            tried++;
            plan.came_from = &view->peers[chosen[count - 1]].endpoint;
            CU_ASSERT_EQUAL_FATAL(fama_fanout_choose(&plan, again), count - 1);
            CU_ASSERT_EQUAL(memcmp(chosen, again, (count - 1) * sizeof *again), 0);
        }
    }
    CU_ASSERT(tried > 100);
    fama_view_destroy(view);
}

/* That exactly `wanted` are chosen, whatever the chunk, and that all that may be are. */
static void expect_infectious(struct fama_view *view, struct fama_fanout_plan plan, fama_tag from)
{
    uint32_t cells[MEMBERS_MAX] = {0};
    struct fama_endpoint sender = endpoint_of((uint32_t)from);
    plan.came_from = &sender;
    for (uint32_t c = 0; c < 2000; c++) {
        uint32_t chosen[FAMA_FANOUT_MAX];
        plan.index = c % 64;
        CU_ASSERT_EQUAL_FATAL(fama_fanout_choose(&plan, chosen), plan.propagate_peer_num);
        for (uint32_t i = 0; i < plan.propagate_peer_num; i++) {
            cells[chosen[i]]++;
        }
    }
    for (uint32_t i = 0; i < view->peer_count; i++) {
        fama_tag tag = view->peers[i].tag;
        CU_ASSERT_EQUAL(cells[i] > 0, tag != plan.origin && tag != from);
    }
}

static void test_what_was_planned_in_an_unknown_view_goes_infectiously(void)
{
    struct fama_view *view = view_at(5, 12);
    struct fama_view *larger = view_at(5, 13);
    struct fama_fanout_plan plan = plan_for(view, 3, 1);
    uint64_t id = plan.view_id;
    plan.view_id = fama_fanout_view_id(&larger->channels[0], FAMA_PLANNER_COORDINATED, 3);
    CU_ASSERT_NOT_EQUAL(plan.view_id, id);
    expect_infectious(view, plan, 2);
    plan.view_id = fama_fanout_view_id(&view->channels[0], FAMA_PLANNER_COORDINATED, 4);
    CU_ASSERT_NOT_EQUAL(plan.view_id, id); /* other trees */
    expect_infectious(view, plan, 2);
    plan.view_id = fama_fanout_view_id(&view->channels[0], FAMA_PLANNER_INFECTIOUS, 3);
    CU_ASSERT_EQUAL(plan.view_id, 0);
    expect_infectious(view, plan, 2);
    plan.view_id = id;
    plan.origin = 99; /* names a view that it is not in */
    expect_infectious(view, plan, 2);
    fama_view_destroy(view);
    fama_view_destroy(larger);
}

static void test_a_chunk_of_the_view_before_takes_its_tree(void)
{
    enum { MEMBERS = 12 };
    struct fama_view *before = view_at(5, MEMBERS);
    struct fama_view *fewer = view_at(5, MEMBERS - 2); /* 11 and 12 are forgotten */
    struct fama_view *last = view_at(5, MEMBERS - 3);
    fama_view_follow(fewer, before);
    fama_view_follow(last, fewer);
    uint32_t lost = 0;
    for (uint32_t c = 0; c < 500; c++) {
        uint32_t old[FAMA_FANOUT_MAX];
        uint32_t chosen[FAMA_FANOUT_MAX];
        struct fama_fanout_plan plan = plan_for(before, 3, 1);
        plan.came_from = &before->peers[0].endpoint;
        uint32_t wanted = fama_fanout_choose(&plan, old);
        plan.view = fewer;
        plan.channel = &fewer->channels[0];
        uint32_t count = fama_fanout_choose(&plan, chosen);
        uint32_t found = 0;
        for (uint32_t i = 0; i < wanted; i++) {
            fama_tag tag = before->peers[old[i]].tag;
            if (tag <= MEMBERS - 2) {
                CU_ASSERT_FATAL(found < count && fewer->peers[chosen[found]].tag == tag);
                found++;
            } else {
                lost++;
            }
        }
        CU_ASSERT_EQUAL_FATAL(found, count);
    }
    CU_ASSERT(lost > 50); /* the test has tried it */
    struct fama_fanout_plan plan = plan_for(before, 3, 1);
    plan.view = last;
    plan.channel = &last->channels[0];
    expect_infectious(last, plan, 2); /* two views ago is too long ago */
    fama_view_destroy(before);
    fama_view_destroy(fewer);
    fama_view_destroy(last);
}

static void test_nobody_to_send_to_is_no_trouble(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    struct fama_view *alone = view_at(1, 1);
    struct fama_fanout_plan plan = plan_for(alone, 3, 1);
    CU_ASSERT_EQUAL(fama_fanout_choose(&plan, chosen), 0);
    plan.propagate_peer_num = 0;
    CU_ASSERT_EQUAL(fama_fanout_choose(&plan, chosen), 0);
    struct fama_view *pair = view_at(2, 2);
    struct fama_endpoint sender = endpoint_of(1);
    plan = plan_for(pair, 3, 1);
    plan.came_from = &sender;
    CU_ASSERT_EQUAL(fama_fanout_choose(&plan, chosen), 0);
    fama_view_destroy(alone);
    fama_view_destroy(pair);
}

static void test_a_tree_of_more_children_than_the_limit_keeps_to_it(void)
{
    uint32_t chosen[FAMA_FANOUT_MAX + 1];
    struct fama_view *view = view_at(5, 150);
    static const struct fama_endpoint elsewhere = {.port = 1};
    chosen[FAMA_FANOUT_MAX] = 0xdeadbeef;
    uint32_t most = 0;
    for (uint32_t c = 0; c < 3000; c++) {
        struct fama_fanout_plan plan = plan_for(view, UINT32_MAX, 1);
        plan.came_from = &elsewhere;
        uint32_t count = fama_fanout_choose(&plan, chosen);
        most = count > most ? count : most;
    }
    CU_ASSERT_EQUAL(most, FAMA_FANOUT_MAX);
    CU_ASSERT_EQUAL(chosen[FAMA_FANOUT_MAX], 0xdeadbeef);
    fama_view_destroy(view);
}

/* The chunk as it spreads: whoever has it sends it on, whoever is unproved never gets it. */
static void spread_from(struct fama_view *view, struct fama_fanout_plan plan,
                        uint32_t received[MEMBERS_MAX])
{
    static const struct fama_endpoint elsewhere = {.port = 1};
    uint32_t holders[MEMBERS_MAX + 1] = {(uint32_t)plan.origin - 1};
    uint32_t count = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t chosen[FAMA_FANOUT_MAX];
        view->self = holders[i] + 1;
        plan.came_from = i == 0 ? NULL : &elsewhere;
        uint32_t sends = fama_fanout_choose(&plan, chosen);
        for (uint32_t j = 0; j < sends; j++) {
            received[chosen[j]]++;
            CU_ASSERT_EQUAL_FATAL(received[chosen[j]], 1);
            holders[count++] = chosen[j];
        }
    }
}

static void test_members_whose_endpoint_is_unproved_get_nothing_and_keep_nothing_from_others(void)
{
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t members = 1 + fama_random_below(&generator, MEMBERS_MAX);
        uint32_t degree = 1 + fama_random_below(&generator, DEGREE_MAX);
        fama_tag origin = 1 + fama_random_below(&generator, members);
        uint32_t received[MEMBERS_MAX] = {0};
        struct fama_view *view = view_of_all(members);
        for (uint32_t i = 0; i < members; i++) {
            view->peers[i].is_unproved = fama_random_below(&generator, 6) == 0;
        }
        spread_from(view, plan_for(view, degree, origin), received);
        for (uint32_t i = 0; i < members; i++) {
            CU_ASSERT_EQUAL_FATAL(received[i], i + 1 != origin && !view->peers[i].is_unproved);
        }
        fama_view_destroy(view);
    }
    /* When hardly anybody has proved anything, the limit holds. */
    struct fama_view *view = view_of_all(MEMBERS_MAX);
    uint32_t chosen[FAMA_FANOUT_MAX];
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        view->peers[i].is_unproved = i % 50 != 0;
    }
    for (view->self = 1; view->self <= MEMBERS_MAX; view->self++) {
        struct fama_fanout_plan plan = plan_for(view, DEGREE_MAX, view->self);
        uint32_t count = fama_fanout_choose(&plan, chosen);
        CU_ASSERT(count <= FAMA_FANOUT_MAX);
        for (uint32_t i = 0; i < count; i++) {
            CU_ASSERT_FALSE(view->peers[chosen[i]].is_unproved);
        }
        plan.view_id = 0;
        count = fama_fanout_choose(&plan, chosen);
        CU_ASSERT(count <= MEMBERS_MAX / 50);
        for (uint32_t i = 0; i < count; i++) {
            CU_ASSERT_FALSE(view->peers[chosen[i]].is_unproved);
        }
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
        TEST(test_every_member_gets_each_chunk_once_from_one_parent),
        TEST(test_nodes_with_views_of_their_own_agree),
        TEST(test_the_origin_sends_each_chunk_once_and_to_all_alike),
        TEST(test_our_own_chunk_that_comes_back_goes_nowhere),
        TEST(test_a_child_that_the_chunk_came_from_is_left_out),
        TEST(test_what_was_planned_in_an_unknown_view_goes_infectiously),
        TEST(test_a_chunk_of_the_view_before_takes_its_tree),
        TEST(test_nobody_to_send_to_is_no_trouble),
        TEST(test_a_tree_of_more_children_than_the_limit_keeps_to_it),
        TEST(test_members_whose_endpoint_is_unproved_get_nothing_and_keep_nothing_from_others),
    };
    return run_suite("fanout", cases, sizeof(cases) / sizeof(cases[0]));
}
