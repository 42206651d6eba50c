/* Bytes as lower-case hexadecimal text, for people and JSON. Any thread. */
#ifndef FAMA_CONTROLPLANE_HEX_H
#define FAMA_CONTROLPLANE_HEX_H

#include "crypto/bytes.h"

/* Writes 2 * bytes.len characters and a NUL; `text` must hold them. */
void fama_hex(struct fama_bytes bytes, char *text);

#endif
