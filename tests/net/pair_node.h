/* One of two nodes that speak with each other in a test: its blocks, identity, session and key, the view it
 * publishes, and messages in anybody's name. */
#ifndef FAMA_TESTS_NET_PAIR_NODE_H
#define FAMA_TESTS_NET_PAIR_NODE_H

#include <time.h>

#include "dataplane/dataplane.h"
#include "unit/suite.h"

#define CHANNEL     "drivenet"
#define MSPID       "SipherMSP"
#define FIRST_BLOCK 5
#define BLOCKS      4
#define EPOCH       3
#define SESSION_ID  0x5e5510
#define PARITY      4

/* The last one is sent with chunks missing, which the receiver then asks for. */
static const uint32_t block_bytes[BLOCKS] = {10240, 1048576, 4194304, 300000};

struct node {
    bool is_sender;
    const char *port;
    const char *after_start; /* a command, or NULL */
    uint32_t net_lcores;
    int own_end; /* of a socket pair: the receiver says when it is done */
    struct fama_msp *msp;
    struct fama_signer *signer, *other_signer;
    struct fama_channel_gate gate;
    struct fama_channel_key *key; /* the sender's, of both */
    struct fama_session *session; /* with the other one */
    struct fama_set_encoder *encoder;
    struct fama_dataplane *dataplane;
    uint64_t sequence;
    int failures;
};

static char folder[] = "/tmp/fama-test-dataplane-XXXXXX";

#define CHECK(node, condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (node)->failures++;                                                                    \
            fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__,                       \
                    (node)->is_sender ? "sender" : "receiver", #condition);                        \
        }                                                                                          \
    } while (0)

static uint64_t now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fill(uint8_t *bytes, uint32_t len, uint64_t number)
{
    uint64_t state = number * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(state >> 56);
    }
}

static uint8_t *make_block(uint64_t number)
{
    uint32_t len = block_bytes[number - FIRST_BLOCK];
    uint8_t *bytes = malloc(len);
    if (bytes == NULL) {
        abort();
    }
    fill(bytes, len, number);
    return bytes;
}

/* ---- Identities and views ---- */

static struct fama_signer *open_peer(struct fama_msp *msp, const char *name)
{
    char path[256];
    struct fama_signer *signer = NULL;
    struct fama_error error = {{0}};
    (void)snprintf(path, sizeof path, "%s/org/peers/%s.example.com/msp", folder, name);
    if (fama_signer_open(path, msp, &signer, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
    return signer;
}

static struct fama_endpoint endpoint_of(bool is_sender)
{
    return fama_endpoint_from_ipv4(is_sender ? 0xc6120001 : 0xc6120002, 7051);
}

/* What a handshake would have made: both ends of one session, from keys that both know. */
static struct fama_session *make_session(const struct node *node)
{
    static const uint8_t keys[2][FAMA_AEAD_KEY_BYTES] = {{1}, {2}};
    const struct fama_session_config config = {
        .id = SESSION_ID,
        .peer = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->other_signer))),
        .endpoint = endpoint_of(!node->is_sender),
        .seal_key = keys[node->is_sender ? 0 : 1],
        .open_key = keys[node->is_sender ? 1 : 0],
        .is_initiator = node->is_sender,
    };
    return fama_session_create(&config);
}

/* Of the sender, at both ends. */
static struct fama_channel_key *make_key(const struct node *node)
{
    const struct fama_signer *maker = node->is_sender ? node->signer : node->other_signer;
    static const uint8_t bytes[FAMA_CHANNEL_KEY_BYTES] = {7};
    uint8_t channel_digest[FAMA_SHA256_BYTES];
    fama_channel_digest(CHANNEL, channel_digest);
    const struct fama_channel_key_setup setup = {
        .channel_digest = channel_digest,
        .maker_pki_id = fama_identity_pki_id(fama_signer_identity(maker)),
        .epoch = EPOCH,
        .bytes = bytes,
    };
    return fama_channel_key_create(&setup);
}

static void publish(struct node *node)
{
    struct fama_view *view = fama_view_create(1, 1);
    if (view == NULL || !fama_view_channel_size(&view->channels[0], 1, 1) ||
        !fama_view_sessions_size(view, 1)) {
        abort();
    }
    view->sessions[0] = fama_session_acquire(node->session);
    if (!node->is_sender) {
        view->channels[0].keys[0] = fama_channel_key_acquire(node->key);
        view->channels[0].key_count = 1;
    }
    view->self = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer)));
    view->msp = fama_msp_acquire(node->msp);
    struct fama_identity *other = fama_identity_acquire(fama_signer_identity(node->other_signer));
    view->peers[0].identity = other;
    view->peers[0].tag = fama_tag_of(fama_identity_pki_id(other));
    memcpy(view->peers[0].pki_id, fama_identity_pki_id(other), FAMA_PKI_ID_BYTES);
    view->peers[0].endpoint = endpoint_of(!node->is_sender);
    view->peers[0].is_alive = true;
    struct fama_view_channel *channel = &view->channels[0];
    fama_channel_digest(CHANNEL, channel->digest);
    channel->tag = fama_tag_of(channel->digest);
    channel->gate = &node->gate;
    if (!fama_view_seal(view)) {
        abort();
    }
    fama_dataplane_publish(node->dataplane, view);
}

static size_t write_message(struct node *node, const struct fama_signer *author,
                            enum fama_kind kind, struct fama_bytes body, uint8_t *datagram,
                            size_t size)
{
    struct fama_identity *identity = fama_signer_identity(author);
    struct fama_message message = {
        .kind = kind,
        .author = fama_tag_of(fama_identity_pki_id(identity)),
        .incarnation = 1,
        .sequence = ++node->sequence,
        .body = body,
    };
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    fama_wire_message_digest(&message, fama_identity_pki_id(identity), digest);
    CHECK(node, fama_signer_sign_digest(author, digest, &signature) == 0);
    fama_signature_to_raw(&signature, message.signature);
    return fama_wire_message_write(&message, datagram, size);
}

static size_t write_alive(struct node *node, const struct fama_signer *author, uint8_t *datagram,
                          size_t size)
{
    struct fama_identity *identity = fama_signer_identity(author);
    struct fama_alive alive = {
        .endpoint = fama_endpoint_from_ipv4(0xc6120003, 7051),
        .mspid = fama_bytes_of_text(fama_identity_mspid(identity)),
        .id_bytes = fama_identity_id_bytes(identity),
    };
    uint8_t body[2048];
    size_t len = fama_wire_alive_write(&alive, body, sizeof body);
    CHECK(node, len > 0);
    return write_message(node, author, FAMA_KIND_ALIVE, fama_bytes(body, len), datagram, size);
}

static void send_to_other(struct node *node, const void *bytes, size_t len)
{
    struct fama_endpoint target = endpoint_of(!node->is_sender);
    CHECK(node, len > 0);
    CHECK(node, fama_dataplane_send(node->dataplane, &target, fama_bytes(bytes, len)) == 0);
}

#endif
