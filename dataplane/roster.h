/* The living members of a channel in one view, ourselves among them, in the order of their tags, and the
 * view's id, which is the same at every node that holds the same ones for living.
 *
 * The id is the first eight bytes, as a big-endian number, of SHA-256("fama view 1" || the tags, eight bytes
 * each, big-endian, ascending), and 1 where that would be 0. Part of the wire.
 *
 * Made by the control thread as part of a view (dataplane/view.h) and immutable from then on. Memory: twelve
 * bytes a member. */
#ifndef FAMA_DATAPLANE_ROSTER_H
#define FAMA_DATAPLANE_ROSTER_H

#include "dataplane/wire.h"

/* In place of a peer's index: ourselves, or somebody whom the view knows no more. */
#define FAMA_ROSTER_NOT_A_PEER UINT32_MAX

struct fama_roster {
    uint64_t view_id; /* 0: there is none */
    uint32_t count;
    fama_tag *tags;  /* ascending */
    uint32_t *peers; /* at the same places: indices into the view's peers */
};

/* Takes memory for `count` members; false if there is none. `tags` and `peers` are the caller's to fill in
 * before fama_roster_name. */
bool fama_roster_size(struct fama_roster *roster, uint32_t count);
/* Works out the id. */
void fama_roster_name(struct fama_roster *roster);
/* Frees what fama_roster_size took; an empty roster is fine. */
void fama_roster_free(struct fama_roster *roster);

/* Where this tag stands; false if it is not among them. Any thread. */
bool fama_roster_rank(const struct fama_roster *roster, fama_tag tag, uint32_t *rank);

#endif
