#include "controlplane/admin.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "unit/suite.h"

/* A node's control thread with an admin socket: the tests are its clients. */
static char folder[] = "/tmp/fama-test-admin-XXXXXX";
static char path[64];

static struct {
    struct event_base *base;
    struct fama_admin *admin;
    struct event *alarm; /* looks each 10 ms whether there is something to do */
    pthread_t thread;
    struct fama_admin_call *waiting;
    pthread_mutex_t lock;
    bool must_stop;
    bool must_answer;
    unsigned int handled;
} node = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void handle(void *context, struct fama_admin_call *call, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    CU_ASSERT_PTR_EQUAL(context, &node);
    (void)pthread_mutex_lock(&node.lock);
    node.handled++;
    if (strcmp(op, "echo") == 0) {
        fama_admin_answer(call, json_pack("{s:O}", "said", json_object_get(request, "say")));
    } else if (strcmp(op, "later") == 0) {
        node.waiting = call;
    } else if (strcmp(op, "nothing") == 0) {
        fama_admin_answer(call, NULL);
    } else if (strcmp(op, "large") == 0) {
        size_t len = 8u << 20;
        char *text = malloc(len + 1);
        memset(text, 'x', len);
        text[len] = '\0';
        fama_admin_answer(call, json_pack("{s:s}", "text", text));
        free(text);
    } else {
        fama_admin_refuse(call, "no operation %s: node: see --help", op);
    }
    (void)pthread_mutex_unlock(&node.lock);
}

static void look(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    (void)context;
    (void)pthread_mutex_lock(&node.lock);
    bool must_stop = node.must_stop;
    struct fama_admin_call *call = node.must_answer ? node.waiting : NULL;
    if (call != NULL) {
        node.waiting = NULL;
    }
    (void)pthread_mutex_unlock(&node.lock);
    if (call != NULL) {
        fama_admin_answer(call, json_pack("{s:s}", "said", "at last"));
    }
    if (must_stop) {
        fama_admin_close(node.admin);
        node.admin = NULL;
        (void)event_base_loopbreak(node.base);
    }
}

static void *run(void *context)
{
    (void)context;
    (void)event_base_dispatch(node.base);
    return NULL;
}

static void start_node(void)
{
    struct fama_error error;
    const struct timeval often = {.tv_usec = 10000};
    node.must_stop = false;
    node.must_answer = false;
    node.handled = 0;
    node.base = event_base_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(node.base);
    CU_ASSERT_EQUAL_FATAL(fama_admin_listen(node.base, path, handle, &node, &node.admin, &error),
                          0);
    node.alarm = event_new(node.base, -1, EV_PERSIST, look, NULL);
    CU_ASSERT_EQUAL_FATAL(event_add(node.alarm, &often), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&node.thread, NULL, run, NULL), 0);
}

static void stop_node(void)
{
    (void)pthread_mutex_lock(&node.lock);
    node.must_stop = true;
    (void)pthread_mutex_unlock(&node.lock);
    (void)pthread_join(node.thread, NULL);
    event_free(node.alarm);
    event_base_free(node.base);
    if (node.waiting != NULL) { /* its client has gone: this only releases it */
        fama_admin_refuse(node.waiting, "too late");
        node.waiting = NULL;
    }
}

static int ask(json_t *request, int timeout_ms, json_t **answer, struct fama_error *error)
{
    memset(error, 0, sizeof *error);
    return fama_admin_ask(path, request, timeout_ms, answer, error);
}

static int connect_raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    CU_ASSERT_EQUAL_FATAL(connect(descriptor, (const struct sockaddr *)&address, sizeof address),
                          0);
    return descriptor;
}

/* What comes until the other side closes or `ms` pass without a byte; true if it closed. */
static bool read_all(int descriptor, int ms, char *text, size_t size)
{
    size_t len = 0;
    for (;;) {
        struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
        if (poll(&wanted, 1, ms) != 1) {
            text[len] = '\0';
            return false;
        }
        ssize_t got = recv(descriptor, text + len, size - 1 - len, 0);
        if (got <= 0) {
            text[len] = '\0';
            return true;
        }
        len += (size_t)got;
    }
}

static void test_a_question_is_answered(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    CU_ASSERT_EQUAL_FATAL(
        ask(json_pack("{s:s, s:s}", "op", "echo", "say", "h\xc3\xa9llo\n"), 2000, &answer, &error),
        0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "said")), "h\xc3\xa9llo\n");
    CU_ASSERT_PTR_NULL(json_object_get(answer, "ok"));
    json_decref(answer);
    stop_node();
}

