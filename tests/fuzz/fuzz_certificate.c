/* Identities as strangers write them, judged by an MSP: the text as it comes, and the input as DER
 * in proper armour, so that mutations reach the certificate and not only the base64 around it. An
 * input that begins with a certificate's text may be one of ours; nobody else can sign one. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/ca.h"
#include "crypto/msp.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fama_msp *msp;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char folder[] = "/tmp/fama-fuzz-XXXXXX";
    char path[64];
    char made[4096];
    struct fama_error error = {{0}};
    if (mkdtemp(folder) == NULL || fama_ca_init(folder, "fuzz.lab", &error) != 0) {
        fprintf(stderr, "cannot make an authority: %s\n", error.text);
        abort();
    }
    struct fama_ca_issue request = {.organisation = folder,
                                    .role = FAMA_MSP_ROLE_PEER,
                                    .name = "peer0",
                                    .not_before_s = -60,
                                    .not_after_s = 86400};
    snprintf(path, sizeof path, "%s/msp", folder);
    if (fama_ca_issue(&request, made, sizeof made, &error) != 0 ||
        fama_msp_open_directory(path, "FuzzMSP", &msp, &error) != 0) {
        fprintf(stderr, "cannot make an MSP: %s\n", error.text);
        abort();
    }
    fprintf(stderr, "seeds for the corpus: certificates in %s\n", made);
    return 0;
}

static void judge(struct fama_bytes text)
{
    struct fama_identity *identity = NULL;
    struct fama_error error = {{0}};
    int result = fama_msp_deserialize(msp, text, &identity, &error);
    if ((result == 0) != (identity != NULL) || (result != 0) != (error.text[0] != '\0') ||
        strchr(error.text, '\n') != NULL) {
        abort();
    }
    if (result == 0) {
        (void)fama_msp_validate(msp, identity, &error);
        (void)fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_PEER);
        if (strlen(fama_identity_id(identity)) != 2 * (size_t)FAMA_SHA256_BYTES) {
            abort();
        }
    }
    fama_identity_release(identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    judge(fama_bytes(data, size));
    static const char head[] = "-----BEGIN CERTIFICATE-----\n";
    static const char tail[] = "\n-----END CERTIFICATE-----\n";
    if (size > 16384) {
        return 0;
    }
    size_t room = sizeof head + sizeof tail + (size + 2) / 3 * 4 + 1;
    char *text = malloc(room);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, head, sizeof head - 1);
    size_t len = sizeof head - 1;
    if (size > 0) {
        len += (size_t)EVP_EncodeBlock((unsigned char *)text + len, data, (int)size);
    }
    memcpy(text + len, tail, sizeof tail - 1);
    judge(fama_bytes(text, len + sizeof tail - 1));

    /* A revocation list and an MSP definition come from channel configurations, which orderers
     * sign. */
    struct fama_bytes input = fama_bytes(data, size);
    struct fama_msp_config config = *fama_msp_definition(msp);
    struct fama_msp *other = NULL;
    config.revocation_lists = &input;
    config.revocation_list_count = 1;
    if (fama_msp_create(&config, &other, NULL) == 0) {
        fama_msp_release(other);
    }
    free(text);
    return 0;
}
