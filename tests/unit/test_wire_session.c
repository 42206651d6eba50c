#include "dataplane/wire_session.h"

#include "unit/suite.h"

static uint8_t datagram[FAMA_WIRE_DATAGRAM_MAX + 1];

static struct fama_session_message message_of(enum fama_session_step step)
{
    struct fama_session_message message = {
        .step = step,
        .sender = 0x0102030405060708,
        .target = 0x1112131415161718,
        .handshake = 0x2122232425262728,
    };
    if (step == FAMA_SESSION_COOKIE || step == FAMA_SESSION_INITIATOR_RECORDS) {
        memset(message.cookie, 0xc0, sizeof message.cookie);
    }
    if (step == FAMA_SESSION_INITIATOR_RECORDS || step == FAMA_SESSION_RESPONDER_RECORDS) {
        message.bytes = fama_bytes_of_text("records");
    }
    return message;
}

static enum fama_drop reread(size_t len, struct fama_session_message *message)
{
    return fama_wire_session_read(fama_bytes(datagram, len), message);
}

static void test_every_step_reads_as_it_was_written(void)
{
    static const size_t lengths[] = {120, 56, 63, 63};
    for (int step = FAMA_SESSION_HELLO; step <= FAMA_SESSION_RESPONDER_RECORDS; step++) {
        struct fama_session_message message = message_of((enum fama_session_step)step);
        struct fama_session_message again;
        size_t len = fama_wire_session_write(&message, datagram, sizeof datagram);
        CU_ASSERT_EQUAL_FATAL(len, lengths[step - 1]);
        CU_ASSERT_EQUAL_FATAL(reread(len, &again), FAMA_DROP_NONE);
        CU_ASSERT_EQUAL(again.step, message.step);
        CU_ASSERT_EQUAL(again.sender, message.sender);
        CU_ASSERT_EQUAL(again.target, message.target);
        CU_ASSERT_EQUAL(again.handshake, message.handshake);
        CU_ASSERT_EQUAL(memcmp(again.cookie, message.cookie, FAMA_COOKIE_BYTES), 0);
        CU_ASSERT_EQUAL(again.bytes.len, len - FAMA_WIRE_SESSION_BYTES);
        CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, len - 1), 0);
    }
}

static void test_no_answer_before_the_cookie_is_larger_than_its_question(void)
{
    struct fama_session_message hello = message_of(FAMA_SESSION_HELLO);
    struct fama_session_message cookie = message_of(FAMA_SESSION_COOKIE);
    struct fama_session_message records = message_of(FAMA_SESSION_INITIATOR_RECORDS);
    records.bytes.len = 1;
    size_t answer = fama_wire_session_write(&cookie, datagram, sizeof datagram);
    CU_ASSERT(answer > 0);
    CU_ASSERT(answer < fama_wire_session_write(&hello, datagram, sizeof datagram));
    CU_ASSERT(answer < fama_wire_session_write(&records, datagram, sizeof datagram));
}

static void test_steps_with_what_is_not_theirs_are_refused(void)
{
    struct fama_session_message message = message_of(FAMA_SESSION_HELLO);
    message.cookie[15] = 1;
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    message = message_of(FAMA_SESSION_HELLO);
    message.bytes = fama_bytes_of_text("x");
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    message = message_of(FAMA_SESSION_COOKIE);
    message.bytes = fama_bytes_of_text("x");
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    message = message_of(FAMA_SESSION_RESPONDER_RECORDS);
    message.cookie[0] = 1;
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    for (int step = 3; step <= 4; step++) {
        message = message_of((enum fama_session_step)step);
        message.bytes.len = 0;
        CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    }
    message.step = (enum fama_session_step)5;
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
    message = message_of(FAMA_SESSION_INITIATOR_RECORDS);
    message.bytes = fama_bytes(datagram, FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_SESSION_BYTES + 1);
    CU_ASSERT_EQUAL(fama_wire_session_write(&message, datagram, sizeof datagram), 0);
}

