#include "ledger/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/varint.h"

#define BUFFER_BYTES ((size_t)128 << 10)

static bool join(char path[FAMA_SNAPSHOT_PATH_BYTES], const char *directory, const char *name)
{
    int written = snprintf(path, FAMA_SNAPSHOT_PATH_BYTES, "%s/%s", directory, name);
    return written > 0 && written < FAMA_SNAPSHOT_PATH_BYTES;
}

static int out_of_memory(const char *path, struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY, "snapshot file %s: out of memory", path);
}

static int cannot_write(const char *path, int reason, struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_IO,
                          "cannot write snapshot file %s (%s); check the disk and the directory's "
                          "permissions",
                          path, strerror(reason));
}

int fama_snapshot_writer_open(const char *directory, const char *name,
                              struct fama_snapshot_writer *writer, struct fama_error *error)
{
    memset(writer, 0, sizeof *writer);
    writer->fd = -1;
    if (!join(writer->path, directory, name)) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO, "snapshot directory %.256s: name too long",
                              directory);
    }
    writer->buffer = malloc(BUFFER_BYTES);
    if (writer->buffer == NULL) {
        return out_of_memory(writer->path, error);
    }
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (writer->fd < 0) {
        int reason = errno;
        fama_snapshot_writer_close(writer);
        return cannot_write(writer->path, reason, error);
    }
    fama_sha256_begin(&writer->hash);
    writer->buffer[0] = FAMA_SNAPSHOT_FORMAT;
    writer->used = 1;
    return 0;
}

static int flush(struct fama_snapshot_writer *writer, struct fama_error *error)
{
    fama_sha256_add(&writer->hash, fama_bytes(writer->buffer, writer->used));
    for (size_t done = 0; done < writer->used;) {
        ssize_t written = write(writer->fd, writer->buffer + done, writer->used - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return cannot_write(writer->path, written < 0 ? errno : ENOSPC, error);
        }
        done += (size_t)written;
    }
    writer->used = 0;
    return 0;
}

int fama_snapshot_writer_raw(struct fama_snapshot_writer *writer, struct fama_bytes part,
                             struct fama_error *error)
{
    for (size_t done = 0; done < part.len;) {
        if (writer->used == BUFFER_BYTES) {
            int status = flush(writer, error);
            if (status != 0) {
                return status;
            }
        }
        size_t room = BUFFER_BYTES - writer->used;
        size_t taken = part.len - done < room ? part.len - done : room;
        memcpy(writer->buffer + writer->used, part.at + done, taken);
        writer->used += taken;
        done += taken;
    }
    return 0;
}

size_t fama_snapshot_number_len(uint64_t number)
{
    return fama_varint_len(number);
}

int fama_snapshot_writer_number(struct fama_snapshot_writer *writer, uint64_t number,
                                struct fama_error *error)
{
    uint8_t encoded[FAMA_VARINT_BYTES_MAX];
    size_t len = fama_varint_put(encoded, number);
    return fama_snapshot_writer_raw(writer, fama_bytes(encoded, len), error);
}

int fama_snapshot_writer_bytes(struct fama_snapshot_writer *writer, struct fama_bytes bytes,
                               struct fama_error *error)
{
    int status = fama_snapshot_writer_number(writer, bytes.len, error);
    return status != 0 ? status : fama_snapshot_writer_raw(writer, bytes, error);
}

int fama_snapshot_writer_finish(struct fama_snapshot_writer *writer,
                                uint8_t digest[FAMA_SHA256_BYTES], struct fama_error *error)
{
    int status = flush(writer, error);
    if (status != 0) {
        return status;
    }
    if (fsync(writer->fd) != 0) {
        return cannot_write(writer->path, errno, error);
    }
    int closed = close(writer->fd);
    writer->fd = -1;
    if (closed != 0) {
        return cannot_write(writer->path, errno, error);
    }
    fama_sha256_end(&writer->hash, digest);
    return 0;
}

void fama_snapshot_writer_close(struct fama_snapshot_writer *writer)
{
    if (writer->fd >= 0) {
        (void)close(writer->fd);
    }
    writer->fd = -1;
    free(writer->buffer);
    writer->buffer = NULL;
}

int fama_snapshot_reader_damaged(const struct fama_snapshot_reader *reader,
                                 struct fama_error *error, const char *words)
{
    return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                          "snapshot file %.300s is damaged: %s; copy the snapshot again from where "
                          "it came",
                          reader->path, words);
}

static int cannot_read(const struct fama_snapshot_reader *reader, int reason,
                       struct fama_error *error)
{
    return fama_error_set(error, FAMA_SNAPSHOT_IO, "cannot read snapshot file %s (%s)",
                          reader->path, strerror(reason));
}

/* Takes in what fits behind what is buffered, at least one byte; an error at the end of the file. */
static int fill(struct fama_snapshot_reader *reader, struct fama_error *error)
{
    if (reader->start == reader->end) {
        reader->start = 0;
        reader->end = 0;
    }
    size_t room = BUFFER_BYTES - reader->end;
    size_t wanted = reader->unread < room ? (size_t)reader->unread : room;
    if (wanted == 0) {
        return fama_snapshot_reader_damaged(reader, error, "it ends too early");
    }
    ssize_t got;
    do {
        got = read(reader->fd, reader->buffer + reader->end, wanted);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return cannot_read(reader, errno, error);
    }
    if (got == 0) {
        return fama_snapshot_reader_damaged(reader, error, "it became shorter while being read");
    }
    fama_sha256_add(&reader->hash, fama_bytes(reader->buffer + reader->end, (size_t)got));
    reader->end += (size_t)got;
    reader->unread -= (uint64_t)got;
    return 0;
}

