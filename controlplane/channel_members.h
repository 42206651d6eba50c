/* Who takes part in a channel and how far each is: the newest stateinfo of every member.
 *
 * Follows Fabric's gossip/channel (spec fabric-gossip §5): a member is in the channel once it has stated
 * so, until it states that it has left; the newest (incarnation, sequence) of an author wins. Sans-I/O,
 * one object per channel, control thread. Memory: bounded by members_max; at the limit newcomers are
 * refused until somebody is forgotten. */
#ifndef FAMA_CONTROLPLANE_CHANNEL_MEMBERS_H
#define FAMA_CONTROLPLANE_CHANNEL_MEMBERS_H

#include "dataplane/wire.h"

struct fama_channel_members;

struct fama_channel_member {
    fama_tag tag;
    uint64_t incarnation;
    uint64_t sequence;
    uint64_t height;
    uint16_t loss; /* of chunks pushed to it, parts of FAMA_LOSS_WHOLE */
    bool has_left;
    uint64_t passed_on_ns; /* when a statement of its was last passed on, 0: never */
};

struct fama_channel_members *fama_channel_members_create(uint32_t members_max);
void fama_channel_members_destroy(struct fama_channel_members *members);

/* Takes a verified stateinfo. FAMA_DROP_NONE if it is news, REPLAYED if not newer than what we hold,
 * ADMISSION_BUDGET at the limit. *is_change tells whether the set of those in the channel changed. */
enum fama_drop fama_channel_members_on_stateinfo(struct fama_channel_members *members,
                                                 const struct fama_message *message,
                                                 const struct fama_stateinfo *stateinfo,
                                                 bool *is_change);
/* Whether the statement just taken is to be passed on to others; if so, that is noted. A change of who is in
 * the channel is, at once. A height alone is only when none of that member's has been for pause_ns: members
 * state theirs after every block, each to some others, and who lacks a block hears of it from one of those;
 * were every such statement to reach everybody, they would be more than small blocks' own bytes. */
bool fama_channel_members_pass_on(struct fama_channel_members *members, fama_tag tag,
                                  bool is_change, uint64_t now_ns, uint64_t pause_ns);
void fama_channel_members_forget(struct fama_channel_members *members, fama_tag tag);

/* Ascending by tag; those who left are among them. */
uint32_t fama_channel_members_count(const struct fama_channel_members *members);
const struct fama_channel_member *
fama_channel_members_at(const struct fama_channel_members *members, uint32_t index);
const struct fama_channel_member *
fama_channel_members_find(const struct fama_channel_members *members, fama_tag tag);

#endif
