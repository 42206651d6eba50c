/* Pieces of assembly for multiplication in four limbs with BMI2 and ADX: two carry chains at once, one in
 * CF and one in OF, which compilers do not keep. Only for crypto/p256_field_64.h and
 * crypto/p256_order_64.h, whose statements put them together.
 *
 * Operands that a statement names: limb_0 … limb_7, low and high (registers, "=&r"), a and b (pointers to
 * limbs, "+&r"); rdx, flags and memory are clobbered. That is 13 registers, all that there are beside the
 * stack's and the frame's: operands that name the memory at a and b would want one more each, so all memory
 * is named instead. */
#ifndef FAMA_CRYPTO_P256_LIMBS_ADX_H
#define FAMA_CRYPTO_P256_LIMBS_ADX_H

#if defined(__x86_64__) && defined(__BMI2__) && defined(__ADX__)

#define FAMA_P256_HAS_ADX 1

/* Adds rdx times the four limbs at a to `at_0` … `at_4`, of which the last is overwritten, not added to,
 * and may be the first where that is known to become 0: low halves by the chain in CF, high halves by that
 * in OF. The sum has to fit. */
#define FAMA_P256_ADD_ROW(at_0, at_1, at_2, at_3, at_4)                                            \
    "xorl %k[low], %k[low]\n\t"                                                                    \
    "mulxq 0(%[a]), %[low], %[high]\n\t"                                                           \
    "adcxq %[low], " at_0 "\n\t"                                                                   \
    "adoxq %[high], " at_1 "\n\t"                                                                  \
    "mulxq 8(%[a]), %[low], %[high]\n\t"                                                           \
    "adcxq %[low], " at_1 "\n\t"                                                                   \
    "adoxq %[high], " at_2 "\n\t"                                                                  \
    "mulxq 16(%[a]), %[low], %[high]\n\t"                                                          \
    "adcxq %[low], " at_2 "\n\t"                                                                   \
    "adoxq %[high], " at_3 "\n\t"                                                                  \
    "mulxq 24(%[a]), %[low], " at_4 "\n\t"                                                         \
    "movl $0, %k[high]\n\t"                                                                        \
    "adcxq %[low], " at_3 "\n\t"                                                                   \
    "adoxq %[high], " at_4 "\n\t"                                                                  \
    "adcxq %[high], " at_4 "\n\t"

/* The same with the limb of b at that offset in bytes for rdx. */
#define FAMA_P256_ADD_ROW_OF(offset, at_0, at_1, at_2, at_3, at_4)                                 \
    "movq " offset "(%[b]), %%rdx\n\t" FAMA_P256_ADD_ROW(at_0, at_1, at_2, at_3, at_4)

/* limb_0 … limb_4 = a times the lowest limb of b. */
#define FAMA_P256_FIRST_ROW                                                                        \
    "movq 0(%[b]), %%rdx\n\t"                                                                      \
    "mulxq 0(%[a]), %[limb_0], %[limb_1]\n\t"                                                      \
    "mulxq 8(%[a]), %[low], %[limb_2]\n\t"                                                         \
    "addq %[low], %[limb_1]\n\t"                                                                   \
    "mulxq 16(%[a]), %[low], %[limb_3]\n\t"                                                        \
    "adcq %[low], %[limb_2]\n\t"                                                                   \
    "mulxq 24(%[a]), %[low], %[limb_4]\n\t"                                                        \
    "adcq %[low], %[limb_3]\n\t"                                                                   \
    "adcq $0, %[limb_4]\n\t"

/* limb_0 … limb_7 = a · b. */
#define FAMA_P256_PRODUCT                                                                          \
    FAMA_P256_FIRST_ROW                                                                            \
    FAMA_P256_ADD_ROW_OF("8", "%[limb_1]", "%[limb_2]", "%[limb_3]", "%[limb_4]", "%[limb_5]")     \
    FAMA_P256_ADD_ROW_OF("16", "%[limb_2]", "%[limb_3]", "%[limb_4]", "%[limb_5]", "%[limb_6]")    \
    FAMA_P256_ADD_ROW_OF("24", "%[limb_3]", "%[limb_4]", "%[limb_5]", "%[limb_6]", "%[limb_7]")

/* limb_0 … limb_3 = limb_0 … limb_3 + limb_4 … limb_7, less the modulus at a if that leaves no less than 0.
 * The sum has to be below twice the modulus. */
#define FAMA_P256_ADD_HALVES                                                                       \
    "addq %[limb_4], %[limb_0]\n\t"                                                                \
    "adcq %[limb_5], %[limb_1]\n\t"                                                                \
    "adcq %[limb_6], %[limb_2]\n\t"                                                                \
    "adcq %[limb_7], %[limb_3]\n\t"                                                                \
    "sbbq %[low], %[low]\n\t"                                                                      \
    "movq %[limb_0], %[limb_4]\n\t"                                                                \
    "movq %[limb_1], %[limb_5]\n\t"                                                                \
    "movq %[limb_2], %[limb_6]\n\t"                                                                \
    "movq %[limb_3], %[limb_7]\n\t"                                                                \
    "subq 0(%[a]), %[limb_4]\n\t"                                                                  \
    "sbbq 8(%[a]), %[limb_5]\n\t"                                                                  \
    "sbbq 16(%[a]), %[limb_6]\n\t"                                                                 \
    "sbbq 24(%[a]), %[limb_7]\n\t"                                                                 \
    "sbbq $0, %[low]\n\t"                                                                          \
    "cmovncq %[limb_4], %[limb_0]\n\t"                                                             \
    "cmovncq %[limb_5], %[limb_1]\n\t"                                                             \
    "cmovncq %[limb_6], %[limb_2]\n\t"                                                             \
    "cmovncq %[limb_7], %[limb_3]\n\t"

#endif

#endif
