#include "dataplane/mld.h"
#include "dataplane/nd.h"
#include "dataplane/neighbour.h"

#include "unit/suite.h"

#define SECOND UINT64_C(1000000000)
#define MS     UINT64_C(1000000)

static const uint8_t our_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 1};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 9};
static const uint8_t other_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 7};

/* Of 2001:db8::/64, and one beyond it. */
static const uint8_t ours[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t theirs[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
static const uint8_t distant[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9};
static const uint8_t router[] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe};

/* What came out of the table in one test. */
static struct {
    uint32_t sent, resolved, abandoned;
    uint8_t last[FAMA_NEIGHBOUR_FRAME_MAX];
    size_t last_len;
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
    (void)packet;
    (void)mac;
    out.resolved++;
}

static void on_abandoned(void *context, void *packet)
{
    (void)context;
    (void)packet;
    out.abandoned++;
}

static struct fama_neighbours *make_new(const uint8_t *gateway)
{
    struct fama_neighbour_settings settings = {.prefix_bits = 64};
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    memcpy(settings.address, ours, FAMA_ADDRESS_BYTES);
    if (gateway != NULL) {
        memcpy(settings.gateway, gateway, FAMA_ADDRESS_BYTES);
    }
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    memset(&out, 0, sizeof out);
    return neighbours;
}

/* A table whose announcements at the start are already through. */
static struct fama_neighbours *make(const uint8_t *gateway)
{
    struct fama_neighbours *neighbours = make_new(gateway);
    (void)fama_neighbour_tick(neighbours, 0);
    (void)fama_neighbour_tick(neighbours, SECOND);
    memset(&out, 0, sizeof out);
    return neighbours;
}

static enum fama_drop hear(struct fama_neighbours *neighbours, uint64_t now,
                           const struct fama_nd *nd)
{
    uint8_t bytes[FAMA_ND_FRAME_MAX];
    size_t len = fama_nd_write(nd, their_mac, our_mac, bytes);
    const struct fama_frame frame = {
        .kind = FAMA_FRAME_ICMPV6,
        .source_mac = bytes + FAMA_MAC_BYTES,
        .payload = fama_bytes(bytes + FAMA_ETHERNET_BYTES, len - FAMA_ETHERNET_BYTES)};
    return fama_neighbour_input(neighbours, now, &frame);
}

/* What was sent last, read by the reader. */
static struct fama_nd last_sent(void)
{
    struct fama_nd nd = {0};
    CU_ASSERT_EQUAL_FATAL(
        fama_nd_read(fama_bytes(out.last + FAMA_ETHERNET_BYTES, out.last_len - FAMA_ETHERNET_BYTES),
                     &nd),
        FAMA_DROP_NONE);
    return nd;
}

static struct fama_nd question_of(const uint8_t *source, const uint8_t *mac)
{
    struct fama_nd nd = {.kind = FAMA_ND_SOLICITATION, .has_mac = mac != NULL};
    if (mac != NULL) {
        memcpy(nd.mac, mac, FAMA_MAC_BYTES);
    }
    if (source != NULL) {
        memcpy(nd.source, source, FAMA_ADDRESS_BYTES);
    }
    memcpy(nd.target, ours, FAMA_ADDRESS_BYTES);
    fama_nd_group(ours, nd.destination);
    return nd;
}

static struct fama_nd answer_of(const uint8_t *source, const uint8_t *mac)
{
    struct fama_nd nd = {.kind = FAMA_ND_ADVERTISEMENT,
                         .is_solicited = true,
                         .overrides = true,
                         .has_mac = mac != NULL};
    if (mac != NULL) {
        memcpy(nd.mac, mac, FAMA_MAC_BYTES);
    }
    memcpy(nd.source, source, FAMA_ADDRESS_BYTES);
    memcpy(nd.target, source, FAMA_ADDRESS_BYTES);
    memcpy(nd.destination, ours, FAMA_ADDRESS_BYTES);
    return nd;
}

static bool knows(struct fama_neighbours *neighbours, uint64_t now, const uint8_t *address,
                  const uint8_t *mac)
{
    const uint8_t *found = fama_neighbour_find(neighbours, now, address, FAMA_NEIGHBOUR_OURS);
    return found != NULL && memcmp(found, mac, FAMA_MAC_BYTES) == 0;
}

static void test_our_address_is_asked_for_announced_and_its_group_reported(void)
{
    struct fama_neighbours *neighbours = make_new(NULL);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, 0), 3); /* question, announcement, report */
    for (uint64_t now = 0; now < 10 * SECOND; now += 100 * MS) {
        (void)fama_neighbour_tick(neighbours, now);
    }
    CU_ASSERT_EQUAL(out.sent, 4);
    struct fama_nd nd = last_sent();
    CU_ASSERT_EQUAL(nd.kind, FAMA_ND_ADVERTISEMENT);
    CU_ASSERT(!nd.is_solicited && nd.overrides && nd.has_mac);
    CU_ASSERT(fama_address_equal(nd.target, ours));
    CU_ASSERT(fama_address_equal(nd.destination, fama_nd_all_nodes));
    static const uint8_t all_mac[FAMA_MAC_BYTES] = {0x33, 0x33, 0, 0, 0, 1};
    CU_ASSERT_EQUAL(memcmp(out.last, all_mac, FAMA_MAC_BYTES), 0);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, 200 * SECOND), 1); /* the report again */
    fama_neighbours_destroy(neighbours);
}

