/* Read-write sets as Go's protobuf runtime and Fabric's rwsetutil understand them: each field, what
 * comes twice, what is not text, what is damaged, and how much memory it takes. */
#include "ledger/read_write_set.h"

#include "unit/suite.h"
#include "unit/wire_writer.h"

static struct fama_arena arena;
static struct fama_read_write_set set;

static void start(struct fama_bytes bytes)
{
    fama_arena_init(&arena, 64 * 1024 + FAMA_READ_WRITE_SET_GROWTH * bytes.len);
}

/* The set's views are into a copy that outlives whoever wrote the message. */
static int decode(const struct written *message)
{
    static struct written kept;
    kept = *message;
    fama_arena_clear(&arena);
    start(bytes_of(&kept));
    return fama_read_write_set_decode(bytes_of(&kept), &arena, &set);
}

static bool is_text(struct fama_bytes bytes, const char *text)
{
    return fama_bytes_equal(bytes, fama_bytes_of_text(text));
}

/* A transaction's set of one namespace "ns" with this KVRWSet. */
static int decode_public(const struct written *public_set)
{
    struct written space = {.len = 0};
    struct written message = {.len = 0};
    write_text(&space, 1, "ns");
    write_message(&space, 2, public_set);
    write_message(&message, 2, &space);
    return decode(&message);
}

/* One field of one element of the KVRWSet's list `list`. */
static int decode_element(uint32_t list, const struct written *element)
{
    struct written public_set = {.len = 0};
    write_message(&public_set, list, element);
    return decode_public(&public_set);
}

static int decode_hashed_element(uint32_t list, const struct written *element)
{
    struct written hashed = {.len = 0};
    struct written collection = {.len = 0};
    struct written space = {.len = 0};
    struct written message = {.len = 0};
    write_message(&hashed, list, element);
    write_text(&collection, 1, "coll");
    write_message(&collection, 2, &hashed);
    write_text(&collection, 3, "private hash");
    write_text(&space, 1, "ns");
    write_message(&space, 3, &collection);
    write_message(&message, 2, &space);
    return decode(&message);
}

static struct written version(uint64_t block, uint64_t transaction)
{
    struct written message = {.len = 0};
    write_varint(&message, 1, block);
    write_varint(&message, 2, transaction);
    return message;
}

static struct written read_of(const char *key, uint64_t block, uint64_t transaction)
{
    struct written message = {.len = 0};
    struct written inner = version(block, transaction);
    write_text(&message, 1, key);
    write_message(&message, 2, &inner);
    return message;
}

static void test_nothing_is_a_set_without_namespaces(void)
{
    struct written nothing = {.len = 0};
    CU_ASSERT_EQUAL(decode(&nothing), 0);
    CU_ASSERT_EQUAL(set.namespace_count, 0);
}

static void test_reads_have_a_key_and_perhaps_a_version(void)
{
    struct written public_set = {.len = 0};
    struct written zero_version = {.len = 0};
    struct written absent = {.len = 0};
    struct written first = read_of("a", 7, 3);
    write_text(&absent, 1, "b");
    write_text(&zero_version, 1, "c");
    write_text(&zero_version, 2, "");
    write_message(&public_set, 1, &first);
    write_message(&public_set, 1, &absent);
    write_message(&public_set, 1, &zero_version);
    CU_ASSERT_EQUAL_FATAL(decode_public(&public_set), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespace_count, 1);
    const struct fama_namespace_set *space = &set.namespaces[0];
    CU_ASSERT(is_text(space->name, "ns"));
    CU_ASSERT_EQUAL_FATAL(space->read_count, 3);
    CU_ASSERT(is_text(space->reads[0].key, "a") && space->reads[0].has_version);
    CU_ASSERT(space->reads[0].version.block == 7 && space->reads[0].version.transaction == 3);
    CU_ASSERT(is_text(space->reads[1].key, "b") && !space->reads[1].has_version);
    CU_ASSERT(is_text(space->reads[2].key, "c") && space->reads[2].has_version);
    CU_ASSERT(space->reads[2].version.block == 0 && space->reads[2].version.transaction == 0);
}

