#include "controlplane/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct connection {
    struct fama_admin *admin;
    struct connection *next;
    struct bufferevent *stream;
    struct fama_admin_call *call; /* the request being worked on, or NULL */
    bool is_closing;              /* close when the answer has been written */
    bool is_serving; /* serve() is on the stack: it goes on with the next line itself */
};

struct fama_admin_call {
    struct connection *connection; /* NULL: the client has gone */
};

struct fama_admin {
    struct evconnlistener *listener;
    fama_admin_handler handler;
    void *context;
    struct connection *connections;
    unsigned int connection_count;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    dev_t device; /* of the socket file we made */
    ino_t inode;
};

/* ---- Connections ---- */

static void connection_free(struct connection *connection)
{
    struct fama_admin *admin = connection->admin;
    struct connection **link = &admin->connections;
    while (*link != connection) {
        link = &(*link)->next;
    }
    *link = connection->next;
    admin->connection_count--;
    if (connection->call != NULL) {
        connection->call->connection = NULL;
    }
    bufferevent_free(connection->stream);
    free(connection);
}

static bool has_output(const struct connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0;
}

/* Queues one line. False if there is no memory: the connection is then of no use. */
static bool write_answer(struct connection *connection, const json_t *answer)
{
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    bool is_written = text != NULL && evbuffer_add(output, text, strlen(text)) == 0 &&
                      evbuffer_add(output, "\n", 1) == 0;
    free(text);
    return is_written;
}

static bool write_refusal(struct connection *connection, const char *words)
{
    json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", words);
    if (answer == NULL) { /* words that are not UTF-8 */
        answer = json_pack("{s:b, s:s}", "ok", 0, "error", "the node cannot say why in UTF-8");
    }
    bool is_written = write_answer(connection, answer);
    json_decref(answer);
    return is_written;
}

/* Refuses and lets the connection end once that is written. Called from serve() only, which frees a
 * connection that has nothing to write. */
static void refuse_and_close(struct connection *connection, const char *words)
{
    connection->is_closing = true;
    (void)bufferevent_disable(connection->stream, EV_READ);
    (void)write_refusal(connection, words);
}

/* Hands one line to the handler. A line that is no request is answered here, without a call. */
static void take_line(struct connection *connection, const char *line, size_t len)
{
    struct fama_admin *admin = connection->admin;
    json_error_t why;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_string(json_object_get(request, "op"))) {
        json_decref(request);
        refuse_and_close(
            connection,
            "a request is one line with a JSON object and its \"op\": correct the client");
        return;
    }
    struct fama_admin_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        json_decref(request);
        refuse_and_close(connection, "the node is out of memory: try again");
        return;
    }
    call->connection = connection;
    connection->call = call;
    /* While the request is worked on, nothing more is read and silence is no fault. */
    (void)bufferevent_disable(connection->stream, EV_READ);
    admin->handler(admin->context, call, request);
    json_decref(request);
}

/* Works on complete lines until one is left unanswered or there is none. Cannot be entered twice: an
 * answer within the handler only marks the call as done, and the loop here goes on. May free. */
static void serve(struct connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    connection->is_serving = true;
    while (connection->call == NULL && !connection->is_closing) {
        size_t len = 0;
        char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
        size_t seen = line != NULL ? len : evbuffer_get_length(input);
        if (seen >= FAMA_ADMIN_REQUEST_BYTES) {
            refuse_and_close(connection, "a request is longer than 64 KiB: shorten it");
        } else if (line != NULL) {
            take_line(connection, line, len);
        } else {
            (void)bufferevent_enable(connection->stream, EV_READ);
            connection->is_serving = false;
            return;
        }
        free(line);
    }
    connection->is_serving = false;
    if (connection->is_closing && !has_output(connection)) {
        connection_free(connection);
    }
}

static void on_readable(struct bufferevent *stream, void *context)
{
    struct connection *connection = context;
    (void)stream;
    if (connection->call == NULL && !connection->is_closing) {
        serve(connection);
    }
}

