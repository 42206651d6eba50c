/* For the scenarios that run whole nodes: takes things out of a ledger while its node is down, as a failing disk
 * or a hasty administrator would.
 *
 *   ledger_tool forget-state LEDGER       state and history are empty afterwards
 *   ledger_tool remove FAMILY LEDGER      the largest table file of a column family is gone
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/store.h"

static int complain(const struct fama_error *error)
{
    fprintf(stderr, "ledger_tool: %s\n", error->text);
    return EXIT_FAILURE;
}

static int forget_state(const char *ledger)
{
    struct fama_store store;
    struct fama_error error = {""};
    int status = fama_store_open(ledger, &store, &error);
    if (status == 0) {
        status = fama_store_clear_family(&store, FAMA_STORE_STATE, &error);
        status = status == 0 ? fama_store_clear_family(&store, FAMA_STORE_HISTORY, &error) : status;
        fama_store_close(&store);
    }
    return status == 0 ? EXIT_SUCCESS : complain(&error);
}

/* Finds the largest table of the family; "" if all that it holds is still in the write-ahead log. */
static int find_table(const char *ledger, const char *family, char path[PATH_MAX],
                      struct fama_error *error)
{
    struct fama_store store;
    size_t largest = 0;
    path[0] = '\0';
    if (fama_store_open(ledger, &store, error) != 0) {
        return -1;
    }
    const rocksdb_livefiles_t *files = rocksdb_livefiles(store.db);
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        if (strcmp(rocksdb_livefiles_column_family_name(files, i), family) == 0 &&
            rocksdb_livefiles_size(files, i) > largest) {
            largest = rocksdb_livefiles_size(files, i);
            (void)snprintf(path, PATH_MAX, "%s%s", ledger, rocksdb_livefiles_name(files, i));
        }
    }
    rocksdb_livefiles_destroy(files);
    fama_store_close(&store);
    return 0;
}

static int remove_table(const char *family, const char *ledger)
{
    char path[PATH_MAX];
    struct fama_error error = {""};
    if (find_table(ledger, family, path, &error) != 0) {
        return complain(&error);
    }
    if (path[0] == '\0' || unlink(path) != 0) {
        fama_error_set(&error, 0, "no table file of %s can be removed from %s: %s", family, ledger,
                       path[0] == '\0' ? "there is none" : strerror(errno));
        return complain(&error);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "forget-state") == 0) {
        return forget_state(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "remove") == 0) {
        return remove_table(argv[2], argv[3]);
    }
    fprintf(stderr, "usage: ledger_tool forget-state LEDGER | remove FAMILY LEDGER\n");
    return 2;
}
