/* Blocks made of read-write sets, without the layers around them. */
#ifndef FAMA_TESTS_UNIT_MADE_SETS_H
#define FAMA_TESTS_UNIT_MADE_SETS_H

#include <stdio.h>
#include <stdlib.h>

#include "ledger/mvcc.h"

#define MADE_TRANSACTIONS_MAX 16
#define MADE_LIST_MAX         24

struct made_sets {
    struct fama_prepared_block block;
    struct fama_prepared_transaction transactions[MADE_TRANSACTIONS_MAX];
    uint8_t codes[MADE_TRANSACTIONS_MAX];
    struct fama_arena arena;
};

static inline struct made_sets *made_sets(uint64_t number)
{
    struct made_sets *made = calloc(1, sizeof *made);
    if (made == NULL) {
        abort();
    }
    fama_arena_init(&made->arena, (size_t)64 << 20);
    made->block.block.number = number;
    made->block.transactions = made->transactions;
    made->block.codes = made->codes;
    return made;
}

static inline void made_sets_free(struct made_sets *made)
{
    fama_arena_clear(&made->arena);
    free(made);
}

static inline void *made_list(struct made_sets *made, size_t size)
{
    void *list = fama_arena_take(&made->arena, MADE_LIST_MAX * size);
    if (list == NULL) {
        abort();
    }
    return list;
}

static inline size_t made_one_more(size_t *count)
{
    if (*count == MADE_LIST_MAX) {
        fprintf(stderr, "more than MADE_LIST_MAX\n");
        abort();
    }
    return (*count)++;
}

/* The next transaction: an endorser's, valid so far. */
static inline struct fama_transaction *made_transaction(struct made_sets *made)
{
    size_t index = made->block.count++;
    if (index == MADE_TRANSACTIONS_MAX) {
        abort();
    }
    struct fama_transaction *transaction = &made->transactions[index].decoded;
    transaction->type = FAMA_TRANSACTION_ENDORSER;
    transaction->has_action = true;
    transaction->has_set = true;
    transaction->set.namespaces = made_list(made, sizeof(struct fama_namespace_set));
    return transaction;
}

static inline struct fama_namespace_set *
made_namespace(struct made_sets *made, struct fama_transaction *transaction, struct fama_bytes name)
{
    struct fama_namespace_set *set =
        &transaction->set.namespaces[made_one_more(&transaction->set.namespace_count)];
    *set = (struct fama_namespace_set){
        .name = name,
        .reads = made_list(made, sizeof(struct fama_read)),
        .range_queries = made_list(made, sizeof(struct fama_range_query)),
        .writes = made_list(made, sizeof(struct fama_write)),
        .metadata_writes = made_list(made, sizeof(struct fama_metadata_write)),
        .collections = made_list(made, sizeof(struct fama_collection_set)),
    };
    return set;
}

static inline struct fama_collection_set *
made_collection(struct made_sets *made, struct fama_namespace_set *of, struct fama_bytes name)
{
    struct fama_collection_set *set = &of->collections[made_one_more(&of->collection_count)];
    *set = (struct fama_collection_set){
        .name = name,
        .reads = made_list(made, sizeof(struct fama_read)),
        .writes = made_list(made, sizeof(struct fama_write)),
        .metadata_writes = made_list(made, sizeof(struct fama_metadata_write)),
    };
    return set;
}

/* The kinds below stand in a namespace's set and in a collection's alike. An empty value of metadata deletes
 * it. */
#define MADE_ADD(set, list, count, ...)                                                            \
    do {                                                                                           \
        __typeof__(set) added_to = (set);                                                          \
        added_to->list[made_one_more(&added_to->count)] = __VA_ARGS__;                             \
    } while (0)
#define MADE_READ(set, read_key, block_number, index)                                              \
    MADE_ADD(set, reads, read_count,                                                               \
             (struct fama_read){.key = (read_key),                                                 \
                                .has_version = true,                                               \
                                .version = {.block = (block_number), .transaction = (index)}})
#define MADE_ABSENT_READ(set, read_key)                                                            \
    MADE_ADD(set, reads, read_count, (struct fama_read){.key = (read_key)})
#define MADE_WRITE(set, write_key, new_value)                                                      \
    MADE_ADD(set, writes, write_count,                                                             \
             (struct fama_write){.key = (write_key), .value = (new_value)})
#define MADE_DELETE(set, write_key)                                                                \
    MADE_ADD(set, writes, write_count, (struct fama_write){.key = (write_key), .is_delete = true})
#define MADE_METADATA(made, set, write_key, text)                                                  \
    MADE_ADD(set, metadata_writes, metadata_write_count, made_metadata(made, write_key, text))

static inline struct fama_metadata_write
made_metadata(struct made_sets *made, struct fama_bytes key, struct fama_bytes value)
{
    struct fama_metadata_write write = {.key = key};
    if (value.len > 0) {
        write.entries = made_list(made, sizeof *write.entries);
        write.entries[0] =
            (struct fama_metadata_entry){.name = fama_bytes_of_text("M"), .value = value};
        write.entry_count = 1;
    }
    return write;
}

#endif
