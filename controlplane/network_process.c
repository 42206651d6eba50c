#define _GNU_SOURCE
#include "controlplane/network_process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define TOOL_WORDS_MAX 400

/* Reads what the tool says until it closes its end; only the first bytes are kept. */
static void read_words(int fd, char words[TOOL_WORDS_MAX])
{
    size_t length = 0;
    char chunk[256];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        size_t room = TOOL_WORDS_MAX - 1 - length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(words + length, chunk, kept);
        length += kept;
    }
    words[length] = '\0';
    words[strcspn(words, "\n")] = '\0';
}

static void describe(const char *const argv[], char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; argv[i] != NULL; i++) {
        int more = snprintf(text + length, size - length, "%s%s", i == 0 ? "" : " ", argv[i]);
        if (more < 0 || (size_t)more >= size - length) {
            return;
        }
        length += (size_t)more;
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int fama_network_run_tool(const char *const argv[], struct fama_error *error)
{
    int ends[2];
    char words[TOOL_WORDS_MAX] = {0};
    char command[200];
    describe(argv, command, sizeof(command));
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM, "%s: no pipe: %s", command,
                              strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    int status = posix_spawn_file_actions_init(&actions);
    if (status == 0) {
        status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (status == 0) {
            status =
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        }
        if (status == 0) {
            status = posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        }
        if (status == 0) {
            status = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (status != 0) {
        close(ends[0]);
        return fama_error_set(error, FAMA_NETWORK_SYSTEM,
                              "%s: cannot be run: %s (deploy/install-deps installs it)", argv[0],
                              strerror(status));
    }
    read_words(ends[0], words);
    close(ends[0]);
    if (wait_for(pid) != 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM, "`%s` failed: %s", command,
                              words[0] == '\0' ? "it did not say why" : words);
    }
    return 0;
}

void fama_network_try_tool(const char *const argv[])
{
    (void)fama_network_run_tool(argv, NULL);
}

/* The start time of a process in clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)); 0 if there
 * is none or it is a zombie that was its process's last thread (field 20: their number): while others have
 * yet to end, its memory, ports and locks are still taken. The command in field 2 may hold blanks and
 * parentheses. */
static unsigned long long start_time(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    size_t length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    char *after_name = strrchr(line, ')');
    if (after_name == NULL || after_name[1] != ' ' || after_name[2] == 'X') {
        return 0;
    }
    bool is_zombie = after_name[2] == 'Z';
    char *field = after_name + 2; /* field 3 */
    for (int i = 3; i < 22; i++) {
        field = strchr(field, ' ');
        if (field == NULL) {
            return 0;
        }
        field++;
        if (i + 1 == 20 && is_zombie && strtoul(field, NULL, 10) <= 1) {
            return 0;
        }
    }
    return strtoull(field, NULL, 10);
}

static bool read_pid(const char *pid_path, pid_t *pid, unsigned long long *started)
{
    FILE *file = fopen(pid_path, "re");
    if (file == NULL) {
        return false;
    }
    char line[64] = {0};
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    char *end = NULL;
    long number = is_read ? strtol(line, &end, 10) : 0;
    if (number <= 1 || number > INT_MAX || *end != ' ') {
        return false;
    }
    *pid = (pid_t)number;
    *started = strtoull(end + 1, NULL, 10);
    return *started != 0;
}

bool fama_network_is_running(const char *pid_path, pid_t *pid)
{
    pid_t number;
    unsigned long long started;
    if (!read_pid(pid_path, &number, &started)) {
        return false;
    }
    (void)waitpid(number, NULL, WNOHANG); /* fails harmlessly if it is no child of ours */
    if (start_time(number) != started) {
        return false;
    }
    if (pid != NULL) {
        *pid = number;
    }
    return true;
}

bool fama_network_signal(const char *pid_path, int signal_number)
{
    pid_t pid;
    return fama_network_is_running(pid_path, &pid) && kill(pid, signal_number) == 0;
}

bool fama_network_wait_gone(const char *pid_path, int timeout_ms)
{
    for (int waited_ms = 0;; waited_ms += 10) {
        if (!fama_network_is_running(pid_path, NULL)) {
            return true;
        }
        if (waited_ms >= timeout_ms) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
}

/* ---- Daemons ---- */

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Our environment without Fabric's variables, with one more. The strings are borrowed. */
static char **make_environment(const char *variable)
{
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **made = calloc(count + 2, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!starts_with(environ[i], "CORE_") && !starts_with(environ[i], "FABRIC_")) {
            made[kept++] = environ[i];
        }
    }
    made[kept] = (char *)variable;
    return made;
}

static int spawn_daemon(const struct fama_network_daemon *daemon, char **environment, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0) {
        return status;
    }
    status = posix_spawnattr_init(&attributes);
    if (status != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return status;
    }
    sigset_t none;
    sigemptyset(&none);
    if ((status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
                                                   0)) == 0 &&
        (status = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, daemon->log_path,
                                                   O_WRONLY | O_CREAT | O_APPEND, 0644)) == 0 &&
        (status = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)) == 0 &&
        (status = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
        (status = posix_spawnattr_setflags(&attributes,
                                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK)) == 0) {
        status = posix_spawnp(pid, daemon->argv[0], &actions, &attributes,
                              (char *const *)daemon->argv, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

int fama_network_spawn(const struct fama_network_daemon *daemon, struct fama_error *error)
{
    char **environment = make_environment(daemon->variable);
    if (environment == NULL) {
        return fama_error_set(error, FAMA_NETWORK_NO_MEMORY, "out of memory");
    }
    pid_t pid = -1;
    int status = spawn_daemon(daemon, environment, &pid);
    free(environment);
    if (status != 0) {
        return fama_error_set(error, FAMA_NETWORK_SYSTEM, "%s: cannot be started (log %s): %s",
                              daemon->argv[0], daemon->log_path, strerror(status));
    }
    /* A start time of 0 means that it has ended already; the file then names nobody, and whoever waits
     * for the node sees that it is gone. */
    FILE *file = fopen(daemon->pid_path, "we");
    bool is_written = file != NULL && fprintf(file, "%d %llu\n", (int)pid, start_time(pid)) > 0;
    if (file == NULL || fclose(file) != 0 || !is_written) {
        kill(pid, SIGKILL);
        (void)wait_for(pid);
        return fama_error_set(error, FAMA_NETWORK_IO, "%s: cannot be written: %s", daemon->pid_path,
                              strerror(errno));
    }
    return 0;
}
