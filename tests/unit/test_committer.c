/* Groups of blocks on their way into a ledger: several at once, halted, refused, abandoned, taken up again. */
#include "ledger/committer.h"

#include "ledger/rebuild.h"
#include "ledger/store.h"
#include "ledger/transaction_code.h"
#include "unit/sealed_chain.h"

#define BLOCKS       7 /* of the usual chain, besides the genesis block */
#define TRANSACTIONS 3 /* in each but block 1 */
#define FOLDER_BYTES 128

static struct made_chain made;
static struct made_admins admins;
static struct fama_verifier *verifier;
/* The builder's transactions, to be put into blocks of the tests' own. */
static struct fama_bytes built[BLOCKS + 1];
static struct fama_block parsed[BLOCKS + 1];

static struct fama_bytes envelope(size_t block, size_t index)
{
    return parsed[block].envelopes[index];
}

static int make(void)
{
    if (!made_chain_create(&made) || !made_admins_create(&made, &admins)) {
        return -1;
    }
    verifier = fama_verifier_create();
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    int status = verifier == NULL || builder == NULL ? -1 : 0;
    for (size_t i = 1; status == 0 && i <= BLOCKS; i++) {
        uint8_t *bytes;
        size_t len;
        status = fama_chain_builder_next(builder, TRANSACTIONS, 40, &bytes, &len, NULL);
        if (status == 0) {
            built[i] = fama_bytes(bytes, len);
            status = fama_block_parse(built[i], &parsed[i]) == FAMA_BLOCK_ACCEPTED ? 0 : -1;
        }
    }
    fama_chain_builder_destroy(builder);
    return status;
}

static void unmake(void)
{
    for (size_t i = 1; i <= BLOCKS; i++) {
        fama_block_clear(&parsed[i]);
        free((void *)(uintptr_t)built[i].at);
    }
    fama_verifier_destroy(verifier);
    made_admins_destroy(&admins);
    made_chain_destroy(&made);
}

/* ---- A ledger with its committer ---- */

struct site {
    char folder[FOLDER_BYTES];
    struct fama_ledger *ledger;
    struct fama_committer *committer;
};

