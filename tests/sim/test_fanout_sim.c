/* Chunks on their way through an organisation of several hundred nodes in virtual time: the planners as they
 * are, each node with a view of its own; reassembly and repair modelled by what the planners see of them.
 * A block is complete when each of its sets has as many chunks as it has data. */
#include "dataplane/fanout.h"
#include "dataplane/tree.h"
#include "sim/world.h"
#include "unit/suite.h"

#define NODES       300u
#define DEGREE      3u
#define HOPS        8u
#define SETS        2u
#define DATA        32u
#define PARITY      4u
#define SET_CHUNKS  (DATA + PARITY)
#define BLOCKS_MAX  64u
#define CHANGES_MAX 64u
#define TICK_NS     (20 * SIM_MS)
#define STALLED_NS  (60 * SIM_MS)
#define STATE_NS    (200 * SIM_MS) /* until everybody has heard that a block exists */
#define NO_NODE     UINT32_MAX

enum packet_kind { CHUNK, REPAIR, REQUEST };

/* Datagrams of this simulation: they never leave it. */
struct packet {
    enum packet_kind kind;
    uint32_t block;
    uint32_t set;
    uint32_t index;
    uint32_t origin;
    uint32_t hops_left;
    uint32_t depth; /* hops made, for the statistics */
    uint64_t view_id;
    uint64_t have[SETS]; /* REQUEST */
};

struct sim_block {
    uint64_t have[SETS];
    uint64_t touched_ns;
};

struct sim_node {
    struct fama_view *view;
    uint32_t degree;
    bool holds_for_living[NODES];
    bool has_heard[CHANGES_MAX];
    struct sim_block blocks[BLOCKS_MAX];
    uint64_t sent;
};

/* Somebody came or went, and when each node hears of it. */
struct change {
    uint32_t who;
    bool is_alive;
    uint64_t heard_ns[NODES];
};

struct statistics {
    uint64_t due;      /* chunks times nodes that lived when they were sent */
    uint64_t pushed;   /* of them, those that push brought */
    uint64_t again;    /* pushed to whom had them */
    uint64_t repaired; /* brought by pull */
    uint64_t depths;   /* of all pushed */
    uint32_t depth_max;
    uint64_t chunks;      /* sent by origins */
    uint64_t origin_sent; /* datagrams for them */
    uint64_t requests;
};

struct org {
    struct sim_world *world;
    enum fama_planner planner;
    uint32_t block_count;
    uint32_t origin_of[BLOCKS_MAX];
    uint64_t born_ns[BLOCKS_MAX];
    uint32_t change_count;
    struct change changes[CHANGES_MAX];
    struct statistics statistics;
    struct sim_node nodes[NODES];
};

static struct fama_channel_gate gate;

static fama_tag tag_of(uint32_t node)
{
    return fama_mix64(node + 1); /* in no order */
}

static struct fama_endpoint endpoint_of(uint32_t node)
{
    return fama_endpoint_from_ipv4(0xc6120001 + node, 7051);
}

static uint32_t node_at(const struct fama_endpoint *endpoint)
{
    return fama_address_to_ipv4(endpoint->address) - 0xc6120001;
}

/* ---- Views ---- */

/* As a node's control thread does: those it holds for living, itself not among them. */
static void publish_view(struct org *org, uint32_t node)
{
    struct sim_node *self = &org->nodes[node];
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        count += i != node && self->holds_for_living[i];
    }
    struct fama_view *view = fama_view_create(count, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    struct fama_view_channel *channel = &view->channels[0];
    view->self = tag_of(node);
    channel->tag = 9;
    channel->gate = &gate;
    CU_ASSERT_FATAL(fama_view_channel_size(channel, count, count));
    uint32_t filled = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        if (i != node && self->holds_for_living[i]) {
            view->peers[filled].tag = tag_of(i);
            view->peers[filled].endpoint = endpoint_of(i);
            channel->targets[filled] = channel->members[filled] = filled;
            filled++;
        }
    }
    CU_ASSERT_FATAL(fama_view_seal(view));
    fama_view_follow(view, self->view);
    fama_view_destroy(self->view);
    self->view = view;
}

