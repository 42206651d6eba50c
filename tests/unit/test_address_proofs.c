#include "controlplane/address_proofs.h"

#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

#define SECOND      UINT64_C(1000000000)
#define START       (1000 * SECOND)
#define TICK        (10 * UINT64_C(1000000))
#define LIAR        7u
#define OTHER       8u
#define ALIVE_BYTES 850u
#define HELLO_BYTES 120u

static struct fama_random generator;
static bool is_dry; /* no random numbers */

static bool draw(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)fama_random_next(&generator);
    }
    return !is_dry;
}

static struct fama_endpoint at(uint32_t host)
{
    return fama_endpoint_from_ipv4(0xc6120000u + host, 7051);
}

static struct fama_address_proofs *create(uint32_t peers_max)
{
    const struct fama_address_proofs_config config = {.peers_max = peers_max, .random = draw};
    fama_random_seed(&generator, 1);
    is_dry = false;
    struct fama_address_proofs *proofs = fama_address_proofs_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(proofs);
    return proofs;
}

static void name(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag tag, uint32_t host)
{
    const struct fama_endpoint endpoint = at(host);
    fama_address_proofs_name(proofs, now_ns, tag, &endpoint);
}

static bool allow(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag tag, uint32_t host,
                  enum fama_address_use use, size_t bytes)
{
    const struct fama_endpoint endpoint = at(host);
    return fama_address_proofs_allow(proofs, now_ns, tag, &endpoint, use, bytes);
}

static bool is_proved(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag tag,
                      uint32_t host)
{
    const struct fama_endpoint endpoint = at(host);
    return fama_address_proofs_is_proved(proofs, now_ns, tag, &endpoint);
}

/* Ticks on until there is a hello; the time of it, or 0 if none came before `until_ns`. */
static uint64_t await_hello(struct fama_address_proofs *proofs, uint64_t now_ns, uint64_t until_ns,
                            struct fama_address_hello *hello)
{
    for (; now_ns <= until_ns; now_ns += TICK) {
        fama_address_proofs_tick(proofs, now_ns);
        if (fama_address_proofs_next_hello(proofs, now_ns, hello)) {
            return now_ns;
        }
    }
    return 0;
}

static uint64_t prove(struct fama_address_proofs *proofs, uint64_t now_ns, fama_tag tag,
                      uint32_t host)
{
    struct fama_address_hello hello = {0};
    const struct fama_endpoint endpoint = at(host);
    now_ns = await_hello(proofs, now_ns, now_ns + SECOND, &hello);
    CU_ASSERT_FATAL(now_ns != 0);
    CU_ASSERT_EQUAL(hello.member, tag);
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, tag, hello.handshake, &endpoint),
                    FAMA_ADDRESS_PROVED);
    return now_ns;
}

static void test_a_hello_follows_at_once_and_its_cookie_opens_the_address(void)
{
    struct fama_address_proofs *proofs = create(4);
    struct fama_address_hello hello = {0};
    const struct fama_endpoint here = at(1);
    name(proofs, START, LIAR, 1);
    CU_ASSERT_FALSE(is_proved(proofs, START, LIAR, 1));
    uint64_t now_ns = await_hello(proofs, START, START + SECOND, &hello);
    CU_ASSERT(now_ns >= START + FAMA_HELLO_FIRST_NS &&
              now_ns <= START + FAMA_HELLO_FIRST_NS + TICK);
    CU_ASSERT_EQUAL(hello.member, LIAR);
    CU_ASSERT(fama_endpoint_equal(&hello.endpoint, &here));
    CU_ASSERT_NOT_EQUAL(hello.handshake, 0);
    CU_ASSERT_FALSE(hello.is_suspicious);
    CU_ASSERT_FALSE(fama_address_proofs_changed(proofs));
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, LIAR, hello.handshake, &here),
                    FAMA_ADDRESS_PROVED);
    CU_ASSERT(fama_address_proofs_changed(proofs));
    CU_ASSERT_FALSE(fama_address_proofs_changed(proofs));
    CU_ASSERT(is_proved(proofs, now_ns, LIAR, 1));
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT(allow(proofs, now_ns, LIAR, 1, FAMA_ADDRESS_FORWARD, 2048));
    }
    /* A copy of the answer says nothing new. */
    CU_ASSERT_EQUAL(
        fama_address_proofs_on_cookie(proofs, now_ns + SECOND, LIAR, hello.handshake, &here),
        FAMA_ADDRESS_KNOWN);
    CU_ASSERT_FALSE(is_proved(proofs, now_ns + FAMA_PROOF_NS, LIAR, 1));
    fama_address_proofs_destroy(proofs);
}

