#include "ledger/config_organisations.h"

#include <stdlib.h>

#include "ledger/channel_config.h"
#include "ledger/msp_message.h"
#include "ledger/proto_reader.h"

int fama_config_msps_init(struct fama_config_msps *msps, size_t count, struct fama_error *error)
{
    *msps = (struct fama_config_msps){.room = count};
    msps->at = calloc(count + 1, sizeof(*msps->at));
    return msps->at == NULL ? fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "out of memory")
                            : 0;
}

void fama_config_msps_clear(struct fama_config_msps *msps)
{
    for (size_t i = 0; i < msps->count; i++) {
        fama_msp_release(msps->at[i].msp);
    }
    free(msps->at);
    *msps = (struct fama_config_msps){0};
}

/* What of an MSPConfig proto.Equal compares. */
struct definition {
    uint64_t type;
    struct fama_bytes content;
    bool has_more; /* unknown fields */
};

static struct definition read_definition(struct fama_bytes message)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    struct definition definition = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            definition.type = (uint32_t)field.varint;
        } else if (fama_proto_is_len(&field, 2)) {
            definition.content = field.value;
        } else {
            definition.has_more = true;
        }
    }
    return definition;
}

/* Unknown fields, which nobody writes, must stand in the same places to be equal here. */
static bool is_same_definition(struct fama_bytes left, struct fama_bytes right)
{
    if (fama_bytes_equal(left, right)) {
        return true;
    }
    struct definition a = read_definition(left);
    struct definition b = read_definition(right);
    return a.type == b.type && fama_bytes_equal(a.content, b.content) && !a.has_more && !b.has_more;
}

int fama_config_msps_add(struct fama_config_msps *msps, struct fama_bytes message,
                         enum fama_msp_version version, const struct fama_msp **msp,
                         struct fama_error *error)
{
    for (size_t i = 0; i < msps->count; i++) {
        if (is_same_definition(msps->at[i].message, message)) {
            *msp = msps->at[i].msp;
            return 0;
        }
    }
    struct fama_msp *made = NULL;
    int result = fama_msp_from_message(message, version, &made, error);
    if (result != 0) {
        return result;
    }
    const char *mspid = fama_msp_id(made);
    for (size_t i = 0; result == 0 && i < msps->count; i++) {
        if (strcmp(fama_msp_id(msps->at[i].msp), mspid) == 0) {
            result = fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                    "defines MSP %s differently from another organisation", mspid);
        }
    }
    if (result == 0 && mspid[0] == '\0') {
        result = fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID, "has an MSP without an id");
    }
    if (result == 0 && msps->count == msps->room) {
        result = fama_error_set(error, FAMA_CHANNEL_CONFIG_NO_MEMORY, "no room for its MSP");
    }
    if (result != 0) {
        fama_msp_release(made);
        return result;
    }
    msps->at[msps->count++] = (struct fama_config_msp){.msp = made, .message = message};
    *msp = made;
    return 0;
}

static int compare_msps(const void *left, const void *right)
{
    const struct fama_config_msp *a = left;
    const struct fama_config_msp *b = right;
    return strcmp(fama_msp_id(a->msp), fama_msp_id(b->msp));
}

void fama_config_msps_settle(struct fama_config_msps *msps)
{
    qsort(msps->at, msps->count, sizeof(*msps->at), compare_msps);
}

static int compare_id(const void *key, const void *element)
{
    const struct fama_config_msp *other = element;
    return fama_bytes_compare(*(const struct fama_bytes *)key,
                              fama_bytes_of_text(fama_msp_id(other->msp)));
}

const struct fama_msp *fama_config_msps_find(const struct fama_config_msps *msps,
                                             struct fama_bytes mspid)
{
    const struct fama_config_msp *found =
        msps->count == 0 ? NULL
                         : bsearch(&mspid, msps->at, msps->count, sizeof(*msps->at), compare_id);
    return found == NULL ? NULL : found->msp;
}