static void test_a_version_that_comes_twice_is_merged(void)
{
    struct written read = {.len = 0};
    struct written block = {.len = 0};
    struct written transaction = {.len = 0};
    write_varint(&block, 1, 9);
    write_varint(&transaction, 2, 4);
    write_message(&read, 2, &block);
    write_text(&read, 1, "first");
    write_message(&read, 2, &transaction);
    write_text(&read, 1, "last");
    CU_ASSERT_EQUAL_FATAL(decode_element(1, &read), 0);
    const struct fama_read *decoded = &set.namespaces[0].reads[0];
    CU_ASSERT(is_text(decoded->key, "last"));
    CU_ASSERT(decoded->version.block == 9 && decoded->version.transaction == 4);
}

static void test_a_write_without_a_value_deletes(void)
{
    struct written public_set = {.len = 0};
    struct written plain = {.len = 0};
    struct written empty = {.len = 0};
    struct written deleted = {.len = 0};
    struct written undeleted = {.len = 0};
    write_text(&plain, 1, "k");
    write_text(&plain, 3, "value");
    write_text(&empty, 3, "");
    write_text(&deleted, 3, "value");
    write_varint(&deleted, 2, 1ull << 40);
    write_varint(&undeleted, 2, 1);
    write_varint(&undeleted, 2, 0);
    write_text(&undeleted, 3, "value");
    write_message(&public_set, 3, &plain);
    write_message(&public_set, 3, &empty);
    write_message(&public_set, 3, &deleted);
    write_message(&public_set, 3, &undeleted);
    CU_ASSERT_EQUAL_FATAL(decode_public(&public_set), 0);
    const struct fama_namespace_set *space = &set.namespaces[0];
    CU_ASSERT_EQUAL_FATAL(space->write_count, 4);
    CU_ASSERT(!space->writes[0].is_delete && is_text(space->writes[0].value, "value"));
    CU_ASSERT(is_text(space->writes[0].key, "k"));
    CU_ASSERT(space->writes[1].is_delete && space->writes[1].key.len == 0);
    CU_ASSERT(space->writes[2].is_delete && is_text(space->writes[2].value, "value"));
    CU_ASSERT(!space->writes[3].is_delete);
}

static void test_metadata_writes_keep_their_entries_in_order(void)
{
    struct written entry = {.len = 0};
    struct written other = {.len = 0};
    struct written write = {.len = 0};
    write_text(&entry, 1, "VALIDATION_PARAMETER");
    write_text(&entry, 2, "policy");
    write_text(&other, 1, "other");
    write_message(&write, 2, &entry);
    write_text(&write, 1, "key");
    write_message(&write, 2, &other);
    CU_ASSERT_EQUAL_FATAL(decode_element(4, &write), 0);
    const struct fama_namespace_set *space = &set.namespaces[0];
    CU_ASSERT_EQUAL_FATAL(space->metadata_write_count, 1);
    CU_ASSERT_EQUAL_FATAL(space->metadata_writes[0].entry_count, 2);
    CU_ASSERT(is_text(space->metadata_writes[0].key, "key"));
    CU_ASSERT(is_text(space->metadata_writes[0].entries[0].name, "VALIDATION_PARAMETER"));
    CU_ASSERT(is_text(space->metadata_writes[0].entries[0].value, "policy"));
    CU_ASSERT(is_text(space->metadata_writes[0].entries[1].name, "other"));
    struct written deleting = {.len = 0};
    write_text(&deleting, 1, "key");
    CU_ASSERT_EQUAL_FATAL(decode_element(4, &deleting), 0);
    CU_ASSERT_EQUAL(set.namespaces[0].metadata_writes[0].entry_count, 0);
}

static struct written reads(const char *first, const char *second)
{
    struct written message = {.len = 0};
    struct written read = read_of(first, 1, 2);
    write_message(&message, 1, &read);
    if (second != NULL) {
        read = read_of(second, 3, 4);
        write_message(&message, 1, &read);
    }
    return message;
}

static struct written summary(uint32_t degree, uint32_t level, const char *hash)
{
    struct written message = {.len = 0};
    if (degree != 0) {
        write_varint(&message, 1, degree);
    }
    if (level != 0) {
        write_varint(&message, 2, level);
    }
    if (hash != NULL) {
        write_text(&message, 3, hash);
    }
    return message;
}

