/* `fama ledger replay|export-state|export-block`: what a ledger holds, and how it comes to hold it, without a
 * node. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/block_directory.h"
#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/hex.h"
#include "controlplane/ledger_open.h"
#include "controlplane/ledger_progress.h"
#include "controlplane/replay.h"
#include "ledger/proto_reader.h"
#include "ledger/snapshot.h"
#include "ledger/state_store.h"
#include "ledger/transaction_code.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char hashed_mark[] = "$$h";

/* ---- fama ledger replay ---- */

struct replay_output {
    bool as_json;
    struct fama_ledger_progress progress;
    uint64_t end; /* the last block that is expected; 0: unknown */
};

/* Names of common.HeaderType; an unknown number stands as it is. */
static json_t *type_json(const struct fama_transaction *transaction)
{
    static const char *const names[] = {"MESSAGE",
                                        "CONFIG",
                                        "CONFIG_UPDATE",
                                        "ENDORSER_TRANSACTION",
                                        "ORDERER_TRANSACTION",
                                        "DELIVER_SEEK_INFO",
                                        "CHAINCODE_PACKAGE"};
    if (transaction->type >= 0 && (size_t)transaction->type < COUNT(names)) {
        return json_string(names[transaction->type]);
    }
    return json_sprintf("%" PRId32, transaction->type);
}

static json_t *hex_json(struct fama_bytes bytes)
{
    char *text = malloc(2 * bytes.len + 1);
    if (text == NULL) {
        return NULL;
    }
    fama_hex(bytes, text);
    json_t *json = json_stringn_nocheck(text, 2 * bytes.len);
    free(text);
    return json;
}

static json_t *text_json(struct fama_bytes text)
{
    /* Decoding has checked that it is UTF-8. */
    return json_stringn_nocheck(text.len == 0 ? "" : (const char *)text.at, text.len);
}

