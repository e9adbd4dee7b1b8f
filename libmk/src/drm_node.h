/* SPDX-License-Identifier: MIT */
/* The DRM nodes of a device, by libdrm. */
#ifndef MK_SRC_DRM_NODE_H
#define MK_SRC_DRM_NODE_H

#include "device_choice.h"

/*
 * From one DRM node, which a device's driver has told, to what it did not: the other
 * node, their path, and the PCI address.  What the system does not know stays as it is.
 */
void mk_drm_complete(struct mk_device_identity *identity);

/*
 * Open the device's render node, or its primary one where it has no other.  Returns a
 * descriptor, close-on-exec, or a negative errno.
 */
int mk_drm_open(const struct mk_device_identity *identity);

#endif /* MK_SRC_DRM_NODE_H */
