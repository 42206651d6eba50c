/* `fama-bench verify`: how many signatures one core verifies, by every implementation that it can run, each
 * beside OpenSSL in the same run. */
#ifndef FAMA_BENCH_VERIFY_H
#define FAMA_BENCH_VERIFY_H

#include "controlplane/command.h"

int fama_bench_verify(int argc, char **argv);
extern const struct fama_command fama_bench_verify_command;

#endif
