#include "crypto/chain.h"

#include "unit/members.h"

/* A root with one extension of its own choosing, and the MSP under it; NULL when it is refused. */
static struct fama_msp *msp_with(struct test_organisation *one, int nid, const char *value)
{
    test_make_organisation(one);
    test_free(&one->root);
    test_make(
        &(struct test_order){
            .common_name = "ca.one", .is_ca = true, .extra_nid = nid, .extra_value = value},
        &one->root);
    one->root_pem = test_pem(&one->root);
    struct fama_msp *msp = NULL;
    (void)test_try_msp(&one->config, &msp);
    return msp;
}

static bool is_valid(const struct fama_msp *msp, const struct test_order *order)
{
    struct fama_identity *identity = test_member(msp, order);
    bool is_valid = identity != NULL && fama_identity_validate(identity, NULL) == 0;
    fama_identity_release(identity);
    return is_valid;
}

static void name_constraints_are_read_as_go_reads_them(void)
{
    static const struct {
        const char *constraints;
        const char *names;
        bool expected;
    } cases[] = {
        {"permitted;DNS:one.lab", "DNS:one.lab", true},
        {"permitted;DNS:one.lab", "DNS:p0.ONE.lab", true},
        {"permitted;DNS:one.lab", "DNS:xone.lab", false},
        {"permitted;DNS:one.lab", "DNS:lab", false},
        {"permitted;DNS:one.lab", "DNS:p0.one.lab,DNS:p0.two.lab", false},
        {"permitted;DNS:.one.lab", "DNS:p0.one.lab", true},
        {"permitted;DNS:.one.lab", "DNS:one.lab", false},
        {"permitted;DNS:one.lab,permitted;DNS:two.lab", "DNS:p0.two.lab", true},
        {"permitted;DNS:one.lab", "DNS:p0..one.lab", false},
        {"permitted;DNS:one.lab", "DNS:p0.one.lab.", false},
        {"permitted;DNS:one.lab", "DNS:*.one.lab", true},
        {"permitted;DNS:one..lab", "DNS:p0.one.lab", false},
        {"permitted;DNS:one.lab", "IP:10.0.0.1", true},
        {"excluded;DNS:one.lab", "DNS:p0.one.lab", false},
        {"excluded;DNS:one.lab", "DNS:p0.two.lab", true},
        {"permitted;DNS:one.lab,excluded;DNS:p0.one.lab", "DNS:p0.one.lab", false},
        {"permitted;DNS:one.lab,excluded;DNS:p0.one.lab", "DNS:p1.one.lab", true},
        {"permitted;IP:10.0.0.0/255.0.0.0", "IP:10.200.1.1", true},
        {"permitted;IP:10.0.0.0/255.0.0.0", "IP:11.0.0.1", false},
        {"permitted;IP:10.0.0.0/255.0.0.0", "IP:::1", false},
        {"excluded;IP:10.0.0.0/255.0.0.0", "IP:::1", true},
        {"excluded;IP:10.0.0.0/255.0.0.0", "IP:10.0.0.1", false},
        {"excluded;IP:10.0.0.0/255.0.255.0", "IP:11.0.0.1", false},
        {"permitted;email:one.lab", "email:me@one.lab", true},
        {"permitted;email:one.lab", "email:me@sub.one.lab", true},
        {"permitted;email:one.lab", "email:me@two.lab", false},
        {"permitted;email:me@one.lab", "email:me@ONE.lab", true},
        {"permitted;email:me@one.lab", "email:Me@one.lab", false},
        {"permitted;DNS:one.lab", "email:no-address", false},
        {"permitted;DNS:one.lab", "email:me@two.lab", true},
        {"permitted;URI:one.lab", "URI:https://user@p0.one.lab:7051/x", true},
        {"permitted;URI:one.lab", "URI:https://p0.two.lab/one.lab", false},
        {"permitted;URI:one.lab", "URI:https://10.0.0.1/", false},
        {"permitted;URI:one.lab", "URI:urn:one.lab", false},
        {"permitted;DNS:one.lab", "URI:https://p0.two.lab/", true},
        {"permitted;DNS:one.lab", "RID:1.2.3", true},
        {"permitted;RID:1.2.3", "DNS:p0.two.lab", true},
        {"critical,permitted;RID:1.2.3", "DNS:p0.two.lab", false},
        {"critical,permitted;DNS:one.lab", "DNS:p0.one.lab", true},
        {"critical,permitted;DNS:one.lab", "DNS:p0.two.lab", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_organisation one;
        struct fama_msp *msp = msp_with(&one, NID_name_constraints, cases[i].constraints);
        bool is_good =
            msp != NULL && is_valid(msp, &(struct test_order){.common_name = "someone else",
                                                              .ous = {"peer"},
                                                              .issuer = &one.root,
                                                              .extra_nid = NID_subject_alt_name,
                                                              .extra_value = cases[i].names});
        if (is_good != cases[i].expected) {
            fprintf(stderr, "%s under %s\n", cases[i].names, cases[i].constraints);
        }
        CU_ASSERT_EQUAL(is_good, cases[i].expected);
        fama_msp_release(msp);
        test_free(&one.root);
    }
}

static void constraints_reach_past_intermediates(void)
{
    struct test_organisation one;
    struct fama_msp *msp = msp_with(&one, NID_name_constraints, "permitted;DNS:one.lab");
    fama_msp_release(msp);
    struct test_pair inter;
    test_make(&(struct test_order){.common_name = "one below", .is_ca = true, .issuer = &one.root},
              &inter);
    struct fama_bytes pem = test_pem(&inter);
    one.config.intermediate_certs = &pem;
    one.config.intermediate_cert_count = 1;
    msp = test_msp(&one.config);
    struct test_order order = {.common_name = "someone else",
                               .ous = {"peer"},
                               .issuer = &inter,
                               .extra_nid = NID_subject_alt_name,
                               .extra_value = "DNS:p0.one.lab"};
    CU_ASSERT(is_valid(msp, &order));
    order.extra_value = "DNS:p0.two.lab";
    CU_ASSERT_FALSE(is_valid(msp, &order));
    fama_msp_release(msp);
    test_free(&inter);
    test_free(&one.root);
}

static void long_chains_end_at_a_limit(void)
{
    enum { INTERMEDIATES = FAMA_CHAIN_MAX - 1 };
    struct test_organisation one;
    test_make_organisation(&one);
    static struct test_pair pairs[INTERMEDIATES];
    struct fama_bytes pems[INTERMEDIATES];
    for (size_t i = 0; i < INTERMEDIATES; i++) {
        char name[16];
        snprintf(name, sizeof name, "ca %zu", i);
        test_make(&(struct test_order){.common_name = name,
                                       .is_ca = true,
                                       .issuer = i == 0 ? &one.root : &pairs[i - 1]},
                  &pairs[i]);
        pems[i] = test_pem(&pairs[i]);
    }
    one.config.intermediate_certs = pems;
    for (size_t count = INTERMEDIATES - 1; count <= INTERMEDIATES; count++) {
        one.config.intermediate_cert_count = count;
        struct fama_msp *msp = test_msp(&one.config);
        struct test_order order = {
            .common_name = "m", .ous = {"peer"}, .issuer = &pairs[count - 1]};
        CU_ASSERT_EQUAL(is_valid(msp, &order), count < INTERMEDIATES);
        order.issuer = &pairs[count / 2]; /* who issues CAs issues no identities */
        CU_ASSERT_FALSE(is_valid(msp, &order));
        fama_msp_release(msp);
    }
    for (size_t i = 0; i < INTERMEDIATES; i++) {
        test_free(&pairs[i]);
    }
    test_free(&one.root);
}

/* The rule of Go 1.14 that Fabric keeps: a name that is only in the subject escapes constraints. */
static void a_host_name_in_the_subject_alone_is_refused_under_constraints(void)
{
    static const struct {
        const char *common_name;
        bool is_host;
    } names[] = {
        {"peer0.one.lab", true},
        {"peer0", true},
        {"peer0.one.lab.", true},
        {"*.one.lab", true},
        {"*", true},
        {"a_b:c", true},
        {"peer-0", true},
        {"PEER0", true},
        {"peer 0", false},
        {"-peer", false},
        {"peer..lab", false},
        {"a.*.lab", false},
        {"*peer", false},
        {"me@one", false},
        {"p\xc3\xa9", false},
        {".", false},
        {".lab", false},
        {"a/b", false},
    };
    struct test_organisation free_one;
    struct test_organisation bound;
    struct fama_msp *free_msp = msp_with(&free_one, NID_netscape_comment, "no constraints");
    struct fama_msp *bound_msp = msp_with(&bound, NID_name_constraints, "permitted;DNS:one.lab");
    CU_ASSERT_FATAL(free_msp != NULL && bound_msp != NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct test_order order = {
            .common_name = names[i].common_name, .ous = {"peer"}, .issuer = &free_one.root};
        CU_ASSERT(is_valid(free_msp, &order));
        order.issuer = &bound.root;
        CU_ASSERT_EQUAL(is_valid(bound_msp, &order), !names[i].is_host);
        order.extra_nid = NID_subject_alt_name;
        order.extra_value = "DNS:p0.one.lab";
        CU_ASSERT(is_valid(bound_msp, &order));
    }
    fama_msp_release(bound_msp);
    fama_msp_release(free_msp);
    test_free(&bound.root);
    test_free(&free_one.root);
}

static void critical_extensions_must_be_understood(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *msp = test_msp(&one.config);
    const struct {
        int nid;
        const char *value;
        bool expected;
    } cases[] = {
        {NID_netscape_comment, "hello", true},
        {NID_netscape_comment, "critical,hello", false},
        {NID_key_usage, "critical,digitalSignature", true},
        {NID_ext_key_usage, "clientAuth", false},
        {NID_ext_key_usage, "clientAuth,serverAuth", true},
        {NID_ext_key_usage, "anyExtendedKeyUsage", true},
        {NID_subject_alt_name, "critical,DNS:p0", true},
        {NID_subject_alt_name, "critical,RID:1.2.3", false},
        {NID_subject_alt_name, "RID:1.2.3", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(is_valid(msp, &(struct test_order){.common_name = "m",
                                                           .ous = {"peer"},
                                                           .issuer = &one.root,
                                                           .extra_nid = cases[i].nid,
                                                           .extra_value = cases[i].value}),
                        cases[i].expected);
    }
    fama_msp_release(msp);
    test_free(&one.root);
}

static void key_usages_are_read_as_go_reads_them(void)
{
    static const struct {
        const char *value;
        bool is_read;
        bool may_sign;
    } cases[] = {
        {"critical,keyCertSign", true, true},  {"critical,digitalSignature", true, false},
        {"critical,DER:03:01:00", true, true}, /* no bit at all: says nothing */
        {"DER:03:02:00:00", true, true},       {"DER:03:03:06:00:00", true, true},
        {"DER:03:03:04:00:10", true, true}, /* only a bit that means nothing */
        {"DER:03:01:00:05:00", true, true}, /* what follows is not looked at */
        {"DER:03:00", false, false},           {"DER:03:01:01", false, false},
        {"DER:03:02:01:01", false, false}, /* padding of ones */
        {"DER:03:02:08:00", false, false},     {"DER:04:01:00", false, false},
    };
    struct test_organisation one;
    test_make_organisation(&one);
    struct fama_msp *plain = test_msp(&one.config);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_organisation other;
        struct test_order member = {.common_name = "m", .ous = {"peer"}, .issuer = &one.root};
        member.extra_nid = NID_key_usage;
        member.extra_value = cases[i].value;
        CU_ASSERT_EQUAL(is_valid(plain, &member), cases[i].is_read);
        struct fama_msp *msp = msp_with(&other, NID_key_usage, cases[i].value);
        if (!cases[i].is_read) {
            CU_ASSERT_PTR_NULL(msp);
        }
        member.issuer = &other.root;
        member.extra_value = NULL;
        CU_ASSERT_EQUAL(msp != NULL && is_valid(msp, &member), cases[i].may_sign);
        fama_msp_release(msp);
        test_free(&other.root);
    }
    fama_msp_release(plain);
    test_free(&one.root);
}

static void an_expired_certificate_is_judged_at_its_beginning(void)
{
    struct test_organisation one;
    test_make_organisation(&one);
    test_free(&one.root);
    test_make(
        &(struct test_order){
            .common_name = "ca.one", .is_ca = true, .not_before_s = -4000, .not_after_s = -2000},
        &one.root);
    one.root_pem = test_pem(&one.root);
    struct fama_msp *msp = test_msp(&one.config);
    struct test_order order = {.common_name = "m",
                               .ous = {"peer"},
                               .issuer = &one.root,
                               .not_before_s = -3000,
                               .not_after_s = -2500};
    CU_ASSERT(is_valid(msp, &order));
    order.not_before_s = -1000; /* when the CA was no more */
    order.not_after_s = 1000;
    CU_ASSERT_FALSE(is_valid(msp, &order));
    order.not_before_s = -5000; /* before it was */
    CU_ASSERT_FALSE(is_valid(msp, &order));
    fama_msp_release(msp);
    test_free(&one.root);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(name_constraints_are_read_as_go_reads_them),
        TEST(constraints_reach_past_intermediates),
        TEST(long_chains_end_at_a_limit),
        TEST(a_host_name_in_the_subject_alone_is_refused_under_constraints),
        TEST(critical_extensions_must_be_understood),
        TEST(key_usages_are_read_as_go_reads_them),
        TEST(an_expired_certificate_is_judged_at_its_beginning),
    };
    return run_suite("chain", cases, sizeof cases / sizeof cases[0]);
}
