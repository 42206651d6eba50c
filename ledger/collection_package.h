/* A chaincode's collections: protos.CollectionConfigPackage, decoded as Go decodes it.
 *
 * Source: Fabric peer/collection.proto; spec fabric-formats §7.3. What comes back are views into the
 * bytes or the arena; both must outlive them. Adversary: whoever gets a definition endorsed. Stateless;
 * one thread per arena. */
#ifndef FAMA_LEDGER_COLLECTION_PACKAGE_H
#define FAMA_LEDGER_COLLECTION_PACKAGE_H

#include "crypto/bytes.h"
#include "ledger/arena.h"
#include "ledger/proto_merge.h"

#define FAMA_IMPLICIT_COLLECTION_PREFIX "_implicit_org_"

enum fama_collection_package_error {
    FAMA_COLLECTION_PACKAGE_MALFORMED =
        FAMA_PROTO_MERGE_MALFORMED, /* it does not decode, or something inside does not */
    FAMA_COLLECTION_PACKAGE_NO_MEMORY = FAMA_PROTO_MERGE_NO_MEMORY, /* the arena is exhausted */
};

/* What an arena must have left so that no package of `len` bytes exhausts it. */
#define FAMA_COLLECTION_PACKAGE_ARENA(len) (4096 + 256 * (size_t)(len))

struct fama_collection {
    bool is_static; /* of the only kind there is; else nothing follows */
    struct fama_bytes name;
    bool has_member_policy;          /* member_orgs_policy with a signature policy in it */
    struct fama_bytes member_policy; /* a serialized SignaturePolicyEnvelope */
    int32_t required_peer_count;
    int32_t maximum_peer_count;
    uint64_t block_to_live;
    bool has_endorsement_policy;
    struct fama_bytes endorsement_policy; /* a serialized ApplicationPolicy; may be empty */
};

struct fama_collection_package {
    const struct fama_collection *collections;
    size_t count;
};

int fama_collection_package_decode(struct fama_bytes bytes, struct fama_arena *arena,
                                   struct fama_collection_package *package);

/* The first collection of that name, or NULL. */
const struct fama_collection *
fama_collection_package_find(const struct fama_collection_package *package, struct fama_bytes name);

/* Whether the name is that of an organisation's own collection; *mspid is then the rest of it. */
bool fama_collection_is_implicit(struct fama_bytes name, struct fama_bytes *mspid);

/* The same package as Go marshals it after decoding: defaults left out, fields in their order. For bytes
 * that decode. Policies that nest deeper than FAMA_COLLECTION_NESTING_MAX stay as they were written. */
#define FAMA_COLLECTION_NESTING_MAX 100
int fama_collection_package_normalize(struct fama_bytes bytes, struct fama_arena *arena,
                                      struct fama_bytes *normalized);

#endif
