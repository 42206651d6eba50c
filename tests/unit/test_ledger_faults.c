/* The ledger against what goes wrong: kill -9, a second process, another version's files, damaged
 * and missing files, a full disk.
 *
 * Processes that are to be killed or to hold a lock are this same program, started anew with a role
 * as its argument: RocksDB's threads do not survive a fork. FAMA_SEED repeats a run of kills,
 * FAMA_FULL_DISKS tries many sizes of disk. */
#include <poll.h>
#include <rocksdb/c.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>

#include "ledger/ledger_rollback.h"
#include "unit/usual_ledger.h"

#define KILLS            24
#define SMALL_DISK_BYTES (128u << 20)

static void copy_one(const char *path, const char *name, void *context)
{
    char target[PATH_BYTES];
    path_in(target, context, name);
    FILE *in = fopen(path, "rb");
    FILE *out = fopen(target, "wb");
    CU_ASSERT_FATAL(in != NULL && out != NULL);
    char piece[65536];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, in)) > 0) {
        CU_ASSERT_FATAL(fwrite(piece, 1, got, out) == got);
    }
    (void)fclose(in);
    CU_ASSERT_FATAL(fclose(out) == 0);
}

static void copy_folder(const char *from, char *to)
{
    CU_ASSERT_FATAL(mkdir(to, 0700) == 0);
    each_file(from, copy_one, to);
}

/* Starts this program again in a role; what it writes to its standard output comes through
 * `*pipe_out`. */
static pid_t start_role(const char *role, const char *folder, const char *seed, int *pipe_out)
{
    int ends[2];
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0) {
            (void)execl("/proc/self/exe", "test_ledger_faults", role, folder, seed, (char *)NULL);
        }
        _exit(127);
    }
    (void)close(ends[1]);
    *pipe_out = ends[0];
    return child;
}

/* Role: commits groups of random size for ever, and reports every height that was acknowledged. */
static int role_commit_run(const char *folder, unsigned int seed)
{
    struct fama_ledger *ledger;
    struct fama_error error;
    if (fama_ledger_open(folder, &ledger, &error) != 0) {
        fprintf(stderr, "commit run: %s\n", error.text);
        return EXIT_FAILURE;
    }
    for (;;) {
        if (commit_usual(ledger, 1 + (size_t)rand_r(&seed) % 6, &error) != 0) {
            fprintf(stderr, "commit run: %s\n", error.text);
            return EXIT_FAILURE;
        }
        uint64_t height = height_of(ledger);
        if (write(STDOUT_FILENO, &height, sizeof height) != sizeof height) {
            return EXIT_FAILURE;
        }
    }
}

/* Role: opens, says so, and holds the ledger until killed. */
static int role_hold(const char *folder)
{
    struct fama_ledger *ledger;
    struct fama_error error;
    if (fama_ledger_open(folder, &ledger, &error) != 0) {
        fprintf(stderr, "hold: %s\n", error.text);
        return EXIT_FAILURE;
    }
    if (write(STDOUT_FILENO, "y", 1) != 1) {
        return EXIT_FAILURE;
    }
    for (;;) {
        (void)pause();
    }
}

/* Role: takes back all blocks after block 10. */
static int role_roll_back(const char *folder)
{
    struct fama_ledger *ledger;
    struct fama_error error;
    if (fama_ledger_open(folder, &ledger, &error) != 0) {
        fprintf(stderr, "roll back: %s\n", error.text);
        return EXIT_FAILURE;
    }
    if (write(STDOUT_FILENO, "y", 1) != 1 ||
        fama_ledger_rollback(ledger, 10, NULL, NULL, &error) != 0) {
        return EXIT_FAILURE;
    }
    for (;;) {
        (void)pause();
    }
}

static uint64_t last_acknowledged(int fd)
{
    uint64_t height = 0;
    uint64_t next;
    while (read(fd, &next, sizeof next) == sizeof next) {
        height = next;
    }
    return height;
}

