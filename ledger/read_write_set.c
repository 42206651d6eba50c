#include "ledger/read_write_set.h"

#include <stdlib.h>

#include "ledger/proto_reader.h"

#define MALFORMED FAMA_READ_WRITE_SET_MALFORMED
#define NO_MEMORY FAMA_READ_WRITE_SET_NO_MEMORY

/* The highest number of a repeated field in any message here. */
#define REPEATED_FIELD_MAX 4

/* SHA-256 of nothing: the value hash of a write whose value is empty. */
static const uint8_t hash_of_nothing[] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

/* What two bytes of wire, an empty element of a list, grow into at most: the factor that
 * FAMA_READ_WRITE_SET_GROWTH promises, with room for the arena's alignment. */
_Static_assert(sizeof(struct fama_namespace_set) <= 2 * FAMA_READ_WRITE_SET_GROWTH, "growth");
_Static_assert(sizeof(struct fama_range_query) <= 2 * FAMA_READ_WRITE_SET_GROWTH, "growth");
_Static_assert(sizeof(struct fama_collection_set) <= 2 * FAMA_READ_WRITE_SET_GROWTH, "growth");

/* Counts the elements of each repeated field, so that each list is taken from the arena at once.
 * False if the message does not decode. */
static bool count_fields(struct fama_bytes message, size_t counts[REPEATED_FIELD_MAX + 1])
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    memset(counts, 0, (REPEATED_FIELD_MAX + 1) * sizeof(*counts));
    while (fama_proto_next(&reader, &field)) {
        if (field.type == FAMA_PROTO_LEN && field.number <= REPEATED_FIELD_MAX) {
            counts[field.number]++;
        }
    }
    return !reader.failed;
}

/* A zeroed list of `count` elements into *list, NULL for none. False when the arena is exhausted.
 */
static bool take_list(struct fama_arena *arena, size_t count, size_t size, void *list)
{
    void *taken = NULL;
    size_t bytes;
    if (count > 0) {
        if (__builtin_mul_overflow(count, size, &bytes)) {
            return false;
        }
        taken = fama_arena_take(arena, bytes);
        if (taken == NULL) {
            return false;
        }
    }
    memcpy(list, &taken, sizeof(taken));
    return true;
}

static bool take_text(struct fama_bytes value, struct fama_bytes *text)
{
    *text = value;
    return fama_proto_is_utf8(value);
}

/* Decoders fill a structure that is there: a sub-message that comes twice is thereby merged. */
static bool merge_version(struct fama_bytes bytes, struct fama_version *version)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            version->block = field.varint;
        } else if (fama_proto_is_varint(&field, 2)) {
            version->transaction = field.varint;
        }
    }
    return !reader.failed;
}

/* KVRead, whose key is text, and KVReadHash, whose key is any bytes. */
static bool decode_read(struct fama_bytes bytes, bool is_hashed, struct fama_read *read)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            read->key = field.value;
            if (!is_hashed && !fama_proto_is_utf8(field.value)) {
                return false;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            read->has_version = true;
            if (!merge_version(field.value, &read->version)) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* KVWrite and KVWriteHash. */
static bool decode_write(struct fama_bytes bytes, bool is_hashed, struct fama_write *write)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            write->key = field.value;
            if (!is_hashed && !fama_proto_is_utf8(field.value)) {
                return false;
            }
        } else if (fama_proto_is_varint(&field, 2)) {
            write->is_delete = field.varint != 0;
        } else if (fama_proto_is_len(&field, 3)) {
            write->value = field.value;
        } else if (is_hashed && fama_proto_is_varint(&field, 4)) {
            write->is_purge = field.varint != 0;
        }
    }
    if (write->value.len == 0 ||
        (is_hashed &&
         fama_bytes_equal(write->value, fama_bytes(hash_of_nothing, sizeof(hash_of_nothing))))) {
        write->is_delete = true;
    }
    return !reader.failed;
}

static bool decode_entry(struct fama_bytes bytes, struct fama_metadata_entry *entry)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!take_text(field.value, &entry->name)) {
                return false;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            entry->value = field.value;
        }
    }
    return !reader.failed;
}

