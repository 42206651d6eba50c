/* From the times that nodes noted of their blocks to how fast blocks spread: the arithmetic of
 * `fama-bench dissemination`, and the rival's figures to hold it against.
 *
 * Time of a block: from the moment its leader handed it on to be cut and sent, to the moment the last of the
 * other nodes had it whole and judged (chain link, data hash, orderers' signatures); and to the moment the
 * last node of all had committed it. Both are also counted from the moment the leader had the block, as the
 * rival's are. A block that is not at every node counts as missing and has no time.
 *
 * Pure: no I/O, no clock. */
#ifndef FAMA_BENCH_DISSEMINATION_FIGURES_H
#define FAMA_BENCH_DISSEMINATION_FIGURES_H

#include <jansson.h>

#include "controlplane/block_times.h"

#define FAMA_SPREAD_NODES_MAX 64
#define FAMA_SPREAD_LATE_NS   UINT64_C(1000000000)

/* What one node noted, in rising block numbers. */
struct fama_spread_node {
    struct fama_block_time *times; /* owned */
    size_t count;
    int64_t clock_ns; /* what to add to its times to have them on one common clock */
};

/* The nodes; the first one is the leader. */
struct fama_spread {
    struct fama_spread_node nodes[FAMA_SPREAD_NODES_MAX];
    size_t count;
};

/* Adds the blocks of an answer to `channel.blocks` to what is known of the node; blocks already known are
 * passed over. False if it makes no sense or memory is out; what was added before stays. */
bool fama_spread_read(struct fama_spread_node *node, const json_t *answer);
void fama_spread_clear(struct fama_spread *spread);

/* Percentiles by nearest rank, in nanoseconds. */
struct fama_spread_times {
    uint64_t p50_ns, p95_ns, p99_ns, max_ns;
};

/* Which blocks are looked at: numbers first..last of these sizes. */
struct fama_spread_choice {
    uint64_t first, last;
    uint64_t least_bytes, most_bytes;
};

struct fama_spread_figures {
    size_t blocks;   /* that have a time */
    size_t missing;  /* that some node lacks, or the leader did not send */
    size_t repaired; /* that some node had to ask for, in whole or in part */
    size_t late;     /* whose last node had them more than FAMA_SPREAD_LATE_NS after the sending */
    uint64_t bytes;  /* median size of those that have a time */
    uint64_t all_bytes;                       /* their sum */
    struct fama_spread_times had;             /* sent -> the last node has it judged */
    struct fama_spread_times committed;       /* sent -> the last node has committed it */
    struct fama_spread_times had_from_leader; /* the leader has it -> the last node has it judged */
    struct fama_spread_times first_had;       /* sent -> the first node has it judged */
};

/* False if memory is out. */
bool fama_spread_judge(const struct fama_spread *spread, const struct fama_spread_choice *choice,
                       struct fama_spread_figures *figures);

/* What a real Fabric network of eight peers on a machine of two cores takes for a block of this size, "LAST
 * peer has it" after the leader has: measured at three sizes, in between on a straight line through the
 * logarithms, beyond them the nearest one's. */
struct fama_spread_rival {
    double p50_ms, p95_ms;
    bool is_measured; /* at about this size; else interpolated or the nearest */
};
struct fama_spread_rival fama_spread_rival_at(uint64_t block_bytes);

#endif
