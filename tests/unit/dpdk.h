/* DPDK's environment for unit tests: ordinary pages, no devices, no files left behind. Once per process. */
#ifndef FAMA_TESTS_UNIT_DPDK_H
#define FAMA_TESTS_UNIT_DPDK_H

#include <rte_eal.h>
#include <rte_errno.h>
#include <stdbool.h>
#include <stdio.h>

static inline bool start_dpdk(void)
{
    static char words[][20] = {"test", "--no-huge", "--no-pci",       "--no-shconf",
                               "-m",   "64",        "--no-telemetry", "--log-level=error"};
    char *arguments[sizeof words / sizeof words[0]];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        arguments[i] = words[i];
    }
    if (rte_eal_init((int)(sizeof words / sizeof words[0]), arguments) < 0) {
        fprintf(stderr, "DPDK does not start here: %s\n", rte_strerror(rte_errno));
        return false;
    }
    return true;
}

#endif
