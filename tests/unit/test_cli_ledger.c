/* The commands that look after a ledger, on a ledger replayed from files: what they print, what they refuse, and
 * what they leave behind. */
#include <jansson.h>
#include <sys/stat.h>

#include "controlplane/cli.h"
#include "controlplane/command.h"
#include "unit/made_chain.h"
#include "unit/run_command.h"

#define BLOCKS       6
#define TRANSACTIONS 3
#define PATH_BYTES   256

static struct made_chain made;

static bool write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(bytes, 1, len, file) == len;
    return file != NULL && fclose(file) == 0 && is_written;
}

/* Blocks as files of a folder; the first test makes a ledger "usual" of them. */
static bool make(void)
{
    char path[PATH_BYTES];
    if (!made_chain_create(&made)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/blocks", made.folder);
    bool is_made = mkdir(path, 0700) == 0;
    (void)snprintf(path, sizeof path, "%s/blocks/000000.block", made.folder);
    is_made = is_made && write_file(path, made.genesis_bytes, made.genesis_len);
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    for (int i = 1; is_made && builder != NULL && i <= BLOCKS; i++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        is_made = fama_chain_builder_next(builder, TRANSACTIONS, 40, &bytes, &len, NULL) == 0;
        (void)snprintf(path, sizeof path, "%s/blocks/%06d.block", made.folder, i);
        is_made = is_made && write_file(path, bytes, len);
        free(bytes);
    }
    fama_chain_builder_destroy(builder);
    return is_made && builder != NULL;
}

/* Runs a command with its words formatted; "@" stands for the folder of all this. */
static int run(int (*command)(int, char **), const char *line)
{
    char words[2048];
    size_t len = 0;
    for (const char *at = line; *at != '\0' && len < sizeof words - PATH_BYTES; at++) {
        if (*at == '@') {
            len += (size_t)snprintf(words + len, sizeof words - len, "%s", made.folder);
        } else {
            words[len++] = *at;
        }
    }
    words[len] = '\0';
    return run_command("", command, words);
}

static bool exists(const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", made.folder, name);
    return access(path, F_OK) == 0;
}

static bool has_exactly(const json_t *object, const char *const *names, size_t count)
{
    bool has_all = json_is_object(object) && json_object_size(object) == count;
    for (size_t i = 0; i < count; i++) {
        has_all = has_all && json_object_get(object, names[i]) != NULL;
    }
    return has_all;
}

static void test_a_replay_prints_a_line_of_json_for_each_block(void)
{
    static const char *const names[] = {"number", "header_hash", "data_hash", "commit_hash", "tx"};
    static const char *const of_tx[] = {"txid", "type", "code", "validation"};
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/usual --json"),
                    FAMA_EXIT_OK);
    char *line = strtok(caught, "\n");
    for (int number = 0; number <= BLOCKS; number++, line = strtok(NULL, "\n")) {
        json_t *block = json_loads(line == NULL ? "" : line, 0, NULL);
        CU_ASSERT_TRUE_FATAL(has_exactly(block, names, 5));
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(block, "number")), number);
        CU_ASSERT_EQUAL(json_string_length(json_object_get(block, "header_hash")), 64);
        CU_ASSERT_EQUAL(json_string_length(json_object_get(block, "data_hash")), 64);
        const json_t *commit_hash = json_object_get(block, "commit_hash");
        CU_ASSERT_TRUE(number == 0 ? json_is_null(commit_hash)
                                   : json_string_length(commit_hash) == 64);
        const json_t *first = json_array_get(json_object_get(block, "tx"), 0);
        CU_ASSERT_TRUE_FATAL(has_exactly(first, of_tx, 4));
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "type")),
                               number == 0 ? "CONFIG" : "ENDORSER_TRANSACTION");
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "code")), 0);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "validation")), "VALID");
        json_decref(block);
    }
    CU_ASSERT_PTR_NULL(line);
}

static void test_a_verify_that_was_killed_leaves_nothing_for_ever(void)
{
    char path[PATH_BYTES];
    CU_ASSERT_EQUAL(run(fama_cli_ledger_verify, "--ledger @/usual"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "the ledger is sound: height 7"));
    (void)snprintf(path, sizeof path, "%s/usual/verify-aB3xyz", made.folder);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/usual/verify-aB3xyz/state", made.folder);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/usual/verify-aB3xyz/state/000001.sst", made.folder);
    CU_ASSERT_TRUE(write_file(path, "x", 1));
    (void)snprintf(path, sizeof path, "%s/usual/verify-by-hand", made.folder);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(run(fama_cli_ledger_verify, "--ledger @/usual --json"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "{\"height\":7,\"first_block\":0,"));
    CU_ASSERT_FALSE(exists("usual/verify-aB3xyz"));
    CU_ASSERT_TRUE(exists("usual/verify-by-hand"));
    CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void test_a_replay_to_a_block_that_is_not_there_says_so(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/early --to 7"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "the ledger's height is 7"));
    CU_ASSERT_PTR_NOT_NULL(strstr(complained, "ends before block 7"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/early --to 9"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/early --to 6"),
                    FAMA_EXIT_OK);
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/early --to 2"),
                    FAMA_EXIT_OK); /* it is there already */
}

