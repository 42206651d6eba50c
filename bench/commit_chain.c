#include "bench/commit_chain.h"

#include <stdio.h>
#include <stdlib.h>

#include "controlplane/scratch_folder.h"
#include "crypto/ca.h"
#include "crypto/signer.h"
#include "ledger/chain_builder.h"
#include "ledger/genesis.h"

#define PATH_BYTES 512

enum member { ORDERER, SIPHER, WHITEBOX, CLIENT, MEMBERS };

static const struct {
    const char *folder;
    const char *domain; /* NULL: the organisation is there */
    const char *mspid;
    const char *name;
    enum fama_msp_role role;
} members[MEMBERS] = {
    [ORDERER] = {"orderer", "orderer.bench", "OrdererMSP", "orderer0", FAMA_MSP_ROLE_ORDERER},
    [SIPHER] = {"sipher", "sipher.bench", "SipherMSP", "peer0", FAMA_MSP_ROLE_PEER},
    [WHITEBOX] = {"whitebox", "whitebox.bench", "WhiteBoxMSP", "peer0", FAMA_MSP_ROLE_PEER},
    [CLIENT] = {"sipher", NULL, "SipherMSP", "client", FAMA_MSP_ROLE_CLIENT},
};

struct consortium {
    char folder[PATH_BYTES];
    struct fama_msp *msps[MEMBERS];
    struct fama_signer *signers[MEMBERS];
};

static int make_member(struct consortium *consortium, enum member member, struct fama_error *error)
{
    char organisation[PATH_BYTES + 16];
    char made[2 * PATH_BYTES];
    char msp_folder[2 * PATH_BYTES + 8];
    (void)snprintf(organisation, sizeof organisation, "%s/%s", consortium->folder,
                   members[member].folder);
    const struct fama_ca_issue request = {
        .organisation = organisation,
        .role = members[member].role,
        .name = members[member].name,
        .not_before_s = -60,
        .not_after_s = 24 * 3600,
    };
    if (members[member].domain != NULL &&
        fama_ca_init(organisation, members[member].domain, error) != 0) {
        return -1;
    }
    if (fama_ca_issue(&request, made, sizeof made, error) != 0) {
        return -1;
    }
    (void)snprintf(msp_folder, sizeof msp_folder, "%s/msp", made);
    return fama_msp_open_directory(msp_folder, members[member].mspid, &consortium->msps[member],
                                   error) == 0 &&
                   fama_signer_open(msp_folder, consortium->msps[member],
                                    &consortium->signers[member], error) == 0
               ? 0
               : -1;
}

static int make_genesis(const struct consortium *consortium, struct fama_bytes *bytes,
                        struct fama_error *error)
{
    static const char *const endpoints[] = {"198.18.0.2:7050"};
    const struct fama_genesis_org orderers[] = {{.name = "Orderer",
                                                 .msp = consortium->msps[ORDERER],
                                                 .endpoints = endpoints,
                                                 .endpoint_count = 1}};
    const struct fama_genesis_org applications[] = {
        {.name = "Sipher", .msp = consortium->msps[SIPHER]},
        {.name = "WhiteBox", .msp = consortium->msps[WHITEBOX]}};
    const struct fama_genesis genesis = {
        .channel_id = "bench",
        .orderers = orderers,
        .orderer_count = 1,
        .applications = applications,
        .application_count = 2,
        .max_message_count = 500,
        .batch_timeout = "2s",
    };
    uint8_t *made = NULL;
    size_t len = 0;
    int status = fama_genesis_build(&genesis, &made, &len, error);
    *bytes = fama_bytes(made, len);
    return status;
}

