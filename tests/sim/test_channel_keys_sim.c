/* Channel keys among nodes in virtual time: two of them are origins, messages are lost, doubled and overtake
 * each other, members come, go, crash and lie. Who is a member is told to all at once; sessions prove
 * who speaks, so a datagram's sender is its author. */
#include "controlplane/channel_keys.h"
#include "sim/world.h"
#include "unit/suite.h"

#define NODES   12u
#define ORIGINS 2u
#define TICK_NS (50 * SIM_MS)
#define ROTATE  (600 * SIM_SECOND)
#define GRACE   (5 * SIM_SECOND)
#define RETRY   (200 * SIM_MS)

struct sim_node {
    struct fama_channel_keys *keys;
    bool is_member;
    bool is_liar; /* says it took what it did not, and offers keys without end */
    uint32_t lies;
    uint64_t sent;
};

struct network {
    struct sim_world *world;
    struct sim_node nodes[NODES];
    uint8_t drawn; /* every key is of one repeated octet, never the same */
};

static struct network *network; /* what the generator of keys draws from */

static const uint8_t digest[FAMA_SHA256_BYTES] = {0xc4};

static void pki_id_of(uint32_t node, uint8_t pki_id[FAMA_PKI_ID_BYTES])
{
    memset(pki_id, 0, FAMA_PKI_ID_BYTES);
    pki_id[7] = (uint8_t)(node + 1);
}

static fama_tag tag_of(uint32_t node)
{
    return node + 1;
}

static bool draw(uint8_t *bytes, size_t count)
{
    memset(bytes, ++network->drawn, count);
    return true;
}

static void send_all(uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    fama_tag member;
    struct fama_keys message;
    while (fama_channel_keys_next(self->keys, sim_now_ns(network->world), &member, &message)) {
        self->sent++;
        sim_send(network->world, node, (uint32_t)(member - 1),
                 fama_bytes(&message, sizeof(message)));
    }
}

static void tell_lies(uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    for (uint32_t to = 0; to < NODES; to++) {
        struct fama_keys lie = {.step = (enum fama_keys_step)(FAMA_KEYS_OFFER + self->lies % 3),
                                .channel = fama_tag_of(digest),
                                .epoch = self->lies * 7919 + 1};
        memset(lie.key, lie.step == FAMA_KEYS_OFFER ? 0xee : 0, sizeof(lie.key));
        self->lies++;
        sim_send(network->world, node, to, fama_bytes(&lie, sizeof(lie)));
    }
}

static void on_datagram(void *context, uint32_t node, uint32_t from, struct fama_bytes datagram)
{
    struct sim_node *self = &network->nodes[node];
    struct fama_keys message;
    uint8_t author[FAMA_PKI_ID_BYTES];
    (void)context;
    memcpy(&message, datagram.at, sizeof(message));
    pki_id_of(from, author);
    /* As the node does: of strangers to the channel nothing is heard. */
    if (self->is_member && network->nodes[from].is_member && !self->is_liar) {
        (void)fama_channel_keys_on_message(self->keys, sim_now_ns(network->world), author,
                                           &message);
        send_all(node);
    }
}

static void on_timer(void *context, uint32_t node)
{
    struct sim_node *self = &network->nodes[node];
    (void)context;
    if (self->is_member && self->is_liar) {
        tell_lies(node);
    } else if (self->is_member) {
        fama_channel_keys_tick(self->keys, sim_now_ns(network->world));
        send_all(node);
    }
    sim_timer(network->world, node, sim_now_ns(network->world) + TICK_NS);
}

static void start_node(uint32_t node, uint32_t first_epoch)
{
    struct sim_node *self = &network->nodes[node];
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    pki_id_of(node, pki_id);
    const struct fama_channel_keys_config config = {.channel_digest = digest,
                                                    .self_pki_id = pki_id,
                                                    .first_epoch = first_epoch,
                                                    .rotate_ns = ROTATE,
                                                    .grace_ns = GRACE,
                                                    .retry_ns = RETRY,
                                                    .members_max = NODES,
                                                    .random = draw};
    fama_channel_keys_destroy(self->keys);
    self->keys = fama_channel_keys_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->keys);
    self->is_member = true;
    uint64_t now_ns = sim_now_ns(network->world);
    if (node < ORIGINS) {
        CU_ASSERT_TRUE_FATAL(fama_channel_keys_begin(self->keys, now_ns));
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (i != node && network->nodes[i].is_member) {
            fama_channel_keys_join(self->keys, now_ns, tag_of(i));
            fama_channel_keys_join(network->nodes[i].keys, now_ns, tag_of(node));
        }
    }
    sim_timer(network->world, node, now_ns);
}

