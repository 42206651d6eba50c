#include "dataplane/net_chunks.h"

#include <rte_prefetch.h>
#include <stdlib.h>

#define KEY_WANTED_PAUSE_NS 250000000u
#define PREFETCH_AHEAD      4 /* packets */

static uint32_t fan_out(struct fama_net *net, struct rte_mbuf *packet,
                        const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                        const struct fama_endpoint *came_from)
{
    uint32_t chosen[FAMA_FANOUT_MAX];
    bool is_own = came_from == NULL;
    /* Nobody signs the hops: a relay believes no more of them than it would have given itself. */
    uint8_t budget = net->topology->config.hop_budget;
    uint8_t hops = chunk->hops < budget ? chunk->hops : budget;
    const struct fama_fanout_plan plan = {
        .view = net->view,
        .channel = channel,
        .random = &net->random,
        .came_from = came_from,
        .origin = chunk->origin,
        .view_id = chunk->view_id,
        .block = chunk->block,
        .set = chunk->set,
        .index = chunk->index,
        .propagate_peer_num = net->topology->config.propagate_peer_num,
    };
    struct fama_transmit_fan fan = {
        .peers = net->view->peers,
        .targets = chosen,
        .count = fama_fanout_choose(&plan, chosen),
        .hops = (uint8_t)(is_own ? hops : hops - 1),
        .claim = is_own ? FAMA_TRANSMIT_OWN : FAMA_TRANSMIT_RELAYED,
    };
    fama_transmit_fan_out(&net->transmit, net->now_ns, packet, &fan);
    return fan.count;
}

/* A chunk that leads to a verified root, and whose own signature does not wait for verification: others should
 * have it too. */
static void relay(struct fama_net *net, struct rte_mbuf *packet,
                  const struct fama_view_channel *channel, const struct fama_chunk *chunk,
                  bool is_verified)
{
    if (chunk->key_epoch == 0) {
        net->counts.own.chunks_repaired++;
        rte_pktmbuf_free(packet);
    } else if (chunk->hops == 0) {
        fama_net_drop(net, packet, FAMA_DROP_HOPS_SPENT);
    } else if (!is_verified) {
        fama_net_drop(net, packet, FAMA_DROP_OTHER_SIGNATURE);
    } else {
        struct fama_endpoint came_from = fama_packet_of(packet)->peer;
        net->counts.own.chunks_forwarded += fan_out(net, packet, channel, chunk, &came_from);
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
        fama_reassembly_return(net->reassembly, net->now_ns, assembled->slot, true);
        return;
    }
    (void)fama_doorbell_ring(&topology->block_bells[assembled->channel]);
}

/* FAMA_DROP_NONE: the root is good. Else the chunks that waited for it are dropped for that reason. */
static void decide_root(struct fama_net *net, uint32_t ticket, enum fama_drop reason)
{
    void *held[FAMA_SET_CHUNKS_MAX];
    bool is_good = reason == FAMA_DROP_NONE;
    if (is_good) {
        /* It may give a slot to another block: what was opened into that slot is to be hashed before. */
        fama_net_settle_chunks(net);
    }
    uint32_t count = fama_reassembly_verdict(net->reassembly, ticket, is_good, held);
    for (uint32_t i = 0; i < count; i++) {
        fama_sources_forgive(net->sources, fama_net_source_of(net, held[i]), FAMA_SOURCE_HELD);
        if (is_good) {
            if (i + PREFETCH_AHEAD < count) {
                rte_prefetch0(fama_packet_of(held[i + PREFETCH_AHEAD]));
                rte_prefetch0(fama_packet_bytes(held[i + PREFETCH_AHEAD]).at);
                rte_prefetch0(fama_packet_bytes(held[i + PREFETCH_AHEAD]).at + RTE_CACHE_LINE_SIZE);
            }
            fama_net_take_chunk(net, held[i]);
        } else {
            fama_opened_give(&net->opened, fama_packet_of(held[i])->opened);
            fama_net_drop(net, held[i], reason);
        }
    }
}

