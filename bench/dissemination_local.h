/* The local network that `fama-bench dissemination` measures: real node processes in namespaces, made and
 * ended by `fama network`, whose program lies beside this one; one of them leads, and takes blocks from a
 * folder into which they are moved one by one.
 *
 * Needs root. Main thread. Whatever is made is removed by fama_spread_local_end, also after failures. */
#ifndef FAMA_BENCH_DISSEMINATION_LOCAL_H
#define FAMA_BENCH_DISSEMINATION_LOCAL_H

#include <jansson.h>

#include "controlplane/network_topology.h"

struct fama_spread_local_setup {
    const char *directory; /* where a folder for all of it is made */
    uint64_t peers;
    uint64_t mtu;
    double loss_percent;
    uint64_t seed;       /* of the losses */
    const char *idle;    /* "adaptive" or "poll" */
    const char *planner; /* "coordinated" or "infectious" */
};

struct fama_spread_local {
    char folder[PATH_MAX / 2];
    char staged[PATH_MAX]; /* blocks that wait: NNNNNN.block */
    char source[PATH_MAX]; /* blocks that the leader finds */
    struct fama_network *network;
};

/* Makes folders, identities and the genesis block; nothing runs yet. 0 or -1. */
int fama_spread_local_create(const struct fama_spread_local_setup *setup,
                             struct fama_spread_local *local, struct fama_error *error);
/* Starts the nodes; returns when all have joined the channel and know each other. */
int fama_spread_local_up(const struct fama_spread_local *local, struct fama_error *error);
/* Gives the leader the next block. */
int fama_spread_local_release(const struct fama_spread_local *local, uint64_t number,
                              struct fama_error *error);
/* Whether every node has committed all blocks below `height`. False too if one does not answer. */
bool fama_spread_local_has(const struct fama_spread_local *local, uint64_t height);
/* Asks a node (0: the leader); `request` is stolen, *answer the caller's. */
int fama_spread_local_ask(const struct fama_spread_local *local, uint32_t node, json_t *request,
                          json_t **answer, struct fama_error *error);
/* Stops everything and removes the folder, or keeps it: configurations, logs, ledgers. */
void fama_spread_local_end(struct fama_spread_local *local, bool is_kept);

#endif
