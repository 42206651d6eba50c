/* `fama ledger verify|rebuild|rollback|snapshot`: looking after a ledger while no node uses it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/cli.h"
#include "controlplane/cli_ask.h"
#include "controlplane/hex.h"
#include "controlplane/ledger_open.h"
#include "controlplane/ledger_progress.h"
#include "controlplane/scratch_folder.h"
#include "ledger/ledger_rollback.h"
#include "ledger/ledger_verify.h"
#include "ledger/rebuild.h"
#include "ledger/snapshot.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int fama_cli_ledger_open(const char *directory, struct fama_ledger **ledger,
                         struct fama_error *error)
{
    char current[4096];
    int len = snprintf(current, sizeof current, "%s/CURRENT", directory);
    *ledger = NULL;
    if (len < 0 || (size_t)len >= sizeof current || access(current, F_OK) != 0) {
        return fama_error_set(error, FAMA_LEDGER_NOT_FOUND,
                              "there is no ledger in %s (%s): a node keeps them in its "
                              "peer.fileSystemPath, one folder per channel",
                              directory, strerror(errno));
    }
    return fama_ledger_open(directory, ledger, error);
}

/* What these commands have in common. */
struct care {
    const char *directory;
    bool as_json;
    struct fama_ledger *ledger;
    struct fama_ledger_progress progress;
    struct fama_error error;
};

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
    struct care *care = context;
    fama_ledger_progress(&care->progress, done, total);
    return true;
}

static int open_care(struct care *care, const char *doing)
{
    fama_ledger_progress_begin(&care->progress, doing);
    return fama_cli_ledger_open(care->directory, &care->ledger, &care->error);
}

/* Ends the command: a sentence, or the height as JSON. */
static int close_care(struct care *care, int status, const char *done)
{
    struct fama_ledger_info info = {0};
    fama_ledger_progress_end(&care->progress);
    if (care->ledger != NULL) {
        fama_ledger_info(care->ledger, &info);
        fama_ledger_close(care->ledger);
    }
    if (status != 0) {
        return fama_cli_fail(FAMA_EXIT_FAILED, &care->error);
    }
    char hash[FAMA_SHA256_TEXT_BYTES];
    char commit_hash[FAMA_SHA256_TEXT_BYTES] = "";
    fama_sha256_text(info.last_hash, hash);
    if (info.has_commit_hash) {
        fama_sha256_text(info.commit_hash, commit_hash);
    }
    if (care->as_json) {
        return fama_cli_print_json(
            json_pack("{s:I, s:I, s:s, s:s}", "height", (json_int_t)info.height, "first_block",
                      (json_int_t)info.first_block, "last_hash", hash, "commit_hash", commit_hash));
    }
    (void)printf("%s: height %" PRIu64 ", last block %s\n", done, info.height, hash);
    return fama_cli_finish(0);
}

/* The second state is made beside the ledger, where there is room for it if there is for the first. */
static int verify_beside(struct care *care)
{
    char scratch[4096];
    fama_scratch_sweep(care->directory, "verify"); /* the ledger is ours alone while it is open */
    if (fama_scratch_make(care->directory, "verify", scratch, sizeof scratch, &care->error) != 0) {
        return -1;
    }
    char state[4096 + 8];
    (void)snprintf(state, sizeof state, "%s/state", scratch);
    const struct fama_ledger_verify verify = {
        .ledger = care->ledger,
        .scratch = state,
        .on_block = show_progress,
        .on_state = show_progress,
        .context = care,
    };
    int status = fama_ledger_verify(&verify, &care->error);
    fama_scratch_remove(scratch);
    return status;
}

int fama_cli_ledger_verify(int argc, char **argv)
{
    struct care care = {.directory = NULL};
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &care.directory, true},
        {"json", FAMA_OPTION_FLAG, &care.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    status = open_care(&care, "verified");
    if (status == 0) {
        status = verify_beside(&care);
    }
    struct fama_ledger_info info = {0};
    if (status == 0) {
        fama_ledger_info(care.ledger, &info);
    }
    return close_care(&care, status,
                      info.first_block == 0
                          ? "the ledger is sound"
                          : "blocks and indexes are sound; the state began with a "
                            "snapshot and has no blocks to be compared with");
}

int fama_cli_ledger_rebuild(int argc, char **argv)
{
    struct care care = {.directory = NULL};
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &care.directory, true},
        {"json", FAMA_OPTION_FLAG, &care.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    status = open_care(&care, "rebuilt");
    if (status == 0) {
        status = fama_ledger_rebuild_state(care.ledger, show_progress, &care, &care.error);
    }
    return close_care(&care, status, "state and history are made anew");
}

