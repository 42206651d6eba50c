/* What the attacks are made of, and the attacks themselves: outsiders in impostor_outsiders.c, members of the
 * organisation in impostor_insiders.c. Private to the impostor. */
#ifndef FAMA_TESTS_NET_IMPOSTOR_ATTACKS_H
#define FAMA_TESTS_NET_IMPOSTOR_ATTACKS_H

#include "tests/net/impostor.h"

#define RECENT_MS                                                                                  \
    700 /* a node that saw a message less than half a second ago does not look again */
#define VIEW_MS   400 /* for a node's packet threads to learn of a new member */
#define ANSWER_MS 600
#define MEET_MS   4000
#define JOIN_MS                                                                                    \
    15000 /* members that come one after the other from one address wait for their turn */
#define MADE_BYTES 8000 /* of blocks that are made up: a few chunks */

/* Where fields lie in a datagram: dataplane/WIRE.md. */
enum {
    AT_VERSION = 2,
    AT_KIND = 3,
    AT_ZERO = 5,
    AT_LENGTH = 6,
    AT_CHANNEL = 8,
    AT_SESSION_ID = 8,
    AT_BLOCK = 24,
    AT_MESSAGE_SIGNATURE = 32,
    AT_BLOCK_BYTES = 32,
    AT_CHUNK_BYTES = 36,
    AT_SET = 38,
    AT_INDEX = 40,
    AT_DATA_CHUNKS = 41,
    AT_PARITY_CHUNKS = 42,
    AT_PARITY = 43,
    AT_KEY_EPOCH = 44,
    AT_BODY_PORT = FAMA_WIRE_MESSAGE_BYTES + 17,
};

/* The set at hand. */
extern struct impostor_datagram impostor_chunks[FAMA_SET_CHUNKS_MAX];

/* Cuts the first set of a block of made-up bytes into impostor_chunks, with our own key where we have one;
 * returns how many there are. */
uint32_t impostor_make_chunks(const struct impostor *impostor, uint64_t number, uint8_t filling);
/* The same in another's name, as `cut` says: its block and number are filled in here. */
uint32_t impostor_make_chunks_as(const struct impostor *impostor, struct impostor_cut *cut,
                                 uint8_t filling);
/* Sends the first `count` of them to all targets, and waits for what comes. */
int impostor_send_chunks(struct impostor *impostor, uint32_t count);
uint16_t impostor_chunk_bytes(void); /* what the network's MTU takes */
/* The highest height that a target has stated. */
uint64_t impostor_height(const struct impostor *impostor);
/* The block to attack: the one asked for, or so many beyond what the targets have. */
uint64_t impostor_block_number(const struct impostor *impostor);

/* States that we are in the channel, or have left it. */
bool impostor_state(struct impostor *impostor, bool has_left);

int impostor_failed(struct impostor *impostor, const char *words); /* IMPOSTOR_FAILED */
int impostor_stopped(const struct impostor *impostor); /* the same, where sending has said why */
void impostor_violation(struct impostor *impostor, const char *words);

int impostor_stranger_alive(struct impostor *impostor);
int impostor_swarm(struct impostor *impostor); /* impostor_swarm.c */
int impostor_stranger_messages(struct impostor *impostor);
int impostor_stranger_chunk(struct impostor *impostor);
int impostor_unsealed_chunk(struct impostor *impostor);
int impostor_forged_seal(struct impostor *impostor);
int impostor_unknown_epoch(struct impostor *impostor);
int impostor_unknown_session(struct impostor *impostor);
int impostor_unproved_handshake(struct impostor *impostor);
int impostor_handshake_flood(struct impostor *impostor);
int impostor_stolen_name(struct impostor *impostor);
int impostor_polluted_set(struct impostor *impostor);
int impostor_replayed_chunks(struct impostor *impostor);
int impostor_key_offers(struct impostor *impostor);
int impostor_forged_root(struct impostor *impostor);
int impostor_replayed_alive(struct impostor *impostor);
int impostor_echoed_alive(struct impostor *impostor);
int impostor_wrong_version(struct impostor *impostor);
int impostor_wrong_kind(struct impostor *impostor);
int impostor_truncated(struct impostor *impostor);
int impostor_geometry(struct impostor *impostor);
int impostor_junk(struct impostor *impostor);
int impostor_bad_merkle(struct impostor *impostor);
int impostor_equivocation(struct impostor *impostor);
int impostor_too_big(struct impostor *impostor);
int impostor_ahead(struct impostor *impostor);
int impostor_stale(struct impostor *impostor);
int impostor_other_channel(struct impostor *impostor);
int impostor_hold_up(struct impostor *impostor);
int impostor_pollution(struct impostor *impostor);
int impostor_hoard(struct impostor *impostor);
int impostor_spoilt_copies(struct impostor *impostor);
int impostor_insider_bad_block(struct impostor *impostor);
int impostor_request_spoof(struct impostor *impostor);
int impostor_request_flood(struct impostor *impostor);
int impostor_amplification(struct impostor *impostor);
int impostor_victim_endpoint(struct impostor *impostor);
int impostor_victim_member(struct impostor *impostor);

#endif
