/* `fama ca ...`: the small certificate authority. */
#include <stdio.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/config.h"
#include "crypto/ca.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int misuse(const char *words, const char *value)
{
    (void)fprintf(stderr, "fama: %s%s: see `fama ca issue --help`\n", words, value);
    return FAMA_EXIT_USAGE;
}

int fama_cli_ca_init(int argc, char **argv)
{
    const char *folder = NULL;
    const char *domain = NULL;
    struct fama_error error = {{0}};
    const struct fama_option options[] = {{"org-dir", FAMA_OPTION_TEXT, &folder, true},
                                          {"domain", FAMA_OPTION_TEXT, &domain, true}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (fama_ca_init(folder, domain, &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    (void)printf("made the organisation %s in %s\n", domain, folder);
    return fama_cli_finish(0);
}

static bool parse_role(const char *text, enum fama_msp_role *role)
{
    static const struct {
        const char *name;
        enum fama_msp_role role;
    } roles[] = {{"peer", FAMA_MSP_ROLE_PEER},
                 {"orderer", FAMA_MSP_ROLE_ORDERER},
                 {"admin", FAMA_MSP_ROLE_ADMIN},
                 {"client", FAMA_MSP_ROLE_CLIENT}};
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (strcmp(text, roles[i].name) == 0) {
            *role = roles[i].role;
            return true;
        }
    }
    return false;
}

/* A duration from now, in seconds; a minus means the past. */
static bool parse_offset(const char *text, int64_t *seconds)
{
    uint64_t ns;
    bool is_past = *text == '-';
    if (!fama_duration_parse(is_past ? text + 1 : text, &ns)) {
        return false;
    }
    int64_t value = (int64_t)(ns / UINT64_C(1000000000));
    *seconds = is_past ? -value : value;
    return true;
}

int fama_cli_ca_issue(int argc, char **argv)
{
    const char *role = NULL;
    const char *not_before = "-1h";
    const char *not_after = "43800h";
    struct fama_texts sans = {.count = 0};
    struct fama_ca_issue request = {0};
    struct fama_error error = {{0}};
    char made[4096];
    const struct fama_option options[] = {
        {"org-dir", FAMA_OPTION_TEXT, &request.organisation, true},
        {"role", FAMA_OPTION_TEXT, &role, true},
        {"name", FAMA_OPTION_TEXT, &request.name, true},
        {"san", FAMA_OPTION_TEXTS, &sans, false},
        {"not-before", FAMA_OPTION_TEXT, &not_before, false},
        {"not-after", FAMA_OPTION_TEXT, &not_after, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (!parse_role(role, &request.role)) {
        return misuse("--role takes peer, orderer, admin or client, not ", role);
    }
    if (!parse_offset(not_before, &request.not_before_s)) {
        return misuse("--not-before takes a duration from now like -1h, not ", not_before);
    }
    if (!parse_offset(not_after, &request.not_after_s)) {
        return misuse("--not-after takes a duration from now like 8760h, not ", not_after);
    }
    request.sans = sans.items;
    request.san_count = sans.count;
    if (fama_ca_issue(&request, made, sizeof made, &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    (void)printf("%s\n", made);
    return fama_cli_finish(0);
}
