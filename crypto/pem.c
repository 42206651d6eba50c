#include "crypto/pem.h"

static const char begin_mark[] = "\n-----BEGIN ";
static const char end_mark[] = "\n-----END ";
static const char dashes[] = "-----";

enum {
    BEGIN_LEN = sizeof begin_mark - 1,
    END_LEN = sizeof end_mark - 1,
    DASHES_LEN = sizeof dashes - 1,
};

static struct fama_bytes skip(struct fama_bytes text, size_t len)
{
    return fama_bytes(text.at + len, text.len - len);
}

static bool starts_with(struct fama_bytes text, const char *mark, size_t len)
{
    return text.len >= len && memcmp(text.at, mark, len) == 0;
}

/* Takes a line off the front of `text`; the line comes without its end and without trailing
 * blanks. */
static struct fama_bytes take_line(struct fama_bytes *text)
{
    const uint8_t *newline = text->len > 0 ? memchr(text->at, '\n', text->len) : NULL;
    size_t len = newline != NULL ? (size_t)(newline - text->at) : text->len;
    struct fama_bytes line = fama_bytes(text->at, len);
    *text = skip(*text, newline != NULL ? len + 1 : len);
    if (newline != NULL && line.len > 0 && line.at[line.len - 1] == '\r') {
        line.len--;
    }
    while (line.len > 0 && (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t')) {
        line.len--;
    }
    return line;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes padded base64 (RFC 4648 §4). The unused bits of a last group may be anything. */
static bool decode_base64(struct fama_bytes text, uint8_t *out, size_t *out_len)
{
    uint32_t group = 0;
    size_t digits = 0;  /* of the current group */
    size_t padding = 0; /* of the current group, which is then the last */
    bool ended = false;
    *out_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            continue;
        }
        int value = base64_value(c);
        if (ended || (c == '=' ? digits < 2 : value < 0 || padding > 0)) {
            return false;
        }
        if (c == '=') {
            padding++;
            value = 0;
        } else {
            digits++;
        }
        group = group << 6 | (uint32_t)value;
        if (digits + padding == 4) {
            for (size_t byte = 0; byte < 3 - padding; byte++) {
                out[(*out_len)++] = (uint8_t)(group >> (16 - 8 * byte));
            }
            ended = padding > 0;
            group = 0;
            digits = 0;
            padding = 0;
        }
    }
    return digits == 0;
}

/* Finds the marker's first occurrence. The last answer is remembered in *known (an absolute
 * position), because every candidate block of a hostile text would else search the rest of it
 * again. */
static const uint8_t *find_end(struct fama_bytes text, const uint8_t **known)
{
    if (*known == NULL || *known < text.at) {
        *known = text.len > 0 ? memmem(text.at, text.len, end_mark, END_LEN) : NULL;
    }
    return *known;
}

/* Whether `trailer` goes on with the block's type, five dashes and nothing but blanks. */
static bool closes(struct fama_bytes trailer, struct fama_bytes type)
{
    if (trailer.len < type.len + DASHES_LEN ||
        (type.len > 0 && memcmp(trailer.at, type.at, type.len) != 0) ||
        memcmp(trailer.at + type.len, dashes, DASHES_LEN) != 0) {
        return false;
    }
    trailer = skip(trailer, type.len + DASHES_LEN);
    return take_line(&trailer).len == 0;
}

bool fama_pem_next(struct fama_bytes *text, uint8_t *buffer, struct fama_pem_block *block)
{
    struct fama_bytes rest = *text;
    const uint8_t *known_end = NULL;
    for (;;) {
        if (starts_with(rest, begin_mark + 1, BEGIN_LEN - 1)) {
            rest = skip(rest, BEGIN_LEN - 1);
        } else {
            const uint8_t *begin =
                rest.len > 0 ? memmem(rest.at, rest.len, begin_mark, BEGIN_LEN) : NULL;
            if (begin == NULL) {
                return false;
            }
            rest = skip(rest, (size_t)(begin - rest.at) + BEGIN_LEN);
        }
        struct fama_bytes type = take_line(&rest);
        if (type.len < DASHES_LEN ||
            memcmp(type.at + type.len - DASHES_LEN, dashes, DASHES_LEN) != 0) {
            continue;
        }
        type.len -= DASHES_LEN;

        bool has_headers = false;
        for (;;) {
            if (rest.len == 0) {
                return false;
            }
            struct fama_bytes after = rest;
            struct fama_bytes line = take_line(&after);
            if (line.len == 0 || memchr(line.at, ':', line.len) == NULL) {
                break;
            }
            has_headers = true;
            rest = after;
        }

        size_t body_len = 0;
        size_t trailer_at = END_LEN - 1;
        if (has_headers || !starts_with(rest, end_mark + 1, END_LEN - 1)) {
            const uint8_t *end = find_end(rest, &known_end);
            if (end == NULL) {
                return false; /* then no later block ends either */
            }
            body_len = (size_t)(end - rest.at);
            trailer_at = body_len + END_LEN;
        }
        /* The body first: it ends at the next candidate's dashes, where a hostile trailer would be
         * gone through for every candidate. */
        size_t content_len;
        if (!decode_base64(fama_bytes(rest.at, body_len), buffer, &content_len) ||
            !closes(skip(rest, trailer_at), type)) {
            continue;
        }
        rest = skip(rest, body_len + END_LEN - 1);
        (void)take_line(&rest);
        *text = rest;
        block->type = type;
        block->content = fama_bytes(buffer, content_len);
        return true;
    }
}
