#include "controlplane/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/config_keys.h"
#include "controlplane/config_value.h"
#include "controlplane/yaml_keys.h"

#define VARIABLE_BYTES 300

extern char **environ;

/* What is known of one key while loading and for the listing afterwards. */
struct setting {
    char *value;  /* NULL: unset */
    char *origin; /* NULL: default */
};

/* Owner of every text a configuration points to. */
struct strings {
    struct setting *settings; /* one per key of the table */
    char **texts;
    size_t count;
    size_t capacity;
};

struct loading {
    struct fama_config *config;
    struct strings *strings;
    const char *name;
    struct fama_error *error;
};

static int out_of_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_CONFIG_NO_MEMORY, "out of memory: configuration: free some");
}

/* Keeps a copy made by printf until the configuration is freed; NULL if there is no memory. */
static char *keep(struct strings *strings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static char *keep(struct strings *strings, const char *format, ...)
{
    if (strings->count == strings->capacity) {
        size_t capacity = strings->capacity * 2 + 64;
        char **texts = realloc(strings->texts, capacity * sizeof *texts);
        if (texts == NULL) {
            return NULL;
        }
        strings->texts = texts;
        strings->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return NULL;
    }
    strings->texts[strings->count++] = text;
    return text;
}

static const char *place_of(const struct loading *loading, size_t index)
{
    const char *origin = loading->strings->settings[index].origin;
    return origin != NULL ? origin : loading->name;
}

static size_t find_key(const char *path)
{
    size_t i = 0;
    while (i < fama_config_key_count && strcasecmp(fama_config_keys[i].path, path) != 0) {
        i++;
    }
    return i;
}

/* ---- Unknown keys ---- */

static bool is_within(const char *path, const char *section)
{
    size_t len = strlen(section);
    return strncasecmp(path, section, len) == 0 && (path[len] == '\0' || path[len] == '.');
}

static bool is_accepted(const char *path)
{
    for (size_t i = 0; i < fama_config_accepted_count; i++) {
        if (strcasecmp(path, fama_config_accepted[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < fama_config_foreign_section_count; i++) {
        if (is_within(path, fama_config_foreign_sections[i])) {
            return true;
        }
    }
    return false;
}

/* Whether keys of ours lie below this path, so that `fama:` with nothing in it is no mistake. */
static bool is_section(const char *path)
{
    for (size_t i = 0; i < fama_config_key_count; i++) {
        if (is_within(fama_config_keys[i].path, path)) {
            return true;
        }
    }
    for (size_t i = 0; i < fama_config_accepted_count; i++) {
        if (is_within(fama_config_accepted[i], path)) {
            return true;
        }
    }
    return false;
}

/* Levenshtein's distance without regard to case. Both texts are shorter than FAMA_YAML_PATH_BYTES or
 * VARIABLE_BYTES. */
static size_t distance(const char *a, const char *b)
{
    size_t row[VARIABLE_BYTES + 1];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            bool is_same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            size_t best = diagonal + (is_same ? 0 : 1);
            diagonal = row[j + 1];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
        }
    }
    return row[b_len];
}

static void variable_of(const char *path, char variable[VARIABLE_BYTES])
{
    size_t len = (size_t)snprintf(variable, VARIABLE_BYTES, "CORE_%s", path);
    for (size_t i = 0; i < len && i < VARIABLE_BYTES; i++) {
        variable[i] = variable[i] == '.' ? '_' : (char)toupper((unsigned char)variable[i]);
    }
}

/* The known key whose spelling is nearest, in the spelling of a path or of a variable. NULL if none is
 * near enough to have been meant. */
static const char *nearest(const char *name, bool is_variable)
{
    char candidate[VARIABLE_BYTES];
    const char *best = NULL;
    size_t best_distance = 3 + strlen(name) / 6;
    for (size_t i = 0; i < fama_config_key_count + fama_config_accepted_count; i++) {
        const char *path = i < fama_config_key_count
                               ? fama_config_keys[i].path
                               : fama_config_accepted[i - fama_config_key_count];
        if (is_variable) {
            variable_of(path, candidate);
        } else {
            (void)snprintf(candidate, sizeof candidate, "%s", path);
        }
        size_t far = distance(name, candidate);
        if (far < best_distance) {
            best_distance = far;
            best = path;
        }
    }
    return best;
}

static int unknown_key(struct loading *loading, const char *path, size_t line)
{
    const char *best = nearest(path, false);
    if (best != NULL) {
        return fama_error_set(loading->error, FAMA_CONFIG_INVALID,
                              "%s is no known key: %s:%zu: did you mean %s?", path, loading->name,
                              line, best);
    }
    return fama_error_set(
        loading->error, FAMA_CONFIG_INVALID,
        "%s is no known key: %s:%zu: remove it; `fama node config --sample` shows all "
        "there are",
        path, loading->name, line);
}

/* ---- Collecting settings ---- */

static int on_yaml(void *context, const char *path, enum fama_yaml_kind kind, const char *text,
                   size_t line, struct fama_error *error)
{
    struct loading *loading = context;
    size_t index = find_key(path);
    if (index == fama_config_key_count) {
        bool is_empty = kind == FAMA_YAML_SCALAR && *text == '\0';
        if (is_accepted(path) || (is_empty && is_section(path))) {
            return 0;
        }
        return unknown_key(loading, path, line);
    }
    const struct fama_config_key *key = &fama_config_keys[index];
    struct setting *setting = &loading->strings->settings[index];
    bool takes_list = key->type == FAMA_KEY_ENDPOINTS || key->type == FAMA_KEY_CPUS;
    if (kind == FAMA_YAML_STRUCTURED || (kind == FAMA_YAML_LIST && !takes_list)) {
        return fama_error_set(error, FAMA_CONFIG_INVALID, "%s is no single value: %s:%zu: write %s",
                              key->path, loading->name, line,
                              takes_list ? "plain words" : "one plain value");
    }
    if (setting->origin != NULL) {
        return fama_error_set(error, FAMA_CONFIG_INVALID,
                              "%s is set twice: %s:%zu, first at %s: remove one", key->path,
                              loading->name, line, setting->origin);
    }
    setting->origin = keep(loading->strings, "%s:%zu", loading->name, line);
    setting->value = keep(loading->strings, "%s", text);
    return setting->origin != NULL && setting->value != NULL ? 0 : out_of_memory(error);
}

static int unknown_variable(struct loading *loading, const char *variable)
{
    const char *best = strlen(variable) < VARIABLE_BYTES ? nearest(variable, true) : NULL;
    char meant[VARIABLE_BYTES];
    if (best != NULL) {
        variable_of(best, meant);
        return fama_error_set(loading->error, FAMA_CONFIG_INVALID,
                              "%s names no known key: environment: did you mean %s?", variable,
                              meant);
    }
    return fama_error_set(
        loading->error, FAMA_CONFIG_INVALID,
        "%.100s names no known key: environment: unset it; `fama node config --sample` "
        "shows all keys",
        variable);
}

static bool is_accepted_variable(const char *variable)
{
    char accepted[VARIABLE_BYTES];
    for (size_t i = 0; i < fama_config_accepted_count; i++) {
        variable_of(fama_config_accepted[i], accepted);
        if (strcmp(variable, accepted) == 0) {
            return true;
        }
    }
    return false;
}

static int take_variable(struct loading *loading, const char *variable, const char *value)
{
    char known[VARIABLE_BYTES];
    for (size_t i = 0; i < fama_config_key_count; i++) {
        variable_of(fama_config_keys[i].path, known);
        if (strcmp(variable, known) == 0) {
            struct setting *setting = &loading->strings->settings[i];
            setting->origin = keep(loading->strings, "environment %s", variable);
            setting->value = keep(loading->strings, "%s", value);
            return setting->origin != NULL && setting->value != NULL
                       ? 0
                       : out_of_memory(loading->error);
        }
    }
    bool is_ours =
        strncmp(variable, "CORE_PEER_GOSSIP_", 17) == 0 || strncmp(variable, "CORE_FAMA_", 10) == 0;
    return is_ours && !is_accepted_variable(variable) ? unknown_variable(loading, variable) : 0;
}

static int read_environment(struct loading *loading, char *const environment[])
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *equals = strchr(environment[i], '=');
        if (strncmp(environment[i], "CORE_", 5) != 0 || equals == NULL || equals[1] == '\0') {
            continue;
        }
        char *variable =
            keep(loading->strings, "%.*s", (int)(equals - environment[i]), environment[i]);
        if (variable == NULL) {
            return out_of_memory(loading->error);
        }
        int status = take_variable(loading, variable, equals + 1);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* ---- From texts to values ---- */

/* The n-th CPU this process may run on, or the last one. */
static unsigned int usable_cpu(unsigned int n)
{
    cpu_set_t set;
    unsigned int last = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 0;
    }
    for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            last = cpu;
            if (n == 0) {
                break;
            }
            n--;
        }
    }
    return last;
}