static void on_written(struct bufferevent *stream, void *context)
{
    struct connection *connection = context;
    (void)stream;
    if (connection->is_closing) {
        connection_free(connection);
    }
}

/* The client sends no more (it half-closed, or has been silent), or the stream is broken. What is owed
 * to a client that only stopped sending is still written. */
static void on_end(struct bufferevent *stream, short what, void *context)
{
    struct connection *connection = context;
    (void)stream;
    bool is_reading = (what & BEV_EVENT_READING) != 0 && (what & BEV_EVENT_ERROR) == 0;
    if (is_reading && (connection->call != NULL || has_output(connection))) {
        connection->is_closing = true;
        (void)bufferevent_disable(connection->stream, EV_READ);
    } else {
        connection_free(connection);
    }
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t descriptor,
                          struct sockaddr *address, int address_len, void *context)
{
    struct fama_admin *admin = context;
    const struct timeval silence = {.tv_sec = FAMA_ADMIN_SILENCE_SECONDS};
    (void)address;
    (void)address_len;
    if (admin->connection_count == FAMA_ADMIN_CONNECTIONS) {
        (void)close(descriptor);
        return;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    struct bufferevent *stream = connection != NULL
                                     ? bufferevent_socket_new(evconnlistener_get_base(listener),
                                                              descriptor, BEV_OPT_CLOSE_ON_FREE)
                                     : NULL;
    if (stream == NULL) {
        free(connection);
        (void)close(descriptor);
        return;
    }
    *connection = (struct connection){.admin = admin, .next = admin->connections, .stream = stream};
    admin->connections = connection;
    admin->connection_count++;
    bufferevent_setcb(stream, on_readable, on_written, on_end, connection);
    bufferevent_setwatermark(stream, EV_READ, 0, FAMA_ADMIN_REQUEST_BYTES + 1);
    if (bufferevent_set_timeouts(stream, &silence, &silence) != 0 ||
        bufferevent_enable(stream, EV_READ | EV_WRITE) != 0) {
        connection_free(connection);
    }
}

/* ---- Answers ---- */

/* The call is over: releases it and returns its connection, or NULL if the client has gone. */
static struct connection *finish_call(struct fama_admin_call *call)
{
    struct connection *connection = call->connection;
    if (connection != NULL) {
        connection->call = NULL;
    }
    free(call);
    return connection;
}

/* After an answer: frees a connection that could not take it, else goes on with the next request. Within
 * serve() both are left to serve(). */
static void go_on(struct connection *connection, bool is_written)
{
    if (!is_written) {
        connection->is_closing = true;
    }
    if (connection->is_serving) {
        return;
    }
    if (!is_written) {
        connection_free(connection);
    } else if (!connection->is_closing) {
        serve(connection);
    }
}

void fama_admin_answer(struct fama_admin_call *call, json_t *answer)
{
    struct connection *connection = finish_call(call);
    if (connection != NULL) {
        bool is_complete =
            json_is_object(answer) && json_object_set_new(answer, "ok", json_true()) == 0;
        go_on(connection,
              is_complete ? write_answer(connection, answer)
                          : write_refusal(connection, "the node could not put its answer together: "
                                                      "try again"));
    }
    json_decref(answer);
}

void fama_admin_refuse(struct fama_admin_call *call, const char *format, ...)
{
    struct connection *connection = finish_call(call);
    if (connection != NULL) {
        struct fama_error words = {{0}};
        va_list arguments;
        va_start(arguments, format);
        int len = vsnprintf(words.text, sizeof words.text, format, arguments);
        va_end(arguments);
        go_on(connection, write_refusal(connection, len >= 0 ? words.text : "refused"));
    }
}

/* ---- The socket ---- */

static int bind_to(int descriptor, const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, strlen(path) + 1);
    return bind(descriptor, (const struct sockaddr *)address, sizeof *address);
}

/* Whether the path is a socket that nobody listens on, so that it may be removed. */
static bool is_stale(const char *path, const struct sockaddr_un *address, const char **why)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        *why = "something else than a socket is there: move it away or set fama.admin.socket";
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        *why = "no socket to look with";
        return false;
    }
    int result = connect(probe, (const struct sockaddr *)address, sizeof *address);
    int reason = errno;
    (void)close(probe);
    if (result != 0 && reason == ECONNREFUSED) {
        return true;
    }
    *why = "another live node owns it: stop that one or set fama.admin.socket";
    return false;
}

