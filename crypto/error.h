/* Why something failed, in words a person can act on: what, where, what to do.
 *
 * Functions return 0 or a negative enum value of their module; those whose failure reaches a person
 * also fill a struct fama_error. The lower floors never log: they explain themselves through this.
 * The text is one line without a newline. A NULL error is allowed everywhere and simply discards
 * the words. */
#ifndef FAMA_CRYPTO_ERROR_H
#define FAMA_CRYPTO_ERROR_H

#define FAMA_ERROR_TEXT_BYTES 512

struct fama_error {
    char text[FAMA_ERROR_TEXT_BYTES];
};

/* Writes the words and returns `code`, so that a failing function can end in one statement. */
int fama_error_set(struct fama_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts context before the words already there ("channel drivenet: ..."), and returns `code`. */
int fama_error_prefix(struct fama_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
