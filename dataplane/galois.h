/* Sums of products over GF(2^8) with the polynomial 0x11d, which is the field of ISA-L, of whole chunks:
 * made[r][b] = sum over j of coefficients[r * k + j] * sources[j][b].
 *
 * By ISA-L, or in about a third of its time where the processor multiplies a vector of octets by a matrix of
 * bits (GFNI with AVX-512): to multiply by a constant is such a matrix. Both give the same octets, and no octet outside
 * of what is named is read or written.
 *
 * No allocation, no state. Coefficients are our own; nobody outside chooses
 * sizes but within what the caller has checked. */
#ifndef FAMA_DATAPLANE_GALOIS_H
#define FAMA_DATAPLANE_GALOIS_H

#include <stddef.h>
#include <stdint.h>

enum fama_galois {
    FAMA_GALOIS_ISAL = 0,
    FAMA_GALOIS_GFNI = 1,
};

/* Of one coefficient, made ready. */
#define FAMA_GALOIS_FACTOR_MAX 32

/* The fastest that this processor has. */
enum fama_galois fama_galois_best(void);

/* How many octets fama_galois_prepare makes of one coefficient: those of row r begin at r * k times as many. */
size_t fama_galois_factor_bytes(enum fama_galois kind);
/* Makes `rows` rows of k coefficients each ready for fama_galois_combine of the same kind. */
void fama_galois_prepare(enum fama_galois kind, uint32_t k, uint32_t rows,
                         const uint8_t *coefficients, uint8_t *factors);
/* `bytes` of each of `rows` sums of k sources. No two of these places overlap, unless both are sources. */
void fama_galois_combine(enum fama_galois kind, uint32_t bytes, uint32_t k, uint32_t rows,
                         const uint8_t *factors, const uint8_t *const sources[],
                         uint8_t *const made[]);

#endif
