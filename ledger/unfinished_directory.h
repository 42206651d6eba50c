/* A directory that appears whole or not at all: made under the name with ".unfinished" behind it, on the disk
 * before it is given its own. One thread. Adversary: a crash at any moment.
 *
 * Errors are those of ledger/snapshot_file.h. */
#ifndef FAMA_LEDGER_UNFINISHED_DIRECTORY_H
#define FAMA_LEDGER_UNFINISHED_DIRECTORY_H

#include "ledger/snapshot_file.h"

struct fama_unfinished_directory {
    char path[FAMA_SNAPSHOT_PATH_BYTES];   /* what it is to be */
    char making[FAMA_SNAPSHOT_PATH_BYTES]; /* what it is until then */
};

/* Demands that nothing has the name yet. The unfinished one is not made, and may exist from before. */
int fama_unfinished_directory_plan(const char *path, struct fama_unfinished_directory *directory,
                                   struct fama_error *error);
/* Gives it its name. What is in it must be on the disk already. */
int fama_unfinished_directory_finish(const struct fama_unfinished_directory *directory,
                                     struct fama_error *error);

#endif
