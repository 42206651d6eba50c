#include "ledger/policies.h"

#include <stdlib.h>

#include "ledger/channel_config.h"
#include "ledger/policy_message.h"
#include "ledger/proto_reader.h"

#define POLICY_SIGNATURE     1 /* common.Policy.PolicyType */
#define POLICY_IMPLICIT_META 3
#define RULE_ANY             0 /* common.ImplicitMetaPolicy.Rule */
#define RULE_ALL             1
#define RULE_MAJORITY        2
#define SEPARATOR            '/'
/* Every implicit policy points to one policy per group below it. No channel comes near this. */
#define POINTERS_MAX ((size_t)1 << 20)

struct fama_policy {
    struct fama_bytes name;
    bool is_implicit;
    struct fama_signature_policy signature;
    const struct fama_policy **subs; /* one per group below, NULL where there is none */
    size_t sub_count;
    size_t threshold;
};

/* One group with what it holds; both lists ascend by name. */
struct policy_group {
    struct fama_bytes name;
    struct fama_bytes path; /* "Channel/Application", without a leading slash */
    struct policy_group *groups;
    size_t group_count;
    struct fama_policy *policies;
    size_t policy_count;
};

struct fama_policies {
    struct fama_arena arena;
    struct policy_group root;
};

/* --- Look-ups --- */

static int compare_group(const void *name, const void *group)
{
    return fama_bytes_compare(*(const struct fama_bytes *)name,
                              ((const struct policy_group *)group)->name);
}

static int compare_policy(const void *name, const void *policy)
{
    return fama_bytes_compare(*(const struct fama_bytes *)name,
                              ((const struct fama_policy *)policy)->name);
}

static const struct policy_group *find_group(const struct policy_group *group,
                                             struct fama_bytes name)
{
    return group->group_count == 0 ? NULL
                                   : bsearch(&name, group->groups, group->group_count,
                                             sizeof(*group->groups), compare_group);
}

/* Finds "Org/Policy" below a group. */
static const struct fama_policy *find_relative(const struct policy_group *group,
                                               struct fama_bytes path)
{
    const uint8_t *slash;
    while (group != NULL && path.len > 0 && (slash = memchr(path.at, SEPARATOR, path.len))) {
        struct fama_bytes name = fama_bytes(path.at, (size_t)(slash - path.at));
        group = find_group(group, name);
        path = fama_bytes(slash + 1, path.len - name.len - 1);
    }
    return group == NULL || group->policy_count == 0
               ? NULL
               : bsearch(&path, group->policies, group->policy_count, sizeof(*group->policies),
                         compare_policy);
}

/* Fabric asks of an absolute path only that it begins as the group's own does, and drops whatever
 * character follows: "/Channel.Readers" is "/Channel/Readers". Where none follows it crashes. */
static const struct fama_policy *find_from(const struct policy_group *group, struct fama_bytes path)
{
    if (path.len == 0 || path.at[0] != SEPARATOR) {
        return find_relative(group, path);
    }
    size_t skipped = 1 + group->path.len + 1;
    if (path.len < skipped || memcmp(path.at + 1, group->path.at, group->path.len) != 0) {
        return NULL;
    }
    return find_relative(group, fama_bytes(path.at + skipped, path.len - skipped));
}

const struct fama_policy *fama_policies_find(const struct fama_policies *policies,
                                             struct fama_bytes path)
{
    return find_from(&policies->root, path);
}

const struct fama_policy *fama_policies_find_from(const struct fama_policies *policies,
                                                  const struct fama_bytes *groups,
                                                  size_t group_count, struct fama_bytes path)
{
    const struct policy_group *group = &policies->root;
    for (size_t i = 0; group != NULL && i < group_count; i++) {
        group = find_group(group, groups[i]);
    }
    return group == NULL ? NULL : find_from(group, path);
}

/* --- Compiling --- */

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory for policies");
}

static int refuse(const struct policy_group *group, const struct fama_policy *policy,
                  const char *why, struct fama_error *error)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID, "policy /%.*s/%.*s %s",
                          (int)group->path.len, group->path.at, (int)policy->name.len,
                          policy->name.at, why);
}

/* The threshold of a rule over `count` groups. Fabric knows no other rules than these and demands
 * zero for them, which its counting then finds only where nothing is satisfied. */
static size_t threshold_of(uint64_t rule, size_t count)
{
    if (count == 0) {
        return 0;
    }
    switch ((int32_t)(uint32_t)rule) {
    case RULE_ANY:
        return 1;
    case RULE_ALL:
        return count;
    case RULE_MAJORITY:
        return count / 2 + 1;
    default:
        return 0;
    }
}

static int compile_implicit(struct fama_policies *policies, const struct policy_group *group,
                            struct fama_bytes bytes, struct fama_policy *policy,
                            struct fama_error *error)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes sub_policy = {0};
    uint64_t rule = RULE_ANY;
    bool is_text = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            sub_policy = field.value;
            is_text = is_text && fama_proto_is_utf8(sub_policy);
        } else if (fama_proto_is_varint(&field, 2)) {
            rule = field.varint;
        }
    }
    if (reader.failed || !is_text) {
        return refuse(group, policy, "does not decode", error);
    }
    policy->is_implicit = true;
    policy->sub_count = group->group_count;
    policy->threshold = threshold_of(rule, group->group_count);
    policy->subs =
        fama_arena_take(&policies->arena, (group->group_count + 1) * sizeof(*policy->subs));
    if (policy->subs == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < group->group_count; i++) {
        policy->subs[i] = find_from(&group->groups[i], sub_policy);
    }
    return 0;
}