static int make_blocks(const struct consortium *consortium, size_t transactions, size_t value_bytes,
                       struct fama_commit_chain *chain, struct fama_error *error)
{
    struct fama_block genesis = {0};
    struct fama_chain_builder *builder = NULL;
    const struct fama_signer *const endorsers[] = {consortium->signers[SIPHER],
                                                   consortium->signers[WHITEBOX]};
    const struct fama_chain_identities identities = {
        .orderer = consortium->signers[ORDERER],
        .client = consortium->signers[CLIENT],
        .endorsers = endorsers,
        .endorser_count = 2,
    };
    int status = make_genesis(consortium, &chain->blocks[0], error);
    if (status == 0 && fama_block_parse(chain->blocks[0], &genesis) != FAMA_BLOCK_ACCEPTED) {
        status = fama_error_set(error, -1, "the genesis block made here does not decode");
    }
    if (status == 0) {
        status = fama_chain_builder_create(&genesis, &identities, &builder, error);
    }
    for (size_t i = 1; status == 0 && i < chain->count; i++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        status = fama_chain_builder_next(builder, transactions, value_bytes, &bytes, &len, error);
        chain->blocks[i] = fama_bytes(bytes, len);
        if (i > 1) {
            chain->transactions += transactions;
            chain->bytes += len;
        }
    }
    fama_chain_builder_destroy(builder);
    fama_block_clear(&genesis);
    return status;
}

int fama_commit_chain_make(size_t blocks, size_t transactions, size_t value_bytes,
                           struct fama_commit_chain *chain, struct fama_error *error)
{
    struct consortium consortium = {.folder = ""};
    *chain = (struct fama_commit_chain){.count = blocks + 2};
    chain->blocks = calloc(chain->count, sizeof chain->blocks[0]);
    if (chain->blocks == NULL) {
        return fama_error_set(error, -1, "out of memory");
    }
    int status =
        fama_scratch_make("/tmp", "fama-bench", consortium.folder, sizeof consortium.folder, error);
    for (int member = 0; status == 0 && member < MEMBERS; member++) {
        status = make_member(&consortium, (enum member)member, error);
    }
    if (status == 0) {
        status = make_blocks(&consortium, transactions, value_bytes, chain, error);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        if (consortium.signers[i] != NULL) {
            fama_signer_close(consortium.signers[i]);
        }
        if (consortium.msps[i] != NULL) {
            fama_msp_release(consortium.msps[i]);
        }
    }
    if (consortium.folder[0] != '\0') {
        fama_scratch_remove(consortium.folder);
    }
    if (status != 0) {
        fama_commit_chain_free(chain);
        return -1;
    }
    return 0;
}

void fama_commit_chain_free(struct fama_commit_chain *chain)
{
    for (size_t i = 0; chain->blocks != NULL && i < chain->count; i++) {
        free((void *)(uintptr_t)chain->blocks[i].at);
    }
    free(chain->blocks);
    *chain = (struct fama_commit_chain){.blocks = NULL};
}

struct chain_source {
    struct fama_block_source source; /* first: the vtable is the handle */
    struct fama_commit_chain *chain;
};

static int next_block(struct fama_block_source *source, uint64_t number, uint8_t **bytes,
                      size_t *len, struct fama_error *error)
{
    const struct fama_commit_chain *chain = ((struct chain_source *)source)->chain;
    *bytes = NULL;
    *len = 0;
    if (number >= chain->count) {
        return FAMA_BLOCK_SOURCE_NOT_YET;
    }
    struct fama_bytes *block = &chain->blocks[number];
    if (block->at == NULL) {
        return fama_error_set(error, FAMA_BLOCK_SOURCE_FAILED, "a block is handed out once");
    }
    *bytes = (uint8_t *)(uintptr_t)block->at;
    *len = block->len;
    *block = fama_bytes(NULL, 0);
    return 0;
}

static void close_source(struct fama_block_source *source)
{
    free(source);
}

struct fama_block_source *fama_commit_chain_source(struct fama_commit_chain *chain)
{
    struct chain_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return NULL;
    }
    source->source.next = next_block;
    source->source.close = close_source;
    source->chain = chain;
    return &source->source;
}
