#include "controlplane/cli.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "controlplane/admin.h"
#include "controlplane/command.h"
#include "controlplane/table.h"
#include "unit/run_command.h"

/* The commands against an admin socket that answers as a node does; what they print is caught. */
static char folder[] = "/tmp/fama-test-cli-XXXXXX";
static char socket_option[96];

/* What was asked last: the operation and its arguments as JSON. */
static char asked[PATH_MAX + 256];

static json_t *answer_to(const char *op)
{
    static const struct {
        const char *op;
        const char *answer;
    } answers[] = {
        {"node.status", "{\"peer_id\":\"p0\",\"mspid\":\"SipherMSP\",\"pki_id\":\"00ff\","
                        "\"endpoint\":\"198.18.0.11:7051\","
                        "\"role\":\"leader\",\"uptime_s\":90061,\"pid\":7,\"port\":\"net_tap0\","
                        "\"hugepages\":false,"
                        "\"channels\":[{\"channel\":\"drivenet\",\"height\":85,\"last_hash\":"
                        "\"0123456789abcdefXX\",\"commit_hash\":\"fedcba9876543210XX\","
                        "\"transactions\":4711,\"invalid_transactions\":13,"
                        "\"known_height\":90,\"lag\":5,\"blocks_by_push\":80,\"blocks_by_pull\":4,"
                        "\"blocks_from_source\":0,\"refused\":{\"block_data_hash\":3},\"error\":"
                        "\"disk is full\"}],"
                        "\"dataplane\":{\"rx_packets\":11,\"drops\":{\"no_mbuf\":2}}}"},
        {"gossip.members", "{\"self\":{\"pki_id\":\"aa\",\"endpoint\":\"198.18.0.11:7051\","
                           "\"mspid\":\"SipherMSP\",\"name\":"
                           "\"p0\"},\"members\":[{\"pki_id\":\"bb\",\"mspid\":\"SipherMSP\","
                           "\"name\":\"p1\\u001b[2J\","
                           "\"endpoint\":\"198.18.0.12:7051\",\"state\":\"alive\",\"last_seen_ms\":"
                           "1234,\"incarnation\":1,"
                           "\"sequence\":2,\"heights\":{\"drivenet\":85,\"other\":7}},{\"state\":"
                           "\"dead\",\"name\":\"p2\"}]}"},
        {"gossip.stats", "{\"counters\":{\"rx_packets\":11},\"drops\":{\"no_mbuf\":{\"count\":2,"
                         "\"words\":\"the packet pool "
                         "is empty\"},\"tx_full\":{\"count\":0,\"words\":\"never happened\"}}}"},
        {"channel.join", "{\"channel\":\"drivenet\",\"height\":1}"},
        {"channel.list", "{\"channels\":[{\"channel\":\"drivenet\",\"height\":85}]}"},
        {"channel.getinfo", "{\"channel\":\"drivenet\",\"height\":85,\"current_block_hash\":\"cc\","
                            "\"previous_block_hash\":\"dd\",\"commit_hash\":\"ee\"}"},
        {"channel.blocks", "{\"channel\":\"drivenet\",\"height\":85,\"monotonic_ns\":9000000,"
                           "\"realtime_ns\":1000,\"blocks\":[{\"number\":84,\"bytes\":4711,"
                           "\"path\":\"push\",\"whole_ns\":1000000,\"judged_ns\":3500000,"
                           "\"sent_ns\":0,\"committed_ns\":8000000}]}"},
        {"channel.fetch", "{\"number\":84,\"block_base64\":\"YmxvY2s=\"}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(op, answers[i].op) == 0) {
            return json_loads(answers[i].answer, 0, NULL);
        }
    }
    return NULL;
}

static void handle(void *context, struct fama_admin_call *call, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    const char *channel = json_string_value(json_object_get(request, "channel"));
    char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    (void)context;
    (void)snprintf(asked, sizeof asked, "%s", text);
    free(text);
    if (channel != NULL && strcmp(channel, "nowhere") == 0) {
        fama_admin_refuse(call, "channel nowhere is not joined: `fama channel join` first");
    } else {
        fama_admin_answer(call, answer_to(op));
    }
}