static const struct fama_range_query *decode_query(const struct written *query)
{
    CU_ASSERT_EQUAL_FATAL(decode_element(2, query), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].range_query_count, 1);
    return &set.namespaces[0].range_queries[0];
}

static void test_a_range_query_has_one_kind_of_reads(void)
{
    struct written query = {.len = 0};
    write_text(&query, 1, "from");
    write_text(&query, 2, "to");
    write_varint(&query, 3, 1);
    const struct fama_range_query *decoded = decode_query(&query);
    CU_ASSERT(is_text(decoded->start_key, "from") && is_text(decoded->end_key, "to"));
    CU_ASSERT(decoded->is_exhausted && decoded->kind == FAMA_RANGE_NONE);
    struct written raw = reads("a", "b");
    write_message(&query, 4, &raw);
    decoded = decode_query(&query);
    CU_ASSERT(decoded->kind == FAMA_RANGE_RAW && decoded->read_count == 2);
    CU_ASSERT(is_text(decoded->reads[1].key, "b") && decoded->reads[1].version.block == 3);
    struct written hashed = summary(50, 2, "hash");
    write_message(&query, 5, &hashed);
    decoded = decode_query(&query);
    CU_ASSERT(decoded->kind == FAMA_RANGE_MERKLE && decoded->read_count == 0);
    CU_ASSERT(decoded->max_degree == 50 && decoded->max_level == 2);
    CU_ASSERT_EQUAL_FATAL(decoded->max_level_hash_count, 1);
    CU_ASSERT(is_text(decoded->max_level_hashes[0], "hash"));
}

static void test_one_member_of_the_choice_merges_another_replaces(void)
{
    struct written query = {.len = 0};
    struct written lost = reads("lost", "also lost");
    struct written kept = reads("kept", NULL);
    struct written more = reads("more", NULL);
    struct written between = summary(50, 1, "gone");
    struct written nothing = {.len = 0};
    write_message(&query, 4, &lost);
    write_message(&query, 5, &between);
    write_message(&query, 4, &kept);
    write_message(&query, 4, &nothing);
    write_message(&query, 4, &more);
    const struct fama_range_query *decoded = decode_query(&query);
    CU_ASSERT(decoded->kind == FAMA_RANGE_RAW && decoded->max_degree == 0);
    CU_ASSERT_EQUAL_FATAL(decoded->read_count, 2);
    CU_ASSERT(is_text(decoded->reads[0].key, "kept") && is_text(decoded->reads[1].key, "more"));
    CU_ASSERT_EQUAL(decoded->max_level_hash_count, 0);
    struct written degree = summary(50, 0, "first");
    struct written level = summary(0, 3, "second");
    write_message(&query, 5, &degree);
    write_message(&query, 5, &level);
    decoded = decode_query(&query);
    CU_ASSERT(decoded->kind == FAMA_RANGE_MERKLE && decoded->max_degree == 50);
    CU_ASSERT(decoded->max_level == 3 && decoded->max_level_hash_count == 2);
    CU_ASSERT(is_text(decoded->max_level_hashes[0], "first"));
}

static void test_reads_that_replace_others_do_not_inherit_from_them(void)
{
    struct written query = {.len = 0};
    struct written bare = {.len = 0};
    struct written bare_read = {.len = 0};
    struct written lost = reads("lost", NULL);
    struct written nothing = {.len = 0};
    write_text(&bare_read, 1, "bare");
    write_message(&bare, 1, &bare_read);
    write_message(&query, 4, &lost);
    write_message(&query, 5, &nothing);
    write_message(&query, 4, &bare);
    const struct fama_range_query *decoded = decode_query(&query);
    CU_ASSERT_EQUAL_FATAL(decoded->read_count, 1);
    CU_ASSERT(is_text(decoded->reads[0].key, "bare") && !decoded->reads[0].has_version);
    CU_ASSERT_EQUAL(decoded->reads[0].version.block, 0);
}