/* The text an unset key gets from others that come before it; NULL if those are unset too. */
static int derive(struct loading *loading, enum fama_key_derived derived, char **text)
{
    const struct fama_config *config = loading->config;
    char duration[FAMA_DURATION_TEXT_BYTES];
    const char *address;
    switch (derived) {
    case FAMA_KEY_NOT_DERIVED:
        return 0;
    case FAMA_KEY_FROM_ADDRESS:
        address = loading->strings->settings[find_key("peer.address")].value;
        if (address == NULL) {
            return 0;
        }
        *text = keep(loading->strings, "%s", address);
        break;
    case FAMA_KEY_FROM_ALIVE_INTERVAL:
        fama_duration_format(5 * config->alive_interval_ns, duration);
        *text = keep(loading->strings, "%s", duration);
        break;
    case FAMA_KEY_FROM_ALIVE_EXPIRATION:
        fama_duration_format(config->alive_expiration_ns, duration);
        *text = keep(loading->strings, "%s", duration);
        break;
    case FAMA_KEY_FROM_FILE_SYSTEM_PATH:
        *text = keep(loading->strings, "%s/fama.sock", config->file_system_path);
        break;
    case FAMA_KEY_FROM_PEER_ID:
        *text = keep(loading->strings, "fama-%s", config->peer_id);
        break;
    case FAMA_KEY_FIRST_CPU:
    case FAMA_KEY_SECOND_CPU:
    case FAMA_KEY_THIRD_CPU:
        *text =
            keep(loading->strings, "%u", usable_cpu((unsigned int)(derived - FAMA_KEY_FIRST_CPU)));
        break;
    }
    return *text != NULL ? 0 : out_of_memory(loading->error);
}