static void test_no_cookie_but_the_right_one_from_the_right_place_is_a_proof(void)
{
    struct fama_address_proofs *proofs = create(4);
    struct fama_address_hello hello = {0};
    const struct fama_endpoint here = at(1), there = at(2);
    struct fama_endpoint other_port = here;
    other_port.port++;
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, START, LIAR, 1, &here),
                    FAMA_ADDRESS_NOT_ASKED);
    name(proofs, START, LIAR, 1);
    name(proofs, START, OTHER, 1);
    /* Before any hello there is no number, and 0 is not it. */
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, START, LIAR, 0, &here),
                    FAMA_ADDRESS_NOT_ASKED);
    uint64_t now_ns = await_hello(proofs, START, START + SECOND, &hello);
    CU_ASSERT_FATAL(now_ns != 0 && hello.member == LIAR);
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, LIAR, hello.handshake, &there),
                    FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_EQUAL(
        fama_address_proofs_on_cookie(proofs, now_ns, LIAR, hello.handshake, &other_port),
        FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, LIAR, hello.handshake ^ 1, &here),
                    FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, OTHER, hello.handshake, &here),
                    FAMA_ADDRESS_NOT_ASKED);
    /* The number of one place is none for the next. */
    name(proofs, now_ns, LIAR, 2);
    CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, LIAR, hello.handshake, &there),
                    FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_FALSE(is_proved(proofs, now_ns, LIAR, 1) || is_proved(proofs, now_ns, LIAR, 2) ||
                    is_proved(proofs, now_ns, OTHER, 1));
    fama_address_proofs_destroy(proofs);
}

static void test_a_session_proves_the_endpoint_that_its_member_names_and_no_other(void)
{
    struct fama_address_proofs *proofs = create(4);
    const struct fama_endpoint here = at(1), there = at(2);
    name(proofs, START, LIAR, 1);
    CU_ASSERT_EQUAL(fama_address_proofs_prove(proofs, START, LIAR, &there), FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_EQUAL(fama_address_proofs_prove(proofs, START, OTHER, &here), FAMA_ADDRESS_NOT_ASKED);
    CU_ASSERT_FALSE(is_proved(proofs, START, LIAR, 1));
    CU_ASSERT_EQUAL(fama_address_proofs_prove(proofs, START, LIAR, &here), FAMA_ADDRESS_PROVED);
    CU_ASSERT_EQUAL(fama_address_proofs_prove(proofs, START, LIAR, &here), FAMA_ADDRESS_KNOWN);
    CU_ASSERT(is_proved(proofs, START, LIAR, 1));
    fama_address_proofs_destroy(proofs);
}

/* Everything that a node may want to send there, each tick. What gets through. */
static uint64_t bytes_in(struct fama_address_proofs *proofs, uint64_t start_ns, uint64_t length_ns,
                         const fama_tag *members, uint32_t count, uint32_t host, bool moves)
{
    uint64_t bytes = 0;
    struct fama_address_hello hello;
    uint32_t moved = 0;
    for (uint64_t now_ns = start_ns; now_ns < start_ns + length_ns; now_ns += TICK) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t place = moves ? host + moved++ % 1000 : host;
            name(proofs, now_ns, members[i], place);
            for (enum fama_address_use use = FAMA_ADDRESS_HELLO; use <= FAMA_ADDRESS_STATEINFO;
                 use++) {
                size_t size = use == FAMA_ADDRESS_HELLO ? HELLO_BYTES : ALIVE_BYTES;
                bool may = allow(proofs, now_ns, members[i], place, use, size);
                CU_ASSERT(!may || use <= FAMA_ADDRESS_OWN_ALIVE);
                bytes += may ? size : 0;
            }
        }
        fama_address_proofs_tick(proofs, now_ns);
        while (fama_address_proofs_next_hello(proofs, now_ns, &hello)) {
            bytes += HELLO_BYTES;
        }
    }
    return bytes;
}

