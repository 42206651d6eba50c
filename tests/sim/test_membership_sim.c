/* Membership among many nodes in virtual time: who learns of whom, and when, over links with faults, while nothing
 * but the allowance goes to addresses that are not proved. Datagrams are real ones; signatures are taken for
 * granted, as the membership does. */
#include "controlplane/address_proofs.h"
#include "controlplane/membership.h"
#include "sim/world.h"
#include "unit/suite.h"

#define INTERVAL_NS     SIM_SECOND
#define EXPIRATION_NS   (5 * INTERVAL_NS)
#define CHECK_NS        (EXPIRATION_NS / 10)
#define RECONNECT_NS    (5 * INTERVAL_NS)
#define FIRST_ADDRESS   0xc6120001u /* 198.18.0.1 */
#define PORT            7051
#define BOOTSTRAP_NODES 3u
#define PROPAGATE       3u
#define DATAGRAM_MAX    2048

#define TICK_NS     (50 * SIM_MS)
#define HELLO_BYTES (FAMA_WIRE_SESSION_BYTES + FAMA_WIRE_HELLO_BYTES)

struct sim_peer {
    struct fama_membership *membership;
    struct fama_address_proofs *addresses;
    uint32_t lies; /* 0, or the address that it says it has */
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    uint64_t incarnation;
    uint64_t said_sequence; /* of the datagram below */
    size_t said_len;
    uint8_t said[DATAGRAM_MAX];
    uint64_t timer_ns;
    uint64_t tick_ns; /* when its hellos are looked at next */
    uint64_t received;
    uint64_t sent;
    uint64_t sent_for_one_max; /* datagrams that one received datagram caused at most */
    uint64_t withheld;
    uint64_t replayed;
};

struct org {
    struct sim_world *world;
    uint32_t count;
    uint32_t peers_max;
    struct sim_peer *peers;
    uint64_t bystander_bytes; /* what went to an address that nobody has */
};

static struct fama_random numbers;

static bool draw(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)fama_random_next(&numbers);
    }
    return true;
}

/* What the harness itself relies on, checked without CUnit's price: millions of times. */
static void must(bool holds)
{
    if (!holds) {
        CU_FAIL_FATAL("a datagram cannot be written or read");
    }
}

static struct fama_endpoint endpoint_of(uint32_t node)
{
    return fama_endpoint_from_ipv4(FIRST_ADDRESS + node, PORT);
}

static void send_to(struct org *org, uint32_t node, const struct fama_endpoint *target,
                    struct fama_bytes datagram)
{
    uint32_t receiver = fama_address_to_ipv4(target->address) - FIRST_ADDRESS;
    org->bystander_bytes += receiver >= org->count ? datagram.len : 0;
    sim_send(org->world, node, receiver, datagram);
}

static void send_session_message(struct org *org, uint32_t node,
                                 const struct fama_session_message *message,
                                 const struct fama_endpoint *target)
{
    uint8_t datagram[HELLO_BYTES];
    size_t len = fama_wire_session_write(message, datagram, sizeof(datagram));
    must(len > 0);
    send_to(org, node, target, fama_bytes(datagram, len));
}

/* As a node does it: controlplane/node_addresses.c. */
static void say_hellos(struct org *org, uint32_t node)
{
    struct sim_peer *peer = &org->peers[node];
    struct fama_address_hello hello;
    while (fama_address_proofs_next_hello(peer->addresses, sim_now_ns(org->world), &hello)) {
        const struct fama_session_message message = {.step = FAMA_SESSION_HELLO,
                                                     .sender = fama_tag_of(peer->pki_id),
                                                     .target = hello.member,
                                                     .handshake = hello.handshake};
        send_session_message(org, node, &message, &hello.endpoint);
    }
}

static bool may_send(struct org *org, uint32_t node, const struct fama_membership_action *action,
                     enum fama_address_use use, size_t bytes)
{
    struct sim_peer *peer = &org->peers[node];
    bool may = action->target_tag == 0 ||
               fama_address_proofs_allow(peer->addresses, sim_now_ns(org->world),
                                         action->target_tag, &action->target, use, bytes);
    peer->withheld += !may;
    return may;
}

