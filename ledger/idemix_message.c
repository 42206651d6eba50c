#include "ledger/idemix_message.h"

#include "ledger/channel_config.h"
#include "ledger/proto_reader.h"

/* Whether the issuer's key certifies the attributes that Fabric's credentials have, in their order. */
static bool has_usual_attributes(struct fama_bytes issuer_key)
{
    static const char *const names[] = {"OU", "Role", "EnrollmentID", "RevocationHandle"};
    const size_t expected = sizeof(names) / sizeof(names[0]);
    struct fama_proto_reader reader = fama_proto_reader(issuer_key);
    struct fama_proto_field field;
    size_t count = 0;
    while (fama_proto_next(&reader, &field)) {
        if (!fama_proto_is_len(&field, 1)) {
            continue;
        }
        if (count == expected || !fama_bytes_equal(field.value, fama_bytes_of_text(names[count]))) {
            return false;
        }
        count++;
    }
    return !reader.failed && count == expected;
}

int fama_idemix_msp_from_message(struct fama_bytes definition, enum fama_msp_version version,
                                 struct fama_msp **msp, struct fama_error *error)
{
    struct fama_proto_reader reader = fama_proto_reader(definition);
    struct fama_proto_field field;
    struct fama_bytes name = {0};
    struct fama_bytes issuer_key = {0};
    struct fama_bytes revocation_key = {0};
    bool is_sound = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            name = field.value;
            is_sound = is_sound && fama_proto_is_utf8(name);
        } else if (fama_proto_is_len(&field, 2)) {
            issuer_key = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            is_sound = is_sound && fama_proto_is_message(field.value);
        } else if (fama_proto_is_len(&field, 4)) {
            revocation_key = field.value;
        }
    }
    if (version < FAMA_MSP_V1_1 || version > FAMA_MSP_V1_4_3) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "an Idemix MSP, which needs a channel of capability V1_1 to V2_0");
    }
    if (reader.failed || !is_sound || revocation_key.len == 0 ||
        !has_usual_attributes(issuer_key)) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "the organisation's Idemix MSP definition does not decode, or lacks "
                              "a key");
    }
    switch (fama_msp_create_opaque(name, msp, error)) {
    case 0:
        return 0;
    case FAMA_MSP_NO_MEMORY:
        return FAMA_CHANNEL_CONFIG_NO_MEMORY;
    default:
        return FAMA_CHANNEL_CONFIG_INVALID;
    }
}
