#include "controlplane/membership.h"
#include "unit/suite.h"

#define SECOND  1000000000ull
#define PEERS   8u
#define SELF_IP 0xc6120001u

struct author {
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    fama_tag tag;
    struct fama_endpoint endpoint;
};

/* What came out of a membership since it was last asked. */
struct actions {
    uint32_t alives, forwards, digests, changes, joins, deaths, forgotten;
    struct fama_digest digest; /* the last */
    struct fama_endpoint alive_target;
    struct fama_endpoint forward_target;
    uint64_t alive_sequence;
    uint8_t forwarded[64];
    void *identity; /* of the last FORGOTTEN */
};

static uint32_t released;

static void release(void *identity)
{
    (void)identity;
    released++;
}

static struct author author_of(uint32_t number)
{
    struct author author = {.endpoint = fama_endpoint_from_ipv4(SELF_IP + number, 7051)};
    fama_sha256(fama_bytes(&number, sizeof(number)), author.pki_id);
    author.tag = fama_tag_of(author.pki_id);
    return author;
}

static struct fama_membership_config config_of_self(void)
{
    struct author self = author_of(0);
    struct fama_membership_config config = {
        .self_endpoint = self.endpoint,
        .incarnation = 5,
        .bootstrap = {author_of(1).endpoint, self.endpoint},
        .bootstrap_count = 2,
        .alive_interval_ns = 5 * SECOND,
        .alive_expiration_ns = 25 * SECOND,
        .reconnect_interval_ns = 25 * SECOND,
        .digest_interval_ns = 4 * SECOND,
        .message_expiration_factor = 20,
        .propagate_peer_num = 3,
        .pull_peer_num = 3,
        .peers_max = PEERS,
        .random_seed = 1,
    };
    memcpy(config.self_pki_id, self.pki_id, FAMA_PKI_ID_BYTES);
    return config;
}

static struct fama_membership *create(void)
{
    struct fama_membership_config config = config_of_self();
    struct fama_membership *membership = fama_membership_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(membership);
    released = 0;
    return membership;
}

static struct actions take(struct fama_membership *membership)
{
    struct actions actions = {0};
    struct fama_membership_action action;
    while (fama_membership_next_action(membership, &action)) {
        switch (action.kind) {
        case FAMA_MEMBERSHIP_SEND_ALIVE:
            actions.alives++;
            actions.alive_target = action.target;
            actions.alive_sequence = action.sequence;
            break;
        case FAMA_MEMBERSHIP_FORWARD:
            actions.forwards++;
            actions.forward_target = action.target;
            memcpy(actions.forwarded, action.datagram.at,
                   action.datagram.len < 64 ? action.datagram.len : 64);
            break;
        case FAMA_MEMBERSHIP_SEND_DIGEST:
            actions.digests++;
            actions.digest = *action.digest;
            break;
        case FAMA_MEMBERSHIP_CHANGED:
            actions.changes++;
            break;
        case FAMA_MEMBERSHIP_JOINED:
            actions.joins++;
            break;
        case FAMA_MEMBERSHIP_DIED:
            actions.deaths++;
            break;
        case FAMA_MEMBERSHIP_FORGOTTEN:
            actions.forgotten++;
            actions.identity = action.identity;
            break;
        }
    }
    return actions;
}

static enum fama_drop hear_at(struct fama_membership *membership, uint64_t now_ns, uint32_t number,
                              uint64_t incarnation, uint64_t sequence,
                              const struct fama_endpoint *endpoint, bool *took)
{
    struct author author = author_of(number);
    struct fama_message message = {.kind = FAMA_KIND_ALIVE,
                                   .author = author.tag,
                                   .incarnation = incarnation,
                                   .sequence = sequence};
    struct fama_alive alive = {.endpoint = *endpoint};
    uint8_t datagram[2] = {(uint8_t)number, (uint8_t)sequence};
    static int identity;
    return fama_membership_on_alive(membership, now_ns, &message, &alive, author.pki_id,
                                    fama_bytes(datagram, sizeof(datagram)), &identity, took);
}

