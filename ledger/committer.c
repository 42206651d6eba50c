#include "ledger/committer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/commit_hash.h"
#include "ledger/committer_parts.h"
#include "ledger/envelope.h"
#include "ledger/expiry.h"
#include "ledger/ledger_origin.h"
#include "ledger/mvcc.h"
#include "ledger/state_store.h"

static const char config_key[] = "CHANNEL_CONFIG_ENV_BYTES";

static int out_of_memory(struct fama_error *error)
{
    return fama_error_set(error, FAMA_COMMITTER_NO_MEMORY, "out of memory");
}

/* ---- Life ---- */

/* The name of the channel whose blocks the ledger holds, from its block 0 or its snapshot. */
static int read_channel_id(struct fama_committer *committer, struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct fama_block block = {0};
    struct fama_channel_header header = {0};
    const struct fama_ledger_origin *origin = fama_ledger_origin(committer->ledger);
    if (origin->first_block > 0) { /* it began with a snapshot */
        memcpy(committer->channel_id, origin->channel_id, sizeof committer->channel_id);
        return 0;
    }
    if (fama_ledger_block(committer->ledger, 0, &bytes, &len, error) != 0) {
        return FAMA_COMMITTER_LEDGER;
    }
    enum fama_block_refusal refusal = fama_block_parse(fama_bytes(bytes, len), &block);
    if (refusal == FAMA_BLOCK_NO_MEMORY) {
        fama_ledger_free(bytes);
        return out_of_memory(error);
    }
    bool is_read = refusal == FAMA_BLOCK_ACCEPTED && block.envelope_count > 0 &&
                   fama_envelope_channel_header(block.envelopes[0], &header) &&
                   fama_channel_id_is_valid(header.channel_id);
    if (is_read) {
        memcpy(committer->channel_id, header.channel_id.at, header.channel_id.len);
        committer->channel_id[header.channel_id.len] = '\0';
    }
    fama_block_clear(&block);
    fama_ledger_free(bytes);
    return is_read ? 0
                   : fama_error_set(error, FAMA_COMMITTER_LEDGER,
                                    "the ledger's block 0 names no channel: it is damaged; restore "
                                    "a copy or join the channel again");
}

static int load_config(struct fama_committer *committer, struct fama_error *error)
{
    struct fama_state_entry entry;
    const struct fama_state_name name = {.key = fama_bytes_of_text(config_key)};
    if (fama_state_get(committer->state, &name, &entry, error) != 0) {
        return FAMA_COMMITTER_LEDGER;
    }
    if (!entry.exists) {
        return fama_error_set(error, FAMA_COMMITTER_DAMAGED,
                              "the state lacks the channel's configuration: make it anew with "
                              "`fama ledger rebuild`");
    }
    int status = fama_channel_config_from_envelope(
        entry.value, fama_bytes_of_text(committer->channel_id), &committer->config, error);
    fama_state_reset(committer->state);
    if (status != 0) {
        return fama_error_prefix(error, FAMA_COMMITTER_LEDGER, "last configuration: ");
    }
    return 0;
}

static int load(struct fama_committer *committer, const char *channel_id, struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(committer->ledger, &info);
    committer->planned.next = info.height;
    memcpy(committer->planned.hash, info.last_hash, FAMA_SHA256_BYTES);
    if (info.height == 0) {
        return 0;
    }
    if (info.state_height != info.height) {
        return fama_error_set(error, FAMA_COMMITTER_DAMAGED,
                              "the state is that of height %" PRIu64 ", the blocks reach %" PRIu64
                              ": make it anew with `fama ledger rebuild`",
                              info.state_height, info.height);
    }
    int status = read_channel_id(committer, error);
    if (status == 0 && channel_id != NULL && strcmp(channel_id, committer->channel_id) != 0) {
        status = fama_error_set(error, FAMA_COMMITTER_INVALID,
                                "its ledger holds channel %s: the folder was renamed or mixed up",
                                committer->channel_id);
    }
    return status == 0 ? load_config(committer, error) : status;
}

