#include "dataplane/net_chunks.h"

#include <stdlib.h>

static uint32_t fan_out(struct fama_net *net, struct rte_mbuf *packet,
                        const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                        const struct fama_endpoint *came_from)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    uint32_t wanted = net->topology->config.propagate_peer_num;
    bool is_own = came_from == NULL;
    /* Nobody signs the hops: a relay believes no more of them than it would have given itself. */
    uint8_t budget = net->topology->config.hop_budget;
    uint8_t hops = chunk->hops < budget ? chunk->hops : budget;
    struct fama_transmit_fan fan = {
        .peers = net->view->peers,
        .targets = chosen,
        .count =
            fama_fanout_infectious(&net->random, net->view, channel, chunk->origin, came_from,
                                   wanted < FAMA_FANOUT_MAX ? wanted : FAMA_FANOUT_MAX, chosen),
        .hops = (uint8_t)(is_own ? hops : hops - 1),
        .claim = is_own ? FAMA_TRANSMIT_OWN : FAMA_TRANSMIT_RELAYED,
    };
    fama_transmit_fan_out(&net->transmit, net->now_ns, packet, &fan);
    return fan.count;
}

/* A chunk that is in its block now: others should have it too. It goes on with the signature that has
 * been verified, not the one it came with: else anybody could spoil that for whoever we pass it to. */
static void relay(struct fama_net *net, struct rte_mbuf *packet,
                  const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                  const struct fama_offer_result *result)
{
    if ((chunk->flags & FAMA_FLAG_REPAIR) != 0) {
        net->counts.own.chunks_repaired++;
        rte_pktmbuf_free(packet);
    } else if (chunk->hops == 0) {
        fama_net_drop(net, packet, FAMA_DROP_HOPS_SPENT);
    } else {
        struct fama_endpoint came_from = fama_packet_of(packet)->peer;
        struct fama_chunk proved = *chunk;
        proved.origin = result->signer;
        fama_wire_chunk_sign(rte_pktmbuf_mtod(packet, uint8_t *), result->signer,
                             result->signature);
        net->counts.own.chunks_forwarded += fan_out(net, packet, channel, &proved, &came_from);
    }
}

static void hand_over(struct fama_net *net, const struct fama_assembled *assembled)
{
    struct fama_topology *topology = net->topology;
    struct fama_assembled *block =
        &topology->assembled[FAMA_SLOT_OF_LCORE(net->number, assembled->slot)];
    *block = *assembled;
    block->slot = FAMA_SLOT_OF_LCORE(net->number, assembled->slot);
    net->counts.own.blocks_assembled++;
    if (rte_ring_enqueue(topology->net_to_commit[assembled->channel], block) != 0) {
        net->counts.own.drops[FAMA_DROP_BLOCK_RING_FULL]++;
        fama_reassembly_return(net->reassembly, net->now_ns, assembled->slot, true, 0);
        return;
    }
    (void)fama_doorbell_ring(&topology->block_bells[assembled->channel]);
}

/* FAMA_DROP_NONE: the root is good. Else the chunks that waited for it are dropped for that reason. */
static void decide_root(struct fama_net *net, uint32_t ticket, enum fama_drop reason)
{
    void *held[FAMA_SET_CHUNKS];
    bool is_good = reason == FAMA_DROP_NONE;
    uint32_t count = fama_reassembly_verdict(net->reassembly, ticket, is_good, held);
    for (uint32_t i = 0; i < count; i++) {
        fama_sources_forgive(net->sources, fama_net_source_of(held[i]), FAMA_SOURCE_HELD);
        if (is_good) {
            fama_net_take_chunk(net, held[i]);
        } else {
            fama_net_drop(net, held[i], reason);
        }
    }
}

