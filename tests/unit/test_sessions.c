#include "controlplane/sessions.h"

#include <malloc.h>

#include "unit/seed.h"
#include "unit/signers.h"

#define MILLISECOND 1000000ull
#define SECOND      1000000000ull
#define MINUTE      (60 * SECOND)
#define NODES       3
#define LISTED      8
#define IN_FLIGHT   256
#define RECORDED    64

/* What one node is and what it has been told. */
struct node {
    fama_tag tag;
    struct fama_signer *signer; /* what it presents itself with */
    struct fama_endpoint endpoint;
    uint64_t incarnation;
    bool is_member; /* as all nodes see it */
    struct fama_sessions *sessions;
    struct fama_session *listed[LISTED]; /* references, from ESTABLISHED to GONE */
    uint32_t listed_count;
    uint32_t established, gone, preferred, failed, sent;
    enum fama_handshake_failure failure;
};

struct packet {
    uint64_t due_ns;
    struct fama_endpoint from;
    struct fama_endpoint to;
    size_t len;
    uint8_t bytes[FAMA_WIRE_DATAGRAM_LEAST];
};

struct world {
    uint64_t now_ns;
    time_t wall_clock;
    uint64_t random;
    uint32_t percent_lost;
    uint32_t percent_doubled;
    uint64_t delay_ns;
    struct node nodes[NODES];
    struct packet packets[IN_FLIGHT];
    uint32_t packet_count;
    struct packet recorded[RECORDED]; /* the first ones that were sent */
    uint32_t recorded_count;
    uint64_t to_nobody; /* bytes sent where no node is */
    uint64_t longest;
};

static struct test_organisation organisation;
static struct fama_msp *msp;
static struct fama_msp *other_msp;
static struct test_pair other_root;
static struct fama_signer *signers[NODES];
static struct fama_signer *stranger;

static void set_up(void)
{
    static const char *const names[NODES] = {"anna", "bert", "cleo"};
    test_make_organisation(&organisation);
    msp = test_msp(&organisation.config);
    for (int i = 0; i < NODES; i++) {
        signers[i] = test_peer_signer(&organisation, msp, names[i]);
    }
    struct test_organisation other;
    test_make_organisation(&other);
    other_root = other.root;
    other.root_pem = test_pem(&other.root);
    other.config.root_certs = &other.root_pem;
    other_msp = test_msp(&other.config);
    stranger = test_peer_signer(&other, other_msp, "bert");
}

static void tear_down(void)
{
    for (int i = 0; i < NODES; i++) {
        fama_signer_close(signers[i]);
    }
    fama_signer_close(stranger);
    fama_msp_release(msp);
    fama_msp_release(other_msp);
    test_free(&organisation.root);
    test_free(&other_root);
}

/* ---- The world ---- */

static uint32_t draw(struct world *world, uint32_t bound)
{
    world->random = world->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world->random >> 33) % bound;
}

static bool look_up(void *context, fama_tag tag, struct fama_sessions_peer *peer)
{
    struct world *world = context;
    for (int i = 0; i < NODES; i++) {
        if (world->nodes[i].tag == tag && world->nodes[i].is_member) {
            peer->identity = fama_signer_identity(signers[i]);
            peer->endpoint = world->nodes[i].endpoint;
            peer->incarnation = world->nodes[i].incarnation;
            return true;
        }
    }
    return false;
}

static struct fama_sessions_config config_of(struct world *world, const struct node *node)
{
    return (struct fama_sessions_config){
        .self = node->tag,
        .signer = node->signer,
        .peers_max = 8,
        .initiators_max = 4,
        .half_open_max = 16,
        .accepted_per_second = 100,
        .datagram_bytes = FAMA_WIRE_DATAGRAM_LEAST,
        .random_seed = world->random,
        .wall_clock = world->wall_clock,
        .look_up = look_up,
        .context = world,
    };
}

