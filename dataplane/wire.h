/* Fama's datagrams, UDP payloads in network byte order, version 2: one function that reads each, one that
 * writes it. What every field means, who may change it, what is signed and what sealed is in
 * dataplane/WIRE.md.
 *
 * Every value has exactly one encoding: lists are strictly ascending, unused bits and octets are zero,
 * lengths agree with the datagram's, and a writer refuses (returns 0) what the reader would.
 *
 * All readers are fuzzed. Readers borrow the datagram; what they write to is undefined when they refuse.
 * Any thread. */
#ifndef FAMA_DATAPLANE_WIRE_H
#define FAMA_DATAPLANE_WIRE_H

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "crypto/signature.h"
#include "dataplane/drop.h"
#include "dataplane/endpoint.h"

#define FAMA_WIRE_MAGIC         0xFA3A
#define FAMA_WIRE_VERSION       2
#define FAMA_WIRE_HEADER_BYTES  8
#define FAMA_WIRE_MESSAGE_BYTES 96 /* header and signed envelope, before the body */
#define FAMA_WIRE_CHUNK_BYTES   56 /* a chunk's clear header */
#define FAMA_WIRE_CHUNK_PROOF_MAX                                                                  \
    (FAMA_SIGNATURE_BYTES + FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES)
#define FAMA_WIRE_TAG_BYTES      16
#define FAMA_WIRE_SEALED_HEADER  24   /* header, session, counter: before what is sealed */
#define FAMA_WIRE_DATAGRAM_MAX   8972 /* jumbo frames: 9000 less IPv4 and UDP headers */
#define FAMA_TAG_BYTES           8
#define FAMA_SET_CHUNKS          32 /* data chunks in every set of a block but its last */
#define FAMA_PARITY_MAX          32 /* parity chunks for a full set */
#define FAMA_SET_CHUNKS_MAX      64 /* data and parity chunks of a set */
#define FAMA_MSPID_MAX           256
#define FAMA_WIRE_DATAGRAM_LEAST 1232 /* what any link takes: an MTU of 1280 less IPv6 headers */
#define FAMA_DIGEST_ENTRIES_MAX  46   /* a full digest fits FAMA_WIRE_DATAGRAM_LEAST */
#define FAMA_REQUEST_ENTRIES_MAX 64
#define FAMA_CHUNK_BYTES_MIN     64
#define FAMA_CHUNK_BYTES_MAX     8712 /* fama_chunk_bytes_for(FAMA_WIRE_DATAGRAM_MAX, 0) */
#define FAMA_SETS_MAX            16384

enum fama_kind {
    FAMA_KIND_ALIVE = 1,
    FAMA_KIND_CHUNK = 2,
    FAMA_KIND_DIGEST = 3,
    FAMA_KIND_REQUEST = 4,
    FAMA_KIND_STATEINFO = 5,
    FAMA_KIND_SESSION = 6, /* a handshake's datagram, see dataplane/wire_session.h */
    FAMA_KIND_SEALED = 7,  /* a datagram within a session, likewise */
    FAMA_KIND_KEYS = 8,    /* within a session only */
};

/* The first eight bytes of a PKI-ID or of a channel's digest, as a big-endian number. */
typedef uint64_t fama_tag;

fama_tag fama_tag_of(const uint8_t digest[FAMA_SHA256_BYTES]);
void fama_channel_digest(const char *channel_id, uint8_t digest[FAMA_SHA256_BYTES]);

struct fama_wire_header {
    uint8_t kind;
    uint8_t hops;
};

/* A signed message as it lies in its datagram. */
struct fama_message {
    enum fama_kind kind;
    uint8_t hops;
    fama_tag author;
    uint64_t incarnation;
    uint64_t sequence;
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    struct fama_bytes body; /* borrowed */
};

