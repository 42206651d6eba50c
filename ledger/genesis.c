#include "ledger/genesis.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "ledger/arena.h"
#include "ledger/block.h"
#include "ledger/channel_config.h"
#include "ledger/msp_message.h"
#include "ledger/pack.h"
#include "ledger/proto/configtx.pb-c.h"
#include "ledger/proto/configuration.pb-c.h"
#include "ledger/proto/orderer.pb-c.h"
#include "ledger/proto/peer.pb-c.h"

#define ARENA_LIMIT    ((size_t)256 << 20)
#define NONCE_BYTES    24
#define PORT_MAX       65535
#define NAME_MAX_BYTES 249
/* configtxgen's sample values for what a caller rarely changes. */
#define ABSOLUTE_MAX_BYTES  (10u << 20)
#define PREFERRED_MAX_BYTES (2u << 20)
/* Entries reserved per kind in a group, besides the groups, whose number is known. */
#define GROUP_ENTRIES 8

#define POLICY_SIGNATURE     COMMON__POLICY__POLICY_TYPE__SIGNATURE
#define POLICY_IMPLICIT_META COMMON__POLICY__POLICY_TYPE__IMPLICIT_META
#define RULE_ANY             COMMON__IMPLICIT_META_POLICY__RULE__ANY
#define RULE_MAJORITY        COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY

/* All makers below return NULL (or do nothing) once the arena is exhausted; the build asks the
 * arena at its end. */

static Common__ConfigGroup *new_group(struct fama_arena *arena, size_t groups)
{
    Common__ConfigGroup *group = fama_arena_take(arena, sizeof(*group));
    if (group == NULL) {
        return NULL;
    }
    common__config_group__init(group);
    group->mod_policy = fama_pack_text("Admins");
    group->groups = fama_arena_take(arena, (groups + 1) * sizeof(*group->groups));
    group->values = fama_arena_take(arena, GROUP_ENTRIES * sizeof(*group->values));
    group->policies = fama_arena_take(arena, GROUP_ENTRIES * sizeof(*group->policies));
    return arena->is_exhausted ? NULL : group;
}

static void add_group(struct fama_arena *arena, Common__ConfigGroup *parent, const char *name,
                      Common__ConfigGroup *child)
{
    Common__ConfigGroup__GroupsEntry *entry = fama_arena_take(arena, sizeof(*entry));
    if (parent == NULL || child == NULL || entry == NULL) {
        return;
    }
    common__config_group__groups_entry__init(entry);
    entry->key = fama_pack_text(name);
    entry->value = child;
    parent->groups[parent->n_groups++] = entry;
}

static void add_value_bytes(struct fama_arena *arena, Common__ConfigGroup *group, const char *name,
                            struct fama_bytes bytes)
{
    Common__ConfigGroup__ValuesEntry *entry = fama_arena_take(arena, sizeof(*entry));
    Common__ConfigValue *value = fama_arena_take(arena, sizeof(*value));
    if (group == NULL || entry == NULL || value == NULL) {
        return;
    }
    common__config_value__init(value);
    value->value = fama_pack_binary(bytes);
    value->mod_policy = fama_pack_text("Admins");
    common__config_group__values_entry__init(entry);
    entry->key = fama_pack_text(name);
    entry->value = value;
    group->values[group->n_values++] = entry;
}

static void add_value(struct fama_arena *arena, Common__ConfigGroup *group, const char *name,
                      const ProtobufCMessage *message)
{
    add_value_bytes(arena, group, name, fama_pack(arena, message));
}

static void add_policy(struct fama_arena *arena, Common__ConfigGroup *group, const char *name,
                       int32_t type, const ProtobufCMessage *content)
{
    Common__ConfigGroup__PoliciesEntry *entry = fama_arena_take(arena, sizeof(*entry));
    Common__ConfigPolicy *config = fama_arena_take(arena, sizeof(*config));
    Common__Policy *policy = fama_arena_take(arena, sizeof(*policy));
    if (group == NULL || entry == NULL || config == NULL || policy == NULL) {
        return;
    }
    common__policy__init(policy);
    policy->type = type;
    policy->value = fama_pack_binary(fama_pack(arena, content));
    common__config_policy__init(config);
    config->policy = policy;
    config->mod_policy = fama_pack_text("Admins");
    common__config_group__policies_entry__init(entry);
    entry->key = fama_pack_text(name);
    entry->value = config;
    group->policies[group->n_policies++] = entry;
}

