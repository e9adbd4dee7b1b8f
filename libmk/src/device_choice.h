/* SPDX-License-Identifier: MIT */
/*
 * Which of several devices is taken: by an order, or because somebody asks for one.
 * Knows descriptions of devices, and nothing of Vulkan.
 */
#ifndef MK_SRC_DEVICE_CHOICE_H
#define MK_SRC_DEVICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mk/probe.h>

#define MK_UUID_BYTES	 16
#define MK_UUID_TEXT	 40
#define MK_PCI_TEXT	 16
#define MK_DEVICES_LIMIT 32

struct mk_pci_address {
	uint32_t domain;
	uint32_t bus;
	uint32_t device;
	uint32_t function;
};

struct mk_device_identity {
	char name[256];
	char driver[256]; /* name and version */
	enum mk_device_type type;
	bool is_radv;
	bool has_pci;
	struct mk_pci_address pci;
	dev_t primary; /* DRM nodes; 0: none is known */
	dev_t render;
	char node[64]; /* the path of one, of the render node if there is one; or "" */
	uint8_t uuid[MK_UUID_BYTES];
	char lack[200]; /* "": it fits */
};

enum mk_wish_form {
	MK_WISH_ANY,
	MK_WISH_NAME,
	MK_WISH_PCI,
	MK_WISH_NODE,
	MK_WISH_UUID,
};

/* What somebody asks for. */
struct mk_device_wish {
	enum mk_wish_form form;
	const char *text; /* as it was given; the caller keeps it */
	bool takes_several;
	struct mk_pci_address pci;
	dev_t node;	/* 0: the path is no device's ... */
	int node_error; /* ... for this errno */
	uint8_t uuid[MK_UUID_BYTES];
};

/* Read @text, whose form says what it is.  NULL or "": any device. */
void mk_device_wish_read(const char *text, struct mk_device_wish *wish);

/* The same, with MK_DEVICE's value where @text is NULL or "". */
void mk_device_wish_or_environment(const char *text, struct mk_device_wish *wish);

/* Whether a device is meant; by part of its name as well as by all of it. */
bool mk_device_is_wished(const struct mk_device_identity *device,
			 const struct mk_device_wish *wish);

/* Indices of @devices in the order of preference. */
void mk_devices_order(const struct mk_device_identity *const *devices, uint32_t count,
		      uint32_t order[MK_DEVICES_LIMIT]);

/*
 * The device that has @rank, from 0, among those that are wished for and fit.  Without
 * takes_several all that do have to be one device, of several drivers perhaps.
 *
 * -ENODEV: there is none, -EINVAL: they are not one; the text lists all devices.
 */
int mk_devices_choose(const struct mk_device_identity *const *devices, uint32_t count,
		      const struct mk_device_wish *wish, uint32_t rank, uint32_t *index);

const char *mk_device_type_name(enum mk_device_type type);
/* "0000:03:00.0"; "" when it is not known. */
void mk_device_print_pci(const struct mk_device_identity *device, char text[MK_PCI_TEXT]);
void mk_uuid_print(const uint8_t uuid[MK_UUID_BYTES], char text[MK_UUID_TEXT]);

#endif /* MK_SRC_DEVICE_CHOICE_H */
