#include "dataplane/wire_session.h"

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

static uint64_t get64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void put64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static bool is_zero(const uint8_t *at, size_t len)
{
    return memcmp(at, nothing, len) == 0;
}

/* The common header of a datagram that nobody passes on. */
static enum fama_drop header_read(struct fama_bytes datagram, uint8_t kind)
{
    const uint8_t *at = datagram.at;
    if (datagram.len < FAMA_WIRE_HEADER_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    if (((uint32_t)at[0] << 8 | at[1]) != FAMA_WIRE_MAGIC) {
        return FAMA_DROP_BAD_MAGIC;
    }
    if (at[2] != FAMA_WIRE_VERSION) {
        return FAMA_DROP_BAD_VERSION;
    }
    if (at[3] != kind) {
        return FAMA_DROP_BAD_KIND;
    }
    size_t len = FAMA_WIRE_HEADER_BYTES + ((size_t)at[6] << 8 | at[7]);
    if (datagram.len > FAMA_WIRE_DATAGRAM_MAX || at[4] != 0 || at[5] != 0 || datagram.len > len) {
        return FAMA_DROP_MALFORMED;
    }
    return datagram.len < len ? FAMA_DROP_TRUNCATED : FAMA_DROP_NONE;
}

static void header_write(uint8_t *at, uint8_t kind, size_t datagram_bytes)
{
    size_t len = datagram_bytes - FAMA_WIRE_HEADER_BYTES;
    at[0] = FAMA_WIRE_MAGIC >> 8;
    at[1] = FAMA_WIRE_MAGIC & 0xff;
    at[2] = FAMA_WIRE_VERSION;
    at[3] = kind;
    at[4] = 0;
    at[5] = 0;
    at[6] = (uint8_t)(len >> 8);
    at[7] = (uint8_t)len;
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
    enum fama_drop drop = header_read(datagram, FAMA_WIRE_SESSION_KIND);
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
        .sender = get64(at + SENDER_AT),
        .target = get64(at + TARGET_AT),
        .handshake = get64(at + HANDSHAKE_AT),
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
    header_write(datagram, FAMA_WIRE_SESSION_KIND, bytes);
    datagram[STEP_AT] = (uint8_t)whole.step;
    memset(datagram + ZEROS_AT, 0, ZEROS);
    put64(datagram + SENDER_AT, whole.sender);
    put64(datagram + TARGET_AT, whole.target);
    put64(datagram + HANDSHAKE_AT, whole.handshake);
    memcpy(datagram + COOKIE_AT, whole.cookie, FAMA_COOKIE_BYTES);
    return bytes;
}

/* ---- SEALED ---- */

enum fama_drop fama_wire_sealed_read(struct fama_bytes datagram, struct fama_sealed *sealed)
{
    enum fama_drop drop = header_read(datagram, FAMA_WIRE_SEALED_KIND);
    if (drop != FAMA_DROP_NONE) {
        return drop;
    }
    if (datagram.len < FAMA_WIRE_SEALED_OVERHEAD + FAMA_WIRE_HEADER_BYTES) {
        return FAMA_DROP_TRUNCATED;
    }
    const uint8_t *at = datagram.at;
    uint64_t counter = get64(at + COUNTER_AT);
    sealed->session = get64(at + SESSION_ID_AT);
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
    header_write(header, FAMA_WIRE_SEALED_KIND, inner_bytes + FAMA_WIRE_SEALED_OVERHEAD);
    put64(header + SESSION_ID_AT, session);
    put64(header + COUNTER_AT, (uint64_t)stream << FAMA_WIRE_COUNTER_BITS | number);
    return FAMA_WIRE_SEALED_HEADER;
}

void fama_wire_sealed_nonce(const uint8_t *header, uint8_t nonce[FAMA_AEAD_NONCE_BYTES])
{
    memset(nonce, 0, FAMA_AEAD_NONCE_BYTES - 8);
    memcpy(nonce + FAMA_AEAD_NONCE_BYTES - 8, header + COUNTER_AT, 8);
}
