/* Parity: a set of k data chunks gets m parity chunks, so that any k of the k + m give all data back.
 *
 * Reed-Solomon over GF(2^8) as ISA-L computes it, with its Cauchy matrix (gf_gen_cauchy1_matrix): the
 * coefficient of data chunk j in parity chunk p is 1 / ((k + p) xor j). Every square submatrix of a
 * Cauchy matrix has an inverse; hence any k chunks do. Coefficients do not depend on m: with a smaller m
 * there are just fewer chunks of the same.
 *
 * All chunks of a set are `chunk_bytes` long, but for the last data chunk, which may end early: it counts
 * as continued with zeros, which are in nobody's buffer. It is never read or written beyond last_bytes.
 *
 * Decoding costs a solution of e equations for e missing data chunks and then e sums over k chunks. The
 * solutions are remembered for the FAMA_ERASURE_SOLUTIONS patterns used last.
 *
 * Owner: one thread. All memory is taken at creation (about 2.1 MiB, of which only what is used is ever
 * backed).
 *
 * Adversary: who sends chunks. Shapes and masks may be passed as they came from the wire: what is not
 * possible is refused. Of chunks that do not belong together decoding makes garbage, within its bounds; who
 * must know encodes again and compares. */
#ifndef FAMA_DATAPLANE_ERASURE_H
#define FAMA_DATAPLANE_ERASURE_H

#include <stdint.h>

#define FAMA_ERASURE_DATA_MAX        32
#define FAMA_ERASURE_PARITY_MAX      32
#define FAMA_ERASURE_CHUNKS_MAX      64
#define FAMA_ERASURE_CHUNK_BYTES_MAX 65535
#define FAMA_ERASURE_SOLUTIONS       32

struct fama_erasure;

enum fama_erasure_result {
    FAMA_ERASURE_BAD_SHAPE = -1,      /* outside the limits above */
    FAMA_ERASURE_BAD_MASK = -2,       /* chunks are present that the set does not have */
    FAMA_ERASURE_TOO_FEW_CHUNKS = -3, /* fewer than k */
};

struct fama_erasure_shape {
    uint32_t data_chunks;   /* k, 1..FAMA_ERASURE_DATA_MAX */
    uint32_t parity_chunks; /* m, 0..FAMA_ERASURE_PARITY_MAX */
    uint32_t chunk_bytes;   /* 1..FAMA_ERASURE_CHUNK_BYTES_MAX */
    uint32_t last_bytes;    /* of the last data chunk, 1..chunk_bytes */
};

struct fama_erasure_counts {
    uint64_t encoded;  /* sets */
    uint64_t decoded;  /* sets of which something was missing */
    uint64_t rebuilt;  /* data chunks */
    uint64_t solved;   /* solutions that had to be made... */
    uint64_t recalled; /* ...and that were still there */
};

/* NULL when out of memory. */
struct fama_erasure *fama_erasure_create(void);
/* NULL is fine. */
void fama_erasure_destroy(struct fama_erasure *erasure);

/* Writes the m parity chunks of k data chunks. Returns 0 or BAD_SHAPE. */
int fama_erasure_encode(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                        const uint8_t *const data[], uint8_t *const parity[]);

/* Writes those of the parity chunks that `wanted` names, bit i = parity chunk i; the other places in `parity` are
 * not looked at. Returns 0, BAD_SHAPE, or BAD_MASK if the set does not have them. */
int fama_erasure_encode_some(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                             uint32_t wanted, const uint8_t *const data[], uint8_t *const parity[]);

/* Writes the data chunks that are missing into their places. `chunks` has k + m places, data first: all k
 * data chunks' places must be there, present or not; of parity chunks only those that are present, which
 * are read and never written. Bit i of `present`: chunk i is there. Returns how many chunks were rebuilt,
 * or a negative result, and nothing is written then. */
int fama_erasure_decode(struct fama_erasure *erasure, const struct fama_erasure_shape *shape,
                        uint64_t present, uint8_t *const chunks[]);

const struct fama_erasure_counts *fama_erasure_counts(const struct fama_erasure *erasure);

#endif
