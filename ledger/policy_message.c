#include "ledger/policy_message.h"

#include "ledger/envelope.h"
#include "ledger/proto_merge.h"
#include "ledger/proto_reader.h"

/* Messages within messages before Go's protobuf reader gives up, the envelope included. */
#define GO_MESSAGE_DEPTH_MAX 10000

/* --- One rule: a SignaturePolicy whose oneof is resolved --- */

enum rule_kind {
    RULE_UNKNOWN,
    RULE_SIGNED_BY,
    RULE_GATE,
};

struct rule {
    enum rule_kind kind;
    int32_t signed_by;
    struct fama_bytes gates; /* from the first NOutOf that counts on; all that follow merge */
};

static struct rule resolve(struct fama_bytes policy)
{
    struct fama_proto_reader reader = fama_proto_reader(policy);
    struct fama_proto_field field;
    struct rule rule = {.kind = RULE_UNKNOWN};
    struct fama_bytes before = reader.rest;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            rule.kind = RULE_SIGNED_BY;
            rule.signed_by = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 2) && rule.kind != RULE_GATE) {
            rule.kind = RULE_GATE;
            rule.gates = before;
        }
        before = reader.rest;
    }
    return rule;
}

/* --- A stack in the arena: policies nest as deep as their writer likes --- */

struct frame {
    struct fama_proto_reader policy; /* checking: unused; building: the rule's NOutOf parts */
    struct fama_proto_reader gate;   /* what is being read */
    uint32_t rule;                   /* checking: 1 if it is a NOutOf; building: its index */
    struct frame *below;
};

struct stack {
    struct fama_arena *arena;
    struct frame *top;
    struct frame *spare;
    size_t depth;
};

static struct frame *push(struct stack *stack)
{
    struct frame *frame = stack->spare;
    if (frame != NULL) {
        stack->spare = frame->below;
    } else {
        frame = fama_arena_take(stack->arena, sizeof(*frame));
    }
    if (frame != NULL) {
        *frame = (struct frame){.below = stack->top};
        stack->top = frame;
        stack->depth++;
    }
    return frame;
}

static void pop(struct stack *stack)
{
    struct frame *frame = stack->top;
    stack->top = frame->below;
    frame->below = stack->spare;
    stack->spare = frame;
    stack->depth--;
}

/* Whether a SignaturePolicy decodes with everything inside; counts the SignaturePolicies in it,
 * itself included. `outside` messages are around it. */
static int check_policy(struct stack *stack, struct fama_bytes policy, size_t outside,
                        size_t *count)
{
    struct frame *frame = push(stack);
    if (frame == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    frame->gate = fama_proto_reader(policy);
    *count = 1;
    int result = 0;
    while (result == 0 && stack->top != NULL) {
        struct fama_proto_field field;
        frame = stack->top;
        if (!fama_proto_next(&frame->gate, &field)) {
            result = frame->gate.failed ? FAMA_POLICY_MESSAGE_MALFORMED : 0;
            pop(stack);
        } else if (fama_proto_is_len(&field, 2)) { /* the NOutOf of one, or a rule of the other */
            uint32_t is_gate = frame->rule == 0;
            *count += is_gate ? 0 : 1;
            frame = push(stack);
            if (frame == NULL) {
                result = FAMA_POLICY_MESSAGE_NO_MEMORY;
            } else if (stack->depth + outside > GO_MESSAGE_DEPTH_MAX) {
                result = FAMA_POLICY_MESSAGE_MALFORMED;
            } else {
                frame->gate = fama_proto_reader(field.value);
                frame->rule = is_gate;
            }
        }
    }
    while (stack->top != NULL) {
        pop(stack);
    }
    return result;
}

/* Appends the rule of a SignaturePolicy; a gate goes onto the stack, to be filled. */
static bool append_rule(struct stack *stack, struct fama_policy_rule *rules, size_t *count,
                        struct fama_bytes policy)
{
    struct rule rule = resolve(policy);
    uint32_t index = (uint32_t)(*count)++;
    rules[index] = (struct fama_policy_rule){.size = 1};
    if (rule.kind != RULE_GATE) {
        bool is_sound = rule.kind == RULE_SIGNED_BY && rule.signed_by >= 0;
        rules[index].signed_by = is_sound ? rule.signed_by : FAMA_POLICY_BROKEN;
        return true;
    }
    rules[index].signed_by = FAMA_POLICY_GATE;
    struct frame *frame = push(stack);
    if (frame != NULL) {
        frame->policy = fama_proto_reader(rule.gates);
        frame->gate = fama_proto_reader(fama_bytes(NULL, 0));
        frame->rule = index;
    }
    return frame != NULL;
}

/* Writes a checked SignaturePolicy in preorder. `rules` has room for all it can hold. */
static int build_rules(struct stack *stack, struct fama_bytes policy,
                       struct fama_policy_rule *rules, size_t *count)
{
    *count = 0;
    bool has_memory = append_rule(stack, rules, count, policy);
    while (has_memory && stack->top != NULL) {
        struct frame *frame = stack->top;
        struct fama_policy_rule *gate = &rules[frame->rule];
        struct fama_proto_field field;
        if (fama_proto_next(&frame->gate, &field)) {
            if (fama_proto_is_varint(&field, 1)) {
                gate->n = (int32_t)(uint32_t)field.varint;
            } else if (fama_proto_is_len(&field, 2)) {
                gate->child_count++;
                has_memory = append_rule(stack, rules, count, field.value);
            }
        } else if (fama_proto_next(&frame->policy, &field)) {
            if (fama_proto_is_len(&field, 2)) {
                frame->gate = fama_proto_reader(field.value);
            }
        } else {
            gate->size = (uint32_t)(*count - frame->rule);
            pop(stack);
        }
    }
    return has_memory ? 0 : FAMA_POLICY_MESSAGE_NO_MEMORY;
}

/* --- Principals --- */

/* A string of a message that is otherwise views: false if it is not UTF-8. */
static bool set_text(struct fama_bytes *text, struct fama_bytes value)
{
    *text = value;
    return fama_proto_is_utf8(value);
}

static bool read_role(struct fama_bytes content, struct fama_principal *principal)
{
    struct fama_proto_reader reader = fama_proto_reader(content);
    struct fama_proto_field field;
    bool is_text = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            is_text = set_text(&principal->mspid, field.value) && is_text;
        } else if (fama_proto_is_varint(&field, 2)) {
            principal->role = (int32_t)(uint32_t)field.varint;
        }
    }
    return is_text && !reader.failed;
}

