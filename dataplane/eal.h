/* DPDK's environment (EAL): one per process, started from our settings and kept quiet.
 *
 * Logical cores: 0 is the calling thread, then come the net lcores, then the verify lcores, each bound to the
 * CPU its setting names; several may share one CPU. The caller becomes bound to `control_core`, and threads
 * it makes later inherit that binding.
 *
 * DPDK's own words go neither to stdout nor to stderr: the last errors among them are kept for the text of
 * our errors. Main thread. */
#ifndef FAMA_DATAPLANE_EAL_H
#define FAMA_DATAPLANE_EAL_H

#include "dataplane/dataplane.h"

#define FAMA_EAL_LCORE_NET 1 /* the first of them */
/* The first of the verify lcores. */
static inline uint32_t fama_eal_lcore_verify(const struct fama_dataplane_config *config)
{
    return FAMA_EAL_LCORE_NET + config->net_core_count;
}

/* Starts the EAL without any virtual device; a PCI port is taken into its list of allowed devices.
 * FAMA_DATAPLANE_CONFIG or FAMA_DATAPLANE_EAL. After fama_eal_stop it cannot start again in this
 * process. */
int fama_eal_start(const struct fama_dataplane_config *config, struct fama_error *error);
void fama_eal_stop(void);

/* Whether a port is named by a PCI address ("0000:03:00.0", "03:00.0", devargs may follow a comma). */
bool fama_eal_is_pci(const char *port);

/* While libraries that talk to stderr on their own are at work. Main thread, before others are started. */
void fama_eal_quiet_begin(void);
void fama_eal_quiet_end(void);

/* The last errors DPDK reported since fama_eal_words_clear, in one line, or "" . Valid until the next call. */
const char *fama_eal_words(void);
void fama_eal_words_clear(void);

#endif
