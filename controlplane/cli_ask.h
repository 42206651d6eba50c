/* What the commands that talk to a running node have in common: finding its socket, asking, and saying
 * what went wrong. Main thread of a command. */
#ifndef FAMA_CONTROLPLANE_CLI_ASK_H
#define FAMA_CONTROLPLANE_CLI_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "controlplane/command.h"
#include "crypto/error.h"

struct fama_cli_target {
    const char *socket; /* --socket: wins */
    const char *config; /* --config: its fama.admin.socket; NULL: where a node would look */
    bool json;          /* --json */
};

/* The three options every such command has: rows of an array of struct fama_option. */
#define FAMA_CLI_TARGET_OPTIONS(target)                                                            \
    {"socket", FAMA_OPTION_TEXT, &(target).socket, false},                                         \
        {"config", FAMA_OPTION_TEXT, &(target).config, false},                                     \
    {                                                                                              \
        "json", FAMA_OPTION_FLAG, &(target).json, false                                            \
    }

/* The lines about them in a command's help. */
#define FAMA_CLI_TARGET_HELP                                                                       \
    "  --socket PATH   the node's admin socket\n"                                                  \
    "  --config FILE   the node's core.yaml, which names the socket (default: core.yaml in\n"      \
    "                  $FABRIC_CFG_PATH, ./ or /etc/hyperledger/fabric, and the environment)\n"    \
    "  --json          the answer as one line of JSON\n"

/* Sends `request` (stolen). FAMA_EXIT_OK with *answer the caller's, or the exit code after one line on
 * standard error. */
int fama_cli_ask(const struct fama_cli_target *target, json_t *request, json_t **answer);

/* One line on standard error, "fama: <words>"; returns `code`. */
int fama_cli_fail(int code, const struct fama_error *error);

/* One line of JSON on standard output; releases `answer`. Returns an exit code. */
int fama_cli_print_json(json_t *answer);
/* Exit code of a command that has written all it has to standard output; complains if that failed. */
int fama_cli_finish(int table_status);

/* Parts of an answer, "-" or 0 where it lacks them: nodes of other versions may answer otherwise. */
const char *fama_cli_text(const json_t *object, const char *key);
long long fama_cli_number(const json_t *object, const char *key);

#endif
