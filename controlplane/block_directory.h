/* An ordering source that is a directory of Fabric block files: NNNNNN.block, each one serialized
 * common.Block, numbered with six digits and more where six are not enough.
 *
 * Files may appear while the node runs: a number whose file is absent or still empty is not there yet. A
 * file that is still being written is handed out as far as it goes; the node refuses it as malformed and
 * asks again (controlplane/block_source.h, fama_block_retry_after_ns). Only plain files are read, and none
 * larger than the limit. Control thread only. */
#ifndef FAMA_CONTROLPLANE_BLOCK_DIRECTORY_H
#define FAMA_CONTROLPLANE_BLOCK_DIRECTORY_H

#include "controlplane/block_source.h"

/* Returns 0 or FAMA_BLOCK_SOURCE_FAILED with words if the directory cannot be opened. `block_bytes_max` is
 * the largest block the node is willing to hold (> 0). */
int fama_block_directory_open(const char *directory, size_t block_bytes_max,
                              struct fama_block_source **source, struct fama_error *error);

#endif