static void leave(uint32_t node)
{
    network->nodes[node].is_member = false;
    for (uint32_t i = 0; i < NODES; i++) {
        if (network->nodes[i].is_member) {
            fama_channel_keys_leave(network->nodes[i].keys, sim_now_ns(network->world),
                                    tag_of(node));
        }
    }
}

static void crash(uint32_t node)
{
    sim_crash(network->world, node);
    for (uint32_t i = 0; i < NODES; i++) {
        if (i != node && network->nodes[i].is_member) {
            fama_channel_keys_pause(network->nodes[i].keys, tag_of(node));
        }
    }
    network->nodes[node].is_member = false;
}

static void set_up(uint32_t loss, const char *test)
{
    network = calloc(1, sizeof(*network));
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    const struct sim_link link = {.loss = loss,
                                  .duplication = 1000,
                                  .reordering = 2000,
                                  .delay_ns = SIM_MS,
                                  .jitter_ns = 3 * SIM_MS};
    const struct sim_handlers handlers = {network, on_datagram, on_timer};
    network->world = sim_create(NODES, sim_seed(test), &link, &handlers);
    for (uint32_t i = 0; i < NODES; i++) {
        start_node(i, 1000);
    }
}

static void tear_down(void)
{
    for (uint32_t i = 0; i < NODES; i++) {
        fama_channel_keys_destroy(network->nodes[i].keys);
    }
    sim_destroy(network->world);
    free(network);
}

static void run_for(uint64_t time_ns)
{
    sim_run(network->world, sim_now_ns(network->world) + time_ns);
}

static uint32_t epoch_of(uint32_t origin)
{
    struct fama_channel_key *key = fama_channel_keys_in_force(network->nodes[origin].keys);
    uint32_t epoch = key != NULL ? key->epoch : 0;
    fama_channel_key_release(key);
    return epoch;
}

/* Whether the node holds the very key that this origin has in force. */
static bool can_read(uint32_t node, uint32_t origin)
{
    struct fama_channel_key *list[FAMA_VIEW_KEYS_MAX];
    struct fama_channel_key *key = fama_channel_keys_in_force(network->nodes[origin].keys);
    uint32_t count = fama_channel_keys_list(network->nodes[node].keys, list);
    bool is_there = false;
    for (uint32_t i = 0; i < count; i++) {
        is_there |= list[i]->maker == tag_of(origin) && list[i]->epoch == key->epoch &&
                    memcmp(list[i]->bytes, key->bytes, sizeof(key->bytes)) == 0 &&
                    memcmp(list[i]->commitment, key->commitment, sizeof(key->commitment)) == 0;
        fama_channel_key_release(list[i]);
    }
    fama_channel_key_release(key);
    return is_there;
}

static void expect_all_can_read(void)
{
    for (uint32_t origin = 0; origin < ORIGINS; origin++) {
        for (uint32_t node = 0; node < NODES; node++) {
            if (node != origin && network->nodes[node].is_member && !network->nodes[node].is_liar) {
                CU_ASSERT_TRUE(can_read(node, origin));
            }
        }
    }
}

static void test_all_members_get_all_keys_in_spite_of_loss_and_then_there_is_silence(void)
{
    set_up(3000, "keys, loss");
    run_for(30 * SIM_SECOND);
    expect_all_can_read();
    uint64_t before = sim_sent(network->world);
    run_for(60 * SIM_SECOND);
    CU_ASSERT_EQUAL(sim_sent(network->world), before);
    /* And so through every rotation: nobody is ever without the key in force for longer than it takes. */
    for (uint32_t i = 0; i < 3; i++) {
        run_for(ROTATE + GRACE + 20 * SIM_SECOND);
        expect_all_can_read();
    }
    CU_ASSERT(epoch_of(0) >= 1003 && epoch_of(0) <= 1005);
    tear_down();
}

