#include "ledger/metadata_spaces.h"

#include <string.h>

#include "ledger/ledger_layout.h"

#define LENGTH_BYTES 2

static struct fama_bytes space_of(struct fama_bytes stored_key)
{
    const uint8_t *end = stored_key.len == 0 ? NULL : memchr(stored_key.at, 0, stored_key.len);
    return end == NULL ? stored_key : fama_bytes(stored_key.at, (size_t)(end - stored_key.at));
}

/* The name at `*at`, which moves behind it. False at the end and where it is cut off. */
static bool next_name(const uint8_t *names, size_t len, size_t *at, struct fama_bytes *name)
{
    if (len - *at < LENGTH_BYTES) {
        return false;
    }
    size_t name_len = (size_t)names[*at] << 8 | names[*at + 1];
    if (name_len > len - *at - LENGTH_BYTES) {
        return false;
    }
    *name = fama_bytes(names + *at + LENGTH_BYTES, name_len);
    *at += LENGTH_BYTES + name_len;
    return true;
}

void fama_metadata_spaces_begin(struct fama_metadata_spaces *spaces)
{
    spaces->is_known = true;
    spaces->len = 0;
}

static bool is_named(const struct fama_metadata_spaces *spaces, struct fama_bytes space)
{
    struct fama_bytes name;
    size_t at = 0;
    while (next_name(spaces->names, spaces->len, &at, &name)) {
        if (fama_bytes_equal(name, space)) {
            return true;
        }
    }
    return false;
}

void fama_metadata_spaces_add(struct fama_metadata_spaces *spaces, struct fama_bytes stored_key)
{
    struct fama_bytes space = space_of(stored_key);
    if (!spaces->is_known || is_named(spaces, space)) {
        return;
    }
    size_t room = sizeof spaces->names - spaces->len;
    if (room < LENGTH_BYTES || space.len > room - LENGTH_BYTES) {
        spaces->is_known = false;
        return;
    }
    uint8_t *at = spaces->names + spaces->len;
    at[0] = (uint8_t)(space.len >> 8);
    at[1] = (uint8_t)space.len;
    if (space.len > 0) {
        memcpy(at + LENGTH_BYTES, space.at, space.len);
    }
    spaces->len += LENGTH_BYTES + space.len;
}

bool fama_metadata_spaces_may_have(const struct fama_metadata_spaces *spaces,
                                   struct fama_bytes stored_key)
{
    return !spaces->is_known || is_named(spaces, space_of(stored_key));
}

size_t fama_metadata_spaces_encode(const struct fama_metadata_spaces *spaces, uint64_t height,
                                   uint8_t record[FAMA_METADATA_SPACES_RECORD_MAX])
{
    size_t len = 0;
    fama_ledger_put_u64(record, height);
    len += FAMA_LEDGER_NUMBER_BYTES;
    record[len++] = spaces->is_known ? 0 : 1;
    if (spaces->is_known) {
        memcpy(record + len, spaces->names, spaces->len);
        len += spaces->len;
    }
    return len;
}

void fama_metadata_spaces_decode(struct fama_bytes record, uint64_t height,
                                 struct fama_metadata_spaces *spaces)
{
    const size_t head = FAMA_LEDGER_NUMBER_BYTES + 1;
    spaces->is_known = false;
    spaces->len = 0;
    if (record.len < head || record.len > FAMA_METADATA_SPACES_RECORD_MAX ||
        fama_ledger_get_u64(record.at) != height || record.at[FAMA_LEDGER_NUMBER_BYTES] != 0) {
        return;
    }
    size_t len = record.len - head;
    size_t at = 0;
    struct fama_bytes name;
    while (next_name(record.at + head, len, &at, &name)) {
    }
    if (at != len) {
        return;
    }
    memcpy(spaces->names, record.at + head, len);
    spaces->len = len;
    spaces->is_known = true;
}
