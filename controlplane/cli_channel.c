/* `fama channel ...`: channels of the running node and their blocks. */
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/config_value.h"
#include "controlplane/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int misuse(const char *words)
{
    (void)fprintf(stderr, "fama: %s\n", words);
    return FAMA_EXIT_USAGE;
}

int fama_cli_channel_join(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    struct fama_texts files = {.count = 0};
    char absolute[PATH_MAX];
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target)};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, &files);
    if (status == 0 && files.count != 1) {
        status = misuse(
            "channel join takes one file, the channel's genesis block: see `fama channel join "
            "--help`");
    }
    if (status != 0) {
        return status;
    }
    /* The node may run in another folder. */
    if (realpath(files.items[0], absolute) == NULL) {
        struct fama_error error;
        fama_error_set(&error, 0, "cannot read the genesis block: %s: %s", files.items[0],
                       strerror(errno));
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    status = fama_cli_ask(
        &target, json_pack("{s:s, s:s}", "op", "channel.join", "block_file", absolute), &answer);
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    (void)printf("joined %s, height %lld\n", fama_cli_text(answer, "channel"),
                 fama_cli_number(answer, "height"));
    json_decref(answer);
    return fama_cli_finish(0);
}

int fama_cli_channel_list(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target)};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status = status == 0 ? fama_cli_ask(&target, json_pack("{s:s}", "op", "channel.list"), &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    size_t index;
    const json_t *channel;
    struct fama_table *table = fama_table_new("CHANNEL >HEIGHT");
    json_array_foreach(json_object_get(answer, "channels"), index, channel)
    {
        fama_table_cell(table, "%s", fama_cli_text(channel, "channel"));
        fama_table_cell(table, "%lld", fama_cli_number(channel, "height"));
    }
    status = fama_table_print(table, stdout);
    json_decref(answer);
    return fama_cli_finish(status);
}

int fama_cli_channel_getinfo(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    const char *channel = NULL;
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target),
                                          {"channel", FAMA_OPTION_TEXT, &channel, true}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    status =
        status == 0
            ? fama_cli_ask(&target,
                           json_pack("{s:s, s:s}", "op", "channel.getinfo", "channel", channel),
                           &answer)
            : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    (void)printf("channel              %s\n", fama_cli_text(answer, "channel"));
    (void)printf("height               %lld\n", fama_cli_number(answer, "height"));
    if (fama_cli_number(answer, "first_block") > 0) {
        (void)printf("first block          %lld, after a snapshot\n",
                     fama_cli_number(answer, "first_block"));
    }
    (void)printf("current block hash   %s\n", fama_cli_text(answer, "current_block_hash"));
    (void)printf("previous block hash  %s\n", fama_cli_text(answer, "previous_block_hash"));
    (void)printf("commit hash          %s\n", fama_cli_text(answer, "commit_hash"));
    json_decref(answer);
    return fama_cli_finish(0);
}

/* ---- blocks ---- */

static double milliseconds(const json_t *block, const char *from, const char *to)
{
    long long began = fama_cli_number(block, from);
    long long ended = fama_cli_number(block, to);
    return began == 0 ? 0 : (double)(ended - began) / 1e6;
}

int fama_cli_channel_blocks(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    const char *channel = NULL;
    uint64_t first = 0;
    uint64_t count = 1024;
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target),
                                          {"channel", FAMA_OPTION_TEXT, &channel, true},
                                          {"first", FAMA_OPTION_NUMBER, &first, false},
                                          {"count", FAMA_OPTION_NUMBER, &count, false}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status == 0 && (first > INT64_MAX || count > 1024)) {
        status = misuse("channel blocks shows at most 1024 blocks at a time");
    }
    status = status == 0 ? fama_cli_ask(&target,
                                        json_pack("{s:s, s:s, s:I, s:I}", "op", "channel.blocks",
                                                  "channel", channel, "first", (json_int_t)first,
                                                  "count", (json_int_t)count),
                                        &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (target.json) {
        return fama_cli_print_json(answer);
    }
    size_t index;
    const json_t *block;
    struct fama_table *table = fama_table_new(">BLOCK >BYTES CAME >JUDGING_MS >COMMITTING_MS");
    json_array_foreach(json_object_get(answer, "blocks"), index, block)
    {
        fama_table_cell(table, "%lld", fama_cli_number(block, "number"));
        fama_table_cell(table, "%lld", fama_cli_number(block, "bytes"));
        fama_table_cell(table, "%s", fama_cli_text(block, "path"));
        fama_table_cell(table, "%.3f", milliseconds(block, "whole_ns", "judged_ns"));
        fama_table_cell(table, "%.3f", milliseconds(block, "judged_ns", "committed_ns"));
    }
    status = fama_table_print(table, stdout);
    json_decref(answer);
    return fama_cli_finish(status);
}

/* ---- fetch ---- */

