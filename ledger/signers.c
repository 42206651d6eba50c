#include "ledger/validator_parts.h"

#include <stdlib.h>

#include "ledger/envelope.h"

/* Up to here a look at all who signed before is cheaper than a table. */
#define FEW_SIGNERS 32

/* 1 if the identity signed before, 0 if not, or an error. */
static int is_known(struct fama_judgement *judgement, const struct fama_identity *identity,
                    size_t count)
{
    struct fama_validator *validator = judgement->validator;
    if (judgement->transaction->decoded.endorsement_count <= FEW_SIGNERS) {
        for (size_t i = 0; i < count; i++) {
            if (fama_identity_is_same(validator->identities[i], identity)) {
                return 1;
            }
        }
        return 0;
    }
    const struct fama_key key = {{fama_bytes_of_text(fama_identity_mspid(identity)),
                                  fama_bytes_of_text(fama_identity_id(identity))}};
    enum fama_key_set_result result = fama_key_set_add(&validator->seen, &key);
    return result == FAMA_KEY_SET_NO_MEMORY ? fama_judgement_no_memory(judgement->error) : result;
}

static int make_room(struct fama_judgement *judgement)
{
    struct fama_validator *validator = judgement->validator;
    size_t needed = judgement->transaction->decoded.endorsement_count;
    if (needed <= validator->identity_capacity) {
        return 0;
    }
    const struct fama_identity **larger =
        realloc(validator->identities, needed * sizeof(validator->identities[0]));
    if (larger == NULL) {
        return fama_judgement_no_memory(judgement->error);
    }
    validator->identities = larger;
    validator->identity_capacity = needed;
    return 0;
}

/* Adds the signer of one endorsement if the signature is good and the signer new. */
static int add_signer(struct fama_judgement *judgement, size_t index, size_t *count)
{
    const struct fama_prepared_signature *signature = &judgement->transaction->endorsements[index];
    if (signature->identity == NULL || !fama_prepared_signature_is_good(signature)) {
        return 0;
    }
    int known = is_known(judgement, signature->identity, *count);
    if (known == 0) {
        judgement->validator->identities[(*count)++] = signature->identity;
    }
    return known < 0 ? known : 0;
}

static void settle(struct fama_judgement *judgement, size_t count)
{
    judgement->signers =
        (struct fama_signers){.identities = judgement->validator->identities, .count = count};
    judgement->has_signers = true;
}

int fama_signers_gather(struct fama_judgement *judgement)
{
    size_t count = 0;
    if (judgement->has_signers) {
        return 0;
    }
    int result = make_room(judgement);
    fama_key_set_clear(&judgement->validator->seen);
    for (size_t i = 0; result == 0 && i < judgement->transaction->decoded.endorsement_count; i++) {
        result = add_signer(judgement, i, &count);
    }
    settle(judgement, count);
    return result;
}

/* MSP id and certificate, one after the other: that is how 1.x tells serialized identities apart. */
static struct fama_bytes identity_text(const struct fama_serialized_identity *identity, uint8_t *at)
{
    if (identity->mspid.len > 0) {
        memcpy(at, identity->mspid.at, identity->mspid.len);
    }
    if (identity->id_bytes.len > 0) {
        memcpy(at + identity->mspid.len, identity->id_bytes.at, identity->id_bytes.len);
    }
    return fama_bytes(at, identity->mspid.len + identity->id_bytes.len);
}

/* Which endorsements are the first by their serialized identity. */
static int find_first(struct fama_judgement *judgement, uint8_t *text, bool *is_first,
                      bool *are_readable)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    struct fama_key_set *seen = &judgement->validator->seen;
    fama_key_set_clear(seen);
    for (size_t i = 0; i < decoded->endorsement_count; i++) {
        struct fama_serialized_identity identity;
        if (!fama_serialized_identity_decode(decoded->endorsements[i].endorser, &identity)) {
            *are_readable = false;
            return 0;
        }
        const struct fama_key key = {{identity_text(&identity, text)}};
        enum fama_key_set_result added = fama_key_set_add(seen, &key);
        if (added == FAMA_KEY_SET_NO_MEMORY) {
            return fama_judgement_no_memory(judgement->error);
        }
        is_first[i] = added == FAMA_KEY_SET_ADDED;
        text += key.parts[0].len;
    }
    return 0;
}

static int gather_first(struct fama_judgement *judgement, const bool *is_first)
{
    size_t count = 0;
    int result = make_room(judgement);
    fama_key_set_clear(&judgement->validator->seen);
    for (size_t i = 0; result == 0 && i < judgement->transaction->decoded.endorsement_count; i++) {
        result = is_first[i] ? add_signer(judgement, i, &count) : 0;
    }
    settle(judgement, count);
    return result;
}

int fama_signers_gather_v12(struct fama_judgement *judgement, bool *are_readable)
{
    const struct fama_transaction *decoded = &judgement->transaction->decoded;
    size_t text_len = 0;
    *are_readable = true;
    if (judgement->has_signers) {
        return 0;
    }
    for (size_t i = 0; i < decoded->endorsement_count; i++) {
        text_len += decoded->endorsements[i].endorser.len;
    }
    bool *is_first = malloc(decoded->endorsement_count * sizeof(*is_first) + text_len + 1);
    if (is_first == NULL) {
        return fama_judgement_no_memory(judgement->error);
    }
    uint8_t *text = (uint8_t *)(is_first + decoded->endorsement_count);
    int result = find_first(judgement, text, is_first, are_readable);
    if (result == 0 && *are_readable) {
        result = gather_first(judgement, is_first);
    }
    free(is_first);
    return result;
}
