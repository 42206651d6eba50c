#include "dataplane/neighbour.h"

#include "unit/suite.h"

#define OUR_IPV4 0xc6120001u /* 198.18.0.1/24 */
#define GATEWAY  0xc61200feu
#define SECOND   1000000000u
#define MS       1000000u

static const uint8_t our_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 1};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 9};
static const uint8_t other_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 7};

/* What came out of the table in one test. */
static struct {
    uint32_t sent, resolved, abandoned;
    uint8_t last[FAMA_NEIGHBOUR_FRAME_MAX];
    size_t last_len;
    void *last_packet;
    uint8_t last_mac[FAMA_MAC_BYTES];
} out;

static void on_send(void *context, struct fama_bytes frame)
{
    (void)context;
    out.sent++;
    CU_ASSERT_FATAL(frame.len <= sizeof out.last);
    memcpy(out.last, frame.at, frame.len);
    out.last_len = frame.len;
}

static void on_resolved(void *context, void *packet, const uint8_t mac[FAMA_MAC_BYTES])
{
    (void)context;
    out.resolved++;
    out.last_packet = packet;
    memcpy(out.last_mac, mac, FAMA_MAC_BYTES);
}

static void on_abandoned(void *context, void *packet)
{
    (void)context;
    out.abandoned++;
    out.last_packet = packet;
}

/* Lives as long as the expression it stands in. */
#define IPV4(number) (fama_endpoint_from_ipv4((number), 0).address)

static struct fama_neighbour_settings settings_of(uint32_t ipv4, uint8_t prefix_bits)
{
    struct fama_neighbour_settings settings = {.prefix_bits = prefix_bits};
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    memcpy(settings.address, IPV4(ipv4), FAMA_ADDRESS_BYTES);
    return settings;
}

/* A table whose two announcements at the start are already through. */
static struct fama_neighbours *make_from(const struct fama_neighbour_settings *settings)
{
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    struct fama_neighbours *neighbours = fama_neighbours_create(settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    (void)fama_neighbour_tick(neighbours, 0);
    (void)fama_neighbour_tick(neighbours, SECOND);
    memset(&out, 0, sizeof out);
    return neighbours;
}

static struct fama_neighbours *make(uint32_t gateway)
{
    struct fama_neighbour_settings settings = settings_of(OUR_IPV4, 24);
    if (gateway != 0) {
        memcpy(settings.gateway, IPV4(gateway), FAMA_ADDRESS_BYTES);
    }
    return make_from(&settings);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static enum fama_drop input(struct fama_neighbours *neighbours, uint64_t now, struct fama_bytes arp)
{
    const struct fama_frame frame = {
        .kind = FAMA_FRAME_ARP, .source_mac = their_mac, .payload = arp};
    return fama_neighbour_input(neighbours, now, &frame);
}

static enum fama_drop hear(struct fama_neighbours *neighbours, uint64_t now, uint8_t operation,
                           uint32_t sender, const uint8_t *sender_mac, uint32_t target)
{
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, operation};
    memcpy(arp + 8, sender_mac, FAMA_MAC_BYTES);
    put_u32(arp + 14, sender);
    memcpy(arp + 18, our_mac, FAMA_MAC_BYTES);
    put_u32(arp + 24, target);
    return input(neighbours, now, fama_bytes(arp, sizeof arp));
}

static void test_our_address_is_announced_twice_at_the_start(void)
{
    struct fama_neighbours *neighbours = make(0);
    fama_neighbours_destroy(neighbours);
    struct fama_neighbour_settings settings = settings_of(OUR_IPV4, 24);
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    neighbours = fama_neighbours_create(&settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    memset(&out, 0, sizeof out);
    for (uint64_t now = 0; now < 10 * (uint64_t)SECOND; now += 100 * MS) {
        (void)fama_neighbour_tick(neighbours, now);
    }
    CU_ASSERT_EQUAL(out.sent, 2);
    CU_ASSERT_EQUAL(memcmp(out.last + 14 + 14, out.last + 14 + 24, 4), 0);
    CU_ASSERT_EQUAL(out.last[0], 0xff);
    fama_neighbours_destroy(neighbours);
}

static void test_a_silent_table_learns_and_says_nothing_unasked(void)
{
    struct fama_neighbour_settings settings = settings_of(OUR_IPV4, 24);
    settings.is_silent = true;
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    memset(&out, 0, sizeof out);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, SECOND), 0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 1, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 0);
    CU_ASSERT_PTR_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, SECOND), 1);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 2, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NOT_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
}