static void test_an_innocent_address_gets_no_more_than_the_allowance(void)
{
    struct fama_address_proofs *proofs = create(64);
    const fama_tag liar = LIAR;
    uint64_t bytes = bytes_in(proofs, START, 2 * SECOND, &liar, 1, 1, false);
    CU_ASSERT(bytes > ALIVE_BYTES && bytes <= FAMA_UNPROVED_BURST + 2 * FAMA_UNPROVED_RATE);
    /* Then the rate, for as long as it lasts. */
    bytes = bytes_in(proofs, START + 2 * SECOND, 100 * SECOND, &liar, 1, 1, false);
    CU_ASSERT(bytes <= 100 * FAMA_UNPROVED_RATE && bytes > 80 * FAMA_UNPROVED_RATE);
    fama_address_proofs_destroy(proofs);
}

static void test_many_who_name_one_address_share_its_allowance(void)
{
    struct fama_address_proofs *proofs = create(64);
    fama_tag liars[50];
    for (uint32_t i = 0; i < 50; i++) {
        liars[i] = i + 1;
    }
    uint64_t bytes = bytes_in(proofs, START, 10 * SECOND, liars, 50, 1, false);
    CU_ASSERT(bytes <= FAMA_UNPROVED_SHARE * (FAMA_UNPROVED_BURST + 10 * FAMA_UNPROVED_RATE));
    CU_ASSERT(bytes > FAMA_UNPROVED_SHARE * FAMA_UNPROVED_BURST / 2);
    /* Another address has its own. */
    name(proofs, START + 10 * SECOND, 60, 9);
    CU_ASSERT(allow(proofs, START + 10 * SECOND, 60, 9, FAMA_ADDRESS_OWN_ALIVE, 2048));
    fama_address_proofs_destroy(proofs);
}

static void test_who_names_many_addresses_has_one_allowance_for_all(void)
{
    struct fama_address_proofs *proofs = create(64);
    const fama_tag liar = LIAR;
    uint64_t bytes = bytes_in(proofs, START, 10 * SECOND, &liar, 1, 1, true);
    CU_ASSERT(bytes <= FAMA_UNPROVED_BURST + 10 * FAMA_UNPROVED_RATE);
    fama_address_proofs_destroy(proofs);
}

static void test_one_liar_leaves_a_newcomer_at_its_address_enough(void)
{
    struct fama_address_proofs *proofs = create(64);
    const fama_tag liar = LIAR;
    (void)bytes_in(proofs, START, 100 * SECOND, &liar, 1, 1, false);
    uint64_t now_ns = START + 100 * SECOND;
    name(proofs, now_ns, OTHER, 1);
    CU_ASSERT(allow(proofs, now_ns, OTHER, 1, FAMA_ADDRESS_OWN_ALIVE, 2048));
    CU_ASSERT(allow(proofs, now_ns, OTHER, 1, FAMA_ADDRESS_HELLO, HELLO_BYTES));
    CU_ASSERT(allow(proofs, now_ns, OTHER, 1, FAMA_ADDRESS_HELLO, HELLO_BYTES));
    fama_address_proofs_destroy(proofs);
}

static void test_alives_leave_room_for_hellos(void)
{
    struct fama_address_proofs *proofs = create(4);
    name(proofs, START, LIAR, 1);
    while (allow(proofs, START, LIAR, 1, FAMA_ADDRESS_OWN_ALIVE, 100)) {
    }
    CU_ASSERT_FALSE(allow(proofs, START, LIAR, 1, FAMA_ADDRESS_OWN_ALIVE, 100));
    for (int i = 0; i < 4; i++) {
        CU_ASSERT(allow(proofs, START, LIAR, 1, FAMA_ADDRESS_HELLO, HELLO_BYTES));
    }
    CU_ASSERT_FALSE(allow(proofs, START, LIAR, 1, FAMA_ADDRESS_HELLO, SIZE_MAX));
    fama_address_proofs_destroy(proofs);
}

