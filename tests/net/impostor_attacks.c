#include "tests/net/impostor_attacks.h"

struct impostor_datagram impostor_chunks[FAMA_SET_CHUNKS];

int impostor_failed(struct impostor *impostor, const char *words)
{
    return fama_error_set(&impostor->error, IMPOSTOR_FAILED, "%s", words);
}

int impostor_stopped(const struct impostor *impostor)
{
    (void)impostor; /* impostor_send has said why */
    return IMPOSTOR_FAILED;
}

void impostor_violation(struct impostor *impostor, const char *words)
{
    json_array_append_new(impostor->violations, json_string(words));
}

uint16_t impostor_chunk_bytes(void)
{
    return fama_chunk_bytes_for(IMPOSTOR_MTU_DATAGRAM);
}

uint64_t impostor_height(const struct impostor *impostor)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        highest = impostor->targets[i].height > highest ? impostor->targets[i].height : highest;
    }
    return highest;
}

/* The block to attack: the one asked for, or so many beyond what the targets have. */
uint64_t impostor_block_number(const struct impostor *impostor)
{
    return impostor->number != IMPOSTOR_NO_NUMBER ? impostor->number
                                                  : impostor_height(impostor) + impostor->ahead;
}

/* Cuts the first set of a block of made-up bytes into set_of_chunks. */
uint32_t impostor_make_chunks(const struct impostor *impostor, uint64_t number, uint8_t filling)
{
    static uint8_t bytes[MADE_BYTES];
    memset(bytes, filling, sizeof(bytes));
    const struct impostor_cut cut = {
        .signer = &impostor->identity,
        .origin_pki_id = impostor->identity.pki_id,
        .channel = impostor->channel,
        .number = number,
        .block = fama_bytes(bytes, sizeof(bytes)),
        .chunk_bytes = impostor_chunk_bytes(),
    };
    return impostor_cut_set(&cut, 0, impostor_chunks);
}

/* ---- Coming and going ---- */

static bool all_are_met(const struct impostor *impostor)
{
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        if (!impostor->targets[i].is_met || impostor->targets[i].height == 0) {
            return false;
        }
    }
    return true;
}

static bool state(struct impostor *impostor, bool has_left)
{
    struct impostor_datagram datagram;
    const struct fama_stateinfo stateinfo = {
        .channel = impostor->channel_tag, .height = 1, .has_left = has_left};
    impostor_make_stateinfo(&impostor->voice, &stateinfo, &datagram);
    return impostor_send_all(impostor, &datagram);
}

/* Becomes a member of the organisation's gossip and of the channel, as any node does. */
static int join(struct impostor *impostor)
{
    struct impostor_datagram datagram;
    uint64_t until_ms = impostor_now_ms() + MEET_MS;
    while (!all_are_met(impostor) && impostor_now_ms() < until_ms) {
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS);
    }
    if (!all_are_met(impostor)) {
        return impostor_failed(impostor,
                               "a target did not introduce itself: does it run, and is this "
                               "identity of its organisation?");
    }
    if (!state(impostor, false)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, VIEW_MS);
    return 0;
}

/* ---- The table ---- */

