/* Made chains: their blocks pass our own checks, and their transactions are what Fabric's peers
 * would find valid, signature by signature. */
#include "ledger/chain_builder.h"

#include "ledger/envelope.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/proto/kvrwset.pb-c.h"
#include "ledger/proto/lifecycle.pb-c.h"
#include "ledger/proto/peer.pb-c.h"
#include "ledger/proto/policies.pb-c.h"
#include "ledger/proto/rwset.pb-c.h"
#include "unit/made_chain.h"
#include "unit/real_blocks.h"

static struct made_chain made;

static struct fama_bytes view(ProtobufCBinaryData data)
{
    return fama_bytes(data.data, data.len);
}

static bool is_signed_by(struct fama_bytes creator, const char *mspid, enum fama_msp_role role,
                         const struct fama_bytes *parts, size_t count, struct fama_bytes der)
{
    struct fama_channel_config *config = NULL;
    struct fama_serialized_identity serialized;
    struct fama_identity *identity = NULL;
    struct fama_verify_job job = {0};
    struct fama_verify_job *jobs[] = {&job};
    struct fama_verifier *verifier = fama_verifier_create();
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&made.genesis, &config, NULL), 0);
    const struct fama_msp *msp = fama_channel_config_application_msp(config, mspid);
    CU_ASSERT_FATAL(fama_serialized_identity_decode(creator, &serialized));
    bool is_good = fama_bytes_equal(serialized.mspid, fama_bytes_of_text(mspid)) &&
                   fama_msp_deserialize(msp, serialized.id_bytes, &identity, NULL) == 0 &&
                   fama_msp_validate(msp, identity, NULL) == 0 &&
                   fama_msp_has_role(msp, identity, role) &&
                   fama_signature_from_der(der, &job.signature) == 0;
    if (is_good) {
        job.key = fama_identity_key(identity);
        fama_sha256_parts(parts, count, job.digest);
        fama_verifier_run(verifier, jobs, 1);
        is_good = job.verdict == FAMA_VERDICT_GOOD;
    }
    fama_identity_release(identity);
    fama_verifier_destroy(verifier);
    fama_channel_config_release(config);
    return is_good;
}

