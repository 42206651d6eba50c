#include "bench/dissemination_chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/block_file.h"
#include "controlplane/network_create.h"
#include "crypto/signer.h"
#include "ledger/chain_builder.h"

#define USUAL_VALUE_BYTES 100 /* of the rival's transactions, which take about 4 KB */
#define PROBE             10  /* transactions more in the second block that is weighed */

enum member { ORDERER, CLIENT, FIRST_ENDORSER, SECOND_ENDORSER, MEMBERS };

struct fama_spread_chain {
    char directory[PATH_MAX];
    struct fama_msp *msps[MEMBERS];
    struct fama_signer *signers[MEMBERS];
    struct fama_chain_builder *builder;
    uint64_t height;
    size_t transaction_bytes; /* with a value of USUAL_VALUE_BYTES */
    size_t empty_bytes;       /* of a block, besides its transactions */
};

static int open_member(struct fama_spread_chain *chain, enum member member, const char *folder,
                       const char *mspid, struct fama_error *error)
{
    int status = fama_msp_open_directory(folder, mspid, &chain->msps[member], error);
    return status != 0
               ? status
               : fama_signer_open(folder, chain->msps[member], &chain->signers[member], error);
}

static int open_members(struct fama_spread_chain *chain, const struct fama_network *network,
                        struct fama_error *error)
{
    char orderer[PATH_MAX];
    char client[PATH_MAX];
    char peers[2][PATH_MAX];
    char mspid[FAMA_NETWORK_NAME_MAX + 8];
    const struct fama_network_org *org = &network->orgs[0];
    (void)snprintf(mspid, sizeof mspid, "%sMSP", org->name);
    if (!fama_network_format(orderer, sizeof orderer,
                             "%s/ordererOrganizations/" FAMA_NETWORK_ORDERER_DOMAIN
                             "/orderers/orderer0." FAMA_NETWORK_ORDERER_DOMAIN "/msp",
                             network->crypto) ||
        !fama_network_format(client, sizeof client, "%s/peerOrganizations/%s/users/User1@%s/msp",
                             network->crypto, org->domain, org->domain) ||
        !fama_network_msp_path(network, &network->nodes[0], peers[0], sizeof peers[0]) ||
        !fama_network_msp_path(network, &network->nodes[1], peers[1], sizeof peers[1])) {
        return fama_error_set(error, -1, "the path of the network is too long");
    }
    int status = open_member(chain, ORDERER, orderer, "OrdererMSP", error);
    if (status == 0) {
        status = open_member(chain, CLIENT, client, mspid, error);
    }
    for (int i = 0; status == 0 && i < 2; i++) {
        status = open_member(chain, FIRST_ENDORSER + i, peers[i], mspid, error);
    }
    return status;
}

static int open_builder(struct fama_spread_chain *chain, const char *genesis_file,
                        struct fama_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct fama_block genesis = {0};
    const struct fama_signer *const endorsers[] = {chain->signers[FIRST_ENDORSER],
                                                   chain->signers[SECOND_ENDORSER]};
    const struct fama_chain_identities identities = {
        .orderer = chain->signers[ORDERER],
        .client = chain->signers[CLIENT],
        .endorsers = endorsers,
        .endorser_count = 2,
    };
    int status = fama_block_file_read(genesis_file, &bytes, &len, error);
    if (status == 0 && fama_block_parse(fama_bytes(bytes, len), &genesis) != FAMA_BLOCK_ACCEPTED) {
        status = fama_error_set(error, -1, "%s is not a block", genesis_file);
    }
    if (status == 0) {
        status = fama_chain_builder_create(&genesis, &identities, &chain->builder, error);
    }
    fama_block_clear(&genesis);
    free(bytes);
    return status;
}

static int write_block(const struct fama_spread_chain *chain, const uint8_t *bytes, size_t len,
                       struct fama_error *error)
{
    char path[PATH_MAX];
    if (!fama_network_format(path, sizeof path, "%s/%06" PRIu64 ".block", chain->directory,
                             chain->height)) {
        return fama_error_set(error, -1, "%s: the path is too long", chain->directory);
    }
    FILE *file = fopen(path, "wbe");
    bool is_written = file != NULL && fwrite(bytes, 1, len, file) == len;
    if (file == NULL || fclose(file) != 0 || !is_written) {
        return fama_error_set(error, -1, "%s: cannot be written: %s", path, strerror(errno));
    }
    return 0;
}

static int make(struct fama_spread_chain *chain, size_t transactions, size_t value_bytes,
                size_t *len, struct fama_error *error)
{
    uint8_t *bytes = NULL;
    int status =
        fama_chain_builder_next(chain->builder, transactions, value_bytes, &bytes, len, error);
    if (status == 0) {
        status = write_block(chain, bytes, *len, error);
        chain->height++;
    }
    free(bytes);
    return status;
}

/* What a transaction and an empty block weigh follows from two blocks. */
static int weigh(struct fama_spread_chain *chain, struct fama_error *error)
{
    size_t definition = 0;
    size_t one = 0;
    size_t more = 0;
    int status = make(chain, 1, 1, &definition, error);
    if (status == 0) {
        status = make(chain, 1, USUAL_VALUE_BYTES, &one, error);
    }
    if (status == 0) {
        status = make(chain, 1 + PROBE, USUAL_VALUE_BYTES, &more, error);
    }
    if (status == 0) {
        chain->transaction_bytes = (more - one) / PROBE;
        chain->empty_bytes = one > chain->transaction_bytes ? one - chain->transaction_bytes : 0;
    }
    return status;
}

int fama_spread_chain_begin(const struct fama_network *network, const char *directory,
                            struct fama_spread_chain **chain, struct fama_error *error)
{
    *chain = NULL;
    struct fama_spread_chain *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fama_error_set(error, -1, "out of memory");
    }
    made->height = 1;
    int status = fama_network_format(made->directory, sizeof made->directory, "%s", directory)
                     ? open_members(made, network, error)
                     : fama_error_set(error, -1, "%s: the path is too long", directory);
    if (status == 0) {
        status = open_builder(made, network->genesis, error);
    }
    if (status == 0) {
        status = weigh(made, error);
    }
    if (status != 0) {
        fama_spread_chain_end(made);
        return -1;
    }
    *chain = made;
    return 0;
}

int fama_spread_chain_next(struct fama_spread_chain *chain, uint64_t bytes,
                           struct fama_error *error)
{
    size_t made = 0;
    size_t room = bytes > chain->empty_bytes ? (size_t)bytes - chain->empty_bytes : 0;
    size_t count = room / chain->transaction_bytes;
    count = count == 0 ? 1 : count;
    /* What is left over goes into the values, of which a transaction holds two copies each. */
    size_t share = room / count;
    size_t more = share > chain->transaction_bytes ? (share - chain->transaction_bytes) / 2 : 0;
    return make(chain, count, USUAL_VALUE_BYTES + more, &made, error);
}

uint64_t fama_spread_chain_height(const struct fama_spread_chain *chain)
{
    return chain->height;
}

void fama_spread_chain_end(struct fama_spread_chain *chain)
{
    if (chain == NULL) {
        return;
    }
    fama_chain_builder_destroy(chain->builder);
    for (size_t i = 0; i < MEMBERS; i++) {
        if (chain->signers[i] != NULL) {
            fama_signer_close(chain->signers[i]);
        }
        if (chain->msps[i] != NULL) {
            fama_msp_release(chain->msps[i]);
        }
    }
    free(chain);
}
