#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/config.h"
#include "controlplane/config_keys.h"

#define COLUMNS 100

/* Writes a comment in full words, wrapped. */
static void write_comment(FILE *out, int indent, const char *words)
{
    int column = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (column == 0 || column + 1 + (int)len > COLUMNS) {
            column =
                fprintf(out, "%s%*s# %.*s", column == 0 ? "" : "\n", indent, "", (int)len, words);
        } else {
            column += fprintf(out, " %.*s", (int)len, words);
        }
        words += len;
        words += strspn(words, " ");
    }
    (void)fputc('\n', out);
}

static const char *unit_of(const struct fama_config_key *key)
{
    switch (key->type) {
    case FAMA_KEY_DURATION:
        return "duration (500us, 30ms, 1m30s)";
    case FAMA_KEY_BOOL:
        return "true or false";
    case FAMA_KEY_PATH:
        return "path, relative to this file's folder or absolute";
    case FAMA_KEY_CHOICE:
    case FAMA_KEY_WORD:
        return key->choices;
    default:
        return key->unit != NULL ? key->unit : "text";
    }
}

static void write_range(FILE *out, const struct fama_config_key *key)
{
    char least[FAMA_DURATION_TEXT_BYTES];
    char most[FAMA_DURATION_TEXT_BYTES];
    if (key->type == FAMA_KEY_DURATION) {
        fama_duration_format(key->least, least);
        fama_duration_format(key->most, most);
        (void)fprintf(out, " Range: %s to %s.", least, most);
    } else if (key->type == FAMA_KEY_NUMBER || key->type == FAMA_KEY_BYTES ||
               key->type == FAMA_KEY_REAL) {
        (void)fprintf(out, " Range: %" PRIu64 " to %" PRIu64 ".", key->least, key->most);
    }
}

/* Opens the sections of `path` that the key before it was not in; returns the indent of the key. */
static int open_sections(FILE *out, const char *path, const char *before, const char **name)
{
    int indent = 0;
    bool is_shared = true;
    const char *dot;
    const char *at = path;
    while ((dot = strchr(at, '.')) != NULL) {
        size_t len = (size_t)(dot - path) + 1;
        is_shared = is_shared && strncmp(path, before, len) == 0;
        if (!is_shared) {
            (void)fprintf(out, "\n%*s%.*s:\n", indent, "", (int)(dot - at), at);
        }
        indent += 4;
        at = dot + 1;
    }
    *name = at;
    return indent;
}

static void write_key(FILE *out, const struct fama_config_key *key, const char *before)
{
    const char *name;
    int indent = open_sections(out, key->path, before, &name);
    const char *fallback = key->fallback != NULL ? key->fallback : NULL;
    const char *value = key->sample != NULL ? key->sample : fallback;
    (void)fputc('\n', out);
    write_comment(out, indent, key->words);
    (void)fprintf(out, "%*s# Unit: %s.", indent, "", unit_of(key));
    if (fallback != NULL) {
        (void)fprintf(out, " Default: %s.", fallback);
    } else if (key->is_required && key->derived == FAMA_KEY_NOT_DERIVED) {
        (void)fprintf(out, " Required.");
    }
    write_range(out, key);
    (void)fprintf(out, "\n%*s%s:%s%s\n", indent, "", name, value != NULL ? " " : "",
                  value != NULL ? value : "");
}

int fama_config_write_sample(FILE *out)
{
    static const char *const preface[] = {
        "Configuration of a Fama node: every key, what it is for, its default and when to change "
        "it. It is "
        "a Fabric core.yaml: keys under peer are Fabric's, those under fama are ours, and sections "
        "that "
        "mean nothing to Fama may stay as they are. This file is written by `fama node config "
        "--sample`.",
        "Every key can be set by the environment instead: CORE_ and the path in capitals with "
        "underscores, so peer.gossip.bootstrap is CORE_PEER_GOSSIP_BOOTSTRAP. An empty value "
        "counts as "
        "unset. `fama node config` shows what counts and where it comes from.",
    };
    write_comment(out, 0, preface[0]);
    (void)fprintf(out, "#\n");
    write_comment(out, 0, preface[1]);
    for (size_t i = 0; i < fama_config_key_count; i++) {
        write_key(out, &fama_config_keys[i], i > 0 ? fama_config_keys[i - 1].path : "");
    }
    return fflush(out) != 0 || ferror(out) ? FAMA_CONFIG_UNREADABLE : 0;
}
