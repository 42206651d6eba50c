/* Where keys have metadata: names and records, and what a ledger says after everything that can happen to it. */
#include "ledger/metadata_spaces.h"

#include "ledger/ledger_parts.h"
#include "ledger/ledger_rollback.h"
#include "unit/metadata_walk.h"
#include "unit/rich_ledger.h"

static bool may(const struct fama_metadata_spaces *spaces, const char *key, size_t len)
{
    return fama_metadata_spaces_may_have(spaces, fama_bytes(key, len));
}
#define MAY(spaces, key) may(spaces, key, sizeof(key) - 1)

static struct fama_metadata_spaces two_spaces(void)
{
    struct fama_metadata_spaces spaces;
    fama_metadata_spaces_begin(&spaces);
    fama_metadata_spaces_add(&spaces, fama_bytes("one\0key", 7));
    fama_metadata_spaces_add(&spaces, fama_bytes("one$$hof\0key", 12));
    fama_metadata_spaces_add(&spaces, fama_bytes("one\0another", 11));
    return spaces;
}

static void test_a_space_is_what_stands_before_the_first_zero(void)
{
    struct fama_metadata_spaces spaces = {0};
    CU_ASSERT(MAY(&spaces, "anything\0"));
    fama_metadata_spaces_begin(&spaces);
    CU_ASSERT_FALSE(MAY(&spaces, "\0"));
    CU_ASSERT_FALSE(MAY(&spaces, "one\0"));
    spaces = two_spaces();
    CU_ASSERT(MAY(&spaces, "one\0"));
    CU_ASSERT(MAY(&spaces, "one\0k"));
    CU_ASSERT(MAY(&spaces, "one\0x\0y"));
    CU_ASSERT(MAY(&spaces, "one$$hof\0"));
    CU_ASSERT_FALSE(MAY(&spaces, "one$$ho\0"));
    CU_ASSERT_FALSE(MAY(&spaces, "on\0"));
    CU_ASSERT_FALSE(MAY(&spaces, "one2\0"));
    CU_ASSERT_FALSE(MAY(&spaces, "\0"));
    fama_metadata_spaces_add(&spaces, fama_bytes("\0key", 4));
    CU_ASSERT(MAY(&spaces, "\0"));
}

static void test_a_record_is_read_as_it_was_written_or_not_at_all(void)
{
    struct fama_metadata_spaces spaces = two_spaces();
    struct fama_metadata_spaces read;
    uint8_t record[FAMA_METADATA_SPACES_RECORD_MAX];
    size_t len = fama_metadata_spaces_encode(&spaces, 7, record);
    CU_ASSERT_EQUAL(len, 8 + 1 + 2 + 3 + 2 + 8);
    fama_metadata_spaces_decode(fama_bytes(record, len), 7, &read);
    CU_ASSERT(read.is_known && MAY(&read, "one\0") && MAY(&read, "one$$hof\0"));
    CU_ASSERT_FALSE(MAY(&read, "two\0"));
    fama_metadata_spaces_decode(fama_bytes(record, len), 8, &read);
    CU_ASSERT(MAY(&read, "two\0"));
    for (size_t cut = 0; cut < len; cut++) {
        fama_metadata_spaces_decode(fama_bytes(record, cut), 7, &read);
        /* The names before a whole one that is missing are a record, too. */
        CU_ASSERT_EQUAL(read.is_known, cut == 9 || cut == 14);
    }
    record[8] = 1;
    fama_metadata_spaces_decode(fama_bytes(record, len), 7, &read);
    CU_ASSERT(MAY(&read, "two\0"));
    len = fama_metadata_spaces_encode(&read, 9, record);
    fama_metadata_spaces_decode(fama_bytes(record, len), 9, &read);
    CU_ASSERT(MAY(&read, "two\0"));
}

static void test_more_names_than_fit_are_all_names(void)
{
    struct fama_metadata_spaces spaces;
    fama_metadata_spaces_begin(&spaces);
    char key[104] = {0};
    for (int i = 0; i < FAMA_METADATA_SPACES_BYTES / 102; i++) {
        (void)snprintf(key, sizeof key, "%0100d", i);
        fama_metadata_spaces_add(&spaces, fama_bytes(key, 101));
    }
    CU_ASSERT_FALSE(MAY(&spaces, "x\0"));
    (void)snprintf(key, sizeof key, "%0100d", 0);
    fama_metadata_spaces_add(&spaces, fama_bytes(key, 101)); /* known */
    CU_ASSERT_FALSE(MAY(&spaces, "x\0"));
    (void)snprintf(key, sizeof key, "%0100d", -1);
    fama_metadata_spaces_add(&spaces, fama_bytes(key, 101));
    CU_ASSERT(MAY(&spaces, "x\0"));
    uint8_t record[FAMA_METADATA_SPACES_RECORD_MAX];
    CU_ASSERT_EQUAL(fama_metadata_spaces_encode(&spaces, 1, record), 9);
}

