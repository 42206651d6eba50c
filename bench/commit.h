/* `fama-bench commit`: how fast a node validates and commits, beside OpenSSL's own verification in the same
 * run and beside what a real Fabric peer does. */
#ifndef FAMA_BENCH_COMMIT_H
#define FAMA_BENCH_COMMIT_H

#include "controlplane/command.h"

int fama_bench_commit(int argc, char **argv);
extern const struct fama_command fama_bench_commit_command;

#endif
