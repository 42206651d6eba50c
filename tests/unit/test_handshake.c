#include "crypto/handshake.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/datagram_bio.h"
#include "crypto/dtls_records.h"
#include "crypto/identity_parts.h"
#include "crypto/signer_parts.h"
#include "unit/seed.h"
#include "unit/signers.h"

#define MILLISECOND 1000000ull
#define SECOND      1000000000ull
#define LIMIT       600 /* bytes of a datagram: flights take several */
#define IN_FLIGHT   64

struct node {
    struct fama_signer *signer;
    struct fama_handshake_setup *setup;
};

enum { ANNA, BERT, STRANGER, LATE, NODES };

static struct test_organisation organisation;
static struct test_pair other_root;
static struct fama_msp *msp;
static struct fama_msp *other_msp;
static struct node nodes[NODES];

static void make_node(struct node *node, struct fama_signer *signer)
{
    struct fama_error error = {{0}};
    node->signer = signer;
    if (fama_handshake_setup_create(signer, &node->setup, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        CU_FAIL_FATAL("no setup");
    }
}

static void set_up(void)
{
    test_make_organisation(&organisation);
    msp = test_msp(&organisation.config);
    struct test_organisation other;
    test_make_organisation(&other);
    other_root = other.root;
    other.root_pem = test_pem(&other.root);
    other.config.root_certs = &other.root_pem;
    other_msp = test_msp(&other.config);
    make_node(&nodes[ANNA], test_peer_signer(&organisation, msp, "anna"));
    make_node(&nodes[BERT], test_peer_signer(&organisation, msp, "bert"));
    /* It calls itself what a member is called. */
    make_node(&nodes[STRANGER], test_peer_signer(&other, other_msp, "bert"));
    make_node(&nodes[LATE], test_signer(msp, &(struct test_order){.common_name = "late",
                                                                  .ous = {"peer"},
                                                                  .not_before_s = -3600,
                                                                  .not_after_s = 60,
                                                                  .issuer = &organisation.root}));
}

static void tear_down(void)
{
    for (size_t i = 0; i < NODES; i++) {
        fama_handshake_setup_destroy(nodes[i].setup);
        fama_signer_close(nodes[i].signer);
    }
    fama_msp_release(msp);
    fama_msp_release(other_msp);
    test_free(&organisation.root);
    test_free(&other_root);
}

static struct fama_identity *identity_of(int node)
{
    return fama_signer_identity(nodes[node].signer);
}

static struct fama_handshake *begin(int self, int expected, bool is_initiator, const char *binding)
{
    struct fama_handshake_config config = {
        .setup = nodes[self].setup,
        .peer = identity_of(expected),
        .binding = fama_bytes_of_text(binding),
        .wall_clock = time(NULL),
        .datagram_bytes = LIMIT,
        .is_initiator = is_initiator,
    };
    struct fama_handshake *handshake = fama_handshake_create(&config, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(handshake);
    return handshake;
}

/* ---- A link that loses, doubles, delays and bends ---- */

struct packet {
    uint64_t due_ns;
    int to;
    size_t len;
    uint8_t bytes[LIMIT];
};

struct link {
    uint64_t random;
    uint32_t percent_lost;
    uint32_t percent_doubled;
    uint32_t percent_bent;
    uint64_t delay_ns;
    uint32_t sent;
    uint64_t sent_bytes[2]; /* to each end */
    uint32_t count;
    struct packet packets[IN_FLIGHT];
};

static uint32_t draw(struct link *link, uint32_t bound)
{
    link->random = link->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(link->random >> 33) % bound;
}

static void put(struct link *link, uint64_t now_ns, int to, struct fama_bytes datagram)
{
    link->sent++;
    link->sent_bytes[to] += datagram.len;
    if (draw(link, 100) < link->percent_lost || link->count == IN_FLIGHT) {
        return;
    }
    struct packet *packet = &link->packets[link->count++];
    packet->due_ns = now_ns + (link->delay_ns > 0 ? draw(link, (uint32_t)link->delay_ns) : 0);
    packet->to = to;
    packet->len = datagram.len;
    memcpy(packet->bytes, datagram.at, datagram.len);
    if (draw(link, 100) < link->percent_bent) {
        packet->bytes[draw(link, (uint32_t)packet->len)] ^= (uint8_t)(1u << draw(link, 8));
    }
}

static void take_output(struct link *link, uint64_t now_ns, struct fama_handshake *from, int to)
{
    struct fama_bytes datagram;
    while (fama_handshake_output(from, &datagram)) {
        CU_ASSERT_FATAL(datagram.len > 0 && datagram.len <= LIMIT);
        put(link, now_ns, to, datagram);
        if (draw(link, 100) < link->percent_doubled) {
            put(link, now_ns, to, datagram);
        }
    }
}

static bool deliver_one(struct link *link, uint64_t now_ns, struct fama_handshake *ends[2])
{
    for (uint32_t i = 0; i < link->count; i++) {
        if (link->packets[i].due_ns <= now_ns) {
            struct packet packet = link->packets[i];
            link->packets[i] = link->packets[--link->count];
            struct fama_handshake *end = ends[packet.to];
            fama_handshake_input(end, now_ns, fama_bytes(packet.bytes, packet.len));
            take_output(link, now_ns, end, 1 - packet.to);
            return true;
        }
    }
    return false;
}

/* Until both ends have ended, or for twelve seconds. The initiator is ends[0]. */
static uint64_t run(struct link *link, struct fama_handshake *ends[2])
{
    uint64_t now_ns = 0;
    for (; now_ns < 12 * SECOND; now_ns += MILLISECOND) {
        for (int i = 0; i < 2; i++) {
            fama_handshake_tick(ends[i], now_ns);
            take_output(link, now_ns, ends[i], 1 - i);
        }
        while (deliver_one(link, now_ns, ends)) {
        }
        if (fama_handshake_state(ends[0]) != FAMA_HANDSHAKE_RUNNING &&
            fama_handshake_state(ends[1]) != FAMA_HANDSHAKE_RUNNING) {
            break;
        }
    }
    return now_ns;
}

static bool same_keys(struct fama_handshake *ends[2])
{
    const struct fama_handshake_keys *a = fama_handshake_keys(ends[0]);
    const struct fama_handshake_keys *b = fama_handshake_keys(ends[1]);
    return a != NULL && b != NULL && a->session_id == b->session_id &&
           memcmp(a->from_initiator, b->from_initiator, FAMA_HANDSHAKE_KEY_BYTES) == 0 &&
           memcmp(a->from_responder, b->from_responder, FAMA_HANDSHAKE_KEY_BYTES) == 0;
}

static void destroy(struct fama_handshake *ends[2])
{
    fama_handshake_destroy(ends[0]);
    fama_handshake_destroy(ends[1]);
}

/* ---- Tests ---- */

static void test_two_members_agree_on_keys_in_two_round_trips(void)
{
    uint64_t ids[2];
    for (int round = 0; round < 2; round++) {
        struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"),
                                         begin(BERT, ANNA, false, "x")};
        CU_ASSERT_PTR_NULL(fama_handshake_keys(ends[0]));
        struct link link = {.random = 1};
        CU_ASSERT_EQUAL(run(&link, ends), 0);
        CU_ASSERT_EQUAL(fama_handshake_state(ends[0]), FAMA_HANDSHAKE_DONE);
        CU_ASSERT_EQUAL(fama_handshake_state(ends[1]), FAMA_HANDSHAKE_DONE);
        CU_ASSERT_TRUE_FATAL(same_keys(ends));
        const struct fama_handshake_keys *keys = fama_handshake_keys(ends[0]);
        CU_ASSERT(memcmp(keys->from_initiator, keys->from_responder, FAMA_HANDSHAKE_KEY_BYTES) !=
                  0);
        CU_ASSERT_EQUAL(fama_handshake_next_ns(ends[0]), UINT64_MAX);
        CU_ASSERT(link.sent <= 12);
        ids[round] = keys->session_id;
        destroy(ends);
    }
    CU_ASSERT_NOT_EQUAL(ids[0], ids[1]);
}

static void test_loss_doubles_and_reordering_only_cost_time(void)
{
    uint64_t seed = test_seed("handshakes on a bad link");
    uint32_t done = 0;
    for (uint64_t i = 0; i < 200; i++) {
        struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"),
                                         begin(BERT, ANNA, false, "x")};
        struct link link = {.random = seed + i,
                            .percent_lost = 20,
                            .percent_doubled = 20,
                            .delay_ns = 30 * MILLISECOND};
        (void)run(&link, ends);
        /* Of ten copies of each flight hardly ever none comes through whole; an end that is done at
         * all agrees with the other. */
        bool is_done = fama_handshake_state(ends[0]) == FAMA_HANDSHAKE_DONE &&
                       fama_handshake_state(ends[1]) == FAMA_HANDSHAKE_DONE;
        CU_ASSERT_EQUAL(is_done, same_keys(ends));
        done += is_done ? 1 : 0;
        destroy(ends);
    }
    CU_ASSERT(done >= 196);
}