static struct event_base *base;
static struct fama_admin *admin;

static void look(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    if (atomic_load((atomic_bool *)context)) {
        (void)event_base_loopbreak(base);
    }
}

static atomic_bool must_stop;

static void *serve(void *context)
{
    (void)event_base_dispatch(base);
    return context;
}

static int run(int (*command)(int, char **), const char *line)
{
    return run_command(socket_option, command, line);
}

static void test_status_shows_channels_drops_and_troubles(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_node_status, ""), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "p0 (SipherMSP), leader"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "1d 01h 01m 01s"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "no_mbuf"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        caught, "drivenet      85     90    5    80     4       0        3          4711       13  "
                "0123456789abcdef  fedcba9876543210\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "drivenet: refused 3 x block_data_hash\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "drivenet: STOPPED: disk is full\n"));
}

static void test_members_are_listed_and_cannot_drive_the_terminal(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_gossip_members, ""), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "1.2s"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "drivenet:85 other:7"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "p1.[2J"));
    CU_ASSERT_PTR_NULL(strchr(caught, '\x1b'));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "2 others, 1 alive\n"));
}

static void test_stats_show_reasons_that_occurred_and_all_on_request(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_gossip_stats, ""), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "the packet pool is empty"));
    CU_ASSERT_PTR_NULL(strstr(caught, "tx_full"));
    CU_ASSERT_EQUAL(run(fama_cli_gossip_stats, "--all"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "never happened"));
}

static void test_json_is_one_line_that_parses(void)
{
    static int (*const commands[])(int, char **) = {fama_cli_node_status, fama_cli_gossip_members,
                                                    fama_cli_gossip_stats, fama_cli_channel_list};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        CU_ASSERT_EQUAL(run(commands[i], "--json"), FAMA_EXIT_OK);
        CU_ASSERT_PTR_EQUAL(strchr(caught, '\n'), caught + strlen(caught) - 1);
        json_t *parsed = json_loads(caught, 0, NULL);
        CU_ASSERT_TRUE(json_is_object(parsed));
        json_decref(parsed);
    }
}

static void test_join_sends_an_absolute_path(void)
{
    char line[128];
    char expected[256];
    char file[128];
    (void)snprintf(file, sizeof file, "%s/genesis.block", folder);
    FILE *out = fopen(file, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    (void)fclose(out);
    (void)snprintf(line, sizeof line, "%s/../%s/genesis.block", folder, folder + strlen("/tmp/"));
    CU_ASSERT_EQUAL(run(fama_cli_channel_join, line), FAMA_EXIT_OK);
    (void)snprintf(expected, sizeof expected, "{\"block_file\":\"%s\",\"op\":\"channel.join\"}",
                   file);
    CU_ASSERT_STRING_EQUAL(asked, expected);
    CU_ASSERT_STRING_EQUAL(caught, "joined drivenet, height 1\n");
    CU_ASSERT_EQUAL(run(fama_cli_channel_join, "/nonexistent.block"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("/nonexistent.block: No such file"));
    CU_ASSERT_EQUAL(run(fama_cli_channel_join, ""), FAMA_EXIT_USAGE);
    (void)unlink(file);
}

static void test_fetch_asks_for_the_block_and_writes_its_bytes(void)
{
    char line[128];
    char file[64];
    char bytes[16] = {0};
    (void)snprintf(file, sizeof file, "%s/b", folder);
    (void)snprintf(line, sizeof line, "newest --channel drivenet --out %s", file);
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, line), FAMA_EXIT_OK);
    CU_ASSERT_STRING_EQUAL(asked,
                           "{\"channel\":\"drivenet\",\"number\":84,\"op\":\"channel.fetch\"}");
    FILE *in = fopen(file, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    CU_ASSERT_EQUAL(fread(bytes, 1, sizeof bytes, in), 5);
    CU_ASSERT_STRING_EQUAL(bytes, "block");
    (void)fclose(in);
    (void)unlink(file);
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, "84 --channel drivenet --out -"), FAMA_EXIT_OK);
    CU_ASSERT_STRING_EQUAL(caught, "block");
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, "oldest --channel drivenet --out -"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(asked, "\"number\":0,"));
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, "last --channel drivenet"), FAMA_EXIT_USAGE);
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, "99999999999999999999 --channel drivenet"),
                    FAMA_EXIT_USAGE);
    CU_ASSERT_EQUAL(run(fama_cli_channel_fetch, "1 --channel drivenet --out /nonexistent/b"),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("/nonexistent/b"));
}

