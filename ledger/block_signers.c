#include "ledger/block_signers.h"

#include "ledger/channel_config.h"
#include "ledger/proto_reader.h"

#define POLICY_SIGNATURE     1 /* common.Policy.PolicyType */
#define POLICY_IMPLICIT_META 3
#define RULE_ANY             0 /* common.ImplicitMetaPolicy.Rule */
#define RULE_ALL             1
#define RULE_MAJORITY        2
#define PRINCIPAL_ROLE       0 /* common.MSPPrincipal.Classification */
#define RULE_DEPTH_MAX       16
#define PRINCIPALS_MAX       256
#define SUB_POLICY_NAME_MAX  128

/* A signature policy being read: its principals, and which of them satisfy the rule alone. */
struct signature_policy {
    struct fama_bytes principals[PRINCIPALS_MAX];
    size_t principal_count;
    bool suffices[PRINCIPALS_MAX];
};

/* Reads a common.SignaturePolicy that any one of some principals satisfies: signed_by, or one out
 * of such rules. False for everything else. */
static bool read_rule(struct fama_bytes rule, unsigned int depth, struct signature_policy *policy)
{
    struct fama_proto_reader reader = fama_proto_reader(rule);
    struct fama_proto_field field;
    if (depth == 0 || !fama_proto_next(&reader, &field) || reader.rest.len > 0) {
        return false;
    }
    if (fama_proto_is_varint(&field, 1)) {
        if (field.varint >= policy->principal_count) {
            return false;
        }
        policy->suffices[field.varint] = true;
        return true;
    }
    if (!fama_proto_is_len(&field, 2)) {
        return false;
    }
    bool one_is_enough = false;
    size_t rules = 0;
    reader = fama_proto_reader(field.value);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            one_is_enough = field.varint == 1;
        } else if (fama_proto_is_len(&field, 2)) {
            rules++;
            if (!read_rule(field.value, depth - 1, policy)) {
                return false;
            }
        }
    }
    return !reader.failed && one_is_enough && rules > 0;
}

/* Reads a common.SignaturePolicyEnvelope. */
static bool read_signature_policy(struct fama_bytes bytes, struct signature_policy *policy)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes rule = {0};
    uint64_t version = 0;
    *policy = (struct signature_policy){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            version = field.varint;
        } else if (fama_proto_is_len(&field, 2)) {
            if (rule.len > 0) {
                return false;
            }
            rule = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            if (policy->principal_count == PRINCIPALS_MAX) {
                return false;
            }
            policy->principals[policy->principal_count++] = field.value;
        }
    }
    return !reader.failed && version == 0 && read_rule(rule, RULE_DEPTH_MAX, policy);
}

/* Reads an MSPPrincipal of kind ROLE. */
static bool read_principal(struct fama_bytes bytes, struct fama_bytes *mspid, uint64_t *role)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes principal = {0};
    uint64_t kind = PRINCIPAL_ROLE;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            kind = field.varint;
        } else if (fama_proto_is_len(&field, 2)) {
            principal = field.value;
        }
    }
    if (reader.failed || kind != PRINCIPAL_ROLE) {
        return false;
    }
    reader = fama_proto_reader(principal);
    *mspid = (struct fama_bytes){0};
    *role = FAMA_MSP_ROLE_MEMBER;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *mspid = field.value;
        } else if (fama_proto_is_varint(&field, 2)) {
            *role = field.varint;
        }
    }
    return !reader.failed && *role <= FAMA_MSP_ROLE_ORDERER;
}

static int unsupported(struct fama_error *error, const char *policy)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                          "policy %s is not of the form \"any one of these roles\" that raft "
                          "channels use for block signatures: this channel cannot be verified here",
                          policy);
}

static int add_signature_policy(struct fama_bytes bytes, const char *name,
                                struct fama_msp *const *msps, size_t msp_count,
                                struct fama_block_signers *signers, struct fama_error *error)
{
    struct signature_policy policy;
    if (!read_signature_policy(bytes, &policy)) {
        return unsupported(error, name);
    }
    for (size_t i = 0; i < policy.principal_count; i++) {
        struct fama_bytes mspid;
        uint64_t role;
        if (!policy.suffices[i]) {
            continue;
        }
        if (!read_principal(policy.principals[i], &mspid, &role) ||
            signers->count == FAMA_BLOCK_SIGNER_ROLES_MAX) {
            return unsupported(error, name);
        }
        for (size_t m = 0; m < msp_count; m++) {
            if (fama_bytes_equal(fama_bytes_of_text(fama_msp_id(msps[m])), mspid)) {
                signers->roles[signers->count++] = (struct fama_block_signer_role){
                    .msp = msps[m], .role = (enum fama_msp_role)role};
                break;
            }
        }
    }
    return 0;
}

/* Reads an ImplicitMetaPolicy; false if more than one child must agree. */
static bool read_implicit(struct fama_bytes bytes, size_t children, char name[SUB_POLICY_NAME_MAX])
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    uint64_t rule = RULE_ANY;
    name[0] = '\0';
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (field.value.len >= SUB_POLICY_NAME_MAX) {
                return false;
            }
            memcpy(name, field.value.at, field.value.len);
            name[field.value.len] = '\0';
        } else if (fama_proto_is_varint(&field, 2)) {
            rule = field.varint;
        }
    }
    return !reader.failed && children > 0 &&
           (rule == RULE_ANY || (children == 1 && (rule == RULE_ALL || rule == RULE_MAJORITY)));
}

int fama_block_signers_read(const Common__ConfigGroup *orderer, struct fama_msp *const *msps,
                            size_t msp_count, struct fama_block_signers *signers,
                            struct fama_error *error)
{
    static const char name[] = "/Channel/Orderer/BlockValidation";
    char sub_policy[SUB_POLICY_NAME_MAX];
    signers->count = 0;
    const Common__Policy *policy = fama_config_policy(orderer, "BlockValidation");
    if (policy == NULL) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "there is no policy %s, so that no block could ever be accepted",
                              name);
    }
    struct fama_bytes value = fama_bytes(policy->value.data, policy->value.len);
    int result = 0;
    if (policy->type == POLICY_SIGNATURE) {
        result = add_signature_policy(value, name, msps, msp_count, signers, error);
    } else if (policy->type == POLICY_IMPLICIT_META &&
               read_implicit(value, orderer->n_groups, sub_policy)) {
        for (size_t i = 0; result == 0 && i < orderer->n_groups; i++) {
            const Common__ConfigGroup *org = orderer->groups[i]->value;
            const Common__Policy *sub = org == NULL ? NULL : fama_config_policy(org, sub_policy);
            if (sub == NULL) {
                continue; /* counts as never satisfied, of which ANY takes no notice */
            }
            result = sub->type == POLICY_SIGNATURE
                         ? add_signature_policy(fama_bytes(sub->value.data, sub->value.len),
                                                sub_policy, msps, msp_count, signers, error)
                         : unsupported(error, sub_policy);
        }
    } else {
        result = unsupported(error, name);
    }
    if (result == 0 && signers->count == 0) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "policy %s names no role of an orderer organisation's MSP, so that "
                              "no block could ever be accepted",
                              name);
    }
    return result;
}

bool fama_block_signers_include(const struct fama_block_signers *signers,
                                const struct fama_msp *msp, const struct fama_identity *identity)
{
    for (size_t i = 0; i < signers->count; i++) {
        if (signers->roles[i].msp == msp &&
            fama_msp_has_role(msp, identity, signers->roles[i].role)) {
            return true;
        }
    }
    return false;
}
