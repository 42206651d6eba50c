/* What a network's nodes say about themselves, brought together: per node its height, last hash, commit
 * hash, how its blocks came and how long they took, and one verdict, whether all ledgers and states are
 * identical.
 *
 * Time of a block at a node: from the moment before the first datagram its leader sent (sent_ns of the
 * leader's arrival) to the node's commit (durable_ns). The leader is the node's own organisation's; where
 * that one did not send the block, or sent it after the node already had it, the other leaders' last
 * moment before the commit counts. Blocks nobody sent (genesis, or all by pull) have no time. All clocks
 * are one machine's.
 *
 * No I/O: rows are filled by whoever asks the nodes. Any one thread. */
#ifndef FAMA_CONTROLPLANE_NETWORK_REPORT_H
#define FAMA_CONTROLPLANE_NETWORK_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Arrivals kept per node: of a longer chain, the last ones. */
#define FAMA_REPORT_ARRIVALS_MAX 200000

enum fama_report_path {
    FAMA_REPORT_GENESIS = 0,
    FAMA_REPORT_SOURCE = 1,
    FAMA_REPORT_PUSH = 2,
    FAMA_REPORT_PULL = 3,
    FAMA_REPORT_PATHS = 4,
};

struct fama_report_arrival {
    uint64_t number;
    enum fama_report_path path;
    uint64_t sent_ns; /* 0: this node did not send it */
    uint64_t durable_ns;
};

struct fama_report_row {
    const char *node; /* borrowed, as are the next two */
    const char *org;
    const char *role;
    bool has_answered;
    char problem[256]; /* why it has not */
    uint64_t height;
    char last_hash[65];
    char commit_hash[65];                 /* "": it has none */
    uint64_t transactions, invalid;       /* judged since the node started */
    json_t *refused;                      /* block refusals by name, or NULL; owned */
    json_t *drops;                        /* datagram drops by name, or NULL; owned */
    struct fama_report_arrival *arrivals; /* rising numbers; owned, freed by fama_report_clear */
    size_t arrival_count;
    /* Filled by fama_report_judge: */
    uint64_t blocks_by[FAMA_REPORT_PATHS];
    size_t timed_blocks;
    uint64_t p50_ns, p99_ns; /* nearest rank; 0 if no block was timed */
};

struct fama_report {
    struct fama_report_row *rows;
    size_t count;
    /* Filled by fama_report_judge: */
    bool all_answered;
    bool is_identical; /* all answered, with equal height, last hash and commit hash */
    char verdict[512]; /* "ledgers and states: identical (7 nodes, height 201)" or what differs */
};

/* Reads the answers' JSON into a row. False, with words in `problem`, if they make no sense. */
bool fama_report_read_status(struct fama_report_row *row, const json_t *status,
                             const char *channel);
bool fama_report_read_arrivals(struct fama_report_row *row, const json_t *answer);

/* Counts, times and compares. Returns false if out of memory. */
bool fama_report_judge(struct fama_report *report);
void fama_report_clear(struct fama_report *report); /* what the rows own; not the rows */

void fama_report_print(const struct fama_report *report, FILE *out);
/* The whole report as one object, to be released by the caller; NULL if out of memory. */
json_t *fama_report_json(const struct fama_report *report);

#endif
