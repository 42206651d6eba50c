#include "crypto/msp_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/msp.h"
#include "crypto/pem.h"

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
}

char *fama_msp_path(const char *directory, const char *name)
{
    size_t len = strlen(directory) + 1 + strlen(name) + 1;
    char *path = malloc(len);
    if (path != NULL) {
        (void)snprintf(path, len, "%s/%s", directory, name);
    }
    return path;
}

void fama_msp_file_free(struct fama_msp_file *file)
{
    if (file->content != NULL) {
        OPENSSL_cleanse(file->content, file->len);
    }
    free(file->content);
    free(file->path);
    *file = (struct fama_msp_file){0};
}

static int read_open_file(int descriptor, struct fama_msp_file *file, struct fama_error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        return fama_error_set(error, FAMA_MSP_UNREADABLE, "%s is not a regular file", file->path);
    }
    if (status.st_size > (off_t)FAMA_MSP_FILE_BYTES_MAX) {
        return fama_error_set(error, FAMA_MSP_UNREADABLE,
                              "%s has more than %u bytes: that is no key or certificate",
                              file->path, FAMA_MSP_FILE_BYTES_MAX);
    }
    size_t size = (size_t)status.st_size;
    file->content = malloc(size + 1);
    if (file->content == NULL) {
        return no_memory(error);
    }
    while (file->len < size) {
        ssize_t got = read(descriptor, file->content + file->len, size - file->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fama_error_set(error, FAMA_MSP_UNREADABLE, "cannot read %s: %s", file->path,
                                  strerror(errno));
        }
        if (got == 0) {
            break;
        }
        file->len += (size_t)got;
    }
    file->content[file->len] = '\0';
    return 0;
}

int fama_msp_file_read(const char *path, struct fama_msp_file *file, struct fama_error *error)
{
    *file = (struct fama_msp_file){.path = strdup(path)};
    if (file->path == NULL) {
        return no_memory(error);
    }
    /* Non-blocking, so that a pipe in the wrong place cannot hang the node. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int result;
    if (descriptor < 0) {
        result =
            fama_error_set(error, FAMA_MSP_UNREADABLE, "cannot open %s: %s", path, strerror(errno));
    } else {
        result = read_open_file(descriptor, file, error);
        (void)close(descriptor);
    }
    if (result != 0) {
        fama_msp_file_free(file);
    }
    return result;
}

static bool holds_pem(const struct fama_msp_file *file)
{
    uint8_t *buffer = malloc(file->len + 1);
    struct fama_bytes text = fama_bytes(file->content, file->len);
    struct fama_pem_block block;
    bool holds = buffer != NULL && fama_pem_next(&text, buffer, &block);
    if (buffer != NULL) {
        OPENSSL_cleanse(buffer, file->len);
    }
    free(buffer);
    return holds;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct fama_msp_file *)a)->path, ((const struct fama_msp_file *)b)->path);
}

static int add_file(const char *folder, const char *name, struct fama_msp_files *files,
                    struct fama_error *error)
{
    char *path = fama_msp_path(folder, name);
    if (path == NULL) {
        return no_memory(error);
    }
    struct stat status;
    int result = 0;
    struct fama_msp_file file = {0};
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        result = fama_msp_file_read(path, &file, error);
    }
    free(path);
    if (result != 0 || file.path == NULL) {
        return result;
    }
    if (!holds_pem(&file)) {
        fama_msp_file_free(&file);
        return 0;
    }
    if (files->count == FAMA_MSP_FILES_MAX) {
        fama_msp_file_free(&file);
        return fama_error_set(error, FAMA_MSP_UNREADABLE, "%s holds more than %d files", folder,
                              FAMA_MSP_FILES_MAX);
    }
    struct fama_msp_file *grown = realloc(files->items, (files->count + 1) * sizeof *grown);
    if (grown == NULL) {
        fama_msp_file_free(&file);
        return no_memory(error);
    }
    files->items = grown;
    files->items[files->count++] = file;
    return 0;
}

int fama_msp_files_read(const char *directory, const char *folder, struct fama_msp_files *files,
                        struct fama_error *error)
{
    *files = (struct fama_msp_files){0};
    char *path = fama_msp_path(directory, folder);
    if (path == NULL) {
        return no_memory(error);
    }
    int result = 0;
    DIR *open_folder = opendir(path);
    if (open_folder == NULL) {
        if (errno != ENOENT) {
            result = fama_error_set(error, FAMA_MSP_UNREADABLE, "cannot open the folder %s: %s",
                                    path, strerror(errno));
        }
        free(path);
        return result;
    }
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(open_folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = add_file(path, entry->d_name, files, error);
        }
    }
    (void)closedir(open_folder);
    free(path);
    if (result != 0) {
        fama_msp_files_free(files);
        return result;
    }
    if (files->count > 1) {
        qsort(files->items, files->count, sizeof files->items[0], by_path);
    }
    return 0;
}

void fama_msp_files_free(struct fama_msp_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        fama_msp_file_free(&files->items[i]);
    }
    free(files->items);
    *files = (struct fama_msp_files){0};
}
