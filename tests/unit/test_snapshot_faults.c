/* Snapshots while blocks are being committed, and makers of snapshots and ledgers that are killed, and disks that lose files: what is
 * there is whole, whatever happens. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "ledger/ledger_rollback.h"
#include "ledger/snapshot.h"
#include "unit/rich_ledger.h"

#define HEIGHT 40
#define ROUNDS 12

static void must(int status, const struct fama_error *error)
{
    if (status != 0) {
        fprintf(stderr, "\n    unexpected: %s\n", error->text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

/* ---- Beside commits ---- */

struct maker {
    const struct fama_ledger *ledger;
    char folders[ROUNDS][PATH_BYTES];
    struct fama_snapshot_metadata made[ROUNDS];
    int status;
    struct fama_error error;
};

static void *make_snapshots(void *context)
{
    struct maker *maker = context;
    for (size_t i = 0; i < ROUNDS && maker->status == 0; i++) {
        maker->status = fama_snapshot_create(maker->ledger, maker->folders[i], NULL,
                                             &maker->made[i], &maker->error);
    }
    return NULL;
}

static void test_a_snapshot_beside_commits_is_of_one_height(void)
{
    static struct maker maker;
    char folder[PATH_BYTES];
    char name[32];
    pthread_t thread;
    path_in(folder, scratch, "busy");
    make_rich_ledger(folder, 5);
    for (size_t i = 0; i < ROUNDS; i++) {
        (void)snprintf(name, sizeof name, "busy-%zu", i);
        path_in(maker.folders[i], scratch, name);
    }
    struct rich rich = rich_open(folder);
    maker.ledger = rich.ledger;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, make_snapshots, &maker), 0);
    while (height_of(rich.ledger) < HEIGHT) {
        rich_commit(&rich);
    }
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    rich_close(&rich);
    must(maker.status, &maker.error);

    /* The same as of a ledger that rests at that height. */
    char resting[PATH_BYTES];
    path_in(resting, scratch, "resting");
    for (size_t i = 0; i < ROUNDS; i++) {
        struct fama_error error = {{0}};
        struct fama_snapshot_metadata read;
        struct fama_snapshot_metadata rested;
        char made[PATH_BYTES];
        must(fama_snapshot_verify(maker.folders[i], NULL, &read, &error), &error);
        CU_ASSERT_EQUAL(read.last_block, maker.made[i].last_block);
        make_rich_ledger(resting, read.last_block + 1);
        (void)snprintf(name, sizeof name, "resting-%zu", i);
        path_in(made, scratch, name);
        struct fama_ledger *ledger = open_or_explain(resting);
        must(fama_snapshot_create(ledger, made, NULL, &rested, &error), &error);
        fama_ledger_close(ledger);
        CU_ASSERT(memcmp(rested.snapshot_hash, read.snapshot_hash, FAMA_SHA256_BYTES) == 0);
    }
}

/* ---- Killed ---- */

/* What a child of this program does: it is told by its arguments. */
static int import_and_leave(const char *snapshot, const char *folder)
{
    return fama_snapshot_import(snapshot, folder, NULL, NULL, NULL) == 0 ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE;
}

static int create_and_leave(const char *folder, const char *snapshot)
{
    struct fama_ledger *ledger;
    if (fama_ledger_open(folder, &ledger, NULL) != 0) {
        return EXIT_FAILURE;
    }
    int status = fama_snapshot_create(ledger, snapshot, NULL, NULL, NULL);
    fama_ledger_close(ledger);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Runs a child and kills it after a while. Whether it had done its work by then. */
static bool run_and_kill(const char *what, const char *from, const char *to, long after_us)
{
    pid_t child = fork();
    if (child == 0) {
        char self[] = "/proc/self/exe";
        char *arguments[] = {self, (char *)(uintptr_t)what, (char *)(uintptr_t)from,
                             (char *)(uintptr_t)to, NULL};
        (void)execv(self, arguments);
        _exit(EXIT_FAILURE);
    }
    CU_ASSERT_FATAL(child > 0);
    const struct timespec patience = {.tv_sec = after_us / 1000000,
                                      .tv_nsec = after_us % 1000000 * 1000};
    (void)nanosleep(&patience, NULL);
    (void)kill(child, SIGKILL);
    int end = 0;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &end, 0), child);
    return WIFEXITED(end) && WEXITSTATUS(end) == EXIT_SUCCESS;
}

