/* `fama channel genesis`: a channel's first block from MSP directories. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "ledger/genesis.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXTS_MAX    COUNT(((struct fama_texts *)NULL)->items)

/* Organisations of one kind, and the texts and MSPs they point to. */
struct orgs {
    struct fama_genesis_org items[TEXTS_MAX];
    const char *endpoints[TEXTS_MAX][TEXTS_MAX];
    char *texts[TEXTS_MAX];
    struct fama_msp *msps[TEXTS_MAX];
    size_t count;
};

static int wrong(struct fama_error *error, const char *words, const char *text)
{
    return fama_error_set(error, FAMA_EXIT_USAGE, "%s: %.200s: see `fama channel genesis --help`",
                          words, text);
}

/* Takes "Sipher=SipherMSP:crypto/sipher/msp" apart and opens the directory. */
static int add_org(struct orgs *orgs, const char *text, struct fama_error *error)
{
    char *copy = strdup(text);
    char *equals = copy != NULL ? strchr(copy, '=') : NULL;
    char *colon = equals != NULL ? strchr(equals, ':') : NULL;
    orgs->texts[orgs->count] = copy;
    if (copy == NULL) {
        return fama_error_set(error, FAMA_EXIT_FAILED, "out of memory: organisation %s: free some",
                              text);
    }
    if (colon == NULL || equals == copy || colon == equals + 1 || colon[1] == '\0') {
        free(copy);
        orgs->texts[orgs->count] = NULL;
        return wrong(error, "an organisation is written NAME=MSPID:DIRECTORY", text);
    }
    *equals = '\0';
    *colon = '\0';
    if (fama_msp_open_directory(colon + 1, equals + 1, &orgs->msps[orgs->count], error) != 0) {
        free(copy);
        orgs->texts[orgs->count] = NULL;
        return FAMA_EXIT_FAILED;
    }
    orgs->items[orgs->count] = (struct fama_genesis_org){
        .name = copy, .msp = orgs->msps[orgs->count], .endpoints = orgs->endpoints[orgs->count]};
    orgs->count++;
    return 0;
}

static int add_orgs(struct orgs *orgs, const struct fama_texts *texts, struct fama_error *error)
{
    int status = 0;
    for (size_t i = 0; i < texts->count && status == 0; i++) {
        status = add_org(orgs, texts->items[i], error);
    }
    return status;
}

/* "Sipher=198.18.0.11:7051" for the organisation of that name among `orgs`. */
static int add_endpoints(struct orgs *orgs, const struct fama_texts *texts,
                         struct fama_error *error)
{
    for (size_t i = 0; i < texts->count; i++) {
        const char *equals = strchr(texts->items[i], '=');
        size_t len = equals != NULL ? (size_t)(equals - texts->items[i]) : 0;
        size_t org = 0;
        while (org < orgs->count && (strlen(orgs->items[org].name) != len ||
                                     memcmp(orgs->items[org].name, texts->items[i], len) != 0)) {
            org++;
        }
        if (equals == NULL || org == orgs->count) {
            return wrong(error,
                         "an endpoint is written NAME=host:port, NAME being an organisation's",
                         texts->items[i]);
        }
        orgs->endpoints[org][orgs->items[org].endpoint_count++] = equals + 1;
    }
    return 0;
}

static void release(struct orgs *orgs)
{
    for (size_t i = 0; i < orgs->count; i++) {
        free(orgs->texts[i]);
        fama_msp_release(orgs->msps[i]);
    }
    free(orgs);
}

static int write_file(const char *file, const uint8_t *bytes, size_t len, struct fama_error *error)
{
    FILE *out = fopen(file, "wb");
    bool is_written = out != NULL && fwrite(bytes, 1, len, out) == len;
    int reason = errno;
    if (out != NULL && fclose(out) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    return is_written
               ? 0
               : fama_error_set(error, FAMA_EXIT_FAILED, "cannot write the genesis block: %s: %s",
                                file, strerror(reason));
}

struct wanted {
    const char *channel;
    const char *file;
    struct fama_texts orderers;
    struct fama_texts applications;
    struct fama_texts orderer_endpoints;
    struct fama_texts anchors;
    uint64_t max_messages;
    const char *timeout;
};

static int build(const struct wanted *wanted, struct orgs *orderers, struct orgs *applications,
                 struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int status = add_orgs(orderers, &wanted->orderers, error);
    status = status == 0 ? add_orgs(applications, &wanted->applications, error) : status;
    status = status == 0 ? add_endpoints(orderers, &wanted->orderer_endpoints, error) : status;
    status = status == 0 ? add_endpoints(applications, &wanted->anchors, error) : status;
    if (status != 0) {
        return status;
    }
    const struct fama_genesis genesis = {
        .channel_id = wanted->channel,
        .orderers = orderers->items,
        .orderer_count = orderers->count,
        .applications = applications->items,
        .application_count = applications->count,
        .max_message_count = (uint32_t)wanted->max_messages,
        .batch_timeout = wanted->timeout,
    };
    if (fama_genesis_build(&genesis, &bytes, &len, error) != 0) {
        return FAMA_EXIT_FAILED;
    }
    status = write_file(wanted->file, bytes, len, error);
    free(bytes);
    if (status == 0) {
        (void)printf("genesis block of %s, %zu bytes, written to %s\n", wanted->channel, len,
                     wanted->file);
        status = fama_cli_finish(0);
    }
    return status;
}

int fama_cli_channel_genesis(int argc, char **argv)
{
    struct wanted wanted = {.max_messages = 500, .timeout = "2s"};
    struct fama_error error = {{0}};
    const struct fama_option options[] = {
        {"channel", FAMA_OPTION_TEXT, &wanted.channel, true},
        {"out", FAMA_OPTION_TEXT, &wanted.file, true},
        {"orderer", FAMA_OPTION_TEXTS, &wanted.orderers, true},
        {"org", FAMA_OPTION_TEXTS, &wanted.applications, true},
        {"orderer-endpoint", FAMA_OPTION_TEXTS, &wanted.orderer_endpoints, false},
        {"anchor", FAMA_OPTION_TEXTS, &wanted.anchors, false},
        {"batch-messages", FAMA_OPTION_NUMBER, &wanted.max_messages, false},
        {"batch-timeout", FAMA_OPTION_TEXT, &wanted.timeout, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status == 0 && (wanted.max_messages == 0 || wanted.max_messages > UINT32_MAX)) {
        wrong(&error, "--batch-messages is not from 1 to 4294967295", "correct it");
        return fama_cli_fail(FAMA_EXIT_USAGE, &error);
    }
    if (status != 0) {
        return status;
    }
    struct orgs *orderers = calloc(1, sizeof *orderers);
    struct orgs *applications = calloc(1, sizeof *applications);
    if (orderers == NULL || applications == NULL) {
        free(orderers);
        free(applications);
        fama_error_set(&error, 0, "out of memory: genesis: free some");
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    status = build(&wanted, orderers, applications, &error);
    release(orderers);
    release(applications);
    return status != 0 && error.text[0] != '\0' ? fama_cli_fail(status, &error) : status;
}
