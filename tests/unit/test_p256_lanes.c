/* Lanes of one number, for machines without wide multiplication. */
#include "crypto/p256_lanes_64.h"

#include "unit/p256_lanes_cases.h"

int main(void)
{
    return run_suite("p256 lanes of 64-bit limbs", p256_lanes_cases, P256_LANES_CASES);
}