struct fama_alive {
    struct fama_endpoint endpoint;
    struct fama_bytes mspid;    /* borrowed, not NUL-terminated */
    struct fama_bytes id_bytes; /* borrowed */
};

struct fama_digest_entry {
    fama_tag author;
    uint64_t incarnation;
    uint64_t sequence;
};

struct fama_digest {
    bool answer_wanted;
    fama_tag target;
    fama_tag first;
    fama_tag last;
    uint16_t count;
    struct fama_digest_entry entries[FAMA_DIGEST_ENTRIES_MAX];
};

struct fama_stateinfo {
    fama_tag channel;
    uint64_t height;
    bool has_left;
    uint16_t loss; /* of the chunks that its author should have got by push: parts of 10,000 */
};

#define FAMA_LOSS_WHOLE 10000

struct fama_request_entry {
    uint16_t set;
    uint64_t wanted;
};

struct fama_request {
    fama_tag channel;
    uint64_t block;
    uint32_t block_bytes; /* 0: unknown */
    uint16_t chunk_bytes;
    uint8_t parity; /* for a full set: how the block was cut */
    uint16_t count;
    struct fama_request_entry entries[FAMA_REQUEST_ENTRIES_MAX];
};

struct fama_chunk {
    uint8_t hops;
    fama_tag channel;
    fama_tag origin;
    uint64_t block;
    uint32_t block_bytes;
    uint16_t chunk_bytes;
    uint16_t set;
    uint8_t index; /* data chunks first, then parity chunks */
    uint8_t data_chunks;
    uint8_t parity_chunks;
    uint8_t parity;     /* for a full set of this block; parity_chunks follows from it */
    uint32_t key_epoch; /* 0: not sealed, as it is within a session */
    uint64_t view_id;
    struct fama_bytes body; /* all after the header; borrowed */
    /* What the body holds once it has been opened; at once where it is not sealed. */
    const uint8_t *signature; /* FAMA_SIGNATURE_BYTES, borrowed */
    const uint8_t *proof;     /* fama_merkle_depth(k + m) x FAMA_MERKLE_NODE_BYTES, borrowed */
    struct fama_bytes payload;
};

/* A channel's key of one epoch, as its maker hands it to a member within their session. */
enum fama_keys_step {
    FAMA_KEYS_OFFER = 1,  /* here is a key: answered by TAKEN */
    FAMA_KEYS_TAKEN = 2,  /* I have it */
    FAMA_KEYS_WANTED = 3, /* I have not: answered by OFFER */
};
#define FAMA_CHANNEL_KEY_BYTES 32
struct fama_keys {
    enum fama_keys_step step;
    fama_tag channel;
    uint32_t epoch;                      /* 0 in WANTED: whichever is in force */
    uint8_t key[FAMA_CHANNEL_KEY_BYTES]; /* zero but in OFFER */
};

/* Parsers return FAMA_DROP_NONE or the reason. */
enum fama_drop fama_wire_header_read(struct fama_bytes datagram, struct fama_wire_header *header);
/* The first FAMA_WIRE_HEADER_BYTES of a datagram of that length. */
void fama_wire_header_write(uint8_t *at, const struct fama_wire_header *header,
                            size_t datagram_bytes);
enum fama_drop fama_wire_message_read(struct fama_bytes datagram, struct fama_message *message);
enum fama_drop fama_wire_alive_read(struct fama_bytes body, struct fama_alive *alive);
enum fama_drop fama_wire_digest_read(struct fama_bytes body, struct fama_digest *digest);
enum fama_drop fama_wire_stateinfo_read(struct fama_bytes body, struct fama_stateinfo *stateinfo);
enum fama_drop fama_wire_request_read(struct fama_bytes body, struct fama_request *request);
/* Bodies of kinds that come within a session, which proves their author. */
enum fama_drop fama_wire_keys_read(struct fama_bytes body, struct fama_keys *keys);
size_t fama_wire_keys_write(const struct fama_keys *keys, uint8_t *body, size_t size);
/* A whole datagram of such a kind: header and body, which may already lie where it belongs. */
size_t fama_wire_inner_write(enum fama_kind kind, struct fama_bytes body, uint8_t *datagram,
                             size_t size);

