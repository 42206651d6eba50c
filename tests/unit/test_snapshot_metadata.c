/* What a snapshot says of itself: the exact text, what is taken for it, and single files. */
#include "ledger/snapshot_metadata.h"

#include <inttypes.h>

#include "unit/suite.h"
#include "unit/usual_ledger.h"

/* The text Fabric's peers write, with a hash that is told apart by its first digits. */
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
static const char signable[] = "{\n"
                               "    \"channel_name\": \"drivenet\",\n"
                               "    \"last_block_number\": 83,\n"
                               "    \"last_block_hash\": \"a1" ZEROS "\",\n"
                               "    \"previous_block_hash\": \"b2" ZEROS "\",\n"
                               "    \"snapshot_files_raw_hashes\": {\n"
                               "        \"public_state.data\": \"c3" ZEROS "\",\n"
                               "        \"public_state.metadata\": \"d4" ZEROS "\",\n"
                               "        \"txids.data\": \"e5" ZEROS "\",\n"
                               "        \"txids.metadata\": \"f6" ZEROS "\"\n"
                               "    },\n"
                               "    \"state_db_type\": \"SimpleKeyValueDB\"\n"
                               "}";

static struct fama_snapshot_metadata usual_metadata(void)
{
    struct fama_snapshot_metadata metadata = {.channel_id = "drivenet",
                                              .last_block = 83,
                                              .last_hash = {0xa1},
                                              .has_previous_hash = true,
                                              .previous_hash = {0xb2},
                                              .has_commit_hash = true,
                                              .commit_hash = {0x07}};
    metadata.parts[FAMA_SNAPSHOT_PUBLIC_STATE] =
        (struct fama_snapshot_part_hashes){true, {0xc3}, {0xd4}};
    metadata.parts[FAMA_SNAPSHOT_TXIDS] = (struct fama_snapshot_part_hashes){true, {0xe5}, {0xf6}};
    fama_sha256(fama_bytes_of_text(signable), metadata.snapshot_hash);
    return metadata;
}

/* Parses a signable text with an additional one that names its hash. */
static int parse_signable(const char *text, struct fama_snapshot_metadata *metadata,
                          struct fama_error *error)
{
    struct fama_snapshot_metadata named = usual_metadata();
    char additional[FAMA_SNAPSHOT_TEXT_BYTES];
    fama_sha256(fama_bytes_of_text(text), named.snapshot_hash);
    size_t len = fama_snapshot_additional_text(&named, additional);
    return fama_snapshot_metadata_parse(fama_bytes_of_text(text), fama_bytes(additional, len),
                                        metadata, error);
}

static void test_the_text_is_the_one_fabric_writes(void)
{
    struct fama_snapshot_metadata metadata = usual_metadata();
    char text[FAMA_SNAPSHOT_TEXT_BYTES];
    size_t len = fama_snapshot_signable_text(&metadata, text);
    CU_ASSERT_EQUAL(len, strlen(signable));
    CU_ASSERT_STRING_EQUAL(text, signable);
    metadata.snapshot_hash[0] = 0x99;
    memset(metadata.snapshot_hash + 1, 0, FAMA_SHA256_BYTES - 1);
    (void)fama_snapshot_additional_text(&metadata, text);
    CU_ASSERT_STRING_EQUAL(text, "{\n    \"snapshot_hash\": \"99" ZEROS "\",\n"
                                 "    \"last_block_commit_hash\": \"07" ZEROS "\"\n}");
}

static void test_what_there_is_not_is_an_empty_text(void)
{
    struct fama_snapshot_metadata metadata = {.channel_id = "c"};
    char text[FAMA_SNAPSHOT_TEXT_BYTES];
    (void)fama_snapshot_signable_text(&metadata, text);
    CU_ASSERT(strstr(text, "\"previous_block_hash\": \"\",\n") != NULL);
    CU_ASSERT(strstr(text, "\"snapshot_files_raw_hashes\": {},\n") != NULL);
    (void)fama_snapshot_additional_text(&metadata, text);
    CU_ASSERT(strstr(text, "\"last_block_commit_hash\": \"\"\n}") != NULL);
}

static void test_the_longest_text_has_room(void)
{
    struct fama_snapshot_metadata metadata = usual_metadata();
    memset(metadata.channel_id, 'c', sizeof metadata.channel_id - 1);
    metadata.last_block = UINT64_MAX - 1;
    for (size_t part = 0; part < FAMA_SNAPSHOT_PARTS; part++) {
        metadata.parts[part].is_there = true;
    }
    char text[FAMA_SNAPSHOT_TEXT_BYTES];
    size_t len = fama_snapshot_signable_text(&metadata, text);
    CU_ASSERT(len < sizeof text);
    struct fama_snapshot_metadata read;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(parse_signable(text, &read, &error), 0);
    CU_ASSERT_EQUAL(read.last_block, UINT64_MAX - 1);
    CU_ASSERT_STRING_EQUAL(read.channel_id, metadata.channel_id);
}