static void test_reordering_alone_needs_no_copy(void)
{
    uint64_t seed = test_seed("handshakes out of order");
    for (uint64_t i = 0; i < 100; i++) {
        struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"),
                                         begin(BERT, ANNA, false, "x")};
        struct link link = {.random = seed + i, .delay_ns = 40 * MILLISECOND};
        CU_ASSERT(run(&link, ends) < 4 * 40 * MILLISECOND);
        CU_ASSERT_TRUE(same_keys(ends));
        destroy(ends);
    }
}

static void test_bent_bits_never_make_ends_disagree(void)
{
    uint64_t seed = test_seed("bent handshakes");
    uint32_t done = 0;
    for (uint64_t i = 0; i < 200; i++) {
        struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"),
                                         begin(BERT, ANNA, false, "x")};
        struct link link = {.random = seed + i, .percent_bent = 15};
        (void)run(&link, ends);
        if (fama_handshake_keys(ends[0]) != NULL && fama_handshake_keys(ends[1]) != NULL) {
            CU_ASSERT_TRUE(same_keys(ends));
            done++;
        }
        destroy(ends);
    }
    CU_ASSERT(done > 0 && done < 200);
}

static void expect_failure(int initiator, int expected_by_initiator, int responder,
                           int expected_by_responder, enum fama_handshake_failure at_initiator,
                           enum fama_handshake_failure at_responder)
{
    struct fama_handshake *ends[] = {begin(initiator, expected_by_initiator, true, "x"),
                                     begin(responder, expected_by_responder, false, "x")};
    struct link link = {.random = 1};
    (void)run(&link, ends);
    CU_ASSERT_EQUAL(fama_handshake_state(ends[0]), FAMA_HANDSHAKE_FAILED);
    CU_ASSERT_EQUAL(fama_handshake_state(ends[1]), FAMA_HANDSHAKE_FAILED);
    CU_ASSERT_EQUAL(fama_handshake_failure(ends[0]), at_initiator);
    CU_ASSERT_EQUAL(fama_handshake_failure(ends[1]), at_responder);
    CU_ASSERT_PTR_NULL(fama_handshake_keys(ends[0]));
    CU_ASSERT_PTR_NULL(fama_handshake_keys(ends[1]));
    destroy(ends);
}

