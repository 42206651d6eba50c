/* What the rooms of a node share: private to controlplane/node*.c.
 *
 * Threads of a node:
 *   control   libevent loop: membership, repair, ordering source, admin socket. Owns everything in
 *             struct fama_node.
 *   sender    one: cuts, signs and pushes new blocks (controlplane/sender.h)
 *   server    one: answers requests for chunks (controlplane/chunk_server.h)
 *   commit    one per channel (controlplane/channel.h)
 *   net, verify lcores  inside the dataplane
 * They meet in the dataplane's rings, the channels', the sender's and the server's queues, and nowhere else. */
#ifndef FAMA_CONTROLPLANE_NODE_STATE_H
#define FAMA_CONTROLPLANE_NODE_STATE_H

#include <event2/event.h>

#include "controlplane/address_proofs.h"
#include "controlplane/admin.h"
#include "controlplane/block_source.h"
#include "controlplane/channel.h"
#include "controlplane/channel_keys.h"
#include "controlplane/channel_members.h"
#include "controlplane/chunk_server.h"
#include "controlplane/config.h"
#include "controlplane/membership.h"
#include "controlplane/node.h"
#include "controlplane/repair.h"
#include "controlplane/sender.h"
#include "controlplane/sessions.h"
#include "controlplane/view_pace.h"
#include "crypto/signer.h"

/* A channel as the control thread sees it. */
struct fama_node_channel {
    struct fama_channel *channel;
    struct fama_channel_members *members;
    struct fama_repair *repair;
    struct fama_push_settings push; /* its keys are this struct's to free */
    uint16_t loss;                  /* of pushed chunks, as the dataplane said last */
    uint64_t parity_due_ns;
    uint64_t distrusts_trees_until_ns;
    uint64_t height;        /* last seen from the commit thread */
    uint64_t stated_height; /* what our last stateinfo said */
    uint64_t stated_ns;
    bool has_failed; /* commits have stopped: nothing is asked of others any more */

    struct fama_block_source *source; /* NULL: not a leader, or no source */
    uint64_t source_next;             /* number to read next */
    uint64_t source_due_ns;           /* not before: pace, or back-off after a refusal */
    uint32_t source_attempts;         /* refusals or failures since the height last moved */
};

#define FAMA_EVIDENCE_MAX 64
#define FAMA_WAITING_MAX  64

/* What waits for a session with its addressee. */
struct fama_waiting {
    fama_tag peer; /* 0: nothing */
    enum fama_kind kind;
    uint16_t body_bytes;
    uint8_t body[FAMA_WIRE_DATAGRAM_LEAST];
};

/* Where something goes, and on whose word; tag 0: that of our own configuration. */
struct fama_node_target {
    fama_tag tag;
    struct fama_endpoint endpoint;
};

struct fama_node {
    const struct fama_config *config;
    struct fama_msp *msp;
    struct fama_signer *signer;
    struct event_base *base;
    struct event *dataplane_event, *wake_event, *tick_event, *term_event, *interrupt_event;
    struct fama_dataplane *dataplane;
    struct fama_sender *sender;
    struct fama_chunk_server *server;
    struct fama_membership *membership;
    struct fama_repair_server *repair_server;
    struct fama_sessions *sessions;
    struct fama_address_proofs *addresses;
    struct fama_waiting waiting[FAMA_WAITING_MAX];
    uint32_t waiting_next; /* the place to be taken next, whatever waits there */
    struct fama_admin *admin;
    char *ledgers_directory;
    int wake_fd; /* commit threads ring it */
    uint64_t incarnation;
    uint64_t started_ns;
    struct fama_random random;
    struct fama_view_pace view_pace;
    uint64_t drops[FAMA_DROP_COUNT]; /* refused by the control thread itself */

    /* Our alive message of this sequence, signed once and sent as often as membership asks. */
    uint64_t alive_sequence;
    size_t alive_len;
    uint8_t alive[FAMA_ALIVE_DATAGRAM_MAX];

    struct fama_equivocation evidence[FAMA_EVIDENCE_MAX]; /* the latest ones */
    uint64_t evidence_count;

