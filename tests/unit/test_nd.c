#include "dataplane/nd.h"

#include <stdlib.h>

#include "dataplane/mld.h"
#include "unit/suite.h"

static const uint8_t our_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 2};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 1};

/* From 2001:db8::1 to the group of 2001:db8::2, asking for it; its checksum worked out apart from this
 * code. */
static const uint8_t known_frame[] = {
    0x33, 0x33, 0xff, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd, 0x60,
    0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x02, 0x87, 0x00, 0x1c, 0x27, 0x00, 0x00,
    0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x02, 0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
};

#define IP_AT      FAMA_ETHERNET_BYTES
#define MESSAGE_AT (IP_AT + FAMA_IPV6_BYTES)
#define OPTIONS_AT (MESSAGE_AT + 24)

static struct fama_nd question(void)
{
    struct fama_nd nd = {.kind = FAMA_ND_SOLICITATION,
                         .has_mac = true,
                         .source = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                         .target = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    memcpy(nd.mac, their_mac, FAMA_MAC_BYTES);
    fama_nd_group(nd.target, nd.destination);
    return nd;
}

static struct fama_nd answer(void)
{
    struct fama_nd nd = {.kind = FAMA_ND_ADVERTISEMENT,
                         .is_solicited = true,
                         .overrides = true,
                         .has_mac = true,
                         .source = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
                         .destination = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                         .target = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    memcpy(nd.mac, our_mac, FAMA_MAC_BYTES);
    return nd;
}

static enum fama_drop read_frame(const uint8_t *frame, size_t len, struct fama_nd *nd)
{
    return fama_nd_read(fama_bytes(frame + IP_AT, len - IP_AT), nd);
}

/* Rewrites the checksum after a test has changed the packet. */
static void mend(uint8_t *frame, size_t len)
{
    uint16_t bytes = (uint16_t)(len - MESSAGE_AT);
    frame[MESSAGE_AT + 2] = 0;
    frame[MESSAGE_AT + 3] = 0;
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(frame + IP_AT + 8, 32), 58, bytes);
    fama_frame_sum_store(frame + MESSAGE_AT + 2,
                         (uint16_t)~fama_frame_sum(fama_bytes(frame + MESSAGE_AT, bytes), sum));
}

static void test_a_written_question_equals_the_hand_computed_one(void)
{
    uint8_t frame[FAMA_ND_FRAME_MAX], group_mac[FAMA_MAC_BYTES];
    struct fama_nd nd = question();
    fama_nd_group_mac(nd.destination, group_mac);
    CU_ASSERT_EQUAL(fama_nd_write(&nd, their_mac, group_mac, frame), sizeof known_frame);
    CU_ASSERT_EQUAL(memcmp(frame, known_frame, sizeof known_frame), 0);
}

static void test_what_is_written_is_read_back(void)
{
    struct fama_nd all[] = {question(), answer(), answer(), question()};
    all[2].is_solicited = false;
    all[2].overrides = false;
    all[2].has_mac = false;
    memcpy(all[2].destination, fama_nd_all_nodes, FAMA_ADDRESS_BYTES);
    memset(all[3].source, 0, FAMA_ADDRESS_BYTES);
    all[3].has_mac = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint8_t frame[FAMA_ND_FRAME_MAX];
        struct fama_nd nd = {0};
        size_t len = fama_nd_write(&all[i], our_mac, their_mac, frame);
        CU_ASSERT_EQUAL(len, sizeof known_frame - (all[i].has_mac ? 0 : 8));
        CU_ASSERT_EQUAL(read_frame(frame, len, &nd), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(nd.kind, all[i].kind);
        CU_ASSERT_EQUAL(nd.is_solicited, all[i].is_solicited);
        CU_ASSERT_EQUAL(nd.overrides, all[i].overrides);
        CU_ASSERT_EQUAL(nd.has_mac, all[i].has_mac);
        CU_ASSERT(!nd.has_mac || memcmp(nd.mac, all[i].mac, FAMA_MAC_BYTES) == 0);
        CU_ASSERT(fama_address_equal(nd.source, all[i].source));
        CU_ASSERT(fama_address_equal(nd.destination, all[i].destination));
        CU_ASSERT(fama_address_equal(nd.target, all[i].target));
    }
}

static void test_any_flipped_bit_is_noticed(void)
{
    for (size_t bit = 8 * (IP_AT + 4); bit < 8 * sizeof known_frame; bit++) {
        bool is_length = bit / 8 < IP_AT + 6; /* the frame's parser has looked at these */
        bool is_protocol = bit / 8 == IP_AT + 6;
        uint8_t frame[sizeof known_frame];
        struct fama_nd nd;
        memcpy(frame, known_frame, sizeof frame);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!is_length && !is_protocol) {
            CU_ASSERT_NOT_EQUAL(read_frame(frame, sizeof frame, &nd), FAMA_DROP_NONE);
        }
    }
}

