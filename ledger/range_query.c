#include "ledger/range_query.h"

#include <stdlib.h>

#include "ledger/varint.h"

#define LEVELS_MAX 48 /* three to the power of 48 results are more than there can be */

struct level {
    uint8_t *hashes;
    size_t count, capacity;
};

struct fama_read_tree {
    uint32_t max_degree;
    uint32_t max_level;             /* the highest that has ever had a hash */
    struct fama_sha256_stream leaf; /* of the pending reads */
    uint64_t pending;
    struct level levels[LEVELS_MAX + 1]; /* by number, from 1 */
};

struct fama_read_tree *fama_read_tree_create(uint32_t max_degree)
{
    struct fama_read_tree *tree = calloc(1, sizeof *tree);
    if (tree != NULL) {
        tree->max_degree = max_degree;
        tree->max_level = 1;
        fama_sha256_begin(&tree->leaf);
    }
    return tree;
}

void fama_read_tree_destroy(struct fama_read_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    for (size_t i = 0; i <= LEVELS_MAX; i++) {
        free(tree->levels[i].hashes);
    }
    free(tree);
}

static bool level_append(struct level *level, const uint8_t hash[FAMA_SHA256_BYTES])
{
    if (level->count == level->capacity) {
        size_t capacity = level->capacity == 0 ? 8 : 2 * level->capacity;
        uint8_t *hashes = realloc(level->hashes, capacity * FAMA_SHA256_BYTES);
        if (hashes == NULL) {
            return false;
        }
        level->hashes = hashes;
        level->capacity = capacity;
    }
    memcpy(level->hashes + level->count++ * FAMA_SHA256_BYTES, hash, FAMA_SHA256_BYTES);
    return true;
}

/* Makes one hash of a level and hands it up. One hash alone goes up as it is if `keep_single`. */
static bool close_level(struct fama_read_tree *tree, uint32_t number, bool keep_single)
{
    struct level *level = &tree->levels[number];
    uint8_t hash[FAMA_SHA256_BYTES];
    if (number == LEVELS_MAX) {
        return false;
    }
    if (keep_single && level->count == 1) {
        memcpy(hash, level->hashes, sizeof hash);
    } else {
        fama_sha256(fama_bytes(level->hashes, level->count * FAMA_SHA256_BYTES), hash);
    }
    level->count = 0;
    if (number + 1 > tree->max_level) {
        tree->max_level = number + 1;
    }
    return level_append(&tree->levels[number + 1], hash);
}

static bool close_leaf(struct fama_read_tree *tree)
{
    uint8_t hash[FAMA_SHA256_BYTES];
    fama_sha256_end(&tree->leaf, hash);
    fama_sha256_begin(&tree->leaf);
    tree->pending = 0;
    if (!level_append(&tree->levels[1], hash)) {
        return false;
    }
    for (uint32_t number = 1; tree->levels[number].count > tree->max_degree; number++) {
        if (!close_level(tree, number, false)) {
            return false;
        }
    }
    return true;
}

/* One entry of QueryReads.kv_reads, as Go serializes it. */
static void add_read(struct fama_sha256_stream *stream, struct fama_bytes key,
                     struct fama_version version)
{
    uint8_t height[2 + 2 * 11];
    size_t height_len = 0;
    if (version.block != 0) {
        height[height_len++] = 1 << 3;
        height_len += fama_varint_put(height + height_len, version.block);
    }
    if (version.transaction != 0) {
        height[height_len++] = 2 << 3;
        height_len += fama_varint_put(height + height_len, version.transaction);
    }
    uint8_t key_head[11];
    size_t key_head_len = 0;
    if (key.len > 0) {
        key_head[key_head_len++] = 1 << 3 | 2;
        key_head_len += fama_varint_put(key_head + key_head_len, key.len);
    }
    uint8_t head[11] = {1 << 3 | 2};
    size_t head_len =
        1 + fama_varint_put(head + 1, (uint64_t)key_head_len + key.len + 2 + height_len);
    const uint8_t height_head[2] = {2 << 3 | 2, (uint8_t)height_len};
    fama_sha256_add(stream, fama_bytes(head, head_len));
    fama_sha256_add(stream, fama_bytes(key_head, key_head_len));
    fama_sha256_add(stream, key);
    fama_sha256_add(stream, fama_bytes(height_head, sizeof height_head));
    fama_sha256_add(stream, fama_bytes(height, height_len));
}

bool fama_read_tree_add(struct fama_read_tree *tree, struct fama_bytes key,
                        struct fama_version version)
{
    add_read(&tree->leaf, key, version);
    tree->pending++;
    return tree->pending <= tree->max_degree || close_leaf(tree);
}

