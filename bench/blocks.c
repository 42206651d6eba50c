#include "bench/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/block_file.h"
#include "controlplane/command.h"
#include "ledger/chain_builder.h"
#include "ledger/channel_config.h"
#include "ledger/genesis.h"

#define MEMBERS_MAX        64 /* as many as an option may be repeated */
#define PATH_BYTES         4096
#define BLOCKS_MAX         999999 /* what six digits can name */
#define BLOCK_BYTES_MAX    ((size_t)64 << 20)
#define MESSAGES_PER_BLOCK 500
#define PROGRESS_EVERY_NS  UINT64_C(200000000)

const char fama_bench_blocks_help[] =
    "usage: fama-bench blocks --out DIR (--genesis FILE | --make-genesis CHANNEL)\n"
    "           --orderer-msp DIR:MSPID --client-msp DIR:MSPID --endorser-msp DIR:MSPID...\n"
    "           [--blocks N] [--min-bytes SIZE] [--max-bytes SIZE]\n"
    "           [--transactions N [--value-bytes SIZE]] [--seed N] [--json]\n"
    "\n"
    "Writes a chain of Fabric blocks with real signatures: DIR/000000.block is the genesis\n"
    "block, 000001.block defines the chaincode `kv`, all later ones write keys of it.\n"
    "\n"
    "  --out DIR              where the files go; made if missing, nothing is overwritten\n"
    "  --genesis FILE         begin with this genesis block of a channel\n"
    "  --make-genesis CHANNEL write one, with the organisations of the MSPs named below\n"
    "  --orderer-msp DIR:ID   MSP directory (with keystore) of the orderer that signs blocks\n"
    "  --client-msp DIR:ID    of the client that creates transactions\n"
    "  --endorser-msp DIR:ID  of a peer that endorses them; repeat it, once per organisation:\n"
    "                         a majority of the organisations makes them valid\n"
    "  --blocks N             blocks after the genesis block (200)\n"
    "  --min-bytes SIZE       block sizes are spread evenly on a logarithmic scale between\n"
    "  --max-bytes SIZE       these two (4K and 2M); the smallest take 4K to 6K at least\n"
    "  --transactions N       instead of sizes: this many transactions in every block,\n"
    "  --value-bytes SIZE     each with a value of this size (256)\n"
    "  --seed N               of sizes (1)\n"
    "  --json                 the result as one JSON object\n"
    "\n"
    "SIZE is in bytes, or with K or M in units of 1024 or 1048576 bytes.\n"
    "\n"
    "example, with identities made by `fama ca`:\n"
    "  fama-bench blocks --out blocks --make-genesis drivenet \\\n"
    "      --orderer-msp org/orderer/orderers/o0.orderer.example/msp:OrdererMSP \\\n"
    "      --client-msp org/sipher/users/app@sipher.example/msp:SipherMSP \\\n"
    "      --endorser-msp org/sipher/peers/p0.sipher.example/msp:SipherMSP \\\n"
    "      --endorser-msp org/whitebox/peers/p0.whitebox.example/msp:WhiteBoxMSP\n";

struct member {
    const char *option; /* DIR:MSPID as given */
    struct fama_msp *msp;
    struct fama_signer *signer;
};

struct blocks_options {
    const char *out;
    const char *genesis_file;
    const char *new_channel;
    struct member orderer;
    struct member client;
    struct member endorsers[MEMBERS_MAX];
    size_t endorser_count;
    uint64_t blocks;
    uint64_t min_bytes;
    uint64_t max_bytes;
    uint64_t transactions; /* 0: blocks by size */
    uint64_t value_bytes;
    uint64_t seed;
    bool as_json;
};

