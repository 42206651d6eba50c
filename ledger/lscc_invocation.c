/* Source: Fabric core/handlers/validation/builtin/v13/lscc_validation_logic.go, the same in v12. What is
 * looked at is only what the transaction and the state say: no chaincode package is at hand when a block
 * is committed, in Fabric neither. Every objection is an ENDORSEMENT_POLICY_FAILURE. */
#include "ledger/deployment_message.h"
#include "ledger/validator_parts.h"

#define DEPLOY            "deploy"
#define UPGRADE           "upgrade"
#define ARGUMENTS_OLD_MAX 5 /* after the function's name; one more where there are collections */

/* An invocation being judged. `arguments` are those after the function's name. */
struct invocation {
    struct fama_judgement *judgement;
    struct fama_arena *arena;
    bool is_upgrade;
    const struct fama_bytes *arguments;
    size_t argument_count;
    struct fama_chaincode_spec deployed;
    const struct fama_namespace_set *set; /* of `lscc` */
    struct fama_legacy_definition written;
    struct fama_legacy_definition stored;
};

static int object(uint8_t *code)
{
    return fama_judged(code, FAMA_TRANSACTION_ENDORSEMENT_POLICY_FAILURE);
}

/* From the errors of definitions: what is stored and does not decode stops the channel. */
static int stop(int result, struct fama_error *error)
{
    switch (result) {
    case FAMA_STATE_NO_MEMORY:
        return fama_judgement_no_memory(error);
    case FAMA_CHAINCODE_DEFINITION_CORRUPT:
        return FAMA_VALIDATION_HALT;
    default:
        return FAMA_VALIDATION_IO;
    }
}

/* --- Names --- */

static bool is_alphanumeric(uint8_t letter)
{
    return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= 'a' && letter <= 'z');
}

/* Letters and digits, in parts between single dashes and underscores. */
static bool is_chaincode_name(struct fama_bytes name)
{
    bool was_letter = false;
    for (size_t i = 0; i < name.len; i++) {
        bool is_letter = is_alphanumeric(name.at[i]);
        bool is_separator = name.at[i] == '-' || name.at[i] == '_';
        if (!is_letter && !(is_separator && was_letter)) {
            return false;
        }
        was_letter = is_letter;
    }
    return was_letter;
}