static void test_a_replay_from_a_snapshot_begins_only_when_there_are_blocks(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/short --to 3"),
                    FAMA_EXIT_OK);
    CU_ASSERT_EQUAL(run(fama_cli_ledger_snapshot_create, "--ledger @/short --out @/snapshot"),
                    FAMA_EXIT_OK);
    CU_ASSERT_EQUAL(
        run(fama_cli_ledger_replay, "--snapshot @/snapshot --blocks @/none --ledger @/born"),
        FAMA_EXIT_FAILED);
    CU_ASSERT_FALSE(exists("born"));
    CU_ASSERT_EQUAL(
        run(fama_cli_ledger_replay, "--snapshot @/snapshot --blocks @/blocks --ledger @/born"),
        FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "3 blocks with 9 transactions"));
    CU_ASSERT_EQUAL(
        run(fama_cli_ledger_replay, "--snapshot @/snapshot --blocks @/blocks --ledger @/born"),
        FAMA_EXIT_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(complained, "leave --snapshot out"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/blocks --ledger @/born"), FAMA_EXIT_OK);
}

/* Begins with the ledger that the test before has made. */
static void test_a_ledger_of_a_snapshot_says_what_it_cannot_tell(void)
{
    char line[256];
    CU_ASSERT_EQUAL(run(fama_cli_ledger_verify, "--ledger @/born"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "no blocks to be compared with"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_verify, "--ledger @/born --json"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "\"first_block\":4,"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_export_block, "--ledger @/born --number 3"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("began with a snapshot of block 3"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_rebuild, "--ledger @/born"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("it began with a snapshot"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_rollback, "--to 5 --ledger @/born"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("began with a snapshot of block 3"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_export_state, "--ledger @/born --json"), FAMA_EXIT_OK);
    json_t *key = NULL;
    for (char *entry = strtok(caught, "\n"); entry != NULL && key == NULL;
         entry = strtok(NULL, "\n")) {
        key = json_loads(entry, 0, NULL);
        if (json_integer_value(json_object_get(key, "block")) == 0) {
            json_decref(key);
            key = NULL;
        }
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    for (int born = 0; born < 2; born++) {
        (void)snprintf(line, sizeof line, "--namespace %s --key-hex %s --ledger @/%s",
                       json_string_value(json_object_get(key, "ns")),
                       json_string_value(json_object_get(key, "key_hex")),
                       born == 1 ? "born" : "usual");
        CU_ASSERT_EQUAL(run(fama_cli_ledger_history, line), FAMA_EXIT_OK);
        CU_ASSERT_EQUAL(strstr(complained, "snapshot of block 3") != NULL, born == 1);
    }
    json_decref(key);
}

static void test_what_went_wrong_is_said_in_one_line(void)
{
    CU_ASSERT_EQUAL(
        run(fama_cli_ledger_export_block, "--ledger @/usual --number 1 --out @/none/block"),
        FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("/none/block: No such file or directory"));
    CU_ASSERT_EQUAL(
        run(fama_cli_ledger_export_block, "--ledger @/usual --number 1 --out /dev/full"),
        FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("/dev/full: No space left on device"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_verify, "--ledger @/none"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("there is no ledger in"));
    CU_ASSERT_FALSE(exists("none"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_snapshot_create, "--ledger @/usual --out @/blocks"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("exists"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_snapshot_verify, "@/blocks"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("is this the directory of a snapshot?"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_replay, "--blocks @/none --ledger @/new"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("NNNNNN.block"));
    CU_ASSERT_FALSE(exists("new"));
    CU_ASSERT_EQUAL(run(fama_cli_ledger_rollback, "--to 7 --ledger @/usual"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("its height is 7"));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_replay_prints_a_line_of_json_for_each_block),
        TEST(test_a_verify_that_was_killed_leaves_nothing_for_ever),
        TEST(test_a_replay_to_a_block_that_is_not_there_says_so),
        TEST(test_a_replay_from_a_snapshot_begins_only_when_there_are_blocks),
        TEST(test_a_ledger_of_a_snapshot_says_what_it_cannot_tell),
        TEST(test_what_went_wrong_is_said_in_one_line),
    };
    if (!make()) {
        fprintf(stderr, "cannot make a chain\n");
        return EXIT_FAILURE;
    }
    int result = run_suite("ledger commands", cases, sizeof cases / sizeof cases[0]);
    made_chain_destroy(&made);
    return result;
}