/* The checks of spec fabric-algorithms §4.2 in their order, as far as they need no state. */
static void check_transaction(struct fama_bytes entry, const char *chaincode, const char *version,
                              Rwset__TxReadWriteSet **results)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_signature_header signer;
    uint8_t hash[FAMA_SHA256_BYTES];
    CU_ASSERT_FATAL(fama_envelope_decode(entry, &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    CU_ASSERT_FATAL(fama_signature_header_decode(payload.signature_header, &signer));
    CU_ASSERT(is_signed_by(signer.creator, "SipherMSP", FAMA_MSP_ROLE_CLIENT, &envelope.payload, 1,
                           envelope.signature));

    Common__ChannelHeader *header =
        common__channel_header__unpack(NULL, payload.channel_header.len, payload.channel_header.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(header);
    const struct fama_bytes txid_parts[] = {signer.nonce, signer.creator};
    fama_sha256_parts(txid_parts, 2, hash);
    CU_ASSERT(equals_hex(fama_bytes(hash, sizeof(hash)), header->tx_id));
    CU_ASSERT_EQUAL(header->type, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION);
    CU_ASSERT_EQUAL(header->epoch, 0);
    CU_ASSERT(header->timestamp->seconds > 1700000000);
    Protos__ChaincodeHeaderExtension *extension = protos__chaincode_header_extension__unpack(
        NULL, header->extension.len, header->extension.data);
    CU_ASSERT_STRING_EQUAL(extension->chaincode_id->name, chaincode);

    Protos__Transaction *transaction =
        protos__transaction__unpack(NULL, payload.data.len, payload.data.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(transaction);
    CU_ASSERT_EQUAL_FATAL(transaction->n_actions, 1);
    const Protos__TransactionAction *action = transaction->actions[0];
    Protos__ChaincodeActionPayload *endorsed =
        protos__chaincode_action_payload__unpack(NULL, action->payload.len, action->payload.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(endorsed);
    struct fama_bytes response = view(endorsed->action->proposal_response_payload);
    Protos__ProposalResponsePayload *answer =
        protos__proposal_response_payload__unpack(NULL, response.len, response.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    const struct fama_bytes proposal[] = {payload.channel_header, view(action->header),
                                          view(endorsed->chaincode_proposal_payload)};
    fama_sha256_parts(proposal, 3, hash);
    CU_ASSERT(fama_bytes_equal(view(answer->proposal_hash), fama_bytes(hash, sizeof(hash))));

    static const char *const endorsers[] = {"SipherMSP", "WhiteBoxMSP"};
    CU_ASSERT_EQUAL_FATAL(endorsed->action->n_endorsements, 2);
    for (size_t i = 0; i < 2; i++) {
        const Protos__Endorsement *endorsement = endorsed->action->endorsements[i];
        const struct fama_bytes parts[] = {response, view(endorsement->endorser)};
        CU_ASSERT(is_signed_by(view(endorsement->endorser), endorsers[i], FAMA_MSP_ROLE_PEER, parts,
                               2, view(endorsement->signature)));
    }

    Protos__ChaincodeAction *effects =
        protos__chaincode_action__unpack(NULL, answer->extension.len, answer->extension.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(effects);
    CU_ASSERT_STRING_EQUAL(effects->chaincode_id->name, chaincode);
    CU_ASSERT_STRING_EQUAL(effects->chaincode_id->version, version);
    CU_ASSERT_EQUAL(effects->response->status, 200);
    CU_ASSERT_EQUAL(effects->events.len, 0);
    *results = rwset__tx_read_write_set__unpack(NULL, effects->results.len, effects->results.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*results);
    protos__chaincode_action__free_unpacked(effects, NULL);
    protos__proposal_response_payload__free_unpacked(answer, NULL);
    protos__chaincode_action_payload__free_unpacked(endorsed, NULL);
    protos__transaction__free_unpacked(transaction, NULL);
    protos__chaincode_header_extension__free_unpacked(extension, NULL);
    common__channel_header__free_unpacked(header, NULL);
}

static Kvrwset__KVRWSet *effects_in(const Rwset__TxReadWriteSet *results, const char *namespace)
{
    for (size_t i = 0; i < results->n_ns_rwset; i++) {
        const Rwset__NsReadWriteSet *set = results->ns_rwset[i];
        if (strcmp(set->namespace_, namespace) == 0) {
            return kvrwset__kvrwset__unpack(NULL, set->rwset.len, set->rwset.data);
        }
    }
    return NULL;
}

static void test_a_made_chain_passes_every_check_of_blocks(void)
{
    struct fama_channel_config *config = NULL;
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    uint8_t previous[FAMA_SHA256_BYTES];
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(fama_channel_config_from_block(&made.genesis, &config, NULL), 0);
    memcpy(previous, made.genesis.header_hash, sizeof(previous));
    for (uint64_t number = 1; number <= 20; number++) {
        uint8_t *bytes;
        size_t len;
        struct fama_block block;
        CU_ASSERT_EQUAL_FATAL(
            fama_chain_builder_next(builder, number % 4 + 1, 100 * number, &bytes, &len, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, len), &block),
                              FAMA_BLOCK_ACCEPTED);
        CU_ASSERT_EQUAL(fama_block_check(&block, number, MADE_CHANNEL), FAMA_BLOCK_ACCEPTED);
        CU_ASSERT_EQUAL(block.envelope_count, number == 1 ? 1 : number % 4 + 1);
        CU_ASSERT(fama_bytes_equal(block.previous_hash, fama_bytes(previous, sizeof(previous))));
        CU_ASSERT_EQUAL(verify_signatures(config, &block), FAMA_BLOCK_ACCEPTED);
        CU_ASSERT_EQUAL(block.metadata_count, FAMA_BLOCK_METADATA_SLOTS);
        CU_ASSERT_EQUAL(block.metadata[FAMA_BLOCK_TRANSACTIONS_FILTER].len, 0);
        memcpy(previous, block.header_hash, sizeof(previous));
        fama_block_clear(&block);
        free(bytes);
    }
    fama_chain_builder_destroy(builder);
    fama_channel_config_release(config);
}

static void test_block_one_defines_the_chaincode_and_later_blocks_use_it(void)
{
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    uint8_t *bytes;
    size_t len;
    struct fama_block block;
    Rwset__TxReadWriteSet *results;
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 5, 10, &bytes, &len, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, len), &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(block.envelope_count, 1);
    check_transaction(block.envelopes[0], "_lifecycle", "syscc", &results);
    Kvrwset__KVRWSet *lifecycle = effects_in(results, "_lifecycle");
    CU_ASSERT_PTR_NOT_NULL_FATAL(lifecycle);
    CU_ASSERT_EQUAL_FATAL(lifecycle->n_writes, 5);
    CU_ASSERT_STRING_EQUAL(lifecycle->writes[0]->key, "namespaces/fields/kv/Collections");
    CU_ASSERT(fama_bytes_equal(view(lifecycle->writes[0]->value), fama_bytes("\x12\x00", 2)));
    CU_ASSERT_STRING_EQUAL(lifecycle->writes[2]->key, "namespaces/fields/kv/Sequence");
    CU_ASSERT(fama_bytes_equal(view(lifecycle->writes[2]->value), fama_bytes("\x08\x01", 2)));
    CU_ASSERT_STRING_EQUAL(lifecycle->writes[4]->key, "namespaces/metadata/kv");
    Lifecycle__StateData *data = lifecycle__state_data__unpack(
        NULL, lifecycle->writes[3]->value.len, lifecycle->writes[3]->value.data);
    Lifecycle__ChaincodeValidationInfo *validation = lifecycle__chaincode_validation_info__unpack(
        NULL, data->bytes_value.len, data->bytes_value.data);
    Common__ApplicationPolicy *policy = common__application_policy__unpack(
        NULL, validation->validation_parameter.len, validation->validation_parameter.data);
    CU_ASSERT_STRING_EQUAL(validation->validation_plugin, "vscc");
    CU_ASSERT_STRING_EQUAL(policy->channel_config_policy_reference,
                           "/Channel/Application/Endorsement");
    common__application_policy__free_unpacked(policy, NULL);
    lifecycle__chaincode_validation_info__free_unpacked(validation, NULL);
    lifecycle__state_data__free_unpacked(data, NULL);
    kvrwset__kvrwset__free_unpacked(lifecycle, NULL);
    rwset__tx_read_write_set__free_unpacked(results, NULL);
    fama_block_clear(&block);
    free(bytes);

    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 2, 300, &bytes, &len, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, len), &block), FAMA_BLOCK_ACCEPTED);
    CU_ASSERT_EQUAL_FATAL(block.envelope_count, 2);
    for (size_t i = 0; i < 2; i++) {
        check_transaction(block.envelopes[i], "kv", "1.0", &results);
        lifecycle = effects_in(results, "_lifecycle");
        CU_ASSERT_EQUAL(lifecycle->n_writes, 0);
        CU_ASSERT_EQUAL(lifecycle->reads[0]->version->block_num, 1);
        CU_ASSERT_EQUAL(lifecycle->reads[0]->version->tx_num, 0);
        Kvrwset__KVRWSet *kv = effects_in(results, "kv");
        CU_ASSERT_EQUAL_FATAL(kv->n_writes, 1);
        CU_ASSERT_STRING_EQUAL(kv->writes[0]->key,
                               i == 0 ? "item/0000000002/000000" : "item/0000000002/000001");
        CU_ASSERT_EQUAL(kv->writes[0]->value.len, 300);
        kvrwset__kvrwset__free_unpacked(kv, NULL);
        kvrwset__kvrwset__free_unpacked(lifecycle, NULL);
        rwset__tx_read_write_set__free_unpacked(results, NULL);
    }
    fama_block_clear(&block);
    free(bytes);
    fama_chain_builder_destroy(builder);
}

static void test_sized_blocks_have_the_size_asked_for(void)
{
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    static const size_t targets[] = {16u << 10, 33000, 100000, 256u << 10, 2u << 20};
    uint8_t *bytes;
    size_t len;
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next_sized(builder, 1, &bytes, &len, NULL), 0);
    free(bytes); /* block 1, of its own size */
    CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next_sized(builder, 1, &bytes, &len, NULL), 0);
    CU_ASSERT(len < 8192);
    free(bytes);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        CU_ASSERT_EQUAL_FATAL(
            fama_chain_builder_next_sized(builder, targets[i], &bytes, &len, NULL), 0);
        if (len < targets[i] - targets[i] / 100 || len > targets[i] + targets[i] / 100) {
            fprintf(stderr, "asked for %zu bytes, got %zu\n", targets[i], len);
            CU_FAIL("a block of another size");
        }
        free(bytes);
    }
    fama_chain_builder_destroy(builder);
}

