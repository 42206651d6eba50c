/* Policies as bytes: read as Go reads them, down to what only the malicious write. */
#include "ledger/policy_message.h"

#include <string.h>

#include "unit/suite.h"

#define BYTES(text) fama_bytes(text, sizeof(text) - 1)

#define MEMBER_A                                                                                   \
    "\x1a\x05\x12\x03\x0a\x01"                                                                     \
    "A" /* identities: a member of A */
#define SIGNED_BY_0 "\x08\x00"

static struct fama_arena arena;

static void begin(void)
{
    fama_arena_clear(&arena);
    fama_arena_init(&arena, (size_t)1 << 20);
}

/* The rules of an envelope that decodes. */
static struct fama_signature_policy decode(struct fama_bytes bytes)
{
    struct fama_signature_policy policy;
    begin();
    CU_ASSERT_EQUAL_FATAL(fama_signature_policy_decode(bytes, &arena, &policy), 0);
    return policy;
}

static int result_of(struct fama_bytes bytes)
{
    struct fama_signature_policy policy;
    begin();
    return fama_signature_policy_decode(bytes, &arena, &policy);
}

static void test_a_plain_policy_becomes_rules_in_preorder(void)
{
    /* 1 of (0, 2 of (0, 0), 0) */
    struct fama_signature_policy policy =
        decode(BYTES("\x12\x1a\x12\x18\x08\x01\x12\x02" SIGNED_BY_0
                     "\x12\x0c\x12\x0a\x08\x02\x12\x02" SIGNED_BY_0 "\x12\x02" SIGNED_BY_0
                     "\x12\x02" SIGNED_BY_0 MEMBER_A));
    static const struct fama_policy_rule expected[] = {
        {.signed_by = FAMA_POLICY_GATE, .n = 1, .child_count = 3, .size = 6},
        {.size = 1},
        {.signed_by = FAMA_POLICY_GATE, .n = 2, .child_count = 2, .size = 3},
        {.size = 1},
        {.size = 1},
        {.size = 1},
    };
    CU_ASSERT_EQUAL_FATAL(policy.rule_count, sizeof(expected) / sizeof(expected[0]));
    CU_ASSERT(memcmp(policy.rules, expected, sizeof(expected)) == 0);
    CU_ASSERT_EQUAL(policy.principal_count, 1);
}

static void test_parts_of_a_gate_merge_and_the_last_kind_counts(void)
{
    /* n_out_of{n 2, rules [0]}, n_out_of{n 1, rules [0]}: one gate, n 1, two rules */
    struct fama_signature_policy policy =
        decode(BYTES("\x12\x10\x12\x06\x08\x02\x12\x02" SIGNED_BY_0
                     "\x12\x06\x08\x01\x12\x02" SIGNED_BY_0 MEMBER_A));
    CU_ASSERT_EQUAL(policy.rule_count, 3);
    CU_ASSERT_EQUAL(policy.rules[0].signed_by, FAMA_POLICY_GATE);
    CU_ASSERT_EQUAL(policy.rules[0].n, 1);
    CU_ASSERT_EQUAL(policy.rules[0].child_count, 2);
    CU_ASSERT_EQUAL(policy.rules[0].size, 3);

    /* the same with a signed_by between: only the second gate is left */
    policy = decode(BYTES("\x12\x12\x12\x06\x08\x02\x12\x02" SIGNED_BY_0 SIGNED_BY_0
                          "\x12\x06\x08\x01\x12\x02" SIGNED_BY_0 MEMBER_A));
    CU_ASSERT_EQUAL(policy.rules[0].n, 1);
    CU_ASSERT_EQUAL(policy.rules[0].child_count, 1);
    CU_ASSERT_EQUAL(policy.rules[0].size, 2);

    /* and with it at the end: no gate at all */
    policy = decode(BYTES("\x12\x0a\x12\x06\x08\x02\x12\x02" SIGNED_BY_0 SIGNED_BY_0 MEMBER_A));
    CU_ASSERT_EQUAL(policy.rule_count, 1);
    CU_ASSERT_EQUAL(policy.rules[0].signed_by, 0);

    /* a rule in two parts of the envelope is one rule */
    policy = decode(BYTES("\x12\x08\x12\x06\x08\x02\x12\x02" SIGNED_BY_0 MEMBER_A
                          "\x12\x08\x12\x06\x08\x01\x12\x02" SIGNED_BY_0));
    CU_ASSERT_EQUAL(policy.rules[0].n, 1);
    CU_ASSERT_EQUAL(policy.rules[0].child_count, 2);
}

