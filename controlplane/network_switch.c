#define _GNU_SOURCE
#include "controlplane/network_switch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES      9100 /* an Ethernet frame of MTU 9000 with a VLAN tag */
#define QUEUE_FRAMES     65536
#define SOCKET_BYTES     (32 << 20)
#define ADDRESSES_MAX    256 /* remembered; more than one per port is rare */
#define FRAMES_PER_ROUND 64  /* taken from one port before the next has its turn */

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* linux/if_packet.h since Linux 4.20 */
#endif

struct waiting {
    uint64_t due_ns;
    uint64_t order; /* of two frames due at once the earlier goes first */
    uint32_t slot;  /* of frames */
    uint16_t bytes;
    uint32_t port;
};

struct address {
    uint8_t mac[ETH_ALEN];
    uint32_t port;
};

struct switch_state {
    const struct fama_network_faults *faults;
    uint32_t ports;
    struct pollfd polls[FAMA_NETWORK_NODES_MAX];
    struct address addresses[ADDRESSES_MAX];
    uint32_t address_count;
    struct waiting *heap; /* smallest due_ns first */
    uint32_t heap_count;
    uint8_t (*frames)[FRAME_BYTES];
    uint32_t *free_slots;
    uint32_t free_count;
    uint64_t order;
    uint64_t random;
    struct fama_network_switch_counters *counters;
};

static volatile sig_atomic_t must_stop;

static void on_signal(int number)
{
    (void)number;
    must_stop = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t next_random(struct switch_state *state)
{
    uint64_t z = state->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double chance(struct switch_state *state)
{
    return (double)(next_random(state) >> 11) * 0x1.0p-53;
}

/* ---- The frames that wait, a binary heap by due time ---- */

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_push(struct switch_state *state, struct waiting entry)
{
    uint32_t at = state->heap_count++;
    while (at > 0 && is_before(&entry, &state->heap[(at - 1) / 2])) {
        state->heap[at] = state->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    state->heap[at] = entry;
}

static struct waiting heap_pop(struct switch_state *state)
{
    struct waiting top = state->heap[0];
    struct waiting last = state->heap[--state->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= state->heap_count) {
            break;
        }
        if (child + 1 < state->heap_count &&
            is_before(&state->heap[child + 1], &state->heap[child])) {
            child++;
        }
        if (!is_before(&state->heap[child], &last)) {
            break;
        }
        state->heap[at] = state->heap[child];
        at = child;
    }
    state->heap[at] = last;
    return top;
}

/* ---- Ports ---- */

static int open_port(struct switch_state *state, uint32_t port, struct fama_error *error)
{
    char name[IF_NAMESIZE];
    snprintf(name, sizeof(name), "p%u", port);
    unsigned int index = if_nametoindex(name);
    int fd = index == 0
                 ? -1
                 : socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    state->polls[port] = (struct pollfd){.fd = fd, .events = POLLIN};
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    const struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    const int on = 1, bytes = SOCKET_BYTES;
    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM, "switch port %s: %s", name,
                              strerror(errno));
    }
    return 0;
}

static void learn(struct switch_state *state, const uint8_t *mac, uint32_t port)
{
    if ((mac[0] & 1) != 0) {
        return;
    }
    for (uint32_t i = 0; i < state->address_count; i++) {
        if (memcmp(state->addresses[i].mac, mac, ETH_ALEN) == 0) {
            state->addresses[i].port = port;
            return;
        }
    }
    if (state->address_count < ADDRESSES_MAX) {
        memcpy(state->addresses[state->address_count].mac, mac, ETH_ALEN);
        state->addresses[state->address_count++].port = port;
    }
}

/* The port behind an address, or -1: to all. */
static int port_of(const struct switch_state *state, const uint8_t *mac)
{
    for (uint32_t i = 0; i < state->address_count; i++) {
        if (memcmp(state->addresses[i].mac, mac, ETH_ALEN) == 0) {
            return (int)state->addresses[i].port;
        }
    }
    return -1;
}

static void send_now(struct switch_state *state, const uint8_t *frame, size_t bytes, uint32_t port)
{
    if (send(state->polls[port].fd, frame, bytes, 0) == (ssize_t)bytes) {
        state->counters->forwarded++;
    } else {
        state->counters->overflowed++;
    }
}

/* One frame on its way to one port: lost, sent at once, or made to wait. As with netem, a frame picked for
 * reordering skips the delay of the others. */
