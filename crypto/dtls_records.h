/* Which DTLS records a datagram holds: the order of datagrams that carry a handshake, read from what
 * their record headers say in clear (RFC 6347 §4.1).
 *
 * Numbers of records rise within an epoch, and a ChangeCipherSpec ends the epoch. Stateless; any
 * thread. Adversary: anybody; nothing here is authenticated, so it may order, but never decide. */
#ifndef FAMA_CRYPTO_DTLS_RECORDS_H
#define FAMA_CRYPTO_DTLS_RECORDS_H

#include "crypto/bytes.h"

/* Most records that a datagram of a handshake may hold. */
#define FAMA_DTLS_RECORDS_MAX 32

struct fama_dtls_span {
    uint64_t first; /* epoch << 48 | number of the first record */
    uint64_t next;  /* of the record that follows the last one */
};

/* False unless the datagram is wholly made of records of the first two epochs, one after the other as one
 * side numbers them. */
bool fama_dtls_records_read(struct fama_bytes datagram, struct fama_dtls_span *span);

#endif