int fama_committer_create(struct fama_ledger *ledger, const char *channel_id,
                          struct fama_committer **committer, struct fama_error *error)
{
    *committer = NULL;
    struct fama_committer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return out_of_memory(error);
    }
    made->ledger = ledger;
    made->written_before_ns = fama_ledger_writing_ns(ledger);
    made->identities = fama_identity_cache_create();
    made->verifier = fama_verifier_create();
    made->validator = fama_validator_create();
    made->state = fama_state_create(fama_ledger_state(ledger));
    made->config_history = fama_config_history_create();
    made->expiry = fama_expiry_create(fama_ledger_store(ledger), fama_chaincode_block_to_live);
    int status = 0;
    if (made->identities == NULL || made->verifier == NULL || made->validator == NULL ||
        made->state == NULL || made->expiry == NULL || made->config_history == NULL) {
        status = out_of_memory(error);
    }
    if (status == 0) {
        status = load(made, channel_id, error);
    }
    if (status != 0) {
        fama_committer_destroy(made);
        return status;
    }
    *committer = made;
    return 0;
}

void fama_committer_destroy(struct fama_committer *committer)
{
    if (committer == NULL) {
        return;
    }
    fama_config_history_destroy(committer->config_history);
    fama_expiry_destroy(committer->expiry);
    fama_state_destroy(committer->state);
    fama_validator_destroy(committer->validator);
    fama_verifier_destroy(committer->verifier);
    fama_identity_cache_destroy(committer->identities);
    fama_channel_config_release(committer->config);
    fama_txid_set_free(&committer->txids);
    free(committer);
}

struct fama_channel_config *fama_committer_config(const struct fama_committer *committer)
{
    return committer->config;
}

uint64_t fama_committer_next(const struct fama_committer *committer)
{
    return committer->planned.next;
}

bool fama_committer_can_prepare(const struct fama_committer *committer)
{
    return !committer->is_config_pending && !committer->is_broken && committer->config != NULL;
}

void fama_committer_times(const struct fama_committer *committer,
                          struct fama_committer_times *times)
{
    *times = committer->times;
    times->commit += fama_ledger_writing_ns(committer->ledger) - committer->written_before_ns;
}

/* ---- Known transaction ids ---- */

/* Marks the ids that stand in an earlier block, committed or of this group. */
static int mark_known(struct fama_committer *committer, struct fama_commit_group *group,
                      struct fama_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        count += group->entries[i].prepared->count;
    }
    struct fama_bytes *txids = malloc((count + 1) * sizeof txids[0]);
    bool *known = malloc((count + 1) * sizeof known[0]);
    if (txids == NULL || known == NULL) {
        free(txids);
        free(known);
        return out_of_memory(error);
    }
    size_t at = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct fama_prepared_block *block = group->entries[i].prepared;
        for (size_t j = 0; j < block->count; j++) {
            txids[at++] = fama_transaction_indexed_txid(&block->transactions[j].decoded);
        }
    }
    int status = fama_ledger_known_txids(committer->ledger, txids, count, known, error) == 0
                     ? 0
                     : FAMA_COMMITTER_LEDGER;
    at = 0;
    for (size_t i = 0; status == 0 && i < group->count; i++) {
        struct fama_prepared_block *block = group->entries[i].prepared;
        size_t first = at;
        for (size_t j = 0; j < block->count; j++, at++) {
            block->transactions[j].is_known_txid =
                known[at] || fama_txid_set_contains(&committer->txids, txids[at]);
        }
        for (size_t j = first; status == 0 && j < at; j++) {
            status = txids[j].len == 0 || fama_txid_set_add(&committer->txids, txids[j])
                         ? 0
                         : out_of_memory(error);
        }
    }
    fama_txid_set_clear(&committer->txids);
    free(txids);
    free(known);
    return status;
}

/* ---- Judging ---- */

