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

void impostor_make_request(struct impostor_voice *voice, fama_tag target, fama_tag channel,
                           uint64_t block, struct impostor_datagram *datagram)
{
    uint8_t body[64];
    const struct fama_request request = {.target = target,
                                         .channel = channel,
                                         .block = block,
                                         .chunk_bytes =
                                             fama_chunk_bytes_for(IMPOSTOR_MTU_DATAGRAM)};
    size_t len = fama_wire_request_write(&request, body, sizeof(body));
    impostor_make_message(voice, FAMA_KIND_REQUEST, fama_bytes(body, len), datagram);
}

/* ---- Chunks ---- */

/* Payloads of the set: views into the block, or into zeros where it does not reach. */
static void payloads_of(const struct impostor_cut *cut, uint32_t block_bytes, uint16_t set,
                        uint32_t count, struct fama_bytes *payloads)
{
    static const uint8_t zeros[FAMA_CHUNK_BYTES_MAX];
    uint64_t offset = (uint64_t)set * FAMA_SET_CHUNKS * cut->chunk_bytes;
    for (uint32_t i = 0; i < count; i++, offset += cut->chunk_bytes) {
        uint64_t left = block_bytes - offset;
        size_t len = left < cut->chunk_bytes ? (size_t)left : cut->chunk_bytes;
        bool is_there = offset + len <= cut->block.len;
        payloads[i] = fama_bytes(is_there ? cut->block.at + offset : zeros, len);
    }
}

uint32_t impostor_cut_set(const struct impostor_cut *cut, uint16_t set,
                          struct impostor_datagram *datagrams)
{
    uint32_t block_bytes = cut->block_bytes != 0 ? cut->block_bytes : (uint32_t)cut->block.len;
    struct fama_geometry geometry;
    if (!fama_geometry(block_bytes, cut->chunk_bytes, &geometry)) {
        return 0;
    }
    uint32_t count = fama_geometry_set_chunks(&geometry, set);
    if (count == 0) {
        return 0;
    }
    struct fama_bytes payloads[FAMA_SET_CHUNKS];
    struct fama_merkle_tree tree;
    payloads_of(cut, block_bytes, set, count, payloads);
    fama_merkle_build(&tree, payloads, count);

    uint8_t channel_digest[FAMA_SHA256_BYTES], digest[FAMA_SHA256_BYTES];
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    fama_channel_digest(cut->channel, channel_digest);
    struct fama_chunk chunk = {
        .hops = HOPS,
        .channel = fama_tag_of(channel_digest),
        .origin = fama_tag_of(cut->origin_pki_id),
        .block = cut->number,
        .block_bytes = block_bytes,
        .chunk_bytes = cut->chunk_bytes,
        .set = set,
        .data_chunks = (uint8_t)count,
        .proof_nodes = (uint8_t)fama_merkle_depth(count),
        .signature = signature,
        .proof = proof,
    };
    fama_wire_root_digest(&chunk, channel_digest, cut->origin_pki_id, fama_merkle_root(&tree),
                          digest);
    if (!impostor_sign(cut->signer, digest, signature)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        chunk.index = (uint8_t)i;
        chunk.payload = payloads[i];
        fama_merkle_prove(&tree, i, proof);
        size_t head = fama_wire_chunk_write(&chunk, datagrams[i].bytes,
                                            sizeof(datagrams[i].bytes) - payloads[i].len);
        if (head == 0) {
            return 0;
        }
        memcpy(datagrams[i].bytes + head, payloads[i].at, payloads[i].len);
        datagrams[i].len = head + payloads[i].len;
    }
    return count;
}
