#include <cpuid.h>

#include "crypto/p256_lanes_64.h"

#include "crypto/p256_batch.h"

/* Not all compilers know ADX by name. */
static bool is_supported(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_BMI2) != 0 &&
           (ebx & bit_ADX) != 0;
}

const struct fama_p256_engine fama_p256_engine_mulx = FAMA_P256_BATCH_ENGINE("mulx", is_supported);
