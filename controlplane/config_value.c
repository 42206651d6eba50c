#include "controlplane/config_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX    ((uint64_t)INT64_MAX)
#define HOST_MAX        253
#define IPV6_PREFIX_MAX 127 /* RFC 6164 */

bool fama_digits_parse(const char *text, uint64_t *number)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}

bool fama_number_parse(const char *text, uint64_t *number)
{
    char digits[24];
    size_t len = strlen(text);
    unsigned int shift = 0;
    if (len == 0 || len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, len + 1);
    switch (digits[len - 1]) {
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    default:
        break;
    }
    if (shift > 0) {
        digits[len - 1] = '\0';
    }
    uint64_t value;
    if (!fama_digits_parse(digits, &value) || value > UINT64_MAX >> shift) {
        return false;
    }
    *number = value << shift;
    return true;
}

struct unit {
    const char *name;
    uint64_t ns;
};

/* Longer names before those they begin with. Both spellings of micro that Go takes. */
static const struct unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static const struct unit *unit_at(const char *text)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strncmp(text, units[i].name, strlen(units[i].name)) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

/* One "12.5s" of a duration. Digits of the fraction beyond eighteen are below a nanosecond of any unit
 * and are passed over. */
static bool duration_part(const char **at, uint64_t *ns)
{
    const char *text = *at;
    uint64_t whole = 0;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    bool has_digits = false;
    for (; *text >= '0' && *text <= '9'; text++) {
        has_digits = true;
        if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole)) {
            return false;
        }
    }
    if (*text == '.') {
        text++;
        for (; *text >= '0' && *text <= '9'; text++) {
            has_digits = true;
            if (scale < UINT64_C(1000000000000000000)) {
                fraction = fraction * 10 + (uint64_t)(*text - '0');
                scale *= 10;
            }
        }
    }
    const struct unit *unit = unit_at(text);
    uint64_t part;
    if (!has_digits || unit == NULL || __builtin_mul_overflow(whole, unit->ns, &part)) {
        return false;
    }
    uint64_t rest = (uint64_t)((double)fraction * ((double)unit->ns / (double)scale));
    *at = text + strlen(unit->name);
    return !__builtin_add_overflow(part, rest, ns);
}

bool fama_duration_parse(const char *text, uint64_t *nanoseconds)
{
    uint64_t sum = 0;
    if (*text == '+') {
        text++;
    }
    if (strcmp(text, "0") == 0) {
        *nanoseconds = 0;
        return true;
    }
    if (*text == '\0') {
        return false;
    }
    while (*text != '\0') {
        uint64_t part;
        if (!duration_part(&text, &part) || __builtin_add_overflow(sum, part, &sum) ||
            sum > DURATION_MAX) {
            return false;
        }
    }
    *nanoseconds = sum;
    return true;
}

void fama_duration_format(uint64_t nanoseconds, char text[FAMA_DURATION_TEXT_BYTES])
{
    static const struct unit down[] = {{"h", UINT64_C(3600000000000)},
                                       {"m", UINT64_C(60000000000)},
                                       {"s", 1000000000},
                                       {"ms", 1000000},
                                       {"us", 1000},
                                       {"ns", 1}};
    size_t i = 0;
    while (nanoseconds % down[i].ns != 0) {
        i++;
    }
    if (nanoseconds == 0) {
        i = 2;
    }
    (void)snprintf(text, FAMA_DURATION_TEXT_BYTES, "%" PRIu64 "%s", nanoseconds / down[i].ns,
                   down[i].name);
}

bool fama_cidr_parse(const char *text, uint8_t address[FAMA_ADDRESS_BYTES], uint8_t *prefix_bits)
{
    char host[FAMA_ADDRESS_TEXT_BYTES];
    uint64_t bits;
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof host) {
        return false;
    }
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    if (!fama_address_parse(host, address) || !fama_digits_parse(slash + 1, &bits) ||
        bits > (fama_address_is_ipv4(address) ? 32 : 128)) {
        return false;
    }
    *prefix_bits = (uint8_t)bits;
    return true;
}