static void send_message(struct org *org, uint32_t node, struct fama_message *message,
                         const struct fama_membership_action *action, bool is_alive)
{
    struct sim_peer *peer = &org->peers[node];
    uint8_t datagram[DATAGRAM_MAX];
    message->author = fama_tag_of(peer->pki_id);
    message->incarnation = peer->incarnation;
    size_t len = fama_wire_message_write(message, datagram, sizeof(datagram));
    must(len > 0);
    if (is_alive) {
        memcpy(peer->said, datagram, len);
        peer->said_len = len;
        peer->said_sequence = message->sequence;
    }
    if (may_send(org, node, action, is_alive ? FAMA_ADDRESS_OWN_ALIVE : FAMA_ADDRESS_DIGEST, len)) {
        send_to(org, node, &action->target, fama_bytes(datagram, len));
    }
}

static void say_alive(struct org *org, uint32_t node, const struct fama_membership_action *action)
{
    struct sim_peer *peer = &org->peers[node];
    if (peer->said_len > 0 && peer->said_sequence == action->sequence) {
        if (may_send(org, node, action, FAMA_ADDRESS_OWN_ALIVE, peer->said_len)) {
            send_to(org, node, &action->target, fama_bytes(peer->said, peer->said_len));
        }
        return;
    }
    struct fama_alive alive = {
        .endpoint = endpoint_of(peer->lies != 0 ? peer->lies : node),
        .mspid = fama_bytes_of_text("Org1MSP"),
        .id_bytes = fama_bytes(&node, sizeof(node)),
    };
    uint8_t body[DATAGRAM_MAX];
    struct fama_message message = {.kind = FAMA_KIND_ALIVE, .sequence = action->sequence};
    message.body = fama_bytes(body, fama_wire_alive_write(&alive, body, sizeof(body)));
    send_message(org, node, &message, action, true);
}

static void say_digest(struct org *org, uint32_t node, const struct fama_membership_action *action)
{
    uint8_t body[DATAGRAM_MAX];
    size_t len = fama_wire_digest_write(action->digest, body, sizeof(body));
    must(len > 0);
    struct fama_message message = {
        .kind = FAMA_KIND_DIGEST,
        .sequence = fama_membership_next_sequence(org->peers[node].membership),
        .body = fama_bytes(body, len),
    };
    send_message(org, node, &message, action, false);
}

static uint64_t carry_out(struct org *org, uint32_t node)
{
    struct sim_peer *peer = &org->peers[node];
    struct fama_membership_action action;
    uint64_t sent = 0;
    while (fama_membership_next_action(peer->membership, &action)) {
        if (action.kind == FAMA_MEMBERSHIP_SEND_ALIVE) {
            say_alive(org, node, &action);
            sent++;
        } else if (action.kind == FAMA_MEMBERSHIP_SEND_DIGEST) {
            say_digest(org, node, &action);
            sent++;
        } else if (action.kind == FAMA_MEMBERSHIP_FORWARD) {
            if (may_send(org, node, &action, FAMA_ADDRESS_FORWARD, action.datagram.len)) {
                send_to(org, node, &action.target, action.datagram);
            }
            sent++;
        } else if (action.kind == FAMA_MEMBERSHIP_DIED) {
            fama_address_proofs_rest(peer->addresses, action.peer->tag);
        } else if (action.kind == FAMA_MEMBERSHIP_FORGOTTEN) {
            fama_address_proofs_forget(peer->addresses, action.peer->tag);
        }
    }
    peer->sent += sent;
    return sent;
}

static void set_timer(struct org *org, uint32_t node)
{
    struct sim_peer *peer = &org->peers[node];
    uint64_t next_ns = fama_membership_next_ns(peer->membership);
    if (next_ns != peer->timer_ns) {
        peer->timer_ns = next_ns;
        sim_timer(org->world, node, next_ns);
    }
}

static void on_timer(void *context, uint32_t node)
{
    struct org *org = context;
    struct sim_peer *peer = &org->peers[node];
    uint64_t now_ns = sim_now_ns(org->world);
    fama_membership_tick(peer->membership, now_ns);
    carry_out(org, node);
    if (now_ns >= peer->tick_ns) {
        fama_address_proofs_tick(peer->addresses, now_ns);
        say_hellos(org, node);
        peer->tick_ns = now_ns + TICK_NS;
        sim_timer(org->world, node, peer->tick_ns);
    }
    set_timer(org, node);
}