static void test_a_stranger_of_another_authority_is_refused_by_either_end(void)
{
    expect_failure(STRANGER, ANNA, ANNA, BERT, FAMA_HANDSHAKE_REFUSED, FAMA_HANDSHAKE_WRONG_PEER);
    expect_failure(ANNA, BERT, STRANGER, ANNA, FAMA_HANDSHAKE_WRONG_PEER, FAMA_HANDSHAKE_REFUSED);
}

static void test_a_member_is_not_taken_for_another_member(void)
{
    expect_failure(LATE, ANNA, ANNA, BERT, FAMA_HANDSHAKE_REFUSED, FAMA_HANDSHAKE_WRONG_PEER);
}

static void test_an_expired_or_future_certificate_fails_at_once(void)
{
    static const struct {
        int64_t hours;
        bool is_good;
    } cases[] = {{-2, false}, {0, true}, {1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fama_handshake_config config = {
            .setup = nodes[ANNA].setup,
            .peer = identity_of(LATE),
            .wall_clock = time(NULL) + (time_t)(cases[i].hours * 3600),
            .datagram_bytes = LIMIT,
            .is_initiator = true,
        };
        struct fama_handshake *handshake = fama_handshake_create(&config, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(handshake);
        struct fama_bytes datagram;
        CU_ASSERT_EQUAL(fama_handshake_output(handshake, &datagram), cases[i].is_good);
        CU_ASSERT_EQUAL(fama_handshake_failure(handshake),
                        cases[i].is_good ? FAMA_HANDSHAKE_FAILURE_NONE : FAMA_HANDSHAKE_EXPIRED);
        fama_handshake_destroy(handshake);
    }
}

static void test_ends_that_mean_different_attempts_get_different_keys(void)
{
    struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "attempt 1"),
                                     begin(BERT, ANNA, false, "attempt 2")};
    struct link link = {.random = 1};
    (void)run(&link, ends);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fama_handshake_keys(ends[0]));
    CU_ASSERT_PTR_NOT_NULL_FATAL(fama_handshake_keys(ends[1]));
    CU_ASSERT_FALSE(same_keys(ends));
    destroy(ends);
    char long_binding[FAMA_HANDSHAKE_BINDING_MAX + 1] = {0};
    struct fama_handshake_config config = {
        .setup = nodes[ANNA].setup,
        .peer = identity_of(BERT),
        .binding = fama_bytes(long_binding, sizeof long_binding),
        .wall_clock = time(NULL),
    };
    CU_ASSERT_PTR_NULL(fama_handshake_create(&config, 0));
}

