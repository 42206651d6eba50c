#include "controlplane/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_open(int fd, const char *path, uint8_t **bytes, size_t *len,
                     struct fama_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return fama_error_set(error, -1, "cannot read block file %s: it is not a plain file", path);
    }
    if (info.st_size <= 0 || (uint64_t)info.st_size > FAMA_BLOCK_FILE_BYTES_MAX) {
        return fama_error_set(error, -1,
                              "cannot read block file %s: %lld bytes is no size for a block", path,
                              (long long)info.st_size);
    }
    size_t size = (size_t)info.st_size;
    uint8_t *read_bytes = malloc(size);
    size_t done = 0;
    while (read_bytes != NULL && done < size) {
        ssize_t got = read(fd, read_bytes + done, size - done);
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    if (done < size) {
        free(read_bytes);
        return fama_error_set(error, -1, "cannot read block file %s: it could not be read whole",
                              path);
    }
    *bytes = read_bytes;
    *len = size;
    return 0;
}

int fama_block_file_read(const char *path, uint8_t **bytes, size_t *len, struct fama_error *error)
{
    *bytes = NULL;
    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fama_error_set(error, -1, "cannot read block file %s: %s", path, strerror(errno));
    }
    int status = read_open(fd, path, bytes, len, error);
    (void)close(fd);
    return status;
}
