#include "dataplane/session.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

/* What one stream's thread writes; others only look whether it is used up. */
struct counter {
    _Alignas(CACHE_LINE) _Atomic uint64_t next;
};

struct fama_session {
    struct fama_aead_key seal_key;
    struct fama_aead_key open_key;
    uint64_t id;
    fama_tag peer;
    struct fama_endpoint endpoint;
    bool is_initiator;
    uint64_t made_ns;
    _Alignas(CACHE_LINE) atomic_uint references;
    struct counter sent[FAMA_STREAMS];
    /* The opening net lcore's. */
    _Alignas(CACHE_LINE) atomic_bool is_heard;
    struct fama_replay_window received[FAMA_STREAMS];
};

struct fama_session *fama_session_create(const struct fama_session_config *config)
{
    if (config->id == 0) {
        return NULL;
    }
    struct fama_session *session =
        aligned_alloc(_Alignof(struct fama_session), sizeof(struct fama_session));
    if (session == NULL) {
        return NULL;
    }
    memset(session, 0, sizeof *session);
    session->id = config->id;
    session->peer = config->peer;
    session->endpoint = config->endpoint;
    session->is_initiator = config->is_initiator;
    session->made_ns = config->made_ns;
    atomic_init(&session->references, 1);
    atomic_init(&session->is_heard, false);
    for (int i = 0; i < FAMA_STREAMS; i++) {
        atomic_init(&session->sent[i].next, 0);
    }
    if (!fama_aead_key_set(&session->seal_key, config->seal_key) ||
        !fama_aead_key_set(&session->open_key, config->open_key)) {
        fama_session_release(session);
        return NULL;
    }
    return session;
}

struct fama_session *fama_session_acquire(struct fama_session *session)
{
    unsigned int before = atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return session;
}

void fama_session_release(struct fama_session *session)
{
    if (session != NULL &&
        atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) == 1) {
        fama_aead_key_clear(&session->seal_key);
        fama_aead_key_clear(&session->open_key);
        free(session);
    }
}

uint64_t fama_session_id(const struct fama_session *session)
{
    return session->id;
}

fama_tag fama_session_peer(const struct fama_session *session)
{
    return session->peer;
}

const struct fama_endpoint *fama_session_endpoint(const struct fama_session *session)
{
    return &session->endpoint;
}

bool fama_session_is_initiator(const struct fama_session *session)
{
    return session->is_initiator;
}

uint64_t fama_session_made_ns(const struct fama_session *session)
{
    return session->made_ns;
}

size_t fama_session_seal(struct fama_session *session, enum fama_session_stream stream,
                         const struct fama_bytes *pieces, size_t count, uint8_t *datagram,
                         size_t size)
{
    size_t inner = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > FAMA_WIRE_DATAGRAM_MAX - inner) {
            return 0;
        }
        inner += pieces[i].len;
    }
    if (size < FAMA_WIRE_SEALED_OVERHEAD || size - FAMA_WIRE_SEALED_OVERHEAD < inner ||
        (uint32_t)stream >= FAMA_STREAMS) {
        return 0;
    }
    struct counter *counter = &session->sent[stream];
    uint64_t number = atomic_load_explicit(&counter->next, memory_order_relaxed);
    if (number >= FAMA_SESSION_NUMBERS ||
        fama_wire_sealed_write(session->id, stream, number, inner, datagram) == 0) {
        return 0;
    }
    /* Used up before it is used: no failure below may make it come twice. */
    atomic_store_explicit(&counter->next, number + 1, memory_order_relaxed);
    struct fama_aead_label label = {.aad = fama_bytes(datagram, FAMA_WIRE_SEALED_HEADER)};
    fama_wire_sealed_nonce(datagram, label.nonce);
    uint8_t *ciphertext = datagram + FAMA_WIRE_SEALED_HEADER;
    return fama_aead_seal(&session->seal_key, &label, pieces, count, ciphertext, ciphertext + inner)
               ? inner + FAMA_WIRE_SEALED_OVERHEAD
               : 0;
}

enum fama_drop fama_session_open(struct fama_session *session, const struct fama_sealed *sealed,
                                 uint8_t *out)
{
    if (sealed->session != session->id || sealed->stream >= FAMA_STREAMS) {
        return FAMA_DROP_SESSION_FORGED;
    }
    struct fama_replay_window *window = &session->received[sealed->stream];
    if (!fama_replay_window_is_fresh(window, sealed->number)) {
        return FAMA_DROP_SESSION_REPLAYED;
    }
    struct fama_aead_label label = {.aad = sealed->header};
    fama_wire_sealed_nonce(sealed->header.at, label.nonce);
    struct fama_aead_space space = {.at = out, .len = sealed->ciphertext.len};
    if (!fama_aead_open(&session->open_key, &label, sealed->ciphertext, sealed->tag, &space, 1)) {
        return FAMA_DROP_SESSION_FORGED;
    }
    fama_replay_window_take(window, sealed->number);
    if (!atomic_load_explicit(&session->is_heard, memory_order_relaxed)) {
        atomic_store_explicit(&session->is_heard, true, memory_order_relaxed);
    }
    return FAMA_DROP_NONE;
}

bool fama_session_is_heard(const struct fama_session *session)
{
    return atomic_load_explicit(&session->is_heard, memory_order_relaxed);
}

bool fama_session_is_worn(const struct fama_session *session)
{
    for (int i = 0; i < FAMA_STREAMS; i++) {
        if (atomic_load_explicit(&session->sent[i].next, memory_order_relaxed) >=
            FAMA_SESSION_NUMBERS / 2) {
            return true;
        }
    }
    return false;
}

uint64_t fama_session_sealed(const struct fama_session *session)
{
    uint64_t sum = 0;
    for (int i = 0; i < FAMA_STREAMS; i++) {
        sum += atomic_load_explicit(&session->sent[i].next, memory_order_relaxed);
    }
    return sum;
}

void fama_session_skip_to(struct fama_session *session, enum fama_session_stream stream,
                          uint64_t number)
{
    atomic_store_explicit(&session->sent[stream].next, number, memory_order_relaxed);
}
