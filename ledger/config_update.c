#include "ledger/config_update.h"

#include "ledger/config_names.h"
#include "ledger/config_signatures.h"
#include "ledger/envelope.h"
#include "ledger/proto_merge.h"
#include "ledger/proto_reader.h"

#define TYPE_CONFIG_UPDATE 2 /* of common.HeaderType */

/* An update on its way through judgement. */
struct update {
    const struct fama_channel_config *current;
    struct fama_arena arena; /* of the sets */
    struct fama_bytes bytes; /* serialized common.ConfigUpdate */
    struct fama_bytes channel_id;
    struct fama_config_element read_set; /* what the author has seen */
    struct fama_config_element write_set;
    bool has_read_set;
    bool has_write_set;
    struct fama_config_signatures signatures;
    size_t changes;
    bool fixes_mod_policies;
    struct fama_error *error;
};

/* The same place in all trees; NULL where a tree has nothing there. */
struct place {
    const struct fama_config_element *read;
    const struct fama_config_element *write;
    const struct fama_config_element *current;
    struct fama_bytes groups[FAMA_CONFIG_DEPTH_MAX + 1]; /* names on the way, without the root's */
    size_t depth;
};

static int refuse(struct update *update, const struct fama_config_element *element,
                  const char *words)
{
    static const char *const kinds[] = {[FAMA_CONFIG_GROUP] = "group",
                                        [FAMA_CONFIG_VALUE] = "value",
                                        [FAMA_CONFIG_POLICY] = "policy"};
    const struct fama_bytes name =
        element->name.len > 0 ? element->name : fama_bytes_of_text("Channel");
    return fama_error_set(update->error, FAMA_CHANNEL_CONFIG_INVALID,
                          "configuration update, %s \"%.*s\": %s", kinds[element->kind],
                          name.len > 64 ? 64 : (int)name.len, name.at, words);
}

static const struct fama_config_element *below(const struct fama_config_element *group,
                                               enum fama_config_kind kind, struct fama_bytes name)
{
    return group == NULL ? NULL : fama_config_find(group, kind, name);
}

static struct place step(const struct place *place, const struct fama_config_element *child)
{
    struct place next = *place;
    next.read = below(place->read, child->kind, child->name);
    next.write = below(place->write, child->kind, child->name);
    next.current = below(place->current, child->kind, child->name);
    if (child->kind == FAMA_CONFIG_GROUP) {
        next.groups[next.depth++] = child->name; /* trees are not deeper */
    }
    return next;
}

/* --- Reading --- */

/* The serialized ConfigUpdateEnvelope inside the CONFIG_UPDATE envelope that led to a config. */
static bool find_update_envelope(const struct fama_config_tree *tree, struct fama_bytes *bytes)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    struct fama_channel_header header;
    if (!tree->has_last_update || !fama_envelope_decode(tree->last_update, &envelope) ||
        !fama_payload_decode(envelope.payload, &payload) || !payload.has_header ||
        !fama_channel_header_decode(payload.channel_header, &header) ||
        header.type != TYPE_CONFIG_UPDATE) {
        return false;
    }
    *bytes = payload.data;
    return true;
}

static bool is_isolated_data_entry(struct fama_bytes entry)
{
    struct fama_proto_reader reader = fama_proto_reader(entry);
    struct fama_proto_field field;
    bool is_text = true;
    while (fama_proto_next(&reader, &field)) {
        is_text = is_text && !(fama_proto_is_len(&field, 1) && !fama_proto_is_utf8(field.value));
    }
    return is_text && !reader.failed;
}

/* Reads what of a common.ConfigUpdate is no group. */
static bool read_scalars(struct update *update)
{
    struct fama_proto_reader reader = fama_proto_reader(update->bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!fama_proto_is_utf8(field.value)) {
                return false;
            }
            update->channel_id = field.value;
        } else if (fama_proto_is_len(&field, 5) && !is_isolated_data_entry(field.value)) {
            return false;
        }
    }
    return !reader.failed;
}

