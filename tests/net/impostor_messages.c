#include "tests/net/impostor.h"

#define HOPS 4

void impostor_make_message(struct impostor_voice *voice, enum fama_kind kind,
                           struct fama_bytes body, struct impostor_datagram *datagram)
{
    struct fama_message message = {
        .kind = kind,
        .author = fama_tag_of(voice->identity->pki_id),
        .incarnation = voice->incarnation,
        .sequence = ++voice->sequence,
        .body = body,
    };
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_wire_message_digest(&message, voice->identity->pki_id, digest);
    datagram->len = 0;
    if (body.len > 0 && impostor_sign(voice->identity, digest, message.signature)) {
        datagram->len = fama_wire_message_write(&message, datagram->bytes, sizeof(datagram->bytes));
    }
}

void impostor_make_alive(struct impostor_voice *voice, const struct fama_endpoint *endpoint,
                         struct impostor_datagram *datagram)
{
    uint8_t body[IMPOSTOR_MTU_DATAGRAM];
    const struct fama_alive alive = {
        .endpoint = *endpoint,
        .mspid = fama_bytes_of_text(voice->identity->mspid),
        .id_bytes = fama_bytes(voice->identity->pem, voice->identity->pem_len),
    };
    size_t len = fama_wire_alive_write(&alive, body, sizeof(body) - FAMA_WIRE_MESSAGE_BYTES);
    impostor_make_message(voice, FAMA_KIND_ALIVE, fama_bytes(body, len), datagram);
}

void impostor_make_stateinfo(struct impostor_voice *voice, const struct fama_stateinfo *stateinfo,
                             struct impostor_datagram *datagram)
{
    uint8_t body[64];
    size_t len = fama_wire_stateinfo_write(stateinfo, body, sizeof(body));
    impostor_make_message(voice, FAMA_KIND_STATEINFO, fama_bytes(body, len), datagram);
}

void impostor_make_digest(struct impostor_voice *voice, fama_tag target,
                          struct impostor_datagram *datagram)
{
    uint8_t body[64];
    const struct fama_digest digest = {.answer_wanted = true, .target = target, .last = UINT64_MAX};
    size_t len = fama_wire_digest_write(&digest, body, sizeof(body));
    impostor_make_message(voice, FAMA_KIND_DIGEST, fama_bytes(body, len), datagram);
}

size_t impostor_make_request(fama_tag channel, uint64_t block, uint8_t *body, size_t size)
{
    const struct fama_request request = {.channel = channel,
                                         .block = block,
                                         .chunk_bytes =
                                             fama_chunk_bytes_for(IMPOSTOR_MTU_DATAGRAM, 0)};
    return fama_wire_request_write(&request, body, size);
}

void impostor_make_bare(enum fama_kind kind, struct fama_bytes body,
                        struct impostor_datagram *datagram)
{
    datagram->len = fama_wire_inner_write(kind, body, datagram->bytes, sizeof(datagram->bytes));
}

void impostor_make_handshake(const struct fama_session_message *message,
                             struct impostor_datagram *datagram)
{
    datagram->len = fama_wire_session_write(message, datagram->bytes, sizeof(datagram->bytes));
}

/* ---- Chunks ---- */

struct set_of_chunks {
    struct fama_geometry geometry;
    uint32_t data, parity;
    struct fama_bytes payloads[FAMA_SET_CHUNKS_MAX];
    uint8_t (*made)[FAMA_CHUNK_BYTES_MAX]; /* parity */
};

/* Payloads of the data chunks: views into the block, or into zeros where it does not reach. */
static void cut_data(const struct impostor_cut *cut, uint32_t block_bytes, uint16_t set,
                     struct set_of_chunks *chunks)
{
    static const uint8_t zeros[FAMA_CHUNK_BYTES_MAX];
    uint64_t offset = (uint64_t)set * FAMA_SET_CHUNKS * cut->chunk_bytes;
    for (uint32_t i = 0; i < chunks->data; i++, offset += cut->chunk_bytes) {
        uint64_t left = block_bytes - offset;
        size_t len = left < cut->chunk_bytes ? (size_t)left : cut->chunk_bytes;
        bool is_there = offset + len <= cut->block.len;
        chunks->payloads[i] = fama_bytes(is_there ? cut->block.at + offset : zeros, len);
    }
}

