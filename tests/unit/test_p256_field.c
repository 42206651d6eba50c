/* Arithmetic modulo P-256's prime and order is exact, as any machine computes it. */
#include "unit/p256_field_cases.h"

int main(void)
{
    return run_suite("p256 field", p256_field_cases, P256_FIELD_CASES);
}
