/* Blocks that real Fabric orderers delivered, read from the shared data with what is known about
 * them. */
#ifndef FAMA_TESTS_UNIT_REAL_BLOCKS_H
#define FAMA_TESTS_UNIT_REAL_BLOCKS_H

#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "crypto/bytes.h"
#include "unit/suite.h"

struct real_chain {
    const char *channel;
    const char *expected; /* file with what is known */
    size_t blocks;
};

static const struct real_chain real_chains[] = {
    {"drivenet", "expected.json", 84},
    {"core", "expected_core.json", 27},
};
#define REAL_CHAINS (sizeof(real_chains) / sizeof(real_chains[0]))

/* The whole file in memory to be released with free(), or an empty view. */
static inline struct fama_bytes read_file(const char *path)
{
    struct fama_bytes bytes = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return bytes;
    }
    long size = ftell(file);
    rewind(file);
    uint8_t *buffer = size > 0 ? malloc((size_t)size) : NULL;
    if (buffer != NULL && fread(buffer, 1, (size_t)size, file) == (size_t)size) {
        bytes = fama_bytes(buffer, (size_t)size);
    } else {
        free(buffer);
    }
    fclose(file);
    return bytes;
}

static inline void free_bytes(struct fama_bytes bytes)
{
    free((void *)(uintptr_t)bytes.at);
}

static inline struct fama_bytes read_real_block(const char *shared, const char *channel,
                                                size_t number)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/fabric-data/%s/%06zu.block", shared, channel, number);
    return read_file(path);
}

/* The "blocks" of an expected*.json; `*root` is to be released with json_decref. */
static inline json_t *load_expected(const char *shared, const struct real_chain *chain,
                                    json_t **root)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/fabric-data/%s", shared, chain->expected);
    *root = json_load_file(path, 0, NULL);
    return json_object_get(*root, "blocks");
}

static inline bool equals_hex(struct fama_bytes bytes, const char *hex)
{
    if (hex == NULL || strlen(hex) != 2 * bytes.len) {
        return false;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        char pair[3];
        snprintf(pair, sizeof(pair), "%02x", bytes.at[i]);
        if (memcmp(pair, hex + 2 * i, 2) != 0) {
            return false;
        }
    }
    return true;
}

#endif
