#include "dataplane/origin.h"

#include "dataplane/idle.h"

#define WAIT_SLEEP_MAX_NS 200000

/* One block being sent. */
struct sending {
    struct fama_topology *topology;
    struct rte_ring *ring; /* to the block's net lcore */
    const struct fama_signer *signer;
    const struct fama_block_send *send;
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
        return send->target == NULL ? net->origin_to_net : net->repair_to_net;
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
    const struct fama_dataplane_config *config = &sending->topology->config;
    uint16_t most = fama_chunk_bytes_for((size_t)config->mtu -
                                         fama_frame_ip_udp_bytes(config->endpoint.address));
    uint16_t chunk_bytes = send->chunk_bytes != 0 ? send->chunk_bytes : most;
    fama_channel_digest(send->channel_id, sending->channel_digest);
    sending->ring = ring_of(sending->topology, send, fama_tag_of(sending->channel_digest));
    if (sending->ring == NULL || chunk_bytes > most || send->bytes.len > UINT32_MAX ||
        !fama_geometry((uint32_t)send->bytes.len, chunk_bytes, &sending->geometry)) {
        return FAMA_DATAPLANE_CONFIG;
    }
    sending->chunk = (struct fama_chunk){
        .hops = send->target == NULL ? config->hop_budget : 0,
        .flags = send->target == NULL ? 0 : FAMA_FLAG_REPAIR,
        .channel = fama_tag_of(sending->channel_digest),
        .origin = fama_tag_of(fama_identity_pki_id(fama_signer_identity(sending->signer))),
        .block = send->number,
        .block_bytes = (uint32_t)send->bytes.len,
        .chunk_bytes = chunk_bytes,
    };
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

static int queue_chunk(struct sending *sending)
{
    struct rte_mbuf *packet = wait_for_packet(sending);
    if (packet == NULL) {
        return is_interrupted(sending) ? FAMA_DATAPLANE_STOPPING : FAMA_DATAPLANE_BUSY;
    }
    const struct fama_chunk *chunk = &sending->chunk;
    uint8_t *at = rte_pktmbuf_mtod(packet, uint8_t *);
    size_t head = fama_wire_chunk_write(chunk, at, rte_pktmbuf_tailroom(packet));
    if (head == 0 || rte_pktmbuf_append(packet, (uint16_t)(head + chunk->payload.len)) == NULL) {
        rte_pktmbuf_free(packet);
        return FAMA_DATAPLANE_CONFIG;
    }
    memcpy(at + head, chunk->payload.at, chunk->payload.len);
    const struct fama_endpoint *target = sending->send->target;
    *fama_packet_of(packet) = (struct fama_packet){.is_fanned_out = target == NULL};
    if (target != NULL) {
        fama_packet_of(packet)->peer = *target;
    }
    /* There was room a moment ago, and nobody else fills this ring. */
    if (rte_ring_enqueue(sending->ring, packet) != 0) {
        rte_pktmbuf_free(packet);
        return FAMA_DATAPLANE_BUSY;
    }
    sending->queued++;
    return 0;
}

static int sign_root(struct sending *sending, const uint8_t *root,
                     uint8_t raw[FAMA_SIGNATURE_BYTES])
{
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    fama_wire_root_digest(&sending->chunk, sending->channel_digest,
                          fama_identity_pki_id(fama_signer_identity(sending->signer)), root,
                          digest);
    if (fama_signer_sign_digest(sending->signer, digest, &signature) != 0) {
        return FAMA_DATAPLANE_CONFIG;
    }
    fama_signature_to_raw(&signature, raw);
    return 0;
}

static int send_set(struct sending *sending, uint32_t set, uint64_t wanted)
{
    struct fama_bytes leaves[FAMA_SET_CHUNKS];
    struct fama_merkle_tree tree;
    uint8_t signature[FAMA_SIGNATURE_BYTES];
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    struct fama_chunk *chunk = &sending->chunk;
    struct fama_bytes block = sending->send->bytes;
    uint32_t count = fama_geometry_set_chunks(&sending->geometry, set);
    size_t offset = (size_t)set * FAMA_SET_CHUNKS * chunk->chunk_bytes;
    for (uint32_t i = 0; i < count; i++, offset += chunk->chunk_bytes) {
        size_t left = block.len - offset;
        leaves[i] =
            fama_bytes(block.at + offset, left < chunk->chunk_bytes ? left : chunk->chunk_bytes);
    }
    fama_merkle_build(&tree, leaves, count);
    chunk->set = (uint16_t)set;
    chunk->data_chunks = (uint8_t)count;
    chunk->proof_nodes = (uint8_t)fama_merkle_depth(count);
    int status = sign_root(sending, fama_merkle_root(&tree), signature);
    chunk->signature = signature;
    chunk->proof = proof;
    for (uint32_t i = 0; i < count && status == 0; i++) {
        if ((wanted >> i & 1) != 0) {
            chunk->index = (uint8_t)i;
            chunk->payload = leaves[i];
            fama_merkle_prove(&tree, i, proof);
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
