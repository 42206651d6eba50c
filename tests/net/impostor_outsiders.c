#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/net/impostor_attacks.h"

/* Where fields lie in a datagram: dataplane/wire.h. */
enum {
    AT_VERSION = 2,
    AT_KIND = 3,
    AT_FLAGS = 5,
    AT_LENGTH = 6,
    AT_MESSAGE_SIGNATURE = 32,
    AT_BODY_PORT = FAMA_WIRE_MESSAGE_BYTES + 17,
    AT_BLOCK_BYTES = 32,
    AT_CHUNK_BYTES = 36,
    AT_SET = 38,
    AT_INDEX = 40,
    AT_DATA_CHUNKS = 41,
    AT_PARITY = 42,
    AT_PROOF_NODES = 43,
    AT_KEY_EPOCH = 44,
};

/* ---- Strangers ---- */

int impostor_stranger_alive(struct impostor *impostor)
{
    struct impostor_datagram datagram;
    for (int i = 0; i < 3; i++) {
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, ANSWER_MS);
    }
    return 0;
}

int impostor_stranger_messages(struct impostor *impostor)
{
    struct impostor_datagram datagrams[3];
    const struct fama_stateinfo stateinfo = {.channel = impostor->channel_tag, .height = 1};
    impostor_make_stateinfo(&impostor->voice, &stateinfo, &datagrams[0]);
    impostor_make_digest(&impostor->voice, 0, &datagrams[1]);
    impostor_make_request(&impostor->voice, 0, impostor->channel_tag, 1, &datagrams[2]);
    for (int i = 0; i < 3; i++) {
        if (!impostor_send_all(impostor, &datagrams[i])) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

static int send_first_set(struct impostor *impostor, uint32_t count)
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

int impostor_stranger_chunk(struct impostor *impostor)
{
    return send_first_set(impostor,
                          impostor_make_chunks(impostor, impostor_block_number(impostor), 0x11));
}

/* In a member's name: first a good signature by the wrong key, then no signature at all. */
int impostor_forged_root(struct impostor *impostor)
{
    uint8_t bytes[MADE_BYTES];
    memset(bytes, 0x22, sizeof(bytes));
    struct impostor_cut cut = {
        .signer = &impostor->identity,
        .origin_pki_id = impostor->claimed_origin,
        .channel = impostor->channel,
        .number = impostor_block_number(impostor),
        .block = fama_bytes(bytes, sizeof(bytes)),
        .chunk_bytes = impostor_chunk_bytes(),
    };
    if (!impostor->has_claimed_origin) {
        return impostor_failed(impostor, "--origin says in whose name");
    }
    int status = send_first_set(impostor, impostor_cut_set(&cut, 0, impostor_chunks));
    if (status == 0) {
        uint32_t count = impostor_cut_set(&cut, 0, impostor_chunks);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *signature = impostor_chunks[i].bytes + AT_CHUNK_SIGNATURE;
            if (RAND_bytes(signature, FAMA_SIGNATURE_BYTES) != 1) {
                return impostor_failed(impostor, "no random bytes");
            }
        }
        status = send_first_set(impostor, count);
    }
    return status;
}

/* ---- Replays ---- */

int impostor_replayed_alive(struct impostor *impostor)
{
    struct impostor_datagram old, new;
    impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &old);
    impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &new);
    struct impostor_datagram changed = old;
    changed.bytes[AT_BODY_PORT + 1] ^= 1;
    const struct impostor_datagram *const order[] = {&old, &new, &old, &old, &changed};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!impostor_send_all(impostor, order[i])) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, RECENT_MS);
    }
    return 0;
}

