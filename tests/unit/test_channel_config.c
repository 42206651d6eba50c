/* Channel configurations, real and made, and the judgement of block signatures against them. */
#include "ledger/channel_config.h"

#include <openssl/core_names.h>

#include "ledger/arena.h"
#include "ledger/envelope.h"
#include "ledger/pack.h"
#include "ledger/proto/configtx.pb-c.h"
#include "ledger/proto/configuration.pb-c.h"
#include "ledger/proto/msp.pb-c.h"
#include "ledger/proto/msp_principal.pb-c.h"
#include "unit/certificates.h"
#include "unit/made_config.h"
#include "unit/real_blocks.h"

static struct made_chain made;

static int make(void)
{
    return made_chain_create(&made) ? 0 : -1;
}

static struct fama_channel_config *config_of(struct fama_bytes bytes)
{
    struct fama_block block;
    struct fama_error error = {{0}};
    struct fama_channel_config *config = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    if (fama_channel_config_from_block(&block, &config, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    fama_block_clear(&block);
    return config;
}

static struct fama_channel_config *made_config(void)
{
    return config_of(fama_bytes(made.genesis_bytes, made.genesis_len));
}

static void test_a_real_genesis_block_gives_the_channel_and_its_msps(void)
{
    const char *shared = shared_data_or_say_so("reading real channel configurations");
    for (size_t c = 0; shared != NULL && c < REAL_CHAINS; c++) {
        struct fama_bytes bytes = read_real_block(shared, real_chains[c].channel, 0);
        struct fama_channel_config *config = config_of(bytes);
        free_bytes(bytes); /* nothing of the block is needed any more */
        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        CU_ASSERT_STRING_EQUAL(fama_channel_config_id(config), real_chains[c].channel);
        CU_ASSERT_EQUAL(fama_channel_config_sequence(config), 0);
        CU_ASSERT_PTR_NOT_NULL(fama_channel_config_msp(config, fama_bytes_of_text("OrdererMSP")));
        CU_ASSERT_PTR_NOT_NULL(fama_channel_config_application_msp(config, "SipherMSP"));
        CU_ASSERT_PTR_NULL(fama_channel_config_application_msp(config, "OrdererMSP"));
        fama_channel_config_release(config);
    }
}

static void test_every_real_block_is_signed_by_an_orderer_of_its_channel(void)
{
    const char *shared = shared_data_or_say_so("signatures of real blocks");
    for (size_t c = 0; shared != NULL && c < REAL_CHAINS; c++) {
        struct fama_bytes genesis = read_real_block(shared, real_chains[c].channel, 0);
        struct fama_channel_config *config = config_of(genesis);
        free_bytes(genesis);
        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        for (size_t i = 1; i < real_chains[c].blocks; i++) {
            struct fama_bytes bytes = read_real_block(shared, real_chains[c].channel, i);
            struct fama_block block;
            CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
            CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_ACCEPTED);
            if (fama_block_is_config(&block)) {
                struct fama_channel_config *next = config_of(bytes);
                CU_ASSERT_PTR_NOT_NULL_FATAL(next);
                CU_ASSERT_EQUAL(fama_channel_config_sequence(next),
                                fama_channel_config_sequence(config) + 1);
                fama_channel_config_release(config);
                config = next;
            }
            fama_block_clear(&block);
            free_bytes(bytes);
        }
        fama_channel_config_release(config);
    }
}

/* A block of the made chain signed by `orderer`, as bytes to be released with free(). */
static struct fama_bytes made_block(enum made_member orderer)
{
    struct fama_chain_builder *builder = made_builder(&made, orderer);
    uint8_t *bytes;
    size_t len;
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 1, 64, &bytes, &len, NULL), 0);
    fama_chain_builder_destroy(builder);
    return fama_bytes(bytes, len);
}

static enum fama_block_refusal judge(struct fama_bytes bytes)
{
    struct fama_channel_config *config = made_config();
    struct fama_block block;
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    enum fama_block_refusal refusal = fama_block_parse(bytes, &block);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        refusal = fama_block_check(&block, 1, MADE_CHANNEL);
    }
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        refusal = verify_signatures(config, &block);
    }
    fama_block_clear(&block);
    fama_channel_config_release(config);
    return refusal;
}

static void test_a_block_signed_by_the_channels_orderer_is_accepted(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_ACCEPTED);
    free_bytes(bytes);
}

