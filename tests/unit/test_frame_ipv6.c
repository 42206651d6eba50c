#define _GNU_SOURCE
#include "dataplane/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/neighbour.h"
#include "unit/suite.h"

#define OUR_PORT   7052
#define THEIR_PORT 7051

static const uint8_t our_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 2};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 1};

static const struct fama_frame_receiver us = {
    .mac = {2, 0, 0, 0, 0, 2},
    .endpoint = {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}, .port = OUR_PORT},
};
static const struct fama_endpoint them = {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                                          .port = THEIR_PORT};

/* "fama!" from [2001:db8::1]:7051 to [2001:db8::2]:7052, its checksum worked out apart from this code. */
static const uint8_t known_frame[] = {
    0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd,
    0x60, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x1b, 0x8b,
    0x1b, 0x8c, 0x00, 0x0d, 0x78, 0x85, 0x66, 0x61, 0x6d, 0x61, 0x21,
};

#define IP_AT      FAMA_ETHERNET_BYTES
#define UDP_AT     (IP_AT + FAMA_IPV6_BYTES)
#define PAYLOAD_AT FAMA_FRAME_HEADER_MAX

static enum fama_drop parse(const uint8_t *frame, size_t len, struct fama_frame *parsed)
{
    return fama_frame_parse(fama_bytes(frame, len), &us, 0, parsed);
}

static struct fama_frame_ends ends_to_us(void)
{
    struct fama_frame_ends ends = {.source = them, .target = us.endpoint};
    memcpy(ends.source_mac, their_mac, FAMA_MAC_BYTES);
    memcpy(ends.target_mac, our_mac, FAMA_MAC_BYTES);
    return ends;
}

/* The known frame with one byte changed, and its sums not looked at. */
static enum fama_drop parse_changed(size_t at, uint8_t value)
{
    uint8_t frame[sizeof known_frame];
    struct fama_frame parsed;
    memcpy(frame, known_frame, sizeof frame);
    frame[at] = value;
    return fama_frame_parse(fama_bytes(frame, sizeof frame), &us, FAMA_FRAME_CHECKED_UDP, &parsed);
}

static void test_a_written_frame_equals_the_hand_computed_one(void)
{
    struct fama_frame_ends ends = ends_to_us();
    uint8_t frame[sizeof known_frame];
    memcpy(frame + PAYLOAD_AT, "fama!", 5);
    fama_frame_write(frame, &ends, 5, fama_frame_sum(fama_bytes(frame + PAYLOAD_AT, 5), 0));
    CU_ASSERT_EQUAL(memcmp(frame, known_frame, sizeof known_frame), 0);
    CU_ASSERT_EQUAL(fama_frame_header_bytes(them.address), PAYLOAD_AT);
    CU_ASSERT_EQUAL(fama_frame_ip_udp_bytes(them.address), 48);
}

static void test_headers_are_used_again_or_left_to_a_port(void)
{
    struct fama_frame_ends ends = ends_to_us();
    uint8_t frame[sizeof known_frame];
    const struct fama_bytes payload = fama_bytes_of_text("fama!");
    memcpy(frame + PAYLOAD_AT, payload.at, payload.len);
    fama_frame_write(frame, &ends, 5, 0);
    uint16_t sum = fama_frame_sum_without_payload(frame, PAYLOAD_AT);
    fama_frame_set_checksum(frame, PAYLOAD_AT, sum, fama_frame_sum(payload, 0));
    CU_ASSERT_EQUAL(memcmp(frame, known_frame, sizeof known_frame), 0);
    /* What a port does: sums up UDP with what it finds in place of the checksum. */
    fama_frame_leave_checksums(frame, PAYLOAD_AT);
    uint16_t computed =
        (uint16_t)~fama_frame_sum(fama_bytes(frame + UDP_AT, sizeof frame - UDP_AT), 0);
    fama_frame_sum_store(frame + UDP_AT + 6, computed);
    CU_ASSERT_EQUAL(memcmp(frame, known_frame, sizeof known_frame), 0);
}

static void test_the_known_frame_is_taken_with_its_source_and_payload(void)
{
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(known_frame, sizeof known_frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_DATAGRAM);
    CU_ASSERT(fama_endpoint_equal(&parsed.source, &them));
    CU_ASSERT(fama_bytes_equal(parsed.payload, fama_bytes_of_text("fama!")));
}