static void test_a_refusal_brings_the_nodes_words(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    CU_ASSERT_EQUAL(ask(json_pack("{s:s}", "op", "dance"), 2000, &answer, &error),
                    FAMA_ADMIN_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.text, "no operation dance: node: see --help");
    CU_ASSERT_PTR_NULL(answer);
    CU_ASSERT_EQUAL(ask(json_pack("{s:s}", "op", "nothing"), 2000, &answer, &error),
                    FAMA_ADMIN_REFUSED);
    stop_node();
}

static void test_an_answer_may_come_later(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    node.must_answer = true;
    CU_ASSERT_EQUAL_FATAL(ask(json_pack("{s:s}", "op", "later"), 2000, &answer, &error), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "said")), "at last");
    json_decref(answer);
    stop_node();
}

static void test_a_client_does_not_wait_for_ever(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    CU_ASSERT_EQUAL(ask(json_pack("{s:s}", "op", "later"), 100, &answer, &error),
                    FAMA_ADMIN_UNREACHABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "did not answer in time"));
    /* The client has gone; answering it now must do no harm. */
    (void)pthread_mutex_lock(&node.lock);
    node.must_answer = true;
    (void)pthread_mutex_unlock(&node.lock);
    CU_ASSERT_EQUAL(ask(json_pack("{s:s, s:i}", "op", "echo", "say", 1), 2000, &answer, &error), 0);
    json_decref(answer);
    stop_node();
}

static void test_a_large_answer_arrives_whole(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    CU_ASSERT_EQUAL_FATAL(ask(json_pack("{s:s}", "op", "large"), 20000, &answer, &error), 0);
    CU_ASSERT_EQUAL(json_string_length(json_object_get(answer, "text")), 8u << 20);
    json_decref(answer);
    stop_node();
}

static void test_several_requests_of_one_connection_are_answered_in_order(void)
{
    static const char text[] =
        "{\"op\":\"echo\",\"say\":1}\n{\"op\":\"echo\",\"say\":2}\n{\"op\":\"x\"}\n"
        "{\"op\":\"echo\",\"say\":3}\n";
    char got[1024];
    start_node();
    int descriptor = connect_raw();
    CU_ASSERT_EQUAL(send(descriptor, text, sizeof text - 1, 0), (ssize_t)sizeof text - 1);
    CU_ASSERT_EQUAL(shutdown(descriptor, SHUT_WR), 0); /* half-closed clients get what is owed */
    CU_ASSERT_TRUE(read_all(descriptor, 2000, got, sizeof got));
    const char *one = strstr(got, "\"said\":1");
    const char *two = strstr(got, "\"said\":2");
    const char *three = strstr(got, "\"said\":3");
    CU_ASSERT_TRUE(one != NULL && two != NULL && three != NULL && one < two && two < three);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "no operation x"));
    (void)close(descriptor);
    stop_node();
}

static void refused_raw(const char *text, size_t len, const char *words)
{
    char got[1024];
    int descriptor = connect_raw();
    CU_ASSERT_EQUAL(send(descriptor, text, len, MSG_NOSIGNAL), (ssize_t)len);
    CU_ASSERT_TRUE(read_all(descriptor, 2000, got, sizeof got));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"ok\":false"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, words));
    (void)close(descriptor);
}

static void test_what_is_no_request_is_refused_and_never_reaches_the_handler(void)
{
    char huge[FAMA_ADMIN_REQUEST_BYTES];
    start_node();
    refused_raw("hello\n", 6, "JSON");
    refused_raw("[1]\n", 4, "JSON");
    refused_raw("{\"op\":1}\n", 9, "JSON");
    refused_raw("{\"op\":\"a\",\"op\":\"b\"}\n", 20, "JSON");
    refused_raw("{}\n", 3, "JSON");
    refused_raw("\n", 1, "JSON");
    memset(huge, ' ', sizeof huge);
    refused_raw(huge, sizeof huge, "longer than 64 KiB");
    CU_ASSERT_EQUAL(node.handled, 0);
    stop_node();
}

static void test_connections_are_bounded_and_freed(void)
{
    int descriptors[FAMA_ADMIN_CONNECTIONS];
    char got[64];
    struct fama_error error;
    json_t *answer = NULL;
    start_node();
    for (int i = 0; i < FAMA_ADMIN_CONNECTIONS; i++) {
        descriptors[i] = connect_raw();
    }
    int one_more = connect_raw();
    CU_ASSERT_TRUE(read_all(one_more, 2000, got, sizeof got)); /* closed at once */
    (void)close(one_more);
    for (int i = 0; i < FAMA_ADMIN_CONNECTIONS; i++) {
        (void)close(descriptors[i]);
    }
    int status = FAMA_ADMIN_UNREACHABLE;
    for (int i = 0; i < 100 && status != 0; i++) {
        const struct timespec pause = {.tv_nsec = 10000000};
        (void)nanosleep(&pause, NULL);
        status = ask(json_pack("{s:s, s:i}", "op", "echo", "say", 1), 2000, &answer, &error);
    }
    CU_ASSERT_EQUAL(status, 0);
    json_decref(answer);
    stop_node();
}

