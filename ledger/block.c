#include "ledger/block.h"

#include <stdlib.h>

#include "crypto/sha256_many.h"
#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

#define FIELDS_AHEAD 4

#define DER_INTEGER      0x02
#define DER_OCTET_STRING 0x04
#define DER_SEQUENCE     0x30

/* Calls `take` for every occurrence of the length-delimited field `number`. In the outer layers,
 * which only orderers and relaying peers write, a known field with a foreign wire type is damage.
 */
static bool each_field(struct fama_bytes message, uint32_t number, uint32_t known_fields,
                       bool (*take)(struct fama_bytes value, void *context), void *context)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        /* Fields that follow each other are envelopes, one about as long as another: where those to come
         * begin is guessed, so that their first bytes are near when it is known. */
        size_t step = 3 + field.value.len;
        if (step < reader.rest.len / FIELDS_AHEAD) {
            __builtin_prefetch(reader.rest.at + FIELDS_AHEAD * step);
        }
        if (field.number <= known_fields && field.type != FAMA_PROTO_LEN) {
            return false;
        }
        if (field.number == number && !take(field.value, context)) {
            return false;
        }
    }
    return !reader.failed;
}

struct header_progress {
    struct fama_block *block;
    bool seen;
};

static bool take_header(struct fama_bytes value, void *context)
{
    struct header_progress *progress = context;
    struct fama_block *block = progress->block;
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    progress->seen = true;
    while (fama_proto_next(&reader, &field)) {
        if (field.number > 3) {
            continue;
        }
        if (field.type != (field.number == 1 ? FAMA_PROTO_VARINT : FAMA_PROTO_LEN)) {
            return false;
        }
        if (field.number == 1) {
            block->number = field.varint;
        } else if (field.number == 2) {
            block->previous_hash = field.value;
        } else {
            block->data_hash = field.value;
        }
    }
    return !reader.failed;
}

static bool count_envelope(struct fama_bytes value, void *context)
{
    (void)value;
    struct fama_block *block = context;
    return ++block->envelope_count <= FAMA_BLOCK_TRANSACTIONS_MAX;
}

static bool keep_envelope(struct fama_bytes value, void *context)
{
    struct fama_block *block = context;
    block->envelopes[block->envelope_count++] = value;
    return true;
}

static bool count_envelopes(struct fama_bytes value, void *context)
{
    return each_field(value, 1, 1, count_envelope, context);
}

static bool keep_envelopes(struct fama_bytes value, void *context)
{
    return each_field(value, 1, 1, keep_envelope, context);
}

static bool take_slot(struct fama_bytes value, void *context)
{
    struct fama_block *block = context;
    if (block->metadata_count < FAMA_BLOCK_METADATA_SLOTS) {
        block->metadata[block->metadata_count] = value;
    }
    block->metadata_count++;
    return true;
}

static bool take_metadata(struct fama_bytes value, void *context)
{
    return each_field(value, 1, 1, take_slot, context);
}

static enum fama_block_refusal decode(struct fama_block *block)
{
    struct header_progress header = {.block = block};
    if (!each_field(block->bytes, 1, 3, take_header, &header) || !header.seen ||
        !each_field(block->bytes, 2, 3, count_envelopes, block) ||
        !each_field(block->bytes, 3, 3, take_metadata, block)) {
        return FAMA_BLOCK_MALFORMED;
    }
    if (block->envelope_count == 0) {
        return FAMA_BLOCK_ACCEPTED;
    }
    block->envelopes = calloc(block->envelope_count, sizeof(*block->envelopes));
    if (block->envelopes == NULL) {
        return FAMA_BLOCK_NO_MEMORY;
    }
    block->envelope_count = 0;
    return each_field(block->bytes, 2, 3, keep_envelopes, block) ? FAMA_BLOCK_ACCEPTED
                                                                 : FAMA_BLOCK_MALFORMED;
}

/* Writes tag and length; returns how many bytes that took (at most 6: lengths fit in 32 bits). */
static size_t der_start(uint8_t *der, uint8_t tag, size_t len)
{
    size_t at = 0;
    der[at++] = tag;
    if (len < 0x80) {
        der[at++] = (uint8_t)len;
        return at;
    }
    unsigned int octets = len > 0xffffff ? 4 : len > 0xffff ? 3 : len > 0xff ? 2 : 1;
    der[at++] = (uint8_t)(0x80 | octets);
    while (octets > 0) {
        der[at++] = (uint8_t)(len >> (8 * --octets));
    }
    return at;
}

