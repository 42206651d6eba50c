/* The two kinds of datagrams by which nodes speak with each other alone: SESSION, which sets a session
 * up, and SEALED, which carries a datagram within one. This header is their definition; the common header
 * is dataplane/wire.h's, with no hops left: nobody passes these on.
 *
 * SESSION (kind 6), from byte 8:
 *    8 u8 step            9 7 zero            16 8 sender: tag of its PKI-ID    24 8 target, likewise
 *   32 u64 handshake: random, chosen by the initiator                          40 16 cookie
 *   56 .. bytes
 *   step 1, hello:             initiator's; cookie zero; 64 bytes, all zero, so that no answer is larger
 *   step 2, cookie:            responder's answer; the cookie to bring back; no bytes
 *   step 3, initiator's records: the cookie; DTLS records
 *   step 4, responder's records: cookie zero; DTLS records
 *   Whoever answers 1 keeps nothing, and nothing but 2 is answered to a 3 whose cookie is wrong.
 *
 * SEALED (kind 7), from byte 8:
 *    8 u64 session id   16 u64 counter: 8 bits stream, 56 bits number within it, from 0 and never twice
 *   24 .. ciphertext of a whole datagram with its own common header (AES-256-GCM, one key per direction;
 *         nonce: 4 zero bytes and the counter; authenticated with it: bytes 0 to 23)
 *      16 tag, the last ones
 *
 * Every value has exactly one encoding, and a writer refuses (returns 0) what the reader would. Both
 * readers are fuzzed. Readers borrow the datagram; what they write to is undefined when they refuse. Any
 * thread. Adversary: anybody. */
#ifndef FAMA_DATAPLANE_WIRE_SESSION_H
#define FAMA_DATAPLANE_WIRE_SESSION_H

#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "dataplane/wire.h"

#define FAMA_WIRE_SESSION_BYTES 56 /* of a SESSION datagram before its bytes */
#define FAMA_WIRE_HELLO_BYTES   64 /* of a hello */
/* What a session adds to a datagram. */
#define FAMA_WIRE_SEALED_OVERHEAD (FAMA_WIRE_SEALED_HEADER + FAMA_AEAD_TAG_BYTES)
#define FAMA_WIRE_COUNTER_BITS    56

enum fama_session_step {
    FAMA_SESSION_HELLO = 1,
    FAMA_SESSION_COOKIE = 2,
    FAMA_SESSION_INITIATOR_RECORDS = 3,
    FAMA_SESSION_RESPONDER_RECORDS = 4,
};

struct fama_session_message {
    enum fama_session_step step;
    fama_tag sender;
    fama_tag target;
    uint64_t handshake;
    uint8_t cookie[FAMA_COOKIE_BYTES];
    struct fama_bytes bytes; /* borrowed; a writer of hellos needs none */
};

/* Who may seal with a counter of which stream: one thread each. */
enum fama_session_stream {
    FAMA_STREAM_CONTROL = 0,
    FAMA_STREAM_SERVING = 1,
    FAMA_STREAMS = 2,
};

struct fama_sealed {
    uint64_t session;
    uint8_t stream;
    uint64_t number;          /* within the stream */
    struct fama_bytes header; /* what is authenticated with the ciphertext; borrowed, as all here */
    struct fama_bytes ciphertext; /* as long as the datagram within */
    const uint8_t *tag;           /* FAMA_AEAD_TAG_BYTES */
};

enum fama_drop fama_wire_session_read(struct fama_bytes datagram,
                                      struct fama_session_message *message);
/* Returns the bytes written. `bytes` may already lie where they belong. */
size_t fama_wire_session_write(const struct fama_session_message *message, uint8_t *datagram,
                               size_t size);

enum fama_drop fama_wire_sealed_read(struct fama_bytes datagram, struct fama_sealed *sealed);
/* The header only, for a datagram of `inner_bytes` within. Returns FAMA_WIRE_SEALED_HEADER or 0. */
size_t fama_wire_sealed_write(uint64_t session, enum fama_session_stream stream, uint64_t number,
                              size_t inner_bytes, uint8_t header[FAMA_WIRE_SEALED_HEADER]);
/* What the ciphertext is sealed under, of a header that was read or written. */
void fama_wire_sealed_nonce(const uint8_t *header, uint8_t nonce[FAMA_AEAD_NONCE_BYTES]);

#endif
