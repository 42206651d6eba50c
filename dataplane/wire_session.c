#include "dataplane/wire_session.h"

#include "dataplane/octets.h"

#define STEP_AT       8
#define ZEROS_AT      9
#define ZEROS         7
#define SENDER_AT     16
#define TARGET_AT     24
#define HANDSHAKE_AT  32
#define COOKIE_AT     40
#define SESSION_ID_AT 8
#define COUNTER_AT    16

static const uint8_t nothing[FAMA_WIRE_HELLO_BYTES];

static bool is_zero(const uint8_t *at, size_t len)
{
    return memcmp(at, nothing, len) == 0;
}

/* The common header of a datagram of this kind. */
static enum fama_drop header_read(struct fama_bytes datagram, enum fama_kind kind)
{
    struct fama_wire_header header;
    enum fama_drop drop = fama_wire_header_read(datagram, &header);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    return header.kind == kind ? FAMA_DROP_NONE : FAMA_DROP_BAD_KIND;
}

static void header_write(uint8_t *at, enum fama_kind kind, size_t datagram_bytes)
{
    const struct fama_wire_header header = {.kind = (uint8_t)kind};
    fama_wire_header_write(at, &header, datagram_bytes);
}

/* ---- SESSION ---- */

static bool is_sound(const struct fama_session_message *message)
{
    bool has_cookie = !is_zero(message->cookie, FAMA_COOKIE_BYTES);
    switch (message->step) {
    case FAMA_SESSION_HELLO:
        return !has_cookie && message->bytes.len == FAMA_WIRE_HELLO_BYTES &&
               is_zero(message->bytes.at, FAMA_WIRE_HELLO_BYTES);
    case FAMA_SESSION_COOKIE:
        return message->bytes.len == 0;
    case FAMA_SESSION_INITIATOR_RECORDS:
        return message->bytes.len > 0;
    case FAMA_SESSION_RESPONDER_RECORDS:
        return !has_cookie && message->bytes.len > 0;
    }
    return false;
}

enum fama_drop fama_wire_session_read(struct fama_bytes datagram,
                                      struct fama_session_message *message)
{
    enum fama_drop drop = header_read(datagram, FAMA_KIND_SESSION);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (datagram.len < FAMA_WIRE_SESSION_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    if (at[STEP_AT] < FAMA_SESSION_HELLO || at[STEP_AT] > FAMA_SESSION_RESPONDER_RECORDS ||
        !is_zero(at + ZEROS_AT, ZEROS)) {
        return FAMA_DROP_MALFORMED;
    }
    *message = (struct fama_session_message){
        .step = (enum fama_session_step)at[STEP_AT],
        .sender = fama_get64(at + SENDER_AT),
        .target = fama_get64(at + TARGET_AT),
        .handshake = fama_get64(at + HANDSHAKE_AT),
        .bytes = fama_bytes(at + FAMA_WIRE_SESSION_BYTES, datagram.len - FAMA_WIRE_SESSION_BYTES),
    };
    memcpy(message->cookie, at + COOKIE_AT, FAMA_COOKIE_BYTES);
    return is_sound(message) ? FAMA_DROP_NONE : FAMA_DROP_MALFORMED;
}

size_t fama_wire_session_write(const struct fama_session_message *message, uint8_t *datagram,
                               size_t size)
{
    struct fama_session_message whole = *message;
    if (whole.step == FAMA_SESSION_HELLO && whole.bytes.len == 0) {
        whole.bytes = fama_bytes(nothing, sizeof nothing);
    }
    if (!is_sound(&whole) || whole.bytes.len > FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_SESSION_BYTES) {
        return 0;
    }
    size_t bytes = FAMA_WIRE_SESSION_BYTES + whole.bytes.len;
    if (size < bytes) {
        return 0;
    }
    /* The bytes first: they may have been written where they now have to be. */
    if (whole.bytes.len > 0) {
        memmove(datagram + FAMA_WIRE_SESSION_BYTES, whole.bytes.at, whole.bytes.len);
    }
    header_write(datagram, FAMA_KIND_SESSION, bytes);
    datagram[STEP_AT] = (uint8_t)whole.step;
    memset(datagram + ZEROS_AT, 0, ZEROS);
    fama_put64(datagram + SENDER_AT, whole.sender);
    fama_put64(datagram + TARGET_AT, whole.target);
    fama_put64(datagram + HANDSHAKE_AT, whole.handshake);
    memcpy(datagram + COOKIE_AT, whole.cookie, FAMA_COOKIE_BYTES);
    return bytes;
}

/* ---- SEALED ---- */

enum fama_drop fama_wire_sealed_read(struct fama_bytes datagram, struct fama_sealed *sealed)
{
    enum fama_drop drop = header_read(datagram, FAMA_KIND_SEALED);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (datagram.len < FAMA_WIRE_SEALED_OVERHEAD + FAMA_WIRE_HEADER_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    uint64_t counter = fama_get64(at + COUNTER_AT);
    sealed->session = fama_get64(at + SESSION_ID_AT);
    sealed->stream = (uint8_t)(counter >> FAMA_WIRE_COUNTER_BITS);
    sealed->number = counter & (((uint64_t)1 << FAMA_WIRE_COUNTER_BITS) - 1);
    sealed->header = fama_bytes(at, FAMA_WIRE_SEALED_HEADER);
    sealed->ciphertext =
        fama_bytes(at + FAMA_WIRE_SEALED_HEADER, datagram.len - FAMA_WIRE_SEALED_OVERHEAD);
    sealed->tag = sealed->ciphertext.at + sealed->ciphertext.len;
    return sealed->session != 0 && sealed->stream < FAMA_STREAMS ? FAMA_DROP_NONE
                                                                 : FAMA_DROP_MALFORMED;
}

size_t fama_wire_sealed_write(uint64_t session, enum fama_session_stream stream, uint64_t number,
                              size_t inner_bytes, uint8_t header[FAMA_WIRE_SEALED_HEADER])
{
    if (session == 0 || (uint32_t)stream >= FAMA_STREAMS || number >> FAMA_WIRE_COUNTER_BITS != 0 ||
        inner_bytes < FAMA_WIRE_HEADER_BYTES ||
        inner_bytes > FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_SEALED_OVERHEAD) {
        return 0;
    }
    header_write(header, FAMA_KIND_SEALED, inner_bytes + FAMA_WIRE_SEALED_OVERHEAD);
    fama_put64(header + SESSION_ID_AT, session);
    fama_put64(header + COUNTER_AT, (uint64_t)stream << FAMA_WIRE_COUNTER_BITS | number);
    return FAMA_WIRE_SEALED_HEADER;
}

void fama_wire_sealed_nonce(const uint8_t *header, uint8_t nonce[FAMA_AEAD_NONCE_BYTES])
{
    memset(nonce, 0, FAMA_AEAD_NONCE_BYTES - 8);
    memcpy(nonce + FAMA_AEAD_NONCE_BYTES - 8, header + COUNTER_AT, 8);
}