static void test_a_killed_commit_run_leaves_a_prefix_with_all_that_was_acknowledged(void)
{
    const char *given = getenv("FAMA_SEED");
    unsigned int seed = given != NULL ? (unsigned int)strtoul(given, NULL, 0)
                                      : (unsigned int)time(NULL) ^ (unsigned int)getpid();
    fprintf(stderr, "\n    seed %u (repeat with FAMA_SEED=%u)\n", seed, seed);
    char folder[PATH_BYTES];
    path_in(folder, scratch, "killed");
    uint64_t height = 0;
    for (int round = 0; round < KILLS; round++) {
        char child_seed[16];
        (void)snprintf(child_seed, sizeof child_seed, "%u", (unsigned int)rand_r(&seed));
        int pipe_out;
        pid_t child = start_role("commit-run", folder, child_seed, &pipe_out);
        /* From before the database exists, in every third round, to well into the run: however slow the
         * machine is, the other rounds begin to count when a commit has been acknowledged. */
        long delay_us = 1000 + rand_r(&seed) % (round % 3 == 0 ? 20000 : 100000);
        if (round % 3 != 0) {
            struct pollfd acknowledgement = {.fd = pipe_out, .events = POLLIN};
            CU_ASSERT_EQUAL(poll(&acknowledgement, 1, 60000), 1);
        }
        struct timespec delay = {.tv_nsec = delay_us * 1000};
        (void)nanosleep(&delay, NULL);
        (void)kill(child, SIGKILL);
        int how;
        CU_ASSERT_FATAL(waitpid(child, &how, 0) == child);
        CU_ASSERT(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        uint64_t acknowledged = last_acknowledged(pipe_out);
        (void)close(pipe_out);

        struct fama_ledger *ledger = open_or_explain(folder);
        uint64_t found = check_all_usual(ledger);
        CU_ASSERT(found >= acknowledged && found >= height);
        CU_ASSERT_EQUAL(commit_usual(ledger, 1, NULL), 0);
        height = found + 1;
        fama_ledger_close(ledger);
    }
    fprintf(stderr, "    %d kills, height %" PRIu64 "\n    ", KILLS, height);
    /* One block per round is ours, and two runs of three committed. */
    CU_ASSERT(height >= KILLS + KILLS * 2 / 3);
    remove_folder(folder);
}

static void test_a_killed_rollback_is_ended_at_the_next_opening(void)
{
    unsigned int ended = 0;
    unsigned int seed = 4;
    char sound[PATH_BYTES];
    make_usual_ledger(sound, "uncut", 400);
    for (int round = 0; round < 12; round++) {
        char folder[PATH_BYTES];
        path_in(folder, scratch, "cut-short");
        copy_folder(sound, folder);
        int pipe_out;
        char ready = 'n';
        pid_t child = start_role("roll-back", folder, "0", &pipe_out);
        CU_ASSERT(read(pipe_out, &ready, 1) == 1 && ready == 'y');
        struct timespec delay = {.tv_nsec = (long)(rand_r(&seed) % 20000) * 1000};
        (void)nanosleep(&delay, NULL);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        (void)close(pipe_out);
        struct fama_ledger *ledger = open_or_explain(folder);
        uint64_t height = check_all_usual(ledger);
        CU_ASSERT(height == 11 || height == 400);
        ended += height == 11;
        CU_ASSERT_EQUAL(commit_usual(ledger, 3, NULL), 0);
        CU_ASSERT_EQUAL(check_all_usual(ledger), height + 3);
        fama_ledger_close(ledger);
        remove_folder(folder);
    }
    fprintf(stderr, "\n    %u of 12 rollbacks had begun\n    ", ended);
    CU_ASSERT(ended > 0);
}

static void test_a_second_opener_is_told_who_is_in_the_way(void)
{
    char folder[PATH_BYTES];
    path_in(folder, scratch, "locked");
    int pipe_out;
    char ready = 'n';
    pid_t child = start_role("hold", folder, "0", &pipe_out);
    CU_ASSERT(read(pipe_out, &ready, 1) == 1 && ready == 'y');
    struct fama_error error = {{0}};
    struct fama_ledger *second = NULL;
    CU_ASSERT_EQUAL(fama_ledger_open(folder, &second, &error), FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, "another process") != NULL);
    CU_ASSERT(strstr(error.text, folder) != NULL);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)close(pipe_out);

    struct fama_ledger *first = open_or_explain(folder);
    char alias[PATH_BYTES];
    path_in(alias, folder, "../locked/.");
    CU_ASSERT_EQUAL(fama_ledger_open(alias, &second, &error), FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, "already open in this process") != NULL);
    CU_ASSERT_EQUAL(commit_usual(first, 1, NULL), 0);
    fama_ledger_close(first);
}