static void hear_news(struct org *org, uint32_t node)
{
    struct sim_node *self = &org->nodes[node];
    bool is_changed = false;
    for (uint32_t i = 0; i < org->change_count; i++) {
        const struct change *change = &org->changes[i];
        if (!self->has_heard[i] && change->heard_ns[node] <= sim_now_ns(org->world)) {
            self->has_heard[i] = true;
            is_changed |= self->holds_for_living[change->who] != change->is_alive;
            self->holds_for_living[change->who] = change->is_alive;
        }
    }
    if (is_changed) {
        publish_view(org, node);
    }
}

static void change(struct org *org, uint32_t who, bool is_alive, uint64_t within_ns)
{
    CU_ASSERT_FATAL(org->change_count < CHANGES_MAX);
    struct change *change = &org->changes[org->change_count++];
    *change = (struct change){.who = who, .is_alive = is_alive};
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t wait_us = fama_random_below(sim_random(org->world), (uint32_t)(within_ns / 1000));
        change->heard_ns[i] = sim_now_ns(org->world) + wait_us * 1000ull;
    }
}

static void crash(struct org *org, uint32_t node, uint64_t within_ns)
{
    sim_crash(org->world, node);
    change(org, node, false, within_ns);
}

static void come_back(struct org *org, uint32_t node, uint64_t within_ns)
{
    sim_restart(org->world, node);
    change(org, node, true, within_ns);
    sim_timer(org->world, node, sim_now_ns(org->world) + TICK_NS);
}

/* ---- Chunks ---- */

static void push_on(struct org *org, uint32_t node, const struct packet *packet,
                    const struct fama_endpoint *came_from)
{
    struct sim_node *self = &org->nodes[node];
    struct fama_fanout_plan plan = {
        .view = self->view,
        .channel = &self->view->channels[0],
        .random = sim_random(org->world),
        .came_from = came_from,
        .origin = tag_of(packet->origin),
        .view_id = packet->view_id,
        .block = packet->block,
        .set = (uint16_t)packet->set,
        .index = (uint8_t)packet->index,
        .propagate_peer_num = self->degree,
    };
    uint32_t chosen[FAMA_FANOUT_MAX];
    uint32_t count = fama_fanout_choose(&plan, chosen);
    struct packet next = *packet;
    next.depth++;
    for (uint32_t i = 0; i < count; i++) {
        sim_send(org->world, node, node_at(&self->view->peers[chosen[i]].endpoint),
                 fama_bytes(&next, sizeof next));
    }
    self->sent += count;
    org->statistics.origin_sent += came_from == NULL ? count : 0;
}

static bool is_whole(const struct sim_block *block)
{
    for (uint32_t set = 0; set < SETS; set++) {
        if ((uint32_t)__builtin_popcountll(block->have[set]) < DATA) {
            return false;
        }
    }
    return true;
}

static void take_chunk(struct org *org, uint32_t node, uint32_t from, const struct packet *packet)
{
    struct sim_block *block = &org->nodes[node].blocks[packet->block];
    struct statistics *statistics = &org->statistics;
    uint64_t bit = (uint64_t)1 << packet->index;
    if ((block->have[packet->set] & bit) != 0) {
        statistics->again += packet->kind == CHUNK;
        return;
    }
    block->have[packet->set] |= bit;
    block->touched_ns = sim_now_ns(org->world);
    if (packet->kind == REPAIR) {
        statistics->repaired++;
        return;
    }
    statistics->pushed++;
    statistics->depths += packet->depth;
    statistics->depth_max =
        packet->depth > statistics->depth_max ? packet->depth : statistics->depth_max;
    if (packet->hops_left > 0) {
        struct packet next = *packet;
        struct fama_endpoint sender = endpoint_of(from);
        next.hops_left--;
        push_on(org, node, &next, &sender);
    }
}

static void answer(struct org *org, uint32_t node, uint32_t to, const struct packet *request)
{
    const struct sim_block *block = &org->nodes[node].blocks[request->block];
    for (uint32_t set = 0; set < SETS; set++) {
        uint32_t missing = (uint32_t)__builtin_popcountll(request->have[set]);
        missing = missing < DATA ? DATA - missing : 0;
        uint64_t useful = block->have[set] & ~request->have[set];
        for (uint32_t i = 0; i < SET_CHUNKS && missing > 0; i++) {
            if ((useful >> i & 1) != 0) {
                struct packet packet = {
                    .kind = REPAIR, .block = request->block, .set = set, .index = i};
                sim_send(org->world, node, to, fama_bytes(&packet, sizeof packet));
                missing--;
            }
        }
    }
}

