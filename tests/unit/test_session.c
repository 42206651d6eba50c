#include "dataplane/session.h"

#include <pthread.h>

#include "unit/seed.h"
#include "unit/suite.h"

#define INNER 100

static const uint8_t there[FAMA_AEAD_KEY_BYTES] = {1};
static const uint8_t back[FAMA_AEAD_KEY_BYTES] = {2};

static struct fama_session *session_of(uint64_t id, const uint8_t *seal_key,
                                       const uint8_t *open_key)
{
    struct fama_session_config config = {
        .id = id,
        .peer = 77,
        .endpoint = fama_endpoint_from_ipv4(0xc6120001, 7051),
        .seal_key = seal_key,
        .open_key = open_key,
        .is_initiator = true,
        .made_ns = 5,
    };
    struct fama_session *session = fama_session_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(session);
    return session;
}

/* Both ends of one session, and the last datagram between them. */
struct pair {
    struct fama_session *anna;
    struct fama_session *bert;
    uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX];
    size_t len;
    uint8_t inner[FAMA_WIRE_DATAGRAM_MAX];
};

static void set_up(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    pair->anna = session_of(9, there, back);
    pair->bert = session_of(9, back, there);
    for (size_t i = 0; i < sizeof pair->inner; i++) {
        pair->inner[i] = (uint8_t)(i * 7);
    }
}

static void tear_down(struct pair *pair)
{
    fama_session_release(pair->anna);
    fama_session_release(pair->bert);
}

static void seal(struct pair *pair, enum fama_session_stream stream)
{
    struct fama_bytes inner = fama_bytes(pair->inner, INNER);
    pair->len =
        fama_session_seal(pair->anna, stream, &inner, 1, pair->datagram, sizeof pair->datagram);
    CU_ASSERT_EQUAL_FATAL(pair->len, INNER + FAMA_WIRE_SEALED_OVERHEAD);
}

static enum fama_drop open_at(struct fama_session *session, struct fama_bytes datagram,
                              uint8_t *out)
{
    struct fama_sealed sealed;
    enum fama_drop drop = fama_wire_sealed_read(datagram, &sealed);
    return drop != FAMA_DROP_NONE ? drop : fama_session_open(session, &sealed, out);
}

static enum fama_drop open_it(struct pair *pair)
{
    uint8_t out[FAMA_WIRE_DATAGRAM_MAX];
    enum fama_drop drop = open_at(pair->bert, fama_bytes(pair->datagram, pair->len), out);
    if (drop == FAMA_DROP_NONE) {
        CU_ASSERT_EQUAL(memcmp(out, pair->inner, INNER), 0);
    }
    return drop;
}

static void test_what_one_end_seals_the_other_opens_once(void)
{
    struct pair pair;
    set_up(&pair);
    CU_ASSERT_FALSE(fama_session_is_heard(pair.bert));
    for (int i = 0; i < 10; i++) {
        seal(&pair, i % 2 == 0 ? FAMA_STREAM_CONTROL : FAMA_STREAM_SERVING);
        CU_ASSERT_EQUAL(memmem(pair.datagram, pair.len, pair.inner, 16), NULL);
        CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_SESSION_REPLAYED);
    }
    CU_ASSERT_TRUE(fama_session_is_heard(pair.bert));
    CU_ASSERT_FALSE(fama_session_is_heard(pair.anna));
    CU_ASSERT_EQUAL(fama_session_sealed(pair.anna), 10);
    /* What was sent one way does not come back as the other's. */
    uint8_t out[INNER];
    CU_ASSERT_EQUAL(open_at(pair.anna, fama_bytes(pair.datagram, pair.len), out),
                    FAMA_DROP_SESSION_FORGED);
    CU_ASSERT_EQUAL(fama_session_id(pair.anna), 9);
    CU_ASSERT_EQUAL(fama_session_peer(pair.anna), 77);
    CU_ASSERT_EQUAL(fama_session_endpoint(pair.anna)->port, 7051);
    CU_ASSERT_EQUAL(fama_session_made_ns(pair.anna), 5);
    CU_ASSERT_TRUE(fama_session_is_initiator(pair.anna));
    tear_down(&pair);
}