static void test_a_neighbour_is_asked_for_in_its_group_and_then_known(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    int packet;
    uint64_t now = 2 * SECOND;
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, now, theirs, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(fama_neighbour_hold(neighbours, now, theirs, &packet, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now), 1);
    struct fama_nd nd = last_sent();
    uint8_t group[FAMA_ADDRESS_BYTES];
    fama_nd_group(theirs, group);
    CU_ASSERT_EQUAL(nd.kind, FAMA_ND_SOLICITATION);
    CU_ASSERT(fama_address_equal(nd.target, theirs) && fama_address_equal(nd.source, ours));
    CU_ASSERT(fama_address_equal(nd.destination, group));
    CU_ASSERT(nd.has_mac && memcmp(nd.mac, our_mac, FAMA_MAC_BYTES) == 0);
    static const uint8_t group_mac[FAMA_MAC_BYTES] = {0x33, 0x33, 0xff, 0, 0, 9};
    CU_ASSERT_EQUAL(memcmp(out.last, group_mac, FAMA_MAC_BYTES), 0);

    struct fama_nd answer = answer_of(theirs, NULL);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE); /* says nothing */
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, now, theirs, FAMA_NEIGHBOUR_OURS));
    answer = answer_of(theirs, their_mac);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1);
    CU_ASSERT(knows(neighbours, now, theirs, their_mac));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now + 10 * SECOND), 0);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(out.abandoned, 0);
}

static void test_an_answer_nobody_asked_for_teaches_nothing(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    struct fama_nd lie = answer_of(theirs, other_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &lie), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, SECOND, theirs, FAMA_NEIGHBOUR_OURS));
    /* Unasked, while we do ask. */
    lie.is_solicited = false;
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &lie), FAMA_DROP_NONE);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, SECOND, theirs, FAMA_NEIGHBOUR_OURS));
    struct fama_nd answer = answer_of(theirs, their_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &answer), FAMA_DROP_NONE);
    /* Now it is known, and neither a second answer nor a question moves it. */
    lie.is_solicited = true;
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &lie), FAMA_DROP_NONE);
    struct fama_nd question = question_of(theirs, other_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT(knows(neighbours, SECOND, theirs, their_mac));
    fama_neighbours_destroy(neighbours);
}

