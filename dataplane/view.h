/* What packet threads know of the world: the peers and channels of one moment. Immutable once published,
 * swapped by RCU, freed after every reader has passed a quiescent state.
 *
 * Made by the control thread; read by net and verify lcores between two quiescent states (QSBR: they
 * keep no pointer into a view across one). Sizes are bounded by the membership's own limits. */
#ifndef FAMA_DATAPLANE_VIEW_H
#define FAMA_DATAPLANE_VIEW_H

#include <stdatomic.h>

#include "crypto/identity.h"
#include "crypto/msp.h"
#include "dataplane/channel_key.h"
#include "dataplane/endpoint.h"
#include "dataplane/roster.h"
#include "dataplane/wire.h"

struct fama_session; /* dataplane/session.h */

struct fama_view_peer {
    fama_tag tag;
    uint8_t pki_id[FAMA_PKI_ID_BYTES];
    struct fama_endpoint endpoint;
    struct fama_identity *identity; /* the view holds a reference */
    bool is_alive;
    bool is_unproved; /* nobody has answered from its endpoint: nothing is pushed to it */
};

/* What outlives views: one per joined channel, owned by the node, shared by commit and net threads. */
struct fama_channel_gate {
    _Atomic uint64_t next_block; /* the ledger's height: chunks below it are stale */
};

/* Of one channel: makers are few, and each has two epochs' keys at most in use. */
#define FAMA_VIEW_KEYS_MAX 32

struct fama_view_channel {
    fama_tag tag;
    uint8_t digest[FAMA_SHA256_BYTES]; /* SHA-256(channel id) */
    uint16_t index;                 /* the node's own number for the channel, < FAMA_CHANNELS_MAX */
    struct fama_channel_gate *gate; /* borrowed: lives until the dataplane has stopped */
    uint32_t *targets; /* indices into peers: alive members of our organisation to push to */
    uint32_t target_count;
    uint32_t *members; /* indices into peers: all known members, ascending: who may be an origin */
    uint32_t member_count;
    /* Keys that chunks may come sealed with; references. */
    struct fama_channel_key *keys[FAMA_VIEW_KEYS_MAX];
    uint32_t key_count;
    struct fama_roster now;    /* made by fama_view_seal: the targets and ourselves */
    struct fama_roster before; /* of the view before, if it had another one: see fama_view_follow */
};

#define FAMA_CHANNELS_MAX 64
#define FAMA_PEERS_MAX    10000
/* As many as controlplane/sessions.h may hold with each peer. */
#define FAMA_SESSIONS_MAX (3 * FAMA_PEERS_MAX)

struct fama_view {
    fama_tag self;
    struct fama_msp *msp; /* our organisation's, for identities not met before; a reference */
    struct fama_view_peer *peers; /* ascending by tag */
    uint32_t peer_count;
    struct fama_view_channel *channels; /* ascending by tag */
    uint32_t channel_count;
    struct fama_session **sessions; /* ascending by id; references */
    uint32_t session_count;
};

/* Takes memory for a view of these sizes, all zero; NULL if out of memory or over the limits. The caller
 * fills it in in any order, taking references for identities and msp, and calls fama_view_seal. */
struct fama_view *fama_view_create(uint32_t peer_count, uint32_t channel_count);
/* Gives a channel of the view its target and member lists (zeroed), once. False if out of memory or if
 * either list would be longer than FAMA_PEERS_MAX. */
bool fama_view_channel_size(struct fama_view_channel *channel, uint32_t targets, uint32_t members);
/* Gives the view its list of sessions (all NULL), once. False if out of memory or over FAMA_SESSIONS_MAX. */
bool fama_view_sessions_size(struct fama_view *view, uint32_t sessions);
/* Puts peers, channels and sessions into the order of their tags and member lists into ascending order, and
 * rewrites targets and members so that they mean the same peers as before. To be called once, before
 * the view is published or searched. False, and the view is good for fama_view_destroy only, if two
 * peers, two channels, two sessions or two entries of one list are the same, if an index points nowhere, if a
 * channel's number is out of range or its gate missing, or if memory runs out. */
bool fama_view_seal(struct fama_view *view);
/* Hands the rosters of the view published before on to this one, which is sealed and not published yet: what
 * was sent when they were in force is still on its way. Channels whose roster is the same again keep the one
 * before it. If memory runs out, such chunks are passed on as if nobody had known their view. NULL is fine. */
void fama_view_follow(struct fama_view *view, const struct fama_view *before);
/* Releases what the view holds references to. NULL is fine. */
void fama_view_destroy(struct fama_view *view);

const struct fama_view_peer *fama_view_peer(const struct fama_view *view, fama_tag tag);
const struct fama_view_channel *fama_view_channel(const struct fama_view *view, fama_tag tag);
/* NULL: not among those of the channel. */
const struct fama_channel_key *fama_view_channel_key(const struct fama_view_channel *channel,
                                                     fama_tag maker, uint32_t epoch);
struct fama_session *fama_view_session(const struct fama_view *view, uint64_t id);
bool fama_view_is_member(const struct fama_view *view, const struct fama_view_channel *channel,
                         fama_tag tag);

#endif