static void test_a_block_resigned_by_a_strangers_ca_has_an_unknown_signer(void)
{
    struct fama_bytes bytes = made_block(MADE_STRANGER);
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_UNKNOWN_SIGNER);
    free_bytes(bytes);
}

static void test_a_block_signed_by_a_peer_of_the_channel_has_an_unknown_signer(void)
{
    struct fama_bytes bytes = made_block(MADE_SIPHER);
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_UNKNOWN_SIGNER);
    free_bytes(bytes);
}

static void test_a_block_whose_signature_was_tampered_with_is_refused(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    /* The signature is the last field of slot 0; its last byte belongs to s. */
    struct fama_bytes slot = block.metadata[FAMA_BLOCK_SIGNATURES];
    uint8_t *last = (uint8_t *)(uintptr_t)(slot.at + slot.len - 1);
    fama_block_clear(&block);
    *last ^= 1;
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_BAD_SIGNATURE);
    *last ^= 1;
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_ACCEPTED);
    free_bytes(bytes);
}

static void test_a_changed_previous_hash_breaks_the_signature(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    uint8_t *hash = (uint8_t *)(uintptr_t)block.previous_hash.at;
    fama_block_clear(&block);
    hash[5] ^= 0x10;
    CU_ASSERT_EQUAL(judge(bytes), FAMA_BLOCK_BAD_SIGNATURE);
    free_bytes(bytes);
}

static void test_no_flipped_bit_of_a_block_changes_what_would_be_committed(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_channel_config *config = made_config();
    struct fama_block good;
    size_t seen[FAMA_BLOCK_REFUSAL_COUNT] = {0};
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &good), FAMA_BLOCK_ACCEPTED);
    uint8_t *copy = malloc(bytes.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, bytes.at, bytes.len);
    for (size_t bit = 0; bit < 8 * bytes.len; bit += 3) {
        struct fama_block block;
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum fama_block_refusal refusal = fama_block_parse(fama_bytes(copy, bytes.len), &block);
        if (refusal == FAMA_BLOCK_ACCEPTED) {
            refusal = fama_block_check(&block, 1, MADE_CHANNEL);
        }
        if (refusal == FAMA_BLOCK_ACCEPTED) {
            refusal = verify_signatures(config, &block);
        }
        if (refusal == FAMA_BLOCK_ACCEPTED) {
            /* Only slots nobody signs may differ: header and transactions are the same. */
            CU_ASSERT_EQUAL(memcmp(block.header_hash, good.header_hash, FAMA_SHA256_BYTES), 0);
            CU_ASSERT_EQUAL(block.envelope_count, good.envelope_count);
            CU_ASSERT(fama_bytes_equal(block.envelopes[0], good.envelopes[0]));
        }
        seen[refusal]++;
        fama_block_clear(&block);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CU_ASSERT(seen[FAMA_BLOCK_ACCEPTED] < 100);
    CU_ASSERT(seen[FAMA_BLOCK_DATA_HASH] > 1000);
    CU_ASSERT(seen[FAMA_BLOCK_UNKNOWN_SIGNER] > 100);
    CU_ASSERT(seen[FAMA_BLOCK_BAD_SIGNATURE] > 100);
    free(copy);
    fama_block_clear(&good);
    fama_channel_config_release(config);
    free_bytes(bytes);
}

static void test_a_block_without_signatures_has_an_unknown_signer(void)
{
    struct fama_channel_config *config = made_config();
    CU_ASSERT_EQUAL(verify_signatures(config, &made.genesis), FAMA_BLOCK_UNKNOWN_SIGNER);
    struct fama_block bare = made.genesis;
    bare.metadata_count = 0;
    CU_ASSERT_EQUAL(verify_signatures(config, &bare), FAMA_BLOCK_NO_METADATA);
    bare = made.genesis;
    bare.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes("\x12\x04\x0a\x02\x0a\x7f", 6);
    CU_ASSERT_EQUAL(verify_signatures(config, &bare), FAMA_BLOCK_NO_METADATA);
    fama_channel_config_release(config);
}

