/* An adversary that sends nonsense by mistake would be refused for the wrong reason: what it means to say
 * well is read back here, and its spoilt blocks meet the very refusal it announces. */
#include "crypto/verifier.h"
#include "ledger/channel_config.h"
#include "net/impostor.h"
#include "unit/made_chain.h"
#include "unit/suite.h"

static struct made_chain chain;
static struct impostor_identity identity;
static struct impostor_voice voice;
static uint8_t *block_bytes;
static size_t block_len;

static bool is_signed_by_us(const uint8_t digest[FAMA_SHA256_BYTES], const uint8_t *raw)
{
    struct fama_verify_job job = {
        .key = fama_identity_key(fama_signer_identity(chain.signers[MADE_SIPHER]))};
    struct fama_verify_job *jobs[] = {&job};
    struct fama_verifier *verifier = fama_verifier_create();
    memcpy(job.digest, digest, sizeof(job.digest));
    CU_ASSERT_EQUAL(fama_signature_from_raw(raw, &job.signature), 0);
    fama_verifier_run(verifier, jobs, 1);
    fama_verifier_destroy(verifier);
    return job.verdict == FAMA_VERDICT_GOOD;
}

static bool read_message(const struct impostor_datagram *datagram, struct fama_message *message)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    if (fama_wire_message_read(fama_bytes(datagram->bytes, datagram->len), message) !=
        FAMA_DROP_NONE) {
        return false;
    }
    fama_wire_message_digest(message, identity.pki_id, digest);
    return message->author == fama_tag_of(identity.pki_id) &&
           is_signed_by_us(digest, message->signature);
}

static void test_its_identity_is_the_one_that_nodes_would_know(void)
{
    struct fama_identity *known = fama_signer_identity(chain.signers[MADE_SIPHER]);
    CU_ASSERT_EQUAL(memcmp(identity.pki_id, fama_identity_pki_id(known), FAMA_PKI_ID_BYTES), 0);
}

