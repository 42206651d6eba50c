#include "ledger/chaincode_rules.h"

#include <stdlib.h>
#include <xxhash.h>

#include "ledger/validation.h"

#define BUILT_IN_PLUGIN  "vscc"
#define LIFECYCLE_POLICY "/Channel/Application/LifecycleEndorsement"

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_VALIDATION_NO_MEMORY,
                          "rules of a chaincode: out of memory; give the process more");
}

/* From the errors of definitions and of the state to those of validation. */
static int translate(int result, struct fama_error *error)
{
    switch (result) {
    case 0:
        return 0;
    case FAMA_STATE_NO_MEMORY:
        return no_memory(error);
    case FAMA_CHAINCODE_DEFINITION_CORRUPT:
        return FAMA_VALIDATION_HALT;
    default:
        return FAMA_VALIDATION_IO;
    }
}

static int rule_result(int result, struct fama_error *error)
{
    return result == 0 ? 0 : no_memory(error);
}

bool fama_is_system_chaincode(struct fama_bytes name)
{
    return name.len == 4 &&
           (fama_bytes_equal_text(name, "vscc") || fama_bytes_equal_text(name, "escc") ||
            fama_bytes_equal_text(name, "lscc") || fama_bytes_equal_text(name, "qscc") ||
            fama_bytes_equal_text(name, "cscc"));
}

/* A copy that lives as long as the arena; false when memory is out. */
static bool copy(struct fama_arena *arena, struct fama_bytes bytes, struct fama_bytes *copied)
{
    uint8_t *at = fama_arena_take(arena, bytes.len);
    if (at == NULL) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(at, bytes.at, bytes.len);
    }
    *copied = fama_bytes(at, bytes.len);
    return true;
}

static const struct fama_policies *policies_of(const struct fama_chaincode_book *book)
{
    return fama_channel_config_policies(book->config);
}

static bool is_v20(const struct fama_chaincode_book *book)
{
    return fama_channel_config_capabilities(book->config)->v2_0_validation;
}

/* --- The channel's own rules --- */

static int open_channel_rules(struct fama_chaincode_book *book)
{
    size_t count = fama_channel_config_application_count(book->config);
    const char **mspids = fama_arena_take(&book->arena, (count + 1) * sizeof(*mspids));
    if (mspids == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        mspids[i] = fama_channel_config_application_mspid(book->config, i);
    }
    int result =
        fama_endorsement_rule_of_members(mspids, count, 1, &book->arena, &book->any_member);
    book->lifecycle =
        fama_endorsement_rule_of_channel(fama_bytes_of_text(LIFECYCLE_POLICY), policies_of(book));
    if (result == 0 && book->lifecycle.kind == FAMA_RULE_NEVER) {
        result = fama_endorsement_rule_of_members(mspids, count, (int32_t)(count / 2 + 1),
                                                  &book->arena, &book->lifecycle);
    }
    return result;
}

static void forget_all(struct fama_chaincode_book *book)
{
    for (size_t i = 0; i < FAMA_CHAINCODE_BOOK_BUCKETS; i++) {
        while (book->buckets[i] != NULL) {
            struct fama_chaincode_rules *rules = book->buckets[i];
            book->buckets[i] = rules->next;
            fama_arena_clear(&rules->arena);
            free(rules);
        }
    }
    book->last = NULL;
    book->count = 0;
}

void fama_chaincode_book_close(struct fama_chaincode_book *book)
{
    forget_all(book);
    fama_arena_clear(&book->arena);
    fama_channel_config_release(book->config);
    book->config = NULL;
}

int fama_chaincode_book_open(struct fama_chaincode_book *book, struct fama_channel_config *config,
                             struct fama_error *error)
{
    if (book->config == config) {
        forget_all(book);
        return 0;
    }
    fama_chaincode_book_close(book);
    fama_arena_init(&book->arena, SIZE_MAX);
    book->config = fama_channel_config_acquire(config);
    int result = rule_result(open_channel_rules(book), error);
    if (result != 0) {
        fama_chaincode_book_close(book);
    }
    return result;
}