struct blocks_result {
    char channel[FAMA_CHANNEL_ID_MAX];
    uint64_t blocks;
    uint64_t transactions;
    uint64_t bytes;
    uint64_t elapsed_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int usage(const char *complaint, const char *what)
{
    fprintf(stderr, "fama-bench blocks: %s%s%s\nTry `fama-bench blocks --help`.\n", complaint,
            what == NULL ? "" : ": ", what == NULL ? "" : what);
    return FAMA_EXIT_USAGE;
}

static int check_options(const struct blocks_options *options)
{
    if (options->out == NULL) {
        return usage("where to? give --out DIR", NULL);
    }
    if ((options->genesis_file == NULL) == (options->new_channel == NULL)) {
        return usage("give either --genesis FILE or --make-genesis CHANNEL", NULL);
    }
    if (options->orderer.option == NULL || options->client.option == NULL ||
        options->endorser_count == 0) {
        return usage("give --orderer-msp, --client-msp and at least one --endorser-msp", NULL);
    }
    if (options->blocks == 0 || options->blocks > BLOCKS_MAX) {
        return usage("--blocks must be between 1 and 999999", NULL);
    }
    if (options->min_bytes == 0 || options->min_bytes > options->max_bytes ||
        options->max_bytes > BLOCK_BYTES_MAX) {
        return usage("sizes must be 1 <= --min-bytes <= --max-bytes <= 64M", NULL);
    }
    if (options->transactions > FAMA_BLOCK_TRANSACTIONS_MAX || options->value_bytes == 0 ||
        options->value_bytes > BLOCK_BYTES_MAX) {
        return usage("--transactions or --value-bytes is out of range", NULL);
    }
    return 0;
}

static int read_options(int argc, char **argv, struct blocks_options *options)
{
    *options = (struct blocks_options){
        .blocks = 200, .min_bytes = 4 << 10, .max_bytes = 2 << 20, .value_bytes = 256, .seed = 1};
    struct fama_texts endorsers = {.count = 0};
    const struct fama_option table[] = {
        {"out", FAMA_OPTION_TEXT, &options->out, false},
        {"genesis", FAMA_OPTION_TEXT, &options->genesis_file, false},
        {"make-genesis", FAMA_OPTION_TEXT, &options->new_channel, false},
        {"orderer-msp", FAMA_OPTION_TEXT, &options->orderer.option, false},
        {"client-msp", FAMA_OPTION_TEXT, &options->client.option, false},
        {"endorser-msp", FAMA_OPTION_TEXTS, &endorsers, false},
        {"blocks", FAMA_OPTION_NUMBER, &options->blocks, false},
        {"min-bytes", FAMA_OPTION_NUMBER, &options->min_bytes, false},
        {"max-bytes", FAMA_OPTION_NUMBER, &options->max_bytes, false},
        {"transactions", FAMA_OPTION_NUMBER, &options->transactions, false},
        {"value-bytes", FAMA_OPTION_NUMBER, &options->value_bytes, false},
        {"seed", FAMA_OPTION_NUMBER, &options->seed, false},
        {"json", FAMA_OPTION_FLAG, &options->as_json, false},
    };
    int status =
        fama_options_parse(NULL, table, sizeof(table) / sizeof(table[0]), argc, argv, NULL);
    if (status != 0) {
        return status;
    }
    _Static_assert(sizeof(endorsers.items) / sizeof(endorsers.items[0]) == MEMBERS_MAX,
                   "every endorser has a place");
    for (size_t i = 0; i < endorsers.count; i++) {
        options->endorsers[options->endorser_count++].option = endorsers.items[i];
    }
    return check_options(options);
}

static int open_member(struct member *member, struct fama_error *error)
{
    char directory[PATH_BYTES];
    const char *colon = strrchr(member->option, ':');
    if (colon == NULL || colon == member->option || colon[1] == '\0' ||
        (size_t)(colon - member->option) >= sizeof(directory)) {
        return fama_error_set(error, -1,
                              "\"%.200s\" is not DIR:MSPID, an MSP directory and its MSP id",
                              member->option);
    }
    memcpy(directory, member->option, (size_t)(colon - member->option));
    directory[colon - member->option] = '\0';
    int result = fama_msp_open_directory(directory, colon + 1, &member->msp, error);
    return result != 0 ? result : fama_signer_open(directory, member->msp, &member->signer, error);
}

static int open_members(struct blocks_options *options, struct fama_error *error)
{
    int result = open_member(&options->orderer, error);
    if (result == 0) {
        result = open_member(&options->client, error);
    }
    for (size_t i = 0; result == 0 && i < options->endorser_count; i++) {
        result = open_member(&options->endorsers[i], error);
    }
    return result;
}

static void close_member(struct member *member)
{
    if (member->signer != NULL) {
        fama_signer_close(member->signer);
    }
    if (member->msp != NULL) {
        fama_msp_release(member->msp);
    }
}

static void close_members(struct blocks_options *options)
{
    close_member(&options->orderer);
    close_member(&options->client);
    for (size_t i = 0; i < options->endorser_count; i++) {
        close_member(&options->endorsers[i]);
    }
}

static void add_org(struct fama_genesis_org *orgs, size_t *count, const struct member *member)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(orgs[i].name, fama_msp_id(member->msp)) == 0) {
            return;
        }
    }
    orgs[(*count)++] =
        (struct fama_genesis_org){.name = fama_msp_id(member->msp), .msp = member->msp};
}

