#include "dataplane/neighbour.h"

#include <stdlib.h>

#include "dataplane/arp.h"
#include "dataplane/mld.h"
#include "dataplane/nd.h"

#define WAYS         8
#define BUCKETS_BITS 9
#define BUCKETS      (1u << BUCKETS_BITS)

_Static_assert(BUCKETS *WAYS == FAMA_NEIGHBOURS_MAX, "the table is its buckets");
_Static_assert(FAMA_NEIGHBOUR_FRAME_MAX >= FAMA_FRAME_LEAST &&
                   FAMA_NEIGHBOUR_FRAME_MAX >= FAMA_ND_FRAME_MAX &&
                   FAMA_NEIGHBOUR_FRAME_MAX >= FAMA_MLD_FRAME_BYTES,
               "every frame of the table has room");

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
    uint8_t address[FAMA_ADDRESS_BYTES];
    uint8_t mac[FAMA_MAC_BYTES];
    uint32_t tries;
    uint64_t confirmed_ns;
    uint64_t used_ns;
    uint64_t asked_ns;  /* INCOMPLETE and REFRESH: since when */
    uint64_t ask_at_ns; /* the next request */
    uint64_t wait_ns;
    void *packet; /* INCOMPLETE only */
    /* Of the entry: nobody but strangers has made us want it. Of the packet: who wanted it sent. */
    enum fama_neighbour_wish wish, packet_wish;
};

struct fama_neighbours {
    struct fama_neighbour_settings settings;
    struct fama_neighbour_output output;
    struct fama_neighbour_counts counts;
    bool is_ipv4;
    uint32_t announcements_left;
    uint64_t announce_at_ns;
    uint64_t tentative_until_ns; /* IPv6: our question whether our address is taken is young */
    uint64_t report_at_ns;       /* IPv6: when the next report is due, the last one was sent, ... */
    uint64_t reported_ns;
    uint64_t version_1_until_ns; /* ... and somebody listens who speaks version 1 only */
    uint32_t asking_count;
    uint16_t asking[FAMA_NEIGHBOURS_ASKING_MAX]; /* indices of INCOMPLETE and REFRESH entries */
    struct entry entries[FAMA_NEIGHBOURS_MAX];
};

/* What either protocol says about somebody else. */
struct hearing {
    const uint8_t *address;
    const uint8_t *mac; /* NULL: not said */
    bool is_question;   /* for our address; else an answer to us */
    bool overrides;     /* an answer that may change what is known */
};

