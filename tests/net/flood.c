/* A stranger on the link of a network of nodes that sends junk as fast as it is told to: for the scenarios.
 *
 *   flood INTERFACE SECONDS DATAGRAMS_PER_SECOND SEED CHANNEL KIND[,KIND...] TARGET... [MEMBER...]
 *
 *   TARGET    ADDRESS/LINK-ADDRESS: a node, at UDP port 7051; all of one family
 *   MEMBER    MSP-DIRECTORY:MSPID: a real member, whose certificate is public; in whose name it speaks. Those of
 *             the targets come first, in their order
 *   KIND      noise    random bytes
 *             header   a datagram of ours with one wrong field in its common header
 *             chunk    a well-formed chunk of the channel, of a member, with nothing true in it
 *             message  a well-formed message of a member about its ledger, with a signature that is none
 *             alive    the same, which says that the member is alive
 *             hello    the beginning of a member's handshake with the target, whose answer goes to one of 300
 *                      addresses beyond the targets' last 256, which nobody has: to be on their link, they
 *                      need a prefix of /22 or less
 *             other    UDP datagrams to another port, and packets of another protocol
 *             arp      questions for addresses, from addresses that nobody has; of IPv6, neighbour solicitations
 *
 * Datagrams come from addresses that nobody has and, half of them, from the other targets'. Frames are handed to
 * the link as they are (packet(7)). Answers to questions for addresses are not forged: whoever can do that
 * has the link, and no node can help it.
 *
 * One thread. It ends by itself. Prints one line of JSON: frames sent, by kind. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/msp_files.h"
#include "dataplane/arp.h"
#include "dataplane/nd.h"
#include "dataplane/wire_session.h"

#define TARGETS_MAX   16
#define RATE_MAX      1000000
#define SECONDS_MAX   120
#define BURST         32
#define FRAME_BYTES   1514
#define HELLO_SOURCES 300
#define PORT          7051
#define AT_VERSION    2
#define AT_KIND       3
#define AT_LENGTH     6

enum kind { NOISE, HEADER, CHUNK, MESSAGE, ALIVE, HELLO, OTHER, ARP, KINDS };

static const char *const kind_names[KINDS] = {"noise", "header", "chunk", "message",
                                              "alive", "hello",  "other", "arp"};

struct target {
    struct fama_endpoint endpoint;
    uint8_t link[ETH_ALEN];
};

struct flood {
    uint64_t random;
    uint8_t own_link[ETH_ALEN];
    struct target targets[TARGETS_MAX];
    uint32_t target_count;
    fama_tag members[TARGETS_MAX];
    uint32_t member_count;
    fama_tag channel;
    bool sends[KINDS];
    uint64_t sent[KINDS];
};

/* xorshift64* (Vigna, 2016): quick, and the same for a seed everywhere. */
static uint64_t draw(struct flood *flood)
{
    flood->random ^= flood->random >> 12;
    flood->random ^= flood->random << 25;
    flood->random ^= flood->random >> 27;
    return flood->random * 0x2545f4914f6cdd1du;
}

static void fill(struct flood *flood, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(draw(flood) >> 32);
    }
}

static void write_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* ---- Payloads: each returns its length ---- */

static size_t make_noise(struct flood *flood, uint8_t *at, size_t room)
{
    size_t len = 1 + draw(flood) % room;
    fill(flood, at, len);
    return len;
}

static size_t make_header(struct flood *flood, uint8_t *at, size_t room)
{
    size_t len = FAMA_WIRE_HEADER_BYTES + draw(flood) % (room - FAMA_WIRE_HEADER_BYTES);
    fill(flood, at, len);
    write_u16(at, FAMA_WIRE_MAGIC);
    at[AT_VERSION] = FAMA_WIRE_VERSION;
    at[AT_KIND] = FAMA_KIND_CHUNK;
    write_u16(at + AT_LENGTH, len - FAMA_WIRE_HEADER_BYTES);
    switch (draw(flood) % 4) {
    case 0:
        write_u16(at, FAMA_WIRE_MAGIC + 1 + draw(flood) % 1000);
        break;
    case 1:
        at[AT_VERSION] = (uint8_t)(FAMA_WIRE_VERSION + 1 + draw(flood) % 100);
        break;
    case 2:
        at[AT_KIND] = (uint8_t)(200 + draw(flood) % 50);
        break;
    default:
        write_u16(at + AT_LENGTH, len + draw(flood) % 1000);
        break;
    }
    return len;
}

static fama_tag any_member(struct flood *flood)
{
    return flood->member_count == 0 ? draw(flood)
                                    : flood->members[draw(flood) % flood->member_count];
}

