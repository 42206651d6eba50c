/* Flattens a YAML document into dotted paths: `a: {b: 1}` becomes "a.b" with the text "1", with the line
 * each stands in. What the values mean is the visitor's business.
 *
 * Bounds: 1 MiB, 16 levels of mappings, paths of 255 bytes, values of 64 KiB. Anchors are not followed
 * (an alias is a structured value), so the work is linear in the text. Adversary: the file's writer.
 * Any thread. */
#ifndef FAMA_CONTROLPLANE_YAML_KEYS_H
#define FAMA_CONTROLPLANE_YAML_KEYS_H

#include "crypto/bytes.h"
#include "crypto/error.h"

#define FAMA_YAML_BYTES_MAX       (1u << 20)
#define FAMA_YAML_DEPTH_MAX       16
#define FAMA_YAML_PATH_BYTES      256
#define FAMA_YAML_VALUE_BYTES_MAX (64u << 10)

enum fama_yaml_kind {
    FAMA_YAML_SCALAR = 1,
    FAMA_YAML_LIST = 2,       /* of scalars; the text is its items with a blank between them */
    FAMA_YAML_STRUCTURED = 3, /* a list with mappings or lists in it, or an alias; no text */
};

/* `text` is empty for null. Returns 0 to go on; anything else ends the reading and is its result. */
typedef int (*fama_yaml_visitor)(void *context, const char *path, enum fama_yaml_kind kind,
                                 const char *text, size_t line, struct fama_error *error);

/* Visits every leaf in the order of the text. `name` is for messages. Returns 0, the visitor's result,
 * or `invalid` with words when this is no YAML or leaves the bounds. */
int fama_yaml_visit(const char *name, struct fama_bytes text, int invalid,
                    fama_yaml_visitor visitor, void *context, struct fama_error *error);

#endif
