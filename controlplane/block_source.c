#include "controlplane/block_source.h"

#define SECOND_NS       1e9
#define INTERVAL_MAX_NS 86400e9 /* a day: slower than that is stopped */

uint64_t fama_block_pace_due_ns(struct fama_block_pace pace, uint64_t due_ns, uint64_t now_ns)
{
    if (!(pace.blocks_per_second > 0)) {
        return now_ns;
    }
    double interval_ns = SECOND_NS / pace.blocks_per_second;
    uint64_t interval = (uint64_t)(interval_ns < INTERVAL_MAX_NS ? interval_ns : INTERVAL_MAX_NS);
    if (now_ns > due_ns && now_ns - due_ns > FAMA_BLOCK_PACE_CATCH_UP_NS) {
        due_ns = now_ns;
    }
    return due_ns > UINT64_MAX - interval ? UINT64_MAX : due_ns + interval;
}

uint64_t fama_block_retry_after_ns(uint32_t attempts, uint64_t random)
{
    uint64_t wait = FAMA_BLOCK_RETRY_FIRST_NS;
    for (uint32_t i = 1; i < attempts && wait < FAMA_BLOCK_RETRY_MAX_NS; i++) {
        wait *= 2;
    }
    if (wait > FAMA_BLOCK_RETRY_MAX_NS) {
        wait = FAMA_BLOCK_RETRY_MAX_NS;
    }
    return wait / 2 + random % (wait / 2 + 1);
}