static void start(struct world *world, struct node *node)
{
    struct fama_sessions_config config = config_of(world, node);
    struct fama_error error = {{0}};
    if (fama_sessions_create(&config, world->now_ns, &node->sessions, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL_FATAL("no sessions");
    }
}

static void stop(struct node *node)
{
    for (uint32_t i = 0; i < node->listed_count; i++) {
        fama_session_release(node->listed[i]);
    }
    node->listed_count = 0;
    fama_sessions_destroy(node->sessions);
    node->sessions = NULL;
}

static struct world *make_world(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world);
    world->random = seed;
    world->wall_clock = time(NULL);
    world->now_ns = 5 * SECOND;
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &world->nodes[i];
        node->signer = signers[i];
        node->tag = fama_tag_of(fama_identity_pki_id(fama_signer_identity(signers[i])));
        node->endpoint = fama_endpoint_from_ipv4(0xc6120001 + i, 7051);
        node->incarnation = 1;
        node->is_member = true;
        start(world, node);
    }
    return world;
}

static void end_world(struct world *world)
{
    for (int i = 0; i < NODES; i++) {
        stop(&world->nodes[i]);
    }
    free(world);
}

static void put(struct world *world, const struct fama_endpoint *from,
                const struct fama_endpoint *to, struct fama_bytes datagram)
{
    if (world->packet_count < IN_FLIGHT && datagram.len <= FAMA_WIRE_DATAGRAM_LEAST &&
        draw(world, 100) >= world->percent_lost) {
        struct packet *packet = &world->packets[world->packet_count++];
        *packet = (struct packet){.from = *from, .to = *to, .len = datagram.len};
        packet->due_ns =
            world->now_ns + (world->delay_ns > 0 ? draw(world, (uint32_t)world->delay_ns) : 0);
        memcpy(packet->bytes, datagram.at, datagram.len);
    }
}

static void on_send(struct world *world, struct node *node,
                    const struct fama_sessions_action *action)
{
    CU_ASSERT(action->datagram.len <= FAMA_WIRE_DATAGRAM_LEAST);
    node->sent++;
    if (world->recorded_count < RECORDED) {
        struct packet *packet = &world->recorded[world->recorded_count++];
        *packet = (struct packet){
            .from = node->endpoint, .to = action->target, .len = action->datagram.len};
        memcpy(packet->bytes, action->datagram.at, action->datagram.len);
    }
    for (int i = 0; i < NODES; i++) {
        if (fama_endpoint_equal(&world->nodes[i].endpoint, &action->target)) {
            put(world, &node->endpoint, &action->target, action->datagram);
            if (draw(world, 100) < world->percent_doubled) {
                put(world, &node->endpoint, &action->target, action->datagram);
            }
            return;
        }
    }
    world->to_nobody += action->datagram.len;
}

static void take_actions(struct world *world, struct node *node)
{
    struct fama_sessions_action action;
    while (fama_sessions_next_action(node->sessions, &action)) {
        switch (action.kind) {
        case FAMA_SESSIONS_SEND:
            on_send(world, node, &action);
            break;
        case FAMA_SESSIONS_ESTABLISHED:
            CU_ASSERT_FATAL(node->listed_count < LISTED);
            node->listed[node->listed_count++] = fama_session_acquire(action.session);
            node->established++;
            break;
        case FAMA_SESSIONS_PREFERRED:
            CU_ASSERT_PTR_EQUAL(action.session, fama_sessions_of(node->sessions, action.peer));
            node->preferred++;
            break;
        case FAMA_SESSIONS_GONE: {
            uint32_t i = 0;
            while (i < node->listed_count && node->listed[i] != action.session) {
                i++;
            }
            CU_ASSERT_FATAL(i < node->listed_count);
            fama_session_release(node->listed[i]);
            node->listed[i] = node->listed[--node->listed_count];
            node->gone++;
            break;
        }
        case FAMA_SESSIONS_FAILED:
            node->failed++;
            node->failure = action.failure;
            break;
        }
    }
}

static enum fama_drop hand_over(struct world *world, struct node *node,
                                const struct fama_endpoint *from, struct fama_bytes datagram)
{
    enum fama_drop drop = fama_sessions_on_datagram(node->sessions, world->now_ns, datagram, from);
    take_actions(world, node);
    return drop;
}

