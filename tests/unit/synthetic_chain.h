/* Chains of small blocks for tests that need no real transactions: encoded by hand (common.Block,
 * spec fabric-formats), linked and hashed as real ones are, their contents a function of their
 * number, so that a reader can tell whether what it got back is what was written. */
#ifndef FAMA_TESTS_UNIT_SYNTHETIC_CHAIN_H
#define FAMA_TESTS_UNIT_SYNTHETIC_CHAIN_H

#include <stdio.h>
#include <stdlib.h>

#include "ledger/block.h"

#define SYNTHETIC_TXIDS_MAX 8

struct growing {
    uint8_t *at;
    size_t len;
    size_t size;
};

static inline void grow(struct growing *out, const void *bytes, size_t len)
{
    if (out->len + len > out->size) {
        out->size = 2 * (out->len + len);
        out->at = realloc(out->at, out->size);
        if (out->at == NULL) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(out->at + out->len, bytes, len);
        out->len += len;
    }
}

static inline void put_varint(struct growing *out, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        grow(out, &byte, 1);
        value >>= 7;
    } while (value != 0);
}

static inline void put_number(struct growing *out, unsigned int field, uint64_t value)
{
    if (value != 0) {
        put_varint(out, field << 3);
        put_varint(out, value);
    }
}

static inline void put_bytes(struct growing *out, unsigned int field, const void *bytes, size_t len)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, len);
    grow(out, bytes, len);
}

/* Appends a message as a field and frees it. */
static inline void put_message(struct growing *out, unsigned int field, struct growing *message)
{
    put_bytes(out, field, message->at, message->len);
    free(message->at);
    *message = (struct growing){0};
}

struct synthetic_plan {
    uint64_t number;
    const uint8_t *previous_hash; /* 32 bytes; ignored for block 0 */
    const char *txids[SYNTHETIC_TXIDS_MAX];
    size_t txid_count;
    size_t filler_bytes; /* in the first envelope */
};

static inline void put_envelope(struct growing *data, const struct synthetic_plan *plan,
                                size_t index)
{
    struct growing channel_header = {0};
    put_number(&channel_header, 1, 3); /* ENDORSER_TRANSACTION */
    put_bytes(&channel_header, 4, "drivenet", strlen("drivenet"));
    if (plan->txids[index][0] != '\0') {
        put_bytes(&channel_header, 5, plan->txids[index], strlen(plan->txids[index]));
    }
    struct growing header = {0};
    put_message(&header, 1, &channel_header);
    struct growing payload = {0};
    put_message(&payload, 1, &header);
    size_t filler_len = index == 0 ? plan->filler_bytes : 16;
    uint8_t *filler = malloc(filler_len + 1);
    if (filler == NULL) {
        abort();
    }
    uint64_t noise = plan->number * 0x9e3779b97f4a7c15u + index + 1;
    for (size_t i = 0; i < filler_len; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        filler[i] = (uint8_t)(noise >> 56);
    }
    put_bytes(&payload, 2, filler, filler_len);
    free(filler);
    struct growing envelope = {0};
    put_message(&envelope, 1, &payload);
    put_message(data, 1, &envelope);
}

/* SHA-256 over the entries of a serialized BlockData, joined. */
static inline void hash_entries(const struct growing *data, uint8_t hash[FAMA_SHA256_BYTES])
{
    struct growing joined = {0};
    size_t at = 0;
    while (at < data->len) {
        at++; /* the tag of field 1 */
        size_t len = 0;
        for (int shift = 0;; shift += 7) {
            uint8_t byte = data->at[at++];
            len |= (size_t)(byte & 0x7f) << shift;
            if (byte < 0x80) {
                break;
            }
        }
        grow(&joined, data->at + at, len);
        at += len;
    }
    fama_sha256(fama_bytes(joined.at, joined.len), hash);
    free(joined.at);
}

/* The serialized block, to be released with free(). */
static inline struct fama_bytes synthetic_bytes(const struct synthetic_plan *plan)
{
    struct growing data = {0};
    for (size_t i = 0; i < plan->txid_count; i++) {
        put_envelope(&data, plan, i);
    }
    uint8_t data_hash[FAMA_SHA256_BYTES];
    hash_entries(&data, data_hash);
    struct growing header = {0};
    put_number(&header, 1, plan->number);
    if (plan->number > 0) {
        put_bytes(&header, 2, plan->previous_hash, FAMA_SHA256_BYTES);
    }
    put_bytes(&header, 3, data_hash, sizeof data_hash);
    struct growing metadata = {0};
    for (int slot = 0; slot < FAMA_BLOCK_METADATA_SLOTS; slot++) {
        put_bytes(&metadata, 1, "", 0);
    }
    struct growing block = {0};
    put_message(&block, 1, &header);
    put_message(&block, 2, &data);
    put_message(&block, 3, &metadata);
    return fama_bytes(block.at, block.len);
}

/* Parsed; released with synthetic_free. Aborts if the encoding above and the parser disagree. */
static inline struct fama_block synthetic_block(const struct synthetic_plan *plan)
{
    struct fama_block block;
    struct fama_bytes bytes = synthetic_bytes(plan);
    if (fama_block_parse(bytes, &block) != FAMA_BLOCK_ACCEPTED) {
        fprintf(stderr, "synthetic block %llu does not parse\n", (unsigned long long)plan->number);
        abort();
    }
    return block;
}

static inline void synthetic_free(struct fama_block *block)
{
    uint8_t *bytes = (uint8_t *)block->bytes.at;
    fama_block_clear(block);
    free(bytes);
}

#endif
