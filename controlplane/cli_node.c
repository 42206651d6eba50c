/* `fama node ...`: run a node, look at a running one, show the configuration. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/config.h"
#include "controlplane/node.h"
#include "controlplane/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int fama_cli_node_start(int argc, char **argv)
{
    const char *file = NULL;
    struct fama_config *config;
    struct fama_error error = {{0}};
    const struct fama_option options[] = {{"config", FAMA_OPTION_TEXT, &file, false}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (fama_config_load(file, &config, &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    status = fama_node_run(config);
    fama_config_free(config);
    return status;
}

/* ---- clock ---- */

/* A line for a line, at once: whoever asks measures the way there and back. */
int fama_cli_node_clock(int argc, char **argv)
{
    char line[64];
    int status = fama_options_parse(NULL, NULL, 0, argc, argv, NULL);
    while (status == 0 && fgets(line, sizeof line, stdin) != NULL) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
        (void)printf("%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
        status = fama_cli_finish(0);
    }
    return status;
}

/* ---- status ---- */

static void write_uptime(long long seconds)
{
    (void)printf("up         %lldd %02lldh %02lldm %02llds\n", seconds / 86400, seconds / 3600 % 24,
                 seconds / 60 % 60, seconds % 60);
}

static int write_channels(const json_t *channels)
{
    size_t index;
    const json_t *channel;
    struct fama_table *table =
        fama_table_new("CHANNEL >HEIGHT >KNOWN >LAG >PUSH >PULL >SOURCE >REFUSED >TRANSACTIONS "
                       ">INVALID LAST_BLOCK_HASH COMMIT_HASH");
    json_array_foreach(channels, index, channel)
    {
        const char *name;
        json_t *count;
        long long refused = 0;
        json_object_foreach(json_object_get(channel, "refused"), name, count)
        {
            refused += json_integer_value(count);
        }
        fama_table_cell(table, "%s", fama_cli_text(channel, "channel"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "height"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "known_height"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "lag"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "blocks_by_push"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "blocks_by_pull"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "blocks_from_source"));
        fama_table_cell(table, "%lld", refused);
        fama_table_cell(table, "%lld", fama_cli_number(channel, "transactions"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "invalid_transactions"));
        fama_table_cell(table, "%.16s", fama_cli_text(channel, "last_hash"));
        fama_table_cell(table, "%.16s", fama_cli_text(channel, "commit_hash"));
    }
    return fama_table_print(table, stdout);
}

/* What needs a person's attention: refused blocks by name, channels that have stopped. */
static void write_troubles(const json_t *channels)
{
    size_t index;
    const json_t *channel;
    json_array_foreach(channels, index, channel)
    {
        const char *id = fama_cli_text(channel, "channel");
        const char *name;
        json_t *count;
        json_object_foreach(json_object_get(channel, "refused"), name, count)
        {
            (void)printf("%s: refused %lld x %s\n", id, (long long)json_integer_value(count), name);
        }
        if (json_object_get(channel, "error") != NULL) {
            (void)printf("%s: STOPPED: %s\n", id, fama_cli_text(channel, "error"));
        }
    }
}

/* Only where something had to wait: else the order of sending made no difference. */
static void write_waiting(const json_t *classes)
{
    const char *name;
    json_t *counts;
    json_object_foreach((json_t *)classes, name, counts)
    {
        if (fama_cli_number(counts, "waiting_ms") > 0) {
            (void)printf("waited     %s packets, for %lld ms in all\n", name,
                         fama_cli_number(counts, "waiting_ms"));
        }
    }
}

