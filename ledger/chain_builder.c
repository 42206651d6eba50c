#include "ledger/chain_builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/channel_config.h"
#include "ledger/envelope.h"
#include "ledger/pack.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/proto/etcdraft.pb-c.h"
#include "ledger/proto/kvrwset.pb-c.h"
#include "ledger/proto/lifecycle.pb-c.h"
#include "ledger/proto/policies.pb-c.h"
#include "ledger/proto/rwset.pb-c.h"
#include "ledger/transaction_builder.h"

#define CHAINCODE          "kv"
#define CHAINCODE_VERSION  "1.0"
#define LIFECYCLE          "_lifecycle"
#define LIFECYCLE_VERSION  "syscc"
#define DEFINITION_BLOCK   1 /* the block that commits the chaincode's definition */
#define ENDORSEMENT_POLICY "/Channel/Application/Endorsement"
#define ENDORSERS_MAX      64
#define VALUE_BYTES_MAX    ((size_t)64 << 20)
/* A transaction's messages lie in the arena at several stages of wrapping. */
#define ARENA_LIMIT(value_bytes) (((size_t)4 << 20) + 24 * (value_bytes))
/* Size that next_sized gives a transaction when there is room for more than one. */
#define TYPICAL_TRANSACTION_BYTES ((size_t)16 << 10)
#define SECONDS_PER_BLOCK         1
#define KEY_BYTES                 48

struct fama_chain_builder {
    struct fama_chain_identities identities;
    const struct fama_signer *endorsers[ENDORSERS_MAX];
    char channel_id[FAMA_CHANNEL_ID_MAX];
    int64_t genesis_seconds; /* later timestamps count from here */
    uint64_t number;         /* of the next block */
    uint8_t previous_hash[FAMA_SHA256_BYTES];
    size_t transaction_overhead; /* bytes besides the two copies of a value; 0: not measured yet */
    size_t block_overhead;       /* bytes besides the transactions, likewise */
};

/* One namespace's part of a transaction's effects, while it is written. */
struct effects {
    const char *namespace;
    Kvrwset__KVRead **reads;
    size_t read_count;
    Kvrwset__KVWrite **writes;
    size_t write_count;
};

/* Seconds since 1970 in the genesis block's channel header, 0 if there are none. */
static int64_t timestamp_of(const struct fama_block *genesis)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    if (!fama_envelope_decode(genesis->envelopes[0], &envelope) ||
        !fama_payload_decode(envelope.payload, &payload)) {
        return 0;
    }
    struct fama_arena arena;
    fama_arena_init(&arena, FAMA_ARENA_LIMIT(payload.channel_header.len));
    const Common__ChannelHeader *header = common__channel_header__unpack(
        &arena.allocator, payload.channel_header.len, payload.channel_header.at);
    int64_t seconds = header == NULL || header->timestamp == NULL ? 0 : header->timestamp->seconds;
    fama_arena_clear(&arena);
    return seconds;
}

int fama_chain_builder_create(const struct fama_block *genesis,
                              const struct fama_chain_identities *identities,
                              struct fama_chain_builder **builder, struct fama_error *error)
{
    struct fama_channel_header header;
    *builder = NULL;
    if (genesis->number != 0 || !fama_block_is_config(genesis) ||
        !fama_envelope_channel_header(genesis->envelopes[0], &header) ||
        !fama_channel_id_is_valid(header.channel_id)) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_INVALID,
                              "a chain begins with a genesis block (number 0, one configuration "
                              "transaction); this is block %" PRIu64,
                              genesis->number);
    }
    if (identities->orderer == NULL || identities->client == NULL ||
        identities->endorser_count == 0 || identities->endorser_count > ENDORSERS_MAX) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_INVALID,
                              "a chain needs an orderer, a client and 1 to %d endorsers",
                              ENDORSERS_MAX);
    }
    struct fama_chain_builder *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED, "out of memory");
    }
    made->identities = *identities;
    memcpy(made->endorsers, identities->endorsers,
           identities->endorser_count * sizeof(made->endorsers[0]));
    made->identities.endorsers = made->endorsers;
    memcpy(made->channel_id, header.channel_id.at, header.channel_id.len);
    made->genesis_seconds = timestamp_of(genesis);
    made->number = 1;
    memcpy(made->previous_hash, genesis->header_hash, sizeof(made->previous_hash));
    *builder = made;
    return 0;
}

