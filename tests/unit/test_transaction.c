/* Transactions decoded once: those of real networks completely, and each rule of Fabric's checks broken
 * on its own. */
#include "ledger/transaction.h"

#include "ledger/block.h"
#include "ledger/envelope.h"
#include "unit/made_transaction.h"
#include "unit/real_blocks.h"

static struct made_transaction made;
static struct fama_arena arena;
static struct fama_transaction decoded;

static void start(void)
{
    memset(&made, 0, sizeof(made));
}

static const struct fama_transaction *decode(void)
{
    fama_arena_clear(&arena);
    fama_arena_init(&arena, 64 * 1024);
    CU_ASSERT_EQUAL_FATAL(fama_transaction_decode(made_envelope(&made), &arena, &decoded), 0);
    return &decoded;
}

static struct written *more(enum layer layer)
{
    return &made.more[layer];
}

static bool is_text(struct fama_bytes bytes, const char *text)
{
    return fama_bytes_equal(bytes, fama_bytes_of_text(text));
}

static void write_damage(struct written *message)
{
    write_hex(message, "0aff");
}

static void test_a_sound_transaction_is_decoded_whole(void)
{
    start();
    const struct fama_transaction *transaction = decode();
    CU_ASSERT(fama_bytes_equal(transaction->envelope, bytes_of(&made.at[LAYER_ENVELOPE])));
    CU_ASSERT_EQUAL(transaction->header_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(transaction->type, FAMA_TRANSACTION_ENDORSER);
    CU_ASSERT(is_text(transaction->channel_id, "channel"));
    CU_ASSERT(is_text(transaction->claimed_txid, MADE_TXID));
    CU_ASSERT_STRING_EQUAL(transaction->computed_txid, MADE_TXID);
    CU_ASSERT(is_text(transaction->nonce, MADE_NONCE));
    CU_ASSERT(is_text(transaction->creator, MADE_CREATOR));
    CU_ASSERT(fama_bytes_equal(transaction->payload, bytes_of(&made.at[LAYER_PAYLOAD])));
    CU_ASSERT(transaction->signature.is_present);
    CU_ASSERT(is_text(transaction->signature.bytes, "client's signature"));
    CU_ASSERT_EQUAL(transaction->body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT(fama_bytes_equal(transaction->response_payload,
                               bytes_of(&made.at[LAYER_RESPONSE_PAYLOAD])));
    CU_ASSERT_EQUAL_FATAL(transaction->endorsement_count, 1);
    CU_ASSERT(is_text(transaction->endorsements[0].endorser, "endorser"));
    CU_ASSERT(is_text(transaction->endorsements[0].signature, "signature"));
    CU_ASSERT(transaction->has_extension && transaction->header_chaincode.is_present);
    CU_ASSERT(is_text(transaction->header_chaincode.name, "cc"));
    CU_ASSERT(is_text(transaction->header_chaincode.version, "1.0"));
    CU_ASSERT(transaction->has_action && transaction->action_chaincode.is_present);
    CU_ASSERT(is_text(transaction->action_chaincode.name, "cc"));
    CU_ASSERT(is_text(transaction->action_chaincode.version, "1.0"));
    CU_ASSERT(!transaction->events.is_present && transaction->has_good_events);
    CU_ASSERT(fama_bytes_equal(transaction->results.bytes, bytes_of(&made.at[LAYER_RESULTS])));
    CU_ASSERT(transaction->has_set && !transaction->has_repeated_namespace);
    CU_ASSERT_EQUAL_FATAL(transaction->set.namespace_count, 1);
    CU_ASSERT(is_text(transaction->set.namespaces[0].name, "ns"));
    CU_ASSERT(is_text(fama_transaction_indexed_txid(transaction), MADE_TXID));
    CU_ASSERT(!transaction->config.is_present);
}

static void test_an_entry_that_is_no_envelope_has_another_reason(void)
{
    start();
    write_damage(more(LAYER_ENVELOPE));
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_INVALID_OTHER_REASON);
    CU_ASSERT_EQUAL(fama_transaction_indexed_txid(&decoded).len, 0);
}

static void test_a_damaged_payload_or_header_is_a_bad_payload(void)
{
    start();
    write_damage(more(LAYER_PAYLOAD));
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_PAYLOAD);
    start();
    write_damage(more(LAYER_HEADER)); /* a message within the payload, unlike the headers in it */
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_PAYLOAD);
}

