/* Chunks sealed with a channel's key: what goes in comes out, and nothing else does. */
#include "dataplane/channel_key.h"

#include "dataplane/fanout.h"
#include "unit/cut_block.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define EPOCH 7

static struct fama_random generator;
static uint8_t channel_digest[FAMA_SHA256_BYTES];
static uint8_t maker[FAMA_PKI_ID_BYTES];
static uint8_t key_bytes[FAMA_CHANNEL_KEY_BYTES];

static uint32_t below(uint32_t bound)
{
    return fama_random_below(&generator, bound);
}

static struct fama_channel_key *key_of(const uint8_t *channel, const uint8_t *pki_id,
                                       uint32_t epoch, const uint8_t *bytes)
{
    const struct fama_channel_key_setup setup = {
        .channel_digest = channel, .maker_pki_id = pki_id, .epoch = epoch, .bytes = bytes};
    struct fama_channel_key *key = fama_channel_key_create(&setup);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    return key;
}

static struct fama_channel_key *usual_key(void)
{
    return key_of(channel_digest, maker, EPOCH, key_bytes);
}

/* A sealed chunk and what it was made of. */
struct sealed {
    struct cut_block *block;
    struct fama_chunk chunk;
    uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
    uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX];
    size_t len;
};

static void seal(struct sealed *sealed, const struct fama_channel_key *key, uint32_t len,
                 uint16_t chunk_bytes, uint8_t parity)
{
    sealed->block =
        cut_block_make_with_parity(5, len, chunk_bytes, parity, fama_tag_of(maker), len);
    sealed->block->channel = fama_tag_of(channel_digest);
    sealed->block->key_epoch = key != NULL ? EPOCH : 0;
    uint32_t set = below(sealed->block->geometry.sets);
    cut_block_set_chunk(sealed->block, set, below(cut_block_count(sealed->block, set)),
                        &sealed->chunk, sealed->proof);
    sealed->chunk.hops = 5;
    sealed->chunk.view_id = 0x1122334455667788;
    sealed->len = fama_chunk_seal(key, &sealed->chunk, sealed->datagram, sizeof(sealed->datagram));
    CU_ASSERT_FATAL(sealed->len > 0);
}

struct opened {
    struct fama_chunk chunk;
    uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX];
    uint8_t payload[FAMA_CHUNK_BYTES_MAX];
};

static bool open_it(const struct fama_channel_key *key, const uint8_t *datagram, size_t len,
                    struct opened *opened)
{
    return fama_wire_chunk_read(fama_bytes(datagram, len), &opened->chunk) == FAMA_DROP_NONE &&
           opened->chunk.key_epoch != 0 &&
           fama_chunk_open(key, datagram, &opened->chunk, opened->proof, opened->payload);
}