static void test_what_was_written_is_read(void)
{
    struct fama_snapshot_metadata wanted = usual_metadata();
    struct fama_snapshot_metadata metadata;
    struct fama_error error = {{0}};
    CU_ASSERT_EQUAL(parse_signable(signable, &metadata, &error), 0);
    CU_ASSERT_EQUAL(metadata.last_block, 83);
    CU_ASSERT(memcmp(metadata.last_hash, wanted.last_hash, FAMA_SHA256_BYTES) == 0);
    CU_ASSERT(memcmp(metadata.previous_hash, wanted.previous_hash, FAMA_SHA256_BYTES) == 0);
    CU_ASSERT(memcmp(metadata.commit_hash, wanted.commit_hash, FAMA_SHA256_BYTES) == 0);
    CU_ASSERT_EQUAL(metadata.parts[FAMA_SNAPSHOT_TXIDS].count[0], 0xf6);
    CU_ASSERT(!metadata.parts[FAMA_SNAPSHOT_CONFIG_HISTORY].is_there);
}

/* Other text than ours for the same content: one part of the usual text in other words. */
struct change {
    const char *from;
    const char *to;
    const char *words; /* of the refusal; NULL: taken */
};

static const struct change changes[] = {
    {"\n    \"channel_name\"", "\t\r \"channel_name\"", NULL},
    {"SimpleKeyValueDB\"\n}", "SimpleKeyValueDB\"\n}\n", NULL},
    {"SimpleKeyValueDB", "CouchDB", NULL},
    {"    \"last_block_number\": 83,\n    \"last_block_hash\": \"a1" ZEROS "\",",
     "\"last_block_hash\":\"a1" ZEROS "\",\"last_block_number\":83,", NULL},
    {"SimpleKeyValueDB", "simplekeyvaluedb", "state_db_type"},
    {"SimpleKeyValueDB\"\n}", "SimpleKeyValueDB\"\n}x", "more follows"},
    {"SimpleKeyValueDB\"\n}", "SimpleKeyValueDB\"\n", "not JSON"},
    {"SimpleKeyValueDB\"\n}", "SimpleKeyValueDB", "not JSON"},
    {"SimpleKeyValueDB\"\n}", "SimpleKeyValueDB\",\n}", "not JSON"},
    {"{\n    \"channel", "[\n    \"channel", "not JSON"},
    {"\"drivenet\"", "\"Drive\"", "no valid name"},
    {"\"drivenet\"", "\"\"", "no valid name"},
    {"\"drivenet\"", "\"drive\\u006eet\"", "what none"},
    {"\"drivenet\"", "\"drive\x01\"", "what none"},
    {": 83", ": -1", "no number"},
    {": 83", ": 083", "no number"},
    {": 83", ": \"83\"", "no number"},
    {": 83", ": 18446744073709551616", "too large"},
    {": 83", ": 18446744073709551615", "last block"},
    {": 83", ": 0", "last block"},
    {": 83", ": 8.3", "not JSON"},
    {"\"b2" ZEROS "\"", "\"\"", "lacks"},
    {"\"a1" ZEROS "\"", "\"\"", "is empty"},
    {"\"a1" ZEROS "\"", "\"A1" ZEROS "\"", "lower-case"},
    {"\"a1" ZEROS "\"", "\"a1" ZEROS "0\"", "64 digits"},
    {"\"a1" ZEROS "\"", "\"g1" ZEROS "\"", "lower-case"},
    {"\"txids.data\": \"e5" ZEROS "\",\n", "", "lacks its metadata"},
    {",\n        \"txids.data\": \"e5" ZEROS "\",\n        \"txids.metadata\": \"f6" ZEROS "\"", "",
     "no public state or no transaction ids"},
    {"txids.data", "../../etc/passwd", "unknown"},
    {"txids.data", "public_state.data", "twice"},
    {"last_block_number", "LAST_BLOCK_NUMBER", "unknown"},
    {"    \"last_block_number\": 83,\n", "", "is missing"},
};

static void test_what_is_no_metadata_is_refused_with_words(void)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *change = &changes[i];
        const char *place = strstr(signable, change->from);
        char text[FAMA_SNAPSHOT_TEXT_BYTES];
        struct fama_snapshot_metadata metadata;
        struct fama_error error = {{0}};
        CU_ASSERT_FATAL(place != NULL);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(place - signable), signable, change->to,
                       place + strlen(change->from));
        int status = parse_signable(text, &metadata, &error);
        bool is_right = change->words == NULL ? status == 0
                                              : status == FAMA_SNAPSHOT_DAMAGED &&
                                                    strstr(error.text, change->words) != NULL;
        if (!is_right) {
            fprintf(stderr, "\n    \"%s\": %d %s\n", change->to, status, error.text);
        }
        CU_ASSERT(is_right);
    }
}

