#include <stdio.h>
#include <stdlib.h>

#include "tests/net/impostor_attacks.h"

#define FAR_AHEAD      1000000
#define HOARD_BLOCKS   48
#define HOLD_UP_MS     8000
#define HOLD_UP_BLOCKS 4
#define COPIES         64
#define LEAD           16 /* blocks between a refusal and the chunk that tries again */

/* ---- Members that lie about chunks ---- */

/* Chunks of the channel's origin, sealed with its key: first signed by us, then by nobody. */
int impostor_forged_root(struct impostor *impostor)
{
    struct fama_channel_key *key = impostor_party_key_of(
        impostor, impostor->has_claimed_origin ? fama_tag_of(impostor->claimed_origin) : 0, 0);
    if (key == NULL || !impostor->has_claimed_origin) {
        return impostor_failed(impostor, "no key of the origin (--origin) was handed to us");
    }
    struct impostor_cut cut = {.origin_pki_id = impostor->claimed_origin,
                               .number = impostor_block_number(impostor),
                               .key = key};
    int status = impostor_send_chunks(impostor, impostor_make_chunks_as(impostor, &cut, 0x22));
    cut.number++;
    cut.has_garbage_signature = true;
    return status == 0
               ? impostor_send_chunks(impostor, impostor_make_chunks_as(impostor, &cut, 0x23))
               : status;
}

/* All but one data chunk and all parity: what is decoded is encoded again, and is not what was signed. */
int impostor_polluted_set(struct impostor *impostor)
{
    struct impostor_cut cut = {.origin_pki_id = impostor->identity.pki_id,
                               .number = impostor_block_number(impostor),
                               .key = impostor_party_key(impostor),
                               .is_polluted = true};
    uint32_t count = impostor_make_chunks_as(impostor, &cut, 0x24);
    if (count < 4) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    impostor_chunks[0] = impostor_chunks[count - 1];
    return impostor_send_chunks(impostor, count - 1);
}

/* A good chunk makes the root known; then others of the set with a payload or a proof that is not its: as it
 * is signed before it is sealed, the whole set is made twice. */
int impostor_bad_merkle(struct impostor *impostor)
{
    struct impostor_datagram good, other;
    uint64_t number = impostor_block_number(impostor);
    if (impostor_make_chunks(impostor, number, 0x55) < 4) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    good = impostor_chunks[0];
    struct impostor_cut cut = {.origin_pki_id = impostor->identity.pki_id,
                               .number = number,
                               .key = impostor_party_key(impostor),
                               .has_garbage_signature = true};
    if (impostor_make_chunks_as(impostor, &cut, 0x56) < 4) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    other = impostor_chunks[1];
    if (!impostor_send_all(impostor, &good)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, VIEW_MS);
    if (!impostor_send_all(impostor, &other)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, VIEW_MS);
    return 0;
}

/* Each of another place in the set: one of a place that is taken is a duplicate, whatever is in it. */
int impostor_equivocation(struct impostor *impostor)
{
    uint64_t number = impostor_block_number(impostor);
    for (uint32_t i = 0; i < 3; i++) {
        if (impostor_make_chunks(impostor, number, (uint8_t)(0x66 + i)) <= i) {
            return impostor_failed(impostor, "the chunks could not be made");
        }
        if (!impostor_send_all(impostor, &impostor_chunks[i])) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS);
    }
    return 0;
}