static void must(int status, const struct fama_error *error)
{
    if (status != 0) {
        fprintf(stderr, "\n    unexpected: %s\n", error->text);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

static void site_open(struct site *site)
{
    struct fama_error error = {{0}};
    must(fama_ledger_open(site->folder, &site->ledger, &error), &error);
    must(fama_committer_create(site->ledger, NULL, &site->committer, &error), &error);
}

static void site_close(struct site *site)
{
    fama_committer_destroy(site->committer);
    fama_ledger_close(site->ledger);
}

static struct fama_commit_group *found(struct site *site)
{
    struct fama_error error = {{0}};
    struct fama_commit_group *group;
    must(fama_committer_found(site->committer, fama_bytes(made.genesis_bytes, made.genesis_len),
                              (struct fama_arrival){0}, &group, &error),
         &error);
    return group;
}

/* An empty ledger. */
static void site_make(struct site *site)
{
    static int count;
    (void)snprintf(site->folder, sizeof site->folder, "%s/ledger%d", made.folder, count++);
    site_open(site);
}

/* One that holds the genesis block. */
static void site_found(struct site *site)
{
    site_make(site);
    fama_commit_group_destroy(found(site));
}

static uint64_t height_of(const struct site *site)
{
    struct fama_ledger_info info;
    fama_ledger_info(site->ledger, &info);
    CU_ASSERT_EQUAL(info.state_height, info.height);
    return info.height;
}

static struct fama_commit_group *group_of(struct site *site, const struct fama_bytes *blocks,
                                          size_t count)
{
    struct fama_commit_group *group = fama_commit_group_create(site->committer);
    CU_ASSERT_PTR_NOT_NULL_FATAL(group);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_FALSE_FATAL(fama_commit_group_is_closed(group));
        CU_ASSERT_EQUAL_FATAL(fama_commit_group_add(group, blocks[i], (struct fama_arrival){0}),
                              FAMA_BLOCK_ACCEPTED);
    }
    CU_ASSERT_EQUAL(fama_commit_group_count(group), count);
    return group;
}

static void verify(struct fama_commit_group *group)
{
    size_t count;
    struct fama_verify_job **jobs = fama_commit_group_jobs(group, &count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(jobs);
    CU_ASSERT_TRUE(count > 0);
    fama_verifier_run(verifier, jobs, count);
}

static void commit(struct site *site, struct fama_commit_group *group)
{
    struct fama_error error = {{0}};
    size_t committed;
    must(fama_committer_commit(site->committer, group, &committed, &error), &error);
    CU_ASSERT_EQUAL(committed, fama_commit_group_count(group));
}

static void commit_all(struct site *site, const struct fama_bytes *blocks, size_t count)
{
    struct fama_commit_group *group = group_of(site, blocks, count);
    verify(group);
    commit(site, group);
    fama_commit_group_destroy(group);
}

static uint8_t code_of(const struct site *site, uint64_t block, size_t index)
{
    struct fama_error error = {{0}};
    struct fama_ledger_result result = {0};
    must(fama_ledger_result(site->ledger, block, &result, &error), &error);
    CU_ASSERT_FATAL(index < result.count);
    uint8_t code = result.codes[index];
    fama_ledger_result_clear(&result);
    return code;
}

/* The commit hash stands for every code and update since block 1. */
static void check_same(const struct site *one, const struct site *other)
{
    struct fama_ledger_info ours;
    struct fama_ledger_info theirs;
    fama_ledger_info(one->ledger, &ours);
    fama_ledger_info(other->ledger, &theirs);
    CU_ASSERT_EQUAL(ours.height, theirs.height);
    CU_ASSERT_TRUE(ours.has_commit_hash && theirs.has_commit_hash);
    CU_ASSERT(memcmp(ours.last_hash, theirs.last_hash, FAMA_SHA256_BYTES) == 0);
    CU_ASSERT(memcmp(ours.commit_hash, theirs.commit_hash, FAMA_SHA256_BYTES) == 0);
}

/* ---- Tests ---- */

static void test_groups_of_any_size_give_the_same_ledger(void)
{
    static const size_t cuts[][BLOCKS + 1] = {
        {BLOCKS}, {1, 1, 1, 1, 1, 1, 1}, {1, 2, 4}, {3, 3, 1}};
    struct site sites[4];
    for (size_t i = 0; i < 4; i++) {
        size_t next = 1;
        site_found(&sites[i]);
        for (size_t j = 0; cuts[i][j] > 0; j++) {
            commit_all(&sites[i], built + next, cuts[i][j]);
            next += cuts[i][j];
        }
        CU_ASSERT_EQUAL(height_of(&sites[i]), BLOCKS + 1);
        CU_ASSERT_EQUAL(code_of(&sites[i], BLOCKS, TRANSACTIONS - 1), FAMA_TRANSACTION_VALID);
        check_same(&sites[i], &sites[0]);
    }
    for (size_t i = 0; i < 4; i++) {
        site_close(&sites[i]);
    }
}

static void test_several_groups_are_under_way_and_land_in_order(void)
{
    struct site calm;
    struct site busy;
    site_found(&calm);
    commit_all(&calm, built + 1, BLOCKS);
    site_found(&busy);
    struct fama_commit_group *groups[] = {group_of(&busy, built + 1, 2),
                                          group_of(&busy, built + 3, 1),
                                          group_of(&busy, built + 4, 3)};
    CU_ASSERT_EQUAL(fama_committer_next(busy.committer), 7);
    CU_ASSERT_EQUAL(height_of(&busy), 1);
    verify(groups[2]); /* in any order */
    verify(groups[0]);
    commit(&busy, groups[0]);
    CU_ASSERT_EQUAL(height_of(&busy), 3);
    struct fama_commit_group *last = group_of(&busy, built + 7, 1);
    verify(groups[1]);
    verify(last);
    commit(&busy, groups[1]);
    commit(&busy, groups[2]);
    commit(&busy, last);
    const struct fama_committed_block *block = fama_commit_group_block(groups[1], 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_EQUAL(block->prepared->block.number, 3);
    CU_ASSERT_TRUE(block->has_commit_hash);
    CU_ASSERT_EQUAL(block->prepared->codes[0], FAMA_TRANSACTION_VALID);
    CU_ASSERT_PTR_NULL(fama_commit_group_block(groups[1], 1));
    for (size_t i = 0; i < 3; i++) {
        fama_commit_group_destroy(groups[i]);
    }
    fama_commit_group_destroy(last);
    CU_ASSERT_EQUAL(fama_committer_next(busy.committer), BLOCKS + 1);
    check_same(&busy, &calm);
    site_close(&busy);
    site_close(&calm);
}

static void begin(struct site *site, struct fama_commit_group *group)
{
    struct fama_error error = {{0}};
    size_t committed;
    verify(group);
    must(fama_committer_begin(site->committer, group, &committed, &error), &error);
    CU_ASSERT_EQUAL(committed, 0);
}

static void finish(struct site *site, struct fama_commit_group *group)
{
    struct fama_error error = {{0}};
    size_t committed;
    must(fama_committer_finish(site->committer, &committed, &error), &error);
    CU_ASSERT_EQUAL(committed, fama_commit_group_count(group));
    fama_commit_group_destroy(group);
}

static void test_a_group_is_prepared_while_the_one_before_is_written(void)
{
    struct site calm;
    struct site busy;
    struct fama_error error = {{0}};
    size_t committed = 1;
    site_found(&calm);
    commit_all(&calm, built + 1, BLOCKS);
    site_found(&busy);
    must(fama_committer_finish(busy.committer, &committed, &error), &error);
    CU_ASSERT_EQUAL(committed, 0); /* nothing was begun */
    struct fama_commit_group *group = group_of(&busy, built + 1, 1);
    for (size_t i = 1; i <= BLOCKS; i++) {
        begin(&busy, group);
        CU_ASSERT_EQUAL(height_of(&busy), i); /* told to nobody yet */
        struct fama_commit_group *next = i < BLOCKS ? group_of(&busy, built + i + 1, 1) : NULL;
        finish(&busy, group);
        CU_ASSERT_EQUAL(height_of(&busy), i + 1);
        group = next;
    }
    check_same(&busy, &calm);
    site_close(&busy);
    site_close(&calm);
}

static void test_a_group_let_go_while_it_is_written_is_waited_for(void)
{
    struct site site;
    site_found(&site);
    struct fama_commit_group *group = group_of(&site, built + 1, 2);
    begin(&site, group);
    struct fama_commit_group *next = group_of(&site, built + 3, 1);
    fama_commit_group_destroy(group);
    CU_ASSERT_EQUAL(height_of(&site), 3);
    fama_commit_group_destroy(next);
    CU_ASSERT_EQUAL(fama_committer_next(site.committer), 3);
    site_close(&site);
    site_open(&site);
    CU_ASSERT_EQUAL(height_of(&site), 3);
    site_close(&site);
}

static void move_anchor(made_group *root, struct fama_arena *arena)
{
    (void)arena;
    made_group *sipher = made_child(made_child(root, "Application"), "Sipher");
    Common__ConfigValue *anchors = made_value(sipher, "AnchorPeers");
    anchors->version++;
    anchors->value.len = 0;
}

/* Blocks 1 and 2, then a configuration, then two more. The envelope of the configuration is signed by
 * Sipher's administrator, or by nobody. */
static void make_config_chain(struct fama_bytes blocks[5], bool is_signed)
{
    struct fama_arena arena;
    struct made_update update = {.sequence = 1, .change = move_anchor};
    update.signers[0] = is_signed ? admins.signers[ADMIN_SIPHER] : NULL;
    fama_arena_init(&arena, 8u << 20);
    struct fama_bytes config = sealed_config(&made, &update, &arena);
    struct sealed_tip tip = sealed_tip(&made);
    struct fama_bytes transactions[] = {envelope(1, 0), envelope(2, 0), config, envelope(3, 0),
                                        envelope(3, 1)};
    for (size_t i = 0; i < 5; i++) {
        blocks[i] = sealed_block(&made, &tip, &transactions[i], 1);
    }
    fama_arena_clear(&arena);
}

static void free_blocks(struct fama_bytes *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)blocks[i].at);
    }
}