static void test_a_neighbour_is_asked_for_and_then_known(void)
{
    struct fama_neighbours *neighbours = make(0);
    int packet;
    uint64_t now = 2 * (uint64_t)SECOND;
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(fama_neighbour_hold(neighbours, now, IPV4(0xc6120009), &packet, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now), 1);
    const uint8_t asked[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   1,  8, 6,
                             0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,  0, 1,
                             198,  18,   0,    1,    0,    0,    0, 0, 0, 0, 198, 18, 0, 9};
    CU_ASSERT_EQUAL(memcmp(out.last, asked, sizeof asked), 0);
    CU_ASSERT_EQUAL(hear(neighbours, now, 2, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1);
    CU_ASSERT_PTR_EQUAL(out.last_packet, &packet);
    const uint8_t *mac =
        fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mac);
    CU_ASSERT_EQUAL(memcmp(mac, their_mac, FAMA_MAC_BYTES), 0);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now + 10 * (uint64_t)SECOND), 0);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(out.abandoned, 0);
}

static void test_questions_grow_rarer_and_end_when_nobody_cares(void)
{
    struct fama_neighbours *neighbours = make(0);
    int packet;
    uint64_t start = 2 * (uint64_t)SECOND;
    CU_ASSERT(
        fama_neighbour_hold(neighbours, start, IPV4(0xc6120009), &packet, FAMA_NEIGHBOUR_OURS));
    for (uint64_t now = start; now < start + SECOND; now += MS) {
        (void)fama_neighbour_tick(neighbours, now);
    }
    CU_ASSERT_EQUAL(out.sent, 5); /* at 0, 50, 150, 350, 750 ms */
    for (uint64_t now = start + SECOND; now < start + 100 * (uint64_t)SECOND; now += MS) {
        (void)fama_neighbour_tick(neighbours, now);
    }
    CU_ASSERT(out.sent < 20);
    CU_ASSERT_EQUAL(out.abandoned, 1);
    CU_ASSERT_PTR_EQUAL(out.last_packet, &packet);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(out.abandoned, 1);
}

