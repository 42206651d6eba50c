/* Repair among nodes in virtual time. Each node's dataplane is modelled by what it reports: which blocks
 * are at hand, and the missing chunks of a block that makes no progress. Blocks of random sizes enter at
 * node 0, are pushed in chunks to everybody, and what gets lost is pulled. */
#include "controlplane/repair.h"
#include "sim/world.h"
#include "unit/suite.h"

#define CHUNK_BYTES  1000u
#define WINDOW       16u
#define BLOCKS_MAX   512u
#define CHUNKS_MAX   (3u * FAMA_SET_CHUNKS)
#define RETRY_NS     (100 * SIM_MS)
#define TICK_NS      (20 * SIM_MS)
#define STALLED_NS   (60 * SIM_MS)
#define STATE_NS     (200 * SIM_MS)
#define LIAR_HEIGHT  ((uint64_t)1 << 60)
#define HEIGHTS_ONLY UINT32_MAX

/* Datagrams of this simulation: they never leave it. */
struct packet {
    enum fama_kind kind;
    uint64_t height; /* STATEINFO */
    uint64_t block;  /* CHUNK */
    uint32_t chunk;
    struct fama_request request; /* REQUEST, within the session of its sender */
};

struct assembly {
    uint32_t have_count;
    uint64_t first_ns; /* when its first chunk came */
    uint64_t touched_ns;
    bool have[CHUNKS_MAX];
};

struct sim_node {
    struct fama_repair *repair;
    struct fama_repair_server *server;
    uint64_t height;
    uint64_t stated_ns;
    uint64_t requests;
    uint64_t requests_to_liar;
    uint64_t
        requests_at_hand; /* for whole blocks of which something was there, too new to be doubted */
    uint64_t asked_at_once_max;
    uint64_t asked_ns[BLOCKS_MAX];
    struct assembly blocks[BLOCKS_MAX];
};

struct network {
    struct sim_world *world;
    uint32_t count;
    uint32_t liar; /* HEIGHTS_ONLY: nobody */
    uint64_t tip;
    uint32_t chunks_of[BLOCKS_MAX];
    struct sim_node *nodes;
};

static fama_tag tag_of(uint32_t node)
{
    return node + 1;
}

static void report_window(struct network *network, uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    struct fama_window window = {.first = self->height};
    for (uint32_t i = 0; i < 64 && self->height + i < BLOCKS_MAX; i++) {
        if (self->blocks[self->height + i].have_count > 0) {
            window.present |= (uint64_t)1 << i;
            window.horizon = self->height + i + 1;
        }
    }
    fama_repair_on_window(self->repair, sim_now_ns(network->world), &window);
}

static void take_chunk(struct network *network, uint32_t node, uint64_t block, uint32_t chunk)
{
    struct sim_node *self = &network->nodes[node];
    if (block < self->height || block >= self->height + WINDOW) {
        return; /* as the dataplane does: stale, or too far ahead */
    }
    struct assembly *assembly = &self->blocks[block];
    if (assembly->have[chunk]) {
        return;
    }
    assembly->have[chunk] = true;
    assembly->have_count++;
    assembly->touched_ns = sim_now_ns(network->world);
    assembly->first_ns = assembly->first_ns != 0 ? assembly->first_ns : assembly->touched_ns;
    while (self->height < network->tip &&
           self->blocks[self->height].have_count == network->chunks_of[self->height]) {
        self->height++;
    }
    report_window(network, node);
}

static void report_gaps(struct network *network, uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    uint64_t now_ns = sim_now_ns(network->world);
    for (uint64_t b = self->height; b < network->tip && b < self->height + WINDOW; b++) {
        struct assembly *assembly = &self->blocks[b];
        if (assembly->have_count == 0 || assembly->have_count == network->chunks_of[b] ||
            now_ns - assembly->touched_ns < STALLED_NS) {
            continue;
        }
        assembly->touched_ns = now_ns;
        struct fama_gap gap = {.block = b,
                               .cut = {network->chunks_of[b] * CHUNK_BYTES, CHUNK_BYTES, 0}};
        for (uint32_t chunk = 0; chunk < network->chunks_of[b]; chunk++) {
            uint16_t set = (uint16_t)(chunk / FAMA_SET_CHUNKS);
            if (assembly->have[chunk]) {
                continue;
            }
            if (gap.count == 0 || gap.entries[gap.count - 1].set != set) {
                gap.entries[gap.count++] = (struct fama_request_entry){.set = set};
            }
            gap.entries[gap.count - 1].wanted |= (uint64_t)1 << chunk % FAMA_SET_CHUNKS;
        }
        fama_repair_on_gap(self->repair, now_ns, &gap);
    }
}

