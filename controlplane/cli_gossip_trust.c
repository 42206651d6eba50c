/* `fama gossip trust`: sessions, channel keys, and evidence against liars. */
#include <stdio.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *yes_or_no(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key)) ? "yes" : "no";
}

static int print_sessions(const json_t *sessions)
{
    struct fama_table *table = fama_table_new("SESSION_WITH ENDPOINT SEALS_WITH >AGE >SEALED");
    size_t index;
    const json_t *session;
    json_array_foreach(sessions, index, session)
    {
        fama_table_cell(table, "%s", fama_cli_text(session, "peer"));
        fama_table_cell(table, "%s", fama_cli_text(session, "endpoint"));
        fama_table_cell(table, "%s", yes_or_no(session, "preferred"));
        fama_table_cell(table, "%.1fs", (double)fama_cli_number(session, "age_ms") / 1000.0);
        fama_table_cell(table, "%lld", (long long)fama_cli_number(session, "sealed"));
    }
    return fama_table_print(table, stdout);
}

static int print_keys(const json_t *keys)
{
    struct fama_table *table =
        fama_table_new("CHANNEL >EPOCH >MEMBERS >WITHOUT_IT >OTHERS' >PARITY >LOSS TREES");
    size_t index;
    const json_t *key;
    json_array_foreach(keys, index, key)
    {
        fama_table_cell(table, "%s", fama_cli_text(key, "channel"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(key, "epoch"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(key, "members"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(key, "without"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(key, "received"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(key, "parity"));
        fama_table_cell(table, "%.2f%%", json_number_value(json_object_get(key, "loss_percent")));
        fama_table_cell(table, "%s",
                        json_is_true(json_object_get(key, "infectious")) ? "not trusted" : "yes");
    }
    return fama_table_print(table, stdout);
}

static int print_evidence(const json_t *evidence)
{
    if (json_array_size(evidence) == 0) {
        (void)printf("(nobody has signed two different things)\n");
        return 0;
    }
    struct fama_table *table = fama_table_new("SIGNED_TWICE CHANNEL >BLOCK >SET ROOT OTHER_ROOT");
    size_t index;
    const json_t *at;
    json_array_foreach(evidence, index, at)
    {
        const json_t *roots = json_object_get(at, "roots");
        fama_table_cell(table, "%s", fama_cli_text(at, "name"));
        fama_table_cell(table, "%s", fama_cli_text(at, "channel"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(at, "block"));
        fama_table_cell(table, "%lld", (long long)fama_cli_number(at, "set"));
        fama_table_cell(table, "%.16s", fama_cli_text(json_array_get(roots, 0), "root"));
        fama_table_cell(table, "%.16s", fama_cli_text(json_array_get(roots, 1), "root"));
    }
    return fama_table_print(table, stdout);
}

int fama_cli_gossip_trust(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target)};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status = status == 0 ? fama_cli_ask(&target, json_pack("{s:s}", "op", "gossip.trust"), &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    int sessions = print_sessions(json_object_get(answer, "sessions"));
    (void)putchar('\n');
    int keys = print_keys(json_object_get(answer, "keys"));
    (void)putchar('\n');
    int evidence = print_evidence(json_object_get(answer, "evidence"));
    json_decref(answer);
    return fama_cli_finish(sessions != 0 ? sessions : keys != 0 ? keys : evidence);
}