static void test_what_was_refused_is_owed_and_no_longer_when_it_was_taken(void)
{
    struct fama_address_proofs *proofs = create(4);
    name(proofs, START, LIAR, 1);
    CU_ASSERT_FALSE(allow(proofs, START, LIAR, 1, FAMA_ADDRESS_DIGEST, 100));
    CU_ASSERT_FALSE(allow(proofs, START, LIAR, 2, FAMA_ADDRESS_FORWARD, 100));    /* to elsewhere */
    CU_ASSERT_FALSE(allow(proofs, START, OTHER, 1, FAMA_ADDRESS_OWN_ALIVE, 100)); /* nobody */
    (void)prove(proofs, START, LIAR, 1);
    CU_ASSERT_EQUAL(fama_address_proofs_take_owed(proofs, LIAR), 1u << FAMA_ADDRESS_DIGEST);
    CU_ASSERT_EQUAL(fama_address_proofs_take_owed(proofs, LIAR), 0);
    CU_ASSERT_EQUAL(fama_address_proofs_take_owed(proofs, OTHER), 0);
    fama_address_proofs_destroy(proofs);
}

static void test_another_endpoint_wants_another_proof_and_another_life_does_not(void)
{
    struct fama_address_proofs *proofs = create(4);
    name(proofs, START, LIAR, 1);
    uint64_t now_ns = prove(proofs, START, LIAR, 1);
    fama_address_proofs_rest(proofs, LIAR);
    CU_ASSERT(is_proved(proofs, now_ns, LIAR, 1)); /* the dead are probed as ever */
    name(proofs, now_ns, LIAR, 1);
    CU_ASSERT(is_proved(proofs, now_ns, LIAR, 1));
    (void)fama_address_proofs_changed(proofs);
    name(proofs, now_ns, LIAR, 2);
    CU_ASSERT(fama_address_proofs_changed(proofs));
    CU_ASSERT_FALSE(is_proved(proofs, now_ns, LIAR, 1) || is_proved(proofs, now_ns, LIAR, 2));
    name(proofs, now_ns, LIAR, 1);
    CU_ASSERT_FALSE(is_proved(proofs, now_ns, LIAR, 1));
    now_ns = prove(proofs, now_ns, LIAR, 1);
    fama_address_proofs_forget(proofs, LIAR);
    name(proofs, now_ns, LIAR, 1);
    CU_ASSERT_FALSE(is_proved(proofs, now_ns, LIAR, 1));
    fama_address_proofs_destroy(proofs);
}

static void test_a_proof_is_renewed_before_it_ends_and_only_while_its_member_lives(void)
{
    struct fama_address_proofs *proofs = create(4);
    struct fama_address_hello hello = {0};
    name(proofs, START, LIAR, 1);
    uint64_t now_ns = prove(proofs, START, LIAR, 1);
    uint64_t first = hello.handshake;
    for (int i = 0; i < 5; i++) {
        uint64_t asked_ns = await_hello(proofs, now_ns, now_ns + FAMA_PROOF_NS, &hello);
        CU_ASSERT(asked_ns >= now_ns + FAMA_PROOF_NS / 2 &&
                  asked_ns < now_ns + FAMA_PROOF_NS / 4 * 3 + TICK);
        CU_ASSERT(is_proved(proofs, asked_ns, LIAR, 1));
        CU_ASSERT_NOT_EQUAL(hello.handshake, first); /* an answer of long ago is none */
        const struct fama_endpoint here = at(1);
        CU_ASSERT_EQUAL(
            fama_address_proofs_on_cookie(proofs, asked_ns, LIAR, hello.handshake, &here),
            FAMA_ADDRESS_KNOWN);
        first = hello.handshake;
        now_ns = asked_ns;
    }
    (void)fama_address_proofs_changed(proofs);
    fama_address_proofs_rest(proofs, LIAR);
    CU_ASSERT_EQUAL(await_hello(proofs, now_ns, now_ns + 2 * FAMA_PROOF_NS, &hello), 0);
    CU_ASSERT(fama_address_proofs_changed(proofs)); /* it has grown old */
    CU_ASSERT_FALSE(is_proved(proofs, now_ns + 2 * FAMA_PROOF_NS, LIAR, 1));
    now_ns += 2 * FAMA_PROOF_NS;
    name(proofs, now_ns, LIAR, 1);
    (void)prove(proofs, now_ns, LIAR, 1);
    fama_address_proofs_destroy(proofs);
}