static enum fama_drop hear(struct fama_membership *membership, uint64_t now_ns, uint32_t number,
                           uint64_t incarnation, uint64_t sequence)
{
    bool took = false;
    struct fama_endpoint endpoint = author_of(number).endpoint;
    return hear_at(membership, now_ns, number, incarnation, sequence, &endpoint, &took);
}

static enum fama_drop hear_digest(struct fama_membership *membership, uint64_t now_ns,
                                  uint32_t number, uint64_t sequence,
                                  const struct fama_digest *digest)
{
    struct fama_message message = {.kind = FAMA_KIND_DIGEST,
                                   .author = author_of(number).tag,
                                   .incarnation = 1,
                                   .sequence = sequence};
    return fama_membership_on_digest(membership, now_ns, &message, digest);
}

/* Ticks each 100 ms and takes what comes out. */
static struct actions pass_time(struct fama_membership *membership, uint64_t from_ns,
                                uint64_t to_ns)
{
    struct actions sum = {0};
    for (uint64_t now_ns = from_ns; now_ns <= to_ns; now_ns += SECOND / 10) {
        fama_membership_tick(membership, now_ns);
        struct actions actions = take(membership);
        sum.alives += actions.alives;
        sum.digests += actions.digests;
        sum.deaths += actions.deaths;
        sum.changes += actions.changes;
        sum.forgotten += actions.forgotten;
        sum.identity = actions.identity != NULL ? actions.identity : sum.identity;
    }
    return sum;
}

static void test_limits_of_zero_and_beyond_the_largest_are_refused(void)
{
    struct fama_membership_config config = config_of_self();
    config.peers_max = 0;
    CU_ASSERT_PTR_NULL(fama_membership_create(&config));
    config.peers_max = FAMA_PEERS_MAX + 1;
    CU_ASSERT_PTR_NULL(fama_membership_create(&config));
    config.peers_max = 1;
    config.alive_interval_ns = 0;
    CU_ASSERT_PTR_NULL(fama_membership_create(&config));
}

static void test_bootstrap_peers_are_greeted_each_second_until_somebody_answers(void)
{
    struct fama_membership *membership = create();
    struct actions actions = pass_time(membership, 0, 10 * SECOND);
    CU_ASSERT_EQUAL(actions.alives, 11); /* never our own endpoint, though it is in the list */
    CU_ASSERT_EQUAL(hear(membership, 10 * SECOND, 1, 1, 1), FAMA_DROP_NONE);
    actions = take(membership);
    CU_ASSERT_EQUAL(actions.joins, 1);
    CU_ASSERT_EQUAL(actions.changes, 1);
    CU_ASSERT_EQUAL(actions.alives, 1); /* the greeting */
    CU_ASSERT_EQUAL(actions.digests, 1);
    CU_ASSERT_TRUE(actions.digest.answer_wanted);
    CU_ASSERT_EQUAL(actions.digest.target, author_of(1).tag);
    actions = pass_time(membership, 10 * SECOND, 20 * SECOND);
    CU_ASSERT(actions.alives <= 3); /* heartbeats only */
    fama_membership_destroy(membership, release);
    CU_ASSERT_EQUAL(released, 1);
}

static void test_heartbeats_repeat_one_sequence_until_the_next_interval(void)
{
    struct fama_membership *membership = create();
    fama_membership_tick(membership, 0);
    uint64_t first = take(membership).alive_sequence;
    hear(membership, 1, 2, 1, 1);
    CU_ASSERT_EQUAL(take(membership).alive_sequence, first);
    CU_ASSERT(fama_membership_next_sequence(membership) > first);
    fama_membership_tick(membership, 6 * SECOND);
    CU_ASSERT(take(membership).alive_sequence > first + 1);
    fama_membership_destroy(membership, release);
}

