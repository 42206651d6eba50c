#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/net/impostor_attacks.h"

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
    struct impostor_datagram datagrams[4];
    uint8_t body[64] = {0};
    const struct fama_stateinfo stateinfo = {.channel = impostor->channel_tag, .height = 1};
    impostor_make_stateinfo(&impostor->voice, &stateinfo, &datagrams[0]);
    impostor_make_digest(&impostor->voice, 0, &datagrams[1]);
    size_t len = impostor_make_request(impostor->channel_tag, 1, body, sizeof(body));
    impostor_make_bare(FAMA_KIND_REQUEST, fama_bytes(body, len), &datagrams[2]);
    const struct fama_keys keys = {.step = FAMA_KEYS_WANTED, .channel = impostor->channel_tag};
    len = fama_wire_keys_write(&keys, body, sizeof(body));
    impostor_make_bare(FAMA_KIND_KEYS, fama_bytes(body, len), &datagrams[3]);
    for (int i = 0; i < 4; i++) {
        if (!impostor_send_all(impostor, &datagrams[i])) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

int impostor_stranger_chunk(struct impostor *impostor)
{
    return impostor_send_chunks(
        impostor, impostor_make_chunks(impostor, impostor_block_number(impostor), 0x11));
}

/* Chunks in a member's name, signed by us, of one of its epochs, sealed with a key that we made up. */
static int in_a_members_name(struct impostor *impostor, uint32_t epoch)
{
    uint8_t bytes[FAMA_CHANNEL_KEY_BYTES], channel[FAMA_SHA256_BYTES];
    struct fama_channel_key *key = NULL;
    if (!impostor->has_claimed_origin) {
        return impostor_failed(impostor, "--origin says in whose name");
    }
    fama_channel_digest(impostor->channel, channel);
    const struct fama_channel_key_setup setup = {.channel_digest = channel,
                                                 .maker_pki_id = impostor->claimed_origin,
                                                 .epoch = epoch,
                                                 .bytes = bytes};
    if (epoch != 0 && (RAND_bytes(bytes, sizeof(bytes)) != 1 ||
                       (key = fama_channel_key_create(&setup)) == NULL)) {
        return impostor_failed(impostor, "no key could be made");
    }
    struct impostor_cut cut = {.origin_pki_id = impostor->claimed_origin,
                               .number = impostor_block_number(impostor),
                               .key = key};
    uint32_t count = impostor_make_chunks_as(impostor, &cut, 0x22);
    fama_channel_key_release(key);
    return impostor_send_chunks(impostor, count);
}

int impostor_unsealed_chunk(struct impostor *impostor)
{
    return in_a_members_name(impostor, 0);
}

int impostor_forged_seal(struct impostor *impostor)
{
    return impostor->epoch != 0
               ? in_a_members_name(impostor, (uint32_t)impostor->epoch)
               : impostor_failed(impostor, "--epoch says which key the origin has");
}

int impostor_unknown_epoch(struct impostor *impostor)
{
    static const uint32_t epochs[] = {1, 2, UINT32_MAX};
    int status = 0;
    for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]) && status == 0; i++) {
        status = in_a_members_name(impostor, epochs[i]);
    }
    return status;
}

/* ---- Sessions that are none ---- */

