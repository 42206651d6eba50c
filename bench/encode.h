/* `fama-bench encode`: how fast the origin thread turns blocks into chunks (dataplane/origin.c itself: cut, code,
 * hash, sign, seal, queue), beside the primitives alone over the same bytes: one AES-256-GCM seal a chunk,
 * parity by ISA-L, SHA-256 of every chunk, one ECDSA signature a set. */
#ifndef FAMA_BENCH_ENCODE_H
#define FAMA_BENCH_ENCODE_H

#include "controlplane/command.h"

int fama_bench_encode(int argc, char **argv);
extern const struct fama_command fama_bench_encode_command;

#endif
