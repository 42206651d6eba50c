#include "bench/dissemination_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/block_file.h"
#include "controlplane/network_topology.h"
#include "controlplane/yaml_keys.h"

#define ANSWER_BYTES_MAX ((size_t)64 << 20)
#define ROUND_TRIPS      20
#define SILENCE_MS       10000

extern char **environ;

/* ---- The file ---- */

struct reading {
    struct fama_hosts *hosts;
    char leader[FAMA_HOST_TEXT_MAX];
};

static int set_text(char *to, const char *text, const char *path, size_t line,
                    struct fama_error *error)
{
    return fama_network_format(to, FAMA_HOST_TEXT_MAX, "%s", text)
               ? 0
               : fama_error_set(error, -1, "line %zu: %s: at most %d bytes", line, path,
                                FAMA_HOST_TEXT_MAX - 1);
}

static struct fama_host *host_named(struct fama_hosts *hosts, const char *name, size_t len)
{
    for (size_t i = 0; i < hosts->count; i++) {
        if (strncmp(hosts->hosts[i].name, name, len) == 0 && hosts->hosts[i].name[len] == '\0') {
            return &hosts->hosts[i];
        }
    }
    if (hosts->count == FAMA_HOSTS_MAX || len >= FAMA_HOST_TEXT_MAX) {
        return NULL;
    }
    struct fama_host *host = &hosts->hosts[hosts->count++];
    memcpy(host->name, name, len);
    host->name[len] = '\0';
    (void)snprintf(host->fama, sizeof host->fama, "fama");
    return host;
}

/* "nodes.<name>.<key>"; a name may hold dots, a key does not. "nodes.<name>" alone, without any key, is a
 * node of this machine. */
static int visit_node(struct reading *reading, const char *path, const char *text, size_t line,
                      struct fama_error *error)
{
    static const char *const keys[] = {"command", "fama", "config", "socket"};
    const char *name = path + strlen("nodes.");
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(dot + 1, keys[i]) == 0) {
            struct fama_host *host = host_named(reading->hosts, name, (size_t)(dot - name));
            if (host == NULL) {
                return fama_error_set(error, -1, "line %zu: at most %d nodes, of short names", line,
                                      FAMA_HOSTS_MAX);
            }
            char *const texts[] = {host->command, host->fama, host->config, host->socket};
            return set_text(texts[i], text, path, line, error);
        }
    }
    return fama_error_set(error, -1,
                          "line %zu: %s: a node has command, fama, config and socket, and no other "
                          "keys",
                          line, path);
}

static int visit(void *context, const char *path, enum fama_yaml_kind kind, const char *text,
                 size_t line, struct fama_error *error)
{
    struct reading *reading = context;
    if (kind == FAMA_YAML_STRUCTURED) {
        return fama_error_set(error, -1, "line %zu: %s: not a text", line, path);
    }
    if (strcmp(path, "channel") == 0) {
        return set_text(reading->hosts->channel, text, path, line, error);
    }
    if (strcmp(path, "leader") == 0) {
        return set_text(reading->leader, text, path, line, error);
    }
    if (strncmp(path, "nodes.", strlen("nodes.")) == 0) {
        return visit_node(reading, path, text, line, error);
    }
    return fama_error_set(error, -1, "line %zu: %s: the keys are channel, leader and nodes", line,
                          path);
}

static int put_leader_first(struct reading *reading, struct fama_error *error)
{
    struct fama_hosts *hosts = reading->hosts;
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->hosts[i].name, reading->leader) == 0) {
            struct fama_host leader = hosts->hosts[i];
            hosts->hosts[i] = hosts->hosts[0];
            hosts->hosts[0] = leader;
            return 0;
        }
    }
    return fama_error_set(error, -1, "leader: none of the nodes has this name: '%s'",
                          reading->leader);
}

int fama_hosts_read(const char *path, struct fama_hosts *hosts, struct fama_error *error)
{
    struct reading reading = {.hosts = hosts, .leader = ""};
    uint8_t *bytes = NULL;
    size_t len = 0;
    *hosts = (struct fama_hosts){.count = 0};
    int status = fama_block_file_read(path, &bytes, &len, error);
    if (status == 0) {
        status = fama_yaml_visit(path, fama_bytes(bytes, len), -1, visit, &reading, error);
    }
    free(bytes);
    if (status == 0 && (hosts->channel[0] == '\0' || hosts->count < 2)) {
        status = fama_error_set(error, -1, "it wants a channel, and at least two nodes");
    }
    if (status == 0) {
        status = put_leader_first(&reading, error);
    }
    return status == 0 ? 0 : fama_error_prefix(error, -1, "%s: ", path);
}

/* ---- Commands ---- */

/* The words of one command; `text` holds those of the host's own. */
struct command {
    char text[FAMA_HOST_TEXT_MAX];
    const char *words[FAMA_HOST_WORDS_MAX];
    size_t count;
};

static void add_word(struct command *command, const char *word)
{
    if (command->count + 1 < FAMA_HOST_WORDS_MAX) {
        command->words[command->count++] = word;
    }
}

