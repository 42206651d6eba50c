/* Inverses modulo the prime of P-256's field and modulo the order of its group.
 *
 * The division steps of Bernstein and Yang ("Fast constant-time gcd computation and modular inversion",
 * 2019), 62 at a time on the lowest bits alone, but with the time they take left to depend on the number:
 * public data only. Stateless; any thread; never fails. */
#ifndef FAMA_CRYPTO_P256_INVERSE_H
#define FAMA_CRYPTO_P256_INVERSE_H

#include <stdint.h>

/* Plain numbers (not in Montgomery form) of four limbs, the lowest first; `a` is below the modulus. The
 * inverse of 0 is 0. `inverse` may be `a`. */
void fama_p256_invert_p(const uint64_t a[4], uint64_t inverse[4]);
void fama_p256_invert_n(const uint64_t a[4], uint64_t inverse[4]);

#endif
