#include "dataplane/origin.h"

#include "dataplane/chunk_set.h"
#include "dataplane/idle.h"

#define WAIT_SLEEP_MAX_NS 200000

/* One block being sent. */
struct sending {
    struct fama_topology *topology;
    struct rte_ring *ring; /* to the block's net lcore */
    const struct fama_signer *signer;
    const struct fama_block_send *send;
    struct fama_cut cut;
    struct fama_geometry geometry;
    uint8_t channel_digest[FAMA_SHA256_BYTES];
    struct fama_chunk chunk; /* what all chunks of the block, and then of the set, have in common */
    uint64_t queued;
};

static bool is_interrupted(const struct sending *sending)
{
    return atomic_load_explicit(&sending->topology->is_interrupted, memory_order_acquire);
}

/* To the net lcore whose block it is. NULL: a block is never sent in that class. */
static struct rte_ring *ring_of(const struct fama_topology *topology,
                                const struct fama_block_send *send, fama_tag channel)
{
    uint32_t lcore = fama_spread_block(topology->config.net_core_count, channel, send->number);
    const struct fama_net_ends *net = &topology->net[lcore];
    switch (send->transmit_class) {
    case FAMA_TRANSMIT_CONTROL:
        return send->session == NULL ? net->origin_to_net : net->repair_to_net;
    case FAMA_TRANSMIT_NEW_BLOCK:
        return net->origin_to_net;
    case FAMA_TRANSMIT_REPAIR:
        return net->repair_to_net;
    case FAMA_TRANSMIT_TRANSFER:
        return net->transfer_to_net;
    case FAMA_TRANSMIT_CLASSES:
        break;
    }
    return NULL;
}

static int prepare(struct sending *sending)
{
    const struct fama_block_send *send = sending->send;
    const struct fama_topology *topology = sending->topology;
    const struct fama_dataplane_config *config = &topology->config;
    size_t datagram_bytes = config->mtu - fama_frame_ip_udp_bytes(config->endpoint.address);
    uint16_t most = fama_chunk_bytes_for(datagram_bytes, send->parity);
    fama_channel_digest(send->channel_id, sending->channel_digest);
    sending->ring = ring_of(topology, send, fama_tag_of(sending->channel_digest));
    sending->cut = (struct fama_cut){
        .block_bytes = (uint32_t)send->bytes.len,
        .chunk_bytes = send->chunk_bytes != 0 ? send->chunk_bytes : most,
        .parity = send->parity,
    };
    if (sending->ring == NULL || sending->cut.chunk_bytes > most || send->bytes.len > UINT32_MAX ||
        send->channel >= FAMA_CHANNELS_MAX ||
        !fama_geometry(sending->cut.block_bytes, sending->cut.chunk_bytes, &sending->geometry)) {
        return FAMA_DATAPLANE_CONFIG;
    }
    if (send->session == NULL &&
        (send->key == NULL || !fama_channel_key_take_block(send->key, send->number))) {
        return FAMA_DATAPLANE_KEY;
    }
    sending->chunk = (struct fama_chunk){
        .channel = fama_tag_of(sending->channel_digest),
        .origin = fama_tag_of(fama_identity_pki_id(fama_signer_identity(sending->signer))),
        .block = send->number,
    };
    if (send->session == NULL) {
        sending->chunk.hops = config->hop_budget;
        sending->chunk.key_epoch = send->key->epoch;
        if (!send->is_infectious) {
            sending->chunk.view_id =
                atomic_load_explicit(&topology->view_ids[send->channel], memory_order_relaxed);
        }
    }
    return 0;
}

/* Which chunks of a set are to be sent, bit i = index i. */
static uint64_t wanted_of(const struct fama_block_send *send, uint32_t set)
{
    if (send->wanted == NULL) {
        return UINT64_MAX;
    }
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < send->wanted_count; i++) {
        if (send->wanted[i].set == set) {
            wanted |= send->wanted[i].wanted;
        }
    }
    return wanted;
}

static bool gives_way(const struct sending *sending)
{
    const _Atomic bool *asked = sending->send->gives_way;
    return asked != NULL && atomic_load_explicit(asked, memory_order_acquire);
}

/* NULL: there is none now, and no more waiting. */
static struct rte_mbuf *wait_for_packet(const struct sending *sending)
{
    struct fama_idler idler;
    fama_idle_init(&idler, FAMA_IDLE_ADAPTIVE, WAIT_SLEEP_MAX_NS);
    while (!is_interrupted(sending)) {
        /* No packet while the ring is full, or a slow port would let us take the whole pool. */
        if (rte_ring_full(sending->ring) == 0) {
            struct rte_mbuf *packet = rte_pktmbuf_alloc(sending->topology->port.packets);
            if (packet != NULL) {
                return packet;
            }
        }
        if (gives_way(sending)) {
            return NULL;
        }
        fama_idle_wait(fama_idle_next(&idler, 0));
    }
    return NULL;
}