static uint32_t random_living(struct org *org, uint32_t node)
{
    const struct sim_node *self = &org->nodes[node];
    for (uint32_t tries = 0; tries < 1000; tries++) {
        uint32_t drawn = fama_random_below(sim_random(org->world), NODES);
        if (drawn != node && self->holds_for_living[drawn]) {
            return drawn;
        }
    }
    return NO_NODE;
}

static void ask_for_gaps(struct org *org, uint32_t node)
{
    uint64_t now_ns = sim_now_ns(org->world);
    for (uint32_t b = 0; b < org->block_count; b++) {
        struct sim_block *block = &org->nodes[node].blocks[b];
        uint64_t since_ns =
            block->touched_ns != 0 ? block->touched_ns + STALLED_NS : org->born_ns[b] + STATE_NS;
        if (is_whole(block) || now_ns < since_ns) {
            continue;
        }
        struct packet packet = {.kind = REQUEST, .block = b};
        memcpy(packet.have, block->have, sizeof packet.have);
        block->touched_ns = now_ns;
        org->statistics.requests++;
        sim_send(org->world, node, random_living(org, node), fama_bytes(&packet, sizeof packet));
    }
}

static void on_datagram(void *context, uint32_t node, uint32_t from, struct fama_bytes datagram)
{
    struct org *org = context;
    struct packet packet;
    memcpy(&packet, datagram.at, sizeof packet);
    if (packet.kind == REQUEST) {
        answer(org, node, from, &packet);
    } else {
        take_chunk(org, node, from, &packet);
    }
}

static void on_timer(void *context, uint32_t node)
{
    struct org *org = context;
    hear_news(org, node);
    ask_for_gaps(org, node);
    sim_timer(org->world, node, sim_now_ns(org->world) + TICK_NS);
}

/* ---- Organisations and blocks ---- */

static struct org *org_create(enum fama_planner planner, uint32_t loss, const char *test)
{
    struct org *org = calloc(1, sizeof *org);
    CU_ASSERT_PTR_NOT_NULL_FATAL(org);
    struct sim_link link = {
        .loss = loss, .reordering = 500, .delay_ns = SIM_MS / 2, .jitter_ns = SIM_MS};
    struct sim_handlers handlers = {org, on_datagram, on_timer};
    org->planner = planner;
    org->world = sim_create(NODES, sim_seed(test), &link, &handlers);
    for (uint32_t i = 0; i < NODES; i++) {
        org->nodes[i].degree = DEGREE;
        memset(org->nodes[i].holds_for_living, true, sizeof org->nodes[i].holds_for_living);
        publish_view(org, i);
        sim_timer(org->world, i, fama_random_below(sim_random(org->world), TICK_NS));
    }
    return org;
}

static void org_destroy(struct org *org)
{
    for (uint32_t i = 0; i < NODES; i++) {
        fama_view_destroy(org->nodes[i].view);
    }
    sim_destroy(org->world);
    free(org);
}

static void send_block(struct org *org, uint32_t origin)
{
    uint32_t number = org->block_count++;
    struct sim_node *self = &org->nodes[origin];
    org->origin_of[number] = origin;
    org->born_ns[number] = sim_now_ns(org->world);
    for (uint32_t set = 0; set < SETS; set++) {
        self->blocks[number].have[set] = ((uint64_t)1 << SET_CHUNKS) - 1;
    }
    uint32_t living = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        living += i != origin && sim_is_up(org->world, i);
    }
    for (uint32_t i = 0; i < SETS * SET_CHUNKS; i++) {
        struct packet packet = {
            .kind = CHUNK,
            .block = number,
            .set = i / SET_CHUNKS,
            .index = i % SET_CHUNKS,
            .origin = origin,
            .hops_left = HOPS,
            .view_id = fama_fanout_view_id(&self->view->channels[0], org->planner, self->degree),
        };
        org->statistics.chunks++;
        org->statistics.due += living;
        push_on(org, origin, &packet, NULL);
    }
}

