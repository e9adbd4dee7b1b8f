/* SPDX-License-Identifier: MIT */
/* Arguments of the operations in read_opcode.glsl; C and GLSL. */
#ifndef MKBENCH_READ_LAYOUT_H
#define MKBENCH_READ_LAYOUT_H

/* Reads a file piece by piece, into the same range each time. */
#define OP_READ_CHAIN	0x200u
#define READ_ARG_LEFT	0u /* pieces */
#define READ_ARG_FILE	1u /* handles */
#define READ_ARG_RANGE	2u
#define READ_ARG_TO	3u /* the arena word at which that range begins */
#define READ_ARG_BYTES	4u /* of a piece */
#define READ_ARG_OFFSET 5u /* of the next piece, bytes */
#define READ_ARG_STRIDE 6u /* to the one after it */
#define READ_ARG_MASK	7u /* of offsets, which go round the file */
#define READ_ARG_SUM	8u /* of what was read, 0 at first */
#define READ_ARG_CHECK	9u /* what it is to be at the end */
#define READ_ARGS	10u

/* The sum with the first and the last word of one more piece. */
#define READ_ADD(sum, first, last) (((sum)*31u + (first)) * 31u + (last))

/* Compares words of the arena. */
#define OP_COMPARE	 0x201u
#define COMPARE_ARG_A	 0u
#define COMPARE_ARG_B	 1u
#define COMPARE_ARG_LEFT 2u
#define COMPARE_ARGS	 3u

#endif /* MKBENCH_READ_LAYOUT_H */