static void test_news_is_forwarded_once_and_never_to_its_author(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 1, 1, 1);
    hear(membership, 0, 2, 1, 1);
    take(membership);
    CU_ASSERT_EQUAL(hear(membership, 1, 1, 1, 2), FAMA_DROP_NONE);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards, 1);
    CU_ASSERT(fama_address_equal(actions.forward_target.address, author_of(2).endpoint.address));
    CU_ASSERT_EQUAL(actions.forwarded[0], 1);
    CU_ASSERT_EQUAL(actions.forwarded[1], 2);
    CU_ASSERT_EQUAL(actions.changes + actions.alives + actions.digests, 0);
    CU_ASSERT_EQUAL(hear(membership, 1, 1, 1, 2), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(hear(membership, 1, 1, 1, 1), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(hear(membership, 1, 1, 0, 9), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(take(membership).forwards, 0);
    fama_membership_destroy(membership, release);
}

static void test_what_cannot_be_a_peer_is_refused_by_name(void)
{
    struct fama_membership *membership = create();
    bool took = false;
    struct fama_endpoint elsewhere = fama_endpoint_from_ipv4(9, 9);
    struct fama_endpoint none = {0};
    CU_ASSERT_EQUAL(hear(membership, 0, 0, 9, 9), FAMA_DROP_OWN_MESSAGE);
    CU_ASSERT_EQUAL(hear_at(membership, 0, 0, 9, 9, &elsewhere, &took), FAMA_DROP_OWN_MESSAGE);
    CU_ASSERT_EQUAL(hear_at(membership, 0, 1, 1, 1, &none, &took), FAMA_DROP_MALFORMED);
    CU_ASSERT_FALSE(took);
    CU_ASSERT_EQUAL(fama_membership_count(membership), 0);
    fama_membership_destroy(membership, release);
}

static void test_a_full_table_refuses_a_stranger_and_hears_its_members(void)
{
    struct fama_membership *membership = create();
    for (uint32_t i = 1; i <= PEERS; i++) {
        CU_ASSERT_EQUAL(hear(membership, 0, i, 1, 1), FAMA_DROP_NONE);
    }
    bool took = true;
    struct fama_endpoint endpoint = author_of(99).endpoint;
    CU_ASSERT_EQUAL(hear_at(membership, 0, 99, 1, 1, &endpoint, &took), FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_FALSE(took);
    CU_ASSERT_EQUAL(hear(membership, 0, 1, 1, 2), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(fama_membership_count(membership), PEERS);
    for (uint32_t i = 1; i < PEERS; i++) {
        CU_ASSERT(fama_membership_at(membership, i - 1)->tag <
                  fama_membership_at(membership, i)->tag);
    }
    fama_membership_destroy(membership, release);
    CU_ASSERT_EQUAL(released, PEERS);
}

static void test_a_moved_peer_is_a_change(void)
{
    struct fama_membership *membership = create();
    bool took = false;
    hear(membership, 0, 1, 1, 1);
    take(membership);
    struct fama_endpoint elsewhere = fama_endpoint_from_ipv4(SELF_IP + 50, 7000);
    CU_ASSERT_EQUAL(hear_at(membership, 1, 1, 1, 2, &elsewhere, &took), FAMA_DROP_NONE);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.changes, 1);
    CU_ASSERT_EQUAL(actions.joins, 0);
    const struct fama_member *member = fama_membership_find(membership, author_of(1).tag);
    CU_ASSERT(fama_endpoint_equal(&member->endpoint, &elsewhere));
    fama_membership_destroy(membership, release);
}

static void test_nothing_is_sent_to_our_own_endpoint_nor_twice_to_one(void)
{
    struct fama_membership *membership = create();
    bool took = false;
    struct fama_endpoint own = author_of(0).endpoint;
    struct fama_endpoint shared = author_of(2).endpoint;
    CU_ASSERT_EQUAL(hear_at(membership, 0, 1, 1, 1, &own, &took), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(take(membership).alives, 0);
    hear_at(membership, 0, 2, 1, 1, &shared, &took);
    hear_at(membership, 0, 3, 1, 1, &shared, &took);
    hear(membership, 0, 4, 1, 1);
    take(membership);
    hear(membership, 0, 4, 1, 2);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards, 1);
    CU_ASSERT(fama_address_equal(actions.forward_target.address, shared.address));
    fama_membership_destroy(membership, release);
}

/* Six identities at one address, and one peer each at two others: every draw of three is one of them and both. */
static void test_a_crowd_at_one_address_has_one_place_in_a_draw(void)
{
    struct fama_membership *membership = create();
    bool took = false;
    for (uint32_t i = 0; i < 6; i++) {
        struct fama_endpoint crowd = fama_endpoint_from_ipv4(SELF_IP + 50, (uint16_t)(9000 + i));
        CU_ASSERT_EQUAL(hear_at(membership, 0, 10 + i, 1, 1, &crowd, &took), FAMA_DROP_NONE);
    }
    hear(membership, 0, 3, 1, 1);
    hear(membership, 0, 4, 1, 1);
    fama_membership_tick(membership, 0);
    take(membership);
    for (uint64_t beat = 1; beat <= 4; beat++) {
        uint32_t honest = 0, crowd = 0;
        struct fama_membership_action action;
        fama_membership_tick(membership, beat * 5 * SECOND);
        while (fama_membership_next_action(membership, &action)) {
            bool is_beat = action.kind == FAMA_MEMBERSHIP_SEND_ALIVE;
            uint32_t ipv4 = fama_address_to_ipv4(action.target.address);
            crowd += is_beat && ipv4 == SELF_IP + 50;
            honest += is_beat && (ipv4 == SELF_IP + 3 || ipv4 == SELF_IP + 4);
        }
        CU_ASSERT_EQUAL(honest, 2);
        CU_ASSERT_EQUAL(crowd, 1);
    }
    fama_membership_destroy(membership, release);
}

/* Where there is one address only, all its ports are as good as ever. */
static void test_without_other_addresses_the_ports_of_one_are_drawn(void)
{
    struct fama_membership *membership = create();
    bool took = false;
    for (uint32_t i = 0; i < 5; i++) {
        struct fama_endpoint crowd = fama_endpoint_from_ipv4(SELF_IP + 50, (uint16_t)(9000 + i));
        hear_at(membership, 0, 10 + i, 1, 1, &crowd, &took);
    }
    fama_membership_tick(membership, 0);
    take(membership);
    uint32_t beats = 0;
    struct fama_membership_action action;
    fama_membership_tick(membership, 5 * SECOND);
    while (fama_membership_next_action(membership, &action)) {
        beats += action.kind == FAMA_MEMBERSHIP_SEND_ALIVE &&
                 fama_address_to_ipv4(action.target.address) == SELF_IP + 50;
    }
    CU_ASSERT_EQUAL(beats, 3);
    fama_membership_destroy(membership, release);
}

static void test_a_silent_peer_dies_is_probed_returns_and_is_forgotten_in_the_end(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 2, 1, 7);
    take(membership);
    struct actions actions = pass_time(membership, 0, 25 * SECOND);
    CU_ASSERT_EQUAL(actions.deaths, 0);
    actions = pass_time(membership, 25 * SECOND, 28 * SECOND);
    CU_ASSERT_EQUAL(actions.deaths, 1);
    CU_ASSERT_EQUAL(actions.changes, 1);
    CU_ASSERT_EQUAL(fama_membership_find(membership, author_of(2).tag)->state, FAMA_PEER_DEAD);
    actions = pass_time(membership, 28 * SECOND, 60 * SECOND);
    CU_ASSERT(actions.digests >= 1); /* the dead are the only ones to send a digest to */
    CU_ASSERT_EQUAL(hear(membership, 60 * SECOND, 2, 1, 7), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(hear(membership, 60 * SECOND, 2, 2, 1), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(take(membership).joins, 1);
    actions = pass_time(membership, 60 * SECOND, 555 * SECOND);
    CU_ASSERT_EQUAL(actions.deaths, 1);
    CU_ASSERT_EQUAL(actions.forgotten, 0);
    actions = pass_time(membership, 555 * SECOND, 570 * SECOND);
    CU_ASSERT_EQUAL(actions.forgotten, 1);
    CU_ASSERT_PTR_NOT_NULL(actions.identity);
    CU_ASSERT_PTR_NULL(fama_membership_find(membership, author_of(2).tag));
    /* Its last words, kept by somebody, do not bring it back; new ones do. */
    CU_ASSERT_EQUAL(hear(membership, 570 * SECOND, 2, 2, 1), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(hear(membership, 570 * SECOND, 2, 3, 1), FAMA_DROP_NONE);
    fama_membership_destroy(membership, release);
    CU_ASSERT_EQUAL(released, 1);
}

static void test_a_bootstrap_peer_is_never_forgotten(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 1, 1, 1);
    take(membership);
    CU_ASSERT_EQUAL(pass_time(membership, 0, 2000 * SECOND).forgotten, 0);
    CU_ASSERT_PTR_NOT_NULL(fama_membership_find(membership, author_of(1).tag));
    fama_membership_destroy(membership, release);
}

static void test_a_digest_is_answered_once_with_what_its_author_lacks(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 1, 1, 10);
    hear(membership, 0, 2, 1, 20);
    hear(membership, 0, 3, 1, 30);
    take(membership);
    struct fama_digest digest = {.answer_wanted = true,
                                 .target = author_of(0).tag,
                                 .first = 0,
                                 .last = UINT64_MAX,
                                 .count = 1,
                                 .entries = {{author_of(2).tag, 1, 20}}};
    CU_ASSERT_EQUAL(hear_digest(membership, 1, 1, 11, &digest), FAMA_DROP_NONE);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards, 1); /* 3; not 2, which it has, nor its own */
    CU_ASSERT_EQUAL(actions.forwarded[0], 3);
    CU_ASSERT_EQUAL(actions.alives, 1);
    CU_ASSERT(fama_address_equal(actions.alive_target.address, author_of(1).endpoint.address));
    CU_ASSERT_EQUAL(actions.digests, 1);
    CU_ASSERT_FALSE(actions.digest.answer_wanted);
    CU_ASSERT_EQUAL(actions.digest.count, 4);
    CU_ASSERT_EQUAL(actions.digest.target, author_of(1).tag);
    CU_ASSERT_EQUAL(hear_digest(membership, 1, 1, 11, &digest), FAMA_DROP_REPLAYED);
    CU_ASSERT_EQUAL(hear_digest(membership, 1, 1, 5, &digest), FAMA_DROP_REPLAYED);
    actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards + actions.alives + actions.digests, 0);
    /* The sequence rises over all kinds, but kinds may overtake each other. */
    CU_ASSERT_EQUAL(hear(membership, 1, 1, 1, 12), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(hear_digest(membership, 1, 1, 12, &digest), FAMA_DROP_NONE);
    fama_membership_destroy(membership, release);
}

static void test_digests_of_others_for_others_and_of_strangers_are_not_answered(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 1, 1, 1);
    take(membership);
    struct fama_digest digest = {.target = author_of(5).tag, .last = UINT64_MAX};
    CU_ASSERT_EQUAL(hear_digest(membership, 0, 1, 2, &digest), FAMA_DROP_NOT_OURS);
    digest.target = author_of(0).tag;
    CU_ASSERT_EQUAL(hear_digest(membership, 0, 9, 2, &digest), FAMA_DROP_UNKNOWN_AUTHOR);
    CU_ASSERT_EQUAL(hear_digest(membership, 0, 0, 2, &digest), FAMA_DROP_OWN_MESSAGE);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards + actions.alives + actions.digests, 0);
    fama_membership_destroy(membership, release);
}

