#include "ledger/config_signatures.h"

#include <stdlib.h>

#include "crypto/signature_job.h"
#include "ledger/envelope.h"
#include "ledger/proto_reader.h"

/* Room for what is verified as one batch. */
struct batch {
    struct fama_verify_job *jobs;
    struct fama_verify_job **pending;
    size_t room;
};

/* The update's own bytes, which each signature covers; counts the signatures. False if the
 * envelope or a signature does not decode. */
static bool read_envelope(struct fama_bytes envelope, struct fama_bytes *update, size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(envelope);
    struct fama_proto_field field;
    *update = fama_bytes(NULL, 0);
    *count = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *update = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            (*count)++;
            if (!fama_proto_is_message(field.value)) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* A reference to the identity that made a signature, or NULL if the channel does not know it. */
static struct fama_identity *find_signer(const struct fama_channel_config *config,
                                         struct fama_bytes creator)
{
    struct fama_serialized_identity serialized;
    struct fama_identity *identity = NULL;
    if (!fama_serialized_identity_decode(creator, &serialized)) {
        return NULL;
    }
    const struct fama_msp *msp = fama_channel_config_msp(config, serialized.mspid);
    return msp != NULL && fama_msp_deserialize(msp, serialized.id_bytes, &identity, NULL) == 0
               ? identity
               : NULL;
}

/* Prepares the job of one common.ConfigSignature. False if its header does not decode. */
static bool prepare(const struct fama_channel_config *config, struct fama_bytes message,
                    struct fama_bytes update, struct batch *batch,
                    struct fama_config_signatures *signatures)
{
    struct fama_envelope signature; /* two fields of bytes, as an envelope has */
    struct fama_signature_header header;
    if (!fama_envelope_decode(message, &signature) ||
        !fama_signature_header_decode(signature.payload, &header)) {
        return false;
    }
    struct fama_identity *identity = find_signer(config, header.creator);
    if (identity != NULL) {
        const struct fama_bytes parts[] = {signature.payload, update};
        fama_identity_prepare_verify(identity, parts, 2, signature.signature,
                                     &batch->jobs[signatures->reference_count]);
        signatures->references[signatures->reference_count++] = identity;
    }
    return true;
}

static int prepare_all(const struct fama_channel_config *config, struct fama_bytes envelope,
                       struct fama_bytes update, struct batch *batch,
                       struct fama_config_signatures *signatures, struct fama_error *error)
{
    struct fama_proto_reader reader = fama_proto_reader(envelope);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 2) &&
            !prepare(config, field.value, update, batch, signatures)) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "a signature of the configuration update does not decode");
        }
    }
    return 0;
}

static bool is_among(const struct fama_config_signatures *signatures,
                     const struct fama_identity *identity)
{
    for (size_t i = 0; i < signatures->count; i++) {
        if (fama_identity_is_same(signatures->identities[i], identity)) {
            return true;
        }
    }
    return false;
}

/* A signature that fails does not stand in the way of a good one by the same identity. */
static bool run(struct batch *batch, struct fama_config_signatures *signatures)
{
    struct fama_verifier *verifier = fama_verifier_create();
    if (verifier == NULL) {
        return false;
    }
    for (size_t i = 0; i < signatures->reference_count; i++) {
        batch->pending[i] = &batch->jobs[i];
    }
    fama_verifier_run(verifier, batch->pending, signatures->reference_count);
    fama_verifier_destroy(verifier);
    for (size_t i = 0; i < signatures->reference_count; i++) {
        const struct fama_identity *identity = signatures->references[i];
        if (batch->jobs[i].verdict == FAMA_VERDICT_GOOD && !is_among(signatures, identity)) {
            signatures->identities[signatures->count++] = identity;
        }
    }
    return true;
}

int fama_config_signatures_verify(const struct fama_channel_config *config,
                                  struct fama_bytes update_envelope,
                                  struct fama_config_signatures *signatures,
                                  struct fama_error *error)
{
    struct fama_bytes update;
    struct batch batch = {0};
    *signatures = (struct fama_config_signatures){0};
    if (!read_envelope(update_envelope, &update, &batch.room)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the configuration update's envelope does not decode");
    }
    batch.jobs = calloc(batch.room + 1, sizeof(*batch.jobs));
    batch.pending = calloc(batch.room + 1, sizeof(*batch.pending));
    signatures->references = calloc(batch.room + 1, sizeof(*signatures->references));
    signatures->identities = calloc(batch.room + 1, sizeof(*signatures->identities));
    int result = 0;
    bool has_memory = batch.jobs != NULL && batch.pending != NULL &&
                      signatures->references != NULL && signatures->identities != NULL;
    if (has_memory) {
        result = prepare_all(config, update_envelope, update, &batch, signatures, error);
        has_memory = result != 0 || run(&batch, signatures);
    }
    free(batch.jobs);
    free(batch.pending);
    return has_memory ? result
                      : fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY,
                                       "no memory for the configuration update's signatures");
}

void fama_config_signatures_clear(struct fama_config_signatures *signatures)
{
    for (size_t i = 0; i < signatures->reference_count; i++) {
        fama_identity_release(signatures->references[i]);
    }
    free(signatures->references);
    free(signatures->identities);
    *signatures = (struct fama_config_signatures){0};
}
