#include "ledger/snapshot_metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DIGEST_TEXT_LEN ((size_t)FAMA_SHA256_TEXT_BYTES - 1)

static const char *const part_names[FAMA_SNAPSHOT_PARTS][2] = {
    [FAMA_SNAPSHOT_CONFIG_HISTORY] = {"confighistory.data", "confighistory.metadata"},
    [FAMA_SNAPSHOT_PRIVATE_HASHES] = {"private_state_hashes.data", "private_state_hashes.metadata"},
    [FAMA_SNAPSHOT_PUBLIC_STATE] = {"public_state.data", "public_state.metadata"},
    [FAMA_SNAPSHOT_TXIDS] = {"txids.data", "txids.metadata"},
};

const char *fama_snapshot_data_name(enum fama_snapshot_part part)
{
    return part_names[part][0];
}

const char *fama_snapshot_count_name(enum fama_snapshot_part part)
{
    return part_names[part][1];
}

static void append(char text[FAMA_SNAPSHOT_TEXT_BYTES], size_t *len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* There is always room: FAMA_SNAPSHOT_TEXT_BYTES holds the longest text. */
static void append(char text[FAMA_SNAPSHOT_TEXT_BYTES], size_t *len, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text + *len, FAMA_SNAPSHOT_TEXT_BYTES - *len, format, arguments);
    va_end(arguments);
    *len += written > 0 ? (size_t)written : 0;
}

static const char *hash_text(bool is_there, const uint8_t hash[FAMA_SHA256_BYTES],
                             char text[FAMA_SHA256_TEXT_BYTES])
{
    text[0] = '\0';
    if (is_there) {
        fama_sha256_text(hash, text);
    }
    return text;
}

size_t fama_snapshot_signable_text(const struct fama_snapshot_metadata *metadata,
                                   char text[FAMA_SNAPSHOT_TEXT_BYTES])
{
    char hash[FAMA_SHA256_TEXT_BYTES];
    size_t len = 0;
    append(text, &len, "{\n    \"channel_name\": \"%s\",\n", metadata->channel_id);
    append(text, &len, "    \"last_block_number\": %" PRIu64 ",\n", metadata->last_block);
    append(text, &len, "    \"last_block_hash\": \"%s\",\n",
           hash_text(true, metadata->last_hash, hash));
    append(text, &len, "    \"previous_block_hash\": \"%s\",\n",
           hash_text(metadata->has_previous_hash, metadata->previous_hash, hash));
    append(text, &len, "    \"snapshot_files_raw_hashes\": {");
    const char *before = "\n";
    for (size_t part = 0; part < FAMA_SNAPSHOT_PARTS; part++) {
        const struct fama_snapshot_part_hashes *hashes = &metadata->parts[part];
        if (!hashes->is_there) {
            continue;
        }
        append(text, &len, "%s        \"%s\": \"%s\",\n", before, part_names[part][0],
               hash_text(true, hashes->data, hash));
        append(text, &len, "        \"%s\": \"%s\"", part_names[part][1],
               hash_text(true, hashes->count, hash));
        before = ",\n";
    }
    append(text, &len, "%s},\n    \"state_db_type\": \"%s\"\n}", before[0] == ',' ? "\n    " : "",
           metadata->is_couchdb ? "CouchDB" : "SimpleKeyValueDB");
    return len;
}

size_t fama_snapshot_additional_text(const struct fama_snapshot_metadata *metadata,
                                     char text[FAMA_SNAPSHOT_TEXT_BYTES])
{
    char hash[FAMA_SHA256_TEXT_BYTES];
    size_t len = 0;
    append(text, &len, "{\n    \"snapshot_hash\": \"%s\",\n",
           hash_text(true, metadata->snapshot_hash, hash));
    append(text, &len, "    \"last_block_commit_hash\": \"%s\"\n}",
           hash_text(metadata->has_commit_hash, metadata->commit_hash, hash));
    return len;
}

/* What is left of one of the texts. `words` says what was wrong first. */
struct json {
    struct fama_bytes rest;
    const char *words;
};

static bool refuse(struct json *json, const char *words)
{
    if (json->words == NULL) {
        json->words = words;
    }
    return false;
}

static void skip_space(struct json *json)
{
    while (json->rest.len > 0 && memchr(" \t\r\n", json->rest.at[0], 4) != NULL) {
        json->rest = fama_bytes(json->rest.at + 1, json->rest.len - 1);
    }
}

static bool next_is(struct json *json, char expected)
{
    skip_space(json);
    return json->rest.len > 0 && json->rest.at[0] == (uint8_t)expected;
}