/* The first signature's identity in a block, a reference to be released. Nothing is verified. */
static struct fama_identity *signer_of(const struct fama_channel_config *config,
                                       const struct fama_block *block)
{
    struct fama_block_signatures signatures;
    CU_ASSERT_EQUAL_FATAL(fama_block_signatures_prepare(config, block, &signatures),
                          FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(signatures.count, 1);
    struct fama_identity *identity = fama_identity_acquire(signatures.identities[0]);
    CU_ASSERT_EQUAL(fama_block_signatures_judge(config, &signatures), FAMA_BLOCK_BAD_SIGNATURE);
    fama_block_signatures_clear(&signatures);
    return identity;
}

/* Slot 0 with one signature by an identity of OrdererMSP. The signature does not verify. */
static struct fama_bytes slot_of(struct fama_bytes id_bytes, struct fama_bytes unknown_field,
                                 struct fama_arena *arena)
{
    static const uint8_t der[] = {0x30, 6, 0x02, 1, 1, 0x02, 1, 1};
    Msp__SerializedIdentity serialized = MSP__SERIALIZED_IDENTITY__INIT;
    Common__MetadataSignature signature = COMMON__METADATA_SIGNATURE__INIT;
    Common__MetadataSignature *signatures[] = {&signature};
    Common__Metadata metadata = COMMON__METADATA__INIT;
    serialized.mspid = fama_pack_text("OrdererMSP");
    serialized.id_bytes = fama_pack_binary(id_bytes);
    struct fama_bytes known = fama_pack(arena, &serialized.base);
    uint8_t *creator = fama_arena_take(arena, known.len + unknown_field.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(creator);
    memcpy(creator, known.at, known.len);
    if (unknown_field.len > 0) {
        memcpy(creator + known.len, unknown_field.at, unknown_field.len);
    }
    signature.signature_header = fama_pack_binary(fama_pack_signature_header(
        arena, fama_bytes(creator, known.len + unknown_field.len), fama_bytes("nonce", 5)));
    signature.signature = fama_pack_binary(fama_bytes(der, sizeof(der)));
    metadata.n_signatures = 1;
    metadata.signatures = signatures;
    struct fama_bytes slot = fama_pack(arena, &metadata.base);
    CU_ASSERT_FALSE_FATAL(arena->is_exhausted);
    return slot;
}

static void test_a_signer_is_remembered_once_a_signature_of_its_verified(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_channel_config *config = made_config();
    struct fama_block block;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(verify_signatures(config, &block), FAMA_BLOCK_ACCEPTED);
    struct fama_identity *first = signer_of(config, &block);
    struct fama_identity *second = signer_of(config, &block);
    CU_ASSERT_PTR_EQUAL(first, second);

    /* Another encoding of the same identity is the same to Fabric, and to the cache. */
    struct fama_arena arena;
    fama_arena_init(&arena, (size_t)1 << 20);
    block.metadata[FAMA_BLOCK_SIGNATURES] =
        slot_of(fama_identity_id_bytes(first), fama_bytes("\x1a\x01x", 3), &arena);
    struct fama_identity *third = signer_of(config, &block);
    CU_ASSERT_PTR_EQUAL(first, third);
    fama_arena_clear(&arena);

    fama_channel_config_release(config); /* the references keep the identity alive */
    CU_ASSERT_STRING_EQUAL(fama_identity_mspid(first), "OrdererMSP");
    fama_identity_release(first);
    fama_identity_release(second);
    fama_identity_release(third);
    fama_block_clear(&block);
    free_bytes(bytes);
}

static void test_encodings_of_a_certificate_that_its_holder_did_not_sign_are_not_remembered(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_channel_config *config = made_config();
    struct fama_bytes pem =
        fama_identity_id_bytes(fama_signer_identity(made.signers[MADE_ORDERER]));
    struct fama_block block;
    struct fama_arena arena;
    char text[4096];
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(verify_signatures(config, &block), FAMA_BLOCK_ACCEPTED);
    struct fama_identity *known = signer_of(config, &block);
    struct fama_bytes good_slot = block.metadata[FAMA_BLOCK_SIGNATURES];
    fama_arena_init(&arena, (size_t)16 << 20);
    for (int i = 0; i < 300; i++) { /* more than are remembered */
        int len = snprintf(text, sizeof(text), "forgery %d\n%.*s", i, (int)pem.len, pem.at);
        CU_ASSERT_FATAL(len > 0 && (size_t)len < sizeof(text));
        block.metadata[FAMA_BLOCK_SIGNATURES] =
            slot_of(fama_bytes(text, (size_t)len), fama_bytes(NULL, 0), &arena);
        CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_BAD_SIGNATURE);
    }
    block.metadata[FAMA_BLOCK_SIGNATURES] = good_slot;
    struct fama_identity *still_known = signer_of(config, &block);
    CU_ASSERT_PTR_EQUAL(known, still_known);
    fama_identity_release(known);
    fama_identity_release(still_known);
    fama_arena_clear(&arena);
    fama_channel_config_release(config);
    fama_block_clear(&block);
    free_bytes(bytes);
}

/* An orderer's certificate for a key on another curve, issued by the channel's orderer CA. */
static void make_orderer_on_curve(const char *curve, struct test_pair *pair)
{
    char path[256];
    struct test_pair ca = {0};
    snprintf(path, sizeof(path), "%s/orderer/ca/ca.orderer.test-cert.pem", made.folder);
    BIO *bio = BIO_new_file(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(bio);
    ca.certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    snprintf(path, sizeof(path), "%s/orderer/ca/priv_sk", made.folder);
    bio = BIO_new_file(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(bio);
    ca.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    CU_ASSERT_FATAL(ca.certificate != NULL && ca.key != NULL);
    const struct test_order order = {
        .common_name = "orderer1", .ous = {"orderer"}, .curve = curve, .issuer = &ca};
    test_make(&order, pair);
    test_free(&ca);
}

/* A signature of `message` with a low s, as Fabric's signers write it on any curve. */
static size_t sign_low(EVP_PKEY *key, struct fama_bytes message, uint8_t *der, size_t size)
{
    size_t len = size;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CU_ASSERT_FATAL(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                    EVP_DigestSign(context, der, &len, message.at, message.len) == 1);
    EVP_MD_CTX_free(context);
    const uint8_t *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BIGNUM *order = NULL;
    CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order) == 1);
    BIGNUM *s = BN_dup(ECDSA_SIG_get0_s(signature));
    BIGNUM *half = BN_dup(order);
    CU_ASSERT_FATAL(BN_rshift1(half, order) == 1);
    if (BN_cmp(s, half) > 0) {
        CU_ASSERT_FATAL(BN_sub(s, order, s) == 1);
    }
    CU_ASSERT_FATAL(ECDSA_SIG_set0(signature, BN_dup(ECDSA_SIG_get0_r(signature)), s) == 1);
    uint8_t *out = der;
    int written = i2d_ECDSA_SIG(signature, &out);
    CU_ASSERT_FATAL(written > 0 && (size_t)written <= size);
    BN_free(half);
    BN_free(order);
    ECDSA_SIG_free(signature);
    return (size_t)written;
}

/* Slot 0 with signatures of a block made by `pairs`, which are of OrdererMSP; a pair whose number is not
 * zero signs as the consenter of that number, without saying who it is. */
static struct fama_bytes sign_slot(const struct fama_block *block, struct test_pair *const *pairs,
                                   const uint8_t *numbers, size_t count, struct fama_arena *arena)
{
    Common__MetadataSignature list[16];
    Common__MetadataSignature *signatures[16];
    Common__Metadata metadata = COMMON__METADATA__INIT;
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    struct fama_bytes parts[3];
    CU_ASSERT_FATAL(count <= 16);
    size_t der_len = fama_block_header_der(block->number, block->previous_hash, block->data_hash,
                                           der, sizeof(der));
    parts[0] = fama_bytes("value", 5);
    parts[2] = fama_bytes(der, der_len);
    for (size_t i = 0; i < count; i++) {
        Msp__SerializedIdentity serialized = MSP__SERIALIZED_IDENTITY__INIT;
        common__metadata_signature__init(&list[i]);
        signatures[i] = &list[i];
        if (numbers[i] == 0) {
            serialized.mspid = fama_pack_text("OrdererMSP");
            serialized.id_bytes = fama_pack_binary(test_pem(pairs[i]));
            parts[1] = fama_pack_signature_header(arena, fama_pack(arena, &serialized.base),
                                                  fama_bytes("nonce", 5));
            list[i].signature_header = fama_pack_binary(parts[1]);
        } else {
            uint8_t *header = fama_arena_take(arena, 5);
            memcpy(header, "\x08\x00\x12\x01n", 5);
            header[1] = numbers[i];
            parts[1] = fama_bytes(header, 5);
            list[i].identifier_header = fama_pack_binary(parts[1]);
        }
        uint8_t *message = fama_arena_take(arena, 8192);
        uint8_t *signature = fama_arena_take(arena, 256);
        CU_ASSERT_FATAL(message != NULL && signature != NULL);
        size_t len = 0;
        for (size_t p = 0; p < 3; p++) {
            CU_ASSERT_FATAL(len + parts[p].len <= 8192);
            memcpy(message + len, parts[p].at, parts[p].len);
            len += parts[p].len;
        }
        size_t signature_len = sign_low(pairs[i]->key, fama_bytes(message, len), signature, 256);
        list[i].signature = fama_pack_binary(fama_bytes(signature, signature_len));
    }
    metadata.value = fama_pack_binary(parts[0]);
    metadata.n_signatures = count;
    metadata.signatures = signatures;
    struct fama_bytes slot = fama_pack(arena, &metadata.base);
    CU_ASSERT_FALSE_FATAL(arena->is_exhausted);
    return slot;
}

static void test_an_orderer_with_a_key_on_another_curve_signs_blocks_too(void)
{
    static const char *const curves[] = {"P-224", "P-384", "P-521"};
    static const uint8_t by_name[] = {0};
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_channel_config *config = made_config();
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        struct fama_block block;
        struct fama_arena arena;
        struct test_pair pair;
        struct test_pair *const pairs[] = {&pair};
        CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
        make_orderer_on_curve(curves[i], &pair);
        fama_arena_init(&arena, (size_t)1 << 20);
        block.metadata[FAMA_BLOCK_SIGNATURES] =
            slot_of(test_pem(&pair), fama_bytes(NULL, 0), &arena);
        CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_BAD_SIGNATURE);
        block.metadata[FAMA_BLOCK_SIGNATURES] = sign_slot(&block, pairs, by_name, 1, &arena);
        CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_ACCEPTED);
        fama_arena_clear(&arena);
        test_free(&pair);
        fama_block_clear(&block);
    }
    fama_channel_config_release(config);
    free_bytes(bytes);
}