static void send_blocks(struct org *org, uint32_t origin, uint32_t count, uint64_t pause_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        send_block(org, origin);
        sim_run(org->world, sim_now_ns(org->world) + pause_ns);
    }
}

static bool all_have_all(const struct org *org)
{
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t b = 0; b < org->block_count && sim_is_up(org->world, i); b++) {
            if (!is_whole(&org->nodes[i].blocks[b])) {
                return false;
            }
        }
    }
    return true;
}

static void expect_all_to_have_all_within(struct org *org, uint64_t limit_ns)
{
    uint64_t start_ns = sim_now_ns(org->world);
    while (!all_have_all(org) && sim_now_ns(org->world) - start_ns < limit_ns) {
        sim_run(org->world, sim_now_ns(org->world) + TICK_NS);
    }
    CU_ASSERT_TRUE(all_have_all(org));
}

static double share_pushed(const struct org *org)
{
    return (double)org->statistics.pushed / (double)org->statistics.due;
}

/* How many more times than once a node gets what push brings it. */
static double duplicates(const struct org *org)
{
    return (double)org->statistics.again / (double)org->statistics.pushed;
}

static void print_statistics(const struct org *org)
{
    const struct statistics *statistics = &org->statistics;
    printf("(push brought %.2f %%, %.3f duplicates, hops %.1f, at most %u; the origin sent %.2f "
           "times; "
           "pull brought %.2f %% in %.2f requests per node and block) ",
           100 * share_pushed(org), duplicates(org),
           (double)statistics->depths / (double)statistics->pushed, statistics->depth_max,
           (double)statistics->origin_sent / (double)statistics->chunks,
           100 * (double)statistics->repaired / (double)statistics->due,
           (double)statistics->requests / NODES / org->block_count);
}

/* ---- Tests ---- */

static void test_where_all_agree_everybody_gets_each_chunk_once(void)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, 0, "agreement");
    send_blocks(org, 0, 20, 50 * SIM_MS);
    sim_run(org->world, sim_now_ns(org->world) + SIM_SECOND);
    print_statistics(org);
    CU_ASSERT_EQUAL(org->statistics.pushed, org->statistics.due);
    CU_ASSERT_EQUAL(org->statistics.again, 0);
    CU_ASSERT_EQUAL(org->statistics.requests, 0);
    CU_ASSERT_EQUAL(org->statistics.origin_sent, org->statistics.chunks);
    /* 1 + 3 + 9 + 27 + 81 = 121 receivers are up to five hops away, 364 up to six. */
    CU_ASSERT_EQUAL(org->statistics.depth_max, 6);
    /* What a relay sends per chunk has mean 1 and variance 2. */
    double expected = (double)org->statistics.chunks * (NODES - 2) / (NODES - 1);
    for (uint32_t i = 1; i < NODES; i++) {
        double difference = (double)org->nodes[i].sent - expected;
        CU_ASSERT(difference * difference < 6 * 6 * 2 * (double)org->statistics.chunks);
    }
    org_destroy(org);
}

static void test_infectious_push_misses_some_and_repeats_itself(void)
{
    struct org *org = org_create(FAMA_PLANNER_INFECTIOUS, 0, "infectious");
    send_blocks(org, 0, 20, 50 * SIM_MS);
    expect_all_to_have_all_within(org, 5 * SIM_SECOND);
    print_statistics(org);
    /* z = 1 - exp(-3 z) has the solution 0.94; all who were reached send three. */
    CU_ASSERT(share_pushed(org) > 0.90 && share_pushed(org) < 0.97);
    CU_ASSERT(duplicates(org) > 1.8 && duplicates(org) < 2.2);
    CU_ASSERT_EQUAL(org->statistics.origin_sent, DEGREE * org->statistics.chunks);
    org_destroy(org);
}

static void expect_under_loss(uint32_t loss, double least)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, loss, "loss");
    send_blocks(org, 0, 20, 50 * SIM_MS);
    expect_all_to_have_all_within(org, 10 * SIM_SECOND);
    print_statistics(org);
    CU_ASSERT(share_pushed(org) > least);
    CU_ASSERT(share_pushed(org) < 1);
    /* Late pushes meet what pull has brought in the meantime; nothing else comes twice. */
    CU_ASSERT(duplicates(org) < 0.01);
    org_destroy(org);
}