static void test_the_times_of_blocks_are_shown_as_intervals(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_channel_blocks, "--channel drivenet --first 80 --count 5"),
                    FAMA_EXIT_OK);
    CU_ASSERT_STRING_EQUAL(asked, "{\"channel\":\"drivenet\",\"count\":5,\"first\":80,\"op\":"
                                  "\"channel.blocks\"}");
    CU_ASSERT_STRING_EQUAL(caught, "BLOCK  BYTES  CAME  JUDGING MS  COMMITTING MS\n"
                                   "   84   4711  push       2.500          4.500\n");
    CU_ASSERT_EQUAL(run(fama_cli_channel_blocks, "--channel drivenet --count 1025"),
                    FAMA_EXIT_USAGE);
}

static void test_a_refusal_a_missing_node_and_wrong_usage_have_their_own_codes(void)
{
    CU_ASSERT_EQUAL(run(fama_cli_channel_getinfo, "--channel nowhere"), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("channel nowhere is not joined"));
    CU_ASSERT_EQUAL(run(fama_cli_channel_getinfo, ""), FAMA_EXIT_USAGE);
    CU_ASSERT_TRUE(is_one_complaint("--channel is missing"));
    CU_ASSERT_EQUAL(run_command("--socket /nonexistent/sock", fama_cli_channel_list, ""),
                    FAMA_EXIT_UNREACHABLE);
    CU_ASSERT_TRUE(is_one_complaint("/nonexistent/sock: no node runs there"));
    CU_ASSERT_EQUAL(run_command("--config /nonexistent.yaml", fama_cli_channel_list, ""),
                    FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("/nonexistent.yaml"));
}

static void test_the_configuration_names_the_socket(void)
{
    char line[128];
    char file[64];
    (void)snprintf(file, sizeof file, "%s/core.yaml", folder);
    FILE *out = fopen(file, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_TRUE(
        fputs("peer: {id: p, localMspId: M, mspConfigPath: m, address: '198.18.0.1:1'}\n"
              "fama: {admin: {socket: s}, dataplane: {port: x, address: 198.18.0.1/24}}\n",
              out) >= 0);
    (void)fclose(out);
    (void)snprintf(line, sizeof line, "--config %s", file);
    CU_ASSERT_EQUAL(run_command(line, fama_cli_channel_getinfo, "--channel drivenet"),
                    FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "height               85\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "commit hash          ee\n"));
    CU_ASSERT_EQUAL(run_command(line, fama_cli_node_config, "--brief"), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "core.yaml:2"));
    CU_ASSERT_EQUAL(run_command(line, fama_cli_node_config, "--json"), FAMA_EXIT_OK);
    json_t *parsed = json_loads(caught, 0, NULL);
    CU_ASSERT_TRUE(json_array_size(json_object_get(parsed, "keys")) > 40);
    json_decref(parsed);
    (void)unlink(file);
}

static void test_an_organisation_an_identity_and_a_genesis_block_can_be_made(void)
{
    char line[512];
    (void)snprintf(line, sizeof line, "--org-dir %s/org --domain sipher.lab", folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_ca_init, line), FAMA_EXIT_OK);
    CU_ASSERT_EQUAL(run_command("", fama_cli_ca_init, line), FAMA_EXIT_FAILED);
    CU_ASSERT_TRUE(is_one_complaint("exists"));
    (void)snprintf(line, sizeof line, "--org-dir %s/org --role peer --name p0 --san 198.18.0.11",
                   folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_ca_issue, line), FAMA_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught, "/org/peers/p0.sipher.lab\n"));
    (void)snprintf(line, sizeof line, "--org-dir %s/org --role king --name p1", folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_ca_issue, line), FAMA_EXIT_USAGE);
    (void)snprintf(line, sizeof line, "--org-dir %s/org --role peer --name p1 --not-after soon",
                   folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_ca_issue, line), FAMA_EXIT_USAGE);
    (void)snprintf(line, sizeof line,
                   "--channel drivenet --out %s/g.block --orderer O=OMSP:%s/org/msp --org "
                   "S=SMSP:%s/org/msp --anchor S=p0.sipher.lab:7051",
                   folder, folder, folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_channel_genesis, line), FAMA_EXIT_OK);
    (void)snprintf(line, sizeof line,
                   "--channel c --out %s/h --orderer O=OMSP --org S=SMSP:%s/org/msp", folder,
                   folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_channel_genesis, line), FAMA_EXIT_USAGE);
    CU_ASSERT_TRUE(is_one_complaint("NAME=MSPID:DIRECTORY: O=OMSP"));
    (void)snprintf(
        line, sizeof line,
        "--channel c --out %s/h --orderer O=OMSP:%s/org/msp --org S=SMSP:%s/org/msp --anchor "
        "T=a:1",
        folder, folder, folder);
    CU_ASSERT_EQUAL(run_command("", fama_cli_channel_genesis, line), FAMA_EXIT_USAGE);
    CU_ASSERT_TRUE(is_one_complaint("T=a:1"));
}

