/* Texts of settings turned into values and back: the parts of controlplane/config.h that know nothing of
 * keys, and the ones only the configuration needs. Any thread. Adversary: the file's writer. */
#ifndef FAMA_CONTROLPLANE_CONFIG_VALUE_H
#define FAMA_CONTROLPLANE_CONFIG_VALUE_H

#include "controlplane/config.h"
#include "controlplane/config_keys.h"

/* Turns `text` (not empty) into the field of `config` that `key` names. Returns 0, or FAMA_CONFIG_INVALID
 * with `error` saying only what is wrong with the text and what would be right ("is "x", not a ...");
 * the caller puts key and place before it. Texts are not copied: `text` must live as long as `config`. */
int fama_config_store(struct fama_config *config, const struct fama_config_key *key, char *text,
                      struct fama_error *error);

/* "198.18.0.11/24" or "2001:db8::11/64" in its two parts; false if it is none. */
bool fama_cidr_parse(const char *text, uint8_t address[FAMA_ADDRESS_BYTES], uint8_t *prefix_bits);

/* Decimal digits only; false if it is none or does not fit. */
bool fama_digits_parse(const char *text, uint64_t *number);

#endif