static int write_dataplane(const json_t *dataplane)
{
    const char *name;
    json_t *value;
    (void)printf("received   %lld packets, %lld bytes\n", fama_cli_number(dataplane, "rx_packets"),
                 fama_cli_number(dataplane, "rx_bytes"));
    (void)printf("sent       %lld packets, %lld bytes\n", fama_cli_number(dataplane, "tx_packets"),
                 fama_cli_number(dataplane, "tx_bytes"));
    write_waiting(json_object_get(dataplane, "classes"));
    (void)printf("signatures %lld verified, %lld bad\n",
                 fama_cli_number(dataplane, "signatures_verified"),
                 fama_cli_number(dataplane, "signatures_bad"));
    const json_t *drops = json_object_get(dataplane, "drops");
    if (json_object_size(drops) == 0) {
        return 0;
    }
    (void)putchar('\n');
    struct fama_table *table = fama_table_new("DROPPED >COUNT");
    json_object_foreach((json_t *)drops, name, value)
    {
        fama_table_cell(table, "%s", name);
        fama_table_cell(table, "%lld", (long long)json_integer_value(value));
    }
    return fama_table_print(table, stdout);
}

int fama_cli_node_status(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target)};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status = status == 0 ? fama_cli_ask(&target, json_pack("{s:s}", "op", "node.status"), &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    const json_t *channels = json_object_get(answer, "channels");
    (void)printf("node       %s (%s), %s, process %lld\n", fama_cli_text(answer, "peer_id"),
                 fama_cli_text(answer, "mspid"), fama_cli_text(answer, "role"),
                 fama_cli_number(answer, "pid"));
    (void)printf("PKI-ID     %s\n", fama_cli_text(answer, "pki_id"));
    (void)printf("endpoint   %s on %s, %s\n", fama_cli_text(answer, "endpoint"),
                 fama_cli_text(answer, "port"),
                 json_is_true(json_object_get(answer, "hugepages")) ? "hugepages"
                                                                    : "ordinary pages");
    write_uptime(fama_cli_number(answer, "uptime_s"));
    int second = write_dataplane(json_object_get(answer, "dataplane"));
    (void)putchar('\n');
    if (json_array_size(channels) == 0) {
        (void)printf("no channel is joined: `fama channel join GENESIS.block`\n");
    } else {
        status = write_channels(channels);
        write_troubles(channels);
    }
    json_decref(answer);
    return fama_cli_finish(status != 0 ? status : second);
}

/* ---- config ---- */

static int print_config_json(const struct fama_config *config)
{
    json_t *keys = json_array();
    int status = keys != NULL ? 0 : -1;
    for (size_t i = 0; i < fama_config_entry_count() && status == 0; i++) {
        struct fama_config_entry entry = fama_config_entry_at(config, i);
        status = json_array_append_new(keys, json_pack("{s:s, s:s, s:s, s:s}", "key", entry.key,
                                                       "value", entry.value, "origin", entry.origin,
                                                       "words", entry.words));
    }
    json_t *answer =
        status == 0 ? json_pack("{s:s, s:O}", "file", config->file, "keys", keys) : NULL;
    json_decref(keys);
    return fama_cli_print_json(answer);
}

static int print_config(const struct fama_config *config, bool with_words)
{
    struct fama_table *table =
        fama_table_new(with_words ? "KEY VALUE ORIGIN MEANING" : "KEY VALUE ORIGIN");
    for (size_t i = 0; i < fama_config_entry_count(); i++) {
        struct fama_config_entry entry = fama_config_entry_at(config, i);
        fama_table_cell(table, "%s", entry.key);
        fama_table_cell(table, "%s", entry.value[0] != '\0' ? entry.value : "-");
        fama_table_cell(table, "%s", entry.origin);
        if (with_words) {
            fama_table_cell(table, "%s", entry.words);
        }
    }
    return fama_cli_finish(fama_table_print(table, stdout));
}

int fama_cli_node_config(int argc, char **argv)
{
    const char *file = NULL;
    bool json = false;
    bool brief = false;
    bool sample = false;
    struct fama_config *config;
    struct fama_error error = {{0}};
    const struct fama_option options[] = {
        {"config", FAMA_OPTION_TEXT, &file, false},
        {"json", FAMA_OPTION_FLAG, &json, false},
        {"brief", FAMA_OPTION_FLAG, &brief, false},
        {"sample", FAMA_OPTION_FLAG, &sample, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (sample) {
        return fama_cli_finish(fama_config_write_sample(stdout));
    }
    if (fama_config_load(file, &config, &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    status = json ? print_config_json(config) : print_config(config, !brief);
    fama_config_free(config);
    return status;
}
