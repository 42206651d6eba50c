#include "dataplane/opened.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define ALL (FAMA_OPENED_AT_HAND + FAMA_OPENED_KEPT)

bool fama_opened_pool_create(struct fama_opened_pool *pool)
{
    pool->free_count = 0;
    pool->all = malloc(ALL * sizeof(*pool->all));
    if (pool->all == NULL) {
        return false;
    }
    memset(pool->all, 0xfa, ALL * sizeof(*pool->all)); /* no page fault later */
    for (uint32_t i = 0; i < ALL; i++) {
        fama_opened_give(pool, &pool->all[i]);
    }
    return true;
}

void fama_opened_pool_destroy(struct fama_opened_pool *pool)
{
    if (pool->all != NULL) {
        OPENSSL_cleanse(pool->all, ALL * sizeof(*pool->all));
        free(pool->all);
    }
    pool->all = NULL;
    pool->free_count = 0;
}