static bool take(struct json *json, char expected)
{
    if (!next_is(json, expected)) {
        return refuse(json, "it is not JSON of the expected form");
    }
    json->rest = fama_bytes(json->rest.at + 1, json->rest.len - 1);
    return true;
}

/* A string of printable ASCII without escapes: nothing in a snapshot's metadata needs more. */
static bool take_string(struct json *json, struct fama_bytes *string)
{
    if (!take(json, '"')) {
        return false;
    }
    size_t len = 0;
    while (len < json->rest.len && json->rest.at[len] != '"') {
        if (json->rest.at[len] < 0x20 || json->rest.at[len] > 0x7e || json->rest.at[len] == '\\') {
            return refuse(json, "a string holds what none in it should");
        }
        len++;
    }
    *string = fama_bytes(json->rest.at, len);
    json->rest = fama_bytes(json->rest.at + len, json->rest.len - len);
    return take(json, '"');
}

static bool take_number(struct json *json, uint64_t *number)
{
    skip_space(json);
    size_t digits = 0;
    *number = 0;
    while (digits < json->rest.len && json->rest.at[digits] >= '0' &&
           json->rest.at[digits] <= '9') {
        uint64_t digit = (uint64_t)(json->rest.at[digits] - '0');
        if (*number > (UINT64_MAX - digit) / 10) {
            return refuse(json, "the block number is too large");
        }
        *number = *number * 10 + digit;
        digits++;
    }
    if (digits == 0 || (digits > 1 && json->rest.at[0] == '0')) {
        return refuse(json, "the block number is no number");
    }
    json->rest = fama_bytes(json->rest.at + digits, json->rest.len - digits);
    return true;
}

static bool digit_value(uint8_t letter, uint8_t *value)
{
    if (letter >= '0' && letter <= '9') {
        *value = (uint8_t)(letter - '0');
        return true;
    }
    if (letter >= 'a' && letter <= 'f') { /* Fabric compares text: no capitals */
        *value = (uint8_t)(letter - 'a' + 10);
        return true;
    }
    return false;
}

