/* The checksum that RocksDB finds in the place of its own. */
#include <dlfcn.h>
#include <rocksdb/c.h>
#include <string.h>

#include "ledger/store_checksum.h"
#include "unit/suite.h"

#define BYTES 4099

typedef uint32_t (*checksum_function)(uint32_t, const char *, size_t);

static checksum_function find(void *where)
{
    void *address = dlsym(where, FAMA_STORE_CHECKSUM_SYMBOL);
    checksum_function found;
    memcpy(&found, &address, sizeof found);
    return found;
}

/* RFC 3720, B.4. */
static void test_published_vectors(void)
{
    char bytes[32];
    CU_ASSERT_EQUAL(fama_store_checksum(0, "", 0), 0);
    CU_ASSERT_EQUAL(fama_store_checksum(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    CU_ASSERT_EQUAL(fama_store_checksum(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    CU_ASSERT_EQUAL(fama_store_checksum(0, bytes, sizeof bytes), 0x62a8ab43);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (char)i;
    }
    CU_ASSERT_EQUAL(fama_store_checksum(0, bytes, sizeof bytes), 0x46dd794e);
}

#if defined(__x86_64__)
/* RocksDB's library itself, which is linked in for this call. */
static void *open_library(void)
{
    rocksdb_options_destroy(rocksdb_options_create());
    void *inside = dlsym(RTLD_DEFAULT, "rocksdb_options_create");
    Dl_info info;
    return inside != NULL && dladdr(inside, &info) != 0
               ? dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD)
               : NULL;
}

static void test_rocksdb_finds_it_first(void)
{
    CU_ASSERT_PTR_EQUAL(find(RTLD_DEFAULT), fama_store_checksum);
}

/* Against the one that it takes the place of, at every length and alignment, in one piece and in two. */
static void test_it_agrees_with_rocksdbs_own(void)
{
    char bytes[BYTES];
    void *library = open_library();
    CU_ASSERT_PTR_NOT_NULL_FATAL(library);
    checksum_function own = find(library);
    CU_ASSERT_FATAL(own != NULL && own != fama_store_checksum);
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> 24);
    }
    bool agrees = true;
    for (size_t len = 0; len < BYTES - 8; len += len < 300 ? 1 : 127) {
        for (size_t start = 0; start < 8; start++) {
            uint32_t whole = own(seed, bytes + start, len);
            uint32_t half = fama_store_checksum(seed, bytes + start, len / 3);
            agrees = agrees && fama_store_checksum(seed, bytes + start, len) == whole &&
                     fama_store_checksum(half, bytes + start + len / 3, len - len / 3) == whole;
        }
    }
    CU_ASSERT(agrees);
    (void)dlclose(library);
}
#endif

static const struct test_case cases[] = {
    TEST(test_published_vectors),
#if defined(__x86_64__)
    TEST(test_rocksdb_finds_it_first),
    TEST(test_it_agrees_with_rocksdbs_own),
#endif
};

int main(void)
{
    return run_suite("store checksum", cases, sizeof cases / sizeof cases[0]);
}
