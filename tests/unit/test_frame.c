#define _GNU_SOURCE
#include "dataplane/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "dataplane/neighbour.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define OUR_IPV4   0xc6120002u /* 198.18.0.2 */
#define THEIR_IPV4 0xc6120001u
#define OUR_PORT   7052
#define THEIR_PORT 7051

static const uint8_t our_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 2};
static const uint8_t their_mac[FAMA_MAC_BYTES] = {2, 0, 0, 0, 0, 1};

static const struct fama_frame_receiver us = {
    .mac = {2, 0, 0, 0, 0, 2},
    .endpoint = {.address = {[10] = 0xff, 0xff, 198, 18, 0, 2}, .port = OUR_PORT},
};

/* "fama!" from 198.18.0.1:7051 to 198.18.0.2:7052, checksums worked out apart from this code. */
static const uint8_t known_frame[] = {
    0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x45, 0x00,
    0x00, 0x21, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xae, 0xa4, 0xc6, 0x12, 0x00, 0x01, 0xc6, 0x12,
    0x00, 0x02, 0x1b, 0x8b, 0x1b, 0x8c, 0x00, 0x0d, 0x47, 0xd2, 0x66, 0x61, 0x6d, 0x61, 0x21,
};

#define HEADER_BYTES (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES + FAMA_UDP_BYTES)
#define IP_AT        FAMA_ETHERNET_BYTES
#define UDP_AT       (FAMA_ETHERNET_BYTES + FAMA_IPV4_BYTES)
#define PAYLOAD_AT   HEADER_BYTES

static enum fama_drop parse(const uint8_t *frame, size_t len, struct fama_frame *parsed)
{
    return fama_frame_parse(fama_bytes(frame, len), &us, 0, parsed);
}

/* Rewrites the IPv4 header's checksum after a test has changed the header. */
static void mend_ip(uint8_t *frame)
{
    frame[IP_AT + 10] = 0;
    frame[IP_AT + 11] = 0;
    uint16_t sum = (uint16_t)~fama_frame_sum(fama_bytes(frame + IP_AT, FAMA_IPV4_BYTES), 0);
    memcpy(frame + IP_AT + 10, &sum, sizeof sum);
}

static void test_a_written_frame_equals_the_hand_computed_one(void)
{
    struct fama_frame_ends ends = {
        .source = fama_endpoint_from_ipv4(THEIR_IPV4, THEIR_PORT),
        .target = fama_endpoint_from_ipv4(OUR_IPV4, OUR_PORT),
    };
    memcpy(ends.source_mac, their_mac, FAMA_MAC_BYTES);
    memcpy(ends.target_mac, our_mac, FAMA_MAC_BYTES);
    uint8_t frame[sizeof known_frame];
    memcpy(frame + PAYLOAD_AT, "fama!", 5);
    fama_frame_write(frame, &ends, 5, fama_frame_sum(fama_bytes(frame + PAYLOAD_AT, 5), 0));
    CU_ASSERT_EQUAL(memcmp(frame, known_frame, sizeof known_frame), 0);
}

static void test_the_known_frame_is_taken_with_its_source_and_payload(void)
{
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(known_frame, sizeof known_frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_DATAGRAM);
    CU_ASSERT_EQUAL(fama_address_to_ipv4(parsed.source.address), THEIR_IPV4);
    CU_ASSERT_EQUAL(parsed.source.port, THEIR_PORT);
    CU_ASSERT(fama_bytes_equal(parsed.payload, fama_bytes_of_text("fama!")));
}

