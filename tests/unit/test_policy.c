#include "crypto/policy.h"

#include "unit/members.h"
#include "unit/seed.h"

enum { PEER_A, PEER_B, CLIENT, ADMIN, MEMBERS };

enum { IS_MEMBER, IS_PEER, IS_CLIENT, IS_ADMIN, IS_PEER_A, IS_NOBODY, PRINCIPALS };

static struct test_organisation one;
static struct fama_msp *msp;
static const struct fama_identity *members[MEMBERS];
static struct fama_principal principals[PRINCIPALS];

static void members_of_every_role_are_made(void)
{
    static const char *const ous[MEMBERS] = {"peer", "peer", "client", "admin"};
    test_make_organisation(&one);
    msp = test_msp(&one.config);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i] = test_member(
            msp,
            &(struct test_order){.common_name = "member", .ous = {ous[i]}, .issuer = &one.root});
    }
    principals[IS_MEMBER] = test_role("OneMSP", FAMA_MSP_ROLE_MEMBER);
    principals[IS_PEER] = test_role("OneMSP", FAMA_MSP_ROLE_PEER);
    principals[IS_CLIENT] = test_role("OneMSP", FAMA_MSP_ROLE_CLIENT);
    principals[IS_ADMIN] = test_role("OneMSP", FAMA_MSP_ROLE_ADMIN);
    principals[IS_PEER_A] =
        (struct fama_principal){.kind = FAMA_PRINCIPAL_IDENTITY,
                                .mspid = fama_bytes_of_text("OneMSP"),
                                .id_bytes = fama_identity_id_bytes(members[PEER_A])};
    principals[IS_NOBODY] = (struct fama_principal){.kind = FAMA_PRINCIPAL_UNSATISFIABLE};
}

static void the_members_are_let_go(void)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        fama_identity_release((struct fama_identity *)members[i]);
    }
    fama_msp_release(msp);
    test_free(&one.root);
}

/* A tree under construction: rules are written in preorder. */
struct tree {
    struct fama_policy_rule *rules;
    size_t count;
    size_t room;
};

static uint32_t put(struct tree *tree, int32_t signed_by, int32_t n)
{
    CU_ASSERT_FATAL(tree->count < tree->room);
    tree->rules[tree->count] = (struct fama_policy_rule){.signed_by = signed_by, .n = n, .size = 1};
    return (uint32_t)tree->count++;
}

static uint32_t open_gate(struct tree *tree, int32_t n)
{
    return put(tree, FAMA_POLICY_GATE, n);
}

static void close_gate(struct tree *tree, uint32_t gate, uint32_t child_count)
{
    tree->rules[gate].child_count = child_count;
    tree->rules[gate].size = (uint32_t)(tree->count - gate);
}

static struct fama_signature_policy policy_of(const struct tree *tree)
{
    return (struct fama_signature_policy){.rules = tree->rules,
                                          .rule_count = tree->count,
                                          .principals = principals,
                                          .principal_count = PRINCIPALS};
}

static bool holds(const struct tree *tree, const int *who, size_t count)
{
    const struct fama_identity *identities[MEMBERS];
    for (size_t i = 0; i < count; i++) {
        identities[i] = members[who[i]];
    }
    struct fama_signature_policy policy = policy_of(tree);
    CU_ASSERT(fama_signature_policy_is_sound(&policy));
    return fama_signature_policy_evaluate(&policy, identities, count);
}

/* n of the given principals, one level. */
static void put_flat(struct tree *tree, int32_t n, const int32_t *signers, uint32_t count)
{
    uint32_t gate = open_gate(tree, n);
    for (uint32_t i = 0; i < count; i++) {
        put(tree, signers[i], 0);
    }
    close_gate(tree, gate, count);
}

static bool flat_holds(int32_t n, const int32_t *signers, uint32_t count, const int *who,
                       size_t who_count)
{
    struct fama_policy_rule rules[16];
    struct tree tree = {.rules = rules, .room = 16};
    put_flat(&tree, n, signers, count);
    return holds(&tree, who, who_count);
}