static void test_a_question_is_answered_once_and_a_probe_to_all(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    struct fama_nd question = question_of(theirs, their_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 1);
    struct fama_nd nd = last_sent();
    CU_ASSERT(nd.kind == FAMA_ND_ADVERTISEMENT && nd.is_solicited && nd.overrides && nd.has_mac);
    CU_ASSERT(fama_address_equal(nd.destination, theirs) && fama_address_equal(nd.target, ours));
    CU_ASSERT_EQUAL(memcmp(nd.mac, our_mac, FAMA_MAC_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(out.last, their_mac, FAMA_MAC_BYTES), 0);
    /* Who knows our link address and asks whether it still is need not say its own. */
    question = question_of(theirs, NULL);
    memcpy(question.destination, ours, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 2);
    CU_ASSERT_EQUAL(memcmp(out.last, their_mac, FAMA_MAC_BYTES), 0);
    /* Who asks the group must. */
    question = question_of(theirs, NULL);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(out.sent, 2);
    struct fama_nd probe = question_of(NULL, NULL);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &probe), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 3);
    nd = last_sent();
    CU_ASSERT(!nd.is_solicited && fama_address_equal(nd.destination, fama_nd_all_nodes));
    /* A neighbour whose address ends as ours does shares our group. */
    question = question_of(theirs, their_mac);
    question.target[4] = 1;
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 3);
    CU_ASSERT_EQUAL(fama_neighbour_counts(neighbours).replies_sent, 3);
    fama_neighbours_destroy(neighbours);
}

static struct fama_neighbours *make_silent(void)
{
    struct fama_neighbour_settings settings = {.prefix_bits = 64, .is_silent = true};
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    memcpy(settings.address, ours, FAMA_ADDRESS_BYTES);
    struct fama_neighbour_output output = {
        .send = on_send, .resolved = on_resolved, .abandoned = on_abandoned};
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(neighbours);
    memset(&out, 0, sizeof out);
    return neighbours;
}

static void test_a_silent_table_learns_and_says_nothing_unasked(void)
{
    struct fama_neighbours *neighbours = make_silent();
    struct fama_nd question = question_of(theirs, their_mac), probe = question_of(NULL, NULL);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, SECOND), 0);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &probe), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 0);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, SECOND, theirs, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, SECOND), 1);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    CU_ASSERT(knows(neighbours, SECOND, theirs, their_mac));
    fama_neighbours_destroy(neighbours);
}

static void test_claims_of_our_address_are_refused(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    struct fama_nd claim = answer_of(ours, other_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &claim), FAMA_DROP_BAD_ND);
    claim = answer_of(theirs, other_mac);
    memcpy(claim.target, ours, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &claim), FAMA_DROP_BAD_ND);
    struct fama_nd question = question_of(ours, other_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(out.sent, 0);
    fama_neighbours_destroy(neighbours);
}

static void test_an_old_entry_in_use_is_confirmed_or_follows_a_moved_neighbour(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    uint64_t now = SECOND;
    struct fama_nd answer = answer_of(theirs, their_mac);
    (void)fama_neighbour_find(neighbours, now, theirs, FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    now += FAMA_NEIGHBOUR_REACHABLE_NS + SECOND;
    CU_ASSERT_PTR_NOT_NULL(fama_neighbour_find(neighbours, now, theirs, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, now), 1);
    CU_ASSERT_EQUAL(memcmp(out.last, their_mac, FAMA_MAC_BYTES), 0);
    CU_ASSERT(fama_address_equal(last_sent().destination, theirs));
    /* One that may not override changes nothing; one that says no link address confirms ours. */
    answer = answer_of(theirs, other_mac);
    answer.overrides = false;
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    CU_ASSERT(knows(neighbours, now, theirs, their_mac));
    answer = answer_of(theirs, NULL);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    uint32_t sent = out.sent;
    (void)fama_neighbour_tick(neighbours, now + 5 * SECOND);
    CU_ASSERT_EQUAL(out.sent, sent); /* it is content */
    CU_ASSERT(knows(neighbours, now, theirs, their_mac));

    now += FAMA_NEIGHBOUR_REACHABLE_NS + SECOND;
    CU_ASSERT(knows(neighbours, now, theirs, their_mac));
    for (int i = 0; i < 2000; i++) {
        now += MS;
        (void)fama_neighbour_tick(neighbours, now);
    }
    /* Nobody answered: everybody is asked, and the old link address is no longer used. */
    CU_ASSERT_EQUAL(out.last[0], 0x33);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, now, theirs, FAMA_NEIGHBOUR_OURS));
    answer = answer_of(theirs, other_mac);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    CU_ASSERT(knows(neighbours, now, theirs, other_mac));
    fama_neighbours_destroy(neighbours);
}