static int make_genesis(const struct blocks_options *options, uint8_t **bytes, size_t *len,
                        struct fama_error *error)
{
    struct fama_genesis_org applications[MEMBERS_MAX + 1];
    struct fama_genesis_org orderer = {.name = NULL};
    size_t orderer_count = 0;
    size_t application_count = 0;
    add_org(&orderer, &orderer_count, &options->orderer);
    for (size_t i = 0; i < options->endorser_count; i++) {
        add_org(applications, &application_count, &options->endorsers[i]);
    }
    add_org(applications, &application_count, &options->client);
    const struct fama_genesis genesis = {
        .channel_id = options->new_channel,
        .orderers = &orderer,
        .orderer_count = orderer_count,
        .applications = applications,
        .application_count = application_count,
        .max_message_count = MESSAGES_PER_BLOCK,
        .batch_timeout = "2s",
    };
    return fama_genesis_build(&genesis, bytes, len, error);
}

/* Says early and clearly when the channel would not accept what these members make. */
static int check_member(const struct fama_channel_config *config, const struct member *member,
                        bool is_endorser, struct fama_error *error)
{
    struct fama_identity *same = NULL;
    const struct fama_identity *identity = fama_signer_identity(member->signer);
    const char *mspid = fama_msp_id(member->msp);
    const struct fama_msp *msp = fama_channel_config_application_msp(config, mspid);
    if (msp == NULL) {
        return fama_error_set(error, -1, "%s: MSP %s is no application organisation of channel %s",
                              member->option, mspid, fama_channel_config_id(config));
    }
    int result = fama_msp_deserialize(msp, fama_identity_id_bytes(identity), &same, error);
    if (result == 0) {
        result = fama_msp_validate(msp, same, error);
    }
    if (result == 0 && is_endorser && fama_msp_definition(msp)->node_ous_enabled &&
        !fama_msp_has_role(msp, same, FAMA_MSP_ROLE_PEER)) {
        result = fama_error_set(error, -1, "its certificate has not the role of a peer");
    }
    fama_identity_release(same);
    return result == 0 ? 0
                       : fama_error_prefix(error, result, "%s in channel %s: ", member->option,
                                           fama_channel_config_id(config));
}

static int check_members(const struct blocks_options *options,
                         const struct fama_channel_config *config, struct fama_error *error)
{
    int result = check_member(config, &options->client, false, error);
    for (size_t i = 0; result == 0 && i < options->endorser_count; i++) {
        result = check_member(config, &options->endorsers[i], true, error);
    }
    return result;
}

static int write_all(int file, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(file, bytes, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return -1;
        }
        bytes += written;
        len -= (size_t)written;
    }
    return 0;
}