static bool read_unit(struct fama_bytes content, struct fama_principal *principal)
{
    struct fama_proto_reader reader = fama_proto_reader(content);
    struct fama_proto_field field;
    bool is_text = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            is_text = set_text(&principal->mspid, field.value) && is_text;
        } else if (fama_proto_is_len(&field, 2)) {
            is_text = set_text(&principal->unit, field.value) && is_text;
        } else if (fama_proto_is_len(&field, 3)) {
            principal->certifiers = field.value;
        }
    }
    return is_text && !reader.failed;
}

static bool read_identity(struct fama_bytes content, struct fama_principal *principal)
{
    struct fama_serialized_identity identity;
    if (!fama_serialized_identity_decode(content, &identity)) {
        return false;
    }
    principal->mspid = identity.mspid;
    principal->id_bytes = identity.id_bytes;
    return true;
}

static bool read_anonymity(struct fama_bytes content, struct fama_principal *principal)
{
    struct fama_proto_reader reader = fama_proto_reader(content);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            principal->anonymity = (int32_t)(uint32_t)field.varint;
        }
    }
    return !reader.failed;
}

static int read_principal(struct fama_bytes bytes, unsigned int depth, struct fama_arena *arena,
                          struct fama_principal *principal);

/* The messages under a repeated field of a message; false if it does not decode. */
static bool count_messages(struct fama_bytes message, uint32_t number, size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    *count = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number)) {
            (*count)++;
            if (!fama_proto_is_message(field.value)) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* Reads MSPPrincipals under a repeated field, all of which decode. */
static int read_principals(struct fama_bytes message, uint32_t number, size_t count,
                           unsigned int depth, struct fama_arena *arena,
                           const struct fama_principal **principals)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    *principals = NULL;
    if (count == 0) {
        return 0;
    }
    struct fama_principal *list = fama_arena_take(arena, count * sizeof(*list));
    if (list == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    *principals = list;
    int result = 0;
    while (result == 0 && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, number)) {
            result = read_principal(field.value, depth, arena, list++);
        }
    }
    return result;
}

/* Reads the content of a principal whose kind is known. */
static int read_content(struct fama_bytes content, unsigned int depth, struct fama_arena *arena,
                        struct fama_principal *principal)
{
    bool decodes = false;
    switch (principal->kind) {
    case FAMA_PRINCIPAL_ROLE:
        decodes = read_role(content, principal);
        break;
    case FAMA_PRINCIPAL_ORGANIZATION_UNIT:
        decodes = read_unit(content, principal);
        break;
    case FAMA_PRINCIPAL_IDENTITY:
        decodes = read_identity(content, principal);
        break;
    case FAMA_PRINCIPAL_ANONYMITY:
        decodes = read_anonymity(content, principal);
        break;
    case FAMA_PRINCIPAL_COMBINED:
        decodes = depth > 0 && count_messages(content, 1, &principal->combined_count);
        if (decodes) {
            return read_principals(content, 1, principal->combined_count, depth - 1, arena,
                                   &principal->combined);
        }
        break;
    case FAMA_PRINCIPAL_UNSATISFIABLE:
        break;
    }
    if (!decodes) {
        *principal = (struct fama_principal){.kind = FAMA_PRINCIPAL_UNSATISFIABLE};
    }
    return 0;
}

