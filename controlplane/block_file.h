/* A file with one serialized block, read whole: what a command or the admin socket is given by name.
 *
 * Only plain files of 1 byte to FAMA_BLOCK_FILE_BYTES_MAX; a FIFO or a device does not hold anybody up.
 * Blocking file I/O. */
#ifndef FAMA_CONTROLPLANE_BLOCK_FILE_H
#define FAMA_CONTROLPLANE_BLOCK_FILE_H

#include "crypto/bytes.h"
#include "crypto/error.h"

#define FAMA_BLOCK_FILE_BYTES_MAX ((size_t)256 << 20)

/* 0 and bytes to be released with free(), or -1 with words. */
int fama_block_file_read(const char *path, uint8_t **bytes, size_t *len, struct fama_error *error);

#endif