static void on_session(struct org *org, uint32_t node, uint32_t from, struct fama_bytes datagram)
{
    struct sim_peer *peer = &org->peers[node];
    struct fama_session_message message;
    const struct fama_endpoint came_from = endpoint_of(from);
    uint64_t now_ns = sim_now_ns(org->world);
    enum fama_drop drop = fama_wire_session_read(datagram, &message);
    must(drop == FAMA_DROP_NONE);
    if (message.target != fama_tag_of(peer->pki_id) ||
        fama_membership_find(peer->membership, message.sender) == NULL) {
        return;
    }
    if (message.step == FAMA_SESSION_HELLO) {
        message.step = FAMA_SESSION_COOKIE;
        message.target = message.sender;
        message.sender = fama_tag_of(peer->pki_id);
        message.bytes = fama_bytes(NULL, 0);
        send_session_message(org, node, &message, &came_from);
        fama_address_proofs_on_hello(peer->addresses, now_ns, message.target, &came_from);
    } else if (fama_address_proofs_on_cookie(peer->addresses, now_ns, message.sender,
                                             message.handshake,
                                             &came_from) == FAMA_ADDRESS_PROVED &&
               (fama_address_proofs_take_owed(peer->addresses, message.sender) &
                1u << FAMA_ADDRESS_DIGEST) != 0) {
        fama_membership_on_proof(peer->membership, message.sender);
    }
}

static void on_datagram(void *context, uint32_t node, uint32_t from, struct fama_bytes datagram)
{
    struct org *org = context;
    struct sim_peer *peer = &org->peers[node];
    struct fama_message message;
    struct fama_wire_header header;
    enum fama_drop drop = fama_wire_header_read(datagram, &header);
    must(drop == FAMA_DROP_NONE);
    if (header.kind == FAMA_KIND_SESSION) {
        on_session(org, node, from, datagram);
        carry_out(org, node);
        say_hellos(org, node);
        set_timer(org, node);
        return;
    }
    drop = fama_wire_message_read(datagram, &message);
    must(drop == FAMA_DROP_NONE);
    if (message.kind == FAMA_KIND_ALIVE) {
        struct fama_alive alive;
        bool took = false;
        uint32_t author = 0;
        drop = fama_wire_alive_read(message.body, &alive);
        must(drop == FAMA_DROP_NONE);
        memcpy(&author, alive.id_bytes.at, sizeof(author));
        drop = fama_membership_on_alive(peer->membership, sim_now_ns(org->world), &message, &alive,
                                        org->peers[author].pki_id, datagram, NULL, &took);
        if (drop == FAMA_DROP_NONE) {
            fama_address_proofs_name(peer->addresses, sim_now_ns(org->world), message.author,
                                     &alive.endpoint);
        }
    } else {
        struct fama_digest digest;
        drop = fama_wire_digest_read(message.body, &digest);
        must(drop == FAMA_DROP_NONE);
        drop =
            fama_membership_on_digest(peer->membership, sim_now_ns(org->world), &message, &digest);
    }
    peer->received++;
    peer->replayed += drop == FAMA_DROP_REPLAYED;
    uint64_t sent = carry_out(org, node);
    if (sent > peer->sent_for_one_max) {
        peer->sent_for_one_max = sent;
    }
    set_timer(org, node);
}

static void begin(struct org *org, uint32_t node)
{
    struct sim_peer *peer = &org->peers[node];
    struct fama_membership_config config = {
        .self_endpoint = endpoint_of(node),
        .incarnation = sim_now_ns(org->world) + 1,
        .bootstrap_count = BOOTSTRAP_NODES,
        .alive_interval_ns = INTERVAL_NS,
        .alive_expiration_ns = EXPIRATION_NS,
        .reconnect_interval_ns = RECONNECT_NS,
        .digest_interval_ns = INTERVAL_NS,
        .message_expiration_factor = 20,
        .propagate_peer_num = PROPAGATE,
        .pull_peer_num = 3,
        .peers_max = org->peers_max,
        .random_seed = fama_random_next(sim_random(org->world)),
    };
    memcpy(config.self_pki_id, peer->pki_id, FAMA_PKI_ID_BYTES);
    for (uint32_t i = 0; i < BOOTSTRAP_NODES; i++) {
        config.bootstrap[i] = endpoint_of(i);
    }
    fama_membership_destroy(peer->membership, NULL);
    peer->membership = fama_membership_create(&config);
    const struct fama_address_proofs_config addresses = {.peers_max = org->peers_max,
                                                         .random = draw};
    fama_address_proofs_destroy(peer->addresses);
    peer->addresses = fama_address_proofs_create(&addresses);
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer->membership);
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer->addresses);
    peer->tick_ns = 0;
    peer->incarnation = config.incarnation;
    peer->said_len = 0;
    peer->timer_ns = UINT64_MAX;
    on_timer(org, node);
}