/* Offsets that must be what they are, with the reason for any other value. */
static void test_a_changed_octet_of_the_frame_is_named(void)
{
    static const struct {
        size_t at;
        enum fama_drop drop;
    } cases[] = {
        {0, FAMA_DROP_BAD_MAGIC},   {1, FAMA_DROP_BAD_MAGIC},  {2, FAMA_DROP_BAD_VERSION},
        {3, FAMA_DROP_BAD_KIND},    {4, FAMA_DROP_MALFORMED},  {5, FAMA_DROP_MALFORMED},
        {7, FAMA_DROP_TRUNCATED},   {8, FAMA_DROP_MALFORMED},  {9, FAMA_DROP_MALFORMED},
        {15, FAMA_DROP_MALFORMED},  {40, FAMA_DROP_MALFORMED}, {55, FAMA_DROP_MALFORMED},
        {119, FAMA_DROP_MALFORMED},
    };
    struct fama_session_message message = message_of(FAMA_SESSION_HELLO);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = fama_wire_session_write(&message, datagram, sizeof datagram);
        datagram[cases[i].at] ^= 0x80;
        struct fama_session_message again;
        CU_ASSERT_EQUAL(reread(len, &again), cases[i].drop);
    }
    size_t len = fama_wire_session_write(&message, datagram, sizeof datagram);
    struct fama_session_message again;
    for (size_t shorter = 0; shorter < len; shorter++) {
        CU_ASSERT_EQUAL(reread(shorter, &again), FAMA_DROP_TRUNCATED);
    }
    CU_ASSERT_EQUAL(reread(len + 1, &again), FAMA_DROP_MALFORMED);
}

static void test_a_sealed_header_reads_as_it_was_written(void)
{
    uint64_t number = ((uint64_t)1 << 56) - 2;
    size_t inner = 100;
    CU_ASSERT_EQUAL(fama_wire_sealed_write(77, FAMA_STREAM_SERVING, number, inner, datagram),
                    FAMA_WIRE_SEALED_HEADER);
    struct fama_sealed sealed;
    struct fama_bytes whole = fama_bytes(datagram, inner + FAMA_WIRE_SEALED_OVERHEAD);
    CU_ASSERT_EQUAL_FATAL(fama_wire_sealed_read(whole, &sealed), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(sealed.session, 77);
    CU_ASSERT_EQUAL(sealed.stream, FAMA_STREAM_SERVING);
    CU_ASSERT_EQUAL(sealed.number, number);
    CU_ASSERT_EQUAL(sealed.ciphertext.len, inner);
    CU_ASSERT_PTR_EQUAL(sealed.ciphertext.at, datagram + 24);
    CU_ASSERT_PTR_EQUAL(sealed.tag, datagram + 24 + inner);
    CU_ASSERT_PTR_EQUAL(sealed.header.at, datagram);
    uint8_t nonce[FAMA_AEAD_NONCE_BYTES];
    static const uint8_t wanted[] = {0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    fama_wire_sealed_nonce(datagram, nonce);
    CU_ASSERT_EQUAL(memcmp(nonce, wanted, sizeof nonce), 0);
    datagram[16] = FAMA_STREAMS;
    CU_ASSERT_EQUAL(fama_wire_sealed_read(whole, &sealed), FAMA_DROP_MALFORMED);
    datagram[16] = 0;
    datagram[4] = 1; /* nobody passes it on */
    CU_ASSERT_EQUAL(fama_wire_sealed_read(whole, &sealed), FAMA_DROP_MALFORMED);
    datagram[4] = 0;
    datagram[15] = 0; /* session 0 */
    CU_ASSERT_EQUAL(fama_wire_sealed_read(whole, &sealed), FAMA_DROP_MALFORMED);
}

static void test_sealed_datagrams_have_their_bounds(void)
{
    size_t largest = FAMA_WIRE_DATAGRAM_MAX - FAMA_WIRE_SEALED_OVERHEAD;
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAM_CONTROL, 0, largest, datagram), 24);
    struct fama_sealed sealed;
    CU_ASSERT_EQUAL(fama_wire_sealed_read(fama_bytes(datagram, FAMA_WIRE_DATAGRAM_MAX), &sealed),
                    FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAM_CONTROL, 0, largest + 1, datagram), 0);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAM_CONTROL, 0, 7, datagram), 0);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(0, FAMA_STREAM_CONTROL, 0, 8, datagram), 0);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAMS, 0, 8, datagram), 0);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAM_CONTROL, (uint64_t)1 << 56, 8, datagram),
                    0);
    CU_ASSERT_EQUAL(fama_wire_sealed_write(1, FAMA_STREAM_CONTROL, 0, 8, datagram), 24);
    CU_ASSERT_EQUAL(fama_wire_sealed_read(fama_bytes(datagram, 48), &sealed), FAMA_DROP_NONE);
    datagram[7]--;
    CU_ASSERT_EQUAL(fama_wire_sealed_read(fama_bytes(datagram, 47), &sealed), FAMA_DROP_TRUNCATED);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_every_step_reads_as_it_was_written),
        TEST(test_no_answer_before_the_cookie_is_larger_than_its_question),
        TEST(test_steps_with_what_is_not_theirs_are_refused),
        TEST(test_a_changed_octet_of_the_frame_is_named),
        TEST(test_a_sealed_header_reads_as_it_was_written),
        TEST(test_sealed_datagrams_have_their_bounds),
    };
    return run_suite("session datagrams", cases, sizeof cases / sizeof cases[0]);
}