int impostor_echoed_alive(struct impostor *impostor)
{
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        const struct impostor_target *target = &impostor->targets[i];
        if (!impostor_send(impostor, &impostor->home, &target->endpoint, &target->alive)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

/* ---- Broken datagrams ---- */

static int with_byte(struct impostor *impostor, size_t at, const uint8_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct impostor_datagram datagram;
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
        datagram.bytes[at] = values[i];
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

int impostor_wrong_version(struct impostor *impostor)
{
    static const uint8_t versions[] = {0, 2, 255};
    return with_byte(impostor, AT_VERSION, versions, sizeof(versions));
}

int impostor_wrong_kind(struct impostor *impostor)
{
    static const uint8_t kinds[] = {0, 6, 7, 8, 127, 128, 255};
    return with_byte(impostor, AT_KIND, kinds, sizeof(kinds));
}

static void set_length(struct impostor_datagram *datagram)
{
    size_t rest = datagram->len - FAMA_WIRE_HEADER_BYTES;
    datagram->bytes[AT_LENGTH] = (uint8_t)(rest >> 8);
    datagram->bytes[AT_LENGTH + 1] = (uint8_t)rest;
}

/* Every beginning of a good chunk, once as it was cut and once with a header that fits; then one byte too
 * many. */
int impostor_truncated(struct impostor *impostor)
{
    if (impostor_make_chunks(impostor, impostor_block_number(impostor), 0x33) == 0) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    const struct impostor_datagram *whole = &impostor_chunks[0];
    for (size_t len = 0; len < whole->len; len++) {
        struct impostor_datagram cut = *whole;
        cut.len = len;
        if (!impostor_send_all(impostor, &cut)) {
            return impostor_stopped(impostor);
        }
        if (len >= FAMA_WIRE_HEADER_BYTES) {
            set_length(&cut);
            if (!impostor_send_all(impostor, &cut)) {
                return impostor_stopped(impostor);
            }
        }
    }
    struct impostor_datagram longer = *whole;
    longer.bytes[longer.len++] = 0;
    if (!impostor_send_all(impostor, &longer)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

int impostor_geometry(struct impostor *impostor)
{
    static const struct {
        size_t at;
        uint8_t bytes[4];
        size_t len;
    } nonsense[] = {
        {AT_BLOCK_BYTES, {0, 0, 0, 0}, 4},
        {AT_BLOCK_BYTES, {0, 0, 0, 1}, 4},
        {AT_BLOCK_BYTES, {0xff, 0xff, 0xff, 0xff}, 4},
        {AT_CHUNK_BYTES, {0, 0}, 2},
        {AT_CHUNK_BYTES, {0, 63}, 2},
        {AT_CHUNK_BYTES, {0x22, 0x25}, 2}, /* 8741: one more than there may be */
        {AT_CHUNK_BYTES, {0xff, 0xff}, 2},
        {AT_SET, {0, 1}, 2},
        {AT_SET, {0xff, 0xff}, 2},
        {AT_INDEX, {63}, 1},
        {AT_INDEX, {255}, 1},
        {AT_DATA_CHUNKS, {0}, 1},
        {AT_DATA_CHUNKS, {64}, 1},
        {AT_DATA_CHUNKS, {255}, 1},
        {AT_PARITY, {1}, 1},
        {AT_PARITY, {255}, 1},
        {AT_PROOF_NODES, {0}, 1},
        {AT_PROOF_NODES, {6}, 1},
        {AT_PROOF_NODES, {255}, 1},
        {AT_KEY_EPOCH, {0, 0, 0, 1}, 4},
        {AT_FLAGS, {0x80}, 1},
    };
    if (impostor_make_chunks(impostor, impostor_block_number(impostor), 0x44) == 0) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct impostor_datagram datagram = impostor_chunks[0];
        memcpy(datagram.bytes + nonsense[i].at, nonsense[i].bytes, nonsense[i].len);
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

/* Random bytes; every other datagram begins as one of ours would. */
int impostor_junk(struct impostor *impostor)
{
    srandom((unsigned int)impostor->seed);
    for (uint64_t i = 0; i < impostor->count; i++) {
        struct impostor_datagram datagram = {.len = (size_t)random() % (IMPOSTOR_MTU_DATAGRAM + 1)};
        for (size_t at = 0; at < datagram.len; at++) {
            datagram.bytes[at] = (uint8_t)random();
        }
        if (i % 2 == 1 && datagram.len >= FAMA_WIRE_HEADER_BYTES) {
            const uint8_t header[] = {FAMA_WIRE_MAGIC >> 8,
                                      FAMA_WIRE_MAGIC & 0xff,
                                      FAMA_WIRE_VERSION,
                                      (uint8_t)(1 + random() % FAMA_KIND_STATEINFO),
                                      4,
                                      0};
            memcpy(datagram.bytes, header, sizeof(header));
            set_length(&datagram);
        }
        const struct impostor_target *target = &impostor->targets[i / 2 % impostor->target_count];
        if (!impostor_send(impostor, &impostor->home, &target->endpoint, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

/* ---- Amplification ---- */

/* Each kind by somebody who has not been admitted, then what comes back is weighed. */
int impostor_amplification(struct impostor *impostor)
{
    static const char *const names[IMPOSTOR_KINDS] = {"junk",   "alive",   "chunk",
                                                      "digest", "request", "stateinfo"};
    const struct fama_stateinfo stateinfo = {.channel = impostor->channel_tag, .height = 1};
    for (int kind = 0; kind < IMPOSTOR_KINDS; kind++) {
        struct impostor_datagram datagram = {.len = 64};
        uint64_t sent = impostor->home.sent.bytes;
        uint64_t received = impostor->home.received.bytes;
        if (impostor_make_chunks(impostor, impostor_block_number(impostor), 0x0a) == 0) {
            return impostor_failed(impostor, "the chunks could not be made");
        }
        for (int i = 0; i < 10; i++) {
            switch (kind) {
            case FAMA_KIND_ALIVE:
                impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
                break;
            case FAMA_KIND_CHUNK:
                datagram = impostor_chunks[0];
                break;
            case FAMA_KIND_DIGEST:
                impostor_make_digest(&impostor->voice, 0, &datagram);
                break;
            case FAMA_KIND_REQUEST:
                impostor_make_request(&impostor->voice, 0, impostor->channel_tag, 1, &datagram);
                break;
            case FAMA_KIND_STATEINFO:
                impostor_make_stateinfo(&impostor->voice, &stateinfo, &datagram);
                break;
            default:
                memset(datagram.bytes, 0xa5, datagram.len);
                break;
            }
            if (!impostor_send_all(impostor, &datagram)) {
                return impostor_stopped(impostor);
            }
        }
        impostor_listen(impostor, ANSWER_MS);
        if (impostor->home.received.bytes - received > impostor->home.sent.bytes - sent) {
            char words[128];
            snprintf(words, sizeof(words), "more bytes came back than were sent: %s", names[kind]);
            impostor_violation(impostor, words);
        }
    }
    return 0;
}

/* A member signs somebody else's address as its own. What the victim gets is measured, not judged. */
int impostor_victim_endpoint(struct impostor *impostor)
{
    struct impostor_datagram datagram;
    impostor_make_alive(&impostor->voice, &impostor->other.endpoint, &datagram);
    if (!impostor_send_all(impostor, &datagram)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, 3 * ANSWER_MS);
    return 0;
}