static void send_packet(struct network *network, uint32_t from, uint32_t to,
                        const struct packet *packet)
{
    sim_send(network->world, from, to, fama_bytes(packet, sizeof(*packet)));
}

static void state_height(struct network *network, uint32_t node)
{
    struct packet packet = {.kind = FAMA_KIND_STATEINFO, .height = network->nodes[node].height};
    if (node == network->liar) {
        packet.height = LIAR_HEIGHT;
    }
    for (uint32_t to = 0; to < network->count; to++) {
        if (to != node) {
            send_packet(network, node, to, &packet);
        }
    }
}

static void send_requests(struct network *network, uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    uint64_t now_ns = sim_now_ns(network->world);
    struct fama_repair_request ask;
    while (fama_repair_next(self->repair, now_ns, &ask)) {
        struct packet packet = {.kind = FAMA_KIND_REQUEST, .request = ask.request};
        uint64_t block = ask.request.block;
        self->requests++;
        self->requests_to_liar += ask.holder == tag_of(network->liar);
        self->requests_at_hand += ask.request.count == 0 && block < BLOCKS_MAX &&
                                  (block < self->height ||
                                   (self->blocks[block].have_count > 0 &&
                                    now_ns - self->blocks[block].first_ns < FAMA_REPAIR_DOUBT_NS));
        if (block < BLOCKS_MAX) {
            self->asked_ns[block] = now_ns;
        }
        uint64_t at_once = 0;
        for (uint64_t b = self->height; b < BLOCKS_MAX; b++) {
            at_once += self->asked_ns[b] == now_ns && now_ns != 0;
        }
        if (at_once > self->asked_at_once_max) {
            self->asked_at_once_max = at_once;
        }
        send_packet(network, node, (uint32_t)(ask.holder - 1), &packet);
    }
}

static void answer(struct network *network, uint32_t node, uint32_t to, const struct packet *asked)
{
    struct sim_node *self = &network->nodes[node];
    const struct fama_request *request = &asked->request;
    if (node == network->liar || request->block >= self->height ||
        fama_repair_server_admit(self->server, sim_now_ns(network->world), tag_of(to), request) !=
            FAMA_DROP_NONE) {
        return;
    }
    struct packet packet = {.kind = FAMA_KIND_CHUNK, .block = request->block};
    for (uint32_t chunk = 0; chunk < network->chunks_of[request->block]; chunk++) {
        bool is_wanted = request->count == 0;
        for (uint32_t i = 0; i < request->count; i++) {
            is_wanted |= request->entries[i].set == chunk / FAMA_SET_CHUNKS &&
                         (request->entries[i].wanted >> chunk % FAMA_SET_CHUNKS & 1) != 0;
        }
        packet.chunk = chunk;
        if (is_wanted) {
            send_packet(network, node, to, &packet);
        }
    }
}

static void on_datagram(void *context, uint32_t node, uint32_t from, struct fama_bytes datagram)
{
    struct network *network = context;
    struct packet packet;
    memcpy(&packet, datagram.at, sizeof(packet));
    if (packet.kind == FAMA_KIND_STATEINFO) {
        fama_repair_on_stateinfo(network->nodes[node].repair, sim_now_ns(network->world),
                                 tag_of(from), packet.height);
    } else if (packet.kind == FAMA_KIND_CHUNK) {
        take_chunk(network, node, packet.block, packet.chunk);
    } else {
        answer(network, node, from, &packet);
    }
}

static void on_timer(void *context, uint32_t node)
{
    struct network *network = context;
    uint64_t now_ns = sim_now_ns(network->world);
    report_gaps(network, node);
    send_requests(network, node);
    if (now_ns - network->nodes[node].stated_ns >= STATE_NS) {
        network->nodes[node].stated_ns = now_ns;
        state_height(network, node);
    }
    sim_timer(network->world, node, now_ns + TICK_NS);
}