static void test_a_sum_in_pieces_equals_the_sum_of_the_whole(void)
{
    uint8_t bytes[1501];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof bytes; len++) {
        /* The plain definition of RFC 1071: add 16-bit words, then the carries. */
        uint32_t plain = 0;
        for (size_t i = 0; i < len; i += 2) {
            plain += (uint32_t)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
        }
        plain = (plain >> 16) + (plain & 0xffff);
        plain = (plain >> 16) + (plain & 0xffff);
        CU_ASSERT_EQUAL(ntohs(fama_frame_sum(fama_bytes(bytes, len), 0)), plain);
        size_t cut = (len / 3) & ~(size_t)1;
        uint16_t first = fama_frame_sum(fama_bytes(bytes, cut), 0);
        CU_ASSERT_EQUAL(fama_frame_sum(fama_bytes(bytes + cut, len - cut), first),
                        fama_frame_sum(fama_bytes(bytes, len), 0));
    }
}

/* What a relay does: it changes the start of the payload, and sums only that. */
static void test_the_sum_of_a_verified_payload_is_known_from_the_headers(void)
{
    uint64_t state = test_seed("payloads");
    struct fama_frame_ends ends = {
        .source = fama_endpoint_from_ipv4(THEIR_IPV4, THEIR_PORT),
        .target = fama_endpoint_from_ipv4(OUR_IPV4, OUR_PORT),
    };
    memcpy(ends.target_mac, our_mac, FAMA_MAC_BYTES);
    for (size_t len = 8; len < 300; len++) {
        uint8_t frame[HEADER_BYTES + 300];
        uint8_t *payload = frame + PAYLOAD_AT;
        for (size_t i = 0; i < len; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            payload[i] = (uint8_t)(state >> 56);
        }
        uint16_t sum = fama_frame_sum(fama_bytes(payload, len), 0);
        fama_frame_write(frame, &ends, (uint16_t)len, sum);
        struct fama_frame parsed;
        CU_ASSERT_EQUAL_FATAL(parse(frame, HEADER_BYTES + len, &parsed), FAMA_DROP_NONE);
        CU_ASSERT(parsed.has_sum);
        uint16_t rest = fama_frame_sum_without(fama_bytes(payload, 8), parsed.sum);
        payload[4]++;
        fama_frame_write(frame, &ends, (uint16_t)len, fama_frame_sum(fama_bytes(payload, 8), rest));
        CU_ASSERT_EQUAL(parse(frame, HEADER_BYTES + len, &parsed), FAMA_DROP_NONE);
        rest ^= 0x100;
        fama_frame_write(frame, &ends, (uint16_t)len, fama_frame_sum(fama_bytes(payload, 8), rest));
        CU_ASSERT_EQUAL(parse(frame, HEADER_BYTES + len, &parsed), FAMA_DROP_BAD_CHECKSUM);
    }
}

static void test_a_sum_that_nobody_here_verified_is_not_known(void)
{
    uint8_t frame[sizeof known_frame];
    struct fama_frame parsed;
    memcpy(frame, known_frame, sizeof frame);
    CU_ASSERT_EQUAL(
        fama_frame_parse(fama_bytes(frame, sizeof frame), &us, FAMA_FRAME_CHECKED_UDP, &parsed),
        FAMA_DROP_NONE);
    CU_ASSERT(!parsed.has_sum);
    memset(frame + UDP_AT + 6, 0, 2);
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT(!parsed.has_sum);
}

