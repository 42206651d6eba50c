/* A stranger on the link of a network of nodes that sends junk as fast as it is told to: for the scenarios.
 *
 *   flood INTERFACE SECONDS DATAGRAMS_PER_SECOND SEED CHANNEL KIND[,KIND...] TARGET... [MEMBER...]
 *
 *   TARGET    ADDRESS/LINK-ADDRESS: a node, at UDP port 7051
 *   MEMBER    MSP-DIRECTORY:MSPID: a real member, whose certificate is public; in whose name it speaks
 *   KIND      noise    random bytes
 *             header   a datagram of ours with one wrong field in its common header
 *             chunk    a well-formed chunk of the channel, of a member, with nothing true in it
 *             message  a well-formed message of a member about its ledger, with a signature that is none
 *             alive    the same, which says that the member is alive
 *             arp      questions for addresses, from addresses that nobody has
 *
 * Datagrams come from addresses that nobody has and, half of them, from the other targets'. Frames are written
 * here from the first byte on and handed to the link as they are (packet(7)). Answers to ARP questions are
 * not forged: whoever can do that has the link, and no node can help it.
 *
 * One thread. It ends by itself. Prints one line of JSON: frames sent, by kind. */
#include <arpa/inet.h>
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
#include "dataplane/wire.h"

#define TARGETS_MAX   16
#define RATE_MAX      1000000
#define SECONDS_MAX   120
#define BURST         32
#define FRAME_BYTES   1514
#define HEADERS_BYTES 42 /* Ethernet, IPv4, UDP */
#define PORT          7051
#define AT_VERSION    2
#define AT_KIND       3
#define AT_LENGTH     6

enum kind { NOISE, HEADER, CHUNK, MESSAGE, ALIVE, ARP, KINDS };

static const char *const kind_names[KINDS] = {"noise",   "header", "chunk",
                                              "message", "alive",  "arp"};

struct target {
    uint8_t address[4];
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

/* ---- Frames ---- */

static uint16_t ip_sum(const uint8_t *at)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) {
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

/* An address of the targets' network that no node has. */
static void nobody(struct flood *flood, uint8_t address[4])
{
    memcpy(address, flood->targets[0].address, 4);
    address[3] = (uint8_t)(128 + draw(flood) % 100);
}

static size_t make_arp(struct flood *flood, const struct target *target, uint8_t *frame)
{
    static const uint8_t start[8] = {0, 1, 0x08, 0x00, ETH_ALEN, 4, 0, 1};
    uint8_t *at = frame + ETH_HLEN;
    memset(frame, 0xff, ETH_ALEN);
    write_u16(frame + 12, ETH_P_ARP);
    memcpy(at, start, sizeof start);
    memcpy(at + 8, flood->own_link, ETH_ALEN);
    nobody(flood, at + 14);
    memset(at + 18, 0, ETH_ALEN);
    memcpy(at + 24, target->address, 4);
    if (draw(flood) % 2 == 0) {
        nobody(flood, at + 24);
    }
    if (draw(flood) % 8 == 0) {
        at[7] = 9; /* no operation there is */
    }
    return 60;
}

static size_t make_frame(struct flood *flood, enum kind kind, uint8_t frame[FRAME_BYTES])
{
    const struct target *target = &flood->targets[draw(flood) % flood->target_count];
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, target->link, ETH_ALEN);
    memcpy(frame + ETH_ALEN, flood->own_link, ETH_ALEN);
    if (kind == ARP) {
        return make_arp(flood, target, frame);
    }
    uint8_t *payload = frame + HEADERS_BYTES;
    size_t room = FRAME_BYTES - HEADERS_BYTES;
    size_t len = kind == NOISE    ? make_noise(flood, payload, room)
                 : kind == HEADER ? make_header(flood, payload, room)
                 : kind == CHUNK  ? make_chunk(flood, payload, room)
                 : kind == ALIVE  ? make_message(flood, FAMA_KIND_ALIVE, payload, room)
                                  : make_message(flood, FAMA_KIND_STATEINFO, payload, room);
    uint8_t *ip = frame + ETH_HLEN;
    write_u16(frame + 12, ETH_P_IP);
    ip[0] = 0x45;
    write_u16(ip + 2, 28 + len);
    ip[6] = 0x40; /* not to be fragmented */
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    const struct target *pretended = &flood->targets[draw(flood) % flood->target_count];
    if (pretended == target || draw(flood) % 2 == 0) {
        nobody(flood, ip + 12);
    } else {
        memcpy(ip + 12, pretended->address, 4);
    }
    memcpy(ip + 16, target->address, 4);
    write_u16(ip + 10, ip_sum(ip));
    write_u16(ip + 20, PORT);
    write_u16(ip + 22, PORT);
    write_u16(ip + 24, 8 + len); /* its sum stays 0: not computed (RFC 768) */
    return len == 0 ? 0 : HEADERS_BYTES + len;
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
    char address[32];
    const char *slash = strchr(text, '/');
    struct target *target = &flood->targets[flood->target_count];
    if (slash == NULL || (size_t)(slash - text) >= sizeof address ||
        flood->target_count == TARGETS_MAX) {
        return false;
    }
    (void)snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
    unsigned int link[ETH_ALEN];
    if (inet_pton(AF_INET, address, target->address) != 1 ||
        sscanf(slash + 1, "%2x:%2x:%2x:%2x:%2x:%2x", &link[0], &link[1], &link[2], &link[3],
               &link[4], &link[5]) != ETH_ALEN) {
        return false;
    }
    for (int i = 0; i < ETH_ALEN; i++) {
        target->link[i] = (uint8_t)link[i];
    }
    flood->target_count++;
    return true;
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
                        "noise,header,chunk,message,alive,arp ADDRESS/LINK-ADDRESS... "
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