static void test_another_snapshot_hash_is_refused(void)
{
    struct fama_snapshot_metadata named = usual_metadata();
    struct fama_snapshot_metadata metadata;
    struct fama_error error = {{0}};
    char additional[FAMA_SNAPSHOT_TEXT_BYTES];
    named.snapshot_hash[31] ^= 1;
    size_t len = fama_snapshot_additional_text(&named, additional);
    CU_ASSERT_EQUAL(fama_snapshot_metadata_parse(fama_bytes_of_text(signable),
                                                 fama_bytes(additional, len), &metadata, &error),
                    FAMA_SNAPSHOT_DAMAGED);
    CU_ASSERT(strstr(error.text, "snapshot_hash") != NULL);
}

/* ---- Single files ---- */

/* Items of every size around the buffer's, and numbers of every length. */
static void test_what_is_written_to_a_file_is_read_from_it(void)
{
    static const size_t sizes[] = {0, 1, 127, 128, 131070, 131071, 131072, 131073, 400000};
    uint8_t *content = malloc(400000);
    struct fama_snapshot_writer writer;
    struct fama_snapshot_reader reader;
    struct fama_error error = {{0}};
    uint8_t digest[FAMA_SHA256_BYTES];
    CU_ASSERT_FATAL(content != NULL);
    for (size_t i = 0; i < 400000; i++) {
        content[i] = (uint8_t)(i * 31 + i / 251);
    }
    CU_ASSERT_EQUAL_FATAL(fama_snapshot_writer_open(scratch, "file", &writer, &error), 0);
    for (unsigned int bit = 0; bit < 64; bit++) {
        uint64_t number = (UINT64_C(1) << bit) - 1;
        CU_ASSERT_EQUAL(fama_snapshot_number_len(number), bit == 0 ? 1 : (bit + 6) / 7);
        CU_ASSERT_EQUAL(fama_snapshot_writer_number(&writer, number, &error), 0);
    }
    CU_ASSERT_EQUAL(fama_snapshot_writer_number(&writer, UINT64_MAX, &error), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CU_ASSERT_EQUAL(fama_snapshot_writer_bytes(&writer, fama_bytes(content, sizes[i]), &error),
                        0);
    }
    CU_ASSERT_EQUAL(fama_snapshot_writer_finish(&writer, digest, &error), 0);
    fama_snapshot_writer_close(&writer);

    CU_ASSERT_EQUAL_FATAL(fama_snapshot_reader_open(scratch, "file", &reader, &error), 0);
    uint64_t number = 1;
    for (unsigned int bit = 0; bit < 64; bit++) {
        CU_ASSERT_EQUAL(fama_snapshot_reader_number(&reader, &number, &error), 0);
        CU_ASSERT_EQUAL(number, (UINT64_C(1) << bit) - 1);
    }
    CU_ASSERT_EQUAL(fama_snapshot_reader_number(&reader, &number, &error), 0);
    CU_ASSERT_EQUAL(number, UINT64_MAX);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fama_bytes bytes;
        CU_ASSERT_EQUAL(fama_snapshot_reader_finish(&reader, digest, &error),
                        FAMA_SNAPSHOT_DAMAGED);
        CU_ASSERT_EQUAL(fama_snapshot_reader_bytes(&reader, &bytes, &error), 0);
        CU_ASSERT(fama_bytes_equal(bytes, fama_bytes(content, sizes[i])));
    }
    CU_ASSERT_EQUAL(fama_snapshot_reader_finish(&reader, digest, &error), 0);
    fama_snapshot_reader_close(&reader);
    free(content);
}

static void test_no_file_is_written_over_and_none_is_not_found(void)
{
    struct fama_snapshot_writer writer;
    struct fama_snapshot_reader reader;
    struct fama_error error = {{0}};
    uint8_t digest[FAMA_SHA256_BYTES];
    CU_ASSERT_EQUAL(fama_snapshot_reader_open(scratch, "other", &reader, &error),
                    FAMA_SNAPSHOT_NOT_FOUND);
    CU_ASSERT_EQUAL_FATAL(fama_snapshot_writer_open(scratch, "other", &writer, &error), 0);
    CU_ASSERT_EQUAL(fama_snapshot_writer_finish(&writer, digest, &error), 0);
    fama_snapshot_writer_close(&writer);
    CU_ASSERT_EQUAL(fama_snapshot_writer_open(scratch, "other", &writer, &error), FAMA_SNAPSHOT_IO);
    CU_ASSERT(strstr(error.text, "other") != NULL);
    fama_snapshot_writer_close(&writer);
    CU_ASSERT_EQUAL(fama_snapshot_writer_open("/nowhere", "x", &writer, &error), FAMA_SNAPSHOT_IO);
    fama_snapshot_writer_close(&writer);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_text_is_the_one_fabric_writes),
        TEST(test_what_there_is_not_is_an_empty_text),
        TEST(test_the_longest_text_has_room),
        TEST(test_what_was_written_is_read),
        TEST(test_what_is_no_metadata_is_refused_with_words),
        TEST(test_another_snapshot_hash_is_refused),
        TEST(test_what_is_written_to_a_file_is_read_from_it),
        TEST(test_no_file_is_written_over_and_none_is_not_found),
    };
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("snapshot metadata", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