static void test_an_empty_entry_has_a_bad_header(void)
{
    start();
    made.is_left_out[LAYER_ENVELOPE] = true;
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT(!decoded.signature.is_present);
}

static void test_a_header_must_be_there_and_decode(void)
{
    start();
    made.is_left_out[LAYER_PAYLOAD] = true;
    write_message(more(LAYER_PAYLOAD), 2, &made.at[LAYER_TRANSACTION]);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    for (enum layer layer = LAYER_CHANNEL_HEADER; layer <= LAYER_SIGNATURE_HEADER; layer++) {
        start();
        write_damage(more(layer));
        CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    }
}

static enum fama_transaction_code header_code_with(uint32_t field, const char *text)
{
    start();
    write_text(more(LAYER_CHANNEL_HEADER), field, text);
    return decode()->header_code;
}

static void test_text_of_the_channel_header_is_utf8(void)
{
    CU_ASSERT_EQUAL(header_code_with(4, "\xff"), FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT_EQUAL(header_code_with(5, "\xed\xa0\x80"), FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT_EQUAL(header_code_with(4, "\xf0\x9f\x90\x9d"), FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(header_code_with(8, "\xff"), FAMA_TRANSACTION_VALID); /* bytes */
    CU_ASSERT_EQUAL(header_code_with(3, "\xff"), FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT_EQUAL(header_code_with(3, "\x08\x01"), FAMA_TRANSACTION_VALID); /* a timestamp */
}

static enum fama_transaction_code header_code_of_type(uint64_t type)
{
    start();
    write_varint(more(LAYER_CHANNEL_HEADER), 1, type);
    return decode()->header_code;
}

static void test_only_three_types_pass_the_header(void)
{
    for (uint64_t type = 0; type < 8; type++) {
        CU_ASSERT_EQUAL(header_code_of_type(type), type >= 1 && type <= 3
                                                       ? FAMA_TRANSACTION_VALID
                                                       : FAMA_TRANSACTION_BAD_COMMON_HEADER);
        CU_ASSERT_EQUAL(decoded.type, (int32_t)type);
    }
    CU_ASSERT_EQUAL(header_code_of_type(UINT64_MAX), FAMA_TRANSACTION_BAD_COMMON_HEADER);
    /* An int32 keeps the lower half of its varint. */
    CU_ASSERT_EQUAL(header_code_of_type((1ull << 32) | 3), FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(header_code_of_type((1ull << 31) | 3), FAMA_TRANSACTION_BAD_COMMON_HEADER);
}

static void test_the_epoch_is_zero(void)
{
    start();
    write_varint(more(LAYER_CHANNEL_HEADER), 6, 1ull << 40);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    write_varint(more(LAYER_CHANNEL_HEADER), 6, 0);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    start();
    write_text(more(LAYER_CHANNEL_HEADER), 6, "1"); /* not an integer on the wire: unknown */
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
}

static void test_nonce_and_creator_are_not_empty(void)
{
    for (uint32_t field = 1; field <= 2; field++) {
        start();
        write_text(more(LAYER_SIGNATURE_HEADER), field, "");
        CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    }
    start();
    made.is_left_out[LAYER_SIGNATURE_HEADER] = true;
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
}

static void test_a_header_that_comes_twice_is_merged(void)
{
    start();
    struct written first = {.len = 0};
    struct written second = {.len = 0};
    made_envelope(&made);
    write_text(&first, 1, "replaced");
    write_message(&first, 2, &made.at[LAYER_SIGNATURE_HEADER]);
    write_message(&second, 1, &made.at[LAYER_CHANNEL_HEADER]);
    made.is_left_out[LAYER_PAYLOAD] = true;
    write_message(more(LAYER_PAYLOAD), 1, &first);
    write_message(more(LAYER_PAYLOAD), 2, &made.at[LAYER_TRANSACTION]);
    write_message(more(LAYER_PAYLOAD), 1, &second);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_VALID);
}

/* The id stands in the index even of transactions that are not valid. */
static void test_the_index_takes_the_claimed_id_or_the_computed_one(void)
{
    start();
    write_text(more(LAYER_CHANNEL_HEADER), 5, "claimed");
    write_varint(more(LAYER_CHANNEL_HEADER), 1, 0);
    CU_ASSERT(is_text(fama_transaction_indexed_txid(decode()), "claimed"));
    write_text(more(LAYER_CHANNEL_HEADER), 5, "");
    CU_ASSERT(is_text(fama_transaction_indexed_txid(decode()), MADE_TXID));
    write_damage(more(LAYER_SIGNATURE_HEADER));
    CU_ASSERT_EQUAL(fama_transaction_indexed_txid(decode()).len, 0);
    start();
    write_damage(more(LAYER_SIGNATURE_HEADER));
    CU_ASSERT(is_text(fama_transaction_indexed_txid(decode()), MADE_TXID));
    start();
    write_damage(more(LAYER_CHANNEL_HEADER));
    CU_ASSERT_EQUAL(fama_transaction_indexed_txid(decode()).len, 0);
}

static void test_a_signature_without_content_is_absent(void)
{
    start();
    write_text(more(LAYER_ENVELOPE), 2, "");
    CU_ASSERT(!decode()->signature.is_present);
    CU_ASSERT_EQUAL(decoded.header_code, FAMA_TRANSACTION_VALID);
}

static void test_the_transaction_id_is_that_of_nonce_and_creator(void)
{
    static const char upper_case[] =
        "709184F9D24F6ADE8FCD4D6521A6EEF295FEF6C2E67216C58B68AC15E8946492";
    static const char longer[] = MADE_TXID "0";
    static const char *const wrong[] = {"", "709184f9", longer, upper_case};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        start();
        write_text(more(LAYER_CHANNEL_HEADER), 5, wrong[i]);
        CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_BAD_PROPOSAL_TXID);
    }
    start();
    write_text(more(LAYER_SIGNATURE_HEADER), 2, "another nonce");
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_BAD_PROPOSAL_TXID);
    start();
    write_damage(more(LAYER_TRANSACTION)); /* the id is looked at first */
    write_text(more(LAYER_CHANNEL_HEADER), 5, "x");
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_BAD_PROPOSAL_TXID);
}

