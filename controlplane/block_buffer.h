/* A serialized block in memory with several holders: the commit thread that judges and writes it and the
 * sender thread that cuts it into chunks. Immutable once filled; freed by the last release. Any thread. */
#ifndef FAMA_CONTROLPLANE_BLOCK_BUFFER_H
#define FAMA_CONTROLPLANE_BLOCK_BUFFER_H

#include "crypto/bytes.h"

struct fama_block_buffer;

/* Takes over `bytes`, which came from malloc; on failure (NULL) they stay the caller's. */
struct fama_block_buffer *fama_block_buffer_adopt(uint8_t *bytes, size_t len);
struct fama_block_buffer *fama_block_buffer_acquire(struct fama_block_buffer *buffer);
void fama_block_buffer_release(struct fama_block_buffer *buffer); /* NULL is fine */
struct fama_bytes fama_block_buffer_bytes(const struct fama_block_buffer *buffer);

#endif
