// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "handlers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/complain.h"

#define SPIRV_MAGIC 0x07230203u
#define ELF_MAGIC   0x464c457fu
/* No kernel is as large. */
#define KERNEL_BYTES_LIMIT (64 << 20)

static int load_kernel(int fd, const char *path, struct mk_engine_options *options,
		       struct handlers *handlers)
{
	struct stat status;
	ssize_t got;

	if (fstat(fd, &status))
		return complain_of(-errno, "cannot read %s: %s", path, strerror(errno));
	if (status.st_size % (off_t)sizeof(uint32_t) ||
	    status.st_size > KERNEL_BYTES_LIMIT)
		return complain_of(-EINVAL,
				   "%s has %lld bytes, which is no kernel of mkcc's",
				   path, (long long)status.st_size);
	handlers->kernel = malloc((size_t)status.st_size);
	if (!handlers->kernel)
		return complain_of(-ENOMEM, "no memory is left for %s", path);
	got = pread(fd, handlers->kernel, (size_t)status.st_size, 0);
	if (got != status.st_size)
		return complain_of(-EIO, "cannot read %s whole", path);
	options->spirv = handlers->kernel;
	options->spirv_bytes = (size_t)status.st_size;
	return 0;
}

static int load_object(const char *path, struct mk_engine_options *options,
		       struct handlers *handlers)
{
	/* Without a slash dlopen() would search elsewhere. */
	char *absolute = realpath(path, NULL);
	const struct mk_handler_entry *entries;
	const mk_handler *ingest;

	handlers->object = dlopen(absolute ? absolute : path, RTLD_NOW | RTLD_LOCAL);
	free(absolute);
	if (!handlers->object)
		return complain_of(-EINVAL, "cannot load %s: %s", path, dlerror());
	entries = dlsym(handlers->object, "mk_handlers");
	if (!entries)
		return complain_of(-EINVAL,
				   "%s does not export mk_handlers; see "
				   "mkinspect-replay(1)",
				   path);
	options->handlers = entries;
	while (entries[options->handler_count].handler)
		options->handler_count++;
	ingest = dlsym(handlers->object, "mk_ingest_handler");
	if (ingest)
		options->ingest = *ingest;
	return 0;
}

static int load_by_magic(int fd, const char *path, struct mk_engine_options *options,
			 struct handlers *handlers)
{
	bool is_vulkan = options->kind == MK_ENGINE_KIND_VULKAN;
	uint32_t magic = 0;

	if (pread(fd, &magic, sizeof(magic), 0) < 0)
		return complain_of(-errno, "cannot read %s: %s", path, strerror(errno));
	if (is_vulkan && magic == SPIRV_MAGIC)
		return load_kernel(fd, path, options, handlers);
	if (!is_vulkan && magic == ELF_MAGIC)
		return load_object(path, options, handlers);
	if (is_vulkan)
		return complain_of(-EINVAL,
				   "%s is no SPIR-V; --engine vulkan needs the "
				   "kernel that mkcc -o has written",
				   path);
	return complain_of(-EINVAL,
			   "%s is no shared object; --engine cpu needs one that "
			   "exports mk_handlers",
			   path);
}

int handlers_load(const char *path, struct mk_engine_options *options,
		  struct handlers *handlers)
{
	int fd, ret;

	*handlers = (struct handlers){ 0 };
	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain_of(-errno, "cannot open %s: %s", path, strerror(errno));
	ret = load_by_magic(fd, path, options, handlers);
	close(fd);
	if (ret)
		handlers_free(handlers);
	return ret;
}

void handlers_free(struct handlers *handlers)
{
	if (handlers->object)
		dlclose(handlers->object);
	free(handlers->kernel);
	*handlers = (struct handlers){ 0 };
}