static void test_the_last_words_of_the_dead_are_not_told_on(void)
{
    struct fama_membership *membership = create();
    hear(membership, 0, 2, 1, 1);
    take(membership);
    pass_time(membership, 0, 28 * SECOND);
    hear(membership, 28 * SECOND, 3, 1, 1);
    take(membership);
    struct fama_digest digest = {.target = author_of(0).tag, .last = UINT64_MAX};
    CU_ASSERT_EQUAL(hear_digest(membership, 28 * SECOND, 3, 2, &digest), FAMA_DROP_NONE);
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.forwards, 0);
    CU_ASSERT_EQUAL(actions.alives, 1);
    fama_membership_destroy(membership, release);
}

static void test_answers_to_one_author_have_a_budget(void)
{
    struct fama_membership *membership = create();
    for (uint32_t i = 1; i <= PEERS; i++) {
        hear(membership, 0, i, 1, 1);
    }
    take(membership);
    struct fama_digest digest = {
        .answer_wanted = true, .target = author_of(0).tag, .last = UINT64_MAX};
    uint32_t sent = 0;
    enum fama_drop drop = FAMA_DROP_NONE;
    for (uint64_t sequence = 2; sequence < 1000; sequence++) {
        drop = hear_digest(membership, SECOND, 1, sequence, &digest);
        struct actions actions = take(membership);
        sent += actions.alives + actions.forwards + actions.digests;
    }
    CU_ASSERT_EQUAL(drop, FAMA_DROP_ADMISSION_BUDGET);
    CU_ASSERT_EQUAL(sent, FAMA_DIGEST_ANSWERS_MAX);
    CU_ASSERT_EQUAL(hear_digest(membership, 6 * SECOND, 1, 1000, &digest), FAMA_DROP_NONE);
    fama_membership_destroy(membership, release);
}