/* Errors of the parts as the committer's: what halts Fabric halts here, the rest is the ledger's. */
static int translate(int status, int halt, int no_memory)
{
    if (status == 0) {
        return 0;
    }
    if (status == halt) {
        return FAMA_COMMITTER_HALT;
    }
    return status == no_memory ? FAMA_COMMITTER_NO_MEMORY : FAMA_COMMITTER_LEDGER;
}

/* Block 0 is what the administrator says it is. */
static int judge_genesis(struct fama_prepared_block *block)
{
    memset(block->codes, FAMA_TRANSACTION_VALID, block->count);
    return 0;
}

static int chain_commit_hash(struct fama_committer *committer, struct fama_commit_entry *entry,
                             struct fama_error *error)
{
    const struct fama_prepared_block *block = entry->prepared;
    struct fama_committed_block *result = &entry->result;
    struct fama_bytes previous = fama_bytes(committer->commit_hash, FAMA_SHA256_BYTES);
    if (block->block.number == 1) {
        previous.len = 0;
    } else if (block->block.number == 0 || !committer->has_commit_hash) {
        return 0; /* a ledger that has lost it has none any more, as in Fabric */
    }
    if (fama_commit_hash(committer->state, block->codes, block->count, previous,
                         result->commit_hash) != 0) {
        return out_of_memory(error);
    }
    result->has_commit_hash = true;
    return 0;
}

static int judge_block(struct fama_committer *committer, struct fama_commit_entry *entry,
                       struct fama_channel_config **next, struct fama_error *error)
{
    struct fama_prepared_block *block = entry->prepared;
    uint64_t began = fama_committer_clock();
    fama_state_begin_block(committer->state, block->block.number);
    int status = block->block.number == 0
                     ? judge_genesis(block)
                     : fama_validate(committer->validator, block, committer->state, next, error);
    status = translate(status, FAMA_VALIDATION_HALT, FAMA_VALIDATION_NO_MEMORY);
    if (status == 0 && *next != NULL && block->count > 1) {
        status =
            fama_error_set(error, FAMA_COMMITTER_HALT,
                           "a configuration stands beside other transactions, which no orderer "
                           "does and no Fabric peer gets past");
    }
    uint64_t validated = fama_committer_clock();
    committer->times.policy += validated - began;
    if (status == 0) {
        status = translate(fama_mvcc_judge(block, committer->state, error), FAMA_MVCC_HALT,
                           FAMA_MVCC_NO_MEMORY);
    }
    if (status == 0) {
        status = chain_commit_hash(committer, entry, error);
    }
    if (status == 0) {
        status = translate(fama_config_history_advance(committer->config_history, committer->state,
                                                       block->block.number, error),
                           FAMA_CHAINCODE_DEFINITION_CORRUPT, FAMA_STATE_NO_MEMORY);
    }
    if (status == 0) {
        status = translate(fama_expiry_advance(committer->expiry, committer->state, error),
                           FAMA_CHAINCODE_DEFINITION_CORRUPT, FAMA_EXPIRY_NO_MEMORY);
    }
    committer->times.mvcc += fama_committer_clock() - validated;
    if (status != 0) {
        fama_state_abandon_block(committer->state);
        fama_config_history_abandon_block(committer->config_history, block->block.number);
        fama_expiry_abandon_block(committer->expiry, block->block.number);
        return fama_error_prefix(error, status, "block %" PRIu64 ": ", block->block.number);
    }
    entry->result.prepared = block;
    committer->has_commit_hash = entry->result.has_commit_hash;
    memcpy(committer->commit_hash, entry->result.commit_hash, FAMA_SHA256_BYTES);
    return 0;
}

/* ---- Writing ---- */

/* fama_ledger_commit, or the beginning of it. */
typedef int (*ledger_write)(struct fama_ledger *, const struct fama_ledger_commit *, size_t,
                            const struct fama_ledger_effects *, struct fama_error *);

