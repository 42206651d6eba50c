/* Configuration updates: those that Fabric applied apply, and each rule that one can break is broken. */
#include "ledger/config_update.h"

#include "ledger/envelope.h"
#include "unit/real_blocks.h"

/* The ConfigEnvelope in a configuration block. */
static struct fama_bytes config_envelope_of(const struct fama_block *block)
{
    struct fama_envelope envelope;
    struct fama_payload payload;
    CU_ASSERT_FATAL(fama_envelope_decode(block->envelopes[0], &envelope));
    CU_ASSERT_FATAL(fama_payload_decode(envelope.payload, &payload));
    return payload.data;
}

static struct fama_channel_config *config_of(struct fama_bytes bytes)
{
    struct fama_block block;
    struct fama_error error = {{0}};
    struct fama_channel_config *config = NULL;
    CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
    if (fama_channel_config_from_block(&block, &config, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    fama_block_clear(&block);
    return config;
}

static void test_real_updates_apply_one_after_the_other(void)
{
    const char *shared = shared_data_or_say_so("configuration updates of a real channel");
    size_t applied = 0;
    for (size_t c = 0; shared != NULL && c < REAL_CHAINS; c++) {
        struct fama_channel_config *config = NULL;
        for (size_t i = 0; i < real_chains[c].blocks; i++) {
            struct fama_bytes bytes = read_real_block(shared, real_chains[c].channel, i);
            struct fama_block block;
            if (i == 0) {
                config = config_of(bytes);
                CU_ASSERT_PTR_NOT_NULL_FATAL(config);
            }
            CU_ASSERT_EQUAL_FATAL(fama_block_parse(bytes, &block), FAMA_BLOCK_ACCEPTED);
            if (i > 0 && fama_block_is_config(&block)) {
                struct fama_channel_config *next = NULL;
                struct fama_channel_config *again = NULL;
                struct fama_error error = {{0}};
                int result =
                    fama_channel_config_apply(config, config_envelope_of(&block), &next, &error);
                if (result != 0) {
                    fprintf(stderr, "block %zu: %s\n", i, error.text);
                }
                CU_ASSERT_EQUAL_FATAL(result, 0);
                CU_ASSERT_EQUAL(fama_channel_config_sequence(next),
                                fama_channel_config_sequence(config) + 1);
                CU_ASSERT_EQUAL(
                    fama_channel_config_apply(next, config_envelope_of(&block), &again, NULL),
                    FAMA_CHANNEL_CONFIG_INVALID);
                fama_channel_config_release(config);
                config = next;
                applied++;
            }
            fama_block_clear(&block);
            free_bytes(bytes);
        }
        fama_channel_config_release(config);
    }
    CU_ASSERT(shared == NULL || applied == 2);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_real_updates_apply_one_after_the_other),
    };
    return run_suite("config_update", cases, sizeof(cases) / sizeof(cases[0]));
}