static bool resolve(const char *host, int family, uint8_t address[FAMA_ADDRESS_BYTES])
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    bool is_found = false;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return false;
    }
    for (const struct addrinfo *i = found; i != NULL && !is_found; i = i->ai_next) {
        char text[FAMA_ADDRESS_TEXT_BYTES];
        is_found = getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0,
                               NI_NUMERICHOST) == 0 &&
                   fama_address_parse(text, address);
    }
    freeaddrinfo(found);
    return is_found;
}

/* Cuts "host:port" or "[address]:port"; false if it is neither. */
static bool endpoint_split(const char *text, char host[HOST_MAX + 1], uint64_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    bool is_bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (is_bracketed) {
        text++;
        len -= 2;
    }
    if (len == 0 || len > HOST_MAX || (memchr(text, ':', len) != NULL) != is_bracketed ||
        !fama_digits_parse(colon + 1, port) || *port == 0 || *port > UINT16_MAX) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    return true;
}

int fama_endpoint_parse(const char *text, struct fama_endpoint *endpoint, struct fama_error *error)
{
    char host[HOST_MAX + 1];
    uint64_t port;
    struct fama_endpoint parsed = {0};
    if (!endpoint_split(text, host, &port)) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "is \"%.100s\", no endpoint: write host:port, like 198.18.0.11:7051, "
                              "and an IPv6 address in brackets, like [2001:db8::11]:7051",
                              text);
    }
    /* A resolver makes an IPv4 address of a mapped one, which would be a second spelling. */
    bool is_name = strchr(host, ':') == NULL;
    if (!fama_address_parse(host, parsed.address) &&
        !(is_name &&
          (resolve(host, AF_INET, parsed.address) || resolve(host, AF_INET6, parsed.address)))) {
        return fama_error_set(
            error, FAMA_CONFIG_INVALID,
            "is \"%.100s\", whose host has no address here: write the address, or "
            "make the name resolve",
            text);
    }
    if (!fama_address_is_one_host(parsed.address)) {
        return fama_error_set(
            error, FAMA_CONFIG_INVALID,
            "is \"%.100s\", not the address of one host: write the address others "
            "reach it at",
            text);
    }
    parsed.port = (uint16_t)port;
    *endpoint = parsed;
    return 0;
}

static bool bool_parse(const char *text, bool *value)
{
    static const char *const yes[] = {"true", "t", "1"};
    static const char *const no[] = {"false", "f", "0"};
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* Where among the words separated by blanks; -1 if not. */
static int choice_of(const char *choices, const char *text)
{
    size_t len = strlen(text);
    int index = 0;
    while (*choices != '\0') {
        size_t word = strcspn(choices, " ");
        if (word == len && strncasecmp(choices, text, len) == 0) {
            return index;
        }
        choices += word;
        choices += strspn(choices, " ");
        index++;
    }
    return -1;
}

static void store_number(void *field, size_t size, uint64_t number)
{
    uint8_t narrow = (uint8_t)number;
    uint16_t half = (uint16_t)number;
    uint32_t word = (uint32_t)number;
    switch (size) {
    case sizeof narrow:
        memcpy(field, &narrow, sizeof narrow);
        break;
    case sizeof half:
        memcpy(field, &half, sizeof half);
        break;
    case sizeof word:
        memcpy(field, &word, sizeof word);
        break;
    default:
        memcpy(field, &number, sizeof number);
        break;
    }
}

static void describe_bound(const struct fama_config_key *key, uint64_t bound, char text[64])
{
    char duration[FAMA_DURATION_TEXT_BYTES];
    if (key->type == FAMA_KEY_DURATION) {
        fama_duration_format(bound, duration);
        (void)snprintf(text, 64, "%s", duration);
    } else if (key->type == FAMA_KEY_BYTES) {
        static const char *const suffixes[] = {"", "K", "M", "G"};
        size_t i = 0;
        for (; i < 3 && bound >= 1024 && bound % 1024 == 0; i++) {
            bound /= 1024;
        }
        (void)snprintf(text, 64, "%" PRIu64 "%s", bound, suffixes[i]);
    } else {
        (void)snprintf(text, 64, "%" PRIu64, bound);
    }
}

static int out_of_range(const struct fama_config_key *key, const char *text,
                        struct fama_error *error)
{
    char least[64];
    char most[64];
    describe_bound(key, key->least, least);
    describe_bound(key, key->most, most);
    return fama_error_set(
        error, FAMA_CONFIG_INVALID, "is %.60s, out of its range: write a value from %s to %s%s%s",
        text, least, most, key->unit != NULL ? " " : "", key->unit != NULL ? key->unit : "");
}

static int store_scaled(void *field, const struct fama_config_key *key, const char *text,
                        struct fama_error *error)
{
    uint64_t number;
    bool is_valid;
    const char *wanted;
    if (key->type == FAMA_KEY_DURATION) {
        is_valid = fama_duration_parse(text, &number);
        wanted = "no duration: write it like 1500ms, 5s or 1m30s";
    } else if (key->type == FAMA_KEY_BYTES) {
        is_valid = fama_number_parse(text, &number);
        wanted = "no number of bytes: write it like 1500000 or 16M";
    } else {
        is_valid = fama_digits_parse(text, &number);
        wanted = "no whole number: write digits only";
    }
    if (!is_valid) {
        return fama_error_set(error, FAMA_CONFIG_INVALID, "is \"%.100s\", %s", text, wanted);
    }
    if (number < key->least || number > key->most) {
        return out_of_range(key, text, error);
    }
    store_number(field, key->size, number);
    return 0;
}

static int store_real(void *field, const struct fama_config_key *key, const char *text,
                      struct fama_error *error)
{
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number)) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "is \"%.100s\", no number: write it like 12.5", text);
    }
    if (number < (double)key->least || number > (double)key->most) {
        return out_of_range(key, text, error);
    }
    memcpy(field, &number, sizeof number);
    return 0;
}

