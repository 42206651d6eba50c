#include "crypto/handshake.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "crypto/datagram_bio.h"
#include "crypto/dtls_records.h"
#include "crypto/identity_parts.h"
#include "crypto/signer_parts.h"

#define CERTIFICATES_BYTES 8192 /* of the other end's Certificate message */
#define TIMER_MICROSECONDS 4000000000u
/* What OpenSSL 3.0 forgets when it fits a sealed record into a datagram: explicit nonce and tag. */
#define FORGOTTEN_BYTES 24
#define EXPORTER_LABEL  "EXPORTER fama session 2"
/* A node's own key is on P-256 always (crypto/signer.h), hence one signature algorithm. */
#define CIPHERS    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
#define GROUPS     "P-256:X25519"
#define SIGNATURES "ECDSA+SHA256"

struct fama_handshake_setup {
    SSL_CTX *context;
    BIO_METHOD *bio_method;
};

/* A datagram that came before one that precedes it. */
struct held {
    uint8_t *bytes; /* NULL: a free place */
    size_t len;
    uint64_t first;
};

struct fama_handshake {
    SSL *ssl; /* NULL once it is over */
    struct fama_identity *peer;
    enum fama_handshake_state state;
    enum fama_handshake_failure failure;
    bool is_initiator;
    bool is_wrong_peer;
    uint8_t binding[FAMA_HANDSHAKE_BINDING_MAX];
    size_t binding_len;
    struct fama_handshake_keys keys;

    struct fama_datagrams flight; /* our last one */
    uint32_t flight_out;          /* datagrams of it that were handed out */
    uint64_t flight_answers;      /* records below this came before the flight was made */
    uint64_t sent_ns;             /* when its sending last began */
    uint64_t pause_ns;            /* until the next copy */
    uint64_t ends_ns;

    uint64_t expected; /* the next record of the other end */
    size_t input_bytes;
    struct held held[FAMA_HANDSHAKE_HELD_MAX];
};

const char *fama_handshake_words(enum fama_handshake_failure failure)
{
    switch (failure) {
    case FAMA_HANDSHAKE_FAILURE_NONE:
        return "nothing failed";
    case FAMA_HANDSHAKE_TIMED_OUT:
        return "the other end does not answer";
    case FAMA_HANDSHAKE_WRONG_PEER:
        return "the other end presents another certificate than the one it is known by";
    case FAMA_HANDSHAKE_EXPIRED:
        return "the other end's certificate is expired or not yet valid";
    case FAMA_HANDSHAKE_REFUSED:
        return "the other end refused: it does not know our certificate, or speaks otherwise";
    case FAMA_HANDSHAKE_BROKEN:
        return "what the other end sent is no handshake of ours";
    case FAMA_HANDSHAKE_TOO_MUCH:
        return "the other end sent more than a handshake needs";
    case FAMA_HANDSHAKE_INTERNAL:
        return "OpenSSL failed on this side, perhaps for want of memory";
    }
    return "unknown";
}

/* ---- Setup ---- */

/* Whether the certificate that came is the one expected. Called by OpenSSL in place of its own check of
 * the chain; that its sender has the key is OpenSSL's to see. */
static int check_peer(X509_STORE_CTX *store, void *nothing)
{
    (void)nothing;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct fama_handshake *handshake = SSL_get_app_data(ssl);
    X509 *came = X509_STORE_CTX_get0_cert(store);
    uint8_t *der = NULL;
    int len = came != NULL ? i2d_X509(came, &der) : -1;
    bool is_expected = false;
    if (len > 0) {
        struct fama_bytes theirs = fama_certificate_signed_part(fama_bytes(der, (size_t)len));
        struct fama_bytes wanted = fama_certificate_signed_part(
            fama_certificate_der(fama_identity_certificate(handshake->peer)));
        is_expected = wanted.len > 0 && fama_bytes_equal(theirs, wanted);
    }
    OPENSSL_free(der);
    if (!is_expected) {
        handshake->is_wrong_peer = true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    }
    return is_expected ? 1 : 0;
}

static bool configure(SSL_CTX *context, const struct fama_signer *signer)
{
    const struct fama_certificate *own = fama_identity_certificate(fama_signer_identity(signer));
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_max_cert_list(context, CERTIFICATES_BYTES);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, check_peer, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(context, GROUPS) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, SIGNATURES) == 1 &&
           SSL_CTX_set1_client_sigalgs_list(context, SIGNATURES) == 1 &&
           SSL_CTX_use_certificate(context, own->x509) == 1 &&
           SSL_CTX_use_PrivateKey(context, fama_signer_key(signer)) == 1;
}