static void test_silence_ends_a_handshake_after_a_few_copies(void)
{
    struct fama_handshake *handshake = begin(ANNA, BERT, true, "x");
    uint32_t copies = 0;
    uint64_t now_ns = 0;
    struct fama_bytes datagram;
    while (fama_handshake_state(handshake) == FAMA_HANDSHAKE_RUNNING) {
        while (fama_handshake_output(handshake, &datagram)) {
            copies++;
        }
        uint64_t next_ns = fama_handshake_next_ns(handshake);
        CU_ASSERT_FATAL(next_ns > now_ns && next_ns <= FAMA_HANDSHAKE_TIME_NS);
        now_ns = next_ns;
        fama_handshake_tick(handshake, now_ns);
    }
    CU_ASSERT_FALSE(fama_handshake_output(handshake, &datagram));
    CU_ASSERT_EQUAL(fama_handshake_failure(handshake), FAMA_HANDSHAKE_TIMED_OUT);
    CU_ASSERT_EQUAL(now_ns, FAMA_HANDSHAKE_TIME_NS);
    CU_ASSERT(copies >= 5 && copies <= 12);
    fama_handshake_destroy(handshake);
}

static void test_the_responder_speaks_only_when_spoken_to(void)
{
    struct fama_handshake *initiator = begin(ANNA, BERT, true, "x");
    struct fama_handshake *responder = begin(BERT, ANNA, false, "x");
    struct fama_bytes hello;
    struct fama_bytes datagram;
    CU_ASSERT_FALSE(fama_handshake_output(responder, &datagram));
    CU_ASSERT_TRUE_FATAL(fama_handshake_output(initiator, &hello));
    fama_handshake_input(responder, 0, hello);
    uint32_t flight = 0;
    while (fama_handshake_output(responder, &datagram)) {
        flight++;
    }
    CU_ASSERT(flight >= 1);
    fama_handshake_tick(responder, SECOND);
    CU_ASSERT_FALSE(fama_handshake_output(responder, &datagram));
    /* A hundred copies of the hello in one pause get one flight. */
    uint32_t again = 0;
    for (int i = 0; i < 100; i++) {
        fama_handshake_input(responder, SECOND, hello);
        while (fama_handshake_output(responder, &datagram)) {
            again++;
        }
    }
    CU_ASSERT_EQUAL(again, flight);
    fama_handshake_tick(responder, FAMA_HANDSHAKE_TIME_NS);
    CU_ASSERT_EQUAL(fama_handshake_failure(responder), FAMA_HANDSHAKE_TIMED_OUT);
    fama_handshake_destroy(initiator);
    fama_handshake_destroy(responder);
}

