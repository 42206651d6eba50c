#include "controlplane/cli_ask.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/admin.h"
#include "controlplane/config.h"

#define ANSWER_MS 30000

int fama_cli_fail(int code, const struct fama_error *error)
{
    (void)fprintf(stderr, "fama: %s\n", error->text);
    return code;
}

static int find_socket(const struct fama_cli_target *target, char path[PATH_MAX],
                       struct fama_error *error)
{
    struct fama_config *config = NULL;
    if (target->socket != NULL) {
        int len = snprintf(path, PATH_MAX, "%s", target->socket);
        return len >= 0 && len < PATH_MAX
                   ? 0
                   : fama_error_set(error, FAMA_CONFIG_INVALID,
                                    "the path is too long: --socket: shorten it");
    }
    int status = fama_config_load(target->config, &config, error);
    if (status == 0) {
        (void)snprintf(path, PATH_MAX, "%s", config->admin_socket);
    }
    fama_config_free(config);
    return status;
}

int fama_cli_ask(const struct fama_cli_target *target, json_t *request, json_t **answer)
{
    struct fama_error error = {{0}};
    char path[PATH_MAX];
    *answer = NULL;
    if (find_socket(target, path, &error) != 0) {
        json_decref(request);
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    int status = fama_admin_ask(path, request, ANSWER_MS, answer, &error);
    if (status == 0) {
        return FAMA_EXIT_OK;
    }
    return fama_cli_fail(
        status == FAMA_ADMIN_UNREACHABLE ? FAMA_EXIT_UNREACHABLE : FAMA_EXIT_FAILED, &error);
}

int fama_cli_finish(int table_status)
{
    if (table_status == 0 && fflush(stdout) == 0 && !ferror(stdout)) {
        return FAMA_EXIT_OK;
    }
    (void)fprintf(stderr, "fama: cannot write the answer: standard output: is the disk full or the "
                          "reader gone?\n");
    return FAMA_EXIT_FAILED;
}

int fama_cli_print_json(json_t *answer)
{
    int status = json_dumpf(answer, stdout, JSON_COMPACT);
    json_decref(answer);
    if (status == 0 && fputc('\n', stdout) == EOF) {
        status = -1;
    }
    return fama_cli_finish(status);
}

const char *fama_cli_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

long long fama_cli_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}