static void test_only_the_newest_packet_waits(void)
{
    struct fama_neighbours *neighbours = make(0);
    int first, second;
    CU_ASSERT(
        fama_neighbour_hold(neighbours, SECOND, IPV4(0xc6120009), &first, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(
        fama_neighbour_hold(neighbours, SECOND, IPV4(0xc6120009), &second, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(out.abandoned, 1);
    CU_ASSERT_PTR_EQUAL(out.last_packet, &first);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(out.abandoned, 2);
    CU_ASSERT_PTR_EQUAL(out.last_packet, &second);
}

static void test_who_is_not_on_our_link_is_reached_through_the_gateway(void)
{
    struct fama_neighbours *neighbours = make(GATEWAY);
    CU_ASSERT_PTR_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0x0a000001), FAMA_NEIGHBOUR_OURS));
    (void)fama_neighbour_tick(neighbours, SECOND);
    const uint8_t gateway[] = {198, 18, 0, 254};
    CU_ASSERT_EQUAL(memcmp(out.last + 14 + 24, gateway, 4), 0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 2, GATEWAY, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NOT_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0x0a000001), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_PTR_NOT_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0x0b000001), FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
    neighbours = make(0);
    int packet;
    CU_ASSERT_PTR_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0x0a000001), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(
        !fama_neighbour_hold(neighbours, SECOND, IPV4(0x0a000001), &packet, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(
        !fama_neighbour_hold(neighbours, SECOND, IPV4(OUR_IPV4), &packet, FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
}

static void test_a_request_for_our_address_is_answered_once(void)
{
    struct fama_neighbours *neighbours = make(0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 1, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 1);
    const uint8_t answer[] = {2, 0, 0, 0, 0, 9, 2, 0,   0,  0, 0, 1, 8, 6, 0, 1, 8, 0,   6,  4, 0,
                              2, 2, 0, 0, 0, 0, 1, 198, 18, 0, 1, 2, 0, 0, 0, 0, 9, 198, 18, 0, 9};
    CU_ASSERT_EQUAL(memcmp(out.last, answer, sizeof answer), 0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 1, 0xc6120009, their_mac, 0xc6120008), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 1);
    CU_ASSERT_EQUAL(fama_neighbour_counts(neighbours).replies_sent, 1);
    fama_neighbours_destroy(neighbours);
}

static void test_an_answer_nobody_asked_for_teaches_nothing(void)
{
    struct fama_neighbours *neighbours = make(0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 2, 0xc6120009, other_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(
        fama_neighbour_find(neighbours, SECOND, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 2, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    /* Now it is known, and a second answer or a request does not move it. */
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 2, 0xc6120009, other_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, 1, 0xc6120009, other_mac, OUR_IPV4), FAMA_DROP_NONE);
    const uint8_t *mac =
        fama_neighbour_find(neighbours, SECOND, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mac);
    CU_ASSERT_EQUAL(memcmp(mac, their_mac, FAMA_MAC_BYTES), 0);
    fama_neighbours_destroy(neighbours);
}

static void test_an_old_entry_in_use_is_refreshed_and_follows_a_moved_neighbour(void)
{
    struct fama_neighbours *neighbours = make(0);
    uint64_t now = SECOND;
    (void)fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_EQUAL(hear(neighbours, now, 2, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_NONE);
    now += FAMA_NEIGHBOUR_REACHABLE_NS + SECOND;
    CU_ASSERT_PTR_NOT_NULL(
        fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now), 1);
    CU_ASSERT_EQUAL(memcmp(out.last, their_mac, FAMA_MAC_BYTES), 0);
    for (int i = 0; i < 2000; i++) {
        now += MS;
        (void)fama_neighbour_tick(neighbours, now);
    }
    /* Nobody answered by unicast: everybody is asked, and the old address is no longer used. */
    CU_ASSERT_EQUAL(out.last[0], 0xff);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(hear(neighbours, now, 2, 0xc6120009, other_mac, OUR_IPV4), FAMA_DROP_NONE);
    const uint8_t *mac =
        fama_neighbour_find(neighbours, now, IPV4(0xc6120009), FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mac);
    CU_ASSERT_EQUAL(memcmp(mac, other_mac, FAMA_MAC_BYTES), 0);
    fama_neighbours_destroy(neighbours);
}

static void test_nonsense_and_claims_of_our_address_are_refused(void)
{
    struct fama_neighbours *neighbours = make(0);
    const uint8_t group_mac[FAMA_MAC_BYTES] = {3, 0, 0, 0, 0, 9};
    const uint8_t null_mac[FAMA_MAC_BYTES] = {0};
    CU_ASSERT_EQUAL(hear(neighbours, 0, 2, OUR_IPV4, other_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 1, OUR_IPV4, other_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 1, 0xc6120009, group_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 1, 0xc6120009, null_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 1, 0x0a000001, their_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 3, 0xc6120009, their_mac, OUR_IPV4), FAMA_DROP_BAD_ARP);
    CU_ASSERT_EQUAL(out.sent, 0);
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2};
    for (size_t len = 0; len < sizeof arp; len++) {
        CU_ASSERT_EQUAL(input(neighbours, 0, fama_bytes(arp, len)), FAMA_DROP_BAD_ARP);
    }
    arp[5] = 6;
    CU_ASSERT_EQUAL(input(neighbours, 0, fama_bytes(arp, sizeof arp)), FAMA_DROP_BAD_ARP);
    fama_neighbours_destroy(neighbours);
}

static void test_an_address_probe_is_answered(void)
{
    struct fama_neighbours *neighbours = make(0);
    CU_ASSERT_EQUAL(hear(neighbours, 0, 1, 0, other_mac, OUR_IPV4), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 1);
    fama_neighbours_destroy(neighbours);
}

static void test_a_flood_of_unknown_neighbours_stays_bounded(void)
{
    struct fama_neighbour_settings settings = settings_of(0x0a000001, 8);
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    memset(&out, 0, sizeof out);
    uint32_t held = 0;
    for (uint32_t i = 2; i < 20000; i++) {
        held +=
            fama_neighbour_hold(neighbours, SECOND, IPV4(0x0a000000 + i), &out, FAMA_NEIGHBOUR_OURS)
                ? 1
                : 0;
    }
    CU_ASSERT(held - out.abandoned <= FAMA_NEIGHBOURS_ASKING_MAX);
    CU_ASSERT(fama_neighbour_tick(neighbours, SECOND) <= FAMA_NEIGHBOURS_ASKING_MAX + 1);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(held, out.abandoned);
}

/* What the dataplane does for one answer to an address that has proved nothing. */
static bool answer(struct fama_neighbours *neighbours, uint64_t now, uint32_t ipv4, void *packet)
{
    return fama_neighbour_find(neighbours, now, IPV4(ipv4), FAMA_NEIGHBOUR_UNPROVED) == NULL &&
           fama_neighbour_hold(neighbours, now, IPV4(ipv4), packet, FAMA_NEIGHBOUR_UNPROVED);
}

static struct fama_neighbours *make_large(void)
{
    struct fama_neighbour_settings settings = settings_of(0x0a000001, 8);
    return make_from(&settings);
}

#define FRIEND 0x0a010101u

static enum fama_drop friend_answers(struct fama_neighbours *neighbours, uint64_t now)
{
    return hear(neighbours, now, 2, FRIEND, their_mac, 0x0a000001);
}

static void test_strangers_with_many_addresses_keep_no_true_neighbour_from_being_found(void)
{
    struct fama_neighbours *neighbours = make_large();
    uint64_t now = 2 * (uint64_t)SECOND;
    uint32_t stranger = 0x0a020000;
    for (uint32_t i = 0; i < 300; i++) {
        (void)answer(neighbours, now, stranger++, &out);
    }
    struct fama_neighbour_counts counts = fama_neighbour_counts(neighbours);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now), FAMA_NEIGHBOURS_UNPROVED_MAX);
    CU_ASSERT_EQUAL(counts.unproved_displaced, 0); /* all have just begun their turn */
    CU_ASSERT_EQUAL(counts.unproved_refused, 2 * (300 - FAMA_NEIGHBOURS_UNPROVED_MAX));
    /* A true neighbour is asked for and found while they go on, by as many addresses as they like. */
    for (uint32_t ms = 0; ms < 500; ms++) {
        now += MS;
        for (uint32_t i = 0; i < 300; i++) {
            (void)answer(neighbours, now, stranger++, &out);
        }
        if (ms == 100) {
            int packet;
            CU_ASSERT_PTR_NULL(
                fama_neighbour_find(neighbours, now, IPV4(FRIEND), FAMA_NEIGHBOUR_OURS));
            CU_ASSERT(
                fama_neighbour_hold(neighbours, now, IPV4(FRIEND), &packet, FAMA_NEIGHBOUR_OURS));
        }
        CU_ASSERT(fama_neighbour_tick(neighbours, now) <= FAMA_NEIGHBOURS_UNPROVED_MAX + 1);
    }
    CU_ASSERT_EQUAL(friend_answers(neighbours, now), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1);
    CU_ASSERT_PTR_NOT_NULL(fama_neighbour_find(neighbours, now, IPV4(FRIEND), FAMA_NEIGHBOUR_OURS));
    /* So many turns in half a second, and no more frames for all of them. */
    counts = fama_neighbour_counts(neighbours);
    uint64_t turns = 500 * (uint64_t)MS / FAMA_NEIGHBOUR_TURN_NS * FAMA_NEIGHBOURS_UNPROVED_MAX;
    CU_ASSERT(counts.unproved_displaced > turns / 2 && counts.unproved_displaced <= turns);
    fama_neighbours_destroy(neighbours);
}