static const struct impostor_attack attacks[] = {
    {"stranger-alive",
     "an identity that another authority has issued",
     false,
     false,
     impostor_stranger_alive,
     {"identity_refused"}},
    {"stranger-messages",
     "statements and requests of somebody nobody knows",
     false,
     false,
     impostor_stranger_messages,
     {"author_unknown"}},
    {"stranger-chunk",
     "chunks whose root somebody unknown has signed",
     false,
     false,
     impostor_stranger_chunk,
     {"channel_not_member"}},
    {"forged-root",
     "chunks in a member's name, without its signature",
     false,
     false,
     impostor_forged_root,
     {"chunk_root_forged"}},
    {"replayed-alive",
     "an old alive message again, and with another body",
     false,
     false,
     impostor_replayed_alive,
     {"message_stale", "bad_signature"}},
    {"expired-alive",
     "a certificate that has expired",
     false,
     false,
     impostor_stranger_alive,
     {"identity_expired"}},
    {"echoed-alive",
     "each target's own alive message",
     true,
     false,
     impostor_echoed_alive,
     {"own_message"}},
    {"wrong-version",
     "versions of the wire nobody speaks",
     false,
     false,
     impostor_wrong_version,
     {"wire_bad_version"}},
    {"wrong-kind",
     "kinds of datagram nobody knows",
     false,
     false,
     impostor_wrong_kind,
     {"wire_unknown_kind"}},
    {"truncated",
     "every beginning of a good chunk, and one byte too many",
     false,
     false,
     impostor_truncated,
     {"wire_truncated", "wire_malformed", "chunk_geometry"}},
    {"geometry",
     "chunks that have no place in their block",
     false,
     false,
     impostor_geometry,
     {"chunk_geometry", "wire_malformed"}},
    {"junk", "random bytes", false, false, impostor_junk, {"wire_bad_magic", "wire_malformed"}},
    {"bad-merkle",
     "payloads and proofs that are not under the signed root",
     true,
     false,
     impostor_bad_merkle,
     {"chunk_root_forged"}},
    {"equivocation",
     "several roots for one set",
     true,
     false,
     impostor_equivocation,
     {"chunk_root_conflict"}},
    {"too-big",
     "chunks of blocks that would fill the memory",
     true,
     false,
     impostor_too_big,
     {"chunk_block_too_big"}},
    {"ahead",
     "chunks of blocks that nobody will have for long",
     true,
     false,
     impostor_ahead,
     {"chunk_ahead"}},
    {"stale", "a chunk of a block that is committed", true, false, impostor_stale, {"chunk_stale"}},
    {"other-channel",
     "a chunk for a channel that was not joined",
     true,
     false,
     impostor_other_channel,
     {"channel_unknown"}},
    {"hoard", "one chunk each of many blocks", true, false, impostor_hoard, {"chunk_ahead"}},
    {"hold-up",
     "one chunk of each block, shortly before the good one",
     true,
     false,
     impostor_hold_up,
     {"chunk_root_conflict"}},
    {"pollution",
     "the last set of blocks that are on their way",
     true,
     false,
     impostor_pollution,
     {NULL}},
    {"spoilt-copies",
     "what was pushed to it, with another signature or payload",
     true,
     false,
     impostor_spoilt_copies,
     {NULL}},
    {"insider-bad-block",
     "a whole block that must be refused",
     true,
     false,
     impostor_insider_bad_block,
     {"chunk_origin_blamed"}},
    {"request-spoof",
     "good requests from an address that is not their author's",
     true,
     true,
     impostor_request_spoof,
     {"message_stale"}},
    {"request-flood",
     "more requests than anybody needs",
     true,
     false,
     impostor_request_flood,
     {"admission_budget"}},
    {"amplification",
     "each kind of datagram, and the bytes that come back",
     false,
     false,
     impostor_amplification,
     {NULL}},
    {"victim-endpoint",
     "an alive message that names somebody else's address",
     false,
     true,
     impostor_victim_endpoint,
     {NULL}},
};

const struct impostor_attack *impostor_attack_at(size_t index)
{
    return index < sizeof(attacks) / sizeof(attacks[0]) ? &attacks[index] : NULL;
}

const struct impostor_attack *impostor_attack_find(const char *name)
{
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (strcmp(attacks[i].name, name) == 0) {
            return &attacks[i];
        }
    }
    return NULL;
}

int impostor_attack_run(const struct impostor_attack *attack, struct impostor *impostor)
{
    int status = attack->joins ? join(impostor) : 0;
    if (status == 0) {
        status = attack->run(impostor);
    }
    /* Blocks go to living members of the channel: do not let them be sent to nobody. */
    if (attack->joins && !state(impostor, true) && status == 0) {
        status = impostor_stopped(impostor);
    }
    return status;
}
