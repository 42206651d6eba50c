/* `fama-bench fanout`: how fast one net lcore sends chunks to many targets, beside the limit (DPDK's own
 * testpmd on the same port) and beside what a user would otherwise have (a kernel socket with sendmmsg and UDP
 * segmentation offload, from one core). testpmd runs twice: with frames in one piece, and with frames in two, a
 * header and a payload, as ours are.
 *
 * All send datagrams of one size, and what counts is what arrives as datagrams of that size. On af_packet all
 * send through the same veth pair, in namespaces the bench makes and removes, and the kernel counts
 * frames at the far end, so the counting is nobody's own. On memif our dataplane and testpmd send through
 * shared memory to one and the same receiving process, which counts; the kernel's sender keeps to the veth
 * pair. That pair has no segmentation of its own to offload to: there is no wire behind it, and frames that
 * nobody ever cuts would cost the kernel nothing to cut.
 *
 * What is measured of Fama is its net lcore. It is fed with chunks that have been cut once: what an origin
 * thread needs to hash, code and seal them is another bench's matter, and on two cores would be the limit. All
 * senders have as many mbufs, the same rings, hand over as many frames at once, never sleep, and send payloads
 * that lie in their core's cache.
 *
 * Rates are frames per second of the time that the sending core gave the sender, for on a shared machine it may
 * be given to others too; those by the clock stand beside them. Rounds alternate between the senders, every
 * other one backwards; each ratio is the median of the rounds' ratios. Of the memif sink it is told what share of
 * its frames it found with a full burst of others: near 1 the sink was the limit, and not the sender, and the
 * ratios by the clock are those that mean something. Memif's two cores may be close or far apart; a round during
 * which that changed is repeated. */
#ifndef FAMA_BENCH_FANOUT_H
#define FAMA_BENCH_FANOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "controlplane/command.h"

int fama_bench_fanout(int argc, char **argv);
extern const struct fama_command fama_bench_fanout_command;

#define FAMA_FANOUT_TARGETS_MAX 64

/* In memory that the processes share. */
struct fama_fanout_tally {
    _Atomic uint64_t frames;  /* that arrived at the memif sink */
    _Atomic uint64_t crowded; /* of these, in a full burst: the sink was behind */
    _Atomic uint64_t flag;    /* goes to and fro between the cores */
    _Atomic uint64_t distance_ns;
};

/* What all senders share. */
struct fama_fanout_case {
    const char *device;   /* what the DPDK senders open: driver and arguments */
    const char *sink;     /* what the memif sink opens, or NULL on a veth pair */
    uint32_t source_ipv4; /* host byte order */
    uint32_t first_ipv4;  /* targets are first_ipv4, first_ipv4 + 1, ... */
    uint16_t port;
    uint32_t targets;
    uint32_t datagram_bytes; /* UDP payload */
    uint32_t core;           /* the CPU that sends */
    uint32_t helper_core;    /* the CPU for everything that is not sending */
    struct fama_fanout_tally *tally;
};

bool fama_fanout_pin_to(uint32_t core);
/* Lets this process's lcores on that core run only when nobody else wants it. */
void fama_fanout_yield_core(uint32_t core);
/* How long a word takes from the sending core to the other and back, when nothing else happens; 0 if that could
 * not be measured. */
uint64_t fama_fanout_distance_ns(const struct fama_fanout_case *what);
/* Nanoseconds that threads of a process that are bound to `core` have run. False if there are none. */
bool fama_fanout_core_time(pid_t pid, uint32_t core, uint64_t *ns);

/* The senders: each runs in a process of its own, already in the sending namespace, until it is killed.
 * They return an exit code only when they could not start. */
int fama_fanout_run_dataplane(const struct fama_fanout_case *what);
int fama_fanout_run_sendmmsg(const struct fama_fanout_case *what);
int fama_fanout_run_testpmd(const struct fama_fanout_case *what, const char *target_mac);
int fama_fanout_run_testpmd_chained(const struct fama_fanout_case *what, const char *target_mac);
/* The sinks: each runs in a process of its own, until it is killed, and answers ARP for every target with
 * `mac`. The first is at the receiving end of the veth pair and leaves counting to the kernel. */
int fama_fanout_run_veth_sink(const struct fama_fanout_case *what, const uint8_t mac[6]);
int fama_fanout_run_memif_sink(const struct fama_fanout_case *what, const uint8_t mac[6]);

#endif
