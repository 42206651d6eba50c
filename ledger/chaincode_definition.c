#include "ledger/chaincode_definition.h"

#include <inttypes.h>

#include "ledger/key_set.h"
#include "ledger/proto_reader.h"

#define METADATA_PREFIX  "namespaces/metadata/"
#define FIELDS_PREFIX    "namespaces/fields/"
#define SEQUENCE_SUFFIX  "/Sequence"
#define COLLECTION_KEY   "~collection"
#define DEFINITION_TYPE  "ChaincodeDefinition"
#define NAME_SHOWN_BYTES 64

static int no_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_STATE_NO_MEMORY,
                          "a chaincode's definition: out of memory; give the process more");
}

static int corrupt(struct fama_bytes chaincode, const char *what, struct fama_error *error)
{
    int shown = chaincode.len < NAME_SHOWN_BYTES ? (int)chaincode.len : NAME_SHOWN_BYTES;
    return fama_error_set(error, FAMA_CHAINCODE_DEFINITION_CORRUPT,
                          "chaincode %.*s: %s in the state does not decode; Fabric stops a channel "
                          "there, and so must this node",
                          shown, (const char *)chaincode.at, what);
}

/* --- Reading keys --- */

static int read_key(struct fama_state *state, const char *space, struct fama_bytes key,
                    struct fama_state_entry *entry, struct fama_error *error)
{
    const struct fama_state_name name = {.space = fama_bytes_of_text(space), .key = key};
    return fama_state_get(state, &name, entry, error);
}

/* prefix || name || suffix. Empty when memory is out. */
static struct fama_bytes join(struct fama_arena *arena, const char *prefix, struct fama_bytes name,
                              const char *suffix)
{
    size_t before = strlen(prefix);
    size_t after = strlen(suffix);
    uint8_t *joined = fama_arena_take(arena, before + name.len + after);
    if (joined == NULL) {
        return fama_bytes(NULL, 0);
    }
    memcpy(joined, prefix, before);
    if (name.len > 0) {
        memcpy(joined + before, name.at, name.len);
    }
    memcpy(joined + before + name.len, suffix, after);
    return fama_bytes(joined, before + name.len + after);
}

/* --- lifecycle.StateData: one of a number, bytes and a text --- */

enum field_kind { FIELD_NONE, FIELD_NUMBER, FIELD_BYTES, FIELD_TEXT };

struct field {
    enum field_kind kind;
    int64_t number;
    struct fama_bytes bytes;
};

static bool decode_field(struct fama_bytes stored, struct field *made)
{
    struct fama_proto_reader reader = fama_proto_reader(stored);
    struct fama_proto_field field;
    bool is_text = true;
    *made = (struct field){0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            *made = (struct field){.kind = FIELD_NUMBER, .number = (int64_t)field.varint};
        } else if (fama_proto_is_len(&field, 2)) {
            *made = (struct field){.kind = FIELD_BYTES, .bytes = field.value};
        } else if (fama_proto_is_len(&field, 3)) {
            *made = (struct field){.kind = FIELD_TEXT};
            is_text = is_text && fama_proto_is_utf8(field.value);
        }
    }
    return is_text && !reader.failed;
}

/* A field of a definition, which must be of this kind if it is anything. */
static int read_field(struct fama_state *state, struct fama_arena *arena,
                      struct fama_bytes chaincode, const char *name, enum field_kind kind,
                      struct field *field, struct fama_error *error)
{
    struct fama_state_entry entry;
    struct fama_bytes key = join(arena, FIELDS_PREFIX, chaincode, name);
    if (key.at == NULL) {
        return no_memory(error);
    }
    int result = read_key(state, FAMA_LIFECYCLE_NAMESPACE, key, &entry, error);
    if (result != 0) {
        return result;
    }
    if (!decode_field(entry.value, field) || (field->kind != FIELD_NONE && field->kind != kind)) {
        return corrupt(chaincode, name, error);
    }
    return 0;
}

/* --- Messages inside --- */

/* lifecycle.StateMetadata */
static bool decode_metadata(struct fama_bytes bytes, struct fama_bytes *datatype)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *datatype = fama_bytes(NULL, 0);
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > 2) {
            continue;
        }
        if (!fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (field.number == 1) {
            *datatype = field.value;
        }
    }
    return !reader.failed;
}