/* A chunk arrives over h hops with probability (1 - loss)^h; h is 5.1 on average. */
static void test_one_percent_of_loss_costs_push_five(void)
{
    expect_under_loss(100, 0.92);
}

static void test_five_percent_of_loss_are_repaired(void)
{
    expect_under_loss(500, 0.70);
}

static void test_nodes_that_come_and_go_break_few_trees(void)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, 0, "churn");
    for (uint32_t i = 0; i < 20; i++) {
        send_blocks(org, i % 3, 1, 100 * SIM_MS);
        crash(org, 100 + i, SIM_SECOND);
        if (i >= 10) {
            come_back(org, 100 + i - 10, SIM_SECOND);
        }
    }
    expect_all_to_have_all_within(org, 10 * SIM_SECOND);
    print_statistics(org);
    CU_ASSERT(share_pushed(org) > 0.8);
    CU_ASSERT(duplicates(org) < 1.8);
    /* Once all have heard of it, they agree again. */
    sim_run(org->world, sim_now_ns(org->world) + 2 * SIM_SECOND);
    org->statistics = (struct statistics){0};
    send_blocks(org, 0, 3, 50 * SIM_MS);
    CU_ASSERT_EQUAL(org->statistics.pushed, org->statistics.due);
    CU_ASSERT_EQUAL(org->statistics.again, 0);
    org_destroy(org);
}

/* One node in ten holds somebody for dead whom the others see, and has for a while: neither its view nor the
 * one before is theirs. */
static void test_a_few_with_another_view_cost_little(void)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, 0, "few differ");
    for (uint32_t i = 5; i < NODES; i += 10) {
        org->nodes[i].holds_for_living[8] = false;
        publish_view(org, i);
        org->nodes[i].holds_for_living[7] = false;
        publish_view(org, i);
    }
    send_blocks(org, 0, 20, 50 * SIM_MS);
    expect_all_to_have_all_within(org, 5 * SIM_SECOND);
    print_statistics(org);
    CU_ASSERT(share_pushed(org) > 0.65); /* a tenth less at each of five hops */
    CU_ASSERT(duplicates(org) < 0.5);
    org_destroy(org);
}

/* Everybody holds somebody else for dead: no two views are the same. */
static void test_where_nobody_agrees_push_is_infectious(void)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, 0, "all differ");
    for (uint32_t i = 0; i < NODES; i++) {
        org->nodes[i].holds_for_living[(i + 1) % NODES] = false;
        publish_view(org, i);
    }
    send_blocks(org, 0, 10, 50 * SIM_MS);
    expect_all_to_have_all_within(org, 5 * SIM_SECOND);
    print_statistics(org);
    CU_ASSERT(share_pushed(org) > 0.88 && share_pushed(org) < 0.97);
    CU_ASSERT(duplicates(org) > 1.7 && duplicates(org) < 2.2);
    org_destroy(org);
}

/* As while the setting is being changed on one node after the other: who has another one passes on at random,
 * which is better than to nobody's children. */
static void test_nodes_of_another_degree_do_not_starve_their_children(void)
{
    struct org *org = org_create(FAMA_PLANNER_COORDINATED, 0, "degrees");
    for (uint32_t i = 0; i < NODES; i += 2) {
        org->nodes[i].degree = DEGREE + 1;
    }
    send_blocks(org, 0, 10, 50 * SIM_MS);
    expect_all_to_have_all_within(org, 5 * SIM_SECOND);
    print_statistics(org);
    CU_ASSERT(share_pushed(org) > 0.6);
    org_destroy(org);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_where_all_agree_everybody_gets_each_chunk_once),
        TEST(test_infectious_push_misses_some_and_repeats_itself),
        TEST(test_one_percent_of_loss_costs_push_five),
        TEST(test_five_percent_of_loss_are_repaired),
        TEST(test_nodes_that_come_and_go_break_few_trees),
        TEST(test_a_few_with_another_view_cost_little),
        TEST(test_where_nobody_agrees_push_is_infectious),
        TEST(test_nodes_of_another_degree_do_not_starve_their_children),
    };
    return run_suite("fanout_sim", cases, sizeof(cases) / sizeof(cases[0]));
}