/* Whether the text says zero in the way its type writes it. */
static bool says_zero(const struct fama_config_key *key, const char *text)
{
    uint64_t number;
    bool is_number = key->type == FAMA_KEY_DURATION ? fama_duration_parse(text, &number)
                                                    : fama_digits_parse(text, &number);
    return is_number && number == 0;
}

static bool has_control_bytes(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static int make_absolute(struct loading *loading, char **text)
{
    const char *slash = strrchr(loading->name, '/');
    char *absolute;
    if ((*text)[0] == '/') {
        return 0;
    }
    if (slash == NULL) {
        absolute = keep(loading->strings, "./%s", *text);
    } else {
        absolute =
            keep(loading->strings, "%.*s/%s", (int)(slash - loading->name), loading->name, *text);
    }
    if (absolute == NULL) {
        return out_of_memory(loading->error);
    }
    *text = absolute;
    return 0;
}

static int settle(struct loading *loading, size_t index)
{
    const struct fama_config_key *key = &fama_config_keys[index];
    struct setting *setting = &loading->strings->settings[index];
    int status = 0;
    if (setting->value != NULL &&
        (setting->value[0] == '\0' || (key->zero_is_default && says_zero(key, setting->value)))) {
        setting->value = NULL;
        setting->origin = NULL;
    }
    if (setting->value == NULL && key->fallback != NULL) {
        setting->value = keep(loading->strings, "%s", key->fallback);
        status = setting->value != NULL ? 0 : out_of_memory(loading->error);
    } else if (setting->value == NULL) {
        status = derive(loading, key->derived, &setting->value);
    }
    if (status != 0) {
        return status;
    }
    if (setting->value == NULL) {
        if (!key->is_required) {
            return 0;
        }
        char variable[VARIABLE_BYTES];
        variable_of(key->path, variable);
        return fama_error_set(loading->error, FAMA_CONFIG_INVALID,
                              "%s is not set: %s: set it there or as %s, for example to %s",
                              key->path, loading->name, variable,
                              key->sample != NULL ? key->sample : "198.18.0.11:7051");
    }
    if (key->type == FAMA_KEY_PATH) {
        status = make_absolute(loading, &setting->value);
    }
    if (status == 0 && has_control_bytes(setting->value) && key->type != FAMA_KEY_ENDPOINTS &&
        key->type != FAMA_KEY_CPUS) {
        status = fama_error_set(loading->error, FAMA_CONFIG_INVALID,
                                "holds control characters: remove them");
    }
    if (status == 0) {
        status = fama_config_store(loading->config, key, setting->value, loading->error);
    }
    if (status == FAMA_CONFIG_INVALID) {
        /* "key: place: is ..., what to do" */
        return fama_error_prefix(loading->error, status, "%s: %s: ", key->path,
                                 place_of(loading, index));
    }
    return status;
}

/* ---- What several keys must agree on ---- */

static int disagree(struct loading *loading, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int disagree(struct loading *loading, const char *path, const char *format, ...)
{
    char words[FAMA_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return fama_error_set(loading->error, FAMA_CONFIG_INVALID, "%s: %s: %s", path,
                          place_of(loading, find_key(path)), len < 0 ? "" : words);
}

static const char *value_of(const struct loading *loading, const char *path)
{
    return loading->strings->settings[find_key(path)].value;
}

static int check_addresses(struct loading *loading)
{
    const struct fama_config *config = loading->config;
    uint8_t address[FAMA_ADDRESS_BYTES];
    uint8_t bits;
    if (!fama_cidr_parse(value_of(loading, "fama.dataplane.address"), address, &bits)) {
        return disagree(loading, "fama.dataplane.address",
                        "is no address: write it like 198.18.0.11/24 or 2001:db8::11/64");
    }
    if (!fama_address_equal(address, config->endpoint.address)) {
        return disagree(loading, "fama.dataplane.address",
                        "is %s, but peer.gossip.endpoint is %s: make the addresses equal",
                        value_of(loading, "fama.dataplane.address"),
                        value_of(loading, "peer.gossip.endpoint"));
    }
    const uint8_t *gateway = config->dataplane.gateway;
    bool has_gateway = !fama_address_is_none(gateway);
    bool is_neighbour =
        fama_address_has_prefix(gateway, address, bits) || fama_address_is_link_local(gateway);
    bool is_alike = fama_address_is_ipv4(gateway) == fama_address_is_ipv4(address);
    if (has_gateway && (!is_neighbour || !is_alike || fama_address_equal(gateway, address))) {
        return disagree(loading, "fama.dataplane.gateway",
                        "is %s, no other host of %s: write the router's address on that network",
                        value_of(loading, "fama.dataplane.gateway"),
                        value_of(loading, "fama.dataplane.address"));
    }
    return 0;
}

/* A node speaks one family, so that whoever it is to greet must have an address of that. */
static int check_bootstrap(struct loading *loading)
{
    const struct fama_config *config = loading->config;
    bool is_ipv4 = fama_address_is_ipv4(config->endpoint.address);
    for (uint32_t i = 0; i < config->bootstrap_count; i++) {
        char text[FAMA_ENDPOINT_TEXT_BYTES];
        fama_endpoint_format(&config->bootstrap[i], text);
        if (fama_address_is_ipv4(config->bootstrap[i].address) != is_ipv4) {
            return disagree(loading, "peer.gossip.bootstrap",
                            "names %s, but peer.gossip.endpoint is an %s endpoint: name its %s "
                            "address",
                            text, is_ipv4 ? "IPv4" : "IPv6", is_ipv4 ? "IPv4" : "IPv6");
        }
    }
    return 0;
}

/* A bound from below: what the port's driver needs beyond it, the dataplane says when it starts. */
static int check_memory(struct loading *loading)
{
    const struct fama_dataplane_config *dataplane = &loading->config->dataplane;
    uint64_t room = dataplane->mtu + 18u < 2048 ? 2048 : dataplane->mtu + 18u;
    uint64_t needed_mb = (dataplane->mbufs * (room + 1024) >> 20) + 1;
    if (needed_mb > dataplane->memory_mb) {
        return disagree(
            loading, "fama.dataplane.memory",
            "%u MiB do not hold %u mbufs for an mtu of %u: set it to %llu or more, or lower "
            "fama.dataplane.mbufs",
            dataplane->memory_mb, dataplane->mbufs, dataplane->mtu, (unsigned long long)needed_mb);
    }
    return 0;
}

/* Below this a node's alive messages would wait behind each other. */
#define PACE_LEAST UINT64_C(10000000)

static int check_pace(struct loading *loading)
{
    uint64_t pace = loading->config->dataplane.pace_bits_per_second;
    if (pace != 0 && pace < PACE_LEAST) {
        return disagree(loading, "fama.dataplane.pace.bitsPerSecond",
                        "is %llu: set it to %llu or more, or to 0 for no limit",
                        (unsigned long long)pace, (unsigned long long)PACE_LEAST);
    }
    return 0;
}

static int check_parity(struct loading *loading)
{
    const struct fama_config *config = loading->config;
    if (config->parity_min > config->parity_max) {
        return disagree(loading, "fama.dissemination.parity.min",
                        "%u is more than fama.dissemination.parity.max (%u): lower it, or raise "
                        "the other",
                        config->parity_min, config->parity_max);
    }
    return 0;
}

static int check_socket_path(struct loading *loading)
{
    size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    if (strlen(loading->config->admin_socket) > room) {
        return disagree(loading, "fama.admin.socket",
                        "%.200s is longer than %zu bytes: set it to a shorter path",
                        loading->config->admin_socket, room);
    }
    return 0;
}

static int check(struct loading *loading)
{
    struct fama_config *config = loading->config;
    const char *election = value_of(loading, "peer.gossip.useLeaderElection");
    if (strcasecmp(election, "true") == 0 || strcasecmp(election, "t") == 0 ||
        strcmp(election, "1") == 0) {
        return disagree(loading, "peer.gossip.useLeaderElection",
                        "leader election is not available in this version: set it to false and "
                        "peer.gossip.orgLeader to true on one node");
    }
    if (config->alive_expiration_ns / 2 < config->alive_interval_ns) {
        return disagree(
            loading, "peer.gossip.aliveExpirationTimeout",
            "%s is less than twice aliveTimeInterval (%s), so that one lost message would "
            "kill a peer: raise it",
            value_of(loading, "peer.gossip.aliveExpirationTimeout"),
            value_of(loading, "peer.gossip.aliveTimeInterval"));
    }
    if (config->repair_bytes_per_second_each > config->repair_bytes_per_second) {
        return disagree(loading, "fama.repair.bytesPerSecondEach",
                        "%s is more than fama.repair.bytesPerSecond (%s): lower it",
                        value_of(loading, "fama.repair.bytesPerSecondEach"),
                        value_of(loading, "fama.repair.bytesPerSecond"));
    }
    int status = check_addresses(loading);
    status = status == 0 ? check_bootstrap(loading) : status;
    status = status == 0 ? check_memory(loading) : status;
    status = status == 0 ? check_pace(loading) : status;
    status = status == 0 ? check_parity(loading) : status;
    return status == 0 ? check_socket_path(loading) : status;
}

/* Values that are copies of others, and our own endpoint taken out of the bootstrap set. */
static void complete(struct fama_config *config)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < config->bootstrap_count; i++) {
        struct fama_endpoint endpoint = config->bootstrap[i];
        if (!fama_endpoint_equal(&endpoint, &config->endpoint)) {
            config->bootstrap[kept++] = endpoint;
        }
    }
    config->bootstrap_count = kept;
    config->dataplane.endpoint = config->endpoint;
    config->dataplane.propagate_peer_num = config->propagate_peer_num;
}

/* ---- The door ---- */

static struct fama_config *config_new(const char *name)
{
    struct fama_config *config = calloc(1, sizeof *config);
    struct strings *strings = calloc(1, sizeof *strings);
    if (config == NULL || strings == NULL) {
        free(config);
        free(strings);
        return NULL;
    }
    config->strings = strings;
    strings->settings = calloc(fama_config_key_count, sizeof *strings->settings);
    config->file = keep(strings, "%s", name);
    if (strings->settings == NULL || config->file == NULL) {
        fama_config_free(config);
        return NULL;
    }
    return config;
}

int fama_config_parse(const char *name, struct fama_bytes text, char *const environment[],
                      struct fama_config **config, struct fama_error *error)
{
    *config = NULL;
    struct fama_config *made = config_new(name);
    if (made == NULL) {
        return out_of_memory(error);
    }
    struct loading loading = {
        .config = made, .strings = made->strings, .name = made->file, .error = error};
    int status = fama_yaml_visit(name, text, FAMA_CONFIG_INVALID, on_yaml, &loading, error);
    if (status == 0) {
        status = read_environment(&loading, environment);
    }
    for (size_t i = 0; i < fama_config_key_count && status == 0; i++) {
        status = settle(&loading, i);
    }
    status = status == 0 ? check(&loading) : status;
    if (status != 0) {
        fama_config_free(made);
        return status;
    }
    complete(made);
    *config = made;
    return 0;
}

static int read_file(const char *name, uint8_t **text, size_t *len, struct fama_error *error)
{
    FILE *in = fopen(name, "rb");
    if (in == NULL) {
        return fama_error_set(error, FAMA_CONFIG_UNREADABLE,
                              "cannot read the configuration: %s: %s; name it with --config or "
                              "FABRIC_CFG_PATH",
                              name, strerror(errno));
    }
    uint8_t *bytes = malloc(FAMA_YAML_BYTES_MAX + 1);
    size_t got = bytes != NULL ? fread(bytes, 1, FAMA_YAML_BYTES_MAX + 1, in) : 0;
    bool is_bad = ferror(in) != 0;
    int reason = errno;
    (void)fclose(in);
    if (bytes == NULL) {
        return out_of_memory(error);
    }
    if (is_bad) {
        free(bytes);
        return fama_error_set(error, FAMA_CONFIG_UNREADABLE,
                              "cannot read the configuration: %s: %s; name a readable file", name,
                              strerror(reason));
    }
    *text = bytes;
    *len = got;
    return 0;
}

/* Where Fabric looks: only in $FABRIC_CFG_PATH if that is set. */
static int find_file(char name[PATH_MAX], struct fama_error *error)
{
    const char *folder = getenv("FABRIC_CFG_PATH");
    if (folder != NULL && folder[0] != '\0') {
        int len = snprintf(name, PATH_MAX, "%s/core.yaml", folder);
        if (len < 0 || len >= PATH_MAX) {
            return fama_error_set(error, FAMA_CONFIG_UNREADABLE,
                                  "FABRIC_CFG_PATH is too long: environment: shorten it");
        }
        return 0;
    }
    const char *places[] = {"./core.yaml", "/etc/hyperledger/fabric/core.yaml"};
    for (size_t i = 0; i < 2; i++) {
        if (access(places[i], F_OK) == 0) {
            (void)snprintf(name, PATH_MAX, "%s", places[i]);
            return 0;
        }
    }
    return fama_error_set(
        error, FAMA_CONFIG_UNREADABLE,
        "there is no core.yaml: ./ and /etc/hyperledger/fabric: name one with --config "
        "or its folder with FABRIC_CFG_PATH");
}

int fama_config_load(const char *file, struct fama_config **config, struct fama_error *error)
{
    char name[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;
    *config = NULL;
    if (file == NULL) {
        int status = find_file(name, error);
        if (status != 0) {
            return status;
        }
        file = name;
    }
    int status = read_file(file, &text, &len, error);
    if (status == 0) {
        status = fama_config_parse(file, fama_bytes(text, len), environ, config, error);
    }
    free(text);
    return status;
}

void fama_config_free(struct fama_config *config)
{
    if (config == NULL) {
        return;
    }
    struct strings *strings = config->strings;
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->texts[i]);
    }
    free(strings->texts);
    free(strings->settings);
    free(strings);
    free(config);
}

size_t fama_config_entry_count(void)
{
    return fama_config_key_count;
}

struct fama_config_entry fama_config_entry_at(const struct fama_config *config, size_t index)
{
    const struct strings *strings = config->strings;
    const struct setting *setting = &strings->settings[index];
    return (struct fama_config_entry){
        .key = fama_config_keys[index].path,
        .value = setting->value != NULL ? setting->value : "",
        .origin = setting->origin != NULL ? setting->origin : "default",
        .words = fama_config_keys[index].words,
    };
}
