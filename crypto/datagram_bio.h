/* An OpenSSL BIO that keeps datagrams apart: it reads the one datagram it was given and collects
 * those that are written. For this folder only.
 *
 * OpenSSL's own memory BIO is a stream: two datagrams written to it come out as one. What is
 * collected is bounded by FAMA_DATAGRAM_BIO_BYTES and FAMA_DATAGRAM_BIO_COUNT; beyond them a write
 * fails, and so does the handshake. One thread at a time. */
#ifndef FAMA_CRYPTO_DATAGRAM_BIO_H
#define FAMA_CRYPTO_DATAGRAM_BIO_H

#include <openssl/bio.h>

#include "crypto/bytes.h"

#define FAMA_DATAGRAM_BIO_BYTES 32768
#define FAMA_DATAGRAM_BIO_COUNT 64

struct fama_datagrams {
    struct fama_bytes given; /* what the next read takes; borrowed */
    uint8_t *bytes;          /* those written, one after the other */
    size_t len;
    size_t room;
    uint32_t count;
    uint32_t ends[FAMA_DATAGRAM_BIO_COUNT]; /* where each ends */
};

/* The kind of BIO, made once and shared; NULL when OpenSSL refuses. */
BIO_METHOD *fama_datagram_bio_method_create(void);
/* A BIO on these datagrams, which outlive it. NULL when memory is out. */
BIO *fama_datagram_bio_create(const BIO_METHOD *method, struct fama_datagrams *datagrams);

struct fama_bytes fama_datagrams_at(const struct fama_datagrams *datagrams, uint32_t index);
void fama_datagrams_free(struct fama_datagrams *datagrams);

#endif
