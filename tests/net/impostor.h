/* fama-impostor: an adversary of a network of nodes, for tests. It speaks Fama's wire over ordinary kernel
 * sockets, with whatever identity it is given, and tells what it sent and what came back. As a member it has
 * real sessions with its targets, gets the channel's keys like anybody, and hands them a key of its own.
 *
 * An attack is a row of a table: its name, what it needs, and the counters or refusals by which a sound
 * node answers it. What must never happen and can be seen from outside (an answer to an address that did
 * not ask, more bytes back than were sent) is checked here and reported as a violation.
 *
 * One thread. It ends by itself: datagrams are limited by count and pace, waits by time. Traffic goes to
 * the targets named on the command line only. */
#ifndef FAMA_TESTS_NET_IMPOSTOR_H
#define FAMA_TESTS_NET_IMPOSTOR_H

#include <jansson.h>
#include <openssl/evp.h>

#include "crypto/error.h"
#include "dataplane/channel_key.h"
#include "dataplane/chunk_set.h"
#include "dataplane/wire_session.h"
#include "ledger/block.h"

#define IMPOSTOR_TARGETS_MAX   16
#define IMPOSTOR_DATAGRAMS_MAX 20000 /* in one run, whatever is asked for */
#define IMPOSTOR_PER_SECOND    4000
#define IMPOSTOR_MTU_DATAGRAM  1472
#define IMPOSTOR_BLOCK_MAX     (64u << 20)
#define IMPOSTOR_KINDS         (FAMA_KIND_KEYS + 1)
#define IMPOSTOR_EXPECTED_MAX  4
#define IMPOSTOR_PEERS_MAX     32 /* members it learns of */
#define IMPOSTOR_KEYS_MAX      32 /* keys it is handed */
#define IMPOSTOR_PARITY        4  /* of the blocks it makes up */

enum impostor_error {
    IMPOSTOR_FAILED = -1,
};

/* ---- Who it says it is: impostor_identity.c ---- */

/* Read without any judgement: expired, revoked and foreign certificates sign as well as others. */
struct impostor_identity {
    EVP_PKEY *key;
    char *mspid;
    uint8_t *pem; /* the certificate, as its file has it */
    size_t pem_len;
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
};

int impostor_identity_open(const char *msp_directory, const char *mspid,
                           struct impostor_identity *identity, struct fama_error *error);
void impostor_identity_close(struct impostor_identity *identity);
/* r || s, low-S. False if OpenSSL refuses. */
bool impostor_sign(const struct impostor_identity *identity,
                   const uint8_t digest[FAMA_SHA256_BYTES], uint8_t raw[FAMA_SIGNATURE_BYTES]);
/* The DER signature over SHA-256 of the parts, as blocks carry it; its length, or 0. */
size_t impostor_sign_parts(const struct impostor_identity *identity, const struct fama_bytes *parts,
                           size_t count, uint8_t der[FAMA_SIGNATURE_DER_MAX]);

/* ---- What it says: impostor_messages.c ---- */

struct impostor_datagram {
    size_t len; /* 0: could not be made */
    uint8_t bytes[FAMA_WIRE_DATAGRAM_MAX];
};

/* One speaker's counters: every message needs a higher sequence than the one before. */
struct impostor_voice {
    const struct impostor_identity *identity;
    uint64_t incarnation;
    uint64_t sequence; /* the last one used */
};

void impostor_make_message(struct impostor_voice *voice, enum fama_kind kind,
                           struct fama_bytes body, struct impostor_datagram *datagram);
void impostor_make_alive(struct impostor_voice *voice, const struct fama_endpoint *endpoint,
                         struct impostor_datagram *datagram);
void impostor_make_stateinfo(struct impostor_voice *voice, const struct fama_stateinfo *stateinfo,
                             struct impostor_datagram *datagram);
void impostor_make_digest(struct impostor_voice *voice, fama_tag target,
                          struct impostor_datagram *datagram);
/* The body of a request for the whole block; its length. */
size_t impostor_make_request(fama_tag channel, uint64_t block, uint8_t *body, size_t size);
/* Of a kind that belongs into a session, outside of one. */
void impostor_make_bare(enum fama_kind kind, struct fama_bytes body,
                        struct impostor_datagram *datagram);