/* Honest parity comes from the code that every origin uses; polluted parity is bytes that no code gives. */
static bool add_parity(const struct impostor_cut *cut, uint16_t set, struct set_of_chunks *chunks)
{
    struct fama_set_encoder *encoder = fama_set_encoder_create();
    struct fama_cut shape = {.block_bytes = (uint32_t)cut->block.len,
                             .chunk_bytes = cut->chunk_bytes,
                             .parity = cut->parity};
    bool is_made = encoder != NULL && fama_set_encode(encoder, cut->block, &shape, set);
    for (uint32_t i = 0; is_made && i < chunks->parity; i++) {
        uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
        struct fama_chunk chunk;
        fama_set_describe(encoder, &chunk);
        fama_set_chunk(encoder, chunks->data + i, &chunk, proof);
        memcpy(chunks->made[i], chunk.payload.at, chunk.payload.len);
        if (cut->is_polluted) {
            chunks->made[i][chunk.payload.len / 2] ^= 0x5a;
        }
        chunks->payloads[chunks->data + i] = fama_bytes(chunks->made[i], chunk.payload.len);
    }
    fama_set_encoder_destroy(encoder);
    return is_made;
}

static uint32_t seal_set(const struct impostor_cut *cut, uint32_t block_bytes, uint16_t set,
                         const struct set_of_chunks *chunks, struct impostor_datagram *datagrams)
{
    static const uint8_t not_sealed[FAMA_SHA256_BYTES];
    uint32_t count = chunks->data + chunks->parity;
    struct fama_merkle_tree tree;
    uint8_t channel_digest[FAMA_SHA256_BYTES], digest[FAMA_SHA256_BYTES];
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    fama_merkle_build(&tree, chunks->payloads, count);
    fama_channel_digest(cut->channel, channel_digest);
    struct fama_chunk chunk = {
        .hops = HOPS,
        .channel = fama_tag_of(channel_digest),
        .origin = fama_tag_of(cut->origin_pki_id),
        .block = cut->number,
        .block_bytes = block_bytes,
        .chunk_bytes = cut->chunk_bytes,
        .set = set,
        .data_chunks = (uint8_t)chunks->data,
        .parity_chunks = (uint8_t)chunks->parity,
        .parity = cut->parity,
        .key_epoch = cut->key != NULL ? cut->key->epoch : 0,
        .signature = signature,
        .proof = proof,
    };
    fama_wire_root_digest(&chunk, channel_digest, cut->origin_pki_id,
                          cut->key != NULL ? cut->key->commitment : not_sealed,
                          fama_merkle_root(&tree), digest);
    if (!impostor_sign(cut->signer, digest, signature)) {
        return 0;
    }
    if (cut->has_garbage_signature) {
        memset(signature, 0x5a, sizeof(signature));
    }
    for (uint32_t i = 0; i < count; i++) {
        chunk.index = (uint8_t)i;
        chunk.payload = chunks->payloads[i];
        fama_merkle_prove(&tree, i, proof);
        datagrams[i].len =
            fama_chunk_seal(cut->key, &chunk, datagrams[i].bytes, sizeof(datagrams[i].bytes));
        if (datagrams[i].len == 0) {
            return 0;
        }
    }
    return count;
}

uint32_t impostor_cut_set(const struct impostor_cut *cut, uint16_t set,
                          struct impostor_datagram *datagrams)
{
    static uint8_t made[FAMA_PARITY_MAX][FAMA_CHUNK_BYTES_MAX];
    struct set_of_chunks chunks = {.made = made};
    uint32_t block_bytes = cut->block_bytes != 0 ? cut->block_bytes : (uint32_t)cut->block.len;
    if (!fama_geometry(block_bytes, cut->chunk_bytes, &chunks.geometry)) {
        return 0;
    }
    chunks.data = fama_geometry_set_chunks(&chunks.geometry, set);
    chunks.parity = fama_geometry_parity_chunks(cut->parity, chunks.data);
    if (chunks.data == 0 || (chunks.parity > 0 && block_bytes != cut->block.len)) {
        return 0;
    }
    cut_data(cut, block_bytes, set, &chunks);
    if (chunks.parity > 0 && !add_parity(cut, set, &chunks)) {
        return 0;
    }
    return seal_set(cut, block_bytes, set, &chunks, datagrams);
}
