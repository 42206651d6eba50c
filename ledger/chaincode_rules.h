/* What transactions of a chaincode must satisfy, by the definitions in the state: looked up once, compiled
 * once, remembered until a definition may have changed.
 *
 * Source: Fabric core/committer/txvalidator/v20/{valinforetriever/shim,plugindispatcher/dispatcher}.go,
 * core/chaincode/lifecycle/deployedcc_infoprovider.go, core/committer/txvalidator/v14/vscc_validator.go
 * (GetInfoForValidate), core/ledger/kvledger/txmgmt/txmgr/collection_val.go; spec fabric-formats §7.
 *
 * A book belongs to one channel configuration and the definitions of one moment: whoever owns it
 * clears it when either changes (fama_chaincode_book_open). It keeps copies of what it reads from the
 * state, and a bounded number of chaincodes. One thread. Adversary: whoever gets definitions endorsed, and
 * clients who name chaincodes that do not exist. */
#ifndef FAMA_LEDGER_CHAINCODE_RULES_H
#define FAMA_LEDGER_CHAINCODE_RULES_H

#include "ledger/chaincode_definition.h"
#include "ledger/channel_config.h"
#include "ledger/endorsement_rule.h"

#define FAMA_CHAINCODE_BOOK_MAX     1024 /* chaincodes; one more and all are forgotten */
#define FAMA_CHAINCODE_BOOK_BUCKETS 256

struct fama_collection_rule {
    struct fama_bytes name;
    bool has_rule; /* else the chaincode's own rule counts, as for public keys */
    struct fama_endorsement_rule rule;
    uint64_t checked_in; /* by ledger/key_level.h */
};

struct fama_chaincode_rules {
    struct fama_bytes name;
    bool is_defined;     /* false: its transactions are invalid */
    bool is_lifecycle;   /* defined by 2.x */
    bool has_our_plugin; /* false: Fabric would ask a plugin that is not built in */
    struct fama_bytes plugin;
    struct fama_bytes version; /* of 1.x definitions */
    struct fama_endorsement_rule rule;
    bool has_collections; /* the rest is read */
    struct fama_collection_rule *collections;
    size_t collection_count;

    struct fama_arena arena;
    struct fama_chaincode_rules *next; /* in its bucket */
};

struct fama_chaincode_book { /* zeroed at first */
    struct fama_channel_config *config;
    struct fama_chaincode_rules *buckets[FAMA_CHAINCODE_BOOK_BUCKETS];
    struct fama_chaincode_rules *last; /* the one found last */
    size_t count;
    struct fama_endorsement_rule lifecycle;  /* writes to `_lifecycle` */
    struct fama_endorsement_rule any_member; /* system chaincodes of 1.x */
    struct fama_arena arena;
};

/* Forgets everything and begins anew under `config`, which it holds a reference to. Returns 0 or
 * FAMA_VALIDATION_NO_MEMORY (ledger/validation.h), as all that follow also return its HALT and IO. */
int fama_chaincode_book_open(struct fama_chaincode_book *book, struct fama_channel_config *config,
                             struct fama_error *error);
void fama_chaincode_book_close(struct fama_chaincode_book *book);

/* The rules of a chaincode, valid until the next call that finds another. */
int fama_chaincode_book_find(struct fama_chaincode_book *book, struct fama_state *state,
                             struct fama_bytes name, struct fama_chaincode_rules **rules,
                             struct fama_error *error);
/* One of its collections; *found is NULL if there is none of that name. */
int fama_chaincode_book_collection(struct fama_chaincode_book *book, struct fama_state *state,
                                   struct fama_chaincode_rules *rules, struct fama_bytes name,
                                   struct fama_collection_rule **found, struct fama_error *error);

/* System chaincodes of 1.x: IsSysCC. */
bool fama_is_system_chaincode(struct fama_bytes name);

#endif