static void test_any_changed_bit_is_a_forgery_and_spoils_nothing(void)
{
    struct pair pair;
    set_up(&pair);
    seal(&pair, FAMA_STREAM_CONTROL);
    for (size_t bit = 8 * 8; bit < 8 * pair.len; bit++) {
        pair.datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_NOT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
        pair.datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
    struct fama_session *other = session_of(10, back, there);
    uint8_t out[INNER];
    seal(&pair, FAMA_STREAM_CONTROL);
    CU_ASSERT_EQUAL(open_at(other, fama_bytes(pair.datagram, pair.len), out),
                    FAMA_DROP_SESSION_FORGED);
    fama_session_release(other);
    tear_down(&pair);
}

static void test_pieces_and_places_make_no_difference(void)
{
    struct pair pair;
    set_up(&pair);
    struct fama_bytes pieces[] = {fama_bytes(pair.inner, 8), fama_bytes(pair.inner + 8, 0),
                                  fama_bytes(pair.inner + 8, INNER - 8)};
    pair.len = fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, pieces, 3, pair.datagram,
                                 INNER + FAMA_WIRE_SEALED_OVERHEAD);
    CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
    /* In place at both ends. */
    uint8_t *place = pair.datagram + FAMA_WIRE_SEALED_HEADER;
    memcpy(place, pair.inner, INNER);
    struct fama_bytes inner = fama_bytes(place, INNER);
    pair.len = fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, &inner, 1, pair.datagram,
                                 sizeof pair.datagram);
    CU_ASSERT_EQUAL(open_at(pair.bert, fama_bytes(pair.datagram, pair.len), place), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(memcmp(place, pair.inner, INNER), 0);
    tear_down(&pair);
}

static void test_what_does_not_fit_is_not_sealed(void)
{
    struct pair pair;
    set_up(&pair);
    struct fama_bytes inner = fama_bytes(pair.inner, INNER);
    CU_ASSERT_EQUAL(fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, &inner, 1, pair.datagram,
                                      INNER + FAMA_WIRE_SEALED_OVERHEAD - 1),
                    0);
    inner.len = FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_SEALED_OVERHEAD + 1;
    CU_ASSERT_EQUAL(fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, &inner, 1, pair.datagram,
                                      sizeof pair.datagram),
                    0);
    inner.len = 7;
    CU_ASSERT_EQUAL(fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, &inner, 1, pair.datagram,
                                      sizeof pair.datagram),
                    0);
    struct fama_bytes huge[] = {fama_bytes(pair.inner, INNER), fama_bytes(pair.inner, SIZE_MAX)};
    CU_ASSERT_EQUAL(fama_session_seal(pair.anna, FAMA_STREAM_CONTROL, huge, 2, pair.datagram,
                                      sizeof pair.datagram),
                    0);
    CU_ASSERT_EQUAL(fama_session_sealed(pair.anna), 0);
    struct fama_session_config config = {.id = 0, .seal_key = there, .open_key = back};
    CU_ASSERT_PTR_NULL(fama_session_create(&config));
    tear_down(&pair);
}

static void test_a_stream_ends_and_says_so_half_way(void)
{
    struct pair pair;
    set_up(&pair);
    fama_session_skip_to(pair.anna, FAMA_STREAM_SERVING, FAMA_SESSION_NUMBERS / 2 - 1);
    CU_ASSERT_FALSE(fama_session_is_worn(pair.anna));
    seal(&pair, FAMA_STREAM_SERVING);
    CU_ASSERT_TRUE(fama_session_is_worn(pair.anna));
    fama_session_skip_to(pair.anna, FAMA_STREAM_SERVING, FAMA_SESSION_NUMBERS - 1);
    seal(&pair, FAMA_STREAM_SERVING);
    CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
    struct fama_bytes inner = fama_bytes(pair.inner, INNER);
    CU_ASSERT_EQUAL(fama_session_seal(pair.anna, FAMA_STREAM_SERVING, &inner, 1, pair.datagram,
                                      sizeof pair.datagram),
                    0);
    seal(&pair, FAMA_STREAM_CONTROL); /* the other stream goes on */
    CU_ASSERT_EQUAL(open_it(&pair), FAMA_DROP_NONE);
    tear_down(&pair);
}

static void test_the_window_agrees_with_a_plain_list(void)
{
    enum { NUMBERS = 20000 };
    static bool came[NUMBERS];
    uint64_t random = test_seed("replay window");
    for (int round = 0; round < 20; round++) {
        struct fama_replay_window window = {0};
        memset(came, 0, sizeof came);
        uint64_t highest = 0;
        bool is_empty = true;
        for (int step = 0; step < 4000; step++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint32_t draw = (uint32_t)(random >> 33);
            /* Mostly near the edge; now and then far ahead. */
            uint64_t reach = draw % 50 == 0 ? 3000 : 40;
            uint64_t ahead = highest + draw / 50 % reach;
            uint64_t behind = draw / 3 % 1200;
            uint64_t number = draw % 3 == 0 ? ahead : highest - (behind < highest ? behind : 0);
            number = number < NUMBERS ? number : NUMBERS - 1;
            bool is_old = !is_empty && highest >= FAMA_REPLAY_WINDOW &&
                          number <= highest - FAMA_REPLAY_WINDOW;
            CU_ASSERT_EQUAL_FATAL(fama_replay_window_is_fresh(&window, number),
                                  !came[number] && !is_old);
            if (!came[number] && !is_old && draw % 7 != 0) {
                fama_replay_window_take(&window, number);
                came[number] = true;
                highest = is_empty || number > highest ? number : highest;
                is_empty = false;
            }
        }
    }
}