/* Turns "17", "oldest" or "newest" into a number; the node states the first block it has and its height. */
static int choose_block(const struct fama_cli_target *target, const char *channel, const char *word,
                        uint64_t *number)
{
    json_t *answer;
    bool is_oldest = strcmp(word, "oldest") == 0;
    if (!is_oldest && strcmp(word, "newest") != 0) {
        return fama_digits_parse(word, number) && *number <= INT64_MAX
                   ? FAMA_EXIT_OK
                   : misuse("channel fetch takes a block number, newest or oldest: see `fama "
                            "channel fetch "
                            "--help`");
    }
    int status = fama_cli_ask(
        target, json_pack("{s:s, s:s}", "op", "channel.getinfo", "channel", channel), &answer);
    if (status == 0) {
        long long height = fama_cli_number(answer, "height");
        long long last = height > 0 ? height - 1 : 0;
        *number = (uint64_t)(is_oldest ? fama_cli_number(answer, "first_block") : last);
        json_decref(answer);
    }
    return status;
}

/* The bytes of a base64 text, to be freed; NULL if it is none or memory is short. */
static uint8_t *decode(const json_t *text, size_t *len)
{
    size_t text_len = json_string_length(text);
    const char *at = json_string_value(text);
    if (at == NULL || text_len == 0 || text_len % 4 != 0 || text_len > INT_MAX) {
        return NULL;
    }
    uint8_t *bytes = malloc(text_len / 4 * 3);
    int decoded =
        bytes != NULL ? EVP_DecodeBlock(bytes, (const unsigned char *)at, (int)text_len) : -1;
    if (decoded < 0) {
        free(bytes);
        return NULL;
    }
    size_t padding = (size_t)(at[text_len - 1] == '=') + (size_t)(at[text_len - 2] == '=');
    *len = (size_t)decoded - padding;
    return bytes;
}

static int write_block(const char *file, const uint8_t *bytes, size_t len)
{
    FILE *out = strcmp(file, "-") == 0 ? stdout : fopen(file, "wb");
    bool is_written = out != NULL && fwrite(bytes, 1, len, out) == len;
    int reason = errno;
    if (out != NULL && (out == stdout ? fflush(out) : fclose(out)) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    if (is_written) {
        return FAMA_EXIT_OK;
    }
    struct fama_error error;
    fama_error_set(&error, 0, "cannot write the block: %s: %s", file, strerror(reason));
    return fama_cli_fail(FAMA_EXIT_FAILED, &error);
}

static int save_block(const struct fama_cli_target *target, const char *channel, const char *file,
                      json_t *answer)
{
    size_t len = 0;
    uint8_t *bytes = decode(json_object_get(answer, "block_base64"), &len);
    if (bytes == NULL) {
        json_decref(answer);
        return fama_cli_fail(
            FAMA_EXIT_FAILED,
            &(struct fama_error){"the node's answer holds no block: channel.fetch: is it "
                                 "of the same version?"});
    }
    int status = write_block(file, bytes, len);
    free(bytes);
    long long number = fama_cli_number(answer, "number");
    json_decref(answer);
    if (status != 0 || strcmp(file, "-") == 0) {
        return status;
    }
    if (target->json) {
        return fama_cli_print_json(json_pack("{s:s, s:I, s:I, s:s}", "channel", channel, "number",
                                             (json_int_t)number, "bytes", (json_int_t)len, "file",
                                             file));
    }
    (void)printf("block %lld of %s, %zu bytes, written to %s\n", number, channel, len, file);
    return fama_cli_finish(0);
}

int fama_cli_channel_fetch(int argc, char **argv)
{
    struct fama_cli_target target = {0};
    struct fama_texts words = {.count = 0};
    const char *channel = NULL;
    const char *file = NULL;
    char name[PATH_MAX];
    uint64_t number = 0;
    json_t *answer;
    const struct fama_option options[] = {FAMA_CLI_TARGET_OPTIONS(target),
                                          {"channel", FAMA_OPTION_TEXT, &channel, true},
                                          {"out", FAMA_OPTION_TEXT, &file, false}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, &words);
    if (status == 0 && words.count != 1) {
        status = misuse(
            "channel fetch takes one block number, newest or oldest: see `fama channel fetch "
            "--help`");
    }
    status = status == 0 ? choose_block(&target, channel, words.items[0], &number) : status;
    status = status == 0 ? fama_cli_ask(&target,
                                        json_pack("{s:s, s:s, s:I}", "op", "channel.fetch",
                                                  "channel", channel, "number", (json_int_t)number),
                                        &answer)
                         : status;
    if (status != 0) {
        return status;
    }
    if (file == NULL) {
        (void)snprintf(name, sizeof name, "%.200s_%llu.block", channel, (unsigned long long)number);
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '/' ? '_' : *c;
        }
        file = name;
    }
    return save_block(&target, channel, file, answer);
}