static void test_a_killed_import_leaves_a_whole_ledger_or_none(void)
{
    char ledger_folder[PATH_BYTES];
    char made[PATH_BYTES];
    char joined[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(ledger_folder, scratch, "import-source");
    path_in(made, scratch, "import-snapshot");
    path_in(joined, scratch, "import-killed");
    make_rich_ledger(ledger_folder, HEIGHT);
    struct fama_ledger *ledger = open_or_explain(ledger_folder);
    must(fama_snapshot_create(ledger, made, NULL, NULL, &error), &error);
    fama_ledger_close(ledger);
    int whole = 0;
    /* Later and later, until one was not disturbed. */
    for (long after_us = 200; whole == 0 && after_us < 40000000; after_us += after_us / 3) {
        bool is_done = run_and_kill("import", made, joined, after_us);
        whole += access(joined, F_OK) == 0;
        CU_ASSERT(whole > 0 || !is_done);
    }
    CU_ASSERT_EQUAL_FATAL(whole, 1);
    ledger = open_or_explain(joined);
    CU_ASSERT_EQUAL(height_of(ledger), HEIGHT);
    fama_ledger_close(ledger);
    make_rich_ledger(joined, HEIGHT + 3);
}

static void test_a_killed_maker_leaves_a_whole_snapshot_or_none(void)
{
    char ledger_folder[PATH_BYTES];
    char made[PATH_BYTES];
    struct fama_error error = {{0}};
    path_in(ledger_folder, scratch, "made-source");
    path_in(made, scratch, "made-killed");
    make_rich_ledger(ledger_folder, HEIGHT);
    int whole = 0;
    for (long after_us = 200; whole == 0 && after_us < 40000000; after_us += after_us / 3) {
        bool is_done = run_and_kill("create", ledger_folder, made, after_us);
        whole += access(made, F_OK) == 0;
        CU_ASSERT(whole > 0 || !is_done);
    }
    CU_ASSERT_EQUAL_FATAL(whole, 1);
    must(fama_snapshot_verify(made, NULL, NULL, &error), &error);
}

/* ---- A disk that loses a file ---- */

/* The path of a table file of the state. */
static void find_state_table(const char *folder, char path[PATH_BYTES])
{
    struct fama_ledger *ledger = open_or_explain(folder);
    const rocksdb_livefiles_t *files = rocksdb_livefiles(fama_ledger_store(ledger)->db);
    path[0] = '\0';
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        if (strcmp(rocksdb_livefiles_column_family_name(files, i), "state") == 0) {
            path_in(path, folder, rocksdb_livefiles_name(files, i) + 1);
        }
    }
    rocksdb_livefiles_destroy(files);
    fama_ledger_close(ledger);
    CU_ASSERT_NOT_EQUAL_FATAL(path[0], '\0');
}

/* No block can make the state again that came with the snapshot: what is there of it is kept. */
static void test_a_damaged_state_from_a_snapshot_is_not_thrown_away(void)
{
    char whole[PATH_BYTES];
    char snapshot[PATH_BYTES];
    char folder[PATH_BYTES];
    char table[PATH_BYTES];
    char aside[PATH_BYTES];
    struct fama_error error = {{0}};
    struct fama_ledger_info info;
    path_in(whole, scratch, "before-damage");
    path_in(snapshot, scratch, "undamaged-snapshot");
    path_in(folder, scratch, "damaged");
    path_in(aside, scratch, "aside");
    make_rich_ledger(whole, HEIGHT);
    struct fama_ledger *ledger = open_or_explain(whole);
    must(fama_snapshot_create(ledger, snapshot, NULL, NULL, &error), &error);
    fama_ledger_close(ledger);
    must(fama_snapshot_import(snapshot, folder, NULL, NULL, &error), &error);
    find_state_table(folder, table);
    CU_ASSERT_EQUAL_FATAL(rename(table, aside), 0);
    CU_ASSERT_EQUAL(fama_ledger_open(folder, &ledger, &error), FAMA_LEDGER_CORRUPT);
    CU_ASSERT_EQUAL_FATAL(rename(aside, table), 0);
    ledger = open_or_explain(folder);
    fama_ledger_info(ledger, &info);
    CU_ASSERT_EQUAL(info.state_height, HEIGHT);
    CU_ASSERT_EQUAL(fama_ledger_rollback(ledger, HEIGHT - 1, NULL, NULL, &error),
                    FAMA_LEDGER_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "import the snapshot again"));
    fama_ledger_close(ledger);
}

int main(int count, char **arguments)
{
    static const struct test_case cases[] = {
        TEST(test_a_snapshot_beside_commits_is_of_one_height),
        TEST(test_a_killed_import_leaves_a_whole_ledger_or_none),
        TEST(test_a_killed_maker_leaves_a_whole_snapshot_or_none),
        TEST(test_a_damaged_state_from_a_snapshot_is_not_thrown_away),
    };
    if (count == 4) {
        return strcmp(arguments[1], "import") == 0 ? import_and_leave(arguments[2], arguments[3])
                                                   : create_and_leave(arguments[2], arguments[3]);
    }
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("snapshot faults", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