/* --- Definitions --- */

/* A definition with a plugin and a parameter, or one that is worth nothing. */
static bool set_plugin(struct fama_chaincode_rules *rules, struct fama_bytes plugin,
                       struct fama_bytes parameter)
{
    rules->is_defined = plugin.len > 0 && parameter.len > 0;
    rules->has_our_plugin = fama_bytes_equal_text(plugin, BUILT_IN_PLUGIN);
    return copy(&rules->arena, plugin, &rules->plugin);
}

/* What 1.x defined, under the rules of 2.0: its policy counts as part of an ApplicationPolicy if it can be
 * read, and as a whole one if not. */
static int read_legacy_for_v20(struct fama_chaincode_book *book, struct fama_state *state,
                               struct fama_chaincode_rules *rules, struct fama_error *error)
{
    struct fama_legacy_definition legacy;
    struct fama_bytes policy;
    bool is_readable = false;
    int result = translate(fama_legacy_definition_read(state, rules->name, &legacy, error), error);
    if (result != 0 || !legacy.exists) {
        return result;
    }
    if (!copy(&rules->arena, legacy.policy, &policy) ||
        !set_plugin(rules, legacy.validation_plugin, policy)) {
        return no_memory(error);
    }
    if (!rules->is_defined || !rules->has_our_plugin) {
        return 0;
    }
    result = fama_endorsement_rule_of_wrapped_envelope(policy, &rules->arena, &rules->rule,
                                                       &is_readable);
    if (result == 0 && !is_readable) {
        result = fama_endorsement_rule_of_application(policy, policies_of(book), &rules->arena,
                                                      &rules->rule);
    }
    return rule_result(result, error);
}

static int read_for_v20(struct fama_chaincode_book *book, struct fama_state *state,
                        struct fama_arena *scratch, struct fama_chaincode_rules *rules,
                        struct fama_error *error)
{
    struct fama_lifecycle_definition definition;
    struct fama_bytes parameter;
    if (fama_bytes_equal_text(rules->name, FAMA_LIFECYCLE_NAMESPACE)) {
        rules->is_lifecycle = true;
        rules->is_defined = true;
        rules->has_our_plugin = true;
        rules->rule = book->lifecycle;
        return 0;
    }
    int result = translate(
        fama_lifecycle_definition_read(state, rules->name, scratch, &definition, error), error);
    if (result != 0) {
        return result;
    }
    rules->is_lifecycle = definition.exists;
    if (definition.validation_plugin.len == 0 && definition.validation_parameter.len == 0) {
        return read_legacy_for_v20(book, state, rules, error);
    }
    if (!copy(&rules->arena, definition.validation_parameter, &parameter) ||
        !set_plugin(rules, definition.validation_plugin, parameter)) {
        return no_memory(error);
    }
    return rule_result(fama_endorsement_rule_of_application(parameter, policies_of(book),
                                                            &rules->arena, &rules->rule),
                       error);
}

static int read_for_v14(struct fama_chaincode_book *book, struct fama_state *state,
                        struct fama_chaincode_rules *rules, struct fama_error *error)
{
    struct fama_legacy_definition legacy;
    struct fama_bytes policy;
    if (fama_is_system_chaincode(rules->name)) {
        rules->is_defined = true;
        rules->has_our_plugin = true;
        rules->rule = book->any_member;
        return 0;
    }
    int result = fama_legacy_definition_read(state, rules->name, &legacy, error);
    if (result == FAMA_CHAINCODE_DEFINITION_CORRUPT) {
        return 0; /* to 1.x a definition that does not decode is none */
    }
    if (result != 0 || !legacy.exists) {
        return translate(result, error);
    }
    if (!copy(&rules->arena, legacy.policy, &policy) ||
        !copy(&rules->arena, legacy.version, &rules->version) ||
        !set_plugin(rules, legacy.validation_plugin, policy)) {
        return no_memory(error);
    }
    return rule_result(fama_endorsement_rule_of_envelope(policy, &rules->arena, &rules->rule),
                       error);
}

