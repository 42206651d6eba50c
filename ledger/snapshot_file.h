/* One data or metadata file of a ledger snapshot: a format byte, then numbers and byte strings in
 * sequence; and its SHA-256, which goes into the snapshot's signable metadata.
 *
 * Source: Fabric common/ledger/snapshot/file.go. Number: protobuf's base-128. Byte string: its length
 * as a number, then the bytes. The hash is that of the whole file with the format byte.
 *
 * Written through a buffer, read-only for everyone once created, and on the disk when finished. Read
 * through a buffer; an item's memory is the item's size, which the file must still hold. Reading
 * counts on nothing: every length is checked against what is left.
 *
 * One thread per file. Adversary: whoever handed the snapshot over; the disk. */
#ifndef FAMA_LEDGER_SNAPSHOT_FILE_H
#define FAMA_LEDGER_SNAPSHOT_FILE_H

#include "crypto/error.h"
#include "crypto/sha256.h"

enum fama_snapshot_error {
    FAMA_SNAPSHOT_IO = -1,      /* a file or directory cannot be read or written */
    FAMA_SNAPSHOT_DAMAGED = -2, /* not what the metadata promises, or not a snapshot at all */
    FAMA_SNAPSHOT_EXISTS = -3,  /* the place to write to is taken */
    FAMA_SNAPSHOT_LEDGER = -4,  /* the ledger cannot be read or written, or has no block */
    FAMA_SNAPSHOT_NO_MEMORY = -5,
    FAMA_SNAPSHOT_NOT_FOUND = -6, /* the file is not there; no words */
};

#define FAMA_SNAPSHOT_FORMAT     1 /* the first byte of every file */
#define FAMA_SNAPSHOT_PATH_BYTES 4096
#define FAMA_SNAPSHOT_ITEM_MAX   ((uint64_t)1 << 30) /* bytes of one item */

struct fama_snapshot_writer {
    int fd; /* -1: not open */
    char path[FAMA_SNAPSHOT_PATH_BYTES];
    struct fama_sha256_stream hash;
    uint8_t *buffer;
    size_t used;
};

/* The file must not exist. */
int fama_snapshot_writer_open(const char *directory, const char *name,
                              struct fama_snapshot_writer *writer, struct fama_error *error);
int fama_snapshot_writer_number(struct fama_snapshot_writer *writer, uint64_t number,
                                struct fama_error *error);
/* Without a length: part of an item whose length was written as a number. */
int fama_snapshot_writer_raw(struct fama_snapshot_writer *writer, struct fama_bytes part,
                             struct fama_error *error);
int fama_snapshot_writer_bytes(struct fama_snapshot_writer *writer, struct fama_bytes bytes,
                               struct fama_error *error);
/* Everything is on the disk afterwards, but for the directory's entry. */
int fama_snapshot_writer_finish(struct fama_snapshot_writer *writer,
                                uint8_t digest[FAMA_SHA256_BYTES], struct fama_error *error);
/* Closes what was not finished. A writer that is closed or all zeros but for `fd` -1 is fine. */
void fama_snapshot_writer_close(struct fama_snapshot_writer *writer);

/* Bytes that a number takes. */
size_t fama_snapshot_number_len(uint64_t number);

struct fama_snapshot_reader {
    int fd; /* -1: not open */
    char path[FAMA_SNAPSHOT_PATH_BYTES];
    struct fama_sha256_stream hash;
    uint8_t *buffer;
    size_t start; /* of what is buffered and not yet handed out */
    size_t end;
    uint64_t unread; /* bytes of the file that are not buffered yet */
    uint8_t *item;   /* the last byte string */
    size_t item_capacity;
};

/* FAMA_SNAPSHOT_NOT_FOUND without words if there is no such file. */
int fama_snapshot_reader_open(const char *directory, const char *name,
                              struct fama_snapshot_reader *reader, struct fama_error *error);
int fama_snapshot_reader_number(struct fama_snapshot_reader *reader, uint64_t *number,
                                struct fama_error *error);
/* The view lives until the next call. */
int fama_snapshot_reader_bytes(struct fama_snapshot_reader *reader, struct fama_bytes *bytes,
                               struct fama_error *error);
/* Demands the end of the file and the hash of `digest`. */
int fama_snapshot_reader_finish(struct fama_snapshot_reader *reader,
                                const uint8_t digest[FAMA_SHA256_BYTES], struct fama_error *error);
void fama_snapshot_reader_close(struct fama_snapshot_reader *reader); /* as the writer's */

/* "this file is damaged: WORDS", with advice. */
int fama_snapshot_reader_damaged(const struct fama_snapshot_reader *reader,
                                 struct fama_error *error, const char *words);

#endif