/* A policy that asks the policies named `sub_policy` of the child groups. */
static void add_implicit(struct fama_arena *arena, Common__ConfigGroup *group, const char *name,
                         const char *sub_policy, Common__ImplicitMetaPolicy__Rule rule)
{
    Common__ImplicitMetaPolicy policy = COMMON__IMPLICIT_META_POLICY__INIT;
    policy.sub_policy = fama_pack_text(sub_policy);
    policy.rule = rule;
    add_policy(arena, group, name, POLICY_IMPLICIT_META, &policy.base);
}

static void add_usual_implicits(struct fama_arena *arena, Common__ConfigGroup *group)
{
    add_implicit(arena, group, "Readers", "Readers", RULE_ANY);
    add_implicit(arena, group, "Writers", "Writers", RULE_ANY);
    add_implicit(arena, group, "Admins", "Admins", RULE_MAJORITY);
}

#define ROLES_MAX 3

/* A policy satisfied by one identity of the MSP with one of the roles. */
static void add_any_role(struct fama_arena *arena, Common__ConfigGroup *group, const char *name,
                         const char *mspid, const enum fama_msp_role *roles, size_t count)
{
    Common__SignaturePolicy leaves[ROLES_MAX];
    Common__SignaturePolicy *leaf_list[ROLES_MAX];
    Common__MSPPrincipal principals[ROLES_MAX];
    Common__MSPPrincipal *principal_list[ROLES_MAX];
    for (size_t i = 0; i < count; i++) {
        Common__MSPRole role = COMMON__MSPROLE__INIT;
        role.msp_identifier = fama_pack_text(mspid);
        role.role = (Common__MSPRole__MSPRoleType)roles[i];
        common__mspprincipal__init(&principals[i]);
        principals[i].principal = fama_pack_binary(fama_pack(arena, &role.base));
        principal_list[i] = &principals[i];
        common__signature_policy__init(&leaves[i]);
        leaves[i].type_case = COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY;
        leaves[i].signed_by = (int32_t)i;
        leaf_list[i] = &leaves[i];
    }
    Common__SignaturePolicy__NOutOf one_of = COMMON__SIGNATURE_POLICY__NOUT_OF__INIT;
    one_of.n = 1;
    one_of.n_rules = count;
    one_of.rules = leaf_list;
    Common__SignaturePolicy rule = COMMON__SIGNATURE_POLICY__INIT;
    rule.type_case = COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF;
    rule.n_out_of = &one_of;
    Common__SignaturePolicyEnvelope envelope = COMMON__SIGNATURE_POLICY_ENVELOPE__INIT;
    envelope.rule = &rule;
    envelope.n_identities = count;
    envelope.identities = principal_list;
    add_policy(arena, group, name, POLICY_SIGNATURE, &envelope.base);
}

static void add_capability(struct fama_arena *arena, Common__ConfigGroup *group, const char *name)
{
    Common__Capability capability = COMMON__CAPABILITY__INIT;
    Common__Capabilities__CapabilitiesEntry entry = COMMON__CAPABILITIES__CAPABILITIES_ENTRY__INIT;
    Common__Capabilities__CapabilitiesEntry *entries[] = {&entry};
    Common__Capabilities capabilities = COMMON__CAPABILITIES__INIT;
    entry.key = fama_pack_text(name);
    entry.value = &capability;
    capabilities.n_capabilities = 1;
    capabilities.capabilities = entries;
    add_value(arena, group, "Capabilities", &capabilities.base);
}

