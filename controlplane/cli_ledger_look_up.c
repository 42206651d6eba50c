/* `fama ledger transaction|history`: where something stands in a ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/ledger_open.h"
#include "ledger/history.h"
#include "ledger/transaction_code.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int fama_cli_ledger_transaction(int argc, char **argv)
{
    const char *directory = NULL;
    const char *txid = NULL;
    bool as_json = false;
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"txid", FAMA_OPTION_TEXT, &txid, true},
        {"json", FAMA_OPTION_FLAG, &as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    struct fama_ledger *ledger = NULL;
    struct fama_error error = {""};
    struct fama_ledger_location location;
    status = fama_cli_ledger_open(directory, &ledger, &error);
    if (status == 0) {
        status = fama_ledger_locate_txid(ledger, fama_bytes_of_text(txid), &location, &error);
    }
    fama_ledger_close(ledger);
    if (status != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    const char *name = fama_transaction_code_name(location.code);
    if (as_json) {
        return fama_cli_print_json(json_pack(
            "{s:s, s:I, s:I, s:i, s:s}", "txid", txid, "block", (json_int_t)location.number, "tx",
            (json_int_t)location.index, "code", location.code, "validation", name));
    }
    (void)printf("%s: block %" PRIu64 ", transaction %" PRIu32 ", %s\n", txid, location.number,
                 location.index, name);
    return fama_cli_finish(0);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= ' ';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes hexadecimal text in place of `key`; false if it is none. */
static bool read_hex(const char *text, uint8_t *key, size_t *len)
{
    *len = 0;
    for (; text[0] != '\0'; text += 2) {
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);
        if (low < 0) {
            return false;
        }
        key[(*len)++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int print_history(const struct fama_ledger *ledger, const char *space, struct fama_bytes key,
                         bool as_json, struct fama_error *error)
{
    struct fama_history_cursor *cursor = NULL;
    struct fama_version version;
    int status = fama_history_open(ledger, fama_bytes_of_text(space), key,
                                   FAMA_HISTORY_NEWEST_FIRST, &cursor, error);
    while (status == 0 && (status = fama_history_next(cursor, &version, error)) == 1) {
        status = 0;
        if (as_json) {
            (void)printf("{\"block\":%" PRIu64 ",\"tx\":%" PRIu64 "}\n", version.block,
                         version.transaction);
        } else {
            (void)printf("block %" PRIu64 ", transaction %" PRIu64 "\n", version.block,
                         version.transaction);
        }
    }
    fama_history_close(cursor);
    return status;
}

/* A ledger that began with a snapshot has no history before; silence would say that there was none. */
static void say_what_is_missing(const struct fama_ledger *ledger)
{
    struct fama_ledger_info info;
    fama_ledger_info(ledger, &info);
    if (info.first_block > 0) {
        (void)fprintf(stderr,
                      "fama: the ledger began with a snapshot of block %" PRIu64
                      ": what wrote the key until then is not known here\n",
                      info.first_block - 1);
    }
}

int fama_cli_ledger_history(int argc, char **argv)
{
    const char *directory = NULL;
    const char *space = NULL;
    const char *key = NULL;
    const char *key_hex = NULL;
    bool as_json = false;
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"namespace", FAMA_OPTION_TEXT, &space, true},
        {"key", FAMA_OPTION_TEXT, &key, false},
        {"key-hex", FAMA_OPTION_TEXT, &key_hex, false},
        {"json", FAMA_OPTION_FLAG, &as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status == 0 && (key == NULL) == (key_hex == NULL)) {
        (void)fprintf(stderr, "fama: ledger history takes either --key or --key-hex\n");
        status = FAMA_EXIT_USAGE;
    }
    if (status != 0) {
        return status;
    }
    struct fama_error error = {""};
    struct fama_ledger *ledger = NULL;
    uint8_t *decoded = NULL;
    struct fama_bytes wanted = key != NULL ? fama_bytes_of_text(key) : fama_bytes(NULL, 0);
    if (key_hex != NULL) {
        size_t len = 0;
        decoded = malloc(strlen(key_hex) / 2 + 1);
        if (decoded == NULL || !read_hex(key_hex, decoded, &len)) {
            free(decoded);
            (void)fprintf(stderr, "fama: --key-hex takes pairs of hexadecimal digits\n");
            return FAMA_EXIT_USAGE;
        }
        wanted = fama_bytes(decoded, len);
    }
    status = fama_cli_ledger_open(directory, &ledger, &error);
    if (status == 0) {
        status = print_history(ledger, space, wanted, as_json, &error);
    }
    if (status == 0) {
        say_what_is_missing(ledger);
    }
    fama_ledger_close(ledger);
    free(decoded);
    return status == 0 ? fama_cli_finish(0) : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}
