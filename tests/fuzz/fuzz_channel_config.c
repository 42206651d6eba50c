/* Bytes of a stranger as a configuration block, and as a block whose signatures are judged against a
 * configuration. The input is read both ways; if FAMA_SHARED names the folder with real data, signatures are
 * judged against a real channel's configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/channel_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fama_channel_config *real_config(void)
{
    static uint8_t bytes[1 << 20];
    char path[512];
    struct fama_block block;
    struct fama_channel_config *config = NULL;
    const char *shared = getenv("FAMA_SHARED");
    (void)snprintf(path, sizeof(path), "%s/fabric-data/genesis_drivenet.block",
                   shared == NULL ? "." : shared);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    if (fama_block_parse(fama_bytes(bytes, len), &block) == FAMA_BLOCK_ACCEPTED) {
        (void)fama_channel_config_from_block(&block, &config, NULL);
        fama_block_clear(&block);
    }
    return config;
}

static void judge(const struct fama_channel_config *config, const struct fama_block *block)
{
    struct fama_block_signatures signatures;
    enum fama_block_refusal refusal = fama_block_signatures_prepare(config, block, &signatures);
    if ((refusal == FAMA_BLOCK_ACCEPTED) != (signatures.count > 0)) {
        abort();
    }
    if (fama_block_signatures_judge(config, &signatures) == FAMA_BLOCK_ACCEPTED) {
        abort(); /* no verdict is in yet */
    }
    fama_block_signatures_clear(&signatures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fama_channel_config *real;
    static bool is_looked_for;
    struct fama_block block;
    struct fama_channel_config *config;
    struct fama_error error;
    if (!is_looked_for) {
        real = real_config();
        is_looked_for = true;
    }
    if (fama_block_parse(fama_bytes(data, size), &block) != FAMA_BLOCK_ACCEPTED) {
        return 0;
    }
    if (real != NULL) {
        judge(real, &block);
    }
    if (fama_channel_config_from_block(&block, &config, &error) == 0) {
        if (!fama_channel_id_is_valid(fama_bytes_of_text(fama_channel_config_id(config)))) {
            abort();
        }
        judge(config, &block);
        fama_channel_config_release(config);
    }
    fama_block_clear(&block);
    return 0;
}
