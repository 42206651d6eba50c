/* The table of all configuration keys: the one place that says what exists, of which type, with which
 * default, within which bounds, in which field of struct fama_config it lands, and in words what it is
 * for and when to change it. The parser, the environment variables, the listing and the sample file are
 * made from it. Constant data; any thread. */
#ifndef FAMA_CONTROLPLANE_CONFIG_KEYS_H
#define FAMA_CONTROLPLANE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fama_key_type {
    FAMA_KEY_TEXT,      /* char *, NULL if unset */
    FAMA_KEY_PATH,      /* char *, made absolute against the file's directory */
    FAMA_KEY_BOOL,      /* bool */
    FAMA_KEY_NUMBER,    /* uint8_t .. uint64_t, by the field's size */
    FAMA_KEY_BYTES,     /* the same, K, M, G allowed */
    FAMA_KEY_REAL,      /* double */
    FAMA_KEY_DURATION,  /* uint64_t nanoseconds */
    FAMA_KEY_ENDPOINT,  /* struct fama_endpoint */
    FAMA_KEY_ENDPOINTS, /* the bootstrap set */
    FAMA_KEY_CIDR,      /* dataplane.prefix_bits; the address is compared with the endpoint */
    FAMA_KEY_ADDRESS,   /* uint8_t[FAMA_ADDRESS_BYTES] */
    FAMA_KEY_CPUS,      /* dataplane.net_cores, .verify_cores */
    FAMA_KEY_CHOICE,    /* a word of `choices`, stored as its position (int sized) */
    FAMA_KEY_WORD,      /* a word of `choices`, stored as char * */
};

/* What an unset key becomes when a fixed default will not do. */
enum fama_key_derived {
    FAMA_KEY_NOT_DERIVED = 0,
    FAMA_KEY_FROM_ADDRESS,          /* peer.address */
    FAMA_KEY_FROM_ALIVE_INTERVAL,   /* five times peer.gossip.aliveTimeInterval */
    FAMA_KEY_FROM_ALIVE_EXPIRATION, /* peer.gossip.aliveExpirationTimeout */
    FAMA_KEY_FROM_FILE_SYSTEM_PATH, /* fama.sock in peer.fileSystemPath */
    FAMA_KEY_FROM_PEER_ID,          /* fama- and peer.id */
    FAMA_KEY_FIRST_CPU,             /* first, second, third CPU this process may run on; */
    FAMA_KEY_SECOND_CPU,            /* the last one if there are fewer */
    FAMA_KEY_THIRD_CPU,
};

struct fama_config_key {
    const char *path; /* as Fabric or we spell it; compared without regard to case */
    enum fama_key_type type;
    enum fama_key_derived derived;
    bool is_required;
    bool
        zero_is_default; /* Fabric's gossip numbers: 0 means the default, so 0 cannot be configured */
    const char *fallback; /* default as text; NULL: none, or derived */
    const char
        *sample; /* value in the sample file; NULL: the default, commented out if there is none */
    const char *choices; /* CHOICE and WORD: words separated by blanks */
    uint64_t least;      /* NUMBER, BYTES, DURATION, REAL, CPUS: bounds, both allowed */
    uint64_t most;
    size_t offset; /* of the field in struct fama_config */
    size_t size;   /* 0: no field, the value is looked at while loading only */
    const char *unit;
    const char *words; /* what it is and when to change it; sentences */
};

extern const struct fama_config_key fama_config_keys[];
extern const size_t fama_config_key_count;

/* Fabric's own keys under peer and peer.gossip that mean nothing to Fama: accepted whatever they say. */
extern const char *const fama_config_accepted[];
extern const size_t fama_config_accepted_count;

/* Fabric's sections of which nothing is read: accepted with all that is below them. */
extern const char *const fama_config_foreign_sections[];
extern const size_t fama_config_foreign_section_count;

#endif
