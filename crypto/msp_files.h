/* Files of an MSP directory, read whole and within limits. For this folder only.
 *
 * Blocking file I/O; any thread. The directory belongs to the operator, but a wrong path must end
 * in one clear line and not in exhausted memory. */
#ifndef FAMA_CRYPTO_MSP_FILES_H
#define FAMA_CRYPTO_MSP_FILES_H

#include "crypto/bytes.h"
#include "crypto/error.h"

#define FAMA_MSP_FILE_BYTES_MAX (1u << 20)
#define FAMA_MSP_FILES_MAX      1024 /* in one folder */

struct fama_msp_file {
    char *path;
    uint8_t *content; /* with a NUL behind it, not counted */
    size_t len;
};

struct fama_msp_files {
    struct fama_msp_file *items; /* by name */
    size_t count;
};

/* Returns 0, FAMA_MSP_UNREADABLE or FAMA_MSP_NO_MEMORY. */
int fama_msp_file_read(const char *path, struct fama_msp_file *file, struct fama_error *error);
void fama_msp_file_free(struct fama_msp_file *file);

/* Reads every file of `directory`/`folder` that holds a PEM block, and passes over those that do
 * not. A folder that does not exist has no files. Contents may be private keys: they are wiped when
 * freed. */
int fama_msp_files_read(const char *directory, const char *folder, struct fama_msp_files *files,
                        struct fama_error *error);
void fama_msp_files_free(struct fama_msp_files *files);

/* directory/name, or NULL when out of memory. The caller frees it. */
char *fama_msp_path(const char *directory, const char *name);

#endif
