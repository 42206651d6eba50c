/* `fama-bench fanout`: how fast one net lcore sends chunks to many targets, beside the limit (DPDK's own
 * testpmd on the same port type) and beside what a user would otherwise have (sendmmsg from one core).
 *
 * All three send datagrams of one size through the same veth pair, in namespaces the bench makes and
 * removes; the frames are counted by the kernel at the far end, so the counting is nobody's own. Rounds
 * alternate between the three and the medians are compared. */
#ifndef FAMA_BENCH_FANOUT_H
#define FAMA_BENCH_FANOUT_H

#include <stdint.h>

#include "controlplane/command.h"

int fama_bench_fanout(int argc, char **argv);
extern const struct fama_command fama_bench_fanout_command;

#define FAMA_FANOUT_TARGETS_MAX 64

/* What all senders share. */
struct fama_fanout_case {
    const char *interface; /* the sending end of the veth pair */
    uint32_t source_ipv4;  /* host byte order */
    uint32_t first_ipv4;   /* targets are first_ipv4, first_ipv4 + 1, ... */
    uint16_t port;
    uint32_t targets;
    uint32_t datagram_bytes; /* UDP payload */
    uint32_t core;           /* the CPU that sends */
    uint32_t helper_core;    /* the CPU for everything that is not sending */
};

/* The senders: each runs in a process of its own, already in the sending namespace, until it is killed.
 * They return an exit code only when they could not start. */
int fama_fanout_run_dataplane(const struct fama_fanout_case *what);
int fama_fanout_run_sendmmsg(const struct fama_fanout_case *what);
int fama_fanout_run_testpmd(const struct fama_fanout_case *what, const char *target_mac);
/* Answers ARP for every target with `mac`, in the receiving namespace, until it is killed. */
int fama_fanout_run_sink(const struct fama_fanout_case *what, const uint8_t mac[6]);

#endif
