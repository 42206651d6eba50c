#include "controlplane/yaml_keys.h"

#include <stdlib.h>
#include <yaml.h>

struct reading {
    const char *name;
    int invalid;
    fama_yaml_visitor visitor;
    void *context;
    struct fama_error *error;
    yaml_parser_t parser;
    char path[FAMA_YAML_PATH_BYTES];
    size_t path_len;
    char *text; /* FAMA_YAML_VALUE_BYTES_MAX + 1 bytes for the value at hand */
    size_t text_len;
};

static size_t line_of(yaml_mark_t mark)
{
    return mark.line + 1;
}

static int take_event(struct reading *reading, yaml_event_t *event)
{
    if (yaml_parser_parse(&reading->parser, event)) {
        return 0;
    }
    const char *problem =
        reading->parser.problem != NULL ? reading->parser.problem : "out of memory";
    return fama_error_set(reading->error, reading->invalid,
                          "this is not YAML (%s): %s:%zu: correct it", problem, reading->name,
                          line_of(reading->parser.problem_mark));
}

static int visit(struct reading *reading, enum fama_yaml_kind kind, size_t line)
{
    reading->text[reading->text_len] = '\0';
    return reading->visitor(reading->context, reading->path, kind, reading->text, line,
                            reading->error);
}

static bool is_null(const yaml_event_t *event)
{
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    const char *text = (const char *)event->data.scalar.value;
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static int append_scalar(struct reading *reading, const yaml_event_t *event)
{
    size_t line = line_of(event->start_mark);
    size_t len = event->data.scalar.length;
    if (is_null(event)) {
        return 0;
    }
    size_t blank = reading->text_len > 0 ? 1 : 0;
    if (len > FAMA_YAML_VALUE_BYTES_MAX - blank - reading->text_len) {
        return fama_error_set(reading->error, reading->invalid,
                              "%s is longer than %u bytes: %s:%zu: shorten it", reading->path,
                              FAMA_YAML_VALUE_BYTES_MAX, reading->name, line);
    }
    if (memchr(event->data.scalar.value, '\0', len) != NULL) {
        return fama_error_set(reading->error, reading->invalid,
                              "%s holds a zero byte: %s:%zu: remove it", reading->path,
                              reading->name, line);
    }
    if (blank != 0) {
        reading->text[reading->text_len++] = ' ';
    }
    memcpy(reading->text + reading->text_len, event->data.scalar.value, len);
    reading->text_len += len;
    return 0;
}

/* Reads up to the end of the sequence just begun; everything in it that is no scalar makes it a
 * structured value of which only the extent matters. */
static int read_sequence(struct reading *reading, size_t line)
{
    enum fama_yaml_kind kind = FAMA_YAML_LIST;
    size_t depth = 1;
    reading->text_len = 0;
    while (depth > 0) {
        yaml_event_t event;
        int status = take_event(reading, &event);
        if (status != 0) {
            return status;
        }
        switch (event.type) {
        case YAML_SCALAR_EVENT:
            if (kind == FAMA_YAML_LIST) {
                status = append_scalar(reading, &event);
            }
            break;
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            depth++;
            kind = FAMA_YAML_STRUCTURED;
            break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            depth--;
            break;
        default:
            kind = FAMA_YAML_STRUCTURED;
            break;
        }
        yaml_event_delete(&event);
        if (status != 0) {
            return status;
        }
    }
    if (kind == FAMA_YAML_STRUCTURED) {
        reading->text_len = 0;
    }
    return visit(reading, kind, line);
}

static int push_key(struct reading *reading, const yaml_event_t *event)
{
    size_t line = line_of(event->start_mark);
    if (event->type != YAML_SCALAR_EVENT) {
        return fama_error_set(reading->error, reading->invalid,
                              "a key is not a plain word: %s:%zu: correct it", reading->name, line);
    }
    size_t len = event->data.scalar.length;
    size_t dot = reading->path_len > 0 ? 1 : 0;
    if (len == 0 || memchr(event->data.scalar.value, '\0', len) != NULL ||
        len + dot >= sizeof reading->path - reading->path_len) {
        return fama_error_set(
            reading->error, reading->invalid,
            "a key is empty or its path longer than %zu bytes: %s:%zu: correct it",
            sizeof reading->path - 1, reading->name, line);
    }
    if (dot != 0) {
        reading->path[reading->path_len++] = '.';
    }
    memcpy(reading->path + reading->path_len, event->data.scalar.value, len);
    reading->path_len += len;
    reading->path[reading->path_len] = '\0';
    return 0;
}

static void pop_key(struct reading *reading, size_t path_len)
{
    reading->path_len = path_len;
    reading->path[path_len] = '\0';
}

/* Visits the mapping that has just begun; its path is in `reading`. */
static int read_mapping(struct reading *reading)
{
    size_t lens[FAMA_YAML_DEPTH_MAX] = {
        0}; /* path length outside of each open mapping's current key */
    size_t depth = 1;
    bool want_key = true;
    while (depth > 0) {
        yaml_event_t event;
        int status = take_event(reading, &event);
        if (status != 0) {
            return status;
        }
        size_t at = line_of(event.start_mark);
        yaml_event_type_t type = event.type;
        if (want_key && type != YAML_MAPPING_END_EVENT) {
            lens[depth - 1] = reading->path_len;
            status = push_key(reading, &event);
            want_key = false;
        } else if (type == YAML_MAPPING_END_EVENT) {
            depth--;
            if (depth > 0) {
                pop_key(reading, lens[depth - 1]);
            }
            want_key = true;
        } else if (type == YAML_MAPPING_START_EVENT) {
            if (depth == FAMA_YAML_DEPTH_MAX) {
                status = fama_error_set(reading->error, reading->invalid,
                                        "more than %d levels: %s:%zu: flatten it",
                                        FAMA_YAML_DEPTH_MAX, reading->name, at);
            } else {
                depth++;
                want_key = true;
            }
        } else {
            reading->text_len = 0;
            if (type == YAML_SEQUENCE_START_EVENT) {
                status = read_sequence(reading, at);
            } else if (type == YAML_SCALAR_EVENT) {
                status = append_scalar(reading, &event);
                status = status == 0 ? visit(reading, FAMA_YAML_SCALAR, at) : status;
            } else {
                status = visit(reading, FAMA_YAML_STRUCTURED, at);
            }
            pop_key(reading, lens[depth - 1]);
            want_key = true;
        }
        yaml_event_delete(&event);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* The first document of the stream, up to its outermost mapping. An empty stream has nothing to visit. */
static int read_document(struct reading *reading)
{
    for (;;) {
        yaml_event_t event;
        int status = take_event(reading, &event);
        if (status != 0) {
            return status;
        }
        yaml_event_type_t type = event.type;
        size_t line = line_of(event.start_mark);
        bool is_empty_scalar =
            type == YAML_SCALAR_EVENT && (event.data.scalar.length == 0 || is_null(&event));
        yaml_event_delete(&event);
        switch (type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
            continue;
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            return 0;
        case YAML_MAPPING_START_EVENT:
            return read_mapping(reading);
        default:
            if (is_empty_scalar) {
                return 0;
            }
            return fama_error_set(
                reading->error, reading->invalid,
                "the text is not a mapping of keys to values: %s:%zu: begin with `peer:`",
                reading->name, line);
        }
    }
}

int fama_yaml_visit(const char *name, struct fama_bytes text, int invalid,
                    fama_yaml_visitor visitor, void *context, struct fama_error *error)
{
    struct reading reading = {
        .name = name, .invalid = invalid, .visitor = visitor, .context = context, .error = error};
    if (text.len > FAMA_YAML_BYTES_MAX) {
        return fama_error_set(error, invalid,
                              "the file is larger than %u bytes: %s: is it the right one?",
                              FAMA_YAML_BYTES_MAX, name);
    }
    reading.text = malloc(FAMA_YAML_VALUE_BYTES_MAX + 1);
    if (reading.text == NULL || !yaml_parser_initialize(&reading.parser)) {
        free(reading.text);
        return fama_error_set(error, invalid, "out of memory while reading: %s: free some", name);
    }
    yaml_parser_set_input_string(&reading.parser, text.at != NULL ? text.at : (const uint8_t *)"",
                                 text.len);
    int status = read_document(&reading);
    yaml_parser_delete(&reading.parser);
    free(reading.text);
    return status;
}