/* The pieces of a header's DER around its two hashes. */
struct der_pieces {
    uint8_t head[6 + 2 + 9 + 6]; /* SEQUENCE, INTEGER, start of the previous hash */
    size_t head_len;
    uint8_t middle[6]; /* start of the data hash */
    size_t middle_len;
};

static bool der_pieces(uint64_t number, size_t previous_hash_len, size_t data_hash_len,
                       struct der_pieces *pieces)
{
    if (previous_hash_len > UINT32_MAX / 4 || data_hash_len > UINT32_MAX / 4) {
        return false;
    }
    unsigned int octets = 1; /* of the number, with room for a sign bit that stays clear */
    while (octets < 9 && (number >> (8 * octets - 1)) != 0) {
        octets++;
    }
    uint8_t previous[6];
    size_t previous_len = der_start(previous, DER_OCTET_STRING, previous_hash_len);
    pieces->middle_len = der_start(pieces->middle, DER_OCTET_STRING, data_hash_len);
    size_t content =
        2 + octets + previous_len + previous_hash_len + pieces->middle_len + data_hash_len;
    size_t at = der_start(pieces->head, DER_SEQUENCE, content);
    pieces->head[at++] = DER_INTEGER;
    pieces->head[at++] = (uint8_t)octets;
    for (unsigned int i = octets; i > 0; i--) {
        pieces->head[at++] = i == 9 ? 0 : (uint8_t)(number >> (8 * (i - 1)));
    }
    memcpy(pieces->head + at, previous, previous_len);
    pieces->head_len = at + previous_len;
    return true;
}

size_t fama_block_header_der(uint64_t number, struct fama_bytes previous_hash,
                             struct fama_bytes data_hash, uint8_t *der, size_t size)
{
    struct der_pieces pieces;
    if (!der_pieces(number, previous_hash.len, data_hash.len, &pieces)) {
        return 0;
    }
    const struct fama_bytes parts[] = {fama_bytes(pieces.head, pieces.head_len), previous_hash,
                                       fama_bytes(pieces.middle, pieces.middle_len), data_hash};
    size_t at = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > size - at) {
            return 0;
        }
        if (parts[i].len > 0) {
            memcpy(der + at, parts[i].at, parts[i].len);
        }
        at += parts[i].len;
    }
    return at;
}

enum fama_block_refusal fama_block_parse(struct fama_bytes bytes, struct fama_block *block)
{
    *block = (struct fama_block){.bytes = bytes};
    struct der_pieces pieces;
    enum fama_block_refusal refusal = decode(block);
    if (refusal == FAMA_BLOCK_ACCEPTED &&
        !der_pieces(block->number, block->previous_hash.len, block->data_hash.len, &pieces)) {
        refusal = FAMA_BLOCK_MALFORMED;
    }
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        fama_block_clear(block);
        return refusal;
    }
    const struct fama_bytes parts[] = {
        fama_bytes(pieces.head, pieces.head_len), block->previous_hash,
        fama_bytes(pieces.middle, pieces.middle_len), block->data_hash};
    fama_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), block->header_hash);
    return FAMA_BLOCK_ACCEPTED;
}

void fama_block_clear(struct fama_block *block)
{
    free(block->envelopes);
    free(block->payload_digests);
    *block = (struct fama_block){0};
}

void fama_block_data_hash(const struct fama_block *block, uint8_t hash[FAMA_SHA256_BYTES])
{
    fama_sha256_parts(block->envelopes, block->envelope_count, hash);
}

/* Fabric lets a block with a single configuration transaction pass without the re-marshal check. */
static bool is_well_formed(const struct fama_block *block, const struct fama_channel_header *first)
{
    if (block->envelope_count == 1 && (first->type == FAMA_HEADER_TYPE_CONFIG ||
                                       first->type == FAMA_HEADER_TYPE_ORDERER_TRANSACTION)) {
        return true;
    }
    for (size_t i = 0; i < block->envelope_count; i++) {
        if (!fama_envelope_is_canonical(block->envelopes[i])) {
            return false;
        }
    }
    return true;
}