/* --- Blocks of BFT orderers --- */

#define CONSENTERS 4

static struct test_pair consenters[CONSENTERS];

/* Consenters 1 to 4, three of whom must sign; a channel of capability V3_0. */
static void be_bft(made_group *root, struct fama_arena *arena)
{
    Common__SignaturePolicy rules[CONSENTERS];
    Common__SignaturePolicy *rule_list[CONSENTERS];
    Common__MSPPrincipal principals[CONSENTERS];
    Common__MSPPrincipal *principal_list[CONSENTERS];
    Common__SignaturePolicy__NOutOf gate = COMMON__SIGNATURE_POLICY__NOUT_OF__INIT;
    Common__SignaturePolicy rule = COMMON__SIGNATURE_POLICY__INIT;
    Common__SignaturePolicyEnvelope envelope = COMMON__SIGNATURE_POLICY_ENVELOPE__INIT;
    Common__Consenter mapping[CONSENTERS];
    Common__Consenter *mapping_list[CONSENTERS];
    Common__Orderers orderers = COMMON__ORDERERS__INIT;
    for (int i = 0; i < CONSENTERS; i++) {
        Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;
        identity.mspid = fama_pack_text("OrdererMSP");
        identity.id_bytes = fama_pack_binary(test_pem(&consenters[i]));
        common__signature_policy__init(&rules[i]);
        rules[i].type_case = COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY;
        rules[i].signed_by = i;
        rule_list[i] = &rules[i];
        common__mspprincipal__init(&principals[i]);
        principals[i].principal_classification = 2;
        principals[i].principal = fama_pack_binary(fama_pack(arena, &identity.base));
        principal_list[i] = &principals[i];
        common__consenter__init(&mapping[i]);
        mapping[i].id = (uint32_t)i + 1;
        mapping[i].msp_id = identity.mspid;
        mapping[i].identity = identity.id_bytes;
        mapping_list[i] = &mapping[i];
    }
    gate.n = 3;
    gate.n_rules = CONSENTERS;
    gate.rules = rule_list;
    rule.type_case = COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF;
    rule.n_out_of = &gate;
    envelope.rule = &rule;
    envelope.n_identities = CONSENTERS;
    envelope.identities = principal_list;
    orderers.n_consenter_mapping = CONSENTERS;
    orderers.consenter_mapping = mapping_list;
    made_group *group = made_child(root, "Orderer");
    Common__Policy *policy = made_policy(group, "BlockValidation")->policy;
    policy->type = 1;
    policy->value = fama_pack_binary(fama_pack(arena, &envelope.base));
    (void)made_add_value(group, arena, "Orderers", fama_pack(arena, &orderers.base));
    made_value(root, "Capabilities")->value =
        fama_pack_binary(fama_bytes("\x0a\x06\x0a\x04V3_0", 8));
}

