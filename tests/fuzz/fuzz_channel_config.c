/* Bytes of a stranger as a configuration block, as the update of a channel's configuration, and as a block
 * whose signatures are judged against one. The input is read in all three ways; if FAMA_SHARED names the
 * folder with real data, updates and signatures are judged against a real channel's configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/config_update.h"
#include "ledger/envelope.h"

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

/* The channel's own: its policy asks for a signature. */
static const struct fama_channel_config *strict;

/* A stranger's update must not get through without signatures of the channel's administrators. */
static void update(const struct fama_channel_config *config, const struct fama_block *block,
                   struct fama_bytes bytes)
{
    struct fama_channel_config *next;
    struct fama_envelope envelope;
    struct fama_payload payload;
    if (fama_channel_config_apply(config, bytes, &next, NULL) == 0) {
        fama_channel_config_release(next);
    }
    if (fama_block_is_config(block) && fama_envelope_decode(block->envelopes[0], &envelope) &&
        fama_payload_decode(envelope.payload, &payload) &&
        fama_channel_config_apply(config, payload.data, &next, NULL) == 0) {
        if (fama_channel_config_sequence(next) != fama_channel_config_sequence(config) + 1) {
            abort();
        }
        fama_channel_config_release(next);
    }
}

static void judge(const struct fama_channel_config *config, const struct fama_block *block)
{
    struct fama_block_signatures signatures;
    enum fama_block_refusal refusal = fama_block_signatures_prepare(config, block, &signatures);
    if (refusal != FAMA_BLOCK_ACCEPTED && signatures.count > 0) {
        abort();
    }
    bool is_final = false; /* keys of other curves are verified at once */
    for (size_t i = 0; i < signatures.count; i++) {
        is_final = is_final || signatures.jobs[i].verdict == FAMA_VERDICT_GOOD;
    }
    if (fama_block_signatures_judge(config, &signatures) == FAMA_BLOCK_ACCEPTED && !is_final &&
        signatures.count > 0 && config == strict) {
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
        strict = real;
        is_looked_for = true;
    }
    if (fama_block_parse(fama_bytes(data, size), &block) != FAMA_BLOCK_ACCEPTED) {
        return 0;
    }
    if (real != NULL) {
        judge(real, &block);
        update(real, &block, fama_bytes(data, size));
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