/* lifecycle.ChaincodeEndorsementInfo */
static bool decode_endorsement_info(struct fama_bytes bytes,
                                    struct fama_lifecycle_definition *definition)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        bool is_text = fama_proto_is_len(&field, 1) || fama_proto_is_len(&field, 3);
        if (is_text && !fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (fama_proto_is_len(&field, 1)) {
            definition->version = field.value;
        }
    }
    return !reader.failed;
}

/* lifecycle.ChaincodeValidationInfo */
static bool decode_validation_info(struct fama_bytes bytes,
                                   struct fama_lifecycle_definition *definition)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            if (!fama_proto_is_utf8(field.value)) {
                return false;
            }
            definition->validation_plugin = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            definition->validation_parameter = field.value;
        }
    }
    return !reader.failed;
}

static int decode_package(struct fama_bytes chaincode, struct fama_bytes bytes,
                          struct fama_arena *arena, struct fama_collection_package *package,
                          struct fama_error *error)
{
    switch (fama_collection_package_decode(bytes, arena, package)) {
    case 0:
        return 0;
    case FAMA_COLLECTION_PACKAGE_NO_MEMORY:
        return no_memory(error);
    default:
        return corrupt(chaincode, "the package of collections", error);
    }
}

/* --- Definitions of 2.x --- */

static int read_fields(struct fama_state *state, struct fama_bytes chaincode,
                       struct fama_arena *arena, struct fama_lifecycle_definition *definition,
                       struct fama_error *error)
{
    struct field field;
    int result = read_field(state, arena, chaincode, SEQUENCE_SUFFIX, FIELD_NUMBER, &field, error);
    if (result != 0) {
        return result;
    }
    definition->sequence = field.number;
    result = read_field(state, arena, chaincode, "/EndorsementInfo", FIELD_BYTES, &field, error);
    if (result != 0) {
        return result;
    }
    if (!decode_endorsement_info(field.bytes, definition)) {
        return corrupt(chaincode, "EndorsementInfo", error);
    }
    result = read_field(state, arena, chaincode, "/ValidationInfo", FIELD_BYTES, &field, error);
    if (result != 0) {
        return result;
    }
    if (!decode_validation_info(field.bytes, definition)) {
        return corrupt(chaincode, "ValidationInfo", error);
    }
    result = read_field(state, arena, chaincode, "/Collections", FIELD_BYTES, &field, error);
    if (result != 0) {
        return result;
    }
    definition->collections = field.bytes;
    return decode_package(chaincode, field.bytes, arena, &definition->package, error);
}

int fama_lifecycle_definition_read(struct fama_state *state, struct fama_bytes chaincode,
                                   struct fama_arena *arena,
                                   struct fama_lifecycle_definition *definition,
                                   struct fama_error *error)
{
    struct fama_state_entry entry;
    struct fama_bytes datatype;
    *definition = (struct fama_lifecycle_definition){0};
    if (fama_bytes_equal_text(chaincode, FAMA_LIFECYCLE_NAMESPACE)) {
        definition->exists = true;
        return 0;
    }
    struct fama_bytes key = join(arena, METADATA_PREFIX, chaincode, "");
    if (key.at == NULL) {
        return no_memory(error);
    }
    int result = read_key(state, FAMA_LIFECYCLE_NAMESPACE, key, &entry, error);
    if (result != 0 || !entry.exists) {
        return result;
    }
    if (!decode_metadata(entry.value, &datatype) ||
        !fama_bytes_equal_text(datatype, DEFINITION_TYPE)) {
        return corrupt(chaincode, "the metadata of its definition", error);
    }
    definition->exists = true;
    return read_fields(state, chaincode, arena, definition, error);
}

/* --- Definitions of 1.x --- */

