#include "bench/signer.h"

#include <stdio.h>

#include "controlplane/scratch_folder.h"
#include "crypto/ca.h"

static int make(const char *folder, struct fama_msp **msp, struct fama_signer **signer,
                struct fama_error *error)
{
    char peer[256];
    char msp_folder[300];
    const struct fama_ca_issue issue = {
        .organisation = folder,
        .role = FAMA_MSP_ROLE_PEER,
        .name = "origin",
        .not_before_s = -3600,
        .not_after_s = 86400,
    };
    int result = fama_ca_init(folder, "bench.fama", error);
    if (result == 0) {
        result = fama_ca_issue(&issue, peer, sizeof peer, error);
    }
    if (result == 0) {
        (void)snprintf(msp_folder, sizeof msp_folder, "%s/msp", peer);
        result = fama_msp_open_directory(msp_folder, "BenchMSP", msp, error);
    }
    return result == 0 ? fama_signer_open(msp_folder, *msp, signer, error) : result;
}

int fama_bench_signer(struct fama_msp **msp, struct fama_signer **signer, struct fama_error *error)
{
    char folder[64];
    int result = fama_scratch_make("/tmp", "fama-bench", folder, sizeof folder, error);
    if (result != 0) {
        return result;
    }
    result = make(folder, msp, signer, error);
    fama_scratch_remove(folder);
    return result;
}