static struct org *org_create(uint32_t count, uint32_t peers_max, const struct sim_link *link,
                              uint64_t seed)
{
    struct org *org = calloc(1, sizeof(*org));
    CU_ASSERT_PTR_NOT_NULL_FATAL(org);
    org->count = count;
    org->peers_max = peers_max;
    org->peers = calloc(count, sizeof(*org->peers));
    CU_ASSERT_PTR_NOT_NULL_FATAL(org->peers);
    for (uint32_t i = 0; i < count; i++) {
        fama_sha256(fama_bytes(&i, sizeof(i)), org->peers[i].pki_id);
    }
    struct sim_handlers handlers = {org, on_datagram, on_timer};
    fama_random_seed(&numbers, seed);
    org->world = sim_create(count, seed, link, &handlers);
    return org;
}

static void org_destroy(struct org *org)
{
    for (uint32_t i = 0; i < org->count; i++) {
        fama_membership_destroy(org->peers[i].membership, NULL);
        fama_address_proofs_destroy(org->peers[i].addresses);
    }
    sim_destroy(org->world);
    free(org->peers);
    free(org);
}

static void begin_all(struct org *org)
{
    for (uint32_t i = 0; i < org->count; i++) {
        begin(org, i);
    }
}

/* ---- What is asked of every node that is up ---- */

/* Pairs (a, b) of which a is up and lists b otherwise than `state`, b being up or down accordingly. Stops
 * counting at `enough`. */
static uint32_t pairs_otherwise(const struct org *org, enum fama_peer_state state, uint32_t enough)
{
    uint32_t otherwise = 0;
    for (uint32_t a = 0; a < org->count; a++) {
        for (uint32_t b = 0; sim_is_up(org->world, a) && b < org->count; b++) {
            if (a != b && sim_is_up(org->world, b) == (state == FAMA_PEER_ALIVE)) {
                const struct fama_member *member = fama_membership_find(
                    org->peers[a].membership, fama_tag_of(org->peers[b].pki_id));
                otherwise += member == NULL || member->state != state;
            }
        }
        if (otherwise >= enough) {
            break;
        }
    }
    return otherwise;
}

/* Seconds until everybody lists as `state` everybody that is up, or down; asked each 100 ms. */
static double until_all_list(struct org *org, enum fama_peer_state state, uint64_t limit_ns)
{
    uint64_t start_ns = sim_now_ns(org->world);
    while (pairs_otherwise(org, state, 1) > 0 && sim_now_ns(org->world) - start_ns < limit_ns) {
        sim_run(org->world, sim_now_ns(org->world) + 100 * SIM_MS);
    }
    CU_ASSERT_EQUAL(pairs_otherwise(org, state, UINT32_MAX), 0);
    return (double)(sim_now_ns(org->world) - start_ns) / 1e9;
}

static double until_all_know_all(struct org *org, uint64_t limit_ns)
{
    return until_all_list(org, FAMA_PEER_ALIVE, limit_ns);
}

/* The last words of the killed are told on for half an interval, and now and then on again. */
static double until_all_miss_the_dead(struct org *org)
{
    return until_all_list(org, FAMA_PEER_DEAD, EXPIRATION_NS + CHECK_NS + 2 * INTERVAL_NS);
}

static struct sim_link lossy(uint32_t loss)
{
    return (struct sim_link){.loss = loss,
                             .duplication = loss / 10,
                             .reordering = loss / 2,
                             .delay_ns = SIM_MS / 2,
                             .jitter_ns = 2 * SIM_MS};
}