static void test_a_rotation_takes_effect_when_all_have_the_key_and_no_later_than_its_grace(void)
{
    set_up(500, "keys, rotation");
    run_for(30 * SIM_SECOND);
    while (sim_now_ns(network->world) < ROTATE + GRACE + SIM_SECOND) {
        run_for(10 * SIM_MS);
        expect_all_can_read(); /* at any time: nobody was late */
    }
    CU_ASSERT_EQUAL(epoch_of(0), 1001);
    CU_ASSERT_EQUAL(epoch_of(1), 1001);
    tear_down();
}

static void test_who_has_left_never_gets_the_next_key(void)
{
    set_up(2000, "keys, leaving");
    run_for(30 * SIM_SECOND);
    CU_ASSERT_TRUE(can_read(7, 0));
    leave(7);
    run_for(GRACE + SIM_SECOND);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT(epoch_of(0) >= 1001 && epoch_of(1) >= 1001);
        CU_ASSERT_FALSE(can_read(7, 0));
        CU_ASSERT_FALSE(can_read(7, 1));
        /* It may ask as often as it likes. */
        network->nodes[7].is_member = true;
        for (uint32_t round = 0; round < 20; round++) {
            fama_channel_keys_miss(network->nodes[7].keys, tag_of(0));
            fama_channel_keys_miss(network->nodes[7].keys, tag_of(1));
            run_for(SIM_SECOND);
        }
        network->nodes[7].is_member = false;
    }
    expect_all_can_read();
    tear_down();
}

static void test_crashes_and_returns_leave_nobody_without_a_key(void)
{
    set_up(1000, "keys, churn");
    run_for(20 * SIM_SECOND);
    for (uint32_t round = 0; round < 40; round++) {
        uint32_t node = ORIGINS + fama_random_below(sim_random(network->world), NODES - ORIGINS);
        if (network->nodes[node].is_member) {
            crash(node);
        } else {
            sim_restart(network->world, node);
            start_node(node, 1000 + round);
        }
        run_for(fama_random_below(sim_random(network->world), 3000) * SIM_MS);
    }
    run_for(30 * SIM_SECOND);
    expect_all_can_read();
    /* The dead were not forgotten: they may come back, and no key was changed for them. */
    CU_ASSERT_EQUAL(epoch_of(0), 1000);
    tear_down();
}

static void test_an_origin_that_starts_anew_is_read_again(void)
{
    set_up(1000, "keys, restart");
    run_for(20 * SIM_SECOND);
    for (uint32_t i = 1; i <= 4; i++) {
        crash(0);
        run_for(SIM_SECOND);
        sim_restart(network->world, 0);
        /* Once in the same second as before: another key of the same epoch. */
        start_node(0, 1000 + i / 2);
        run_for(20 * SIM_SECOND);
        expect_all_can_read();
    }
    tear_down();
}

static void test_lying_members_keep_nobody_from_the_keys(void)
{
    set_up(1000, "keys, liars");
    network->nodes[4].is_liar = true;
    network->nodes[5].is_liar = true;
    network->nodes[6].is_liar = true;
    run_for(30 * SIM_SECOND);
    expect_all_can_read();
    run_for(ROTATE + GRACE + 20 * SIM_SECOND);
    expect_all_can_read();
    CU_ASSERT(epoch_of(0) > 1000 && epoch_of(1) > 1000);
    tear_down();
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_all_members_get_all_keys_in_spite_of_loss_and_then_there_is_silence),
        TEST(test_a_rotation_takes_effect_when_all_have_the_key_and_no_later_than_its_grace),
        TEST(test_who_has_left_never_gets_the_next_key),
        TEST(test_crashes_and_returns_leave_nobody_without_a_key),
        TEST(test_an_origin_that_starts_anew_is_read_again),
        TEST(test_lying_members_keep_nobody_from_the_keys),
    };
    return run_suite("channel keys in virtual time", cases, sizeof(cases) / sizeof(cases[0]));
}