    struct fama_node_channel channels[FAMA_CHANNELS_MAX];
    uint32_t channel_count;
};

uint64_t fama_node_now_ns(void);
/* The largest datagram that our MTU takes. */
size_t fama_node_datagram_bytes(const struct fama_node *node);
struct fama_node_channel *fama_node_find_channel(struct fama_node *node, const char *channel_id);

/* Adds a joined or opened channel and starts its commit thread; takes it over, also on failure. */
int fama_node_add_channel(struct fama_node *node, struct fama_channel *channel,
                          struct fama_error *error);
void fama_node_channel_setup(struct fama_node *node, struct fama_channel_setup *setup);

/* node_gossip.c: messages in, messages out. */
void fama_node_on_event(struct fama_node *node, struct fama_event *event);
void fama_node_gossip_tick(struct fama_node *node, uint64_t now_ns);

/* A member's address is proved: sends what it is owed, bits 1 << enum fama_address_use. */
void fama_node_make_good(struct fama_node *node, fama_tag member, uint32_t owed);
/* A request from within the asker's session. */
enum fama_drop fama_node_on_request(struct fama_node *node, fama_tag asker,
                                    struct fama_session *session, struct fama_bytes body,
                                    uint64_t now_ns);
struct fama_node_channel *fama_node_channel_by_tag(struct fama_node *node, fama_tag tag);

/* node_sessions.c: sessions, and what goes through them. */
int fama_node_start_sessions(struct fama_node *node, struct fama_error *error);
/* NULL if out of memory. */
struct fama_channel_keys *fama_node_make_keys(struct fama_node *node, const char *channel_id);
/* Sends a body of a kind that goes within sessions. False if the moment is busy, or if there is no session yet:
 * then one is begun, and the body sent when it is there, unless FAMA_WAITING_MAX others came to wait. */
bool fama_node_send_inner(struct fama_node *node, fama_tag peer, enum fama_kind kind,
                          struct fama_bytes body);
void fama_node_sessions_tick(struct fama_node *node, uint64_t now_ns);
/* Membership has news of a peer. */
void fama_node_sessions_news(struct fama_node *node, uint64_t now_ns, fama_tag peer);
enum fama_drop fama_node_on_handshake(struct fama_node *node, const struct fama_event *event,
                                      uint64_t now_ns);
enum fama_drop fama_node_on_inner(struct fama_node *node, const struct fama_event *event,
                                  uint64_t now_ns);
void fama_node_on_missing_key(struct fama_node *node, const struct fama_key_wanted *wanted,
                              uint64_t now_ns);

/* node_addresses.c: where members are. */
int fama_node_start_addresses(struct fama_node *node, struct fama_error *error);
/* Whether so many bytes may go there now; counted as sent, or as dropped. */
bool fama_node_may_send(struct fama_node *node, const struct fama_node_target *target,
                        enum fama_address_use use, size_t bytes);
void fama_node_addresses_tick(struct fama_node *node, uint64_t now_ns);
/* A handshake has shown that the member is there. */
void fama_node_address_proved(struct fama_node *node, fama_tag member,
                              const struct fama_endpoint *endpoint);
/* A cookie that is for us. False if no hello of node_addresses.c asked for it. */
bool fama_node_on_cookie(struct fama_node *node, const struct fama_session_message *message,
                         const struct fama_endpoint *came_from, uint64_t now_ns);
void fama_node_on_hello(struct fama_node *node, fama_tag member,
                        const struct fama_endpoint *came_from, uint64_t now_ns);

/* node_view.c: the world as packet threads see it. */
void fama_node_publish_view(struct fama_node *node);

/* node_source.c: blocks from the ordering source into the channels. */
int fama_node_open_source(struct fama_node *node, struct fama_node_channel *channel,
                          struct fama_error *error);
void fama_node_source_tick(struct fama_node *node, uint64_t now_ns);

/* node_admin.c: the handler of the admin socket. */
/* node_admin_trust.c: one of its answers. */
void fama_node_answer_trust(struct fama_node *node, struct fama_admin_call *call,
                            const json_t *request);
void fama_node_admin(void *context, struct fama_admin_call *call, const json_t *request);

#endif