static void expect_same(const struct sealed *sealed, const struct fama_chunk *chunk)
{
    size_t depth = fama_wire_chunk_proof_bytes(chunk) - FAMA_SIGNATURE_BYTES;
    CU_ASSERT_EQUAL(memcmp(chunk->signature, sealed->block->signature, FAMA_SIGNATURE_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(chunk->proof, sealed->proof, depth), 0);
    CU_ASSERT_TRUE(fama_bytes_equal(chunk->payload, sealed->chunk.payload));
    CU_ASSERT_EQUAL(chunk->view_id, sealed->chunk.view_id);
}

static void test_what_is_sealed_opens_to_the_same_whoever_passed_it_on(void)
{
    struct fama_channel_key *key = usual_key();
    struct sealed sealed;
    struct opened opened;
    for (uint32_t round = 0; round < 300; round++) {
        uint16_t chunk_bytes = (uint16_t)(64 + below(1300));
        seal(&sealed, key, 1 + below(100000), chunk_bytes, (uint8_t)below(33));
        sealed.datagram[4] = (uint8_t)below(256); /* the hops, as relays change them */
        CU_ASSERT_TRUE_FATAL(open_it(key, sealed.datagram, sealed.len, &opened));
        expect_same(&sealed, &opened.chunk);
        CU_ASSERT_PTR_EQUAL(opened.chunk.payload.at, opened.payload);
        cut_block_free(sealed.block);
    }
    fama_channel_key_release(key);
}

static void test_the_payload_does_not_go_in_the_clear_and_the_largest_chunk_fits(void)
{
    struct fama_channel_key *key = usual_key();
    struct sealed sealed;
    struct opened opened;
    seal(&sealed, key, 32 * (FAMA_CHUNK_BYTES_MAX - 20), FAMA_CHUNK_BYTES_MAX - 20, 32);
    CU_ASSERT_EQUAL(sealed.len, FAMA_WIRE_CHUNK_BYTES + FAMA_SIGNATURE_BYTES + 6 * 20 +
                                    FAMA_CHUNK_BYTES_MAX - 20 + FAMA_WIRE_TAG_BYTES);
    CU_ASSERT_PTR_NULL(memmem(sealed.datagram, sealed.len, sealed.chunk.payload.at, 16));
    CU_ASSERT_PTR_NULL(memmem(sealed.datagram, sealed.len, sealed.block->signature, 16));
    CU_ASSERT_TRUE(open_it(key, sealed.datagram, sealed.len, &opened));
    expect_same(&sealed, &opened.chunk);
    cut_block_free(sealed.block);
    fama_channel_key_release(key);
}

static void test_every_changed_octet_but_the_hops_is_refused(void)
{
    struct fama_channel_key *key = usual_key();
    struct sealed sealed;
    struct opened opened;
    for (uint32_t round = 0; round < 6; round++) {
        seal(&sealed, key, 20000 + below(30000), (uint16_t)(64 + below(700)), (uint8_t)(6 * round));
        for (size_t i = 0; i < sealed.len; i++) {
            uint8_t before = sealed.datagram[i];
            for (uint32_t bit = 0; bit < 8; bit++) {
                sealed.datagram[i] = (uint8_t)(before ^ (1U << bit));
                CU_ASSERT_EQUAL_FATAL(open_it(key, sealed.datagram, sealed.len, &opened), i == 4);
            }
            sealed.datagram[i] = before;
        }
        CU_ASSERT_TRUE(open_it(key, sealed.datagram, sealed.len, &opened));
        cut_block_free(sealed.block);
    }
    fama_channel_key_release(key);
}

static void test_another_key_opens_nothing(void)
{
    struct fama_channel_key *key = usual_key();
    struct sealed sealed;
    struct opened opened;
    uint8_t other[FAMA_CHANNEL_KEY_BYTES];
    seal(&sealed, key, 50000, 1000, 4);
    for (uint32_t flaw = 0; flaw < 4; flaw++) {
        memset(other, 0x33, sizeof(other));
        struct fama_channel_key *wrong =
            key_of(flaw == 0 ? other : channel_digest, flaw == 1 ? other : maker,
                   flaw == 2 ? EPOCH + 1 : EPOCH, flaw == 3 ? other : key_bytes);
        CU_ASSERT_FALSE(open_it(wrong, sealed.datagram, sealed.len, &opened));
        CU_ASSERT_EQUAL(fama_chunk_seal(wrong, &sealed.chunk, opened.payload, 4096) == 0, flaw < 3);
        fama_channel_key_release(wrong);
    }
    cut_block_free(sealed.block);
    fama_channel_key_release(key);
}

static void test_within_a_session_nothing_is_sealed_and_nothing_changed(void)
{
    struct sealed sealed;
    struct fama_chunk chunk;
    for (uint32_t round = 0; round < 100; round++) {
        seal(&sealed, NULL, 1 + below(100000), (uint16_t)(64 + below(1300)), (uint8_t)below(33));
        CU_ASSERT_EQUAL_FATAL(fama_wire_chunk_read(fama_bytes(sealed.datagram, sealed.len), &chunk),
                              FAMA_DROP_NONE);
        expect_same(&sealed, &chunk);
        cut_block_free(sealed.block);
    }
}

static void test_what_does_not_fit_or_is_not_in_its_place_is_not_sealed(void)
{
    struct fama_channel_key *key = usual_key();
    struct sealed sealed;
    uint8_t datagram[2048];
    for (uint32_t with_key = 0; with_key < 2; with_key++) {
        const struct fama_channel_key *used = with_key != 0 ? key : NULL;
        seal(&sealed, used, 50000, 1000, 4);
        CU_ASSERT_EQUAL(fama_chunk_seal(used, &sealed.chunk, datagram, sealed.len), sealed.len);
        for (size_t size = 0; size < sealed.len; size++) {
            CU_ASSERT_EQUAL_FATAL(fama_chunk_seal(used, &sealed.chunk, datagram, size), 0);
        }
        struct fama_chunk chunk = sealed.chunk;
        chunk.payload.len--;
        CU_ASSERT_EQUAL(fama_chunk_seal(used, &chunk, datagram, sizeof(datagram)), 0);
        chunk = sealed.chunk;
        chunk.index = 60;
        CU_ASSERT_EQUAL(fama_chunk_seal(used, &chunk, datagram, sizeof(datagram)), 0);
        CU_ASSERT_EQUAL(
            fama_chunk_seal(with_key != 0 ? NULL : key, &sealed.chunk, datagram, sizeof(datagram)),
            0);
        cut_block_free(sealed.block);
    }
    fama_channel_key_release(key);
}

static void test_the_commitment_is_the_one_computed_elsewhere_and_names_all(void)
{
    static const uint8_t expected[FAMA_SHA256_BYTES] = {
        0x8a, 0x8e, 0xf4, 0x0b, 0x4c, 0xec, 0x48, 0x8e, 0xe3, 0xb6, 0x70,
        0x09, 0x63, 0xc3, 0x11, 0xc7, 0x7d, 0x86, 0x66, 0x93, 0x62, 0x34,
        0x4b, 0xf6, 0xf9, 0x1e, 0xaf, 0xa4, 0x22, 0xc4, 0xc4, 0x83,
    };
    struct fama_channel_key *key = usual_key();
    CU_ASSERT_EQUAL(memcmp(key->commitment, expected, sizeof(expected)), 0);
    uint8_t other[FAMA_SHA256_BYTES] = {1};
    for (uint32_t what = 0; what < 4; what++) {
        struct fama_channel_key *changed =
            key_of(what == 0 ? other : channel_digest, what == 1 ? other : maker,
                   what == 2 ? EPOCH + 1 : EPOCH, what == 3 ? other : key_bytes);
        CU_ASSERT_NOT_EQUAL(memcmp(changed->commitment, expected, sizeof(expected)), 0);
        fama_channel_key_release(changed);
    }
    fama_channel_key_release(key);
    const struct fama_channel_key_setup setup = {channel_digest, maker, 0, key_bytes};
    CU_ASSERT_PTR_NULL(fama_channel_key_create(&setup));
    fama_channel_key_release(NULL);
}

static void test_a_key_takes_rising_blocks_only_and_each_once(void)
{
    struct fama_channel_key *key = usual_key();
    CU_ASSERT_TRUE(fama_channel_key_take_block(key, 0));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, 0));
    CU_ASSERT_TRUE(fama_channel_key_take_block(key, 5));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, 4));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, 5));
    CU_ASSERT_TRUE(fama_channel_key_take_block(key, 6));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, UINT64_MAX));
    CU_ASSERT_TRUE(fama_channel_key_take_block(key, UINT64_MAX - 1));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, UINT64_MAX));
    CU_ASSERT_FALSE(fama_channel_key_take_block(key, 0));
    fama_channel_key_release(key);
}

