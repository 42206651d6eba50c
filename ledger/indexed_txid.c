#include "ledger/indexed_txid.h"

#include "ledger/envelope.h"

struct fama_bytes fama_indexed_txid(struct fama_bytes envelope,
                                    char computed[FAMA_SHA256_TEXT_BYTES])
{
    static const struct fama_bytes none = {0};
    struct fama_envelope decoded;
    struct fama_payload payload;
    struct fama_channel_header channel;
    if (!fama_envelope_decode(envelope, &decoded) ||
        !fama_payload_decode(decoded.payload, &payload) || !payload.has_header ||
        !fama_channel_header_decode(payload.channel_header, &channel)) {
        return none;
    }
    if (channel.tx_id.len > 0) {
        return channel.tx_id;
    }
    struct fama_signature_header signature;
    if (!fama_signature_header_decode(payload.signature_header, &signature)) {
        return none;
    }
    struct fama_bytes parts[2] = {signature.nonce, signature.creator};
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_sha256_parts(parts, 2, digest);
    fama_sha256_text(digest, computed);
    return fama_bytes(computed, FAMA_SHA256_TEXT_BYTES - 1);
}