static void test_what_does_not_count_must_still_decode(void)
{
    /* a gate with a truncated field, replaced by signed_by */
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x06\x12\x02\x12\x05" SIGNED_BY_0 MEMBER_A)),
                    FAMA_POLICY_MESSAGE_MALFORMED);
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x02" SIGNED_BY_0 "\x1a\x01\x12")),
                    FAMA_POLICY_MESSAGE_MALFORMED);
    /* two halves of one rule that only together would be whole */
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x01\x08\x12\x01\x00" MEMBER_A)),
                    FAMA_POLICY_MESSAGE_MALFORMED);
}

static void test_what_fabrics_compiler_refuses_is_unsound(void)
{
    CU_ASSERT_EQUAL(result_of(BYTES("")), FAMA_POLICY_MESSAGE_UNSOUND);         /* no rule */
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x00")), FAMA_POLICY_MESSAGE_UNSOUND); /* of no kind */
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x02\x08\x01" MEMBER_A)), FAMA_POLICY_MESSAGE_UNSOUND);
    CU_ASSERT_EQUAL(
        result_of(BYTES("\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" MEMBER_A)),
        FAMA_POLICY_MESSAGE_UNSOUND); /* -1, which is no gate */
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x02" SIGNED_BY_0 MEMBER_A)), 0);
    CU_ASSERT_EQUAL(result_of(BYTES("\x12\x02\x12\x00")), 0); /* 0 of nothing: always satisfied */
}

static void test_only_who_looks_at_the_version_minds_it(void)
{
    struct fama_signature_policy policy;
    struct fama_bytes bytes = BYTES("\x08\x01\x12\x02" SIGNED_BY_0 MEMBER_A);
    CU_ASSERT_EQUAL(result_of(bytes), FAMA_POLICY_MESSAGE_UNSOUND);
    begin();
    CU_ASSERT_EQUAL(fama_signature_policy_decode_any_version(bytes, &arena, &policy), 0);
}

/* `depth` gates within each other around nothing; returns where it begins in the buffer. */
static struct fama_bytes nest(uint8_t *buffer, size_t size, size_t depth)
{
    size_t at = size;
    for (size_t i = 0; i < 2 * depth + 1; i++) {
        size_t len = size - at;
        uint8_t prefix[6];
        size_t used = 0;
        prefix[used++] = 0x12;
        for (; len >= 0x80; len >>= 7) {
            prefix[used++] = (uint8_t)(len | 0x80);
        }
        prefix[used++] = (uint8_t)len;
        CU_ASSERT_FATAL(at >= used);
        at -= used;
        memcpy(buffer + at, prefix, used);
    }
    return fama_bytes(buffer + at, size - at);
}

static void test_gates_nest_as_deep_as_go_follows_them(void)
{
    static uint8_t buffer[1 << 17];
    struct fama_signature_policy policy;
    struct fama_bytes bytes = nest(buffer, sizeof(buffer), 4000);
    fama_arena_clear(&arena);
    fama_arena_init(&arena, FAMA_POLICY_MESSAGE_ARENA(bytes.len));
    /* The innermost is a rule of no kind, so it decodes and is unsound. */
    CU_ASSERT_EQUAL(fama_signature_policy_decode(bytes, &arena, &policy),
                    FAMA_POLICY_MESSAGE_UNSOUND);
    CU_ASSERT_EQUAL(policy.rule_count, 4001);
    CU_ASSERT_EQUAL(result_of(nest(buffer, sizeof(buffer), 5100)), FAMA_POLICY_MESSAGE_MALFORMED);
}