static Common__ConfigGroup *orderer_org(struct fama_arena *arena,
                                        const struct fama_genesis_org *org)
{
    static const enum fama_msp_role member[] = {FAMA_MSP_ROLE_MEMBER};
    static const enum fama_msp_role admin[] = {FAMA_MSP_ROLE_ADMIN};
    const char *mspid = fama_msp_id(org->msp);
    Common__ConfigGroup *group = new_group(arena, 0);
    add_value_bytes(arena, group, "MSP", fama_msp_to_message(org->msp, arena));
    if (org->endpoint_count > 0) {
        Common__OrdererAddresses addresses = COMMON__ORDERER_ADDRESSES__INIT;
        addresses.n_addresses = org->endpoint_count;
        addresses.addresses = (char **)(uintptr_t)org->endpoints;
        add_value(arena, group, "Endpoints", &addresses.base);
    }
    add_any_role(arena, group, "Readers", mspid, member, 1);
    add_any_role(arena, group, "Writers", mspid, member, 1);
    add_any_role(arena, group, "Admins", mspid, admin, 1);
    return group;
}

/* The port of host:port and where the host ends; 0 if it is not of that form. */
static int32_t endpoint_port(const char *endpoint, size_t *host_len)
{
    const char *colon = strrchr(endpoint, ':');
    if (colon == NULL || colon == endpoint || colon[1] < '0' || colon[1] > '9') {
        return 0;
    }
    char *end;
    long port = strtol(colon + 1, &end, 10);
    *host_len = (size_t)(colon - endpoint);
    return *end == '\0' && port > 0 && port <= PORT_MAX ? (int32_t)port : 0;
}

static void add_anchor_peers(struct fama_arena *arena, Common__ConfigGroup *group,
                             const struct fama_genesis_org *org)
{
    Protos__AnchorPeers anchors = PROTOS__ANCHOR_PEERS__INIT;
    Protos__AnchorPeer **list = fama_arena_take(arena, (org->endpoint_count + 1) * sizeof(*list));
    for (size_t i = 0; list != NULL && i < org->endpoint_count; i++) {
        size_t host_len = 0;
        Protos__AnchorPeer *peer = fama_arena_take(arena, sizeof(*peer));
        int32_t port = endpoint_port(org->endpoints[i], &host_len);
        char *host = fama_arena_take(arena, host_len + 1);
        if (peer == NULL || host == NULL) {
            return;
        }
        memcpy(host, org->endpoints[i], host_len);
        protos__anchor_peer__init(peer);
        peer->host = host;
        peer->port = port;
        list[i] = peer;
    }
    anchors.n_anchor_peers = org->endpoint_count;
    anchors.anchor_peers = list;
    if (list != NULL) {
        add_value(arena, group, "AnchorPeers", &anchors.base);
    }
}

static Common__ConfigGroup *application_org(struct fama_arena *arena,
                                            const struct fama_genesis_org *org)
{
    static const enum fama_msp_role readers[] = {FAMA_MSP_ROLE_ADMIN, FAMA_MSP_ROLE_PEER,
                                                 FAMA_MSP_ROLE_CLIENT};
    static const enum fama_msp_role writers[] = {FAMA_MSP_ROLE_ADMIN, FAMA_MSP_ROLE_CLIENT};
    static const enum fama_msp_role admin[] = {FAMA_MSP_ROLE_ADMIN};
    static const enum fama_msp_role peer[] = {FAMA_MSP_ROLE_PEER};
    static const enum fama_msp_role member[] = {FAMA_MSP_ROLE_MEMBER};
    const char *mspid = fama_msp_id(org->msp);
    /* Without NodeOUs nobody has the role of a peer or client, and such policies could not be met.
     */
    bool has_roles = fama_msp_definition(org->msp)->node_ous_enabled;
    Common__ConfigGroup *group = new_group(arena, 0);
    add_value_bytes(arena, group, "MSP", fama_msp_to_message(org->msp, arena));
    if (org->endpoint_count > 0) {
        add_anchor_peers(arena, group, org);
    }
    add_any_role(arena, group, "Readers", mspid, has_roles ? readers : member, has_roles ? 3 : 1);
    add_any_role(arena, group, "Writers", mspid, has_roles ? writers : member, has_roles ? 2 : 1);
    add_any_role(arena, group, "Admins", mspid, admin, 1);
    add_any_role(arena, group, "Endorsement", mspid, has_roles ? peer : member, 1);
    return group;
}