static int compile_policy(struct fama_policies *policies, const struct policy_group *group,
                          const struct fama_config_element *element, struct fama_policy *policy,
                          struct fama_error *error)
{
    *policy = (struct fama_policy){.name = element->name};
    if (!element->has_policy) {
        return refuse(group, policy, "is empty", error);
    }
    if (element->policy_type == POLICY_IMPLICIT_META) {
        return compile_implicit(policies, group, element->value, policy, error);
    }
    if (element->policy_type != POLICY_SIGNATURE) {
        return refuse(group, policy, "is of a type that is not known", error);
    }
    switch (fama_signature_policy_decode(element->value, &policies->arena, &policy->signature)) {
    case 0:
        return 0;
    case FAMA_POLICY_MESSAGE_NO_MEMORY:
        return no_memory(error);
    case FAMA_POLICY_MESSAGE_UNSOUND:
        return refuse(group, policy, "names principals or rules that are not there", error);
    default:
        return refuse(group, policy, "does not decode", error);
    }
}

/* Fills `group->path` from that of the group above it; NULL for the root. */
static bool set_path(struct fama_policies *policies, const struct policy_group *above,
                     struct policy_group *group)
{
    static const char root[] = "Channel";
    if (above == NULL) {
        group->path = fama_bytes_of_text(root);
        return true;
    }
    size_t len = above->path.len + 1 + group->name.len;
    uint8_t *path = fama_arena_take(&policies->arena, len);
    if (path != NULL) {
        memcpy(path, above->path.at, above->path.len);
        path[above->path.len] = SEPARATOR;
        if (group->name.len > 0) {
            memcpy(path + above->path.len + 1, group->name.at, group->name.len);
        }
        group->path = fama_bytes(path, len);
    }
    return path != NULL;
}

/* The groups below come first: implicit policies are made of their policies. */
static int compile_group(struct fama_policies *policies, const struct fama_config_element *element,
                         const struct policy_group *above, struct policy_group *group,
                         struct fama_error *error)
{
    const struct fama_config_list *groups = &element->children[FAMA_CONFIG_GROUP];
    const struct fama_config_list *list = &element->children[FAMA_CONFIG_POLICY];
    *group = (struct policy_group){.name = element->name};
    group->groups = fama_arena_take(&policies->arena, (groups->count + 1) * sizeof(*group->groups));
    group->policies =
        fama_arena_take(&policies->arena, (list->count + 1) * sizeof(*group->policies));
    if (group->groups == NULL || group->policies == NULL || !set_path(policies, above, group)) {
        return no_memory(error);
    }
    int result = 0;
    while (result == 0 && group->group_count < groups->count) {
        size_t i = group->group_count++;
        result = compile_group(policies, &groups->at[i], group, &group->groups[i], error);
    }
    while (result == 0 && group->policy_count < list->count) {
        size_t i = group->policy_count++;
        result = compile_policy(policies, group, &list->at[i], &group->policies[i], error);
    }
    return result;
}

/* What compiling takes at most but for implicit policies' pointers, all policies of a group and
 * those below it. `path_len` is that of the group above. */
static size_t memory_for(const struct fama_config_element *element, size_t path_len)
{
    const struct fama_config_list *groups = &element->children[FAMA_CONFIG_GROUP];
    const struct fama_config_list *list = &element->children[FAMA_CONFIG_POLICY];
    const size_t rounding = 256;
    path_len += 1 + element->name.len;
    size_t bytes = path_len + sizeof(struct policy_group) + rounding;
    for (size_t i = 0; i < list->count; i++) {
        bytes += sizeof(struct fama_policy) + rounding +
                 FAMA_POLICY_MESSAGE_ARENA(list->at[i].value.len);
    }
    for (size_t i = 0; i < groups->count; i++) {
        bytes += memory_for(&groups->at[i], path_len);
    }
    return bytes;
}

int fama_policies_create(const struct fama_config_element *root, struct fama_policies **policies,
                         struct fama_error *error)
{
    *policies = NULL;
    struct fama_policies *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return no_memory(error);
    }
    fama_arena_init(&made->arena, memory_for(root, 0) + POINTERS_MAX * sizeof(void *));
    int result = compile_group(made, root, NULL, &made->root, error);
    if (result != 0) {
        fama_policies_destroy(made);
        return result;
    }
    *policies = made;
    return 0;
}

void fama_policies_destroy(struct fama_policies *policies)
{
    if (policies != NULL) {
        fama_arena_clear(&policies->arena);
        free(policies);
    }
}

/* --- Evaluating --- */

bool fama_policy_evaluate(const struct fama_policy *policy,
                          const struct fama_identity *const *identities, size_t count)
{
    if (policy == NULL) {
        return false;
    }
    if (!policy->is_implicit) {
        return fama_signature_policy_evaluate(&policy->signature, identities, count);
    }
    size_t satisfied = 0;
    for (size_t i = 0; i < policy->sub_count; i++) {
        satisfied += fama_policy_evaluate(policy->subs[i], identities, count);
        if (satisfied > 0 && satisfied == policy->threshold) {
            return true;
        }
    }
    return satisfied == policy->threshold;
}