int fama_handshake_setup_create(const struct fama_signer *signer,
                                struct fama_handshake_setup **setup, struct fama_error *error)
{
    *setup = NULL;
    struct fama_handshake_setup *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fama_error_set(error, FAMA_HANDSHAKE_NO_MEMORY, "out of memory");
    }
    ERR_clear_error();
    made->bio_method = fama_datagram_bio_method_create();
    made->context = SSL_CTX_new(DTLS_method());
    if (made->bio_method == NULL || made->context == NULL || !configure(made->context, signer)) {
        char reason[256];
        ERR_error_string_n(ERR_peek_error(), reason, sizeof reason);
        ERR_clear_error();
        fama_handshake_setup_destroy(made);
        return fama_error_set(error, FAMA_HANDSHAKE_REFUSED_BY_OPENSSL,
                              "OpenSSL does not take the certificate of %s for handshakes (%s); it "
                              "must be signed with SHA-256 or better, and OpenSSL's own "
                              "configuration must allow DTLS 1.2",
                              fama_identity_common_name(fama_signer_identity(signer)), reason);
    }
    *setup = made;
    return 0;
}

void fama_handshake_setup_destroy(struct fama_handshake_setup *setup)
{
    if (setup != NULL) {
        SSL_CTX_free(setup->context);
        BIO_meth_free(setup->bio_method);
        free(setup);
    }
}

/* ---- The end ---- */

static void drop_held(struct fama_handshake *handshake)
{
    for (size_t i = 0; i < FAMA_HANDSHAKE_HELD_MAX; i++) {
        free(handshake->held[i].bytes);
        handshake->held[i] = (struct held){0};
    }
}

static void end(struct fama_handshake *handshake, enum fama_handshake_state state,
                enum fama_handshake_failure failure)
{
    handshake->state = state;
    handshake->failure = failure;
    SSL_free(handshake->ssl);
    handshake->ssl = NULL;
    drop_held(handshake);
}

static bool export_keys(struct fama_handshake *handshake)
{
    uint8_t material[2 * FAMA_HANDSHAKE_KEY_BYTES + sizeof(uint64_t)];
    struct fama_handshake_keys *keys = &handshake->keys;
    bool is_exported =
        SSL_get_extms_support(handshake->ssl) == 1 &&
        SSL_export_keying_material(handshake->ssl, material, sizeof material, EXPORTER_LABEL,
                                   strlen(EXPORTER_LABEL), handshake->binding,
                                   handshake->binding_len, 1) == 1;
    if (is_exported) {
        memcpy(keys->from_initiator, material, FAMA_HANDSHAKE_KEY_BYTES);
        memcpy(keys->from_responder, material + FAMA_HANDSHAKE_KEY_BYTES, FAMA_HANDSHAKE_KEY_BYTES);
        for (size_t i = 2 * (size_t)FAMA_HANDSHAKE_KEY_BYTES; i < sizeof material; i++) {
            keys->session_id = keys->session_id << 8 | material[i];
        }
    }
    OPENSSL_cleanse(material, sizeof material);
    return is_exported && keys->session_id != 0;
}

static enum fama_handshake_failure why(const struct fama_handshake *handshake, int ssl_error)
{
    if (handshake->is_wrong_peer) {
        return FAMA_HANDSHAKE_WRONG_PEER;
    }
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (ssl_error != SSL_ERROR_SSL || reason == ERR_R_MALLOC_FAILURE) {
        return FAMA_HANDSHAKE_INTERNAL;
    }
    /* Reasons of alerts that came are numbered from here on. */
    return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256
               ? FAMA_HANDSHAKE_REFUSED
               : FAMA_HANDSHAKE_BROKEN;
}

/* ---- Work ---- */

/* Lets OpenSSL work on what it was given. What it writes is a new flight: the other end had all of the
 * last one, or there would be nothing to say. */
static void advance(struct fama_handshake *handshake, uint64_t now_ns)
{
    struct fama_datagrams before = handshake->flight;
    handshake->flight = (struct fama_datagrams){.given = before.given};
    ERR_clear_error();
    int result = SSL_do_handshake(handshake->ssl);
    int ssl_error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(handshake->ssl, result);
    if (handshake->flight.count > 0) {
        fama_datagrams_free(&before);
        handshake->flight_out = 0;
        handshake->flight_answers = handshake->expected;
        handshake->sent_ns = now_ns;
        handshake->pause_ns = FAMA_HANDSHAKE_FIRST_NS;
    } else {
        fama_datagrams_free(&handshake->flight);
        handshake->flight = before;
    }
    handshake->flight.given = fama_bytes(NULL, 0);
    if (ssl_error == SSL_ERROR_NONE) {
        bool is_good = export_keys(handshake);
        end(handshake, is_good ? FAMA_HANDSHAKE_DONE : FAMA_HANDSHAKE_FAILED,
            is_good ? FAMA_HANDSHAKE_FAILURE_NONE : FAMA_HANDSHAKE_BROKEN);
        if (handshake->is_initiator) {
            handshake->flight_out = handshake->flight.count;
        }
    } else if (ssl_error != SSL_ERROR_WANT_READ) {
        end(handshake, FAMA_HANDSHAKE_FAILED, why(handshake, ssl_error));
    }
    ERR_clear_error();
}