static void test_silence_is_asked_ever_more_seldom_and_told_once(void)
{
    struct fama_address_proofs *proofs = create(4);
    struct fama_address_hello hello = {0};
    name(proofs, START, LIAR, 1);
    uint32_t told = 0;
    uint32_t hellos = 0;
    uint64_t longest_ns = 0;
    uint64_t last_ns = START;
    for (uint64_t now_ns = START; now_ns < START + 120 * SECOND; now_ns += TICK) {
        fama_address_proofs_tick(proofs, now_ns);
        while (fama_address_proofs_next_hello(proofs, now_ns, &hello)) {
            told += hello.is_suspicious;
            CU_ASSERT(!hello.is_suspicious || now_ns >= START + FAMA_SUSPICION_NS);
            hellos++;
            longest_ns = now_ns - last_ns > longest_ns ? now_ns - last_ns : longest_ns;
            last_ns = now_ns;
        }
    }
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT(hellos >= 9 && hellos <= 14);
    CU_ASSERT(longest_ns <= FAMA_HELLO_LONGEST_NS + TICK);
    fama_address_proofs_destroy(proofs);
}

static void test_a_hello_from_there_calls_ours(void)
{
    struct fama_address_proofs *proofs = create(4);
    struct fama_address_hello hello = {0};
    const struct fama_endpoint here = at(1), there = at(2);
    fama_address_proofs_on_hello(proofs, START, LIAR, &here); /* nobody yet */
    name(proofs, START, LIAR, 1);
    fama_address_proofs_on_hello(proofs, START, LIAR, &there);
    CU_ASSERT_FALSE(fama_address_proofs_next_hello(proofs, START, &hello));
    fama_address_proofs_on_hello(proofs, START, LIAR, &here);
    CU_ASSERT(fama_address_proofs_next_hello(proofs, START, &hello));
    CU_ASSERT_FALSE(fama_address_proofs_next_hello(proofs, START, &hello));
    /* Somebody who says hello in its name makes us say no more than the allowance. */
    uint32_t hellos = 0;
    for (int i = 0; i < 1000; i++) {
        fama_address_proofs_on_hello(proofs, START, LIAR, &here);
        hellos += fama_address_proofs_next_hello(proofs, START, &hello);
    }
    CU_ASSERT((hellos + 1) * HELLO_BYTES <= FAMA_UNPROVED_BURST);
    fama_address_proofs_destroy(proofs);
}

static void test_members_beyond_the_limit_get_nothing(void)
{
    struct fama_address_proofs *proofs = create(2);
    const struct fama_address_proofs_config none = {.peers_max = 0, .random = draw};
    const struct fama_address_proofs_config many = {.peers_max = FAMA_PEERS_MAX + 1,
                                                    .random = draw};
    CU_ASSERT_PTR_NULL(fama_address_proofs_create(&none));
    CU_ASSERT_PTR_NULL(fama_address_proofs_create(&many));
    for (uint32_t i = 1; i <= 3; i++) {
        name(proofs, START, i, i);
        CU_ASSERT_EQUAL(allow(proofs, START, i, i, FAMA_ADDRESS_OWN_ALIVE, 500), i <= 2);
    }
    fama_address_proofs_forget(proofs, 1);
    fama_address_proofs_forget(proofs, 1);
    fama_address_proofs_rest(proofs, 1);
    name(proofs, START, 3, 3);
    CU_ASSERT(allow(proofs, START, 3, 3, FAMA_ADDRESS_OWN_ALIVE, 500));
    fama_address_proofs_destroy(proofs);
    fama_address_proofs_destroy(NULL);
}

