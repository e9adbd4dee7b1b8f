// SPDX-License-Identifier: MIT
#include "find_kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "error.h"

#define ATTACHMENTS_AT_A_TIME 64

int mk_kmod_list(void (*take)(const struct mk_attachment *attachment, void *data),
		 void *data)
{
	struct mk_attachment attachments[ATTACHMENTS_AT_A_TIME];
	struct mk_ioctl_list request = {
		.attachments = (uintptr_t)attachments,
		.stride = sizeof(attachments[0]),
	};
	int device = open("/dev/mk", O_RDWR | O_CLOEXEC);
	int ret = 0;

	if (device < 0)
		return 0;
	do {
		request.count = ATTACHMENTS_AT_A_TIME;
		if (ioctl(device, MK_IOCTL_LIST, &request)) {
			ret = mk_fail(errno, "mk.ko cannot list its contexts: %s",
				      strerror(errno));
			break;
		}
		for (uint32_t i = 0; i < request.count; i++)
			take(&attachments[i], data);
	} while (request.count);
	close(device);
	return ret;
}