static void be_bft_below_v3(made_group *root, struct fama_arena *arena)
{
    be_bft(root, arena);
    made_value(root, "Capabilities")->value =
        fama_pack_binary(fama_bytes("\x0a\x06\x0a\x04V2_0", 8));
}

static enum fama_block_refusal judge_bft(const struct fama_channel_config *config,
                                         struct fama_block *block, const size_t *signers,
                                         const uint8_t *numbers, size_t count)
{
    struct test_pair *pairs[16];
    struct fama_arena arena;
    for (size_t i = 0; i < count; i++) {
        pairs[i] = &consenters[signers[i]];
    }
    fama_arena_init(&arena, (size_t)16 << 20);
    block->metadata[FAMA_BLOCK_SIGNATURES] = sign_slot(block, pairs, numbers, count, &arena);
    enum fama_block_refusal refusal = verify_signatures(config, block);
    fama_arena_clear(&arena);
    return refusal;
}

static void test_bft_orderers_sign_by_number_and_a_quorum_must(void)
{
    static const size_t all[] = {0, 1, 2, 3};
    static const size_t twice[] = {0, 1, 1, 1};
    static const uint8_t named[] = {1, 2, 3, 4};
    static const uint8_t repeated[] = {1, 2, 2, 2};
    static const uint8_t by_header[] = {0, 0, 3, 4};
    static const uint8_t unknown[] = {1, 2, 9, 9};
    static const uint8_t swapped[] = {1, 3, 2, 9};
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_block block;
    struct fama_arena arena;
    for (size_t i = 0; i < CONSENTERS; i++) {
        make_orderer_on_curve(i == 3 ? "P-384" : "P-256", &consenters[i]);
    }
    fama_arena_init(&arena, (size_t)16 << 20);
    struct fama_channel_config *config = made_base(&made, be_bft, &arena);
    struct fama_channel_config *old = made_base(&made, be_bft_below_v3, &arena);
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);

    CU_ASSERT_EQUAL(fama_channel_config_orderer(config)->consenter_count, CONSENTERS);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, named, 4), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, named, 3), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all + 1, named + 1, 3), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, by_header, 4), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, named, 2), FAMA_BLOCK_UNKNOWN_SIGNER);
    CU_ASSERT_EQUAL(judge_bft(config, &block, twice, repeated, 4), FAMA_BLOCK_UNKNOWN_SIGNER);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, unknown, 4), FAMA_BLOCK_UNKNOWN_SIGNER);
    CU_ASSERT_EQUAL(judge_bft(config, &block, all, swapped, 4), FAMA_BLOCK_UNKNOWN_SIGNER);
    /* Without the capability numbers name nobody, and certificates still do. */
    CU_ASSERT_EQUAL(judge_bft(old, &block, all, named, 4), FAMA_BLOCK_UNKNOWN_SIGNER);
    CU_ASSERT_EQUAL(judge_bft(old, &block, all, by_header, 2), FAMA_BLOCK_UNKNOWN_SIGNER);
    static const uint8_t headers[] = {0, 0, 0};
    CU_ASSERT_EQUAL(judge_bft(old, &block, all, headers, 3), FAMA_BLOCK_ACCEPTED);

    /* An identifier that does not decode refuses the block, not the signature. */
    block.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes("\x12\x03\x1a\x01\x08", 5);
    CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_NO_METADATA);
    CU_ASSERT_EQUAL(verify_signatures(old, &block), FAMA_BLOCK_UNKNOWN_SIGNER);

    fama_channel_config_release(config);
    fama_channel_config_release(old);
    fama_arena_clear(&arena);
    fama_block_clear(&block);
    free_bytes(bytes);
    for (size_t i = 0; i < CONSENTERS; i++) {
        test_free(&consenters[i]);
    }
}