#define LIST(...) (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)
#define SIGNERS(...)                                                                               \
    (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)

static void every_rule_needs_an_identity_of_its_own(void)
{
    CU_ASSERT(flat_holds(2, SIGNERS(IS_PEER, IS_PEER), LIST(PEER_A, PEER_B)));
    CU_ASSERT_FALSE(flat_holds(2, SIGNERS(IS_PEER, IS_PEER), LIST(PEER_A)));
    CU_ASSERT_FALSE(flat_holds(2, SIGNERS(IS_PEER, IS_PEER), LIST(PEER_A, CLIENT)));
    CU_ASSERT(flat_holds(1, SIGNERS(IS_PEER, IS_CLIENT), LIST(CLIENT)));
    CU_ASSERT(flat_holds(2, SIGNERS(IS_PEER, IS_CLIENT), LIST(CLIENT, PEER_B)));
    CU_ASSERT_FALSE(flat_holds(1, SIGNERS(IS_NOBODY), LIST(CLIENT, PEER_B)));
    CU_ASSERT_FALSE(flat_holds(1, SIGNERS(IS_PEER), NULL, 0));
}

static void identities_are_taken_in_order_without_second_thoughts(void)
{
    /* The first rule takes peer A, though peer B would have done and only A fits the second. */
    CU_ASSERT_FALSE(flat_holds(2, SIGNERS(IS_PEER, IS_PEER_A), LIST(PEER_A, PEER_B)));
    CU_ASSERT(flat_holds(2, SIGNERS(IS_PEER, IS_PEER_A), LIST(PEER_B, PEER_A)));
    CU_ASSERT(flat_holds(2, SIGNERS(IS_PEER_A, IS_PEER), LIST(PEER_A, PEER_B)));
    CU_ASSERT_FALSE(flat_holds(2, SIGNERS(IS_MEMBER, IS_ADMIN), LIST(ADMIN, PEER_A)));
    CU_ASSERT(flat_holds(2, SIGNERS(IS_MEMBER, IS_ADMIN), LIST(PEER_A, ADMIN)));
}

static void a_satisfied_gate_goes_on_taking(void)
{
    /* AND(OR(peer, client), client): the OR has its peer, and takes the client too. */
    struct fama_policy_rule rules[8];
    struct tree tree = {.rules = rules, .room = 8};
    uint32_t gate = open_gate(&tree, 2);
    put_flat(&tree, 1, SIGNERS(IS_PEER, IS_CLIENT));
    put(&tree, IS_CLIENT, 0);
    close_gate(&tree, gate, 2);
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A, CLIENT)));
    CU_ASSERT_FALSE(holds(&tree, LIST(CLIENT, PEER_A)));

    /* The other way round there is nothing left to take. */
    tree.count = 0;
    gate = open_gate(&tree, 2);
    put(&tree, IS_CLIENT, 0);
    put_flat(&tree, 1, SIGNERS(IS_PEER, IS_CLIENT));
    close_gate(&tree, gate, 2);
    CU_ASSERT(holds(&tree, LIST(PEER_A, CLIENT)));
}

static void a_failed_gate_gives_back_what_it_took(void)
{
    /* 1 of (AND(peer, admin), peer): the AND takes the peer and fails for want of an admin. */
    struct fama_policy_rule rules[8];
    struct tree tree = {.rules = rules, .room = 8};
    uint32_t gate = open_gate(&tree, 1);
    put_flat(&tree, 2, SIGNERS(IS_PEER, IS_ADMIN));
    put(&tree, IS_PEER, 0);
    close_gate(&tree, gate, 2);
    CU_ASSERT(holds(&tree, LIST(PEER_A)));
    CU_ASSERT(holds(&tree, LIST(PEER_A, CLIENT)));
    CU_ASSERT(holds(&tree, LIST(PEER_A, ADMIN)));
    CU_ASSERT_FALSE(holds(&tree, LIST(CLIENT, ADMIN)));

    /* but a satisfied part of a gate that fails gives back with it */
    tree.count = 0;
    gate = open_gate(&tree, 2);
    uint32_t inner = open_gate(&tree, 2);
    put_flat(&tree, 1, SIGNERS(IS_PEER));
    put(&tree, IS_ADMIN, 0);
    close_gate(&tree, inner, 2);
    put(&tree, IS_PEER, 0);
    close_gate(&tree, gate, 2);
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A)));
    tree.rules[gate].n = 1;
    CU_ASSERT(holds(&tree, LIST(PEER_A)));
}