static void test_who_repeats_an_address_does_not_keep_its_place(void)
{
    struct fama_neighbours *neighbours = make_large();
    uint64_t now = 2 * (uint64_t)SECOND;
    for (uint32_t ms = 0; ms < 100; ms++) {
        now += MS;
        for (uint32_t i = 0; i < FAMA_NEIGHBOURS_UNPROVED_MAX; i++) {
            (void)answer(neighbours, now, 0x0a020000 + i, &out);
        }
    }
    CU_ASSERT(answer(neighbours, now, FRIEND, &out));
    CU_ASSERT_EQUAL(friend_answers(neighbours, now), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1); /* a stranger who is really there gets its answer */
    fama_neighbours_destroy(neighbours);
}

static void test_our_own_wishes_give_way_to_no_stranger_and_take_strangers_places(void)
{
    struct fama_neighbours *neighbours = make_large();
    uint64_t now = 2 * (uint64_t)SECOND;
    for (uint32_t i = 0; i < FAMA_NEIGHBOURS_UNPROVED_MAX; i++) {
        CU_ASSERT(answer(neighbours, now, 0x0a020000 + i, &out));
    }
    /* All places are ours if we need them, and then none is a stranger's. */
    for (uint32_t i = 0; i < FAMA_NEIGHBOURS_ASKING_MAX; i++) {
        CU_ASSERT(
            fama_neighbour_hold(neighbours, now, IPV4(0x0a030000 + i), &out, FAMA_NEIGHBOUR_OURS));
    }
    CU_ASSERT_EQUAL(out.abandoned, FAMA_NEIGHBOURS_UNPROVED_MAX);
    now += SECOND;
    for (uint32_t i = 0; i < 20000; i++) {
        CU_ASSERT(!answer(neighbours, now, 0x0a040000 + i, &out));
    }
    CU_ASSERT_EQUAL(out.abandoned, FAMA_NEIGHBOURS_UNPROVED_MAX);
    /* Nor does a stranger put its packet into the place of ours, or make its address a stranger's. */
    CU_ASSERT(!answer(neighbours, now, 0x0a030000, &out));
    CU_ASSERT_EQUAL(out.abandoned, FAMA_NEIGHBOURS_UNPROVED_MAX);
    fama_neighbours_destroy(neighbours);
}

