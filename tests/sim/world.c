#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OVERRIDES_MAX 256
#define NOBODY        UINT32_MAX

struct event {
    uint64_t at_ns;
    uint64_t order; /* among the events of one instant at one node */
    uint32_t node;
    uint32_t from; /* NOBODY: a timer */
    uint32_t life; /* of a timer's node */
    uint32_t len;
    uint8_t *datagram;
};

struct node {
    bool is_up;
    uint32_t life; /* counts crashes */
    uint32_t side;
};

struct override {
    uint32_t from;
    uint32_t to;
    struct sim_link link;
};

struct sim_world {
    struct sim_handlers handlers;
    struct fama_random random;
    uint64_t now_ns;
    uint64_t orders;
    uint64_t sent;
    uint64_t lost;
    struct sim_link link;
    uint32_t override_count;
    struct override overrides[OVERRIDES_MAX];
    uint32_t node_count;
    struct node *nodes;
    size_t event_count;
    size_t event_room;
    struct event *events; /* a binary heap, the earliest first */
};

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "the simulator is out of memory\n");
        abort();
    }
    return memory;
}

uint64_t sim_seed(const char *test)
{
    const char *given = getenv("FAMA_SIM_SEED");
    struct timespec now = {0};
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        abort();
    }
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)now.tv_sec * SIM_SECOND + (uint64_t)now.tv_nsec;
    printf("(%s: FAMA_SIM_SEED=%" PRIu64 ") ", test, seed);
    (void)fflush(stdout);
    return seed;
}

struct sim_world *sim_create(uint32_t nodes, uint64_t seed, const struct sim_link *link,
                             const struct sim_handlers *handlers)
{
    struct sim_world *world = or_abort(calloc(1, sizeof(*world)));
    world->handlers = *handlers;
    world->link = *link;
    world->node_count = nodes;
    world->nodes = or_abort(calloc(nodes, sizeof(*world->nodes)));
    for (uint32_t i = 0; i < nodes; i++) {
        world->nodes[i].is_up = true;
    }
    fama_random_seed(&world->random, seed);
    return world;
}

void sim_destroy(struct sim_world *world)
{
    for (size_t i = 0; i < world->event_count; i++) {
        free(world->events[i].datagram);
    }
    free(world->events);
    free(world->nodes);
    free(world);
}

uint64_t sim_now_ns(const struct sim_world *world)
{
    return world->now_ns;
}

struct fama_random *sim_random(struct sim_world *world)
{
    return &world->random;
}

uint64_t sim_sent(const struct sim_world *world)
{
    return world->sent;
}

uint64_t sim_lost(const struct sim_world *world)
{
    return world->lost;
}

/* ---- The heap ---- */

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->at_ns != b->at_ns) {
        return a->at_ns < b->at_ns;
    }
    return a->node != b->node ? a->node < b->node : a->order < b->order;
}

static void push(struct sim_world *world, struct event event)
{
    if (world->event_count == world->event_room) {
        world->event_room = world->event_room == 0 ? 1024 : world->event_room * 2;
        world->events =
            or_abort(realloc(world->events, world->event_room * sizeof(*world->events)));
    }
    event.order = world->orders++;
    size_t at = world->event_count++;
    while (at > 0 && is_before(&event, &world->events[(at - 1) / 2])) {
        world->events[at] = world->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->events[at] = event;
}

static struct event pop(struct sim_world *world)
{
    struct event first = world->events[0];
    struct event last = world->events[--world->event_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->event_count) {
            break;
        }
        if (child + 1 < world->event_count &&
            is_before(&world->events[child + 1], &world->events[child])) {
            child++;
        }
        if (!is_before(&world->events[child], &last)) {
            break;
        }
        world->events[at] = world->events[child];
        at = child;
    }
    world->events[at] = last;
    return first;
}

/* ---- Faults ---- */

void sim_set_links(struct sim_world *world, const struct sim_link *link)
{
    world->link = *link;
    world->override_count = 0;
}