/* KVMetadataWrite and KVMetadataWriteHash. */
static int decode_metadata_write(struct fama_bytes bytes, bool is_hashed, struct fama_arena *arena,
                                 struct fama_metadata_write *write)
{
    size_t counts[REPEATED_FIELD_MAX + 1];
    if (!count_fields(bytes, counts)) {
        return MALFORMED;
    }
    if (!take_list(arena, counts[2], sizeof(*write->entries), (void *)&write->entries)) {
        return NO_MEMORY;
    }
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            write->key = field.value;
            if (!is_hashed && !fama_proto_is_utf8(field.value)) {
                return MALFORMED;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            if (!decode_entry(field.value, &write->entries[write->entry_count++])) {
                return MALFORMED;
            }
        }
    }
    return 0;
}

/* QueryReads: further reads of a query, whose list has room for them. */
static bool append_reads(struct fama_bytes bytes, struct fama_range_query *query)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1) &&
            !decode_read(field.value, false, &query->reads[query->read_count++])) {
            return false;
        }
    }
    return !reader.failed;
}

/* QueryReadsMerkleSummary. */
static bool merge_summary(struct fama_bytes bytes, struct fama_range_query *query)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            query->max_degree = (uint32_t)field.varint;
        } else if (fama_proto_is_varint(&field, 2)) {
            query->max_level = (uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 3)) {
            query->max_level_hashes[query->max_level_hash_count++] = field.value;
        }
    }
    return !reader.failed;
}

/* A member of the oneof takes the place of another one, and merges with itself. */
static void choose_reads(struct fama_range_query *query, enum fama_range_reads kind)
{
    if (query->kind == kind) {
        return;
    }
    query->kind = kind;
    if (query->read_count > 0) {
        memset(query->reads, 0, query->read_count * sizeof(*query->reads));
    }
    query->read_count = 0;
    query->max_degree = 0;
    query->max_level = 0;
    query->max_level_hash_count = 0;
}

/* Room for all that any member of the oneof brings, used or not. */
static int take_query_lists(struct fama_bytes bytes, struct fama_arena *arena,
                            struct fama_range_query *query)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    size_t reads = 0;
    size_t hashes = 0;
    size_t counts[REPEATED_FIELD_MAX + 1];
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 4) && !fama_proto_is_len(&field, 5)) {
            continue;
        }
        if (!count_fields(field.value, counts)) {
            return MALFORMED;
        }
        reads += field.number == 4 ? counts[1] : 0;
        hashes += field.number == 5 ? counts[3] : 0;
    }
    if (reader.failed) {
        return MALFORMED;
    }
    return take_list(arena, reads, sizeof(*query->reads), (void *)&query->reads) &&
                   take_list(arena, hashes, sizeof(*query->max_level_hashes),
                             (void *)&query->max_level_hashes)
               ? 0
               : NO_MEMORY;
}

static int decode_range_query(struct fama_bytes bytes, struct fama_arena *arena,
                              struct fama_range_query *query)
{
    int result = take_query_lists(bytes, arena, query);
    if (result != 0) {
        return result;
    }
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        bool is_good = true;
        if (fama_proto_is_len(&field, 1)) {
            is_good = take_text(field.value, &query->start_key);
        } else if (fama_proto_is_len(&field, 2)) {
            is_good = take_text(field.value, &query->end_key);
        } else if (fama_proto_is_varint(&field, 3)) {
            query->is_exhausted = field.varint != 0;
        } else if (fama_proto_is_len(&field, 4)) {
            choose_reads(query, FAMA_RANGE_RAW);
            is_good = append_reads(field.value, query);
        } else if (fama_proto_is_len(&field, 5)) {
            choose_reads(query, FAMA_RANGE_MERKLE);
            is_good = merge_summary(field.value, query);
        }
        if (!is_good) {
            return MALFORMED;
        }
    }
    return 0;
}

