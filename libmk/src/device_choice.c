// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "device_choice.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "error.h"

/* Texts ----------------------------------------------------------------------- */

const char *mk_device_type_name(enum mk_device_type type)
{
	switch (type) {
	case MK_DEVICE_DISCRETE:
		return "discrete GPU";
	case MK_DEVICE_INTEGRATED:
		return "integrated GPU";
	case MK_DEVICE_VIRTUAL:
		return "virtual GPU";
	case MK_DEVICE_CPU:
		return "CPU";
	case MK_DEVICE_OTHER:
		break;
	}
	return "other device";
}

void mk_device_print_pci(const struct mk_device_identity *device, char text[MK_PCI_TEXT])
{
	const struct mk_pci_address *pci = &device->pci;

	*text = '\0';
	if (device->has_pci)
		snprintf(text, MK_PCI_TEXT, "%04x:%02x:%02x.%x", pci->domain,
			 pci->bus & 0xff, pci->device & 0x1f, pci->function & 7);
}

void mk_uuid_print(const uint8_t uuid[MK_UUID_BYTES], char text[MK_UUID_TEXT])
{
	for (uint32_t i = 0; i < MK_UUID_BYTES; i++)
		text += sprintf(text, "%s%02x",
				i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				uuid[i]);
}

/* What somebody asks for -------------------------------------------------------- */

static bool read_pci(const char *text, struct mk_pci_address *pci)
{
	struct mk_pci_address read = { .domain = 0 };
	int end = 0;

	/* sscanf() would take signs and spaces. */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &read.domain, &read.bus, &read.device,
		   &read.function, &end) != 4) {
		read.domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &read.bus, &read.device, &read.function,
			   &end) != 3)
			return false;
	}
	*pci = read;
	return !text[end];
}

static bool read_uuid(const char *text, uint8_t uuid[MK_UUID_BYTES])
{
	uint32_t digits = 0;

	for (; *text; text++) {
		static const char values[] = "0123456789abcdef";
		const char *value;

		if (*text == '-' && digits && text[-1] != '-')
			continue;
		value = strchr(values, tolower((unsigned char)*text));
		if (!value || digits == 2 * MK_UUID_BYTES)
			return false;
		uuid[digits / 2] =
			(uint8_t)(uuid[digits / 2] << 4 | (uint8_t)(value - values));
		digits++;
	}
	return digits == 2 * MK_UUID_BYTES;
}

static bool read_numbers(const char *text, dev_t *node)
{
	unsigned int major_number, minor_number;
	int end = 0;

	if (text[strspn(text, "0123456789:")] ||
	    sscanf(text, "%9u:%9u%n", &major_number, &minor_number, &end) != 2 ||
	    text[end])
		return false;
	*node = makedev(major_number, minor_number);
	return true;
}

static bool read_path(const char *text, struct mk_device_wish *wish)
{
	struct stat status;

	if (strncmp(text, "/dev/", strlen("/dev/")))
		return false;
	/* Also by a link, as in /dev/dri/by-path. */
	if (stat(text, &status))
		wish->node_error = errno;
	else if (!S_ISCHR(status.st_mode))
		wish->node_error = ENOTTY;
	else
		wish->node = status.st_rdev;
	return true;
}

void mk_device_wish_read(const char *text, struct mk_device_wish *wish)
{
	*wish = (struct mk_device_wish){ .text = text };
	if (!text || !*text)
		wish->form = MK_WISH_ANY;
	else if (read_path(text, wish) || read_numbers(text, &wish->node))
		wish->form = MK_WISH_NODE;
	else if (read_pci(text, &wish->pci))
		wish->form = MK_WISH_PCI;
	else if (read_uuid(text, wish->uuid))
		wish->form = MK_WISH_UUID;
	else
		wish->form = MK_WISH_NAME;
}

void mk_device_wish_or_environment(const char *text, struct mk_device_wish *wish)
{
	mk_device_wish_read(text && *text ? text : getenv("MK_DEVICE"), wish);
}

static bool same_pci(const struct mk_pci_address *a, const struct mk_pci_address *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
	       a->function == b->function;
}

bool mk_device_is_wished(const struct mk_device_identity *device,
			 const struct mk_device_wish *wish)
{
	switch (wish->form) {
	case MK_WISH_ANY:
		return true;
	case MK_WISH_NAME:
		return strstr(device->name, wish->text);
	case MK_WISH_PCI:
		return device->has_pci && same_pci(&device->pci, &wish->pci);
	case MK_WISH_NODE:
		return wish->node &&
		       (device->render == wish->node || device->primary == wish->node);
	case MK_WISH_UUID:
		return !memcmp(device->uuid, wish->uuid, sizeof(device->uuid));
	}
	return false;
}

/* Order ------------------------------------------------------------------------- */

