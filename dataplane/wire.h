/* Fama's datagrams: every field, its size, who may change it and what is signed. UDP payloads, network
 * byte order, version 1.
 *
 * Common header, 8 bytes, on every datagram:
 *    0  u16 magic 0xFA3A   2  u8 version   3  u8 kind   4  u8 hops (the only field a relay may change)
 *    5  u8 flags           6  u16 length of what follows the header (exactly the rest of the datagram)
 *
 * Signed message (every kind but chunk), from byte 8:
 *    8  8  author: first 8 bytes of the author's PKI-ID
 *   16 u64 incarnation     24 u64 sequence (per author and incarnation, rising over all kinds)
 *   32 64  signature r || s   96  .. body
 *   Signed is SHA-256("fama message 1" || kind || author's PKI-ID (32) || incarnation || sequence ||
 *   u32 body length || body).
 *
 *   alive body:     u8 family (4 or 6), 16 address (IPv4 in the first 4, rest 0), u16 port, u16 mspid
 *                   length, mspid, u16 id_bytes length, id_bytes (PEM). The port is not 0, the address
 *                   one host's (fama_address_is_one_host), one of family 6 holds none of IPv4, mspid and
 *                   id_bytes are not empty, no NUL in mspid
 *   digest body:    u8 answer wanted (0|1), 8 target, u64 first tag, u64 last tag, u16 count,
 *                   count x { 8 author, u64 incarnation, u64 sequence }: the alive messages its author
 *                   holds of authors in [first, last], ascending by author
 *   stateinfo body: 8 channel tag, u64 height, u8 left (0|1)
 *   request body:   8 target, 8 channel tag, u64 block, u32 block bytes (0: unknown), u16 chunk bytes,
 *                   u16 count, count x { u16 set, u64 wanted chunks, bit i = index i }, ascending by set.
 *                   Of unknown size: count is 0, all is wanted, and chunk bytes is 0 or what the
 *                   requester would like. Of known size: at least one entry, none empty, none beyond
 *                   what the geometry implies
 *   target: first 8 bytes of the PKI-ID of the only peer that may act on it.
 *
 * Chunk, from byte 8:
 *    8  8  channel tag: first 8 bytes of SHA-256(channel id)
 *   16  8  origin: first 8 bytes of the PKI-ID of the root's signer
 *   24 u64 block   32 u32 block bytes   36 u16 chunk bytes (payload of every chunk but a block's last)
 *   38 u16 set     40 u8 index   41 u8 data chunks k of this set   42 u8 parity chunks m (0 in version 1)
 *   43 u8 proof nodes   44 u32 key epoch (0: payload is not sealed; always 0 in version 1)
 *   48 64 root signature
 *  112 proof nodes x 20   then the payload
 *   A block is cut into chunks of `chunk bytes`; each FAMA_SET_CHUNKS consecutive ones are a set.
 *   Signed is SHA-256("fama chunk root 1" || SHA-256(channel id) || origin's PKI-ID (32) || block ||
 *   block bytes || chunk bytes || set || k || m || key epoch || root (20)).
 *
 * Every value has exactly one encoding: lists are strictly ascending, unused bits and octets are zero,
 * lengths agree with the datagram's, and a writer refuses (returns 0) what the reader would.
 *
 * One function parses each kind; all are fuzzed. Parsers borrow the datagram; what they write to is
 * undefined when they refuse. Any thread. */
#ifndef FAMA_DATAPLANE_WIRE_H
#define FAMA_DATAPLANE_WIRE_H

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "crypto/signature.h"
#include "dataplane/drop.h"
#include "dataplane/endpoint.h"

#define FAMA_WIRE_MAGIC             0xFA3A
#define FAMA_WIRE_VERSION           1
#define FAMA_WIRE_HEADER_BYTES      8
#define FAMA_WIRE_MESSAGE_BYTES     96 /* header and signed envelope, before the body */
#define FAMA_WIRE_CHUNK_FIXED_BYTES 112
#define FAMA_WIRE_DATAGRAM_MAX      8972 /* jumbo frames: 9000 less IPv4 and UDP headers */
#define FAMA_TAG_BYTES              8
#define FAMA_SET_CHUNKS             64 /* data chunks in every set of a block but its last */
#define FAMA_MSPID_MAX              256
#define FAMA_WIRE_DATAGRAM_LEAST    1232 /* what any link takes: an MTU of 1280 less IPv6 headers */
#define FAMA_DIGEST_ENTRIES_MAX     46   /* a full digest fits FAMA_WIRE_DATAGRAM_LEAST */
#define FAMA_REQUEST_ENTRIES_MAX    64
#define FAMA_CHUNK_BYTES_MIN        64
#define FAMA_CHUNK_BYTES_MAX        8740 /* fama_chunk_bytes_for(FAMA_WIRE_DATAGRAM_MAX) */
#define FAMA_SETS_MAX               16384

enum fama_kind {
    FAMA_KIND_ALIVE = 1,
    FAMA_KIND_CHUNK = 2,
    FAMA_KIND_DIGEST = 3,
    FAMA_KIND_REQUEST = 4,
    FAMA_KIND_STATEINFO = 5,
};

