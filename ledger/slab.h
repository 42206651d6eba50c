/* Memory that is taken in small pieces and given back all at once, again and again: what one group of
 * blocks needs while it is judged.
 *
 * Unlike an arena (ledger/arena.h) it is not zeroed, has no limit of its own, and keeps up to
 * FAMA_SLAB_KEPT_BYTES when it is reset, so that a steady load costs no malloc. One thread. */
#ifndef FAMA_LEDGER_SLAB_H
#define FAMA_LEDGER_SLAB_H

#include <stddef.h>

#define FAMA_SLAB_KEPT_BYTES ((size_t)8 << 20)

struct fama_slab_piece;

struct fama_slab { /* zeroed at first */
    struct fama_slab_piece *pieces;
    struct fama_slab_piece *kept; /* of the usual size, for reuse */
};

/* Aligned for any type; NULL when memory is out. Lives until the next reset. */
void *fama_slab_take(struct fama_slab *slab, size_t size);
void fama_slab_reset(struct fama_slab *slab);
void fama_slab_free(struct fama_slab *slab);

#endif
