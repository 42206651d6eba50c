#include "ledger/block_codec.h"

#include <stdlib.h>

#include "ledger/proto_reader.h"
#include "ledger/varint.h"

#define CODEC_VERSION      1
#define COPY_BYTES_MIN     48 /* shorter ones cost as much as they save */
#define SEEN_SLOTS         1024 /* a power of two: different strings of one block that are remembered */
#define SAMPLE_BYTES       8
#define VARINT_BYTES_MAX   10
#define HEAD_BYTES_MAX     (1 + 2 * VARINT_BYTES_MAX)
#define COPY_BYTES_ENCODED (3 * VARINT_BYTES_MAX)

/* Fields on the way to what repeats; messages of common, peer. */
#define ENVELOPE_PAYLOAD         1
#define PAYLOAD_HEADER           1
#define PAYLOAD_DATA             2
#define HEADER_SIGNATURE_HEADER  2
#define SIGNATURE_HEADER_CREATOR 1
#define TRANSACTION_ACTIONS      1
#define ACTION_HEADER            1
#define ACTION_PAYLOAD           2
#define ACTION_PAYLOAD_ACTION    2
#define ENDORSED_ENDORSEMENTS    2
#define ENDORSEMENT_ENDORSER     1

struct seen {
    uint64_t block; /* the packer's count of blocks: older entries are void */
    uint64_t digest;
    struct fama_bytes bytes;
};

struct fama_block_packer {
    struct seen seen[SEEN_SLOTS];
    uint64_t blocks;
    const uint8_t *start;   /* of the block */
    const uint8_t *literal; /* of what is not yet in a piece */
    bool is_out_of_memory;
    uint8_t *head; /* the first piece; copies are encoded at head + HEAD_BYTES_MAX */
    size_t head_len;
    size_t head_size;
    const char **pieces; /* [0] is the head */
    size_t *lens;
    size_t piece_count;
    size_t piece_size;
    size_t copy_count;
};

struct fama_block_packer *fama_block_packer_create(void)
{
    return calloc(1, sizeof(struct fama_block_packer));
}

void fama_block_packer_destroy(struct fama_block_packer *packer)
{
    if (packer != NULL) {
        free(packer->head);
        free(packer->pieces);
        free(packer->lens);
        free(packer);
    }
}

/* Room for `more` bytes of head; memory once taken is kept. */
static bool grow_head(struct fama_block_packer *packer, size_t more)
{
    if (packer->head_size - packer->head_len >= more) {
        return true;
    }
    size_t size = 2 * packer->head_size + more + 4096;
    uint8_t *head = realloc(packer->head, size);
    if (head == NULL) {
        return false;
    }
    packer->head = head;
    packer->head_size = size;
    return true;
}

static bool grow_pieces(struct fama_block_packer *packer, size_t more)
{
    if (packer->piece_size - packer->piece_count >= more) {
        return true;
    }
    size_t size = 2 * packer->piece_size + more + 64;
    const char **pieces = realloc(packer->pieces, size * sizeof *pieces);
    if (pieces == NULL) {
        return false;
    }
    packer->pieces = pieces;
    size_t *lens = realloc(packer->lens, size * sizeof *lens);
    if (lens == NULL) {
        return false;
    }
    packer->lens = lens;
    packer->piece_size = size;
    return true;
}

static void add_piece(struct fama_block_packer *packer, const uint8_t *at, size_t len)
{
    if (len > 0) {
        packer->pieces[packer->piece_count] = (const char *)at;
        packer->lens[packer->piece_count] = len;
        packer->piece_count++;
    }
}

/* The bytes at `repeated` are those at `first`. Two pieces of room: the last literal needs one. */
static void add_copy(struct fama_block_packer *packer, const uint8_t *first,
                     struct fama_bytes repeated)
{
    if (repeated.at < packer->literal || packer->is_out_of_memory) {
        return;
    }
    if (!grow_head(packer, COPY_BYTES_ENCODED) || !grow_pieces(packer, 2)) {
        packer->is_out_of_memory = true;
        return;
    }
    size_t literal_len = (size_t)(repeated.at - packer->literal);
    uint8_t *at = packer->head + packer->head_len;
    at += fama_varint_put(at, literal_len);
    at += fama_varint_put(at, (size_t)(first - packer->start));
    at += fama_varint_put(at, repeated.len);
    packer->head_len = (size_t)(at - packer->head);
    add_piece(packer, packer->literal, literal_len);
    packer->literal = repeated.at + repeated.len;
    packer->copy_count++;
}

