#include "dataplane/neighbour.h"

#include <stdlib.h>

#define WAYS    8
#define BUCKETS (FAMA_NEIGHBOURS_MAX / WAYS)

#define ARP_BYTES         28
#define ARP_REQUEST       1
#define ARP_REPLY         2
#define HARDWARE_ETHERNET 1

#define ANNOUNCEMENTS         2
#define ANNOUNCEMENT_PAUSE_NS 1000000000u
/* After so many unicast questions the neighbour may have changed its link address: ask everybody. */
#define UNICAST_TRIES 3

enum state {
    FREE = 0,
    INCOMPLETE,
    REACHABLE,
    REFRESH,
};

struct entry {
    enum state state;
    uint32_t ipv4;
    uint8_t mac[FAMA_MAC_BYTES];
    uint32_t tries;
    uint64_t confirmed_ns;
    uint64_t used_ns;
    uint64_t ask_at_ns; /* INCOMPLETE and REFRESH: the next request */
    uint64_t wait_ns;
    void *packet; /* INCOMPLETE only */
};

struct fama_neighbours {
    struct fama_neighbour_settings settings;
    struct fama_neighbour_output output;
    struct fama_neighbour_counts counts;
    uint32_t announcements_left;
    uint64_t announce_at_ns;
    uint32_t asking_count;
    uint16_t asking[FAMA_NEIGHBOURS_ASKING_MAX]; /* indices of INCOMPLETE and REFRESH entries */
    struct entry entries[FAMA_NEIGHBOURS_MAX];
};

/* An ARP packet's fields (RFC 826). */
struct arp {
    uint16_t operation;
    uint8_t sender_mac[FAMA_MAC_BYTES];
    uint32_t sender;
    uint8_t target_mac[FAMA_MAC_BYTES];
    uint32_t target;
};

static const uint8_t broadcast_mac[FAMA_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t no_mac[FAMA_MAC_BYTES];

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value)
{
    write_u16(at, (uint16_t)(value >> 16));
    write_u16(at + 2, (uint16_t)value);
}

struct fama_neighbours *fama_neighbours_create(const struct fama_neighbour_settings *settings,
                                               const struct fama_neighbour_output *output)
{
    struct fama_neighbours *neighbours = calloc(1, sizeof *neighbours);
    if (neighbours != NULL) {
        neighbours->settings = *settings;
        neighbours->output = *output;
        neighbours->announcements_left = settings->is_silent ? 0 : ANNOUNCEMENTS;
    }
    return neighbours;
}

static void abandon(struct fama_neighbours *neighbours, struct entry *entry)
{
    if (entry->packet != NULL) {
        void *packet = entry->packet;
        entry->packet = NULL;
        neighbours->output.abandoned(neighbours->output.context, packet);
    }
}

void fama_neighbours_destroy(struct fama_neighbours *neighbours)
{
    if (neighbours == NULL) {
        return;
    }
    for (uint32_t i = 0; i < FAMA_NEIGHBOURS_MAX; i++) {
        abandon(neighbours, &neighbours->entries[i]);
    }
    free(neighbours);
}

static bool is_on_link(const struct fama_neighbours *neighbours, uint32_t ipv4)
{
    uint8_t bits = neighbours->settings.prefix_bits;
    uint32_t mask = bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
    return ((ipv4 ^ neighbours->settings.ipv4) & mask) == 0;
}

/* Whom a packet for `ipv4` is handed to; 0: nobody. */
static uint32_t next_hop(const struct fama_neighbours *neighbours, uint32_t ipv4)
{
    if (ipv4 == 0 || ipv4 == neighbours->settings.ipv4) {
        return 0;
    }
    return is_on_link(neighbours, ipv4) ? ipv4 : neighbours->settings.gateway_ipv4;
}

static struct entry *bucket_of(struct fama_neighbours *neighbours, uint32_t ipv4)
{
    /* Fibonacci hashing spreads neighbouring addresses evenly (Knuth, TAOCP 3, section 6.4). */
    uint32_t bucket = (uint32_t)(ipv4 * 2654435769u) / (UINT32_MAX / BUCKETS + 1);
    return &neighbours->entries[bucket * WAYS];
}

static struct entry *find_entry(struct fama_neighbours *neighbours, uint32_t ipv4)
{
    struct entry *bucket = bucket_of(neighbours, ipv4);
    for (uint32_t way = 0; way < WAYS; way++) {
        if (bucket[way].state != FREE && bucket[way].ipv4 == ipv4) {
            return &bucket[way];
        }
    }
    return NULL;
}

static bool is_asking(const struct entry *entry)
{
    return entry->state == INCOMPLETE || entry->state == REFRESH;
}

static bool start_asking(struct fama_neighbours *neighbours, struct entry *entry, enum state state,
                         uint64_t now_ns)
{
    if (neighbours->asking_count == FAMA_NEIGHBOURS_ASKING_MAX) {
        return false;
    }
    neighbours->asking[neighbours->asking_count++] = (uint16_t)(entry - neighbours->entries);
    entry->state = state;
    entry->tries = 0;
    entry->ask_at_ns = now_ns;
    entry->wait_ns = FAMA_NEIGHBOUR_FIRST_WAIT_NS;
    return true;
}