static void test_tables_align_numbers_right_and_count_letters_not_bytes(void)
{
    char text[256];
    FILE *out = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    struct fama_table *table = fama_table_new("NAME >BIG_NUMBER LAST");
    static const char *const cells[] = {"\xc3\xa9", "7", "x", "abcdef", "1234567890123", "y"};
    for (size_t i = 0; i < 6; i++) {
        fama_table_cell(table, "%s", cells[i]);
    }
    CU_ASSERT_EQUAL(fama_table_print(table, out), 0);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    (void)fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "NAME       BIG NUMBER  LAST\n"
                                 "\xc3\xa9                   7  x\n"
                                 "abcdef  1234567890123  y\n");
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_status_shows_channels_drops_and_troubles),
        TEST(test_members_are_listed_and_cannot_drive_the_terminal),
        TEST(test_stats_show_reasons_that_occurred_and_all_on_request),
        TEST(test_json_is_one_line_that_parses),
        TEST(test_join_sends_an_absolute_path),
        TEST(test_fetch_asks_for_the_block_and_writes_its_bytes),
        TEST(test_the_times_of_blocks_are_shown_as_intervals),
        TEST(test_a_refusal_a_missing_node_and_wrong_usage_have_their_own_codes),
        TEST(test_the_configuration_names_the_socket),
        TEST(test_an_organisation_an_identity_and_a_genesis_block_can_be_made),
        TEST(test_tables_align_numbers_right_and_count_letters_not_bytes),
    };
    const struct timeval often = {.tv_usec = 10000};
    struct fama_error error = {{0}};
    char path[64];
    char cleanup[64];
    pthread_t thread;
    base = event_base_new();
    if (base == NULL || mkdtemp(folder) == NULL) {
        return EXIT_FAILURE;
    }
    (void)snprintf(path, sizeof path, "%s/s", folder);
    (void)snprintf(socket_option, sizeof socket_option, "--socket %s", path);
    struct event *tick = event_new(base, -1, EV_PERSIST, look, &must_stop);
    if (fama_admin_listen(base, path, handle, NULL, &admin, &error) != 0 || tick == NULL ||
        event_add(tick, &often) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    int status = run_suite("cli", cases, sizeof cases / sizeof cases[0]);
    must_stop = true;
    (void)pthread_join(thread, NULL);
    fama_admin_close(admin);
    event_free(tick);
    event_base_free(base);
    (void)snprintf(cleanup, sizeof cleanup, "rm -rf %s", folder);
    return system(cleanup) == 0 ? status : EXIT_FAILURE;
}
