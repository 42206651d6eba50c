/* What a transaction read and wants to write: rwset.TxReadWriteSet with every KVRWSet and HashedRWSet
 * inside it, decoded as views.
 *
 * Source: Fabric core/ledger/kvledger/txmgmt/rwsetutil/rwset_proto_util.go (TxRwSetFromProtoBytes),
 * spec fabric-formats §3. Strings are UTF-8 checked as Go's protobuf runtime does. Adversary:
 * endorsers, and clients with garbage. Arrays live in the arena given and views in the bytes; both
 * must outlive the set. Memory is at most FAMA_READ_WRITE_SET_GROWTH times the bytes (an honest set
 * takes about as much as its bytes). Stateless; one thread per arena. */
#ifndef FAMA_LEDGER_READ_WRITE_SET_H
#define FAMA_LEDGER_READ_WRITE_SET_H

#include "crypto/bytes.h"
#include "ledger/arena.h"

/* One thing is read as Fabric up to 2.4 and from 3.0 on reads it, not as 2.5: there a sub-message (a
 * read's version, a chaincode's id) whose field has a foreign wire type counts as present and empty,
 * an accident of 2.5's generated code with its runtime (codec_field.go makeMessageFieldCoder). Nobody's
 * library writes such bytes. */

/* Bytes of memory per byte of wire at the worst: a list of empty elements, two bytes each. An arena
 * with this much room for the bytes is not exhausted by them, whatever they are. */
#define FAMA_READ_WRITE_SET_GROWTH 64

/* Height of a write: (block, index of the transaction in it). */
struct fama_version {
    uint64_t block;
    uint64_t transaction;
};

static inline bool fama_version_equal(struct fama_version a, struct fama_version b)
{
    return a.block == b.block && a.transaction == b.transaction;
}

/* Where the judges find what the state holds of a key: theirs to fill (ledger/mvcc.h), not of the wire. */
struct fama_state_place;

struct fama_read { /* KVRead, KVReadHash */
    struct fama_bytes key;
    struct fama_version version;
    bool has_version; /* false: the key did not exist */
    struct fama_state_place *place;
};

struct fama_write { /* KVWrite, KVWriteHash */
    struct fama_bytes key;
    struct fama_bytes value; /* of a hashed write: the value's hash. As it was written: a delete may
                                carry one, which counts for nothing in the state. */
    bool is_delete; /* by Fabric's rules: is_delete, or empty value, or the hash of nothing */
    bool is_purge;  /* hashed writes only */
    struct fama_state_place *place;
};

struct fama_metadata_entry {
    struct fama_bytes name;
    struct fama_bytes value;
};

struct fama_metadata_write { /* KVMetadataWrite, KVMetadataWriteHash */
    struct fama_bytes key;
    struct fama_metadata_entry *entries; /* none: the key's metadata is deleted */
    size_t entry_count;
    struct fama_state_place *place;
};

enum fama_range_reads { FAMA_RANGE_NONE, FAMA_RANGE_RAW, FAMA_RANGE_MERKLE };

struct fama_range_query {
    struct fama_bytes start_key;
    struct fama_bytes end_key;
    bool is_exhausted;
    enum fama_range_reads kind; /* the member of the oneof that is set */
    struct fama_read *reads;    /* RAW */
    size_t read_count;
    uint32_t max_degree; /* MERKLE */
    uint32_t max_level;
    struct fama_bytes *max_level_hashes;
    size_t max_level_hash_count;
};

struct fama_collection_set { /* CollectionHashedReadWriteSet */
    struct fama_bytes name;
    struct fama_bytes private_hash; /* pvt_rwset_hash */
    struct fama_read *reads;
    size_t read_count;
    struct fama_write *writes;
    size_t write_count;
    struct fama_metadata_write *metadata_writes;
    size_t metadata_write_count;
};

struct fama_namespace_set { /* NsReadWriteSet */
    struct fama_bytes name;
    struct fama_read *reads;
    size_t read_count;
    struct fama_range_query *range_queries;
    size_t range_query_count;
    struct fama_write *writes;
    size_t write_count;
    struct fama_metadata_write *metadata_writes;
    size_t metadata_write_count;
    struct fama_collection_set *collections;
    size_t collection_count;
};

struct fama_read_write_set {
    struct fama_namespace_set *namespaces; /* in the order of the wire */
    size_t namespace_count;
};

enum fama_read_write_set_error {
    FAMA_READ_WRITE_SET_MALFORMED = -1, /* does not decode */
    FAMA_READ_WRITE_SET_NO_MEMORY = -2, /* the arena is exhausted */
};

/* Decodes serialized TxReadWriteSet `bytes`. */
int fama_read_write_set_decode(struct fama_bytes bytes, struct fama_arena *arena,
                               struct fama_read_write_set *set);

/* Whether a namespace stands in the set twice. Returns 0 or FAMA_READ_WRITE_SET_NO_MEMORY. */
int fama_read_write_set_find_repeated(const struct fama_read_write_set *set,
                                      struct fama_arena *arena, bool *has_repeated);

#endif