static void test_memory_ends_before_the_machines_does(void)
{
    static uint8_t principals[20000];
    struct fama_signature_policy policy;
    for (size_t i = 0; i < sizeof(principals); i += 2) {
        principals[i] = 0x1a;
        principals[i + 1] = 0;
    }
    struct fama_bytes bytes = fama_bytes(principals, sizeof(principals));
    fama_arena_clear(&arena);
    fama_arena_init(&arena, 16 * sizeof(principals));
    CU_ASSERT_EQUAL(fama_signature_policy_decode(bytes, &arena, &policy),
                    FAMA_POLICY_MESSAGE_NO_MEMORY);
    fama_arena_clear(&arena);
    fama_arena_init(&arena, FAMA_POLICY_MESSAGE_ARENA(sizeof(principals)));
    CU_ASSERT_EQUAL(fama_signature_policy_decode(bytes, &arena, &policy),
                    FAMA_POLICY_MESSAGE_UNSOUND);
    CU_ASSERT_EQUAL(policy.principal_count, sizeof(principals) / 2);
}

/* Reads an envelope of nobody's rule and this principal. */
static int read_principal(struct fama_bytes bytes, struct fama_signature_policy *policy)
{
    begin();
    uint8_t *envelope = fama_arena_take(&arena, bytes.len + 2); /* views go into it */
    CU_ASSERT_FATAL(envelope != NULL && bytes.len < 0x80);
    envelope[0] = 0x1a;
    envelope[1] = (uint8_t)bytes.len;
    memcpy(envelope + 2, bytes.at, bytes.len);
    return fama_signature_policy_decode(fama_bytes(envelope, bytes.len + 2), &arena, policy);
}

static struct fama_principal principal_of(struct fama_bytes bytes)
{
    struct fama_signature_policy policy;
    CU_ASSERT_EQUAL_FATAL(read_principal(bytes, &policy), FAMA_POLICY_MESSAGE_UNSOUND);
    CU_ASSERT_EQUAL_FATAL(policy.principal_count, 1);
    return policy.principals[0];
}

static void test_every_kind_of_principal_is_read(void)
{
    struct fama_principal role = principal_of(BYTES("\x12\x05\x0a\x01"
                                                    "A\x10\x03"));
    CU_ASSERT_EQUAL(role.kind, FAMA_PRINCIPAL_ROLE);
    CU_ASSERT_EQUAL(role.role, 3);
    CU_ASSERT(fama_bytes_equal(role.mspid, BYTES("A")));

    struct fama_principal unit = principal_of(BYTES("\x08\x01\x12\x09\x0a\x01"
                                                    "A\x12\x01"
                                                    "u\x1a\x01"
                                                    "c"));
    CU_ASSERT_EQUAL(unit.kind, FAMA_PRINCIPAL_ORGANIZATION_UNIT);
    CU_ASSERT(fama_bytes_equal(unit.unit, BYTES("u")));
    CU_ASSERT(fama_bytes_equal(unit.certifiers, BYTES("c")));

    struct fama_principal identity = principal_of(BYTES("\x08\x02\x12\x06\x0a\x01"
                                                        "A\x12\x01p"));
    CU_ASSERT_EQUAL(identity.kind, FAMA_PRINCIPAL_IDENTITY);
    CU_ASSERT(fama_bytes_equal(identity.id_bytes, BYTES("p")));

    struct fama_principal anonymity = principal_of(BYTES("\x08\x03\x12\x02\x08\x01"));
    CU_ASSERT_EQUAL(anonymity.kind, FAMA_PRINCIPAL_ANONYMITY);
    CU_ASSERT_EQUAL(anonymity.anonymity, 1);

    struct fama_principal combined = principal_of(BYTES("\x08\x04\x12\x0b\x0a\x05\x12\x03\x0a\x01"
                                                        "A\x0a\x02\x08\x09"));
    CU_ASSERT_EQUAL(combined.kind, FAMA_PRINCIPAL_COMBINED);
    CU_ASSERT_EQUAL_FATAL(combined.combined_count, 2);
    CU_ASSERT_EQUAL(combined.combined[0].kind, FAMA_PRINCIPAL_ROLE);
    CU_ASSERT_EQUAL(combined.combined[1].kind, FAMA_PRINCIPAL_UNSATISFIABLE);
}