static uint64_t sample(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Tells strings apart by their length and a few places inside. Certificates of one authority begin and
 * end alike: keys and signatures lie between. */
static uint64_t digest_of(struct fama_bytes bytes)
{
    uint64_t digest = bytes.len * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t part = 1; part <= 4; part++) {
        digest ^= sample(bytes.at + (bytes.len - SAMPLE_BYTES) * part / 5);
        digest *= UINT64_C(0xff51afd7ed558ccd);
        digest ^= digest >> 32;
    }
    return digest;
}

/* Strings are offered in the order in which they stand, and none lies in another. */
static void offer(struct fama_block_packer *packer, struct fama_bytes bytes)
{
    if (bytes.len < COPY_BYTES_MIN) {
        return;
    }
    uint64_t digest = digest_of(bytes);
    struct seen *seen = &packer->seen[digest & (SEEN_SLOTS - 1)];
    if (seen->block == packer->blocks && seen->digest == digest &&
        fama_bytes_equal(seen->bytes, bytes)) {
        add_copy(packer, seen->bytes.at, bytes);
    } else {
        *seen = (struct seen){.block = packer->blocks, .digest = digest, .bytes = bytes};
    }
}

static void offer_signature_header(struct fama_block_packer *packer, struct fama_bytes header)
{
    struct fama_proto_reader reader = fama_proto_reader(header);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, SIGNATURE_HEADER_CREATOR)) {
            offer(packer, field.value);
        }
    }
}

static void offer_endorsements(struct fama_block_packer *packer, struct fama_bytes endorsed)
{
    struct fama_proto_reader reader = fama_proto_reader(endorsed);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, ENDORSED_ENDORSEMENTS)) {
            continue;
        }
        struct fama_proto_reader inner = fama_proto_reader(field.value);
        while (fama_proto_next(&inner, &field)) {
            if (fama_proto_is_len(&field, ENDORSEMENT_ENDORSER)) {
                offer(packer, field.value);
            }
        }
    }
}

/* `header` is the payload's signature header, which clients use for their action too. */
static void offer_action(struct fama_block_packer *packer, struct fama_bytes action,
                         struct fama_bytes header)
{
    struct fama_proto_reader reader = fama_proto_reader(action);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, ACTION_HEADER)) {
            if (header.len >= COPY_BYTES_MIN && fama_bytes_equal(field.value, header)) {
                add_copy(packer, header.at, field.value);
            } else {
                offer_signature_header(packer, field.value);
            }
        } else if (fama_proto_is_len(&field, ACTION_PAYLOAD)) {
            struct fama_proto_reader inner = fama_proto_reader(field.value);
            while (fama_proto_next(&inner, &field)) {
                if (fama_proto_is_len(&field, ACTION_PAYLOAD_ACTION)) {
                    offer_endorsements(packer, field.value);
                }
            }
        }
    }
}

static void offer_payload(struct fama_block_packer *packer, struct fama_bytes payload)
{
    struct fama_proto_reader reader = fama_proto_reader(payload);
    struct fama_proto_field field;
    struct fama_bytes header = {0};
    while (fama_proto_next(&reader, &field)) {
        bool is_header = fama_proto_is_len(&field, PAYLOAD_HEADER);
        if (!is_header && !fama_proto_is_len(&field, PAYLOAD_DATA)) {
            continue;
        }
        struct fama_proto_reader inner = fama_proto_reader(field.value);
        while (fama_proto_next(&inner, &field)) {
            if (is_header && fama_proto_is_len(&field, HEADER_SIGNATURE_HEADER)) {
                header = field.value;
                offer_signature_header(packer, header);
            } else if (!is_header && fama_proto_is_len(&field, TRANSACTION_ACTIONS)) {
                offer_action(packer, field.value, header);
            }
        }
    }
}

static void offer_envelope(struct fama_block_packer *packer, struct fama_bytes envelope)
{
    struct fama_proto_reader reader = fama_proto_reader(envelope);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, ENVELOPE_PAYLOAD)) {
            offer_payload(packer, field.value);
        }
    }
}

/* The numbers that come first are known last: they are put right before the copies. */
static void finish_head(struct fama_block_packer *packer, size_t block_len)
{
    uint8_t numbers[HEAD_BYTES_MAX];
    uint8_t *at = numbers;
    *at++ = CODEC_VERSION;
    at += fama_varint_put(at, block_len);
    at += fama_varint_put(at, packer->copy_count);
    size_t len = (size_t)(at - numbers);
    uint8_t *head = packer->head + HEAD_BYTES_MAX - len;
    memcpy(head, numbers, len);
    packer->pieces[0] = (const char *)head;
    packer->lens[0] = packer->head_len - (HEAD_BYTES_MAX - len);
}

