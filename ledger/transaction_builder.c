#include "ledger/transaction_builder.h"

#include <sys/random.h>

#include "ledger/pack.h"
#include "ledger/proto/common.pb-c.h"
#include "ledger/proto/msp.pb-c.h"
#include "ledger/proto/peer.pb-c.h"

#define NONCE_BYTES 24
#define STATUS_OK   200

struct fama_bytes fama_transaction_creator(const struct fama_signer *signer,
                                           struct fama_arena *arena)
{
    const struct fama_identity *identity = fama_signer_identity(signer);
    Msp__SerializedIdentity serialized = MSP__SERIALIZED_IDENTITY__INIT;
    serialized.mspid = fama_pack_text(fama_identity_mspid(identity));
    serialized.id_bytes = fama_pack_binary(fama_identity_id_bytes(identity));
    return fama_pack(arena, &serialized.base);
}

struct fama_bytes fama_transaction_nonce(struct fama_arena *arena)
{
    uint8_t *nonce = fama_arena_take(arena, NONCE_BYTES);
    if (nonce == NULL || getentropy(nonce, NONCE_BYTES) != 0) {
        return fama_bytes(NULL, 0);
    }
    return fama_bytes(nonce, NONCE_BYTES);
}

struct fama_bytes fama_transaction_sign(const struct fama_signer *signer,
                                        const struct fama_bytes *parts, size_t count,
                                        struct fama_arena *arena)
{
    uint8_t digest[FAMA_SHA256_BYTES];
    struct fama_signature signature;
    uint8_t *der = fama_arena_take(arena, FAMA_SIGNATURE_DER_MAX);
    fama_sha256_parts(parts, count, digest);
    if (der == NULL || fama_signer_sign_digest(signer, digest, &signature) != 0) {
        return fama_bytes(NULL, 0);
    }
    return fama_bytes(der, fama_signature_to_der(&signature, der));
}

/* A serialized ChaincodeProposalPayload; its transient map is empty, as in every transaction. */
static struct fama_bytes proposal_payload(const struct fama_transaction_draft *draft,
                                          struct fama_arena *arena)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    ProtobufCBinaryData *args = fama_arena_take(arena, (draft->arg_count + 1) * sizeof(*args));
    for (size_t i = 0; args != NULL && i < draft->arg_count; i++) {
        args[i] = fama_pack_binary(draft->args[i]);
    }
    input.n_args = args == NULL ? 0 : draft->arg_count;
    input.args = args;
    id.name = fama_pack_text(draft->chaincode);
    spec.type = PROTOS__CHAINCODE_SPEC__TYPE__GOLANG;
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    payload.input = fama_pack_binary(fama_pack(arena, &invocation.base));
    return fama_pack(arena, &payload.base);
}

/* A serialized ProposalResponsePayload: what endorsers sign. */
static struct fama_bytes proposal_response(const struct fama_transaction_draft *draft,
                                           const uint8_t proposal_hash[FAMA_SHA256_BYTES],
                                           struct fama_arena *arena)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    Protos__ChaincodeAction action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ProposalResponsePayload payload = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    id.name = fama_pack_text(draft->chaincode);
    id.version = fama_pack_text(draft->chaincode_version);
    response.status = STATUS_OK;
    response.payload = fama_pack_binary(draft->response);
    action.results = fama_pack_binary(draft->results);
    action.events = fama_pack_binary(draft->events);
    action.response = &response;
    action.chaincode_id = &id;
    payload.proposal_hash = fama_pack_binary(fama_bytes(proposal_hash, FAMA_SHA256_BYTES));
    payload.extension =
        fama_pack_binary(draft->action.len > 0 ? draft->action : fama_pack(arena, &action.base));
    return fama_pack(arena, &payload.base);
}

/* A serialized ChaincodeActionPayload with one endorsement per endorser; empty if one cannot sign.
 */