/* KVRWSet. */
static int decode_public_set(struct fama_bytes bytes, struct fama_arena *arena,
                             struct fama_namespace_set *set)
{
    size_t counts[REPEATED_FIELD_MAX + 1];
    if (!count_fields(bytes, counts)) {
        return MALFORMED;
    }
    if (!take_list(arena, counts[1], sizeof(*set->reads), (void *)&set->reads) ||
        !take_list(arena, counts[2], sizeof(*set->range_queries), (void *)&set->range_queries) ||
        !take_list(arena, counts[3], sizeof(*set->writes), (void *)&set->writes) ||
        !take_list(arena, counts[4], sizeof(*set->metadata_writes),
                   (void *)&set->metadata_writes)) {
        return NO_MEMORY;
    }
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        int result = 0;
        if (fama_proto_is_len(&field, 1)) {
            result =
                decode_read(field.value, false, &set->reads[set->read_count++]) ? 0 : MALFORMED;
        } else if (fama_proto_is_len(&field, 2)) {
            result = decode_range_query(field.value, arena,
                                        &set->range_queries[set->range_query_count++]);
        } else if (fama_proto_is_len(&field, 3)) {
            result =
                decode_write(field.value, false, &set->writes[set->write_count++]) ? 0 : MALFORMED;
        } else if (fama_proto_is_len(&field, 4)) {
            result = decode_metadata_write(field.value, false, arena,
                                           &set->metadata_writes[set->metadata_write_count++]);
        }
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* HashedRWSet. */
static int decode_hashed_set(struct fama_bytes bytes, struct fama_arena *arena,
                             struct fama_collection_set *set)
{
    size_t counts[REPEATED_FIELD_MAX + 1];
    if (!count_fields(bytes, counts)) {
        return MALFORMED;
    }
    if (!take_list(arena, counts[1], sizeof(*set->reads), (void *)&set->reads) ||
        !take_list(arena, counts[2], sizeof(*set->writes), (void *)&set->writes) ||
        !take_list(arena, counts[3], sizeof(*set->metadata_writes),
                   (void *)&set->metadata_writes)) {
        return NO_MEMORY;
    }
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        int result = 0;
        if (fama_proto_is_len(&field, 1)) {
            result = decode_read(field.value, true, &set->reads[set->read_count++]) ? 0 : MALFORMED;
        } else if (fama_proto_is_len(&field, 2)) {
            result =
                decode_write(field.value, true, &set->writes[set->write_count++]) ? 0 : MALFORMED;
        } else if (fama_proto_is_len(&field, 3)) {
            result = decode_metadata_write(field.value, true, arena,
                                           &set->metadata_writes[set->metadata_write_count++]);
        }
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int decode_collection(struct fama_bytes bytes, struct fama_arena *arena,
                             struct fama_collection_set *set)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes hashed_set = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!take_text(field.value, &set->name)) {
                return MALFORMED;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            hashed_set = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            set->private_hash = field.value;
        }
    }
    return reader.failed ? MALFORMED : decode_hashed_set(hashed_set, arena, set);
}

/* The sets inside are bytes to this message: only the last one that stands there is decoded. */
static int decode_namespace(struct fama_bytes bytes, struct fama_arena *arena,
                            struct fama_namespace_set *set)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    struct fama_bytes public_set = {0};
    size_t collections = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!take_text(field.value, &set->name)) {
                return MALFORMED;
            }
        } else if (fama_proto_is_len(&field, 2)) {
            public_set = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            collections++;
        }
    }
    if (reader.failed) {
        return MALFORMED;
    }
    int result = decode_public_set(public_set, arena, set);
    if (result != 0 || collections == 0) {
        return result;
    }
    if (!take_list(arena, collections, sizeof(*set->collections), (void *)&set->collections)) {
        return NO_MEMORY;
    }
    reader = fama_proto_reader(bytes);
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 3)) {
            result =
                decode_collection(field.value, arena, &set->collections[set->collection_count++]);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

int fama_read_write_set_decode(struct fama_bytes bytes, struct fama_arena *arena,
                               struct fama_read_write_set *set)
{
    size_t counts[REPEATED_FIELD_MAX + 1];
    *set = (struct fama_read_write_set){0};
    if (!count_fields(bytes, counts)) {
        return MALFORMED;
    }
    if (!take_list(arena, counts[2], sizeof(*set->namespaces), (void *)&set->namespaces)) {
        return NO_MEMORY;
    }
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2)) {
            int result =
                decode_namespace(field.value, arena, &set->namespaces[set->namespace_count++]);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct fama_namespace_set *first = *(const struct fama_namespace_set *const *)a;
    const struct fama_namespace_set *second = *(const struct fama_namespace_set *const *)b;
    return fama_bytes_compare(first->name, second->name);
}

int fama_read_write_set_find_repeated(const struct fama_read_write_set *set,
                                      struct fama_arena *arena, bool *has_repeated)
{
    const struct fama_namespace_set **sorted;
    *has_repeated = false;
    if (set->namespace_count < 2) {
        return 0;
    }
    if (!take_list(arena, set->namespace_count, sizeof(*sorted), (void *)&sorted)) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < set->namespace_count; i++) {
        sorted[i] = &set->namespaces[i];
    }
    qsort(sorted, set->namespace_count, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < set->namespace_count; i++) {
        *has_repeated = *has_repeated || compare_names(&sorted[i - 1], &sorted[i]) == 0;
    }
    return 0;
}