static int read_rules(struct fama_chaincode_book *book, struct fama_state *state,
                      struct fama_chaincode_rules *rules, struct fama_error *error)
{
    struct fama_arena scratch;
    if (!is_v20(book)) {
        return read_for_v14(book, state, rules, error);
    }
    fama_arena_init(&scratch, SIZE_MAX);
    int result = read_for_v20(book, state, &scratch, rules, error);
    fama_arena_clear(&scratch);
    return result;
}

static struct fama_chaincode_rules **bucket_of(struct fama_chaincode_book *book,
                                               struct fama_bytes name)
{
    uint64_t hash = XXH3_64bits(name.len > 0 ? (const void *)name.at : "", name.len);
    return &book->buckets[hash % FAMA_CHAINCODE_BOOK_BUCKETS];
}

int fama_chaincode_book_find(struct fama_chaincode_book *book, struct fama_state *state,
                             struct fama_bytes name, struct fama_chaincode_rules **rules,
                             struct fama_error *error)
{
    if (book->last != NULL && fama_bytes_equal(book->last->name, name)) {
        *rules = book->last;
        return 0;
    }
    struct fama_chaincode_rules **bucket = bucket_of(book, name);
    for (struct fama_chaincode_rules *known = *bucket; known != NULL; known = known->next) {
        if (fama_bytes_equal(known->name, name)) {
            *rules = book->last = known;
            return 0;
        }
    }
    if (book->count == FAMA_CHAINCODE_BOOK_MAX) {
        forget_all(book);
    }
    struct fama_chaincode_rules *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return no_memory(error);
    }
    fama_arena_init(&made->arena, SIZE_MAX);
    int result = copy(&made->arena, name, &made->name) ? read_rules(book, state, made, error)
                                                       : no_memory(error);
    if (result != 0) {
        fama_arena_clear(&made->arena);
        free(made);
        return result;
    }
    made->next = *bucket;
    *bucket = made;
    book->count++;
    *rules = book->last = made;
    return 0;
}

/* --- Collections --- */

