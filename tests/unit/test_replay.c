/* Offline replay from a source that misbehaves as directories of files do: gaps, ends, forgeries, failures. */
#include "controlplane/replay.h"

#include "ledger/transaction_code.h"
#include "unit/made_chain.h"

#define BLOCKS       9
#define TRANSACTIONS 4
#define NONE         UINT64_MAX

static struct made_chain made;
static struct fama_bytes chain[BLOCKS + 1]; /* 0 is the genesis block */
static char genesis_file[128];

static int make(void)
{
    if (!made_chain_create(&made)) {
        return -1;
    }
    chain[0] = fama_bytes(made.genesis_bytes, made.genesis_len);
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    int status = builder == NULL ? -1 : 0;
    for (size_t i = 1; status == 0 && i <= BLOCKS; i++) {
        uint8_t *bytes;
        size_t len;
        status = fama_chain_builder_next(builder, TRANSACTIONS, 30, &bytes, &len, NULL);
        chain[i] = status == 0 ? fama_bytes(bytes, len) : chain[i];
    }
    fama_chain_builder_destroy(builder);
    (void)snprintf(genesis_file, sizeof genesis_file, "%s/genesis.block", made.folder);
    FILE *file = fopen(genesis_file, "wb");
    bool is_written = file != NULL && fwrite(chain[0].at, 1, chain[0].len, file) == chain[0].len;
    return file != NULL && fclose(file) == 0 && is_written ? status : -1;
}

/* ---- A source ---- */

struct shelf {
    struct fama_block_source source;
    const struct fama_bytes *blocks;
    uint64_t first;     /* blocks before are not there */
    uint64_t end;       /* the last that is there */
    uint64_t spoilt;    /* has an octet flipped */
    uint64_t too_large; /* is said to be */
    uint64_t broken;    /* cannot be read */
    uint64_t missing;   /* is not there, unlike those around it */
};

static int shelf_next(struct fama_block_source *source, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error)
{
    const struct shelf *shelf = (const struct shelf *)source;
    if (number == shelf->too_large) {
        return FAMA_BLOCK_SOURCE_TOO_LARGE;
    }
    if (number == shelf->broken) {
        return fama_error_set(error, FAMA_BLOCK_SOURCE_FAILED, "the shelf broke");
    }
    if (number < shelf->first || number > shelf->end || number == shelf->missing) {
        return FAMA_BLOCK_SOURCE_NOT_YET;
    }
    *len = shelf->blocks[number].len;
    *bytes = malloc(*len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*bytes);
    memcpy(*bytes, shelf->blocks[number].at, *len);
    (*bytes)[*len / 2] ^= number == shelf->spoilt;
    return 0;
}

static bool shelf_last(const struct fama_block_source *source, uint64_t *number)
{
    const struct shelf *shelf = (const struct shelf *)source;
    *number = shelf->end;
    return shelf->first <= shelf->end;
}

static struct shelf usual_shelf(void)
{
    return (struct shelf){.source = {.next = shelf_next, .last = shelf_last},
                          .blocks = chain,
                          .end = BLOCKS,
                          .spoilt = NONE,
                          .too_large = NONE,
                          .broken = NONE,
                          .missing = NONE};
}

/* ---- Runs ---- */

struct run {
    struct fama_replay_setup setup;
    struct fama_replay_result result;
    struct fama_error error;
    int status;
    uint64_t reported; /* blocks, each after the one before */
    uint64_t expected; /* number of the next report */
    bool is_in_order;
};

static void note(void *context, const struct fama_committed_block *block)
{
    struct run *run = context;
    run->is_in_order = run->is_in_order && block->prepared->block.number == run->expected &&
                       block->has_commit_hash == (run->expected > 0) &&
                       block->prepared->codes[0] == FAMA_TRANSACTION_VALID;
    run->expected++;
    run->reported++;
}