/* Where an empty string means "none". */
static bool take_optional_hash(struct json *json, uint8_t hash[FAMA_SHA256_BYTES], bool *is_there)
{
    struct fama_bytes text;
    if (!take_string(json, &text)) {
        return false;
    }
    *is_there = text.len > 0;
    if (text.len != 0 && text.len != DIGEST_TEXT_LEN) {
        return refuse(json, "a hash has not 64 digits");
    }
    for (size_t i = 0; i < text.len; i += 2) {
        uint8_t high;
        uint8_t low;
        if (!digit_value(text.at[i], &high) || !digit_value(text.at[i + 1], &low)) {
            return refuse(json, "a hash is not lower-case hex");
        }
        hash[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool take_hash(struct json *json, uint8_t hash[FAMA_SHA256_BYTES])
{
    bool is_there = false;
    return take_optional_hash(json, hash, &is_there) &&
           (is_there || refuse(json, "a hash is empty"));
}

/* Takes the value of member `name`; members are told apart by their place in `names`. */
typedef bool (*take_member)(struct json *json, size_t place,
                            struct fama_snapshot_metadata *metadata);

/* An object whose members are all known and there at most once; `seen` is a bit for each place. */
static bool take_object(struct json *json, const char *const *names, size_t count,
                        take_member member, struct fama_snapshot_metadata *metadata, uint32_t *seen)
{
    *seen = 0;
    if (!take(json, '{')) {
        return false;
    }
    if (next_is(json, '}')) {
        return take(json, '}');
    }
    do {
        struct fama_bytes name;
        if (!take_string(json, &name) || !take(json, ':')) {
            return false;
        }
        size_t place = 0;
        while (place < count && !fama_bytes_equal_text(name, names[place])) {
            place++;
        }
        if (place == count || (*seen >> place & 1) != 0) {
            return refuse(json, place == count ? "it names a member or file unknown to snapshots"
                                               : "a member is there twice");
        }
        *seen |= (uint32_t)1 << place;
        if (!member(json, place, metadata)) {
            return false;
        }
    } while (next_is(json, ',') && take(json, ','));
    return take(json, '}');
}

static bool take_file(struct json *json, size_t place, struct fama_snapshot_metadata *metadata)
{
    struct fama_snapshot_part_hashes *hashes = &metadata->parts[place / 2];
    hashes->is_there = true;
    return take_hash(json, place % 2 == 0 ? hashes->data : hashes->count);
}

static bool take_files(struct json *json, struct fama_snapshot_metadata *metadata)
{
    uint32_t seen;
    if (!take_object(json, &part_names[0][0], (size_t)2 * FAMA_SNAPSHOT_PARTS, take_file, metadata,
                     &seen)) {
        return false;
    }
    for (size_t part = 0; part < FAMA_SNAPSHOT_PARTS; part++) {
        uint32_t pair = seen >> (2 * part) & 3;
        if (pair != 0 && pair != 3) {
            return refuse(json, "a data file lacks its metadata file, or the other way round");
        }
    }
    if (!metadata->parts[FAMA_SNAPSHOT_PUBLIC_STATE].is_there ||
        !metadata->parts[FAMA_SNAPSHOT_TXIDS].is_there) {
        return refuse(json,
                      "it names no public state or no transaction ids, which every channel has");
    }
    return true;
}

static bool take_channel(struct json *json, struct fama_snapshot_metadata *metadata)
{
    struct fama_bytes name;
    if (!take_string(json, &name)) {
        return false;
    }
    if (name.len >= sizeof metadata->channel_id || !fama_channel_id_is_valid(name)) {
        return refuse(json, "its channel has no valid name");
    }
    memcpy(metadata->channel_id, name.at, name.len);
    metadata->channel_id[name.len] = '\0';
    return true;
}

static bool take_database(struct json *json, struct fama_snapshot_metadata *metadata)
{
    struct fama_bytes type;
    if (!take_string(json, &type)) {
        return false;
    }
    metadata->is_couchdb = fama_bytes_equal_text(type, "CouchDB");
    return metadata->is_couchdb || fama_bytes_equal_text(type, "SimpleKeyValueDB") ||
           refuse(json, "its state_db_type is neither SimpleKeyValueDB nor CouchDB");
}

static const char *const signable_names[] = {
    "channel_name",        "last_block_number",         "last_block_hash",
    "previous_block_hash", "snapshot_files_raw_hashes", "state_db_type",
};
#define SIGNABLE_MEMBERS (sizeof signable_names / sizeof signable_names[0])

static bool take_signable(struct json *json, size_t place, struct fama_snapshot_metadata *metadata)
{
    switch (place) {
    case 0:
        return take_channel(json, metadata);
    case 1:
        return take_number(json, &metadata->last_block);
    case 2:
        return take_hash(json, metadata->last_hash);
    case 3:
        return take_optional_hash(json, metadata->previous_hash, &metadata->has_previous_hash);
    case 4:
        return take_files(json, metadata);
    default:
        return take_database(json, metadata);
    }
}

static const char *const additional_names[] = {"snapshot_hash", "last_block_commit_hash"};
#define ADDITIONAL_MEMBERS (sizeof additional_names / sizeof additional_names[0])

static bool take_additional(struct json *json, size_t place,
                            struct fama_snapshot_metadata *metadata)
{
    return place == 0 ? take_hash(json, metadata->snapshot_hash)
                      : take_optional_hash(json, metadata->commit_hash, &metadata->has_commit_hash);
}

static int parse(struct fama_bytes text, const char *file, const char *const *names, size_t count,
                 take_member member, struct fama_snapshot_metadata *metadata,
                 struct fama_error *error)
{
    struct json json = {.rest = text};
    uint32_t seen;
    if (take_object(&json, names, count, member, metadata, &seen)) {
        skip_space(&json);
        if (json.rest.len > 0) {
            (void)refuse(&json, "more follows its end");
        } else if (seen != ((uint32_t)1 << count) - 1) {
            (void)refuse(&json, "a member is missing");
        }
    }
    if (json.words == NULL) {
        return 0;
    }
    return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                          "snapshot metadata %s is damaged: %s; copy the snapshot again from where "
                          "it came",
                          file, json.words);
}

int fama_snapshot_metadata_parse(struct fama_bytes signable, struct fama_bytes additional,
                                 struct fama_snapshot_metadata *metadata, struct fama_error *error)
{
    memset(metadata, 0, sizeof *metadata);
    int status = parse(signable, FAMA_SNAPSHOT_SIGNABLE_NAME, signable_names, SIGNABLE_MEMBERS,
                       take_signable, metadata, error);
    if (status == 0) {
        status = parse(additional, FAMA_SNAPSHOT_ADDITIONAL_NAME, additional_names,
                       ADDITIONAL_MEMBERS, take_additional, metadata, error);
    }
    if (status != 0) {
        return status;
    }
    uint8_t hash[FAMA_SHA256_BYTES];
    fama_sha256(signable, hash);
    if (memcmp(hash, metadata->snapshot_hash, sizeof hash) != 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                              "the snapshot of channel %s is damaged: %s does not hash to the "
                              "snapshot_hash of %s; copy the snapshot again from where it came",
                              metadata->channel_id, FAMA_SNAPSHOT_SIGNABLE_NAME,
                              FAMA_SNAPSHOT_ADDITIONAL_NAME);
    }
    if ((metadata->last_block == 0) == metadata->has_previous_hash ||
        metadata->last_block == UINT64_MAX) {
        return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                              "the snapshot of channel %s is damaged: last block %" PRIu64
                              " %s a previous block's hash",
                              metadata->channel_id, metadata->last_block,
                              metadata->has_previous_hash ? "has" : "lacks");
    }
    return 0;
}