/* Writes a file that appears under its name only when it is whole. */
static int write_block(const char *directory, uint64_t number, const uint8_t *bytes, size_t len,
                       struct fama_error *error)
{
    char path[PATH_BYTES];
    char part[PATH_BYTES + 8];
    int path_len = snprintf(path, sizeof(path), "%s/%06" PRIu64 ".block", directory, number);
    if (path_len < 0 || (size_t)path_len >= sizeof(path)) {
        return fama_error_set(error, -1, "the name of directory %.100s... is too long", directory);
    }
    (void)snprintf(part, sizeof(part), "%s.part", path);
    if (access(path, F_OK) == 0) {
        return fama_error_set(error, -1, "%s exists: choose an empty directory", path);
    }
    int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        return fama_error_set(error, -1, "cannot write %s: %s", part, strerror(errno));
    }
    int written = write_all(file, bytes, len);
    int closed = close(file);
    if (written != 0 || closed != 0 || rename(part, path) != 0) {
        int result = fama_error_set(error, -1, "cannot write %s: %s", path, strerror(errno));
        (void)unlink(part);
        return result;
    }
    return 0;
}

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t word = *state;
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static uint64_t square_root(uint64_t square)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root | bit) * (root | bit) <= square) {
            root |= bit;
        }
    }
    return root;
}

/* A size between the two, uniform on a logarithmic scale: the interval is halved at its geometric mean
 * by one random bit after the other. */
static uint64_t draw_size(uint64_t *random, uint64_t low, uint64_t high)
{
    uint64_t bits = next_random(random);
    while (high - low > 1) {
        uint64_t middle = square_root(low * high); /* both at most 2^26 */
        if (middle <= low || middle >= high) {
            break;
        }
        if ((bits & 1) != 0) {
            low = middle;
        } else {
            high = middle;
        }
        bits = bits >> 1 | bits << 63;
    }
    return (bits & 1) != 0 ? high : low;
}

static void show_progress(const struct blocks_options *options, const struct blocks_result *result,
                          uint64_t *shown_ns)
{
    uint64_t now = now_ns();
    bool is_done = result->blocks == options->blocks;
    if (isatty(STDERR_FILENO) == 0 || (!is_done && now - *shown_ns < PROGRESS_EVERY_NS)) {
        return;
    }
    *shown_ns = now;
    fprintf(stderr, "\r%" PRIu64 "/%" PRIu64 " blocks, %.1f MiB%s", result->blocks, options->blocks,
            (double)result->bytes / (1 << 20), is_done ? "\n" : "");
}

/* Checks the first block as a node of this channel would. */
static int check_first(const struct fama_channel_config *config, const struct fama_block *block,
                       struct fama_error *error)
{
    struct fama_block_signatures signatures;
    enum fama_block_refusal refusal = fama_block_signatures_prepare(config, block, &signatures);
    fama_block_signatures_clear(&signatures);
    if (refusal != FAMA_BLOCK_ACCEPTED) {
        return fama_error_set(error, -1,
                              "channel %s would refuse blocks signed by this orderer: %s (%s)",
                              fama_channel_config_id(config), fama_block_refusal_name(refusal),
                              fama_block_refusal_words(refusal));
    }
    return 0;
}

/* Writes the genesis block once the first block after it turned out to be acceptable, then the rest. */
static int write_chain(const struct blocks_options *options,
                       const struct fama_channel_config *config, const struct fama_block *genesis,
                       struct fama_chain_builder *builder, struct blocks_result *result,
                       struct fama_error *error)
{
    uint64_t random = options->seed;
    uint64_t shown_ns = 0;
    for (uint64_t number = 1; number <= options->blocks; number++) {
        uint8_t *bytes;
        size_t len;
        struct fama_block block;
        int status = options->transactions > 0
                         ? fama_chain_builder_next(builder, options->transactions,
                                                   options->value_bytes, &bytes, &len, error)
                         : fama_chain_builder_next_sized(
                               builder, draw_size(&random, options->min_bytes, options->max_bytes),
                               &bytes, &len, error);
        if (status != 0) {
            return status;
        }
        if (fama_block_parse(fama_bytes(bytes, len), &block) != FAMA_BLOCK_ACCEPTED) {
            free(bytes);
            return fama_error_set(error, -1, "out of memory");
        }
        status = number == 1 ? check_first(config, &block, error) : 0;
        if (status == 0 && number == 1) {
            status = write_block(options->out, 0, genesis->bytes.at, genesis->bytes.len, error);
        }
        if (status == 0) {
            status = write_block(options->out, number, bytes, len, error);
        }
        result->blocks++;
        result->transactions += block.envelope_count;
        result->bytes += len;
        fama_block_clear(&block);
        free(bytes);
        if (status != 0) {
            return status;
        }
        show_progress(options, result, &shown_ns);
    }
    return 0;
}