static json_t *transactions_json(const struct fama_prepared_block *block)
{
    json_t *list = json_array();
    for (size_t i = 0; i < block->count; i++) {
        const struct fama_transaction *transaction = &block->transactions[i].decoded;
        json_t *one =
            json_pack("{s:o, s:o, s:i, s:s}", "txid", text_json(transaction->claimed_txid), "type",
                      type_json(transaction), "code", (int)block->codes[i], "validation",
                      fama_transaction_code_name(block->codes[i]));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void print_block(const struct fama_committed_block *committed)
{
    const struct fama_prepared_block *prepared = committed->prepared;
    const struct fama_block *block = &prepared->block;
    json_t *line = json_pack(
        "{s:I, s:o, s:o, s:o, s:o}", "number", (json_int_t)block->number, "header_hash",
        hex_json(fama_bytes(block->header_hash, FAMA_SHA256_BYTES)), "data_hash",
        hex_json(block->data_hash), "commit_hash",
        committed->has_commit_hash ? hex_json(fama_bytes(committed->commit_hash, FAMA_SHA256_BYTES))
                                   : json_null(),
        "tx", transactions_json(prepared));
    if (line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0) {
        (void)fprintf(stderr, "fama: cannot print block %" PRIu64 "\n", block->number);
    }
    (void)putchar('\n');
    json_decref(line);
}

static void show_committed(void *context, const struct fama_committed_block *block)
{
    struct replay_output *output = context;
    if (output->as_json) {
        print_block(block);
    }
    fama_ledger_progress(&output->progress, block->prepared->block.number + 1, output->end);
}

static int begin_with_snapshot(const char *snapshot, const char *directory,
                               struct fama_error *error)
{
    struct fama_ledger_progress shown;
    const struct fama_snapshot_progress progress = {.report = fama_ledger_progress_part,
                                                    .context = &shown};
    fama_ledger_progress_begin(&shown, "");
    int status = fama_snapshot_import(snapshot, directory, &progress, NULL, error);
    fama_ledger_progress_end(&shown);
    if (status == FAMA_SNAPSHOT_EXISTS && access(directory, F_OK) == 0) {
        (void)fama_error_set(error, status,
                             "%s exists: leave --snapshot out to go on where that ledger ends",
                             directory);
    }
    return status;
}

int fama_cli_ledger_replay(int argc, char **argv)
{
    struct fama_replay_setup setup = {.threads = 0};
    struct replay_output output = {.as_json = false};
    const char *directory = NULL;
    const char *snapshot = NULL;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t threads = cores > 0 ? (uint64_t)cores : 1;
    uint64_t end = UINT64_MAX;
    const struct fama_option options[] = {
        {"genesis", FAMA_OPTION_TEXT, &setup.genesis_file, false},
        {"blocks", FAMA_OPTION_TEXT, &setup.source_name, true},
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"threads", FAMA_OPTION_NUMBER, &threads, false},
        {"snapshot", FAMA_OPTION_TEXT, &snapshot, false},
        {"to", FAMA_OPTION_NUMBER, &end, false},
        {"json", FAMA_OPTION_FLAG, &output.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status == 0 && (threads == 0 || threads > 256)) {
        (void)fprintf(stderr, "fama: --threads must be between 1 and 256\n");
        status = FAMA_EXIT_USAGE;
    }
    if (status == 0 && snapshot != NULL && setup.genesis_file != NULL) {
        (void)fprintf(stderr,
                      "fama: a ledger begins with --genesis or with --snapshot, not both\n");
        status = FAMA_EXIT_USAGE;
    }
    if (status != 0) {
        return status;
    }
    struct fama_ledger *ledger = NULL;
    struct fama_error error = {""};
    if (fama_block_directory_open(setup.source_name, FAMA_REPLAY_BLOCK_BYTES_MAX, &setup.source,
                                  &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    if ((snapshot != NULL && begin_with_snapshot(snapshot, directory, &error) != 0) ||
        fama_ledger_open(directory, &ledger, &error) != 0) {
        setup.source->close(setup.source);
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    setup.threads = (unsigned)threads - 1;
    setup.has_end = end != UINT64_MAX;
    setup.end = end;
    setup.committed = show_committed;
    setup.context = &output;
    output.end = setup.has_end ? end + 1 : 0;
    fama_ledger_progress_begin(&output.progress, "replayed");
    struct fama_replay_result result;
    int outcome = fama_replay(ledger, &setup, &result, &error);
    fama_ledger_progress_end(&output.progress);
    fama_ledger_close(ledger);
    setup.source->close(setup.source);
    if (!output.as_json) {
        (void)printf("%" PRIu64 " blocks with %" PRIu64 " transactions committed, %" PRIu64
                     " of them valid; the ledger's height is %" PRIu64 "\n",
                     result.blocks, result.transactions, result.valid, result.height);
    }
    int finish = fama_cli_finish(0);
    return outcome == 0 ? finish : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}

/* ---- fama ledger export-state ---- */

struct state_name {
    struct fama_bytes space;
    struct fama_bytes key;
    bool is_hashed;
};

static bool split_key(struct fama_bytes stored, struct state_name *name)
{
    const uint8_t *nul = stored.len == 0 ? NULL : memchr(stored.at, 0, stored.len);
    if (nul == NULL) {
        return false;
    }
    name->space = fama_bytes(stored.at, (size_t)(nul - stored.at));
    name->key = fama_bytes(nul + 1, stored.len - name->space.len - 1);
    name->is_hashed =
        memmem(name->space.at, name->space.len, hashed_mark, sizeof hashed_mark - 1) != NULL;
    return true;
}

static int print_entry(const struct state_name *name, const struct fama_state_entry *entry,
                       bool with_metadata)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256(entry->value, digest);
    json_t *line = json_pack("{s:o}", "ns", text_json(name->space));
    int status = line == NULL ? -1 : 0;
    if (status == 0 && fama_proto_is_utf8(name->key)) {
        status = json_object_set_new(line, "key", text_json(name->key));
    }
    if (status == 0) {
        json_t *rest =
            json_pack("{s:o, s:o, s:I, s:I, s:I}", "key_hex", hex_json(name->key), "value_sha256",
                      hex_json(fama_bytes(digest, sizeof digest)), "value_len",
                      (json_int_t)entry->value.len, "block", (json_int_t)entry->version.block, "tx",
                      (json_int_t)entry->version.transaction);
        status = json_object_update(line, rest);
        json_decref(rest);
    }
    if (status == 0 && with_metadata && entry->metadata.len > 0) {
        status = json_object_set_new(line, "metadata_hex", hex_json(entry->metadata));
    }
    if (status == 0) {
        status = json_dumpf(line, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    json_decref(line);
    return status;
}

struct export_options {
    bool as_json;
    bool private_hashes;
    bool with_metadata;
};

static int export_entries(struct fama_ledger *ledger, const struct export_options *options,
                          struct fama_error *error)
{
    struct fama_state_cursor *cursor = NULL;
    const struct fama_bytes everything = {0};
    int status =
        fama_state_cursor_open(fama_ledger_state(ledger), everything, everything, &cursor, error);
    struct fama_bytes stored;
    struct fama_state_entry entry;
    while (status == 0 && (status = fama_state_cursor_next(cursor, &stored, &entry, error)) == 1) {
        struct state_name name;
        status = 0;
        if (!split_key(stored, &name) || (name.is_hashed && !options->private_hashes)) {
            continue;
        }
        if (options->as_json) {
            status = print_entry(&name, &entry, options->with_metadata) == 0
                         ? 0
                         : fama_error_set(error, -1, "cannot print: out of memory or disk full");
        } else {
            char *hex = malloc(2 * name.key.len + 1);
            if (hex == NULL) {
                status = fama_error_set(error, -1, "out of memory");
                break;
            }
            fama_hex(name.key, hex);
            (void)printf("%-24.*s %-12" PRIu64 " %-6" PRIu64 " %10zu  %s\n", (int)name.space.len,
                         (const char *)name.space.at, entry.version.block,
                         entry.version.transaction, entry.value.len, hex);
            free(hex);
        }
    }
    fama_state_cursor_close(cursor);
    return status;
}

int fama_cli_ledger_export_state(int argc, char **argv)
{
    const char *directory = NULL;
    struct export_options exported = {.as_json = false};
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"private-hashes", FAMA_OPTION_FLAG, &exported.private_hashes, false},
        {"metadata", FAMA_OPTION_FLAG, &exported.with_metadata, false},
        {"json", FAMA_OPTION_FLAG, &exported.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    struct fama_ledger *ledger = NULL;
    struct fama_error error = {""};
    if (fama_cli_ledger_open(directory, &ledger, &error) != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &error);
    }
    status = export_entries(ledger, &exported, &error);
    fama_ledger_close(ledger);
    return status == 0 ? fama_cli_finish(0) : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}

/* ---- fama ledger export-block ---- */

static int write_block(const char *file, const uint8_t *bytes, size_t len, struct fama_error *error)
{
    FILE *out = file == NULL || strcmp(file, "-") == 0 ? stdout : fopen(file, "wbe");
    bool is_written = out != NULL && fwrite(bytes, 1, len, out) == len && fflush(out) == 0;
    int reason = errno;
    if (out != NULL && out != stdout && fclose(out) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    return is_written ? 0
                      : fama_error_set(error, -1, "cannot write the block to %s: %s",
                                       out == stdout ? "standard output" : file, strerror(reason));
}

int fama_cli_ledger_export_block(int argc, char **argv)
{
    const char *directory = NULL;
    const char *file = NULL;
    uint64_t number = 0;
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"number", FAMA_OPTION_NUMBER, &number, true},
        {"out", FAMA_OPTION_TEXT, &file, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    if (file == NULL && isatty(STDOUT_FILENO) != 0) {
        (void)fprintf(stderr, "fama: a block is no text: give --out FILE or redirect the output\n");
        return FAMA_EXIT_USAGE;
    }
    struct fama_ledger *ledger = NULL;
    struct fama_error error = {""};
    uint8_t *bytes = NULL;
    size_t len = 0;
    status = fama_cli_ledger_open(directory, &ledger, &error);
    if (status == 0) {
        status = fama_ledger_block(ledger, number, &bytes, &len, &error);
    }
    if (status == 0) {
        status = write_block(file, bytes, len, &error);
    }
    fama_ledger_free(bytes);
    fama_ledger_close(ledger);
    return status == 0 ? FAMA_EXIT_OK : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}