static void test_every_truncation_is_refused(void)
{
    for (size_t len = IP_AT; len < sizeof known_frame; len++) {
        uint8_t frame[sizeof known_frame];
        struct fama_nd nd;
        memcpy(frame, known_frame, len);
        if (len >= MESSAGE_AT + 4) {
            mend(frame, len);
        }
        enum fama_drop drop = read_frame(frame, len, &nd);
        CU_ASSERT_EQUAL(drop, len == OPTIONS_AT ? FAMA_DROP_NONE : FAMA_DROP_BAD_ND);
    }
}

static void test_what_a_router_has_passed_on_is_refused(void)
{
    for (unsigned int hops = 0; hops < 256; hops++) {
        uint8_t frame[sizeof known_frame];
        struct fama_nd nd;
        memcpy(frame, known_frame, sizeof frame);
        frame[IP_AT + 7] = (uint8_t)hops;
        CU_ASSERT_EQUAL(read_frame(frame, sizeof frame, &nd),
                        hops == 255 ? FAMA_DROP_NONE : FAMA_DROP_BAD_ND);
    }
}

/* Changes one byte and mends the checksum. */
static enum fama_drop read_changed(const struct fama_nd *nd, size_t at, uint8_t value)
{
    uint8_t frame[FAMA_ND_FRAME_MAX];
    struct fama_nd changed;
    size_t len = fama_nd_write(nd, our_mac, their_mac, frame);
    frame[at] = value;
    mend(frame, len);
    return read_frame(frame, len, &changed);
}