void sim_set_link(struct sim_world *world, uint32_t from, uint32_t to, const struct sim_link *link)
{
    uint32_t i = 0;
    while (i < world->override_count &&
           (world->overrides[i].from != from || world->overrides[i].to != to)) {
        i++;
    }
    if (i == OVERRIDES_MAX) {
        fprintf(stderr, "more than %d links of their own kind\n", OVERRIDES_MAX);
        abort();
    }
    if (i == world->override_count) {
        world->override_count++;
    }
    world->overrides[i] = (struct override){.from = from, .to = to, .link = *link};
}

static const struct sim_link *link_between(const struct sim_world *world, uint32_t from,
                                           uint32_t to)
{
    for (uint32_t i = 0; i < world->override_count; i++) {
        if (world->overrides[i].from == from && world->overrides[i].to == to) {
            return &world->overrides[i].link;
        }
    }
    return &world->link;
}

void sim_set_side(struct sim_world *world, uint32_t node, uint32_t side)
{
    world->nodes[node].side = side;
}

void sim_crash(struct sim_world *world, uint32_t node)
{
    world->nodes[node].is_up = false;
    world->nodes[node].life++;
}

void sim_restart(struct sim_world *world, uint32_t node)
{
    world->nodes[node].is_up = true;
}

bool sim_is_up(const struct sim_world *world, uint32_t node)
{
    return world->nodes[node].is_up;
}

/* ---- Events ---- */

static bool happens(struct sim_world *world, uint32_t parts_of_10000)
{
    return parts_of_10000 > 0 && fama_random_below(&world->random, 10000) < parts_of_10000;
}

static uint64_t up_to(struct sim_world *world, uint64_t bound_ns)
{
    return bound_ns > 0 ? fama_random_next(&world->random) % bound_ns : 0;
}

static void deliver_later(struct sim_world *world, const struct sim_link *link, uint32_t from,
                          uint32_t to, struct fama_bytes datagram)
{
    uint64_t delay_ns = link->delay_ns + up_to(world, link->jitter_ns);
    if (happens(world, link->reordering)) {
        delay_ns += up_to(world, link->jitter_ns * 10);
    }
    uint8_t *copy = or_abort(malloc(datagram.len + 1));
    memcpy(copy, datagram.at, datagram.len);
    uint64_t at_ns = world->now_ns + delay_ns;
    if (link->grain_ns > 0) {
        at_ns += link->grain_ns - 1 - (at_ns - 1) % link->grain_ns;
    }
    push(world, (struct event){.at_ns = at_ns,
                               .node = to,
                               .from = from,
                               .len = (uint32_t)datagram.len,
                               .datagram = copy});
}

void sim_send(struct sim_world *world, uint32_t from, uint32_t to, struct fama_bytes datagram)
{
    world->sent++;
    if (to >= world->node_count) {
        world->lost++; /* There is nobody at this address. */
        return;
    }
    const struct sim_link *link = link_between(world, from, to);
    if (happens(world, link->loss)) {
        world->lost++;
        return;
    }
    deliver_later(world, link, from, to, datagram);
    if (happens(world, link->duplication)) {
        deliver_later(world, link, from, to, datagram);
    }
}

void sim_timer(struct sim_world *world, uint32_t node, uint64_t at_ns)
{
    push(world, (struct event){.at_ns = at_ns > world->now_ns ? at_ns : world->now_ns,
                               .node = node,
                               .from = NOBODY,
                               .life = world->nodes[node].life});
}

static void happen(struct sim_world *world, const struct event *event)
{
    const struct node *node = &world->nodes[event->node];
    if (event->from == NOBODY) {
        if (node->is_up && node->life == event->life) {
            world->handlers.on_timer(world->handlers.context, event->node);
        }
        return;
    }
    if (node->is_up && node->side == world->nodes[event->from].side) {
        world->handlers.on_datagram(world->handlers.context, event->node, event->from,
                                    fama_bytes(event->datagram, event->len));
    } else {
        world->lost++;
    }
    free(event->datagram);
}

void sim_run(struct sim_world *world, uint64_t until_ns)
{
    while (world->event_count > 0 && world->events[0].at_ns <= until_ns) {
        struct event event = pop(world);
        world->now_ns = event.at_ns;
        happen(world, &event);
    }
    world->now_ns = until_ns;
}