static const uint8_t broadcast_mac[FAMA_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct fama_neighbours *fama_neighbours_create(const struct fama_neighbour_settings *settings,
                                               const struct fama_neighbour_output *output)
{
    struct fama_neighbours *neighbours = calloc(1, sizeof *neighbours);
    if (neighbours != NULL) {
        neighbours->settings = *settings;
        neighbours->output = *output;
        neighbours->is_ipv4 = fama_address_is_ipv4(settings->address);
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

static bool is_on_link(const struct fama_neighbours *neighbours,
                       const uint8_t address[FAMA_ADDRESS_BYTES])
{
    const struct fama_neighbour_settings *settings = &neighbours->settings;
    return fama_address_has_prefix(address, settings->address, settings->prefix_bits) ||
           (!neighbours->is_ipv4 && fama_address_is_link_local(address));
}

/* Whom a packet for `address` is handed to; NULL: nobody. */
static const uint8_t *next_hop(const struct fama_neighbours *neighbours,
                               const uint8_t address[FAMA_ADDRESS_BYTES])
{
    const struct fama_neighbour_settings *settings = &neighbours->settings;
    if (fama_address_is_none(address) || fama_address_equal(address, settings->address) ||
        fama_address_is_ipv4(address) != neighbours->is_ipv4) {
        return NULL;
    }
    if (is_on_link(neighbours, address)) {
        return address;
    }
    return fama_address_is_none(settings->gateway) ? NULL : settings->gateway;
}

static struct entry *bucket_of(struct fama_neighbours *neighbours,
                               const uint8_t address[FAMA_ADDRESS_BYTES])
{
    /* Fibonacci hashing spreads neighbouring addresses evenly (Knuth, TAOCP 3, section 6.4). */
    uint64_t halves[2];
    memcpy(halves, address, sizeof halves);
    uint64_t word = halves[0] ^ __builtin_bswap64(halves[1]);
    uint64_t bucket = (word * UINT64_C(11400714819323198485)) >> (64 - BUCKETS_BITS);
    return &neighbours->entries[bucket * WAYS];
}

static struct entry *find_entry(struct fama_neighbours *neighbours,
                                const uint8_t address[FAMA_ADDRESS_BYTES])
{
    struct entry *bucket = bucket_of(neighbours, address);
    for (uint32_t way = 0; way < WAYS; way++) {
        if (bucket[way].state != FREE && fama_address_equal(bucket[way].address, address)) {
            return &bucket[way];
        }
    }
    return NULL;
}

static bool is_asking(const struct entry *entry)
{
    return entry->state == INCOMPLETE || entry->state == REFRESH;
}

static struct entry *asked_at(struct fama_neighbours *neighbours, uint32_t place)
{
    return &neighbours->entries[neighbours->asking[place]];
}

/* Asks for an entry that there is a place for. */
static void start_asking(struct fama_neighbours *neighbours, struct entry *entry, enum state state,
                         uint64_t now_ns)
{
    neighbours->asking[neighbours->asking_count++] = (uint16_t)(entry - neighbours->entries);
    entry->state = state;
    entry->tries = 0;
    entry->asked_ns = now_ns;
    entry->ask_at_ns = now_ns;
    entry->wait_ns = FAMA_NEIGHBOUR_FIRST_WAIT_NS;
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

/* Of the unproved entries that wait for an answer: how many, and the one that has waited longest, or
 * NULL. Not the one unused for longest: strangers can repeat themselves. */
static uint32_t count_unproved(struct fama_neighbours *neighbours, struct entry **oldest)
{
    uint32_t count = 0;
    *oldest = NULL;
    for (uint32_t i = 0; i < neighbours->asking_count; i++) {
        struct entry *entry = asked_at(neighbours, i);
        if (entry->wish == FAMA_NEIGHBOUR_UNPROVED) {
            count++;
            if (*oldest == NULL || entry->asked_ns < (*oldest)->asked_ns) {
                *oldest = entry;
            }
        }
    }
    return count;
}

/* Whether one more may be asked for, if need be in the place of an unproved one. */
static bool make_place(struct fama_neighbours *neighbours, uint64_t now_ns,
                       enum fama_neighbour_wish wish)
{
    bool is_full = neighbours->asking_count == FAMA_NEIGHBOURS_ASKING_MAX;
    if (!is_full && wish == FAMA_NEIGHBOUR_OURS) {
        return true;
    }
    struct entry *oldest;
    uint32_t unproved = count_unproved(neighbours, &oldest);
    if (!is_full && unproved < FAMA_NEIGHBOURS_UNPROVED_MAX) {
        return true;
    }
    if (oldest == NULL ||
        (wish == FAMA_NEIGHBOUR_UNPROVED && now_ns - oldest->asked_ns < FAMA_NEIGHBOUR_TURN_NS)) {
        neighbours->counts.unproved_refused += wish == FAMA_NEIGHBOUR_UNPROVED;
        return false;
    }
    forget(neighbours, oldest);
    neighbours->counts.unproved_displaced++;
    return true;
}

/* Whether `entry` gives way sooner than `other` to a newcomer of its bucket. */
static bool gives_way_before(const struct entry *entry, const struct entry *other)
{
    if (entry->state == FREE || other->state == FREE) {
        return other->state != FREE;
    }
    return entry->wish != other->wish ? entry->wish == FAMA_NEIGHBOUR_UNPROVED
                                      : entry->used_ns < other->used_ns;
}

static struct entry *make_entry(struct fama_neighbours *neighbours, uint64_t now_ns,
                                const uint8_t address[FAMA_ADDRESS_BYTES],
                                enum fama_neighbour_wish wish)
{
    if (!make_place(neighbours, now_ns, wish)) {
        return NULL;
    }
    struct entry *bucket = bucket_of(neighbours, address);
    struct entry *chosen = &bucket[0];
    for (uint32_t way = 1; way < WAYS; way++) {
        if (gives_way_before(&bucket[way], chosen)) {
            chosen = &bucket[way];
        }
    }
    if (chosen->state != FREE && wish == FAMA_NEIGHBOUR_UNPROVED &&
        chosen->wish == FAMA_NEIGHBOUR_OURS) {
        neighbours->counts.unproved_refused++;
        return NULL;
    }
    neighbours->counts.unproved_displaced +=
        is_asking(chosen) && chosen->wish == FAMA_NEIGHBOUR_UNPROVED;
    forget(neighbours, chosen);
    *chosen = (struct entry){.state = FREE, .wish = wish};
    memcpy(chosen->address, address, FAMA_ADDRESS_BYTES);
    start_asking(neighbours, chosen, INCOMPLETE, now_ns);
    return chosen;
}

static struct entry *use_entry(struct fama_neighbours *neighbours, uint64_t now_ns,
                               const uint8_t address[FAMA_ADDRESS_BYTES],
                               enum fama_neighbour_wish wish)
{
    const uint8_t *hop = next_hop(neighbours, address);
    if (hop == NULL) {
        return NULL;
    }
    /* Whoever is asked for, it is the gateway who must be found. */
    if (hop != address) {
        wish = FAMA_NEIGHBOUR_OURS;
    }
    struct entry *entry = find_entry(neighbours, hop);
    if (entry == NULL) {
        entry = make_entry(neighbours, now_ns, hop, wish);
    }
    if (entry != NULL) {
        entry->used_ns = now_ns;
        entry->wish = wish == FAMA_NEIGHBOUR_OURS ? wish : entry->wish;
    }
    return entry;
}

const uint8_t *fama_neighbour_find(struct fama_neighbours *neighbours, uint64_t now_ns,
                                   const uint8_t address[FAMA_ADDRESS_BYTES],
                                   enum fama_neighbour_wish wish)
{
    struct entry *entry = use_entry(neighbours, now_ns, address, wish);
    if (entry == NULL || entry->state == INCOMPLETE) {
        return NULL;
    }
    if (entry->state == REACHABLE && now_ns - entry->confirmed_ns > FAMA_NEIGHBOUR_REACHABLE_NS &&
        make_place(neighbours, now_ns, entry->wish)) {
        /* When too many ask already, the next use tries again; the old address stays in use. */
        start_asking(neighbours, entry, REFRESH, now_ns);
    }
    return entry->mac;
}

bool fama_neighbour_hold(struct fama_neighbours *neighbours, uint64_t now_ns,
                         const uint8_t address[FAMA_ADDRESS_BYTES], void *packet,
                         enum fama_neighbour_wish wish)
{
    struct entry *entry = use_entry(neighbours, now_ns, address, wish);
    if (entry == NULL || entry->state != INCOMPLETE) {
        return false;
    }
    if (entry->packet != NULL && entry->packet_wish == FAMA_NEIGHBOUR_OURS &&
        wish == FAMA_NEIGHBOUR_UNPROVED) {
        return false;
    }
    abandon(neighbours, entry);
    entry->packet = packet;
    entry->packet_wish = wish;
    return true;
}

/* ---- What we say ---- */

static void send_frame(struct fama_neighbours *neighbours, const uint8_t *frame, size_t len)
{
    neighbours->output.send(neighbours->output.context, fama_bytes(frame, len));
}

/* A question, or an answer to `target`, who has `target_mac`. */
static void send_arp(struct fama_neighbours *neighbours, enum fama_arp_operation operation,
                     const uint8_t *ethernet_target, const uint8_t *target,
                     const uint8_t *target_mac)
{
    uint8_t frame[FAMA_FRAME_LEAST];
    struct fama_arp arp = {.operation = (uint16_t)operation};
    memcpy(arp.sender_mac, neighbours->settings.mac, FAMA_MAC_BYTES);
    memcpy(arp.sender, neighbours->settings.address, FAMA_ADDRESS_BYTES);
    memcpy(arp.target, target, FAMA_ADDRESS_BYTES);
    if (target_mac != NULL) {
        memcpy(arp.target_mac, target_mac, FAMA_MAC_BYTES);
    }
    fama_arp_write(&arp, ethernet_target, frame);
    send_frame(neighbours, frame, sizeof frame);
}

/* To one host whose link address is known, or to a group: then `mac` is NULL. */
static void send_nd(struct fama_neighbours *neighbours, const struct fama_nd *nd,
                    const uint8_t *mac)
{
    uint8_t frame[FAMA_ND_FRAME_MAX];
    uint8_t group_mac[FAMA_MAC_BYTES];
    fama_nd_group_mac(nd->destination, group_mac);
    size_t len = fama_nd_write(nd, neighbours->settings.mac, mac != NULL ? mac : group_mac, frame);
    send_frame(neighbours, frame, len);
}

/* Asks the entry's own host, or everybody. */
static void solicit(struct fama_neighbours *neighbours, const struct entry *entry, bool everybody)
{
    struct fama_nd nd = {.kind = FAMA_ND_SOLICITATION, .has_mac = true};
    memcpy(nd.mac, neighbours->settings.mac, FAMA_MAC_BYTES);
    memcpy(nd.source, neighbours->settings.address, FAMA_ADDRESS_BYTES);
    memcpy(nd.target, entry->address, FAMA_ADDRESS_BYTES);
    memcpy(nd.destination, entry->address, FAMA_ADDRESS_BYTES);
    if (everybody) {
        fama_nd_group(entry->address, nd.destination);
    }
    send_nd(neighbours, &nd, everybody ? NULL : entry->mac);
}

/* Our address, to one who has asked, or to all: then `mac` is NULL. */
static void advertise(struct fama_neighbours *neighbours, const uint8_t *destination,
                      const uint8_t *mac)
{
    struct fama_nd nd = {.kind = FAMA_ND_ADVERTISEMENT,
                         .is_solicited = mac != NULL,
                         .overrides = true,
                         .has_mac = true};
    memcpy(nd.mac, neighbours->settings.mac, FAMA_MAC_BYTES);
    memcpy(nd.source, neighbours->settings.address, FAMA_ADDRESS_BYTES);
    memcpy(nd.target, neighbours->settings.address, FAMA_ADDRESS_BYTES);
    memcpy(nd.destination, destination, FAMA_ADDRESS_BYTES);
    send_nd(neighbours, &nd, mac);
}

/* Whether our address is anybody's already; who has it says so to all. */
static void probe(struct fama_neighbours *neighbours)
{
    struct fama_nd nd = {.kind = FAMA_ND_SOLICITATION};
    memcpy(nd.target, neighbours->settings.address, FAMA_ADDRESS_BYTES);
    fama_nd_group(neighbours->settings.address, nd.destination);
    send_nd(neighbours, &nd, NULL);
}

static void report_group(struct fama_neighbours *neighbours, uint64_t now_ns)
{
    uint8_t frame[FAMA_MLD_FRAME_BYTES];
    uint8_t group[FAMA_ADDRESS_BYTES];
    fama_nd_group(neighbours->settings.address, group);
    size_t len = (now_ns < neighbours->version_1_until_ns ? fama_mld_write_v1 : fama_mld_write)(
        group, neighbours->settings.mac, frame);
    send_frame(neighbours, frame, len);
    neighbours->reported_ns = now_ns;
    neighbours->report_at_ns = now_ns + FAMA_MLD_REPORT_PAUSE_NS;
}

/* ---- What we hear ---- */

static void learn(struct fama_neighbours *neighbours, uint64_t now_ns,
                  const struct hearing *hearing)
{
    struct entry *entry = find_entry(neighbours, hearing->address);
    if (entry == NULL) {
        return;
    }
    bool is_old =
        entry->state == REACHABLE && now_ns - entry->confirmed_ns > FAMA_NEIGHBOUR_REACHABLE_NS;
    if (!is_asking(entry) && !(is_old && hearing->is_question)) {
        return;
    }
    const uint8_t *mac = hearing->mac != NULL ? hearing->mac : entry->mac;
    bool is_change = memcmp(mac, entry->mac, FAMA_MAC_BYTES) != 0;
    if (entry->state == INCOMPLETE ? hearing->mac == NULL : is_change && !hearing->overrides) {
        return;
    }
    if (is_asking(entry)) {
        stop_asking(neighbours, entry);
    }
    entry->state = REACHABLE;
    entry->confirmed_ns = now_ns;
    memmove(entry->mac, mac, FAMA_MAC_BYTES);
    if (entry->packet != NULL) {
        void *packet = entry->packet;
        entry->packet = NULL;
        neighbours->output.resolved(neighbours->output.context, packet, entry->mac);
    }
}

static enum fama_drop take_arp(struct fama_neighbours *neighbours, uint64_t now_ns,
                               struct fama_bytes packet)
{
    struct fama_arp arp;
    const struct fama_neighbour_settings *settings = &neighbours->settings;
    enum fama_drop drop = fama_arp_read(packet, &arp);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (fama_address_equal(arp.sender, settings->address)) {
        /* Somebody else has our address, or it is our own frame come back: nothing to learn. */
        return FAMA_DROP_BAD_ARP;
    }
    if (!fama_address_equal(arp.target, settings->address)) {
        return FAMA_DROP_NONE;
    }
    bool is_question = arp.operation == FAMA_ARP_REQUEST;
    if (!is_question && memcmp(arp.target_mac, settings->mac, FAMA_MAC_BYTES) != 0) {
        return FAMA_DROP_BAD_ARP;
    }
    /* Sender 0 is a probe (RFC 5227): it is answered, so that its sender sees the address taken. */
    if (fama_address_to_ipv4(arp.sender) != 0) {
        if (!is_on_link(neighbours, arp.sender)) {
            return FAMA_DROP_BAD_ARP;
        }
        const struct hearing hearing = {.address = arp.sender,
                                        .mac = arp.sender_mac,
                                        .is_question = is_question,
                                        .overrides = true};
        learn(neighbours, now_ns, &hearing);
    }
    if (is_question && !settings->is_silent) {
        send_arp(neighbours, FAMA_ARP_REPLY, arp.sender_mac, arp.sender, arp.sender_mac);
        neighbours->counts.replies_sent++;
    }
    return FAMA_DROP_NONE;
}

static enum fama_drop take_solicitation(struct fama_neighbours *neighbours, uint64_t now_ns,
                                        const struct fama_nd *nd, const uint8_t *ethernet_source)
{
    if (!fama_address_equal(nd->target, neighbours->settings.address)) {
        return FAMA_DROP_NONE;
    }
    bool is_probe = fama_address_is_none(nd->source);
    if (is_probe && memcmp(ethernet_source, neighbours->settings.mac, FAMA_MAC_BYTES) == 0) {
        return FAMA_DROP_BAD_ND; /* our own, come back */
    }
    bool is_to_group = nd->destination[0] == 0xff;
    /* Only who asks one host may think that it knows the link address already (section 7.2.2). */
    bool says_whence = nd->has_mac || !is_to_group;
    if (!is_probe && (!says_whence || !fama_frame_mac_is_one_host(ethernet_source))) {
        return FAMA_DROP_BAD_ND;
    }
    const uint8_t *mac = nd->has_mac ? nd->mac : ethernet_source;
    if (!is_probe) {
        const struct hearing hearing = {.address = nd->source,
                                        .mac = nd->has_mac ? nd->mac : NULL,
                                        .is_question = true,
                                        .overrides = true};
        learn(neighbours, now_ns, &hearing);
    }
    if (!neighbours->settings.is_silent) {
        advertise(neighbours, is_probe ? fama_nd_all_nodes : nd->source, is_probe ? NULL : mac);
        neighbours->counts.replies_sent++;
    }
    /* Who asks at the same time as we do wants our address as we want theirs: RFC 4862 section 5.4.3. */
    bool is_rival = is_probe && now_ns < neighbours->tentative_until_ns;
    return is_rival ? FAMA_DROP_BAD_ND : FAMA_DROP_NONE;
}

static enum fama_drop take_icmpv6(struct fama_neighbours *neighbours, uint64_t now_ns,
                                  const struct fama_frame *frame)
{
    struct fama_nd nd;
    const uint8_t *ours = neighbours->settings.address;
    enum fama_drop drop = fama_nd_read(frame->payload, &nd);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (fama_address_equal(nd.source, ours)) {
        return FAMA_DROP_BAD_ND;
    }
    if (nd.kind == FAMA_ND_SOLICITATION) {
        return take_solicitation(neighbours, now_ns, &nd, frame->source_mac);
    }
    if (fama_address_equal(nd.target, ours)) {
        return FAMA_DROP_BAD_ND;
    }
    if (nd.is_solicited) {
        const struct hearing hearing = {
            .address = nd.target, .mac = nd.has_mac ? nd.mac : NULL, .overrides = nd.overrides};
        learn(neighbours, now_ns, &hearing);
    }
    return FAMA_DROP_NONE;
}

/* A time in whole milliseconds up to `wait_ms`, other for each host: no secret, but no two hosts' answers are to
 * fall together. */
static uint64_t random_wait_ns(const struct fama_neighbours *neighbours, uint64_t now_ns,
                               uint32_t wait_ms)
{
    uint64_t word = now_ns;
    for (int i = 0; i < FAMA_MAC_BYTES; i++) {
        word = (word ^ neighbours->settings.mac[i]) * UINT64_C(11400714819323198485);
    }
    return ((word >> 40) * ((uint64_t)wait_ms + 1) >> 24) * 1000000;
}

/* The answer is put on the one clock that reports have: a query can only bring it forward. */
static enum fama_drop take_query(struct fama_neighbours *neighbours, uint64_t now_ns,
                                 struct fama_bytes packet)
{
    struct fama_mld_query query;
    uint8_t group[FAMA_ADDRESS_BYTES];
    enum fama_drop drop = fama_mld_read(packet, &query);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (query.is_version_1) {
        neighbours->version_1_until_ns = now_ns + FAMA_MLD_V1_NS;
    }
    fama_nd_group(neighbours->settings.address, group);
    if (fama_address_is_none(query.group) || fama_address_equal(query.group, group)) {
        uint64_t at_ns = now_ns + random_wait_ns(neighbours, now_ns, query.wait_ms);
        uint64_t least_ns = neighbours->reported_ns + FAMA_MLD_ANSWER_PAUSE_NS;
        at_ns = at_ns > least_ns ? at_ns : least_ns;
        if (at_ns < neighbours->report_at_ns) {
            neighbours->report_at_ns = at_ns;
        }
    }
    return FAMA_DROP_NONE;
}

enum fama_drop fama_neighbour_input(struct fama_neighbours *neighbours, uint64_t now_ns,
                                    const struct fama_frame *frame)
{
    if (frame->kind == FAMA_FRAME_ARP && neighbours->is_ipv4) {
        return take_arp(neighbours, now_ns, frame->payload);
    }
    if (frame->kind == FAMA_FRAME_ICMPV6 && !neighbours->is_ipv4) {
        return take_icmpv6(neighbours, now_ns, frame);
    }
    if (frame->kind == FAMA_FRAME_MLD && !neighbours->is_ipv4) {
        return take_query(neighbours, now_ns, frame->payload);
    }
    return FAMA_DROP_NOT_OURS;
}

/* ---- What time brings ---- */

static void ask(struct fama_neighbours *neighbours, struct entry *entry, uint64_t now_ns)
{
    if (entry->state == REFRESH && entry->tries >= UNICAST_TRIES) {
        entry->state = INCOMPLETE;
        entry->tries = 0;
        entry->wait_ns = FAMA_NEIGHBOUR_FIRST_WAIT_NS;
    }
    bool everybody = entry->state == INCOMPLETE;
    if (neighbours->is_ipv4) {
        send_arp(neighbours, FAMA_ARP_REQUEST, everybody ? broadcast_mac : entry->mac,
                 entry->address, NULL);
    } else {
        solicit(neighbours, entry, everybody);
    }
    neighbours->counts.requests_sent++;
    entry->tries++;
    entry->ask_at_ns = now_ns + entry->wait_ns;
    entry->wait_ns = 2 * entry->wait_ns < FAMA_NEIGHBOUR_LAST_WAIT_NS ? 2 * entry->wait_ns
                                                                      : FAMA_NEIGHBOUR_LAST_WAIT_NS;
}

/* Returns how many frames it took. */
static uint32_t announce(struct fama_neighbours *neighbours, uint64_t now_ns)
{
    bool is_first = neighbours->announcements_left == ANNOUNCEMENTS;
    neighbours->announcements_left--;
    neighbours->announce_at_ns = now_ns + ANNOUNCEMENT_PAUSE_NS;
    neighbours->counts.requests_sent++;
    if (neighbours->is_ipv4) {
        send_arp(neighbours, FAMA_ARP_REQUEST, broadcast_mac, neighbours->settings.address, NULL);
        return 1;
    }
    if (is_first) {
        probe(neighbours);
        neighbours->tentative_until_ns = now_ns + ANNOUNCEMENT_PAUSE_NS;
    }
    advertise(neighbours, fama_nd_all_nodes, NULL);
    return is_first ? 2 : 1;
}

uint32_t fama_neighbour_tick(struct fama_neighbours *neighbours, uint64_t now_ns)
{
    uint32_t sent = 0;
    if (neighbours->announcements_left > 0 && now_ns >= neighbours->announce_at_ns) {
        sent += announce(neighbours, now_ns);
    }
    bool reports = !neighbours->is_ipv4 && !neighbours->settings.is_silent;
    if (reports && now_ns >= neighbours->report_at_ns) {
        report_group(neighbours, now_ns);
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
