/* Identities as strangers write them, judged by an MSP: the input as a text, as DER in proper
 * armour, and as a list of changes to a certificate that the MSP's CA did issue. Nobody but the CA
 * can make a second identity out of that one: whatever is accepted has the issued certificate's
 * identity id. */
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/ca.h"
#include "crypto/pem.h"
#include "crypto/signer.h"

enum { DER_MAX = 8192 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fama_msp *msp;
static uint8_t issued[DER_MAX];
static size_t issued_len;
static char issued_id[2 * FAMA_SHA256_BYTES + 1];

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char folder[] = "/tmp/fama-fuzz-XXXXXX";
    char made[4096];
    struct fama_error error = {{0}};
    struct fama_signer *signer = NULL;
    must(mkdtemp(folder) != NULL, "cannot make a folder");
    must(fama_ca_init(folder, "fuzz.lab", &error) == 0, error.text);
    struct fama_ca_issue request = {.organisation = folder,
                                    .role = FAMA_MSP_ROLE_PEER,
                                    .name = "peer0",
                                    .not_before_s = -60,
                                    .not_after_s = 86400};
    must(fama_ca_issue(&request, made, sizeof made - 4, &error) == 0, error.text);
    strcat(made, "/msp");
    must(fama_msp_open_directory(made, "FuzzMSP", &msp, &error) == 0, error.text);
    must(fama_signer_open(made, msp, &signer, &error) == 0, error.text);
    struct fama_bytes text = fama_identity_id_bytes(fama_signer_identity(signer));
    struct fama_pem_block block;
    must(text.len <= sizeof issued && fama_pem_next(&text, issued, &block), "no certificate");
    issued_len = block.content.len;
    strcpy(issued_id, fama_identity_id(fama_signer_identity(signer)));
    fama_signer_close(signer);
    must(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "cannot remove a folder");
    return 0;
}

static void judge(struct fama_bytes text)
{
    struct fama_identity *identity = NULL;
    struct fama_error error = {{0}};
    int result = fama_msp_deserialize(msp, text, &identity, &error);
    must((result == 0) == (identity != NULL), "an identity and an error");
    must((result != 0) == (error.text[0] != '\0'), "an error without words");
    must(strchr(error.text, '\n') == NULL, "words on two lines");
    if (result == 0 && fama_msp_validate(msp, identity, &error) == 0) {
        must(strcmp(fama_identity_id(identity), issued_id) == 0, "a second identity");
        must(fama_msp_has_role(msp, identity, FAMA_MSP_ROLE_PEER), "a lost role");
    }
    fama_identity_release(identity);
}

static void judge_in_armour(const uint8_t *der, size_t len)
{
    static const char head[] = "-----BEGIN CERTIFICATE-----\n";
    static const char tail[] = "\n-----END CERTIFICATE-----\n";
    char text[sizeof head + sizeof tail + DER_MAX / 3 * 4 + 8];
    if (len == 0 || len > DER_MAX) {
        return;
    }
    memcpy(text, head, sizeof head - 1);
    size_t at = sizeof head - 1;
    at += (size_t)EVP_EncodeBlock((unsigned char *)text + at, der, (int)len);
    memcpy(text + at, tail, sizeof tail - 1);
    judge(fama_bytes(text, at + sizeof tail - 1));
}

/* Each three octets of input: where, and what to put there; the first octet of all: how many octets
 * to append. */
static void judge_changed(const uint8_t *data, size_t size)
{
    uint8_t changed[DER_MAX] = {0};
    memcpy(changed, issued, issued_len);
    size_t len = issued_len + (size > 0 ? data[0] % 4 : 0);
    for (size_t i = 1; i + 3 <= size; i += 3) {
        changed[(size_t)(data[i] << 8 | data[i + 1]) % len] = data[i + 2];
    }
    judge_in_armour(changed, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    judge(fama_bytes(data, size));
    judge_in_armour(data, size);
    judge_changed(data, size);

    struct fama_bytes input = fama_bytes(data, size);
    struct fama_msp_config config = *fama_msp_definition(msp);
    struct fama_msp *other = NULL;
    config.revocation_lists = &input;
    config.revocation_list_count = 1;
    if (fama_msp_create(&config, &other, NULL) == 0) {
        fama_msp_release(other);
    }
    return 0;
}