int impostor_unknown_session(struct impostor *impostor)
{
    for (uint64_t i = 0; i < 64; i++) {
        uint64_t id = 0;
        size_t inner = 16 + 20 * i;
        struct impostor_datagram datagram = {.len = inner + FAMA_WIRE_SEALED_OVERHEAD};
        if (RAND_bytes((uint8_t *)&id, sizeof(id)) != 1 ||
            RAND_bytes(datagram.bytes, (int)datagram.len) != 1 ||
            fama_wire_sealed_write(id | 1, FAMA_STREAM_CONTROL, i, inner, datagram.bytes) == 0) {
            return impostor_failed(impostor, "no datagram could be made");
        }
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

static bool are_named(struct impostor *impostor)
{
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        if (!impostor->targets[i].is_named) {
            return false;
        }
    }
    return impostor->has_claimed_origin;
}

/* From the second address, whose owner cannot read what comes back: all that it gets is weighed. */
int impostor_unproved_handshake(struct impostor *impostor)
{
    static const uint8_t records[600] = {22, 0xfe, 0xfd};
    if (!are_named(impostor)) {
        return impostor_failed(impostor, "--origin and --target-id say in whose name and to whom");
    }
    fama_tag member = fama_tag_of(impostor->claimed_origin);
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        const struct impostor_target *target = &impostor->targets[i];
        const struct fama_session_message messages[] = {
            {.step = FAMA_SESSION_HELLO, .sender = member, .target = target->tag, .handshake = 1},
            {.step = FAMA_SESSION_HELLO, .sender = member, .target = target->tag, .handshake = 2},
            {.step = FAMA_SESSION_HELLO, .sender = 42, .target = target->tag, .handshake = 3},
            {.step = FAMA_SESSION_HELLO, .sender = member, .target = 42, .handshake = 4},
            {.step = FAMA_SESSION_INITIATOR_RECORDS,
             .sender = member,
             .target = target->tag,
             .handshake = 1,
             .cookie = {7},
             .bytes = fama_bytes(records, sizeof(records))},
            {.step = FAMA_SESSION_RESPONDER_RECORDS,
             .sender = member,
             .target = target->tag,
             .handshake = 1,
             .bytes = fama_bytes(records, sizeof(records))},
        };
        for (size_t k = 0; k < sizeof(messages) / sizeof(messages[0]); k++) {
            struct impostor_datagram datagram;
            impostor_make_handshake(&messages[k], &datagram);
            if (datagram.len == 0 ||
                !impostor_send(impostor, &impostor->other, &target->endpoint, &datagram)) {
                return impostor_stopped(impostor);
            }
        }
    }
    impostor_listen(impostor, 3 * ANSWER_MS);
    /* Two hellos and the records behind a wrong cookie have an answer at each target, a cookie: less than
     * half of a hello, which is the shortest of them. */
    uint64_t hello = FAMA_WIRE_SESSION_BYTES + FAMA_WIRE_HELLO_BYTES;
    if (impostor->other.received.bytes > 3 * impostor->target_count * hello / 2) {
        impostor_violation(impostor, "an address that has proved nothing gets more than it sent");
    }
    return 0;
}