/* Sends a root to the verify lcores. The packet that brought it waits in reassembly. */
static void ask_verdict(struct fama_net *net, uint64_t source,
                        const struct fama_view_channel *channel,
                        const struct fama_view_peer *origin, const struct fama_chunk *chunk,
                        const struct fama_offer_result *result)
{
    struct fama_signature signature;
    /* Reassembly has no more roots waiting than there are jobs; one too many would only be refused. */
    if (net->free_job_count == 0 || fama_signature_from_raw(chunk->signature, &signature) != 0) {
        decide_root(net, result->root_ticket, FAMA_DROP_ROOT_FORGED);
        return;
    }
    if (!fama_sources_charge(net->sources, net->now_ns, source, FAMA_SOURCE_ROOTS)) {
        decide_root(net, result->root_ticket, FAMA_DROP_SOURCE_BUDGET);
        return;
    }
    struct fama_root_job *job = net->free_jobs[--net->free_job_count];
    job->ticket = result->root_ticket;
    job->net_lcore = net->number;
    job->source = source;
    job->signer = fama_identity_acquire(origin->identity);
    job->job.key = fama_identity_key(job->signer);
    job->job.signature = signature;
    job->job.verdict = FAMA_VERDICT_PENDING;
    fama_wire_root_digest(chunk, channel->digest, origin->pki_id, result->root, job->job.digest);
    if (rte_ring_enqueue(net->topology->net_to_verify_roots, job) != 0) {
        fama_identity_release(job->signer);
        job->signer = NULL;
        net->free_jobs[net->free_job_count++] = job;
        fama_sources_forgive(net->sources, source, FAMA_SOURCE_ROOTS);
        decide_root(net, result->root_ticket, FAMA_DROP_VERIFY_RING_FULL);
        return;
    }
    net->has_verify_work = true;
}

static void offer(struct fama_net *net, struct rte_mbuf *packet,
                  const struct fama_view_channel *channel, const struct fama_view_peer *origin,
                  const struct fama_chunk *chunk)
{
    struct fama_offer_result result;
    struct fama_sources *sources = net->sources;
    uint64_t source = fama_net_source_of(packet);
    bool may_wait = fama_sources_has_room(sources, net->now_ns, source, FAMA_SOURCE_HELD);
    fama_reassembly_offer(net->reassembly, net->now_ns, channel, chunk, may_wait ? packet : NULL,
                          &result);
    if (result.offer == FAMA_OFFER_HELD || result.offer == FAMA_OFFER_VERIFY) {
        (void)fama_sources_charge(sources, net->now_ns, source, FAMA_SOURCE_HELD); /* has room */
    }
    switch (result.offer) {
    case FAMA_OFFER_DROPPED:
        fama_net_drop(net, packet, result.drop);
        break;
    case FAMA_OFFER_COMPLETE:
        hand_over(net, &result.assembled);
        net->counts.own.chunks_stored++;
        relay(net, packet, channel, chunk, &result);
        break;
    case FAMA_OFFER_STORED:
        net->counts.own.chunks_stored++;
        relay(net, packet, channel, chunk, &result);
        break;
    case FAMA_OFFER_HELD:
        break;
    case FAMA_OFFER_VERIFY:
        ask_verdict(net, source, channel, origin, chunk, &result);
        break;
    }
}

