#include "dataplane/windows.h"

#define BLOCKS 64 /* in a window */

void fama_windows_put_together(struct fama_windows *windows, uint32_t lcore,
                               struct fama_window *window)
{
    struct fama_window *parts = windows->parts[window->channel];
    parts[lcore] = *window;
    for (uint32_t i = 0; i < FAMA_NET_CORES_MAX; i++) {
        window->first = parts[i].first > window->first ? parts[i].first : window->first;
        window->horizon = parts[i].horizon > window->horizon ? parts[i].horizon : window->horizon;
        window->loss = parts[i].loss > window->loss ? parts[i].loss : window->loss;
    }
    window->present = 0;
    for (uint32_t i = 0; i < FAMA_NET_CORES_MAX; i++) {
        uint64_t ago = window->first - parts[i].first;
        window->present |= ago < BLOCKS ? parts[i].present >> ago : 0;
    }
}