static bool is_made_of(struct fama_bytes text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.at[i]) &&
            (text.at[i] == 0 || strchr(others, text.at[i]) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

/* --- Collections --- */

/* Whether the members' policy is nothing but alternatives: every gate asks for one. */
static int judge_members(struct invocation *invocation, const struct fama_collection *collection,
                         uint8_t *code)
{
    struct fama_signature_policy policy;
    if (!collection->has_member_policy) {
        return fama_error_set(invocation->judgement->error, FAMA_VALIDATION_HALT,
                              "a collection without a policy for its members is deployed: "
                              "Fabric's peer crashes here, and nobody knows the verdict");
    }
    int result = fama_signature_policy_decode_any_version(collection->member_policy,
                                                          invocation->arena, &policy);
    if (result == FAMA_POLICY_MESSAGE_NO_MEMORY) {
        return fama_judgement_no_memory(invocation->judgement->error);
    }
    for (size_t i = 0; i < policy.rule_count; i++) {
        if (policy.rules[i].signed_by == FAMA_POLICY_GATE && policy.rules[i].n != 1) {
            return object(code);
        }
    }
    return 0;
}

/* A collection's own form; *code is left alone if there is no objection. */
static int judge_collection(struct invocation *invocation, const struct fama_collection *collection,
                            uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    if (!collection->is_static || !is_made_of(collection->name, "_-")) {
        return object(code);
    }
    const struct fama_key key = {{collection->name}};
    enum fama_key_set_result added = fama_key_set_add(&judgement->validator->seen, &key);
    if (added == FAMA_KEY_SET_NO_MEMORY) {
        return fama_judgement_no_memory(judgement->error);
    }
    if (added == FAMA_KEY_SET_KNOWN ||
        collection->maximum_peer_count < collection->required_peer_count ||
        collection->required_peer_count < 0) {
        return object(code);
    }
    return judge_members(invocation, collection, code);
}

/* Each collection of a new package for itself, and their names together. */
static int judge_new_collections(struct invocation *invocation,
                                 const struct fama_collection_package *package, uint8_t *code)
{
    int result = 0;
    fama_key_set_clear(&invocation->judgement->validator->seen);
    for (size_t i = 0; result == 0 && *code == FAMA_TRANSACTION_VALID && i < package->count; i++) {
        result = judge_collection(invocation, &package->collections[i], code);
    }
    return result;
}

/* An upgrade keeps all collections, and how long their data live. */
static int judge_against_old(struct invocation *invocation,
                             const struct fama_collection_package *package, uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    struct fama_legacy_collections old;
    int result = fama_legacy_collections_read(judgement->state, invocation->written.name,
                                              invocation->arena, &old, judgement->error);
    if (result != 0) {
        return stop(result, judgement->error);
    }
    for (size_t i = 0; i < old.package.count; i++) {
        const struct fama_collection *collection = &old.package.collections[i];
        const struct fama_collection *kept =
            collection->is_static ? fama_collection_package_find(package, collection->name) : NULL;
        if (kept == NULL || kept->block_to_live != collection->block_to_live) {
            return object(code);
        }
    }
    return 0;
}

static int judge_package(struct invocation *invocation, struct fama_bytes argument, uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    struct fama_collection_package package;
    int result = fama_collection_package_decode(argument, invocation->arena, &package);
    if (result == FAMA_COLLECTION_PACKAGE_NO_MEMORY) {
        return fama_judgement_no_memory(judgement->error);
    }
    if (result != 0) {
        return object(code);
    }
    if (!judgement->capabilities->v1_2_validation) {
        return 0;
    }
    result = judge_new_collections(invocation, &package, code);
    if (result == 0 && *code == FAMA_TRANSACTION_VALID && invocation->is_upgrade) {
        result = judge_against_old(invocation, &package, code);
    }
    return result;
}

/* The collections' key in the write set must be what the arguments ask for. */
static bool writes_what_is_asked(const struct invocation *invocation, struct fama_bytes argument)
{
    const struct fama_namespace_set *set = invocation->set;
    struct fama_bytes written = {0};
    if (set->write_count == 2) {
        static const char suffix[] = "~collection";
        struct fama_bytes key = set->writes[1].key;
        struct fama_bytes name = invocation->written.name;
        if (key.len != name.len + sizeof(suffix) - 1 || memcmp(key.at, name.at, name.len) != 0 ||
            memcmp(key.at + name.len, suffix, sizeof(suffix) - 1) != 0) {
            return false;
        }
        written = set->writes[1].value;
    }
    return fama_bytes_equal(argument, written);
}

static int judge_collections(struct invocation *invocation, uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    struct fama_legacy_collections old;
    bool has_argument = invocation->argument_count > ARGUMENTS_OLD_MAX;
    struct fama_bytes argument =
        has_argument ? invocation->arguments[ARGUMENTS_OLD_MAX] : fama_bytes(NULL, 0);
    if (invocation->set->write_count > 2 || !writes_what_is_asked(invocation, argument)) {
        return object(code);
    }
    if (!invocation->is_upgrade) {
        int result = fama_legacy_collections_read(judgement->state, invocation->written.name,
                                                  invocation->arena, &old, judgement->error);
        if (result != 0) {
            return stop(result, judgement->error);
        }
        if (old.exists) {
            return object(code);
        }
    }
    return has_argument ? judge_package(invocation, argument, code) : 0;
}

/* --- Instantiation policies --- */

/* The creator, whose signature is known to be good, must satisfy the policy. */
static int judge_instantiation(struct invocation *invocation, struct fama_bytes policy,
                               uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    const struct fama_identity *creator = judgement->transaction->creator.identity;
    const struct fama_signers signers = {.identities = &creator, .count = 1};
    struct fama_endorsement_rule rule;
    if (policy.len == 0) {
        return object(code);
    }
    if (fama_endorsement_rule_of_envelope(policy, invocation->arena, &rule) != 0) {
        return fama_judgement_no_memory(judgement->error);
    }
    return fama_endorsement_rule_holds(&rule, &signers) ? 0 : object(code);
}

/* --- Deploy and upgrade --- */

static int judge_deploy(struct invocation *invocation, uint8_t *code)
{
    int result = 0;
    if (invocation->stored.exists) {
        return object(code);
    }
    if (invocation->judgement->capabilities->private_channel_data) {
        result = judge_collections(invocation, code);
    } else if (invocation->set->write_count != 1) {
        return object(code);
    }
    return result != 0 || *code != FAMA_TRANSACTION_VALID
               ? result
               : judge_instantiation(invocation, invocation->written.instantiation_policy, code);
}

static int judge_upgrade(struct invocation *invocation, uint8_t *code)
{
    const struct fama_channel_capabilities *capabilities = invocation->judgement->capabilities;
    struct fama_bytes old = invocation->stored.instantiation_policy;
    struct fama_bytes new = invocation->written.instantiation_policy;
    int result = 0;
    if (!invocation->stored.exists ||
        fama_bytes_equal(invocation->stored.version, invocation->deployed.id.version)) {
        return object(code);
    }
    if (capabilities->v1_2_validation) {
        result = judge_collections(invocation, code);
    } else if (invocation->set->write_count != 1) {
        return object(code);
    }
    if (result == 0 && *code == FAMA_TRANSACTION_VALID) {
        result = judge_instantiation(invocation, old, code);
    }
    if (result != 0 || *code != FAMA_TRANSACTION_VALID || !capabilities->v1_1_validation ||
        fama_bytes_equal(old, new)) {
        return result;
    }
    return judge_instantiation(invocation, new, code);
}

/* --- What both have in common --- */

/* Whether the chaincode deployed is one of a known kind, with a name and a version that are allowed. */
static bool is_good_spec(const struct fama_chaincode_spec *spec)
{
    return spec->is_present && spec->id.is_present && spec->type >= FAMA_CHAINCODE_GOLANG &&
           spec->type <= FAMA_CHAINCODE_JAVA && is_chaincode_name(spec->id.name) &&
           !fama_is_system_chaincode(spec->id.name) && is_made_of(spec->id.version, "_.+-");
}

/* Whether the write set writes this chaincode's data, and nothing beyond it and its namespace. */
static bool is_good_set(struct invocation *invocation)
{
    const struct fama_read_write_set *all = &invocation->judgement->transaction->decoded.set;
    const struct fama_namespace_set *set = invocation->set;
    const struct fama_chaincode_spec *deployed = &invocation->deployed;
    struct fama_legacy_definition *written = &invocation->written;
    if (set == NULL || set->write_count < 1 ||
        !fama_bytes_equal(set->writes[0].key, deployed->id.name) ||
        !fama_legacy_definition_decode(set->writes[0].value, written) ||
        !fama_bytes_equal(written->name, deployed->id.name) ||
        !fama_bytes_equal(written->version, deployed->id.version)) {
        return false;
    }
    for (size_t i = 0; i < all->namespace_count; i++) {
        const struct fama_namespace_set *other = &all->namespaces[i];
        if (other->write_count > 0 && !fama_bytes_equal_text(other->name, FAMA_LSCC_NAMESPACE) &&
            !fama_bytes_equal(other->name, written->name)) {
            return false;
        }
    }
    return true;
}

static int judge(struct invocation *invocation, const struct fama_chaincode_spec *invoked,
                 uint8_t *code)
{
    struct fama_judgement *judgement = invocation->judgement;
    size_t most = ARGUMENTS_OLD_MAX + (judgement->capabilities->private_channel_data ? 1U : 0U);
    if (!invoked->is_present || !invoked->has_input || invoked->argument_count == 0) {
        return object(code);
    }
    invocation->is_upgrade = fama_bytes_equal_text(invoked->arguments[0], UPGRADE);
    invocation->arguments = invoked->arguments + 1;
    invocation->argument_count = invoked->argument_count - 1;
    if ((!invocation->is_upgrade && !fama_bytes_equal_text(invoked->arguments[0], DEPLOY)) ||
        invocation->argument_count < 2 || invocation->argument_count > most) {
        return object(code);
    }
    int result = fama_deployment_spec_decode(invocation->arguments[1], invocation->arena,
                                             &invocation->deployed);
    if (result == FAMA_DEPLOYMENT_MESSAGE_NO_MEMORY) {
        return fama_judgement_no_memory(judgement->error);
    }
    if (result != 0 || !is_good_spec(&invocation->deployed)) {
        return object(code);
    }
    result = fama_legacy_definition_read(judgement->state, invocation->deployed.id.name,
                                         &invocation->stored, judgement->error);
    if (result != 0) {
        return stop(result, judgement->error);
    }
    invocation->set = fama_find_namespace(&judgement->transaction->decoded,
                                          fama_bytes_of_text(FAMA_LSCC_NAMESPACE));
    if (!is_good_set(invocation)) {
        return object(code);
    }
    return invocation->is_upgrade ? judge_upgrade(invocation, code)
                                  : judge_deploy(invocation, code);
}

int fama_lscc_invocation_judge(struct fama_judgement *judgement, uint8_t *code)
{
    struct fama_arena arena;
    struct fama_chaincode_spec invoked;
    struct invocation invocation = {.judgement = judgement, .arena = &arena};
    fama_arena_init(&arena, SIZE_MAX);
    *code = FAMA_TRANSACTION_VALID;
    int result =
        fama_invocation_spec_find(judgement->transaction->decoded.payload, &arena, &invoked);
    if (result == FAMA_DEPLOYMENT_MESSAGE_NO_MEMORY) {
        result = fama_judgement_no_memory(judgement->error);
    } else if (result != 0) {
        result = object(code);
    } else {
        result = judge(&invocation, &invoked, code);
    }
    fama_arena_clear(&arena);
    return result;
}

bool fama_lscc_invocation_upgrades(const struct fama_transaction *transaction,
                                   struct fama_arena *arena, struct fama_bytes *chaincode)
{
    struct fama_chaincode_spec invoked;
    struct fama_chaincode_spec deployed;
    if (!fama_bytes_equal_text(transaction->header_chaincode.name, FAMA_LSCC_NAMESPACE) ||
        fama_invocation_spec_find(transaction->payload, arena, &invoked) != 0 ||
        invoked.argument_count <= 2 || !fama_bytes_equal_text(invoked.arguments[0], UPGRADE) ||
        fama_deployment_spec_decode(invoked.arguments[2], arena, &deployed) != 0 ||
        deployed.type != FAMA_CHAINCODE_GOLANG) {
        return false;
    }
    *chaincode = deployed.id.name;
    return true;
}
