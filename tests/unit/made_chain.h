/* A consortium made for a test: an orderer organisation and two others with real certificates in a
 * temporary folder, a stranger with a CA of its own under the orderer's MSP id, and a genesis
 * block. */
#ifndef FAMA_TESTS_UNIT_MADE_CHAIN_H
#define FAMA_TESTS_UNIT_MADE_CHAIN_H

#include <fts.h>

#include "crypto/ca.h"
#include "crypto/signer.h"
#include "ledger/chain_builder.h"
#include "ledger/channel_config.h"
#include "ledger/genesis.h"
#include "unit/suite.h"

#define MADE_CHANNEL "madenet"

enum made_member {
    MADE_ORDERER,
    MADE_SIPHER,
    MADE_WHITEBOX,
    MADE_STRANGER,
    MADE_CLIENT,
    MADE_MEMBERS
};

struct made_chain {
    char folder[64];
    struct fama_msp *msps[MADE_MEMBERS];
    struct fama_signer *signers[MADE_MEMBERS];
    uint8_t *genesis_bytes;
    size_t genesis_len;
    struct fama_block genesis;
    const struct fama_signer *endorsers[2];
};

static const struct {
    const char *folder;
    const char *domain;
    const char *mspid;
    const char *name;
    enum fama_msp_role role;
} made_members[MADE_MEMBERS] = {
    [MADE_ORDERER] = {"orderer", "orderer.test", "OrdererMSP", "orderer0", FAMA_MSP_ROLE_ORDERER},
    [MADE_SIPHER] = {"sipher", "sipher.test", "SipherMSP", "peer0", FAMA_MSP_ROLE_PEER},
    [MADE_WHITEBOX] = {"whitebox", "whitebox.test", "WhiteBoxMSP", "peer0", FAMA_MSP_ROLE_PEER},
    [MADE_STRANGER] = {"stranger", "orderer.test", "OrdererMSP", "orderer0", FAMA_MSP_ROLE_ORDERER},
    [MADE_CLIENT] = {"sipher", NULL, "SipherMSP", "user1", FAMA_MSP_ROLE_CLIENT},
};

static inline void made_remove(char *folder)
{
    char *const paths[] = {folder, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry = walk == NULL ? NULL : fts_read(walk); entry != NULL;
         entry = fts_read(walk)) {
        if (entry->fts_info != FTS_D) { /* a directory comes again after what it holds */
            (void)remove(entry->fts_accpath);
        }
    }
    if (walk != NULL) {
        (void)fts_close(walk);
    }
}

static inline void made_chain_destroy(struct made_chain *chain)
{
    for (size_t i = 0; i < MADE_MEMBERS; i++) {
        if (chain->signers[i] != NULL) {
            fama_signer_close(chain->signers[i]);
        }
        if (chain->msps[i] != NULL) {
            fama_msp_release(chain->msps[i]);
        }
    }
    fama_block_clear(&chain->genesis);
    free(chain->genesis_bytes);
    made_remove(chain->folder);
}

static inline bool made_member_create(struct made_chain *chain, enum made_member member,
                                      struct fama_error *error)
{
    char folder[128];
    char made[512];
    char msp_folder[600];
    snprintf(folder, sizeof(folder), "%s/%s", chain->folder, made_members[member].folder);
    const struct fama_ca_issue request = {
        .organisation = folder,
        .role = made_members[member].role,
        .name = made_members[member].name,
        .not_before_s = -60,
        .not_after_s = 3600,
    };
    if (made_members[member].domain != NULL &&
        fama_ca_init(folder, made_members[member].domain, error) != 0) {
        return false;
    }
    if (fama_ca_issue(&request, made, sizeof(made), error) != 0) {
        return false;
    }
    snprintf(msp_folder, sizeof(msp_folder), "%s/msp", made);
    return fama_msp_open_directory(msp_folder, made_members[member].mspid, &chain->msps[member],
                                   error) == 0 &&
           fama_signer_open(msp_folder, chain->msps[member], &chain->signers[member], error) == 0;
}