static bool deliver_one(struct world *world)
{
    for (uint32_t i = 0; i < world->packet_count; i++) {
        if (world->packets[i].due_ns > world->now_ns) {
            continue;
        }
        struct packet packet = world->packets[i];
        world->packets[i] = world->packets[--world->packet_count];
        for (int j = 0; j < NODES; j++) {
            struct node *node = &world->nodes[j];
            if (node->sessions != NULL && fama_endpoint_equal(&node->endpoint, &packet.to)) {
                (void)hand_over(world, node, &packet.from, fama_bytes(packet.bytes, packet.len));
            }
        }
        return true;
    }
    return false;
}

static void pass(struct world *world, uint64_t time_ns, uint64_t step_ns)
{
    for (uint64_t end_ns = world->now_ns + time_ns; world->now_ns < end_ns;) {
        world->now_ns += step_ns;
        while (deliver_one(world)) {
        }
        for (int i = 0; i < NODES; i++) {
            struct node *node = &world->nodes[i];
            if (node->sessions != NULL) {
                fama_sessions_tick(node->sessions, world->now_ns, world->wall_clock);
                take_actions(world, node);
            }
        }
    }
}

static void want(struct world *world, struct node *node, const struct node *peer)
{
    CU_ASSERT_EQUAL(fama_sessions_want(node->sessions, world->now_ns, peer->tag), FAMA_DROP_NONE);
    take_actions(world, node);
}

static struct fama_session *preferred(const struct node *node, const struct node *peer)
{
    return fama_sessions_of(node->sessions, peer->tag);
}

/* Whether what one seals in its preferred session, the other opens. */
static bool reaches(const struct node *from, const struct node *to)
{
    struct fama_session *session = preferred(from, to);
    if (session == NULL) {
        return false;
    }
    uint8_t inner[64] = {1, 2, 3};
    uint8_t datagram[128];
    uint8_t out[64];
    struct fama_bytes pieces = fama_bytes(inner, sizeof inner);
    size_t len =
        fama_session_seal(session, FAMA_STREAM_CONTROL, &pieces, 1, datagram, sizeof datagram);
    struct fama_sealed sealed;
    if (fama_wire_sealed_read(fama_bytes(datagram, len), &sealed) != FAMA_DROP_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < to->listed_count; i++) {
        if (fama_session_id(to->listed[i]) == sealed.session) {
            return fama_session_open(to->listed[i], &sealed, out) == FAMA_DROP_NONE &&
                   memcmp(out, inner, sizeof inner) == 0;
        }
    }
    return false;
}

/* ---- Tests ---- */

static void test_limits_of_zero_and_beyond_the_largest_are_refused(void)
{
    struct world *world = make_world(1);
    struct fama_sessions_config good = config_of(world, &world->nodes[0]);
    struct fama_sessions_config bad[5] = {good, good, good, good, good};
    bad[0].peers_max = 0;
    bad[1].peers_max = FAMA_PEERS_MAX + 1;
    bad[2].initiators_max = 0;
    bad[3].half_open_max = 0;
    bad[4].accepted_per_second = 0;
    for (int i = 0; i < 5; i++) {
        struct fama_sessions *sessions = NULL;
        struct fama_error error = {{0}};
        CU_ASSERT_NOT_EQUAL(fama_sessions_create(&bad[i], 0, &sessions, &error), 0);
        CU_ASSERT_PTR_NULL(sessions);
        CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
    }
    end_world(world);
}

static void test_who_wants_a_session_gets_one_and_no_second(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, anna, bert);
    pass(world, SECOND, 10 * MILLISECOND);
    CU_ASSERT_TRUE(reaches(anna, bert));
    CU_ASSERT_TRUE(reaches(bert, anna));
    CU_ASSERT_TRUE(
        fama_endpoint_equal(fama_session_endpoint(preferred(bert, anna)), &anna->endpoint));
    uint32_t sent = anna->sent + bert->sent;
    CU_ASSERT(sent <= 9);
    for (int i = 0; i < 50; i++) {
        want(world, anna, bert);
        want(world, bert, anna);
        pass(world, 15 * SECOND, SECOND);
    }
    CU_ASSERT_EQUAL(anna->sent + bert->sent, sent);
    CU_ASSERT_EQUAL(anna->established + bert->established, 2);
    CU_ASSERT_EQUAL(anna->preferred + bert->preferred, 2);
    struct fama_sessions_counts counts = fama_sessions_counts(bert->sessions);
    CU_ASSERT_EQUAL(counts.sessions, 1);
    CU_ASSERT_EQUAL(counts.half_open + counts.lingering + counts.initiating, 0);
    CU_ASSERT_EQUAL(fama_sessions_want(anna->sessions, world->now_ns, anna->tag),
                    FAMA_DROP_OWN_MESSAGE);
    CU_ASSERT_EQUAL(fama_sessions_want(anna->sessions, world->now_ns, 12345),
                    FAMA_DROP_UNKNOWN_AUTHOR);
    end_world(world);
}

