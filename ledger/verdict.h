/* The names of all reasons for which a block is refused. The name is the return code, the counter
 * and the word in the log; this table is their only source. Checks run in the order of the table,
 * but for a first entry that is no envelope at all: such a block names no channel and is called not
 * well-formed. Running out of memory is none of them: it says nothing about the block. */
#ifndef FAMA_LEDGER_VERDICT_H
#define FAMA_LEDGER_VERDICT_H

/* X(symbol, name, words) */
#define FAMA_BLOCK_REFUSALS(X)                                                                     \
    X(MALFORMED, "block_malformed", "does not decode as a block: truncated or damaged")            \
    X(WRONG_NUMBER, "block_wrong_number", "its header carries another number than claimed")        \
    X(WRONG_CHANNEL, "block_wrong_channel", "its first transaction does not name this channel")    \
    X(NO_METADATA, "block_no_metadata", "its signature metadata is missing or does not decode")    \
    X(NOT_WELL_FORMED, "block_not_well_formed",                                                    \
      "a transaction's envelope is empty, unsigned or not canonical (cross-linked block)")         \
    X(DATA_HASH, "block_data_hash", "its transactions do not hash to the header's data hash")      \
    X(PREVIOUS_HASH, "block_previous_hash", "it does not follow the last committed block")         \
    X(UNKNOWN_SIGNER, "block_unknown_signer",                                                      \
      "its signers are not those whom policy BlockValidation asks for")                            \
    X(BAD_SIGNATURE, "block_bad_signature", "its orderer signatures do not verify")

enum fama_block_refusal {
    FAMA_BLOCK_NO_MEMORY =
        -1, /* it was not judged: nobody is to blame, and it may be judged later */
    FAMA_BLOCK_ACCEPTED = 0,
#define FAMA_BLOCK_REFUSAL_ENUM(symbol, name, words) FAMA_BLOCK_##symbol,
    FAMA_BLOCK_REFUSALS(FAMA_BLOCK_REFUSAL_ENUM)
#undef FAMA_BLOCK_REFUSAL_ENUM
        FAMA_BLOCK_REFUSAL_COUNT
};

const char *fama_block_refusal_name(enum fama_block_refusal refusal);
const char *fama_block_refusal_words(enum fama_block_refusal refusal);

#endif
