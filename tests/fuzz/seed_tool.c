/* The seeds of fuzzers stand as text in tests/fuzz/corpus; here they become the bytes that fuzzers begin with.
 *
 *   seed_tool FOLDER FILE...     each FILE, name.seed, as FOLDER/name
 *
 * What stands in a seed, one after the other:
 *   # until the end of the line       nothing
 *   "text"                            its bytes; \" and \\ stand for themselves, lines may end in it
 *   x00ff                             bytes in hexadecimal
 *   { ... }                           the bytes of what is between
 *   7: 300                            field 7 of a protobuf message, a number
 *   7: "text", 7: x00ff, 7: { ... }   field 7, bytes or a message */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define BYTES_MAX ((size_t)1 << 20) /* libFuzzer's own limit */

struct output {
    uint8_t *at; /* BYTES_MAX */
    size_t len;
};

struct input {
    const char *file;
    const char *at;
    int line;
};

static bool complain(const struct input *input, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", input->file, input->line, what);
    return false;
}

static bool append(const struct input *input, struct output *output, const void *bytes, size_t len)
{
    if (len > BYTES_MAX - output->len) {
        return complain(input, "larger than a fuzzer takes");
    }
    memcpy(output->at + output->len, bytes, len);
    output->len += len;
    return true;
}

static bool append_varint(const struct input *input, struct output *output, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    do {
        bytes[len++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return append(input, output, bytes, len);
}

static void skip_space(struct input *input)
{
    while (isspace((unsigned char)*input->at) || *input->at == '#') {
        if (*input->at == '#') {
            input->at += strcspn(input->at, "\n");
        } else {
            input->line += *input->at++ == '\n';
        }
    }
}

static bool read_text(struct input *input, struct output *output)
{
    for (input->at++; *input->at != '"'; input->at++) {
        if (*input->at == '\\') {
            input->at++;
        }
        if (*input->at == '\0') {
            return complain(input, "a text without end");
        }
        input->line += *input->at == '\n';
        if (!append(input, output, input->at, 1)) {
            return false;
        }
    }
    input->at++;
    return true;
}

static bool read_hexadecimal(struct input *input, struct output *output)
{
    for (input->at++; isxdigit((unsigned char)input->at[0]); input->at += 2) {
        char pair[3] = {input->at[0], input->at[1], '\0'};
        if (!isxdigit((unsigned char)pair[1])) {
            return complain(input, "half a byte");
        }
        uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
        if (!append(input, output, &byte, 1)) {
            return false;
        }
    }
    return true;
}

static bool read_number(struct input *input, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(input->at, &end, 10);
    if (errno != 0 || !isdigit((unsigned char)*input->at)) {
        return complain(input, "no number");
    }
    input->at = end;
    return true;
}

static bool read_parts(struct input *input, struct output *output, int depth);

static bool read_group(struct input *input, struct output *output, int depth)
{
    input->at++;
    if (depth == DEPTH_MAX) {
        return complain(input, "too deep");
    }
    if (!read_parts(input, output, depth + 1)) {
        return false;
    }
    if (*input->at != '}') {
        return complain(input, "a { without its }");
    }
    input->at++;
    return true;
}

static bool read_bytes(struct input *input, struct output *output, int depth)
{
    switch (*input->at) {
    case '"':
        return read_text(input, output);
    case 'x':
        return read_hexadecimal(input, output);
    case '{':
        return read_group(input, output, depth);
    default:
        return complain(input, "neither \"text\" nor x00ff nor { ... }");
    }
}

static bool read_field(struct input *input, struct output *output, int depth)
{
    uint64_t field;
    uint64_t number;
    if (!read_number(input, &field) || *input->at != ':' || field > UINT32_MAX) {
        return complain(input, "a field is written as 7:");
    }
    input->at++;
    skip_space(input);
    if (isdigit((unsigned char)*input->at)) {
        return read_number(input, &number) && append_varint(input, output, field << 3) &&
               append_varint(input, output, number);
    }
    struct output inner = {.at = malloc(BYTES_MAX)};
    bool is_read = inner.at != NULL && read_bytes(input, &inner, depth) &&
                   append_varint(input, output, field << 3 | 2) &&
                   append_varint(input, output, inner.len) &&
                   append(input, output, inner.at, inner.len);
    free(inner.at);
    return is_read;
}

static bool read_parts(struct input *input, struct output *output, int depth)
{
    bool is_read = true;
    skip_space(input);
    while (is_read && *input->at != '\0' && *input->at != '}') {
        is_read = isdigit((unsigned char)*input->at) ? read_field(input, output, depth)
                                                     : read_bytes(input, output, depth);
        skip_space(input);
    }
    return is_read;
}

static bool load(const char *file, char *text)
{
    FILE *in = fopen(file, "rb");
    if (in == NULL) {
        (void)fprintf(stderr, "%s: %s\n", file, strerror(errno));
        return false;
    }
    size_t len = fread(text, 1, BYTES_MAX, in);
    text[len] = '\0';
    bool is_whole = ferror(in) == 0 && len < BYTES_MAX && strlen(text) == len;
    (void)fclose(in);
    if (!is_whole) {
        (void)fprintf(stderr, "%s: no text, or too long\n", file);
    }
    return is_whole;
}

static bool save(const char *folder, const char *file, const struct output *output)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash == NULL ? file : slash + 1;
    const char *end = strrchr(name, '.');
    char path[PATH_MAX];
    int name_len = end == NULL ? (int)strlen(name) : (int)(end - name);
    int len = snprintf(path, sizeof path, "%s/%.*s", folder, name_len, name);
    FILE *out = len < 0 || (size_t)len >= sizeof path ? NULL : fopen(path, "wb");
    bool is_written = out != NULL && fwrite(output->at, 1, output->len, out) == output->len;
    is_written = out != NULL && fclose(out) == 0 && is_written;
    if (!is_written) {
        (void)fprintf(stderr, "%s cannot be written to %s\n", file, folder);
    }
    return is_written;
}

static bool make(const char *folder, const char *file, char *text, struct output *output)
{
    struct input input = {.file = file, .at = text, .line = 1};
    output->len = 0;
    if (!load(file, text) || !read_parts(&input, output, 0)) {
        return false;
    }
    if (*input.at != '\0') {
        return complain(&input, "a } without its {");
    }
    return save(folder, file, output);
}

int main(int argc, char **argv)
{
    char *text = malloc(BYTES_MAX + 1);
    struct output output = {.at = malloc(BYTES_MAX)};
    bool is_made = text != NULL && output.at != NULL && argc >= 2;
    for (int i = 2; i < argc && is_made; i++) {
        is_made = make(argv[1], argv[i], text, &output);
    }
    free(text);
    free(output.at);
    return is_made ? EXIT_SUCCESS : EXIT_FAILURE;
}