/* Copies the word at *at and moves on; false at the end, or with *is_too_long. */
static bool next_word(const char **at, char *word, size_t size, bool *is_too_long)
{
    *at += strspn(*at, " \t\r\n\v\f");
    size_t len = strcspn(*at, " \t\r\n\v\f");
    *is_too_long = len >= size;
    if (len == 0 || *is_too_long) {
        return false;
    }
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len;
    return true;
}

static int store_endpoints(struct fama_config *config, const char *text, struct fama_error *error)
{
    char word[HOST_MAX + 8];
    bool is_too_long;
    config->bootstrap_count = 0;
    while (next_word(&text, word, sizeof word, &is_too_long)) {
        if (config->bootstrap_count == FAMA_BOOTSTRAP_MAX) {
            return fama_error_set(error, FAMA_CONFIG_INVALID,
                                  "names more than %d endpoints: two or three are enough",
                                  FAMA_BOOTSTRAP_MAX);
        }
        int status = fama_endpoint_parse(word, &config->bootstrap[config->bootstrap_count], error);
        if (status != 0) {
            return status;
        }
        config->bootstrap_count++;
    }
    if (is_too_long) {
        return fama_error_set(
            error, FAMA_CONFIG_INVALID,
            "holds a word too long for an endpoint: separate endpoints by blanks");
    }
    return 0;
}

static int store_cpus(struct fama_config *config, const struct fama_config_key *key,
                      const char *text, struct fama_error *error)
{
    struct fama_dataplane_config *dataplane = &config->dataplane;
    bool is_net = key->offset == offsetof(struct fama_config, dataplane.net_cores);
    uint32_t *cpus = is_net ? dataplane->net_cores : dataplane->verify_cores;
    uint32_t most = is_net ? FAMA_NET_CORES_MAX : FAMA_CORES_MAX;
    char word[16];
    bool is_too_long;
    uint64_t cpu;
    const char *at = text;
    uint32_t count = 0;
    while (next_word(&at, word, sizeof word, &is_too_long)) {
        if (count == most) {
            return fama_error_set(error, FAMA_CONFIG_INVALID,
                                  "names more than %u CPUs: leave some out", most);
        }
        if (!fama_digits_parse(word, &cpu) || cpu > key->most) {
            return fama_error_set(error, FAMA_CONFIG_INVALID,
                                  "holds \"%s\", no CPU number: write numbers from 0 to %" PRIu64
                                  " with blanks between them",
                                  word, key->most);
        }
        for (uint32_t i = 0; i < count; i++) {
            if (cpus[i] == cpu) {
                return fama_error_set(error, FAMA_CONFIG_INVALID,
                                      "names CPU %s twice: name each once", word);
            }
        }
        cpus[count++] = (uint32_t)cpu;
    }
    if (is_too_long || count == 0) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "is \"%.100s\", no list of CPU numbers: write it like 2 3", text);
    }
    *(is_net ? &dataplane->net_core_count : &dataplane->verify_core_count) = count;
    return 0;
}