bool fama_read_tree_finish(struct fama_read_tree *tree)
{
    if (tree->max_level == 1 && tree->levels[1].count == 0) {
        return true; /* too few results for a summary */
    }
    if (tree->pending > 0 && !close_leaf(tree)) {
        return false;
    }
    for (uint32_t number = 1; number < tree->max_level; number++) {
        if (tree->levels[number].count > 0 && !close_level(tree, number, true)) {
            return false;
        }
    }
    uint32_t top = tree->max_level;
    return tree->levels[top].count <= tree->max_degree || close_level(tree, top, false);
}

size_t fama_read_tree_summary(const struct fama_read_tree *tree, uint32_t *level,
                              const uint8_t **hashes)
{
    *level = tree->max_level;
    *hashes = tree->levels[tree->max_level].hashes;
    return tree->levels[tree->max_level].count;
}

/* What the walk over the range compares. */
struct check {
    const struct fama_range_query *query;
    size_t seen;
    bool differs;
    bool is_out_of_memory;
    struct fama_read_tree *tree; /* NULL: compare reads */
};

static bool visit(void *context, struct fama_bytes key, const struct fama_state_entry *entry)
{
    struct check *check = context;
    if (check->tree != NULL) {
        check->is_out_of_memory = !fama_read_tree_add(check->tree, key, entry->version);
        return !check->is_out_of_memory;
    }
    const struct fama_range_query *query = check->query;
    size_t expected = query->kind == FAMA_RANGE_RAW ? query->read_count : 0;
    if (check->seen == expected) {
        check->differs = true;
        return false;
    }
    /* A read without version cannot come from an honest endorser; Fabric crashes on it. */
    const struct fama_read *read = &query->reads[check->seen++];
    check->differs = !fama_bytes_equal(read->key, key) || !read->has_version ||
                     !fama_version_equal(read->version, entry->version);
    return !check->differs;
}

static bool summary_differs(const struct check *check)
{
    const struct fama_range_query *query = check->query;
    uint32_t level;
    const uint8_t *hashes;
    size_t count = fama_read_tree_summary(check->tree, &level, &hashes);
    if (count == 0 || level != query->max_level || count != query->max_level_hash_count) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fama_bytes_equal(query->max_level_hashes[i],
                              fama_bytes(hashes + i * FAMA_SHA256_BYTES, FAMA_SHA256_BYTES))) {
            return true;
        }
    }
    return false;
}

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_STATE_NO_MEMORY, "a range query: out of memory");
}

static int walk(struct fama_state *state, struct fama_bytes space, struct check *check,
                struct fama_error *error)
{
    const struct fama_range_query *query = check->query;
    int status =
        fama_state_range(state, space, query->start_key, query->end_key, visit, check, error);
    if (status != 0 || check->differs || check->is_out_of_memory || query->is_exhausted) {
        return status;
    }
    /* Whoever stopped reading early has recorded the last key it saw as the range's end. */
    const struct fama_state_name last = {.space = space, .key = query->end_key};
    struct fama_state_entry entry;
    status = fama_state_get(state, &last, &entry, error);
    if (status == 0 && entry.exists) {
        (void)visit(check, query->end_key, &entry);
    }
    return status;
}

int fama_range_query_check(struct fama_state *state, struct fama_bytes space,
                           const struct fama_range_query *query, bool *still_holds,
                           struct fama_error *error)
{
    *still_holds = false;
    struct check check = {.query = query};
    if (query->kind == FAMA_RANGE_MERKLE) {
        if (query->max_degree < 2) {
            return fama_error_set(error, FAMA_RANGE_QUERY_INVALID,
                                  "a range query is summarized by a Merkle tree of degree %u; "
                                  "Fabric stops the channel at anything below 2",
                                  query->max_degree);
        }
        check.tree = fama_read_tree_create(query->max_degree);
        if (check.tree == NULL) {
            return no_memory(error);
        }
    }
    int status = walk(state, space, &check, error);
    if (status == 0 && check.tree != NULL && !check.is_out_of_memory) {
        check.is_out_of_memory = !fama_read_tree_finish(check.tree);
    }
    if (status == 0 && check.is_out_of_memory) {
        status = no_memory(error);
    }
    if (status == 0 && check.tree != NULL) {
        check.differs = summary_differs(&check);
    } else if (status == 0 && query->kind == FAMA_RANGE_RAW) {
        check.differs = check.differs || check.seen != query->read_count;
    }
    *still_holds = status == 0 && !check.differs;
    fama_read_tree_destroy(check.tree);
    return status;
}