/* Two places of one block, and the same place of two blocks, never share a nonce: equal chunks then would show
 * equal ciphertexts. */
static void test_no_two_places_are_sealed_alike(void)
{
    struct fama_channel_key *key = usual_key();
    struct cut_block *block = cut_block_make_with_parity(5, 100 * 64, 64, 2, fama_tag_of(maker), 1);
    memset(block->bytes, 0, block->len);
    block->channel = fama_tag_of(channel_digest);
    block->key_epoch = EPOCH;
    static uint8_t bodies[512][16];
    uint32_t count = 0;
    for (uint32_t number = 0; number < 4; number++) {
        block->number = (uint64_t)1 << (16 * number);
        for (uint32_t set = 0; set < block->geometry.sets; set++) {
            for (uint32_t i = 0; i < cut_block_data(block, set); i++) {
                struct fama_chunk chunk;
                uint8_t proof[FAMA_MERKLE_DEPTH_MAX * FAMA_MERKLE_NODE_BYTES];
                uint8_t datagram[512];
                cut_block_set_chunk(block, set, i, &chunk, proof);
                CU_ASSERT_FATAL(fama_chunk_seal(key, &chunk, datagram, sizeof(datagram)) > 0);
                /* The signature is the same in all of them. */
                memcpy(bodies[count++], datagram + FAMA_WIRE_CHUNK_BYTES, 16);
            }
        }
    }
    CU_ASSERT_EQUAL_FATAL(count, 400);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            CU_ASSERT_NOT_EQUAL_FATAL(memcmp(bodies[i], bodies[j], 16), 0);
        }
    }
    cut_block_free(block);
    fama_channel_key_release(key);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("channel key"));
    for (uint32_t i = 0; i < 32; i++) {
        channel_digest[i] = (uint8_t)(i + 1);
        maker[i] = (uint8_t)(i + 50);
        key_bytes[i] = (uint8_t)(i + 100);
    }
    static const struct test_case cases[] = {
        TEST(test_what_is_sealed_opens_to_the_same_whoever_passed_it_on),
        TEST(test_the_payload_does_not_go_in_the_clear_and_the_largest_chunk_fits),
        TEST(test_every_changed_octet_but_the_hops_is_refused),
        TEST(test_another_key_opens_nothing),
        TEST(test_within_a_session_nothing_is_sealed_and_nothing_changed),
        TEST(test_what_does_not_fit_or_is_not_in_its_place_is_not_sealed),
        TEST(test_the_commitment_is_the_one_computed_elsewhere_and_names_all),
        TEST(test_a_key_takes_rising_blocks_only_and_each_once),
        TEST(test_no_two_places_are_sealed_alike),
    };
    return run_suite("channel key", cases, sizeof(cases) / sizeof(cases[0]));
}
