#include "controlplane/channel_members.h"

#include <stdlib.h>

struct fama_channel_members {
    uint32_t count;
    uint32_t max;
    struct fama_channel_member at[];
};

struct fama_channel_members *fama_channel_members_create(uint32_t members_max)
{
    struct fama_channel_members *members =
        calloc(1, sizeof(*members) + (size_t)members_max * sizeof(members->at[0]));
    if (members != NULL) {
        members->max = members_max;
    }
    return members;
}

void fama_channel_members_destroy(struct fama_channel_members *members)
{
    free(members);
}

/* The index of the first member whose tag is not below `tag`. */
static uint32_t lower_bound(const struct fama_channel_members *members, fama_tag tag)
{
    uint32_t low = 0;
    uint32_t high = members->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (members->at[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_newer(const struct fama_message *message, const struct fama_channel_member *known)
{
    if (message->incarnation != known->incarnation) {
        return message->incarnation > known->incarnation;
    }
    return message->sequence > known->sequence;
}

enum fama_drop fama_channel_members_on_stateinfo(struct fama_channel_members *members,
                                                 const struct fama_message *message,
                                                 const struct fama_stateinfo *stateinfo,
                                                 bool *is_change)
{
    *is_change = false;
    uint32_t index = lower_bound(members, message->author);
    struct fama_channel_member *member = &members->at[index];
    bool is_known = index < members->count && member->tag == message->author;
    if (is_known && !is_newer(message, member)) {
        return FAMA_DROP_REPLAYED;
    }
    if (!is_known) {
        if (members->count == members->max) {
            return FAMA_DROP_ADMISSION_BUDGET;
        }
        memmove(member + 1, member, (members->count - index) * sizeof(*member));
        members->count++;
    }
    *is_change = !is_known || member->has_left != stateinfo->has_left;
    *member = (struct fama_channel_member){
        .tag = message->author,
        .incarnation = message->incarnation,
        .sequence = message->sequence,
        .height = stateinfo->height,
        .loss = stateinfo->loss,
        .has_left = stateinfo->has_left,
        .passed_on_ns = is_known ? member->passed_on_ns : 0,
    };
    return FAMA_DROP_NONE;
}

bool fama_channel_members_pass_on(struct fama_channel_members *members, fama_tag tag,
                                  bool is_change, uint64_t now_ns, uint64_t pause_ns)
{
    uint32_t index = lower_bound(members, tag);
    if (index == members->count || members->at[index].tag != tag) {
        return false;
    }
    struct fama_channel_member *member = &members->at[index];
    if (!is_change && member->passed_on_ns != 0 && now_ns - member->passed_on_ns < pause_ns) {
        return false;
    }
    member->passed_on_ns = now_ns;
    return true;
}

void fama_channel_members_forget(struct fama_channel_members *members, fama_tag tag)
{
    uint32_t index = lower_bound(members, tag);
    if (index < members->count && members->at[index].tag == tag) {
        memmove(&members->at[index], &members->at[index + 1],
                (members->count - index - 1) * sizeof(members->at[0]));
        members->count--;
    }
}

uint32_t fama_channel_members_count(const struct fama_channel_members *members)
{
    return members->count;
}

const struct fama_channel_member *
fama_channel_members_at(const struct fama_channel_members *members, uint32_t index)
{
    return &members->at[index];
}

const struct fama_channel_member *
fama_channel_members_find(const struct fama_channel_members *members, fama_tag tag)
{
    uint32_t index = lower_bound(members, tag);
    return index < members->count && members->at[index].tag == tag ? &members->at[index] : NULL;
}
