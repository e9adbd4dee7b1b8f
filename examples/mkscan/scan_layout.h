/* SPDX-License-Identifier: MIT */
/*
 * What the scan opcode and the host agree on: its arguments and the automaton's
 * form in the arena.  Plain #defines, for C and for GLSL.
 *
 * The automaton begins at the arena's first word.  A state is known by a
 * reference: the word where it begins, and flags.  It has one of two forms:
 *
 *   dense   256 references, one for each byte: where that byte leads.
 *   sparse  two words: a byte with the reference that it leads to, and the
 *           reference of the state that judges every other byte in its place.
 *           The byte is in the top four bits of both, low half first.
 *
 * A state with SCAN_REF_OUTPUT has one more word, before its first: the index of
 * the pattern that ends there, the longest one if there are several.
 */
#ifndef SCAN_LAYOUT_H
#define SCAN_LAYOUT_H

#define SCAN_OPCODE 0x100u

/* Arguments.  The first two are the handler's state and move on. */
#define SCAN_ARG_POSITION   0 /* the next byte to scan, by its address in the arena */
#define SCAN_ARG_STATE	    1 /* reference of the state before that byte */
#define SCAN_ARG_END	    2 /* address behind the last byte */
#define SCAN_ARG_COUNT_FROM 3 /* a match that ends before this address is not counted */
#define SCAN_ARG_COUNTERS   4 /* first word of the counters */
/*
 * For a text that is still in a file: the slot asks for it before it scans.  All are 0
 * for a text that is in the arena already.
 */
#define SCAN_ARG_OUTCOME     5 /* word that receives why it could not be read */
#define SCAN_ARG_FILE	     6 /* handle of the file */
#define SCAN_ARG_BLOCK	     7 /* handle of the arena's block that it is read into */
#define SCAN_ARG_OFFSET_LOW  8 /* in the file */
#define SCAN_ARG_OFFSET_HIGH 9
#define SCAN_ARG_TO_READ     10 /* bytes; 0 once they are there */
#define SCAN_ARG_COUNT	     11

/* A counter is 64 bits in two words, the low one first. */
#define SCAN_COUNTER_WORDS 2u

/* References. */
#define SCAN_REF_WORD	  0x01ffffffu /* where the state begins */
#define SCAN_REF_SPARSE	  0x02000000u
#define SCAN_REF_OUTPUT	  0x04000000u
#define SCAN_REF_BITS	  0x0fffffffu /* all of a reference */
#define SCAN_BYTE_SHIFT	  28u

#define SCAN_ROOT	  0u /* the root is dense and begins the automaton */
#define SCAN_DENSE_WORDS  256u
#define SCAN_SPARSE_WORDS 2u

#endif /* SCAN_LAYOUT_H */