/* Also for chunks that come back from waiting: the view may have changed meanwhile. */
void fama_net_take_chunk(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_chunk chunk;
    enum fama_drop reason = fama_wire_chunk_read(fama_packet_bytes(packet), &chunk);
    const struct fama_view *view = net->view;
    const struct fama_view_channel *channel = NULL;
    const struct fama_view_peer *origin = NULL;
    if (reason == FAMA_DROP_NONE) {
        channel = view != NULL ? fama_view_channel(view, chunk.channel) : NULL;
        reason = channel != NULL ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (reason == FAMA_DROP_NONE && chunk.origin == view->self) {
        reason = FAMA_DROP_OWN_MESSAGE;
    }
    if (reason == FAMA_DROP_NONE) {
        origin = fama_view_peer(view, chunk.origin);
        bool is_member = origin != NULL && origin->identity != NULL &&
                         fama_view_is_member(view, channel, chunk.origin);
        reason = is_member ? FAMA_DROP_NONE : FAMA_DROP_NOT_A_MEMBER;
    }
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    offer(net, packet, channel, origin, &chunk);
}

/* ---- What other threads want ---- */

uint32_t fama_net_take_verdicts(struct fama_net *net)
{
    void *objects[FAMA_NET_BURST];
    uint32_t count =
        rte_ring_dequeue_burst(net->ends->verify_to_net, objects, FAMA_NET_BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct fama_root_job *job = objects[i];
        bool is_good = job->job.verdict == FAMA_VERDICT_GOOD;
        fama_identity_release(job->signer);
        job->signer = NULL;
        if (is_good) {
            fama_sources_forgive(net->sources, job->source, FAMA_SOURCE_ROOTS);
        }
        /* Free before the chunks are offered again: one of them may take it. */
        uint32_t ticket = job->ticket;
        net->free_jobs[net->free_job_count++] = job;
        decide_root(net, ticket, is_good ? FAMA_DROP_NONE : FAMA_DROP_ROOT_FORGED);
    }
    return count;
}

uint32_t fama_net_take_returns(struct fama_net *net)
{
    void *objects[FAMA_NET_BURST];
    uint32_t count =
        rte_ring_dequeue_burst(net->ends->commit_to_net, objects, FAMA_NET_BURST, NULL);
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t word = (uintptr_t)objects[i];
        fama_reassembly_return(net->reassembly, net->now_ns, FAMA_SLOT_OWN(FAMA_RETURN_SLOT(word)),
                               FAMA_RETURN_ACCEPTED(word), net->topology->config.blame_ns);
    }
    return count;
}

void fama_net_send_own_chunk(struct fama_net *net, struct rte_mbuf *packet,
                             enum fama_transmit_class transmit_class)
{
    const struct fama_packet *about = fama_packet_of(packet);
    if (!about->is_fanned_out) {
        struct fama_endpoint target = about->peer;
        fama_transmit_one(&net->transmit, net->now_ns, packet, &target, transmit_class);
        return;
    }
    struct fama_chunk chunk;
    enum fama_drop reason = fama_wire_chunk_read(fama_packet_bytes(packet), &chunk);
    const struct fama_view_channel *channel = NULL;
    if (reason == FAMA_DROP_NONE) {
        channel = net->view != NULL ? fama_view_channel(net->view, chunk.channel) : NULL;
        reason = channel != NULL ? FAMA_DROP_NONE : FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (reason != FAMA_DROP_NONE) {
        fama_net_drop(net, packet, reason);
        return;
    }
    (void)fan_out(net, packet, channel, &chunk, NULL);
}

/* ---- Memory ---- */

static bool make_jobs(struct fama_net *net, uint32_t count)
{
    net->root_jobs = calloc(count, sizeof *net->root_jobs);
    net->free_jobs = calloc(count, sizeof(struct fama_root_job *));
    if (net->root_jobs == NULL || net->free_jobs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        net->free_jobs[i] = &net->root_jobs[i];
    }
    net->free_job_count = count;
    return true;
}

bool fama_net_chunks_create(struct fama_net *net)
{
    struct fama_reassembly_limits limits = net->topology->config.reassembly;
    limits.roots_max = fama_topology_roots_each(net->topology);
    limits.held_max = fama_topology_held_each(net->topology);
    net->reassembly = fama_reassembly_create(&limits);
    return net->reassembly != NULL && make_jobs(net, limits.roots_max);
}

void fama_net_chunks_destroy(struct fama_net *net)
{
    fama_reassembly_destroy(net->reassembly);
    uint32_t jobs = net->root_jobs != NULL ? fama_topology_roots_each(net->topology) : 0;
    for (uint32_t i = 0; i < jobs; i++) {
        fama_identity_release(net->root_jobs[i].signer);
    }
    free(net->root_jobs);
    free(net->free_jobs);
}