static void go(struct run *run, const char *folder, struct shelf *shelf)
{
    struct fama_ledger *ledger = NULL;
    struct fama_ledger_info info;
    CU_ASSERT_EQUAL_FATAL(fama_ledger_open(folder, &ledger, &run->error), 0);
    fama_ledger_info(ledger, &info);
    run->expected = info.height;
    run->reported = 0;
    run->is_in_order = true;
    run->error.text[0] = '\0';
    run->setup.source = &shelf->source;
    run->setup.source_name = "the shelf";
    run->setup.committed = note;
    run->setup.context = run;
    run->status = fama_replay(ledger, &run->setup, &run->result, &run->error);
    CU_ASSERT_TRUE(run->is_in_order);
    CU_ASSERT_EQUAL(run->reported, run->result.blocks);
    fama_ledger_info(ledger, &info);
    CU_ASSERT_EQUAL(info.height, run->result.height);
    CU_ASSERT_EQUAL(info.state_height, info.height);
    fama_ledger_close(ledger);
}

static void folder_for(char folder[128])
{
    static int count;
    (void)snprintf(folder, 128, "%s/replay%d", made.folder, count++);
}

static void test_a_whole_chain_by_any_number_of_threads(void)
{
    for (unsigned threads = 0; threads <= 3; threads++) {
        char folder[128];
        struct shelf shelf = usual_shelf();
        struct run run = {.setup = {.threads = threads}};
        folder_for(folder);
        go(&run, folder, &shelf);
        CU_ASSERT_EQUAL(run.status, 0);
        CU_ASSERT_EQUAL(run.result.blocks, BLOCKS + 1);
        CU_ASSERT_EQUAL(run.result.transactions, 2 + (BLOCKS - 1) * TRANSACTIONS);
        CU_ASSERT_EQUAL(run.result.valid, run.result.transactions);
        CU_ASSERT_EQUAL(run.result.height, BLOCKS + 1);
        CU_ASSERT_TRUE(run.result.signatures_ns > 0);
        /* Again there is nothing to do. */
        go(&run, folder, &shelf);
        CU_ASSERT_EQUAL(run.status, 0);
        CU_ASSERT_EQUAL(run.result.blocks, 0);
    }
}

static void test_a_run_goes_on_where_the_last_one_ended(void)
{
    char folder[128];
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 1, .has_end = true}};
    folder_for(folder);
    for (uint64_t end = 0; end <= BLOCKS; end += 3) {
        run.setup.end = end;
        go(&run, folder, &shelf);
        CU_ASSERT_EQUAL(run.status, 0);
        CU_ASSERT_EQUAL(run.result.height, end + 1);
    }
    shelf.end = 4; /* a source that is behind the ledger */
    run.setup.has_end = false;
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL(run.status, 0);
    CU_ASSERT_EQUAL(run.result.blocks, 0);
}

static void test_the_genesis_block_may_come_from_a_file(void)
{
    char folder[128];
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 1}};
    folder_for(folder);
    shelf.first = 1;
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "--genesis"));
    run.setup.genesis_file = "/nonexistent/genesis.block";
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    run.setup.genesis_file = genesis_file;
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL(run.status, 0);
    CU_ASSERT_EQUAL(run.result.height, BLOCKS + 1);
}

static void test_what_cannot_be_taken_ends_the_run_with_words(void)
{
    const struct {
        uint64_t spoilt, too_large, broken;
        const char *words;
    } cases[] = {
        {5, NONE, NONE, "block 5 of the shelf is refused"},
        {NONE, 5, NONE, "block 5 in the shelf is larger"},
        {NONE, NONE, 5, "the shelf broke"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[128];
        struct shelf shelf = usual_shelf();
        struct run run = {.setup = {.threads = 1}};
        folder_for(folder);
        shelf.spoilt = cases[i].spoilt;
        shelf.too_large = cases[i].too_large;
        shelf.broken = cases[i].broken;
        go(&run, folder, &shelf);
        CU_ASSERT_NOT_EQUAL(run.status, 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, cases[i].words));
        CU_ASSERT_EQUAL(run.result.height, 5); /* what came before is committed */
        struct shelf mended = usual_shelf();
        go(&run, folder, &mended);
        CU_ASSERT_EQUAL(run.status, 0);
        CU_ASSERT_EQUAL(run.result.height, BLOCKS + 1);
    }
}