/* All meet; a tenth is killed; all survivors list the killed as dead in time and nobody else. */
static void meet_and_lose_a_tenth(uint32_t count, uint32_t loss, uint64_t limit_ns)
{
    struct sim_link link = lossy(loss);
    link.grain_ns = count > 100 ? 20 * SIM_MS : 0;
    struct org *org = org_create(count, count, &link, sim_seed("meet"));
    begin_all(org);
    double met_s = until_all_know_all(org, limit_ns);
    uint64_t sent = sim_sent(org->world);
    uint64_t start_ns = sim_now_ns(org->world);
    sim_run(org->world, start_ns + INTERVAL_NS);
    double seconds = (double)(sim_now_ns(org->world) - start_ns) / 1e9;
    double per_node = (double)(sim_sent(org->world) - sent) / count / seconds;

    uint32_t killed = count / 10 + 1;
    for (uint32_t i = 0; i < killed; i++) {
        sim_crash(org->world, count - 1 - i);
    }
    double missed_s = until_all_miss_the_dead(org);
    uint32_t wrong = pairs_otherwise(org, FAMA_PEER_ALIVE, UINT32_MAX);
    CU_ASSERT(wrong <= count * count / 100000);
    printf(
        "(%u nodes, %u %% loss: met in %.1f s, %.0f sent per node and interval, the dead missed in "
        "%.1f s, %u pairs wrong) ",
        count, loss / 100, met_s, per_node, missed_s, wrong);
    /* Each node passes each alive message on once, to PROPAGATE peers; the rest is anti-entropy. */
    CU_ASSERT(per_node < 1.5 * PROPAGATE * count + 60);
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT(org->peers[i].sent_for_one_max <= FAMA_DIGEST_ENTRIES_MAX + 1);
    }
    org_destroy(org);
}

static void test_seven_nodes_meet_within_two_intervals_and_miss_the_dead(void)
{
    meet_and_lose_a_tenth(7, 0, 2 * INTERVAL_NS);
}

static void test_seven_nodes_meet_in_spite_of_twenty_percent_loss(void)
{
    meet_and_lose_a_tenth(7, 2000, 6 * INTERVAL_NS);
}

static void test_a_hundred_nodes_meet_within_three_intervals_and_miss_the_dead(void)
{
    meet_and_lose_a_tenth(100, 0, 3 * INTERVAL_NS);
}

static void test_a_hundred_nodes_meet_in_spite_of_twenty_percent_loss(void)
{
    meet_and_lose_a_tenth(100, 2000, 6 * INTERVAL_NS);
}

/* A thousand nodes take about a minute: FAMA_SIM_NODES=1000. */
static uint32_t many(void)
{
    const char *given = getenv("FAMA_SIM_NODES");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    uint32_t usual = 150;
#else
    uint32_t usual = 400;
#endif
    uint32_t nodes = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : usual;
    return nodes >= 10 && nodes <= FAMA_PEERS_MAX ? nodes : usual;
}

static void test_many_nodes_meet_in_spite_of_ten_percent_loss_and_miss_the_dead(void)
{
    meet_and_lose_a_tenth(many(), 1000, 6 * INTERVAL_NS);
}

static void test_a_newcomer_learns_a_hundred_members_within_an_interval_and_a_half(void)
{
    struct sim_link link = lossy(500);
    struct org *org = org_create(101, 101, &link, sim_seed("newcomer"));
    for (uint32_t i = 0; i < 100; i++) {
        begin(org, i);
    }
    sim_crash(org->world, 100);
    (void)until_all_know_all(org, 6 * INTERVAL_NS);
    sim_run(org->world, sim_now_ns(org->world) + 3 * INTERVAL_NS);
    sim_restart(org->world, 100);
    begin(org, 100);
    double seconds = until_all_know_all(org, INTERVAL_NS + INTERVAL_NS / 2);
    printf("(%.1f s) ", seconds);
    org_destroy(org);
}