static void check_is_invalid_endorser_transaction(void)
{
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION);
    CU_ASSERT_EQUAL(decoded.endorsement_count, 0);
}

static void test_damage_down_to_the_response_payload_is_named_alike(void)
{
    static const enum layer layers[] = {LAYER_ACTION_HEADER,   LAYER_RESPONSE_PAYLOAD,
                                        LAYER_ENDORSED_ACTION, LAYER_ACTION_PAYLOAD,
                                        LAYER_TRANSACTION,     LAYER_TRANSACTION_ACTION};
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        start();
        write_damage(more(layers[i]));
        check_is_invalid_endorser_transaction();
    }
}

static void test_a_transaction_has_one_action(void)
{
    start();
    made.is_left_out[LAYER_TRANSACTION] = true;
    check_is_invalid_endorser_transaction();
    start();
    write_text(more(LAYER_TRANSACTION), 1, "");
    check_is_invalid_endorser_transaction();
    start();
    write_varint(more(LAYER_TRANSACTION), 1, 1); /* unknown, not an action */
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
}

static void test_the_actions_header_has_a_nonce_and_a_creator(void)
{
    for (uint32_t field = 1; field <= 2; field++) {
        start();
        write_text(more(LAYER_ACTION_HEADER), field, "");
        check_is_invalid_endorser_transaction();
    }
    start();
    write_text(more(LAYER_ACTION_HEADER), 2, "other than the client's"); /* only the hash binds */
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
}