static void gates_that_ask_for_nothing_are_satisfied(void)
{
    struct fama_policy_rule rules[4];
    struct tree tree = {.rules = rules, .room = 4};
    uint32_t gate = open_gate(&tree, 0);
    close_gate(&tree, gate, 0);
    CU_ASSERT(holds(&tree, NULL, 0));
    tree.rules[gate].n = INT32_MIN;
    CU_ASSERT(holds(&tree, NULL, 0));
    tree.rules[gate].n = 1;
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A)));
    tree.rules[gate].n = INT32_MAX;
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A)));
    CU_ASSERT(flat_holds(-1, SIGNERS(IS_NOBODY), LIST(PEER_A)));
    CU_ASSERT_FALSE(flat_holds(3, SIGNERS(IS_PEER, IS_PEER), LIST(PEER_A, PEER_B)));

    /* an empty gate is a child like any other */
    tree.count = 0;
    gate = open_gate(&tree, 2);
    put(&tree, FAMA_POLICY_GATE, 0);
    put(&tree, IS_PEER, 0);
    close_gate(&tree, gate, 2);
    CU_ASSERT(holds(&tree, LIST(PEER_A)));
    CU_ASSERT_FALSE(holds(&tree, LIST(CLIENT)));

    /* and a tree may be nothing but a signer */
    tree.count = 0;
    put(&tree, IS_CLIENT, 0);
    CU_ASSERT(holds(&tree, LIST(PEER_A, CLIENT)));
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A)));
}

