#include "ledger/config_values.h"

#include "ledger/channel_config.h"
#include "ledger/proto_reader.h"

/* --- Shapes: what must hold for a message to decode --- */

/* Of a message's fields only texts and messages can fail to decode. */
struct shape {
    uint32_t texts;    /* bit n: field n is a string */
    uint32_t messages; /* bit n: field n is a message of shape `inner` */
    const struct shape *inner;
};

#define FIELD(number) (UINT32_C(1) << (number))

static const struct shape plain = {0};
static const struct shape text_first = {.texts = FIELD(1)};
static const struct shape map_of_plain_entry = {
    .texts = FIELD(1), .messages = FIELD(2), .inner = &plain};
static const struct shape map_of_plain = {.messages = FIELD(1), .inner = &map_of_plain_entry};
static const struct shape map_of_text_entry = {
    .texts = FIELD(1), .messages = FIELD(2), .inner = &text_first};
static const struct shape acls = {.messages = FIELD(1), .inner = &map_of_text_entry};
static const struct shape anchor_peers = {.messages = FIELD(1), .inner = &text_first};
static const struct shape consenter = {.texts = FIELD(2) | FIELD(4)};
static const struct shape orderers = {.messages = FIELD(1), .inner = &consenter};

static bool fits(struct fama_bytes message, const struct shape *shape)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number >= 32) {
            continue;
        }
        if (((shape->texts & FIELD(field.number)) != 0 && !fama_proto_is_utf8(field.value)) ||
            ((shape->messages & FIELD(field.number)) != 0 && !fits(field.value, shape->inner))) {
            return false;
        }
    }
    return !reader.failed;
}

/* --- Which value may stand where --- */

struct value_rule {
    const char *name;
    const struct shape *shape;
};

#define VALUES_MAX 9

/* As 3.1 has it: 2.5 knows no "Orderers" and refuses a configuration with it. */
static const struct value_rule rules[][VALUES_MAX] = {
    [FAMA_CONFIG_CHANNEL] = {{"HashingAlgorithm", &text_first},
                             {"BlockDataHashingStructure", &plain},
                             {"OrdererAddresses", &text_first},
                             {"Orderers", &orderers},
                             {"Consortium", &text_first},
                             {"Capabilities", &map_of_plain}},
    [FAMA_CONFIG_ORDERER] = {{"ConsensusType", &text_first},
                             {"BatchSize", &plain},
                             {"BatchTimeout", &text_first},
                             {"KafkaBrokers", &text_first},
                             {"ChannelRestrictions", &plain},
                             {"Orderers", &orderers},
                             {"Capabilities", &map_of_plain}},
    [FAMA_CONFIG_ORDERER_ORG] = {{"MSP", &plain}, {"Endpoints", &text_first}},
    [FAMA_CONFIG_APPLICATION] = {{"ACLs", &acls}, {"Capabilities", &map_of_plain}},
    [FAMA_CONFIG_APPLICATION_ORG] = {{"MSP", &plain}, {"AnchorPeers", &anchor_peers}},
    [FAMA_CONFIG_CONSORTIUM] = {{"ChannelCreationPolicy", &plain}},
    [FAMA_CONFIG_CONSORTIUM_ORG] = {{"MSP", &plain}},
};

static const struct value_rule *find_rule(enum fama_config_group_kind kind, struct fama_bytes name)
{
    for (size_t i = 0; i < VALUES_MAX && rules[kind][i].name != NULL; i++) {
        if (fama_bytes_equal(fama_bytes_of_text(rules[kind][i].name), name)) {
            return &rules[kind][i];
        }
    }
    return NULL;
}

int fama_config_values_check(const struct fama_config_element *group,
                             enum fama_config_group_kind kind, const char *where,
                             struct fama_error *error)
{
    const struct fama_config_list *values = &group->children[FAMA_CONFIG_VALUE];
    for (size_t i = 0; i < values->count; i++) {
        struct fama_bytes name = values->at[i].name;
        int shown = name.len > 64 ? 64 : (int)name.len;
        const struct value_rule *rule = find_rule(kind, name);
        if (rule == NULL) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "group %s has a value \"%.*s\" that does not belong there", where,
                                  shown, name.at);
        }
        if (!fits(values->at[i].value, rule->shape)) {
            return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                  "value \"%.*s\" of group %s does not decode", shown, name.at,
                                  where);
        }
    }
    return 0;
}

/* --- What values say --- */

static size_t count_first(struct fama_bytes value)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    size_t count = 0;
    while (fama_proto_next(&reader, &field)) {
        count += fama_proto_is_len(&field, 1);
    }
    return count;
}

int fama_config_read_addresses(struct fama_bytes value, struct fama_arena *arena,
                               struct fama_config_texts *addresses)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    size_t count = count_first(value);
    struct fama_bytes *list = fama_arena_take(arena, (count + 1) * sizeof(*list));
    if (list == NULL) {
        return FAMA_CHANNEL_CONFIG_NO_MEMORY;
    }
    *addresses = (struct fama_config_texts){.at = list, .count = count};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *list++ = field.value;
        }
    }
    return 0;
}

static struct fama_anchor_peer read_anchor_peer(struct fama_bytes message)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    struct fama_anchor_peer peer = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            peer.host = field.value;
        } else if (fama_proto_is_varint(&field, 2)) {
            peer.port = (int32_t)(uint32_t)field.varint;
        }
    }
    return peer;
}

int fama_config_read_anchor_peers(struct fama_bytes value, struct fama_arena *arena,
                                  const struct fama_anchor_peer **peers, size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    *count = count_first(value);
    struct fama_anchor_peer *list = fama_arena_take(arena, (*count + 1) * sizeof(*list));
    *peers = list;
    while (list != NULL && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *list++ = read_anchor_peer(field.value);
        }
    }
    return *peers == NULL ? FAMA_CHANNEL_CONFIG_NO_MEMORY : 0;
}