static void test_the_window_takes_the_widest_jumps(void)
{
    struct fama_replay_window window = {0};
    uint64_t far = FAMA_SESSION_NUMBERS * 100;
    fama_replay_window_take(&window, 5);
    CU_ASSERT_FALSE(fama_replay_window_is_fresh(&window, 5));
    CU_ASSERT_TRUE(fama_replay_window_is_fresh(&window, 0));
    CU_ASSERT_TRUE(fama_replay_window_is_fresh(&window, far));
    fama_replay_window_take(&window, far);
    CU_ASSERT_FALSE(fama_replay_window_is_fresh(&window, far));
    CU_ASSERT_FALSE(fama_replay_window_is_fresh(&window, 6));
    CU_ASSERT_FALSE(fama_replay_window_is_fresh(&window, far - FAMA_REPLAY_WINDOW));
    for (uint64_t back_by = 1; back_by < FAMA_REPLAY_WINDOW; back_by++) {
        CU_ASSERT_TRUE(fama_replay_window_is_fresh(&window, far - back_by));
    }
}

/* ---- Threads ---- */

enum { EACH = 3000 };

struct sealer {
    pthread_t thread;
    struct fama_session *session;
    enum fama_session_stream stream;
    uint8_t datagrams[EACH][64];
    size_t len;
};

static void *seal_all(void *context)
{
    struct sealer *sealer = context;
    uint8_t inner[16] = {(uint8_t)sealer->stream};
    struct fama_bytes piece = fama_bytes(inner, sizeof inner);
    for (int i = 0; i < EACH; i++) {
        sealer->len = fama_session_seal(sealer->session, sealer->stream, &piece, 1,
                                        sealer->datagrams[i], sizeof sealer->datagrams[i]);
    }
    return NULL;
}

static void test_streams_are_sealed_while_others_open(void)
{
    struct pair pair;
    set_up(&pair);
    struct sealer *sealers = calloc(2, sizeof *sealers);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sealers);
    for (int i = 0; i < 2; i++) {
        sealers[i].session = pair.anna;
        sealers[i].stream = (enum fama_session_stream)i;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&sealers[i].thread, NULL, seal_all, &sealers[i]), 0);
    }
    /* Meanwhile Anna opens what Bert seals, and somebody watches. */
    uint8_t out[INNER];
    struct fama_bytes piece = fama_bytes(pair.inner, INNER);
    for (int i = 0; i < EACH; i++) {
        size_t len = fama_session_seal(pair.bert, FAMA_STREAM_CONTROL, &piece, 1, pair.datagram,
                                       sizeof pair.datagram);
        CU_ASSERT_EQUAL(open_at(pair.anna, fama_bytes(pair.datagram, len), out), FAMA_DROP_NONE);
        CU_ASSERT_FALSE(fama_session_is_worn(pair.anna));
    }
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_join(sealers[i].thread, NULL), 0);
        for (int j = 0; j < EACH; j++) {
            struct fama_bytes datagram = fama_bytes(sealers[i].datagrams[j], sealers[i].len);
            CU_ASSERT_EQUAL(open_at(pair.bert, datagram, out), FAMA_DROP_NONE);
            CU_ASSERT_EQUAL(out[0], i);
        }
    }
    CU_ASSERT_EQUAL(fama_session_sealed(pair.anna), 2 * EACH);
    free(sealers);
    tear_down(&pair);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_what_one_end_seals_the_other_opens_once),
        TEST(test_any_changed_bit_is_a_forgery_and_spoils_nothing),
        TEST(test_pieces_and_places_make_no_difference),
        TEST(test_what_does_not_fit_is_not_sealed),
        TEST(test_a_stream_ends_and_says_so_half_way),
        TEST(test_the_window_agrees_with_a_plain_list),
        TEST(test_the_window_takes_the_widest_jumps),
        TEST(test_streams_are_sealed_while_others_open),
    };
    return run_suite("session", cases, sizeof cases / sizeof cases[0]);
}
