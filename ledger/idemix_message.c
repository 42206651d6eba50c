#include "ledger/idemix_message.h"

#include "crypto/public_key_pem.h"
#include "ledger/channel_config.h"
#include "ledger/proto_reader.h"

/* Of a number on curve FP256BN: a coordinate, or a user's secret. */
#define NUMBER_BYTES    32
#define COORDINATES_MAX 4

/* Lengths of a point's coordinates, by field number less one. What a message says twice is merged. */
struct point {
    size_t lengths[COORDINATES_MAX];
};

static bool read_point(struct fama_bytes message, struct point *point)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (field.type == FAMA_PROTO_LEN && field.number <= COORDINATES_MAX) {
            point->lengths[field.number - 1] = field.value.len;
        }
    }
    return !reader.failed;
}

static bool has_coordinates(const struct point *point, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (point->lengths[i] != NUMBER_BYTES) {
            return false;
        }
    }
    return true;
}

static bool is_lone_point(struct fama_bytes message)
{
    struct point point = {0};
    return read_point(message, &point) && has_coordinates(&point, 2);
}

/* Whether the issuer's key has all its points, and certifies the attributes that Fabric's
 * credentials have, in their order. */
static bool is_issuer_key(struct fama_bytes issuer_key)
{
    static const char *const names[] = {"OU", "Role", "EnrollmentID", "RevocationHandle"};
    enum { NAME = 1, H_SK, H_RAND, H_ATTRIBUTE, W, BAR_G1, BAR_G2 };
    const size_t expected = sizeof(names) / sizeof(names[0]);
    struct point points[BAR_G2 + 1] = {0};
    struct fama_proto_reader reader = fama_proto_reader(issuer_key);
    struct fama_proto_field field;
    size_t name_count = 0;
    size_t attribute_count = 0;
    bool is_sound = true;
    while (is_sound && fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > BAR_G2) {
            continue;
        }
        if (field.number == NAME) {
            is_sound =
                name_count < expected && fama_bytes_equal_text(field.value, names[name_count]);
            name_count++;
        } else if (field.number == H_ATTRIBUTE) {
            is_sound = is_lone_point(field.value);
            attribute_count++;
        } else {
            is_sound = read_point(field.value, &points[field.number]);
        }
    }
    return is_sound && !reader.failed && name_count == expected && attribute_count >= expected &&
           has_coordinates(&points[H_SK], 2) && has_coordinates(&points[H_RAND], 2) &&
           has_coordinates(&points[W], 4) && has_coordinates(&points[BAR_G1], 2) &&
           has_coordinates(&points[BAR_G2], 2);
}

/* What an IdemixMSPConfig says. */
struct definition {
    struct fama_bytes name;
    struct fama_bytes issuer_key;
    struct fama_bytes revocation_key;
    bool has_signer;
    struct fama_bytes credential;
    struct fama_bytes secret;
};

static bool read_signer(struct fama_bytes message, struct definition *definition)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    bool is_sound = true;
    definition->has_signer = true;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            definition->credential = field.value;
        } else if (fama_proto_is_len(&field, 2)) {
            definition->secret = field.value;
        } else if (fama_proto_is_len(&field, 3) || fama_proto_is_len(&field, 5) ||
                   fama_proto_is_len(&field, 7)) {
            is_sound = is_sound && fama_proto_is_utf8(field.value);
        }
    }
    return is_sound && !reader.failed;
}

static bool read_definition(struct fama_bytes message, struct definition *definition)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    bool is_sound = true;
    *definition = (struct definition){0};
    while (is_sound && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            definition->name = field.value;
            is_sound = fama_proto_is_utf8(field.value);
        } else if (fama_proto_is_len(&field, 2)) {
            definition->issuer_key = field.value;
        } else if (fama_proto_is_len(&field, 3)) {
            is_sound = read_signer(field.value, definition);
        } else if (fama_proto_is_len(&field, 4)) {
            definition->revocation_key = field.value;
        } else if (fama_proto_is_len(&field, 6)) { /* the curve's name */
            is_sound = fama_proto_is_utf8(field.value);
        }
    }
    return is_sound && !reader.failed;
}

static int refuse(struct fama_error *error, const char *what)
{
    return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                          "the organisation's Idemix MSP definition %s", what);
}

int fama_idemix_msp_from_message(struct fama_bytes message, enum fama_msp_version version,
                                 struct fama_msp **msp, struct fama_error *error)
{
    struct definition definition;
    if (version < FAMA_MSP_V1_1 || version > FAMA_MSP_V1_4_3) {
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                              "an Idemix MSP, which needs a channel of capability V1_1 to V2_0");
    }
    if (!read_definition(message, &definition)) {
        return refuse(error, "does not decode");
    }
    if (!is_issuer_key(definition.issuer_key)) {
        return refuse(error, "has no issuer key for the attributes of Fabric's credentials");
    }
    switch (fama_public_key_pem_check_ecdsa(definition.revocation_key)) {
    case 0:
        break;
    case FAMA_PUBLIC_KEY_PEM_NO_MEMORY:
        return fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory");
    default:
        return refuse(error, "has no revocation key that is an ECDSA public key in PEM");
    }
    if (definition.has_signer &&
        (definition.secret.len != NUMBER_BYTES || definition.credential.len == 0)) {
        return refuse(error, "has a signer without a secret key or credential");
    }
    switch (fama_msp_create_opaque(definition.name, msp, error)) {
    case 0:
        return 0;
    case FAMA_MSP_NO_MEMORY:
        return FAMA_CHANNEL_CONFIG_NO_MEMORY;
    default:
        return FAMA_CHANNEL_CONFIG_INVALID;
    }
}