/* Of a block that comes soon, sealed with a key of an epoch that may be in force, as far as a stranger can
 * guess: epochs begin with the second their maker started. */
static size_t make_chunk(struct flood *flood, uint8_t *at, size_t room)
{
    enum { CHUNK_BYTES = 1000, CHUNKS = 8 };
    struct fama_chunk chunk = {
        .hops = 3,
        .channel = flood->channel,
        .origin = any_member(flood),
        .block = draw(flood) % 1000,
        .block_bytes = CHUNKS * CHUNK_BYTES,
        .chunk_bytes = CHUNK_BYTES,
        .index = (uint8_t)(draw(flood) % CHUNKS),
        .data_chunks = CHUNKS,
        .key_epoch = (uint32_t)time(NULL) - (uint32_t)(draw(flood) % 30),
        .view_id = draw(flood),
    };
    size_t head = fama_wire_chunk_write(&chunk, at, room);
    size_t body = fama_wire_chunk_proof_bytes(&chunk) + CHUNK_BYTES + FAMA_WIRE_TAG_BYTES;
    if (head == 0 || head + body > room) {
        return 0;
    }
    fill(flood, at + head, body);
    return head + body;
}

/* Bodies are looked at when the signature is found good, and not before. */
static size_t make_message(struct flood *flood, enum fama_kind kind, uint8_t *at, size_t room)
{
    uint8_t body[700];
    struct fama_stateinfo stateinfo = {.channel = flood->channel, .height = draw(flood) % 1000};
    size_t len = kind == FAMA_KIND_STATEINFO
                     ? fama_wire_stateinfo_write(&stateinfo, body, sizeof body)
                     : sizeof body;
    if (kind != FAMA_KIND_STATEINFO) {
        fill(flood, body, sizeof body);
    }
    struct fama_message message = {
        .kind = kind,
        .author = any_member(flood),
        .incarnation = (uint64_t)time(NULL) * 1000,
        .sequence = draw(flood) >> 32,
        .body = fama_bytes(body, len),
    };
    fill(flood, message.signature, sizeof message.signature);
    message.signature[0] = 0; /* below the group's order, both of them, and s below its half */
    message.signature[FAMA_SIGNATURE_BYTES / 2] = 0;
    return fama_wire_message_write(&message, at, room);
}

static size_t make_hello(struct flood *flood, uint32_t target, uint8_t *at, size_t room)
{
    if (flood->member_count < 2) {
        return 0;
    }
    uint32_t sender = (uint32_t)(draw(flood) % flood->member_count);
    if (sender == target) {
        sender = (sender + 1) % flood->member_count;
    }
    const struct fama_session_message hello = {
        .step = FAMA_SESSION_HELLO,
        .sender = flood->members[sender],
        .target = target < flood->member_count ? flood->members[target] : any_member(flood),
        .handshake = draw(flood),
    };
    return fama_wire_session_write(&hello, at, room);
}

/* ---- Frames ---- */

/* An address of the targets' network that no node has. */
static struct fama_endpoint nobody(struct flood *flood)
{
    struct fama_endpoint endpoint = flood->targets[0].endpoint;
    endpoint.address[FAMA_ADDRESS_BYTES - 1] = (uint8_t)(128 + draw(flood) % 100);
    return endpoint;
}

/* One of 300 beyond. */
static struct fama_endpoint nobody_beyond(struct flood *flood)
{
    struct fama_endpoint endpoint = flood->targets[0].endpoint;
    uint32_t number = 256 + (uint32_t)(draw(flood) % HELLO_SOURCES);
    endpoint.address[FAMA_ADDRESS_BYTES - 2] =
        (uint8_t)(endpoint.address[FAMA_ADDRESS_BYTES - 2] + (number >> 8));
    endpoint.address[FAMA_ADDRESS_BYTES - 1] = (uint8_t)number;
    return endpoint;
}

static size_t make_arp(struct flood *flood, const struct target *target, uint8_t *frame)
{
    static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct fama_endpoint wanted = draw(flood) % 2 == 0 ? nobody(flood) : target->endpoint;
    struct fama_arp arp = {.operation = FAMA_ARP_REQUEST};
    memcpy(arp.sender_mac, flood->own_link, ETH_ALEN);
    memcpy(arp.sender, nobody(flood).address, FAMA_ADDRESS_BYTES);
    memcpy(arp.target, wanted.address, FAMA_ADDRESS_BYTES);
    if (draw(flood) % 8 == 0) {
        arp.operation = 9; /* there is none such */
    }
    fama_arp_write(&arp, everybody, frame);
    return FAMA_FRAME_LEAST;
}