bool fama_legacy_definition_decode(struct fama_bytes bytes,
                                   struct fama_legacy_definition *definition)
{
    struct fama_proto_reader reader = fama_proto_reader(bytes);
    struct fama_proto_field field;
    *definition = (struct fama_legacy_definition){.exists = true};
    struct fama_bytes *const fields[] = {
        [1] = &definition->name,
        [2] = &definition->version,
        [4] = &definition->validation_plugin,
        [5] = &definition->policy,
        [8] = &definition->instantiation_policy,
    };
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > 8) {
            continue;
        }
        if (field.number <= 4 && !fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (fields[field.number] != NULL) {
            *fields[field.number] = field.value;
        }
    }
    return !reader.failed;
}

int fama_legacy_definition_read(struct fama_state *state, struct fama_bytes chaincode,
                                struct fama_legacy_definition *definition, struct fama_error *error)
{
    struct fama_state_entry entry;
    *definition = (struct fama_legacy_definition){0};
    int result = read_key(state, FAMA_LSCC_NAMESPACE, chaincode, &entry, error);
    if (result != 0 || !entry.exists) {
        return result;
    }
    if (!fama_legacy_definition_decode(entry.value, definition)) {
        return corrupt(chaincode, "ChaincodeData", error);
    }
    return 0;
}

int fama_legacy_collections_read(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_arena *arena,
                                 struct fama_legacy_collections *collections,
                                 struct fama_error *error)
{
    struct fama_state_entry entry;
    *collections = (struct fama_legacy_collections){0};
    struct fama_bytes key = join(arena, "", chaincode, COLLECTION_KEY);
    if (key.at == NULL) {
        return no_memory(error);
    }
    int result = read_key(state, FAMA_LSCC_NAMESPACE, key, &entry, error);
    if (result != 0 || !entry.exists) {
        return result;
    }
    collections->exists = true;
    collections->bytes = entry.value;
    return decode_package(chaincode, entry.value, arena, &collections->package, error);
}

/* --- Block to live --- */

static int find_block_to_live(struct fama_state *state, struct fama_bytes chaincode,
                              struct fama_bytes name, struct fama_arena *arena, uint64_t *blocks,
                              struct fama_error *error)
{
    struct fama_lifecycle_definition definition;
    struct fama_legacy_collections legacy;
    struct fama_bytes mspid;
    const struct fama_collection *found = NULL;
    int result = fama_lifecycle_definition_read(state, chaincode, arena, &definition, error);
    if (result != 0) {
        return result;
    }
    if (!definition.exists) {
        result = fama_legacy_collections_read(state, chaincode, arena, &legacy, error);
        if (result != 0) {
            return result;
        }
        found = fama_collection_package_find(&legacy.package, name);
    } else if (fama_collection_is_implicit(name, &mspid)) {
        *blocks = 0;
        return 0;
    } else {
        found = fama_collection_package_find(&definition.package, name);
    }
    if (found == NULL) {
        return fama_error_set(
            error, FAMA_CHAINCODE_DEFINITION_CORRUPT,
            "chaincode %.*s: a valid transaction touches collection %.*s, which is "
            "not defined; Fabric stops a channel there, and so must this node",
            (int)(chaincode.len < 64 ? chaincode.len : 64), (const char *)chaincode.at,
            (int)(name.len < 64 ? name.len : 64), (const char *)name.at);
    }
    *blocks = found->block_to_live;
    return 0;
}

int fama_chaincode_block_to_live(struct fama_state *state, struct fama_bytes chaincode,
                                 struct fama_bytes collection, uint64_t *blocks,
                                 struct fama_error *error)
{
    struct fama_arena arena;
    *blocks = 0;
    fama_arena_init(&arena, SIZE_MAX);
    int result = find_block_to_live(state, chaincode, collection, &arena, blocks, error);
    fama_arena_clear(&arena);
    return result;
}

/* --- History of collections --- */

static bool ends_with(struct fama_bytes text, const char *suffix, struct fama_bytes *rest)
{
    size_t len = strlen(suffix);
    if (text.len < len || memcmp(text.at + text.len - len, suffix, len) != 0) {
        return false;
    }
    *rest = fama_bytes(text.at, text.len - len);
    return true;
}

/* The chaincode whose definition an update changes: namespaces/fields/NAME/Sequence in `_lifecycle`
 * (also when deleted), NAME or NAME~... in `lscc` (unless deleted). */