static void test_a_configuration_closes_its_group_and_holds_up_the_next(void)
{
    struct site site;
    struct fama_bytes blocks[5];
    make_config_chain(blocks, true);
    site_found(&site);
    struct fama_commit_group *group = group_of(&site, blocks, 3);
    CU_ASSERT_TRUE(fama_commit_group_is_closed(group));
    CU_ASSERT_FALSE(fama_committer_can_prepare(site.committer));
    CU_ASSERT_EQUAL(fama_channel_config_sequence(fama_committer_config(site.committer)), 0);
    /* Given up, it holds nothing up any more. */
    fama_commit_group_destroy(group);
    CU_ASSERT_TRUE(fama_committer_can_prepare(site.committer));
    CU_ASSERT_EQUAL(fama_committer_next(site.committer), 1);

    group = group_of(&site, blocks, 3);
    begin(&site, group);
    CU_ASSERT_FALSE(fama_committer_can_prepare(site.committer));
    CU_ASSERT_EQUAL(fama_channel_config_sequence(fama_committer_config(site.committer)), 0);
    finish(&site, group);
    CU_ASSERT_TRUE(fama_committer_can_prepare(site.committer));
    CU_ASSERT_EQUAL(fama_channel_config_sequence(fama_committer_config(site.committer)), 1);
    CU_ASSERT_EQUAL(code_of(&site, 3, 0), FAMA_TRANSACTION_VALID);
    commit_all(&site, blocks + 3, 2);
    CU_ASSERT_EQUAL(code_of(&site, 5, 0), FAMA_TRANSACTION_VALID);

    /* The configuration comes back from the state. */
    site_close(&site);
    site_open(&site);
    CU_ASSERT_EQUAL(fama_channel_config_sequence(fama_committer_config(site.committer)), 1);
    site_close(&site);
    free_blocks(blocks, 5);
}