/* --- Other policies for blocks --- */

static void drop_block_validation(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_policy(made_child(root, "Orderer"), "BlockValidation");
}

static void drop_orderer(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_drop_group(root, "Orderer");
}

/* Two out of two members: a policy that one signature must not satisfy. */
static void demand_two(made_group *root, struct fama_arena *arena)
{
    static const uint8_t policy[] = {0x12, 12,  0x12, 10,  8,    2,   0x12, 2,   8,    0,
                                     0x12, 2,   8,    0,   0x1a, 14,  0x12, 12,  0x0a, 10,
                                     'O',  'r', 'd',  'e', 'r',  'e', 'r',  'M', 'S',  'P'};
    (void)arena;
    made_policy(made_child(made_child(root, "Orderer"), "OrdererOrg"), "Writers")->policy->value =
        fama_pack_binary(fama_bytes(policy, sizeof(policy)));
}

/* Nobody has to sign. */
static void demand_nothing(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_policy(made_child(made_child(root, "Orderer"), "OrdererOrg"), "Writers")->policy->value =
        fama_pack_binary(fama_bytes("\x12\x02\x12\x00", 4));
}

static void test_the_policy_for_blocks_is_what_the_channel_says(void)
{
    static const struct {
        made_change base;
        enum fama_block_refusal signed_block;
        enum fama_block_refusal unsigned_block;
    } cases[] = {
        {NULL, FAMA_BLOCK_ACCEPTED, FAMA_BLOCK_UNKNOWN_SIGNER},
        {drop_block_validation, FAMA_BLOCK_UNKNOWN_SIGNER, FAMA_BLOCK_UNKNOWN_SIGNER},
        {drop_orderer, FAMA_BLOCK_UNKNOWN_SIGNER, FAMA_BLOCK_UNKNOWN_SIGNER},
        {demand_two, FAMA_BLOCK_UNKNOWN_SIGNER, FAMA_BLOCK_UNKNOWN_SIGNER},
        {demand_nothing, FAMA_BLOCK_ACCEPTED, FAMA_BLOCK_ACCEPTED},
    };
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fama_block block;
        struct fama_arena arena;
        fama_arena_init(&arena, (size_t)16 << 20);
        struct fama_channel_config *config = made_base(&made, cases[i].base, &arena);
        CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
        CU_ASSERT_EQUAL(verify_signatures(config, &block), cases[i].signed_block);
        block.metadata[FAMA_BLOCK_SIGNATURES] = fama_bytes("", 0);
        CU_ASSERT_EQUAL(verify_signatures(config, &block), cases[i].unsigned_block);
        fama_channel_config_release(config);
        fama_block_clear(&block);
        fama_arena_clear(&arena);
    }
    free_bytes(bytes);
}

