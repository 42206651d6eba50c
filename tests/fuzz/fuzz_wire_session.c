/* The readers of what sets a session up and of what is sealed in one, on arbitrary bytes. Besides not
 * crashing: each accepts one encoding of a value only, spans of records tell the truth about what they
 * span, and a session opens nothing that its peer has not sealed, and that only once. */
#include <stdlib.h>

#include "crypto/dtls_records.h"
#include "dataplane/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[2 * FAMA_WIRE_DATAGRAM_MAX];

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_session(struct fama_bytes datagram)
{
    struct fama_session_message message;
    if (fama_wire_session_read(datagram, &message) != FAMA_DROP_NONE) {
        return;
    }
    demand(fama_wire_session_write(&message, again, sizeof again) == datagram.len);
    demand(memcmp(again, datagram.at, datagram.len) == 0);
    demand(fama_wire_session_write(&message, again, datagram.len - 1) == 0);
}

static void read_records(struct fama_bytes datagram)
{
    struct fama_dtls_span span;
    if (!fama_dtls_records_read(datagram, &span)) {
        return;
    }
    demand(datagram.len >= 13);
    demand(span.next > span.first);
    struct fama_dtls_span shorter;
    demand(!fama_dtls_records_read(fama_bytes(datagram.at, datagram.len - 1), &shorter) ||
           datagram.len > 13);
}

static struct fama_session *make(bool is_initiator)
{
    static const uint8_t there[FAMA_AEAD_KEY_BYTES] = {1};
    static const uint8_t back[FAMA_AEAD_KEY_BYTES] = {2};
    struct fama_session_config config = {
        .id = 0x0101010101010101,
        .seal_key = is_initiator ? there : back,
        .open_key = is_initiator ? back : there,
    };
    struct fama_session *session = fama_session_create(&config);
    demand(session != NULL);
    return session;
}

/* An honest datagram after a strange one: it still opens, and once. */
static void open_honest(struct fama_session *anna, struct fama_session *bert)
{
    uint8_t inner[FAMA_WIRE_HEADER_BYTES + 1] = {0};
    struct fama_bytes piece = fama_bytes(inner, sizeof inner);
    size_t len = fama_session_seal(anna, FAMA_STREAM_SERVING, &piece, 1, again, sizeof again);
    struct fama_sealed sealed;
    demand(fama_wire_sealed_read(fama_bytes(again, len), &sealed) == FAMA_DROP_NONE);
    demand(fama_session_open(bert, &sealed, inner) == FAMA_DROP_NONE);
    demand(fama_session_open(bert, &sealed, inner) == FAMA_DROP_SESSION_REPLAYED);
}

static void read_sealed(struct fama_bytes datagram)
{
    struct fama_sealed sealed;
    if (fama_wire_sealed_read(datagram, &sealed) != FAMA_DROP_NONE) {
        return;
    }
    demand(fama_wire_sealed_write(sealed.session, (enum fama_session_stream)sealed.stream,
                                  sealed.number, sealed.ciphertext.len,
                                  again) == FAMA_WIRE_SEALED_HEADER);
    demand(memcmp(again, datagram.at, FAMA_WIRE_SEALED_HEADER) == 0);
    demand(sealed.tag + FAMA_AEAD_TAG_BYTES == datagram.at + datagram.len);
    struct fama_session *anna = make(true);
    struct fama_session *bert = make(false);
    uint8_t *out = malloc(sealed.ciphertext.len);
    demand(out != NULL);
    demand(fama_session_open(bert, &sealed, out) == FAMA_DROP_SESSION_FORGED);
    open_honest(anna, bert);
    free(out);
    fama_session_release(anna);
    fama_session_release(bert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    /* The first octet chooses; a datagram's own header is repaired, or few inputs got past it. */
    uint8_t choice = data[0] % 8;
    size_t bytes = size - 1;
    uint8_t *copy = malloc(bytes + (bytes == 0));
    demand(copy != NULL);
    memcpy(copy, data + 1, bytes);
    if (choice >= 4 && bytes >= FAMA_WIRE_HEADER_BYTES && bytes <= FAMA_WIRE_DATAGRAM_MAX) {
        copy[0] = FAMA_WIRE_MAGIC >> 8;
        copy[1] = FAMA_WIRE_MAGIC & 0xff;
        copy[2] = FAMA_WIRE_VERSION;
        copy[3] = choice < 6 ? FAMA_KIND_SESSION : FAMA_KIND_SEALED;
        copy[4] = 0;
        copy[5] = 0;
        copy[6] = (uint8_t)((bytes - FAMA_WIRE_HEADER_BYTES) >> 8);
        copy[7] = (uint8_t)(bytes - FAMA_WIRE_HEADER_BYTES);
    }
    struct fama_bytes input = fama_bytes(copy, bytes);
    switch (choice) {
    case 0:
    case 4:
    case 5:
        read_session(input);
        break;
    case 1:
    case 6:
    case 7:
        read_sealed(input);
        break;
    default:
        read_records(input);
        break;
    }
    free(copy);
    return 0;
}
