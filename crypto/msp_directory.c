#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "crypto/msp.h"
#include "crypto/msp_files.h"

#define UNITS_MAX 256

enum { CACERTS, INTERMEDIATES, ADMINS, CRLS, TLS_CACERTS, TLS_INTERMEDIATES, FOLDERS };

static const char *const folder_names[FOLDERS] = {
    [CACERTS] = "cacerts",        [INTERMEDIATES] = "intermediatecerts",
    [ADMINS] = "admincerts",      [CRLS] = "crls",
    [TLS_CACERTS] = "tlscacerts", [TLS_INTERMEDIATES] = "tlsintermediatecerts",
};

/* Everything read for one MSP; it stays until the MSP has made its copy. */
struct reading {
    const char *directory;
    struct fama_msp_files folders[FOLDERS];
    struct fama_bytes *views[FOLDERS];
    struct fama_msp_file yaml_file;
    yaml_document_t document;
    bool has_document;
    struct fama_msp_ou units[UNITS_MAX];
    struct fama_msp_file unit_files[UNITS_MAX + 4];
    size_t unit_file_count;
    struct fama_msp_config config;
};

static int bad_yaml(const struct reading *reading, const yaml_node_t *node, const char *what,
                    struct fama_error *error)
{
    return fama_error_set(error, FAMA_MSP_INVALID, "%s line %zu: %s", reading->yaml_file.path,
                          node->start_mark.line + 1, what);
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* The value of a mapping's key; NULL when it is absent or written as nothing. */
static yaml_node_t *value_of(struct reading *reading, const yaml_node_t *mapping, const char *key)
{
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&reading->document, pair->key);
        if (name == NULL || name->type != YAML_SCALAR_NODE || strcmp(text_of(name), key) != 0) {
            continue;
        }
        yaml_node_t *value = yaml_document_get_node(&reading->document, pair->value);
        bool is_null = value != NULL && value->type == YAML_SCALAR_NODE &&
                       value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                       (value->data.scalar.length == 0 || strcmp(text_of(value), "~") == 0 ||
                        strcmp(text_of(value), "null") == 0);
        return is_null ? NULL : value;
    }
    return NULL;
}

/* Reads {Certificate: <path below the MSP directory>, OrganizationalUnitIdentifier: <text>}. */
static int read_unit(struct reading *reading, const yaml_node_t *node, struct fama_msp_ou *unit,
                     struct fama_error *error)
{
    if (node->type != YAML_MAPPING_NODE) {
        return bad_yaml(reading, node, "expected Certificate and OrganizationalUnitIdentifier here",
                        error);
    }
    const yaml_node_t *text = value_of(reading, node, "OrganizationalUnitIdentifier");
    const yaml_node_t *certificate = value_of(reading, node, "Certificate");
    if ((text != NULL && text->type != YAML_SCALAR_NODE) ||
        (certificate != NULL && certificate->type != YAML_SCALAR_NODE)) {
        return bad_yaml(reading, node,
                        "Certificate and OrganizationalUnitIdentifier must be plain text", error);
    }
    if (text != NULL) {
        unit->ou = fama_bytes(text_of(text), text->data.scalar.length);
    }
    if (certificate == NULL || certificate->data.scalar.length == 0) {
        return 0;
    }
    char *path = fama_msp_path(reading->directory, text_of(certificate));
    if (path == NULL) {
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    struct fama_msp_file *file = &reading->unit_files[reading->unit_file_count];
    int result = fama_msp_file_read(path, file, error);
    free(path);
    if (result != 0) {
        return fama_error_prefix(error, result, "%s line %zu: ", reading->yaml_file.path,
                                 certificate->start_mark.line + 1);
    }
    reading->unit_file_count++;
    unit->certificate = fama_bytes(file->content, file->len);
    return 0;
}

static int read_switch(const struct reading *reading, const yaml_node_t *node, bool *on,
                       struct fama_error *error)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON"};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No",
                                     "NO",    "off",   "Off",   "OFF"};
    for (size_t i = 0; node->type == YAML_SCALAR_NODE && i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text_of(node), yes[i]) == 0 || strcmp(text_of(node), no[i]) == 0) {
            *on = strcmp(text_of(node), yes[i]) == 0;
            return 0;
        }
    }
    return bad_yaml(reading, node, "Enable must be true or false", error);
}

static int read_node_ous(struct reading *reading, const yaml_node_t *node, struct fama_error *error)
{
    struct fama_msp_config *config = &reading->config;
    const struct {
        const char *key;
        struct fama_msp_ou *unit;
    } roles[] = {
        {"ClientOUIdentifier", &config->client_ou},
        {"PeerOUIdentifier", &config->peer_ou},
        {"AdminOUIdentifier", &config->admin_ou},
        {"OrdererOUIdentifier", &config->orderer_ou},
    };
    if (node->type != YAML_MAPPING_NODE) {
        return bad_yaml(reading, node, "NodeOUs must have keys below it, such as Enable", error);
    }
    const yaml_node_t *enable = value_of(reading, node, "Enable");
    int result = 0;
    if (enable != NULL) {
        result = read_switch(reading, enable, &config->node_ous_enabled, error);
    }
    for (size_t i = 0; result == 0 && i < sizeof roles / sizeof roles[0]; i++) {
        const yaml_node_t *role = value_of(reading, node, roles[i].key);
        if (role != NULL) {
            result = read_unit(reading, role, roles[i].unit, error);
        }
        /* Fabric's reader of directories passes over what is switched off or has no name. */
        if (!config->node_ous_enabled || roles[i].unit->ou.len == 0) {
            *roles[i].unit = (struct fama_msp_ou){.is_present = false};
        }
    }
    return result;
}