static void test_a_bad_link_only_costs_time(void)
{
    uint64_t seed = test_seed("sessions on a bad link");
    for (uint64_t i = 0; i < 40; i++) {
        struct world *world = make_world(seed + i);
        world->percent_lost = 20;
        world->percent_doubled = 20;
        world->delay_ns = 40 * MILLISECOND;
        want(world, &world->nodes[0], &world->nodes[1]);
        want(world, &world->nodes[2], &world->nodes[1]);
        pass(world, 40 * SECOND, 10 * MILLISECOND);
        CU_ASSERT_TRUE(reaches(&world->nodes[0], &world->nodes[1]));
        CU_ASSERT_TRUE(reaches(&world->nodes[2], &world->nodes[1]));
        CU_ASSERT_TRUE(reaches(&world->nodes[1], &world->nodes[0]));
        CU_ASSERT_TRUE(reaches(&world->nodes[1], &world->nodes[2]));
        CU_ASSERT_PTR_NULL(preferred(&world->nodes[0], &world->nodes[2]));
        end_world(world);
    }
}

static void test_both_may_begin_at_once(void)
{
    uint64_t seed = test_seed("both begin at once");
    for (uint64_t i = 0; i < 40; i++) {
        struct world *world = make_world(seed + i);
        struct node *anna = &world->nodes[0];
        struct node *bert = &world->nodes[1];
        world->delay_ns = i % 2 == 0 ? 0 : 30 * MILLISECOND;
        want(world, anna, bert);
        want(world, bert, anna);
        pass(world, 20 * SECOND, 5 * MILLISECOND);
        CU_ASSERT_TRUE(reaches(anna, bert));
        CU_ASSERT_TRUE(reaches(bert, anna));
        CU_ASSERT(anna->established <= 2 && bert->established <= 2);
        CU_ASSERT_EQUAL(anna->failed + bert->failed, 0);
        CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).initiating, 0);
        CU_ASSERT_EQUAL(fama_sessions_counts(bert->sessions).initiating, 0);
        end_world(world);
    }
}

static void test_a_stranger_under_a_members_name_gets_no_session(void)
{
    for (int who = 0; who < 2; who++) {
        struct world *world = make_world(1);
        struct node *anna = &world->nodes[0];
        struct node *bert = &world->nodes[1];
        stop(bert);
        bert->signer = stranger; /* with Bert's tag, at Bert's endpoint */
        start(world, bert);
        want(world, who == 0 ? anna : bert, who == 0 ? bert : anna);
        pass(world, 30 * SECOND, 20 * MILLISECOND);
        CU_ASSERT_EQUAL(anna->established + bert->established, 0);
        CU_ASSERT(anna->failed >= 3);
        CU_ASSERT_EQUAL(anna->failure, FAMA_HANDSHAKE_WRONG_PEER);
        CU_ASSERT_EQUAL(bert->failure, FAMA_HANDSHAKE_REFUSED);
        end_world(world);
    }
}

static void test_failures_are_followed_by_growing_pauses(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    stop(&world->nodes[1]); /* nobody answers */
    uint32_t sent[10];
    for (int i = 0; i < 10; i++) {
        want(world, anna, &world->nodes[1]);
        pass(world, MINUTE, 50 * MILLISECOND);
        sent[i] = anna->sent;
    }
    CU_ASSERT(sent[0] >= 20 && sent[0] <= 60);
    CU_ASSERT(sent[9] - sent[7] <= 3 * 10); /* two or three attempts in two minutes */
    CU_ASSERT(sent[9] - sent[7] >= 5);
    CU_ASSERT(anna->failed >= 9 && anna->failed <= 18);
    CU_ASSERT_EQUAL(anna->failure, FAMA_HANDSHAKE_TIMED_OUT);
    /* Once nobody wants it any more, there is silence, and the record goes. */
    pass(world, 12 * MINUTE, 50 * MILLISECOND);
    uint32_t before = anna->sent;
    pass(world, 3 * MINUTE, 50 * MILLISECOND);
    CU_ASSERT_EQUAL(anna->sent, before);
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).peers, 0);
    end_world(world);
}

