/* Definitions as the state keeps them: how long private keys live, and what the history of collections gains
 * by a block. */
#include "ledger/chaincode_definition.h"
#include "unit/made_messages.h"
#include "unit/suite.h"

static const struct fama_bytes nothing;

struct ledger {
    struct fama_state *state;
    struct fama_arena arena;
    struct fama_error error;
};

static void open_ledger(struct ledger *ledger)
{
    *ledger = (struct ledger){.state = fama_state_create(NULL)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(ledger->state);
    fama_arena_init(&ledger->arena, (size_t)64 << 20);
    fama_state_begin_block(ledger->state, 1);
}

static void close_ledger(struct ledger *ledger)
{
    fama_state_destroy(ledger->state);
    fama_arena_clear(&ledger->arena);
}

/* Puts a value, or deletes the key if there is none. */
static void put(struct ledger *ledger, const char *space, const char *key, struct fama_bytes value)
{
    const struct fama_state_name name = {.space = text(space), .key = text(key)};
    const struct fama_state_entry entry = {
        .exists = value.len > 0, .version = {.block = 1}, .value = value};
    CU_ASSERT_EQUAL_FATAL(fama_state_put(ledger->state, &name, &entry, &ledger->error), 0);
}

static void put_field(struct ledger *ledger, const char *chaincode, const char *field,
                      struct fama_bytes value)
{
    char *key = fama_arena_take(&ledger->arena, 128);
    snprintf(key, 128, "namespaces/fields/%s/%s", chaincode, field);
    put(ledger, "_lifecycle", key, value);
}

static void define(struct ledger *ledger, const char *chaincode, struct fama_bytes package)
{
    struct fama_arena *arena = &ledger->arena;
    char *key = fama_arena_take(arena, 128);
    snprintf(key, 128, "namespaces/metadata/%s", chaincode);
    put(ledger, "_lifecycle", key, made_field(arena, 1, text("ChaincodeDefinition")));
    put_field(ledger, chaincode, "Sequence", made_number(arena, 1, 3));
    put_field(ledger, chaincode, "EndorsementInfo",
              made_field(arena, 2, made_field(arena, 1, text("1.0"))));
    put_field(ledger, chaincode, "ValidationInfo",
              made_field(arena, 2,
                         made_join(arena, made_field(arena, 1, text("vscc")),
                                   made_field(arena, 2, text("parameter")))));
    put_field(ledger, chaincode, "Collections", made_field(arena, 2, package));
}

static struct fama_bytes packages(struct ledger *ledger, uint64_t first, uint64_t second)
{
    const struct made_collection collections[] = {{.name = "one", .block_to_live = first},
                                                  {.name = "two", .block_to_live = second}};
    return made_package(&ledger->arena, collections, 2);
}

static uint64_t lives(struct ledger *ledger, const char *chaincode, const char *collection)
{
    uint64_t blocks = 99;
    CU_ASSERT_EQUAL(fama_chaincode_block_to_live(ledger->state, text(chaincode), text(collection),
                                                 &blocks, &ledger->error),
                    0);
    return blocks;
}

static void assert_not_defined(struct ledger *ledger, const char *chaincode, const char *collection)
{
    uint64_t blocks;
    CU_ASSERT_EQUAL(fama_chaincode_block_to_live(ledger->state, text(chaincode), text(collection),
                                                 &blocks, &ledger->error),
                    FAMA_CHAINCODE_DEFINITION_CORRUPT);
}

static void test_a_definition_is_read_field_by_field(void)
{
    struct ledger ledger;
    struct fama_lifecycle_definition definition;
    open_ledger(&ledger);
    define(&ledger, "cc", packages(&ledger, 1, 2));
    CU_ASSERT_EQUAL(fama_lifecycle_definition_read(ledger.state, text("cc"), &ledger.arena,
                                                   &definition, &ledger.error),
                    0);
    CU_ASSERT_TRUE(definition.exists);
    CU_ASSERT_EQUAL(definition.sequence, 3);
    CU_ASSERT_TRUE(fama_bytes_equal(definition.version, text("1.0")));
    CU_ASSERT_TRUE(fama_bytes_equal(definition.validation_plugin, text("vscc")));
    CU_ASSERT_TRUE(fama_bytes_equal(definition.validation_parameter, text("parameter")));
    CU_ASSERT_EQUAL(definition.package.count, 2);
    CU_ASSERT_EQUAL(fama_lifecycle_definition_read(ledger.state, text("void"), &ledger.arena,
                                                   &definition, &ledger.error),
                    0);
    CU_ASSERT_FALSE(definition.exists);
    close_ledger(&ledger);
}

static void test_fields_may_lack_but_not_lie(void)
{
    struct ledger ledger;
    struct fama_lifecycle_definition definition;
    open_ledger(&ledger);
    static const char *const fields[] = {"Sequence", "EndorsementInfo", "ValidationInfo",
                                         "Collections"};
    for (size_t i = 0; i < 4; i++) {
        define(&ledger, "cc", nothing);
        put_field(&ledger, "cc", fields[i], nothing);
        CU_ASSERT_EQUAL(fama_lifecycle_definition_read(ledger.state, text("cc"), &ledger.arena,
                                                       &definition, &ledger.error),
                        0);
        put_field(&ledger, "cc", fields[i], made_field(&ledger.arena, 3, text("a text")));
        CU_ASSERT_EQUAL(fama_lifecycle_definition_read(ledger.state, text("cc"), &ledger.arena,
                                                       &definition, &ledger.error),
                        FAMA_CHAINCODE_DEFINITION_CORRUPT);
    }
    define(&ledger, "cc", nothing);
    put(&ledger, "_lifecycle", "namespaces/metadata/cc",
        made_field(&ledger.arena, 1, text("ChaincodeParameters")));
    CU_ASSERT_EQUAL(fama_lifecycle_definition_read(ledger.state, text("cc"), &ledger.arena,
                                                   &definition, &ledger.error),
                    FAMA_CHAINCODE_DEFINITION_CORRUPT);
    close_ledger(&ledger);
}

static void test_how_long_private_keys_live(void)
{
    struct ledger ledger;
    open_ledger(&ledger);
    put(&ledger, "lscc", "cc~collection", packages(&ledger, 5, 0));
    CU_ASSERT_EQUAL(lives(&ledger, "cc", "one"), 5);
    CU_ASSERT_EQUAL(lives(&ledger, "cc", "two"), 0);
    assert_not_defined(&ledger, "cc", "three");
    assert_not_defined(&ledger, "void", "one");
    define(&ledger, "cc", packages(&ledger, 7, 8)); /* 2.x hides what 1.x said */
    CU_ASSERT_EQUAL(lives(&ledger, "cc", "one"), 7);
    CU_ASSERT_EQUAL(lives(&ledger, "cc", "two"), 8);
    CU_ASSERT_EQUAL(lives(&ledger, "cc", "_implicit_org_SipherMSP"), 0);
    CU_ASSERT_EQUAL(lives(&ledger, "_lifecycle", "_implicit_org_SipherMSP"), 0);
    put_field(&ledger, "cc", "Collections", text("\xff"));
    uint64_t blocks;
    CU_ASSERT_EQUAL(
        fama_chaincode_block_to_live(ledger.state, text("cc"), text("one"), &blocks, &ledger.error),
        FAMA_CHAINCODE_DEFINITION_CORRUPT);
    close_ledger(&ledger);
}

static const struct fama_collections_update *
find_update(const struct fama_collections_update *updates, size_t count, const char *chaincode)
{
    for (size_t i = 0; i < count; i++) {
        if (fama_bytes_equal(updates[i].chaincode, text(chaincode))) {
            return &updates[i];
        }
    }
    return NULL;
}

static void test_what_the_history_of_collections_gains(void)
{
    struct ledger ledger;
    struct fama_collections_update *updates;
    size_t count;
    open_ledger(&ledger);
    define(&ledger, "earlier", packages(&ledger, 1, 1));
    fama_state_begin_block(ledger.state, 2);
    struct fama_bytes package = packages(&ledger, 1, 2);
    define(&ledger, "cc", package);
    define(&ledger, "bare", nothing);
    put(&ledger, "lscc", "old",
        made_chaincode_data(&ledger.arena, "old", "1", "vscc", text("p"), nothing));
    put(&ledger, "lscc", "old~collection", package);
    put(&ledger, "lscc", "gone", nothing);
    put_field(&ledger, "earlier", "ValidationInfo", made_field(&ledger.arena, 2, nothing));
    CU_ASSERT_EQUAL_FATAL(fama_chaincode_collections_updated(ledger.state, &ledger.arena, &updates,
                                                             &count, &ledger.error),
                          0);
    CU_ASSERT_EQUAL(count, 2);
    const struct fama_collections_update *of_cc = find_update(updates, count, "cc");
    const struct fama_collections_update *of_old = find_update(updates, count, "old");
    CU_ASSERT_FATAL(of_cc != NULL && of_old != NULL);
    CU_ASSERT_TRUE(fama_bytes_equal(of_cc->package, of_old->package));
    /* Zeros are not written, so the package of the test is longer than its normal form. */
    CU_ASSERT_TRUE(of_cc->package.len > 0 && of_cc->package.len <= package.len);
    /* A sequence without a definition: Fabric's peer crashes. */
    put_field(&ledger, "lost", "Sequence", made_number(&ledger.arena, 1, 1));
    CU_ASSERT_EQUAL(fama_chaincode_collections_updated(ledger.state, &ledger.arena, &updates,
                                                       &count, &ledger.error),
                    FAMA_CHAINCODE_DEFINITION_CORRUPT);
    close_ledger(&ledger);
}

static void test_packages_are_written_as_go_writes_them(void)
{
    struct ledger ledger;
    struct fama_bytes normalized;
    open_ledger(&ledger);
    struct fama_arena *arena = &ledger.arena;
    struct fama_bytes rule = made_field(arena, 2, made_number(arena, 1, 0));
    struct fama_bytes members = made_field(arena, 2, made_field(arena, 1, rule));
    struct fama_bytes name = made_field(arena, 1, text("coll"));
    struct fama_bytes plain =
        made_field(arena, 1, made_field(arena, 1, made_join(arena, name, members)));
    /* Out of order, a zero, a name that does not count. */
    struct fama_bytes odd =
        made_field(arena, 1,
                   made_field(arena, 1,
                              made_join(arena, members, made_number(arena, 5, 0),
                                        made_field(arena, 1, text("first")), name)));
    CU_ASSERT_EQUAL_FATAL(fama_collection_package_normalize(odd, arena, &normalized), 0);
    CU_ASSERT_TRUE(fama_bytes_equal(normalized, plain));
    CU_ASSERT_EQUAL(fama_collection_package_normalize(text("\xff"), arena, &normalized),
                    FAMA_COLLECTION_PACKAGE_MALFORMED);
    /* Policies within policies beyond reason are left as they are. */
    struct fama_bytes deep = made_number(arena, 1, 0);
    for (int i = 0; i < 2 * FAMA_COLLECTION_NESTING_MAX; i++) {
        deep = made_field(arena, 2, made_field(arena, 2, deep));
    }
    struct fama_bytes nested = made_field(
        arena, 1,
        made_field(arena, 1,
                   made_field(arena, 2, made_field(arena, 1, made_field(arena, 2, deep)))));
    CU_ASSERT_EQUAL_FATAL(fama_collection_package_normalize(nested, arena, &normalized), 0);
    CU_ASSERT_PTR_EQUAL(normalized.at, nested.at);
    close_ledger(&ledger);
}

int main(void)
{
    const struct test_case cases[] = {
        TEST(test_a_definition_is_read_field_by_field),
        TEST(test_fields_may_lack_but_not_lie),
        TEST(test_how_long_private_keys_live),
        TEST(test_what_the_history_of_collections_gains),
        TEST(test_packages_are_written_as_go_writes_them),
    };
    return run_suite("chaincode definition", cases, sizeof(cases) / sizeof(cases[0]));
}