static void test_who_is_beyond_the_link_is_reached_through_a_link_local_gateway(void)
{
    struct fama_neighbours *neighbours = make(router);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, SECOND, distant, FAMA_NEIGHBOUR_OURS));
    (void)fama_neighbour_tick(neighbours, SECOND);
    CU_ASSERT(fama_address_equal(last_sent().target, router));
    struct fama_nd answer = answer_of(router, their_mac);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND, &answer), FAMA_DROP_NONE);
    CU_ASSERT(knows(neighbours, SECOND, distant, their_mac));
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, SECOND, theirs, FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
    neighbours = make(NULL);
    int packet;
    struct fama_endpoint ipv4 = fama_endpoint_from_ipv4(0xc6120009, 1);
    CU_ASSERT(!fama_neighbour_hold(neighbours, SECOND, distant, &packet, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(!fama_neighbour_hold(neighbours, SECOND, ours, &packet, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(!fama_neighbour_hold(neighbours, SECOND, ipv4.address, &packet, FAMA_NEIGHBOUR_OURS));
    fama_neighbours_destroy(neighbours);
}

static void test_strangers_make_no_entries_and_a_flood_of_ours_stays_bounded(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    uint8_t other[FAMA_ADDRESS_BYTES];
    memcpy(other, theirs, sizeof other);
    for (uint32_t i = 0; i < 20000; i++) {
        other[13] = (uint8_t)(i >> 8);
        other[14] = (uint8_t)i;
        struct fama_nd question = question_of(other, other_mac);
        CU_ASSERT_EQUAL(hear(neighbours, SECOND, &question), FAMA_DROP_NONE);
    }
    CU_ASSERT_EQUAL(out.sent, 20000);
    CU_ASSERT_EQUAL(fama_neighbour_tick(neighbours, SECOND), 0);
    uint32_t held = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        other[12] = (uint8_t)(i >> 8);
        other[13] = (uint8_t)i;
        held += fama_neighbour_hold(neighbours, SECOND, other, &out, FAMA_NEIGHBOUR_OURS) ? 1 : 0;
    }
    CU_ASSERT(held - out.abandoned <= FAMA_NEIGHBOURS_ASKING_MAX);
    CU_ASSERT(fama_neighbour_tick(neighbours, SECOND) <= FAMA_NEIGHBOURS_ASKING_MAX);
    fama_neighbours_destroy(neighbours);
    CU_ASSERT_EQUAL(held, out.abandoned);
}

static void test_strangers_with_many_addresses_keep_no_true_neighbour_from_being_found(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    uint64_t now = 2 * SECOND;
    uint8_t stranger[FAMA_ADDRESS_BYTES];
    memcpy(stranger, theirs, sizeof stranger);
    uint32_t number = 0;
    for (uint32_t ms = 0; ms < 200; ms++) {
        now += MS;
        for (uint32_t i = 0; i < 300; i++) {
            number++;
            stranger[12] = (uint8_t)(number >> 8);
            stranger[13] = (uint8_t)number;
            (void)fama_neighbour_hold(neighbours, now, stranger, &out, FAMA_NEIGHBOUR_UNPROVED);
        }
        if (ms == 100) {
            CU_ASSERT(fama_neighbour_hold(neighbours, now, theirs, &number, FAMA_NEIGHBOUR_OURS));
        }
        CU_ASSERT(fama_neighbour_tick(neighbours, now) <= FAMA_NEIGHBOURS_UNPROVED_MAX + 1);
    }
    struct fama_nd answer = answer_of(theirs, their_mac);
    CU_ASSERT_EQUAL(hear(neighbours, now, &answer), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.resolved, 1);
    CU_ASSERT(knows(neighbours, now, theirs, their_mac));
    CU_ASSERT(fama_neighbour_counts(neighbours).unproved_displaced > 0);
    CU_ASSERT(fama_neighbour_counts(neighbours).unproved_refused > 0);
    fama_neighbours_destroy(neighbours);
}

static void test_whoever_has_our_address_or_wants_it_when_we_do_is_noticed(void)
{
    struct fama_neighbours *neighbours = make_new(NULL);
    struct fama_nd probe = question_of(NULL, NULL);
    (void)fama_neighbour_tick(neighbours, SECOND);
    memset(&out, 0, sizeof out);
    /* The defence of one who has it goes to all nodes, for our question came from nobody. */
    struct fama_nd defence = answer_of(ours, other_mac);
    defence.is_solicited = false;
    memcpy(defence.destination, fama_nd_all_nodes, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(hear(neighbours, SECOND + MS, &defence), FAMA_DROP_BAD_ND);
    memcpy(defence.source, theirs, FAMA_ADDRESS_BYTES); /* from another of its addresses */
    CU_ASSERT_EQUAL(hear(neighbours, SECOND + MS, &defence), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(out.sent, 0);
    /* One that asks as we do hears that the address is taken, and is noticed. */
    CU_ASSERT_EQUAL(hear(neighbours, SECOND + MS, &probe), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(out.sent, 1);
    CU_ASSERT(fama_address_equal(last_sent().destination, fama_nd_all_nodes));
    /* Later it is only somebody who may not have it. */
    CU_ASSERT_EQUAL(hear(neighbours, 3 * SECOND, &probe), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 2);
    /* Our own question, brought back by a loop of the link, is no rival. */
    uint8_t bytes[FAMA_ND_FRAME_MAX];
    size_t len = fama_nd_write(&probe, our_mac, their_mac, bytes);
    const struct fama_frame echo = {
        .kind = FAMA_FRAME_ICMPV6,
        .source_mac = our_mac,
        .payload = fama_bytes(bytes + FAMA_ETHERNET_BYTES, len - FAMA_ETHERNET_BYTES)};
    CU_ASSERT_EQUAL(fama_neighbour_input(neighbours, 3 * SECOND, &echo), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(out.sent, 2);
    fama_neighbours_destroy(neighbours);
}

/* ---- Queries of multicast listeners ---- */

struct query {
    bool is_version_1;
    uint16_t code; /* of the longest wait */
    const uint8_t *group;
};

static enum fama_drop hear_query(struct fama_neighbours *neighbours, uint64_t now,
                                 const struct query *query)
{
    uint8_t packet[FAMA_IPV6_BYTES + 8 + 28] = {0x60, [7] = 1, [8] = 0xfe, 0x80, [23] = 5};
    uint16_t len = query->is_version_1 ? 24 : 28;
    uint8_t *message = packet + FAMA_IPV6_BYTES + 8;
    memcpy(packet + 24, query->group != NULL ? query->group : fama_nd_all_nodes,
           FAMA_ADDRESS_BYTES);
    memcpy(packet + FAMA_IPV6_BYTES, (uint8_t[]){58, 0, 5, 2, 0, 0, 1, 0}, 8);
    message[0] = 130;
    message[4] = (uint8_t)(query->code >> 8);
    message[5] = (uint8_t)query->code;
    if (query->group != NULL) {
        memcpy(message + 8, query->group, FAMA_ADDRESS_BYTES);
    }
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(packet + 8, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, len);
    fama_frame_sum_store(message + 2, (uint16_t)~fama_frame_sum(fama_bytes(message, len), sum));
    const struct fama_frame frame = {.kind = FAMA_FRAME_MLD,
                                     .source_mac = their_mac,
                                     .payload =
                                         fama_bytes(packet, (size_t)FAMA_IPV6_BYTES + 8 + len)};
    return fama_neighbour_input(neighbours, now, &frame);
}

/* The type of the message sent last, behind its hop-by-hop options. */
static uint8_t last_type(void)
{
    return out.last[FAMA_ETHERNET_BYTES + FAMA_IPV6_BYTES + 8];
}

/* Lets time pass by the millisecond; returns the number of frames sent. */
static uint32_t pass(struct fama_neighbours *neighbours, uint64_t *now, uint64_t ms)
{
    uint32_t before = out.sent;
    for (uint64_t i = 0; i < ms; i++) {
        *now += MS;
        (void)fama_neighbour_tick(neighbours, *now);
    }
    return out.sent - before;
}

static void test_queries_are_answered_within_their_time_by_one_report(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    uint8_t group[FAMA_ADDRESS_BYTES], other[FAMA_ADDRESS_BYTES];
    uint64_t now = 5 * SECOND;
    fama_nd_group(ours, group);
    fama_nd_group(theirs, other);
    const struct query general = {.code = 1000}, of_group = {.code = 1000, .group = group};
    const struct query of_other = {.code = 1000, .group = other};
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &general), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(out.sent, 0); /* not at once, and not out of turn */
    CU_ASSERT_EQUAL(pass(neighbours, &now, 1001), 1);
    CU_ASSERT_EQUAL(last_type(), 143);
    CU_ASSERT_EQUAL(memcmp(out.last + out.last_len - 16, group, 16), 0);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 3000), 0);
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &of_group), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 1001), 1);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 3000), 0);
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &of_other), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 3000), 0);
    /* A flood of queries that want their answer now gets one a second. */
    const struct query urgent = {.code = 0};
    for (int i = 0; i < 5000; i++) {
        CU_ASSERT_EQUAL(hear_query(neighbours, now, &urgent), FAMA_DROP_NONE);
        (void)pass(neighbours, &now, 1);
    }
    CU_ASSERT(out.sent >= 2 + 5 && out.sent <= 2 + 6);
    fama_neighbours_destroy(neighbours);
}