static size_t make_solicitation(struct flood *flood, const struct target *target, uint8_t *frame)
{
    struct fama_endpoint wanted = draw(flood) % 2 == 0 ? nobody(flood) : target->endpoint;
    struct fama_nd nd = {.kind = FAMA_ND_SOLICITATION, .has_mac = true};
    memcpy(nd.mac, flood->own_link, ETH_ALEN);
    memcpy(nd.source, nobody(flood).address, FAMA_ADDRESS_BYTES);
    memcpy(nd.target, wanted.address, FAMA_ADDRESS_BYTES);
    fama_nd_group(target->endpoint.address, nd.destination);
    size_t len = fama_nd_write(&nd, flood->own_link, target->link, frame);
    if (draw(flood) % 8 == 0) {
        frame[FAMA_ETHERNET_BYTES + 7] = 64; /* as if a router had passed it on */
    }
    return len;
}

static size_t make_payload(struct flood *flood, enum kind kind, uint32_t target, uint8_t *payload,
                           size_t room)
{
    switch (kind) {
    case NOISE:
    case OTHER:
        return make_noise(flood, payload, room);
    case HEADER:
        return make_header(flood, payload, room);
    case CHUNK:
        return make_chunk(flood, payload, room);
    case HELLO:
        return make_hello(flood, target, payload, room);
    case ALIVE:
        return make_message(flood, FAMA_KIND_ALIVE, payload, room);
    case MESSAGE:
        return make_message(flood, FAMA_KIND_STATEINFO, payload, room);
    case ARP:
    case KINDS:
        break;
    }
    return 0;
}

static size_t make_frame(struct flood *flood, enum kind kind, uint8_t frame[FRAME_BYTES])
{
    uint32_t number = (uint32_t)(draw(flood) % flood->target_count);
    const struct target *target = &flood->targets[number];
    bool is_ipv4 = fama_address_is_ipv4(target->endpoint.address);
    if (kind == ARP) {
        return is_ipv4 ? make_arp(flood, target, frame) : make_solicitation(flood, target, frame);
    }
    size_t headers = fama_frame_header_bytes(target->endpoint.address);
    uint8_t *payload = frame + headers;
    size_t len = make_payload(flood, kind, number, payload, FRAME_BYTES - headers);
    const struct target *pretended = &flood->targets[draw(flood) % flood->target_count];
    bool is_nobody = pretended == target || draw(flood) % 2 == 0;
    struct fama_frame_ends ends = {
        .target = target->endpoint,
        .source = kind == HELLO ? nobody_beyond(flood)
                  : is_nobody   ? nobody(flood)
                                : pretended->endpoint,
    };
    ends.target.port = kind == OTHER ? PORT + 1 : PORT;
    memcpy(ends.source_mac, flood->own_link, ETH_ALEN);
    memcpy(ends.target_mac, target->link, ETH_ALEN);
    fama_frame_write(frame, &ends, (uint16_t)len, fama_frame_sum(fama_bytes(payload, len), 0));
    if (kind == OTHER && !is_ipv4 && draw(flood) % 2 == 0) {
        frame[FAMA_ETHERNET_BYTES + 6] = 6; /* TCP */
    }
    return len == 0 ? 0 : headers + len;
}

/* ---- Command line ---- */

static bool read_member(struct flood *flood, const char *text)
{
    char directory[512];
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    struct fama_msp_files files;
    struct fama_error error = {{0}};
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof directory ||
        flood->member_count == TARGETS_MAX) {
        return false;
    }
    (void)snprintf(directory, sizeof directory, "%.*s", (int)(colon - text), text);
    if (fama_msp_files_read(directory, "signcerts", &files, &error) != 0) {
        fprintf(stderr, "flood: %s\n", error.text);
        return false;
    }
    bool is_there = files.count > 0;
    if (is_there) {
        fama_pki_id(fama_bytes_of_text(colon + 1),
                    fama_bytes(files.items[0].content, files.items[0].len), pki_id);
        flood->members[flood->member_count++] = fama_tag_of(pki_id);
    }
    fama_msp_files_free(&files);
    return is_there;
}

static bool read_target(struct flood *flood, const char *text)
{
    char address[64];
    const char *slash = strchr(text, '/');
    struct target *target = &flood->targets[flood->target_count];
    if (slash == NULL || (size_t)(slash - text) >= sizeof address ||
        flood->target_count == TARGETS_MAX) {
        return false;
    }
    (void)snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
    unsigned int link[ETH_ALEN];
    if (!fama_address_parse(address, target->endpoint.address) ||
        sscanf(slash + 1, "%2x:%2x:%2x:%2x:%2x:%2x", &link[0], &link[1], &link[2], &link[3],
               &link[4], &link[5]) != ETH_ALEN) {
        return false;
    }
    for (int i = 0; i < ETH_ALEN; i++) {
        target->link[i] = (uint8_t)link[i];
    }
    target->endpoint.port = PORT;
    flood->target_count++;
    return fama_address_is_ipv4(target->endpoint.address) ==
           fama_address_is_ipv4(flood->targets[0].endpoint.address);
}