static struct fama_bytes endorsed_action(struct fama_bytes proposal, struct fama_bytes response,
                                         const struct fama_signer *const *endorsers, size_t count,
                                         struct fama_arena *arena)
{
    Protos__ChaincodeEndorsedAction action = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__Endorsement **list = fama_arena_take(arena, (count + 1) * sizeof(*list));
    for (size_t i = 0; list != NULL && i < count; i++) {
        Protos__Endorsement *endorsement = fama_arena_take(arena, sizeof(*endorsement));
        struct fama_bytes endorser = fama_transaction_creator(endorsers[i], arena);
        const struct fama_bytes parts[] = {response, endorser};
        struct fama_bytes signature = fama_transaction_sign(endorsers[i], parts, 2, arena);
        if (endorsement == NULL || signature.len == 0) {
            return fama_bytes(NULL, 0);
        }
        protos__endorsement__init(endorsement);
        endorsement->endorser = fama_pack_binary(endorser);
        endorsement->signature = fama_pack_binary(signature);
        list[i] = endorsement;
    }
    if (list == NULL) {
        return fama_bytes(NULL, 0);
    }
    action.proposal_response_payload = fama_pack_binary(response);
    action.n_endorsements = count;
    action.endorsements = list;
    payload.chaincode_proposal_payload = fama_pack_binary(proposal);
    payload.action = &action;
    return fama_pack(arena, &payload.base);
}

static struct fama_bytes transaction(struct fama_bytes signature_header,
                                     struct fama_bytes action_payload, struct fama_arena *arena)
{
    Protos__TransactionAction action = PROTOS__TRANSACTION_ACTION__INIT;
    Protos__TransactionAction *actions[] = {&action};
    Protos__Transaction message = PROTOS__TRANSACTION__INIT;
    action.header = fama_pack_binary(signature_header);
    action.payload = fama_pack_binary(action_payload);
    message.n_actions = 1;
    message.actions = actions;
    return fama_pack(arena, &message.base);
}

static struct fama_bytes header_extension(const struct fama_transaction_draft *draft,
                                          struct fama_arena *arena)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    if (draft->header_extension.len > 0) {
        return draft->header_extension;
    }
    id.name = fama_pack_text(draft->chaincode);
    extension.chaincode_id = &id;
    return fama_pack(arena, &extension.base);
}

int fama_transaction_build(const struct fama_transaction_draft *draft,
                           const struct fama_signer *client,
                           const struct fama_signer *const *endorsers, size_t endorser_count,
                           struct fama_arena *arena, struct fama_bytes *envelope,
                           struct fama_error *error)
{
    uint8_t hash[FAMA_SHA256_BYTES];
    char txid[FAMA_SHA256_TEXT_BYTES];
    struct fama_bytes creator = fama_transaction_creator(client, arena);
    struct fama_bytes nonce = fama_transaction_nonce(arena);
    const struct fama_bytes txid_parts[] = {nonce, creator};
    fama_sha256_parts(txid_parts, 2, hash);
    fama_sha256_text(hash, txid);
    struct fama_pack_headers headers = {
        .type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION,
        .seconds = draft->seconds,
        .channel_id = draft->channel_id,
        .txid = draft->txid != NULL ? draft->txid : txid,
        .extension = header_extension(draft, arena),
        .creator = creator,
        .nonce = nonce,
    };
    struct fama_bytes signature_header = fama_pack_signature_header(arena, creator, nonce);
    struct fama_bytes proposal = proposal_payload(draft, arena);
    const struct fama_bytes proposal_parts[] = {fama_pack_channel_header(arena, &headers),
                                                signature_header, proposal};
    fama_sha256_parts(proposal_parts, 3, hash);
    struct fama_bytes response = proposal_response(draft, hash, arena);
    struct fama_bytes action =
        endorsed_action(proposal, response, endorsers, endorser_count, arena);
    struct fama_bytes payload =
        fama_pack_payload(arena, &headers, transaction(signature_header, action, arena));
    struct fama_bytes signature = fama_transaction_sign(client, &payload, 1, arena);
    Common__Envelope message = COMMON__ENVELOPE__INIT;
    message.payload = fama_pack_binary(payload);
    message.signature = fama_pack_binary(signature);
    *envelope = fama_pack(arena, &message.base);
    if (nonce.len == 0 || action.len == 0 || signature.len == 0 || arena->is_exhausted) {
        return fama_error_set(error, FAMA_CHAIN_BUILDER_FAILED,
                              "cannot build a transaction of chaincode %s: out of memory or a "
                              "signature failed",
                              draft->chaincode);
    }
    return 0;
}
