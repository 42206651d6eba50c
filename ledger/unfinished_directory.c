#include "ledger/unfinished_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".unfinished";

int fama_unfinished_directory_plan(const char *path, struct fama_unfinished_directory *directory,
                                   struct fama_error *error)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len + sizeof suffix + sizeof "/.." > FAMA_SNAPSHOT_PATH_BYTES) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO, "%s: '%.256s'",
                              len == 0 ? "no directory given" : "name of a directory too long",
                              path);
    }
    memcpy(directory->path, path, len);
    directory->path[len] = '\0';
    memcpy(directory->making, path, len);
    memcpy(directory->making + len, suffix, sizeof suffix);
    struct stat facts;
    if (lstat(directory->path, &facts) == 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_EXISTS,
                              "%.300s exists; give the name of a directory that is to be made",
                              directory->path);
    }
    return errno == ENOENT ? 0
                           : fama_error_set(error, FAMA_SNAPSHOT_IO, "cannot look at %.300s (%s)",
                                            directory->path, strerror(errno));
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int status = fsync(fd);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return status;
}

int fama_unfinished_directory_finish(const struct fama_unfinished_directory *directory,
                                     struct fama_error *error)
{
    char parent[FAMA_SNAPSHOT_PATH_BYTES + 4];
    (void)snprintf(parent, sizeof parent, "%s/..", directory->path);
    if (sync_directory(directory->making) != 0 || rename(directory->making, directory->path) != 0 ||
        sync_directory(parent) != 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO, "cannot finish directory %.300s (%s)",
                              directory->path, strerror(errno));
    }
    return 0;
}
