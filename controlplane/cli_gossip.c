/* `fama gossip ...`: what the running node knows of the others, and what it dropped. */
#include <stdio.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "drivenet:42 other:7" */
static void heights_text(const json_t *heights, char *text, size_t size)
{
    const char *channel;
    json_t *height;
    size_t len = 0;
    text[0] = '\0';
    json_object_foreach((json_t *)heights, channel, height)
    {
        int more = snprintf(text + len, size - len, "%s%s:%lld", len > 0 ? " " : "", channel,
                            (long long)json_integer_value(height));
        if (more < 0 || (size_t)more >= size - len) {
            break;
        }
        len += (size_t)more;
    }
}

int fama_cli_gossip_members(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target)};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status = status == 0
                 ? fama_cli_ask(&target, json_pack("{s:s}", "op", "gossip.members"), &answer)
                 : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    const json_t *self = json_object_get(answer, "self");
    struct fama_table *table = fama_table_new("STATE NAME MSP ENDPOINT >LAST_SEEN PKI-ID HEIGHTS");
    fama_table_cell(table, "self");
    fama_table_cell(table, "%s", fama_cli_text(self, "name"));
    fama_table_cell(table, "%s", fama_cli_text(self, "mspid"));
    fama_table_cell(table, "%s", fama_cli_text(self, "endpoint"));
    fama_table_cell(table, "-");
    fama_table_cell(table, "%.16s", fama_cli_text(self, "pki_id"));
    fama_table_cell(table, "-");
    size_t index;
    const json_t *member;
    size_t alive = 0;
    const json_t *members = json_object_get(answer, "members");
    json_array_foreach(members, index, member)
    {
        char heights[512];
        heights_text(json_object_get(member, "heights"), heights, sizeof heights);
        alive += strcmp(fama_cli_text(member, "state"), "alive") == 0;
        fama_table_cell(table, "%s", fama_cli_text(member, "state"));
        fama_table_cell(table, "%s", fama_cli_text(member, "name"));
        fama_table_cell(table, "%s", fama_cli_text(member, "mspid"));
        fama_table_cell(table, "%s", fama_cli_text(member, "endpoint"));
        fama_table_cell(table, "%.1fs", (double)fama_cli_number(member, "last_seen_ms") / 1000.0);
        fama_table_cell(table, "%.16s", fama_cli_text(member, "pki_id"));
        fama_table_cell(table, "%s", heights[0] != '\0' ? heights : "-");
    }
    status = fama_table_print(table, stdout);
    (void)printf("%zu others, %zu alive\n", json_array_size(members), alive);
    json_decref(answer);
    return fama_cli_finish(status);
}

int fama_cli_gossip_stats(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    bool all = false;
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target),
                                          {"all", FAMA_OPTION_FLAG, &all, false}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status = status == 0 ? fama_cli_ask(&target, json_pack("{s:s}", "op", "gossip.stats"), &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    const char *name;
    json_t *value;
    size_t shown = 0;
    struct fama_table *counters = fama_table_new("COUNTER >COUNT");
    json_object_foreach(json_object_get(answer, "counters"), name, value)
    {
        fama_table_cell(counters, "%s", name);
        fama_table_cell(counters, "%lld", (long long)json_integer_value(value));
    }
    struct fama_table *drops = fama_table_new("DROPPED >COUNT WHY");
    json_object_foreach(json_object_get(answer, "drops"), name, value)
    {
        long long count = fama_cli_number(value, "count");
        if (count > 0 || all) {
            shown++;
            fama_table_cell(drops, "%s", name);
            fama_table_cell(drops, "%lld", count);
            fama_table_cell(drops, "%s", fama_cli_text(value, "words"));
        }
    }
    status = fama_table_print(counters, stdout);
    (void)putchar('\n');
    int second = fama_table_print(drops, stdout);
    if (shown == 0) {
        (void)printf("(nothing was dropped)\n");
    }
    json_decref(answer);
    return fama_cli_finish(status != 0 ? status : second);
}
