// SPDX-License-Identifier: MIT
/* Checks of the machine: what is there to run contexts, and to look at them. */
#include <errno.h>

#include "doctor.h"

void check_attaching(struct examination *examination)
{
	const struct facts *facts = examination->facts;

	/* What else there is was told, and is no fault of the context's. */
	if (facts->attaching != -EPROTO)
		return;
	find(examination, SEVERITY_ERROR,
	     "Use the same version of libmk, of mk.ko and of mkinspect on all sides.  If "
	     "they are the same, the context is damaged: see who has it (mkinspect ctx "
	     "list).",
	     "The context cannot be looked at: %s", facts->attaching_text);
}

void check_module(struct examination *examination)
{
	const struct facts *facts = examination->facts;

	switch (facts->module) {
	case 0:
	case -ENOENT: /* Memfds will do. */
		return;
	case -EACCES:
	case -EPERM:
		find(examination, SEVERITY_WARNING,
		     "Put kmod/70-mk.rules into /etc/udev/rules.d, load the module anew, and "
		     "be a member of the group render; admin-guide/mk.rst has it in "
		     "detail.",
		     "/dev/mk is there, but this user may not open it, so that contexts "
		     "come from memfds: %s",
		     facts->module_text);
		return;
	default:
		find(examination, SEVERITY_WARNING,
		     "Load the mk.ko that belongs to this libmk (dkms status, modprobe -r "
		     "mk, modprobe mk); admin-guide/mk.rst has it in detail.",
		     "/dev/mk is there, but cannot be used: %s", facts->module_text);
	}
}

void check_vulkan(struct examination *examination)
{
	const struct facts *facts = examination->facts;

	if (!facts->vulkan)
		return;
	find(examination, SEVERITY_WARNING,
	     "Install the driver of the device, or a newer one, and see that this user may "
	     "open /dev/dri/renderD* (vulkaninfo --summary shows what there is).  Without a "
	     "GPU Mesa's llvmpipe will do, or the reference executor (--engine=cpu).",
	     "No Vulkan device can run the resident kernel here: %s", facts->vulkan_text);
}
