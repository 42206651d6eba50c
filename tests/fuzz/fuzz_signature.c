/* Signatures as strangers write them: whatever is accepted must be in range, low, and survive both
 * of its forms; whatever is accepted or refused must not depend on bytes behind the input. */
#include <stdlib.h>

#include "crypto/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fama_signature signature;
    int result = fama_signature_from_der(fama_bytes(data, size), &signature);
    must(result <= 0 && result >= FAMA_SIGNATURE_HIGH_S);
    if (result == FAMA_SIGNATURE_HIGH_S) {
        fama_signature_make_low_s(&signature);
        result = 0;
    }
    if (result == 0) {
        struct fama_signature again;
        uint8_t raw[FAMA_SIGNATURE_BYTES];
        uint8_t der[FAMA_SIGNATURE_DER_MAX];
        fama_signature_to_raw(&signature, raw);
        must(fama_signature_from_raw(raw, &again) == 0);
        must(memcmp(&signature, &again, sizeof again) == 0);
        size_t len = fama_signature_to_der(&signature, der);
        must(len <= sizeof der);
        must(fama_signature_from_der(fama_bytes(der, len), &again) == 0);
        must(memcmp(&signature, &again, sizeof again) == 0);
    }
    if (size >= FAMA_SIGNATURE_BYTES) {
        (void)fama_signature_from_raw(data, &signature);
    }
    return 0;
}