static int write_blocks(struct fama_committer *committer, struct fama_commit_group *group,
                        size_t count, ledger_write write, struct fama_error *error)
{
    struct fama_ledger_commit commits[FAMA_COMMIT_GROUP_MAX];
    for (size_t i = 0; i < count; i++) {
        struct fama_commit_entry *entry = &group->entries[i];
        commits[i] = (struct fama_ledger_commit){
            .block = &entry->prepared->block,
            .arrival = entry->arrival,
            .codes = entry->prepared->codes,
            .commit_hash = entry->result.has_commit_hash ? entry->result.commit_hash : NULL,
            .prepared = entry->prepared,
        };
    }
    const struct fama_ledger_effects effects = {.state = committer->state,
                                                .expiry = committer->expiry,
                                                .config_history = committer->config_history};
    return write(committer->ledger, commits, count, &effects, error) == 0 ? 0
                                                                          : FAMA_COMMITTER_LEDGER;
}

static void adopt(struct fama_committer *committer, struct fama_channel_config *next)
{
    if (next != NULL) {
        fama_channel_config_release(committer->config);
        committer->config = next;
    }
    committer->is_config_pending = false;
}

/* As far as the group is good; `*good` blocks of it are. */
static int judge(struct fama_committer *committer, struct fama_commit_group *group,
                 struct fama_channel_config **next, size_t *good, struct fama_error *error)
{
    struct fama_ledger_info info;
    fama_ledger_info(committer->ledger, &info);
    committer->has_commit_hash = info.has_commit_hash;
    memcpy(committer->commit_hash, info.commit_hash, FAMA_SHA256_BYTES);
    uint64_t began = fama_committer_clock();
    int status = mark_known(committer, group, error);
    uint64_t marked = fama_committer_clock();
    committer->times.policy += marked - began;
    for (size_t i = 0; status == 0 && i < group->count; i++) {
        status = translate(fama_mvcc_prefetch(group->entries[i].prepared, committer->state, error),
                           FAMA_MVCC_HALT, FAMA_MVCC_NO_MEMORY);
    }
    committer->times.mvcc += fama_committer_clock() - marked;
    while (status == 0 && *good < group->count) {
        status = judge_block(committer, &group->entries[*good], next, error);
        *good += status == 0;
    }
    return status;
}

/* Judges the group and writes it, or begins to. If the rest halts, what is good of it is durable on return:
 * `*committed` blocks. */
static int commit(struct fama_committer *committer, struct fama_commit_group *group,
                  ledger_write write, size_t *committed, struct fama_error *error)
{
    size_t good = 0;
    struct fama_error failure;
    *committed = 0;
    if (committer->is_broken) {
        return fama_error_set(error, FAMA_COMMITTER_LEDGER,
                              "no blocks are taken since a commit failed; mend its cause and open "
                              "the ledger again");
    }
    committer->next = NULL;
    int status = judge(committer, group, &committer->next, &good, error);
    uint64_t began = fama_committer_clock();
    if (status == 0) {
        status = write_blocks(committer, group, good, write, error);
    } else if (status == FAMA_COMMITTER_HALT && good > 0) {
        if (write_blocks(committer, group, good, fama_ledger_commit, &failure) == 0) {
            *committed = good;
        } else {
            status = fama_error_set(error, FAMA_COMMITTER_LEDGER, "%s", failure.text);
        }
    }
    fama_config_history_reset(committer->config_history);
    fama_expiry_reset(committer->expiry);
    fama_state_reset(committer->state);
    committer->times.commit += fama_committer_clock() - began;
    group->is_committed = true; /* or will never be: its place in the chain is not given back */
    if (status != 0) {
        fama_channel_config_release(committer->next);
        committer->next = NULL;
        committer->is_broken = true;
        return status;
    }
    committer->writing = group;
    return 0;
}

int fama_committer_begin(struct fama_committer *committer, struct fama_commit_group *group,
                         size_t *committed, struct fama_error *error)
{
    return commit(committer, group, fama_ledger_commit_begin, committed, error);
}