static int read_set(struct update *update, uint32_t number, struct fama_config_element *set,
                    bool *is_present)
{
    struct fama_bytes bytes;
    int result = fama_proto_merge(update->bytes, number, &update->arena, &bytes, is_present);
    if (result != 0) {
        bool is_full = result == FAMA_PROTO_MERGE_NO_MEMORY;
        return fama_error_set(update->error,
                              is_full ? FAMA_CHANNEL_CONFIG_NO_MEMORY : FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration update %s",
                              is_full ? "is too large to be decoded" : "does not decode");
    }
    result = fama_config_group_read(bytes, &update->arena, set, update->error);
    return result == 0 ? fama_config_names_check(set, update->error) : result;
}

/* Reads a serialized ConfigUpdateEnvelope. */
static int read_update(struct update *update, struct fama_bytes envelope)
{
    struct fama_proto_reader reader = fama_proto_reader(envelope);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            update->bytes = field.value;
        }
    }
    fama_arena_init(&update->arena, 2 * FAMA_CONFIG_TREE_ARENA(update->bytes.len));
    if (reader.failed || !read_scalars(update)) {
        return fama_error_set(update->error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration update does not decode");
    }
    if (!fama_bytes_equal_text(update->channel_id, fama_channel_config_id(update->current))) {
        return fama_error_set(update->error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration update is for another channel");
    }
    int result = read_set(update, 2, &update->read_set, &update->has_read_set);
    return result == 0 ? read_set(update, 3, &update->write_set, &update->has_write_set) : result;
}

/* --- What was read --- */

/* Everything in the read set is there, in that version. */
static int check_read_set(struct update *update, const struct fama_config_element *read,
                          const struct fama_config_element *current)
{
    if (current == NULL) {
        return refuse(update, read, "was read, and is not there");
    }
    if (read->version != current->version) {
        return refuse(update, read, "was read in another version than it has");
    }
    for (unsigned int kind = 0; kind < FAMA_CONFIG_KINDS; kind++) {
        const struct fama_config_list *list = &read->children[kind];
        for (size_t i = 0; i < list->count; i++) {
            int result = check_read_set(
                update, &list->at[i],
                fama_config_find(current, (enum fama_config_kind)kind, list->at[i].name));
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

/* --- What is changed, and by whom --- */

static bool is_change(const struct place *place)
{
    return place->write != NULL &&
           (place->read == NULL || place->read->version != place->write->version);
}

/* The policy that guards an element as it is now. A relative name begins in the group that holds
 * the element, or in the element itself if that is a group. */
static const struct fama_policy *guard(const struct update *update, const struct place *place)
{
    struct fama_bytes path = place->current->mod_policy;
    bool is_absolute = path.len > 0 && path.at[0] == '/';
    return fama_policies_find_from(fama_channel_config_policies(update->current), place->groups,
                                   is_absolute ? 0 : place->depth, path);
}

static int check_change(struct update *update, const struct place *place)
{
    const struct fama_config_element *write = place->write;
    if (!fama_config_policy_path_is_valid(write->mod_policy)) {
        return refuse(update, write, "has no valid mod_policy");
    }
    if (place->current == NULL) {
        return write->version == 0 ? 0 : refuse(update, write, "is new, and not in version 0");
    }
    if (write->version != place->current->version + 1) {
        return refuse(update, write, "is not in the version that follows");
    }
    const struct fama_policy *policy = guard(update, place);
    if (policy == NULL) {
        return refuse(update, write, "is guarded by a policy that does not exist");
    }
    return fama_policy_evaluate(policy, update->signatures.identities, update->signatures.count)
               ? 0
               : refuse(update, write, "the signatures do not satisfy the policy that guards it");
}

static int check_changes(struct update *update, const struct place *place)
{
    if (is_change(place)) {
        update->changes++;
        int result = check_change(update, place);
        if (result != 0) {
            return result;
        }
    }
    for (unsigned int kind = 0; kind < FAMA_CONFIG_KINDS; kind++) {
        const struct fama_config_list *list = &place->write->children[kind];
        for (size_t i = 0; i < list->count; i++) {
            struct place next = step(place, &list->at[i]);
            int result = check_changes(update, &next);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

/* --- What it leads to --- */

/* Fabric repairs what its version 1.0 forgot: once the orderers have capabilities, every element
 * without a mod_policy is guarded by "Admins". */
static bool has_orderer_capabilities(const struct fama_config_element *root)
{
    const struct fama_config_element *orderer =
        root == NULL ? NULL : fama_config_group(root, "Orderer");
    return orderer != NULL && fama_config_has_value(orderer, "Capabilities");
}

/* Compares what the update makes of a place with what the new configuration has there: changed
 * elements are those of the write set, all others as they were; a group holds what the chosen one
 * lists. */
static int check_result(struct update *update, const struct place *place,
                        const struct fama_config_element *expected)
{
    const struct fama_config_element *chosen = is_change(place) ? place->write : place->current;
    if (chosen == NULL) {
        return refuse(update, expected, "does not follow from the update");
    }
    struct fama_config_element made = *chosen;
    if (update->fixes_mod_policies && made.mod_policy.len == 0) {
        made.mod_policy = fama_bytes_of_text("Admins");
    }
    if (!fama_config_is_same_content(&made, expected)) {
        return refuse(update, expected, "is not what the update leads to");
    }
    for (unsigned int kind = 0; kind < FAMA_CONFIG_KINDS; kind++) {
        const struct fama_config_list *list = &chosen->children[kind];
        if (list->count != expected->children[kind].count) {
            return refuse(update, expected, "does not hold what the update leads to");
        }
        for (size_t i = 0; i < list->count; i++) {
            const struct fama_config_element *child = &expected->children[kind].at[i];
            if (!fama_bytes_equal(list->at[i].name, child->name)) { /* both are in order */
                return refuse(update, child, "is not what the update leads to");
            }
            struct place next = step(place, child);
            int result = check_result(update, &next, child);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

static int judge(struct update *update, const struct fama_config_element *result_root)
{
    const struct fama_config_element *current = fama_channel_config_root(update->current);
    const struct place root = {
        .read = update->has_read_set ? &update->read_set : NULL,
        .write = update->has_write_set ? &update->write_set : NULL,
        .current = current,
    };
    int result = root.read == NULL ? 0 : check_read_set(update, root.read, current);
    if (result == 0 && root.write != NULL) {
        result = check_changes(update, &root);
    }
    if (result == 0 && update->changes == 0) {
        result = fama_error_set(update->error, FAMA_CHANNEL_CONFIG_INVALID,
                                "the configuration update changes nothing");
    }
    update->fixes_mod_policies =
        has_orderer_capabilities(current) || has_orderer_capabilities(root.write);
    return result == 0 ? check_result(update, &root, result_root) : result;
}

/* --- Whether the new one may follow --- */

/* One organisation's group keeps its MSP id as long as it is there. */
static int keeps_mspid(const char *where, struct fama_bytes group, const char *before,
                       const char *after, struct fama_error *error)
{
    return strcmp(before, after) == 0
               ? 0
               : fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                "organisation %s/%.*s changes its MSP id from %s to %s", where,
                                group.len > 64 ? 64 : (int)group.len, group.at, before, after);
}

static int check_applications(const struct fama_channel_config *current,
                              const struct fama_channel_config *next, struct fama_error *error)
{
    for (size_t i = 0; i < fama_channel_config_application_count(current); i++) {
        const struct fama_application_org *org = fama_channel_config_application_org(current, i);
        for (size_t j = 0; j < fama_channel_config_application_count(next); j++) {
            const struct fama_application_org *other = fama_channel_config_application_org(next, j);
            if (fama_bytes_equal(org->group, other->group)) {
                int result = keeps_mspid("/Channel/Application", org->group, org->mspid,
                                         other->mspid, error);
                if (result != 0) {
                    return result;
                }
            }
        }
    }
    return 0;
}

static int check_orderers(const struct fama_channel_config *current,
                          const struct fama_channel_config *next, struct fama_error *error)
{
    const struct fama_orderer_settings *before = fama_channel_config_orderer(current);
    const struct fama_orderer_settings *after = fama_channel_config_orderer(next);
    if (!before->is_present) {
        return 0;
    }
    if (!after->is_present) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the new configuration has no group Orderer any more");
    }
    if (!fama_channel_config_capabilities(current)->consensus_type_migration &&
        !fama_bytes_equal(before->consensus_type, after->consensus_type)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the consensus type changes, which needs channel capability V1_4_2");
    }
    for (size_t i = 0; i < before->org_count; i++) {
        for (size_t j = 0; j < after->org_count; j++) {
            if (fama_bytes_equal(before->orgs[i].group, after->orgs[j].group)) {
                int result = keeps_mspid("/Channel/Orderer", before->orgs[i].group,
                                         before->orgs[i].mspid, after->orgs[j].mspid, error);
                if (result != 0) {
                    return result;
                }
            }
        }
    }
    return 0;
}

/* The MSP id that an organisation's group defines; it is known to decode. */
static struct fama_bytes mspid_of(const struct fama_config_element *org)
{
    struct fama_proto_reader reader = fama_proto_reader(fama_config_value(org, "MSP"));
    struct fama_proto_field field;
    struct fama_bytes definition = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2)) {
            definition = field.value;
        }
    }
    return fama_config_read_text(definition);
}

static int check_consortium(const struct fama_config_element *before,
                            const struct fama_config_element *after, struct fama_error *error)
{
    const struct fama_config_list *orgs = &before->children[FAMA_CONFIG_GROUP];
    for (size_t i = 0; after != NULL && i < orgs->count; i++) {
        const struct fama_config_element *org = below(after, FAMA_CONFIG_GROUP, orgs->at[i].name);
        if (org != NULL && !fama_bytes_equal(mspid_of(&orgs->at[i]), mspid_of(org))) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "an organisation of a consortium changes its MSP id");
        }
    }
    return 0;
}

static int check_consortiums(const struct fama_config_element *current,
                             const struct fama_config_element *next, struct fama_error *error)
{
    const struct fama_config_element *before = fama_config_group(current, "Consortiums");
    const struct fama_config_element *after = fama_config_group(next, "Consortiums");
    if ((before == NULL) != (after == NULL)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the group Consortiums comes or goes, which it must not");
    }
    int result = 0;
    for (size_t i = 0;
         before != NULL && result == 0 && i < before->children[FAMA_CONFIG_GROUP].count; i++) {
        const struct fama_config_element *consortium = &before->children[FAMA_CONFIG_GROUP].at[i];
        result =
            check_consortium(consortium, below(after, FAMA_CONFIG_GROUP, consortium->name), error);
    }
    return result;
}

/* Fabric's ValidateNew. */
static int check_succession(const struct fama_channel_config *current,
                            const struct fama_channel_config *next, struct fama_error *error)
{
    int result = check_orderers(current, next, error);
    if (result == 0) {
        result = check_applications(current, next, error);
    }
    return result == 0 ? check_consortiums(fama_channel_config_root(current),
                                           fama_channel_config_root(next), error)
                       : result;
}

/* Judges the update in a tree that was read. */
static int judge_tree(const struct fama_channel_config *current,
                      const struct fama_config_tree *tree, struct fama_error *error)
{
    struct update update = {.current = current, .error = error};
    struct fama_bytes update_envelope;
    if (tree->sequence != fama_channel_config_sequence(current) + 1) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration has sequence %llu and cannot follow %llu",
                              (unsigned long long)tree->sequence,
                              (unsigned long long)fama_channel_config_sequence(current));
    }
    if (!find_update_envelope(tree, &update_envelope)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration has no update that led to it");
    }
    int result = read_update(&update, update_envelope);
    if (result == 0) {
        result = fama_config_signatures_verify(current, update_envelope, &update.signatures, error);
    }
    if (result == 0) {
        result = judge(&update, tree->root);
    }
    fama_config_signatures_clear(&update.signatures);
    fama_arena_clear(&update.arena);
    return result;
}

int fama_channel_config_apply(const struct fama_channel_config *current,
                              struct fama_bytes config_envelope, struct fama_channel_config **next,
                              struct fama_error *error)
{
    struct fama_config_tree tree;
    const char *id = fama_channel_config_id(current);
    *next = NULL;
    int result = fama_config_tree_read(config_envelope, &tree, error);
    if (result == 0) {
        result = judge_tree(current, &tree, error);
        if (result != 0) {
            fama_config_tree_close(&tree);
        }
    }
    if (result != 0) {
        return fama_error_prefix(error, result, "channel %s: ", id);
    }
    result = fama_channel_config_from_tree(&tree, fama_bytes_of_text(id), next, error);
    if (result != 0) {
        return result;
    }
    result = check_succession(current, *next, error);
    if (result != 0) {
        fama_channel_config_release(*next);
        *next = NULL;
        return fama_error_prefix(error, result, "channel %s: ", id);
    }
    return 0;
}
