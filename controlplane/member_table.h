/* Where membership keeps its peers: a fixed number of records, found by tag in ascending order, drawn at
 * random among the living, and remembered for a while after they are forgotten.
 *
 * Memory: everything but the datagrams is taken at creation; a datagram takes its own size, at most
 * FAMA_ALIVE_DATAGRAM_MAX bytes. Owner: a struct fama_membership. Adversary: members that change
 * identities to fill the table, which then takes nobody else, and whoever replays the last words of the
 * forgotten, which the graves answer (as many as there are records, the oldest one reused first). */
#ifndef FAMA_CONTROLPLANE_MEMBER_TABLE_H
#define FAMA_CONTROLPLANE_MEMBER_TABLE_H

#include "controlplane/membership.h"

struct fama_member_record {
    struct fama_member member;
    uint8_t *datagram; /* the newest alive message as it came */
    uint16_t datagram_len;
    uint16_t datagram_room;
    uint32_t answers; /* datagrams its digests got since answers_since_ns */
    uint64_t answers_since_ns;
    uint64_t digest_incarnation; /* the newest digest */
    uint64_t digest_sequence;
};

struct fama_member_table;

struct fama_member_table *fama_member_table_create(uint32_t peers_max);
void fama_member_table_destroy(struct fama_member_table *table,
                               void (*release_identity)(void *identity));

uint32_t fama_member_table_count(const struct fama_member_table *table);
uint32_t fama_member_table_living(const struct fama_member_table *table);
/* Ascending by tag; index < count. */
struct fama_member_record *fama_member_table_at(const struct fama_member_table *table,
                                                uint32_t index);
/* The index of the first record with at least this tag; count if there is none. */
uint32_t fama_member_table_lower_bound(const struct fama_member_table *table, fama_tag tag);
struct fama_member_record *fama_member_table_find(const struct fama_member_table *table,
                                                  fama_tag tag);

/* A dead record with nothing but PKI-ID and tag, or NULL when the table is full. The tag is not in it. */
struct fama_member_record *fama_member_table_add(struct fama_member_table *table,
                                                 const uint8_t pki_id[FAMA_PKI_ID_BYTES]);
/* Undoes an addition that nobody has seen. */
void fama_member_table_cancel(struct fama_member_table *table, struct fama_member_record *record);
/* Takes a dead record out of the order, digs its grave and leaves its memory as it is until it is
 * released. */
void fama_member_table_remove(struct fama_member_table *table, struct fama_member_record *record);
void fama_member_table_release(struct fama_member_table *table, struct fama_member_record *record);

void fama_member_table_set_state(struct fama_member_table *table, struct fama_member_record *record,
                                 enum fama_peer_state state);
/* False if out of memory; then the record is as before. */
bool fama_member_table_store(struct fama_member_record *record, struct fama_bytes datagram);

/* Draws up to `wanted` (<= FAMA_FANOUT_MAX) distinct living peers, no two of one endpoint, none of tag
 * `without` and none at endpoint `nowhere`. Two of one address only where there are no others among the first
 * some hundred looked at: so a crowd of identities at one address has one place in a draw, whatever its ports
 * are, and not all of them. Returns how many. */
uint32_t fama_member_table_draw(struct fama_member_table *table, struct fama_random *random,
                                fama_tag without, const struct fama_endpoint *nowhere,
                                uint32_t wanted, struct fama_member_record **drawn);

/* Whether a message of this author is not newer than what was forgotten of it. */
bool fama_member_table_is_buried(const struct fama_member_table *table, fama_tag tag,
                                 uint64_t incarnation, uint64_t sequence);

/* The order of messages of one author. */
static inline bool fama_is_newer(uint64_t incarnation, uint64_t sequence, uint64_t than_incarnation,
                                 uint64_t than_sequence)
{
    return incarnation != than_incarnation ? incarnation > than_incarnation
                                           : sequence > than_sequence;
}

#endif