static void test_the_endorsed_action_is_there(void)
{
    start();
    made.is_left_out[LAYER_ACTION_PAYLOAD] = true;
    write_text(more(LAYER_ACTION_PAYLOAD), 1, MADE_PROPOSAL);
    check_is_invalid_endorser_transaction();
    start();
    made.is_left_out[LAYER_ENDORSED_ACTION] = true; /* there, but without a response payload */
    check_is_invalid_endorser_transaction();
}

static void test_the_proposal_hash_fits(void)
{
    start();
    made.proposal_hash = "0123456789abcdef0123456789abcdef";
    check_is_invalid_endorser_transaction();
    made.proposal_hash = "";
    check_is_invalid_endorser_transaction();
    start();
    write_text(more(LAYER_ACTION_PAYLOAD), 1, "another proposal");
    check_is_invalid_endorser_transaction();
}

/* The hash of no proposal would fit; Fabric asks for the bytes first. */
static void test_an_empty_proposal_is_absent(void)
{
    start();
    made_envelope(&made);
    uint8_t hash[FAMA_SHA256_BYTES];
    const struct fama_bytes parts[] = {bytes_of(&made.at[LAYER_CHANNEL_HEADER]),
                                       bytes_of(&made.at[LAYER_ACTION_HEADER])};
    fama_sha256_parts(parts, 2, hash);
    write_bytes(more(LAYER_RESPONSE_PAYLOAD), 1, fama_bytes(hash, sizeof(hash)));
    write_text(more(LAYER_ACTION_PAYLOAD), 1, "");
    check_is_invalid_endorser_transaction();
}

static void test_an_endorsed_action_that_comes_twice_is_merged(void)
{
    start();
    struct written second = {.len = 0};
    struct written endorsement = {.len = 0};
    write_text(&endorsement, 2, "only a signature");
    write_message(&second, 2, &endorsement);
    write_message(more(LAYER_ACTION_PAYLOAD), 2, &second);
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL_FATAL(decoded.endorsement_count, 2);
    CU_ASSERT(is_text(decoded.endorsements[0].endorser, "endorser"));
    CU_ASSERT_EQUAL(decoded.endorsements[1].endorser.len, 0);
    CU_ASSERT(is_text(decoded.endorsements[1].signature, "only a signature"));
    CU_ASSERT(
        fama_bytes_equal(decoded.response_payload, bytes_of(&made.at[LAYER_RESPONSE_PAYLOAD])));
    struct written third = {.len = 0};
    struct written damaged = {.len = 0};
    write_damage(&damaged);
    write_message(&third, 2, &damaged);
    write_message(more(LAYER_ACTION_PAYLOAD), 2, &third);
    check_is_invalid_endorser_transaction();
}

static void test_a_transaction_without_endorsements_decodes(void)
{
    start();
    made_envelope(&made);
    made.is_left_out[LAYER_ENDORSED_ACTION] = true;
    write_message(more(LAYER_ENDORSED_ACTION), 1, &made.at[LAYER_RESPONSE_PAYLOAD]);
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(decoded.endorsement_count, 0);
}

static void test_a_configuration_is_payload_data_that_is_there(void)
{
    start();
    made.type = FAMA_TRANSACTION_CONFIG;
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT(decoded.config.is_present);
    CU_ASSERT(fama_bytes_equal(decoded.config.bytes, bytes_of(&made.at[LAYER_TRANSACTION])));
    CU_ASSERT(!decoded.has_action && decoded.endorsement_count == 0);
    write_text(more(LAYER_CHANNEL_HEADER), 5, "any id");
    write_text(more(LAYER_PAYLOAD), 2, "");
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_INVALID_CONFIG_TRANSACTION);
}