void fama_chain_builder_destroy(struct fama_chain_builder *builder)
{
    free(builder);
}

/* A read of a key, at a version or (NULL) finding nothing. */
static Kvrwset__KVRead *new_read(struct fama_arena *arena, const char *key,
                                 Kvrwset__Version *version)
{
    Kvrwset__KVRead *read = fama_arena_take(arena, sizeof(*read));
    if (read != NULL) {
        kvrwset__kvread__init(read);
        read->key = fama_pack_text(key);
        read->version = version;
    }
    return read;
}

static Kvrwset__KVWrite *new_write(struct fama_arena *arena, const char *key,
                                   struct fama_bytes value)
{
    Kvrwset__KVWrite *write = fama_arena_take(arena, sizeof(*write));
    if (write != NULL) {
        kvrwset__kvwrite__init(write);
        write->key = fama_pack_text(key);
        write->value = fama_pack_binary(value);
    }
    return write;
}

#define NAMESPACES_MAX 2

static struct fama_bytes pack_effects(struct fama_arena *arena, const struct effects *effects,
                                      size_t count)
{
    Rwset__NsReadWriteSet sets[NAMESPACES_MAX];
    Rwset__NsReadWriteSet *set_list[NAMESPACES_MAX];
    Rwset__TxReadWriteSet transaction = RWSET__TX_READ_WRITE_SET__INIT;
    if (arena->is_exhausted) {
        return fama_bytes(NULL, 0);
    }
    for (size_t i = 0; i < count; i++) {
        Kvrwset__KVRWSet kv = KVRWSET__KVRWSET__INIT;
        kv.n_reads = effects[i].read_count;
        kv.reads = effects[i].reads;
        kv.n_writes = effects[i].write_count;
        kv.writes = effects[i].writes;
        rwset__ns_read_write_set__init(&sets[i]);
        sets[i].namespace_ = fama_pack_text(effects[i].namespace);
        sets[i].rwset = fama_pack_binary(fama_pack(arena, &kv.base));
        set_list[i] = &sets[i];
    }
    transaction.n_ns_rwset = count;
    transaction.ns_rwset = set_list;
    return fama_pack(arena, &transaction.base);
}

static struct fama_bytes state_bytes(struct fama_arena *arena, struct fama_bytes content)
{
    static const uint8_t nothing[1];
    Lifecycle__StateData data = LIFECYCLE__STATE_DATA__INIT;
    data.type_case = LIFECYCLE__STATE_DATA__TYPE_BYTES_VALUE;
    data.bytes_value = fama_pack_binary(content.len > 0 ? content : fama_bytes(nothing, 0));
    return fama_pack(arena, &data.base);
}

/* The effects of committing the chaincode's definition, sequence 1, with the channel's default
 * policy. */
static struct fama_bytes definition_effects(struct fama_arena *arena)
{
    static const char *const fields[] = {"Sequence", "EndorsementInfo", "ValidationInfo",
                                         "Collections"};
    Lifecycle__StateMetadata metadata = LIFECYCLE__STATE_METADATA__INIT;
    Lifecycle__StateData sequence = LIFECYCLE__STATE_DATA__INIT;
    Lifecycle__ChaincodeEndorsementInfo endorsement = LIFECYCLE__CHAINCODE_ENDORSEMENT_INFO__INIT;
    Lifecycle__ChaincodeValidationInfo validation = LIFECYCLE__CHAINCODE_VALIDATION_INFO__INIT;
    Common__ApplicationPolicy policy = COMMON__APPLICATION_POLICY__INIT;
    metadata.datatype = fama_pack_text("ChaincodeDefinition");
    metadata.n_fields = sizeof(fields) / sizeof(fields[0]);
    metadata.fields = (char **)(uintptr_t)fields;
    sequence.type_case = LIFECYCLE__STATE_DATA__TYPE_INT64_VALUE;
    sequence.int64_value = 1;
    endorsement.version = fama_pack_text(CHAINCODE_VERSION);
    endorsement.endorsement_plugin = fama_pack_text("escc");
    policy.type_case = COMMON__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE;
    policy.channel_config_policy_reference = fama_pack_text(ENDORSEMENT_POLICY);
    validation.validation_plugin = fama_pack_text("vscc");
    validation.validation_parameter = fama_pack_binary(fama_pack(arena, &policy.base));

