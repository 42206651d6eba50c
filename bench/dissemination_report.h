/* What `fama-bench dissemination` prints: a line for each size of block, for people or as JSON, with the
 * rival's figures beside it. */
#ifndef FAMA_BENCH_DISSEMINATION_REPORT_H
#define FAMA_BENCH_DISSEMINATION_REPORT_H

#include "bench/dissemination_figures.h"

/* What is the same for all sizes. */
struct fama_spread_setting {
    const char *where;   /* "namespaces" or "cluster" */
    const char *planner; /* how chunks are fanned out: "coordinated", "infectious" */
    size_t peers;        /* the leader among them */
    uint64_t mtu;        /* 0: not known */
    double loss_percent; /* that we have made */
    /* How many copies of a block the leader itself sends: its own children's share. */
    double leader_children;
    uint64_t
        clock_error_ns; /* by how much two nodes' clocks may be apart unnoticed; 0: one clock */
    bool as_json;
};

struct fama_spread_line {
    struct fama_spread_figures figures;
    double uplink_bytes; /* that the leader sent for each block, all frames; negative: not known */
};

/* Fills in what a node says of how it sends, in an answer to `channel.blocks`: MTU, planner, and the share of
 * a leader among `peers`. `answer` must outlive the setting. */
void fama_spread_setting_read(struct fama_spread_setting *setting, const json_t *answer);

/* The heading of the table; nothing as JSON. */
void fama_spread_print_heading(const struct fama_spread_setting *setting);
/* Prints one line. 0, or -1 if memory is out or standard output fails. */
int fama_spread_print_line(const struct fama_spread_setting *setting,
                           const struct fama_spread_line *line);
/* What the table's columns mean; nothing as JSON. */
void fama_spread_print_footing(const struct fama_spread_setting *setting);

#endif