static void test_a_lost_last_flight_comes_again_when_asked_for(void)
{
    struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"), begin(BERT, ANNA, false, "x")};
    struct link link = {.random = 1};
    /* By hand, and the responder's last flight is thrown away. */
    take_output(&link, 0, ends[0], 1);
    while (fama_handshake_state(ends[1]) == FAMA_HANDSHAKE_RUNNING) {
        CU_ASSERT_TRUE_FATAL(deliver_one(&link, 0, ends));
    }
    CU_ASSERT_EQUAL(fama_handshake_state(ends[1]), FAMA_HANDSHAKE_DONE);
    CU_ASSERT_EQUAL(fama_handshake_state(ends[0]), FAMA_HANDSHAKE_RUNNING);
    link.count = 0;
    CU_ASSERT(run(&link, ends) >= FAMA_HANDSHAKE_FIRST_NS);
    CU_ASSERT_TRUE(same_keys(ends));
    destroy(ends);
}

/* The first datagram of `from`, which must have one. */
static size_t first_output(struct fama_handshake *from, uint8_t bytes[LIMIT])
{
    struct fama_bytes datagram = {0};
    CU_ASSERT_TRUE_FATAL(fama_handshake_output(from, &datagram));
    memcpy(bytes, datagram.at, datagram.len);
    return datagram.len;
}

static void test_what_is_no_record_is_ignored_and_a_flood_ends_it(void)
{
    struct fama_handshake *initiator = begin(ANNA, BERT, true, "x");
    struct fama_handshake *responder = begin(BERT, ANNA, false, "x");
    uint8_t hello[LIMIT];
    size_t len = first_output(initiator, hello);
    uint8_t noise[LIMIT] = {0};
    fama_handshake_input(responder, 0, fama_bytes(noise, sizeof noise));
    fama_handshake_input(responder, 0, fama_bytes(noise, 0));
    fama_handshake_input(responder, 0, fama_bytes(hello, len - 1));
    CU_ASSERT_EQUAL(fama_handshake_state(responder), FAMA_HANDSHAKE_RUNNING);
    /* Each datagram begins a message of 16 KB and claims to be the next one. */
    hello[13] = 1;
    hello[14] = 0;
    hello[15] = 0x3f;
    hello[16] = 0xff;
    uint32_t sent = 0;
    while (fama_handshake_state(responder) == FAMA_HANDSHAKE_RUNNING && sent < 10000) {
        fama_handshake_input(responder, 0, fama_bytes(hello, len));
        hello[10]++;
        hello[9] = (uint8_t)(hello[9] + (hello[10] == 0 ? 1 : 0));
        sent++;
    }
    CU_ASSERT_EQUAL(fama_handshake_state(responder), FAMA_HANDSHAKE_FAILED);
    CU_ASSERT(sent * len <= FAMA_HANDSHAKE_INPUT_MAX + len);
    fama_handshake_destroy(initiator);
    fama_handshake_destroy(responder);
}