static void test_messages_that_break_the_rules_are_refused(void)
{
    struct fama_nd asked = question(), answered = answer();
    CU_ASSERT_EQUAL(read_changed(&asked, MESSAGE_AT + 1, 1), FAMA_DROP_BAD_ND);    /* code */
    CU_ASSERT_EQUAL(read_changed(&asked, MESSAGE_AT + 8, 0xff), FAMA_DROP_BAD_ND); /* a group's */
    CU_ASSERT_EQUAL(read_changed(&asked, IP_AT + 8, 0xff), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed(&asked, OPTIONS_AT + 1, 0), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed(&asked, OPTIONS_AT + 1, 2), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed(&asked, OPTIONS_AT + 2, 3), FAMA_DROP_BAD_ND); /* a group's */
    CU_ASSERT_EQUAL(read_changed(&answered, IP_AT + 24, 0xff), FAMA_DROP_BAD_ND);
    /* One that looks whether an address is taken says nothing of its own, and asks the group. */
    memset(asked.source, 0, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(read_changed(&asked, MESSAGE_AT + 1, 0), FAMA_DROP_BAD_ND);
    asked.has_mac = false;
    CU_ASSERT_EQUAL(read_changed(&asked, MESSAGE_AT + 1, 0), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(read_changed(&asked, IP_AT + 24 + 15, 9), FAMA_DROP_BAD_ND);
}

static void test_other_options_are_passed_over_and_other_kinds_are_not_ours(void)
{
    struct fama_nd asked = question();
    struct fama_nd nd;
    uint8_t frame[sizeof known_frame + 16];
    CU_ASSERT_EQUAL(read_changed(&asked, OPTIONS_AT, 14), FAMA_DROP_NONE); /* a nonce */
    for (unsigned int kind = 0; kind < 256; kind++) {
        enum fama_drop drop = read_changed(&asked, MESSAGE_AT, (uint8_t)kind);
        CU_ASSERT_EQUAL(drop, kind == 135   ? FAMA_DROP_NONE
                              : kind == 136 ? FAMA_DROP_NONE
                                            : FAMA_DROP_NOT_OURS);
    }
    memcpy(frame, known_frame, OPTIONS_AT);
    memset(frame + OPTIONS_AT, 0, 16);
    frame[OPTIONS_AT] = 14;
    frame[OPTIONS_AT + 1] = 2;
    memcpy(frame + OPTIONS_AT + 16, known_frame + OPTIONS_AT, 8);
    frame[IP_AT + 5] = 48;
    mend(frame, sizeof frame);
    CU_ASSERT_EQUAL(read_frame(frame, sizeof frame, &nd), FAMA_DROP_NONE);
    CU_ASSERT(nd.has_mac);
    CU_ASSERT_EQUAL(memcmp(nd.mac, their_mac, FAMA_MAC_BYTES), 0);
}

static void test_a_report_names_our_group(void)
{
    static const uint8_t ours[FAMA_ADDRESS_BYTES] = {0x20, 0x01, 0x0d, 0xb8, [13] = 1, 2, 3};
    uint8_t group[FAMA_ADDRESS_BYTES], frame[FAMA_MLD_FRAME_BYTES];
    fama_nd_group(ours, group);
    fama_mld_write(group, our_mac, frame);
    /* Its checksum, too, worked out apart from this code. */
    static const uint8_t report[] = {0x8f, 0x00, 0x6f, 0x86, 0, 0, 0, 1, 2, 0, 0,    0, 0xff, 2,
                                     0,    0,    0,    0,    0, 0, 0, 0, 0, 1, 0xff, 1, 2,    3};
    CU_ASSERT_EQUAL(memcmp(frame + FAMA_MLD_FRAME_BYTES - sizeof report, report, sizeof report), 0);
    CU_ASSERT_EQUAL(frame[0], 0x33);
    CU_ASSERT_EQUAL(frame[IP_AT + 7], 1);
}

/* A general query of version 2, from fe80::5 to all nodes, for an answer within ten seconds; its checksum was
 * worked out apart from this code. */
static const uint8_t known_query[] = {
    0x60, 0x00, 0x00, 0x00, 0x00, 0x24, 0x00, 0x01, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x3a, 0x00, 0x05, 0x02, 0x00, 0x00, 0x01, 0x00,
    0x82, 0x00, 0x56, 0x92, 0x27, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x7d, 0x00, 0x00,
};

#define QUERY_AT (FAMA_IPV6_BYTES + 8)

static enum fama_drop read_query(const uint8_t *packet, size_t len, struct fama_mld_query *query)
{
    uint8_t *copy = malloc(len); /* so that a sanitizer sees what is read beyond it */
    memcpy(copy, packet, len);
    enum fama_drop drop = fama_mld_read(fama_bytes(copy, len), query);
    free(copy);
    return drop;
}

/* The query with one byte changed and its checksum made right. */
static enum fama_drop read_changed_query(size_t at, uint8_t value, struct fama_mld_query *query)
{
    uint8_t packet[sizeof known_query];
    uint8_t *message = packet + QUERY_AT;
    memcpy(packet, known_query, sizeof packet);
    packet[at] = value;
    memset(message + 2, 0, 2);
    uint16_t sum = fama_frame_pseudo_sum(fama_bytes(packet + 8, 2 * FAMA_ADDRESS_BYTES),
                                         FAMA_PROTOCOL_ICMPV6, 28);
    fama_frame_sum_store(message + 2, (uint16_t)~fama_frame_sum(fama_bytes(message, 28), sum));
    return read_query(packet, sizeof packet, query);
}

static void test_a_query_is_read_and_what_the_rules_forbid_is_refused(void)
{
    struct fama_mld_query query;
    CU_ASSERT_EQUAL(read_query(known_query, sizeof known_query, &query), FAMA_DROP_NONE);
    CU_ASSERT(!query.is_version_1 && fama_address_is_none(query.group));
    CU_ASSERT_EQUAL(query.wait_ms, 10000);
    for (size_t len = 0; len < sizeof known_query; len++) {
        CU_ASSERT_NOT_EQUAL(read_query(known_query, len, &query), FAMA_DROP_NONE);
    }
    for (size_t bit = 0; bit < 8 * (sizeof known_query - QUERY_AT); bit++) {
        uint8_t packet[sizeof known_query];
        memcpy(packet, known_query, sizeof packet);
        packet[QUERY_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
        CU_ASSERT_NOT_EQUAL(read_query(packet, sizeof packet, &query), FAMA_DROP_NONE);
    }
    CU_ASSERT_EQUAL(read_changed_query(7, 2, &query), FAMA_DROP_BAD_ND);    /* hops */
    CU_ASSERT_EQUAL(read_changed_query(8, 0x20, &query), FAMA_DROP_BAD_ND); /* not of the link */
    CU_ASSERT_EQUAL(read_changed_query(FAMA_IPV6_BYTES + 2, 6, &query), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed_query(FAMA_IPV6_BYTES + 3, 7, &query), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed_query(FAMA_IPV6_BYTES + 5, 1, &query), FAMA_DROP_BAD_ND);
    CU_ASSERT_EQUAL(read_changed_query(QUERY_AT + 8, 0x20, &query), FAMA_DROP_BAD_ND); /* group */
    CU_ASSERT_EQUAL(read_changed_query(QUERY_AT + 27, 1, &query), FAMA_DROP_BAD_ND);   /* sources */
    CU_ASSERT_EQUAL(read_changed_query(QUERY_AT, 131, &query), FAMA_DROP_NOT_OURS);
    /* The longest waits have an exponent: mantissa 0xf10, exponent 3 and 7. */
    CU_ASSERT_EQUAL(read_changed_query(QUERY_AT + 4, 0xbf, &query), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(query.wait_ms, 0x1f10u << 6);
    CU_ASSERT_EQUAL(read_changed_query(QUERY_AT + 4, 0xff, &query), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(query.wait_ms, 0x1f10u << 10);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_written_question_equals_the_hand_computed_one),
        TEST(test_what_is_written_is_read_back),
        TEST(test_any_flipped_bit_is_noticed),
        TEST(test_every_truncation_is_refused),
        TEST(test_what_a_router_has_passed_on_is_refused),
        TEST(test_messages_that_break_the_rules_are_refused),
        TEST(test_other_options_are_passed_over_and_other_kinds_are_not_ours),
        TEST(test_a_report_names_our_group),
        TEST(test_a_query_is_read_and_what_the_rules_forbid_is_refused),
    };
    return run_suite("neighbour discovery's messages", cases, sizeof cases / sizeof cases[0]);
}
