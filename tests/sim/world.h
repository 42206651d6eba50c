/* A network in virtual time: nodes that send each other datagrams over links that lose, delay, duplicate
 * and reorder them, partitions, and nodes that crash and come back.
 *
 * Deterministic: one seed, one history. Everything happens inside sim_run, in the order of virtual time;
 * what happens at one instant happens node by node, and at one node in the order in which it was
 * arranged. One thread. */
#ifndef FAMA_TESTS_SIM_WORLD_H
#define FAMA_TESTS_SIM_WORLD_H

#include "crypto/bytes.h"
#include "dataplane/fanout.h"

#define SIM_MS     1000000ull
#define SIM_SECOND 1000000000ull

struct sim_world;

/* Probabilities are per datagram, in parts of 10000. */
struct sim_link {
    uint32_t loss;
    uint32_t duplication;
    uint32_t reordering; /* delayed by up to ten times the jitter more */
    uint64_t delay_ns;
    uint64_t jitter_ns;
    uint64_t grain_ns; /* arrivals are rounded up to it (0: not): a thousand nodes' memory is then
                          walked through node by node, which is many times faster */
};

struct sim_handlers {
    void *context;
    void (*on_datagram)(void *context, uint32_t node, uint32_t from, struct fama_bytes datagram);
    void (*on_timer)(void *context, uint32_t node);
};

/* The seed of FAMA_SIM_SEED, or one of the clock; printed. */
uint64_t sim_seed(const char *test);

/* All nodes are up, links are as given. Aborts when out of memory, as everything here. */
struct sim_world *sim_create(uint32_t nodes, uint64_t seed, const struct sim_link *link,
                             const struct sim_handlers *handlers);
void sim_destroy(struct sim_world *world);

uint64_t sim_now_ns(const struct sim_world *world);
struct fama_random *sim_random(struct sim_world *world);

/* All links, or one direction of one. */
void sim_set_links(struct sim_world *world, const struct sim_link *link);
void sim_set_link(struct sim_world *world, uint32_t from, uint32_t to, const struct sim_link *link);
/* Nodes hear only those of their own side; all begin on side 0. */
void sim_set_side(struct sim_world *world, uint32_t node, uint32_t side);
/* A node that is down hears nothing, and its timers are gone. */
void sim_crash(struct sim_world *world, uint32_t node);
void sim_restart(struct sim_world *world, uint32_t node);
bool sim_is_up(const struct sim_world *world, uint32_t node);

void sim_send(struct sim_world *world, uint32_t from, uint32_t to, struct fama_bytes datagram);
/* Calls on_timer once at this time, if the node has not crashed in between. */
void sim_timer(struct sim_world *world, uint32_t node, uint64_t at_ns);
void sim_run(struct sim_world *world, uint64_t until_ns);

uint64_t sim_sent(const struct sim_world *world);
uint64_t sim_lost(const struct sim_world *world);

#endif
