/* Every parser of datagrams, on arbitrary bytes. Besides not crashing, each must accept one encoding of a
 * value only: what it accepts is what its writer makes of the value. */
#include <stdlib.h>

#include "dataplane/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[2 * FAMA_WIRE_DATAGRAM_MAX];

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

#define REREAD(name, bytes)                                                                        \
    do {                                                                                           \
        struct fama_##name value;                                                                  \
        if (fama_wire_##name##_read(bytes, &value) == FAMA_DROP_NONE) {                            \
            demand(fama_wire_##name##_write(&value, again, sizeof(again)) == (bytes).len);         \
            demand(memcmp(again, (bytes).at, (bytes).len) == 0);                                   \
            if ((bytes).len > 0) {                                                                 \
                demand(fama_wire_##name##_write(&value, again, (bytes).len - 1) == 0);             \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void read_chunk(struct fama_bytes datagram)
{
    struct fama_chunk chunk;
    if (fama_wire_chunk_read(datagram, &chunk) != FAMA_DROP_NONE) {
        return;
    }
    size_t bytes = fama_wire_chunk_write(&chunk, again, sizeof(again));
    demand(bytes == FAMA_WIRE_CHUNK_BYTES && bytes + chunk.body.len == datagram.len);
    demand(memcmp(again, datagram.at, bytes) == 0);
    demand(chunk.body.at == datagram.at + bytes);
    struct fama_geometry geometry;
    demand(fama_geometry(chunk.block_bytes, chunk.chunk_bytes, &geometry));
    uint32_t leaves = (uint32_t)chunk.data_chunks + chunk.parity_chunks;
    demand(chunk.data_chunks >= 1 && leaves <= FAMA_SET_CHUNKS_MAX && chunk.index < leaves);
    uint64_t place = chunk.index < chunk.data_chunks ? chunk.index : 0;
    uint64_t offset = ((uint64_t)chunk.set * FAMA_SET_CHUNKS + place) * (uint64_t)chunk.chunk_bytes;
    demand(offset + fama_wire_chunk_payload_bytes(&chunk) <= chunk.block_bytes);
    uint8_t root[FAMA_MERKLE_NODE_BYTES] = {0};
    if (chunk.key_epoch == 0) {
        demand(chunk.payload.len == fama_wire_chunk_payload_bytes(&chunk));
        demand(chunk.payload.at + chunk.payload.len == datagram.at + datagram.len);
        fama_merkle_climb(chunk.payload, chunk.index, leaves, chunk.proof, root);
    } else {
        demand(chunk.body.len == fama_wire_chunk_proof_bytes(&chunk) +
                                     fama_wire_chunk_payload_bytes(&chunk) + FAMA_WIRE_TAG_BYTES);
    }
    uint8_t digest[FAMA_SHA256_BYTES] = {0};
    fama_wire_root_digest(&chunk, digest, digest, digest, root, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    /* The first octet chooses; a datagram's own header is repaired, or few inputs got past it. */
    uint8_t choice = data[0] % 9;
    size_t bytes = size - 1;
    uint8_t *copy = malloc(bytes + (bytes == 0));
    demand(copy != NULL);
    memcpy(copy, data + 1, bytes);
    if ((choice == 6 || choice == 7) && bytes >= FAMA_WIRE_HEADER_BYTES &&
        bytes <= FAMA_WIRE_DATAGRAM_MAX) {
        copy[0] = FAMA_WIRE_MAGIC >> 8;
        copy[1] = FAMA_WIRE_MAGIC & 0xff;
        copy[2] = FAMA_WIRE_VERSION;
        copy[6] = (uint8_t)((bytes - FAMA_WIRE_HEADER_BYTES) >> 8);
        copy[7] = (uint8_t)(bytes - FAMA_WIRE_HEADER_BYTES);
    }
    struct fama_bytes input = fama_bytes(copy, bytes);
    switch (choice) {
    case 0:
        REREAD(alive, input);
        break;
    case 1:
        REREAD(digest, input);
        break;
    case 2:
        REREAD(stateinfo, input);
        break;
    case 3:
        REREAD(request, input);
        break;
    case 8:
        REREAD(keys, input);
        break;
    case 4:
    case 6:
        REREAD(message, input);
        break;
    default:
        if (bytes >= FAMA_WIRE_HEADER_BYTES && choice == 7) {
            copy[3] = FAMA_KIND_CHUNK;
        }
        read_chunk(input);
        break;
    }
    free(copy);
    return 0;
}