static void test_values_repeat_between_runs_and_nonces_do_not(void)
{
    char text[2][FAMA_TXID_MAX];
    size_t lens[2];
    for (size_t run = 0; run < 2; run++) {
        struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
        uint8_t *bytes;
        struct fama_block block;
        CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 1, 10, &bytes, &lens[run], NULL), 0);
        free(bytes);
        CU_ASSERT_EQUAL_FATAL(fama_chain_builder_next(builder, 3, 700, &bytes, &lens[run], NULL),
                              0);
        CU_ASSERT_EQUAL_FATAL(fama_block_parse(fama_bytes(bytes, lens[run]), &block),
                              FAMA_BLOCK_ACCEPTED);
        fama_block_txid(&block, 1, text[run]);
        fama_block_clear(&block);
        free(bytes);
        fama_chain_builder_destroy(builder);
    }
    CU_ASSERT_EQUAL(strlen(text[0]), 64);
    CU_ASSERT_STRING_NOT_EQUAL(text[0], text[1]);
    CU_ASSERT(lens[0] > lens[1] ? lens[0] - lens[1] < 64 : lens[1] - lens[0] < 64);
}

static void test_a_chain_begins_with_a_genesis_block_and_all_its_signers(void)
{
    struct fama_chain_builder *builder = NULL;
    struct fama_error error = {{0}};
    uint8_t *bytes;
    size_t len;
    struct fama_chain_identities identities = {.orderer = made.signers[MADE_ORDERER],
                                               .client = made.signers[MADE_CLIENT],
                                               .endorsers = made.endorsers,
                                               .endorser_count = 0};
    CU_ASSERT_EQUAL(fama_chain_builder_create(&made.genesis, &identities, &builder, &error),
                    FAMA_CHAIN_BUILDER_INVALID);
    identities.endorser_count = 2;
    struct fama_block later = made.genesis;
    later.number = 7;
    CU_ASSERT_EQUAL(fama_chain_builder_create(&later, &identities, &builder, &error),
                    FAMA_CHAIN_BUILDER_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "block 7"));
    builder = made_builder(&made, MADE_ORDERER);
    CU_ASSERT_EQUAL(fama_chain_builder_next(builder, 0, 10, &bytes, &len, &error),
                    FAMA_CHAIN_BUILDER_INVALID);
    CU_ASSERT_EQUAL(fama_chain_builder_next(builder, 1, 0, &bytes, &len, &error),
                    FAMA_CHAIN_BUILDER_INVALID);
    fama_chain_builder_destroy(builder);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_made_chain_passes_every_check_of_blocks),
        TEST(test_block_one_defines_the_chaincode_and_later_blocks_use_it),
        TEST(test_sized_blocks_have_the_size_asked_for),
        TEST(test_values_repeat_between_runs_and_nonces_do_not),
        TEST(test_a_chain_begins_with_a_genesis_block_and_all_its_signers),
    };
    int status = made_chain_create(&made)
                     ? run_suite("chain_builder", cases, sizeof(cases) / sizeof(cases[0]))
                     : EXIT_FAILURE;
    made_chain_destroy(&made);
    return status;
}
