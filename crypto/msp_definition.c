#include "crypto/msp_definition.h"

#include <stdlib.h>

#define DEFINITION_BYTES_MAX (64u << 20)

/* The copy is made by running the same walk twice: once with no memory, to measure, and once to
 * fill. The arrays go first, so that they are aligned. */
struct copier {
    struct fama_bytes *next_view;
    struct fama_msp_ou *next_ou;
    uint8_t *next_byte;
    size_t views;
    size_t ous;
    size_t bytes;
};

static void copy_text(struct copier *copier, struct fama_bytes *text)
{
    /* Saturates instead of wrapping: such a definition is refused as too large. */
    copier->bytes = copier->bytes + text->len < text->len ? SIZE_MAX : copier->bytes + text->len;
    if (copier->next_byte != NULL) {
        if (text->len > 0) {
            memcpy(copier->next_byte, text->at, text->len);
        }
        text->at = copier->next_byte;
        copier->next_byte += text->len;
    }
}

static void copy_texts(struct copier *copier, const struct fama_bytes **texts, size_t count)
{
    copier->views += count;
    struct fama_bytes *copies = copier->next_view;
    if (copies != NULL) {
        copier->next_view += count;
    }
    for (size_t i = 0; i < count; i++) {
        struct fama_bytes text = (*texts)[i];
        copy_text(copier, &text);
        if (copies != NULL) {
            copies[i] = text;
        }
    }
    if (copies != NULL) {
        *texts = copies;
    }
}

static void copy_ou(struct copier *copier, struct fama_msp_ou *ou)
{
    copy_text(copier, &ou->certificate);
    copy_text(copier, &ou->ou);
}

static void walk(struct copier *copier, struct fama_msp_config *config)
{
    copy_text(copier, &config->name);
    copy_text(copier, &config->signature_hash_family);
    copy_text(copier, &config->identity_hash_function);
    copy_texts(copier, &config->root_certs, config->root_cert_count);
    copy_texts(copier, &config->intermediate_certs, config->intermediate_cert_count);
    copy_texts(copier, &config->admins, config->admin_count);
    copy_texts(copier, &config->revocation_lists, config->revocation_list_count);
    copy_texts(copier, &config->tls_root_certs, config->tls_root_cert_count);
    copy_texts(copier, &config->tls_intermediate_certs, config->tls_intermediate_cert_count);
    copier->ous += config->organizational_unit_count;
    struct fama_msp_ou *ous = copier->next_ou;
    for (size_t i = 0; i < config->organizational_unit_count; i++) {
        struct fama_msp_ou ou = config->organizational_units[i];
        copy_ou(copier, &ou);
        if (ous != NULL) {
            ous[i] = ou;
        }
    }
    if (ous != NULL) {
        config->organizational_units = ous;
    }
    copy_ou(copier, &config->client_ou);
    copy_ou(copier, &config->peer_ou);
    copy_ou(copier, &config->admin_ou);
    copy_ou(copier, &config->orderer_ou);
}

int fama_msp_definition_copy(const struct fama_msp_config *config,
                             struct fama_msp_definition *definition)
{
    struct fama_msp_config measured = *config;
    struct copier copier = {0};
    walk(&copier, &measured);
    if (copier.bytes > DEFINITION_BYTES_MAX || copier.views > DEFINITION_BYTES_MAX ||
        copier.ous > DEFINITION_BYTES_MAX) {
        return FAMA_MSP_INVALID;
    }
    size_t views = copier.views * sizeof(struct fama_bytes);
    size_t ous = copier.ous * sizeof(struct fama_msp_ou);
    uint8_t *memory = malloc(views + ous + copier.bytes + 1);
    if (memory == NULL) {
        return FAMA_MSP_NO_MEMORY;
    }
    definition->memory = memory;
    definition->config = *config;
    copier = (struct copier){
        .next_view = (struct fama_bytes *)memory,
        .next_ou = (struct fama_msp_ou *)(memory + views),
        .next_byte = memory + views + ous,
    };
    walk(&copier, &definition->config);
    return 0;
}

void fama_msp_definition_free(struct fama_msp_definition *definition)
{
    free(definition->memory);
    definition->memory = NULL;
}