static int take_byte(struct fama_snapshot_reader *reader, uint8_t *byte, struct fama_error *error)
{
    if (reader->start == reader->end) {
        int status = fill(reader, error);
        if (status != 0) {
            return status;
        }
    }
    *byte = reader->buffer[reader->start++];
    return 0;
}

int fama_snapshot_reader_open(const char *directory, const char *name,
                              struct fama_snapshot_reader *reader, struct fama_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->fd = -1;
    if (!join(reader->path, directory, name)) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO, "snapshot directory %.256s: name too long",
                              directory);
    }
    /* Not blocking: whoever made the directory may have put a pipe there. */
    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader->fd < 0) {
        return errno == ENOENT ? FAMA_SNAPSHOT_NOT_FOUND : cannot_read(reader, errno, error);
    }
    struct stat facts;
    int status = fstat(reader->fd, &facts) == 0 ? 0 : cannot_read(reader, errno, error);
    if (status == 0 && !S_ISREG(facts.st_mode)) {
        status = fama_snapshot_reader_damaged(reader, error, "it is not a plain file");
    }
    if (status == 0) {
        reader->unread = (uint64_t)facts.st_size;
        reader->buffer = malloc(BUFFER_BYTES);
        status = reader->buffer != NULL ? 0 : out_of_memory(reader->path, error);
    }
    uint8_t format = 0;
    if (status == 0) {
        fama_sha256_begin(&reader->hash);
        status = take_byte(reader, &format, error);
    }
    if (status == 0 && format != FAMA_SNAPSHOT_FORMAT) {
        status = fama_snapshot_reader_damaged(reader, error,
                                              "its first byte names another format than 1");
    }
    if (status != 0) {
        fama_snapshot_reader_close(reader);
    }
    return status;
}

int fama_snapshot_reader_number(struct fama_snapshot_reader *reader, uint64_t *number,
                                struct fama_error *error)
{
    *number = 0;
    for (unsigned int i = 0; i < FAMA_VARINT_BYTES_MAX; i++) {
        uint8_t byte;
        int status = take_byte(reader, &byte, error);
        if (status != 0) {
            return status;
        }
        if (i == FAMA_VARINT_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        *number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return 0;
        }
    }
    return fama_snapshot_reader_damaged(reader, error, "a number does not end");
}

static int make_room(struct fama_snapshot_reader *reader, size_t len, struct fama_error *error)
{
    if (len <= reader->item_capacity) {
        return 0;
    }
    size_t capacity = reader->item_capacity < 4096 ? 4096 : reader->item_capacity;
    while (capacity < len) {
        capacity *= 2; /* below twice FAMA_SNAPSHOT_ITEM_MAX */
    }
    uint8_t *item = realloc(reader->item, capacity);
    if (item == NULL) {
        return out_of_memory(reader->path, error);
    }
    reader->item = item;
    reader->item_capacity = capacity;
    return 0;
}

int fama_snapshot_reader_bytes(struct fama_snapshot_reader *reader, struct fama_bytes *bytes,
                               struct fama_error *error)
{
    uint64_t len;
    int status = fama_snapshot_reader_number(reader, &len, error);
    if (status != 0) {
        return status;
    }
    uint64_t left = reader->unread + (reader->end - reader->start);
    if (len > left || len > FAMA_SNAPSHOT_ITEM_MAX) {
        char words[96];
        (void)snprintf(words, sizeof words,
                       "an item of %" PRIu64 " bytes where %" PRIu64 " are left", len, left);
        return fama_snapshot_reader_damaged(reader, error, words);
    }
    status = make_room(reader, (size_t)len, error);
    for (size_t done = 0; done < len && status == 0;) {
        if (reader->start == reader->end) {
            status = fill(reader, error);
            continue;
        }
        size_t buffered = reader->end - reader->start;
        size_t taken = (size_t)len - done < buffered ? (size_t)len - done : buffered;
        memcpy(reader->item + done, reader->buffer + reader->start, taken);
        reader->start += taken;
        done += taken;
    }
    *bytes = fama_bytes(reader->item, status == 0 ? (size_t)len : 0);
    return status;
}

int fama_snapshot_reader_finish(struct fama_snapshot_reader *reader,
                                const uint8_t digest[FAMA_SHA256_BYTES], struct fama_error *error)
{
    if (reader->unread > 0 || reader->start < reader->end) {
        return fama_snapshot_reader_damaged(reader, error, "more follows than was announced");
    }
    uint8_t found[FAMA_SHA256_BYTES];
    fama_sha256_end(&reader->hash, found);
    if (memcmp(found, digest, sizeof found) != 0) {
        return fama_snapshot_reader_damaged(reader, error,
                                            "it does not hash to what the signable metadata says");
    }
    return 0;
}

void fama_snapshot_reader_close(struct fama_snapshot_reader *reader)
{
    if (reader->fd >= 0) {
        (void)close(reader->fd);
    }
    reader->fd = -1;
    free(reader->buffer);
    free(reader->item);
    reader->buffer = NULL;
    reader->item = NULL;
    reader->item_capacity = 0;
}
