#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/admin.h"

struct line {
    char *at;
    size_t len;
    size_t capacity;
};

static int64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int unreachable(const char *path, const char *why, struct fama_error *error)
{
    return fama_error_set(error, FAMA_ADMIN_UNREACHABLE, "cannot reach the node: %s: %s", path,
                          why);
}

static const char *advice_for(int reason)
{
    switch (reason) {
    case ENOENT:
    case ECONNREFUSED:
        return "no node runs there; start it, or name its socket with --socket";
    case EACCES:
    case EPERM:
        return "the socket belongs to another user; run as the node's user";
    case EAGAIN:
        return "the node takes no more connections now; try again";
    default:
        return strerror(reason);
    }
}

static int open_connection(const char *path, int *descriptor, struct fama_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return unreachable(path, "the path is too long for a socket", error);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0 || connect(opened, (const struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        if (opened >= 0) {
            (void)close(opened);
        }
        return unreachable(path, advice_for(reason), error);
    }
    *descriptor = opened;
    return 0;
}

/* Waits until the socket is ready for `events`; false when the time is up. */
static bool wait_for(int descriptor, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        struct pollfd wanted = {.fd = descriptor, .events = events};
        if (left <= 0) {
            return false;
        }
        int ready = poll(&wanted, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
}

static bool send_all(int descriptor, const char *text, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t sent = send(descriptor, text, len, MSG_NOSIGNAL);
        if (sent > 0) {
            text += sent;
            len -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            /* A node that refuses early has closed its side and its words wait to be read. */
            return errno == EPIPE;
        } else if (!wait_for(descriptor, POLLOUT, deadline_ms)) {
            return false;
        }
    }
    return true;
}

static bool make_room(struct line *line)
{
    if (line->len < line->capacity) {
        return true;
    }
    size_t capacity = line->capacity * 2 + 65536;
    char *at = capacity <= FAMA_ADMIN_ANSWER_BYTES ? realloc(line->at, capacity) : NULL;
    if (at == NULL) {
        return false;
    }
    line->at = at;
    line->capacity = capacity;
    return true;
}

/* Reads up to the first newline, which is left out. NULL, or why not. */
static const char *read_line(int descriptor, struct line *line, int64_t deadline_ms)
{
    for (;;) {
        if (!make_room(line)) {
            return "its answer is longer than this machine takes";
        }
        ssize_t got = recv(descriptor, line->at + line->len, line->capacity - line->len, 0);
        if (got > 0) {
            char *end = memchr(line->at + line->len, '\n', (size_t)got);
            line->len += (size_t)got;
            if (end != NULL) {
                line->len = (size_t)(end - line->at);
                return NULL;
            }
        } else if (got == 0) {
            return "it hung up without an answer; it may be busy or stopping: try again";
        } else if (errno != EAGAIN && errno != EINTR) {
            return strerror(errno);
        } else if (!wait_for(descriptor, POLLIN, deadline_ms)) {
            return "it did not answer in time; look at its log";
        }
    }
}

static int judge_answer(const char *path, const struct line *line, json_t **answer,
                        struct fama_error *error)
{
    json_error_t why;
    json_t *parsed = json_loadb(line->at, line->len, 0, &why);
    const json_t *ok = json_object_get(parsed, "ok");
    if (!json_is_boolean(ok)) {
        json_decref(parsed);
        return unreachable(
            path, "what answers there is no Fama node; name its socket with --socket", error);
    }
    if (!json_is_true(ok)) {
        const char *words = json_string_value(json_object_get(parsed, "error"));
        int code = fama_error_set(error, FAMA_ADMIN_REFUSED, "%s",
                                  words != NULL ? words : "the node refused without a word");
        json_decref(parsed);
        return code;
    }
    (void)json_object_del(parsed, "ok");
    *answer = parsed;
    return 0;
}

static int exchange(const char *path, const char *text, int timeout_ms, json_t **answer,
                    struct fama_error *error)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    int descriptor = -1;
    struct line line = {0};
    int code = open_connection(path, &descriptor, error);
    if (code != 0) {
        return code;
    }
    if (!send_all(descriptor, text, strlen(text), deadline_ms) ||
        !send_all(descriptor, "\n", 1, deadline_ms)) {
        code = unreachable(path, "it does not take the request; look at its log", error);
    } else {
        const char *why = read_line(descriptor, &line, deadline_ms);
        code =
            why != NULL ? unreachable(path, why, error) : judge_answer(path, &line, answer, error);
    }
    free(line.at);
    (void)close(descriptor);
    return code;
}

int fama_admin_ask(const char *socket_path, json_t *request, int timeout_ms, json_t **answer,
                   struct fama_error *error)
{
    *answer = NULL;
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (text == NULL) {
        return fama_error_set(error, FAMA_ADMIN_UNREACHABLE,
                              "cannot write the request: %s: its words must be UTF-8", socket_path);
    }
    int code = exchange(socket_path, text, timeout_ms, answer, error);
    free(text);
    return code;
}
