#include "ledger/ledger_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "ledger/indexed_txid.h"
#include "ledger/ledger_parts.h"
#include "ledger/state_store.h"

#define PROGRESS_BLOCKS 64
#define KEY_BYTES_SHOWN 64 /* of one that differs */

static int wrong(const struct fama_ledger *ledger, uint64_t number, const char *what,
                 struct fama_error *error)
{
    return fama_error_set(
        error, FAMA_LEDGER_CORRUPT,
        "ledger %s is damaged: block %" PRIu64
        " %s; move the directory away and let the node fetch the blocks again, or "
        "restore a copy",
        ledger->store.directory, number, what);
}

/* What the snapshot of the ledger's beginning has is all that is known of the transactions before it. */
static int check_known(const struct fama_ledger *ledger, const struct fama_block *block,
                       struct fama_bytes txid, struct fama_error *error)
{
    bool is_known = false;
    int status = ledger->origin.first_block == 0
                     ? 0
                     : fama_ledger_known_txids(ledger, &txid, 1, &is_known, error);
    return status != 0 || is_known
               ? status
               : wrong(ledger, block->number, "has a transaction that is not indexed", error);
}

/* Each id leads to its first appearance, which is here or before. */
static int check_txids(const struct fama_ledger *ledger, const struct fama_block *block,
                       struct fama_error *error)
{
    for (size_t i = 0; i < block->envelope_count; i++) {
        char computed[FAMA_SHA256_TEXT_BYTES];
        struct fama_bytes txid = fama_indexed_txid(block->envelopes[i], computed);
        struct fama_ledger_location location;
        if (txid.len == 0) {
            continue;
        }
        int status = fama_ledger_locate_txid(ledger, txid, &location, error);
        if (status == FAMA_LEDGER_NOT_FOUND) {
            status = check_known(ledger, block, txid, error);
            location = (struct fama_ledger_location){.number = block->number};
        }
        if (status != 0) {
            return status;
        }
        bool is_before = location.number < block->number;
        bool is_here = location.number == block->number && location.index <= i;
        if (!is_before && !is_here) {
            return wrong(ledger, block->number, "has a transaction that is indexed elsewhere",
                         error);
        }
    }
    return 0;
}

/* A block whose number and bytes are known to belong together; `previous` is the hash to link to, NULL for
 * the first block held. */
static int check_block(const struct fama_ledger *ledger, const struct fama_block *block,
                       const uint8_t *previous, struct fama_error *error)
{
    uint8_t data_hash[FAMA_SHA256_BYTES];
    uint64_t indexed = 0;
    struct fama_ledger_result result;
    if (previous != NULL &&
        !fama_bytes_equal(block->previous_hash, fama_bytes(previous, FAMA_SHA256_BYTES))) {
        return wrong(ledger, block->number, "does not link to the block before", error);
    }
    fama_block_data_hash(block, data_hash);
    if (!fama_bytes_equal(block->data_hash, fama_bytes(data_hash, sizeof data_hash))) {
        return wrong(ledger, block->number, "has data that do not hash to its data hash", error);
    }
    if (fama_ledger_block_by_hash(ledger, block->header_hash, &indexed, error) != 0 ||
        indexed != block->number) {
        return wrong(ledger, block->number, "is not indexed by its hash", error);
    }
    int status = fama_ledger_result(ledger, block->number, &result, error);
    if (status != 0) {
        return status;
    }
    bool is_complete = result.count == 0 || result.count == block->envelope_count;
    fama_ledger_result_clear(&result);
    if (!is_complete) {
        return wrong(ledger, block->number, "lacks the codes of some transactions", error);
    }
    return check_txids(ledger, block, error);
}

static int check_number(const struct fama_ledger *ledger, uint64_t number, const uint8_t *previous,
                        uint8_t hash[FAMA_SHA256_BYTES], struct fama_error *error)
{
    uint8_t *bytes;
    size_t len;
    struct fama_block block;
    int status = fama_ledger_block(ledger, number, &bytes, &len, error);
    if (status != 0) {
        return status;
    }
    enum fama_block_refusal refusal = fama_block_parse(fama_bytes(bytes, len), &block);
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        status = fama_error_set(error, FAMA_LEDGER_IO, "checking block %" PRIu64 ": %s", number,
                                fama_block_refusal_words(refusal));
    } else if (refusal != FAMA_BLOCK_ACCEPTED) {
        status = wrong(ledger, number, "does not decode", error);
    } else if (block.number != number) {
        status = wrong(ledger, number, "has another number", error);
    } else {
        status = check_block(ledger, &block, previous, error);
        memcpy(hash, block.header_hash, FAMA_SHA256_BYTES);
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return status;
}

static int check_blocks(const struct fama_ledger_verify *verify, struct fama_error *error)
{
    const struct fama_ledger *ledger = verify->ledger;
    uint8_t hash[FAMA_SHA256_BYTES];
    memcpy(hash, ledger->origin.last_hash, sizeof hash);
    uint64_t first = ledger->origin.first_block;
    uint64_t end = ledger->tip.height;
    for (uint64_t number = first; number < end; number++) {
        uint8_t own[FAMA_SHA256_BYTES];
        int status = check_number(ledger, number, number > 0 ? hash : NULL, own, error);
        if (status != 0) {
            return status;
        }
        memcpy(hash, own, sizeof hash);
        bool is_time = (number + 1) % PROGRESS_BLOCKS == 0 || number + 1 == end;
        if (is_time && verify->on_block != NULL &&
            !verify->on_block(verify->context, number + 1, end)) {
            return fama_error_set(error, FAMA_LEDGER_STOPPED, "stopped at block %" PRIu64, number);
        }
    }
    return 0;
}

