#include "crypto/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts from file names and certificates may hold anything; an operator's terminal and log get one
 * printable line. UTF-8 sequences are left alone, but for those of the control characters U+0080 to
 * U+009F. */
static void make_one_line(char *text)
{
    unsigned char before = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            *text = ' ';
        } else if (before == 0xc2 && c >= 0x80 && c <= 0x9f) {
            text[-1] = ' ';
            *text = ' ';
        }
        before = c;
    }
}

static void write_words(char *text, const char *format, va_list arguments)
{
    if (vsnprintf(text, FAMA_ERROR_TEXT_BYTES, format, arguments) < 0) {
        text[0] = '\0';
    }
    make_one_line(text);
}

int fama_error_set(struct fama_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        /* The arguments may point into the text that is about to be replaced. */
        char text[FAMA_ERROR_TEXT_BYTES];
        va_list arguments;
        va_start(arguments, format);
        write_words(text, format, arguments);
        va_end(arguments);
        memcpy(error->text, text, strlen(text) + 1);
    }
    return code;
}

int fama_error_prefix(struct fama_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        char text[FAMA_ERROR_TEXT_BYTES];
        va_list arguments;
        va_start(arguments, format);
        write_words(text, format, arguments);
        va_end(arguments);
        /* When both do not fit, the end of the old words is what gets lost. */
        size_t len = strlen(text);
        size_t room = sizeof text - 1 - len;
        size_t old = strnlen(error->text, sizeof error->text - 1);
        size_t kept = old < room ? old : room;
        memmove(error->text + len, error->text, kept);
        error->text[len + kept] = '\0';
        memcpy(error->text, text, len);
    }
    return code;
}