static void test_without_random_numbers_nothing_is_proved(void)
{
    struct fama_address_proofs *proofs = create(2);
    struct fama_address_hello hello = {0};
    name(proofs, START, LIAR, 1);
    is_dry = true;
    CU_ASSERT_EQUAL(await_hello(proofs, START, START + SECOND, &hello), 0);
    const struct fama_address_proofs_config config = {.peers_max = 2, .random = draw};
    CU_ASSERT_PTR_NULL(fama_address_proofs_create(&config));
    is_dry = false;
    (void)prove(proofs, START + SECOND, LIAR, 1);
    fama_address_proofs_destroy(proofs);
}

/* Members come, move, answer and go in any order: who has answered from where it is stands proved. */
static void test_many_members_in_any_order(void)
{
    enum { MEMBERS = 2000 };
    static uint32_t host[MEMBERS + 1];
    static bool proved[MEMBERS + 1];
    struct fama_address_proofs *proofs = create(MEMBERS);
    struct fama_random random;
    fama_random_seed(&random, test_seed("order"));
    memset(host, 0, sizeof(host));
    memset(proved, 0, sizeof(proved));
    uint64_t now_ns = START;
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t who = 1 + fama_random_below(&random, MEMBERS);
        struct fama_address_hello hello;
        switch (fama_random_below(&random, 4)) {
        case 0:
            host[who] = 1 + fama_random_below(&random, 60000);
            proved[who] = false;
            name(proofs, now_ns, who, host[who]);
            break;
        case 1:
            host[who] = 0;
            fama_address_proofs_forget(proofs, who);
            proved[who] = false;
            break;
        default:
            now_ns += TICK;
            fama_address_proofs_tick(proofs, now_ns);
            while (fama_address_proofs_next_hello(proofs, now_ns, &hello)) {
                const struct fama_endpoint here = at(host[hello.member]);
                CU_ASSERT(fama_endpoint_equal(&hello.endpoint, &here));
                CU_ASSERT_EQUAL(fama_address_proofs_on_cookie(proofs, now_ns, hello.member,
                                                              hello.handshake, &here),
                                FAMA_ADDRESS_PROVED);
                proved[hello.member] = true;
            }
        }
    }
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        CU_ASSERT_EQUAL(host[i] != 0 && is_proved(proofs, now_ns, i, host[i]), proved[i]);
    }
    fama_address_proofs_destroy(proofs);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_hello_follows_at_once_and_its_cookie_opens_the_address),
        TEST(test_no_cookie_but_the_right_one_from_the_right_place_is_a_proof),
        TEST(test_a_session_proves_the_endpoint_that_its_member_names_and_no_other),
        TEST(test_an_innocent_address_gets_no_more_than_the_allowance),
        TEST(test_many_who_name_one_address_share_its_allowance),
        TEST(test_who_names_many_addresses_has_one_allowance_for_all),
        TEST(test_one_liar_leaves_a_newcomer_at_its_address_enough),
        TEST(test_alives_leave_room_for_hellos),
        TEST(test_what_was_refused_is_owed_and_no_longer_when_it_was_taken),
        TEST(test_another_endpoint_wants_another_proof_and_another_life_does_not),
        TEST(test_a_proof_is_renewed_before_it_ends_and_only_while_its_member_lives),
        TEST(test_silence_is_asked_ever_more_seldom_and_told_once),
        TEST(test_a_hello_from_there_calls_ours),
        TEST(test_members_beyond_the_limit_get_nothing),
        TEST(test_without_random_numbers_nothing_is_proved),
        TEST(test_many_members_in_any_order),
    };
    return run_suite("address proofs", cases, sizeof(cases) / sizeof(cases[0]));
}
