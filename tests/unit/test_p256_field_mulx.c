/* The same with the instructions of BMI2 and ADX, where the machine has them. */
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
#pragma GCC target("bmi2,adx")
#include "unit/p256_field_cases.h"
#if !defined(__BMI2__) || !defined(__ADX__)
#error "the tests below would be those of test_p256_field.c again"
#endif
#pragma GCC pop_options

int main(void)
{
    if (!__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("adx")) {
        fprintf(stderr, "\n*** NO BMI2 OR NO ADX HERE: THEIR FIELD ARITHMETIC IS NOT TESTED ***\n");
        return EXIT_SUCCESS;
    }
    return run_suite("p256 field with BMI2 and ADX", p256_field_cases, P256_FIELD_CASES);
}

#else

int main(void)
{
    fprintf(stderr, "\n*** NOT BUILT BY GCC FOR x86-64: FIELD ARITHMETIC WITH BMI2 AND ADX IS NOT "
                    "TESTED ***\n");
    return EXIT_SUCCESS;
}

#endif
