#include "controlplane/incarnation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_last(const char *path, uint64_t *last, struct fama_error *error)
{
    *last = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT) {
        return 0;
    }
    int fields = file == NULL ? 0 : fscanf(file, "%" SCNu64, last);
    if (file != NULL && fclose(file) != 0) {
        fields = 0;
    }
    if (fields != 1 || *last == UINT64_MAX) {
        return fama_error_set(error, FAMA_INCARNATION_UNREADABLE,
                              "%s: does not hold a number: remove it if this node's clock is right",
                              path);
    }
    return 0;
}

static bool write_whole(const char *path, uint64_t incarnation)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return false;
    }
    bool is_written = dprintf(fd, "%" PRIu64 "\n", incarnation) > 0 && fsync(fd) == 0;
    return close(fd) == 0 && is_written;
}

int fama_incarnation_next(const char *directory, uint64_t wall_clock_ns, uint64_t *incarnation,
                          struct fama_error *error)
{
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/incarnation", directory);
    int fresh_len = snprintf(fresh, sizeof(fresh), "%s/incarnation.new", directory);
    if (len < 0 || fresh_len < 0 || (size_t)fresh_len >= sizeof(fresh)) {
        return fama_error_set(error, FAMA_INCARNATION_UNWRITABLE, "%s: path too long", directory);
    }
    uint64_t last;
    int result = read_last(path, &last, error);
    if (result != 0) {
        return result;
    }
    *incarnation = wall_clock_ns > last ? wall_clock_ns : last + 1;
    if (!write_whole(fresh, *incarnation) || rename(fresh, path) != 0) {
        return fama_error_set(error, FAMA_INCARNATION_UNWRITABLE,
                              "%s: %s: the node must be able to write there", path,
                              strerror(errno));
    }
    return 0;
}