static void test_its_messages_are_read_and_verify(void)
{
    struct impostor_datagram datagram;
    struct fama_message message;
    struct fama_alive alive;
    struct fama_digest digest;
    struct fama_request request;
    struct fama_stateinfo stateinfo;
    const struct fama_endpoint endpoint = fama_endpoint_from_ipv4(0xc61200c8, 7051);

    impostor_make_alive(&voice, &endpoint, &datagram);
    CU_ASSERT_FATAL(read_message(&datagram, &message));
    CU_ASSERT_EQUAL(message.kind, FAMA_KIND_ALIVE);
    CU_ASSERT_EQUAL(fama_wire_alive_read(message.body, &alive), FAMA_DROP_NONE);
    CU_ASSERT(fama_endpoint_equal(&alive.endpoint, &endpoint));
    CU_ASSERT(datagram.len <= IMPOSTOR_MTU_DATAGRAM);
    uint64_t sequence = message.sequence;

    impostor_make_digest(&voice, 7, &datagram);
    CU_ASSERT_FATAL(read_message(&datagram, &message));
    CU_ASSERT_EQUAL(fama_wire_digest_read(message.body, &digest), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(digest.target, 7);
    CU_ASSERT(message.sequence > sequence);

    uint8_t body[64];
    size_t len = impostor_make_request(9, 11, body, sizeof(body));
    CU_ASSERT_EQUAL(fama_wire_request_read(fama_bytes(body, len), &request), FAMA_DROP_NONE);
    CU_ASSERT(request.channel == 9 && request.block == 11);
    impostor_make_bare(FAMA_KIND_REQUEST, fama_bytes(body, len), &datagram);
    CU_ASSERT_EQUAL(datagram.len, FAMA_WIRE_HEADER_BYTES + len);

    const struct fama_stateinfo said = {.channel = 9, .height = 3, .has_left = true};
    impostor_make_stateinfo(&voice, &said, &datagram);
    CU_ASSERT_FATAL(read_message(&datagram, &message));
    CU_ASSERT_EQUAL(fama_wire_stateinfo_read(message.body, &stateinfo), FAMA_DROP_NONE);
    CU_ASSERT(stateinfo.channel == 9 && stateinfo.height == 3 && stateinfo.has_left);
}

static struct fama_channel_key *make_key(void)
{
    static const uint8_t bytes[FAMA_CHANNEL_KEY_BYTES] = {3};
    uint8_t channel[FAMA_SHA256_BYTES];
    fama_channel_digest(MADE_CHANNEL, channel);
    const struct fama_channel_key_setup setup = {
        .channel_digest = channel, .maker_pki_id = identity.pki_id, .epoch = 7, .bytes = bytes};
    return fama_channel_key_create(&setup);
}

static bool proves_itself(const struct fama_channel_key *key,
                          const struct impostor_datagram *datagram, struct fama_chunk *chunk,
                          uint8_t *payload)
{
    static const uint8_t not_sealed[FAMA_SHA256_BYTES];
    static uint8_t proof[FAMA_WIRE_CHUNK_PROOF_MAX];
    uint8_t root[FAMA_MERKLE_NODE_BYTES], channel[FAMA_SHA256_BYTES], digest[FAMA_SHA256_BYTES];
    CU_ASSERT_EQUAL_FATAL(fama_wire_chunk_read(fama_bytes(datagram->bytes, datagram->len), chunk),
                          FAMA_DROP_NONE);
    CU_ASSERT_FATAL(key == NULL || fama_chunk_open(key, datagram->bytes, chunk, proof, payload));
    fama_merkle_climb(chunk->payload, chunk->index,
                      (uint32_t)chunk->data_chunks + chunk->parity_chunks, chunk->proof, root);
    fama_channel_digest(MADE_CHANNEL, channel);
    fama_wire_root_digest(chunk, channel, identity.pki_id,
                          key != NULL ? key->commitment : not_sealed, root, digest);
    return is_signed_by_us(digest, chunk->signature);
}

static void check_set(const struct impostor_cut *cut, uint32_t set, uint32_t data, uint8_t *joined)
{
    static struct impostor_datagram datagrams[FAMA_SET_CHUNKS_MAX];
    static uint8_t payload[FAMA_CHUNK_BYTES_MAX];
    uint32_t count = impostor_cut_set(cut, (uint16_t)set, datagrams);
    CU_ASSERT_EQUAL(count, data + fama_geometry_parity_chunks(cut->parity, data));
    for (uint32_t i = 0; i < count; i++) {
        struct fama_chunk chunk;
        CU_ASSERT(proves_itself(cut->key, &datagrams[i], &chunk, payload));
        CU_ASSERT(chunk.index == i && chunk.set == set && chunk.block == 5);
        if (i < data) {
            size_t offset = ((size_t)set * FAMA_SET_CHUNKS + i) * chunk.chunk_bytes;
            memcpy(joined + offset, chunk.payload.at, chunk.payload.len);
        }
    }
}

static void check_cut(const struct fama_channel_key *key, uint8_t parity)
{
    uint8_t *joined = calloc(1, block_len);
    const struct impostor_cut cut = {
        .signer = &identity,
        .origin_pki_id = identity.pki_id,
        .channel = MADE_CHANNEL,
        .number = 5,
        .block = fama_bytes(block_bytes, block_len),
        .chunk_bytes = FAMA_CHUNK_BYTES_MIN,
        .parity = parity,
        .key = key,
    };
    static struct impostor_datagram none[FAMA_SET_CHUNKS_MAX];
    struct fama_geometry geometry;
    CU_ASSERT_FATAL(joined != NULL &&
                    fama_geometry((uint32_t)block_len, cut.chunk_bytes, &geometry));
    CU_ASSERT(geometry.sets > 1);
    for (uint32_t set = 0; set < geometry.sets; set++) {
        check_set(&cut, set, fama_geometry_set_chunks(&geometry, set), joined);
    }
    CU_ASSERT_EQUAL(impostor_cut_set(&cut, (uint16_t)geometry.sets, none), 0);
    CU_ASSERT_EQUAL(memcmp(joined, block_bytes, block_len), 0);
    free(joined);
}

static void test_its_chunks_prove_themselves_and_make_the_block(void)
{
    struct fama_channel_key *key = make_key();
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    check_cut(NULL, 0);
    check_cut(key, 0);
    check_cut(key, 4);
    fama_channel_key_release(key);
}

/* The liar signs what it sends: only who encodes the set again can tell. Garbage is no signature at all. */
static void test_a_polluted_set_is_signed_and_another_one_than_the_honest(void)
{
    static struct impostor_datagram honest[FAMA_SET_CHUNKS_MAX], lie[FAMA_SET_CHUNKS_MAX];
    static uint8_t payload[FAMA_CHUNK_BYTES_MAX];
    struct fama_channel_key *key = make_key();
    struct fama_chunk chunk;
    struct impostor_cut cut = {
        .signer = &identity,
        .origin_pki_id = identity.pki_id,
        .channel = MADE_CHANNEL,
        .number = 5,
        .block = fama_bytes(block_bytes, block_len),
        .chunk_bytes = FAMA_CHUNK_BYTES_MIN,
        .parity = 4,
        .key = key,
    };
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL_FATAL(impostor_cut_set(&cut, 0, honest), FAMA_SET_CHUNKS + 4);
    cut.is_polluted = true;
    CU_ASSERT_EQUAL_FATAL(impostor_cut_set(&cut, 0, lie), FAMA_SET_CHUNKS + 4);
    for (uint32_t i = 0; i < FAMA_SET_CHUNKS + 4; i++) {
        CU_ASSERT(proves_itself(key, &lie[i], &chunk, payload));
        CU_ASSERT(memcmp(honest[i].bytes, lie[i].bytes, lie[i].len) != 0);
    }
    cut.has_garbage_signature = true;
    CU_ASSERT_EQUAL_FATAL(impostor_cut_set(&cut, 0, lie), FAMA_SET_CHUNKS + 4);
    CU_ASSERT_FALSE(proves_itself(key, &lie[0], &chunk, payload));
    fama_channel_key_release(key);
}

/* What a ledger says before it looks at the link and the signatures. */
static enum fama_block_refusal judge(struct fama_bytes bytes, uint64_t number)
{
    struct fama_block block;
    enum fama_block_refusal refusal = fama_block_parse(bytes, &block);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        refusal = fama_block_check(&block, number, MADE_CHANNEL);
        fama_block_clear(&block);
    }
    return refusal;
}

