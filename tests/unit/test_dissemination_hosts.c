#include "bench/dissemination_hosts.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "controlplane/scratch_folder.h"
#include "unit/suite.h"

#define PATH_BYTES 128

static char folder[PATH_BYTES];

static void write_file(const char *name, const char *text, mode_t mode, char *path)
{
    (void)snprintf(path, PATH_BYTES + 16, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_TRUE(fputs(text, file) >= 0);
    CU_ASSERT_EQUAL(fclose(file), 0);
    CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static int read_hosts(const char *text, struct fama_hosts *hosts, struct fama_error *error)
{
    char path[PATH_BYTES + 16];
    write_file("hosts.yaml", text, 0600, path);
    error->text[0] = '\0';
    return fama_hosts_read(path, hosts, error);
}

static void test_the_leader_comes_first_and_names_may_hold_dots(void)
{
    static struct fama_hosts hosts;
    struct fama_error error;
    CU_ASSERT_EQUAL_FATAL(read_hosts("channel: drivenet\n"
                                     "leader: p0.sipher.example\n"
                                     "nodes:\n"
                                     "  p1:\n"
                                     "    command: ssh -q peer1\n"
                                     "    socket: /run/p1.sock\n"
                                     "  p0.sipher.example: {config: core.yaml, fama: /opt/fama}\n",
                                     &hosts, &error),
                          0);
    CU_ASSERT_STRING_EQUAL(hosts.channel, "drivenet");
    CU_ASSERT_EQUAL_FATAL(hosts.count, 2);
    CU_ASSERT_STRING_EQUAL(hosts.hosts[0].name, "p0.sipher.example");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[0].command, "");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[0].fama, "/opt/fama");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[0].config, "core.yaml");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[1].name, "p1");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[1].command, "ssh -q peer1");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[1].fama, "fama");
    CU_ASSERT_STRING_EQUAL(hosts.hosts[1].socket, "/run/p1.sock");
}

static void test_what_is_wrong_in_the_file_is_said(void)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"channel: c\nleader: a\nnodes: {b: {fama: f}, d: {fama: f}}\n", "'a'"},
        {"channel: c\nleader: a\nnodes: {a: {fama: f}}\n", "at least two nodes"},
        {"leader: a\nnodes: {a: {fama: f}, b: {fama: f}}\n", "wants a channel"},
        {"channel: c\nleader: a\nnodes: {a: {shell: f}}\n", "line 3: nodes.a.shell"},
        {"channel: c\npeers: 3\n", "line 2: peers"},
        {"channel: c\nleader: a\nnodes: [a, b]\n", "the keys are"},
        {"channel: [\n", "hosts.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct fama_hosts hosts;
        struct fama_error error;
        CU_ASSERT_EQUAL(read_hosts(cases[i].text, &hosts, &error), -1);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, cases[i].words));
    }
}

/* A program that stands for `fama` on another host, whose clock is five seconds ahead. */
static const char script[] =
    "#!/bin/sh\n"
    "case \"$1 $2\" in\n"
    "'node clock') while read -r _; do echo $(($(date +%s%N) + 5000000000)); done ;;\n"
    "'channel blocks') echo \"{\\\"words\\\": \\\"$*\\\"}\" ;;\n"
    "'node status') echo 'no JSON' ;;\n"
    "*) exit 3 ;;\n"
    "esac\n";

static void test_a_command_gets_its_words_and_its_answer_is_read(void)
{
    struct fama_host host = {.name = "p0", .command = " env  A=b ", .socket = "/run/s"};
    char path[PATH_BYTES + 16];
    struct fama_error error = {""};
    json_t *answer = NULL;
    write_file("fama", script, 0700, path);
    (void)snprintf(host.fama, sizeof host.fama, "%s", path);
    const char *const words[] = {"channel", "blocks", "--first", "7", NULL};
    CU_ASSERT_EQUAL_FATAL(fama_host_ask(&host, words, &answer, &error), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "words")),
                           "channel blocks --first 7 --socket /run/s --json");
    json_decref(answer);
    const char *const failing[] = {"node", "stop", NULL};
    CU_ASSERT_EQUAL(fama_host_ask(&host, failing, &answer, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "exit code 3"));
    const char *const garbled[] = {"node", "status", NULL};
    CU_ASSERT_EQUAL(fama_host_ask(&host, garbled, &answer, &error), -1);
    (void)snprintf(host.command, sizeof host.command, "/nonexistent/ssh");
    CU_ASSERT_EQUAL(fama_host_ask(&host, words, &answer, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/nonexistent/ssh"));
}

static void test_a_clock_that_is_ahead_is_found_out_within_the_stated_error(void)
{
    struct fama_host host = {.name = "p0"};
    struct fama_host_clock clock;
    char path[PATH_BYTES + 16];
    struct fama_error error = {""};
    write_file("fama", script, 0700, path);
    (void)snprintf(host.fama, sizeof host.fama, "%s", path);
    CU_ASSERT_EQUAL_FATAL(fama_host_clock(&host, &clock, &error), 0);
    int64_t wrong = clock.offset_ns - 5000000000;
    CU_ASSERT_TRUE(clock.error_ns > 0);
    CU_ASSERT_TRUE((uint64_t)(wrong < 0 ? -wrong : wrong) <= clock.error_ns);
    (void)snprintf(host.fama, sizeof host.fama, "/bin/false");
    CU_ASSERT_EQUAL(fama_host_clock(&host, &clock, &error), -1);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_the_leader_comes_first_and_names_may_hold_dots),
        TEST(test_what_is_wrong_in_the_file_is_said),
        TEST(test_a_command_gets_its_words_and_its_answer_is_read),
        TEST(test_a_clock_that_is_ahead_is_found_out_within_the_stated_error),
    };
    struct fama_error error = {""};
    (void)signal(SIGPIPE, SIG_IGN); /* as the bench does: a command may end before it is asked */
    if (fama_scratch_make("/tmp", "fama-test-hosts", folder, sizeof folder, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    int status = run_suite("hosts of a cluster", cases, sizeof cases / sizeof cases[0]);
    fama_scratch_remove(folder);
    return status;
}
