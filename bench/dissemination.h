/* `fama-bench dissemination`: how long blocks take from an organisation's leader to the last of its peers,
 * beside a real Fabric network's.
 *
 * Locally, node processes run in namespaces of this machine: blocks of each size are given to the leader one
 * after the other, with a pause between them, and when a series is through the nodes are asked when each
 * block was where (`channel.blocks` of the admin socket). On a cluster of the user's own, nothing is started
 * and nothing sent: the blocks that pass are watched. Nothing is measured by this process itself. */
#ifndef FAMA_BENCH_DISSEMINATION_H
#define FAMA_BENCH_DISSEMINATION_H

#include <signal.h>
#include <stdint.h>

#include "controlplane/command.h"

int fama_bench_dissemination(int argc, char **argv);
extern const struct fama_command fama_bench_dissemination_command;

#define FAMA_SPREAD_SIZES_MAX 16

struct fama_spread_series {
    uint64_t bytes;
    uint64_t blocks;
    uint64_t pause_ms; /* from one block to the next */
};

struct fama_spread_options {
    struct fama_spread_series series[FAMA_SPREAD_SIZES_MAX];
    size_t series_count;
    uint64_t peers;
    uint64_t mtu;
    double loss_percent;
    uint64_t seed;
    const char *idle;
    const char *planner;
    const char *directory;
    const char *cluster; /* hosts.yaml; NULL: local */
    uint64_t blocks;     /* to watch on a cluster */
    double seconds;      /* the most to wait for them */
    bool as_json;
    bool keep; /* what a local network leaves behind */
};

/* Both return an exit code. They end early, and clean up, when the flag is raised. */
int fama_spread_measure_local(const struct fama_spread_options *options,
                              const volatile sig_atomic_t *is_interrupted);
int fama_spread_measure_cluster(const struct fama_spread_options *options,
                                const volatile sig_atomic_t *is_interrupted);

#endif