/* Reads at most FAMA_SNAPSHOT_TEXT_READ_MAX bytes; what is larger is no metadata. */
static int read_text(const char *directory, const char *name, char *text, size_t *len,
                     struct fama_error *error)
{
    char path[FAMA_SNAPSHOT_PATH_BYTES];
    int written = snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = written > 0 && (size_t)written < sizeof path
                 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
                 : -1;
    *len = 0;
    ssize_t got = -1;
    while (fd >= 0 && *len < FAMA_SNAPSHOT_TEXT_READ_MAX &&
           (got = read(fd, text + *len, FAMA_SNAPSHOT_TEXT_READ_MAX - *len)) > 0) {
        *len += (size_t)got;
    }
    int reason = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 0) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO,
                              "cannot read snapshot metadata %.300s (%s); is this the directory of "
                              "a snapshot?",
                              path, strerror(reason));
    }
    if (*len == FAMA_SNAPSHOT_TEXT_READ_MAX) {
        return fama_error_set(error, FAMA_SNAPSHOT_DAMAGED,
                              "snapshot metadata %.300s is damaged: it is far too long", path);
    }
    return 0;
}

int fama_snapshot_metadata_read(const char *directory, struct fama_snapshot_metadata *metadata,
                                struct fama_error *error)
{
    char *texts = malloc((size_t)2 * FAMA_SNAPSHOT_TEXT_READ_MAX);
    if (texts == NULL) {
        return fama_error_set(error, FAMA_SNAPSHOT_NO_MEMORY, "snapshot %.300s: out of memory",
                              directory);
    }
    char *additional = texts + FAMA_SNAPSHOT_TEXT_READ_MAX;
    size_t signable_len;
    size_t additional_len;
    int status = read_text(directory, FAMA_SNAPSHOT_SIGNABLE_NAME, texts, &signable_len, error);
    if (status == 0) {
        status =
            read_text(directory, FAMA_SNAPSHOT_ADDITIONAL_NAME, additional, &additional_len, error);
    }
    if (status == 0) {
        status =
            fama_snapshot_metadata_parse(fama_bytes(texts, signable_len),
                                         fama_bytes(additional, additional_len), metadata, error);
    }
    free(texts);
    return status;
}

static int write_text(const char *directory, const char *name, struct fama_bytes text,
                      struct fama_error *error)
{
    char path[FAMA_SNAPSHOT_PATH_BYTES];
    int written = snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = written > 0 && (size_t)written < sizeof path
                 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444)
                 : -1;
    ssize_t put = fd >= 0 ? write(fd, text.at, text.len) : -1;
    bool is_written = put == (ssize_t)text.len && fsync(fd) == 0;
    int reason =
        put >= 0 && put < (ssize_t)text.len ? ENOSPC : errno; /* a part: no room for more */
    if (fd >= 0 && close(fd) != 0) {
        is_written = false;
        reason = errno;
    }
    if (!is_written) {
        return fama_error_set(error, FAMA_SNAPSHOT_IO, "cannot write snapshot metadata %.300s (%s)",
                              path, strerror(reason));
    }
    return 0;
}

int fama_snapshot_metadata_write(const char *directory, struct fama_snapshot_metadata *metadata,
                                 struct fama_error *error)
{
    char text[FAMA_SNAPSHOT_TEXT_BYTES];
    struct fama_bytes bytes = fama_bytes(text, fama_snapshot_signable_text(metadata, text));
    int status = write_text(directory, FAMA_SNAPSHOT_SIGNABLE_NAME, bytes, error);
    if (status != 0) {
        return status;
    }
    fama_sha256(bytes, metadata->snapshot_hash);
    bytes = fama_bytes(text, fama_snapshot_additional_text(metadata, text));
    return write_text(directory, FAMA_SNAPSHOT_ADDITIONAL_NAME, bytes, error);
}
