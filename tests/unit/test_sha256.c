#include "crypto/sha256.h"
#include "unit/suite.h"

static void expect_digest(const uint8_t digest[FAMA_SHA256_BYTES], const char *hex)
{
    char text[FAMA_SHA256_TEXT_BYTES];
    fama_sha256_text(digest, text);
    CU_ASSERT_STRING_EQUAL(text, hex);
}

/* Vectors: FIPS 180-4 examples and NIST CAVP. */
static void known_messages_have_their_published_digests(void)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(fama_bytes(NULL, 0), digest);
    expect_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    fama_sha256(fama_bytes_of_text("abc"), digest);
    expect_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fama_sha256(fama_bytes_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                digest);
    expect_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_million_letters_have_their_published_digest(void)
{
    enum { LEN = 1000000 };
    char *text = malloc(LEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'a', LEN);
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(fama_bytes(text, LEN), digest);
    expect_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(text);
}

static void parts_have_the_digest_of_their_concatenation_however_cut(void)
{
    const char *text = "the quick brown fox jumps over the lazy dog, seventy bytes and then some";
    size_t len = strlen(text);
    uint8_t whole[FAMA_SHA256_BYTES];
    fama_sha256(fama_bytes(text, len), whole);
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct fama_bytes parts[] = {fama_bytes(text, a), fama_bytes(text + a, b - a),
                                         fama_bytes(NULL, 0), fama_bytes(text + b, len - b)};
            uint8_t digest[FAMA_SHA256_BYTES];
            fama_sha256_parts(parts, 4, digest);
            if (memcmp(digest, whole, sizeof whole) != 0) {
                CU_FAIL("a cut changed the digest");
                return;
            }
        }
    }
    uint8_t none[FAMA_SHA256_BYTES];
    fama_sha256_parts(NULL, 0, none);
    expect_digest(none, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_message_by_pieces_has_the_digest_of_the_whole(void)
{
    static uint8_t text[1000];
    uint8_t whole[FAMA_SHA256_BYTES];
    uint8_t digest[FAMA_SHA256_BYTES];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(i * 7);
    }
    fama_sha256(fama_bytes(text, sizeof text), whole);
    for (size_t step = 1; step < 200; step++) {
        struct fama_sha256_stream stream;
        fama_sha256_begin(&stream);
        for (size_t at = 0; at < sizeof text; at += step) {
            size_t rest = sizeof text - at;
            fama_sha256_add(&stream, fama_bytes(text + at, rest < step ? rest : step));
            fama_sha256_add(&stream, fama_bytes(NULL, 0));
        }
        fama_sha256_end(&stream, digest);
        CU_ASSERT_EQUAL(memcmp(digest, whole, sizeof whole), 0);
    }
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(known_messages_have_their_published_digests),
        TEST(a_million_letters_have_their_published_digest),
        TEST(parts_have_the_digest_of_their_concatenation_however_cut),
        TEST(a_message_by_pieces_has_the_digest_of_the_whole),
    };
    return run_suite("sha256", cases, sizeof cases / sizeof cases[0]);
}
