#include "dataplane/channel_key.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "dataplane/octets.h"

#define HOPS_AT 4

static void commit_to(struct fama_channel_key *key, const struct fama_channel_key_setup *setup)
{
    uint8_t epoch[4];
    fama_put32(epoch, setup->epoch);
    const struct fama_bytes parts[] = {
        fama_bytes_of_text("fama channel key 1"),
        fama_bytes(setup->channel_digest, FAMA_SHA256_BYTES),
        fama_bytes(setup->maker_pki_id, FAMA_PKI_ID_BYTES),
        fama_bytes(epoch, sizeof epoch),
        fama_bytes(setup->bytes, FAMA_CHANNEL_KEY_BYTES),
    };
    fama_sha256_parts(parts, sizeof parts / sizeof parts[0], key->commitment);
}

struct fama_channel_key *fama_channel_key_create(const struct fama_channel_key_setup *setup)
{
    if (setup->epoch == 0) {
        return NULL;
    }
    struct fama_channel_key *key = aligned_alloc(_Alignof(struct fama_channel_key), sizeof *key);
    if (key == NULL) {
        return NULL;
    }
    memset(key, 0, sizeof *key);
    if (!fama_aead_key_set(&key->aead, setup->bytes)) {
        free(key);
        return NULL;
    }
    key->channel = fama_tag_of(setup->channel_digest);
    key->maker = fama_tag_of(setup->maker_pki_id);
    key->epoch = setup->epoch;
    memcpy(key->bytes, setup->bytes, sizeof key->bytes);
    commit_to(key, setup);
    atomic_init(&key->references, 1);
    return key;
}

struct fama_channel_key *fama_channel_key_acquire(struct fama_channel_key *key)
{
    (void)atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void fama_channel_key_release(struct fama_channel_key *key)
{
    if (key != NULL && atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) == 1) {
        fama_aead_key_clear(&key->aead);
        OPENSSL_cleanse(key->bytes, sizeof key->bytes);
        free(key);
    }
}

bool fama_channel_key_take_block(struct fama_channel_key *key, uint64_t block)
{
    if (block < key->next_block || block == UINT64_MAX) {
        return false;
    }
    key->next_block = block + 1;
    return true;
}

/* ---- Sealing chunks ---- */

/* Whether the chunk is one that this key, or none, may seal or open. */
static bool is_key_of(const struct fama_channel_key *key, const struct fama_chunk *chunk)
{
    if (key == NULL) {
        return chunk->key_epoch == 0;
    }
    return key->epoch == chunk->key_epoch && key->channel == chunk->channel &&
           key->maker == chunk->origin;
}

/* What is authenticated besides: the header, with the one field zeroed that relays change. */
static struct fama_aead_label label_of(const struct fama_chunk *chunk, const uint8_t *datagram,
                                       uint8_t header[FAMA_WIRE_CHUNK_BYTES])
{
    memcpy(header, datagram, FAMA_WIRE_CHUNK_BYTES);
    header[HOPS_AT] = 0;
    struct fama_aead_label label = {.aad = fama_bytes(header, FAMA_WIRE_CHUNK_BYTES)};
    fama_put64(label.nonce, chunk->block);
    fama_put16(label.nonce + 8, chunk->set);
    label.nonce[10] = chunk->index;
    return label;
}

size_t fama_chunk_seal(const struct fama_channel_key *key, const struct fama_chunk *chunk,
                       uint8_t *datagram, size_t size)
{
    if (!is_key_of(key, chunk)) {
        return 0;
    }
    size_t head = fama_wire_chunk_write(chunk, datagram, size);
    size_t proof = fama_wire_chunk_proof_bytes(chunk);
    size_t tag = key != NULL ? FAMA_WIRE_TAG_BYTES : 0;
    if (head == 0 || chunk->payload.len != fama_wire_chunk_payload_bytes(chunk) ||
        size - head < proof + chunk->payload.len + tag) {
        return 0;
    }
    uint8_t *body = datagram + head;
    size_t whole = head + proof + chunk->payload.len + tag;
    const struct fama_bytes pieces[] = {
        fama_bytes(chunk->signature, FAMA_SIGNATURE_BYTES),
        fama_bytes(chunk->proof, proof - FAMA_SIGNATURE_BYTES),
        chunk->payload,
    };
    if (key == NULL) {
        memcpy(body, pieces[0].at, pieces[0].len);
        memcpy(body + pieces[0].len, pieces[1].at, pieces[1].len);
        memcpy(body + proof, pieces[2].at, pieces[2].len);
        return whole;
    }
    uint8_t header[FAMA_WIRE_CHUNK_BYTES];
    struct fama_aead_label label = label_of(chunk, datagram, header);
    return fama_aead_seal(&key->aead, &label, pieces, 3, body, datagram + whole - tag) ? whole : 0;
}

bool fama_chunk_open(const struct fama_channel_key *key, const uint8_t *datagram,
                     struct fama_chunk *chunk, uint8_t *proof, uint8_t *payload)
{
    size_t proof_bytes = fama_wire_chunk_proof_bytes(chunk);
    size_t payload_bytes = fama_wire_chunk_payload_bytes(chunk);
    if (!is_key_of(key, chunk) ||
        chunk->body.len != proof_bytes + payload_bytes + FAMA_WIRE_TAG_BYTES) {
        return false;
    }
    struct fama_bytes sealed = fama_bytes(chunk->body.at, chunk->body.len - FAMA_WIRE_TAG_BYTES);
    const struct fama_aead_space spaces[] = {{.at = proof, .len = proof_bytes},
                                             {.at = payload, .len = payload_bytes}};
    uint8_t header[FAMA_WIRE_CHUNK_BYTES];
    struct fama_aead_label label = label_of(chunk, datagram, header);
    if (!fama_aead_open(&key->aead, &label, sealed, sealed.at + sealed.len, spaces, 2)) {
        return false;
    }
    chunk->signature = proof;
    chunk->proof = proof + FAMA_SIGNATURE_BYTES;
    chunk->payload = fama_bytes(payload, payload_bytes);
    return true;
}