static void unsound_trees_are_told(void)
{
    const struct fama_policy_rule good[] = {
        {.signed_by = FAMA_POLICY_GATE, .n = 1, .child_count = 2, .size = 5},
        {.signed_by = FAMA_POLICY_GATE, .n = 1, .child_count = 2, .size = 3},
        {.signed_by = 0, .size = 1},
        {.signed_by = 1, .size = 1},
        {.signed_by = 5, .size = 1},
    };
    struct fama_policy_rule rules[6];
    struct fama_signature_policy policy = {
        .rules = rules, .rule_count = 5, .principals = principals, .principal_count = PRINCIPALS};
    memcpy(rules, good, sizeof good);
    CU_ASSERT(fama_signature_policy_is_sound(&policy));
    const struct {
        size_t index;
        struct fama_policy_rule rule;
    } bad[] = {
        {0, {FAMA_POLICY_GATE, 1, 2, 4}},
        {0, {FAMA_POLICY_GATE, 1, 2, 6}},
        {0, {FAMA_POLICY_GATE, 1, 1, 5}},
        {0, {FAMA_POLICY_GATE, 1, 3, 5}},
        {0, {FAMA_POLICY_GATE, 1, UINT32_MAX, 5}},
        {0, {0, 0, 0, 5}},
        {1, {FAMA_POLICY_GATE, 1, 2, 0}},
        {1, {FAMA_POLICY_GATE, 1, 2, 2}},
        {1, {FAMA_POLICY_GATE, 1, 2, UINT32_MAX}},
        {1, {FAMA_POLICY_GATE, 1, 3, 4}},
        {1, {0, 1, 2, 3}},
        {2, {PRINCIPALS, 0, 0, 1}},
        {2, {FAMA_POLICY_BROKEN, 0, 0, 1}},
        {2, {-2, 0, 0, 1}},
        {2, {INT32_MAX, 0, 0, 1}},
        {4, {0, 0, 0, 0}},
        {4, {0, 0, 1, 1}},
        {4, {0, 0, 0, 2}},
        {4, {FAMA_POLICY_GATE, 0, 1, 1}},
        {4, {FAMA_POLICY_GATE, 0, 1, 2}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(rules, good, sizeof good);
        rules[bad[i].index] = bad[i].rule;
        CU_ASSERT_FALSE(fama_signature_policy_is_sound(&policy));
    }
    memcpy(rules, good, sizeof good);
    policy.rule_count = 0;
    CU_ASSERT_FALSE(fama_signature_policy_is_sound(&policy));
    policy.rule_count = 4;
    CU_ASSERT_FALSE(fama_signature_policy_is_sound(&policy));
    policy.rule_count = 5;
    policy.principal_count = 5;
    CU_ASSERT_FALSE(fama_signature_policy_is_sound(&policy));
}

static void depth_and_breadth_have_limits_and_no_cost(void)
{
    static struct fama_policy_rule rules[100001];
    struct tree tree = {.rules = rules, .room = sizeof rules / sizeof rules[0]};
    for (uint32_t depth = 1; depth <= FAMA_POLICY_DEPTH_MAX + 1; depth++) {
        tree.count = 0;
        for (uint32_t i = 0; i < depth; i++) {
            open_gate(&tree, 1);
        }
        put(&tree, IS_CLIENT, 0);
        for (uint32_t i = 0; i < depth; i++) {
            close_gate(&tree, i, 1);
        }
        if (depth > FAMA_POLICY_DEPTH_MAX) {
            struct fama_signature_policy policy = policy_of(&tree);
            CU_ASSERT_FALSE(fama_signature_policy_is_sound(&policy));
        } else if (depth < 40 || depth % 999 == 0 || depth == FAMA_POLICY_DEPTH_MAX) {
            CU_ASSERT(holds(&tree, LIST(PEER_A, CLIENT)));
            CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A, ADMIN)));
        }
    }

    /* Many rules that all fail: each asks each identity once. */
    tree.count = 0;
    uint32_t gate = open_gate(&tree, 1);
    for (int i = 0; i < 100000; i++) {
        put(&tree, IS_NOBODY, 0);
    }
    close_gate(&tree, gate, 100000);
    CU_ASSERT_FALSE(holds(&tree, LIST(PEER_A, PEER_B, CLIENT, ADMIN)));
    tree.rules[100000].signed_by = IS_ADMIN;
    CU_ASSERT(holds(&tree, LIST(PEER_A, PEER_B, CLIENT, ADMIN)));
}

static void many_identities_are_told_apart(void)
{
    /* The same object over and over stands for identities alike in every answer. */
    static const struct fama_identity *crowd[FAMA_POLICY_IDENTITIES_MAX + 1];
    static struct fama_policy_rule rules[FAMA_POLICY_IDENTITIES_MAX + 2];
    struct tree tree = {.rules = rules, .room = sizeof rules / sizeof rules[0]};
    static const size_t counts[] = {63, 64, 65, 128, 1000};
    for (size_t i = 0; i <= FAMA_POLICY_IDENTITIES_MAX; i++) {
        crowd[i] = members[PEER_A];
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t count = (uint32_t)counts[i];
        for (uint32_t wanted = count - 1; wanted <= count + 1; wanted++) {
            tree.count = 0;
            uint32_t gate = open_gate(&tree, (int32_t)wanted);
            for (uint32_t j = 0; j < wanted; j++) {
                put(&tree, IS_PEER, 0);
            }
            close_gate(&tree, gate, wanted);
            struct fama_signature_policy policy = policy_of(&tree);
            CU_ASSERT(fama_signature_policy_is_sound(&policy));
            CU_ASSERT_EQUAL(fama_signature_policy_evaluate(&policy, crowd, count), wanted <= count);
        }
    }
    tree.count = 0;
    put(&tree, IS_CLIENT, 0);
    struct fama_signature_policy policy = policy_of(&tree);
    CU_ASSERT_FALSE(fama_signature_policy_evaluate(&policy, crowd, FAMA_POLICY_IDENTITIES_MAX));
    crowd[FAMA_POLICY_IDENTITIES_MAX - 1] = members[CLIENT];
    CU_ASSERT(fama_signature_policy_evaluate(&policy, crowd, FAMA_POLICY_IDENTITIES_MAX));
    CU_ASSERT_FALSE(fama_signature_policy_evaluate(&policy, crowd, FAMA_POLICY_IDENTITIES_MAX + 1));
}