static void begin_command(struct command *command, const struct fama_host *host)
{
    char *rest = NULL;
    *command = (struct command){.count = 0};
    memcpy(command->text, host->command, sizeof command->text);
    for (char *word = strtok_r(command->text, " \t", &rest); word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        add_word(command, word);
    }
    add_word(command, host->fama);
}

struct child {
    pid_t pid;
    int in;  /* its standard input */
    int out; /* its standard output */
};

static int start(const struct fama_host *host, const struct command *command, struct child *child,
                 struct fama_error *error)
{
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    int status = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 ? 0 : errno;
    if (status == 0) {
        status = posix_spawn_file_actions_init(&actions);
    }
    if (status == 0) {
        status = posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
        if (status == 0) {
            status = posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        }
        if (status == 0) {
            status = posix_spawnp(&child->pid, command->words[0], &actions, NULL,
                                  (char *const *)command->words, environ);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    if (in[0] >= 0) {
        close(in[0]);
    }
    if (out[1] >= 0) {
        close(out[1]);
    }
    if (status != 0) {
        if (in[1] >= 0) {
            close(in[1]);
        }
        if (out[0] >= 0) {
            close(out[0]);
        }
        return fama_error_set(error, -1, "%s: %s cannot be run: %s", host->name, command->words[0],
                              strerror(status));
    }
    child->in = in[1];
    child->out = out[0];
    return 0;
}

/* Ends its input and waits for it. Its exit status, or -1. */
static int finish(struct child *child)
{
    int status = 0;
    if (child->in >= 0) {
        close(child->in);
    }
    close(child->out);
    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Everything the child prints, to be freed; NULL if that is too much or memory is out. */
static char *read_all(int fd, size_t *len)
{
    size_t capacity = 65536;
    char *text = malloc(capacity);
    *len = 0;
    while (text != NULL) {
        if (*len == capacity) {
            char *grown = capacity < ANSWER_BYTES_MAX ? realloc(text, capacity * 2) : NULL;
            if (grown == NULL) {
                break;
            }
            text = grown;
            capacity *= 2;
        }
        ssize_t got = read(fd, text + *len, capacity - *len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return text;
        }
        *len += (size_t)got;
    }
    free(text);
    return NULL;
}

int fama_host_ask(const struct fama_host *host, const char *const words[], json_t **answer,
                  struct fama_error *error)
{
    struct command command;
    struct child child;
    size_t len = 0;
    *answer = NULL;
    begin_command(&command, host);
    for (size_t i = 0; words[i] != NULL; i++) {
        add_word(&command, words[i]);
    }
    if (host->config[0] != '\0') {
        add_word(&command, "--config");
        add_word(&command, host->config);
    } else if (host->socket[0] != '\0') {
        add_word(&command, "--socket");
        add_word(&command, host->socket);
    }
    add_word(&command, "--json");
    if (start(host, &command, &child, error) != 0) {
        return -1;
    }
    char *text = read_all(child.out, &len);
    int code = finish(&child);
    *answer = text != NULL && code == 0 ? json_loadb(text, len, 0, NULL) : NULL;
    free(text);
    return *answer != NULL
               ? 0
               : fama_error_set(error, -1,
                                "%s: `%s ... %s %s` gave no answer (exit code %d): try it by hand",
                                host->name, command.words[0], words[0], words[1], code);
}

/* ---- Clocks ---- */

static int64_t wall_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One question and its answer; false if none comes. */
static bool ask_clock(const struct child *child, int64_t *theirs)
{
    char line[64] = {0};
    size_t len = 0;
    if (write(child->in, "\n", 1) != 1) {
        return false;
    }
    while (len + 1 < sizeof line && memchr(line, '\n', len) == NULL) {
        struct pollfd answer = {.fd = child->out, .events = POLLIN};
        ssize_t got = poll(&answer, 1, SILENCE_MS) == 1
                          ? read(child->out, line + len, sizeof line - 1 - len)
                          : -1;
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
    }
    line[len] = '\0';
    char *end = NULL;
    errno = 0;
    *theirs = strtoll(line, &end, 10);
    return errno == 0 && end != line && *end == '\n';
}

int fama_host_clock(const struct fama_host *host, struct fama_host_clock *clock,
                    struct fama_error *error)
{
    struct command command;
    struct child child;
    int64_t least = INT64_MAX;
    begin_command(&command, host);
    add_word(&command, "node");
    add_word(&command, "clock");
    if (start(host, &command, &child, error) != 0) {
        return -1;
    }
    bool is_answered = true;
    for (int i = 0; is_answered && i < ROUND_TRIPS; i++) {
        int64_t theirs = 0;
        int64_t before = wall_clock_ns();
        is_answered = ask_clock(&child, &theirs);
        int64_t took = wall_clock_ns() - before;
        if (is_answered && took >= 0 && took < least) {
            least = took;
            clock->offset_ns = theirs - (before + took / 2);
            clock->error_ns = (uint64_t)(took / 2);
        }
    }
    close(child.in);
    child.in = -1;
    if (!is_answered) {
        (void)kill(child.pid, SIGTERM); /* it may hang */
    }
    int code = finish(&child);
    return is_answered && least != INT64_MAX
               ? 0
               : fama_error_set(error, -1,
                                "%s: `%s ... node clock` gave no answer (exit code %d): try it by "
                                "hand",
                                host->name, command.words[0], code);
}