    Kvrwset__KVRead *reads[] = {
        new_read(arena, "namespaces/fields/" CHAINCODE "/Sequence", NULL),
        new_read(arena, "namespaces/metadata/" CHAINCODE, NULL),
    };
    Kvrwset__KVWrite *writes[] = {
        new_write(arena, "namespaces/fields/" CHAINCODE "/Collections",
                  state_bytes(arena, fama_bytes(NULL, 0))),
        new_write(arena, "namespaces/fields/" CHAINCODE "/EndorsementInfo",
                  state_bytes(arena, fama_pack(arena, &endorsement.base))),
        new_write(arena, "namespaces/fields/" CHAINCODE "/Sequence",
                  fama_pack(arena, &sequence.base)),
        new_write(arena, "namespaces/fields/" CHAINCODE "/ValidationInfo",
                  state_bytes(arena, fama_pack(arena, &validation.base))),
        new_write(arena, "namespaces/metadata/" CHAINCODE, fama_pack(arena, &metadata.base)),
    };
    Kvrwset__KVRead *legacy_reads[] = {new_read(arena, CHAINCODE, NULL)};
    const struct effects effects[] = {
        {.namespace = LIFECYCLE,
         .reads = reads,
         .read_count = sizeof(reads) / sizeof(reads[0]),
         .writes = writes,
         .write_count = sizeof(writes) / sizeof(writes[0])},
        {.namespace = "lscc", .reads = legacy_reads, .read_count = 1},
    };
    return pack_effects(arena, effects, sizeof(effects) / sizeof(effects[0]));
}

static int build_definition(const struct fama_chain_builder *builder, struct fama_arena *arena,
                            struct fama_bytes *envelope, struct fama_error *error)
{
    Lifecycle__CommitChaincodeDefinitionArgs call =
        LIFECYCLE__COMMIT_CHAINCODE_DEFINITION_ARGS__INIT;
    call.sequence = 1;
    call.name = fama_pack_text(CHAINCODE);
    call.version = fama_pack_text(CHAINCODE_VERSION);
    const struct fama_bytes args[] = {fama_bytes_of_text("CommitChaincodeDefinition"),
                                      fama_pack(arena, &call.base)};
    const struct fama_transaction_draft draft = {
        .channel_id = builder->channel_id,
        .seconds = builder->genesis_seconds + SECONDS_PER_BLOCK,
        .chaincode = LIFECYCLE,
        .chaincode_version = LIFECYCLE_VERSION,
        .args = args,
        .arg_count = sizeof(args) / sizeof(args[0]),
        .results = definition_effects(arena),
    };
    return fama_transaction_build(&draft, builder->identities.client, builder->endorsers,
                                  builder->identities.endorser_count, arena, envelope, error);
}

/* Fills a value with bytes that look random and depend on block and transaction only (splitmix64).
 */
static void fill_value(uint8_t *value, size_t len, uint64_t number, uint64_t index)
{
    uint64_t state = number * UINT64_C(0x100000001b3) + index;
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t word = state;
        word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
        word ^= word >> 31;
        memcpy(value + at, &word, len - at < sizeof(word) ? len - at : sizeof(word));
    }
}

/* A transaction that puts one value under a key never used before. */
static int build_put(const struct fama_chain_builder *builder, size_t index, size_t value_bytes,
                     struct fama_arena *arena, struct fama_bytes *envelope,
                     struct fama_error *error)
{
    char key[KEY_BYTES];
    uint8_t *value = fama_arena_take(arena, value_bytes);
    int written = snprintf(key, sizeof(key), "item/%010" PRIu64 "/%06zu", builder->number, index);
    if (value == NULL || written < 0 || (size_t)written >= sizeof(key)) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED,
                              "out of memory for a value of %zu bytes", value_bytes);
    }
    fill_value(value, value_bytes, builder->number, index);
    Kvrwset__Version defined_at = KVRWSET__VERSION__INIT;
    defined_at.block_num = DEFINITION_BLOCK;
    Kvrwset__KVRead *reads[] = {
        new_read(arena, "namespaces/fields/" CHAINCODE "/Sequence", &defined_at)};
    Kvrwset__KVWrite *writes[] = {new_write(arena, key, fama_bytes(value, value_bytes))};
    const struct effects effects[] = {
        {.namespace = LIFECYCLE, .reads = reads, .read_count = 1},
        {.namespace = CHAINCODE, .writes = writes, .write_count = 1},
    };
    const struct fama_bytes args[] = {fama_bytes_of_text("put"), fama_bytes_of_text(key),
                                      fama_bytes(value, value_bytes)};
    const struct fama_transaction_draft draft = {
        .channel_id = builder->channel_id,
        .seconds = builder->genesis_seconds + (int64_t)builder->number * SECONDS_PER_BLOCK,
        .chaincode = CHAINCODE,
        .chaincode_version = CHAINCODE_VERSION,
        .args = args,
        .arg_count = sizeof(args) / sizeof(args[0]),
        .results = pack_effects(arena, effects, sizeof(effects) / sizeof(effects[0])),
        .response = fama_bytes_of_text("ok"),
    };
    return fama_transaction_build(&draft, builder->identities.client, builder->endorsers,
                                  builder->identities.endorser_count, arena, envelope, error);
}