static int store_cidr(struct fama_config *config, const struct fama_config_key *key,
                      const char *text, struct fama_error *error)
{
    uint8_t address[FAMA_ADDRESS_BYTES];
    uint8_t bits;
    if (!fama_cidr_parse(text, address, &bits)) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "is \"%.100s\", no address with a prefix length: write it like "
                              "198.18.0.11/24 or 2001:db8::11/64",
                              text);
    }
    uint64_t most = fama_address_is_ipv4(address) ? key->most : IPV6_PREFIX_MAX;
    if (bits < key->least || bits > most) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "has a prefix of %u bits: write one from %" PRIu64 " to %" PRIu64,
                              bits, key->least, most);
    }
    config->dataplane.prefix_bits = bits;
    return 0;
}

static int store_address(uint8_t field[FAMA_ADDRESS_BYTES], const char *text,
                         struct fama_error *error)
{
    uint8_t address[FAMA_ADDRESS_BYTES];
    bool is_read = fama_address_parse(text, address);
    bool is_host =
        is_read && (fama_address_is_one_host(address) || fama_address_is_link_local(address));
    if (!is_host) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "is \"%.100s\", no address of a host: write it like 198.18.0.1 or "
                              "2001:db8::1",
                              text);
    }
    memcpy(field, address, FAMA_ADDRESS_BYTES);
    return 0;
}

static int store_choice(void *field, const struct fama_config_key *key, char *text,
                        struct fama_error *error)
{
    int index = choice_of(key->choices, text);
    if (index < 0) {
        return fama_error_set(error, FAMA_CONFIG_INVALID, "is \"%.100s\": write one of: %s", text,
                              key->choices);
    }
    if (key->type == FAMA_KEY_WORD) {
        for (char *c = text; *c != '\0'; c++) {
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        }
        memcpy(field, &text, sizeof text);
    } else {
        memcpy(field, &index, sizeof index);
    }
    return 0;
}

int fama_config_store(struct fama_config *config, const struct fama_config_key *key, char *text,
                      struct fama_error *error)
{
    uint8_t nowhere[sizeof(struct fama_endpoint)];
    void *field = key->size > 0 ? (uint8_t *)config + key->offset : nowhere;
    bool flag;
    switch (key->type) {
    case FAMA_KEY_TEXT:
    case FAMA_KEY_PATH:
        memcpy(field, &text, sizeof text);
        return 0;
    case FAMA_KEY_BOOL:
        if (!bool_parse(text, &flag)) {
            return fama_error_set(error, FAMA_CONFIG_INVALID, "is \"%.100s\": write true or false",
                                  text);
        }
        memcpy(field, &flag, sizeof flag);
        return 0;
    case FAMA_KEY_NUMBER:
    case FAMA_KEY_BYTES:
    case FAMA_KEY_DURATION:
        return store_scaled(field, key, text, error);
    case FAMA_KEY_REAL:
        return store_real(field, key, text, error);
    case FAMA_KEY_ENDPOINT:
        return fama_endpoint_parse(text, field, error);
    case FAMA_KEY_ENDPOINTS:
        return store_endpoints(config, text, error);
    case FAMA_KEY_CIDR:
        return store_cidr(config, key, text, error);
    case FAMA_KEY_ADDRESS:
        return store_address(field, text, error);
    case FAMA_KEY_CPUS:
        return store_cpus(config, key, text, error);
    case FAMA_KEY_CHOICE:
    case FAMA_KEY_WORD:
        return store_choice(field, key, text, error);
    }
    return fama_error_set(error, FAMA_CONFIG_INVALID, "is of a type nothing can store");
}
