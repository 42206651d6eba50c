#include "crypto/dtls_records.h"

#define HEADER_BYTES       13
#define CHANGE_CIPHER_SPEC 20
#define VERSION_MAJOR      0xfe /* DTLS 1.0 is fe.ff, 1.2 is fe.fd */
#define EPOCH_SHIFT        48
#define EPOCH_MAX          1 /* before and after the only ChangeCipherSpec: nobody renegotiates */

static uint64_t number_of(const uint8_t *header)
{
    uint64_t number = 0;
    for (size_t i = 3; i < 11; i++) {
        number = number << 8 | header[i];
    }
    return number;
}

bool fama_dtls_records_read(struct fama_bytes datagram, struct fama_dtls_span *span)
{
    struct fama_bytes rest = datagram;
    for (int records = 0; records < FAMA_DTLS_RECORDS_MAX; records++) {
        if (rest.len < HEADER_BYTES || rest.at[1] != VERSION_MAJOR) {
            return false;
        }
        size_t bytes = HEADER_BYTES + ((size_t)rest.at[11] << 8 | rest.at[12]);
        uint64_t number = number_of(rest.at);
        if (bytes > rest.len || number >> EPOCH_SHIFT > EPOCH_MAX ||
            (records > 0 && number != span->next)) {
            return false;
        }
        if (records == 0) {
            span->first = number;
        }
        span->next = rest.at[0] == CHANGE_CIPHER_SPEC ? ((number >> EPOCH_SHIFT) + 1) << EPOCH_SHIFT
                                                      : number + 1;
        rest = fama_bytes(rest.at + bytes, rest.len - bytes);
        if (rest.len == 0) {
            return true;
        }
    }
    return false;
}