static void test_every_length_of_payload_survives_writing_and_parsing(void)
{
    uint8_t frame[HEADER_BYTES + 1472];
    struct fama_frame_ends ends = {.source = fama_endpoint_from_ipv4(THEIR_IPV4, 1),
                                   .target = fama_endpoint_from_ipv4(OUR_IPV4, OUR_PORT)};
    memcpy(ends.target_mac, our_mac, FAMA_MAC_BYTES);
    for (uint16_t len = 0; len <= 1472; len++) {
        memset(frame + PAYLOAD_AT, len & 0xff, len);
        fama_frame_write(frame, &ends, len, fama_frame_sum(fama_bytes(frame + PAYLOAD_AT, len), 0));
        struct fama_frame parsed;
        CU_ASSERT_EQUAL(parse(frame, PAYLOAD_AT + (size_t)len, &parsed), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(parsed.payload.len, len);
    }
}

static void test_a_checksum_of_zero_is_sent_as_all_ones(void)
{
    /* Two payload bytes chosen so that everything else's sum is their complement. */
    struct fama_frame_ends ends = {.source = fama_endpoint_from_ipv4(THEIR_IPV4, THEIR_PORT),
                                   .target = fama_endpoint_from_ipv4(OUR_IPV4, OUR_PORT)};
    memcpy(ends.target_mac, our_mac, FAMA_MAC_BYTES);
    uint8_t frame[HEADER_BYTES + 2] = {0};
    fama_frame_write(frame, &ends, 2, 0);
    memcpy(frame + PAYLOAD_AT, frame + UDP_AT + 6, 2);
    fama_frame_write(frame, &ends, 2, fama_frame_sum(fama_bytes(frame + PAYLOAD_AT, 2), 0));
    CU_ASSERT_EQUAL(frame[UDP_AT + 6], 0xff);
    CU_ASSERT_EQUAL(frame[UDP_AT + 7], 0xff);
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
}

static void test_link_padding_is_not_part_of_the_payload(void)
{
    uint8_t frame[60] = {0};
    memcpy(frame, known_frame, sizeof known_frame);
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.payload.len, 5);
}

static void test_a_datagram_without_udp_checksum_is_taken(void)
{
    uint8_t frame[sizeof known_frame];
    memcpy(frame, known_frame, sizeof frame);
    frame[UDP_AT + 6] = 0;
    frame[UDP_AT + 7] = 0;
    frame[PAYLOAD_AT] ^= 1;
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
}

static void test_any_flipped_bit_of_the_datagram_is_noticed(void)
{
    for (size_t bit = 0; bit < 8 * sizeof known_frame; bit++) {
        uint8_t frame[sizeof known_frame];
        memcpy(frame, known_frame, sizeof frame);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct fama_frame parsed;
        enum fama_drop drop = parse(frame, sizeof frame, &parsed);
        bool is_source_mac = bit / 8 >= FAMA_MAC_BYTES && bit / 8 < 2 * FAMA_MAC_BYTES;
        CU_ASSERT_EQUAL(drop == FAMA_DROP_NONE, is_source_mac);
    }
}

static void test_a_port_that_checked_the_sums_is_believed(void)
{
    uint8_t frame[sizeof known_frame];
    memcpy(frame, known_frame, sizeof frame);
    frame[UDP_AT + 6] ^= 1;
    frame[IP_AT + 10] ^= 1;
    struct fama_frame parsed;
    struct fama_bytes bytes = fama_bytes(frame, sizeof frame);
    CU_ASSERT_EQUAL(fama_frame_parse(bytes, &us, 0, &parsed), FAMA_DROP_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(fama_frame_parse(bytes, &us, FAMA_FRAME_CHECKED_IP, &parsed),
                    FAMA_DROP_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(
        fama_frame_parse(bytes, &us, FAMA_FRAME_CHECKED_IP | FAMA_FRAME_CHECKED_UDP, &parsed),
        FAMA_DROP_NONE);
}

static void test_every_truncation_is_refused(void)
{
    for (size_t len = 0; len < sizeof known_frame; len++) {
        struct fama_frame parsed;
        CU_ASSERT_EQUAL(parse(known_frame, len, &parsed), FAMA_DROP_BAD_FRAME);
    }
}

static void test_fragments_are_refused_by_name(void)
{
    const uint8_t flags[] = {0x20, 0x00, 0x1f};
    const uint8_t offsets[] = {0x00, 0x01, 0xff};
    for (size_t i = 0; i < sizeof flags; i++) {
        uint8_t frame[sizeof known_frame];
        memcpy(frame, known_frame, sizeof frame);
        frame[IP_AT + 6] = flags[i];
        frame[IP_AT + 7] = offsets[i];
        mend_ip(frame);
        struct fama_frame parsed;
        CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_FRAGMENT);
    }
}

static void test_ip_options_and_contradicting_lengths_are_malformed(void)
{
    struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        {IP_AT, 0x46},     /* five words of header and one of options */
        {IP_AT, 0x44},     /* a header shorter than a header */
        {IP_AT, 0x65},     /* not version 4 */
        {IP_AT + 3, 0x22}, /* longer than the frame */
        {IP_AT + 3, 0x20}, /* UDP longer than IP */
        {IP_AT + 3, 0x13}, /* shorter than its header */
        {IP_AT + 3, 0x1b}, /* no room for UDP */
        {UDP_AT + 5, 0x0c}, {UDP_AT + 5, 0x07},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t frame[sizeof known_frame];
        memcpy(frame, known_frame, sizeof frame);
        frame[changes[i].at] = changes[i].value;
        mend_ip(frame);
        struct fama_frame parsed;
        CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_BAD_FRAME);
    }
}

