#include "controlplane/session_peers.h"

#include <stdlib.h>

struct fama_session_peers {
    uint32_t peers_max;
    uint32_t count;
    struct fama_session_peer **order; /* ascending by tag */
};

struct fama_session_peers *fama_session_peers_create(uint32_t peers_max)
{
    struct fama_session_peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL) {
        return NULL;
    }
    peers->peers_max = peers_max;
    peers->order = calloc(peers_max, sizeof(struct fama_session_peer *));
    if (peers->order == NULL) {
        free(peers);
        return NULL;
    }
    return peers;
}

void fama_session_peers_destroy(struct fama_session_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    for (uint32_t i = 0; i < peers->count; i++) {
        struct fama_session_peer *peer = peers->order[i];
        for (uint32_t j = 0; j < peer->session_count; j++) {
            fama_session_release(peer->sessions[j]);
        }
        free(peer);
    }
    free(peers->order);
    free(peers);
}

uint32_t fama_session_peers_count(const struct fama_session_peers *peers)
{
    return peers->count;
}

struct fama_session_peer *fama_session_peers_at(const struct fama_session_peers *peers,
                                                uint32_t index)
{
    return peers->order[index];
}

static uint32_t lower_bound(const struct fama_session_peers *peers, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = peers->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (peers->order[middle]->tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct fama_session_peer *fama_session_peers_find(const struct fama_session_peers *peers,
                                                  fama_tag tag)
{
    uint32_t at = lower_bound(peers, tag);
    return at < peers->count && peers->order[at]->tag == tag ? peers->order[at] : NULL;
}

struct fama_session_peer *fama_session_peers_add(struct fama_session_peers *peers, fama_tag tag)
{
    uint32_t at = lower_bound(peers, tag);
    if (at < peers->count && peers->order[at]->tag == tag) {
        return peers->order[at];
    }
    struct fama_session_peer *peer =
        peers->count < peers->peers_max ? calloc(1, sizeof *peer) : NULL;
    if (peer == NULL) {
        return NULL;
    }
    peer->tag = tag;
    memmove(&peers->order[at + 1], &peers->order[at],
            (peers->count - at) * sizeof(struct fama_session_peer *));
    peers->order[at] = peer;
    peers->count++;
    return peer;
}

void fama_session_peers_remove(struct fama_session_peers *peers, struct fama_session_peer *peer)
{
    uint32_t at = lower_bound(peers, peer->tag);
    memmove(&peers->order[at], &peers->order[at + 1],
            (peers->count - at - 1) * sizeof(struct fama_session_peer *));
    peers->count--;
    free(peer);
}

bool fama_session_peers_has(const struct fama_session_peers *peers, uint64_t session_id)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        const struct fama_session_peer *peer = peers->order[i];
        for (uint32_t j = 0; j < peer->session_count; j++) {
            if (fama_session_id(peer->sessions[j]) == session_id) {
                return true;
            }
        }
    }
    return false;
}

struct fama_session *fama_session_peer_preferred(const struct fama_session_peer *peer)
{
    for (uint32_t i = 0; i < peer->session_count; i++) {
        struct fama_session *session = peer->sessions[i];
        if (fama_session_is_initiator(session) || fama_session_is_heard(session)) {
            return session;
        }
    }
    return peer->session_count > 0 ? peer->sessions[0] : NULL;
}

void fama_session_peer_push(struct fama_session_peer *peer, struct fama_session *session)
{
    memmove(&peer->sessions[1], &peer->sessions[0],
            peer->session_count * sizeof(struct fama_session *));
    peer->sessions[0] = session;
    peer->session_count++;
}

struct fama_session *fama_session_peer_take(struct fama_session_peer *peer, uint32_t index)
{
    struct fama_session *session = peer->sessions[index];
    peer->session_count--;
    memmove(&peer->sessions[index], &peer->sessions[index + 1],
            (peer->session_count - index) * sizeof(struct fama_session *));
    return session;
}

uint32_t fama_session_peer_spare(const struct fama_session_peer *peer)
{
    const struct fama_session *preferred = fama_session_peer_preferred(peer);
    uint32_t spare = peer->session_count - 1;
    return peer->sessions[spare] == preferred && spare > 0 ? spare - 1 : spare;
}