static void test_only_so_many_early_datagrams_are_held(void)
{
    struct fama_handshake *ends[] = {begin(ANNA, BERT, true, "x"), begin(BERT, ANNA, false, "x")};
    uint8_t early[LIMIT] = {22, 0xfe, 0xfd};
    early[12] = 20;
    for (int i = 1; i < 1000; i++) {
        early[9] = (uint8_t)(i >> 8);
        early[10] = (uint8_t)i;
        fama_handshake_input(ends[1], 0, fama_bytes(early, 33));
    }
    CU_ASSERT_EQUAL(fama_handshake_state(ends[1]), FAMA_HANDSHAKE_RUNNING);
    /* Eight forgeries spoil the order, and nothing worse: OpenSSL sees them and says no. */
    struct link link = {.random = 1};
    (void)run(&link, ends);
    CU_ASSERT_EQUAL(same_keys(ends), fama_handshake_keys(ends[0]) != NULL);
    destroy(ends);
}

/* ---- Ends that are not ours: OpenSSL with another configuration, and Anna's certificate ---- */

struct foreign {
    uint64_t options;
    const char *ciphers;
    int version;
    bool without_certificate;
};

static enum fama_handshake_failure failure_with(const struct foreign *foreign)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
    CU_ASSERT_FATAL(context != NULL &&
                    SSL_CTX_set_max_proto_version(context, foreign->version) == 1 &&
                    SSL_CTX_set_min_proto_version(context, foreign->version) == 1 &&
                    SSL_CTX_set_cipher_list(context, foreign->ciphers) == 1);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_options(context, foreign->options | SSL_OP_NO_QUERY_MTU);
    if (!foreign->without_certificate) {
        const struct fama_certificate *own = fama_identity_certificate(identity_of(ANNA));
        CU_ASSERT_FATAL(SSL_CTX_use_certificate(context, own->x509) == 1 &&
                        SSL_CTX_use_PrivateKey(context, fama_signer_key(nodes[ANNA].signer)) == 1);
    }
    SSL *ssl = SSL_new(context);
    BIO_METHOD *method = fama_datagram_bio_method_create();
    struct fama_datagrams datagrams = {0};
    BIO *bio = fama_datagram_bio_create(method, &datagrams);
    CU_ASSERT_FATAL(ssl != NULL && bio != NULL);
    SSL_set_bio(ssl, bio, bio);
    CU_ASSERT_FATAL(SSL_set_mtu(ssl, LIMIT) > 0);
    struct fama_handshake *responder = begin(BERT, ANNA, false, "x");
    for (int round = 0; round < 8; round++) {
        (void)SSL_connect(ssl);
        for (uint32_t i = 0; i < datagrams.count; i++) {
            fama_handshake_input(responder, 0, fama_datagrams_at(&datagrams, i));
        }
        datagrams.len = 0;
        datagrams.count = 0;
        struct fama_bytes datagram;
        while (fama_handshake_output(responder, &datagram)) {
            datagrams.given = datagram;
            (void)SSL_connect(ssl);
        }
    }
    enum fama_handshake_failure failure = fama_handshake_failure(responder);
    CU_ASSERT_EQUAL(fama_handshake_keys(responder) != NULL, failure == FAMA_HANDSHAKE_FAILURE_NONE);
    fama_handshake_destroy(responder);
    SSL_free(ssl);
    SSL_CTX_free(context);
    BIO_meth_free(method);
    fama_datagrams_free(&datagrams);
    ERR_clear_error();
    return failure;
}

