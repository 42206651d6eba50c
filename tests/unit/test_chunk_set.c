/* A set on its way out, held against the same set cut by the tests' own means (unit/cut_block.h). */
#include "dataplane/chunk_set.h"

#include "dataplane/fanout.h"
#include "unit/cut_block.h"
#include "unit/seed.h"
#include "unit/suite.h"

static struct fama_random generator;
static struct fama_set_encoder *encoder;

static void expect_same_set(const struct cut_block *block, uint32_t set)
{
    const struct fama_cut cut = {block->len, block->chunk_bytes, block->parity};
    CU_ASSERT_TRUE_FATAL(fama_set_encode(encoder, fama_bytes(block->bytes, block->len), &cut, set));
    CU_ASSERT_EQUAL_FATAL(fama_set_chunks(encoder), cut_block_count(block, set));
    CU_ASSERT_EQUAL_FATAL(memcmp(fama_set_root(encoder), fama_merkle_root(&block->trees[set]),
                                 FAMA_MERKLE_NODE_BYTES),
                          0);
    for (uint32_t i = 0; i < fama_set_chunks(encoder); i++) {
        struct fama_chunk chunk = {0};
        struct fama_chunk expected;
        uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
        uint8_t expected_proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
        uint8_t root[FAMA_MERKLE_NODE_BYTES];
        fama_set_chunk(encoder, i, &chunk, proof);
        cut_block_set_chunk(block, set, i, &expected, expected_proof);
        CU_ASSERT(chunk.block_bytes == expected.block_bytes &&
                  chunk.chunk_bytes == expected.chunk_bytes && chunk.set == set &&
                  chunk.index == i && chunk.data_chunks == expected.data_chunks &&
                  chunk.parity_chunks == expected.parity_chunks &&
                  chunk.parity == expected.parity && chunk.proof == proof);
        CU_ASSERT_TRUE_FATAL(fama_bytes_equal(chunk.payload, expected.payload));
        fama_merkle_climb(chunk.payload, i, fama_set_chunks(encoder), chunk.proof, root);
        CU_ASSERT_EQUAL_FATAL(memcmp(root, fama_set_root(encoder), sizeof(root)), 0);
    }
}

static void test_every_set_of_random_blocks_is_cut_as_described(void)
{
    for (uint32_t round = 0; round < 150; round++) {
        uint16_t chunk_bytes = (uint16_t)(64 + fama_random_below(&generator, 2000));
        uint32_t len = 1 + fama_random_below(&generator, 150000);
        uint8_t parity = (uint8_t)fama_random_below(&generator, FAMA_PARITY_MAX + 1);
        struct cut_block *block = cut_block_make_with_parity(1, len, chunk_bytes, parity, 7, round);
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            expect_same_set(block, set);
        }
        cut_block_free(block);
    }
}

static void test_the_smallest_and_the_largest_chunks_are_cut(void)
{
    static const struct {
        uint32_t len;
        uint16_t chunk_bytes;
        uint8_t parity;
    } cuts[] = {{1, 64, 0},
                {1, FAMA_CHUNK_BYTES_MAX, FAMA_PARITY_MAX},
                {64, 64, 1},
                {32 * FAMA_CHUNK_BYTES_MAX, FAMA_CHUNK_BYTES_MAX, FAMA_PARITY_MAX},
                {33 * FAMA_CHUNK_BYTES_MAX - 1, FAMA_CHUNK_BYTES_MAX, FAMA_PARITY_MAX}};
    for (uint32_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct cut_block *block =
            cut_block_make_with_parity(1, cuts[i].len, cuts[i].chunk_bytes, cuts[i].parity, 7, i);
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            expect_same_set(block, set);
        }
        cut_block_free(block);
    }
}

static void test_what_does_not_go_together_is_refused(void)
{
    static const uint8_t bytes[1000];
    struct fama_bytes block = fama_bytes(bytes, sizeof(bytes));
    static const struct {
        struct fama_cut cut;
        uint32_t set;
    } bad[] = {{{999, 100, 0}, 0},
               {{1001, 100, 0}, 0},
               {{1000, 63, 0}, 0},
               {{1000, FAMA_CHUNK_BYTES_MAX + 1, 0}, 0},
               {{1000, 100, FAMA_PARITY_MAX + 1}, 0},
               {{1000, 100, 4}, 1},
               {{1000, 100, 4}, UINT32_MAX}};
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_FALSE(fama_set_encode(encoder, block, &bad[i].cut, bad[i].set));
    }
    const struct fama_cut none = {0, 100, 0};
    CU_ASSERT_FALSE(fama_set_encode(encoder, fama_bytes(bytes, 0), &none, 0));
}

int main(void)
{
    fama_random_seed(&generator, test_seed("chunk set"));
    encoder = fama_set_encoder_create();
    if (encoder == NULL) {
        return EXIT_FAILURE;
    }
    static const struct test_case cases[] = {
        TEST(test_every_set_of_random_blocks_is_cut_as_described),
        TEST(test_the_smallest_and_the_largest_chunks_are_cut),
        TEST(test_what_does_not_go_together_is_refused),
    };
    int status = run_suite("chunk set", cases, sizeof(cases) / sizeof(cases[0]));
    fama_set_encoder_destroy(encoder);
    fama_set_encoder_destroy(NULL);
    return status;
}