static void test_sessions_are_renewed_each_hour_and_the_old_one_drains(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, anna, bert);
    pass(world, SECOND, 10 * MILLISECOND);
    struct fama_session *first = fama_session_acquire(preferred(anna, bert));
    for (int i = 0; i < 59; i++) {
        pass(world, MINUTE, 500 * MILLISECOND);
        want(world, anna, bert);
    }
    CU_ASSERT_PTR_EQUAL(preferred(anna, bert), first);
    for (int i = 0; i < 3; i++) {
        pass(world, 25 * SECOND, 100 * MILLISECOND);
        CU_ASSERT_TRUE(reaches(anna, bert));
        CU_ASSERT_TRUE(reaches(bert, anna));
    }
    CU_ASSERT_PTR_NOT_EQUAL(preferred(anna, bert), first);
    CU_ASSERT_EQUAL(anna->established, 2);
    pass(world, 40 * SECOND, 100 * MILLISECOND);
    CU_ASSERT_EQUAL(anna->gone, 1);
    CU_ASSERT_EQUAL(bert->gone, 1);
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).sessions, 1);
    CU_ASSERT_TRUE(reaches(anna, bert));
    /* Nobody wants it any more: it ends. */
    pass(world, 80 * MINUTE, 500 * MILLISECOND);
    CU_ASSERT_EQUAL(anna->established, 2);
    CU_ASSERT_PTR_NULL(preferred(anna, bert));
    CU_ASSERT_EQUAL(fama_sessions_counts(bert->sessions).peers, 0);
    fama_session_release(first);
    end_world(world);
}

/* The responder seals with the old one until it has heard the initiator in the new one, however long that
 * says nothing. */
static void test_a_renewed_session_loses_nothing_while_its_initiator_is_silent(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, anna, bert);
    pass(world, SECOND, 10 * MILLISECOND);
    for (int i = 0; i < 61; i++) {
        pass(world, MINUTE, 500 * MILLISECOND);
        want(world, anna, bert);
    }
    CU_ASSERT_EQUAL(anna->established, 2);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(reaches(bert, anna));
        pass(world, 40 * SECOND, 100 * MILLISECOND);
    }
    CU_ASSERT_TRUE(reaches(anna, bert));
    CU_ASSERT_TRUE(reaches(bert, anna));
    pass(world, 40 * SECOND, 100 * MILLISECOND);
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).sessions, 1);
    CU_ASSERT_TRUE(reaches(bert, anna));
    end_world(world);
}

static void test_a_peer_that_starts_anew_gets_a_new_session(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, anna, bert);
    pass(world, SECOND, 10 * MILLISECOND);
    CU_ASSERT_TRUE(reaches(anna, bert));
    stop(bert);
    start(world, bert);
    CU_ASSERT_FALSE(reaches(anna, bert));
    bert->incarnation = 2;
    fama_sessions_on_news(anna->sessions, world->now_ns, bert->tag);
    take_actions(world, anna);
    pass(world, SECOND, 10 * MILLISECOND);
    CU_ASSERT_TRUE(reaches(anna, bert));
    CU_ASSERT_TRUE(reaches(bert, anna));
    /* Without the news it is found out within a second, and so is a move. */
    stop(bert);
    start(world, bert);
    bert->incarnation = 3;
    bert->endpoint.port++;
    pass(world, 3 * SECOND, 10 * MILLISECOND);
    CU_ASSERT_TRUE(reaches(anna, bert));
    CU_ASSERT_EQUAL(fama_session_endpoint(preferred(anna, bert))->port, bert->endpoint.port);
    end_world(world);
}

