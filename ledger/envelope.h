/* The outer layers of a transaction, as views into its bytes: envelope, payload, channel header and
 * signature header, decoded as Go's protobuf runtime decodes them (last scalar wins, repeated
 * sub-messages merge, strings are UTF-8).
 *
 * Source: Fabric protoutil/commonutils.go. Adversary: clients, and whoever relays blocks. Nothing
 * is allocated; views live as long as the bytes. Stateless; any thread. */
#ifndef FAMA_LEDGER_ENVELOPE_H
#define FAMA_LEDGER_ENVELOPE_H

#include "crypto/bytes.h"

#define FAMA_HEADER_TYPE_CONFIG              1 /* numbers of common.HeaderType */
#define FAMA_HEADER_TYPE_ORDERER_TRANSACTION 4

struct fama_envelope {
    struct fama_bytes payload;
    struct fama_bytes signature;
};

struct fama_channel_header {
    int32_t type;
    struct fama_bytes channel_id;
    struct fama_bytes tx_id;
    uint64_t epoch;
    struct fama_bytes extension; /* of an endorser transaction: ChaincodeHeaderExtension */
};

struct fama_payload {
    struct fama_bytes channel_header; /* still encoded */
    struct fama_bytes signature_header;
    struct fama_bytes data;
    bool has_header;
};

struct fama_signature_header {
    struct fama_bytes creator; /* a serialized msp.SerializedIdentity */
    struct fama_bytes nonce;
};

struct fama_serialized_identity {
    struct fama_bytes mspid;
    struct fama_bytes id_bytes;
};

/* Each returns whether the bytes decode. */
bool fama_envelope_decode(struct fama_bytes bytes, struct fama_envelope *envelope);
bool fama_payload_decode(struct fama_bytes bytes, struct fama_payload *payload);
bool fama_channel_header_decode(struct fama_bytes bytes, struct fama_channel_header *header);
bool fama_signature_header_decode(struct fama_bytes bytes, struct fama_signature_header *header);
bool fama_serialized_identity_decode(struct fama_bytes bytes,
                                     struct fama_serialized_identity *identity);

/* The channel header of a whole envelope; false if any layer on the way is damaged or missing. */
bool fama_envelope_channel_header(struct fama_bytes bytes, struct fama_channel_header *header);

/* Whether the bytes decode as an envelope with a payload and a signature, and re-marshalling what
 * was decoded gives the same bytes: payload, signature, then fields unknown to Fabric
 * (CVE-2023-46132). */
bool fama_envelope_is_canonical(struct fama_bytes bytes);

#endif