/* A bound, private, not yet listening socket at `path`. */
static int open_socket(const char *path, int *descriptor, struct fama_error *error)
{
    struct sockaddr_un address;
    const char *why = NULL;
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0) {
        return fama_error_set(error, FAMA_ADMIN_SOCKET, "cannot make the admin socket: %s: %s",
                              path, strerror(errno));
    }
    int result = bind_to(opened, path, &address);
    if (result != 0 && errno == EADDRINUSE) {
        if (!is_stale(path, &address, &why)) {
            (void)close(opened);
            return fama_error_set(error, FAMA_ADMIN_SOCKET, "cannot make the admin socket: %s: %s",
                                  path, why);
        }
        result = unlink(path);
        result = result == 0 ? bind_to(opened, path, &address) : result;
    }
    /* Nobody can connect before listen, so the mode is in force in time. */
    if (result != 0 || chmod(path, S_IRUSR | S_IWUSR) != 0) {
        int reason = errno;
        (void)close(opened);
        return fama_error_set(error, FAMA_ADMIN_SOCKET,
                              "cannot make the admin socket: %s: %s; the folder must exist and be "
                              "writable",
                              path, strerror(reason));
    }
    *descriptor = opened;
    return 0;
}

int fama_admin_listen(struct event_base *base, const char *socket_path, fama_admin_handler handler,
                      void *context, struct fama_admin **admin, struct fama_error *error)
{
    struct fama_admin *made = calloc(1, sizeof *made);
    int descriptor = -1;
    struct stat status;
    *admin = NULL;
    if (made == NULL || strlen(socket_path) >= sizeof made->path) {
        bool is_long = made != NULL;
        free(made);
        return fama_error_set(error, FAMA_ADMIN_SOCKET, "cannot make the admin socket: %s: %s",
                              socket_path, is_long ? "shorten the path" : "out of memory");
    }
    made->handler = handler;
    made->context = context;
    memcpy(made->path, socket_path, strlen(socket_path) + 1);
    (void)signal(SIGPIPE, SIG_IGN);
    int code = open_socket(socket_path, &descriptor, error);
    if (code != 0) {
        free(made);
        return code;
    }
    made->listener = evconnlistener_new(
        base, on_connection, made, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 8, descriptor);
    if (made->listener == NULL || stat(socket_path, &status) != 0) {
        if (made->listener != NULL) {
            evconnlistener_free(made->listener);
        } else {
            (void)close(descriptor);
        }
        (void)unlink(socket_path);
        free(made);
        return fama_error_set(error, FAMA_ADMIN_SOCKET,
                              "cannot listen on the admin socket: %s: try again", socket_path);
    }
    made->device = status.st_dev;
    made->inode = status.st_ino;
    *admin = made;
    return 0;
}

void fama_admin_close(struct fama_admin *admin)
{
    struct stat status;
    if (admin == NULL) {
        return;
    }
    evconnlistener_free(admin->listener);
    while (admin->connections != NULL) {
        struct connection *connection = admin->connections;
        struct evbuffer *output = bufferevent_get_output(connection->stream);
        if (connection->call != NULL) {
            (void)write_refusal(connection, "the node is being stopped: start it again");
        }
        /* The loop that would write it is ending: what the socket takes at once goes out. */
        (void)bufferevent_disable(connection->stream, EV_READ | EV_WRITE);
        if (evbuffer_get_length(output) > 0 && evbuffer_unfreeze(output, 1) == 0) {
            (void)evbuffer_write(output, bufferevent_getfd(connection->stream));
        }
        connection_free(connection);
    }
    /* Not if somebody has put another socket there in the meantime. */
    if (lstat(admin->path, &status) == 0 && status.st_dev == admin->device &&
        status.st_ino == admin->inode) {
        (void)unlink(admin->path);
    }
    free(admin);
}
