/* Blocks as bytes: real ones are understood exactly, damaged ones refused by name. */
#include "ledger/block.h"
#include "ledger/envelope.h"

#include "unit/real_blocks.h"

static bool is_der_hash(uint64_t number, struct fama_bytes previous, struct fama_bytes data,
                        const char *start, const char *hash_hex)
{
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 64];
    uint8_t hash[FAMA_SHA256_BYTES];
    size_t len = fama_block_header_der(number, previous, data, der, sizeof(der));
    fama_sha256(fama_bytes(der, len), hash);
    return len > strlen(start) / 2 && equals_hex(fama_bytes(der, strlen(start) / 2), start) &&
           equals_hex(fama_bytes(hash, sizeof(hash)), hash_hex);
}

static void test_the_der_of_a_header_is_that_of_fabric(void)
{
    const uint8_t zeros[32] = {0};
    struct fama_bytes zero_hash = fama_bytes(zeros, sizeof(zeros));
    CU_ASSERT(is_der_hash(0, fama_bytes(NULL, 0), zero_hash, "302702010004000420",
                          "800b9c7f6a272f3d699331b0a3374dc6ac0739cfae2b338041f3506bd932d0a0"));
    CU_ASSERT(is_der_hash(128, zero_hash, zero_hash, "3048020200800420",
                          "c27767b427898d8d4193098c5eb3584a44e19eaa2dfe84e83df348ef21d7f192"));
    CU_ASSERT(is_der_hash(UINT64_MAX, zero_hash, zero_hash, "304f020900ffffffffffffffff",
                          "89da48b4dfe6a446c46603d329f72c0097cf41b9e20863189aeafe598e30a0c8"));
}

static void test_a_header_that_does_not_fit_is_not_written(void)
{
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 300];
    const uint8_t long_hash[200] = {0};
    struct fama_bytes hash = fama_bytes(long_hash, sizeof(long_hash));
    CU_ASSERT_EQUAL(fama_block_header_der(1, hash, fama_bytes(NULL, 0), der, 100), 0);
    CU_ASSERT_EQUAL(fama_block_header_der(1, hash, fama_bytes(NULL, 0), der, sizeof(der)),
                    3 + 3 + 3 + 200 + 2);
}

static void check_txids(const struct fama_block *block, json_t *expected)
{
    size_t index;
    json_t *tx;
    json_array_foreach(json_object_get(expected, "txs"), index, tx)
    {
        char txid[FAMA_TXID_MAX];
        fama_block_txid(block, index, txid);
        CU_ASSERT_STRING_EQUAL(txid, json_string_value(json_object_get(tx, "txid")));
    }
}

/* Its channel, number and verdict are known to be good. */
static void check_payload_digests(struct fama_block *block, const char *channel)
{
    CU_ASSERT_PTR_NULL(block->payload_digests);
    CU_ASSERT_EQUAL(fama_block_check_and_digest(block, block->number, "othernet"),
                    FAMA_BLOCK_WRONG_CHANNEL);
    CU_ASSERT_PTR_NULL(block->payload_digests);
    CU_ASSERT_EQUAL(fama_block_check_and_digest(block, block->number, channel),
                    FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block->payload_digests);
    for (size_t i = 0; i < block->envelope_count; i++) {
        struct fama_envelope envelope;
        uint8_t digest[FAMA_SHA256_BYTES];
        CU_ASSERT(fama_envelope_decode(block->envelopes[i], &envelope));
        fama_sha256(envelope.payload, digest);
        CU_ASSERT(memcmp(block->payload_digests[i], digest, sizeof digest) == 0);
    }
}