static struct fama_consenter read_consenter(struct fama_bytes message)
{
    struct fama_proto_reader reader = fama_proto_reader(message);
    struct fama_proto_field field;
    struct fama_consenter made = {0};
    struct fama_bytes *const views[] = {NULL,
                                        NULL,
                                        &made.host,
                                        NULL,
                                        &made.mspid,
                                        &made.identity,
                                        &made.client_tls_cert,
                                        &made.server_tls_cert};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, 1)) {
            made.id = (uint32_t)field.varint;
        } else if (fama_proto_is_varint(&field, 3)) {
            made.port = (uint32_t)field.varint;
        } else if (field.type == FAMA_PROTO_LEN &&
                   field.number < sizeof(views) / sizeof(views[0]) && views[field.number] != NULL) {
            *views[field.number] = field.value;
        }
    }
    return made;
}

int fama_config_read_consenters(struct fama_bytes value, struct fama_arena *arena,
                                const struct fama_consenter **consenters, size_t *count)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    *count = count_first(value);
    struct fama_consenter *list = fama_arena_take(arena, (*count + 1) * sizeof(*list));
    *consenters = list;
    while (list != NULL && fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            *list++ = read_consenter(field.value);
        }
    }
    return *consenters == NULL ? FAMA_CHANNEL_CONFIG_NO_MEMORY : 0;
}

struct fama_bytes fama_config_read_text(struct fama_bytes value)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    struct fama_bytes text = {0};
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_len(&field, 1)) {
            text = field.value;
        }
    }
    return text;
}

uint32_t fama_config_read_number(struct fama_bytes value, uint32_t number)
{
    struct fama_proto_reader reader = fama_proto_reader(value);
    struct fama_proto_field field;
    uint32_t found = 0;
    while (fama_proto_next(&reader, &field)) {
        if (fama_proto_is_varint(&field, number)) {
            found = (uint32_t)field.varint;
        }
    }
    return found;
}

/* --- Durations --- */

static bool take_digits(struct fama_bytes *text, uint64_t *number)
{
    const uint64_t limit = UINT64_C(1) << 63;
    *number = 0;
    while (text->len > 0 && text->at[0] >= '0' && text->at[0] <= '9') {
        if (*number > limit / 10) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text->at[0] - '0');
        if (*number > limit) {
            return false;
        }
        *text = fama_bytes(text->at + 1, text->len - 1);
    }
    return true;
}

/* Digits after a point: those beyond what fits are dropped, as Go does. */
static uint64_t take_fraction(struct fama_bytes *text, double *scale)
{
    uint64_t number = 0;
    bool is_full = false;
    *scale = 1;
    for (; text->len > 0 && text->at[0] >= '0' && text->at[0] <= '9';
         *text = fama_bytes(text->at + 1, text->len - 1)) {
        uint64_t digit = (uint64_t)(text->at[0] - '0');
        is_full =
            is_full || number > (uint64_t)INT64_MAX / 10 || number * 10 + digit > UINT64_C(1) << 63;
        if (!is_full) {
            number = number * 10 + digit;
            *scale *= 10;
        }
    }
    return number;
}

static uint64_t take_unit(struct fama_bytes *text)
{
    static const struct {
        const char *name;
        uint64_t nanoseconds;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"\xc2\xb5s", 1000}, /* micro sign */
                 {"\xce\xbcs", 1000}, /* Greek mu */
                 {"ms", 1000 * 1000},
                 {"s", UINT64_C(1000000000)},
                 {"m", 60 * UINT64_C(1000000000)},
                 {"h", 3600 * UINT64_C(1000000000)}};
    size_t len = 0;
    while (len < text->len && text->at[len] != '.' &&
           (text->at[len] < '0' || text->at[len] > '9')) {
        len++;
    }
    struct fama_bytes name = fama_bytes(text->at, len);
    *text = fama_bytes(text->at + len, text->len - len);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (fama_bytes_equal(fama_bytes_of_text(units[i].name), name)) {
            return units[i].nanoseconds;
        }
    }
    return 0;
}

/* Takes one "1.5h" and adds it. */
static bool take_term(struct fama_bytes *text, uint64_t *sum)
{
    const uint64_t limit = UINT64_C(1) << 63;
    uint64_t number;
    uint64_t fraction = 0;
    double scale = 1;
    size_t before = text->len;
    if (!take_digits(text, &number)) {
        return false;
    }
    bool has_digits = text->len < before;
    if (text->len > 0 && text->at[0] == '.') {
        *text = fama_bytes(text->at + 1, text->len - 1);
        before = text->len;
        fraction = take_fraction(text, &scale);
        has_digits = has_digits || text->len < before;
    }
    uint64_t unit = has_digits ? take_unit(text) : 0;
    if (unit == 0 || number > limit / unit) {
        return false;
    }
    number *= unit;
    if (fraction > 0) {
        number += (uint64_t)((double)fraction * ((double)unit / scale));
    }
    *sum += number;
    return number <= limit && *sum <= limit;
}

bool fama_config_read_duration(struct fama_bytes text, int64_t *nanoseconds)
{
    uint64_t sum = 0;
    if (text.len > 0 && text.at[0] == '+') { /* a minus leads to nothing positive */
        text = fama_bytes(text.at + 1, text.len - 1);
    }
    while (text.len > 0) {
        if (!take_term(&text, &sum)) {
            return false;
        }
    }
    *nanoseconds = (int64_t)sum;
    return sum > 0 && sum <= INT64_MAX;
}