static void test_a_querier_of_version_1_is_answered_in_it_for_as_long_as_it_counts(void)
{
    struct fama_neighbours *neighbours = make(NULL);
    uint8_t group[FAMA_ADDRESS_BYTES], group_mac[FAMA_MAC_BYTES];
    uint64_t now = 5 * SECOND;
    fama_nd_group(ours, group);
    fama_nd_group_mac(group, group_mac);
    const struct query old = {.is_version_1 = true, .code = 100}, general = {.code = 100};
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &old), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 101), 1);
    CU_ASSERT_EQUAL(last_type(), 131);
    CU_ASSERT_EQUAL(out.last_len, FAMA_MLD_FRAME_BYTES_V1);
    CU_ASSERT_EQUAL(memcmp(out.last, group_mac, FAMA_MAC_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(out.last + FAMA_ETHERNET_BYTES + 24, group, FAMA_ADDRESS_BYTES), 0);
    now += FAMA_MLD_V1_NS;
    (void)fama_neighbour_tick(neighbours, now);
    CU_ASSERT_EQUAL(last_type(), 143);
    now += 2 * SECOND;
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &general), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 101), 1);
    CU_ASSERT_EQUAL(last_type(), 143);
    fama_neighbours_destroy(neighbours);
}

static void test_a_silent_table_answers_no_query(void)
{
    struct fama_neighbours *neighbours = make_silent();
    uint64_t now = SECOND;
    const struct query general = {.code = 10};
    CU_ASSERT_EQUAL(hear_query(neighbours, now, &general), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(pass(neighbours, &now, 2000), 0);
    fama_neighbours_destroy(neighbours);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_our_address_is_asked_for_announced_and_its_group_reported),
        TEST(test_a_neighbour_is_asked_for_in_its_group_and_then_known),
        TEST(test_an_answer_nobody_asked_for_teaches_nothing),
        TEST(test_a_question_is_answered_once_and_a_probe_to_all),
        TEST(test_a_silent_table_learns_and_says_nothing_unasked),
        TEST(test_claims_of_our_address_are_refused),
        TEST(test_an_old_entry_in_use_is_confirmed_or_follows_a_moved_neighbour),
        TEST(test_who_is_beyond_the_link_is_reached_through_a_link_local_gateway),
        TEST(test_strangers_make_no_entries_and_a_flood_of_ours_stays_bounded),
        TEST(test_strangers_with_many_addresses_keep_no_true_neighbour_from_being_found),
        TEST(test_whoever_has_our_address_or_wants_it_when_we_do_is_noticed),
        TEST(test_queries_are_answered_within_their_time_by_one_report),
        TEST(test_a_querier_of_version_1_is_answered_in_it_for_as_long_as_it_counts),
        TEST(test_a_silent_table_answers_no_query),
    };
    return run_suite("neighbours of IPv6", cases, sizeof cases / sizeof cases[0]);
}