static void test_a_configuration_update_is_not_supported_as_an_entry(void)
{
    start();
    made.type = FAMA_TRANSACTION_CONFIG_UPDATE;
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_UNSUPPORTED_TX_PAYLOAD);
}

static void test_the_extension_names_the_chaincode(void)
{
    start();
    made.is_left_out[LAYER_EXTENSION] = true;
    CU_ASSERT(decode()->has_extension && !decoded.header_chaincode.is_present);
    start();
    write_damage(more(LAYER_EXTENSION));
    CU_ASSERT(!decode()->has_extension);
    CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_VALID);
    for (uint32_t field = 1; field <= 3; field++) {
        start();
        write_text(more(LAYER_CHAINCODE_ID), field, "\x80");
        CU_ASSERT(!decode()->has_extension);
    }
    start();
    struct written second = {.len = 0};
    write_text(&second, 3, "2.0");
    write_message(more(LAYER_EXTENSION), 2, &second);
    CU_ASSERT(decode()->has_extension);
    CU_ASSERT(is_text(decoded.header_chaincode.name, "cc"));
    CU_ASSERT(is_text(decoded.header_chaincode.version, "2.0"));
}

static void test_a_chaincode_action_decodes_or_is_not_there(void)
{
    static const enum layer layers[] = {LAYER_ACTION, LAYER_RESPONSE, LAYER_ACTION_ID};
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        start();
        write_damage(more(layers[i]));
        CU_ASSERT(!decode()->has_action);
        CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_VALID);
    }
    start();
    write_text(more(LAYER_RESPONSE_PAYLOAD), 2, ""); /* an empty extension is none */
    CU_ASSERT(!decode()->has_action);
    start();
    write_text(more(LAYER_RESPONSE), 2, "\xff"); /* Response.message is text */
    CU_ASSERT(!decode()->has_action);
    start();
    write_text(more(LAYER_RESPONSE), 3, "\xff"); /* its payload is not */
    CU_ASSERT(decode()->has_action);
    start();
    write_text(more(LAYER_ACTION_ID), 1, "\xff"); /* ChaincodeID.path */
    CU_ASSERT(!decode()->has_action);
    start();
    made.is_left_out[LAYER_ACTION] = true;
    write_unknown(more(LAYER_ACTION));
    CU_ASSERT(decode()->has_action && !decoded.action_chaincode.is_present);
    CU_ASSERT(!decoded.results.is_present && decoded.has_set);
    CU_ASSERT_EQUAL(decoded.set.namespace_count, 0);
}

static bool has_good_events_with(const char *name)
{
    struct written event = {.len = 0};
    start();
    write_text(&event, 1, name);
    write_text(&event, 3, "event name");
    write_message(more(LAYER_ACTION), 2, &event);
    CU_ASSERT(decode()->has_action && decoded.events.is_present);
    return decode()->has_good_events;
}

static void test_an_event_names_the_headers_chaincode(void)
{
    CU_ASSERT(has_good_events_with("cc"));
    CU_ASSERT(!has_good_events_with("c"));
    CU_ASSERT(!has_good_events_with(""));
    CU_ASSERT(!has_good_events_with("\xff"));
    start();
    write_text(more(LAYER_ACTION), 2, "");
    CU_ASSERT(!decode()->events.is_present && decoded.has_good_events);
    start();
    write_text(more(LAYER_ACTION), 2, "\xff");
    CU_ASSERT(decode()->events.is_present && !decoded.has_good_events);
    for (uint32_t field = 2; field <= 3; field++) {
        struct written event = {.len = 0};
        start();
        write_text(&event, 1, "cc");
        write_text(&event, field, "\xff");
        write_message(more(LAYER_ACTION), 2, &event);
        CU_ASSERT(!decode()->has_good_events);
    }
}

static void test_a_damaged_set_is_a_fact_and_not_more(void)
{
    start();
    write_damage(more(LAYER_RESULTS));
    CU_ASSERT_EQUAL(decode()->body_code, FAMA_TRANSACTION_VALID);
    CU_ASSERT(decoded.has_action && !decoded.has_set && decoded.results.is_present);
    CU_ASSERT_EQUAL(decoded.set.namespace_count, 0);
}