static void test_a_replaced_member_must_decode_all_the_same(void)
{
    struct written query = {.len = 0};
    struct written bad = reads("\xff", NULL);
    struct written good = summary(50, 1, NULL);
    write_message(&query, 4, &bad);
    write_message(&query, 5, &good);
    CU_ASSERT_EQUAL(decode_element(2, &query), FAMA_READ_WRITE_SET_MALFORMED);
}

static void test_hashed_sets_are_read_like_public_ones(void)
{
    static const char nothing_hash[] =
        "1a20e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct written write = {.len = 0};
    write_text(&write, 1, "\xff\xfe"); /* a hash is no text */
    write_text(&write, 3, "value hash");
    write_varint(&write, 4, 1);
    CU_ASSERT_EQUAL_FATAL(decode_hashed_element(2, &write), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].collection_count, 1);
    const struct fama_collection_set *collection = &set.namespaces[0].collections[0];
    CU_ASSERT(is_text(collection->name, "coll"));
    CU_ASSERT(is_text(collection->private_hash, "private hash"));
    CU_ASSERT_EQUAL_FATAL(collection->write_count, 1);
    CU_ASSERT(is_text(collection->writes[0].key, "\xff\xfe"));
    CU_ASSERT(!collection->writes[0].is_delete && collection->writes[0].is_purge);
    struct written emptied = {.len = 0};
    write_hex(&emptied, nothing_hash);
    CU_ASSERT_EQUAL_FATAL(decode_hashed_element(2, &emptied), 0);
    CU_ASSERT(set.namespaces[0].collections[0].writes[0].is_delete);
    CU_ASSERT(!set.namespaces[0].collections[0].writes[0].is_purge);
    struct written public_set = {.len = 0};
    write_message(&public_set, 3, &emptied);
    CU_ASSERT_EQUAL_FATAL(decode_public(&public_set), 0);
    CU_ASSERT(!set.namespaces[0].writes[0].is_delete);
    struct written read = {.len = 0};
    struct written height = version(5, 6);
    write_text(&read, 1, "\xff");
    write_message(&read, 2, &height);
    CU_ASSERT_EQUAL_FATAL(decode_hashed_element(1, &read), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].collections[0].read_count, 1);
    CU_ASSERT_EQUAL(set.namespaces[0].collections[0].reads[0].version.transaction, 6);
    struct written entry = {.len = 0};
    struct written metadata = {.len = 0};
    write_text(&entry, 1, "name");
    write_text(&metadata, 1, "\xff");
    write_message(&metadata, 2, &entry);
    CU_ASSERT_EQUAL_FATAL(decode_hashed_element(3, &metadata), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].collections[0].metadata_write_count, 1);
    CU_ASSERT_EQUAL(set.namespaces[0].collections[0].metadata_writes[0].entry_count, 1);
}

static void test_of_sets_that_are_bytes_the_last_one_counts(void)
{
    struct written message = {.len = 0};
    struct written space = {.len = 0};
    struct written first = reads("first", "second"); /* also a KVRWSet of two reads */
    struct written last = reads("last", NULL);
    write_text(&space, 2, "\xff not a set");
    write_message(&space, 2, &first);
    write_message(&space, 2, &last);
    write_message(&message, 2, &space);
    CU_ASSERT_EQUAL_FATAL(decode(&message), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].read_count, 1);
    CU_ASSERT(is_text(set.namespaces[0].reads[0].key, "last"));
}