static void test_answered_strangers_push_no_known_neighbour_out_of_its_bucket(void)
{
    struct fama_neighbours *neighbours = make_large();
    uint64_t now = 2 * (uint64_t)SECOND;
    (void)fama_neighbour_find(neighbours, now, IPV4(FRIEND), FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_EQUAL(friend_answers(neighbours, now), FAMA_DROP_NONE);
    /* More than the table has places for, each of whom answers: whoever owns the link can do that. */
    for (uint32_t i = 0; i < 4 * FAMA_NEIGHBOURS_MAX; i++) {
        now += 1000;
        (void)answer(neighbours, now, 0x0a020000 + i, &out);
        CU_ASSERT_EQUAL(hear(neighbours, now, 2, 0x0a020000 + i, other_mac, 0x0a000001),
                        FAMA_DROP_NONE);
    }
    CU_ASSERT_PTR_NOT_NULL(fama_neighbour_find(neighbours, now, IPV4(FRIEND), FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
}

static void test_a_gateway_is_asked_for_as_ours_whoever_is_beyond_it(void)
{
    struct fama_neighbours *neighbours = make(GATEWAY);
    int packet;
    CU_ASSERT(fama_neighbour_hold(neighbours, SECOND, IPV4(0x0b000001), &packet,
                                  FAMA_NEIGHBOUR_UNPROVED));
    for (uint32_t i = 0; i < 200; i++) {
        (void)answer(neighbours, 3 * (uint64_t)SECOND, 0xc6120010 + i, &out);
    }
    CU_ASSERT_EQUAL(hear(neighbours, 3 * (uint64_t)SECOND, 2, GATEWAY, their_mac, OUR_IPV4),
                    FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1);
    fama_neighbours_destroy(neighbours);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_our_address_is_announced_twice_at_the_start),
        TEST(test_a_silent_table_learns_and_says_nothing_unasked),
        TEST(test_a_neighbour_is_asked_for_and_then_known),
        TEST(test_questions_grow_rarer_and_end_when_nobody_cares),
        TEST(test_only_the_newest_packet_waits),
        TEST(test_who_is_not_on_our_link_is_reached_through_the_gateway),
        TEST(test_a_request_for_our_address_is_answered_once),
        TEST(test_an_answer_nobody_asked_for_teaches_nothing),
        TEST(test_an_old_entry_in_use_is_refreshed_and_follows_a_moved_neighbour),
        TEST(test_nonsense_and_claims_of_our_address_are_refused),
        TEST(test_an_address_probe_is_answered),
        TEST(test_a_flood_of_unknown_neighbours_stays_bounded),
        TEST(test_strangers_with_many_addresses_keep_no_true_neighbour_from_being_found),
        TEST(test_who_repeats_an_address_does_not_keep_its_place),
        TEST(test_our_own_wishes_give_way_to_no_stranger_and_take_strangers_places),
        TEST(test_answered_strangers_push_no_known_neighbour_out_of_its_bucket),
        TEST(test_a_gateway_is_asked_for_as_ours_whoever_is_beyond_it),
    };
    return run_suite("neighbours", cases, sizeof cases / sizeof cases[0]);
}