static void test_who_is_no_member_any_more_loses_its_sessions(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    struct node *cleo = &world->nodes[2];
    want(world, anna, bert);
    want(world, cleo, anna);
    pass(world, SECOND, 10 * MILLISECOND);
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).sessions, 2);
    bert->is_member = false;
    pass(world, 2 * SECOND, 50 * MILLISECOND);
    CU_ASSERT_PTR_NULL(preferred(anna, bert));
    CU_ASSERT_PTR_NOT_NULL(preferred(anna, cleo));
    CU_ASSERT_EQUAL(anna->gone, 1);
    CU_ASSERT_EQUAL(fama_sessions_want(anna->sessions, world->now_ns, bert->tag),
                    FAMA_DROP_UNKNOWN_AUTHOR);
    world->wall_clock += 2 * 3600; /* all certificates have expired */
    pass(world, 2 * SECOND, 50 * MILLISECOND);
    CU_ASSERT_EQUAL(anna->listed_count + cleo->listed_count, 0);
    CU_ASSERT_EQUAL(fama_sessions_want(anna->sessions, world->now_ns, cleo->tag),
                    FAMA_DROP_UNKNOWN_AUTHOR);
    end_world(world);
}

/* ---- Adversaries ---- */

static void test_a_replayed_handshake_leads_nowhere(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, anna, bert);
    pass(world, SECOND, 10 * MILLISECOND);
    CU_ASSERT(world->recorded_count >= 6);
    uint32_t recorded = world->recorded_count;
    static const uint64_t waits[] = {1, 15, 30, 200}; /* seconds: lingering, buried, forgotten */
    for (size_t round = 0; round < sizeof waits / sizeof waits[0]; round++) {
        pass(world, waits[round] * SECOND, 50 * MILLISECOND);
        for (uint32_t i = 0; i < recorded; i++) {
            struct packet *packet = &world->recorded[i];
            bool is_annas = fama_endpoint_equal(&packet->from, &anna->endpoint);
            (void)hand_over(world, is_annas ? bert : anna, &packet->from,
                            fama_bytes(packet->bytes, packet->len));
        }
        CU_ASSERT_EQUAL(fama_sessions_counts(bert->sessions).half_open, 0);
        CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).initiating, 0);
    }
    pass(world, 10 * SECOND, 50 * MILLISECOND);
    CU_ASSERT_EQUAL(anna->established + bert->established, 2);
    CU_ASSERT_TRUE(reaches(anna, bert));
    end_world(world);
}

static size_t write_message(const struct world *world, enum fama_session_step step,
                            uint64_t handshake, struct fama_bytes bytes, uint8_t *datagram)
{
    struct fama_session_message message = {
        .step = step,
        .sender = world->nodes[1].tag,
        .target = world->nodes[0].tag,
        .handshake = handshake,
        .bytes = bytes,
    };
    size_t len = fama_wire_session_write(&message, datagram, FAMA_WIRE_DATAGRAM_LEAST);
    CU_ASSERT_FATAL(len > 0);
    return len;
}

static void test_a_spoofed_source_gets_no_more_than_it_sent(void)
{
    struct world *world = make_world(test_seed("spoofed sources"));
    struct node *anna = &world->nodes[0];
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    uint8_t records[100];
    for (int i = 0; i < 5000; i++) {
        struct fama_endpoint from = fama_endpoint_from_ipv4(0xc6130000 + draw(world, 500), 9);
        uint64_t handshake = draw(world, 64);
        for (size_t j = 0; j < sizeof records; j++) {
            records[j] = (uint8_t)draw(world, 256);
        }
        enum fama_session_step step = (enum fama_session_step)(1 + draw(world, 4));
        bool has_bytes = step >= FAMA_SESSION_INITIATOR_RECORDS;
        size_t bytes = has_bytes ? 1 + draw(world, sizeof records) : 0;
        size_t len = write_message(world, step, handshake, fama_bytes(records, bytes), datagram);
        world->to_nobody = 0;
        enum fama_drop drop = hand_over(world, anna, &from, fama_bytes(datagram, len));
        CU_ASSERT(world->to_nobody <= len);
        CU_ASSERT_EQUAL(drop == FAMA_DROP_NONE, step == FAMA_SESSION_HELLO);
        world->now_ns += MILLISECOND;
    }
    struct fama_sessions_counts counts = fama_sessions_counts(anna->sessions);
    CU_ASSERT_EQUAL(counts.half_open + counts.peers + counts.lingering, 0);
    end_world(world);
}