/* Whether slot 0 decodes as common.Metadata, its signatures included. */
static bool has_signature_metadata(const struct fama_block *block)
{
    if (block->metadata_count == 0) {
        return false;
    }
    struct fama_proto_reader reader = fama_proto_reader(block->metadata[FAMA_BLOCK_SIGNATURES]);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2) && !fama_proto_is_message(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

/* All checks before the data hash, which are cheap beside it. */
static enum fama_block_refusal check_form(const struct fama_block *block, uint64_t claimed_number,
                                          const char *channel_id)
{
    if (block->number != claimed_number) {
        return FAMA_BLOCK_WRONG_NUMBER;
    }
    struct fama_envelope envelope;
    if (block->envelope_count == 0 || !fama_envelope_decode(block->envelopes[0], &envelope)) {
        return FAMA_BLOCK_NOT_WELL_FORMED;
    }
    struct fama_channel_header first;
    if (!fama_envelope_channel_header(block->envelopes[0], &first) ||
        !fama_bytes_equal_text(first.channel_id, channel_id)) {
        return FAMA_BLOCK_WRONG_CHANNEL;
    }
    if (!has_signature_metadata(block)) {
        return FAMA_BLOCK_NO_METADATA;
    }
    return is_well_formed(block, &first) ? FAMA_BLOCK_ACCEPTED : FAMA_BLOCK_NOT_WELL_FORMED;
}

static enum fama_block_refusal compare_data_hash(const struct fama_block *block,
                                                 const uint8_t hash[FAMA_SHA256_BYTES])
{
    return fama_bytes_equal(block->data_hash, fama_bytes(hash, FAMA_SHA256_BYTES))
               ? FAMA_BLOCK_ACCEPTED
               : FAMA_BLOCK_DATA_HASH;
}

enum fama_block_refusal fama_block_check(const struct fama_block *block, uint64_t claimed_number,
                                         const char *channel_id)
{
    enum fama_block_refusal refusal = check_form(block, claimed_number, channel_id);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return refusal;
    }
    uint8_t data_hash[FAMA_SHA256_BYTES];
    fama_block_data_hash(block, data_hash);
    return compare_data_hash(block, data_hash);
}

/* The data hash first: it takes as long as all the payloads, one after the other beside it. False when
 * memory is out. */
static bool hash_with_payloads(const struct fama_block *block, uint8_t data_hash[FAMA_SHA256_BYTES],
                               uint8_t (*digests)[FAMA_SHA256_BYTES])
{
    const size_t count = block->envelope_count;
    struct fama_sha256_message *messages = malloc((count + 1) * sizeof *messages);
    struct fama_bytes *payloads = malloc(count * sizeof *payloads);
    if (messages == NULL || payloads == NULL) {
        free(messages);
        free(payloads);
        return false;
    }
    messages[0] = (struct fama_sha256_message){
        .parts = block->envelopes, .part_count = count, .digest = data_hash};
    for (size_t i = 0; i < count; i++) {
        struct fama_envelope envelope;
        bool is_read = fama_envelope_decode(block->envelopes[i], &envelope);
        payloads[i] = is_read ? envelope.payload : fama_bytes(NULL, 0);
        messages[i + 1] = (struct fama_sha256_message){
            .parts = &payloads[i], .part_count = 1, .digest = digests[i]};
    }
    fama_sha256_many(messages, count + 1);
    free(messages);
    free(payloads);
    return true;
}

enum fama_block_refusal fama_block_check_and_digest(struct fama_block *block,
                                                    uint64_t claimed_number, const char *channel_id)
{
    enum fama_block_refusal refusal = check_form(block, claimed_number, channel_id);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return refusal;
    }
    uint8_t data_hash[FAMA_SHA256_BYTES];
    uint8_t(*digests)[FAMA_SHA256_BYTES] = malloc(block->envelope_count * sizeof *digests);
    if (digests == NULL || !hash_with_payloads(block, data_hash, digests)) {
        free(digests);
        digests = NULL;
        fama_block_data_hash(block, data_hash);
    }
    refusal = compare_data_hash(block, data_hash);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        free(block->payload_digests);
        block->payload_digests = digests;
    } else {
        free(digests);
    }
    return refusal;
}

bool fama_block_is_config(const struct fama_block *block)
{
    struct fama_channel_header header;
    return block->envelope_count == 1 &&
           fama_envelope_channel_header(block->envelopes[0], &header) &&
           header.type == FAMA_HEADER_TYPE_CONFIG;
}

void fama_block_txid(const struct fama_block *block, size_t index, char txid[FAMA_TXID_MAX])
{
    struct fama_channel_header header;
    txid[0] = '\0';
    if (index >= block->envelope_count ||
        !fama_envelope_channel_header(block->envelopes[index], &header) ||
        header.tx_id.len >= FAMA_TXID_MAX || header.tx_id.len == 0 ||
        memchr(header.tx_id.at, '\0', header.tx_id.len) != NULL) {
        return;
    }
    memcpy(txid, header.tx_id.at, header.tx_id.len);
    txid[header.tx_id.len] = '\0';
}