static int read_units(struct reading *reading, const yaml_node_t *node, struct fama_error *error)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return bad_yaml(reading, node, "OrganizationalUnitIdentifiers must be a list", error);
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        if (reading->config.organizational_unit_count == UNITS_MAX) {
            return bad_yaml(reading, node, "too many organizational units", error);
        }
        struct fama_msp_ou *unit = &reading->units[reading->config.organizational_unit_count];
        int result =
            read_unit(reading, yaml_document_get_node(&reading->document, *item), unit, error);
        if (result != 0) {
            return result;
        }
        reading->config.organizational_unit_count++;
    }
    reading->config.organizational_units = reading->units;
    return 0;
}

static int load_document(struct reading *reading, struct fama_error *error)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) != 1) {
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    yaml_parser_set_input_string(&parser, reading->yaml_file.content, reading->yaml_file.len);
    int result = 0;
    if (yaml_parser_load(&parser, &reading->document) != 1) {
        result = fama_error_set(error, FAMA_MSP_INVALID, "%s line %zu: %s", reading->yaml_file.path,
                                parser.problem_mark.line + 1,
                                parser.problem != NULL ? parser.problem : "not YAML");
    } else {
        reading->has_document = true;
    }
    yaml_parser_delete(&parser);
    return result;
}

/* config.yaml may be absent: then there are no organizational units to know about. */
static int read_yaml(struct reading *reading, struct fama_error *error)
{
    char *path = fama_msp_path(reading->directory, "config.yaml");
    if (path == NULL) {
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    int result = 0;
    bool exists = access(path, F_OK) == 0 || errno != ENOENT;
    if (exists) {
        result = fama_msp_file_read(path, &reading->yaml_file, error);
    }
    free(path);
    if (!exists || result != 0) {
        return result;
    }
    result = load_document(reading, error);
    if (result != 0) {
        return result;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&reading->document);
    if (root == NULL) {
        return 0;
    }
    if (root->type != YAML_MAPPING_NODE) {
        return bad_yaml(reading, root, "expected NodeOUs or OrganizationalUnitIdentifiers", error);
    }
    const yaml_node_t *units = value_of(reading, root, "OrganizationalUnitIdentifiers");
    const yaml_node_t *node_ous = value_of(reading, root, "NodeOUs");
    if (units != NULL) {
        result = read_units(reading, units, error);
    }
    if (result == 0 && node_ous != NULL) {
        result = read_node_ous(reading, node_ous, error);
    }
    return result;
}

static int read_folders(struct reading *reading, struct fama_error *error)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        struct fama_msp_files *files = &reading->folders[i];
        int result = fama_msp_files_read(reading->directory, folder_names[i], files, error);
        if (result != 0) {
            return result;
        }
        reading->views[i] = calloc(files->count + 1, sizeof(struct fama_bytes));
        if (reading->views[i] == NULL) {
            return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
        }
        for (size_t j = 0; j < files->count; j++) {
            reading->views[i][j] = fama_bytes(files->items[j].content, files->items[j].len);
        }
    }
    if (reading->folders[CACERTS].count == 0) {
        return fama_error_set(error, FAMA_MSP_UNREADABLE,
                              "%s/cacerts holds no root CA certificate; copy the organisation's CA "
                              "certificate (PEM) there",
                              reading->directory);
    }
    struct fama_msp_config *config = &reading->config;
    config->root_certs = reading->views[CACERTS];
    config->root_cert_count = reading->folders[CACERTS].count;
    config->intermediate_certs = reading->views[INTERMEDIATES];
    config->intermediate_cert_count = reading->folders[INTERMEDIATES].count;
    config->admins = reading->views[ADMINS];
    config->admin_count = reading->folders[ADMINS].count;
    config->revocation_lists = reading->views[CRLS];
    config->revocation_list_count = reading->folders[CRLS].count;
    config->tls_root_certs = reading->views[TLS_CACERTS];
    config->tls_root_cert_count = reading->folders[TLS_CACERTS].count;
    config->tls_intermediate_certs = reading->views[TLS_INTERMEDIATES];
    config->tls_intermediate_cert_count = reading->folders[TLS_INTERMEDIATES].count;
    return 0;
}

static int check_is_directory(const char *directory, struct fama_error *error)
{
    struct stat status;
    if (stat(directory, &status) != 0) {
        return fama_error_set(error, FAMA_MSP_UNREADABLE,
                              "cannot open the MSP directory %s: %s; check the configured path",
                              directory, strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        return fama_error_set(error, FAMA_MSP_UNREADABLE,
                              "%s is not a directory; the MSP directory is the folder that holds "
                              "cacerts",
                              directory);
    }
    return 0;
}

static void free_reading(struct reading *reading)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        fama_msp_files_free(&reading->folders[i]);
        free(reading->views[i]);
    }
    for (size_t i = 0; i < reading->unit_file_count; i++) {
        fama_msp_file_free(&reading->unit_files[i]);
    }
    if (reading->has_document) {
        yaml_document_delete(&reading->document);
    }
    fama_msp_file_free(&reading->yaml_file);
    free(reading);
}

int fama_msp_open_directory(const char *directory, const char *mspid, struct fama_msp **msp,
                            struct fama_error *error)
{
    *msp = NULL;
    int result = check_is_directory(directory, error);
    if (result != 0) {
        return result;
    }
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return fama_error_set(error, FAMA_MSP_NO_MEMORY, "out of memory");
    }
    reading->directory = directory;
    reading->config.name = fama_bytes_of_text(mspid);
    result = read_folders(reading, error);
    if (result == 0) {
        result = read_yaml(reading, error);
    }
    if (result == 0) {
        result = fama_msp_create(&reading->config, msp, error);
        if (result != 0) {
            fama_error_prefix(error, result, "%s: ", directory);
        }
    }
    free_reading(reading);
    return result;
}