enum fama_wire_flag {
    FAMA_FLAG_REPAIR = 1, /* a chunk sent on request: never forwarded */
};

/* The first eight bytes of a PKI-ID or of a channel's digest, as a big-endian number. */
typedef uint64_t fama_tag;

fama_tag fama_tag_of(const uint8_t digest[FAMA_SHA256_BYTES]);
void fama_channel_digest(const char *channel_id, uint8_t digest[FAMA_SHA256_BYTES]);

struct fama_wire_header {
    uint8_t kind;
    uint8_t hops;
    uint8_t flags;
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
};

struct fama_request_entry {
    uint16_t set;
    uint64_t wanted;
};

struct fama_request {
    fama_tag target;
    fama_tag channel;
    uint64_t block;
    uint32_t block_bytes; /* 0: unknown */
    uint16_t chunk_bytes;
    uint16_t count;
    struct fama_request_entry entries[FAMA_REQUEST_ENTRIES_MAX];
};

struct fama_chunk {
    uint8_t hops;
    uint8_t flags;
    fama_tag channel;
    fama_tag origin;
    uint64_t block;
    uint32_t block_bytes;
    uint16_t chunk_bytes;
    uint16_t set;
    uint8_t index;
    uint8_t data_chunks;
    uint8_t parity_chunks;
    uint8_t proof_nodes;
    uint32_t key_epoch;
    const uint8_t *signature; /* FAMA_SIGNATURE_BYTES, borrowed */
    const uint8_t *proof;     /* proof_nodes x FAMA_MERKLE_NODE_BYTES, borrowed */
    struct fama_bytes payload;
};

/* Parsers return FAMA_DROP_NONE or the reason. */
enum fama_drop fama_wire_header_read(struct fama_bytes datagram, struct fama_wire_header *header);
enum fama_drop fama_wire_message_read(struct fama_bytes datagram, struct fama_message *message);
enum fama_drop fama_wire_alive_read(struct fama_bytes body, struct fama_alive *alive);
enum fama_drop fama_wire_digest_read(struct fama_bytes body, struct fama_digest *digest);
enum fama_drop fama_wire_stateinfo_read(struct fama_bytes body, struct fama_stateinfo *stateinfo);
enum fama_drop fama_wire_request_read(struct fama_bytes body, struct fama_request *request);
/* Also checks the geometry: set, index, k, payload length and proof nodes must be the very ones that
 * block bytes and chunk bytes imply, so that a well-parsed chunk has exactly one place in its block. */
enum fama_drop fama_wire_chunk_read(struct fama_bytes datagram, struct fama_chunk *chunk);

/* Writers return the number of bytes written, or 0 if `size` does not hold it or if the reader would
 * refuse it. A message's body may already lie where it belongs in `datagram`. */
size_t fama_wire_alive_write(const struct fama_alive *alive, uint8_t *body, size_t size);
size_t fama_wire_digest_write(const struct fama_digest *digest, uint8_t *body, size_t size);
size_t fama_wire_stateinfo_write(const struct fama_stateinfo *stateinfo, uint8_t *body,
                                 size_t size);
size_t fama_wire_request_write(const struct fama_request *request, uint8_t *body, size_t size);
size_t fama_wire_message_write(const struct fama_message *message, uint8_t *datagram, size_t size);
/* Everything of a chunk but its payload (header, fixed fields, proof); the common header's length counts
 * the payload in. */
size_t fama_wire_chunk_write(const struct fama_chunk *chunk, uint8_t *at, size_t size);
/* Puts another origin and its signature, over the same root, into a well-formed chunk. */
void fama_wire_chunk_sign(uint8_t *datagram, fama_tag origin,
                          const uint8_t signature[FAMA_SIGNATURE_BYTES]);

/* What the author of a message, and the origin of a chunk set, signs. */
void fama_wire_message_digest(const struct fama_message *message,
                              const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                              uint8_t digest[FAMA_SHA256_BYTES]);
void fama_wire_root_digest(const struct fama_chunk *chunk,
                           const uint8_t channel_digest[FAMA_SHA256_BYTES],
                           const uint8_t origin_pki_id[FAMA_PKI_ID_BYTES],
                           const uint8_t root[FAMA_MERKLE_NODE_BYTES],
                           uint8_t digest[FAMA_SHA256_BYTES]);

/* Geometry of a block cut into chunks: pure arithmetic, checked against overflow. */
struct fama_geometry {
    uint32_t chunks; /* in the block */
    uint32_t sets;
};
/* False if block_bytes is 0, chunk_bytes is out of bounds, or there would be more than FAMA_SETS_MAX. */
bool fama_geometry(uint32_t block_bytes, uint16_t chunk_bytes, struct fama_geometry *geometry);
/* Chunks in a set; 0 for a set the block does not have. */
uint32_t fama_geometry_set_chunks(const struct fama_geometry *geometry, uint32_t set);
/* The largest chunk payload that fits a datagram of `datagram_bytes` with the deepest proof, 0 if that
 * is below FAMA_CHUNK_BYTES_MIN. */
uint16_t fama_chunk_bytes_for(size_t datagram_bytes);

#endif
