/* `fama-bench`: what makes material for measurements, and what measures. */
#include <signal.h>

#include "bench/blocks.h"
#include "bench/commit.h"
#include "bench/dissemination.h"
#include "bench/encode.h"
#include "bench/fanout.h"
#include "bench/receive.h"
#include "bench/verify.h"
#include "controlplane/command.h"

static const char intro[] =
    "fama-bench: measurements of Fama beside their rivals in the same run, and material for them\n"
    "\n"
    "Measurements print a table, or with --json one JSON object per line: `case`, the figures with "
    "their\n"
    "unit in the name, and `ratio_<rival>`.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage.";

int main(int argc, char **argv)
{
    const struct fama_command commands[] = {
        {"blocks", "write a chain of signed Fabric blocks as files", fama_bench_blocks_help,
         fama_bench_blocks},
        fama_bench_commit_command,
        fama_bench_dissemination_command,
        fama_bench_encode_command,
        fama_bench_fanout_command,
        fama_bench_receive_command,
        fama_bench_verify_command,
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return fama_command_dispatch("fama-bench", intro, commands,
                                 sizeof commands / sizeof commands[0], argc, argv);
}