/* Writes (or deletes, if value is NULL) a key behind the ledger's back; without a key, adds the
 * family. */
static void meddle(const char *folder, const char *family, const char *key, const char *value,
                   size_t value_len)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *message = NULL;
    size_t count = 0;
    char **names = rocksdb_list_column_families(options, folder, &count, &message);
    CU_ASSERT_FATAL(message == NULL && count <= 8);
    const rocksdb_options_t *each[8];
    rocksdb_column_family_handle_t *handles[8];
    for (size_t i = 0; i < count; i++) {
        each[i] = options;
    }
    rocksdb_t *db = rocksdb_open_column_families(
        options, folder, (int)count, (const char *const *)names, each, handles, &message);
    CU_ASSERT_FATAL(message == NULL);
    rocksdb_writeoptions_t *writing = rocksdb_writeoptions_create();
    if (key == NULL) {
        rocksdb_column_family_handle_destroy(
            rocksdb_create_column_family(db, options, family, &message));
    }
    for (size_t i = 0; i < count; i++) {
        if (key != NULL && strcmp(names[i], family) == 0 && value != NULL) {
            rocksdb_put_cf(db, writing, handles[i], key, strlen(key), value, value_len, &message);
        } else if (key != NULL && strcmp(names[i], family) == 0) {
            rocksdb_delete_cf(db, writing, handles[i], key, strlen(key), &message);
        }
        rocksdb_column_family_handle_destroy(handles[i]);
    }
    CU_ASSERT_PTR_NULL(message);
    rocksdb_writeoptions_destroy(writing);
    rocksdb_close(db);
    rocksdb_list_column_families_destroy(names, count);
    rocksdb_options_destroy(options);
}

static void expect_refusal(const char *folder, int expected, const char *word)
{
    struct fama_error error = {{0}};
    struct fama_ledger *ledger = NULL;
    int status = fama_ledger_open(folder, &ledger, &error);
    CU_ASSERT_EQUAL(status, expected);
    CU_ASSERT(strstr(error.text, folder) != NULL);
    CU_ASSERT(strstr(error.text, word) != NULL);
    CU_ASSERT(strchr(error.text, '\n') == NULL);
    if (status != expected || strstr(error.text, word) == NULL) {
        fprintf(stderr, "\n    %s: %d, not %d with '%s': %s\n", folder, status, expected, word,
                error.text);
    }
    fama_ledger_close(ledger);
}

static void test_another_format_version_is_refused(void)
{
    char folder[PATH_BYTES];
    make_usual_ledger(folder, "version", 2);
    meddle(folder, "meta", "format", "\0\0\0\3", 4);
    expect_refusal(folder, FAMA_LEDGER_FORMAT, "format version 3");
    meddle(folder, "meta", "format", "\0\0\0\1", 4);
    expect_refusal(folder, FAMA_LEDGER_FORMAT, "nobody has validated");
    meddle(folder, "meta", "format", "\0\0\0\2", 4);
    struct fama_ledger *ledger = open_or_explain(folder);
    CU_ASSERT_EQUAL(check_all_usual(ledger), 2);
    fama_ledger_close(ledger);
    meddle(folder, "strange", NULL, NULL, 0);
    expect_refusal(folder, FAMA_LEDGER_FORMAT, "'strange'");
}

static void test_a_tip_that_contradicts_the_blocks_is_refused(void)
{
    char folder[PATH_BYTES];
    make_usual_ledger(folder, "tip", 5);
    char tip[40] = {0};
    tip[7] = 9;
    meddle(folder, "meta", "tip", tip, sizeof tip);
    expect_refusal(folder, FAMA_LEDGER_CORRUPT, "height is 9");
    tip[7] = 5;
    meddle(folder, "meta", "tip", tip, sizeof tip);
    expect_refusal(folder, FAMA_LEDGER_CORRUPT, "block 4");
    meddle(folder, "meta", "tip", "short", 5);
    expect_refusal(folder, FAMA_LEDGER_CORRUPT, "5 bytes");
    meddle(folder, "meta", "tip", NULL, 0);
    expect_refusal(folder, FAMA_LEDGER_CORRUPT, "height is not recorded");
    meddle(folder, "meta", "format", NULL, 0);
    expect_refusal(folder, FAMA_LEDGER_CORRUPT, "damaged");
}