/* Also checks the geometry: set, index, k, m and the body's length must be the very ones that block
 * bytes, chunk bytes and parity imply, so that a well-parsed chunk has exactly one place in its block. */
enum fama_drop fama_wire_chunk_read(struct fama_bytes datagram, struct fama_chunk *chunk);

/* Writers return the number of bytes written, or 0 if `size` does not hold it or if the reader would
 * refuse it. A message's body may already lie where it belongs in `datagram`. */
size_t fama_wire_alive_write(const struct fama_alive *alive, uint8_t *body, size_t size);
size_t fama_wire_digest_write(const struct fama_digest *digest, uint8_t *body, size_t size);
size_t fama_wire_stateinfo_write(const struct fama_stateinfo *stateinfo, uint8_t *body,
                                 size_t size);
size_t fama_wire_request_write(const struct fama_request *request, uint8_t *body, size_t size);
size_t fama_wire_message_write(const struct fama_message *message, uint8_t *datagram, size_t size);
/* A chunk's clear header; the common header's length counts the body in. */
size_t fama_wire_chunk_write(const struct fama_chunk *chunk, uint8_t *at, size_t size);
/* Whether the place a chunk claims is the very one that its block's size, chunk size and parity imply. */
bool fama_wire_chunk_is_in_place(const struct fama_chunk *chunk);
/* Bytes of signature and proof before the payload, and of the payload itself. */
size_t fama_wire_chunk_proof_bytes(const struct fama_chunk *chunk);
uint32_t fama_wire_chunk_payload_bytes(const struct fama_chunk *chunk);

/* What the author of a message, and the origin of a chunk set, signs. */
void fama_wire_message_digest(const struct fama_message *message,
                              const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                              uint8_t digest[FAMA_SHA256_BYTES]);
/* `key_commitment`: of the key the set is sealed with, zeros where it is not. */
void fama_wire_root_digest(const struct fama_chunk *chunk,
                           const uint8_t channel_digest[FAMA_SHA256_BYTES],
                           const uint8_t origin_pki_id[FAMA_PKI_ID_BYTES],
                           const uint8_t key_commitment[FAMA_SHA256_BYTES],
                           const uint8_t root[FAMA_MERKLE_NODE_BYTES],
                           uint8_t digest[FAMA_SHA256_BYTES]);

/* How a block is cut: what all its chunks have in common. */
struct fama_cut {
    uint32_t block_bytes;
    uint16_t chunk_bytes;
    uint8_t parity; /* parity chunks of a full set */
};

/* Geometry of a block cut into chunks: pure arithmetic, checked against overflow. */
struct fama_geometry {
    uint32_t chunks; /* data chunks in the block */
    uint32_t sets;
};
/* False if block_bytes is 0, chunk_bytes is out of bounds, or there would be more than FAMA_SETS_MAX. */
bool fama_geometry(uint32_t block_bytes, uint16_t chunk_bytes, struct fama_geometry *geometry);
/* Data chunks in a set; 0 for a set the block does not have. */
uint32_t fama_geometry_set_chunks(const struct fama_geometry *geometry, uint32_t set);
/* Parity chunks of a set with `data_chunks`, where a full set has `parity`: a set that is not full has its
 * share and one more, since few chunks are soon too few. */
uint32_t fama_geometry_parity_chunks(uint32_t parity, uint32_t data_chunks);
/* The largest chunk payload that fits a datagram of `datagram_bytes` with the deepest proof, sealed for
 * a channel or within a session; 0 if that is below FAMA_CHUNK_BYTES_MIN. */
uint16_t fama_chunk_bytes_for(size_t datagram_bytes, uint32_t parity);

#endif
