/* PEM blocks (RFC 7468) in a text, found and decoded as Go's encoding/pem does it.
 *
 * Nodes that disagree on whether a text holds a certificate disagree on the validity of a
 * transaction, so the tolerance is copied exactly: text before, between and after blocks is
 * skipped, headers are allowed, blanks and line ends inside the base64 part do not count, a block
 * that does not decode is passed over. Adversary: whoever writes identities. Time is linear in the
 * text. Stateless; any thread. */
#ifndef FAMA_CRYPTO_PEM_H
#define FAMA_CRYPTO_PEM_H

#include "crypto/bytes.h"

struct fama_pem_block {
    struct fama_bytes type;    /* "CERTIFICATE", as it stands in the text */
    struct fama_bytes content; /* in the caller's buffer */
};

/* Decodes the next block and moves `text` behind it. `buffer` has room for text->len bytes. False
 * when there is no block (any more). */
bool fama_pem_next(struct fama_bytes *text, uint8_t *buffer, struct fama_pem_block *block);

#endif