static void test_a_halting_block_lets_those_before_it_pass_and_nothing_after(void)
{
    struct site site;
    struct fama_bytes blocks[5];
    make_config_chain(blocks, false);
    site_found(&site);
    for (int attempt = 0; attempt < 2; attempt++) { /* and again after it was opened anew */
        struct fama_error error = {{0}};
        size_t committed;
        struct fama_commit_group *group =
            attempt == 0 ? group_of(&site, blocks, 3) : group_of(&site, blocks + 2, 1);
        verify(group);
        CU_ASSERT_EQUAL(fama_committer_commit(site.committer, group, &committed, &error),
                        FAMA_COMMITTER_HALT);
        CU_ASSERT_EQUAL(committed, attempt == 0 ? 2 : 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "block 3"));
        CU_ASSERT_EQUAL(height_of(&site), 3);
        CU_ASSERT_EQUAL(code_of(&site, 2, 0), FAMA_TRANSACTION_VALID);
        CU_ASSERT_FALSE(fama_committer_can_prepare(site.committer));
        /* The same committer takes nothing more. */
        CU_ASSERT_EQUAL(fama_committer_commit(site.committer, group, &committed, &error),
                        FAMA_COMMITTER_LEDGER);
        CU_ASSERT_EQUAL(committed, 0);
        fama_commit_group_destroy(group);
        site_close(&site);
        site_open(&site);
        CU_ASSERT_EQUAL(fama_committer_next(site.committer), 3);
    }
    site_close(&site);
    free_blocks(blocks, 5);
}

static void test_a_refused_block_is_asked_for_again(void)
{
    struct site site;
    struct fama_bytes copies[3];
    site_found(&site);
    struct fama_commit_group *group = group_of(&site, built + 1, 1);
    for (size_t i = 0; i < 3; i++) {
        uint8_t *copy = malloc(built[2].len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, built[2].at, built[2].len);
        copies[i] = fama_bytes(copy, built[2].len);
    }
    ((uint8_t *)(uintptr_t)copies[0].at)[built[2].len / 2] ^= 1; /* in its data */
    ((uint8_t *)(uintptr_t)copies[1].at)[built[2].len - 8] ^= 1; /* in its signature */
    copies[2].len /= 2;
    CU_ASSERT_NOT_EQUAL(fama_commit_group_add(group, built[3], (struct fama_arrival){0}),
                        FAMA_BLOCK_ACCEPTED); /* too early */
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_NOT_EQUAL(fama_commit_group_add(group, copies[i], (struct fama_arrival){0}),
                            FAMA_BLOCK_ACCEPTED);
        CU_ASSERT_EQUAL(fama_committer_next(site.committer), 2);
        CU_ASSERT_EQUAL(fama_commit_group_count(group), 1);
    }
    CU_ASSERT_EQUAL(fama_commit_group_add(group, built[2], (struct fama_arrival){0}),
                    FAMA_BLOCK_ACCEPTED);
    verify(group);
    commit(&site, group);
    fama_commit_group_destroy(group);
    CU_ASSERT_EQUAL(height_of(&site), 3);
    site_close(&site);
    free((void *)(uintptr_t)copies[0].at);
    free((void *)(uintptr_t)copies[1].at);
    free((void *)(uintptr_t)copies[2].at);
}