static void test_weaker_handshakes_are_refused(void)
{
    struct foreign good = {.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256", .version = DTLS1_2_VERSION};
    CU_ASSERT_EQUAL(failure_with(&good), FAMA_HANDSHAKE_FAILURE_NONE);
    struct foreign without_master = good;
    without_master.options = SSL_OP_NO_EXTENDED_MASTER_SECRET;
    CU_ASSERT_EQUAL(failure_with(&without_master), FAMA_HANDSHAKE_BROKEN);
    struct foreign block_mode = good;
    block_mode.ciphers = "ECDHE-ECDSA-AES128-SHA256";
    CU_ASSERT_EQUAL(failure_with(&block_mode), FAMA_HANDSHAKE_BROKEN);
    struct foreign old = {.ciphers = "ALL:@SECLEVEL=0", .version = DTLS1_VERSION};
    CU_ASSERT_EQUAL(failure_with(&old), FAMA_HANDSHAKE_BROKEN);
    struct foreign nameless = good;
    nameless.without_certificate = true;
    CU_ASSERT_EQUAL(failure_with(&nameless), FAMA_HANDSHAKE_BROKEN);
}

static void test_spans_of_records_are_read_strictly(void)
{
    uint8_t two[] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7, 0, 1, 9, /* number 7 of epoch 1 */
                     20, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 8, 0, 1, 1};
    struct fama_dtls_span span = {0};
    CU_ASSERT_TRUE(fama_dtls_records_read(fama_bytes(two, sizeof two), &span));
    CU_ASSERT_EQUAL(span.first, 1ull << 48 | 7);
    CU_ASSERT_EQUAL(span.next, 2ull << 48);
    CU_ASSERT_TRUE(fama_dtls_records_read(fama_bytes(two, 14), &span));
    CU_ASSERT_EQUAL(span.next, 1ull << 48 | 8);
    for (size_t len = 0; len < sizeof two; len++) {
        CU_ASSERT_EQUAL(fama_dtls_records_read(fama_bytes(two, len), &span), len == 14);
    }
    two[24] = 9; /* a gap */
    CU_ASSERT_FALSE(fama_dtls_records_read(fama_bytes(two, sizeof two), &span));
    two[24] = 8;
    two[4] = two[18] = 2; /* an epoch that there is not */
    CU_ASSERT_FALSE(fama_dtls_records_read(fama_bytes(two, sizeof two), &span));
    two[4] = two[18] = 1;
    two[1] = 3; /* TLS */
    CU_ASSERT_FALSE(fama_dtls_records_read(fama_bytes(two, sizeof two), &span));
}

static void test_every_failure_has_its_words(void)
{
    for (int i = FAMA_HANDSHAKE_FAILURE_NONE; i <= FAMA_HANDSHAKE_INTERNAL; i++) {
        for (int j = FAMA_HANDSHAKE_FAILURE_NONE; j < i; j++) {
            CU_ASSERT_STRING_NOT_EQUAL(fama_handshake_words((enum fama_handshake_failure)i),
                                       fama_handshake_words((enum fama_handshake_failure)j));
        }
    }
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(set_up),
        TEST(test_two_members_agree_on_keys_in_two_round_trips),
        TEST(test_loss_doubles_and_reordering_only_cost_time),
        TEST(test_reordering_alone_needs_no_copy),
        TEST(test_bent_bits_never_make_ends_disagree),
        TEST(test_a_stranger_of_another_authority_is_refused_by_either_end),
        TEST(test_a_member_is_not_taken_for_another_member),
        TEST(test_an_expired_or_future_certificate_fails_at_once),
        TEST(test_ends_that_mean_different_attempts_get_different_keys),
        TEST(test_silence_ends_a_handshake_after_a_few_copies),
        TEST(test_the_responder_speaks_only_when_spoken_to),
        TEST(test_a_lost_last_flight_comes_again_when_asked_for),
        TEST(test_what_is_no_record_is_ignored_and_a_flood_ends_it),
        TEST(test_only_so_many_early_datagrams_are_held),
        TEST(test_weaker_handshakes_are_refused),
        TEST(test_spans_of_records_are_read_strictly),
        TEST(test_every_failure_has_its_words),
        TEST(tear_down),
    };
    return run_suite("handshake", cases, sizeof cases / sizeof cases[0]);
}
