#include "controlplane/block_times.h"

void fama_block_times_note(struct fama_block_times *times, const struct fama_block_time *time)
{
    times->kept[time->number % FAMA_BLOCK_TIMES_KEPT] = *time;
}

bool fama_block_times_find(const struct fama_block_times *times, uint64_t number,
                           struct fama_block_time *time)
{
    const struct fama_block_time *kept = &times->kept[number % FAMA_BLOCK_TIMES_KEPT];
    if (number == 0 || kept->number != number) {
        return false;
    }
    *time = *kept;
    return true;
}