/* Builds transaction `index` of the next block and copies it out of its arena. */
static int build_transaction(const struct fama_chain_builder *builder, size_t index,
                             size_t value_bytes, struct fama_bytes *kept, struct fama_error *error)
{
    struct fama_arena arena;
    struct fama_bytes envelope;
    fama_arena_init(&arena, ARENA_LIMIT(value_bytes));
    int result = builder->number == DEFINITION_BLOCK
                     ? build_definition(builder, &arena, &envelope, error)
                     : build_put(builder, index, value_bytes, &arena, &envelope, error);
    if (result == 0) {
        uint8_t *copy = malloc(envelope.len);
        if (copy == NULL) {
            result = fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED, "out of memory");
        } else {
            memcpy(copy, envelope.at, envelope.len);
            *kept = fama_bytes(copy, envelope.len);
        }
    }
    fama_arena_clear(&arena);
    return result;
}

/* The orderer's signature slot: the last configuration is the genesis block, the consenter one raft
 * node whose log index follows the block number. */
static struct fama_bytes signature_slot(const struct fama_chain_builder *builder,
                                        struct fama_bytes data_hash, struct fama_arena *arena)
{
    uint64_t consenters[] = {1};
    Etcdraft__BlockMetadata raft = ETCDRAFT__BLOCK_METADATA__INIT;
    Common__Metadata consenter = COMMON__METADATA__INIT;
    Common__LastConfig last_config = COMMON__LAST_CONFIG__INIT;
    Common__OrdererBlockMetadata value = COMMON__ORDERER_BLOCK_METADATA__INIT;
    Common__MetadataSignature signature = COMMON__METADATA_SIGNATURE__INIT;
    Common__MetadataSignature *signatures[] = {&signature};
    Common__Metadata metadata = COMMON__METADATA__INIT;
    uint8_t der[FAMA_BLOCK_HEADER_DER_MAX + 2 * FAMA_SHA256_BYTES];
    raft.n_consenter_ids = 1;
    raft.consenter_ids = consenters;
    raft.next_consenter_id = 2;
    raft.raft_index = builder->number + 1;
    consenter.value = fama_pack_binary(fama_pack(arena, &raft.base));
    value.last_config = &last_config;
    value.consenter_metadata = fama_pack_binary(fama_pack(arena, &consenter.base));
    struct fama_bytes signed_value = fama_pack(arena, &value.base);
    struct fama_bytes nonce = fama_transaction_nonce(arena);
    struct fama_bytes header = fama_pack_signature_header(
        arena, fama_transaction_creator(builder->identities.orderer, arena), nonce);
    struct fama_bytes previous = fama_bytes(builder->previous_hash, FAMA_SHA256_BYTES);
    size_t der_len = fama_block_header_der(builder->number, previous, data_hash, der, sizeof(der));
    const struct fama_bytes parts[] = {signed_value, header, fama_bytes(der, der_len)};
    struct fama_bytes signed_der =
        fama_transaction_sign(builder->identities.orderer, parts, 3, arena);
    if (nonce.len == 0 || signed_der.len == 0) {
        return fama_bytes(NULL, 0);
    }
    signature.signature_header = fama_pack_binary(header);
    signature.signature = fama_pack_binary(signed_der);
    metadata.value = fama_pack_binary(signed_value);
    metadata.n_signatures = 1;
    metadata.signatures = signatures;
    return fama_pack(arena, &metadata.base);
}