/* Hellos, and records behind invented cookies, as fast as the pace allows. */
int impostor_handshake_flood(struct impostor *impostor)
{
    static const uint8_t records[100] = {22, 0xfe, 0xfd};
    if (!are_named(impostor)) {
        return impostor_failed(impostor, "--origin and --target-id say in whose name and to whom");
    }
    for (uint64_t i = 0; i < impostor->count; i++) {
        const struct impostor_target *target = &impostor->targets[i / 2 % impostor->target_count];
        struct fama_session_message message = {
            .step = i % 2 == 0 ? FAMA_SESSION_HELLO : FAMA_SESSION_INITIATOR_RECORDS,
            .sender = fama_tag_of(impostor->claimed_origin),
            .target = target->tag,
            .handshake = i + 1,
        };
        if (message.step == FAMA_SESSION_INITIATOR_RECORDS) {
            message.cookie[0] = 1;
            message.bytes = fama_bytes(records, sizeof(records));
        }
        struct impostor_datagram datagram;
        impostor_make_handshake(&message, &datagram);
        if (!impostor_send(impostor, &impostor->home, &target->endpoint, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    if (impostor->home.received.bytes > impostor->home.sent.bytes / 2) {
        impostor_violation(impostor, "a flood of handshakes is answered with more than half of it");
    }
    return 0;
}

/* The whole handshake, cookie and all, but the certificate is ours and the name is not. */
int impostor_stolen_name(struct impostor *impostor)
{
    if (!are_named(impostor)) {
        return impostor_failed(impostor, "--origin and --target-id say in whose name and to whom");
    }
    /* Who we speak to is told by its alive message, which it sends to members only: introduce ourselves. */
    struct impostor_datagram datagram;
    int status = impostor_party_open(impostor, impostor->claimed_origin);
    uint64_t until_ms = impostor_now_ms() + MEET_MS;
    uint32_t met = 0;
    while (status == 0 && met < impostor->target_count && impostor_now_ms() < until_ms) {
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, &datagram);
        if (!impostor_send_all(impostor, &datagram)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS);
        met = 0;
        for (uint32_t i = 0; i < impostor->target_count; i++) {
            met += impostor->targets[i].is_met;
        }
    }
    if (status == 0 && met < impostor->target_count) {
        return impostor_failed(impostor, "a target did not introduce itself");
    }
    until_ms = impostor_now_ms() + MEET_MS;
    while (status == 0 && impostor_now_ms() < until_ms &&
           impostor_party_failures(impostor) < impostor->target_count) {
        for (uint32_t i = 0; i < impostor->target_count; i++) {
            if (impostor_party_has_session(impostor, &impostor->targets[i])) {
                impostor_violation(impostor, "a session in somebody else's name");
                return 0;
            }
        }
        impostor_listen(impostor, ANSWER_MS);
    }
    if (status == 0 && impostor_party_failures(impostor) == 0) {
        status = impostor_failed(impostor, "no handshake came to its end");
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
    static const uint8_t versions[] = {0, 1, 3, 255};
    return with_byte(impostor, AT_VERSION, versions, sizeof(versions));
}

int impostor_wrong_kind(struct impostor *impostor)
{
    static const uint8_t kinds[] = {0, FAMA_KIND_REQUEST, FAMA_KIND_KEYS, 9, 127, 128, 255};
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
        {AT_CHUNK_BYTES, {0x22, 0x09}, 2}, /* 8713: one more than there may be */
        {AT_CHUNK_BYTES, {0xff, 0xff}, 2},
        {AT_SET, {0, 1}, 2},
        {AT_SET, {0xff, 0xff}, 2},
        {AT_INDEX, {63}, 1},
        {AT_INDEX, {255}, 1},
        {AT_DATA_CHUNKS, {0}, 1},
        {AT_DATA_CHUNKS, {64}, 1},
        {AT_DATA_CHUNKS, {255}, 1},
        {AT_PARITY_CHUNKS, {0}, 1},
        {AT_PARITY_CHUNKS, {33}, 1},
        {AT_PARITY_CHUNKS, {255}, 1},
        {AT_PARITY, {33}, 1},
        {AT_PARITY, {255}, 1},
        {AT_KEY_EPOCH, {0, 0, 0, 1}, 4}, /* sealed, and too short for it */
        {AT_ZERO, {0x80}, 1},
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
                                      (uint8_t)(1 + random() % FAMA_KIND_KEYS),
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

/* A datagram of each kind, as somebody can make it who has not been admitted. */
static void make_any(struct impostor *impostor, int kind, struct impostor_datagram *datagram)
{
    static const uint8_t body[40] = {FAMA_KEYS_WANTED};
    const struct fama_stateinfo stateinfo = {.channel = impostor->channel_tag, .height = 1};
    const struct fama_session_message hello = {.step = FAMA_SESSION_HELLO,
                                               .sender = fama_tag_of(impostor->claimed_origin),
                                               .target = impostor->targets[0].tag,
                                               .handshake = impostor->voice.sequence};
    switch (kind) {
    case FAMA_KIND_ALIVE:
        impostor_make_alive(&impostor->voice, &impostor->home.endpoint, datagram);
        break;
    case FAMA_KIND_CHUNK:
        *datagram = impostor_chunks[0];
        break;
    case FAMA_KIND_DIGEST:
        impostor_make_digest(&impostor->voice, 0, datagram);
        break;
    case FAMA_KIND_STATEINFO:
        impostor_make_stateinfo(&impostor->voice, &stateinfo, datagram);
        break;
    case FAMA_KIND_REQUEST:
    case FAMA_KIND_KEYS:
        impostor_make_bare((enum fama_kind)kind, fama_bytes(body, sizeof(body)), datagram);
        break;
    case FAMA_KIND_SESSION:
        impostor->voice.sequence++;
        impostor_make_handshake(&hello, datagram);
        break;
    case FAMA_KIND_SEALED:
        datagram->len = 200;
        memset(datagram->bytes, 0x3c, datagram->len);
        (void)fama_wire_sealed_write(7, FAMA_STREAM_CONTROL, 1,
                                     datagram->len - FAMA_WIRE_SEALED_OVERHEAD, datagram->bytes);
        break;
    default:
        datagram->len = 64;
        memset(datagram->bytes, 0xa5, datagram->len);
        break;
    }
}

/* Each kind by somebody who has not been admitted, then what comes back is weighed. Only hellos have an
 * answer at all. */
int impostor_amplification(struct impostor *impostor)
{
    if (impostor_make_chunks(impostor, impostor_block_number(impostor), 0x0a) == 0) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    for (int kind = 0; kind < IMPOSTOR_KINDS; kind++) {
        uint64_t sent = impostor->home.sent.bytes;
        uint64_t received = impostor->home.received.bytes;
        for (int i = 0; i < 10; i++) {
            struct impostor_datagram datagram;
            make_any(impostor, kind, &datagram);
            if (!impostor_send_all(impostor, &datagram)) {
                return impostor_stopped(impostor);
            }
        }
        impostor_listen(impostor, ANSWER_MS);
        sent = impostor->home.sent.bytes - sent;
        received = impostor->home.received.bytes - received;
        uint64_t bearable = kind == FAMA_KIND_SESSION ? sent / 2 : 0;
        if (received > bearable) {
            char words[128];
            snprintf(words, sizeof(words), "kind %d: %llu bytes came back for %llu", kind,
                     (unsigned long long)received, (unsigned long long)sent);
            impostor_violation(impostor, words);
        }
    }
    return 0;
}

/* A member signs somebody else's address as its own. What the victim gets is weighed by who knows how many nodes
 * there are. */
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