static void test_a_restarted_node_returns_with_its_new_incarnation(void)
{
    struct sim_link link = lossy(500);
    struct org *org = org_create(20, 20, &link, sim_seed("restart"));
    begin_all(org);
    (void)until_all_know_all(org, 4 * INTERVAL_NS);
    uint64_t old = org->peers[19].incarnation;
    sim_crash(org->world, 19);
    (void)until_all_miss_the_dead(org);
    sim_restart(org->world, 19);
    begin(org, 19);
    (void)until_all_know_all(org, 3 * INTERVAL_NS);
    const struct fama_member *member =
        fama_membership_find(org->peers[7].membership, fama_tag_of(org->peers[19].pki_id));
    CU_ASSERT_PTR_NOT_NULL_FATAL(member);
    CU_ASSERT(member->incarnation > old);
    CU_ASSERT_EQUAL(member->incarnation, org->peers[19].incarnation);
    org_destroy(org);
}

static void test_a_healed_partition_brings_both_sides_together_again(void)
{
    struct sim_link link = lossy(500);
    struct org *org = org_create(60, 60, &link, sim_seed("partition"));
    begin_all(org);
    (void)until_all_know_all(org, 5 * INTERVAL_NS);
    for (uint32_t i = 30; i < 60; i++) {
        sim_set_side(org->world, i, 1);
    }
    sim_run(org->world, sim_now_ns(org->world) + 2 * EXPIRATION_NS);
    for (uint32_t a = 0; a < 60; a++) {
        for (uint32_t b = 0; b < 60; b++) {
            if (a != b) {
                const struct fama_member *member = fama_membership_find(
                    org->peers[a].membership, fama_tag_of(org->peers[b].pki_id));
                CU_ASSERT_PTR_NOT_NULL_FATAL(member);
                CU_ASSERT_EQUAL(member->state,
                                (a < 30) == (b < 30) ? FAMA_PEER_ALIVE : FAMA_PEER_DEAD);
            }
        }
    }
    for (uint32_t i = 30; i < 60; i++) {
        sim_set_side(org->world, i, 0);
    }
    double seconds = until_all_know_all(org, RECONNECT_NS + 3 * INTERVAL_NS);
    printf("(%.1f s) ", seconds);
    org_destroy(org);
}

static void test_a_replayed_alive_message_changes_nothing_and_is_not_passed_on(void)
{
    struct sim_link link = lossy(0);
    struct org *org = org_create(10, 10, &link, sim_seed("replay"));
    begin_all(org);
    (void)until_all_know_all(org, 3 * INTERVAL_NS);
    uint8_t old[DATAGRAM_MAX];
    size_t len = org->peers[9].said_len;
    memcpy(old, org->peers[9].said, len);
    sim_run(org->world, sim_now_ns(org->world) + 2 * INTERVAL_NS);
    sim_crash(org->world, 9);
    (void)until_all_miss_the_dead(org);
    for (uint32_t i = 0; i < 9; i++) {
        uint64_t replayed = org->peers[i].replayed;
        uint64_t sent = org->peers[i].sent;
        on_datagram(org, i, 9, fama_bytes(old, len));
        CU_ASSERT_EQUAL(org->peers[i].replayed, replayed + 1);
        CU_ASSERT_EQUAL(org->peers[i].sent, sent);
    }
    CU_ASSERT_EQUAL(pairs_otherwise(org, FAMA_PEER_DEAD, UINT32_MAX), 0);
    org_destroy(org);
}

static void test_a_full_table_refuses_strangers_and_keeps_its_members(void)
{
    struct sim_link link = lossy(0);
    struct org *org = org_create(30, 12, &link, sim_seed("full"));
    for (uint32_t i = 0; i < 30; i++) {
        if (i < 13) {
            begin(org, i);
        } else {
            sim_crash(org->world, i);
        }
    }
    (void)until_all_know_all(org, 4 * INTERVAL_NS);
    for (uint32_t i = 13; i < 30; i++) {
        sim_restart(org->world, i);
        begin(org, i);
    }
    sim_run(org->world, sim_now_ns(org->world) + 10 * INTERVAL_NS);
    for (uint32_t a = 0; a < 30; a++) {
        CU_ASSERT(fama_membership_count(org->peers[a].membership) <= 12);
        for (uint32_t b = 0; a < 13 && b < 13; b++) {
            const struct fama_member *member =
                fama_membership_find(org->peers[a].membership, fama_tag_of(org->peers[b].pki_id));
            CU_ASSERT(a == b || (member != NULL && member->state == FAMA_PEER_ALIVE));
        }
    }
    org_destroy(org);
}