/* Changes the made genesis configuration by `change` and says whether it still is one. */
static bool is_config_after(void (*change)(Common__ConfigGroup *root, struct fama_arena *arena),
                            struct fama_error *error)
{
    struct fama_arena arena;
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_channel_config *config = NULL;
    fama_arena_init(&arena, (size_t)16 << 20);
    CU_ASSERT_FATAL(fama_envelope_decode(made.genesis.envelopes[0], &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    Common__ConfigEnvelope *message =
        common__config_envelope__unpack(&arena.allocator, payload.data.len, payload.data.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    change(message->config->channel_group, &arena);
    struct fama_pack_headers headers = {
        .type = FAMA_HEADER_TYPE_CONFIG, .channel_id = MADE_CHANNEL, .txid = ""};
    Common__Envelope outer = COMMON__ENVELOPE__INIT;
    outer.payload =
        fama_pack_binary(fama_pack_payload(&arena, &headers, fama_pack(&arena, &message->base)));
    struct fama_bytes entry = fama_pack(&arena, &outer.base);
    CU_ASSERT_FALSE_FATAL(arena.is_exhausted);
    struct fama_block block = {.envelopes = &entry, .envelope_count = 1};
    int result = fama_channel_config_from_block(&block, &config, error);
    fama_channel_config_release(config);
    fama_arena_clear(&arena);
    return result == 0;
}

static Common__ConfigGroup *child(Common__ConfigGroup *group, const char *name)
{
    for (size_t i = 0; i < group->n_groups; i++) {
        if (strcmp(group->groups[i]->key, name) == 0) {
            return group->groups[i]->value;
        }
    }
    CU_FAIL_FATAL("no such group");
    return NULL;
}

static void set_value(Common__ConfigGroup *group, const char *name, struct fama_bytes bytes)
{
    for (size_t i = 0; i < group->n_values; i++) {
        if (strcmp(group->values[i]->key, name) == 0) {
            group->values[i]->value->value = fama_pack_binary(bytes);
        }
    }
}

static void leave(Common__ConfigGroup *root, struct fama_arena *arena)
{
    (void)root;
    (void)arena;
}

static void require_unknown_application(Common__ConfigGroup *root, struct fama_arena *arena)
{
    (void)arena;
    set_value(child(root, "Application"), "Capabilities", fama_bytes("\x0a\x06\x0a\x04V9_9", 8));
}

static void drop_capabilities(Common__ConfigGroup *root, struct fama_arena *arena)
{
    (void)arena;
    set_value(root, "Capabilities", fama_bytes(NULL, 0));
}

static void make_idemix(Common__ConfigGroup *root, struct fama_arena *arena)
{
    (void)arena;
    set_value(child(child(root, "Application"), "Sipher"), "MSP", fama_bytes("\x08\x01", 2));
}

static void rename_value(Common__ConfigGroup *root, struct fama_arena *arena)
{
    (void)arena;
    root->values[0]->key = fama_pack_text("Surprise");
}

static void nest_deeply(Common__ConfigGroup *root, struct fama_arena *arena)
{
    Common__ConfigGroup *inner = child(child(root, "Orderer"), "OrdererOrg");
    for (size_t i = 0; i < 1000; i++) {
        Common__ConfigGroup *group = fama_arena_take(arena, sizeof(*group));
        Common__ConfigGroup__GroupsEntry *entry = fama_arena_take(arena, sizeof(*entry));
        inner->groups = fama_arena_take(arena, sizeof(*inner->groups));
        common__config_group__init(group);
        common__config_group__groups_entry__init(entry);
        entry->key = fama_pack_text("x");
        entry->value = group;
        inner->groups[0] = entry;
        inner->n_groups = 1;
        inner = group;
    }
}

static void test_what_is_not_supported_is_refused_by_name(void)
{
    static const struct {
        void (*change)(Common__ConfigGroup *, struct fama_arena *);
        const char *word;
    } cases[] = {
        {require_unknown_application, "V9_9"},
        {drop_capabilities, "orderer addresses"},
        {make_idemix, "Idemix"},
        {rename_value, "Surprise"},
        {nest_deeply, "deeper"},
    };
    struct fama_error error = {{0}};
    CU_ASSERT(is_config_after(leave, &error));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        error.text[0] = '\0';
        CU_ASSERT_FALSE(is_config_after(cases[i].change, &error));
        if (strstr(error.text, cases[i].word) == NULL) {
            fprintf(stderr, "case %zu says: %s\n", i, error.text);
            CU_FAIL("the words do not name the cause");
        }
    }
}

static void test_a_block_of_transactions_is_no_configuration(void)
{
    struct fama_bytes bytes = made_block(MADE_ORDERER);
    struct fama_block block;
    struct fama_channel_config *config;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL(fama_channel_config_from_block(&block, &config, NULL),
                    FAMA_CHANNEL_CONFIG_INVALID);
    CU_ASSERT_PTR_NULL(config);
    fama_block_clear(&block);
    free_bytes(bytes);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_real_genesis_block_gives_the_channel_and_its_msps),
        TEST(test_every_real_block_is_signed_by_an_orderer_of_its_channel),
        TEST(test_a_block_signed_by_the_channels_orderer_is_accepted),
        TEST(test_a_block_resigned_by_a_strangers_ca_has_an_unknown_signer),
        TEST(test_a_block_signed_by_a_peer_of_the_channel_has_an_unknown_signer),
        TEST(test_a_block_whose_signature_was_tampered_with_is_refused),
        TEST(test_a_changed_previous_hash_breaks_the_signature),
        TEST(test_no_flipped_bit_of_a_block_changes_what_would_be_committed),
        TEST(test_a_block_without_signatures_has_an_unknown_signer),
        TEST(test_a_signer_is_remembered_once_a_signature_of_its_verified),
        TEST(test_encodings_of_a_certificate_that_its_holder_did_not_sign_are_not_remembered),
        TEST(test_an_orderer_with_a_key_on_another_curve_signs_blocks_too),
        TEST(test_bft_orderers_sign_by_number_and_a_quorum_must),
        TEST(test_the_policy_for_blocks_is_what_the_channel_says),
        TEST(test_what_is_not_supported_is_refused_by_name),
        TEST(test_a_block_of_transactions_is_no_configuration),
    };
    int status = make() == 0 ? run_suite("channel_config", cases, sizeof(cases) / sizeof(cases[0]))
                             : EXIT_FAILURE;
    made_chain_destroy(&made);
    return status;
}
