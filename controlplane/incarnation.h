/* The number of this start of the node: higher than that of every start before, also when the clock was
 * set back in between. Others take a message of a lower incarnation for an old one.
 *
 * Kept in the file `incarnation` of the node's directory, replaced atomically. Control thread at start. */
#ifndef FAMA_CONTROLPLANE_INCARNATION_H
#define FAMA_CONTROLPLANE_INCARNATION_H

#include <stdint.h>

#include "crypto/error.h"

enum fama_incarnation_error {
    FAMA_INCARNATION_UNREADABLE = -1, /* the file is there and is not a number */
    FAMA_INCARNATION_UNWRITABLE = -2,
};

/* The wall clock in nanoseconds, or one more than the last incarnation if the clock is behind it. The
 * number is on disk when this returns 0. */
int fama_incarnation_next(const char *directory, uint64_t wall_clock_ns, uint64_t *incarnation,
                          struct fama_error *error);

#endif
