#include "crypto/p256_lanes_64.h"

#include "crypto/p256_batch.h"

static bool is_supported(void)
{
    return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("adx");
}

const struct fama_p256_engine fama_p256_engine_mulx = FAMA_P256_BATCH_ENGINE("mulx", is_supported);