static void stop_asking(struct fama_neighbours *neighbours, const struct entry *entry)
{
    uint16_t index = (uint16_t)(entry - neighbours->entries);
    for (uint32_t i = 0; i < neighbours->asking_count; i++) {
        if (neighbours->asking[i] == index) {
            neighbours->asking[i] = neighbours->asking[--neighbours->asking_count];
            return;
        }
    }
}

static void forget(struct fama_neighbours *neighbours, struct entry *entry)
{
    if (is_asking(entry)) {
        stop_asking(neighbours, entry);
    }
    abandon(neighbours, entry);
    entry->state = FREE;
}

static struct entry *make_entry(struct fama_neighbours *neighbours, uint32_t ipv4, uint64_t now_ns)
{
    if (neighbours->asking_count == FAMA_NEIGHBOURS_ASKING_MAX) {
        return NULL;
    }
    struct entry *bucket = bucket_of(neighbours, ipv4);
    struct entry *chosen = &bucket[0];
    for (uint32_t way = 0; way < WAYS && chosen->state != FREE; way++) {
        if (bucket[way].state == FREE || bucket[way].used_ns < chosen->used_ns) {
            chosen = &bucket[way];
        }
    }
    forget(neighbours, chosen);
    *chosen = (struct entry){.ipv4 = ipv4};
    (void)start_asking(neighbours, chosen, INCOMPLETE, now_ns); /* there is room: asked above */
    return chosen;
}

static struct entry *use_entry(struct fama_neighbours *neighbours, uint64_t now_ns, uint32_t ipv4)
{
    uint32_t hop = next_hop(neighbours, ipv4);
    if (hop == 0) {
        return NULL;
    }
    struct entry *entry = find_entry(neighbours, hop);
    if (entry == NULL) {
        entry = make_entry(neighbours, hop, now_ns);
    }
    if (entry != NULL) {
        entry->used_ns = now_ns;
    }
    return entry;
}

const uint8_t *fama_neighbour_find(struct fama_neighbours *neighbours, uint64_t now_ns,
                                   uint32_t ipv4)
{
    struct entry *entry = use_entry(neighbours, now_ns, ipv4);
    if (entry == NULL || entry->state == INCOMPLETE) {
        return NULL;
    }
    if (entry->state == REACHABLE && now_ns - entry->confirmed_ns > FAMA_NEIGHBOUR_REACHABLE_NS) {
        /* When too many ask already, the next use tries again; the old address stays in use. */
        (void)start_asking(neighbours, entry, REFRESH, now_ns);
    }
    return entry->mac;
}

bool fama_neighbour_hold(struct fama_neighbours *neighbours, uint64_t now_ns, uint32_t ipv4,
                         void *packet)
{
    struct entry *entry = use_entry(neighbours, now_ns, ipv4);
    if (entry == NULL || entry->state != INCOMPLETE) {
        return false;
    }
    abandon(neighbours, entry);
    entry->packet = packet;
    return true;
}

static void send_arp(struct fama_neighbours *neighbours, const uint8_t *ethernet_target,
                     const struct arp *arp)
{
    uint8_t frame[FAMA_ARP_FRAME_BYTES] = {0};
    memcpy(frame, ethernet_target, FAMA_MAC_BYTES);
    memcpy(frame + FAMA_MAC_BYTES, neighbours->settings.mac, FAMA_MAC_BYTES);
    write_u16(frame + 12, FAMA_ETHERTYPE_ARP);
    uint8_t *at = frame + FAMA_ETHERNET_BYTES;
    write_u16(at, HARDWARE_ETHERNET);
    write_u16(at + 2, FAMA_ETHERTYPE_IPV4);
    at[4] = FAMA_MAC_BYTES;
    at[5] = 4;
    write_u16(at + 6, arp->operation);
    memcpy(at + 8, neighbours->settings.mac, FAMA_MAC_BYTES);
    write_u32(at + 14, neighbours->settings.ipv4);
    memcpy(at + 18, arp->target_mac, FAMA_MAC_BYTES);
    write_u32(at + 24, arp->target);
    if (arp->operation == ARP_REQUEST) {
        neighbours->counts.requests_sent++;
    } else {
        neighbours->counts.replies_sent++;
    }
    neighbours->output.send(neighbours->output.context, frame);
}

static bool arp_read(struct fama_bytes bytes, struct arp *arp)
{
    static const uint8_t start[6] = {0, HARDWARE_ETHERNET, 0x08, 0x00, FAMA_MAC_BYTES, 4};
    if (bytes.len < ARP_BYTES || memcmp(bytes.at, start, sizeof start) != 0) {
        return false;
    }
    arp->operation = (uint16_t)(bytes.at[6] << 8 | bytes.at[7]);
    memcpy(arp->sender_mac, bytes.at + 8, FAMA_MAC_BYTES);
    arp->sender = read_u32(bytes.at + 14);
    memcpy(arp->target_mac, bytes.at + 18, FAMA_MAC_BYTES);
    arp->target = read_u32(bytes.at + 24);
    bool is_group = (arp->sender_mac[0] & 1) != 0;
    return !is_group && memcmp(arp->sender_mac, no_mac, FAMA_MAC_BYTES) != 0 &&
           (arp->operation == ARP_REQUEST || arp->operation == ARP_REPLY);
}

