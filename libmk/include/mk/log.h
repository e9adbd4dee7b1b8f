/* SPDX-License-Identifier: MIT */
/*
 * Texts of debug records.  A record is a number and three words; its owner registers a
 * format for each number, by which mkinspect prints it.
 *
 * A format is a text of printable ASCII, newlines and tabs, with directives as
 * printf() has them: %u, %d, %x, %X, %o, %c and %%, with flags and a width of at most two
 * digits.  Each but %% takes the next of the record's three words.  There are no strings:
 * a record has no room for any, and whoever prints it need not trust who wrote the format.
 *
 * Functions return 0 or a negative errno with a text in mk_error_text(), unless said
 * otherwise.
 */
#ifndef MK_LOG_H
#define MK_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Words of a record behind its number. */
#define MK_LOG_ARGS (MK_LOG_RECORD_WORDS - 1)
/* A context has no more formats. */
#define MK_LOG_FORMATS_LIMIT 4096u
/* A format's bytes, with the zero that ends it. */
#define MK_LOG_FORMAT_BYTES 1024u
/* Bytes of all of a context's, as lines (mk_context_open_formats()). */
#define MK_LOG_FORMATS_BYTES (1u << 20)

struct mk_log_format {
	uint32_t number; /* a record's first word */
	const char *text;
};

/* mk_log_format_check() - what is wrong with a format, in words; NULL: nothing. */
MK_PUBLIC const char *mk_log_format_check(const char *text);

/**
 * mk_log_format_print() - a record's words as text
 * @format: as above; one that mk_log_format_check() refuses is printed as far as it is good
 * @args: the record's words behind its number
 * @text: receives it, ended by a zero; what does not fit is cut off
 * @bytes: of @text, at least 1
 *
 * All of it is printable: newlines and tabs become spaces, what %c prints is a '?' where it
 * is not printable.
 */
MK_PUBLIC void mk_log_format_print(const char *format, const uint32_t args[MK_LOG_ARGS],
				   char *text, size_t bytes);

/**
 * mk_context_register_formats() - say what debug records mean, to who looks from outside
 * @context: of its owner (-EACCES)
 * @formats: one for each number; copied
 * @count: at most MK_LOG_FORMATS_LIMIT; 0 takes back what was registered
 *
 * They replace those that were registered before, also for who looks already.  Numbers
 * from 0xffff0000 on are the library's own; a format for one replaces what mkinspect says.
 *
 * They are kept in a sealed memfd of this process, not in the context: they go when the
 * context is closed or this process ends, and neither a snapshot nor a producer has them.
 * Any thread may call this at any time, but not together with mk_context_close().
 *
 * -EINVAL: a format that mk_log_format_check() refuses, or a number that is there twice
 * -E2BIG: too many, one of MK_LOG_FORMAT_BYTES or more, or more than MK_LOG_FORMATS_BYTES
 * -ENOMEM, or the system's error; what was registered before is kept, as with the others
 */
MK_PUBLIC int mk_context_register_formats(struct mk_context *context,
					  const struct mk_log_format *formats,
					  size_t count);

/**
 * mk_context_open_formats() - what a context's owner has registered
 * @context: in any role, also one from a socket
 *
 * Looks for the owner's memfd as mk_context_holders() looks for holders, with the same
 * rights and at the same price.  With mk.ko it is in the process that made the context,
 * else in one that has the context's cq.  What is in the file is its writer's, and to be
 * checked like anything else that comes from another process: lines of a number, a space
 * and the format in double quotes, where a backslash stands before a quote or a backslash,
 * and \n and \t are what they are in C:
 *
 *   0x10 "block %u has %u matches"
 *
 * A look at the moment in which others are registered may find none.
 *
 * Return: a descriptor, close-on-exec, the caller's to close, of a file of at most
 * MK_LOG_FORMATS_BYTES that nobody can change any more; or
 * -ENOENT: nothing is registered, or the owner's process may not be looked into
 * -EPROTO: a file has the right name, but can still be changed, or is too large
 * or the system's error
 */
MK_PUBLIC int mk_context_open_formats(const struct mk_context *context);

#ifdef __cplusplus
}
#endif

#endif /* MK_LOG_H */