static void test_every_length_of_payload_survives_writing_and_parsing(void)
{
    static uint8_t frame[PAYLOAD_AT + 8952];
    struct fama_frame_ends ends = ends_to_us();
    for (uint16_t len = 0; len <= 8952; len = (uint16_t)(len + (len < 1500 ? 1 : 97))) {
        struct fama_frame parsed;
        memset(frame + PAYLOAD_AT, len & 0xff, len);
        fama_frame_write(frame, &ends, len, fama_frame_sum(fama_bytes(frame + PAYLOAD_AT, len), 0));
        CU_ASSERT_EQUAL(parse(frame, PAYLOAD_AT + (size_t)len, &parsed), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(parsed.payload.len, len);
    }
}

static void test_any_flipped_bit_of_the_datagram_is_noticed(void)
{
    for (size_t bit = 0; bit < 8 * sizeof known_frame; bit++) {
        uint8_t frame[sizeof known_frame];
        struct fama_frame parsed;
        memcpy(frame, known_frame, sizeof frame);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        size_t byte = bit / 8;
        bool is_source_mac = byte >= FAMA_MAC_BYTES && byte < 2 * FAMA_MAC_BYTES;
        /* No sum covers traffic class, flow label and hop limit: routers may change them. */
        bool is_routers = (bit >= 8 * IP_AT && bit < 8 * (IP_AT + 4) && (frame[IP_AT] >> 4) == 6) ||
                          byte == IP_AT + 7;
        enum fama_drop drop = parse(frame, sizeof frame, &parsed);
        bool is_taken = drop == FAMA_DROP_NONE && parsed.kind == FAMA_FRAME_DATAGRAM;
        CU_ASSERT_EQUAL(is_taken, is_source_mac || is_routers);
    }
}

static void test_every_truncation_is_refused_and_padding_is_cut_off(void)
{
    struct fama_frame parsed;
    for (size_t len = 0; len < sizeof known_frame; len++) {
        CU_ASSERT_EQUAL(parse(known_frame, len, &parsed), FAMA_DROP_BAD_FRAME);
    }
    uint8_t frame[sizeof known_frame + 9] = {0};
    memcpy(frame, known_frame, sizeof known_frame);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.payload.len, 5);
    CU_ASSERT_EQUAL(parse_changed(IP_AT + 5, 0x0e), FAMA_DROP_BAD_FRAME); /* beyond the frame */
    CU_ASSERT_EQUAL(parse_changed(IP_AT + 5, 0x0c), FAMA_DROP_BAD_FRAME); /* UDP beyond IP */
    CU_ASSERT_EQUAL(parse_changed(IP_AT + 5, 0x07), FAMA_DROP_BAD_FRAME); /* no room for UDP */
    CU_ASSERT_EQUAL(parse_changed(IP_AT, 0x45), FAMA_DROP_BAD_FRAME);
}

static void test_each_next_header_has_its_verdict(void)
{
    static const uint8_t extensions[] = {0, 43, 50, 51, 60, 135, 139, 140, 253, 254};
    for (unsigned int next = 0; next < 256; next++) {
        enum fama_drop wanted = next == 17 || next == 58 ? FAMA_DROP_NONE
                                : next == 44             ? FAMA_DROP_FRAGMENT
                                : memchr(extensions, (int)next, sizeof extensions) != NULL
                                    ? FAMA_DROP_EXTENSION_HEADER
                                    : FAMA_DROP_NOT_OURS;
        CU_ASSERT_EQUAL(parse_changed(IP_AT + 6, (uint8_t)next), wanted);
    }
}

