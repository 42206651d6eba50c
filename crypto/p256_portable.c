#include "crypto/p256_lanes_64.h"

#include "crypto/p256_batch.h"

static bool is_supported(void)
{
    return true;
}

const struct fama_p256_engine fama_p256_engine_portable =
    FAMA_P256_BATCH_ENGINE("portable", is_supported);