static void test_a_namespace_that_stands_twice_is_noticed(void)
{
    struct written space = {.len = 0};
    start();
    write_text(&space, 1, "other");
    write_message(more(LAYER_RESULTS), 2, &space);
    CU_ASSERT(decode()->has_set && !decoded.has_repeated_namespace);
    space.len = 0;
    write_text(&space, 1, "ns");
    write_message(more(LAYER_RESULTS), 2, &space);
    CU_ASSERT(decode()->has_set && decoded.has_repeated_namespace);
    CU_ASSERT_EQUAL(decoded.set.namespace_count, 3);
}

static void test_unknown_fields_change_nothing_in_any_layer(void)
{
    for (enum layer layer = 0; layer < LAYERS; layer++) {
        start();
        write_unknown(more(layer));
        CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
        /* A nonce or creator is not changed by it either, so that the id still fits. */
        CU_ASSERT_EQUAL(decoded.body_code, FAMA_TRANSACTION_VALID);
        CU_ASSERT(decoded.has_extension && decoded.has_action && decoded.has_set);
        CU_ASSERT_EQUAL(decoded.endorsement_count, 1);
    }
}

/* Go's runtime follows groups 10,000 levels deep inside the outermost, and there takes field numbers
 * that are too great elsewhere. */
static void test_unknown_groups_nest_as_deep_as_go_follows(void)
{
    static uint8_t groups[2 * 10002];
    for (size_t depth = 10000; depth <= 10002; depth++) {
        struct fama_signature_header header;
        memset(groups, 0x1b, depth);
        memset(groups + depth, 0x1c, depth);
        CU_ASSERT_EQUAL(fama_signature_header_decode(fama_bytes(groups, 2 * depth), &header),
                        depth <= 10001);
        CU_ASSERT(!fama_signature_header_decode(fama_bytes(groups, 2 * depth - 1), &header));
    }
    start();
    write_varint(more(LAYER_SIGNATURE_HEADER), (1u << 29), 1);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    start();
    write_tag(more(LAYER_SIGNATURE_HEADER), 9, 3);
    write_number(more(LAYER_SIGNATURE_HEADER), (uint64_t)INT32_MAX << 3);
    write_number(more(LAYER_SIGNATURE_HEADER), 1);
    write_tag(more(LAYER_SIGNATURE_HEADER), 9, 4);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_VALID);
    start();
    write_tag(more(LAYER_SIGNATURE_HEADER), 9, 3);
    write_number(more(LAYER_SIGNATURE_HEADER), ((uint64_t)INT32_MAX + 1) << 3);
    write_number(more(LAYER_SIGNATURE_HEADER), 1);
    write_tag(more(LAYER_SIGNATURE_HEADER), 9, 4);
    CU_ASSERT_EQUAL(decode()->header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
}

/* Whatever is cut off, the answer is a verdict and not a crash; and never a whole transaction. */
static void test_no_part_of_a_transaction_is_one(void)
{
    start();
    struct fama_bytes whole = made_envelope(&made);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *part = malloc(len > 0 ? len : 1); /* of its own, for AddressSanitizer */
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, whole.at, len);
        fama_arena_clear(&arena);
        fama_arena_init(&arena, 64 * 1024);
        CU_ASSERT_EQUAL(fama_transaction_decode(fama_bytes(part, len), &arena, &decoded), 0);
        CU_ASSERT(decoded.header_code != FAMA_TRANSACTION_VALID || !decoded.signature.is_present);
        free(part);
    }
}

static void test_an_exhausted_arena_is_no_verdict(void)
{
    start();
    fama_arena_clear(&arena);
    fama_arena_init(&arena, 16);
    CU_ASSERT_EQUAL(fama_transaction_decode(made_envelope(&made), &arena, &decoded),
                    FAMA_READ_WRITE_SET_NO_MEMORY);
}