static void test_a_transaction_counts_once_wherever_it_comes_again(void)
{
    struct site site;
    struct sealed_tip tip = sealed_tip(&made);
    const struct fama_bytes definition[] = {envelope(1, 0)};
    const struct fama_bytes twice[] = {envelope(2, 0), envelope(2, 1), envelope(2, 0)};
    const struct fama_bytes again[] = {envelope(2, 1), envelope(2, 2)};
    const struct fama_bytes once_more[] = {envelope(2, 0), envelope(2, 2), envelope(3, 0)};
    struct fama_bytes blocks[] = {
        sealed_block(&made, &tip, definition, 1), sealed_block(&made, &tip, twice, 3),
        sealed_block(&made, &tip, again, 2), sealed_block(&made, &tip, once_more, 3)};
    site_found(&site);
    /* Blocks 1 to 3 in one group; block 4 is prepared before they are committed, and repeats them. */
    struct fama_commit_group *first = group_of(&site, blocks, 3);
    struct fama_commit_group *second = group_of(&site, blocks + 3, 1);
    verify(first);
    verify(second);
    commit(&site, first);
    commit(&site, second);
    fama_commit_group_destroy(first);
    fama_commit_group_destroy(second);
    static const uint8_t codes[][3] = {
        {FAMA_TRANSACTION_VALID, FAMA_TRANSACTION_VALID, FAMA_TRANSACTION_DUPLICATE_TXID},
        {FAMA_TRANSACTION_DUPLICATE_TXID, FAMA_TRANSACTION_VALID},
        {FAMA_TRANSACTION_DUPLICATE_TXID, FAMA_TRANSACTION_DUPLICATE_TXID, FAMA_TRANSACTION_VALID}};
    static const size_t counts[] = {3, 2, 3};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < counts[i]; j++) {
            CU_ASSERT_EQUAL(code_of(&site, i + 2, j), codes[i][j]);
        }
    }
    site_close(&site);
    free_blocks(blocks, 4);
}

static void test_groups_that_are_given_up_come_again(void)
{
    struct site calm;
    struct site site;
    site_found(&calm);
    commit_all(&calm, built + 1, BLOCKS);
    site_found(&site);
    struct fama_commit_group *first = group_of(&site, built + 1, 2);
    struct fama_commit_group *second = group_of(&site, built + 3, 2);
    verify(first);
    fama_commit_group_destroy(second); /* none of it verified */
    fama_commit_group_destroy(first);
    CU_ASSERT_EQUAL(fama_committer_next(site.committer), 1);
    CU_ASSERT_EQUAL(height_of(&site), 1);
    first = group_of(&site, built + 1, 3);
    second = group_of(&site, built + 4, 2);
    verify(first);
    commit(&site, first);
    fama_commit_group_destroy(first);
    fama_commit_group_destroy(second);
    CU_ASSERT_EQUAL(fama_committer_next(site.committer), 4);
    commit_all(&site, built + 4, BLOCKS - 3);
    check_same(&site, &calm);
    /* An empty group is none. */
    fama_commit_group_destroy(fama_commit_group_create(site.committer));
    CU_ASSERT_EQUAL(fama_committer_next(site.committer), BLOCKS + 1);
    site_close(&site);
    site_close(&calm);
}

static void test_a_ledger_is_taken_up_where_it_ends(void)
{
    struct site calm;
    struct site site;
    site_found(&calm);
    commit_all(&calm, built + 1, BLOCKS);
    site_found(&site);
    for (size_t i = 1; i <= BLOCKS; i++) {
        site_close(&site);
        site_open(&site);
        CU_ASSERT_EQUAL(fama_committer_next(site.committer), i);
        commit_all(&site, built + i, 1);
    }
    check_same(&site, &calm);
    site_close(&site);
    site_close(&calm);
}

static void test_a_group_is_closed_when_it_is_full(void)
{
    struct site site;
    struct sealed_tip tip = sealed_tip(&made);
    const struct fama_bytes only = envelope(1, 0);
    struct fama_bytes blocks[FAMA_COMMIT_GROUP_MAX];
    for (size_t i = 0; i < FAMA_COMMIT_GROUP_MAX; i++) {
        blocks[i] = sealed_block(&made, &tip, &only, 1);
    }
    site_found(&site);
    struct fama_commit_group *group = group_of(&site, blocks, FAMA_COMMIT_GROUP_MAX);
    CU_ASSERT_TRUE(fama_commit_group_is_closed(group));
    CU_ASSERT_TRUE(fama_committer_can_prepare(site.committer));
    verify(group);
    commit(&site, group);
    fama_commit_group_destroy(group);
    CU_ASSERT_EQUAL(height_of(&site), FAMA_COMMIT_GROUP_MAX + 1);
    CU_ASSERT_EQUAL(code_of(&site, 1, 0), FAMA_TRANSACTION_VALID);
    CU_ASSERT_EQUAL(code_of(&site, FAMA_COMMIT_GROUP_MAX, 0), FAMA_TRANSACTION_DUPLICATE_TXID);
    site_close(&site);
    free_blocks(blocks, FAMA_COMMIT_GROUP_MAX);
}