int fama_block_pack(struct fama_block_packer *packer, const struct fama_block *block,
                    struct fama_block_pieces *pieces)
{
    *pieces = (struct fama_block_pieces){0};
    packer->blocks++;
    packer->start = block->bytes.at;
    packer->literal = block->bytes.at;
    packer->is_out_of_memory = false;
    packer->head_len = 0;
    packer->piece_count = 0;
    packer->copy_count = 0;
    if (!grow_head(packer, HEAD_BYTES_MAX) || !grow_pieces(packer, 2)) {
        return FAMA_BLOCK_CODEC_NO_MEMORY;
    }
    packer->head_len = HEAD_BYTES_MAX;
    packer->piece_count = 1;
    for (size_t i = 0; i < block->envelope_count && !packer->is_out_of_memory; i++) {
        offer_envelope(packer, block->envelopes[i]);
    }
    add_piece(packer, packer->literal,
              block->bytes.len - (size_t)(packer->literal - packer->start));
    finish_head(packer, block->bytes.len);
    *pieces = (struct fama_block_pieces){
        .at = packer->pieces, .lens = packer->lens, .count = packer->piece_count};
    return 0;
}

/* What is being read; a number that does not decode ends everything. */
struct unpacking {
    struct fama_bytes rest;
    bool is_damaged;
};

static uint64_t take_varint(struct unpacking *unpacking)
{
    uint64_t number = 0;
    struct fama_bytes rest = unpacking->rest;
    for (size_t i = 0; i < rest.len && i < VARINT_BYTES_MAX; i++) {
        if (i == VARINT_BYTES_MAX - 1 && rest.at[i] > 1) {
            break;
        }
        number |= (uint64_t)(rest.at[i] & 0x7f) << (7 * i);
        if (rest.at[i] < 0x80) {
            unpacking->rest = fama_bytes(rest.at + i + 1, rest.len - i - 1);
            return number;
        }
    }
    unpacking->is_damaged = true;
    return 0;
}

/* Where the literals begin: after as many numbers as there are copies for. */
static struct fama_bytes find_literals(struct unpacking copies, uint64_t copy_count)
{
    size_t numbers = 0;
    size_t at = 0;
    while (at < copies.rest.len && numbers / 3 < copy_count) {
        numbers += copies.rest.at[at] < 0x80;
        at++;
    }
    return numbers / 3 < copy_count ? fama_bytes(NULL, 0)
                                    : fama_bytes(copies.rest.at + at, copies.rest.len - at);
}

static bool put_literal(uint8_t *block, size_t block_len, size_t *done, struct fama_bytes *literals,
                        uint64_t len)
{
    if (len > block_len - *done || len > literals->len) {
        return false;
    }
    if (len > 0) {
        memcpy(block + *done, literals->at, (size_t)len);
        *done += (size_t)len;
        *literals = fama_bytes(literals->at + len, literals->len - (size_t)len);
    }
    return true;
}

static bool unpack_into(struct unpacking copies, uint64_t copy_count, uint8_t *block,
                        size_t block_len)
{
    struct fama_bytes literals = find_literals(copies, copy_count);
    size_t done = 0;
    for (uint64_t i = 0; i < copy_count; i++) {
        uint64_t literal_len = take_varint(&copies);
        uint64_t from = take_varint(&copies);
        uint64_t len = take_varint(&copies);
        if (copies.is_damaged || !put_literal(block, block_len, &done, &literals, literal_len) ||
            from > done || len > done - from || len > block_len - done) {
            return false;
        }
        memcpy(block + done, block + from, (size_t)len);
        done += (size_t)len;
    }
    return literals.len == block_len - done &&
           put_literal(block, block_len, &done, &literals, literals.len);
}

int fama_block_unpack(struct fama_bytes stored, size_t limit, uint8_t **bytes, size_t *len)
{
    *bytes = NULL;
    *len = 0;
    if (stored.len == 0 || stored.at[0] != CODEC_VERSION) {
        return FAMA_BLOCK_CODEC_DAMAGED;
    }
    struct unpacking unpacking = {.rest = fama_bytes(stored.at + 1, stored.len - 1)};
    uint64_t block_len = take_varint(&unpacking);
    uint64_t copy_count = take_varint(&unpacking);
    if (unpacking.is_damaged || block_len > limit || copy_count > stored.len / 3) {
        return FAMA_BLOCK_CODEC_DAMAGED;
    }
    uint8_t *block = malloc(block_len > 0 ? (size_t)block_len : 1);
    if (block == NULL) {
        return FAMA_BLOCK_CODEC_NO_MEMORY;
    }
    if (!unpack_into(unpacking, copy_count, block, (size_t)block_len)) {
        free(block);
        return FAMA_BLOCK_CODEC_DAMAGED;
    }
    *bytes = block;
    *len = (size_t)block_len;
    return 0;
}