/* ---- Against a plain reading of the rules ---- */

static uint32_t put_random(struct tree *tree, int depth)
{
    if (depth == 0 || rand() % 3 == 0) {
        return put(tree, rand() % PRINCIPALS, 0);
    }
    uint32_t gate = open_gate(tree, rand() % 4);
    uint32_t children = (uint32_t)(rand() % 4);
    for (uint32_t i = 0; i < children; i++) {
        (void)put_random(tree, depth - 1);
    }
    close_gate(tree, gate, children);
    return gate;
}

/* As the rules are worded: every gate works on a copy for every child. */
static bool plainly(const struct fama_policy_rule *rule, const struct fama_identity *const *who,
                    size_t count, bool *is_used)
{
    if (rule->signed_by != FAMA_POLICY_GATE) {
        for (size_t i = 0; i < count; i++) {
            if (!is_used[i] && fama_identity_satisfies(who[i], &principals[rule->signed_by])) {
                is_used[i] = true;
                return true;
            }
        }
        return false;
    }
    int32_t verified = 0;
    const struct fama_policy_rule *child = rule + 1;
    for (uint32_t i = 0; i < rule->child_count; i++) {
        bool copy[MEMBERS];
        memcpy(copy, is_used, sizeof copy);
        if (plainly(child, who, count, copy)) {
            verified++;
            memcpy(is_used, copy, sizeof copy);
        }
        child += child->size;
    }
    return verified >= rule->n;
}

static void random_trees_are_read_as_worded(void)
{
    srand((unsigned int)test_seed("random trees"));
    struct fama_policy_rule rules[1024] = {{0}};
    size_t satisfied = 0;
    enum { ROUNDS = 50000 };
    for (int round = 0; round < ROUNDS; round++) {
        struct tree tree = {.rules = rules, .room = sizeof rules / sizeof rules[0]};
        (void)put_random(&tree, 4);
        const struct fama_identity *who[MEMBERS];
        size_t count = 0;
        for (int i = 0, at = rand() % MEMBERS; i < MEMBERS; i++, at = (at + 1) % MEMBERS) {
            if (rand() % 4 != 0) {
                who[count++] = members[at];
            }
        }
        bool is_used[MEMBERS] = {false};
        bool expected = plainly(rules, who, count, is_used);
        struct fama_signature_policy policy = policy_of(&tree);
        CU_ASSERT_FATAL(fama_signature_policy_is_sound(&policy));
        CU_ASSERT_EQUAL_FATAL(fama_signature_policy_evaluate(&policy, who, count), expected);
        satisfied += expected ? 1 : 0;
    }
    CU_ASSERT(satisfied > ROUNDS / 10 && satisfied < ROUNDS - ROUNDS / 10);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(members_of_every_role_are_made),
        TEST(every_rule_needs_an_identity_of_its_own),
        TEST(identities_are_taken_in_order_without_second_thoughts),
        TEST(a_satisfied_gate_goes_on_taking),
        TEST(a_failed_gate_gives_back_what_it_took),
        TEST(gates_that_ask_for_nothing_are_satisfied),
        TEST(unsound_trees_are_told),
        TEST(depth_and_breadth_have_limits_and_no_cost),
        TEST(many_identities_are_told_apart),
        TEST(random_trees_are_read_as_worded),
        TEST(the_members_are_let_go),
    };
    return run_suite("policy", cases, sizeof cases / sizeof cases[0]);
}