static void put_record(struct fama_ledger *ledger, struct fama_bytes record)
{
    fama_ledger_batch_put(ledger, FAMA_STORE_META, fama_bytes_of_text(FAMA_METADATA_SPACES_KEY),
                          record);
    CU_ASSERT_EQUAL(fama_ledger_write(ledger, "", NULL), 0);
}

/* Only "cc2" of the rich ledger has keys with metadata, from block 0 on. */
static void test_a_ledger_knows_it_again_when_it_is_opened(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "reopened");
    struct rich rich = rich_open(folder);
    CU_ASSERT_FALSE(may_have_metadata(rich.ledger, "cc2"));
    rich_close(&rich);
    rich = rich_open(folder);
    CU_ASSERT_FALSE(may_have_metadata(rich.ledger, "cc2"));
    rich_commit(&rich);
    CU_ASSERT(may_have_metadata(rich.ledger, "cc2"));
    for (uint64_t height = 1; height < 4; height++) {
        rich_close(&rich);
        rich = rich_open(folder);
        CU_ASSERT(walk_metadata(rich.ledger) > 0);
        CU_ASSERT(may_have_metadata(rich.ledger, "cc2"));
        CU_ASSERT_FALSE(may_have_metadata(rich.ledger, "cc"));
        CU_ASSERT_FALSE(may_have_metadata(rich.ledger, "cc$$hcoll"));
        rich_commit(&rich);
    }
    rich_close(&rich);
}

/* As a program leaves it that does not keep the record. */
static void test_a_record_that_was_left_behind_says_nothing(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "older");
    make_rich_ledger(folder, 3);
    struct rich rich = rich_open(folder);
    struct fama_metadata_spaces none;
    uint8_t record[FAMA_METADATA_SPACES_RECORD_MAX];
    fama_metadata_spaces_begin(&none);
    size_t len = fama_metadata_spaces_encode(&none, 2, record);
    put_record(rich.ledger, fama_bytes(record, len));
    rich_close(&rich);
    for (int i = 0; i < 2; i++) { /* and it stays so */
        rich = rich_open(folder);
        CU_ASSERT(may_have_metadata(rich.ledger, "cc2"));
        CU_ASSERT(may_have_metadata(rich.ledger, "nobody's"));
        rich_commit(&rich);
        rich_close(&rich);
    }
    rich = rich_open(folder);
    fama_ledger_batch_delete(rich.ledger, FAMA_STORE_META,
                             fama_bytes_of_text(FAMA_METADATA_SPACES_KEY));
    CU_ASSERT_EQUAL(fama_ledger_write(rich.ledger, "", NULL), 0);
    rich_close(&rich);
    rich = rich_open(folder);
    CU_ASSERT(may_have_metadata(rich.ledger, "nobody's"));
    /* A state without keys has no metadata. */
    CU_ASSERT_EQUAL(fama_ledger_clear_state(rich.ledger, NULL), 0);
    CU_ASSERT_FALSE(may_have_metadata(rich.ledger, "cc2"));
    rich_close(&rich);
    /* Whether it was emptied to the end is not known. */
    rich = rich_open(folder);
    CU_ASSERT(may_have_metadata(rich.ledger, "cc2"));
    rich_close(&rich);
}

static void test_a_rollback_leaves_what_is_known(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "cut");
    make_rich_ledger(folder, 5);
    struct rich rich = rich_open(folder);
    CU_ASSERT_EQUAL(fama_ledger_rollback(rich.ledger, 1, NULL, NULL, NULL), 0);
    CU_ASSERT(walk_metadata(rich.ledger) > 0);
    rich_close(&rich);
    rich = rich_open(folder);
    CU_ASSERT(walk_metadata(rich.ledger) > 0);
    rich_close(&rich);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_space_is_what_stands_before_the_first_zero),
        TEST(test_a_record_is_read_as_it_was_written_or_not_at_all),
        TEST(test_more_names_than_fit_are_all_names),
        TEST(test_a_ledger_knows_it_again_when_it_is_opened),
        TEST(test_a_record_that_was_left_behind_says_nothing),
        TEST(test_a_rollback_leaves_what_is_known),
    };
    if (make_scratch() != 0) {
        return 1;
    }
    int status = run_suite("metadata spaces", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return status;
}
