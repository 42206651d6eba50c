#include "crypto/datagram_bio.h"

#include <stdlib.h>

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct fama_datagrams *datagrams = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (datagrams->given.len == 0 || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    /* What the reader has no room for is cut off, as a socket does it. */
    size_t len = datagrams->given.len < (size_t)size ? datagrams->given.len : (size_t)size;
    memcpy(buffer, datagrams->given.at, len);
    datagrams->given = fama_bytes(NULL, 0);
    return (int)len;
}

static bool make_room(struct fama_datagrams *datagrams, size_t len)
{
    if (len > FAMA_DATAGRAM_BIO_BYTES - datagrams->len ||
        datagrams->count == FAMA_DATAGRAM_BIO_COUNT) {
        return false;
    }
    if (len <= datagrams->room - datagrams->len) {
        return true;
    }
    size_t room = datagrams->room == 0 ? 2048 : datagrams->room;
    while (room < datagrams->len + len) {
        room *= 2;
    }
    uint8_t *bytes = realloc(datagrams->bytes, room);
    if (bytes == NULL) {
        return false;
    }
    datagrams->bytes = bytes;
    datagrams->room = room;
    return true;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct fama_datagrams *datagrams = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0 || !make_room(datagrams, (size_t)len)) {
        return -1;
    }
    memcpy(datagrams->bytes + datagrams->len, bytes, (size_t)len);
    datagrams->len += (size_t)len;
    datagrams->ends[datagrams->count++] = (uint32_t)datagrams->len;
    return len;
}

/* Nothing is buffered, no socket has an MTU to be asked for, and time is not OpenSSL's here. */
static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *fama_datagram_bio_method_create(void)
{
    /* Without a number of its own, of which OpenSSL has few: nobody looks for it in a chain. */
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams");
    if (method != NULL &&
        (BIO_meth_set_read(method, bio_read) != 1 || BIO_meth_set_write(method, bio_write) != 1 ||
         BIO_meth_set_ctrl(method, bio_ctrl) != 1 ||
         BIO_meth_set_create(method, bio_create) != 1)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

BIO *fama_datagram_bio_create(const BIO_METHOD *method, struct fama_datagrams *datagrams)
{
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, datagrams);
    }
    return bio;
}

struct fama_bytes fama_datagrams_at(const struct fama_datagrams *datagrams, uint32_t index)
{
    size_t begin = index == 0 ? 0 : datagrams->ends[index - 1];
    return fama_bytes(datagrams->bytes + begin, datagrams->ends[index] - begin);
}

void fama_datagrams_free(struct fama_datagrams *datagrams)
{
    free(datagrams->bytes);
    *datagrams = (struct fama_datagrams){0};
}