static void test_one_lossy_link_kills_nobody(void)
{
    struct sim_link link = lossy(0);
    struct org *org = org_create(5, 5, &link, sim_seed("one link"));
    begin_all(org);
    (void)until_all_know_all(org, 2 * INTERVAL_NS);
    struct sim_link dead = {.loss = 10000};
    sim_set_link(org->world, 3, 4, &dead);
    sim_set_link(org->world, 4, 3, &dead);
    for (uint32_t i = 0; i < 40; i++) {
        sim_run(org->world, sim_now_ns(org->world) + INTERVAL_NS);
        CU_ASSERT_EQUAL(pairs_otherwise(org, FAMA_PEER_ALIVE, UINT32_MAX), 0);
    }
    org_destroy(org);
}

/* Members that say they are where somebody else is. */
static void test_an_address_that_members_lie_about_gets_no_more_than_the_allowance(void)
{
    enum { NODES = 30, SECONDS = 60 };
    for (uint32_t liars = 1; liars <= 5; liars += 4) {
        struct sim_link link = lossy(0);
        struct org *org = org_create(NODES, NODES, &link, sim_seed("liars"));
        for (uint32_t i = 0; i < liars; i++) {
            org->peers[NODES - 1 - i].lies = NODES + 5; /* one address for all of them */
        }
        begin_all(org);
        uint64_t withheld = 0;
        sim_run(org->world, SECONDS * SIM_SECOND);
        for (uint32_t a = 0; a < NODES; a++) {
            for (uint32_t b = 0; a < NODES - liars && b < NODES; b++) {
                const struct fama_member *member = fama_membership_find(
                    org->peers[a].membership, fama_tag_of(org->peers[b].pki_id));
                CU_ASSERT(a == b || (member != NULL && member->state == FAMA_PEER_ALIVE));
            }
            withheld += org->peers[a].withheld;
        }
        uint32_t words = liars < FAMA_UNPROVED_SHARE ? liars : FAMA_UNPROVED_SHARE;
        uint64_t most =
            (uint64_t)NODES * words * (FAMA_UNPROVED_BURST + SECONDS * FAMA_UNPROVED_RATE);
        printf("(%u: %llu bytes in %d s, at most %llu; %llu datagrams withheld) ", liars,
               (unsigned long long)org->bystander_bytes, SECONDS, (unsigned long long)most,
               (unsigned long long)withheld);
        CU_ASSERT(org->bystander_bytes > 0 && org->bystander_bytes <= most);
        CU_ASSERT(withheld > 0);
        org_destroy(org);
    }
}

static void test_one_seed_makes_one_history(void)
{
    uint64_t seed = sim_seed("history");
    uint64_t sent[2];
    uint64_t lost[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct sim_link link = lossy(1000);
        struct org *org = org_create(30, 30, &link, seed);
        begin_all(org);
        sim_run(org->world, 8 * INTERVAL_NS);
        sent[i] = sim_sent(org->world);
        lost[i] = sim_lost(org->world);
        org_destroy(org);
    }
    CU_ASSERT_EQUAL(sent[0], sent[1]);
    CU_ASSERT_EQUAL(lost[0], lost[1]);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_seven_nodes_meet_within_two_intervals_and_miss_the_dead),
        TEST(test_seven_nodes_meet_in_spite_of_twenty_percent_loss),
        TEST(test_a_hundred_nodes_meet_within_three_intervals_and_miss_the_dead),
        TEST(test_a_hundred_nodes_meet_in_spite_of_twenty_percent_loss),
        TEST(test_many_nodes_meet_in_spite_of_ten_percent_loss_and_miss_the_dead),
        TEST(test_a_newcomer_learns_a_hundred_members_within_an_interval_and_a_half),
        TEST(test_a_restarted_node_returns_with_its_new_incarnation),
        TEST(test_a_healed_partition_brings_both_sides_together_again),
        TEST(test_a_replayed_alive_message_changes_nothing_and_is_not_passed_on),
        TEST(test_a_full_table_refuses_strangers_and_keeps_its_members),
        TEST(test_one_lossy_link_kills_nobody),
        TEST(test_an_address_that_members_lie_about_gets_no_more_than_the_allowance),
        TEST(test_one_seed_makes_one_history),
    };
    return run_suite("membership in virtual time", cases, sizeof(cases) / sizeof(cases[0]));
}