static Common__ConfigGroup *orderer_group(struct fama_arena *arena,
                                          const struct fama_genesis *genesis)
{
    Common__ConfigGroup *group = new_group(arena, genesis->orderer_count);
    Orderer__ConsensusType consensus = ORDERER__CONSENSUS_TYPE__INIT;
    Orderer__BatchSize batch = ORDERER__BATCH_SIZE__INIT;
    Orderer__BatchTimeout timeout = ORDERER__BATCH_TIMEOUT__INIT;
    Orderer__ChannelRestrictions restrictions = ORDERER__CHANNEL_RESTRICTIONS__INIT;
    for (size_t i = 0; i < genesis->orderer_count; i++) {
        add_group(arena, group, genesis->orderers[i].name,
                  orderer_org(arena, &genesis->orderers[i]));
    }
    consensus.type = fama_pack_text("etcdraft");
    batch.max_message_count = genesis->max_message_count;
    batch.absolute_max_bytes = ABSOLUTE_MAX_BYTES;
    batch.preferred_max_bytes = PREFERRED_MAX_BYTES;
    timeout.timeout = fama_pack_text(genesis->batch_timeout);
    add_value(arena, group, "ConsensusType", &consensus.base);
    add_value(arena, group, "BatchSize", &batch.base);
    add_value(arena, group, "BatchTimeout", &timeout.base);
    add_value(arena, group, "ChannelRestrictions", &restrictions.base);
    add_capability(arena, group, "V2_0");
    add_usual_implicits(arena, group);
    add_implicit(arena, group, "BlockValidation", "Writers", RULE_ANY);
    return group;
}

static Common__ConfigGroup *application_group(struct fama_arena *arena,
                                              const struct fama_genesis *genesis)
{
    Common__ConfigGroup *group = new_group(arena, genesis->application_count);
    for (size_t i = 0; i < genesis->application_count; i++) {
        add_group(arena, group, genesis->applications[i].name,
                  application_org(arena, &genesis->applications[i]));
    }
    add_capability(arena, group, "V2_5");
    add_usual_implicits(arena, group);
    add_implicit(arena, group, "Endorsement", "Endorsement", RULE_MAJORITY);
    add_implicit(arena, group, "LifecycleEndorsement", "Endorsement", RULE_MAJORITY);
    return group;
}

static Common__ConfigGroup *channel_group(struct fama_arena *arena,
                                          const struct fama_genesis *genesis)
{
    Common__ConfigGroup *group = new_group(arena, 2);
    Common__HashingAlgorithm algorithm = COMMON__HASHING_ALGORITHM__INIT;
    Common__BlockDataHashingStructure structure = COMMON__BLOCK_DATA_HASHING_STRUCTURE__INIT;
    add_group(arena, group, "Orderer", orderer_group(arena, genesis));
    add_group(arena, group, "Application", application_group(arena, genesis));
    algorithm.name = fama_pack_text("SHA256");
    structure.width = UINT32_MAX;
    add_value(arena, group, "HashingAlgorithm", &algorithm.base);
    add_value(arena, group, "BlockDataHashingStructure", &structure.base);
    add_capability(arena, group, "V2_0");
    add_usual_implicits(arena, group);
    return group;
}

/* The unsigned CONFIG envelope around the configuration. Empty on failure. */
static struct fama_bytes config_envelope(struct fama_arena *arena,
                                         const struct fama_genesis *genesis)
{
    uint8_t nonce[NONCE_BYTES];
    uint8_t txid_hash[FAMA_SHA256_BYTES];
    char txid[FAMA_SHA256_TEXT_BYTES];
    if (getentropy(nonce, sizeof(nonce)) != 0) {
        return fama_bytes(NULL, 0);
    }
    fama_sha256(fama_bytes(nonce, sizeof(nonce)), txid_hash); /* there is no creator */
    fama_sha256_text(txid_hash, txid);

    Common__Config config = COMMON__CONFIG__INIT;
    Common__ConfigEnvelope config_message = COMMON__CONFIG_ENVELOPE__INIT;
    config.channel_group = channel_group(arena, genesis);
    config_message.config = &config;
    struct fama_pack_headers headers = {
        .type = COMMON__HEADER_TYPE__CONFIG,
        .version = 1,
        .seconds = (int64_t)time(NULL),
        .channel_id = genesis->channel_id,
        .txid = txid,
        .nonce = fama_bytes(nonce, sizeof(nonce)),
    };
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    envelope.payload = fama_pack_binary(
        fama_pack_payload(arena, &headers, fama_pack(arena, &config_message.base)));
    return fama_pack(arena, &envelope.base);
}