static inline bool made_genesis_create(struct made_chain *chain, const char *channel,
                                       uint8_t **bytes, size_t *len, struct fama_error *error)
{
    static const char *const orderer_endpoints[] = {"198.18.0.2:7050"};
    static const char *const anchors[] = {"198.18.0.3:7051"};
    const struct fama_genesis_org orderers[] = {{.name = "OrdererOrg",
                                                 .msp = chain->msps[MADE_ORDERER],
                                                 .endpoints = orderer_endpoints,
                                                 .endpoint_count = 1}};
    const struct fama_genesis_org applications[] = {
        {.name = "Sipher",
         .msp = chain->msps[MADE_SIPHER],
         .endpoints = anchors,
         .endpoint_count = 1},
        {.name = "WhiteBox", .msp = chain->msps[MADE_WHITEBOX]}};
    const struct fama_genesis genesis = {
        .channel_id = channel,
        .orderers = orderers,
        .orderer_count = 1,
        .applications = applications,
        .application_count = 2,
        .max_message_count = 100,
        .batch_timeout = "2s",
    };
    return fama_genesis_build(&genesis, bytes, len, error) == 0;
}

/* On failure the words are printed and false comes back; destroy the chain in either case. */
static inline bool made_chain_create(struct made_chain *chain)
{
    struct fama_error error = {{0}};
    *chain = (struct made_chain){.folder = "/tmp/fama-made-chain-XXXXXX"};
    bool made = mkdtemp(chain->folder) != NULL;
    for (size_t i = 0; made && i < MADE_MEMBERS; i++) {
        made = made_member_create(chain, (enum made_member)i, &error);
    }
    made = made &&
           made_genesis_create(chain, MADE_CHANNEL, &chain->genesis_bytes, &chain->genesis_len,
                               &error) &&
           fama_block_parse(fama_bytes(chain->genesis_bytes, chain->genesis_len),
                            &chain->genesis) == FAMA_BLOCK_ACCEPTED;
    if (!made) {
        fprintf(stderr, "cannot make a consortium: %s\n", error.text);
    }
    chain->endorsers[0] = chain->signers[MADE_SIPHER];
    chain->endorsers[1] = chain->signers[MADE_WHITEBOX];
    return made;
}

/* A builder on the chain's genesis whose blocks `orderer` signs. NULL if it fails. */
static inline struct fama_chain_builder *made_builder(const struct made_chain *chain,
                                                      enum made_member orderer)
{
    struct fama_chain_builder *builder = NULL;
    const struct fama_chain_identities identities = {
        .orderer = chain->signers[orderer],
        .client = chain->signers[MADE_CLIENT],
        .endorsers = chain->endorsers,
        .endorser_count = 2,
    };
    return fama_chain_builder_create(&chain->genesis, &identities, &builder, NULL) == 0 ? builder
                                                                                        : NULL;
}

/* The whole judgement of a block's signatures, verified here and now. */
static inline enum fama_block_refusal verify_signatures(const struct fama_channel_config *config,
                                                        const struct fama_block *block)
{
    struct fama_block_signatures signatures;
    enum fama_block_refusal refusal = fama_block_signatures_prepare(config, block, &signatures);
    struct fama_verifier *verifier = fama_verifier_create();
    if (refusal == FAMA_BLOCK_ACCEPTED && verifier != NULL) {
        struct fama_verify_job *jobs[FAMA_BLOCK_SIGNATURES_MAX];
        for (size_t i = 0; i < signatures.count; i++) {
            jobs[i] = &signatures.jobs[i];
        }
        fama_verifier_run(verifier, jobs, signatures.count);
        refusal = fama_block_signatures_judge(config, &signatures);
    }
    fama_verifier_destroy(verifier);
    fama_block_signatures_clear(&signatures);
    return refusal;
}

#endif