static void test_an_owner_that_takes_no_actions_loses_sends_but_no_deaths(void)
{
    struct fama_membership *membership = create();
    uint32_t refused = 0;
    for (uint64_t sequence = 1; sequence < 3000; sequence++) {
        for (uint32_t i = 1; i <= PEERS; i++) {
            refused += hear(membership, 0, i, 1, sequence) != FAMA_DROP_NONE;
        }
    }
    CU_ASSERT_EQUAL(refused, 0);
    for (uint64_t now_ns = 0; now_ns < 30 * SECOND; now_ns += SECOND) {
        fama_membership_tick(membership, now_ns);
    }
    struct actions actions = take(membership);
    CU_ASSERT_EQUAL(actions.joins, PEERS);
    CU_ASSERT_EQUAL(actions.deaths, PEERS);
    CU_ASSERT_EQUAL(actions.changes, 1);
    CU_ASSERT(actions.alives + actions.forwards + actions.digests <= 2048);
    fama_membership_destroy(membership, release);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_limits_of_zero_and_beyond_the_largest_are_refused),
        TEST(test_bootstrap_peers_are_greeted_each_second_until_somebody_answers),
        TEST(test_heartbeats_repeat_one_sequence_until_the_next_interval),
        TEST(test_news_is_forwarded_once_and_never_to_its_author),
        TEST(test_what_cannot_be_a_peer_is_refused_by_name),
        TEST(test_a_full_table_refuses_a_stranger_and_hears_its_members),
        TEST(test_a_moved_peer_is_a_change),
        TEST(test_nothing_is_sent_to_our_own_endpoint_nor_twice_to_one),
        TEST(test_a_crowd_at_one_address_has_one_place_in_a_draw),
        TEST(test_without_other_addresses_the_ports_of_one_are_drawn),
        TEST(test_a_silent_peer_dies_is_probed_returns_and_is_forgotten_in_the_end),
        TEST(test_a_bootstrap_peer_is_never_forgotten),
        TEST(test_a_digest_is_answered_once_with_what_its_author_lacks),
        TEST(test_digests_of_others_for_others_and_of_strangers_are_not_answered),
        TEST(test_the_last_words_of_the_dead_are_not_told_on),
        TEST(test_answers_to_one_author_have_a_budget),
        TEST(test_an_owner_that_takes_no_actions_loses_sends_but_no_deaths),
    };
    return run_suite("membership", cases, sizeof(cases) / sizeof(cases[0]));
}
