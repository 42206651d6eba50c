/* Bytes of a client as a block's entry: decoding reaches a verdict, within the memory that is promised,
 * and twice the same. What it says must hold together. */
#include <stdlib.h>

#include "ledger/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool lies_within(struct fama_bytes part, const uint8_t *data, size_t size)
{
    return part.len == 0 || (part.at >= data && part.len <= (size_t)(data + size - part.at));
}

static void check_set(const struct fama_read_write_set *set, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < set->namespace_count; i++) {
        const struct fama_namespace_set *space = &set->namespaces[i];
        require(lies_within(space->name, data, size));
        for (size_t j = 0; j < space->read_count; j++) {
            require(lies_within(space->reads[j].key, data, size));
        }
        for (size_t j = 0; j < space->write_count; j++) {
            require(lies_within(space->writes[j].key, data, size));
            require(space->writes[j].is_delete || space->writes[j].value.len > 0);
        }
        for (size_t j = 0; j < space->range_query_count; j++) {
            const struct fama_range_query *query = &space->range_queries[j];
            require(query->kind == FAMA_RANGE_RAW || query->read_count == 0);
            require(query->kind == FAMA_RANGE_MERKLE || query->max_level_hash_count == 0);
        }
        for (size_t j = 0; j < space->collection_count; j++) {
            require(lies_within(space->collections[j].name, data, size));
        }
    }
}

static void check_transaction(const struct fama_transaction *transaction, const uint8_t *data,
                              size_t size)
{
    require(lies_within(transaction->payload, data, size));
    require(lies_within(transaction->creator, data, size));
    require(lies_within(transaction->response_payload, data, size));
    require(transaction->body_code == FAMA_TRANSACTION_VALID ||
            transaction->endorsement_count == 0);
    require(transaction->has_action || !transaction->has_set);
    require(transaction->has_set || transaction->set.namespace_count == 0);
    for (size_t i = 0; i < transaction->endorsement_count; i++) {
        require(lies_within(transaction->endorsements[i].endorser, data, size));
    }
    if (transaction->header_code == FAMA_TRANSACTION_VALID) {
        require(transaction->nonce.len > 0 && transaction->creator.len > 0);
        require(fama_transaction_indexed_txid(transaction).len > 0);
    }
    check_set(&transaction->set, data, size);
}

/* The fuzzer finds no hashes; so its bytes are also read as what lies behind them. */
static void check_as_set(const uint8_t *data, size_t size)
{
    struct fama_arena arena;
    struct fama_read_write_set set;
    bool is_repeated;
    fama_arena_init(&arena, 1024 + FAMA_READ_WRITE_SET_GROWTH * size);
    int result = fama_read_write_set_decode(fama_bytes(data, size), &arena, &set);
    require(result != FAMA_READ_WRITE_SET_NO_MEMORY);
    if (result == 0) {
        check_set(&set, data, size);
        require(fama_read_write_set_find_repeated(&set, &arena, &is_repeated) == 0);
    }
    fama_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fama_arena arena;
    struct fama_transaction first;
    struct fama_transaction second;
    fama_arena_init(&arena, 2 * (1024 + FAMA_READ_WRITE_SET_GROWTH * size));
    require(fama_transaction_decode(fama_bytes(data, size), &arena, &first) == 0);
    check_transaction(&first, data, size);
    require(fama_transaction_decode(fama_bytes(data, size), &arena, &second) == 0);
    require(first.header_code == second.header_code && first.body_code == second.body_code);
    require(first.set.namespace_count == second.set.namespace_count);
    fama_arena_clear(&arena);
    check_as_set(data, size);
    return 0;
}