static void test_a_datagram_without_checksum_is_refused(void)
{
    uint8_t frame[sizeof known_frame];
    struct fama_frame parsed;
    memcpy(frame, known_frame, sizeof frame);
    frame[UDP_AT + 6] = 0;
    frame[UDP_AT + 7] = 0;
    struct fama_bytes bytes = fama_bytes(frame, sizeof frame);
    CU_ASSERT_EQUAL(fama_frame_parse(bytes, &us, 0, &parsed), FAMA_DROP_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(fama_frame_parse(bytes, &us, FAMA_FRAME_CHECKED_UDP, &parsed),
                    FAMA_DROP_BAD_CHECKSUM);
}

static void test_sources_that_no_host_has_are_refused(void)
{
    static const uint8_t bad[][FAMA_ADDRESS_BYTES] = {
        {0},
        {[15] = 1},
        {0xff, 0x02, [15] = 1},
        {[10] = 0xff, 0xff, 198, 18, 0, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t frame[sizeof known_frame];
        struct fama_frame parsed;
        memcpy(frame, known_frame, sizeof frame);
        memcpy(frame + IP_AT + 8, bad[i], FAMA_ADDRESS_BYTES);
        CU_ASSERT_EQUAL(
            fama_frame_parse(fama_bytes(frame, sizeof frame), &us, FAMA_FRAME_CHECKED_UDP, &parsed),
            FAMA_DROP_BAD_FRAME);
    }
}

static void test_only_icmpv6_comes_in_by_our_group(void)
{
    uint8_t frame[sizeof known_frame];
    struct fama_frame parsed;
    const uint8_t group_mac[] = {0x33, 0x33, 0xff, 0, 0, 2};
    const uint8_t group[FAMA_ADDRESS_BYTES] = {0xff, 2, [11] = 1, [12] = 0xff, [15] = 2};
    memcpy(frame, known_frame, sizeof frame);
    memcpy(frame, group_mac, sizeof group_mac);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
    memcpy(frame + IP_AT + 24, group, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
    frame[IP_AT + 6] = FAMA_PROTOCOL_ICMPV6;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_ICMPV6);
    CU_ASSERT_EQUAL(parsed.payload.len, FAMA_IPV6_BYTES + 13);
    CU_ASSERT_EQUAL(memcmp(parsed.source_mac, their_mac, FAMA_MAC_BYTES), 0);
    frame[5] = 3; /* another group's */
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
    frame[5] = 2;
    frame[IP_AT + 39] = 3;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
}

/* The defence of an address, and queries of multicast listeners, go to all nodes. */
static void test_only_icmpv6_and_queries_come_in_for_all_nodes(void)
{
    uint8_t frame[sizeof known_frame];
    struct fama_frame parsed;
    const uint8_t all_mac[] = {0x33, 0x33, 0, 0, 0, 1};
    const uint8_t all[FAMA_ADDRESS_BYTES] = {0xff, 2, [15] = 1};
    const uint8_t options[] = {FAMA_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
    memcpy(frame, known_frame, sizeof frame);
    memcpy(frame, all_mac, sizeof all_mac);
    memcpy(frame + IP_AT + 24, all, FAMA_ADDRESS_BYTES);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
    frame[IP_AT + 6] = FAMA_PROTOCOL_ICMPV6;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_ICMPV6);
    frame[IP_AT + 6] = 0;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_EXTENSION_HEADER);
    memcpy(frame + IP_AT + FAMA_IPV6_BYTES, options, sizeof options);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_MLD);
    CU_ASSERT_EQUAL(parsed.payload.len, FAMA_IPV6_BYTES + 13);
    frame[IP_AT + FAMA_IPV6_BYTES + 1] = 1; /* more options than queries have */
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_EXTENSION_HEADER);
    frame[IP_AT + FAMA_IPV6_BYTES + 1] = 0;
    frame[IP_AT + FAMA_IPV6_BYTES] = FAMA_PROTOCOL_UDP;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_EXTENSION_HEADER);
}

static void test_the_other_family_is_not_ours(void)
{
    struct fama_frame parsed;
    uint8_t arp[60];
    memset(arp, 0xff, sizeof arp);
    arp[12] = 0x08;
    arp[13] = 0x06;
    CU_ASSERT_EQUAL(parse(arp, sizeof arp, &parsed), FAMA_DROP_NOT_OURS);
    CU_ASSERT_EQUAL(parse_changed(12, 0x08), FAMA_DROP_NOT_OURS);
    struct fama_frame_receiver ipv4 = us;
    ipv4.endpoint = fama_endpoint_from_ipv4(0xc6120002, OUR_PORT);
    CU_ASSERT_EQUAL(
        fama_frame_parse(fama_bytes(known_frame, sizeof known_frame), &ipv4, 0, &parsed),
        FAMA_DROP_NOT_OURS);
}

/* ---- Against the kernel's own IPv6, UDP and ND, over a tap in a network namespace of our own ---- */

static int open_tap(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return -1;
    }
    int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_name = "famatest", .ifr_flags = IFF_TAP | IFF_NO_PI};
    if (tap >= 0 &&
        (ioctl(tap, TUNSETIFF, &request) != 0 ||
         system("ip addr add 2001:db8::1/64 dev famatest nodad && ip link set famatest up") != 0)) {
        (void)close(tap);
        return -1;
    }
    return tap;
}

static void write_to_tap(void *context, struct fama_bytes frame)
{
    CU_ASSERT_EQUAL(write(*(int *)context, frame.at, frame.len), (ssize_t)frame.len);
}

static void keep_mac(void *context, void *packet, const uint8_t mac[FAMA_MAC_BYTES])
{
    (void)context;
    memcpy(packet, mac, FAMA_MAC_BYTES);
}

static void lose(void *context, void *packet)
{
    (void)context;
    (void)packet;
}

/* Reads frames, answering questions, until a datagram for us comes or the kernel says no more. */
static bool read_from_tap(int tap, struct fama_neighbours *neighbours, uint8_t *buffer, size_t size,
                          struct fama_frame *frame)
{
    struct pollfd ready = {.fd = tap, .events = POLLIN};
    while (poll(&ready, 1, 300) == 1) {
        ssize_t len = read(tap, buffer, size);
        if (len < 0 || parse(buffer, (size_t)len, frame) != FAMA_DROP_NONE) {
            continue;
        }
        if (frame->kind == FAMA_FRAME_DATAGRAM) {
            return true;
        }
        CU_ASSERT_EQUAL(fama_neighbour_input(neighbours, 1, frame), FAMA_DROP_NONE);
    }
    return false;
}