/* Puts the envelopes into a signed block and moves the builder on. */
static int seal(struct fama_chain_builder *builder, const struct fama_bytes *envelopes,
                size_t count, uint8_t **bytes, size_t *len, struct fama_error *error)
{
    struct fama_arena arena;
    uint8_t data_hash[FAMA_SHA256_BYTES];
    struct fama_block built;
    fama_arena_init(&arena, ARENA_LIMIT(0));
    fama_sha256_parts(envelopes, count, data_hash);
    struct fama_pack_block block = {
        .number = builder->number,
        .previous_hash = fama_bytes(builder->previous_hash, FAMA_SHA256_BYTES),
        .data_hash = fama_bytes(data_hash, sizeof(data_hash)),
        .envelopes = envelopes,
        .envelope_count = count,
    };
    block.metadata[FAMA_BLOCK_SIGNATURES] = signature_slot(builder, block.data_hash, &arena);
    /* Slot 1 would hold the last configuration's number: 0, hence no bytes at all. */
    int result = 0;
    if (block.metadata[FAMA_BLOCK_SIGNATURES].len == 0 || arena.is_exhausted ||
        !fama_pack_block(&block, bytes, len)) {
        result = fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED,
                                "cannot sign block %" PRIu64 " or out of memory", builder->number);
    } else if (fama_block_parse(fama_bytes(*bytes, *len), &built) != FAMA_BLOCK_ACCEPTED) {
        free(*bytes);
        result = fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED,
                                "block %" PRIu64 " has more transactions than a block may have",
                                builder->number);
    } else {
        memcpy(builder->previous_hash, built.header_hash, sizeof(builder->previous_hash));
        builder->number++;
        fama_block_clear(&built);
    }
    fama_arena_clear(&arena);
    return result;
}

static void drop_envelopes(struct fama_bytes *envelopes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((uint8_t *)(uintptr_t)envelopes[i].at);
    }
    free(envelopes);
}

int fama_chain_builder_next(struct fama_chain_builder *builder, size_t transactions,
                            size_t value_bytes, uint8_t **bytes, size_t *len,
                            struct fama_error *error)
{
    if (transactions == 0 || transactions > FAMA_BLOCK_TRANSACTIONS_MAX || value_bytes == 0 ||
        value_bytes > VALUE_BYTES_MAX) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_INVALID,
                              "a block takes 1 to %u transactions with values of 1 to %zu bytes",
                              FAMA_BLOCK_TRANSACTIONS_MAX, VALUE_BYTES_MAX);
    }
    size_t count = builder->number == DEFINITION_BLOCK ? 1 : transactions;
    struct fama_bytes *envelopes = calloc(count, sizeof(*envelopes));
    if (envelopes == NULL) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED, "out of memory");
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = build_transaction(builder, i, value_bytes, &envelopes[i], error);
    }
    if (result == 0) {
        result = seal(builder, envelopes, count, bytes, len, error);
    }
    drop_envelopes(envelopes, count);
    return result;
}

/* Builds a transaction and a signature slot to see what they weigh besides the values. */
static int measure(struct fama_chain_builder *builder, struct fama_error *error)
{
    struct fama_arena arena;
    struct fama_bytes envelope;
    uint8_t hash[FAMA_SHA256_BYTES] = {0};
    const size_t value_bytes = 1024; /* so that lengths take as many bytes as they usually do */
    fama_arena_init(&arena, ARENA_LIMIT(value_bytes));
    int result = build_put(builder, 0, value_bytes, &arena, &envelope, error);
    if (result == 0) {
        struct fama_bytes slot = signature_slot(builder, fama_bytes(hash, sizeof(hash)), &arena);
        builder->transaction_overhead = envelope.len - 2 * value_bytes + 4; /* tag and length */
        builder->block_overhead = slot.len + 2 * sizeof(hash) + 32;
    }
    fama_arena_clear(&arena);
    return result;
}

int fama_chain_builder_next_sized(struct fama_chain_builder *builder, size_t target_bytes,
                                  uint8_t **bytes, size_t *len, struct fama_error *error)
{
    if (builder->transaction_overhead == 0) {
        int result = measure(builder, error);
        if (result != 0) {
            return result;
        }
    }
    size_t room =
        target_bytes > builder->block_overhead ? target_bytes - builder->block_overhead : 0;
    size_t count = room / TYPICAL_TRANSACTION_BYTES;
    if (count == 0) {
        count = 1;
    }
    size_t share = room / count;
    size_t value_bytes =
        share > builder->transaction_overhead ? (share - builder->transaction_overhead) / 2 : 0;
    return fama_chain_builder_next(builder, count, value_bytes > 0 ? value_bytes : 1, bytes, len,
                                   error);
}