static void test_a_gap_in_the_source_is_no_quiet_end(void)
{
    char folder[128];
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 1}};
    folder_for(folder);
    shelf.missing = 4;
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "block 4 is missing"));
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "goes on to block 9"));
    CU_ASSERT_EQUAL(run.result.height, 4);
    shelf.first = 20; /* nothing at all */
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "no block at all"));
    struct shelf whole = usual_shelf();
    go(&run, folder, &whole);
    CU_ASSERT_EQUAL(run.status, 0);
    CU_ASSERT_EQUAL(run.result.height, BLOCKS + 1);
}

static void test_blocks_of_one_chain_are_not_taken_for_old_ones_of_another(void)
{
    char folder[128];
    struct fama_bytes others[2] = {chain[0], fama_bytes(NULL, 0)};
    uint8_t *bytes;
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 1}};
    folder_for(folder);
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL_FATAL(run.status, 0);
    /* The same genesis block, but another block 1. */
    struct fama_chain_builder *builder = made_builder(&made, MADE_ORDERER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    CU_ASSERT_EQUAL_FATAL(
        fama_chain_builder_next(builder, TRANSACTIONS, 31, &bytes, &others[1].len, NULL), 0);
    others[1].at = bytes;
    fama_chain_builder_destroy(builder);
    shelf.blocks = others;
    shelf.end = 1;
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "block 1 of the shelf is not the one in ledger"));
    free(bytes);
    shelf.end = 0; /* what both have is the same */
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL(run.status, 0);
}

static void test_a_genesis_block_given_again_must_be_the_ledgers(void)
{
    char folder[128];
    char file[160];
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 1, .genesis_file = genesis_file}};
    folder_for(folder);
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL_FATAL(run.status, 0);
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL(run.status, 0);
    (void)snprintf(file, sizeof file, "%s/other.block", made.folder);
    FILE *out = fopen(file, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    (void)fwrite(chain[0].at, 1, chain[0].len / 2, out);
    (void)fclose(out);
    run.setup.genesis_file = file;
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.error.text, "does not begin with the genesis block of"));
    run.setup.genesis_file = "/nonexistent/genesis.block";
    go(&run, folder, &shelf);
    CU_ASSERT_NOT_EQUAL(run.status, 0);
}

static void call_all_good(struct fama_verify_job *jobs[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i]->verdict = FAMA_VERDICT_GOOD;
    }
}

static void test_signatures_may_be_taken_for_granted_for_a_measurement(void)
{
    char folder[128];
    struct shelf shelf = usual_shelf();
    struct run run = {.setup = {.threads = 2, .instead_of_verifying = call_all_good}};
    folder_for(folder);
    go(&run, folder, &shelf);
    CU_ASSERT_EQUAL(run.status, 0);
    CU_ASSERT_EQUAL(run.result.height, BLOCKS + 1);
    CU_ASSERT_EQUAL(run.result.signatures_ns, 0);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_a_whole_chain_by_any_number_of_threads),
        TEST(test_a_run_goes_on_where_the_last_one_ended),
        TEST(test_the_genesis_block_may_come_from_a_file),
        TEST(test_what_cannot_be_taken_ends_the_run_with_words),
        TEST(test_a_gap_in_the_source_is_no_quiet_end),
        TEST(test_blocks_of_one_chain_are_not_taken_for_old_ones_of_another),
        TEST(test_a_genesis_block_given_again_must_be_the_ledgers),
        TEST(test_signatures_may_be_taken_for_granted_for_a_measurement),
    };
    if (make() != 0) {
        fprintf(stderr, "cannot make a chain\n");
        return EXIT_FAILURE;
    }
    int result = run_suite("replay", cases, sizeof cases / sizeof cases[0]);
    for (size_t i = 1; i <= BLOCKS; i++) {
        free((void *)(uintptr_t)chain[i].at);
    }
    made_chain_destroy(&made);
    return result;
}