static void learn(struct fama_neighbours *neighbours, uint64_t now_ns, const struct arp *arp)
{
    struct entry *entry = find_entry(neighbours, arp->sender);
    if (entry == NULL) {
        return;
    }
    bool is_old =
        entry->state == REACHABLE && now_ns - entry->confirmed_ns > FAMA_NEIGHBOUR_REACHABLE_NS;
    if (!is_asking(entry) && !(is_old && arp->operation == ARP_REQUEST)) {
        return;
    }
    if (is_asking(entry)) {
        stop_asking(neighbours, entry);
    }
    entry->state = REACHABLE;
    entry->confirmed_ns = now_ns;
    memcpy(entry->mac, arp->sender_mac, FAMA_MAC_BYTES);
    if (entry->packet != NULL) {
        void *packet = entry->packet;
        entry->packet = NULL;
        neighbours->output.resolved(neighbours->output.context, packet, entry->mac);
    }
}

enum fama_drop fama_neighbour_input(struct fama_neighbours *neighbours, uint64_t now_ns,
                                    struct fama_bytes bytes)
{
    struct arp arp;
    if (!arp_read(bytes, &arp)) {
        return FAMA_DROP_BAD_ARP;
    }
    const struct fama_neighbour_settings *settings = &neighbours->settings;
    if (arp.sender == settings->ipv4) {
        /* Somebody else has our address, or it is our own frame come back: nothing to learn. */
        return FAMA_DROP_BAD_ARP;
    }
    if (arp.target != settings->ipv4) {
        return FAMA_DROP_NONE;
    }
    if (arp.operation == ARP_REPLY && memcmp(arp.target_mac, settings->mac, FAMA_MAC_BYTES) != 0) {
        return FAMA_DROP_BAD_ARP;
    }
    /* Sender 0 is a probe (RFC 5227): it is answered, so that its sender sees the address taken. */
    if (arp.sender != 0) {
        if (!is_on_link(neighbours, arp.sender)) {
            return FAMA_DROP_BAD_ARP;
        }
        learn(neighbours, now_ns, &arp);
    }
    if (arp.operation == ARP_REQUEST && !settings->is_silent) {
        struct arp reply = {.operation = ARP_REPLY, .target = arp.sender};
        memcpy(reply.target_mac, arp.sender_mac, FAMA_MAC_BYTES);
        send_arp(neighbours, arp.sender_mac, &reply);
    }
    return FAMA_DROP_NONE;
}

static void ask(struct fama_neighbours *neighbours, struct entry *entry, uint64_t now_ns)
{
    struct arp request = {.operation = ARP_REQUEST, .target = entry->ipv4};
    if (entry->state == REFRESH && entry->tries >= UNICAST_TRIES) {
        entry->state = INCOMPLETE;
        entry->tries = 0;
        entry->wait_ns = FAMA_NEIGHBOUR_FIRST_WAIT_NS;
    }
    send_arp(neighbours, entry->state == REFRESH ? entry->mac : broadcast_mac, &request);
    entry->tries++;
    entry->ask_at_ns = now_ns + entry->wait_ns;
    entry->wait_ns = 2 * entry->wait_ns < FAMA_NEIGHBOUR_LAST_WAIT_NS ? 2 * entry->wait_ns
                                                                      : FAMA_NEIGHBOUR_LAST_WAIT_NS;
}

uint32_t fama_neighbour_tick(struct fama_neighbours *neighbours, uint64_t now_ns)
{
    uint32_t sent = 0;
    if (neighbours->announcements_left > 0 && now_ns >= neighbours->announce_at_ns) {
        struct arp announcement = {.operation = ARP_REQUEST, .target = neighbours->settings.ipv4};
        send_arp(neighbours, broadcast_mac, &announcement);
        neighbours->announcements_left--;
        neighbours->announce_at_ns = now_ns + ANNOUNCEMENT_PAUSE_NS;
        sent++;
    }
    /* Backwards, because forgetting an entry moves the last one into its place. */
    for (uint32_t i = neighbours->asking_count; i > 0; i--) {
        struct entry *entry = &neighbours->entries[neighbours->asking[i - 1]];
        if (now_ns < entry->ask_at_ns) {
            continue;
        }
        if (entry->tries > 0 && now_ns - entry->used_ns > FAMA_NEIGHBOUR_FORGET_NS) {
            forget(neighbours, entry);
            continue;
        }
        ask(neighbours, entry, now_ns);
        sent++;
    }
    return sent;
}

struct fama_neighbour_counts fama_neighbour_counts(const struct fama_neighbours *neighbours)
{
    return neighbours->counts;
}
