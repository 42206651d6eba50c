#include "ledger/config_names.h"

#include "ledger/channel_config.h"

#define NAME_MAX_BYTES 249

bool fama_config_name_is_valid(struct fama_bytes name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES || fama_bytes_equal_text(name, ".") ||
        fama_bytes_equal_text(name, "..")) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-')) {
            return false;
        }
    }
    return true;
}

bool fama_config_policy_path_is_valid(struct fama_bytes path)
{
    if (path.len > 0 && path.at[0] == '/') {
        path = fama_bytes(path.at + 1, path.len - 1);
    }
    const uint8_t *slash;
    while (path.len > 0 && (slash = memchr(path.at, '/', path.len)) != NULL) {
        struct fama_bytes name = fama_bytes(path.at, (size_t)(slash - path.at));
        if (!fama_config_name_is_valid(name)) {
            return false;
        }
        path = fama_bytes(slash + 1, path.len - name.len - 1);
    }
    return fama_config_name_is_valid(path);
}

int fama_config_names_check(const struct fama_config_element *group, struct fama_error *error)
{
    for (unsigned int kind = 0; kind < FAMA_CONFIG_KINDS; kind++) {
        const struct fama_config_list *list = &group->children[kind];
        for (size_t i = 0; i < list->count; i++) {
            struct fama_bytes name = list->at[i].name;
            if (!fama_config_name_is_valid(name)) {
                return fama_error_set(error, FAMA_CHANNEL_CONFIG_INVALID,
                                      "the configuration has the name \"%.*s\", which is not one "
                                      "Fabric allows",
                                      name.len > 64 ? 64 : (int)name.len, name.at);
            }
            int result =
                kind == FAMA_CONFIG_GROUP ? fama_config_names_check(&list->at[i], error) : 0;
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}