static void test_a_silent_client_is_dropped(void)
{
    char got[64];
    start_node();
    int descriptor = connect_raw();
    CU_ASSERT_EQUAL(send(descriptor, "{\"op", 4, 0), 4);
    CU_ASSERT_FALSE(read_all(descriptor, (FAMA_ADMIN_SILENCE_SECONDS - 2) * 1000, got, sizeof got));
    CU_ASSERT_TRUE(read_all(descriptor, 4000, got, sizeof got));
    (void)close(descriptor);
    stop_node();
}

static void *stop_soon(void *context)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    (void)nanosleep(&pause, NULL);
    (void)pthread_mutex_lock(&node.lock);
    node.must_stop = true;
    (void)pthread_mutex_unlock(&node.lock);
    return context;
}

static void test_closing_tells_waiting_clients(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    pthread_t stopper;
    start_node();
    CU_ASSERT_EQUAL_FATAL(pthread_create(&stopper, NULL, stop_soon, NULL), 0);
    CU_ASSERT_EQUAL(ask(json_pack("{s:s}", "op", "later"), 5000, &answer, &error),
                    FAMA_ADMIN_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "being stopped"));
    (void)pthread_join(stopper, NULL);
    stop_node();
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
}

static void test_the_socket_is_its_owners_alone(void)
{
    struct stat status;
    start_node();
    CU_ASSERT_EQUAL(stat(path, &status), 0);
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    stop_node();
}

static void test_a_live_nodes_socket_is_not_taken(void)
{
    struct fama_error error;
    struct fama_admin *second = NULL;
    struct event_base *base = event_base_new();
    json_t *answer = NULL;
    start_node();
    CU_ASSERT_EQUAL(fama_admin_listen(base, path, handle, NULL, &second, &error),
                    FAMA_ADMIN_SOCKET);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "another live node"));
    CU_ASSERT_EQUAL(ask(json_pack("{s:s, s:i}", "op", "echo", "say", 1), 2000, &answer, &error), 0);
    json_decref(answer);
    stop_node();
    event_base_free(base);
}

static void test_a_stale_socket_is_taken_over(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(dead, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(dead);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    start_node();
    stop_node();
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
}

static void test_a_file_that_is_no_socket_is_left_alone(void)
{
    struct fama_error error;
    struct fama_admin *admin = NULL;
    struct event_base *base = event_base_new();
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    (void)fclose(file);
    CU_ASSERT_EQUAL(fama_admin_listen(base, path, handle, NULL, &admin, &error), FAMA_ADMIN_SOCKET);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "something else"));
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
    event_base_free(base);
}

static void test_where_no_node_is_the_client_says_so(void)
{
    struct fama_error error;
    json_t *answer = NULL;
    CU_ASSERT_EQUAL(ask(json_pack("{s:s}", "op", "echo"), 1000, &answer, &error),
                    FAMA_ADMIN_UNREACHABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "no node runs there"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, path));
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_question_is_answered),
        TEST(test_a_refusal_brings_the_nodes_words),
        TEST(test_an_answer_may_come_later),
        TEST(test_a_client_does_not_wait_for_ever),
        TEST(test_a_large_answer_arrives_whole),
        TEST(test_several_requests_of_one_connection_are_answered_in_order),
        TEST(test_what_is_no_request_is_refused_and_never_reaches_the_handler),
        TEST(test_connections_are_bounded_and_freed),
        TEST(test_a_silent_client_is_dropped),
        TEST(test_closing_tells_waiting_clients),
        TEST(test_the_socket_is_its_owners_alone),
        TEST(test_a_live_nodes_socket_is_not_taken),
        TEST(test_a_stale_socket_is_taken_over),
        TEST(test_a_file_that_is_no_socket_is_left_alone),
        TEST(test_where_no_node_is_the_client_says_so),
    };
    if (mkdtemp(folder) == NULL) {
        return EXIT_FAILURE;
    }
    (void)snprintf(path, sizeof path, "%s/fama.sock", folder);
    int status = run_suite("admin", cases, sizeof cases / sizeof cases[0]);
    (void)rmdir(folder);
    return status;
}
