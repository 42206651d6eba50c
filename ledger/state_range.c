#include <stdlib.h>

#include "ledger/state_parts.h"
#include "ledger/state_store.h"

static int compare_bytes(struct fama_bytes a, struct fama_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.at, b.at, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_places(const void *a, const void *b)
{
    const struct fama_state_place *const *one = a;
    const struct fama_state_place *const *other = b;
    return compare_bytes((*one)->update.name.key, (*other)->update.name.key);
}

/* Sorts what came since the last time and merges it into the rest, from behind. */
static bool sort_places(struct fama_state_space *space)
{
    size_t fresh = space->count - space->sorted;
    if (fresh == 0) {
        return true;
    }
    struct fama_state_place **tail = malloc(fresh * sizeof *tail);
    if (tail == NULL) {
        return false;
    }
    memcpy(tail, space->places + space->sorted, fresh * sizeof *tail);
    qsort(tail, fresh, sizeof *tail, compare_places);
    size_t old = space->sorted;
    for (size_t at = space->count; fresh > 0; at--) {
        if (old > 0 && compare_places(&space->places[old - 1], &tail[fresh - 1]) > 0) {
            space->places[at - 1] = space->places[--old];
        } else {
            space->places[at - 1] = tail[--fresh];
        }
    }
    free(tail);
    space->sorted = space->count;
    return true;
}

/* The first of the sorted places that is not before `key`. */
static size_t first_from(const struct fama_state_space *space, struct fama_bytes key)
{
    size_t low = 0;
    size_t high = space->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_bytes(space->places[middle]->update.name.key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int open_cursor(struct fama_state *state, struct fama_bytes space, struct fama_bytes start,
                       struct fama_bytes end, struct fama_state_cursor **cursor,
                       struct fama_error *error)
{
    uint8_t *bounds = malloc(2 * (space.len + 1) + start.len + end.len);
    if (bounds == NULL) {
        return fama_error_set(error, FAMA_STATE_NO_MEMORY, "a range of the state: out of memory");
    }
    size_t len = 0;
    const struct fama_bytes parts[] = {space, fama_bytes("", 1), start,
                                       space, fama_bytes("", 1), end};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len > 0) {
            memcpy(bounds + len, parts[i].at, parts[i].len);
        }
        len += parts[i].len;
    }
    size_t first = space.len + 1 + start.len;
    if (end.len == 0) {
        bounds[len - 1] = 1; /* all that begins with namespace || 00 is before namespace || 01 */
    }
    int status = fama_state_cursor_open(state->store, fama_bytes(bounds, first),
                                        fama_bytes(bounds + first, len - first), cursor, error);
    free(bounds);
    return status;
}

/* The two sources side by side, each at its next key. */
struct merge {
    struct fama_state_cursor *cursor; /* NULL: nothing is stored */
    size_t skipped;                   /* of a stored key: namespace and 00 */
    struct fama_bytes stored_key;     /* without it */
    struct fama_state_entry stored;
    bool has_stored;
    struct fama_state_place *const *places;
    size_t count;
};

static int advance_stored(struct merge *merge, struct fama_error *error)
{
    merge->has_stored = false;
    if (merge->cursor == NULL) {
        return 0;
    }
    int status = fama_state_cursor_next(merge->cursor, &merge->stored_key, &merge->stored, error);
    if (status == 1) {
        merge->has_stored = true;
        merge->stored_key.at += merge->skipped;
        merge->stored_key.len -= merge->skipped;
        return 0;
    }
    return status;
}

static int walk(struct merge *merge, fama_state_visit visit, void *context,
                struct fama_error *error)
{
    int status = advance_stored(merge, error);
    while (status == 0 && (merge->has_stored || merge->count > 0)) {
        int order = !merge->has_stored ? 1 : -1;
        if (merge->has_stored && merge->count > 0) {
            order = compare_bytes(merge->stored_key, merge->places[0]->update.name.key);
        }
        if (order < 0) {
            if (!visit(context, merge->stored_key, &merge->stored)) {
                return 0;
            }
            status = advance_stored(merge, error);
            continue;
        }
        const struct fama_state_update *update = &merge->places[0]->update;
        merge->places++;
        merge->count--;
        if (order == 0) {
            status = advance_stored(merge, error);
        }
        if (status == 0 && update->entry.exists &&
            !visit(context, update->name.key, &update->entry)) {
            return 0;
        }
    }
    return status;
}

int fama_state_range(struct fama_state *state, struct fama_bytes space, struct fama_bytes start,
                     struct fama_bytes end, fama_state_visit visit, void *context,
                     struct fama_error *error)
{
    if (end.len > 0 && compare_bytes(start, end) >= 0) {
        return 0;
    }
    struct merge merge = {.skipped = space.len + 1};
    struct fama_state_space *known =
        fama_state_known_space(state, space, fama_bytes(NULL, 0), false);
    if (known != NULL) {
        if (!sort_places(known)) {
            return fama_error_set(error, FAMA_STATE_NO_MEMORY,
                                  "a range of the state: out of memory");
        }
        size_t first = first_from(known, start);
        size_t last = end.len == 0 ? known->count : first_from(known, end);
        merge.places = known->places + first;
        merge.count = last - first;
    }
    int status = 0;
    if (state->store != NULL) {
        status = open_cursor(state, space, start, end, &merge.cursor, error);
    }
    if (status == 0) {
        status = walk(&merge, visit, context, error);
        fama_state_cursor_close(merge.cursor);
    }
    return status;
}