/* Sends a root to the verify lcores. The packet that brought it waits in reassembly. */
static void ask_verdict(struct fama_net *net, uint64_t source, const struct fama_inbox_chunk *inbox,
                        const struct fama_offer_result *result)
{
    static const uint8_t not_sealed[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    /* Reassembly has no more roots waiting than there are jobs; one too many would only be refused. */
    if (net->free_job_count == 0 ||
        fama_signature_from_raw(inbox->chunk.signature, &signature) != 0) {
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
    job->signer = fama_identity_acquire(inbox->origin->identity);
    job->job.key = fama_identity_key(job->signer);
    job->job.signature = signature;
    job->job.verdict = FAMA_VERDICT_PENDING;
    fama_wire_root_digest(&inbox->chunk, inbox->channel->digest, inbox->origin->pki_id,
                          inbox->key != NULL ? inbox->key->commitment : not_sealed, result->root,
                          job->job.digest);
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

/* A chunk that has to wait does so opened, where there is room for that. */
static void keep_opened(struct fama_net *net, struct fama_inbox_chunk *inbox,
                        const uint8_t leaf[FAMA_MERKLE_NODE_BYTES])
{
    struct fama_opened *opened = inbox->opened;
    if (opened == NULL || !fama_opened_may_keep(&net->opened)) {
        return;
    }
    if (!inbox->is_hashed) {
        memcpy(opened->leaf, leaf, FAMA_MERKLE_NODE_BYTES);
    }
    fama_packet_of(inbox->packet)->opened = opened;
    inbox->opened = NULL;
}

/* Whether the packet is reassembly's until a verdict. */
static bool waits(const struct fama_offer_result *result)
{
    switch (result->offer) {
    case FAMA_OFFER_HELD:
    case FAMA_OFFER_VERIFY:
        return true;
    case FAMA_OFFER_STORED:
    case FAMA_OFFER_COMPLETE:
    case FAMA_OFFER_LATE:
        return result->onward == FAMA_ONWARD_HELD || result->onward == FAMA_ONWARD_VERIFY;
    case FAMA_OFFER_DROPPED:
        break;
    }
    return false;
}

/* A chunk that is good: to others, at once or once its own signature is verified as well. */
static void send_onward(struct fama_net *net, uint64_t source, struct fama_inbox_chunk *inbox,
                        const struct fama_offer_result *result)
{
    switch (result->onward) {
    case FAMA_ONWARD_NO:
    case FAMA_ONWARD_YES:
        relay(net, inbox->packet, inbox->channel, &inbox->chunk, result->onward == FAMA_ONWARD_YES);
        break;
    case FAMA_ONWARD_HELD:
        break;
    case FAMA_ONWARD_VERIFY:
        ask_verdict(net, source, inbox, result);
        break;
    }
}

static void offer(struct fama_net *net, struct fama_inbox_chunk *inbox,
                  const uint8_t leaf[FAMA_MERKLE_NODE_BYTES])
{
    struct fama_offer_result result;
    struct fama_sources *sources = net->sources;
    struct rte_mbuf *packet = inbox->packet;
    uint64_t source = fama_net_source_of(net, packet);
    bool may_wait = fama_sources_has_room(sources, net->now_ns, source, FAMA_SOURCE_HELD);
    fama_reassembly_offer(net->reassembly, net->now_ns, inbox->channel, &inbox->chunk, leaf,
                          may_wait ? packet : NULL, &result);
    if (waits(&result)) {
        (void)fama_sources_charge(sources, net->now_ns, source, FAMA_SOURCE_HELD); /* has room */
        keep_opened(net, inbox, leaf);
    }
    switch (result.offer) {
    case FAMA_OFFER_DROPPED:
        fama_net_drop(net, packet, result.drop);
        break;
    case FAMA_OFFER_COMPLETE:
        hand_over(net, &result.assembled);
        net->counts.own.chunks_stored++;
        send_onward(net, source, inbox, &result);
        break;
    case FAMA_OFFER_STORED:
        net->counts.own.chunks_stored++;
        send_onward(net, source, inbox, &result);
        break;
    case FAMA_OFFER_LATE:
        net->counts.own.chunks_late++;
        send_onward(net, source, inbox, &result);
        break;
    case FAMA_OFFER_HELD:
        break;
    case FAMA_OFFER_VERIFY:
        ask_verdict(net, source, inbox, &result);
        break;
    }
    fama_opened_give(&net->opened, inbox->opened);
}

/* ---- The inbox: chunks of one burst, opened one by one, hashed together ---- */

/* All that can be said of a chunk before it is opened; finds what it takes to open it. */
static enum fama_drop look_up(struct fama_net *net, struct fama_inbox_chunk *inbox)
{
    const struct fama_chunk *chunk = &inbox->chunk;
    const struct fama_view *view = net->view;
    inbox->channel = view != NULL ? fama_view_channel(view, chunk->channel) : NULL;
    if (inbox->channel == NULL) {
        return FAMA_DROP_UNKNOWN_CHANNEL;
    }
    if (chunk->origin == view->self) {
        return FAMA_DROP_OWN_MESSAGE;
    }
    inbox->origin = fama_view_peer(view, chunk->origin);
    if (inbox->origin == NULL || inbox->origin->identity == NULL ||
        !fama_view_is_member(view, inbox->channel, chunk->origin)) {
        return FAMA_DROP_NOT_A_MEMBER;
    }
    inbox->key = NULL;
    if (chunk->key_epoch == 0) {
        /* A session proves its other end, and nobody else. */
        return fama_packet_of(inbox->packet)->session_peer == chunk->origin ? FAMA_DROP_NONE
                                                                            : FAMA_DROP_UNSEALED;
    }
    inbox->key = fama_view_channel_key(inbox->channel, chunk->origin, chunk->key_epoch);
    if (inbox->key == NULL) {
        if (net->key_wanted.epoch == 0) { /* the first one since the control thread was told last */
            net->key_wanted = (struct fama_key_wanted){
                .channel = chunk->channel, .maker = chunk->origin, .epoch = chunk->key_epoch};
        }
        return FAMA_DROP_NO_KEY;
    }
    return FAMA_DROP_NONE;
}

/* Two chunks of a burst that claim one place must not be opened over each other: the second could be a
 * member's forgery. */
static bool is_taken(const struct fama_inbox *inbox, const uint8_t *room)
{
    for (uint32_t i = 0; i < inbox->count; i++) {
        if (inbox->rooms[i] == room) {
            return true;
        }
    }
    return false;
}

/* A chunk that was opened and hashed when its root was not known yet. */
static void recall(struct fama_inbox_chunk *chunk, uint8_t *room)
{
    size_t bytes = fama_wire_chunk_payload_bytes(&chunk->chunk);
    uint8_t *payload = chunk->opened->payload;
    if (room != NULL) {
        memcpy(room, payload, bytes);
        payload = room;
    }
    chunk->chunk.signature = chunk->opened->proof;
    chunk->chunk.proof = chunk->opened->proof + FAMA_SIGNATURE_BYTES;
    chunk->chunk.payload = fama_bytes(payload, bytes);
}

/* Opens a chunk into its place in its block, or else beside it. */
static enum fama_drop open_chunk(struct fama_net *net, struct fama_inbox_chunk *chunk)
{
    struct fama_inbox *inbox = &net->inbox;
    uint8_t *room;
    inbox->rooms[inbox->count] = NULL;
    enum fama_drop reason =
        fama_reassembly_place(net->reassembly, net->now_ns, chunk->channel, &chunk->chunk, &room);
    if (reason != FAMA_DROP_NONE || chunk->key == NULL) {
        return reason;
    }
    if (room != NULL && is_taken(inbox, room)) {
        room = NULL;
    }
    inbox->rooms[inbox->count] = room;
    if (chunk->is_hashed) {
        recall(chunk, room);
        return FAMA_DROP_NONE;
    }
    uint8_t *proof = chunk->proof;
    if (room == NULL) {
        chunk->opened = fama_opened_take(&net->opened); /* there is one for each of a burst */
        room = chunk->opened->payload;
        proof = chunk->opened->proof;
    }
    bool is_genuine = fama_chunk_open(chunk->key, fama_packet_bytes(chunk->packet).at,
                                      &chunk->chunk, proof, room);
    return is_genuine ? FAMA_DROP_NONE : FAMA_DROP_SEAL_FORGED;
}

/* Also for chunks that come back from waiting: the view may have changed meanwhile. */
void fama_net_take_chunk(struct fama_net *net, struct rte_mbuf *packet)
{
    struct fama_inbox *inbox = &net->inbox;
    struct fama_inbox_chunk *chunk = &inbox->chunks[inbox->count];
    chunk->packet = packet;
    chunk->opened = fama_packet_of(packet)->opened;
    chunk->is_hashed = chunk->opened != NULL;
    fama_packet_of(packet)->opened = NULL;
    enum fama_drop reason = fama_wire_chunk_read(fama_packet_bytes(packet), &chunk->chunk);
    if (reason == FAMA_DROP_NONE) {
        reason = look_up(net, chunk);
    }
    if (reason == FAMA_DROP_NONE) {
        reason = open_chunk(net, chunk);
    }
    if (reason != FAMA_DROP_NONE) {
        fama_opened_give(&net->opened, chunk->opened);
        fama_net_drop(net, packet, reason);
        return;
    }
    inbox->count++;
    if (inbox->count == FAMA_NET_BURST) {
        fama_net_settle_chunks(net);
    }
}

void fama_net_settle_chunks(struct fama_net *net)
{
    struct fama_inbox *inbox = &net->inbox;
    struct fama_bytes payloads[FAMA_NET_BURST];
    uint8_t leaves[FAMA_NET_BURST][FAMA_MERKLE_NODE_BYTES];
    uint32_t count = inbox->count;
    uint32_t new_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!inbox->chunks[i].is_hashed) {
            payloads[new_count++] = inbox->chunks[i].chunk.payload;
        }
    }
    if (new_count > 0) {
        fama_merkle_leaves(payloads, new_count, leaves);
    }
    const uint8_t(*leaf)[FAMA_MERKLE_NODE_BYTES] = leaves;
    for (uint32_t i = 0; i < count; i++) {
        struct fama_inbox_chunk *chunk = &inbox->chunks[i];
        offer(net, chunk, chunk->is_hashed ? chunk->opened->leaf : *leaf++);
    }
    inbox->count = 0;
}

/* ---- What the control thread is told ---- */

void fama_net_chunks_keep_house(struct fama_net *net)
{
    struct fama_event *evidence = fama_topology_event(net->topology);
    if (evidence != NULL && fama_reassembly_evidence(net->reassembly, &evidence->equivocation)) {
        net->counts.own.equivocations++;
        evidence->kind = FAMA_EVENT_EQUIVOCATION;
        (void)fama_topology_tell(net->topology, evidence); /* its ring holds as many as there are */
    } else if (evidence != NULL) {
        fama_topology_event_done(net->topology, evidence);
    }
    if (net->key_wanted.epoch != 0 && net->now_ns >= net->key_wanted_at_ns) {
        struct fama_event *event = fama_topology_event(net->topology);
        if (event != NULL) {
            event->kind = FAMA_EVENT_NO_KEY;
            event->key_wanted = net->key_wanted;
            (void)fama_topology_tell(net->topology, event); /* the next such chunk asks again */
        }
        net->key_wanted.epoch = 0;
        net->key_wanted_at_ns = net->now_ns + KEY_WANTED_PAUSE_NS;
    }
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
    fama_net_settle_chunks(net);
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
                               FAMA_RETURN_ACCEPTED(word));
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
    return net->reassembly != NULL && make_jobs(net, limits.roots_max) &&
           fama_opened_pool_create(&net->opened);
}

void fama_net_chunks_destroy(struct fama_net *net)
{
    fama_reassembly_destroy(net->reassembly);
    fama_opened_pool_destroy(&net->opened);
    uint32_t jobs = net->root_jobs != NULL ? fama_topology_roots_each(net->topology) : 0;
    for (uint32_t i = 0; i < jobs; i++) {
        fama_identity_release(net->root_jobs[i].signer);
    }
    free(net->root_jobs);
    free(net->free_jobs);
}