int impostor_too_big(struct impostor *impostor)
{
    static const uint32_t sizes[] = {1u << 28, 1u << 29};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct impostor_cut cut = {
            .signer = &impostor->identity,
            .origin_pki_id = impostor->identity.pki_id,
            .channel = impostor->channel,
            .number = impostor_block_number(impostor),
            .block_bytes = sizes[i],
            .chunk_bytes = FAMA_CHUNK_BYTES_MAX / 8,
            .key = impostor_party_key(impostor),
        };
        if (impostor_cut_set(&cut, 0, impostor_chunks) == 0) {
            return impostor_failed(impostor, "the chunks could not be made");
        }
        if (!impostor_send_all(impostor, &impostor_chunks[0])) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

static int one_chunk_of(struct impostor *impostor, uint64_t number)
{
    if (impostor_make_chunks(impostor, number, 0x77) == 0) {
        return impostor_failed(impostor, "the chunks could not be made");
    }
    return impostor_send_all(impostor, &impostor_chunks[0]) ? 0 : impostor_stopped(impostor);
}

int impostor_ahead(struct impostor *impostor)
{
    const uint64_t numbers[] = {impostor_height(impostor) + FAR_AHEAD, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int status = one_chunk_of(impostor, numbers[i]);
        if (status != 0) {
            return status;
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

int impostor_stale(struct impostor *impostor)
{
    int status = one_chunk_of(impostor, 0);
    impostor_listen(impostor, ANSWER_MS);
    return status;
}

/* The channel is looked at before the seal. */
int impostor_other_channel(struct impostor *impostor)
{
    uint32_t count = impostor_make_chunks(impostor, impostor_block_number(impostor), 0x77);
    for (uint32_t i = 0; i < count; i++) {
        impostor_chunks[i].bytes[AT_CHANNEL] ^= 1;
    }
    return impostor_send_chunks(impostor, count);
}

/* One chunk each of many blocks that will never be whole: places for blocks are few. */
int impostor_hoard(struct impostor *impostor)
{
    uint64_t first = impostor_height(impostor);
    for (uint64_t number = first; number < first + HOARD_BLOCKS; number++) {
        int status = one_chunk_of(impostor, number);
        if (status != 0) {
            return status;
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

/* One chunk of each block shortly before the good one comes, for as long as patience lasts: every block then
 * has two cuts, and the wrong one was first. */
int impostor_hold_up(struct impostor *impostor)
{
    uint64_t until_ms = impostor_now_ms() + HOLD_UP_MS;
    uint64_t next = impostor_height(impostor);
    while (impostor_now_ms() < until_ms) {
        uint64_t end = impostor_height(impostor) + HOLD_UP_BLOCKS;
        for (; next < end; next++) {
            int status = one_chunk_of(impostor, next);
            if (status != 0) {
                return status;
            }
        }
        impostor_listen(impostor, 10);
    }
    return 0;
}

/* The last set of a block whose first chunks have just come, with other bytes in it and honestly signed: a
 * block that two origins have made. */
static int push_other_set(struct impostor *impostor, const struct fama_chunk *seen)
{
    struct fama_geometry shape;
    if (!fama_geometry(seen->block_bytes, seen->chunk_bytes, &shape)) {
        return 0;
    }
    const struct impostor_cut cut = {
        .signer = &impostor->identity,
        .origin_pki_id = impostor->identity.pki_id,
        .channel = impostor->channel,
        .number = seen->block,
        .block_bytes = seen->block_bytes,
        .chunk_bytes = seen->chunk_bytes,
        .key = impostor_party_key(impostor),
    };
    uint32_t count = impostor_cut_set(&cut, (uint16_t)(shape.sets - 1), impostor_chunks);
    for (uint32_t i = 0; i < count; i++) {
        if (!impostor_send_all(impostor, &impostor_chunks[i])) {
            return impostor_stopped(impostor);
        }
    }
    return 0;
}

int impostor_pollution(struct impostor *impostor)
{
    uint64_t until_ms = impostor_now_ms() + HOLD_UP_MS;
    uint64_t done = 0;
    while (impostor_now_ms() < until_ms) {
        struct fama_chunk seen;
        impostor->chunk.len = 0;
        impostor_listen(impostor, 1);
        struct fama_bytes datagram = fama_bytes(impostor->chunk.bytes, impostor->chunk.len);
        if (fama_wire_chunk_read(datagram, &seen) != FAMA_DROP_NONE || seen.block <= done) {
            continue;
        }
        done = seen.block;
        int status = push_other_set(impostor, &seen);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* What was pushed to us, opened, with another signature and sealed again as its origin would. */
static bool sign_anew(const struct impostor *impostor, struct impostor_datagram *datagram)
{
    uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX], payload[FAMA_CHUNK_BYTES_MAX];
    struct fama_chunk chunk;
    if (fama_wire_chunk_read(fama_bytes(datagram->bytes, datagram->len), &chunk) !=
        FAMA_DROP_NONE) {
        return false;
    }
    const struct fama_channel_key *key =
        impostor_party_key_of(impostor, chunk.origin, chunk.key_epoch);
    if (key == NULL || !fama_chunk_open(key, datagram->bytes, &chunk, proof, payload)) {
        return false;
    }
    proof[FAMA_SIGNATURE_BYTES - 1] ^= 1;
    datagram->len = fama_chunk_seal(key, &chunk, datagram->bytes, sizeof(datagram->bytes));
    return datagram->len > 0;
}

/* Chunks that were pushed to us go on to the targets with another signature, or another payload. */
int impostor_spoilt_copies(struct impostor *impostor)
{
    uint64_t until_ms = impostor_now_ms() + MEET_MS;
    uint32_t copies = 0;
    while (copies < COPIES && impostor_now_ms() < until_ms) {
        impostor->chunk.len = 0;
        impostor_listen(impostor, 5);
        if (impostor->chunk.len == 0) {
            continue;
        }
        struct impostor_datagram by_nobody = impostor->chunk;
        struct impostor_datagram of_nothing = impostor->chunk;
        of_nothing.bytes[of_nothing.len - 1] ^= 1;
        if ((sign_anew(impostor, &by_nobody) && !impostor_send_all(impostor, &by_nobody)) ||
            !impostor_send_all(impostor, &of_nothing)) {
            return impostor_stopped(impostor);
        }
        copies++;
    }
    return copies > 0 ? 0 : impostor_failed(impostor, "nothing was pushed to us");
}

static void raise_block(struct impostor_datagram *datagram, uint8_t by)
{
    uint8_t *at = datagram->bytes + AT_BLOCK + 7;
    *at += by;
    for (bool carries = *at < by; carries && at > datagram->bytes + AT_BLOCK; carries = *at == 0) {
        at--;
        ++*at;
    }
}

/* One chunk that was pushed to us: elsewhere than it was sealed for, and, when its block is done, again. */
int impostor_replayed_chunks(struct impostor *impostor)
{
    static const size_t places[] = {AT_KEY_EPOCH, AT_CHANNEL};
    uint64_t until_ms = impostor_now_ms() + MEET_MS;
    impostor->chunk.len = 0;
    while (impostor->chunk.len == 0 && impostor_now_ms() < until_ms) {
        impostor_listen(impostor, 5);
    }
    const struct impostor_datagram caught = impostor->chunk;
    if (caught.len == 0) {
        return impostor_failed(impostor, "nothing was pushed to us");
    }
    struct impostor_datagram later = caught;
    raise_block(&later, 5);
    if (!impostor_send_all(impostor, &later)) {
        return impostor_stopped(impostor);
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct impostor_datagram changed = caught;
        changed.bytes[places[i]] += 5;
        if (!impostor_send_all(impostor, &changed)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, MEET_MS / 2);
    if (!impostor_send_all(impostor, &caught)) {
        return impostor_stopped(impostor);
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}

/* Two newer epochs push the first one out; it may not come back, nor go to another channel. */
int impostor_key_offers(struct impostor *impostor)
{
    uint32_t first = impostor_party_key(impostor)->epoch;
    const struct {
        fama_tag channel;
        uint32_t epoch;
    } offers[] = {{impostor->channel_tag, first + 1},
                  {impostor->channel_tag, first + 2},
                  {impostor->channel_tag, first - 1},
                  {impostor->channel_tag ^ 1, first + 3}};
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        for (uint32_t k = 0; k < impostor->target_count; k++) {
            const struct impostor_target *target = &impostor->targets[k];
            struct impostor_datagram datagram;
            impostor_party_offer(impostor, target, offers[i].channel, offers[i].epoch, &datagram);
            if (datagram.len == 0 ||
                !impostor_send(impostor, &impostor->home, &target->endpoint, &datagram)) {
                return impostor_stopped(impostor);
            }
        }
        impostor_listen(impostor, VIEW_MS / 2);
    }
    return 0;
}

/* ---- Members that lie about blocks ---- */

static int read_block(struct impostor *impostor, uint64_t number, uint8_t **bytes, size_t *len)
{
    char path[4096];
    if (impostor->change == IMPOSTOR_OTHER_NUMBER) {
        number--;
    }
    int length = impostor->block_file != NULL
                     ? snprintf(path, sizeof(path), "%s", impostor->block_file)
                     : snprintf(path, sizeof(path), "%s/%06llu.block",
                                impostor->block_directory != NULL ? impostor->block_directory : ".",
                                (unsigned long long)number);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return impostor_failed(impostor, "the path of the block is too long");
    }
    return impostor_read_file(path, bytes, len, &impostor->error);
}

static int push_block(struct impostor *impostor, uint64_t number, struct fama_bytes block)
{
    const struct impostor_cut cut = {
        .signer = &impostor->identity,
        .origin_pki_id = impostor->identity.pki_id,
        .channel = impostor->channel,
        .number = number,
        .block = block,
        .chunk_bytes = impostor_chunk_bytes(),
        .parity = IMPOSTOR_PARITY,
        .key = impostor_party_key(impostor),
    };
    struct fama_geometry shape;
    if (!fama_geometry((uint32_t)block.len, cut.chunk_bytes, &shape)) {
        return impostor_failed(impostor, "the block has no size that can be sent");
    }
    for (uint32_t set = 0; set < shape.sets; set++) {
        uint32_t count = impostor_cut_set(&cut, (uint16_t)set, impostor_chunks);
        if (count == 0) {
            return impostor_failed(impostor, "the chunks could not be made");
        }
        for (uint32_t i = 0; i < count; i++) {
            if (!impostor_send_all(impostor, &impostor_chunks[i])) {
                return impostor_stopped(impostor);
            }
        }
    }
    return 0;
}

/* A whole block, honestly cut and signed, that no ledger may take. When the targets have come to it, one
 * chunk more, of a block still to come: its origin is not listened to now. */
int impostor_insider_bad_block(struct impostor *impostor)
{
    uint64_t number = impostor_block_number(impostor);
    uint8_t *original = NULL, *changed = NULL;
    size_t original_len = 0, changed_len = 0;
    int status = read_block(impostor, number, &original, &original_len);
    if (status == 0 &&
        !impostor_change_block(impostor->change, &impostor->identity,
                               fama_bytes(original, original_len), &changed, &changed_len)) {
        status = impostor_failed(impostor, "that block cannot be changed so");
    }
    if (status == 0) {
        status = push_block(impostor, number, fama_bytes(changed, changed_len));
    }
    free(original);
    free(changed);
    uint64_t until_ms = impostor_now_ms() + MEET_MS;
    while (status == 0 && impostor_height(impostor) <= number && impostor_now_ms() < until_ms) {
        impostor_listen(impostor, 50);
    }
    if (status == 0) {
        impostor_listen(impostor, ANSWER_MS);
        status = one_chunk_of(impostor, impostor_height(impostor) + LEAD);
        impostor_listen(impostor, ANSWER_MS);
    }
    return status;
}

/* ---- Requests ---- */

/* A member of organisation and channel like any other, but that its alive messages name the other address. It has
 * a session with every target from its real one, and stays while blocks flow: what is pushed to it would go where
 * nobody has asked for it. */
int impostor_victim_member(struct impostor *impostor)
{
    struct impostor_datagram alive;
    uint64_t joined_until_ms = impostor_now_ms() + JOIN_MS;
    uint64_t until_ms = 0;
    int status = impostor_party_open(impostor, impostor->identity.pki_id);
    while (status == 0 && impostor_now_ms() < (until_ms != 0 ? until_ms : joined_until_ms)) {
        impostor_make_alive(&impostor->voice, &impostor->other.endpoint, &alive);
        if (!impostor_send_all(impostor, &alive)) {
            return impostor_stopped(impostor);
        }
        impostor_listen(impostor, VIEW_MS);
        if (!impostor_state(impostor, false)) {
            return impostor_stopped(impostor);
        }
        bool all = true;
        for (uint32_t i = 0; i < impostor->target_count; i++) {
            all &= impostor_party_has_session(impostor, &impostor->targets[i]);
        }
        if (all && until_ms == 0) {
            until_ms = impostor_now_ms() + MEET_MS;
        }
        impostor_listen(impostor, VIEW_MS);
    }
    if (status == 0 && until_ms == 0) {
        return impostor_failed(impostor, "a target has no session with us");
    }
    if (impostor->other.received.kinds[FAMA_KIND_CHUNK] > 0) {
        impostor_violation(impostor, "blocks were pushed to an address that has proved nothing");
    }
    return status != 0 || impostor_state(impostor, true) ? status : impostor_stopped(impostor);
}

/* Within a session, but from an address that is not its other end's: whatever answer there is goes to the
 * address that has proved itself. The same datagram again gets none, and a broken one neither. */
int impostor_request_spoof(struct impostor *impostor)
{
    struct impostor_datagram requests[IMPOSTOR_TARGETS_MAX];
    uint8_t body[64];
    size_t len = impostor_make_request(impostor->channel_tag, 1, body, sizeof(body));
    for (uint32_t i = 0; i < impostor->target_count; i++) {
        const struct impostor_target *target = &impostor->targets[i];
        impostor_party_seal(impostor, target, FAMA_KIND_REQUEST, fama_bytes(body, len),
                            &requests[i]);
        struct impostor_datagram broken = requests[i];
        broken.bytes[broken.len - 1] ^= 1;
        if (requests[i].len == 0 ||
            !impostor_send(impostor, &impostor->other, &target->endpoint, &broken) ||
            !impostor_send(impostor, &impostor->other, &target->endpoint, &requests[i])) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, RECENT_MS);
    uint64_t answers = impostor->home.received.repair_chunks;
    if (answers == 0) {
        impostor_violation(impostor, "a good request was not answered to where its session ends");
    }
    for (int again = 0; again < 3; again++) {
        for (uint32_t i = 0; i < impostor->target_count; i++) {
            if (!impostor_send(impostor, &impostor->other, &impostor->targets[i].endpoint,
                               &requests[i])) {
                return impostor_stopped(impostor);
            }
        }
        impostor_listen(impostor, RECENT_MS);
    }
    if (impostor->home.received.repair_chunks > answers) {
        impostor_violation(impostor, "a request was answered again when it was replayed");
    }
    if (impostor->other.received.datagrams > 0) {
        impostor_violation(impostor, "something was sent to an address that has proved nothing");
    }
    return 0;
}

int impostor_request_flood(struct impostor *impostor)
{
    uint8_t body[64];
    uint64_t block = impostor->number != IMPOSTOR_NO_NUMBER ? impostor->number : 1;
    size_t len = impostor_make_request(impostor->channel_tag, block, body, sizeof(body));
    for (uint64_t i = 0; i < impostor->count; i++) {
        const struct impostor_target *target = &impostor->targets[i % impostor->target_count];
        struct impostor_datagram datagram;
        impostor_party_seal(impostor, target, FAMA_KIND_REQUEST, fama_bytes(body, len), &datagram);
        if (datagram.len == 0 ||
            !impostor_send(impostor, &impostor->home, &target->endpoint, &datagram)) {
            return impostor_stopped(impostor);
        }
    }
    impostor_listen(impostor, ANSWER_MS);
    return 0;
}