static void take_to(struct switch_state *state, const uint8_t *frame, size_t bytes, uint32_t port,
                    uint64_t now)
{
    const struct fama_network_faults *faults = state->faults;
    if (chance(state) * 100 < faults->loss_percent) {
        state->counters->lost++;
        return;
    }
    double delay_ms = faults->delay_ms + faults->jitter_ms * (2 * chance(state) - 1);
    bool is_ahead = chance(state) * 100 < faults->reorder_percent;
    if (is_ahead && delay_ms > 0) {
        state->counters->reordered++;
    }
    if (is_ahead || delay_ms <= 0) {
        send_now(state, frame, bytes, port);
        return;
    }
    if (state->free_count == 0) {
        state->counters->overflowed++;
        return;
    }
    uint32_t slot = state->free_slots[--state->free_count];
    memcpy(state->frames[slot], frame, bytes);
    heap_push(state, (struct waiting){.due_ns = now + (uint64_t)(delay_ms * 1e6),
                                      .order = state->order++,
                                      .slot = slot,
                                      .bytes = (uint16_t)bytes,
                                      .port = port});
}

static void receive_from(struct switch_state *state, uint32_t port, uint64_t now)
{
    uint8_t frame[FRAME_BYTES];
    for (int i = 0; i < FRAMES_PER_ROUND; i++) {
        ssize_t bytes = recv(state->polls[port].fd, frame, sizeof(frame), MSG_TRUNC);
        if (bytes < 0) {
            return;
        }
        state->counters->received++;
        if (bytes < ETH_HLEN || (size_t)bytes > sizeof(frame)) {
            state->counters->overflowed++;
            continue;
        }
        learn(state, frame + ETH_ALEN, port);
        int target = port_of(state, frame);
        for (uint32_t to = 0; to < state->ports; to++) {
            if (to != port && (target < 0 || (uint32_t)target == to)) {
                take_to(state, frame, (size_t)bytes, to, now);
            }
        }
    }
}

static void send_due(struct switch_state *state, uint64_t now)
{
    while (state->heap_count > 0 && state->heap[0].due_ns <= now) {
        struct waiting entry = heap_pop(state);
        send_now(state, state->frames[entry.slot], entry.bytes, entry.port);
        state->free_slots[state->free_count++] = entry.slot;
    }
}

static void run(struct switch_state *state)
{
    while (!must_stop) {
        uint64_t now = now_ns();
        uint64_t wait_ns = 100 * 1000 * 1000;
        if (state->heap_count > 0) {
            uint64_t due_ns = state->heap[0].due_ns;
            wait_ns = due_ns <= now ? 0 : due_ns - now < wait_ns ? due_ns - now : wait_ns;
        }
        const struct timespec wait = {.tv_nsec = (long)wait_ns};
        if (ppoll(state->polls, state->ports, &wait, NULL) < 0 && errno != EINTR) {
            return;
        }
        now = now_ns();
        send_due(state, now);
        for (uint32_t port = 0; port < state->ports; port++) {
            if ((state->polls[port].revents & (POLLIN | POLLERR)) != 0) {
                receive_from(state, port, now);
            }
        }
    }
}

int fama_network_switch_run(uint32_t ports, const struct fama_network_faults *faults,
                            struct fama_network_switch_counters *counters, struct fama_error *error)
{
    struct switch_state state = {
        .faults = faults, .ports = ports, .random = faults->seed, .counters = counters};
    if (ports == 0 || ports > FAMA_NETWORK_NODES_MAX) {
        return fama_error_set(error, FAMA_NETWORK_INVALID, "a switch has 1 to %d ports",
                              FAMA_NETWORK_NODES_MAX);
    }
    for (uint32_t i = 0; i < FAMA_NETWORK_NODES_MAX; i++) {
        state.polls[i].fd = -1;
    }
    state.heap = calloc(QUEUE_FRAMES, sizeof(*state.heap));
    state.frames = calloc(QUEUE_FRAMES, sizeof(*state.frames));
    state.free_slots = calloc(QUEUE_FRAMES, sizeof(*state.free_slots));
    int status = 0;
    if (state.heap == NULL || state.frames == NULL || state.free_slots == NULL) {
        status = fama_error_set(error, FAMA_NETWORK_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; status == 0 && i < QUEUE_FRAMES; i++) {
        state.free_slots[state.free_count++] = i;
    }
    for (uint32_t i = 0; status == 0 && i < ports; i++) {
        status = open_port(&state, i, error);
    }
    const struct sigaction action = {.sa_handler = on_signal};
    if (status == 0 &&
        (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0)) {
        status = fama_error_set(error, FAMA_NETWORK_SYSTEM, "signals: %s", strerror(errno));
    }
    if (status == 0) {
        run(&state);
    }
    for (uint32_t i = 0; i < FAMA_NETWORK_NODES_MAX; i++) {
        if (state.polls[i].fd >= 0) {
            close(state.polls[i].fd);
        }
    }
    free(state.heap);
    free(state.frames);
    free(state.free_slots);
    return status;
}