static bool read_kinds(struct flood *flood, const char *text)
{
    bool is_any = false;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        bool is_known = false;
        for (int kind = 0; kind < KINDS; kind++) {
            if (strlen(kind_names[kind]) == len && memcmp(kind_names[kind], text, len) == 0) {
                flood->sends[kind] = is_known = is_any = true;
            }
        }
        if (!is_known) {
            return false;
        }
        text += len + (text[len] == ',');
    }
    return is_any;
}

static int open_link(struct flood *flood, const char *interface)
{
    struct ifreq request = {0};
    struct sockaddr_ll link = {.sll_family = AF_PACKET,
                               .sll_ifindex = (int)if_nametoindex(interface)};
    /* Protocol 0: nothing is received. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) != 0 ||
        bind(fd, (struct sockaddr *)&link, sizeof link) != 0) {
        fprintf(stderr, "flood: %s: %s\n", interface, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    memcpy(flood->own_link, request.ifr_hwaddr.sa_data, ETH_ALEN);
    return fd;
}

/* ---- Sending ---- */

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool send_burst(struct flood *flood, int fd)
{
    static uint8_t frames[BURST][FRAME_BYTES];
    struct iovec parts[BURST];
    struct mmsghdr messages[BURST] = {0};
    unsigned int count = 0;
    while (count < BURST) {
        enum kind kind = (enum kind)(draw(flood) % KINDS);
        size_t len = flood->sends[kind] ? make_frame(flood, kind, frames[count]) : 0;
        if (flood->sends[kind] && len == 0) {
            fprintf(stderr, "flood: no %s can be made\n", kind_names[kind]);
            return false;
        }
        if (len > 0) {
            parts[count] = (struct iovec){.iov_base = frames[count], .iov_len = len};
            messages[count].msg_hdr.msg_iov = &parts[count];
            messages[count].msg_hdr.msg_iovlen = 1;
            flood->sent[kind]++;
            count++;
        }
    }
    /* What the link does not take is lost, as on any link. */
    if (sendmmsg(fd, messages, count, 0) < 0 && errno != ENOBUFS && errno != EAGAIN) {
        fprintf(stderr, "flood: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static bool send_for(struct flood *flood, int fd, uint64_t seconds, uint64_t rate)
{
    uint64_t begin = now_ns(), bursts = 0;
    for (uint64_t now = begin; now - begin < seconds * 1000000000u; now = now_ns()) {
        uint64_t due = begin + bursts * BURST * 1000000000u / rate;
        if (now < due) {
            const struct timespec pause = {.tv_nsec = (long)(due - now) % 1000000000};
            (void)nanosleep(&pause, NULL);
            continue;
        }
        if (!send_burst(flood, fd)) {
            return false;
        }
        bursts++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct flood flood = {0};
    uint8_t digest[FAMA_SHA256_BYTES];
    uint64_t seconds = argc > 7 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t rate = argc > 7 ? strtoull(argv[3], NULL, 10) : 0;
    bool is_right = seconds > 0 && seconds <= SECONDS_MAX && rate > 0 && rate <= RATE_MAX &&
                    read_kinds(&flood, argv[6]);
    for (int i = 7; i < argc && is_right; i++) {
        is_right = read_target(&flood, argv[i]) || read_member(&flood, argv[i]);
    }
    if (!is_right || flood.target_count == 0) {
        fprintf(stderr, "usage: flood INTERFACE SECONDS DATAGRAMS_PER_SECOND SEED CHANNEL "
                        "noise,header,chunk,message,alive,hello,other,arp ADDRESS/LINK-ADDRESS... "
                        "[MSP-DIRECTORY:MSPID...]\n");
        return EXIT_FAILURE;
    }
    flood.random = strtoull(argv[4], NULL, 10) * 2 + 1; /* never 0 */
    fama_channel_digest(argv[5], digest);
    flood.channel = fama_tag_of(digest);
    int fd = open_link(&flood, argv[1]);
    if (fd < 0) {
        return EXIT_FAILURE;
    }
    bool is_sent = send_for(&flood, fd, seconds, rate);
    (void)close(fd);
    printf("{");
    for (int kind = 0; kind < KINDS; kind++) {
        printf("%s\"%s\": %" PRIu64, kind == 0 ? "" : ", ", kind_names[kind], flood.sent[kind]);
    }
    printf("}\n");
    return is_sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
