// SPDX-License-Identifier: MIT
#include "options.h"

#include <errno.h>
#include <string.h>

#include "error.h"

int mk_options_copy(const char *name, void *known, size_t known_size, const void *options)
{
	size_t size;

	memset(known, 0, known_size);
	if (!options)
		return 0;
	memcpy(&size, options, sizeof(size));
	if (size < sizeof(size))
		return mk_fail(EINVAL, "%s says it has %zu bytes; set .size = sizeof(%s)",
			       name, size, name);
	for (size_t i = known_size; i < size; i++)
		if (((const unsigned char *)options)[i])
			return mk_fail(E2BIG,
				       "%s sets byte %zu, but this library knows only "
				       "%zu; update libmk",
				       name, i, known_size);
	memcpy(known, options, size < known_size ? size : known_size);
	return 0;
}