static bool is_group_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MAX_BYTES && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == len;
}

static int check_orgs(const struct fama_genesis_org *orgs, size_t count, const char *kind,
                      struct fama_error *error)
{
    if (count == 0) {
        return fama_error_set(error, FAMA_GENESIS_INVALID,
                              "a channel needs at least one %s "
                              "organisation",
                              kind);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_group_name(orgs[i].name)) {
            return fama_error_set(
                error, FAMA_GENESIS_INVALID,
                "%s organisation name \"%.64s\" is not one Fabric allows (letters, "
                "digits, dots and dashes)",
                kind, orgs[i].name);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(orgs[i].name, orgs[j].name) == 0) {
                return fama_error_set(error, FAMA_GENESIS_INVALID,
                                      "two %s organisations are named \"%.64s\"", kind,
                                      orgs[i].name);
            }
        }
        for (size_t e = 0; e < orgs[i].endpoint_count; e++) {
            size_t host_len;
            if (endpoint_port(orgs[i].endpoints[e], &host_len) == 0) {
                return fama_error_set(error, FAMA_GENESIS_INVALID,
                                      "organisation %s: endpoint \"%.128s\" is not host:port",
                                      orgs[i].name, orgs[i].endpoints[e]);
            }
        }
    }
    return 0;
}

/* A positive Go duration of one number and one unit. */
static bool is_duration(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    static const char *const units[] = {"ms", "s", "m", "h"};
    if (digits == 0 || strspn(text, "0") == digits) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + digits, units[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int check(const struct fama_genesis *genesis, struct fama_error *error)
{
    if (!fama_channel_id_is_valid(fama_bytes_of_text(genesis->channel_id))) {
        return fama_error_set(
            error, FAMA_GENESIS_INVALID,
            "channel name \"%.64s\" is not one Fabric allows: a lower-case letter, "
            "then lower-case letters, digits, dots and dashes",
            genesis->channel_id);
    }
    if (genesis->max_message_count == 0) {
        return fama_error_set(error, FAMA_GENESIS_INVALID,
                              "the batch size must be at least one message");
    }
    if (genesis->batch_timeout == NULL || !is_duration(genesis->batch_timeout)) {
        return fama_error_set(
            error, FAMA_GENESIS_INVALID,
            "the batch timeout must be a positive duration like \"2s\" or \"500ms\"");
    }
    int result = check_orgs(genesis->orderers, genesis->orderer_count, "orderer", error);
    return result != 0 ? result
                       : check_orgs(genesis->applications, genesis->application_count,
                                    "application", error);
}

/* The signature slot of an unsigned first block: it names itself as the last configuration. */
static struct fama_bytes first_signature_slot(struct fama_arena *arena)
{
    Common__LastConfig last_config = COMMON__LAST_CONFIG__INIT;
    Common__OrdererBlockMetadata value = COMMON__ORDERER_BLOCK_METADATA__INIT;
    Common__Metadata metadata = COMMON__METADATA__INIT;
    value.last_config = &last_config;
    metadata.value = fama_pack_binary(fama_pack(arena, &value.base));
    return fama_pack(arena, &metadata.base);
}

int fama_genesis_build(const struct fama_genesis *genesis, uint8_t **bytes, size_t *len,
                       struct fama_error *error)
{
    int result = check(genesis, error);
    if (result != 0) {
        return result;
    }
    struct fama_arena arena;
    fama_arena_init(&arena, ARENA_LIMIT);
    struct fama_bytes envelope = config_envelope(&arena, genesis);
    struct fama_pack_block block = {
        .envelopes = &envelope,
        .envelope_count = 1,
        .metadata = {[FAMA_BLOCK_SIGNATURES] = first_signature_slot(&arena)},
    };
    if (envelope.len == 0 || arena.is_exhausted || !fama_pack_block(&block, bytes, len)) {
        result =
            fama_error_set(error, FAMA_GENESIS_NO_MEMORY,
                           "out of memory (or of random bytes) while writing the genesis block "
                           "of channel %s",
                           genesis->channel_id);
    }
    fama_arena_clear(&arena);
    return result;
}
