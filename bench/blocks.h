/* fama-bench blocks: writes a chain of signed Fabric blocks as files, for quickstart, tests and benches on
 * machines where no recorded chain is at hand.
 *
 * Files are NNNNNN.block in the directory given, 000000 being the genesis block; each appears whole or not
 * at all, and none is overwritten. Block sizes and values follow from the seed; signatures and nonces, and
 * with them hashes, differ from run to run. Main thread of a command. */
#ifndef FAMA_BENCH_BLOCKS_H
#define FAMA_BENCH_BLOCKS_H

/* argv[0] is the command's name. Returns an exit status: 0 done, 1 failed, 2 wrong usage. */
int fama_bench_blocks(int argc, char **argv);
extern const char fama_bench_blocks_help[];

#endif
