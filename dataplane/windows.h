/* What is at hand of each channel's next blocks, put together from what the net lcores know of those they
 * own.
 *
 * Each lcore tells its own part when that has changed; a part stays true of that lcore's blocks until the
 * next. Parts are told at different times, so they may begin at different heights of the ledger: the whole
 * begins at the highest.
 * Owner: the control thread. Sans-I/O. */
#ifndef FAMA_DATAPLANE_WINDOWS_H
#define FAMA_DATAPLANE_WINDOWS_H

#include "dataplane/dataplane.h"

struct fama_windows {
    struct fama_window parts[FAMA_CHANNELS_MAX][FAMA_NET_CORES_MAX];
};

/* Takes a net lcore's part of a channel (both in range), and makes it the whole as far as it is known. */
void fama_windows_put_together(struct fama_windows *windows, uint32_t lcore,
                               struct fama_window *window);

#endif