static void test_text_must_be_utf8_and_bytes_need_not(void)
{
    static const char bad[] = "\xc0\x80";
    static const struct {
        uint32_t list;
        uint32_t field;
    } texts[] = {{1, 1}, {2, 1}, {2, 2}, {3, 1}, {4, 1}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct written element = {.len = 0};
        write_text(&element, texts[i].field, bad);
        CU_ASSERT_EQUAL(decode_element(texts[i].list, &element), FAMA_READ_WRITE_SET_MALFORMED);
        write_text(&element, texts[i].field, "replaced by good text");
        CU_ASSERT_EQUAL(decode_element(texts[i].list, &element), FAMA_READ_WRITE_SET_MALFORMED);
    }
    struct written entry = {.len = 0};
    struct written metadata = {.len = 0};
    write_text(&entry, 1, bad);
    write_message(&metadata, 2, &entry);
    CU_ASSERT_EQUAL(decode_element(4, &metadata), FAMA_READ_WRITE_SET_MALFORMED);
    CU_ASSERT_EQUAL(decode_hashed_element(3, &metadata), FAMA_READ_WRITE_SET_MALFORMED);
    struct written value = {.len = 0};
    write_text(&value, 1, "g\xc3\xbcltig");
    write_text(&value, 3, bad);
    CU_ASSERT_EQUAL(decode_element(3, &value), 0);
    struct written space = {.len = 0};
    struct written message = {.len = 0};
    write_text(&space, 1, bad);
    write_message(&message, 2, &space);
    CU_ASSERT_EQUAL(decode(&message), FAMA_READ_WRITE_SET_MALFORMED);
    struct written collection = {.len = 0};
    write_text(&collection, 1, bad);
    space.len = message.len = 0;
    write_message(&space, 3, &collection);
    write_message(&message, 2, &space);
    CU_ASSERT_EQUAL(decode(&message), FAMA_READ_WRITE_SET_MALFORMED);
}

static void test_unknown_fields_and_foreign_wire_types_are_passed_over(void)
{
    struct written read = read_of("key", 1, 2);
    struct written public_set = {.len = 0};
    write_unknown(&read);
    write_varint(&read, 1, 5);
    write_varint(&read, 2, 5);
    write_unknown(&public_set);
    write_varint(&public_set, 1, 5);
    write_message(&public_set, 1, &read);
    CU_ASSERT_EQUAL_FATAL(decode_public(&public_set), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespaces[0].read_count, 1);
    CU_ASSERT(is_text(set.namespaces[0].reads[0].key, "key"));
    CU_ASSERT_EQUAL(set.namespaces[0].reads[0].version.transaction, 2);
}

/* Every list of every message, with one element that is cut off. */
static void test_damage_anywhere_is_damage_of_the_whole(void)
{
    struct written damaged = {.len = 0};
    write_hex(&damaged, "0aff");
    for (uint32_t list = 1; list <= 4; list++) {
        CU_ASSERT_EQUAL(decode_element(list, &damaged), FAMA_READ_WRITE_SET_MALFORMED);
    }
    for (uint32_t list = 1; list <= 3; list++) {
        CU_ASSERT_EQUAL(decode_hashed_element(list, &damaged), FAMA_READ_WRITE_SET_MALFORMED);
    }
    for (uint32_t field = 4; field <= 5; field++) {
        struct written query = {.len = 0};
        write_message(&query, field, &damaged);
        CU_ASSERT_EQUAL(decode_element(2, &query), FAMA_READ_WRITE_SET_MALFORMED);
    }
    struct written read = {.len = 0};
    write_message(&read, 2, &damaged);
    CU_ASSERT_EQUAL(decode_element(1, &read), FAMA_READ_WRITE_SET_MALFORMED);
    CU_ASSERT_EQUAL(decode_public(&damaged), FAMA_READ_WRITE_SET_MALFORMED);
    struct written message = {.len = 0};
    write_message(&message, 2, &damaged);
    CU_ASSERT_EQUAL(decode(&message), FAMA_READ_WRITE_SET_MALFORMED);
    struct written space = {.len = 0};
    struct written collection = {.len = 0};
    write_message(&collection, 2, &damaged);
    write_message(&space, 3, &collection);
    message.len = 0;
    write_message(&message, 2, &space);
    CU_ASSERT_EQUAL(decode(&message), FAMA_READ_WRITE_SET_MALFORMED);
    CU_ASSERT_EQUAL(decode(&damaged), FAMA_READ_WRITE_SET_MALFORMED);
}

static bool has_repeated(const char *const *names, size_t count)
{
    struct written message = {.len = 0};
    bool repeated = false;
    for (size_t i = 0; i < count; i++) {
        struct written space = {.len = 0};
        write_text(&space, 1, names[i]);
        write_message(&message, 2, &space);
    }
    CU_ASSERT_EQUAL_FATAL(decode(&message), 0);
    CU_ASSERT_EQUAL_FATAL(set.namespace_count, count);
    CU_ASSERT_EQUAL(fama_read_write_set_find_repeated(&set, &arena, &repeated), 0);
    return repeated;
}