/* The rule of an organisation's own collection. */
static int implicit_rule(struct fama_chaincode_book *book, struct fama_chaincode_rules *rules,
                         const struct fama_application_org *org, struct fama_collection_rule *made)
{
    static const char prefix[] = FAMA_IMPLICIT_COLLECTION_PREFIX;
    static const char before[] = "/Channel/Application/";
    static const char after[] = "/Endorsement";
    size_t id_len = strlen(org->mspid);
    size_t path_len = sizeof(before) - 1 + org->group.len + sizeof(after) - 1;
    uint8_t *name = fama_arena_take(&rules->arena, sizeof(prefix) - 1 + id_len);
    uint8_t *path = fama_arena_take(&rules->arena, path_len);
    if (name == NULL || path == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    memcpy(name, prefix, sizeof(prefix) - 1);
    memcpy(name + sizeof(prefix) - 1, org->mspid, id_len);
    memcpy(path, before, sizeof(before) - 1);
    memcpy(path + sizeof(before) - 1, org->group.at, org->group.len);
    memcpy(path + sizeof(before) - 1 + org->group.len, after, sizeof(after) - 1);
    made->name = fama_bytes(name, sizeof(prefix) - 1 + id_len);
    made->has_rule = true;
    made->rule = fama_endorsement_rule_of_channel(fama_bytes(path, path_len), policies_of(book));
    if (made->rule.kind != FAMA_RULE_NEVER) {
        return 0;
    }
    return fama_endorsement_rule_of_members(&org->mspid, 1, 1, &rules->arena, &made->rule);
}

static int explicit_rule(struct fama_chaincode_book *book, struct fama_chaincode_rules *rules,
                         const struct fama_collection *collection, bool has_parameter,
                         struct fama_collection_rule *made)
{
    struct fama_bytes mspid;
    made->name = collection->name;
    if (!rules->is_lifecycle) {
        return 0;
    }
    if (fama_collection_is_implicit(collection->name, &mspid)) {
        made->has_rule = true; /* Fabric would look for the organisation, not here */
        made->rule = (struct fama_endorsement_rule){.kind = FAMA_RULE_NEVER};
        return 0;
    }
    if (!collection->has_endorsement_policy) {
        made->has_rule = has_parameter;
        made->rule = rules->rule;
        return 0;
    }
    made->has_rule = collection->endorsement_policy.len > 0;
    if (!made->has_rule) {
        return 0;
    }
    return fama_endorsement_rule_of_application(collection->endorsement_policy, policies_of(book),
                                                &rules->arena, &made->rule);
}

/* Copies the package and makes a rule per collection, after those of the organisations. */
static int make_collections(struct fama_chaincode_book *book, struct fama_chaincode_rules *rules,
                            struct fama_bytes stored, bool has_parameter)
{
    struct fama_collection_package package;
    struct fama_bytes bytes;
    size_t orgs = rules->is_lifecycle ? fama_channel_config_application_count(book->config) : 0;
    if (!copy(&rules->arena, stored, &bytes) ||
        fama_collection_package_decode(bytes, &rules->arena, &package) != 0) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY; /* it did decode before */
    }
    rules->collections =
        fama_arena_take(&rules->arena, (orgs + package.count + 1) * sizeof(*rules->collections));
    if (rules->collections == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    for (size_t i = 0; i < orgs; i++) {
        int result =
            implicit_rule(book, rules, fama_channel_config_application_org(book->config, i),
                          &rules->collections[rules->collection_count++]);
        if (result != 0) {
            return result;
        }
    }
    for (size_t i = 0; i < package.count; i++) {
        if (!package.collections[i].is_static) {
            continue;
        }
        int result = explicit_rule(book, rules, &package.collections[i], has_parameter,
                                   &rules->collections[rules->collection_count++]);
        if (result != 0) {
            return result;
        }
    }
    rules->has_collections = true;
    return 0;
}

static int read_collections(struct fama_chaincode_book *book, struct fama_state *state,
                            struct fama_arena *scratch, struct fama_chaincode_rules *rules,
                            struct fama_error *error)
{
    struct fama_lifecycle_definition definition;
    struct fama_legacy_definition legacy;
    struct fama_legacy_collections collections;
    int result = translate(
        fama_lifecycle_definition_read(state, rules->name, scratch, &definition, error), error);
    if (result != 0) {
        return result;
    }
    rules->is_lifecycle = definition.exists;
    if (definition.exists) {
        return rule_result(make_collections(book, rules, definition.collections,
                                            definition.validation_parameter.len > 0),
                           error);
    }
    result = translate(fama_legacy_definition_read(state, rules->name, &legacy, error), error);
    if (result == 0 && !legacy.exists) {
        return fama_error_set(error, FAMA_VALIDATION_HALT,
                              "a write to a collection of %.*s, which is no chaincode of this "
                              "channel: Fabric's peer crashes here, and nobody knows the verdict",
                              (int)(rules->name.len < 64 ? rules->name.len : 64),
                              (const char *)rules->name.at);
    }
    if (result == 0) {
        result = translate(
            fama_legacy_collections_read(state, rules->name, scratch, &collections, error), error);
    }
    if (result != 0) {
        return result;
    }
    return rule_result(make_collections(book, rules, collections.bytes, false), error);
}

int fama_chaincode_book_collection(struct fama_chaincode_book *book, struct fama_state *state,
                                   struct fama_chaincode_rules *rules, struct fama_bytes name,
                                   struct fama_collection_rule **found, struct fama_error *error)
{
    *found = NULL;
    if (!rules->has_collections) {
        struct fama_arena scratch;
        fama_arena_init(&scratch, SIZE_MAX);
        rules->collection_count = 0;
        int result = read_collections(book, state, &scratch, rules, error);
        fama_arena_clear(&scratch);
        if (result != 0) {
            return result;
        }
    }
    for (size_t i = 0; i < rules->collection_count; i++) {
        if (fama_bytes_equal(rules->collections[i].name, name)) {
            *found = &rules->collections[i];
            return 0;
        }
    }
    return 0;
}
