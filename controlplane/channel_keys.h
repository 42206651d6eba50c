/* The keys of one channel that this node makes, as an origin, and those that other origins have handed it.
 *
 * An origin makes a key for an epoch and offers it to every living member of the channel, within their
 * session, until each has said that it took it; a newcomer is offered the key in force. When a member has
 * gone for good, and each `rotate_ns`, the next epoch's key is made and offered; it comes into force when
 * all living members have it, or after `grace_ns`: who is late then asks for what it cannot open, and has
 * what it missed repaired within sessions meanwhile. Of each other origin the two latest keys are kept.
 *
 * Keys never leave this object but as offers for members and as counted objects for the dataplane.
 *
 * Sans-I/O: no clock, no generator, no session in here. Owner: the control thread, or the simulator; only
 * fama_channel_keys_in_force may be called by any thread. Memory: bounded by members_max.
 *
 * Adversary: members. One may offer a key only as its own, for the channel; what it sends beyond the
 * second-latest pushes out its own only; FAMA_VIEW_KEYS_MAX makers and epochs in all, the one longest not
 * offered anew gives way. Strangers have no session. */
#ifndef FAMA_CONTROLPLANE_CHANNEL_KEYS_H
#define FAMA_CONTROLPLANE_CHANNEL_KEYS_H

#include "dataplane/channel_key.h"
#include "dataplane/view.h"

struct fama_channel_keys;

struct fama_channel_keys_config {
    const uint8_t *channel_digest; /* FAMA_SHA256_BYTES, copied, as the next */
    const uint8_t *self_pki_id;    /* FAMA_PKI_ID_BYTES */
    /* Not 0, and rising with every start of the node, since others may still hold keys of the last one:
     * seconds since 1970 will do. */
    uint32_t first_epoch;
    uint64_t rotate_ns;
    uint64_t grace_ns;
    uint64_t retry_ns; /* an offer not answered is made again; doubles up to 16 times */
    uint32_t members_max;
    /* Fills in secret random bytes; false: there are none. */
    bool (*random)(uint8_t *bytes, size_t count);
};

/* NULL if out of memory or if a setting is 0. */
struct fama_channel_keys *fama_channel_keys_create(const struct fama_channel_keys_config *config);
/* NULL is fine. */
void fama_channel_keys_destroy(struct fama_channel_keys *keys);

/* This node is an origin from now on: makes the first key, in force at once. False: no random bytes. */
bool fama_channel_keys_begin(struct fama_channel_keys *keys, uint64_t now_ns);
/* A reference to the key that new blocks are sealed with, or NULL: we are no origin. Any thread. */
struct fama_channel_key *fama_channel_keys_in_force(struct fama_channel_keys *keys);

/* A living member of the channel, new or returned with an empty memory. */
void fama_channel_keys_join(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag member);
/* It has died, and may come back: nothing is offered to it, nor waited for. */
void fama_channel_keys_pause(struct fama_channel_keys *keys, fama_tag member);
/* It has left the channel or was forgotten: it is to read no more. */
void fama_channel_keys_leave(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag member);

/* What a member sent within its session. FAMA_DROP_NONE, or NOT_A_MEMBER (asked for by somebody whom we do
 * not know there), UNKNOWN_CHANNEL or NO_MBUF (out of memory). Another key for an epoch that we have one
 * for takes its place, and one of an epoch below two that we hold takes the place of both: its maker began
 * anew. */
enum fama_drop fama_channel_keys_on_message(struct fama_channel_keys *keys, uint64_t now_ns,
                                            const uint8_t author_pki_id[FAMA_PKI_ID_BYTES],
                                            const struct fama_keys *message);
/* A chunk came that `maker` sealed with a key we lack: to be asked for. */
void fama_channel_keys_miss(struct fama_channel_keys *keys, fama_tag maker);

void fama_channel_keys_tick(struct fama_channel_keys *keys, uint64_t now_ns);

/* The next message to send to `member` within a session; false when there is none. Messages that cannot be
 * sent, because there is no session yet, may be dropped: they are made again. */
bool fama_channel_keys_next(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag *member,
                            struct fama_keys *message);

/* References to the other origins' keys, for a view. */
uint32_t fama_channel_keys_list(const struct fama_channel_keys *keys,
                                struct fama_channel_key *list[FAMA_VIEW_KEYS_MAX]);
/* Whether that list has changed since this was asked last. */
bool fama_channel_keys_changed(struct fama_channel_keys *keys);

struct fama_channel_keys_stats {
    uint32_t epoch;    /* of our own key in force; 0: none */
    uint32_t members;  /* that are offered our keys */
    uint32_t without;  /* of these, those that have not said that they took the latest */
    uint32_t received; /* keys of other origins at hand */
};
void fama_channel_keys_stats(const struct fama_channel_keys *keys,
                             struct fama_channel_keys_stats *stats);

#endif