int fama_cli_ledger_rollback(int argc, char **argv)
{
    struct care care = {.directory = NULL};
    uint64_t last = 0;
    const struct fama_option options[] = {
        {"to", FAMA_OPTION_NUMBER, &last, true},
        {"ledger", FAMA_OPTION_TEXT, &care.directory, true},
        {"json", FAMA_OPTION_FLAG, &care.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    status = open_care(&care, "taken back");
    if (status == 0) {
        status = fama_ledger_rollback(care.ledger, last, show_progress, &care, &care.error);
    }
    if (status == 0) {
        fama_ledger_progress_end(&care.progress);
        fama_ledger_progress_begin(&care.progress, "rebuilt");
        status = fama_ledger_catch_up_state(care.ledger, show_progress, &care, &care.error);
    }
    return close_care(&care, status, "rolled back");
}

/* ---- Snapshots ---- */

static int print_snapshot(const char *directory, const struct fama_snapshot_metadata *metadata,
                          bool as_json)
{
    char hash[FAMA_SHA256_TEXT_BYTES];
    char last[FAMA_SHA256_TEXT_BYTES];
    fama_sha256_text(metadata->snapshot_hash, hash);
    fama_sha256_text(metadata->last_hash, last);
    if (as_json) {
        return fama_cli_print_json(json_pack("{s:s, s:s, s:I, s:s, s:s}", "directory", directory,
                                             "channel", metadata->channel_id, "last_block",
                                             (json_int_t)metadata->last_block, "last_hash", last,
                                             "snapshot_hash", hash));
    }
    (void)printf("%s: channel %s after block %" PRIu64 ", snapshot hash %s\n", directory,
                 metadata->channel_id, metadata->last_block, hash);
    return fama_cli_finish(0);
}

int fama_cli_ledger_snapshot_create(int argc, char **argv)
{
    struct care care = {.directory = NULL};
    const char *out = NULL;
    const struct fama_option options[] = {
        {"ledger", FAMA_OPTION_TEXT, &care.directory, true},
        {"out", FAMA_OPTION_TEXT, &out, true},
        {"json", FAMA_OPTION_FLAG, &care.as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    const struct fama_snapshot_progress progress = {.report = fama_ledger_progress_part,
                                                    .context = &care.progress};
    struct fama_snapshot_metadata metadata;
    status = open_care(&care, "");
    if (status == 0) {
        status = fama_snapshot_create(care.ledger, out, &progress, &metadata, &care.error);
    }
    fama_ledger_progress_end(&care.progress);
    fama_ledger_close(care.ledger);
    return status == 0 ? print_snapshot(out, &metadata, care.as_json)
                       : fama_cli_fail(FAMA_EXIT_FAILED, &care.error);
}

int fama_cli_ledger_snapshot_verify(int argc, char **argv)
{
    bool as_json = false;
    struct fama_texts directories = {.count = 0};
    const struct fama_option options[] = {{"json", FAMA_OPTION_FLAG, &as_json, false}};
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, &directories);
    if (status == 0 && directories.count != 1) {
        (void)fprintf(stderr, "fama: ledger snapshot verify takes one directory: see `fama ledger "
                              "snapshot verify --help`\n");
        status = FAMA_EXIT_USAGE;
    }
    if (status != 0) {
        return status;
    }
    struct fama_ledger_progress shown;
    const struct fama_snapshot_progress progress = {.report = fama_ledger_progress_part,
                                                    .context = &shown};
    struct fama_snapshot_metadata metadata;
    struct fama_error error = {""};
    fama_ledger_progress_begin(&shown, "");
    status = fama_snapshot_verify(directories.items[0], &progress, &metadata, &error);
    fama_ledger_progress_end(&shown);
    return status == 0 ? print_snapshot(directories.items[0], &metadata, as_json)
                       : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}

int fama_cli_ledger_snapshot_import(int argc, char **argv)
{
    const char *snapshot = NULL;
    const char *directory = NULL;
    bool as_json = false;
    const struct fama_option options[] = {
        {"snapshot", FAMA_OPTION_TEXT, &snapshot, true},
        {"ledger", FAMA_OPTION_TEXT, &directory, true},
        {"json", FAMA_OPTION_FLAG, &as_json, false},
    };
    int status = fama_options_parse(NULL, options, COUNT(options), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    struct fama_ledger_progress shown;
    const struct fama_snapshot_progress progress = {.report = fama_ledger_progress_part,
                                                    .context = &shown};
    struct fama_snapshot_metadata metadata;
    struct fama_error error = {""};
    fama_ledger_progress_begin(&shown, "");
    status = fama_snapshot_import(snapshot, directory, &progress, &metadata, &error);
    fama_ledger_progress_end(&shown);
    return status == 0 ? print_snapshot(directory, &metadata, as_json)
                       : fama_cli_fail(FAMA_EXIT_FAILED, &error);
}