static int read_principal(struct fama_bytes bytes, unsigned int depth, struct fama_arena *arena,
                          struct fama_principal *principal)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes content = {0};
    int32_t kind = FAMA_PRINCIPAL_ROLE;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            kind = (int32_t)(uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 2)) {
            content = field.value;
        }
    }
    bool is_known = kind >= FAMA_PRINCIPAL_ROLE && kind <= FAMA_PRINCIPAL_COMBINED;
    *principal = (struct fama_principal){.kind = is_known ? (enum fama_principal_kind)kind
                                                          : FAMA_PRINCIPAL_UNSATISFIABLE};
    if (reader.failed) {
        return FAMA_POLICY_MESSAGE_MALFORMED;
    }
    return read_content(content, depth, arena, principal);
}

/* --- Envelopes --- */

static int merge(struct fama_bytes outer, uint32_t number, struct fama_arena *arena,
                 struct fama_bytes *inner, bool *is_present)
{
    int result = fama_proto_merge(outer, number, arena, inner, is_present);
    if (result == 0) {
        return 0;
    }
    return result == FAMA_PROTO_MERGE_NO_MEMORY ? FAMA_POLICY_MESSAGE_NO_MEMORY
                                                : FAMA_POLICY_MESSAGE_MALFORMED;
}

static int decode_rules(struct fama_bytes policy, size_t outside, struct fama_arena *arena,
                        struct fama_signature_policy *made)
{
    struct stack stack = {.arena = arena};
    size_t count;
    int result = check_policy(&stack, policy, outside, &count);
    if (result != 0) {
        return result;
    }
    struct fama_policy_rule *rules = fama_arena_take(arena, count * sizeof(*rules));
    if (rules == NULL) {
        return FAMA_POLICY_MESSAGE_NO_MEMORY;
    }
    made->rules = rules;
    return build_rules(&stack, policy, rules, &made->rule_count);
}

/* `outside` messages are around the envelope. */
static int decode_envelope(struct fama_bytes bytes, size_t outside, struct fama_arena *arena,
                           struct fama_signature_policy *policy, int32_t *version)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes rule;
    bool has_rule;
    *policy = (struct fama_signature_policy){0};
    *version = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            *version = (int32_t)(uint32_t)field.varint;
        }
    }
    if (reader.failed || !count_messages(bytes, 3, &policy->principal_count)) {
        return FAMA_POLICY_MESSAGE_MALFORMED;
    }
    int result = merge(bytes, 2, arena, &rule, &has_rule);
    if (result == 0 && has_rule) {
        result = decode_rules(rule, outside + 1, arena, policy);
    }
    if (result == 0) {
        result = read_principals(bytes, 3, policy->principal_count, FAMA_PRINCIPAL_DEPTH_MAX, arena,
                                 &policy->principals);
    }
    return result;
}

static int checked(int result, const struct fama_signature_policy *policy)
{
    if (result == 0 && !fama_signature_policy_is_sound(policy)) {
        return FAMA_POLICY_MESSAGE_UNSOUND;
    }
    return result;
}

int fama_signature_policy_decode_any_version(struct fama_bytes bytes, struct fama_arena *arena,
                                             struct fama_signature_policy *policy)
{
    int32_t version;
    return checked(decode_envelope(bytes, 0, arena, policy, &version), policy);
}

int fama_signature_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                 struct fama_signature_policy *policy)
{
    int32_t version;
    int result = checked(decode_envelope(bytes, 0, arena, policy, &version), policy);
    return result == 0 && version != 0 ? FAMA_POLICY_MESSAGE_UNSOUND : result;
}

/* Decodes the signature policy in `part`, an ApplicationPolicy or a piece of one. */
static int decode_signature(struct fama_bytes part, struct fama_arena *arena,
                            struct fama_signature_policy *policy, bool *is_present)
{
    struct fama_bytes envelope;
    int32_t version;
    int result = merge(part, 1, arena, &envelope, is_present);
    return result == 0 && *is_present ? decode_envelope(envelope, 1, arena, policy, &version)
                                      : result;
}

int fama_application_policy_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                   struct fama_application_policy *policy)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes since_reference = bytes;
    struct fama_bytes before = bytes;
    bool is_present;
    *policy = (struct fama_application_policy){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2)) {
            if (!fama_proto_is_utf8(field.value)) {
                return FAMA_POLICY_MESSAGE_MALFORMED;
            }
            policy->is_reference = true;
            policy->reference = field.value;
            /* What stood before counts no more, but it must decode. */
            struct fama_bytes past =
                fama_bytes(since_reference.at, since_reference.len - before.len);
            int result = decode_signature(past, arena, &policy->signature, &is_present);
            if (result != 0) {
                return result;
            }
            since_reference = reader.rest;
        } else if (fama_proto_is_len(&field, 1)) {
            policy->is_reference = false;
        }
        before = reader.rest;
    }
    if (reader.failed) {
        return FAMA_POLICY_MESSAGE_MALFORMED;
    }
    policy->signature = (struct fama_signature_policy){0};
    int result = policy->is_reference
                     ? 0
                     : decode_signature(since_reference, arena, &policy->signature, &is_present);
    return policy->is_reference ? 0 : checked(result, &policy->signature);
}
