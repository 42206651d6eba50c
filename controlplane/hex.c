#include "controlplane/hex.h"

void fama_hex(struct fama_bytes bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[bytes.at[i] >> 4];
        text[2 * i + 1] = digits[bytes.at[i] & 15];
    }
    text[2 * bytes.len] = '\0';
}
