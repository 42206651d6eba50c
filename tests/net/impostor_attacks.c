#include "tests/net/impostor_attacks.h"

struct impostor_datagram impostor_chunks[FAMA_SET_CHUNKS_MAX];

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
    return fama_chunk_bytes_for(IMPOSTOR_MTU_DATAGRAM, IMPOSTOR_PARITY);
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

uint32_t impostor_make_chunks_as(const struct impostor *impostor, struct impostor_cut *cut,
                                 uint8_t filling)
{
    static uint8_t bytes[MADE_BYTES];
    memset(bytes, filling, sizeof(bytes));
    cut->signer = &impostor->identity;
    cut->channel = impostor->channel;
    cut->block = fama_bytes(bytes, sizeof(bytes));
    cut->chunk_bytes = impostor_chunk_bytes();
    cut->parity = IMPOSTOR_PARITY;
    return impostor_cut_set(cut, 0, impostor_chunks);
}

uint32_t impostor_make_chunks(const struct impostor *impostor, uint64_t number, uint8_t filling)
{
    struct impostor_cut cut = {.origin_pki_id = impostor->identity.pki_id,
                               .number = number,
                               .key = impostor_party_key(impostor)};
    return impostor_make_chunks_as(impostor, &cut, filling);
}

int impostor_send_chunks(struct impostor *impostor, uint32_t count)
{
    if (count == 0) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!impostor_send_all(impostor, &impostor_chunks[i])) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
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

bool impostor_state(struct impostor *impostor, bool has_left)
{
    struct impostor_datagram datagram;
    const struct fama_stateinfo stateinfo = {
        .channel = impostor->channel_tag, .height = 1, .has_left = has_left};
    impostor_make_stateinfo(&impostor->voice, &stateinfo, &datagram);
    return impostor_send_all(impostor, &datagram);
}

/* Has a session with every target, and everyone has our key. */
static bool all_are_friends(struct impostor *impostor)
{
    bool all = true;
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        const struct impostor_target *target = &impostor->targets[i];
        struct impostor_datagram datagram;
        if (!target->is_met || !impostor_party_has_session(impostor, target)) {
            all = false;
        } else if (!target->has_our_key) {
            all = false;
            impostor_party_offer(impostor, target, impostor->channel_tag,
                                 impostor_party_key(impostor)->epoch, &datagram);
            (void)impostor_send(impostor, &impostor->home, &target->endpoint, &datagram);
        }
    }
    return all;
}

/* Becomes a member of the organisation's gossip and of the channel, as any node does. */
static int join(struct impostor *impostor)
{
    struct impostor_datagram datagram;
    uint64_t until_ms = impostor_now_ms() + JOIN_MS;
    int status = impostor_party_open(impostor, impostor->identity.pki_id);
    bool is_done = false;
    while (status == 0 && !is_done && impostor_now_ms() < until_ms) {
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS);
        if (!impostor_state(impostor, false)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS / 2);
        is_done = all_are_friends(impostor) && all_are_met(impostor);
    }
    if (status == 0 && !is_done) {
        return impostor_failed(impostor,
                               "a target did not introduce itself, or has no session with us, or "
                               "did not take our key: does it run, and is this identity of its "
                               "organisation?");
    }
    impostor_listen(impostor, VIEW_MS);
    return status;
}

/* ---- The table ---- */

