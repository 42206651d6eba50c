#include "controlplane/block_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES  32 /* 20 digits, ".block" and NUL */
#define NAME_FORMAT "%06" PRIu64 ".block"

struct block_directory {
    struct fama_block_source source; /* first: the vtable is the handle */
    int fd;
    size_t block_bytes_max;
    char *name;
};

static int fail(const struct block_directory *directory, const char *file, const char *why,
                struct fama_error *error)
{
    return fama_error_set(error, FAMA_BLOCK_SOURCE_FAILED,
                          "cannot read block file %s/%s (%s); mend or replace it, a node keeps "
                          "trying",
                          directory->name, file, why);
}

/* An absent file is a block still to come, unless the whole directory has been removed. */
static int explain_open(const struct block_directory *directory, const char *file, int reason,
                        struct fama_error *error)
{
    struct stat facts;
    if (reason != ENOENT) {
        return fail(directory, file, strerror(reason), error);
    }
    if (fstat(directory->fd, &facts) == 0 && facts.st_nlink == 0) {
        return fama_error_set(error, FAMA_BLOCK_SOURCE_FAILED,
                              "the block directory %s was removed while in use; put it back and "
                              "start the node again",
                              directory->name);
    }
    return FAMA_BLOCK_SOURCE_NOT_YET;
}

/* Reads up to `size` bytes: fewer if the file has been cut in the meantime. */
static int read_bytes(const struct block_directory *directory, const char *file, int fd,
                      size_t size, uint8_t **bytes, size_t *len, struct fama_error *error)
{
    uint8_t *buffer = malloc(size);
    if (buffer == NULL) {
        return fail(directory, file, "out of memory", error);
    }
    size_t done = 0;
    ssize_t got = 1;
    while (done < size && got > 0) {
        got = read(fd, buffer + done, size - done);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 || done == 0) {
        int status =
            got < 0 ? fail(directory, file, strerror(errno), error) : FAMA_BLOCK_SOURCE_NOT_YET;
        free(buffer);
        return status;
    }
    *bytes = buffer;
    *len = done;
    return 0;
}

static int read_file(const struct block_directory *directory, const char *file, int fd,
                     uint8_t **bytes, size_t *len, struct fama_error *error)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return fail(directory, file, strerror(errno), error);
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(directory, file, "not a plain file", error);
    }
    if (facts.st_size == 0) {
        return FAMA_BLOCK_SOURCE_NOT_YET;
    }
    if ((uint64_t)facts.st_size > directory->block_bytes_max) {
        return fama_error_set(
            error, FAMA_BLOCK_SOURCE_TOO_LARGE,
            "block file %s/%s has %" PRIu64 " bytes, the limit is %zu; replace the "
            "file or raise the limit on every node",
            directory->name, file, (uint64_t)facts.st_size, directory->block_bytes_max);
    }
    return read_bytes(directory, file, fd, (size_t)facts.st_size, bytes, len, error);
}

static int next_block(struct fama_block_source *source, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error)
{
    const struct block_directory *directory = (const struct block_directory *)source;
    *bytes = NULL;
    *len = 0;
    char file[NAME_BYTES];
    (void)snprintf(file, sizeof file, NAME_FORMAT, number);
    /* O_NONBLOCK: a FIFO of that name must not hold the control thread. */
    int fd = openat(directory->fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return explain_open(directory, file, errno, error);
    }
    int status = read_file(directory, file, fd, bytes, len, error);
    (void)close(fd);
    return status;
}

/* Whether it is the name of a block's file, and of which. */
static bool read_name(const char *name, uint64_t *number)
{
    char again[NAME_BYTES];
    char *end;
    errno = 0;
    *number = strtoull(name, &end, 10);
    (void)snprintf(again, sizeof again, NAME_FORMAT, *number);
    return errno == 0 && strcmp(name, again) == 0;
}

static bool last_block(const struct fama_block_source *source, uint64_t *number)
{
    const struct block_directory *directory = (const struct block_directory *)source;
    bool is_any = false;
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    *number = 0;
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        uint64_t found;
        if (read_name(entry->d_name, &found)) {
            *number = !is_any || found > *number ? found : *number;
            is_any = true;
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return is_any;
}

static void close_directory(struct fama_block_source *source)
{
    struct block_directory *directory = (struct block_directory *)source;
    if (directory->fd >= 0) {
        (void)close(directory->fd);
    }
    free(directory->name);
    free(directory);
}

int fama_block_directory_open(const char *directory, size_t block_bytes_max,
                              struct fama_block_source **source, struct fama_error *error)
{
    *source = NULL;
    struct block_directory *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fama_error_set(error, FAMA_BLOCK_SOURCE_FAILED,
                              "cannot open block directory %s: out of memory", directory);
    }
    opened->source = (struct fama_block_source){
        .next = next_block, .last = last_block, .close = close_directory};
    opened->block_bytes_max = block_bytes_max;
    opened->name = strdup(directory);
    opened->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened->name == NULL || opened->fd < 0) {
        const char *why = opened->name == NULL ? "out of memory" : strerror(errno);
        (void)fama_error_set(
            error, FAMA_BLOCK_SOURCE_FAILED,
            "cannot open block directory %s (%s); name a directory of NNNNNN.block "
            "files",
            directory, why);
        close_directory(&opened->source);
        return FAMA_BLOCK_SOURCE_FAILED;
    }
    *source = &opened->source;
    return 0;
}