/* The lower, the rather: by type, and of a type first what RADV drives. */
static unsigned int preference(const struct mk_device_identity *device)
{
	return 2 * (unsigned int)device->type + !device->is_radv;
}

/* Those that are alike stay as the Vulkan loader has them. */
void mk_devices_order(const struct mk_device_identity *const *devices, uint32_t count,
		      uint32_t order[MK_DEVICES_LIMIT])
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = i;

		for (; place &&
		       preference(devices[order[place - 1]]) > preference(devices[i]);
		     place--)
			order[place] = order[place - 1];
		order[place] = i;
	}
}

/* Choice ------------------------------------------------------------------------ */

static size_t list_device(const struct mk_device_identity *device, char *text,
			  size_t bytes)
{
	char pci[MK_PCI_TEXT], uuid[MK_UUID_TEXT];
	int length;

	mk_device_print_pci(device, pci);
	mk_uuid_print(device->uuid, uuid);
	length = snprintf(text, bytes, "\n    %.100s: %s, %.80s, %s, %s, UUID %s; %s%s",
			  device->name, mk_device_type_name(device->type), device->driver,
			  *pci ? pci : "no PCI address",
			  *device->node ? device->node : "no DRM node", uuid,
			  *device->lack ? "lacks " : "fits", device->lack);
	return length < 0 ? 0 : (size_t)length;
}

/* @text gets what there is of it. */
static void list_devices(const struct mk_device_identity *const *devices, uint32_t count,
			 char *text, size_t bytes)
{
	uint32_t order[MK_DEVICES_LIMIT];
	size_t used = 0;

	*text = '\0';
	mk_devices_order(devices, count, order);
	for (uint32_t i = 0; i < count && used < bytes; i++)
		used += list_device(devices[order[i]], text + used, bytes - used);
}

static int tell_none(const struct mk_device_identity *const *devices, uint32_t count,
		     const struct mk_device_wish *wish)
{
	char list[3000];

	list_devices(devices, count, list, sizeof(list));
	if (wish->form == MK_WISH_ANY)
		return mk_fail(ENODEV,
			       "none of %u Vulkan devices fits; install "
			       "mesa-vulkan-drivers for lavapipe%s",
			       count, list);
	return mk_fail(ENODEV,
		       "\"%s\"%s%s%s is none of the %u Vulkan devices that fits; ask by "
		       "part of a name, a PCI address, a DRM node or a UUID for one of%s",
		       wish->text, wish->node_error ? " (" : "",
		       wish->node_error ? strerror(wish->node_error) : "",
		       wish->node_error ? ")" : "", count, list);
}

static int tell_several(const struct mk_device_identity *const *devices, uint32_t count,
			const struct mk_device_wish *wish)
{
	char list[3000];

	list_devices(devices, count, list, sizeof(list));
	return mk_fail(
		EINVAL,
		"\"%s\" is several Vulkan devices; ask by a PCI address, a DRM node "
		"or a UUID for one of%s",
		wish->text, list);
}

/* Of one GPU that two drivers know either will do. */
static bool are_one(const struct mk_device_identity *a,
		    const struct mk_device_identity *b)
{
	if (a->has_pci && b->has_pci)
		return same_pci(&a->pci, &b->pci);
	return !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}

static bool has_name(const struct mk_device_identity *device,
		     const struct mk_device_wish *wish)
{
	return wish->form == MK_WISH_NAME && !strcmp(device->name, wish->text);
}

/* Who writes a whole name does not mean those that have more behind it. */
static uint32_t list_candidates(const struct mk_device_identity *const *devices,
				uint32_t count, const struct mk_device_wish *wish,
				uint32_t candidates[MK_DEVICES_LIMIT])
{
	uint32_t order[MK_DEVICES_LIMIT];
	uint32_t found = 0;
	bool by_whole_name = false;

	for (uint32_t i = 0; i < count; i++)
		by_whole_name |= has_name(devices[i], wish);
	mk_devices_order(devices, count, order);
	for (uint32_t i = 0; i < count; i++) {
		const struct mk_device_identity *device = devices[order[i]];

		if (!*device->lack && mk_device_is_wished(device, wish) &&
		    (!by_whole_name || has_name(device, wish)))
			candidates[found++] = order[i];
	}
	return found;
}

int mk_devices_choose(const struct mk_device_identity *const *devices, uint32_t count,
		      const struct mk_device_wish *wish, uint32_t rank, uint32_t *index)
{
	uint32_t candidates[MK_DEVICES_LIMIT];
	uint32_t found = list_candidates(devices, count, wish, candidates);
	bool must_be_one = wish->form != MK_WISH_ANY && !wish->takes_several;

	for (uint32_t i = 1; must_be_one && i < found; i++)
		if (!are_one(devices[candidates[0]], devices[candidates[i]]))
			return tell_several(devices, count, wish);
	if (rank >= found)
		return tell_none(devices, count, wish);
	*index = candidates[rank];
	return 0;
}
