#include <stdlib.h>
#include <time.h>

#include "ledger/block_signatures.h"
#include "ledger/committer_parts.h"

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail with the clocks used here */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t fama_committer_clock(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

struct fama_commit_group *fama_commit_group_create(struct fama_committer *committer)
{
    struct fama_commit_group *group = calloc(1, sizeof *group);
    if (group != NULL) {
        group->committer = committer;
        group->before = committer->planned;
    }
    return group;
}

void fama_commit_group_destroy(struct fama_commit_group *group)
{
    if (group == NULL) {
        return;
    }
    struct fama_committer *committer = group->committer;
    if (committer->writing == group) {
        size_t committed;
        (void)fama_committer_finish(committer, &committed, NULL);
    }
    bool is_planned = group->before.next < committer->planned.next; /* no older group went first */
    if (!group->is_committed && group->count > 0 && is_planned) {
        /* The blocks will come again, perhaps in better copies. */
        committer->planned = group->before;
        committer->is_config_pending = false;
    }
    for (size_t i = 0; i < group->count; i++) {
        fama_prepared_block_destroy(group->entries[i].prepared);
    }
    free(group->jobs);
    free(group);
}

/* The orderers' signatures, checked here and now: whoever relays blocks could else make us decode
 * identities and verify signatures by the thousand. */
static enum fama_block_refusal check_signatures(struct fama_committer *committer,
                                                const struct fama_block *block)
{
    struct fama_block_signatures signatures;
    enum fama_block_refusal refusal =
        fama_block_signatures_prepare(committer->config, block, &signatures);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        struct fama_verify_job *jobs[FAMA_BLOCK_SIGNATURES_MAX];
        for (size_t i = 0; i < signatures.count; i++) {
            jobs[i] = &signatures.jobs[i];
        }
        fama_verifier_run(committer->verifier, jobs, signatures.count);
        refusal = fama_block_signatures_judge(committer->config, &signatures);
    }
    fama_block_signatures_clear(&signatures);
    return refusal;
}

static enum fama_block_refusal check_block(struct fama_committer *committer,
                                           struct fama_block *block)
{
    const struct fama_chain_tip *tip = &committer->planned;
    enum fama_block_refusal refusal =
        fama_block_check_and_digest(block, tip->next, committer->channel_id);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return refusal;
    }
    if (!fama_bytes_equal(block->previous_hash, fama_bytes(tip->hash, FAMA_SHA256_BYTES))) {
        return FAMA_BLOCK_PREVIOUS_HASH;
    }
    return check_signatures(committer, block);
}

enum fama_block_refusal fama_commit_group_add(struct fama_commit_group *group,
                                              struct fama_bytes bytes, struct fama_arrival arrival)
{
    struct fama_committer *committer = group->committer;
    uint64_t began = fama_committer_clock();
    struct fama_block block = {0};
    enum fama_block_refusal refusal = fama_block_parse(bytes, &block);
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        refusal = check_block(committer, &block);
    }
    uint64_t checked = fama_committer_clock();
    committer->times.parse += checked - began;
    struct fama_commit_entry *entry = &group->entries[group->count];
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        *entry =
            (struct fama_commit_entry){.arrival = arrival, .judged_ns = clock_ns(CLOCK_MONOTONIC)};
        if (fama_prepared_block_adopt(&block, committer->config, committer->identities,
                                      &entry->prepared, NULL) != 0) {
            refusal = FAMA_BLOCK_NO_MEMORY; /* nothing else fails there */
        }
        committer->times.identity += fama_committer_clock() - checked;
    }
    if (refusal == FAMA_BLOCK_ACCEPTED) {
        const struct fama_block *kept = &entry->prepared->block;
        group->count++;
        group->bytes += bytes.len;
        group->ends_with_config = fama_block_is_config(kept);
        committer->is_config_pending = group->ends_with_config;
        committer->planned.next++;
        memcpy(committer->planned.hash, kept->header_hash, FAMA_SHA256_BYTES);
    }
    fama_block_clear(&block);
    return refusal;
}

bool fama_commit_group_is_closed(const struct fama_commit_group *group)
{
    return group->count == FAMA_COMMIT_GROUP_MAX || group->ends_with_config ||
           group->bytes >= FAMA_COMMIT_GROUP_BYTES_MAX;
}

size_t fama_commit_group_count(const struct fama_commit_group *group)
{
    return group->count;
}

uint64_t fama_commit_group_judged_ns(const struct fama_commit_group *group, size_t index)
{
    return index < group->count ? group->entries[index].judged_ns : 0;
}

struct fama_verify_job **fama_commit_group_jobs(struct fama_commit_group *group, size_t *count)
{
    size_t most = 1;
    for (size_t i = 0; i < group->count; i++) {
        most += group->entries[i].prepared->job_count;
    }
    free(group->jobs);
    group->jobs = calloc(most, sizeof group->jobs[0]);
    *count = 0;
    if (group->jobs == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < group->count; i++) {
        struct fama_prepared_block *prepared = group->entries[i].prepared;
        for (size_t j = 0; j < prepared->job_count; j++) {
            if (prepared->jobs[j].verdict == FAMA_VERDICT_PENDING) {
                group->jobs[(*count)++] = &prepared->jobs[j];
            }
        }
    }
    return group->jobs;
}

const struct fama_committed_block *fama_commit_group_block(const struct fama_commit_group *group,
                                                           size_t index)
{
    return index < group->count ? &group->entries[index].result : NULL;
}