static void test_codes_have_the_names_of_fabric(void)
{
    CU_ASSERT_STRING_EQUAL(fama_transaction_code_name(0), "VALID");
    CU_ASSERT_STRING_EQUAL(fama_transaction_code_name(11), "MVCC_READ_CONFLICT");
    CU_ASSERT_STRING_EQUAL(fama_transaction_code_name(255), "INVALID_OTHER_REASON");
    CU_ASSERT_STRING_EQUAL(fama_transaction_code_name(26), "UNKNOWN");
}

static const char *type_name(int32_t type)
{
    return type == FAMA_TRANSACTION_ENDORSER ? "ENDORSER_TRANSACTION"
           : type == FAMA_TRANSACTION_CONFIG ? "CONFIG"
                                             : "";
}

/* A verdict that these checks alone decide, or 0. */
static enum fama_transaction_code own_verdict(const struct fama_transaction *transaction)
{
    if (transaction->header_code != FAMA_TRANSACTION_VALID) {
        return transaction->header_code;
    }
    if (transaction->body_code != FAMA_TRANSACTION_VALID ||
        transaction->type == FAMA_TRANSACTION_CONFIG) {
        return transaction->body_code;
    }
    return !transaction->has_set                 ? FAMA_TRANSACTION_BAD_RWSET
           : transaction->has_repeated_namespace ? FAMA_TRANSACTION_ILLEGAL_WRITESET
                                                 : FAMA_TRANSACTION_VALID;
}

static bool is_decided_here(json_int_t code)
{
    return code == FAMA_TRANSACTION_BAD_COMMON_HEADER ||
           code == FAMA_TRANSACTION_BAD_PROPOSAL_TXID || code == FAMA_TRANSACTION_BAD_RWSET ||
           code == FAMA_TRANSACTION_INVALID_ENDORSER_TRANSACTION ||
           code == FAMA_TRANSACTION_ILLEGAL_WRITESET;
}

/* Genesis blocks, which nobody judges, come without a creator. */
static void check_genesis(void)
{
    CU_ASSERT_EQUAL(decoded.header_code, FAMA_TRANSACTION_BAD_COMMON_HEADER);
    CU_ASSERT_EQUAL(decoded.type, FAMA_TRANSACTION_CONFIG);
    CU_ASSERT(decoded.config.is_present && decoded.creator.len == 0);
}

static void check_real_transaction(struct fama_bytes envelope, bool is_genesis, const json_t *known)
{
    struct fama_serialized_identity creator;
    const char *chaincode = json_string_value(json_object_get(known, "chaincode"));
    const char *mspid = json_string_value(json_object_get(known, "creator_mspid"));
    json_int_t code = json_integer_value(json_object_get(known, "validation_code"));
    fama_arena_clear(&arena);
    fama_arena_init(&arena, 64 * 1024 + FAMA_READ_WRITE_SET_GROWTH * envelope.len);
    CU_ASSERT_EQUAL_FATAL(fama_transaction_decode(envelope, &arena, &decoded), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(known, "envelope_bytes")),
                    (json_int_t)envelope.len);
    CU_ASSERT(is_text(decoded.claimed_txid, json_string_value(json_object_get(known, "txid"))));
    CU_ASSERT_EQUAL(fama_transaction_indexed_txid(&decoded).len, 2 * FAMA_SHA256_BYTES);
    if (mspid != NULL) {
        CU_ASSERT(fama_serialized_identity_decode(decoded.creator, &creator));
        CU_ASSERT(is_text(creator.mspid, mspid));
    }
    if (is_genesis) {
        check_genesis();
        return;
    }
    /* Whatever these checks decide is what Fabric decided, and nothing else is decided here. */
    CU_ASSERT_EQUAL(own_verdict(&decoded), is_decided_here(code) ? code : FAMA_TRANSACTION_VALID);
    if (decoded.header_code == FAMA_TRANSACTION_VALID) {
        CU_ASSERT_STRING_EQUAL(type_name(decoded.type),
                               json_string_value(json_object_get(known, "type")));
    }
    if (decoded.type == FAMA_TRANSACTION_ENDORSER &&
        decoded.header_code == FAMA_TRANSACTION_VALID &&
        decoded.body_code == FAMA_TRANSACTION_VALID) {
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(known, "endorsements")),
                        (json_int_t)decoded.endorsement_count);
        CU_ASSERT(chaincode != NULL && is_text(decoded.header_chaincode.name, chaincode));
        CU_ASSERT(decoded.has_action && decoded.has_good_events);
    }
}

