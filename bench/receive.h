/* `fama-bench receive`: how fast a net lcore turns chunks into blocks (dataplane/net_chunks.c itself: judge, open,
 * hash, prove, store, decode, pass on to nobody), beside AES-256-GCM and SHA-256 alone over the same bytes.
 *
 * The lcore has no port: bursts of 32 datagrams, as a port would hand them over, lie in packets; what it passes
 * on goes nowhere, as with a node at the edge of the tree. Roots are called good as soon as a burst is done:
 * verifying signatures is other lcores' work. */
#ifndef FAMA_BENCH_RECEIVE_H
#define FAMA_BENCH_RECEIVE_H

#include "controlplane/command.h"

int fama_bench_receive(int argc, char **argv);
extern const struct fama_command fama_bench_receive_command;

#endif