static void talk_to_kernel(int tap, int kernel, struct fama_neighbours *neighbours)
{
    uint8_t buffer[2048], kernel_mac[FAMA_MAC_BYTES] = {0};
    struct fama_frame frame;
    CU_ASSERT(fama_neighbour_hold(neighbours, 1, them.address, kernel_mac, FAMA_NEIGHBOUR_OURS));
    (void)fama_neighbour_tick(neighbours, 1);
    (void)read_from_tap(tap, neighbours, buffer, sizeof buffer, &frame);
    const uint8_t *found = fama_neighbour_find(neighbours, 2, them.address, FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(memcmp(found, kernel_mac, FAMA_MAC_BYTES), 0);

    struct fama_frame_ends ends = {.source = us.endpoint, .target = them};
    memcpy(ends.source_mac, our_mac, FAMA_MAC_BYTES);
    memcpy(ends.target_mac, kernel_mac, FAMA_MAC_BYTES);
    for (uint16_t len = 1; len <= 1452; len = (uint16_t)(len * 3 + 1)) {
        uint8_t received[2048];
        memset(buffer + PAYLOAD_AT, len & 0xff, len);
        fama_frame_write(buffer, &ends, len,
                         fama_frame_sum(fama_bytes(buffer + PAYLOAD_AT, len), 0));
        CU_ASSERT_EQUAL(write(tap, buffer, PAYLOAD_AT + (size_t)len), PAYLOAD_AT + len);
        struct sockaddr_in6 from = {0};
        socklen_t from_len = sizeof from;
        CU_ASSERT_EQUAL(
            recvfrom(kernel, received, sizeof received, 0, (struct sockaddr *)&from, &from_len),
            len);
        CU_ASSERT_EQUAL(memcmp(received, buffer + PAYLOAD_AT, len), 0);
        CU_ASSERT_EQUAL(ntohs(from.sin6_port), OUR_PORT);

        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(OUR_PORT)};
        memcpy(&to.sin6_addr, us.endpoint.address, FAMA_ADDRESS_BYTES);
        CU_ASSERT_EQUAL(sendto(kernel, received, len, 0, (struct sockaddr *)&to, sizeof to), len);
        CU_ASSERT_FATAL(read_from_tap(tap, neighbours, buffer, sizeof buffer, &frame));
        CU_ASSERT(fama_bytes_equal(frame.payload, fama_bytes(received, len)));
        CU_ASSERT(fama_endpoint_equal(&frame.source, &them));
    }
}

static void test_the_kernel_and_we_understand_each_others_frames(void)
{
    int tap = open_tap();
    if (tap < 0) {
        fprintf(
            stderr,
            "\n*** NO TAP DEVICE OR NO IPv6 HERE (%s; needs root and /dev/net/tun): NOT TESTED: "
            "frames against the kernel ***\n",
            strerror(errno));
        return;
    }
    struct fama_neighbour_settings settings = {.prefix_bits = 64};
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    memcpy(settings.address, us.endpoint.address, FAMA_ADDRESS_BYTES);
    struct fama_neighbour_output output = {
        .context = &tap, .send = write_to_tap, .resolved = keep_mac, .abandoned = lose};
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    int kernel = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(THEIR_PORT)};
    memcpy(&address.sin6_addr, them.address, FAMA_ADDRESS_BYTES);
    struct timeval limit = {.tv_sec = 2};
    CU_ASSERT_EQUAL_FATAL(setsockopt(kernel, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    CU_ASSERT_EQUAL_FATAL(bind(kernel, (struct sockaddr *)&address, sizeof address), 0);
    talk_to_kernel(tap, kernel, neighbours);
    fama_neighbours_destroy(neighbours);
    (void)close(kernel);
    (void)close(tap);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_written_frame_equals_the_hand_computed_one),
        TEST(test_headers_are_used_again_or_left_to_a_port),
        TEST(test_the_known_frame_is_taken_with_its_source_and_payload),
        TEST(test_every_length_of_payload_survives_writing_and_parsing),
        TEST(test_any_flipped_bit_of_the_datagram_is_noticed),
        TEST(test_every_truncation_is_refused_and_padding_is_cut_off),
        TEST(test_each_next_header_has_its_verdict),
        TEST(test_a_datagram_without_checksum_is_refused),
        TEST(test_sources_that_no_host_has_are_refused),
        TEST(test_only_icmpv6_comes_in_by_our_group),
        TEST(test_only_icmpv6_and_queries_come_in_for_all_nodes),
        TEST(test_the_other_family_is_not_ours),
        TEST(test_the_kernel_and_we_understand_each_others_frames),
    };
    return run_suite("frames of IPv6", cases, sizeof cases / sizeof cases[0]);
}
