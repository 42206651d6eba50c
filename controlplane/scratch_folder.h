/* Folders that exist only while a command runs. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_SCRATCH_FOLDER_H
#define FAMA_CONTROLPLANE_SCRATCH_FOLDER_H

#include <stddef.h>

#include "crypto/error.h"

/* Makes a new folder in `parent`, its name beginning with `prefix`, and writes its path to `path`. Returns 0 or
 * -1 with words. */
int fama_scratch_make(const char *parent, const char *prefix, char *path, size_t size,
                      struct fama_error *error);
/* Removes the folders that fama_scratch_make made in `parent` for commands that were killed: where nobody else
 * can be making one, as under a lock. */
void fama_scratch_sweep(const char *parent, const char *prefix);
/* Removes the folder with everything in it; what cannot be removed stays. */
void fama_scratch_remove(char *path);

#endif
