#include "controlplane/scratch_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_LEN 6 /* of mkdtemp */

int fama_scratch_make(const char *parent, const char *prefix, char *path, size_t size,
                      struct fama_error *error)
{
    int len = snprintf(path, size, "%s/%s-XXXXXX", parent, prefix);
    if (len < 0 || (size_t)len >= size) {
        return fama_error_set(error, -1, "the path of folder %s is too long", parent);
    }
    if (mkdtemp(path) == NULL) {
        return fama_error_set(error, -1, "cannot make a folder in %s: %s", parent, strerror(errno));
    }
    return 0;
}

void fama_scratch_remove(char *path)
{
    char *const paths[] = {path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry = walk == NULL ? NULL : fts_read(walk); entry != NULL;
         entry = fts_read(walk)) {
        if (entry->fts_info != FTS_D) { /* a directory comes again after what it holds */
            (void)remove(entry->fts_accpath);
        }
    }
    if (walk != NULL) {
        (void)fts_close(walk);
    }
}

static bool is_scratch(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 && name[len] == '-' &&
           strlen(name) == len + 1 + RANDOM_LEN;
}

void fama_scratch_sweep(const char *parent, const char *prefix)
{
    DIR *listing = opendir(parent);
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        if (len > 0 && (size_t)len < sizeof path && is_scratch(entry->d_name, prefix)) {
            fama_scratch_remove(path);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
}