static bool names_chaincode(const struct fama_state_update *update, struct fama_bytes *chaincode)
{
    const size_t prefix = sizeof(FIELDS_PREFIX) - 1;
    struct fama_bytes key = update->name.key;
    if (update->name.is_hashed) {
        return false;
    }
    if (fama_bytes_equal_text(update->name.space, FAMA_LSCC_NAMESPACE)) {
        if (key.len == 0) {
            *chaincode = fama_bytes("", 0);
            return update->entry.exists;
        }
        const uint8_t *tilde = memchr(key.at, '~', key.len);
        *chaincode = tilde == NULL ? key : fama_bytes(key.at, (size_t)(tilde - key.at));
        return update->entry.exists;
    }
    if (!fama_bytes_equal_text(update->name.space, FAMA_LIFECYCLE_NAMESPACE) || key.len < prefix ||
        memcmp(key.at, FIELDS_PREFIX, prefix) != 0 ||
        !ends_with(fama_bytes(key.at + prefix, key.len - prefix), SEQUENCE_SUFFIX, chaincode)) {
        return false;
    }
    return chaincode->len > 0 && memchr(chaincode->at, '/', chaincode->len) == NULL;
}

/* The explicit collections of a chaincode now, normalized; empty if there are none. */
static int collections_now(struct fama_state *state, struct fama_bytes chaincode,
                           struct fama_arena *arena, struct fama_bytes *package,
                           struct fama_error *error)
{
    struct fama_lifecycle_definition definition;
    struct fama_legacy_definition legacy;
    struct fama_legacy_collections collections = {0};
    *package = fama_bytes(NULL, 0);
    int result = fama_lifecycle_definition_read(state, chaincode, arena, &definition, error);
    if (result == 0 && !definition.exists) {
        result = fama_legacy_definition_read(state, chaincode, &legacy, error);
        if (result == 0 && !legacy.exists) {
            return corrupt(chaincode, "a definition that a write belongs to", error);
        }
        if (result == 0) {
            result = fama_legacy_collections_read(state, chaincode, arena, &collections, error);
        }
    } else if (result == 0) {
        collections = (struct fama_legacy_collections){
            .exists = true, .bytes = definition.collections, .package = definition.package};
    }
    if (result != 0 || collections.package.count == 0) {
        return result;
    }
    return fama_collection_package_normalize(collections.bytes, arena, package) == 0
               ? 0
               : no_memory(error);
}

static int collect_updates(struct fama_state *state, struct fama_arena *arena,
                           struct fama_key_set *seen, struct fama_collections_update **updates,
                           size_t *count, struct fama_error *error)
{
    const struct fama_state_update *const *touched;
    size_t total = fama_state_block_updates(state, &touched);
    size_t most = 0;
    struct fama_bytes chaincode;
    for (size_t i = 0; i < total; i++) {
        most += names_chaincode(touched[i], &chaincode) ? 1 : 0;
    }
    if (most == 0) {
        return 0;
    }
    *updates = fama_arena_take(arena, most * sizeof(**updates));
    if (*updates == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < total; i++) {
        struct fama_bytes package;
        if (!names_chaincode(touched[i], &chaincode)) {
            continue;
        }
        const struct fama_key key = {{chaincode}};
        enum fama_key_set_result added = fama_key_set_add(seen, &key);
        if (added == FAMA_KEY_SET_NO_MEMORY) {
            return no_memory(error);
        }
        if (added == FAMA_KEY_SET_KNOWN) {
            continue;
        }
        int result = collections_now(state, chaincode, arena, &package, error);
        if (result != 0) {
            return result;
        }
        if (package.len > 0) {
            (*updates)[(*count)++] =
                (struct fama_collections_update){.chaincode = chaincode, .package = package};
        }
    }
    return 0;
}

int fama_chaincode_collections_updated(struct fama_state *state, struct fama_arena *arena,
                                       struct fama_collections_update **updates, size_t *count,
                                       struct fama_error *error)
{
    struct fama_key_set seen = {0};
    *updates = NULL;
    *count = 0;
    int result = collect_updates(state, arena, &seen, updates, count, error);
    fama_key_set_free(&seen);
    return result;
}