void impostor_make_handshake(const struct fama_session_message *message,
                             struct impostor_datagram *datagram);

/* A block as its origin cuts it, one set at a time. */
struct impostor_cut {
    const struct impostor_identity *signer;
    const uint8_t *origin_pki_id; /* whose the chunks claim to be */
    const char *channel;
    uint64_t number;
    struct fama_bytes block;
    uint32_t
        block_bytes; /* 0: what `block` has; else what is claimed, and `block` only its beginning */
    uint16_t chunk_bytes;
    uint8_t parity;                     /* only of whole blocks */
    const struct fama_channel_key *key; /* NULL: not sealed */
    bool is_polluted;                   /* the parity is no parity, honestly signed */
    bool has_garbage_signature;
};

/* Writes the chunks of one set; returns how many, 0 if it has none. `datagrams` has room for
 * FAMA_SET_CHUNKS_MAX. Of a set that `block` does not hold to its end, chunks beyond it are zeros. */
uint32_t impostor_cut_set(const struct impostor_cut *cut, uint16_t set,
                          struct impostor_datagram *datagrams);

/* ---- Blocks that should not be: impostor_blocks.c ---- */

enum impostor_change {
    IMPOSTOR_UNCHANGED = 0,
    IMPOSTOR_TRUNCATED,    /* the last third is missing */
    IMPOSTOR_OTHER_NUMBER, /* sent under a number that is not its own */
    IMPOSTOR_NO_METADATA,  /* its signatures are unreadable */
    IMPOSTOR_CROSS_LINKED, /* same bytes and data hash, other boundaries between transactions */
    IMPOSTOR_FLIPPED_DATA, /* one bit of the last transaction */
    IMPOSTOR_FLIPPED_LINK, /* one bit of the previous hash */
    IMPOSTOR_RE_SIGNED,    /* signed anew, by us */
    IMPOSTOR_FLIPPED_SIGNATURE,
    IMPOSTOR_CHANGES,
};

const char *impostor_change_name(enum impostor_change change);
/* The name of the refusal it must meet: ledger/verdict.h. */
const char *impostor_change_refusal(enum impostor_change change);
/* The changed block in `*made` (free). False if the original does not parse or lacks what is to be changed.
 * OTHER_NUMBER changes nothing in the bytes. */
bool impostor_change_block(enum impostor_change change, const struct impostor_identity *identity,
                           struct fama_bytes original, uint8_t **made, size_t *made_len);
int impostor_read_file(const char *path, uint8_t **bytes, size_t *len, struct fama_error *error);

/* ---- How it says it: impostor_sockets.c ---- */

struct impostor_tally {
    uint64_t datagrams;
    uint64_t bytes;                 /* UDP payload */
    uint64_t kinds[IMPOSTOR_KINDS]; /* 0: none of ours */
    uint64_t repair_chunks;
};

struct impostor_socket {
    int fd; /* -1: not there */
    struct fama_endpoint endpoint;
    struct impostor_tally sent;
    struct impostor_tally received;
};

struct impostor_target {
    struct fama_endpoint endpoint;
    bool is_met;   /* its alive message came */
    bool is_named; /* its name was on the command line */
    bool has_our_key;
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    fama_tag tag;
    uint64_t height;                /* the last one it stated, 0: none */
    struct impostor_datagram alive; /* its latest */
};

struct impostor_party; /* impostor_party.c */

struct impostor {
    struct impostor_identity identity;
    const char *msp_directory;
    struct impostor_party *party; /* NULL: it takes part in nothing */
    struct impostor_voice voice;
    const char *channel;
    fama_tag channel_tag;
    struct impostor_socket home;  /* the address that our alive messages sign */
    struct impostor_socket other; /* a second address, whose owner never asked for anything */
    struct impostor_target targets[IMPOSTOR_TARGETS_MAX];
    uint32_t target_count;
    struct impostor_datagram chunk; /* the last one that was pushed to us */
    uint64_t sent;                  /* datagrams, both sockets */