struct damage {
    const char *ending; /* of the file's name */
    unsigned int seed;
    enum { REMOVE, EMPTY, FLIP } what;
    unsigned int done;
};

static void damage_one(const char *path, const char *name, void *context)
{
    struct damage *damage = context;
    size_t name_len = strlen(name);
    size_t ending_len = strlen(damage->ending);
    struct stat facts;
    bool is_meant = name_len >= ending_len &&
                    strcmp(name + name_len - ending_len, damage->ending) == 0 &&
                    stat(path, &facts) == 0 && facts.st_size > 0;
    if (!is_meant) {
        return;
    }
    damage->done++;
    if (damage->what == REMOVE) {
        CU_ASSERT(unlink(path) == 0);
    } else if (damage->what == EMPTY) {
        CU_ASSERT(truncate(path, 0) == 0);
    } else {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        off_t at = rand_r(&damage->seed) % facts.st_size;
        uint8_t byte = 0;
        CU_ASSERT(fd >= 0 && pread(fd, &byte, 1, at) == 1);
        byte ^= (uint8_t)(1u << rand_r(&damage->seed) % 8);
        CU_ASSERT(pwrite(fd, &byte, 1, at) == 1);
        (void)close(fd);
    }
}

static void test_missing_and_emptied_files_are_named_damage(void)
{
    char sound[PATH_BYTES];
    make_usual_ledger(sound, "sound", 40);
    fama_ledger_close(open_or_explain(sound)); /* the replayed log becomes table and blob files */
    static const struct {
        struct damage damage;
        const char *word;
    } cases[] = {
        {{.ending = "CURRENT", .what = REMOVE}, "CURRENT is missing"},
        {{.ending = "CURRENT", .what = EMPTY}, "damaged"},
        {{.ending = ".sst", .what = REMOVE}, "damaged"},
        {{.ending = ".sst", .what = EMPTY}, "damaged"},
        {{.ending = ".blob", .what = REMOVE}, "damaged"},
        {{.ending = ".blob", .what = EMPTY}, "damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[PATH_BYTES];
        path_in(folder, scratch, "missing");
        copy_folder(sound, folder);
        struct damage damage = cases[i].damage;
        each_file(folder, damage_one, &damage);
        CU_ASSERT(damage.done > 0);
        expect_refusal(folder, FAMA_LEDGER_CORRUPT, cases[i].word);
        remove_folder(folder);
    }
}

/* Everything that can be read of a damaged ledger is right; what cannot be read says so. */
static void check_what_is_readable(const char *folder, unsigned int *refused, unsigned int *unread)
{
    struct fama_error error = {{0}};
    struct fama_ledger *ledger;
    int status = fama_ledger_open(folder, &ledger, &error);
    if (status != 0) {
        CU_ASSERT(status == FAMA_LEDGER_CORRUPT || status == FAMA_LEDGER_IO);
        CU_ASSERT(strstr(error.text, folder) != NULL);
        (*refused)++;
        return;
    }
    uint8_t hash[FAMA_SHA256_BYTES] = {0};
    for (uint64_t number = 0; number < height_of(ledger); number++) {
        status = check_usual(ledger, number, hash, &error);
        if (status != 0) {
            CU_ASSERT(status != FAMA_LEDGER_NOT_FOUND || strstr(error.text, "transaction") != NULL);
            (*unread)++;
        }
    }
    fama_ledger_close(ledger);
}

static void test_flipped_bits_cost_an_error_and_never_wrong_bytes(void)
{
    static const char *const endings[] = {".sst",    ".blob",   ".log",
                                          "CURRENT", "-000005", "MANIFEST"};
    char flushed[PATH_BYTES];
    char logged[PATH_BYTES];
    make_usual_ledger(flushed, "flushed", 40);
    fama_ledger_close(open_or_explain(flushed));
    make_usual_ledger(logged, "logged", 40); /* all of it in the write-ahead log */
    unsigned int flips = 0;
    unsigned int refused = 0;
    unsigned int unread = 0;
    for (unsigned int round = 0; round < 72; round++) {
        char folder[PATH_BYTES];
        path_in(folder, scratch, "flipped");
        copy_folder(round % 2 == 0 ? flushed : logged, folder);
        struct damage damage = {.ending = endings[round / 2 % 6], .what = FLIP, .seed = round};
        each_file(folder, damage_one, &damage);
        flips += damage.done;
        check_what_is_readable(folder, &refused, &unread);
        remove_folder(folder);
    }
    fprintf(stderr, "\n    %u flipped bits: %u refusals to open, %u look-ups refused\n    ", flips,
            refused, unread);
    CU_ASSERT(flips >= 40);
    CU_ASSERT(refused >= 20);
}

static void test_a_torn_last_record_is_dropped_and_the_chain_goes_on(void)
{
    char sound[PATH_BYTES];
    make_usual_ledger(sound, "torn-sound", 12);
    char folder[PATH_BYTES];
    path_in(folder, scratch, "torn");
    for (int cut = 1; cut < 4000; cut += 333) {
        copy_folder(sound, folder);
        DIR *listing = opendir(folder);
        CU_ASSERT_FATAL(listing != NULL);
        struct dirent *entry;
        while ((entry = readdir(listing)) != NULL) {
            char path[PATH_BYTES];
            struct stat facts;
            path_in(path, folder, entry->d_name);
            if (strstr(entry->d_name, ".log") != NULL && stat(path, &facts) == 0 &&
                facts.st_size > 4000) {
                CU_ASSERT(truncate(path, facts.st_size - cut) == 0);
            }
        }
        (void)closedir(listing);
        struct fama_ledger *ledger = open_or_explain(folder);
        CU_ASSERT_EQUAL(check_all_usual(ledger), 11);
        CU_ASSERT_EQUAL(commit_usual(ledger, 2, NULL), 0);
        CU_ASSERT_EQUAL(check_all_usual(ledger), 13);
        fama_ledger_close(ledger);
        remove_folder(folder);
    }
}

/* Writes a file of `bytes` bytes, or as many as the disk takes. */
static void make_ballast(const char *path, size_t bytes)
{
    static const char piece[65536] = {1};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    for (size_t done = 0; done < bytes && write(fd, piece, sizeof piece) > 0;) {
        done += sizeof piece;
    }
    (void)close(fd);
}

/* Commits until the disk says no. Returns the height that was acknowledged. */
static uint64_t fill_disk(const char *folder, const char *ballast)
{
    struct fama_ledger *ledger = open_or_explain(folder);
    struct fama_error error = {{0}};
    int status = 0;
    for (int i = 0; i < 40000 && status == 0; i++) {
        status = commit_usual(ledger, 1 + (size_t)i % 3, &error);
    }
    CU_ASSERT_EQUAL(status, FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, "full") != NULL);
    uint64_t acknowledged = height_of(ledger);
    CU_ASSERT(acknowledged > 20);
    CU_ASSERT_EQUAL(check_all_usual(ledger), acknowledged);
    /* Even with space again it takes nothing until reopened: what the disk holds is not known. */
    CU_ASSERT(unlink(ballast) == 0);
    CU_ASSERT_EQUAL(commit_usual(ledger, 1, &error), FAMA_LEDGER_IO);
    CU_ASSERT(strstr(error.text, "takes no blocks") != NULL);
    CU_ASSERT(strstr(error.text, "full") != NULL);
    CU_ASSERT_EQUAL(height_of(ledger), acknowledged);
    fama_ledger_close(ledger);
    return acknowledged;
}