static void check_change(enum impostor_change change)
{
    uint8_t *made = NULL;
    size_t made_len = 0;
    struct fama_bytes original = fama_bytes(block_bytes, block_len);
    CU_ASSERT_FATAL(impostor_change_block(change, &identity, original, &made, &made_len));
    uint64_t number = change == IMPOSTOR_OTHER_NUMBER ? 2 : 1;
    enum fama_block_refusal refusal = judge(fama_bytes(made, made_len), number);
    bool is_sound_in_itself = change == IMPOSTOR_UNCHANGED || change == IMPOSTOR_FLIPPED_LINK ||
                              change == IMPOSTOR_RE_SIGNED || change == IMPOSTOR_FLIPPED_SIGNATURE;
    if (is_sound_in_itself) {
        CU_ASSERT_EQUAL(refusal, FAMA_BLOCK_ACCEPTED);
    } else {
        CU_ASSERT_STRING_EQUAL(fama_block_refusal_name(refusal), impostor_change_refusal(change));
    }
    bool is_same = made_len == block_len && memcmp(made, block_bytes, block_len) == 0;
    CU_ASSERT_EQUAL(is_same, change == IMPOSTOR_UNCHANGED || change == IMPOSTOR_OTHER_NUMBER);
    free(made);
}

static void test_each_spoilt_block_meets_the_refusal_it_announces(void)
{
    for (int change = 0; change < IMPOSTOR_CHANGES; change++) {
        check_change((enum impostor_change)change);
    }
}

static void test_every_counter_it_expects_has_that_name(void)
{
    const struct impostor_attack *attack;
    for (size_t i = 0; (attack = impostor_attack_at(i)) != NULL; i++) {
        CU_ASSERT_PTR_EQUAL(impostor_attack_find(attack->name), attack);
        for (size_t k = 0; k < IMPOSTOR_EXPECTED_MAX && attack->drops[k] != NULL; k++) {
            bool is_known = false;
            for (int drop = 1; drop < FAMA_DROP_COUNT; drop++) {
                is_known |= strcmp(fama_drop_name((enum fama_drop)drop), attack->drops[k]) == 0;
            }
            CU_ASSERT(is_known);
        }
    }
}

/* Block 1 of a made chain, and the identity of its first peer. */
static bool prepare(void)
{
    struct fama_error error = {""};
    char msp[300];
    struct fama_chain_builder *builder = NULL;
    if (!made_chain_create(&chain)) {
        return false;
    }
    snprintf(msp, sizeof(msp), "%s/sipher/peers/peer0.sipher.test/msp", chain.folder);
    const struct fama_chain_identities identities = {.orderer = chain.signers[MADE_ORDERER],
                                                     .client = chain.signers[MADE_CLIENT],
                                                     .endorsers = chain.endorsers,
                                                     .endorser_count = 2};
    bool is_ready = impostor_identity_open(msp, "SipherMSP", &identity, &error) == 0 &&
                    fama_chain_builder_create(&chain.genesis, &identities, &builder, &error) == 0 &&
                    fama_chain_builder_next(builder, 1, 100, &block_bytes, &block_len, &error) == 0;
    fama_chain_builder_destroy(builder);
    voice = (struct impostor_voice){.identity = &identity, .incarnation = 1};
    if (!is_ready) {
        fprintf(stderr, "test_impostor: %s\n", error.text);
    }
    return is_ready;
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_its_identity_is_the_one_that_nodes_would_know),
        TEST(test_its_messages_are_read_and_verify),
        TEST(test_its_chunks_prove_themselves_and_make_the_block),
        TEST(test_a_polluted_set_is_signed_and_another_one_than_the_honest),
        TEST(test_each_spoilt_block_meets_the_refusal_it_announces),
        TEST(test_every_counter_it_expects_has_that_name),
    };
    int status =
        prepare() ? run_suite("impostor", cases, sizeof(cases) / sizeof(cases[0])) : EXIT_FAILURE;
    free(block_bytes);
    impostor_identity_close(&identity);
    made_chain_destroy(&chain);
    return status;
}