static void check_real_block(const char *channel, struct fama_bytes bytes, json_t *expected)
{
    struct fama_block block;
    uint8_t data_hash[FAMA_SHA256_BYTES];
    json_int_t number = json_integer_value(json_object_get(expected, "number"));
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(block.number, (uint64_t)number);
    CU_ASSERT(equals_hex(fama_bytes(block.header_hash, sizeof(block.header_hash)),
                         json_string_value(json_object_get(expected, "header_hash"))));
    CU_ASSERT(equals_hex(block.previous_hash,
                         json_string_value(json_object_get(expected, "previous_hash"))));
    CU_ASSERT(
        equals_hex(block.data_hash, json_string_value(json_object_get(expected, "data_hash"))));
    fama_block_data_hash(&block, data_hash);
    CU_ASSERT(fama_bytes_equal(block.data_hash, fama_bytes(data_hash, sizeof(data_hash))));
    CU_ASSERT_EQUAL((json_int_t)block.envelope_count,
                    json_integer_value(json_object_get(expected, "tx_count")));
    CU_ASSERT_EQUAL(fama_block_is_config(&block),
                    json_is_true(json_object_get(expected, "is_config")));
    CU_ASSERT_EQUAL(block.metadata_count, FAMA_BLOCK_METADATA_SLOTS);
    CU_ASSERT_EQUAL(fama_block_check(&block, (uint64_t)number, channel), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(fama_block_check(&block, (uint64_t)number + 1, channel),
                    FAMA_BLOCK_WRONG_NUMBER);
    CU_ASSERT_EQUAL(fama_block_check(&block, (uint64_t)number, "othernet"),
                    FAMA_BLOCK_WRONG_CHANNEL);
    check_payload_digests(&block, channel);
    check_txids(&block, expected);
    fama_block_clear(&block);
}

static void test_every_real_block_is_understood_as_fabric_understood_it(void)
{
    const char *shared = shared_data_or_say_so("decoding and hashing of real blocks");
    for (size_t c = 0; shared != NULL && c < REAL_CHAINS; c++) {
        json_t *root;
        size_t index;
        json_t *expected;
        json_t *blocks = load_expected(shared, &real_chains[c], &root);
        CU_ASSERT_EQUAL(json_array_size(blocks), real_chains[c].blocks);
        json_array_foreach(blocks, index, expected)
        {
            struct fama_bytes bytes = read_real_block(shared, real_chains[c].channel, index);
            CU_ASSERT_PTR_NOT_NULL_FATAL(bytes.at);
            check_real_block(real_chains[c].channel, bytes, expected);
            free_bytes(bytes);
        }
        json_decref(root);
    }
}

/* Parses and checks; the bytes lie in a buffer of exactly their size, so that a sanitizer sees any
 * read beyond them. */
static enum fama_block_refusal judge(const uint8_t *bytes, size_t len, uint64_t number)
{
    struct fama_block block;
    uint8_t *exact = malloc(len > 0 ? len : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    memcpy(exact, bytes, len);
    enum fama_block_refusal refusal = fama_block_parse(fama_bytes(exact, len), &block);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        refusal = fama_block_check_and_digest(&block, number, "drivenet");
        CU_ASSERT_EQUAL(refusal, fama_block_check(&block, number, "drivenet"));
        CU_ASSERT_EQUAL(refusal == FAMA_BLOCK_ACCEPTED, block.payload_digests != NULL);
        fama_block_clear(&block);
    }
    free(exact);
    return refusal;
}

static void test_a_block_truncated_at_any_length_is_refused(void)
{
    const char *shared = shared_data_or_say_so("truncation of real blocks");
    static const size_t numbers[] = {0, 7, 12, 48};
    for (size_t n = 0; shared != NULL && n < sizeof(numbers) / sizeof(numbers[0]); n++) {
        struct fama_bytes bytes = read_real_block(shared, "drivenet", numbers[n]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(bytes.at);
        size_t refused = 0;
        for (size_t len = 0; len < bytes.len; len++) {
            refused += judge(bytes.at, len, numbers[n]) != FAMA_BLOCK_ACCEPTED;
        }
        CU_ASSERT_EQUAL(refused, bytes.len);
        CU_ASSERT_EQUAL(judge(bytes.at, bytes.len, numbers[n]), FAMA_BLOCK_ACCEPTED);
        free_bytes(bytes);
    }
}

static void test_a_flipped_bit_before_the_metadata_is_refused(void)
{
    const char *shared = shared_data_or_say_so("bit flips in real blocks");
    if (shared == NULL) {
        return;
    }
    struct fama_bytes bytes = read_real_block(shared, "drivenet", 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes.at);
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    size_t envelopes_at = (size_t)(block.envelopes[0].at - bytes.at);
    size_t metadata_at = (size_t)(block.metadata[0].at - bytes.at);
    struct fama_bytes previous = block.previous_hash;
    size_t previous_at = (size_t)(previous.at - bytes.at);
    fama_block_clear(&block);
    uint8_t *damaged = (uint8_t *)(uintptr_t)bytes.at;
    size_t seen[FAMA_BLOCK_REFUSAL_COUNT] = {0};
    for (size_t bit = 0; bit < 8 * metadata_at; bit++) {
        size_t at = bit / 8;
        if (at >= previous_at && at < previous_at + previous.len) {
            continue; /* the chain link, which is judged against the previous block */
        }
        damaged[at] ^= (uint8_t)(1u << (bit % 8));
        seen[judge(bytes.at, bytes.len, 7)]++;
        damaged[at] ^= (uint8_t)(1u << (bit % 8));
    }
    /* What may pass here is a changed tag or length of the outer layers that hides or reshapes the
     * previous hash or metadata: both are left to the chain link and the signature. */
    CU_ASSERT(seen[FAMA_BLOCK_ACCEPTED] < 80);
    CU_ASSERT(seen[FAMA_BLOCK_DATA_HASH] > 7 * (metadata_at - envelopes_at) / 2);
    CU_ASSERT(seen[FAMA_BLOCK_MALFORMED] > 0);
    CU_ASSERT(seen[FAMA_BLOCK_WRONG_CHANNEL] >= 8 * strlen("drivenet"));
    CU_ASSERT(seen[FAMA_BLOCK_NOT_WELL_FORMED] > 0);
    free_bytes(bytes);
}

/* Writes a tag, a length and the bytes; returns the end. */
static uint8_t *put_len(uint8_t *at, uint8_t tag, struct fama_bytes bytes)
{
    size_t len = bytes.len;
    *at++ = tag;
    while (len >= 0x80) {
        *at++ = (uint8_t)(len | 0x80);
        len >>= 7;
    }
    *at++ = (uint8_t)len;
    memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

/* A copy of a block's bytes with other entries; released with free(). */
static struct fama_bytes with_entries(const struct fama_block *block,
                                      const struct fama_bytes *entries, size_t count)
{
    size_t room = block->bytes.len + 64 + 16 * count;
    uint8_t *data = malloc(room);
    uint8_t *whole = malloc(room);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    uint8_t *data_end = data;
    for (size_t i = 0; i < count; i++) {
        data_end = put_len(data_end, 0x0a, entries[i]);
    }
    /* The header comes first on the wire with a one-byte length, the metadata last. */
    size_t header_len = 2 + (size_t)block->bytes.at[1];
    memcpy(whole, block->bytes.at, header_len);
    uint8_t *end = put_len(whole + header_len, 0x12, fama_bytes(data, (size_t)(data_end - data)));
    const uint8_t *last = block->envelopes[block->envelope_count - 1].at +
                          block->envelopes[block->envelope_count - 1].len;
    size_t tail = (size_t)(block->bytes.at + block->bytes.len - last);
    memcpy(end, last, tail);
    free(data);
    return fama_bytes(whole, (size_t)(end - whole) + tail);
}

static void test_a_cross_linked_block_is_not_well_formed(void)
{
    const char *shared = shared_data_or_say_so("cross-linked blocks");
    if (shared == NULL) {
        return;
    }
    struct fama_bytes bytes = read_real_block(shared, "drivenet", 12);
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_FATAL(block.envelope_count >= 2);
    size_t count = block.envelope_count;

    /* The same entries: the rebuilding itself changes nothing. */
    struct fama_bytes same = with_entries(&block, block.envelopes, count);
    CU_ASSERT_EQUAL(judge(same.at, same.len, 12), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT(fama_bytes_equal(same, bytes));
    free_bytes(same);

    /* The first two entries lie side by side when their boundary is dropped. */
    uint8_t *joined = malloc(block.envelopes[0].len + block.envelopes[1].len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(joined);
    memcpy(joined, block.envelopes[0].at, block.envelopes[0].len);
    memcpy(joined + block.envelopes[0].len, block.envelopes[1].at, block.envelopes[1].len);
    struct fama_bytes entries[64];
    CU_ASSERT_FATAL(count <= 63);
    memcpy(entries, block.envelopes, count * sizeof(entries[0]));
    entries[1] = fama_bytes(joined, block.envelopes[0].len + block.envelopes[1].len);
    struct fama_bytes merged = with_entries(&block, entries + 1, count - 1);
    CU_ASSERT_EQUAL(judge(merged.at, merged.len, 12), FAMA_BLOCK_NOT_WELL_FORMED);
    free_bytes(merged);

    /* A boundary moved by any number of bytes. */
    for (size_t moved = 1; moved < block.envelopes[1].len; moved += 97) {
        entries[0] = fama_bytes(joined, block.envelopes[0].len + moved);
        entries[1] = fama_bytes(joined + entries[0].len, block.envelopes[1].len - moved);
        struct fama_bytes linked = with_entries(&block, entries, count);
        CU_ASSERT_EQUAL(judge(linked.at, linked.len, 12), FAMA_BLOCK_NOT_WELL_FORMED);
        free_bytes(linked);
    }

    /* The first entry cut in two, with an empty one, and without any. */
    entries[0] = fama_bytes(joined, block.envelopes[0].len / 2);
    entries[1] = fama_bytes(joined + entries[0].len, block.envelopes[0].len - entries[0].len);
    memcpy(entries + 2, block.envelopes + 1, (count - 1) * sizeof(entries[0]));
    struct fama_bytes cut = with_entries(&block, entries, count + 1);
    CU_ASSERT_EQUAL(judge(cut.at, cut.len, 12), FAMA_BLOCK_NOT_WELL_FORMED);
    free_bytes(cut);
    entries[0] = block.envelopes[0];
    entries[1] = fama_bytes(joined, 0);
    struct fama_bytes padded = with_entries(&block, entries, count + 1);
    CU_ASSERT_EQUAL(judge(padded.at, padded.len, 12), FAMA_BLOCK_NOT_WELL_FORMED);
    free_bytes(padded);
    struct fama_bytes empty = with_entries(&block, entries, 0);
    CU_ASSERT_EQUAL(judge(empty.at, empty.len, 12), FAMA_BLOCK_NOT_WELL_FORMED);
    free_bytes(empty);
    free(joined);
    fama_block_clear(&block);
    free_bytes(bytes);
}

static void test_reordered_transactions_break_the_data_hash(void)
{
    const char *shared = shared_data_or_say_so("reordered transactions");
    if (shared == NULL) {
        return;
    }
    struct fama_bytes bytes = read_real_block(shared, "drivenet", 12);
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    struct fama_bytes first = block.envelopes[0];
    struct fama_bytes last = block.envelopes[block.envelope_count - 1];
    struct fama_bytes entries[64];
    memcpy(entries, block.envelopes, block.envelope_count * sizeof(entries[0]));
    entries[0] = last;
    entries[block.envelope_count - 1] = first;
    struct fama_bytes swapped = with_entries(&block, entries, block.envelope_count);
    CU_ASSERT_EQUAL(judge(swapped.at, swapped.len, 12), FAMA_BLOCK_DATA_HASH);
    free_bytes(swapped);
    fama_block_clear(&block);
    free_bytes(bytes);
}

static void test_scalars_are_replaced_and_messages_merged(void)
{
    /* number 1, then a second header with number 2 and a previous hash; two data messages. */
    static const uint8_t bytes[] = {0x0a, 2,    0x08, 1,    0x0a, 5,    0x08, 2,  0x12, 1,
                                    'p',  0x12, 3,    0x0a, 1,    'a',  0x12, 3,  0x0a, 1,
                                    'b',  0x1a, 2,    0x0a, 0,    0x22, 1,    'x'};
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, sizeof(bytes)), &block),
                          FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(block.number, 2);
    CU_ASSERT(fama_bytes_equal(block.previous_hash, fama_bytes_of_text("p")));
    CU_ASSERT_EQUAL(block.envelope_count, 2);
    CU_ASSERT(fama_bytes_equal(block.envelopes[1], fama_bytes_of_text("b")));
    CU_ASSERT_EQUAL(block.metadata_count, 1);
    fama_block_clear(&block);
}

static void test_what_is_no_block_is_malformed(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},                                              /* no header */
        {"\x12\x00", 2},                                      /* data only */
        {"\x08\x01", 2},                                      /* header of a foreign wire type */
        {"\x0a\x02\x0a\x00", 4},                              /* number of a foreign wire type */
        {"\x0a\x00\x12\x02\x08\x01", 6},                      /* an entry that is a varint */
        {"\x0a\x7f", 2},                                      /* longer than the bytes */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* length 2^64 - 1 */
        {"\x0a\x00\x02", 3},                                  /* field number 0 */
        {"\x0a\x00\x3c", 3},     /* the end of a group that never began */
        {"\x0a\x00\x3b\x44", 4}, /* a group ended by another's end */
        {"\x0a\x00\x3e", 3},     /* wire type 6 */
        {"\x0a\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14}, /* 11-byte varint */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fama_block block;
        CU_ASSERT_EQUAL(fama_block_parse(fama_bytes(cases[i].bytes, cases[i].len), &block),
                        FAMA_BLOCK_MALFORMED);
        CU_ASSERT_PTR_NULL(block.envelopes);
    }
}

static void test_every_refusal_has_a_name(void)
{
    for (int i = 0; i < FAMA_BLOCK_REFUSAL_COUNT; i++) {
        CU_ASSERT(strncmp(fama_block_refusal_name((enum fama_block_refusal)i), "block_", 6) == 0);
        CU_ASSERT(strlen(fama_block_refusal_words((enum fama_block_refusal)i)) > 10);
    }
    CU_ASSERT_STRING_EQUAL(fama_block_refusal_name(FAMA_BLOCK_DATA_HASH), "block_data_hash");
    CU_ASSERT_STRING_EQUAL(fama_block_refusal_name(FAMA_BLOCK_REFUSAL_COUNT),
                           "block_refusal_unknown");
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_der_of_a_header_is_that_of_fabric),
        TEST(test_a_header_that_does_not_fit_is_not_written),
        TEST(test_every_real_block_is_understood_as_fabric_understood_it),
        TEST(test_a_block_truncated_at_any_length_is_refused),
        TEST(test_a_flipped_bit_before_the_metadata_is_refused),
        TEST(test_a_cross_linked_block_is_not_well_formed),
        TEST(test_reordered_transactions_break_the_data_hash),
        TEST(test_scalars_are_replaced_and_messages_merged),
        TEST(test_what_is_no_block_is_malformed),
        TEST(test_every_refusal_has_a_name),
    };
    return run_suite("block", cases, sizeof(cases) / sizeof(cases[0]));
}