static void test_what_is_for_others_is_not_ours(void)
{
    const size_t changed[] = {0, 12, IP_AT + 9, IP_AT + 19, UDP_AT + 3};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        uint8_t frame[sizeof known_frame];
        memcpy(frame, known_frame, sizeof frame);
        frame[changed[i]] ^= 0x10;
        mend_ip(frame);
        struct fama_frame parsed;
        CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
    }
    uint8_t frame[sizeof known_frame];
    memcpy(frame, known_frame, sizeof frame);
    memset(frame, 0xff, FAMA_MAC_BYTES);
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NOT_OURS);
}

static void test_broadcast_arp_is_told_apart(void)
{
    uint8_t frame[60];
    memset(frame, 0xff, sizeof frame);
    frame[12] = 0x08;
    frame[13] = 0x06;
    struct fama_frame parsed;
    CU_ASSERT_EQUAL(parse(frame, sizeof frame, &parsed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(parsed.kind, FAMA_FRAME_ARP);
    CU_ASSERT_EQUAL(parsed.payload.len, 46);
}

/* ---- Against the kernel's own IPv4, UDP and ARP, over a tap in a network namespace of our own ---- */

static int set_interface(const char *name)
{
    struct ifreq request = {0};
    struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) {
        return -1;
    }
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(THEIR_IPV4);
    int status = ioctl(control, SIOCSIFADDR, &request);
    address->sin_addr.s_addr = htonl(0xffffff00);
    status |= ioctl(control, SIOCSIFNETMASK, &request);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    status |= ioctl(control, SIOCSIFFLAGS, &request);
    (void)close(control);
    return status;
}

static int open_tap(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return -1;
    }
    int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_name = "famatest", .ifr_flags = IFF_TAP | IFF_NO_PI};
    if (tap >= 0 && (ioctl(tap, TUNSETIFF, &request) != 0 || set_interface("famatest") != 0)) {
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

/* Reads frames, answering ARP, until a datagram for us comes or the kernel says no more. */
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
    const struct fama_endpoint theirs = fama_endpoint_from_ipv4(THEIR_IPV4, THEIR_PORT);
    CU_ASSERT_PTR_NULL(fama_neighbour_find(neighbours, 1, theirs.address, FAMA_NEIGHBOUR_OURS));
    CU_ASSERT(fama_neighbour_hold(neighbours, 1, theirs.address, kernel_mac, FAMA_NEIGHBOUR_OURS));
    (void)fama_neighbour_tick(neighbours, 1);
    (void)read_from_tap(tap, neighbours, buffer, sizeof buffer, &frame);
    const uint8_t *found = fama_neighbour_find(neighbours, 2, theirs.address, FAMA_NEIGHBOUR_OURS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(memcmp(found, kernel_mac, FAMA_MAC_BYTES), 0);

    struct fama_frame_ends ends = {.source = us.endpoint, .target = theirs};
    memcpy(ends.source_mac, our_mac, FAMA_MAC_BYTES);
    memcpy(ends.target_mac, kernel_mac, FAMA_MAC_BYTES);
    for (uint16_t len = 1; len <= 1472; len = (uint16_t)(len * 3 + 1)) {
        uint8_t received[2048];
        memset(buffer + PAYLOAD_AT, len & 0xff, len);
        fama_frame_write(buffer, &ends, len,
                         fama_frame_sum(fama_bytes(buffer + PAYLOAD_AT, len), 0));
        CU_ASSERT_EQUAL(write(tap, buffer, PAYLOAD_AT + (size_t)len), PAYLOAD_AT + len);
        struct sockaddr_in from = {0};
        socklen_t from_len = sizeof from;
        CU_ASSERT_EQUAL(
            recvfrom(kernel, received, sizeof received, 0, (struct sockaddr *)&from, &from_len),
            len);
        CU_ASSERT_EQUAL(memcmp(received, buffer + PAYLOAD_AT, len), 0);
        CU_ASSERT_EQUAL(ntohs(from.sin_port), OUR_PORT);

        struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_port = htons(OUR_PORT), .sin_addr.s_addr = htonl(OUR_IPV4)};
        CU_ASSERT_EQUAL(sendto(kernel, received, len, 0, (struct sockaddr *)&to, sizeof to), len);
        CU_ASSERT_FATAL(read_from_tap(tap, neighbours, buffer, sizeof buffer, &frame));
        CU_ASSERT(fama_bytes_equal(frame.payload, fama_bytes(received, len)));
        CU_ASSERT_EQUAL(fama_address_to_ipv4(frame.source.address), THEIR_IPV4);
        CU_ASSERT_EQUAL(frame.source.port, THEIR_PORT);
    }
}