static void begin(struct network *network, uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    struct fama_repair_config config = {
        .self = tag_of(node),
        .channel = 9,
        .window_blocks = WINDOW,
        .patience_ns = 150 * SIM_MS,
        .retry_ns = RETRY_NS,
        .chunk_bytes = CHUNK_BYTES,
        .holders_max = network->count,
        .random_seed = fama_random_next(sim_random(network->world)),
    };
    struct fama_repair_server_config serving = {
        .bytes_per_second = 1000000000,
        .bytes_per_second_each = 100000000,
        .askers_max = network->count,
    };
    fama_repair_destroy(self->repair);
    fama_repair_server_destroy(self->server);
    self->repair = fama_repair_create(&config);
    self->server = fama_repair_server_create(&serving);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->repair);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->server);
    fama_repair_on_height(self->repair, sim_now_ns(network->world), self->height);
    sim_timer(network->world, node, sim_now_ns(network->world));
}

static struct network *network_create(uint32_t count, uint32_t liar, uint32_t loss,
                                      const char *test)
{
    struct network *network = calloc(1, sizeof(*network));
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    network->nodes = calloc(count, sizeof(*network->nodes));
    CU_ASSERT_PTR_NOT_NULL_FATAL(network->nodes);
    network->count = count;
    network->liar = liar;
    struct sim_link link = {.loss = loss,
                            .duplication = 100,
                            .reordering = 500,
                            .delay_ns = SIM_MS / 2,
                            .jitter_ns = SIM_MS};
    struct sim_handlers handlers = {network, on_datagram, on_timer};
    network->world = sim_create(count, sim_seed(test), &link, &handlers);
    for (uint32_t i = 0; i < count; i++) {
        begin(network, i);
    }
    return network;
}

static void network_destroy(struct network *network)
{
    for (uint32_t i = 0; i < network->count; i++) {
        fama_repair_destroy(network->nodes[i].repair);
        fama_repair_server_destroy(network->nodes[i].server);
    }
    sim_destroy(network->world);
    free(network->nodes);
    free(network);
}

/* A block of a random size enters at node 0 and is pushed to everybody. */
static void push_block(struct network *network)
{
    uint64_t block = network->tip++;
    uint32_t chunks = 1 + fama_random_below(sim_random(network->world), CHUNKS_MAX);
    network->chunks_of[block] = chunks;
    struct sim_node *source = &network->nodes[0];
    source->blocks[block].have_count = chunks;
    memset(source->blocks[block].have, true, chunks);
    source->height++;
    report_window(network, 0);
    for (uint32_t chunk = 0; chunk < chunks; chunk++) {
        struct packet packet = {.kind = FAMA_KIND_CHUNK, .block = block, .chunk = chunk};
        for (uint32_t to = 1; to < network->count; to++) {
            send_packet(network, 0, to, &packet);
        }
    }
}

static void push_blocks(struct network *network, uint32_t blocks, uint64_t pause_ns)
{
    for (uint32_t i = 0; i < blocks; i++) {
        push_block(network);
        sim_run(network->world, sim_now_ns(network->world) + pause_ns);
    }
}

static bool all_are_level(const struct network *network)
{
    for (uint32_t i = 0; i < network->count; i++) {
        if (i != network->liar && network->nodes[i].height != network->tip) {
            return false;
        }
    }
    return true;
}

/* Virtual seconds until all honest nodes have all blocks. */
static double until_level(struct network *network, uint64_t limit_ns)
{
    uint64_t start_ns = sim_now_ns(network->world);
    while (!all_are_level(network) && sim_now_ns(network->world) - start_ns < limit_ns) {
        sim_run(network->world, sim_now_ns(network->world) + TICK_NS);
    }
    CU_ASSERT_TRUE(all_are_level(network));
    return (double)(sim_now_ns(network->world) - start_ns) / 1e9;
}

static void expect_manners(const struct network *network)
{
    for (uint32_t i = 0; i < network->count; i++) {
        CU_ASSERT_EQUAL(network->nodes[i].requests_at_hand, 0);
        CU_ASSERT(network->nodes[i].asked_at_once_max <= WINDOW);
    }
}