int fama_committer_finish(struct fama_committer *committer, size_t *committed,
                          struct fama_error *error)
{
    const struct fama_commit_group *group = committer->writing;
    struct fama_channel_config *next = committer->next;
    *committed = 0;
    if (group == NULL) {
        return 0;
    }
    committer->writing = NULL;
    committer->next = NULL;
    uint64_t began = fama_committer_clock();
    int status = fama_ledger_commit_finish(committer->ledger, error);
    committer->times.commit += fama_committer_clock() - began;
    if (status != 0) {
        fama_channel_config_release(next);
        committer->is_broken = true;
        return FAMA_COMMITTER_LEDGER;
    }
    *committed = group->count;
    if (group->ends_with_config) {
        adopt(committer, next);
    }
    return 0;
}

int fama_committer_commit(struct fama_committer *committer, struct fama_commit_group *group,
                          size_t *committed, struct fama_error *error)
{
    int status = commit(committer, group, fama_ledger_commit, committed, error);
    return status == 0 ? fama_committer_finish(committer, committed, error) : status;
}

/* ---- Block 0 ---- */

static int check_genesis(struct fama_bytes genesis, struct fama_channel_config **config,
                         struct fama_error *error)
{
    struct fama_block block = {0};
    int status = 0;
    if (fama_block_parse(genesis, &block) != FAMA_BLOCK_ACCEPTED || block.number != 0) {
        status =
            fama_error_set(error, FAMA_COMMITTER_INVALID,
                           "not a genesis block: give the channel's block 0, as configtxgen or "
                           "`fama channel genesis` wrote it");
    } else if (fama_channel_config_from_block(&block, config, error) != 0) {
        status = FAMA_COMMITTER_INVALID;
    } else {
        enum fama_block_refusal refusal =
            fama_block_check(&block, 0, fama_channel_config_id(*config));
        if (refusal != FAMA_BLOCK_ACCEPTED) {
            status =
                fama_error_set(error, FAMA_COMMITTER_INVALID,
                               "the genesis block of channel %s is damaged: %s (%s): get it anew",
                               fama_channel_config_id(*config), fama_block_refusal_name(refusal),
                               fama_block_refusal_words(refusal));
        }
    }
    fama_block_clear(&block);
    return status;
}

int fama_committer_found(struct fama_committer *committer, struct fama_bytes genesis,
                         struct fama_arrival arrival, struct fama_commit_group **group,
                         struct fama_error *error)
{
    *group = NULL;
    struct fama_channel_config *config = NULL;
    if (committer->planned.next != 0) {
        return fama_error_set(error, FAMA_COMMITTER_INVALID, "the ledger has a block 0 already");
    }
    int status = check_genesis(genesis, &config, error);
    struct fama_commit_group *made = NULL;
    if (status == 0) {
        (void)snprintf(committer->channel_id, sizeof committer->channel_id, "%s",
                       fama_channel_config_id(config));
        made = fama_commit_group_create(committer);
        status = made == NULL ? out_of_memory(error) : 0;
    }
    if (status == 0) {
        status = fama_prepared_block_create(genesis, config, committer->identities,
                                            &made->entries[0].prepared, error);
        status = translate(status, FAMA_PREPARED_BLOCK_MALFORMED, FAMA_PREPARED_BLOCK_NO_MEMORY);
    }
    if (status != 0) {
        fama_channel_config_release(config);
        fama_commit_group_destroy(made);
        return status;
    }
    made->count = 1;
    made->entries[0].arrival = arrival;
    size_t committed = 0;
    status = fama_committer_commit(committer, made, &committed, error);
    if (status != 0) {
        fama_channel_config_release(config);
        fama_commit_group_destroy(made);
        return status;
    }
    adopt(committer, config);
    committer->planned.next = 1;
    memcpy(committer->planned.hash, made->entries[0].prepared->block.header_hash,
           FAMA_SHA256_BYTES);
    *group = made;
    return 0;
}