static void test_a_principal_whose_content_does_not_decode_is_satisfied_by_nobody(void)
{
    struct fama_signature_policy policy;
    CU_ASSERT_EQUAL(principal_of(BYTES("\x12\x03\x0a\x01\xff")).kind, FAMA_PRINCIPAL_UNSATISFIABLE);
    CU_ASSERT_EQUAL(principal_of(BYTES("\x08\x01\x12\x03\x12\x01\xff")).kind,
                    FAMA_PRINCIPAL_UNSATISFIABLE);
    CU_ASSERT_EQUAL(principal_of(BYTES("\x08\x02\x12\x02\x0a\x05")).kind,
                    FAMA_PRINCIPAL_UNSATISFIABLE);
    CU_ASSERT_EQUAL(principal_of(BYTES("\x08\x04\x12\x03\x0a\x01\x12")).kind,
                    FAMA_PRINCIPAL_UNSATISFIABLE);
    CU_ASSERT_EQUAL(read_principal(BYTES("\x12\x05"), &policy), FAMA_POLICY_MESSAGE_MALFORMED);
}

static void test_an_application_policy_is_one_of_both(void)
{
    struct fama_application_policy policy;
    begin();
    CU_ASSERT_EQUAL(fama_application_policy_decode(BYTES("\x12\x02/x"), &arena, &policy), 0);
    CU_ASSERT(policy.is_reference && fama_bytes_equal(policy.reference, BYTES("/x")));
    CU_ASSERT_EQUAL(fama_application_policy_decode(BYTES("\x0a\x0b\x12\x02" SIGNED_BY_0 MEMBER_A),
                                                   &arena, &policy),
                    0);
    CU_ASSERT(!policy.is_reference && policy.signature.rule_count == 1);
    /* the last counts, and parts since the last reference merge */
    CU_ASSERT_EQUAL(fama_application_policy_decode(
                        BYTES("\x0a\x04\x12\x02\x12\x00\x12\x02/x\x0a\x04\x12\x02" SIGNED_BY_0
                              "\x0a\x07" MEMBER_A),
                        &arena, &policy),
                    0);
    CU_ASSERT(!policy.is_reference && policy.signature.rules[0].signed_by == 0);
    CU_ASSERT_EQUAL(fama_application_policy_decode(BYTES("\x0a\x04\x12\x02\x12\x00\x12\x02/x"),
                                                   &arena, &policy),
                    0);
    CU_ASSERT(policy.is_reference);
    CU_ASSERT_EQUAL(
        fama_application_policy_decode(BYTES("\x0a\x02\x12\x05\x12\x02/x"), &arena, &policy),
        FAMA_POLICY_MESSAGE_MALFORMED);
    CU_ASSERT_EQUAL(fama_application_policy_decode(BYTES("\x12\x01\xff"), &arena, &policy),
                    FAMA_POLICY_MESSAGE_MALFORMED);
    CU_ASSERT_EQUAL(fama_application_policy_decode(BYTES(""), &arena, &policy),
                    FAMA_POLICY_MESSAGE_UNSOUND);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_plain_policy_becomes_rules_in_preorder),
        TEST(test_parts_of_a_gate_merge_and_the_last_kind_counts),
        TEST(test_what_does_not_count_must_still_decode),
        TEST(test_what_fabrics_compiler_refuses_is_unsound),
        TEST(test_only_who_looks_at_the_version_minds_it),
        TEST(test_gates_nest_as_deep_as_go_follows_them),
        TEST(test_memory_ends_before_the_machines_does),
        TEST(test_every_kind_of_principal_is_read),
        TEST(test_a_principal_whose_content_does_not_decode_is_satisfied_by_nobody),
        TEST(test_an_application_policy_is_one_of_both),
    };
    int status = run_suite("policy_message", cases, sizeof(cases) / sizeof(cases[0]));
    fama_arena_clear(&arena);
    return status;
}
