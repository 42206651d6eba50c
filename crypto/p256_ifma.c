#include "crypto/p256_lanes_ifma.h"

#include "crypto/p256_batch.h"

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2") &&
           fama_p256_engine_mulx.is_supported();
}

const struct fama_p256_engine fama_p256_engine_ifma =
    FAMA_P256_BATCH_ENGINE("avx512ifma", is_supported);