/* One small disk: `room` bytes for a ledger to fill, then `room_again` bytes to reopen it with,
 * then all. */
static void fill_and_reopen(const char *mounted, size_t room, size_t room_again)
{
    char ballast[PATH_BYTES];
    char folder[PATH_BYTES];
    path_in(ballast, mounted, "ballast");
    path_in(folder, mounted, "ledger");
    make_ballast(ballast, SMALL_DISK_BYTES - room);
    uint64_t acknowledged = fill_disk(folder, ballast);

    /* Little space: it opens whole, or words and no crash. */
    struct statvfs facts;
    CU_ASSERT_FATAL(statvfs(mounted, &facts) == 0);
    size_t free_bytes = (size_t)facts.f_bavail * facts.f_frsize;
    make_ballast(ballast, free_bytes > room_again ? free_bytes - room_again : 0);
    struct fama_ledger *ledger = NULL;
    struct fama_error error = {{0}};
    int status = fama_ledger_open(folder, &ledger, &error);
    if (status == 0) {
        CU_ASSERT(check_all_usual(ledger) >= acknowledged);
    } else {
        CU_ASSERT_EQUAL(status, FAMA_LEDGER_IO);
        CU_ASSERT(strstr(error.text, "full") != NULL);
    }
    CU_ASSERT(status != 0 || room_again > 0);
    fama_ledger_close(ledger);

    CU_ASSERT(unlink(ballast) == 0);
    ledger = open_or_explain(folder);
    CU_ASSERT(check_all_usual(ledger) >= acknowledged);
    CU_ASSERT_EQUAL(commit_usual(ledger, 8, NULL), 0);
    CU_ASSERT(check_all_usual(ledger) >= acknowledged + 8);
    fama_ledger_close(ledger);
    remove_folder(folder);
}

