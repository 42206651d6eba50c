/* A channel's key of one epoch: what its maker, the origin, seals chunks with, and members open them with.
 *
 * But for what it has sealed, which is its maker's to know, the object never changes, and it is counted: the
 * control thread makes it and lists it in views; packet threads use it between two quiescent states, the
 * origin thread by a reference of its own. Its bytes leave the process only towards members, within
 * sessions; the object is cleansed when it goes.
 *
 * A key is committed to by what the origin signs (fama_wire_root_digest), so that nobody can hand
 * different keys to different members and have both see a signed set: SHA-256("fama channel key 1" ||
 * channel digest || maker's PKI-ID || u32 epoch || key). */
#ifndef FAMA_DATAPLANE_CHANNEL_KEY_H
#define FAMA_DATAPLANE_CHANNEL_KEY_H

#include <stdatomic.h>

#include "crypto/aead.h"
#include "dataplane/wire.h"

struct fama_channel_key {
    struct fama_aead_key aead;
    fama_tag channel;
    fama_tag maker;
    uint32_t epoch; /* not 0 */
    uint8_t commitment[FAMA_SHA256_BYTES];
    uint8_t bytes[FAMA_CHANNEL_KEY_BYTES];
    uint64_t next_block; /* blocks below it have been sealed: the origin thread's */
    _Atomic uint32_t references;
};

struct fama_channel_key_setup {
    const uint8_t *channel_digest; /* FAMA_SHA256_BYTES */
    const uint8_t *maker_pki_id;   /* FAMA_PKI_ID_BYTES */
    uint32_t epoch;
    const uint8_t *bytes; /* FAMA_CHANNEL_KEY_BYTES */
};

/* With one reference; NULL if out of memory or if epoch is 0. */
struct fama_channel_key *fama_channel_key_create(const struct fama_channel_key_setup *setup);
struct fama_channel_key *fama_channel_key_acquire(struct fama_channel_key *key);
/* NULL is fine. */
void fama_channel_key_release(struct fama_channel_key *key);

/* Whether the key may seal this block, and from now on it may not again: blocks come in rising order, each
 * once, or one nonce could serve two messages. The origin thread. */
bool fama_channel_key_take_block(struct fama_channel_key *key, uint64_t block);

/* ---- Sealing chunks ---- */

/* Writes the whole datagram of a chunk that is in its place: clear header, then signature, proof and payload,
 * sealed with `key` (channel, origin and epoch of the chunk are the key's), or in the clear where `key` is NULL and key_epoch
 * 0. Returns its length, or 0 if `size` does not hold it or the reader would refuse it. No two different
 * chunks of one block, set and index may ever be sealed with one key. */
size_t fama_chunk_seal(const struct fama_channel_key *key, const struct fama_chunk *chunk,
                       uint8_t *datagram, size_t size);

/* Opens a chunk that fama_wire_chunk_read has read from this very datagram: signature and proof into
 * `proof` (FAMA_WIRE_CHUNK_PROOF_MAX bytes), the payload into `payload`, which has room for it, and points
 * the chunk at both. False: not sealed with this key; then nothing in these places means anything. */
bool fama_chunk_open(const struct fama_channel_key *key, const uint8_t *datagram,
                     struct fama_chunk *chunk, uint8_t *proof, uint8_t *payload);

#endif
