#include "crypto/principal.h"

#include "crypto/msp.h"

bool fama_identity_satisfies(const struct fama_identity *identity,
                             const struct fama_principal *principal)
{
    const struct fama_msp *msp = fama_identity_msp(identity);
    switch (principal->kind) {
    case FAMA_PRINCIPAL_ROLE:
        return fama_bytes_equal(principal->mspid,
                                fama_bytes_of_text(fama_identity_mspid(identity))) &&
               principal->role >= 0 && principal->role <= FAMA_MSP_ROLE_ORDERER &&
               fama_identity_validate(identity, NULL) == 0 &&
               fama_msp_has_role(msp, identity, (enum fama_msp_role)principal->role);
    default:
        return false;
    }
}