static void test_a_full_disk_loses_nothing_that_was_acknowledged(void)
{
    char mounted[PATH_BYTES];
    path_in(mounted, scratch, "small-disk");
    CU_ASSERT_FATAL(mkdir(mounted, 0700) == 0);
    char options[32];
    (void)snprintf(options, sizeof options, "size=%u", SMALL_DISK_BYTES);
    if (mount("tmpfs", mounted, "tmpfs", 0, options) != 0) {
        fprintf(stderr, "\n*** CANNOT MOUNT A SMALL DISK (%s): NOT TESTED: A FULL DISK ***\n",
                strerror(errno));
        return;
    }
    /* Full while the log grows, while a buffer is flushed, after several flushes. */
    static const unsigned int rooms_mb[] = {17, 24, 33, 41, 60};
    const char *many = getenv("FAMA_FULL_DISKS");
    for (unsigned int i = 0; i < (many != NULL ? 40u : 5u); i++) {
        unsigned int room_mb = many != NULL ? 17 + i * 3 / 2 : rooms_mb[i];
        unsigned int again_mb = i % 3 == 0 ? 0 : 16 + i % 5;
        fill_and_reopen(mounted, (size_t)room_mb << 20, (size_t)again_mb << 20);
    }
    CU_ASSERT(umount(mounted) == 0);
}

static const struct test_case cases[] = {
    TEST(test_a_killed_commit_run_leaves_a_prefix_with_all_that_was_acknowledged),
    TEST(test_a_killed_rollback_is_ended_at_the_next_opening),
    TEST(test_a_second_opener_is_told_who_is_in_the_way),
    TEST(test_another_format_version_is_refused),
    TEST(test_a_tip_that_contradicts_the_blocks_is_refused),
    TEST(test_missing_and_emptied_files_are_named_damage),
    TEST(test_flipped_bits_cost_an_error_and_never_wrong_bytes),
    TEST(test_a_torn_last_record_is_dropped_and_the_chain_goes_on),
    TEST(test_a_full_disk_loses_nothing_that_was_acknowledged),
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "commit-run") == 0) {
        return role_commit_run(argv[2], (unsigned int)strtoul(argv[3], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "hold") == 0) {
        return role_hold(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "roll-back") == 0) {
        return role_roll_back(argv[2]);
    }
    /* Mounts of the tests are this process's own, and gone with it. Before any thread exists. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "no mount namespace of its own (%s)\n", strerror(errno));
    }
    if (make_scratch() != 0) {
        return EXIT_FAILURE;
    }
    int result = run_suite("ledger faults", cases, sizeof cases / sizeof cases[0]);
    remove_scratch();
    return result;
}