static void test_the_kernel_and_we_understand_each_others_frames(void)
{
    int tap = open_tap();
    if (tap < 0) {
        fprintf(stderr,
                "\n*** NO TAP DEVICE HERE (%s; needs root and /dev/net/tun): NOT TESTED: "
                "frames against the kernel ***\n",
                strerror(errno));
        return;
    }
    struct fama_neighbour_settings settings = {.prefix_bits = 24};
    memcpy(settings.address, us.endpoint.address, FAMA_ADDRESS_BYTES);
    memcpy(settings.mac, our_mac, FAMA_MAC_BYTES);
    struct fama_neighbour_output output = {
        .context = &tap, .send = write_to_tap, .resolved = keep_mac, .abandoned = lose};
    struct fama_neighbours *neighbours = fama_neighbours_create(&settings, &output);
    int kernel = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(THEIR_PORT), .sin_addr.s_addr = htonl(THEIR_IPV4)};
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
        TEST(test_the_known_frame_is_taken_with_its_source_and_payload),
        TEST(test_a_sum_in_pieces_equals_the_sum_of_the_whole),
        TEST(test_the_sum_of_a_verified_payload_is_known_from_the_headers),
        TEST(test_a_sum_that_nobody_here_verified_is_not_known),
        TEST(test_every_length_of_payload_survives_writing_and_parsing),
        TEST(test_a_checksum_of_zero_is_sent_as_all_ones),
        TEST(test_link_padding_is_not_part_of_the_payload),
        TEST(test_a_datagram_without_udp_checksum_is_taken),
        TEST(test_any_flipped_bit_of_the_datagram_is_noticed),
        TEST(test_a_port_that_checked_the_sums_is_believed),
        TEST(test_every_truncation_is_refused),
        TEST(test_fragments_are_refused_by_name),
        TEST(test_ip_options_and_contradicting_lengths_are_malformed),
        TEST(test_what_is_for_others_is_not_ours),
        TEST(test_broadcast_arp_is_told_apart),
        TEST(test_the_kernel_and_we_understand_each_others_frames),
    };
    return run_suite("frames", cases, sizeof cases / sizeof cases[0]);
}