static void test_without_loss_nothing_is_asked_for(void)
{
    struct network *network = network_create(7, HEIGHTS_ONLY, 0, "no loss");
    push_blocks(network, 50, 100 * SIM_MS);
    sim_run(network->world, sim_now_ns(network->world) + 2 * SIM_SECOND);
    CU_ASSERT_TRUE(all_are_level(network));
    for (uint32_t i = 0; i < network->count; i++) {
        CU_ASSERT_EQUAL(network->nodes[i].requests, 0);
    }
    network_destroy(network);
}

static void level_in_spite_of(uint32_t loss, uint64_t limit_ns)
{
    struct network *network = network_create(7, HEIGHTS_ONLY, loss, "loss");
    push_blocks(network, 60, 100 * SIM_MS);
    double seconds = until_level(network, limit_ns);
    uint64_t requests = 0;
    for (uint32_t i = 1; i < network->count; i++) {
        requests += network->nodes[i].requests;
    }
    printf("(%.2f s after the last block, %.1f requests per node and block) ", seconds,
           (double)requests / 6 / 60);
    CU_ASSERT(requests <= (uint64_t)6 * 60 * 8);
    expect_manners(network);
    network_destroy(network);
}

static void test_all_reach_one_height_in_spite_of_five_percent_loss(void)
{
    level_in_spite_of(500, 3 * SIM_SECOND);
}

static void test_all_reach_one_height_in_spite_of_twenty_percent_loss(void)
{
    level_in_spite_of(2000, 10 * SIM_SECOND);
}

static void test_a_node_that_was_down_catches_up(void)
{
    struct network *network = network_create(7, HEIGHTS_ONLY, 500, "down");
    push_blocks(network, 20, 50 * SIM_MS);
    sim_crash(network->world, 6);
    push_blocks(network, 200, 50 * SIM_MS);
    uint64_t behind = network->tip - network->nodes[6].height;
    memset(network->nodes[6].blocks, 0, sizeof(network->nodes[6].blocks));
    sim_restart(network->world, 6);
    begin(network, 6);
    push_blocks(network, 20, 50 * SIM_MS);
    double seconds = until_level(network, 30 * SIM_SECOND);
    printf("(%lu blocks behind, level %.2f s after the last block) ", (unsigned long)behind,
           seconds);
    expect_manners(network);
    network_destroy(network);
}

static void test_a_liar_stops_nobody_and_is_not_flooded_with_requests(void)
{
    struct network *network = network_create(7, 3, 500, "liar");
    push_blocks(network, 20, 50 * SIM_MS);
    sim_crash(network->world, 6);
    push_blocks(network, 100, 50 * SIM_MS);
    memset(network->nodes[6].blocks, 0, sizeof(network->nodes[6].blocks));
    sim_restart(network->world, 6);
    begin(network, 6);
    double seconds = until_level(network, 30 * SIM_SECOND);
    CU_ASSERT_EQUAL(fama_repair_known_height(network->nodes[6].repair), LIAR_HEIGHT);
    uint64_t before[7];
    for (uint32_t i = 0; i < 7; i++) {
        before[i] = network->nodes[i].requests_to_liar;
    }
    sim_run(network->world, sim_now_ns(network->world) + 320 * RETRY_NS);
    for (uint32_t i = 0; i < 7; i++) {
        /* Whoever has all blocks asks the liar for the next one once a rest, and nobody else. */
        CU_ASSERT(network->nodes[i].requests_to_liar - before[i] <= 320 / 32 + 8 + WINDOW);
    }
    double asked = (double)network->nodes[6].requests_to_liar;
    printf("(level after %.2f s; the one behind asked the liar %.0f times of %.0f) ", seconds,
           asked, (double)network->nodes[6].requests);
    CU_ASSERT(asked < 100);
    expect_manners(network);
    push_blocks(network, 20, 50 * SIM_MS);
    (void)until_level(network, 5 * SIM_SECOND);
    network_destroy(network);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_without_loss_nothing_is_asked_for),
        TEST(test_all_reach_one_height_in_spite_of_five_percent_loss),
        TEST(test_all_reach_one_height_in_spite_of_twenty_percent_loss),
        TEST(test_a_node_that_was_down_catches_up),
        TEST(test_a_liar_stops_nobody_and_is_not_flooded_with_requests),
    };
    return run_suite("repair in virtual time", cases, sizeof(cases) / sizeof(cases[0]));
}