    /* From the command line. */
    uint64_t number; /* block; IMPOSTOR_NO_NUMBER: from the targets' heights */
    uint64_t ahead;  /* blocks beyond the targets' height, if there is no number */
    uint64_t count;  /* datagrams of a flood */
    uint64_t seed;
    uint64_t epoch; /* of the claimed origin's key, as the wire shows it */
    enum impostor_change change;
    const char *block_file;
    const char *block_directory;
    const char *swarm_directory;
    bool has_claimed_origin;
    uint8_t claimed_origin[FAMA_PKI_ID_BYTES];

    json_t *violations; /* what a sound node does not do, as sentences */
    struct fama_error error;
};

#define IMPOSTOR_NO_NUMBER UINT64_MAX

int impostor_socket_open(struct impostor_socket *self, struct fama_error *error);
void impostor_socket_close(struct impostor_socket *self);
uint64_t impostor_now_ms(void);
/* Sends to one target, at the pace; false once the limit of datagrams is reached or the kernel refuses. */
bool impostor_send(struct impostor *impostor, struct impostor_socket *from,
                   const struct fama_endpoint *to, const struct impostor_datagram *datagram);
bool impostor_send_all(struct impostor *impostor, const struct impostor_datagram *datagram);
/* Takes what comes to both sockets for so long. */
void impostor_listen(struct impostor *impostor, uint64_t milliseconds);

/* ---- Sessions with others, and keys: impostor_party.c ---- */

/* Begins to take part, under a name: its own, or one that it has not the certificate of. */
int impostor_party_open(struct impostor *impostor, const uint8_t name[FAMA_PKI_ID_BYTES]);
void impostor_party_close(struct impostor *impostor);
void impostor_party_tick(struct impostor *impostor);
/* An alive message that was heard: somebody to have a session with. */
void impostor_party_learn(struct impostor *impostor, const struct fama_message *message,
                          const struct fama_alive *alive);
/* A datagram of a kind that is about sessions. */
void impostor_party_take(struct impostor *impostor, struct impostor_socket *to, uint8_t kind,
                         struct fama_bytes datagram);
/* Whether there is a session with the target; wants one. */
bool impostor_party_has_session(struct impostor *impostor, const struct impostor_target *target);
/* Handshakes that were refused, as far as anybody told us. */
uint32_t impostor_party_failures(const struct impostor *impostor);
/* Seals a datagram's body for the target; length 0 if there is no session. */
void impostor_party_seal(struct impostor *impostor, const struct impostor_target *target,
                         enum fama_kind kind, struct fama_bytes body,
                         struct impostor_datagram *datagram);
/* Offers a key of ours, made of the epoch. */
void impostor_party_offer(struct impostor *impostor, const struct impostor_target *target,
                          fama_tag channel, uint32_t epoch, struct impostor_datagram *datagram);
/* Our own key, which targets with has_our_key have; NULL: we take no part. */
struct fama_channel_key *impostor_party_key(const struct impostor *impostor);
/* A key that another has handed us: of this maker, or, if 0, anybody's; of this epoch, or, if 0, its latest. */
struct fama_channel_key *impostor_party_key_of(const struct impostor *impostor, fama_tag maker,
                                               uint32_t epoch);
/* [{"maker": PKI-ID, "epoch": number}, ...] */
json_t *impostor_party_keys_json(const struct impostor *impostor);

/* ---- What it does: impostor_attacks.c ---- */

struct impostor_attack {
    const char *name;
    const char *words;
    bool joins;       /* introduces itself as a member of organisation and channel first */
    bool needs_other; /* --other */
    int (*run)(struct impostor *impostor); /* 0, or IMPOSTOR_FAILED with words */
    const char
        *drops[IMPOSTOR_EXPECTED_MAX]; /* dataplane/drop.h: each of these rises at each target */
    const char *log;                   /* what each target's log says anew, NULL: nothing special */
};

const struct impostor_attack *impostor_attack_find(const char *name);
const struct impostor_attack *impostor_attack_at(size_t index); /* NULL past the end */
int impostor_attack_run(const struct impostor_attack *attack, struct impostor *impostor);

#endif