/* As `fama ledger export-state` shows keys: they hold zero bytes, and whatever drives a terminal. */
static int state_differs(const struct fama_ledger *ledger, struct fama_bytes stored,
                         const char *how, struct fama_error *error)
{
    char digits[2 * KEY_BYTES_SHOWN + 1] = "";
    const uint8_t *zero = stored.len == 0 ? NULL : memchr(stored.at, 0, stored.len);
    size_t space_len = zero == NULL ? 0 : (size_t)(zero - stored.at);
    size_t key_at = zero == NULL ? 0 : space_len + 1;
    for (size_t i = 0; i < KEY_BYTES_SHOWN && key_at + i < stored.len; i++) {
        (void)snprintf(digits + 2 * i, 3, "%02x", stored.at[key_at + i]);
    }
    bool is_cut = stored.len - key_at > KEY_BYTES_SHOWN;
    return fama_error_set(error, FAMA_LEDGER_CORRUPT,
                          "ledger %s: its world state %s key %s%s (hexadecimal) of namespace "
                          "'%.*s', unlike what its blocks say; run `fama ledger rebuild`",
                          ledger->store.directory, how, digits, is_cut ? "..." : "",
                          (int)(space_len < 128 ? space_len : 128), (const char *)stored.at);
}

static bool entries_equal(const struct fama_state_entry *a, const struct fama_state_entry *b)
{
    return fama_version_equal(a->version, b->version) && fama_bytes_equal(a->value, b->value) &&
           fama_bytes_equal(a->metadata, b->metadata);
}

/* Both in order: the first difference. */
static int compare_cursors(const struct fama_ledger *ledger, struct fama_state_cursor *stored,
                           struct fama_state_cursor *made, struct fama_error *error)
{
    for (;;) {
        struct fama_bytes keys[2];
        struct fama_state_entry entries[2];
        int has_stored = fama_state_cursor_next(stored, &keys[0], &entries[0], error);
        int has_made = fama_state_cursor_next(made, &keys[1], &entries[1], error);
        if (has_stored < 0 || has_made < 0) {
            return FAMA_LEDGER_CORRUPT;
        }
        if (has_stored == 0 && has_made == 0) {
            return 0;
        }
        if (has_stored == 0) {
            return state_differs(ledger, keys[1], "lacks", error);
        }
        if (has_made == 0) {
            return state_differs(ledger, keys[0], "holds", error);
        }
        if (!fama_bytes_equal(keys[0], keys[1])) {
            return state_differs(ledger, keys[0], "holds or lacks a key beside", error);
        }
        if (!entries_equal(&entries[0], &entries[1])) {
            return state_differs(ledger, keys[0], "holds another value or version of", error);
        }
    }
}

static int compare_states(struct fama_ledger *ledger, struct fama_ledger *scratch,
                          struct fama_error *error)
{
    const struct fama_bytes all = {0};
    struct fama_state_cursor *stored = NULL;
    struct fama_state_cursor *made = NULL;
    int status = fama_state_cursor_open(fama_ledger_state(ledger), all, all, &stored, error);
    if (status == 0) {
        status = fama_state_cursor_open(fama_ledger_state(scratch), all, all, &made, error);
    }
    status = status == 0 ? compare_cursors(ledger, stored, made, error) : FAMA_LEDGER_IO;
    fama_state_cursor_close(made);
    fama_state_cursor_close(stored);
    return status;
}

static int check_state(const struct fama_ledger_verify *verify, struct fama_error *error)
{
    struct fama_ledger *ledger = verify->ledger;
    if (ledger->tip.state_height != ledger->tip.height) {
        return fama_error_set(error, FAMA_LEDGER_STATE_BEHIND,
                              "the world state of ledger %s is at height %" PRIu64
                              ", its blocks at %" PRIu64 "; run `fama ledger rebuild`",
                              ledger->store.directory, ledger->tip.state_height,
                              ledger->tip.height);
    }
    struct fama_ledger *scratch = NULL;
    int status = fama_ledger_open(verify->scratch, &scratch, error);
    if (status != 0) {
        return status;
    }
    const struct fama_recommit recommit = {.from = ledger,
                                           .to = scratch,
                                           .checks_commit_hashes = true,
                                           .progress = verify->on_state,
                                           .context = verify->context};
    status = fama_recommit(&recommit, error);
    if (status == 0) {
        status = compare_states(ledger, scratch, error);
    }
    fama_ledger_close(scratch);
    return status;
}

int fama_ledger_verify(const struct fama_ledger_verify *verify, struct fama_error *error)
{
    int status = check_blocks(verify, error);
    if (status == 0 && verify->scratch != NULL && verify->ledger->origin.first_block == 0) {
        status = check_state(verify, error);
    }
    return status;
}