static void test_real_transactions_are_decoded_completely(void)
{
    const char *shared = shared_data_or_say_so("real transactions decoded");
    for (size_t i = 0; shared != NULL && i < REAL_CHAINS; i++) {
        json_t *root;
        json_t *blocks = load_expected(shared, &real_chains[i], &root);
        size_t transactions = 0;
        for (size_t number = 0; number < real_chains[i].blocks; number++) {
            struct fama_block block;
            struct fama_bytes bytes = read_real_block(shared, real_chains[i].channel, number);
            const json_t *known = json_object_get(json_array_get(blocks, number), "txs");
            CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
            CU_ASSERT_EQUAL_FATAL(json_array_size(known), block.envelope_count);
            for (size_t j = 0; j < block.envelope_count; j++) {
                check_real_transaction(block.envelopes[j], number == 0, json_array_get(known, j));
                transactions++;
            }
            fama_block_clear(&block);
            free_bytes(bytes);
        }
        CU_ASSERT(transactions >= real_chains[i].blocks);
        json_decref(root);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_sound_transaction_is_decoded_whole),
        TEST(test_an_entry_that_is_no_envelope_has_another_reason),
        TEST(test_a_damaged_payload_or_header_is_a_bad_payload),
        TEST(test_an_empty_entry_has_a_bad_header),
        TEST(test_a_header_must_be_there_and_decode),
        TEST(test_text_of_the_channel_header_is_utf8),
        TEST(test_only_three_types_pass_the_header),
        TEST(test_the_epoch_is_zero),
        TEST(test_nonce_and_creator_are_not_empty),
        TEST(test_a_header_that_comes_twice_is_merged),
        TEST(test_the_index_takes_the_claimed_id_or_the_computed_one),
        TEST(test_a_signature_without_content_is_absent),
        TEST(test_the_transaction_id_is_that_of_nonce_and_creator),
        TEST(test_damage_down_to_the_response_payload_is_named_alike),
        TEST(test_a_transaction_has_one_action),
        TEST(test_the_actions_header_has_a_nonce_and_a_creator),
        TEST(test_the_endorsed_action_is_there),
        TEST(test_the_proposal_hash_fits),
        TEST(test_an_empty_proposal_is_absent),
        TEST(test_an_endorsed_action_that_comes_twice_is_merged),
        TEST(test_a_transaction_without_endorsements_decodes),
        TEST(test_a_configuration_is_payload_data_that_is_there),
        TEST(test_a_configuration_update_is_not_supported_as_an_entry),
        TEST(test_the_extension_names_the_chaincode),
        TEST(test_a_chaincode_action_decodes_or_is_not_there),
        TEST(test_an_event_names_the_headers_chaincode),
        TEST(test_a_damaged_set_is_a_fact_and_not_more),
        TEST(test_a_namespace_that_stands_twice_is_noticed),
        TEST(test_unknown_fields_change_nothing_in_any_layer),
        TEST(test_unknown_groups_nest_as_deep_as_go_follows),
        TEST(test_no_part_of_a_transaction_is_one),
        TEST(test_an_exhausted_arena_is_no_verdict),
        TEST(test_codes_have_the_names_of_fabric),
        TEST(test_real_transactions_are_decoded_completely),
    };
    int result = run_suite("transaction", cases, sizeof(cases) / sizeof(cases[0]));
    fama_arena_clear(&arena);
    return result;
}