/* What came must not make OpenSSL send of its own accord: its timer is set so far ahead that it never
 * runs out within a handshake. */
static unsigned int never(SSL *ssl, unsigned int microseconds)
{
    (void)ssl;
    (void)microseconds;
    return TIMER_MICROSECONDS;
}

static bool open_ssl(struct fama_handshake *handshake, const struct fama_handshake_config *config)
{
    handshake->ssl = SSL_new(config->setup->context);
    BIO *bio = fama_datagram_bio_create(config->setup->bio_method, &handshake->flight);
    if (handshake->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(handshake->ssl, bio, bio);
    DTLS_set_timer_cb(handshake->ssl, never);
    size_t bytes = config->datagram_bytes;
    if (bytes < FAMA_HANDSHAKE_DATAGRAM_MIN) {
        bytes = FAMA_HANDSHAKE_DATAGRAM_MIN;
    } else if (bytes > FAMA_HANDSHAKE_DATAGRAM_MAX) {
        bytes = FAMA_HANDSHAKE_DATAGRAM_MAX;
    }
    if (SSL_set_app_data(handshake->ssl, handshake) != 1 ||
        SSL_set_mtu(handshake->ssl, (long)(bytes - FORGOTTEN_BYTES)) <= 0) {
        return false;
    }
    if (config->is_initiator) {
        SSL_set_connect_state(handshake->ssl);
    } else {
        SSL_set_accept_state(handshake->ssl);
    }
    return true;
}

struct fama_handshake *fama_handshake_create(const struct fama_handshake_config *config,
                                             uint64_t now_ns)
{
    if (config->binding.len > FAMA_HANDSHAKE_BINDING_MAX) {
        return NULL;
    }
    struct fama_handshake *handshake = calloc(1, sizeof *handshake);
    if (handshake == NULL) {
        return NULL;
    }
    handshake->peer = fama_identity_acquire(config->peer);
    handshake->is_initiator = config->is_initiator;
    handshake->binding_len = config->binding.len;
    if (config->binding.len > 0) {
        memcpy(handshake->binding, config->binding.at, config->binding.len);
    }
    handshake->sent_ns = now_ns;
    handshake->pause_ns = FAMA_HANDSHAKE_FIRST_NS;
    handshake->ends_ns = now_ns + FAMA_HANDSHAKE_TIME_NS;
    if (config->wall_clock < fama_identity_not_before(config->peer) ||
        config->wall_clock > fama_identity_not_after(config->peer)) {
        end(handshake, FAMA_HANDSHAKE_FAILED, FAMA_HANDSHAKE_EXPIRED);
        return handshake;
    }
    ERR_clear_error();
    if (!open_ssl(handshake, config)) {
        ERR_clear_error();
        fama_handshake_destroy(handshake);
        return NULL;
    }
    advance(handshake, now_ns);
    return handshake;
}

void fama_handshake_destroy(struct fama_handshake *handshake)
{
    if (handshake != NULL) {
        end(handshake, FAMA_HANDSHAKE_FAILED, FAMA_HANDSHAKE_FAILURE_NONE);
        fama_datagrams_free(&handshake->flight);
        fama_identity_release(handshake->peer);
        OPENSSL_cleanse(&handshake->keys, sizeof handshake->keys);
        free(handshake);
    }
}

/* ---- Datagrams ---- */

static void send_again(struct fama_handshake *handshake, uint64_t now_ns)
{
    handshake->flight_out = 0;
    handshake->sent_ns = now_ns;
}

/* The other end repeats what our last flight answered, so it has not got all of that. */
static void on_repeated(struct fama_handshake *handshake, uint64_t now_ns,
                        const struct fama_dtls_span *span)
{
    if (!handshake->is_initiator && span->first < handshake->flight_answers &&
        now_ns - handshake->sent_ns >= FAMA_HANDSHAKE_PAUSE_NS) {
        send_again(handshake, now_ns);
    }
}

/* At the limit, or without memory, it is as if the datagram had been lost. */
static void hold(struct fama_handshake *handshake, struct fama_bytes datagram, uint64_t first)
{
    struct held *place = NULL;
    for (size_t i = 0; i < FAMA_HANDSHAKE_HELD_MAX; i++) {
        struct held *held = &handshake->held[i];
        if (held->bytes != NULL && held->first == first) {
            return;
        }
        place = held->bytes == NULL ? held : place;
    }
    uint8_t *bytes = place != NULL ? malloc(datagram.len) : NULL;
    if (bytes != NULL) {
        memcpy(bytes, datagram.at, datagram.len);
        *place = (struct held){.bytes = bytes, .len = datagram.len, .first = first};
    }
}

static struct held *held_next(struct fama_handshake *handshake)
{
    for (size_t i = 0; i < FAMA_HANDSHAKE_HELD_MAX; i++) {
        struct held *held = &handshake->held[i];
        if (held->bytes != NULL && held->first <= handshake->expected) {
            return held;
        }
    }
    return NULL;
}

static void deliver(struct fama_handshake *handshake, uint64_t now_ns, struct fama_bytes datagram,
                    const struct fama_dtls_span *span)
{
    if (datagram.len > FAMA_HANDSHAKE_INPUT_MAX - handshake->input_bytes) {
        end(handshake, FAMA_HANDSHAKE_FAILED, FAMA_HANDSHAKE_TOO_MUCH);
        return;
    }
    handshake->input_bytes += datagram.len;
    handshake->expected = span->next > handshake->expected ? span->next : handshake->expected;
    handshake->flight.given = datagram;
    advance(handshake, now_ns);
}

void fama_handshake_input(struct fama_handshake *handshake, uint64_t now_ns,
                          struct fama_bytes datagram)
{
    struct fama_dtls_span span;
    if (!fama_dtls_records_read(datagram, &span)) {
        return;
    }
    if (span.first < handshake->expected) {
        on_repeated(handshake, now_ns, &span);
    }
    if (handshake->state != FAMA_HANDSHAKE_RUNNING) {
        return;
    }
    if (span.first > handshake->expected) {
        hold(handshake, datagram, span.first);
        return;
    }
    /* A number that was seen already proves nothing: the first datagram of that number may have been
     * a forgery. OpenSSL knows which records it has taken. */
    deliver(handshake, now_ns, datagram, &span);
    struct held *held;
    while (handshake->state == FAMA_HANDSHAKE_RUNNING && (held = held_next(handshake)) != NULL) {
        struct held next = *held;
        *held = (struct held){0};
        struct fama_bytes bytes = fama_bytes(next.bytes, next.len);
        if (fama_dtls_records_read(bytes, &span)) {
            deliver(handshake, now_ns, bytes, &span);
        }
        free(next.bytes);
    }
}

void fama_handshake_tick(struct fama_handshake *handshake, uint64_t now_ns)
{
    if (handshake->state != FAMA_HANDSHAKE_RUNNING) {
        return;
    }
    if (now_ns >= handshake->ends_ns) {
        end(handshake, FAMA_HANDSHAKE_FAILED, FAMA_HANDSHAKE_TIMED_OUT);
        handshake->flight_out = handshake->flight.count;
        return;
    }
    if (handshake->is_initiator && now_ns - handshake->sent_ns >= handshake->pause_ns) {
        send_again(handshake, now_ns);
        handshake->pause_ns = 2 * handshake->pause_ns < FAMA_HANDSHAKE_LONGEST_NS
                                  ? 2 * handshake->pause_ns
                                  : FAMA_HANDSHAKE_LONGEST_NS;
    }
}

uint64_t fama_handshake_next_ns(const struct fama_handshake *handshake)
{
    if (handshake->state != FAMA_HANDSHAKE_RUNNING) {
        return UINT64_MAX;
    }
    uint64_t copy_ns = handshake->sent_ns + handshake->pause_ns;
    return handshake->is_initiator && copy_ns < handshake->ends_ns ? copy_ns : handshake->ends_ns;
}

bool fama_handshake_output(struct fama_handshake *handshake, struct fama_bytes *datagram)
{
    if (handshake->flight_out == handshake->flight.count) {
        return false;
    }
    *datagram = fama_datagrams_at(&handshake->flight, handshake->flight_out++);
    return true;
}

enum fama_handshake_state fama_handshake_state(const struct fama_handshake *handshake)
{
    return handshake->state;
}

enum fama_handshake_failure fama_handshake_failure(const struct fama_handshake *handshake)
{
    return handshake->failure;
}

const struct fama_handshake_keys *fama_handshake_keys(const struct fama_handshake *handshake)
{
    return handshake->state == FAMA_HANDSHAKE_DONE ? &handshake->keys : NULL;
}