static int build_from(const struct blocks_options *options, const struct fama_block *genesis,
                      struct blocks_result *result, struct fama_error *error)
{
    struct fama_channel_config *config = NULL;
    struct fama_chain_builder *builder = NULL;
    const struct fama_signer *endorsers[MEMBERS_MAX];
    for (size_t i = 0; i < options->endorser_count; i++) {
        endorsers[i] = options->endorsers[i].signer;
    }
    const struct fama_chain_identities identities = {
        .orderer = options->orderer.signer,
        .client = options->client.signer,
        .endorsers = endorsers,
        .endorser_count = options->endorser_count,
    };
    int status = fama_channel_config_from_block(genesis, &config, error);
    if (status == 0) {
        (void)snprintf(result->channel, sizeof(result->channel), "%s",
                       fama_channel_config_id(config));
        status = check_members(options, config, error);
    }
    if (status == 0) {
        status = fama_chain_builder_create(genesis, &identities, &builder, error);
    }
    if (status == 0 && mkdir(options->out, 0755) != 0 && errno != EEXIST) {
        status = fama_error_set(error, -1, "cannot make directory %s: %s", options->out,
                                strerror(errno));
    }
    if (status == 0) {
        status = write_chain(options, config, genesis, builder, result, error);
    }
    fama_chain_builder_destroy(builder);
    fama_channel_config_release(config);
    return status;
}

static int build(struct blocks_options *options, struct blocks_result *result,
                 struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct fama_block genesis;
    int status = open_members(options, error);
    if (status == 0) {
        status = options->new_channel != NULL
                     ? make_genesis(options, &bytes, &len, error)
                     : fama_block_file_read(options->genesis_file, &bytes, &len, error);
    }
    if (status != 0) {
        return status;
    }
    if (fama_block_parse(fama_bytes(bytes, len), &genesis) != FAMA_BLOCK_ACCEPTED) {
        status = fama_error_set(error, -1, "%s is not a block",
                                options->genesis_file == NULL ? "the genesis block"
                                                              : options->genesis_file);
    } else {
        status = build_from(options, &genesis, result, error);
        fama_block_clear(&genesis);
    }
    free(bytes);
    return status;
}

static int report(const struct blocks_options *options, const struct blocks_result *result)
{
    double seconds = (double)result->elapsed_ns / 1e9;
    double mib = (double)result->bytes / (1 << 20);
    if (!options->as_json) {
        printf("channel %s: %" PRIu64 " blocks after the genesis block, %" PRIu64
               " transactions, %.1f MiB in %s (%.1f s, %.0f transactions/s)\n",
               result->channel, result->blocks, result->transactions, mib, options->out, seconds,
               (double)result->transactions / seconds);
        return EXIT_SUCCESS;
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:I}", "case", "blocks", "channel", result->channel,
        "blocks", (json_int_t)result->blocks, "transactions", (json_int_t)result->transactions,
        "bytes", (json_int_t)result->bytes, "elapsed_s", seconds, "transactions_per_s",
        (double)result->transactions / seconds, "seed", (json_int_t)options->seed);
    int printed =
        json == NULL ? -1 : json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(json);
    return printed == 0 && putchar('\n') == '\n' ? EXIT_SUCCESS : EXIT_FAILURE;
}

int fama_bench_blocks(int argc, char **argv)
{
    struct blocks_options options;
    struct blocks_result result = {0};
    struct fama_error error = {{0}};
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    uint64_t start_ns = now_ns();
    status = build(&options, &result, &error);
    result.elapsed_ns = now_ns() - start_ns;
    close_members(&options);
    if (status != 0) {
        fprintf(stderr, "fama-bench blocks: %s\n", error.text);
        return EXIT_FAILURE;
    }
    return report(&options, &result);
}