/* The one time that the payload is written: sealed for all, or for the session's other end. */
static size_t write_chunk(const struct sending *sending, uint8_t *at, size_t size)
{
    struct fama_session *session = sending->send->session;
    if (session == NULL) {
        return fama_chunk_seal(sending->send->key, &sending->chunk, at, size);
    }
    if (size < FAMA_WIRE_SEALED_HEADER) {
        return 0;
    }
    uint8_t *inner = at + FAMA_WIRE_SEALED_HEADER;
    size_t len = fama_chunk_seal(NULL, &sending->chunk, inner, size - FAMA_WIRE_SEALED_HEADER);
    const struct fama_bytes piece = fama_bytes(inner, len);
    return len == 0 ? 0 : fama_session_seal(session, FAMA_STREAM_SERVING, &piece, 1, at, size);
}

static uint16_t sum_after_header(const struct rte_mbuf *packet)
{
    struct fama_bytes bytes = fama_packet_bytes(packet);
    return fama_frame_sum(
        fama_bytes(bytes.at + FAMA_WIRE_HEADER_BYTES, bytes.len - FAMA_WIRE_HEADER_BYTES), 0);
}

static int queue_chunk(struct sending *sending)
{
    struct rte_mbuf *packet = wait_for_packet(sending);
    if (packet == NULL) {
        return is_interrupted(sending) ? FAMA_DATAPLANE_STOPPING : FAMA_DATAPLANE_BUSY;
    }
    /* Where it would lie in a whole frame, as what is relayed does: a port that copies finds both aligned alike.
     * A packet has room for a whole frame. */
    packet->data_off =
        (uint16_t)(packet->data_off +
                   fama_frame_header_bytes(sending->topology->config.endpoint.address));
    size_t len =
        write_chunk(sending, rte_pktmbuf_mtod(packet, uint8_t *), rte_pktmbuf_tailroom(packet));
    if (len == 0 || rte_pktmbuf_append(packet, (uint16_t)len) == NULL) {
        rte_pktmbuf_free(packet);
        return FAMA_DATAPLANE_CONFIG;
    }
    struct fama_session *session = sending->send->session;
    /* Summed here, where the bytes lie in the nearest cache, unless the port does it. */
    bool has_sum = !sending->topology->port.tx_checksums;
    *fama_packet_of(packet) = (struct fama_packet){
        .is_fanned_out = session == NULL,
        .has_sum = has_sum,
        .sum = has_sum ? sum_after_header(packet) : 0,
    };
    if (session != NULL) {
        fama_packet_of(packet)->peer = *fama_session_endpoint(session);
    }
    /* There was room a moment ago, and nobody else fills this ring. */
    if (rte_ring_enqueue(sending->ring, packet) != 0) {
        rte_pktmbuf_free(packet);
        return FAMA_DATAPLANE_BUSY;
    }
    (void)fama_doorbell_ring(&sending->topology->net_bell);
    sending->queued++;
    return 0;
}

static int sign_root(struct sending *sending, uint8_t raw[FAMA_SIGNATURE_BYTES])
{
    static const uint8_t not_sealed[FAMA_SHA256_BYTES];
    const struct fama_channel_key *key = sending->send->key;
    bool is_sealed = sending->send->session == NULL;
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    fama_set_describe(sending->send->encoder, &sending->chunk);
    fama_wire_root_digest(&sending->chunk, sending->channel_digest,
                          fama_identity_pki_id(fama_signer_identity(sending->signer)),
                          is_sealed ? key->commitment : not_sealed,
                          fama_set_root(sending->send->encoder), digest);
    if (fama_signer_sign_digest(sending->signer, digest, &signature) != 0) {
        return FAMA_DATAPLANE_CONFIG;
    }
    fama_signature_to_raw(&signature, raw);
    return 0;
}

static int send_set(struct sending *sending, uint32_t set, uint64_t wanted)
{
    struct fama_set_encoder *encoder = sending->send->encoder;
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    if (!fama_set_encode(encoder, sending->send->bytes, &sending->cut, set)) {
        return FAMA_DATAPLANE_CONFIG;
    }
    int status = sign_root(sending, signature);
    sending->chunk.signature = signature;
    for (uint32_t i = 0; i < fama_set_chunks(encoder) && status == 0; i++) {
        if ((wanted >> i & 1) != 0) {
            fama_set_chunk(encoder, i, &sending->chunk, proof);
            status = queue_chunk(sending);
        }
    }
    return status;
}

int fama_origin_send(struct fama_topology *topology, const struct fama_signer *signer,
                     const struct fama_block_send *send, uint64_t *chunks)
{
    struct sending sending = {.topology = topology, .signer = signer, .send = send};
    int status = prepare(&sending);
    for (uint32_t set = 0; status == 0 && set < sending.geometry.sets; set++) {
        uint64_t wanted = wanted_of(send, set);
        if (is_interrupted(&sending)) {
            status = FAMA_DATAPLANE_STOPPING;
        } else if (wanted != 0) {
            status = send_set(&sending, set, wanted);
        }
    }
    if (chunks != NULL) {
        *chunks += sending.queued;
    }
    return status;
}
