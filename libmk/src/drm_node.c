// SPDX-License-Identifier: MIT
#include "drm_node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xf86drm.h>

#include "error.h"

static dev_t number_of(const drmDevice *device, int type)
{
	struct stat status;

	if (!(device->available_nodes & 1 << type) ||
	    stat(device->nodes[type], &status) || !S_ISCHR(status.st_mode))
		return 0;
	return status.st_rdev;
}

static void take_over(const drmDevice *device, struct mk_device_identity *identity)
{
	int type = device->available_nodes & 1 << DRM_NODE_RENDER ? DRM_NODE_RENDER :
								    DRM_NODE_PRIMARY;

	if (device->available_nodes & 1 << type)
		snprintf(identity->node, sizeof(identity->node), "%s",
			 device->nodes[type]);
	if (!identity->primary)
		identity->primary = number_of(device, DRM_NODE_PRIMARY);
	if (!identity->render)
		identity->render = number_of(device, DRM_NODE_RENDER);
	if (identity->has_pci || device->bustype != DRM_BUS_PCI)
		return;
	identity->has_pci = true;
	identity->pci = (struct mk_pci_address){
		.domain = device->businfo.pci->domain,
		.bus = device->businfo.pci->bus,
		.device = device->businfo.pci->dev,
		.function = device->businfo.pci->func,
	};
}

void mk_drm_complete(struct mk_device_identity *identity)
{
	dev_t known = identity->render ? identity->render : identity->primary;
	drmDevicePtr device;

	if (!known || drmGetDeviceFromDevId(known, 0, &device))
		return;
	take_over(device, identity);
	drmFreeDevice(&device);
}

static const char *advice(int error)
{
	return error == EACCES || error == EPERM ?
		       "; become a member of the group that ls -l shows for it, "
		       "as render" :
		       "";
}

int mk_drm_open(const struct mk_device_identity *identity)
{
	struct stat status;
	int fd;

	if (!*identity->node)
		return mk_fail(ENODEV, "%s has no DRM node", identity->name);
	fd = open(identity->node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return mk_fail(errno, "cannot open %s: %s%s", identity->node,
			       strerror(errno), advice(errno));
	/* The path was looked up before; what is opened is what counts. */
	if (!fstat(fd, &status) &&
	    (status.st_rdev == identity->render || status.st_rdev == identity->primary) &&
	    drmGetNodeTypeFromFd(fd) >= 0)
		return fd;
	close(fd);
	return mk_fail(ENODEV, "%s is not a DRM node of %s any more", identity->node,
		       identity->name);
}