static void test_a_repeated_namespace_is_found_wherever_it_stands(void)
{
    static const char *const distinct[] = {"b", "", "a", "ab", "abc", "\x01"};
    static const char *const apart[] = {"ab", "a", "b", "ab"};
    static const char *const unnamed[] = {"", "a", ""};
    CU_ASSERT(!has_repeated(distinct, 6));
    CU_ASSERT(!has_repeated(distinct, 1));
    CU_ASSERT(has_repeated(apart, 4));
    CU_ASSERT(has_repeated(unnamed, 3));
}

/* The arena's limit is a promise: bytes made to take the most memory must not reach it, since an
 * exhausted arena stops a node. */
static void test_no_bytes_take_more_memory_than_promised(void)
{
    static const uint8_t empties[][2] = {
        {0x0a, 0x00}, {0x12, 0x00}, {0x1a, 0x00}, {0x22, 0x00}, {0x2a, 0x00},
    };
    const size_t elements = 200000;
    uint8_t *bytes = malloc(2 * elements + 64);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t inner = 0; inner < sizeof(empties) / sizeof(empties[0]); inner++) {
        /* As the outermost list, as a KVRWSet, and as a collection's. */
        for (size_t depth = 0; depth < 3; depth++) {
            size_t len = 2 * elements;
            size_t at = 32;
            for (size_t i = 0; i < elements; i++) {
                memcpy(bytes + at + 2 * i, empties[inner], 2);
            }
            for (size_t i = 0; i < depth; i++) {
                struct written head = {.len = 0};
                write_tag(&head, 2, 2);
                write_number(&head, len);
                at -= head.len;
                memcpy(bytes + at, head.at, head.len);
                len += head.len;
            }
            struct fama_bytes message = fama_bytes(bytes + at, len);
            bool repeated;
            fama_arena_clear(&arena);
            fama_arena_init(&arena, FAMA_READ_WRITE_SET_GROWTH * len);
            CU_ASSERT_EQUAL(fama_read_write_set_decode(message, &arena, &set), 0);
            CU_ASSERT_EQUAL(fama_read_write_set_find_repeated(&set, &arena, &repeated), 0);
        }
    }
    free(bytes);
    fama_arena_clear(&arena);
}

static void test_an_exhausted_arena_is_no_verdict(void)
{
    struct written public_set = {.len = 0};
    struct written read = read_of("key", 1, 2);
    struct written space = {.len = 0};
    struct written message = {.len = 0};
    write_message(&public_set, 1, &read);
    write_message(&space, 2, &public_set);
    write_message(&message, 2, &space);
    fama_arena_clear(&arena);
    fama_arena_init(&arena, sizeof(struct fama_namespace_set) + 32);
    CU_ASSERT_EQUAL(fama_read_write_set_decode(bytes_of(&message), &arena, &set),
                    FAMA_READ_WRITE_SET_NO_MEMORY);
    fama_arena_clear(&arena);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_nothing_is_a_set_without_namespaces),
        TEST(test_reads_have_a_key_and_perhaps_a_version),
        TEST(test_a_version_that_comes_twice_is_merged),
        TEST(test_a_write_without_a_value_deletes),
        TEST(test_metadata_writes_keep_their_entries_in_order),
        TEST(test_a_range_query_has_one_kind_of_reads),
        TEST(test_one_member_of_the_choice_merges_another_replaces),
        TEST(test_reads_that_replace_others_do_not_inherit_from_them),
        TEST(test_a_replaced_member_must_decode_all_the_same),
        TEST(test_hashed_sets_are_read_like_public_ones),
        TEST(test_of_sets_that_are_bytes_the_last_one_counts),
        TEST(test_text_must_be_utf8_and_bytes_need_not),
        TEST(test_unknown_fields_and_foreign_wire_types_are_passed_over),
        TEST(test_damage_anywhere_is_damage_of_the_whole),
        TEST(test_a_repeated_namespace_is_found_wherever_it_stands),
        TEST(test_no_bytes_take_more_memory_than_promised),
        TEST(test_an_exhausted_arena_is_no_verdict),
    };
    int result = run_suite("read-write set", cases, sizeof(cases) / sizeof(cases[0]));
    fama_arena_clear(&arena);
    return result;
}
