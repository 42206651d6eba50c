/* Blocks packed and given back: real ones, made ones, hostile stored forms. */
#include "ledger/block_codec.h"
#include "unit/real_blocks.h"
#include "unit/synthetic_chain.h"

#define LIMIT (64u << 20)

/* The joined pieces, to be released with free(). */
static struct fama_bytes packed(struct fama_block_packer *packer, const struct fama_block *block)
{
    struct fama_block_pieces pieces;
    CU_ASSERT_EQUAL_FATAL(fama_block_pack(packer, block, &pieces), 0);
    struct growing joined = {0};
    for (size_t i = 0; i < pieces.count; i++) {
        grow(&joined, pieces.at[i], pieces.lens[i]);
    }
    return fama_bytes(joined.at, joined.len);
}

static void expect_same(struct fama_bytes stored, struct fama_bytes block)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    CU_ASSERT_EQUAL(fama_block_unpack(stored, LIMIT, &bytes, &len), 0);
    CU_ASSERT(fama_bytes_equal(fama_bytes(bytes, len), block));
    free(bytes);
}

static void test_real_blocks_come_back_from_less_than_half_their_size(void)
{
    const char *shared = shared_data_or_say_so("packing real blocks");
    if (shared == NULL) {
        return;
    }
    struct fama_block_packer *packer = fama_block_packer_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(packer);
    size_t all = 0;
    size_t kept = 0;
    for (size_t chain = 0; chain < REAL_CHAINS; chain++) {
        for (size_t number = 0; number < real_chains[chain].blocks; number++) {
            struct fama_bytes bytes = read_real_block(shared, real_chains[chain].channel, number);
            struct fama_block block;
            CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
            struct fama_bytes stored = packed(packer, &block);
            expect_same(stored, bytes);
            all += bytes.len;
            kept += stored.len;
            free_bytes(stored);
            fama_block_clear(&block);
            free_bytes(bytes);
        }
    }
    fprintf(stderr, "\n    %zu bytes of %zu\n    ", kept, all);
    CU_ASSERT(kept < all / 2);
    fama_block_packer_destroy(packer);
}

static void test_what_does_not_decode_is_kept_as_it_is(void)
{
    static const char *const texts[] = {"", "x", "no block at all, but bytes all the same"};
    struct fama_block_packer *packer = fama_block_packer_create();
    CU_ASSERT_PTR_NOT_NULL_FATAL(packer);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fama_bytes envelope = fama_bytes_of_text(texts[i]);
        struct fama_block block = {.bytes = envelope, .envelopes = &envelope, .envelope_count = 1};
        struct fama_bytes stored = packed(packer, &block);
        expect_same(stored, envelope);
        free_bytes(stored);
    }
    fama_block_packer_destroy(packer);
}

static void test_a_damaged_form_is_refused_and_a_huge_one_not_begun(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},                                              /* nothing */
        {"\2\0\0", 3},                                        /* another version */
        {"\1", 1},                                            /* cut */
        {"\1\3\0ab", 5},                                      /* a literal too short */
        {"\1\3\0abcd", 7},                                    /* and one too long */
        {"\1\4\1\2\0\3ab", 8},                                /* copies what is not there yet */
        {"\1\4\1\2\3\1ab", 8},                                /* from beyond */
        {"\1\4\1\3\0\2abc", 9},                               /* past the end */
        {"\1\4\2\2\0\2ab", 8},                                /* fewer copies than announced */
        {"\1\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\0", 12}, /* a number of 65 bits */
        {"\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", 12}, /* a block of 2^64 - 1 bytes */
        {"\1\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
         "ab",
         14}, /* as many copies */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        CU_ASSERT_EQUAL(
            fama_block_unpack(fama_bytes(cases[i].bytes, cases[i].len), LIMIT, &bytes, &len),
            FAMA_BLOCK_CODEC_DAMAGED);
        CU_ASSERT_PTR_NULL(bytes);
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    CU_ASSERT_EQUAL(fama_block_unpack(fama_bytes("\1\4\1\2\0\2ab", 8), LIMIT, &bytes, &len), 0);
    CU_ASSERT(fama_bytes_equal(fama_bytes(bytes, len), fama_bytes_of_text("abab")));
    free(bytes);
    CU_ASSERT_EQUAL(fama_block_unpack(fama_bytes("\1\4\1\2\0\2ab", 8), 3, &bytes, &len),
                    FAMA_BLOCK_CODEC_DAMAGED);
}

static const struct test_case cases[] = {
    TEST(test_real_blocks_come_back_from_less_than_half_their_size),
    TEST(test_what_does_not_decode_is_kept_as_it_is),
    TEST(test_a_damaged_form_is_refused_and_a_huge_one_not_begun),
};

int main(void)
{
    return run_suite("block codec", cases, sizeof cases / sizeof cases[0]);
}
