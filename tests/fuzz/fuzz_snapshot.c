/* Bytes of a stranger as a snapshot: its two metadata texts, and the contents of one part under hashes that
 * fit, so that nothing but the reading stands between them and a ledger. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger/snapshot_contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fama-fuzz-snapshot-XXXXXX";

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void remove_folder(void)
{
    for (size_t part = 0; part < FAMA_SNAPSHOT_PARTS; part++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", folder,
                       fama_snapshot_data_name((enum fama_snapshot_part)part));
        (void)unlink(path);
        (void)snprintf(path, sizeof path, "%s/%s", folder,
                       fama_snapshot_count_name((enum fama_snapshot_part)part));
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static void make_folder(void)
{
    static bool is_made;
    if (!is_made) {
        require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
        is_made = true;
    }
}

static void save(const char *name, struct fama_bytes bytes, uint8_t hash[FAMA_SHA256_BYTES])
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(bytes.at, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
    fama_sha256(bytes, hash);
}

static int visit_txid(void *context, struct fama_bytes txid, struct fama_error *error)
{
    (void)error;
    require(txid.len > 0);
    (*(uint64_t *)context)++;
    return 0;
}

static int visit_history(void *context, struct fama_bytes key, struct fama_bytes package,
                         struct fama_error *error)
{
    (void)error;
    require(key.len > 0 && package.len > 0);
    (*(uint64_t *)context)++;
    return 0;
}

static int visit_state(void *context, const struct fama_snapshot_state *state,
                       struct fama_error *error)
{
    (void)error;
    require(state->entry.exists && state->stored_key.len > state->name.key.len);
    require(state->name.is_hashed || state->name.collection.len == 0);
    (*(uint64_t *)context)++;
    return 0;
}

/* The first byte chooses the part, the second where its metadata file ends. */
static void walk(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return;
    }
    enum fama_snapshot_part part = (enum fama_snapshot_part)(data[0] % FAMA_SNAPSHOT_PARTS);
    size_t count_len = data[1] < size - 2 ? data[1] : size - 2;
    struct fama_snapshot_metadata metadata = {.channel_id = "drivenet", .last_block = 1000};
    struct fama_snapshot_part_hashes *hashes = &metadata.parts[part];
    make_folder();
    hashes->is_there = true;
    save(fama_snapshot_count_name(part), fama_bytes(data + 2, count_len), hashes->count);
    save(fama_snapshot_data_name(part), fama_bytes(data + 2 + count_len, size - 2 - count_len),
         hashes->data);
    uint64_t items = 0;
    struct fama_error error = {{0}};
    const struct fama_snapshot_visitor visitor = {.txid = visit_txid,
                                                  .config_history = visit_history,
                                                  .state = visit_state,
                                                  .context = &items};
    int status = fama_snapshot_walk(folder, &metadata, &visitor, NULL, &error);
    require(status == 0 || error.text[0] != '\0');
    require(items <= size);
}

/* Whatever is taken is written again, and that is taken with the same meaning. */
static void parse(const uint8_t *data, size_t size)
{
    struct fama_snapshot_metadata metadata;
    struct fama_snapshot_metadata again;
    char signable[FAMA_SNAPSHOT_TEXT_BYTES];
    char additional[FAMA_SNAPSHOT_TEXT_BYTES];
    fama_sha256(fama_bytes(data, size), metadata.snapshot_hash);
    metadata.has_commit_hash = false;
    size_t additional_len = fama_snapshot_additional_text(&metadata, additional);
    if (fama_snapshot_metadata_parse(fama_bytes(data, size), fama_bytes(additional, additional_len),
                                     &metadata, NULL) != 0) {
        return;
    }
    struct fama_bytes text = fama_bytes(signable, fama_snapshot_signable_text(&metadata, signable));
    require(text.len < sizeof signable);
    fama_sha256(text, metadata.snapshot_hash);
    additional_len = fama_snapshot_additional_text(&metadata, additional);
    require(fama_snapshot_metadata_parse(text, fama_bytes(additional, additional_len), &again,
                                         NULL) == 0);
    require(memcmp(&metadata.parts, &again.parts, sizeof again.parts) == 0 &&
            metadata.last_block == again.last_block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    walk(data, size);
    return 0;
}