static const struct impostor_attack attacks[] = {
    {"stranger-alive",
     "an identity that another authority has issued",
     false,
     false,
     impostor_stranger_alive,
     {"identity_refused"},
     NULL},
    {"swarm",
     "more members at once, all at one address, than an organisation gets in a second",
     false,
     false,
     impostor_swarm,
     {"admission_budget"},
     NULL},
    {"stranger-messages",
     "statements and requests of somebody nobody knows",
     false,
     false,
     impostor_stranger_messages,
     {"author_unknown", "wire_unknown_kind"},
     NULL},
    {"stranger-chunk",
     "chunks whose root somebody unknown has signed",
     false,
     false,
     impostor_stranger_chunk,
     {"channel_not_member"},
     NULL},
    {"unsealed-chunk",
     "chunks in a member's name, not sealed",
     false,
     false,
     impostor_unsealed_chunk,
     {"chunk_unsealed"},
     NULL},
    {"forged-seal",
     "chunks in a member's name, sealed with a key that is not its",
     false,
     false,
     impostor_forged_seal,
     {"seal_forged"},
     NULL},
    {"unknown-epoch",
     "chunks in a member's name, of epochs it never had",
     false,
     false,
     impostor_unknown_epoch,
     {"key_unknown"},
     NULL},
    {"unknown-session",
     "sealed datagrams of sessions nobody has",
     false,
     false,
     impostor_unknown_session,
     {"session_unknown"},
     NULL},
    {"unproved-handshake",
     "handshakes in a member's name, from a source that cannot show its cookie",
     false,
     true,
     impostor_unproved_handshake,
     {"handshake_unproved", "handshake_unknown", "author_unknown", "frame_not_ours"},
     NULL},
    {"handshake-flood",
     "more handshakes than anybody begins",
     false,
     false,
     impostor_handshake_flood,
     {"source_budget"},
     NULL},
    {"stolen-name",
     "a handshake in another member's name, with the own certificate",
     false,
     false,
     impostor_stolen_name,
     {NULL},
     "no session with"},
    {"forged-root",
     "chunks in a member's name, sealed with its key, without its signature",
     true,
     false,
     impostor_forged_root,
     {"chunk_root_forged"},
     NULL},
    {"replayed-alive",
     "an old alive message again, and with another body",
     false,
     false,
     impostor_replayed_alive,
     {"message_stale", "bad_signature"},
     NULL},
    {"expired-alive",
     "a certificate that has expired",
     false,
     false,
     impostor_stranger_alive,
     {"identity_expired"},
     NULL},
    {"echoed-alive",
     "each target's own alive message",
     true,
     false,
     impostor_echoed_alive,
     {"own_message"},
     NULL},
    {"wrong-version",
     "versions of the wire nobody speaks",
     false,
     false,
     impostor_wrong_version,
     {"wire_bad_version"},
     NULL},
    {"wrong-kind",
     "kinds of datagram nobody knows",
     false,
     false,
     impostor_wrong_kind,
     {"wire_unknown_kind"},
     NULL},
    {"truncated",
     "every beginning of a good chunk, and one byte too many",
     false,
     false,
     impostor_truncated,
     {"wire_truncated", "wire_malformed", "chunk_geometry"},
     NULL},
    {"geometry",
     "chunks that have no place in their block",
     false,
     false,
     impostor_geometry,
     {"chunk_geometry", "wire_malformed"},
     NULL},
    {"junk",
     "random bytes",
     false,
     false,
     impostor_junk,
     {"wire_bad_magic", "wire_malformed"},
     NULL},
    {"bad-merkle",
     "payloads and proofs that are not under the signed root",
     true,
     false,
     impostor_bad_merkle,
     {"chunk_root_forged"},
     NULL},
    {"equivocation",
     "several roots for one set",
     true,
     false,
     impostor_equivocation,
     {"chunk_root_conflict"},
     "two different roots"},
    {"polluted-set",
     "a set whose parity is none, honestly signed",
     true,
     false,
     impostor_polluted_set,
     {"chunk_set_polluted"},
     NULL},
    {"replayed-chunks",
     "chunks that were pushed to it, again and under another block, epoch or channel",
     true,
     false,
     impostor_replayed_chunks,
     {"chunk_stale", "seal_forged", "key_unknown", "channel_unknown"},
     NULL},
    {"key-offers",
     "keys that are older than those at hand, and of channels nobody has joined",
     true,
     false,
     impostor_key_offers,
     {"message_stale", "channel_unknown"},
     NULL},
    {"too-big",
     "chunks of blocks that would fill the memory",
     true,
     false,
     impostor_too_big,
     {"chunk_block_too_big"},
     NULL},
    {"ahead",
     "chunks of blocks that nobody will have for long",
     true,
     false,
     impostor_ahead,
     {"chunk_ahead"},
     NULL},
    {"stale",
     "a chunk of a block that is committed",
     true,
     false,
     impostor_stale,
     {"chunk_stale"},
     NULL},
    {"other-channel",
     "a chunk for a channel that was not joined",
     true,
     false,
     impostor_other_channel,
     {"channel_unknown"},
     NULL},
    {"hoard", "one chunk each of many blocks", true, false, impostor_hoard, {"chunk_ahead"}, NULL},
    {"hold-up",
     "one chunk of each block, shortly before the good one",
     true,
     false,
     impostor_hold_up,
     {"chunk_root_conflict"},
     NULL},
    {"pollution",
     "the last set of blocks that are on their way",
     true,
     false,
     impostor_pollution,
     {NULL},
     NULL},
    {"spoilt-copies",
     "what was pushed to it, with another signature or payload",
     true,
     false,
     impostor_spoilt_copies,
     {NULL},
     NULL},
    {"insider-bad-block",
     "a whole block that must be refused",
     true,
     false,
     impostor_insider_bad_block,
     {"chunk_origin_blamed"},
     NULL},
    {"request-spoof",
     "good requests from an address that is not their author's, again, and broken",
     true,
     true,
     impostor_request_spoof,
     {"session_replayed", "session_forged"},
     NULL},
    {"request-flood",
     "more requests than anybody needs",
     true,
     false,
     impostor_request_flood,
     {"admission_budget"},
     NULL},
    {"amplification",
     "each kind of datagram, and the bytes that come back",
     false,
     false,
     impostor_amplification,
     {NULL},
     NULL},
    {"victim-endpoint",
     "an alive message that names somebody else's address",
     false,
     true,
     impostor_victim_endpoint,
     {"address_unproved"},
     NULL},
    {"victim-member",
     "a member of the channel, with sessions, that names somebody else's address",
     false,
     true,
     impostor_victim_member,
     {"address_unproved"},
     NULL},
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
    if (attack->joins && !impostor_state(impostor, true) && status == 0) {
        status = impostor_stopped(impostor);
    }
    return status;
}
