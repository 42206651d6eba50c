/* Eight lanes by AVX-512 IFMA, where the machine has it. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <openssl/bn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx512ifma,avx512vbmi2,bmi2,adx")
#include "crypto/p256_lanes_ifma.h"

#include "unit/p256_lanes_cases.h"
#pragma GCC pop_options

int main(void)
{
    if (!fama_p256_engine_ifma.is_supported()) {
        fprintf(stderr, "\n*** NO AVX-512 IFMA HERE: ITS LANES ARE NOT TESTED ***\n");
        return EXIT_SUCCESS;
    }
    return run_suite("p256 lanes of AVX-512 IFMA", p256_lanes_cases, P256_LANES_CASES);
}

#else

int main(void)
{
    fprintf(stderr,
            "\n*** NOT BUILT BY GCC FOR x86-64: LANES OF AVX-512 IFMA ARE NOT TESTED ***\n");
    return EXIT_SUCCESS;
}

#endif