static void test_hellos_leave_no_memory_behind(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    struct mallinfo2 before = {0};
    for (uint32_t i = 0; i < 40000; i++) {
        if (i == 1000) {
            before = mallinfo2();
        }
        struct fama_endpoint from = fama_endpoint_from_ipv4(0xc6130000 + i % 60000, 9);
        size_t len = write_message(world, FAMA_SESSION_HELLO, i, fama_bytes(NULL, 0), datagram);
        CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len)), FAMA_DROP_NONE);
        world->now_ns += MILLISECOND;
    }
    struct mallinfo2 after = mallinfo2();
    CU_ASSERT(after.uordblks <= before.uordblks + 4096);
    CU_ASSERT_EQUAL(world->to_nobody, 40000 * FAMA_WIRE_SESSION_BYTES);
    /* And no more than so many are answered in a second. */
    uint32_t answered = 0;
    for (uint32_t i = 0; i < 60000; i++) {
        struct fama_endpoint from = fama_endpoint_from_ipv4(0xc6130000, 9);
        size_t len = write_message(world, FAMA_SESSION_HELLO, i, fama_bytes(NULL, 0), datagram);
        answered +=
            hand_over(world, anna, &from, fama_bytes(datagram, len)) == FAMA_DROP_NONE ? 1 : 0;
    }
    CU_ASSERT(answered >= 20000 && answered <= 20001);
    end_world(world);
}

/* Somebody with this address brings a cookie back, and the hello of a handshake of Bert's. */
static enum fama_drop knock_and_enter(struct world *world, const struct fama_endpoint *from,
                                      uint64_t handshake, struct fama_bytes client_hello)
{
    struct node *anna = &world->nodes[0];
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    size_t len = write_message(world, FAMA_SESSION_HELLO, handshake, fama_bytes(NULL, 0), datagram);
    CU_ASSERT_EQUAL(
        fama_sessions_on_datagram(anna->sessions, world->now_ns, fama_bytes(datagram, len), from),
        FAMA_DROP_NONE);
    struct fama_sessions_action action;
    struct fama_session_message cookie;
    CU_ASSERT_TRUE_FATAL(fama_sessions_next_action(anna->sessions, &action));
    CU_ASSERT_EQUAL_FATAL(fama_wire_session_read(action.datagram, &cookie), FAMA_DROP_NONE);
    struct fama_session_message enter = {
        .step = FAMA_SESSION_INITIATOR_RECORDS,
        .sender = world->nodes[1].tag,
        .target = anna->tag,
        .handshake = handshake,
        .bytes = client_hello,
    };
    memcpy(enter.cookie, cookie.cookie, FAMA_COOKIE_BYTES);
    take_actions(world, anna);
    len = fama_wire_session_write(&enter, datagram, sizeof datagram);
    return hand_over(world, anna, from, fama_bytes(datagram, len));
}

static struct fama_bytes clients_hello_of(struct world *world)
{
    for (uint32_t i = 0; i < world->recorded_count; i++) {
        struct fama_session_message message;
        struct fama_bytes bytes = fama_bytes(world->recorded[i].bytes, world->recorded[i].len);
        if (fama_wire_session_read(bytes, &message) == FAMA_DROP_NONE &&
            message.step == FAMA_SESSION_INITIATOR_RECORDS) {
            return message.bytes;
        }
    }
    CU_FAIL_FATAL("nobody said hello");
    return fama_bytes(NULL, 0);
}

