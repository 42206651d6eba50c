/* CRC-32C (RFC 3720, appendix B.4) with the processor's own instruction, in the place of RocksDB's.
 *
 * RocksDB takes a CRC-32C of every byte that goes into a write-ahead log or a blob file. Debian builds it
 * for the first x86-64, so that it computes from tables, at 1.4 GB/s where this one reaches 9: of a commit
 * that was a sixth. The dynamic linker looks into the program before it looks into its libraries, and
 * RocksDB calls its own rocksdb::crc32c::Extend the way others do: a function of this name here is found
 * first. The results are the same, bit for bit, so that ledgers are readable with and without; a RocksDB
 * that calls itself more directly, or one for another processor, goes on with its own.
 *
 * Stateless; any thread. */
#ifndef FAMA_LEDGER_STORE_CHECKSUM_H
#define FAMA_LEDGER_STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define FAMA_STORE_CHECKSUM_SYMBOL "_ZN7rocksdb6crc32c6ExtendEjPKcm"

/* The checksum of some bytes, whose own is `checksum`, followed by `len` more. Of nothing: 0. */
#if defined(__x86_64__)
uint32_t fama_store_checksum(uint32_t checksum, const char *bytes,
                             size_t len) __asm__(FAMA_STORE_CHECKSUM_SYMBOL);
#else
uint32_t fama_store_checksum(uint32_t checksum, const char *bytes, size_t len);
#endif

#endif