static void test_only_a_genesis_block_founds_and_only_once(void)
{
    struct site site;
    struct fama_error error = {{0}};
    struct fama_commit_group *group;
    site_make(&site);
    CU_ASSERT_FALSE(fama_committer_can_prepare(site.committer));
    CU_ASSERT_EQUAL(
        fama_committer_found(site.committer, built[1], (struct fama_arrival){0}, &group, &error),
        FAMA_COMMITTER_INVALID);
    CU_ASSERT_EQUAL(fama_committer_found(site.committer, fama_bytes_of_text("junk"),
                                         (struct fama_arrival){0}, &group, &error),
                    FAMA_COMMITTER_INVALID);
    CU_ASSERT_PTR_NULL(group);
    group = found(&site);
    const struct fama_committed_block *block = fama_commit_group_block(group, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_FALSE(block->has_commit_hash); /* as in Fabric: the first one is block 1's */
    fama_commit_group_destroy(group);
    CU_ASSERT_EQUAL(fama_committer_found(site.committer,
                                         fama_bytes(made.genesis_bytes, made.genesis_len),
                                         (struct fama_arrival){0}, &group, &error),
                    FAMA_COMMITTER_INVALID);
    CU_ASSERT_TRUE(fama_committer_can_prepare(site.committer));
    fama_committer_destroy(site.committer);
    CU_ASSERT_EQUAL(fama_committer_create(site.ledger, "other", &site.committer, &error),
                    FAMA_COMMITTER_INVALID);
    CU_ASSERT_PTR_NULL(site.committer);
    must(fama_committer_create(site.ledger, MADE_CHANNEL, &site.committer, &error), &error);
    site_close(&site);
}

static void test_a_state_that_is_lost_is_damage_until_it_is_made_again(void)
{
    struct site calm;
    struct site site;
    struct fama_store store;
    struct fama_error error = {{0}};
    site_found(&calm);
    commit_all(&calm, built + 1, BLOCKS);
    site_found(&site);
    commit_all(&site, built + 1, 4);
    site_close(&site);
    must(fama_store_open(site.folder, &store, &error), &error);
    must(fama_store_clear_family(&store, FAMA_STORE_STATE, &error), &error);
    must(fama_store_clear_family(&store, FAMA_STORE_HISTORY, &error), &error);
    fama_store_close(&store);

    must(fama_ledger_open(site.folder, &site.ledger, &error), &error);
    CU_ASSERT_EQUAL(fama_committer_create(site.ledger, NULL, &site.committer, &error),
                    FAMA_COMMITTER_DAMAGED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "rebuild"));
    must(fama_ledger_catch_up_state(site.ledger, NULL, NULL, &error), &error);
    must(fama_committer_create(site.ledger, NULL, &site.committer, &error), &error);
    CU_ASSERT_EQUAL(height_of(&site), 5);
    commit_all(&site, built + 5, BLOCKS - 4);
    check_same(&site, &calm);
    site_close(&site);
    site_close(&calm);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_groups_of_any_size_give_the_same_ledger),
        TEST(test_several_groups_are_under_way_and_land_in_order),
        TEST(test_a_group_is_prepared_while_the_one_before_is_written),
        TEST(test_a_group_let_go_while_it_is_written_is_waited_for),
        TEST(test_a_configuration_closes_its_group_and_holds_up_the_next),
        TEST(test_a_halting_block_lets_those_before_it_pass_and_nothing_after),
        TEST(test_a_refused_block_is_asked_for_again),
        TEST(test_a_transaction_counts_once_wherever_it_comes_again),
        TEST(test_groups_that_are_given_up_come_again),
        TEST(test_a_ledger_is_taken_up_where_it_ends),
        TEST(test_a_group_is_closed_when_it_is_full),
        TEST(test_only_a_genesis_block_founds_and_only_once),
        TEST(test_a_state_that_is_lost_is_damage_until_it_is_made_again),
    };
    if (make() != 0) {
        fprintf(stderr, "cannot make a chain\n");
        return EXIT_FAILURE;
    }
    int result = run_suite("committer", cases, sizeof cases / sizeof cases[0]);
    unmake();
    return result;
}