static void test_addresses_without_a_certificate_do_not_keep_a_member_out(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct node *bert = &world->nodes[1];
    want(world, bert, &world->nodes[2]);
    pass(world, SECOND, 10 * MILLISECOND);
    struct fama_bytes hello = clients_hello_of(world);
    uint32_t entered = 0;
    for (uint32_t i = 0; i < 300; i++) {
        struct fama_endpoint from = fama_endpoint_from_ipv4(0xc6130000 + i, 9);
        entered += knock_and_enter(world, &from, i, hello) == FAMA_DROP_NONE ? 1 : 0;
    }
    CU_ASSERT_EQUAL(entered, 8); /* half of the places */
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).half_open, 8);
    want(world, bert, anna);
    want(world, &world->nodes[2], anna);
    pass(world, 2 * SECOND, 10 * MILLISECOND);
    CU_ASSERT_TRUE(reaches(bert, anna));
    CU_ASSERT_TRUE(reaches(&world->nodes[2], anna));
    pass(world, 8 * SECOND, 50 * MILLISECOND);
    CU_ASSERT_EQUAL(fama_sessions_counts(anna->sessions).half_open, 0);
    /* One address alone gets fewer places. */
    entered = 0;
    for (uint32_t i = 0; i < 20; i++) {
        struct fama_endpoint from = fama_endpoint_from_ipv4(0xc6130001, (uint16_t)(9 + i));
        entered += knock_and_enter(world, &from, 1000 + i, hello) == FAMA_DROP_NONE ? 1 : 0;
    }
    CU_ASSERT_EQUAL(entered, FAMA_SESSIONS_FROM_EACH);
    /* A cookie is good for the address it was given to, and so is a place. */
    struct fama_endpoint elsewhere = fama_endpoint_from_ipv4(0xc6130002, 9);
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    size_t len = write_message(world, FAMA_SESSION_INITIATOR_RECORDS, 1000, hello, datagram);
    CU_ASSERT_EQUAL(hand_over(world, anna, &elsewhere, fama_bytes(datagram, len)),
                    FAMA_DROP_HANDSHAKE_UNPROVED);
    end_world(world);
}

static void test_what_is_not_for_us_is_named(void)
{
    struct world *world = make_world(1);
    struct node *anna = &world->nodes[0];
    struct fama_endpoint from = world->nodes[1].endpoint;
    uint8_t datagram[FAMA_WIRE_DATAGRAM_LEAST];
    struct fama_session_message message = {
        .step = FAMA_SESSION_HELLO, .sender = world->nodes[1].tag, .target = world->nodes[2].tag};
    size_t len = fama_wire_session_write(&message, datagram, sizeof datagram);
    CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len)), FAMA_DROP_NOT_OURS);
    message.target = anna->tag;
    message.sender = anna->tag;
    len = fama_wire_session_write(&message, datagram, sizeof datagram);
    CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len)),
                    FAMA_DROP_OWN_MESSAGE);
    message.sender = 99;
    len = fama_wire_session_write(&message, datagram, sizeof datagram);
    CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len)),
                    FAMA_DROP_UNKNOWN_AUTHOR);
    CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len - 1)),
                    FAMA_DROP_TRUNCATED);
    message.sender = world->nodes[1].tag;
    message.step = FAMA_SESSION_COOKIE;
    len = fama_wire_session_write(&message, datagram, sizeof datagram);
    CU_ASSERT_EQUAL(hand_over(world, anna, &from, fama_bytes(datagram, len)),
                    FAMA_DROP_HANDSHAKE_UNKNOWN);
    CU_ASSERT_EQUAL(anna->sent, 0);
    end_world(world);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(set_up),
        TEST(test_limits_of_zero_and_beyond_the_largest_are_refused),
        TEST(test_who_wants_a_session_gets_one_and_no_second),
        TEST(test_a_bad_link_only_costs_time),
        TEST(test_both_may_begin_at_once),
        TEST(test_a_stranger_under_a_members_name_gets_no_session),
        TEST(test_failures_are_followed_by_growing_pauses),
        TEST(test_sessions_are_renewed_each_hour_and_the_old_one_drains),
        TEST(test_a_renewed_session_loses_nothing_while_its_initiator_is_silent),
        TEST(test_a_peer_that_starts_anew_gets_a_new_session),
        TEST(test_who_is_no_member_any_more_loses_its_sessions),
        TEST(test_a_replayed_handshake_leads_nowhere),
        TEST(test_a_spoofed_source_gets_no_more_than_it_sent),
        TEST(test_hellos_leave_no_memory_behind),
        TEST(test_addresses_without_a_certificate_do_not_keep_a_member_out),
        TEST(test_what_is_not_for_us_is_named),
        TEST(tear_down),
    };
    return run_suite("sessions", cases, sizeof cases / sizeof cases[0]);
}
